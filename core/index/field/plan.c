/* plan.c - choosing an index by rule: what is asked decides, not how much there is.
 *
 * Only conditions count that everything that matches must meet (filter.h, required). What an index finds is a
 * superset: values that were cut, and arrays with such an element, are among it; the filter is asked of each.
 * Rejected: estimates of how many match. They would make the plan depend on the data, and a page differ from
 * the next.
 */
#include "index/field/plan.h"

#include "base/sort.h"
#include "index/field/value.h"

static const char *const kind_names[] = {"scan", "equal", "in", "range", "order"};

const char *st_plan_kind_name(st_plan_kind kind) {
    return kind_names[kind];
}

bool st_path_same(const st_path *a, const st_path *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        const st_step *x = &a->steps[i];
        const st_step *y = &b->steps[i];
        same = x->kind == y->kind &&
               (x->kind == ST_STEP_NAME ? st_slice_equal(x->name, y->name) : x->index == y->index);
    }
    return same;
}

/* ---- Ranges ---------------------------------------------------------------------------------- */

static strata_slice keep(st_arena *arena, const uint8_t *bytes, size_t len) {
    return st_arena_copy(arena, st_slice(bytes, len));
}

/* The smallest bytes above everything that begins with these; in place. The first byte is not ff. */
static size_t above(uint8_t *bytes, size_t len) {
    while (bytes[len - 1] == 0xff) {
        len--;
    }
    bytes[len - 1]++;
    return len;
}

/* What is equal to a scalar; false: it has no place in the index. */
static bool range_of(const st_node *scalar, st_arena *arena, st_plan_range *range,
                     strata_status *status) {
    uint8_t bytes[ST_INDEX_VALUE_BYTES_MAX];
    const size_t len = st_field_encode(scalar, bytes, NULL);
    if (len == 0) {
        return false;
    }
    range->low = keep(arena, bytes, len);
    range->high = keep(arena, bytes, above(bytes, len));
    if (range->low.data == NULL || range->high.data == NULL) {
        *status = STRATA_NO_MEMORY;
    }
    return true;
}

/* Values of the same kind as the operand, on its one side. */
static bool half_of(st_filter_op op, const st_node *operand, st_arena *arena, st_plan_range *range,
                    strata_status *status) {
    uint8_t bytes[ST_INDEX_VALUE_BYTES_MAX];
    bool cut = false;
    size_t len = st_field_encode(operand, bytes, &cut);
    if (len == 0) {
        return false;
    }
    const bool from = op == ST_FILTER_GT || op == ST_FILTER_GTE;
    /* false and true are one kind */
    const uint8_t kind = operand->type == STRATA_BOOL ? 0x20 : bytes[0];
    const uint8_t first[] = {kind};
    const uint8_t last[] = {(uint8_t)(operand->type == STRATA_BOOL ? kind + 2 : kind + 1)};
    if ((op == ST_FILTER_GT && !cut) || op == ST_FILTER_LTE || (op == ST_FILTER_LT && cut)) {
        len = above(bytes, len);
    }
    range->low = from ? keep(arena, bytes, len) : keep(arena, first, sizeof first);
    range->high = from ? keep(arena, last, sizeof last) : keep(arena, bytes, len);
    if (range->low.data == NULL || range->high.data == NULL) {
        *status = STRATA_NO_MEMORY;
    }
    return true;
}

static void narrow(st_plan_range *range, const st_plan_range *by) {
    if (st_slice_compare(by->low, range->low) > 0) {
        range->low = by->low;
    }
    if (st_slice_compare(by->high, range->high) < 0) {
        range->high = by->high;
    }
}

static int compare_ranges(const void *a, const void *b) {
    return st_slice_compare(((const st_plan_range *)a)->low, ((const st_plan_range *)b)->low);
}

