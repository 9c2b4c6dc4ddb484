/* document_parse.c - JSON text (RFC 8259) to a document, in one pass, without recursion.
 *
 * Invariants:
 * 1. Each byte of the text is looked at once, but for strings that are not ASCII (once more, for their
 *    UTF-8), numbers that are no plain ones (number.c), and names that may come twice
 *    (document_names.c).
 * 2. What is open is a stack of at most ST_DOCUMENT_FRAMES_MAX frames. The header of a container has a
 *    fixed width and is filled in when it closes: nothing moves, but long strings by the width of
 *    their length.
 * 3. `place` is where the reading and the writing are; both stay in registers, so the functions between
 *    two tokens are inline, take one and give one. at == NULL: it failed, and the error is told.
 * 4. Where a token begins there is room for ROOM bytes, more than any token but a string takes before
 *    it asks for more.
 * 5. On failure nothing is appended, and the error has the offset of the byte that was not expected.
 * RFC 8259 leaves open: a byte order mark, NaN, comments, trailing commas, lone surrogates, names that
 * come twice and numbers beyond the range are all refused; -0 is the int 0, -0.0 keeps its sign.
 * Rejected: an index of all tokens first (simdjson). It wants 64 bytes a step to pay, and memory of the
 * size of the text; half of the speed is had without.
 */
#include "base/utf8.h"
#include "format/base64.h"
#include "format/document_bytes.h"
#include "format/document_names.h"
#include "format/json.h"
#include "format/json_scan.h"
#include "format/json_string.h"
#include "format/number.h"

enum { ROOM = 64 };

typedef struct frame {
    size_t header; /* in the document */
    size_t offset; /* of its first byte in the text */
    st_name_set names;
    uint32_t count;
    bool object;
    bool tagged; /* it has a name $bytes or $float */
} frame;

typedef struct reader {
    const uint8_t *text;
    const uint8_t *end;
    uint8_t *document; /* in out, which moves it when it grows */
    uint8_t *to_end;   /* of the room in out */
    strata_buffer *out;
    size_t start; /* of the document in out */
    st_document_limits limits;
    strata_error *error;
    strata_status status;
    size_t depth;
    st_name_stack names;
    frame frames[ST_DOCUMENT_FRAMES_MAX];
} reader;

typedef struct place {
    const uint8_t *at; /* in the text */
    uint8_t *to;       /* in out */
} place;

static const place FAILED = {NULL, NULL};

/* ---- Failing --------------------------------------------------------------------------------- */

static size_t offset_of(const reader *in, const uint8_t *at) {
    return (size_t)(at - in->text);
}

static place fail_status(reader *in, strata_status status) {
    in->status = status == STRATA_NO_MEMORY ? st_fail_memory(in->error) : status;
    return FAILED;
}

/* The error has been made; adds where. */
static place fail_with_offset(reader *in, size_t offset, strata_status status) {
    st_fail_number(in->error, "offset", (int64_t)offset);
    in->status = status;
    return FAILED;
}

static place fail_at(reader *in, size_t offset, const char *what) {
    st_fail(in->error, STRATA_INVALID_ARGUMENT, "not JSON: %s at byte %u", what, (uint64_t)offset);
    return fail_with_offset(in, offset, STRATA_INVALID_ARGUMENT);
}

static place fail_here(reader *in, const uint8_t *at, const char *what) {
    return fail_at(in, offset_of(in, at), at == in->end ? "the text ends early" : what);
}

/* ---- Room ------------------------------------------------------------------------------------ */

static void found_room(reader *in) {
    in->document = in->out->data + in->start;
    in->to_end = in->out->data + in->out->cap;
}

/* Bytes are longer while they are base64: only the end tells whether the document is too long. */
static place grow(reader *in, place p, size_t more) {
    const size_t len = (size_t)(p.to - in->out->data);
    if (len - in->start > in->limits.bytes_max / 3 * 4 + ROOM) {
        return fail_with_offset(in, offset_of(in, p.at),
                                st_document_fail_size(in->error, in->limits.bytes_max));
    }
    in->out->len = len;
    const strata_status status = st_buffer_reserve(in->out, more);
    if (status != STRATA_OK) {
        return fail_status(in, status);
    }
    found_room(in);
    p.to = in->out->data + len;
    return p;
}

