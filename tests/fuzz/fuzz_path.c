/* fuzz_path.c - any bytes as a path, a patch or a merge patch, of a document that is in the tree.
 *
 * The first byte says which. Holds for all bytes:
 * 1. A path is refused with invalid_path and the position of what is wrong, at most its length; or it is
 *    resolved, found where its route leads, and the route's pointer is a path to the same node.
 * 2. What setting and deleting at a path make can be applied, and then it is there, or gone.
 * 3. A patch (its JSON text) is refused with the error of an operation, or makes changes that can be
 *    applied; a merge patch always does, and merging it again makes none.
 */
#include "format/change.h"

#include "fuzz.h"

enum { MEMORY_MAX = 64 << 20 };

static const st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;

static strata_buffer parsed(strata_slice json) {
    strata_buffer out = fuzz_buffer();
    CHECK(st_document_parse(json, &limits, &out, NULL) == STRATA_OK, "parse");
    return out;
}

/* Applies changes that were made for the document. */
static strata_buffer applied(strata_slice document, strata_slice changes) {
    strata_buffer work = fuzz_buffer();
    st_arena scratch;
    CHECK(st_buffer_append(&work, document.data, document.len) == STRATA_OK, "append");
    CHECK(st_changes_reserve(&work, changes) == STRATA_OK, "reserve");
    CHECK(st_changes_apply(&work, changes) == STRATA_OK, "what was made cannot be applied");
    st_arena_init(&scratch, &fuzz_host()->memory, 0);
    CHECK(st_document_check(st_buffer_slice(&work), &limits, &scratch) == STRATA_OK, "not sound");
    st_arena_free(&scratch);
    return work;
}

static void check_found(strata_slice document, const st_path *path, st_arena *arena) {
    strata_buffer route = fuzz_buffer();
    strata_buffer pointer = fuzz_buffer();
    st_resolved resolved;
    st_node node;
    bool found = false;
    CHECK(st_path_resolve(document, path, &route, NULL, &resolved) == STRATA_OK, "resolve");
    CHECK(st_path_find(document, path, &node, &found) == STRATA_OK && found == resolved.found,
          "found and resolved differ");
    if (found) {
        st_path again;
        st_node by_route;
        CHECK(st_route_find(document, st_buffer_slice(&route), &by_route, &found) == STRATA_OK &&
                  found && by_route.raw.data == node.raw.data,
              "the route leads elsewhere");
        CHECK(st_route_pointer(document, st_buffer_slice(&route), &pointer) == STRATA_OK,
              "pointer");
        CHECK(st_path_parse(st_buffer_slice(&pointer), arena, &again, NULL) == STRATA_OK &&
                  st_path_find(document, &again, &by_route, &found) == STRATA_OK && found &&
                  by_route.raw.data == node.raw.data,
              "the pointer leads elsewhere");
    }
    strata_buffer_free(&route);
    strata_buffer_free(&pointer);
}

static void check_set(strata_slice document, const st_path *path) {
    strata_buffer changes = fuzz_buffer();
    strata_buffer value = parsed(strata_text("{\"new\":[1]}"));
    strata_error error = {.code = STRATA_OK};
    const strata_status status =
        st_change_set(document, path, st_buffer_slice(&value), &changes, &error);
    if (status == STRATA_OK) {
        strata_buffer after = applied(document, st_buffer_slice(&changes));
        strata_buffer_free(&after);
    } else {
        CHECK(status == STRATA_INVALID_PATH || status == STRATA_CONSTRAINT, "%s", error.message);
        CHECK(error.code == status && changes.len == 0, "%s", error.message);
    }
    strata_buffer_free(&changes);
    strata_buffer_free(&value);
}

static void check_delete(strata_slice document, const st_path *path) {
    strata_buffer changes = fuzz_buffer();
    bool existed = false;
    const strata_status status = st_change_delete(document, path, &changes, &existed, NULL);
    CHECK(status == (path->count == 0 ? STRATA_INVALID_PATH : STRATA_OK), "%s",
          strata_status_name(status));
    if (existed) {
        strata_buffer after = applied(document, st_buffer_slice(&changes));
        strata_buffer_free(&after);
    }
    strata_buffer_free(&changes);
}

