/* check.c - everything that can be read, compared with the model.
 *
 * Reads go through the same rows as the clients' own; here their arguments are not drawn, but chosen
 * so that nothing is left out.
 */
#include "life.h"

#include "base/limits.h"

typedef struct sweep {
    life *life;
    bool quiet;
    bool holds;
    const char *name; /* of the kind that was found last */
    const op_kind *kind;
} sweep;

static void look(sweep *s, op *o, const char *name) {
    if (s->holds) {
        s->kind = name == s->name ? s->kind : op_find(name);
        s->name = name;
        o->kind = s->kind;
        s->holds = round_holds(s->life, o, s->quiet);
    }
}

static op blank(strata_slice run) {
    const op o = {.run = run, .as_of = UINT64_MAX, .by = 0};
    return o;
}

static void check_now(sweep *s, strata_slice run, unsigned place) {
    const model *m = &s->life->model;
    op o = blank(run);
    look(s, &o, "kv.count");
    look(s, &o, "event.head");
    look(s, &o, "event.verify");
    o.limit = ST_PAGE_MAX;
    look(s, &o, "kv.list");
    look(s, &o, "event.range");
    look(s, &o, "memory.list");
    look(s, &o, "state.list");
    look(s, &o, "trace.list");
    o.whole = true;
    look(s, &o, "json.list");
    look(s, &o, "vector.collections");
    o.reverse = true;
    look(s, &o, "kv.list");
    look(s, &o, "json.list");
    o = blank(run);
    o.text = strata_text("t0 t1 t2 t5 t9");
    o.number = ST_PAGE_MAX;
    look(s, &o, "memory.recall");
    const model_table *keys = model_table_of(m, place, MODEL_KV);
    for (size_t i = 0; i < keys->count; i++) {
        o = blank(run);
        o.key = keys->cells[i]->key;
        o.limit = ST_PAGE_MAX;
        look(s, &o, "kv.history");
    }
    const model_table *documents = model_table_of(m, place, MODEL_JSON);
    for (size_t i = 0; i < documents->count; i++) {
        o = blank(run);
        o.key = documents->cells[i]->key;
        o.limit = ST_PAGE_MAX;
        o.whole = true;
        look(s, &o, "json.history");
    }
}

/* Every edge, from both of its ends. */
static void check_edges(sweep *s, strata_slice run, unsigned place) {
    static const model_kind kinds[] = {MODEL_EDGE, MODEL_EDGE_IN};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        const model_table *table = model_table_of(&s->life->model, place, kinds[k]);
        strata_slice last = st_slice("", 0);
        for (size_t i = 0; i < table->count; i++) {
            const strata_slice key = table->cells[i]->key;
            op o = blank(run);
            o.key = st_slice(key.data, strlen(key.data)); /* up to its first 00 */
            o.limit = ST_PAGE_MAX;
            if (!st_slice_equal(o.key, last)) {
                look(s, &o, k == 0 ? "edge.out" : "edge.in");
            }
            last = o.key;
        }
    }
}

/* Those of every schema, and those that were deleted. */
static void check_entities(sweep *s, strata_slice run, unsigned place, uint64_t version) {
    const model_table *schemas = model_table_of(&s->life->model, place, MODEL_SCHEMA);
    for (size_t i = 0; i < schemas->count; i++) {
        op o = blank(run);
        o.as_of = version;
        o.key = schemas->cells[i]->key;
        look(s, &o, "schema.get");
        o.type = o.key;
        o.limit = ST_PAGE_MAX;
        look(s, &o, "entity.list");
        o.whole = true;
        look(s, &o, "entity.list");
    }
}

/* The entries of every collection, and all of them in order of distance. */
static void check_vectors(sweep *s, strata_slice run, unsigned place, uint64_t version) {
    static const char *const queries[] = {"\x92\x01\xff", "\x93\x01\xff\x01",
                                          "\x94\x01\xff\x01\x02"};
    const uint64_t last =
        s->life->present < s->life->model.last ? s->life->present : s->life->model.last;
    const model_table *collections = model_table_of(&s->life->model, place, MODEL_COLLECTION);
    for (size_t i = 0; i < collections->count; i++) {
        const model_version *of =
            model_seen(collections->cells[i], version < last ? version : last);
        op o = blank(run);
        o.as_of = version;
        o.type = collections->cells[i]->key;
        o.limit = ST_PAGE_MAX;
        o.whole = true;
        look(s, &o, "vector.list");
        if (!vector_is_collection(of)) {
            continue;
        }
        o.expected = strata_text(queries[vector_dimension(of) - 2]);
        o.number = ST_PAGE_MAX;
        look(s, &o, "vector.search");
        o.reverse = true; /* exact */
        look(s, &o, "vector.search");
        o = blank(run);
        o.as_of = version;
        o.key = collections->cells[i]->key;
        look(s, &o, "vector.info");
    }
}

