/* test_repair.c - that whatever is damaged, repair makes a database that opens and verifies, loses no
 * more than it says, and deletes nothing that is not whole elsewhere.
 *
 * The script of workload.h makes a database with tables on two levels, a snapshot and a log of several
 * segments. Then bytes of every file are changed, files are cut, emptied and taken away, alone and
 * several at a time. After each repair:
 *   the database opens and db.verify finds no damage in files; a second repair has nothing to do;
 *   if the report says that the state is a prefix, it is exactly that after the version it names;
 *   else every revision of a key that is there was there before;
 *   every file that was damaged is in LOST, to the byte.
 * The power goes at every changing call of a repair, every call and every allocation fails once: it
 * can be repaired again, to the same state.
 *
 * Replay one case: REPAIR_SEED=n build/tests/unit/store/copies/test_repair
 */
#include "api/handle.h"
#include "store/maintain/maintain.h"
#include "workload.h"

static work_reference reference;
static sim *whole;            /* the machine with the database, closed */
static char *histories[2][4]; /* of k0 to k3 in the runs default and side, in the end */

static const char *const run_names[] = {"default", "side"};

static st_store *store_of(strata_db *db) {
    return &db->engine->model.store;
}

static const char *history(strata_db *db, const char *run, int key) {
    return ask(db, STRATA_OK, "kv.history", "{\"run\":\"%s\",\"key\":\"k%d\",\"limit\":1000}", run,
               key);
}

static int set_up(void **state) {
    (void)state;
    strata_db *db = NULL;
    st_compact_result compacted;
    strata_error error;
    work_reference_make(&reference, STRATA_STRICT, STRATA_CODEC_NONE);
    whole = sim_new(1);
    assert_int_equal(work_open(whole, &reference, &db), STRATA_OK);
    for (size_t step = 0; step < WORK_STEPS; step++) {
        assert_int_equal(work_step(whole, db, step), reference.statuses[step]);
        if (step == 12 || step == 24 || step == 30) {
            (void)ask(db, STRATA_OK, "db.checkpoint", "{}");
        }
        if (step == 26) {
            assert_int_equal(st_store_compact(store_of(db), true, &compacted, &error), STRATA_OK);
        }
        if (step == 34) {
            (void)ask(db, STRATA_OK, "snapshot.create", "{\"name\":\"kept\"}");
        }
    }
    for (int run = 0; run < 2; run++) {
        for (int key = 0; key < 4; key++) {
            const char *text = history(db, run_names[run], key);
            histories[run][key] = strdup(text);
        }
    }
    /* As after a crash: a close would make a table of the log. */
    sim_cut_power(whole, 1);
    (void)strata_close(db);
    sim_restart(whole, SIM_ALL, 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    work_reference_free(&reference);
    for (int run = 0; run < 2; run++) {
        for (int key = 0; key < 4; key++) {
            free(histories[run][key]);
        }
    }
    whole->blocks_before = test_memory_blocks();
    sim_free(whole);
    return 0;
}

/* ---- What must hold afterwards --------------------------------------------------------------- */

static strata_status repair(sim *s, char *report, size_t size) {
    strata_options options = db_options(s, STRATA_STRICT);
    strata_error error = {.code = STRATA_OK};
    strata_buffer out = {NULL, 0, 0, strata_host_default()};
    strata_buffer json = {NULL, 0, 0, NULL};
    options.error = &error;
    const strata_status status = strata_repair("db", &options, &out);
    assert_int_equal(status, error.code);
    (void)snprintf(report, size, "%s", error.message);
    if (status == STRATA_OK) {
        assert_int_equal(strata_msgpack_to_json(st_buffer_slice(&out), false, &json, &error),
                         STRATA_OK);
        (void)snprintf(report, size, "%.*s", (int)json.len, (const char *)json.data);
    }
    strata_buffer_free(&out);
    strata_buffer_free(&json);
    return status;
}

/* Every revision in `got` is one of `all`; both are results of kv.history. */
static void check_revisions(const char *got, const char *all) {
    for (const char *at = strstr(got, "{\"version\""); at != NULL;) {
        const char *next = strstr(at + 1, "{\"version\"");
        const size_t len = next == NULL ? strlen(at) - 2 : (size_t)(next - at) - 1;
        char *revision = strndup(at, len);
        assert_non_null(revision);
        if (strstr(all, revision) == NULL) {
            fail_msg("a revision that never was: %s", revision);
        }
        free(revision);
        at = next;
    }
}

static void check_state(strata_db *db, const char *report) {
    if (json_has(report, "\"prefix\":true")) {
        work_check(db, &reference, (uint64_t)json_int(report, "version"));
        return;
    }
    for (int run = 0; run < 2; run++) {
        for (int key = 0; key < 4; key++) {
            if (tell(db, "run.get", "{\"name\":\"%s\"}", run_names[run]) == STRATA_OK) {
                check_revisions(history(db, run_names[run], key), histories[run][key]);
            }
        }
    }
}

/* No file has a problem; a hash chain with a hole in it may. */
static void check_verified(strata_db *db) {
    const char *problems = ask(db, STRATA_OK, "db.verify", "{}");
    for (const char *at = strstr(problems, "\"file\":\""); at != NULL;
         at = strstr(at + 1, "\"file\":\"")) {
        if (strncmp(at, "\"file\":\"events\"", 15) != 0) {
            fail_msg("%s", problems);
        }
    }
    assert_true(json_has(problems, "\"unnamed\":[]"));
}

static void check_repaired(sim *s, const char *report) {
    char again[1 << 16];
    strata_db *db = db_open(s, STRATA_STRICT);
    assert_int_equal(db_version(db), (uint64_t)json_int(report, "version"));
    check_state(db, report);
    check_verified(db);
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"after\",\"value\":1}");
    (void)ask(db, STRATA_OK, "event.append", "{\"type\":\"after\",\"payload\":{}}");
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"after\"}");
    (void)ask(db, STRATA_NOT_FOUND, "kv.get", "{\"run\":\"after\",\"key\":\"k0\"}");
    (void)ask(db, STRATA_OK, "db.checkpoint", "{}");
    db_close(db);
    if (repair(s, again, sizeof again) != STRATA_OK || !json_has(again, "\"changed\":false")) {
        fail_msg("a second repair: %s\nafter: %s", again, report);
    }
    db = db_open(s, STRATA_STRICT);
    (void)ask(db, STRATA_OK, "kv.get", "{\"key\":\"after\"}");
    db_close(db);
}

