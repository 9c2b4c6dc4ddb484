/* bench.c - clocks, medians, output. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double bench_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *samples, size_t count) {
    qsort(samples, count, sizeof *samples, compare);
    return samples[count / 2];
}

uint64_t bench_mix(uint64_t x) {
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

void bench_key(uint64_t i, char key[16]) {
    static const char digits[] = "0123456789abcdef";
    uint64_t h = bench_mix(i + 1);
    for (int at = 15; at >= 0; at--, h >>= 4) {
        key[at] = digits[h & 15];
    }
}

void bench_fail(const char *what, const char *why) {
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

void bench_report(const char *id, double ours, const char *unit, const char *peer, double theirs,
                  int lower_is_better) {
    printf("{\"id\":\"%s\",\"ours\":%.6g,\"unit\":\"%s\"", id, ours, unit);
    if (theirs > 0) {
        printf(",\"peer\":\"%s\",\"theirs\":%.6g,\"ratio\":%.3g", peer, theirs,
               lower_is_better ? theirs / ours : ours / theirs);
    }
    printf("}\n");
    fflush(stdout);
}
