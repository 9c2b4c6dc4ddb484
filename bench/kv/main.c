/* main.c - the key-value benchmark: `kv GROUP FOLDER [NAME=VALUE]...`.
 *
 * Groups are tables of engines and phases (below). In each round every engine is opened in an empty
 * folder, goes through all phases and is closed; each round begins with another engine, so that
 * none always has the machine as the one before it left it. Samples are printed as they come, a
 * line of JSON each; kv.py makes figures of them.
 *
 * Settings: keys, value (bytes), seconds (a phase; 0: until every key had its turn), rounds, memory
 * (MB for caches and write buffers), engine and phase (that one only), cold (1: without warming up
 * the machine's memory before each engine).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kv/phase.h"

typedef struct settings {
    const char *program;
    const char *folder;
    const char *engine; /* NULL: all */
    const char *phase;  /* NULL: all */
    uint64_t keys;
    size_t value_bytes;
    double seconds;
    int rounds;
    uint64_t memory_bytes;
    int cold;
} settings;

typedef struct cell {
    const char *engine;
    const char *mode;
    int threads_max;
} cell;

enum { CELLS_MAX = 16, PHASES_MAX = 16 };

typedef struct group {
    const char *name;
    void (*run)(const settings *set, const struct group *group, const cell *at, int round);
    cell cells[CELLS_MAX];
    kv_phase phases[PHASES_MAX];
} group;

/* ---- Opening and closing --------------------------------------------------------------------- */

/* NULL when this program has no such engine. */
static const kv_engine *engine_named(const char *name) {
    for (int i = 0; kv_engines[i] != NULL; i++) {
        if (strcmp(kv_engines[i]->name, name) == 0) {
            return kv_engines[i];
        }
    }
    return NULL;
}

/* A virtual machine gives memory that no process has used for a while at half a gigabyte a second,
 * and takes it away again within seconds: whoever comes first would pay for everyone. So there is
 * as much as an engine needs, just used, before each one opens. */
static void warm_memory(const settings *set) {
    if (set->cold) {
        return;
    }
    const size_t size = (size_t)set->keys * (set->value_bytes + 300);
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) {
        (void)madvise(memory, size, MADV_HUGEPAGE);
        memset(memory, 1, size);
        munmap(memory, size);
    }
}

static kv_run open_run(const settings *set, const cell *at, int round) {
    const kv_setup setup = {set->folder, at->mode, set->memory_bytes};
    kv_run run = {engine_named(at->engine), at->mode,    NULL, round, set->keys,
                  set->value_bytes,         set->seconds};
    run.db = run.engine->open(&setup);
    return run;
}

/* Runs the phases that this engine can do. A phase that puts keys that are not there comes first;
 * the keys it had no time for are filled in. */
static void run_phases(const settings *set, const kv_run *run, const group *plan, const cell *at) {
    uint64_t there = 0;
    for (const kv_phase *phase = plan->phases; phase->name != NULL; phase++) {
        const int inserts = phase->work == KV_WORK_INSERT || phase->work == KV_WORK_BATCH;
        if (!kv_phase_possible(run->engine, phase) || phase->threads > at->threads_max ||
            (set->phase != NULL && strcmp(set->phase, phase->name) != 0)) {
            continue;
        }
        if (!inserts && there < run->keys && run->engine->get != NULL) {
            kv_fill(run, there);
            there = run->keys;
        }
        const uint64_t done = kv_phase_run(run, phase);
        there += inserts ? done : 0;
    }
}

/* ---- Groups ---------------------------------------------------------------------------------- */

static void run_plain(const settings *set, const group *plan, const cell *at, int round) {
    warm_memory(set);
    kv_run run = open_run(set, at, round);
    run_phases(set, &run, plan, at);
    run.engine->close(run.db);
}

