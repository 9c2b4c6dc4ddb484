/* op_json.c - JSON documents: each version whole, as a tree (tree.h), with the edits that made it of the
 * one before.
 *
 * What the core keeps as a base and changes is one version after the other here. Inside a transaction an
 * own write is the document as the transaction sees it, with all its edits since the beginning; at the
 * commit these are made to the document as it is then. What an operation depends on and what it changes
 * are noted as regions; model_txn.c asks whether they met.
 */
#include "draw_json.h"
#include "history.h"

#include "base/limits.h"

/* ---- What the model keeps -------------------------------------------------------------------- */

static void own_route(model *m, tree_route *route) {
    for (size_t i = 0; i < route->count; i++) {
        route->steps[i].name = model_copy(m, route->steps[i].name);
    }
}

void json_own(model *m, model_document *document) {
    tree_edit *edits = model_alloc(m, (document->count + 1) * sizeof *edits);
    document->root = tree_copy(&m->arena, document->root);
    for (size_t i = 0; i < document->count; i++) {
        edits[i] = document->edits[i];
        own_route(m, &edits[i].route);
        if (edits[i].value != NULL) {
            edits[i].value = tree_copy(&m->arena, edits[i].value);
        }
    }
    document->edits = edits;
}

static const model_document *document_of(const model_version *version) {
    return version == NULL || version->deleted ? NULL : version->value.data;
}

bool json_meets(const model_version *version, const doc_region *wanted) {
    const model_document *document = document_of(version);
    if (document == NULL || document->whole) {
        return true;
    }
    for (size_t i = 0; i < document->count; i++) {
        doc_region touched[EDIT_REGIONS_MAX];
        const size_t count = edit_regions(&document->edits[i], touched);
        for (size_t j = 0; j < count; j++) {
            if (regions_meet(&touched[j], wanted)) {
                return true;
            }
        }
    }
    return false;
}

void expect_note(expected *e, strata_slice key, const doc_region *region, bool wrote) {
    const model_note note = {NULL, key, *region, wrote};
    model_note *made = (model_note *)arena_bytes(&e->arena, st_slice(&note, sizeof note)).data;
    if (e->last_note == NULL) {
        e->notes = made;
    } else {
        e->last_note->next = made;
    }
    e->last_note = made;
}

static void note_whole(expected *e, strata_slice key, bool wrote) {
    const doc_region all = {.shape = false};
    expect_note(e, key, &all, wrote);
}

/* That there is a document; as the shape of what is no array, which only another document touches. */
static void note_existence(expected *e, strata_slice key) {
    const doc_region existence = {.shape = true};
    expect_note(e, key, &existence, false);
}

/* ---- Arguments ------------------------------------------------------------------------------- */

/* What an operation on a document works with. */
typedef struct target {
    unsigned run;
    doc_path at;
    const tree *input;
    const model_version *version; /* it meets */
    const model_document *document;
} target;

/* A value is given as it is, or as JSON text; then `expected` has it. */
static bool expect_given(const op *o, expected *e) {
    if ((o->value.len > 0) == (o->text.len > 0)) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
    }
    return e->status == STRATA_OK;
}

static bool expect_path(const op *o, expected *e, target *t) {
    if (!path_read(&e->arena, o->path, &t->at)) {
        expect_error(e, STRATA_INVALID_PATH, NULL);
    }
    return e->status == STRATA_OK;
}

static bool expect_input(const op *o, const moment *at, expected *e, target *t) {
    t->input = tree_read(&e->arena, o->value.len > 0 ? o->value : o->expected);
    if (tree_bytes(t->input) > at->value_bytes_max) {
        expect_error(e, STRATA_CONSTRAINT, "value_too_large");
    }
    return e->status == STRATA_OK;
}

static void find(const op *o, const moment *at, uint64_t snapshot, target *t) {
    t->version = model_find(at->model, t->run, MODEL_JSON, o->key, snapshot);
    t->document = document_of(t->version);
}

