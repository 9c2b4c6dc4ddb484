/* test_recover.c - what opening does with what it finds: nothing, a database, half of one, somebody
 * else's files, a newer format, an owner; and that a read-only open writes nothing at all.
 */
#include "store_support.h"

#include "base/crc32c.h"
#include "store/manifest.h"

static sim *machine;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sim_free(machine);
    return 0;
}

/* Opens "db", expecting that status; a message must then be there. *db may be NULL. */
static void try_open(uint32_t flags, strata_status expected, strata_db **db) {
    strata_error error;
    strata_db *opened = NULL;
    strata_options options = db_options(machine, STRATA_STRICT);
    options.flags = flags;
    options.error = &error;
    const strata_status status = strata_open("db", &options, &opened);
    if (status != expected) {
        fail_msg("open: %s, not %s: %s", strata_status_name(status), strata_status_name(expected),
                 error.message);
    }
    assert_int_equal(error.code, status);
    assert_true(status == STRATA_OK || strlen(error.message) > 10);
    if (db != NULL) {
        *db = opened;
    } else {
        assert_int_equal(strata_close(opened), STRATA_OK);
    }
}

static void put(const char *name, const char *text) {
    sim_put(machine, name, strata_text(text));
}

static void make_database(void) {
    strata_db *db = db_open(machine, STRATA_STRICT);
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"k\",\"value\":1}");
    (void)ask(db, STRATA_OK, "memory.remember", "{\"key\":\"m\",\"text\":\"common hello\"}");
    db_close(db);
}

static void nothing_there(void **state) {
    (void)state;
    try_open(STRATA_OPEN_MUST_EXIST, STRATA_NOT_FOUND, NULL);
    try_open(STRATA_OPEN_READ_ONLY, STRATA_NOT_FOUND, NULL);
    assert_int_equal(sim_calls(machine, SIM_CHANGING), 0);
    try_open(0, STRATA_OK, NULL);
    try_open(STRATA_OPEN_MUST_EXIST, STRATA_OK, NULL);
    try_open(STRATA_OPEN_READ_ONLY, STRATA_OK, NULL);
}

static void somebody_elses_folder(void **state) {
    (void)state;
    put("db/notes.txt", "not yours");
    try_open(0, STRATA_INVALID_ARGUMENT, NULL);
    try_open(STRATA_OPEN_READ_ONLY, STRATA_INVALID_ARGUMENT, NULL);
    assert_int_equal(sim_calls(machine, SIM_CHANGING | SIM_LOCK), 0);
    put("db/MANIFEST", "not a manifest, but there is no log");
    sim_drop(machine, "db/notes.txt");
    try_open(0, STRATA_INVALID_ARGUMENT, NULL);
    try_open(STRATA_OPEN_READ_ONLY, STRATA_INVALID_ARGUMENT, NULL);
    /* As a crash leaves it while making a database. */
    static const char *const begun[] = {"", "STR", "STRATAM1", "STRATAM1 and half of the rest"};
    for (size_t i = 0; i < sizeof begun / sizeof begun[0]; i++) {
        put("db/MANIFEST", begun[i]);
        try_open(STRATA_OPEN_READ_ONLY, STRATA_NOT_FOUND, NULL);
        try_open(STRATA_OPEN_MUST_EXIST, STRATA_NOT_FOUND, NULL);
        put("db/mine", "beside it");
        try_open(0, STRATA_INVALID_ARGUMENT, NULL);
        sim_drop(machine, "db/mine");
    }
    assert_int_equal(sim_calls(machine, SIM_CHANGING), 0);
    try_open(0, STRATA_OK, NULL);
}

static void log_without_manifest(void **state) {
    (void)state;
    make_database();
    sim_drop(machine, "db/MANIFEST");
    const uint64_t changes = sim_calls(machine, SIM_CHANGING);
    try_open(0, STRATA_CORRUPT, NULL);
    try_open(STRATA_OPEN_READ_ONLY, STRATA_CORRUPT, NULL);
    put("db/MANIFEST", "rubbish");
    try_open(0, STRATA_CORRUPT, NULL);
    try_open(STRATA_OPEN_READ_ONLY, STRATA_CORRUPT, NULL);
    put("db/MANIFEST", "");
    try_open(0, STRATA_CORRUPT, NULL);
    try_open(STRATA_OPEN_READ_ONLY, STRATA_CORRUPT, NULL);
    assert_int_equal(sim_calls(machine, SIM_CHANGING), changes);
}

