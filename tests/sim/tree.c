/* tree.c - see tree.h. */
#include "tree.h"

static void *take(st_arena *arena, size_t size) {
    void *memory = st_arena_alloc(arena, size + 1, 16);
    assert_non_null(memory);
    memset(memory, 0, size + 1);
    return memory;
}

static strata_slice copy_bytes(st_arena *arena, strata_slice bytes) {
    uint8_t *copy = take(arena, bytes.len);
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    return st_slice(copy, bytes.len);
}

/* A container with room for so many entries. */
static tree *make(st_arena *arena, strata_type type, size_t count) {
    tree *node = take(arena, sizeof *node);
    node->type = type;
    node->count = count;
    node->items = take(arena, count * sizeof(tree *));
    if (type == STRATA_OBJECT) {
        node->names = take(arena, count * sizeof *node->names);
    } else {
        node->ids = take(arena, count * sizeof *node->ids);
    }
    return node;
}

/* ---- MessagePack ----------------------------------------------------------------------------- */

static const tree *read_at(st_arena *arena, st_cursor *cursor) {
    const st_cursor start = *cursor;
    st_token token;
    assert_true(st_msgpack_next(cursor, &token));
    if (token.type != STRATA_ARRAY && token.type != STRATA_OBJECT) {
        tree *scalar = take(arena, sizeof *scalar);
        scalar->type = token.type;
        scalar->scalar = st_slice(start.at, (size_t)(cursor->at - start.at));
        return scalar;
    }
    tree *node = make(arena, token.type, token.as.count);
    for (size_t i = 0; i < node->count; i++) {
        if (node->type == STRATA_OBJECT) {
            st_token name;
            assert_true(st_msgpack_next(cursor, &name));
            node->names[i] = name.as.bytes;
        } else {
            node->ids[i] = node->next_id++;
        }
        node->items[i] = read_at(arena, cursor);
    }
    return node;
}

const tree *tree_read(st_arena *arena, strata_slice msgpack) {
    st_cursor cursor = st_cursor_over(copy_bytes(arena, msgpack));
    return read_at(arena, &cursor);
}

