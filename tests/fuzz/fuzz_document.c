/* fuzz_document.c - any bytes as a document, and as changes of one.
 *
 * The first byte says what the rest is: 0 a document, 1 changes of a document that is in the tree, 2 a
 * document and changes of it, 3 two documents, 4 a route. Holds for all bytes:
 * 1. A document is refused with corrupt, or it is sound: its nodes are found one by one and by their ids,
 *    its MessagePack makes a document that is equal to it, and so does its own.
 * 2. Changes are refused with corrupt, or make a document that is sound; in no case do they need more
 *    room than is promised (the buffer has not a byte more). Changes that check refuses may be applied
 *    where only names that come twice were wrong. A document that is not sound, as a forged file may
 *    have, takes changes without an assertion and without more room.
 * 3. Two documents, sound or not, are compared and diffed to an end; equal ones have no differences, and
 *    with itself every sound document is equal.
 * 4. Memory is bounded by the length of the input.
 */
#include "format/change.h"
#include "format/document_compare.h"

#include "fuzz.h"

enum { MEMORY_MAX = 64 << 20 };

static const st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;

static st_arena scratch_arena(void) {
    st_arena arena;
    st_arena_init(&arena, &fuzz_host()->memory, 0);
    return arena;
}

static bool is_sound(strata_slice document) {
    st_arena scratch = scratch_arena();
    const strata_status status = st_document_check(document, &limits, &scratch);
    CHECK(status == STRATA_OK || status == STRATA_CORRUPT, "%s", strata_status_name(status));
    CHECK(status == STRATA_CORRUPT || st_document_check_shape(document, &limits, NULL),
          "sound, and not in shape");
    st_arena_free(&scratch);
    return status == STRATA_OK;
}

static bool compare(strata_slice a, strata_slice b, bool *equal) {
    st_arena scratch = scratch_arena();
    const strata_status status = st_document_equal(a, b, &scratch, equal);
    CHECK(status == STRATA_OK || status == STRATA_CORRUPT, "%s", strata_status_name(status));
    st_arena_free(&scratch);
    return status == STRATA_OK;
}

/* ---- Documents ------------------------------------------------------------------------------- */

static void check_entries(strata_slice document) {
    st_node root;
    st_node_iter it;
    CHECK(st_node_read(document, &root), "no root");
    st_node_iter_start(&it, &root);
    for (size_t seen = 0; seen < 64 && st_node_iter_next(&it); seen++) {
        st_node node;
        uint32_t other;
        if (root.type == STRATA_OBJECT) {
            CHECK(st_node_member(&root, it.name, &node), "a name is not found");
        } else {
            CHECK(st_node_element(&root, it.index, &node, &other) && other == it.id, "no element");
            CHECK(st_node_element_of_id(&root, it.id, &node, &other) && other == it.index, "no id");
        }
        CHECK(node.raw.data == it.node.raw.data, "another entry is found");
    }
    CHECK(!it.malformed, "a sound document is malformed");
}

static void check_document(strata_slice document) {
    strata_buffer msgpack = fuzz_buffer();
    strata_buffer back = fuzz_buffer();
    const bool sound = is_sound(document);
    const strata_status status = st_document_to_msgpack(document, &msgpack);
    CHECK(status == STRATA_OK || (status == STRATA_CORRUPT && !sound), "%s",
          strata_status_name(status));
    if (sound) {
        bool equal = false;
        strata_error error = {.code = STRATA_OK};
        check_entries(document);
        CHECK(st_document_from_msgpack(st_buffer_slice(&msgpack), &limits, &back, &error) ==
                  STRATA_OK,
              "%s", error.message);
        CHECK(is_sound(st_buffer_slice(&back)), "made of MessagePack, and not sound");
        CHECK(compare(document, st_buffer_slice(&back), &equal) && equal, "it is another one");
    }
    strata_buffer_free(&msgpack);
    strata_buffer_free(&back);
}

/* ---- Changes --------------------------------------------------------------------------------- */

static void check_regions(strata_slice changes) {
    st_cursor cursor = st_cursor_over(changes);
    st_change change;
    strata_buffer scratch = fuzz_buffer();
    while (cursor.at < cursor.end && st_change_next(&cursor, &change)) {
        st_region regions[ST_CHANGE_REGIONS_MAX];
        size_t count = 0;
        const strata_status status = st_change_regions(&change, &scratch, regions, &count);
        CHECK(status == STRATA_CORRUPT || (status == STRATA_OK && count > 0), "no regions");
        for (size_t i = 0; status == STRATA_OK && i < count; i++) {
            CHECK(st_regions_meet(regions[i], regions[i]), "a region does not meet itself");
        }
    }
    strata_buffer_free(&scratch);
}

