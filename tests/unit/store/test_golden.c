/* test_golden.c - that the bytes on the disk do not change unnoticed.
 *
 * tests/golden/plain.hex and packed.hex are small databases, written once by the script below with a
 * fixed clock and fixed chance. They must open and answer what plain.txt says (which the independent
 * reader read_format.py, that knows docs/FORMAT.md only, must say too); and the script must write
 * plain.hex again, byte for byte. packed.hex is not compared: its bytes are zstd's affair.
 *
 * After a change of the format that is meant: GOLDEN_WRITE=1 build/tests/unit/store/test_golden, and
 * docs/FORMAT.md in the same commit.
 */
#include "store_support.h"

enum { LINE = 32, TEXT_MAX = 1 << 18, FILES_MAX = 8 };

static const char *const file_names[] = {"MANIFEST", "WAL/wal-1.seg", "WAL/wal-2.seg"};

enum { FILE_NAMES = sizeof file_names / sizeof file_names[0] };

/* ---- The script ------------------------------------------------------------------------------- */

static const struct {
    int64_t wall_us;
    const char *op;
    const char *arguments;
} script[] = {
    {1767225600000000, "kv.put", "{\"key\":\"null\",\"value\":null}"},
    {1767225600000000, "kv.put", "{\"key\":\"true\",\"value\":true}"},
    {1767225600250000, "kv.put",
     "{\"key\":\"ints\",\"value\":[0,127,128,-1,-32,-33,-129,65535,65536,"
     "-32769,4294967296,9223372036854775807,-9223372036854775808]}"},
    {1767225600500000, "kv.put",
     "{\"key\":\"floats\",\"value\":[0.5,-2.25,{\"$float\":\"nan\"},"
     "{\"$float\":\"-inf\"}]}"},
    {1767225600750000, "kv.put", "{\"key\":\"bytes\",\"value\":{\"$bytes\":\"AAECAwT/\"}}"},
    {1767225601000000, "kv.put",
     "{\"key\":\"gr\u00fc\u00dfe/\u65e5\u672c\","
     "\"value\":{\"b\":\"\u00e9\",\"a\":{},\"\":[[]]}}"},
    {1767225601250000, "kv.put", "{\"key\":\"changing\",\"value\":1}"},
    {1767225601500000, "kv.incr", "{\"key\":\"changing\",\"by\":41}"},
    {1767225601750000, "kv.delete", "{\"key\":\"changing\"}"},
    {1767225602000000, "kv.put", "{\"key\":\"gone\",\"value\":\"soon\"}"},
    {1767225602250000, "kv.delete", "{\"key\":\"gone\"}"},
    {1767225602500000, "run.create",
     "{\"name\":\"trip\",\"parent\":\"default\",\"tags\":[\"travel\","
     "\"2026\"],\"metadata\":{\"city\":\"Oslo\"}}"},
    {1767225602750000, "event.append",
     "{\"run\":\"trip\",\"type\":\"booked\",\"payload\":{\"hotel\":"
     "\"Sentrum\",\"nights\":2}}"},
    {1767225603000000, "event.append", "{\"run\":\"trip\",\"type\":\"paid\",\"payload\":{}}"},
    /* The clock goes back by an hour; times of a run do not. */
    {1767222003000000, "event.append",
     "{\"run\":\"trip\",\"type\":\"late\",\"payload\":{\"x\":1}}"},
    {1767222003000000, "kv.put", "{\"key\":\"back\",\"value\":\"in time\"}"},
    {1767225604000000, "memory.remember",
     "{\"run\":\"trip\",\"key\":\"ferry\",\"text\":\"The ferry to "
     "Nesodden leaves from Aker Brygge.\",\"metadata\":{\"n\":1},"
     "\"tags\":[\"transport\"]}"},
    {1767225604250000, "memory.remember", "{\"run\":\"trip\",\"text\":\"It is cold.\"}"},
    {1767225604250000, "memory.remember", "{\"run\":\"trip\",\"text\":\"\"}"},
    {1767225604500000, "memory.remember",
     "{\"run\":\"trip\",\"key\":\"wrong\",\"text\":\"It rains.\"}"},
    {1767225604750000, "memory.forget", "{\"run\":\"trip\",\"key\":\"wrong\"}"},
    {1767225605000000, "run.create", "{\"name\":\"draft\"}"},
    {1767225605250000, "run.fail", "{\"name\":\"draft\",\"error\":\"no rooms left\"}"},
    {1767225605500000, "run.pause", "{\"name\":\"trip\"}"},
};

enum { STEPS = sizeof script / sizeof script[0] };

static strata_db *open_at(sim *s, strata_codec codec, int64_t wall_us, uint32_t flags) {
    strata_options options = db_options(s, STRATA_STRICT);
    strata_error error;
    strata_db *db = NULL;
    options.codec = codec;
    options.flags = flags;
    options.error = &error;
    s->wall_us = wall_us;
    if (strata_open("db", &options, &db) != STRATA_OK) {
        fail_msg("%s", error.message);
    }
    return db;
}

