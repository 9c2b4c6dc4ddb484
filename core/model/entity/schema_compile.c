/* schema_compile.c - a JSON Schema becomes rules.
 *
 * The schemas of a schema are put in a row as they are met, breadth first, so that those of one keyword
 * follow each other; each is read once. Then references are resolved, and it is made sure that no schema
 * leads back to itself at the same place of a document.
 *
 * Invariants:
 * 1. What is not enforced is refused, with its name and where it is; only words that never constrain are
 *    passed over.
 * 2. Schemas that apply to one place by way of each other (in place: $ref, not, allOf, anyOf, oneOf) form no
 *    circle and no chain above ST_SCHEMA_CHAIN_MAX: a check goes no deeper than that at each place.
 * 3. Nothing recurses.
 * Rejected: `pattern`. A regular expression of whoever writes the schema is either an engine of its own or a
 * way to make a write take forever.
 */
#include "base/sort.h"
#include "format/document_canonical.h"
#include "format/path.h"
#include "model/entity/schema_rules.h"

/* Where a schema comes from. */
typedef struct origin {
    st_node schema;
    uint32_t parent;
    const char *keyword;
    strata_slice name; /* under a keyword that has names */
    uint32_t index;    /* under one that has a list */
    bool named;
    bool indexed;
    strata_slice ref;
} origin;

typedef struct compiler {
    const st_schema_context *of;
    st_schema_rules *rules;
    origin *origins;
    uint32_t cap;
} compiler;

typedef enum reading {
    READ_NOTHING,
    READ_TYPE,
    READ_ENUM,
    READ_CONST,
    READ_BOUND,
    READ_MULTIPLE,
    READ_COUNT,
    READ_UNIQUE,
    READ_PART,
    READ_LIST,
    READ_PROPERTIES,
    READ_REQUIRED,
    READ_DEFS,
    READ_REF
} reading;

static const struct keyword {
    const char *name;
    uint8_t reading;
    uint8_t place;
} keywords[] = {
    {"type", READ_TYPE, 0},
    {"properties", READ_PROPERTIES, 0},
    {"required", READ_REQUIRED, 0},
    {"additionalProperties", READ_PART, ST_PART_ADDITIONAL},
    {"items", READ_PART, ST_PART_ITEMS},
    {"prefixItems", READ_LIST, ST_LIST_PREFIX},
    {"enum", READ_ENUM, 0},
    {"const", READ_CONST, 0},
    {"minimum", READ_BOUND, ST_BOUND_LEAST},
    {"maximum", READ_BOUND, ST_BOUND_MOST},
    {"exclusiveMinimum", READ_BOUND, ST_BOUND_ABOVE},
    {"exclusiveMaximum", READ_BOUND, ST_BOUND_BELOW},
    {"multipleOf", READ_MULTIPLE, 0},
    {"minLength", READ_COUNT, ST_COUNT_LENGTH_MIN},
    {"maxLength", READ_COUNT, ST_COUNT_LENGTH_MAX},
    {"minItems", READ_COUNT, ST_COUNT_ITEMS_MIN},
    {"maxItems", READ_COUNT, ST_COUNT_ITEMS_MAX},
    {"minProperties", READ_COUNT, ST_COUNT_PROPERTIES_MIN},
    {"maxProperties", READ_COUNT, ST_COUNT_PROPERTIES_MAX},
    {"uniqueItems", READ_UNIQUE, 0},
    {"allOf", READ_LIST, ST_LIST_ALL},
    {"anyOf", READ_LIST, ST_LIST_ANY},
    {"oneOf", READ_LIST, ST_LIST_ONE},
    {"not", READ_PART, ST_PART_NOT},
    {"$ref", READ_REF, 0},
    {"$defs", READ_DEFS, 0},
    {"definitions", READ_DEFS, 0},
    {"title", READ_NOTHING, 0},
    {"description", READ_NOTHING, 0},
    {"default", READ_NOTHING, 0},
    {"examples", READ_NOTHING, 0},
    {"format", READ_NOTHING, 0},
    {"deprecated", READ_NOTHING, 0},
    {"readOnly", READ_NOTHING, 0},
    {"writeOnly", READ_NOTHING, 0},
    {"$comment", READ_NOTHING, 0},
    {"$schema", READ_NOTHING, 0},
    {"$id", READ_NOTHING, 0},
};

enum { KEYWORDS = sizeof keywords / sizeof keywords[0] };

