/* machine_native.c - clocks, memory and threads, natively. */
#include "vector/machine.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"

enum { THREADS_MAX = 8 };

uint64_t machine_now_ns(void) {
    return bench_now_ns();
}

double machine_cpu(void) {
    return bench_cpu();
}

double machine_resident(void) {
    return bench_status_mb("VmRSS:") * 1e6;
}

void machine_rest(void) {
    const struct timespec pause = {.tv_nsec = 100000};
    nanosleep(&pause, NULL);
}

unsigned machine_threads(void) {
    return THREADS_MAX;
}

typedef struct task {
    void (*work)(void *ctx, unsigned thread);
    void *ctx;
    unsigned thread;
} task;

static void *run_task(void *ctx) {
    const task *t = ctx;
    t->work(t->ctx, t->thread);
    return NULL;
}

void machine_run(unsigned threads, void (*work)(void *ctx, unsigned thread), void *ctx) {
    pthread_t running[THREADS_MAX];
    task tasks[THREADS_MAX];
    for (unsigned i = 1; i < threads; i++) {
        tasks[i] = (task){work, ctx, i};
        if (pthread_create(&running[i], NULL, run_task, &tasks[i]) != 0) {
            bench_fail("pthread_create", "no thread");
        }
    }
    work(ctx, 0);
    for (unsigned i = 1; i < threads; i++) {
        pthread_join(running[i], NULL);
    }
}
