/* names.c - finds a name that an object has twice, by sorting.
 *
 * Objects come from anybody, with up to a million names, so the worst case counts: heap sort is
 * n log n whatever the order, needs no memory and does not recurse. Names that programs write are
 * often in order already; one pass finds that out first.
 * Rejected: a hash table. It is faster on the average, needs memory in proportion, and a sender who
 * knows the hash makes it quadratic.
 */
#include "format/names.h"

#include "base/sort.h"

static bool ascending(const strata_slice *names, size_t count) {
    for (size_t i = 1; i < count; i++) {
        if (st_slice_compare(names[i - 1], names[i]) >= 0) {
            return false;
        }
    }
    return true;
}

static int compare(const void *a, const void *b) {
    return st_slice_compare(*(const strata_slice *)a, *(const strata_slice *)b);
}

bool st_names_repeat(strata_slice *names, size_t count, size_t *second) {
    if (ascending(names, count)) {
        return false;
    }
    st_sort(names, count, sizeof names[0], compare);
    for (size_t i = 1; i < count; i++) {
        if (st_slice_equal(names[i - 1], names[i])) {
            *second = i;
            return true;
        }
    }
    return false;
}