static bool expect_open(const op *o, const moment *at, expected *e, target *t) {
    if (!expect_writable(at, t->run, e)) {
        return false;
    }
    find(o, at, at->snapshot, t);
    return true;
}

static bool expect_document_there(const op *o, expected *e, const target *t) {
    if (t->document == NULL) {
        note_existence(e, o->key);
        expect_error(e, STRATA_NOT_FOUND, NULL);
    }
    return t->document != NULL;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void put_document(const op *o, const moment *at, expected *e, const target *t,
                         const model_document *document) {
    const model_write write = {t->run, MODEL_JSON,
                               o->key, arena_bytes(&e->arena, st_slice(document, sizeof *document)),
                               false,  0};
    (void)expect_write(e, at, &write);
}

static void put_whole(const op *o, const moment *at, expected *e, const target *t) {
    const model_document document = {.root = t->input, .whole = true};
    if (t->input->type != STRATA_OBJECT) {
        expect_error(e, STRATA_CONSTRAINT, "root_not_object");
        return;
    }
    note_whole(e, o->key, true);
    put_document(o, at, e, t, &document);
    put_uint(expect_ok(e, 1), "version", expect_version(at));
}

static void expect_failure(const op *o, expected *e, strata_status status, const doc_change *c) {
    note_whole(e, o->key, false);
    expect_error(e, status, status == STRATA_CONSTRAINT ? c->reason : NULL);
}

/* Returns the version to tell. */
static uint64_t put_changed(const op *o, const moment *at, expected *e, const target *t,
                            const doc_change *c) {
    const bool own = at->txn != NULL && t->version->number == 0;
    model_document document = {.root = c->root, .edits = c->edits, .count = c->count};
    if (c->count == 0) {
        return t->version->number;
    }
    for (size_t i = 0; i < c->count; i++) {
        doc_region touched[EDIT_REGIONS_MAX];
        const size_t count = edit_regions(&c->edits[i], touched);
        for (size_t j = 0; j < count; j++) {
            expect_note(e, o->key, &touched[j], true);
        }
    }
    if (own) {
        const size_t before = t->document->count;
        document.whole = t->document->whole;
        document.count = before + c->count;
        document.edits =
            (tree_edit *)st_arena_alloc(&e->arena, document.count * sizeof *document.edits, 16);
        assert_non_null(document.edits);
        if (before > 0) {
            memcpy(document.edits, t->document->edits, before * sizeof *document.edits);
        }
        memcpy(document.edits + before, c->edits, c->count * sizeof *document.edits);
    }
    put_document(o, at, e, t, &document);
    return expect_version(at);
}

bool expect_document(const moment *at, expected *e, const model_write *own) {
    const model_version *version =
        model_live(at->model, own->run, MODEL_JSON, own->key, at->snapshot);
    const model_document *mine = own->value.data;
    if (own->deletes) {
        if (version != NULL) {
            (void)expect_write(e, at, own);
        }
        return true;
    }
    model_document document = {.root = mine->root, .whole = true};
    if (!mine->whole) {
        doc_change c;
        assert_non_null(version);
        change_begin(&c, &e->arena, document_of(version)->root, at->value_bytes_max);
        assert_true(change_apply(&c, mine->edits, mine->count));
        document = (model_document){.root = c.root, .edits = c.edits, .count = c.count};
    }
    if (tree_bytes(document.root) > at->value_bytes_max) {
        expect_error(e, STRATA_CONSTRAINT, "value_too_large");
        return false;
    }
    model_write write = *own;
    write.value = arena_bytes(&e->arena, st_slice(&document, sizeof document));
    (void)expect_write(e, at, &write);
    return true;
}

/* ---- Whole documents ------------------------------------------------------------------------- */

static void give(maker *mk, op *o, strata_slice value) {
    strata_buffer json = {NULL, 0, 0, NULL};
    o->value = value;
    if (one_in(mk, 100)) {
        o->value = st_slice("", 0); /* neither, which is refused */
    } else if (one_in(mk, 3)) {
        put(strata_msgpack_to_json(value, one_in(mk, 2), &json, NULL));
        o->text = arena_bytes(mk->arena, st_buffer_slice(&json));
        o->expected = value;
        o->value = st_slice("", 0);
        strata_buffer_free(&json);
    }
}

/* Mostly where there are documents already. */
static void make_key(maker *mk, op *o) {
    o->run = one_in(mk, 2) ? st_slice("", 0) : pick_run(mk);
    o->key = pick_document_key(mk);
}

static void make_create(maker *mk, op *o) {
    make_key(mk, o);
    give(mk, o, pick_document(mk));
}

static void predict_create(const op *o, const moment *at, expected *e) {
    target t;
    if (!expect_run(o, at, e, &t.run) || !expect_given(o, e) || !expect_key(o->key, e) ||
        !expect_input(o, at, e, &t) || !expect_open(o, at, e, &t)) {
        return;
    }
    if (t.document != NULL) {
        note_existence(e, o->key);
        expect_error(e, STRATA_ALREADY_EXISTS, NULL);
        return;
    }
    put_whole(o, at, e, &t);
}

static void predict_destroy(const op *o, const moment *at, expected *e) {
    target t;
    if (!expect_run(o, at, e, &t.run) || !expect_key(o->key, e) || !expect_open(o, at, e, &t)) {
        return;
    }
    const bool existed = t.document != NULL;
    if (existed) {
        note_whole(e, o->key, true);
    } else {
        note_existence(e, o->key);
    }
    strata_buffer *out = expect_ok(e, existed ? 2 : 1);
    put_bool(out, "existed", existed);
    if (existed) {
        const model_write write = {t.run, MODEL_JSON, o->key, st_slice("", 0), true, 0};
        (void)expect_write(e, at, &write);
        put_uint(out, "version", expect_version(at));
    }
}

/* ---- Changes --------------------------------------------------------------------------------- */

static void make_set(maker *mk, op *o) {
    make_key(mk, o);
    o->path = pick_path(mk, o);
    give(mk, o, o->path.len < 2 ? pick_document(mk) : pick_part(mk));
}

static void predict_set(const op *o, const moment *at, expected *e) {
    target t;
    doc_change c;
    if (!expect_run(o, at, e, &t.run) || !expect_given(o, e) || !expect_key(o->key, e) ||
        !expect_path(o, e, &t) || !expect_input(o, at, e, &t) || !expect_open(o, at, e, &t)) {
        return;
    }
    if (o->by_version) {
        note_whole(e, o->key, true);
        e->detail = t.document == NULL ? 0 : t.version->number;
        if (o->number != e->detail) {
            expect_error(e, STRATA_CONFLICT, NULL);
            return;
        }
    }
    if (t.at.count == 0) {
        put_whole(o, at, e, &t);
        return;
    }
    if (!expect_document_there(o, e, &t)) {
        return;
    }
    change_begin(&c, &e->arena, t.document->root, at->value_bytes_max);
    const strata_status status = change_set(&c, &t.at, t.input);
    if (status != STRATA_OK) {
        expect_failure(o, e, status, &c);
        return;
    }
    put_uint(expect_ok(e, 1), "version", put_changed(o, at, e, &t, &c));
}

static void make_cas(maker *mk, op *o) {
    const moment now = {.model = mk->model, .snapshot = mk->model->last};
    target t = {.version = NULL};
    make_set(mk, o);
    o->by_version = true;
    if (op_has_run(o, &now, &t.run)) {
        find(o, &now, mk->model->last, &t);
    }
    o->number = t.document == NULL || one_in(mk, 4) ? pick(mk, 3) : t.version->number;
}

static void make_delete(maker *mk, op *o) {
    make_key(mk, o);
    o->path = pick_path(mk, o);
}

static void predict_delete(const op *o, const moment *at, expected *e) {
    target t;
    doc_change c;
    bool existed = false;
    if (!expect_run(o, at, e, &t.run) || !expect_key(o->key, e) || !expect_path(o, e, &t) ||
        !expect_open(o, at, e, &t) || !expect_document_there(o, e, &t)) {
        return;
    }
    change_begin(&c, &e->arena, t.document->root, at->value_bytes_max);
    const strata_status status = change_delete(&c, &t.at, &existed);
    if (status != STRATA_OK) {
        expect_error(e, status, NULL);
        return;
    }
    if (existed && tree_bytes(c.root) > at->value_bytes_max) {
        c.reason = "value_too_large"; /* an array that gets ids of its own */
        expect_failure(o, e, STRATA_CONSTRAINT, &c);
        return;
    }
    if (!existed) {
        doc_region where;
        (void)path_resolve(t.document->root, &t.at, &where);
        expect_note(e, o->key, &where, false);
        put_bool(expect_ok(e, 1), "existed", false);
        return;
    }
    strata_buffer *out = expect_ok(e, 2);
    put_bool(out, "existed", true);
    put_uint(out, "version", put_changed(o, at, e, &t, &c));
}

typedef struct leaf_notes {
    expected *e;
    strata_slice key;
} leaf_notes;

static void note_leaf(void *arg, const tree_route *route) {
    const leaf_notes *to = arg;
    const doc_region leaf = {.shape = false, .route = *route};
    expect_note(to->e, to->key, &leaf, false);
}

static void predict_by(const op *o, const moment *at, expected *e, bool merges) {
    target t;
    doc_change c;
    if (!expect_run(o, at, e, &t.run) || !expect_key(o->key, e) || !expect_input(o, at, e, &t) ||
        !expect_open(o, at, e, &t) || !expect_document_there(o, e, &t)) {
        return;
    }
    change_begin(&c, &e->arena, t.document->root, at->value_bytes_max);
    if (merges) {
        leaf_notes notes = {e, o->key};
        merge_leaves(t.input, note_leaf, &notes);
    } else if (patch_looks(t.input)) {
        note_whole(e, o->key, false);
    }
    const strata_status status = merges ? change_merge(&c, t.input) : change_patch(&c, t.input);
    if (status != STRATA_OK) {
        expect_failure(o, e, status, &c);
        return;
    }
    put_uint(expect_ok(e, 1), "version", put_changed(o, at, e, &t, &c));
}

static void make_patch(maker *mk, op *o) {
    make_key(mk, o);
    o->value = pick_patch(mk, o);
}

static void predict_patch(const op *o, const moment *at, expected *e) {
    predict_by(o, at, e, false);
}

static void make_merge(maker *mk, op *o) {
    make_key(mk, o);
    o->value = pick_merge(mk, o);
}

static void predict_merge(const op *o, const moment *at, expected *e) {
    predict_by(o, at, e, true);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
}

static void put_tree(strata_buffer *out, const char *name, const tree *node) {
    put_name(out, name);
    tree_write(node, out);
}

static void make_get(maker *mk, op *o) {
    make_delete(mk, o);
    o->path = one_in(mk, 4) ? st_slice("", 0) : o->path;
    pick_when(mk, o);
}

/* False: refused, or there is no such document. */
static bool expect_found(const op *o, const moment *at, expected *e, target *t,
                         const tree **found) {
    uint64_t snapshot;
    doc_region where = {.shape = false};
    *found = NULL;
    if (!expect_run(o, at, e, &t->run) || !expect_key(o->key, e) || !expect_path(o, e, t) ||
        !expect_as_of(o, at, e, t->run, &snapshot)) {
        return false;
    }
    find(o, at, snapshot, t);
    if (t->document != NULL) {
        *found = path_resolve(t->document->root, &t->at, &where);
    }
    expect_note(e, o->key, &where, false);
    return true;
}

static void predict_get(const op *o, const moment *at, expected *e) {
    target t;
    const tree *found;
    if (!expect_found(o, at, e, &t, &found)) {
        return;
    }
    if (found == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    strata_buffer *out = expect_ok(e, 3);
    put_tree(out, "value", found);
    put_stamp(out, t.version);
}

static void predict_exists(const op *o, const moment *at, expected *e) {
    target t;
    const tree *found;
    if (expect_found(o, at, e, &t, &found)) {
        put_bool(expect_ok(e, 1), "exists", found != NULL);
    }
}

static void make_list(maker *mk, op *o) {
    o->run = pick_run(mk);
    pick_page(mk, o, 'd');
    pick_when(mk, o);
    o->start = one_in(mk, 4) ? pick_text(mk, "d%u", (unsigned)pick(mk, 4)) : st_slice("", 0);
    o->end = one_in(mk, 4) ? pick_text(mk, "d%u", (unsigned)pick(mk, 9)) : st_slice("", 0);
    o->whole = one_in(mk, 2);
}

static void predict_list(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    strata_slice last = {NULL, 0};
    open_list list;
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_JSON);
    strata_buffer *out = expect_list(e, "documents", &list);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[o->reverse ? table->count - 1 - i : i];
        const model_version *version = model_seen(cell, snapshot);
        const model_document *document = document_of(version);
        if (document == NULL || !in_page(o, cell->key)) {
            continue;
        }
        if (list.count == limit) {
            e->stood = cell->key;
            expect_list_end(e, &list, last);
            return;
        }
        note_whole(e, cell->key, false);
        put(st_msgpack_put_object(out, o->whole ? 4 : 3));
        put_text(out, "key", cell->key);
        put_stamp(out, version);
        if (o->whole) {
            put_tree(out, "document", document->root);
        }
        last = cell->key;
        list.count++;
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

static void make_count(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->prefix = one_in(mk, 2) ? strata_text("d1") : st_slice("", 0);
    pick_when(mk, o);
}

static void predict_count(const op *o, const moment *at, expected *e) {
    uint64_t count = 0;
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_JSON);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[i];
        count += document_of(model_seen(cell, snapshot)) != NULL && in_page(o, cell->key);
    }
    put_uint(expect_ok(e, 1), "count", count);
}

