/* txn.c - the read set and the write set.
 *
 * The write set is a memtable of the transaction's own, whose versions carry numbers above all
 * commits, so that the store's reader merges it like any other source and finds it first. A list of
 * the writes in their order gives savepoints: going back unlinks the versions from the end.
 * The read set is a memtable of the keys that were read (a key read twice is in it once: the
 * snapshot does not change), a list of ranges, and a list of notes that only the upper room can read:
 * it depends on parts of values.
 *
 * Invariants:
 * 1. The n-th entry's version has the number ST_OWN_VERSIONS + n, so a version leads to its entry.
 * 2. An entry's version is linked as long as the entry is in the list; the newest of its leaf is the
 *    last one of its key.
 * 3. Savepoints and entries are places in one list; a savepoint beyond its end is gone.
 * Rejected: locking what is read. Writers of other transactions, and those without one, would wait
 * for somebody who may think for minutes.
 */
#include "txn/txn_private.h"

enum {
    /* Own writes and what was read, in memory: a transaction that needs more is not one. */
    TXN_BYTES_MAX = 1 << 28,
    KEPT_BYTES_MAX = 1 << 18, /* of each of its three parts, for the transaction after it */
};

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Made when it is first needed: most transactions only read, or only write. */
static strata_status need(const st_txn *txn, st_memtable **table) {
    if (ST_UNLIKELY(*table == NULL)) {
        *table = st_memtable_create(&txn->store->host->memory);
    }
    return *table == NULL ? STRATA_NO_MEMORY : STRATA_OK;
}

static uint64_t reserved(const st_memtable *table) {
    return table == NULL ? 0 : atomic_load_explicit(&table->arena.reserved, memory_order_relaxed);
}

/* ---- Reads ----------------------------------------------------------------------------------- */

static bool tracks(const st_txn *txn) {
    return !txn->spec.read_only;
}

static strata_status add_point(st_txn *txn, strata_slice key, uint64_t number) {
    const st_bound all = st_bound_version(UINT64_MAX);
    const st_write write = {.key = key, .value = st_slice("", 0)};
    st_revision known;
    ST_TRY(need(txn, &txn->points));
    if (st_memtable_find(txn->points, key, &all, &known)) {
        return STRATA_OK;
    }
    txn_point *point = st_arena_alloc(&txn->points->arena, sizeof *point, 8);
    if (point == NULL) {
        return STRATA_NO_MEMORY;
    }
    ST_TRY(st_memtable_stage(txn->points, &write, &point->staged));
    st_memtable_link(txn->points, &point->staged, number, 0);
    point->next = txn->point_list;
    txn->point_list = point;
    return STRATA_OK;
}

/* A read that its own write has answered depends on what is stored only if the write does. */
static strata_status note_point(void *ctx, strata_slice key, uint64_t number, bool own) {
    st_txn *txn = ctx;
    if (!tracks(txn)) {
        return STRATA_OK;
    }
    if (!own) {
        return add_point(txn, key, number);
    }
    st_txn_write write;
    if (!st_txn_find(txn, key, &write) || write.rule == 0) {
        return STRATA_OK;
    }
    return add_point(txn, key, 0);
}

static strata_status begin_range(void *ctx, strata_slice low, strata_slice high, void **out) {
    st_txn *txn = ctx;
    *out = NULL;
    if (!tracks(txn)) {
        return STRATA_OK;
    }
    ST_TRY(need(txn, &txn->points));
    st_arena *arena = &txn->points->arena;
    txn_range *range = st_arena_alloc(arena, sizeof *range, 8);
    uint8_t *bytes = st_arena_alloc(arena, (size_t)2 * (ST_STORE_KEY_MAX + 1), 1);
    if (range == NULL || bytes == NULL) {
        return STRATA_NO_MEMORY;
    }
    *range = (txn_range){txn->ranges, low, high, bytes};
    txn->ranges = range;
    txn->range_count++;
    *out = range;
    return STRATA_OK;
}

