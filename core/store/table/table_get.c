/* table_get.c - single keys of an open table, one by one and many at once.
 *
 * A get asks the filter (one line of memory), the index (an array that the processor's cache
 * holds), the cache of blocks, and the hash table of the block (a line, then the entry and the head
 * of its group at once): on a table of 10^6 entries about four misses of memory, two of them at the
 * same time. Of many keys each takes the same steps, and every step is taken by all of them before the next one, which
 * finds in the processor's cache what that has asked for.
 *
 * Invariant: the newest version inside a bound of versions is in the block that the index names: between blocks of one
 * key the index knows the version, not only the key. A bound of time may lead on into the blocks after it, as far as
 * the key continues; those that are too new as a whole are passed over unread.
 */
#include "store/table/filter.h"
#include "store/table/table_private.h"

uint64_t st_table_hash(strata_slice key) {
    return st_filter_hash(key);
}

/* ---- Single keys ----------------------------------------------------------------------------- */

/* Of a get that has come to a block. */
typedef struct get {
    const st_table *table;
    strata_slice key;
    uint64_t hash;
    const st_bound *bound;
    st_arena *arena;
    st_revision *revision;
    strata_error *error;
} get;

static strata_status no_memory_for_value(const get *g) {
    return st_table_failed(&g->table->file, STRATA_NO_MEMORY, g->error);
}

/* A value that is too long for the cache. */
static strata_status read_long(const get *g, const st_table_frame *frame, strata_slice *value) {
    uint8_t *bytes = st_arena_alloc(g->arena, ST_FRAME_BYTES + (size_t)frame->plain_len, 1);
    if (bytes == NULL) {
        return no_memory_for_value(g);
    }
    *value = st_slice(bytes + ST_FRAME_BYTES, frame->plain_len);
    return st_table_read_frame(&g->table->file, frame, bytes, g->error);
}

static uint64_t apart_from(const st_table *table, size_t place) {
    st_index_block about;
    st_table_index_block(&table->index, place, &about);
    return about.apart_from;
}

/* A value kept apart: *pinned holds it, or the arena does if that is NULL. */
static strata_status find_apart(const get *g, uint64_t from, const st_apart *apart,
                                const st_cached_block **pinned, strata_slice *value) {
    const st_table_frame frame = st_table_value_frame(from, apart);
    *pinned = NULL;
    if (frame.plain_len > ST_VALUE_CACHED_BYTES) {
        return read_long(g, &frame, value);
    }
    ST_TRY(st_table_pin_value(g->table, &frame, NULL, pinned, g->error));
    *value = st_slice((const uint8_t *)(*pinned)->bytes.data + ST_FRAME_BYTES, frame.plain_len);
    return STRATA_OK;
}

static st_revision revision_of(const st_block_entry *entry, strata_slice value) {
    const st_revision revision = {.number = entry->number,
                                  .timestamp_us = entry->timestamp_us,
                                  .expires_us = entry->expires_us,
                                  .deleted = (entry->flags & ST_ENTRY_DELETED) != 0,
                                  .trimmed = (entry->flags & ST_ENTRY_TRIMMED) != 0,
                                  .hole = (entry->flags & ST_ENTRY_HOLE) != 0,
                                  .value = value};
    return revision;
}

static strata_status copy_out(const get *g, size_t place, const st_block *block,
                              const st_block_entry *entry) {
    const st_cached_block *pinned = NULL;
    strata_slice value = st_slice(st_block_bytes(block) + entry->value_at, entry->value_len);
    if ((entry->flags & ST_ENTRY_APART) != 0) {
        ST_TRY(find_apart(g, apart_from(g->table, place), &entry->apart, &pinned, &value));
        if (pinned == NULL) {
            *g->revision = revision_of(entry, value);
            return STRATA_OK;
        }
    }
    value = value.len > 0 ? st_arena_copy(g->arena, value) : st_slice("", 0);
    if (pinned != NULL) {
        st_block_cache_unpin(g->table->cache, pinned);
    }
    if (value.data == NULL) {
        return no_memory_for_value(g);
    }
    *g->revision = revision_of(entry, value);
    return STRATA_OK;
}

