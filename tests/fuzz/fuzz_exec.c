/* fuzz_exec.c - any bytes as requests to a database in memory.
 *
 * An input is a row of MessagePack values; each is a request, and so is what is left where a value
 * is malformed.
 * Holds for every row:
 * 1. Every response is what answer.h says, with strings in UTF-8 and no name twice.
 * 2. What fails changes nothing: the version of the database stays; what succeeds never lowers it.
 * 3. In the end the database finds nothing wrong with itself.
 * 4. Closing gives back all memory.
 */
#include "answer.h"
#include "format/msgpack.h"
#include "mutate.h"

enum { MEMORY_MAX = 64 << 20, REQUESTS_MAX = 32 };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    return fuzz_mutate_msgpack(data, size, max_size, seed);
}

static int64_t version_of(strata_db *db, strata_buffer *response) {
    const strata_status status = fuzz_ask_json(db, "[\"db.stats\",{}]", response);
    CHECK(status == STRATA_OK || fuzz_memory_refused(), "db.stats");
    return status == STRATA_OK ? fuzz_result_int(response, "version") : -1;
}

static void run_requests(strata_db *db, strata_slice bytes, strata_buffer *response) {
    st_cursor cursor = st_cursor_over(bytes);
    int64_t version = version_of(db, response);
    for (int left = REQUESTS_MAX; left > 0 && st_cursor_left(&cursor) > 0; left--) {
        strata_slice request = st_slice(cursor.at, st_cursor_left(&cursor));
        if (!st_msgpack_skip(&cursor, &request)) {
            cursor.at = cursor.end;
        }
        const strata_status status = fuzz_ask(db, request, response);
        if (response->len > 0) {
            fuzz_check_text(response);
        }
        const int64_t after = version_of(db, response);
        if (fuzz_memory_refused()) {
            return; /* what was asked in between may have been refused, too */
        }
        CHECK(status == STRATA_OK ? after >= version : after == version,
              "version %lld after %lld: %s", (long long)after, (long long)version,
              strata_status_name(status));
        version = after;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input = {data, size};
    strata_options options = STRATA_OPTIONS_INIT;
    strata_db *db = NULL;
    fuzz_begin(MEMORY_MAX);
    const strata_slice bytes = fuzz_rest(&input);
    strata_buffer response = fuzz_buffer();
    options.durability = STRATA_MEMORY;
    options.host = fuzz_host();
    CHECK(strata_open(":memory:", &options, &db) == STRATA_OK, "open");
    run_requests(db, bytes, &response);
    const strata_status status = fuzz_ask_json(db, "[\"db.verify\",{}]", &response);
    if (!fuzz_memory_refused()) {
        static const char valid[] = "\xa5valid\xc3";
        CHECK(status == STRATA_OK, "%s", strata_errmsg(db));
        CHECK(memmem(response.data, response.len, valid, sizeof valid - 1) != NULL,
              "db.verify finds problems");
    }
    strata_buffer_free(&response);
    CHECK(strata_close(db) == STRATA_OK, "close");
    fuzz_end();
    return 0;
}
