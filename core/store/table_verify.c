/* table_verify.c - reading every byte of a table, and comparing all that it says of itself.
 *
 * Loading a block checks it against the index (block.c); opening checked the index against the
 * properties (table_index.c). What is left: that each value kept apart is there and belongs to
 * exactly one entry, that the spans and counts are not only wide enough but exact, that keys which
 * are said to continue do, and that the filter is the one of these keys. Nothing of the cache is
 * used, and nothing is put into it.
 */
#include "store/table_private.h"

#include "store/filter.h"

typedef struct verifier {
    const st_table *table;
    strata_error *error;
    st_index_block about; /* the block */
    st_spans spans;       /* of the table */
    st_spans block_spans;
    uint64_t values;
    uint64_t apart_end; /* of the values of this block, so far */
    uint8_t *filter;    /* of the keys so far */
    st_table_window window;
    strata_buffer memory; /* a block */
    strata_buffer value;
    st_block_cursor cursor;
    size_t last_len;
    uint8_t last_key[ST_TABLE_KEY_MAX]; /* of the block before */
    uint8_t key[ST_TABLE_KEY_MAX];
} verifier;

static strata_status corrupt(const verifier *v, const char *what) {
    return st_table_corrupt(&v->table->file, v->about.frame.offset, what, v->error);
}

static strata_status no_memory(const verifier *v) {
    return st_table_failed(&v->table->file, STRATA_NO_MEMORY, v->error);
}

