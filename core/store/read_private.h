/* read_private.h - what single keys, scans and the past share. */
#ifndef ST_STORE_READ_PRIVATE_H
#define ST_STORE_READ_PRIVATE_H

#include "store/read.h"
#include "store/store.h"

/* Numbers of the own writes of a transaction; above all commits. */
static inline uint64_t st_shown_number(uint64_t number) {
    return number >= ST_OWN_VERSIONS ? 0 : number;
}

static inline const st_view *st_reader_view(const st_reader *reader) {
    return atomic_load_explicit((st_view * _Atomic *)&reader->store->view, memory_order_seq_cst);
}

/* The part of a bound that one run of a chain of forks answers for. bound.past: what is asked for may
 * have been trimmed there. What a fork sees of its base is kept, so that the present of a fork is never
 * the past of its base. */
typedef struct st_run_part {
    const st_shard *shard;
    st_bound bound;
    const st_bound *asked; /* the whole of it; borrowed */
    bool is_base;          /* a fork is read, and it is not that */
    /* Of a base: what its fork sees is kept from that version of the fork on; then it was not earlier. */
    uint64_t whole_from;
    int64_t whole_us;
} st_run_part;

/* The first run of the chain that may have something inside the bound. */
static inline st_run_part st_run_part_first(const st_shard *shard, const st_bound *bound);
/* The run that it was forked from; false: from none. */
static inline bool st_run_part_next(st_run_part *part);

static inline st_run_part st_run_part_of_base(const st_run_part *of) {
    const st_shard *shard = of->shard;
    const st_bound *bound = &of->bound;
    st_run_part part = {shard->base, *bound, of->asked, true, shard->since, of->whole_us};
    /* All that a fork sees of its base was there when it was made, and is kept since. */
    const int64_t time_us = bound->time_us >= shard->since_us ? INT64_MAX : bound->time_us;
    const bool whole = bound->version >= shard->since && time_us == INT64_MAX;
    part.bound.version =
        bound->version < shard->base_version ? bound->version : shard->base_version;
    part.bound.time_us = time_us < shard->base_us ? time_us : shard->base_us;
    part.bound.past = bound->past && !whole;
    part.whole_us = whole && shard->since_us > of->whole_us ? shard->since_us : of->whole_us;
    part.bound.own = false;
    return part;
}

static inline st_run_part st_run_part_of_run(const st_shard *shard, const st_bound *bound) {
    const st_run_part part = {shard, *bound, bound, false, 0, INT64_MIN};
    return part;
}

static inline bool st_run_part_next(st_run_part *part) {
    if (ST_LIKELY(part->shard->base == NULL)) {
        return false;
    }
    *part = st_run_part_of_base(part);
    return true;
}

static inline st_run_part st_run_part_first(const st_shard *shard, const st_bound *bound) {
    st_run_part part = st_run_part_of_run(shard, bound);
    while (ST_UNLIKELY(part.shard->base != NULL) &&
           (part.bound.version <= part.shard->since || part.bound.time_us < part.shard->since_us)) {
        (void)st_run_part_next(&part);
    }
    return part;
}

/* Whether a reader at this bound finds a value in the revision. part: where it was found. */
strata_status st_check_live(st_reader *reader, const st_run_part *part, strata_slice key,
                            const st_bound *bound, const st_revision *revision, bool *live);

#endif
