/* schema_rules.h - a JSON Schema as rules, and checking a document by them.
 *
 * Known, and enforced: type (also an array of types; "integer" holds of 1.0; "bytes" besides the seven of JSON),
 * enum, const, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf (an int), minLength, maxLength
 * (code points), minItems, maxItems, uniqueItems, minProperties, maxProperties, items, prefixItems, properties,
 * required, additionalProperties, allOf, anyOf, oneOf, not, $ref to "#" or "#/$defs/NAME", $defs (at the
 * root; both also by the older name definitions). Known, and of no effect: title, description, default,
 * examples, format, deprecated, readOnly, writeOnly, $comment, $schema, $id, and names that begin with x-.
 * Any other name is refused.
 */
#ifndef ST_MODEL_ENTITY_SCHEMA_RULES_H
#define ST_MODEL_ENTITY_SCHEMA_RULES_H

#include "format/document.h"

enum {
    /* Schemas in a schema: each is some 200 bytes of memory while it is used. */
    ST_SCHEMA_NODES_MAX = 4096,
    /* Schemas that apply to one place of a document by way of each other: $ref, not, allOf, anyOf, oneOf. */
    ST_SCHEMA_CHAIN_MAX = 32,
    ST_SCHEMA_BYTES_MAX = 1 << 20
};

static const uint32_t ST_SCHEMA_NONE = UINT32_MAX;

/* Bits of `types`: those of strata_type, and one more. */
enum { ST_TYPE_WHOLE = 1 << (STRATA_OBJECT + 1), ST_TYPE_ANY = (1 << (STRATA_OBJECT + 1)) - 1 };

typedef enum st_schema_bound {
    ST_BOUND_LEAST,
    ST_BOUND_MOST,
    ST_BOUND_ABOVE,
    ST_BOUND_BELOW,
    ST_BOUNDS
} st_schema_bound;

typedef enum st_schema_count {
    ST_COUNT_LENGTH_MIN,
    ST_COUNT_LENGTH_MAX,
    ST_COUNT_ITEMS_MIN,
    ST_COUNT_ITEMS_MAX,
    ST_COUNT_PROPERTIES_MIN,
    ST_COUNT_PROPERTIES_MAX,
    ST_COUNTS
} st_schema_count;

typedef enum st_schema_list_kind {
    ST_LIST_ALL,
    ST_LIST_ANY,
    ST_LIST_ONE,
    ST_LIST_PREFIX, /* of the first elements */
    ST_LISTS
} st_schema_list_kind;

typedef enum st_schema_part {
    ST_PART_REF,
    ST_PART_NOT,
    ST_PART_ITEMS,
    ST_PART_ADDITIONAL,
    ST_PARTS
} st_schema_part;

/* Schemas that follow each other. */
typedef struct st_schema_list {
    uint32_t first;
    uint32_t count;
} st_schema_list;

typedef struct st_schema_property {
    strata_slice name;
    uint32_t schema; /* ST_SCHEMA_NONE: its name is only required */
    bool required;
} st_schema_property;

/* One schema. */
typedef struct st_schema_node {
    bool never; /* it is false */
    bool unique;
    uint16_t types;
    uint8_t counted; /* bits of the counts that are given */
    uint32_t counts[ST_COUNTS];
    const st_node *bounds[ST_BOUNDS]; /* NULL: there is none */
    int64_t multiple_of;              /* 0: of nothing */
    strata_slice constant;            /* canonical (document_canonical.h); no bytes: any */
    strata_slice *values;             /* enum: canonical, in order; NULL: any */
    uint32_t value_count;
    uint32_t property_count;
    uint32_t required_count;
    st_schema_property *properties; /* in order of name */
    st_schema_list lists[ST_LISTS];
    uint32_t parts[ST_PARTS];
    const char *keyword; /* by which its parent has it */
} st_schema_node;

typedef struct st_schema_rules {
    st_schema_node *nodes; /* the first is the whole schema */
    uint32_t count;
} st_schema_rules;

/* How schemas are made into rules. */
typedef struct st_schema_context {
    const strata_host *host;
    st_arena *arena;
    strata_error *error;
} st_schema_context;

/* schema: borrowed as long as the rules, which lie in the arena. Errors: invalid_argument {argument, keyword,
 * path}: what is not known, or malformed, and where in the schema; constraint {schema_too_large,
 * nesting_too_deep}; corrupt; no_memory. */
strata_status st_schema_compile(const st_schema_context *context, const st_node *schema,
                                st_schema_rules *rules);

/* The first thing of a document that does not fit. */
typedef struct st_violation {
    const char *keyword; /* of the schema; NULL: it fits */
    strata_slice
        path; /* a JSON Pointer into the document; of what is required and missing, to where it
                          * would be. In the arena */
} st_violation;

/* Checks a document, in an order of its own that is always the same. Members are looked at in the order of the
 * document. Errors: constraint {schema_too_complex}: its schemas look at the same places too often (16 times
 * the bytes of the document, and some); corrupt; no_memory. Cost: in proportion to the document and to how
 * often the schema looks at each place. */
strata_status st_schema_check(const st_schema_context *context, const st_schema_rules *rules,
                              strata_slice document, st_violation *violation);

/* minimum, maxLength, ... */
const char *st_schema_bound_name(st_schema_bound bound);
const char *st_schema_count_name(st_schema_count count);

#endif
