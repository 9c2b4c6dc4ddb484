/* code.h - embeddings as short codes, and distances between them.
 *
 * Where vectors are compared in great number their codes are: eight bits a dimension, or one, with a scale of the
 * vector's own, or the 32-bit floats themselves. What is kept beside a code makes every metric one formula:
 *
 *     distance(q, x) = q.bias + x.bias - q.scale * x.scale * dot(q.code, x.code)
 *
 * cosine: codes are of the vectors divided by their length; q.bias 1, x.bias 0. dot: both 0, so that a
 * distance is the dot product, negative. euclidean: q.bias and x.bias are the squares of the lengths, q.scale
 * is twice as much, and a distance is that between the vectors, squared. A distance is nearer the lower it is.
 * The same codes give the same distances to the last bit on every host (kernel.h).
 */
#ifndef ST_INDEX_VECTOR_CODE_H
#define ST_INDEX_VECTOR_CODE_H

#include "base/memory.h"
#include "index/vector/kernel.h"

enum { ST_DIMENSION_MAX = 8192 };

typedef enum st_vector_metric {
    ST_METRIC_COSINE,
    ST_METRIC_EUCLIDEAN,
    ST_METRIC_DOT
} st_vector_metric;

/* One bit a number (bits.h) is for looking at all of them: it is too little for a graph. */
typedef enum st_code_kind { ST_CODE_F32, ST_CODE_I8, ST_CODE_B1 } st_code_kind;

/* A row of codes begins with this; the code follows. */
typedef struct st_code_head {
    float scale; /* what a step of the code is worth */
    float bias;
    int32_t sum; /* of the code's numbers; of bits, those that are 1; 0 for floats */
    float error; /* length of what the code leaves out of the vector (divided as it is) */
} st_code_head;

/* How the vectors of a collection are coded. */
typedef struct st_codec {
    st_vector_metric metric;
    st_code_kind kind;
    uint32_t dimension; /* 1 to ST_DIMENSION_MAX */
    uint32_t stride;    /* bytes of a row, a multiple of 16 */
    uint32_t room;      /* bytes of what a query takes, the same */
    const st_vector_kernels *kernels;
} st_codec;

st_codec st_codec_of(st_vector_metric metric, st_code_kind kind, uint32_t dimension,
                     const st_vector_kernels *kernels);

/* What is compared with rows. */
typedef struct st_code_query {
    const st_codec *codec;
    const void *code; /* as in a row; aligned as rows are */
    int32_t sum;      /* as in a row */
    float step;       /* of bits: a number of the query is about low + step * four bits */
    float low;
    float scale;
    float bias;
    float error;  /* as in a row */
    float length; /* of the vector (divided as it is) */
} st_code_query;

/* Writes the row of an embedding: `dimension` finite floats, not all zero under cosine. Cost: linear. */
void st_code_write(const st_codec *codec, const float *embedding, uint8_t *row);
/* The query of an embedding, whose code is in the room given (codec->room bytes, aligned to 16). */
st_code_query st_code_query_of(const st_codec *codec, const float *embedding, uint8_t *room);
/* The query of a vector of which there is only the row, which is not of bits; borrowed while the row is there. */
st_code_query st_code_query_row(const st_codec *codec, const uint8_t *row);

static inline const st_code_head *st_code_head_of(const uint8_t *row) {
    return (const st_code_head *)(const void *)row;
}

static inline const void *st_code_of(const uint8_t *row) {
    return row + sizeof(st_code_head);
}

/* The product of the codes. */
float st_code_dot(const st_code_query *query, const uint8_t *row);

static inline float st_code_distance(const st_code_query *query, const uint8_t *row) {
    const st_code_head *head = st_code_head_of(row);
    return query->bias + head->bias - query->scale * head->scale * st_code_dot(query, row);
}

enum { ST_CODES_MAX = 128 };
/* The same for each of `count` rows, at most ST_CODES_MAX. */
void st_code_distances(const st_code_query *query, const uint8_t *const *rows, unsigned count,
                       float *distances);

/* What a share of a distance is a share of: the distance itself, but never less than codes are off; under dot, where
 * distances are below 0, how much less it is than it could be for a vector of the row's length. */
float st_code_size(const st_code_query *query, const uint8_t *row, float distance);

/* By how much such a distance is off, at most; and as a rule: the standard deviation, where what the codes
 * leave out has nothing to do with the other vector. */
float st_code_error_max(const st_code_query *query, const uint8_t *row);
float st_code_error_usual(const st_code_query *query, const uint8_t *row);

/* The distance between the vectors themselves, by the formula above: the same bits on every host. length: of the
 * query, as below. */
float st_vector_distance(const st_codec *codec, const float *query, float length,
                         const float *embedding);
/* What a distance needs to know of a query besides: its length, under cosine; else 0. */
float st_vector_length(const st_codec *codec, const float *query);

#endif
