/* document_compare.c - are two documents equal, and where do they differ?
 *
 * Both walk pairs of nodes that belong together, with a stack of frames in the arena for the pairs that
 * are open: members by name, elements by their place (equality) or their id (differences).
 *
 * Invariants:
 * 1. A value has one form, so scalars are equal when their bytes are; containers whose bytes are, are not
 *    gone into. What two versions of a document share costs a memcmp.
 * 2. Names of the same order cost nothing to find, others are sorted once (document_members.c): nothing
 *    is quadratic in what a sender chose.
 * 3. Nothing recurses; a pair that is deeper than ST_DOCUMENT_FRAMES_MAX is corrupt.
 * Rejected for arrays: the longest common subsequence. Ids say what belongs together, at no cost, and
 * where they do not (arrays of different origin), the answer is right, if not the shortest.
 */
#include "format/document_compare.h"

#include "format/document_members.h"
#include "format/path.h"

/* A pair of containers of the same type. */
typedef struct pair {
    st_node a;
    st_node b;
    st_node_iter in_a;
    st_node_iter in_b;
    st_members a_members;
    st_members b_members;
    st_id_places a_ids;
    st_id_places b_ids;
    size_t a_pointer_len;
    size_t b_pointer_len;
    bool b_only; /* of objects: all of a was seen, what only b has comes now */
    bool by_id;
    bool has_a; /* in_a, in_b are at an element that was not dealt with yet */
    bool has_b;
} pair;

typedef struct comparison {
    st_arena *scratch;
    pair *pairs[ST_DOCUMENT_FRAMES_MAX]; /* made when first so deep */
    size_t made;
    size_t depth;
    /* Of differences: */
    strata_host host;        /* whose memory is that of scratch */
    strata_buffer a_pointer; /* of the current pair, in each document: elements have other places */
    strata_buffer b_pointer;
    st_difference_visit visit;
    void *arg;
} comparison;

static bool is_container(const st_node *node) {
    return node->type == STRATA_ARRAY || node->type == STRATA_OBJECT;
}

static strata_status push(comparison *of, const st_node *a, const st_node *b, pair **out) {
    if (of->depth == ST_DOCUMENT_FRAMES_MAX) {
        return STRATA_CORRUPT;
    }
    if (of->depth == of->made) {
        pair *made = st_arena_alloc(of->scratch, sizeof *made, sizeof(void *));
        if (made == NULL) {
            return STRATA_NO_MEMORY;
        }
        of->pairs[of->made++] = made;
    }
    pair *top = of->pairs[of->depth++];
    top->a = *a;
    top->b = *b;
    st_node_iter_start(&top->in_a, a);
    st_node_iter_start(&top->in_b, b);
    st_members_start(&top->b_members, b, of->scratch);
    *out = top;
    return STRATA_OK;
}

static strata_status corrupt_if(bool malformed) {
    return malformed ? STRATA_CORRUPT : STRATA_OK;
}

/* ---- Equality -------------------------------------------------------------------------------- */

/* A pair that belongs together: *equal as far as can be told at once, or it is pushed. */
static strata_status compare_pair(comparison *of, const st_node *a, const st_node *b, bool *equal) {
    pair *pushed;
    *equal = st_slice_equal(a->raw, b->raw);
    if (*equal || a->type != b->type || !is_container(a) || a->as.count != b->as.count) {
        return STRATA_OK;
    }
    *equal = true;
    return push(of, a, b, &pushed);
}

/* The next pair of the top; *done: there is none. */
static strata_status next_pair(pair *top, st_node *b, bool *equal, bool *done) {
    *done = !st_node_iter_next(&top->in_a);
    if (*done) {
        return corrupt_if(top->in_a.malformed);
    }
    if (top->a.type == STRATA_OBJECT) {
        return st_members_find(&top->b_members, top->in_a.name, b, equal);
    }
    if (!st_node_iter_next(&top->in_b)) {
        return STRATA_CORRUPT;
    }
    *b = top->in_b.node;
    return STRATA_OK;
}

strata_status st_document_equal(strata_slice a, strata_slice b, st_arena *scratch, bool *equal) {
    comparison of = {.scratch = scratch};
    st_node root_a;
    st_node root_b;
    bool same = true;
    if (!st_node_read(a, &root_a) || !st_node_read(b, &root_b)) {
        return STRATA_CORRUPT;
    }
    ST_TRY(compare_pair(&of, &root_a, &root_b, &same));
    while (same && of.depth > 0) {
        pair *top = of.pairs[of.depth - 1];
        st_node other;
        bool done;
        ST_TRY(next_pair(top, &other, &same, &done));
        if (done) {
            of.depth--;
        } else if (same) {
            ST_TRY(compare_pair(&of, &top->in_a.node, &other, &same));
        }
    }
    *equal = same;
    return STRATA_OK;
}

/* ---- Differences ----------------------------------------------------------------------------- */

static strata_status tell(comparison *of, st_difference_kind kind, strata_slice before,
                          strata_slice after) {
    const strata_buffer *pointer = kind == ST_DIFFERENCE_REMOVED ? &of->a_pointer : &of->b_pointer;
    const st_difference difference = {kind, st_buffer_slice(pointer), before, after};
    return of->visit(of->arg, &difference);
}

static const strata_slice NOTHING = {NULL, 0};

