/* test_history.c - what readers see of the past while retention trims it.
 *
 * A scripted life of three runs, one of which keeps everything: values, deletes and values that end
 * by themselves, with a clock that jumps both ways; flushes, merges of some tables and of all,
 * reopening, snapshots that are held. A model keeps every version. Now, at a snapshot that is held,
 * and in the run that keeps everything, a read says exactly what the model says. At any other version
 * or time it says that or history_trimmed; and an answer once given is the same later, or trimmed.
 * The same script gives the same files to the byte. The same life is led in memory.
 */
#include "store_log.h"

#include "format/key.h"
#include "store/maintain/compact.h"
#include "store/maintain/flush.h"

enum { RUNS = 3, TAGS = 2, KEYS = 5, COMMITS = 420, HELD_MAX = 3, VALUE_MAX = 8000 };

static const uint8_t tags[TAGS] = {ST_TAG_KV, ST_TAG_MEMORY};

typedef struct commit {
    unsigned run; /* 0 .. RUNS - 1; its number is one more */
    unsigned tag;
    unsigned key;
    bool deletes;
    int64_t expires_us; /* 0: never */
    int64_t timestamp_us;
    int64_t clock_us; /* of the store, when it was made */
} commit;

typedef enum outcome { UNASKED, LIVE, ABSENT, TRIMMED } outcome;

typedef struct hold {
    st_held_snapshot held;
    unsigned run;
    bool used;
} hold;

typedef struct world {
    sim *machine;
    st_store store;
    bool in_memory;
    uint64_t chance;
    commit commits[COMMITS + 1];
    uint64_t last;
    hold holds[HELD_MAX];
    uint8_t told[COMMITS + 1][RUNS][TAGS][KEYS]; /* outcome, by version asked for */
    uint64_t trimmed;
    bool deep; /* tables were merged above others that stayed */
} world;

static world w;

/* Run 1 keeps everything; run 2 the last one or two; run 3 one primitive for a while. */
static st_policy policy_of(void *ctx, uint64_t run, uint8_t tag) {
    (void)ctx;
    if (run == 2) {
        return (st_policy){ST_KEEP_LAST, tag == ST_TAG_KV ? 1 : 2, 0};
    }
    if (run == 3 && tag == ST_TAG_KV) {
        return (st_policy){ST_KEEP_FOR, 0, 5000};
    }
    return (st_policy){ST_KEEP_ALL, 0, 0};
}

static bool is_whole(unsigned run, unsigned tag) {
    return policy_of(NULL, run + 1, tags[tag]).keep == ST_KEEP_ALL;
}

static uint64_t below(uint64_t limit) {
    return test_random_below(&w.chance, limit);
}

/* ---- The life -------------------------------------------------------------------------------- */

static void open_world(void) {
    strata_error error;
    const st_retention retention = {NULL, policy_of};
    strata_options options = db_options(w.machine, w.in_memory ? STRATA_MEMORY : STRATA_BUFFERED);
    options.memory_bytes = 1 << 18; /* small levels, so that there are several */
    if (st_store_open(&w.store, w.in_memory ? ":memory:" : "db", &options, &error) != STRATA_OK) {
        fail_msg("open: %s", error.message);
    }
    st_store_set_retention(&w.store, &retention);
}

static void close_world(void) {
    strata_error error;
    for (size_t i = 0; i < HELD_MAX; i++) {
        if (w.holds[i].used) {
            st_snapshot_release(&w.store, &w.holds[i].held);
            w.holds[i].used = false;
        }
    }
    assert_int_equal(st_store_close(&w.store, &error), STRATA_OK);
}

static void make_key(st_key *key, unsigned tag, unsigned number) {
    char text[16];
    (void)snprintf(text, sizeof text, "k%u", number);
    st_key_text(key, tags[tag], strata_text(text));
}

static size_t value_of(uint64_t version, uint8_t *value) {
    uint64_t chance = version;
    const size_t len = 8 + test_random_below(&chance, VALUE_MAX - 8);
    for (size_t i = 0; i < len; i++) {
        value[i] = (uint8_t)test_random(&chance); /* nothing that compresses */
    }
    store64_le(value, version);
    return len;
}

static st_shard *shard_of(unsigned run) {
    st_shard *shard;
    assert_int_equal(st_shards_add(&w.store.shards, run + 1, &shard, NULL), STRATA_OK);
    return shard;
}

