/* workload.c - see workload.h. */
#include "workload.h"

enum {
    MEMORY_WORDS = 12,
    BIG_MIN = 6000,
    BIG_MORE = 6000,
    SYNC_EVERY = 9,
};

static const int64_t start_us = 1700000000000000;

static void set_clock(sim *s, size_t step) {
    s->chance = 1000 + step;
    s->wall_us = start_us + (int64_t)step * 1500;
    s->monotonic_ns = 1000000000 + (uint64_t)step * 30000000;
    if (step >= 20 && step < 26) {
        s->wall_us += 3600000000; /* an hour ahead */
    } else if (step >= 26 && step < 34) {
        s->wall_us -= 7200000000; /* and two back */
    } else if (step >= 40 && step < 45) {
        s->wall_us = start_us + 60000; /* standing still */
    }
}

/* A text that compression leaves as long as it is. */
static strata_slice big_text(uint64_t *chance) {
    static char text[BIG_MIN + BIG_MORE];
    const size_t len = BIG_MIN + (size_t)test_random_below(chance, BIG_MORE);
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)('0' + test_random_below(chance, 64));
    }
    return st_slice(text, len);
}

static const char *memory_text(uint64_t *chance) {
    static const char *const words[] = {"harbour", "lantern", "copper", "thistle", "meridian",
                                        "walnut",  "ferry",   "quartz", "saffron", "orchard"};
    static char text[512];
    size_t len = (size_t)snprintf(text, sizeof text, "common words");
    for (int i = 0; i < MEMORY_WORDS; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, " %s",
                                words[test_random_below(chance, 10)]);
    }
    return text;
}

static strata_status put_big(strata_db *db, const char *run, uint64_t key, uint64_t *chance) {
    strata_run id;
    char name[32];
    (void)snprintf(name, sizeof name, "k%u", (unsigned)key);
    const strata_status status = strata_run_find(db, strata_text(run), &id);
    return status != STRATA_OK
               ? status
               : strata_kv_put(db, id, strata_text(name), strata_string(big_text(chance)), NULL);
}

/* What happens to the run "side" at certain steps. */
static const struct {
    size_t step;
    const char *op;
    const char *arguments;
} fixed_steps[] = {
    {5, "run.create", "{\"name\":\"side\",\"tags\":[\"a\",\"b\"],\"metadata\":{\"n\":1}}"},
    {30, "run.pause", "{\"name\":\"side\"}"},
    {36, "run.resume", "{\"name\":\"side\"}"},
    {50, "run.create", "{\"name\":\"third\",\"parent\":\"side\"}"},
    {51, "run.fail", "{\"name\":\"third\",\"error\":\"for the test\"}"},
    {60, "run.complete", "{\"name\":\"side\"}"},
    {66, "run.archive", "{\"name\":\"side\"}"},
};

static strata_status random_step(strata_db *db, size_t step, uint64_t *chance) {
    const char *run = step > 5 && test_random_below(chance, 3) == 0 ? "side" : "default";
    const unsigned key = (unsigned)test_random_below(chance, 6);
    switch (test_random_below(chance, 12)) {
    case 0:
    case 1:
    case 2:
        return put_big(db, run, key, chance);
    case 3:
        return tell(db, "kv.put", "{\"run\":\"%s\",\"key\":\"k%u\",\"value\":{\"step\":%zu}}", run,
                    key, step);
    case 4:
        return tell(db, "kv.delete", "{\"run\":\"%s\",\"key\":\"k%u\"}", run, key);
    case 5:
        return tell(db, "kv.incr", "{\"run\":\"%s\",\"key\":\"counter\",\"by\":%zu}", run, step);
    case 6:
    case 7:
        return tell(db, "event.append",
                    "{\"run\":\"%s\",\"type\":\"step\",\"payload\":{\"step\":%zu,\"key\":%u}}", run,
                    step, key);
    case 8:
    case 9:
        return tell(db, "memory.remember",
                    "{\"run\":\"%s\",\"key\":\"m%u\",\"text\":\"%s\",\"tags\":[\"t%u\"]}", run, key,
                    memory_text(chance), key);
    case 10:
        return tell(db, "memory.remember", "{\"run\":\"%s\",\"key\":\"n%zu\",\"text\":\"%s\"}", run,
                    step, memory_text(chance));
    default:
        return tell(db, "memory.forget", "{\"run\":\"%s\",\"key\":\"m%u\"}", run, key);
    }
}

strata_status work_step(sim *s, strata_db *db, size_t step) {
    uint64_t chance = step * 7919 + 17;
    set_clock(s, step);
    for (size_t i = 0; i < sizeof fixed_steps / sizeof fixed_steps[0]; i++) {
        if (fixed_steps[i].step == step) {
            return tell(db, fixed_steps[i].op, "%s", fixed_steps[i].arguments);
        }
    }
    return step % SYNC_EVERY == SYNC_EVERY - 1 ? strata_sync(db) : random_step(db, step, &chance);
}

size_t work_next(const work_reference *reference, uint64_t version) {
    size_t step = 0;
    while (step < WORK_STEPS && reference->version_after[step] <= version) {
        step++;
    }
    return step;
}

bool work_is_durable(const work_reference *reference, size_t step) {
    return reference->durability == STRATA_STRICT || step % SYNC_EVERY == SYNC_EVERY - 1;
}

strata_status work_open(sim *s, const work_reference *reference, strata_db **db) {
    strata_options options = db_options(s, reference->durability);
    options.codec = reference->codec;
    set_clock(s, 0);
    return strata_open("db", &options, db);
}

void work_reference_make(work_reference *reference, strata_durability durability,
                         strata_codec codec) {
    sim *s = sim_new(1);
    strata_db *db = NULL;
    memset(reference, 0, sizeof *reference);
    reference->durability = durability;
    reference->codec = codec;
    sim_fail_memory(s, UINT64_MAX); /* never; it counts down */
    assert_int_equal(work_open(s, reference, &db), STRATA_OK);
    reference->last = db_version(db);
    reference->dumps[reference->last] = db_dump(db);
    for (size_t step = 0; step < WORK_STEPS; step++) {
        reference->statuses[step] = work_step(s, db, step);
        const uint64_t version = db_version(db);
        if (version != reference->last) {
            assert_int_equal(version, reference->last + 1);
            assert_true(version < WORK_VERSIONS_MAX);
            reference->last = version;
            const uint64_t left = s->memory_left;
            reference->dumps[version] = db_dump(db);
            s->memory_left = left;
        }
        reference->version_after[step] = version;
    }
    db_close(db);
    reference->allocations = UINT64_MAX - s->memory_left;
    reference->changing_calls = sim_calls(s, SIM_CHANGING);
    reference->all_calls = sim_calls(s, SIM_ANY);
    sim_free(s);
}

void work_reference_free(work_reference *reference) {
    for (size_t i = 0; i < WORK_VERSIONS_MAX; i++) {
        strata_buffer_free(&reference->dumps[i]);
    }
}

void work_check(strata_db *db, const work_reference *reference, uint64_t version) {
    strata_buffer dump = db_dump(db);
    const strata_slice expected = st_buffer_slice(&reference->dumps[version]);
    if (!st_slice_equal(st_buffer_slice(&dump), expected)) {
        dump_explain(st_buffer_slice(&dump), expected);
        fail_msg("the database does not show the state after commit %u", (unsigned)version);
    }
    strata_buffer_free(&dump);
}
