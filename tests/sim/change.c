/* change.c - see change.h. */
#include "change.h"

static const tree none = {.type = STRATA_NULL};

static void *take(st_arena *arena, size_t size) {
    void *memory = st_arena_alloc(arena, size + 1, 16);
    assert_non_null(memory);
    return memory;
}

/* ---- Paths ----------------------------------------------------------------------------------- */

static doc_step step_of(strata_slice name, bool pointer) {
    doc_step step = {.named = true, .name = name};
    const char *digits = name.data;
    uint64_t index = 0;
    bool number = name.len > 0 && name.len < 10 && (name.len == 1 || digits[0] != '0');
    for (size_t i = 0; number && i < name.len; i++) {
        number = digits[i] >= '0' && digits[i] <= '9';
        index = index * 10 + (uint64_t)(digits[i] - '0');
    }
    step.indexed = number;
    step.index = number ? (uint32_t)index : 0;
    step.end = st_slice_equal(name, strata_text("-"));
    if (!pointer) {
        step.named = false;
    }
    return step;
}

static bool read_pointer(st_arena *arena, strata_slice text, doc_path *out) {
    const char *from = text.data;
    size_t at = 0;
    while (at < text.len) {
        char *name = take(arena, text.len);
        size_t len = 0;
        at++; /* the slash */
        while (at < text.len && from[at] != '/') {
            if (from[at] != '~') {
                name[len++] = from[at++];
                continue;
            }
            if (at + 1 == text.len || (from[at + 1] != '0' && from[at + 1] != '1')) {
                return false;
            }
            name[len++] = from[at + 1] == '0' ? '~' : '/';
            at += 2;
        }
        if (out->count == PATH_STEPS_MAX) {
            return false;
        }
        out->steps[out->count++] = step_of(st_slice(name, len), true);
    }
    return true;
}

/* Names in quotes have no escapes here. */
static bool read_dotted(strata_slice text, doc_path *out) {
    const char *from = text.data;
    size_t at = 1;
    while (at < text.len) {
        const char kind = from[at++];
        const bool quoted = kind == '[' && at < text.len && from[at] == '"';
        size_t start = at + quoted;
        size_t end = start;
        while (end < text.len &&
               (quoted ? from[end] != '"' : strchr(".[]\"'", from[end]) == NULL)) {
            end++;
        }
        doc_step step = step_of(st_slice(from + start, end - start), false);
        if (kind == '.' || quoted) {
            step = (doc_step){.named = true, .name = step.name};
        }
        at = end + quoted + (kind == '[');
        if ((kind != '.' && kind != '[') || at > text.len || out->count == PATH_STEPS_MAX ||
            (kind == '[' && from[at - 1] != ']') || (kind == '.' && start == end) ||
            (!step.named && !step.indexed && !step.end)) {
            return false;
        }
        out->steps[out->count++] = step;
    }
    return true;
}

bool path_read(st_arena *arena, strata_slice text, doc_path *out) {
    const char *from = text.data;
    out->count = 0;
    if (text.len == 0) {
        return true;
    }
    return from[0] == '$'   ? read_dotted(text, out)
           : from[0] == '/' ? read_pointer(arena, text, out)
                            : false;
}

/* ---- Routes ---------------------------------------------------------------------------------- */

static void add_name(tree_route *route, strata_slice name) {
    assert_true(route->count < TREE_DEPTH_MAX);
    route->steps[route->count++] = (tree_step){.named = true, .name = name};
}

static void add_id(tree_route *route, uint32_t id) {
    assert_true(route->count < TREE_DEPTH_MAX);
    route->steps[route->count++] = (tree_step){.id = id};
}

static bool same_step(const tree_step *a, const tree_step *b) {
    return a->named == b->named && (a->named ? st_slice_equal(a->name, b->name) : a->id == b->id);
}

static bool covers(const tree_route *above, const tree_route *below) {
    size_t i = 0;
    while (i < above->count && i < below->count && same_step(&above->steps[i], &below->steps[i])) {
        i++;
    }
    return i == above->count;
}

