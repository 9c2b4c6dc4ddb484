/* state.c - state cells: each is one key of the store under ST_TAG_STATE and its name.
 *
 * Stored value: varint counter, then the value as canonical MessagePack. The counter is 1 when a cell
 * is made and one more with each write; a cell that was deleted and is made again begins at 1, so a
 * counter tells writes of one life apart. Where lives matter, too, the version does: no two writes
 * have the same.
 *
 * Invariants:
 * 1. A counter is from 1 to COUNTER_MAX; another one in a file is damage. Nobody lives to write so
 *    often, so one more always fits.
 * 2. A set inside a transaction reads nothing, so that blind writes never conflict: its counter is made
 *    at the commit of the newest one and of how many sets there were (st_state_settle). Whatever reads
 *    the cell before the commit, a cas too, makes it part of what must be unchanged; then the counter
 *    that was read is the one that comes.
 * Rejected: the version as the counter. It is one already and needs no bytes, but "the third write"
 * cannot be said with it, and it is not known before the commit.
 */
#include "model/state.h"

#include "model/write.h"

#define COUNTER_MAX (UINT64_C(1) << 62)

static strata_status cell_key(st_request *rq, strata_slice name, st_key *key) {
    ST_TRY(st_key_check(name, rq->error));
    st_key_text(key, ST_TAG_STATE, name);
    return STRATA_OK;
}

/* ---- The stored form ------------------------------------------------------------------------- */

strata_status st_state_of(st_request *rq, strata_slice name, strata_slice stored, st_cell *cell) {
    st_cursor cursor = st_cursor_over(stored);
    if (!st_cursor_varint(&cursor, &cell->counter) || cell->counter - 1 >= COUNTER_MAX ||
        st_cursor_left(&cursor) == 0) {
        st_fail(rq->error, STRATA_CORRUPT, "the state cell \"%S\" is malformed", &name);
        return st_fail_text(rq->error, "file", strata_text("state"));
    }
    cell->value = st_slice(cursor.at, st_cursor_left(&cursor));
    return STRATA_OK;
}

static strata_status decode_revision(st_request *rq, const st_key *key, const st_revision *revision,
                                     bool found, st_cell *cell) {
    *cell = (st_cell){0};
    if (!found) {
        return STRATA_OK;
    }
    cell->version = revision->number;
    cell->timestamp_us = revision->timestamp_us;
    return st_state_of(rq, st_key_text_of(st_key_slice(key)), revision->value, cell);
}

