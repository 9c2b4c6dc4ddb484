/* strata.c - the C functions of strata.h: opening, closing, and the hot operations without
 * encoding.
 *
 * A handle is an error, an arena and a buffer over a shared engine. Nothing here has meaning of its
 * own: each function checks what only C callers can get wrong and calls the model, as ops.c does.
 */
#include "api/handle.h"
#include "api/ops.h"
#include "model/event.h"
#include "model/kv.h"
#include "model/memory.h"
#include "model/memory_index.h"
#include "model/open.h"
#include "model/run/run.h"
#include "model/vector/vector_merge.h"
#include "recall/recall.h"

enum {
    PATH_BYTES_MAX = 1024,
    SEGMENT_BYTES_MIN = 1 << 16,
    SEGMENT_BYTES_MAX = 1 << 30,
    MEMORY_BYTES_MIN = 1 << 20
};

/* ---- Opening and closing --------------------------------------------------------------------- */

strata_status st_check_options(const char *path, const strata_options *options,
                               strata_error *error) {
    if (options->size != sizeof *options) {
        return st_fail(error, STRATA_INVALID_ARGUMENT,
                       "strata_options.size is %u, not %u: start from STRATA_OPTIONS_INIT",
                       (uint64_t)options->size, (uint64_t)sizeof *options);
    }
    if (path == NULL || path[0] == '\0' || strlen(path) >= PATH_BYTES_MAX) {
        return st_fail(error, STRATA_INVALID_ARGUMENT, "a path has 1 to %u bytes",
                       (uint64_t)(PATH_BYTES_MAX - 1));
    }
    if (options->durability > STRATA_MEMORY || options->codec > STRATA_CODEC_ZSTD ||
        (options->flags & ~(uint32_t)(STRATA_OPEN_READ_ONLY | STRATA_OPEN_MUST_EXIST |
                                      STRATA_OPEN_LAZY_INDEX)) != 0) {
        return st_fail(error, STRATA_INVALID_ARGUMENT, "an option of open has no known value");
    }
    if (options->sync_interval_ms == 0 || options->wal_segment_bytes < SEGMENT_BYTES_MIN ||
        options->wal_segment_bytes > SEGMENT_BYTES_MAX || options->value_bytes_max == 0 ||
        options->value_bytes_max > ST_WAL_PAYLOAD_MAX / 2 ||
        options->memory_bytes < MEMORY_BYTES_MIN) {
        return st_fail(error, STRATA_INVALID_ARGUMENT,
                       "an option of open is out of range: sync_interval_ms from 1, "
                       "wal_segment_bytes %u to %u, value_bytes_max 1 to %u, memory_bytes from %u",
                       (uint64_t)SEGMENT_BYTES_MIN, (uint64_t)SEGMENT_BYTES_MAX,
                       (uint64_t)(ST_WAL_PAYLOAD_MAX / 2), (uint64_t)MEMORY_BYTES_MIN);
    }
    if (options->snapshot != NULL && strcmp(path, ":memory:") == 0) {
        return st_fail(error, STRATA_INVALID_ARGUMENT, "a database in memory has no snapshots");
    }
    if (options->host != NULL && options->host->size != sizeof *options->host) {
        return st_fail(error, STRATA_INVALID_ARGUMENT, "strata_host.size is %u, not %u",
                       (uint64_t)options->host->size, (uint64_t)sizeof *options->host);
    }
    if (strcmp(path, ":memory:") != 0 && options->host != NULL &&
        options->host->storage.open == NULL) {
        return st_fail(error, STRATA_INVALID_ARGUMENT,
                       "the host has no storage for %s; open \":memory:\"", path);
    }
    if (strcmp(path, ":memory:") != 0 && options->durability == STRATA_MEMORY) {
        return st_fail(error, STRATA_INVALID_ARGUMENT,
                       "durability memory keeps nothing in %s; open \":memory:\", or choose "
                       "buffered or strict",
                       path);
    }
    return STRATA_OK;
}

