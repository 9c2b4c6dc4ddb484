/* answer.c - checking the responses of strata_exec. */
#include "answer.h"

#include "format/msgpack.h"

static st_token take(st_cursor *cursor, strata_type type, const char *what) {
    st_token token = {STRATA_NULL, {.integer = 0}};
    CHECK(st_msgpack_next(cursor, &token), "%s is not there", what);
    CHECK(token.type == type, "%s has type %d", what, (int)token.type);
    return token;
}

static void check_name(st_cursor *cursor, const char *name) {
    const st_token token = take(cursor, STRATA_STRING, name);
    CHECK(st_slice_equal(token.as.bytes, strata_text(name)), "%.*s in the place of %s",
          (int)token.as.bytes.len, (const char *)token.as.bytes.data, name);
}

static void check_error(st_cursor *cursor, strata_status status) {
    CHECK(take(cursor, STRATA_OBJECT, "the error").as.count == 4, "an error has four fields");
    check_name(cursor, "code");
    const st_token code = take(cursor, STRATA_STRING, "the code");
    CHECK(st_slice_equal(code.as.bytes, strata_text(strata_status_name(status))),
          "%s was returned, %.*s is in the response", strata_status_name(status),
          (int)code.as.bytes.len, (const char *)code.as.bytes.data);
    check_name(cursor, "message");
    CHECK(take(cursor, STRATA_STRING, "the message").as.bytes.len > 0, "an empty message");
    check_name(cursor, "retryable");
    CHECK(take(cursor, STRATA_BOOL, "retryable").as.boolean == strata_status_retryable(status),
          "retryable");
    check_name(cursor, "details");
}

strata_status fuzz_ask(strata_db *db, strata_slice request, strata_buffer *response) {
    const strata_status status = strata_exec(db, request, response);
    st_cursor cursor = st_cursor_over(st_buffer_slice(response));
    CHECK(status != STRATA_INTERNAL && status != STRATA_IO && status != STRATA_NO_SPACE &&
              status != STRATA_BUSY,
          "%s: %s", strata_status_name(status), strata_errmsg(db));
    if (status == STRATA_NO_MEMORY) {
        CHECK(fuzz_memory_refused(), "no_memory, and the host had some");
        if (response->len == 0) {
            return status;
        }
    }
    CHECK(strata_last_error(db)->code == status, "%s returned, the handle has %s",
          strata_status_name(status), strata_errmsg(db));
    CHECK(take(&cursor, STRATA_ARRAY, "the response").as.count == 2, "a response has two parts");
    const st_token good = take(&cursor, STRATA_BOOL, "the first part");
    CHECK(good.as.boolean == (status == STRATA_OK), "%s was returned", strata_status_name(status));
    if (status != STRATA_OK) {
        check_error(&cursor, status);
    }
    const st_cursor result = cursor;
    (void)take(&cursor, STRATA_OBJECT, "the result");
    cursor = result;
    for (uint64_t left = 1; left > 0; left--) { /* deeper than st_msgpack_skip goes, perhaps */
        st_token token;
        CHECK(st_msgpack_next(&cursor, &token), "the response is malformed");
        left += token.type == STRATA_ARRAY ? token.as.count : 0;
        left += token.type == STRATA_OBJECT ? (uint64_t)token.as.count * 2 : 0;
    }
    CHECK(cursor.at == cursor.end, "bytes follow the response");
    return status;
}

/* JSON refuses what is not UTF-8, and reading it back what has a name twice. */
void fuzz_check_text(const strata_buffer *response) {
    strata_buffer json = fuzz_buffer();
    strata_buffer back = fuzz_buffer();
    strata_error error = {.code = STRATA_OK};
    const strata_status written =
        strata_msgpack_to_json(st_buffer_slice(response), false, &json, &error);
    if (!(written == STRATA_NO_MEMORY && fuzz_memory_refused())) {
        CHECK(written == STRATA_OK, "a response is no JSON: %s", error.message);
        const strata_status read = strata_json_to_msgpack(st_buffer_slice(&json), &back, &error);
        CHECK(read == STRATA_OK || (read == STRATA_NO_MEMORY && fuzz_memory_refused()),
              "a response does not read back: %s", error.message);
    }
    strata_buffer_free(&json);
    strata_buffer_free(&back);
}

strata_status fuzz_ask_json(strata_db *db, const char *request, strata_buffer *response) {
    strata_buffer encoded = fuzz_buffer();
    strata_error error = {.code = STRATA_OK};
    strata_status status = strata_json_to_msgpack(strata_text(request), &encoded, &error);
    CHECK(status == STRATA_OK || fuzz_memory_refused(), "%s: %s", request, error.message);
    if (status == STRATA_OK) {
        status = fuzz_ask(db, st_buffer_slice(&encoded), response);
    }
    strata_buffer_free(&encoded);
    return status;
}

int64_t fuzz_result_int(const strata_buffer *response, const char *name) {
    st_cursor cursor = st_cursor_over(st_buffer_slice(response));
    st_token token;
    (void)take(&cursor, STRATA_ARRAY, "the response");
    (void)take(&cursor, STRATA_BOOL, "the first part");
    const uint32_t count = take(&cursor, STRATA_OBJECT, "the result").as.count;
    for (uint32_t i = 0; i < count; i++) {
        const st_token field = take(&cursor, STRATA_STRING, "a name");
        const st_cursor value = cursor;
        CHECK(st_msgpack_skip(&cursor, NULL), "a value");
        if (st_slice_equal(field.as.bytes, strata_text(name))) {
            cursor = value;
            return st_msgpack_next(&cursor, &token) && token.type == STRATA_INT ? token.as.integer
                                                                                : 0;
        }
    }
    return 0;
}
