/* json_string.c - the escapes of JSON strings (RFC 8259, section 7).
 *
 * A code point beyond the first plane is two halves, each an escape of its own; a half without the other
 * is refused, since no UTF-8 can be made of it.
 */
#include "format/json_string.h"

static bool read_hex4(const uint8_t **at, const uint8_t *end, uint32_t *out) {
    uint32_t v = 0;
    if (end - *at < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        const uint8_t c = (*at)[i];
        const uint8_t lower = c | 0x20;
        if (c >= '0' && c <= '9') {
            v = v << 4 | (uint32_t)(c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            v = v << 4 | (uint32_t)(lower - 'a' + 10);
        } else {
            return false;
        }
    }
    *at += 4;
    *out = v;
    return true;
}

static uint8_t *put_code_point(uint8_t *to, uint32_t c) {
    if (c < 0x80) {
        *to++ = (uint8_t)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (uint8_t)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (uint8_t)(0xe0 | c >> 12);
        } else {
            *to++ = (uint8_t)(0xf0 | c >> 18);
            *to++ = (uint8_t)(0x80 | (c >> 12 & 63));
        }
        *to++ = (uint8_t)(0x80 | (c >> 6 & 63));
    }
    *to++ = (uint8_t)(0x80 | (c & 63));
    return to;
}

/* After "\u": one code point, or two halves of one. */
static const char *read_unicode(const uint8_t **at, const uint8_t *end, uint32_t *out) {
    static const char no_digits[] = "a \\u that four hex digits do not follow";
    uint32_t c;
    if (!read_hex4(at, end, &c)) {
        return no_digits;
    }
    if (c >= 0xd800 && c <= 0xdfff) {
        uint32_t low = 0;
        if (c < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
            *at += 2;
            if (!read_hex4(at, end, &low)) {
                return no_digits;
            }
        }
        if (low < 0xdc00 || low > 0xdfff) {
            return "half of a surrogate pair";
        }
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    *out = c;
    return NULL;
}

/* What a letter after a backslash stands for; 0: nothing. */
static uint8_t meaning_of(uint8_t letter) {
    switch (letter) {
    case '"':
    case '\\':
    case '/':
        return letter;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

const char *st_json_escape(const uint8_t **at, const uint8_t *end, uint8_t **to) {
    const uint8_t *start = *at;
    if (end - start < 2) {
        *at = end;
        return "the text ends early";
    }
    const uint8_t meaning = meaning_of(start[1]);
    *at += 2;
    if (meaning != 0) {
        *(*to)++ = meaning;
        return NULL;
    }
    const char *wrong = "an escape that JSON does not have";
    uint32_t c = 0;
    if (start[1] == 'u') {
        wrong = read_unicode(at, end, &c);
        if (wrong == NULL) {
            *to = put_code_point(*to, c);
            return NULL;
        }
    }
    *at = start;
    return wrong;
}
