/* phase.c - the loops that are measured.
 *
 * Threads open their sessions, meet at a barrier, and work until the time is up; the rate is all
 * operations over the time from the barrier to the last of them. The clock is read every
 * CHECK_EVERY operations only, or at each one where latencies are wanted (25 ns). Making a key and a
 * value costs about 20 ns an operation and is the same for everyone.
 */
#include "kv/phase.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHECK_EVERY = 64, FILL_BATCH = 1000 };

typedef struct worker {
    const kv_run *run;
    const kv_phase *phase;
    pthread_barrier_t *start;
    kv_session *session;
    int thread;
    uint64_t low; /* its share of the keys: low to high - 1 */
    uint64_t high;
    uint64_t next;   /* of the keys put in turn */
    uint64_t random; /* state of the generator */
    uint64_t done;
    uint64_t sum; /* of what scans saw, so that they cannot be optimised away */
    double started;
    double ended;
    uint32_t *latency_ns;
    uint64_t latency_max; /* room for that many */
    uint64_t latency_count;
} worker;

void *kv_new(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL) {
        bench_fail("kv", "no memory");
    }
    return memory;
}

void kv_print(const kv_run *run, const char *phase, double value, double cpu_us) {
    printf("{\"engine\":\"%s\",\"mode\":\"%s\",\"phase\":\"%s\",\"round\":%d,\"value\":%.6g",
           run->engine->name, run->mode, phase, run->round, value);
    if (cpu_us >= 0) {
        printf(",\"cpu_us\":%.4g", cpu_us);
    }
    printf("}\n");
    fflush(stdout);
}

/* ---- One operation --------------------------------------------------------------------------- */

static uint64_t random_key(worker *w) {
    w->random = bench_mix(w->random + 0x9e3779b97f4a7c15u);
    /* The high bits choose the key; mixed work takes the lowest one. */
    return w->low + (uint64_t)((__uint128_t)w->random * (w->high - w->low) >> 64);
}

static void put_key(worker *w, uint64_t i, int in_batch) {
    char key[BENCH_KEY_BYTES];
    char value[KV_VALUE_BYTES_MAX];
    const kv_engine *engine = w->run->engine;
    bench_key(i, key);
    bench_value(i, w->random + w->done, value, w->run->value_bytes);
    (in_batch ? engine->add : engine->put)(w->session, key, value, w->run->value_bytes);
    w->done++;
}

static void get_key(worker *w, uint64_t i) {
    char key[BENCH_KEY_BYTES];
    char value[KV_VALUE_BYTES_MAX];
    uint64_t mark;
    bench_key(i, key);
    const size_t len = w->run->engine->get(w->session, key, value, sizeof value);
    memcpy(&mark, value, sizeof mark);
    if (len != w->run->value_bytes || mark != bench_value_mark(i)) {
        bench_fail(w->run->engine->name, "a value is not what was put");
    }
    w->done++;
}

static void put_batch(worker *w) {
    w->run->engine->begin(w->session);
    for (int n = 0; n < KV_BATCH && w->next < w->high; n++) {
        put_key(w, w->next++, 1);
    }
    w->run->engine->commit(w->session);
}

static void scan(worker *w, int all) {
    char key[BENCH_KEY_BYTES];
    bench_key(random_key(w), key);
    w->done += w->run->engine->scan(w->session, all ? NULL : key, all ? UINT64_MAX : 100, &w->sum);
}

static void step(worker *w) {
    switch (w->phase->work) {
    case KV_WORK_INSERT:
        put_key(w, w->next++, 0);
        break;
    case KV_WORK_BATCH:
        put_batch(w);
        break;
    case KV_WORK_PUT:
        put_key(w, random_key(w), 0);
        break;
    case KV_WORK_GET:
        get_key(w, random_key(w));
        break;
    case KV_WORK_MIXED: {
        const uint64_t i = random_key(w);
        if ((w->random & 1) != 0) {
            put_key(w, i, 0);
        } else {
            get_key(w, i);
        }
        break;
    }
    case KV_WORK_SCAN:
    case KV_WORK_SCAN100:
        scan(w, w->phase->work == KV_WORK_SCAN);
        break;
    }
}

/* ---- One thread ------------------------------------------------------------------------------ */

static int is_finished(const worker *w) {
    const kv_work work = w->phase->work;
    if (work == KV_WORK_INSERT || work == KV_WORK_BATCH) {
        return w->next >= w->high;
    }
    return w->run->seconds == 0 && w->done >= w->high - w->low;
}

static void loop(worker *w) {
    const double seconds = w->run->seconds == 0 ? 1e9 : w->run->seconds;
    const int often = w->phase->work == KV_WORK_BATCH || w->phase->work >= KV_WORK_SCAN;
    const int every = often ? 1 : CHECK_EVERY;
    while (!is_finished(w) && bench_now() - w->started < seconds) {
        for (int n = 0; n < every && !is_finished(w); n++) {
            step(w);
        }
    }
}

