/* schema.c - schemas: one key of the store each, under ST_TAG_SCHEMA.
 *
 * Stored value: 1 byte form (1), then a document {schema, key_field?, indexed?, embedding?, encrypted?}: the
 * JSON Schema as it was given, a path, and lists of paths.
 *
 * Invariants:
 * 1. What is stored can be made into rules (schema_rules.h): it was, before it was written.
 * 2. An entity has a schema: a schema goes only when no entity of it is stored, and writes of entities see
 *    that it is there under the run's lock (entity.c).
 * Existing entities are not looked at when a schema changes: what is written has to fit the schema of then.
 * Rejected: refusing a schema that an entity does not fit. It would read all of them under the lock, and a
 * schema could only ever be loosened; `schema.check` lists what does not fit.
 */
#include "model/entity/schema.h"

#include "format/msgpack.h"
#include "model/entity/schema_indexes.h"
#include "model/field_index_private.h"
#include "model/write.h"

enum { FORM = 1, PATHS_MAX = ST_INDEXES_MAX };

static const char *const list_names[] = {"indexed", "embedding", "encrypted"};

enum { LIST_INDEXED, LISTS = sizeof list_names / sizeof list_names[0] };

strata_status st_schema_name_check(strata_slice name, strata_error *error) {
    ST_TRY(st_key_check(name, error));
    if (name.len > ST_NAME_BYTES_MAX) {
        st_fail(error, STRATA_INVALID_KEY, "the name of a schema has %u bytes; the limit is %u",
                (uint64_t)name.len, (uint64_t)ST_NAME_BYTES_MAX);
        st_fail_text(error, "reason", strata_text("key_too_long"));
        return st_fail_number(error, "limit", ST_NAME_BYTES_MAX);
    }
    return STRATA_OK;
}

static strata_status fail_missing(st_request *rq, strata_slice name) {
    return st_fail(rq->error, STRATA_NOT_FOUND, "there is no schema \"%S\"; put it first", &name);
}

static strata_status fail_in_txn(st_request *rq) {
    return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                   "schemas change outside of transactions only");
}

/* ---- The record ------------------------------------------------------------------------------ */

typedef struct path_list {
    st_path *items;
    size_t count;
} path_list;

/* A list of paths, as a member; *parsed: in the arena. */
static strata_status put_list(st_request *rq, const char *name, strata_slice list,
                              strata_buffer *out, path_list *parsed) {
    const st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;
    st_cursor cursor = st_cursor_over(list);
    st_token token;
    if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_ARRAY ||
        token.as.count > PATHS_MAX) {
        st_fail(rq->error, STRATA_INVALID_ARGUMENT, "%s is an array of at most %u paths", name,
                (uint64_t)PATHS_MAX);
        return st_fail_text(rq->error, "argument", strata_text(name));
    }
    parsed->count = token.as.count;
    parsed->items = st_arena_alloc(rq->arena, (parsed->count + 1) * sizeof *parsed->items, 8);
    if (parsed->items == NULL) {
        return STRATA_NO_MEMORY;
    }
    for (size_t i = 0; i < parsed->count; i++) {
        st_path *path = &parsed->items[i];
        if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_STRING) {
            st_fail(rq->error, STRATA_INVALID_ARGUMENT, "%s has something that is no path", name);
            return st_fail_text(rq->error, "argument", strata_text(name));
        }
        ST_TRY(st_path_parse(token.as.bytes, rq->arena, path, rq->error));
        if (path->count == 0 || path->steps[path->count - 1].kind == ST_STEP_END) {
            return st_fail(rq->error, STRATA_INVALID_PATH, "%s are paths of parts of an entity",
                           name);
        }
    }
    ST_TRY(st_document_put_name(out, strata_text(name)));
    return st_document_from_msgpack(list, &limits, out, rq->error);
}

static strata_status put_key_field(st_request *rq, strata_slice path, strata_buffer *out) {
    st_path parsed;
    ST_TRY(st_path_parse(path, rq->arena, &parsed, rq->error));
    ST_TRY(st_document_put_name(out, strata_text("key_field")));
    return st_document_put_string(out, path);
}

