/* retention.c - rules of retention: records of run 0, and a table for compaction.
 *
 * Under ST_TAG_RETENTION a rule's key is the scope as text: "*" or the primitive's name, and in a run
 * "/" and the run's name. The record is a MessagePack map {keep, run?, versions?, duration?}: keep is
 * the number of st_keep, run the number of the run (its name may be another's one day), duration
 * microseconds.
 * The table holds the same rules in order of (run, primitive), so that one of them is found by halving.
 * Compaction asks it from a thread of its own.
 *
 * Invariants:
 * 1. The table changes inside the commit of the record, under the lock of run 0; what it needs of
 *    memory is taken before.
 * 2. retention_lock is taken last and held for a look-up or a change; nothing is called under it.
 */
#include "model/retention.h"

#include "model/run/run.h"
#include "model/write.h"

/* A sentence's worth of names. */
static strata_status fail_primitive(st_request *rq, strata_slice name) {
    char known[STRATA_ERROR_MESSAGE_MAX / 2];
    size_t len = 0;
    for (size_t i = ST_PRIMITIVE_NONE + 1; i < ST_PRIMITIVE_COUNT; i++) {
        len += st_format(known + len, sizeof known - len, "%s%s",
                         i == ST_PRIMITIVE_NONE + 1 ? "" : ", ",
                         st_primitive_of((st_primitive_id)i)->name);
    }
    return st_fail(rq->error, STRATA_INVALID_ARGUMENT, "there is no primitive \"%S\"; there are %s",
                   &name, known);
}

strata_status st_primitive_parse(st_request *rq, strata_slice name, st_primitive_id *primitive) {
    const st_primitive *found = st_primitive_named(name);
    if (found == NULL) {
        return fail_primitive(rq, name);
    }
    *primitive = found->id;
    return STRATA_OK;
}

/* ---- The table ------------------------------------------------------------------------------- */

typedef struct table_rule {
    uint64_t run;
    st_primitive_id primitive; /* NONE: every one */
    st_policy policy;
} table_rule;

static table_rule *rules_of(const st_model *model) {
    return (table_rule *)(void *)model->rules.data;
}

static size_t rule_count(const st_model *model) {
    return model->rules.len / sizeof(table_rule);
}

/* The first rule that is not before it. Under retention_lock. */
static size_t seek_rule(const st_model *model, uint64_t run, st_primitive_id primitive) {
    const table_rule *rules = rules_of(model);
    size_t low = 0;
    size_t high = rule_count(model);
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const bool before = rules[middle].run < run ||
                            (rules[middle].run == run && rules[middle].primitive < primitive);
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    return low;
}

static const table_rule *find_rule(const st_model *model, uint64_t run, st_primitive_id primitive) {
    const size_t at = seek_rule(model, run, primitive);
    const table_rule *rule = &rules_of(model)[at];
    return at < rule_count(model) && rule->run == run && rule->primitive == primitive ? rule : NULL;
}

/* Room for one more is there. Under retention_lock. */
static void put_rule(st_model *model, const table_rule *rule) {
    const size_t at = seek_rule(model, rule->run, rule->primitive);
    table_rule *rules = rules_of(model);
    if (find_rule(model, rule->run, rule->primitive) == NULL) {
        memmove(rules + at + 1, rules + at, (rule_count(model) - at) * sizeof *rules);
        model->rules.len += sizeof *rules;
    }
    rules[at] = *rule;
}

static void drop_rule(st_model *model, uint64_t run, st_primitive_id primitive) {
    const size_t at = seek_rule(model, run, primitive);
    table_rule *rules = rules_of(model);
    if (find_rule(model, run, primitive) != NULL) {
        memmove(rules + at, rules + at + 1, (rule_count(model) - at - 1) * sizeof *rules);
        model->rules.len -= sizeof *rules;
    }
}

const char *st_rule_source_name(st_rule_source source) {
    static const char *const names[] = {"none", "database",      "primitive",
                                        "run",  "run_primitive", "never_trimmed"};
    return names[source];
}

