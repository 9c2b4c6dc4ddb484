/* pack.c - MessagePack, as much as the command line needs.
 * https://github.com/msgpack/msgpack/blob/master/spec.md
 *
 * Invariants
 * 1. Nothing is copied: an item points into the response, and `raw` is the encoded value itself,
 *    which strata_msgpack_to_json turns into text without being packed again.
 * 2. Stepping over a value keeps a count of the values still to come, not a stack: depth costs
 *    nothing and cannot overflow.
 * 3. No length is believed before the bytes are there.
 *
 * Rejected: msgpack-c. Its unpacker refuses what is nested deeper than 32 (a constant compiled into
 * the library), where Strata allows 128; and it gives objects where invariant 1 needs ranges.
 */
#include "pack.h"

#include <string.h>

/* ---- Reading --------------------------------------------------------------------------------- */

static uint64_t load_big(const uint8_t *data, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | data[i];
    }
    return value;
}

/* What a first byte promises. */
typedef struct header {
    uint64_t immediate; /* the number or length, when it is inside the first byte */
    strata_type type;
    uint8_t bytes; /* of the number or length that follows the first byte */
    bool is_signed;
} header;

static bool read_first(uint8_t first, header *out) {
    static const header wide[32] = {
        [0x00] = {0, STRATA_NULL, 0, false},   [0x02] = {0, STRATA_BOOL, 0, false},
        [0x03] = {1, STRATA_BOOL, 0, false},   [0x04] = {0, STRATA_BYTES, 1, false},
        [0x05] = {0, STRATA_BYTES, 2, false},  [0x06] = {0, STRATA_BYTES, 4, false},
        [0x0a] = {0, STRATA_FLOAT, 4, false},  [0x0b] = {0, STRATA_FLOAT, 8, false},
        [0x0c] = {0, STRATA_INT, 1, false},    [0x0d] = {0, STRATA_INT, 2, false},
        [0x0e] = {0, STRATA_INT, 4, false},    [0x0f] = {0, STRATA_INT, 8, false},
        [0x10] = {0, STRATA_INT, 1, true},     [0x11] = {0, STRATA_INT, 2, true},
        [0x12] = {0, STRATA_INT, 4, true},     [0x13] = {0, STRATA_INT, 8, true},
        [0x19] = {0, STRATA_STRING, 1, false}, [0x1a] = {0, STRATA_STRING, 2, false},
        [0x1b] = {0, STRATA_STRING, 4, false}, [0x1c] = {0, STRATA_ARRAY, 2, false},
        [0x1d] = {0, STRATA_ARRAY, 4, false},  [0x1e] = {0, STRATA_OBJECT, 2, false},
        [0x1f] = {0, STRATA_OBJECT, 4, false},
    };
    if (first < 0x80) {
        *out = (header){first, STRATA_INT, 0, false};
    } else if (first < 0x90) {
        *out = (header){first & 0x0fu, STRATA_OBJECT, 0, false};
    } else if (first < 0xa0) {
        *out = (header){first & 0x0fu, STRATA_ARRAY, 0, false};
    } else if (first < 0xc0) {
        *out = (header){first & 0x1fu, STRATA_STRING, 0, false};
    } else if (first >= 0xe0) {
        *out = (header){(uint64_t)(int64_t)(int8_t)first, STRATA_INT, 0, true};
    } else {
        *out = wide[first - 0xc0];
        return out->type != STRATA_NULL || first == 0xc0; /* 0xc1 and extensions */
    }
    return true;
}

