/* test_event.c - the event log: sequences, pages, and a hash chain that this file computes anew
 * from what docs/FORMAT.md says; a changed event is found wherever it is.
 */
#include <sodium.h>

#include "store_log.h"

#include "base/crc32c.h"
#include "format/msgpack.h"

enum { EVENTS = 60 };

static sim *machine;
static strata_db *db;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    db = db_open(machine, STRATA_BUFFERED);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    db_close(db);
    sim_free(machine);
    return 0;
}

static void append_some(const char *run, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        machine->wall_us += i % 5 == 4 ? -3000 : 1000; /* the clock goes back now and then */
        const int64_t sequence =
            json_int(ask(db, STRATA_OK, "event.append",
                         "{\"run\":\"%s\",\"type\":\"t%u\",\"payload\":{\"i\":%u,\"s\":\"%0*d\"}}",
                         run, i % 4, i, (int)i + 1, 0),
                     "sequence");
        assert_int_equal(sequence, i + 1);
    }
}

/* ---- The chain ------------------------------------------------------------------------------- */

static void put64(crypto_hash_sha256_state *hash, uint64_t number, size_t len) {
    uint8_t bytes[8];
    store64_le(bytes, number);
    assert_int_equal(crypto_hash_sha256_update(hash, bytes, len), 0);
}

/* Reads the events of a run through strata_exec and computes their hashes. */
static void check_chain(const char *run, unsigned count) {
    uint8_t previous[32] = {0};
    for (unsigned sequence = 1; sequence <= count; sequence++) {
        const char *json =
            ask(db, STRATA_OK, "event.read", "{\"run\":\"%s\",\"sequence\":%u}", run, sequence);
        strata_buffer payload = test_buffer();
        const char *from = strstr(json, "\"payload\":") + strlen("\"payload\":");
        const char *to = strstr(json, ",\"version\"");
        assert_int_equal(
            strata_json_to_msgpack(st_slice(from, (size_t)(to - from)), &payload, NULL), STRATA_OK);
        char type[8];
        (void)snprintf(type, sizeof type, "t%u", (sequence - 1) % 4);
        crypto_hash_sha256_state hash;
        assert_int_equal(crypto_hash_sha256_init(&hash), 0);
        put64(&hash, sequence, 8);
        put64(&hash, (uint64_t)json_int(json, "timestamp"), 8);
        put64(&hash, strlen(type), 4);
        assert_int_equal(crypto_hash_sha256_update(&hash, (const uint8_t *)type, strlen(type)), 0);
        put64(&hash, payload.len, 4);
        assert_int_equal(crypto_hash_sha256_update(&hash, payload.data, payload.len), 0);
        assert_int_equal(crypto_hash_sha256_update(&hash, previous, sizeof previous), 0);
        assert_int_equal(crypto_hash_sha256_final(&hash, previous), 0);
        char base64[64];
        assert_non_null(sodium_bin2base64(base64, sizeof base64, previous, sizeof previous,
                                          sodium_base64_VARIANT_ORIGINAL));
        if (!json_has(json, base64)) {
            fail_msg("event %u: %s, not the hash %s", sequence, json, base64);
        }
        strata_buffer_free(&payload);
    }
}

static void chain(void **state) {
    (void)state;
    assert_json(ask(db, STRATA_OK, "event.head", "{}"),
                "{\"sequence\":0,\"hash\":{\"$bytes\":"
                "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}}");
    assert_json(ask(db, STRATA_OK, "event.verify", "{}"), "{\"valid\":true,\"length\":0}");
    (void)ask(db, STRATA_NOT_FOUND, "event.read", "{\"sequence\":1}");
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"side\"}");
    append_some("default", EVENTS);
    append_some("side", 5);
    for (int again = 0; again < 2; again++) {
        check_chain("default", EVENTS);
        check_chain("side", 5);
        assert_json(ask(db, STRATA_OK, "event.verify", "{}"), "{\"valid\":true,\"length\":60}");
        (void)ask(db, STRATA_NOT_FOUND, "event.read", "{\"sequence\":0}");
        (void)ask(db, STRATA_NOT_FOUND, "event.read", "{\"sequence\":%d}", EVENTS + 1);
        db_close(db);
        db = db_open(machine, STRATA_STRICT);
    }
    /* It goes on where it was, also without having been read before. */
    assert_int_equal(
        json_int(ask(db, STRATA_OK, "event.append", "{\"type\":\"t0\",\"payload\":{}}"),
                 "sequence"),
        EVENTS + 1);
    assert_json(ask(db, STRATA_OK, "event.verify", "{}"), "{\"valid\":true,\"length\":61}");
}

static void times_never_go_back(void **state) {
    (void)state;
    int64_t last = 0;
    append_some("default", EVENTS);
    for (unsigned sequence = 1; sequence <= EVENTS; sequence++) {
        const int64_t time =
            json_int(ask(db, STRATA_OK, "event.read", "{\"sequence\":%u}", sequence), "timestamp");
        assert_true(time >= last);
        last = time;
    }
}

/* ---- Pages ----------------------------------------------------------------------------------- */

