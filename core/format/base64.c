/* base64.c - three bytes as four letters, and back.
 *
 * Strict on the way in: of the several texts that lenient readers take for the same bytes only the
 * canonical one is accepted, so that text -> bytes -> text gives the same text.
 * Rejected: libsodium's sodium_base642bin; its constant-time loop is for secrets, not for speed.
 */
#include "format/base64.h"

strata_status st_base64_encode(strata_slice bytes, strata_buffer *out) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (bytes.len > SIZE_MAX / 2) {
        return STRATA_NO_MEMORY;
    }
    ST_TRY(st_buffer_reserve(out, bytes.len / 3 * 4 + 4));
    const uint8_t *in = bytes.data;
    uint8_t *to = out->data + out->len;
    for (size_t left = bytes.len; left > 0;) {
        const size_t taken = st_min(left, 3);
        uint32_t group = (uint32_t)in[0] << 16;
        group |= taken > 1 ? (uint32_t)in[1] << 8 : 0;
        group |= taken > 2 ? in[2] : 0;
        to[0] = (uint8_t)letters[group >> 18];
        to[1] = (uint8_t)letters[group >> 12 & 63];
        to[2] = taken > 1 ? (uint8_t)letters[group >> 6 & 63] : '=';
        to[3] = taken > 2 ? (uint8_t)letters[group & 63] : '=';
        in += taken;
        left -= taken;
        to += 4;
    }
    out->len = (size_t)(to - out->data);
    return STRATA_OK;
}

/* The six bits of a letter, or 64. */
static uint32_t bits_of(uint8_t letter) {
    if (letter >= 'A' && letter <= 'Z') {
        return letter - (uint32_t)'A';
    }
    if (letter >= 'a' && letter <= 'z') {
        return letter - (uint32_t)'a' + 26;
    }
    if (letter >= '0' && letter <= '9') {
        return letter - (uint32_t)'0' + 52;
    }
    return letter == '+' ? 62 : letter == '/' ? 63 : 64;
}

/* One group of four letters; *count: the bytes in it. */
static bool decode_group(const uint8_t *in, bool last, uint8_t bytes[3], size_t *count) {
    const size_t padding = !last || in[3] != '=' ? 0 : in[2] != '=' ? 1 : 2;
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        const uint32_t bits = i < 4 - padding ? bits_of(in[i]) : 0;
        if (bits > 63) {
            return false;
        }
        group = group << 6 | bits;
    }
    if ((group & ((1u << (8 * padding)) - 1)) != 0) {
        return false;
    }
    bytes[0] = (uint8_t)(group >> 16);
    bytes[1] = (uint8_t)(group >> 8);
    bytes[2] = (uint8_t)group;
    *count = 3 - padding;
    return true;
}

strata_status st_base64_decode(strata_slice text, strata_buffer *out) {
    if (text.len % 4 != 0) {
        return STRATA_INVALID_ARGUMENT;
    }
    const size_t start = out->len;
    ST_TRY(st_buffer_reserve(out, text.len / 4 * 3));
    const uint8_t *in = text.data;
    for (size_t left = text.len; left > 0; left -= 4) {
        uint8_t bytes[3];
        size_t count;
        if (!decode_group(in, left == 4, bytes, &count)) {
            out->len = start;
            return STRATA_INVALID_ARGUMENT;
        }
        memcpy(out->data + out->len, bytes, count);
        out->len += count;
        in += 4;
    }
    return STRATA_OK;
}
