/* field_index_build.c - making secondary indexes and dropping them, while the run is written to.
 *
 * The record comes first, so that commits keep the index up to date; then batches of what was there before,
 * each under the run's lock, so that what is read is the newest; then the record that it is ready. An index
 * that a crash has left unfinished is kept up to date too, is not used, and is finished by making it again.
 * Dropping is the record first, then batches of entries; entries that a crash has left are of an id that is
 * not used again.
 */
#include "model/field_index_build.h"

#include "model/as_document.h"
#include "model/field_index_private.h"
#include "model/write.h"

enum { BATCH_ENTRIES = 512, BATCH_OWNERS = 128 };

void st_indexes_forget_at(void *ctx, const st_commit *commit, uint64_t version) {
    const st_index_hook *hook = ctx;
    (void)commit;
    (void)version;
    st_indexes_forget(hook->run, hook->memory);
}

strata_status st_index_highest(st_request *rq, const st_run *run, uint32_t *highest) {
    static const uint8_t low[] = {ST_TAG_INDEX};
    static const uint8_t high[] = {ST_TAG_INDEX + 1};
    const st_scan_range range = {st_slice(low, 1), st_slice(high, 1), false};
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    if (scan == NULL) {
        return st_fail_memory(rq->error);
    }
    *highest = 0;
    ST_TRY(st_versions_start(scan, &rq->reader, run->shard, &range, UINT64_MAX));
    while (scan->here) {
        if (!scan->revision.deleted) {
            st_index_def def;
            ST_TRY(st_index_record(rq, scan, rq->arena, &def));
            *highest = def.id > *highest ? def.id : *highest;
        }
        ST_TRY(st_versions_next(scan));
    }
    return STRATA_OK;
}

static strata_status put_record(st_request *rq, st_run *run, st_commit *commit,
                                const st_index_def *def, st_stamp *stamp) {
    st_index_hook forgets = {run, &rq->model->host->memory};
    const st_commit_hook hook = {&forgets, st_indexes_forget_at};
    st_key key;
    st_key_text(&key, ST_TAG_INDEX, def->name);
    if (st_index_encode(def, &rq->value) != STRATA_OK) {
        st_run_abort(rq, commit);
        return st_fail_memory(rq->error);
    }
    return st_run_put(rq, commit, &key, &hook, stamp);
}

static const st_index_def *find_known(const st_run *run, strata_slice name) {
    for (size_t i = 0; i < run->indexes->count; i++) {
        if (st_slice_equal(run->indexes->defs[i].name, name)) {
            return &run->indexes->defs[i];
        }
    }
    return NULL;
}

/* Under the run's lock: an id for it, or that of one that was not finished. */
static strata_status prepare(st_request *rq, st_run *run, st_index_def *def) {
    uint32_t highest = 0;
    ST_TRY(st_indexes_know(rq, run));
    const st_index_def *known = find_known(run, def->name);
    const bool same = known != NULL && known->primitive == def->primitive &&
                      st_slice_equal(known->path_text, def->path_text) &&
                      st_slice_equal(known->schema, def->schema);
    if (known != NULL && (known->ready || !same)) {
        return st_fail(rq->error, STRATA_ALREADY_EXISTS, "there is an index \"%S\" already",
                       &def->name);
    }
    if (known != NULL) {
        def->id = known->id;
        return STRATA_OK;
    }
    if (run->indexes->count == ST_INDEXES_MAX) {
        return st_fail_constraint(rq->error, "too_many_indexes", "a run has at most %u indexes",
                                  (uint64_t)ST_INDEXES_MAX);
    }
    ST_TRY(st_index_highest(rq, run, &highest));
    if (highest == UINT32_MAX) {
        return st_fail(rq->error, STRATA_OVERFLOW, "the run has had all indexes it can have");
    }
    def->id = highest + 1;
    return STRATA_OK;
}

static strata_status begin_index(st_request *rq, st_run *run, st_index_def *def, st_stamp *stamp) {
    st_commit commit;
    ST_TRY(st_run_lock(rq, run, &commit));
    const strata_status status = prepare(rq, run, def);
    if (status != STRATA_OK) {
        st_commit_abort(&commit);
        return status;
    }
    def->ready = false;
    return put_record(rq, run, &commit, def, stamp);
}

