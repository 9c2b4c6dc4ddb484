/* document_check.c - is a document that somebody else may have written one that we could have?
 *
 * One walk over all nodes checks what can be seen without memory: sizes that fit each other, the one
 * form of each value, UTF-8, depth, numbers of entries. What needs to compare many things with each
 * other, names of an object and the ids of an array, comes in the same walk where there is an arena.
 *
 * Invariants:
 * 1. Time is linear in the bytes, but n log n for the runs of an array and for names that were made to
 *    meet in a hash table; the names of an object are read once more, the nodes between them skipped.
 * 2. Memory is in proportion to the entries of objects, and the runs of arrays, of the document.
 */
#include "base/sort.h"
#include "base/utf8.h"
#include "format/document_bytes.h"
#include "format/document_walk.h"
#include "format/names.h"

/* Whether runs of ids say an id for each element, in the one form they have. */
static bool runs_are_sound(const st_node *array) {
    st_cursor cursor = st_cursor_over(array->runs);
    st_id_run run;
    uint64_t count = 0;
    uint64_t behind = UINT64_MAX; /* the id after the run before */
    uint32_t runs = 0;
    bool plain = true; /* as an array of the first kind would be */
    for (; cursor.at < cursor.end; runs++) {
        if (!st_id_run_next(&cursor, array->next_id, &run) || run.first == behind) {
            return false;
        }
        count += run.count;
        plain = plain && runs == 0 && run.first == 0;
        behind = (uint64_t)run.first + run.count;
    }
    return count == array->as.count && !(plain && count == array->next_id);
}

static bool is_reshaped(const st_node *node) {
    return *(const uint8_t *)node->raw.data == ST_TAG_RESHAPED;
}

static bool node_is_sound(const st_node *node, const st_document_limits *limits) {
    switch (node->type) {
    case STRATA_STRING:
        return st_utf8_valid(node->as.bytes, NULL);
    case STRATA_ARRAY:
        return node->as.count <= limits->entries_max &&
               (!is_reshaped(node) || runs_are_sound(node));
    case STRATA_OBJECT:
        return node->as.count <= limits->entries_max;
    default:
        return true;
    }
}

/* ---- Things that come twice ------------------------------------------------------------------ */

static int compare_runs(const void *a, const void *b) {
    const st_id_run *x = a;
    const st_id_run *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static strata_status check_ids(const st_node *array, st_arena *scratch) {
    enum { RUN_BYTES_MIN = 2 };
    const size_t most = array->runs.len / RUN_BYTES_MIN;
    st_id_run *runs = st_arena_alloc(scratch, most * sizeof *runs, sizeof(uint32_t));
    st_cursor cursor = st_cursor_over(array->runs);
    size_t count = 0;
    if (runs == NULL) {
        return STRATA_NO_MEMORY;
    }
    while (count < most && st_id_run_next(&cursor, array->next_id, &runs[count])) {
        count++;
    }
    st_sort(runs, count, sizeof *runs, compare_runs);
    for (size_t i = 1; i < count; i++) {
        if (runs[i].first - runs[i - 1].first < runs[i - 1].count) {
            return STRATA_CORRUPT;
        }
    }
    return STRATA_OK;
}

enum { FEW_NAMES = 16 };

static strata_status check_names(const st_node *object, st_arena *scratch) {
    strata_slice few[FEW_NAMES];
    strata_slice *names = few;
    st_cursor at = st_cursor_over(object->entries);
    size_t second;
    if (object->as.count > FEW_NAMES) {
        names = st_arena_alloc(scratch, object->as.count * sizeof *names, sizeof(void *));
        if (names == NULL) {
            return STRATA_NO_MEMORY;
        }
    }
    for (uint32_t i = 0; i < object->as.count; i++) {
        uint32_t len;
        if (!st_document_varint(&at, &len) || !st_cursor_take(&at, len, &names[i])) {
            return STRATA_CORRUPT;
        }
        const size_t size = st_document_skip(at.at, at.end);
        if (size == 0) {
            return STRATA_CORRUPT;
        }
        at.at += size;
    }
    return st_names_repeat(names, object->as.count, &second) ? STRATA_CORRUPT : STRATA_OK;
}

static strata_status check_repeats(const st_node *node, st_arena *scratch) {
    if (node->type == STRATA_OBJECT && node->as.count > 1) {
        return check_names(node, scratch);
    }
    return node->type == STRATA_ARRAY && node->runs.len != 0 ? check_ids(node, scratch) : STRATA_OK;
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* scratch NULL: without what needs it. */
static strata_status check(strata_slice document, const st_document_limits *limits, size_t *depth,
                           st_arena *scratch) {
    st_walk walk;
    size_t deepest = 0;
    if (document.len > limits->bytes_max) {
        return STRATA_CORRUPT;
    }
    st_walk_start(&walk, document);
    while (st_walk_next(&walk)) {
        const bool container = walk.node.type == STRATA_ARRAY || walk.node.type == STRATA_OBJECT;
        deepest = st_max(deepest, walk.depth + container);
        if (deepest > limits->depth_max || !node_is_sound(&walk.node, limits) ||
            (walk.name.data != NULL && !st_utf8_valid(walk.name, NULL))) {
            return STRATA_CORRUPT;
        }
        if (scratch != NULL) {
            ST_TRY(check_repeats(&walk.node, scratch));
        }
    }
    if (depth != NULL) {
        *depth = deepest;
    }
    return walk.malformed ? STRATA_CORRUPT : STRATA_OK;
}

strata_status st_document_check(strata_slice document, const st_document_limits *limits,
                                st_arena *scratch) {
    return check(document, limits, NULL, scratch);
}

bool st_document_check_shape(strata_slice document, const st_document_limits *limits,
                             size_t *depth) {
    return check(document, limits, depth, NULL) == STRATA_OK;
}
