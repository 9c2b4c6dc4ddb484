/* run.c - the index of runs and their life cycle.
 *
 * Run 0 is not a user's: under ST_TAG_RUN it holds a record for each run, keyed by name. A record
 * is a MessagePack map {id, status, tags, metadata, created, updated, parent?, error?}; status is
 * the number of st_run_status. Ids are given out one after the other and never reused, but for
 * those of runs whose creation failed.
 *
 * Invariants:
 * 1. A name has one record and an id one name.
 * 2. st_run.status is the status of the newest record; it changes under the locks of run 0 and of
 *    the run itself, so that no write of the run can fall between the check and the change.
 * Lock order: run 0, then the run.
 */
#include "model/run.h"

#include "base/utf8.h"
#include "store/tables.h"

static const char *const status_names[] = {"active", "paused",    "completed",
                                           "failed", "cancelled", "archived"};

enum { STATUS_COUNT = sizeof status_names / sizeof status_names[0] };

const char *st_run_status_name(st_run_status status) {
    return status_names[status];
}

bool st_run_status_parse(strata_slice name, st_run_status *status) {
    for (int i = 0; i < STATUS_COUNT; i++) {
        if (st_slice_equal(name, strata_text(status_names[i]))) {
            *status = (st_run_status)i;
            return true;
        }
    }
    return false;
}

/* ---- Records --------------------------------------------------------------------------------- */

static strata_status put_named(strata_buffer *out, const char *name) {
    return st_msgpack_put_string(out, strata_text(name));
}

static strata_status record_encode(const st_run_record *record, strata_buffer *out) {
    const uint32_t count =
        6u + (record->parent.len > 0 ? 1u : 0u) + (record->error.len > 0 ? 1u : 0u);
    out->len = 0;
    ST_TRY(st_msgpack_put_object(out, count));
    ST_TRY(put_named(out, "id"));
    ST_TRY(st_msgpack_put_uint(out, record->id));
    ST_TRY(put_named(out, "status"));
    ST_TRY(st_msgpack_put_uint(out, (uint64_t)record->status));
    ST_TRY(put_named(out, "tags"));
    ST_TRY(st_buffer_append(out, record->tags.data, record->tags.len));
    ST_TRY(put_named(out, "metadata"));
    ST_TRY(st_buffer_append(out, record->metadata.data, record->metadata.len));
    ST_TRY(put_named(out, "created"));
    ST_TRY(st_msgpack_put_int(out, record->created_us));
    ST_TRY(put_named(out, "updated"));
    ST_TRY(st_msgpack_put_int(out, record->updated_us));
    if (record->parent.len > 0) {
        ST_TRY(put_named(out, "parent"));
        ST_TRY(st_msgpack_put_string(out, record->parent));
    }
    if (record->error.len > 0) {
        ST_TRY(put_named(out, "error"));
        ST_TRY(st_msgpack_put_string(out, record->error));
    }
    return STRATA_OK;
}

static bool take_int(strata_slice value, int64_t *out) {
    st_cursor cursor = st_cursor_over(value);
    st_token token;
    if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_INT) {
        return false;
    }
    *out = token.as.integer;
    return true;
}

static bool take_string(strata_slice value, strata_slice *out) {
    st_cursor cursor = st_cursor_over(value);
    st_token token;
    if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_STRING) {
        return false;
    }
    *out = token.as.bytes;
    return true;
}

static bool take_field(strata_slice name, strata_slice value, st_run_record *record) {
    int64_t number = 0;
    if (st_slice_equal(name, strata_text("id"))) {
        const bool good = take_int(value, &number) && number > 0;
        record->id = (uint64_t)number;
        return good;
    }
    if (st_slice_equal(name, strata_text("status"))) {
        const bool good = take_int(value, &number) && number >= 0 && number < STATUS_COUNT;
        record->status = good ? (st_run_status)number : ST_RUN_ACTIVE;
        return good;
    }
    if (st_slice_equal(name, strata_text("created"))) {
        return take_int(value, &record->created_us);
    }
    if (st_slice_equal(name, strata_text("updated"))) {
        return take_int(value, &record->updated_us);
    }
    if (st_slice_equal(name, strata_text("parent"))) {
        return take_string(value, &record->parent);
    }
    if (st_slice_equal(name, strata_text("error"))) {
        return take_string(value, &record->error);
    }
    if (st_slice_equal(name, strata_text("tags"))) {
        record->tags = value;
    } else if (st_slice_equal(name, strata_text("metadata"))) {
        record->metadata = value;
    }
    return true; /* fields of later versions are left alone */
}

