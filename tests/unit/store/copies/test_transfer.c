/* test_transfer.c - that an export holds everything, and an import takes nothing else.
 *
 * The script of workload.h makes a database with histories, deletes, several runs and large values.
 *   Round trip: whatever form the database has (log, tables, merged, read-only, snapshot), its export
 *   is the same bytes; imported, it shows the same state and histories; exported again, it is the same
 *   bytes once more.
 *   The power goes at every changing call of an export and of an import; every call and every
 *   allocation fails once: an export is there whole or refused by import, an import is there whole or
 *   can be done again.
 *   Hostile bytes: every byte changed, every length cut, entries changed with their checksums made
 *   right again: an error that names an offset, or a database that verifies.
 *
 * Replay one case: CRASH_AT=n build/tests/unit/store/copies/test_transfer
 */
#include "api/handle.h"
#include "base/crc32c.h"
#include "store/copies/transfer.h"
#include "store/copies/verify.h"
#include "store/maintain/maintain.h"
#include "workload.h"

static st_store *store_of(strata_db *db) {
    return &db->engine->model.store;
}

static strata_status export_to(strata_db *db, const char *file, strata_error *error) {
    st_export_result result;
    error->code = STRATA_OK;
    const strata_status status = st_export(store_of(db), file, &result, error);
    assert_int_equal(status, error->code);
    return status;
}

static strata_status import_from(sim *s, const char *file, const char *path, strata_codec codec,
                                 strata_error *error) {
    st_import_result result;
    const st_import_spec spec = {&s->host, file, path, codec, true};
    error->code = STRATA_OK;
    error->field_count = 0;
    return st_import(&spec, &result, error);
}

static strata_db *open_path(sim *s, const char *path, uint32_t flags, const char *snapshot) {
    strata_options options = db_options(s, STRATA_BUFFERED);
    strata_error error;
    strata_db *db = NULL;
    options.flags = flags;
    options.snapshot = snapshot;
    options.error = &error;
    if (strata_open(path, &options, &db) != STRATA_OK) {
        fail_msg("%s: %s", path, error.message);
    }
    return db;
}

static void expect_export(sim *s, strata_db *db, strata_slice expected, const char *what) {
    strata_error error;
    if (export_to(db, "again.zst", &error) != STRATA_OK) {
        fail_msg("%s: %s", what, error.message);
    }
    const strata_slice got = sim_copy(s, "again.zst", true);
    if (!st_slice_equal(got, expected)) {
        fail_msg("%s: the export has other bytes (%zu, %zu)", what, got.len, expected.len);
    }
    sim_release(got);
    sim_drop(s, "again.zst");
}

/* ---- There and back -------------------------------------------------------------------------- */

static void run_script(sim *s, strata_db *db, const work_reference *reference) {
    for (size_t step = 0; step < WORK_STEPS; step++) {
        assert_int_equal(work_step(s, db, step), reference->statuses[step]);
        if (step == 40) {
            (void)ask(db, STRATA_OK, "db.checkpoint", "{}");
        }
    }
}

static void check_imported(sim *s, const work_reference *reference, strata_slice file,
                           strata_codec codec) {
    strata_error error;
    const char *path = codec == STRATA_CODEC_ZSTD ? "packed" : "plain";
    if (import_from(s, "first.zst", path, codec, &error) != STRATA_OK) {
        fail_msg("import: %s", error.message);
    }
    strata_db *db = open_path(s, path, STRATA_OPEN_MUST_EXIST, NULL);
    assert_int_equal(db_version(db), reference->last);
    work_check(db, reference, reference->last);
    db_verify(db);
    expect_export(s, db, file, "imported");
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"more\",\"value\":1}");
    assert_int_equal(db_version(db), reference->last + 1);
    db_close(db);
    db = open_path(s, path, 0, NULL);
    assert_int_equal(db_version(db), reference->last + 1);
    db_verify(db);
    db_close(db);
    assert_int_equal(import_from(s, "first.zst", path, codec, &error), STRATA_ALREADY_EXISTS);
    db = open_path(s, path, STRATA_OPEN_MUST_EXIST, NULL); /* what was in the way is untouched */
    assert_int_equal(db_version(db), reference->last + 1);
    db_verify(db);
    db_close(db);
}

