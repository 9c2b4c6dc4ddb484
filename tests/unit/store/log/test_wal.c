/* test_wal.c - what recovery makes of a log whose bytes are not what was written.
 *
 * Promised: of a cleanly closed log, every single changed byte is reported as corrupt, with the
 * right file and an offset at or before it, and nothing on the disk is touched. (No byte of a
 * segment is without meaning; of the MANIFEST, those after the content of a slot are.) Of a log
 * that a crash left, whatever was synced and is followed by a record that proves it likewise; the
 * rest is a torn tail, which is cut at the last whole record before the change and counted. Without
 * a later record nothing proves that the last ones were synced, and they are cut, too.
 * Segments that are missing, swapped, or of another database are corrupt.
 */
#include "store_log.h"

#include "base/crc32c.h"

enum { SEGMENT_BYTES = 700, FRAMES_MAX = 64, SEGMENTS_MAX = 32, KEPT_ZEROS = 300 };

static sim *machine;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(7);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sim_free(machine);
    return 0;
}

/* A database of `count` commits over several segments, closed. Returns the number of segments. */
static unsigned make_closed(strata_durability durability, size_t count) {
    st_store store;
    strata_error error;
    assert_int_equal(store_open(machine, &store, durability, SEGMENT_BYTES, 0, &error), STRATA_OK);
    store_fill(&store, 0, count);
    const unsigned segments = (unsigned)store.wal.segment;
    assert_int_equal(st_store_close(&store, &error), STRATA_OK);
    return segments;
}

static const char *segment_name(unsigned segment) {
    static char names[SEGMENTS_MAX][32];
    assert_in_range(segment, 1, SEGMENTS_MAX - 1);
    (void)snprintf(names[segment], sizeof names[segment], "db/WAL/wal-%u.seg", segment);
    return names[segment];
}

/* The same without closing: the process dies after `count` commits. */
static void make_crashed(strata_durability durability, uint64_t segment_bytes, size_t synced,
                         size_t unsynced) {
    st_store store;
    strata_error error;
    uint64_t version;
    assert_int_equal(store_open(machine, &store, durability, segment_bytes, 0, &error), STRATA_OK);
    store_fill(&store, 0, synced);
    assert_int_equal(st_store_sync(&store, &version, &error), STRATA_OK);
    if (unsynced > 0) {
        store_fill(&store, synced, unsynced);
        sim_cut_power(machine, 2); /* the write is made, the sync is not */
        assert_int_equal(st_store_sync(&store, &version, &error), STRATA_IO);
    } else {
        sim_cut_power(machine, 1);
    }
    (void)st_store_close(&store, &error);
    sim_restart(machine, unsynced > 0 ? SIM_ALL : SIM_NONE, 0);
    /* Of the megabyte of zeros that is reserved ahead, a little is enough here. */
    unsigned last = 1;
    while (sim_exists(machine, segment_name(last + 1))) {
        last++;
    }
    uint64_t starts[FRAMES_MAX];
    const strata_slice bytes = sim_copy(machine, segment_name(last), false);
    const size_t frames = frames_of(bytes, starts, FRAMES_MAX);
    assert_true(bytes.len > starts[frames] + KEPT_ZEROS);
    sim_put(machine, segment_name(last), st_slice(bytes.data, (size_t)starts[frames] + KEPT_ZEROS));
    sim_release(bytes);
}

static void put_changed(const char *name, strata_slice bytes, size_t at, uint8_t change) {
    ((uint8_t *)bytes.data)[at] ^= change;
    sim_put(machine, name, bytes);
    ((uint8_t *)bytes.data)[at] ^= change;
}

/* Opening must say corrupt and name that file and an offset up to `most`, and change nothing. */
static void expect_corrupt(const char *name, uint64_t most) {
    st_store store;
    strata_error error;
    const uint64_t changes = sim_calls(machine, SIM_CHANGING);
    const strata_status status =
        store_open(machine, &store, STRATA_STRICT, SEGMENT_BYTES, 0, &error);
    if (status != STRATA_CORRUPT) {
        fail_msg("%s changed at %u: opening gave %s", name, (unsigned)most,
                 strata_status_name(status));
    }
    if (strcmp(error_text(&error, "file"), name + strlen("db/")) != 0) {
        fail_msg("%s changed at %u: %s", name, (unsigned)most, error.message);
    }
    assert_true(error_number(&error, "offset") <= most);
    assert_int_equal(sim_calls(machine, SIM_CHANGING), changes);
}

