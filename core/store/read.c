/* read.c - reads go through the sources of a run from the newest to the oldest: the writes of the
 * transaction, the memtables, the tables of level 0, the other levels.
 *
 * Invariants:
 * 1. Memtables are looked at before the view is loaded. A flush makes the view with the new table
 *    visible before it unlinks the memtable, so a reader finds the entries in the one, in the other
 *    or in both, and equal ones count once.
 * 2. For one key each source holds only newer versions than those after it (replayed versions that
 *    a table has too are equal), so a point read stops at the first source that answers.
 * 3. If retention removed versions of a key, its oldest one that is left carries a mark, and a read
 *    that finds only versions above its bound says history_trimmed instead of not there. Where
 *    nothing of a key is left, the store's floor says up to which version that may have happened.
 */
#include "store/read.h"

#include "store/store.h"

/* Numbers of the own writes of a transaction; above all commits. */
static uint64_t shown_number(uint64_t number) {
    return number >= ST_OWN_VERSIONS ? 0 : number;
}

static strata_status fail_trimmed(st_reader *reader, const st_bound *bound, uint64_t earliest) {
    st_fail(reader->error, STRATA_HISTORY_TRIMMED,
            "what was there then is no longer kept; the oldest version that is has the number %u",
            earliest);
    if (bound->version != UINT64_MAX) {
        st_fail_number(reader->error, "requested", (int64_t)bound->version);
    } else {
        st_fail_number(reader->error, "requested_time", bound->time_us);
    }
    return st_fail_number(reader->error, "earliest_retained", (int64_t)earliest);
}

