/* part.c - entries of a vector index: a key, the versions between which it lives, a code.
 *
 * 1. Rows below `count` never change but for `to`, which goes from ST_VECTOR_FOREVER to a version once.
 * 2. The table of keys belongs to the writer. Of one key it has the newest row only; one that has ended stays there,
 *    and is passed over.
 * 3. from_max and to_max bound what a search at some version can meet: a part all of whose entries have ended
 *    before it is not looked at.
 * Rejected: keys in the order of bytes, to be searched by halves. The head would have to be sorted at every change.
 */
#include "index/vector/part.h"

#include "base/hash.h"
#include "index/vector/filter_sets.h"

enum { TABLE_LEN_MIN = 64 };

strata_status st_part_create(const strata_host *host, const st_codec *codec, uint32_t capacity,
                             uint64_t seed, st_part **part) {
    const strata_allocator *memory = &host->memory;
    st_part *made = st_alloc_zeroed(memory, sizeof *made);
    if (made == NULL) {
        return STRATA_NO_MEMORY;
    }
    made->memory = memory;
    made->capacity = capacity;
    st_arena_init(&made->keys, memory, 0);
    st_mutex_init(&made->filters_lock);
    strata_status status = st_graph_init(&made->graph, codec, host, capacity, seed);
    if (status == STRATA_OK) {
        status = st_rows_init(&made->entries, memory, sizeof(st_entry), capacity);
    }
    if (status == STRATA_OK) {
        made->table_len = TABLE_LEN_MIN;
        made->table = st_alloc_zeroed(memory, made->table_len * sizeof *made->table);
        status = made->table == NULL ? STRATA_NO_MEMORY : STRATA_OK;
    }
    if (status != STRATA_OK) {
        st_part_destroy(made);
        return status;
    }
    *part = made;
    return STRATA_OK;
}

void st_part_destroy(st_part *part) {
    if (part == NULL) {
        return;
    }
    st_filter_sets_free(part);
    st_graph_free(&part->graph);
    st_rows_free(&part->entries);
    st_arena_free(&part->keys);
    st_free(part->memory, part->table, part->table_len * sizeof *part->table);
    st_free(part->memory, part, sizeof *part);
}

size_t st_part_bytes(const st_part *part) {
    return sizeof *part + st_graph_bytes(&part->graph) + st_rows_bytes(&part->entries) +
           atomic_load_explicit((_Atomic size_t *)&part->keys.reserved, memory_order_relaxed) +
           part->table_len * sizeof *part->table;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* Where the key is in the table, or would be. */
static uint32_t *slot_of(const st_part *part, uint32_t *table, uint32_t len, strata_slice key) {
    uint32_t at = (uint32_t)st_hash_bytes(key, part->graph.seed) & (len - 1);
    while (table[at] != 0 &&
           !st_slice_equal(st_entry_key(st_part_entry(part, table[at] - 1)), key)) {
        at = (at + 1) & (len - 1);
    }
    return &table[at];
}

static strata_status grow_table(st_part *part) {
    const uint32_t len = part->table_len * 2;
    uint32_t *table = st_alloc_zeroed(part->memory, len * sizeof *table);
    if (table == NULL) {
        return STRATA_NO_MEMORY;
    }
    for (uint32_t i = 0; i < part->table_len; i++) {
        if (part->table[i] != 0) {
            const strata_slice key = st_entry_key(st_part_entry(part, part->table[i] - 1));
            *slot_of(part, table, len, key) = part->table[i];
        }
    }
    st_free(part->memory, part->table, part->table_len * sizeof *part->table);
    part->table = table;
    part->table_len = len;
    return STRATA_OK;
}

uint32_t st_part_find(const st_part *part, strata_slice key) {
    const uint32_t row = *slot_of(part, part->table, part->table_len, key);
    return row == 0 || st_entry_to(st_part_entry(part, row - 1)) != ST_VECTOR_FOREVER ? ST_NO_NODE
                                                                                      : row - 1;
}

/* ---- Writing --------------------------------------------------------------------------------- */

strata_status st_part_stage(st_part *part, strata_slice key, uint8_t **code) {
    const uint32_t row = atomic_load_explicit(&part->count, memory_order_relaxed);
    ST_ASSERT(row < part->capacity && key.len <= UINT16_MAX);
    ST_TRY(st_graph_reach_codes(&part->graph, row + 1));
    ST_TRY(st_rows_reach(&part->entries, row + 1));
    if ((uint64_t)(row + 1) * 4 > (uint64_t)part->table_len * 3) {
        ST_TRY(grow_table(part));
    }
    uint8_t *kept = st_arena_alloc(&part->keys, key.len + 2, 1);
    if (kept == NULL) {
        return STRATA_NO_MEMORY;
    }
    kept[0] = (uint8_t)key.len;
    kept[1] = (uint8_t)(key.len >> 8);
    if (key.len > 0) {
        memcpy(kept + 2, key.data, key.len);
    }
    st_part_entry(part, row)->key = kept;
    *code = st_graph_code(&part->graph, row);
    return STRATA_OK;
}

void st_part_publish(st_part *part, uint64_t from) {
    const uint32_t row = atomic_load_explicit(&part->count, memory_order_relaxed);
    st_entry *entry = st_part_entry(part, row);
    entry->from = from;
    atomic_store_explicit(&entry->to, ST_VECTOR_FOREVER, memory_order_relaxed);
    *slot_of(part, part->table, part->table_len, st_entry_key(entry)) = row + 1;
    part->from_max = from > part->from_max ? from : part->from_max;
    atomic_store_explicit(&part->count, row + 1, memory_order_release);
}

void st_part_end(st_part *part, uint32_t row, uint64_t to) {
    st_entry *entry = st_part_entry(part, row);
    ST_ASSERT(st_entry_to(entry) == ST_VECTOR_FOREVER && entry->from <= to);
    atomic_store_explicit(&entry->to, to, memory_order_release);
    if (to > atomic_load_explicit(&part->to_max, memory_order_relaxed)) {
        atomic_store_explicit(&part->to_max, to, memory_order_release);
    }
    atomic_fetch_add_explicit(&part->ended, 1, memory_order_release);
}
