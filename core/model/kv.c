/* kv.c - keys and values: each key is one key of the store under ST_TAG_KV, each value its
 * canonical MessagePack (format/msgpack.h).
 *
 * Reading the newest version under the run's lock and writing after it makes incr and cas exact.
 * cas by value compares values, not encodings: the order of an object's names does not matter to
 * JSON, but is kept as given; so two objects with the same names in another order are different
 * here, and the reference says so.
 */
#include "model/kv.h"

#include "model/page.h"

static strata_status kv_key(st_request *rq, strata_slice text, st_key *key) {
    ST_TRY(st_key_check(text, rq->error));
    st_key_text(key, ST_TAG_KV, text);
    return STRATA_OK;
}

static strata_status encode(st_request *rq, const strata_value *value) {
    rq->value.len = 0;
    return st_value_encode(value, rq->model->value_bytes_max, &rq->value, rq->error);
}

static strata_status finish_put(st_request *rq, st_commit *commit, const st_key *key,
                                st_stamp *stamp) {
    const st_write write = {st_key_slice(key), st_buffer_slice(&rq->value), false};
    ST_TRY(st_commit_finish(commit, &write, 1, NULL, &stamp->version, rq->error));
    stamp->timestamp_us = commit->timestamp_us;
    return STRATA_OK;
}

strata_status st_kv_put(st_request *rq, st_run *run, strata_slice text, const strata_value *value,
                        st_stamp *stamp) {
    st_commit commit;
    st_key key;
    ST_TRY(kv_key(rq, text, &key));
    ST_TRY(encode(rq, value));
    ST_TRY(st_run_begin(rq, run, &commit));
    return finish_put(rq, &commit, &key, stamp);
}

strata_status st_kv_find(st_request *rq, const st_run *run, strata_slice text, uint64_t as_of,
                         const st_version **version) {
    st_key key;
    uint64_t snapshot;
    ST_TRY(kv_key(rq, text, &key));
    ST_TRY(st_snapshot(rq, run, as_of, &snapshot));
    const st_version *found = st_memtable_live(run->table, st_key_slice(&key), snapshot);
    if (found == NULL) {
        return st_fail(rq->error, STRATA_NOT_FOUND, "there is no key \"%S\"", &text);
    }
    *version = found;
    return STRATA_OK;
}

strata_status st_kv_get(st_request *rq, const st_run *run, strata_slice text, uint64_t as_of,
                        strata_entry *entry) {
    const st_version *version;
    ST_TRY(st_kv_find(rq, run, text, as_of, &version));
    if (!st_value_decode(st_version_value(version), &entry->value)) {
        st_fail(rq->error, STRATA_CORRUPT, "the value of \"%S\" is malformed", &text);
        return st_fail_text(rq->error, "file", strata_text("kv"));
    }
    entry->version = version->number;
    entry->timestamp_us = version->timestamp_us;
    return STRATA_OK;
}

strata_status st_kv_exists(st_request *rq, const st_run *run, strata_slice text, bool *exists) {
    st_key key;
    ST_TRY(kv_key(rq, text, &key));
    *exists =
        st_memtable_live(run->table, st_key_slice(&key), st_memtable_snapshot(run->table)) != NULL;
    return STRATA_OK;
}

strata_status st_kv_delete(st_request *rq, st_run *run, strata_slice text, bool *existed,
                           st_stamp *stamp) {
    st_commit commit;
    st_key key;
    ST_TRY(kv_key(rq, text, &key));
    ST_TRY(st_run_begin(rq, run, &commit));
    if (st_memtable_live(run->table, st_key_slice(&key), UINT64_MAX) == NULL) {
        st_commit_abort(&commit);
        *existed = false;
        return STRATA_OK;
    }
    const st_write write = {st_key_slice(&key), st_slice("", 0), true};
    ST_TRY(st_commit_finish(&commit, &write, 1, NULL, &stamp->version, rq->error));
    stamp->timestamp_us = commit.timestamp_us;
    *existed = true;
    return STRATA_OK;
}

/* Under the run's lock: adds to the value and encodes the sum. */
static strata_status add(st_request *rq, const st_run *run, const st_key *key, int64_t by,
                         int64_t *sum) {
    const st_version *version = st_memtable_live(run->table, st_key_slice(key), UINT64_MAX);
    const strata_slice text = st_key_text_of(st_key_slice(key));
    strata_value value = strata_int(0);
    if (version != NULL &&
        (!st_value_decode(st_version_value(version), &value) || value.type != STRATA_INT)) {
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

strata_status st_kv_incr(st_request *rq, st_run *run, strata_slice text, int64_t by, int64_t *sum,
                         st_stamp *stamp) {
    st_commit commit;
    st_key key;
    int64_t total = 0;
    ST_TRY(kv_key(rq, text, &key));
    ST_TRY(st_run_begin(rq, run, &commit));
    const strata_status status = add(rq, run, &key, by, &total);
    if (status != STRATA_OK) {
        st_commit_abort(&commit);
        return status;
    }
    ST_TRY(finish_put(rq, &commit, &key, stamp));
    *sum = total;
    return STRATA_OK;
}

/* Under the run's lock. wanted: the encoding of expected->value. */
static strata_status compare(st_request *rq, const st_run *run, const st_key *key,
                             const st_kv_expected *expected, strata_slice wanted) {
    const st_version *version = st_memtable_live(run->table, st_key_slice(key), UINT64_MAX);
    const uint64_t number = version == NULL ? 0 : version->number;
    const bool same_version = !expected->by_version || expected->version == number;
    const bool same_value = expected->value == NULL ||
                            (version != NULL && st_slice_equal(st_version_value(version), wanted));
    if (same_version && same_value) {
        return STRATA_OK;
    }
    const strata_slice text = st_key_text_of(st_key_slice(key));
    st_fail(rq->error, STRATA_CONFLICT,
            "\"%S\" has another %s than expected; read it again and retry", &text,
            same_version ? "value" : "version");
    return st_fail_number(rq->error, "version", (int64_t)number);
}

strata_status st_kv_cas(st_request *rq, st_run *run, strata_slice text, const strata_value *value,
                        const st_kv_expected *expected, st_stamp *stamp) {
    st_commit commit;
    st_key key;
    strata_slice wanted = {NULL, 0};
    ST_TRY(kv_key(rq, text, &key));
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
    ST_TRY(encode(rq, value));
    ST_TRY(st_run_begin(rq, run, &commit));
    const strata_status status = compare(rq, run, &key, expected, wanted);
    if (status != STRATA_OK) {
        st_commit_abort(&commit);
        return status;
    }
    return finish_put(rq, &commit, &key, stamp);
}

strata_status st_kv_count(st_request *rq, const st_run *run, strata_slice prefix, uint64_t *count) {
    const st_page page = {.prefix = prefix, .as_of = UINT64_MAX};
    st_scan scan;
    uint64_t counted = 0;
    ST_TRY(st_page_scan(rq, run, ST_TAG_KV, &page, &scan));
    for (; scan.version != NULL; st_scan_next(&scan)) {
        counted++;
    }
    *count = counted;
    return STRATA_OK;
}

strata_status st_kv_history(st_request *rq, const st_run *run, strata_slice text, uint64_t before,
                            const st_version **newest) {
    st_key key;
    ST_TRY(kv_key(rq, text, &key));
    const uint64_t now = st_memtable_snapshot(run->table);
    const uint64_t snapshot = before == 0 ? 0 : before - 1 < now ? before - 1 : now;
    *newest = st_memtable_get(run->table, st_key_slice(&key), snapshot);
    return STRATA_OK;
}
