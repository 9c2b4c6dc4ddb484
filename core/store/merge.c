/* merge.c - a source is an iterator with one face; a merge stands at the least of its sources.
 *
 * Invariants:
 * 1. Between two moves the sources are in order of (key, newest version first), those that stand
 *    nowhere last; among equals the newer source, which has the lower rank, comes first. top is the
 *    first of them.
 * 2. When the merge moves on from an entry every source that stands at the same (key, number) moves.
 * 3. The entry is marked `trimmed` if any of them is: what a memtable has as well has no marks there.
 * A merge has a handful of sources (memtables, a few tables of level 0, one list a level), and one
 * of them is most often far larger than the others and comes first again: sorting it in costs one
 * comparison then. Rejected: a heap or a tree of losers, which pays from about sixteen sources on and
 * costs more below.
 */
#include "store/merge.h"

/* ---- Sources --------------------------------------------------------------------------------- */

void st_source_memtable(st_source *source, const st_memtable *table) {
    source->here = false;
    source->in_memory = true;
    source->capped = false;
    source->part = 0;
    st_memtable_iter_init(&source->as.memtable, table);
}

void st_source_tables(st_source *source, st_table *const *tables, size_t count, uint64_t run,
                      strata_error *error) {
    source->here = false;
    source->in_memory = false;
    source->capped = false;
    source->part = 0;
    source->as.tables.tables = tables;
    source->as.tables.count = count;
    source->as.tables.at = count;
    source->as.tables.run_bytes = run == UINT64_MAX ? 0 : sizeof source->as.tables.run;
    source->as.tables.run = run;
    source->as.tables.version_after = 0;
    st_table_iter_init(&source->as.tables.iter, count == 0 ? NULL : tables[0], error);
}

static void release(st_source *source) {
    if (!source->in_memory) {
        st_table_iter_release(&source->as.tables.iter);
    }
}

static void show_memtable(st_source *source) {
    const st_memtable_iter *iter = &source->as.memtable;
    source->here = iter->version != NULL;
    if (source->here) {
        source->key = st_leaf_key(iter->walk.leaf);
        st_version_read(iter->version, &source->revision);
    }
}

static void show_table(st_source *source) {
    const st_table_iter *iter = &source->as.tables.iter;
    const size_t cut = source->as.tables.run_bytes;
    source->here = iter->here && (cut == 0 || load64_be(iter->key.data) == source->as.tables.run);
    if (source->here) {
        source->key = st_slice((const uint8_t *)iter->key.data + cut, iter->key.len - cut);
        source->revision = iter->revision;
    }
}

/* The iterator goes to another table of the list, and stands nowhere there. */
static void open_table(st_source *source, size_t at) {
    strata_error *error = source->as.tables.iter.error;
    source->as.tables.at = at;
    st_table_iter_release(&source->as.tables.iter);
    st_table_iter_init(&source->as.tables.iter, source->as.tables.tables[at], error);
    source->as.tables.iter.version_after = source->as.tables.version_after;
}

/* The key of a source as tables have it. */
static strata_slice table_key(const st_source *source, strata_slice key,
                              uint8_t bytes[ST_TABLE_KEY_MAX + 1]) {
    const size_t head = source->as.tables.run_bytes;
    store64_be(bytes, source->as.tables.run);
    if (key.len > 0) {
        memcpy(bytes + head, key.data, key.len);
    }
    return st_slice(bytes, head + key.len);
}

static strata_slice first_key(const st_source *source, size_t at) {
    return st_table_about(source->as.tables.tables[at])->first_key;
}

