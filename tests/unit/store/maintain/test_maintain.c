/* test_maintain.c - who flushes and merges, and when, and that nobody notices.
 *
 * Threads: one commits eight keys at a time, one flushes and merges without a pause, the others get
 * and scan; every snapshot shows whole commits, and the newest that was acknowledged before. Without
 * an executor: writers flush when the memtables are over their limit, and go on when that fails.
 * With one: it is woken, writers wait only when it is far behind, and are refused only when it
 * cannot go on; then everything goes on where it was.
 * Verification reads the files of one moment while all of that goes on.
 */
#include "store_model.h"

#include "store/copies/verify.h"

#include <pthread.h>

enum { MEMORY_BYTES = 1 << 18, LIMIT = MEMORY_BYTES / 4 };

/* ---- Readers beside it ----------------------------------------------------------------------- */

enum { GROUP = 8, COMMITS = 1200, READERS = 2 };

static struct {
    sim *machine;
    st_store store;
    st_shard *shard;
    st_key keys[GROUP];
    _Atomic uint64_t acknowledged;
    _Atomic bool done;
    _Atomic uint64_t wrong;
} shared;

static void write_group(uint64_t number) {
    uint8_t value[200];
    st_write writes[GROUP];
    st_commit commit;
    strata_error error;
    uint64_t version;
    uint64_t chance = number;
    for (size_t i = 8; i < sizeof value; i++) {
        value[i] = (uint8_t)test_random(&chance);
    }
    store64_le(value, number);
    for (size_t i = 0; i < GROUP; i++) {
        writes[i] = (st_write){.key = st_key_slice(&shared.keys[i]),
                               .value = st_slice(value, sizeof value)};
    }
    assert_int_equal(st_commit_begin(&commit, &shared.store, shared.shard, &error), STRATA_OK);
    assert_int_equal(st_commit_finish(&commit, writes, GROUP, NULL, &version, &error), STRATA_OK);
    atomic_store(&shared.acknowledged, number);
}

/* All keys must hold the same number, of the last acknowledged commit or a later one. */
static bool scan_group(store_reading *reading, const st_bound *bound, bool reverse,
                       uint64_t least) {
    static const uint8_t low[] = {ST_TAG_KV};
    static const uint8_t high[] = {ST_TAG_KV + 1};
    const st_scan_range range = {st_slice(low, 1), st_slice(high, 1), reverse};
    st_scan *scan = st_arena_alloc(&reading->arena, sizeof *scan, 16);
    uint64_t first = 0;
    size_t count = 0;
    if (scan == NULL ||
        st_scan_start(scan, &reading->reader, shared.shard, &range, bound) != STRATA_OK) {
        return false;
    }
    while (scan->here) {
        strata_slice value;
        if (st_scan_value(scan, &value) != STRATA_OK) {
            return false;
        }
        const uint64_t number = load64_le(value.data);
        first = count == 0 ? number : first;
        count++;
        if (number != first || number < least || st_scan_next(scan) != STRATA_OK) {
            return false;
        }
    }
    return count == GROUP || (count == 0 && least == 0);
}

static bool get_group(store_reading *reading, const st_bound *bound, uint64_t least) {
    uint64_t first = 0;
    for (size_t i = 0; i < GROUP; i++) {
        st_revision revision;
        bool found = false;
        if (st_read_live(&reading->reader, shared.shard, st_key_slice(&shared.keys[i]), bound,
                         &revision, &found) != STRATA_OK) {
            return false;
        }
        const uint64_t number = found ? load64_le(revision.value.data) : 0;
        first = i == 0 ? number : first;
        if (number != first || number < least) {
            return false;
        }
    }
    return true;
}

