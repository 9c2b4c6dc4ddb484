/* json_read.c - JSON text (RFC 8259) to MessagePack, without recursion.
 *
 * Invariants:
 * 1. One pass over the text after one for its UTF-8. What is open is a stack of at most
 *    ST_JSON_NESTING_MAX frames; memory is in proportion to the text.
 * 2. A container's count is not known when its header is written, so that each gets five bytes and
 *    a record in `headers`, in order of place; the last step moves everything together and gives
 *    each its shortest header. The result is what the canonical writer would have made.
 * 3. Names of the open objects lie on one stack, so that a name that comes twice is found when its
 *    object closes (names.c) and told with the offset of its second coming.
 * 4. On failure *out is empty, and the error has the offset of the byte that was not expected.
 * RFC 8259 leaves open: a byte order mark, NaN, comments, trailing commas, lone surrogates, names
 * that come twice and numbers beyond the range are all refused; -0 is the int 0, -0.0 keeps its
 * sign.
 * Rejected: a tree of nodes. It costs five times the memory of the text, and every caller wants
 * MessagePack.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "format/base64.h"
#include "format/json.h"
#include "format/msgpack.h"
#include "format/names.h"
#include "format/number.h"

/* The header of a container in `out`. */
typedef struct header {
    size_t place;
    uint32_t count;
    bool object;
} header;

/* A name of an open object: where it is in `out`, and where in the text. */
typedef struct name {
    size_t place;
    size_t len;
    size_t offset;
} name;

typedef struct frame {
    size_t offset;     /* of its first byte in the text */
    size_t header;     /* its record */
    size_t first_name; /* of an object: where its names begin */
    uint32_t count;
    bool object;
    bool tagged; /* its first name is $bytes or $float */
} frame;

typedef struct reader {
    const uint8_t *text;
    const uint8_t *at;
    const uint8_t *end;
    strata_buffer *out;
    strata_buffer headers; /* header */
    strata_buffer names;   /* name */
    strata_buffer scratch; /* one unescaped string, one object's names, or decoded bytes */
    strata_error *error;
    size_t depth;
    frame frames[ST_JSON_NESTING_MAX];
} reader;

static size_t offset_of(const reader *in, const uint8_t *at) {
    return (size_t)(at - in->text);
}

/* Adds the offset to an error that has just been made. */
static strata_status add_offset(const reader *in, size_t offset, strata_status status) {
    st_fail_number(in->error, "offset", (int64_t)offset);
    return status;
}

static strata_status fail_at(const reader *in, size_t offset, const char *what) {
    st_fail(in->error, STRATA_INVALID_ARGUMENT, "not JSON: %s at byte %u", what, (uint64_t)offset);
    return add_offset(in, offset, STRATA_INVALID_ARGUMENT);
}

static strata_status fail_here(const reader *in, const char *what) {
    return fail_at(in, offset_of(in, in->at), in->at == in->end ? "the text ends early" : what);
}

/* ---- Strings --------------------------------------------------------------------------------- */

