/* table_iter.c - walking through a table in order.
 *
 * An iterator stands in one block, which it keeps pinned or, when it reads past the cache, in
 * memory of its own. The key is put together in the iterator, so it outlives the block only until
 * the next move.
 *
 * Invariants
 * 1. here: the cursor stands at an entry of block number `block`, and key and revision are its.
 * 2. After a failure, or past the end, it stands nowhere and holds no block.
 *
 * The values kept apart that an iterator comes to first are read through the cache, as those of
 * single keys are, and a few at a time: a page that is listed again finds them there. Whoever has read
 * APART_CACHED of them in order is taken to go on; what follows is looked for in the cache, else read
 * many at a time, and not kept.
 */
#include "store/table/table_private.h"

enum {
    APART_CACHED = 16,
    /* Read ahead until then: a read of the storage costs as much as copying that. */
    APART_PIECE_BYTES = 16 << 10,
    /* Values of one block are side by side, with a block before those of the next: what lies no
     * further on is in order. */
    APART_NEAR_BYTES = 64 << 10,
};

void st_table_iter_init(st_table_iter *iter, const st_table *table, strata_error *error) {
    iter->table = table;
    iter->here = false;
    iter->key = st_slice(iter->key_bytes, 0);
    iter->error = error;
    iter->past_cache = false;
    iter->version_after = 0;
    iter->block = 0;
    iter->pinned = NULL;
    iter->own = (strata_buffer){.host = table == NULL ? NULL : table->file.host};
    iter->apart = iter->own;
    iter->apart_end = 0;
    iter->apart_run = 0;
    iter->window = (st_table_window){0, 0, iter->own};
    iter->cursor.key = iter->key_bytes;
}

static void unpin(st_table_iter *iter) {
    if (iter->pinned != NULL) {
        st_block_cache_unpin(iter->table->cache, iter->pinned);
        iter->pinned = NULL;
    }
}

static void stand_nowhere(st_table_iter *iter) {
    iter->here = false;
    unpin(iter);
}