static void make_history(maker *mk, op *o) {
    make_key(mk, o);
    o->until = one_in(mk, 3) ? pick(mk, mk->model->last + 2) : 0;
    o->limit = pick_limit(mk);
    o->whole = one_in(mk, 2);
}

static void predict_history(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    const uint64_t newest =
        o->until > 0 && o->until - 1 < at->snapshot ? o->until - 1 : at->snapshot;
    open_list list;
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e) || !expect_key(o->key, e)) {
        return;
    }
    strata_buffer *out = expect_list(e, "revisions", &list);
    uint64_t last = 0;
    const model_version *version = history_next(at, run, MODEL_JSON, o->key, newest);
    for (; version != NULL && list.count < limit; list.count++) {
        const model_document *document = document_of(version);
        const bool shown = o->whole && document != NULL;
        put(st_msgpack_put_object(out, shown ? 5 : 4));
        put_stamp(out, version);
        put_bool(out, "deleted", version->deleted);
        put_bool(out, "whole", document == NULL || document->whole);
        if (shown) {
            put_tree(out, "document", document->root);
        }
        last = version->number;
        version = history_next(at, run, MODEL_JSON, o->key, version->number - 1);
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
    if (version != NULL && last > 0) {
        st_msgpack_patch(out, list.object, 2);
        put_uint(out, "next", last);
    }
}

