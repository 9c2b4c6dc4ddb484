/* table.c - an open table: its resident parts, its blocks through the cache, single keys.
 *
 * A get asks the filter (one line of memory), the index (an array that the processor's cache
 * holds), the cache of blocks, and the hash table of the block (a line, then the entry and the head
 * of its group at once): on a table of 10^6 entries about four misses of memory, two of them at the
 * same time.
 *
 * Invariants
 * 1. What is resident was checked when the table was opened and does not change.
 * 2. A block is checked against the index when it is loaded; what is in the cache is sound.
 * 3. The newest version inside a bound of versions is in the block that the index names: between
 *    blocks of one key the index knows the version, not only the key. A bound of time may lead on
 *    into the blocks after it, as far as the key continues; those that are too new as a whole are
 *    passed over unread.
 *
 * A value that is kept apart is a record of the cache by itself, under the offset of its frame: an
 * embedding that is asked for brings itself into memory, not the 8 KiB around it. Searches of vectors
 * read embeddings of 1.5 KiB all over a table; with whole blocks a cache of one size held a fifth of
 * them. Values of more than ST_VALUE_CACHED_BYTES are read each time: one of a megabyte would push
 * hundreds of others out, and a read of it costs little more than its copy.
 * Rejected: cells of one size for them, as blocks have; most of each would be empty.
 */
#include "store/table/table_private.h"

#include "store/table/filter.h"

