/* fork.c - forks of a run that holds a gigabyte: what one costs, and what reading through it costs.
 *
 *   fork FOLDER [quick]
 *
 * A million keys of a kilobyte (quick: fifty thousand), a tenth of them written again after a commit that is
 * kept in mind; tables merged. Then forks of now and of that commit, each timed alone, with what they
 * take of the log and of memory; gets of keys by chance from the run, from a fork, from the end of a
 * chain of 64 forks, and as of that commit, each kind in turn, medians over the rounds. There is no
 * peer: what is asked for stands in its place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "strata/strata.h"

enum { VALUE_BYTES = 1024, FORKS = 1000, ROUNDS = 5, GETS = 20000, DEEP = 64 };

typedef struct bench {
    strata_db *db;
    uint64_t keys;
    uint64_t before; /* the commit before a tenth was written again */
    uint64_t chance;
} bench;

static void need(const bench *b, strata_status status, const char *what) {
    if (status != STRATA_OK) {
        bench_fail(what, strata_errmsg(b->db));
    }
}

/* ---- The run ----------------------------------------------------------------------------------- */

static uint64_t put(bench *b, uint64_t i, uint64_t seed) {
    char key[BENCH_KEY_BYTES];
    char value[VALUE_BYTES];
    uint64_t version;
    bench_key(i, key);
    bench_value(i, seed, value, sizeof value);
    need(b,
         strata_kv_put(b->db, STRATA_RUN_DEFAULT, (strata_slice){key, sizeof key},
                       strata_bytes((strata_slice){value, sizeof value}), &version),
         "put");
    return version;
}

/* The field of an operation without arguments. */
static double ask(const bench *b, const char *request, const char *field) {
    const strata_slice text = {request, strlen(request)};
    strata_buffer encoded = {0};
    strata_buffer response = {0};
    strata_buffer json = {0};
    char name[64];
    need(b, strata_json_to_msgpack(text, &encoded, NULL), "request");
    need(b, strata_exec(b->db, (strata_slice){encoded.data, encoded.len}, &response), request);
    need(b, strata_msgpack_to_json((strata_slice){response.data, response.len}, false, &json, NULL),
         "json");
    char *answer = calloc(1, json.len + 1);
    memcpy(answer, json.data, json.len);
    (void)snprintf(name, sizeof name, "\"%s\":", field);
    const char *place = strstr(answer, name);
    const double number = place == NULL ? 0 : strtod(place + strlen(name), NULL);
    free(answer);
    strata_buffer_free(&encoded);
    strata_buffer_free(&response);
    strata_buffer_free(&json);
    return number;
}

static void fill(bench *b) {
    for (uint64_t i = 0; i < b->keys; i++) {
        b->before = put(b, i, 1);
    }
    for (uint64_t i = 0; i < b->keys; i += 10) {
        (void)put(b, i, 2);
    }
    (void)ask(b, "[\"db.compact\",{\"mode\":\"full\"}]", "reclaimed_bytes");
}

/* ---- Forking ----------------------------------------------------------------------------------- */

static double time_forks(bench *b, strata_when when, const char *prefix) {
    static double took[FORKS];
    for (int i = 0; i < FORKS; i++) {
        char name[32];
        strata_run run;
        const int len = snprintf(name, sizeof name, "%s%d", prefix, i);
        const double start = bench_now();
        need(b,
             strata_run_fork(b->db, (strata_slice){"default", 7}, when,
                             (strata_slice){name, (size_t)len}, &run),
             "fork");
        took[i] = (bench_now() - start) * 1000;
    }
    return bench_median(took, FORKS);
}

