/* names.c - finds a name that an object has twice, by sorting.
 *
 * Objects come from anybody, with up to a million names, so the worst case counts: heap sort is
 * n log n whatever the order, needs no memory and does not recurse. Names that programs write are
 * often in order already; one pass finds that out first.
 * Rejected: a hash table. It is faster on the average, needs memory in proportion, and a sender who
 * knows the hash makes it quadratic.
 */
#include "format/names.h"

static bool ascending(const strata_slice *names, size_t count) {
    for (size_t i = 1; i < count; i++) {
        if (st_slice_compare(names[i - 1], names[i]) >= 0) {
            return false;
        }
    }
    return true;
}

static void swap_names(strata_slice *a, strata_slice *b) {
    const strata_slice was = *a;
    *a = *b;
    *b = was;
}

static void sift_down(strata_slice *names, size_t root, size_t count) {
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && st_slice_compare(names[child], names[child + 1]) < 0) {
            child++;
        }
        if (st_slice_compare(names[root], names[child]) >= 0) {
            return;
        }
        swap_names(&names[root], &names[child]);
        root = child;
    }
}

static void sort(strata_slice *names, size_t count) {
    for (size_t i = count / 2; i > 0; i--) {
        sift_down(names, i - 1, count);
    }
    for (size_t end = count; end > 1; end--) {
        swap_names(&names[0], &names[end - 1]);
        sift_down(names, 0, end - 1);
    }
}

bool st_names_repeat(strata_slice *names, size_t count, size_t *second) {
    if (ascending(names, count)) {
        return false;
    }
    sort(names, count);
    for (size_t i = 1; i < count; i++) {
        if (st_slice_equal(names[i - 1], names[i])) {
            *second = i;
            return true;
        }
    }
    return false;
}
