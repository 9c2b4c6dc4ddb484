/* test_hostile_bounds.c - what bytes can make us spend: memory and reads, counted at the host.
 *
 * A dozen bytes can claim anything. Each case is a log, a request or a JSON text that claims much,
 * or is much; the bound is a multiple of its own length. Fuzzers hold the same for small inputs;
 * these are the large ones, and the claims one would have to guess. Time is not asserted: a loop
 * that a claim drives runs into the time limit of the suite.
 */
#include "store_log.h"

#include "format/key.h"
#include "format/msgpack.h"
#include "store/copies/verify.h"
#include "store/log/wal_replay.h"

enum { MARGIN_BYTES = 64 << 10, LARGE = 1 << 20 };

static sim *machine;
static strata_host host; /* the machine's, counted */
static struct {
    size_t now;
    size_t peak;
    uint64_t read;
} spent;

static void *counted_resize(void *ctx, void *old, size_t old_size, size_t new_size) {
    void *made = machine->host.memory.resize(ctx, old, old_size, new_size);
    if (made != NULL || new_size == 0) {
        spent.now += new_size - old_size;
        /* Growing holds both blocks for a moment. */
        spent.peak = st_max(spent.peak, spent.now + (new_size > 0 ? old_size : 0));
    }
    return made;
}

static strata_status counted_read(void *ctx, strata_file *file, uint64_t offset, void *data,
                                  size_t len, size_t *got) {
    spent.read += len;
    return machine->host.storage.read_at(ctx, file, offset, data, len, got);
}

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    host = machine->host;
    host.memory.resize = counted_resize;
    host.storage.read_at = counted_read;
    memset(&spent, 0, sizeof spent);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    assert_int_equal(spent.now, 0);
    sim_free(machine);
    return 0;
}

static void begin_counting(void) {
    spent.peak = spent.now;
    spent.read = 0;
}

static void check_spent(const char *what, size_t before, size_t most) {
    if (spent.peak - before > most) {
        fail_msg("%s: %zu bytes of memory; the bound is %zu", what, spent.peak - before, most);
    }
}

/* ---- Logs ------------------------------------------------------------------------------------ */

static strata_status take_record(void *ctx, uint64_t version, int64_t timestamp_us,
                                 st_wal_record *record) {
    (void)version;
    (void)timestamp_us;
    while (record->writes_left > 0) {
        st_write write;
        if (!st_wal_record_next(record, &write)) {
            return STRATA_CORRUPT;
        }
        ++*(uint64_t *)ctx;
    }
    return st_wal_record_close(record) ? STRATA_OK : STRATA_CORRUPT;
}

/* A segment with one frame, and the walk over it. payload_len: what the frame claims. */
static strata_status walk_one(strata_slice payload, uint32_t payload_len, bool encoded,
                              strata_codec codec, uint64_t *writes) {
    const size_t len = ST_WAL_HEADER_BYTES + ST_WAL_FRAME_BYTES + payload.len;
    uint8_t *bytes = calloc(1, len);
    assert_non_null(bytes);
    const st_wal_header header = {.segment = 1, .uuid = "0123456789abcde"};
    const st_manifest manifest = {
        .generation = 1, .uuid = "0123456789abcde", .codec = codec, .wal_first = 1};
    const st_wal_frame frame = {0, (uint32_t)payload.len, encoded, 1, 0};
    uint8_t *at = bytes + ST_WAL_HEADER_BYTES;
    st_wal_header_encode(&header, bytes);
    memcpy(at + ST_WAL_FRAME_BYTES, payload.data, payload.len);
    st_wal_frame_seal(at, &frame);
    store32_le(at + 4, payload_len | (load32_le(at + 4) & ~(uint32_t)ST_WAL_PAYLOAD_MAX));
    sim_put(machine, "db/WAL/wal-1.seg", st_slice(bytes, len));
    free(bytes);
    *writes = 0;
    const st_replay_sink sink = {.ctx = writes, .commit = take_record};
    st_replay replay;
    begin_counting();
    return st_wal_replay(&host, "db", &manifest, &sink, &replay, NULL);
}

