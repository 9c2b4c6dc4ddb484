/* schema_check.c - a document is checked by rules.
 *
 * A stack of frames, each one schema at one place of the document, goes through the schemas that apply there
 * (in place) and then down into its entries. Most frames have to hold: what does not fit ends the check, and
 * the frames that are open say where it is. Those under not, anyOf and oneOf are trials: what does not fit
 * in one is an answer to whoever tries.
 *
 * Invariants:
 * 1. The order is that of this file and of the document: the first violation is always the same one.
 * 2. Every look costs its bytes, and what a document of some length may cost is bounded, whatever the
 *    schema: definitions that meet again and again are many looks, not a write that takes forever.
 * 3. Nothing recurses. Frames are at most the depth of a document times the chain of schemas.
 * Rejected: all violations instead of the first. Most are consequences of it.
 */
#include "base/sort.h"
#include "format/document_canonical.h"
#include "format/path.h"
#include "index/field/value.h"
#include "model/entity/schema_rules.h"

enum { LOOKS_BY_BYTE = 16, LOOKS_ALWAYS = 100000 };

typedef enum stage {
    STAGE_ITSELF,
    STAGE_REF,
    STAGE_NOT,
    STAGE_NOT_ANSWERED,
    STAGE_ALL,
    STAGE_ANY,
    STAGE_ONE,
    STAGE_BELOW,
    STAGE_ENTRIES
} stage;

typedef struct frame {
    st_node node;
    st_node_iter in; /* of its entries */
    uint32_t schema;
    uint32_t next;    /* in a list */
    uint32_t matches; /* trials of oneOf that held; then required members that are there */
    stage at;
    bool trial;
    strata_slice name; /* by which step the node is reached; no data: none, or */
    uint32_t index;    /* an element */
    bool is_element;
} frame;

typedef struct checker {
    const st_schema_context *of;
    const st_schema_rules *rules;
    st_violation *violation;
    frame *frames;
    size_t depth;
    size_t cap;
    size_t trials; /* frames that are */
    bool answer;   /* of the last trial */
    uint64_t looks;
    strata_buffer form; /* of a node, to compare it */
    st_arena sorting;
} checker;

/* ---- Frames ---------------------------------------------------------------------------------- */

static strata_status look(checker *c, size_t bytes) {
    if (c->looks <= bytes) {
        return st_fail_constraint(c->of->error, "schema_too_complex",
                                  "the schema looks at the same places of the document too often");
    }
    c->looks -= bytes;
    return STRATA_OK;
}

static strata_status push(checker *c, const frame *made) {
    if (c->depth == c->cap) {
        const size_t cap = c->cap == 0 ? 16 : c->cap * 2;
        frame *more = st_arena_alloc(c->of->arena, cap * sizeof *more, 8);
        if (more == NULL) {
            return STRATA_NO_MEMORY;
        }
        if (c->depth > 0) {
            memcpy(more, c->frames, c->depth * sizeof *more);
        }
        c->frames = more;
        c->cap = cap;
    }
    c->frames[c->depth++] = *made;
    c->trials += made->trial;
    return look(c, 1);
}

/* Another schema at the same place. */
static strata_status push_here(checker *c, const frame *top, uint32_t schema, bool trial) {
    const frame made = {.node = top->node, .schema = schema, .trial = trial};
    return push(c, &made);
}

static void pop(checker *c, bool holds) {
    const frame *top = &c->frames[--c->depth];
    if (top->trial) {
        c->trials--;
        c->answer = holds;
    }
}

/* The way to the innermost frame, and on to a name in it (NULL: nowhere). */
static strata_status write_path(checker *c, const strata_slice *name) {
    strata_buffer path = {NULL, 0, 0, c->of->host};
    strata_status status = STRATA_OK;
    for (size_t i = 0; i < c->depth && status == STRATA_OK; i++) {
        const frame *at = &c->frames[i];
        if (at->is_element) {
            status = st_pointer_put_index(&path, at->index);
        } else if (at->name.data != NULL) {
            status = st_pointer_put_name(&path, at->name);
        }
    }
    if (status == STRATA_OK && name != NULL) {
        status = st_pointer_put_name(&path, *name);
    }
    c->violation->path = st_arena_copy(c->of->arena, st_buffer_slice(&path));
    strata_buffer_free(&path);
    return status == STRATA_OK && c->violation->path.data == NULL ? STRATA_NO_MEMORY : status;
}

