/* test_open.c - handles: what options are refused, handles that share a database, errors of each
 * handle for itself, buffers and results that outlive it, background work, and the native host with
 * an owner, a second opener and a reader.
 */
#include "../hosts/native/scratch.h"
#include "api/handle.h"
#include "store_log.h"

static sim *machine;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sim_free(machine);
    return 0;
}

/* ---- Options --------------------------------------------------------------------------------- */

static void expect_refused(const char *path, strata_options options) {
    strata_error error = {.code = STRATA_OK};
    strata_db *db = NULL;
    options.error = &error;
    const strata_status status = strata_open(path, &options, &db);
    assert_int_equal(status, STRATA_INVALID_ARGUMENT);
    assert_int_equal(error.code, status);
    assert_true(strlen(error.message) > 10);
    assert_null(db);
    assert_int_equal(sim_calls(machine, SIM_ANY), 0);
}

static void options_are_checked(void **state) {
    (void)state;
    static char long_path[1025];
    const strata_options good = db_options(machine, STRATA_BUFFERED);
    strata_options bad = good;
    expect_refused(NULL, good);
    expect_refused("", good);
    memset(long_path, 'p', 1024);
    expect_refused(long_path, good);
#define refused(field, value)                                                                      \
    bad = good;                                                                                    \
    bad.field = (value);                                                                           \
    expect_refused("db", bad)
    refused(size, 0);
    refused(size, sizeof bad - 1);
    refused(size, sizeof bad + 8);
    refused(flags, 8);
    refused(flags, 0x80000001u);
    refused(durability, (strata_durability)3);
    refused(durability, STRATA_MEMORY); /* with a path */
    refused(codec, (strata_codec)2);
    refused(sync_interval_ms, 0);
    refused(wal_segment_bytes, 0);
    refused(wal_segment_bytes, (1 << 16) - 1);
    refused(wal_segment_bytes, ((uint64_t)1 << 30) + 1);
    refused(wal_segment_bytes, UINT64_MAX);
    refused(value_bytes_max, 0);
    refused(value_bytes_max, UINT32_MAX);
#undef refused
    strata_host host = machine->host;
    bad = good;
    bad.host = &host;
    host.size = 0;
    expect_refused("db", bad);
    host.size = sizeof host + 8;
    expect_refused(":memory:", bad);
    host.size = sizeof host;
    memset(&host.storage, 0, sizeof host.storage); /* a host for ":memory:" only */
    expect_refused("db", bad);
    strata_db *db = NULL;
    bad.durability = STRATA_MEMORY;
    assert_int_equal(strata_open(":memory:", &bad, &db), STRATA_OK);
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"k\",\"value\":1}");
    (void)ask(db, STRATA_OK, "db.sync", "{}");
    db_verify(db);
    db_close(db);
}

/* ":memory:" is new each time, keeps nothing, and has only one durability. */
static void in_memory(void **state) {
    (void)state;
    strata_options options = db_options(machine, STRATA_STRICT);
    strata_db *db = NULL;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(strata_open(":memory:", &options, &db), STRATA_OK);
        (void)ask(db, STRATA_NOT_FOUND, "kv.get", "{\"key\":\"k\"}");
        (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"k\",\"value\":1}");
        const char *stats = ask(db, STRATA_OK, "db.stats", "{}");
        assert_true(json_has(stats, "\"durability\":\"memory\"") &&
                    json_has(stats, "\"path\":\":memory:\""));
        db_close(db);
    }
    assert_int_equal(sim_calls(machine, SIM_ANY), 0);
}

/* ---- Handles --------------------------------------------------------------------------------- */

static void errors_belong_to_handles(void **state) {
    (void)state;
    strata_db *first = db_in_memory(machine);
    strata_db *second = NULL;
    strata_entry entry;
    assert_int_equal(strata_attach(first, &second), STRATA_OK);
    assert_int_equal(strata_kv_get(first, 1, strata_text("x"), &entry), STRATA_NOT_FOUND);
    assert_int_equal(strata_last_error(first)->code, STRATA_NOT_FOUND);
    assert_string_equal(strata_errmsg(first), "there is no key \"x\"");
    assert_int_equal(strata_last_error(second)->code, STRATA_OK);
    assert_string_equal(strata_errmsg(second), "");
    assert_int_equal(strata_kv_get(second, 1, strata_text(""), &entry), STRATA_INVALID_KEY);
    assert_int_equal(strata_last_error(first)->code, STRATA_NOT_FOUND);
    assert_int_equal(strata_kv_put(first, 1, strata_text("x"), strata_int(1), NULL), STRATA_OK);
    assert_int_equal(strata_last_error(first)->code, STRATA_OK);
    assert_int_equal(strata_last_error(second)->code, STRATA_INVALID_KEY);
    db_close(first);
    assert_int_equal(strata_kv_get(second, 1, strata_text("x"), &entry), STRATA_OK);
    assert_int_equal(entry.value.as.integer, 1);
    db_close(second);
    assert_int_equal(strata_close(NULL), STRATA_OK);
}

