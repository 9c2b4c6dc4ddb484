/* test_snapshot.c - that a snapshot shows its moment for ever, and is there whole or not at all.
 *
 * The script of workload.h runs with checkpoints, compactions, snapshots and deletes of snapshots in
 * between. What each snapshot must show is known: the state after the commit before it. Then
 *   the power goes at every changing call of it: a snapshot whose making was acknowledged is there,
 *   one whose deletion was acknowledged is not, each that is there shows its state, and in the end
 *   there is no file that nothing needs;
 *   every changing call fails once, and every allocation: a failed operation has changed nothing, and
 *   succeeds when it is tried again;
 *   every byte of the file of a snapshot is changed: the database opens, says so, keeps all files and
 *   lets the snapshot be deleted.
 *
 * Replay one case: CRASH_AT=n build/tests/unit/store/test_snapshot
 */
#include "api/handle.h"
#include "store/maintain/compact.h"
#include "store/pins.h"
#include "store/snapshot.h"
#include "store/tables.h"
#include "workload.h"

enum { SNAPSHOTS = 3 };

typedef enum act_kind { CHECKPOINT, COMPACT, MAKE, DELETE } act_kind;

/* What happens before a step of the script. */
static const struct {
    size_t step;
    act_kind kind;
    unsigned which; /* snapshot */
} acts[] = {{6, CHECKPOINT, 0}, {12, MAKE, 0},   {20, CHECKPOINT, 0}, {24, COMPACT, 0},
            {32, MAKE, 1},      {40, DELETE, 0}, {44, COMPACT, 0},    {50, MAKE, 2},
            {58, COMPACT, 0},   {64, DELETE, 1}, {68, CHECKPOINT, 0}};

enum { ACTS = sizeof acts / sizeof acts[0] };

static const char *const names[SNAPSHOTS] = {"first", "of the \xc3\xa6gis", "third"};

typedef enum certainty { NO, MAYBE, YES } certainty;

/* What is known of the snapshots. */
typedef struct knowledge {
    certainty there[SNAPSHOTS];
    uint64_t version[SNAPSHOTS];
} knowledge;

static st_store *store_of(strata_db *db) {
    return &db->engine->model.store;
}

static strata_status compact(strata_db *db) {
    st_compact_result result;
    strata_error error;
    return st_store_compact(store_of(db), true, &result, &error);
}

static strata_status act(strata_db *db, size_t place, uint64_t version, knowledge *known) {
    const unsigned which = acts[place].which;
    strata_status status;
    switch (acts[place].kind) {
    case CHECKPOINT:
        return tell(db, "db.checkpoint", "{}");
    case COMPACT:
        return compact(db);
    case MAKE:
        known->there[which] = MAYBE;
        known->version[which] = version;
        status = tell(db, "snapshot.create", "{\"name\":\"%s\"}", names[which]);
        known->there[which] = status == STRATA_OK ? YES : MAYBE;
        return status;
    case DELETE:
        known->there[which] = MAYBE;
        status = tell(db, "snapshot.delete", "{\"name\":\"%s\"}", names[which]);
        known->there[which] = status == STRATA_OK ? NO : MAYBE;
        return status;
    }
    return STRATA_INTERNAL;
}

static strata_db *open_snapshot(sim *s, const char *name) {
    strata_options options = db_options(s, STRATA_BUFFERED);
    strata_error error;
    strata_db *db = NULL;
    options.snapshot = name;
    options.error = &error;
    if (strata_open("db", &options, &db) != STRATA_OK) {
        fail_msg("the snapshot %s does not open: %s", name, error.message);
    }
    return db;
}

static void check_one(sim *s, const work_reference *reference, const char *name, uint64_t version) {
    strata_db *db = open_snapshot(s, name);
    assert_int_equal(db_version(db), version);
    work_check(db, reference, version);
    (void)ask(db, STRATA_FORBIDDEN, "kv.put", "{\"key\":\"x\",\"value\":1}");
    db_close(db);
}

