/* ops_db.c - the operations on the database as a whole. */
#include "api/ops.h"
#include "format/codec.h"
#include "model/event.h"
#include "model/field_index.h"
#include "model/memory.h"
#include "model/open.h"
#include "model/vector/vector_home.h"
#include "model/vector/vector_index.h"
#include "store/tables.h"

typedef struct totals {
    uint64_t runs;
    uint64_t keys;
    uint64_t memories;
    uint64_t memtable_bytes;
    uint64_t index_bytes;
    uint64_t vector_bytes;
    uint64_t tables;
    uint64_t table_bytes;
} totals;

/* The run of that id, or NULL when it is none of a user's. */
static st_run *run_at(st_request *rq, uint64_t id) {
    const st_shard *shard = st_shards_find(&rq->model->store.shards, id);
    return shard == NULL || st_store_shows_gone(&rq->model->store, shard) ? NULL : shard->owner;
}

static void add_tables(const st_request *rq, totals *sum) {
    const st_view *view = st_tables_view(&rq->model->store);
    for (unsigned i = 0; view != NULL && i < ST_LEVELS; i++) {
        for (size_t j = 0; j < view->levels[i].count; j++) {
            const st_table_info *info = st_table_about(view->levels[i].tables[j]);
            sum->tables++;
            sum->table_bytes += info->bytes;
            sum->keys += info->keys;
        }
    }
}

static uint64_t vector_bytes(const st_run *run) {
    uint64_t bytes = 0;
    const st_collection_index *index =
        atomic_load_explicit((st_collection_index * _Atomic *)&run->vectors, memory_order_seq_cst);
    for (; index != NULL;
         index = atomic_load_explicit((st_collection_index * _Atomic *)&index->next,
                                      memory_order_seq_cst)) {
        st_vector_stats stats;
        st_vector_index_stats(index->index, &stats);
        bytes += stats.bytes;
    }
    return bytes;
}

static totals add_up(st_request *rq) {
    const uint64_t end = atomic_load_explicit(&rq->model->runs_end, memory_order_acquire);
    totals sum = {.runs = 0};
    for (uint64_t id = 0; id < end; id++) {
        const st_run *run = run_at(rq, id);
        if (run == NULL) {
            continue;
        }
        for (const st_memtable *table = st_shard_newest(run->shard); table != NULL;
             table = st_memtable_older(table)) {
            sum.memtable_bytes += atomic_load_explicit((_Atomic size_t *)&table->arena.reserved,
                                                       memory_order_relaxed);
            sum.keys += id == ST_RUN_SYSTEM ? 0
                                            : atomic_load_explicit((_Atomic uint64_t *)&table->keys,
                                                                   memory_order_relaxed);
        }
        if (id == ST_RUN_SYSTEM) {
            continue;
        }
        sum.runs++;
        sum.vector_bytes += vector_bytes(run);
        const st_run_index *index = atomic_load_explicit(&run->index, memory_order_acquire);
        if (index != NULL) {
            sum.index_bytes += st_text_head_bytes(index->head);
            sum.memories += st_text_head_documents(index->head, st_shard_snapshot(run->shard));
        }
    }
    st_row_pool_stats pages;
    st_row_pool_read_stats(&rq->model->row_pool, &pages);
    sum.vector_bytes += pages.paged + pages.waiting;
    add_tables(rq, &sum);
    return sum;
}

static void format_uuid(const uint8_t uuid[ST_UUID_BYTES], char text[36]) {
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < ST_UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[at++] = '-';
        }
        text[at++] = digits[uuid[i] >> 4];
        text[at++] = digits[uuid[i] & 15];
    }
}

static strata_status put_table_stats(st_store *store, const totals *sum, strata_buffer *out) {
    st_maintenance *maintenance = store->maintenance;
    st_block_cache_stats cache = {.hits = 0};
    if (store->cache != NULL) {
        st_block_cache_read_stats(store->cache, &cache);
    }
    const uint64_t resident = atomic_load_explicit(&store->resident_bytes, memory_order_relaxed);
    ST_TRY(st_put_uint(out, "tables", sum->tables));
    ST_TRY(st_put_uint(out, "table_bytes", sum->table_bytes));
    ST_TRY(st_put_uint(out, "cache_bytes", cache.used_bytes));
    ST_TRY(st_put_uint(out, "cache_hits", cache.hits));
    ST_TRY(st_put_uint(out, "cache_misses", cache.misses));
    ST_TRY(st_put_uint(out, "memory_bytes",
                       sum->memtable_bytes + cache.used_bytes + resident + sum->vector_bytes));
    ST_TRY(st_put_uint(out, "flushes",
                       atomic_load_explicit(&maintenance->flushes, memory_order_relaxed)));
    ST_TRY(st_put_uint(out, "compactions",
                       atomic_load_explicit(&maintenance->compactions, memory_order_relaxed)));
    ST_TRY(st_put_uint(out, "versions_removed",
                       atomic_load_explicit(&maintenance->versions_removed, memory_order_relaxed)));
    return st_put_uint(out, "floor_version", st_store_floor(store));
}

