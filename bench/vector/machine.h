/* machine.h - clocks, memory and threads of the machine that the driver runs on: machine_native.c, and
 * machine_wasi.c, which has one thread. */
#ifndef BENCH_VECTOR_MACHINE_H
#define BENCH_VECTOR_MACHINE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

uint64_t machine_now_ns(void);  /* monotonic */
double machine_cpu(void);       /* seconds of processor time of the process; 0: not known */
double machine_resident(void);  /* bytes; 0: not known */
void machine_rest(void);        /* a moment, for who has nothing to do */
unsigned machine_threads(void); /* at most */

/* Runs work(ctx, 0) here, and (ctx, 1) to (ctx, threads - 1) in threads; returns when all have. */
void machine_run(unsigned threads, void (*work)(void *ctx, unsigned thread), void *ctx);

#ifdef __cplusplus
}
#endif

#endif