/* That there is no file that nothing needs. */
static void check_files(sim *s, strata_db *db) {
    const char *report = ask(db, STRATA_OK, "db.verify", "{}");
    if (!json_has(report, "\"unnamed\":[]")) {
        fail_msg("there are files that nothing needs: %s", report);
    }
    (void)s;
}

/* Each snapshot that may be there and is shows its state, each that must be is there. */
static void check_snapshots(sim *s, const work_reference *reference, const knowledge *known) {
    strata_db *db = db_open(s, reference->durability);
    char list[4096];
    (void)snprintf(list, sizeof list, "%s", ask(db, STRATA_OK, "snapshot.list", "{}"));
    work_check(db, reference, db_version(db));
    db_verify(db);
    check_files(s, db);
    for (int again = 0; again < 2; again++) {
        for (unsigned i = 0; i < SNAPSHOTS; i++) {
            char name[64];
            (void)snprintf(name, sizeof name, "\"name\":\"%s\"", names[i]);
            const bool there = json_has(list, name);
            if (known->there[i] != MAYBE && there != (known->there[i] == YES)) {
                fail_msg("snapshot %u: %s", i, list);
            }
            if (there) {
                check_one(s, reference, names[i], known->version[i]);
            }
        }
        if (again == 0) {
            assert_int_equal(compact(db), STRATA_OK);
            check_files(s, db);
        }
    }
    db_close(db);
}

/* The script with its acts until the power goes. */
static knowledge live(sim *s, const work_reference *reference, uint64_t nth) {
    knowledge known = {.there = {NO, NO, NO}};
    strata_db *db = NULL;
    sim_cut_power(s, nth);
    if (work_open(s, reference, &db) != STRATA_OK) {
        assert_true(s->dead);
        return known;
    }
    uint64_t version = 1;
    for (size_t step = 0; step < WORK_STEPS && !s->dead; step++) {
        for (size_t i = 0; i < ACTS; i++) {
            if (acts[i].step == step && !s->dead) {
                const strata_status status = act(db, i, version, &known);
                assert_true(status == STRATA_OK || s->dead);
            }
        }
        (void)work_step(s, db, step);
        version = reference->version_after[step];
    }
    (void)strata_close(db);
    return known;
}

static void crash_everywhere(void **state) {
    (void)state;
    static work_reference reference;
    work_reference_make(&reference, STRATA_STRICT, STRATA_CODEC_NONE);
    const uint64_t only = env_number("CRASH_AT", 0);
    bool dead = true;
    uint64_t nth = only > 0 ? only : 1;
    for (; dead; nth++) {
        sim *s = sim_new(1);
        replay_hint("CRASH_AT=%u build/tests/unit/store/test_snapshot", (unsigned)nth);
        const knowledge known = live(s, &reference, nth);
        dead = s->dead && only == 0;
        sim_restart(s, nth % 3 == 0 ? SIM_NONE : SIM_RANDOM, nth);
        check_snapshots(s, &reference, &known);
        sim_free(s);
        replay_hint(NULL);
    }
    print_message("%u crash points\n", (unsigned)nth - 1);
    work_reference_free(&reference);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

/* A database with a few tables and a snapshot. */
static strata_db *prepare(sim *s) {
    strata_db *db = db_open(s, STRATA_STRICT);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 20; j++) {
            (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"k%d\",\"value\":\"%0100d\"}", j, i);
        }
        (void)ask(db, STRATA_OK, "db.checkpoint", "{}");
    }
    (void)ask(db, STRATA_OK, "snapshot.create", "{\"name\":\"old\"}");
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"k0\",\"value\":\"new\"}");
    return db;
}

static void check_value(strata_db *db, const char *part) {
    assert_true(json_has(ask(db, STRATA_OK, "kv.get", "{\"key\":\"k0\"}"), part));
}

static const char *const operations[][2] = {
    {"snapshot.create", "{\"name\":\"new\"}"},
    {"snapshot.delete", "{\"name\":\"old\"}"},
    {"db.checkpoint", "{}"},
};

