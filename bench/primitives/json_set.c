/* json_set.c - changing and reading one path of a JSON document of 10 KB.
 *
 *   json_set FOLDER [quick]
 *
 * The document is of an ordinary shape: objects in objects, an array of fifty small objects. Ours:
 * strata_json_set and strata_json_get, buffered. SQLite: UPDATE with json_set() and SELECT with
 * json_extract(), journal WAL and synchronous NORMAL, prepared, and jsonb_set() where the library has it
 * (from 3.45 on). By turns a number in the middle of the array and a short string in a nested object; of one
 * document, and of a thousand, one after the other. Reading the whole document makes a value of it here, and
 * is the text as it was stored there. Each engine in turn, medians over the rounds; what is there at the end
 * of a round is checked.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "strata/strata.h"

enum { ROUNDS = 5, ITEMS = 50, TEXT_MAX = 16384, DOCUMENTS = 1000 };

typedef struct setup {
    const char *folder;
    uint64_t sets;
    char text[TEXT_MAX];
    size_t len;
} setup;

typedef enum job { SET, GET, GET_WHOLE } job;

typedef struct task {
    job job;
    uint64_t documents;
    int binary; /* SQLite: jsonb */
} task;

/* ---- The document ---------------------------------------------------------------------------- */

static void add(setup *s, const char *text) {
    const size_t len = strlen(text);
    if (s->len + len > sizeof s->text) {
        bench_fail("document", "too long");
    }
    memcpy(s->text + s->len, text, len);
    s->len += len;
}

static void make_document(setup *s) {
    char item[512];
    add(s, "{\"id\":\"order-2209\",\"version\":3,\"customer\":{\"name\":\"Ada Lovelace\",\"email\":"
           "\"ada@example.org\",\"address\":{\"street\":\"12 St James's Square\",\"city\":"
           "\"London\",\"zip\":\"SW1Y 4JH\",\"location\":{\"lat\":51.5074,\"lon\":-0.1278}},"
           "\"tags\":[\"vip\",\"early\",\"press\"]},\"items\":[");
    for (unsigned i = 0; i < ITEMS; i++) {
        snprintf(item, sizeof item,
                 "%s{\"sku\":\"sku-%05u\",\"title\":\"A thing with a name of some length, number "
                 "%u\",\"quantity\":%u,\"price\":%u.%02u,\"options\":{\"colour\":\"blue\",\"size\":"
                 "%u,\"gift\":false},\"stock\":[%u,%u,null]}",
                 i == 0 ? "" : ",", i * 97, i, 1 + i % 4, 10 + i, i * 7 % 100, i % 5, i * 3, i * 5);
        add(s, item);
    }
    add(s, "],\"totals\":{\"net\":1234.5,\"tax\":234.55,\"gross\":1469.05,\"currency\":\"GBP\"},"
           "\"history\":[{\"at\":1700000000,\"what\":\"created\"},{\"at\":1700003600,\"what\":"
           "\"paid\"},{\"at\":1700007200,\"what\":\"packed\"}],\"note\":null}");
}

static const char *const paths[] = {"$.items[25].price", "$.customer.address.city"};

static void name_key(uint64_t i, const task *t, char key[16]) {
    snprintf(key, 16, "doc%04u", (unsigned)(i / 2 % t->documents));
}

static void name_city(uint64_t i, char city[16]) {
    snprintf(city, 16, "city %06u", (unsigned)(i % 1000000));
}

/* ---- Ours ------------------------------------------------------------------------------------ */

static void need(strata_db *db, strata_status status, const char *what) {
    if (status != STRATA_OK) {
        bench_fail(what, strata_errmsg(db));
    }
}

static void set_ours(strata_db *db, const char *key, uint64_t i) {
    char city[16];
    name_city(i, city);
    const strata_value value =
        i % 2 == 0 ? strata_float((double)i) : strata_string(strata_text(city));
    need(db,
         strata_json_set(db, STRATA_RUN_DEFAULT, strata_text(key), strata_text(paths[i % 2]), value,
                         NULL),
         "set");
}

