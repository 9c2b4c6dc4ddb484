/* provenance.c - records of what commits were made of.
 *
 * The record of a commit is a version, that commit, of the key ST_TAG_PROVENANCE and a number: 1 + the
 * version of the run's commit before, divided by BUCKET. Stored:
 *   u8 form (1) | varint bits (1: truncated) | varint snapshot
 *   points, each a key and varint snapshot - version, or snapshot + 1 if there was none; of a document 0,
 *     whichever version it had then; varint 0
 *   ranges, each two keys, the second empty if there is no bound; varint 0
 *   writes, each a key, none if there is only one; varint 0
 *   until the end, blocks: varint type, varint length, bytes; 1 label, 2 trace, others are skipped
 * A key is varint 1 + bytes shared with the key before it (of a second key with the first, which the
 * key after it is counted from as well), varint length of the rest, the rest.
 *
 * Invariants:
 * 1. Of the keys that have a version up to commit v, the last one has the record of v, if there is one:
 *    the number of a later key is made of a commit between v's predecessor and v.
 * 2. Versions of these keys are never trimmed (model/primitive.c).
 * 3. A record is at most RECORD_BYTES_MAX long, and what was cut is said to be. So what a commit costs
 *    is bounded, however much was read.
 * A key of its own for each record costs twice as much: a place in the order of keys and one in the table
 * of hashes, each a miss of the cache. A version of a key that is there is linked to it, and in a table
 * it has no bytes of key. A chain of BUCKET of them is soon walked through.
 * Rejected: the read set in the log's record of the commit alone. Nothing could look it up, and it
 * would go with the log.
 */
#include "model/provenance.h"

#include "base/utf8.h"
#include "model/json/json_txn.h"

enum { FORM = 1, TRUNCATED = 1, BUCKET = 256, RECORD_BYTES_MAX = 16 << 10 };
enum { BLOCK_LABEL = 1, BLOCK_TRACE = 2 };

/* ---- Reading --------------------------------------------------------------------------------- */

/* shared: with what is in `bytes`. */
static bool take_key(st_cursor *at, uint64_t shared, uint8_t bytes[ST_STORE_KEY_MAX + 1],
                     size_t *len) {
    strata_slice rest;
    if (shared > *len || !st_cursor_sized(at, &rest) || rest.len > ST_STORE_KEY_MAX + 1 - shared) {
        return false;
    }
    if (rest.len > 0) {
        memcpy(bytes + shared, rest.data, rest.len);
    }
    *len = (size_t)shared + rest.len;
    return true;
}

static bool take_rest(st_provenance_walk *walk, uint64_t shared, st_provenance_item *item) {
    uint64_t number;
    if (!take_key(&walk->at, shared, walk->key, &walk->key_len)) {
        return false;
    }
    item->key = st_slice(walk->key, walk->key_len);
    if (item->kind == ST_PROVENANCE_RANGE) {
        memcpy(walk->high, walk->key, walk->key_len);
        walk->high_len = walk->key_len;
        if (!st_cursor_varint(&walk->at, &number) || number == 0 ||
            !take_key(&walk->at, number - 1, walk->high, &walk->high_len)) {
            return false;
        }
        item->high = st_slice(walk->high, walk->high_len);
        return true;
    }
    if (item->kind == ST_PROVENANCE_READ) {
        if (!st_cursor_varint(&walk->at, &number) || number > walk->snapshot + 1) {
            return false;
        }
        item->version = number > walk->snapshot ? 0 : walk->snapshot - number;
    }
    return st_key_well_formed(item->key);
}

/* Takes the next item; false at the end, and where it is malformed, with *good false. */
static bool take_item(st_provenance_walk *walk, st_provenance_item *item, bool *good) {
    uint64_t shared;
    for (;;) {
        *good = st_cursor_varint(&walk->at, &shared);
        if (!*good || (shared == 0 && walk->kind == ST_PROVENANCE_WROTE)) {
            return false;
        }
        if (shared > 0) {
            break;
        }
        walk->kind++;
    }
    item->kind = (st_provenance_kind)walk->kind;
    *good = take_rest(walk, shared - 1, item);
    return *good;
}

void st_provenance_start(st_provenance_walk *walk, const st_provenance *provenance) {
    walk->at = st_cursor_over(provenance->items);
    walk->snapshot = provenance->snapshot;
    walk->key_len = 0;
    walk->high_len = 0;
    walk->kind = ST_PROVENANCE_READ;
}

bool st_provenance_next(st_provenance_walk *walk, st_provenance_item *item) {
    bool good = true;
    return take_item(walk, item, &good);
}