/* A change of a schema. */
typedef struct draft {
    st_request *rq;
    st_run *run;
    strata_slice name;
    strata_slice stored; /* what is put */
    path_list indexed;   /* paths that are to be */
    st_schema_indexes plan;
    st_commit commit;
    strata_buffer writes; /* st_write */
} draft;

static strata_status put_members(draft *d, const st_schema_spec *spec, strata_buffer *out,
                                 uint32_t *count) {
    st_request *rq = d->rq;
    const strata_slice lists[LISTS] = {spec->indexed, spec->embedding, spec->encrypted};
    st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;
    path_list others;
    limits.depth_max--; /* of the record */
    *count = 1;
    rq->value.len = 0;
    ST_TRY(st_value_encode(&spec->schema, rq->model->value_bytes_max, &rq->value, rq->error));
    ST_TRY(st_document_put_name(out, strata_text("schema")));
    ST_TRY(st_document_from_msgpack(st_buffer_slice(&rq->value), &limits, out, rq->error));
    if (spec->key_field.len > 0) {
        ST_TRY(put_key_field(rq, spec->key_field, out));
        ++*count;
    }
    for (size_t i = 0; i < LISTS; i++) {
        if (lists[i].len > 0) {
            path_list *parsed = i == LIST_INDEXED ? &d->indexed : &others;
            ST_TRY(put_list(rq, list_names[i], lists[i], out, parsed));
            ++*count;
        }
    }
    for (size_t i = 0; i < d->indexed.count; i++) {
        if (spec->name.len + d->indexed.items[i].text.len > ST_SCHEMA_INDEX_BYTES_MAX) {
            return st_fail(rq->error, STRATA_INVALID_PATH, "a path is too long to be indexed");
        }
    }
    return STRATA_OK;
}

/* Makes what is stored, in the arena. */
static strata_status encode(draft *d, const st_schema_spec *spec) {
    strata_buffer out = {NULL, 0, 0, d->rq->model->host};
    static const uint8_t form = FORM;
    size_t place = 0;
    uint32_t count = 0;
    strata_status status = st_buffer_append(&out, &form, 1);
    if (status == STRATA_OK) {
        status = st_document_open(&out, STRATA_OBJECT, &place);
    }
    if (status == STRATA_OK) {
        status = put_members(d, spec, &out, &count);
    }
    if (status == STRATA_OK) {
        st_document_close(&out, place, count);
        d->stored = st_arena_copy(d->rq->arena, st_buffer_slice(&out));
        status = d->stored.data == NULL ? STRATA_NO_MEMORY : STRATA_OK;
    }
    strata_buffer_free(&out);
    return status == STRATA_NO_MEMORY ? st_fail_memory(d->rq->error) : status;
}

static bool read_record(strata_slice record, st_schema *schema) {
    st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;
    st_node root;
    st_node key_field;
    limits.bytes_max = UINT32_MAX / 2;
    if (!st_document_check_shape(record, &limits, NULL) || !st_node_read(record, &root) ||
        !st_node_member(&root, strata_text("schema"), &schema->schema)) {
        return false;
    }
    schema->key_field = st_slice("", 0);
    if (!st_node_member(&root, strata_text("key_field"), &key_field)) {
        return true;
    }
    schema->key_field = key_field.as.bytes;
    return key_field.type == STRATA_STRING;
}

