/* mutate.c - changing MessagePack by its tokens.
 *
 * The values are read into a flat list: a container is a token with the number of its entries, and
 * the entries follow. A part of the list that is one value is found by counting, as
 * st_msgpack_skip does it, so nothing recurses. After the changes the list is written out again,
 * each token in its shortest form.
 */
#include "mutate.h"

#include "format/msgpack.h"

enum { TOKENS_MAX = 4096, TEXT_MAX = 4096 };

static st_token tokens[TOKENS_MAX];
static size_t token_count;
static uint64_t chance;

static uint64_t below(uint64_t limit) {
    uint64_t z = chance += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % limit;
}

/* ---- The list -------------------------------------------------------------------------------- */

static uint64_t entries_of(const st_token *token) {
    return token->type == STRATA_ARRAY    ? token->as.count
           : token->type == STRATA_OBJECT ? (uint64_t)token->as.count * 2
                                          : 0;
}

/* The token after the value at `at`; token_count when it is not whole. */
static size_t end_of(size_t at) {
    uint64_t left = 1;
    while (left > 0 && at < token_count) {
        left += entries_of(&tokens[at++]) - 1;
    }
    return at;
}

static bool read_tokens(const uint8_t *data, size_t size) {
    st_cursor cursor = st_cursor_over(st_slice(data, size));
    token_count = 0;
    while (st_cursor_left(&cursor) > 0 && token_count < TOKENS_MAX) {
        if (!st_msgpack_next(&cursor, &tokens[token_count])) {
            return token_count > 0;
        }
        token_count++;
    }
    return token_count > 0;
}

static strata_status write_token(const st_token *token, strata_buffer *out) {
    switch (token->type) {
    case STRATA_NULL:
        return st_msgpack_put_null(out);
    case STRATA_BOOL:
        return st_msgpack_put_bool(out, token->as.boolean);
    case STRATA_INT:
        return st_msgpack_put_int(out, token->as.integer);
    case STRATA_FLOAT:
        return st_msgpack_put_float(out, token->as.real);
    case STRATA_STRING:
        return st_msgpack_put_string(out, token->as.bytes);
    case STRATA_BYTES:
        return st_msgpack_put_bytes(out, token->as.bytes);
    case STRATA_ARRAY:
        return st_msgpack_put_array(out, token->as.count);
    case STRATA_OBJECT:
        return st_msgpack_put_object(out, token->as.count);
    }
    return STRATA_INTERNAL;
}

static size_t write_tokens(uint8_t *data, size_t max_size) {
    strata_buffer out = fuzz_buffer();
    for (size_t i = 0; i < token_count && out.len < max_size; i++) {
        CHECK(write_token(&tokens[i], &out) == STRATA_OK, "a token is not written");
    }
    const size_t len = out.len < max_size ? out.len : max_size;
    if (len > 0) {
        memcpy(data, out.data, len);
    }
    strata_buffer_free(&out);
    return len;
}

/* ---- Changes --------------------------------------------------------------------------------- */

static int64_t nasty_int(void) {
    static const int64_t numbers[] = {
        0,          1,         -1,        2,       3,          10,       100,       255,
        256,        1000,      1001,      -33,     65535,      65536,    INT32_MAX, INT32_MIN,
        UINT32_MAX, INT64_MAX, INT64_MIN, 1 << 20, 1000000001, 1LL << 53};
    return numbers[below(sizeof numbers / sizeof numbers[0])];
}

static void mutate_text(st_token *token) {
    static uint8_t texts[8][TEXT_MAX];
    static unsigned next;
    uint8_t *text = texts[next++ % 8];
    const size_t len = token->as.bytes.len < TEXT_MAX ? token->as.bytes.len : TEXT_MAX;
    if (len > 0) {
        memcpy(text, token->as.bytes.data, len);
    }
    token->as.bytes = st_slice(text, LLVMFuzzerMutate(text, len, TEXT_MAX));
}

