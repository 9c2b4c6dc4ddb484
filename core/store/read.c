/* read.c - single keys. Reads go through the sources of a run from the newest to the oldest: the writes
 * of the transaction, the memtables, the tables of level 0, the other levels; and where a fork has
 * nothing, through those of its base, and so on.
 *
 * Invariants:
 * 1. All memtables of a run are found before the view is loaded. A flush makes the view with the new
 *    table visible before it unlinks the memtable, so a reader finds the entries in the one, in the
 *    other or in both, and equal ones count once.
 * 2. For one key each source holds only newer versions than those after it (replayed versions that
 *    a table has too are equal), so a point read stops at the first source that answers. A fork's own
 *    versions are newer than all that it sees of its base.
 * 3. If retention removed versions of a key, its oldest one that is left carries a mark, and a read
 *    that finds only versions above its bound says history_trimmed instead of not there. If older ones
 *    stay because a fork sees them, there is a hole above those, and a read that ends in it says the
 *    same. Where nothing of a key is left, the floor of the run says up to where that may have happened
 *    (past.h). All this is asked of each run before its base is.
 * Cost: a fork adds, for a key that it does not have, its own filters and memtables; a chain of n forks
 * n times that.
 */
#include "store/read_private.h"

#include "store/past.h"

strata_status st_check_live(st_reader *reader, const st_run_part *part, strata_slice key,
                            const st_bound *bound, const st_revision *revision, bool *live) {
    *live = !revision->deleted;
    if (revision->deleted || revision->expires_us == ST_NEVER) {
        return STRATA_OK;
    }
    if (bound->past && bound->time_us == INT64_MAX) {
        if (!part->bound.past) {
            /* A fork sees it, and sees it end, unless that was before the fork was. */
            *live = revision->expires_us > part->whole_us;
            return STRATA_OK;
        }
        return st_past_check_ended(reader, part, key, revision, live);
    }
    const int64_t at_us =
        bound->time_us == INT64_MAX ? st_store_now((st_store *)reader->store) : bound->time_us;
    *live = revision->expires_us > at_us;
    return STRATA_OK;
}

/* ---- Points ---------------------------------------------------------------------------------- */

static strata_status find_in_tables(st_reader *reader, const st_shard *shard, strata_slice key,
                                    const st_bound *bound, st_revision *revision, bool *found) {
    const st_view *view = st_reader_view(reader); /* after the memtables */
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

/* What one run has of the key. */
static strata_status read_part(st_reader *reader, const st_run_part *part, strata_slice key,
                               st_revision *revision, bool *found) {
    const st_shard *shard = part->shard;
    *found = false;
    for (const st_memtable *table = st_shard_newest(shard); table != NULL && !*found;
         table = st_memtable_older(table)) {
        *found = st_memtable_find(table, key, &part->bound, revision);
    }
    if (!*found) {
        ST_TRY(find_in_tables(reader, shard, key, &part->bound, revision, found));
    }
    if (ST_UNLIKELY(*found && revision->hole)) {
        return st_past_fail_key(reader, part, key);
    }
    return *found || !part->bound.past ? STRATA_OK : st_past_check_key(reader, part, key);
}

/* What is stored of the key. *part: where it was found. */
static strata_status read_stored(st_reader *reader, const st_shard *shard, strata_slice key,
                                 const st_bound *bound, st_run_part *part, st_revision *revision,
                                 bool *found) {
    *part = st_run_part_first(shard, bound);
    do {
        ST_TRY(st_past_check_gone(reader, part, key));
        ST_TRY(read_part(reader, part, key, revision, found));
    } while (!*found && st_run_part_next(part));
    return STRATA_OK;
}

/* Inside the transaction: its own write if there is one, else what is stored; and it is told. */
static strata_status read_overlaid(st_reader *reader, strata_slice key, const st_bound *bound,
                                   st_run_part *part, st_revision *revision, bool *found) {
    const st_overlay *overlay = reader->overlay;
    const st_bound all = st_bound_version(UINT64_MAX);
    if (overlay->own != NULL && st_memtable_find(overlay->own, key, &all, revision)) {
        *part = st_run_part_of_run(overlay->shard, bound);
        revision->number = st_shown_number(revision->number);
        *found = true;
        return overlay->point(overlay->ctx, key, 0, true) == STRATA_OK
                   ? STRATA_OK
                   : st_fail_memory(reader->error);
    }
    ST_TRY(read_stored(reader, overlay->shard, key, bound, part, revision, found));
    return overlay->point(overlay->ctx, key, *found ? revision->number : 0, false) == STRATA_OK
               ? STRATA_OK
               : st_fail_memory(reader->error);
}

static strata_status read_at(st_reader *reader, const st_shard *shard, strata_slice key,
                             const st_bound *bound, st_run_part *part, st_revision *revision,
                             bool *found) {
    return bound->own && reader->overlay != NULL && reader->overlay->shard == shard
               ? read_overlaid(reader, key, bound, part, revision, found)
               : read_stored(reader, shard, key, bound, part, revision, found);
}

strata_status st_read(st_reader *reader, const st_shard *shard, strata_slice key,
                      const st_bound *bound, st_revision *revision, bool *found) {
    st_run_part part;
    return read_at(reader, shard, key, bound, &part, revision, found);
}

strata_status st_read_live(st_reader *reader, const st_shard *shard, strata_slice key,
                           const st_bound *bound, st_revision *revision, bool *found) {
    st_run_part part;
    ST_TRY(read_at(reader, shard, key, bound, &part, revision, found));
    return *found ? st_check_live(reader, &part, key, bound, revision, found) : STRATA_OK;
}