static inline place need(reader *in, place p, size_t more) {
    return ST_LIKELY((size_t)(in->to_end - p.to) >= more) ? p : grow(in, p, more);
}

/* ---- Strings --------------------------------------------------------------------------------- */

/* Copies plain bytes up to where they stop; *wide: some were not ASCII. */
static place copy_plain(reader *in, place p, bool *wide) {
    unsigned seen = 0;
    while (in->end - p.at >= ST_SCAN_STEP) {
        p = need(in, p, ROOM);
        if (p.at == NULL) {
            return p;
        }
        const st_scan_stops stops = st_scan_string(p.at, p.to);
        if (stops.stop != 0) {
            const unsigned len = (unsigned)__builtin_ctz(stops.stop);
            *wide = *wide || ((seen | (stops.wide & ((1u << len) - 1))) != 0);
            return (place){p.at + len, p.to + len};
        }
        seen |= stops.wide;
        p = (place){p.at + ST_SCAN_STEP, p.to + ST_SCAN_STEP};
    }
    p = need(in, p, ROOM);
    while (p.at != NULL && p.at < in->end && *p.at >= 0x20 && *p.at != '"' && *p.at != '\\') {
        seen |= *p.at & 0x80u;
        *p.to++ = *p.at++;
    }
    *wide = *wide || seen != 0;
    return p;
}

static place check_utf8(reader *in, const uint8_t *start, place p) {
    size_t valid_len;
    const strata_slice text = st_slice(start, (size_t)(p.at - start));
    return st_utf8_valid(text, &valid_len)
               ? p
               : fail_at(in, offset_of(in, start) + valid_len, "bytes that are not UTF-8");
}

/* Puts the length before the string that was written with one byte left for it, at `head`. */
static place put_length(reader *in, place p, size_t head) {
    const size_t len = (size_t)(p.to - in->document) - head - 1;
    uint8_t *at = in->document + head;
    if (len < 0x80) {
        *at = (uint8_t)len;
        return p;
    }
    uint8_t bytes[ST_VARINT_BYTES_MAX];
    const size_t width = (size_t)(st_varint_put(bytes, len) - bytes);
    p = need(in, p, ROOM);
    if (p.at != NULL) {
        at = in->document + head;
        memmove(at + width, at + 1, len);
        memcpy(at, bytes, width);
        p.to += width - 1;
    }
    return p;
}

/* At the first byte after the quote, where the string goes on from; p.to: one byte for the length. */
static place read_long_string(reader *in, place p) {
    const uint8_t *start = p.at;
    const size_t head = (size_t)(p.to - in->document);
    bool wide = false;
    p.to++;
    for (;;) {
        p = copy_plain(in, p, &wide);
        if (p.at == NULL) {
            return p;
        }
        if (p.at == in->end || *p.at != '\\') {
            break;
        }
        const char *wrong = st_json_escape(&p.at, in->end, &p.to);
        if (wrong != NULL) {
            return fail_here(in, p.at, wrong);
        }
    }
    if (wide) {
        const place checked = check_utf8(in, start, p);
        if (checked.at == NULL) {
            return checked;
        }
    }
    if (p.at == in->end || *p.at != '"') {
        return fail_here(in, p.at, "a control character in a string");
    }
    p.at++;
    return put_length(in, p, head);
}

/* At the opening quote; p.to: one byte for the length, then the string. There is ROOM. */
static inline place read_string(reader *in, place p) {
    p.at++;
    if (ST_LIKELY(in->end - p.at >= ST_SCAN_STEP)) {
        const st_scan_stops stops = st_scan_string(p.at, p.to + 1);
        if (ST_LIKELY(stops.stop != 0)) {
            const unsigned len = (unsigned)__builtin_ctz(stops.stop);
            if (ST_LIKELY(p.at[len] == '"' && (stops.wide & ((1u << len) - 1)) == 0)) {
                *p.to = (uint8_t)len;
                return (place){p.at + len + 1, p.to + 1 + len};
            }
        }
    }
    return read_long_string(in, p);
}

