/* change_patch.c - RFC 6902: a patch to the changes it makes.
 *
 * Each operation is done to a working copy of the document, with the change that is appended to the
 * result; so each sees what those before it have done, and nothing is decided twice. A move is a deletion
 * and an addition: what was moved is a new element with a new id.
 *
 * Invariants:
 * 1. The working copy is the document with all changes so far applied.
 * 2. It is within the limits after each operation; copying something into itself again and again ends
 *    there.
 * 3. On failure no change is appended, and the error has the index of the operation.
 * Where our values differ from the RFC's: int 1 is not float 1.0 to a test. Members of an operation that
 * it does not need are ignored, as it says.
 */
#include "format/change.h"
#include "format/change_make.h"
#include "format/document_compare.h"

typedef struct patch {
    const st_document_limits *limits;
    st_arena arena; /* of one operation */
    strata_buffer *changes;
    strata_buffer work;
    strata_buffer held; /* what a move or copy takes along */
    strata_error *error;
    st_node operation;
} patch;

/* ---- What an operation says ------------------------------------------------------------------ */

static strata_status find_member(const patch *p, const char *name, st_node *member) {
    return st_node_member(&p->operation, strata_text(name), member)
               ? STRATA_OK
               : st_fail(p->error, STRATA_INVALID_ARGUMENT, "it has no \"%s\"", name);
}

static strata_status find_text(const patch *p, const char *name, strata_slice *text) {
    st_node member;
    ST_TRY(find_member(p, name, &member));
    if (member.type != STRATA_STRING) {
        return st_fail(p->error, STRATA_INVALID_ARGUMENT, "its \"%s\" is not a string", name);
    }
    *text = member.as.bytes;
    return STRATA_OK;
}

static strata_status find_path(patch *p, const char *name, st_path *path) {
    strata_slice text;
    ST_TRY(find_text(p, name, &text));
    return st_path_parse(text, &p->arena, path, p->error);
}

static strata_status fail_missing(const patch *p, const st_path *path) {
    st_fail(p->error, STRATA_NOT_FOUND, "nothing at \"%S\"", &path->text);
    return st_change_fail_at(p->error, STRATA_NOT_FOUND, path->text);
}

static strata_status find_node(const patch *p, const st_path *path, st_node *node) {
    bool found;
    ST_TRY(st_path_find(st_buffer_slice(&p->work), path, node, &found));
    return found ? STRATA_OK : fail_missing(p, path);
}

/* ---- Operations ------------------------------------------------------------------------------ */

/* Applies to the working copy what was appended to the changes from `start` on. */
static strata_status apply_from(patch *p, size_t start) {
    const strata_slice made = st_slice(p->changes->data + start, p->changes->len - start);
    ST_TRY(st_changes_reserve(&p->work, made));
    ST_TRY(st_changes_apply(&p->work, made));
    return p->work.len > p->limits->bytes_max
               ? st_document_fail_size(p->error, p->limits->bytes_max)
               : STRATA_OK;
}

static strata_status put_at(patch *p, const st_path *path, strata_slice value, bool insert) {
    const size_t start = p->changes->len;
    const st_make make = {.document = st_buffer_slice(&p->work),
                          .path = path,
                          .value = value,
                          .insert = insert,
                          .error = p->error};
    ST_TRY(st_change_make(&make, p->changes));
    return apply_from(p, start);
}

static strata_status delete_at(patch *p, const st_path *path) {
    const size_t start = p->changes->len;
    bool existed;
    ST_TRY(st_change_delete(st_buffer_slice(&p->work), path, p->changes, &existed, p->error));
    return existed ? apply_from(p, start) : fail_missing(p, path);
}

static strata_status do_add(patch *p, const st_path *path) {
    st_node value;
    ST_TRY(find_member(p, "value", &value));
    return put_at(p, path, value.raw, true);
}

static strata_status do_replace(patch *p, const st_path *path) {
    st_node value;
    st_node old;
    ST_TRY(find_member(p, "value", &value));
    ST_TRY(find_node(p, path, &old));
    return put_at(p, path, value.raw, false);
}

static strata_status do_test(patch *p, const st_path *path) {
    st_node value;
    st_node node;
    bool equal = false;
    bool found;
    ST_TRY(find_member(p, "value", &value));
    ST_TRY(st_path_find(st_buffer_slice(&p->work), path, &node, &found));
    if (found) {
        ST_TRY(st_document_equal(node.raw, value.raw, &p->arena, &equal));
    }
    if (equal) {
        return STRATA_OK;
    }
    st_fail(p->error, STRATA_CONFLICT, "the test fails: at \"%S\" there is %s", &path->text,
            found ? "something else" : "nothing");
    return st_change_fail_at(p->error, STRATA_CONFLICT, path->text);
}

/* Keeps what is at `from`, as moving bytes would take it away. */
static strata_status hold(patch *p, const st_path *from) {
    st_node node;
    ST_TRY(find_node(p, from, &node));
    p->held.len = 0;
    return st_buffer_append(&p->held, node.raw.data, node.raw.len);
}

static strata_status do_copy(patch *p, const st_path *path) {
    st_path from;
    ST_TRY(find_path(p, "from", &from));
    ST_TRY(hold(p, &from));
    return put_at(p, path, st_buffer_slice(&p->held), true);
}

