/* read.c - reads go through the sources of a run from the newest to the oldest: the writes of the
 * transaction, the memtables, the tables of level 0, the other levels.
 *
 * Invariants:
 * 1. All memtables are found before the view is loaded. A flush makes the view with the new table
 *    visible before it unlinks the memtable, so a reader finds the entries in the one, in the other
 *    or in both, and equal ones count once.
 * 2. For one key each source holds only newer versions than those after it (replayed versions that
 *    a table has too are equal), so a point read stops at the first source that answers.
 * 3. If retention removed versions of a key, its oldest one that is left carries a mark, and a read
 *    that finds only versions above its bound says history_trimmed instead of not there. Where
 *    nothing of a key is left, the floor of the run says up to where that may have happened (past.h).
 */
#include "store/read.h"

#include "store/past.h"
#include "store/store.h"

/* Numbers of the own writes of a transaction; above all commits. */
static uint64_t shown_number(uint64_t number) {
    return number >= ST_OWN_VERSIONS ? 0 : number;
}

/* Whether a reader at this bound finds a value in the revision. */
static strata_status check_live(st_reader *reader, const st_shard *shard, strata_slice key,
                                const st_bound *bound, const st_revision *revision, bool *live) {
    *live = !revision->deleted;
    if (revision->deleted || revision->expires_us == ST_NEVER) {
        return STRATA_OK;
    }
    if (bound->past && bound->time_us == INT64_MAX) {
        return st_past_check_ended(reader, shard, key, bound, revision, live);
    }
    const int64_t at_us =
        bound->time_us == INT64_MAX ? st_store_now((st_store *)reader->store) : bound->time_us;
    *live = revision->expires_us > at_us;
    return STRATA_OK;
}

static const st_view *current_view(const st_reader *reader) {
    return atomic_load_explicit((st_view * _Atomic *)&reader->store->view, memory_order_seq_cst);
}

/* ---- Scans ----------------------------------------------------------------------------------- */

void st_scan_end(st_scan *scan) {
    st_merge_release(&scan->merge);
    for (st_scan **link = &scan->reader->scans; *link != NULL; link = &(*link)->next) {
        if (*link == scan) {
            *link = scan->next;
            break;
        }
    }
    if (scan->range != NULL) {
        const st_overlay *overlay = scan->reader->overlay;
        /* It went to the key where it stands, that one included. */
        uint8_t above[ST_STORE_KEY_MAX + 1];
        strata_slice low = scan->low;
        strata_slice high = scan->high;
        if (scan->here && scan->reverse) {
            low = scan->key;
        } else if (scan->here) {
            memcpy(above, scan->key.data, scan->key.len);
            above[scan->key.len] = 0;
            high = st_slice(above, scan->key.len + 1);
        }
        overlay->range_end(overlay->ctx, scan->range, low, high);
        scan->range = NULL;
    }
    scan->here = false;
}

void st_reader_finish(st_reader *reader) {
    while (reader->scans != NULL) {
        st_scan_end(reader->scans);
    }
}

static st_source *add_source(st_scan *scan, size_t *count) {
    st_source *source = st_arena_alloc(scan->reader->arena, sizeof *source, 16);
    if (source != NULL) {
        source->rank = *count;
        scan->merge.sources[(*count)++] = source;
    }
    return source;
}

/* Whether the memtable can be left out. version_max is under the run's lock, and so is whoever asks
 * for newer versions only. */
static bool is_idle(const st_scan *scan, const st_memtable *table) {
    return atomic_load_explicit((_Atomic uint64_t *)&table->keys, memory_order_acquire) == 0 ||
           (scan->newer_than > 0 && table->version_max <= scan->newer_than);
}

static bool add_memtable(st_scan *scan, const st_memtable *table, size_t *count) {
    if (is_idle(scan, table)) {
        return true;
    }
    st_source *source = add_source(scan, count);
    if (source != NULL) {
        st_source_memtable(source, table);
    }
    return source != NULL;
}

/* Whether a table may hold entries of the run that the scan wants. */
static bool has_run(const st_scan *scan, const st_table *table, uint64_t run) {
    const st_table_info *info = st_table_about(table);
    return info->version_max > scan->newer_than && load64_be(info->first_key.data) <= run &&
           load64_be(info->last_key.data) >= run;
}