static const struct keyword *find_keyword(strata_slice name) {
    for (size_t i = 0; i < KEYWORDS; i++) {
        if (st_slice_equal(name, strata_text(keywords[i].name))) {
            return &keywords[i];
        }
    }
    return NULL;
}

static const char *keyword_named(reading by, unsigned place) {
    size_t i = 0;
    while (keywords[i].reading != by || keywords[i].place != place) {
        i++;
        ST_ASSERT(i < KEYWORDS);
    }
    return keywords[i].name;
}

const char *st_schema_bound_name(st_schema_bound bound) {
    return keyword_named(READ_BOUND, bound);
}

const char *st_schema_count_name(st_schema_count count) {
    return keyword_named(READ_COUNT, count);
}

/* ---- Refusing -------------------------------------------------------------------------------- */

/* From the root down to a schema and a keyword in it. */
static strata_status write_pointer(const compiler *c, uint32_t schema, strata_slice keyword,
                                   strata_buffer *out) {
    uint32_t way[ST_DOCUMENT_FRAMES_MAX];
    size_t depth = 0;
    for (uint32_t at = schema; at != 0; at = c->origins[at].parent) {
        ST_ASSERT(depth < ST_DOCUMENT_FRAMES_MAX); /* each is inside the one before */
        way[depth++] = at;
    }
    while (depth > 0) {
        const origin *at = &c->origins[way[--depth]];
        ST_TRY(st_pointer_put_name(out, strata_text(at->keyword)));
        if (at->named) {
            ST_TRY(st_pointer_put_name(out, at->name));
        } else if (at->indexed) {
            ST_TRY(st_pointer_put_index(out, at->index));
        }
    }
    return keyword.data == NULL ? STRATA_OK : st_pointer_put_name(out, keyword);
}

/* keyword: without data, when it is the schema itself. */
static strata_status refuse(const compiler *c, uint32_t schema, strata_slice keyword,
                            const char *what) {
    strata_error *error = c->of->error;
    strata_buffer pointer = {NULL, 0, 0, c->of->host};
    if (write_pointer(c, schema, keyword, &pointer) != STRATA_OK) {
        strata_buffer_free(&pointer);
        return st_fail_memory(error);
    }
    const strata_slice path = st_buffer_slice(&pointer);
    st_fail(error, STRATA_INVALID_ARGUMENT, "the schema is refused at \"%S\": %s", &path, what);
    st_fail_text(error, "argument", strata_text("schema"));
    st_fail_text(error, "keyword", keyword.data == NULL ? strata_text("") : keyword);
    st_fail_text(error, "path", path);
    strata_buffer_free(&pointer);
    return STRATA_INVALID_ARGUMENT;
}

/* ---- The row of schemas ---------------------------------------------------------------------- */

static strata_status grow(compiler *c) {
    const uint32_t cap = c->cap == 0 ? 16 : c->cap * 2;
    st_schema_node *nodes = st_arena_alloc(c->of->arena, cap * sizeof *nodes, 8);
    origin *origins = st_arena_alloc(c->of->arena, cap * sizeof *origins, 8);
    if (nodes == NULL || origins == NULL) {
        return st_fail_memory(c->of->error);
    }
    if (c->rules->count > 0) {
        memcpy(nodes, c->rules->nodes, c->rules->count * sizeof *nodes);
        memcpy(origins, c->origins, c->rules->count * sizeof *origins);
    }
    c->rules->nodes = nodes;
    c->origins = origins;
    c->cap = cap;
    return STRATA_OK;
}

static strata_status add(compiler *c, const origin *from) {
    if (c->rules->count == ST_SCHEMA_NODES_MAX) {
        return st_fail_constraint(c->of->error, "schema_too_large",
                                  "a schema has at most %u schemas in it",
                                  (uint64_t)ST_SCHEMA_NODES_MAX);
    }
    if (c->rules->count == c->cap) {
        ST_TRY(grow(c));
    }
    st_schema_node *node = &c->rules->nodes[c->rules->count];
    *node = (st_schema_node){.types = ST_TYPE_ANY, .keyword = from->keyword};
    for (size_t i = 0; i < ST_PARTS; i++) {
        node->parts[i] = ST_SCHEMA_NONE;
    }
    c->origins[c->rules->count++] = *from;
    return STRATA_OK;
}

/* ---- Keywords -------------------------------------------------------------------------------- */