static void *read_groups(void *arg) {
    (void)arg;
    for (unsigned round = 0; !atomic_load(&shared.done); round++) {
        store_reading reading;
        const uint64_t least = atomic_load(&shared.acknowledged);
        store_reading_begin(&reading, &shared.store);
        const st_bound bound = st_bound_version(st_shard_snapshot(shared.shard));
        const bool good = round % 3 == 0 ? get_group(&reading, &bound, least)
                                         : scan_group(&reading, &bound, round % 3 == 1, least);
        atomic_fetch_add(&shared.wrong, good ? 0 : 1);
        store_reading_end(&reading);
    }
    return NULL;
}

static void *maintain(void *arg) {
    (void)arg;
    for (unsigned round = 0; !atomic_load(&shared.done); round++) {
        st_compact_result result;
        strata_error error;
        bool more;
        const strata_status status = round % 3 == 0 ? st_store_flush(&shared.store, &error)
                                     : round % 7 == 1
                                         ? st_store_compact(&shared.store, true, &result, &error)
                                         : st_maintenance_step(&shared.store, &more, &error);
        atomic_fetch_add(&shared.wrong, status == STRATA_OK ? 0 : 1);
    }
    return NULL;
}

static void readers_beside_maintenance(void **state) {
    (void)state;
    pthread_t threads[READERS + 1];
    strata_error error;
    memset(&shared, 0, sizeof shared);
    shared.machine = sim_new(1);
    sim_use_threads(shared.machine);
    strata_options options = db_options(shared.machine, STRATA_BUFFERED);
    options.memory_bytes = MEMORY_BYTES;
    assert_int_equal(st_store_open(&shared.store, "db", &options, &error), STRATA_OK);
    assert_int_equal(st_shards_add(&shared.store.shards, 1, &shared.shard, &error), STRATA_OK);
    for (size_t i = 0; i < GROUP; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "k%zu", i);
        st_key_text(&shared.keys[i], ST_TAG_KV, strata_text(text));
    }
    for (size_t i = 0; i <= READERS; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, i == READERS ? maintain : read_groups, NULL), 0);
    }
    for (uint64_t number = 1; number <= COMMITS; number++) {
        write_group(number);
    }
    atomic_store(&shared.done, true);
    for (size_t i = 0; i <= READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&shared.wrong), 0);
    assert_true(atomic_load(&shared.store.maintenance->flushes) > 0);
    bool more = true;
    while (more) { /* what is half merged has files of its own */
        assert_int_equal(st_maintenance_step(&shared.store, &more, &error), STRATA_OK);
    }
    st_epoch_reclaim(&shared.store.epoch);
    sm_check_files(shared.machine, &shared.store);
    assert_int_equal(st_store_close(&shared.store, &error), STRATA_OK);
    sim_free(shared.machine);
}

/* ---- Limits ---------------------------------------------------------------------------------- */

typedef struct bench {
    sim *machine;
    store_model model;
    st_store store;
    strata_error error;
} bench;

static void bench_begin(bench *b, uint64_t seed) {
    memset(b, 0, sizeof *b);
    b->machine = sim_new(seed);
    sm_init(&b->model, seed, 2000);
}

/* With a log that has room for all of it. */
static void bench_open(bench *b) {
    strata_options options = db_options(b->machine, STRATA_STRICT);
    options.memory_bytes = MEMORY_BYTES;
    options.wal_segment_bytes = 1 << 24;
    assert_int_equal(st_store_open(&b->store, "db", &options, &b->error), STRATA_OK);
    assert_int_equal(st_memtable_limit(&b->store), LIMIT);
}

static void bench_end(bench *b) {
    sm_check(&b->model, &b->store);
    assert_int_equal(st_store_close(&b->store, &b->error), STRATA_OK);
    sm_verify(b->machine);
    sm_free(&b->model);
    sim_free(b->machine);
}

static uint64_t flushes(const bench *b) {
    return atomic_load(&b->store.maintenance->flushes);
}

static uint64_t memtable_bytes(const bench *b) {
    return atomic_load(&((bench *)(uintptr_t)b)->store.memtable_bytes);
}