/* The newest version inside the bound, from the entry at `at` on. *ended: the block ended with
 * versions of the key that are too new. */
static bool find_version(const st_block *block, size_t at, const st_bound *bound,
                         st_block_entry *entry, bool *ended) {
    *ended = false;
    st_block_decode(block, at, entry);
    while (!st_bound_holds(bound, entry->number, entry->timestamp_us)) {
        *ended = entry->next >= block->end;
        if (*ended) {
            return false;
        }
        st_block_decode(block, (size_t)entry->next, entry);
        if ((entry->flags & ST_ENTRY_SAME) == 0) {
            return false;
        }
    }
    return true;
}

static const uint32_t *slots_of(const st_cached_block *pinned) {
    const uint8_t *block = (const uint8_t *)st_block_in(pinned->bytes.data);
    return (const uint32_t *)(const void *)(block + (pinned->tag >> 32));
}

static size_t find_in_block(const st_cached_block *pinned, strata_slice key, uint64_t hash) {
    return st_block_find(st_block_in(pinned->bytes.data), slots_of(pinned),
                         (size_t)(pinned->tag & UINT32_MAX), key, hash);
}

static strata_status get_in_block(const get *g, size_t place, bool *found, bool *ended) {
    const st_cached_block *pinned;
    st_block_entry entry;
    strata_status status = STRATA_OK;
    *ended = false;
    ST_TRY(st_table_pin_block(g->table, place, &pinned, g->error));
    const st_block *block = st_block_in(pinned->bytes.data);
    const size_t at = find_in_block(pinned, g->key, g->hash);
    if (at != 0 && find_version(block, at, g->bound, &entry, ended)) {
        status = copy_out(g, place, block, &entry);
        *found = status == STRATA_OK;
    }
    st_block_cache_unpin(g->table->cache, pinned);
    return status;
}

strata_status st_table_get(const st_table *table, strata_slice key, uint64_t hash,
                           const st_bound *bound, st_arena *arena, st_revision *revision,
                           bool *found, strata_error *error) {
    const get g = {table, key, hash, bound, arena, revision, error};
    size_t place;
    bool ended;
    *found = false;
    const strata_buffer *filter = &table->filter;
    if ((filter->len > 0 && !st_filter_may_hold(filter->data, filter->len, hash)) ||
        !st_table_index_find(&table->index, key, bound->version, &place)) {
        return STRATA_OK;
    }
    ST_TRY(get_in_block(&g, place, found, &ended));
    /* Only a bound of time leads here. */
    for (place++;
         ended && place < table->index.count && st_table_index_continues(&table->index, place);
         place++) {
        st_index_block about;
        st_table_index_block(&table->index, place, &about);
        if (about.time_low_us <= bound->time_us) {
            ST_TRY(get_in_block(&g, place, found, &ended));
        }
    }
    return STRATA_OK;
}

/* ---- Many keys ------------------------------------------------------------------------------- */

/* Each of these begins where the one before has made something be on its way from memory, for all. */

static bool is_asked(const st_table_lookup *l) {
    return l->table != NULL && !l->found;
}

static bool is_apart(const st_table_lookup *l) {
    return l->apart.stored_len > 0;
}

/* The filter's line. */
static void begin_lookup(const st_table_lookup *l) {
    const strata_buffer *filter = &l->table->filter;
    if (filter->len > 0) {
        __builtin_prefetch(st_filter_line(filter->data, filter->len, l->hash));
    }
}

/* Which block it is. Nothing that waits for other threads stands between two of these searches, so that the processor
 * goes on with the next one while the last one waits for memory. */