static bool type_bits(const st_node *name, uint16_t *bits) {
    static const struct {
        const char *name;
        uint16_t bits;
    } types[] = {
        {"null", 1 << STRATA_NULL},     {"boolean", 1 << STRATA_BOOL},
        {"integer", ST_TYPE_WHOLE},     {"number", 1 << STRATA_INT | 1 << STRATA_FLOAT},
        {"string", 1 << STRATA_STRING}, {"array", 1 << STRATA_ARRAY},
        {"object", 1 << STRATA_OBJECT}, {"bytes", 1 << STRATA_BYTES},
    };
    for (size_t i = 0; name->type == STRATA_STRING && i < sizeof types / sizeof types[0]; i++) {
        if (st_slice_equal(name->as.bytes, strata_text(types[i].name))) {
            *bits = types[i].bits;
            return true;
        }
    }
    return false;
}

static bool read_type(const st_node *value, st_schema_node *node) {
    uint16_t bits;
    st_node_iter it;
    if (value->type != STRATA_ARRAY) {
        return type_bits(value, &node->types);
    }
    node->types = 0;
    st_node_iter_start(&it, value);
    while (st_node_iter_next(&it)) {
        if (!type_bits(&it.node, &bits)) {
            return false;
        }
        node->types |= bits;
    }
    return node->types != 0;
}

static int compare_slices(const void *a, const void *b) {
    return st_slice_compare(*(const strata_slice *)a, *(const strata_slice *)b);
}

static strata_status read_constant(const compiler *c, const st_node *value, strata_slice *out) {
    strata_buffer form = {NULL, 0, 0, c->of->host};
    strata_status status = st_document_canonical(value->raw, c->of->arena, &form);
    if (status == STRATA_OK) {
        *out = st_arena_copy(c->of->arena, st_buffer_slice(&form));
        status = out->data == NULL ? STRATA_NO_MEMORY : STRATA_OK;
    }
    strata_buffer_free(&form);
    return status;
}

static strata_status read_enum(const compiler *c, const st_node *value, st_schema_node *node) {
    st_node_iter it;
    node->values = st_arena_alloc(c->of->arena, value->as.count * sizeof *node->values, 8);
    if (node->values == NULL) {
        return STRATA_NO_MEMORY;
    }
    st_node_iter_start(&it, value);
    while (st_node_iter_next(&it)) {
        ST_TRY(read_constant(c, &it.node, &node->values[node->value_count++]));
    }
    st_sort(node->values, node->value_count, sizeof *node->values, compare_slices);
    return it.malformed ? STRATA_CORRUPT : STRATA_OK;
}

static strata_status read_number(const compiler *c, const st_node *value, const st_node **out) {
    st_node *copy = st_arena_alloc(c->of->arena, sizeof *copy, 8);
    if (copy == NULL) {
        return STRATA_NO_MEMORY;
    }
    *copy = *value;
    *out = copy;
    return STRATA_OK;
}

static bool is_number(const st_node *value) {
    return value->type == STRATA_INT || value->type == STRATA_FLOAT;
}

static bool is_schema(const st_node *value) {
    return value->type == STRATA_OBJECT || value->type == STRATA_BOOL;
}

/* Schemas under one keyword: members of an object, or elements of an array. *first: the place of the first
 * in the row. */
static strata_status add_schemas(compiler *c, uint32_t schema, const struct keyword *word,
                                 const st_node *value, uint32_t *first) {
    st_node_iter it;
    const bool named = value->type == STRATA_OBJECT;
    *first = c->rules->count;
    st_node_iter_start(&it, value);
    while (st_node_iter_next(&it)) {
        const origin from = {.schema = it.node,
                             .parent = schema,
                             .keyword = word->name,
                             .name = named ? it.name : st_slice("", 0),
                             .index = it.index,
                             .named = named,
                             .indexed = !named};
        ST_TRY(add(c, &from));
    }
    return it.malformed ? STRATA_CORRUPT : STRATA_OK;
}

static int compare_properties(const void *a, const void *b) {
    return st_slice_compare(((const st_schema_property *)a)->name,
                            ((const st_schema_property *)b)->name);
}

/* Those that have a schema, then those that are required, become one table; of a name that comes twice, one
 * entry. */