strata_status st_schema_read(st_request *rq, strata_slice store_key, strata_slice stored,
                             st_schema *schema) {
    st_cursor cursor = st_cursor_over(stored);
    uint8_t form = 0;
    schema->name = st_key_text_of(store_key);
    const bool begun = st_cursor_u8(&cursor, &form) && form == FORM;
    schema->record = st_slice(cursor.at, st_cursor_left(&cursor));
    if (!begun || !read_record(schema->record, schema)) {
        st_fail(rq->error, STRATA_CORRUPT, "the schema \"%S\" is malformed", &schema->name);
        return st_fail_text(rq->error, "file", strata_text("schema"));
    }
    return STRATA_OK;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static strata_status take(st_request *rq, strata_slice name, const st_key *key, bool found,
                          const st_revision *revision, st_schema *schema) {
    if (!found) {
        return fail_missing(rq, name);
    }
    ST_TRY(st_schema_read(rq, st_key_slice(key), revision->value, schema));
    schema->name = name;
    schema->stamp = (st_stamp){revision->number, revision->timestamp_us};
    return STRATA_OK;
}

strata_status st_schema_find(st_request *rq, const st_run *run, strata_slice name,
                             const st_bound *bound, st_schema *schema) {
    st_key key;
    st_revision revision;
    bool found;
    ST_TRY(st_schema_name_check(name, rq->error));
    st_key_text(&key, ST_TAG_SCHEMA, name);
    ST_TRY(st_read_live(&rq->reader, run->shard, st_key_slice(&key), bound, &revision, &found));
    return take(rq, name, &key, found, &revision, schema);
}

strata_status st_schema_get(st_request *rq, const st_run *run, strata_slice name,
                            const st_when *when, st_schema *schema) {
    st_key key;
    st_revision revision;
    bool found;
    ST_TRY(st_schema_name_check(name, rq->error));
    st_key_text(&key, ST_TAG_SCHEMA, name);
    ST_TRY(st_read_at(rq, run, st_key_slice(&key), when, &revision, &found));
    return take(rq, name, &key, found, &revision, schema);
}

strata_status st_schema_newest(st_request *rq, const st_run *run, strata_slice name,
                               st_schema *schema) {
    st_key key;
    st_revision revision;
    bool found;
    st_key_text(&key, ST_TAG_SCHEMA, name);
    ST_TRY(st_run_newest(rq, run, &key, &revision, &found));
    return take(rq, name, &key, found, &revision, schema);
}

strata_status st_schema_rules_of(st_request *rq, const st_schema *schema, st_schema_rules *rules) {
    strata_error refused = {.code = STRATA_OK};
    const st_schema_context context = {rq->model->host, rq->arena, &refused};
    const strata_status status = st_schema_compile(&context, &schema->schema, rules);
    if (status == STRATA_OK || status == STRATA_NO_MEMORY) {
        return status == STRATA_OK ? STRATA_OK : st_fail_memory(rq->error);
    }
    st_fail(rq->error, STRATA_CORRUPT, "the schema \"%S\" is malformed", &schema->name);
    return st_fail_text(rq->error, "file", strata_text("schema"));
}

strata_status st_schema_history(st_request *rq, const st_run *run, strata_slice name,
                                uint64_t before, st_scan **scan) {
    st_key key;
    ST_TRY(st_schema_name_check(name, rq->error));
    st_key_text(&key, ST_TAG_SCHEMA, name);
    return st_history_scan(rq, run, &key, before, scan);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static strata_status check_rules(st_request *rq, strata_slice stored) {
    const st_schema_context context = {rq->model->host, rq->arena, rq->error};
    st_schema_rules rules;
    st_schema schema;
    st_key key;
    st_key_text(&key, ST_TAG_SCHEMA, strata_text("given"));
    ST_TRY(st_schema_read(rq, st_key_slice(&key), stored, &schema));
    if (schema.schema.type != STRATA_OBJECT) {
        st_fail(rq->error, STRATA_INVALID_ARGUMENT, "a schema is an object");
        return st_fail_text(rq->error, "argument", strata_text("schema"));
    }
    return st_schema_compile(&context, &schema.schema, &rules);
}

static draft draft_of(st_request *rq, st_run *run, strata_slice name) {
    const draft d = {.rq = rq,
                     .run = run,
                     .name = name,
                     .plan = {.schema = name},
                     .writes = {NULL, 0, 0, rq->model->host}};
    return d;
}

static strata_status add_write(draft *d, const st_write *write) {
    return st_buffer_append(&d->writes, write, sizeof *write) == STRATA_OK
               ? STRATA_OK
               : st_fail_memory(d->rq->error);
}

/* Commits what changes of a schema and of its indexes, or gives up. */
static strata_status commit_writes(draft *d, strata_status status, st_stamp *stamp) {
    st_index_hook forgets = {d->run, &d->rq->model->host->memory};
    const st_commit_hook hook = {&forgets, st_indexes_forget_at};
    if (status != STRATA_OK || d->writes.len == 0) {
        st_run_abort(d->rq, &d->commit);
        return status;
    }
    return st_run_write(d->rq, &d->commit, (const st_write *)(void *)d->writes.data,
                        d->writes.len / sizeof(st_write), &hook, stamp);
}

static strata_status put_locked(draft *d, bool *created, st_stamp *stamp) {
    st_stamp made;
    st_key key;
    st_revision revision;
    bool found = false;
    st_key_text(&key, ST_TAG_SCHEMA, d->name);
    const st_write write = {.key = st_key_slice(&key), .value = d->stored};
    strata_status status = st_run_newest(d->rq, d->run, &key, &revision, &found);
    *created = !found;
    const bool same = status == STRATA_OK && found && st_slice_equal(revision.value, d->stored);
    if (status == STRATA_OK) {
        d->plan.paths = d->indexed.items;
        d->plan.count = d->indexed.count;
        status = st_schema_indexes_plan(d->rq, d->run, &d->plan, &d->writes);
    }
    if (status == STRATA_OK && !same) {
        status = add_write(d, &write);
    }
    if (same) {
        *stamp = (st_stamp){revision.number, revision.timestamp_us};
    }
    return commit_writes(d, status, same ? &made : stamp);
}

/* After the commit, or without one. */
static strata_status settle(draft *d, strata_status status) {
    strata_buffer_free(&d->writes);
    return status == STRATA_OK ? st_schema_indexes_settle(d->rq, d->run, &d->plan) : status;
}

strata_status st_schema_put(st_request *rq, st_run *run, const st_schema_spec *spec, bool *created,
                            st_stamp *stamp) {
    draft d = draft_of(rq, run, spec->name);
    ST_TRY(st_schema_name_check(spec->name, rq->error));
    ST_TRY(encode(&d, spec));
    ST_TRY(check_rules(rq, d.stored));
    if (rq->txn != NULL) {
        return fail_in_txn(rq);
    }
    ST_TRY(st_run_lock(rq, run, &d.commit));
    return settle(&d, put_locked(&d, created, stamp));
}

/* Whether any entity of it is stored. Under the run's lock. */
static strata_status check_unused(const draft *d) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    const st_texts_page entities = {.tag = ST_TAG_ENTITY, .texts = {d->name}, .count = 1};
    st_scan *scan = st_arena_alloc(d->rq->arena, sizeof *scan, 16);
    st_scan_range range;
    if (scan == NULL || st_texts_range(d->rq->arena, &entities, &range) != STRATA_OK) {
        return st_fail_memory(d->rq->error);
    }
    ST_TRY(st_scan_start(scan, &d->rq->reader, d->run->shard, &range, &newest));
    return scan->here ? st_fail_constraint(d->rq->error, "schema_in_use",
                                           "there are entities of \"%S\"; delete them, then vacuum",
                                           &d->name)
                      : STRATA_OK;
}

static strata_status delete_locked(draft *d, bool *existed, st_stamp *stamp) {
    st_key key;
    st_revision revision;
    st_key_text(&key, ST_TAG_SCHEMA, d->name);
    const st_write write = {.key = st_key_slice(&key), .value = st_slice("", 0), .deletes = true};
    strata_status status = st_run_newest(d->rq, d->run, &key, &revision, existed);
    if (status == STRATA_OK && *existed) {
        status = check_unused(d);
        if (status == STRATA_OK) {
            status = st_schema_indexes_plan(d->rq, d->run, &d->plan, &d->writes);
        }
        if (status == STRATA_OK) {
            status = add_write(d, &write);
        }
    }
    return commit_writes(d, status, stamp);
}

strata_status st_schema_delete(st_request *rq, st_run *run, strata_slice name, bool *existed,
                               st_stamp *stamp) {
    draft d = draft_of(rq, run, name);
    ST_TRY(st_schema_name_check(name, rq->error));
    if (rq->txn != NULL) {
        return fail_in_txn(rq);
    }
    ST_TRY(st_run_lock(rq, run, &d.commit));
    return settle(&d, delete_locked(&d, existed, stamp));
}