static void end_range(void *ctx, void *arg, strata_slice low, strata_slice high) {
    (void)ctx;
    txn_range *range = arg;
    ST_ASSERT(low.len <= ST_STORE_KEY_MAX + 1 && high.len <= ST_STORE_KEY_MAX + 1);
    memcpy(range->bytes, low.data, low.len);
    if (high.len > 0) {
        memcpy(range->bytes + ST_STORE_KEY_MAX + 1, high.data, high.len);
    }
    range->low = st_slice(range->bytes, low.len);
    range->high = st_slice(range->bytes + ST_STORE_KEY_MAX + 1, high.len);
}

strata_status st_txn_note(st_txn *txn, strata_slice note, bool wrote, strata_error *error) {
    if (!tracks(txn) || (txn->notes != NULL && txn->notes->wrote >= wrote &&
                         st_slice_equal(txn->notes->bytes, note))) {
        return STRATA_OK;
    }
    txn_note *one = NULL;
    if (need(txn, &txn->points) == STRATA_OK) {
        one = st_arena_alloc(&txn->points->arena, sizeof *one, 8);
    }
    if (one == NULL) {
        return st_fail_memory(error);
    }
    *one = (txn_note){txn->notes, st_arena_copy(&txn->points->arena, note), wrote};
    if (one->bytes.data == NULL) {
        return st_fail_memory(error);
    }
    txn->notes = one;
    return STRATA_OK;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static uint64_t monotonic_ns(const st_txn *txn) {
    return txn->store->host->clock.monotonic_ns(txn->store->host->clock.ctx);
}

static strata_status keep_words(st_txn *txn) {
    st_txn_spec *spec = &txn->spec;
    txn->words.len = 0;
    if (spec->label.len + spec->trace.len == 0) {
        return STRATA_OK;
    }
    ST_TRY(st_buffer_append(&txn->words, spec->label.data, spec->label.len));
    ST_TRY(st_buffer_append(&txn->words, spec->trace.data, spec->trace.len));
    spec->label.data = txn->words.data;
    spec->trace.data = txn->words.data + spec->label.len;
    return STRATA_OK;
}

strata_status st_txn_begin_again(st_txn *txn, st_shard *shard, const st_txn_spec *spec) {
    ST_ASSERT(!txn->holds);
    txn->shard = shard;
    txn->spec = *spec;
    ST_TRY(keep_words(txn));
    txn->overlay = (st_overlay){shard, NULL, txn, note_point, begin_range, end_range};
    txn->begun_ns = monotonic_ns(txn);
    memset(txn->memo, 0, sizeof txn->memo);
    st_snapshot_hold(txn->store, shard, &txn->snapshot);
    txn->holds = true;
    return STRATA_OK;
}

uint64_t *st_txn_memo(st_txn *txn) {
    return txn->memo;
}

strata_status st_txn_begin(st_store *store, st_shard *shard, const st_txn_spec *spec, st_txn **out,
                           strata_error *error) {
    st_txn *txn = st_alloc_zeroed(&store->host->memory, sizeof *txn);
    if (txn == NULL) {
        return st_fail_memory(error);
    }
    txn->store = store;
    txn->entries.host = store->host;
    txn->words.host = store->host;
    txn->writes.host = store->host;
    if (st_txn_begin_again(txn, shard, spec) != STRATA_OK) {
        st_txn_destroy(txn);
        return st_fail_memory(error);
    }
    *out = txn;
    return STRATA_OK;
}

/* For the next transaction, unless it is much. */
static void clear(st_memtable **table) {
    if (*table == NULL) {
        return;
    }
    st_memtable_clear(*table);
    if (reserved(*table) > KEPT_BYTES_MAX) {
        st_memtable_destroy(*table);
        *table = NULL;
    }
}

static void clear_buffer(strata_buffer *buffer) {
    buffer->len = 0;
    if (buffer->cap > KEPT_BYTES_MAX) {
        strata_buffer_free(buffer);
    }
}

void st_txn_end(st_txn *txn) {
    if (txn->holds) {
        st_snapshot_release(txn->store, &txn->snapshot);
        txn->holds = false;
    }
    clear(&txn->own);
    clear(&txn->points);
    txn->point_list = NULL;
    txn->ranges = NULL;
    txn->range_count = 0;
    txn->notes = NULL;
    clear_buffer(&txn->entries);
    clear_buffer(&txn->words);
    clear_buffer(&txn->writes);
}

void st_txn_destroy(st_txn *txn) {
    if (txn == NULL) {
        return;
    }
    if (txn->holds) {
        st_snapshot_release(txn->store, &txn->snapshot);
    }
    if (txn->own != NULL) {
        st_memtable_destroy(txn->own);
    }
    if (txn->points != NULL) {
        st_memtable_destroy(txn->points);
    }
    strata_buffer_free(&txn->entries);
    strata_buffer_free(&txn->words);
    strata_buffer_free(&txn->writes);
    st_free(&txn->store->host->memory, txn, sizeof *txn);
}

const st_overlay *st_txn_overlay(const st_txn *txn) {
    return &txn->overlay;
}

const st_shard *st_txn_shard(const st_txn *txn) {
    return txn->shard;
}

uint64_t st_txn_snapshot(const st_txn *txn) {
    return txn->snapshot.version;
}

strata_slice st_txn_label(const st_txn *txn) {
    return txn->spec.label;
}

strata_slice st_txn_trace(const st_txn *txn) {
    return txn->spec.trace;
}

bool st_txn_has_read(const st_txn *txn) {
    return txn->ranges != NULL || txn->notes != NULL || txn->point_list != NULL;
}

void st_txn_each_point(const st_txn *txn, const st_txn_reads *reads) {
    for (const txn_point *point = txn->point_list; point != NULL; point = point->next) {
        if (!reads->point(reads->ctx, st_leaf_key(point->staged.leaf),
                          point->staged.version->number)) {
            return;
        }
    }
}

void st_txn_each_range(const st_txn *txn, const st_txn_reads *reads) {
    for (const txn_range *range = txn->ranges; range != NULL; range = range->next) {
        if (!reads->range(reads->ctx, range->low, range->high)) {
            return;
        }
    }
}

void st_txn_each_note(const st_txn *txn, const st_txn_reads *reads) {
    const txn_note *note = txn->notes;
    while (note != NULL && reads->note(reads->ctx, note->bytes)) {
        note = note->next;
    }
}

void st_txn_read_info(const st_txn *txn, st_txn_info *info) {
    *info = (st_txn_info){
        .read_only = txn->spec.read_only,
        .isolation = txn->spec.isolation,
        .snapshot = txn->snapshot.version,
        .keys_read = txn->points == NULL
                         ? 0
                         : atomic_load_explicit(&txn->points->keys, memory_order_relaxed),
        .ranges_read = txn->range_count,
        .writes = txn_entry_count(txn),
        .age_ns = monotonic_ns(txn) - txn->begun_ns,
        .timeout_ns = txn->spec.timeout_ns,
    };
}

strata_status st_txn_check(const st_txn *txn, strata_error *error) {
    const uint64_t timeout_ns = txn->spec.timeout_ns;
    if (timeout_ns == 0 || monotonic_ns(txn) - txn->begun_ns <= timeout_ns) {
        return STRATA_OK;
    }
    st_fail(error, STRATA_TIMEOUT, "the transaction was open for more than %u ms; begin another",
            timeout_ns / 1000000);
    return st_fail_number(error, "timeout_ms", (int64_t)(timeout_ns / 1000000));
}

/* ---- Writes ---------------------------------------------------------------------------------- */

static strata_status add_entry(st_txn *txn, const st_txn_write *write) {
    txn_entry entry = {.rule = write->rule, .follows = write->follows};
    ST_TRY(need(txn, &txn->own));
    ST_TRY(st_buffer_reserve(&txn->entries, sizeof entry));
    entry.operand = st_arena_copy(&txn->own->arena, write->operand);
    if (entry.operand.data == NULL) {
        return STRATA_NO_MEMORY;
    }
    ST_TRY(st_memtable_stage(txn->own, &write->write, &entry.staged));
    st_memtable_link(txn->own, &entry.staged, ST_OWN_VERSIONS + txn_entry_count(txn), 0);
    txn->overlay.own = txn->own;
    return st_buffer_append(&txn->entries, &entry, sizeof entry);
}

static uint64_t memory_bytes(const st_txn *txn) {
    return reserved(txn->own) + reserved(txn->points);
}

strata_status st_txn_put(st_txn *txn, const st_txn_write *write, strata_error *error) {
    if (txn->spec.read_only) {
        return st_fail(error, STRATA_FORBIDDEN, "the transaction is read-only");
    }
    if (memory_bytes(txn) > TXN_BYTES_MAX) {
        return st_fail_constraint(error, "txn_too_large",
                                  "a transaction may not need more than %u bytes; commit and begin "
                                  "another",
                                  (uint64_t)TXN_BYTES_MAX);
    }
    return add_entry(txn, write) == STRATA_OK ? STRATA_OK : st_fail_memory(error);
}

bool st_txn_find(const st_txn *txn, strata_slice key, st_txn_write *write) {
    const st_bound all = st_bound_version(UINT64_MAX);
    st_revision revision;
    if (txn->own == NULL || !st_memtable_find(txn->own, key, &all, &revision)) {
        return false;
    }
    write->place = revision.number - ST_OWN_VERSIONS;
    const txn_entry *entry = txn_entry_at(txn, (size_t)write->place);
    write->write =
        (st_write){.key = st_leaf_key(entry->staged.leaf),
                   .value = revision.value,
                   .deletes = revision.deleted,
                   .expires_us = revision.expires_us == ST_NEVER ? 0 : revision.expires_us};
    write->rule = entry->rule;
    write->operand = entry->operand;
    return true;
}

bool st_txn_writes(const st_txn *txn) {
    return txn->entries.len > 0;
}

uint64_t st_txn_savepoint(const st_txn *txn) {
    return txn_entry_count(txn);
}

strata_status st_txn_rollback_to(st_txn *txn, uint64_t savepoint, strata_error *error) {
    const size_t count = txn_entry_count(txn);
    if (savepoint > count || (savepoint < count && txn_entry_at(txn, (size_t)savepoint)->follows)) {
        return st_fail(error, STRATA_INVALID_ARGUMENT, "there is no savepoint %u (any more)",
                       savepoint);
    }
    for (size_t place = count; place > savepoint; place--) {
        const st_staged *staged = &txn_entry_at(txn, place - 1)->staged;
        atomic_store_explicit(&staged->leaf->newest, (st_version *)staged->version->older,
                              memory_order_relaxed);
    }
    txn->entries.len = (size_t)savepoint * sizeof(txn_entry);
    return STRATA_OK;
}

/* ---- Committing ------------------------------------------------------------------------------ */

static bool is_last_of_key(const txn_entry *entry) {
    return atomic_load_explicit(&entry->staged.leaf->newest, memory_order_relaxed) ==
           entry->staged.version;
}

/* What is committed, in the order of the writes; each key once, as it was written last. */
static strata_status make_writes(st_txn *txn, const st_commit *commit, const st_txn_rules *rules) {
    txn->writes.len = 0;
    for (size_t place = 0; place < txn_entry_count(txn); place++) {
        const txn_entry *entry = txn_entry_at(txn, place);
        st_txn_write write;
        if (!is_last_of_key(entry)) {
            continue;
        }
        (void)st_txn_find(txn, st_leaf_key(entry->staged.leaf), &write);
        ST_TRY(rules->apply(rules->ctx, commit, &write, &txn->writes));
    }
    return rules->finish == NULL ? STRATA_OK : rules->finish(rules->ctx, commit, &txn->writes);
}

strata_status st_txn_commit(st_txn *txn, st_commit *commit, const st_txn_rules *rules,
                            const st_commit_hook *hook, uint64_t *version, strata_error *error) {
    ST_ASSERT(txn_entry_count(txn) > 0);
    strata_status status = st_txn_validate(txn, rules, error);
    if (status == STRATA_OK) {
        status = make_writes(txn, commit, rules);
    }
    if (status != STRATA_OK) {
        st_commit_abort(commit);
        return status == STRATA_NO_MEMORY ? st_fail_memory(error) : status;
    }
    const size_t count = txn->writes.len / sizeof(st_write);
    if (count == 0) {
        st_commit_abort(commit); /* all of it came to nothing */
        *version = txn->snapshot.version;
        return STRATA_OK;
    }
    return st_commit_finish(commit, (const st_write *)(void *)txn->writes.data, count, hook,
                            version, error);
}
