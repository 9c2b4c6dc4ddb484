/* event.c - the event log: one key of the store per event, under ST_TAG_EVENT and its sequence.
 *
 * Stored value: 1 byte form (1), 1 byte length of the type, the type, the payload as canonical
 * MessagePack, 32 bytes of hash. The hash is SHA-256 over
 *   u64 sequence | i64 timestamp | u32 length, type | u32 length, payload | 32 bytes previous hash
 * little-endian, the previous hash of the first event being zeros. So changing, dropping or moving
 * any event changes every hash after it.
 *
 * Invariants: sequences of a run go 1, 2, 3 ...; the tail kept in st_run is that of the newest
 * event in the memtable, committed or waiting for its sync (a commit that fails its sync poisons
 * the writer, so nothing is ever chained to it).
 */
#include "model/event.h"

#include "base/utf8.h"
#include "model/event_wait.h"
#include "model/write.h"

enum { FORM = 1, EVENT_FIXED_BYTES = 2 + ST_SHA256_BYTES };

static void chain(uint64_t sequence, int64_t timestamp_us, strata_slice type, strata_slice payload,
                  const uint8_t previous[ST_SHA256_BYTES], uint8_t hash[ST_SHA256_BYTES]) {
    uint8_t head[20];
    uint8_t payload_len[4];
    store64_le(head, sequence);
    store64_le(head + 8, (uint64_t)timestamp_us);
    store32_le(head + 16, (uint32_t)type.len);
    store32_le(payload_len, (uint32_t)payload.len);
    const strata_slice parts[] = {st_slice(head, sizeof head), type,
                                  st_slice(payload_len, sizeof payload_len), payload,
                                  st_slice(previous, ST_SHA256_BYTES)};
    st_sha256(parts, sizeof parts / sizeof parts[0], hash);
}

strata_status st_event_of(st_request *rq, strata_slice key, const st_revision *revision,
                          strata_slice stored, st_event *event) {
    const uint8_t *bytes = stored.data;
    event->sequence = st_key_number_of(key);
    if (event->sequence - 1 >= INT64_MAX || stored.len < EVENT_FIXED_BYTES || bytes[0] != FORM ||
        stored.len < EVENT_FIXED_BYTES + (size_t)bytes[1] + 1) {
        st_fail(rq->error, STRATA_CORRUPT, "event %u is malformed", event->sequence);
        st_fail_text(rq->error, "file", strata_text("event"));
        return st_fail_number(rq->error, "offset", (int64_t)event->sequence);
    }
    event->type = st_slice(bytes + 2, bytes[1]);
    event->payload = st_slice(bytes + 2 + bytes[1], stored.len - EVENT_FIXED_BYTES - bytes[1]);
    event->hash = bytes + stored.len - ST_SHA256_BYTES;
    event->version = revision->number;
    event->timestamp_us = revision->timestamp_us;
    return STRATA_OK;
}

static strata_status start_scan(st_request *rq, const st_run *run, const st_scan_range *range,
                                const st_bound *bound, st_scan **scan) {
    *scan = st_arena_alloc(rq->arena, sizeof **scan, 16);
    return *scan == NULL ? st_fail_memory(rq->error)
                         : st_scan_start(*scan, &rq->reader, run->shard, range, bound);
}

/* The last event inside the bound. */
static strata_status find_tail(st_request *rq, const st_run *run, const st_bound *bound,
                               uint64_t *sequence, uint8_t hash[ST_SHA256_BYTES]) {
    static const uint8_t low[] = {ST_TAG_EVENT};
    static const uint8_t high[] = {ST_TAG_EVENT + 1};
    const st_scan_range range = {st_slice(low, 1), st_slice(high, 1), true};
    st_scan *scan;
    st_event event;
    ST_TRY(start_scan(rq, run, &range, bound, &scan));
    if (!scan->here) {
        *sequence = 0;
        memset(hash, 0, ST_SHA256_BYTES);
        return STRATA_OK;
    }
    ST_TRY(st_event_at(rq, scan, &event));
    *sequence = event.sequence;
    memcpy(hash, event.hash, ST_SHA256_BYTES);
    return STRATA_OK;
}

