/* op_retention.c - the rules of retention. What they lead to is in history.c. */
#include "base/limits.h"
#include "history.h"

static const char *const keeps[] = {"all", "last", "for"};

static const struct {
    const char *name;
    model_kind kind;
} primitives[] = {{"", MODEL_KINDS},        {"kv", MODEL_KV},       {"json", MODEL_JSON},
                  {"memory", MODEL_MEMORY}, {"event", MODEL_EVENT}, {"entity", MODEL_ENTITY},
                  {"vector", MODEL_VECTOR}};
enum { PRIMITIVES = sizeof primitives / sizeof primitives[0] };

static const char *name_of(model_kind kind) {
    size_t i = 0;
    while (primitives[i].kind != kind) {
        i++;
    }
    return primitives[i].name;
}

/* ---- Scopes ---------------------------------------------------------------------------------- */

typedef struct scope {
    unsigned run;
    model_kind kind;
    strata_slice key; /* its place among the rules */
} scope;

static void make_scope(maker *mk, op *o) {
    static const char *const some[] = {"kv",     "json",  "memory", "entity",
                                       "vector", "event", "graph"};
    o->run = one_in(mk, 2) ? pick_run(mk) : st_slice("", 0);
    if (one_in(mk, 2)) {
        o->type = strata_text(some[pick(mk, one_in(mk, 6) ? 7 : 5)]);
    }
}

static bool expect_scope(const op *o, const moment *at, expected *e, scope *s) {
    char key[512];
    size_t i = 0;
    if (!expect_run(o, at, e, &s->run)) {
        return false;
    }
    s->run = o->run.len == 0 ? MODEL_SYSTEM : s->run;
    while (i < PRIMITIVES && !st_slice_equal(o->type, strata_text(primitives[i].name))) {
        i++;
    }
    if (i == PRIMITIVES) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return false;
    }
    s->kind = primitives[i].kind;
    const int len = snprintf(key, sizeof key, "%s%s%.*s", i == 0 ? "*" : primitives[i].name,
                             o->run.len > 0 ? "/" : "", (int)o->run.len, (const char *)o->run.data);
    s->key = arena_bytes(&e->arena, st_slice(key, (size_t)len));
    return true;
}

/* ---- Operations ------------------------------------------------------------------------------ */

static void make_set(maker *mk, op *o) {
    make_scope(mk, o);
    const uint64_t keep = mk->retains && !one_in(mk, 6) ? KEEP_LAST + pick(mk, 2) : KEEP_ALL;
    o->text = strata_text(one_in(mk, 50) ? "some" : keeps[keep]);
    o->number = (keep == KEEP_LAST) != one_in(mk, 50) ? 1 + pick(mk, 4) : 0;
    if ((keep == KEEP_FOR) != one_in(mk, 50)) {
        o->until = 1 + pick(mk, one_in(mk, 3) ? 4000000 : 300);
    }
}

static bool expect_policy(const op *o, expected *e, model_rule *rule) {
    int keep = KEEP_ALL;
    while (keep <= KEEP_FOR && !st_slice_equal(o->text, strata_text(keeps[keep]))) {
        keep++;
    }
    if (keep > KEEP_FOR || (o->number > 0) != (keep == KEEP_LAST) ||
        (o->until > 0) != (keep == KEEP_FOR)) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return false;
    }
    rule->keep = keep;
    rule->versions = o->number;
    rule->duration_us = (int64_t)o->until * 1000;
    return true;
}

static void predict_set(const op *o, const moment *at, expected *e) {
    scope s;
    model_rule rule = {.keep = KEEP_ALL};
    if (!expect_scope(o, at, e, &s) || !expect_policy(o, e, &rule)) {
        return;
    }
    if (s.kind == MODEL_EVENT) {
        expect_error(e, STRATA_CONSTRAINT, "never_trimmed");
        return;
    }
    rule.run = s.run;
    rule.kind = s.kind;
    const model_write write = {.run = MODEL_SYSTEM,
                               .kind = MODEL_RULE,
                               .key = s.key,
                               .value = arena_bytes(&e->arena, st_slice(&rule, sizeof rule))};
    (void)expect_write(e, at, &write);
    put_uint(expect_ok(e, 1), "version", expect_version(at));
}

