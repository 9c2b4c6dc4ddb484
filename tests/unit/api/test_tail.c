/* test_tail.c - following the log of events: one that waits is woken by an append, by a commit, by the
 * end of its run, by a shutdown and by the time; two that follow while three append see every event
 * once and in order; without threads nobody waits.
 *
 * A test knows that a thread waits when the run counts it in; nothing depends on how long things take.
 */
#include <pthread.h>
#include <sched.h>

#include "api/handle.h"
#include "store_support.h"

#include "model/run/run.h"

enum { WAIT_MS = 60000, SEEN_MAX = 4 };

typedef struct follower {
    strata_db *db;
    strata_run run;
    strata_tail tail;
    uint64_t seen[SEEN_MAX];
    size_t count;
    strata_status status;
} follower;

static bool note(void *arg, const strata_event *event) {
    follower *f = arg;
    assert_true(f->count < SEEN_MAX);
    f->seen[f->count++] = event->sequence;
    return true;
}

static void *follow(void *arg) {
    follower *f = arg;
    f->status = strata_event_tail(f->db, f->run, &f->tail, note, f);
    return NULL;
}

typedef struct place {
    sim *machine;
    strata_db *handles[3];
} place;

/* Threads and time are this system's; the rest is a simulated machine. */
static void prepare(place *p) {
    p->machine = sim_new(1);
    p->machine->host.executor = strata_host_default()->executor;
    p->machine->host.clock = strata_host_default()->clock;
    p->handles[0] = db_open(p->machine, STRATA_BUFFERED);
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(strata_attach(p->handles[0], &p->handles[i]), STRATA_OK);
    }
}

static void finish(place *p) {
    for (size_t i = 3; i > 0; i--) {
        (void)strata_close(p->handles[i - 1]);
    }
    sim_free(p->machine);
}

static void append(strata_db *db, const char *type) {
    (void)ask(db, STRATA_OK, "event.append", "{\"type\":\"%s\",\"payload\":{}}", type);
}

static void until_it_waits(const place *p, strata_run run) {
    const st_shard *shard = st_shards_find(&p->handles[0]->engine->model.store.shards, run);
    st_run *watched = shard->owner;
    while (atomic_load(&watched->event_waiters) == 0 ||
           atomic_load(&p->handles[0]->engine->long_calls) == 0) {
        (void)sched_yield();
    }
}

/* Does `act` while a follower of the default run waits; what it gets is in *f. */
static void wake_by(place *p, follower *f, void (*act)(place *p)) {
    pthread_t thread;
    f->db = p->handles[1];
    f->run = STRATA_RUN_DEFAULT;
    f->tail.wait_ms = WAIT_MS;
    assert_int_equal(pthread_create(&thread, NULL, follow, f), 0);
    until_it_waits(p, f->run);
    act(p);
    (void)pthread_join(thread, NULL);
}

static void by_append(place *p) {
    append(p->handles[0], "a");
}

static void by_commit(place *p) {
    assert_int_equal(strata_txn_begin(p->handles[0], STRATA_RUN_DEFAULT, NULL), STRATA_OK);
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t empty = 0x80;
        assert_int_equal(strata_event_append(p->handles[0], STRATA_RUN_DEFAULT, strata_text("b"),
                                             strata_object(st_slice(&empty, 1)), NULL),
                         STRATA_OK);
    }
    assert_int_equal(strata_txn_commit(p->handles[0], NULL), STRATA_OK);
}

static void woken_by_events(void **state) {
    (void)state;
    place p;
    prepare(&p);
    follower f = {.tail = STRATA_TAIL_INIT};
    wake_by(&p, &f, by_append);
    assert_int_equal(f.status, STRATA_OK);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.seen[0], 1);
    assert_int_equal(f.tail.after, 1);
    assert_false(f.tail.ended);
    wake_by(&p, &f, by_commit);
    assert_int_equal(f.count, 3);
    assert_int_equal(f.seen[2], 3);
    assert_int_equal(f.tail.after, 3);
    assert_int_equal(atomic_load(&p.handles[0]->engine->long_calls), 0);
    finish(&p);
}

static void by_other_types(place *p) {
    for (unsigned i = 0; i < 50; i++) {
        append(p->handles[0], "other");
    }
    append(p->handles[0], "wanted");
}

static void other_types_do_not_count(void **state) {
    (void)state;
    place p;
    prepare(&p);
    follower f = {.tail = STRATA_TAIL_INIT};
    f.tail.type = strata_text("wanted");
    wake_by(&p, &f, by_other_types);
    assert_int_equal(f.status, STRATA_OK);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.seen[0], 51);
    finish(&p);
}

static void by_shutdown(place *p) {
    assert_int_equal(strata_shutdown(p->handles[0]), STRATA_OK);
}

static void woken_by_shutdown(void **state) {
    (void)state;
    place p;
    prepare(&p);
    follower f = {.tail = STRATA_TAIL_INIT};
    wake_by(&p, &f, by_shutdown);
    assert_int_equal(f.status, STRATA_CLOSED);
    assert_int_equal(f.count, 0);
    finish(&p);
}

