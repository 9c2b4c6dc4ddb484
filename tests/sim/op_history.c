/* op_history.c - what history tells of commits: log and replay, and how it names and shows things. The model
 * keeps every version of everything, so a commit is the versions that have its number.
 *
 * What retention, or the end of a run that a fork sees, may have taken need not be listed; what is listed is
 * right, and what is promised is there. The commits of indexes are listed, too, and show nothing.
 */
#include "history.h"

#include "base/bytes.h"
#include "base/limits.h"

enum { CHANGES_SHOWN = 100 };

const history_thing history_things[HISTORY_THINGS] = {
    {MODEL_KV, "kv", 1, 0},           {MODEL_EVENT, "event", 0, 0},
    {MODEL_STATE, "state", 1, 0},     {MODEL_TRACE, "trace", 1, 0},
    {MODEL_JSON, "json", 1, '#'},     {MODEL_COLLECTION, "collection", 1, 0},
    {MODEL_VECTOR, "vector", 2, '/'}, {MODEL_MEMORY, "memory", 1, 0},
    {MODEL_EDGE, "edge", 3, '>'},     {MODEL_SCHEMA, "schema", 1, 0},
    {MODEL_ENTITY, "entity", 2, '/'},
};

/* ---- Things ---------------------------------------------------------------------------------- */

static size_t thing_of(model_kind kind) {
    size_t i = 0;
    while (i < HISTORY_THINGS && history_things[i].kind != kind) {
        i++;
    }
    return i;
}

strata_slice history_ref(st_arena *arena, model_kind kind, strata_slice key) {
    const size_t thing = thing_of(kind);
    const char separator = history_things[thing].separator;
    const uint8_t *bytes = key.data;
    char *text = st_arena_alloc(arena, 3 * key.len + 40, 1);
    assert_non_null(text);
    size_t len = (size_t)sprintf(text, "%s:", history_things[thing].name);
    if (history_things[thing].texts == 0) {
        len += (size_t)sprintf(text + len, "%llu", (unsigned long long)load64_be(bytes));
        return st_slice(text, len);
    }
    for (size_t i = 0; i < key.len; i++) {
        if (bytes[i] == 0) {
            text[len++] = separator;
        } else if (separator != 0 && (bytes[i] == '%' || bytes[i] == separator)) {
            len += (size_t)sprintf(text + len, "%%%02X", bytes[i]);
        } else {
            text[len++] = (char)bytes[i];
        }
    }
    return st_slice(text, len);
}

static void put_named(strata_buffer *out, const char *name, strata_slice msgpack) {
    if (msgpack.len > 0) {
        put_raw(out, name, msgpack);
    }
}

static void put_edge(strata_buffer *out, strata_slice kept) {
    const int64_t weight = (int64_t)load64_le(kept.data);
    put(st_msgpack_put_object(out, (weight != 0 ? 1u : 0u) + (kept.len > 8)));
    if (weight != 0) {
        put_name(out, "weight");
        put(st_msgpack_put_float(out, (double)weight));
    }
    put_named(out, "properties", st_slice((const uint8_t *)kept.data + 8, kept.len - 8));
}

static void put_entity(strata_buffer *out, strata_slice kept) {
    const uint8_t *bytes = kept.data;
    put(st_msgpack_put_object(out, bytes[0] != 0 ? 2 : 1));
    put_raw(out, "document", st_slice(bytes + 1, kept.len - 1));
    if (bytes[0] != 0) {
        put_bool(out, "deleted", true);
    }
}

static void put_memory(strata_buffer *out, const model_memory *memory) {
    put(st_msgpack_put_object(out, 1u + (memory->tags.len > 0) + (memory->metadata.len > 0)));
    put_text(out, "text", memory->text);
    put_named(out, "tags", memory->tags);
    put_named(out, "metadata", memory->metadata);
}

