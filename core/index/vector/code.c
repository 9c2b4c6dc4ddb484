/* code.c - embeddings as short codes, and distances between them.
 *
 * A row: st_code_head (16 bytes), then the code, then zeros up to the stride.
 *
 * 1. An 8-bit code is round(x / scale) with scale = max|x| / 127: all of its levels are used, whatever the length
 *    of the vector; -128 never occurs.
 * 2. `error` is the length of x - scale * code, so what a distance can be off by is bounded by the inequality of
 *    Cauchy and Schwarz, and known as a rule by the scatter of a random direction: error * length / sqrt(dimension).
 * 3. Sums are made in one order everywhere, without fused operations: a code, and with it the shape of a graph, is
 *    the same on every host.
 * Rejected: one range for all vectors. Those with a small range then use a sixth of the levels, and a vector that
 * is longer than those before it has no code.
 */
#include "index/vector/code.h"

#include <simde/x86/sse2.h>

#include "base/bytes.h"
#include "index/vector/bits.h"

enum { LEVELS = 127, ROW_ALIGN = 16 };

static uint32_t code_bytes(st_code_kind kind, uint32_t dimension) {
    return kind == ST_CODE_B1   ? st_bits_count(dimension) / 8
           : kind == ST_CODE_I8 ? dimension
                                : dimension * (uint32_t)sizeof(float);
}

st_codec st_codec_of(st_vector_metric metric, st_code_kind kind, uint32_t dimension,
                     const st_vector_kernels *kernels) {
    ST_ASSERT(dimension > 0 && dimension <= ST_DIMENSION_MAX);
    const uint32_t bytes = (uint32_t)sizeof(st_code_head) + code_bytes(kind, dimension);
    const uint32_t stride = (bytes + ROW_ALIGN - 1) / ROW_ALIGN * ROW_ALIGN;
    const uint32_t bits = st_bits_count(dimension);
    const uint32_t room =
        kind == ST_CODE_B1 ? bits / 8 * ST_PLANES + bits * (uint32_t)sizeof(float) : stride;
    return (st_codec){metric, kind, dimension, stride, room, kernels};
}

/* ---- Writing --------------------------------------------------------------------------------- */

static float length_of(const st_codec *codec, const float *embedding) {
    return sqrtf(codec->kernels->dot_f32(embedding, embedding, codec->dimension));
}

/* To the nearest whole number, of two to the even one, for sizes up to 2^22; as fast everywhere as an addition. */
static inline simde__m128 whole(simde__m128 x) {
    const simde__m128 shift = simde_mm_set1_ps(12582912); /* 1.5 * 2^23: whole numbers apart */
    return simde_mm_sub_ps(simde_mm_add_ps(x, shift), shift);
}

enum { FOUR = 4 };

/* Of the numbers from i on, with zeros behind the last. */
static inline simde__m128 four_at(const float *numbers, uint32_t count, uint32_t i) {
    float last[FOUR] = {0};
    if (count - i >= FOUR) {
        return simde_mm_loadu_ps(numbers + i);
    }
    for (uint32_t j = 0; i + j < count; j++) {
        last[j] = numbers[i + j];
    }
    return simde_mm_loadu_ps(last);
}

static float largest(const float *numbers, uint32_t count) {
    const simde__m128 sign = simde_mm_set1_ps(-0.0f);
    simde__m128 most = simde_mm_setzero_ps();
    for (uint32_t i = 0; i < count; i += FOUR) {
        most = simde_mm_max_ps(simde_mm_andnot_ps(sign, four_at(numbers, count, i)), most);
    }
    most = simde_mm_max_ps(most, simde_mm_movehl_ps(most, most));
    return simde_mm_cvtss_f32(simde_mm_max_ss(most, simde_mm_shuffle_ps(most, most, 1)));
}

/* The code of embedding * factor, with zeros behind it up to a multiple of four; the head's scale, sum and error. What it
 * leaves out is added in eight lanes, i modulo 8, which are folded in halves. */
