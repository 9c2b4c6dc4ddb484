/* filter_sets.c - which entries of a linked part pass a filter, kept for the next search with it.
 *
 * An entry is what one commit stored under a key, and never changes: nor does the answer of a filter for it. So what
 * was found out once holds as long as the part does. Agents ask with few filters, again and again: the newest
 * SETS_MAX of a part are kept, a bit a row.
 * Rejected: asking for every candidate of every walk. Each question reads the store; where few pass, a walk asks
 * thousands.
 */
#include "index/vector/filter_sets.h"

#include "index/vector/part_file.h"

enum { SETS_MAX = 8 };

typedef struct st_filter_set {
    st_retired retired; /* first */
    struct st_filter_set *next;
    const strata_allocator *memory;
    size_t size;
    strata_slice filter;
    st_node_set set;
} st_filter_set;

static void reclaim_set(st_retired *retired) {
    st_filter_set *set = (st_filter_set *)(void *)retired;
    st_free(set->memory, set, set->size);
}

void st_filter_sets_free(st_part *part) {
    while (part->filters != NULL) {
        st_filter_set *next = part->filters->next;
        reclaim_set(&part->filters->retired);
        part->filters = next;
    }
}

bool st_filter_set_known(st_part *part, const st_vector_query *query, st_node_set *set) {
    const strata_executor *executor = part->graph.executor;
    bool known = false;
    if (query->filter.len == 0) {
        return false;
    }
    st_mutex_lock(&part->filters_lock, executor);
    for (st_filter_set **at = &part->filters; *at != NULL && !known; at = &(*at)->next) {
        known = st_slice_equal((*at)->filter, query->filter);
        if (known) {
            st_filter_set *found = *at;
            *set = found->set;
            *at = found->next; /* to the front: it was asked for last */
            found->next = part->filters;
            part->filters = found;
            break;
        }
    }
    st_mutex_unlock(&part->filters_lock, executor);
    return known;
}

/* To the front; the last of too many goes. */
static void keep(st_part *part, st_epoch *epoch, st_filter_set *made) {
    const strata_executor *executor = part->graph.executor;
    unsigned count = 1;
    st_mutex_lock(&part->filters_lock, executor);
    made->next = part->filters;
    part->filters = made;
    for (st_filter_set *set = made; set->next != NULL; set = set->next) {
        if (++count > SETS_MAX) {
            st_filter_set *last = set->next; /* there is one more at a time */
            set->next = NULL;
            st_epoch_retire(epoch, &last->retired, reclaim_set);
            break;
        }
    }
    st_mutex_unlock(&part->filters_lock, executor);
}

static strata_status ask_for_all(const st_part *part, const st_vector_query *query, uint64_t *bits,
                                 st_node_set *set) {
    const uint32_t count = st_part_count(part);
    set->bits = bits;
    set->count = 0;
    for (uint32_t row = 0; row < count; row++) {
        const st_entry *entry = st_part_entry(part, row);
        bool passes = false;
        st_row_reader_rest(query->reader);
        ST_TRY(query->passes(query->ctx, st_part_key(part, entry), entry->from, &passes));
        if (passes) {
            bits[row / 64] |= UINT64_C(1) << (row % 64);
            set->count++;
        }
    }
    return st_part_failure(part); /* of keys that could not be read nothing is known */
}

strata_status st_filter_set_of(st_part *part, st_epoch *epoch, const st_vector_query *query,
                               st_arena *arena, st_node_set *set) {
    const size_t words = ((size_t)part->capacity + 63) / 64;
    if (st_filter_set_known(part, query, set)) {
        return STRATA_OK;
    }
    if (query->filter.len == 0) {
        uint64_t *bits = st_arena_alloc(arena, words * sizeof *bits, 8);
        if (bits == NULL) {
            return STRATA_NO_MEMORY;
        }
        memset(bits, 0, words * sizeof *bits);
        return ask_for_all(part, query, bits, set);
    }
    const size_t size = sizeof(st_filter_set) + words * sizeof(uint64_t) + query->filter.len;
    st_filter_set *made = st_alloc_zeroed(part->memory, size);
    if (made == NULL) {
        return STRATA_NO_MEMORY;
    }
    uint64_t *bits = (uint64_t *)(void *)(made + 1);
    memcpy(bits + words, query->filter.data, query->filter.len);
    made->memory = part->memory;
    made->size = size;
    made->filter = st_slice(bits + words, query->filter.len);
    const strata_status status = ask_for_all(part, query, bits, &made->set);
    if (status != STRATA_OK) {
        st_free(part->memory, made, size);
        return status;
    }
    *set = made->set;
    keep(part, epoch, made);
    return STRATA_OK;
}