static strata_status seek_tables(st_source *source, strata_slice key, uint64_t number) {
    uint8_t bytes[ST_TABLE_KEY_MAX + 1];
    const strata_slice wanted = table_key(source, key, bytes);
    const st_level list = {(st_table **)source->as.tables.tables, source->as.tables.count};
    const size_t at = st_level_seek(&list, wanted);
    source->here = false;
    if (at == source->as.tables.count) {
        source->as.tables.at = at;
        return STRATA_OK;
    }
    if (at != source->as.tables.at) {
        open_table(source, at);
    }
    ST_TRY(st_table_iter_seek(&source->as.tables.iter, wanted, number));
    if (!source->as.tables.iter.here && at + 1 < source->as.tables.count) {
        open_table(source, at + 1);
        ST_TRY(st_table_iter_seek(&source->as.tables.iter, wanted, number));
    }
    show_table(source);
    return STRATA_OK;
}

/* The iterator was moved; past the end of its table it goes on in the next one. */
static strata_status settle_in_tables(st_source *source) {
    if (!source->as.tables.iter.here && source->as.tables.at + 1 < source->as.tables.count) {
        open_table(source, source->as.tables.at + 1);
        ST_TRY(st_table_iter_seek(&source->as.tables.iter, first_key(source, source->as.tables.at),
                                  UINT64_MAX));
    }
    show_table(source);
    return STRATA_OK;
}

static strata_status next_in_tables(st_source *source) {
    ST_TRY(st_table_iter_next(&source->as.tables.iter));
    return settle_in_tables(source);
}

/* The last table that begins before the key. */
static strata_status before_in_tables(st_source *source, strata_slice key) {
    uint8_t bytes[ST_TABLE_KEY_MAX + 1];
    const strata_slice wanted = table_key(source, key, bytes);
    const st_level list = {(st_table **)source->as.tables.tables, source->as.tables.count};
    size_t at = st_level_seek(&list, wanted);
    source->here = false;
    if (at == source->as.tables.count || st_slice_compare(first_key(source, at), wanted) >= 0) {
        if (at == 0) {
            return STRATA_OK;
        }
        at--;
    }
    if (at != source->as.tables.at) {
        open_table(source, at);
    }
    ST_TRY(st_table_iter_seek_before(&source->as.tables.iter, wanted));
    show_table(source);
    return STRATA_OK;
}

static strata_status move_on(st_source *source) {
    if (source->in_memory) {
        st_memtable_iter_next(&source->as.memtable);
        show_memtable(source);
        return STRATA_OK;
    }
    return next_in_tables(source);
}

/* To the first entry from there on that is to be shown. */
static strata_status pass_over(st_source *source) {
    while (source->here && (source->revision.number > source->version_max ||
                            source->revision.timestamp_us > source->time_max_us)) {
        ST_TRY(move_on(source));
    }
    return STRATA_OK;
}

static strata_status show_capped(st_source *source) {
    return ST_UNLIKELY(source->capped) ? pass_over(source) : STRATA_OK;
}

static strata_status source_seek(st_source *source, strata_slice key, uint64_t number) {
    if (source->capped && number > source->version_max) {
        number = source->version_max;
    }
    if (source->in_memory) {
        st_memtable_iter_seek(&source->as.memtable, key, number);
        show_memtable(source);
    } else {
        ST_TRY(seek_tables(source, key, number));
    }
    return show_capped(source);
}

static strata_status source_next(st_source *source) {
    ST_TRY(move_on(source));
    return show_capped(source);
}

static strata_status source_before(st_source *source, strata_slice key) {
    if (source->in_memory) {
        st_memtable_iter_seek_before(&source->as.memtable, key);
        show_memtable(source);
        return STRATA_OK;
    }
    return before_in_tables(source, key);
}

static strata_status skip_in_tables(st_source *source, strata_slice key) {
    ST_TRY(st_table_iter_next_key(&source->as.tables.iter));
    ST_TRY(settle_in_tables(source));
    if (!source->here || !st_slice_equal(source->key, key)) {
        return STRATA_OK;
    }
    return seek_tables(source, key, 0); /* no version has the number 0 */
}

/* Past all versions of the key at which it stands. Those in other blocks are jumped over. */
static strata_status source_skip(st_source *source, strata_slice key) {
    if (source->in_memory) {
        st_memtable_iter_next_key(&source->as.memtable);
        show_memtable(source);
    } else {
        ST_TRY(skip_in_tables(source, key));
    }
    return show_capped(source);
}