static void write_i8(const st_codec *codec, const float *embedding, float factor, uint8_t *code,
                     st_code_head *head) {
    const uint32_t n = codec->dimension;
    const float most = largest(embedding, n);
    const float step = most * factor / (float)LEVELS;
    const float inverse = most > 0 ? (float)LEVELS / most : 0;
    simde__m128 left_out = simde_mm_setzero_ps();
    simde__m128 before = simde_mm_setzero_ps(); /* of the other four lanes */
    simde__m128i sum = simde_mm_setzero_si128();
    for (uint32_t i = 0; i < n; i += FOUR) {
        const simde__m128 numbers = four_at(embedding, n, i);
        const simde__m128 level = whole(simde_mm_mul_ps(numbers, simde_mm_set1_ps(inverse)));
        const simde__m128 off = simde_mm_sub_ps(simde_mm_mul_ps(numbers, simde_mm_set1_ps(factor)),
                                                simde_mm_mul_ps(level, simde_mm_set1_ps(step)));
        const simde__m128i levels = simde_mm_cvttps_epi32(level);
        const simde__m128i halves = simde_mm_packs_epi32(levels, levels);
        const simde__m128i bytes = simde_mm_packs_epi16(halves, halves);
        const simde__m128 added = simde_mm_add_ps(before, simde_mm_mul_ps(off, off));
        store32_le(code + i, (uint32_t)simde_mm_cvtsi128_si32(bytes));
        sum = simde_mm_add_epi32(sum, levels);
        before = left_out;
        left_out = added;
    }
    float lanes[FOUR];
    int32_t sums[FOUR];
    simde_mm_storeu_ps(lanes, simde_mm_add_ps(left_out, before));
    simde_mm_storeu_si128((void *)sums, sum);
    head->scale = step;
    head->sum = sums[0] + sums[1] + sums[2] + sums[3];
    head->error = sqrtf((lanes[0] + lanes[2]) + (lanes[1] + lanes[3]));
}

static void write_f32(const st_codec *codec, const float *embedding, float factor, float *code,
                      st_code_head *head) {
    for (uint32_t i = 0; i < codec->dimension; i++) {
        code[i] = embedding[i] * factor;
    }
    head->scale = 1;
    head->sum = 0;
    head->error = 0;
}

static void write_b1(const st_codec *codec, const float *embedding, float factor, uint8_t *code,
                     st_code_head *head) {
    const st_bits_made made = st_bits_write(embedding, codec->dimension, factor, code);
    head->scale = made.scale;
    head->sum = made.ones;
    head->error = made.error;
}

void st_code_write(const st_codec *codec, const float *embedding, uint8_t *row) {
    const float length = length_of(codec, embedding);
    const float factor = codec->metric == ST_METRIC_COSINE ? 1 / length : 1;
    st_code_head head = {.bias = codec->metric == ST_METRIC_EUCLIDEAN ? length * length : 0};
    uint8_t *code = row + sizeof head;
    memset(row, 0, codec->stride);
    if (codec->kind == ST_CODE_B1) {
        write_b1(codec, embedding, factor, code, &head);
    } else if (codec->kind == ST_CODE_I8) {
        write_i8(codec, embedding, factor, code, &head);
    } else {
        write_f32(codec, embedding, factor, (float *)(void *)code, &head);
    }
    memcpy(row, &head, sizeof head);
}

/* ---- Queries --------------------------------------------------------------------------------- */

static st_code_query query_of(const st_codec *codec, const uint8_t *row, float length) {
    const st_code_head *head = st_code_head_of(row);
    const bool euclidean = codec->metric == ST_METRIC_EUCLIDEAN;
    return (st_code_query){
        .codec = codec,
        .code = st_code_of(row),
        .sum = head->sum,
        .scale = euclidean ? 2 * head->scale : head->scale,
        .bias = euclidean                           ? head->bias
                : codec->metric == ST_METRIC_COSINE ? 1
                                                    : 0,
        .error = head->error,
        .length = length,
    };
}

/* Bits have another form as a query. */
static st_code_query ask_b1(const st_codec *codec, const float *embedding, float length,
                            uint8_t *room) {
    const float factor = codec->metric == ST_METRIC_COSINE ? 1 / length : 1;
    uint8_t *planes = room + st_bits_count(codec->dimension) * sizeof(float);
    const st_bits_asked asked =
        st_bits_ask(embedding, codec->dimension, factor, (float *)(void *)room, planes);
    return (st_code_query){
        .codec = codec,
        .code = planes,
        .sum = (int32_t)asked.sum,
        .step = asked.step,
        .low = asked.low,
        .scale = codec->metric == ST_METRIC_EUCLIDEAN ? 2 : 1,
        .bias = codec->metric == ST_METRIC_EUCLIDEAN ? length * length
                : codec->metric == ST_METRIC_COSINE  ? 1
                                                     : 0,
        .error = asked.error,
        .length = length * factor,
    };
}