/* Memory stays within its limit, whoever commits. */
static void writers_flush_themselves(void **state) {
    (void)state;
    bench b;
    bench_begin(&b, 2);
    bench_open(&b);
    for (unsigned i = 0; i < 400; i++) {
        assert_int_equal(sm_commit(b.machine, &b.model, &b.store), STRATA_OK);
        assert_true(memtable_bytes(&b) < LIMIT);
    }
    assert_true(flushes(&b) > 3);
    assert_true(st_tables_view(&b.store)->levels[0].count <= 12);
    bench_end(&b);
}

/* Called before each call of the storage: no table can be made. */
static void refuse_tables(void *arg, uint32_t kind, const char *name) {
    if (kind == SIM_OPEN && strstr(name, "/DATA/") != NULL) {
        sim_fail(arg, SIM_CREATE, 1, STRATA_NO_SPACE, true);
    }
}

/* A flush that fails is not tried again at each commit, commits go on, and when there is space again
 * so does the flush. */
static void a_flush_that_fails(void **state) {
    (void)state;
    bench b;
    bench_begin(&b, 4);
    bench_open(&b);
    b.machine->hook = refuse_tables;
    b.machine->hook_arg = b.machine;
    unsigned commits = 0;
    while (b.machine->warnings == 0) {
        assert_int_equal(sm_commit(b.machine, &b.model, &b.store), STRATA_OK);
        commits++;
    }
    assert_int_equal(atomic_load(&b.store.maintenance->failed), STRATA_NO_SPACE);
    assert_int_equal(sm_commit(b.machine, &b.model, &b.store), STRATA_OK);
    assert_int_equal(b.machine->warnings, 1);
    b.machine->hook = NULL;
    sm_check(&b.model, &b.store);
    sim_heal(b.machine);
    for (unsigned i = 0; flushes(&b) == 0 && i < commits * 4; i++) {
        assert_int_equal(sm_commit(b.machine, &b.model, &b.store), STRATA_OK);
    }
    assert_int_equal(flushes(&b), 1);
    assert_int_equal(atomic_load(&b.store.maintenance->failed), STRATA_OK);
    assert_int_equal(atomic_load(&b.store.frozen_bytes), 0);
    bench_end(&b);
}

/* ---- At rest --------------------------------------------------------------------------------- */

static void commit_large(bench *b, st_shard *shard, size_t len) {
    uint8_t *value = calloc(1, len);
    st_key key;
    st_commit commit;
    uint64_t version;
    assert_non_null(value);
    st_key_text(&key, ST_TAG_KV, strata_text("large"));
    const st_write write = {.key = st_key_slice(&key), .value = st_slice(value, len)};
    assert_int_equal(st_commit_begin(&commit, &b->store, shard, &b->error), STRATA_OK);
    assert_int_equal(st_commit_finish(&commit, &write, 1, NULL, &version, &b->error), STRATA_OK);
    free(value);
}

/* Memtables and the log keep memory for the commits that follow, and give it back when none does. */
static void rests_with_little(void **state) {
    (void)state;
    enum { LEN = 1 << 20, LARGE = 200 };
    bench b;
    st_shard *shard;
    bool more = true;
    bench_begin(&b, 6);
    strata_options options = db_options(b.machine, STRATA_STRICT);
    options.memory_bytes = 128 << 20;
    assert_int_equal(st_store_open(&b.store, "db", &options, &b.error), STRATA_OK);
    assert_int_equal(st_shards_add(&b.store.shards, 1, &shard, &b.error), STRATA_OK);
    for (unsigned i = 0; i < LARGE; i++) {
        commit_large(&b, shard, i < LARGE / 2 ? LEN : LEN / 16);
    }
    assert_int_equal(st_store_flush(&b.store, &b.error), STRATA_OK);
    while (more) {
        assert_int_equal(st_maintenance_step(&b.store, &more, &b.error), STRATA_OK);
    }
    st_epoch_reclaim(&b.store.epoch);
    assert_true(b.store.chunks.bytes >= LEN && b.store.wal.payload.cap >= LEN);
    b.machine->monotonic_ns += 2000000000;
    commit_large(&b, shard, 10); /* a commit, so no rest */
    assert_int_equal(st_maintenance_step(&b.store, &more, &b.error), STRATA_OK);
    assert_true(b.store.chunks.bytes >= LEN && b.store.wal.payload.cap >= LEN);
    b.machine->monotonic_ns += 800000000;
    assert_int_equal(st_maintenance_step(&b.store, &more, &b.error), STRATA_OK);
    assert_true(b.store.chunks.bytes >= LEN && b.store.wal.payload.cap >= LEN);
    b.machine->monotonic_ns += 100000000;
    assert_int_equal(st_maintenance_step(&b.store, &more, &b.error), STRATA_OK);
    assert_int_equal(b.store.chunks.bytes, 0);
    assert_true(b.store.wal.payload.cap < LEN && b.store.wal.pending.cap < LEN &&
                b.store.wal.flushing.cap < LEN);
    commit_large(&b, shard, LEN);
    assert_int_equal(st_store_close(&b.store, &b.error), STRATA_OK);
    sm_free(&b.model);
    sim_free(b.machine);
}

