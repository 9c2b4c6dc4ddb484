/* test_crash.c - that a crash at any moment loses nothing that was promised and invents nothing.
 *
 * The script of workload.h runs on a simulated machine whose power goes at the n-th call that
 * changes the disk, for every n. Of what was not synced then, nothing, everything, or any torn and
 * reordered part survives; or only the process dies, and the power goes a little later. After that:
 *   it opens; the state is exactly that after some commit v of the script (a prefix, nothing torn,
 *   nothing invented); v is at least the last commit whose durability was acknowledged, and at most
 *   the last that was issued (the one cut off by the crash may be there or not); db.verify finds
 *   nothing; writing goes on; and after a clean close all of it is there again.
 * In some cases the power goes again soon after, twice: during recovery, or in what follows the
 * recovery, where the script goes on from the commit that was recovered.
 *
 * Replay one case: CRASH_AT=n CRASH_POLICY=p CRASH_MODE=m (numbers as printed).
 */
#include "workload.h"

enum { POLICIES = 5 };

static const struct {
    const char *name;
    sim_policy policy;
    bool again; /* and twice more, soon after */
} policies[POLICIES] = {
    {"nothing unsynced survives", SIM_NONE, false},
    {"everything survives", SIM_ALL, false},
    {"any part survives", SIM_RANDOM, false},
    {"any part survives, three times", SIM_RANDOM, true},
    {"the process dies, then the power goes twice", SIM_KILL, true},
};

/* What may be there after the crash. */
typedef struct bounds {
    uint64_t least;
    uint64_t most;
} bounds;

static void check_bounds(uint64_t version, bounds allowed) {
    if (version < allowed.least || version > allowed.most) {
        fail_msg("recovered to commit %u; %u to %u were possible", (unsigned)version,
                 (unsigned)allowed.least, (unsigned)allowed.most);
    }
}

/* Opens and runs the script, from where the database stands, until the power goes at the n-th
 * changing call. What it opens must be within the bounds; returns those for the next time. */
static bounds live(sim *s, const work_reference *reference, uint64_t nth, bounds allowed) {
    strata_db *db = NULL;
    sim_cut_power(s, nth);
    if (work_open(s, reference, &db) != STRATA_OK) {
        if (!s->dead) {
            fail_msg("does not open after a crash");
        }
        return allowed;
    }
    const uint64_t version = db_version(db);
    check_bounds(version, allowed);
    allowed.most = version;
    if (!s->dead) {
        work_check(db, reference, version);
        /* The first commit of all is made by opening, and buffered like any other. */
        allowed.least = version > 1 || reference->durability == STRATA_STRICT ? version : 0;
    }
    for (size_t step = work_next(reference, version); step < WORK_STEPS && !s->dead; step++) {
        const strata_status status = work_step(s, db, step);
        allowed.most = reference->version_after[step];
        if (!s->dead) {
            assert_int_equal(status, reference->statuses[step]);
        }
        if (status == STRATA_OK && work_is_durable(reference, step)) {
            allowed.least = allowed.most;
        }
    }
    if (strata_close(db) == STRATA_OK && !s->dead) {
        allowed.least = allowed.most;
    }
    return allowed;
}

static void check_survivor(sim *s, const work_reference *reference, bounds allowed) {
    strata_db *db = NULL;
    strata_error error = {.code = STRATA_OK};
    strata_options options = db_options(s, reference->durability);
    options.error = &error;
    s->wall_us = 1700000000000000;
    if (strata_open("db", &options, &db) != STRATA_OK) {
        fail_msg("does not open: %s", error.message);
    }
    const uint64_t version = db_version(db);
    check_bounds(version, allowed);
    work_check(db, reference, version);
    db_verify(db);
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"after\",\"value\":1}");
    (void)ask(db, STRATA_OK, "memory.remember", "{\"key\":\"after\",\"text\":\"common words\"}");
    (void)ask(db, STRATA_OK, "event.append", "{\"type\":\"after\",\"payload\":{}}");
    assert_int_equal(db_version(db), version + 3);
    strata_buffer before = db_dump(db);
    db_close(db);
    db = db_open(s, reference->durability);
    strata_buffer after = db_dump(db);
    test_bytes_equal(st_buffer_slice(&after), st_buffer_slice(&before), "changed by reopening");
    strata_buffer_free(&before);
    strata_buffer_free(&after);
    db_verify(db);
    db_close(db);
}