void history_show(strata_buffer *out, model_kind kind, const model_version *version) {
    const strata_slice kept = version->value;
    const model_event *event = kept.data;
    switch (kind) {
    case MODEL_EVENT:
        put(st_msgpack_put_object(out, 2));
        put_text(out, "type", event->type);
        put_raw(out, "payload", event->payload);
        break;
    case MODEL_STATE:
        put(st_buffer_append(out, (const uint8_t *)kept.data + 8, kept.len - 8));
        break;
    case MODEL_JSON:
        tree_write(((const model_document *)kept.data)->root, out);
        break;
    case MODEL_MEMORY:
        put_memory(out, kept.data);
        break;
    case MODEL_EDGE:
        put_edge(out, kept);
        break;
    case MODEL_SCHEMA:
        put(st_msgpack_put_object(out, 1));
        put_raw(out, "schema", st_slice((const uint8_t *)kept.data + 1, kept.len - 1));
        break;
    case MODEL_ENTITY:
        put_entity(out, kept);
        break;
    default:
        put(st_buffer_append(out, kept.data, kept.len));
    }
}

/* The same hash is the same history: sequence, time, and all that came before. */
static bool is_same_event(const model_event *a, const model_event *b) {
    return st_slice_equal(a->type, b->type) && st_slice_equal(a->payload, b->payload) &&
           memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

static bool is_same_memory(const model_memory *a, const model_memory *b) {
    return st_slice_equal(a->text, b->text) && st_slice_equal(a->tags, b->tags) &&
           st_slice_equal(a->metadata, b->metadata);
}

bool history_same(model_kind kind, const model_version *a, const model_version *b) {
    if (a == NULL || b == NULL || a->number == b->number) {
        return a == b || (a != NULL && b != NULL);
    }
    if (kind == MODEL_JSON) {
        const model_document *left = a->value.data;
        const model_document *right = b->value.data;
        return tree_equal(left->root, right->root);
    }
    if (kind == MODEL_MEMORY) {
        return is_same_memory(a->value.data, b->value.data);
    }
    if (kind == MODEL_EVENT) {
        return is_same_event(a->value.data, b->value.data);
    }
    return a->expires_us == b->expires_us && st_slice_equal(a->value, b->value);
}

/* Of a run whose end was refused as the writer failed there may be no more than its forks see. */
bool history_is_loose(const moment *at, unsigned run) {
    const model *m = at->model;
    bool gone = m->tables[MODEL_SYSTEM][MODEL_RULE].count > 0 || at->broken;
    for (unsigned base = m->origins[run].base; base > 0; base = m->origins[base].base) {
        gone = gone || m->gone[base] > 0;
    }
    return gone;
}

/* ---- Commits --------------------------------------------------------------------------------- */

typedef struct change {
    uint64_t number;
    size_t place; /* in order of kind and key */
    model_kind kind;
    strata_slice ref;
    const model_version *version;
} change;

typedef struct changes {
    change *all; /* in order of commit, and in it of kind and key */
    size_t count;
    const model_table *labels;
} changes;

static int by_commit(const void *a, const void *b) {
    const change *left = a;
    const change *right = b;
    return left->number != right->number
               ? (left->number < right->number ? -1 : 1)
               : (left->place > right->place) - (left->place < right->place);
}

/* What the run, and what it was forked from, has been made of: commits above `after` up to `until`. */
static changes collect(const moment *at, st_arena *arena, unsigned run, uint64_t after,
                       uint64_t until) {
    changes found = {.labels = model_table_of(at->model, run, MODEL_LABEL)};
    size_t cap = 0;
    enum {
        KINDS = HISTORY_THINGS + 1
    }; /* with indexes, whose commits show nothing that has a name */
    for (size_t t = 0; t < 2 * KINDS; t++) {
        const model_kind kind =
            t % KINDS == HISTORY_THINGS ? MODEL_INDEX : history_things[t % KINDS].kind;
        const model_table *table = model_table_of(at->model, run, kind);
        if (t == KINDS) {
            found.all = st_arena_alloc(arena, (cap + 1) * sizeof *found.all, 8);
            assert_non_null(found.all);
        }
        for (size_t i = 0; i < table->count; i++) {
            const model_cell *cell = table->cells[i];
            for (size_t j = 0; j < cell->count; j++) {
                const model_version *version = &cell->versions[j];
                if (version->number <= after || version->number > until) {
                    continue;
                }
                cap += t < KINDS;
                if (t >= KINDS) {
                    found.all[found.count] = (change){
                        version->number, found.count, kind,
                        kind == MODEL_INDEX ? st_slice("", 0) : history_ref(arena, kind, cell->key),
                        version};
                    found.count++;
                }
            }
        }
    }
    qsort(found.all, found.count, sizeof *found.all, by_commit);
    return found;
}

static strata_slice label_of(const changes *of, uint64_t number) {
    for (size_t i = 0; i < of->labels->count; i++) {
        const model_version *version = model_seen(of->labels->cells[i], number);
        if (version != NULL && version->number == number) {
            return version->value;
        }
    }
    return st_slice("", 0);
}

/* Where the commit of the change at a place ends, or begins. */
static size_t commit_end(const changes *of, size_t first) {
    size_t end = first;
    while (end < of->count && of->all[end].number == of->all[first].number) {
        end++;
    }
    return end;
}

static size_t commit_start(const changes *of, size_t last) {
    size_t start = last;
    while (start > 0 && of->all[start - 1].number == of->all[last].number) {
        start--;
    }
    return start;
}

static bool has_ref(const changes *of, size_t start, size_t end, strata_slice ref) {
    bool has = ref.len == 0;
    for (size_t i = start; i < end && !has; i++) {
        has = st_slice_equal(of->all[i].ref, ref);
    }
    return has;
}

/* The trace that a commit with a label belongs to: the first that it wrote. */
static strata_slice trace_of(const changes *of, size_t start, size_t end) {
    for (size_t i = start; i < end; i++) {
        if (of->all[i].kind == MODEL_TRACE) {
            const strata_slice ref = of->all[i].ref;
            return st_slice((const char *)ref.data + 6, ref.len - 6);
        }
    }
    return st_slice("", 0);
}

static void put_commit(strata_buffer *out, const changes *of, size_t start, size_t end,
                       bool values) {
    const change *first = &of->all[start];
    const bool indexes = first->kind == MODEL_INDEX;
    const strata_slice label = label_of(of, first->number);
    const size_t all = indexes ? 0 : end - start;
    const size_t shown = values || all < CHANGES_SHOWN ? all : CHANGES_SHOWN;
    const strata_slice trace = label.len > 0 ? trace_of(of, start, end) : st_slice("", 0);
    put(st_msgpack_put_object(out, 4u + (label.len > 0) + (trace.len > 0)));
    put_stamp(out, first->version);
    if (label.len > 0) {
        put_text(out, "label", label);
    }
    if (trace.len > 0) {
        put_text(out, "trace", trace);
    }
    put_name(out, "changes");
    put(st_msgpack_put_array(out, (uint32_t)shown));
    for (size_t i = start; i < start + shown; i++) {
        const change *one = &of->all[i];
        const bool valued = values && !one->version->deleted;
        put(st_msgpack_put_object(out, valued ? 3 : 2));
        put_text(out, "ref", one->ref);
        put_text(out, "kind", strata_text(one->version->deleted ? "delete" : "put"));
        if (valued) {
            put_name(out, "value");
            history_show(out, one->kind, one->version);
        }
    }
    put_uint(out, "count", all);
}

static uint64_t number_of(strata_slice digits) {
    uint64_t number = 0;
    for (size_t i = 0; i < digits.len; i++) {
        number = number * 10 + (uint64_t)(((const char *)digits.data)[i] - '0');
    }
    return number;
}

typedef struct span {
    unsigned run;
    uint64_t after;
    uint64_t until;
    bool replays;
} span;

/* number, by: from a commit, or a time; as_of, as_of_us: until. */
static bool expect_span(const op *o, const moment *at, expected *e, span *s) {
    const uint64_t cursor = number_of(o->cursor);
    s->replays = strcmp(o->kind->name, "history.replay") == 0;
    if (!expect_run(o, at, e, &s->run) || !expect_bounds(o, e)) {
        return false;
    }
    if (o->text.len > 0 && memchr(o->text.data, ':', o->text.len) == NULL) {
        expect_error(e, STRATA_INVALID_KEY, NULL);
        return false;
    }
    if (!expect_as_of(o, at, e, s->run, &s->until)) {
        return false;
    }
    if ((o->number > 0 && o->by != 0) || o->by - 1 > at->now_us) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return false;
    }
    s->after = o->number > 0 ? o->number - 1 : 0;
    if (o->by != 0) {
        s->after = model_at_time(at->model, s->run, at->snapshot, o->by - 1);
    }
    if (cursor > 0 && (o->reverse || s->replays)) {
        s->after = cursor > s->after ? cursor : s->after;
    } else if (cursor > 0) {
        s->until = cursor - 1 < s->until ? cursor - 1 : s->until;
    }
    return true;
}

