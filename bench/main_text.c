/* main_text.c - recall and ingest of the package stanzas, natively.
 *
 *     main_text DATABASE QUESTIONS
 *
 * DATABASE: a database that `strata ingest --as deb822` made. Its memories are copied into an
 * SQLite FTS5 table in memory (porter over unicode61: words, folded, stemmed, as ours), so both
 * search the same texts. Each question is asked ROUNDS times of both in turn, any word matching,
 * the ten best by BM25 with excerpts; its time is the median, and the figure is the median over the
 * questions.
 *
 * Then both take the same memories in anew, on disk, indexed as they come: FTS5 in transactions of
 * a thousand rows (WAL, synchronous NORMAL); ours a commit each, synced every 100 ms.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "strata/strata.h"

enum { QUESTIONS_MAX = 200, ROUNDS = 7, K = 10, INGEST_ROUNDS = 3 };

static void exec_sql(sqlite3 *db, const char *sql) {
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

/* Copies every memory, page by page, through `strata exec`'s own operation, as JSON for SQLite's
 * json_each to take apart. */
static long copy_memories(strata_db *db, sqlite3 *peer) {
    exec_sql(peer, "CREATE TABLE page(key TEXT, text TEXT, metadata TEXT)");
    sqlite3_stmt *insert =
        prepare(peer, "INSERT INTO page SELECT value->>'key', value->>'text', value->>'metadata' "
                      "FROM json_each(?1, '$[1].memories')");
    sqlite3_stmt *cursor = prepare(peer, "SELECT json_extract(?1, '$[1].cursor')");
    char after[1100] = "";
    strata_buffer request = {0};
    strata_buffer response = {0};
    strata_buffer json = {0};
    for (;;) {
        char text[1300];
        snprintf(text, sizeof text,
                 after[0] == '\0' ? "[\"memory.list\",{\"limit\":1000}]"
                                  : "[\"memory.list\",{\"limit\":1000,\"cursor\":\"%s\"}]",
                 after);
        request.len = 0;
        json.len = 0;
        if (strata_json_to_msgpack(strata_text(text), &request, NULL) != STRATA_OK ||
            strata_exec(db, (strata_slice){request.data, request.len}, &response) != STRATA_OK ||
            strata_msgpack_to_json((strata_slice){response.data, response.len}, false, &json,
                                   NULL) != STRATA_OK) {
            bench_fail("memory.list", strata_errmsg(db));
        }
        sqlite3_bind_text(insert, 1, (const char *)json.data, (int)json.len, SQLITE_STATIC);
        sqlite3_bind_text(cursor, 1, (const char *)json.data, (int)json.len, SQLITE_STATIC);
        if (sqlite3_step(insert) != SQLITE_DONE || sqlite3_step(cursor) != SQLITE_ROW) {
            bench_fail("copying", sqlite3_errmsg(peer));
        }
        const unsigned char *next = sqlite3_column_text(cursor, 0);
        const int more = next != NULL;
        snprintf(after, sizeof after, "%s", more ? (const char *)next : "");
        sqlite3_reset(insert);
        sqlite3_reset(cursor);
        if (!more) {
            break;
        }
    }
    sqlite3_finalize(insert);
    sqlite3_finalize(cursor);
    strata_buffer_free(&request);
    strata_buffer_free(&response);
    strata_buffer_free(&json);
    sqlite3_stmt *count = prepare(peer, "SELECT count(*) FROM page");
    sqlite3_step(count);
    const long rows = (long)sqlite3_column_int64(count, 0);
    sqlite3_finalize(count);
    return rows;
}

