/* events.c - appending events that carry the hash of the one before, 256 bytes of payload each.
 *
 *   events FOLDER [quick]
 *
 * Ours: strata_event_append, buffered, and in transactions of a hundred. SQLite: the same chain in C
 * over an INTEGER PRIMARY KEY, journal WAL and synchronous NORMAL, prepared, one commit an event, and a
 * hundred to a commit. The limit: the hash and one write(2) of the record, which
 * is what no database of one process can do without. All hash with the same function. Each in turn, medians
 * over the rounds; what is there at the end of a round is verified.
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "format/sha256.h"
#include "strata/strata.h"

enum { PAYLOAD_BYTES = 256, ROUNDS = 5, BATCH = 100, HASH_BYTES = 32, FRAME_BYTES = 16 };

typedef struct setup {
    const char *folder;
    uint64_t events;
} setup;

/* ---- The chain ------------------------------------------------------------------------------- */

typedef struct chain {
    uint64_t sequence;
    uint8_t hash[HASH_BYTES];
} chain;

static const char type[] = "tool_call";

/* A map of one string, 256 bytes of MessagePack in all; cheap to make, so that making it is not what is
 * measured. */
static void fill_payload(uint64_t i, uint8_t payload[PAYLOAD_BYTES]) {
    static const uint8_t head[] = {0x81, 0xa1, 'p', 0xd9, PAYLOAD_BYTES - 5};
    memcpy(payload, head, sizeof head);
    memset(payload + sizeof head, 'x', PAYLOAD_BYTES - sizeof head);
    bench_key(i, (char *)payload + sizeof head);
}

static void link_event(chain *c, int64_t time_us, const uint8_t *payload) {
    const uint32_t type_len = sizeof type - 1;
    const uint32_t payload_len = PAYLOAD_BYTES;
    uint8_t head[20];
    c->sequence++;
    memcpy(head, &c->sequence, 8);
    memcpy(head + 8, &time_us, 8);
    memcpy(head + 16, &type_len, 4);
    const strata_slice parts[] = {{head, sizeof head},
                                  {type, type_len},
                                  {&payload_len, sizeof payload_len},
                                  {payload, PAYLOAD_BYTES},
                                  {c->hash, HASH_BYTES}};
    st_sha256(parts, sizeof parts / sizeof parts[0], c->hash);
}

/* ---- The limits ------------------------------------------------------------------------------ */

static double run_hash(const setup *s) {
    uint8_t payload[PAYLOAD_BYTES];
    chain c = {0};
    fill_payload(1, payload);
    const double start = bench_now();
    for (uint64_t i = 0; i < s->events; i++) {
        link_event(&c, (int64_t)i, payload);
    }
    return bench_now() - start;
}

static double run_raw(const setup *s) {
    char path[4096];
    chain c = {0};
    uint8_t frame[FRAME_BYTES + sizeof type - 1 + PAYLOAD_BYTES + HASH_BYTES] = {0};
    uint8_t payload[PAYLOAD_BYTES];
    bench_folder_make(s->folder);
    snprintf(path, sizeof path, "%s/raw", s->folder);
    const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || posix_fallocate(fd, 0, (off_t)(s->events * sizeof frame)) != 0) {
        bench_fail(path, "cannot be made");
    }
    const double start = bench_now();
    for (uint64_t i = 0; i < s->events; i++) {
        fill_payload(i, payload);
        link_event(&c, (int64_t)bench_now_ns() / 1000, payload);
        memcpy(frame, &c.sequence, 8);
        memcpy(frame + FRAME_BYTES, type, sizeof type - 1);
        memcpy(frame + FRAME_BYTES + sizeof type - 1, payload, PAYLOAD_BYTES);
        memcpy(frame + sizeof frame - HASH_BYTES, c.hash, HASH_BYTES);
        if (pwrite(fd, frame, sizeof frame, (off_t)(i * sizeof frame)) != (ssize_t)sizeof frame) {
            bench_fail(path, "cannot be written");
        }
    }
    const double took = bench_now() - start;
    close(fd);
    return took;
}

/* ---- Ours ------------------------------------------------------------------------------------ */

static void need(strata_db *db, strata_status status, const char *what) {
    if (status != STRATA_OK) {
        bench_fail(what, strata_errmsg(db));
    }
}

static void check_ours(strata_db *db, uint64_t events) {
    static const uint8_t verify[] = "\x92\xac"
                                    "event.verify\x80";
    const strata_slice request = {verify, sizeof verify - 1};
    strata_buffer response = {0};
    strata_buffer json = {0};
    char expected[64];
    need(db, strata_exec(db, request, &response), "event.verify");
    const strata_slice answer = {response.data, response.len};
    need(db, strata_msgpack_to_json(answer, false, &json, NULL), "json");
    const int len = snprintf(expected, sizeof expected, "[true,{\"valid\":true,\"length\":%llu}]",
                             (unsigned long long)events);
    if (json.len < (size_t)len || memcmp(json.data, expected, (size_t)len) != 0) {
        bench_fail("event.verify", "the chain is broken");
    }
    strata_buffer_free(&response);
    strata_buffer_free(&json);
}

