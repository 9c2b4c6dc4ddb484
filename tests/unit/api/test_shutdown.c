/* test_shutdown.c - that a database that is shut takes no more calls, waits for those that run, and
 * says how many it did not wait for.
 *
 * A call that runs for as long as the test likes is an export whose file is held up by the machine's
 * hook. The clock stands still, so a deadline passes only when it is 0.
 */
#include <pthread.h>
#include <sched.h>

#include "api/handle.h"
#include "store_support.h"

typedef struct held {
    strata_db *db;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool reached; /* the export has come to its file */
    bool released;
    strata_status exported;
    strata_status shut;
} held;

static void hold_up(void *arg, uint32_t kind, const char *name) {
    held *h = arg;
    if ((kind & SIM_WRITE) == 0 || strcmp(name, "out.zst") != 0) {
        return;
    }
    (void)pthread_mutex_lock(&h->mutex);
    h->reached = true;
    (void)pthread_cond_broadcast(&h->changed);
    while (!h->released) {
        (void)pthread_cond_wait(&h->changed, &h->mutex);
    }
    (void)pthread_mutex_unlock(&h->mutex);
}

static void *export_it(void *arg) {
    held *h = arg;
    h->exported = strata_export(h->db, "out.zst", NULL);
    return NULL;
}

static void *shut_it(void *arg) {
    held *h = arg;
    h->shut = strata_shutdown(h->db);
    return NULL;
}

/* Opens a database with two handles, on a machine with the executor of this system. */
static sim *prepare(uint32_t deadline_ms, strata_db *handles[2]) {
    sim *s = sim_new(1);
    strata_options options = db_options(s, STRATA_BUFFERED);
    s->host.executor = strata_host_default()->executor;
    options.close_deadline_ms = deadline_ms;
    assert_int_equal(strata_open("db", &options, &handles[0]), STRATA_OK);
    assert_int_equal(strata_attach(handles[0], &handles[1]), STRATA_OK);
    (void)ask(handles[0], STRATA_OK, "kv.put", "{\"key\":\"a\",\"value\":1}");
    return s;
}

static void expect_closed(strata_db *db) {
    strata_entry entry;
    const strata_slice key = strata_text("a");
    assert_int_equal(strata_kv_get(db, STRATA_RUN_DEFAULT, key, &entry), STRATA_CLOSED);
    assert_int_equal(strata_kv_put(db, STRATA_RUN_DEFAULT, key, strata_int(2), NULL),
                     STRATA_CLOSED);
    assert_int_equal(strata_export(db, "late.zst", NULL), STRATA_CLOSED);
    assert_int_equal(strata_backup(db, "late", NULL), STRATA_CLOSED);
    assert_int_equal(strata_checkpoint(db, NULL), STRATA_CLOSED);
    (void)ask(db, STRATA_CLOSED, "kv.get", "{\"key\":\"a\"}");
    (void)ask(db, STRATA_CLOSED, "db.stats", "{}");
    (void)ask(db, STRATA_CLOSED, "run.create", "{}");
}

static void end_machine(sim *s, strata_db *handles[2]) {
    expect_closed(handles[0]);
    expect_closed(handles[1]);
    db_close(handles[1]);
    db_close(handles[0]);
    s->hook = NULL;
    strata_db *db = db_open(s, STRATA_BUFFERED);
    assert_true(json_has(ask(db, STRATA_OK, "kv.get", "{\"key\":\"a\"}"), "\"value\":1"));
    db_close(db);
    sim_free(s);
}

static void takes_no_more(void **state) {
    (void)state;
    strata_db *handles[2];
    sim *s = prepare(0, handles);
    assert_int_equal(strata_shutdown(handles[1]), STRATA_OK);
    assert_int_equal(strata_shutdown(handles[0]), STRATA_OK);
    assert_int_equal(s->warnings, 0);
    end_machine(s, handles);
}

/* Begins an export that stays in the middle. */
static void begin_export(sim *s, held *h, strata_db *db, pthread_t *thread) {
    *h = (held){.db = db};
    assert_int_equal(pthread_mutex_init(&h->mutex, NULL), 0);
    assert_int_equal(pthread_cond_init(&h->changed, NULL), 0);
    s->hook = hold_up;
    s->hook_arg = h;
    assert_int_equal(pthread_create(thread, NULL, export_it, h), 0);
    (void)pthread_mutex_lock(&h->mutex);
    while (!h->reached) {
        (void)pthread_cond_wait(&h->changed, &h->mutex);
    }
    (void)pthread_mutex_unlock(&h->mutex);
}

static void release(held *h) {
    (void)pthread_mutex_lock(&h->mutex);
    h->released = true;
    (void)pthread_cond_broadcast(&h->changed);
    (void)pthread_mutex_unlock(&h->mutex);
}

static void waits_for_calls(void **state) {
    (void)state;
    strata_db *handles[2];
    pthread_t threads[2];
    held exporting;
    held shutting;
    sim *s = prepare(1000, handles);
    begin_export(s, &exporting, handles[1], &threads[0]);
    shutting = (held){.db = handles[0], .shut = STRATA_INTERNAL};
    assert_int_equal(pthread_create(&threads[1], NULL, shut_it, &shutting), 0);
    const st_store *store = &handles[0]->engine->model.store;
    while (st_store_check_open(store, NULL) == STRATA_OK) {
        (void)sched_yield();
    }
    release(&exporting);
    (void)pthread_join(threads[0], NULL);
    (void)pthread_join(threads[1], NULL);
    assert_int_equal(exporting.exported, STRATA_OK);
    assert_int_equal(shutting.shut, STRATA_OK);
    assert_int_equal(s->warnings, 0);
    end_machine(s, handles);
}

static void gives_up(void **state) {
    (void)state;
    strata_db *handles[2];
    pthread_t thread;
    held exporting;
    sim *s = prepare(0, handles);
    begin_export(s, &exporting, handles[1], &thread);
    assert_int_equal(strata_shutdown(handles[0]), STRATA_TIMEOUT);
    assert_non_null(strstr(s->warning, "calls=1"));
    expect_closed(handles[0]);
    release(&exporting);
    (void)pthread_join(thread, NULL);
    assert_int_equal(exporting.exported, STRATA_OK); /* it reads what it began with */
    assert_int_equal(strata_shutdown(handles[0]), STRATA_OK);
    end_machine(s, handles);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_no_more),
        cmocka_unit_test(waits_for_calls),
        cmocka_unit_test(gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
