/* table_verify.c - reading every byte of a table, and comparing all that it says of itself.
 *
 * Loading a block checks it against the resident index (block.c), which was checked against the
 * properties when the table was opened (table_index.c). What is left: that each value kept apart is
 * there and belongs to exactly one entry, and that index, filter and properties are, to the last
 * byte, those that the builder would make of these entries; so they are made again, and compared.
 * Nothing of the cache is used, and nothing is put into it.
 */
#include "store/table/table_private.h"

#include "store/floor.h"
#include "store/table/filter.h"

typedef struct verifier {
    const st_table *table;
    strata_error *error;
    st_table_block block; /* the one that is read */
    st_spans spans;       /* of the table */
    st_spans block_spans;
    bool first_fits; /* the first key is the one that the properties name */
    uint64_t values;
    uint64_t apart_end; /* of the values of this block, so far */
    uint8_t *filter;    /* of the keys so far */
    size_t filter_bytes;
    st_index_builder index; /* of the blocks so far */
    strata_buffer part;     /* index, filter or properties, as stored */
    st_table_window window;
    strata_buffer memory; /* a block */
    strata_buffer value;
    st_block_cursor cursor;
    uint64_t last_number; /* of the last entry of the block before */
    size_t last_len;
    uint8_t last_key[ST_TABLE_KEY_MAX];
    uint8_t key[ST_TABLE_KEY_MAX];
} verifier;

static strata_status corrupt(const verifier *v, uint64_t offset, const char *what) {
    return st_table_corrupt(&v->table->file, offset, what, v->error);
}

static strata_status no_memory(const verifier *v) {
    return st_table_failed(&v->table->file, STRATA_NO_MEMORY, v->error);
}

/* ---- Entries --------------------------------------------------------------------------------- */

static strata_status verify_value(verifier *v) {
    const st_table_frame frame =
        st_table_value_frame(v->block.about.apart_from, &v->cursor.entry.apart);
    if (frame.offset != v->apart_end) {
        return corrupt(v, frame.offset, "values kept apart are not in the order of their keys");
    }
    v->value.len = 0;
    if (st_buffer_reserve(&v->value, ST_FRAME_BYTES + (size_t)frame.plain_len) != STRATA_OK) {
        return no_memory(v);
    }
    ST_TRY(st_table_read_through(&v->table->file, &v->window, frame.offset, &frame, v->value.data,
                                 v->error));
    v->apart_end = frame.offset + ST_FRAME_BYTES + frame.stored_len;
    v->values++;
    return STRATA_OK;
}

/* The one value that the store itself has to understand, or it could not merge the table. */
static bool is_good_floor(const verifier *v) {
    const st_block_entry *entry = &v->cursor.entry;
    const strata_slice value =
        st_slice(st_block_bytes(v->cursor.block) + entry->value_at, entry->value_len);
    st_floor floor;
    return (entry->flags & (ST_ENTRY_DELETED | ST_ENTRY_APART)) == 0 &&
           st_floor_decode(value, &floor);
}

static strata_status verify_entry(verifier *v, bool new_key, bool new_key_in_block) {
    const st_block_entry *entry = &v->cursor.entry;
    const st_revision revision = {.number = entry->number,
                                  .timestamp_us = entry->timestamp_us,
                                  .expires_us = entry->expires_us};
    st_spans_add(&v->spans, &revision, new_key);
    st_spans_add(&v->block_spans, &revision, new_key_in_block);
    if (new_key) {
        st_filter_add(v->filter, v->filter_bytes,
                      st_table_hash(st_slice(v->key, v->cursor.key_len)));
    }
    if (v->key[8] == ST_TAG_FLOOR && !is_good_floor(v)) {
        return corrupt(v, v->block.about.frame.offset, "it has a floor that is malformed");
    }
    return (entry->flags & ST_ENTRY_APART) != 0 ? verify_value(v) : STRATA_OK;
}

/* What the builder says of a block to the index, but for the spans; the cursor stands at its first
 * entry. */
static st_index_add describe(const verifier *v, size_t place) {
    const st_index_block *about = &v->block.about;
    size_t shared = 0;
    while (shared < v->last_len && shared < v->cursor.key_len &&
           v->last_key[shared] == v->key[shared]) {
        shared++;
    }
    const bool same = place > 0 && shared == v->cursor.key_len && shared == v->last_len;
    const size_t separator_len = place == 0 ? 0 : same ? shared : shared + 1;
    const st_index_add add = {.frame = about->frame,
                              .apart_bytes = about->frame.offset - about->apart_from,
                              .spans = &v->block_spans,
                              .heads = about->heads,
                              .separator = st_slice(v->key, separator_len),
                              .continues = same,
                              .separator_version = v->last_number - 1};
    return add;
}

static strata_status verify_entries(verifier *v, size_t place, const st_block *block) {
    const st_index_block *about = &v->block.about;
    uint8_t separator[ST_TABLE_KEY_MAX];
    v->apart_end = about->apart_from;
    st_spans_init(&v->block_spans);
    bool there = st_block_first(&v->cursor, block);
    if (place == 0) {
        v->first_fits =
            st_slice_equal(st_slice(v->key, v->cursor.key_len), v->table->properties.first_key);
    }
    st_index_add add = describe(v, place);
    memcpy(separator, v->key, add.separator.len);
    add.separator.data = separator;
    for (bool first = true; there; there = st_block_next(&v->cursor), first = false) {
        const bool new_in_block = (v->cursor.entry.flags & ST_ENTRY_SAME) == 0;
        ST_TRY(verify_entry(v, new_in_block && !(first && add.continues), new_in_block));
    }
    if (v->apart_end != about->frame.offset) {
        return corrupt(v, v->apart_end, "there are bytes before a block that belong to nothing");
    }
    v->last_number = v->cursor.entry.number;
    v->last_len = v->cursor.key_len;
    memcpy(v->last_key, v->key, v->last_len);
    return st_index_builder_add(&v->index, &add) == STRATA_OK ? STRATA_OK : no_memory(v);
}

