/* kv.c - keys and values: each key is one key of the store under ST_TAG_KV, each value its
 * canonical MessagePack (format/msgpack.h).
 *
 * Reading the newest version under the run's lock and writing after it makes incr and cas exact.
 * cas by value compares values, not encodings: the order of an object's names does not matter to
 * JSON, but is kept as given; so two objects with the same names in another order are different
 * here, and the reference says so.
 * A value may have a time to live. It is measured by the store's clock, which never goes back
 * (st_store_now), and kept as the moment of its end; from then on the key reads as if it were not
 * there. As in Redis, put and cas replace it, or clear it, and incr keeps it.
 */
#include "model/kv.h"

#include "model/write.h"

static strata_status kv_key(st_request *rq, strata_slice text, st_key *key) {
    ST_TRY(st_key_check(text, rq->error));
    st_key_text(key, ST_TAG_KV, text);
    return STRATA_OK;
}

static strata_status encode(st_request *rq, const strata_value *value) {
    rq->value.len = 0;
    return st_value_encode(value, rq->model->value_bytes_max, &rq->value, rq->error);
}

strata_status st_ttl_check(st_request *rq, uint64_t ttl_ms) {
    if (ttl_ms == 0 || ttl_ms > ST_TTL_MS_MAX) {
        st_fail(rq->error, STRATA_INVALID_ARGUMENT, "ttl_ms is %u; it must be 1 to %u", ttl_ms,
                ST_TTL_MS_MAX);
        return st_fail_text(rq->error, "argument", strata_text("ttl_ms"));
    }
    return STRATA_OK;
}

int64_t st_kv_expiry(st_request *rq, uint64_t ttl_ms) {
    int64_t expires_us;
    if (ttl_ms == 0) {
        return 0;
    }
    /* A file may have set the clock to any time. */
    return __builtin_add_overflow(st_store_now(&rq->model->store), (int64_t)ttl_ms * 1000,
                                  &expires_us) ||
                   expires_us == ST_NEVER
               ? ST_NEVER - 1
               : expires_us;
}

/* Commits a put of rq->value. */
static strata_status put(st_request *rq, st_commit *commit, const st_key *key, int64_t expires_us,
                         st_stamp *stamp) {
    const st_write write = {
        .key = st_key_slice(key), .value = st_buffer_slice(&rq->value), .expires_us = expires_us};
    return st_run_write(rq, commit, &write, 1, NULL, stamp);
}

strata_status st_kv_put(st_request *rq, st_run *run, const st_kv_item *item, st_stamp *stamp) {
    st_commit commit;
    st_key key;
    ST_TRY(kv_key(rq, item->key, &key));
    ST_TRY(encode(rq, item->value));
    ST_TRY(st_run_begin(rq, run, &commit));
    return put(rq, &commit, &key, st_kv_expiry(rq, item->ttl_ms), stamp);
}

/* The key, if it has a value. */
static strata_status read_key(st_request *rq, const st_run *run, strata_slice text,
                              const st_when *when, st_revision *revision, bool *found) {
    st_key key;
    ST_TRY(kv_key(rq, text, &key));
    return st_read_at(rq, run, st_key_slice(&key), when, revision, found);
}

strata_status st_kv_find(st_request *rq, const st_run *run, strata_slice text, const st_when *when,
                         st_revision *revision) {
    bool found;
    ST_TRY(read_key(rq, run, text, when, revision, &found));
    return found ? STRATA_OK
                 : st_fail(rq->error, STRATA_NOT_FOUND, "there is no key \"%S\"", &text);
}

strata_status st_kv_get(st_request *rq, const st_run *run, strata_slice text, const st_when *when,
                        strata_entry *entry) {
    st_revision revision;
    ST_TRY(st_kv_find(rq, run, text, when, &revision));
    if (!st_value_decode(revision.value, &entry->value)) {
        st_fail(rq->error, STRATA_CORRUPT, "the value of \"%S\" is malformed", &text);
        return st_fail_text(rq->error, "file", strata_text("kv"));
    }
    entry->version = revision.number;
    entry->timestamp_us = revision.timestamp_us;
    return STRATA_OK;
}

