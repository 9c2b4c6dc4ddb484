/* engine_sqlite.c - SQLite: a WITHOUT ROWID table, so one B-tree and no second look-up.
 *
 * Modes: "memory"; "off", "normal", "full": a write-ahead log with that `synchronous`. Prepared
 * statements, a connection per thread, the page cache as large as the memory given, and mmap.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kv/engine.h"

struct kv_db {
    sqlite3 *first; /* the only connection in memory */
    kv_setup setup;
};

struct kv_session {
    sqlite3 *connection;
    int owns;
    sqlite3_stmt *put, *get, *begin, *begin_read, *commit, *scan;
};

static void run_sql(sqlite3 *connection, const char *sql) {
    if (sqlite3_exec(connection, sql, NULL, NULL, NULL) != SQLITE_OK) {
        bench_fail(sql, sqlite3_errmsg(connection));
    }
}

static int is_memory(const kv_setup *setup) {
    return strcmp(setup->mode, "memory") == 0;
}

static sqlite3 *connect(const kv_setup *setup) {
    char text[4096];
    sqlite3 *connection;
    snprintf(text, sizeof text, is_memory(setup) ? ":memory:" : "%s/db", setup->folder);
    if (sqlite3_open(text, &connection) != SQLITE_OK) {
        bench_fail(text, sqlite3_errmsg(connection));
    }
    sqlite3_busy_timeout(connection, 60000);
    /* Its default cache is far smaller than the table, and costs it a factor of ten. */
    snprintf(text, sizeof text, "PRAGMA cache_size = -%llu",
             (unsigned long long)(setup->memory_bytes / 1024));
    run_sql(connection, text);
    if (!is_memory(setup)) {
        run_sql(connection, "PRAGMA journal_mode = WAL");
        snprintf(text, sizeof text, "PRAGMA synchronous = %s", setup->mode);
        run_sql(connection, text);
        run_sql(connection, "PRAGMA mmap_size = 1073741824");
    }
    return connection;
}

static kv_db *lite_open(const kv_setup *setup) {
    kv_db *db = kv_new(sizeof *db);
    db->setup = *setup;
    db->first = connect(setup);
    run_sql(db->first, "CREATE TABLE IF NOT EXISTS kv(k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID");
    return db;
}

static void lite_close(kv_db *db) {
    sqlite3_close(db->first);
    free(db);
}

static sqlite3_stmt *prepare(sqlite3 *connection, const char *sql) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(connection, sql, -1, &statement, NULL) != SQLITE_OK) {
        bench_fail(sql, sqlite3_errmsg(connection));
    }
    return statement;
}

static kv_session *lite_session(kv_db *db, int thread) {
    kv_session *session = kv_new(sizeof *session);
    (void)thread;
    session->owns = !is_memory(&db->setup);
    session->connection = session->owns ? connect(&db->setup) : db->first;
    sqlite3 *to = session->connection;
    session->put = prepare(to, "INSERT INTO kv VALUES(?1, ?2) ON CONFLICT(k) DO UPDATE SET v = ?2");
    session->get = prepare(to, "SELECT v FROM kv WHERE k = ?1");
    session->begin = prepare(to, "BEGIN IMMEDIATE");
    session->begin_read = prepare(to, "BEGIN");
    session->commit = prepare(to, "COMMIT");
    session->scan = prepare(to, "SELECT k, v FROM kv WHERE k >= ?1 ORDER BY k LIMIT ?2");
    return session;
}

static void lite_end(kv_session *session) {
    sqlite3_finalize(session->put);
    sqlite3_finalize(session->get);
    sqlite3_finalize(session->begin);
    sqlite3_finalize(session->begin_read);
    sqlite3_finalize(session->commit);
    sqlite3_finalize(session->scan);
    if (session->owns) {
        sqlite3_close(session->connection);
    }
    free(session);
}

static void step(kv_session *session, sqlite3_stmt *statement) {
    if (sqlite3_step(statement) != SQLITE_DONE) {
        bench_fail(sqlite3_sql(statement), sqlite3_errmsg(session->connection));
    }
    sqlite3_reset(statement);
}

static void lite_put(kv_session *session, const char *key, const void *value, size_t len) {
    sqlite3_bind_blob(session->put, 1, key, BENCH_KEY_BYTES, SQLITE_STATIC);
    sqlite3_bind_blob(session->put, 2, value, (int)len, SQLITE_STATIC);
    step(session, session->put);
}

static size_t lite_get(kv_session *session, const char *key, void *value, size_t size) {
    sqlite3_bind_blob(session->get, 1, key, BENCH_KEY_BYTES, SQLITE_STATIC);
    size_t len = 0;
    if (sqlite3_step(session->get) == SQLITE_ROW) {
        len = (size_t)sqlite3_column_bytes(session->get, 0);
        memcpy(value, sqlite3_column_blob(session->get, 0), len < size ? len : size);
    }
    sqlite3_reset(session->get);
    return len;
}

static void lite_begin(kv_session *session) {
    step(session, session->begin);
}

static void lite_commit(kv_session *session) {
    step(session, session->commit);
}

static uint64_t lite_scan(kv_session *session, const char *from, uint64_t limit, uint64_t *sum) {
    uint64_t count = 0;
    sqlite3_bind_blob(session->scan, 1, from == NULL ? "" : from,
                      from == NULL ? 0 : BENCH_KEY_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(session->scan, 2, limit > INT64_MAX ? INT64_MAX : (sqlite3_int64)limit);
    while (sqlite3_step(session->scan) == SQLITE_ROW) {
        *sum += *(const uint8_t *)sqlite3_column_blob(session->scan, 0);
        *sum += *(const uint8_t *)sqlite3_column_blob(session->scan, 1);
        count++;
    }
    sqlite3_reset(session->scan);
    return count;
}

static void lite_snapshot(kv_session *session) {
    step(session, session->begin_read);
    step(session, session->commit);
}

static void lite_checkpoint(kv_db *db) {
    if (!is_memory(&db->setup)) {
        run_sql(db->first, "PRAGMA wal_checkpoint(TRUNCATE)");
    }
}

static void lite_compact(kv_db *db) {
    run_sql(db->first, "VACUUM");
    lite_checkpoint(db);
}

const kv_engine kv_sqlite = {
    .name = "sqlite",
    .open = lite_open,
    .close = lite_close,
    .session = lite_session,
    .end = lite_end,
    .put = lite_put,
    .get = lite_get,
    .begin = lite_begin,
    .add = lite_put,
    .commit = lite_commit,
    .scan = lite_scan,
    .snapshot = lite_snapshot,
    .checkpoint = lite_checkpoint,
    .compact = lite_compact,
};
