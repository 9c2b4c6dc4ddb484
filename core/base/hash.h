/* hash.h - a fast 64-bit hash for tables in memory. Never stored, never sent.
 *
 * Eight bytes at a time: multiply by an odd constant, fold the high half down. Rejected: wyhash's
 * 64x64 -> 128 bit multiply, one instruction natively but a call of eight multiplies in WASM.
 * Collisions can be made on purpose: tables of what users name take a seed from the host's entropy.
 */
#ifndef ST_BASE_HASH_H
#define ST_BASE_HASH_H

#include "base/bytes.h"

static inline uint64_t st_hash_mix(uint64_t h, uint64_t multiplier) {
    h *= multiplier;
    return h ^ h >> 32;
}

static inline uint64_t st_hash_bytes(strata_slice bytes, uint64_t seed) {
    const uint8_t *p = bytes.data;
    size_t left = bytes.len;
    uint64_t h = seed ^ 0x9e3779b97f4a7c15u ^ (uint64_t)left;
    while (left >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = st_hash_mix(h ^ word, 0xa0761d6478bd642fu);
        p += 8;
        left -= 8;
    }
    if (left != 0) {
        uint64_t word = 0;
        for (size_t i = 0; i < left; i++) {
            word |= (uint64_t)p[i] << (8 * i);
        }
        h = st_hash_mix(h ^ word, 0xe7037ed1a0b428dbu);
    }
    return st_hash_mix(h, 0x8ebc6af09c88c6e3u);
}

static inline uint64_t st_hash_u64(uint64_t v) {
    return st_hash_mix(v ^ 0x9e3779b97f4a7c15u, 0xa0761d6478bd642fu);
}

#endif
