/* test_hostile.c - logs made to hurt: never a crash, never for long, and what opens can be used.
 *
 * Seeded mutations of good logs: bytes and fields changed, chunks dropped, doubled and swapped,
 * lengths and counts set to values that overflow. Most are sealed again with checksums that fit, so
 * that they reach what lies behind the checksum. Each is opened and, if that works, every operation
 * is used, and writing goes on. The sanitizers say whether anything was touched that must not be;
 * the memory that the host is asked for is bounded.
 *
 * FUZZ_N=20000 runs more of them; FUZZ_AT=i only the i-th.
 */
#include "store_log.h"

#include "base/crc32c.h"

enum { DEFAULT_N = 20000, SPACE = 1 << 18, FRAMES_MAX = 4096, MEMORY_MAX = 100 << 20 };

/* ---- The good logs --------------------------------------------------------------------------- */

typedef struct good_log {
    strata_slice manifest;
    strata_slice segment;
} good_log;

enum { LOGS = 3 };
static good_log logs[LOGS];

static void fill(strata_db *db) {
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"side\",\"tags\":[\"x\"]}");
    for (int i = 0; i < 8; i++) {
        (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"k%d\",\"value\":[%d,{\"a\":null}]}", i % 3,
                  i);
        (void)ask(db, STRATA_OK, "kv.incr", "{\"run\":\"side\",\"key\":\"n\",\"by\":%d}", i);
        (void)ask(db, STRATA_OK, "event.append", "{\"type\":\"t%d\",\"payload\":{\"i\":%d}}", i, i);
        (void)ask(db, STRATA_OK, "memory.remember",
                  "{\"key\":\"m%d\",\"text\":\"common words and a number %d %0600d\","
                  "\"metadata\":{\"i\":%d},\"tags\":[\"a\"]}",
                  i % 4, i, i, i);
    }
    (void)ask(db, STRATA_OK, "kv.delete", "{\"key\":\"k1\"}");
    (void)ask(db, STRATA_OK, "memory.forget", "{\"key\":\"m1\"}");
    (void)ask(db, STRATA_OK, "run.complete", "{\"name\":\"side\"}");
}

static void make_good_logs(void) {
    for (int i = 0; i < LOGS; i++) {
        sim *s = sim_new(5);
        strata_options options = db_options(s, STRATA_STRICT);
        strata_db *db = NULL;
        options.codec = i == 1 ? STRATA_CODEC_ZSTD : STRATA_CODEC_NONE;
        assert_int_equal(strata_open("db", &options, &db), STRATA_OK);
        fill(db);
        if (i == 2) { /* closed; the others as a crash leaves them, with nothing promised */
            db_close(db);
        } else {
            sim_cut_power(s, 1);
            (void)strata_close(db);
            sim_restart(s, SIM_NONE, 0);
        }
        logs[i].manifest = sim_copy(s, "db/MANIFEST", false);
        logs[i].segment = sim_copy(s, "db/WAL/wal-1.seg", false);
        uint64_t starts[FRAMES_MAX];
        const size_t frames = frames_of(logs[i].segment, starts, FRAMES_MAX);
        logs[i].segment.len = st_min(logs[i].segment.len, (size_t)starts[frames] + 64);
        sim_free(s);
    }
}

/* ---- Mutations ------------------------------------------------------------------------------- */

typedef struct victim {
    uint8_t bytes[SPACE];
    size_t len;
} victim;

static victim target;

static uint64_t nasty(uint64_t *chance) {
    static const uint64_t numbers[] = {8388607,    4194304,
                                       0,          1,
                                       2,          0x7f,
                                       0x80,       0xff,
                                       0x100,      0x7fff,
                                       0xffff,     0x7fffffff,
                                       0x80000000, 0xfffffffe,
                                       0xffffffff, 0x0fffffff,
                                       0x1fffffff, (uint64_t)1 << 62,
                                       INT64_MAX,  (uint64_t)1 << 63,
                                       UINT64_MAX};
    return numbers[test_random_below(chance, sizeof numbers / sizeof numbers[0])];
}

