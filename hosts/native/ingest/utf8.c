/* utf8.c - whether bytes are UTF-8, over pieces of any size.
 *
 * The Unicode Standard, table 3-7: after a first byte, the second has a range of its own for E0,
 * ED, F0 and F4 (overlong forms, surrogates, beyond 10FFFF); all others are 80-BF. ASCII, which
 * most text is, goes eight bytes at a time.
 */
#include "ingest.h"

#include <string.h>

static bool begin(utf8_check *check, uint8_t byte) {
    check->low = 0x80;
    check->high = 0xbf;
    if (byte < 0x80) {
        return true;
    }
    if (byte < 0xc2 || byte > 0xf4) {
        return false;
    }
    check->more = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    check->low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    check->high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    return true;
}

bool utf8_feed(utf8_check *check, strata_slice piece) {
    const uint8_t *const data = piece.data;
    size_t at = 0;
    while (at < piece.len) {
        uint64_t eight = 0;
        if (check->more == 0 && at + sizeof(eight) <= piece.len) {
            memcpy(&eight, data + at, sizeof(eight));
            if ((eight & 0x8080808080808080u) == 0) {
                at += sizeof(eight);
                continue;
            }
        }
        const uint8_t byte = data[at++];
        if (check->more == 0) {
            if (!begin(check, byte)) {
                return false;
            }
            continue;
        }
        if (byte < check->low || byte > check->high) {
            return false;
        }
        check->more--;
        check->low = 0x80;
        check->high = 0xbf;
    }
    return true;
}

bool utf8_is_valid(strata_slice text) {
    utf8_check check = {0};
    return utf8_feed(&check, text) && check.more == 0;
}

size_t utf8_cut(strata_slice text, size_t max) {
    const uint8_t *const data = text.data;
    size_t len = text.len < max ? text.len : max;
    while (len > 0 && len < text.len && (data[len] & 0xc0) == 0x80) {
        len--;
    }
    return len;
}
