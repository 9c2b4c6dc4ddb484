/* part.c - entries of a vector index: a key, the versions between which it lives, a code.
 *
 * 1. Rows below `count` never change but for `to`, which goes from ST_VECTOR_FOREVER to a version once.
 * 2. The table of keys belongs to the writer. Of one key it has the newest row only; one that has ended stays there,
 *    and is passed over. In a part of the past it has all rows.
 * 3. from_max and to_max bound what a search at some version can meet: a part all of whose entries have ended
 *    before it is not looked at.
 * Rejected: keys in the order of bytes, to be searched by halves. The head would have to be sorted at every change.
 */
#include "index/vector/part.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "index/vector/filter_sets.h"
#include "index/vector/part_file.h"

enum {
    TABLE_LEN_MIN = 64,
    KEY_ROWS_MAX = (ST_KEY_BYTES_MAX + 2 + 3) / 4,
    CHUNK_SMALL_MAX = 8192, /* entries of a part that may stay small */
};

/* A table is at most three quarters full. */
static uint32_t table_len(uint32_t capacity) {
    uint32_t len = TABLE_LEN_MIN;
    while ((uint64_t)len * 3 < (uint64_t)capacity * 4) {
        len *= 2;
    }
    return len;
}

/* Those of a part with room for so many. */
static strata_status init_rows(st_part *part) {
    const uint32_t capacity = part->capacity;
    const uint32_t chunk = capacity <= CHUNK_SMALL_MAX ? ST_ROWS_CHUNK_SMALL : ST_ROWS_CHUNK_LARGE;
    const uint64_t key_rows = (uint64_t)capacity * KEY_ROWS_MAX;
    ST_TRY(st_rows_init(&part->entries, part->memory, sizeof(st_entry), capacity, chunk));
    ST_TRY(st_rows_init(&part->keys, part->memory, 4,
                        (uint32_t)(key_rows < UINT32_MAX ? key_rows : UINT32_MAX),
                        ST_ROWS_CHUNK_SMALL));
    return st_rows_init(&part->table, part->memory, 4, table_len(capacity), chunk);
}