strata_status st_kv_exists(st_request *rq, const st_run *run, strata_slice text,
                           const st_when *when, bool *exists) {
    st_revision revision;
    return read_key(rq, run, text, when, &revision, exists);
}

strata_status st_kv_delete(st_request *rq, st_run *run, strata_slice text, bool *existed,
                           st_stamp *stamp) {
    st_commit commit;
    st_key key;
    st_revision revision;
    bool found = false;
    ST_TRY(kv_key(rq, text, &key));
    ST_TRY(st_run_begin(rq, run, &commit));
    const strata_status status = st_run_newest(rq, run, &key, &revision, &found);
    if (status != STRATA_OK || !found) {
        st_run_abort(rq, &commit);
        *existed = false;
        return status;
    }
    ST_TRY(st_run_delete(rq, &commit, &key, NULL, stamp));
    *existed = true;
    return STRATA_OK;
}

/* Adds to the value, 0 if there is none, and encodes the sum into rq->value. */
static strata_status add_to(st_request *rq, const st_key *key, bool found, strata_slice stored,
                            int64_t by, int64_t *sum) {
    const strata_slice text = st_key_text_of(st_key_slice(key));
    strata_value value = strata_int(0);
    if (found && (!st_value_decode(stored, &value) || value.type != STRATA_INT)) {
        return st_fail(rq->error, STRATA_WRONG_TYPE, "the value of \"%S\" is not an int", &text);
    }
    if (__builtin_add_overflow(value.as.integer, by, sum)) {
        st_fail(rq->error, STRATA_OVERFLOW, "%d + %d does not fit 64 bits; \"%S\" is unchanged",
                value.as.integer, by, &text);
        return st_fail_number(rq->error, "value", value.as.integer);
    }
    value = strata_int(*sum);
    return encode(rq, &value);
}

static int64_t write_expiry(bool found, const st_revision *revision) {
    return found && revision->expires_us != ST_NEVER ? revision->expires_us : 0;
}

strata_status st_kv_add(st_request *rq, const st_run *run, const st_key *key, int64_t by,
                        int64_t *sum, int64_t *expires_us) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    st_revision revision;
    bool found;
    ST_TRY(st_read_live(&rq->reader, run->shard, st_key_slice(key), &newest, &revision, &found));
    *expires_us = write_expiry(found, &revision);
    return add_to(rq, key, found, found ? revision.value : st_slice("", 0), by, sum);
}

/* Whether a key has a value after a write of the transaction. */
static bool is_there(st_request *rq, const st_write *write) {
    return !write->deletes &&
           (write->expires_us == 0 || write->expires_us > st_store_now(&rq->model->store));
}

/* Inside a transaction an increment reads nothing: what it adds to is decided at the commit
 * (transaction.c). *sum is what it would be now. */
static strata_status incr_pending(st_request *rq, const st_run *run, const st_key *key, int64_t by,
                                  int64_t *sum) {
    st_txn_write own;
    uint8_t operand[8];
    int64_t delta = by;
    int64_t expires_us;
    bool derived = true;
    if (st_txn_find(rq->txn, st_key_slice(key), &own)) {
        derived = own.rule != 0;
        if (derived && __builtin_add_overflow((int64_t)load64_le(own.operand.data), by, &delta)) {
            return st_fail(rq->error, STRATA_OVERFLOW,
                           "the increments together do not fit 64 bits");
        }
        const bool there = is_there(rq, &own.write);
        expires_us = there ? own.write.expires_us : 0;
        ST_TRY(add_to(rq, key, there, own.write.value, by, sum));
    } else {
        const st_bound stored = st_bound_version(st_txn_snapshot(rq->txn));
        st_revision revision;
        bool found;
        ST_TRY(
            st_read_live(&rq->reader, run->shard, st_key_slice(key), &stored, &revision, &found));
        expires_us = write_expiry(found, &revision);
        ST_TRY(add_to(rq, key, found, found ? revision.value : st_slice("", 0), by, sum));
    }
    store64_le(operand, (uint64_t)delta);
    const st_txn_write write = {.write = {.key = st_key_slice(key),
                                          .value = st_buffer_slice(&rq->value),
                                          .expires_us = expires_us},
                                .rule = derived ? ST_WRITE_ADD : ST_WRITE_AS_IS,
                                .operand = st_slice(operand, sizeof operand)};
    return st_txn_put(rq->txn, &write, rq->error);
}

