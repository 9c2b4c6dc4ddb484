/* index.c - finding a document by what is at one of its paths, with and without an index.
 *
 *   index FOLDER [quick]
 *
 * A million documents of about 130 bytes (quick: fifty thousand), each with a mail address of its own. Ours:
 * strata_json_find by that address, which gives the whole document. SQLite: the same texts in a table with
 * an index on json_extract(), SELECT of the text by it, prepared.
 *
 * index.create: seconds to make the index of what is there. index.lookup: µs a look-up of addresses by
 * chance, tables merged, medians over rounds in which each has its turn; against what is asked for, and
 * against SQLite. index.scan: ms to find one document among ten thousand without an index. What is found is
 * checked.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "strata/strata.h"

enum { ROUNDS = 5, LOOKUPS = 20000, SCANS = 20, SMALL = 10000, BATCH = 1000, TEXT_MAX = 256 };

typedef struct bench {
    strata_db *db;
    strata_run run;
    sqlite3 *lite;
    uint64_t documents;
    uint64_t chance;
} bench;

static void need(const bench *b, strata_status status, const char *what) {
    if (status != STRATA_OK) {
        bench_fail(what, strata_errmsg(b->db));
    }
}

static void need_lite(const bench *b, int status, const char *what) {
    if (status != SQLITE_OK && status != SQLITE_DONE && status != SQLITE_ROW) {
        bench_fail(what, sqlite3_errmsg(b->lite));
    }
}

/* ---- Documents ------------------------------------------------------------------------------- */

/* Addresses are spread, so that neighbours in the index were not written together. */
static strata_slice mail_of(uint64_t i, char mail[32]) {
    const int len = snprintf(mail, 32, "u%016llx@a.org", (unsigned long long)bench_mix(i));
    return (strata_slice){mail, (size_t)len};
}

static strata_slice text_of(uint64_t i, char text[TEXT_MAX]) {
    char mail[32];
    (void)mail_of(i, mail);
    const int len = snprintf(text, TEXT_MAX,
                             "{\"mail\":\"%s\",\"name\":\"Person number %llu\",\"age\":%u,"
                             "\"address\":{\"city\":\"London\",\"zip\":\"SW1Y 4JH\"},"
                             "\"tags\":[\"vip\",\"early\"]}",
                             mail, (unsigned long long)i, (unsigned)(i % 90));
    return (strata_slice){text, (size_t)len};
}

static void fill(const bench *b, uint64_t count) {
    char key[BENCH_KEY_BYTES];
    char text[TEXT_MAX];
    for (uint64_t i = 0; i < count; i++) {
        if (i % BATCH == 0) {
            need(b, strata_txn_begin(b->db, b->run, NULL), "begin");
        }
        bench_key(i, key);
        need(b,
             strata_json_create_text(b->db, b->run, (strata_slice){key, sizeof key},
                                     text_of(i, text), NULL),
             "create");
        if ((i + 1) % BATCH == 0 || i + 1 == count) {
            need(b, strata_txn_commit(b->db, NULL), "commit");
        }
    }
}

static void run_sql(const bench *b, const char *sql) {
    need_lite(b, sqlite3_exec(b->lite, sql, NULL, NULL, NULL), sql);
}