static strata_status make_handle(st_engine *engine, strata_db **out) {
    strata_db *db = st_alloc_zeroed(&engine->host.memory, sizeof *db);
    if (db == NULL) {
        return STRATA_NO_MEMORY;
    }
    db->engine = engine;
    st_arena_init(&db->arena, &engine->host.memory, 0);
    st_request_init(&db->request, &engine->model, &db->arena, &db->error);
    st_epoch_register(&engine->model.store.epoch, &db->slot);
    *out = db;
    return STRATA_OK;
}

static void free_handle(strata_db *db) {
    for (size_t i = 0; i < ST_TXNS_MAX; i++) {
        if (db->txns[i].number != 0) {
            st_handle_txn_end(db, &db->txns[i]);
        }
    }
    st_txn_destroy(db->ended_txn);
    const strata_allocator *memory = &db->engine->host.memory;
    st_epoch_unregister(&db->engine->model.store.epoch, &db->slot);
    strata_buffer_free(&db->request.value);
    st_arena_free(&db->arena);
    st_free(memory, db, sizeof *db);
}

static strata_status open_engine(const char *path, const strata_options *options, st_engine *engine,
                                 strata_db **db, strata_error *error) {
    strata_options effective = *options;
    effective.host = &engine->host;
    if (strcmp(path, ":memory:") == 0) {
        effective.durability = STRATA_MEMORY;
        effective.flags &= ~(uint32_t)(STRATA_OPEN_READ_ONLY | STRATA_OPEN_MUST_EXIST);
    }
    if (options->snapshot != NULL) {
        effective.flags |= STRATA_OPEN_READ_ONLY | STRATA_OPEN_MUST_EXIST;
    }
    ST_TRY(st_model_open(&engine->model, path, &effective, error));
    atomic_init(&engine->handles, 1);
    strata_status status = make_handle(engine, db);
    if (status != STRATA_OK) {
        (void)st_model_close(&engine->model, NULL);
        return st_fail_memory(error);
    }
    if ((options->flags & STRATA_OPEN_LAZY_INDEX) == 0) {
        status = st_handle_end(*db, st_memory_index_all(st_handle_begin(*db)));
        if (status != STRATA_OK) {
            if (error != NULL) {
                *error = (*db)->error;
            }
            free_handle(*db);
            (void)st_model_close(&engine->model, NULL);
        }
    }
    return status;
}

strata_status strata_open(const char *path, const strata_options *options, strata_db **out) {
    const strata_options defaults = STRATA_OPTIONS_INIT;
    const strata_options *chosen = options == NULL ? &defaults : options;
    const strata_host *host = chosen->host == NULL ? strata_host_default() : chosen->host;
    strata_error unasked = {
        .code = STRATA_OK}; /* what goes on below depends on codes that an error carries */
    strata_error *error = chosen->error == NULL ? &unasked : chosen->error;
    error->code = STRATA_OK;
    error->field_count = 0;
    error->message[0] = '\0';
    ST_TRY(st_check_options(path, chosen, error));
    st_engine *engine = st_alloc_zeroed(&host->memory, sizeof *engine);
    if (engine == NULL) {
        return st_fail_memory(error);
    }
    engine->host = *host;
    engine->close_deadline_ms = chosen->close_deadline_ms;
    strata_db *db = NULL;
    const strata_status status = open_engine(path, chosen, engine, &db, error);
    if (status != STRATA_OK) {
        st_free(&host->memory, engine, sizeof *engine);
        return status;
    }
    error->code = STRATA_OK; /* what was found on the way, such as a half-made manifest */
    error->field_count = 0;
    error->message[0] = '\0';
    *out = db;
    return STRATA_OK;
}

strata_status strata_attach(strata_db *db, strata_db **other) {
    (void)st_handle_end(db, (st_handle_begin(db), STRATA_OK));
    strata_db *made = NULL;
    if (make_handle(db->engine, &made) != STRATA_OK) {
        return st_fail_memory(&db->error);
    }
    atomic_fetch_add_explicit(&db->engine->handles, 1, memory_order_relaxed);
    *other = made;
    return STRATA_OK;
}

