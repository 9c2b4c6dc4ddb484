/* run_load.c - the runs of a database that is opened, and of one that is closed.
 *
 * Invariant: what is attached when the database is open has a record, and no two records have the same
 * id. A run of which commits are there but no record is damage: it has no name, and the next run that
 * is created would find what is left in its place. Repair gives it a record (ST_OPEN_ADOPT).
 */
#include "model/run/run_private.h"

#include "model/event_types.h"
#include "model/field_index.h"
#include "model/text_index.h"
#include "model/vector/vector_index.h"
#include "store/tables.h"

/* Of a record that is about to be attached: `default` is run 1, and no other record has the id. */
static strata_status check_identity(st_request *rq, const st_run_record *record) {
    const bool named_default = st_slice_equal(record->name, strata_text("default"));
    const st_shard *shard = st_shards_find(&rq->model->store.shards, record->id);
    const bool good = record->id < ST_RUNS_MAX && named_default == (record->id == ST_RUN_DEFAULT) &&
                      (shard == NULL || shard->owner == NULL);
    return good ? STRATA_OK : st_run_fail_record(rq, record->name);
}

/* What has no record has no name, and the next run that is created would find it in its place. */
static strata_status check_owners(const st_model *model, strata_error *error) {
    const uint64_t end = st_shards_end(&model->store.shards);
    for (uint64_t id = ST_RUN_DEFAULT + 1; id < end; id++) {
        const st_shard *shard = st_shards_find(&model->store.shards, id);
        if (shard != NULL && shard->owner == NULL && st_shard_gone(shard) == 0) {
            st_fail(error, STRATA_CORRUPT, "there are commits to run %u, which has no record", id);
            st_fail_text(error, "file", strata_text("run"));
            return st_fail_number(error, "offset", (int64_t)id);
        }
    }
    return STRATA_OK;
}