strata_status st_part_create(const strata_host *host, const st_codec *codec, uint32_t capacity,
                             uint64_t seed, st_part **part) {
    const strata_allocator *memory = &host->memory;
    const uint32_t chunk = capacity <= CHUNK_SMALL_MAX ? ST_ROWS_CHUNK_SMALL : ST_ROWS_CHUNK_LARGE;
    st_part *made = st_alloc_zeroed(memory, sizeof *made);
    if (made == NULL) {
        return STRATA_NO_MEMORY;
    }
    made->memory = memory;
    made->capacity = capacity;
    st_mutex_init(&made->filters_lock);
    strata_status status = st_graph_init(&made->graph, codec, host, capacity, seed, chunk);
    if (status == STRATA_OK) {
        status = init_rows(made);
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
    st_rows_free(&part->keys);
    st_rows_free(&part->table);
    st_part_file_close(part);
    if (part->pool != NULL) {
        (part->paged ? st_row_pool_forget : st_row_pool_give_back)(part->pool, part->asked);
    }
    st_free(part->memory, part, sizeof *part);
}

size_t st_part_bytes(const st_part *part) {
    return sizeof *part + st_graph_bytes(&part->graph) + st_rows_bytes(&part->entries) +
           st_rows_bytes(&part->keys) + st_rows_bytes(&part->table) + st_filter_sets_bytes(part);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

uint32_t st_part_hash(uint64_t seed, strata_slice key) {
    uint64_t h = seed ^ (uint64_t)key.len * 0x9e3779b97f4a7c15u;
    const uint8_t *bytes = key.data;
    for (size_t at = 0; at < key.len; at += 8) {
        uint8_t last[8] = {0};
        memcpy(last, bytes + at, st_min(8, key.len - at));
        h = (h ^ load64_le(last)) * 0xa0761d6478bd642fu;
        h ^= h >> 32;
    }
    h = (h ^ h >> 29) * 0xe7037ed1a0b428dbu;
    return (uint32_t)(h >> 32);
}

static uint32_t *slot_at(const st_part *part, uint32_t at) {
    return (uint32_t *)(void *)st_rows_at(&part->table, at);
}

/* Where the key is in the table, as it was stored by that version (0: by any), or would be. The table has a free slot,
 * unless its file was made by an enemy: all are looked at once, then. */
static uint32_t *slot_of(const st_part *part, uint32_t hash, strata_slice key, uint64_t from) {
    const uint32_t mask = part->table.capacity - 1;
    uint32_t at = hash & mask;
    for (uint32_t looked = 0; looked < mask; looked++) {
        const uint32_t row = *slot_at(part, at);
        if (row == 0) {
            break;
        }
        if (row <= part->count) {
            const st_entry *entry = st_part_entry(part, row - 1);
            if (entry->hash == hash && (from == 0 || entry->from == from) &&
                st_slice_equal(st_part_key(part, entry), key)) {
                break;
            }
        }
        at = (at + 1) & mask;
    }
    return slot_at(part, at);
}

uint32_t st_part_find_any(const st_part *part, strata_slice key) {
    const uint32_t count = st_part_count(part);
    const uint32_t row =
        count == 0 ? 0 : *slot_of(part, st_part_hash(part->graph.seed, key), key, 0);
    return row == 0 || row > count ? ST_NO_NODE : row - 1;
}

bool st_part_has(const st_part *part, strata_slice key, uint64_t from) {
    const uint32_t count = st_part_count(part);
    const uint32_t row =
        count == 0 ? 0 : *slot_of(part, st_part_hash(part->graph.seed, key), key, from);
    return row > 0 && row <= count && st_part_entry(part, row - 1)->from == from;
}

uint32_t st_part_find(const st_part *part, strata_slice key) {
    const uint32_t row = st_part_find_any(part, key);
    return row == ST_NO_NODE || st_entry_to(st_part_entry(part, row)) != ST_VECTOR_FOREVER
               ? ST_NO_NODE
               : row;
}

strata_slice st_part_key(const st_part *part, const st_entry *entry) {
    const uint32_t chunk = UINT32_C(1) << part->keys.shift;
    const uint32_t left = chunk - entry->key % chunk; /* rows, to the end of the chunk */
    const uint8_t *bytes = st_part_key_row(part, entry);
    const uint32_t len = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
    /* Ours are never longer, nor go over the end; an enemy's are empty. */
    return st_slice(bytes + 2, len > ST_KEY_BYTES_MAX || (len + 2 + 3) / 4 > left ? 0 : len);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Rows for a key: none of them in another chunk than the first, nor in another page when it is stored. */
static strata_status place_key(st_part *part, strata_slice key, uint32_t *place) {
    const uint32_t rows = (uint32_t)(key.len + 2 + 3) / 4;
    const uint32_t chunk =
        (uint32_t)st_min(UINT32_C(1) << part->keys.shift, ST_ROWS_CHUNK_PAGED / 4);
    uint32_t first = part->keys_used;
    if (first % chunk + rows > chunk) {
        first = (first / chunk + 1) * chunk;
    }
    if ((uint64_t)first + rows > part->keys.capacity) {
        return STRATA_NO_MEMORY;
    }
    ST_TRY(st_rows_reach(&part->keys, first + rows));
    uint8_t *bytes = st_rows_at(&part->keys, first);
    bytes[0] = (uint8_t)key.len;
    bytes[1] = (uint8_t)(key.len >> 8);
    if (key.len > 0) {
        memcpy(bytes + 2, key.data, key.len);
    }
    *place = first;
    return STRATA_OK;
}

strata_status st_part_stage(st_part *part, strata_slice key, uint8_t **code) {
    const uint32_t row = atomic_load_explicit(&part->count, memory_order_relaxed);
    uint32_t place;
    ST_ASSERT(row < part->capacity && key.len <= ST_KEY_BYTES_MAX);
    ST_TRY(st_graph_reach_codes(&part->graph, row + 1));
    ST_TRY(st_rows_reach(&part->entries, row + 1));
    ST_TRY(st_rows_reach(&part->table, part->table.capacity));
    ST_TRY(place_key(part, key, &place));
    st_entry *entry = st_part_entry(part, row);
    entry->key = place;
    entry->hash = st_part_hash(part->graph.seed, key);
    *code = st_graph_code(&part->graph, row);
    return STRATA_OK;
}

void st_part_publish(st_part *part, uint64_t from) {
    const uint32_t row = atomic_load_explicit(&part->count, memory_order_relaxed);
    st_entry *entry = st_part_entry(part, row);
    const strata_slice key = st_part_key(part, entry);
    const uint32_t end = entry->key + (uint32_t)(key.len + 2 + 3) / 4;
    entry->from = from;
    atomic_store_explicit(&entry->to, ST_VECTOR_FOREVER, memory_order_relaxed);
    *slot_of(part, entry->hash, key, part->past ? from : 0) = row + 1;
    part->keys_used = end;
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

/* ---- Checking -------------------------------------------------------------------------------- */

strata_status st_part_check(const st_part *part, st_row_reader *reader, strata_error *error) {
    const uint32_t count = st_part_count(part);
    uint32_t ended = 0;
    for (uint32_t row = 0; row < count; row++) {
        const st_entry *entry = st_part_entry(part, row);
        const uint64_t to = st_entry_to(entry);
        st_row_reader_rest(reader);
        ended += to != ST_VECTOR_FOREVER;
        if (to < entry->from || entry->from > part->from_max ||
            (to != ST_VECTOR_FOREVER && to > part->to_max)) {
            return st_fail(error, STRATA_INTERNAL, "entry %u lives from %U to %U", row, entry->from,
                           to);
        }
        if (to == ST_VECTOR_FOREVER && st_part_find(part, st_part_key(part, entry)) != row) {
            return st_fail(error, STRATA_INTERNAL, "entry %u is not found by its key", row);
        }
    }
    if (ended != part->ended) {
        return st_fail(error, STRATA_INTERNAL, "%u entries have ended, not %u", ended,
                       (uint32_t)part->ended);
    }
    return part->linked ? st_graph_check(&part->graph, count, reader, error) : STRATA_OK;
}