static void fill_lite(const bench *b) {
    char key[BENCH_KEY_BYTES];
    char text[TEXT_MAX];
    sqlite3_stmt *insert;
    run_sql(b, "CREATE TABLE d(k TEXT PRIMARY KEY, t TEXT) WITHOUT ROWID; BEGIN");
    need_lite(b, sqlite3_prepare_v2(b->lite, "INSERT INTO d VALUES(?1, ?2)", -1, &insert, NULL),
              "prepare");
    for (uint64_t i = 0; i < b->documents; i++) {
        bench_key(i, key);
        const strata_slice document = text_of(i, text);
        sqlite3_bind_text(insert, 1, key, sizeof key, SQLITE_STATIC);
        sqlite3_bind_text(insert, 2, text, (int)document.len, SQLITE_STATIC);
        need_lite(b, sqlite3_step(insert), "insert");
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    run_sql(b, "COMMIT");
}

/* ---- Finding --------------------------------------------------------------------------------- */

typedef struct found {
    uint64_t count;
    char key[BENCH_KEY_BYTES];
} found;

static bool note(void *arg, strata_slice key, const strata_entry *entry) {
    found *f = arg;
    if (key.len != sizeof f->key || entry->value.type != STRATA_OBJECT) {
        bench_fail("find", "something else");
    }
    memcpy(f->key, key.data, sizeof f->key);
    f->count++;
    return true;
}

/* {"path": "/mail", "eq": mail}, as MessagePack. */
static strata_slice filter_of(strata_slice mail, uint8_t out[64]) {
    static const char begin[] = "\x82\xa4path\xa5/mail\xa2"
                                "eq";
    const size_t len = sizeof begin - 1;
    memcpy(out, begin, len);
    out[len] = (uint8_t)(0xa0 | mail.len);
    memcpy(out + len + 1, mail.data, mail.len);
    return (strata_slice){out, len + 1 + mail.len};
}

static void find(const bench *b, uint64_t i) {
    char mail[32];
    char key[BENCH_KEY_BYTES];
    uint8_t filter[64];
    found f = {.count = 0};
    strata_find options = STRATA_FIND_INIT;
    options.visit = note;
    options.arg = &f;
    options.where = strata_object(filter_of(mail_of(i, mail), filter));
    need(b, strata_json_find(b->db, b->run, &options), "find");
    bench_key(i, key);
    if (f.count != 1 || memcmp(f.key, key, sizeof key) != 0) {
        bench_fail("find", "not that one");
    }
}

/* Microseconds a look-up. */
static double time_finds(bench *b, int count, uint64_t documents) {
    const double start = bench_now();
    for (int i = 0; i < count; i++) {
        find(b, bench_mix(b->chance++) % documents);
    }
    return (bench_now() - start) * 1e6 / count;
}

static double time_lite(bench *b) {
    char mail[32];
    sqlite3_stmt *select;
    need_lite(b,
              sqlite3_prepare_v2(b->lite, "SELECT k, t FROM d WHERE json_extract(t, '$.mail') = ?1",
                                 -1, &select, NULL),
              "prepare");
    const double start = bench_now();
    for (int i = 0; i < LOOKUPS; i++) {
        const strata_slice text = mail_of(bench_mix(b->chance++) % b->documents, mail);
        sqlite3_bind_text(select, 1, mail, (int)text.len, SQLITE_STATIC);
        if (sqlite3_step(select) != SQLITE_ROW || sqlite3_column_bytes(select, 1) == 0) {
            bench_fail("select", sqlite3_errmsg(b->lite));
        }
        sqlite3_reset(select);
    }
    const double took = (bench_now() - start) * 1e6 / LOOKUPS;
    sqlite3_finalize(select);
    return took;
}

/* ---- What is measured ------------------------------------------------------------------------ */

static double seconds_to_index(const bench *b) {
    const double start = bench_now();
    need(b,
         strata_index_create(b->db, b->run, strata_text("mail"), strata_text("json"),
                             strata_text("/mail")),
         "index");
    return bench_now() - start;
}

static double seconds_to_index_lite(const bench *b) {
    const double start = bench_now();
    run_sql(b, "CREATE INDEX mail ON d(json_extract(t, '$.mail'))");
    return bench_now() - start;
}

static void measure_scan(const bench *b) {
    bench small = *b;
    double samples[ROUNDS];
    need(b, strata_run_create(b->db, strata_text("small"), &small.run), "run");
    fill(&small, SMALL);
    for (int i = 0; i < ROUNDS; i++) {
        samples[i] = time_finds(&small, SCANS, SMALL) / 1000;
    }
    bench_report("index.scan", bench_median(samples, ROUNDS), "ms", "", 0, 1);
}

static void measure_lookups(bench *b) {
    double ours[ROUNDS];
    double theirs[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        ours[i] = time_finds(b, LOOKUPS, b->documents);
        theirs[i] = time_lite(b);
    }
    const double us = bench_median(ours, ROUNDS);
    bench_report("index.lookup", us, "µs", "asked: at most", 20, 1);
    bench_report("index.lookup.peer", us, "µs", "SQLite", bench_median(theirs, ROUNDS), 1);
}

int main(int argc, char **argv) {
    bench b = {.run = STRATA_RUN_DEFAULT, .documents = argc > 2 ? 50000 : 1000000};
    char path[4096];
    if (argc < 2) {
        bench_fail("usage", "index FOLDER [quick]");
    }
    bench_folder_make(argv[1]);
    (void)snprintf(path, sizeof path, "%s/db.strata", argv[1]);
    if (strata_open(path, NULL, &b.db) != STRATA_OK) {
        bench_fail(path, "cannot be opened");
    }
    (void)snprintf(path, sizeof path, "%s/lite.db", argv[1]);
    need_lite(&b, sqlite3_open(path, &b.lite), path);
    run_sql(&b,
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -262144");
    measure_scan(&b);
    fill(&b, b.documents);
    fill_lite(&b);
    bench_report("index.create", seconds_to_index(&b), "s", "SQLite", seconds_to_index_lite(&b), 1);
    need(&b, strata_compact(b.db, STRATA_COMPACT_FULL, NULL), "compact");
    measure_lookups(&b);
    (void)sqlite3_close(b.lite);
    need(&b, strata_close(b.db), "close");
    bench_folder_wipe(argv[1]);
    return 0;
}
