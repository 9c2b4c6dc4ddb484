/* model_txn.c - see model_txn.h.
 *
 * An operation inside a transaction is predicted by its own row, on a model that is for that long
 * what the transaction sees: its snapshot, and over it its writes as versions with the number and the
 * time 0. What it reads follows from what the row says.
 *
 *   operation                         sees                     reads
 *   kv.get, event.read and so on      snapshot and own writes  the key
 *   listings                          the same                 from their begin to where they stopped
 *   kv.delete, kv.cas, memory.forget  the same                 the key
 *   kv.get_many, kv.delete_many       the same                 each key
 *   kv.incr, event.append, state.set  the same                 nothing: they are decided at the commit
 *   trace.record                      the same                 its id, and its parent
 *   edge.put                          the same                 nothing
 *   json.get, json.set and so on      the same                 regions of the document (op_json.c)
 *   json.list                         the same                 the range, and each document
 *   memory.recall                     snapshot                 nothing
 *   as_of, histories, event.verify    what is committed        nothing
 * Walks (trace.tree, edge.in, edge.traverse) read much; here they are not made part of any.
 * A read that an own write answers is none, but where that write is decided at the commit. When a value
 * ends is decided when it is put; that it has ended meanwhile is no change.
 *
 * A commit conflicts when a key that was read, or any key in a range that was read, has a version
 * above the snapshot; under snapshot isolation only keys count that it writes, too, and of ranges not
 * those whose write is decided at the commit.
 * A region of a document that was read, and under snapshot isolation one that was changed, conflicts with a
 * version that has put another document in its place or changed a region that it meets. A range of
 * documents conflicts with those that came or went; whether also with one that was changed is up to when
 * the core writes it whole again.
 */
#include "model_txn.h"

#include "base/bytes.h"

/* ---- What operations read -------------------------------------------------------------------- */

typedef enum sight {
    SEES_OWN,
    SEES_SNAPSHOT,
    SEES_COMMITTED,
} sight;

typedef enum touch {
    READS_NOTHING,
    READS_KEY,
    READS_KEYS,
    READS_EVENT,
    READS_RANGE,
    READS_TRACE,
    READS_EDGE,
    READS_PARTS, /* what the row has noted */
} touch;

typedef struct manner {
    const char *name;
    sight sight;
    touch touch;
    model_kind kind;
    model_fate rule; /* of its write */
} manner;

