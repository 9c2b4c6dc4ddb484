/* part.h - entries of a vector index: a key, the versions between which it lives, a code.
 *
 * An entry is an embedding that was stored under a key by a commit, and lives until the commit that replaced or
 * removed it. Entries are numbered by their rows, in the order in which they came, and nothing of them changes but
 * when they end; so a reader needs no lock, and finds at any version what a reader found then.
 * A part takes entries until it is full; it has no graph then. Parts with a graph are made of others (merge.c).
 *
 * Threads: one writer at a time (add, end); any number of readers of rows below st_part_count.
 */
#ifndef ST_INDEX_VECTOR_PART_H
#define ST_INDEX_VECTOR_PART_H

#include "base/epoch.h"
#include "index/vector/graph.h"

#define ST_VECTOR_FOREVER UINT64_MAX

enum { ST_PART_FILTERS_SEEN = 32 };

typedef struct st_entry {
    uint64_t from;       /* the version that stored it */
    _Atomic uint64_t to; /* that ended it; ST_VECTOR_FOREVER: none has */
    uint32_t key;        /* the first row of `keys` that has it */
    uint32_t hash;       /* of the key: st_part_hash */
} st_entry;

typedef struct st_part {
    st_retired retired; /* first: what is retired is the part */
    const strata_allocator *memory;
    uint32_t capacity;
    _Atomic uint32_t count; /* rows that readers may look at */
    _Atomic uint32_t ended; /* of these, those that live no longer */
    bool linked;            /* it has a graph of all its rows */
    bool flat;  /* it is as large as those with one, but its codes are too short for it */
    bool paged; /* rows of its file come and go: what is found lasts until the reader rests */
    bool past;  /* all of its entries had ended when it was made */
    uint64_t from_max;       /* of all entries, once it is full or linked */
    _Atomic uint64_t to_max; /* of those that ended */
    st_graph graph;          /* its codes, and links if it is linked */
    st_rows entries;
    st_rows
        keys; /* rows of 4 bytes: 16 bits of length, little-endian, the key, zeros; none goes over the end of a chunk, nor of ST_ROWS_CHUNK_PAGED bytes */
    uint32_t keys_used;
    st_rows
        table; /* of the writer: entry + 1 by the hash of the key, the newest of a key; 0: free */
    struct st_part_file *file; /* where it is stored; NULL: nowhere */
    st_row_pool *pool;         /* that has granted it so many bytes, or refused them; NULL: none */
    uint64_t asked;
    st_mutex filters_lock; /* filter_sets.c */
    struct st_filter_set *filters;
    uint64_t filters_seen[ST_PART_FILTERS_SEEN]; /* hashes of filters that came once */
    uint32_t filters_next;
} st_part;

/* Room for `capacity` entries, memory for which is taken as they come. Errors: no_memory. */
strata_status st_part_create(const strata_host *host, const st_codec *codec, uint32_t capacity,
                             uint64_t seed, st_part **part);
/* The hash of a key, as it is stored. */
uint32_t st_part_hash(uint64_t seed, strata_slice key);
/* NULL is fine. */
void st_part_destroy(st_part *part);
/* Memory taken from the allocator; what is paged counts for the pool instead. */
size_t st_part_bytes(const st_part *part);

static inline uint32_t st_part_count(const st_part *part) {
    return atomic_load_explicit((_Atomic uint32_t *)&part->count, memory_order_acquire);
}
static inline st_entry *st_part_entry(const st_part *part, uint32_t row) {
    return (st_entry *)(void *)st_rows_at(&part->entries, row);
}
/* Whether it was made of others, to stay. */
static inline bool st_part_settled(const st_part *part) {
    return part->linked || part->flat;
}
/* Borrowed until the part is destroyed, or until the reader rests if it is paged. */
strata_slice st_part_key(const st_part *part, const st_entry *entry);
/* Where that begins to read. */
static inline const uint8_t *st_part_key_row(const st_part *part, const st_entry *entry) {
    return st_rows_at(&part->keys, entry->key);
}
static inline uint64_t st_entry_to(const st_entry *entry) {
    return atomic_load_explicit((_Atomic uint64_t *)&entry->to, memory_order_acquire);
}
/* Whether a reader at that version sees the entry. */
static inline bool st_entry_lives(const st_entry *entry, uint64_t version) {
    return entry->from <= version && version < st_entry_to(entry);
}

/* Memory for one more entry, which readers do not see yet; its code is to be written, and its key (at most
 * ST_KEY_BYTES_MAX) is copied. Nothing is lost when it is never published. Errors: no_memory. */
strata_status st_part_stage(st_part *part, strata_slice key, uint8_t **code);
/* Readers see the staged entry; st_part_find finds it by its key. */
void st_part_publish(st_part *part, uint64_t from);
/* The newest entry under the key that lives on; ST_NO_NODE: none. */
uint32_t st_part_find(const st_part *part, strata_slice key);
/* The same whether it lives on or not: of a part that was made by merging, and is not of the past, the one that there is
 * under the key at the versions from from_max on. */
uint32_t st_part_find_any(const st_part *part, strata_slice key);
/* Whether there is the entry that the version stored under the key; in a part that was made by merging. */
bool st_part_has(const st_part *part, strata_slice key, uint64_t from);
/* It ends. Versions never go down. */
void st_part_end(st_part *part, uint32_t row, uint64_t to);

/* Walks every invariant. reader: rests; NULL: nothing is paged. Errors: internal with what does not hold, no_memory.
 * Cost: linear. */
strata_status st_part_check(const st_part *part, st_row_reader *reader, strata_error *error);

#endif
