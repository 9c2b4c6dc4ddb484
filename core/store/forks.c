/* forks.c - what a fork needs of its base, and when the base may let go of it.
 *
 * A fork costs a record and a pin: a point at which somebody sees the base. A merge keeps of each key
 * the version that is seen at each pin (trim.c), for as long as the fork is there.
 *
 * Invariants:
 * 1. A fork has one pin, in its base. What the base sees of its own base is the base's pin, and it is
 *    there for as long as anything is in this one. So a chain of any length costs a pin a fork; and
 *    as a base is always older than its fork there are no cycles.
 * 2. The base of a fork is a run of which the fork can see own commits, or one that is no fork: a point
 *    before the first own commit of a fork is a point of its base. So a pin never asks the
 *    base of the base for more than the base itself does.
 * 3. A point bounded by time lies before the newest commit of its run, so whatever is committed later
 *    has a later time; else it is the present, and bounded by version. So a pin is one number.
 * 4. Pins and what may no longer be forked from (trimmed_*) change under snapshots_lock: a merge that
 *    drops a version sees every pin, and a fork that comes later learns that it is too late. What was
 *    trimmed before the database was opened the floor ST_FLOOR_TRIMMED tells.
 * 5. The versions of a deleted run, and the pin of a deleted fork, go only when the end of the run is
 *    in tables: until then a crash could bring it back.
 * Rejected: pinning the files that a fork sees, as a snapshot does. A fork of one small run would keep
 * every table of the database.
 */
#include "store/forks.h"

#include "store/maintain/maintain.h"
#include "store/past.h"

static bool is_sooner(const st_fork_point *a, const st_fork_point *b) {
    return a->version < b->version || a->time_us < b->time_us;
}

void st_fork_find_base(st_shard *shard, st_fork_target *target) {
    st_fork_point point = target->asked;
    target->kept_from = 0;
    while (shard->base != NULL &&
           (point.version <= shard->since || point.time_us < shard->since_us)) {
        point.version = point.version < shard->base_version ? point.version : shard->base_version;
        point.time_us = point.time_us < shard->base_us ? point.time_us : shard->base_us;
        target->kept_from = shard->since;
        shard = shard->base;
    }
    target->base = shard;
    target->point = point;
}

/* ---- Pins ------------------------------------------------------------------------------------ */

static void lock(st_store *store) {
    st_mutex_lock(&store->maintenance->snapshots_lock, &store->host->executor);
}

static void unlock(st_store *store) {
    st_mutex_unlock(&store->maintenance->snapshots_lock, &store->host->executor);
}

static strata_status add_pin(st_store *store, st_shard *base, const st_fork_point *point) {
    if (base->pins == NULL) {
        base->pins = st_fork_pins_create(store->host);
    }
    return base->pins == NULL ? STRATA_NO_MEMORY : st_fork_pins_add(base->pins, point);
}

/* Pins the point. *sure: all that was seen then is there, whatever was trimmed. */
static strata_status pin_locked(st_store *store, const st_fork_target *target, bool *sure,
                                st_fork_point *earliest) {
    st_shard *base = target->base;
    *sure = base->pins != NULL && st_fork_pins_have(base->pins, &target->point);
    *earliest = (st_fork_point){base->trimmed_version, base->trimmed_us};
    if (!*sure && (is_sooner(&target->point, earliest) || st_shard_gone(base) > 0)) {
        return STRATA_HISTORY_TRIMMED;
    }
    return add_pin(store, base, &target->point);
}

static strata_status fail_trimmed(st_reader *reader, const st_fork_target *target,
                                  uint64_t earliest) {
    const st_bound bound = {target->asked.version, target->asked.time_us, true, false};
    return st_past_fail(reader, target->base->run, st_slice("", 0), &bound,
                        earliest > target->kept_from ? earliest : target->kept_from);
}

strata_status st_fork_pin(st_reader *reader, const st_fork_target *target) {
    st_store *store = (st_store *)reader->store;
    st_fork_point earliest;
    bool sure = false;
    lock(store);
    strata_status status = pin_locked(store, target, &sure, &earliest);
    unlock(store);
    if (status != STRATA_OK) {
        return status == STRATA_NO_MEMORY ? st_fail_memory(reader->error)
                                          : fail_trimmed(reader, target, earliest.version);
    }
    if (sure || target->now) {
        return STRATA_OK;
    }
    st_floor floor;
    status = st_past_trimmed(reader, target->base, &floor);
    earliest = (st_fork_point){floor.version, floor.time_us};
    if (status == STRATA_OK && is_sooner(&target->point, &earliest)) {
        status = fail_trimmed(reader, target, floor.version);
    }
    if (status != STRATA_OK) {
        st_fork_unpin(store, target->base, &target->point);
    }
    return status;
}

