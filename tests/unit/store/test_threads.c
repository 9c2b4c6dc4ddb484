/* test_threads.c - commits and reads by many threads.
 *
 * Strict mode, eight writers on one run and on four: when a commit is acknowledged its record is in
 * the durable image of the disk and readers see it; versions have no gaps; and writers share syncs:
 * the simulated sync waits until all writers of the round have appended, so a round of eight
 * commits takes at most two syncs, without a clock and without luck. Readers beside writers: a
 * snapshot never shows half of a commit, events have no gaps, what was acknowledged before a read
 * began is there. as_of in strict mode names commits that are durable, never one that waits for its
 * sync.
 */
#include "store_log.h"

#include <sched.h>

#include "api/handle.h"
#include "format/key.h"

enum { WRITERS = 8, ROUNDS = 25, VERSIONS = WRITERS * ROUNDS };

static st_wal *wal_of(strata_db *db) {
    return &db->engine->model.store.wal;
}

static uint64_t version_given_out(strata_db *db) {
    st_wal *wal = wal_of(db);
    st_mutex_lock(&wal->lock, &wal->host->executor);
    const uint64_t version = wal->version;
    st_mutex_unlock(&wal->lock, &wal->host->executor);
    return version;
}

/* ---- Group commit ---------------------------------------------------------------------------- */

static struct {
    sim *machine;
    strata_db *db;
    strata_run runs[4];
    size_t run_count;
    pthread_barrier_t barrier;
    uint64_t first;       /* version before the round */
    _Atomic bool shaking; /* whether the sync waits for all writers */
    _Atomic uint64_t syncs;
    _Atomic uint64_t durable;         /* newest version in the durable image */
    _Atomic uint32_t taken[VERSIONS]; /* how often each version was acknowledged */
    _Atomic uint64_t acknowledged[4]; /* newest of each run */
    _Atomic uint32_t failures;
} group;

static void fail_in_thread(const char *what) {
    print_error("%s\n", what);
    atomic_fetch_add(&group.failures, 1);
}

/* The newest version in the durable image of the one segment. */
static uint64_t durable_version(void) {
    uint64_t starts[VERSIONS + 64];
    const strata_slice bytes = sim_copy(group.machine, "db/WAL/wal-1.seg", true);
    const size_t count = frames_of(bytes, starts, VERSIONS + 64);
    uint64_t version = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = (const uint8_t *)bytes.data + starts[i];
        const st_wal_frame frame = st_wal_frame_read(at);
        if (!st_wal_frame_holds(at, &frame) || frame.version_low != version + 1) {
            fail_in_thread("the durable log has a gap");
        }
        version = frame.version_low;
    }
    sim_release(bytes);
    return version;
}

static void on_call(void *arg, uint32_t kind, const char *name) {
    (void)arg;
    if (strstr(name, "wal-") == NULL) {
        return;
    }
    if (kind == SIM_SYNC && atomic_load(&group.shaking)) {
        atomic_fetch_add(&group.syncs, 1);
        while (version_given_out(group.db) < group.first + WRITERS) {
            (void)sched_yield();
        }
    } else if (kind == SIM_SYNCED) {
        atomic_store(&group.durable, durable_version());
    }
}

static void commit_and_check(strata_db *db, size_t writer, unsigned round) {
    const size_t place = writer % group.run_count;
    char key[32];
    uint64_t version = 0;
    (void)snprintf(key, sizeof key, "w%zu-%u", writer, round);
    if (strata_kv_put(db, group.runs[place], strata_text(key), strata_int(round), &version) !=
        STRATA_OK) {
        fail_in_thread(strata_errmsg(db));
        return;
    }
    if (atomic_load(&group.durable) < version) {
        fail_in_thread("acknowledged before it was durable");
    }
    if (version <= group.first || version > group.first + WRITERS) {
        fail_in_thread("a version out of its round");
        return;
    }
    atomic_fetch_add(&group.taken[version - group.first - 1 + (uint64_t)round * WRITERS], 1);
    /* Whatever was acknowledged in this run is seen by whoever looks now. */
    uint64_t newest = atomic_load(&group.acknowledged[place]);
    while (newest < version &&
           !atomic_compare_exchange_weak(&group.acknowledged[place], &newest, version)) {
    }
    newest = atomic_load(&group.acknowledged[place]);
    const st_shard *shard = st_shards_find(&db->engine->model.store.shards, group.runs[place]);
    strata_entry entry;
    if (st_shard_snapshot(shard) < newest ||
        strata_kv_get(db, group.runs[place], strata_text(key), &entry) != STRATA_OK ||
        entry.version != version) {
        fail_in_thread("acknowledged and not seen");
    }
}