static void predict_commits(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    strata_buffer page = {NULL, 0, 0, NULL};
    uint32_t count = 0;
    uint64_t last = 0;
    bool more = false;
    span s;
    if (!expect_span(o, at, e, &s)) {
        return;
    }
    const changes of = collect(at, &e->arena, s.run, s.after, s.until);
    const bool oldest_first = o->reverse || s.replays;
    for (size_t left = of.count; left > 0 && !more;) {
        const size_t start = oldest_first ? of.count - left : commit_start(&of, left - 1);
        const size_t end = commit_end(&of, start);
        left -= end - start;
        if (!has_ref(&of, start, end, o->text)) {
            continue;
        }
        more = count == limit;
        if (!more) {
            put_commit(&page, &of, start, end, s.replays);
            last = of.all[start].number;
            count++;
        }
    }
    strata_buffer *out = expect_ok(e, more ? 2 : 1);
    put_name(out, "commits");
    put(st_msgpack_put_array(out, count));
    put(st_buffer_append(out, page.data, page.len));
    strata_buffer_free(&page);
    if (more) {
        char cursor[24];
        const int len = snprintf(cursor, sizeof cursor, "%llu", (unsigned long long)last);
        put_text(out, "cursor", st_slice(cursor, (size_t)len));
    }
}

