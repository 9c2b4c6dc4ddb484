/* sort.c - heap sort.
 *
 * What is sorted here comes from users (names of an object) or may be large (an index being
 * rebuilt), so quicksort's bad inputs and merge sort's memory are both unwelcome; heap sort has
 * neither. Rejected: qsort of the C library, which may allocate.
 */
#include "base/sort.h"

static void swap(char *a, char *b, size_t size) {
    char held[ST_SORT_ITEM_MAX];
    memcpy(held, a, size);
    memcpy(a, b, size);
    memcpy(b, held, size);
}

static void sift_down(char *items, size_t root, size_t count, size_t size,
                      int (*compare)(const void *, const void *)) {
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && compare(items + child * size, items + (child + 1) * size) < 0) {
            child++;
        }
        if (compare(items + root * size, items + child * size) >= 0) {
            return;
        }
        swap(items + root * size, items + child * size, size);
        root = child;
    }
}

void st_sort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *)) {
    char *bytes = items;
    ST_ASSERT(size <= ST_SORT_ITEM_MAX);
    for (size_t i = count / 2; i > 0; i--) {
        sift_down(bytes, i - 1, count, size, compare);
    }
    for (size_t end = count; end > 1; end--) {
        swap(bytes, bytes + (end - 1) * size, size);
        sift_down(bytes, 0, end - 1, size, compare);
    }
}