enum { OPERATIONS = sizeof operations / sizeof operations[0] };

/* One of the operations while a call or an allocation fails, then once more. Returns whether the
 * fault came to pass. */
static bool fail_once(unsigned which, uint64_t nth, bool memory) {
    sim *s = sim_new(1);
    strata_db *db = prepare(s);
    char before[4096];
    (void)snprintf(before, sizeof before, "%s", ask(db, STRATA_OK, "snapshot.list", "{}"));
    if (memory) {
        sim_fail_memory(s, nth);
    } else {
        sim_fail(s, SIM_ANY & ~(uint32_t)SIM_CLOSE, nth, STRATA_NO_SPACE, true);
    }
    strata_status status = tell(db, operations[which][0], "%s", operations[which][1]);
    const bool hit = memory ? s->memory_failed : s->failed > 0;
    sim_heal(s);
    if (status != STRATA_OK) {
        assert_true(hit && (status == STRATA_NO_SPACE || status == STRATA_NO_MEMORY ||
                            status == STRATA_IO));
        assert_json(ask(db, STRATA_OK, "snapshot.list", "{}"), before);
        status = tell(db, operations[which][0], "%s", operations[which][1]);
        assert_true(status == STRATA_OK || !memory); /* a log whose sync failed is poisoned */
    }
    check_value(db, "\"new\"");
    db_verify(db);
    (void)strata_close(db);
    db = db_open(s, STRATA_STRICT);
    check_value(db, "\"new\"");
    db_verify(db);
    check_files(s, db);
    if (status == STRATA_OK) {
        const char *list = ask(db, STRATA_OK, "snapshot.list", "{}");
        assert_int_equal(json_has(list, "\"new\""), which == 0);
        assert_int_equal(json_has(list, "\"old\""), which != 1);
    }
    db_close(db);
    sim_free(s);
    return hit;
}

static void faults(void **state) {
    (void)state;
    for (unsigned which = 0; which < OPERATIONS; which++) {
        for (unsigned memory = 0; memory < 2; memory++) {
            uint64_t nth = 1;
            while (fail_once(which, nth, memory == 1)) {
                nth++;
            }
            print_message("%s: %u %s\n", operations[which][0], (unsigned)nth - 1,
                          memory == 1 ? "allocations" : "calls");
        }
    }
}

/* ---- Damage ---------------------------------------------------------------------------------- */

static void changed_bytes(void **state) {
    (void)state;
    sim *s = sim_new(1);
    db_close(prepare(s));
    strata_db *db = db_open(s, STRATA_STRICT);
    const int64_t number = json_int(ask(db, STRATA_OK, "snapshot.list", "{}"), "number");
    db_close(db);
    char name[64];
    (void)snprintf(name, sizeof name, "db/SNAPSHOTS/snap-%u", (unsigned)number);
    const strata_slice whole = sim_copy(s, name, true);
    for (size_t at = 0; at <= whole.len; at++) {
        uint8_t *bytes = malloc(whole.len);
        assert_non_null(bytes);
        memcpy(bytes, whole.data, whole.len);
        bytes[at % whole.len] ^= 0x10;
        sim_put(s, name, st_slice(bytes, at == whole.len ? at - 1 : at == 0 ? 0 : whole.len));
        free(bytes);
        strata_options options = db_options(s, STRATA_STRICT);
        options.snapshot = "old";
        assert_int_equal(strata_open("db", &options, &db), STRATA_NOT_FOUND);
        s->warnings = 0;
        db = db_open(s, STRATA_STRICT);
        assert_true(s->warnings > 0);
        assert_json(ask(db, STRATA_OK, "snapshot.list", "{}"), "{\"snapshots\":[]}");
        assert_true(json_has(ask(db, STRATA_OK, "db.verify", "{}"), "SNAPSHOTS/snap-"));
        db_close(db);
    }
    /* Nothing that it needed has gone. */
    db = db_open(s, STRATA_STRICT);
    assert_int_equal(compact(db), STRATA_OK);
    db_close(db);
    sim_put(s, name, whole);
    db = open_snapshot(s, "old");
    check_value(db, "000003\"");
    db_verify(db);
    db_close(db);
    /* A damaged one can be deleted; then what it needed goes. */
    sim_drop(s, name);
    db = db_open(s, STRATA_STRICT);
    (void)ask(db, STRATA_OK, "snapshot.delete", "{\"name\":\"snap-%d\"}", (int)number);
    db_verify(db);
    db_close(db);
    db = db_open(s, STRATA_STRICT);
    db_verify(db);
    check_files(s, db);
    check_value(db, "\"new\"");
    db_close(db);
    sim_release(whole);
    sim_free(s);
}