/* How the place something is moved to lies to where it is now: *same, or inside of it. */
static strata_status compare_places(const patch *p, const st_path *from, const st_path *path,
                                    bool *same, bool *inside) {
    strata_buffer source = {.host = p->changes->host};
    strata_buffer target = {.host = p->changes->host};
    const strata_slice document = st_buffer_slice(&p->work);
    st_resolved at;
    st_resolved to;
    strata_status status = st_path_resolve(document, from, &source, NULL, &at);
    if (status == STRATA_OK) {
        status = st_path_resolve(document, path, &target, NULL, &to);
    }
    if (status == STRATA_OK) {
        *same = to.found && st_slice_equal(st_buffer_slice(&source), st_buffer_slice(&target));
        *inside = st_route_covers(st_buffer_slice(&source), st_buffer_slice(&target));
    }
    strata_buffer_free(&source);
    strata_buffer_free(&target);
    return status;
}

static strata_status do_move(patch *p, const st_path *path) {
    st_path from;
    bool same;
    bool inside;
    ST_TRY(find_path(p, "from", &from));
    ST_TRY(hold(p, &from));
    ST_TRY(compare_places(p, &from, path, &same, &inside));
    if (same) {
        return STRATA_OK;
    }
    if (inside) {
        st_fail(p->error, STRATA_INVALID_PATH, "\"%S\" cannot be moved into itself", &from.text);
        return st_change_fail_at(p->error, STRATA_INVALID_PATH, path->text);
    }
    ST_TRY(delete_at(p, &from));
    return put_at(p, path, st_buffer_slice(&p->held), true);
}

static strata_status do_operation(patch *p) {
    static const struct {
        const char *name;
        strata_status (*run)(patch *p, const st_path *path);
    } kinds[] = {{"add", do_add},   {"remove", delete_at}, {"replace", do_replace},
                 {"move", do_move}, {"copy", do_copy},     {"test", do_test}};
    strata_slice name;
    st_path path;
    if (p->operation.type != STRATA_OBJECT) {
        return st_fail(p->error, STRATA_INVALID_ARGUMENT, "it is not an object");
    }
    ST_TRY(find_text(p, "op", &name));
    ST_TRY(find_path(p, "path", &path));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (st_slice_equal(name, strata_text(kinds[i].name))) {
            return kinds[i].run(p, &path);
        }
    }
    return st_fail(p->error, STRATA_INVALID_ARGUMENT,
                   "\"%S\" is none of add, remove, replace, move, copy, test", &name);
}

/* ---- The patch ------------------------------------------------------------------------------- */

/* Says of an error that has been made which operation it is of. */
static strata_status fail_operation(strata_error *error, strata_status status, uint32_t index) {
    if (status == STRATA_NO_MEMORY) {
        return st_fail_memory(error);
    }
    if (error == NULL || status == STRATA_CORRUPT) {
        return status;
    }
    const strata_error made = *error;
    st_fail(error, status, "operation %u of the patch: %s", (uint64_t)index, made.message);
    for (size_t i = 0; i < made.field_count; i++) {
        error->fields[i] = made.fields[i];
    }
    error->field_count = made.field_count;
    st_fail_number(error, "operation", (int64_t)index);
    return status;
}

static strata_status run(patch *p, const st_node *operations) {
    st_node_iter it;
    st_node_iter_start(&it, operations);
    while (st_node_iter_next(&it)) {
        p->operation = it.node;
        st_arena_reset(&p->arena);
        const strata_status status = do_operation(p);
        if (status != STRATA_OK) {
            return fail_operation(p->error, status, it.index);
        }
    }
    return it.malformed ? STRATA_CORRUPT : STRATA_OK;
}

strata_status st_changes_patch(strata_slice document, strata_slice operations,
                               const st_document_limits *limits, st_arena *scratch,
                               strata_buffer *changes, strata_error *error) {
    const size_t start = changes->len;
    st_node list;
    if (!st_node_read(operations, &list)) {
        return STRATA_CORRUPT;
    }
    if (list.type != STRATA_ARRAY) {
        return st_fail(error, STRATA_INVALID_ARGUMENT, "a patch is an array of operations");
    }
    if (list.as.count > ST_PATCH_OPERATIONS_MAX) {
        return st_fail_constraint(error, "too_many_entries",
                                  "the patch has %u operations; the limit is %u",
                                  (uint64_t)list.as.count, (uint64_t)ST_PATCH_OPERATIONS_MAX);
    }
    patch p = {.limits = limits,
               .changes = changes,
               .work = {.host = changes->host},
               .held = {.host = changes->host},
               .error = error};
    st_arena_init(&p.arena, scratch->allocator, 0);
    strata_status status = st_buffer_append(&p.work, document.data, document.len);
    if (status == STRATA_OK) {
        status = run(&p, &list);
    }
    strata_buffer_free(&p.work);
    strata_buffer_free(&p.held);
    st_arena_free(&p.arena);
    if (status != STRATA_OK) {
        changes->len = start;
    }
    return status == STRATA_NO_MEMORY ? st_fail_memory(error) : status;
}
