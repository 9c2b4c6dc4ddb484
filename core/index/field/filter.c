/* filter.c - compiling conditions, and asking them.
 *
 * A filter is read without recursion: a stack of open and, or, not. What comes out is a row of steps in
 * postfix order, so that asking needs a stack of bools and nothing else. All conditions are asked, even when
 * the first has decided: they are few, and a document is in the cache by then.
 * A condition is required when only "and" is above it: an index on its path finds all that can match
 * (plan.h).
 */
#include "index/field/filter.h"

#include "format/document_compare.h"
#include "index/field/value.h"

static const struct {
    const char *name;
    st_filter_op op;
} op_names[] = {
    {"eq", ST_FILTER_EQ},         {"ne", ST_FILTER_NE},
    {"lt", ST_FILTER_LT},         {"lte", ST_FILTER_LTE},
    {"gt", ST_FILTER_GT},         {"gte", ST_FILTER_GTE},
    {"in", ST_FILTER_IN},         {"contains", ST_FILTER_CONTAINS},
    {"exists", ST_FILTER_EXISTS},
};

/* An open and, or, not. */
typedef struct frame {
    st_node_iter children;
    st_filter_op op;
    bool required;
    uint32_t count;
} frame;

typedef struct compiler {
    st_arena *arena;
    strata_error *error;
    st_filter *out;
    size_t cap;
    size_t depth;
    frame frames[ST_FILTER_DEPTH_MAX];
} compiler;

static strata_status refuse(const compiler *c, const char *what) {
    st_fail(c->error, STRATA_INVALID_ARGUMENT, "the filter is malformed: %s", what);
    return st_fail_text(c->error, "argument", strata_text("where"));
}

static strata_status add(compiler *c, const st_filter_step *step) {
    st_filter *out = c->out;
    if (out->count == ST_FILTER_STEPS_MAX) {
        return st_fail_constraint(c->error, "filter_too_large",
                                  "a filter has at most %u conditions",
                                  (uint64_t)ST_FILTER_STEPS_MAX);
    }
    if (out->count == c->cap) {
        const size_t cap = c->cap == 0 ? 8 : c->cap * 2;
        st_filter_step *more = st_arena_alloc(c->arena, cap * sizeof *more, 16);
        if (more == NULL) {
            return st_fail_memory(c->error);
        }
        if (out->count > 0) {
            memcpy(more, out->steps, out->count * sizeof *more);
        }
        out->steps = more;
        c->cap = cap;
    }
    out->steps[out->count++] = *step;
    return STRATA_OK;
}

/* ---- Conditions ------------------------------------------------------------------------------ */

static bool find_op(strata_slice name, st_filter_op *op) {
    for (size_t i = 0; i < sizeof op_names / sizeof op_names[0]; i++) {
        if (st_slice_equal(name, strata_text(op_names[i].name))) {
            *op = op_names[i].op;
            return true;
        }
    }
    return false;
}

static strata_status check_operand(const compiler *c, st_filter_op op, const st_node *operand) {
    if (op == ST_FILTER_IN && operand->type != STRATA_ARRAY) {
        return refuse(c, "\"in\" takes an array");
    }
    if (op == ST_FILTER_EXISTS && operand->type != STRATA_BOOL) {
        return refuse(c, "\"exists\" takes true or false");
    }
    if (op >= ST_FILTER_LT && op <= ST_FILTER_GTE && operand->type >= STRATA_ARRAY) {
        return refuse(c, "arrays and objects have no order");
    }
    return STRATA_OK;
}

/* {"path": ..., "gte": ..., "lt": ...}. */
static strata_status add_conditions(compiler *c, const st_node *object, const st_node *path,
                                    bool required) {
    st_filter_step step = {.required = required};
    st_node_iter it;
    uint32_t count = 0;
    if (path->type != STRATA_STRING) {
        return refuse(c, "\"path\" is a string");
    }
    ST_TRY(st_path_parse(path->as.bytes, c->arena, &step.path, c->error));
    st_node_iter_start(&it, object);
    while (st_node_iter_next(&it)) {
        if (st_slice_equal(it.name, strata_text("path"))) {
            continue;
        }
        if (!find_op(it.name, &step.op)) {
            return refuse(c, "a condition has path, and eq, ne, lt, lte, gt, gte, in, contains or "
                             "exists");
        }
        step.operand = it.node;
        ST_TRY(check_operand(c, step.op, &step.operand));
        ST_TRY(add(c, &step));
        count++;
    }
    if (count == 0) {
        return refuse(c, "a condition says nothing of its path");
    }
    const st_filter_step all = {.op = ST_FILTER_AND, .count = count};
    return count == 1 ? STRATA_OK : add(c, &all);
}

/* ---- And, or, not ---------------------------------------------------------------------------- */

static strata_status open_frame(compiler *c, st_filter_op op, const st_node *children,
                                bool required) {
    if (c->depth == ST_FILTER_DEPTH_MAX) {
        return st_fail_constraint(c->error, "nesting_too_deep", "a filter has at most %u levels",
                                  (uint64_t)ST_FILTER_DEPTH_MAX);
    }
    frame *f = &c->frames[c->depth++];
    f->op = op;
    f->required = required;
    f->count = 0;
    st_node_iter_start(&f->children, children);
    return STRATA_OK;
}