strata_status st_op_db_stats(st_call *call) {
    static const char *const durabilities[] = {"buffered", "strict", "memory"};
    st_store *store = &call->rq->model->store;
    strata_buffer *out = call->out;
    const totals sum = add_up(call->rq);
    char uuid[36];
    format_uuid(store->manifest.uuid, uuid);
    st_mutex_lock(&store->wal.lock, &store->host->executor);
    const uint64_t version = store->wal.version;
    st_mutex_unlock(&store->wal.lock, &store->host->executor);
    const uint64_t durable =
        atomic_load_explicit(&store->wal.durable_version, memory_order_acquire);
    ST_TRY(st_msgpack_put_object(out, 26));
    ST_TRY(st_put_quoting(out, "path", store->path));
    ST_TRY(st_put_text(out, "uuid", st_slice(uuid, sizeof uuid)));
    ST_TRY(st_put_uint(out, "format", store->manifest.write_format));
    ST_TRY(st_put_text(out, "codec", strata_text(st_codec_name(store->manifest.codec))));
    ST_TRY(st_put_text(out, "durability", strata_text(durabilities[store->wal.durability])));
    ST_TRY(st_put_uint(out, "version", version));
    ST_TRY(st_put_uint(out, "durable_version", durable));
    ST_TRY(st_put_uint(out, "runs", sum.runs));
    ST_TRY(st_put_uint(out, "keys", sum.keys));
    ST_TRY(st_put_uint(out, "memories", sum.memories));
    ST_TRY(st_put_uint(out, "memtable_bytes", sum.memtable_bytes));
    ST_TRY(st_put_uint(out, "index_bytes", sum.index_bytes));
    ST_TRY(st_put_uint(out, "vector_bytes", sum.vector_bytes));
    ST_TRY(st_put_uint(out, "wal_bytes",
                       atomic_load_explicit(&store->wal.total_bytes, memory_order_relaxed)));
    ST_TRY(st_put_uint(out, "wal_segments",
                       atomic_load_explicit(&store->wal.segments, memory_order_relaxed)));
    ST_TRY(st_put_uint(out, "recovered_bytes_cut", store->torn_bytes));
    return put_table_stats(store, &sum, out);
}

strata_status st_op_db_sync(st_call *call) {
    uint64_t version;
    ST_TRY(st_store_sync(&call->rq->model->store, &version, call->rq->error));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_uint(call->out, "version", version);
}

strata_status st_op_db_compact(st_call *call) {
    const strata_slice mode = st_call_text(call, ARG_db_compact_mode);
    const bool full =
        !call->given[ARG_db_compact_mode] || st_slice_equal(mode, strata_text("full"));
    st_compact_result result;
    if (!full && !st_slice_equal(mode, strata_text("wal"))) {
        return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                       "there is no mode \"%S\"; it is wal or full", &mode);
    }
    /* It reads nothing here, and would keep alive what it takes away. */
    st_epoch_leave(&call->db->slot);
    ST_TRY(st_model_compact(call->rq->model, full, &result, call->rq->error));
    const uint64_t reclaimed =
        result.bytes_after < result.bytes_before ? result.bytes_before - result.bytes_after : 0;
    ST_TRY(st_msgpack_put_object(call->out, 3));
    ST_TRY(st_put_uint(call->out, "reclaimed_bytes", reclaimed));
    ST_TRY(st_put_uint(call->out, "wal_segments_removed", result.segments_removed));
    return st_put_uint(call->out, "versions_removed", result.versions_removed);
}

/* ---- Verify ---------------------------------------------------------------------------------- */