/* Operations that take part; the others are never made part of a transaction. */
static const manner manners[] = {
    {"kv.put", SEES_OWN, READS_NOTHING, MODEL_KV, AS_IT_IS},
    {"kv.delete", SEES_OWN, READS_KEY, MODEL_KV, AS_IT_IS},
    {"kv.incr", SEES_OWN, READS_NOTHING, MODEL_KV, ADDS},
    {"kv.cas", SEES_OWN, READS_KEY, MODEL_KV, AS_IT_IS},
    {"kv.get", SEES_OWN, READS_KEY, MODEL_KV, AS_IT_IS},
    {"kv.exists", SEES_OWN, READS_KEY, MODEL_KV, AS_IT_IS},
    {"kv.get_many", SEES_OWN, READS_KEYS, MODEL_KV, AS_IT_IS},
    {"kv.put_many", SEES_OWN, READS_NOTHING, MODEL_KV, AS_IT_IS},
    {"kv.delete_many", SEES_OWN, READS_KEYS, MODEL_KV, AS_IT_IS},
    {"kv.list", SEES_OWN, READS_RANGE, MODEL_KV, AS_IT_IS},
    {"kv.count", SEES_OWN, READS_RANGE, MODEL_KV, AS_IT_IS},
    {"kv.history", SEES_COMMITTED, READS_NOTHING, MODEL_KV, AS_IT_IS},
    {"event.append", SEES_OWN, READS_NOTHING, MODEL_EVENT, APPENDS},
    {"event.read", SEES_OWN, READS_EVENT, MODEL_EVENT, AS_IT_IS},
    {"event.range", SEES_OWN, READS_RANGE, MODEL_EVENT, AS_IT_IS},
    {"event.head", SEES_OWN, READS_RANGE, MODEL_EVENT, AS_IT_IS},
    {"event.count", SEES_OWN, READS_RANGE, MODEL_EVENT, AS_IT_IS},
    {"event.types", SEES_OWN, READS_RANGE, MODEL_EVENT, AS_IT_IS},
    {"event.verify", SEES_COMMITTED, READS_NOTHING, MODEL_EVENT, AS_IT_IS},
    {"json.create", SEES_OWN, READS_PARTS, MODEL_JSON, EDITS},
    {"json.get", SEES_OWN, READS_PARTS, MODEL_JSON, EDITS},
    {"json.exists", SEES_OWN, READS_PARTS, MODEL_JSON, EDITS},
    {"json.set", SEES_OWN, READS_PARTS, MODEL_JSON, EDITS},
    {"json.cas", SEES_OWN, READS_PARTS, MODEL_JSON, EDITS},
    {"json.delete", SEES_OWN, READS_PARTS, MODEL_JSON, EDITS},
    {"json.destroy", SEES_OWN, READS_PARTS, MODEL_JSON, EDITS},
    {"json.patch", SEES_OWN, READS_PARTS, MODEL_JSON, EDITS},
    {"json.merge", SEES_OWN, READS_PARTS, MODEL_JSON, EDITS},
    {"json.list", SEES_OWN, READS_RANGE, MODEL_JSON, EDITS},
    {"json.count", SEES_OWN, READS_RANGE, MODEL_JSON, EDITS},
    {"json.history", SEES_COMMITTED, READS_NOTHING, MODEL_JSON, EDITS},
    {"memory.remember", SEES_OWN, READS_NOTHING, MODEL_MEMORY, AS_IT_IS},
    {"memory.forget", SEES_OWN, READS_KEY, MODEL_MEMORY, AS_IT_IS},
    {"memory.get", SEES_OWN, READS_KEY, MODEL_MEMORY, AS_IT_IS},
    {"memory.list", SEES_OWN, READS_RANGE, MODEL_MEMORY, AS_IT_IS},
    {"memory.recall", SEES_SNAPSHOT, READS_NOTHING, MODEL_MEMORY, AS_IT_IS},
    {"state.init", SEES_OWN, READS_KEY, MODEL_STATE, AS_IT_IS},
    {"state.set", SEES_OWN, READS_NOTHING, MODEL_STATE, COUNTS},
    {"state.cas", SEES_OWN, READS_KEY, MODEL_STATE, AS_IT_IS},
    {"state.delete", SEES_OWN, READS_KEY, MODEL_STATE, AS_IT_IS},
    {"state.read", SEES_OWN, READS_KEY, MODEL_STATE, AS_IT_IS},
    {"state.list", SEES_OWN, READS_RANGE, MODEL_STATE, AS_IT_IS},
    {"state.history", SEES_COMMITTED, READS_NOTHING, MODEL_STATE, AS_IT_IS},
    {"trace.record", SEES_OWN, READS_TRACE, MODEL_TRACE, AS_IT_IS},
    {"trace.get", SEES_OWN, READS_KEY, MODEL_TRACE, AS_IT_IS},
    {"trace.list", SEES_OWN, READS_RANGE, MODEL_TRACE, AS_IT_IS},
    {"edge.put", SEES_OWN, READS_NOTHING, MODEL_EDGE, AS_IT_IS},
    {"edge.delete", SEES_OWN, READS_EDGE, MODEL_EDGE, AS_IT_IS},
    {"edge.get", SEES_OWN, READS_EDGE, MODEL_EDGE, AS_IT_IS},
    {"edge.out", SEES_OWN, READS_RANGE, MODEL_EDGE, AS_IT_IS},
};

