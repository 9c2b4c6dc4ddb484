/* filter.c - a Bloom filter in lines of 64 bytes (Putze, Sanders, Singler 2007).
 *
 * A key sets PROBES bits, all in one line, so that asking costs one miss of the cache. At ten bits
 * a key a line has 51 keys, and 0.97 % of what is not there passes (5 or 7 probes: 1.04 %, 0.97 %).
 *
 *   line    (hash >> 32) * lines >> 32
 *   spread  hash * 0x9e3779b97f4a7c15, modulo 2^64
 *   bit i   of PROBES: spread >> (55 - 9 * i) & 511; bit b of the line is bit b % 8 of byte b / 8
 * Hash of a key, in words of 8 bytes, little-endian, the last one filled up with zeros:
 *   h = length * 0x9e3779b97f4a7c15
 *   for each word: h = (h ^ word) * 0xa0761d6478bd642f; h = h ^ h >> 32
 *   h = (h ^ h >> 29) * 0xe7037ed1a0b428db; h = h ^ h >> 32
 * all modulo 2^64. It needs to spread keys, not to withstand an enemy: whoever makes keys that
 * collide makes reads of his own table slower.
 *
 * Rejected: a xor or ribbon filter, a third smaller, but built from all keys at once by solving
 * equations, with a failure to handle; a plain Bloom filter: 0.8 % instead, for up to six misses.
 */
#include "store/table/filter.h"

enum { PROBES = 6, BITS_PER_KEY = 10, LINE_BITS = 512, PROBE_BITS = 9 };

static uint64_t mix(uint64_t h, uint64_t multiplier) {
    h *= multiplier;
    return h ^ h >> 32;
}

uint64_t st_filter_hash(strata_slice key) {
    const uint8_t *p = key.data;
    size_t left = key.len;
    uint64_t h = (uint64_t)left * 0x9e3779b97f4a7c15u;
    for (; left >= 8; p += 8, left -= 8) {
        h = mix(h ^ load64_le(p), 0xa0761d6478bd642fu);
    }
    if (left > 0) {
        uint64_t word = 0;
        for (size_t i = 0; i < left; i++) {
            word |= (uint64_t)p[i] << (8 * i);
        }
        h = mix(h ^ word, 0xa0761d6478bd642fu);
    }
    return mix(h ^ h >> 29, 0xe7037ed1a0b428dbu);
}

size_t st_filter_bytes(uint64_t keys, size_t max) {
    const uint64_t most = max / ST_FILTER_LINE_BYTES;
    const uint64_t lines =
        keys / LINE_BITS * BITS_PER_KEY + keys % LINE_BITS * BITS_PER_KEY / LINE_BITS + 1;
    return (size_t)(lines < most ? lines : most) * ST_FILTER_LINE_BYTES;
}

static size_t line_of(size_t bytes, uint64_t hash) {
    const uint64_t lines = bytes / ST_FILTER_LINE_BYTES;
    return (size_t)((hash >> 32) * lines >> 32) * ST_FILTER_LINE_BYTES;
}

static uint64_t spread(uint64_t hash) {
    return hash * 0x9e3779b97f4a7c15u;
}

void st_filter_add(uint8_t *filter, size_t bytes, uint64_t hash) {
    uint8_t *line = filter + line_of(bytes, hash);
    const uint64_t bits = spread(hash);
    for (unsigned i = 0; i < PROBES; i++) {
        const unsigned bit = bits >> (64 - PROBE_BITS * (i + 1)) & (LINE_BITS - 1);
        line[bit / 8] |= (uint8_t)(1u << bit % 8);
    }
}

const uint8_t *st_filter_line(const uint8_t *filter, size_t bytes, uint64_t hash) {
    return filter + line_of(bytes, hash);
}

bool st_filter_may_hold(const uint8_t *filter, size_t bytes, uint64_t hash) {
    const uint8_t *line = st_filter_line(filter, bytes, hash);
    const uint64_t bits = spread(hash);
    unsigned held = 1;
    for (unsigned i = 0; i < PROBES; i++) {
        const unsigned bit = bits >> (64 - PROBE_BITS * (i + 1)) & (LINE_BITS - 1);
        held &= (unsigned)line[bit / 8] >> bit % 8;
    }
    return held != 0;
}