/* Sets the two format numbers in every valid slot. */
static void set_formats(uint32_t read_format, uint32_t write_format) {
    const strata_slice bytes = sim_copy(machine, "db/MANIFEST", false);
    uint8_t *mine = (uint8_t *)bytes.data;
    for (size_t slot = 0; slot + 136 <= bytes.len; slot += ST_MANIFEST_SLOT_BYTES) {
        if (load64_le(mine + slot + 16) > 0) {
            store32_le(mine + slot + 24, read_format);
            store32_le(mine + slot + 28, write_format);
            store32_le(mine + slot + 8, st_crc32c(0, st_slice(mine + slot + 12, 124)));
        }
    }
    sim_put(machine, "db/MANIFEST", bytes);
    sim_release(bytes);
}

static void newer_formats(void **state) {
    (void)state;
    strata_db *db;
    make_database();
    const uint64_t changes = sim_calls(machine, SIM_CHANGING);
    set_formats(5, 5);
    try_open(0, STRATA_INVALID_ARGUMENT, NULL);
    try_open(STRATA_OPEN_READ_ONLY, STRATA_INVALID_ARGUMENT, NULL);
    set_formats(4, 5);
    try_open(0, STRATA_INVALID_ARGUMENT, NULL);
    try_open(STRATA_OPEN_READ_ONLY, STRATA_OK, &db);
    assert_true(json_has(ask(db, STRATA_OK, "kv.get", "{\"key\":\"k\"}"), "\"value\":1"));
    db_close(db);
    assert_int_equal(sim_calls(machine, SIM_CHANGING), changes);
    set_formats(4, 4);
    try_open(0, STRATA_OK, NULL);
}

/* Every operation on a read-only handle, on a closed database, one with a torn tail, and beside a
 * writer: reads answer, writes are forbidden, and the disk is never changed nor locked. */
static void use_read_only(void) {
    static const char *const writes[][2] = {
        {"kv.put", "{\"key\":\"a\",\"value\":1}"},
        {"kv.delete", "{\"key\":\"k\"}"},
        {"kv.delete", "{\"key\":\"missing\"}"},
        {"kv.incr", "{\"key\":\"n\"}"},
        {"kv.cas", "{\"key\":\"a\",\"value\":1,\"expected_version\":0}"},
        {"event.append", "{\"type\":\"t\",\"payload\":{}}"},
        {"memory.remember", "{\"text\":\"x\"}"},
        {"memory.forget", "{\"key\":\"m\"}"},
        {"run.create", "{\"name\":\"r\"}"},
        {"run.pause", "{\"name\":\"side\"}"},
    };
    strata_db *db;
    const uint64_t changes = sim_calls(machine, SIM_CHANGING | SIM_LOCK);
    try_open(STRATA_OPEN_READ_ONLY, STRATA_OK, &db);
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        (void)ask(db, STRATA_FORBIDDEN, writes[i][0], "%s", writes[i][1]);
    }
    assert_true(json_has(ask(db, STRATA_OK, "kv.get", "{\"key\":\"k\"}"), "\"value\":1"));
    assert_true(
        json_has(ask(db, STRATA_OK, "memory.recall", "{\"query\":\"hello\"}"), "\"key\":\"m\""));
    (void)ask(db, STRATA_OK, "db.sync", "{}");
    (void)ask(db, STRATA_OK, "db.stats", "{}");
    db_verify(db);
    assert_int_equal(strata_tick(db, 1000), STRATA_OK);
    strata_buffer dump = db_dump(db);
    strata_buffer_free(&dump);
    db_close(db);
    assert_int_equal(sim_calls(machine, SIM_CHANGING | SIM_LOCK), changes);
}