static void claims_of_a_log(void **state) {
    (void)state;
    static const struct {
        const char *what;
        const char *payload;
        uint32_t payload_len; /* 0: the true one */
        bool encoded;
        strata_status status;
    } cases[] = {
        {"a frame of 256 MB", "00", ST_WAL_PAYLOAD_MAX, false, STRATA_OK}, /* a torn tail */
        {"2^64 - 1 writes", "01 00 ffffffffffffffffff01", 0, false, STRATA_CORRUPT},
        {"2^64 - 1 writes, and one", "01 00 ffffffffffffffffff01 00 03 106100 01 c0", 0, false,
         STRATA_CORRUPT},
        {"a key of 2^63 bytes", "01 00 01 00 ffffffffffffffff7f 10", 0, false, STRATA_CORRUPT},
        {"a value of 2^32 bytes", "01 00 01 00 03 106100 8080808010 c0", 0, false, STRATA_CORRUPT},
        {"a block of 2^31 bytes", "01 00 00 07 8080808008 00", 0, false, STRATA_CORRUPT},
        {"unpacked, 256 MB", "28b52ffd a0 ffffff0f 010000", 0, true, STRATA_CORRUPT},
        {"unpacked, 2^63 bytes", "28b52ffd e0 0000000000000080 010000", 0, true, STRATA_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const strata_slice payload = test_hex(cases[i].payload);
        const uint32_t len =
            cases[i].payload_len > 0 ? cases[i].payload_len : (uint32_t)payload.len;
        uint64_t writes;
        const strata_status status =
            walk_one(payload, len, cases[i].encoded, STRATA_CODEC_ZSTD, &writes);
        if (status != cases[i].status || writes > 1) {
            fail_msg("%s: %s, %u writes", cases[i].what, strata_status_name(status),
                     (unsigned)writes);
        }
        check_spent(cases[i].what, 0, MARGIN_BYTES);
        assert_in_range(spent.read, 0, 1024);
    }
}

/* A small record that truly unpacks to much is unpacked once. */
static void much_in_little(void **state) {
    (void)state;
    enum { PLAIN = 8 * LARGE, WORKSPACE = 512 << 10 };
    strata_buffer plain = test_buffer();
    strata_buffer packed = test_buffer();
    st_codec *codec;
    st_key key;
    bool encoded;
    uint8_t *zeros = calloc(1, PLAIN);
    assert_non_null(zeros);
    st_key_text(&key, ST_TAG_KV, strata_text("a"));
    const st_write write = {.key = st_key_slice(&key), .value = st_slice(zeros, PLAIN)};
    assert_int_equal(st_wal_payload_encode(1, 0, &write, 1, &plain), STRATA_OK);
    assert_int_equal(st_codec_create(STRATA_CODEC_ZSTD, test_host(), &codec), STRATA_OK);
    assert_int_equal(st_codec_encode(codec, st_buffer_slice(&plain), &packed, &encoded), STRATA_OK);
    assert_true(encoded);
    assert_in_range(packed.len, 1, 4096);
    uint64_t writes;
    assert_int_equal(
        walk_one(st_buffer_slice(&packed), (uint32_t)packed.len, true, STRATA_CODEC_ZSTD, &writes),
        STRATA_OK);
    assert_int_equal(writes, 1);
    check_spent("8 MB of zeros", 0, plain.len + WORKSPACE);
    st_codec_destroy(codec);
    strata_buffer_free(&plain);
    strata_buffer_free(&packed);
    free(zeros);
}

/* What it takes to open and to verify a database whose only commit is to that run. */
static void spend_on_run(const char *path, uint64_t run, size_t *opened, size_t *verified) {
    st_report *report = calloc(1, sizeof *report);
    strata_options options = db_options(machine, STRATA_STRICT);
    strata_error error;
    st_store store;
    assert_non_null(report);
    assert_int_equal(st_store_open(&store, path, &options, &error), STRATA_OK);
    store_put(&store, run, "a", "b");
    assert_int_equal(st_store_close(&store, &error), STRATA_OK);
    options.host = &host;
    begin_counting();
    assert_int_equal(st_store_open(&store, path, &options, &error), STRATA_OK);
    *opened = spent.peak;
    assert_string_equal(store_get(&store, run, "a"), "b");
    assert_int_equal(st_store_close(&store, &error), STRATA_OK);
    begin_counting();
    assert_int_equal(st_verify_files(&host, path, report, &error), STRATA_OK);
    *verified = spent.peak;
    assert_int_equal(report->problem_count, 0);
    assert_int_equal(report->commits, 1);
    free(report);
}

/* A number costs no memory in proportion to it. */
static void highest_run(void **state) {
    (void)state;
    size_t opened[2];
    size_t verified[2];
    spend_on_run("low", 1, &opened[0], &verified[0]);
    spend_on_run("high", ST_RUNS_MAX - 1, &opened[1], &verified[1]);
    if (opened[1] > opened[0] + MARGIN_BYTES || verified[1] > verified[0] + 8 * MARGIN_BYTES) {
        fail_msg("opening takes %zu bytes, not %zu; verifying %zu, not %zu", opened[1], opened[0],
                 verified[1], verified[0]);
    }
}

/* ---- Requests -------------------------------------------------------------------------------- */

static strata_db *open_counted(void) {
    strata_options options = STRATA_OPTIONS_INIT;
    strata_db *db = NULL;
    options.host = &host;
    options.durability = STRATA_MEMORY;
    assert_int_equal(strata_open(":memory:", &options, &db), STRATA_OK);
    return db;
}

static void check_request(strata_db *db, const char *what, strata_slice request) {
    strata_buffer response = {NULL, 0, 0, &host};
    begin_counting();
    const size_t before = spent.now;
    const strata_status status = strata_exec(db, request, &response);
    if (status != STRATA_INVALID_ARGUMENT && status != STRATA_CONSTRAINT) {
        fail_msg("%s: %s", what, strata_status_name(status));
    }
    check_spent(what, before, MARGIN_BYTES + 2 * request.len);
    strata_buffer_free(&response);
}

static void claims_of_a_request(void **state) {
    (void)state;
    /* ["kv.put", {"key": "a", "value": ...}], and what is less than that. */
    static const char put[] = "92 a6 6b762e707574 82 a3 6b6579 a1 61 a5 76616c7565 ";
    static const char *const values[] = {
        "dd ffffffff",    "df ffffffff",    "c6 ffffffff",    "db ffffffff",
        "dd ffffffff c0", "df 7fffffff a0", "dc ffff 90 90",  "9f df ffffffff a0 c0",
        "c9 ffffffff 01", "de ffff",        "dd 000f4241 c0", "91 91 91 dd ffffffff",
    };
    static const char *const requests[] = {"dd ffffffff", "dd 00000002 db ffffffff",
                                           "92 a6 6b762e707574 df ffffffff",
                                           "92 a6 6b762e707574 df 00ffffff a0"};
    char text[256];
    strata_db *db = open_counted();
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        (void)snprintf(text, sizeof text, "%s%s", put, values[i]);
        check_request(db, values[i], test_hex(text));
    }
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        check_request(db, requests[i], test_hex(requests[i]));
    }
    /* A million levels. */
    strata_buffer deep = test_buffer();
    const strata_slice head = test_hex(put);
    assert_int_equal(st_buffer_reserve(&deep, head.len + LARGE), STRATA_OK);
    memcpy(deep.data, head.data, head.len);
    memset(deep.data + head.len, 0x91, LARGE);
    deep.data[head.len + LARGE - 1] = 0xc0;
    deep.len = head.len + LARGE;
    check_request(db, "a million levels", st_buffer_slice(&deep));
    strata_buffer_free(&deep);
    assert_int_equal(strata_close(db), STRATA_OK);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* `head`, then `part` as often as fits, then `tail`. Caller frees. */