/* ---- With an executor ------------------------------------------------------------------------ */

/* One that never comes to it. */
static struct {
    unsigned started;
    unsigned kicked;
    unsigned stopped;
} busy;

static strata_status start(void *ctx, void (*step)(void *arg), void *arg, uint32_t every_ms,
                           strata_job **job) {
    (void)ctx;
    (void)step;
    (void)arg;
    (void)every_ms;
    busy.started++;
    *job = (strata_job *)&busy;
    return STRATA_OK;
}

static void kick(void *ctx, strata_job *job) {
    (void)ctx;
    (void)job;
    busy.kicked++;
}

static void stop(void *ctx, strata_job *job) {
    (void)ctx;
    (void)job;
    busy.stopped++;
}

static void be_busy(bench *b) {
    memset(&busy, 0, sizeof busy);
    sim_use_threads(b->machine);
    b->machine->host.executor.start = start;
    b->machine->host.executor.kick = kick;
    b->machine->host.executor.stop = stop;
}

static void a_busy_executor(void **state) {
    (void)state;
    bench b;
    bench_begin(&b, 6);
    be_busy(&b);
    bench_open(&b);
    assert_int_equal(busy.started, 1); /* strict: nothing is to be synced */
    while (busy.kicked == 0) {
        assert_int_equal(sm_commit(b.machine, &b.model, &b.store), STRATA_OK);
    }
    assert_true(memtable_bytes(&b) >= LIMIT);
    assert_int_equal(flushes(&b), 0);
    /* Nobody comes: at twice the limit a writer does it. */
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(sm_commit(b.machine, &b.model, &b.store), STRATA_OK);
        assert_true(memtable_bytes(&b) < 3 * LIMIT);
    }
    assert_int_equal(busy.kicked, 1); /* it knows */
    assert_true(flushes(&b) > 0);
    bench_end(&b);
    assert_int_equal(busy.stopped, 1);
}

/* Where nothing can be written out, memory has an end: writers are told, nothing is lost, and they go
 * on when there is space. With and without somebody who should do it. */
static void refused_and_taken_again(void **state) {
    (void)state;
    for (unsigned alone = 0; alone < 2; alone++) {
        bench b;
        bench_begin(&b, 8);
        if (alone == 0) {
            be_busy(&b);
        }
        bench_open(&b);
        b.machine->hook = refuse_tables;
        b.machine->hook_arg = b.machine;
        strata_status status = STRATA_OK;
        for (unsigned commits = 0; status == STRATA_OK; commits++) {
            status = sm_commit(b.machine, &b.model, &b.store);
            assert_true(commits < 2000);
        }
        assert_int_equal(status, STRATA_NO_SPACE);
        assert_true(memtable_bytes(&b) + atomic_load(&b.store.frozen_bytes) < 10 * LIMIT);
        sm_check(&b.model, &b.store);
        /* It is not tried again for each of those who are refused. */
        const uint64_t warnings = b.machine->warnings;
        for (unsigned i = 0; i < 10; i++) {
            assert_int_equal(sm_commit(b.machine, &b.model, &b.store), STRATA_NO_SPACE);
        }
        assert_int_equal(b.machine->warnings, warnings);
        b.machine->hook = NULL;
        b.machine->monotonic_ns += 1000000000;
        for (unsigned i = 0; i < 50; i++) {
            assert_int_equal(sm_commit(b.machine, &b.model, &b.store), STRATA_OK);
        }
        assert_true(flushes(&b) > 0);
        assert_int_equal(st_store_flush(&b.store, &b.error), STRATA_OK);
        assert_int_equal(atomic_load(&b.store.frozen_bytes), 0);
        bench_end(&b);
    }
}