static void join_properties(st_schema_node *node) {
    uint32_t kept = 0;
    st_sort(node->properties, node->property_count, sizeof *node->properties, compare_properties);
    for (uint32_t i = 0; i < node->property_count; i++) {
        const st_schema_property *next = &node->properties[i];
        if (kept > 0 && st_slice_equal(node->properties[kept - 1].name, next->name)) {
            st_schema_property *last = &node->properties[kept - 1];
            last->schema = last->schema == ST_SCHEMA_NONE ? next->schema : last->schema;
            last->required = last->required || next->required;
        } else {
            node->properties[kept++] = *next;
        }
    }
    node->property_count = kept;
    for (uint32_t i = 0; i < kept; i++) {
        node->required_count += node->properties[i].required;
    }
}

/* Makes room for the properties that a schema has and requires. */
static strata_status begin_properties(const compiler *c, const st_node *schema,
                                      st_schema_node *node) {
    size_t most = 1;
    st_node value;
    if (st_node_member(schema, strata_text("properties"), &value)) {
        most += value.type == STRATA_OBJECT ? value.as.count : 0;
    }
    if (st_node_member(schema, strata_text("required"), &value)) {
        most += value.type == STRATA_ARRAY ? value.as.count : 0;
    }
    node->properties = st_arena_alloc(c->of->arena, most * sizeof *node->properties, 8);
    return node->properties == NULL ? STRATA_NO_MEMORY : STRATA_OK;
}

static strata_status read_properties(compiler *c, uint32_t schema, const struct keyword *word,
                                     const st_node *value) {
    uint32_t first;
    ST_TRY(add_schemas(c, schema, word, value, &first));
    st_schema_node *node = &c->rules->nodes[schema];
    for (uint32_t i = first; i < c->rules->count; i++) {
        node->properties[node->property_count++] =
            (st_schema_property){c->origins[i].name, i, false};
    }
    return STRATA_OK;
}

static bool read_required(const st_node *value, st_schema_node *node) {
    st_node_iter it;
    st_node_iter_start(&it, value);
    while (st_node_iter_next(&it)) {
        if (it.node.type != STRATA_STRING) {
            return false;
        }
        node->properties[node->property_count++] =
            (st_schema_property){it.node.as.bytes, ST_SCHEMA_NONE, true};
    }
    return !it.malformed;
}

static const char *wrong_value(const struct keyword *word, const st_node *value,
                               st_schema_node *node) {
    int64_t whole;
    switch ((reading)word->reading) {
    case READ_TYPE:
        return read_type(value, node) ? NULL
                                      : "a type is null, boolean, integer, number, string, array, "
                                        "object or bytes, or an array of these";
    case READ_ENUM:
        return value->type == STRATA_ARRAY && value->as.count > 0
                   ? NULL
                   : "it takes an array of at least one value";
    case READ_BOUND:
        return is_number(value) ? NULL : "it takes a number";
    case READ_MULTIPLE:
        return st_node_is_whole(value, &whole) && whole > 0 ? NULL : "it takes an int above 0";
    case READ_COUNT:
        return st_node_is_whole(value, &whole) && whole >= 0 ? NULL : "it takes an int, 0 or more";
    case READ_UNIQUE:
        return value->type == STRATA_BOOL ? NULL : "it takes true or false";
    case READ_PART:
        return is_schema(value) ? NULL : "it takes a schema: an object, true or false";
    case READ_LIST:
        return value->type == STRATA_ARRAY && value->as.count > 0
                   ? NULL
                   : "it takes an array of at least one schema";
    case READ_PROPERTIES:
    case READ_DEFS:
        return value->type == STRATA_OBJECT ? NULL : "it takes an object of schemas";
    case READ_REQUIRED:
        return value->type == STRATA_ARRAY && read_required(value, node)
                   ? NULL
                   : "it takes an array of names";
    case READ_REF:
        return value->type == STRATA_STRING ? NULL : "it takes a string";
    case READ_CONST:
    case READ_NOTHING:
        break;
    }
    return NULL;
}

