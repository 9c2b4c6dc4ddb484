/* msgpack.c - MessagePack, read as a stream of tokens that never trusts a length.
 *
 * Invariants:
 * 1. The reader allocates nothing and recurses on nothing: a container is a token with a count, and
 *    whoever wants structure keeps a stack of at most ST_NESTING_MAX frames.
 * 2. A count is believed only if that many entries could fit in the bytes that are left.
 * 3. The canonical form is a function of the value alone, so equal scalars have equal bytes: ints
 *    in their shortest form, floats always 64 bits with every bit kept, raw lengths shortest.
 * Rejected: msgpack-c (DESIGN.md section 9). Its unpacker builds a tree with malloc, from lengths
 * the sender chose, and its packaged build stops at 32 levels where SEMANTICS.md promises 128. The
 * command line and the tests use it as the second opinion on these bytes.
 */
#include "format/msgpack.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "format/names.h"

/* ---- Reading --------------------------------------------------------------------------------- */

static bool take_be(st_cursor *cursor, size_t len, uint64_t *out) {
    strata_slice bytes;
    if (!st_cursor_take(cursor, len, &bytes)) {
        return false;
    }
    uint64_t v = 0;
    const uint8_t *p = bytes.data;
    for (size_t i = 0; i < len; i++) {
        v = v << 8 | p[i];
    }
    *out = v;
    return true;
}

static bool token_raw(st_cursor *cursor, strata_type type, uint64_t len, st_token *token) {
    token->type = type;
    return len <= st_cursor_left(cursor) && st_cursor_take(cursor, (size_t)len, &token->as.bytes);
}

static bool token_container(st_cursor *cursor, strata_type type, uint64_t count, st_token *token) {
    const uint64_t least = type == STRATA_OBJECT ? count * 2 : count;
    if (least > st_cursor_left(cursor)) {
        return false;
    }
    token->type = type;
    token->as.count = (uint32_t)count;
    return true;
}

static void token_int(int64_t integer, st_token *token) {
    token->type = STRATA_INT;
    token->as.integer = integer;
}

static bool token_float(st_cursor *cursor, size_t len, st_token *token) {
    uint64_t bits;
    if (!take_be(cursor, len, &bits)) {
        return false;
    }
    token->type = STRATA_FLOAT;
    if (len == 4) {
        const uint32_t narrow_bits = (uint32_t)bits;
        float narrow;
        memcpy(&narrow, &narrow_bits, sizeof narrow);
        token->as.real = (double)narrow;
    } else {
        memcpy(&token->as.real, &bits, sizeof token->as.real);
    }
    return true;
}

static bool token_unsigned(st_cursor *cursor, size_t len, st_token *token) {
    uint64_t v;
    if (!take_be(cursor, len, &v) || v > INT64_MAX) {
        return false;
    }
    token_int((int64_t)v, token);
    return true;
}

static bool token_signed(st_cursor *cursor, size_t len, st_token *token) {
    uint64_t v;
    if (!take_be(cursor, len, &v)) {
        return false;
    }
    const unsigned shift = (unsigned)(64 - 8 * len);
    token_int((int64_t)(v << shift) >> shift, token);
    return true;
}