/* Of every element of "in"; those that come twice once. */
static bool ranges_of(const st_node *list, st_arena *arena, st_plan *plan, strata_status *status) {
    st_node_iter it;
    size_t count = 0;
    st_plan_range *ranges = st_arena_alloc(arena, (list->as.count + (size_t)1) * sizeof *ranges, 8);
    if (ranges == NULL) {
        *status = STRATA_NO_MEMORY;
        return true;
    }
    st_node_iter_start(&it, list);
    while (*status == STRATA_OK && st_node_iter_next(&it)) {
        if (!range_of(&it.node, arena, &ranges[count], status)) {
            return false; /* an array or object may be equal to it */
        }
        count++;
    }
    if (*status != STRATA_OK) {
        return true;
    }
    st_sort(ranges, count, sizeof *ranges, compare_ranges);
    plan->ranges = ranges;
    plan->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !st_slice_equal(ranges[i].low, ranges[i - 1].low)) {
            ranges[plan->count++] = ranges[i];
        }
    }
    return true;
}

/* ---- Choosing -------------------------------------------------------------------------------- */

static bool is_half(st_filter_op op) {
    return op >= ST_FILTER_LT && op <= ST_FILTER_GTE;
}

/* All halves of a path together. */
static bool range_on(const st_filter *filter, const st_path *path, st_arena *arena, st_plan *plan,
                     strata_status *status) {
    bool any = false;
    for (size_t i = 0; i < filter->count && *status == STRATA_OK; i++) {
        const st_filter_step *step = &filter->steps[i];
        st_plan_range half;
        if (step->required && is_half(step->op) && st_path_same(&step->path, path) &&
            half_of(step->op, &step->operand, arena, &half, status)) {
            if (any) {
                narrow(&plan->ranges[0], &half);
            } else {
                plan->ranges[0] = half;
            }
            any = true;
        }
    }
    plan->count = 1;
    return any;
}

/* What the index can do for one condition. */
static bool use(const st_filter *filter, const st_filter_step *step, st_arena *arena, st_plan *plan,
                strata_status *status) {
    plan->ranges = st_arena_alloc(arena, sizeof *plan->ranges, 8);
    plan->count = 1;
    if (plan->ranges == NULL) {
        *status = STRATA_NO_MEMORY;
        return false;
    }
    if (step->op == ST_FILTER_EQ || step->op == ST_FILTER_CONTAINS) {
        plan->kind = ST_PLAN_EQUAL;
        return range_of(&step->operand, arena, plan->ranges, status);
    }
    if (step->op == ST_FILTER_IN) {
        plan->kind = ST_PLAN_IN;
        return ranges_of(&step->operand, arena, plan, status);
    }
    plan->kind = ST_PLAN_RANGE;
    return is_half(step->op) && range_on(filter, &step->path, arena, plan, status);
}

static strata_status order_plan(const st_path *order, const st_plan_index *indexes, size_t count,
                                st_arena *arena, st_plan *plan) {
    static const uint8_t highest[] = {0xff};
    for (size_t i = 0; order != NULL && i < count; i++) {
        if (!st_path_same(order, &indexes[i].path)) {
            continue;
        }
        plan->ranges = st_arena_alloc(arena, sizeof *plan->ranges, 8);
        if (plan->ranges == NULL) {
            return STRATA_NO_MEMORY;
        }
        plan->ranges[0] = (st_plan_range){st_slice("", 0), st_slice(highest, 1)};
        plan->kind = ST_PLAN_ORDER;
        plan->index = &indexes[i];
        plan->count = 1;
        break;
    }
    return STRATA_OK;
}

strata_status st_plan_choose(const st_filter *filter, const st_path *order,
                             const st_plan_index *indexes, size_t count, st_arena *arena,
                             st_plan *plan, strata_error *error) {
    strata_status status = STRATA_OK;
    *plan = (st_plan){ST_PLAN_SCAN, NULL, NULL, 0};
    for (size_t i = 0; i < filter->count; i++) {
        const st_filter_step *step = &filter->steps[i];
        for (size_t j = 0; j < count && step->required; j++) {
            st_plan one = {ST_PLAN_SCAN, &indexes[j], NULL, 0};
            if (st_path_same(&step->path, &indexes[j].path) &&
                use(filter, step, arena, &one, &status) && status == STRATA_OK &&
                (plan->index == NULL || one.kind < plan->kind)) {
                *plan = one;
            }
        }
    }
    if (status == STRATA_OK && plan->index == NULL) {
        status = order_plan(order, indexes, count, arena, plan);
    }
    return status == STRATA_OK ? STRATA_OK : st_fail_memory(error);
}