static strata_buffer repeat(const char *head, const char *part, const char *tail) {
    strata_buffer text = test_buffer();
    assert_int_equal(st_buffer_append(&text, head, strlen(head)), STRATA_OK);
    while (text.len + strlen(part) + strlen(tail) < LARGE) {
        assert_int_equal(st_buffer_append(&text, part, strlen(part)), STRATA_OK);
    }
    assert_int_equal(st_buffer_append(&text, tail, strlen(tail)), STRATA_OK);
    return text;
}

static void much_json(void **state) {
    (void)state;
    static const struct {
        const char *head;
        const char *part;
        const char *tail;
        strata_status status;
    } cases[] = {
        {"", "[", "", STRATA_CONSTRAINT},
        {"", "{\"a\":", "", STRATA_CONSTRAINT},
        {"", "[[],", "", STRATA_CONSTRAINT},
        {"[", "[],", "0]", STRATA_OK},
        {"[", "{},", "0]", STRATA_OK},
        {"[", "{\"a\":{}},", "0]", STRATA_OK},
        {"[", "0,", "0]", STRATA_OK},
        {"[", "1e1,", "0]", STRATA_OK},
        {"", "1", "", STRATA_INVALID_ARGUMENT},
        {"0.", "3", "", STRATA_OK},
        {"1e", "0", "1", STRATA_OK},
        {"1e", "9", "", STRATA_INVALID_ARGUMENT},
        {"1e-", "9", "", STRATA_OK},
        {"\"", "a", "\"", STRATA_OK},
        {"\"", "\\u0041", "\"", STRATA_OK},
        {"\"", "\\ud83d\\ude00", "\"", STRATA_OK},
        {"\"", "\\", "", STRATA_INVALID_ARGUMENT},
        {"{\"$bytes\":\"", "AAAA", "\"}", STRATA_OK},
        {"[", "{\"$bytes\":\"\"},", "0]", STRATA_OK},
        {"[", "{\"$float\":\"inf\"},", "0]", STRATA_OK},
        {"{", "\"a\":0,", "\"a\":0}", STRATA_INVALID_ARGUMENT},
        {"", " ", "0", STRATA_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strata_buffer text = repeat(cases[i].head, cases[i].part, cases[i].tail);
        strata_buffer out = {NULL, 0, 0, &host};
        begin_counting();
        const strata_status status = strata_json_to_msgpack(st_buffer_slice(&text), &out, NULL);
        if (status != cases[i].status) {
            fail_msg("%s %s...: %s", cases[i].head, cases[i].part, strata_status_name(status));
        }
        check_spent(cases[i].part, 0, MARGIN_BYTES + 16 * text.len);
        strata_buffer_free(&out);
        strata_buffer_free(&text);
    }
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(claims_of_a_log),     case_of(much_in_little), case_of(highest_run),
        case_of(claims_of_a_request), case_of(much_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