static void measure_forks(bench *b) {
    const strata_when now = STRATA_NOW_INIT;
    const double log = ask(b, "[\"db.stats\",{}]", "wal_bytes");
    const double memory = bench_status_mb("VmRSS:");
    const double time = time_forks(b, now, "now");
    const double log_after = ask(b, "[\"db.stats\",{}]", "wal_bytes");
    const double memory_after = bench_status_mb("VmRSS:");
    const double bytes =
        ((memory_after - memory) * 1e6 + (log_after > log ? log_after - log : 0)) / FORKS;
    bench_report("fork.time", time, "ms", "asked: at most", 1, 1);
    bench_report("fork.time.past", time_forks(b, strata_as_of(b->before), "past"), "ms",
                 "asked: at most", 1, 1);
    bench_report("fork.bytes", bytes / 1024, "KB", "asked: at most", 64, 1);
}

/* ---- Reading ----------------------------------------------------------------------------------- */

/* Microseconds a get. */
static double time_gets(bench *b, strata_run run, const strata_when *when) {
    const double start = bench_now();
    for (int i = 0; i < GETS; i++) {
        const uint64_t at = bench_mix(b->chance++) % b->keys;
        char key[BENCH_KEY_BYTES];
        strata_entry entry;
        bench_key(at, key);
        const strata_slice name = {key, sizeof key};
        need(b,
             when == NULL ? strata_kv_get(b->db, run, name, &entry)
                          : strata_kv_get_at(b->db, run, name, *when, &entry),
             "get");
        uint64_t mark;
        memcpy(&mark, entry.value.as.bytes.data, sizeof mark);
        if (mark != bench_value_mark(at)) {
            bench_fail("get", "the value is another key's");
        }
    }
    return (bench_now() - start) * 1e6 / GETS;
}

static strata_run make_chain(bench *b) {
    const strata_when now = STRATA_NOW_INIT;
    char parent[32] = "default";
    strata_run run = STRATA_RUN_DEFAULT;
    for (int i = 0; i < DEEP; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "deep%d", i);
        need(b, strata_run_fork(b->db, strata_text(parent), now, strata_text(name), &run), "fork");
        /* Something of its own, or there would be nothing to look through. */
        need(b, strata_kv_put(b->db, run, strata_text("own"), strata_int(i), NULL), "put");
        memcpy(parent, name, sizeof parent);
    }
    return run;
}

static void measure_gets(bench *b) {
    double current[ROUNDS];
    double forked[ROUNDS];
    double past[ROUNDS];
    double deep[ROUNDS];
    const strata_when before = strata_as_of(b->before);
    const strata_run chain = make_chain(b);
    strata_run fork;
    need(b, strata_run_find(b->db, strata_text("now0"), &fork), "find");
    need(b, strata_kv_put(b->db, fork, strata_text("own"), strata_int(1), NULL), "put");
    (void)time_gets(b, STRATA_RUN_DEFAULT, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        current[i] = time_gets(b, STRATA_RUN_DEFAULT, NULL);
        forked[i] = time_gets(b, fork, NULL);
        past[i] = time_gets(b, STRATA_RUN_DEFAULT, &before);
        deep[i] = time_gets(b, chain, NULL);
    }
    const double now = bench_median(current, ROUNDS);
    bench_report("get.as_of", bench_median(past, ROUNDS), "µs", "the same now", now, 1);
    bench_report("get.fork", bench_median(forked, ROUNDS), "µs", "in the parent", now, 1);
    bench_report("get.fork.64", bench_median(deep, ROUNDS), "µs", "in the first of the chain", now,
                 1);
}

int main(int argc, char **argv) {
    bench b = {.keys = argc > 2 ? 50000 : 1000000};
    char path[4096];
    if (argc < 2) {
        bench_fail("usage", "fork FOLDER [quick]");
    }
    bench_folder_make(argv[1]);
    (void)snprintf(path, sizeof path, "%s/db.strata", argv[1]);
    if (strata_open(path, NULL, &b.db) != STRATA_OK) {
        bench_fail(path, "cannot be opened");
    }
    fill(&b);
    measure_forks(&b);
    measure_gets(&b);
    (void)strata_close(b.db);
    bench_folder_wipe(argv[1]);
    return 0;
}
