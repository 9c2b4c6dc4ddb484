/* bytes.h - explicit loads and stores, varints, and a cursor over bytes nobody trusts. */
#ifndef ST_BASE_BYTES_H
#define ST_BASE_BYTES_H

#include "base/std.h"

/* ---- Little-endian (files) and big-endian (keys, MessagePack) -------------------------------- */

static inline uint32_t load32_le(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
/* So many of them, as they are in this processor. */
static inline void load32s_le(void *into, const uint8_t *p, size_t count) {
    memcpy(into, p, count * sizeof(uint32_t));
    for (size_t i = 0; __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ && i < count; i++) {
        const uint32_t v = load32_le(p + i * sizeof v);
        memcpy((uint8_t *)into + i * sizeof v, &v, sizeof v);
    }
}
static inline uint64_t load64_le(const uint8_t *p) {
    return (uint64_t)load32_le(p) | (uint64_t)load32_le(p + 4) << 32;
}
static inline void store32_le(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}
static inline void store64_le(uint8_t *p, uint64_t v) {
    store32_le(p, (uint32_t)v);
    store32_le(p + 4, (uint32_t)(v >> 32));
}
static inline uint32_t load32_be(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}
static inline uint64_t load64_be(const uint8_t *p) {
    return (uint64_t)load32_be(p) << 32 | (uint64_t)load32_be(p + 4);
}
static inline void store16_be(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void store32_be(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}
static inline void store64_be(uint8_t *p, uint64_t v) {
    store32_be(p, (uint32_t)(v >> 32));
    store32_be(p + 4, (uint32_t)v);
}

/* ---- Varints (LEB128) and zigzag ------------------------------------------------------------- */

enum { ST_VARINT_BYTES_MAX = 10 };

/* Writes v at p (room for ST_VARINT_BYTES_MAX) and returns the byte after it. */
static inline uint8_t *st_varint_put(uint8_t *p, uint64_t v) {
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}
static inline uint64_t st_zigzag(int64_t v) {
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}
static inline int64_t st_unzigzag(uint64_t v) {
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* ---- Cursor ---------------------------------------------------------------------------------- */

/* Reads bytes from a file or a peer. Every read says whether there was enough; after a failed one
 * the cursor must not be used. */
typedef struct st_cursor {
    const uint8_t *at;
    const uint8_t *end;
} st_cursor;

static inline st_cursor st_cursor_over(strata_slice bytes) {
    const uint8_t *data = bytes.data;
    const st_cursor cursor = {data, bytes.len == 0 ? data : data + bytes.len};
    return cursor;
}
static inline size_t st_cursor_left(const st_cursor *cursor) {
    return (size_t)(cursor->end - cursor->at);
}
static inline bool st_cursor_take(st_cursor *cursor, size_t len, strata_slice *out) {
    if (st_cursor_left(cursor) < len) {
        return false;
    }
    *out = st_slice(cursor->at, len);
    cursor->at += len;
    return true;
}
static inline bool st_cursor_u8(st_cursor *cursor, uint8_t *out) {
    if (cursor->at == cursor->end) {
        return false;
    }
    *out = *cursor->at++;
    return true;
}
static inline bool st_cursor_varint(st_cursor *cursor, uint64_t *out) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte;
        if (!st_cursor_u8(cursor, &byte)) {
            return false;
        }
        if (shift == 63 && byte > 1) {
            return false;
        }
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = v;
            return true;
        }
    }
    return false;
}
/* A varint length and that many bytes. */
static inline bool st_cursor_sized(st_cursor *cursor, strata_slice *out) {
    uint64_t len;
    return st_cursor_varint(cursor, &len) && len <= st_cursor_left(cursor) &&
           st_cursor_take(cursor, (size_t)len, out);
}

#endif