static double run_ours(const setup *s, uint64_t batch) {
    char path[4096];
    uint8_t payload[PAYLOAD_BYTES];
    strata_db *db;
    bench_folder_make(s->folder);
    snprintf(path, sizeof path, "%s/db.strata", s->folder);
    if (strata_open(path, NULL, &db) != STRATA_OK) {
        bench_fail(path, "cannot be opened");
    }
    const double start = bench_now();
    for (uint64_t i = 0; i < s->events; i++) {
        const strata_slice bytes = {payload, sizeof payload};
        fill_payload(i, payload);
        if (batch > 1 && i % batch == 0) {
            need(db, strata_txn_begin(db, STRATA_RUN_DEFAULT, NULL), "begin");
        }
        need(db,
             strata_event_append(db, STRATA_RUN_DEFAULT, strata_text(type), strata_object(bytes),
                                 NULL),
             "append");
        if (batch > 1 && i % batch == batch - 1) {
            need(db, strata_txn_commit(db, NULL), "commit");
        }
    }
    const double took = bench_now() - start;
    check_ours(db, s->events);
    (void)strata_close(db);
    return took;
}

/* ---- SQLite ---------------------------------------------------------------------------------- */

static void run_sql(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        bench_fail(sql, sqlite3_errmsg(db));
    }
}

static double run_sqlite(const setup *s, uint64_t batch) {
    char path[4096];
    uint8_t payload[PAYLOAD_BYTES];
    chain c = {0};
    sqlite3 *db;
    sqlite3_stmt *insert;
    bench_folder_make(s->folder);
    snprintf(path, sizeof path, "%s/db.sqlite", s->folder);
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        bench_fail(path, "cannot be opened");
    }
    run_sql(db, "PRAGMA journal_mode = WAL");
    run_sql(db, "PRAGMA synchronous = NORMAL");
    run_sql(db, "PRAGMA cache_size = -262144");
    run_sql(db, "CREATE TABLE event(sequence INTEGER PRIMARY KEY, time INTEGER, type TEXT, "
                "payload BLOB, hash BLOB)");
    if (sqlite3_prepare_v2(db, "INSERT INTO event VALUES(?1, ?2, ?3, ?4, ?5)", -1, &insert, NULL) !=
        SQLITE_OK) {
        bench_fail("prepare", sqlite3_errmsg(db));
    }
    const double start = bench_now();
    for (uint64_t i = 0; i < s->events; i++) {
        const int64_t time_us = (int64_t)bench_now_ns() / 1000;
        fill_payload(i, payload);
        link_event(&c, time_us, payload);
        if (batch > 1 && i % batch == 0) {
            run_sql(db, "BEGIN");
        }
        sqlite3_bind_int64(insert, 1, (sqlite3_int64)c.sequence);
        sqlite3_bind_int64(insert, 2, time_us);
        sqlite3_bind_text(insert, 3, type, sizeof type - 1, SQLITE_STATIC);
        sqlite3_bind_blob(insert, 4, payload, sizeof payload, SQLITE_STATIC);
        sqlite3_bind_blob(insert, 5, c.hash, sizeof c.hash, SQLITE_STATIC);
        if (sqlite3_step(insert) != SQLITE_DONE) {
            bench_fail("insert", sqlite3_errmsg(db));
        }
        sqlite3_reset(insert);
        if (batch > 1 && i % batch == batch - 1) {
            run_sql(db, "COMMIT");
        }
    }
    const double took = bench_now() - start;
    sqlite3_finalize(insert);
    sqlite3_close(db);
    return took;
}

/* ---- All of them ----------------------------------------------------------------------------- */

int main(int argc, char **argv) {
    if (argc < 2) {
        bench_fail("usage", "events FOLDER [quick]");
    }
    const int quick = argc > 2 && strcmp(argv[2], "quick") == 0;
    const setup s = {argv[1], quick ? 50000 : 300000};
    const int rounds = quick ? 3 : ROUNDS;
    double hash[ROUNDS], raw[ROUNDS], ours[ROUNDS], ours_batch[ROUNDS], lite[ROUNDS],
        lite_batch[ROUNDS];
    for (int i = 0; i < rounds; i++) {
        hash[i] = (double)s.events / run_hash(&s);
        raw[i] = (double)s.events / run_raw(&s);
        ours[i] = (double)s.events / run_ours(&s, 1);
        lite[i] = (double)s.events / run_sqlite(&s, 1);
        ours_batch[i] = (double)s.events / run_ours(&s, BATCH);
        lite_batch[i] = (double)s.events / run_sqlite(&s, BATCH);
    }
    bench_folder_wipe(s.folder);
    const double one = bench_median(ours, (size_t)rounds);
    const double hundred = bench_median(ours_batch, (size_t)rounds);
    bench_report("event.append", one, "op/s", "SQLite normal", bench_median(lite, (size_t)rounds),
                 0);
    bench_report("event.append.limit", one, "op/s", "hash and write",
                 bench_median(raw, (size_t)rounds), 0);
    bench_report("event.append.hash", one, "op/s", "hash alone", bench_median(hash, (size_t)rounds),
                 0);
    bench_report("event.append.batch100", hundred, "op/s", "SQLite normal, in hundreds",
                 bench_median(lite_batch, (size_t)rounds), 0);
    return 0;
}