static bool reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
}

static void make_commits(maker *mk, op *o) {
    const model *m = mk->model;
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    o->limit = pick_limit(mk);
    pick_when(mk, o);
    if (one_in(mk, 3)) {
        o->number = 1 + pick(mk, m->last + 1);
    } else if (one_in(mk, 4) && m->log_count > 0) {
        o->by = m->log[pick(mk, m->log_count)].timestamp_us + (int64_t)pick(mk, 2);
    }
    if (one_in(mk, 4)) {
        o->cursor = pick_text(mk, "%u", (unsigned)(1 + pick(mk, m->last + 1)));
    }
}

static void make_log(maker *mk, op *o) {
    make_commits(mk, o);
    o->reverse = one_in(mk, 3);
    if (one_in(mk, 4)) {
        const size_t thing = (size_t)pick(mk, HISTORY_THINGS);
        const strata_slice key = pick_known(mk, o, history_things[thing].kind);
        o->text = key.len > 0 ? history_ref(mk->arena, history_things[thing].kind, key)
                              : strata_text(one_in(mk, 4) ? "nothing" : "kv:nowhere");
    }
}

/* ---- Commits of which something may be gone ---------------------------------------------------- */

strata_slice history_next_item(st_cursor *array) {
    strata_slice item;
    assert_true(st_msgpack_skip(array, &item));
    return item;
}

uint32_t history_items(strata_slice array, st_cursor *cursor) {
    st_token token;
    *cursor = st_cursor_over(array);
    return st_msgpack_next(cursor, &token) && token.type == STRATA_ARRAY ? token.as.count : 0;
}

/* Whether the commit that is told is one of the model's, less what may be gone. */
static bool commit_holds(const changes *of, strata_slice told, bool values) {
    const uint64_t number = (uint64_t)int_of(field_of(told, "version"));
    st_cursor cursor;
    uint32_t left = history_items(field_of(told, "changes"), &cursor);
    size_t i = 0;
    strata_buffer value = {NULL, 0, 0, NULL};
    strata_slice shown = left > 0 ? history_next_item(&cursor) : st_slice("", 0);
    bool holds = true;
    while (i < of->count && of->all[i].number != number) {
        i++;
    }
    holds =
        i < of->count && int_of(field_of(told, "timestamp")) == of->all[i].version->timestamp_us;
    for (; holds && i < of->count && of->all[i].number == number; i++) {
        const change *one = &of->all[i];
        const bool may_lack =
            one->version->may_go || one->version->may_vanish || one->version->from > 0;
        if (left == 0 || !st_slice_equal(text_of(field_of(shown, "ref")), one->ref)) {
            holds = may_lack || one->kind == MODEL_INDEX;
            continue;
        }
        value.len = 0;
        if (values && !one->version->deleted) {
            history_show(&value, one->kind, one->version);
        }
        const strata_slice got = field_of(shown, "value");
        const bool lacks = got.len == 0 && may_lack && one->kind == MODEL_JSON;
        holds = (lacks || st_slice_equal(got, st_buffer_slice(&value))) &&
                one->version->deleted ==
                    st_slice_equal(text_of(field_of(shown, "kind")), strata_text("delete"));
        shown = --left > 0 ? history_next_item(&cursor) : shown;
    }
    strata_buffer_free(&value);
    return holds && left == 0;
}