/* strata_verify must find a problem, or none. */
static void expect_verify(bool valid) {
    strata_options options = db_options(machine, STRATA_STRICT);
    strata_buffer report = {NULL, 0, 0, NULL};
    strata_buffer json = {NULL, 0, 0, NULL};
    const uint64_t changes = sim_calls(machine, SIM_CHANGING);
    assert_int_equal(strata_verify("db", &options, &report), STRATA_OK);
    assert_int_equal(strata_msgpack_to_json(st_buffer_slice(&report), false, &json, NULL),
                     STRATA_OK);
    assert_int_equal(st_buffer_append(&json, "", 1), STRATA_OK);
    if (json_has((const char *)json.data, "\"valid\":true") != valid) {
        fail_msg("verify says %s", (const char *)json.data);
    }
    assert_int_equal(sim_calls(machine, SIM_CHANGING), changes);
    strata_buffer_free(&report);
    strata_buffer_free(&json);
}

/* Opens, expects the first `records` of store_fill and no more, and so many bytes cut. */
static void expect_records(size_t records, uint64_t cut) {
    st_store store;
    strata_error error;
    machine->warnings = 0;
    if (store_open(machine, &store, STRATA_STRICT, SEGMENT_BYTES, 0, &error) != STRATA_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(store.wal.version, records);
    assert_int_equal(store.torn_bytes, cut);
    assert_int_equal(machine->warnings, cut > 0 ? 1 : 0);
    for (size_t i = 0; i < records + 2; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "k%zu", i);
        assert_int_equal(store_get(&store, 1 + i % 3, key) != NULL, i < records);
    }
    assert_int_equal(st_store_close(&store, &error), STRATA_OK);
}

/* ---- A log that was closed ------------------------------------------------------------------- */

static void every_byte_of_a_closed_log(void **state) {
    (void)state;
    enum { COMMITS = 30 };
    const unsigned segments = make_closed(STRATA_BUFFERED, COMMITS);
    assert_in_range(segments, 3, 9);
    expect_verify(true);
    expect_records(COMMITS, 0);
    uint64_t chance = 11;
    for (unsigned segment = 1; segment <= segments; segment++) {
        const char *name = segment_name(segment);
        const strata_slice bytes = sim_copy(machine, name, false);
        for (size_t at = 0; at < bytes.len; at++) {
            const uint8_t changes[] = {0xff, (uint8_t)(1u << test_random_below(&chance, 8)),
                                       (uint8_t)(1 + test_random_below(&chance, 255))};
            for (size_t i = 0; i < sizeof changes; i++) {
                put_changed(name, bytes, at, changes[i]);
                expect_corrupt(name, at);
            }
            expect_verify(false);
        }
        sim_put(machine, name, bytes);
        sim_release(bytes);
    }
    expect_records(COMMITS, 0);
}

static void closed_log_cut_short(void **state) {
    (void)state;
    uint64_t starts[FRAMES_MAX];
    const unsigned segments = make_closed(STRATA_STRICT, 30);
    for (unsigned segment = 1; segment <= segments; segment++) {
        const char *name = segment_name(segment);
        const strata_slice bytes = sim_copy(machine, name, false);
        const size_t frames = frames_of(bytes, starts, FRAMES_MAX);
        for (size_t len = 0; len < bytes.len; len++) {
            size_t frame = 0;
            while (frame < frames && starts[frame] != len) {
                frame++;
            }
            /* Cut between two records, a segment looks whole; the next one knows better. */
            const bool next_knows = frame < frames && segment < segments;
            sim_put(machine, name, st_slice(bytes.data, len));
            expect_corrupt(next_knows ? segment_name(segment + 1) : name, next_knows ? 16 : len);
            expect_verify(false);
        }
        sim_put(machine, name, bytes);
        sim_release(bytes);
    }
}