static const manner *manner_of(const op *o) {
    for (size_t i = 0; i < sizeof manners / sizeof manners[0]; i++) {
        if (strcmp(manners[i].name, o->kind->name) == 0) {
            return &manners[i];
        }
    }
    return NULL;
}

bool model_txn_knows(const op *o) {
    return manner_of(o) != NULL;
}

static bool is_txn_operation(const op *o) {
    return strncmp(o->kind->name, "txn.", 4) == 0;
}

bool op_commits(const op *o) {
    return o->kind->writes && (o->txn == 0 || is_txn_operation(o));
}

static sight sight_of(const op *o) {
    const bool past = o->as_of != UINT64_MAX || o->as_of_us != 0;
    return past ? SEES_COMMITTED : manner_of(o)->sight;
}

/* ---- Own writes ------------------------------------------------------------------------------ */

uint64_t model_txn_writes(const model_txn *txn) {
    return txn->own == NULL ? 0 : txn->own->place + 1;
}

static const model_own *find_own(const model_txn *txn, model_kind kind, strata_slice key) {
    const model_own *own = txn->own;
    while (own != NULL && (own->write.kind != kind || !st_slice_equal(own->write.key, key))) {
        own = own->older;
    }
    return own;
}

/* The last one of each key, in the order of writes; returns how many. */
static size_t last_writes(const model_txn *txn, const model_own *last[MODEL_WRITES_MAX]) {
    size_t count = 0;
    for (const model_own *own = txn->own; own != NULL; own = own->older) {
        if (find_own(txn, own->write.kind, own->write.key) == own) {
            assert_true(count < MODEL_WRITES_MAX);
            last[count++] = own;
        }
    }
    for (size_t i = 0; i < count / 2; i++) {
        const model_own *swapped = last[i];
        last[i] = last[count - 1 - i];
        last[count - 1 - i] = swapped;
    }
    return count;
}

bool model_txn_has_savepoint(const model_txn *txn, uint64_t savepoint) {
    const model_own *own = txn->own;
    while (own != NULL && own->place > savepoint) {
        own = own->older;
    }
    return savepoint <= model_txn_writes(txn) &&
           (own == NULL || own->place != savepoint || !own->follows);
}

uint64_t model_last_of(const model *m, unsigned run, uint64_t version) {
    for (size_t i = m->log_count; i > 0; i--) {
        if (m->log[i - 1].run == run && m->log[i - 1].number <= version) {
            return m->log[i - 1].number;
        }
    }
    return 0;
}

/* ---- Operations inside ----------------------------------------------------------------------- */

/* False: there is none, or its time is over. */
static bool expect_open(const op *o, expected *e) {
    const model_txn *txn = o->seen;
    if (txn == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return false;
    }
    const uint64_t timeout_ns = txn->timeout_ms * 1000000;
    const uint64_t least_ns = o->from_ns > txn->begun_to_ns ? o->from_ns - txn->begun_to_ns : 0;
    const uint64_t most_ns = o->to_ns - txn->begun_from_ns;
    if (timeout_ns > 0 &&
        (least_ns > timeout_ns || (most_ns > timeout_ns && e->got->status == STRATA_TIMEOUT))) {
        expect_error(e, STRATA_TIMEOUT, NULL);
        return false;
    }
    return true;
}

/* Whether the run that is given is that of the transaction. */
static bool expect_same_run(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (o->run.len == 0) {
        return true;
    }
    if (expect_run(o, at, e, &run) && run != o->seen->run) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
    }
    return e->status == STRATA_OK;
}

/* One more read, but for those that an own write answers. */
static void add_expected(const op *o, expected *e, model_read read) {
    const bool point = !read.range && !read.part;
    const model_own *own = point ? find_own(o->seen, read.kind, read.key) : NULL;
    if (own == NULL || own->rule != AS_IT_IS) {
        read.certain = true;
        read.older = e->read;
        e->read = (const model_read *)arena_bytes(&e->arena, st_slice(&read, sizeof read)).data;
    }
}

