/* txn_private.h - what the files of this room share. */
#ifndef ST_TXN_TXN_PRIVATE_H
#define ST_TXN_TXN_PRIVATE_H

#include "txn/txn.h"

/* One write, in the order in which they were made. */
typedef struct txn_entry {
    st_staged
        staged; /* in `own`; its version's number is ST_OWN_VERSIONS + the place of the entry */
    uint8_t rule;
    strata_slice operand;
    bool follows; /* as in st_txn_write */
} txn_entry;

/* A range that was read: [low, high), high empty: no bound. */
typedef struct txn_range {
    struct txn_range *next;
    strata_slice low;
    strata_slice high;
    uint8_t *bytes; /* room for the ends that the scan came to */
} txn_range;

/* A key that was read, in `points`. */
typedef struct txn_point {
    struct txn_point *next;
    st_staged staged;
} txn_point;

/* What the upper room has read (st_txn_note). */
typedef struct txn_note {
    struct txn_note *next;
    strata_slice bytes;
    bool wrote;
} txn_note;

struct st_txn {
    st_store *store;
    st_shard *shard;
    st_txn_spec spec;
    st_overlay overlay;
    st_held_snapshot snapshot;
    bool holds; /* the snapshot */
    uint64_t begun_ns;
    uint64_t memo[2];

    st_memtable *own;      /* its writes; NULL before the first one ever */
    strata_buffer entries; /* txn_entry */
    /* The keys that were read, with the number of the version found; NULL before the first. */
    st_memtable *points;
    txn_point *point_list; /* the same, newest first; in its arena, as ranges and notes */
    txn_range *ranges;
    uint64_t range_count;
    txn_note *notes;      /* newest first; in the arena of `points`, as the ranges */
    strata_buffer words;  /* the label, then the trace */
    strata_buffer writes; /* st_write: those of the commit, while it is made */
};

static inline size_t txn_entry_count(const st_txn *txn) {
    return txn->entries.len / sizeof(txn_entry);
}
static inline txn_entry *txn_entry_at(const st_txn *txn, size_t place) {
    return (txn_entry *)(void *)txn->entries.data + place;
}

#endif
