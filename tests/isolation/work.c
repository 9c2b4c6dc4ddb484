/* work.c - see work.h.
 *
 * Each thread has a handle and a sequence of random numbers of its own, so the seed gives the plan;
 * what happens is up to the scheduler, who is given many chances to interfere. Few keys, so that
 * transactions meet all the time. A put writes a value that is made of its thread and a count, so
 * that nobody else writes it; the first keys of a run also serve as counters.
 * One more thread flushes and merges while the others work.
 */
#include "work.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handle.h"

enum { OPS_MAX = 8, COUNTERS = 3, THREADS_MAX = 64 };

typedef struct shared {
    const work_plan *plan;
    strata_db *db;
    strata_run runs[WORK_RUNS];
    _Atomic uint64_t ticks;
    _Atomic uint64_t left; /* transactions */
    _Atomic bool done;
} shared;

typedef struct worker {
    shared *all;
    strata_db *db;
    uint32_t thread;
    uint32_t number;
    uint64_t chance;
    int64_t values;
    iso_history history;
    uint64_t conflicts;
    uint64_t committed;
    strata_buffer request;
    strata_buffer response;
} worker;

static void must(bool good, const strata_db *db, const char *what) {
    if (!good) {
        (void)fprintf(stderr, "%s: %s\n", what, db == NULL ? "failed" : strata_errmsg(db));
        exit(2);
    }
}

/* SplitMix64. */
static uint64_t draw(worker *w, uint64_t limit) {
    uint64_t z = w->chance += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % limit;
}

static uint64_t tick(shared *all) {
    return atomic_fetch_add(&all->ticks, 1) + 1;
}