/* The same once more as history tells it. */
static void check_history(sweep *s, strata_slice run, uint64_t version) {
    op o = blank(run);
    o.limit = ST_PAGE_MAX;
    o.as_of = version;
    look(s, &o, "history.state");
    o.until = UINT64_MAX;
    look(s, &o, "history.diff");
    o.until = 0;
    if (version == UINT64_MAX) {
        look(s, &o, "history.log");
        look(s, &o, "history.replay");
    }
}

static void check_then(sweep *s, strata_slice run, unsigned place, uint64_t version) {
    const model_table *memories = model_table_of(&s->life->model, place, MODEL_MEMORY);
    check_entities(s, run, place, version);
    check_vectors(s, run, place, version);
    if (chance_in(s->life, 4)) {
        check_history(s, run, version);
    }
    op o = blank(run);
    o.as_of = version;
    o.limit = ST_PAGE_MAX;
    look(s, &o, "kv.list");
    look(s, &o, "state.list");
    look(s, &o, "trace.list");
    o.whole = true;
    look(s, &o, "json.list");
    for (size_t i = 0; i < memories->count; i++) {
        const model_version *seen = model_seen(memories->cells[i], version);
        if (seen != NULL && seen->number + 3 > version) {
            o = blank(run);
            o.as_of = version;
            o.key = memories->cells[i]->key;
            look(s, &o, "memory.get");
        }
    }
}

/* Where a list may be refused for the sake of one key, what is promised of the others still holds. */
static void check_keys_then(sweep *s, strata_slice run, unsigned place, uint64_t version) {
    const model_table *keys = model_table_of(&s->life->model, place, MODEL_KV);
    if (model_table_of(&s->life->model, MODEL_SYSTEM, MODEL_RULE)->count == 0) {
        return;
    }
    for (size_t i = 0; i < keys->count; i++) {
        const model_version *seen = model_seen(keys->cells[i], version);
        if (seen != NULL && (!seen->may_go || chance_in(s->life, 8))) {
            op o = blank(run);
            o.as_of = version;
            o.key = keys->cells[i]->key;
            look(s, &o, "kv.get");
        }
    }
    const model_table *documents = model_table_of(&s->life->model, place, MODEL_JSON);
    for (size_t i = 0; i < documents->count; i++) {
        const model_version *seen = model_seen(documents->cells[i], version);
        if (seen != NULL && (!seen->may_go || chance_in(s->life, 8))) {
            op o = blank(run);
            o.as_of = version;
            o.key = documents->cells[i]->key;
            look(s, &o, "json.get");
        }
    }
}

bool check_everything(life *l, uint64_t versions, bool quiet) {
    sweep s = {.life = l, .quiet = quiet, .holds = true};
    const model_table *runs = model_table_of(&l->model, MODEL_SYSTEM, MODEL_RUN);
    const uint64_t last = l->present < l->model.last ? l->present : l->model.last;
    op o = blank(st_slice("", 0));
    o.limit = ST_PAGE_MAX;
    if (l->unknown_count == 0) {
        st_arena_reset(&l->arena);
    }
    look(&s, &o, "run.list");
    look(&s, &o, "retention.list");
    for (size_t i = 0; i < runs->count; i++) {
        const strata_slice name = runs->cells[i]->key;
        const model_version *version = model_seen(runs->cells[i], last);
        if (version == NULL || version->deleted) {
            continue;
        }
        const unsigned place = ((const model_run *)version->value.data)->place;
        o = blank(st_slice("", 0));
        o.key = name;
        look(&s, &o, "run.get");
        check_now(&s, name, place);
        check_edges(&s, name, place);
        check_entities(&s, name, place, UINT64_MAX);
        check_vectors(&s, name, place, UINT64_MAX);
        check_history(&s, name, UINT64_MAX);
        const bool all = versions >= last;
        for (uint64_t v = 1; v <= (all ? last : versions); v++) {
            const uint64_t then = all ? v : chance_below(l, last + 1);
            check_then(&s, name, place, then);
            if (!all || chance_in(l, 4)) {
                check_keys_then(&s, name, place, then);
            }
        }
    }
    if (!l->broken) {
        o = blank(st_slice("", 0));
        look(&s, &o, "db.stats");
        if (versions >= last || chance_in(l, 3)) {
            look(&s, &o, "db.verify");
        }
    }
    return s.holds;
}
