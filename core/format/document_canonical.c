/* document_canonical.c - one form for all nodes that are equal as JSON Schema has it.
 *
 * Members come in order of their names, a float that is a whole number becomes that int, and elements get
 * the ids that a new array has. So equality is that of bytes, and many nodes are compared by sorting them.
 *
 * Invariants:
 * 1. Nothing recurses; what is deeper than ST_DOCUMENT_FRAMES_MAX is corrupt.
 * 2. A float beyond 64 signed bits, or with a fraction, keeps its bits: no int equals it.
 * Rejected: a comparison of two nodes that looks past these differences. Elements of an array that must be
 * unique would be compared each with each, and names of objects be looked for.
 */
#include "format/document_canonical.h"

#include "base/sort.h"

typedef struct member {
    strata_slice name;
    strata_slice raw;
} member;

/* An open container. */
typedef struct frame {
    st_node_iter elements; /* of an array */
    member *members;       /* of an object, in order; NULL: it is an array */
    uint32_t count;
    uint32_t next;
    size_t place;
} frame;

typedef struct writer {
    st_arena *scratch;
    strata_buffer *out;
    size_t depth;
    frame *frames[ST_DOCUMENT_FRAMES_MAX]; /* made when first so deep */
    size_t made;
} writer;

bool st_node_is_whole(const st_node *node, int64_t *whole) {
    if (node->type == STRATA_INT) {
        *whole = node->as.integer;
        return true;
    }
    if (node->type != STRATA_FLOAT || !(node->as.real >= -0x1p63 && node->as.real < 0x1p63)) {
        return false;
    }
    *whole = (int64_t)node->as.real;
    return (double)*whole == node->as.real;
}

static int compare_members(const void *a, const void *b) {
    return st_slice_compare(((const member *)a)->name, ((const member *)b)->name);
}

static strata_status sort_members(writer *w, const st_node *object, frame *top) {
    st_node_iter it;
    size_t count = 0;
    top->members =
        st_arena_alloc(w->scratch, ((size_t)object->as.count + 1) * sizeof *top->members, 8);
    if (top->members == NULL) {
        return STRATA_NO_MEMORY;
    }
    st_node_iter_start(&it, object);
    while (st_node_iter_next(&it)) {
        top->members[count++] = (member){it.name, it.node.raw};
    }
    if (it.malformed) {
        return STRATA_CORRUPT;
    }
    st_sort(top->members, count, sizeof *top->members, compare_members);
    return STRATA_OK;
}

static strata_status open_frame(writer *w, const st_node *node) {
    if (w->depth == ST_DOCUMENT_FRAMES_MAX) {
        return STRATA_CORRUPT;
    }
    if (w->depth == w->made) {
        w->frames[w->made] = st_arena_alloc(w->scratch, sizeof(frame), 8);
        if (w->frames[w->made++] == NULL) {
            return STRATA_NO_MEMORY;
        }
    }
    frame *top = w->frames[w->depth++];
    top->members = NULL;
    top->count = node->as.count;
    top->next = 0;
    if (node->type == STRATA_OBJECT) {
        ST_TRY(sort_members(w, node, top));
    } else {
        st_node_iter_start(&top->elements, node);
    }
    return st_document_open(w->out, node->type, &top->place);
}

static strata_status put(writer *w, const st_node *node) {
    int64_t whole;
    if (node->type == STRATA_ARRAY || node->type == STRATA_OBJECT) {
        return open_frame(w, node);
    }
    if (node->type == STRATA_FLOAT && st_node_is_whole(node, &whole)) {
        return st_document_put_int(w->out, whole);
    }
    return st_buffer_append(w->out, node->raw.data, node->raw.len);
}

/* The next entry of the innermost container, or its end. */
static strata_status go_on(writer *w) {
    frame *top = w->frames[w->depth - 1];
    if (top->next == top->count) {
        st_document_close(w->out, top->place, top->count);
        w->depth--;
        return STRATA_OK;
    }
    st_node node;
    if (top->members == NULL) {
        if (!st_node_iter_next(&top->elements)) {
            return STRATA_CORRUPT;
        }
        node = top->elements.node;
    } else {
        const member *of = &top->members[top->next];
        ST_TRY(st_document_put_name(w->out, of->name));
        if (!st_node_read(of->raw, &node)) {
            return STRATA_CORRUPT;
        }
    }
    top->next++;
    return put(w, &node);
}

strata_status st_document_canonical(strata_slice raw, st_arena *scratch, strata_buffer *out) {
    st_node node;
    if (!st_node_read(raw, &node)) {
        return STRATA_CORRUPT;
    }
    writer *w = NULL;
    if (node.type == STRATA_ARRAY || node.type == STRATA_OBJECT) {
        w = st_arena_alloc(scratch, sizeof *w, 8);
        if (w == NULL) {
            return STRATA_NO_MEMORY;
        }
        w->scratch = scratch;
        w->out = out;
        w->depth = 0;
        w->made = 0;
        ST_TRY(open_frame(w, &node));
        while (w->depth > 0) {
            ST_TRY(go_on(w));
        }
        return STRATA_OK;
    }
    writer scalar;
    scalar.out = out;
    return put(&scalar, &node);
}
