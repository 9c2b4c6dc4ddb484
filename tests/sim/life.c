/* life.c - one seed is one life of a database.
 *
 * The seed decides the configuration, the operations, who comes first, what fails when, and what a
 * crash leaves. All of it is compared with the model (model.h), which keeps every version of
 * everything. The same seed is the same life, to the byte.
 *
 *   fault                                   promise, as it is checked
 *   crash at any call that changes the      opens; every acknowledged strict commit is there, and all
 *     disk, in recovery too; what was not     that db.sync or the interval promised; the state is that
 *     synced kept, lost, torn, reordered      after some commit, every other one whole or absent
 *   the process dies, the system does not   the same
 *   a write stops halfway; one call or all  the writer stops: nothing more is acknowledged, reads go
 *     from now on fail; a sync fails          on, closing says so; opening again is like after a crash
 *   the disk is full                        clean no_space, reads go on; with space again, all goes on
 *   reading fails                           io from what reads; all goes on when it works again
 *   the n-th allocation fails               no_memory and no effect; nothing leaks; the next is fine
 *   the clock jumps, stands still, goes     versions do not care; times of a run do not go down
 *     back
 *   a sync lies                             what the disk kept in order is still a prefix
 *   a bit flips, a sector is zeroed or      refused with file and offset, or identical (damage.c)
 *     misdirected
 *   a thread is overtaken at any call to    commits are one order that explains every answer (round.c)
 *     the host                                and nobody waits for ever (scheduler.c)
 *   somebody else opens it                  busy
 * A short read is no fault here: retrying it is the host's, and its tests'. A sync that lies and then
 * loses or tears writes in any order is none either: then no order of writes can help.
 */
#include "life.h"

#include "base/crc32c.h"

bool life_traces;

static life_totals uncounted;
life_totals *life_counts = &uncounted;

uint64_t chance_below(life *l, uint64_t limit) {
    return test_random_below(&l->chance, limit);
}

bool chance_in(life *l, uint64_t n) {
    return chance_below(l, n) == 0;
}

void life_fail(life *l, const char *format, ...) {
    va_list list;
    (void)fprintf(stderr, "seed %llu, operation %llu: ", (unsigned long long)l->seed,
                  (unsigned long long)l->operations);
    va_start(list, format);
    (void)vfprintf(stderr, format, list);
    va_end(list);
    (void)fprintf(stderr, "\n");
    exit(1);
}

/* ---- What the seed decides ------------------------------------------------------------------- */

static void configure(life *l) {
    static const uint32_t intervals_ms[] = {1, 10, 100, 1000};
    static const unsigned value_bytes[] = {60, 300, 2000, 8000};
    static const uint64_t every[] = {1, 2, 4, 16};
    static const unsigned faults_in[] = {0, 6, 15, 40};
    const uint64_t die = chance_below(l, 20);
    l->options = (strata_options)STRATA_OPTIONS_INIT;
    l->options.durability = die < 9 ? STRATA_STRICT : die < 18 ? STRATA_BUFFERED : STRATA_MEMORY;
    l->in_memory = l->options.durability == STRATA_MEMORY;
    l->options.codec = chance_in(l, 2) ? STRATA_CODEC_ZSTD : STRATA_CODEC_NONE;
    /* Mostly the smallest, so that it ends now and then. */
    l->options.wal_segment_bytes = (uint64_t)65536
                                   << (chance_in(l, 4) ? 1 + chance_below(l, 2) : 0);
    l->options.sync_interval_ms = intervals_ms[chance_below(l, 4)];
    /* Memtables become tables at a quarter of it: mostly by themselves, too. */
    l->options.memory_bytes = (uint64_t)(chance_in(l, 4) ? 1 + chance_below(l, 8) : 1) << 20;
    l->options.flags = chance_in(l, 3) ? STRATA_OPEN_LAZY_INDEX : 0;
    if (chance_in(l, 5)) {
        l->options.value_bytes_max = 500 + (uint32_t)chance_below(l, 3000);
    }
    l->keys = 4 + (unsigned)chance_below(l, 20);
    l->value_bytes = value_bytes[chance_below(l, 4)];
    l->faults_in = faults_in[chance_below(l, 4)];
    l->reopens_in = 15 + (unsigned)chance_below(l, 100);
    l->budget = 200 + chance_below(l, 300);
    l->txns_max = chance_in(l, 8) ? ST_TXNS_MAX + 2 : 1 + (size_t)chance_below(l, 4);
    l->retains = chance_in(l, 3);
    l->searches = chance_in(l, 4);
    l->clients = 1;
    if (chance_in(l, 2)) {
        l->clients = 1 + (unsigned)chance_below(l, CLIENTS_MAX);
        l->sc = sched_new(l->machine, test_random(&l->chance), every[chance_below(l, 4)]);
        sched_take_over(l->sc);
    }
}

