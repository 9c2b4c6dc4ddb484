/* test_golden_tables.c - that databases of tables, written once, read the same for ever.
 *
 * tests/golden/tables.hex (codec none) and tables-packed.hex (zstd) hold what the script below left:
 * tables in three levels (two when packed), blocks that share a key, values kept apart, deletes, times
 * to live, trimmed histories, floors, rules of retention, two snapshots of which one needs tables that
 * the database has given up, and a log (of two segments, unless packed) above the watermark.
 * tables.json is all that is in them and what a reader gets at every version and time (golden_dump.h),
 * of the database and of its snapshots. read_format.py, that knows docs/FORMAT.md only, must say the
 * same.
 *
 * The script must write tables.hex again, byte for byte. The others are read only: the bytes of
 * tables-packed.hex are zstd's affair, and tables-early.hex was left by an early writer of version 2,
 * that ended blocks elsewhere, put floors into the level of the merge, and let a key go that had ended
 * although the rule was to keep two versions: what is in it is tables-early.json. After a change of what is
 * written that is meant,
 *   GOLDEN_WRITE=1 build/tests/unit/store/test_golden_tables
 * If a database in the hands of users may look as before, keep the old file under another name.
 */
#include "golden.h"
#include "golden_dump.h"

#include "api/handle.h"
#include "store/table/table_private.h"

static const char *const golden[] = {"tables.hex",          "tables-packed.hex",
                                     "format-3-tables.hex", "format-3-tables-packed.hex",
                                     "format-2-tables.hex", "format-2-tables-packed.hex",
                                     "tables-early.hex"};
static const char *const contents[] = {"tables.json",      "tables.json", "tables.json",
                                       "tables.json",      "tables.json", "tables.json",
                                       "tables-early.json"};

enum { GOLDEN = sizeof golden / sizeof golden[0], WRITTEN = 2 };

static const char *const snapshots[] = {"before", "after"};

/* As small as it gets: more than a mebibyte goes to level 2, in tables of 256 KiB. */
enum { SMALL_BYTES = 1 << 20 };

#define BEGIN_US INT64_C(1767225600000000)
#define NOW_US   (BEGIN_US + INT64_C(21000) * 1000000)

/* ---- The script ------------------------------------------------------------------------------ */

/* An operation and its arguments; or what is done to the machine:
 *   "items" COUNT           puts so many small values in one commit
 *   "long" KEY COUNT BYTES  puts a value of a repeated letter so often
 *   "open" BYTES            closes and opens again with so much memory; 0: the default
 *   "tick"                  maintenance, until nothing is due */