/* Two sessions: the first ends with a value that fills the first segment of the log. */
static void play(sim *s, strata_codec codec) {
    static char long_text[66000];
    strata_db *db = open_at(s, codec, 1767225600000000, 0);
    memset(long_text, 'a', sizeof long_text);
    for (size_t i = 0; i < STEPS / 2; i++) {
        s->wall_us = script[i].wall_us;
        (void)ask(db, STRATA_OK, script[i].op, "%s", script[i].arguments);
    }
    assert_int_equal(strata_kv_put(db, STRATA_RUN_DEFAULT, strata_text("long"),
                                   strata_string(st_slice(long_text, sizeof long_text)), NULL),
                     STRATA_OK);
    db_close(db);
    db = open_at(s, codec, 1767225602600000, 0);
    for (size_t i = STEPS / 2; i < STEPS; i++) {
        s->wall_us = script[i].wall_us;
        (void)ask(db, STRATA_OK, script[i].op, "%s", script[i].arguments);
    }
    db_close(db);
}

/* ---- Files of hexadecimal ----------------------------------------------------------------------- */

/* "file NAME SIZE", then lines "OFFSET BYTES"; a line "*" repeats the one before it up to the next
 * offset or the end of the file. */
static void write_hex(sim *s, FILE *out) {
    for (size_t f = 0; f < FILE_NAMES; f++) {
        char name[64];
        (void)snprintf(name, sizeof name, "db/%s", file_names[f]);
        const strata_slice bytes = sim_copy(s, name, false);
        if (bytes.data == NULL) {
            continue;
        }
        const uint8_t *data = bytes.data;
        bool repeats = false;
        (void)fprintf(out, "file %s %zu\n", file_names[f], bytes.len);
        for (size_t at = 0; at < bytes.len; at += LINE) {
            const size_t len = st_min(LINE, bytes.len - at);
            const bool same =
                at > 0 && len == LINE && memcmp(data + at, data + at - LINE, LINE) == 0;
            if (same) {
                (void)fputs(repeats ? "" : "*\n", out);
            } else {
                (void)fprintf(out, "%08zx ", at);
                for (size_t i = 0; i < len; i++) {
                    (void)fprintf(out, "%02x", data[at + i]);
                }
                (void)fputc('\n', out);
            }
            repeats = same;
        }
        sim_release(bytes);
    }
}

static FILE *golden_file(const char *name, const char *mode) {
    char path[128];
    (void)snprintf(path, sizeof path, "tests/golden/%s", name);
    FILE *file = fopen(path, mode);
    if (file == NULL) {
        fail_msg("%s is missing; run this from the top of the tree", path);
    }
    return file;
}

static void put_file(sim *s, const char *name, uint8_t *bytes, size_t from, size_t size) {
    char path[96];
    if (name[0] == '\0') {
        return;
    }
    for (size_t at = from; at < size; at++) { /* the last line was repeated */
        assert_true(at >= LINE);
        bytes[at] = bytes[at - LINE];
    }
    (void)snprintf(path, sizeof path, "db/%s", name);
    sim_put(s, path, st_slice(bytes, size));
}

static void read_hex(sim *s, const char *golden) {
    static uint8_t bytes[1 << 18];
    char line[256];
    char name[64] = "";
    size_t size = 0;
    size_t end = 0;
    FILE *in = golden_file(golden, "r");
    while (fgets(line, sizeof line, in) != NULL) {
        if (strncmp(line, "file ", 5) == 0) {
            put_file(s, name, bytes, end, size);
            assert_int_equal(sscanf(line, "file %63s %zu", name, &size), 2);
            assert_true(size <= sizeof bytes);
            end = 0;
        } else if (line[0] != '*') {
            const size_t at = strtoul(line, NULL, 16);
            for (; end < at; end++) {
                bytes[end] = bytes[end - LINE];
            }
            for (const char *p = line + 9; p[0] != '\n' && p[0] != '\0'; p += 2) {
                unsigned byte = 0;
                assert_int_equal(sscanf(p, "%2x", &byte), 1);
                bytes[end++] = (uint8_t)byte;
            }
        }
    }
    put_file(s, name, bytes, end, size);
    (void)fclose(in);
}

/* ---- What they answer ------------------------------------------------------------------------------ */

static void tell_answer(FILE *out, strata_db *db, const char *op, const char *arguments) {
    (void)fprintf(out, "%s %s %s\n", op, arguments, ask(db, STRATA_OK, op, "%s", arguments));
}