/* Whether a reader at this bound finds a value in the revision. */
static bool is_live(const st_reader *reader, const st_bound *bound, const st_revision *revision) {
    if (revision->deleted || revision->expires_us == ST_NEVER || bound->keeps_expired) {
        return !revision->deleted;
    }
    const int64_t at_us =
        bound->time_us == INT64_MAX ? st_store_now((st_store *)reader->store) : bound->time_us;
    return revision->expires_us > at_us;
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

static bool add_memtables(st_scan *scan, const st_memtable *newest, size_t *count) {
    for (const st_memtable *table = newest; table != NULL; table = st_memtable_older(table)) {
        if (is_idle(scan, table)) {
            continue;
        }
        st_source *source = add_source(scan, count);
        if (source == NULL) {
            return false;
        }
        st_source_memtable(source, table);
    }
    return true;
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

static size_t count_memtables(const st_memtable *newest) {
    size_t count = 0;
    for (const st_memtable *table = newest; table != NULL; table = st_memtable_older(table)) {
        count++;
    }
    return count;
}

static strata_status open_scan(st_scan *scan, st_reader *reader, const st_shard *shard,
                               const st_scan_range *range, const st_bound *bound) {
    const st_overlay *overlay =
        bound->own && reader->overlay != NULL && reader->overlay->shard == shard ? reader->overlay
                                                                                 : NULL;
    const st_memtable *newest = st_shard_newest(shard);
    size_t most = count_memtables(newest) + (overlay != NULL);
    const st_view *view = current_view(reader);
    most += view == NULL ? 0 : view->count;
    scan->here = false;
    scan->reader = reader;
    scan->bound = *bound;
    scan->low = range->low;
    scan->high = range->high;
    scan->reverse = range->reverse;
    scan->published = st_shard_snapshot(shard);
    scan->range = NULL;
    st_merge_init(&scan->merge, st_arena_alloc(reader->arena, most * sizeof(st_source *), 8), 0);
    scan->next = reader->scans;
    reader->scans = scan;
    size_t count = 0;
    bool good = scan->merge.sources != NULL;
    if (good && overlay != NULL) {
        good =
            add_memtables(scan, overlay->own, &count) &&
            overlay->range_begin(overlay->ctx, range->low, range->high, &scan->range) == STRATA_OK;
    }
    good =
        good && add_memtables(scan, newest, &count) && add_tables(scan, view, shard->run, &count);
    scan->merge.count = count;
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

/* The merge stands at a version of scan->key that is not visible: finds an older one that is. *found
 * false: there is none, and the merge stands at the next key. */
static strata_status find_older(st_scan *scan, bool *found) {
    st_merge *merge = &scan->merge;
    *found = false;
    do {
        const st_revision *revision = &merge->top->revision;
        if (revision->trimmed) {
            return fail_trimmed(scan->reader, &scan->bound, revision->number);
        }
        ST_TRY(st_merge_next(merge));
        if (!st_merge_here(merge) || !st_slice_equal(merge->top->key, scan->key)) {
            return STRATA_OK;
        }
    } while (!is_visible(scan, &merge->top->revision));
    *found = true;
    return STRATA_OK;
}

/* The same from any version of scan->key. */
static strata_status find_visible(st_scan *scan, bool *found) {
    *found = is_visible(scan, &scan->merge.top->revision);
    return *found ? STRATA_OK : find_older(scan, found);
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
        bool found = false;
        keep_key(scan, merge->top->key);
        ST_TRY(find_visible(scan, &found));
        if (found && is_live(scan->reader, &scan->bound, &merge->top->revision)) {
            stand(scan);
            return STRATA_OK;
        }
        if (found) {
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
        ST_TRY(st_merge_before(merge, above, &before, &found));
        if (!found || st_slice_compare(before, scan->low) < 0) {
            return STRATA_OK;
        }
        keep_key(scan, before);
        ST_TRY(st_merge_seek(merge, scan->key, UINT64_MAX));
        ST_TRY(find_visible(scan, &found));
        if (found && is_live(scan->reader, &scan->bound, &merge->top->revision)) {
            stand(scan);
            return STRATA_OK;
        }
        above = scan->key;
    }
}

/* Whether something that was there at the bound may have gone without a trace. */
static strata_status check_floor(st_reader *reader, const st_bound *bound) {
    const uint64_t floor = st_store_floor(reader->store);
    if (bound->version >= floor && bound->time_us == INT64_MAX) {
        return STRATA_OK;
    }
    if (bound->time_us != INT64_MAX && bound->time_us >= st_store_floor_us(reader->store)) {
        return STRATA_OK;
    }
    return fail_trimmed(reader, bound, floor);
}

strata_status st_scan_start(st_scan *scan, st_reader *reader, const st_shard *shard,
                            const st_scan_range *range, const st_bound *bound) {
    ST_ASSERT(!range->reverse || range->high.len > 0); /* a reverse scan starts somewhere */
    scan->newer_than = 0;
    ST_TRY(check_floor(reader, bound));
    ST_TRY(open_scan(scan, reader, shard, range, bound));
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
    const st_bound bound = {UINT64_MAX, INT64_MAX, true, false};
    scan->newer_than = version;
    ST_TRY(open_scan(scan, reader, shard, range, &bound));
    ST_TRY(st_merge_seek(&scan->merge, range->low, UINT64_MAX));
    return settle_versions(scan);
}

strata_status st_versions_start(st_scan *scan, st_reader *reader, const st_shard *shard,
                                const st_scan_range *range, uint64_t version) {
    const st_bound bound = {version, INT64_MAX, true, false};
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

/* Nothing of the key was found inside a bound in the past: because it was not there, or because it
 * is no longer kept? */
static strata_status check_trimmed(st_reader *reader, const st_shard *shard, strata_slice key,
                                   const st_bound *bound) {
    uint8_t above[ST_STORE_KEY_MAX + 1];
    memcpy(above, key.data, key.len);
    above[key.len] = 0;
    const st_scan_range range = {key, st_slice(above, key.len + 1), false};
    st_reader untracked = *reader;
    untracked.overlay = NULL;
    untracked.scans = NULL;
    st_scan *scan = st_arena_alloc(reader->arena, sizeof *scan, 16);
    if (scan == NULL) {
        return st_fail_memory(reader->error);
    }
    ST_TRY(check_floor(reader, bound));
    strata_status status = st_versions_start(scan, &untracked, shard, &range, UINT64_MAX);
    while (status == STRATA_OK && scan->here) {
        if (scan->revision.trimmed) {
            status = fail_trimmed(reader, bound, scan->revision.number);
            break;
        }
        status = st_versions_next(scan);
    }
    st_reader_finish(&untracked);
    return status;
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
    const bool past = bound->version < st_shard_snapshot(shard) || bound->time_us != INT64_MAX;
    return *found || !past ? STRATA_OK : check_trimmed(reader, shard, key, bound);
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
    *found = *found && is_live(reader, bound, revision);
    return STRATA_OK;
}
