/* pace.h - how fast writers may go, so that what goes on behind them keeps up.
 *
 * Threads: any, without a lock.
 */
#ifndef ST_STORE_MAINTAIN_PACE_H
#define ST_STORE_MAINTAIN_PACE_H

#include "base/std.h"

typedef struct st_pace {
    _Atomic uint64_t free_ns; /* monotonic: when what was committed so far is paid for */
    _Atomic uint32_t
        flush_cost; /* of a byte of a memtable, in 1/1024 ns, as measured; 0: not yet */
    _Atomic uint32_t merge_cost; /* of a byte that is merged */
} st_pace;

/* How far behind those are that work in the background. */
typedef struct st_debt {
    uint64_t memtable_bytes; /* of the one that takes writes */
    uint64_t limit;          /* when it becomes a table */
    bool flushing;           /* another one waits for its table */
    uint64_t held;           /* bytes of the log that wait for a sync to end */
    uint64_t held_max;       /* when commits wait for it */
    uint64_t level_0;        /* tables there */
} st_debt;

/* Tables of level 0 from which on writers are slowed down. */
enum { ST_PACE_LEVEL_0 = 8 };

/* Bytes of tables were written or merged in that time. */
void st_pace_measured(_Atomic uint32_t *cost, uint64_t bytes, uint64_t duration_ns);

/* What a byte costs now, in 1/1024 ns; 0: nothing. */
uint64_t st_pace_cost(const st_pace *pace, const st_debt *debt);

/* Charges a commit of `bytes`. Returns for how long its writer should sleep now, in ns; 0: not. */
uint64_t st_pace_charge(st_pace *pace, const strata_clock *clock, uint64_t bytes, uint64_t cost);

#endif