static void round_trip(void **state) {
    (void)state;
    static work_reference reference;
    work_reference_make(&reference, STRATA_BUFFERED, STRATA_CODEC_NONE);
    sim *s = sim_new(1);
    strata_db *db = NULL;
    strata_error error;
    st_compact_result compacted;
    assert_int_equal(work_open(s, &reference, &db), STRATA_OK);
    run_script(s, db, &reference);
    db_close(db);
    db = open_path(s, "db", STRATA_OPEN_READ_ONLY, NULL);
    assert_int_equal(export_to(db, "first.zst", &error), STRATA_OK);
    db_close(db);
    const strata_slice file = sim_copy(s, "first.zst", true);
    db = open_path(s, "db", 0, NULL);
    expect_export(s, db, file, "flushed");
    (void)ask(db, STRATA_OK, "snapshot.create", "{\"name\":\"s\"}");
    assert_int_equal(st_store_compact(store_of(db), true, &compacted, &error), STRATA_OK);
    expect_export(s, db, file, "merged");
    assert_int_equal(export_to(db, "first.zst", &error), STRATA_ALREADY_EXISTS);
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"later\",\"value\":1}");
    db_close(db);
    db = open_path(s, "db", 0, "s");
    expect_export(s, db, file, "snapshot");
    db_close(db);
    check_imported(s, &reference, file, STRATA_CODEC_NONE);
    check_imported(s, &reference, file, STRATA_CODEC_ZSTD);
    sim_release(file);
    sim_free(s);
    work_reference_free(&reference);
}

/* What a database in memory exports is what one on the disk does that lived the same life. */
static void from_memory(void **state) {
    (void)state;
    static work_reference reference;
    work_reference_make(&reference, STRATA_BUFFERED, STRATA_CODEC_NONE);
    strata_slice files[2];
    strata_error error;
    for (int memory = 0; memory < 2; memory++) {
        sim *s = sim_new(1);
        strata_db *db = NULL;
        if (memory == 1) {
            s->chance = 1000; /* as work_open has it */
            db = db_in_memory(s);
        } else {
            assert_int_equal(work_open(s, &reference, &db), STRATA_OK);
        }
        run_script(s, db, &reference);
        assert_int_equal(export_to(db, "out.zst", &error), STRATA_OK);
        files[memory] = sim_copy(s, "out.zst", true);
        db_close(db);
        sim_free(s);
    }
    test_bytes_equal(files[1], files[0], "export");
    sim_release(files[0]);
    sim_release(files[1]);
    work_reference_free(&reference);
}

/* An export of nothing, and a new identity. */
static void small_ones(void **state) {
    (void)state;
    sim *s = sim_new(1);
    strata_error error;
    st_import_result result;
    strata_db *db = db_open(s, STRATA_STRICT);
    assert_int_equal(export_to(db, "", &error), STRATA_INVALID_ARGUMENT);
    assert_int_equal(export_to(db, "empty.zst", &error), STRATA_OK);
    char uuid[64];
    const char *stats = ask(db, STRATA_OK, "db.stats", "{}");
    (void)snprintf(uuid, sizeof uuid, "%.36s", strstr(stats, "\"uuid\":\"") + 8);
    db_close(db);
    for (int keeps = 0; keeps < 2; keeps++) {
        const char *path = keeps == 1 ? "kept" : "new";
        const st_import_spec spec = {&s->host, "empty.zst", path, STRATA_CODEC_NONE, keeps == 1};
        assert_int_equal(st_import(&spec, &result, &error), STRATA_OK);
        assert_int_equal(result.version, 1);
        assert_int_equal(result.totals.keys, 1); /* the record of the run `default` */
        db = open_path(s, path, 0, NULL);
        assert_int_equal(json_has(ask(db, STRATA_OK, "db.stats", "{}"), uuid), keeps);
        db_close(db);
    }
    const st_import_spec missing = {&s->host, "no.zst", "x", STRATA_CODEC_NONE, false};
    assert_int_equal(st_import(&missing, &result, &error), STRATA_NOT_FOUND);
    sim_put(s, "letter.txt", strata_text("Dear Ann, this is no export"));
    const st_import_spec letter = {&s->host, "letter.txt", "x", STRATA_CODEC_NONE, false};
    assert_int_equal(st_import(&letter, &result, &error), STRATA_INVALID_ARGUMENT);
    sim_put(s, "home/letter.txt", strata_text("Dear Ann"));
    const st_import_spec home = {&s->host, "empty.zst", "home", STRATA_CODEC_NONE, false};
    assert_int_equal(st_import(&home, &result, &error), STRATA_ALREADY_EXISTS);
    sim_free(s);
}

