/* run.c - the index of runs: finding them and making new ones.
 *
 * Run 0 is not a user's: under ST_TAG_RUN it holds a record for each run, keyed by name
 * (run_record.c). Ids are given out one after the other and never reused, but for those of runs whose
 * creation failed.
 *
 * Invariants:
 * 1. A name has one record and an id one name.
 * 2. st_run.status is the status of the newest record; it changes under the locks of run 0 and of
 *    the run itself (run_life.c), so that no write of the run can fall between the check and the
 *    change.
 * Lock order: run 0, then the run.
 */
#include "model/run/run_private.h"

#include "base/utf8.h"

/* ---- Finding --------------------------------------------------------------------------------- */

st_run *st_run_system(st_request *rq) {
    return st_shards_find(&rq->model->store.shards, ST_RUN_SYSTEM)->owner;
}

/* Run 0 keeps everything, so a read of its now needs no care. */
strata_status st_run_find_record_at(st_request *rq, strata_slice name, const st_bound *bound,
                                    st_run_record *record, st_stamp *stamp) {
    st_key key;
    st_revision revision;
    bool found = false;
    if (name.len > 0 && name.len <= ST_NAME_BYTES_MAX) {
        st_key_text(&key, ST_TAG_RUN, name);
        ST_TRY(st_read_live(&rq->reader, st_run_system(rq)->shard, st_key_slice(&key), bound,
                            &revision, &found));
    }
    if (!found) {
        return st_fail(rq->error, STRATA_NOT_FOUND, "there is no run \"%S\"; create it first",
                       &name);
    }
    *stamp = (st_stamp){revision.number, revision.timestamp_us};
    ST_TRY(st_run_read(rq, st_key_slice(&key), revision.value, record));
    record->name = name;
    return STRATA_OK;
}

/* snapshot: UINT64_MAX inside a commit to run 0. */
strata_status st_run_find_record(st_request *rq, strata_slice name, uint64_t snapshot,
                                 st_run_record *record, st_stamp *stamp) {
    const st_bound bound = st_bound_version(snapshot);
    return st_run_find_record_at(rq, name, &bound, record, stamp);
}

strata_status st_run_of(st_request *rq, uint64_t id, st_run **run) {
    ST_TRY(st_store_check_open(&rq->model->store, rq->error));
    const bool there = id != ST_RUN_SYSTEM &&
                       id < atomic_load_explicit(&rq->model->runs_end, memory_order_acquire);
    const st_shard *shard = there ? st_shards_find(&rq->model->store.shards, id) : NULL;
    if (shard == NULL || shard->owner == NULL || st_store_shows_gone(&rq->model->store, shard)) {
        return st_fail(rq->error, STRATA_NOT_FOUND, "there is no run with the id %u", id);
    }
    *run = shard->owner;
    return STRATA_OK;
}

strata_status st_run_find(st_request *rq, strata_slice name, st_run **run) {
    st_run_record record;
    st_stamp stamp;
    if (name.len == 0 || st_slice_equal(name, strata_text("default"))) {
        return st_run_of(rq, ST_RUN_DEFAULT, run);
    }
    ST_TRY(
        st_run_find_record(rq, name, st_shard_snapshot(st_run_system(rq)->shard), &record, &stamp));
    return st_run_of(rq, record.id, run);
}

strata_status st_run_get(st_request *rq, strata_slice name, const st_when *when,
                         st_run_record *record, st_stamp *stamp) {
    st_bound bound;
    ST_TRY(st_bound_at(rq, st_run_system(rq), when, &bound));
    return st_run_find_record_at(rq, name, &bound, record, stamp);
}

strata_status st_run_name(st_request *rq, const st_run *run, strata_slice *name) {
    const st_page page = {.when = st_now()};
    st_scan *scan;
    ST_TRY(st_page_scan(rq, st_run_system(rq), ST_TAG_RUN, &page, &scan));
    while (scan->here) {
        st_run_record record;
        strata_slice value;
        ST_TRY(st_scan_value(scan, &value));
        ST_TRY(st_run_read(rq, scan->key, value, &record));
        if (record.id == run->shard->run) {
            *name = st_arena_copy(rq->arena, record.name);
            return name->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
        }
        ST_TRY(st_scan_next(scan));
    }
    return st_fail(rq->error, STRATA_NOT_FOUND, "there is no run with the id %u", run->shard->run);
}

/* ---- Creating -------------------------------------------------------------------------------- */