static void check_range(const char *bounds, unsigned low, unsigned high, unsigned type,
                        unsigned limit) {
    unsigned expected = low;
    char start[32] = "";
    for (bool more = true; more;) {
        const char *page =
            ask(db, STRATA_OK, "event.range", "{\"limit\":%u%s%s}", limit, start, bounds);
        unsigned count = 0;
        for (const char *at = page; (at = strstr(at, "{\"sequence\":")) != NULL; at++) {
            while (type < 4 && (expected - 1) % 4 != type) {
                expected++;
            }
            assert_int_equal(strtoul(at + 12, NULL, 10), expected);
            expected++;
            count++;
        }
        assert_true(count <= limit);
        const char *next = strstr(page, "\"next\":");
        more = next != NULL;
        if (more) {
            (void)snprintf(start, sizeof start, ",\"start\":%lu", strtoul(next + 7, NULL, 10));
        }
    }
    while (type < 4 && expected < high && (expected - 1) % 4 != type) {
        expected++;
    }
    assert_true(expected >= high);
}

static void ranges(void **state) {
    (void)state;
    append_some("default", EVENTS);
    for (unsigned limit = 1; limit < EVENTS + 3; limit += limit < 8 ? 1 : 11) {
        check_range("", 1, EVENTS + 1, 9, limit);
        check_range(",\"end\":31", 1, 31, 9, limit);
        check_range(",\"type\":\"t2\"", 1, EVENTS + 1, 2, limit);
        check_range(",\"type\":\"t1\",\"end\":22", 1, 22, 1, limit);
    }
    assert_json(ask(db, STRATA_OK, "event.range", "{\"start\":61}"), "{\"events\":[]}");
    assert_json(ask(db, STRATA_OK, "event.range", "{\"type\":\"none\"}"), "{\"events\":[]}");
    (void)ask(db, STRATA_INVALID_ARGUMENT, "event.range", "{\"start\":-1}");
}

static void refused(void **state) {
    (void)state;
    char type[257];
    memset(type, 't', sizeof type);
    const strata_value object = strata_object(test_hex("80"));
    uint64_t sequence = 0;
    assert_int_equal(strata_event_append(db, 1, st_slice(type, 255), object, &sequence), STRATA_OK);
    assert_int_equal(sequence, 1);
    assert_int_equal(strata_event_append(db, 1, st_slice(type, 256), object, NULL),
                     STRATA_INVALID_ARGUMENT);
    assert_int_equal(strata_event_append(db, 1, st_slice("", 0), object, NULL),
                     STRATA_INVALID_ARGUMENT);
    assert_int_equal(strata_event_append(db, 1, st_slice("\xff", 1), object, NULL),
                     STRATA_INVALID_ARGUMENT);
    assert_int_equal(strata_event_append(db, 1, strata_text("t"), strata_int(1), NULL),
                     STRATA_WRONG_TYPE);
    assert_int_equal(
        strata_event_append(db, 1, strata_text("t"), strata_object(test_hex("90")), NULL),
        STRATA_WRONG_TYPE);
    assert_int_equal(
        strata_event_append(db, 1, strata_text("t"), strata_object(test_hex("81 01 01")), NULL),
        STRATA_INVALID_ARGUMENT);
    (void)ask(db, STRATA_INVALID_ARGUMENT, "event.append", "{\"type\":\"t\",\"payload\":[1]}");
    assert_json(ask(db, STRATA_OK, "event.verify", "{}"), "{\"valid\":true,\"length\":1}");
}

/* ---- Tampering ------------------------------------------------------------------------------- */

/* Changes one byte of each record in the file and seals it again, so that only the chain can tell.
 */
static void tampering_is_found(void **state) {
    (void)state;
    enum { COUNT = 12 };
    append_some("default", COUNT);
    db_close(db);
    uint64_t starts[COUNT + 8];
    const strata_slice bytes = sim_copy(machine, "db/WAL/wal-1.seg", false);
    const size_t frames = frames_of(bytes, starts, COUNT + 8);
    assert_int_equal(frames, COUNT + 1); /* the first is the run's own record */
    for (size_t i = 1; i < frames; i++) {
        uint8_t *frame = (uint8_t *)bytes.data + starts[i];
        const st_wal_frame fields = st_wal_frame_read(frame);
        uint8_t *byte = memmem(frame, fields.payload_len, "\xa1s", 2); /* the string's name */
        assert_non_null(byte);
        byte += byte[2] == 0xd9 ? 4 : 3;
        assert_int_equal(*byte, '0');
        *byte = '7';
        st_wal_frame_seal(frame, &fields);
        sim_put(machine, "db/WAL/wal-1.seg", bytes);
        *byte = '0';
        st_wal_frame_seal(frame, &fields);
        db = db_open(machine, STRATA_STRICT);
        const char *answer = ask(db, STRATA_OK, "event.verify", "{}");
        assert_true(json_has(answer, "\"valid\":false"));
        assert_int_equal(json_int(answer, "first_invalid"), i);
        assert_true(json_has(ask(db, STRATA_OK, "db.verify", "{}"), "\"file\":\"events\""));
        db_close(db);
    }
    sim_put(machine, "db/WAL/wal-1.seg", bytes);
    sim_release(bytes);
    db = db_open(machine, STRATA_STRICT);
    db_verify(db);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(chain),   case_of(times_never_go_back), case_of(ranges),
        case_of(refused), case_of(tampering_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
