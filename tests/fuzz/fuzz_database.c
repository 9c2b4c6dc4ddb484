/* fuzz_database.c - a whole database over a hostile log (log.h), and perhaps hostile tables: opened,
 * verified, read, written, flushed, merged.
 *
 * An input is a log; or 1 byte FUZZ_TABLES and control, 2 bytes watermark, for each table 1 byte
 * level, 2 bytes length and its bytes, which are sealed for this database; then a log.
 * Holds for every one:
 * 1. Opening ends with OK, or with `corrupt` that names a file and an offset in it.
 * 2. Verification agrees: where it finds nothing, opening finds nothing in a file, and the other way
 *    round if there are no tables, of which opening reads the ends only. (Records inside the log that
 *    mean nothing, such as a run without an id, are met by opening only.)
 * 3. Every operation on what opened is answered as answer.h says, and what it answers can be written
 *    as JSON; none makes it grow without bound.
 * 4. What was committed after that is there after flushing, after merging, and after closing and
 *    opening again, and so is everything that could be read before: the same requests get the same
 *    answers. (Unless verification found damage; and a history may lose what a rule of retention lets
 *    go.)
 * 5. A flush and a merge succeed where verification finds nothing.
 */
#include "answer.h"
#include "format/msgpack.h"
#include "log.h"
#include "table_maker.h"

enum { MEMORY_MAX = 96 << 20, TABLES_MAX = 3, TABLE_BYTES_MAX = 1 << 13 };

/* The first byte: bit 6 says that there are tables, bits 0 and 1 how many; bit 2: a floor. */
enum { FUZZ_TABLES = 64, FUZZ_COUNT = 3, FUZZ_FLOOR = 4 };

static const char *const reads[] = {
    "[\"run.list\",{\"limit\":1000}]",
    "[\"kv.list\",{\"limit\":1000}]",
    "[\"kv.list\",{\"reverse\":true,\"prefix\":\"k\"}]",
    "[\"kv.history\",{\"key\":\"k0\"}]",
    "[\"kv.list\",{\"run\":\"side\"}]",
    "[\"kv.list\",{\"as_of\":1}]",
    "[\"kv.list\",{\"as_of_time\":1600000000000000,\"run\":\"scratch\"}]",
    "[\"kv.get\",{\"as_of\":1,\"key\":\"k1\"}]",
    "[\"kv.get\",{\"as_of_time\":1767225723000000,\"run\":\"scratch\",\"key\":\"a\"}]",
    "[\"kv.history\",{\"run\":\"scratch\",\"key\":\"d\"}]",
    "[\"memory.list\",{\"as_of\":1,\"run\":\"trip\"}]",
    "[\"event.range\",{}]",
    "[\"event.head\",{}]",
    "[\"event.verify\",{}]",
    "[\"event.range\",{\"run\":\"side\"}]",
    "[\"memory.list\",{\"tag\":\"a\"}]",
    "[\"memory.get\",{\"key\":\"m2\"}]",
    "[\"memory.recall\",{\"query\":\"common words ferry\"}]",
};

enum { READS = sizeof reads / sizeof reads[0] };

static const char *const writes[] = {
    "[\"kv.put\",{\"key\":\"k0\",\"value\":[1,{\"a\":null}]}]",
    "[\"kv.incr\",{\"run\":\"side\",\"key\":\"n\"}]",
    "[\"event.append\",{\"type\":\"t\",\"payload\":{}}]",
    "[\"memory.remember\",{\"key\":\"m2\",\"text\":\"common\"}]",
    "[\"memory.forget\",{\"key\":\"m3\"}]",
    "[\"run.create\",{\"name\":\"new\"}]",
    "[\"run.archive\",{\"name\":\"side\"}]",
};

enum { WRITES = sizeof writes / sizeof writes[0] };

/* With a commit between them, which the merge finds above the table of the flush; no read shows it. */
static const char *const merges[] = {
    "[\"db.checkpoint\",{}]",
    "[\"kv.put\",{\"run\":\"new\",\"key\":\"merged\",\"value\":[1,{\"a\":null}]}]",
    "[\"db.compact\",{\"mode\":\"wal\"}]",
    "[\"db.compact\",{}]",
};

enum { MERGES = sizeof merges / sizeof merges[0] };

static strata_options options_of(strata_error *error) {
    strata_options options = STRATA_OPTIONS_INIT;
    options.host = fuzz_host();
    options.error = error;
    return options;
}