static void set_type(st_token *token) {
    static const char *const texts[] = {"",         "a",    "default", "_strata/",
                                        "\xc3\xa9", "\xff", "$bytes"};
    token->type = (strata_type)below(STRATA_ARRAY);
    switch (token->type) {
    case STRATA_BOOL:
        token->as.boolean = below(2) == 0;
        break;
    case STRATA_FLOAT:
        token->as.real = below(2) == 0 ? (double)nasty_int() : 0.5;
        break;
    case STRATA_STRING:
    case STRATA_BYTES:
        token->as.bytes = strata_text(texts[below(sizeof texts / sizeof texts[0])]);
        break;
    default:
        token->as.integer = nasty_int();
    }
}

static void change_scalar(size_t at) {
    st_token *token = &tokens[at];
    switch (token->type) {
    case STRATA_INT:
        token->as.integer =
            below(2) == 0 ? nasty_int() : (int64_t)((uint64_t)token->as.integer + below(5) - 2);
        break;
    case STRATA_STRING:
    case STRATA_BYTES:
        mutate_text(token);
        break;
    case STRATA_ARRAY:
    case STRATA_OBJECT:
        token->as.count += below(2) == 0 ? 1u : UINT32_MAX; /* one more, or one less */
        break;
    default:
        set_type(token);
    }
}

/* Puts a copy of the tokens [from, end) in the place of [at, at_end). */
static void replace(size_t at, size_t at_end, size_t from, size_t end) {
    static st_token copy[TOKENS_MAX];
    const size_t len = end - from;
    if (token_count - (at_end - at) + len > TOKENS_MAX) {
        return;
    }
    memcpy(copy, tokens + from, len * sizeof copy[0]);
    memmove(tokens + at + len, tokens + at_end, (token_count - at_end) * sizeof copy[0]);
    memcpy(tokens + at, copy, len * sizeof copy[0]);
    token_count = token_count - (at_end - at) + len;
}

/* The container that the token is an entry of; token_count when there is none. */
static size_t parent_of(size_t at) {
    for (size_t i = at; i-- > 0;) {
        if (entries_of(&tokens[i]) > 0 && end_of(i) > at) {
            return i;
        }
    }
    return token_count;
}

/* Doubles or drops an entry, together with its name. */
static void change_count(size_t at) {
    const size_t parent = parent_of(at);
    if (parent == token_count) {
        replace(at, at, at, end_of(at)); /* a value of the row */
        return;
    }
    size_t first = parent + 1;
    const bool object = tokens[parent].type == STRATA_OBJECT;
    size_t end = object ? end_of(end_of(first)) : end_of(first);
    while (end <= at && end < token_count) {
        first = end;
        end = object ? end_of(end_of(first)) : end_of(first);
    }
    if (below(2) == 0) {
        tokens[parent].as.count++;
        replace(first, first, first, end);
    } else {
        tokens[parent].as.count--;
        replace(first, end, 0, 0);
    }
}

static void wrap(size_t at) {
    const st_token array = {STRATA_ARRAY, {.count = 1}};
    if (token_count < TOKENS_MAX) {
        memmove(tokens + at + 1, tokens + at, (token_count - at) * sizeof tokens[0]);
        tokens[at] = array;
        token_count++;
    }
}

static void change(void) {
    const size_t at = (size_t)below(token_count);
    const size_t other = (size_t)below(token_count);
    switch (below(8)) {
    case 0:
    case 1:
    case 2:
        change_scalar(at);
        break;
    case 3:
        if (entries_of(&tokens[at]) == 0) {
            set_type(&tokens[at]);
        }
        break;
    case 4:
        replace(at, end_of(at), other, end_of(other));
        break;
    case 5:
    case 6:
        change_count(at);
        break;
    default:
        wrap(at);
    }
}

size_t fuzz_mutate_msgpack(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    chance = seed;
    if (below(4) == 0 || !read_tokens(data, size)) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    /* Tokens borrow from data, which is written at the end: they are written to a buffer first. */
    fuzz_begin(SIZE_MAX);
    for (uint64_t left = 1 + below(3); left > 0 && token_count > 0; left--) {
        change();
    }
    return write_tokens(data, max_size);
}