/* The same, and then reads again with everything in tables and nothing in a write buffer. */
static void run_flushed(const settings *set, const group *plan, const cell *at, int round) {
    static const kv_phase flushed[] = {{"get.tables.1t", KV_WORK_GET, 1, 0},
                                       {"get.tables.2t", KV_WORK_GET, 2, 0},
                                       {"scan.tables", KV_WORK_SCAN, 1, 0}};
    warm_memory(set);
    kv_run run = open_run(set, at, round);
    run_phases(set, &run, plan, at);
    for (size_t i = 0; run.engine->compact != NULL && i < sizeof flushed / sizeof *flushed; i++) {
        if (i == 0) {
            run.engine->compact(run.db);
        }
        if (kv_phase_possible(run.engine, &flushed[i])) {
            kv_phase_run(&run, &flushed[i]);
        }
    }
    run.engine->close(run.db);
}

/* A program of its own that loads, or makes a checkpoint, and is killed. */
static void run_child(const settings *set, const cell *at, const char *what) {
    char keys[32];
    snprintf(keys, sizeof keys, "%llu", (unsigned long long)set->keys);
    const pid_t child = fork();
    if (child == 0) {
        execl(set->program, set->program, "child", set->folder, at->engine, at->mode, what, keys,
              (char *)NULL);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSIGNALED(status) ||
        WTERMSIG(status) != SIGKILL) {
        bench_fail(what, "the child was not killed by itself");
    }
}

static int child_main(char **arg) {
    settings set = {.folder = arg[2], .value_bytes = 100, .memory_bytes = (uint64_t)2 << 30};
    const cell at = {arg[3], arg[4], 1};
    set.keys = strtoull(arg[6], NULL, 10);
    kv_run run = open_run(&set, &at, 0);
    if (strcmp(arg[5], "load") == 0) {
        kv_fill(&run, 0);
        if (run.engine->sync != NULL) {
            run.engine->sync(run.db);
        }
    } else {
        run.engine->checkpoint(run.db);
    }
    return raise(SIGKILL);
}

/* Opens what a killed process left, and reads the last key that was put. */
static kv_run timed_reopen(const settings *set, const cell *at, int round, const char *phase) {
    char key[BENCH_KEY_BYTES];
    char value[KV_VALUE_BYTES_MAX];
    const double start = bench_now();
    const double cpu = bench_cpu();
    kv_run run = open_run(set, at, round);
    kv_session *session = run.engine->session(run.db, 0);
    bench_key(set->keys - 1, key);
    if (run.engine->get(session, key, value, sizeof value) != set->value_bytes) {
        bench_fail(at->engine, "the last key is not there after a kill");
    }
    kv_print(&run, phase, bench_now() - start, (bench_cpu() - cpu) * 1e6);
    run.engine->end(session);
    return run;
}

static void run_reopen(const settings *set, const group *plan, const cell *at, int round) {
    (void)plan;
    run_child(set, at, "load");
    kv_run run = timed_reopen(set, at, round, "reopen.log");
    kv_print(&run, "size.log", bench_folder_bytes(set->folder), -1);
    run.engine->close(run.db);
    if (run.engine->checkpoint == NULL) {
        return;
    }
    run_child(set, at, "checkpoint");
    run = timed_reopen(set, at, round, "reopen.checkpoint");
    kv_print(&run, "size.checkpoint", bench_folder_bytes(set->folder), -1);
    if (run.engine->compact != NULL) {
        run.engine->compact(run.db);
    }
    run.engine->close(run.db);
    kv_print(&run, "size", bench_folder_bytes(set->folder), -1);
}

static void run_snapshot(const settings *set, const group *plan, const cell *at, int round) {
    (void)plan;
    enum { TIMES = 200000 };
    kv_run run = open_run(set, at, round);
    kv_fill(&run, 0);
    if (run.engine->snapshot != NULL) {
        kv_session *session = run.engine->session(run.db, 0);
        run.engine->snapshot(session);
        const uint64_t before =
            run.engine->allocations == NULL ? 0 : run.engine->allocations(run.db);
        const double start = bench_now();
        for (int i = 0; i < TIMES; i++) {
            run.engine->snapshot(session);
        }
        kv_print(&run, "snapshot.begin", (bench_now() - start) / TIMES * 1e9, -1);
        if (run.engine->allocations != NULL) {
            kv_print(&run, "snapshot.allocations",
                     (double)(run.engine->allocations(run.db) - before) / TIMES, -1);
        }
        run.engine->end(session);
    }
    run.engine->close(run.db);
}