static strata_status load_records(st_request *rq, const st_run *system) {
    const st_page page = {.when = st_now()};
    st_scan *scan;
    ST_TRY(st_page_scan(rq, system, ST_TAG_RUN, &page, &scan));
    while (scan->here) {
        st_run_record record;
        st_run *run;
        strata_slice value;
        ST_TRY(st_scan_value(scan, &value));
        ST_TRY(st_run_read(rq, scan->key, value, &record));
        ST_TRY(check_identity(rq, &record));
        ST_TRY(st_run_attach(rq->model, record.id, record.status, &run, rq->error));
        atomic_store_explicit(&run->provenance, record.provenance, memory_order_relaxed);
        st_run_raise_end(rq->model, record.id);
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

/* The run `default` of a new database; read-only it is there without a record. */
static strata_status need_default(st_request *rq) {
    st_model *model = rq->model;
    const st_shard *shard = st_shards_find(&model->store.shards, ST_RUN_DEFAULT);
    if (shard != NULL && shard->owner != NULL) {
        return STRATA_OK;
    }
    if ((model->store.options.flags & STRATA_OPEN_READ_ONLY) != 0) {
        st_run *run;
        ST_TRY(st_run_attach(model, ST_RUN_DEFAULT, ST_RUN_ACTIVE, &run, rq->error));
        st_run_raise_end(model, ST_RUN_DEFAULT);
        return STRATA_OK;
    }
    const st_run_record spec = {.name = strata_text("default")};
    strata_slice name;
    st_stamp stamp;
    uint64_t id;
    return st_run_create(rq, &spec, &name, &id, &stamp);
}

strata_status st_run_adopt(st_request *rq, uint64_t id) {
    static const uint8_t empty_list = 0x90;
    static const uint8_t empty_map = 0x80;
    char name[ST_NAME_BYTES_MAX];
    st_run_record record = {.id = id,
                            .tags = st_slice(&empty_list, 1),
                            .metadata = st_slice(&empty_map, 1),
                            .status = ST_RUN_ACTIVE};
    st_run_record other;
    st_run *run;
    st_commit commit;
    st_stamp stamp;
    st_key key;
    strata_status taken = STRATA_OK;
    record.name = st_slice(name, st_format(name, sizeof name, "recovered-%u", id));
    for (uint64_t i = 2; taken == STRATA_OK; i++) {
        taken = st_run_find_record(rq, record.name, UINT64_MAX, &other, &stamp);
        if (taken == STRATA_OK) {
            record.name = st_slice(name, st_format(name, sizeof name, "recovered-%u-%u", id, i));
        }
    }
    if (taken != STRATA_NOT_FOUND) {
        return taken;
    }
    ST_TRY(st_run_attach(rq->model, id, ST_RUN_ACTIVE, &run, rq->error));
    ST_TRY(st_commit_begin(&commit, &rq->model->store, st_run_system(rq)->shard, rq->error));
    record.created_us = commit.timestamp_us;
    record.updated_us = commit.timestamp_us;
    st_key_text(&key, ST_TAG_RUN, record.name);
    rq->value.len = 0;
    if (st_run_encode(&record, &rq->value) != STRATA_OK) {
        st_commit_abort(&commit);
        return st_fail_memory(rq->error);
    }
    st_run_create_hook create = {rq->model, id};
    const st_commit_hook hook = {&create, st_run_show};
    rq->model->adopted++;
    return st_run_put(rq, &commit, &key, &hook, &stamp);
}

static strata_status adopt_if_lost(st_request *rq, uint64_t id) {
    const st_shard *shard = st_shards_find(&rq->model->store.shards, id);
    return id >= ST_RUNS_MAX || (shard != NULL && shard->owner != NULL) ||
                   st_shards_buried(&rq->model->store.shards, id)
               ? STRATA_OK
               : st_run_adopt(rq, id);
}

/* For repair: every run that anything is left of has a record afterwards. */
static strata_status adopt_all(st_request *rq) {
    const st_store *store = &rq->model->store;
    bool found = true;
    for (uint64_t id = ST_RUN_DEFAULT + 1; id < st_shards_end(&store->shards); id++) {
        if (st_shards_find(&store->shards, id) != NULL) {
            ST_TRY(adopt_if_lost(rq, id));
        }
    }
    for (uint64_t id = ST_RUN_DEFAULT + 1; found && id < ST_RUNS_MAX; id++) {
        ST_TRY(st_tables_next_run(store, id, &id, &found, rq->error));
        if (found) {
            ST_TRY(adopt_if_lost(rq, id));
        }
    }
    return STRATA_OK;
}

strata_status st_runs_load(st_model *model, strata_error *error) {
    st_run *run;
    st_arena arena;
    strata_status status = st_run_attach(model, ST_RUN_SYSTEM, ST_RUN_ACTIVE, &run, error);
    if (status != STRATA_OK) {
        return status;
    }
    st_arena_init(&arena, &model->host->memory, 0);
    st_request rq;
    st_request_init(&rq, model, &arena, error);
    status = load_records(&rq, run);
    if (status == STRATA_OK) {
        status = st_run_load_gone(&rq);
    }
    if (status == STRATA_OK && (model->store.options.flags & (uint32_t)ST_OPEN_ADOPT) != 0) {
        status = adopt_all(&rq);
    }
    if (status == STRATA_OK) {
        status = st_run_load_forks(&rq);
    }
    if (status == STRATA_OK) {
        status = check_owners(model, error);
    }
    if (status == STRATA_OK) {
        status = need_default(&rq);
    }
    st_reader_finish(&rq.reader);
    strata_buffer_free(&rq.value);
    st_arena_free(&arena);
    return status;
}

void st_runs_free(st_model *model) {
    const uint64_t end = st_shards_end(&model->store.shards);
    for (uint64_t id = 0; id < end; id++) {
        st_shard *shard = st_shards_find(&model->store.shards, id);
        if (shard != NULL && shard->owner != NULL) {
            st_run *run = shard->owner;
            st_indexes_forget(run, &model->host->memory);
            st_event_counts_free(run->event_counts);
            st_run_index_destroy(atomic_load_explicit(&run->index, memory_order_acquire));
            st_vector_indexes_free(run);
            st_free(&model->host->memory, run, sizeof *run);
            shard->owner = NULL;
        }
    }
}