bool st_msgpack_next(st_cursor *cursor, st_token *token) {
    uint8_t lead;
    uint64_t len;
    if (!st_cursor_u8(cursor, &lead)) {
        return false;
    }
    if (lead < 0x80) {
        token_int(lead, token);
        return true;
    }
    if (lead >= 0xe0) {
        token_int((int8_t)lead, token);
        return true;
    }
    if (lead < 0x90) {
        return token_container(cursor, STRATA_OBJECT, lead & 15, token);
    }
    if (lead < 0xa0) {
        return token_container(cursor, STRATA_ARRAY, lead & 15, token);
    }
    if (lead < 0xc0) {
        return token_raw(cursor, STRATA_STRING, lead & 31, token);
    }
    switch (lead) {
    case 0xc0:
        token->type = STRATA_NULL;
        return true;
    case 0xc2:
    case 0xc3:
        token->type = STRATA_BOOL;
        token->as.boolean = lead == 0xc3;
        return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return take_be(cursor, (size_t)1 << (lead - 0xc4), &len) &&
               token_raw(cursor, STRATA_BYTES, len, token);
    case 0xca:
    case 0xcb:
        return token_float(cursor, lead == 0xca ? 4 : 8, token);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return token_unsigned(cursor, (size_t)1 << (lead - 0xcc), token);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return token_signed(cursor, (size_t)1 << (lead - 0xd0), token);
    case 0xd9:
    case 0xda:
    case 0xdb:
        return take_be(cursor, (size_t)1 << (lead - 0xd9), &len) &&
               token_raw(cursor, STRATA_STRING, len, token);
    case 0xdc:
    case 0xdd:
        return take_be(cursor, lead == 0xdc ? 2 : 4, &len) &&
               token_container(cursor, STRATA_ARRAY, len, token);
    case 0xde:
    case 0xdf:
        return take_be(cursor, lead == 0xde ? 2 : 4, &len) &&
               token_container(cursor, STRATA_OBJECT, len, token);
    default: /* 0xc1, never used, and the extension types */
        return false;
    }
}

static uint64_t tokens_inside(const st_token *token) {
    switch (token->type) {
    case STRATA_ARRAY:
        return token->as.count;
    case STRATA_OBJECT:
        return (uint64_t)token->as.count * 2;
    default:
        return 0;
    }
}

/* An open container; the value itself is in one of its own. */
typedef struct container {
    uint64_t left; /* tokens still to come */
    bool object;   /* an even number before a name */
} container;

static bool is_readable(const st_token *token, const container *in) {
    if (token->type == STRATA_STRING) {
        return st_utf8_valid(token->as.bytes, NULL);
    }
    return !in->object || in->left % 2 == 1;
}

/* Steps over one value; readable: and sees to it that it is. */
static inline bool walk(st_cursor *cursor, bool readable) {
    container open[ST_NESTING_MAX + 1];
    size_t depth = 0;
    open[0] = (container){1, false};
    for (;;) {
        st_token token;
        if (!st_msgpack_next(cursor, &token) || (readable && !is_readable(&token, &open[depth]))) {
            return false;
        }
        open[depth].left--;
        const uint64_t inside = tokens_inside(&token);
        if (inside > 0) {
            if (depth == ST_NESTING_MAX) {
                return false;
            }
            open[++depth] = (container){inside, token.type == STRATA_OBJECT};
        }
        while (open[depth].left == 0) {
            if (depth == 0) {
                return true;
            }
            depth--;
        }
    }
}

bool st_msgpack_skip(st_cursor *cursor, strata_slice *value) {
    const uint8_t *start = cursor->at;
    if (!walk(cursor, false)) {
        return false;
    }
    if (value != NULL) {
        *value = st_slice(start, (size_t)(cursor->at - start));
    }
    return true;
}

