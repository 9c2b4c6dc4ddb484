/* page.c - snapshots and the bounds of a listing.
 *
 * A page is a scan between two keys of the store. Its cursor is the last key it returned, so a page
 * needs nothing kept between two calls, and keys written in between are seen in their place.
 *
 * A read of now takes the run's snapshot and holds nothing. Should all of a compaction happen between
 * that and opening what it reads from, it takes another snapshot (store.h, st_store_trim_clock).
 */
#include "model/page.h"

#include "store/past.h"

static strata_status fail_future(st_request *rq, const char *what, uint64_t asked, uint64_t last) {
    st_fail(rq->error, STRATA_INVALID_ARGUMENT, "%s %u has not come yet; the last one is %u", what,
            asked, last);
    return st_fail_number(rq->error, "last", (int64_t)last);
}

/* Commits that are on their way from the log into the run's memtable are there when this returns:
 * their writer holds the lock. What a snapshot below them shows then never changes. Returns the
 * newest of them. */
static uint64_t wait_for_writer(st_request *rq, const st_run *run) {
    const strata_executor *executor = &rq->model->host->executor;
    st_mutex_lock(&run->shard->lock, executor);
    const uint64_t last = run->shard->last;
    st_mutex_unlock(&run->shard->lock, executor);
    return last;
}

/* A commit that waits for its sync has a time already: what was there at that time is only settled
 * once readers see it. */
static strata_status wait_for_sync(st_request *rq, const st_run *run) {
    const uint64_t last = wait_for_writer(rq, run);
    if (last > st_shard_snapshot(run->shard)) {
        ST_TRY(st_wal_sync(&rq->model->store.wal, last, rq->error));
        st_shard_publish(run->shard, last);
    }
    return STRATA_OK;
}

static strata_status bound_at_version(st_request *rq, const st_run *run, uint64_t version,
                                      st_bound *bound) {
    bound->version = version;
    bound->past = true;
    if (version <= st_shard_snapshot(run->shard)) {
        return STRATA_OK;
    }
    st_wal *wal = &rq->model->store.wal;
    uint64_t last = atomic_load_explicit(&wal->durable_version, memory_order_acquire);
    if (wal->durability != STRATA_STRICT) { /* else a commit has happened once it is synced */
        st_mutex_lock(&wal->lock, &rq->model->host->executor);
        last = wal->version;
        st_mutex_unlock(&wal->lock, &rq->model->host->executor);
    }
    if (version > last) {
        return fail_future(rq, "the commit", version, last);
    }
    (void)wait_for_writer(rq,
                          run); /* those above the run's snapshot went to other runs, or come now */
    return STRATA_OK;
}

strata_status st_bound_at(st_request *rq, const st_run *run, const st_when *when, st_bound *bound) {
    *bound = (st_bound){UINT64_MAX, INT64_MAX, false, false};
    ST_TRY(st_run_check_there(rq, run));
    if (when->version != UINT64_MAX && when->time_us != INT64_MAX) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "as_of and as_of_time exclude each other");
    }
    if (when->version != UINT64_MAX) {
        return bound_at_version(rq, run, when->version, bound);
    }
    if (when->time_us != INT64_MAX) {
        const int64_t now_us = st_store_now(&rq->model->store);
        if (when->time_us > now_us) {
            return fail_future(rq, "the time", (uint64_t)when->time_us, (uint64_t)now_us);
        }
        ST_TRY(wait_for_sync(rq, run));
        bound->time_us = when->time_us;
        bound->past = true;
    }
    bound->version = st_shard_snapshot(run->shard);
    if (rq->txn != NULL && st_txn_shard(rq->txn) == run->shard && when->time_us == INT64_MAX) {
        bound->version = st_txn_snapshot(rq->txn);
        bound->own = true;
    }
    return STRATA_OK;
}

bool st_is_too_late(st_request *rq, const st_bound *bound, uint64_t clock, strata_status status) {
    if (bound->past || bound->own || !st_store_trimmed_since(&rq->model->store, clock) ||
        (status != STRATA_OK && status != STRATA_HISTORY_TRIMMED)) {
        return false;
    }
    st_error_clear(rq->error);
    return true;
}

strata_status st_read_at(st_request *rq, const st_run *run, strata_slice key, const st_when *when,
                         st_revision *revision, bool *found) {
    for (;;) {
        const uint64_t clock = st_store_trim_clock(&rq->model->store);
        st_bound at;
        ST_TRY(st_bound_at(rq, run, when, &at));
        const strata_status status =
            st_read_live(&rq->reader, run->shard, key, &at, revision, found);
        if (!st_is_too_late(rq, &at, clock, status)) {
            return status;
        }
    }
}

strata_status st_scan_at(st_request *rq, const st_run *run, const st_scan_range *range,
                         const st_when *when, st_scan *scan) {
    for (;;) {
        const uint64_t clock = st_store_trim_clock(&rq->model->store);
        st_bound at;
        ST_TRY(st_bound_at(rq, run, when, &at));
        const strata_status status = st_scan_start(scan, &rq->reader, run->shard, range, &at);
        if (!st_is_too_late(rq, &at, clock, status)) {
            return status;
        }
        st_scan_end(scan);
    }
}

