/* test_faults.c - that a failed operation changes nothing, whatever failed.
 *
 * The script of workload.h runs while the n-th call of the storage, or the n-th allocation, fails;
 * for every n (allocations: for a sample). Promised, and checked at each failure:
 *   readers see exactly the state after the last commit that succeeded;
 *   no_memory, and no_space where the log only wanted to grow: the same step succeeds when tried
 *   again, and the script ends as if nothing had happened;
 *   a write or sync that failed: nothing more is accepted, reads go on, closing says so; reopening
 *   shows a state from the last one that was promised durable to the last that was issued;
 *   nothing leaks, no file stays open (sim_free checks both).
 *
 * Replay one case: FAULT_AT=n FAULT_KIND=k FAULT_MODE=m (numbers as printed).
 */
#include "workload.h"

static const struct {
    const char *name;
    uint32_t kinds;
    strata_status status;
    bool once;
    bool half; /* of the write is done first */
} faults[] = {
    {"one call: io", SIM_CHANGING, STRATA_IO, true, false},
    {"io from then on", SIM_CHANGING, STRATA_IO, false, false},
    {"one call: no space", SIM_CHANGING, STRATA_NO_SPACE, true, false},
    {"no space from then on", SIM_CHANGING, STRATA_NO_SPACE, false, false},
    {"one write stops halfway", SIM_CHANGING, STRATA_IO, true, true},
};

enum { FAULTS = sizeof faults / sizeof faults[0] };

/* Whether the log may go on after what failed: it only asked for room. */
static bool may_go_on(const sim *s) {
    return (s->failed_kinds == SIM_TRUNCATE && s->failed_growth) ||
           (s->failed_kinds == SIM_CREATE && s->fail_status == STRATA_NO_SPACE);
}

/* Whether it may go on or not: the header of a new segment, and the manifest that then names it, are
 * writes like any other to the machine, but nothing depends on them yet. */
static bool may_do_either(const sim *s) {
    return s->failed_growth ||
           ((s->failed_kinds & (SIM_WRITE | SIM_CREATE)) != 0 && s->fail_status == STRATA_NO_SPACE);
}

/* The script after a failure that was healed. Returns whether the writer took more. */
static bool try_again(sim *s, strata_db *db, const work_reference *reference, size_t step,
                      uint64_t *version) {
    const bool may = may_go_on(s);
    const bool either = may_do_either(s);
    work_check(db, reference, *version);
    sim_heal(s);
    const strata_status status = work_step(s, db, step);
    if (status != reference->statuses[step]) {
        assert_false(may);
        if (status != STRATA_IO && status != STRATA_NO_SPACE) {
            fail_msg("step %u, tried again: %s", (unsigned)step, strata_errmsg(db));
        }
        assert_int_equal(tell(db, "kv.put", "{\"key\":\"k\",\"value\":1}"), status);
        for (size_t later = step; later < WORK_STEPS; later++) {
            (void)work_step(s, db, later);
        }
        work_check(db, reference, *version);
        return false;
    }
    assert_true(may || either);
    *version = reference->version_after[step];
    return true;
}

static void check_reopened(sim *s, const work_reference *reference, uint64_t least, uint64_t most) {
    strata_db *db = NULL;
    sim_restart(s, SIM_KILL, 0);
    assert_int_equal(work_open(s, reference, &db), STRATA_OK);
    const uint64_t version = db_version(db);
    if (version < least || version > most) {
        fail_msg("reopened at commit %u; %u to %u were possible", (unsigned)version,
                 (unsigned)least, (unsigned)most);
    }
    work_check(db, reference, version);
    db_verify(db);
    db_close(db);
}

/* A sync that failed is io, whatever the host calls it. */
static void check_status(const sim *s, unsigned kind, strata_status status) {
    if (status != faults[kind].status) {
        assert_int_equal(status, STRATA_IO);
        assert_int_equal(s->failed_kinds & SIM_SYNC, SIM_SYNC);
    }
}