/* A place in the log, most often in the first bytes of a record, where lengths and counts are. */
static size_t pick_place(uint64_t *chance) {
    uint64_t starts[FRAMES_MAX];
    const size_t count = frames_of(st_slice(target.bytes, target.len), starts, FRAMES_MAX);
    if (count == 0 || test_random_below(chance, 4) == 0) {
        return (size_t)test_random_below(chance, target.len);
    }
    const uint64_t start = starts[test_random_below(chance, count)];
    const uint64_t place = start + test_random_below(chance, test_random_below(chance, 2) == 0
                                                                 ? ST_WAL_FRAME_BYTES + 14
                                                                 : 200);
    return (size_t)(place < target.len ? place : target.len - 1);
}

static void write_number(uint64_t *chance, size_t at, uint64_t number) {
    uint8_t bytes[ST_VARINT_BYTES_MAX];
    size_t len = (size_t)1 << test_random_below(chance, 4);
    if (test_random_below(chance, 2) == 0) {
        len = (size_t)(st_varint_put(bytes, number) - bytes);
    } else {
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t)(number >> (8 * i));
        }
    }
    memcpy(target.bytes + at, bytes, st_min(len, target.len - at));
}

static void move_chunk(uint64_t *chance) {
    const size_t at = pick_place(chance);
    const size_t len = (size_t)test_random_below(chance, st_min(target.len - at, 300)) + 1;
    if (test_random_below(chance, 2) == 0 || target.len + len > SPACE) {
        memmove(target.bytes + at, target.bytes + at + len, target.len - at - len);
        target.len -= len;
    } else {
        memmove(target.bytes + at + len, target.bytes + at, target.len - at);
        target.len += len;
    }
}

static void swap_records(uint64_t *chance) {
    uint64_t starts[FRAMES_MAX];
    static uint8_t copy[SPACE];
    const size_t count = frames_of(st_slice(target.bytes, target.len), starts, FRAMES_MAX);
    if (count < 2) {
        return;
    }
    const size_t i = (size_t)test_random_below(chance, count - 1);
    const size_t first = (size_t)(starts[i + 1] - starts[i]);
    const size_t second = (size_t)(starts[i + 2 > count ? count : i + 2] - starts[i + 1]);
    memcpy(copy, target.bytes + starts[i], first + second);
    memcpy(target.bytes + starts[i], copy + first, second);
    memcpy(target.bytes + starts[i] + second, copy, first);
}

static void mutate(uint64_t *chance) {
    const size_t at = pick_place(chance);
    switch (test_random_below(chance, 7)) {
    case 0:
        target.bytes[at] ^= (uint8_t)(1u << test_random_below(chance, 8));
        break;
    case 1:
        target.bytes[at] = (uint8_t)test_random(chance);
        break;
    case 2:
    case 3:
        write_number(chance, at, nasty(chance));
        break;
    case 4:
        move_chunk(chance);
        break;
    case 5:
        swap_records(chance);
        break;
    default:
        target.len = test_random_below(chance, 3) == 0 ? at + 1 : target.len;
        break;
    }
}

/* Gives every record that ends within the file a checksum that fits, and most the right version. */
static void seal(uint64_t *chance) {
    const bool number = test_random_below(chance, 4) != 0;
    uint32_t version = 1;
    store32_le(target.bytes + 60, st_crc32c(0, st_slice(target.bytes, 60)));
    for (size_t at = ST_WAL_HEADER_BYTES; at + ST_WAL_FRAME_BYTES <= target.len; version++) {
        st_wal_frame frame = st_wal_frame_read(target.bytes + at);
        if (frame.payload_len > target.len - at - ST_WAL_FRAME_BYTES) {
            frame.payload_len = (uint32_t)(target.len - at - ST_WAL_FRAME_BYTES);
        }
        if (st_wal_frame_is_end(target.bytes + at)) {
            return;
        }
        frame.version_low = number ? version : frame.version_low;
        st_wal_frame_seal(target.bytes + at, &frame);
        at += ST_WAL_FRAME_BYTES + frame.payload_len;
    }
}