static bool add_tables(st_scan *scan, const st_view *view, uint64_t run, size_t *count) {
    for (unsigned i = 0; view != NULL && i < ST_LEVELS; i++) {
        const st_level *level = &view->levels[i];
        size_t first = 0;
        while (first < level->count) {
            size_t end = first + 1;
            if (!has_run(scan, level->tables[first], run)) {
                first++;
                continue;
            }
            while (i > 0 && end < level->count && has_run(scan, level->tables[end], run)) {
                end++;
            }
            st_source *source = add_source(scan, count);
            if (source == NULL) {
                return false;
            }
            st_source_tables(source, level->tables + first, end - first, run, scan->reader->error);
            first = end;
        }
    }
    return true;
}

/* The memtables of a run, newest first. */
typedef struct memtable_list {
    const st_memtable **tables;
    size_t count;
} memtable_list;

/* A flush may cut the list while it is walked; what is cut is in a view that can be loaded then. */
static bool list_memtables(st_reader *reader, const st_shard *shard, memtable_list *list) {
    const st_memtable *newest = st_shard_newest(shard);
    size_t most = 0;
    for (const st_memtable *table = newest; table != NULL; table = st_memtable_older(table)) {
        most++;
    }
    list->count = 0;
    list->tables = st_arena_alloc(reader->arena, most * sizeof(st_memtable *), 8);
    if (list->tables == NULL) {
        return false;
    }
    for (const st_memtable *table = newest; table != NULL; table = st_memtable_older(table)) {
        list->tables[list->count++] = table;
    }
    return true;
}

static bool add_sources(st_scan *scan, const st_overlay *overlay, const memtable_list *memtables,
                        const st_view *view, uint64_t run) {
    size_t *count = &scan->merge.count;
    if (overlay != NULL && !add_memtable(scan, overlay->own, count)) {
        return false;
    }
    for (size_t i = 0; i < memtables->count; i++) {
        if (!add_memtable(scan, memtables->tables[i], count)) {
            return false;
        }
    }
    return add_tables(scan, view, run, count);
}

static strata_status open_scan(st_scan *scan, st_reader *reader, const st_shard *shard,
                               const st_scan_range *range, const st_bound *bound) {
    const st_overlay *overlay =
        bound->own && reader->overlay != NULL && reader->overlay->shard == shard ? reader->overlay
                                                                                 : NULL;
    memtable_list memtables;
    if (!list_memtables(reader, shard, &memtables)) {
        return st_fail_memory(reader->error);
    }
    const st_view *view = current_view(reader); /* after the memtables */
    const size_t most = memtables.count + (overlay != NULL) + (view == NULL ? 0 : view->count);
    scan->here = false;
    scan->reader = reader;
    scan->bound = *bound;
    scan->low = range->low;
    scan->high = range->high;
    scan->reverse = range->reverse;
    scan->shard = shard;
    scan->range = NULL;
    st_merge_init(&scan->merge, st_arena_alloc(reader->arena, most * sizeof(st_source *), 8), 0);
    scan->next = reader->scans;
    reader->scans = scan;
    const bool good =
        scan->merge.sources != NULL &&
        (overlay == NULL ||
         overlay->range_begin(overlay->ctx, range->low, range->high, &scan->range) == STRATA_OK) &&
        add_sources(scan, overlay, &memtables, view, shard->run);
    return good ? STRATA_OK : st_fail_memory(reader->error);
}

static bool is_own(const st_revision *revision) {
    return revision->number >= ST_OWN_VERSIONS;
}

/* A version inside the bound, or written by the transaction itself. */
static bool is_visible(const st_scan *scan, const st_revision *revision) {
    return is_own(revision) ||
           st_bound_holds(&scan->bound, revision->number, revision->timestamp_us);
}

/* The merge stands at a version of scan->key: finds the visible one. *found false: there is none,
 * and the merge stands at the next key. Older versions may follow one that is marked:
 * those that a memtable has for a while besides (flush.c). */
static strata_status find_visible(st_scan *scan, bool *found) {
    st_merge *merge = &scan->merge;
    uint64_t oldest = 0;
    bool trimmed = false;
    *found = false;
    do {
        const st_revision *revision = &merge->top->revision;
        if (is_visible(scan, revision)) {
            *found = true;
            return STRATA_OK;
        }
        trimmed = trimmed || revision->trimmed;
        oldest = revision->number;
        ST_TRY(st_merge_next(merge));
    } while (st_merge_here(merge) && st_slice_equal(merge->top->key, scan->key));
    return trimmed ? st_past_fail(scan->reader, scan->shard->run, scan->key, &scan->bound, oldest)
                   : STRATA_OK;
}