static bool may_be_less(const op *o, const moment *at, const answer *got) {
    expected e;
    span s;
    expected_init(&e);
    e.got = got;
    bool holds =
        got->status == STRATA_OK && expect_span(o, at, &e, &s) && history_is_loose(at, s.run);
    if (holds) {
        const changes of = collect(at, &e.arena, s.run, s.after, s.until);
        st_cursor cursor;
        uint32_t left = history_items(field_of(object_of(got->response), "commits"), &cursor);
        while (holds && left-- > 0) {
            holds = commit_holds(&of, history_next_item(&cursor), s.replays);
        }
    }
    if (got->status == STRATA_HISTORY_TRIMMED && expect_span(o, at, &e, &s)) {
        holds = history_is_loose(at, s.run) && (o->number > 0 || o->by != 0);
    }
    expected_free(&e);
    return holds;
}

/* ---- Explanations ---------------------------------------------------------------------------- */

enum { VERSIONS_OTHERWISE = 10, DEPTH_MAX = 100 };

static void make_explain(maker *mk, op *o) {
    const size_t thing = (size_t)pick(mk, HISTORY_THINGS);
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    const strata_slice key = pick_known(mk, o, history_things[thing].kind);
    o->text = key.len > 0 ? history_ref(mk->arena, history_things[thing].kind, key)
                          : strata_text(one_in(mk, 4) ? "nothing" : "kv:nowhere");
    o->number = one_in(mk, 3) ? 1 + pick(mk, 3) : one_in(mk, 40) ? 1001 : 0;
    o->until = one_in(mk, 40) ? DEPTH_MAX + 1 : pick(mk, 3);
    o->limit = pick_limit(mk);
    pick_when(mk, o);
}

/* Where no run keeps what commits have read, the versions of the thing are all there is. */
static void put_version(strata_buffer *out, const changes *of, size_t place) {
    const change *one = &of->all[place];
    const size_t start = commit_start(of, place);
    const size_t end = commit_end(of, place);
    const strata_slice label = label_of(of, one->number);
    const strata_slice trace = label.len > 0 ? trace_of(of, start, end) : st_slice("", 0);
    const size_t others = end - start - 1;
    const size_t shown = others < CHANGES_SHOWN ? others : CHANGES_SHOWN;
    put(st_msgpack_put_object(out,
                              5u + (label.len > 0) + (trace.len > 0) + (others > 0 ? 2u : 0u)));
    put_uint(out, "depth", 0);
    put_text(out, "ref", one->ref);
    put_stamp(out, one->version);
    if (one->version->deleted) {
        put_bool(out, "deleted", true);
    } else {
        put_name(out, "value");
        history_show(out, one->kind, one->version);
    }
    if (label.len > 0) {
        put_text(out, "label", label);
    }
    if (trace.len > 0) {
        put_text(out, "trace", trace);
    }
    if (others > 0) {
        put_name(out, "wrote");
        put(st_msgpack_put_array(out, (uint32_t)shown));
        for (size_t i = start, told = 0; told < shown; i++) {
            if (i != place) {
                put(st_msgpack_put_string(out, of->all[i].ref));
                told++;
            }
        }
        put_uint(out, "wrote_count", others);
    }
}

