/* main_kv.c - put and get from C on one thread, in memory.
 *
 * 10^6 keys of 16 bytes, values of 100 bytes: every key is put once in scattered order, then every
 * key is got once in another scattered order. Peer: SQLite in memory, the same keys in a WITHOUT
 * ROWID table, prepared statements, each put its own transaction. Medians of ROUNDS rounds, each on
 * a new database. A round before them is reported as .cold: a virtual machine gives a process
 * memory it has not used for a while at half a gigabyte a second, which is then most of a put.
 */
#include <sqlite3.h>
#include <string.h>

#include "bench.h"
#include "strata/strata.h"

enum { KEYS = 1000000, VALUE_BYTES = 100, ROUNDS = 3 };

typedef struct rates {
    double put[ROUNDS];
    double get[ROUNDS];
} rates;

static void round_ours(rates *out, int round) {
    char value[VALUE_BYTES];
    char key[16];
    strata_db *db;
    memset(value, 7, sizeof value);
    if (strata_open(":memory:", NULL, &db) != STRATA_OK) {
        bench_fail("strata_open", "failed");
    }
    const strata_value stored = strata_bytes((strata_slice){value, sizeof value});
    double start = bench_now();
    for (uint64_t i = 0; i < KEYS; i++) {
        bench_key(i, key);
        if (strata_kv_put(db, STRATA_RUN_DEFAULT, (strata_slice){key, 16}, stored, NULL) !=
            STRATA_OK) {
            bench_fail("strata_kv_put", strata_errmsg(db));
        }
    }
    out->put[round] = KEYS / (bench_now() - start);
    start = bench_now();
    for (uint64_t i = 0; i < KEYS; i++) {
        strata_entry entry;
        bench_key(bench_mix(i) % KEYS, key);
        if (strata_kv_get(db, STRATA_RUN_DEFAULT, (strata_slice){key, 16}, &entry) != STRATA_OK ||
            entry.value.as.bytes.len != VALUE_BYTES) {
            bench_fail("strata_kv_get", strata_errmsg(db));
        }
    }
    out->get[round] = KEYS / (bench_now() - start);
    if (strata_close(db) != STRATA_OK) {
        bench_fail("strata_close", "failed");
    }
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        bench_fail(sql, sqlite3_errmsg(db));
    }
    return statement;
}

static void round_theirs(rates *out, int round) {
    char value[VALUE_BYTES];
    char key[16];
    sqlite3 *db;
    memset(value, 7, sizeof value);
    if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
        sqlite3_exec(db, "CREATE TABLE kv(k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID", NULL, NULL,
                     NULL) != SQLITE_OK) {
        bench_fail("sqlite3", sqlite3_errmsg(db));
    }
    /* Its default cache is far smaller than the table, and costs it a factor of ten. */
    if (sqlite3_exec(db, "PRAGMA cache_size = -262144", NULL, NULL, NULL) != SQLITE_OK) {
        bench_fail("cache_size", sqlite3_errmsg(db));
    }
    sqlite3_stmt *put =
        prepare(db, "INSERT INTO kv VALUES(?1, ?2) ON CONFLICT(k) DO UPDATE SET v = ?2");
    sqlite3_stmt *get = prepare(db, "SELECT v FROM kv WHERE k = ?1");
    double start = bench_now();
    for (uint64_t i = 0; i < KEYS; i++) {
        bench_key(i, key);
        sqlite3_bind_blob(put, 1, key, 16, SQLITE_STATIC);
        sqlite3_bind_blob(put, 2, value, sizeof value, SQLITE_STATIC);
        if (sqlite3_step(put) != SQLITE_DONE) {
            bench_fail("sqlite put", sqlite3_errmsg(db));
        }
        sqlite3_reset(put);
    }
    out->put[round] = KEYS / (bench_now() - start);
    start = bench_now();
    for (uint64_t i = 0; i < KEYS; i++) {
        bench_key(bench_mix(i) % KEYS, key);
        sqlite3_bind_blob(get, 1, key, 16, SQLITE_STATIC);
        if (sqlite3_step(get) != SQLITE_ROW || sqlite3_column_bytes(get, 0) != VALUE_BYTES) {
            bench_fail("sqlite get", sqlite3_errmsg(db));
        }
        sqlite3_reset(get);
    }
    out->get[round] = KEYS / (bench_now() - start);
    sqlite3_finalize(put);
    sqlite3_finalize(get);
    sqlite3_close(db);
}

static rates measure(void (*round)(rates *out, int round), rates *cold) {
    rates warm;
    round(cold, 0);
    for (int i = 0; i < ROUNDS; i++) {
        round(&warm, i);
    }
    return warm;
}

int main(void) {
    rates cold[2];
    rates ours = measure(round_ours, &cold[0]);
    rates theirs = measure(round_theirs, &cold[1]);
    bench_report("main.put.memory", bench_median(ours.put, ROUNDS), "op/s",
                 "SQLite :memory:", bench_median(theirs.put, ROUNDS), 0);
    bench_report("main.put.memory.cold", cold[0].put[0], "op/s", "SQLite :memory:", cold[1].put[0],
                 0);
    bench_report("main.get", bench_median(ours.get, ROUNDS), "op/s",
                 "SQLite :memory:", bench_median(theirs.get, ROUNDS), 0);
    return 0;
}