static double to_real(uint64_t bits, size_t bytes) {
    if (bytes == 4) {
        const uint32_t half = (uint32_t)bits;
        float value = 0;
        memcpy(&value, &half, sizeof(value));
        return (double)value;
    }
    double value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Sign-extends a number of that many bytes. */
static int64_t to_signed(uint64_t number, size_t bytes) {
    const unsigned shift = (unsigned)(64 - 8 * bytes);
    return (int64_t)(number << shift) >> shift;
}

/* Reads a value without the entries of a container; *used: its own bytes. */
static bool read_token(strata_slice in, pack_item *item, size_t *used) {
    const uint8_t *const data = in.data;
    header head;
    if (in.len == 0 || !read_first(data[0], &head) || in.len - 1 < head.bytes) {
        return false;
    }
    const uint64_t number = head.bytes == 0 ? head.immediate : load_big(data + 1, head.bytes);
    const size_t own = 1 + head.bytes;
    item->type = head.type;
    *used = own;
    switch (head.type) {
    case STRATA_BOOL:
        item->as.boolean = number != 0;
        return true;
    case STRATA_INT:
        item->as.integer =
            head.is_signed && head.bytes > 0 ? to_signed(number, head.bytes) : (int64_t)number;
        return head.is_signed || number <= INT64_MAX;
    case STRATA_FLOAT:
        item->as.real = to_real(number, head.bytes);
        return true;
    case STRATA_STRING:
    case STRATA_BYTES:
        item->as.bytes = (strata_slice){data + own, (size_t)number};
        *used = own + (size_t)number;
        return number <= in.len - own;
    case STRATA_ARRAY:
    case STRATA_OBJECT:
        item->as.count = (uint32_t)number;
        return number <= in.len - own;
    default:
        return true;
    }
}

bool pack_next(strata_slice *rest, pack_item *item) {
    size_t used = 0;
    size_t at = 0;
    if (!read_token(*rest, item, &at)) {
        return false;
    }
    const uint8_t *const data = rest->data;
    uint64_t left = item->type == STRATA_ARRAY    ? item->as.count
                    : item->type == STRATA_OBJECT ? 2 * (uint64_t)item->as.count
                                                  : 0;
    const size_t inside = at;
    while (left > 0) {
        pack_item entry;
        if (!read_token((strata_slice){data + at, rest->len - at}, &entry, &used)) {
            return false;
        }
        at += used;
        left -= 1;
        left += entry.type == STRATA_ARRAY    ? entry.as.count
                : entry.type == STRATA_OBJECT ? 2 * (uint64_t)entry.as.count
                                              : 0;
    }
    item->inside = (strata_slice){data + inside, at - inside};
    item->raw = (strata_slice){data, at};
    *rest = (strata_slice){data + at, rest->len - at};
    return true;
}

bool pack_field(const pack_item *object, const char *name, pack_item *value) {
    if (object->type != STRATA_OBJECT) {
        return false;
    }
    strata_slice rest = object->inside;
    for (uint32_t i = 0; i < object->as.count; i++) {
        pack_item key;
        if (!pack_next(&rest, &key) || !pack_next(&rest, value)) {
            return false;
        }
        if (key.type == STRATA_STRING && cli_slice_is(key.as.bytes, name)) {
            return true;
        }
    }
    return false;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void put_number(cli_buffer *out, unsigned first, uint64_t number, size_t bytes) {
    uint8_t data[9] = {(uint8_t)first};
    for (size_t i = 0; i < bytes; i++) {
        data[1 + i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
    }
    cli_put(out, data, 1 + bytes);
}

void pack_put_nil(cli_buffer *out) {
    put_number(out, 0xc0, 0, 0);
}

void pack_put_bool(cli_buffer *out, bool boolean) {
    put_number(out, boolean ? 0xc3 : 0xc2, 0, 0);
}

void pack_put_uint(cli_buffer *out, uint64_t integer) {
    if (integer < 0x80) {
        put_number(out, (unsigned)integer, 0, 0);
    } else if (integer <= UINT8_MAX) {
        put_number(out, 0xcc, integer, 1);
    } else if (integer <= UINT16_MAX) {
        put_number(out, 0xcd, integer, 2);
    } else if (integer <= UINT32_MAX) {
        put_number(out, 0xce, integer, 4);
    } else {
        put_number(out, 0xcf, integer, 8);
    }
}

void pack_put_int(cli_buffer *out, int64_t integer) {
    if (integer >= 0) {
        pack_put_uint(out, (uint64_t)integer);
    } else if (integer >= -32) {
        put_number(out, (uint8_t)integer, 0, 0);
    } else if (integer >= INT8_MIN) {
        put_number(out, 0xd0, (uint64_t)integer, 1);
    } else if (integer >= INT16_MIN) {
        put_number(out, 0xd1, (uint64_t)integer, 2);
    } else if (integer >= INT32_MIN) {
        put_number(out, 0xd2, (uint64_t)integer, 4);
    } else {
        put_number(out, 0xd3, (uint64_t)integer, 8);
    }
}

void pack_put_string(cli_buffer *out, strata_slice text) {
    if (text.len < 32) {
        put_number(out, 0xa0 | (unsigned)text.len, 0, 0);
    } else if (text.len <= UINT8_MAX) {
        put_number(out, 0xd9, text.len, 1);
    } else if (text.len <= UINT16_MAX) {
        put_number(out, 0xda, text.len, 2);
    } else {
        put_number(out, 0xdb, text.len, 4);
    }
    cli_put_slice(out, text);
}

void pack_put_text(cli_buffer *out, const char *text) {
    pack_put_string(out, strata_text(text));
}

void pack_put_bytes(cli_buffer *out, strata_slice bytes) {
    if (bytes.len <= UINT8_MAX) {
        put_number(out, 0xc4, bytes.len, 1);
    } else if (bytes.len <= UINT16_MAX) {
        put_number(out, 0xc5, bytes.len, 2);
    } else {
        put_number(out, 0xc6, bytes.len, 4);
    }
    cli_put_slice(out, bytes);
}

void pack_put_array(cli_buffer *out, uint32_t count) {
    if (count < 16) {
        put_number(out, 0x90 | count, 0, 0);
    } else if (count <= UINT16_MAX) {
        put_number(out, 0xdc, count, 2);
    } else {
        put_number(out, 0xdd, count, 4);
    }
}

void pack_put_object(cli_buffer *out, uint32_t count) {
    if (count < 16) {
        put_number(out, 0x80 | count, 0, 0);
    } else if (count <= UINT16_MAX) {
        put_number(out, 0xde, count, 2);
    } else {
        put_number(out, 0xdf, count, 4);
    }
}

size_t pack_open_object(cli_buffer *out) {
    const size_t place = out->len;
    put_number(out, 0xdf, 0, 4);
    return place;
}

void pack_close_object(cli_buffer *out, size_t place, uint32_t count) {
    for (size_t i = 0; i < 4; i++) {
        out->data[place + 1 + i] = (char)(uint8_t)(count >> (8 * (3 - i)));
    }
}
