/* index.c - the versions of every key, as the commit numbers claim them.
 *
 * The commits are walked in the order of their numbers, and what each leaves under a key is worked
 * out: the last put or delete, or the sum of what it added to the version before. So the value of a
 * counter is known for every version, although no transaction ever wrote it.
 */
#include <stdlib.h>
#include <string.h>

#include "check_private.h"

/* ---- Own writes ------------------------------------------------------------------------------ */

const iso_own *iso_own_find(const iso_owns *owns, uint32_t key) {
    for (size_t i = 0; i < owns->count; i++) {
        if (owns->own[i].key == key) {
            return &owns->own[i];
        }
    }
    return NULL;
}

void iso_own_begin(iso_owns *owns) {
    owns->count = 0;
    owns->saved_count = 0;
}

void iso_own_apply(iso_owns *owns, const iso_op *op) {
    if (op->kind == ISO_SAVEPOINT) {
        memcpy(owns->saved, owns->own, sizeof owns->own);
        owns->saved_count = owns->count;
    } else if (op->kind == ISO_ROLLBACK) {
        memcpy(owns->own, owns->saved, sizeof owns->own);
        owns->count = owns->saved_count;
    }
    if ((op->kind != ISO_PUT && op->kind != ISO_DELETE && op->kind != ISO_ADD) ||
        (op->kind == ISO_DELETE && !op->found)) {
        return;
    }
    iso_own *own = (iso_own *)iso_own_find(owns, op->key);
    if (own == NULL) {
        if (owns->count == ISO_OWN_MAX) {
            abort();
        }
        own = &owns->own[owns->count++];
        *own = (iso_own){op->key, false, true, 0};
    }
    switch (op->kind) {
    case ISO_PUT:
        *own = (iso_own){op->key, true, true, op->value};
        break;
    case ISO_DELETE:
        *own = (iso_own){op->key, true, false, 0};
        break;
    default:
        own->value = (own->present ? own->value : 0) + op->value;
        own->present = true;
        break;
    }
}

/* ---- Looking up ------------------------------------------------------------------------------ */