/* Into rq->value, behind room for a counter. */
static strata_status encode(st_request *rq, const strata_value *value) {
    rq->value.len = 0;
    if (st_buffer_reserve(&rq->value, ST_VARINT_BYTES_MAX) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    rq->value.len = ST_VARINT_BYTES_MAX;
    return st_value_encode(value, rq->model->value_bytes_max, &rq->value, rq->error);
}

static strata_slice encoded(const st_request *rq) {
    return st_slice(rq->value.data + ST_VARINT_BYTES_MAX, rq->value.len - ST_VARINT_BYTES_MAX);
}

/* What encode made, with its counter right before it. */
static strata_slice counted(st_request *rq, uint64_t counter) {
    uint8_t varint[ST_VARINT_BYTES_MAX];
    const size_t len = (size_t)(st_varint_put(varint, counter) - varint);
    uint8_t *at = rq->value.data + ST_VARINT_BYTES_MAX - len;
    memcpy(at, varint, len);
    return st_slice(at, rq->value.len - ST_VARINT_BYTES_MAX + len);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* wanted: the encoding of expected->value. */
static bool is_expected(const st_cell *cell, const st_cell_expected *expected,
                        strata_slice wanted) {
    const bool there = cell->counter > 0;
    /* What the transaction itself has written has no version yet, and so none that was expected. */
    const bool same_version =
        there ? cell->version == expected->version && cell->version != 0 : expected->version == 0;
    return (!expected->by_counter || expected->counter == cell->counter) &&
           (!expected->by_version || same_version) &&
           (expected->value == NULL || (there && st_slice_equal(cell->value, wanted)));
}

/* Under the run's lock: what is there now, if it is what is expected. */
static strata_status compare(st_request *rq, const st_run *run, const st_key *key,
                             const st_cell_expected *expected, strata_slice wanted, st_cell *cell) {
    const strata_slice name = st_key_text_of(st_key_slice(key));
    st_revision revision;
    bool found;
    ST_TRY(st_run_newest(rq, run, key, &revision, &found));
    ST_TRY(decode_revision(rq, key, &revision, found, cell));
    if (expected == NULL) {
        return STRATA_OK;
    }
    if (expected->absent) {
        return found ? st_fail(rq->error, STRATA_ALREADY_EXISTS,
                               "there is a state cell \"%S\" already", &name)
                     : STRATA_OK;
    }
    if (is_expected(cell, expected, wanted)) {
        return STRATA_OK;
    }
    st_fail(rq->error, STRATA_CONFLICT,
            "the state cell \"%S\" is not as expected; read it again and retry", &name);
    st_fail_number(rq->error, "version", (int64_t)cell->version);
    return st_fail_number(rq->error, "counter", (int64_t)cell->counter);
}

/* Inside a transaction: a set that nothing was read for. *counter is what it would be now. */
static strata_status set_pending(st_request *rq, const st_run *run, const st_key *key,
                                 uint64_t *counter) {
    const st_bound stored = st_bound_version(st_txn_snapshot(rq->txn));
    uint64_t sets = 1;
    uint8_t operand[8];
    st_revision revision;
    st_txn_write own;
    st_cell cell;
    bool found;
    const bool again = st_txn_find(rq->txn, st_key_slice(key), &own);
    if (again) {
        sets += own.rule == 0 ? 0 : load64_le(own.operand.data);
        found = !own.write.deletes;
        revision = (st_revision){.value = own.write.value};
    } else {
        ST_TRY(
            st_read_live(&rq->reader, run->shard, st_key_slice(key), &stored, &revision, &found));
    }
    ST_TRY(decode_revision(rq, key, &revision, found, &cell));
    *counter = cell.counter + 1;
    store64_le(operand, sets);
    const st_txn_write write = {.write = {.key = st_key_slice(key), .value = counted(rq, *counter)},
                                .rule = again && own.rule == 0 ? ST_WRITE_AS_IS : ST_WRITE_CELL,
                                .operand = st_slice(operand, sizeof operand)};
    return st_txn_put(rq->txn, &write, rq->error);
}

strata_status st_state_settle(st_request *rq, const st_run *run, const st_key *key,
                              strata_slice pending, strata_slice operand) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    const strata_slice name = st_key_text_of(st_key_slice(key));
    uint8_t varint[ST_VARINT_BYTES_MAX];
    st_revision revision;
    st_cell cell;
    st_cell set;
    bool found;
    ST_TRY(st_state_of(rq, name, pending, &set));
    ST_TRY(st_read_live(&rq->reader, run->shard, st_key_slice(key), &newest, &revision, &found));
    ST_TRY(decode_revision(rq, key, &revision, found, &cell));
    const uint64_t counter = cell.counter + load64_le(operand.data);
    rq->value.len = 0;
    if (st_buffer_append(&rq->value, varint, (size_t)(st_varint_put(varint, counter) - varint)) !=
            STRATA_OK ||
        st_buffer_append(&rq->value, set.value.data, set.value.len) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    return STRATA_OK;
}

/* A copy of the expected value's encoding, as the buffer is needed for the other one. */
static strata_status encode_wanted(st_request *rq, const st_cell_expected *expected,
                                   strata_slice *wanted) {
    *wanted = st_slice(NULL, 0);
    if (expected == NULL || expected->value == NULL) {
        return STRATA_OK;
    }
    ST_TRY(encode(rq, expected->value));
    *wanted = st_arena_copy(rq->arena, encoded(rq));
    return wanted->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

strata_status st_state_write(st_request *rq, st_run *run, strata_slice name,
                             const strata_value *value, const st_cell_expected *expected,
                             uint64_t *counter, st_stamp *stamp) {
    st_commit commit;
    st_key key;
    st_cell cell;
    strata_slice wanted;
    ST_TRY(cell_key(rq, name, &key));
    if (expected != NULL && !expected->absent && !expected->by_counter && !expected->by_version &&
        expected->value == NULL) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "state.cas needs expected_counter, expected_version or expected_value");
    }
    ST_TRY(encode_wanted(rq, expected, &wanted));
    ST_TRY(encode(rq, value));
    ST_TRY(st_run_begin(rq, run, &commit));
    if (rq->txn != NULL && expected == NULL) {
        *stamp = (st_stamp){0, commit.timestamp_us};
        return set_pending(rq, run, &key, counter);
    }
    const strata_status status = compare(rq, run, &key, expected, wanted, &cell);
    if (status != STRATA_OK) {
        st_run_abort(rq, &commit);
        return status;
    }
    const st_write write = {.key = st_key_slice(&key), .value = counted(rq, cell.counter + 1)};
    ST_TRY(st_run_write(rq, &commit, &write, 1, NULL, stamp));
    *counter = cell.counter + 1;
    return STRATA_OK;
}

strata_status st_state_delete(st_request *rq, st_run *run, strata_slice name, bool *existed,
                              st_stamp *stamp) {
    st_commit commit;
    st_key key;
    st_revision revision;
    bool found = false;
    ST_TRY(cell_key(rq, name, &key));
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

/* ---- Reading --------------------------------------------------------------------------------- */

strata_status st_state_find(st_request *rq, const st_run *run, strata_slice name,
                            const st_when *when, st_cell *cell, bool *found) {
    st_key key;
    st_revision revision;
    ST_TRY(cell_key(rq, name, &key));
    ST_TRY(st_read_at(rq, run, st_key_slice(&key), when, &revision, found));
    return decode_revision(rq, &key, &revision, *found, cell);
}

strata_status st_state_read(st_request *rq, const st_run *run, strata_slice name,
                            const st_when *when, st_cell *cell) {
    bool found;
    ST_TRY(st_state_find(rq, run, name, when, cell, &found));
    return found ? STRATA_OK
                 : st_fail(rq->error, STRATA_NOT_FOUND, "there is no state cell \"%S\"", &name);
}

strata_status st_state_at(st_request *rq, st_scan *scan, st_cell *cell) {
    strata_slice stored;
    ST_TRY(st_scan_value(scan, &stored));
    cell->version = scan->revision.number;
    cell->timestamp_us = scan->revision.timestamp_us;
    return st_state_of(rq, st_key_text_of(scan->key), stored, cell);
}
