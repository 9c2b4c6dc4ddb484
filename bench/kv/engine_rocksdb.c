/* engine_rocksdb.c - RocksDB through its C functions.
 *
 * Modes: "nosync", "sync". Of the memory given, two sixteenths are write buffers (64 MiB each at
 * 1 GiB, its default size) and the rest is block cache, which index and filter blocks are charged
 * to as well. Ten bits of filter a key; no compression, which random values would only cost time.
 */
#include <rocksdb/c.h>
#include <stdlib.h>
#include <string.h>

#include "kv/engine.h"

struct kv_db {
    rocksdb_t *rocks;
    rocksdb_options_t *options;
    rocksdb_writeoptions_t *write;
    rocksdb_readoptions_t *read;
    rocksdb_cache_t *cache;
};

struct kv_session {
    kv_db *db;
    rocksdb_writebatch_t *batch;
};

static void need(const char *error, const char *what) {
    if (error != NULL) {
        bench_fail(what, error);
    }
}

static void set_cache(kv_db *db, uint64_t bytes) {
    rocksdb_block_based_table_options_t *tables = rocksdb_block_based_options_create();
    db->cache = rocksdb_cache_create_lru(bytes);
    rocksdb_block_based_options_set_block_cache(tables, db->cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(tables, 1);
    rocksdb_block_based_options_set_filter_policy(tables,
                                                  rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_options_set_block_based_table_factory(db->options, tables);
    rocksdb_block_based_options_destroy(tables);
}

static kv_db *rocks_open(const kv_setup *setup) {
    kv_db *db = kv_new(sizeof *db);
    char *error = NULL;
    db->options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(db->options, 1);
    rocksdb_options_set_compression(db->options, rocksdb_no_compression);
    rocksdb_options_set_write_buffer_size(db->options, setup->memory_bytes / 16);
    set_cache(db, setup->memory_bytes / 16 * 14);
    db->write = rocksdb_writeoptions_create();
    db->read = rocksdb_readoptions_create();
    rocksdb_writeoptions_set_sync(db->write, strcmp(setup->mode, "sync") == 0);
    db->rocks = rocksdb_open(db->options, setup->folder, &error);
    need(error, "rocksdb_open");
    return db;
}

static void rocks_close(kv_db *db) {
    rocksdb_close(db->rocks);
    rocksdb_writeoptions_destroy(db->write);
    rocksdb_readoptions_destroy(db->read);
    rocksdb_options_destroy(db->options);
    rocksdb_cache_destroy(db->cache);
    free(db);
}

static kv_session *rocks_session(kv_db *db, int thread) {
    (void)thread;
    kv_session *session = kv_new(sizeof *session);
    session->db = db;
    session->batch = rocksdb_writebatch_create();
    return session;
}

static void rocks_end(kv_session *session) {
    rocksdb_writebatch_destroy(session->batch);
    free(session);
}

static void rocks_put(kv_session *session, const char *key, const void *value, size_t len) {
    char *error = NULL;
    rocksdb_put(session->db->rocks, session->db->write, key, BENCH_KEY_BYTES, value, len, &error);
    need(error, "rocksdb_put");
}

static size_t rocks_get(kv_session *session, const char *key, void *value, size_t size) {
    char *error = NULL;
    size_t len = 0;
    rocksdb_pinnableslice_t *found =
        rocksdb_get_pinned(session->db->rocks, session->db->read, key, BENCH_KEY_BYTES, &error);
    need(error, "rocksdb_get_pinned");
    if (found == NULL) {
        return 0;
    }
    const char *bytes = rocksdb_pinnableslice_value(found, &len);
    memcpy(value, bytes, len < size ? len : size);
    rocksdb_pinnableslice_destroy(found);
    return len;
}

static void rocks_begin(kv_session *session) {
    rocksdb_writebatch_clear(session->batch);
}

static void rocks_add(kv_session *session, const char *key, const void *value, size_t len) {
    rocksdb_writebatch_put(session->batch, key, BENCH_KEY_BYTES, value, len);
}

static void rocks_commit(kv_session *session) {
    char *error = NULL;
    rocksdb_write(session->db->rocks, session->db->write, session->batch, &error);
    need(error, "rocksdb_write");
}

static uint64_t rocks_scan(kv_session *session, const char *from, uint64_t limit, uint64_t *sum) {
    rocksdb_iterator_t *at = rocksdb_create_iterator(session->db->rocks, session->db->read);
    uint64_t count = 0;
    size_t len;
    if (from == NULL) {
        rocksdb_iter_seek_to_first(at);
    } else {
        rocksdb_iter_seek(at, from, BENCH_KEY_BYTES);
    }
    for (; count < limit && rocksdb_iter_valid(at); rocksdb_iter_next(at)) {
        *sum += *(const uint8_t *)rocksdb_iter_key(at, &len);
        *sum += *(const uint8_t *)rocksdb_iter_value(at, &len);
        count++;
    }
    rocksdb_iter_destroy(at);
    return count;
}

static void rocks_snapshot(kv_session *session) {
    rocksdb_release_snapshot(session->db->rocks, rocksdb_create_snapshot(session->db->rocks));
}

static void rocks_checkpoint(kv_db *db) {
    char *error = NULL;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flush(db->rocks, options, &error);
    need(error, "rocksdb_flush");
    rocksdb_flushoptions_destroy(options);
}

static void rocks_compact(kv_db *db) {
    rocks_checkpoint(db);
    rocksdb_compact_range(db->rocks, NULL, 0, NULL, 0);
}

const kv_engine kv_rocksdb = {
    .name = "rocksdb",
    .open = rocks_open,
    .close = rocks_close,
    .session = rocks_session,
    .end = rocks_end,
    .put = rocks_put,
    .get = rocks_get,
    .begin = rocks_begin,
    .add = rocks_add,
    .commit = rocks_commit,
    .scan = rocks_scan,
    .snapshot = rocks_snapshot,
    .checkpoint = rocks_checkpoint,
    .compact = rocks_compact,
};