bool regions_meet(const doc_region *a, const doc_region *b) {
    if (a->shape && b->shape) {
        return covers(&a->route, &b->route) && covers(&b->route, &a->route);
    }
    return (!a->shape && covers(&a->route, &b->route)) ||
           (!b->shape && covers(&b->route, &a->route));
}

size_t edit_regions(const tree_edit *edit, doc_region regions[EDIT_REGIONS_MAX]) {
    const size_t count = edit->route.count;
    regions[0] = (doc_region){.route = edit->route};
    if (edit->kind == TREE_INSERT) {
        add_id(&regions[0].route, edit->id);
        regions[1] = (doc_region){.shape = true, .route = edit->route};
        return 2;
    }
    if (edit->kind == TREE_DELETE && !edit->route.steps[count - 1].named) {
        regions[1] = (doc_region){.shape = true, .route = edit->route};
        regions[1].route.count--;
        return 2;
    }
    return 1;
}

/* One step down; count of the node when there is nothing. */
static size_t step_down(const tree *node, const doc_step *step, tree_route *route) {
    size_t place = node->count;
    if (node->type == STRATA_OBJECT && step->named) {
        place = tree_find(node, step->name);
    } else if (node->type == STRATA_ARRAY && step->indexed && step->index < node->count) {
        place = step->index;
    }
    if (place < node->count && node->type == STRATA_OBJECT) {
        add_name(route, step->name);
    } else if (place < node->count) {
        add_id(route, node->ids[place]);
    }
    return place;
}

const tree *path_resolve(const tree *root, const doc_path *at, doc_region *out) {
    *out = (doc_region){.shape = false};
    for (size_t i = 0; i < at->count; i++) {
        const size_t place = step_down(root, &at->steps[i], &out->route);
        if (place == root->count) {
            out->shape = root->type == STRATA_ARRAY;
            if (root->type == STRATA_OBJECT && at->steps[i].named) {
                add_name(&out->route, at->steps[i].name);
            }
            return NULL;
        }
        root = root->items[place];
    }
    return root;
}

/* ---- Edits ----------------------------------------------------------------------------------- */

void change_begin(doc_change *c, st_arena *arena, const tree *root, size_t bytes_max) {
    *c = (doc_change){.arena = arena, .root = root, .bytes_max = bytes_max};
}

static strata_status refuse(doc_change *c, const char *reason) {
    c->reason = reason;
    return STRATA_CONSTRAINT;
}

static bool do_edit(doc_change *c, const tree_edit *edit) {
    tree_edit *more = take(c->arena, (c->count + 1) * sizeof *more);
    if (c->count > 0) {
        memcpy(more, c->edits, c->count * sizeof *more);
    }
    more[c->count++] = *edit;
    c->edits = more;
    c->root = tree_apply(c->arena, c->root, edit);
    return c->root != NULL;
}

bool change_apply(doc_change *c, const tree_edit *edits, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!do_edit(c, &edits[i])) {
            return false;
        }
    }
    return true;
}

/* ---- Setting --------------------------------------------------------------------------------- */

/* How a value is put: by json.set, or by an operation of a patch. */
typedef struct manner_of_setting {
    bool parents; /* objects that are missing on the way are made */
    bool inserts; /* an index is a place between elements */
} manner_of_setting;

static strata_status put_element(doc_change *c, const tree *array, const doc_step *step,
                                 bool inserts, tree_edit *edit) {
    edit->kind = TREE_INSERT;
    edit->id = array->next_id;
    edit->at_end = step->end || (step->indexed && step->index == array->count);
    if (!edit->at_end && !(inserts && step->indexed && step->index < array->count)) {
        return STRATA_INVALID_PATH;
    }
    (void)c;
    edit->before = edit->at_end ? 0 : array->ids[step->index];
    return STRATA_OK;
}

