/* kernel.c - which kernels this processor runs.
 *
 * 1. Asked anew by each call, of what the compiler's support library found out when the program
 *    began: there is no table that is filled on first use, so nothing that threads could race for.
 * 2. "simd128" is part of every x86-64, of every 64-bit ARM and of the WASM modules, which are
 *    compiled with it; elsewhere SIMDe makes it of plain C.
 * 3. The best of a WASM module is known when it is compiled. Only the walk names the scalar kernels,
 *    and no module exports it: the linker leaves most of them out.
 *
 * F16C is older than FMA and in every processor that has FMA, but older compilers cannot ask for it:
 * FMA is asked for in its place, though no kernel uses it (kernel_body.h says why).
 *
 * Rejected: ifunc, which the loaders of musl, macOS and Windows do not have.
 */
#include "index/vector/kernel.h"

#include "index/vector/kernel_tables.h"

#if defined(__x86_64__)

static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512_vnni(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}

static bool has_avx512(void) {
    return has_avx512_vnni() && __builtin_cpu_supports("avx512vpopcntdq");
}

const st_vector_kernels *st_vector_kernels_best(void) {
    if (has_avx512()) {
        return &st_vector_kernels_avx512;
    }
    if (has_avx512_vnni()) {
        return &st_vector_kernels_avx512_vnni;
    }
    return has_avx2() ? &st_vector_kernels_avx2 : &st_vector_kernels_simd128;
}

const st_vector_kernels *st_vector_kernels_at(size_t i) {
    /* Each needs what the one before it needs. */
    switch (i) {
    case 0:
        return &st_vector_kernels_scalar;
    case 1:
        return &st_vector_kernels_simd128;
    case 2:
        return has_avx2() ? &st_vector_kernels_avx2 : NULL;
    case 3:
        return has_avx512_vnni() ? &st_vector_kernels_avx512_vnni : NULL;
    case 4:
        return has_avx512() ? &st_vector_kernels_avx512 : NULL;
    default:
        return NULL;
    }
}

#else

const st_vector_kernels *st_vector_kernels_best(void) {
    return &st_vector_kernels_simd128;
}

const st_vector_kernels *st_vector_kernels_at(size_t i) {
    switch (i) {
    case 0:
        return &st_vector_kernels_scalar;
    case 1:
        return &st_vector_kernels_simd128;
    default:
        return NULL;
    }
}

#endif

const st_vector_kernels *st_vector_kernels_named(const char *name) {
    size_t i = 0;
    const st_vector_kernels *kernels = st_vector_kernels_at(i);
    while (kernels != NULL && strcmp(kernels->name, name) != 0) {
        kernels = st_vector_kernels_at(++i);
    }
    return kernels;
}
