/* fuzz_json.c - any bytes as a JSON text.
 *
 * Holds for all bytes:
 * 1. They are refused with invalid_argument or constraint and the offset of what is wrong, at most
 *    their length; or they become MessagePack that is its own canonical form, unless it is nested
 *    deeper than a value may be.
 * 2. That, written as JSON and read again, is the same bytes, compact and pretty; the compact text
 *    read and written once more is the same text, and its ends do not matter: white space around
 *    it changes nothing.
 * 3. A text that ends early is refused, unless it is a number or ends in white space.
 * 4. Memory is bounded by the length of the text.
 */
#include "format/msgpack.h"

#include "fuzz.h"

enum { MEMORY_MAX = 64 << 20, VALUE_MAX = 16 << 20 };

static void check_same(const strata_buffer *got, const strata_buffer *expected, const char *what) {
    CHECK(st_slice_equal(st_buffer_slice(got), st_buffer_slice(expected)), "%s: %.*s", what,
          (int)got->len, (const char *)got->data);
}

/* JSON may be deeper than a value by the envelope of a request (format/json.h). */
static void check_canonical(const strata_buffer *value) {
    strata_buffer canonical = fuzz_buffer();
    strata_error error = {.code = STRATA_OK};
    const strata_status status =
        st_value_canonical(st_buffer_slice(value), VALUE_MAX, &canonical, &error);
    if (status == STRATA_CONSTRAINT) {
        const char *reason = fuzz_error_text(&error, "reason");
        CHECK(reason != NULL && strcmp(reason, "nesting_too_deep") == 0, "%s", error.message);
    } else {
        CHECK(status == STRATA_OK, "%s", error.message);
        check_same(&canonical, value, "it is not canonical");
    }
    strata_buffer_free(&canonical);
}

static void check_round(const strata_buffer *value, bool pretty) {
    strata_buffer text = fuzz_buffer();
    strata_buffer back = fuzz_buffer();
    strata_buffer again = fuzz_buffer();
    strata_error error = {.code = STRATA_OK};
    CHECK(strata_msgpack_to_json(st_buffer_slice(value), pretty, &text, &error) == STRATA_OK, "%s",
          error.message);
    CHECK(strata_json_to_msgpack(st_buffer_slice(&text), &back, &error) == STRATA_OK, "%s",
          error.message);
    check_same(&back, value, "it does not read back");
    CHECK(strata_msgpack_to_json(st_buffer_slice(&back), pretty, &again, &error) == STRATA_OK, "%s",
          error.message);
    check_same(&again, &text, "it is written in two ways");

    const uint8_t last = text.data[text.len - 1];
    if (last == '}' || last == ']' || last == '"') {
        text.len--;
        CHECK(strata_json_to_msgpack(st_buffer_slice(&text), &back, NULL) ==
                  STRATA_INVALID_ARGUMENT,
              "half a text is taken");
        text.len++;
    }
    CHECK(st_buffer_append(&text, "\r\n \t", 4) == STRATA_OK, "append");
    CHECK(strata_json_to_msgpack(st_buffer_slice(&text), &back, &error) == STRATA_OK, "%s",
          error.message);
    check_same(&back, value, "white space changes it");
    strata_buffer_free(&text);
    strata_buffer_free(&back);
    strata_buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input = {data, size};
    strata_error error = {.code = STRATA_OK};
    int64_t offset = -1;
    fuzz_begin(MEMORY_MAX);
    const strata_slice text = fuzz_rest(&input);
    strata_buffer value = fuzz_buffer();
    const strata_status status = strata_json_to_msgpack(text, &value, &error);
    CHECK(fuzz_memory_peak() <= 16384 + 64 * size, "%zu bytes of memory for %zu",
          fuzz_memory_peak(), size);
    if (status == STRATA_OK) {
        check_canonical(&value);
        check_round(&value, false);
        check_round(&value, true);
    } else {
        CHECK(status == STRATA_INVALID_ARGUMENT || status == STRATA_CONSTRAINT, "%s: %s",
              strata_status_name(status), error.message);
        CHECK(error.code == status, "%s", error.message);
        CHECK(fuzz_error_number(&error, "offset", &offset) && offset >= 0 &&
                  (uint64_t)offset <= size,
              "offset %lld of %zu: %s", (long long)offset, size, error.message);
        CHECK(value.len == 0, "refused, and something is in the buffer");
    }
    strata_buffer_free(&value);
    fuzz_end();
    return 0;
}