static void get_ours(strata_db *db, const char *key, uint64_t i, int whole) {
    strata_entry entry;
    need(db,
         strata_json_get(db, STRATA_RUN_DEFAULT, strata_text(key),
                         strata_text(whole ? "" : paths[i % 2]), &entry),
         "get");
    if (entry.value.type != (whole ? STRATA_OBJECT : i % 2 == 0 ? STRATA_FLOAT : STRATA_STRING)) {
        bench_fail("get", "something else");
    }
}

static void check_ours(strata_db *db, const task *t, uint64_t sets) {
    char key[16];
    strata_entry entry;
    name_key(sets - 2, t, key);
    need(db,
         strata_json_get(db, STRATA_RUN_DEFAULT, strata_text(key), strata_text(paths[0]), &entry),
         "get");
    if (t->job == SET && entry.value.as.real != (double)(sets - 2)) {
        bench_fail("set", "it is not there");
    }
}

static double run_ours(const setup *s, const task *t) {
    char path[4096];
    char key[16];
    strata_db *db;
    bench_folder_make(s->folder);
    snprintf(path, sizeof path, "%s/db.strata", s->folder);
    if (strata_open(path, NULL, &db) != STRATA_OK) {
        bench_fail(path, "cannot be opened");
    }
    for (uint64_t d = 0; d < t->documents; d++) {
        name_key(2 * d, t, key);
        need(db,
             strata_json_create_text(db, STRATA_RUN_DEFAULT, strata_text(key),
                                     (strata_slice){s->text, s->len}, NULL),
             "create");
    }
    for (uint64_t i = 0; t->job != SET && i < 2 * t->documents; i++) {
        name_key(i, t, key); /* what is read was changed, as documents are */
        set_ours(db, key, i);
    }
    const double start = bench_now();
    for (uint64_t i = 0; i < s->sets; i++) {
        name_key(i, t, key);
        if (t->job == SET) {
            set_ours(db, key, i);
        } else {
            get_ours(db, key, i, t->job == GET_WHOLE);
        }
    }
    const double took = bench_now() - start;
    check_ours(db, t, s->sets);
    (void)strata_close(db);
    return took;
}

/* ---- SQLite ---------------------------------------------------------------------------------- */

static void run_sql(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        bench_fail(sql, sqlite3_errmsg(db));
    }
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        bench_fail(sql, sqlite3_errmsg(db));
    }
    return statement;
}

