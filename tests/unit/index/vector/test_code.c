/* Proves that distances between codes are those between the vectors, within the error that is said, in
 * every metric and for codes of all kinds; that a code uses all of its levels; and that every kernel
 * makes the same codes and distances, to the last bit. */
#include "vectors.h"

enum { COUNT = 300, DIMENSIONS = 6 };

static const uint32_t dimensions[DIMENSIONS] = {1, 2, 7, 64, 100, 385};
static const st_vector_metric metrics[] = {ST_METRIC_COSINE, ST_METRIC_EUCLIDEAN, ST_METRIC_DOT};
static const st_code_kind kinds[] = {ST_CODE_F32, ST_CODE_I8, ST_CODE_B1};

static double exact_distance(st_vector_metric metric, const float *a, const float *b, uint32_t n) {
    double dot = 0;
    double aa = 0;
    double bb = 0;
    for (uint32_t i = 0; i < n; i++) {
        dot += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return metric == ST_METRIC_DOT      ? -dot
           : metric == ST_METRIC_COSINE ? 1 - dot / sqrt(aa * bb)
                                        : aa + bb - 2 * dot;
}

static void compare(st_vector_metric metric, st_code_kind kind, uint32_t dimension) {
    const st_codec codec = st_codec_of(metric, kind, dimension, vectors_kernels());
    float *all = vectors_make(dimension, COUNT, dimension, 5);
    uint8_t *row = aligned_alloc(16, codec.stride);
    uint8_t *room = aligned_alloc(16, codec.room);
    double usual = 0;
    double squares = 0;
    for (uint32_t i = 1; i < COUNT; i++) {
        const float *a = all + (size_t)(i - 1) * dimension;
        const float *b = all + (size_t)i * dimension;
        const st_code_query query = st_code_query_of(&codec, a, room);
        st_code_write(&codec, b, row);
        const double exact = exact_distance(metric, a, b, dimension);
        const double off = fabs((double)st_code_distance(&query, row) - exact);
        const double rounding = 1e-5 * (1 + fabs(exact)) * (metric == ST_METRIC_COSINE ? 1 : 20);
        if (off > (double)st_code_error_max(&query, row) + rounding) {
            fail_msg("metric %d, codes %d, dimension %u, pair %u: off by %g, said %g", metric, kind,
                     dimension, i, off, (double)st_code_error_max(&query, row));
        }
        assert_true(fabs((double)st_vector_distance(&codec, a, st_vector_length(&codec, a), b) -
                         exact) <= rounding);
        usual += pow((double)st_code_error_usual(&query, row), 2);
        squares += off * off;
    }
    /* What is said of the usual error holds on the average. */
    if (kind != ST_CODE_F32 && dimension >= 64) {
        assert_true(sqrt(squares) <= 1.5 * sqrt(usual));
    }
    free(all);
    free(row);
    free(room);
}

static void test_distances(void **state) {
    (void)state;
    for (size_t m = 0; m < 3; m++) {
        for (size_t k = 0; k < 3; k++) {
            for (size_t d = 0; d < DIMENSIONS; d++) {
                compare(metrics[m], kinds[k], dimensions[d]);
            }
        }
    }
}

/* A row as a query, as building a graph has it, is as good as the vector. */
static void test_rows_as_queries(void **state) {
    (void)state;
    for (size_t m = 0; m < 3; m++) {
        const st_codec codec = st_codec_of(metrics[m], ST_CODE_I8, 100, vectors_kernels());
        float *all = vectors_make(9, 50, 100, 5);
        uint8_t *room = aligned_alloc(16, codec.room);
        uint8_t *rows = aligned_alloc(16, (size_t)50 * codec.stride);
        for (uint32_t i = 0; i < 50; i++) {
            st_code_write(&codec, all + (size_t)i * 100, rows + (size_t)i * codec.stride);
        }
        for (uint32_t i = 1; i < 50; i++) {
            const uint8_t *row = rows + (size_t)i * codec.stride;
            const uint8_t *before = row - codec.stride;
            const st_code_query query = st_code_query_row(&codec, row);
            const st_code_query same = st_code_query_of(&codec, all + (size_t)i * 100, room);
            const st_code_query back = st_code_query_row(&codec, before);
            assert_true(st_code_distance(&query, before) == st_code_distance(&same, before));
            assert_true(fabsf(st_code_distance(&query, before) - st_code_distance(&back, row)) <
                        1e-3f);
        }
        free(all);
        free(room);
        free(rows);
    }
}

static void test_levels(void **state) {
    (void)state;
    static const float lengths[] = {1e-12f, 0.01f, 1, 1e12f};
    const st_codec codec = st_codec_of(ST_METRIC_COSINE, ST_CODE_I8, 8, vectors_kernels());
    _Alignas(16) uint8_t row[64];
    assert_int_equal(codec.stride, 32);
    for (size_t i = 0; i < 4; i++) {
        const float l = lengths[i];
        const float vector[8] = {l, -l, l / 4, 0, 0, 0, 0, l / 127};
        st_code_write(&codec, vector, row);
        const int8_t *code = st_code_of(row);
        assert_int_equal(code[0], 127);
        assert_int_equal(code[1], -127);
        assert_int_equal(code[2], 32);
        assert_int_equal(code[7], 1);
        assert_int_equal(st_code_head_of(row)->sum, 33);
    }
}

static void compare_kernels(const st_codec *codec, const st_codec *plain, const float *all) {
    uint8_t rows[2][512] __attribute__((aligned(16)));
    uint8_t rooms[2][2048] __attribute__((aligned(16)));
    assert_true(codec->stride <= sizeof rows[0] && codec->room <= sizeof rooms[0]);
    const st_code_query query = st_code_query_of(codec, all, rooms[0]);
    const st_code_query asked = st_code_query_of(plain, all, rooms[1]);
    const float length = st_vector_length(codec, all);
    assert_true(length == st_vector_length(plain, all));
    for (uint32_t v = 0; v < 60; v++) {
        const float *x = all + (size_t)v * 100;
        const uint8_t *row = rows[0];
        float distance;
        st_code_write(codec, x, rows[0]);
        st_code_write(plain, x, rows[1]);
        assert_memory_equal(rows[0], rows[1], codec->stride);
        st_code_distances(&query, &row, 1, &distance);
        assert_true(distance == st_code_distance(&asked, rows[1]));
        assert_true(st_vector_distance(codec, all, length, x) ==
                    st_vector_distance(plain, all, length, x));
    }
}

static void test_all_kernels(void **state) {
    (void)state;
    float *all = vectors_make(4, 60, 100, 3);
    const st_vector_kernels *kernels;
    for (size_t m = 0; m < 9; m++) {
        for (size_t i = 0; (kernels = st_vector_kernels_at(i)) != NULL; i++) {
            const st_codec codec = st_codec_of(metrics[m % 3], kinds[m / 3], 100, kernels);
            const st_codec plain =
                st_codec_of(metrics[m % 3], kinds[m / 3], 100, st_vector_kernels_named("scalar"));
            compare_kernels(&codec, &plain, all);
        }
    }
    free(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_rows_as_queries),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_all_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
