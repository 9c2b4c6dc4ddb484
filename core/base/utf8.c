/* utf8.c - validation, with a fast path over eight ASCII bytes at a time.
 *
 * A small state machine by hand after RFC 3629 section 4's table of well-formed sequences. utf8proc
 * could do it, but one code point a call; every string that enters the database passes here.
 */
#include "base/utf8.h"

/* Length of the well-formed sequence at p (left > 0), 0 if there is none. */
static size_t sequence_len(const uint8_t *p, size_t left) {
    const uint8_t lead = p[0];
    if (lead < 0x80) {
        return 1;
    }
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    size_t len;
    if (lead >= 0xc2 && lead <= 0xdf) {
        len = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        len = 3;
        low = lead == 0xe0 ? 0xa0 : low;
        high = lead == 0xed ? 0x9f : high;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        len = 4;
        low = lead == 0xf0 ? 0x90 : low;
        high = lead == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (left < len || p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

bool st_utf8_valid(strata_slice bytes, size_t *valid_len) {
    const uint8_t *p = bytes.data;
    size_t at = 0;
    while (at < bytes.len) {
        while (bytes.len - at >= 8) {
            uint64_t word;
            memcpy(&word, p + at, 8);
            if ((word & 0x8080808080808080u) != 0) {
                break;
            }
            at += 8;
        }
        if (at == bytes.len) {
            break;
        }
        const size_t len = sequence_len(p + at, bytes.len - at);
        if (len == 0) {
            break;
        }
        at += len;
    }
    if (valid_len != NULL) {
        *valid_len = at;
    }
    return at == bytes.len;
}