static const struct {
    int64_t at_s;
    const char *op;
    const char *arguments;
} script[] = {
    {0, "run.create", "{\"name\":\"trip\",\"tags\":[\"travel\"],\"metadata\":{\"city\":\"Oslo\"}}"},
    {1, "run.create", "{\"name\":\"scratch\",\"parent\":\"trip\"}"},
    {10, "items", "24"},
    {20, "long", "page/1 1 1500"},
    {20, "long", "page/2 1 1500"},
    {21, "long", "page/3 1 1500"},
    {22, "long", "log 12 1500"},
    {23, "long", "apart/a 2 250000"},
    {24, "long", "apart/b 3 250000"},
    {25, "long", "apart/c 1 16500"},
    {30, "kv.put", "{\"key\":\"null\",\"value\":null}"},
    {30, "kv.put",
     "{\"key\":\"mixed\",\"value\":[true,-1,0.5,{\"$bytes\":\"AAEC\"},{\"$float\":\"nan\"},"
     "{\"gr\u00fc\u00dfe\":\"\u65e5\u672c\"}]}"},
    {40, "event.append", "{\"run\":\"trip\",\"type\":\"booked\",\"payload\":{\"nights\":2}}"},
    {41, "event.append", "{\"run\":\"trip\",\"type\":\"paid\",\"payload\":{}}"},
    {42, "event.append", "{\"run\":\"trip\",\"type\":\"left\",\"payload\":{\"at\":\"noon\"}}"},
    {50, "memory.remember",
     "{\"run\":\"trip\",\"key\":\"ferry\",\"text\":\"The ferry leaves from Aker Brygge.\","
     "\"metadata\":{\"n\":1},\"tags\":[\"transport\"]}"},
    {51, "memory.remember", "{\"run\":\"trip\",\"key\":\"rain\",\"text\":\"It rains.\"}"},
    {52, "memory.remember", "{\"run\":\"trip\",\"text\":\"It is cold.\"}"},
    {60, "kv.put", "{\"run\":\"scratch\",\"key\":\"a\",\"value\":1}"},
    {61, "kv.put", "{\"run\":\"scratch\",\"key\":\"a\",\"value\":2}"},
    {62, "kv.put", "{\"run\":\"scratch\",\"key\":\"b\",\"value\":\"soon gone\"}"},
    {63, "kv.put", "{\"key\":\"lease\",\"value\":\"short\",\"ttl_ms\":60000}"},
    {64, "kv.put", "{\"key\":\"lease/2\",\"value\":\"long\",\"ttl_ms\":86400000}"},
    {70, "db.checkpoint", "{}"},
    {80, "open", "1048576"},
    {81, "db.compact", "{}"},

    /* A snapshot needs tables that will be given up. */
    {100, "kv.delete", "{\"key\":\"item/03\"}"},
    {101, "kv.put", "{\"key\":\"item/05\",\"value\":\"changed\"}"},
    {102, "kv.delete", "{\"key\":\"page/2\"}"},
    {103, "memory.forget", "{\"run\":\"trip\",\"key\":\"rain\"}"},
    {104, "retention.set", "{\"run\":\"scratch\",\"keep\":\"last\",\"versions\":2}"},
    {105, "retention.set", "{\"primitive\":\"memory\",\"keep\":\"for\",\"duration_ms\":600000}"},
    {110, "snapshot.create", "{\"name\":\"before\"}"},

    /* What goes: versions of a and ferry; all of b, c and rain. */
    {120, "kv.put", "{\"run\":\"scratch\",\"key\":\"a\",\"value\":3}"},
    {121, "kv.incr", "{\"run\":\"scratch\",\"key\":\"a\",\"by\":1}"},
    {122, "kv.delete", "{\"run\":\"scratch\",\"key\":\"b\"}"},
    {123, "kv.put", "{\"run\":\"scratch\",\"key\":\"c\",\"value\":[],\"ttl_ms\":1000}"},
    {124, "kv.put", "{\"run\":\"scratch\",\"key\":\"d\",\"value\":4,\"ttl_ms\":2000}"},
    {124, "kv.put", "{\"run\":\"scratch\",\"key\":\"d\",\"value\":5,\"ttl_ms\":36000000}"},
    {1300, "memory.remember", "{\"run\":\"trip\",\"key\":\"ferry\",\"text\":\"It is late.\"}"},
    {2600, "memory.remember", "{\"run\":\"trip\",\"key\":\"ferry\",\"text\":\"It has left.\"}"},
    {2700, "db.checkpoint", "{}"},
    {7200, "db.compact", "{}"},

    /* A level between, then one table on top. */
    {7300, "kv.put", "{\"key\":\"item/07\",\"value\":{\"n\":7,\"again\":true}}"},
    {7301, "db.checkpoint", "{}"},
    {7302, "kv.delete", "{\"key\":\"item/09\"}"},
    {7303, "db.checkpoint", "{}"},
    {7304, "kv.put", "{\"run\":\"trip\",\"key\":\"note\",\"value\":[]}"},
    {7305, "db.checkpoint", "{}"},
    {7306, "event.append", "{\"run\":\"trip\",\"type\":\"back\",\"payload\":{}}"},
    {7307, "db.checkpoint", "{}"},
    {7308, "tick", ""},
    {7400, "kv.put", "{\"key\":\"null\",\"value\":\"no more\"}"},
    {7401, "kv.put", "{\"run\":\"scratch\",\"key\":\"a\",\"value\":5}"},
    {7402, "snapshot.create", "{\"name\":\"after\"}"},

    /* In the log alone. */
    {7500, "open", "0"},
    {20000, "kv.put", "{\"key\":\"item/03\",\"value\":\"back\"}"},
    {20001, "long", "apart/d 1 66000"},
    {20002, "kv.delete", "{\"key\":\"apart/c\"}"},
    {20003, "kv.put", "{\"key\":\"lease\",\"value\":\"again\",\"ttl_ms\":10000}"},
    {20004, "event.append", "{\"run\":\"trip\",\"type\":\"home\",\"payload\":{\"km\":9.5}}"},
    {20005, "memory.remember", "{\"run\":\"trip\",\"key\":\"rain\",\"text\":\"It rains again.\"}"},
    {20006, "run.complete", "{\"name\":\"scratch\"}"},
};