strata_status strata_close(strata_db *db) {
    if (db == NULL) {
        return STRATA_OK;
    }
    st_engine *engine = db->engine;
    free_handle(db);
    if (atomic_fetch_sub_explicit(&engine->handles, 1, memory_order_acq_rel) > 1) {
        return STRATA_OK;
    }
    const strata_allocator memory = engine->host.memory;
    const strata_status status = st_model_close(&engine->model, NULL);
    st_free(&memory, engine, sizeof *engine);
    return status;
}

const strata_error *strata_last_error(const strata_db *db) {
    return &db->error;
}

const char *strata_errmsg(const strata_db *db) {
    return db->error.message;
}

strata_status strata_sync(strata_db *db) {
    st_request *rq = st_handle_begin(db);
    uint64_t version;
    return st_handle_end(db, st_store_sync(&rq->model->store, &version, rq->error));
}

/* Vectors have a fourth of what there is, at the pace of a slow machine; the store the rest. */
static strata_status tick(st_request *rq, uint32_t budget_us) {
    enum { US_AN_ENTRY = 400 };
    bool more;
    st_vectors_work(rq->model, budget_us / US_AN_ENTRY + 1, &more);
    return st_store_tick(&rq->model->store, budget_us, rq->error);
}

strata_status strata_tick(strata_db *db, uint32_t budget_us) {
    st_request *rq = st_handle_begin(db);
    return st_handle_end(db, tick(rq, budget_us));
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static strata_status run_find(st_request *rq, strata_slice name, strata_run *run) {
    st_run *found;
    ST_TRY(st_run_find(rq, name, &found));
    *run = found->shard->run;
    return STRATA_OK;
}

strata_status strata_run_find(strata_db *db, strata_slice name, strata_run *run) {
    return st_handle_end(db, run_find(st_handle_begin(db), name, run));
}

static strata_status run_create(st_request *rq, strata_slice name, strata_run *run) {
    const st_run_record spec = {.name = name};
    strata_slice made;
    st_stamp stamp;
    uint64_t id;
    ST_TRY(st_run_create(rq, &spec, &made, &id, &stamp));
    *run = id;
    return STRATA_OK;
}

strata_status strata_run_create(strata_db *db, strata_slice name, strata_run *run) {
    return st_handle_end(db, run_create(st_handle_begin(db), name, run));
}

/* ---- KV -------------------------------------------------------------------------------------- */

static strata_status kv_put(st_request *rq, strata_run id, const st_kv_item *item,
                            uint64_t *version) {
    st_run *run;
    st_stamp stamp;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_kv_put(rq, run, item, &stamp));
    if (version != NULL) {
        *version = stamp.version;
    }
    return STRATA_OK;
}

strata_status strata_kv_put(strata_db *db, strata_run id, strata_slice key, strata_value value,
                            uint64_t *version) {
    const st_kv_item item = {key, &value, 0};
    return st_handle_end(db, kv_put(st_handle_begin(db), id, &item, version));
}

static strata_status check_put_options(st_request *rq, const strata_put_options *options) {
    if (options->size != sizeof *options) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "strata_put_options.size is not its size: start from "
                       "STRATA_PUT_OPTIONS_INIT");
    }
    return options->ttl_ms == 0 ? STRATA_OK : st_ttl_check(rq, options->ttl_ms);
}

strata_status strata_kv_put_with(strata_db *db, strata_run id, strata_slice key, strata_value value,
                                 const strata_put_options *options, uint64_t *version) {
    const strata_put_options defaults = STRATA_PUT_OPTIONS_INIT;
    const strata_put_options *chosen = options == NULL ? &defaults : options;
    st_request *rq = st_handle_begin(db);
    strata_status status = check_put_options(rq, chosen);
    if (status == STRATA_OK) {
        const st_kv_item item = {key, &value, chosen->ttl_ms};
        status = kv_put(rq, id, &item, version);
    }
    return st_handle_end(db, status);
}