static strata_status read_keyword(compiler *c, uint32_t schema, const struct keyword *word,
                                  const st_node *value) {
    st_schema_node *node = &c->rules->nodes[schema];
    const origin part = {.schema = *value, .parent = schema, .keyword = word->name};
    int64_t whole = 0;
    uint32_t first;
    (void)st_node_is_whole(value, &whole);
    switch ((reading)word->reading) {
    case READ_ENUM:
        return read_enum(c, value, node);
    case READ_CONST:
        return read_constant(c, value, &node->constant);
    case READ_BOUND:
        return read_number(c, value, &node->bounds[word->place]);
    case READ_MULTIPLE:
        node->multiple_of = whole;
        return STRATA_OK;
    case READ_COUNT:
        node->counts[word->place] = whole > UINT32_MAX ? UINT32_MAX : (uint32_t)whole;
        node->counted |= (uint8_t)(1u << word->place);
        return STRATA_OK;
    case READ_UNIQUE:
        node->unique = value->as.boolean;
        return STRATA_OK;
    case READ_PART:
        node->parts[word->place] = c->rules->count;
        return add(c, &part);
    case READ_LIST:
        node->lists[word->place] = (st_schema_list){c->rules->count, value->as.count};
        return add_schemas(c, schema, word, value, &first);
    case READ_PROPERTIES:
        return read_properties(c, schema, word, value);
    case READ_DEFS:
        return add_schemas(c, schema, word, value, &first);
    case READ_REF:
        c->origins[schema].ref = value->as.bytes;
        return STRATA_OK;
    case READ_TYPE:
    case READ_REQUIRED:
    case READ_NOTHING:
        break;
    }
    return STRATA_OK;
}

/* A name that begins with x- is somebody's own, and never constrains. */
static bool is_own(strata_slice name) {
    return name.len >= 2 && memcmp(name.data, "x-", 2) == 0;
}

static strata_status compile_one(compiler *c, uint32_t schema) {
    const st_node json = c->origins[schema].schema;
    st_node_iter it;
    if (json.type == STRATA_BOOL) {
        c->rules->nodes[schema].never = !json.as.boolean;
        return STRATA_OK;
    }
    if (json.type != STRATA_OBJECT) {
        return refuse(c, schema, st_slice(NULL, 0), "a schema is an object, true or false");
    }
    ST_TRY(begin_properties(c, &json, &c->rules->nodes[schema]));
    st_node_iter_start(&it, &json);
    while (st_node_iter_next(&it)) {
        const struct keyword *word = find_keyword(it.name);
        if (word == NULL && is_own(it.name)) {
            continue;
        }
        if (word == NULL) {
            return refuse(c, schema, it.name,
                          "this keyword is not supported, and is not ignored, either");
        }
        if (word->reading == READ_DEFS && schema != 0) {
            return refuse(c, schema, it.name, "definitions stand at the root of the schema");
        }
        const char *wrong = wrong_value(word, &it.node, &c->rules->nodes[schema]);
        if (wrong != NULL) {
            return refuse(c, schema, it.name, wrong);
        }
        ST_TRY(read_keyword(c, schema, word, &it.node));
    }
    join_properties(&c->rules->nodes[schema]);
    return it.malformed ? STRATA_CORRUPT : STRATA_OK;
}

/* ---- References ------------------------------------------------------------------------------ */

static bool find_definition(const compiler *c, const st_path *path, uint32_t *found) {
    const strata_slice keyword = path->steps[0].name;
    for (uint32_t i = 1; i < c->rules->count; i++) {
        const origin *at = &c->origins[i];
        if (at->parent == 0 && at->named && st_slice_equal(strata_text(at->keyword), keyword) &&
            st_slice_equal(at->name, path->steps[1].name)) {
            *found = i;
            return find_keyword(keyword)->reading == READ_DEFS;
        }
    }
    return false;
}

static strata_status resolve(const compiler *c, uint32_t schema) {
    const strata_slice ref = c->origins[schema].ref;
    const char *text = ref.data;
    st_path path;
    uint32_t *to = &c->rules->nodes[schema].parts[ST_PART_REF];
    if (ref.data == NULL) {
        return STRATA_OK;
    }
    if (ref.len > 0 && text[0] == '#' && (ref.len == 1 || text[1] == '/')) {
        const strata_status parsed =
            st_path_parse(st_slice(text + 1, ref.len - 1), c->of->arena, &path, NULL);
        if (parsed == STRATA_NO_MEMORY) {
            return parsed;
        }
        if (parsed == STRATA_OK && path.count == 0) {
            *to = 0;
            return STRATA_OK;
        }
        if (parsed == STRATA_OK && path.count == 2 && find_definition(c, &path, to)) {
            return STRATA_OK;
        }
    }
    return refuse(c, schema, strata_text("$ref"), "it refers neither to # nor to #/$defs/NAME");
}