enum { STEPS = sizeof script / sizeof script[0] };

static strata_db *open_at(sim *s, strata_codec codec, uint32_t flags, uint64_t memory_bytes,
                          const char *snapshot) {
    strata_options options = db_options(s, STRATA_STRICT);
    strata_error error;
    strata_db *db = NULL;
    options.codec = codec;
    options.flags = flags;
    options.memory_bytes = memory_bytes == 0 ? options.memory_bytes : memory_bytes;
    options.snapshot = snapshot;
    options.error = &error;
    if (strata_open("db", &options, &db) != STRATA_OK) {
        fail_msg("%s", error.message);
    }
    return db;
}

static void put_items(strata_db *db, unsigned count) {
    char json[8192] = "{\"entries\":[";
    for (unsigned i = 0; i < count; i++) {
        const size_t len = strlen(json);
        (void)snprintf(json + len, sizeof json - len,
                       "%s{\"key\":\"item/%02u\",\"value\":{\"n\":%u}}", i == 0 ? "" : ",", i, i);
    }
    (void)ask(db, STRATA_OK, "kv.put_many", "%s]}", json);
}

static void put_long(strata_db *db, const char *arguments) {
    static char text[1 << 18];
    char key[32];
    unsigned count = 0;
    size_t bytes = 0;
    assert_int_equal(sscanf(arguments, "%31s %u %zu", key, &count, &bytes), 3);
    assert_true(bytes <= sizeof text);
    for (unsigned i = 0; i < count; i++) {
        memset(text, 'a' + (int)i, bytes);
        assert_int_equal(strata_kv_put(db, STRATA_RUN_DEFAULT, strata_text(key),
                                       strata_string(st_slice(text, bytes)), NULL),
                         STRATA_OK);
    }
}

static void tick(strata_db *db) {
    const uint64_t before = (uint64_t)json_int(ask(db, STRATA_OK, "db.stats", "{}"), "compactions");
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(strata_tick(db, 1000000), STRATA_OK);
    }
    const uint64_t after = (uint64_t)json_int(ask(db, STRATA_OK, "db.stats", "{}"), "compactions");
    assert_true(after > before);
}

static void play(sim *s, strata_codec codec) {
    s->wall_us = BEGIN_US;
    strata_db *db = open_at(s, codec, 0, 0, NULL);
    for (size_t i = 0; i < STEPS; i++) {
        const char *op = script[i].op;
        const char *arguments = script[i].arguments;
        s->wall_us = BEGIN_US + script[i].at_s * 1000000;
        if (strcmp(op, "items") == 0) {
            put_items(db, (unsigned)strtoul(arguments, NULL, 10));
        } else if (strcmp(op, "long") == 0) {
            put_long(db, arguments);
        } else if (strcmp(op, "tick") == 0) {
            tick(db);
        } else if (strcmp(op, "open") == 0) {
            db_close(db);
            db = open_at(s, codec, 0, strtoull(arguments, NULL, 10), NULL);
        } else {
            (void)ask(db, STRATA_OK, op, "%s", arguments);
        }
    }
    db_close(db);
}

/* ---- What is in it --------------------------------------------------------------------------- */

static void dump_one(sim *s, strata_codec codec, const char *snapshot, FILE *out) {
    s->wall_us = NOW_US;
    strata_db *db = open_at(s, codec, STRATA_OPEN_READ_ONLY, 0, snapshot);
    (void)fprintf(out, "\"%s\":", snapshot == NULL ? "" : snapshot);
    golden_dump(db, NOW_US, out);
    db_verify(db);
    db_close(db);
}

/* The database under the name "", and its snapshots. */
static char *dump_all(sim *s, strata_codec codec) {
    FILE *out = tmpfile();
    assert_non_null(out);
    (void)fputs("{", out);
    dump_one(s, codec, NULL, out);
    for (size_t i = 0; i < sizeof snapshots / sizeof snapshots[0]; i++) {
        (void)fputs(",\n", out);
        dump_one(s, codec, snapshots[i], out);
    }
    (void)fputs("}\n", out);
    char *text = golden_text(out);
    (void)fclose(out);
    return text;
}

static strata_codec codec_of(size_t place) {
    return strstr(golden[place], "packed") != NULL ? STRATA_CODEC_ZSTD : STRATA_CODEC_NONE;
}

