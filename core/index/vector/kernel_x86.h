/* kernel_x86.h - what the kernels of AVX2 and AVX-512 share: the last steps, in registers of 256 and
 * 128 bits. Included after kernel_body.h. */

INLINE __m256 load8(const uint8_t *p) {
    return _mm256_loadu_ps((const void *)p);
}

INLINE __m256 load8_half(const uint8_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const void *)p));
}

INLINE __m128 add_terms4(const pair p, size_t i, __m128 sum) {
    const __m128 a = p.half ? _mm_cvtph_ps(_mm_loadl_epi64((const void *)(p.a + i * 2)))
                            : _mm_loadu_ps((const void *)(p.a + i * 4));
    const __m128 b = _mm_loadu_ps((const void *)(p.b + i * 4));
    const __m128 difference = _mm_sub_ps(a, b);
    return _mm_add_ps(sum, p.squared ? _mm_mul_ps(difference, difference) : _mm_mul_ps(a, b));
}

/* From the sums of eight lanes on, with fewer than eight elements left. */
INLINE float finish8(const pair p, size_t i, __m256 sums) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));
    if (p.n - i >= 4) {
        sum = add_terms4(p, i, sum);
        i += 4;
    }
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    sum = _mm_add_ss(sum, _mm_movehdup_ps(sum));
    return last_terms(p, i, _mm_cvtss_f32(sum));
}

INLINE int32_t sum8(__m256i sums) {
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    sum = _mm_add_epi32(sum, _mm_unpackhi_epi64(sum, sum));
    return _mm_cvtsi128_si32(sum) + _mm_extract_epi32(sum, 1);
}

INLINE void sums8(__m256i a, __m256i b, __m256i c, __m256i d, int32_t out[4]) {
    const __m256i sums = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    _mm_storeu_si128((void *)out, _mm_add_epi32(_mm256_castsi256_si128(sums),
                                                _mm256_extracti128_si256(sums, 1)));
}
