/* fields.c - see fields.h.
 *
 * The form number lets the whole be stored differently one day; within a form, names may be added:
 * readers pass over those that they do not know.
 */
#include "model/fields.h"

strata_status st_fields_put(strata_buffer *out, uint8_t form, const st_field *fields, size_t count,
                            const strata_slice *values) {
    uint32_t given = 0;
    for (size_t i = 0; i < count; i++) {
        given += values[i].len > 0;
    }
    ST_TRY(st_buffer_append(out, &form, 1));
    if (given > 0) {
        ST_TRY(st_msgpack_put_object(out, given));
    }
    for (size_t i = 0; i < count; i++) {
        if (values[i].len == 0) {
            continue;
        }
        ST_TRY(st_msgpack_put_string(out, strata_text(fields[i].name)));
        ST_TRY(fields[i].text ? st_msgpack_put_string(out, values[i])
                              : st_buffer_append(out, values[i].data, values[i].len));
    }
    return STRATA_OK;
}

static bool read_field(st_cursor *cursor, const st_field *fields, size_t count,
                       strata_slice *values) {
    st_token name;
    strata_slice value;
    if (!st_msgpack_next(cursor, &name) || name.type != STRATA_STRING ||
        !st_msgpack_skip(cursor, &value)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!st_slice_equal(name.as.bytes, strata_text(fields[i].name))) {
            continue;
        }
        st_cursor inside = st_cursor_over(value);
        st_token token;
        if (fields[i].text && (!st_msgpack_next(&inside, &token) || token.type != STRATA_STRING)) {
            return false;
        }
        values[i] = fields[i].text ? token.as.bytes : value;
    }
    return true;
}

bool st_fields_read(strata_slice stored, uint8_t form, const st_field *fields, size_t count,
                    strata_slice *values) {
    st_cursor cursor = st_cursor_over(stored);
    st_token map = {STRATA_OBJECT, {.count = 0}};
    uint8_t found;
    memset(values, 0, count * sizeof *values);
    if (!st_cursor_u8(&cursor, &found) || found != form) {
        return false;
    }
    if (st_cursor_left(&cursor) > 0 &&
        (!st_msgpack_next(&cursor, &map) || map.type != STRATA_OBJECT)) {
        return false;
    }
    for (uint32_t left = map.as.count; left > 0; left--) {
        if (!read_field(&cursor, fields, count, values)) {
            return false;
        }
    }
    bool whole = st_cursor_left(&cursor) == 0;
    for (size_t i = 0; i < count; i++) {
        whole = whole && (!fields[i].required || values[i].len > 0);
    }
    return whole;
}
