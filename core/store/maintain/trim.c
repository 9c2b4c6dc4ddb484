/* trim.c - which of the entries that pass are kept, and what is left in the place of those that are
 * not.
 *
 * Entries come in the order of tables. Of a key with a policy the last version that was kept waits
 * until it is known whether an older one goes: then it carries the mark `trimmed`, which tells a
 * reader of the past that it asks for something that was there. A key of which one version is left
 * that nobody can see goes altogether, and raises the floor of its run and primitive (floor.h).
 * What a fork sees is kept, whatever the policy (forks.h). Where older versions are kept below those that
 * go, the oldest of these stays as a hole, without its value: a reader of the past who comes to it
 * learns the same. Of a run that was deleted there is nothing left but what forks see; it has no past,
 * so it needs no marks, holes and floors.
 *
 * Invariants:
 * 1. What is dropped has no older versions elsewhere (is_deeper), so nothing that comes to light
 *    below can be taken for it.
 * 2. What readers may still ask for without asking for the past is kept: before the first version of
 *    a run is dropped its snapshot is taken: the newest that is published, or the oldest that a
 *    transaction holds. Whoever takes or holds one later gets no older one. Whoever took one earlier
 *    notices by the clock (store.h, st_trim_clock) that he may have come too late, and takes another.
 * 3. The floor of a version that ends by itself is above every commit that there is when all is done:
 *    at any of them somebody may have seen it. So floors are written last. And it is no earlier than
 *    its own, as a transaction may commit what has ended meanwhile, and till then there may have been
 *    an older one. Of a delete it is the delete.
 * 4. Before a version goes, the point up to which it was seen is one that cannot be forked from
 *    (forks.h); the floor ST_FLOOR_TRIMMED says so from then on.
 * 5. In a fork no delete goes altogether, nor a value that has ended: its base may have the key.
 * A function of the entries, the policies, the snapshots, the forks, the time at the beginning and the last
 * version at the end.
 */
#include "store/maintain/trim.h"

#include "store/maintain/maintain.h"
#include "store/tables.h"

void st_trim_init(st_trim *trim, st_store *store, const st_trim_sink *sink) {
    memset(trim, 0, sizeof *trim);
    trim->store = store;
    trim->sink = *sink;
    trim->value.host = store->host;
    trim->floor = st_floor_none();
    trim->retention = st_store_retention(store);
    trim->made.host = store->host;
    trim->now_us = st_store_now(store);
    trim->in_tables = UINT64_MAX;
    if (!store->in_memory) {
        st_mutex_lock(&store->manifest_lock, &store->host->executor);
        trim->in_tables = store->manifest.watermark;
        st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    }
    st_forks_settle(store, trim->in_tables);
}

void st_trim_free(st_trim *trim) {
    strata_buffer_free(&trim->value);
    strata_buffer_free(&trim->made);
}

/* A floor of a run that is done. */
typedef struct made_floor {
    uint64_t run;
    uint8_t tag;
    st_trim_floor floor;
} made_floor;

/* ---- Floors ---------------------------------------------------------------------------------- */

static void raise(st_trim *trim, uint8_t tag, const st_trim_floor *by) {
    st_trim_floor *mine = &trim->floors[tag];
    trim->has_floors = true;
    if (mine->number == 0) {
        *mine = *by;
        return;
    }
    st_floor_raise(&mine->floor, &by->floor);
    mine->ends = mine->ends || by->ends;
    mine->number = by->number > mine->number ? by->number : mine->number;
    mine->timestamp_us =
        by->timestamp_us > mine->timestamp_us ? by->timestamp_us : mine->timestamp_us;
}

static strata_status write_floor(st_trim *trim, const made_floor *made, strata_error *error) {
    const st_trim_floor *floor = &made->floor;
    uint8_t bytes[ST_TABLE_KEY_MAX];
    uint8_t value[ST_FLOOR_BYTES_MAX];
    st_key key;
    if (trim->floor_id == 0) {
        trim->floor_id = st_tables_next_number(trim->store);
    }
    st_floor_key(&key, made->tag, trim->floor_id);
    store64_be(bytes, made->run);
    memcpy(bytes + 8, key.bytes, key.len);
    const st_revision revision = {.number = floor->number,
                                  .timestamp_us = floor->timestamp_us,
                                  .expires_us = ST_NEVER,
                                  .value = st_slice(value, st_floor_encode(&floor->floor, value))};
    return trim->sink.write(trim->sink.ctx, st_slice(bytes, 8 + key.len), &revision, error);
}

