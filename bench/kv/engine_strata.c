/* engine_strata.c - ours, through the public C functions.
 *
 * Modes: "memory", "buffered" (synced every 100 ms), "strict"; with "-runs" behind it each thread
 * has a run of its own, as two agents would; "buffered-counted" counts allocations.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "kv/engine.h"
#include "strata/host.h"
#include "strata/strata.h"

struct kv_db {
    strata_db *handle; /* of the thread that opened it */
    int runs;
    strata_host host; /* when allocations are counted */
    strata_allocator inner;
    _Atomic uint64_t allocations;
};

struct kv_session {
    strata_db *handle;
    strata_run run;
};

static void *counting_resize(void *ctx, void *old, size_t old_size, size_t new_size) {
    kv_db *db = ctx;
    if (new_size > 0) {
        atomic_fetch_add_explicit(&db->allocations, 1, memory_order_relaxed);
    }
    return db->inner.resize(db->inner.ctx, old, old_size, new_size);
}

static strata_durability durability_of(const char *mode) {
    return strncmp(mode, "memory", 6) == 0   ? STRATA_MEMORY
           : strncmp(mode, "strict", 6) == 0 ? STRATA_STRICT
                                             : STRATA_BUFFERED;
}

static kv_db *ours_open(const kv_setup *setup) {
    kv_db *db = kv_new(sizeof *db);
    strata_options options = STRATA_OPTIONS_INIT;
    strata_error error = {.code = STRATA_OK};
    options.durability = durability_of(setup->mode);
    options.memory_bytes = setup->memory_bytes;
    options.error = &error;
    db->runs = strstr(setup->mode, "-runs") != NULL;
    if (strstr(setup->mode, "-counted") != NULL) {
        db->host = *strata_host_default();
        db->inner = db->host.memory;
        db->host.memory = (strata_allocator){db, counting_resize};
        options.host = &db->host;
    }
    const char *path = options.durability == STRATA_MEMORY ? ":memory:" : setup->folder;
    if (strata_open(path, &options, &db->handle) != STRATA_OK) {
        bench_fail("strata_open", error.message);
    }
    return db;
}

static void ours_close(kv_db *db) {
    if (strata_close(db->handle) != STRATA_OK) {
        bench_fail("strata_close", "failed");
    }
    free(db);
}

static void need(strata_db *handle, strata_status status, const char *what) {
    if (status != STRATA_OK) {
        bench_fail(what, strata_errmsg(handle));
    }
}

static kv_session *ours_session(kv_db *db, int thread) {
    kv_session *session = kv_new(sizeof *session);
    need(db->handle, strata_attach(db->handle, &session->handle), "strata_attach");
    session->run = STRATA_RUN_DEFAULT;
    if (db->runs && thread > 0) {
        const char name[] = {'r', (char)('0' + thread), 0};
        if (strata_run_find(session->handle, strata_text(name), &session->run) != STRATA_OK) {
            need(session->handle,
                 strata_run_create(session->handle, strata_text(name), &session->run),
                 "strata_run_create");
        }
    }
    return session;
}

static void ours_end(kv_session *session) {
    if (strata_close(session->handle) != STRATA_OK) {
        bench_fail("strata_close", "failed");
    }
    free(session);
}

static void ours_put(kv_session *session, const char *key, const void *value, size_t len) {
    need(session->handle,
         strata_kv_put(session->handle, session->run, (strata_slice){key, BENCH_KEY_BYTES},
                       strata_bytes((strata_slice){value, len}), NULL),
         "strata_kv_put");
}

static size_t ours_get(kv_session *session, const char *key, void *value, size_t size) {
    strata_entry entry;
    need(session->handle,
         strata_kv_get(session->handle, session->run, (strata_slice){key, BENCH_KEY_BYTES}, &entry),
         "strata_kv_get");
    const strata_slice bytes = entry.value.as.bytes;
    if (bytes.len > size) {
        bench_fail("strata_kv_get", "too long");
    }
    memcpy(value, bytes.data, bytes.len);
    return bytes.len;
}

static void ours_begin(kv_session *session) {
    need(session->handle, strata_txn_begin(session->handle, session->run, NULL),
         "strata_txn_begin");
}

static void ours_commit(kv_session *session) {
    need(session->handle, strata_txn_commit(session->handle, NULL), "strata_txn_commit");
}

typedef struct visited {
    uint64_t count;
    uint64_t limit;
    uint64_t sum;
} visited;

static bool visit(void *arg, strata_slice key, const strata_entry *entry) {
    visited *seen = arg;
    seen->sum += *(const uint8_t *)key.data + *(const uint8_t *)entry->value.as.bytes.data;
    return ++seen->count < seen->limit;
}

static uint64_t ours_scan(kv_session *session, const char *from, uint64_t limit, uint64_t *sum) {
    strata_range range = STRATA_RANGE_INIT;
    visited seen = {0, limit, 0};
    if (from != NULL) {
        range.start = (strata_slice){from, BENCH_KEY_BYTES};
    }
    need(session->handle, strata_kv_scan(session->handle, session->run, &range, visit, &seen),
         "strata_kv_scan");
    *sum += seen.sum;
    return seen.count;
}

static void ours_snapshot(kv_session *session) {
    strata_txn_options options = STRATA_TXN_OPTIONS_INIT;
    options.read_only = true;
    need(session->handle, strata_txn_begin(session->handle, session->run, &options),
         "strata_txn_begin");
    strata_txn_rollback(session->handle);
}

static uint64_t ours_allocations(kv_db *db) {
    return atomic_load_explicit(&db->allocations, memory_order_relaxed);
}

static void ours_sync(kv_db *db) {
    need(db->handle, strata_sync(db->handle), "strata_sync");
}

static void ours_checkpoint(kv_db *db) {
    need(db->handle, strata_checkpoint(db->handle, NULL), "strata_checkpoint");
}

static void ours_compact(kv_db *db) {
    static const uint8_t request[] = "\x92\xaa" /* an array of two, a text of ten */
                                     "db.compact\x80";
    strata_buffer response = {NULL, 0, 0, NULL};
    need(db->handle,
         strata_exec(db->handle, (strata_slice){request, sizeof request - 1}, &response),
         "db.compact");
    strata_buffer_free(&response);
}

const kv_engine kv_strata = {
    .name = "strata",
    .open = ours_open,
    .close = ours_close,
    .session = ours_session,
    .end = ours_end,
    .put = ours_put,
    .get = ours_get,
    .begin = ours_begin,
    .add = ours_put,
    .commit = ours_commit,
    .scan = ours_scan,
    .snapshot = ours_snapshot,
    .allocations = ours_allocations,
    .sync = ours_sync,
    .checkpoint = ours_checkpoint,
    .compact = ours_compact,
};