static void crash_once(const work_reference *reference, uint64_t nth, unsigned policy) {
    sim *s = sim_new(1);
    uint64_t chance = nth * 31 + policy;
    replay_hint("CRASH_MODE=%d CRASH_AT=%u CRASH_POLICY=%u build/tests/unit/store/test_crash",
                (int)reference->durability, (unsigned)nth, policy);
    bounds allowed = live(s, reference, nth, (bounds){0, 1});
    sim_restart(s, policies[policy].policy, test_random(&chance));
    for (int i = 0; i < 2 && policies[policy].again; i++) {
        const uint64_t soon = 1 + test_random_below(&chance, 16);
        allowed = live(s, reference, soon, allowed);
        sim_restart(s, SIM_RANDOM, test_random(&chance));
    }
    check_survivor(s, reference, allowed);
    sim_free(s);
    replay_hint(NULL);
}

static void crash_everywhere(strata_durability durability, strata_codec codec) {
    static work_reference reference;
    if (env_number("CRASH_MODE", durability) != durability) {
        skip();
    }
    work_reference_make(&reference, durability, codec);
    const uint64_t only = env_number("CRASH_AT", 0);
    const uint64_t only_policy = env_number("CRASH_POLICY", POLICIES);
    const uint64_t end = reference.changing_calls + 1; /* the last case: no crash at all */
    for (uint64_t nth = only > 0 ? only : 1; nth <= (only > 0 ? only : end); nth++) {
        for (unsigned policy = 0; policy < POLICIES; policy++) {
            if (only_policy == POLICIES || only_policy == policy) {
                crash_once(&reference, nth, policy);
            }
        }
    }
    print_message("%u crash points, %d policies, %u commits\n", (unsigned)end, POLICIES,
                  (unsigned)reference.last);
    work_reference_free(&reference);
}

static void strict_everywhere(void **state) {
    (void)state;
    crash_everywhere(STRATA_STRICT, STRATA_CODEC_NONE);
}

static void buffered_everywhere(void **state) {
    (void)state;
    crash_everywhere(STRATA_BUFFERED, STRATA_CODEC_ZSTD);
}

/* A process dies and the next one goes on from what it had written and not synced; then the power
 * goes with the next one's records written and not synced either. What the first left must be
 * durable before the second builds on it: else a torn end looks like damage. */
static void dead_process_then_power(void **state) {
    (void)state;
    enum { TRIES = 6, PUTS = 12 };
    static work_reference reference;
    work_reference_make(&reference, STRATA_BUFFERED, STRATA_CODEC_NONE);
    const uint64_t only = env_number("CRASH_AT", 0);
    for (uint64_t nth = only > 0 ? only : 1; nth <= (only > 0 ? only : reference.changing_calls);
         nth++) {
        for (uint64_t seed = 0; seed < TRIES; seed++) {
            sim *s = sim_new(1);
            replay_hint("CRASH_AT=%u build/tests/unit/store/test_crash", (unsigned)nth);
            bounds allowed = live(s, &reference, nth, (bounds){0, 1});
            sim_restart(s, SIM_KILL, 0);
            strata_db *db = db_open(s, STRATA_BUFFERED);
            const uint64_t version = db_version(db);
            check_bounds(version, allowed);
            for (int i = 0; i < PUTS; i++) {
                (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"p%d\",\"value\":\"%0200d\"}", i, i);
            }
            sim_cut_power(s, 2); /* the sync after the write */
            assert_int_equal(strata_sync(db), STRATA_IO);
            (void)strata_close(db);
            sim_restart(s, SIM_RANDOM, seed * 1000 + nth);
            db = db_open(s, STRATA_BUFFERED);
            const uint64_t after = db_version(db);
            check_bounds(after, (bounds){version > 1 ? version : 1, version + PUTS});
            for (int i = 0; i < PUTS; i++) {
                const bool there = version + (uint64_t)i < after;
                (void)ask(db, there ? STRATA_OK : STRATA_NOT_FOUND, "kv.get", "{\"key\":\"p%d\"}",
                          i);
            }
            db_verify(db);
            db_close(db);
            sim_free(s);
            replay_hint(NULL);
        }
    }
    work_reference_free(&reference);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_everywhere),
        cmocka_unit_test(buffered_everywhere),
        cmocka_unit_test(dead_process_then_power),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
