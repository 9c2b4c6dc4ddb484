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
#include "golden.h"

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

static void expect_answers(sim *s, strata_codec codec) {
    strata_db *db = open_at(s, codec, 1800000000000000, STRATA_OPEN_READ_ONLY);
    FILE *out = tmpfile();
    assert_non_null(out);
    write_answers(db, out);
    char *got = golden_text(out);
    (void)fclose(out);
    golden_expect(got, "plain.txt");
    free(got);
    db_verify(db);
    db_close(db);
}

/* ---- The tests --------------------------------------------------------------------------------------- */

static void opens_and_answers(void **state) {
    (void)state;
    static const char *const golden[] = {
        "plain.hex",          "packed.hex",          "format-3-plain.hex", "format-3-packed.hex",
        "format-2-plain.hex", "format-2-packed.hex", "format-1-plain.hex", "format-1-packed.hex"};
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        sim *s = sim_new(1);
        const strata_codec codec = i % 2 == 0 ? STRATA_CODEC_NONE : STRATA_CODEC_ZSTD;
        golden_read(s, golden[i]);
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
    sim *s = sim_new(42);
    play(s, STRATA_CODEC_NONE);
    FILE *out = tmpfile();
    assert_non_null(out);
    golden_write(s, out);
    char *got = golden_text(out);
    (void)fclose(out);
    golden_expect(got, "plain.hex");
    free(got);
    expect_answers(s, STRATA_CODEC_NONE);
    sim_free(s);
}

static void write_golden(void) {
    static const char *const golden[] = {"plain.hex", "packed.hex"};
    for (size_t i = 0; i < 2; i++) {
        sim *s = sim_new(42);
        play(s, i == 0 ? STRATA_CODEC_NONE : STRATA_CODEC_ZSTD);
        FILE *out = golden_file(golden[i], "w");
        golden_write(s, out);
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
