/* draw_json.c - documents, paths into them, patches. Paths mostly lead to what is there, or just beside
 * it, so the generator walks the documents of the model; names are few, so that clients meet.
 */
#include "draw_json.h"

static const char *const names[] = {"a", "b", "x", "l", "~/", "0"};
enum { NAMES = sizeof names / sizeof names[0] };

strata_slice pick_document_key(maker *mk) {
    return one_in(mk, 6) ? pick_key(mk, 'd') : pick_text(mk, "d%u", (unsigned)pick(mk, 3));
}

static void put_value(maker *mk, strata_buffer *out) {
    const strata_slice value = pick_value(mk);
    put(st_buffer_append(out, value.data, value.len));
}

static strata_slice taken(maker *mk, strata_buffer *out) {
    const strata_slice bytes = arena_bytes(mk->arena, st_buffer_slice(out));
    strata_buffer_free(out);
    return bytes;
}

strata_slice pick_document(maker *mk) {
    strata_buffer out = {NULL, 0, 0, NULL};
    const uint32_t elements = (uint32_t)pick(mk, 6);
    put(st_msgpack_put_object(&out, one_in(mk, 20) ? 0 : 3));
    if (out.data[0] == 0x80) {
        return taken(mk, &out);
    }
    put_name(&out, names[pick(mk, 2)]);
    put_value(mk, &out);
    put_name(&out, "x");
    put(st_msgpack_put_object(&out, 2));
    put_name(&out, "a");
    put_value(mk, &out);
    put_name(&out, names[3 + pick(mk, 3)]);
    put_value(mk, &out);
    put_name(&out, "l");
    put(st_msgpack_put_array(&out, elements));
    for (uint32_t i = 0; i < elements; i++) {
        put_value(mk, &out);
    }
    return taken(mk, &out);
}

/* Any value; more often than elsewhere a container. */
strata_slice pick_part(maker *mk) {
    strata_buffer out = {NULL, 0, 0, NULL};
    if (one_in(mk, 12)) {
        return pick_document(mk);
    }
    if (one_in(mk, 6)) {
        const uint32_t count = (uint32_t)pick(mk, 5);
        put(st_msgpack_put_array(&out, count));
        for (uint32_t i = 0; i < count; i++) {
            put_value(mk, &out);
        }
        return taken(mk, &out);
    }
    return pick_value(mk);
}

/* ---- Paths ----------------------------------------------------------------------------------- */

/* The document as it is now; NULL: there is none. */
static const tree *document_of(const maker *mk, const op *o) {
    const moment now = {.model = mk->model, .snapshot = mk->model->last};
    unsigned run;
    if (!op_has_run(o, &now, &run)) {
        return NULL;
    }
    const model_version *version = model_live(mk->model, run, MODEL_JSON, o->key, mk->model->last);
    return version == NULL ? NULL : ((const model_document *)version->value.data)->root;
}

typedef struct path_text {
    bool dotted;
    size_t len;
    char text[1024];
} path_text;

static void add_text(path_text *to, const char *text, size_t len) {
    assert_true(to->len + len <= sizeof to->text);
    memcpy(to->text + to->len, text, len);
    to->len += len;
}

static void add_name(path_text *to, strata_slice name) {
    const char *from = name.data;
    const bool plain = name.len > 0 && from[0] != '~' && from[0] != '-';
    add_text(to, to->dotted ? (plain ? "." : "[\"") : "/", to->dotted && !plain ? 2 : 1);
    for (size_t i = 0; i < name.len; i++) {
        if (to->dotted || (from[i] != '~' && from[i] != '/')) {
            add_text(to, &from[i], 1);
        } else {
            add_text(to, from[i] == '~' ? "~0" : "~1", 2);
        }
    }
    add_text(to, "\"]", to->dotted && !plain ? 2 : 0);
}

static void add_index(path_text *to, size_t index) {
    char text[32];
    const int len = snprintf(text, sizeof text, to->dotted ? "[%zu]" : "/%zu", index);
    add_text(to, text, (size_t)len);
}

/* One step beside what is there. */
static void add_beside(maker *mk, path_text *to, const tree *node) {
    const uint64_t die = pick(mk, 8);
    if (node != NULL && node->type == STRATA_ARRAY && die < 6) {
        if (die < 3) {
            add_text(to, to->dotted ? "[-]" : "/-", to->dotted ? 3 : 2);
        } else {
            add_index(to, node->count + pick(mk, 2));
        }
    } else {
        add_name(to, strata_text(names[pick(mk, NAMES)]));
    }
}

/* A path into the document: to something that is there, or beside it. */
static strata_slice walk(maker *mk, const tree *node, bool beside) {
    path_text to = {.dotted = one_in(mk, 2)};
    size_t steps = 0;
    if (to.dotted) {
        add_text(&to, "$", 1);
    }
    while (node != NULL && node->count > 0 && steps < 12 && (steps == 0 || !one_in(mk, 3))) {
        const size_t place = (size_t)pick(mk, node->count);
        if (node->type == STRATA_OBJECT) {
            add_name(&to, node->names[place]);
        } else {
            add_index(&to, place);
        }
        node = node->items[place];
        steps++;
    }
    if (beside || steps == 0) {
        add_beside(mk, &to, node);
    }
    while (beside && one_in(mk, 4)) {
        add_beside(mk, &to, NULL);
    }
    return arena_bytes(mk->arena, st_slice(to.text, to.len));
}