static void make_commit(void) {
    static uint8_t value[VALUE_MAX];
    commit *made = &w.commits[w.last + 1];
    st_commit begun;
    st_key key;
    uint64_t version;
    strata_error error;
    *made = (commit){.run = (unsigned)below(RUNS),
                     .tag = (unsigned)below(TAGS),
                     .key = (unsigned)below(KEYS),
                     .deletes = below(4) == 0,
                     .clock_us = st_store_now(&w.store)};
    if (!made->deletes && below(3) == 0) {
        made->expires_us = made->clock_us + 1 + (int64_t)below(4000);
    }
    make_key(&key, made->tag, made->key);
    const size_t len = value_of(w.last + 1, value);
    const st_write write = {.key = st_key_slice(&key),
                            .value = st_slice(value, made->deletes ? 0 : len),
                            .deletes = made->deletes,
                            .expires_us = made->expires_us};
    assert_int_equal(st_commit_begin(&begun, &w.store, shard_of(made->run), &error), STRATA_OK);
    made->timestamp_us = begun.timestamp_us;
    assert_int_equal(st_commit_finish(&begun, &write, 1, NULL, &version, &error), STRATA_OK);
    assert_int_equal(version, ++w.last);
}

static void move_clock(void) {
    switch (below(12)) {
    case 0:
        w.machine->wall_us -= (int64_t)below(3000);
        break;
    case 1:
        w.machine->wall_us += (int64_t)below(6000);
        break;
    default:
        w.machine->wall_us += (int64_t)below(60);
        break;
    }
}