/* Puts the next few things in. *after: where it came to; empty at the end. */
static strata_status fill_batch(st_request *rq, st_run *run, const st_index_def *def,
                                strata_buffer *after, strata_buffer *writes) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    const st_texts_page owners = {.tag = def->primitive->tags[0],
                                  .texts = {def->schema},
                                  .count = def->schema.len > 0 ? 1 : 0};
    st_scan_range range;
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    if (scan == NULL || st_texts_range(rq->arena, &owners, &range) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    range.low = after->len == 0 ? range.low : st_buffer_slice(after);
    ST_TRY(st_scan_start(scan, &rq->reader, run->shard, &range, &newest));
    for (size_t i = 0;
         scan->here && i < BATCH_OWNERS && writes->len < BATCH_ENTRIES * sizeof(st_write); i++) {
        const strata_slice owner = st_arena_copy(rq->arena, scan->key);
        strata_slice document;
        st_stamp stamp;
        bool found = false;
        if (owner.data == NULL) {
            return st_fail_memory(rq->error);
        }
        if (st_index_covers(def, owner)) {
            ST_TRY(st_as_document(rq, run, owner, &newest, &document, &stamp, &found));
        }
        if (found) {
            ST_TRY(st_index_change(rq, def, owner, st_slice("", 0), document, writes));
        }
        ST_TRY(st_scan_next(scan));
    }
    after->len = 0;
    return scan->here && (st_buffer_append(after, scan->key.data, scan->key.len) != STRATA_OK)
               ? st_fail_memory(rq->error)
               : STRATA_OK;
}

static strata_status write_batch(st_request *rq, st_commit *commit, const strata_buffer *writes) {
    st_stamp stamp;
    if (writes->len == 0) {
        st_commit_abort(commit);
        return STRATA_OK;
    }
    return st_run_write(rq, commit, (const st_write *)(void *)writes->data,
                        writes->len / sizeof(st_write), NULL, &stamp);
}

/* One batch after the other, until `step` has nothing left to do. Memory of each goes with it. */
typedef strata_status (*batch_step)(st_request *rq, st_run *run, const st_index_def *def,
                                    strata_buffer *after, strata_buffer *writes);

static strata_status in_batches(st_request *rq, st_run *run, const st_index_def *def,
                                batch_step step, uint64_t *entries) {
    const strata_log *log = &rq->model->host->log;
    st_arena *arena = rq->arena;
    st_arena scratch;
    strata_buffer after = {NULL, 0, 0, rq->model->host};
    strata_buffer writes = {NULL, 0, 0, rq->model->host};
    strata_status status = STRATA_OK;
    st_arena_init(&scratch, &rq->model->host->memory, 0);
    rq->arena = &scratch;
    rq->reader.arena = &scratch;
    do {
        st_commit commit;
        st_arena_reset(&scratch);
        writes.len = 0;
        status = st_run_lock(rq, run, &commit);
        if (status != STRATA_OK) {
            break;
        }
        status = step(rq, run, def, &after, &writes);
        st_reader_finish(&rq->reader);
        if (status != STRATA_OK) {
            st_commit_abort(&commit);
            break;
        }
        status = write_batch(rq, &commit, &writes);
        *entries += writes.len / sizeof(st_write);
        if (log->progress != NULL) {
            log->progress(log->ctx, "index", *entries, 0);
        }
    } while (status == STRATA_OK && after.len > 0);
    rq->arena = arena;
    rq->reader.arena = arena;
    st_arena_free(&scratch);
    strata_buffer_free(&after);
    strata_buffer_free(&writes);
    return status;
}

