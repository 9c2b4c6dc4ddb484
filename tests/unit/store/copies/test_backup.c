/* test_backup.c - that a folder with a backup always holds a whole one, and never a mixture.
 *
 * A database is written to and backed up, three times, into one folder; between the backups tables are
 * merged, so that files come and go. Then
 *   the power goes at every changing call: the folder opens as one of the states that were backed up,
 *   the last acknowledged one or a later one; the next backup succeeds and leaves the files of its
 *   own state and no others;
 *   every call fails once, and every allocation: an error, after which the folder is what it was or
 *   the new state, and the next backup succeeds;
 *   every folder that is not, or no longer, a backup of this database is refused and left alone;
 *   a table that is damaged in the database does not get into a backup unnoticed.
 *
 * Replay one case: CRASH_AT=n build/tests/unit/store/copies/test_backup
 */
#include "api/handle.h"
#include "store/copies/backup.h"
#include "store/maintain/maintain.h"
#include "store_support.h"

enum { ROUNDS = 3 };

static st_store *store_of(strata_db *db) {
    return &db->engine->model.store;
}

static strata_status backup_to(strata_db *db, const char *folder, st_backup_result *result) {
    strata_error error = {.code = STRATA_OK};
    const strata_status status = st_backup(store_of(db), folder, result, &error);
    assert_int_equal(status, error.code);
    return status;
}

/* What is written before backup number `round`. */
static void write_round(strata_db *db, int round) {
    st_compact_result compacted;
    strata_error error;
    for (int i = 0; i < 12; i++) {
        (void)tell(db, "kv.put", "{\"key\":\"k%d\",\"value\":\"%0300d\"}", i, round * 100 + i);
    }
    (void)tell(db, "kv.put", "{\"key\":\"round\",\"value\":%d}", round);
    if (round == 1) {
        (void)tell(db, "db.checkpoint", "{}");
        (void)st_store_compact(store_of(db), true, &compacted, &error);
    }
    (void)tell(db, "memory.remember", "{\"key\":\"m\",\"text\":\"common round %d\"}", round);
}

static strata_db *open_folder(sim *s, const char *folder, uint32_t flags) {
    strata_options options = db_options(s, STRATA_STRICT);
    strata_error error;
    strata_db *db = NULL;
    options.flags = flags;
    options.error = &error;
    if (strata_open(folder, &options, &db) != STRATA_OK) {
        fail_msg("%s: %s", folder, error.message);
    }
    return db;
}

/* The round whose state the folder shows; every part of it must agree. */
static int round_in(sim *s, const char *folder) {
    strata_db *db = open_folder(s, folder, STRATA_OPEN_READ_ONLY);
    const int round = (int)json_int(ask(db, STRATA_OK, "kv.get", "{\"key\":\"round\"}"), "value");
    for (int i = 0; i < 12; i++) {
        char expected[400];
        (void)snprintf(expected, sizeof expected, "\"value\":\"%0300d\"", round * 100 + i);
        assert_true(json_has(ask(db, STRATA_OK, "kv.get", "{\"key\":\"k%d\"}", i), expected));
    }
    char text[64];
    (void)snprintf(text, sizeof text, "common round %d", round);
    assert_true(json_has(ask(db, STRATA_OK, "memory.get", "{\"key\":\"m\"}"), text));
    db_verify(db);
    db_close(db);
    return round;
}

/* No file in the folder is without a name in its manifest. */
static void check_files(sim *s, const char *folder) {
    strata_db *db = open_folder(s, folder, STRATA_OPEN_READ_ONLY);
    const char *report = ask(db, STRATA_OK, "db.verify", "{}");
    if (!json_has(report, "\"unnamed\":[]")) {
        fail_msg("%s", report);
    }
    db_close(db);
}

/* A round more, and a backup of it, on a machine that works. */
static void check_next(sim *s) {
    st_backup_result result;
    strata_db *db = db_open(s, STRATA_STRICT);
    db_verify(db);
    write_round(db, ROUNDS);
    if (backup_to(db, "copy", &result) != STRATA_OK) {
        fail_msg("no further backup");
    }
    db_close(db);
    assert_int_equal(round_in(s, "copy"), ROUNDS);
    check_files(s, "copy");
}

