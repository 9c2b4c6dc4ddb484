/* phase.h - one kind of work on one open database: its rate, processor time and latencies. */
#ifndef KV_PHASE_H
#define KV_PHASE_H

#include "kv/engine.h"

enum { KV_THREADS_MAX = 16, KV_BATCH = 100 };

/* What a phase works on; the same for all phases of an engine in a round. */
typedef struct kv_run {
    const kv_engine *engine;
    const char *mode;
    kv_db *db;
    int round;
    uint64_t keys;
    size_t value_bytes;
    double seconds; /* each phase ends then; 0: when every key had its turn */
} kv_run;

typedef enum kv_work {
    KV_WORK_INSERT,  /* keys that are not there, in scattered order, each once */
    KV_WORK_BATCH,   /* the same, KV_BATCH in a transaction */
    KV_WORK_PUT,     /* keys that are there, at random */
    KV_WORK_GET,     /* the same; every value is checked */
    KV_WORK_MIXED,   /* half and half */
    KV_WORK_SCAN,    /* all, in order */
    KV_WORK_SCAN100, /* a hundred from a random key on */
} kv_work;

typedef struct kv_phase {
    const char *name;
    kv_work work;
    int threads;
    int latencies; /* percentiles of single operations are wanted */
} kv_phase;

/* Whether the engine has what the phase needs. */
int kv_phase_possible(const kv_engine *engine, const kv_phase *phase);

/* Runs the phase and prints its sample, a line of JSON. Each thread has its own share of the keys.
 * Returns the operations done. */
uint64_t kv_phase_run(const kv_run *run, const kv_phase *phase);

/* Untimed: puts the keys from `from` to the last one, in transactions where there are any. */
void kv_fill(const kv_run *run, uint64_t from);

/* Prints {"engine","mode","phase","round","value","cpu_us"}; cpu_us below 0: none. */
void kv_print(const kv_run *run, const char *phase, double value, double cpu_us);

#endif