static strata_status verify_blocks(verifier *v) {
    const st_table *table = v->table;
    for (size_t place = 0; place < table->index.count; place++) {
        st_table_expect(table, place, &v->block);
        v->memory.len = 0;
        if (st_buffer_reserve(&v->memory, st_block_room(&v->block.expected)) != STRATA_OK) {
            return no_memory(v);
        }
        ST_TRY(st_table_load_block(table, &v->block, &v->window, v->memory.data, v->error));
        ST_TRY(verify_entries(v, place, st_block_in(v->memory.data)));
    }
    return STRATA_OK;
}

/* ---- The rest -------------------------------------------------------------------------------- */

static strata_status read_part(verifier *v, st_frame_kind kind, uint64_t offset, uint64_t end,
                               size_t most) {
    v->part.len = 0;
    return st_table_read_section(&v->table->file, kind, offset, end, most, &v->part, v->error);
}

static strata_status verify_index(verifier *v) {
    const st_table_footer *footer = &v->table->file.footer;
    const size_t most = st_table_index_payload_max(v->table->properties.blocks);
    ST_TRY(read_part(v, ST_FRAME_INDEX, footer->index, footer->filter, most));
    return st_slice_equal(st_buffer_slice(&v->part), st_buffer_slice(&v->index.bytes))
               ? STRATA_OK
               : corrupt(v, footer->index, "its index is not that of its entries");
}

static strata_status read_filter(verifier *v) {
    const st_table_footer *footer = &v->table->file.footer;
    const size_t most = st_filter_bytes(v->table->properties.spans.keys, ST_FRAME_PAYLOAD_MAX);
    ST_TRY(read_part(v, ST_FRAME_FILTER, footer->filter, footer->properties, most));
    return v->part.len > 0 && v->part.len % ST_FILTER_LINE_BYTES == 0
               ? STRATA_OK
               : corrupt(v, footer->filter, "its filter has a wrong length");
}

static strata_status verify_filter(verifier *v) {
    ST_TRY(read_filter(v));
    return st_slice_equal(st_buffer_slice(&v->part), st_slice(v->filter, v->filter_bytes))
               ? STRATA_OK
               : corrupt(v, v->table->file.footer.filter, "its filter is not that of its keys");
}

static bool spans_agree(const st_spans *a, const st_spans *b) {
    return a->entries == b->entries && a->keys == b->keys && a->version_min == b->version_min &&
           a->version_max == b->version_max && a->time_min_us == b->time_min_us &&
           a->time_max_us == b->time_max_us && a->expires_min_us == b->expires_min_us;
}

/* What is in memory, from when the table was opened, is what the file has and what the entries say. */
static strata_status verify_properties(verifier *v) {
    const st_table *table = v->table;
    const st_table_footer *footer = &table->file.footer;
    const st_table_properties *properties = &table->properties;
    const strata_slice kept = st_buffer_slice(&table->properties_bytes);
    ST_TRY(read_part(v, ST_FRAME_PROPERTIES, footer->properties,
                     footer->bytes - ST_TABLE_FOOTER_BYTES, kept.len));
    if (!st_slice_equal(st_buffer_slice(&v->part), kept)) {
        return corrupt(v, footer->properties, "it changed while it was open");
    }
    return spans_agree(&v->spans, &properties->spans) && v->values == properties->values &&
                   v->first_fits &&
                   st_slice_equal(st_slice(v->last_key, v->last_len), properties->last_key)
               ? STRATA_OK
               : corrupt(v, footer->properties, "its properties are not those of its entries");
}

static strata_status verify_all(verifier *v) {
    const st_table_file *file = &v->table->file;
    ST_TRY(st_table_file_check_ends(file, v->error));
    ST_TRY(read_filter(v));
    v->filter_bytes = v->part.len;
    v->filter = st_alloc_zeroed(&file->host->memory, v->filter_bytes);
    if (v->filter == NULL) {
        return no_memory(v);
    }
    ST_TRY(verify_blocks(v));
    ST_TRY(verify_index(v));
    ST_TRY(verify_filter(v));
    return verify_properties(v);
}

strata_status st_table_verify(const st_table *table, strata_error *error) {
    const strata_host *host = table->file.host;
    verifier *v = st_alloc_zeroed(&host->memory, sizeof *v);
    if (v == NULL) {
        return st_fail_memory(error);
    }
    v->table = table;
    v->error = error;
    v->window.bytes.host = host;
    v->memory.host = host;
    v->value.host = host;
    v->part.host = host;
    v->cursor.key = v->key;
    st_spans_init(&v->spans);
    st_index_builder_init(&v->index, host);
    const strata_status status = verify_all(v);
    st_free(&host->memory, v->filter, v->filter_bytes);
    st_index_builder_free(&v->index);
    strata_buffer_free(&v->window.bytes);
    strata_buffer_free(&v->memory);
    strata_buffer_free(&v->value);
    strata_buffer_free(&v->part);
    st_free(&host->memory, v, sizeof *v);
    return status;
}
