/* kv_many.c - several keys at once: read at one snapshot, written in one commit.
 *
 * A commit writes no key twice (store.h), and which of two values the caller meant is not ours to
 * guess, so a key that is given twice is refused. Reading one twice harms nobody.
 */
#include "model/kv.h"

#include "base/sort.h"
#include "model/write.h"

static strata_status check_count(st_request *rq, size_t count) {
    return count >= 1 && count <= ST_KV_MANY_MAX
               ? STRATA_OK
               : st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                         "there are %u keys; it must be 1 to %u", (uint64_t)count,
                         (uint64_t)ST_KV_MANY_MAX);
}

static strata_status store_key(st_request *rq, strata_slice text, strata_slice *out) {
    st_key key;
    ST_TRY(st_key_check(text, rq->error));
    st_key_text(&key, ST_TAG_KV, text);
    *out = st_arena_copy(rq->arena, st_key_slice(&key));
    return out->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

static int compare_slices(const void *a, const void *b) {
    return st_slice_compare(*(const strata_slice *)a, *(const strata_slice *)b);
}

/* keys: of the store; their order is lost. */
static strata_status refuse_twice(st_request *rq, strata_slice *keys, size_t count) {
    st_sort(keys, count, sizeof *keys, compare_slices);
    for (size_t i = 1; i < count; i++) {
        if (st_slice_equal(keys[i - 1], keys[i])) {
            const strata_slice text = st_key_text_of(keys[i]);
            st_fail(rq->error, STRATA_INVALID_ARGUMENT, "the key \"%S\" is given twice", &text);
            return st_fail_text(rq->error, "key", text);
        }
    }
    return STRATA_OK;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static strata_status read_all(st_request *rq, const st_run *run, const strata_slice *keys,
                              size_t count, const st_bound *bound, st_revision *revisions,
                              bool *found) {
    for (size_t i = 0; i < count; i++) {
        st_key key;
        st_key_text(&key, ST_TAG_KV, keys[i]);
        ST_TRY(st_read_live(&rq->reader, run->shard, st_key_slice(&key), bound, &revisions[i],
                            &found[i]));
    }
    return STRATA_OK;
}

strata_status st_kv_get_many(st_request *rq, const st_run *run, const strata_slice *keys,
                             size_t count, const st_when *when, st_revision *revisions,
                             bool *found) {
    ST_TRY(check_count(rq, count));
    for (size_t i = 0; i < count; i++) {
        ST_TRY(st_key_check(keys[i], rq->error));
    }
    for (;;) {
        const uint64_t clock = st_store_trim_clock(&rq->model->store);
        st_bound bound;
        ST_TRY(st_bound_at(rq, run, when, &bound));
        const strata_status status = read_all(rq, run, keys, count, &bound, revisions, found);
        if (!st_is_too_late(rq, &bound, clock, status)) {
            return status;
        }
    }
}

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct kv_batch {
    st_write *writes;
    strata_slice *keys; /* of the store, to be sorted */
    size_t *ends;       /* of each value in rq->value */
} kv_batch;

static strata_status make_batch(st_request *rq, size_t count, kv_batch *batch) {
    ST_TRY(check_count(rq, count));
    batch->writes = st_arena_alloc(rq->arena, count * sizeof *batch->writes, 8);
    batch->keys = st_arena_alloc(rq->arena, count * sizeof *batch->keys, 8);
    batch->ends = st_arena_alloc(rq->arena, count * sizeof *batch->ends, 8);
    return batch->writes == NULL || batch->keys == NULL || batch->ends == NULL
               ? st_fail_memory(rq->error)
               : STRATA_OK;
}

/* The values one after the other in rq->value, which may move until the last one is there. */
static strata_status encode_all(st_request *rq, const st_kv_item *items, size_t count,
                                kv_batch *batch) {
    rq->value.len = 0;
    for (size_t i = 0; i < count; i++) {
        ST_TRY(store_key(rq, items[i].key, &batch->keys[i]));
        ST_TRY(st_value_encode(items[i].value, rq->model->value_bytes_max, &rq->value, rq->error));
        batch->ends[i] = rq->value.len;
        if (rq->value.len > ST_WAL_PAYLOAD_MAX) {
            return st_fail_constraint(rq->error, "commit_too_large",
                                      "one commit may not exceed %u bytes",
                                      (uint64_t)ST_WAL_PAYLOAD_MAX);
        }
    }
    size_t begin = 0;
    for (size_t i = 0; i < count; i++) {
        batch->writes[i] =
            (st_write){.key = batch->keys[i],
                       .value = st_slice(rq->value.data + begin, batch->ends[i] - begin),
                       .expires_us = st_kv_expiry(rq, items[i].ttl_ms)};
        begin = batch->ends[i];
    }
    return refuse_twice(rq, batch->keys, count);
}

strata_status st_kv_put_many(st_request *rq, st_run *run, const st_kv_item *items, size_t count,
                             st_stamp *stamp) {
    st_commit commit;
    kv_batch batch;
    ST_TRY(make_batch(rq, count, &batch));
    ST_TRY(encode_all(rq, items, count, &batch));
    ST_TRY(st_run_begin(rq, run, &commit));
    return st_run_write(rq, &commit, batch.writes, count, NULL, stamp);
}

/* Under the run's lock: a delete of each key that has a value. */
static strata_status find_existing(st_request *rq, const st_run *run, const kv_batch *batch,
                                   size_t count, bool *existed, size_t *writes) {
    *writes = 0;
    for (size_t i = 0; i < count; i++) {
        st_write *write = &batch->writes[*writes];
        st_revision revision;
        st_key key;
        memcpy(key.bytes, batch->keys[i].data, batch->keys[i].len);
        key.len = batch->keys[i].len;
        ST_TRY(st_run_newest(rq, run, &key, &revision, &existed[i]));
        if (existed[i]) {
            *write = (st_write){
                .key = batch->keys[i], .value = st_slice("", 0), .deletes = true, .expires_us = 0};
            (*writes)++;
        }
    }
    return STRATA_OK;
}

strata_status st_kv_delete_many(st_request *rq, st_run *run, const strata_slice *keys, size_t count,
                                bool *existed, st_stamp *stamp) {
    st_commit commit;
    kv_batch batch;
    size_t writes = 0;
    ST_TRY(make_batch(rq, count, &batch));
    for (size_t i = 0; i < count; i++) {
        ST_TRY(store_key(rq, keys[i], &batch.keys[i]));
    }
    strata_slice *sorted = st_arena_alloc(rq->arena, count * sizeof *sorted, 8);
    if (sorted == NULL) {
        return st_fail_memory(rq->error);
    }
    memcpy(sorted, batch.keys, count * sizeof *sorted);
    ST_TRY(refuse_twice(rq, sorted, count));
    ST_TRY(st_run_begin(rq, run, &commit));
    const strata_status status = find_existing(rq, run, &batch, count, existed, &writes);
    if (status != STRATA_OK || writes == 0) {
        st_run_abort(rq, &commit);
        return status;
    }
    return st_run_write(rq, &commit, batch.writes, writes, NULL, stamp);
}
