/* store_script.c - see store_script.h. */
#include "store_script.h"

typedef struct script_life {
    const store_script *script;
    sim *machine;
    st_store store;
    bool open;
    store_model model;
    uint64_t promised; /* commits that a crash may not take */
    size_t at;         /* in the steps */
    unsigned left;     /* repetitions of the step there */
} script_life;

/* ---- Living ---------------------------------------------------------------------------------- */

static void life_begin(script_life *life, const store_script *script) {
    memset(life, 0, sizeof *life);
    life->script = script;
    life->machine = sim_new(script->seed);
    sm_init(&life->model, script->seed, script->value_bytes);
    life->model.policy = script->policy;
}

static void life_end(script_life *life) {
    sm_free(&life->model);
    sim_free(life->machine);
}

static strata_status try_open(script_life *life) {
    strata_error error;
    const strata_status status =
        sm_open(life->machine, &life->model, &life->store, life->script->durability, &error);
    life->open = status == STRATA_OK;
    return status;
}

static strata_status try_close(script_life *life) {
    strata_error error;
    life->open = false;
    return st_store_close(&life->store, &error);
}

/* The letter of the next step; 0: it is over. */
static char next_step(script_life *life) {
    const char *steps = life->script->steps;
    while (steps[life->at] == ' ') {
        life->at++;
    }
    if (life->left == 0) {
        life->left = 1;
        if (steps[life->at] >= '0' && steps[life->at] <= '9') {
            char *end;
            life->left = (unsigned)strtoul(steps + life->at, &end, 10);
            life->at = (size_t)(end - steps);
        }
    }
    return steps[life->at];
}

static void step_done(script_life *life) {
    if (--life->left == 0) {
        life->at++;
    }
}

static strata_status try_step(script_life *life, char step) {
    st_store *store = &life->store;
    st_compact_result result;
    strata_error error;
    bool more;
    switch (step) {
    case 'c':
        return sm_commit(life->machine, &life->model, store);
    case 'f':
        return st_store_flush(store, &error);
    case 'm':
        return st_maintenance_step(store, &more, &error);
    case 'M':
        return st_store_compact(store, true, &result, &error);
    case 'r':
        if (life->open) {
            ST_TRY(try_close(life));
        }
        return try_open(life);
    default:
        fail_msg("no such step: %c", step);
        return STRATA_INTERNAL;
    }
}

static void note_promise(script_life *life, char step) {
    if (life->script->durability == STRATA_STRICT || step == 'f' || step == 'M' || step == 'r') {
        life->promised = life->model.last;
    }
}

/* Lives on until a step fails (its letter) or all is over (0). */
static char live_on(script_life *life, strata_status *status) {
    for (char step = next_step(life); step != '\0'; step = next_step(life)) {
        *status = try_step(life, step);
        if (*status != STRATA_OK) {
            return step;
        }
        note_promise(life, step);
        step_done(life);
    }
    return '\0';
}

/* Opens after something was lost: the model takes what is there for what has happened, if that is
 * possible at all. */
static void open_again(script_life *life) {
    const uint64_t last = life->model.last;
    assert_int_equal(try_open(life), STRATA_OK);
    const uint64_t version = life->store.wal.version;
    if (version < life->promised || version > last + 1) {
        fail_msg("opened at commit %u; %u to %u were possible", (unsigned)version,
                 (unsigned)life->promised, (unsigned)last + 1);
    }
    if (version == last + 1) {
        sm_assume(&life->model);
    } else {
        sm_truncate(&life->model, version);
    }
    life->promised = version;
    sm_set_clock(life->machine, &life->model);
    sm_check_files(life->machine, &life->store);
    sm_check(&life->model, &life->store);
}

static void finish(script_life *life) {
    strata_status status = STRATA_OK;
    const char step = live_on(life, &status);
    if (step != '\0') {
        fail_msg("step %c, with nothing wrong any more: %s", step, strata_status_name(status));
    }
    sm_check(&life->model, &life->store);
    assert_int_equal(try_close(life), STRATA_OK);
    life->promised = life->model.last;
    open_again(life);
    assert_int_equal(try_close(life), STRATA_OK);
    sm_verify(life->machine);
}