void st_table_iter_release(st_table_iter *iter) {
    stand_nowhere(iter);
    strata_buffer_free(&iter->own);
    strata_buffer_free(&iter->window.bytes);
    strata_buffer_free(&iter->apart);
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static strata_status load_own(st_table_iter *iter, size_t place, const st_block **block) {
    st_table_block expect;
    st_table_expect(iter->table, place, &expect);
    iter->own.len = 0;
    if (st_buffer_reserve(&iter->own, st_block_room(&expect.expected)) != STRATA_OK) {
        return st_table_failed(&iter->table->file, STRATA_NO_MEMORY, iter->error);
    }
    ST_TRY(st_table_load_block(iter->table, &expect, &iter->window, iter->own.data, iter->error));
    *block = st_block_in(iter->own.data);
    return STRATA_OK;
}

/* Leaves the block it is in for that one. */
static strata_status enter(st_table_iter *iter, size_t place, const st_block **block) {
    stand_nowhere(iter);
    iter->block = place;
    if (iter->past_cache) {
        return load_own(iter, place, block);
    }
    const st_cached_block *pinned;
    ST_TRY(st_table_pin_block(iter->table, place, &pinned, iter->error));
    iter->pinned = pinned;
    *block = st_block_in(pinned->bytes.data);
    return STRATA_OK;
}

/* Shows the entry of the cursor. */
static inline void show(st_table_iter *iter) {
    const st_block_entry *entry = &iter->cursor.entry;
    iter->here = true;
    iter->key.len = iter->cursor.key_len;
    iter->revision.number = entry->number;
    iter->revision.timestamp_us = entry->timestamp_us;
    iter->revision.expires_us = entry->expires_us;
    iter->revision.deleted = (entry->flags & ST_ENTRY_DELETED) != 0;
    iter->revision.trimmed = (entry->flags & ST_ENTRY_TRIMMED) != 0;
    iter->revision.hole = (entry->flags & ST_ENTRY_HOLE) != 0;
    iter->revision.value = st_slice("", 0);
}

/* The first block from there on that has what version_after asks for. */
static size_t pass_over(const st_table_iter *iter, size_t place) {
    while (iter->version_after > 0 && place < iter->table->index.count) {
        st_index_block about;
        st_table_index_block(&iter->table->index, place, &about);
        if (about.version_high > iter->version_after) {
            break;
        }
        place++;
    }
    return place;
}

static strata_status enter_first(st_table_iter *iter, size_t place) {
    const st_block *block = NULL;
    place = pass_over(iter, place);
    if (place >= iter->table->index.count) {
        stand_nowhere(iter);
        return STRATA_OK;
    }
    ST_TRY(enter(iter, place, &block));
    (void)st_block_first(&iter->cursor, block);
    show(iter);
    return STRATA_OK;
}

/* ---- Moving ---------------------------------------------------------------------------------- */

strata_status st_table_iter_seek(st_table_iter *iter, strata_slice key, uint64_t number) {
    const st_block *block = NULL;
    size_t place;
    if (!st_table_index_find(&iter->table->index, key, number, &place)) {
        return enter_first(iter, 0);
    }
    if (pass_over(iter, place) != place) {
        return enter_first(iter, place + 1);
    }
    ST_TRY(enter(iter, place, &block));
    if (!st_block_seek(&iter->cursor, block, key, number)) {
        return enter_first(iter, place + 1);
    }
    show(iter);
    return STRATA_OK;
}

strata_status st_table_iter_next(st_table_iter *iter) {
    ST_ASSERT(iter->here);
    if (!st_block_next(&iter->cursor)) {
        return enter_first(iter, iter->block + 1);
    }
    show(iter);
    return STRATA_OK;
}

strata_status st_table_iter_next_key(st_table_iter *iter) {
    ST_ASSERT(iter->here);
    if (!st_block_next_key(&iter->cursor)) {
        return enter_first(iter, iter->block + 1);
    }
    show(iter);
    return STRATA_OK;
}

strata_status st_table_iter_seek_before(st_table_iter *iter, strata_slice key) {
    const st_block *block = NULL;
    size_t place;
    if (!st_table_index_find(&iter->table->index, key, UINT64_MAX, &place)) {
        stand_nowhere(iter);
        return STRATA_OK;
    }
    ST_TRY(enter(iter, place, &block));
    /* The separator may be below the block's first key; then the block before ends below `key`. */
    if (!st_block_seek_before(&iter->cursor, block, key)) {
        if (place == 0) {
            stand_nowhere(iter);
            return STRATA_OK;
        }
        ST_TRY(enter(iter, place - 1, &block));
        const bool there = st_block_seek_before(&iter->cursor, block, key);
        ST_ASSERT(there);
    }
    show(iter);
    return STRATA_OK;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* Tells how many values were read in order, and the window how far to read ahead. */
static void note_apart(st_table_iter *iter, const st_table_frame *frame) {
    const bool in_order =
        frame->offset >= iter->apart_end && frame->offset - iter->apart_end <= APART_NEAR_BYTES;
    iter->apart_run = in_order ? iter->apart_run + 1 : 0;
    iter->apart_end = frame->offset + ST_FRAME_BYTES + frame->stored_len;
    iter->window.piece =
        iter->past_cache || iter->apart_run >= APART_CACHED ? 0 : APART_PIECE_BYTES;
}

/* A value kept apart, to the place that was reserved for it. */
static strata_status read_apart(st_table_iter *iter, const st_table_frame *frame) {
    const st_table *table = iter->table;
    st_table_window *window = iter->past_cache || iter->apart_run > 0 ? &iter->window : NULL;
    const st_cached_block *pinned = NULL;
    if (!iter->past_cache && frame->plain_len <= ST_VALUE_CACHED_BYTES) {
        if (iter->apart_run < APART_CACHED) {
            ST_TRY(st_table_pin_value(table, frame, window, &pinned, iter->error));
        } else {
            pinned = st_block_cache_find(table->cache, table->file.number, frame->offset);
        }
    }
    if (pinned != NULL) {
        memcpy(iter->apart.data, pinned->bytes.data, pinned->bytes.len);
        st_block_cache_unpin(table->cache, pinned);
        return STRATA_OK;
    }
    return window == NULL ? st_table_read_frame(&table->file, frame, iter->apart.data, iter->error)
                          : st_table_read_through(&table->file, window, frame->offset, frame,
                                                  iter->apart.data, iter->error);
}

strata_status st_table_iter_value(st_table_iter *iter, strata_slice *value) {
    const st_block_entry *entry = &iter->cursor.entry;
    ST_ASSERT(iter->here);
    if ((entry->flags & ST_ENTRY_APART) == 0) {
        *value =
            entry->value_len == 0
                ? st_slice("", 0)
                : st_slice(st_block_bytes(iter->cursor.block) + entry->value_at, entry->value_len);
        return STRATA_OK;
    }
    st_index_block about;
    st_table_index_block(&iter->table->index, iter->block, &about);
    const st_table_frame frame = st_table_value_frame(about.apart_from, &entry->apart);
    iter->apart.len = 0;
    if (st_buffer_reserve(&iter->apart, ST_FRAME_BYTES + (size_t)frame.plain_len) != STRATA_OK) {
        return st_table_failed(&iter->table->file, STRATA_NO_MEMORY, iter->error);
    }
    note_apart(iter, &frame);
    ST_TRY(read_apart(iter, &frame));
    *value = st_slice(iter->apart.data + ST_FRAME_BYTES, frame.plain_len);
    return STRATA_OK;
}