static void print_memory(const kv_run *run, const char *phase) {
    char name[64];
    snprintf(name, sizeof name, "larger.rss.%s", phase);
    kv_print(run, name, bench_status_mb("VmRSS:"), -1);
    snprintf(name, sizeof name, "larger.peak.%s", phase);
    kv_print(run, name, bench_status_mb("VmHWM:"), -1);
}

/* Many times more than the memory given. The driver itself takes about 2 MB. */
static void run_larger(const settings *set, const group *plan, const cell *at, int round) {
    (void)plan;
    static const kv_phase load = {"larger.insert", KV_WORK_INSERT, 1, 0};
    static const kv_phase get = {"larger.get", KV_WORK_GET, 1, 0};
    static const kv_phase scan = {"larger.scan", KV_WORK_SCAN, 1, 0};
    kv_run run = open_run(set, at, round);
    print_memory(&run, "open");
    run.seconds = 0;
    kv_phase_run(&run, &load);
    print_memory(&run, "insert");
    run.seconds = set->seconds;
    kv_phase_run(&run, &get);
    print_memory(&run, "get");
    if (kv_phase_possible(run.engine, &scan)) {
        kv_phase_run(&run, &scan);
        print_memory(&run, "scan");
    }
    kv_print(&run, "larger.size", bench_folder_bytes(set->folder), -1);
    run.engine->close(run.db);
}

static const group groups[] = {
    {"memory",
     run_plain,
     {{"strata", "memory", 2}, {"sqlite", "memory", 1}, {"hash", "table", 1}, {"hash", "lock", 2}},
     {{"insert.1t", KV_WORK_INSERT, 1, 0},
      {"put.1t", KV_WORK_PUT, 1, 0},
      {"get.1t", KV_WORK_GET, 1, 0},
      {"mixed.1t", KV_WORK_MIXED, 1, 0},
      {"put.2t", KV_WORK_PUT, 2, 0},
      {"get.2t", KV_WORK_GET, 2, 0}}},
    {"buffered",
     run_flushed,
     {{"strata", "buffered", 2},
      {"lmdb", "nosync", 2},
      {"lmdb", "writemap-nosync", 2},
      {"rocksdb", "nosync", 2},
      {"sqlite", "normal", 2},
      {"sqlite", "off", 2},
      {"redis", "none", 2},
      {"redis", "everysec", 2},
      {"hash", "log", 2}},
     {{"batch100.1t", KV_WORK_BATCH, 1, 0},
      {"get.1t", KV_WORK_GET, 1, 0},
      {"get.2t", KV_WORK_GET, 2, 0},
      {"scan", KV_WORK_SCAN, 1, 0},
      {"scan100", KV_WORK_SCAN100, 1, 0},
      {"put.1t", KV_WORK_PUT, 1, 0},
      {"put.2t", KV_WORK_PUT, 2, 0},
      {"mixed.1t", KV_WORK_MIXED, 1, 0},
      {"mixed.2t", KV_WORK_MIXED, 2, 0},
      {"get.overwritten.1t", KV_WORK_GET, 1, 0},
      {"scan.overwritten", KV_WORK_SCAN, 1, 0}}},
    {"runs",
     run_plain,
     {{"strata", "buffered-runs", 2}, {"strata", "memory-runs", 2}},
     {{"put.1t", KV_WORK_PUT, 1, 0}, {"put.2t", KV_WORK_PUT, 2, 0}}},
    {"strict",
     run_plain,
     {{"strata", "strict", 8},
      {"strata", "strict-runs", 8},
      {"raw", "written", 1},
      {"sqlite", "full", 2},
      {"raw", "reserved", 1},
      {"rocksdb", "sync", 8},
      {"raw", "append", 1},
      {"lmdb", "sync", 2},
      {"lmdb", "writemap-sync", 2},
      {"redis", "always", 8},
      {"hash", "log-sync", 1}},
     {{"put.1t", KV_WORK_PUT, 1, 0}, {"put.2t", KV_WORK_PUT, 2, 0}, {"put.8t", KV_WORK_PUT, 8, 0}}},
    {"latency",
     run_plain,
     {{"strata", "buffered", 1}, {"rocksdb", "nosync", 1}},
     {{"insert", KV_WORK_INSERT, 1, 1}, {"put", KV_WORK_PUT, 1, 1}}},
    {"reopen",
     run_reopen,
     {{"strata", "buffered", 1},
      {"hash", "log", 1},
      {"rocksdb", "nosync", 1},
      {"sqlite", "normal", 1},
      {"lmdb", "writemap-nosync", 1},
      {"redis", "everysec", 1}},
     {{0}}},
    {"snapshot",
     run_snapshot,
     {{"strata", "buffered-counted", 1},
      {"lmdb", "nosync", 1},
      {"rocksdb", "nosync", 1},
      {"sqlite", "normal", 1}},
     {{0}}},
    {"larger", run_larger, {{"strata", "buffered", 1}, {"rocksdb", "nosync", 1}}, {{0}}},
};