/* ---- Crashes and faults ---------------------------------------------------------------------- */

enum { PUTS = 40 };

static void fill(strata_db *db) {
    for (int i = 0; i < PUTS; i++) {
        (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"k%d\",\"value\":\"%0200d\"}", i % 30, i);
    }
    (void)ask(db, STRATA_OK, "kv.delete", "{\"key\":\"k7\"}");
    (void)ask(db, STRATA_OK, "event.append", "{\"type\":\"t\",\"payload\":{\"n\":1}}");
}

/* Whether the folder holds all of it; false: it is none, or an empty database. */
static bool is_imported(sim *s, const char *path) {
    strata_options options = db_options(s, STRATA_BUFFERED);
    strata_error error = {.code = STRATA_OK};
    strata_db *db = NULL;
    options.flags = STRATA_OPEN_READ_ONLY;
    options.error = &error;
    const strata_status status = strata_open(path, &options, &db);
    if (status != STRATA_OK) {
        if (status != STRATA_NOT_FOUND && status != STRATA_FORBIDDEN &&
            status != STRATA_INVALID_ARGUMENT) {
            fail_msg("%s: %s", path, error.message);
        }
        return false;
    }
    const bool there = tell(db, "kv.get", "{\"key\":\"k9\"}") == STRATA_OK;
    if (there) {
        (void)ask(db, STRATA_NOT_FOUND, "kv.get", "{\"key\":\"k7\"}");
        assert_true(json_has(ask(db, STRATA_OK, "kv.get", "{\"key\":\"k9\"}"), "00039\""));
        assert_true(json_has(ask(db, STRATA_OK, "event.head", "{}"), "\"sequence\":1"));
        assert_int_equal(db_version(db), 1 + PUTS + 2);
    }
    db_verify(db);
    db_close(db);
    return there;
}

/* A machine with a filled database, and an export of it. */
static sim *prepare(void) {
    strata_error error;
    sim *s = sim_new(1);
    strata_db *db = db_open(s, STRATA_STRICT);
    fill(db);
    assert_int_equal(export_to(db, "good.zst", &error), STRATA_OK);
    db_close(db);
    return s;
}

static strata_status do_one(sim *s, bool imports, strata_error *error) {
    if (imports) {
        return import_from(s, "good.zst", "new", STRATA_CODEC_NONE, error);
    }
    strata_options options = db_options(s, STRATA_STRICT);
    strata_db *db = NULL;
    options.error = error;
    ST_TRY(strata_open("db", &options, &db));
    const strata_status status = export_to(db, "new.zst", error);
    (void)strata_close(db);
    return status;
}

/* That what one of them left is whole, or can be made whole. */
static void check_left(sim *s, bool imports, strata_status status) {
    strata_error error;
    if (!imports && sim_exists(s, "new.zst")) {
        const strata_status read = import_from(s, "new.zst", "new", STRATA_CODEC_NONE, &error);
        assert_true(read == STRATA_OK || read == STRATA_CORRUPT || read == STRATA_INVALID_ARGUMENT);
        assert_true(read == STRATA_OK || status != STRATA_OK);
        assert_int_equal(is_imported(s, "new"), read == STRATA_OK);
    }
    const bool there = is_imported(s, "new");
    assert_true(there || !imports || status != STRATA_OK);
    if (!there) {
        if (import_from(s, "good.zst", "new", STRATA_CODEC_NONE, &error) != STRATA_OK) {
            fail_msg("again: %s", error.message);
        }
        assert_true(is_imported(s, "new"));
    }
    strata_db *db = open_path(s, "new", 0, NULL);
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"x\",\"value\":1}");
    (void)ask(db, STRATA_OK, "db.checkpoint", "{}");
    assert_true(json_has(ask(db, STRATA_OK, "db.verify", "{}"), "\"unnamed\":[]"));
    db_close(db);
}