static void read_only_writes_nothing(void **state) {
    (void)state;
    make_database();
    strata_db *writer = db_open(machine, STRATA_STRICT);
    (void)ask(writer, STRATA_OK, "run.create", "{\"name\":\"side\"}");
    use_read_only(); /* beside a writer that has written a little */
    db_close(writer);
    use_read_only();
    writer = db_open(machine, STRATA_BUFFERED);
    (void)ask(writer, STRATA_OK, "kv.put", "{\"key\":\"late\",\"value\":1}");
    sim_cut_power(machine, 2);
    (void)strata_close(writer);
    sim_restart(machine, SIM_RANDOM, 3);
    use_read_only();
    use_read_only(); /* and the first one has not cut the tail */
    try_open(0, STRATA_OK, NULL);
    use_read_only();
}

static void second_opener(void **state) {
    (void)state;
    strata_db *owner = db_open(machine, STRATA_STRICT);
    try_open(0, STRATA_BUSY, NULL);
    strata_error error;
    strata_db *db = NULL;
    strata_options options = db_options(machine, STRATA_STRICT);
    options.error = &error;
    assert_int_equal(strata_open("db", &options, &db), STRATA_BUSY);
    assert_string_equal(error.fields[0].name, "holder");
    assert_string_equal(error.fields[0].text, "process 1");
    try_open(STRATA_OPEN_READ_ONLY, STRATA_OK, NULL);
    (void)ask(owner, STRATA_OK, "kv.put", "{\"key\":\"k\",\"value\":1}");
    db_close(owner);
    try_open(0, STRATA_OK, NULL);
}

/* Another process makes the database, writes to it and closes it after this one has looked and
 * before it has the lock. */
static void make_it_first(void *arg, uint32_t kind, const char *name) {
    (void)arg;
    (void)name;
    if (kind == SIM_LOCK) {
        machine->hook = NULL;
        make_database();
    }
}

static void made_while_waiting_for_the_lock(void **state) {
    (void)state;
    strata_db *db;
    machine->hook = make_it_first;
    try_open(0, STRATA_OK, &db);
    assert_true(json_has(ask(db, STRATA_OK, "kv.get", "{\"key\":\"k\"}"), "\"value\":1"));
    db_close(db);
}

/* A crash in the middle of making a database, then an open that must find one. */
static void must_exist_after_half_a_creation(void **state) {
    (void)state;
    for (uint64_t nth = 1; nth <= 6; nth++) {
        sim *s = sim_new(1);
        sim *before = machine;
        machine = s;
        strata_db *db = NULL;
        strata_options options = db_options(s, STRATA_BUFFERED);
        sim_cut_power(s, nth);
        assert_int_equal(strata_open("db", &options, &db), STRATA_IO);
        sim_restart(s, SIM_RANDOM, nth);
        options.flags = STRATA_OPEN_MUST_EXIST;
        const strata_status status = strata_open("db", &options, &db);
        assert_true(status == STRATA_OK || status == STRATA_NOT_FOUND);
        if (status == STRATA_OK) {
            db_close(db);
        } else {
            assert_false(sim_exists(s, "db/WAL/wal-1.seg"));
        }
        try_open(0, STRATA_OK, NULL);
        sim_free(s);
        machine = before;
    }
}

static void no_entropy(void **state) {
    (void)state;
    machine->entropy_fails = true;
    try_open(0, STRATA_IO, NULL);
    machine->entropy_fails = false;
    strata_db *db;
    try_open(0, STRATA_OK, &db);
    machine->entropy_fails = true;
    (void)ask(db, STRATA_IO, "memory.remember", "{\"text\":\"needs a key\"}");
    (void)ask(db, STRATA_OK, "memory.remember", "{\"text\":\"has one\",\"key\":\"k\"}");
    machine->entropy_fails = false;
    (void)ask(db, STRATA_OK, "memory.remember", "{\"text\":\"needs a key\"}");
    db_close(db);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(nothing_there),
        case_of(somebody_elses_folder),
        case_of(log_without_manifest),
        case_of(newer_formats),
        case_of(read_only_writes_nothing),
        case_of(second_opener),
        case_of(made_while_waiting_for_the_lock),
        case_of(must_exist_after_half_a_creation),
        case_of(no_entropy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