strata_status st_kv_incr(st_request *rq, st_run *run, strata_slice text, int64_t by, int64_t *sum,
                         st_stamp *stamp) {
    st_commit commit;
    st_key key;
    int64_t total = 0;
    int64_t expires_us = 0;
    ST_TRY(kv_key(rq, text, &key));
    ST_TRY(st_run_begin(rq, run, &commit));
    if (rq->txn != NULL) {
        *stamp = (st_stamp){0, commit.timestamp_us};
        return incr_pending(rq, run, &key, by, sum);
    }
    const strata_status status = st_kv_add(rq, run, &key, by, &total, &expires_us);
    if (status != STRATA_OK) {
        st_run_abort(rq, &commit);
        return status;
    }
    ST_TRY(put(rq, &commit, &key, expires_us, stamp));
    *sum = total;
    return STRATA_OK;
}

/* Under the run's lock. wanted: the encoding of expected->value. */
static strata_status compare(st_request *rq, const st_run *run, const st_key *key,
                             const st_kv_expected *expected, strata_slice wanted) {
    st_revision revision;
    bool found;
    ST_TRY(st_run_newest(rq, run, key, &revision, &found));
    const uint64_t number = found ? revision.number : 0;
    const bool same_version = !expected->by_version || expected->version == number;
    const bool same_value =
        expected->value == NULL || (found && st_slice_equal(revision.value, wanted));
    if (same_version && same_value) {
        return STRATA_OK;
    }
    const strata_slice text = st_key_text_of(st_key_slice(key));
    st_fail(rq->error, STRATA_CONFLICT,
            "\"%S\" has another %s than expected; read it again and retry", &text,
            same_version ? "value" : "version");
    return st_fail_number(rq->error, "version", (int64_t)number);
}

strata_status st_kv_cas(st_request *rq, st_run *run, const st_kv_item *item,
                        const st_kv_expected *expected, st_stamp *stamp) {
    st_commit commit;
    st_key key;
    strata_slice wanted = {NULL, 0};
    ST_TRY(kv_key(rq, item->key, &key));
    if (!expected->by_version && expected->value == NULL) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "kv.cas needs expected_version or expected_value");
    }
    if (expected->value != NULL) {
        ST_TRY(encode(rq, expected->value));
        wanted = st_arena_copy(rq->arena, st_buffer_slice(&rq->value));
        if (wanted.data == NULL) {
            return st_fail_memory(rq->error);
        }
    }
    ST_TRY(encode(rq, item->value));
    ST_TRY(st_run_begin(rq, run, &commit));
    const strata_status status = compare(rq, run, &key, expected, wanted);
    if (status != STRATA_OK) {
        st_run_abort(rq, &commit);
        return status;
    }
    return put(rq, &commit, &key, st_kv_expiry(rq, item->ttl_ms), stamp);
}

strata_status st_kv_count(st_request *rq, const st_run *run, const st_page *page, uint64_t *count) {
    st_scan *scan;
    uint64_t counted = 0;
    ST_TRY(st_page_scan(rq, run, ST_TAG_KV, page, &scan));
    while (scan->here) {
        counted++;
        ST_TRY(st_scan_next(scan));
    }
    *count = counted;
    return STRATA_OK;
}

strata_status st_kv_history(st_request *rq, const st_run *run, strata_slice text, uint64_t before,
                            st_scan **scan) {
    st_key key;
    ST_TRY(st_run_check_there(rq, run));
    ST_TRY(kv_key(rq, text, &key));
    return st_history_scan(rq, run, &key, before, scan);
}