static strata_status fail_record(st_request *rq, strata_slice name) {
    st_fail(rq->error, STRATA_CORRUPT, "the record of the run \"%S\" is malformed", &name);
    st_fail_text(rq->error, "file", strata_text("run"));
    return st_fail_number(rq->error, "offset", 0);
}

strata_status st_run_read(st_request *rq, strata_slice key, strata_slice value,
                          st_run_record *record) {
    st_cursor cursor = st_cursor_over(value);
    st_token map;
    bool good = st_msgpack_next(&cursor, &map) && map.type == STRATA_OBJECT;
    memset(record, 0, sizeof *record);
    record->name = st_key_text_of(key);
    for (uint32_t i = 0; good && i < map.as.count; i++) {
        st_token name;
        strata_slice field;
        good = st_msgpack_next(&cursor, &name) && name.type == STRATA_STRING &&
               st_msgpack_skip(&cursor, &field) && take_field(name.as.bytes, field, record);
    }
    if (!good || record->id == 0 || record->tags.len == 0 || record->metadata.len == 0) {
        return fail_record(rq, record->name);
    }
    return STRATA_OK;
}

/* ---- Finding --------------------------------------------------------------------------------- */

st_run *st_run_system(st_request *rq) {
    return st_shards_find(&rq->model->store.shards, ST_RUN_SYSTEM)->owner;
}