/* The document is in shape; its names may come twice. */
static void check_changes(strata_slice document, strata_slice changes) {
    strata_buffer work = fuzz_buffer();
    st_arena scratch = scratch_arena();
    const strata_status checked = st_changes_check(changes, &limits, &scratch);
    CHECK(checked == STRATA_OK || checked == STRATA_CORRUPT, "%s", strata_status_name(checked));
    st_arena_free(&scratch);
    CHECK(st_buffer_append(&work, document.data, document.len) == STRATA_OK, "append");
    CHECK(st_changes_reserve(&work, changes) == STRATA_OK, "reserve");
    const bool whole = is_sound(document);
    const strata_status status = st_changes_apply(&work, changes);
    CHECK(status == STRATA_OK || status == STRATA_CORRUPT, "%s", strata_status_name(status));
    CHECK(st_document_check_shape(st_buffer_slice(&work), &limits, NULL), "it lost its shape");
    CHECK(!(whole && checked == STRATA_OK) || is_sound(st_buffer_slice(&work)), "it is not sound");
    check_regions(changes);
    strata_buffer_free(&work);
}

static void check_changes_of_any(strata_slice document, strata_slice changes) {
    strata_buffer work = fuzz_buffer();
    CHECK(st_buffer_append(&work, document.data, document.len) == STRATA_OK, "append");
    CHECK(st_changes_reserve(&work, changes) == STRATA_OK, "reserve");
    const strata_status status = st_changes_apply(&work, changes);
    CHECK(status == STRATA_OK || status == STRATA_CORRUPT, "%s", strata_status_name(status));
    check_document(st_buffer_slice(&work));
    strata_buffer_free(&work);
}

static strata_status count_difference(void *arg, const st_difference *difference) {
    size_t *count = arg;
    CHECK(difference->pointer.len == 0 || *(const char *)difference->pointer.data == '/',
          "no pointer");
    ++*count;
    return STRATA_OK;
}

static void check_pair(strata_slice a, strata_slice b) {
    st_arena scratch = scratch_arena();
    size_t count = 0;
    bool equal = false;
    const bool both = is_sound(a) && is_sound(b);
    const bool compared = compare(a, b, &equal);
    const strata_status status = st_document_diff(a, b, &scratch, count_difference, &count);
    CHECK(status == STRATA_OK || status == STRATA_CORRUPT, "%s", strata_status_name(status));
    if (both) {
        CHECK(compared && status == STRATA_OK, "two sound documents are not compared");
        CHECK(equal == (count == 0), "%zu differences, and equal is %d", count, equal);
        CHECK(compare(a, a, &equal) && equal, "it is not equal to itself");
    }
    st_arena_free(&scratch);
}

static void check_route(strata_slice document, strata_slice route) {
    strata_buffer pointer = fuzz_buffer();
    st_node node;
    bool found = false;
    const strata_status status = st_route_find(document, route, &node, &found);
    const strata_status told = st_route_pointer(document, route, &pointer);
    CHECK(status == STRATA_OK || status == STRATA_CORRUPT, "%s", strata_status_name(status));
    CHECK(told == STRATA_OK || told == STRATA_CORRUPT, "%s", strata_status_name(told));
    CHECK(!found || told == STRATA_OK, "found, and not told");
    strata_buffer_free(&pointer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char example[] =
        "{\"a\":{\"b\":[1,{\"c\":null},[2]],\"d\":\"text\"},\"e\":[],\"f\":1.5}";
    fuzz_input input = {data, size};
    fuzz_begin(MEMORY_MAX);
    strata_buffer known = fuzz_buffer();
    CHECK(st_document_parse(strata_text(example), &limits, &known, NULL) == STRATA_OK, "example");
    const strata_slice document = st_buffer_slice(&known);
    const uint8_t kind = fuzz_u8(&input) % 5;
    const strata_slice first =
        kind == 2 || kind == 3 ? fuzz_take(&input, fuzz_u16(&input)) : st_slice(NULL, 0);
    const strata_slice rest = fuzz_rest(&input);
    switch (kind) {
    case 0:
        check_document(rest);
        break;
    case 1:
        check_changes(document, rest);
        break;
    case 2:
        if (st_document_check_shape(first, &limits, NULL)) {
            check_changes(first, rest);
        } else {
            check_changes_of_any(first, rest);
        }
        break;
    case 3:
        check_pair(first, rest);
        break;
    default:
        check_route(document, rest);
    }
    strata_buffer_free(&known);
    CHECK(fuzz_memory_peak() <= 262144 + 256 * size, "%zu bytes of memory for %zu",
          fuzz_memory_peak(), size);
    fuzz_end();
    return 0;
}