static void segments_missing_swapped_and_foreign(void **state) {
    (void)state;
    enum { COMMITS = 40 };
    const unsigned segments = make_closed(STRATA_STRICT, COMMITS);
    strata_slice all[16] = {{NULL, 0}};
    assert_in_range(segments, 3, 15);
    for (unsigned segment = 1; segment <= segments; segment++) {
        all[segment] = sim_copy(machine, segment_name(segment), false);
    }
    for (unsigned segment = 1; segment <= segments; segment++) {
        sim_drop(machine, segment_name(segment));
        expect_corrupt(segment_name(segment), 0);
        expect_verify(false);
        sim_put(machine, segment_name(segment), all[segment]);
    }
    for (unsigned segment = 1; segment < segments; segment++) {
        sim_put(machine, segment_name(segment), all[segment + 1]);
        sim_put(machine, segment_name(segment + 1), all[segment]);
        expect_corrupt(segment_name(segment), 0);
        sim_put(machine, segment_name(segment), all[segment]);
        sim_put(machine, segment_name(segment + 1), all[segment + 1]);
    }
    /* The same history in another database: only the uuid differs. */
    sim *other = sim_new(8);
    sim *mine = machine;
    machine = other;
    assert_int_equal(make_closed(STRATA_STRICT, COMMITS), segments);
    const strata_slice foreign = sim_copy(machine, segment_name(2), false);
    machine = mine;
    assert_int_equal(foreign.len, all[2].len);
    sim_put(machine, segment_name(2), foreign);
    expect_corrupt(segment_name(2), 0);
    sim_release(foreign);
    sim_free(other);
    for (unsigned segment = 1; segment <= segments; segment++) {
        sim_put(machine, segment_name(segment), all[segment]);
        sim_release(all[segment]);
    }
    /* Names that only look like segments are no segments. */
    sim_put(machine, "db/WAL/wal-.seg", st_slice("x", 1));
    sim_put(machine, "db/WAL/wal-7.seg.bak", st_slice("x", 1));
    sim_put(machine, "db/WAL/wal-99999999999999999999.seg", st_slice("x", 1));
    sim_put(machine, "db/WAL/other", st_slice("x", 1));
    expect_records(COMMITS, 0);
    sim_put(machine, "db/WAL/wal-4000000000.seg", st_slice("x", 1));
    expect_corrupt(segment_name(segments + 1), 0); /* those in between are missing */
}

/* ---- A log that a crash left ----------------------------------------------------------------- */

/* Bytes from `from` to the last one below `to` that is not zero. */
static uint64_t garbage(strata_slice bytes, uint64_t from, uint64_t to) {
    const uint8_t *at = bytes.data;
    while (to > from && at[to - 1] == 0) {
        to--;
    }
    return to - from;
}

static void crashed_log_at_every_length(void **state) {
    (void)state;
    enum { COMMITS = 12 };
    static const uint64_t sizes[] = {1 << 16, 400}; /* one segment, and several */
    for (size_t i = 0; i < 2; i++) {
        uint64_t starts[FRAMES_MAX];
        sim *s = sim_new(7);
        sim *before = machine;
        machine = s;
        make_crashed(STRATA_STRICT, sizes[i], COMMITS, 0);
        unsigned last = 1;
        while (sim_exists(machine, segment_name(last + 1))) {
            last++;
        }
        assert_true(i == 0 ? last == 1 : last > 2);
        const char *name = segment_name(last);
        const strata_slice bytes = sim_copy(machine, name, false);
        const strata_slice manifest = sim_copy(machine, "db/MANIFEST", false);
        const size_t frames = frames_of(bytes, starts, FRAMES_MAX);
        assert_in_range(frames, 1, COMMITS);
        /* The manifest knows that the later segments were begun. */
        const uint64_t shortest = i == 0 ? 0 : ST_WAL_HEADER_BYTES;
        for (uint64_t len = shortest; len <= starts[frames] + 40; len++) {
            size_t whole = 0;
            while (whole < frames && starts[whole + 1] <= len) {
                whole++;
            }
            const uint64_t from = len < ST_WAL_HEADER_BYTES ? 0 : starts[whole];
            sim_put(machine, name, st_slice(bytes.data, (size_t)len));
            sim_put(machine, "db/MANIFEST", manifest);
            expect_verify(true);
            expect_records(COMMITS - frames + whole, garbage(bytes, from, len));
        }
        sim_release(bytes);
        sim_release(manifest);
        sim_free(s);
        machine = before;
    }
}