/* ---- The rest -------------------------------------------------------------------------------- */

static void answers(void **state) {
    (void)state;
    sim *s = sim_new(1);
    strata_db *db = prepare(s);
    (void)ask(db, STRATA_ALREADY_EXISTS, "snapshot.create", "{\"name\":\"old\"}");
    (void)ask(db, STRATA_NOT_FOUND, "snapshot.delete", "{\"name\":\"older\"}");
    const char *made = ask(db, STRATA_OK, "snapshot.create", "{}");
    const int64_t number = json_int(made, "number");
    char expected[64];
    (void)snprintf(expected, sizeof expected, "\"name\":\"snap-%d\"", (int)number);
    assert_true(json_has(made, expected));
    /* The next name that would be made is taken. */
    (void)ask(db, STRATA_OK, "snapshot.create", "{\"name\":\"snap-%d\"}", (int)number + 2);
    made = ask(db, STRATA_OK, "snapshot.create", "{}");
    (void)snprintf(expected, sizeof expected, "\"name\":\"snap-%d\"", (int)number + 3);
    assert_true(json_has(made, expected));
    db_close(db);
    db = open_snapshot(s, "old");
    check_value(db, "000003\"");
    (void)ask(db, STRATA_FORBIDDEN, "snapshot.create", "{}");
    (void)ask(db, STRATA_FORBIDDEN, "snapshot.delete", "{\"name\":\"old\"}");
    (void)ask(db, STRATA_FORBIDDEN, "db.checkpoint", "{}");
    db_verify(db);
    db_close(db);
    sim_free(s);
}

/* A commit is in a table half an hour later, if somebody ticks; and a flush that fails then is tried
 * again a minute later. */
static void flushed_in_time(void **state) {
    (void)state;
    sim *s = sim_new(1);
    strata_db *db = db_open(s, STRATA_STRICT);
    const st_store *store = store_of(db);
    const uint64_t minute_ns = UINT64_C(60) * 1000 * 1000 * 1000;
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"a\",\"value\":1}");
    const uint64_t version = db_version(db);
    for (int minute = 0; minute < 30; minute++) {
        assert_int_equal(strata_tick(db, 1000), STRATA_OK);
        assert_int_equal(store->manifest.watermark, 0);
        s->monotonic_ns += minute_ns;
    }
    sim_fail(s, SIM_CREATE, 2, STRATA_NO_SPACE, true); /* the table, after the segment */
    assert_int_equal(strata_tick(db, 1000), STRATA_NO_SPACE);
    sim_heal(s);
    assert_int_equal(strata_tick(db, 1000), STRATA_OK);
    assert_int_equal(store->manifest.watermark, 0);
    s->monotonic_ns += minute_ns;
    assert_int_equal(strata_tick(db, 1000), STRATA_OK);
    assert_int_equal(store->manifest.watermark, version);
    s->monotonic_ns += 60 * minute_ns;
    const uint64_t generation = store->manifest.generation;
    assert_int_equal(strata_tick(db, 1000), STRATA_OK);
    assert_int_equal(store->manifest.generation, generation); /* there is nothing to do */
    db_close(db);
    sim_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crash_everywhere), cmocka_unit_test(faults),
        cmocka_unit_test(changed_bytes),    cmocka_unit_test(answers),
        cmocka_unit_test(flushed_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
