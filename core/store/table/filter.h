/* filter.h - is a key in a table? "No" is certain, "yes" is wrong about once in a hundred times.
 *
 * Stored bytes: lines of 64, see filter.c and docs/FORMAT.md.
 */
#ifndef ST_STORE_TABLE_FILTER_H
#define ST_STORE_TABLE_FILTER_H

#include "base/bytes.h"

enum { ST_FILTER_LINE_BYTES = 64 };

/* Of any bytes. Stored through the filters: the same on every host, and for ever. */
uint64_t st_filter_hash(strata_slice key);

/* Bytes of the filter of that many keys; at most max, a multiple of the line. */
size_t st_filter_bytes(uint64_t keys, size_t max);

/* filter: st_filter_bytes, zeros at first. */
void st_filter_add(uint8_t *filter, size_t bytes, uint64_t hash);
/* The line that the next call looks at. bytes: a multiple of the line, not 0. */
const uint8_t *st_filter_line(const uint8_t *filter, size_t bytes, uint64_t hash);
/* Cost: one line of memory. */
bool st_filter_may_hold(const uint8_t *filter, size_t bytes, uint64_t hash);

#endif
