/* test_codec.c - that a codec gives back what it took, is deterministic, refuses damaged and
 * hostile bytes without asking for more memory than it was allowed, and survives lack of memory.
 */
#include "support.h"

#include "format/codec.h"

static st_codec *create(strata_codec id) {
    st_codec *codec = NULL;
    assert_int_equal(st_codec_create(id, test_host(), &codec), STRATA_OK);
    return codec;
}

/* Words as in a log: compressible, not trivially so. */
static void fill_text(uint8_t *bytes, size_t len, uint64_t seed) {
    static const char *const words[] = {"the ", "agent ", "remembers ", "recall ", "tool ", "of "};
    size_t at = 0;
    while (at < len) {
        const char *word = words[test_random_below(&seed, 6)];
        for (; *word != '\0' && at < len; word++) {
            bytes[at++] = (uint8_t)*word;
        }
    }
}

static void fill_noise(uint8_t *bytes, size_t len, uint64_t seed) {
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)test_random(&seed);
    }
}

static void round_trips(void **state) {
    (void)state;
    enum { SIZE = 300000 };
    uint8_t *plain = malloc(SIZE);
    st_codec *codec = create(STRATA_CODEC_ZSTD);
    static const size_t sizes[] = {511, 512, 513, 1000, 4096, 65536, 131073, SIZE};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fill_text(plain, sizes[i], i);
        strata_buffer out = test_buffer();
        strata_buffer back = test_buffer();
        assert_int_equal(st_buffer_append(&out, "head", 4), STRATA_OK);
        assert_int_equal(st_buffer_append(&back, "kept", 4), STRATA_OK);
        bool encoded = false;
        const strata_slice slice = st_slice(plain, sizes[i]);
        assert_int_equal(st_codec_encode(codec, slice, &out, &encoded), STRATA_OK);
        assert_true(encoded == (sizes[i] >= 512));
        const strata_slice stored = st_slice(out.data + 4, out.len - 4);
        if (encoded) {
            assert_true(stored.len < sizes[i]);
            assert_int_equal(st_codec_decode(codec, stored, sizes[i], &back), STRATA_OK);
            test_bytes_equal(st_slice(back.data, 4), strata_text("kept"), "what was there");
            test_bytes_equal(st_slice(back.data + 4, back.len - 4), slice, "round trip");
            back.len = 4;
            assert_int_equal(st_codec_decode(codec, stored, sizes[i] - 1, &back), STRATA_CORRUPT);
            assert_int_equal(back.len, 4);
        } else {
            test_bytes_equal(stored, slice, "stored plain");
        }
        strata_buffer_free(&out);
        strata_buffer_free(&back);
    }
    st_codec_destroy(codec);
    free(plain);
    assert_int_equal(test_memory_blocks(), 0);
}

static void noise_is_stored_plain(void **state) {
    (void)state;
    uint8_t noise[10000];
    fill_noise(noise, sizeof noise, 9);
    st_codec *codec = create(STRATA_CODEC_ZSTD);
    strata_buffer out = test_buffer();
    bool encoded = true;
    assert_int_equal(st_codec_encode(codec, st_slice(noise, sizeof noise), &out, &encoded),
                     STRATA_OK);
    assert_false(encoded);
    test_bytes_equal(st_buffer_slice(&out), st_slice(noise, sizeof noise), "noise");
    strata_buffer_free(&out);
    st_codec_destroy(codec);
}

static void identity_never_encodes(void **state) {
    (void)state;
    uint8_t plain[2000];
    fill_text(plain, sizeof plain, 1);
    st_codec *codec = create(STRATA_CODEC_NONE);
    strata_buffer out = test_buffer();
    bool encoded = true;
    assert_int_equal(st_codec_encode(codec, st_slice(plain, sizeof plain), &out, &encoded),
                     STRATA_OK);
    assert_false(encoded);
    test_bytes_equal(st_buffer_slice(&out), st_slice(plain, sizeof plain), "plain");
    assert_int_equal(st_codec_decode(codec, st_buffer_slice(&out), 1 << 20, &out), STRATA_CORRUPT);
    strata_buffer_free(&out);
    st_codec_destroy(codec);
}

static void what_came_before_does_not_matter(void **state) {
    (void)state;
    uint8_t plain[5000];
    strata_buffer fresh = test_buffer();
    strata_buffer used = test_buffer();
    bool encoded;
    st_codec *codec = create(STRATA_CODEC_ZSTD);
    for (size_t i = 0; i < 20; i++) {
        fill_text(plain, sizeof plain, i);
        const strata_slice slice = st_slice(plain, 600 + 200 * i);
        used.len = 0;
        fresh.len = 0;
        assert_int_equal(st_codec_encode(codec, slice, &used, &encoded), STRATA_OK);
        st_codec *other = create(STRATA_CODEC_ZSTD);
        assert_int_equal(st_codec_encode(other, slice, &fresh, &encoded), STRATA_OK);
        st_codec_destroy(other);
        test_bytes_equal(st_buffer_slice(&used), st_buffer_slice(&fresh), "deterministic");
    }
    st_codec_destroy(codec);
    strata_buffer_free(&fresh);
    strata_buffer_free(&used);
}

