/* machine_wasi.c - clocks for the driver as a WASI command, which has one thread. */
#include "vector/machine.h"

#include <time.h>

uint64_t machine_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double machine_cpu(void) {
    return 0;
}

double machine_resident(void) {
    return (double)(__builtin_wasm_memory_size(0) << 16);
}

void machine_rest(void) {}

unsigned machine_threads(void) {
    return 1;
}

void machine_run(unsigned threads, void (*work)(void *ctx, unsigned thread), void *ctx) {
    (void)threads;
    work(ctx, 0);
}