/* ---- Numbers and words ----------------------------------------------------------------------- */

/* The varints of up to four bytes are written at once: their length is not to be predicted. */
static inline place put_int(place p, const uint8_t *end, int64_t integer) {
    const uint64_t v = st_zigzag(integer);
    *p.to = ST_TAG_INT;
    if (ST_UNLIKELY(v >> 28 != 0)) {
        return (place){end, st_varint_put(p.to + 1, v)};
    }
    const uint32_t n = (uint32_t)v;
    const unsigned width = (38 - (unsigned)__builtin_clz(n | 1)) / 7;
    const uint32_t spread =
        (n & 0x7f) | (n & 0x3f80) << 1 | (n & 0x1fc000) << 2 | (n & 0xfe00000) << 3;
    const uint32_t more = 0x80808080u & (((uint32_t)1 << (8 * (width - 1))) - 1);
    store32_le(p.to + 1, spread | more);
    return (place){end, p.to + 1 + width};
}

static place put_float(place p, const uint8_t *end, uint64_t bits) {
    *p.to = ST_TAG_FLOAT;
    store64_le(p.to + 1, bits);
    return (place){end, p.to + 9};
}

/* How many digits of a number say something: from the first that is no zero to the point's last. */
static size_t significant(const uint8_t *at, const uint8_t *end, size_t count) {
    for (; at < end && (*at == '0' || *at == '.' || *at == '-'); at++) {
        count -= *at == '0';
    }
    return count;
}

/* Reads what may follow the digits of a float: its power of ten, and where it ends. NULL: told. */
static const uint8_t *read_exponent(reader *in, const uint8_t *at, int64_t *power) {
    /* Beyond every double, and not to be made up for by a text of less than a petabyte of digits. */
    static const uint64_t clamp = (uint64_t)1 << 50;
    at++;
    const bool minus = at < in->end && *at == '-';
    at += at < in->end && (*at == '-' || *at == '+');
    const uint8_t *digits = at;
    uint64_t value = 0;
    while (at < in->end && (uint8_t)(*at - '0') < 10) {
        value = value < clamp ? value * 10 + (uint8_t)(*at - '0') : value;
        at++;
    }
    if (at == digits) {
        (void)fail_here(in, at, "no digit");
        return NULL;
    }
    *power += minus ? -(int64_t)value : (int64_t)value;
    return at;
}

/* A number with a point or an exponent; `at` is there. digits: those before it, as a number. */
static place read_float(reader *in, place p, const uint8_t *at, uint64_t digits) {
    enum { DIGITS_MAX = 19 }; /* what 64 bits hold */
    const bool negative = *p.at == '-';
    size_t count = (size_t)(at - p.at) - negative;
    int64_t power = 0;
    if (*at == '.') {
        const uint8_t *point = at++;
        at = st_scan_digits(at, in->end, &digits);
        if (at == point + 1) {
            return fail_here(in, at, "no digit");
        }
        power = -(int64_t)(at - point - 1);
        count += (size_t)(at - point - 1);
    }
    if (at < in->end && (*at == 'e' || *at == 'E')) {
        at = read_exponent(in, at, &power);
        if (at == NULL) {
            return FAILED;
        }
    }
    double real;
    if (ST_UNLIKELY(count > DIGITS_MAX)) {
        count = significant(p.at, at, count);
    }
    if (ST_LIKELY(count <= DIGITS_MAX && st_number_scale(digits, power, &real))) {
        return put_float(p, at, st_double_bits(negative ? -real : real));
    }
    if (!st_number_parse(st_slice(p.at, (size_t)(at - p.at)), &real)) {
        return fail_at(in, offset_of(in, p.at), "a number beyond the greatest float");
    }
    return put_float(p, at, st_double_bits(real));
}