static strata_status kv_get(st_request *rq, strata_run id, strata_slice key, const st_when *when,
                            strata_entry *entry) {
    strata_entry found;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_kv_get(rq, run, key, when, &found));
    ST_TRY(st_handle_keep_value(rq, &found.value));
    *entry = found;
    return STRATA_OK;
}

strata_status strata_kv_get(strata_db *db, strata_run id, strata_slice key, strata_entry *entry) {
    const st_when when = st_now();
    return st_handle_end(db, kv_get(st_handle_begin(db), id, key, &when, entry));
}

strata_status strata_kv_get_at(strata_db *db, strata_run id, strata_slice key, strata_when at,
                               strata_entry *entry) {
    const st_when when = st_handle_when(at);
    return st_handle_end(db, kv_get(st_handle_begin(db), id, key, &when, entry));
}

static strata_status kv_delete(st_request *rq, strata_run id, strata_slice key, bool *existed) {
    st_run *run;
    st_stamp stamp;
    bool found = false;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_kv_delete(rq, run, key, &found, &stamp));
    if (existed != NULL) {
        *existed = found;
    }
    return STRATA_OK;
}

strata_status strata_kv_delete(strata_db *db, strata_run id, strata_slice key, bool *existed) {
    return st_handle_end(db, kv_delete(st_handle_begin(db), id, key, existed));
}

strata_status st_handle_page(st_request *rq, const strata_range *range, st_page *page) {
    const strata_range whole = STRATA_RANGE_INIT;
    const strata_range *chosen = range == NULL ? &whole : range;
    if (chosen->size != sizeof *chosen) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "strata_range.size is not its size: start from STRATA_RANGE_INIT");
    }
    *page = (st_page){.prefix = chosen->prefix,
                      .start = chosen->start,
                      .end = chosen->end,
                      .reverse = chosen->reverse,
                      .when = st_handle_when(chosen->when)};
    return STRATA_OK;
}

static strata_status kv_scan(st_request *rq, strata_run id, const strata_range *range,
                             strata_visit visit, void *arg) {
    st_run *run;
    st_scan *scan;
    st_page page;
    ST_TRY(st_handle_page(rq, range, &page));
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_page_scan(rq, run, ST_TAG_KV, &page, &scan));
    while (scan->here) {
        strata_slice stored;
        strata_entry entry = {strata_null(), scan->revision.number, scan->revision.timestamp_us};
        ST_TRY(st_scan_value(scan, &stored));
        if (!st_value_decode(stored, &entry.value)) {
            st_fail(rq->error, STRATA_CORRUPT, "a value is malformed");
            return st_fail_text(rq->error, "file", strata_text("kv"));
        }
        if (!visit(arg, st_key_text_of(scan->key), &entry)) {
            return STRATA_OK;
        }
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

strata_status strata_kv_scan(strata_db *db, strata_run run, const strata_range *range,
                             strata_visit visit, void *arg) {
    return st_handle_end(db, kv_scan(st_handle_begin(db), run, range, visit, arg));
}

/* ---- Events ---------------------------------------------------------------------------------- */

static strata_status event_append(st_request *rq, strata_run id, strata_slice type,
                                  strata_value payload, uint64_t *sequence) {
    st_run *run;
    st_stamp stamp;
    uint64_t number;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_event_append(rq, run, type, &payload, &number, &stamp));
    if (sequence != NULL) {
        *sequence = number;
    }
    return STRATA_OK;
}

strata_status strata_event_append(strata_db *db, strata_run id, strata_slice type,
                                  strata_value payload, uint64_t *sequence) {
    return st_handle_end(db, event_append(st_handle_begin(db), id, type, payload, sequence));
}

/* ---- Memory ---------------------------------------------------------------------------------- */