st_policy st_retention_find(st_model *model, uint64_t run, st_primitive_id primitive,
                            st_rule_source *source) {
    static const st_policy all = {ST_KEEP_ALL, 0, 0};
    const struct {
        uint64_t run;
        st_primitive_id primitive;
        st_rule_source source;
    } places[] = {{run, primitive, ST_RULE_RUN_PRIMITIVE},
                  {run, ST_PRIMITIVE_NONE, ST_RULE_RUN},
                  {0, primitive, ST_RULE_PRIMITIVE},
                  {0, ST_PRIMITIVE_NONE, ST_RULE_DATABASE}};
    const bool narrow = primitive != ST_PRIMITIVE_NONE;
    *source = ST_RULE_NEVER;
    if (narrow && st_primitive_of(primitive)->whole) {
        return all;
    }
    st_policy policy = all;
    *source = ST_RULE_NONE;
    st_mutex_lock(&model->retention_lock, &model->host->executor);
    for (size_t i = 0; i < sizeof places / sizeof places[0] && *source == ST_RULE_NONE; i++) {
        const bool wanted =
            (run != 0 || places[i].source < ST_RULE_RUN) &&
            (narrow || places[i].source == ST_RULE_RUN || places[i].source == ST_RULE_DATABASE);
        const table_rule *rule =
            wanted ? find_rule(model, places[i].run, places[i].primitive) : NULL;
        if (rule != NULL) {
            policy = rule->policy;
            *source = places[i].source;
        }
    }
    st_mutex_unlock(&model->retention_lock, &model->host->executor);
    return policy;
}

static bool is_same(const st_policy *a, const st_policy *b) {
    return a->keep == b->keep && a->versions == b->versions && a->duration_us == b->duration_us;
}

/* Entries of indexes are kept as what they are of; where that differs, they all stay. */
static st_policy policy_of_entries(st_model *model, uint64_t run) {
    static const st_policy all = {ST_KEEP_ALL, 0, 0};
    st_rule_source source;
    const st_policy json = st_retention_find(model, run, ST_PRIMITIVE_JSON, &source);
    const st_policy memory = st_retention_find(model, run, ST_PRIMITIVE_MEMORY, &source);
    const st_policy entity = st_retention_find(model, run, ST_PRIMITIVE_ENTITY, &source);
    return is_same(&json, &memory) && is_same(&json, &entity) ? json : all;
}

/* What compaction asks. */
static st_policy policy_for(void *ctx, uint64_t run, uint8_t tag) {
    static const st_policy all = {ST_KEEP_ALL, 0, 0};
    const st_primitive *of = st_primitive_of_tag(tag);
    st_rule_source source;
    if (run != ST_RUN_SYSTEM && tag == ST_TAG_INDEX_ENTRY) {
        return policy_of_entries(ctx, run);
    }
    return run == ST_RUN_SYSTEM || of == NULL ? all : st_retention_find(ctx, run, of->id, &source);
}

/* ---- Records --------------------------------------------------------------------------------- */

static void scope_key(const st_scope *scope, st_key *key) {
    char text[ST_KEY_BYTES_MAX];
    const strata_slice all = strata_text("*");
    const strata_slice primitive = scope->primitive == ST_PRIMITIVE_NONE
                                       ? all
                                       : strata_text(st_primitive_of(scope->primitive)->name);
    const bool in_run = scope->run != 0;
    memcpy(text, primitive.data, primitive.len);
    size_t len = primitive.len;
    if (in_run) {
        ST_ASSERT(scope->run_name.len > 0 && scope->run_name.len <= ST_NAME_BYTES_MAX);
        text[len++] = '/';
        memcpy(text + len, scope->run_name.data, scope->run_name.len);
        len += scope->run_name.len;
    }
    st_key_text(key, ST_TAG_RETENTION, st_slice(text, len));
}

static strata_status put_number(strata_buffer *out, const char *name, uint64_t number) {
    ST_TRY(st_msgpack_put_string(out, strata_text(name)));
    return st_msgpack_put_uint(out, number);
}

static strata_status encode_rule(const st_rule *rule, strata_buffer *out) {
    const st_policy *policy = &rule->policy;
    const bool in_run = rule->scope.run != 0;
    out->len = 0;
    ST_TRY(st_msgpack_put_object(out, 1u + (in_run ? 1u : 0u) +
                                          (policy->keep == ST_KEEP_ALL ? 0u : 1u)));
    ST_TRY(put_number(out, "keep", (uint64_t)policy->keep));
    if (in_run) {
        ST_TRY(put_number(out, "run", rule->scope.run));
    }
    if (policy->keep == ST_KEEP_LAST) {
        return put_number(out, "versions", policy->versions);
    }
    return policy->keep == ST_KEEP_FOR ? put_number(out, "duration", (uint64_t)policy->duration_us)
                                       : STRATA_OK;
}