/* The database closes with its last handle, in whatever order they go. */
static void the_last_handle_closes(void **state) {
    (void)state;
    enum { HANDLES = 4 };
    for (unsigned order = 0; order < HANDLES; order++) {
        strata_db *handles[HANDLES];
        handles[0] = db_open(machine, STRATA_BUFFERED);
        for (unsigned i = 1; i < HANDLES; i++) {
            assert_int_equal(strata_attach(handles[i - 1], &handles[i]), STRATA_OK);
        }
        for (unsigned i = 0; i < HANDLES; i++) {
            strata_db *db = handles[(i * 3 + order) % HANDLES];
            char key[16];
            (void)snprintf(key, sizeof key, "k%u-%u", order, i);
            assert_int_equal(strata_kv_put(db, 1, strata_text(key), strata_int(i), NULL),
                             STRATA_OK);
            const uint64_t unlocked = sim_calls(machine, SIM_UNLOCK);
            db_close(db);
            assert_int_equal(sim_calls(machine, SIM_UNLOCK) - unlocked, i + 1 == HANDLES);
        }
    }
    strata_db *db = db_open(machine, STRATA_BUFFERED);
    assert_int_equal(json_int(ask(db, STRATA_OK, "kv.count", "{}"), "count"), HANDLES * HANDLES);
    db_close(db);
}

/* Responses and hits are the caller's: they are read and freed after the database is gone. */
static void what_outlives_the_database(void **state) {
    (void)state;
    strata_db *db = db_in_memory(machine);
    strata_buffer response = {NULL, 0, 0, NULL};
    strata_recall recall = STRATA_RECALL_INIT;
    strata_hits *hits = NULL;
    (void)ask(db, STRATA_OK, "memory.remember", "{\"key\":\"m\",\"text\":\"to be recalled\"}");
    recall.query = strata_text("recalled");
    assert_int_equal(strata_memory_recall(db, 1, &recall, &hits), STRATA_OK);
    static const char request[] = "\x91\xa8"
                                  "db.stats";
    assert_int_equal(strata_exec(db, st_slice(request, sizeof request - 1), &response), STRATA_OK);
    db_close(db);
    assert_int_equal(hits->count, 1);
    test_bytes_equal(hits->hits[0].key, strata_text("m"), "key");
    test_bytes_equal(hits->hits[0].snippet, strata_text("to be [recalled]"), "snippet");
    strata_hits_free(hits);
    strata_hits_free(NULL);
    assert_int_equal(response.data[1], 0xc3);
    strata_buffer_free(&response);
    strata_buffer_free(&response);
}

typedef struct worker {
    strata_db *db;
    unsigned number;
    unsigned wrong;
} worker;

static void *work(void *arg) {
    enum { PUTS = 200 };
    worker *me = arg;
    for (unsigned i = 0; i < PUTS; i++) {
        char key[32];
        strata_entry entry;
        (void)snprintf(key, sizeof key, "w%u-%u", me->number, i);
        me->wrong += strata_kv_put(me->db, 1, strata_text(key), strata_int(i), NULL) != STRATA_OK;
        me->wrong += strata_kv_get(me->db, 1, strata_text(key), &entry) != STRATA_OK ||
                     entry.value.as.integer != i;
        me->wrong += strata_kv_get(me->db, 1, strata_text("nothing"), &entry) != STRATA_NOT_FOUND ||
                     strcmp(strata_errmsg(me->db), "there is no key \"nothing\"") != 0;
    }
    me->wrong += strata_close(me->db) != STRATA_OK;
    return NULL;
}

