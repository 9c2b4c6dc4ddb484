/* fuzz_database.c - a whole database over a hostile log (log.h): opened, verified, read, written.
 *
 * Holds for every log:
 * 1. Opening ends with OK, or with `corrupt` that names a file and an offset in it.
 * 2. Verification agrees: it finds a problem exactly when opening finds one in a file. (Records
 *    inside the log that mean nothing, such as a run without an id, are met by opening only.)
 * 3. Every operation on what opened is answered as answer.h says; none makes it grow without bound.
 * 4. What was committed after that is there after closing and opening again, and so is everything
 *    that could be read before: the same requests get the same answers.
 */
#include "answer.h"
#include "format/msgpack.h"
#include "log.h"

enum { MEMORY_MAX = 96 << 20 };

static const char *const reads[] = {
    "[\"run.list\",{\"limit\":1000}]",
    "[\"kv.list\",{\"limit\":1000}]",
    "[\"kv.list\",{\"reverse\":true,\"prefix\":\"k\"}]",
    "[\"kv.history\",{\"key\":\"k0\"}]",
    "[\"kv.list\",{\"run\":\"side\"}]",
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

/* All answers of the reads, one after the other. */
static strata_buffer read_all(strata_db *db) {
    strata_buffer all = fuzz_buffer();
    strata_buffer response = fuzz_buffer();
    for (size_t i = 0; i < READS; i++) {
        /* What a recall took is not the same twice. */
        const strata_status status = fuzz_ask_json(db, reads[i], &response);
        const bool timed = status == STRATA_OK && strstr(reads[i], "recall") != NULL;
        CHECK(fuzz_memory_refused() || timed ||
                  st_buffer_append(&all, response.data, response.len) == STRATA_OK,
              "append");
    }
    strata_buffer_free(&response);
    return all;
}

static void use(strata_db *db) {
    strata_status status;
    strata_buffer response = fuzz_buffer();
    for (size_t i = 0; i < WRITES; i++) {
        (void)fuzz_ask_json(db, writes[i], &response);
    }
    (void)fuzz_ask_json(db, "[\"db.verify\",{}]", &response);
    strata_buffer before = read_all(db);
    CHECK(strata_close(db) == STRATA_OK || fuzz_memory_refused(), "close");
    if (!fuzz_memory_refused()) {
        db = open_db(&status);
        CHECK(db != NULL || fuzz_memory_refused(), "what was closed does not open: %s",
              error.message);
        if (db != NULL) {
            strata_buffer after = read_all(db);
            CHECK(fuzz_memory_refused() ||
                      st_slice_equal(st_buffer_slice(&before), st_buffer_slice(&after)),
                  "opened again, it answers differently");
            strata_buffer_free(&after);
            CHECK(strata_close(db) == STRATA_OK || fuzz_memory_refused(), "close");
        }
    }
    strata_buffer_free(&before);
    strata_buffer_free(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input = {data, size};
    st_manifest manifest;
    strata_status status;
    fuzz_begin(MEMORY_MAX);
    fuzz_log_make(&input, &manifest);
    CHECK(st_manifest_write(fuzz_host(), "db", &manifest, NULL, NULL) == STRATA_OK, "manifest");
    const bool valid = verify();
    strata_db *db = open_db(&status);
    if (!fuzz_memory_refused()) {
        CHECK(valid || status == STRATA_CORRUPT, "verify finds a problem, opening none");
        const char *named = fuzz_error_text(&error, "file");
        CHECK(!valid || status == STRATA_OK || strchr(named, '/') == NULL,
              "opening finds a problem, verify none: %s", error.message);
    }
    if (db != NULL) {
        use(db);
    }
    fuzz_end();
    return 0;
}
