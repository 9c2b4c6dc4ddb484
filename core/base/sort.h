/* sort.h - sorting in place without recursion and without a worst case. */
#ifndef ST_BASE_SORT_H
#define ST_BASE_SORT_H

#include "base/std.h"

enum { ST_SORT_ITEM_MAX = 64 };

/* Heap sort (Williams 1964). Not stable. size: of an item, at most ST_SORT_ITEM_MAX. compare:
 * below, at or above 0. Cost: O(n log n), always. */
void st_sort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *));

#endif