static void check_path(strata_slice document, strata_slice text) {
    strata_error error = {.code = STRATA_OK};
    st_arena arena;
    st_path path;
    st_arena_init(&arena, &fuzz_host()->memory, 0);
    const strata_status status = st_path_parse(text, &arena, &path, &error);
    if (status == STRATA_OK) {
        CHECK(path.count <= ST_PATH_SEGMENTS_MAX, "%zu steps", path.count);
        check_found(document, &path, &arena);
        check_set(document, &path);
        check_delete(document, &path);
    } else {
        int64_t position = -1;
        CHECK(status == STRATA_INVALID_PATH && error.code == status, "%s", error.message);
        CHECK(fuzz_error_number(&error, "position", &position) && position >= 0 &&
                  (uint64_t)position <= text.len,
              "position %lld: %s", (long long)position, error.message);
    }
    st_arena_free(&arena);
}

static void check_patch(strata_slice document, strata_slice json) {
    strata_buffer operations = fuzz_buffer();
    strata_buffer changes = fuzz_buffer();
    strata_error error = {.code = STRATA_OK};
    st_document_limits small = limits;
    st_arena scratch;
    small.bytes_max = 1 << 16;
    st_arena_init(&scratch, &fuzz_host()->memory, 0);
    if (st_document_parse(json, &limits, &operations, NULL) == STRATA_OK) {
        const strata_status status = st_changes_patch(document, st_buffer_slice(&operations),
                                                      &small, &scratch, &changes, &error);
        if (status == STRATA_OK) {
            strata_buffer after = applied(document, st_buffer_slice(&changes));
            strata_buffer_free(&after);
        } else {
            CHECK(status != STRATA_CORRUPT && status != STRATA_INTERNAL && error.code == status,
                  "%s: %s", strata_status_name(status), error.message);
            CHECK(changes.len == 0, "refused, and there are changes");
        }
    }
    st_arena_free(&scratch);
    strata_buffer_free(&operations);
    strata_buffer_free(&changes);
}

static void check_merge(strata_slice document, strata_slice json) {
    strata_buffer patch = fuzz_buffer();
    strata_buffer changes = fuzz_buffer();
    strata_error error = {.code = STRATA_OK};
    st_arena scratch;
    st_arena_init(&scratch, &fuzz_host()->memory, 0);
    if (st_document_parse(json, &limits, &patch, NULL) == STRATA_OK) {
        const strata_slice from = st_buffer_slice(&patch);
        CHECK(st_changes_merge(document, from, &limits, &scratch, &changes, &error) == STRATA_OK,
              "%s", error.message);
        strata_buffer after = applied(document, st_buffer_slice(&changes));
        changes.len = 0;
        CHECK(st_changes_merge(st_buffer_slice(&after), from, &limits, &scratch, &changes,
                               &error) == STRATA_OK &&
                  changes.len == 0,
              "merged again, it changes more");
        strata_buffer_free(&after);
    }
    st_arena_free(&scratch);
    strata_buffer_free(&patch);
    strata_buffer_free(&changes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const checks[])(strata_slice document,
                                  strata_slice bytes) = {check_path, check_patch, check_merge};
    fuzz_input input = {data, size};
    fuzz_begin(MEMORY_MAX);
    strata_buffer known = parsed(strata_text(
        "{\"a\":{\"b\":[1,{\"c\":null},[2]],\"d\":\"text\"},\"e\":[],\"f\":1.5,\"0\":0}"));
    const uint8_t kind = fuzz_u8(&input) % (sizeof checks / sizeof checks[0]);
    checks[kind](st_buffer_slice(&known), fuzz_rest(&input));
    strata_buffer_free(&known);
    fuzz_end();
    return 0;
}