static bool read_hex4(reader *in, uint32_t *out) {
    uint32_t v = 0;
    if (in->end - in->at < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        const uint8_t c = in->at[i];
        const uint8_t lower = c | 0x20;
        if (c >= '0' && c <= '9') {
            v = v << 4 | (uint32_t)(c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            v = v << 4 | (uint32_t)(lower - 'a' + 10);
        } else {
            return false;
        }
    }
    in->at += 4;
    *out = v;
    return true;
}

static strata_status put_code_point(strata_buffer *out, uint32_t c) {
    uint8_t bytes[4];
    size_t len = 0;
    if (c < 0x80) {
        bytes[len++] = (uint8_t)c;
    } else {
        if (c < 0x800) {
            bytes[len++] = (uint8_t)(0xc0 | c >> 6);
        } else {
            if (c < 0x10000) {
                bytes[len++] = (uint8_t)(0xe0 | c >> 12);
            } else {
                bytes[len++] = (uint8_t)(0xf0 | c >> 18);
                bytes[len++] = (uint8_t)(0x80 | (c >> 12 & 63));
            }
            bytes[len++] = (uint8_t)(0x80 | (c >> 6 & 63));
        }
        bytes[len++] = (uint8_t)(0x80 | (c & 63));
    }
    return st_buffer_append(out, bytes, len);
}

/* After "\u": one code point, or two halves of one. */
static strata_status read_unicode_escape(reader *in, const uint8_t *start) {
    uint32_t c;
    if (!read_hex4(in, &c)) {
        return fail_at(in, offset_of(in, start), "a \\u that four hex digits do not follow");
    }
    if (c >= 0xd800 && c <= 0xdfff) {
        uint32_t low = 0;
        const bool pair =
            c < 0xdc00 && in->end - in->at >= 6 && in->at[0] == '\\' && in->at[1] == 'u';
        if (pair) {
            in->at += 2;
            if (!read_hex4(in, &low)) {
                return fail_at(in, offset_of(in, start),
                               "a \\u that four hex digits do not follow");
            }
        }
        if (low < 0xdc00 || low > 0xdfff) {
            return fail_at(in, offset_of(in, start), "half of a surrogate pair");
        }
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    return put_code_point(&in->scratch, c);
}

static strata_status read_escape(reader *in) {
    static const char letters[] = "\"\\/bfnrt";
    static const char meaning[] = "\"\\/\b\f\n\r\t";
    const uint8_t *start = in->at++;
    if (in->at == in->end) {
        return fail_here(in, "");
    }
    const char letter = (char)*in->at;
    if (letter == 'u') {
        in->at++;
        return read_unicode_escape(in, start);
    }
    const char *found = letter == '\0' ? NULL : strchr(letters, letter);
    if (found == NULL) {
        return fail_at(in, offset_of(in, start), "an escape that JSON does not have");
    }
    in->at++;
    return st_buffer_append(&in->scratch, &meaning[found - letters], 1);
}

static const uint8_t *plain_end(const reader *in) {
    const uint8_t *at = in->at;
    while (at < in->end && *at >= 0x20 && *at != '"' && *at != '\\') {
        at++;
    }
    return at;
}

/* At the opening quote. *text: borrowed from the input, or from scratch if there was an escape. */
static strata_status read_string(reader *in, strata_slice *text) {
    const uint8_t *start = ++in->at;
    in->scratch.len = 0;
    for (;;) {
        const uint8_t *plain = in->at;
        in->at = plain_end(in);
        const size_t len = (size_t)(in->at - plain);
        if (in->at == in->end || *in->at < 0x20) {
            return fail_here(in, "a control character in a string");
        }
        if (*in->at == '"' && plain == start) {
            *text = st_slice(start, len);
            break;
        }
        ST_TRY(st_buffer_append(&in->scratch, plain, len));
        if (*in->at == '"') {
            *text = st_buffer_slice(&in->scratch);
            break;
        }
        ST_TRY(read_escape(in));
    }
    in->at++;
    return STRATA_OK;
}

/* ---- Numbers and words ----------------------------------------------------------------------- */

static bool is_digit(const reader *in) {
    return in->at < in->end && *in->at >= '0' && *in->at <= '9';
}

static strata_status skip_digits(reader *in) {
    if (!is_digit(in)) {
        return fail_here(in, "no digit");
    }
    while (is_digit(in)) {
        in->at++;
    }
    return STRATA_OK;
}

static strata_status put_integer(reader *in, strata_slice text) {
    const uint8_t *at = text.data;
    const uint8_t *end = at + text.len;
    const bool negative = *at == '-';
    const uint64_t max = (uint64_t)INT64_MAX + negative;
    uint64_t v = 0;
    for (at += negative; at < end; at++) {
        const uint64_t digit = (uint64_t)(*at - '0');
        if (v > (max - digit) / 10) {
            return fail_at(in, offset_of(in, text.data),
                           "an int beyond 64 signed bits (a float needs a point)");
        }
        v = v * 10 + digit;
    }
    return st_msgpack_put_int(in->out, negative ? (int64_t)(0 - v) : (int64_t)v);
}

static strata_status read_number(reader *in) {
    const uint8_t *start = in->at;
    bool real = false;
    in->at += *in->at == '-';
    if (in->at < in->end && *in->at == '0') {
        in->at++;
    } else {
        ST_TRY(skip_digits(in));
    }
    if (in->at < in->end && *in->at == '.') {
        real = true;
        in->at++;
        ST_TRY(skip_digits(in));
    }
    if (in->at < in->end && (*in->at == 'e' || *in->at == 'E')) {
        real = true;
        in->at++;
        in->at += in->at < in->end && (*in->at == '-' || *in->at == '+');
        ST_TRY(skip_digits(in));
    }
    const strata_slice text = st_slice(start, (size_t)(in->at - start));
    if (!real) {
        return put_integer(in, text);
    }
    double number;
    if (!st_number_parse(text, &number)) {
        return fail_at(in, offset_of(in, start), "a number beyond the greatest float");
    }
    return st_msgpack_put_float(in->out, number);
}

static bool take_word(reader *in, const char *word) {
    const size_t len = strlen(word);
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, word, len) != 0) {
        return false;
    }
    in->at += len;
    return true;
}

