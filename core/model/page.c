/* page.c - snapshots and the bounds of a listing.
 *
 * A page is a scan between two keys of the store. Its cursor is the last key it returned, so a page
 * needs nothing kept between two calls, and keys written in between are seen in their place.
 */
#include "model/page.h"

strata_status st_snapshot(st_request *rq, const st_run *run, uint64_t as_of, uint64_t *snapshot) {
    const uint64_t now = st_memtable_snapshot(run->table);
    if (as_of == UINT64_MAX || as_of <= now) {
        *snapshot = as_of < now ? as_of : now;
        return STRATA_OK;
    }
    const strata_executor *executor = &rq->model->host->executor;
    st_wal *wal = &rq->model->store.wal;
    uint64_t last = atomic_load_explicit(&wal->durable_version, memory_order_acquire);
    if (wal->durability != STRATA_STRICT) { /* else a commit has happened once it is synced */
        st_mutex_lock(&wal->lock, executor);
        last = wal->version;
        st_mutex_unlock(&wal->lock, executor);
    }
    if (as_of > last) {
        st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                "as_of %u has not happened yet; the last commit is %u", as_of, last);
        return st_fail_number(rq->error, "last", (int64_t)last);
    }
    /* Those above `now` went to other runs, or are on their way from the log into this table, where
     * their writer holds the lock. After it, what this snapshot shows never changes. */
    st_mutex_lock(&run->table->lock, executor);
    st_mutex_unlock(&run->table->lock, executor);
    *snapshot = as_of;
    return STRATA_OK;
}

/* The smallest key above everything that begins with `prefix`; there is one, as the tag is not
 * 0xff. */
static strata_slice above_prefix(strata_slice prefix) {
    uint8_t *bytes = (uint8_t *)prefix.data;
    size_t len = prefix.len;
    while (bytes[len - 1] == 0xff) {
        len--;
    }
    bytes[len - 1]++;
    return st_slice(bytes, len);
}

static strata_status bound(st_request *rq, uint8_t tag, strata_slice text, strata_slice *out) {
    if (text.len > ST_KEY_BYTES_MAX) {
        return st_fail(rq->error, STRATA_INVALID_KEY, "a bound has %u bytes; keys have at most %u",
                       (uint64_t)text.len, (uint64_t)ST_KEY_BYTES_MAX);
    }
    if (text.len > 0 && memchr(text.data, 0, text.len) != NULL) {
        /* It would meet the end marks of keys, and find "a" under the prefix "a\0". */
        return st_fail(rq->error, STRATA_INVALID_KEY, "a bound holds a NUL byte; no key does");
    }
    st_key *key = st_arena_alloc(rq->arena, sizeof *key, 8);
    if (key == NULL) {
        return st_fail_memory(rq->error);
    }
    st_key_prefix(key, tag, text);
    *out = st_key_slice(key);
    return STRATA_OK;
}

/* bytes: made by bound(), with room for one more. */
static strata_slice above_key(strata_slice bytes) {
    uint8_t *key = (uint8_t *)bytes.data;
    key[bytes.len] = 1;
    return st_slice(key, bytes.len + 1);
}

strata_status st_page_scan(st_request *rq, const st_run *run, uint8_t tag, const st_page *page,
                           st_scan *scan) {
    strata_slice low;
    strata_slice high;
    strata_slice edge;
    uint64_t snapshot;
    ST_TRY(st_snapshot(rq, run, page->as_of, &snapshot));
    ST_TRY(bound(rq, tag, page->prefix, &low));
    ST_TRY(bound(rq, tag, page->prefix, &high));
    high = above_prefix(high);
    if (page->start.len > 0) {
        ST_TRY(bound(rq, tag, page->start, &edge));
        low = st_slice_compare(edge, low) > 0 ? edge : low;
    }
    if (page->end.len > 0) {
        ST_TRY(bound(rq, tag, page->end, &edge));
        high = st_slice_compare(edge, high) < 0 ? edge : high;
    }
    if (page->after.len > 0) {
        ST_TRY(bound(rq, tag, page->after, &edge));
        if (page->reverse) {
            high = st_slice_compare(edge, high) < 0 ? edge : high;
        } else {
            /* Above the key's end mark and below every longer key: texts hold no 00. */
            edge = above_key(edge);
            low = st_slice_compare(edge, low) > 0 ? edge : low;
        }
    }
    st_scan_start(scan, run->table, low, high, snapshot, page->reverse);
    return STRATA_OK;
}