static void a_handle_for_each_thread(void **state) {
    (void)state;
    enum { WORKERS = 4 };
    sim_use_threads(machine);
    strata_db *db = db_open(machine, STRATA_BUFFERED);
    worker workers[WORKERS];
    pthread_t threads[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (worker){NULL, i, 0};
        assert_int_equal(strata_attach(db, &workers[i].db), STRATA_OK);
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    db_close(db); /* the others keep it open */
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].wrong, 0);
    }
    db = db_open(machine, STRATA_BUFFERED);
    assert_int_equal(json_int(ask(db, STRATA_OK, "kv.count", "{}"), "count"), 800);
    db_close(db);
}

/* ---- Syncing in the background --------------------------------------------------------------- */

static int64_t durable(strata_db *db) {
    return json_int(ask(db, STRATA_OK, "db.stats", "{}"), "durable_version");
}

/* Without threads, commits and strata_tick sync once the interval has passed. */
static void ticks_without_threads(void **state) {
    (void)state;
    strata_db *db = db_open(machine, STRATA_BUFFERED);
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"a\",\"value\":1}");
    const int64_t before = durable(db);
    assert_true(before < (int64_t)db_version(db));
    assert_int_equal(strata_tick(db, 1000), STRATA_OK);
    assert_int_equal(durable(db), before);
    machine->monotonic_ns += 99999999;
    assert_int_equal(strata_tick(db, 1000), STRATA_OK);
    assert_int_equal(durable(db), before);
    machine->monotonic_ns += 1;
    assert_int_equal(strata_tick(db, 1000), STRATA_OK);
    assert_int_equal(durable(db), db_version(db));
    machine->monotonic_ns += 100000000;
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"b\",\"value\":1}");
    assert_int_equal(durable(db), db_version(db));
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"c\",\"value\":1}");
    assert_int_equal(strata_sync(db), STRATA_OK);
    assert_int_equal(durable(db), db_version(db));
    db_close(db);
}

static struct {
    void (*step)(void *arg);
    void *arg;
    uint32_t every_ms;
    unsigned started;
    unsigned stopped;
    strata_status answer;
} job;

static strata_status start_job(void *ctx, void (*step)(void *arg), void *arg, uint32_t every_ms,
                               strata_job **out) {
    (void)ctx;
    /* The first that is started syncs, the second flushes and compacts. */
    if (job.started++ % 2 == 0) {
        job.step = step;
        job.arg = arg;
        job.every_ms = every_ms;
    }
    *out = (strata_job *)(void *)&job;
    return job.answer;
}

static void stop_job(void *ctx, strata_job *stopped) {
    (void)ctx;
    assert_ptr_equal(stopped, &job);
    job.stopped++;
}

static void background_job(void **state) {
    (void)state;
    memset(&job, 0, sizeof job);
    sim_use_threads(machine);
    machine->host.executor.start = start_job;
    machine->host.executor.stop = stop_job;
    job.answer = STRATA_UNAVAILABLE;
    strata_options options = db_options(machine, STRATA_BUFFERED);
    strata_db *db = NULL;
    assert_int_equal(strata_open("db", &options, &db), STRATA_UNAVAILABLE);
    job.answer = STRATA_OK;
    job.started = 0;
    options.sync_interval_ms = 40;
    assert_int_equal(strata_open("db", &options, &db), STRATA_OK);
    assert_int_equal(job.every_ms, 40);
    machine->monotonic_ns += 1000000000;
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"a\",\"value\":1}");
    assert_true(durable(db) < (int64_t)db_version(db)); /* the job's, not the writer's work */
    job.step(job.arg);
    assert_int_equal(durable(db), db_version(db));
    assert_int_equal(job.stopped, 0);
    db_close(db);
    assert_int_equal(job.stopped, 2);
    /* Strict mode has no use for the one that syncs, reading for neither. */
    const unsigned started = job.started + 1;
    options.durability = STRATA_STRICT;
    assert_int_equal(strata_open("db", &options, &db), STRATA_OK);
    db_close(db);
    options.durability = STRATA_BUFFERED;
    options.flags = STRATA_OPEN_READ_ONLY;
    assert_int_equal(strata_open("db", &options, &db), STRATA_OK);
    db_close(db);
    assert_int_equal(job.started, started);
}

/* ---- strata_verify --------------------------------------------------------------------------- */