static void expect_content(sim *s, size_t place) {
    char *text = dump_all(s, codec_of(place));
    golden_expect(text, contents[place]);
    free(text);
}

/* ---- The tests ------------------------------------------------------------------------------- */

static void reads_the_same(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN; i++) {
        sim *s = sim_new(1);
        golden_read(s, golden[i]);
        expect_content(s, i);
        sim_free(s);
    }
}

/* Opening for writing, and flushing, change nothing of what is read. */
static void reads_the_same_flushed(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN; i++) {
        sim *s = sim_new(1);
        golden_read(s, golden[i]);
        s->wall_us = NOW_US;
        strata_db *db = open_at(s, codec_of(i), 0, 0, NULL);
        (void)ask(db, STRATA_OK, "db.checkpoint", "{}");
        db_verify(db);
        db_close(db);
        expect_content(s, i);
        sim_free(s);
    }
}

/* And it can be written to, and merged. */
static void goes_on(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN; i++) {
        sim *s = sim_new(1);
        golden_read(s, golden[i]);
        s->wall_us = NOW_US;
        strata_db *db = open_at(s, codec_of(i), 0, SMALL_BYTES, NULL);
        (void)ask(db, STRATA_OK, "snapshot.delete", "{\"name\":\"before\"}");
        (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"item/00\",\"value\":\"new\"}");
        (void)ask(db, STRATA_OK, "db.compact", "{}");
        db_verify(db);
        db_close(db);
        db = open_at(s, codec_of(i), 0, SMALL_BYTES, NULL);
        assert_true(json_has(ask(db, STRATA_OK, "kv.get", "{\"key\":\"item/00\"}"), "\"new\""));
        assert_true(json_has(ask(db, STRATA_OK, "kv.get", "{\"key\":\"item/03\"}"), "\"back\""));
        db_verify(db);
        db_close(db);
        sim_free(s);
    }
}

/* What this file's head promises about the golden databases. */
static void covers_the_format(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN; i++) {
        sim *s = sim_new(1);
        golden_read(s, golden[i]);
        s->wall_us = NOW_US;
        strata_db *db = open_at(s, codec_of(i), STRATA_OPEN_READ_ONLY, 0, NULL);
        const st_store *store = &db->engine->model.store;
        const st_view *view = st_tables_view(store);
        uint64_t blocks_max = 0;
        uint64_t values = 0;
        size_t deepest = 0;
        for (unsigned level = 0; level < ST_LEVELS; level++) {
            for (size_t j = 0; j < view->levels[level].count; j++) {
                const st_table *table = view->levels[level].tables[j];
                blocks_max =
                    table->properties.blocks > blocks_max ? table->properties.blocks : blocks_max;
                values += table->properties.values;
                deepest = level;
            }
        }
        assert_true(view->levels[0].count >= 1 && view->levels[1].count >= 1);
        assert_int_equal(deepest, codec_of(i) == STRATA_CODEC_NONE ? 2 : 1);
        assert_true(deepest == 1 || view->levels[2].count > 1);
        assert_true(blocks_max >= 3);
        assert_true(values >= 4);
        assert_true(store->manifest.floor_version > 0);
        assert_true(store->manifest.watermark > 0 &&
                    store->manifest.watermark + 7 == db_version(db));
        assert_int_equal(json_int(ask(db, STRATA_OK, "db.stats", "{}"), "wal_segments"),
                         codec_of(i) == STRATA_CODEC_NONE ? 2 : 1);
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
    golden_expect(got, "tables.hex");
    free(got);
    sim_free(s);
}

static void write_golden(void) {
    for (size_t i = 0; i < WRITTEN; i++) {
        sim *s = sim_new(42);
        play(s, codec_of(i));
        FILE *out = golden_file(golden[i], "w");
        golden_write(s, out);
        (void)fclose(out);
        if (i == 0) {
            char *text = dump_all(s, codec_of(i));
            out = golden_file(contents[i], "w");
            (void)fputs(text, out);
            (void)fclose(out);
            free(text);
        }
        sim_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_same),
        cmocka_unit_test(reads_the_same_flushed),
        cmocka_unit_test(goes_on),
        cmocka_unit_test(covers_the_format),
        cmocka_unit_test(writes_the_same_bytes),
    };
    if (getenv("GOLDEN_WRITE") != NULL) {
        write_golden();
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