/* The end of the log is looked for from behind, and so is how many there are; types are counted from the
 * beginning. */
static void expect_events_read(const op *o, const manner *how, expected *e, op *page) {
    uint8_t bytes[8];
    const bool tail = strcmp(how->name, "event.head") == 0 ||
                      (strcmp(how->name, "event.count") == 0 && o->type.len == 0);
    *page = (op){.reverse = tail};
    if (strcmp(how->name, "event.range") == 0) {
        page->reverse = o->reverse;
        page->start = arena_bytes(&e->arena, event_key(bytes, o->number));
        if (o->until > 0) {
            page->end = arena_bytes(&e->arena, event_key(bytes, o->until));
        }
    }
}

static void expect_range_read(const op *o, const manner *how, expected *e) {
    model_read read = {.kind = how->kind, .range = true, .stop = e->stood};
    read.page = (op){.prefix = o->prefix,
                     .start = o->start,
                     .end = o->end,
                     .cursor = o->cursor,
                     .reverse = o->reverse};
    if (how->kind == MODEL_EVENT) {
        expect_events_read(o, how, e, &read.page);
    } else if (how->kind == MODEL_EDGE) {
        read.page = (op){.prefix = edge_prefix(&e->arena, o)};
    }
    add_expected(o, e, read);
}

static void expect_read(const op *o, const manner *how, expected *e) {
    const bool looked = e->status == STRATA_OK || e->status == STRATA_NOT_FOUND ||
                        e->status == STRATA_CONFLICT || e->status == STRATA_ALREADY_EXISTS;
    if (!looked || o->seen->read_only) {
        return;
    }
    model_read read = {.kind = how->kind, .key = o->key};
    strata_slice keys[OP_KEYS_MAX];
    uint8_t bytes[8];
    switch (how->touch) {
    case READS_NOTHING:
    case READS_PARTS:
        break;
    case READS_KEY:
        add_expected(o, e, read);
        break;
    case READS_KEYS:
        for (uint32_t i = 0, count = op_keys(o, keys); i < count; i++) {
            read.key = keys[i];
            add_expected(o, e, read);
        }
        break;
    case READS_EVENT:
        read.key = arena_bytes(&e->arena, event_key(bytes, o->number));
        add_expected(o, e, read);
        break;
    case READS_RANGE:
        expect_range_read(o, how, e);
        break;
    case READS_TRACE:
        add_expected(o, e, read);
        read.key = o->parent;
        if (o->parent.len > 0 && e->status != STRATA_ALREADY_EXISTS) {
            add_expected(o, e, read);
        }
        break;
    case READS_EDGE:
        read.key = edge_key(&e->arena, o);
        add_expected(o, e, read);
        break;
    }
}

static void expect_parts(const op *o, expected *e) {
    for (const model_note *note = e->notes; note != NULL; note = note->next) {
        add_expected(o, e,
                     (model_read){.kind = MODEL_JSON,
                                  .key = note->key,
                                  .part = true,
                                  .wrote = note->wrote,
                                  .region = note->region});
    }
}

/* The increments of a key go to the log as one. */
static void expect_sum(const op *o, expected *e) {
    const model_own *own = find_own(o->seen, MODEL_KV, o->key);
    int64_t delta;
    if (own != NULL && own->rule == ADDS && __builtin_add_overflow(own->delta, o->by, &delta)) {
        expect_error(e, STRATA_OVERFLOW, NULL);
    }
}

