/* pace.c - a clock that writers push ahead, and sleep when they are too far before it.
 *
 * Each commit moves `free_ns` on by its bytes times what a byte costs at the moment; if it is more
 * than a slice ahead of the monotonic clock then, the writer sleeps until the clock is there. So the
 * cost is the inverse of the rate of all writers together, whoever they are, and nobody is held
 * while they are slower. A slice is long enough that few commits sleep (at a microsecond for a byte,
 * one in thirty of 100 bytes) and short beside what a stall may be.
 *
 * Three debts have a cost, and the largest counts:
 * 1. While a memtable waits for its table, or for somebody to begin with it, the next one fills. A
 *    byte of it costs nothing up to half its limit, at the limit as much as the flush took for a byte
 *    lately, at one and a half eight times as much: it does not get to twice, where commits stop,
 *    before the flush is done.
 * 2. While the log is being synced, what is appended is held in memory. From a quarter of what may be
 *    held on, a byte costs four ns, and twice as much with every further eighth.
 * 3. From ST_PACE_LEVEL_0 tables in level 0 on, a byte costs what merging two bytes took lately, and
 *    twice as much with every four tables more. Where the levels need w bytes merged for each byte
 *    written, level 0 comes to rest where that is the cost: w is at most eleven for each level, and
 *    so level 0 below thirty-two. Nothing stops there, as it would if a count were the limit.
 *
 * Invariants:
 * 1. A commit sleeps for at most TURN_NS and what it costs itself, and never for more than
 *    DEBT_NS_MAX: a small one is not held long by a large one of somebody else's.
 * 2. Where the host cannot sleep, nothing costs anything.
 * Rejected: a number of tables at which writers wait (a stall as long as a merge); a rate that is
 * turned up and down in steps, as RocksDB's delayed_write_rate, which needs minutes to settle.
 */
#include "store/maintain/pace.h"

enum {
    SLICE_NS = 3 * 1000 * 1000,
    TURN_NS = 8 * 1000 * 1000,
    DEBT_NS_MAX = 1000 * 1000 * 1000,
    COST_BITS = 10,              /* costs are in 1/1024 ns */
    COST_MAX = 20 * 1024 * 1024, /* 20 us a byte: 50 kB a second */
    QUARTERS_MAX = 64,
    TABLES_TO_DOUBLE = 4,
    MERGE_COST_UNKNOWN = 10 << COST_BITS,
    FLUSH_COST_UNKNOWN = 6 << COST_BITS,
};

void st_pace_measured(_Atomic uint32_t *cost, uint64_t bytes, uint64_t duration_ns) {
    if (bytes < 4096) {
        return;
    }
    const uint64_t most = (uint64_t)COST_MAX >> 4;
    const uint64_t most_ns = UINT64_MAX >> COST_BITS;
    const uint64_t now = ((duration_ns < most_ns ? duration_ns : most_ns) << COST_BITS) / bytes;
    const uint64_t capped = now < most ? now : most;
    const uint64_t before = atomic_load_explicit(cost, memory_order_relaxed);
    const uint64_t next = before == 0 ? capped : (before * 7 + capped) / 8;
    atomic_store_explicit(cost, (uint32_t)(next == 0 ? 1 : next), memory_order_relaxed);
}

static uint64_t known(const _Atomic uint32_t *cost, uint64_t unknown) {
    const uint64_t seen = atomic_load_explicit((_Atomic uint32_t *)cost, memory_order_relaxed);
    return seen == 0 ? unknown : seen;
}

static uint64_t memtable_cost(const st_pace *pace, const st_debt *debt) {
    const uint64_t from = debt->flushing ? debt->limit / 2 : debt->limit;
    if (debt->memtable_bytes < from) {
        return 0;
    }
    /* In quarters of the limit beyond its half. */
    const uint64_t quarters = (debt->memtable_bytes - debt->limit / 2) * 4 / debt->limit;
    const uint64_t over = quarters < QUARTERS_MAX ? quarters : QUARTERS_MAX;
    const uint64_t cost = known(&pace->flush_cost, FLUSH_COST_UNKNOWN) * over * over * over / 8;
    return cost < COST_MAX ? cost : COST_MAX;
}

static uint64_t log_cost(const st_debt *debt) {
    const uint64_t eighths = debt->held * 8 / debt->held_max;
    return eighths < 2 ? 0 : UINT64_C(1) << (COST_BITS + (eighths < 8 ? eighths : 8));
}

static uint64_t level_0_cost(const st_pace *pace, const st_debt *debt) {
    if (debt->level_0 < ST_PACE_LEVEL_0) {
        return 0;
    }
    const uint64_t over = debt->level_0 - ST_PACE_LEVEL_0;
    const uint64_t doublings = over / TABLES_TO_DOUBLE < 16 ? over / TABLES_TO_DOUBLE : 16;
    const uint64_t low = (known(&pace->merge_cost, MERGE_COST_UNKNOWN) * 2) << doublings;
    const uint64_t cost = low + low * (over % TABLES_TO_DOUBLE) / TABLES_TO_DOUBLE;
    return cost < COST_MAX ? cost : COST_MAX;
}

uint64_t st_pace_cost(const st_pace *pace, const st_debt *debt) {
    const uint64_t costs[] = {memtable_cost(pace, debt), log_cost(debt), level_0_cost(pace, debt)};
    uint64_t most = 0;
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        most = costs[i] > most ? costs[i] : most;
    }
    return most;
}

uint64_t st_pace_charge(st_pace *pace, const strata_clock *clock, uint64_t bytes, uint64_t cost) {
    if (cost == 0 || clock->sleep_us == NULL) {
        return 0;
    }
    const uint64_t now_ns = clock->monotonic_ns(clock->ctx);
    const uint64_t price_ns =
        bytes < (UINT64_C(1) << 32) ? (bytes * cost) >> COST_BITS : DEBT_NS_MAX;
    uint64_t free_ns = atomic_load_explicit(&pace->free_ns, memory_order_relaxed);
    uint64_t next_ns;
    do {
        next_ns = (free_ns > now_ns ? free_ns : now_ns) + price_ns;
        next_ns = next_ns < now_ns + DEBT_NS_MAX ? next_ns : now_ns + DEBT_NS_MAX;
    } while (!atomic_compare_exchange_weak_explicit(&pace->free_ns, &free_ns, next_ns,
                                                    memory_order_relaxed, memory_order_relaxed));
    const uint64_t ahead_ns = next_ns - now_ns;
    const uint64_t most_ns = TURN_NS + price_ns;
    return ahead_ns < SLICE_NS ? 0 : ahead_ns < most_ns ? ahead_ns : most_ns;
}