static strata_status put_value(doc_change *c, const doc_path *at, const tree *value,
                               manner_of_setting how) {
    const tree *node = c->root;
    tree_edit edit = {.kind = TREE_PUT, .value = value};
    size_t i = 0;
    for (; i < at->count; i++) {
        if (how.inserts && i + 1 == at->count && node->type == STRATA_ARRAY) {
            break;
        }
        const size_t place = step_down(node, &at->steps[i], &edit.route);
        if (place == node->count) {
            break;
        }
        node = node->items[place];
    }
    if (i < at->count) {
        const doc_step *step = &at->steps[i];
        if (!how.parents && i + 1 < at->count) {
            return STRATA_NOT_FOUND;
        }
        if (node->type == STRATA_ARRAY) {
            const strata_status status = put_element(c, node, step, how.inserts, &edit);
            if (status != STRATA_OK) {
                return status;
            }
        } else if (node->type != STRATA_OBJECT || !step->named) {
            return STRATA_INVALID_PATH;
        } else {
            add_name(&edit.route, step->name);
        }
        for (size_t j = at->count; j > i + 1; j--) {
            if (!at->steps[j - 1].named) {
                return STRATA_INVALID_PATH;
            }
            edit.value = tree_object(c->arena, at->steps[j - 1].name, edit.value);
        }
    }
    if (at->count + tree_depth(value) > TREE_DEPTH_MAX) {
        return refuse(c, "nesting_too_deep");
    }
    assert_true(do_edit(c, &edit));
    return STRATA_OK;
}

static strata_status check_size(doc_change *c) {
    return tree_bytes(c->root) > c->bytes_max ? refuse(c, "value_too_large") : STRATA_OK;
}

strata_status change_set(doc_change *c, const doc_path *at, const tree *value) {
    const strata_status status = put_value(c, at, value, (manner_of_setting){.parents = true});
    return status == STRATA_OK ? check_size(c) : status;
}

strata_status change_delete(doc_change *c, const doc_path *at, bool *existed) {
    doc_region where;
    if (at->count == 0) {
        return STRATA_INVALID_PATH;
    }
    *existed = path_resolve(c->root, at, &where) != NULL;
    if (*existed) {
        const tree_edit edit = {.kind = TREE_DELETE, .route = where.route};
        assert_true(do_edit(c, &edit));
    }
    return STRATA_OK;
}

/* ---- RFC 6902 -------------------------------------------------------------------------------- */

static const tree *member(const tree *object, const char *name) {
    const size_t place = tree_find(object, strata_text(name));
    return place == object->count ? &none : object->items[place];
}

static strata_slice text_at(const tree *object, const char *name) {
    st_cursor cursor = st_cursor_over(member(object, name)->scalar);
    st_token token;
    return st_msgpack_next(&cursor, &token) && token.type == STRATA_STRING ? token.as.bytes
                                                                           : st_slice("", 0);
}

static bool is_op(const tree *operation, const char *name) {
    return st_slice_equal(text_at(operation, "op"), strata_text(name));
}

static strata_status add(doc_change *c, const doc_path *at, const tree *value) {
    return put_value(c, at, value, (manner_of_setting){.inserts = true});
}

static strata_status remove_at(doc_change *c, const doc_path *at) {
    bool existed = true;
    const strata_status status = change_delete(c, at, &existed);
    return status == STRATA_OK && !existed ? STRATA_NOT_FOUND : status;
}

static strata_status move(doc_change *c, const doc_path *from, const doc_path *to) {
    doc_region source;
    doc_region target;
    const tree *moved = path_resolve(c->root, from, &source);
    if (moved == NULL) {
        return STRATA_NOT_FOUND;
    }
    const bool found = path_resolve(c->root, to, &target) != NULL;
    if (covers(&source.route, &target.route)) {
        return found && covers(&target.route, &source.route) ? STRATA_OK : STRATA_INVALID_PATH;
    }
    const strata_status status = remove_at(c, from);
    return status == STRATA_OK ? add(c, to, moved) : status;
}