static void predict_inside(const op *o, const moment *at, expected *e) {
    const manner *how = manner_of(o);
    const model_txn *txn = o->seen;
    model *m = (model *)at->model; /* as it was, when this returns */
    const model_own *last[MODEL_WRITES_MAX];
    const sight sees = sight_of(o);
    const size_t laid = sees == SEES_OWN ? last_writes(txn, last) : 0;
    moment inside = *at;
    inside.txn = txn;
    inside.now = at->snapshot;
    inside.snapshot = sees == SEES_COMMITTED ? at->snapshot : txn->snapshot;
    for (size_t i = 0; i < laid; i++) {
        model_lay(m, &last[i]->write);
    }
    o->kind->predict(o, &inside, e);
    for (size_t i = 0; i < laid; i++) {
        model_lift(m, &last[i]->write);
    }
    if (sees == SEES_OWN) {
        expect_read(o, how, e);
    }
    if (sees == SEES_OWN && !txn->read_only) {
        expect_parts(o, e);
    }
    if (how->rule == ADDS && e->status == STRATA_OK) {
        expect_sum(o, e);
    }
    if (txn->read_only && e->status == STRATA_OK && e->write_count > 0) {
        expect_error(e, STRATA_FORBIDDEN, NULL);
    }
    e->pending_count = e->status == STRATA_OK ? e->write_count : 0;
    e->write_count = 0;
}

void model_txn_predict(const op *o, const moment *at, expected *e) {
    if (o->txn == 0) {
        o->kind->predict(o, at, e);
    } else if (expect_open(o, e)) {
        if (is_txn_operation(o)) {
            o->kind->predict(o, at, e);
        } else if (expect_ttl(o, e) && expect_same_run(o, at, e)) {
            predict_inside(o, at, e);
        }
    }
}

/* ---- The state after it ---------------------------------------------------------------------- */

const model_txn *model_txn_begin(model *m, const op *o, const answer *got, unsigned run) {
    const strata_slice object = object_of(got->response);
    model_txn *txn = model_alloc(m, sizeof *txn);
    *txn = (model_txn){
        .number = (uint64_t)int_of(field_of(object, "txn")),
        .run = run,
        .snapshot = (uint64_t)int_of(field_of(object, "version")),
        .read_only = o->read_only,
        .first_wins = st_slice_equal(o->isolation, strata_text("snapshot")),
        .timeout_ms = o->timeout_ms,
        .begun_from_ns = o->from_ns,
        .begun_to_ns = o->to_ns,
    };
    return txn;
}

static void add_read(model *m, model_txn *txn, const model_read *read, bool certain) {
    model_read *own = model_alloc(m, sizeof *own);
    *own = *read;
    own->older = txn->reads;
    own->certain = certain;
    own->key = model_copy(m, read->key);
    own->stop = model_copy(m, read->stop);
    own->page.prefix = model_copy(m, read->page.prefix);
    own->page.start = model_copy(m, read->page.start);
    own->page.end = model_copy(m, read->page.end);
    own->page.cursor = model_copy(m, read->page.cursor);
    for (size_t i = 0; i < read->region.route.count; i++) {
        tree_step *step = &own->region.route.steps[i];
        step->name = model_copy(m, step->name);
    }
    txn->reads = own;
}

/* In the order in which they were made. */
static void add_reads(model *m, model_txn *txn, const model_read *read, bool certain) {
    if (read != NULL) {
        add_reads(m, txn, read->older, certain);
        add_read(m, txn, read, certain);
    }
}

static void add_own(model *m, model_txn *txn, const op *o, const model_write *write, bool follows) {
    const model_own *before = find_own(txn, write->kind, write->key);
    model_own *own = model_alloc(m, sizeof *own);
    *own = (model_own){.older = txn->own,
                       .place = model_txn_writes(txn),
                       .follows = follows,
                       .write = op_own_write(m, write),
                       .rule = manner_of(o)->rule,
                       .delta = o->by};
    own->delta = own->rule == COUNTS ? 1 : own->delta;
    if ((own->rule == ADDS || own->rule == COUNTS) && before != NULL) {
        own->delta += before->rule == own->rule ? before->delta : 0;
        own->rule = before->rule;
    }
    if (own->rule == APPENDS) {
        memset(((model_event *)own->write.value.data)->hash, 0, 32);
    }
    txn->own = own;
}

