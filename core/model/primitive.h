/* primitive.h - the kinds of things that a run holds: their names, and the tags of their keys. */
#ifndef ST_MODEL_PRIMITIVE_H
#define ST_MODEL_PRIMITIVE_H

#include "format/key.h"

/* In the order of their tags, which is that of their keys in a run. Not stored: names and tags are. */
typedef enum st_primitive_id {
    ST_PRIMITIVE_NONE, /* no primitive, or every one: whoever has it says which */
    ST_PRIMITIVE_KV,
    ST_PRIMITIVE_EVENT,
    ST_PRIMITIVE_STATE,
    ST_PRIMITIVE_TRACE,
    ST_PRIMITIVE_JSON,
    ST_PRIMITIVE_COLLECTION,
    ST_PRIMITIVE_VECTOR,
    ST_PRIMITIVE_MEMORY,
    ST_PRIMITIVE_EDGE,
    ST_PRIMITIVE_SCHEMA,
    ST_PRIMITIVE_ENTITY,
    ST_PRIMITIVE_PROVENANCE,
    ST_PRIMITIVE_COUNT
} st_primitive_id;

enum { ST_PRIMITIVE_TAGS_MAX = 2 };

typedef struct st_primitive {
    const char *name;
    st_primitive_id id;
    /* The first is that of the keys that users name, the others are what goes with it; 0: no more. */
    uint8_t tags[ST_PRIMITIVE_TAGS_MAX];
    bool whole; /* retention never trims it */
} st_primitive;

/* NULL: the keys are no primitive's (runs, rules, indexes). */
const st_primitive *st_primitive_of_tag(uint8_t tag);
/* NULL: there is no such name. */
const st_primitive *st_primitive_named(strata_slice name);
/* Not of ST_PRIMITIVE_NONE: to go through all, count from ST_PRIMITIVE_NONE + 1. */
const st_primitive *st_primitive_of(st_primitive_id id);

#endif
