/* collection.c - collections of vectors: a record each, under ST_TAG_COLLECTION.
 *
 * Stored value: a canonical MessagePack map {dimension, metric: 0 cosine, 1 euclidean, 2 dot, codes: 0 auto, 1 f32,
 * 2 i8, 3 b1, seed, dropping?: true}. The entries are keys of their own (vector.c).
 *
 * Invariants:
 * 1. An entry is only written while there is a record of its collection that is not `dropping`, and fits it.
 * 2. A record with `dropping` is nobody's collection: it keeps the name until no entry is left. Whoever
 *    creates or drops a collection of that name first finishes what a crash has interrupted.
 * 3. A record that is not `dropping` is never changed, but by merging histories; the index goes by the record
 *    that it was made for (vector_index.h).
 * `auto` is i8 where that is a quarter of the memory; of fewer than SHORT_DIMENSION numbers the head of a code is
 * longer than what it saves, so they stay as they are.
 *
 * Rejected: all entries of a collection in one delete. A commit has a limit, and everybody would wait for it.
 */
#include "model/vector/collection.h"

#include "model/vector/vector.h"
#include "model/vector/vector_home.h"
#include "model/vector/vector_index.h"

enum { BATCH_ENTRIES = 512, SHORT_DIMENSION = 16 };

static const char *const metric_names[] = {"cosine", "euclidean", "dot"};
static const char *const codes_names[] = {"auto", "f32", "i8", "b1"};
static const char *const kind_names[] = {"f32", "i8", "b1"};

enum { METRICS = sizeof metric_names / sizeof metric_names[0] };

const char *st_metric_name(st_vector_metric metric) {
    return metric_names[metric];
}

const char *st_codes_asked_name(st_codes_asked codes) {
    return codes_names[codes];
}

const char *st_code_kind_name(st_code_kind kind) {
    return kind_names[kind];
}

st_code_kind st_collection_codes(const st_collection *collection) {
    if (collection->codes == ST_CODES_AUTO) {
        return collection->dimension < SHORT_DIMENSION ? ST_CODE_F32 : ST_CODE_I8;
    }
    return collection->codes == ST_CODES_F32  ? ST_CODE_F32
           : collection->codes == ST_CODES_I8 ? ST_CODE_I8
                                              : ST_CODE_B1;
}

bool st_collection_same_index(const st_collection *a, const st_collection *b) {
    return a->dimension == b->dimension && a->metric == b->metric && a->seed == b->seed &&
           st_collection_codes(a) == st_collection_codes(b);
}

strata_status st_collection_name_check(strata_slice name, strata_error *error) {
    ST_TRY(st_key_check(name, error));
    if (name.len > ST_NAME_BYTES_MAX) {
        st_fail(error, STRATA_INVALID_KEY, "the name of a collection has %u bytes; the limit is %u",
                (uint64_t)name.len, (uint64_t)ST_NAME_BYTES_MAX);
        st_fail_text(error, "reason", strata_text("key_too_long"));
        return st_fail_number(error, "limit", ST_NAME_BYTES_MAX);
    }
    return STRATA_OK;
}

strata_status st_collection_range(st_request *rq, strata_slice name, st_scan_range *range) {
    const st_texts_page entries = {.tag = ST_TAG_VECTOR, .texts = {name}, .count = 1};
    return st_texts_range(rq->arena, &entries, range) == STRATA_OK ? STRATA_OK
                                                                   : st_fail_memory(rq->error);
}

/* ---- The record ------------------------------------------------------------------------------ */

static strata_status put_number(strata_buffer *out, const char *name, uint64_t number) {
    ST_TRY(st_msgpack_put_string(out, strata_text(name)));
    return st_msgpack_put_uint(out, number);
}