strata_slice pick_path(maker *mk, const op *o) {
    if (one_in(mk, 60)) {
        static const char *const refused[] = {"a", "/~2", "$.", "$[", "$[x]", "$a", "$[\"a\""};
        return strata_text(refused[pick(mk, sizeof refused / sizeof refused[0])]);
    }
    if (one_in(mk, 25)) {
        return strata_text(one_in(mk, 2) ? "" : "$");
    }
    return walk(mk, document_of(mk, o), one_in(mk, 3));
}

/* ---- Patches --------------------------------------------------------------------------------- */

static void put_text_value(strata_buffer *out, const char *name, const char *text) {
    put_text(out, name, strata_text(text));
}

/* What is at the path, so that a test mostly holds; else anything. */
static void put_tested(maker *mk, strata_buffer *out, const op *o, strata_slice text) {
    doc_path *at = st_arena_alloc(mk->arena, sizeof *at, 16);
    doc_region where;
    const tree *root = document_of(mk, o);
    const tree *found = at != NULL && root != NULL && path_read(mk->arena, text, at)
                            ? path_resolve(root, at, &where)
                            : NULL;
    put_name(out, "value");
    if (found == NULL || one_in(mk, 8)) {
        put_value(mk, out);
    } else {
        tree_write(found, out);
    }
}

enum { COPIED_BYTES_MAX = 3000 };

static void put_operation(maker *mk, strata_buffer *out, const op *o) {
    const tree *root = document_of(mk, o);
    const uint64_t die = pick(mk, 12);
    const bool small = root != NULL && tree_bytes(root) < COPIED_BYTES_MAX;
    const bool takes = die >= 7 && die < 10 && small;
    const strata_slice at = takes || die < 4 ? walk(mk, root, one_in(mk, 3)) : pick_path(mk, o);
    put(st_msgpack_put_object(out, die >= 4 && die < 6 ? 2 : 3));
    put_text(out, "path", at);
    if (takes) {
        put_text_value(out, "op", die == 7 ? "copy" : "move");
        put_text(out, "from", walk(mk, root, one_in(mk, 8)));
    } else if (die < 4) {
        put_text_value(out, "op", "add");
        put_raw(out, "value", pick_part(mk));
    } else if (die < 6) {
        put_text_value(out, "op", "remove");
    } else if (die < 10) {
        put_text_value(out, "op", "replace");
        put_raw(out, "value", pick_part(mk));
    } else {
        put_text_value(out, "op", "test");
        put_tested(mk, out, o, at);
    }
}

/* What no document has. */
static void put_unique(maker *mk, strata_buffer *out) {
    put(st_msgpack_put_int(out, (int64_t)(test_random(mk->chance) >> 1)));
}

strata_slice pick_patch(maker *mk, op *o) {
    strata_buffer out = {NULL, 0, 0, NULL};
    const uint32_t count = (uint32_t)pick(mk, 4);
    o->idle = one_in(mk, 10);
    if (o->idle) {
        const strata_slice at = pick_path(mk, o);
        put(st_msgpack_put_array(&out, 1));
        put(st_msgpack_put_object(&out, 3));
        put_text_value(&out, "op", "test");
        put_text(&out, "path", at);
        put_tested(mk, &out, o, at);
        return taken(mk, &out);
    }
    put(st_msgpack_put_array(&out, count + !mk->alone));
    for (uint32_t i = 0; i < count; i++) {
        put_operation(mk, &out, o);
    }
    if (!mk->alone) {
        put(st_msgpack_put_object(&out, 3));
        put_text_value(&out, "op", "add");
        put_text_value(&out, "path", "/u");
        put_name(&out, "value");
        put_unique(mk, &out);
    }
    return taken(mk, &out);
}

/* One value that is null now and then, or an object of the same kind. */
static void put_merged(maker *mk, strata_buffer *out, unsigned depth) {
    if (one_in(mk, 4)) {
        put(st_msgpack_put_null(out));
        return;
    }
    if (depth > 3 || one_in(mk, 2)) {
        const strata_slice part = pick_part(mk);
        put(st_buffer_append(out, part.data, part.len));
        return;
    }
    const uint32_t first = (uint32_t)pick(mk, NAMES);
    const uint32_t count = (uint32_t)pick(mk, 3);
    put(st_msgpack_put_object(out, count));
    for (uint32_t i = 0; i < count; i++) {
        put_name(out, names[(first + i) % NAMES]);
        put_merged(mk, out, depth + 1);
    }
}

strata_slice pick_merge(maker *mk, op *o) {
    strata_buffer out = {NULL, 0, 0, NULL};
    const uint32_t first = (uint32_t)pick(mk, NAMES);
    o->idle = one_in(mk, 12);
    const uint32_t count = o->idle ? 0 : (uint32_t)pick(mk, 4);
    const bool unique = !o->idle && !mk->alone;
    put(st_msgpack_put_object(&out, count + unique));
    for (uint32_t i = 0; i < count; i++) {
        put_name(&out, names[(first + i) % NAMES]);
        put_merged(mk, &out, 0);
    }
    if (unique) {
        put_name(&out, "u");
        put_unique(mk, &out);
    }
    return taken(mk, &out);
}