static const model_txn *rolled_back(model *m, const model_txn *txn, uint64_t savepoint) {
    model_txn *after = model_alloc(m, sizeof *after);
    *after = *txn;
    while (model_txn_writes(after) > savepoint) {
        after->own = after->own->older;
    }
    return after;
}

const model_txn *model_txn_after(model *m, const op *o, const moment *at, const answer *got,
                                 bool excused, expected *e) {
    const model_txn *txn = o->seen;
    if (strcmp(o->kind->name, "txn.rollback_to") == 0 && got->status == STRATA_OK) {
        return rolled_back(m, txn, o->savepoint);
    }
    const bool parts = !is_txn_operation(o) && manner_of(o)->touch == READS_PARTS;
    if (is_txn_operation(o) || (got->status == STRATA_CONSTRAINT && !parts) ||
        says_run_closed(got)) {
        return txn;
    }
    moment open = *at;
    open.writable = true; /* it was, as the answer says */
    expected_reset(e);
    e->got = got;
    if (expect_same_run(o, &open, e)) {
        predict_inside(o, &open, e);
    }
    if (!excused && e->status != got->status) {
        return txn; /* which the comparison will find */
    }
    model_txn *after = model_alloc(m, sizeof *after);
    *after = *txn;
    add_reads(m, after, e->read, !excused);
    for (size_t i = 0; i < e->pending_count && !excused; i++) {
        add_own(m, after, o, &e->writes[i], i > 0);
    }
    return after;
}

/* ---- Committing ------------------------------------------------------------------------------ */

static bool is_newer(const model_version *version, const model_txn *txn) {
    return version != NULL && version->number > txn->snapshot;
}

static bool in_range(const model_read *read, strata_slice key) {
    const int order = read->stop.len == 0 ? 0 : st_slice_compare(key, read->stop);
    return in_page(&read->page, key) && (read->page.reverse ? order >= 0 : order <= 0);
}

static bool writes_plainly(const model_txn *txn, model_kind kind, strata_slice key) {
    const model_own *own = find_own(txn, kind, key);
    return own != NULL && own->rule == AS_IT_IS;
}

/* Whether a document came or went, or was put in the place of another. */
static bool is_replaced(const model_cell *cell, const model_txn *txn, const moment *at) {
    for (size_t i = cell->count; i > 0 && cell->versions[i - 1].number > txn->snapshot; i--) {
        const model_version *version = &cell->versions[i - 1];
        if (version->number <= at->snapshot &&
            (version->deleted || ((const model_document *)version->value.data)->whole)) {
            return true;
        }
    }
    return false;
}

/* The first key of a range that was changed and counts; NULL: none. */
static const model_cell *changed_in(const model_read *read, const model_txn *txn, const moment *at,
                                    bool certain) {
    const model_table *table = model_table_of(at->model, txn->run, read->kind);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[i];
        if (is_newer(model_seen(cell, at->snapshot), txn) && in_range(read, cell->key) &&
            (!certain || read->kind != MODEL_JSON || is_replaced(cell, txn, at)) &&
            (!txn->first_wins || writes_plainly(txn, read->kind, cell->key))) {
            return cell;
        }
    }
    return NULL;
}

static bool changed_at(const model_read *read, const model_txn *txn, const moment *at) {
    return (!txn->first_wins || find_own(txn, read->kind, read->key) != NULL) &&
           is_newer(model_find(at->model, txn->run, read->kind, read->key, at->snapshot), txn);
}

static bool comes_before(model_kind kind, strata_slice key, model_kind other_kind,
                         strata_slice other) {
    return kind != other_kind ? kind < other_kind : st_slice_compare(key, other) < 0;
}