static strata_status encode(const st_collection *collection, strata_buffer *out) {
    out->len = 0;
    ST_TRY(st_msgpack_put_object(out, collection->dropping ? 5 : 4));
    ST_TRY(put_number(out, "dimension", collection->dimension));
    ST_TRY(put_number(out, "metric", (uint64_t)collection->metric));
    ST_TRY(put_number(out, "codes", (uint64_t)collection->codes));
    ST_TRY(put_number(out, "seed", collection->seed));
    if (!collection->dropping) {
        return STRATA_OK;
    }
    ST_TRY(st_msgpack_put_string(out, strata_text("dropping")));
    return st_msgpack_put_bool(out, true);
}

/* A number of the record that is at most `most`. */
static bool read_number(st_cursor *cursor, const char *name, uint64_t most, uint64_t *number) {
    st_token token;
    if (!st_msgpack_next(cursor, &token) || token.type != STRATA_STRING ||
        !st_slice_equal(token.as.bytes, strata_text(name)) || !st_msgpack_next(cursor, &token) ||
        token.type != STRATA_INT || token.as.integer < 0) {
        return false;
    }
    *number = (uint64_t)token.as.integer;
    return *number <= most;
}

static bool decode(strata_slice stored, st_collection *collection) {
    st_cursor cursor = st_cursor_over(stored);
    st_token token;
    uint64_t dimension;
    uint64_t metric;
    uint64_t codes;
    if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_OBJECT || token.as.count < 4 ||
        token.as.count > 5 || !read_number(&cursor, "dimension", ST_DIMENSION_MAX, &dimension) ||
        dimension == 0 || !read_number(&cursor, "metric", METRICS - 1, &metric) ||
        !read_number(&cursor, "codes", ST_CODES_COUNT - 1, &codes) ||
        !read_number(&cursor, "seed", INT64_MAX, &collection->seed)) {
        return false;
    }
    collection->dimension = (uint32_t)dimension;
    collection->metric = (st_vector_metric)metric;
    collection->codes = (st_codes_asked)codes;
    collection->dropping = token.as.count == 5;
    if (collection->dropping &&
        (!st_msgpack_next(&cursor, &token) || token.type != STRATA_STRING ||
         !st_slice_equal(token.as.bytes, strata_text("dropping")) ||
         !st_msgpack_next(&cursor, &token) || token.type != STRATA_BOOL || !token.as.boolean)) {
        return false;
    }
    return st_cursor_left(&cursor) == 0;
}