strata_status st_put_report(strata_buffer *out, const st_report *report) {
    const uint64_t kept =
        report->problem_count < ST_PROBLEMS_MAX ? report->problem_count : ST_PROBLEMS_MAX;
    const uint64_t unnamed =
        report->unnamed_count < ST_PROBLEMS_MAX ? report->unnamed_count : ST_PROBLEMS_MAX;
    ST_TRY(st_msgpack_put_object(out, 6));
    ST_TRY(st_put_bool(out, "valid", report->problem_count == 0));
    ST_TRY(st_put_uint(out, "files", report->files));
    ST_TRY(st_put_uint(out, "bytes", report->bytes));
    ST_TRY(st_put_uint(out, "commits", report->commits));
    ST_TRY(st_put_name(out, "problems"));
    ST_TRY(st_msgpack_put_array(out, (uint32_t)kept));
    for (uint64_t i = 0; i < kept; i++) {
        const st_problem *problem = &report->problems[i];
        ST_TRY(st_msgpack_put_object(out, 3));
        ST_TRY(st_put_quoting(out, "file", problem->file));
        ST_TRY(st_put_uint(out, "offset", problem->offset));
        ST_TRY(st_put_quoting(out, "what", problem->what));
    }
    ST_TRY(st_put_name(out, "unnamed"));
    ST_TRY(st_msgpack_put_array(out, (uint32_t)unnamed));
    for (uint64_t i = 0; i < unnamed; i++) {
        ST_TRY(st_put_quoted(out, report->unnamed[i]));
    }
    return STRATA_OK;
}

static strata_status check_vectors(st_request *rq, const st_run *run, st_report *report) {
    strata_error detail = {.code = STRATA_OK};
    const st_collection_index *index =
        atomic_load_explicit((st_collection_index * _Atomic *)&run->vectors, memory_order_seq_cst);
    for (; index != NULL;
         index = atomic_load_explicit((st_collection_index * _Atomic *)&index->next,
                                      memory_order_seq_cst)) {
        const strata_status status =
            index->merging ? STRATA_OK : st_vector_index_check(index->index, &detail);
        if (status == STRATA_INTERNAL) {
            st_report_problem(report, "vector index", run->shard->run, detail.message);
        } else if (status != STRATA_OK) {
            return st_fail_memory(rq->error);
        }
    }
    return STRATA_OK;
}

/* The structures in memory; their checks need the writer to hold still. */
static strata_status check_structures(st_request *rq, const st_run *run, st_report *report) {
    strata_error detail = {.code = STRATA_OK};
    for (const st_memtable *table = st_shard_newest(run->shard); table != NULL;
         table = st_memtable_older(table)) {
        if (!st_memtable_check(table)) {
            st_report_problem(report, "memtable", run->shard->run,
                              "the order of its keys is broken");
        }
    }
    ST_TRY(check_vectors(rq, run, report));
    const st_run_index *index = atomic_load_explicit(&run->index, memory_order_acquire);
    if (index == NULL) {
        return STRATA_OK;
    }
    const strata_status status = st_text_head_check(index->head, &detail);
    if (status == STRATA_INTERNAL) {
        st_report_problem(report, "text index", run->shard->run, detail.message);
        return STRATA_OK;
    }
    return status == STRATA_OK ? STRATA_OK : st_fail_memory(rq->error);
}

static strata_status check_run(st_request *rq, const st_run *run, st_report *report) {
    const strata_executor *executor = &rq->model->host->executor;
    uint64_t length;
    uint64_t first_invalid;
    st_mutex_lock(&run->shard->lock, executor);
    const strata_status status = check_structures(rq, run, report);
    st_mutex_unlock(&run->shard->lock, executor);
    ST_TRY(status);
    ST_TRY(st_event_verify(rq, run, &length, &first_invalid));
    if (first_invalid != 0) {
        st_report_problem(report, "events", first_invalid, "the hash chain does not hold");
    }
    return st_indexes_verify(rq, run, report);
}

static strata_status verify_all(st_request *rq, st_report *report) {
    st_store *store = &rq->model->store;
    uint64_t version;
    const uint64_t end = atomic_load_explicit(&rq->model->runs_end, memory_order_acquire);
    ST_TRY(st_store_sync(store, &version, rq->error));
    if (!store->in_memory) {
        ST_TRY(st_verify_store(store, report, rq->error));
    }
    for (uint64_t id = 0; id < end; id++) {
        const st_run *run = run_at(rq, id);
        if (run != NULL) {
            ST_TRY(check_run(rq, run, report));
        }
    }
    return store->in_memory ? STRATA_OK : st_vector_homes_verify(rq, report);
}

strata_status st_op_db_verify(st_call *call) {
    const strata_allocator *memory = &call->rq->model->host->memory;
    st_report *report = st_alloc_zeroed(memory, sizeof *report);
    if (report == NULL) {
        return st_fail_memory(call->rq->error);
    }
    strata_status status = verify_all(call->rq, report);
    if (status == STRATA_OK) {
        status = st_put_report(call->out, report);
    }
    st_free(memory, report, sizeof *report);
    return status;
}
