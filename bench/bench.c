/* bench.c - clocks, keys and values, medians, folders, output. */
#include "bench.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

/* ---- Clocks and numbers ---------------------------------------------------------------------- */

uint64_t bench_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double bench_now(void) {
    return (double)bench_now_ns() * 1e-9;
}

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

double bench_cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
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

double bench_status_mb(const char *line) {
    char text[256];
    double kb = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(text, sizeof text, status) != NULL) {
        if (strncmp(text, line, strlen(line)) == 0) {
            kb = strtod(text + strlen(line), NULL);
        }
    }
    if (status != NULL) {
        fclose(status);
    }
    return kb * 1024 / 1e6;
}

/* ---- Keys and values ------------------------------------------------------------------------- */

void bench_key(uint64_t i, char key[BENCH_KEY_BYTES]) {
    static const char digits[] = "0123456789abcdef";
    uint64_t h = bench_mix(i + 1);
    for (int at = BENCH_KEY_BYTES - 1; at >= 0; at--, h >>= 4) {
        key[at] = digits[h & 15];
    }
}

uint64_t bench_value_mark(uint64_t i) {
    return bench_mix(i ^ 0x5851f42d4c957f2du);
}

void bench_value(uint64_t i, uint64_t seed, char *value, size_t len) {
    const uint64_t mark = bench_value_mark(i);
    memcpy(value, &mark, sizeof mark);
    /* One multiplication a word: making values must not be what is measured. */
    for (size_t at = sizeof mark; at < len; at += 8) {
        uint64_t word = (seed + at) * 0x9e3779b97f4a7c15u;
        word = (word ^ word >> 32) * 0xd6e8feb86659fd93u;
        memcpy(value + at, &word, len - at < 8 ? len - at : 8);
    }
}

/* ---- Folders --------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk) {
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

void bench_folder_wipe(const char *folder) {
    if (nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
        bench_fail(folder, strerror(errno));
    }
}

void bench_folder_make(const char *folder) {
    bench_folder_wipe(folder);
    if (mkdir(folder, 0777) != 0) {
        bench_fail(folder, strerror(errno));
    }
}

static double walked_bytes;

static int add_bytes(const char *path, const struct stat *info, int kind, struct FTW *walk) {
    (void)path;
    (void)walk;
    walked_bytes += kind == FTW_F ? (double)info->st_blocks * 512 : 0;
    return 0;
}

double bench_folder_bytes(const char *folder) {
    walked_bytes = 0;
    /* A file that a background thread removes meanwhile is none of ours. */
    (void)nftw(folder, add_bytes, 16, FTW_PHYS);
    return walked_bytes;
}

/* ---- Output ---------------------------------------------------------------------------------- */

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