/* Whether some file in LOST has these bytes. */
static bool is_kept(sim *s, strata_slice bytes) {
    bool kept = false;
    for (size_t i = 0; i < s->entry_count && !kept; i++) {
        if (strncmp(s->entries[i]->name, "db/LOST/", 8) == 0) {
            const strata_slice found = sim_copy(s, s->entries[i]->name, true);
            kept = found.data != NULL && st_slice_equal(found, bytes);
            sim_release(found);
        }
    }
    return kept;
}

static bool opens(sim *s) {
    strata_options options = db_options(s, STRATA_STRICT);
    strata_db *db = NULL;
    if (strata_open("db", &options, &db) != STRATA_OK) {
        return false;
    }
    db_close(db);
    return true;
}

/* ---- One file -------------------------------------------------------------------------------- */

static sim *copy_machine(void) {
    sim *s = sim_new(1);
    sim_clone(s, whole);
    s->wall_us = 1800000000000000;
    return s;
}

/* Names of the files of the database whose names begin so. */
static size_t files_of(const char *head, const char *names[], size_t max) {
    size_t count = 0;
    for (size_t i = 0; i < whole->entry_count && count < max; i++) {
        if (whole->entries[i]->now != NULL &&
            strncmp(whole->entries[i]->name, head, strlen(head)) == 0) {
            names[count++] = whole->entries[i]->name;
        }
    }
    return count;
}

