/* faults.c - what goes wrong, when, and what may come of it; the promises are in life.c.
 *
 * One fault is at work at a time, but for the clock. While it is, calls may fail with its statuses; after
 * it was healed everything must be exact again, and a write is tried: only a failed write or sync may
 * have stopped the writer, and then for good, until the database is opened again.
 */
#include "life.h"

#define BIT(status) ((uint32_t)1 << (status))

typedef struct fault {
    const char *name;
    uint32_t kinds;
    strata_status status;
    bool once;
    bool half;       /* of a write is done */
    uint32_t breaks; /* with which statuses it may stop the writer */
} fault;

static const fault faults[] = {
    {"one call that changes fails", SIM_CHANGING, STRATA_IO, true, false, BIT(STRATA_IO)},
    {"calls that change fail from then on", SIM_CHANGING, STRATA_IO, false, false, BIT(STRATA_IO)},
    {"a write stops halfway", SIM_WRITE, STRATA_IO, true, true, BIT(STRATA_IO)},
    {"a sync fails", SIM_SYNC, STRATA_IO, true, false, BIT(STRATA_IO)},
    {"one call finds no space", SIM_CHANGING, STRATA_NO_SPACE, true, false,
     BIT(STRATA_IO) | BIT(STRATA_NO_SPACE)},
    {"no space from then on", SIM_CHANGING, STRATA_NO_SPACE, false, false,
     BIT(STRATA_IO) | BIT(STRATA_NO_SPACE)},
    {"one call that reads fails", SIM_READ | SIM_SIZE | SIM_LIST, STRATA_IO, true, false, 0},
    {"calls that read fail from then on", SIM_READ | SIM_SIZE | SIM_LIST, STRATA_IO, false, false,
     0},
};

enum { FAULTS = sizeof faults / sizeof faults[0] };

bool is_excused(const life *l, strata_status status) {
    return (l->excuses >> status & 1) != 0 || (life_is_dead(l) && status == STRATA_IO);
}

void fault_heal(life *l) {
    sim_heal(l->machine);
    sim_set_lying(l->machine, l->lying);
    sim_set_capacity(l->machine, UINT64_MAX);
    l->excuses = 0;
    l->may_break = 0;
    l->rounds_left = 0;
}

static void tell(const char *name) {
    if (life_traces) {
        (void)fprintf(stderr, "-- fault: %s\n", name);
    }
}

static void arm_storage(life *l) {
    const fault *f = &faults[chance_below(l, FAULTS)];
    const uint64_t nth = 1 + chance_below(l, chance_in(l, 3) ? 30 : 6);
    (f->half ? sim_fail_short : sim_fail)(l->machine, f->kinds, nth, f->status, f->once);
    l->excuses = BIT(f->status) | f->breaks;
    l->may_break = f->breaks;
    l->slot_torn = l->slot_torn || f->breaks != 0;
    tell(f->name);
}

void fault_arm(life *l) {
    life_counts->faults++;
    l->rounds_left = 3 + (unsigned)chance_below(l, 30);
    const uint64_t die = l->in_memory ? 19 : l->lying ? 0 : chance_below(l, 20);
    if (die < 8) {
        l->crash_armed = true;
        sim_cut_power(l->machine, 1 + chance_below(l, chance_in(l, 3) ? 40 : 8));
        tell("the power will go");
    } else if (die < 13) {
        arm_storage(l);
    } else if (die < 15) {
        l->excuses = BIT(STRATA_NO_SPACE);
        sim_set_capacity(l->machine, sim_used(l->machine) + chance_below(l, 3 << 19));
        tell("the disk is full");
    } else if (die < 16) {
        l->lying = true;
        sim_set_lying(l->machine, true);
        tell("syncs lie");
    } else {
        l->excuses = BIT(STRATA_NO_MEMORY);
        l->rounds_left = 1 + l->rounds_left / 8;
        sim_fail_memory(l->machine, 1 + chance_below(l, chance_in(l, 3) ? 60 : 8));
        tell("memory runs out");
    }
}

/* Whether the writer takes a commit; what it says otherwise must be excused. */
static bool takes_writes(life *l) {
    round_begin(l);
    maker mk = round_maker(l);
    op o = {.kind = op_find("kv.put"),
            .key = strata_text("k0"),
            .value = pick_value(&mk),
            .as_of = UINT64_MAX};
    const uint64_t before = l->model.last;
    o.value = o.value.len > l->options.value_bytes_max ? st_slice("\xc0", 1) : o.value;
    op_encode(&mk, &o);
    l->excuses = l->may_break;
    round_single(l, &o);
    return l->model.last > before;
}

/* The writer has failed: reads go on, writes do not, closing says so, opening again helps. */
static void live_broken(life *l) {
    l->broken = true;
    life_counts->broken++;
    for (uint64_t rounds = 1 + chance_below(l, 4); rounds > 0; rounds--) {
        round_run(l);
    }
    (void)check_everything(l, 3, false);
    if (chance_in(l, 2)) {
        life_crash(l);
        return;
    }
    life_close(l);
    fault_heal(l);
    life_open(l);
}

void fault_settle(life *l) {
    if (life_is_dead(l)) {
        life_crash(l);
        return;
    }
    if (l->rounds_left == 0 || --l->rounds_left > 0) {
        return;
    }
    if (l->crash_armed || l->lying) {
        life_crash(l);
        return;
    }
    const uint32_t may_break = l->may_break;
    fault_heal(l);
    l->may_break = may_break;
    const bool works = takes_writes(l);
    l->may_break = 0;
    if (!works) {
        live_broken(l);
        return;
    }
    l->excuses = 0;
    if (l->unknown_count > 0) { /* the next commit has come after them, so they never were */
        l->unknown_count = 0;
    }
    (void)check_everything(l, 2, false);
}