static const char *verify_json(const char *path, strata_status expected) {
    static char text[4096];
    strata_options options = db_options(machine, STRATA_BUFFERED);
    strata_buffer report = {NULL, 0, 0, NULL};
    strata_buffer json = {NULL, 0, 0, NULL};
    /* What was in the buffer is replaced. */
    report.host = strata_host_default();
    assert_int_equal(st_buffer_append(&report, "old", 3), STRATA_OK);
    assert_int_equal(strata_verify(path, &options, &report), expected);
    text[0] = '\0';
    if (expected == STRATA_OK) {
        assert_int_equal(strata_msgpack_to_json(st_buffer_slice(&report), false, &json, NULL),
                         STRATA_OK);
        (void)snprintf(text, sizeof text, "%.*s", (int)json.len, (const char *)json.data);
    }
    strata_buffer_free(&report);
    strata_buffer_free(&json);
    return text;
}

static void verify_without_opening(void **state) {
    (void)state;
    (void)verify_json("db", STRATA_NOT_FOUND);
    strata_db *db = db_open(machine, STRATA_STRICT);
    (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"k\",\"value\":\"%0100d\"}", 7);
    assert_json(verify_json("db", STRATA_OK), "{\"valid\":true,\"files\":2,\"bytes\":65821,"
                                              "\"commits\":2,\"problems\":[],\"unnamed\":[]}");
    db_close(db);
    const strata_slice bytes = sim_copy(machine, "db/WAL/wal-1.seg", false);
    uint64_t starts[8];
    char place[64];
    assert_int_equal(frames_of(bytes, starts, 8), 2);
    (void)snprintf(place, sizeof place, "\"file\":\"WAL/wal-1.seg\",\"offset\":%u,",
                   (unsigned)starts[1]);
    ((uint8_t *)bytes.data)[bytes.len - 10] ^= 1;
    sim_put(machine, "db/WAL/wal-1.seg", bytes);
    sim_release(bytes);
    const char *report = verify_json("db", STRATA_OK);
    assert_true(json_has(report, "\"valid\":false") && json_has(report, "\"commits\":1,"));
    assert_true(json_has(report, place));
}

/* ---- On real files
 * ------------------------------------------------------------------------------- */

static void native_owner_and_others(void **state) {
    (void)state;
    assert_true(scratch_make());
    const char *path = scratch_path("owned");
    strata_error error;
    strata_options options = STRATA_OPTIONS_INIT;
    strata_db *owner = NULL;
    strata_db *other = NULL;
    options.error = &error;
    options.durability = STRATA_STRICT;
    assert_int_equal(strata_open(path, &options, &owner), STRATA_OK);
    (void)ask(owner, STRATA_OK, "memory.remember", "{\"key\":\"m\",\"text\":\"on a real disk\"}");
    assert_int_equal(strata_open(path, &options, &other), STRATA_BUSY);
    char holder[64];
    (void)snprintf(holder, sizeof holder, "process %d", (int)getpid());
    assert_string_equal(error.fields[0].name, "holder");
    assert_string_equal(error.fields[0].text, holder);
    assert_null(other);
    options.flags = STRATA_OPEN_READ_ONLY;
    assert_int_equal(strata_open(path, &options, &other), STRATA_OK);
    assert_true(
        json_has(ask(other, STRATA_OK, "memory.recall", "{\"query\":\"disk\"}"), "\"key\":\"m\""));
    (void)ask(other, STRATA_FORBIDDEN, "kv.put", "{\"key\":\"k\",\"value\":1}");
    /* It sees what was there when it opened. */
    (void)ask(owner, STRATA_OK, "kv.put", "{\"key\":\"k\",\"value\":1}");
    (void)ask(other, STRATA_NOT_FOUND, "kv.get", "{\"key\":\"k\"}");
    db_close(other);
    db_close(owner);
    options.flags = 0;
    assert_int_equal(strata_open(path, NULL, &owner), STRATA_OK);
    (void)ask(owner, STRATA_OK, "kv.get", "{\"key\":\"k\"}");
    db_verify(owner);
    db_close(owner);
    strata_buffer report = {NULL, 0, 0, NULL};
    assert_int_equal(strata_verify(path, NULL, &report), STRATA_OK);
    strata_buffer_free(&report);
    scratch_remove();
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(options_are_checked),        case_of(in_memory),
        case_of(errors_belong_to_handles),   case_of(the_last_handle_closes),
        case_of(what_outlives_the_database), case_of(a_handle_for_each_thread),
        case_of(ticks_without_threads),      case_of(background_job),
        case_of(verify_without_opening),     case_of(native_owner_and_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