typedef struct tail_hook {
    st_run *run;
    uint64_t sequence;
    uint8_t hash[ST_SHA256_BYTES];
} tail_hook;

static void set_tail(void *ctx, const st_commit *commit, uint64_t version) {
    (void)commit;
    (void)version;
    const tail_hook *tail = ctx;
    st_event_set_tail(tail->run, tail->sequence, tail->hash);
}

void st_event_set_tail(st_run *run, uint64_t sequence, const uint8_t hash[ST_SHA256_BYTES]) {
    run->tail_sequence = sequence;
    memcpy(run->tail_hash, hash, ST_SHA256_BYTES);
}

strata_status st_event_tail(st_request *rq, st_run *run, uint64_t *sequence,
                            uint8_t hash[ST_SHA256_BYTES]) {
    if (!run->tail_known) {
        const st_bound newest = st_bound_version(UINT64_MAX);
        ST_TRY(find_tail(rq, run, &newest, &run->tail_sequence, run->tail_hash));
        run->tail_known = true;
    }
    *sequence = run->tail_sequence;
    memcpy(hash, run->tail_hash, ST_SHA256_BYTES);
    return STRATA_OK;
}

strata_status st_event_link(st_request *rq, strata_slice unlinked, int64_t timestamp_us,
                            uint64_t *sequence, uint8_t hash[ST_SHA256_BYTES]) {
    const uint8_t *bytes = unlinked.data;
    const size_t type_len = bytes[1];
    uint8_t previous[ST_SHA256_BYTES];
    if (*sequence >= INT64_MAX) {
        return st_fail(rq->error, STRATA_OVERFLOW, "the log of events is full");
    }
    (*sequence)++;
    memcpy(previous, hash, sizeof previous);
    chain(*sequence, timestamp_us, st_slice(bytes + 2, type_len),
          st_slice(bytes + 2 + type_len, unlinked.len - 2 - type_len), previous, hash);
    return STRATA_OK;
}

/* rq->value holds form, type and payload; adds the hash. Under the run's lock. */
static strata_status link_event(st_request *rq, st_run *run, const st_commit *commit,
                                tail_hook *tail) {
    tail->run = run;
    ST_TRY(st_event_tail(rq, run, &tail->sequence, tail->hash));
    ST_TRY(st_event_link(rq, st_buffer_slice(&rq->value), commit->timestamp_us, &tail->sequence,
                         tail->hash));
    return st_buffer_append(&rq->value, tail->hash, ST_SHA256_BYTES) == STRATA_OK
               ? STRATA_OK
               : st_fail_memory(rq->error);
}

static bool is_pending(const st_request *rq, uint64_t sequence) {
    st_key key;
    st_txn_write own;
    st_key_number(&key, ST_TAG_EVENT, sequence);
    return st_txn_find(rq->txn, st_key_slice(&key), &own);
}

/* The last event that the transaction sees, without having read it. Its own follow each other without a
 * gap behind the last one that is stored; the transaction keeps both numbers, and the second one may
 * be too high after it went back to a mark. */
static strata_status pending_tail(st_request *rq, const st_run *run, uint64_t *sequence) {
    uint64_t *memo = st_txn_memo(rq->txn); /* {the last one stored, the last one} and 1 */
    if (memo[0] == 0) {
        uint8_t hash[ST_SHA256_BYTES];
        const st_bound stored = st_bound_version(st_txn_snapshot(rq->txn));
        ST_TRY(find_tail(rq, run, &stored, sequence, hash));
        memo[0] = *sequence + 1;
        memo[1] = memo[0];
    }
    uint64_t low = memo[0] - 1;
    uint64_t high = memo[1];
    if (memo[1] > memo[0] && is_pending(rq, memo[1] - 1)) {
        low = memo[1] - 1;
    }
    while (high - low > 1) {
        const uint64_t middle = low + (high - low) / 2;
        low = is_pending(rq, middle) ? middle : low;
        high = low == middle ? high : middle;
    }
    *sequence = low;
    memo[1] = low + 1;
    return STRATA_OK;
}