/* The innermost frame does not hold: the answer of the trial that it is in, or the end. */
static strata_status fail(checker *c, const char *keyword, const strata_slice *name) {
    if (c->trials == 0) {
        c->violation->keyword = keyword;
        return write_path(c, name);
    }
    while (!c->frames[c->depth - 1].trial) {
        pop(c, false);
    }
    pop(c, false);
    return STRATA_OK;
}

/* ---- The node itself ------------------------------------------------------------------------- */

static strata_status make_form(checker *c, const st_node *node) {
    c->form.len = 0;
    st_arena_reset(&c->sorting);
    ST_TRY(look(c, node->raw.len));
    return st_document_canonical(node->raw, &c->sorting, &c->form);
}

static bool is_among(const st_schema_node *schema, strata_slice form) {
    uint32_t low = 0;
    uint32_t high = schema->value_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = st_slice_compare(schema->values[middle], form);
        if (order == 0) {
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return false;
}

static strata_status check_values(checker *c, const st_schema_node *schema, const st_node *node,
                                  const char **keyword) {
    if (schema->values == NULL && schema->constant.len == 0) {
        return STRATA_OK;
    }
    ST_TRY(make_form(c, node));
    const strata_slice form = st_buffer_slice(&c->form);
    if (schema->values != NULL && !is_among(schema, form)) {
        *keyword = "enum";
    } else if (schema->constant.len > 0 && !st_slice_equal(schema->constant, form)) {
        *keyword = "const";
    }
    return STRATA_OK;
}

static bool holds_bound(st_schema_bound bound, const st_node *node, const st_node *limit) {
    int order;
    if (!st_field_compare(node, limit, &order)) {
        return false; /* NaN is inside no bounds */
    }
    return bound == ST_BOUND_LEAST   ? order >= 0
           : bound == ST_BOUND_MOST  ? order <= 0
           : bound == ST_BOUND_ABOVE ? order > 0
                                     : order < 0;
}

static const char *check_number(const st_schema_node *schema, const st_node *node) {
    int64_t whole;
    for (unsigned i = 0; i < ST_BOUNDS; i++) {
        if (schema->bounds[i] != NULL &&
            !holds_bound((st_schema_bound)i, node, schema->bounds[i])) {
            return st_schema_bound_name((st_schema_bound)i);
        }
    }
    if (schema->multiple_of == 0) {
        return NULL;
    }
    const bool divides =
        st_node_is_whole(node, &whole)
            ? whole % schema->multiple_of == 0
            : isfinite(node->as.real) && fmod(node->as.real, (double)schema->multiple_of) == 0;
    return divides ? NULL : "multipleOf";
}

static uint32_t count_points(strata_slice text) {
    const uint8_t *at = text.data;
    uint32_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += (at[i] & 0xc0) != 0x80;
    }
    return count;
}

/* `least` and the one after it are the bounds of a count. */
static const char *check_count(const st_schema_node *schema, st_schema_count least,
                               uint32_t count) {
    const st_schema_count most = (st_schema_count)(least + 1);
    if ((schema->counted >> least & 1) != 0 && count < schema->counts[least]) {
        return st_schema_count_name(least);
    }
    return (schema->counted >> most & 1) != 0 && count > schema->counts[most]
               ? st_schema_count_name(most)
               : NULL;
}

static int compare_slices(const void *a, const void *b) {
    return st_slice_compare(*(const strata_slice *)a, *(const strata_slice *)b);
}

static strata_status check_unique(checker *c, const st_node *array, const char **keyword) {
    st_node form;
    st_node_iter it;
    size_t count = 0;
    ST_TRY(make_form(c, array));
    strata_slice *items =
        st_arena_alloc(&c->sorting, ((size_t)array->as.count + 1) * sizeof *items, 8);
    if (items == NULL) {
        return STRATA_NO_MEMORY;
    }
    if (!st_node_read(st_buffer_slice(&c->form), &form)) {
        return STRATA_CORRUPT;
    }
    st_node_iter_start(&it, &form);
    while (st_node_iter_next(&it)) {
        items[count++] = it.node.raw;
    }
    st_sort(items, count, sizeof *items, compare_slices);
    for (size_t i = 1; i < count; i++) {
        if (st_slice_equal(items[i - 1], items[i])) {
            *keyword = "uniqueItems";
        }
    }
    return STRATA_OK;
}