static strata_status end_run(st_trim *trim, strata_error *error) {
    for (unsigned tag = 0; trim->has_floors && tag < 256; tag++) {
        const made_floor made = {trim->run, (uint8_t)tag, trim->floors[tag]};
        if (made.floor.number > 0 &&
            st_buffer_append(&trim->made, &made, sizeof made) != STRATA_OK) {
            return st_fail_memory(error);
        }
    }
    if (trim->has_floors) {
        memset(trim->floors, 0, sizeof trim->floors);
        trim->has_floors = false;
    }
    return STRATA_OK;
}

static strata_status write_floors(st_trim *trim, strata_error *error) {
    st_wal *wal = &trim->store->wal;
    st_mutex_lock(&wal->lock, &trim->store->host->executor);
    const st_floor above_all = {wal->version + 1, INT64_MIN, INT64_MIN};
    st_mutex_unlock(&wal->lock, &trim->store->host->executor);
    if (trim->ends) {
        st_floor_raise(&trim->floor, &above_all);
    }
    for (size_t at = 0; at < trim->made.len; at += sizeof(made_floor)) {
        made_floor made;
        memcpy(&made, trim->made.data + at, sizeof made);
        if (made.floor.ends) {
            st_floor_raise(&made.floor.floor, &above_all);
        }
        ST_TRY(write_floor(trim, &made, error));
    }
    trim->made.len = 0;
    return STRATA_OK;
}