static bool take_blocks(st_cursor *at, st_provenance *provenance) {
    while (st_cursor_left(at) > 0) {
        uint64_t type;
        strata_slice bytes;
        if (!st_cursor_varint(at, &type) || !st_cursor_sized(at, &bytes)) {
            return false;
        }
        if (type == BLOCK_LABEL || type == BLOCK_TRACE) {
            *(type == BLOCK_LABEL ? &provenance->label : &provenance->trace) = bytes;
            if (!st_utf8_valid(bytes, NULL)) {
                return false;
            }
        }
    }
    return true;
}

static bool take_record(strata_slice stored, st_provenance_walk *walk, st_provenance *provenance) {
    st_cursor at = st_cursor_over(stored);
    st_provenance_item item;
    uint8_t form;
    uint64_t bits;
    bool good = true;
    *provenance = (st_provenance){.label = st_slice("", 0), .trace = st_slice("", 0)};
    if (!st_cursor_u8(&at, &form) || form != FORM || !st_cursor_varint(&at, &bits) ||
        !st_cursor_varint(&at, &provenance->snapshot) || provenance->snapshot > INT64_MAX) {
        return false;
    }
    provenance->truncated = (bits & TRUNCATED) != 0;
    provenance->items = st_slice(at.at, st_cursor_left(&at));
    *walk = (st_provenance_walk){.at = at, .snapshot = provenance->snapshot};
    while (take_item(walk, &item, &good)) {
    }
    return good && take_blocks(&walk->at, provenance);
}

strata_status st_provenance_read(st_request *rq, strata_slice key, strata_slice stored,
                                 st_provenance *provenance) {
    st_provenance_walk *walk = st_arena_alloc(rq->arena, sizeof *walk, 8);
    if (walk == NULL) {
        return st_fail_memory(rq->error);
    }
    if (take_record(stored, walk, provenance)) {
        return STRATA_OK;
    }
    st_fail(rq->error, STRATA_CORRUPT, "a record of provenance is malformed, among those of %u",
            st_key_number_of(key));
    return st_fail_text(rq->error, "file", strata_text("provenance"));
}

/* ---- Finding --------------------------------------------------------------------------------- */

strata_status st_provenance_find(st_request *rq, const st_run *run, uint64_t version,
                                 st_provenance *provenance, bool *found) {
    static const uint8_t low[] = {ST_TAG_PROVENANCE};
    const st_bound bound = st_bound_version(version);
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    st_key *high = st_arena_alloc(rq->arena, sizeof *high, 8);
    strata_slice stored;
    *found = false;
    if (scan == NULL || high == NULL) {
        return st_fail_memory(rq->error);
    }
    st_key_number(high, ST_TAG_PROVENANCE, version / BUCKET + 2);
    const st_scan_range range = {st_slice(low, 1), st_key_slice(high), true};
    ST_TRY(st_scan_start(scan, &rq->reader, run->shard, &range, &bound));
    if (!scan->here || scan->revision.number != version) {
        st_scan_end(scan);
        return STRATA_OK;
    }
    ST_TRY(st_scan_value(scan, &stored));
    stored = st_arena_copy(rq->arena, stored);
    if (stored.data == NULL) {
        return st_fail_memory(rq->error);
    }
    *found = true;
    const strata_status status = st_provenance_read(rq, scan->key, stored, provenance);
    st_scan_end(scan);
    return status;
}

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct encoder {
    strata_buffer *out;
    uint64_t snapshot;
    bool truncated;
    strata_status status;
    size_t last_len;
    uint8_t last[ST_STORE_KEY_MAX + 1];
} encoder;

static void put_bytes(encoder *self, strata_slice key, size_t shared) {
    uint8_t *p = self->out->data + self->out->len;
    p = st_varint_put(p, shared + 1);
    p = st_varint_put(p, key.len - shared);
    if (key.len > shared) {
        memcpy(p, (const uint8_t *)key.data + shared, key.len - shared);
    }
    self->out->len = (size_t)(p - self->out->data) + key.len - shared;
}

static size_t shared_bytes(const encoder *self, strata_slice key) {
    const size_t most = st_min(self->last_len, key.len);
    const uint8_t *bytes = key.data;
    size_t shared = 0;
    while (shared < most && self->last[shared] == bytes[shared]) {
        shared++;
    }
    return shared;
}

static void put_key(encoder *self, strata_slice key) {
    const size_t shared = shared_bytes(self, key);
    put_bytes(self, key, shared);
    if (key.len > shared) {
        memcpy(self->last + shared, (const uint8_t *)key.data + shared, key.len - shared);
    }
    self->last_len = key.len;
}

static void put_number(encoder *self, uint64_t number) {
    self->out->len =
        (size_t)(st_varint_put(self->out->data + self->out->len, number) - self->out->data);
}

/* Whether there is room for an item, its numbers and the end of its part. */
static bool has_room(encoder *self, size_t key_bytes) {
    if (self->out->len + key_bytes > RECORD_BYTES_MAX) {
        self->truncated = true;
        return false;
    }
    self->status = st_buffer_reserve(self->out, key_bytes + (size_t)6 * ST_VARINT_BYTES_MAX);
    return self->status == STRATA_OK;
}

