/* history.c - what history costs: a diff of two forks, a replay, and recorded provenance.
 *
 *   history FOLDER [quick]
 *
 * history.diff: two forks of a run with a million keys that differ in a hundred keys: ms for all of it.
 * history.replay: a run of ten thousand events, a page of a thousand commits after the other, in a
 * database with a million keys in other runs: ms for all pages.
 * history.log: the newest page of that run's log, ms.
 * provenance: transactions that read two keys and write one, buffered, in a run that records what they
 * read and in one that does not, in turn; transactions a second. The ratio is what is left of the
 * throughput. Medians over the rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "strata/strata.h"

enum { KEYS = 1000000, DIFFERENCES = 100, EVENTS = 10000, ROUNDS = 7, PAGE = 1000 };

static uint64_t keys = KEYS;
static uint64_t txns = 100000;

static void check(strata_db *db, strata_status status, const char *what) {
    if (status != STRATA_OK) {
        bench_fail(what, strata_last_error(db)->message);
    }
}

/* Runs an operation given as JSON; the answer is kept until the next one. */
static strata_buffer answer;

static void ask(strata_db *db, const char *op, const char *json) {
    static strata_buffer args;
    static strata_buffer request;
    if (strata_json_to_msgpack(strata_text(json), &args, NULL) != STRATA_OK) {
        bench_fail(op, json);
    }
    const size_t len = strlen(op);
    request.len = 0;
    uint8_t *bytes = realloc(request.data, len + args.len + 8);
    request.data = bytes;
    bytes[0] = 0x92;
    bytes[1] = (uint8_t)(0xa0 | len);
    memcpy(bytes + 2, op, len);
    memcpy(bytes + 2 + len, args.data, args.len);
    const strata_slice whole = {bytes, 2 + len + args.len};
    check(db, strata_exec(db, whole, &answer), op);
}

static strata_run run_of(strata_db *db, const char *name) {
    strata_run run;
    check(db, strata_run_find(db, strata_text(name), &run), name);
    return run;
}

static void fill(strata_db *db, const char *name) {
    const strata_run run = run_of(db, name);
    char key[BENCH_KEY_BYTES];
    char value[100];
    for (uint64_t i = 0; i < keys; i++) {
        bench_key(i, key);
        bench_value(i, 1, value, sizeof value);
        const strata_slice bytes = {value, sizeof value};
        const strata_slice k = {key, sizeof key};
        check(db, strata_kv_put(db, run, k, strata_bytes(bytes), NULL), "put");
    }
}

static void change_some(strata_db *db, const char *name, uint64_t from) {
    const strata_run run = run_of(db, name);
    char key[BENCH_KEY_BYTES];
    for (uint64_t i = 0; i < DIFFERENCES / 2; i++) {
        bench_key((from + i * 7919) % keys, key);
        const strata_slice k = {key, sizeof key};
        check(db, strata_kv_put(db, run, k, strata_int((int64_t)(from + i)), NULL), "change");
    }
}

static bool in_answer(const char *what) {
    const size_t len = strlen(what);
    for (size_t i = 0; i + len <= answer.len; i++) {
        if (memcmp(answer.data + i, what, len) == 0) {
            return true;
        }
    }
    return false;
}

/* The cursor is the last thing in an answer, and a number. */
static uint64_t cursor_of_answer(void) {
    char digits[24] = "";
    size_t at = answer.len;
    while (at > 0 && answer.data[at - 1] >= '0' && answer.data[at - 1] <= '9') {
        at--;
    }
    memcpy(digits, answer.data + at, answer.len - at);
    return strtoull(digits, NULL, 10);
}

static void bench_diff(strata_db *db) {
    double samples[ROUNDS];
    ask(db, "run.fork", "{\"run\":\"base\",\"name\":\"left\"}");
    ask(db, "run.fork", "{\"run\":\"base\",\"name\":\"right\"}");
    change_some(db, "left", 11);
    change_some(db, "right", 13);
    for (int i = 0; i < ROUNDS; i++) {
        const double start = bench_now();
        ask(db, "history.diff", "{\"run\":\"left\",\"other_run\":\"right\",\"limit\":1000}");
        samples[i] = (bench_now() - start) * 1e3;
        if (in_answer("cursor")) {
            bench_fail("diff", "there is more than a page");
        }
    }
    bench_report("history.diff", bench_median(samples, ROUNDS), "ms", "", 0, 1);
}

