/* reads.c - judges what each transaction has read, committed or not.
 *
 * A read is first attributed: whose value is it? Then compared with what the transaction has read
 * before, and with the state at its snapshot. Of a single operation the snapshot is not known; it is
 * right if there is any moment, not before what had been acknowledged when it began, at which
 * everything was as it was read.
 */
#include <stdlib.h>

#include "check_private.h"

/* One read of one key. */
typedef struct observation {
    uint32_t key;
    bool found;
    bool in_scan;
    bool unversioned; /* only whether there is a value is known */
    uint64_t version;
    int64_t value;
    uint64_t at;
} observation;

enum { OBSERVED_MAX = 4096 };

typedef struct judged {
    iso_index *index;
    uint32_t txn;
    const iso_txn *t;
    uint64_t snapshot;
    iso_owns owns;
    observation *observed; /* what was read of others */
    size_t count;
} judged;

/* ---- Attribution ----------------------------------------------------------------------------- */

/* The value is not what that commit left under the key. */
static void judge_stranger(const judged *j, const observation *read) {
    const iso_put *put = iso_put_of(j->index, read->value);
    if (put == NULL) {
        iso_find(j->index, ISO_INVENTED_READ, &j->txn, 1,
                 "key %u had a value that nobody wrote as the last of a commit %llu", read->key,
                 (unsigned long long)read->version);
        return;
    }
    const uint32_t both[] = {j->txn, put->txn};
    const iso_txn *writer = &j->index->history->txns[put->txn];
    if (!writer->committed) {
        iso_find(j->index, ISO_ABORTED_READ, both, 2,
                 "the first read key %u as the second wrote it, which was never committed",
                 read->key);
        return;
    }
    iso_find(j->index, writer->version == read->version ? ISO_INTERMEDIATE_READ : ISO_INVENTED_READ,
             both, 2, "the first read of key %u what the second wrote, but not as its last",
             read->key);
}