static void fail_once_at(const work_reference *reference, uint64_t nth, unsigned kind) {
    sim *s = sim_new(1);
    strata_db *db = NULL;
    uint64_t version = 1; /* that readers see */
    uint64_t durable = 0; /* that is promised */
    uint64_t issued = 1;
    bool alive = true;
    replay_hint("FAULT_MODE=%d FAULT_AT=%u FAULT_KIND=%u build/tests/unit/store/test_faults",
                (int)reference->durability, (unsigned)nth, kind);
    (faults[kind].half ? sim_fail_short : sim_fail)(s, faults[kind].kinds, nth, faults[kind].status,
                                                    faults[kind].once);
    strata_status status = work_open(s, reference, &db);
    if (status != STRATA_OK) {
        check_status(s, kind, status);
        sim_heal(s);
        assert_int_equal(work_open(s, reference, &db), STRATA_OK);
    }
    for (size_t step = 0; step < WORK_STEPS && alive; step++) {
        status = work_step(s, db, step);
        issued = reference->version_after[step];
        if (status == reference->statuses[step]) {
            version = issued;
        } else {
            check_status(s, kind, status);
            alive = try_again(s, db, reference, step, &version);
        }
        if (alive && work_is_durable(reference, step)) {
            durable = version;
        }
    }
    status = strata_close(db);
    if (alive && s->failed == 0) {
        assert_int_equal(status, STRATA_OK);
    }
    if (!alive) {
        assert_int_not_equal(status, STRATA_OK);
    }
    sim_heal(s);
    check_reopened(s, reference, status == STRATA_OK ? version : durable, issued);
    sim_free(s);
    replay_hint(NULL);
}

static void fail_everywhere(strata_durability durability) {
    static work_reference reference;
    if (env_number("FAULT_MODE", durability) != durability) {
        skip();
    }
    work_reference_make(&reference, durability, STRATA_CODEC_NONE);
    const uint64_t only = env_number("FAULT_AT", 0);
    const uint64_t only_kind = env_number("FAULT_KIND", FAULTS);
    const uint64_t end = only > 0 ? only : reference.changing_calls;
    for (uint64_t nth = only > 0 ? only : 1; nth <= end; nth++) {
        for (unsigned kind = 0; kind < FAULTS; kind++) {
            if (only_kind == FAULTS || only_kind == kind) {
                fail_once_at(&reference, nth, kind);
            }
        }
    }
    work_reference_free(&reference);
}

static void strict_storage(void **state) {
    (void)state;
    fail_everywhere(STRATA_STRICT);
}

static void buffered_storage(void **state) {
    (void)state;
    fail_everywhere(STRATA_BUFFERED);
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* Every call that opening and closing makes fails once: an error or none, but nothing is harmed. */
static void opening(void **state) {
    (void)state;
    static work_reference reference;
    work_reference_make(&reference, STRATA_STRICT, STRATA_CODEC_ZSTD);
    sim *s = sim_new(1);
    strata_db *db = NULL;
    assert_int_equal(work_open(s, &reference, &db), STRATA_OK);
    for (size_t step = 0; step < WORK_STEPS; step++) {
        (void)work_step(s, db, step);
    }
    sim_cut_power(s, 1); /* so that there is something to recover */
    (void)strata_close(db);
    sim_restart(s, SIM_ALL, 0);
    for (uint64_t nth = 1;; nth++) {
        sim *copy = sim_new(2);
        replay_hint("FAULT_AT=%u (in `opening`) build/tests/unit/store/test_faults", (unsigned)nth);
        sim_clone(copy, s);
        sim_fail(copy, SIM_ANY, nth, STRATA_IO, true);
        db = NULL;
        if (work_open(copy, &reference, &db) == STRATA_OK) {
            (void)strata_close(db);
        }
        const bool hit = copy->failed > 0;
        sim_heal(copy);
        check_reopened(copy, &reference, reference.last, reference.last);
        sim_free(copy);
        replay_hint(NULL);
        if (!hit) {
            print_message("%u calls\n", (unsigned)nth - 1);
            break;
        }
    }
    sim_free(s);
    work_reference_free(&reference);
}

/* ---- Merging --------------------------------------------------------------------------------- */

/* Every sync of a compaction fails once. What it wrote may be on the disk all the same, a manifest that
 * names a new table too; so no file may go that it names, whatever is asked in between. */
static void compacting(void **state) {
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        sim *s = sim_new(1);
        strata_db *db = db_open(s, STRATA_BUFFERED);
        for (unsigned i = 0; i < 3; i++) {
            ask(db, STRATA_OK, "kv.put", "{\"key\":\"k\",\"value\":%u}", i);
            ask(db, STRATA_OK, "db.checkpoint", "{}");
        }
        sim_fail(s, SIM_SYNC, nth, STRATA_IO, true);
        const strata_status status = tell(db, "db.compact", "{\"mode\":\"full\"}");
        const bool hit = s->failed > 0;
        assert_int_equal(status, hit ? STRATA_IO : STRATA_OK);
        sim_heal(s);
        db_verify(db);
        db_verify(db);
        sim_cut_power(s, 1); /* closing writes nothing */
        (void)strata_close(db);
        sim_restart(s, SIM_KILL, 0);
        db = db_open(s, STRATA_BUFFERED);
        assert_non_null(strstr(ask(db, STRATA_OK, "kv.get", "{\"key\":\"k\"}"), "\"value\":2"));
        db_verify(db);
        db_close(db);
        sim_free(s);
        if (!hit) {
            assert_true(nth > 2);
            break;
        }
    }
}