strata_status st_run_attach(st_model *model, uint64_t id, st_run_status status, st_run **out,
                            strata_error *error) {
    st_shard *shard;
    ST_TRY(st_shards_add(&model->store.shards, id, &shard, error));
    if (shard->owner == NULL) {
        st_run *run = st_alloc_zeroed(&model->host->memory, sizeof *run);
        if (run == NULL) {
            return st_fail_memory(error);
        }
        run->shard = shard;
        atomic_init(&run->status, (int)status);
        atomic_init(&run->provenance, false);
        atomic_init(&run->index, NULL);
        atomic_init(&run->vectors, NULL);
        atomic_init(&run->event_word, 0);
        atomic_init(&run->event_waiters, 0);
        st_mutex_init(&run->types_lock);
        shard->owner = run;
    }
    *out = shard->owner;
    return STRATA_OK;
}

static strata_status check_name(strata_slice name, strata_error *error) {
    if (name.len > ST_NAME_BYTES_MAX || !st_utf8_valid(name, NULL) ||
        (name.len > 0 && memchr(name.data, 0, name.len) != NULL)) {
        return st_fail(error, STRATA_INVALID_ARGUMENT,
                       "the name of a run has 1 to %u bytes of UTF-8 without NUL",
                       (uint64_t)ST_NAME_BYTES_MAX);
    }
    return STRATA_OK;
}

static strata_status make_name(st_request *rq, strata_slice *name) {
    char *id = st_arena_alloc(rq->arena, ST_ID_CHARS, 1);
    if (id == NULL) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_id_make(rq, id));
    *name = st_slice(id, ST_ID_CHARS);
    return STRATA_OK;
}

/* Lets everybody see the runs up to `id`; they were attached before. Under the lock of run 0. */
void st_run_raise_end(st_model *model, uint64_t id) {
    if (id >= atomic_load_explicit(&model->runs_end, memory_order_relaxed)) {
        atomic_store_explicit(&model->runs_end, id + 1, memory_order_release);
    }
}

void st_run_show(void *ctx, const st_commit *commit, uint64_t version) {
    (void)commit;
    (void)version;
    const st_run_create_hook *create = ctx;
    st_run_raise_end(create->model, create->id);
}

strata_status st_run_complete(st_request *rq, st_run_record *record) {
    static const uint8_t empty_map = 0x80;
    ST_TRY(check_name(record->name, rq->error));
    if (record->name.len == 0) {
        ST_TRY(make_name(rq, &record->name));
    }
    ST_TRY(st_run_unique_tags(rq, &record->tags));
    record->metadata = record->metadata.len > 0 ? record->metadata : st_slice(&empty_map, 1);
    record->status = ST_RUN_ACTIVE;
    return STRATA_OK;
}

strata_status st_run_make(st_request *rq, st_run_record *record, const st_commit *commit,
                          st_key *key, st_run **run) {
    st_key_text(key, ST_TAG_RUN, record->name);
    bool exists;
    st_revision revision;
    ST_TRY(st_run_newest(rq, st_run_system(rq), key, &revision, &exists));
    if (exists) {
        return st_fail(rq->error, STRATA_ALREADY_EXISTS, "there is a run \"%S\" already",
                       &record->name);
    }
    record->id = st_slice_equal(record->name, strata_text("default"))
                     ? (uint64_t)ST_RUN_DEFAULT
                     : atomic_load_explicit(&rq->model->runs_end, memory_order_relaxed);
    record->created_us = commit->timestamp_us;
    record->updated_us = commit->timestamp_us;
    ST_TRY(st_run_attach(rq->model, record->id, ST_RUN_ACTIVE, run, rq->error));
    atomic_store_explicit(&(*run)->provenance, record->provenance, memory_order_relaxed);
    return st_run_encode(record, &rq->value) == STRATA_OK ? STRATA_OK : st_fail_memory(rq->error);
}

static strata_status create_locked(st_request *rq, st_run_record *record, const st_commit *commit,
                                   st_key *key) {
    st_run_record found;
    st_stamp stamp;
    st_run *run;
    if (record->parent.len > 0) {
        ST_TRY(st_run_find_record(rq, record->parent, UINT64_MAX, &found, &stamp));
    }
    return st_run_make(rq, record, commit, key, &run);
}

strata_status st_run_create(st_request *rq, const st_run_record *spec, strata_slice *name,
                            uint64_t *id, st_stamp *stamp) {
    st_run_record record = *spec;
    st_commit commit;
    st_key key;
    ST_TRY(st_run_complete(rq, &record));
    ST_TRY(st_commit_begin(&commit, &rq->model->store, st_run_system(rq)->shard, rq->error));
    const strata_status status = create_locked(rq, &record, &commit, &key);
    if (status != STRATA_OK) {
        st_commit_abort(&commit);
        return status;
    }
    st_run_create_hook create = {rq->model, record.id};
    const st_commit_hook hook = {&create, st_run_show};
    ST_TRY(st_run_put(rq, &commit, &key, &hook, stamp));
    *name = record.name;
    *id = record.id;
    return STRATA_OK;
}