strata_status st_handle_object(st_request *rq, const strata_value *value, strata_slice *out) {
    if (value->type == STRATA_NULL) {
        *out = st_slice(NULL, 0);
        return STRATA_OK;
    }
    if (value->type != STRATA_OBJECT) {
        return st_fail(rq->error, STRATA_WRONG_TYPE, "metadata and the like are objects");
    }
    rq->value.len = 0;
    ST_TRY(st_value_encode(value, rq->model->value_bytes_max, &rq->value, rq->error));
    *out = st_arena_copy(rq->arena, st_buffer_slice(&rq->value));
    return out->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

strata_status st_handle_tags(st_request *rq, const strata_slice *tags, size_t count,
                             strata_slice *out) {
    *out = st_slice(NULL, 0);
    if (count == 0) {
        return STRATA_OK;
    }
    if (count > ST_TAGS_MAX) {
        return st_fail_constraint(rq->error, "too_many_tags", "there are %u tags; the limit is %u",
                                  (uint64_t)count, (uint64_t)ST_TAGS_MAX);
    }
    rq->value.len = 0;
    if (st_msgpack_put_array(&rq->value, (uint32_t)count) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    for (size_t i = 0; i < count; i++) {
        const strata_value tag = strata_string(tags[i]);
        ST_TRY(st_value_encode(&tag, rq->model->value_bytes_max, &rq->value, rq->error));
    }
    *out = st_arena_copy(rq->arena, st_buffer_slice(&rq->value));
    return out->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

static strata_status memory_remember(st_request *rq, strata_run id, const strata_memory *memory,
                                     strata_slice *key, uint64_t *version) {
    st_memory spec = {.key = memory->key, .text = memory->text};
    strata_slice made;
    st_stamp stamp;
    st_run *run;
    if (memory->size != sizeof *memory) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "strata_memory.size is not its size: start from STRATA_MEMORY_INIT");
    }
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_handle_object(rq, &memory->metadata, &spec.metadata));
    ST_TRY(st_handle_tags(rq, memory->tags, memory->tag_count, &spec.tags));
    ST_TRY(st_memory_remember(rq, run, &spec, &made, &stamp));
    if (key != NULL) {
        *key = made;
    }
    if (version != NULL) {
        *version = stamp.version;
    }
    return STRATA_OK;
}

strata_status strata_memory_remember(strata_db *db, strata_run id, const strata_memory *memory,
                                     strata_slice *key, uint64_t *version) {
    return st_handle_end(db, memory_remember(st_handle_begin(db), id, memory, key, version));
}

static strata_status memory_get(st_request *rq, strata_run id, strata_slice key,
                                const st_when *when, strata_memory_entry *entry) {
    st_run *run;
    st_memory memory;
    st_stamp stamp;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_memory_get(rq, run, key, when, &memory, &stamp));
    ST_TRY(st_handle_keep(rq, &memory.text));
    ST_TRY(st_handle_keep(rq, &memory.metadata));
    entry->text = memory.text;
    entry->metadata = memory.metadata.len == 0 ? strata_null() : strata_object(memory.metadata);
    entry->version = stamp.version;
    entry->timestamp_us = stamp.timestamp_us;
    return STRATA_OK;
}

strata_status strata_memory_get(strata_db *db, strata_run id, strata_slice key,
                                strata_memory_entry *entry) {
    const st_when when = st_now();
    return st_handle_end(db, memory_get(st_handle_begin(db), id, key, &when, entry));
}

strata_status strata_memory_get_at(strata_db *db, strata_run id, strata_slice key, strata_when at,
                                   strata_memory_entry *entry) {
    const st_when when = st_handle_when(at);
    return st_handle_end(db, memory_get(st_handle_begin(db), id, key, &when, entry));
}

static strata_status memory_forget(st_request *rq, strata_run id, strata_slice key, bool *existed) {
    st_run *run;
    st_stamp stamp;
    bool found = false;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_memory_forget(rq, run, key, &found, &stamp));
    if (existed != NULL) {
        *existed = found;
    }
    return STRATA_OK;
}