static void move_hold(void) {
    hold *one = &w.holds[below(HELD_MAX)];
    if (one->used) {
        st_snapshot_release(&w.store, &one->held);
    } else {
        one->run = (unsigned)below(RUNS);
        st_snapshot_hold(&w.store, shard_of(one->run), &one->held);
    }
    one->used = !one->used;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

/* The newest version of the key up to a commit and a time; 0: none. */
static uint64_t seen_at(unsigned run, unsigned tag, unsigned key, uint64_t version,
                        int64_t time_us) {
    for (uint64_t v = version; v > 0; v--) {
        const commit *c = &w.commits[v];
        if (c->run == run && c->tag == tag && c->key == key && c->timestamp_us <= time_us) {
            return v;
        }
    }
    return 0;
}

/* The number of the value there at that clock; 0: none. */
static uint64_t live_at(uint64_t seen, int64_t clock_us) {
    const commit *c = &w.commits[seen];
    return seen == 0 || c->deletes || (c->expires_us != 0 && c->expires_us <= clock_us) ? 0 : seen;
}

static void match_value(uint64_t version, const st_revision *revision) {
    static uint8_t value[VALUE_MAX];
    const size_t len = value_of(version, value);
    assert_int_equal(revision->number, version);
    assert_int_equal(revision->timestamp_us, w.commits[version].timestamp_us);
    test_bytes_equal(revision->value, st_slice(value, len), "a value of the past");
}

static strata_status ask_key(store_reading *reading, unsigned run, unsigned tag, unsigned key,
                             const st_bound *bound, outcome *told, st_revision *revision) {
    st_key stored;
    bool found = false;
    make_key(&stored, tag, key);
    const strata_status status = st_read_live(&reading->reader, shard_of(run),
                                              st_key_slice(&stored), bound, revision, &found);
    *told = status == STRATA_HISTORY_TRIMMED ? TRIMMED : found ? LIVE : ABSENT;
    assert_true(status == STRATA_OK || status == STRATA_HISTORY_TRIMMED);
    return status;
}

/* A read that must not be told of trimming. */
static void expect_exactly(store_reading *reading, unsigned run, unsigned tag, unsigned key,
                           const st_bound *bound, uint64_t expected) {
    st_revision revision;
    outcome told;
    (void)ask_key(reading, run, tag, key, bound, &told, &revision);
    if (told != (expected == 0 ? ABSENT : LIVE)) {
        fail_msg("run %u, key %u of %u at %llu: outcome %d, expected version %llu", run, key, tag,
                 (unsigned long long)bound->version, (int)told, (unsigned long long)expected);
    }
    if (expected != 0) {
        match_value(expected, &revision);
    }
}

static void ask_version(store_reading *reading, unsigned run, unsigned tag, unsigned key,
                        uint64_t version) {
    const st_bound bound = {version, INT64_MAX, true, false};
    const uint64_t seen = seen_at(run, tag, key, version, INT64_MAX);
    const uint64_t value = live_at(seen, INT64_MIN);
    st_revision revision;
    outcome told;
    (void)ask_key(reading, run, tag, key, &bound, &told, &revision);
    const uint8_t before = w.told[version][run][tag][key];
    if (told == TRIMMED) {
        assert_false(is_whole(run, tag));
        assert_non_null(error_text(&reading->error, "policy"));
        assert_int_equal(error_number(&reading->error, "requested"), version);
        assert_true(error_number(&reading->error, "earliest_retained") > version);
        w.trimmed++;
    } else {
        assert_true(before == UNASKED || before == TRIMMED || before == told);
    }
    if (told == LIVE) {
        assert_int_equal(value, seen);
        match_value(seen, &revision);
    }
    if (told == ABSENT && value != 0) { /* then it had ended for whoever read at that commit */
        assert_int_not_equal(w.commits[value].expires_us, 0);
        assert_true(w.commits[value].expires_us <= w.commits[version].clock_us);
        assert_false(is_whole(run, tag));
    }
    w.told[version][run][tag][key] = (uint8_t)told;
}

static void ask_time(store_reading *reading, unsigned run, unsigned tag, unsigned key,
                     int64_t time_us) {
    const st_bound bound = {st_shard_snapshot(shard_of(run)), time_us, true, false};
    const uint64_t value = live_at(seen_at(run, tag, key, w.last, time_us), time_us);
    st_revision revision;
    outcome told;
    (void)ask_key(reading, run, tag, key, &bound, &told, &revision);
    assert_false(told == TRIMMED && is_whole(run, tag));
    if (told == LIVE) {
        match_value(value, &revision);
    } else if (told == ABSENT) {
        assert_int_equal(value, 0);
    }
}

/* All keys of a tag, in both directions; as the points say, or trimmed as a whole. */
static void ask_scan(store_reading *reading, unsigned run, unsigned tag, const st_bound *bound,
                     bool reverse) {
    const uint8_t low[] = {tags[tag]};
    const uint8_t high[] = {(uint8_t)(tags[tag] + 1)};
    const st_scan_range range = {st_slice(low, 1), st_slice(high, 1), reverse};
    const int64_t now_us = bound->past ? bound->time_us : st_store_now(&w.store);
    const bool by_version = bound->past && bound->time_us == INT64_MAX;
    static st_scan scan;
    strata_status status = st_scan_start(&scan, &reading->reader, shard_of(run), &range, bound);
    for (unsigned i = 0; i < KEYS && status == STRATA_OK; i++) {
        const unsigned key = reverse ? KEYS - 1 - i : i;
        const uint64_t seen = seen_at(run, tag, key, bound->version, bound->time_us);
        const uint64_t value = live_at(seen, by_version ? INT64_MIN : now_us);
        st_key stored;
        make_key(&stored, tag, key);
        if (scan.here && st_slice_equal(scan.key, st_key_slice(&stored))) {
            st_revision revision = scan.revision;
            assert_int_not_equal(value, 0);
            assert_int_equal(st_scan_value(&scan, &revision.value), STRATA_OK);
            match_value(value, &revision);
            status = st_scan_next(&scan);
        } else if (value != 0) {
            assert_true(by_version && w.commits[value].expires_us != 0 &&
                        w.commits[value].expires_us <= w.commits[bound->version].clock_us);
        }
    }
    assert_true(status == STRATA_OK || status == STRATA_HISTORY_TRIMMED);
    assert_true(status == STRATA_OK || (bound->past && !is_whole(run, tag)));
    assert_true(status != STRATA_OK || !scan.here);
    st_scan_end(&scan);
}

static void ask_all_keys(store_reading *reading, unsigned run) {
    const int64_t now_us = st_store_now(&w.store);
    const uint64_t published = st_shard_snapshot(shard_of(run));
    const st_bound now = st_bound_version(published);
    for (unsigned tag = 0; tag < TAGS; tag++) {
        for (unsigned key = 0; key < KEYS; key++) {
            expect_exactly(reading, run, tag, key, &now,
                           live_at(seen_at(run, tag, key, w.last, INT64_MAX), now_us));
            for (uint64_t v = below(3); v <= w.last; v += 1 + below(5)) {
                ask_version(reading, run, tag, key, v);
            }
            for (unsigned i = 0; i < 12; i++) {
                const commit *c = &w.commits[1 + below(w.last)];
                const int64_t at_us = c->timestamp_us + (int64_t)below(5) - 2;
                ask_time(reading, run, tag, key, at_us < now_us ? at_us : now_us);
            }
            st_arena_reset(&reading->arena);
        }
        for (unsigned i = 0; i < 6; i++) {
            const uint64_t v = below(w.last + 1);
            const st_bound by_version = {v, INT64_MAX, true, false};
            const st_bound by_time = {published, w.commits[v == 0 ? 1 : v].timestamp_us, true,
                                      false};
            ask_scan(reading, run, tag, &by_version, i % 2 == 0);
            ask_scan(reading, run, tag, &by_time, i % 2 == 0);
            ask_scan(reading, run, tag, &now, i % 2 == 0);
            st_arena_reset(&reading->arena);
        }
    }
}

static void ask_holds(store_reading *reading) {
    for (size_t i = 0; i < HELD_MAX; i++) {
        const hold *one = &w.holds[i];
        const st_bound bound = st_bound_version(one->held.version);
        for (unsigned tag = 0; one->used && tag < TAGS; tag++) {
            for (unsigned key = 0; key < KEYS; key++) {
                const uint64_t seen = seen_at(one->run, tag, key, one->held.version, INT64_MAX);
                expect_exactly(reading, one->run, tag, key, &bound,
                               live_at(seen, st_store_now(&w.store)));
            }
            ask_scan(reading, one->run, tag, &bound, false);
        }
    }
}

static void ask_everything(void) {
    store_reading reading;
    store_reading_begin(&reading, &w.store);
    for (unsigned run = 0; run < RUNS; run++) {
        ask_all_keys(&reading, run);
    }
    ask_holds(&reading);
    store_reading_end(&reading);
}

/* The last commits of all are asked for before and after: what is trimmed meanwhile comes close. */
static void ask_recent(void) {
    store_reading reading;
    store_reading_begin(&reading, &w.store);
    for (uint64_t v = w.last < 5 ? 0 : w.last - 5; v <= w.last; v++) {
        for (unsigned run = 0; run < RUNS; run++) {
            for (unsigned place = 0; place < TAGS * KEYS; place++) {
                ask_version(&reading, run, place / KEYS, place % KEYS, v);
            }
        }
    }
    store_reading_end(&reading);
}

/* ---- Looking after it ------------------------------------------------------------------------ */

static void maintain(void) {
    st_compact_result result;
    bool more = true;
    switch (below(8)) {
    case 0:
        assert_int_equal(st_store_compact(&w.store, true, &result, NULL), STRATA_OK);
        break;
    case 1:
        if (!w.in_memory) {
            close_world();
            open_world();
        }
        break;
    case 2:
    case 3:
        while (!w.in_memory && more) {
            assert_int_equal(st_maintenance_step(&w.store, &more, NULL), STRATA_OK);
            const st_view *view = st_tables_view(&w.store);
            w.deep =
                w.deep || (view != NULL && view->levels[1].count > 0 && view->levels[2].count > 0);
        }
        break;
    default:
        assert_int_equal(st_store_compact(&w.store, false, &result, NULL), STRATA_OK);
        break;
    }
    const st_view *after = st_tables_view(&w.store);
    assert_true(after == NULL || st_view_check(after));
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static sim *live(uint64_t seed, bool in_memory, bool asks) {
    memset(&w, 0, sizeof w);
    w.machine = sim_new(seed);
    w.in_memory = in_memory;
    w.chance = seed;
    open_world();
    while (w.last < COMMITS) {
        move_clock();
        make_commit();
        if (below(9) == 0) {
            if (asks) {
                ask_recent();
            }
            maintain();
            if (asks) {
                ask_recent();
            }
        }
        if (below(25) == 0) {
            move_hold();
        }
        if (asks && w.last % 60 == 0) {
            uint64_t chance = w.chance; /* what is asked does not change the life */
            ask_everything();
            w.chance = chance;
        }
    }
    assert_true(!asks || w.trimmed > 1000);
    assert_true(in_memory || w.deep);
    close_world();
    return w.machine;
}

static void lives(bool in_memory) {
    const uint64_t first = env_number("SEED", 1);
    const uint64_t count = env_number("SEED", 0) != 0 ? 1 : env_number("SEEDS", 6);
    for (uint64_t seed = first; seed < first + count; seed++) {
        replay_hint("SEED=%llu make test-unit T=store/test_history", (unsigned long long)seed);
        sim_free(live(seed, in_memory, true));
    }
    replay_hint(NULL);
}

static void on_disk(void **state) {
    (void)state;
    lives(false);
}

static void in_memory(void **state) {
    (void)state;
    lives(true);
}

static void the_same_twice(void **state) {
    (void)state;
    sim *one = live(77, false, false);
    sim *other = live(77, false, true);
    size_t tables = 0;
    for (size_t i = 0; i < one->entry_count; i++) {
        const char *name = one->entries[i]->name;
        const strata_slice left = sim_copy(one, name, false);
        const strata_slice right = sim_copy(other, name, false);
        test_bytes_equal(left, right, name);
        tables += left.data != NULL && strstr(name, ".tab") != NULL ? 1 : 0;
        sim_release(left);
        sim_release(right);
    }
    assert_true(tables > 0);
    sim_free(one);
    sim_free(other);
}

/* What is committed while a flush begins is in its table and stays in a memtable until the next one
 * (flush.c). A merge that trims the table in between knows nothing of the memtable: the mark must be
 * heeded although the same version in front of it has none. */
static void twice_for_a_while(void **state) {
    (void)state;
    memset(&w, 0, sizeof w);
    w.machine = sim_new(1);
    open_world();
    st_compact_result result;
    store_reading reading;
    st_revision revision;
    st_key key;
    bool found;
    for (unsigned i = 0; i < 4; i++) { /* versions 1 to 4 */
        w.machine->wall_us += 10;
        (void)store_put(&w.store, 2, "k", i % 2 == 0 ? "even" : "odd");
    }
    assert_int_equal(st_store_compact(&w.store, true, &result, NULL), STRATA_OK);
    assert_int_equal(result.versions_removed, 3);
    st_memtable *table = st_shard_newest(shard_of(1));
    st_key_text(&key, ST_TAG_KV, strata_text("k"));
    for (uint64_t version = 3; version <= 4; version++) {
        st_staged staged;
        const st_write write = {.key = st_key_slice(&key),
                                .value = strata_text(version == 3 ? "even" : "odd")};
        assert_int_equal(st_memtable_stage(table, &write, &staged), STRATA_OK);
        st_memtable_link(table, &staged, version, w.machine->wall_us);
    }
    for (unsigned round = 0; round < 2; round++) {
        store_reading_begin(&reading, &w.store);
        for (uint64_t version = 1; version <= 4; version++) {
            const st_bound bound = {version, INT64_MAX, true, false};
            const strata_status status = st_read_live(
                &reading.reader, shard_of(1), st_key_slice(&key), &bound, &revision, &found);
            const uint64_t oldest = round == 0 ? 3 : 4;
            assert_int_equal(status, version < oldest ? STRATA_HISTORY_TRIMMED : STRATA_OK);
            assert_true(version < oldest || (found && revision.number == version));
        }
        store_reading_end(&reading);
        (void)store_put(&w.store, 1, "other", "run");
        assert_int_equal(st_store_compact(&w.store, false, &result, NULL), STRATA_OK);
    }
    assert_int_equal(st_store_compact(&w.store, true, &result, NULL), STRATA_OK);
    assert_int_equal(result.versions_removed, 0);
    store_reading_begin(&reading, &w.store);
    const st_bound bound = {2, INT64_MAX, true, false};
    assert_int_equal(
        st_read_live(&reading.reader, shard_of(1), st_key_slice(&key), &bound, &revision, &found),
        STRATA_HISTORY_TRIMMED);
    assert_int_equal(error_number(&reading.error, "earliest_retained"), 4);
    assert_string_equal(error_text(&reading.error, "policy"), "last 1");
    store_reading_end(&reading);
    close_world();
    sim_free(w.machine);
}

/* A commit that nobody sees yet, as it waits for its sync, takes nothing away from those who read. */
static void unpublished(void **state) {
    (void)state;
    memset(&w, 0, sizeof w);
    w.machine = sim_new(1);
    open_world();
    st_compact_result result;
    store_reading reading;
    st_revision revision;
    st_key key;
    bool found = false;
    (void)store_put(&w.store, 2, "k", "old");
    const uint64_t seen = st_shard_snapshot(shard_of(1));
    (void)store_put(&w.store, 2, "k", NULL);
    atomic_store(&shard_of(1)->published, seen); /* as in strict mode before the sync is over */
    assert_int_equal(st_store_compact(&w.store, true, &result, NULL), STRATA_OK);
    assert_int_equal(result.versions_removed, 0);
    const st_bound bound = st_bound_version(seen);
    st_key_text(&key, ST_TAG_KV, strata_text("k"));
    store_reading_begin(&reading, &w.store);
    assert_int_equal(
        st_read_live(&reading.reader, shard_of(1), st_key_slice(&key), &bound, &revision, &found),
        STRATA_OK);
    assert_true(found);
    store_reading_end(&reading);
    atomic_store(&shard_of(1)->published, seen + 1);
    assert_int_equal(st_store_compact(&w.store, true, &result, NULL), STRATA_OK);
    assert_int_equal(result.versions_removed, 2);
    close_world();
    sim_free(w.machine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_disk),        cmocka_unit_test(in_memory),
        cmocka_unit_test(the_same_twice), cmocka_unit_test(twice_for_a_while),
        cmocka_unit_test(unpublished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