/* Run 0 keeps everything, so a read of its now needs no care. */
static strata_status find_record_at(st_request *rq, strata_slice name, const st_bound *bound,
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
static strata_status find_record(st_request *rq, strata_slice name, uint64_t snapshot,
                                 st_run_record *record, st_stamp *stamp) {
    const st_bound bound = st_bound_version(snapshot);
    return find_record_at(rq, name, &bound, record, stamp);
}

strata_status st_run_of(st_request *rq, uint64_t id, st_run **run) {
    ST_TRY(st_store_check_open(&rq->model->store, rq->error));
    const bool there = id != ST_RUN_SYSTEM &&
                       id < atomic_load_explicit(&rq->model->runs_end, memory_order_acquire);
    const st_shard *shard = there ? st_shards_find(&rq->model->store.shards, id) : NULL;
    if (shard == NULL || shard->owner == NULL) {
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
    ST_TRY(find_record(rq, name, st_shard_snapshot(st_run_system(rq)->shard), &record, &stamp));
    return st_run_of(rq, record.id, run);
}

strata_status st_run_get(st_request *rq, strata_slice name, const st_when *when,
                         st_run_record *record, st_stamp *stamp) {
    st_bound bound;
    ST_TRY(st_bound_at(rq, st_run_system(rq), when, &bound));
    return find_record_at(rq, name, &bound, record, stamp);
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

static strata_status attach(st_model *model, uint64_t id, st_run_status status, st_run **out,
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
        atomic_init(&run->index, NULL);
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
static void raise_end(st_model *model, uint64_t id) {
    if (id >= atomic_load_explicit(&model->runs_end, memory_order_relaxed)) {
        atomic_store_explicit(&model->runs_end, id + 1, memory_order_release);
    }
}

typedef struct create_hook {
    st_model *model;
    uint64_t id;
} create_hook;

static void show_run(void *ctx, const st_commit *commit, uint64_t version) {
    (void)commit;
    (void)version;
    const create_hook *create = ctx;
    raise_end(create->model, create->id);
}

/* Under the lock of run 0. What it attaches stays when the commit fails: it is the next one's. */
static strata_status create_locked(st_request *rq, st_run_record *record, const st_commit *commit,
                                   st_key *key) {
    st_run_record found;
    st_stamp stamp;
    st_run *run;
    if (record->parent.len > 0) {
        ST_TRY(find_record(rq, record->parent, UINT64_MAX, &found, &stamp));
    }
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
    ST_TRY(attach(rq->model, record->id, ST_RUN_ACTIVE, &run, rq->error));
    return record_encode(record, &rq->value) == STRATA_OK ? STRATA_OK : st_fail_memory(rq->error);
}

strata_status st_run_create(st_request *rq, const st_run_record *spec, strata_slice *name,
                            uint64_t *id, st_stamp *stamp) {
    static const uint8_t empty_array = 0x90;
    static const uint8_t empty_map = 0x80;
    st_run_record record = *spec;
    st_commit commit;
    st_key key;
    ST_TRY(check_name(record.name, rq->error));
    if (record.name.len == 0) {
        ST_TRY(make_name(rq, &record.name));
    }
    record.tags = record.tags.len > 0 ? record.tags : st_slice(&empty_array, 1);
    record.metadata = record.metadata.len > 0 ? record.metadata : st_slice(&empty_map, 1);
    record.status = ST_RUN_ACTIVE;
    ST_TRY(st_commit_begin(&commit, &rq->model->store, st_run_system(rq)->shard, rq->error));
    const strata_status status = create_locked(rq, &record, &commit, &key);
    if (status != STRATA_OK) {
        st_commit_abort(&commit);
        return status;
    }
    create_hook create = {rq->model, record.id};
    const st_commit_hook hook = {&create, show_run};
    ST_TRY(st_run_put(rq, &commit, &key, &hook, stamp));
    *name = record.name;
    *id = record.id;
    return STRATA_OK;
}

/* Of a record that is about to be attached: `default` is run 1, and no other record has the id. */
static strata_status check_identity(st_request *rq, const st_run_record *record) {
    const bool named_default = st_slice_equal(record->name, strata_text("default"));
    const st_shard *shard = st_shards_find(&rq->model->store.shards, record->id);
    const bool good = record->id < ST_RUNS_MAX && named_default == (record->id == ST_RUN_DEFAULT) &&
                      (shard == NULL || shard->owner == NULL);
    return good ? STRATA_OK : fail_record(rq, record->name);
}

/* What has no record has no name, and the next run that is created would find it in its place. */
static strata_status check_owners(const st_model *model, strata_error *error) {
    const uint64_t end = st_shards_end(&model->store.shards);
    for (uint64_t id = ST_RUN_DEFAULT + 1; id < end; id++) {
        const st_shard *shard = st_shards_find(&model->store.shards, id);
        if (shard != NULL && shard->owner == NULL) {
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
        ST_TRY(attach(rq->model, record.id, record.status, &run, rq->error));
        raise_end(rq->model, record.id);
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
        ST_TRY(attach(model, ST_RUN_DEFAULT, ST_RUN_ACTIVE, &run, rq->error));
        raise_end(model, ST_RUN_DEFAULT);
        return STRATA_OK;
    }
    const st_run_record spec = {.name = strata_text("default")};
    strata_slice name;
    st_stamp stamp;
    uint64_t id;
    return st_run_create(rq, &spec, &name, &id, &stamp);
}

/* Gives a run that has lost its record another one. */
static strata_status adopt(st_request *rq, uint64_t id) {
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
        taken = find_record(rq, record.name, UINT64_MAX, &other, &stamp);
        if (taken == STRATA_OK) {
            record.name = st_slice(name, st_format(name, sizeof name, "recovered-%u-%u", id, i));
        }
    }
    if (taken != STRATA_NOT_FOUND) {
        return taken;
    }
    ST_TRY(attach(rq->model, id, ST_RUN_ACTIVE, &run, rq->error));
    ST_TRY(st_commit_begin(&commit, &rq->model->store, st_run_system(rq)->shard, rq->error));
    record.created_us = commit.timestamp_us;
    record.updated_us = commit.timestamp_us;
    st_key_text(&key, ST_TAG_RUN, record.name);
    rq->value.len = 0;
    if (record_encode(&record, &rq->value) != STRATA_OK) {
        st_commit_abort(&commit);
        return st_fail_memory(rq->error);
    }
    create_hook create = {rq->model, id};
    const st_commit_hook hook = {&create, show_run};
    rq->model->adopted++;
    return st_run_put(rq, &commit, &key, &hook, &stamp);
}

static strata_status adopt_if_lost(st_request *rq, uint64_t id) {
    const st_shard *shard = st_shards_find(&rq->model->store.shards, id);
    return id >= ST_RUNS_MAX || (shard != NULL && shard->owner != NULL) ? STRATA_OK : adopt(rq, id);
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
    strata_status status = attach(model, ST_RUN_SYSTEM, ST_RUN_ACTIVE, &run, error);
    if (status != STRATA_OK) {
        return status;
    }
    st_arena_init(&arena, &model->host->memory, 0);
    st_request rq;
    st_request_init(&rq, model, &arena, error);
    status = load_records(&rq, run);
    if (status == STRATA_OK && (model->store.options.flags & (uint32_t)ST_OPEN_ADOPT) != 0) {
        status = adopt_all(&rq);
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
            st_run_index_destroy(atomic_load_explicit(&run->index, memory_order_acquire));
            st_free(&model->host->memory, run, sizeof *run);
            shard->owner = NULL;
        }
    }
}

/* ---- Life cycle ------------------------------------------------------------------------------ */

static bool may_move(st_run_status from, st_run_status to) {
    switch (from) {
    case ST_RUN_ACTIVE:
        return to != ST_RUN_ACTIVE;
    case ST_RUN_PAUSED:
        return to == ST_RUN_ACTIVE || to == ST_RUN_FAILED || to == ST_RUN_CANCELLED ||
               to == ST_RUN_ARCHIVED;
    case ST_RUN_COMPLETED:
    case ST_RUN_FAILED:
    case ST_RUN_CANCELLED:
        return to == ST_RUN_ARCHIVED;
    case ST_RUN_ARCHIVED:
        return false;
    }
    return false;
}

typedef struct move_hook {
    st_run *run;
    st_run_status to;
} move_hook;

static void set_status(void *ctx, const st_commit *commit, uint64_t version) {
    (void)commit;
    (void)version;
    const move_hook *move = ctx;
    atomic_store_explicit(&move->run->status, (int)move->to, memory_order_release);
}

/* Under the lock of run 0. */
static strata_status move_locked(st_request *rq, strata_slice name, st_run_status to,
                                 strata_slice why, const st_commit *commit, st_run **run,
                                 st_key *key) {
    st_run_record record;
    st_stamp stamp;
    ST_TRY(find_record(rq, name, UINT64_MAX, &record, &stamp));
    if (record.id == ST_RUN_DEFAULT) {
        return st_fail_constraint(rq->error, "default_run", "the run \"default\" is always active");
    }
    if (!may_move(record.status, to)) {
        st_fail_constraint(rq->error, "transition", "the run \"%S\" is %s and cannot become %s",
                           &name, st_run_status_name(record.status), st_run_status_name(to));
        return st_fail_text(rq->error, "status", strata_text(st_run_status_name(record.status)));
    }
    ST_TRY(st_run_of(rq, record.id, run));
    record.status = to;
    record.updated_us = commit->timestamp_us;
    if (why.len > 0) {
        record.error = why;
    }
    st_key_text(key, ST_TAG_RUN, name);
    return record_encode(&record, &rq->value) == STRATA_OK ? STRATA_OK : st_fail_memory(rq->error);
}

strata_status st_run_move(st_request *rq, strata_slice name, st_run_status to, strata_slice why,
                          st_stamp *stamp) {
    st_run *run = NULL;
    st_commit commit;
    st_key key;
    if (why.len > ST_STRING_BYTES_MAX) {
        st_fail_constraint(rq->error, "value_too_large", "the reason has %u bytes; the limit is %u",
                           (uint64_t)why.len, (uint64_t)ST_STRING_BYTES_MAX);
        return st_fail_number(rq->error, "limit", ST_STRING_BYTES_MAX);
    }
    ST_TRY(st_commit_begin(&commit, &rq->model->store, st_run_system(rq)->shard, rq->error));
    strata_status status = move_locked(rq, name, to, why, &commit, &run, &key);
    if (status != STRATA_OK) {
        st_commit_abort(&commit);
        return status;
    }
    const move_hook move = {run, to};
    const st_commit_hook hook = {(void *)&move, set_status};
    st_mutex_lock(&run->shard->lock, &rq->model->host->executor);
    commit.also = run->shard;
    return st_run_put(rq, &commit, &key, &hook, stamp);
}

/* ---- Writing to a run ------------------------------------------------------------------------ */

static strata_status check_active(st_request *rq, const st_run *run) {
    const int status = atomic_load_explicit((_Atomic int *)&run->status, memory_order_acquire);
    if (ST_LIKELY(status == ST_RUN_ACTIVE)) {
        return STRATA_OK;
    }
    st_fail_constraint(rq->error, "run_closed", "the run is %s and takes no writes",
                       st_run_status_name((st_run_status)status));
    return st_fail_text(rq->error, "status",
                        strata_text(st_run_status_name((st_run_status)status)));
}

strata_status st_run_lock(st_request *rq, st_run *run, st_commit *commit) {
    ST_TRY(st_commit_begin(commit, &rq->model->store, run->shard, rq->error));
    const strata_status status = check_active(rq, run);
    if (status != STRATA_OK) {
        st_commit_abort(commit);
    }
    return status;
}

strata_status st_run_begin(st_request *rq, st_run *run, st_commit *commit) {
    if (rq->txn == NULL) {
        return st_run_lock(rq, run, commit);
    }
    /* Nothing is locked; what is written goes to the transaction. */
    *commit = (st_commit){.store = NULL, .timestamp_us = st_store_now(&rq->model->store)};
    return check_active(rq, run);
}

void st_run_abort(st_request *rq, st_commit *commit) {
    if (rq->txn == NULL) {
        st_commit_abort(commit);
    }
}

strata_status st_run_newest(st_request *rq, const st_run *run, const st_key *key,
                            st_revision *revision, bool *found) {
    st_bound bound = st_bound_version(UINT64_MAX);
    if (rq->txn != NULL && st_txn_shard(rq->txn) == run->shard) {
        bound.version = st_txn_snapshot(rq->txn);
        bound.own = true;
    }
    return st_read_live(&rq->reader, run->shard, st_key_slice(key), &bound, revision, found);
}

static strata_status write_pending(st_request *rq, const st_write *writes, size_t count) {
    const uint64_t savepoint = st_txn_savepoint(rq->txn);
    for (size_t i = 0; i < count; i++) {
        const st_txn_write pending = {writes[i], 0, {"", 0}};
        const strata_status status = st_txn_put(rq->txn, &pending, rq->error);
        if (status != STRATA_OK) {
            (void)st_txn_rollback_to(rq->txn, savepoint, NULL);
            return status;
        }
    }
    return STRATA_OK;
}

strata_status st_run_write(st_request *rq, st_commit *commit, const st_write *writes, size_t count,
                           const st_commit_hook *hook, st_stamp *stamp) {
    *stamp = (st_stamp){0, commit->timestamp_us};
    if (rq->txn != NULL) {
        return write_pending(rq, writes, count);
    }
    uint64_t version;
    ST_TRY(st_commit_finish(commit, writes, count, hook, &version, rq->error));
    stamp->version = version;
    return STRATA_OK;
}

strata_status st_run_put(st_request *rq, st_commit *commit, const st_key *key,
                         const st_commit_hook *hook, st_stamp *stamp) {
    const st_write write = {.key = st_key_slice(key), .value = st_buffer_slice(&rq->value)};
    return st_run_write(rq, commit, &write, 1, hook, stamp);
}

strata_status st_run_delete(st_request *rq, st_commit *commit, const st_key *key,
                            const st_commit_hook *hook, st_stamp *stamp) {
    const st_write write = {.key = st_key_slice(key), .value = st_slice("", 0), .deletes = true};
    return st_run_write(rq, commit, &write, 1, hook, stamp);
}
