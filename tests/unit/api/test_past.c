/* test_past.c - the C functions that look into the past, put with a time to live, and compact: they
 * answer as the operations do, refuse options that are none, and leave their results alone on errors.
 */
#include "store_support.h"

static sim *machine;
static strata_db *db;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    db = db_open(machine, STRATA_STRICT);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    db_close(db);
    sim_free(machine);
    return 0;
}

static uint64_t put(const char *key, int64_t value) {
    uint64_t version = 0;
    machine->wall_us += 1000;
    assert_int_equal(
        strata_kv_put(db, STRATA_RUN_DEFAULT, strata_text(key), strata_int(value), &version),
        STRATA_OK);
    return version;
}

static strata_status get_at(const char *key, strata_when when, strata_entry *entry) {
    return strata_kv_get_at(db, STRATA_RUN_DEFAULT, strata_text(key), when, entry);
}

static void expect_at(const char *key, strata_when when, int64_t value, uint64_t version) {
    strata_entry entry;
    assert_int_equal(get_at(key, when, &entry), STRATA_OK);
    assert_int_equal(entry.value.type, STRATA_INT);
    assert_int_equal(entry.value.as.integer, value);
    assert_int_equal(entry.version, version);
}

static void keys_as_of(void **state) {
    (void)state;
    static const strata_when now = STRATA_NOW_INIT;
    static const strata_when both = {1, 1};
    const uint64_t first = put("a", 1);
    const int64_t first_us = machine->wall_us;
    const uint64_t second = put("a", 2);
    strata_entry entry = {.version = 99};
    expect_at("a", now, 2, second);
    expect_at("a", strata_as_of(first), 1, first);
    expect_at("a", strata_as_of(second), 2, second);
    expect_at("a", strata_as_of_time(first_us), 1, first);
    expect_at("a", strata_as_of_time(machine->wall_us), 2, second);
    assert_int_equal(get_at("a", strata_as_of(first - 1), &entry), STRATA_NOT_FOUND);
    assert_int_equal(get_at("a", strata_as_of_time(first_us - 1), &entry), STRATA_NOT_FOUND);
    assert_int_equal(get_at("a", strata_as_of(second + 1), &entry), STRATA_INVALID_ARGUMENT);
    assert_int_equal(get_at("a", both, &entry), STRATA_INVALID_ARGUMENT);
    (void)ask(db, STRATA_OK, "retention.set", "{\"keep\":\"last\",\"versions\":1}");
    assert_int_equal(strata_compact(db, STRATA_COMPACT_FULL, NULL), STRATA_OK);
    assert_int_equal(get_at("a", strata_as_of(first), &entry), STRATA_HISTORY_TRIMMED);
    assert_int_equal(entry.version, 99);
    expect_at("a", strata_as_of(second), 2, second);
}

typedef struct sums {
    uint64_t keys;
    int64_t values;
} sums;

static bool add(void *arg, strata_slice key, const strata_entry *entry) {
    sums *sum = arg;
    (void)key;
    sum->keys++;
    sum->values += entry->value.as.integer;
    return true;
}

static void scans_as_of(void **state) {
    (void)state;
    strata_range range = STRATA_RANGE_INIT;
    uint64_t last = 0;
    for (int64_t i = 0; i < 10; i++) {
        last = put(i % 2 == 0 ? "even" : "odd", i);
    }
    for (int64_t i = 1; i < 10; i++) {
        sums sum = {0, 0};
        range.when = strata_as_of(last - 9 + (uint64_t)i);
        range.reverse = i % 3 == 0;
        range.end = range.reverse ? strata_text("z") : (strata_slice){NULL, 0};
        assert_int_equal(strata_kv_scan(db, STRATA_RUN_DEFAULT, &range, add, &sum), STRATA_OK);
        assert_int_equal(sum.keys, 2);
        assert_int_equal(sum.values, i + i - 1);
    }
    sums none = {0, 0};
    range.when = strata_as_of(last + 1);
    assert_int_equal(strata_kv_scan(db, STRATA_RUN_DEFAULT, &range, add, &none),
                     STRATA_INVALID_ARGUMENT);
    assert_int_equal(none.keys, 0);
}

static uint64_t remember(const char *text) {
    strata_memory memory = STRATA_MEMORY_INIT;
    uint64_t version = 0;
    memory.key = strata_text("m");
    memory.text = strata_text(text);
    assert_int_equal(strata_memory_remember(db, STRATA_RUN_DEFAULT, &memory, NULL, &version),
                     STRATA_OK);
    return version;
}

