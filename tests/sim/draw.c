/* draw.c - what operations are made of, drawn by chance: few keys, so that they meet; mostly small
 * values, a few larger than everything around them; now and then something that is refused.
 */
#include "base/limits.h"
#include "op.h"

uint64_t pick(maker *mk, uint64_t below) {
    return test_random_below(mk->chance, below);
}

bool one_in(maker *mk, uint64_t n) {
    return pick(mk, n) == 0;
}

strata_slice pick_text(maker *mk, const char *format, ...) {
    char text[512];
    va_list list;
    va_start(list, format);
    const int len = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    assert_true(len >= 0 && (size_t)len < sizeof text);
    return arena_bytes(mk->arena, st_slice(text, (size_t)len));
}

strata_slice pick_run(maker *mk) {
    const model_table *runs = model_table_of(mk->model, MODEL_SYSTEM, MODEL_RUN);
    const uint64_t die = pick(mk, 16);
    if (die < 6 || runs->count == 0) {
        return st_slice("", 0);
    }
    if (die == 6) {
        return strata_text("default");
    }
    return one_in(mk, 60) ? strata_text("nowhere") : runs->cells[pick(mk, runs->count)]->key;
}

strata_slice pick_key(maker *mk, char initial) {
    if (one_in(mk, 150)) {
        static const char *const refused[] = {"", "_strata/x", "\xff\xfe"};
        return strata_text(refused[pick(mk, 3)]);
    }
    /* Some are prefixes of others, one is as long as keys go. */
    const unsigned number = (unsigned)pick(mk, mk->keys);
    if (number == 3) {
        uint8_t longest[ST_KEY_BYTES_MAX];
        memset(longest, initial, sizeof longest);
        return arena_bytes(mk->arena, st_slice(longest, sizeof longest));
    }
    return number % 5 == 4 ? pick_text(mk, "%c%u/%u", initial, number / 5, number)
                           : pick_text(mk, "%c%u", initial, number);
}

strata_slice pick_known(maker *mk, const op *o, model_kind kind) {
    const moment now = {.model = mk->model, .snapshot = mk->model->last};
    unsigned run;
    if (!op_has_run(o, &now, &run) || one_in(mk, 6)) {
        return st_slice("", 0);
    }
    const model_table *table = model_table_of(mk->model, run, kind);
    return table->count == 0 ? st_slice("", 0) : table->cells[pick(mk, table->count)]->key;
}

uint64_t pick_as_of(maker *mk) {
    const uint64_t die = pick(mk, 8);
    if (die < 4) {
        return UINT64_MAX;
    }
    if (die == 4) {
        return one_in(mk, 4) ? mk->model->last + 1 + pick(mk, 4) : mk->model->last;
    }
    return pick(mk, mk->model->last + 1);
}

void pick_when(maker *mk, op *o) {
    const model *m = mk->model;
    if (!one_in(mk, 4)) {
        o->as_of = pick_as_of(mk);
    }
    if (o->as_of == UINT64_MAX ? one_in(mk, 3) : one_in(mk, 50)) {
        const int64_t off_us = (int64_t)pick(mk, 3) - 1; /* just before, at, or after a commit */
        o->as_of_us = m->log_count == 0 || one_in(mk, 6)
                          ? mk->now_us + off_us
                          : m->log[pick(mk, m->log_count)].timestamp_us + off_us;
    }
}

uint64_t pick_limit(maker *mk) {
    return one_in(mk, 3) ? 1 + pick(mk, 5) : one_in(mk, 40) ? 1001 : 0;
}

static void put_chars(maker *mk, strata_buffer *out, size_t len, bool as_bytes) {
    char *text = malloc(len + 1);
    assert_non_null(text);
    const uint64_t spread = one_in(mk, 2) ? 64 : 2; /* some compress well */
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)('0' + pick(mk, spread));
    }
    put(as_bytes ? st_msgpack_put_bytes(out, st_slice(text, len))
                 : st_msgpack_put_string(out, st_slice(text, len)));
    free(text);
}

static size_t pick_size(maker *mk) {
    if (one_in(mk, 40)) {
        return (size_t)pick(mk, (uint64_t)mk->bytes_max * 12);
    }
    return (size_t)pick(mk, one_in(mk, 8) ? mk->bytes_max : 40);
}

static void put_any(maker *mk, strata_buffer *out, unsigned depth) {
    switch (pick(mk, depth == 0 ? 12 : 9)) {
    case 0:
        put(st_msgpack_put_null(out));
        break;
    case 1:
        put(st_msgpack_put_bool(out, one_in(mk, 2)));
        break;
    case 2:
    case 3:
    case 4:
        put(st_msgpack_put_int(out, one_in(mk, 12) ? INT64_MAX - (int64_t)pick(mk, 3)
                                                   : (int64_t)pick(mk, 1000) - 500));
        break;
    case 5:
        put(st_msgpack_put_float(out, (double)pick(mk, 1000) / 8));
        break;
    case 6:
        put_chars(mk, out, pick_size(mk), true);
        break;
    case 7:
    case 8:
        put_chars(mk, out, pick_size(mk), false);
        break;
    case 9:
        put(st_msgpack_put_array(out, 2));
        put_any(mk, out, depth + 1);
        put_any(mk, out, depth + 1);
        break;
    default:
        put(st_msgpack_put_object(out, 2));
        put_name(out, "a");
        put_any(mk, out, depth + 1);
        put_name(out, "b");
        put_any(mk, out, depth + 1);
    }
}

strata_slice pick_value(maker *mk) {
    strata_buffer out = {NULL, 0, 0, NULL};
    put_any(mk, &out, 0);
    const strata_slice value = arena_bytes(mk->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return value;
}

strata_slice pick_object(maker *mk) {
    strata_buffer out = {NULL, 0, 0, NULL};
    const uint32_t count = (uint32_t)pick(mk, 3);
    put(st_msgpack_put_object(&out, count));
    for (uint32_t i = 0; i < count; i++) {
        put_name(&out, i == 0 ? "x" : "y");
        put_any(mk, &out, 1);
    }
    const strata_slice value = arena_bytes(mk->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return value;
}

void pick_page(maker *mk, op *o, char initial) {
    o->prefix =
        one_in(mk, 4) ? pick_text(mk, "%c%u", initial, (unsigned)pick(mk, 3)) : st_slice("", 0);
    o->cursor = one_in(mk, 5) ? pick_text(mk, "%c%u", initial, (unsigned)pick(mk, mk->keys))
                              : st_slice("", 0);
    o->reverse = one_in(mk, 3);
    o->limit = pick_limit(mk);
}

strata_slice pick_tags(maker *mk) {
    strata_buffer out = {NULL, 0, 0, NULL};
    const uint32_t count = (uint32_t)pick(mk, 4);
    if (count == 0) {
        return st_slice("", 0);
    }
    put(st_msgpack_put_array(&out, count));
    for (uint32_t i = 0; i < count; i++) {
        put(st_msgpack_put_string(&out, pick_text(mk, "tag%u", (unsigned)pick(mk, 4))));
    }
    const strata_slice tags = arena_bytes(mk->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return tags;
}

bool tags_hold(strata_slice tags, strata_slice tag) {
    st_cursor cursor = st_cursor_over(tags);
    st_token token;
    if (tags.len == 0 || !st_msgpack_next(&cursor, &token)) {
        return false;
    }
    for (uint32_t left = token.as.count; left > 0; left--) {
        st_token word;
        assert_true(st_msgpack_next(&cursor, &word));
        if (st_slice_equal(word.as.bytes, tag)) {
            return true;
        }
    }
    return false;
}