static void bench_replay(strata_db *db) {
    double samples[ROUNDS];
    double logs[ROUNDS];
    ask(db, "run.create", "{\"name\":\"events\"}");
    const strata_run run = run_of(db, "events");
    static const uint8_t payload[] = {0x81, 0xa1, 'n', 1};
    const strata_slice bytes = {payload, sizeof payload};
    for (int i = 0; i < EVENTS; i++) {
        check(db, strata_event_append(db, run, strata_text("step"), strata_object(bytes), NULL),
              "append");
    }
    for (int i = 0; i < ROUNDS; i++) {
        char args[160];
        double start = bench_now();
        ask(db, "history.replay", "{\"run\":\"events\",\"limit\":1000}");
        for (int page = 1; page < EVENTS / PAGE; page++) {
            (void)snprintf(args, sizeof args,
                           "{\"run\":\"events\",\"limit\":1000,\"cursor\":\"%llu\"}",
                           (unsigned long long)cursor_of_answer());
            ask(db, "history.replay", args);
        }
        if (in_answer("cursor")) {
            bench_fail("replay", "there are more commits than events");
        }
        samples[i] = (bench_now() - start) * 1e3;
        start = bench_now();
        ask(db, "history.log", "{\"run\":\"events\",\"limit\":10}");
        logs[i] = (bench_now() - start) * 1e3;
    }
    bench_report("history.replay", bench_median(samples, ROUNDS), "ms", "", 0, 1);
    bench_report("history.log", bench_median(logs, ROUNDS), "ms", "", 0, 1);
}

static double transact(strata_db *db, strata_run run, uint64_t seed) {
    char names[3][BENCH_KEY_BYTES];
    const double start = bench_now();
    for (uint64_t i = 0; i < txns; i++) {
        strata_entry entry;
        for (uint64_t j = 0; j < 3; j++) {
            bench_key((bench_mix(seed + i * 3 + j)) % 10000, names[j]);
        }
        const strata_slice first = {names[0], BENCH_KEY_BYTES};
        const strata_slice second = {names[1], BENCH_KEY_BYTES};
        const strata_slice third = {names[2], BENCH_KEY_BYTES};
        check(db, strata_txn_begin(db, run, NULL), "begin");
        check(db, strata_kv_get(db, run, first, &entry), "get");
        check(db, strata_kv_get(db, run, second, &entry), "get");
        check(db, strata_kv_put(db, run, third, strata_int((int64_t)i), NULL), "put");
        check(db, strata_txn_commit(db, NULL), "commit");
    }
    return (double)txns / (bench_now() - start);
}

static void prepare(strata_db *db, const char *name) {
    char key[BENCH_KEY_BYTES];
    const strata_run run = run_of(db, name);
    for (uint64_t i = 0; i < 10000; i++) {
        bench_key(i, key);
        const strata_slice k = {key, sizeof key};
        check(db, strata_kv_put(db, run, k, strata_int(0), NULL), "prepare");
    }
}

static void bench_provenance(const char *folder) {
    double with[ROUNDS];
    double without[ROUNDS];
    strata_db *db;
    bench_folder_make(folder);
    if (strata_open(folder, NULL, &db) != STRATA_OK) {
        bench_fail("open", folder);
    }
    ask(db, "run.create", "{\"name\":\"kept\",\"provenance\":true}");
    ask(db, "run.create", "{\"name\":\"bare\"}");
    prepare(db, "kept");
    prepare(db, "bare");
    for (int i = 0; i < ROUNDS; i++) {
        with[i] = transact(db, run_of(db, "kept"), (uint64_t)i << 32);
        without[i] = transact(db, run_of(db, "bare"), (uint64_t)i << 32);
    }
    bench_report("provenance", bench_median(with, ROUNDS), "txns/s", "without",
                 bench_median(without, ROUNDS), 0);
    if (strata_close(db) != STRATA_OK) {
        bench_fail("close", folder);
    }
    bench_folder_wipe(folder);
}

int main(int argc, char **argv) {
    strata_db *db;
    if (argc < 2) {
        bench_fail("usage", "history FOLDER [quick]");
    }
    if (argc > 2 && strcmp(argv[2], "quick") == 0) {
        keys = KEYS / 10;
        txns = 20000;
    }
    bench_folder_make(argv[1]);
    if (strata_open(argv[1], NULL, &db) != STRATA_OK) {
        bench_fail("open", argv[1]);
    }
    ask(db, "run.create", "{\"name\":\"base\"}");
    fill(db, "base");
    bench_diff(db);
    bench_replay(db);
    check(db, strata_close(db), "close");
    bench_folder_wipe(argv[1]);
    bench_provenance(argv[1]);
    return 0;
}
