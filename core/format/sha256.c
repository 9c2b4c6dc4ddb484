/* sha256.c - SHA-256 of several parts: by the SHA instructions of x86-64 where they are, else by
 * libsodium's incremental interface.
 *
 * The parts are hashed where they lie: the event log hashes its header, payload and previous hash
 * without copying them together, but for the blocks that a cut goes through.
 * libsodium's hash is plain C, about 270 MB/s, which made it two thirds of what an event of 256 bytes
 * costs; the instructions do 1.7 GB/s. It needs no sodium_init and keeps no state of its own.
 *
 * Rejected: a portable implementation of our own; where there are no instructions, cryptography is
 * libsodium's field. Another library that has them (OpenSSL): a few megabytes for two instructions.
 * The rounds follow Intel's "Intel SHA Extensions" (2013): the eight words of the state lie in two
 * registers as ABEF and CDGH, and each pair of sha256rnds2 does four rounds.
 */
#include "format/sha256.h"

#include <sodium.h>

#include "base/bytes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

_Static_assert((int)ST_SHA256_BYTES == (int)crypto_hash_sha256_BYTES, "the size of the hash");

void st_sha256_portable(const strata_slice *parts, size_t count, uint8_t hash[ST_SHA256_BYTES]) {
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len != 0) {
            crypto_hash_sha256_update(&state, parts[i].data, parts[i].len);
        }
    }
    crypto_hash_sha256_final(&state, hash);
}

#if defined(__x86_64__)

enum { BLOCK_BYTES = 64, LENGTH_BYTES = 8 };

typedef struct hashing {
    uint32_t state[8];
    uint8_t block[BLOCK_BYTES]; /* that a cut goes through */
    size_t held;                /* bytes in it */
} hashing;

static const uint32_t first_state[8] = {0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
                                        0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u};

static const uint32_t round_constants[64] = {
    0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u, 0x923f82a4u,
    0xab1c5ed5u, 0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u, 0x72be5d74u, 0x80deb1feu,
    0x9bdc06a7u, 0xc19bf174u, 0xe49b69c1u, 0xefbe4786u, 0x0fc19dc6u, 0x240ca1ccu, 0x2de92c6fu,
    0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau, 0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u,
    0xc6e00bf3u, 0xd5a79147u, 0x06ca6351u, 0x14292967u, 0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu,
    0x53380d13u, 0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u, 0xa2bfe8a1u, 0xa81a664bu,
    0xc24b8b70u, 0xc76c51a3u, 0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u, 0x19a4c116u,
    0x1e376c08u, 0x2748774cu, 0x34b0bcb5u, 0x391c0cb3u, 0x4ed8aa4au, 0x5b9cca4fu, 0x682e6ff3u,
    0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u, 0x90befffau, 0xa4506cebu, 0xbef9a3f7u,
    0xc67178f2u};

__attribute__((target("sha,sse4.1"))) static void compress(uint32_t state[8], const uint8_t *blocks,
                                                           size_t count) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const __m128i *constants = (const __m128i *)(const void *)round_constants;
    const __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const void *)state), 0xb1);
    const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const void *)(state + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(abcd, efgh, 8);
    __m128i cdgh = _mm_blend_epi16(efgh, abcd, 0xf0);
    for (; count > 0; count--, blocks += BLOCK_BYTES) {
        const __m128i abef_before = abef;
        const __m128i cdgh_before = cdgh;
        __m128i words[4];
#pragma GCC unroll 16
        for (size_t i = 0; i < 16; i++) {
            if (i < 4) {
                words[i] =
                    _mm_shuffle_epi8(_mm_loadu_si128((const void *)(blocks + 16 * i)), big_endian);
            } else {
                const __m128i last = words[(i + 3) & 3];
                const __m128i sum =
                    _mm_add_epi32(_mm_sha256msg1_epu32(words[i & 3], words[(i + 1) & 3]),
                                  _mm_alignr_epi8(last, words[(i + 2) & 3], 4));
                words[i & 3] = _mm_sha256msg2_epu32(sum, last);
            }
            const __m128i keyed = _mm_add_epi32(words[i & 3], _mm_loadu_si128(&constants[i]));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, keyed);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(keyed, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
    const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((void *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

static void take(hashing *h, strata_slice part) {
    const uint8_t *at = part.data;
    size_t left = part.len;
    if (h->held > 0 && left > 0) {
        const size_t fill = st_min(left, BLOCK_BYTES - h->held);
        memcpy(h->block + h->held, at, fill);
        h->held += fill;
        at += fill;
        left -= fill;
        if (h->held < BLOCK_BYTES) {
            return;
        }
        compress(h->state, h->block, 1);
        h->held = 0;
    }
    if (left >= BLOCK_BYTES) {
        const size_t whole = left / BLOCK_BYTES;
        compress(h->state, at, whole);
        at += whole * BLOCK_BYTES;
        left -= whole * BLOCK_BYTES;
    }
    if (left > 0) {
        memcpy(h->block, at, left);
        h->held = left;
    }
}

static void hash_by_instructions(const strata_slice *parts, size_t count, uint8_t *hash) {
    hashing h = {.held = 0};
    uint64_t bytes = 0;
    memcpy(h.state, first_state, sizeof h.state);
    for (size_t i = 0; i < count; i++) {
        take(&h, parts[i]);
        bytes += parts[i].len;
    }
    ST_ASSERT(h.held < BLOCK_BYTES); /* a full block has been hashed */
    h.block[h.held++] = 0x80;
    if (h.held > BLOCK_BYTES - LENGTH_BYTES) {
        memset(h.block + h.held, 0, BLOCK_BYTES - h.held);
        compress(h.state, h.block, 1);
        h.held = 0;
    }
    memset(h.block + h.held, 0, BLOCK_BYTES - LENGTH_BYTES - h.held);
    store64_be(h.block + BLOCK_BYTES - LENGTH_BYTES, bytes * 8);
    compress(h.state, h.block, 1);
    for (size_t i = 0; i < 8; i++) {
        store32_be(hash + 4 * i, h.state[i]);
    }
}
#endif

void st_sha256(const strata_slice *parts, size_t count, uint8_t hash[ST_SHA256_BYTES]) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sha") && __builtin_cpu_supports("sse4.1")) {
        hash_by_instructions(parts, count, hash);
        return;
    }
#endif
    st_sha256_portable(parts, count, hash);
}