/* ---- The program ----------------------------------------------------------------------------- */

static void run_round(const settings *set, const group *plan, int round) {
    int count = 0;
    while (count < CELLS_MAX && plan->cells[count].engine != NULL) {
        count++;
    }
    for (int i = 0; i < count; i++) {
        const cell *at = &plan->cells[(i + round) % count];
        if (engine_named(at->engine) == NULL ||
            (set->engine != NULL && strcmp(set->engine, at->engine) != 0)) {
            continue;
        }
        bench_folder_make(set->folder);
        plan->run(set, plan, at, round);
        bench_folder_wipe(set->folder);
    }
}

static int read_setting(settings *set, const char *text) {
    const char *value = strchr(text, '=');
    if (value++ == NULL) {
        return 0;
    }
    if (strncmp(text, "keys=", 5) == 0) {
        set->keys = strtoull(value, NULL, 10);
    } else if (strncmp(text, "value=", 6) == 0) {
        set->value_bytes = strtoull(value, NULL, 10);
    } else if (strncmp(text, "seconds=", 8) == 0) {
        set->seconds = strtod(value, NULL);
    } else if (strncmp(text, "rounds=", 7) == 0) {
        set->rounds = atoi(value);
    } else if (strncmp(text, "memory=", 7) == 0) {
        set->memory_bytes = strtoull(value, NULL, 10) << 20;
    } else if (strncmp(text, "cold=", 5) == 0) {
        set->cold = atoi(value);
    } else if (strncmp(text, "engine=", 7) == 0) {
        set->engine = value;
    } else if (strncmp(text, "phase=", 6) == 0) {
        set->phase = value;
    } else {
        return 0;
    }
    return set->value_bytes >= 8 && set->value_bytes <= KV_VALUE_BYTES_MAX && set->keys >= 1000;
}

static const group *group_named(const char *name) {
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        if (strcmp(groups[i].name, name) == 0) {
            return &groups[i];
        }
    }
    return NULL;
}

int main(int count, char **arg) {
    if (count == 7 && strcmp(arg[1], "child") == 0) {
        return child_main(arg);
    }
    settings set = {.program = arg[0],
                    .keys = 1000000,
                    .value_bytes = 100,
                    .seconds = 1,
                    .rounds = 3,
                    .memory_bytes = (uint64_t)2 << 30};
    const group *plan = count < 3 ? NULL : group_named(arg[1]);
    int good = plan != NULL;
    for (int i = 3; i < count; i++) {
        good = good && read_setting(&set, arg[i]);
    }
    if (!good) {
        fprintf(stderr,
                "usage: kv GROUP FOLDER [keys= value= seconds= rounds= memory= engine= phase= "
                "cold=]\n");
        return 2;
    }
    set.folder = arg[2];
    for (int round = 0; round < set.rounds; round++) {
        run_round(&set, plan, round);
    }
    return 0;
}