static void *write_rounds(void *arg) {
    const size_t writer = (size_t)(uintptr_t)arg;
    strata_db *db = NULL;
    (void)pthread_barrier_wait(&group.barrier); /* handles are made one after the other */
    for (size_t i = 0; i < WRITERS; i++) {
        if (i == writer && strata_attach(group.db, &db) != STRATA_OK) {
            fail_in_thread("attach");
        }
        (void)pthread_barrier_wait(&group.barrier);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (pthread_barrier_wait(&group.barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
            group.first = version_given_out(group.db);
            atomic_store(&group.syncs, 0);
        }
        (void)pthread_barrier_wait(&group.barrier);
        commit_and_check(db, writer, round);
        if (pthread_barrier_wait(&group.barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
            const uint64_t syncs = atomic_load(&group.syncs);
            if (syncs < 1 || syncs > 2) {
                fail_in_thread("eight commits took more than two syncs");
            }
        }
    }
    (void)strata_close(db);
    return NULL;
}

static void group_commit_on(size_t run_count) {
    pthread_t threads[WRITERS];
    memset(&group, 0, sizeof group);
    group.machine = sim_new(1);
    sim_use_threads(group.machine);
    strata_options options = db_options(group.machine, STRATA_STRICT);
    options.wal_segment_bytes = 1 << 24;
    assert_int_equal(strata_open("db", &options, &group.db), STRATA_OK);
    group.run_count = run_count;
    for (size_t i = 0; i < run_count; i++) {
        assert_int_equal(strata_run_create(group.db, st_slice("", 0), &group.runs[i]), STRATA_OK);
    }
    const uint64_t before = version_given_out(group.db);
    assert_int_equal(pthread_barrier_init(&group.barrier, NULL, WRITERS), 0);
    group.machine->hook = on_call;
    atomic_store(&group.shaking, true);
    for (uintptr_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_rounds, (void *)i), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    atomic_store(&group.shaking, false);
    assert_int_equal(atomic_load(&group.failures), 0);
    assert_int_equal(version_given_out(group.db), before + VERSIONS);
    for (size_t i = 0; i < VERSIONS; i++) {
        assert_int_equal(atomic_load(&group.taken[i]), 1);
    }
    group.machine->hook = NULL;
    db_verify(group.db);
    db_close(group.db);
    (void)pthread_barrier_destroy(&group.barrier);
    sim_free(group.machine);
}

static void group_commit_on_one_run(void **state) {
    (void)state;
    group_commit_on(1);
}

static void group_commit_on_four_runs(void **state) {
    (void)state;
    group_commit_on(4);
}

/* ---- Readers beside writers ------------------------------------------------------------------ */

enum { PAIRS = 1500, EVENTS = 400, READERS = 3 };

static struct {
    st_store store;
    st_shard *shard;
    _Atomic uint64_t acknowledged;
    _Atomic bool failed;
} pairs;

/* Both keys of the pair in one commit. */
static void write_pair(uint64_t number) {
    strata_error error;
    st_commit commit;
    st_key keys[2];
    uint8_t value[8];
    uint64_t version;
    store64_le(value, number);
    st_key_text(&keys[0], ST_TAG_KV, strata_text("a"));
    st_key_text(&keys[1], ST_TAG_KV, strata_text("z"));
    const st_write writes[] = {{.key = st_key_slice(&keys[0]), .value = st_slice(value, 8)},
                               {.key = st_key_slice(&keys[1]), .value = st_slice(value, 8)}};
    assert_int_equal(st_commit_begin(&commit, &pairs.store, pairs.shard, &error), STRATA_OK);
    assert_int_equal(st_commit_finish(&commit, writes, 2, NULL, &version, &error), STRATA_OK);
    atomic_store_explicit(&pairs.acknowledged, number, memory_order_release);
}

static bool read_pair(bool reverse) {
    static const uint8_t low[] = {ST_TAG_KV};
    static const uint8_t high[] = {ST_TAG_KV + 1};
    const uint64_t before = atomic_load_explicit(&pairs.acknowledged, memory_order_acquire);
    uint64_t numbers[3] = {0, 0, 0};
    size_t count = 0;
    store_reading reading;
    store_reading_begin(&reading, &pairs.store);
    const st_bound bound = st_bound_version(st_shard_snapshot(pairs.shard));
    const st_scan_range range = {st_slice(low, 1), st_slice(high, 1), reverse};
    st_scan *scan = st_arena_alloc(&reading.arena, sizeof *scan, 16);
    bool good = scan != NULL &&
                st_scan_start(scan, &reading.reader, pairs.shard, &range, &bound) == STRATA_OK;
    while (good && scan->here && count < 3) {
        strata_slice value;
        good = st_scan_value(scan, &value) == STRATA_OK;
        numbers[count++] = good ? load64_le(value.data) : 0;
        good = good && st_scan_next(scan) == STRATA_OK;
    }
    store_reading_end(&reading);
    if (!good) {
        return false;
    }
    return (count == 2 && numbers[0] == numbers[1] && numbers[0] >= before) ||
           (count == 0 && before == 0);
}

static void *read_pairs(void *arg) {
    bool reverse = (uintptr_t)arg % 2 == 0;
    while (atomic_load(&pairs.acknowledged) < PAIRS) {
        if (!read_pair(reverse)) {
            atomic_store(&pairs.failed, true);
        }
        reverse = !reverse;
    }
    return NULL;
}

static void snapshots_show_whole_commits(void **state) {
    (void)state;
    const strata_durability modes[] = {STRATA_BUFFERED, STRATA_STRICT};
    for (size_t mode = 0; mode < 2; mode++) {
        pthread_t readers[READERS];
        strata_error error;
        sim *s = sim_new(1);
        sim_use_threads(s);
        memset(&pairs, 0, sizeof pairs);
        assert_int_equal(store_open(s, &pairs.store, modes[mode], 1 << 24, 0, &error), STRATA_OK);
        assert_int_equal(st_shards_add(&pairs.store.shards, 1, &pairs.shard, &error), STRATA_OK);
        for (uintptr_t i = 0; i < READERS; i++) {
            assert_int_equal(pthread_create(&readers[i], NULL, read_pairs, (void *)i), 0);
        }
        for (uint64_t number = 1; number <= PAIRS; number++) {
            write_pair(number);
        }
        for (size_t i = 0; i < READERS; i++) {
            assert_int_equal(pthread_join(readers[i], NULL), 0);
        }
        assert_false(atomic_load(&pairs.failed));
        assert_true(st_memtable_check(st_shard_newest(pairs.shard)));
        assert_int_equal(st_store_close(&pairs.store, &error), STRATA_OK);
        sim_free(s);
    }
}

static struct {
    strata_db *handles[2 + READERS];
    _Atomic uint32_t writers_left;
    _Atomic bool failed;
} events;

static void *append_events(void *arg) {
    strata_db *db = arg;
    static const uint8_t empty = 0x80;
    for (int i = 0; i < EVENTS; i++) {
        if (strata_event_append(db, STRATA_RUN_DEFAULT, strata_text("t"),
                                strata_object(st_slice(&empty, 1)), NULL) != STRATA_OK) {
            atomic_store(&events.failed, true);
        }
    }
    atomic_fetch_sub(&events.writers_left, 1);
    return NULL;
}

/* ["event.verify", {}] answers [true, {valid: true, length}]; lengths never go down. */
static void *verify_events(void *arg) {
    strata_db *db = arg;
    static const char request[] = "\x92\xac"
                                  "event.verify"
                                  "\x80";
    static const char good[] = "\x92\xc3\x82\xa5"
                               "valid"
                               "\xc3\xa6"
                               "length";
    strata_buffer response = {NULL, 0, 0, NULL};
    uint64_t last = 0;
    bool done = false;
    while (!done) {
        done = atomic_load(&events.writers_left) == 0;
        const strata_status status =
            strata_exec(db, st_slice(request, sizeof request - 1), &response);
        st_cursor cursor = st_cursor_over(st_buffer_slice(&response));
        strata_slice head;
        st_token length = {STRATA_NULL, {.integer = 0}};
        if (status != STRATA_OK || !st_cursor_take(&cursor, sizeof good - 1, &head) ||
            memcmp(head.data, good, head.len) != 0 || !st_msgpack_next(&cursor, &length) ||
            (uint64_t)length.as.integer < last) {
            atomic_store(&events.failed, true);
            break;
        }
        last = (uint64_t)length.as.integer;
    }
    strata_buffer_free(&response);
    return last == 2 * EVENTS ? arg : NULL;
}

static void events_without_gaps(void **state) {
    (void)state;
    enum { HANDLES = 2 + READERS };
    pthread_t threads[HANDLES];
    sim *s = sim_new(1);
    sim_use_threads(s);
    strata_db *db = db_open(s, STRATA_BUFFERED);
    atomic_store(&events.writers_left, 2);
    for (size_t i = 0; i < HANDLES; i++) {
        assert_int_equal(strata_attach(db, &events.handles[i]), STRATA_OK);
    }
    for (size_t i = 0; i < HANDLES; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, i < 2 ? append_events : verify_events,
                                        events.handles[i]),
                         0);
    }
    for (size_t i = 0; i < HANDLES; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_true(i < 2 || result != NULL);
        db_close(events.handles[i]);
    }
    assert_false(atomic_load(&events.failed));
    db_close(db);
    sim_free(s);
}

