/* engine_hash.c - the limit: an open-addressing table in memory, with a log or without.
 *
 * No versions, no order, no transactions that could fail: what the memory and the disk allow, and
 * what a real engine's cost is measured against. Modes: "table" (no lock: one writer), "lock" (a
 * read-write lock), "log" (the lock, and one write() per commit of records with a checksum),
 * "log-sync" (and fdatasync). Opening replays the log record by record: the naive replay.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kv/engine.h"

enum {
    CAP = 1 << 21,
    VALUE_BYTES = 100,
    RECORD_BYTES = 128, /* 8 of checksum and padding, key, value, padding */
    BATCH_MAX = 10000,
};

typedef struct slot {
    char key[BENCH_KEY_BYTES];
    char value[VALUE_BYTES];
    uint32_t tag; /* 0: free */
} slot;

struct kv_db {
    slot *slots;
    pthread_rwlock_t lock;
    int locks;
    int logs;
    int syncs;
    int fd;
};

struct kv_session {
    kv_db *db;
    char *records;
    size_t len;
};

static uint64_t hash(const char *key) {
    uint64_t a, b;
    memcpy(&a, key, 8);
    memcpy(&b, key + 8, 8);
    const __uint128_t m = (__uint128_t)(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xe7037ed1a0b428dbu);
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static slot *find(const kv_db *db, const char *key, uint32_t *tag) {
    const uint64_t h = hash(key);
    *tag = (uint32_t)(h >> 32) | 1;
    for (uint32_t i = (uint32_t)h & (CAP - 1);; i = (i + 1) & (CAP - 1)) {
        slot *at = &db->slots[i];
        if (at->tag == 0 || (at->tag == *tag && memcmp(at->key, key, BENCH_KEY_BYTES) == 0)) {
            return at;
        }
    }
}

static void store(kv_db *db, const char *key, const void *value) {
    uint32_t tag;
    slot *at = find(db, key, &tag);
    memcpy(at->key, key, BENCH_KEY_BYTES);
    memcpy(at->value, value, VALUE_BYTES);
    at->tag = tag;
}

/* A checksum as cheap as the processor's crc instruction, and as portable as C. */
static uint32_t checksum(const char *record) {
    uint64_t sum = 0;
    for (int at = 8; at < RECORD_BYTES; at += 8) {
        uint64_t word;
        memcpy(&word, record + at, 8);
        sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
        sum ^= sum >> 29;
    }
    return (uint32_t)(sum >> 32);
}

static void replay(kv_db *db) {
    static char records[RECORD_BYTES * 512];
    for (ssize_t got; (got = read(db->fd, records, sizeof records)) > 0;) {
        for (char *record = records; record + RECORD_BYTES <= records + got;
             record += RECORD_BYTES) {
            uint32_t sum;
            memcpy(&sum, record, 4);
            if (sum != checksum(record)) {
                bench_fail("hash", "the log does not hold");
            }
            store(db, record + 8, record + 8 + BENCH_KEY_BYTES);
        }
    }
}

static kv_db *hash_open(const kv_setup *setup) {
    kv_db *db = kv_new(sizeof *db);
    db->slots = malloc(CAP * sizeof *db->slots);
    if (db->slots == NULL) {
        bench_fail("hash", "no memory");
    }
    memset(db->slots, 0, CAP * sizeof *db->slots); /* page faults are not what is measured */
    pthread_rwlock_init(&db->lock, NULL);
    db->locks = strcmp(setup->mode, "table") != 0;
    db->logs = strncmp(setup->mode, "log", 3) == 0;
    db->syncs = strcmp(setup->mode, "log-sync") == 0;
    if (db->logs) {
        char path[4096];
        strcpy(stpcpy(path, setup->folder), "/log");
        db->fd = open(path, O_RDWR | O_CREAT, 0644);
        if (db->fd < 0) {
            bench_fail(path, "cannot be opened");
        }
        replay(db);
    }
    return db;
}

static void hash_close(kv_db *db) {
    if (db->logs) {
        close(db->fd);
    }
    free(db->slots);
    free(db);
}

static kv_session *hash_session(kv_db *db, int thread) {
    (void)thread;
    kv_session *session = kv_new(sizeof *session);
    session->db = db;
    session->records = kv_new((size_t)RECORD_BYTES * BATCH_MAX);
    return session;
}

static void hash_end(kv_session *session) {
    free(session->records);
    free(session);
}

static void write_log(kv_session *session) {
    if (write(session->db->fd, session->records, session->len) != (ssize_t)session->len ||
        (session->db->syncs && fdatasync(session->db->fd) != 0)) {
        bench_fail("hash", "the log cannot be written");
    }
    session->len = 0;
}

static void hash_begin(kv_session *session) {
    if (session->db->locks) {
        pthread_rwlock_wrlock(&session->db->lock);
    }
}

static void hash_add(kv_session *session, const char *key, const void *value, size_t len) {
    if (len != VALUE_BYTES) {
        bench_fail("hash", "values of 100 bytes only");
    }
    if (session->db->logs) {
        char *record = session->records + session->len;
        memset(record, 0, RECORD_BYTES);
        memcpy(record + 8, key, BENCH_KEY_BYTES);
        memcpy(record + 8 + BENCH_KEY_BYTES, value, VALUE_BYTES);
        const uint32_t sum = checksum(record);
        memcpy(record, &sum, 4);
        session->len += RECORD_BYTES;
    }
    store(session->db, key, value);
}

static void hash_commit(kv_session *session) {
    if (session->db->logs) {
        write_log(session);
    }
    if (session->db->locks) {
        pthread_rwlock_unlock(&session->db->lock);
    }
}

static void hash_put(kv_session *session, const char *key, const void *value, size_t len) {
    hash_begin(session);
    hash_add(session, key, value, len);
    hash_commit(session);
}

static size_t hash_get(kv_session *session, const char *key, void *value, size_t size) {
    kv_db *db = session->db;
    uint32_t tag;
    (void)size;
    if (db->locks) {
        pthread_rwlock_rdlock(&db->lock);
    }
    const slot *at = find(db, key, &tag);
    const size_t len = at->tag == 0 ? 0 : VALUE_BYTES;
    memcpy(value, at->value, VALUE_BYTES);
    if (db->locks) {
        pthread_rwlock_unlock(&db->lock);
    }
    return len;
}

const kv_engine kv_hash = {
    .name = "hash",
    .open = hash_open,
    .close = hash_close,
    .session = hash_session,
    .end = hash_end,
    .put = hash_put,
    .get = hash_get,
    .begin = hash_begin,
    .add = hash_add,
    .commit = hash_commit,
};