/* The first changed key that was read alone; data NULL: none. */
static strata_slice find_point(const model_txn *txn, const moment *at, bool certain,
                               model_kind *kind) {
    const model_read *first = NULL;
    for (const model_read *read = txn->reads; read != NULL; read = read->older) {
        if (!read->range && !read->part && (read->certain || !certain) &&
            changed_at(read, txn, at) &&
            (first == NULL || comes_before(read->kind, read->key, first->kind, first->key))) {
            first = read;
        }
    }
    *kind = first == NULL ? MODEL_KV : first->kind;
    return first == NULL ? st_slice(NULL, 0) : first->key;
}

/* The first changed key of the newest range that has any; under snapshot isolation, of all ranges. */
static strata_slice find_in_ranges(const model_txn *txn, const moment *at, bool certain,
                                   model_kind *kind) {
    strata_slice key = {NULL, 0};
    for (const model_read *read = txn->reads; read != NULL; read = read->older) {
        const model_cell *cell =
            read->range && (read->certain || !certain) ? changed_in(read, txn, at, certain) : NULL;
        if (cell != NULL &&
            (key.data == NULL ||
             (txn->first_wins && comes_before(read->kind, cell->key, *kind, key)))) {
            *kind = read->kind;
            key = cell->key;
        }
    }
    return key;
}

static bool part_changed(const model_read *read, const model_txn *txn, const moment *at) {
    const model_table *table = model_table_of(at->model, txn->run, MODEL_JSON);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[i];
        for (size_t j = cell->count; j > 0 && st_slice_equal(cell->key, read->key); j--) {
            const model_version *version = &cell->versions[j - 1];
            if (version->number <= at->snapshot && version->number > txn->snapshot &&
                json_meets(version, &read->region)) {
                return true;
            }
        }
    }
    return false;
}

/* The document of the newest region that was changed. */
static strata_slice find_part(const model_txn *txn, const moment *at, bool certain) {
    for (const model_read *read = txn->reads; read != NULL; read = read->older) {
        if (read->part && (read->certain || !certain) && (read->wrote || !txn->first_wins) &&
            part_changed(read, txn, at)) {
            return read->key;
        }
    }
    return st_slice(NULL, 0);
}

/* What a conflict is reported of; data NULL: there is none. */
static strata_slice find_conflict(const model_txn *txn, const moment *at, bool certain,
                                  model_kind *kind) {
    strata_slice key = find_point(txn, at, certain, kind);
    key = key.data != NULL ? key : find_in_ranges(txn, at, certain, kind);
    if (key.data == NULL) {
        key = find_part(txn, at, certain);
        *kind = MODEL_JSON;
    }
    return key;
}

static bool is_certain(const model_txn *txn) {
    const model_read *read = txn->reads;
    while (read != NULL && read->certain && !(read->range && read->kind == MODEL_JSON)) {
        read = read->older;
    }
    return read == NULL;
}

/* The key as errors show it. */
static strata_slice shown(expected *e, model_kind kind, strata_slice key) {
    char text[32];
    if (kind != MODEL_EVENT) {
        const strata_slice copy = arena_bytes(&e->arena, key);
        for (char *at = memchr(copy.data, 0, copy.len); at != NULL;
             at = memchr(at, 0, copy.len - (size_t)(at - (char *)copy.data))) {
            *at = '>';
        }
        return copy;
    }
    const int len = snprintf(text, sizeof text, "%llu", (unsigned long long)load64_be(key.data));
    return arena_bytes(&e->arena, st_slice(text, (size_t)len));
}

static bool expect_unchanged(const model_txn *txn, const moment *at, expected *e) {
    model_kind kind;
    const bool certain = is_certain(txn);
    const bool must = find_conflict(txn, at, true, &kind).data != NULL;
    const strata_slice key = find_conflict(txn, at, false, &kind);
    if (!must && (key.data == NULL || e->got->status != STRATA_CONFLICT)) {
        return true;
    }
    expect_error(e, STRATA_CONFLICT, NULL);
    e->key = certain ? shown(e, kind, key) : st_slice("", 0);
    return false;
}