static void loop_timing_each(worker *w) {
    const uint64_t seconds_ns =
        w->run->seconds == 0 ? UINT64_MAX : (uint64_t)(w->run->seconds * 1e9);
    const uint64_t start = bench_now_ns();
    for (uint64_t before = start, now = start; !is_finished(w) && now - start < seconds_ns;) {
        step(w);
        now = bench_now_ns();
        if (w->latency_count < w->latency_max) {
            const uint64_t ns = now - before;
            w->latency_ns[w->latency_count++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
        }
        before = now;
    }
}

static void *work(void *arg) {
    worker *w = arg;
    w->session = w->run->engine->session(w->run->db, w->thread);
    pthread_barrier_wait(w->start);
    w->started = bench_now();
    if (w->latency_ns != NULL) {
        loop_timing_each(w);
    } else {
        loop(w);
    }
    w->ended = bench_now();
    w->run->engine->end(w->session);
    return NULL;
}

/* ---- All threads ----------------------------------------------------------------------------- */

int kv_phase_possible(const kv_engine *engine, const kv_phase *phase) {
    switch (phase->work) {
    case KV_WORK_BATCH:
        return engine->begin != NULL;
    case KV_WORK_GET:
    case KV_WORK_MIXED:
        return engine->get != NULL;
    case KV_WORK_SCAN:
    case KV_WORK_SCAN100:
        return engine->scan != NULL;
    default:
        return 1;
    }
}

static int compare(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void print_latencies(const worker *w) {
    static const struct {
        const char *name;
        double share;
    } of[] = {{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
    qsort(w->latency_ns, w->latency_count, sizeof *w->latency_ns, compare);
    for (size_t i = 0; i < sizeof of / sizeof *of && w->latency_count > 0; i++) {
        char phase[64];
        const uint64_t last = w->latency_count - 1;
        snprintf(phase, sizeof phase, "%s.%s", w->phase->name, of[i].name);
        kv_print(w->run, phase, w->latency_ns[(uint64_t)((double)last * of[i].share)] / 1e3, -1);
    }
}

static double cpu_of(const kv_run *run) {
    return bench_cpu() + (run->engine->cpu == NULL ? 0 : run->engine->cpu(run->db));
}

static void prepare(worker *w, const kv_run *run, const kv_phase *phase, int thread) {
    const uint64_t share = run->keys / (uint64_t)phase->threads;
    memset(w, 0, sizeof *w);
    w->run = run;
    w->phase = phase;
    w->thread = thread;
    w->low = (uint64_t)thread * share;
    w->high = w->low + share;
    w->next = w->low;
    w->random = bench_mix((uint64_t)run->round * 1000 + (uint64_t)thread + 1);
    if (phase->latencies) {
        w->latency_max = share;
        w->latency_ns = kv_new(share * sizeof *w->latency_ns);
        memset(w->latency_ns, 1, share * sizeof *w->latency_ns); /* no page fault while timing */
    }
}

uint64_t kv_phase_run(const kv_run *run, const kv_phase *phase) {
    worker workers[KV_THREADS_MAX];
    pthread_t threads[KV_THREADS_MAX];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)phase->threads);
    const double cpu_before = cpu_of(run);
    for (int t = 0; t < phase->threads; t++) {
        prepare(&workers[t], run, phase, t);
        workers[t].start = &start;
        if (t > 0 && pthread_create(&threads[t], NULL, work, &workers[t]) != 0) {
            bench_fail("pthread_create", "failed");
        }
    }
    work(&workers[0]);
    uint64_t done = workers[0].done;
    double first = workers[0].started;
    double last = workers[0].ended;
    for (int t = 1; t < phase->threads; t++) {
        pthread_join(threads[t], NULL);
        done += workers[t].done;
        first = workers[t].started < first ? workers[t].started : first;
        last = workers[t].ended > last ? workers[t].ended : last;
    }
    kv_print(run, phase->name, (double)done / (last - first),
             (cpu_of(run) - cpu_before) / (double)done * 1e6);
    for (int t = 0; t < phase->threads; t++) {
        if (phase->latencies) {
            print_latencies(&workers[t]);
        }
        free(workers[t].latency_ns);
    }
    pthread_barrier_destroy(&start);
    return done;
}

void kv_fill(const kv_run *run, uint64_t from) {
    worker w = {.run = run, .low = 0, .high = run->keys, .next = from};
    w.session = run->engine->session(run->db, 0);
    const int batches = run->engine->begin != NULL;
    while (w.next < w.high) {
        if (batches) {
            run->engine->begin(w.session);
        }
        for (int n = 0; n < FILL_BATCH && w.next < w.high; n++) {
            put_key(&w, w.next++, batches);
        }
        if (batches) {
            run->engine->commit(w.session);
        }
    }
    run->engine->end(w.session);
}