static bool put_point(void *ctx, strata_slice key, uint64_t number) {
    encoder *self = ctx;
    if (!has_room(self, key.len)) {
        return false;
    }
    put_key(self, key);
    put_number(self, number == 0 || number > self->snapshot ? self->snapshot + 1
                                                            : self->snapshot - number);
    return true;
}

static bool put_range(void *ctx, strata_slice low, strata_slice high) {
    encoder *self = ctx;
    if (!has_room(self, low.len + high.len)) {
        return false;
    }
    put_key(self, low);
    put_bytes(self, high, shared_bytes(self, high));
    return true;
}

/* A part of a document was read: that counts as the document. Notes of one come one after the other, as
 * a rule. */
static bool put_note(void *ctx, strata_slice note) {
    encoder *self = ctx;
    st_key key;
    st_key_text(&key, ST_TAG_JSON, st_json_note_document(note));
    const strata_slice last = st_slice(self->last, self->last_len);
    return st_slice_equal(last, st_key_slice(&key)) ||
           put_point(ctx, st_key_slice(&key), self->snapshot);
}

static void put_writes(encoder *self, const st_write *writes, size_t count) {
    for (size_t i = 0; i < count && has_room(self, writes[i].key.len); i++) {
        put_key(self, writes[i].key);
    }
}

static void put_block(encoder *self, uint64_t type, strata_slice bytes) {
    if (bytes.len == 0 || self->status != STRATA_OK) {
        return;
    }
    self->status = st_buffer_reserve(self->out, bytes.len + (size_t)2 * ST_VARINT_BYTES_MAX);
    if (self->status == STRATA_OK) {
        put_number(self, type);
        put_number(self, bytes.len);
        memcpy(self->out->data + self->out->len, bytes.data, bytes.len);
        self->out->len += bytes.len;
    }
}

/* The trace record that the commit belongs to: the one that was named, or that it writes itself. */
static strata_slice find_trace(const st_txn *txn, const st_write *writes, size_t count) {
    strata_slice trace = st_txn_trace(txn);
    for (size_t i = 0; i < count && trace.len == 0; i++) {
        if (st_key_tag(writes[i].key) == ST_TAG_TRACE) {
            trace = st_key_text_of(writes[i].key);
        }
    }
    return trace;
}

/* Replaces rq->value. wholly: what was read and written too. */
static strata_status encode(st_request *rq, const st_write *writes, size_t count, bool wholly) {
    encoder self; /* without the last key, which is long: last_len says that there is none */
    self.out = &rq->value;
    self.snapshot = st_txn_snapshot(rq->txn);
    self.truncated = false;
    self.status = STRATA_OK;
    self.last_len = 0;
    const st_txn_reads reads = {&self, put_point, put_range, put_note};
    const strata_slice trace = find_trace(rq->txn, writes, count);
    rq->value.len = 0;
    ST_TRY(st_buffer_reserve(&rq->value, (size_t)8 * ST_VARINT_BYTES_MAX));
    rq->value.data[rq->value.len++] = FORM;
    const size_t bits_at = rq->value.len++;
    put_number(&self, self.snapshot);
    if (wholly) {
        st_txn_each_point(rq->txn, &reads);
        st_txn_each_note(rq->txn, &reads);
    }
    put_number(&self, 0);
    if (wholly) {
        st_txn_each_range(rq->txn, &reads);
    }
    put_number(&self, 0);
    if (wholly && count > 1) {
        put_writes(&self, writes, count);
    }
    put_number(&self, 0);
    put_block(&self, BLOCK_LABEL, st_txn_label(rq->txn));
    put_block(&self, BLOCK_TRACE, trace);
    rq->value.data[bits_at] = self.truncated ? TRUNCATED : 0;
    return self.status;
}

strata_status st_provenance_make(st_request *rq, const st_run *run, const st_write *writes,
                                 size_t count, st_write *record, bool *wanted) {
    const bool wholly = atomic_load_explicit(&run->provenance, memory_order_relaxed);
    st_key key;
    *wanted = count > 0 && ((wholly && st_txn_has_read(rq->txn)) || st_txn_label(rq->txn).len > 0 ||
                            st_txn_trace(rq->txn).len > 0);
    if (!*wanted) {
        return STRATA_OK;
    }
    st_key_number(&key, ST_TAG_PROVENANCE, run->shard->last / BUCKET + 1);
    *record = (st_write){.key = st_arena_copy(rq->arena, st_key_slice(&key))};
    if (record->key.data == NULL || encode(rq, writes, count, wholly) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    record->value = st_buffer_slice(&rq->value);
    return STRATA_OK;
}