static strata_status fold(st_trim *trim, const st_revision *revision, strata_error *error) {
    st_trim_floor met = {.number = revision->number, .timestamp_us = revision->timestamp_us};
    if (!st_floor_decode(revision->value, &met.floor)) {
        st_fail(error, STRATA_CORRUPT, "the floor of run %u is malformed", trim->run);
        return st_fail_text(error, "file", strata_text("floor"));
    }
    raise(trim, st_floor_tag_of(st_slice(trim->key + 8, trim->key_len - 8)), &met);
    return STRATA_OK;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static void capture_snapshot(st_trim *trim) {
    const st_shard *shard = st_shards_find(&trim->store->shards, trim->run);
    const uint64_t published = shard == NULL ? UINT64_MAX : st_shard_snapshot(shard);
    const uint64_t held = st_snapshot_oldest(trim->store);
    trim->snapshot = held < published ? held : published;
    trim->captured = true;
    trim->captures =
        atomic_fetch_add_explicit(&trim->store->trim_clock, 1, memory_order_seq_cst) + 1;
}

static void find_run(st_trim *trim) {
    const st_shard *shard = st_shards_find(&trim->store->shards, trim->run);
    trim->is_fork = shard != NULL && shard->base != NULL;
    trim->state = st_fork_state_of(trim->store, trim->run, trim->in_tables);
}

static void find_policy(st_trim *trim, bool same_run) {
    const uint8_t tag = trim->key[8];
    if (!same_run || tag != trim->tag) {
        trim->tag = tag;
        trim->policy = trim->retention.policy == NULL
                           ? (st_policy){ST_KEEP_ALL, 0, 0}
                           : trim->retention.policy(trim->retention.ctx, trim->run, tag);
    }
}

static strata_status write_waiting(st_trim *trim, strata_error *error) {
    if (!trim->waits) {
        return STRATA_OK;
    }
    trim->waits = false;
    trim->waiting.value = st_buffer_slice(&trim->value);
    return trim->sink.write(trim->sink.ctx, st_trim_key_now(trim), &trim->waiting, error);
}

static void let_go(st_trim *trim) {
    const st_revision *last = &trim->waiting;
    trim->waits = false;
    trim->versions_removed++;
    if (trim->state != ST_RUN_LIVES) {
        return;
    }
    const int64_t end_us =
        last->expires_us > last->timestamp_us ? last->expires_us : last->timestamp_us;
    st_trim_floor floor = {.number = last->number, .timestamp_us = last->timestamp_us};
    floor.floor = last->deleted ? (st_floor){last->number, last->timestamp_us, INT64_MIN}
                                : (st_floor){last->number + 1, end_us, last->expires_us};
    floor.ends = !last->deleted;
    trim->ends = trim->ends || floor.ends;
    raise(trim, trim->tag, &floor);
    st_floor_raise(&trim->floor, &floor.floor);
}

/* Whether the version is not kept. From then on no fork will see it. */
static bool may_drop(st_trim *trim, const st_fork_point *from, const st_fork_point *below) {
    const st_fork_drop drop = {.run = trim->run,
                               .span = {*from, *below},
                               .trims = trim->state == ST_RUN_LIVES,
                               .kept = {trim->waiting.number, trim->waiting.timestamp_us}};
    return st_fork_may_drop(trim->store, &drop);
}

/* The one version that was kept, and waits: whether it is to go too. */
static bool vanishes(st_trim *trim) {
    static const st_fork_point newest = {UINT64_MAX, INT64_MAX};
    const st_revision *last = &trim->waiting;
    const st_fork_point from = {last->number, last->timestamp_us};
    if (trim->is_fork || last->hole) {
        return false;
    }
    if (trim->state == ST_RUN_GOES) {
        return last->deleted && !trim->sink.is_deeper(trim->sink.ctx, st_trim_key_now(trim));
    }
    return st_retain_may_vanish(&trim->retain, last) &&
           (last->deleted || may_drop(trim, &from, &newest));
}

static strata_status end_key(st_trim *trim, strata_error *error) {
    if (trim->waits && trim->has_lost && trim->state == ST_RUN_LIVES) {
        trim->waiting.trimmed = true;
    }
    if (trim->waits && trim->kept == 1 && vanishes(trim)) {
        let_go(trim);
    }
    return write_waiting(trim, error);
}

strata_status st_trim_key(st_trim *trim, strata_slice key, strata_error *error) {
    const uint64_t run = load64_be(key.data);
    const bool same_run = trim->begun && run == trim->run;
    if (trim->begun) {
        ST_TRY(end_key(trim, error));
        ST_TRY(same_run ? STRATA_OK : end_run(trim, error));
    }
    memcpy(trim->key, key.data, key.len);
    trim->key_len = key.len;
    trim->begun = true;
    trim->run = run;
    trim->captured = trim->captured && same_run;
    trim->kept = 0;
    trim->has_lost = false;
    trim->newer = (st_fork_point){UINT64_MAX, INT64_MAX};
    if (!same_run) {
        find_run(trim);
    }
    trim->folds = trim->key[8] == ST_TAG_FLOOR;
    find_policy(trim, same_run);
    trim->plain = trim->state == ST_RUN_LIVES && (trim->policy.keep == ST_KEEP_ALL || trim->folds ||
                                                  trim->sink.is_deeper(trim->sink.ctx, key));
    if (!trim->plain) {
        if (!trim->captured) {
            capture_snapshot(trim);
        }
        st_retain_begin(&trim->retain, &trim->policy, trim->snapshot, trim->now_us);
    }
    return STRATA_OK;
}

/* Points below the kept version of a dropped one cannot be forked from. */
static void raise_trimmed(st_trim *trim) {
    const st_revision *kept = &trim->waiting;
    const st_trim_floor floor = {
        .floor = {kept->number, kept->timestamp_us, INT64_MIN},
        .number = kept->number,
        .timestamp_us = kept->timestamp_us,
    };
    raise(trim, ST_FLOOR_TRIMMED, &floor);
}

bool st_trim_wants(st_trim *trim, const st_revision *revision) {
    const st_fork_point here = {revision->number, revision->timestamp_us};
    const st_fork_point below = trim->newer;
    trim->newer = here;
    if (trim->plain || (trim->state == ST_RUN_LIVES && st_retain_keeps(&trim->retain, revision)) ||
        (trim->state != ST_RUN_DEAD && !trim->folds && !may_drop(trim, &here, &below))) {
        return true;
    }
    trim->lost = here;
    trim->has_lost = true;
    trim->versions_removed++;
    if (trim->state == ST_RUN_LIVES) {
        raise_trimmed(trim); /* one waits: the first version of a key is always kept */
    }
    return false;
}

/* What was dropped between a version that is kept and an older one that is kept too. */
static strata_status write_hole(st_trim *trim, strata_error *error) {
    const st_revision hole = {.number = trim->lost.version,
                              .timestamp_us = trim->lost.time_us,
                              .expires_us = ST_NEVER,
                              .deleted = true,
                              .hole = true,
                              .value = st_slice("", 0)};
    trim->has_lost = false;
    trim->versions_removed--; /* it is still there */
    return trim->sink.write(trim->sink.ctx, st_trim_key_now(trim), &hole, error);
}

strata_status st_trim_take(st_trim *trim, const st_revision *revision, strata_error *error) {
    if (trim->folds) {
        return fold(trim, revision, error);
    }
    if (trim->plain) {
        return trim->sink.write(trim->sink.ctx, st_trim_key_now(trim), revision, error);
    }
    ST_TRY(write_waiting(trim, error));
    if (trim->has_lost && trim->state == ST_RUN_LIVES) {
        ST_TRY(write_hole(trim, error));
    }
    trim->value.len = 0;
    if (st_buffer_append(&trim->value, revision->value.data, revision->value.len) != STRATA_OK) {
        return st_fail_memory(error);
    }
    trim->waiting = *revision;
    trim->waits = true;
    trim->kept++;
    return STRATA_OK;
}

strata_status st_trim_finish(st_trim *trim, strata_error *error) {
    if (!trim->begun) {
        return STRATA_OK;
    }
    ST_TRY(end_key(trim, error));
    trim->begun = false;
    ST_TRY(end_run(trim, error));
    return write_floors(trim, error);
}
