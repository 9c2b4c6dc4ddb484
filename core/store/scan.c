/* scan.c - keys in order, and the versions of keys: the sources of a run, and of the runs that it was
 * forked from, merged.
 *
 * Invariants:
 * 1. All memtables of all runs of the chain are found before the view is loaded (read.c).
 * 2. The sources of a base show nothing above the point of its fork (st_source_cap), so that in the merge
 *    the newest version of a key that is inside the bound comes first, whichever run has it.
 * 3. Where a run of the chain had versions that are no longer kept, and one of those may be the one that
 *    is asked for, what its base has is not an answer.
 * 4. Of a run that was deleted there is what its forks see and no history: of each key at most the
 *    version that is seen.
 * Cost: a chain of n forks merges the sources of n runs, those that are empty left out.
 */
#include "store/read_private.h"

#include "store/past.h"

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

/* ---- Opening --------------------------------------------------------------------------------- */

typedef struct opening {
    const st_shard *shard;
    const st_scan_range *range;
    st_bound bound;
    uint64_t newer_than; /* sources without a newer version are left out */
    bool only_own;       /* of the run; nothing of what it was forked from */
    bool locked;         /* the run is */
} opening;

/* One run of the chain. */
typedef struct strand {
    st_run_part part; /* of the bound */
    bool gone;        /* it was deleted */
    /* What its forks, up to the run that is scanned, see of it. */
    uint64_t version_max;
    int64_t time_max_us;
    const st_memtable **memtables; /* newest first */
    size_t memtable_count;
} strand;

/* A flush may cut the list while it is walked; what is cut is in a view that can be loaded then. */
static bool list_memtables(const st_reader *reader, strand *of) {
    const st_memtable *newest = st_shard_newest(of->part.shard);
    size_t most = 0;
    for (const st_memtable *table = newest; table != NULL; table = st_memtable_older(table)) {
        most++;
    }
    of->memtable_count = 0;
    of->memtables = st_arena_alloc(reader->arena, most * sizeof(st_memtable *), 8);
    if (of->memtables == NULL) {
        return false;
    }
    for (const st_memtable *table = newest; table != NULL; table = st_memtable_older(table)) {
        of->memtables[of->memtable_count++] = table;
    }
    return true;
}

/* The runs that the scan goes through. */
static bool list_strands(st_scan *scan, const opening *o) {
    const st_bound *bound = &o->bound;
    size_t most = 1;
    for (const st_shard *shard = o->shard; shard->base != NULL && !o->only_own;
         shard = shard->base) {
        most++;
    }
    scan->strand_count = 0;
    scan->strands = st_arena_alloc(scan->reader->arena, most * sizeof *scan->strands, 8);
    if (scan->strands == NULL) {
        return false;
    }
    const st_run_part first = st_run_part_first(o->shard, bound);
    strand next = {.part = st_run_part_of_run(o->shard, &scan->bound),
                   .version_max = UINT64_MAX,
                   .time_max_us = INT64_MAX};
    bool here = o->only_own;
    for (bool more = true; more;) {
        const st_shard *shard = next.part.shard;
        here = here || shard == first.shard;
        if (here) {
            next.gone = next.part.is_base && st_store_shows_gone(scan->reader->store, shard);
            if (!list_memtables(scan->reader, &next)) {
                return false;
            }
            scan->strands[scan->strand_count++] = next;
        }
        next.version_max =
            shard->base_version < next.version_max ? shard->base_version : next.version_max;
        next.time_max_us = shard->base_us < next.time_max_us ? shard->base_us : next.time_max_us;
        more = !o->only_own && st_run_part_next(&next.part);
    }
    return true;
}

static st_source *add_source(st_scan *scan, size_t place) {
    st_source *source = st_arena_alloc(scan->reader->arena, sizeof *source, 16);
    if (source != NULL) {
        scan->merge.sources[scan->merge.count++] = source;
        source->part = place;
    }
    return source;
}

/* The part and the cap of a source that was made. */
static void place_source(const st_scan *scan, st_source *source, size_t place) {
    const strand *of = &scan->strands[place];
    source->part = place;
    st_source_cap(source, of->version_max, of->time_max_us);
}

/* Whether the memtable can be left out. version_max is under the run's lock while it takes writes. */
static bool is_idle(const st_scan *scan, const opening *o, const st_memtable *table, bool frozen) {
    return atomic_load_explicit((_Atomic uint64_t *)&table->keys, memory_order_acquire) == 0 ||
           (scan->newer_than > 0 && (frozen || o->locked) &&
            table->version_max <= scan->newer_than);
}

static bool add_memtable(st_scan *scan, const st_memtable *table, size_t place) {
    st_source *source = add_source(scan, place);
    if (source != NULL) {
        st_source_memtable(source, table);
        place_source(scan, source, place);
    }
    return source != NULL;
}

/* Whether a table may hold entries of the run that the scan wants. */
static bool has_run(const st_scan *scan, const st_table *table, uint64_t run) {
    const st_table_info *info = st_table_about(table);
    return info->version_max > scan->newer_than && load64_be(info->first_key.data) <= run &&
           load64_be(info->last_key.data) >= run;
}