/* Each byte of a crashed log changes. tail: commits that were never synced. */
static void change_every_byte(size_t synced, size_t tail) {
    uint64_t starts[FRAMES_MAX];
    make_crashed(STRATA_BUFFERED, 1 << 16, synced, tail);
    const char *name = segment_name(1);
    const strata_slice bytes = sim_copy(machine, name, false);
    const strata_slice manifest = sim_copy(machine, "db/MANIFEST", false);
    const size_t frames = frames_of(bytes, starts, FRAMES_MAX);
    assert_int_equal(frames, synced + tail);
    uint64_t chance = 5;
    for (size_t at = 0; at < starts[frames]; at++) {
        size_t frame = 0;
        while (starts[frame + 1] <= at) {
            frame++;
        }
        put_changed(name, bytes, at, (uint8_t)(1 + test_random_below(&chance, 255)));
        sim_put(machine, "db/MANIFEST", manifest);
        /* Any later record proves what was synced before it; a change of the first unsynced
         * record of the tail cannot be told from a torn one. */
        const bool proved = tail > 0 ? frame < synced : frame + 1 < frames;
        if (proved) {
            expect_corrupt(name, at);
            expect_verify(false);
            continue;
        }
        expect_verify(true);
        const uint8_t was = ((const uint8_t *)bytes.data)[at];
        const strata_slice changed = sim_copy(machine, name, false);
        expect_records(frame, garbage(changed, starts[frame], changed.len));
        assert_int_equal(((const uint8_t *)bytes.data)[at], was);
        sim_release(changed);
    }
    sim_release(bytes);
    sim_release(manifest);
}

static void synced_and_followed_by_a_tail(void **state) {
    (void)state;
    change_every_byte(6, 5);
}

static void synced_and_nothing_follows(void **state) {
    (void)state;
    /* One sync for all of them: the records themselves say nothing of each other. */
    uint64_t starts[FRAMES_MAX];
    make_crashed(STRATA_BUFFERED, 1 << 16, 5, 0);
    const strata_slice bytes = sim_copy(machine, segment_name(1), false);
    const size_t frames = frames_of(bytes, starts, FRAMES_MAX);
    put_changed(segment_name(1), bytes, starts[frames - 1] + 20, 1);
    expect_records(frames - 1, garbage(bytes, starts[frames - 1], bytes.len));
    sim_release(bytes);
}

static void strict_records_prove_each_other(void **state) {
    (void)state;
    uint64_t starts[FRAMES_MAX];
    make_crashed(STRATA_STRICT, 1 << 16, 8, 0);
    const char *name = segment_name(1);
    const strata_slice bytes = sim_copy(machine, name, false);
    const size_t frames = frames_of(bytes, starts, FRAMES_MAX);
    assert_int_equal(frames, 8);
    for (size_t at = 0; at < starts[frames - 1]; at++) {
        put_changed(name, bytes, at, 0x10);
        expect_corrupt(name, at);
    }
    /* Zeroed sectors count as changed bytes. */
    uint8_t *mine = (uint8_t *)bytes.data;
    memset(mine + starts[2], 0, (size_t)(starts[4] - starts[2]));
    sim_put(machine, name, bytes);
    expect_corrupt(name, starts[2]);
    sim_release(bytes);
}

/* A good record of a version that does not come next was not written by us in this place. */
static void version_out_of_order(void **state) {
    (void)state;
    uint64_t starts[FRAMES_MAX];
    make_crashed(STRATA_STRICT, 1 << 16, 6, 0);
    const char *name = segment_name(1);
    const strata_slice bytes = sim_copy(machine, name, false);
    (void)frames_of(bytes, starts, FRAMES_MAX);
    uint8_t *frame = (uint8_t *)bytes.data + starts[5];
    st_wal_frame fields = st_wal_frame_read(frame);
    for (uint32_t version = 0; version < 20; version++) {
        fields.version_low = version;
        st_wal_frame_seal(frame, &fields);
        sim_put(machine, name, bytes);
        if (version != 6) {
            expect_corrupt(name, starts[5]);
        }
    }
    sim_release(bytes);
}

/* ---- Hostile bytes --------------------------------------------------------------------------- */