/* ---- Beside verification --------------------------------------------------------------------- */

typedef struct meddling {
    bench *b;
    bool inside; /* what it does calls the storage too */
    unsigned rounds;
    unsigned waits;
} meddling;

/* Called before each call of the storage: commits, flushes and merges all there is. */
static void meddle(void *arg, uint32_t kind, const char *name) {
    meddling *m = arg;
    st_compact_result result;
    bench *b = m->b;
    if (m->inside || kind != SIM_READ || strstr(name, "MANIFEST") != NULL || m->rounds == 8) {
        return;
    }
    if (atomic_load(&b->store.maintenance->lock.state) != 0) {
        m->waits++;
        return;
    }
    m->inside = true;
    m->rounds++;
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(sm_commit(b->machine, &b->model, &b->store), STRATA_OK);
    }
    assert_int_equal(st_store_flush(&b->store, &b->error), STRATA_OK);
    assert_int_equal(st_store_compact(&b->store, true, &result, &b->error), STRATA_OK);
    m->inside = false;
}

static void nobody_waits_for_verify(void **state) {
    (void)state;
    bench b;
    meddling m = {.b = &b};
    st_report *report = calloc(1, sizeof *report);
    assert_non_null(report);
    bench_begin(&b, 12);
    bench_open(&b);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < 20; j++) {
            assert_int_equal(sm_commit(b.machine, &b.model, &b.store), STRATA_OK);
        }
        if (i < 2) {
            assert_int_equal(st_store_flush(&b.store, &b.error), STRATA_OK);
        }
    }
    char log[ST_FILE_NAME_MAX + 8];
    st_wal_name(log, sizeof log, "db", b.store.wal.segment);
    assert_true(sim_exists(b.machine, log));
    const uint64_t in_log = b.store.wal.version - b.store.manifest.watermark;
    const uint64_t segments = b.store.wal.segment - b.store.manifest.wal_first + 1;
    const size_t tables = st_tables_view(&b.store)->count;
    assert_true(in_log > 0 && tables > 1);
    b.machine->hook = meddle;
    b.machine->hook_arg = &m;
    assert_int_equal(st_verify_store(&b.store, report, &b.error), STRATA_OK);
    b.machine->hook = NULL;
    assert_int_equal(m.waits, 0);
    assert_int_equal(m.rounds, 8);
    assert_int_equal(report->problem_count, 0);
    /* Those of that moment's log, and what came into it before its end was read. */
    assert_in_range(report->commits, in_log, in_log + 5);
    assert_int_equal(report->files, 1 + tables + segments);
    st_epoch_reclaim(&b.store.epoch);
    sm_check_files(b.machine, &b.store);      /* tables that have gone meanwhile are removed */
    assert_false(sim_exists(b.machine, log)); /* and so is the log of then */
    free(report);
    bench_end(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_beside_maintenance), cmocka_unit_test(writers_flush_themselves),
        cmocka_unit_test(a_flush_that_fails),         cmocka_unit_test(a_busy_executor),
        cmocka_unit_test(refused_and_taken_again),    cmocka_unit_test(nobody_waits_for_verify),
        cmocka_unit_test(rests_with_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
