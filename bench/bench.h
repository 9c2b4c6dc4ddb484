/* bench.h - what the benchmarks share: clocks, medians, one line of JSON a figure. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

double bench_now(void);                             /* monotonic seconds */
double bench_median(double *samples, size_t count); /* sorts them */
uint64_t bench_mix(uint64_t x); /* splitmix64's finaliser: bijective, seedless */
/* Dense i gives distinct, spread 16-digit keys. */
void bench_key(uint64_t i, char key[16]);
void bench_fail(const char *what, const char *why); /* prints and exits 1 */

/* One line: {"id","ours","unit","peer","theirs","ratio"}; lower_is_better turns the ratio round, so
 * that above 1 always means that we are better. theirs 0: no peer. */
void bench_report(const char *id, double ours, const char *unit, const char *peer, double theirs,
                  int lower_is_better);

#endif