/* ---- Merging --------------------------------------------------------------------------------- */

void st_merge_init(st_merge *merge, st_source **sources, size_t count) {
    merge->sources = sources;
    merge->count = count;
    merge->top = NULL;
    for (size_t i = 0; i < count; i++) {
        sources[i]->rank = i;
    }
}

void st_merge_release(st_merge *merge) {
    for (size_t i = 0; i < merge->count; i++) {
        release(merge->sources[i]);
    }
    merge->count = 0;
    merge->top = NULL;
}

static bool is_before(const st_source *a, const st_source *b) {
    if (!a->here || !b->here) {
        return a->here;
    }
    const int order = st_slice_compare(a->key, b->key);
    if (order != 0) {
        return order < 0;
    }
    return a->revision.number != b->revision.number ? a->revision.number > b->revision.number
                                                    : a->rank < b->rank;
}

static bool is_same(const st_source *source, const st_source *top) {
    return source->here && source->revision.number == top->revision.number &&
           st_slice_equal(source->key, top->key);
}

/* Puts the first `moved` sources into their places; those after them are in order. */
static void sort_in(st_merge *merge, size_t moved) {
    st_source **sources = merge->sources;
    for (size_t i = moved; i > 0; i--) {
        st_source *source = sources[i - 1];
        size_t at = i;
        while (at < merge->count && !is_before(source, sources[at])) {
            sources[at - 1] = sources[at];
            at++;
        }
        sources[at - 1] = source;
    }
    merge->top = merge->count > 0 && sources[0]->here ? sources[0] : NULL;
    for (size_t i = 1; merge->top != NULL && i < merge->count; i++) {
        if (!is_same(sources[i], merge->top)) {
            break;
        }
        merge->top->revision.trimmed |= sources[i]->revision.trimmed;
    }
}

strata_status st_merge_seek(st_merge *merge, strata_slice key, uint64_t number) {
    merge->top = NULL;
    for (size_t i = 0; i < merge->count; i++) {
        ST_TRY(source_seek(merge->sources[i], key, number));
    }
    sort_in(merge, merge->count);
    return STRATA_OK;
}

strata_status st_merge_next(st_merge *merge) {
    const st_source *top = merge->top;
    size_t same = 1;
    while (same < merge->count && is_same(merge->sources[same], top)) {
        same++;
    }
    for (size_t i = same; i > 0; i--) {
        ST_TRY(source_next(merge->sources[i - 1]));
    }
    sort_in(merge, same);
    return STRATA_OK;
}

strata_status st_merge_skip(st_merge *merge, strata_slice key) {
    size_t same = 1;
    while (same < merge->count && merge->sources[same]->here &&
           st_slice_equal(merge->sources[same]->key, key)) {
        same++;
    }
    for (size_t i = same; i > 0; i--) {
        ST_TRY(source_skip(merge->sources[i - 1], key));
    }
    sort_in(merge, same);
    return STRATA_OK;
}

strata_status st_merge_before(st_merge *merge, strata_slice key, strata_slice *before,
                              bool *found) {
    const st_source *last = NULL;
    merge->top = NULL;
    for (size_t i = 0; i < merge->count; i++) {
        st_source *source = merge->sources[i];
        ST_TRY(source_before(source, key));
        if (source->here && (last == NULL || st_slice_compare(source->key, last->key) > 0)) {
            last = source;
        }
    }
    *found = last != NULL;
    *before = last == NULL ? st_slice(NULL, 0) : last->key;
    return STRATA_OK;
}

strata_status st_merge_value(st_merge *merge, strata_slice *value) {
    st_source *top = merge->top;
    if (top->in_memory) {
        *value = top->revision.value;
        return STRATA_OK;
    }
    return st_table_iter_value(&top->as.tables.iter, value);
}