/* Repairs after one file was given other bytes (data NULL: taken away). */
static void repair_one(const char *name, strata_slice bytes, unsigned *refused) {
    char report[1 << 16];
    sim *s = copy_machine();
    if (bytes.data == NULL) {
        sim_drop(s, name);
    } else {
        sim_put(s, name, bytes);
    }
    sim *probe = sim_new(1);
    sim_clone(probe, s);
    const bool sound = opens(probe);
    sim_free(probe);
    *refused += !sound;
    if (repair(s, report, sizeof report) != STRATA_OK) {
        fail_msg("%s: %s", name, report);
    }
    assert_true(sound || json_has(report, "\"changed\":true"));
    if (bytes.data != NULL && json_has(report, "\"moved\":")) {
        assert_true(is_kept(s, bytes));
    }
    check_repaired(s, report);
    sim_free(s);
}

static void damage_file(const char *name, size_t stride) {
    unsigned refused = 0;
    const strata_slice good = sim_copy(whole, name, true);
    uint8_t *bytes = malloc(good.len);
    assert_non_null(bytes);
    for (size_t at = 0; at < good.len; at += at < 64 ? 9 : stride) {
        replay_hint("%s, byte %u changed", name, (unsigned)at);
        memcpy(bytes, good.data, good.len);
        bytes[at] ^= (uint8_t)(1 << at % 8);
        repair_one(name, st_slice(bytes, good.len), &refused);
    }
    for (size_t len = 0; len < good.len; len += good.len / 5 + 1) {
        replay_hint("%s, cut to %u", name, (unsigned)len);
        repair_one(name, st_slice(good.data, len), &refused);
    }
    replay_hint("%s, taken away", name);
    repair_one(name, st_slice(NULL, 0), &refused);
    replay_hint(NULL);
    print_message("%s: %u would not open\n", name, refused);
    free(bytes);
    sim_release(good);
}

static void damaged_tables(void **state) {
    (void)state;
    const char *names[8];
    const size_t count = files_of("db/DATA/", names, 8);
    assert_true(count >= 2);
    for (size_t i = 0; i < count; i++) {
        damage_file(names[i], 1501);
    }
}

static void damaged_log(void **state) {
    (void)state;
    const char *names[8];
    const size_t count = files_of("db/WAL/", names, 8);
    assert_true(count >= 2);
    for (size_t i = 0; i < count; i++) {
        damage_file(names[i], 2003);
    }
}

static void damaged_snapshot(void **state) {
    (void)state;
    const char *names[8];
    assert_int_equal(files_of("db/SNAPSHOTS/", names, 8), 1);
    damage_file(names[0], 41);
}

/* A manifest can be put together again without a loss: all else is there. */
static void repair_manifest(strata_slice bytes, unsigned *refused) {
    char report[1 << 16];
    sim *s = copy_machine();
    repair_one("db/MANIFEST", bytes, refused);
    if (bytes.data == NULL) {
        sim_drop(s, "db/MANIFEST");
    } else {
        sim_put(s, "db/MANIFEST", bytes);
    }
    assert_int_equal(repair(s, report, sizeof report), STRATA_OK);
    strata_db *db = db_open(s, STRATA_STRICT);
    work_check(db, &reference, reference.last);
    strata_options options = db_options(s, STRATA_STRICT);
    strata_db *kept = NULL;
    db_close(db);
    options.snapshot = "kept";
    assert_int_equal(strata_open("db", &options, &kept), STRATA_OK);
    db_verify(kept);
    db_close(kept);
    sim_free(s);
}

static void damaged_manifest(void **state) {
    (void)state;
    enum { SLOT = 65536 };
    unsigned refused = 0;
    const strata_slice good = sim_copy(whole, "db/MANIFEST", true);
    uint8_t *bytes = malloc(good.len);
    assert_non_null(bytes);
    for (unsigned slots = 1; slots < 4; slots++) {
        memcpy(bytes, good.data, good.len);
        bytes[100] ^= (slots & 1) != 0 ? 1 : 0;
        bytes[SLOT + 100] ^= (slots & 2) != 0 ? 1 : 0;
        replay_hint("slots %u of the manifest", slots);
        repair_manifest(st_slice(bytes, good.len), &refused);
    }
    replay_hint("no manifest");
    repair_manifest(st_slice("", 0), &refused);
    repair_manifest(st_slice("A letter to Ann, who is in Oslo.", 32), &refused);
    repair_manifest(st_slice(NULL, 0), &refused);
    assert_true(refused >= 4);
    replay_hint(NULL);
    free(bytes);
    sim_release(good);
}

