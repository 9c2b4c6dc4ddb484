/* value.h - scalars as bytes whose order is the order of the scalars: keys of a secondary index.
 *
 *   null    10
 *   false   20                true  21
 *   number  30 | 8 bytes | 2 bytes
 *   string  40 | bytes, 00 as 00 ff | 00 01, or 00 02 where it was cut
 *   bytes   50 | the same
 * A number is the largest float that is not above it, its bits turned so that their order is that of
 * numbers (negative ones inverted, else the sign set), and what an int is above that float: so ints and
 * floats are in one order, exactly, and 1 and 1.0 are the same. NaN is not indexed.
 */
#ifndef ST_INDEX_FIELD_VALUE_H
#define ST_INDEX_FIELD_VALUE_H

#include "format/document.h"

/* Encodes a scalar; returns the length, 0 for what has no place in the order (containers, NaN). *cut
 * (may be NULL): others may have the same bytes, as it was too long. */
size_t st_field_encode(const st_node *scalar, uint8_t out[ST_INDEX_VALUE_BYTES_MAX], bool *cut);

/* The length of an encoded value at the beginning of bytes from a file; 0: malformed. */
size_t st_field_length(strata_slice bytes);

/* The order of two scalars as in the encoding, but of whole strings. False: they are of different kinds,
 * or one of them is none of these; then there is no order. */
bool st_field_compare(const st_node *a, const st_node *b, int *order);

#endif