static size_t recall_at(const char *query, strata_when when) {
    strata_recall recall = STRATA_RECALL_INIT;
    strata_hits *hits = NULL;
    recall.query = strata_text(query);
    recall.when = when;
    assert_int_equal(strata_memory_recall(db, STRATA_RUN_DEFAULT, &recall, &hits), STRATA_OK);
    const size_t count = hits->count;
    strata_hits_free(hits);
    return count;
}

static void memories_as_of(void **state) {
    (void)state;
    static const strata_when now = STRATA_NOW_INIT;
    const uint64_t first = remember("The ferry leaves at nine.");
    const uint64_t second = remember("The train leaves at ten.");
    strata_memory_entry entry;
    assert_int_equal(
        strata_memory_get_at(db, STRATA_RUN_DEFAULT, strata_text("m"), strata_as_of(first), &entry),
        STRATA_OK);
    test_bytes_equal(entry.text, strata_text("The ferry leaves at nine."), "the text of then");
    assert_int_equal(entry.version, first);
    assert_int_equal(strata_memory_get_at(db, STRATA_RUN_DEFAULT, strata_text("m"), now, &entry),
                     STRATA_OK);
    assert_int_equal(entry.version, second);
    assert_int_equal(strata_memory_get_at(db, STRATA_RUN_DEFAULT, strata_text("m"),
                                          strata_as_of(first - 1), &entry),
                     STRATA_NOT_FOUND);
    assert_int_equal(recall_at("ferry", now), 0);
    assert_int_equal(recall_at("train", now), 1);
    assert_int_equal(recall_at("ferry", strata_as_of(first)), 1);
    assert_int_equal(recall_at("train", strata_as_of(first)), 0);
}

static strata_status put_with(const char *key, const strata_put_options *options) {
    return strata_kv_put_with(db, STRATA_RUN_DEFAULT, strata_text(key), strata_int(1), options,
                              NULL);
}

static void times_to_live(void **state) {
    (void)state;
    static const strata_when now = STRATA_NOW_INIT;
    strata_put_options options = STRATA_PUT_OPTIONS_INIT;
    strata_entry entry;
    options.ttl_ms = 1000;
    assert_int_equal(put_with("ends", &options), STRATA_OK);
    options.ttl_ms = 0;
    assert_int_equal(put_with("stays", &options), STRATA_OK);
    assert_int_equal(put_with("plain", NULL), STRATA_OK);
    const int64_t begin_us = machine->wall_us;
    machine->wall_us = begin_us + 999999;
    assert_int_equal(get_at("ends", now, &entry), STRATA_OK);
    machine->wall_us = begin_us + 1000000;
    assert_int_equal(get_at("ends", now, &entry), STRATA_NOT_FOUND);
    assert_int_equal(get_at("ends", strata_as_of_time(begin_us + 999999), &entry), STRATA_OK);
    assert_int_equal(get_at("stays", now, &entry), STRATA_OK);
    assert_int_equal(get_at("plain", now, &entry), STRATA_OK);

    const uint64_t before = db_version(db);
    options.ttl_ms = UINT64_MAX;
    assert_int_equal(put_with("never", &options), STRATA_INVALID_ARGUMENT);
    options = (strata_put_options){0, 1};
    assert_int_equal(put_with("never", &options), STRATA_INVALID_ARGUMENT);
    assert_int_equal(db_version(db), before);
}

static void compacting(void **state) {
    (void)state;
    strata_compact_result result = {99, 99, 99};
    (void)ask(db, STRATA_OK, "retention.set", "{\"keep\":\"last\",\"versions\":2}");
    for (int64_t i = 0; i < 100; i++) {
        (void)put("a", i);
    }
    assert_int_equal(strata_compact(db, (strata_compact_mode)2, &result), STRATA_INVALID_ARGUMENT);
    assert_int_equal(result.versions_removed, 99);
    assert_int_equal(strata_compact(db, STRATA_COMPACT_WAL, &result), STRATA_OK);
    assert_int_equal(result.versions_removed, 0);
    assert_int_equal(result.wal_segments_removed, 1);
    assert_int_equal(strata_compact(db, STRATA_COMPACT_FULL, &result), STRATA_OK);
    assert_int_equal(result.versions_removed, 98);
    assert_int_equal(result.wal_segments_removed, 0);
    assert_true(result.reclaimed_bytes > 0);
    expect_at("a", strata_as_of(db_version(db) - 1), 98, db_version(db) - 1);
    db_verify(db);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(keys_as_of),    case_of(scans_as_of), case_of(memories_as_of),
        case_of(times_to_live), case_of(compacting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