static strata_status verify_value(verifier *v) {
    const st_table_frame frame = st_table_value_frame(&v->about, &v->cursor.entry);
    if (frame.offset != v->apart_end) {
        return corrupt(v, "values kept apart are not in the order of their keys");
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

static strata_status verify_entry(verifier *v, bool new_key, bool new_key_in_block) {
    const st_block_entry *entry = &v->cursor.entry;
    const st_revision revision = {.number = entry->number,
                                  .timestamp_us = entry->timestamp_us,
                                  .expires_us = entry->expires_us};
    st_spans_add(&v->spans, &revision, new_key);
    st_spans_add(&v->block_spans, &revision, new_key_in_block);
    if (new_key) {
        st_filter_add(v->filter, v->table->filter.len,
                      st_table_hash(st_slice(v->key, v->cursor.key_len)));
    }
    return (entry->flags & ST_ENTRY_APART) != 0 ? verify_value(v) : STRATA_OK;
}

static bool spans_agree(const st_spans *a, const st_spans *b) {
    return a->entries == b->entries && a->keys == b->keys && a->version_min == b->version_min &&
           a->version_max == b->version_max && a->time_min_us == b->time_min_us &&
           a->time_max_us == b->time_max_us;
}

static strata_status verify_entries(verifier *v, size_t place, const st_block *block) {
    const st_table_index *index = &v->table->index;
    const bool continues = index->refs[place].continues;
    v->apart_end = v->about.apart_from;
    st_spans_init(&v->block_spans);
    bool there = st_block_first(&v->cursor, block);
    const bool same = place > 0 && st_slice_equal(st_slice(v->key, v->cursor.key_len),
                                                  st_slice(v->last_key, v->last_len));
    if (same != continues) {
        return corrupt(v, "a key does not continue as the index says");
    }
    for (bool first = true; there; there = st_block_next(&v->cursor), first = false) {
        const bool new_in_block = (v->cursor.entry.flags & ST_ENTRY_SAME) == 0;
        ST_TRY(verify_entry(v, new_in_block && !(first && same), new_in_block));
    }
    v->last_len = v->cursor.key_len;
    memcpy(v->last_key, v->key, v->last_len);
    const st_spans said = {.entries = v->about.entries,
                           .keys = v->about.keys,
                           .version_min = v->about.version_min,
                           .version_max = v->about.version_max,
                           .time_min_us = v->about.time_min_us,
                           .time_max_us = v->about.time_max_us};
    if (!spans_agree(&said, &v->block_spans)) {
        return corrupt(v, "a block spans other versions or times than the index says");
    }
    return v->apart_end == v->about.frame.offset
               ? STRATA_OK
               : corrupt(v, "there are bytes before a block that belong to nothing");
}

static strata_status verify_block(verifier *v, size_t place) {
    st_block_expected expected;
    st_table_expect(v->table, place, &v->about, &expected);
    v->memory.len = 0;
    if (st_buffer_reserve(&v->memory, st_block_room(&expected)) != STRATA_OK) {
        return no_memory(v);
    }
    ST_TRY(
        st_table_load_block(v->table, &v->about, &expected, &v->window, v->memory.data, v->error));
    return verify_entries(v, place, st_block_in(v->memory.data));
}

static strata_status verify_blocks(verifier *v) {
    const st_table *table = v->table;
    const st_table_properties *properties = &table->properties;
    for (size_t place = 0; place < table->index.count; place++) {
        ST_TRY(verify_block(v, place));
        if (place == 0) {
            (void)st_block_first(&v->cursor, v->cursor.block);
            if (!st_slice_equal(st_slice(v->key, v->cursor.key_len), properties->first_key)) {
                return corrupt(v, "its first key is not the one it says");
            }
        }
    }
    if (!st_slice_equal(st_slice(v->last_key, v->last_len), properties->last_key)) {
        return corrupt(v, "its last key is not the one it says");
    }
    v->about.frame.offset = table->file.footer.properties;
    if (!spans_agree(&v->spans, &properties->spans) || v->values != properties->values ||
        v->spans.expires_min_us != properties->spans.expires_min_us) {
        return corrupt(v, "its properties are not those of its entries");
    }
    v->about.frame.offset = table->file.footer.filter;
    return memcmp(v->filter, table->filter.data, table->filter.len) == 0
               ? STRATA_OK
               : corrupt(v, "its filter is not that of its keys");
}

/* Header, footer, and what is in memory, once more from the file. */
static strata_status verify_rest(verifier *v) {
    const st_table_file *file = &v->table->file;
    const st_table_footer *footer = &file->footer;
    const struct {
        st_frame_kind kind;
        uint64_t offset;
        uint64_t end;
        const strata_buffer *kept; /* NULL: in another form */
    } parts[] = {
        {ST_FRAME_INDEX, footer->index, footer->filter, NULL},
        {ST_FRAME_FILTER, footer->filter, footer->properties, &v->table->filter},
        {ST_FRAME_PROPERTIES, footer->properties, footer->bytes - ST_TABLE_FOOTER_BYTES,
         &v->table->properties_bytes},
    };
    ST_TRY(st_table_file_check_ends(file, v->error));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const size_t most = parts[i].kept == NULL
                                ? st_table_index_payload_max(v->table->properties.blocks)
                                : parts[i].kept->len;
        v->value.len = 0;
        ST_TRY(st_table_read_section(file, parts[i].kind, parts[i].offset, parts[i].end, most,
                                     &v->value, v->error));
        if (parts[i].kept != NULL &&
            !st_slice_equal(st_buffer_slice(&v->value), st_buffer_slice(parts[i].kept))) {
            return st_table_corrupt(file, parts[i].offset, "it changed while it was open",
                                    v->error);
        }
    }
    return STRATA_OK;
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
    v->cursor.key = v->key;
    st_spans_init(&v->spans);
    v->filter = st_alloc_zeroed(&host->memory, table->filter.len);
    strata_status status = v->filter == NULL ? no_memory(v) : verify_rest(v);
    if (status == STRATA_OK) {
        status = verify_blocks(v);
    }
    st_free(&host->memory, v->filter, table->filter.len);
    strata_buffer_free(&v->window.bytes);
    strata_buffer_free(&v->memory);
    strata_buffer_free(&v->value);
    st_free(&host->memory, v, sizeof *v);
    return status;
}