static void woken_by_the_end(void **state) {
    (void)state;
    place p;
    pthread_t thread;
    prepare(&p);
    follower f = {.db = p.handles[1], .tail = STRATA_TAIL_INIT};
    assert_int_equal(strata_run_begin(p.handles[0], strata_text("r"), &f.run), STRATA_OK);
    f.tail.wait_ms = WAIT_MS;
    assert_int_equal(pthread_create(&thread, NULL, follow, &f), 0);
    until_it_waits(&p, f.run);
    /* A pause is not the end: it looks, and sleeps again. */
    (void)ask(p.handles[0], STRATA_OK, "run.pause", "{\"name\":\"r\"}");
    assert_int_equal(
        strata_run_end(p.handles[0], strata_text("r"), STRATA_FAILED, strata_text("why")),
        STRATA_OK);
    (void)pthread_join(thread, NULL);
    assert_int_equal(f.status, STRATA_OK);
    assert_int_equal(f.count, 0);
    assert_true(f.tail.ended);
    finish(&p);
}

static void the_time_is_over(void **state) {
    (void)state;
    place p;
    prepare(&p);
    append(p.handles[0], "a");
    follower f = {.db = p.handles[0], .run = STRATA_RUN_DEFAULT, .tail = STRATA_TAIL_INIT};
    f.tail.after = 1;
    f.tail.wait_ms = 20;
    const uint64_t before = p.machine->host.clock.monotonic_ns(p.machine->host.clock.ctx);
    (void)follow(&f);
    const uint64_t after = p.machine->host.clock.monotonic_ns(p.machine->host.clock.ctx);
    assert_int_equal(f.status, STRATA_OK);
    assert_int_equal(f.count, 0);
    assert_int_equal(f.tail.after, 1);
    assert_true(after - before >= 20000000);
    finish(&p);
}

/* ---- Many ------------------------------------------------------------------------------------ */

enum { APPENDERS = 3, EACH = 400 };

typedef struct reader {
    strata_db *db;
    uint64_t last;
} reader;

static bool in_order(void *arg, const strata_event *event) {
    reader *r = arg;
    assert_int_equal(event->sequence, r->last + 1);
    r->last = event->sequence;
    return r->last % 7 != 0; /* now and then it wants to be asked again */
}

static void *read_all(void *arg) {
    reader *r = arg;
    strata_tail tail = STRATA_TAIL_INIT;
    tail.wait_ms = WAIT_MS;
    while (r->last < (uint64_t)APPENDERS * EACH) {
        assert_int_equal(strata_event_tail(r->db, STRATA_RUN_DEFAULT, &tail, in_order, r),
                         STRATA_OK);
        assert_int_equal(tail.after, r->last);
    }
    return NULL;
}

static void *append_many(void *arg) {
    strata_db *db = arg;
    const uint8_t empty = 0x80;
    for (unsigned i = 0; i < EACH; i++) {
        assert_int_equal(strata_event_append(db, STRATA_RUN_DEFAULT, strata_text("t"),
                                             strata_object(st_slice(&empty, 1)), NULL),
                         STRATA_OK);
        if (i % 16 == 0) {
            (void)sched_yield();
        }
    }
    return NULL;
}

static void nothing_is_overlooked(void **state) {
    (void)state;
    place p;
    pthread_t threads[2 + APPENDERS];
    strata_db *dbs[2 + APPENDERS];
    prepare(&p);
    for (size_t i = 0; i < 2 + APPENDERS; i++) {
        assert_int_equal(strata_attach(p.handles[0], &dbs[i]), STRATA_OK);
    }
    reader readers[2] = {{dbs[0], 0}, {dbs[1], 0}};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_all, &readers[i]), 0);
    }
    for (size_t i = 2; i < 2 + APPENDERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, append_many, dbs[i]), 0);
    }
    for (size_t i = 0; i < 2 + APPENDERS; i++) {
        (void)pthread_join(threads[i], NULL);
        (void)strata_close(dbs[i]);
    }
    finish(&p);
}

/* ---- Without threads ------------------------------------------------------------------------- */

static void nobody_waits(void **state) {
    (void)state;
    sim *machine = sim_new(1);
    strata_db *db = db_open(machine, STRATA_BUFFERED);
    append(db, "a");
    follower f = {.db = db, .run = STRATA_RUN_DEFAULT, .tail = STRATA_TAIL_INIT};
    f.tail.after = 1;
    f.tail.wait_ms = WAIT_MS; /* the clock stands still: to wait would be for ever */
    (void)follow(&f);
    assert_int_equal(f.status, STRATA_OK);
    assert_int_equal(f.count, 0);
    f.tail.wait_ms = WAIT_MS + 1;
    (void)follow(&f);
    assert_int_equal(f.status, STRATA_INVALID_ARGUMENT);
    f.tail.size--;
    (void)follow(&f);
    assert_int_equal(f.status, STRATA_INVALID_ARGUMENT);
    strata_run run;
    assert_int_equal(strata_run_begin(db, strata_text(""), &run), STRATA_INVALID_ARGUMENT);
    assert_int_equal(strata_run_end(db, strata_text("x"), STRATA_COMPLETED, strata_text("why")),
                     STRATA_INVALID_ARGUMENT);
    assert_int_equal(strata_run_end(db, strata_text("x"), STRATA_CANCELLED, strata_text("")),
                     STRATA_NOT_FOUND);
    db_close(db);
    sim_free(machine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(woken_by_events),   cmocka_unit_test(other_types_do_not_count),
        cmocka_unit_test(woken_by_shutdown), cmocka_unit_test(woken_by_the_end),
        cmocka_unit_test(the_time_is_over),  cmocka_unit_test(nothing_is_overlooked),
        cmocka_unit_test(nobody_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