static bool take_field(strata_slice name, strata_slice value, st_rule *rule, bool *kept) {
    st_cursor cursor = st_cursor_over(value);
    st_token token;
    if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_INT || token.as.integer < 0) {
        return true; /* a field of a later version */
    }
    if (st_slice_equal(name, strata_text("keep"))) {
        *kept = token.as.integer <= ST_KEEP_FOR;
        rule->policy.keep = *kept ? (st_keep)token.as.integer : ST_KEEP_ALL;
    } else if (st_slice_equal(name, strata_text("run"))) {
        rule->scope.run = (uint64_t)token.as.integer;
    } else if (st_slice_equal(name, strata_text("versions"))) {
        rule->policy.versions = (uint64_t)token.as.integer;
    } else if (st_slice_equal(name, strata_text("duration"))) {
        rule->policy.duration_us = token.as.integer;
    }
    return true;
}

/* The scope that a key names, but for the number of the run. */
static bool read_scope(strata_slice text, st_scope *scope) {
    const char *slash = memchr(text.data, '/', text.len);
    const size_t len = slash == NULL ? text.len : (size_t)(slash - (const char *)text.data);
    const strata_slice name = st_slice(text.data, len);
    if (slash != NULL) {
        scope->run_name = st_slice(slash + 1, text.len - len - 1);
    }
    const st_primitive *found = st_primitive_named(name);
    scope->primitive = found == NULL ? ST_PRIMITIVE_NONE : found->id;
    return found != NULL || st_slice_equal(name, strata_text("*"));
}

static bool is_sound(const st_rule *rule, bool kept) {
    const st_policy *policy = &rule->policy;
    return kept && (rule->scope.run != 0) == (rule->scope.run_name.len > 0) &&
           (policy->keep != ST_KEEP_LAST || policy->versions > 0) &&
           (policy->keep != ST_KEEP_FOR || policy->duration_us > 0);
}

strata_status st_retention_read(st_request *rq, strata_slice key, strata_slice value,
                                st_rule *rule) {
    const strata_slice text = st_key_text_of(key);
    st_cursor cursor = st_cursor_over(value);
    st_token map;
    bool kept = false;
    memset(rule, 0, sizeof *rule);
    bool good = read_scope(text, &rule->scope) && st_msgpack_next(&cursor, &map) &&
                map.type == STRATA_OBJECT;
    for (uint32_t i = 0; good && i < map.as.count; i++) {
        st_token name;
        strata_slice field;
        good = st_msgpack_next(&cursor, &name) && name.type == STRATA_STRING &&
               st_msgpack_skip(&cursor, &field) && take_field(name.as.bytes, field, rule, &kept);
    }
    if (good && is_sound(rule, kept)) {
        return STRATA_OK;
    }
    st_fail(rq->error, STRATA_CORRUPT, "the rule of retention \"%S\" is malformed", &text);
    st_fail_text(rq->error, "file", strata_text("retention"));
    return st_fail_number(rq->error, "offset", 0);
}

strata_status st_retention_scan(st_request *rq, strata_slice after, st_scan **scan) {
    const st_page page = {.after = after, .when = st_now()};
    return st_page_scan(rq, st_run_system(rq), ST_TAG_RETENTION, &page, scan);
}