static inline place read_number(reader *in, place p) {
    enum { SURE = 18, DIGITS_MAX = 19 }; /* digits that an int surely, and at most, has */
    const bool negative = *p.at == '-';
    const uint8_t *start = p.at + negative;
    uint64_t number = 0;
    const uint8_t *at = st_scan_digits(start, in->end, &number);
    const size_t count = (size_t)(at - start);
    if (ST_UNLIKELY(count == 0 || (*start == '0' && count > 1))) {
        return count == 0 ? fail_here(in, at, "no digit")
                          : fail_here(in, start + 1, "something after a zero");
    }
    if (at < in->end && (*at == '.' || *at == 'e' || *at == 'E')) {
        return read_float(in, p, at, number);
    }
    if (ST_UNLIKELY(count > SURE &&
                    (count > DIGITS_MAX || number > (uint64_t)INT64_MAX + negative))) {
        return fail_at(in, offset_of(in, p.at),
                       "an int beyond 64 signed bits (a float needs a point)");
    }
    return put_int(p, at, negative ? (int64_t)(0 - number) : (int64_t)number);
}

static inline place read_word(reader *in, place p, const char *word, size_t len, uint8_t tag) {
    if ((size_t)(in->end - p.at) < len || memcmp(p.at, word, len) != 0) {
        return fail_here(in, p.at, "a word that JSON does not have");
    }
    *p.to = tag;
    return (place){p.at + len, p.to + 1};
}

/* ---- What JSON lacks ------------------------------------------------------------------------- */

/* {"$bytes": ...} or {"$float": ...}, just read whole: puts what it means in its place. */
static place close_tagged(reader *in, place p, const frame *top) {
    uint8_t *header = in->document + top->header;
    const uint8_t *name = header + ST_HEADER_BYTES + 1;
    const bool is_bytes = name[1] == 'b';
    const uint8_t *value = name + 6; /* after $bytes or $float */
    const place to = {p.at, header};
    st_node node;
    uint64_t bits;
    in->names.table.len = 0;
    if (st_node_read(st_slice(value, (size_t)(p.to - value)), &node) &&
        node.type == STRATA_STRING) {
        if (!is_bytes) {
            if (st_json_special(node.as.bytes, &bits)) {
                return put_float(to, p.at, bits);
            }
        } else {
            const strata_status status = st_base64_decode(node.as.bytes, &in->names.table);
            if (status == STRATA_OK) {
                const strata_slice bytes = st_buffer_slice(&in->names.table);
                *header = ST_TAG_BYTES;
                uint8_t *data = st_varint_put(header + 1, bytes.len);
                if (bytes.len != 0) {
                    memcpy(data, bytes.data, bytes.len);
                }
                return (place){p.at, data + bytes.len};
            }
            if (status != STRATA_INVALID_ARGUMENT) {
                return fail_status(in, status);
            }
        }
    }
    return fail_at(in, top->offset,
                   is_bytes ? "{\"$bytes\": ...} without padded base64 (the name itself is "
                              "written \"$$bytes\")"
                            : "{\"$float\": ...} without nan, inf or -inf (the name itself is "
                              "written \"$$float\")");
}

/* A name that begins with "$" was written at `head`: is it one of those? */
static place take_tag(frame *top, place p, uint8_t *head) {
    uint8_t length[ST_VARINT_BYTES_MAX];
    const uint8_t *text = head + 1;
    while (text[-1] >= 0x80) {
        text++;
    }
    const size_t len = (size_t)(p.to - text);
    const size_t dollars = st_json_tag(st_slice(text, len));
    if (dollars == 1) {
        top->tagged = true;
    } else if (dollars > 1) {
        const size_t width = (size_t)(st_varint_put(length, len - 1) - length);
        memmove(head + width, text + 1, len - 1);
        memcpy(head, length, width);
        p.to = head + width + len - 1;
    }
    return p;
}

/* ---- Containers ------------------------------------------------------------------------------ */

