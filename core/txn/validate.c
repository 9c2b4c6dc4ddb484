/* validate.c - optimistic concurrency control: backward validation (Kung, Robinson, "On optimistic
 * methods for concurrency control", 1981), for points and ranges.
 *
 * Under the run's lock nobody else commits. If no version of anything that the transaction has read
 * is newer than its snapshot, then it would have read the same now, and it counts as if it had
 * happened at this moment as a whole: serialisable. Ranges find phantoms: a key that was not there
 * is a new version inside the range.
 * Under snapshot isolation only keys count that were read, one by one or by a scan, and written: the
 * first committer wins, no update is lost, and write skew is possible, as the word promises.
 * Cost: a look-up for each key read, and of each range the entries in those memtables and tables
 * that have something newer than the snapshot; nothing if nobody has committed since.
 */
#include "format/key.h"
#include "txn/txn_private.h"

static strata_status fail_conflict(strata_slice key, strata_error *error) {
    char text[ST_KEY_BYTES_MAX];
    const strata_slice shown = st_slice(text, st_key_show(key, text));
    st_fail(error, STRATA_CONFLICT,
            "\"%S\" was changed since the transaction read it; nothing was committed. Run the "
            "transaction again",
            &shown);
    return st_fail_text(error, "key", shown);
}

/* Whether the key has a version above the snapshot. */
static strata_status check_point(const st_txn *txn, st_reader *reader, strata_slice key) {
    const st_bound all = st_bound_version(UINT64_MAX);
    st_revision revision;
    bool found;
    ST_TRY(st_read(reader, txn->shard, key, &all, &revision, &found));
    return found && revision.number > txn->snapshot.version ? fail_conflict(key, reader->error)
                                                            : STRATA_OK;
}

static bool is_in_ranges(const st_txn *txn, strata_slice key) {
    for (const txn_range *range = txn->ranges; range != NULL; range = range->next) {
        if (st_slice_compare(range->low, key) <= 0 &&
            (range->high.len == 0 || st_slice_compare(key, range->high) < 0)) {
            return true;
        }
    }
    return false;
}

/* Whether a key that was read counts. What a rule writes depends on nothing that a scan has shown,
 * and an event will not even be under the key that it has now. */
static bool counts(const st_txn *txn, strata_slice key, bool in_points) {
    st_txn_write own;
    if (txn->spec.isolation == ST_SERIALIZABLE || !st_txn_find(txn, key, &own)) {
        return txn->spec.isolation == ST_SERIALIZABLE;
    }
    return in_points || (own.rule == 0 && is_in_ranges(txn, key));
}

/* Checks the keys of the one list or the other: those that were read, or written. */
static strata_status check_keys(const st_txn *txn, st_reader *reader, const st_memtable *keys) {
    if (keys == NULL) {
        return STRATA_OK;
    }
    st_memtable_iter *iter = st_arena_alloc(reader->arena, sizeof *iter, 16);
    if (iter == NULL) {
        return st_fail_memory(reader->error);
    }
    st_memtable_iter_init(iter, keys);
    st_memtable_iter_seek(iter, st_slice("", 0), UINT64_MAX);
    for (; iter->version != NULL; st_memtable_iter_next_key(iter)) {
        const strata_slice key = st_leaf_key(iter->walk.leaf);
        if (counts(txn, key, keys == txn->points)) {
            ST_TRY(check_point(txn, reader, key));
        }
    }
    return STRATA_OK;
}

static strata_status check_range(const st_txn *txn, st_reader *reader, const txn_range *range) {
    const st_scan_range bounds = {range->low, range->high, false};
    st_scan *scan = st_arena_alloc(reader->arena, sizeof *scan, 16);
    if (scan == NULL) {
        return st_fail_memory(reader->error);
    }
    ST_TRY(st_versions_since(scan, reader, txn->shard, &bounds, txn->snapshot.version));
    while (scan->here) {
        if (scan->revision.number > txn->snapshot.version) {
            return fail_conflict(scan->key, reader->error);
        }
        ST_TRY(st_versions_next_key(scan));
    }
    st_scan_end(scan);
    return STRATA_OK;
}

/* Of ranges only what was also written counts under snapshot isolation. */
static strata_status check_ranges(const st_txn *txn, st_reader *reader) {
    if (txn->spec.isolation != ST_SERIALIZABLE) {
        return txn->ranges == NULL ? STRATA_OK : check_keys(txn, reader, txn->own);
    }
    for (const txn_range *range = txn->ranges; range != NULL; range = range->next) {
        ST_TRY(check_range(txn, reader, range));
    }
    return STRATA_OK;
}

static strata_status check_notes(const st_txn *txn, const st_txn_rules *rules) {
    for (const txn_note *note = txn->notes; note != NULL; note = note->next) {
        if (note->wrote || txn->spec.isolation == ST_SERIALIZABLE) {
            ST_TRY(rules->check(rules->ctx, note->bytes));
        }
    }
    return STRATA_OK;
}

strata_status st_txn_validate(const st_txn *txn, const st_txn_rules *rules, strata_error *error) {
    if (txn->shard->last <= txn->snapshot.version) {
        return STRATA_OK;
    }
    st_arena arena;
    st_arena_init(&arena, &txn->store->host->memory, 0);
    st_reader reader = {txn->store, &arena, error, NULL, NULL};
    strata_status status = check_keys(txn, &reader, txn->points);
    if (status == STRATA_OK) {
        status = check_ranges(txn, &reader);
    }
    if (status == STRATA_OK) {
        status = check_notes(txn, rules);
    }
    st_reader_finish(&reader);
    st_arena_free(&arena);
    return status;
}