size_t iso_entry_at(const iso_list *list, uint64_t version) {
    size_t low = 0;
    size_t high = list->count;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (list->entries[middle].version <= version) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t iso_entry_of(const iso_list *list, uint64_t version) {
    const size_t at = iso_entry_at(list, version);
    return list->entries[at].version == version ? at : SIZE_MAX;
}

static int compare_puts(const void *a, const void *b) {
    const int64_t left = ((const iso_put *)a)->value;
    const int64_t right = ((const iso_put *)b)->value;
    return (left > right) - (left < right);
}

const iso_put *iso_put_of(const iso_index *index, int64_t value) {
    const iso_put wanted = {value, 0};
    return index->put_count == 0
               ? NULL
               : bsearch(&wanted, index->puts, index->put_count, sizeof wanted, compare_puts);
}

uint64_t iso_acknowledged(const iso_index *index, uint32_t run, uint64_t tick) {
    const iso_ack *acks = index->acks[run];
    size_t low = 0;
    size_t high = index->ack_counts[run];
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (acks[middle].tick < tick) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? 0 : acks[low - 1].version;
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* qsort has no argument of its own; one thread checks. */
static const iso_history *sorting;

static int compare_commits(const void *a, const void *b) {
    const uint64_t left = sorting->txns[*(const uint32_t *)a].version;
    const uint64_t right = sorting->txns[*(const uint32_t *)b].version;
    return (left > right) - (left < right);
}

static bool writes(const iso_history *history, const iso_txn *txn) {
    for (size_t i = 0; i < txn->op_count; i++) {
        const iso_op *op = &history->ops[txn->first_op + i];
        if ((op->kind == ISO_PUT || op->kind == ISO_ADD || op->kind == ISO_APPEND ||
             (op->kind == ISO_DELETE && op->found)) &&
            !iso_is_undone(history, txn, i)) {
            return true;
        }
    }
    return false;
}

static void order_commits(iso_index *index) {
    const iso_history *history = index->history;
    index->commits = iso_alloc(history->txn_count, sizeof *index->commits);
    for (uint32_t i = 0; i < history->txn_count; i++) {
        const iso_txn *txn = &history->txns[i];
        if (txn->committed && (txn->version != 0) != writes(history, txn)) {
            iso_find(index, ISO_BAD_COMMIT, &i, 1,
                     txn->version == 0 ? "it wrote, and has no commit number"
                                       : "it wrote nothing, and has a commit number");
        }
        if (txn->committed && txn->version != 0) {
            index->commits[index->commit_count++] = i;
        }
        if (txn->version != 0 && txn->snapshot != ISO_UNKNOWN && txn->snapshot >= txn->version) {
            iso_find(index, ISO_BAD_COMMIT, &i, 1, "its commit comes before its snapshot");
        }
    }
    sorting = history;
    qsort(index->commits, index->commit_count, sizeof *index->commits, compare_commits);
    for (size_t i = 1; i < index->commit_count; i++) {
        const uint32_t *pair = &index->commits[i - 1];
        if (history->txns[pair[0]].version == history->txns[pair[1]].version) {
            iso_find(index, ISO_BAD_COMMIT, pair, 2, "two commits with one number");
        }
    }
}

static void add_entry(iso_list *list, const iso_entry *entry) {
    /* The capacity is the power of two that the count has reached. */
    if ((list->count & (list->count - 1)) == 0) {
        const size_t cap = list->count == 0 ? 1 : list->count * 2;
        list->entries = realloc(list->entries, cap * sizeof *entry);
        if (list->entries == NULL) {
            abort();
        }
    }
    list->entries[list->count++] = *entry;
}

static void list_versions(iso_index *index) {
    const iso_history *history = index->history;
    const iso_entry nothing = {0, ISO_NOBODY, false, 0};
    index->lists = iso_alloc(history->keys, sizeof *index->lists);
    for (uint32_t key = 0; key < history->keys; key++) {
        add_entry(&index->lists[key], &nothing);
    }
    for (size_t i = 0; i < index->commit_count; i++) {
        const iso_txn *txn = &history->txns[index->commits[i]];
        iso_owns owns;
        iso_own_begin(&owns);
        for (size_t at = 0; at < txn->op_count; at++) {
            iso_own_apply(&owns, &history->ops[txn->first_op + at]);
        }
        for (size_t at = 0; at < owns.count; at++) {
            const iso_own *own = &owns.own[at];
            iso_list *list = &index->lists[own->key];
            const iso_entry *before = &list->entries[list->count - 1];
            iso_entry entry = {txn->version, index->commits[i], own->present, own->value};
            entry.value += !own->absolute && before->present ? before->value : 0;
            add_entry(list, &entry);
        }
    }
}

static void list_puts(iso_index *index) {
    const iso_history *history = index->history;
    index->puts = iso_alloc(history->op_count, sizeof *index->puts);
    for (uint32_t i = 0; i < history->txn_count; i++) {
        const iso_txn *txn = &history->txns[i];
        for (size_t at = 0; at < txn->op_count; at++) {
            const iso_op *op = &history->ops[txn->first_op + at];
            if (op->kind == ISO_PUT) {
                index->puts[index->put_count++] = (iso_put){op->value, i};
            }
        }
    }
    qsort(index->puts, index->put_count, sizeof *index->puts, compare_puts);
}

static int compare_acks(const void *a, const void *b) {
    const uint64_t left = ((const iso_ack *)a)->tick;
    const uint64_t right = ((const iso_ack *)b)->tick;
    return (left > right) - (left < right);
}

/* Whoever has begun to read at a snapshot knows of it, too. */
static void list_acks(iso_index *index) {
    const iso_history *history = index->history;
    for (uint32_t run = 0; run < ISO_RUNS_MAX; run++) {
        iso_ack *acks = iso_alloc(history->txn_count, sizeof *acks);
        size_t count = 0;
        for (size_t i = 0; i < history->txn_count; i++) {
            const iso_txn *txn = &history->txns[i];
            const uint64_t known = txn->version > 0               ? txn->version
                                   : txn->snapshot == ISO_UNKNOWN ? 0
                                                                  : txn->snapshot;
            if (txn->run == run && known > 0) {
                acks[count++] = (iso_ack){txn->ended, known};
            }
        }
        qsort(acks, count, sizeof *acks, compare_acks);
        for (size_t i = 1; i < count; i++) {
            if (acks[i].version < acks[i - 1].version) {
                acks[i].version = acks[i - 1].version;
            }
        }
        index->acks[run] = acks;
        index->ack_counts[run] = count;
    }
}

void iso_index_make(iso_index *index, const iso_history *history, iso_report *report) {
    memset(index, 0, sizeof *index);
    index->history = history;
    index->report = report;
    order_commits(index);
    list_versions(index);
    list_puts(index);
    list_acks(index);
    index->snapshots = iso_alloc(history->txn_count, sizeof *index->snapshots);
    size_t reads = 0;
    for (size_t i = 0; i < history->op_count; i++) {
        const iso_op *op = &history->ops[i];
        reads += op->kind == ISO_SCAN ? op->end - op->key : 1;
    }
    index->seen = iso_alloc(reads, sizeof *index->seen);
}

void iso_index_free(iso_index *index) {
    for (uint32_t key = 0; key < index->history->keys; key++) {
        free(index->lists[key].entries);
    }
    for (uint32_t run = 0; run < ISO_RUNS_MAX; run++) {
        free(index->acks[run]);
    }
    free(index->lists);
    free(index->commits);
    free(index->puts);
    free(index->snapshots);
    free(index->seen);
}