/* Rows a second into a table and its FTS5 index on disk, a transaction a thousand. */
static double ingest_theirs(sqlite3 *source, const char *path) {
    sqlite3 *db;
    char statement[1200];
    remove(path);
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        bench_fail(path, "cannot be opened");
    }
    exec_sql(db, "PRAGMA journal_mode = WAL");
    exec_sql(db, "PRAGMA synchronous = NORMAL");
    exec_sql(db, "CREATE TABLE memory(key TEXT PRIMARY KEY, text TEXT, metadata TEXT)");
    exec_sql(db, "CREATE VIRTUAL TABLE fts USING fts5(text, content='memory', tokenize='porter')");
    sqlite3_stmt *read = prepare(source, "SELECT key, text, metadata FROM page");
    sqlite3_stmt *row = prepare(db, "INSERT INTO memory VALUES(?1, ?2, ?3)");
    sqlite3_stmt *index = prepare(db, "INSERT INTO fts(rowid, text) VALUES(?1, ?2)");
    const double start = bench_now();
    long rows = 0;
    exec_sql(db, "BEGIN");
    while (sqlite3_step(read) == SQLITE_ROW) {
        for (int column = 0; column < 3; column++) {
            sqlite3_bind_value(row, column + 1, sqlite3_column_value(read, column));
        }
        if (sqlite3_step(row) != SQLITE_DONE) {
            bench_fail("insert", sqlite3_errmsg(db));
        }
        sqlite3_bind_int64(index, 1, sqlite3_last_insert_rowid(db));
        sqlite3_bind_value(index, 2, sqlite3_column_value(read, 1));
        if (sqlite3_step(index) != SQLITE_DONE) {
            bench_fail("index", sqlite3_errmsg(db));
        }
        sqlite3_reset(row);
        sqlite3_reset(index);
        if (++rows % 1000 == 0) {
            exec_sql(db, "COMMIT");
            exec_sql(db, "BEGIN");
        }
    }
    exec_sql(db, "COMMIT");
    const double rate = (double)rows / (bench_now() - start);
    sqlite3_finalize(read);
    sqlite3_finalize(row);
    sqlite3_finalize(index);
    sqlite3_close(db);
    snprintf(statement, sizeof statement, "%s-wal", path);
    remove(statement);
    snprintf(statement, sizeof statement, "%s-shm", path);
    remove(statement);
    remove(path);
    return rate;
}

static double ask_ours(strata_db *db, const char *question) {
    strata_recall recall = STRATA_RECALL_INIT;
    strata_hits *hits;
    recall.query = strata_text(question);
    recall.k = K;
    const double start = bench_now();
    if (strata_memory_recall(db, STRATA_RUN_DEFAULT, &recall, &hits) != STRATA_OK) {
        bench_fail(question, strata_errmsg(db));
    }
    const double took = bench_now() - start;
    if (hits->count == 0) {
        bench_fail(question, "no hits");
    }
    strata_hits_free(hits);
    return took;
}

/* Commits a second, each recalled from then on; to the end of close, so that all is synced. */
static double ingest_ours(sqlite3 *source, const char *path) {
    strata_db *db;
    strata_buffer metadata = {0};
    if (strata_open(path, NULL, &db) != STRATA_OK) {
        bench_fail(path, "cannot be opened");
    }
    sqlite3_stmt *read = prepare(source, "SELECT key, text, metadata FROM page");
    const double start = bench_now();
    long rows = 0;
    for (; sqlite3_step(read) == SQLITE_ROW; rows++) {
        strata_memory memory = STRATA_MEMORY_INIT;
        strata_slice columns[3];
        for (int i = 0; i < 3; i++) {
            columns[i].data = sqlite3_column_text(read, i);
            columns[i].len = (size_t)sqlite3_column_bytes(read, i);
        }
        metadata.len = 0;
        if (strata_json_to_msgpack(columns[2], &metadata, NULL) != STRATA_OK) {
            bench_fail("metadata", "is not JSON");
        }
        memory.key = columns[0];
        memory.text = columns[1];
        memory.metadata = strata_object((strata_slice){metadata.data, metadata.len});
        if (strata_memory_remember(db, STRATA_RUN_DEFAULT, &memory, NULL, NULL) != STRATA_OK) {
            bench_fail("remember", strata_errmsg(db));
        }
    }
    /* A recall in between would build an index that open had left out; there is none to build. */
    ask_ours(db, "image viewer");
    if (strata_close(db) != STRATA_OK) {
        bench_fail("strata_close", "failed");
    }
    const double rate = (double)rows / (bench_now() - start);
    sqlite3_finalize(read);
    strata_buffer_free(&metadata);
    return rate;
}