/* ---- Several files --------------------------------------------------------------------------- */

static void damage_some(sim *s, uint64_t *chance) {
    const char *names[32];
    const size_t count = files_of("db/", names, 32);
    for (uint64_t left = 1 + test_random_below(chance, 4); left > 0; left--) {
        const char *name = names[test_random_below(chance, count)];
        const strata_slice old = sim_copy(s, name, true);
        if (strstr(name, "LOCK") != NULL || old.data == NULL || old.len == 0) {
            sim_release(old);
            continue;
        }
        uint8_t *bytes = malloc(old.len);
        assert_non_null(bytes);
        memcpy(bytes, old.data, old.len);
        const size_t at = (size_t)test_random_below(chance, old.len);
        switch (test_random_below(chance, 4)) {
        case 0:
            sim_drop(s, name);
            break;
        case 1:
            sim_put(s, name, st_slice(bytes, at));
            break;
        case 2:
            memset(bytes + at, 0, st_min(old.len - at, 4096));
            sim_put(s, name, st_slice(bytes, old.len));
            break;
        default:
            bytes[at] ^= 4;
            sim_put(s, name, st_slice(bytes, old.len));
            break;
        }
        free(bytes);
        sim_release(old);
    }
}

static void at_random(void **state) {
    (void)state;
    enum { SEEDS = 150 };
    const uint64_t only = env_number("REPAIR_SEED", SEEDS);
    unsigned hopeless = 0;
    for (uint64_t seed = only < SEEDS ? only : 0; seed < (only < SEEDS ? only + 1 : SEEDS);
         seed++) {
        char report[1 << 16];
        uint64_t chance = seed;
        sim *s = copy_machine();
        replay_hint("REPAIR_SEED=%u build/tests/unit/store/copies/test_repair", (unsigned)seed);
        damage_some(s, &chance);
        const strata_status status = repair(s, report, sizeof report);
        if (status == STRATA_OK) {
            check_repaired(s, report);
        } else if (status == STRATA_CORRUPT) {
            hopeless++;
        } else {
            fail_msg("%s", report);
        }
        sim_free(s);
        replay_hint(NULL);
    }
    print_message("%u of %d had nothing to begin with\n", hopeless, SEEDS);
    assert_true(hopeless < SEEDS / 10);
}

/* ---- Crashes and faults ---------------------------------------------------------------------- */

/* A machine whose database has a damaged table and a damaged log, or no manifest. */
static sim *damaged_machine(bool no_manifest) {
    const char *names[8];
    sim *s = copy_machine();
    size_t count = files_of("db/DATA/", names, 8);
    strata_slice old = sim_copy(s, names[count - 1], true);
    ((uint8_t *)(uintptr_t)old.data)[old.len / 3] ^= 1;
    sim_put(s, names[count - 1], old);
    sim_release(old);
    count = files_of("db/WAL/", names, 8);
    old = sim_copy(s, names[0], true);
    ((uint8_t *)(uintptr_t)old.data)[old.len / 2] ^= 1;
    sim_put(s, names[0], old);
    sim_release(old);
    if (no_manifest) {
        sim_drop(s, "db/MANIFEST");
    }
    return s;
}

static uint64_t version_of(sim *s, const char *report) {
    check_repaired(s, report);
    return (uint64_t)json_int(report, "version");
}