static void crash_everywhere(void **state) {
    (void)state;
    const uint64_t only = env_number("CRASH_AT", 0);
    bool dead = true;
    uint64_t nth = only > 0 ? only : 1;
    for (; dead; nth++) {
        st_backup_result result;
        int made = -1;
        int begun = -1;
        sim *s = sim_new(1);
        replay_hint("CRASH_AT=%u build/tests/unit/store/copies/test_backup", (unsigned)nth);
        strata_db *db = db_open(s, STRATA_STRICT);
        sim_cut_power(s, nth);
        for (int round = 0; round < ROUNDS && !s->dead; round++) {
            write_round(db, round);
            begun = s->dead ? begun : round;
            const strata_status status = backup_to(db, "copy", &result);
            made = status == STRATA_OK ? round : made;
            assert_true(status == STRATA_OK || s->dead);
        }
        (void)strata_close(db);
        dead = s->dead && only == 0;
        sim_restart(s, nth % 3 == 0 ? SIM_NONE : nth % 3 == 1 ? SIM_RANDOM : SIM_KILL, nth);
        strata_options options = db_options(s, STRATA_STRICT);
        options.flags = STRATA_OPEN_READ_ONLY | STRATA_OPEN_MUST_EXIST;
        strata_db *copy = NULL;
        const strata_status opened = strata_open("copy", &options, &copy);
        (void)strata_close(copy);
        if (opened == STRATA_OK) {
            const int round = round_in(s, "copy");
            assert_true(round >= made && round <= begun);
        } else {
            assert_int_equal(made, -1);
        }
        check_next(s);
        sim_free(s);
        replay_hint(NULL);
    }
    print_message("%u crash points\n", (unsigned)nth - 1);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

/* The third backup while a call or an allocation fails. Whether the fault came to pass. */
static bool fail_once(uint64_t nth, bool memory) {
    st_backup_result result;
    sim *s = sim_new(1);
    strata_db *db = db_open(s, STRATA_STRICT);
    for (int round = 0; round < 2; round++) {
        write_round(db, round);
        assert_int_equal(backup_to(db, "copy", &result), STRATA_OK);
    }
    write_round(db, 2);
    (void)ask(db, STRATA_OK, "db.checkpoint", "{}");
    if (memory) {
        sim_fail_memory(s, nth);
    } else {
        sim_fail(s, SIM_ANY & ~(uint32_t)SIM_CLOSE, nth, STRATA_NO_SPACE, true);
    }
    const strata_status status = backup_to(db, "copy", &result);
    const bool hit = memory ? s->memory_failed : s->failed > 0;
    sim_heal(s);
    if (status != STRATA_OK) {
        assert_true(hit && status == (memory ? STRATA_NO_MEMORY : STRATA_NO_SPACE));
    }
    const int round = round_in(s, "copy");
    assert_true(round == 2 || (round == 1 && status != STRATA_OK));
    assert_int_equal(backup_to(db, "copy", &result), STRATA_OK);
    assert_int_equal(round_in(s, "copy"), 2);
    db_close(db);
    check_next(s);
    sim_free(s);
    return hit;
}

static void faults(void **state) {
    (void)state;
    for (int memory = 0; memory < 2; memory++) {
        uint64_t nth = 1;
        while (fail_once(nth, memory == 1)) {
            nth++;
        }
        print_message("%u %s\n", (unsigned)nth - 1, memory == 1 ? "allocations" : "calls");
    }
}

/* ---- What is copied -------------------------------------------------------------------------- */

static void only_what_is_new(void **state) {
    (void)state;
    st_backup_result result;
    sim *s = sim_new(1);
    strata_db *db = db_open(s, STRATA_STRICT);
    write_round(db, 0);
    assert_int_equal(backup_to(db, "copy", &result), STRATA_OK);
    assert_int_equal(result.version, db_version(db));
    assert_int_equal(result.files, 1);
    assert_int_equal(result.files_copied, 1);
    assert_int_equal(result.bytes_copied, result.bytes);
    const uint64_t first = result.bytes;
    assert_int_equal(backup_to(db, "copy", &result), STRATA_OK);
    assert_int_equal(result.files, 1);
    assert_int_equal(result.files_copied, 0);
    write_round(db, 2);
    assert_int_equal(backup_to(db, "copy", &result), STRATA_OK);
    assert_int_equal(result.files, 2);
    assert_int_equal(result.files_copied, 1);
    assert_int_equal(result.bytes_copied, result.bytes - first);
    /* What somebody has taken away is copied again. */
    assert_true(sim_exists(s, "copy/DATA/tab-1.tab"));
    sim_drop(s, "copy/DATA/tab-1.tab");
    assert_int_equal(backup_to(db, "copy", &result), STRATA_OK);
    assert_int_equal(result.files_copied, 1);
    assert_int_equal(round_in(s, "copy"), 2);
    db_close(db);
    /* A backup is a database: it can be opened and written to. */
    db = open_folder(s, "copy", 0);
    write_round(db, 1);
    db_close(db);
    assert_int_equal(round_in(s, "copy"), 1);
    sim_free(s);
}

/* ---- Folders that are refused ---------------------------------------------------------------- */

static void refuse(sim *s, strata_db *db, const char *folder, strata_status expected) {
    st_backup_result result;
    sim *before = sim_new(1);
    sim_clone(before, s);
    assert_int_equal(backup_to(db, folder, &result), expected);
    for (size_t i = 0; i < s->entry_count; i++) {
        const char *name = s->entries[i]->name;
        if (strncmp(name, folder, strlen(folder)) == 0 && strstr(name, "LOCK") == NULL &&
            strncmp(name, "db/", 3) != 0) {
            const strata_slice now = sim_copy(s, name, false);
            const strata_slice was = sim_copy(before, name, false);
            test_bytes_equal(now, was, name);
            sim_release(now);
            sim_release(was);
        }
    }
    before->blocks_before = test_memory_blocks(); /* the other machine goes on */
    sim_free(before);
}

static void refused(void **state) {
    (void)state;
    st_backup_result result;
    sim *s = sim_new(1);
    strata_db *db = db_open(s, STRATA_STRICT);
    write_round(db, 0);
    refuse(s, db, "", STRATA_INVALID_ARGUMENT);
    refuse(s, db, ":memory:", STRATA_INVALID_ARGUMENT);
    refuse(s, db, "db", STRATA_INVALID_ARGUMENT);
    refuse(s, db, "db/copy", STRATA_INVALID_ARGUMENT);
    /* Files of somebody else's. */
    sim_put(s, "other/letter.txt", strata_text("Dear Ann"));
    refuse(s, db, "other", STRATA_INVALID_ARGUMENT);
    sim_put(s, "photos/DATA/tab-1.tab", strata_text("a tabular photo"));
    refuse(s, db, "photos", STRATA_INVALID_ARGUMENT);
    sim_put(s, "car/MANIFEST", strata_text("of the freight"));
    refuse(s, db, "car", STRATA_INVALID_ARGUMENT);
    /* Another database. */
    strata_db *second = open_folder(s, "second", 0);
    write_round(second, 0);
    refuse(s, db, "second", STRATA_BUSY);
    db_close(second);
    refuse(s, db, "second", STRATA_INVALID_ARGUMENT);
    /* A backup that was opened and written to: with a log, and after a flush without one. */
    for (int flushed = 0; flushed < 2; flushed++) {
        const char *folder = flushed == 0 ? "with-log" : "flushed";
        assert_int_equal(backup_to(db, folder, &result), STRATA_OK);
        second = open_folder(s, folder, 0);
        (void)ask(second, STRATA_OK, "kv.put", "{\"key\":\"x\",\"value\":1}");
        if (flushed == 1) {
            (void)ask(second, STRATA_OK, "db.checkpoint", "{}");
        }
        db_close(second);
        sim_drop(s, "flushed/WAL/wal-3.seg"); /* as if it had never been begun */
        refuse(s, db, folder, STRATA_INVALID_ARGUMENT);
    }
    db_close(db);
    db = open_folder(s, "db", STRATA_OPEN_READ_ONLY);
    refuse(s, db, "late", STRATA_FORBIDDEN);
    db_close(db);
    db = db_in_memory(s);
    refuse(s, db, "late", STRATA_INVALID_ARGUMENT);
    db_close(db);
    sim_free(s);
}

/* Each byte of the only table is changed, one after the other, behind the back of the database. */
static void damaged_source(void **state) {
    (void)state;
    st_backup_result result;
    sim *s = sim_new(1);
    strata_db *db = db_open(s, STRATA_STRICT);
    write_round(db, 0);
    (void)ask(db, STRATA_OK, "db.checkpoint", "{}");
    const strata_slice whole = sim_copy(s, "db/DATA/tab-1.tab", true);
    for (size_t at = 0; at < whole.len; at += 7) {
        uint8_t *bytes = malloc(whole.len);
        assert_non_null(bytes);
        memcpy(bytes, whole.data, whole.len);
        bytes[at] ^= 0x40;
        sim_put(s, "db/DATA/tab-1.tab", st_slice(bytes, whole.len));
        free(bytes);
        assert_int_equal(backup_to(db, "copy", &result), STRATA_CORRUPT);
        assert_false(sim_exists(s, "copy/MANIFEST"));
    }
    sim_put(s, "db/DATA/tab-1.tab", whole);
    assert_int_equal(backup_to(db, "copy", &result), STRATA_OK);
    assert_int_equal(round_in(s, "copy"), 0);
    sim_release(whole);
    db_close(db);
    sim_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crash_everywhere), cmocka_unit_test(faults),
        cmocka_unit_test(only_what_is_new), cmocka_unit_test(refused),
        cmocka_unit_test(damaged_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