static place fail_repeat(reader *in, const uint8_t *name, size_t offset) {
    st_cursor cursor = {name, in->out->data + in->out->cap};
    strata_slice text = {NULL, 0};
    (void)st_cursor_sized(&cursor, &text);
    st_fail(in->error, STRATA_INVALID_ARGUMENT, "an object has the name \"%S\" twice, at byte %u",
            &text, (uint64_t)offset);
    return fail_with_offset(in, offset, STRATA_INVALID_ARGUMENT);
}

/* At a name's quote; ends behind its colon, with room for the value. */
static inline place read_name(reader *in, place p, frame *top) {
    const size_t offset = offset_of(in, p.at);
    if (ST_UNLIKELY(p.at == in->end || *p.at != '"')) {
        return fail_here(in, p.at, "no name in quotes");
    }
    const size_t name = (size_t)(p.to - in->document);
    p = read_string(in, p);
    if (ST_UNLIKELY(p.at == NULL)) {
        return p;
    }
    p = need(in, p, ROOM);
    if (ST_UNLIKELY(p.at == NULL)) {
        return p;
    }
    uint8_t *head = in->document + name;
    if (ST_UNLIKELY(in->text[offset + 1] == '$' || in->text[offset + 1] == '\\')) {
        p = take_tag(top, p, head);
    }
    const uint8_t *text = head + 1;
    while (ST_UNLIKELY(text[-1] >= 0x80)) {
        text++;
    }
    bool repeated;
    const st_name_entry entry = {name, offset, st_name_mark(text, (size_t)(p.to - text))};
    const strata_status status =
        st_name_add(&in->names, &top->names, in->document, entry, &repeated);
    if (ST_UNLIKELY(status != STRATA_OK)) {
        return fail_status(in, status);
    }
    if (ST_UNLIKELY(repeated)) {
        return fail_repeat(in, head, offset);
    }
    p.at = st_scan_skip_space(p.at, in->end);
    if (ST_UNLIKELY(p.at == in->end || *p.at != ':')) {
        return fail_here(in, p.at, "no colon after a name");
    }
    p.at++;
    return p;
}

/* After a container was opened or a comma read: the name that must come first in an object. */
static inline place begin_entry(reader *in, place p, frame *top) {
    p.at = st_scan_skip_space(p.at, in->end);
    if (ST_UNLIKELY(top->count == in->limits.entries_max)) {
        return fail_with_offset(in, offset_of(in, p.at),
                                st_document_fail_entries(in->error, in->limits.entries_max));
    }
    top->count++;
    return top->object ? read_name(in, p, top) : p;
}

static inline place open_container(reader *in, place p, bool object) {
    const size_t offset = offset_of(in, p.at);
    if (ST_UNLIKELY(in->depth == in->limits.depth_max)) {
        return fail_with_offset(in, offset,
                                st_document_fail_depth(in->error, in->limits.depth_max));
    }
    in->frames[in->depth++] = (frame){.header = (size_t)(p.to - in->document),
                                      .offset = offset,
                                      .names = st_name_set_init(&in->names),
                                      .object = object};
    *p.to = object ? ST_TAG_OBJECT : ST_TAG_ARRAY;
    return (place){p.at + 1, p.to + ST_HEADER_BYTES};
}

/* At the bracket. */
static inline place close_container(reader *in, place p) {
    const frame *top = &in->frames[--in->depth];
    uint8_t *header = in->document + top->header;
    const size_t size = (size_t)(p.to - header) - ST_HEADER_BYTES;
    p.at++;
    store32_le(header + ST_HEADER_SIZE, (uint32_t)size);
    store32_le(header + ST_HEADER_COUNT, top->count);
    if (top->object) {
        const st_name_entry *repeated;
        const strata_status status =
            st_name_set_close(&in->names, &top->names, in->document, &repeated);
        if (ST_UNLIKELY(status != STRATA_OK)) {
            return fail_status(in, status);
        }
        if (ST_UNLIKELY(repeated != NULL)) {
            return fail_repeat(in, in->document + repeated->place, repeated->offset);
        }
        if (ST_UNLIKELY(top->tagged && top->count == 1)) {
            return close_tagged(in, p, top);
        }
    }
    return p;
}

