/* document_support.c - documents from JSON text and back, for tests that are about something else. */
#include "document_support.h"

#include "format/document_compare.h"

enum { RING = 16 };

static const st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;

static strata_buffer *next_buffer(void) {
    static strata_buffer ring[RING];
    static size_t next;
    strata_buffer *buffer = &ring[next++ % RING];
    buffer->len = 0;
    return buffer;
}

strata_slice test_document(const char *json) {
    strata_buffer *out = next_buffer();
    strata_error error = {.code = STRATA_OK};
    if (st_document_parse(strata_text(json), &limits, out, &error) != STRATA_OK) {
        fail_msg("%s: %s", json, error.message);
    }
    return st_buffer_slice(out);
}

void test_document_check(strata_slice document) {
    st_arena scratch;
    uint8_t *copy = malloc(document.len);
    memcpy(copy, document.data, document.len);
    st_arena_init(&scratch, test_allocator(), 0);
    assert_int_equal(st_document_check(st_slice(copy, document.len), &limits, &scratch), STRATA_OK);
    st_arena_free(&scratch);
    free(copy);
}

const char *test_document_text(strata_slice document) {
    strata_buffer *msgpack = next_buffer();
    strata_buffer *text = next_buffer();
    test_document_check(document);
    assert_int_equal(st_document_to_msgpack(document, msgpack), STRATA_OK);
    assert_int_equal(strata_msgpack_to_json(st_buffer_slice(msgpack), false, text, NULL),
                     STRATA_OK);
    assert_int_equal(st_buffer_append(text, "", 1), STRATA_OK);
    return (const char *)text->data;
}

st_path test_path(const char *text, st_arena *arena) {
    strata_error error = {.code = STRATA_OK};
    st_path path;
    if (st_path_parse(strata_text(text), arena, &path, &error) != STRATA_OK) {
        fail_msg("%s: %s", text, error.message);
    }
    return path;
}

bool test_document_equal(strata_slice a, strata_slice b) {
    st_arena scratch;
    bool equal = false;
    bool back = false;
    st_arena_init(&scratch, test_allocator(), 0);
    assert_int_equal(st_document_equal(a, b, &scratch, &equal), STRATA_OK);
    assert_int_equal(st_document_equal(b, a, &scratch, &back), STRATA_OK);
    assert_int_equal(equal, back);
    st_arena_free(&scratch);
    return equal;
}

strata_status test_apply(strata_buffer *document, strata_slice changes) {
    strata_buffer room = test_buffer();
    st_cursor cursor = st_cursor_over(changes);
    st_change change;
    size_t needed = document->len;
    while (cursor.at < cursor.end && st_change_next(&cursor, &change)) {
        needed += change.raw.len + ST_CHANGE_ROOM;
    }
    room.data = st_alloc(test_allocator(), needed);
    room.cap = needed;
    room.len = document->len;
    memcpy(room.data, document->data, document->len);
    const strata_status status = st_changes_apply(&room, changes);
    test_document_check(st_buffer_slice(&room));
    document->len = 0;
    assert_int_equal(st_buffer_append(document, room.data, room.len), STRATA_OK);
    strata_buffer_free(&room);
    return status;
}