static bool expect_explain(const op *o, const moment *at, expected *e, unsigned *run,
                           uint64_t *snapshot) {
    if (o->number > ST_PAGE_MAX || o->until > DEPTH_MAX || o->limit > ST_PAGE_MAX) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return false;
    }
    if (!expect_run(o, at, e, run)) {
        return false;
    }
    if (memchr(o->text.data, ':', o->text.len) == NULL) {
        expect_error(e, STRATA_INVALID_KEY, NULL);
        return false;
    }
    return expect_as_of(o, at, e, *run, snapshot);
}

static void predict_explain(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    const uint64_t asked = o->number == 0 ? VERSIONS_OTHERWISE : o->number;
    const uint64_t most = asked < limit ? asked : limit;
    strata_buffer nodes = {NULL, 0, 0, NULL};
    uint32_t count = 0;
    bool truncated = false;
    unsigned run;
    uint64_t snapshot;
    if (!expect_explain(o, at, e, &run, &snapshot)) {
        return;
    }
    const changes of = collect(at, &e->arena, run, 0, snapshot);
    for (size_t i = of.count; i > 0 && !truncated; i--) {
        if (st_slice_equal(of.all[i - 1].ref, o->text)) {
            truncated = count == most;
            if (!truncated) {
                put_version(&nodes, &of, i - 1);
                count++;
            }
        }
    }
    if (count == 0) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    strata_buffer *out = expect_ok(e, 2);
    put_name(out, "nodes");
    put(st_msgpack_put_array(out, count));
    put(st_buffer_append(out, nodes.data, nodes.len));
    strata_buffer_free(&nodes);
    put_bool(out, "truncated", truncated);
}

/* Whether a node is a version of the thing, older than the node before it, less what may be gone. */
static bool node_holds(const changes *of, const op *o, strata_slice told, uint64_t below) {
    const uint64_t number = (uint64_t)int_of(field_of(told, "version"));
    const strata_slice value = field_of(told, "value");
    strata_buffer shown = {NULL, 0, 0, NULL};
    bool holds = false;
    for (size_t i = 0; i < of->count && !holds; i++) {
        const change *one = &of->all[i];
        if (one->number == number && st_slice_equal(one->ref, o->text)) {
            shown.len = 0;
            if (!one->version->deleted) {
                history_show(&shown, one->kind, one->version);
            }
            holds = value.len == 0 || st_slice_equal(value, st_buffer_slice(&shown));
        }
    }
    strata_buffer_free(&shown);
    return holds && number < below;
}

static bool explains_less(const op *o, const moment *at, const answer *got) {
    expected e;
    unsigned run;
    uint64_t snapshot;
    uint64_t below = UINT64_MAX;
    expected_init(&e);
    e.got = got;
    bool holds = expect_explain(o, at, &e, &run, &snapshot) && history_is_loose(at, run);
    if (holds && got->status == STRATA_OK) {
        const changes of = collect(at, &e.arena, run, 0, snapshot);
        st_cursor cursor;
        uint32_t left = history_items(field_of(object_of(got->response), "nodes"), &cursor);
        for (; holds && left > 0; left--) {
            const strata_slice told = history_next_item(&cursor);
            holds = node_holds(&of, o, told, below);
            below = (uint64_t)int_of(field_of(told, "version"));
        }
    }
    expected_free(&e);
    return holds && (got->status == STRATA_OK || got->status == STRATA_NOT_FOUND ||
                     got->status == STRATA_HISTORY_TRIMMED);
}

const op_kind ops_history[] = {
    {.name = "history.log",
     .args = "run ref? from# until# until_time from_time reverse limit cursor",
     .weight = 12,
     .make = make_log,
     .predict = predict_commits,
     .may_differ = may_be_less,
     .reads_past = reads_past},
    {.name = "history.replay",
     .args = "run from# until# until_time from_time limit cursor",
     .weight = 8,
     .make = make_commits,
     .predict = predict_commits,
     .may_differ = may_be_less,
     .reads_past = reads_past},
    {.name = "history.explain",
     .args = "run ref as_of as_of_time versions levels limit",
     .weight = 8,
     .make = make_explain,
     .predict = predict_explain,
     .may_differ = explains_less,
     .reads_past = reads_past},
};
const size_t ops_history_count = sizeof ops_history / sizeof ops_history[0];