static inline bool at_close(const reader *in, const uint8_t *at) {
    return at < in->end && *at == (in->frames[in->depth - 1].object ? '}' : ']');
}

/* ---- Values ---------------------------------------------------------------------------------- */

static inline place read_scalar(reader *in, place p) {
    switch (*p.at) {
    case '"':
        *p.to++ = ST_TAG_STRING;
        return read_string(in, p);
    case 'n':
        return read_word(in, p, "null", 4, ST_TAG_NULL);
    case 't':
        return read_word(in, p, "true", 4, ST_TAG_TRUE);
    case 'f':
        return read_word(in, p, "false", 5, ST_TAG_FALSE);
    default:
        return *p.at == '-' || (uint8_t)(*p.at - '0') < 10 ? read_number(in, p)
                                                           : fail_here(in, p.at, "no value");
    }
}

/* After a value: closes what ends here and steps over the comma, to the next value. *done: the whole
 * text is read. */
static inline place finish_values(reader *in, place p, bool *done) {
    for (;;) {
        p.at = st_scan_skip_space(p.at, in->end);
        if (in->depth == 0) {
            *done = true;
            return p.at == in->end ? p : fail_here(in, p.at, "something after the value");
        }
        if (p.at < in->end && *p.at == ',') {
            p.at++;
            return begin_entry(in, p, &in->frames[in->depth - 1]);
        }
        if (!at_close(in, p.at)) {
            return fail_here(in, p.at, "no comma and no end of an array or object");
        }
        p = close_container(in, p);
        if (ST_UNLIKELY(p.at == NULL)) {
            return p;
        }
    }
}

static place read_values(reader *in, place p) {
    for (bool done = false; !done && p.at != NULL;) {
        p.at = st_scan_skip_space(p.at, in->end);
        p = need(in, p, ROOM);
        if (p.at == NULL) {
            break;
        }
        if (p.at == in->end) {
            return fail_here(in, p.at, "");
        }
        if (*p.at == '{' || *p.at == '[') {
            p = open_container(in, p, *p.at == '{');
            if (p.at == NULL) {
                break;
            }
            p.at = st_scan_skip_space(p.at, in->end);
            if (!at_close(in, p.at)) {
                p = begin_entry(in, p, &in->frames[in->depth - 1]);
                continue;
            }
        } else {
            p = read_scalar(in, p);
            if (p.at == NULL) {
                break;
            }
        }
        p = finish_values(in, p, &done);
    }
    return p;
}

static strata_status read_text(reader *in) {
    const size_t guess = (size_t)(in->end - in->text);
    const strata_status status =
        st_buffer_reserve(in->out, st_min(guess, in->limits.bytes_max) + 2 * (size_t)ROOM);
    if (status != STRATA_OK) {
        return st_fail_memory(in->error);
    }
    found_room(in);
    const place p = read_values(in, (place){in->text, in->document});
    if (p.at == NULL) {
        return in->status;
    }
    in->out->len = (size_t)(p.to - in->out->data);
    if (in->out->len - in->start > in->limits.bytes_max) {
        (void)fail_with_offset(in, offset_of(in, p.at),
                               st_document_fail_size(in->error, in->limits.bytes_max));
        return in->status;
    }
    return STRATA_OK;
}

strata_status st_document_parse(strata_slice json, const st_document_limits *limits,
                                strata_buffer *out, strata_error *error) {
    const uint8_t *text = json.len == 0 ? (const uint8_t *)"" : json.data;
    reader in;
    ST_ASSERT(limits->depth_max <= ST_DOCUMENT_FRAMES_MAX && limits->bytes_max <= UINT32_MAX / 2);
    in.text = text;
    in.end = text + json.len;
    in.out = out;
    in.start = out->len;
    in.limits = *limits;
    in.error = error;
    in.status = STRATA_INTERNAL;
    in.depth = 0;
    in.names = (st_name_stack){{.host = out->host}, {.host = out->host}};
    const strata_status status = read_text(&in);
    st_name_stack_free(&in.names);
    if (status != STRATA_OK) {
        out->len = in.start;
    }
    return status;
}
