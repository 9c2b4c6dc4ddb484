/* fuzz_codec.c - any bytes as what a codec has encoded, and any bytes encoded.
 *
 * An input: 1 byte, of which bit 0 says which of the two, 2 bytes of the greatest plain length.
 * Holds for all bytes:
 * 1. Decoding gives at most the length allowed, or `corrupt`; what was in the buffer stays.
 * 2. What decodes, encoded and decoded again, is the same; so is what was encoded.
 * 3. Encoded is shorter than plain, and one byte more or less is `corrupt`.
 * 4. Memory is bounded by the length allowed and what zstd needs for any frame.
 */
#include "format/codec.h"

#include "fuzz.h"

enum { MEMORY_MAX = 16 << 20, DECODER_BYTES = 1 << 20, BEFORE = 6 };

static st_codec *codec;

static void begin_buffer(strata_buffer *buffer) {
    buffer->len = 0;
    CHECK(st_buffer_append(buffer, "before", BEFORE) == STRATA_OK, "append");
}

static strata_slice after(const strata_buffer *buffer) {
    CHECK(buffer->len >= BEFORE && memcmp(buffer->data, "before", BEFORE) == 0, "what was there");
    return st_slice(buffer->data + BEFORE, buffer->len - BEFORE);
}

static void check_encode(strata_slice plain) {
    strata_buffer encoded = fuzz_buffer();
    strata_buffer back = fuzz_buffer();
    bool is_encoded = false;
    begin_buffer(&encoded);
    begin_buffer(&back);
    CHECK(st_codec_encode(codec, plain, &encoded, &is_encoded) == STRATA_OK, "encode");
    const strata_slice bytes = after(&encoded);
    if (is_encoded) {
        CHECK(bytes.len < plain.len, "%zu bytes encoded as %zu", plain.len, bytes.len);
        CHECK(st_codec_decode(codec, bytes, plain.len, &back) == STRATA_OK, "decode");
        CHECK(st_slice_equal(after(&back), plain), "decoded, it differs");
        begin_buffer(&back);
        CHECK(st_codec_decode(codec, bytes, plain.len - 1, &back) == STRATA_CORRUPT, "too long");
        CHECK(st_codec_decode(codec, st_slice(bytes.data, bytes.len - 1), plain.len, &back) ==
                  STRATA_CORRUPT,
              "cut short");
        CHECK(st_buffer_append(&encoded, "", 1) == STRATA_OK, "append");
        CHECK(st_codec_decode(codec, after(&encoded), plain.len, &back) == STRATA_CORRUPT,
              "with a byte more");
    } else {
        CHECK(st_slice_equal(bytes, plain), "not encoded, and not plain");
    }
    strata_buffer_free(&encoded);
    strata_buffer_free(&back);
}

static void check_decode(strata_slice bytes, size_t plain_max) {
    strata_buffer plain = fuzz_buffer();
    begin_buffer(&plain);
    const strata_status status = st_codec_decode(codec, bytes, plain_max, &plain);
    CHECK(fuzz_memory_peak() <= DECODER_BYTES + 2 * plain_max, "%zu bytes of memory for %zu",
          fuzz_memory_peak(), plain_max);
    const strata_slice got = after(&plain);
    if (status == STRATA_OK) {
        CHECK(got.len > 0 && got.len <= plain_max, "%zu bytes of %zu", got.len, plain_max);
        check_encode(got);
    } else {
        CHECK(status == STRATA_CORRUPT, "%s", strata_status_name(status));
        CHECK(got.len == 0, "corrupt, and something was appended");
    }
    strata_buffer_free(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input = {data, size};
    fuzz_begin(MEMORY_MAX);
    const unsigned flags = fuzz_u8(&input);
    const size_t plain_max = (size_t)fuzz_u16(&input) * 4 + 1;
    CHECK(st_codec_create(STRATA_CODEC_ZSTD, fuzz_host(), &codec) == STRATA_OK, "create");
    if ((flags & 1) != 0) {
        check_encode(fuzz_rest(&input));
    } else {
        check_decode(fuzz_rest(&input), plain_max);
    }
    st_codec_destroy(codec);
    fuzz_end();
    return 0;
}
