/* fuzz_value.c - any bytes as a MessagePack value: the reader, the canonical form, its way to JSON.
 *
 * Holds for all bytes:
 * 1. They are refused with invalid_argument or constraint, and nothing is appended then; or they
 *    are one value.
 * 2. The canonical form of the canonical form is itself; it is one value by st_msgpack_skip, too,
 *    and st_value_encode of st_value_decode gives it again.
 * 3. Its JSON, compact or pretty, reads back as the same bytes.
 * 4. The bytes were a value for st_msgpack_skip already.
 * 5. Memory is bounded by the length of the input.
 */
#include "format/msgpack.h"

#include "mutate.h"

enum { MEMORY_MAX = 64 << 20, VALUE_MAX = 1 << 20 };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    return fuzz_mutate_msgpack(data, size, max_size, seed);
}

static void check_same(const strata_buffer *got, const strata_buffer *expected, const char *what) {
    CHECK(st_slice_equal(st_buffer_slice(got), st_buffer_slice(expected)), "%s", what);
}

static void check_json(const strata_buffer *value) {
    strata_buffer json = fuzz_buffer();
    strata_buffer back = fuzz_buffer();
    strata_error error = {.code = STRATA_OK};
    for (int pretty = 0; pretty < 2; pretty++) {
        CHECK(strata_msgpack_to_json(st_buffer_slice(value), pretty == 1, &json, &error) ==
                  STRATA_OK,
              "%s", error.message);
        CHECK(strata_json_to_msgpack(st_buffer_slice(&json), &back, &error) == STRATA_OK,
              "%s in %.*s", error.message, (int)json.len, (const char *)json.data);
        check_same(&back, value, "a value is not what its JSON is");
    }
    strata_buffer_free(&json);
    strata_buffer_free(&back);
}

static void check_canonical(const strata_buffer *value) {
    strata_buffer again = fuzz_buffer();
    strata_value decoded;
    st_cursor cursor = st_cursor_over(st_buffer_slice(value));
    CHECK(st_msgpack_skip(&cursor, NULL) && cursor.at == cursor.end, "not one value");
    CHECK(st_value_canonical(st_buffer_slice(value), VALUE_MAX, &again, NULL) == STRATA_OK,
          "the canonical form is refused");
    check_same(&again, value, "the canonical form has another one");
    again.len = 0;
    CHECK(st_value_decode(st_buffer_slice(value), &decoded), "the canonical form is not decoded");
    CHECK(st_value_encode(&decoded, VALUE_MAX, &again, NULL) == STRATA_OK, "not encoded again");
    check_same(&again, value, "decoded and encoded again it differs");
    strata_buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input = {data, size};
    strata_error error = {.code = STRATA_OK};
    fuzz_begin(MEMORY_MAX);
    const strata_slice bytes = fuzz_rest(&input);
    strata_buffer value = fuzz_buffer();
    CHECK(st_buffer_append(&value, "before", 6) == STRATA_OK, "append");
    const strata_status status = st_value_canonical(bytes, VALUE_MAX, &value, &error);
    CHECK(fuzz_memory_peak() <= 4096 + 64 * size, "%zu bytes of memory for %zu", fuzz_memory_peak(),
          size);
    CHECK(value.len >= 6 && memcmp(value.data, "before", 6) == 0, "what was there before");
    if (status == STRATA_OK) {
        st_cursor cursor = st_cursor_over(bytes);
        CHECK(st_msgpack_skip(&cursor, NULL) && cursor.at == cursor.end, "was it one value?");
        memmove(value.data, value.data + 6, value.len - 6);
        value.len -= 6;
        check_canonical(&value);
        check_json(&value);
    } else {
        CHECK(status == STRATA_INVALID_ARGUMENT || status == STRATA_CONSTRAINT, "%s: %s",
              strata_status_name(status), error.message);
        CHECK(error.code == status && value.len == 6, "%s, and something was appended",
              error.message);
    }
    strata_buffer_free(&value);
    fuzz_end();
    return 0;
}