/* Inside a transaction: under the number that it would have now, and without a hash; both come at
 * the commit (transaction.c), so that appends never conflict. */
static strata_status append_pending(st_request *rq, const st_run *run, uint64_t *sequence) {
    static const uint8_t no_hash[ST_SHA256_BYTES];
    uint64_t last;
    st_key key;
    ST_TRY(pending_tail(rq, run, &last));
    const size_t unlinked = rq->value.len;
    if (st_buffer_append(&rq->value, no_hash, sizeof no_hash) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    st_key_number(&key, ST_TAG_EVENT, last + 1);
    const st_txn_write write = {
        .write = {.key = st_key_slice(&key), .value = st_buffer_slice(&rq->value)},
        .rule = ST_WRITE_EVENT,
        .operand = st_slice(rq->value.data, unlinked)};
    ST_TRY(st_txn_put(rq->txn, &write, rq->error));
    st_txn_memo(rq->txn)[1] = last + 2;
    *sequence = last + 1;
    return STRATA_OK;
}

strata_status st_event_append(st_request *rq, st_run *run, strata_slice type,
                              const strata_value *payload, uint64_t *sequence, st_stamp *stamp) {
    st_commit commit;
    tail_hook tail;
    st_key key;
    if (type.len == 0 || type.len > ST_NAME_BYTES_MAX || !st_utf8_valid(type, NULL)) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "the type of an event has 1 to %u bytes of UTF-8",
                       (uint64_t)ST_NAME_BYTES_MAX);
    }
    if (payload->type != STRATA_OBJECT) {
        return st_fail(rq->error, STRATA_WRONG_TYPE, "the payload of an event is an object");
    }
    const uint8_t head[] = {FORM, (uint8_t)type.len};
    rq->value.len = 0;
    if (st_buffer_append(&rq->value, head, sizeof head) != STRATA_OK ||
        st_buffer_append(&rq->value, type.data, type.len) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_value_encode(payload, rq->model->value_bytes_max, &rq->value, rq->error));
    ST_TRY(st_run_begin(rq, run, &commit));
    if (rq->txn != NULL) {
        *stamp = (st_stamp){0, commit.timestamp_us};
        return append_pending(rq, run, sequence);
    }
    const strata_status status = link_event(rq, run, &commit, &tail);
    if (status != STRATA_OK) {
        st_run_abort(rq, &commit);
        return status;
    }
    const st_commit_hook hook = {&tail, set_tail};
    st_key_number(&key, ST_TAG_EVENT, tail.sequence);
    ST_TRY(st_run_put(rq, &commit, &key, &hook, stamp));
    st_event_wake(rq, run);
    *sequence = tail.sequence;
    return STRATA_OK;
}

strata_status st_event_read(st_request *rq, const st_run *run, uint64_t sequence,
                            const st_when *when, st_event *event) {
    st_key key;
    st_bound bound;
    st_revision revision;
    bool found;
    st_key_number(&key, ST_TAG_EVENT, sequence);
    ST_TRY(st_bound_at(rq, run, when, &bound));
    ST_TRY(st_read_live(&rq->reader, run->shard, st_key_slice(&key), &bound, &revision, &found));
    if (!found) {
        return st_fail(rq->error, STRATA_NOT_FOUND, "there is no event %u", sequence);
    }
    return st_event_of(rq, st_key_slice(&key), &revision, revision.value, event);
}

strata_status st_event_head(st_request *rq, const st_run *run, const st_when *when,
                            uint64_t *sequence, uint8_t hash[ST_SHA256_BYTES]) {
    st_bound bound;
    ST_TRY(st_bound_at(rq, run, when, &bound));
    return find_tail(rq, run, &bound, sequence, hash);
}

strata_status st_event_scan(st_request *rq, const st_run *run, uint64_t sequence,
                            const st_when *when, st_scan **scan) {
    const st_event_range range = {.start = sequence,
                                  .end = UINT64_MAX,
                                  .from_us = INT64_MIN,
                                  .until_us = INT64_MAX,
                                  .when = *when};
    return st_event_range_scan(rq, run, &range, scan);
}

