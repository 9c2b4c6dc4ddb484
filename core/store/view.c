/* view.c - making a view out of the one before it.
 *
 * A view is one block of memory: the levels point into its array of tables. Rejected: changing the
 * levels in place under a lock; every get would have to take it.
 */
#include "store/view.h"

static bool is_removed(const st_view_change *change, const st_table *table) {
    for (size_t i = 0; i < change->removed_count; i++) {
        if (change->removed[i] == table) {
            return true;
        }
    }
    return false;
}

static strata_slice first_key(const st_table *table) {
    return st_table_about(table)->first_key;
}

/* Puts the tables added among the others; both are in order. */
static void insert(st_level *level, st_table *const *tables, size_t count, bool by_key) {
    for (size_t i = 0; i < count; i++) {
        st_table *table = tables[i];
        size_t at = 0;
        while (by_key && at < level->count &&
               st_slice_compare(first_key(level->tables[at]), first_key(table)) < 0) {
            at++;
        }
        memmove(level->tables + at + 1, level->tables + at,
                (level->count - at) * sizeof(st_table *));
        level->tables[at] = table;
        level->count++;
    }
}

st_view *st_view_make(const strata_allocator *allocator, const st_view *before,
                      const st_view_change *change) {
    const size_t most = (before == NULL ? 0 : before->count) + change->added_count +
                        (change->floors == NULL ? 0 : 1);
    st_view *view = st_alloc_zeroed(allocator, sizeof *view + most * sizeof(st_table *));
    if (view == NULL) {
        return NULL;
    }
    view->cap = most;
    st_table **next = view->tables;
    for (unsigned i = 0; i < ST_LEVELS; i++) {
        st_level *level = &view->levels[i];
        level->tables = next;
        for (size_t j = 0; before != NULL && j < before->levels[i].count; j++) {
            st_table *table = before->levels[i].tables[j];
            if (!is_removed(change, table)) {
                level->tables[level->count++] = table;
            }
        }
        if (i == change->level && change->added_count > 0) {
            insert(level, change->added, change->added_count, i > 0);
        }
        if (i == 0 && change->floors != NULL) {
            insert(level, &change->floors, 1, false);
        }
        next += level->count;
        view->count += level->count;
    }
    return view;
}

void st_view_destroy(const strata_allocator *allocator, st_view *view) {
    if (view != NULL) {
        st_free(allocator, view->dropped, view->dropped_count * sizeof(st_table *));
        st_free(allocator, view, sizeof *view + view->cap * sizeof(st_table *));
    }
}

size_t st_level_seek(const st_level *level, strata_slice key) {
    size_t low = 0;
    size_t high = level->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (st_slice_compare(st_table_about(level->tables[middle])->last_key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

st_table *st_level_find(const st_level *level, strata_slice key) {
    const size_t at = st_level_seek(level, key);
    return at < level->count && st_slice_compare(first_key(level->tables[at]), key) <= 0
               ? level->tables[at]
               : NULL;
}

bool st_view_check(const st_view *view) {
    for (unsigned i = 1; i < ST_LEVELS; i++) {
        const st_level *level = &view->levels[i];
        for (size_t j = 0; j + 1 < level->count; j++) {
            if (st_slice_compare(st_table_about(level->tables[j])->last_key,
                                 first_key(level->tables[j + 1])) >= 0) {
                return false;
            }
        }
    }
    return true;
}