static double ask_theirs(sqlite3_stmt *ask, const char *question) {
    char match[200];
    const char *space = strchr(question, ' ');
    snprintf(match, sizeof match, "\"%.*s\" OR \"%s\"", (int)(space - question), question,
             space + 1);
    const double start = bench_now();
    sqlite3_bind_text(ask, 1, match, -1, SQLITE_STATIC);
    int rows = 0;
    while (sqlite3_step(ask) == SQLITE_ROW) {
        rows += sqlite3_column_bytes(ask, 1) > 0;
    }
    const double took = bench_now() - start;
    sqlite3_reset(ask);
    if (rows == 0) {
        bench_fail(question, "no rows");
    }
    return took;
}

static size_t read_questions(const char *path, char questions[][100]) {
    FILE *file = fopen(path, "r");
    size_t count = 0;
    if (file == NULL) {
        bench_fail(path, "cannot be read");
    }
    while (count < QUESTIONS_MAX && fgets(questions[count], 100, file) != NULL) {
        questions[count][strcspn(questions[count], "\n")] = '\0';
        count += strchr(questions[count], ' ') != NULL;
    }
    fclose(file);
    return count;
}

int main(int argc, char **argv) {
    static char questions[QUESTIONS_MAX][100];
    double ours[QUESTIONS_MAX];
    double theirs[QUESTIONS_MAX];
    strata_options options = STRATA_OPTIONS_INIT;
    strata_error error;
    strata_db *db;
    sqlite3 *peer;
    if (argc != 3) {
        bench_fail("usage", "main_text DATABASE QUESTIONS");
    }
    options.flags = STRATA_OPEN_READ_ONLY;
    options.error = &error;
    if (strata_open(argv[1], &options, &db) != STRATA_OK) {
        bench_fail(argv[1], error.message);
    }
    if (sqlite3_open(":memory:", &peer) != SQLITE_OK) {
        bench_fail("sqlite3", "cannot be opened");
    }
    const long rows = copy_memories(db, peer);
    exec_sql(peer, "CREATE VIRTUAL TABLE fts USING fts5(text, content='page', tokenize='porter')");
    exec_sql(peer, "INSERT INTO fts(fts) VALUES('rebuild')");
    exec_sql(peer, "INSERT INTO fts(fts) VALUES('optimize')");
    sqlite3_stmt *ask = prepare(peer, "SELECT rowid, snippet(fts, 0, '[', ']', '...', 24) FROM fts "
                                      "WHERE fts MATCH ?1 ORDER BY rank LIMIT 10");
    const size_t count = read_questions(argv[2], questions);
    for (size_t q = 0; q < count; q++) {
        double a[ROUNDS];
        double b[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            a[round] = ask_ours(db, questions[q]);
            b[round] = ask_theirs(ask, questions[q]);
        }
        ours[q] = bench_median(a, ROUNDS) * 1e3;
        theirs[q] = bench_median(b, ROUNDS) * 1e3;
    }
    fprintf(stderr, "%ld memories, %zu questions\n", rows, count);
    bench_report("main.recall.native", bench_median(ours, count), "ms P50", "SQLite FTS5",
                 bench_median(theirs, count), 1);
    double in_ours[INGEST_ROUNDS];
    double in_theirs[INGEST_ROUNDS];
    for (int round = 0; round < INGEST_ROUNDS; round++) {
        char path[64];
        snprintf(path, sizeof path, "build/bench/ingest-%d.strata", round);
        in_ours[round] = ingest_ours(peer, path);
        in_theirs[round] = ingest_theirs(peer, "build/bench/fts.db");
    }
    bench_report("main.ingest.native", bench_median(in_ours, INGEST_ROUNDS), "memories/s",
                 "SQLite FTS5", bench_median(in_theirs, INGEST_ROUNDS), 0);
    sqlite3_finalize(ask);
    sqlite3_close(peer);
    return strata_close(db) == STRATA_OK ? 0 : 1;
}
