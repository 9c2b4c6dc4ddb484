/* engine.h - one key-value workload, many engines.
 *
 * An engine is this table of functions; phase.c drives all of them through the same steps, so that
 * figures compare engines and not drivers. Every function ends the run with bench_fail when
 * something is wrong: a benchmark that hides an error measures nothing. Keys have BENCH_KEY_BYTES
 * bytes. A function that an engine does not have is NULL, and its phases are left out.
 */
#ifndef KV_ENGINE_H
#define KV_ENGINE_H

#include "bench.h"

enum { KV_VALUE_BYTES_MAX = 4096 };

typedef struct kv_setup {
    const char *folder;    /* exists; what is in it is opened */
    const char *mode;      /* of the engine, such as "strict" */
    uint64_t memory_bytes; /* for its caches and write buffers together */
} kv_setup;

/* One thread's own way to the database: a handle, a connection, prepared statements. */
typedef struct kv_session kv_session;
typedef struct kv_db kv_db;

typedef struct kv_engine {
    const char *name;
    kv_db *(*open)(const kv_setup *setup);
    void (*close)(kv_db *db);
    kv_session *(*session)(kv_db *db, int thread); /* thread: from 0 */
    void (*end)(kv_session *session);

    /* Each a transaction of its own. get copies the value and returns its length. */
    void (*put)(kv_session *session, const char *key, const void *value, size_t len);
    size_t (*get)(kv_session *session, const char *key, void *value, size_t size);

    /* A transaction of several puts. */
    void (*begin)(kv_session *session);
    void (*add)(kv_session *session, const char *key, const void *value, size_t len);
    void (*commit)(kv_session *session);

    /* Visits up to limit records in order of key, from `from` (NULL: the first) on; adds the first
     * byte of each key and value to *sum and returns the count. */
    uint64_t (*scan)(kv_session *session, const char *from, uint64_t limit, uint64_t *sum);

    /* Begins a read-only transaction and ends it. */
    void (*snapshot)(kv_session *session);
    /* Allocations that this engine has made so far, where it can be asked. */
    uint64_t (*allocations)(kv_db *db);

    void (*sync)(kv_db *db);       /* what was put is durable */
    void (*checkpoint)(kv_db *db); /* what is only in the log goes into the tables or the file */
    void (*compact)(kv_db *db);    /* as small as it gets */
    double (*cpu)(kv_db *db);      /* processor time spent in another process, seconds */
} kv_engine;

extern const kv_engine kv_strata, kv_sqlite, kv_lmdb, kv_rocksdb, kv_redis, kv_hash, kv_raw;

/* The engines of this program, the last one NULL: bench/kv/engines.c or bench/main_kv.c. */
extern const kv_engine *const kv_engines[];

/* Allocates zeroed memory or ends the run. */
void *kv_new(size_t size);

#endif