strata_status st_collection_read(st_request *rq, strata_slice store_key, strata_slice stored,
                                 st_collection *collection) {
    collection->name = st_key_text_of(store_key);
    if (!decode(stored, collection)) {
        st_fail(rq->error, STRATA_CORRUPT, "the record of the collection \"%S\" is malformed",
                &collection->name);
        return st_fail_text(rq->error, "file", strata_text("collection"));
    }
    return STRATA_OK;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static strata_status fail_missing(st_request *rq, strata_slice name) {
    return st_fail(rq->error, STRATA_NOT_FOUND,
                   "there is no collection \"%S\"; vector.create makes one", &name);
}

/* What was read of it; dropping: it is told, too. */
static strata_status take(st_request *rq, const st_key *key, const st_revision *revision,
                          st_collection *collection) {
    ST_TRY(st_collection_read(rq, st_key_slice(key), revision->value, collection));
    collection->stamp = (st_stamp){revision->number, revision->timestamp_us};
    return STRATA_OK;
}

static strata_status take_found(st_request *rq, const st_key *key, const st_revision *revision,
                                strata_slice name, st_collection *collection) {
    ST_TRY(take(rq, key, revision, collection));
    collection->name = name;
    return collection->dropping ? fail_missing(rq, name) : STRATA_OK;
}

strata_status st_collection_get(st_request *rq, const st_run *run, strata_slice name,
                                const st_when *when, st_collection *collection) {
    st_key key;
    st_revision revision;
    bool found;
    ST_TRY(st_collection_name_check(name, rq->error));
    st_key_text(&key, ST_TAG_COLLECTION, name);
    ST_TRY(st_read_at(rq, run, st_key_slice(&key), when, &revision, &found));
    return found ? take_found(rq, &key, &revision, name, collection) : fail_missing(rq, name);
}

strata_status st_collection_find(st_request *rq, const st_run *run, strata_slice name,
                                 const st_bound *bound, st_collection *collection) {
    st_key key;
    st_revision revision;
    bool found;
    ST_TRY(st_collection_name_check(name, rq->error));
    st_key_text(&key, ST_TAG_COLLECTION, name);
    ST_TRY(st_read_live(&rq->reader, run->shard, st_key_slice(&key), bound, &revision, &found));
    return found ? take_found(rq, &key, &revision, name, collection) : fail_missing(rq, name);
}

strata_status st_collection_newest(st_request *rq, const st_run *run, strata_slice name,
                                   st_collection *collection) {
    st_key key;
    st_revision revision;
    bool found;
    st_key_text(&key, ST_TAG_COLLECTION, name);
    ST_TRY(st_run_newest(rq, run, &key, &revision, &found));
    return found ? take_found(rq, &key, &revision, name, collection) : fail_missing(rq, name);
}

/* ---- Changing -------------------------------------------------------------------------------- */

/* The record in a commit of its own: it changes, or goes (collection NULL); the index goes with it. */
static strata_status commit_record(st_request *rq, st_run *run, st_commit *commit,
                                   strata_slice name, const st_collection *collection,
                                   st_stamp *stamp) {
    const st_index_forget forget = {rq, run, name};
    const st_commit_hook hook = {(void *)&forget, st_vector_index_forget_at};
    st_key key;
    st_key_text(&key, ST_TAG_COLLECTION, name);
    if (collection == NULL) {
        return st_run_delete(rq, commit, &key, &hook, stamp);
    }
    if (encode(collection, &rq->value) != STRATA_OK) {
        st_commit_abort(commit);
        return st_fail_memory(rq->error);
    }
    return st_run_put(rq, commit, &key, &hook, stamp);
}

/* Appends deletes of the next few entries, and of what secondary indexes have of them. Under the run's lock. */
static strata_status look(st_request *rq, st_run *run, strata_slice name, strata_buffer *writes) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    st_scan_range range;
    if (scan == NULL) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_collection_range(rq, name, &range));
    ST_TRY(st_scan_start(scan, &rq->reader, run->shard, &range, &newest));
    for (size_t i = 0; scan->here && i < BATCH_ENTRIES; i++) {
        const st_write write = {
            .key = st_arena_copy(rq->arena, scan->key), .value = st_slice("", 0), .deletes = true};
        if (write.key.data == NULL || st_buffer_append(writes, &write, sizeof write) != STRATA_OK) {
            return st_fail_memory(rq->error);
        }
        ST_TRY(st_vector_index_fields(rq, run, &write, writes));
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

/* The record as it is now; *found false: there is none. Under the run's lock. */
static strata_status read_newest(st_request *rq, const st_run *run, strata_slice name,
                                 st_collection *collection, bool *found) {
    st_key key;
    st_revision revision;
    st_key_text(&key, ST_TAG_COLLECTION, name);
    ST_TRY(st_run_newest(rq, run, &key, &revision, found));
    return *found ? take(rq, &key, &revision, collection) : STRATA_OK;
}

/* Deletes some entries, or the record if none is left; *done: nothing is. A drop that somebody else has begun
 * may be over meanwhile. */
static strata_status drop_batch(st_request *rq, st_run *run, strata_slice name,
                                strata_buffer *writes, bool *done) {
    st_collection collection;
    st_commit commit;
    st_stamp stamp;
    bool found = false;
    ST_TRY(st_run_lock(rq, run, &commit));
    strata_status status = read_newest(rq, run, name, &collection, &found);
    *done = status == STRATA_OK && (!found || !collection.dropping);
    if (status == STRATA_OK && !*done) {
        status = look(rq, run, name, writes);
    }
    st_reader_finish(&rq->reader);
    if (status != STRATA_OK || *done) {
        st_commit_abort(&commit);
        return status;
    }
    *done = writes->len == 0;
    return *done ? commit_record(rq, run, &commit, name, NULL, &stamp)
                 : st_run_write(rq, &commit, (const st_write *)(void *)writes->data,
                                writes->len / sizeof(st_write), NULL, &stamp);
}

/* Ends a drop. Memory of each batch goes with it. */
static strata_status finish_drop(st_request *rq, st_run *run, strata_slice name) {
    st_arena *arena = rq->arena;
    strata_buffer writes = {NULL, 0, 0, rq->model->host};
    st_arena scratch;
    strata_status status = STRATA_OK;
    st_arena_init(&scratch, &rq->model->host->memory, 0);
    rq->arena = &scratch;
    rq->reader.arena = &scratch;
    for (bool done = false; !done && status == STRATA_OK;) {
        st_arena_reset(&scratch);
        writes.len = 0;
        status = drop_batch(rq, run, name, &writes, &done);
    }
    rq->arena = arena;
    rq->reader.arena = arena;
    st_arena_free(&scratch);
    strata_buffer_free(&writes);
    return status;
}

static strata_status check_alone(st_request *rq) {
    return rq->txn == NULL ? STRATA_OK
                           : st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                                     "collections are created and dropped outside of "
                                     "transactions only");
}