static void crash_everywhere(void **state) {
    (void)state;
    for (int no_manifest = 0; no_manifest < 2; no_manifest++) {
        char report[1 << 16];
        sim *start = damaged_machine(no_manifest == 1);
        bool dead = true;
        uint64_t nth = 1;
        for (; dead; nth++) {
            sim *s = sim_new(1);
            replay_hint("the %u-th call", (unsigned)nth);
            sim_clone(s, start);
            sim_cut_power(s, nth);
            (void)repair(s, report, sizeof report);
            dead = s->dead;
            sim_restart(s, nth % 2 == 0 ? SIM_NONE : SIM_RANDOM, nth);
            if (repair(s, report, sizeof report) != STRATA_OK) {
                fail_msg("again: %s", report);
            }
            strata_db *db = db_open(s, STRATA_STRICT);
            check_state(db, "\"prefix\":false");
            check_verified(db);
            db_close(db);
            sim_free(s);
            replay_hint(NULL);
        }
        print_message("%s: %u crash points\n", no_manifest == 1 ? "no manifest" : "with one",
                      (unsigned)nth - 1);
        start->blocks_before = test_memory_blocks();
        sim_free(start);
    }
}

static bool fail_once(sim *start, uint64_t nth, bool memory) {
    char report[1 << 16];
    sim *s = sim_new(1);
    sim_clone(s, start);
    if (memory) {
        sim_fail_memory(s, nth);
    } else {
        sim_fail(s, SIM_ANY & ~(uint32_t)SIM_CLOSE, nth, STRATA_NO_SPACE, true);
    }
    strata_status status = repair(s, report, sizeof report);
    const bool hit = memory ? s->memory_failed : s->failed > 0;
    sim_heal(s);
    if (status != STRATA_OK) {
        assert_true(hit && (status == STRATA_NO_SPACE || status == STRATA_NO_MEMORY ||
                            status == STRATA_IO));
        if (repair(s, report, sizeof report) != STRATA_OK) {
            fail_msg("again: %s", report);
        }
        strata_db *db = db_open(s, STRATA_STRICT);
        check_state(db, "\"prefix\":false");
        check_verified(db);
        db_close(db);
    } else {
        (void)version_of(s, report);
    }
    sim_free(s);
    return hit;
}

static void faults(void **state) {
    (void)state;
    for (unsigned which = 0; which < 4; which++) {
        sim *start = damaged_machine(which >= 2);
        uint64_t nth = 1;
        replay_hint("fault %u of kind %u", (unsigned)nth, which);
        while (fail_once(start, nth, which % 2 == 1)) {
            nth += which % 2 == 1 ? 3 : 1;
            replay_hint("fault %u of kind %u", (unsigned)nth, which);
        }
        replay_hint(NULL);
        print_message("%u %s\n", (unsigned)nth - 1, which % 2 == 1 ? "allocations" : "calls");
        start->blocks_before = test_memory_blocks();
        sim_free(start);
    }
}

/* ---- What there is nothing to do about ------------------------------------------------------- */

static void nothing_to_do(void **state) {
    (void)state;
    char report[1 << 16];
    sim *s = sim_new(1);
    assert_int_equal(repair(s, report, sizeof report), STRATA_NOT_FOUND);
    assert_int_equal(s->entry_count, 0);
    sim_put(s, "db/letter.txt", strata_text("Dear Ann"));
    assert_int_equal(repair(s, report, sizeof report), STRATA_CORRUPT);
    sim_drop(s, "db/letter.txt");
    strata_db *db = db_open(s, STRATA_STRICT);
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"a\",\"value\":1}");
    assert_int_equal(repair(s, report, sizeof report), STRATA_BUSY);
    db_close(db);
    assert_int_equal(repair(s, report, sizeof report), STRATA_OK);
    assert_json(report, "{\"changed\":false,\"prefix\":true,\"version\":2,\"commits_lost\":0,"
                        "\"lost_from\":0,\"lost_to\":0,\"files\":[]}");
    strata_options options = db_options(s, STRATA_MEMORY);
    strata_buffer out = {NULL, 0, 0, NULL};
    assert_int_equal(strata_repair(":memory:", &options, &out), STRATA_INVALID_ARGUMENT);
    sim_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_tables),   cmocka_unit_test(damaged_log),
        cmocka_unit_test(damaged_snapshot), cmocka_unit_test(damaged_manifest),
        cmocka_unit_test(at_random),        cmocka_unit_test(crash_everywhere),
        cmocka_unit_test(faults),           cmocka_unit_test(nothing_to_do),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