/* Lists of tables of one run: calls for each as long as that returns true. */
static bool add_tables(st_scan *scan, const st_view *view, size_t place, size_t *count) {
    const uint64_t run = scan->strands[place].part.shard->run;
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
            if (count != NULL) {
                (*count)++;
            } else {
                st_source *source = add_source(scan, place);
                if (source == NULL) {
                    return false;
                }
                st_source_tables(source, level->tables + first, end - first, run,
                                 scan->reader->error);
                source->as.tables.version_after = scan->after;
                place_source(scan, source, place);
            }
            first = end;
        }
    }
    return true;
}

/* The most sources that there can be. */
static size_t count_sources(st_scan *scan, const st_view *view) {
    size_t count = 1; /* of the transaction */
    for (size_t i = 0; i < scan->strand_count; i++) {
        count += scan->strands[i].memtable_count;
        (void)add_tables(scan, view, i, &count);
    }
    return count;
}

static bool add_sources(st_scan *scan, const opening *o, const st_overlay *overlay,
                        const st_view *view) {
    if (overlay != NULL && overlay->own != NULL &&
        atomic_load_explicit((_Atomic uint64_t *)&overlay->own->keys, memory_order_acquire) > 0) {
        if (!add_memtable(scan, overlay->own, 0)) {
            return false;
        }
        st_source_cap(scan->merge.sources[0], UINT64_MAX, INT64_MAX);
    }
    for (size_t i = 0; i < scan->strand_count; i++) {
        const strand *of = &scan->strands[i];
        for (size_t j = 0; j < of->memtable_count; j++) {
            if (!is_idle(scan, o, of->memtables[j], j > 0) &&
                !add_memtable(scan, of->memtables[j], i)) {
                return false;
            }
        }
        if (!add_tables(scan, view, i, NULL)) {
            return false;
        }
    }
    return true;
}

static strata_status open_scan(st_scan *scan, st_reader *reader, const opening *o) {
    const st_overlay *overlay =
        o->bound.own && reader->overlay != NULL && reader->overlay->shard == o->shard
            ? reader->overlay
            : NULL;
    const st_scan_range *range = o->range;
    scan->here = false;
    scan->reader = reader;
    scan->bound = o->bound;
    scan->newer_than = o->newer_than;
    scan->low = range->low;
    scan->high = range->high;
    scan->reverse = range->reverse;
    scan->range = NULL;
    scan->key = st_slice(scan->key_bytes, 0);
    scan->gone_strand = SIZE_MAX;
    st_merge_init(&scan->merge, NULL, 0);
    if (!list_strands(scan, o)) {
        return st_fail_memory(reader->error);
    }
    const st_view *view = st_reader_view(reader); /* after the memtables */
    const size_t most = count_sources(scan, view);
    st_merge_init(&scan->merge, st_arena_alloc(reader->arena, most * sizeof(st_source *), 8), 0);
    scan->next = reader->scans;
    reader->scans = scan;
    const bool good =
        scan->merge.sources != NULL &&
        (overlay == NULL ||
         overlay->range_begin(overlay->ctx, range->low, range->high, &scan->range) == STRATA_OK) &&
        add_sources(scan, o, overlay, view);
    for (size_t i = 0; good && i < scan->merge.count; i++) {
        scan->merge.sources[i]->rank = i;
    }
    return good ? STRATA_OK : st_fail_memory(reader->error);
}

/* Whether what is asked for in the past is still there: after the sources are opened, as what they
 * lack the floors have. */
static strata_status check_past(const st_scan *scan) {
    for (size_t i = 0; i < scan->strand_count; i++) {
        const st_run_part *part = &scan->strands[i].part;
        if (part->bound.past) {
            ST_TRY(st_past_check_gone(scan->reader, part, scan->low));
            ST_TRY(st_past_check(scan->reader, part, scan->low, scan->high));
        }
    }
    return STRATA_OK;
}

/* ---- Live keys ------------------------------------------------------------------------------- */

static bool is_own(const st_revision *revision) {
    return revision->number >= ST_OWN_VERSIONS;
}

/* A version inside the bound, or written by the transaction itself. */
static bool is_visible(const st_scan *scan, const st_revision *revision) {
    return is_own(revision) ||
           st_bound_holds(&scan->bound, revision->number, revision->timestamp_us);
}

static strata_status fail_trimmed(const st_scan *scan, size_t place, uint64_t earliest) {
    return st_past_fail_part(scan->reader, &scan->strands[place].part, scan->key, earliest);
}

/* The merge stands at a version of scan->key: finds the visible one. *found false: there is none,
 * and the merge stands at the next key. Older versions of a run may follow one that is marked:
 * those that a memtable has for a while besides (flush.c). */