static void crash_everywhere(void **state) {
    (void)state;
    sim *start = prepare();
    const uint64_t only = env_number("CRASH_AT", 0);
    for (int imports = 0; imports < 2; imports++) {
        bool dead = true;
        uint64_t nth = only > 0 ? only : 1;
        for (; dead; nth++) {
            for (unsigned policy = 0; policy < 3; policy++) {
                strata_error error;
                const sim_policy policies[] = {SIM_NONE, SIM_RANDOM, SIM_KILL};
                sim *s = sim_new(nth);
                replay_hint("CRASH_AT=%u build/tests/unit/store/copies/test_transfer",
                            (unsigned)nth);
                sim_clone(s, start);
                sim_cut_power(s, nth);
                const strata_status status = do_one(s, imports == 1, &error);
                dead = s->dead && only == 0;
                sim_restart(s, policies[policy], nth);
                check_left(s, imports == 1, status);
                sim_free(s);
                replay_hint(NULL);
            }
        }
        print_message("%s: %u crash points\n", imports == 1 ? "import" : "export",
                      (unsigned)nth - 1);
    }
    start->blocks_before = test_memory_blocks();
    sim_free(start);
}

static bool fail_once(sim *start, bool imports, uint64_t nth, bool memory) {
    strata_error error;
    sim *s = sim_new(nth);
    sim_clone(s, start);
    if (memory) {
        sim_fail_memory(s, nth);
    } else {
        sim_fail(s, SIM_ANY & ~(uint32_t)SIM_CLOSE, nth, STRATA_NO_SPACE, true);
    }
    const strata_status status = do_one(s, imports, &error);
    const bool hit = memory ? s->memory_failed : s->failed > 0;
    sim_heal(s);
    if (status != STRATA_OK) {
        assert_true(hit && (status == (memory ? STRATA_NO_MEMORY : STRATA_NO_SPACE) ||
                            status == STRATA_IO));
        assert_true(imports || !sim_exists(s, "new.zst") || s->failed_kinds == SIM_REMOVE);
    }
    check_left(s, imports, status);
    sim_free(s);
    return hit;
}

static void faults(void **state) {
    (void)state;
    sim *start = prepare();
    for (unsigned which = 0; which < 4; which++) {
        uint64_t nth = 1;
        while (fail_once(start, which >= 2, nth, which % 2 == 1)) {
            nth++;
        }
        print_message("%s: %u %s\n", which >= 2 ? "import" : "export", (unsigned)nth - 1,
                      which % 2 == 1 ? "allocations" : "calls");
    }
    start->blocks_before = test_memory_blocks();
    sim_free(start);
}

/* ---- Hostile bytes --------------------------------------------------------------------------- */

/* An import that must not succeed, into a folder that goes on to be of use. */
static void expect_refused(sim *s, strata_slice bytes, const char *what, size_t at) {
    strata_error error;
    sim_put(s, "bad.zst", bytes);
    const strata_status status = import_from(s, "bad.zst", "bad", STRATA_CODEC_NONE, &error);
    if (status != STRATA_CORRUPT && status != STRATA_INVALID_ARGUMENT) {
        fail_msg("%s at %zu: %s", what, at, strata_status_name(status));
    }
    if (status == STRATA_CORRUPT) {
        assert_int_equal(error.field_count, 2); /* file, offset */
    }
    assert_false(is_imported(s, "bad"));
}

static void changed_and_cut(void **state) {
    (void)state;
    sim *s = prepare();
    strata_error error;
    const strata_slice good = sim_copy(s, "good.zst", true);
    uint8_t *bytes = malloc(good.len + 1);
    assert_non_null(bytes);
    for (size_t at = 0; at < good.len; at++) {
        memcpy(bytes, good.data, good.len);
        bytes[at] ^= (uint8_t)(1 << at % 8);
        expect_refused(s, st_slice(bytes, good.len), "changed", at);
    }
    memcpy(bytes, good.data, good.len);
    for (size_t len = 0; len < good.len; len++) {
        expect_refused(s, st_slice(bytes, len), "cut", len);
    }
    bytes[good.len] = 0;
    expect_refused(s, st_slice(bytes, good.len + 1), "longer", good.len);
    assert_int_equal(import_from(s, "good.zst", "bad", STRATA_CODEC_NONE, &error), STRATA_OK);
    assert_true(is_imported(s, "bad"));
    free(bytes);
    sim_release(good);
    sim_free(s);
}

enum { HEAD_BYTES = 32 };