/* Whether verification finds nothing. */
static bool verify(void) {
    strata_error error = {.code = STRATA_OK};
    strata_buffer report = fuzz_buffer();
    const strata_options options = options_of(&error);
    const strata_status status = strata_verify("db", &options, &report);
    bool valid = false;
    if (status == STRATA_OK) {
        static const char yes[] = "\xa5valid\xc3";
        valid = memmem(report.data, report.len, yes, sizeof yes - 1) != NULL;
    } else {
        CHECK(status == STRATA_NO_MEMORY && fuzz_memory_refused(), "%s", error.message);
    }
    strata_buffer_free(&report);
    return valid;
}

static strata_error error; /* of the last opening */

static strata_db *open_db(strata_status *status) {
    strata_db *db = NULL;
    error.code = STRATA_OK;
    error.message[0] = '\0';
    error.field_count = 0;
    const strata_options options = options_of(&error);
    *status = strata_open("db", &options, &db);
    if (*status == STRATA_CORRUPT) {
        const char *named = fuzz_error_text(&error, "file");
        CHECK(named != NULL, "no file is named: %s", error.message);
        if (strchr(named, '/') != NULL) {
            fuzz_check_corrupt(&error, "db");
        }
    } else if (*status != STRATA_OK) {
        CHECK(*status == STRATA_NO_MEMORY && fuzz_memory_refused(), "%s: %s",
              strata_status_name(*status), error.message);
    }
    CHECK((db != NULL) == (*status == STRATA_OK), "%s", strata_status_name(*status));
    return db;
}

/* JSON refuses what is not UTF-8. */
static void check_json(const strata_buffer *response) {
    strata_buffer json = fuzz_buffer();
    strata_error why = {.code = STRATA_OK};
    const strata_status status =
        strata_msgpack_to_json(st_buffer_slice(response), false, &json, &why);
    CHECK(status == STRATA_OK || fuzz_memory_refused(), "an answer is no JSON: %s", why.message);
    strata_buffer_free(&json);
}

/* All answers of the reads, one after the other. */
static strata_buffer read_all(strata_db *db) {
    strata_buffer all = fuzz_buffer();
    strata_buffer response = fuzz_buffer();
    for (size_t i = 0; i < READS; i++) {
        /* What a recall took is not the same twice. */
        const strata_status status = fuzz_ask_json(db, reads[i], &response);
        const bool timed = status == STRATA_OK && strstr(reads[i], "recall") != NULL;
        check_json(&response);
        CHECK(fuzz_memory_refused() || timed ||
                  st_buffer_append(&all, response.data, response.len) == STRATA_OK,
              "append");
    }
    strata_buffer_free(&response);
    return all;
}

/* Whether there are rules of retention, or none can be known. */
static bool has_rules(strata_db *db) {
    static const char none[] = "\x92\xc3\xdf\0\0\0\1\xa5rules\xdd\0\0\0\0";
    strata_buffer response = fuzz_buffer();
    const strata_status status = fuzz_ask_json(db, "[\"retention.list\",{}]", &response);
    const bool has = status != STRATA_OK ||
                     !st_slice_equal(st_buffer_slice(&response), st_slice(none, sizeof none - 1));
    strata_buffer_free(&response);
    return has;
}

static void expect_the_same(strata_db *db, const strata_buffer *before, const char *what) {
    strata_buffer after = read_all(db);
    CHECK(fuzz_memory_refused() || st_slice_equal(st_buffer_slice(before), st_buffer_slice(&after)),
          "%s, it answers differently", what);
    strata_buffer_free(&after);
}

/* valid: verification has found nothing. */
static void merge(strata_db *db, bool valid) {
    strata_buffer response = fuzz_buffer();
    for (size_t i = 0; i < MERGES; i++) {
        if (i + 1 == MERGES) { /* level 0 may be full by now */
            const strata_status status = strata_tick(db, 1000000);
            CHECK(status == STRATA_OK || !valid || fuzz_memory_refused(), "tick: %s",
                  strata_errmsg(db));
        }
        const strata_status status = fuzz_ask_json(db, merges[i], &response);
        const char *file = fuzz_error_text(strata_last_error(db), "file");
        CHECK(status != STRATA_CORRUPT || file != NULL, "no file is named: %s", strata_errmsg(db));
        CHECK(status == STRATA_OK || !valid || strstr(merges[i], "db.") == NULL ||
                  fuzz_memory_refused(),
              "%s: %s", merges[i], strata_errmsg(db));
    }
    strata_buffer_free(&response);
}