/* Megabytes that look like the heads of long records at every fourth byte. */
static void records_everywhere(void **state) {
    (void)state;
    enum { BYTES = 3 << 20 };
    make_crashed(STRATA_STRICT, 1 << 16, 3, 0);
    const char *name = segment_name(1);
    const strata_slice bytes = sim_copy(machine, name, false);
    uint64_t starts[FRAMES_MAX];
    const size_t frames = frames_of(bytes, starts, FRAMES_MAX);
    uint8_t *hostile = calloc(1, BYTES);
    assert_non_null(hostile);
    memcpy(hostile, bytes.data, (size_t)starts[frames]);
    for (size_t at = (size_t)starts[frames]; at + 4 <= BYTES; at += 4) {
        store32_le(hostile + at, 60000); /* length, version and distance alike */
    }
    sim_put(machine, name, st_slice(hostile, BYTES));
    const uint64_t reads = sim_calls(machine, SIM_READ);
    expect_corrupt(name, starts[frames]);
    /* 64 MB of checksums at most, and each megabyte is read once or twice. */
    assert_in_range(sim_calls(machine, SIM_READ) - reads, 1, 200);
    free(hostile);
    sim_release(bytes);
}

/* ---- A reader beside a writer ---------------------------------------------------------------- */

static struct {
    uint64_t reads_left;
    st_store *writer;   /* closed in the middle, or */
    strata_slice later; /* what the file holds from then on */
} beside;

static void act_in_between(void *arg, uint32_t kind, const char *name) {
    (void)arg;
    if (kind != SIM_READ || strstr(name, "wal-") == NULL || beside.reads_left == 0 ||
        --beside.reads_left > 0) {
        return;
    }
    if (beside.writer != NULL) {
        strata_error error;
        assert_int_equal(st_store_close(beside.writer, &error), STRATA_OK);
    } else {
        sim_put(machine, name, beside.later);
    }
}

static void read_beside(uint64_t records) {
    st_store reader;
    strata_error error;
    machine->hook = act_in_between;
    const strata_status status =
        store_open(machine, &reader, STRATA_BUFFERED, SEGMENT_BYTES, STRATA_OPEN_READ_ONLY, &error);
    machine->hook = NULL;
    if (status != STRATA_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(reader.wal.version, records);
    assert_int_equal(st_store_close(&reader, &error), STRATA_OK);
}

/* The writer closes, and gives reserved space back, before the reader's n-th read. */
static void writer_closes_meanwhile(void **state) {
    (void)state;
    enum { COMMITS = 9 };
    for (uint64_t nth = 1; nth <= 4; nth++) {
        st_store writer;
        strata_error error;
        sim *before = machine;
        machine = sim_new(7);
        assert_int_equal(store_open(machine, &writer, STRATA_STRICT, 1 << 16, 0, &error),
                         STRATA_OK);
        store_fill(&writer, 0, COMMITS);
        beside.reads_left = nth;
        beside.writer = &writer;
        read_beside(COMMITS);
        if (beside.reads_left > 0) { /* the reader needed fewer */
            assert_int_equal(st_store_close(&writer, &error), STRATA_OK);
        }
        sim_free(machine);
        machine = before;
    }
}

/* The reader sees half a record, and behind it, read a little later, the next ones, which say that
 * it was synced: it was, meanwhile. */
static void half_a_record_then_whole(void **state) {
    (void)state;
    uint64_t starts[FRAMES_MAX];
    make_crashed(STRATA_STRICT, 1 << 16, 8, 0);
    const char *name = segment_name(1);
    const strata_slice bytes = sim_copy(machine, name, false);
    const size_t frames = frames_of(bytes, starts, FRAMES_MAX);
    strata_slice half = sim_copy(machine, name, false);
    memset((uint8_t *)half.data + starts[4] + 10, 0, 20);
    sim_put(machine, name, half);
    beside.reads_left = 2;
    beside.writer = NULL;
    beside.later = bytes;
    read_beside(frames);
    sim_put(machine, name, half); /* and when it stays so, it is damage */
    expect_corrupt(name, starts[4]);
    sim_release(half);
    sim_release(bytes);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(every_byte_of_a_closed_log),
        case_of(closed_log_cut_short),
        case_of(segments_missing_swapped_and_foreign),
        case_of(crashed_log_at_every_length),
        case_of(synced_and_followed_by_a_tail),
        case_of(synced_and_nothing_follows),
        case_of(strict_records_prove_each_other),
        case_of(version_out_of_order),
        case_of(records_everywhere),
        case_of(writer_closes_meanwhile),
        case_of(half_a_record_then_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
