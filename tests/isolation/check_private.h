/* check_private.h - what the parts of the checker share. */
#ifndef STRATA_TEST_ISOLATION_CHECK_PRIVATE_H
#define STRATA_TEST_ISOLATION_CHECK_PRIVATE_H

#include "check.h"

#define ISO_NOBODY UINT32_MAX

/* What a commit left under a key. */
typedef struct iso_entry {
    uint64_t version;
    uint32_t txn; /* ISO_NOBODY: it was so in the beginning */
    bool present;
    int64_t value;
} iso_entry;

/* All versions of a key, from the oldest; the first is that there is nothing. */
typedef struct iso_list {
    iso_entry *entries;
    size_t count;
} iso_list;

typedef struct iso_put {
    int64_t value;
    uint32_t txn;
} iso_put;

/* From then on it was known that the run has come so far. */
typedef struct iso_ack {
    uint64_t tick;
    uint64_t version;
} iso_ack;

/* That a committed transaction read an entry. */
typedef struct iso_seen {
    uint32_t txn;
    uint32_t key;
    uint32_t entry; /* in the key's list */
    bool in_scan;
} iso_seen;

enum { ISO_RUNS_MAX = 4, ISO_OWN_MAX = 64 };

typedef struct iso_index {
    const iso_history *history;
    iso_report *report;
    uint32_t *commits; /* those with a version, in its order */
    size_t commit_count;
    iso_list *lists;
    iso_put *puts; /* in order of value */
    size_t put_count;
    iso_ack *acks[ISO_RUNS_MAX]; /* in order of tick, with the highest version until then */
    size_t ack_counts[ISO_RUNS_MAX];
    uint64_t *snapshots; /* of all transactions, known or worked out */
    iso_seen *seen;
    size_t seen_count;
} iso_index;

/* What a transaction itself has made of a key so far. */
typedef struct iso_own {
    uint32_t key;
    bool absolute; /* else it adds to what is there */
    bool present;
    int64_t value;
} iso_own;

typedef struct iso_owns {
    iso_own own[ISO_OWN_MAX];
    size_t count;
    iso_own saved[ISO_OWN_MAX]; /* at the savepoint */
    size_t saved_count;
} iso_owns;

void *iso_alloc(size_t count, size_t size);
/* Counts a finding; the first few are told, with the transactions that take part. */
void iso_find(iso_index *index, iso_anomaly anomaly, const uint32_t *txns, size_t txn_count,
              const char *format, ...) __attribute__((format(printf, 5, 6)));

/* index.c */
void iso_index_make(iso_index *index, const iso_history *history, iso_report *report);
void iso_index_free(iso_index *index);
/* The entry at or before the version. */
size_t iso_entry_at(const iso_list *list, uint64_t version);
/* The entry of exactly that version; SIZE_MAX: there is none. */
size_t iso_entry_of(const iso_list *list, uint64_t version);
/* Who has put the value, as the last or not; NULL: nobody. */
const iso_put *iso_put_of(const iso_index *index, int64_t value);
/* The highest version of the run that somebody had been told of before the tick. */
uint64_t iso_acknowledged(const iso_index *index, uint32_t run, uint64_t tick);
const iso_own *iso_own_find(const iso_owns *owns, uint32_t key);
void iso_own_begin(iso_owns *owns);
/* After an operation of the transaction. */
void iso_own_apply(iso_owns *owns, const iso_op *op);

/* reads.c: judges every read, and fills in index->seen. */
void iso_check_reads(iso_index *index);

/* graph.c: the cycles. */
void iso_check_cycles(iso_index *index);

#endif