/* ---- Use ------------------------------------------------------------------------------------- */

static void use(strata_db *db) {
    static const char *const reads[][2] = {
        {"run.list", "{}"},
        {"run.get", "{\"name\":\"side\"}"},
        {"kv.list", "{}"},
        {"kv.list", "{\"reverse\":true,\"prefix\":\"k\"}"},
        {"kv.get", "{\"key\":\"k0\"}"},
        {"kv.history", "{\"key\":\"k1\"}"},
        {"kv.list", "{\"run\":\"side\"}"},
        {"event.range", "{}"},
        {"event.head", "{}"},
        {"event.verify", "{}"},
        {"memory.list", "{\"tag\":\"a\"}"},
        {"memory.get", "{\"key\":\"m2\"}"},
        {"memory.recall", "{\"query\":\"common number\",\"with_text\":true}"},
        {"db.stats", "{}"},
        {"db.verify", "{}"},
        {"kv.put", "{\"key\":\"k0\",\"value\":1}"},
        {"kv.incr", "{\"run\":\"side\",\"key\":\"n\"}"},
        {"event.append", "{\"type\":\"t\",\"payload\":{}}"},
        {"memory.remember", "{\"key\":\"m2\",\"text\":\"common\"}"},
        {"memory.forget", "{\"key\":\"m3\"}"},
        {"run.create", "{}"},
        {"run.archive", "{\"name\":\"side\"}"},
    };
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        const strata_status status = tell(db, reads[i][0], "%s", reads[i][1]);
        assert_int_not_equal(status, STRATA_NO_MEMORY);
    }
}

static size_t most_memory;

static void try_one(sim *s, uint64_t i, uint64_t *opened) {
    uint64_t chance = i * 1000003 + 11;
    const good_log *log = &logs[test_random_below(&chance, LOGS)];
    replay_hint("FUZZ_AT=%u build/tests/unit/store/test_hostile", (unsigned)i);
    memcpy(target.bytes, log->segment.data, log->segment.len);
    target.len = log->segment.len;
    for (uint64_t left = 1 + test_random_below(&chance, 3); left > 0; left--) {
        mutate(&chance);
    }
    if (target.len > ST_WAL_HEADER_BYTES && test_random_below(&chance, 8) != 0) {
        seal(&chance);
    }
    sim_put(s, "db/MANIFEST", log->manifest);
    sim_put(s, "db/WAL/wal-1.seg", st_slice(target.bytes, target.len));
    strata_options options = db_options(s, STRATA_BUFFERED);
    strata_db *db = NULL;
    const strata_status status = strata_open("db", &options, &db);
    assert_int_not_equal(status, STRATA_NO_MEMORY);
    if (status == STRATA_OK) {
        (*opened)++;
        use(db);
        most_memory = st_max(most_memory, test_memory_bytes());
        (void)strata_close(db);
    }
    sim_restart(s, SIM_ALL, 0); /* sets the lists of operations back */
    replay_hint(NULL);
}

static void hostile_logs(void **state) {
    (void)state;
    make_good_logs();
    const uint64_t only = env_number("FUZZ_AT", UINT64_MAX);
    const uint64_t n = env_number("FUZZ_N", DEFAULT_N);
    uint64_t opened = 0;
    sim *s = sim_new(9);
    for (uint64_t i = only == UINT64_MAX ? 0 : only; i < n || i == only; i++) {
        try_one(s, i, &opened);
        if (i == only) {
            break;
        }
    }
    sim_free(s);
    print_message("%u logs, %u of them open, at most %u kB of memory\n", (unsigned)n,
                  (unsigned)opened, (unsigned)(most_memory >> 10));
    assert_true(most_memory < MEMORY_MAX);
    if (only == UINT64_MAX) {
        assert_in_range(opened, n / 20, n - n / 20); /* else the mutations are of no use */
    }
    for (int i = 0; i < LOGS; i++) {
        sim_release(logs[i].manifest);
        sim_release(logs[i].segment);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