static strata_status fail_exists(st_request *rq, const st_commit *commit, strata_slice name) {
    st_commit_abort((st_commit *)commit);
    return st_fail(rq->error, STRATA_ALREADY_EXISTS, "there is a collection \"%S\" already", &name);
}

strata_status st_collection_create(st_request *rq, st_run *run, const st_collection *collection,
                                   st_stamp *stamp) {
    const strata_slice name = collection->name;
    st_collection there;
    st_commit commit;
    bool found = false;
    ST_TRY(check_alone(rq));
    ST_TRY(st_collection_name_check(name, rq->error));
    if (collection->dimension == 0 || collection->dimension > ST_DIMENSION_MAX) {
        st_fail(rq->error, STRATA_INVALID_ARGUMENT, "the dimension is %u; it must be 1 to %u",
                (uint64_t)collection->dimension, (uint64_t)ST_DIMENSION_MAX);
        return st_fail_text(rq->error, "argument", strata_text("dimension"));
    }
    for (;;) {
        ST_TRY(st_run_lock(rq, run, &commit));
        const strata_status status = read_newest(rq, run, name, &there, &found);
        if (status != STRATA_OK) {
            st_commit_abort(&commit);
            return status;
        }
        if (!found) {
            return commit_record(rq, run, &commit, name, collection, stamp);
        }
        if (!there.dropping) {
            return fail_exists(rq, &commit, name);
        }
        st_commit_abort(&commit);
        ST_TRY(finish_drop(rq, run, name));
    }
}

strata_status st_collection_drop(st_request *rq, st_run *run, strata_slice name, bool *existed,
                                 st_stamp *stamp) {
    st_collection there = {.dropping = false};
    st_commit commit;
    bool found = false;
    ST_TRY(check_alone(rq));
    ST_TRY(st_collection_name_check(name, rq->error));
    ST_TRY(st_run_lock(rq, run, &commit));
    const strata_status status = read_newest(rq, run, name, &there, &found);
    *existed = found && !there.dropping;
    if (status != STRATA_OK || !*existed) {
        st_commit_abort(&commit);
        return status != STRATA_OK || !found ? status : finish_drop(rq, run, name);
    }
    there.dropping = true;
    ST_TRY(commit_record(rq, run, &commit, name, &there, stamp));
    ST_TRY(finish_drop(rq, run, name));
    st_vector_home_leave(rq, run, name);
    return STRATA_OK;
}