static void predict_remove(const op *o, const moment *at, expected *e) {
    scope s;
    if (!expect_scope(o, at, e, &s)) {
        return;
    }
    const bool existed =
        model_live(at->model, MODEL_SYSTEM, MODEL_RULE, s.key, at->snapshot) != NULL;
    strata_buffer *out = expect_ok(e, existed ? 2 : 1);
    put_bool(out, "existed", existed);
    if (existed) {
        const model_write write = {
            .run = MODEL_SYSTEM, .kind = MODEL_RULE, .key = s.key, .deletes = true};
        (void)expect_write(e, at, &write);
        put_uint(out, "version", expect_version(at));
    }
}

static void put_policy(strata_buffer *out, const model_rule *rule) {
    put_text(out, "keep", strata_text(keeps[rule->keep]));
    if (rule->keep == KEEP_LAST) {
        put_uint(out, "versions", rule->versions);
    } else if (rule->keep == KEEP_FOR) {
        put_int(out, "duration_ms", rule->duration_us / 1000);
    }
}

static void predict_get(const op *o, const moment *at, expected *e) {
    scope s;
    const char *source;
    if (!expect_scope(o, at, e, &s)) {
        return;
    }
    model_rule rule = history_rule(at->model, s.run, s.kind, at->snapshot, &source);
    if (s.kind == MODEL_EVENT) {
        rule.keep = KEEP_ALL;
        source = "never_trimmed";
    }
    strata_buffer *out = expect_ok(e, rule.keep == KEEP_ALL ? 2 : 3);
    put_policy(out, &rule);
    put_text(out, "source", strata_text(source));
}

/* Compaction must know a rule as soon as it may be in force, so a commit that was refused counts. */
static bool get_matches(const op *o, const moment *at, const expected *e, strata_slice response) {
    (void)o;
    return at->broken || st_slice_equal(st_buffer_slice(&e->answer), response);
}

static void make_list(maker *mk, op *o) {
    o->limit = pick_limit(mk);
    o->cursor = one_in(mk, 4) ? strata_text(one_in(mk, 2) ? "*" : "kv") : st_slice("", 0);
}

static void put_rule(strata_buffer *out, strata_slice key, const model_version *version) {
    const model_rule *rule = version->value.data;
    const char *slash = memchr(key.data, '/', key.len);
    const size_t before = slash == NULL ? 0 : (size_t)(slash + 1 - (const char *)key.data);
    put(st_msgpack_put_object(out, 3u + (rule->keep == KEEP_ALL ? 0u : 1u) +
                                       (slash == NULL ? 0u : 1u) +
                                       (rule->kind == MODEL_KINDS ? 0u : 1u)));
    if (slash != NULL) {
        put_text(out, "run", st_slice(slash + 1, key.len - before));
    }
    if (rule->kind != MODEL_KINDS) {
        put_text(out, "primitive", strata_text(name_of(rule->kind)));
    }
    put_policy(out, rule);
    put_stamp(out, version);
}

static void predict_list(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    const model_table *rules = model_table_of(at->model, MODEL_SYSTEM, MODEL_RULE);
    strata_slice last = {NULL, 0};
    open_list list;
    if (!expect_bounds(o, e)) {
        return;
    }
    strata_buffer *out = expect_list(e, "rules", &list);
    for (size_t i = 0; i < rules->count; i++) {
        const model_cell *cell = rules->cells[i];
        const model_version *version = model_seen(cell, at->snapshot);
        if (version == NULL || version->deleted || !in_page(o, cell->key)) {
            continue;
        }
        if (list.count == limit) {
            expect_list_end(e, &list, last);
            return;
        }
        put_rule(out, cell->key, version);
        last = cell->key;
        list.count++;
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

const op_kind ops_retention[] = {
    {.name = "retention.set",
     .args = "scope primitive keep versions duration_ms",
     .weight = 8,
     .make = make_set,
     .predict = predict_set,
     .writes = true},
    {.name = "retention.remove",
     .args = "scope primitive",
     .weight = 2,
     .make = make_scope,
     .predict = predict_remove,
     .writes = true},
    {.name = "retention.get",
     .args = "scope primitive",
     .weight = 2,
     .make = make_scope,
     .predict = predict_get,
     .matches = get_matches},
    {.name = "retention.list",
     .args = "limit cursor",
     .weight = 2,
     .make = make_list,
     .predict = predict_list},
};
const size_t ops_retention_count = sizeof ops_retention / sizeof ops_retention[0];