/* ---- The storage ----------------------------------------------------------------------------- */

static const struct {
    uint32_t kinds;
    strata_status status;
    bool once;
    bool half; /* of the write is done first */
} faults[] = {
    {SIM_ANY, STRATA_IO, true, false},
    {SIM_CHANGING, STRATA_IO, false, false},
    {SIM_CHANGING, STRATA_NO_SPACE, true, false},
    {SIM_CHANGING, STRATA_NO_SPACE, false, false},
    {SIM_WRITE, STRATA_IO, true, true},
};

enum { FAULTS = sizeof faults / sizeof faults[0] };

/* The step has failed, and the fault is still there. */
static void after_failure(script_life *life) {
    sim *s = life->machine;
    if (life->open && s->fail_left == 0) {
        sm_check(&life->model, &life->store); /* as before, while nothing else fails */
    }
    sim_heal(s);
    s->monotonic_ns += 2000000000; /* failed merges are tried again after a while */
    if (life->open) {
        sm_check(&life->model, &life->store);
    }
    if (life->open && st_wal_check(&life->store.wal, NULL) == STRATA_OK) {
        return;
    }
    if (life->open) {
        (void)try_close(life);
        sim_restart(s, SIM_KILL, 0);
    }
    open_again(life);
}

/* Returns whether the fault was met. */
static bool fail_storage_at(const store_script *script, uint64_t nth, unsigned kind) {
    script_life life;
    strata_status status = STRATA_OK;
    replay_hint("CASE=%s FAULT_AT=%u FAULT_KIND=%u %s", script->name, (unsigned)nth, kind,
                script->program);
    life_begin(&life, script);
    sim *s = life.machine;
    (faults[kind].half ? sim_fail_short : sim_fail)(s, faults[kind].kinds, nth, faults[kind].status,
                                                    faults[kind].once);
    status = try_open(&life);
    if (status != STRATA_OK || live_on(&life, &status) != '\0') {
        if (status != faults[kind].status && status != STRATA_IO) {
            fail_msg("failed as %s", strata_status_name(status));
        }
        after_failure(&life);
    }
    const bool met = s->failed > 0;
    sim_heal(s);
    finish(&life);
    life_end(&life);
    replay_hint(NULL);
    return met;
}

static bool is_wanted(const store_script *script) {
    const char *only = getenv("CASE");
    return only == NULL || strcmp(only, script->name) == 0;
}

void script_fail_storage(const store_script *script) {
    const uint64_t only = env_number("FAULT_AT", 0);
    const uint64_t only_kind = env_number("FAULT_KIND", FAULTS);
    if (!is_wanted(script)) {
        return;
    }
    for (unsigned kind = 0; kind < FAULTS; kind++) {
        bool met = only_kind == FAULTS || only_kind == kind;
        for (uint64_t nth = only > 0 ? only : 1; met; nth++) {
            met = fail_storage_at(script, nth, kind) && only == 0;
        }
    }
}

/* ---- The power ------------------------------------------------------------------------------- */

static bool cut_power_at(const store_script *script, uint64_t nth, unsigned policy) {
    static const sim_policy policies[] = {SIM_NONE, SIM_ALL, SIM_RANDOM, SIM_RANDOM};
    script_life life;
    strata_status status = STRATA_OK;
    replay_hint("CASE=%s CUT_AT=%u CUT_POLICY=%u %s", script->name, (unsigned)nth, policy,
                script->program);
    life_begin(&life, script);
    sim_cut_power(life.machine, nth);
    status = try_open(&life);
    if (status == STRATA_OK) {
        (void)live_on(&life, &status);
    }
    /* What goes on in the background does not tell anybody that the power is gone. */
    const bool met = life.machine->dead;
    if (met) {
        if (life.open) {
            (void)try_close(&life);
        }
        sim_restart(life.machine, policies[policy], nth * 4 + policy);
        open_again(&life);
    } else {
        assert_int_equal(status, STRATA_OK);
        sim_heal(life.machine);
    }
    finish(&life);
    life_end(&life);
    replay_hint(NULL);
    return met;
}