static strata_status check_itself(checker *c, const st_schema_node *schema, const st_node *node,
                                  const char **keyword) {
    int64_t whole;
    if (schema->never) {
        *keyword = schema->keyword;
        return STRATA_OK;
    }
    if ((schema->types >> node->type & 1) == 0 &&
        !((schema->types & ST_TYPE_WHOLE) != 0 && st_node_is_whole(node, &whole))) {
        *keyword = "type";
        return STRATA_OK;
    }
    ST_TRY(check_values(c, schema, node, keyword));
    if (*keyword != NULL) {
        return STRATA_OK;
    }
    switch (node->type) {
    case STRATA_INT:
    case STRATA_FLOAT:
        *keyword = check_number(schema, node);
        return STRATA_OK;
    case STRATA_STRING:
        ST_TRY(look(c, node->as.bytes.len));
        *keyword = schema->counted == 0
                       ? NULL
                       : check_count(schema, ST_COUNT_LENGTH_MIN, count_points(node->as.bytes));
        return STRATA_OK;
    case STRATA_ARRAY:
        *keyword = check_count(schema, ST_COUNT_ITEMS_MIN, node->as.count);
        return *keyword == NULL && schema->unique ? check_unique(c, node, keyword) : STRATA_OK;
    case STRATA_OBJECT:
        *keyword = check_count(schema, ST_COUNT_PROPERTIES_MIN, node->as.count);
        return STRATA_OK;
    default:
        return STRATA_OK;
    }
}

/* ---- In place -------------------------------------------------------------------------------- */

static strata_status step_any(checker *c, frame *top, const st_schema_list *list) {
    if (list->count == 0 || (top->next > 0 && c->answer)) {
        top->next = 0;
        top->at = STAGE_ONE;
        return STRATA_OK;
    }
    return top->next < list->count ? push_here(c, top, list->first + top->next++, true)
                                   : fail(c, "anyOf", NULL);
}

static strata_status step_one(checker *c, frame *top, const st_schema_list *list) {
    if (list->count == 0) {
        top->at = STAGE_BELOW;
        return STRATA_OK;
    }
    top->matches += top->next > 0 && c->answer;
    if (top->matches <= 1 && top->next < list->count) {
        return push_here(c, top, list->first + top->next++, true);
    }
    top->at = STAGE_BELOW;
    return top->matches == 1 ? STRATA_OK : fail(c, "oneOf", NULL);
}

/* ---- Entries --------------------------------------------------------------------------------- */