static void use(strata_db *db, bool valid) {
    strata_status status;
    strata_buffer response = fuzz_buffer();
    for (size_t i = 0; i < WRITES; i++) {
        (void)fuzz_ask_json(db, writes[i], &response);
    }
    (void)fuzz_ask_json(db, "[\"db.verify\",{}]", &response);
    check_json(&response);
    strata_buffer before = read_all(db);
    merge(db, valid);
    if (valid && !has_rules(db)) {
        expect_the_same(db, &before, "merged");
    }
    strata_buffer_free(&before);
    before = read_all(db);
    CHECK(strata_close(db) == STRATA_OK || !valid || fuzz_memory_refused(), "close");
    if (!fuzz_memory_refused()) {
        db = open_db(&status);
        CHECK(db != NULL || !valid || fuzz_memory_refused(), "what was closed does not open: %s",
              error.message);
        if (db != NULL) {
            if (valid) {
                expect_the_same(db, &before, "opened again");
            }
            CHECK(strata_close(db) == STRATA_OK || !valid || fuzz_memory_refused(), "close");
        }
    }
    strata_buffer_free(&before);
    strata_buffer_free(&response);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

typedef struct hostile_tables {
    st_live_file files[TABLES_MAX];
    strata_slice bytes[TABLES_MAX];
    size_t count;
    uint64_t watermark;
    bool floor;
} hostile_tables;

static void take_tables(fuzz_input *input, hostile_tables *tables) {
    if (input->left == 0 || (input->at[0] & FUZZ_TABLES) == 0) {
        return;
    }
    const unsigned control = fuzz_u8(input);
    tables->count = control & FUZZ_COUNT;
    tables->floor = (control & FUZZ_FLOOR) != 0;
    tables->watermark = fuzz_u16(input);
    for (size_t i = 0; i < tables->count; i++) {
        tables->files[i] = (st_live_file){ST_FILE_TABLE, fuzz_u8(input), i + 1, 0};
        tables->bytes[i] = fuzz_take(input, fuzz_u16(input));
    }
}

static void put_tables(hostile_tables *tables, st_manifest *manifest) {
    static uint8_t copy[TABLE_BYTES_MAX];
    char name[FUZZ_NAME_MAX];
    for (size_t i = 0; i < tables->count; i++) {
        const strata_slice bytes = tables->bytes[i];
        const size_t len = bytes.len < sizeof copy ? bytes.len : sizeof copy;
        st_table_spec spec = fuzz_table_spec(manifest->codec);
        spec.number = i + 1;
        memcpy(spec.uuid, manifest->uuid, ST_UUID_BYTES);
        if (len > 0) {
            memcpy(copy, bytes.data, len);
        }
        fuzz_table_adopt(&spec, copy, len);
        st_table_name(name, sizeof name, "db", spec.number);
        fuzz_put(name, st_slice(copy, len));
        tables->files[i].bytes = len;
    }
    manifest->file_count = tables->count;
    manifest->next_file = tables->count + 1;
    if (tables->floor) {
        manifest->floor_version = tables->watermark + 1;
        manifest->floor_us = 1700000000000000;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input = {data, size};
    hostile_tables tables = {.count = 0};
    st_manifest manifest;
    strata_status status;
    fuzz_begin(MEMORY_MAX);
    take_tables(&input, &tables);
    fuzz_log_make(&input, tables.watermark, &manifest);
    put_tables(&tables, &manifest);
    CHECK(st_manifest_write(fuzz_host(), "db", &manifest, tables.files, NULL) == STRATA_OK,
          "manifest");
    const bool valid = verify();
    strata_db *db = open_db(&status);
    if (!fuzz_memory_refused()) {
        CHECK(valid || status == STRATA_CORRUPT || tables.count > 0,
              "verify finds a problem, opening none");
        const char *named = fuzz_error_text(&error, "file");
        CHECK(!valid || status == STRATA_OK || strchr(named, '/') == NULL,
              "opening finds a problem, verify none: %s", error.message);
    }
    if (db != NULL) {
        use(db, valid);
    }
    fuzz_end();
    return 0;
}