strata_status strata_memory_forget(strata_db *db, strata_run id, strata_slice key, bool *existed) {
    return st_handle_end(db, memory_forget(st_handle_begin(db), id, key, existed));
}

/* ---- Recall ---------------------------------------------------------------------------------- */

/* A result of its own: one block with the struct, the hits and all their bytes. */
typedef struct result_block {
    strata_hits hits;        /* first, so that the public pointer is the block's */
    strata_allocator memory; /* a copy: a result may outlive the database */
    size_t size;
} result_block;

static strata_slice copy_bytes(char **at, strata_slice bytes) {
    char *copy = *at;
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    copy[bytes.len] = '\0'; /* for callers who print it */
    *at += bytes.len + 1;
    return st_slice(copy, bytes.len);
}

static strata_status memory_recall(st_request *rq, strata_run id, const strata_recall *recall,
                                   strata_hits **out) {
    st_recall_result found;
    st_run *run;
    if (recall->size != sizeof *recall) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "strata_recall.size is not its size: start from STRATA_RECALL_INIT");
    }
    const st_recall_request request = {recall->query, recall->k, recall->snippets,
                                       st_handle_when(recall->when)};
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_recall(rq, run, &request, &found));
    size_t size = sizeof(result_block) + found.count * sizeof(strata_hit);
    for (size_t i = 0; i < found.count; i++) {
        size += found.hits[i].memory.key.len + 1 + found.hits[i].snippet.len + 1;
    }
    result_block *block = st_alloc(&rq->model->host->memory, size);
    if (block == NULL) {
        return st_fail_memory(rq->error);
    }
    strata_hit *hits = (strata_hit *)(block + 1);
    char *at = (char *)(hits + found.count);
    for (size_t i = 0; i < found.count; i++) {
        hits[i].key = copy_bytes(&at, found.hits[i].memory.key);
        hits[i].snippet = copy_bytes(&at, found.hits[i].snippet);
        hits[i].score = found.hits[i].score;
        hits[i].version = found.hits[i].stamp.version;
        hits[i].timestamp_us = found.hits[i].stamp.timestamp_us;
    }
    block->hits = (strata_hits){hits, found.count, found.candidates, found.elapsed_ns};
    block->memory = rq->model->host->memory;
    block->size = size;
    *out = &block->hits;
    return STRATA_OK;
}

strata_status strata_memory_recall(strata_db *db, strata_run id, const strata_recall *recall,
                                   strata_hits **out) {
    return st_handle_end(db, memory_recall(st_handle_begin(db), id, recall, out));
}

void strata_hits_free(strata_hits *hits) {
    if (hits != NULL) {
        result_block *block = (result_block *)(void *)hits;
        const strata_allocator memory = block->memory;
        st_free(&memory, block, block->size);
    }
}

/* ---- Checking files -------------------------------------------------------------------------- */

strata_status strata_verify(const char *path, const strata_options *options, strata_buffer *out) {
    const strata_options defaults = STRATA_OPTIONS_INIT;
    const strata_options *chosen = options == NULL ? &defaults : options;
    const strata_host *host = chosen->host == NULL ? strata_host_default() : chosen->host;
    strata_error unasked = {.code = STRATA_OK};
    strata_error *error = chosen->error == NULL ? &unasked : chosen->error;
    error->field_count = 0;
    ST_TRY(st_check_options(path, chosen, error));
    out->len = 0;
    st_report *report = st_alloc_zeroed(&host->memory, sizeof *report);
    if (report == NULL) {
        return st_fail_memory(error);
    }
    strata_status status = st_verify_files(host, path, report, error);
    if (status == STRATA_OK && st_put_report(out, report) != STRATA_OK) {
        status = st_fail_memory(error);
    }
    st_free(&host->memory, report, sizeof *report);
    return status;
}
