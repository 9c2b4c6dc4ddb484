/* mutate.h - changing MessagePack without breaking it: libFuzzer's own mutations know nothing of
 * lengths and counts, and nearly all that they make is malformed at its first change.
 */
#ifndef STRATA_FUZZ_MUTATE_H
#define STRATA_FUZZ_MUTATE_H

#include "fuzz.h"

/* For LLVMFuzzerCustomMutator: a few changes of tokens in a row of MessagePack values (values
 * changed, swapped, doubled, dropped, wrapped), or, one time in four, or where the bytes are
 * malformed, a mutation of libFuzzer's. */
size_t fuzz_mutate_msgpack(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#endif