static void place_lookup(st_table_lookup *l) {
    const strata_buffer *filter = &l->table->filter;
    if ((filter->len > 0 && !st_filter_may_hold(filter->data, filter->len, l->hash)) ||
        !st_table_index_find(&l->table->index, l->key, l->bound.version, &l->place)) {
        l->place = SIZE_MAX;
    }
}

/* The block, and in it the line of its hash table. */
static strata_status pin_lookup(st_table_lookup *l, strata_error *error) {
    if (l->place == SIZE_MAX) {
        return STRATA_OK;
    }
    ST_TRY(st_table_pin_block(l->table, l->place, &l->pinned, error));
    __builtin_prefetch(st_block_in(l->pinned->bytes.data));
    __builtin_prefetch(
        st_block_line(slots_of(l->pinned), (size_t)(l->pinned->tag & UINT32_MAX), l->hash));
    return STRATA_OK;
}

/* The entry. */
static void reach_lookup(const st_table_lookup *l) {
    st_block_prefetch(st_block_in(l->pinned->bytes.data), slots_of(l->pinned),
                      (size_t)(l->pinned->tag & UINT32_MAX), l->hash);
}

static void release(st_table_lookup *l) {
    if (l->pinned != NULL) {
        st_block_cache_unpin(l->table->cache, l->pinned);
        l->pinned = NULL;
    }
}

static void prefetch_value(strata_slice value) {
    for (size_t at = 0; at < value.len; at += ST_FILTER_LINE_BYTES) {
        __builtin_prefetch((const uint8_t *)value.data + at);
    }
}

/* And its value; or what the cache knows of it, if it is kept apart. */
static void open_lookup(st_table_lookup *l) {
    const st_block *block = st_block_in(l->pinned->bytes.data);
    const size_t at = find_in_block(l->pinned, l->key, l->hash);
    st_block_entry entry;
    bool ended;
    if (at == 0 || !find_version(block, at, &l->bound, &entry, &ended)) {
        release(l);
        return;
    }
    const strata_slice value = st_slice(st_block_bytes(block) + entry.value_at, entry.value_len);
    l->found = true;
    l->revision = revision_of(&entry, value);
    if ((entry.flags & ST_ENTRY_APART) != 0) {
        l->apart = entry.apart;
        l->apart_from = apart_from(l->table, l->place);
        st_block_cache_prefetch(l->table->cache, l->table->file.number,
                                l->apart_from + l->apart.at);
    } else {
        prefetch_value(value);
    }
}

/* A value kept apart. */
static strata_status finish_lookup(st_table_lookup *l, st_arena *arena, strata_error *error) {
    const get g = {l->table, l->key, l->hash, &l->bound, arena, &l->revision, error};
    const st_cached_block *apart;
    ST_TRY(find_apart(&g, l->apart_from, &l->apart, &apart, &l->revision.value));
    release(l);
    l->pinned = apart;
    l->apart.stored_len = 0;
    prefetch_value(l->revision.value);
    return STRATA_OK;
}

strata_status st_table_get_many(st_table_lookup *lookups, size_t count, st_arena *arena,
                                strata_error *error) {
    for (size_t i = 0; i < count; i++) {
        if (is_asked(&lookups[i])) {
            begin_lookup(&lookups[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (is_asked(&lookups[i])) {
            place_lookup(&lookups[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (is_asked(&lookups[i])) {
            ST_TRY(pin_lookup(&lookups[i], error));
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (is_asked(&lookups[i]) && lookups[i].pinned != NULL) {
            reach_lookup(&lookups[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (is_asked(&lookups[i]) && lookups[i].pinned != NULL) {
            open_lookup(&lookups[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (is_apart(&lookups[i])) {
            ST_TRY(finish_lookup(&lookups[i], arena, error));
        }
    }
    return STRATA_OK;
}

void st_table_release_many(st_table_lookup *lookups, size_t count) {
    for (size_t i = 0; i < count; i++) {
        release(&lookups[i]);
    }
}