static strata_status do_operation(doc_change *c, const tree *operation) {
    static doc_path to;
    static doc_path from;
    doc_region where;
    const tree *value = member(operation, "value");
    if (!path_read(c->arena, text_at(operation, "path"), &to)) {
        return STRATA_INVALID_PATH;
    }
    if (is_op(operation, "add")) {
        return add(c, &to, value);
    }
    if (is_op(operation, "remove")) {
        return remove_at(c, &to);
    }
    const tree *found = path_resolve(c->root, &to, &where);
    if (is_op(operation, "replace")) {
        return found == NULL ? STRATA_NOT_FOUND
                             : put_value(c, &to, value, (manner_of_setting){.parents = false});
    }
    if (is_op(operation, "test")) {
        return found != NULL && tree_equal(found, value) ? STRATA_OK : STRATA_CONFLICT;
    }
    if (!is_op(operation, "copy") && !is_op(operation, "move")) {
        return STRATA_INVALID_ARGUMENT;
    }
    if (!path_read(c->arena, text_at(operation, "from"), &from)) {
        return STRATA_INVALID_PATH;
    }
    if (is_op(operation, "move")) {
        return move(c, &from, &to);
    }
    const tree *copied = path_resolve(c->root, &from, &where);
    return copied == NULL ? STRATA_NOT_FOUND : add(c, &to, copied);
}

strata_status change_patch(doc_change *c, const tree *operations) {
    for (size_t i = 0; i < operations->count; i++) {
        strata_status status = do_operation(c, operations->items[i]);
        status = status == STRATA_OK ? check_size(c) : status;
        if (status != STRATA_OK) {
            return status;
        }
    }
    return c->root->type == STRATA_OBJECT ? STRATA_OK : refuse(c, "root_not_object");
}

bool patch_looks(const tree *operations) {
    for (size_t i = 0; i < operations->count; i++) {
        const tree *operation = operations->items[i];
        if (is_op(operation, "test") || is_op(operation, "copy") || is_op(operation, "move")) {
            return true;
        }
    }
    return false;
}

/* ---- RFC 7396 -------------------------------------------------------------------------------- */

/* Members of objects that are null are left out. */
static const tree *stripped(st_arena *arena, const tree *value) {
    if (value->type != STRATA_OBJECT) {
        return value;
    }
    tree *made = take(arena, sizeof *made);
    *made = *value;
    made->count = 0;
    made->items = take(arena, value->count * sizeof(tree *));
    made->names = take(arena, value->count * sizeof *made->names);
    for (size_t i = 0; i < value->count; i++) {
        if (value->items[i]->type != STRATA_NULL) {
            made->names[made->count] = value->names[i];
            made->items[made->count++] = stripped(arena, value->items[i]);
        }
    }
    return made;
}

static void merge_at(doc_change *c, const tree *old, const tree *patch, const tree_route *route) {
    for (size_t i = 0; i < patch->count; i++) {
        const tree *value = patch->items[i];
        const size_t place = tree_find(old, patch->names[i]);
        tree_edit edit = {.kind = TREE_PUT, .route = *route};
        add_name(&edit.route, patch->names[i]);
        if (value->type == STRATA_NULL) {
            edit.kind = TREE_DELETE;
            assert_true(place == old->count || do_edit(c, &edit));
            continue;
        }
        const tree *before = place == old->count ? &none : old->items[place];
        if (value->type == STRATA_OBJECT && before->type == STRATA_OBJECT) {
            merge_at(c, before, value, &edit.route);
            continue;
        }
        edit.value = stripped(c->arena, value);
        if (place == old->count || !tree_equal(edit.value, before)) {
            assert_true(do_edit(c, &edit));
        }
    }
}

strata_status change_merge(doc_change *c, const tree *patch) {
    const tree_route root = {.count = 0};
    merge_at(c, c->root, patch, &root);
    return check_size(c);
}

static void leaves_at(const tree *patch, const tree_route *route,
                      void (*visit)(void *arg, const tree_route *route), void *arg) {
    for (size_t i = 0; i < patch->count; i++) {
        tree_route below = *route;
        add_name(&below, patch->names[i]);
        if (patch->items[i]->type == STRATA_OBJECT && patch->items[i]->count > 0) {
            leaves_at(patch->items[i], &below, visit, arg);
        } else {
            visit(arg, &below);
        }
    }
}

void merge_leaves(const tree *patch, void (*visit)(void *arg, const tree_route *route), void *arg) {
    const tree_route root = {.count = 0};
    leaves_at(patch, &root, visit, arg);
}