/* ---- Chains ---------------------------------------------------------------------------------- */

/* The k-th schema that applies at the same place by way of this one. */
static uint32_t in_place(const st_schema_node *node, uint32_t k) {
    for (size_t i = ST_PART_REF; i <= ST_PART_NOT; i++) {
        if (node->parts[i] != ST_SCHEMA_NONE && k-- == 0) {
            return node->parts[i];
        }
    }
    for (size_t i = ST_LIST_ALL; i <= ST_LIST_ONE; i++) {
        if (k < node->lists[i].count) {
            return node->lists[i].first + k;
        }
        k -= node->lists[i].count;
    }
    return ST_SCHEMA_NONE;
}

/* A walk down, deepest first. */
typedef struct chain {
    uint32_t *next;  /* of each schema, which of those below comes next */
    uint32_t *from;  /* and the one above it on the way */
    uint8_t *height; /* 0: not known yet */
    bool *open;      /* it is on the way */
} chain;

static strata_status follow(const compiler *c, chain *w, uint32_t root) {
    uint32_t at = root;
    w->from[root] = ST_SCHEMA_NONE;
    w->open[root] = true;
    while (at != ST_SCHEMA_NONE) {
        const uint32_t below = in_place(&c->rules->nodes[at], w->next[at]);
        if (below != ST_SCHEMA_NONE && w->open[below]) {
            return refuse(c, at, st_slice(NULL, 0), "it leads back to itself at the same place");
        }
        if (below != ST_SCHEMA_NONE && w->height[below] == 0) {
            w->from[below] = at;
            w->open[below] = true;
            at = below;
            continue;
        }
        if (below != ST_SCHEMA_NONE) {
            w->next[at]++;
            w->height[at] = (uint8_t)st_max(w->height[at], w->height[below]);
            continue;
        }
        if (++w->height[at] > ST_SCHEMA_CHAIN_MAX) {
            return st_fail_constraint(c->of->error, "nesting_too_deep",
                                      "more than %u schemas apply to one place by way of each "
                                      "other",
                                      (uint64_t)ST_SCHEMA_CHAIN_MAX);
        }
        w->open[at] = false;
        at = w->from[at];
    }
    return STRATA_OK;
}

static strata_status check_chains(const compiler *c) {
    const uint32_t count = c->rules->count;
    st_arena *arena = c->of->arena;
    chain w = {st_arena_alloc(arena, count * sizeof *w.next, 4),
               st_arena_alloc(arena, count * sizeof *w.from, 4), st_arena_alloc(arena, count, 1),
               st_arena_alloc(arena, count * sizeof *w.open, 1)};
    if (w.next == NULL || w.from == NULL || w.height == NULL || w.open == NULL) {
        return STRATA_NO_MEMORY;
    }
    memset(w.next, 0, count * sizeof *w.next);
    memset(w.height, 0, count);
    memset(w.open, 0, count * sizeof *w.open);
    for (uint32_t i = 0; i < count; i++) {
        if (w.height[i] == 0) {
            ST_TRY(follow(c, &w, i));
        }
    }
    return STRATA_OK;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static strata_status compile(compiler *c, const st_node *schema) {
    const origin root = {.schema = *schema, .keyword = "schema"};
    if (schema->raw.len > ST_SCHEMA_BYTES_MAX) {
        return st_fail_constraint(c->of->error, "schema_too_large",
                                  "the schema has %u bytes; the limit is %u",
                                  (uint64_t)schema->raw.len, (uint64_t)ST_SCHEMA_BYTES_MAX);
    }
    ST_TRY(add(c, &root));
    for (uint32_t i = 0; i < c->rules->count; i++) {
        ST_TRY(compile_one(c, i));
    }
    for (uint32_t i = 0; i < c->rules->count; i++) {
        ST_TRY(resolve(c, i));
    }
    return check_chains(c);
}

strata_status st_schema_compile(const st_schema_context *context, const st_node *schema,
                                st_schema_rules *rules) {
    compiler c = {.of = context, .rules = rules};
    *rules = (st_schema_rules){NULL, 0};
    const strata_status status = compile(&c, schema);
    if (status == STRATA_NO_MEMORY) {
        return st_fail_memory(context->error);
    }
    if (status == STRATA_CORRUPT) {
        return st_fail(context->error, STRATA_CORRUPT, "the schema is malformed");
    }
    return status;
}