static void maybe_yield(worker *w) {
    if (draw(w, 4) == 0) {
        (void)sched_yield();
    }
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* The number of a key is its run's place times the keys of a run, plus this. */
static strata_slice key_text(uint32_t key, char text[8]) {
    (void)snprintf(text, 8, "k%02u", key % WORK_RUN_KEYS);
    return strata_text(text);
}

static uint32_t key_number(uint32_t run, strata_slice text) {
    const char *digits = text.data;
    must(text.len == 3, NULL, "a key that nobody wrote");
    return run * WORK_RUN_KEYS + (uint32_t)(digits[1] - '0') * 10 + (uint32_t)(digits[2] - '0');
}

static uint32_t draw_key(worker *w, uint32_t run) {
    return run * WORK_RUN_KEYS + (uint32_t)draw(w, WORK_RUN_KEYS);
}

static int64_t new_value(worker *w) {
    w->values++;
    return (int64_t)(w->thread + 1) << 40 | w->values << 8;
}

/* ---- Encoded operations ---------------------------------------------------------------------- */

static void put_name(strata_buffer *out, const char *name) {
    must(st_msgpack_put_string(out, strata_text(name)) == STRATA_OK, NULL, "memory");
}

/* ["name", {run, (txn), ...: begun, with `more` arguments to come. */
static void begin_request(worker *w, const char *name, uint32_t run, uint32_t more) {
    static const char *const runs[WORK_RUNS] = {"r0", "r1"};
    strata_buffer *out = &w->request;
    const uint64_t txn = w->db->bound_txn;
    out->len = 0;
    must(st_msgpack_put_array(out, 2) == STRATA_OK, NULL, "memory");
    put_name(out, name);
    must(st_msgpack_put_object(out, more + 1 + (txn != 0)) == STRATA_OK, NULL, "memory");
    put_name(out, "run");
    put_name(out, runs[run]);
    if (txn != 0) {
        put_name(out, "txn");
        must(st_msgpack_put_int(out, (int64_t)txn) == STRATA_OK, NULL, "memory");
    }
}

/* The result object of the answer; it must be one. */
static strata_slice answer(worker *w) {
    const strata_status status =
        strata_exec(w->db, st_slice(w->request.data, w->request.len), &w->response);
    must(status == STRATA_OK, w->db, "an operation");
    st_cursor cursor = st_cursor_over(st_slice(w->response.data, w->response.len));
    st_token token;
    strata_slice object;
    must(st_msgpack_next(&cursor, &token) && st_msgpack_next(&cursor, &token) &&
             st_msgpack_skip(&cursor, &object),
         NULL, "an answer");
    return object;
}

/* The bytes of a field of an object; len 0: it has none of that name. */
static strata_slice field_of(strata_slice object, const char *name) {
    st_cursor cursor = st_cursor_over(object);
    st_token token;
    must(st_msgpack_next(&cursor, &token) && token.type == STRATA_OBJECT, NULL, "an object");
    for (uint32_t left = token.as.count; left > 0; left--) {
        st_token field;
        strata_slice value;
        must(st_msgpack_next(&cursor, &field) && st_msgpack_skip(&cursor, &value), NULL, "a field");
        if (st_slice_equal(field.as.bytes, strata_text(name))) {
            return value;
        }
    }
    return st_slice(NULL, 0);
}

static int64_t number_of(strata_slice object, const char *name) {
    const strata_slice bytes = field_of(object, name);
    st_cursor cursor = st_cursor_over(bytes);
    st_token token;
    return bytes.len > 0 && st_msgpack_next(&cursor, &token) ? token.as.integer : 0;
}

static bool flag_of(strata_slice object, const char *name) {
    const strata_slice bytes = field_of(object, name);
    st_cursor cursor = st_cursor_over(bytes);
    st_token token;
    return bytes.len > 0 && st_msgpack_next(&cursor, &token) && token.as.boolean;
}

/* ---- Operations ------------------------------------------------------------------------------ */

static iso_txn *current(worker *w) {
    return &w->history.txns[w->history.txn_count - 1];
}

static iso_op *note(worker *w, iso_op op) {
    op.at = tick(w->all);
    return iso_add_op(&w->history, &op);
}

static void get(worker *w, uint32_t run) {
    char text[8];
    strata_entry entry = {.version = 0};
    const uint32_t key = draw_key(w, run);
    const strata_status status =
        strata_kv_get(w->db, w->all->runs[run], key_text(key, text), &entry);
    must(status == STRATA_OK || status == STRATA_NOT_FOUND, w->db, "get");
    const bool found = status == STRATA_OK;
    (void)note(w, (iso_op){.kind = ISO_GET,
                           .key = key,
                           .found = found,
                           .version = found ? entry.version : 0,
                           .value = found ? entry.value.as.integer : 0});
}

typedef struct visitor {
    worker *w;
    uint32_t run;
    uint64_t left; /* keys until it has seen enough */
    iso_item items[WORK_RUN_KEYS + 1];
    size_t count;
} visitor;

static bool visit(void *arg, strata_slice key, const strata_entry *entry) {
    visitor *v = arg;
    must(v->count <= WORK_RUN_KEYS, NULL, "a scan without end");
    v->items[v->count++] =
        (iso_item){key_number(v->run, key), entry->version, entry->value.as.integer};
    maybe_yield(v->w);
    return --v->left > 0;
}

static void scan(worker *w, uint32_t run) {
    char texts[2][8];
    visitor v = {.w = w, .run = run, .left = draw(w, 4) == 0 ? 1 + draw(w, 3) : UINT64_MAX};
    const uint32_t from = run * WORK_RUN_KEYS;
    const uint32_t end = from + WORK_RUN_KEYS;
    strata_range range = STRATA_RANGE_INIT;
    iso_op op = {.kind = ISO_SCAN, .key = from, .end = end, .reverse = draw(w, 2) == 0};
    range.reverse = op.reverse;
    switch (draw(w, 3)) {
    case 0:
        op.key = draw_key(w, run);
        op.end = op.key + 1 + (uint32_t)draw(w, end - op.key);
        range.start = key_text(op.key, texts[0]);
        range.end = op.end == end ? st_slice(NULL, 0) : key_text(op.end, texts[1]);
        break;
    case 1:
        range.prefix = strata_text("k0");
        op.end = from + 10;
        break;
    default:
        break;
    }
    must(strata_kv_scan(w->db, w->all->runs[run], &range, visit, &v) == STRATA_OK, w->db, "scan");
    if (v.left == 0 && op.reverse) { /* it has read as far as it went */
        op.key = v.items[v.count - 1].key;
    } else if (v.left == 0) {
        op.end = v.items[v.count - 1].key + 1;
    }
    (void)note(w, op);
    for (size_t i = 0; i < v.count; i++) {
        iso_add_item(&w->history, &v.items[i]);
    }
}

/* Of single operations the commit is noted; in a transaction *version stays as it is. */
static void put(worker *w, uint32_t run, uint64_t *version) {
    char text[8];
    uint64_t taken = 0;
    const uint32_t key = draw_key(w, run);
    const int64_t value = new_value(w);
    must(strata_kv_put(w->db, w->all->runs[run], key_text(key, text), strata_int(value), &taken) ==
             STRATA_OK,
         w->db, "put");
    *version = taken;
    (void)note(w, (iso_op){.kind = ISO_PUT, .key = key, .value = value});
}

static void delete_key(worker *w, uint32_t run, uint64_t *version) {
    char text[8];
    const uint32_t key = draw_key(w, run);
    begin_request(w, "kv.delete", run, 1);
    put_name(&w->request, "key");
    must(st_msgpack_put_string(&w->request, key_text(key, text)) == STRATA_OK, NULL, "memory");
    const strata_slice object = answer(w);
    *version = (uint64_t)number_of(object, "version");
    (void)note(w, (iso_op){.kind = ISO_DELETE, .key = key, .found = flag_of(object, "existed")});
}

static void add(worker *w, uint32_t run, uint64_t *version) {
    char text[8];
    const uint32_t key = run * WORK_RUN_KEYS + (uint32_t)draw(w, COUNTERS);
    const int64_t by = 1 + (int64_t)draw(w, 5);
    begin_request(w, "kv.incr", run, 2);
    put_name(&w->request, "key");
    must(st_msgpack_put_string(&w->request, key_text(key, text)) == STRATA_OK, NULL, "memory");
    put_name(&w->request, "by");
    must(st_msgpack_put_int(&w->request, by) == STRATA_OK, NULL, "memory");
    *version = (uint64_t)number_of(answer(w), "version");
    (void)note(w, (iso_op){.kind = ISO_ADD, .key = key, .value = by});
}

static void append(worker *w, uint32_t run, uint64_t *version) {
    const int64_t value = new_value(w);
    begin_request(w, "event.append", run, 2);
    put_name(&w->request, "type");
    put_name(&w->request, "t");
    put_name(&w->request, "payload");
    must(st_msgpack_put_object(&w->request, 1) == STRATA_OK, NULL, "memory");
    put_name(&w->request, "v");
    must(st_msgpack_put_int(&w->request, value) == STRATA_OK, NULL, "memory");
    *version = (uint64_t)number_of(answer(w), "version");
    (void)note(w, (iso_op){.kind = ISO_APPEND, .key = run * WORK_RUN_KEYS, .value = value});
}

/* *version: of the commit, when it is an operation by itself that wrote something. */
static void any_op(worker *w, uint32_t run, bool reads_only, uint64_t *version) {
    const uint64_t die = draw(w, reads_only ? 50 : 100);
    *version = 0;
    if (die < 35) {
        get(w, run);
    } else if (die < 50) {
        scan(w, run);
    } else if (die < 75) {
        put(w, run, version);
    } else if (die < 84) {
        delete_key(w, run, version);
    } else if (die < 93) {
        add(w, run, version);
    } else {
        append(w, run, version);
    }
}

/* ---- Transactions ---------------------------------------------------------------------------- */

static uint64_t snapshot_of(const strata_db *db) {
    for (size_t i = 0; i < ST_TXNS_MAX; i++) {
        if (db->txns[i].number == db->bound_txn) {
            return st_txn_snapshot(db->txns[i].txn);
        }
    }
    must(false, NULL, "a transaction that is not there");
    return 0;
}

static void finish(worker *w) {
    uint64_t version = 0;
    current(w)->commits_at = tick(w->all);
    if (draw(w, 20) == 0) {
        strata_txn_rollback(w->db);
        current(w)->ended = tick(w->all);
        return;
    }
    const strata_status status = strata_txn_commit(w->db, &version);
    iso_txn *txn = current(w);
    txn->ended = tick(w->all);
    must(status == STRATA_OK || status == STRATA_CONFLICT, w->db, "commit");
    txn->committed = status == STRATA_OK;
    txn->version = status == STRATA_OK && version != txn->snapshot ? version : 0;
    w->committed += status == STRATA_OK;
    w->conflicts += status == STRATA_CONFLICT;
}

static void transaction(worker *w, uint32_t run) {
    strata_txn_options options = STRATA_TXN_OPTIONS_INIT;
    const work_levels levels = w->all->plan->levels;
    const bool snapshot = levels == WORK_SNAPSHOT || (levels == WORK_MIXED && draw(w, 2) == 0);
    uint64_t savepoint = 0;
    bool marked = false;
    options.read_only = draw(w, 7) == 0;
    options.isolation = snapshot ? STRATA_SNAPSHOT : STRATA_SERIALIZABLE;
    const iso_txn begun = {.thread = w->thread,
                           .number = w->number++,
                           .run = run,
                           .level = snapshot ? ISO_SNAPSHOT : ISO_SERIALIZABLE,
                           .began = tick(w->all)};
    must(strata_txn_begin(w->db, w->all->runs[run], &options) == STRATA_OK, w->db, "begin");
    iso_add_txn(&w->history, &begun)->snapshot = snapshot_of(w->db);
    for (uint64_t left = 1 + draw(w, OPS_MAX); left > 0; left--) {
        uint64_t version;
        maybe_yield(w);
        any_op(w, run, options.read_only, &version);
        if (!marked && draw(w, 12) == 0) {
            must(strata_txn_savepoint(w->db, &savepoint) == STRATA_OK, w->db, "savepoint");
            (void)note(w, (iso_op){.kind = ISO_SAVEPOINT});
            marked = true;
        } else if (marked && draw(w, 4) == 0) {
            must(strata_txn_rollback_to(w->db, savepoint) == STRATA_OK, w->db, "rollback_to");
            (void)note(w, (iso_op){.kind = ISO_ROLLBACK});
        }
    }
    finish(w);
}

static void single(worker *w, uint32_t run) {
    const iso_txn begun = {.thread = w->thread,
                           .number = w->number++,
                           .run = run,
                           .single = true,
                           .committed = true,
                           .began = tick(w->all),
                           .snapshot = ISO_UNKNOWN};
    uint64_t version;
    iso_add_txn(&w->history, &begun)->commits_at = begun.began;
    any_op(w, run, false, &version);
    iso_txn *txn = current(w);
    txn->version = version;
    txn->ended = tick(w->all);
    w->committed++;
}

static void *work_on(void *arg) {
    worker *w = arg;
    while (atomic_fetch_sub(&w->all->left, 1) - 1 < UINT64_MAX / 2) {
        const uint32_t run = (uint32_t)draw(w, 3) % WORK_RUNS;
        if (draw(w, 5) == 0) {
            single(w, run);
        } else {
            transaction(w, run);
        }
        if (draw(w, 2000) == 0) { /* another handle */
            must(strata_close(w->db) == STRATA_OK, NULL, "close");
            must(strata_attach(w->all->db, &w->db) == STRATA_OK, NULL, "attach");
        }
    }
    must(strata_close(w->db) == STRATA_OK, NULL, "close");
    strata_buffer_free(&w->request);
    strata_buffer_free(&w->response);
    return NULL;
}

static void *maintain(void *arg) {
    shared *all = arg;
    st_store *store = &all->db->engine->model.store;
    for (uint64_t round = 0; !atomic_load(&all->done); round++) {
        st_compact_result result;
        strata_error error;
        bool more;
        strata_status status = STRATA_OK;
        for (int i = 0; i < 50; i++) {
            (void)sched_yield();
        }
        if (round % 8 == 7) {
            status = st_store_compact(store, round % 16 == 15, &result, &error);
        } else if (!store->in_memory) {
            status = st_maintenance_step(store, &more, &error);
        }
        must(status == STRATA_OK, NULL, "maintenance");
    }
    return NULL;
}

/* ---- A whole life ---------------------------------------------------------------------------- */

/* As fast as a disk that lies, and a chance for others where a real one would take its time. */
static strata_status yield_instead_of_sync(void *ctx, strata_file *file) {
    (void)ctx;
    (void)file;
    (void)sched_yield();
    return STRATA_OK;
}

static strata_db *open_database(const work_plan *plan, const strata_host *host) {
    strata_options options = STRATA_OPTIONS_INIT;
    strata_error error = {.code = STRATA_OK};
    strata_db *db = NULL;
    options.durability = plan->durability;
    options.memory_bytes = plan->memory_bytes;
    options.host = host;
    options.error = &error;
    if (strata_open(plan->path, &options, &db) != STRATA_OK) {
        (void)fprintf(stderr, "open: %s\n", error.message);
        exit(2);
    }
    return db;
}

static void read_events(worker *w) {
    for (uint32_t run = 0; run < WORK_RUNS; run++) {
        int64_t next = 1;
        while (next > 0) {
            begin_request(w, "event.range", run, 2);
            put_name(&w->request, "start");
            must(st_msgpack_put_int(&w->request, next) == STRATA_OK, NULL, "memory");
            put_name(&w->request, "limit");
            must(st_msgpack_put_int(&w->request, 1000) == STRATA_OK, NULL, "memory");
            const strata_slice object = answer(w);
            next = number_of(object, "next");
            const strata_slice events = field_of(object, "events");
            st_cursor cursor = st_cursor_over(events);
            st_token token;
            must(st_msgpack_next(&cursor, &token), NULL, "events");
            for (uint32_t left = token.as.count; left > 0; left--) {
                strata_slice event;
                must(st_msgpack_skip(&cursor, &event), NULL, "an event");
                iso_add_event(&w->history,
                              &(iso_event){run, (uint64_t)number_of(event, "sequence"),
                                           (uint64_t)number_of(event, "version"),
                                           number_of(field_of(event, "payload"), "v")});
            }
        }
    }
}

/* Everything that is left, as one more transaction of each run sees it. */
static void read_all(worker *w) {
    for (uint32_t run = 0; run < WORK_RUNS; run++) {
        const iso_txn begun = {.thread = w->thread,
                               .number = w->number++,
                               .run = run,
                               .committed = true,
                               .began = tick(w->all)};
        visitor v = {.w = w, .run = run, .left = UINT64_MAX};
        must(strata_txn_begin(w->db, w->all->runs[run], NULL) == STRATA_OK, w->db, "begin");
        iso_add_txn(&w->history, &begun)->snapshot = snapshot_of(w->db);
        must(strata_kv_scan(w->db, w->all->runs[run], NULL, visit, &v) == STRATA_OK, w->db, "scan");
        (void)note(w, (iso_op){.kind = ISO_SCAN,
                               .key = run * WORK_RUN_KEYS,
                               .end = (run + 1) * WORK_RUN_KEYS});
        for (size_t i = 0; i < v.count; i++) {
            iso_add_item(&w->history, &v.items[i]);
        }
        strata_txn_rollback(w->db);
        current(w)->commits_at = current(w)->ended = tick(w->all);
    }
}

static void run_threads(shared *all, worker *workers, uint32_t count) {
    pthread_t threads[THREADS_MAX];
    pthread_t maintainer;
    for (uint32_t i = 0; i < count; i++) {
        workers[i] = (worker){.all = all, .thread = i, .chance = all->plan->seed * 1000 + i};
        must(strata_attach(all->db, &workers[i].db) == STRATA_OK, NULL, "attach");
    }
    must(pthread_create(&maintainer, NULL, maintain, all) == 0, NULL, "thread");
    for (uint32_t i = 0; i < count; i++) {
        must(pthread_create(&threads[i], NULL, work_on, &workers[i]) == 0, NULL, "thread");
    }
    for (uint32_t i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    atomic_store(&all->done, true);
    (void)pthread_join(maintainer, NULL);
}

void work(const work_plan *plan, work_result *result) {
    strata_host host = *strata_host_default();
    shared *all = calloc(1, sizeof *all);
    worker *workers = calloc(THREADS_MAX, sizeof *workers);
    must(all != NULL && workers != NULL && plan->threads <= THREADS_MAX, NULL, "memory");
    host.storage.sync = yield_instead_of_sync;
    memset(result, 0, sizeof *result);
    result->history.keys = WORK_KEYS;
    all->plan = plan;
    atomic_store(&all->left, plan->txns);
    all->db = open_database(plan, &host);
    must(strata_run_create(all->db, strata_text("r0"), &all->runs[0]) == STRATA_OK &&
             strata_run_create(all->db, strata_text("r1"), &all->runs[1]) == STRATA_OK,
         all->db, "run");
    run_threads(all, workers, plan->threads);
    const st_maintenance *maintenance = all->db->engine->model.store.maintenance;
    result->flushes = atomic_load(&maintenance->flushes);
    result->compactions = atomic_load(&maintenance->compactions);
    if (strcmp(plan->path, ":memory:") != 0) {
        must(strata_close(all->db) == STRATA_OK, NULL, "close");
        all->db = open_database(plan, &host);
    }
    for (uint32_t i = 0; i < plan->threads; i++) {
        iso_append(&result->history, &workers[i].history);
        result->committed += workers[i].committed;
        result->conflicts += workers[i].conflicts;
        iso_history_free(&workers[i].history);
    }
    worker last = {.all = all, .db = all->db, .thread = plan->threads};
    last.history = result->history;
    read_all(&last);
    read_events(&last);
    result->history = last.history;
    strata_buffer_free(&last.request);
    strata_buffer_free(&last.response);
    must(strata_close(all->db) == STRATA_OK, NULL, "close");
    free(workers);
    free(all);
}