strata_status st_fork_pin_again(st_store *store, st_shard *base, const st_fork_point *point,
                                strata_error *error) {
    lock(store);
    const strata_status status = add_pin(store, base, point);
    unlock(store);
    return status == STRATA_OK ? STRATA_OK : st_fail_memory(error);
}

void st_fork_unpin(st_store *store, st_shard *base, const st_fork_point *point) {
    lock(store);
    st_fork_pins_remove(base->pins, point);
    unlock(store);
}

/* ---- A fork begins, and ends ----------------------------------------------------------------- */

void st_fork_begin(st_store *store, st_shard *shard, const st_fork_link *link) {
    const strata_executor *executor = &store->host->executor;
    st_mutex_lock(&shard->lock, executor);
    shard->base = link->base;
    shard->base_version = link->point.version;
    shard->base_us = link->point.time_us;
    shard->since = link->since;
    shard->since_us = link->since_us;
    shard->newest_us = shard->newest_us > link->since_us ? shard->newest_us : link->since_us;
    shard->last = shard->last > link->since ? shard->last : link->since;
    st_shard_publish(shard, link->since);
    st_mutex_unlock(&shard->lock, executor);
}

void st_fork_bury(st_store *store, st_shard *shard, uint64_t version) {
    lock(store);
    atomic_store_explicit(&shard->gone, version, memory_order_release);
    if (shard->base != NULL) {
        shard->dying = store->maintenance->dying;
        store->maintenance->dying = shard;
    }
    unlock(store);
}

/* Whether nothing of a deleted run is needed. Under snapshots_lock. */
static bool is_dead(const st_shard *shard) {
    return shard->pins == NULL || st_fork_pins_none(shard->pins);
}

/* One pass over those that are dying; whether any of them went. */
static bool settle_some(st_maintenance *maintenance, uint64_t version) {
    bool went = false;
    st_shard **link = &maintenance->dying;
    while (*link != NULL) {
        st_shard *shard = *link;
        if (st_shard_gone(shard) > version || !is_dead(shard)) {
            link = &shard->dying;
            continue;
        }
        const st_fork_point point = {shard->base_version, shard->base_us};
        st_fork_pins_remove(shard->base->pins, &point);
        *link = shard->dying;
        went = true;
    }
    return went;
}

void st_forks_settle(st_store *store, uint64_t version) {
    lock(store);
    while (settle_some(store->maintenance, version)) {
        /* Their bases may have been waiting for them. */
    }
    unlock(store);
}

/* ---- What may go ----------------------------------------------------------------------------- */

st_fork_state st_fork_state_of(st_store *store, uint64_t run, uint64_t version) {
    const st_shard *shard = st_shards_find(&store->shards, run);
    if (shard == NULL && !st_shards_buried(&store->shards, run)) {
        return ST_RUN_LIVES;
    }
    const uint64_t gone = shard == NULL ? 1 : st_shard_gone(shard);
    lock(store);
    st_fork_state state = ST_RUN_LIVES;
    if (gone > 0 && gone <= version && store->maintenance->retention.policy != NULL) {
        state = shard == NULL || is_dead(shard) ? ST_RUN_DEAD : ST_RUN_GOES;
    }
    unlock(store);
    return state;
}

bool st_fork_may_drop(st_store *store, const st_fork_drop *drop) {
    st_shard *shard = st_shards_find(&store->shards, drop->run);
    if (shard == NULL) {
        return true;
    }
    lock(store);
    const bool may = shard->pins == NULL || !st_fork_pins_see(shard->pins, &drop->span);
    if (may && drop->trims) {
        const st_fork_point *kept = &drop->kept;
        shard->trimmed_version =
            kept->version > shard->trimmed_version ? kept->version : shard->trimmed_version;
        shard->trimmed_us = kept->time_us > shard->trimmed_us ? kept->time_us : shard->trimmed_us;
    }
    unlock(store);
    return may;
}