/* ---- A full disk ----------------------------------------------------------------------------- */

/* The disk has a little more room each time it is full: every commit that is refused is refused
 * cleanly, reads go on, and in the end all is as if the disk had always been large. */
static void full_disk(void **state) {
    (void)state;
    static work_reference reference;
    const strata_durability modes[] = {STRATA_STRICT, STRATA_BUFFERED};
    for (size_t mode = 0; mode < 2; mode++) {
        work_reference_make(&reference, modes[mode], STRATA_CODEC_NONE);
        sim *s = sim_new(1);
        strata_db *db = NULL;
        unsigned refused = 0;
        for (uint64_t capacity = 0; db == NULL; capacity += 40) {
            sim_set_capacity(s, capacity);
            const strata_status status = work_open(s, &reference, &db);
            assert_true(status == STRATA_OK || status == STRATA_NO_SPACE);
            refused += status == STRATA_NO_SPACE;
            capacity += capacity == 440 ? 1 << 20 : 0; /* what the log reserves at a time */
        }
        uint64_t version = 1;
        for (size_t step = 0; step < WORK_STEPS; step++) {
            sim_set_capacity(s, sim_used(s));
            strata_status status = work_step(s, db, step);
            while (status == STRATA_NO_SPACE) {
                refused++;
                work_check(db, &reference, version);
                sim_set_capacity(s, s->capacity + (refused % 2 == 0 ? 30 : 1 << 20));
                status = work_step(s, db, step);
            }
            assert_int_equal(status, reference.statuses[step]);
            version = reference.version_after[step];
        }
        work_check(db, &reference, reference.last);
        db_close(db);
        check_reopened(s, &reference, reference.last, reference.last);
        sim_free(s);
        work_reference_free(&reference);
        assert_true(refused > 10);
        print_message("refused %u times\n", refused);
    }
}

/* ---- No memory ------------------------------------------------------------------------------- */

static void starve_at(const work_reference *reference, uint64_t nth) {
    sim *s = sim_new(1);
    strata_db *db = NULL;
    uint64_t version = 1;
    replay_hint("FAULT_AT=%u (of memory) build/tests/unit/store/test_faults", (unsigned)nth);
    sim_fail_memory(s, nth);
    strata_status status = work_open(s, reference, &db);
    if (status != STRATA_OK) {
        assert_int_equal(status, STRATA_NO_MEMORY);
        assert_true(s->memory_failed);
        assert_int_equal(work_open(s, reference, &db), STRATA_OK);
    }
    for (size_t step = 0; step < WORK_STEPS; step++) {
        status = work_step(s, db, step);
        if (status != reference->statuses[step]) {
            assert_int_equal(status, STRATA_NO_MEMORY);
            assert_true(s->memory_failed);
            if (db_version(db) != version) {
                fail_msg("step %u returned no_memory but committed", (unsigned)step);
            }
            work_check(db, reference, version);
            status = work_step(s, db, step);
            assert_int_equal(status, reference->statuses[step]);
        }
        version = reference->version_after[step];
    }
    sim_heal(s);
    work_check(db, reference, reference->last);
    db_verify(db);
    assert_int_equal(strata_close(db), STRATA_OK);
    check_reopened(s, reference, reference->last, reference->last);
    sim_free(s);
    replay_hint(NULL);
}

static void memory(void **state) {
    (void)state;
    enum { SAMPLES = 160 };
    static work_reference reference;
    work_reference_make(&reference, STRATA_STRICT, STRATA_CODEC_ZSTD);
    const uint64_t only = env_number("FAULT_AT", 0);
    const uint64_t stride = reference.allocations / SAMPLES + 1;
    print_message("%u allocations, every %u-th fails\n", (unsigned)reference.allocations,
                  (unsigned)stride);
    if (only > 0) {
        starve_at(&reference, only);
    }
    for (uint64_t nth = 1; only == 0 && nth <= reference.allocations; nth += stride) {
        starve_at(&reference, nth);
    }
    work_reference_free(&reference);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_storage), cmocka_unit_test(buffered_storage),
        cmocka_unit_test(opening),        cmocka_unit_test(full_disk),
        cmocka_unit_test(compacting),     cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