static strata_status load_rules(st_request *rq) {
    st_scan *scan;
    ST_TRY(st_retention_scan(rq, st_slice("", 0), &scan));
    while (scan->here) {
        st_rule rule;
        strata_slice value;
        ST_TRY(st_scan_value(scan, &value));
        ST_TRY(st_retention_read(rq, scan->key, value, &rule));
        if (st_buffer_reserve(&rq->model->rules, sizeof(table_rule)) != STRATA_OK) {
            return st_fail_memory(rq->error);
        }
        const table_rule entry = {rule.scope.run, rule.scope.primitive, rule.policy};
        put_rule(rq->model, &entry);
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

strata_status st_retention_load(st_model *model, strata_error *error) {
    const st_retention retention = {model, policy_for};
    st_request rq;
    st_arena arena;
    model->rules = (strata_buffer){NULL, 0, 0, model->host};
    st_mutex_init(&model->retention_lock);
    st_arena_init(&arena, &model->host->memory, 0);
    st_request_init(&rq, model, &arena, error);
    const strata_status status = load_rules(&rq);
    st_reader_finish(&rq.reader);
    strata_buffer_free(&rq.value);
    st_arena_free(&arena);
    if (status == STRATA_OK) {
        st_store_set_retention(&model->store, &retention);
    }
    return status;
}

void st_retention_free(st_model *model) {
    strata_buffer_free(&model->rules);
}

/* ---- Changing -------------------------------------------------------------------------------- */

typedef struct rule_hook {
    st_model *model;
    table_rule rule;
    bool removes;
} rule_hook;

static void change_table(void *ctx, const st_commit *commit, uint64_t version) {
    (void)commit;
    (void)version;
    const rule_hook *change = ctx;
    st_model *model = change->model;
    st_mutex_lock(&model->retention_lock, &model->host->executor);
    if (change->removes) {
        drop_rule(model, change->rule.run, change->rule.primitive);
    } else {
        put_rule(model, &change->rule);
    }
    st_mutex_unlock(&model->retention_lock, &model->host->executor);
}

static strata_status check_scope(st_request *rq, const st_scope *scope) {
    if (scope->primitive == ST_PRIMITIVE_NONE || !st_primitive_of(scope->primitive)->whole) {
        return STRATA_OK;
    }
    return st_fail_constraint(rq->error, "never_trimmed",
                              "the primitive \"%s\" is never trimmed: the new is made from the old",
                              st_primitive_of(scope->primitive)->name);
}

/* Under the lock of run 0, under which runs are deleted too. */
static strata_status prepare(st_request *rq, const st_rule *rule) {
    if (rule->scope.run != 0) {
        st_run *run;
        ST_TRY(st_run_of(rq, rule->scope.run, &run));
        if (st_shard_gone(run->shard) >
            0) { /* also while readers still see it: the rule would come after */
            return st_fail(rq->error, STRATA_NOT_FOUND, "the run was deleted");
        }
    }
    st_model *model = rq->model;
    st_mutex_lock(&model->retention_lock, &model->host->executor);
    strata_status status = st_buffer_reserve(&model->rules, sizeof(table_rule));
    st_mutex_unlock(&model->retention_lock, &model->host->executor);
    status = status == STRATA_OK ? encode_rule(rule, &rq->value) : status;
    return status == STRATA_OK ? STRATA_OK : st_fail_memory(rq->error);
}

strata_status st_retention_set(st_request *rq, const st_rule *rule, st_stamp *stamp) {
    rule_hook change = {
        rq->model, {rule->scope.run, rule->scope.primitive, rule->policy}, .removes = false};
    const st_commit_hook hook = {&change, change_table};
    st_commit commit;
    st_key key;
    ST_TRY(check_scope(rq, &rule->scope));
    scope_key(&rule->scope, &key);
    ST_TRY(st_commit_begin(&commit, &rq->model->store, st_run_system(rq)->shard, rq->error));
    const strata_status status = prepare(rq, rule);
    if (status != STRATA_OK) {
        st_commit_abort(&commit);
        return status;
    }
    return st_run_put(rq, &commit, &key, &hook, stamp);
}

strata_status st_retention_remove(st_request *rq, const st_scope *scope, bool *existed,
                                  st_stamp *stamp) {
    rule_hook change = {
        rq->model, {.run = scope->run, .primitive = scope->primitive}, .removes = true};
    const st_commit_hook hook = {&change, change_table};
    st_commit commit;
    st_key key;
    st_revision revision;
    scope_key(scope, &key);
    ST_TRY(st_commit_begin(&commit, &rq->model->store, st_run_system(rq)->shard, rq->error));
    const strata_status status = st_run_newest(rq, st_run_system(rq), &key, &revision, existed);
    if (status != STRATA_OK || !*existed) {
        st_commit_abort(&commit);
        return status;
    }
    return st_run_delete(rq, &commit, &key, &hook, stamp);
}

/* ---- Of a run that is deleted ---------------------------------------------------------------- */

static bool has_rule(st_model *model, uint64_t run, st_primitive_id primitive) {
    st_mutex_lock(&model->retention_lock, &model->host->executor);
    const bool has = find_rule(model, run, primitive) != NULL;
    st_mutex_unlock(&model->retention_lock, &model->host->executor);
    return has;
}

strata_status st_retention_forget(st_request *rq, const st_scope *run, st_write *writes,
                                  size_t *count) {
    *count = 0;
    for (unsigned i = 0; i < ST_PRIMITIVE_COUNT; i++) {
        st_scope scope = *run;
        scope.primitive = (st_primitive_id)i;
        if (!has_rule(rq->model, scope.run, scope.primitive)) {
            continue;
        }
        st_key *key = st_arena_alloc(rq->arena, sizeof *key, 8);
        if (key == NULL) {
            return st_fail_memory(rq->error);
        }
        scope_key(&scope, key);
        writes[(*count)++] =
            (st_write){.key = st_key_slice(key), .value = st_slice("", 0), .deletes = true};
    }
    return STRATA_OK;
}

void st_retention_forgotten(st_model *model, uint64_t run) {
    st_mutex_lock(&model->retention_lock, &model->host->executor);
    for (unsigned i = 0; i < ST_PRIMITIVE_COUNT; i++) {
        drop_rule(model, run, (st_primitive_id)i);
    }
    st_mutex_unlock(&model->retention_lock, &model->host->executor);
}
