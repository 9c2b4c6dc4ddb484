/* json_write.c - MessagePack to JSON text, without recursion.
 *
 * Invariants:
 * 1. Whatever is written reads back (json_read.c) as the same value, bit for bit.
 * 2. Nothing of the input is trusted: the reader of tokens bounds every length, names must be
 *    strings, strings UTF-8, and nothing may follow the value.
 * 3. On failure *out is empty, and the error has the offset of the token in the MessagePack.
 * The text is compact, or indented by two spaces. Only what JSON demands is escaped.
 */
#include "base/memory.h"
#include "base/utf8.h"
#include "format/base64.h"
#include "format/json.h"
#include "format/msgpack.h"
#include "format/number.h"

typedef struct frame {
    uint32_t left; /* entries still to come */
    bool object;
} frame;

typedef struct writer {
    const uint8_t *start;
    st_cursor in;
    strata_buffer *out;
    strata_error *error;
    bool pretty;
    size_t depth;
    frame frames[ST_JSON_NESTING_MAX];
} writer;

static strata_status fail_at(const writer *to, const uint8_t *at, const char *what) {
    const size_t offset = (size_t)(at - to->start);
    st_fail(to->error, STRATA_INVALID_ARGUMENT, "no JSON can be made of it: %s at byte %u", what,
            (uint64_t)offset);
    st_fail_number(to->error, "offset", (int64_t)offset);
    return STRATA_INVALID_ARGUMENT;
}

static strata_status put(writer *to, const char *text) {
    return st_buffer_append(to->out, text, strlen(text));
}

static strata_status put_line(writer *to) {
    if (!to->pretty) {
        return STRATA_OK;
    }
    ST_TRY(st_buffer_reserve(to->out, 1 + 2 * to->depth));
    uint8_t *at = to->out->data + to->out->len;
    *at = '\n';
    memset(at + 1, ' ', 2 * to->depth);
    to->out->len += 1 + 2 * to->depth;
    return STRATA_OK;
}

/* ---- Strings --------------------------------------------------------------------------------- */

static strata_status put_escape(writer *to, uint8_t c) {
    static const char hex[] = "0123456789abcdef";
    char text[] = "\\u0000";
    size_t len = 2;
    switch (c) {
    case '"':
    case '\\':
        text[1] = (char)c;
        break;
    case '\b':
        text[1] = 'b';
        break;
    case '\f':
        text[1] = 'f';
        break;
    case '\n':
        text[1] = 'n';
        break;
    case '\r':
        text[1] = 'r';
        break;
    case '\t':
        text[1] = 't';
        break;
    default:
        text[4] = hex[c >> 4];
        text[5] = hex[c & 15];
        len = 6;
    }
    return st_buffer_append(to->out, text, len);
}

/* The inside of a string. */
static strata_status put_text(writer *to, strata_slice text) {
    const uint8_t *at = text.data;
    const uint8_t *plain = at;
    for (size_t left = text.len; left > 0; left--, at++) {
        if (*at < 0x20 || *at == '"' || *at == '\\') {
            ST_TRY(st_buffer_append(to->out, plain, (size_t)(at - plain)));
            ST_TRY(put_escape(to, *at));
            plain = at + 1;
        }
    }
    return st_buffer_append(to->out, plain, (size_t)(at - plain));
}

static strata_status put_string(writer *to, strata_slice text, const uint8_t *token_at) {
    if (!st_utf8_valid(text, NULL)) {
        return fail_at(to, token_at, "a string that is not UTF-8");
    }
    ST_TRY(put(to, "\""));
    ST_TRY(put_text(to, text));
    return put(to, "\"");
}

/* ---- Scalars --------------------------------------------------------------------------------- */

static strata_status put_integer(writer *to, int64_t integer) {
    char text[24];
    return st_buffer_append(to->out, text, st_format(text, sizeof text, "%d", integer));
}

static strata_status put_nan(writer *to, uint64_t bits) {
    if (bits == ST_JSON_NAN_BITS) {
        return put(to, "nan");
    }
    char text[] = "nan:0000000000000000";
    for (size_t i = sizeof text - 2; bits != 0; i--, bits >>= 4) {
        text[i] = "0123456789abcdef"[bits & 15];
    }
    return put(to, text);
}

static strata_status put_float(writer *to, double real) {
    if (isfinite(real)) {
        char text[ST_NUMBER_TEXT_MAX];
        return st_buffer_append(to->out, text, st_number_print(real, text));
    }
    ST_TRY(put(to, to->pretty ? "{\"$float\": \"" : "{\"$float\":\""));
    ST_TRY(isnan(real) ? put_nan(to, st_double_bits(real)) : put(to, real > 0 ? "inf" : "-inf"));
    return put(to, "\"}");
}

