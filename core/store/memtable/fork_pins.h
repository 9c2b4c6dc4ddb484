/* fork_pins.h - the points at which forks see a run: versions, and times.
 *
 * Threads: whoever guards the shard's own (shard.h).
 */
#ifndef ST_STORE_MEMTABLE_FORK_PINS_H
#define ST_STORE_MEMTABLE_FORK_PINS_H

#include "base/memory.h"

/* The commits up to a version and a time. UINT64_MAX, INT64_MAX: not bounded by it. */
typedef struct st_fork_point {
    uint64_t version;
    int64_t time_us;
} st_fork_point;

/* The points at which a revision of a key is the one that is seen: from its own version and time on,
 * below those of the next newer one. */
typedef struct st_fork_span {
    st_fork_point from;
    st_fork_point below; /* UINT64_MAX, INT64_MAX: there is no newer one */
} st_fork_span;

typedef struct st_fork_pins st_fork_pins;

/* NULL when there is no memory. */
st_fork_pins *st_fork_pins_create(const strata_host *host);
void st_fork_pins_destroy(const strata_allocator *allocator, st_fork_pins *pins);

/* One more fork sees the run like that. A point bounded by both is two pins: one of them is it.
 * Errors: no_memory; nothing has changed then. Cost: an append. */
strata_status st_fork_pins_add(st_fork_pins *pins, const st_fork_point *point);
/* One fork less; it was added. */
void st_fork_pins_remove(st_fork_pins *pins, const st_fork_point *point);

/* Whether nobody sees anything of the run. */
bool st_fork_pins_none(const st_fork_pins *pins);
/* Whether somebody sees it like that. Cost: as the next. */
bool st_fork_pins_have(st_fork_pins *pins, const st_fork_point *point);
/* Whether somebody sees a revision. Cost: halving; sorting first, after points were added that are not
 * the latest. */
bool st_fork_pins_see(st_fork_pins *pins, const st_fork_span *span);

#endif