/* ---- Containers ------------------------------------------------------------------------------ */

static void skip_space(reader *in) {
    while (in->at < in->end &&
           (*in->at == ' ' || *in->at == '\n' || *in->at == '\r' || *in->at == '\t')) {
        in->at++;
    }
}

static header *headers_of(reader *in) {
    return (header *)(void *)in->headers.data;
}

static name *names_of(reader *in) {
    return (name *)(void *)in->names.data;
}

/* The text of a name that lies in out; borrowed until out grows. */
static strata_slice name_text(const reader *in, const name *of) {
    return st_slice(in->out->data + of->place, of->len);
}

static strata_status open_container(reader *in, bool object) {
    const size_t offset = offset_of(in, in->at);
    if (in->depth == ST_JSON_NESTING_MAX) {
        st_fail_constraint(in->error, "nesting_too_deep",
                           "the JSON is nested deeper than %u levels",
                           (uint64_t)ST_JSON_NESTING_MAX);
        return add_offset(in, offset, STRATA_CONSTRAINT);
    }
    header of = {0, 0, object};
    ST_TRY(object ? st_msgpack_open_object(in->out, &of.place)
                  : st_msgpack_open_array(in->out, &of.place));
    ST_TRY(st_buffer_append(&in->headers, &of, sizeof of));
    in->frames[in->depth++] = (frame){.offset = offset,
                                      .header = in->headers.len / sizeof(header) - 1,
                                      .first_name = in->names.len / sizeof(name),
                                      .object = object};
    in->at++;
    return STRATA_OK;
}

static strata_status read_name(reader *in) {
    frame *top = &in->frames[in->depth - 1];
    const size_t offset = offset_of(in, in->at);
    if (in->at == in->end || *in->at != '"') {
        return fail_here(in, "no name in quotes");
    }
    strata_slice text;
    ST_TRY(read_string(in, &text));
    const size_t dollars = st_json_tag(text);
    if (dollars == 1) {
        top->tagged = true;
    } else if (dollars > 1) {
        text = st_slice((const char *)text.data + 1, text.len - 1);
    }
    ST_TRY(st_msgpack_put_string(in->out, text));
    const name of = {in->out->len - text.len, text.len, offset};
    ST_TRY(st_buffer_append(&in->names, &of, sizeof of));
    skip_space(in);
    if (in->at == in->end || *in->at != ':') {
        return fail_here(in, "no colon after a name");
    }
    in->at++;
    return STRATA_OK;
}

static strata_status fail_repeat(const reader *in, strata_slice text, size_t offset) {
    st_fail(in->error, STRATA_INVALID_ARGUMENT, "an object has the name \"%S\" twice, at byte %u",
            &text, (uint64_t)offset);
    return add_offset(in, offset, STRATA_INVALID_ARGUMENT);
}

/* Refuses an object that has a name twice. */
static strata_status check_names(reader *in, const frame *top) {
    const name *names = names_of(in) + top->first_name;
    in->scratch.len = 0;
    ST_TRY(st_buffer_reserve(&in->scratch, top->count * sizeof(strata_slice)));
    strata_slice *texts = (strata_slice *)(void *)in->scratch.data;
    for (uint32_t i = 0; i < top->count; i++) {
        texts[i] = name_text(in, &names[i]);
    }
    size_t second;
    if (!st_names_repeat(texts, top->count, &second)) {
        return STRATA_OK;
    }
    /* Sorting is not stable: of the names that are equal to it, the second in the text is meant. */
    bool met = false;
    for (uint32_t i = 0; i < top->count; i++) {
        if (st_slice_equal(name_text(in, &names[i]), texts[second])) {
            if (met) {
                return fail_repeat(in, texts[second], names[i].offset);
            }
            met = true;
        }
    }
    return STRATA_INTERNAL;
}