void script_cut_power(const store_script *script) {
    enum { POLICIES = 4 };
    const uint64_t only = env_number("CUT_AT", 0);
    const uint64_t only_policy = env_number("CUT_POLICY", POLICIES);
    if (!is_wanted(script)) {
        return;
    }
    for (unsigned policy = 0; policy < POLICIES; policy++) {
        bool met = only_policy == POLICIES || only_policy == policy;
        for (uint64_t nth = only > 0 ? only : 1; met; nth++) {
            met = cut_power_at(script, nth, policy) && only == 0;
        }
    }
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static uint64_t count_allocations(const store_script *script) {
    script_life life;
    strata_status status = STRATA_OK;
    life_begin(&life, script);
    sim_fail_memory(life.machine, UINT64_MAX); /* never; it counts down */
    assert_int_equal(try_open(&life), STRATA_OK);
    assert_int_equal(live_on(&life, &status), '\0');
    const uint64_t count = UINT64_MAX - life.machine->memory_left;
    assert_int_equal(try_close(&life), STRATA_OK);
    life_end(&life);
    return count;
}

static void fail_memory_at(const store_script *script, uint64_t nth) {
    script_life life;
    strata_status status;
    replay_hint("CASE=%s MEMORY_AT=%u %s", script->name, (unsigned)nth, script->program);
    life_begin(&life, script);
    sim_fail_memory(life.machine, nth);
    status = try_open(&life);
    if (status == STRATA_OK) {
        (void)live_on(&life, &status);
    }
    if (status != STRATA_OK) {
        assert_int_equal(status, STRATA_NO_MEMORY);
        assert_true(life.machine->memory_failed);
        if (life.open) {
            sm_check(&life.model, &life.store);
        } else {
            open_again(&life);
        }
    }
    sim_heal(life.machine);
    life.machine->monotonic_ns += 2000000000;
    finish(&life);
    life_end(&life);
    replay_hint(NULL);
}

void script_fail_memory(const store_script *script, uint64_t samples) {
    const uint64_t only = env_number("MEMORY_AT", 0);
    if (!is_wanted(script)) {
        return;
    }
    if (only > 0) {
        fail_memory_at(script, only);
        return;
    }
    const uint64_t count = count_allocations(script);
    const uint64_t stride = count / samples + 1;
    print_message("%u allocations, every %u-th fails\n", (unsigned)count, (unsigned)stride);
    for (uint64_t nth = 1; nth <= count; nth += stride) {
        fail_memory_at(script, nth);
    }
}

/* ---- The same bytes -------------------------------------------------------------------------- */

void script_compare_files(const store_script *script) {
    script_life lives[2];
    if (!is_wanted(script)) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        strata_status status = STRATA_OK;
        life_begin(&lives[i], script);
        assert_int_equal(try_open(&lives[i]), STRATA_OK);
        assert_int_equal(live_on(&lives[i], &status), '\0');
        assert_int_equal(try_close(&lives[i]), STRATA_OK);
    }
    size_t tables = 0;
    for (size_t i = 0; i < lives[0].machine->entry_count; i++) {
        const char *name = lives[0].machine->entries[i]->name;
        const strata_slice a = sim_copy(lives[0].machine, name, false);
        const strata_slice b = sim_copy(lives[1].machine, name, false);
        assert_int_equal(a.data == NULL, b.data == NULL);
        test_bytes_equal(a, b, name);
        tables += a.data != NULL && strstr(name, "/DATA/") != NULL;
        sim_release(a);
        sim_release(b);
    }
    assert_true(tables > 0);
    assert_int_equal(lives[0].machine->entry_count, lives[1].machine->entry_count);
    life_end(&lives[0]);
    life_end(&lives[1]);
}