strata_status st_index_create(st_request *rq, st_run *run, const st_index_def *spec,
                              uint64_t *entries, st_stamp *stamp) {
    st_index_def def = *spec;
    ST_TRY(st_key_check(def.name, rq->error));
    if (def.primitive == NULL ||
        (def.primitive->id != ST_PRIMITIVE_JSON && def.primitive->id != ST_PRIMITIVE_MEMORY &&
         def.primitive->id != ST_PRIMITIVE_VECTOR && def.primitive->id != ST_PRIMITIVE_ENTITY)) {
        st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                "there are indexes on json, memory, vector and entity only");
        return st_fail_text(rq->error, "argument", strata_text("primitive"));
    }
    if ((def.primitive->id == ST_PRIMITIVE_ENTITY) != (def.schema.len > 0)) {
        st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                "an index on entities, and no other, is one of a schema");
        return st_fail_text(rq->error, "argument", strata_text("schema"));
    }
    ST_TRY(st_path_parse(def.path_text, rq->arena, &def.path, rq->error));
    if (def.path.count == 0 || def.path.steps[def.path.count - 1].kind == ST_STEP_END) {
        return st_fail(rq->error, STRATA_INVALID_PATH, "an index is on a part of a document");
    }
    ST_TRY(begin_index(rq, run, &def, stamp));
    return st_index_fill(rq, run, &def, entries, stamp);
}

strata_status st_index_fill(st_request *rq, st_run *run, st_index_def *def, uint64_t *entries,
                            st_stamp *stamp) {
    st_commit commit;
    *entries = 0;
    ST_TRY(in_batches(rq, run, def, fill_batch, entries));
    ST_TRY(st_run_lock(rq, run, &commit));
    const strata_status status = st_indexes_know(rq, run);
    const st_index_def *known = status == STRATA_OK ? find_known(run, def->name) : NULL;
    if (known == NULL || known->id != def->id) { /* it was dropped meanwhile */
        st_commit_abort(&commit);
        return status;
    }
    def->ready = true;
    return put_record(rq, run, &commit, def, stamp);
}

static strata_status drop_batch(st_request *rq, st_run *run, const st_index_def *def,
                                strata_buffer *after, strata_buffer *writes) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    st_key low;
    st_key high;
    st_index_key(&low, def->id, st_slice("", 0));
    st_index_key(&high, def->id, strata_text("\xff"));
    const st_scan_range range = {after->len == 0 ? st_key_slice(&low) : st_buffer_slice(after),
                                 st_key_slice(&high), false};
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    if (scan == NULL) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_scan_start(scan, &rq->reader, run->shard, &range, &newest));
    while (scan->here && writes->len < BATCH_ENTRIES * sizeof(st_write)) {
        const st_write write = {
            .key = st_arena_copy(rq->arena, scan->key), .value = st_slice("", 0), .deletes = true};
        if (write.key.data == NULL || st_buffer_append(writes, &write, sizeof write) != STRATA_OK) {
            return st_fail_memory(rq->error);
        }
        ST_TRY(st_scan_next(scan));
    }
    after->len = 0;
    return scan->here && (st_buffer_append(after, scan->key.data, scan->key.len) != STRATA_OK)
               ? st_fail_memory(rq->error)
               : STRATA_OK;
}

strata_status st_index_drop(st_request *rq, st_run *run, strata_slice name, bool *existed,
                            st_stamp *stamp) {
    st_index_hook forgets = {run, &rq->model->host->memory};
    const st_commit_hook hook = {&forgets, st_indexes_forget_at};
    st_index_def def = {.id = 0};
    st_commit commit;
    st_key key;
    ST_TRY(st_key_check(name, rq->error));
    ST_TRY(st_run_lock(rq, run, &commit));
    const strata_status status = st_indexes_know(rq, run);
    const st_index_def *known = status == STRATA_OK ? find_known(run, name) : NULL;
    *existed = known != NULL;
    if (known == NULL) {
        st_commit_abort(&commit);
        return status;
    }
    def.id = known->id;
    st_key_text(&key, ST_TAG_INDEX, name);
    ST_TRY(st_run_delete(rq, &commit, &key, &hook, stamp));
    return st_index_empty(rq, run, &def);
}

strata_status st_index_empty(st_request *rq, st_run *run, const st_index_def *def) {
    uint64_t entries = 0;
    return in_batches(rq, run, def, drop_batch, &entries);
}
