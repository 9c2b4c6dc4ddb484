/* bits.h - embeddings as one bit a number, for code.h.
 *
 * A vector is turned, so that its length is spread over all numbers, and of each number the sign is kept (Gao and Long,
 * "RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound for Approximate Nearest Neighbor Search",
 * 2024). A query is turned in the same way and keeps four bits a number.
 * The same bits on every host: only operations that are exact or rounded everywhere alike, in one order.
 */
#ifndef ST_INDEX_VECTOR_BITS_H
#define ST_INDEX_VECTOR_BITS_H

#include "index/vector/kernel.h"

enum { ST_BITS_BLOCK = ST_BITS_STEP * 8, ST_BITS_MIN = 256 };

/* How many bits a vector has: the dimension, up to a multiple of ST_BITS_BLOCK, and not too few to tell much. */
static inline uint32_t st_bits_count(uint32_t dimension) {
    const uint32_t blocks = (dimension + ST_BITS_BLOCK - 1) / ST_BITS_BLOCK;
    return blocks * ST_BITS_BLOCK < ST_BITS_MIN ? ST_BITS_MIN : blocks * ST_BITS_BLOCK;
}

typedef struct st_bits_made {
    float scale;  /* x is about scale * sign, turned */
    float error;  /* length of what that leaves out */
    int32_t ones; /* bits that are 1 */
} st_bits_made;

/* The bits of embedding * factor: st_bits_count / 8 bytes. Cost: dimension * log ST_BITS_BLOCK. */
st_bits_made st_bits_write(const float *embedding, uint32_t dimension, float factor, uint8_t *bits);

typedef struct st_bits_asked {
    float step; /* a number of the turned query is about low + step * four bits */
    float low;
    float error;  /* length of what that leaves out */
    uint32_t sum; /* of all four bits */
} st_bits_asked;

/* The planes of the turned query (kernel.h), in st_bits_count / 2 bytes. turned: room for st_bits_count floats. */
st_bits_asked st_bits_ask(const float *embedding, uint32_t dimension, float factor, float *turned,
                          uint8_t *planes);

#endif