/* What the key holds now and the increments together. */
static bool expect_added(const op *o, const model_own *own, const moment *at, expected *e,
                         model_write *write) {
    const model_version *version = kv_find(o, at, write->run, write->key, at->snapshot);
    strata_value value = strata_int(0);
    int64_t sum;
    if (version != NULL && (!st_value_decode(version->value, &value) || value.type != STRATA_INT)) {
        expect_error(e, STRATA_WRONG_TYPE, NULL);
        return false;
    }
    if (__builtin_add_overflow(value.as.integer, own->delta, &sum)) {
        expect_error(e, STRATA_OVERFLOW, NULL);
        return false;
    }
    strata_buffer encoded = {NULL, 0, 0, NULL};
    put(st_msgpack_put_int(&encoded, sum));
    write->value = arena_bytes(&e->arena, st_buffer_slice(&encoded));
    write->expires_us = kv_ending(version);
    strata_buffer_free(&encoded);
    return true;
}

static void expect_counted(const model_own *own, const moment *at, expected *e,
                           model_write *write) {
    const model_version *version =
        model_live(at->model, write->run, MODEL_STATE, write->key, at->snapshot);
    const uint64_t counter = version == NULL ? 0 : state_counter(version->value);
    write->value =
        state_with(&e->arena, counter + (uint64_t)own->delta,
                   st_slice((const uint8_t *)write->value.data + 8, write->value.len - 8));
}

typedef struct event_end {
    uint64_t sequence;
    uint8_t hash[32];
} event_end;

static void expect_appended(const moment *at, event_end *end, expected *e, model_write *write) {
    uint8_t key[8];
    model_event event = *(const model_event *)write->value.data;
    event_chain(++end->sequence, model_time(at->model, write->run, at->wall_us), end->hash, &event);
    memcpy(end->hash, event.hash, sizeof end->hash);
    write->key = arena_bytes(&e->arena, event_key(key, end->sequence));
    write->value = arena_bytes(&e->arena, st_slice(&event, sizeof event));
}

static void expect_writes(const op *o, const moment *at, expected *e) {
    const model_txn *txn = o->seen;
    const model_own *last[MODEL_WRITES_MAX];
    const size_t count = last_writes(txn, last);
    event_end end = {0};
    const model_event *tail = event_tail(at, txn->run, &end.sequence);
    if (tail != NULL) {
        memcpy(end.hash, tail->hash, sizeof end.hash);
    }
    for (size_t i = 0; i < count; i++) {
        model_write write = last[i]->write;
        if (last[i]->rule == EDITS) {
            continue;
        }
        if (last[i]->rule == ADDS && !expect_added(o, last[i], at, e, &write)) {
            e->write_count = 0;
            return;
        }
        if (last[i]->rule == APPENDS) {
            expect_appended(at, &end, e, &write);
        }
        if (last[i]->rule == COUNTS) {
            expect_counted(last[i], at, e, &write);
        }
        (void)expect_write(e, at, &write);
    }
    for (size_t i = 0; i < count; i++) {
        if (last[i]->rule == EDITS && !expect_document(at, e, &last[i]->write)) {
            e->write_count = 0;
            return;
        }
    }
    put_uint(expect_ok(e, 1), "version", e->write_count == 0 ? txn->snapshot : expect_version(at));
}

void model_txn_predict_commit(const op *o, const moment *at, expected *e) {
    const model_txn *txn = o->seen;
    if (txn->own == NULL) {
        put_uint(expect_ok(e, 1), "version", txn->snapshot);
        return;
    }
    if (at->snapshot < txn->snapshot) {
        expect_error(e, STRATA_CONFLICT, NULL); /* at no such moment */
        return;
    }
    if (expect_writable(at, txn->run, e) && expect_unchanged(txn, at, e)) {
        expect_writes(o, at, e);
    }
}