static bool parse_nan(strata_slice text, uint64_t *bits) {
    enum { PREFIX = 4, DIGITS = 16 };
    const char *at = text.data;
    if (text.len != PREFIX + DIGITS || memcmp(at, "nan:", PREFIX) != 0) {
        return false;
    }
    uint64_t v = 0;
    for (size_t i = PREFIX; i < text.len; i++) {
        const char c = at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        v = v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *bits = v;
    return isnan(st_double_of_bits(v));
}

static bool parse_special(strata_slice text, uint64_t *bits) {
    if (st_slice_equal(text, strata_text("nan"))) {
        *bits = ST_JSON_NAN_BITS;
        return true;
    }
    if (st_slice_equal(text, strata_text("inf"))) {
        *bits = st_double_bits((double)INFINITY);
        return true;
    }
    if (st_slice_equal(text, strata_text("-inf"))) {
        *bits = st_double_bits(-(double)INFINITY);
        return true;
    }
    return parse_nan(text, bits);
}

/* {"$bytes": ...} or {"$float": ...}: puts what it means in its place. */
static strata_status close_tagged(reader *in, const frame *top) {
    const name *only = names_of(in) + top->first_name;
    const size_t place = headers_of(in)[top->header].place;
    const bool bytes = ((const char *)in->out->data)[only->place + 1] == 'b';
    const size_t value = only->place + only->len;
    st_cursor cursor = st_cursor_over(st_slice(in->out->data + value, in->out->len - value));
    st_token token;
    uint64_t bits = 0;
    strata_status status = STRATA_INVALID_ARGUMENT;
    in->scratch.len = 0;
    if (st_msgpack_next(&cursor, &token) && token.type == STRATA_STRING) {
        if (bytes) {
            status = st_base64_decode(token.as.bytes, &in->scratch);
        } else {
            status = parse_special(token.as.bytes, &bits) ? STRATA_OK : status;
        }
    }
    if (status == STRATA_INVALID_ARGUMENT) {
        return fail_at(in, top->offset,
                       bytes ? "{\"$bytes\": ...} without padded base64 (the name itself is "
                               "written \"$$bytes\")"
                             : "{\"$float\": ...} without nan, inf or -inf (the name itself is "
                               "written \"$$float\")");
    }
    ST_TRY(status);
    /* The record of this object is the last one: a string made none. */
    in->headers.len = top->header * sizeof(header);
    in->out->len = place;
    return bytes ? st_msgpack_put_bytes(in->out, st_buffer_slice(&in->scratch))
                 : st_msgpack_put_float(in->out, st_double_of_bits(bits));
}

static strata_status close_container(reader *in) {
    const frame *top = &in->frames[--in->depth];
    in->at++;
    headers_of(in)[top->header].count = top->count;
    if (top->object) {
        if (top->count > 1) {
            ST_TRY(check_names(in, top));
        } else if (top->tagged) {
            ST_TRY(close_tagged(in, top));
        }
        in->names.len = top->first_name * sizeof(name);
    }
    return STRATA_OK;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static strata_status read_scalar(reader *in) {
    strata_slice text = {NULL, 0};
    if (in->at == in->end) {
        return fail_here(in, "");
    }
    switch (*in->at) {
    case '"':
        ST_TRY(read_string(in, &text));
        return st_msgpack_put_string(in->out, text);
    case 'n':
        return take_word(in, "null") ? st_msgpack_put_null(in->out)
                                     : fail_here(in, "a word that JSON does not have");
    case 't':
        return take_word(in, "true") ? st_msgpack_put_bool(in->out, true)
                                     : fail_here(in, "a word that JSON does not have");
    case 'f':
        return take_word(in, "false") ? st_msgpack_put_bool(in->out, false)
                                      : fail_here(in, "a word that JSON does not have");
    default:
        if (*in->at == '-' || is_digit(in)) {
            return read_number(in);
        }
        return fail_here(in, "no value");
    }
}

static strata_status count_entry(reader *in) {
    frame *top = &in->frames[in->depth - 1];
    if (top->count == ST_ENTRIES_MAX) {
        st_fail_constraint(in->error, "too_many_entries",
                           "an array or object has more than %u entries", (uint64_t)ST_ENTRIES_MAX);
        return add_offset(in, offset_of(in, in->at), STRATA_CONSTRAINT);
    }
    top->count++;
    return STRATA_OK;
}

/* After a container was opened or a comma read: the name that must come first in an object. */
static strata_status begin_entry(reader *in) {
    skip_space(in);
    ST_TRY(count_entry(in));
    return in->frames[in->depth - 1].object ? read_name(in) : STRATA_OK;
}

static bool at_close(const reader *in) {
    return in->at < in->end && *in->at == (in->frames[in->depth - 1].object ? '}' : ']');
}

/* After a value: closes what ends here and steps over the comma. *done: the whole value is read. */
static strata_status finish_values(reader *in, bool *done) {
    for (;;) {
        skip_space(in);
        if (in->depth == 0) {
            *done = true;
            return in->at == in->end ? STRATA_OK : fail_here(in, "something after the value");
        }
        if (!at_close(in)) {
            break;
        }
        ST_TRY(close_container(in));
    }
    if (in->at == in->end || *in->at != ',') {
        return fail_here(in, "no comma and no end of an array or object");
    }
    in->at++;
    return begin_entry(in);
}

static strata_status read_values(reader *in) {
    for (bool done = false; !done;) {
        skip_space(in);
        const bool object = in->at < in->end && *in->at == '{';
        if (object || (in->at < in->end && *in->at == '[')) {
            ST_TRY(open_container(in, object));
            skip_space(in);
            if (!at_close(in)) {
                ST_TRY(begin_entry(in));
                continue;
            }
        } else {
            ST_TRY(read_scalar(in));
        }
        ST_TRY(finish_values(in, &done));
    }
    return STRATA_OK;
}

/* Gives every container its shortest header, and moves what follows down. */
static void tighten(reader *in) {
    enum { LOOSE = 5 };
    const header *headers = headers_of(in);
    const size_t count = in->headers.len / sizeof(header);
    uint8_t *data = in->out->data;
    size_t to = 0;
    size_t from = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t between = headers[i].place - from;
        memmove(data + to, data + from, between);
        to += between;
        from += between + LOOSE;
        const uint32_t entries = headers[i].count;
        if (entries < 16) {
            data[to++] = (uint8_t)((headers[i].object ? 0x80 : 0x90) | entries);
        } else if (entries <= UINT16_MAX) {
            data[to] = headers[i].object ? 0xde : 0xdc;
            store16_be(data + to + 1, (uint16_t)entries);
            to += 3;
        } else {
            data[to] = headers[i].object ? 0xdf : 0xdd;
            store32_be(data + to + 1, entries);
            to += LOOSE;
        }
    }
    if (from != to) {
        memmove(data + to, data + from, in->out->len - from);
        in->out->len -= from - to;
    }
}

static strata_status read_text(reader *in, strata_slice json) {
    size_t valid_len;
    if (!st_utf8_valid(json, &valid_len)) {
        return fail_at(in, valid_len, "bytes that are not UTF-8");
    }
    ST_TRY(read_values(in));
    tighten(in);
    return STRATA_OK;
}

strata_status strata_json_to_msgpack(strata_slice json, strata_buffer *out, strata_error *error) {
    reader in = {.text = json.data,
                 .at = json.data,
                 .end = json.len == 0 ? json.data : (const uint8_t *)json.data + json.len,
                 .out = out,
                 .headers = {.host = out->host},
                 .names = {.host = out->host},
                 .scratch = {.host = out->host},
                 .error = error};
    out->len = 0;
    const strata_status status = read_text(&in, json);
    strata_buffer_free(&in.headers);
    strata_buffer_free(&in.names);
    strata_buffer_free(&in.scratch);
    if (status != STRATA_OK) {
        out->len = 0;
    }
    return status == STRATA_NO_MEMORY ? st_fail_memory(error) : status;
}