strata_status st_run_kept_from(st_request *rq, const st_run *run, uint64_t *version) {
    st_floor floor = {.version = 0};
    st_reader reader = rq->reader;
    reader.overlay = NULL;
    reader.scans = NULL;
    ST_TRY(st_past_trimmed(&reader, run->shard, &floor));
    const bool begins_later = run->shard->base != NULL && run->shard->since > floor.version;
    *version = begins_later ? run->shard->since : floor.version;
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
                           st_scan **out) {
    strata_slice low;
    strata_slice high;
    strata_slice edge;
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
    *out = st_arena_alloc(rq->arena, sizeof **out, 16);
    if (*out == NULL) {
        return st_fail_memory(rq->error);
    }
    const st_scan_range range = {low, high, page->reverse};
    return st_scan_at(rq, run, &range, &page->when, *out);
}

strata_status st_history_scan(st_request *rq, const st_run *run, const st_key *key, uint64_t before,
                              st_scan **scan) {
    uint8_t *bytes = st_arena_alloc(rq->arena, key->len + 1, 1);
    *scan = st_arena_alloc(rq->arena, sizeof **scan, 16);
    if (bytes == NULL || *scan == NULL) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_run_check_there(rq, run));
    memcpy(bytes, key->bytes, key->len);
    bytes[key->len] = 0; /* no key is the beginning of another, so nothing else is below it */
    const uint64_t now = st_shard_snapshot(run->shard);
    const uint64_t snapshot = before == 0 ? 0 : before - 1 < now ? before - 1 : now;
    const st_scan_range range = {st_slice(bytes, key->len), st_slice(bytes, key->len + 1), false};
    return st_versions_start(*scan, &rq->reader, run->shard, &range, snapshot);
}

/* ---- Pairs and triples ----------------------------------------------------------------------- */

strata_status st_texts_range(st_arena *arena, const st_texts_page *page, st_scan_range *range) {
    const st_key_form form = st_key_form_of(page->tag);
    const size_t whole = form == ST_KEY_TEXT ? 1 : form == ST_KEY_PAIR ? 2 : 3;
    st_key *keys = st_arena_alloc(arena, 3 * sizeof *keys, 8);
    if (keys == NULL) {
        return STRATA_NO_MEMORY;
    }
    for (size_t i = 0; i < 2; i++) {
        st_key_texts(&keys[i], page->tag, page->texts, page->count);
        ST_ASSERT(keys[i].len + page->prefix.len <= sizeof keys[i].bytes);
        if (page->prefix.len > 0) {
            memcpy(keys[i].bytes + keys[i].len, page->prefix.data, page->prefix.len);
            keys[i].len += page->prefix.len;
        }
    }
    *range = (st_scan_range){st_key_slice(&keys[0]), above_prefix(st_key_slice(&keys[1])),
                             page->reverse};
    if (page->continues) {
        st_key_texts(&keys[2], page->tag, page->texts, whole);
        keys[2].bytes[keys[2].len] = 0; /* no key is the beginning of another */
        const strata_slice edge = st_slice(keys[2].bytes, keys[2].len + (page->reverse ? 0 : 1));
        strata_slice *bound = page->reverse ? &range->high : &range->low;
        const int order = st_slice_compare(edge, *bound);
        *bound = (page->reverse ? order < 0 : order > 0) ? edge : *bound;
    }
    return STRATA_OK;
}

strata_status st_moment_begin(st_request *rq, const st_run *run, const st_when *when,
                              st_moment *moment) {
    *moment = (st_moment){.run = run, .reader = rq->reader, .point = rq->reader};
    ST_TRY(st_bound_at(rq, run, when, &moment->bound));
    st_arena_init(&moment->scratch[0], &rq->model->host->memory, 0);
    st_arena_init(&moment->scratch[1], &rq->model->host->memory, 0);
    moment->reader.arena = &moment->scratch[0];
    moment->point.arena = &moment->scratch[1];
    moment->reader.scans = NULL;
    if (!moment->bound.past && !moment->bound.own) {
        st_snapshot_hold(&rq->model->store, run->shard, &moment->held);
        moment->bound.version = moment->held.version;
        moment->holds = true;
    }
    return STRATA_OK;
}

void st_moment_end(st_request *rq, st_moment *moment) {
    st_reader_finish(&moment->reader);
    st_arena_free(&moment->scratch[0]);
    st_arena_free(&moment->scratch[1]);
    if (moment->holds) {
        st_snapshot_release(&rq->model->store, &moment->held);
    }
}

strata_status st_moment_scan(st_moment *moment, const st_texts_page *page, st_scan **scan) {
    st_arena *arena = moment->reader.arena;
    st_scan_range range;
    st_reader_finish(&moment->reader);
    st_arena_reset(arena);
    *scan = st_arena_alloc(arena, sizeof **scan, 16);
    if (*scan == NULL || st_texts_range(arena, page, &range) != STRATA_OK) {
        return st_fail_memory(moment->reader.error);
    }
    return st_scan_start(*scan, &moment->reader, moment->run->shard, &range, &moment->bound);
}

strata_status st_moment_read(st_moment *moment, const st_key *key, st_revision *revision,
                             bool *found) {
    st_arena_reset(moment->point.arena);
    return st_read_live(&moment->point, moment->run->shard, st_key_slice(key), &moment->bound,
                        revision, found);
}
