/* schema_indexes.c - the secondary indexes that a schema asks for.
 *
 * They are like any others (field_index.c) but for their names, "_strata/schema/", the schema's name, and the
 * path, which no key that a user chooses can be: nobody else drops them.
 *
 * Invariant: what the newest record of a schema lists and the records of its indexes change in one commit, so
 * a crash leaves indexes that are not filled yet, and none too many or too few. Putting the schema again
 * fills them.
 */
#include "model/entity/schema_indexes.h"

#include "model/field_index_private.h"

static const char before_schema[] = "_strata/schema/";

static strata_status make_name(st_request *rq, strata_slice schema, strata_slice path,
                               strata_slice *name) {
    const size_t len = sizeof before_schema - 1 + schema.len + 1 + path.len;
    char *text = st_arena_alloc(rq->arena, len, 1);
    if (text == NULL) {
        return st_fail_memory(rq->error);
    }
    memcpy(text, before_schema, sizeof before_schema - 1);
    memcpy(text + sizeof before_schema - 1, schema.data, schema.len);
    text[sizeof before_schema - 1 + schema.len] = ':';
    memcpy(text + len - path.len, path.data, path.len);
    *name = st_slice(text, len);
    return STRATA_OK;
}

/* Whether the index is one that the schema asked for. */
static bool is_own(const st_index_def *def, strata_slice schema) {
    return def->primitive->id == ST_PRIMITIVE_ENTITY && st_slice_equal(def->schema, schema) &&
           def->name.len > sizeof before_schema &&
           memcmp(def->name.data, before_schema, sizeof before_schema - 1) == 0;
}

/* Whether it is one of the first paths. */
static bool is_listed(const st_path *path, const st_schema_indexes *plan, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (st_path_same(path, &plan->paths[i])) {
            return true;
        }
    }
    return false;
}

static strata_status add_write(st_request *rq, const st_index_def *def, bool deletes,
                               strata_buffer *writes) {
    st_key *key = st_arena_alloc(rq->arena, sizeof *key, 8);
    st_write write = {.value = st_slice("", 0), .deletes = deletes};
    if (key == NULL) {
        return st_fail_memory(rq->error);
    }
    st_key_text(key, ST_TAG_INDEX, def->name);
    write.key = st_key_slice(key);
    if (!deletes) {
        rq->value.len = 0;
        if (st_index_encode(def, &rq->value) != STRATA_OK) {
            return st_fail_memory(rq->error);
        }
        write.value = st_arena_copy(rq->arena, st_buffer_slice(&rq->value));
    }
    return write.value.data == NULL || st_buffer_append(writes, &write, sizeof write) != STRATA_OK
               ? st_fail_memory(rq->error)
               : STRATA_OK;
}

/* What is known is forgotten with the next commit. */
static strata_status copy_def(st_request *rq, const st_index_def *def, st_index_def *out) {
    *out = *def;
    out->name = st_arena_copy(rq->arena, def->name);
    out->schema = st_arena_copy(rq->arena, def->schema);
    return out->name.data == NULL || out->schema.data == NULL
               ? st_fail_memory(rq->error)
               : st_path_parse(def->path_text, rq->arena, &out->path, rq->error);
}

/* What is there: goes, stays, or has to be filled. */
static strata_status plan_known(st_request *rq, const st_run *run, st_schema_indexes *plan,
                                strata_buffer *writes) {
    for (size_t i = 0; i < run->indexes->count; i++) {
        const st_index_def *def = &run->indexes->defs[i];
        if (!is_own(def, plan->schema)) {
            continue;
        }
        if (!is_listed(&def->path, plan, plan->count)) {
            ST_TRY(copy_def(rq, def, &plan->drop[plan->drop_count]));
            ST_TRY(add_write(rq, &plan->drop[plan->drop_count++], true, writes));
        } else if (!def->ready) {
            ST_TRY(copy_def(rq, def, &plan->fill[plan->fill_count]));
            st_index_def *unfinished = &plan->fill[plan->fill_count++];
            unfinished->path_text = unfinished->path.text;
        }
    }
    return STRATA_OK;
}

static bool has_index(const st_run *run, strata_slice schema, const st_path *path) {
    for (size_t i = 0; i < run->indexes->count; i++) {
        const st_index_def *def = &run->indexes->defs[i];
        if (is_own(def, schema) && st_path_same(&def->path, path)) {
            return true;
        }
    }
    return false;
}

static strata_status plan_new(st_request *rq, st_schema_indexes *plan, const st_path *path,
                              uint32_t *id, strata_buffer *writes) {
    st_index_def *def = &plan->fill[plan->fill_count];
    if (*id == UINT32_MAX) {
        return st_fail(rq->error, STRATA_OVERFLOW, "the run has had all indexes it can have");
    }
    *def = (st_index_def){.id = ++*id,
                          .primitive = st_primitive_of(ST_PRIMITIVE_ENTITY),
                          .schema = plan->schema,
                          .path_text = path->text,
                          .path = *path};
    ST_TRY(make_name(rq, plan->schema, path->text, &def->name));
    plan->fill_count++;
    return add_write(rq, def, false, writes);
}

strata_status st_schema_indexes_plan(st_request *rq, st_run *run, st_schema_indexes *plan,
                                     strata_buffer *writes) {
    uint32_t id = 0;
    ST_TRY(st_indexes_know(rq, run));
    const size_t known = run->indexes->count;
    plan->fill = st_arena_alloc(rq->arena, (known + plan->count + 1) * sizeof *plan->fill, 8);
    plan->drop = st_arena_alloc(rq->arena, (known + 1) * sizeof *plan->drop, 8);
    if (plan->fill == NULL || plan->drop == NULL) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(plan_known(rq, run, plan, writes));
    const size_t unfinished = plan->fill_count;
    for (size_t i = 0; i < plan->count; i++) {
        const st_path *path = &plan->paths[i];
        if (has_index(run, plan->schema, path) || is_listed(path, plan, i)) {
            continue; /* it is there, or comes twice */
        }
        if (id == 0) {
            ST_TRY(st_index_highest(rq, run, &id));
        }
        ST_TRY(plan_new(rq, plan, path, &id, writes));
    }
    return known - plan->drop_count + plan->fill_count - unfinished <= ST_INDEXES_MAX
               ? STRATA_OK
               : st_fail_constraint(rq->error, "too_many_indexes", "a run has at most %u indexes",
                                    (uint64_t)ST_INDEXES_MAX);
}

strata_status st_schema_indexes_settle(st_request *rq, st_run *run, const st_schema_indexes *plan) {
    uint64_t entries;
    st_stamp stamp;
    for (size_t i = 0; i < plan->fill_count; i++) {
        ST_TRY(st_index_fill(rq, run, &plan->fill[i], &entries, &stamp));
    }
    for (size_t i = 0; i < plan->drop_count; i++) {
        ST_TRY(st_index_empty(rq, run, &plan->drop[i]));
    }
    return STRATA_OK;
}