/* The same, and only if there is a value. The merge stands there then. */
static strata_status find_live(st_scan *scan, bool *visible, bool *live) {
    *live = false;
    ST_TRY(find_visible(scan, visible));
    return *visible ? check_live(scan->reader, scan->shard, scan->key, &scan->bound,
                                 &scan->merge.top->revision, live)
                    : STRATA_OK;
}

static void keep_key(st_scan *scan, strata_slice key) {
    memcpy(scan->key_bytes, key.data, key.len);
    scan->key = st_slice(scan->key_bytes, key.len);
}

static void stand(st_scan *scan) {
    scan->here = true;
    scan->revision = scan->merge.top->revision;
    scan->revision.number = shown_number(scan->revision.number);
}

static strata_status settle_forward(st_scan *scan) {
    st_merge *merge = &scan->merge;
    scan->here = false;
    while (st_merge_here(merge)) {
        if (scan->high.len > 0 && st_slice_compare(merge->top->key, scan->high) >= 0) {
            return STRATA_OK;
        }
        bool visible;
        bool live;
        keep_key(scan, merge->top->key);
        ST_TRY(find_live(scan, &visible, &live));
        if (live) {
            stand(scan);
            return STRATA_OK;
        }
        if (visible) {
            ST_TRY(st_merge_skip(merge, scan->key));
        }
    }
    return STRATA_OK;
}

static strata_status settle_reverse(st_scan *scan, strata_slice above) {
    st_merge *merge = &scan->merge;
    scan->here = false;
    for (;;) {
        strata_slice before;
        bool found = false;
        bool live;
        ST_TRY(st_merge_before(merge, above, &before, &found));
        if (!found || st_slice_compare(before, scan->low) < 0) {
            return STRATA_OK;
        }
        keep_key(scan, before);
        ST_TRY(st_merge_seek(merge, scan->key, UINT64_MAX));
        ST_TRY(find_live(scan, &found, &live));
        if (live) {
            stand(scan);
            return STRATA_OK;
        }
        above = scan->key;
    }
}

strata_status st_scan_start(st_scan *scan, st_reader *reader, const st_shard *shard,
                            const st_scan_range *range, const st_bound *bound) {
    ST_ASSERT(!range->reverse || range->high.len > 0); /* a reverse scan starts somewhere */
    scan->newer_than = 0;
    ST_TRY(open_scan(scan, reader, shard, range, bound));
    if (bound->past) { /* after the sources: what they lack, the floor has */
        ST_TRY(st_past_check(reader, shard, range->low, range->high, bound));
    }
    if (range->reverse) {
        return settle_reverse(scan, scan->high);
    }
    ST_TRY(st_merge_seek(&scan->merge, range->low, UINT64_MAX));
    return settle_forward(scan);
}

strata_status st_scan_next(st_scan *scan) {
    if (scan->reverse) {
        return settle_reverse(scan, scan->key);
    }
    ST_TRY(st_merge_skip(&scan->merge, scan->key));
    return settle_forward(scan);
}

strata_status st_scan_value(st_scan *scan, strata_slice *value) {
    return st_merge_value(&scan->merge, value);
}

/* ---- Versions -------------------------------------------------------------------------------- */

static strata_status settle_versions(st_scan *scan) {
    st_merge *merge = &scan->merge;
    scan->here = false;
    while (st_merge_here(merge)) {
        if (scan->high.len > 0 && st_slice_compare(merge->top->key, scan->high) >= 0) {
            return STRATA_OK;
        }
        if (is_visible(scan, &merge->top->revision)) {
            keep_key(scan, merge->top->key);
            stand(scan);
            return STRATA_OK;
        }
        ST_TRY(st_merge_next(merge));
    }
    return STRATA_OK;
}

strata_status st_versions_since(st_scan *scan, st_reader *reader, const st_shard *shard,
                                const st_scan_range *range, uint64_t version) {
    const st_bound bound = st_bound_version(UINT64_MAX);
    scan->newer_than = version;
    ST_TRY(open_scan(scan, reader, shard, range, &bound));
    ST_TRY(st_merge_seek(&scan->merge, range->low, UINT64_MAX));
    return settle_versions(scan);
}

