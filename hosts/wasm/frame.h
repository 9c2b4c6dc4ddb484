/* frame.h - the little MessagePack that the ABI itself speaks: the request of open, and the
 * responses that no operation made. */
#ifndef STRATA_WASM_FRAME_H
#define STRATA_WASM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/strata.h"

typedef struct frame_reader {
    const uint8_t *next;
    const uint8_t *end;
} frame_reader;

/* The head of a map, and how many pairs follow. False when it is something else or cut short. */
bool frame_read_map(frame_reader *reader, uint32_t *pairs);
/* A null, bool, int or string; strings are borrowed from the input. False for anything else, for
 * ints beyond 63 bits and when the bytes end early. */
bool frame_read_scalar(frame_reader *reader, strata_value *value);

/* [true, {}] */
extern const uint8_t frame_ok[3];

/* [false, {code, message, retryable, details}] with every text of the error at its longest. */
enum { FRAME_ERROR_MAX = 2048 };
/* Returns the length. Needs no memory, so that running out of it can be told too. */
size_t frame_write_error(const strata_error *error, uint8_t frame[FRAME_ERROR_MAX]);

#endif