/* ---- The C functions ------------------------------------------------------------------------- */

static strata_status find_run(const op *o, strata_db *db, strata_run *run) {
    *run = STRATA_RUN_DEFAULT;
    return o->run.len == 0 ? STRATA_OK : strata_run_find(db, o->run, run);
}

static void begin_response(strata_buffer *out, uint32_t pairs) {
    put(st_msgpack_put_array(out, 2));
    put(st_msgpack_put_bool(out, true));
    put(st_msgpack_put_object(out, pairs));
}

static strata_status call_create(const op *o, strata_db *db, strata_buffer *out) {
    strata_run run;
    strata_value value;
    uint64_t version;
    if ((o->value.len > 0) == (o->text.len > 0)) {
        return strata_exec(db, o->request, out); /* the functions take one of them */
    }
    ST_TRY(find_run(o, db, &run));
    if (o->text.len > 0) {
        ST_TRY(strata_json_create_text(db, run, o->key, o->text, &version));
    } else {
        assert_true(st_value_decode(o->value, &value));
        ST_TRY(strata_json_create(db, run, o->key, value, &version));
    }
    begin_response(out, 1);
    put_uint(out, "version", version);
    return STRATA_OK;
}

static strata_status call_set(const op *o, strata_db *db, strata_buffer *out) {
    strata_run run;
    strata_value value;
    uint64_t version;
    if ((o->value.len > 0) == (o->text.len > 0)) {
        return strata_exec(db, o->request, out);
    }
    ST_TRY(find_run(o, db, &run));
    if (o->text.len > 0) {
        ST_TRY(strata_json_set_text(db, run, o->key, o->path, o->text, &version));
    } else {
        assert_true(st_value_decode(o->value, &value));
        ST_TRY(strata_json_set(db, run, o->key, o->path, value, &version));
    }
    begin_response(out, 1);
    put_uint(out, "version", version);
    return STRATA_OK;
}

