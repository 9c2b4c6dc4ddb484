/* table.c - an open table: its resident parts, and its blocks through the cache.
 *
 * Invariants
 * 1. What is resident was checked when the table was opened and does not change.
 * 2. A block is checked against the index when it is loaded; what is in the cache is sound.
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

st_table_frame st_table_value_frame(uint64_t apart_from, const st_apart *apart) {
    const st_table_frame frame = {.offset = apart_from + apart->at,
                                  .stored_len = apart->stored_len,
                                  .plain_len = apart->plain_len,
                                  .encoded = apart->encoded,
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