uint64_t st_table_hash(strata_slice key) {
    return st_filter_hash(key);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static strata_status open_properties(st_table *table, strata_error *error) {
    const st_table_footer *footer = &table->file.footer;
    const uint64_t end = footer->bytes - ST_TABLE_FOOTER_BYTES;
    /* What is skipped for later may take as much again. */
    const size_t most = 2 * (ST_TABLE_PROPERTIES_BYTES + (size_t)2 * ST_TABLE_KEY_MAX + 16);
    ST_TRY(st_table_read_section(&table->file, ST_FRAME_PROPERTIES, footer->properties, end, most,
                                 &table->properties_bytes, error));
    if (!st_table_properties_decode(st_buffer_slice(&table->properties_bytes),
                                    &table->properties)) {
        return st_table_corrupt(&table->file, footer->properties, "its properties are malformed",
                                error);
    }
    return STRATA_OK;
}

static strata_status open_index(st_table *table, strata_error *error) {
    const st_table_footer *footer = &table->file.footer;
    const uint64_t blocks_max = footer->index / ST_FRAME_BYTES;
    strata_buffer payload = {NULL, 0, 0, table->file.host};
    const char *what = NULL;
    if (table->properties.blocks > blocks_max) {
        return st_table_corrupt(&table->file, footer->properties,
                                "it says it has more blocks than it has room for", error);
    }
    strata_status status = st_table_read_section(
        &table->file, ST_FRAME_INDEX, footer->index, footer->filter,
        st_table_index_payload_max(table->properties.blocks), &payload, error);
    if (status == STRATA_OK) {
        status = st_table_index_load(&table->index, &table->file, &table->properties,
                                     st_buffer_slice(&payload), &what);
        if (what != NULL) {
            status = st_table_corrupt(&table->file, footer->index, what, error);
        } else if (status != STRATA_OK) {
            status = st_table_failed(&table->file, status, error);
        }
    }
    strata_buffer_free(&payload);
    return status;
}

static strata_status open_filter(st_table *table, strata_error *error) {
    const st_table_footer *footer = &table->file.footer;
    const size_t most = st_filter_bytes(table->properties.spans.keys, ST_FRAME_PAYLOAD_MAX);
    ST_TRY(st_table_read_section(&table->file, ST_FRAME_FILTER, footer->filter, footer->properties,
                                 most, &table->filter, error));
    if (table->filter.len == 0 || table->filter.len % ST_FILTER_LINE_BYTES != 0) {
        return st_table_corrupt(&table->file, footer->filter, "its filter has a wrong length",
                                error);
    }
    return STRATA_OK;
}

static void fill_info(st_table *table) {
    const st_spans *spans = &table->properties.spans;
    table->info = (st_table_info){.number = table->file.number,
                                  .bytes = table->file.footer.bytes,
                                  .entries = spans->entries,
                                  .keys = spans->keys,
                                  .version_min = spans->version_min,
                                  .version_max = spans->version_max,
                                  .time_min_us = spans->time_min_us,
                                  .time_max_us = spans->time_max_us,
                                  .expires_min_us = spans->expires_min_us,
                                  .first_key = table->properties.first_key,
                                  .last_key = table->properties.last_key};
}

strata_status st_table_open(const st_table_spec *spec, st_block_cache *cache, st_table **table,
                            strata_error *error) {
    const strata_allocator *memory = &spec->host->memory;
    const size_t path_size = strlen(spec->path) + 1;
    st_table *made = st_alloc_zeroed(memory, sizeof *made + path_size);
    if (made == NULL) {
        return st_fail_memory(error);
    }
    made->size = sizeof *made + path_size;
    memcpy(made->path, spec->path, path_size);
    made->cache = cache;
    made->properties_bytes.host = spec->host;
    made->filter.host = spec->host;
    strata_status status =
        st_table_file_open(&made->file, spec, st_block_cache_decoders(cache), error);
    made->file.path = made->path;
    if (status == STRATA_OK) {
        status = open_properties(made, error);
    }
    if (status == STRATA_OK) {
        status = open_index(made, error);
    }
    if (status == STRATA_OK && !spec->without_filter) {
        status = open_filter(made, error);
    }
    if (status != STRATA_OK) {
        st_table_close(made);
        return status;
    }
    fill_info(made);
    *table = made;
    return STRATA_OK;
}

void st_table_close(st_table *table) {
    if (table == NULL) {
        return;
    }
    st_block_cache_drop(table->cache, table->file.number);
    st_table_file_close(&table->file);
    st_table_index_free(&table->index);
    strata_buffer_free(&table->filter);
    strata_buffer_free(&table->properties_bytes);
    st_free(&table->file.host->memory, table, table->size);
}

const st_table_info *st_table_about(const st_table *table) {
    return &table->info;
}

size_t st_table_resident_bytes(const st_table *table) {
    return table->size + table->filter.cap + table->properties_bytes.cap +
           st_table_index_resident_bytes(&table->index);
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* The separator of a block, whole. */
static strata_slice separator_in(const st_table_index *index, const st_index_block *about,
                                 uint8_t bytes[ST_TABLE_KEY_MAX]) {
    const size_t prefix = index->prefix_len;
    memcpy(bytes, index->first.data, prefix);
    if (about->separator.len > 0) {
        memcpy(bytes + prefix, about->separator.data, about->separator.len);
    }
    return st_slice(bytes, prefix + about->separator.len);
}

void st_table_expect(const st_table *table, size_t place, st_table_block *block) {
    const st_table_index *index = &table->index;
    const st_spans *spans = index->spans;
    const st_index_block *about = &block->about;
    st_table_index_block(index, place, &block->about);
    block->expected = (st_block_expected){.offset = about->frame.offset,
                                          .apart_from = about->apart_from,
                                          .plain_len = about->frame.plain_len,
                                          .keys = about->keys,
                                          .heads = about->heads,
                                          .version_min = spans->version_min,
                                          .version_max = spans->version_max,
                                          .time_min_us = spans->time_min_us,
                                          .time_max_us = spans->time_max_us,
                                          .low = index->first,
                                          .low_version = about->separator_version,
                                          .high = index->last};
    if (place > 0) {
        block->expected.low = separator_in(index, about, block->low);
    }
    if (place + 1 < index->count) {
        st_index_block after;
        st_table_index_block(index, place + 1, &after);
        block->expected.high = separator_in(index, &after, block->high);
        block->expected.high_version = after.separator_version;
    }
}

strata_status st_table_load_block(const st_table *table, const st_table_block *block,
                                  st_table_window *window, uint8_t *memory, strata_error *error) {
    const st_index_block *about = &block->about;
    uint8_t *into = st_block_frame_in(memory, &block->expected);
    ST_TRY(window == NULL ? st_table_read_frame(&table->file, &about->frame, into, error)
                          : st_table_read_through(&table->file, window, about->apart_from,
                                                  &about->frame, into, error));
    const char *what = st_block_load(memory, &block->expected);
    return what == NULL ? STRATA_OK
                        : st_table_corrupt(&table->file, about->frame.offset, what, error);
}

/* What a reader of a cached block knows without touching it: where its hash table is. */
static uint64_t tag_of(const st_block *block) {
    return (uint64_t)block->slots_at << 32 | block->lines;
}

static strata_status cache_block(const st_table *table, size_t place,
                                 const st_cached_block **pinned, strata_error *error) {
    st_table_block block;
    size_t cap;
    st_table_expect(table, place, &block);
    const size_t room = st_block_room(&block.expected);
    uint8_t *bytes = st_block_cache_room(table->cache, room, &cap);
    if (bytes == NULL) {
        return st_table_failed(&table->file, STRATA_NO_MEMORY, error);
    }
    strata_status status = st_table_load_block(table, &block, NULL, bytes, error);
    if (status != STRATA_OK) {
        st_block_cache_give_back(table->cache, bytes, cap);
        return status;
    }
    const st_block_to_cache add = {.table = table->file.number,
                                   .offset = block.about.frame.offset,
                                   .bytes = bytes,
                                   .len = room,
                                   .cap = cap,
                                   .tag = tag_of(st_block_in(bytes))};
    status = st_block_cache_add(table->cache, &add, pinned);
    return status == STRATA_OK ? STRATA_OK : st_table_failed(&table->file, status, error);
}

strata_status st_table_pin_block(const st_table *table, size_t block,
                                 const st_cached_block **pinned, strata_error *error) {
    *pinned = st_block_cache_find(table->cache, table->file.number, table->index.offsets[block]);
    return ST_LIKELY(*pinned != NULL) ? STRATA_OK : cache_block(table, block, pinned, error);
}

st_table_frame st_table_value_frame(const st_index_block *about, const st_block_entry *entry) {
    const st_table_frame frame = {.offset = about->apart_from + entry->apart.at,
                                  .stored_len = entry->apart.stored_len,
                                  .plain_len = entry->apart.plain_len,
                                  .encoded = entry->apart.encoded,
                                  .kind = ST_FRAME_VALUE};
    return frame;
}

/* ---- Values kept apart ----------------------------------------------------------------------- */

static strata_status cache_value(const st_table *table, const st_table_frame *frame,
                                 st_table_window *window, const st_cached_block **pinned,
                                 strata_error *error) {
    const size_t room = ST_FRAME_BYTES + (size_t)frame->plain_len;
    size_t cap;
    uint8_t *bytes = st_block_cache_room(table->cache, room, &cap);
    if (bytes == NULL) {
        return st_table_failed(&table->file, STRATA_NO_MEMORY, error);
    }
    strata_status status =
        window == NULL
            ? st_table_read_frame(&table->file, frame, bytes, error)
            : st_table_read_through(&table->file, window, frame->offset, frame, bytes, error);
    if (status != STRATA_OK) {
        st_block_cache_give_back(table->cache, bytes, cap);
        return status;
    }
    const st_block_to_cache add = {.table = table->file.number,
                                   .offset = frame->offset,
                                   .bytes = bytes,
                                   .len = room,
                                   .cap = cap};
    status = st_block_cache_add(table->cache, &add, pinned);
    return status == STRATA_OK ? STRATA_OK : st_table_failed(&table->file, status, error);
}

strata_status st_table_pin_value(const st_table *table, const st_table_frame *frame,
                                 st_table_window *window, const st_cached_block **pinned,
                                 strata_error *error) {
    ST_ASSERT(frame->plain_len <= ST_VALUE_CACHED_BYTES);
    *pinned = st_block_cache_find(table->cache, table->file.number, frame->offset);
    return ST_LIKELY(*pinned != NULL) ? STRATA_OK
                                      : cache_value(table, frame, window, pinned, error);
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

static strata_status copy_apart(const get *g, size_t block, const st_block_entry *entry) {
    st_index_block about;
    st_table_index_block(&g->table->index, block, &about);
    const st_table_frame frame = st_table_value_frame(&about, entry);
    const size_t room = ST_FRAME_BYTES + (size_t)frame.plain_len;
    const bool cached = frame.plain_len <= ST_VALUE_CACHED_BYTES;
    const st_cached_block *pinned = NULL;
    if (cached) {
        ST_TRY(st_table_pin_value(g->table, &frame, NULL, &pinned, g->error));
    }
    uint8_t *bytes = st_arena_alloc(g->arena, room, 1);
    if (bytes != NULL && cached) {
        memcpy(bytes, pinned->bytes.data, room);
    }
    if (cached) {
        st_block_cache_unpin(g->table->cache, pinned);
    }
    if (bytes == NULL) {
        return no_memory_for_value(g);
    }
    if (!cached) {
        ST_TRY(st_table_read_frame(&g->table->file, &frame, bytes, g->error));
    }
    g->revision->value = st_slice(bytes + ST_FRAME_BYTES, frame.plain_len);
    return STRATA_OK;
}

static strata_status copy_out(const get *g, size_t place, const st_block *block,
                              const st_block_entry *entry) {
    st_revision *revision = g->revision;
    strata_slice value = st_slice("", 0);
    if ((entry->flags & ST_ENTRY_APART) != 0) {
        ST_TRY(copy_apart(g, place, entry));
        value = revision->value;
    } else if (entry->value_len > 0) {
        value = st_arena_copy(g->arena,
                              st_slice(st_block_bytes(block) + entry->value_at, entry->value_len));
        if (value.data == NULL) {
            return no_memory_for_value(g);
        }
    }
    *revision = (st_revision){.number = entry->number,
                              .timestamp_us = entry->timestamp_us,
                              .expires_us = entry->expires_us,
                              .deleted = (entry->flags & ST_ENTRY_DELETED) != 0,
                              .trimmed = (entry->flags & ST_ENTRY_TRIMMED) != 0,
                              .hole = (entry->flags & ST_ENTRY_HOLE) != 0,
                              .value = value};
    return STRATA_OK;
}

/* The newest version inside the bound, from the entry at `at` on. *ended: the block ended with
 * versions of the key that are too new. */
static strata_status get_from(const get *g, size_t place, const st_block *block, size_t at,
                              bool *found, bool *ended) {
    st_block_entry entry;
    *ended = false;
    st_block_decode(block, at, &entry);
    while (!st_bound_holds(g->bound, entry.number, entry.timestamp_us)) {
        *ended = entry.next >= block->end;
        if (*ended) {
            return STRATA_OK;
        }
        st_block_decode(block, (size_t)entry.next, &entry);
        if ((entry.flags & ST_ENTRY_SAME) == 0) {
            return STRATA_OK;
        }
    }
    const strata_status status = copy_out(g, place, block, &entry);
    *found = status == STRATA_OK;
    return status;
}

static strata_status get_in_block(const get *g, size_t place, bool *found, bool *ended) {
    const st_cached_block *pinned;
    *ended = false;
    ST_TRY(st_table_pin_block(g->table, place, &pinned, g->error));
    const st_block *block = st_block_in(pinned->bytes.data);
    const uint32_t *slots =
        (const uint32_t *)(const void *)((const uint8_t *)block + (pinned->tag >> 32));
    const size_t at =
        st_block_find(block, slots, (size_t)(pinned->tag & UINT32_MAX), g->key, g->hash);
    const strata_status status = at == 0 ? STRATA_OK : get_from(g, place, block, at, found, ended);
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