st_code_query st_code_query_of(const st_codec *codec, const float *embedding, uint8_t *room) {
    if (codec->kind == ST_CODE_B1) {
        return ask_b1(codec, embedding, length_of(codec, embedding), room);
    }
    st_code_write(codec, embedding, room);
    return query_of(codec, room,
                    codec->metric == ST_METRIC_COSINE ? 1 : length_of(codec, embedding));
}

st_code_query st_code_query_row(const st_codec *codec, const uint8_t *row) {
    return query_of(codec, row, 0);
}

/* <low + step * levels, signs>, where a sign is 2 * bit - 1. */
static float dot_of_bits(const st_code_query *query, const uint8_t *row, uint32_t levels) {
    const int32_t bits = (int32_t)st_bits_count(query->codec->dimension);
    const int32_t signs = 2 * st_code_head_of(row)->sum - bits;
    return query->step * (float)(2 * (int32_t)levels - query->sum) + query->low * (float)signs;
}

float st_code_dot(const st_code_query *query, const uint8_t *row) {
    const st_codec *codec = query->codec;
    if (codec->kind == ST_CODE_I8) {
        return (float)codec->kernels->dot_i8(query->code, st_code_of(row), codec->dimension,
                                             st_code_head_of(row)->sum);
    }
    if (codec->kind == ST_CODE_F32) {
        return codec->kernels->dot_f32(query->code, st_code_of(row), codec->dimension);
    }
    const st_bits_query bits = {query->code, st_bits_count(codec->dimension) / 8};
    uint32_t levels;
    codec->kernels->dots_b1(&bits, &row, sizeof(st_code_head), 1, &levels);
    return dot_of_bits(query, row, levels);
}

static inline float distance_of(const st_code_query *query, const uint8_t *row, float dot) {
    const st_code_head *head = st_code_head_of(row);
    return query->bias + head->bias - query->scale * head->scale * dot;
}

static void distances_i8(const st_code_query *query, const uint8_t *const *rows, unsigned count,
                         float *distances) {
    const st_dots_query numbers = {query->code, query->sum, query->codec->dimension};
    int32_t sums[ST_CODES_MAX];
    query->codec->kernels->dots_i8(&numbers, rows, sizeof(st_code_head), count, sums);
    for (unsigned i = 0; i < count; i++) {
        distances[i] = distance_of(query, rows[i], (float)sums[i]);
    }
}

/* What four_distances takes of a query, in each lane. */
typedef struct lanes {
    simde__m128i sum;
    simde__m128i bits;
    simde__m128 step;
    simde__m128 low;
    simde__m128 scale;
    simde__m128 bias;
} lanes;

static lanes lanes_of(const st_code_query *query) {
    return (lanes){
        simde_mm_set1_epi32(query->sum),
        simde_mm_set1_epi32((int32_t)st_bits_count(query->codec->dimension)),
        simde_mm_set1_ps(query->step),
        simde_mm_set1_ps(query->low),
        simde_mm_set1_ps(query->scale),
        simde_mm_set1_ps(query->bias),
    };
}

static inline simde__m128 doubled_less(simde__m128i numbers, simde__m128i less) {
    return simde_mm_cvtepi32_ps(simde_mm_sub_epi32(simde_mm_add_epi32(numbers, numbers), less));
}

/* Of four rows: the operations of dot_of_bits and distance_of in their order. One by one they take as long as the
 * counting of bits. */
static inline simde__m128 four_distances(const lanes *q, const uint8_t *const rows[FOUR],
                                         const uint32_t levels[FOUR]) {
    const simde__m128 head0 = simde_mm_loadu_ps((const void *)rows[0]);
    const simde__m128 head1 = simde_mm_loadu_ps((const void *)rows[1]);
    const simde__m128 head2 = simde_mm_loadu_ps((const void *)rows[2]);
    const simde__m128 head3 = simde_mm_loadu_ps((const void *)rows[3]);
    const simde__m128 low01 = simde_mm_unpacklo_ps(head0, head1);
    const simde__m128 low23 = simde_mm_unpacklo_ps(head2, head3);
    const simde__m128 scales = simde_mm_movelh_ps(low01, low23);
    const simde__m128 biases = simde_mm_movehl_ps(low23, low01);
    const simde__m128i ones = simde_mm_castps_si128(
        simde_mm_movelh_ps(simde_mm_unpackhi_ps(head0, head1), simde_mm_unpackhi_ps(head2, head3)));
    const simde__m128i sums = simde_mm_loadu_si128((const void *)levels);
    const simde__m128 dots = simde_mm_add_ps(simde_mm_mul_ps(q->step, doubled_less(sums, q->sum)),
                                             simde_mm_mul_ps(q->low, doubled_less(ones, q->bits)));
    return simde_mm_sub_ps(simde_mm_add_ps(q->bias, biases),
                           simde_mm_mul_ps(simde_mm_mul_ps(q->scale, scales), dots));
}