static strata_status find_visible(st_scan *scan, bool *found) {
    st_merge *merge = &scan->merge;
    const size_t first = merge->top->part;
    size_t place = first;
    uint64_t oldest = 0;
    bool trimmed = false;
    *found = false;
    do {
        const st_revision *revision = &merge->top->revision;
        if (trimmed && merge->top->part != place) {
            break; /* what the base has is older than what is missing */
        }
        place = merge->top->part;
        if (is_visible(scan, revision)) {
            *found = !revision->hole;
            return *found ? STRATA_OK
                          : fail_trimmed(scan, place, oldest > 0 ? oldest : revision->number + 1);
        }
        trimmed = trimmed || revision->trimmed;
        oldest = revision->number;
        ST_TRY(st_merge_next(merge));
    } while (st_merge_here(merge) && st_slice_equal(merge->top->key, scan->key));
    return trimmed ? fail_trimmed(scan, place, oldest) : STRATA_OK;
}

/* The same, and only if there is a value. The merge stands there then. */
static strata_status find_live(st_scan *scan, bool *visible, bool *live) {
    const st_source *const *top = (const st_source *const *)&scan->merge.top;
    *live = false;
    ST_TRY(find_visible(scan, visible));
    return *visible ? st_check_live(scan->reader, &scan->strands[(*top)->part].part, scan->key,
                                    &scan->bound, &(*top)->revision, live)
                    : STRATA_OK;
}

static void keep_key(st_scan *scan, strata_slice key) {
    memcpy(scan->key_bytes, key.data, key.len);
    scan->key = st_slice(scan->key_bytes, key.len);
}

static void stand(st_scan *scan) {
    scan->here = true;
    scan->revision = scan->merge.top->revision;
    scan->revision.number = st_shown_number(scan->revision.number);
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
        live = false;
        if (st_merge_here(merge) && st_slice_equal(merge->top->key, scan->key)) {
            ST_TRY(find_live(scan, &found, &live));
        } /* else a base has the key only above its fork */
        if (live) {
            stand(scan);
            return STRATA_OK;
        }
        above = scan->key;
    }
}

strata_status st_scan_start(st_scan *scan, st_reader *reader, const st_shard *shard,
                            const st_scan_range *range, const st_bound *bound) {
    const opening o = {.shard = shard, .range = range, .bound = *bound};
    ST_ASSERT(!range->reverse || range->high.len > 0); /* a reverse scan starts somewhere */
    scan->after = 0;
    ST_TRY(open_scan(scan, reader, &o));
    if (bound->past) {
        ST_TRY(check_past(scan));
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

/* The merge stands at an entry of a deleted run: whether it is not the first of its key there. */
static bool is_history(st_scan *scan, bool new_key) {
    const size_t place = scan->merge.top->part;
    const bool again = !new_key && scan->gone_strand == place;
    scan->gone_strand = place;
    return again;
}

static strata_status settle_versions(st_scan *scan) {
    st_merge *merge = &scan->merge;
    scan->here = false;
    while (st_merge_here(merge)) {
        const st_source *top = merge->top;
        const st_revision *revision = &top->revision;
        if (scan->high.len > 0 && st_slice_compare(top->key, scan->high) >= 0) {
            return STRATA_OK;
        }
        const bool new_key = !st_slice_equal(top->key, scan->key);
        keep_key(scan, top->key);
        if (revision->number <= scan->after) {
            ST_TRY(st_merge_skip(merge, scan->key));
            continue;
        }
        const bool hidden = scan->strands[top->part].gone && is_history(scan, new_key);
        if (!hidden && !revision->hole && is_visible(scan, revision)) {
            stand(scan);
            return STRATA_OK;
        }
        ST_TRY(st_merge_next(merge));
    }
    return STRATA_OK;
}

static strata_status start_versions(st_scan *scan, st_reader *reader, const opening *o) {
    ST_TRY(open_scan(scan, reader, o));
    ST_TRY(st_merge_seek(&scan->merge, o->range->low, UINT64_MAX));
    return settle_versions(scan);
}

strata_status st_versions_since(st_scan *scan, st_reader *reader, const st_shard *shard,
                                const st_scan_range *range, uint64_t version) {
    const opening o = {.shard = shard,
                       .range = range,
                       .bound = st_bound_version(UINT64_MAX),
                       .newer_than = version,
                       .only_own = true,
                       .locked = true};
    scan->after = 0;
    return start_versions(scan, reader, &o);
}

strata_status st_versions_start(st_scan *scan, st_reader *reader, const st_shard *shard,
                                const st_scan_range *range, uint64_t version) {
    const opening o = {.shard = shard, .range = range, .bound = st_bound_version(version)};
    scan->after = 0;
    return start_versions(scan, reader, &o);
}

strata_status st_versions_own(st_scan *scan, st_reader *reader, const st_shard *shard,
                              const st_scan_range *range, const st_version_span *span) {
    const opening o = {.shard = shard,
                       .range = range,
                       .bound = st_bound_version(span->until),
                       .newer_than = span->after,
                       .only_own = true};
    scan->after = span->after;
    return start_versions(scan, reader, &o);
}

strata_status st_versions_next(st_scan *scan) {
    ST_TRY(st_merge_next(&scan->merge));
    return settle_versions(scan);
}

strata_status st_versions_next_key(st_scan *scan) {
    ST_TRY(st_merge_skip(&scan->merge, scan->key));
    return settle_versions(scan);
}