/* ---- as_of beside a sync --------------------------------------------------------------------- */

static struct {
    strata_db *reader;
    uint64_t asked;
} waiting;

/* While the commit of "k" waits in its sync, another handle asks for it by its number. */
static void ask_meanwhile(void *arg, uint32_t kind, const char *name) {
    (void)arg;
    if (kind == SIM_SYNC && strstr(name, "wal-") != NULL) {
        const uint64_t version = version_given_out(waiting.reader);
        (void)ask(waiting.reader, STRATA_INVALID_ARGUMENT, "kv.get", "{\"key\":\"k\",\"as_of\":%u}",
                  (unsigned)version);
        (void)ask(waiting.reader, STRATA_OK, "kv.get", "{\"key\":\"old\",\"as_of\":%u}",
                  (unsigned)version - 1);
        (void)ask(waiting.reader, STRATA_NOT_FOUND, "kv.get", "{\"key\":\"k\"}");
        waiting.asked = version;
    }
}

static void as_of_names_durable_commits(void **state) {
    (void)state;
    sim *s = sim_new(1);
    strata_db *db = db_open(s, STRATA_STRICT);
    assert_int_equal(strata_attach(db, &waiting.reader), STRATA_OK);
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"old\",\"value\":0}");
    waiting.asked = 0;
    s->hook = ask_meanwhile;
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"k\",\"value\":1}");
    s->hook = NULL;
    assert_int_equal(waiting.asked, db_version(db));
    (void)ask(waiting.reader, STRATA_OK, "kv.get", "{\"key\":\"k\",\"as_of\":%u}",
              (unsigned)waiting.asked);
    db_close(waiting.reader);
    db_close(db);
    sim_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(group_commit_on_one_run),      cmocka_unit_test(group_commit_on_four_runs),
        cmocka_unit_test(snapshots_show_whole_commits), cmocka_unit_test(events_without_gaps),
        cmocka_unit_test(as_of_names_durable_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