static void create_lite(sqlite3 *db, const setup *s, const task *t) {
    char key[16];
    sqlite3_stmt *insert = prepare(db, t->binary ? "INSERT INTO d VALUES(?1, jsonb(?2))"
                                                 : "INSERT INTO d VALUES(?1, ?2)");
    for (uint64_t i = 0; i < t->documents; i++) {
        name_key(2 * i, t, key);
        sqlite3_bind_text(insert, 1, key, -1, SQLITE_STATIC);
        sqlite3_bind_text(insert, 2, s->text, (int)s->len, SQLITE_STATIC);
        if (sqlite3_step(insert) != SQLITE_DONE) {
            bench_fail("insert", sqlite3_errmsg(db));
        }
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
}

static void set_lite(sqlite3_stmt *update, const char *key, uint64_t i) {
    char city[16];
    name_city(i, city);
    sqlite3_bind_text(update, 1, paths[i % 2], -1, SQLITE_STATIC);
    if (i % 2 == 0) {
        sqlite3_bind_double(update, 2, (double)i);
    } else {
        sqlite3_bind_text(update, 2, city, -1, SQLITE_STATIC);
    }
    sqlite3_bind_text(update, 3, key, -1, SQLITE_STATIC);
    if (sqlite3_step(update) != SQLITE_DONE) {
        bench_fail("update", "failed");
    }
    sqlite3_reset(update);
}

static void get_lite(sqlite3_stmt *select, const char *key, uint64_t i, int whole) {
    sqlite3_bind_text(select, 1, key, -1, SQLITE_STATIC);
    if (!whole) {
        sqlite3_bind_text(select, 2, paths[i % 2], -1, SQLITE_STATIC);
    }
    if (sqlite3_step(select) != SQLITE_ROW || sqlite3_column_bytes(select, 0) == 0) {
        bench_fail("select", "failed");
    }
    sqlite3_reset(select);
}

static double run_sqlite(const setup *s, const task *t) {
    char path[4096];
    char key[16];
    sqlite3 *db;
    bench_folder_make(s->folder);
    snprintf(path, sizeof path, "%s/db.sqlite", s->folder);
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        bench_fail(path, "cannot be opened");
    }
    run_sql(db, "PRAGMA journal_mode = WAL");
    run_sql(db, "PRAGMA synchronous = NORMAL");
    run_sql(db, "PRAGMA cache_size = -262144");
    run_sql(db, "CREATE TABLE d(k TEXT PRIMARY KEY, doc) WITHOUT ROWID");
    create_lite(db, s, t);
    sqlite3_stmt *statement =
        prepare(db, t->job == GET         ? "SELECT json_extract(doc, ?2) FROM d WHERE k = ?1"
                    : t->job == GET_WHOLE ? "SELECT doc FROM d WHERE k = ?1"
                    : t->binary ? "UPDATE d SET doc = jsonb_set(doc, ?1, ?2) WHERE k = ?3"
                                : "UPDATE d SET doc = json_set(doc, ?1, ?2) WHERE k = ?3");
    const uint64_t count = t->job == SET ? s->sets / 4 : s->sets; /* it takes long enough */
    const double start = bench_now();
    for (uint64_t i = 0; i < count; i++) {
        name_key(i, t, key);
        if (t->job == SET) {
            set_lite(statement, key, i);
        } else {
            get_lite(statement, key, i, t->job == GET_WHOLE);
        }
    }
    const double took = (bench_now() - start) * (double)s->sets / (double)count;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return took;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static void measure(const setup *s, const char *id, const char *peer, const task *t, int rounds) {
    double ours[ROUNDS];
    double lite[ROUNDS];
    for (int i = 0; i < rounds; i++) {
        ours[i] = (double)s->sets / run_ours(s, t);
        lite[i] = (double)s->sets / run_sqlite(s, t);
    }
    bench_report(id, bench_median(ours, (size_t)rounds), "op/s", peer,
                 bench_median(lite, (size_t)rounds), 0);
}

int main(int argc, char **argv) {
    static setup s;
    if (argc < 2) {
        bench_fail("usage", "json_set FOLDER [quick]");
    }
    const int quick = argc > 2 && strcmp(argv[2], "quick") == 0;
    const int rounds = quick ? 3 : ROUNDS;
    const task set = {SET, 1, 0};
    const task spread = {SET, DOCUMENTS, 0};
    const task binary = {SET, 1, 1};
    const task get = {GET, DOCUMENTS, 0};
    const task whole = {GET_WHOLE, DOCUMENTS, 0};
    s.folder = argv[1];
    s.sets = quick ? 40000 : 200000;
    make_document(&s);
    measure(&s, "json.set.path", "SQLite normal", &set, rounds);
    if (sqlite3_libversion_number() >= 3045000) {
        measure(&s, "json.set.path.binary", "SQLite normal, jsonb", &binary, rounds);
    }
    measure(&s, "json.set.path.spread", "SQLite normal", &spread, rounds);
    measure(&s, "json.get.path", "SQLite", &get, rounds);
    measure(&s, "json.get.whole", "SQLite", &whole, rounds);
    bench_folder_wipe(s.folder);
    return 0;
}