/* Appends a frame of that kind as transfer.h has it. */
static void put_frame(strata_buffer *file, st_codec *codec, uint32_t kind, uint64_t number,
                      uint32_t *crc, strata_slice plain) {
    const size_t at = file->len;
    assert_int_equal(st_buffer_reserve(file, HEAD_BYTES), STRATA_OK);
    file->len += HEAD_BYTES;
    assert_int_equal(st_codec_frame(codec, plain, file), STRATA_OK);
    uint8_t *head = file->data + at;
    store32_le(head, 0x184d2a5a);
    store32_le(head + 4, 24);
    store32_le(head + 12, kind);
    store32_le(head + 16, (uint32_t)(file->len - at - HEAD_BYTES));
    store32_le(head + 20, (uint32_t)plain.len);
    store64_le(head + 24, number);
    *crc = st_crc32c(*crc, st_slice(head + 12, file->len - at - 12));
    store32_le(head + 8, *crc);
}

/* Changes a few of the plain bytes; the checksums then hold. */
static void change(uint8_t *bytes, size_t len, uint64_t *chance) {
    for (uint64_t left = 1 + test_random_below(chance, 3); left > 0; left--) {
        const size_t at = (size_t)test_random_below(chance, len);
        bytes[at] = test_random_below(chance, 2) == 0 ? (uint8_t)test_random(chance)
                                                      : (uint8_t)(bytes[at] ^ 1);
    }
}

static void crafted(void **state) {
    (void)state;
    enum { TRIES = 4000, FRAMES = 3 };
    sim *s = prepare();
    const strata_slice good = sim_copy(s, "good.zst", true);
    const uint8_t *at = good.data;
    strata_buffer plain[FRAMES];
    st_codec *codec = NULL;
    unsigned taken = 0;
    assert_int_equal(st_codec_create(STRATA_CODEC_ZSTD, &s->host, &codec), STRATA_OK);
    for (size_t i = 0; i < FRAMES; i++) {
        const size_t len = load32_le(at + 16);
        plain[i] = (strata_buffer){NULL, 0, 0, &s->host};
        assert_int_equal(st_codec_decode(codec, st_slice(at + HEAD_BYTES, len), 1 << 20, &plain[i]),
                         STRATA_OK);
        at += HEAD_BYTES + len;
    }
    assert_true(at == (const uint8_t *)good.data + good.len);
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        uint64_t chance = seed;
        uint32_t crc = 0;
        strata_error error = {.code = STRATA_OK};
        strata_buffer file = {NULL, 0, 0, &s->host};
        const uint64_t which = test_random_below(&chance, 8);
        replay_hint("seed %u of `crafted`", (unsigned)seed);
        for (size_t i = 0; i < FRAMES; i++) {
            uint8_t *copy = malloc(plain[i].len);
            assert_non_null(copy);
            memcpy(copy, plain[i].data, plain[i].len);
            if (seed > 0 && (which < 6 ? i == 1 : i == (which - 6) * 2)) {
                change(copy, plain[i].len, &chance);
            }
            put_frame(&file, codec, (uint32_t)i + 1, i, &crc, st_slice(copy, plain[i].len));
            free(copy);
        }
        sim_put(s, "bad.zst", st_buffer_slice(&file));
        strata_buffer_free(&file);
        const strata_status status = import_from(s, "bad.zst", "bad", STRATA_CODEC_NONE, &error);
        assert_true(seed > 0 || status == STRATA_OK);
        if (status == STRATA_OK) {
            st_report *report = calloc(1, sizeof *report);
            assert_non_null(report);
            assert_int_equal(st_verify_files(&s->host, "bad", report, &error), STRATA_OK);
            if (report->problem_count > 0) {
                fail_msg("%s", report->problems[0].what);
            }
            free(report);
            for (size_t i = s->entry_count; i > 0; i--) {
                if (strncmp(s->entries[i - 1]->name, "bad/", 4) == 0) {
                    sim_drop(s, s->entries[i - 1]->name);
                }
            }
            taken++;
        } else {
            assert_true(status == STRATA_CORRUPT || status == STRATA_INVALID_ARGUMENT);
        }
        replay_hint(NULL);
    }
    print_message("%u of %u were databases\n", taken, TRIES);
    assert_true(taken > TRIES / 20 && taken < TRIES);
    for (size_t i = 0; i < FRAMES; i++) {
        strata_buffer_free(&plain[i]);
    }
    st_codec_destroy(codec);
    sim_release(good);
    sim_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(from_memory),
        cmocka_unit_test(small_ones), cmocka_unit_test(crash_everywhere),
        cmocka_unit_test(faults),     cmocka_unit_test(changed_and_cut),
        cmocka_unit_test(crafted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