static void every_cut_is_corrupt(void **state) {
    (void)state;
    uint8_t plain[800];
    fill_text(plain, sizeof plain, 2);
    st_codec *codec = create(STRATA_CODEC_ZSTD);
    strata_buffer out = test_buffer();
    strata_buffer back = test_buffer();
    bool encoded;
    assert_int_equal(st_codec_encode(codec, st_slice(plain, sizeof plain), &out, &encoded),
                     STRATA_OK);
    assert_true(encoded);
    for (size_t cut = 0; cut < out.len; cut++) {
        /* A copy of that length, so that reading past its end is seen. */
        uint8_t *copy = malloc(cut + 1);
        memcpy(copy, out.data, cut);
        copy = realloc(copy, cut == 0 ? 1 : cut);
        assert_int_equal(st_codec_decode(codec, st_slice(copy, cut), 1 << 20, &back),
                         STRATA_CORRUPT);
        free(copy);
    }
    assert_int_equal(st_buffer_append(&out, "x", 1), STRATA_OK);
    assert_int_equal(st_codec_decode(codec, st_buffer_slice(&out), 1 << 20, &back), STRATA_CORRUPT);
    out.len--;
    /* The frame has no checksum of its own: a flipped bit may decode to other bytes, and the crc
     * around it tells. It must not crash, overrun or grow beyond the bound. */
    for (size_t bit = 0; bit < 8 * out.len; bit++) {
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        back.len = 0;
        const strata_status status =
            st_codec_decode(codec, st_buffer_slice(&out), sizeof plain, &back);
        assert_true(status == STRATA_CORRUPT || (status == STRATA_OK && back.len <= sizeof plain));
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    back.len = 0;
    assert_int_equal(st_codec_decode(codec, st_buffer_slice(&out), 1 << 20, &back), STRATA_OK);
    strata_buffer_free(&out);
    strata_buffer_free(&back);
    st_codec_destroy(codec);
}

static void hostile_sizes_ask_for_nothing(void **state) {
    (void)state;
    const strata_slice cases[] = {
        test_hex("28b52ffd e0 0000000000010000 010000"), /* says 2^40 bytes */
        test_hex("28b52ffd e0 ffffffffffffffff 010000"), /* says 2^64 - 1: zstd's "unknown" */
        test_hex("28b52ffd e0 feffffffffffffff 010000"), /* zstd's "error" */
        test_hex("28b52ffd a0 00000001 010000"),         /* says 2^24, which 12 bytes cannot hold */
        test_hex("28b52ffd 00 58 010000"),               /* says nothing */
        test_hex("502a4d18 04000000 00000000"),          /* a skippable frame */
        test_hex("28b52ffd 20 00 010000"),               /* nothing inside */
        test_hex("00000000"),
        test_hex(""),
    };
    st_codec *codec = create(STRATA_CODEC_ZSTD);
    strata_buffer back = test_buffer();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(st_codec_decode(codec, cases[i], 32 << 20, &back), STRATA_CORRUPT);
        assert_int_equal(back.cap, 0);
    }
    st_codec_destroy(codec);
}

static void without_memory(void **state) {
    (void)state;
    uint8_t plain[2000];
    fill_text(plain, sizeof plain, 3);
    const strata_slice slice = st_slice(plain, sizeof plain);
    size_t n = 1;
    for (bool failed = true; failed; n++) {
        st_codec *codec = NULL;
        strata_buffer out = test_buffer();
        strata_buffer back = test_buffer();
        bool encoded = false;
        test_memory_fail_at(n);
        strata_status status = st_codec_create(STRATA_CODEC_ZSTD, test_host(), &codec);
        if (status == STRATA_OK) {
            status = st_codec_encode(codec, slice, &out, &encoded);
        }
        if (status == STRATA_OK && encoded) {
            status = st_codec_decode(codec, st_buffer_slice(&out), sizeof plain, &back);
        }
        failed = test_memory_failed();
        test_memory_fail_at(0);
        assert_int_equal(status, failed ? STRATA_NO_MEMORY : STRATA_OK);
        if (codec != NULL) {
            /* Usable again once there is memory. */
            out.len = 0;
            back.len = 0;
            assert_int_equal(st_codec_encode(codec, slice, &out, &encoded), STRATA_OK);
            assert_true(encoded);
            assert_int_equal(st_codec_decode(codec, st_buffer_slice(&out), sizeof plain, &back),
                             STRATA_OK);
            test_bytes_equal(st_buffer_slice(&back), slice, "after no memory");
        }
        strata_buffer_free(&out);
        strata_buffer_free(&back);
        st_codec_destroy(codec);
        assert_int_equal(test_memory_blocks(), 0);
    }
    assert_true(n > 4);
}

static void names(void **state) {
    (void)state;
    st_codec *codec = NULL;
    assert_string_equal(st_codec_name(STRATA_CODEC_NONE), "none");
    assert_string_equal(st_codec_name(STRATA_CODEC_ZSTD), "zstd");
    assert_null(st_codec_name(2));
    assert_int_equal(st_codec_create((strata_codec)2, test_host(), &codec),
                     STRATA_INVALID_ARGUMENT);
    assert_null(codec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test(noise_is_stored_plain),
        cmocka_unit_test(identity_never_encodes),
        cmocka_unit_test(what_came_before_does_not_matter),
        cmocka_unit_test(every_cut_is_corrupt),
        cmocka_unit_test(hostile_sizes_ask_for_nothing),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