static strata_status call_get(const op *o, strata_db *db, strata_buffer *out) {
    strata_run run;
    strata_entry entry;
    if (o->as_of != UINT64_MAX || o->as_of_us != 0) {
        return strata_exec(db, o->request, out); /* whose error says what is kept */
    }
    ST_TRY(find_run(o, db, &run));
    ST_TRY(strata_json_get(db, run, o->key, o->path, &entry));
    begin_response(out, 3);
    put_name(out, "value");
    put(st_value_encode(&entry.value, SIZE_MAX, out, NULL));
    put_uint(out, "version", entry.version);
    put_int(out, "timestamp", entry.timestamp_us);
    return STRATA_OK;
}

const op_kind ops_json[] = {
    {.name = "json.create",
     .args = "run key document text?",
     .weight = 22,
     .make = make_create,
     .predict = predict_create,
     .call = call_create,
     .writes = true},
    {.name = "json.set",
     .args = "run key path! value? text?",
     .weight = 60,
     .make = make_set,
     .predict = predict_set,
     .call = call_set,
     .writes = true},
    {.name = "json.cas",
     .args = "run key path! value? text? expected_version",
     .weight = 10,
     .make = make_cas,
     .predict = predict_set,
     .writes = true},
    {.name = "json.delete",
     .args = "run key path!",
     .weight = 16,
     .make = make_delete,
     .predict = predict_delete,
     .writes = true},
    {.name = "json.destroy",
     .args = "run key",
     .weight = 4,
     .make = make_key,
     .predict = predict_destroy,
     .writes = true},
    {.name = "json.patch",
     .args = "run key operations",
     .weight = 24,
     .make = make_patch,
     .predict = predict_patch,
     .writes = true},
    {.name = "json.merge",
     .args = "run key patch",
     .weight = 14,
     .make = make_merge,
     .predict = predict_merge,
     .writes = true},
    {.name = "json.get",
     .args = "run key path as_of as_of_time",
     .weight = 24,
     .make = make_get,
     .predict = predict_get,
     .call = call_get,
     .trims = history_trims_json,
     .reads_past = reads_past},
    {.name = "json.exists",
     .args = "run key path as_of as_of_time",
     .weight = 4,
     .make = make_get,
     .predict = predict_exists,
     .trims = history_trims_json,
     .reads_past = reads_past},
    {.name = "json.list",
     .args = "run prefix start end reverse documents limit cursor as_of as_of_time",
     .weight = 10,
     .make = make_list,
     .predict = predict_list,
     .trims = history_trims_documents,
     .reads_past = reads_past},
    {.name = "json.count",
     .args = "run prefix as_of as_of_time",
     .weight = 3,
     .make = make_count,
     .predict = predict_count,
     .trims = history_trims_documents,
     .reads_past = reads_past},
    {.name = "json.history",
     .args = "run key before# limit documents",
     .weight = 8,
     .make = make_history,
     .predict = predict_history,
     .shortens = true},
};
const size_t ops_json_count = sizeof ops_json / sizeof ops_json[0];
