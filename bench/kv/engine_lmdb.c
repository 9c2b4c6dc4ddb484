/* engine_lmdb.c - LMDB: a B+tree of mapped pages, copied on write.
 *
 * Modes: "sync", "nosync", and both with "writemap" before them: pages are changed in a writable
 * map instead of being written. A read transaction per thread is reset and renewed, which is the
 * cheap way to begin one.
 */
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "kv/engine.h"

struct kv_db {
    MDB_env *env;
    MDB_dbi dbi;
};

struct kv_session {
    kv_db *db;
    MDB_txn *write;
    MDB_txn *read; /* reset between uses */
};

static void need(int rc, const char *what) {
    if (rc != 0) {
        bench_fail(what, mdb_strerror(rc));
    }
}

static kv_db *lmdb_open(const kv_setup *setup) {
    kv_db *db = kv_new(sizeof *db);
    unsigned flags = MDB_NOTLS;
    MDB_txn *txn;
    flags |= strstr(setup->mode, "nosync") != NULL ? MDB_NOSYNC : 0;
    flags |= strstr(setup->mode, "writemap") != NULL ? MDB_WRITEMAP : 0;
    flags |= strcmp(setup->mode, "writemap-nosync") == 0 ? MDB_MAPASYNC : 0;
    need(mdb_env_create(&db->env), "mdb_env_create");
    need(mdb_env_set_mapsize(db->env, (size_t)8 << 30), "mdb_env_set_mapsize");
    need(mdb_env_open(db->env, setup->folder, flags, 0644), "mdb_env_open");
    need(mdb_txn_begin(db->env, NULL, 0, &txn), "mdb_txn_begin");
    need(mdb_dbi_open(txn, NULL, MDB_CREATE, &db->dbi), "mdb_dbi_open");
    need(mdb_txn_commit(txn), "mdb_txn_commit");
    return db;
}

static void lmdb_close(kv_db *db) {
    mdb_env_close(db->env);
    free(db);
}

static kv_session *lmdb_session(kv_db *db, int thread) {
    (void)thread;
    kv_session *session = kv_new(sizeof *session);
    session->db = db;
    need(mdb_txn_begin(db->env, NULL, MDB_RDONLY, &session->read), "mdb_txn_begin");
    mdb_txn_reset(session->read);
    return session;
}

static void lmdb_end(kv_session *session) {
    mdb_txn_abort(session->read);
    free(session);
}

static void lmdb_begin(kv_session *session) {
    need(mdb_txn_begin(session->db->env, NULL, 0, &session->write), "mdb_txn_begin");
}

static void lmdb_add(kv_session *session, const char *key, const void *value, size_t len) {
    MDB_val k = {BENCH_KEY_BYTES, (void *)key};
    MDB_val v = {len, (void *)value};
    need(mdb_put(session->write, session->db->dbi, &k, &v, 0), "mdb_put");
}

static void lmdb_commit(kv_session *session) {
    need(mdb_txn_commit(session->write), "mdb_txn_commit");
}

static void lmdb_put(kv_session *session, const char *key, const void *value, size_t len) {
    lmdb_begin(session);
    lmdb_add(session, key, value, len);
    lmdb_commit(session);
}

static size_t lmdb_get(kv_session *session, const char *key, void *value, size_t size) {
    MDB_val k = {BENCH_KEY_BYTES, (void *)key};
    MDB_val v;
    need(mdb_txn_renew(session->read), "mdb_txn_renew");
    need(mdb_get(session->read, session->db->dbi, &k, &v), "mdb_get");
    memcpy(value, v.mv_data, v.mv_size < size ? v.mv_size : size);
    mdb_txn_reset(session->read);
    return v.mv_size;
}

static uint64_t lmdb_scan(kv_session *session, const char *from, uint64_t limit, uint64_t *sum) {
    MDB_val k = {from == NULL ? 0 : BENCH_KEY_BYTES, (void *)from};
    MDB_val v;
    MDB_cursor *cursor;
    uint64_t count = 0;
    need(mdb_txn_renew(session->read), "mdb_txn_renew");
    need(mdb_cursor_open(session->read, session->db->dbi, &cursor), "mdb_cursor_open");
    int rc = mdb_cursor_get(cursor, &k, &v, from == NULL ? MDB_FIRST : MDB_SET_RANGE);
    for (; rc == 0 && count < limit; rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        *sum += *(const uint8_t *)k.mv_data;
        *sum += *(const uint8_t *)v.mv_data;
        count++;
    }
    mdb_cursor_close(cursor);
    mdb_txn_reset(session->read);
    return count;
}

static void lmdb_snapshot(kv_session *session) {
    need(mdb_txn_renew(session->read), "mdb_txn_renew");
    mdb_txn_reset(session->read);
}

static void lmdb_checkpoint(kv_db *db) {
    need(mdb_env_sync(db->env, 1), "mdb_env_sync");
}

const kv_engine kv_lmdb = {
    .name = "lmdb",
    .open = lmdb_open,
    .close = lmdb_close,
    .session = lmdb_session,
    .end = lmdb_end,
    .put = lmdb_put,
    .get = lmdb_get,
    .begin = lmdb_begin,
    .add = lmdb_add,
    .commit = lmdb_commit,
    .scan = lmdb_scan,
    .snapshot = lmdb_snapshot,
    .checkpoint = lmdb_checkpoint,
};