/* The first event that is not older than `time_us`; one behind the last if there is none. Times do not
 * go down along a log, and it has no gaps; what a transaction has appended itself (version 0) has no
 * time yet, and counts as later than any. */
static strata_status find_time(st_request *rq, const st_run *run, const st_bound *bound,
                               int64_t time_us, uint64_t *sequence) {
    uint8_t hash[ST_SHA256_BYTES];
    uint64_t high;
    uint64_t low = 1;
    ST_TRY(find_tail(rq, run, bound, &high, hash));
    for (high++; low < high;) {
        const uint64_t middle = low + (high - low) / 2;
        st_key key;
        st_revision revision;
        bool found;
        st_key_number(&key, ST_TAG_EVENT, middle);
        ST_TRY(st_read_live(&rq->reader, run->shard, st_key_slice(&key), bound, &revision, &found));
        if (found && revision.number != 0 && revision.timestamp_us < time_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *sequence = low;
    return STRATA_OK;
}

strata_status st_event_range_scan(st_request *rq, const st_run *run, const st_event_range *range,
                                  st_scan **scan) {
    st_key *keys = st_arena_alloc(rq->arena, 2 * sizeof *keys, 8);
    uint64_t start = range->start;
    uint64_t end = range->end > (uint64_t)INT64_MAX + 1 ? (uint64_t)INT64_MAX + 1 : range->end;
    uint64_t edge;
    st_bound bound;
    if (keys == NULL) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_bound_at(rq, run, &range->when, &bound));
    if (range->from_us != INT64_MIN) {
        ST_TRY(find_time(rq, run, &bound, range->from_us, &edge));
        start = edge > start ? edge : start;
    }
    if (range->until_us != INT64_MAX) {
        ST_TRY(find_time(rq, run, &bound, range->until_us, &edge));
        end = edge < end ? edge : end;
    }
    end = end < start ? start : end;
    st_key_number(&keys[0], ST_TAG_EVENT, start);
    st_key_number(&keys[1], ST_TAG_EVENT, end);
    const st_scan_range between = {st_key_slice(&keys[0]), st_key_slice(&keys[1]), range->reverse};
    return start_scan(rq, run, &between, &bound, scan);
}

strata_status st_event_at(st_request *rq, st_scan *scan, st_event *event) {
    strata_slice stored;
    ST_TRY(st_scan_value(scan, &stored));
    return st_event_of(rq, scan->key, &scan->revision, stored, event);
}

strata_status st_event_verify(st_request *rq, const st_run *run, uint64_t *length,
                              uint64_t *first_invalid) {
    uint8_t previous[ST_SHA256_BYTES] = {0};
    static const uint8_t low[] = {ST_TAG_EVENT};
    static const uint8_t high[] = {ST_TAG_EVENT + 1};
    const st_scan_range range = {st_slice(low, 1), st_slice(high, 1), false};
    /* What a transaction has appended has no hash yet. */
    const st_bound committed = st_bound_version(st_shard_snapshot(run->shard));
    uint64_t checked = 0;
    st_scan *scan;
    *first_invalid = 0;
    ST_TRY(start_scan(rq, run, &range, &committed, &scan));
    while (scan->here) {
        uint8_t hash[ST_SHA256_BYTES];
        st_event event;
        const strata_status status = st_event_at(rq, scan, &event);
        if (status != STRATA_OK && status != STRATA_CORRUPT) {
            return status;
        }
        bool holds = status == STRATA_OK && event.sequence == checked + 1;
        if (holds) {
            chain(event.sequence, event.timestamp_us, event.type, event.payload, previous, hash);
            holds = memcmp(hash, event.hash, sizeof hash) == 0;
        }
        checked++;
        if (!holds) {
            rq->error->code = STRATA_OK; /* it is the answer, not a failure */
            rq->error->message[0] = '\0';
            rq->error->field_count = 0;
            *first_invalid = checked;
            break;
        }
        memcpy(previous, hash, sizeof previous);
        ST_TRY(st_scan_next(scan));
    }
    *length = checked;
    return STRATA_OK;
}