/* One filter: conditions at once, and, or, not later. A "not" is an array of one for the frame. */
static strata_status take(compiler *c, const st_node *filter, bool required) {
    st_node inner;
    if (filter->type != STRATA_OBJECT) {
        return refuse(c, "a filter is an object");
    }
    if (st_node_member(filter, strata_text("path"), &inner)) {
        return add_conditions(c, filter, &inner, required);
    }
    const bool all = st_node_member(filter, strata_text("and"), &inner);
    const bool any = !all && st_node_member(filter, strata_text("or"), &inner);
    if (filter->as.count == 0) {
        const st_filter_step always = {.op = ST_FILTER_AND, .count = 0};
        return add(c, &always);
    }
    if (filter->as.count != 1) {
        return refuse(c, "and, or and not stand alone in their object");
    }
    if (all || any) {
        return inner.type == STRATA_ARRAY
                   ? open_frame(c, all ? ST_FILTER_AND : ST_FILTER_OR, &inner, required && all)
                   : refuse(c, "\"and\" and \"or\" take arrays of filters");
    }
    if (!st_node_member(filter, strata_text("not"), &inner)) {
        return refuse(c, "a filter has a path, or and, or, not");
    }
    return open_frame(c, ST_FILTER_NOT, filter, false); /* its one member is the filter */
}

strata_status st_filter_compile(strata_slice filter, st_arena *arena, st_filter *out,
                                strata_error *error) {
    compiler *c = st_arena_alloc(arena, sizeof *c, 16);
    st_node root;
    *out = (st_filter){NULL, 0};
    if (filter.len == 0) {
        return STRATA_OK;
    }
    if (c == NULL) {
        return st_fail_memory(error);
    }
    c->arena = arena;
    c->error = error;
    c->out = out;
    c->cap = 0;
    c->depth = 0;
    if (!st_node_read(filter, &root)) {
        return refuse(c, "it is no document");
    }
    ST_TRY(take(c, &root, true));
    while (c->depth > 0) {
        frame *f = &c->frames[c->depth - 1];
        if (st_node_iter_next(&f->children)) {
            f->count++;
            ST_TRY(take(c, &f->children.node, f->required));
            continue;
        }
        c->depth--;
        const st_filter_step step = {.op = f->op, .count = f->count};
        ST_TRY(add(c, &step));
    }
    return STRATA_OK;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static strata_status are_equal(const st_node *a, const st_node *b, st_arena *scratch, bool *equal) {
    int order = 1;
    if (a->type >= STRATA_ARRAY && a->type == b->type) {
        return st_document_equal(a->raw, b->raw, scratch, equal);
    }
    *equal = st_field_compare(a, b, &order) && order == 0;
    return STRATA_OK;
}

static strata_status is_in(const st_node *list, const st_node *node, st_arena *scratch,
                           bool *found) {
    st_node_iter it;
    *found = false;
    st_node_iter_start(&it, list);
    while (!*found && st_node_iter_next(&it)) {
        ST_TRY(are_equal(&it.node, node, scratch, found));
    }
    return it.malformed ? STRATA_CORRUPT : STRATA_OK;
}

static bool is_ordered(st_filter_op op, const st_node *node, const st_node *operand) {
    int order;
    if (!st_field_compare(node, operand, &order)) {
        return false;
    }
    switch (op) {
    case ST_FILTER_LT:
        return order < 0;
    case ST_FILTER_LTE:
        return order <= 0;
    case ST_FILTER_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static strata_status ask(const st_filter_step *step, strata_slice document, st_arena *scratch,
                         bool *holds) {
    st_node node;
    bool found = false;
    ST_TRY(st_path_find(document, &step->path, &node, &found));
    *holds = false;
    if (step->op == ST_FILTER_EXISTS) {
        *holds = found == step->operand.as.boolean;
        return STRATA_OK;
    }
    if (!found) {
        *holds = step->op == ST_FILTER_NE;
        return STRATA_OK;
    }
    switch (step->op) {
    case ST_FILTER_EQ:
        return are_equal(&node, &step->operand, scratch, holds);
    case ST_FILTER_NE:
        ST_TRY(are_equal(&node, &step->operand, scratch, holds));
        *holds = !*holds;
        return STRATA_OK;
    case ST_FILTER_IN:
        return is_in(&step->operand, &node, scratch, holds);
    case ST_FILTER_CONTAINS:
        return node.type == STRATA_ARRAY ? is_in(&node, &step->operand, scratch, holds) : STRATA_OK;
    default:
        *holds = is_ordered(step->op, &node, &step->operand);
        return STRATA_OK;
    }
}

strata_status st_filter_holds(const st_filter *filter, strata_slice document, st_arena *scratch,
                              bool *holds) {
    bool stack[ST_FILTER_STEPS_MAX + 1];
    size_t depth = 0;
    for (size_t i = 0; i < filter->count; i++) {
        const st_filter_step *step = &filter->steps[i];
        if (step->op < ST_FILTER_AND) {
            ST_TRY(ask(step, document, scratch, &stack[depth]));
            depth++;
            continue;
        }
        const size_t count = step->op == ST_FILTER_NOT ? 1 : step->count;
        ST_ASSERT(count <= depth);
        bool result = step->op == ST_FILTER_AND;
        for (size_t j = depth - count; j < depth; j++) {
            result = step->op == ST_FILTER_AND  ? result && stack[j]
                     : step->op == ST_FILTER_OR ? result || stack[j]
                                                : !stack[j];
        }
        depth -= count;
        stack[depth++] = result;
    }
    *holds = depth == 0 || stack[depth - 1];
    return STRATA_OK;
}