static const st_schema_property *find_property(const st_schema_node *schema, strata_slice name) {
    uint32_t low = 0;
    uint32_t high = schema->property_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = st_slice_compare(schema->properties[middle].name, name);
        if (order == 0) {
            return &schema->properties[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

/* What applies to the entry where the frame stands; ST_SCHEMA_NONE: nothing. */
static uint32_t schema_of_entry(const st_schema_node *schema, frame *top) {
    const st_schema_list *prefix = &schema->lists[ST_LIST_PREFIX];
    if (top->node.type == STRATA_ARRAY) {
        return top->in.index < prefix->count ? prefix->first + top->in.index
                                             : schema->parts[ST_PART_ITEMS];
    }
    const st_schema_property *property = find_property(schema, top->in.name);
    if (property != NULL) {
        top->matches += property->required;
    }
    return property != NULL && property->schema != ST_SCHEMA_NONE
               ? property->schema
               : schema->parts[ST_PART_ADDITIONAL];
}

static strata_status fail_required(checker *c, const st_schema_node *schema, const st_node *node) {
    for (uint32_t i = 0; i < schema->property_count; i++) {
        st_node member;
        const st_schema_property *property = &schema->properties[i];
        if (property->required && !st_node_member(node, property->name, &member)) {
            return fail(c, "required", &property->name);
        }
    }
    return STRATA_CORRUPT; /* a name comes twice */
}

static strata_status step_entries(checker *c, frame *top, const st_schema_node *schema) {
    while (st_node_iter_next(&top->in)) {
        const uint32_t below = schema_of_entry(schema, top);
        ST_TRY(look(c, 1));
        if (below != ST_SCHEMA_NONE) {
            const bool is_element = top->node.type == STRATA_ARRAY;
            const frame made = {.node = top->in.node,
                                .schema = below,
                                .name = is_element ? st_slice(NULL, 0) : top->in.name,
                                .index = top->in.index,
                                .is_element = is_element};
            return push(c, &made);
        }
    }
    if (top->in.malformed) {
        return STRATA_CORRUPT;
    }
    if (top->node.type == STRATA_OBJECT && top->matches < schema->required_count) {
        return fail_required(c, schema, &top->node);
    }
    pop(c, true);
    return STRATA_OK;
}

static strata_status begin_entries(checker *c, frame *top, const st_schema_node *schema) {
    const bool of_array =
        top->node.type == STRATA_ARRAY &&
        (schema->parts[ST_PART_ITEMS] != ST_SCHEMA_NONE || schema->lists[ST_LIST_PREFIX].count > 0);
    const bool of_object =
        top->node.type == STRATA_OBJECT &&
        (schema->property_count > 0 || schema->parts[ST_PART_ADDITIONAL] != ST_SCHEMA_NONE);
    if (!of_array && !of_object) {
        pop(c, true);
        return STRATA_OK;
    }
    st_node_iter_start(&top->in, &top->node);
    top->matches = 0;
    top->at = STAGE_ENTRIES;
    return STRATA_OK;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static strata_status step(checker *c) {
    frame *top = &c->frames[c->depth - 1];
    const st_schema_node *schema = &c->rules->nodes[top->schema];
    const char *keyword = NULL;
    switch (top->at) {
    case STAGE_ITSELF:
        ST_TRY(check_itself(c, schema, &top->node, &keyword));
        top->at = STAGE_REF;
        return keyword == NULL ? STRATA_OK : fail(c, keyword, NULL);
    case STAGE_REF:
        top->at = STAGE_NOT;
        return schema->parts[ST_PART_REF] == ST_SCHEMA_NONE
                   ? STRATA_OK
                   : push_here(c, top, schema->parts[ST_PART_REF], false);
    case STAGE_NOT:
        top->at = STAGE_ALL;
        if (schema->parts[ST_PART_NOT] == ST_SCHEMA_NONE) {
            return STRATA_OK;
        }
        top->at = STAGE_NOT_ANSWERED;
        return push_here(c, top, schema->parts[ST_PART_NOT], true);
    case STAGE_NOT_ANSWERED:
        top->at = STAGE_ALL;
        return c->answer ? fail(c, "not", NULL) : STRATA_OK;
    case STAGE_ALL:
        if (top->next < schema->lists[ST_LIST_ALL].count) {
            return push_here(c, top, schema->lists[ST_LIST_ALL].first + top->next++, false);
        }
        top->next = 0;
        top->at = STAGE_ANY;
        return STRATA_OK;
    case STAGE_ANY:
        return step_any(c, top, &schema->lists[ST_LIST_ANY]);
    case STAGE_ONE:
        return step_one(c, top, &schema->lists[ST_LIST_ONE]);
    case STAGE_BELOW:
        return begin_entries(c, top, schema);
    case STAGE_ENTRIES:
        return step_entries(c, top, schema);
    }
    return STRATA_CORRUPT;
}

strata_status st_schema_check(const st_schema_context *context, const st_schema_rules *rules,
                              strata_slice document, st_violation *violation) {
    checker c = {.of = context,
                 .rules = rules,
                 .violation = violation,
                 .looks = LOOKS_ALWAYS + (uint64_t)document.len * LOOKS_BY_BYTE,
                 .form = {NULL, 0, 0, context->host}};
    frame root = {.schema = 0};
    strata_status status = STRATA_CORRUPT;
    *violation = (st_violation){NULL, {NULL, 0}};
    st_arena_init(&c.sorting, &context->host->memory, 0);
    if (st_node_read(document, &root.node)) {
        status = push(&c, &root);
    }
    while (status == STRATA_OK && c.depth > 0 && violation->keyword == NULL) {
        status = step(&c);
    }
    strata_buffer_free(&c.form);
    st_arena_free(&c.sorting);
    return status == STRATA_NO_MEMORY ? st_fail_memory(context->error)
           : status == STRATA_CORRUPT
               ? st_fail(context->error, STRATA_CORRUPT, "the document is malformed")
               : status;
}