static void write_answers(strata_db *db, FILE *out) {
    static const char *const runs[] = {"default", "draft", "trip"};
    static const char *const keys[] = {"back",   "bytes", "changing",
                                       "floats", "gone",  "gr\u00fc\u00dfe/\u65e5\u672c",
                                       "ints",   "null",  "true"};
    char arguments[128];
    tell_answer(out, db, "run.list", "{}");
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        (void)snprintf(arguments, sizeof arguments, "{\"run\":\"%s\",\"end\":\"long\"}", runs[i]);
        tell_answer(out, db, "kv.list", arguments); /* but for the long one */
        (void)snprintf(arguments, sizeof arguments, "{\"run\":\"%s\",\"start\":\"m\"}", runs[i]);
        tell_answer(out, db, "kv.list", arguments);
        (void)snprintf(arguments, sizeof arguments, "{\"run\":\"%s\"}", runs[i]);
        tell_answer(out, db, "event.range", arguments);
        tell_answer(out, db, "event.head", arguments);
        tell_answer(out, db, "memory.list", arguments);
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        (void)snprintf(arguments, sizeof arguments, "{\"key\":\"%s\"}", keys[i]);
        tell_answer(out, db, "kv.history", arguments);
    }
}

static void read_whole(FILE *file, char *text, size_t size) {
    rewind(file);
    const size_t len = fread(text, 1, size - 1, file);
    assert_true(len < size - 1);
    text[len] = '\0';
}

static void expect_answers(sim *s, strata_codec codec) {
    static char got[TEXT_MAX];
    static char expected[TEXT_MAX];
    strata_db *db = open_at(s, codec, 1800000000000000, STRATA_OPEN_READ_ONLY);
    FILE *out = tmpfile();
    assert_non_null(out);
    write_answers(db, out);
    read_whole(out, got, TEXT_MAX);
    (void)fclose(out);
    FILE *in = golden_file("plain.txt", "r");
    read_whole(in, expected, TEXT_MAX);
    (void)fclose(in);
    for (const char *a = got, *b = expected; *a != '\0' || *b != '\0';) {
        const size_t len_a = strcspn(a, "\n");
        const size_t len_b = strcspn(b, "\n");
        if (len_a != len_b || memcmp(a, b, len_a) != 0) {
            fail_msg("got      %.*s\n   expected %.*s", (int)len_a, a, (int)len_b, b);
        }
        a += len_a + (a[len_a] == '\n');
        b += len_b + (b[len_b] == '\n');
    }
    db_verify(db);
    db_close(db);
}

/* ---- The tests --------------------------------------------------------------------------------------- */

static void opens_and_answers(void **state) {
    (void)state;
    static const char *const golden[] = {"plain.hex", "packed.hex", "format-1-plain.hex",
                                         "format-1-packed.hex"};
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        sim *s = sim_new(1);
        const strata_codec codec = i % 2 == 0 ? STRATA_CODEC_NONE : STRATA_CODEC_ZSTD;
        read_hex(s, golden[i]);
        expect_answers(s, codec);
        /* And it can be written to. */
        strata_db *db = open_at(s, codec, 1800000000000000, 0);
        const char *stats = ask(db, STRATA_OK, "db.stats", "{}");
        assert_true(json_has(stats, i % 2 == 0 ? "\"codec\":\"none\"" : "\"codec\":\"zstd\""));
        (void)ask(db, STRATA_OK, "run.resume", "{\"name\":\"trip\"}");
        (void)ask(db, STRATA_OK, "event.append",
                  "{\"run\":\"trip\",\"type\":\"t\",\"payload\":{}}");
        db_verify(db);
        db_close(db);
        sim_free(s);
    }
}

static void writes_the_same_bytes(void **state) {
    (void)state;
    static char got[TEXT_MAX];
    static char expected[TEXT_MAX];
    sim *s = sim_new(42);
    play(s, STRATA_CODEC_NONE);
    FILE *out = tmpfile();
    assert_non_null(out);
    write_hex(s, out);
    read_whole(out, got, TEXT_MAX);
    (void)fclose(out);
    FILE *in = golden_file("plain.hex", "r");
    read_whole(in, expected, TEXT_MAX);
    (void)fclose(in);
    size_t line = 1;
    for (size_t i = 0; got[i] != '\0' || expected[i] != '\0'; i++) {
        if (got[i] != expected[i]) {
            fail_msg("the script no longer writes tests/golden/plain.hex: line %zu differs", line);
        }
        line += got[i] == '\n';
    }
    expect_answers(s, STRATA_CODEC_NONE);
    sim_free(s);
}

static void write_golden(void) {
    static const char *const golden[] = {"plain.hex", "packed.hex"};
    for (size_t i = 0; i < 2; i++) {
        sim *s = sim_new(42);
        play(s, i == 0 ? STRATA_CODEC_NONE : STRATA_CODEC_ZSTD);
        FILE *out = golden_file(golden[i], "w");
        write_hex(s, out);
        (void)fclose(out);
        if (i == 0) {
            strata_db *db = open_at(s, STRATA_CODEC_NONE, 1800000000000000, STRATA_OPEN_READ_ONLY);
            out = golden_file("plain.txt", "w");
            write_answers(db, out);
            (void)fclose(out);
            db_close(db);
        }
        sim_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_and_answers),
        cmocka_unit_test(writes_the_same_bytes),
    };
    if (getenv("GOLDEN_WRITE") != NULL) {
        write_golden();
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