strata_status st_versions_start(st_scan *scan, st_reader *reader, const st_shard *shard,
                                const st_scan_range *range, uint64_t version) {
    const st_bound bound = st_bound_version(version);
    scan->newer_than = 0;
    ST_TRY(open_scan(scan, reader, shard, range, &bound));
    ST_TRY(st_merge_seek(&scan->merge, range->low, UINT64_MAX));
    return settle_versions(scan);
}

strata_status st_versions_next(st_scan *scan) {
    ST_TRY(st_merge_next(&scan->merge));
    return settle_versions(scan);
}

strata_status st_versions_next_key(st_scan *scan) {
    ST_TRY(st_merge_skip(&scan->merge, scan->key));
    return settle_versions(scan);
}

/* ---- Points ---------------------------------------------------------------------------------- */

static strata_status find_in_tables(st_reader *reader, const st_shard *shard, strata_slice key,
                                    const st_bound *bound, st_revision *revision, bool *found) {
    const st_view *view = current_view(reader);
    if (view == NULL || view->count == 0) {
        return STRATA_OK;
    }
    uint8_t bytes[ST_TABLE_KEY_MAX];
    store64_be(bytes, shard->run);
    memcpy(bytes + 8, key.data, key.len);
    const strata_slice wanted = st_slice(bytes, 8 + key.len);
    const uint64_t hash = st_table_hash(wanted);
    for (size_t i = 0; i < view->levels[0].count; i++) {
        ST_TRY(st_table_get(view->levels[0].tables[i], wanted, hash, bound, reader->arena, revision,
                            found, reader->error));
        if (*found) {
            return STRATA_OK;
        }
    }
    for (unsigned i = 1; i < ST_LEVELS; i++) {
        const st_table *table = st_level_find(&view->levels[i], wanted);
        if (table != NULL) {
            ST_TRY(st_table_get(table, wanted, hash, bound, reader->arena, revision, found,
                                reader->error));
        }
        if (*found) {
            return STRATA_OK;
        }
    }
    return STRATA_OK;
}

/* What is stored of the key. */
static strata_status read_stored(st_reader *reader, const st_shard *shard, strata_slice key,
                                 const st_bound *bound, st_revision *revision, bool *found) {
    *found = false;
    for (const st_memtable *table = st_shard_newest(shard); table != NULL;
         table = st_memtable_older(table)) {
        if (st_memtable_find(table, key, bound, revision)) {
            *found = true;
            return STRATA_OK;
        }
    }
    ST_TRY(find_in_tables(reader, shard, key, bound, revision, found));
    return *found || !bound->past ? STRATA_OK : st_past_check_key(reader, shard, key, bound);
}

/* Inside the transaction: its own write if there is one, else what is stored; and it is told. */
static strata_status read_overlaid(st_reader *reader, strata_slice key, const st_bound *bound,
                                   st_revision *revision, bool *found) {
    const st_overlay *overlay = reader->overlay;
    const st_bound all = st_bound_version(UINT64_MAX);
    if (st_memtable_find(overlay->own, key, &all, revision)) {
        revision->number = shown_number(revision->number);
        *found = true;
        return overlay->point(overlay->ctx, key, 0, true) == STRATA_OK
                   ? STRATA_OK
                   : st_fail_memory(reader->error);
    }
    ST_TRY(read_stored(reader, overlay->shard, key, bound, revision, found));
    return overlay->point(overlay->ctx, key, *found ? revision->number : 0, false) == STRATA_OK
               ? STRATA_OK
               : st_fail_memory(reader->error);
}

strata_status st_read(st_reader *reader, const st_shard *shard, strata_slice key,
                      const st_bound *bound, st_revision *revision, bool *found) {
    if (bound->own && reader->overlay != NULL && reader->overlay->shard == shard) {
        return read_overlaid(reader, key, bound, revision, found);
    }
    return read_stored(reader, shard, key, bound, revision, found);
}

strata_status st_read_live(st_reader *reader, const st_shard *shard, strata_slice key,
                           const st_bound *bound, st_revision *revision, bool *found) {
    ST_TRY(st_read(reader, shard, key, bound, revision, found));
    return *found ? check_live(reader, shard, key, bound, revision, found) : STRATA_OK;
}