/* Whether the value is of a commit; of one that had begun it must be, too. */
static bool attribute(const judged *j, const observation *read) {
    const iso_list *list = &j->index->lists[read->key];
    const size_t at = iso_entry_of(list, read->version);
    if (at == SIZE_MAX || !list->entries[at].present || list->entries[at].value != read->value) {
        judge_stranger(j, read);
        return false;
    }
    const uint32_t writer = list->entries[at].txn;
    if (j->index->history->txns[writer].commits_at > read->at) {
        const uint32_t both[] = {j->txn, writer};
        iso_find(j->index, ISO_DIRTY_READ, both, 2,
                 "the first read key %u before the second began to commit it", read->key);
    }
    return true;
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

/* Whether the commit that wrote what one of the reads saw has written what the other should have
 * seen: half of it was seen. */
static bool is_half(const judged *j, const observation *newer, const observation *older) {
    if (!newer->found || newer->unversioned) {
        return false;
    }
    const iso_list *list = &j->index->lists[older->key];
    const size_t at = iso_entry_of(list, newer->version);
    if (at == SIZE_MAX || at == 0) {
        return false;
    }
    return older->found && !older->unversioned ? older->version < newer->version
                                               : list->entries[at].present != older->found;
}

static bool matches(const iso_entry *entry, const observation *read) {
    return entry->present == read->found &&
           (!read->found || read->unversioned || entry->version == read->version);
}

static void judge_mismatch(const judged *j, const observation *read) {
    for (size_t i = 0; i < j->count; i++) {
        if (is_half(j, &j->observed[i], read) || is_half(j, read, &j->observed[i])) {
            iso_find(j->index, ISO_FRACTURED_READ, &j->txn, 1,
                     "of one commit it saw what was written to key %u, and not what was written to "
                     "key %u",
                     j->observed[i].key, read->key);
            return;
        }
    }
    const iso_list *list = &j->index->lists[read->key];
    const iso_entry *there = &list->entries[iso_entry_at(list, j->snapshot)];
    const iso_anomaly anomaly =
        read->in_scan && there->present != read->found ? ISO_PHANTOM : ISO_WRONG_SNAPSHOT;
    iso_find(j->index, anomaly, &j->txn, 1,
             "at %llu key %u had %s of version %llu; it saw %s of version %llu",
             (unsigned long long)j->snapshot, read->key, there->present ? "a value" : "nothing",
             (unsigned long long)there->version, read->found ? "a value" : "nothing",
             (unsigned long long)read->version);
}

/* What was read of the key before, if it was. */
static const observation *read_before(const judged *j, uint32_t key) {
    for (size_t i = 0; i < j->count; i++) {
        if (j->observed[i].key == key) {
            return &j->observed[i];
        }
    }
    return NULL;
}

static bool judge_repeated(const judged *j, const observation *read) {
    const observation *first = read_before(j, read->key);
    if (first == NULL ||
        (first->found == read->found && (first->version == read->version || first->unversioned ||
                                         read->unversioned || !read->found))) {
        return true;
    }
    const bool scans = first->in_scan || read->in_scan;
    iso_find(j->index, scans && first->found != read->found ? ISO_PHANTOM : ISO_NON_REPEATABLE_READ,
             &j->txn, 1, "key %u changed between two reads", read->key);
    return false;
}

/* That a committed transaction depends on the entry. What was absent, was so since the last entry
 * that says so. */
static void note_seen(const judged *j, const observation *read) {
    const iso_list *list = &j->index->lists[read->key];
    size_t at = read->found && !read->unversioned ? iso_entry_of(list, read->version)
                                                  : iso_entry_at(list, j->snapshot);
    while (at > 0 && list->entries[at].present != read->found) {
        at--;
    }
    if (j->t->committed) {
        j->index->seen[j->index->seen_count++] =
            (iso_seen){j->txn, read->key, (uint32_t)at, read->in_scan};
    }
}

/* A read that own writes did not answer. */
static void judge_read(judged *j, const observation *read) {
    const iso_list *list = &j->index->lists[read->key];
    if (read->found && !read->unversioned && !attribute(j, read)) {
        return;
    }
    note_seen(j, read);
    if (judge_repeated(j, read) &&
        !matches(&list->entries[iso_entry_at(list, j->snapshot)], read)) {
        judge_mismatch(j, read);
    }
    if (j->count == OBSERVED_MAX) {
        abort();
    }
    j->observed[j->count++] = *read;
}

/* ---- Own writes ------------------------------------------------------------------------------ */

static void judge_own(const judged *j, const iso_own *own, const observation *read) {
    const iso_list *list = &j->index->lists[read->key];
    const iso_entry *base = &list->entries[iso_entry_at(list, j->snapshot)];
    const int64_t value = own->value + (!own->absolute && base->present ? base->value : 0);
    if (read->found != own->present ||
        (own->present && !read->unversioned && (read->version != 0 || read->value != value))) {
        iso_find(j->index, ISO_OWN_WRITES, &j->txn, 1, "key %u did not read as it had written it",
                 read->key);
    }
}

static void judge_one(judged *j, const observation *read) {
    const iso_own *own = iso_own_find(&j->owns, read->key);
    if (own != NULL) {
        judge_own(j, own, read);
    } else {
        judge_read(j, read);
    }
}

/* ---- Operations ------------------------------------------------------------------------------ */

static void judge_scan(judged *j, const iso_op *op) {
    const iso_item *items = &j->index->history->items[op->first_item];
    size_t at = 0;
    for (uint32_t i = 0; i < op->end - op->key; i++) {
        const uint32_t key = op->reverse ? op->end - 1 - i : op->key + i;
        observation read = {.key = key, .in_scan = true, .at = op->at};
        if (at < op->item_count && items[at].key == key) {
            read.found = true;
            read.version = items[at].version;
            read.value = items[at].value;
            at++;
        }
        judge_one(j, &read);
    }
    if (at < op->item_count) {
        iso_find(j->index, ISO_PHANTOM, &j->txn, 1, "a scan gave key %u twice or out of order",
                 items[at].key);
    }
}

static void judge_op(judged *j, const iso_op *op) {
    if (op->kind == ISO_GET || op->kind == ISO_DELETE) {
        const observation read = {op->key,     op->found, false, op->kind == ISO_DELETE,
                                  op->version, op->value, op->at};
        judge_one(j, &read);
    } else if (op->kind == ISO_SCAN) {
        judge_scan(j, op);
    }
}

/* ---- Single operations ----------------------------------------------------------------------- */

/* Moves *snapshot up to where the key is as it was read; false: it never was. */
static bool move_up(const iso_list *list, const observation *read, uint64_t *snapshot) {
    size_t at = iso_entry_at(list, *snapshot);
    while (at < list->count && !matches(&list->entries[at], read)) {
        at++;
    }
    if (at < list->count && list->entries[at].version > *snapshot) {
        *snapshot = list->entries[at].version;
    }
    return at < list->count;
}

/* The first moment from `least` on at which all keys of a scan are as they were read; if there is
 * none, that of the newest value in it. */
static uint64_t snapshot_of_scan(const iso_index *index, const iso_op *op, uint64_t least) {
    const iso_item *items = &index->history->items[op->first_item];
    uint64_t snapshot = least;
    uint64_t newest = least;
    for (size_t i = 0; i < op->item_count; i++) {
        newest = items[i].version > newest ? items[i].version : newest;
    }
    for (;;) {
        const uint64_t before = snapshot;
        size_t at = 0;
        for (uint32_t i = 0; i < op->end - op->key; i++) {
            observation read = {.key = op->reverse ? op->end - 1 - i : op->key + i};
            if (at < op->item_count && items[at].key == read.key) {
                read.found = true;
                read.version = items[at].version;
                at++;
            }
            if (!move_up(&index->lists[read.key], &read, &snapshot)) {
                return newest;
            }
        }
        if (snapshot == before) {
            return snapshot;
        }
    }
}

static uint64_t work_out_snapshot(const iso_index *index, const iso_txn *txn) {
    const iso_op *op = &index->history->ops[txn->first_op];
    const uint64_t least = iso_acknowledged(index, txn->run, txn->began);
    if (txn->snapshot != ISO_UNKNOWN) {
        return txn->snapshot;
    }
    if (txn->version > 0) {
        return txn->version - 1; /* it reads and writes at one moment */
    }
    if (txn->op_count == 0) {
        return least;
    }
    if (op->kind == ISO_SCAN) {
        return snapshot_of_scan(index, op, least);
    }
    uint64_t snapshot = least;
    const observation read = {op->key,     op->found, false, op->kind == ISO_DELETE,
                              op->version, op->value, op->at};
    return move_up(&index->lists[op->key], &read, &snapshot) ? snapshot : least;
}

/* ---- All ------------------------------------------------------------------------------------- */

static void judge_real_time(iso_index *index, uint32_t i, const iso_txn *txn) {
    const uint64_t known = iso_acknowledged(index, txn->run, txn->began);
    if (index->snapshots[i] < known) {
        iso_find(index, ISO_REAL_TIME, &i, 1,
                 "commit %llu had been acknowledged before it began, and it reads at %llu",
                 (unsigned long long)known, (unsigned long long)index->snapshots[i]);
    }
}

void iso_check_reads(iso_index *index) {
    const iso_history *history = index->history;
    judged *j = iso_alloc(1, sizeof *j);
    j->observed = iso_alloc(OBSERVED_MAX, sizeof *j->observed);
    j->index = index;
    for (uint32_t i = 0; i < history->txn_count; i++) {
        const iso_txn *txn = &history->txns[i];
        index->snapshots[i] = work_out_snapshot(index, txn);
        judge_real_time(index, i, txn);
        j->txn = i;
        j->t = txn;
        j->snapshot = index->snapshots[i];
        iso_own_begin(&j->owns);
        j->count = 0;
        for (size_t at = 0; at < txn->op_count; at++) {
            judge_op(j, &history->ops[txn->first_op + at]);
            iso_own_apply(&j->owns, &history->ops[txn->first_op + at]);
        }
    }
    free(j->observed);
    free(j);
}