/* Whether what the two arrays have in common is in the same order in both. */
static strata_status same_order(const pair *top, bool *same) {
    st_node_iter it;
    uint32_t before = 0;
    bool first = true;
    *same = true;
    st_node_iter_start(&it, &top->a);
    while (*same && st_node_iter_next(&it)) {
        uint32_t index;
        if (st_id_places_find(&top->b_ids, it.id, &index)) {
            *same = first || index > before;
            before = index;
            first = false;
        }
    }
    return corrupt_if(it.malformed);
}

static strata_status begin_pair(comparison *of, const st_node *a, const st_node *b) {
    pair *top;
    ST_TRY(push(of, a, b, &top));
    top->a_pointer_len = of->a_pointer.len;
    top->b_pointer_len = of->b_pointer.len;
    top->b_only = false;
    top->has_a = false;
    top->has_b = false;
    if (a->type == STRATA_OBJECT) {
        st_members_start(&top->a_members, a, of->scratch);
        return STRATA_OK;
    }
    ST_TRY(st_id_places_make(&top->a_ids, a, of->scratch));
    ST_TRY(st_id_places_make(&top->b_ids, b, of->scratch));
    return same_order(top, &top->by_id);
}

/* The pointer is that of the pair. */
static strata_status differ(comparison *of, const st_node *a, const st_node *b) {
    if (st_slice_equal(a->raw, b->raw)) {
        return STRATA_OK;
    }
    return a->type == b->type && is_container(a) ? begin_pair(of, a, b)
                                                 : tell(of, ST_DIFFERENCE_CHANGED, a->raw, b->raw);
}

static strata_status step_object(comparison *of, pair *top, bool *done) {
    st_node other;
    bool found;
    if (!top->b_only) {
        if (st_node_iter_next(&top->in_a)) {
            const strata_slice name = top->in_a.name;
            ST_TRY(st_members_find(&top->b_members, name, &other, &found));
            ST_TRY(st_pointer_put_name(&of->a_pointer, name));
            ST_TRY(st_pointer_put_name(&of->b_pointer, name));
            return found ? differ(of, &top->in_a.node, &other)
                         : tell(of, ST_DIFFERENCE_REMOVED, top->in_a.node.raw, NOTHING);
        }
        top->b_only = true;
        return corrupt_if(top->in_a.malformed);
    }
    if (st_node_iter_next(&top->in_b)) {
        const strata_slice name = top->in_b.name;
        ST_TRY(st_members_find(&top->a_members, name, &other, &found));
        if (found) {
            return STRATA_OK;
        }
        ST_TRY(st_pointer_put_name(&of->b_pointer, name));
        return tell(of, ST_DIFFERENCE_ADDED, NOTHING, top->in_b.node.raw);
    }
    *done = true;
    return corrupt_if(top->in_b.malformed);
}

/* Whether the element the iterator is at has one in the other array it belongs to. */
static bool has_other(const pair *top, const st_node_iter *it, const st_id_places *other) {
    uint32_t index;
    return top->by_id ? st_id_places_find(other, it->id, &index) : it->index < other->count;
}

static strata_status step_array(comparison *of, pair *top, bool *done) {
    top->has_a = top->has_a || st_node_iter_next(&top->in_a);
    top->has_b = top->has_b || st_node_iter_next(&top->in_b);
    if (top->in_a.malformed || top->in_b.malformed) {
        return STRATA_CORRUPT;
    }
    const st_node *a = &top->in_a.node;
    const st_node *b = &top->in_b.node;
    if (top->has_a && !has_other(top, &top->in_a, &top->b_ids)) {
        top->has_a = false;
        ST_TRY(st_pointer_put_index(&of->a_pointer, top->in_a.index));
        return tell(of, ST_DIFFERENCE_REMOVED, a->raw, NOTHING);
    }
    if (top->has_b && !has_other(top, &top->in_b, &top->a_ids)) {
        top->has_b = false;
        ST_TRY(st_pointer_put_index(&of->b_pointer, top->in_b.index));
        return tell(of, ST_DIFFERENCE_ADDED, NOTHING, b->raw);
    }
    *done = !top->has_a && !top->has_b;
    if (*done) {
        return STRATA_OK;
    }
    if (!top->has_a || !top->has_b) {
        return STRATA_CORRUPT;
    }
    top->has_a = false;
    top->has_b = false;
    ST_TRY(st_pointer_put_index(&of->a_pointer, top->in_a.index));
    ST_TRY(st_pointer_put_index(&of->b_pointer, top->in_b.index));
    return differ(of, a, b);
}

static strata_status diff(comparison *of, strata_slice a, strata_slice b) {
    st_node root_a;
    st_node root_b;
    if (!st_node_read(a, &root_a) || !st_node_read(b, &root_b)) {
        return STRATA_CORRUPT;
    }
    ST_TRY(differ(of, &root_a, &root_b));
    while (of->depth > 0) {
        pair *top = of->pairs[of->depth - 1];
        bool done = false;
        of->a_pointer.len = top->a_pointer_len;
        of->b_pointer.len = top->b_pointer_len;
        ST_TRY(top->a.type == STRATA_OBJECT ? step_object(of, top, &done)
                                            : step_array(of, top, &done));
        of->depth -= done;
    }
    return STRATA_OK;
}

strata_status st_document_diff(strata_slice a, strata_slice b, st_arena *scratch,
                               st_difference_visit visit, void *arg) {
    comparison of = {.scratch = scratch, .visit = visit, .arg = arg};
    of.host.memory = *scratch->allocator;
    of.a_pointer.host = &of.host;
    of.b_pointer.host = &of.host;
    const strata_status status = diff(&of, a, b);
    strata_buffer_free(&of.a_pointer);
    strata_buffer_free(&of.b_pointer);
    return status;
}
