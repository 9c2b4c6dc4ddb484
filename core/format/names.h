/* names.h - does an object have a name twice? */
#ifndef ST_FORMAT_NAMES_H
#define ST_FORMAT_NAMES_H

#include "base/std.h"

/* Puts the names in memcmp order. True when two are equal: names[*second - 1] and names[*second].
 * Cost: n log n comparisons in the worst case, n when they are in order already; nothing is
 * allocated. */
bool st_names_repeat(strata_slice *names, size_t count, size_t *second);

#endif