/* ---- The course of it ------------------------------------------------------------------------ */

static void pass_time(life *l) {
    sim *s = l->machine;
    const uint64_t die = chance_below(l, 60);
    s->monotonic_ns += chance_below(l, die < 6 ? 300000000 : 3000000);
    if (die == 0) {
        s->wall_us += 3600000000; /* an hour ahead */
    } else if (die == 1) {
        s->wall_us -= 3600000000;
    } else if (die < 50) {
        s->wall_us += (int64_t)chance_below(l, 20000);
    }
}

static void open_twice(life *l) {
    strata_options options = l->options;
    strata_error error;
    strata_db *db = NULL;
    options.error = &error;
    const strata_status status = strata_open("db", &options, &db);
    if (status != STRATA_BUSY) {
        life_fail(l, "a second opener: %s", strata_status_name(status));
    }
}

static void reopen(life *l) {
    const bool calm = l->excuses == 0 && !l->lying && !l->crash_armed;
    if (life_traces) {
        (void)fprintf(stderr, "-- close and open\n");
    }
    life_close(l);
    if (life_is_dead(l)) {
        life_restart(l);
        l->crash_armed = false;
    } else if (calm && chance_in(l, 2)) {
        damage_try(l, true);
    }
    life_look_back(l);
    life_open(l);
}

static void live(life *l) {
    if (!l->in_memory && l->faults_in > 0 && chance_in(l, 4)) { /* while it is made */
        sim_cut_power(l->machine, 1 + chance_below(l, 8));
    }
    life_open(l);
    while (l->operations < l->budget) {
        const bool calm = l->rounds_left == 0;
        if (calm && l->faults_in > 0 && chance_in(l, l->faults_in)) {
            fault_arm(l);
        } else if (!l->in_memory && chance_in(l, l->reopens_in)) {
            reopen(l);
        } else if (calm && !l->in_memory && chance_in(l, 100)) {
            open_twice(l);
        }
        pass_time(l);
        round_run(l);
        fault_settle(l);
    }
    while (l->rounds_left > 0) {
        fault_settle(l);
    }
    (void)check_everything(l, UINT64_MAX, false);
    life_close(l);
    if (!l->in_memory) {
        damage_try(l, true);
    }
}

static void add_files(life *l) {
    for (size_t i = 0; i < l->machine->entry_count; i++) {
        const sim_entry *entry = l->machine->entries[i];
        if (entry->now != NULL) {
            const strata_slice bytes = sim_copy(l->machine, entry->name, false);
            l->digest = st_crc32c(l->digest, strata_text(entry->name));
            l->digest = st_crc32c(l->digest, bytes);
            sim_release(bytes);
        }
    }
}

uint32_t life_run(uint64_t seed) {
    life *l = calloc(1, sizeof *l);
    assert_non_null(l);
    l->seed = seed;
    /* Drawn itself: of seeds side by side the draws would be the same ones, one later. */
    l->chance = seed;
    l->chance = test_random(&l->chance);
    l->present = UINT64_MAX;
    l->machine = sim_new(test_random(&l->chance));
    model_init(&l->model);
    expected_init(&l->expected);
    st_arena_init(&l->arena, &strata_host_default()->memory, 1 << 16);
    configure(l);
    live(l);
    add_files(l);
    life_counts->lives++;
    life_counts->operations += l->operations;
    life_counts->commits += l->model.last;
    const uint32_t digest = l->digest;
    sim_free(l->machine);
    if (l->sc != NULL) {
        sched_free(l->sc);
    }
    expected_free(&l->expected);
    model_free(&l->model);
    st_arena_free(&l->arena);
    free(l->acks);
    free(l);
    return digest;
}
