/* primitive.c - the one table of primitives.
 *
 * Retention goes by it, and whatever tells a user what a key is of.
 *
 * Invariants:
 * 1. A tag is of one primitive at most; what is of none (records of runs, rules, indexes, floors) is
 *    kept whole.
 * 2. All tags of a primitive have the same rule of retention: a document is never kept without its
 *    patches, nor an edge in one of its directions.
 * 3. Events are whole because each hash is made from the one before, traces because a child's parent
 *    must exist, provenance because explain walks it.
 *
 * Rejected: a column of tags.def. Tags belong to the format, which knows nothing of primitives.
 */
#include "model/primitive.h"

static const st_primitive primitives[] = {
    {"kv", ST_PRIMITIVE_KV, {ST_TAG_KV}, false},
    {"event", ST_PRIMITIVE_EVENT, {ST_TAG_EVENT}, true},
    {"state", ST_PRIMITIVE_STATE, {ST_TAG_STATE}, false},
    {"trace", ST_PRIMITIVE_TRACE, {ST_TAG_TRACE, ST_TAG_TRACE_CHILD}, true},
    {"json", ST_PRIMITIVE_JSON, {ST_TAG_JSON, ST_TAG_JSON_PATCH}, false},
    {"collection", ST_PRIMITIVE_COLLECTION, {ST_TAG_COLLECTION}, false},
    {"vector", ST_PRIMITIVE_VECTOR, {ST_TAG_VECTOR}, false},
    {"memory", ST_PRIMITIVE_MEMORY, {ST_TAG_MEMORY}, false},
    {"edge", ST_PRIMITIVE_EDGE, {ST_TAG_EDGE, ST_TAG_EDGE_IN}, false},
    {"schema", ST_PRIMITIVE_SCHEMA, {ST_TAG_SCHEMA}, false},
    {"entity", ST_PRIMITIVE_ENTITY, {ST_TAG_ENTITY}, false},
    {"provenance", ST_PRIMITIVE_PROVENANCE, {ST_TAG_PROVENANCE}, true},
};

_Static_assert(sizeof primitives / sizeof primitives[0] == ST_PRIMITIVE_COUNT - 1, "a row each");

const st_primitive *st_primitive_of(st_primitive_id id) {
    ST_ASSERT(id > ST_PRIMITIVE_NONE && id < ST_PRIMITIVE_COUNT);
    return &primitives[id - 1];
}

const st_primitive *st_primitive_of_tag(uint8_t tag) {
    for (size_t i = 0; i < ST_PRIMITIVE_COUNT - 1 && tag != 0; i++) {
        for (size_t j = 0; j < ST_PRIMITIVE_TAGS_MAX; j++) {
            if (primitives[i].tags[j] == tag) {
                return &primitives[i];
            }
        }
    }
    return NULL;
}

const st_primitive *st_primitive_named(strata_slice name) {
    for (size_t i = 0; i < ST_PRIMITIVE_COUNT - 1; i++) {
        if (st_slice_equal(name, strata_text(primitives[i].name))) {
            return &primitives[i];
        }
    }
    return NULL;
}
