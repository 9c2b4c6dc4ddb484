/* engine_raw.c - what the disk allows: one write and one fdatasync per put, and nothing else.
 *
 * FRAME_BYTES is what one of our puts takes in the log. Modes: "written" (over a region that was
 * written before: fdatasync then has data to carry and no metadata), "reserved" (over a region
 * that posix_fallocate reserved: the first write of each block still changes metadata), "append"
 * (the file grows).
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kv/engine.h"

enum { FRAME_BYTES = 144, REGION_BYTES = 16 << 20 };

struct kv_db {
    int fd;
    int appends;
    off_t at;
};

struct kv_session {
    kv_db *db;
};

static void fill_region(int fd) {
    static char bytes[1 << 20];
    for (int i = 0; i < REGION_BYTES / (int)sizeof bytes; i++) {
        if (write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes) {
            bench_fail("raw", "the region cannot be written");
        }
    }
}

static kv_db *raw_open(const kv_setup *setup) {
    char path[4096];
    kv_db *db = kv_new(sizeof *db);
    strcpy(stpcpy(path, setup->folder), "/raw");
    db->fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    db->appends = strcmp(setup->mode, "append") == 0;
    if (db->fd < 0) {
        bench_fail(path, "cannot be opened");
    }
    if (strcmp(setup->mode, "written") == 0) {
        fill_region(db->fd);
    } else if (!db->appends && posix_fallocate(db->fd, 0, REGION_BYTES) != 0) {
        bench_fail("raw", "the region cannot be reserved");
    }
    if (fsync(db->fd) != 0) {
        bench_fail("raw", "fsync failed");
    }
    return db;
}

static void raw_close(kv_db *db) {
    close(db->fd);
    free(db);
}

static kv_session *raw_session(kv_db *db, int thread) {
    (void)thread;
    kv_session *session = kv_new(sizeof *session);
    session->db = db;
    return session;
}

static void raw_end(kv_session *session) {
    free(session);
}

static void raw_put(kv_session *session, const char *key, const void *value, size_t len) {
    kv_db *db = session->db;
    char frame[FRAME_BYTES] = {0};
    memcpy(frame + 16, key, BENCH_KEY_BYTES);
    memcpy(frame + 16 + BENCH_KEY_BYTES, value, len < 100 ? len : 100);
    if (!db->appends && db->at + FRAME_BYTES > REGION_BYTES) {
        db->at = 0;
    }
    if (pwrite(db->fd, frame, sizeof frame, db->at) != (ssize_t)sizeof frame ||
        fdatasync(db->fd) != 0) {
        bench_fail("raw", "write or fdatasync failed");
    }
    db->at += FRAME_BYTES;
}

const kv_engine kv_raw = {
    .name = "raw",
    .open = raw_open,
    .close = raw_close,
    .session = raw_session,
    .end = raw_end,
    .put = raw_put,
};