static strata_status put_bytes(writer *to, strata_slice bytes) {
    ST_TRY(put(to, to->pretty ? "{\"$bytes\": \"" : "{\"$bytes\":\""));
    ST_TRY(st_base64_encode(bytes, to->out));
    return put(to, "\"}");
}

/* ---- Containers ------------------------------------------------------------------------------ */

static strata_status next_token(writer *to, st_token *token) {
    const uint8_t *at = to->in.at;
    return st_msgpack_next(&to->in, token) ? STRATA_OK : fail_at(to, at, "malformed MessagePack");
}

static strata_status put_name(writer *to) {
    const uint8_t *at = to->in.at;
    st_token token;
    ST_TRY(next_token(to, &token));
    if (token.type != STRATA_STRING) {
        return fail_at(to, at, "a name that is not a string");
    }
    if (!st_utf8_valid(token.as.bytes, NULL)) {
        return fail_at(to, at, "a name that is not UTF-8");
    }
    ST_TRY(put(to, st_json_tag(token.as.bytes) > 0 ? "\"$" : "\""));
    ST_TRY(put_text(to, token.as.bytes));
    return put(to, to->pretty ? "\": " : "\":");
}

static strata_status open_container(writer *to, const st_token *token, const uint8_t *token_at) {
    const bool object = token->type == STRATA_OBJECT;
    if (token->as.count == 0) {
        return put(to, object ? "{}" : "[]");
    }
    if (to->depth == ST_JSON_NESTING_MAX) {
        st_fail_constraint(to->error, "nesting_too_deep",
                           "the value is nested deeper than %u levels",
                           (uint64_t)ST_JSON_NESTING_MAX);
        st_fail_number(to->error, "offset", (int64_t)(token_at - to->start));
        return STRATA_CONSTRAINT;
    }
    to->frames[to->depth++] = (frame){token->as.count, object};
    ST_TRY(put(to, object ? "{" : "["));
    ST_TRY(put_line(to));
    return object ? put_name(to) : STRATA_OK;
}

/* One token; *opened: it was a container, and the next token is its first value. */
static strata_status put_token(writer *to, bool *opened) {
    const uint8_t *at = to->in.at;
    st_token token;
    ST_TRY(next_token(to, &token));
    *opened = false;
    switch (token.type) {
    case STRATA_NULL:
        return put(to, "null");
    case STRATA_BOOL:
        return put(to, token.as.boolean ? "true" : "false");
    case STRATA_INT:
        return put_integer(to, token.as.integer);
    case STRATA_FLOAT:
        return put_float(to, token.as.real);
    case STRATA_STRING:
        return put_string(to, token.as.bytes, at);
    case STRATA_BYTES:
        return put_bytes(to, token.as.bytes);
    case STRATA_ARRAY:
    case STRATA_OBJECT:
        *opened = token.as.count != 0;
        return open_container(to, &token, at);
    }
    return STRATA_INTERNAL;
}

/* After a value: closes what ends with it, or goes on to the next entry. */
static strata_status finish_entry(writer *to) {
    while (to->depth > 0) {
        frame *top = &to->frames[to->depth - 1];
        if (--top->left > 0) {
            ST_TRY(put(to, ","));
            ST_TRY(put_line(to));
            return top->object ? put_name(to) : STRATA_OK;
        }
        to->depth--;
        ST_TRY(put_line(to));
        ST_TRY(put(to, top->object ? "}" : "]"));
    }
    return STRATA_OK;
}

static strata_status put_values(writer *to) {
    do {
        bool opened;
        ST_TRY(put_token(to, &opened));
        if (!opened) {
            ST_TRY(finish_entry(to));
        }
    } while (to->depth > 0);
    return to->in.at == to->in.end ? STRATA_OK : fail_at(to, to->in.at, "bytes after the value");
}

strata_status strata_msgpack_to_json(strata_slice msgpack, bool pretty, strata_buffer *out,
                                     strata_error *error) {
    writer to = {.start = msgpack.data,
                 .in = st_cursor_over(msgpack),
                 .out = out,
                 .error = error,
                 .pretty = pretty};
    out->len = 0;
    const strata_status status = put_values(&to);
    if (status != STRATA_OK) {
        out->len = 0;
    }
    return status == STRATA_NO_MEMORY ? st_fail_memory(error) : status;
}