static void distances_b1(const st_code_query *query, const uint8_t *const *rows, unsigned count,
                         float *distances) {
    const st_bits_query bits = {query->code, st_bits_count(query->codec->dimension) / 8};
    const lanes q = lanes_of(query);
    uint32_t levels[ST_CODES_MAX];
    unsigned i = 0;
    query->codec->kernels->dots_b1(&bits, rows, sizeof(st_code_head), count, levels);
    for (; count - i >= FOUR; i += FOUR) {
        simde_mm_storeu_ps(distances + i, four_distances(&q, rows + i, levels + i));
    }
    for (; i < count; i++) {
        distances[i] = distance_of(query, rows[i], dot_of_bits(query, rows[i], levels[i]));
    }
}

void st_code_distances(const st_code_query *query, const uint8_t *const *rows, unsigned count,
                       float *distances) {
    if (query->codec->kind == ST_CODE_I8) {
        distances_i8(query, rows, count, distances);
    } else if (query->codec->kind == ST_CODE_B1) {
        distances_b1(query, rows, count, distances);
    } else {
        for (unsigned i = 0; i < count; i++) {
            distances[i] = distance_of(query, rows[i], st_code_dot(query, rows[i]));
        }
    }
}

/* ---- How far off ----------------------------------------------------------------------------- */

/* Of the product, for the metric's distance. */
static float in_distance(const st_codec *codec, float of_product) {
    return codec->metric == ST_METRIC_EUCLIDEAN ? 2 * of_product : of_product;
}

/* The length of what the row's code stands for. */
static float length_of_row(const st_codec *codec, const uint8_t *row) {
    const st_code_head *head = st_code_head_of(row);
    if (codec->metric == ST_METRIC_COSINE) {
        return 1 + head->error;
    }
    if (codec->metric == ST_METRIC_EUCLIDEAN) {
        return sqrtf(head->bias) + head->error;
    }
    const float step = head->scale;
    const float product =
        codec->kind == ST_CODE_B1 ? (float)st_bits_count(codec->dimension)
        : codec->kind == ST_CODE_I8
            ? (float)codec->kernels->dot_i8(st_code_of(row), st_code_of(row), codec->dimension,
                                            head->sum)
            : codec->kernels->dot_f32(st_code_of(row), st_code_of(row), codec->dimension);
    return step * sqrtf(product);
}

/* <q, x> - <q^, x^> = <q, x - x^> + <q - q^, x^> */
float st_code_error_max(const st_code_query *query, const uint8_t *row) {
    const st_codec *codec = query->codec;
    const float off =
        query->length * st_code_head_of(row)->error + query->error * length_of_row(codec, row);
    return in_distance(codec, off);
}

float st_code_error_usual(const st_code_query *query, const uint8_t *row) {
    return st_code_error_max(query, row) / sqrtf((float)query->codec->dimension);
}

float st_code_size(const st_code_query *query, const uint8_t *row, float distance) {
    const float least = query->codec->metric == ST_METRIC_DOT
                            ? -query->length * length_of_row(query->codec, row)
                            : 0;
    const float size = distance - least;
    const float off = st_code_error_usual(query, row);
    return size > off ? size : off;
}

float st_vector_length(const st_codec *codec, const float *query) {
    return codec->metric == ST_METRIC_COSINE ? length_of(codec, query) : 0;
}

float st_vector_distance(const st_codec *codec, const float *query, float length,
                         const float *embedding) {
    const st_vector_kernels *kernels = codec->kernels;
    const uint32_t n = codec->dimension;
    if (codec->metric == ST_METRIC_EUCLIDEAN) {
        return kernels->l2_f32(query, embedding, n);
    }
    const float dot = kernels->dot_f32(query, embedding, n);
    return codec->metric == ST_METRIC_DOT ? -dot : 1 - dot / (length * length_of(codec, embedding));
}
