/* bench.h - what the benchmarks share: clocks, keys and values, medians, folders, one line of JSON
 * a figure. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

enum { BENCH_KEY_BYTES = 16 };

/* ---- Clocks and numbers ---------------------------------------------------------------------- */

double bench_now(void);                             /* monotonic seconds */
uint64_t bench_now_ns(void);                        /* the same clock */
double bench_cpu(void);                             /* seconds of processor time of this process */
double bench_median(double *samples, size_t count); /* sorts them */
uint64_t bench_mix(uint64_t x); /* splitmix64's finaliser: bijective, seedless */
/* A line of /proc/self/status in MB, such as "VmRSS:"; 0 where there is none. */
double bench_status_mb(const char *line);

/* ---- Keys and values ------------------------------------------------------------------------- */

/* Dense i gives distinct, spread 16-digit keys. */
void bench_key(uint64_t i, char key[BENCH_KEY_BYTES]);
/* Bytes that do not compress. The first eight depend on i alone, so that a reader can check what
 * it got under key i; the others on the seed. len is at least 8. */
void bench_value(uint64_t i, uint64_t seed, char *value, size_t len);
uint64_t bench_value_mark(uint64_t i); /* those first eight bytes */

/* ---- Folders --------------------------------------------------------------------------------- */

void bench_folder_wipe(const char *folder);    /* removes it with all that is in it */
void bench_folder_make(const char *folder);    /* wiped and made anew */
double bench_folder_bytes(const char *folder); /* blocks taken on the disk */

/* ---- Output ---------------------------------------------------------------------------------- */

void bench_fail(const char *what, const char *why); /* prints and exits 1 */

/* One line: {"id","ours","unit","peer","theirs","ratio"}; lower_is_better turns the ratio round, so
 * that above 1 always means that we are better. theirs 0: no peer. */
void bench_report(const char *id, double ours, const char *unit, const char *peer, double theirs,
                  int lower_is_better);

#endif