bool st_msgpack_is_readable(strata_slice msgpack) {
    st_cursor cursor = st_cursor_over(msgpack);
    return walk(&cursor, true) && cursor.at == cursor.end;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* A lead byte and a big-endian number of `len` bytes. */
static strata_status put_lead(strata_buffer *out, uint8_t lead, size_t len, uint64_t number) {
    ST_TRY(st_buffer_reserve(out, 1 + len));
    uint8_t *p = out->data + out->len;
    *p++ = lead;
    for (size_t i = len; i > 0; i--) {
        *p++ = (uint8_t)(number >> (8 * (i - 1)));
    }
    out->len += 1 + len;
    return STRATA_OK;
}

strata_status st_msgpack_put_null(strata_buffer *out) {
    return put_lead(out, 0xc0, 0, 0);
}

strata_status st_msgpack_put_bool(strata_buffer *out, bool boolean) {
    return put_lead(out, boolean ? 0xc3 : 0xc2, 0, 0);
}

strata_status st_msgpack_put_uint(strata_buffer *out, uint64_t integer) {
    if (integer < 0x80) {
        return put_lead(out, (uint8_t)integer, 0, 0);
    }
    if (integer <= UINT8_MAX) {
        return put_lead(out, 0xcc, 1, integer);
    }
    if (integer <= UINT16_MAX) {
        return put_lead(out, 0xcd, 2, integer);
    }
    if (integer <= UINT32_MAX) {
        return put_lead(out, 0xce, 4, integer);
    }
    return put_lead(out, 0xcf, 8, integer);
}

strata_status st_msgpack_put_int(strata_buffer *out, int64_t integer) {
    if (integer >= 0) {
        return st_msgpack_put_uint(out, (uint64_t)integer);
    }
    const uint64_t bits = (uint64_t)integer;
    if (integer >= -32) {
        return put_lead(out, (uint8_t)bits, 0, 0);
    }
    if (integer >= INT8_MIN) {
        return put_lead(out, 0xd0, 1, bits);
    }
    if (integer >= INT16_MIN) {
        return put_lead(out, 0xd1, 2, bits);
    }
    if (integer >= INT32_MIN) {
        return put_lead(out, 0xd2, 4, bits);
    }
    return put_lead(out, 0xd3, 8, bits);
}

strata_status st_msgpack_put_float(strata_buffer *out, double real) {
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    return put_lead(out, 0xcb, 8, bits);
}

strata_status st_msgpack_put_string(strata_buffer *out, strata_slice text) {
    if (text.len > UINT32_MAX) {
        return STRATA_NO_MEMORY;
    }
    if (text.len < 32) {
        ST_TRY(put_lead(out, (uint8_t)(0xa0 | text.len), 0, 0));
    } else if (text.len <= UINT8_MAX) {
        ST_TRY(put_lead(out, 0xd9, 1, text.len));
    } else if (text.len <= UINT16_MAX) {
        ST_TRY(put_lead(out, 0xda, 2, text.len));
    } else {
        ST_TRY(put_lead(out, 0xdb, 4, text.len));
    }
    return st_buffer_append(out, text.data, text.len);
}

strata_status st_msgpack_put_bytes(strata_buffer *out, strata_slice bytes) {
    if (bytes.len > UINT32_MAX) {
        return STRATA_NO_MEMORY;
    }
    if (bytes.len <= UINT8_MAX) {
        ST_TRY(put_lead(out, 0xc4, 1, bytes.len));
    } else if (bytes.len <= UINT16_MAX) {
        ST_TRY(put_lead(out, 0xc5, 2, bytes.len));
    } else {
        ST_TRY(put_lead(out, 0xc6, 4, bytes.len));
    }
    return st_buffer_append(out, bytes.data, bytes.len);
}

strata_status st_msgpack_put_array(strata_buffer *out, uint32_t count) {
    if (count < 16) {
        return put_lead(out, (uint8_t)(0x90 | count), 0, 0);
    }
    return count <= UINT16_MAX ? put_lead(out, 0xdc, 2, count) : put_lead(out, 0xdd, 4, count);
}

strata_status st_msgpack_put_object(strata_buffer *out, uint32_t count) {
    if (count < 16) {
        return put_lead(out, (uint8_t)(0x80 | count), 0, 0);
    }
    return count <= UINT16_MAX ? put_lead(out, 0xde, 2, count) : put_lead(out, 0xdf, 4, count);
}

strata_status st_msgpack_open_array(strata_buffer *out, size_t *place) {
    ST_TRY(put_lead(out, 0xdd, 4, 0));
    *place = out->len - 5;
    return STRATA_OK;
}

strata_status st_msgpack_open_object(strata_buffer *out, size_t *place) {
    ST_TRY(put_lead(out, 0xdf, 4, 0));
    *place = out->len - 5;
    return STRATA_OK;
}

void st_msgpack_patch(strata_buffer *out, size_t place, uint32_t count) {
    store32_be(out->data + place + 1, count);
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* One open container of a value that is being copied into canonical form. */
typedef struct frame {
    uint32_t left; /* entries still to come: elements, or keys and values */
    bool object;
    size_t first_name; /* of an object: where its names begin in the stack of names */
} frame;

typedef struct canonical {
    strata_buffer *out;
    strata_buffer names; /* strata_slice of every name of the objects that are open */
    size_t start;        /* of the value in out */
    size_t bytes_max;
    strata_error *error;
} canonical;

static strata_status fail_malformed(strata_error *error) {
    return st_fail(error, STRATA_INVALID_ARGUMENT,
                   "the value is not well-formed MessagePack (ends early, an extension type, or an "
                   "integer beyond 64 signed bits)");
}

static strata_status fail_too_large(strata_error *error, size_t bytes_max) {
    st_fail_constraint(error, "value_too_large", "the value is larger than the limit of %u bytes",
                       (uint64_t)bytes_max);
    st_fail_number(error, "limit", (int64_t)bytes_max);
    return STRATA_CONSTRAINT;
}

static strata_status check_raw(strata_type type, strata_slice bytes, strata_error *error) {
    if (bytes.len > ST_STRING_BYTES_MAX) {
        return fail_too_large(error, ST_STRING_BYTES_MAX);
    }
    if (type == STRATA_STRING && !st_utf8_valid(bytes, NULL)) {
        return st_fail(error, STRATA_INVALID_ARGUMENT,
                       "a string is not UTF-8; store such bytes as bytes");
    }
    return STRATA_OK;
}

static strata_status check_names(strata_slice *names, size_t count, strata_error *error) {
    size_t second;
    return st_names_repeat(names, count, &second)
               ? st_fail(error, STRATA_INVALID_ARGUMENT, "an object has the name \"%S\" twice",
                         &names[second])
               : STRATA_OK;
}

static strata_slice *names_of(canonical *to) {
    return (strata_slice *)(void *)to->names.data;
}

static strata_status put_token(canonical *to, const st_token *token) {
    strata_status status = STRATA_INTERNAL;
    switch (token->type) {
    case STRATA_NULL:
        status = st_msgpack_put_null(to->out);
        break;
    case STRATA_BOOL:
        status = st_msgpack_put_bool(to->out, token->as.boolean);
        break;
    case STRATA_INT:
        status = st_msgpack_put_int(to->out, token->as.integer);
        break;
    case STRATA_FLOAT:
        status = st_msgpack_put_float(to->out, token->as.real);
        break;
    case STRATA_STRING:
        ST_TRY(check_raw(STRATA_STRING, token->as.bytes, to->error));
        status = st_msgpack_put_string(to->out, token->as.bytes);
        break;
    case STRATA_BYTES:
        ST_TRY(check_raw(STRATA_BYTES, token->as.bytes, to->error));
        status = st_msgpack_put_bytes(to->out, token->as.bytes);
        break;
    case STRATA_ARRAY:
        status = st_msgpack_put_array(to->out, token->as.count);
        break;
    case STRATA_OBJECT:
        status = st_msgpack_put_object(to->out, token->as.count);
        break;
    }
    if (status != STRATA_OK) {
        return st_fail_memory(to->error);
    }
    return to->out->len - to->start > to->bytes_max ? fail_too_large(to->error, to->bytes_max)
                                                    : STRATA_OK;
}

static strata_status copy_value(canonical *to, st_cursor *cursor) {
    frame frames[ST_NESTING_MAX + 1];
    size_t depth = 0;
    frames[0] = (frame){1, false, 0};
    for (;;) {
        frame *top = &frames[depth];
        st_token token;
        if (!st_msgpack_next(cursor, &token)) {
            return fail_malformed(to->error);
        }
        if (top->object && top->left % 2 == 0) {
            if (token.type != STRATA_STRING) {
                return st_fail(to->error, STRATA_INVALID_ARGUMENT,
                               "an object has a name that is not a string");
            }
            if (st_buffer_append(&to->names, &token.as.bytes, sizeof token.as.bytes) != STRATA_OK) {
                return st_fail_memory(to->error);
            }
        }
        top->left--;
        ST_TRY(put_token(to, &token));
        if (token.type == STRATA_ARRAY || token.type == STRATA_OBJECT) {
            if (token.as.count > ST_ENTRIES_MAX) {
                return st_fail_constraint(to->error, "too_many_entries",
                                          "an array or object has %u entries; the limit is %u",
                                          (uint64_t)token.as.count, (uint64_t)ST_ENTRIES_MAX);
            }
            if (depth == ST_NESTING_MAX) {
                return st_fail_constraint(to->error, "nesting_too_deep",
                                          "the value is nested deeper than %u levels",
                                          (uint64_t)ST_NESTING_MAX);
            }
            const bool object = token.type == STRATA_OBJECT;
            frames[++depth] = (frame){token.as.count * (object ? 2 : 1), object,
                                      to->names.len / sizeof(strata_slice)};
        }
        while (frames[depth].left == 0) {
            if (frames[depth].object) {
                const size_t first = frames[depth].first_name;
                const size_t count = to->names.len / sizeof(strata_slice) - first;
                if (count > 1) {
                    ST_TRY(check_names(names_of(to) + first, count, to->error));
                }
                to->names.len = first * sizeof(strata_slice);
            }
            if (depth == 0) {
                return STRATA_OK;
            }
            depth--;
        }
    }
}

strata_status st_value_canonical(strata_slice msgpack, size_t bytes_max, strata_buffer *out,
                                 strata_error *error) {
    canonical to = {out, {NULL, 0, 0, out->host}, out->len, bytes_max, error};
    st_cursor cursor = st_cursor_over(msgpack);
    strata_status status = copy_value(&to, &cursor);
    if (status == STRATA_OK && cursor.at != cursor.end) {
        status = st_fail(error, STRATA_INVALID_ARGUMENT, "bytes follow the end of the value");
    }
    strata_buffer_free(&to.names);
    if (status != STRATA_OK) {
        out->len = to.start;
    }
    return status;
}

strata_status st_value_encode(const strata_value *value, size_t bytes_max, strata_buffer *out,
                              strata_error *error) {
    if (value->type == STRATA_ARRAY || value->type == STRATA_OBJECT) {
        st_cursor cursor = st_cursor_over(value->as.bytes);
        st_token first;
        if (!st_msgpack_next(&cursor, &first)) {
            return fail_malformed(error);
        }
        if (first.type != value->type) {
            return st_fail(error, STRATA_WRONG_TYPE, "the value is not %s",
                           value->type == STRATA_ARRAY ? "an array" : "an object");
        }
        return st_value_canonical(value->as.bytes, bytes_max, out, error);
    }
    st_token token = {value->type, {.integer = 0}};
    switch (value->type) {
    case STRATA_BOOL:
        token.as.boolean = value->as.boolean;
        break;
    case STRATA_INT:
        token.as.integer = value->as.integer;
        break;
    case STRATA_FLOAT:
        token.as.real = value->as.real;
        break;
    case STRATA_STRING:
    case STRATA_BYTES:
        token.as.bytes = value->as.bytes;
        break;
    case STRATA_NULL:
        break;
    default:
        return st_fail(error, STRATA_INVALID_ARGUMENT, "the value has no known type");
    }
    canonical to = {out, {NULL, 0, 0, out->host}, out->len, bytes_max, error};
    const strata_status status = put_token(&to, &token);
    if (status != STRATA_OK) {
        out->len = to.start;
    }
    return status;
}

bool st_value_decode(strata_slice encoded, strata_value *value) {
    st_cursor cursor = st_cursor_over(encoded);
    st_token token;
    if (!st_msgpack_next(&cursor, &token)) {
        return false;
    }
    value->type = token.type;
    switch (token.type) {
    case STRATA_NULL:
        value->as.integer = 0;
        return true;
    case STRATA_BOOL:
        value->as.boolean = token.as.boolean;
        return true;
    case STRATA_INT:
        value->as.integer = token.as.integer;
        return true;
    case STRATA_FLOAT:
        value->as.real = token.as.real;
        return true;
    case STRATA_STRING:
    case STRATA_BYTES:
        value->as.bytes = token.as.bytes;
        return true;
    case STRATA_ARRAY:
    case STRATA_OBJECT:
        value->as.bytes = encoded;
        return true;
    }
    return false;
}