void tree_write(const tree *node, strata_buffer *out) {
    strata_status status = STRATA_OK;
    if (node->type == STRATA_ARRAY) {
        status = st_msgpack_put_array(out, (uint32_t)node->count);
    } else if (node->type == STRATA_OBJECT) {
        status = st_msgpack_put_object(out, (uint32_t)node->count);
    } else {
        status = st_buffer_append(out, node->scalar.data, node->scalar.len);
    }
    assert_int_equal(status, STRATA_OK);
    for (size_t i = 0; i < node->count; i++) {
        if (node->type == STRATA_OBJECT) {
            assert_int_equal(st_msgpack_put_string(out, node->names[i]), STRATA_OK);
        }
        tree_write(node->items[i], out);
    }
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

static bool is_container(const tree *node) {
    return node->type == STRATA_ARRAY || node->type == STRATA_OBJECT;
}

const tree *tree_copy(st_arena *arena, const tree *node) {
    if (!is_container(node)) {
        tree *scalar = take(arena, sizeof *scalar);
        *scalar = *node;
        scalar->scalar = copy_bytes(arena, node->scalar);
        return scalar;
    }
    tree *copy = make(arena, node->type, node->count);
    copy->next_id = node->next_id;
    for (size_t i = 0; i < node->count; i++) {
        copy->items[i] = tree_copy(arena, node->items[i]);
        if (node->type == STRATA_OBJECT) {
            copy->names[i] = copy_bytes(arena, node->names[i]);
        } else {
            copy->ids[i] = node->ids[i];
        }
    }
    return copy;
}

size_t tree_find(const tree *object, strata_slice name) {
    size_t i = 0;
    while (i < object->count && !st_slice_equal(object->names[i], name)) {
        i++;
    }
    return i;
}

size_t tree_find_id(const tree *array, uint32_t id) {
    size_t i = 0;
    while (i < array->count && array->ids[i] != id) {
        i++;
    }
    return i;
}

const tree *tree_object(st_arena *arena, strata_slice name, const tree *value) {
    tree *object = make(arena, STRATA_OBJECT, 1);
    object->names[0] = name;
    object->items[0] = value;
    return object;
}

bool tree_equal(const tree *a, const tree *b) {
    if (a->type != b->type || a->count != b->count) {
        return false;
    }
    if (!is_container(a)) {
        return st_slice_equal(a->scalar, b->scalar);
    }
    for (size_t i = 0; i < a->count; i++) {
        const size_t j = a->type == STRATA_ARRAY ? i : tree_find(b, a->names[i]);
        if (j == b->count || !tree_equal(a->items[i], b->items[j])) {
            return false;
        }
    }
    return true;
}

size_t tree_depth(const tree *node) {
    size_t deepest = 0;
    for (size_t i = 0; i < node->count; i++) {
        const size_t depth = tree_depth(node->items[i]);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + is_container(node);
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

static size_t varint_bytes(uint64_t number) {
    size_t bytes = 1;
    while (number >= 128) {
        number >>= 7;
        bytes++;
    }
    return bytes;
}

static size_t scalar_bytes(const tree *node) {
    st_cursor cursor = st_cursor_over(node->scalar);
    st_token token;
    assert_true(st_msgpack_next(&cursor, &token));
    switch (token.type) {
    case STRATA_INT: {
        const uint64_t bits = (uint64_t)token.as.integer;
        return 1 + varint_bytes(token.as.integer < 0 ? ~bits << 1 | 1 : bits << 1);
    }
    case STRATA_FLOAT:
        return 9;
    case STRATA_STRING:
    case STRATA_BYTES:
        return 1 + varint_bytes(token.as.bytes.len) + token.as.bytes.len;
    default:
        return 1;
    }
}

/* What an array has more when its ids are not those of a new one. */
static size_t ids_bytes(const tree *array) {
    bool fresh = array->next_id == array->count;
    size_t bytes = 8;
    for (size_t i = 0; i < array->count; i++) {
        size_t length = 1;
        const size_t first = i;
        fresh = fresh && array->ids[i] == i;
        while (i + 1 < array->count && array->ids[i + 1] == array->ids[i] + 1) {
            i++;
            fresh = fresh && array->ids[i] == i;
            length++;
        }
        bytes += varint_bytes(array->ids[first]) + varint_bytes(length);
    }
    return fresh ? 0 : bytes;
}

size_t tree_bytes(const tree *node) {
    if (!is_container(node)) {
        return scalar_bytes(node);
    }
    size_t bytes = 9 + (node->type == STRATA_ARRAY ? ids_bytes(node) : 0);
    for (size_t i = 0; i < node->count; i++) {
        bytes += tree_bytes(node->items[i]);
        if (node->type == STRATA_OBJECT) {
            bytes += varint_bytes(node->names[i].len) + node->names[i].len;
        }
    }
    return bytes;
}

/* ---- Changing -------------------------------------------------------------------------------- */

/* The node with its entry at `place` left out (value NULL), or with another one put before or in the place
 * of it. */
static tree *with(st_arena *arena, const tree *node, size_t place, const tree *value,
                  bool inserts) {
    const size_t skipped = inserts ? 0 : 1;
    const size_t added = value == NULL ? 0 : 1;
    tree *made = make(arena, node->type, node->count - skipped + added);
    made->next_id = node->next_id;
    for (size_t i = 0; i < made->count; i++) {
        const size_t from = i < place + added ? i : i + skipped - added;
        if (added > 0 && i == place) {
            made->items[i] = value;
            if (!inserts && node->type == STRATA_OBJECT) {
                made->names[i] = node->names[i];
            } else if (!inserts) {
                made->ids[i] = node->ids[i];
            }
            continue;
        }
        made->items[i] = node->items[from];
        if (node->type == STRATA_OBJECT) {
            made->names[i] = node->names[from];
        } else {
            made->ids[i] = node->ids[from];
        }
    }
    return made;
}

static const tree *insert(st_arena *arena, const tree *array, const tree_edit *edit) {
    const size_t place = edit->at_end ? array->count : tree_find_id(array, edit->before);
    if (array->type != STRATA_ARRAY || (!edit->at_end && place == array->count) ||
        edit->id < array->next_id) {
        return NULL;
    }
    tree *made = with(arena, array, place, edit->value, true);
    made->ids[place] = edit->id;
    made->next_id = edit->id + 1;
    return made;
}

static const tree *apply_at(st_arena *arena, const tree *node, const tree_edit *edit, size_t at) {
    if (at == edit->route.count) {
        return edit->kind == TREE_INSERT ? insert(arena, node, edit)
               : edit->kind == TREE_PUT  ? edit->value
                                         : NULL;
    }
    const tree_step *step = &edit->route.steps[at];
    if (node->type != (step->named ? STRATA_OBJECT : STRATA_ARRAY)) {
        return NULL;
    }
    const bool last = at + 1 == edit->route.count;
    const size_t place = step->named ? tree_find(node, step->name) : tree_find_id(node, step->id);
    if (place == node->count) {
        if (!last || edit->kind != TREE_PUT || !step->named) {
            return NULL;
        }
        tree *made = with(arena, node, place, edit->value, true);
        made->names[place] = step->name;
        return made;
    }
    if (last && edit->kind == TREE_DELETE) {
        return with(arena, node, place, NULL, false);
    }
    const tree *below = apply_at(arena, node->items[place], edit, at + 1);
    return below == NULL ? NULL : with(arena, node, place, below, false);
}

const tree *tree_apply(st_arena *arena, const tree *root, const tree_edit *edit) {
    return apply_at(arena, root, edit, 0);
}
