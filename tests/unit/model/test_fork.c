/* test_fork.c - forks and deleted runs against a model that is a list of writes and a rule: what a fork
 * has nothing of, its parent had at the point of the fork.
 *
 * Random lives: writes, deletes of keys, forks of now, of a commit and of a time, forks of forks, deleted
 * runs, rules that trim, tables made and merged, the database closed and opened, and the same in memory.
 * After each step some questions, and now and then all: gets, lists in both directions, histories, now
 * and as of commits and times. history_trimmed is an answer only where a rule or a deletion allows it,
 * and never of the present. FORK_SEED=n repeats one life.
 */
#include "store_support.h"

#include "api/handle.h"

enum { LIVES = 24, STEPS = 160, RUNS = 40, KEYS = 6, WRITES = 400 };

typedef struct write {
    int run;
    int key;
    uint64_t version;
    int64_t time_us;
    bool deleted;
    int value;
} write;

typedef struct model_run {
    bool gone;
    int parent; /* -1: none */
    uint64_t at;
    int64_t at_us;
    uint64_t made; /* the commit, and its time */
    int64_t made_us;
} model_run;

typedef struct life {
    sim *machine;
    strata_db *db;
    bool in_memory;
    uint64_t chance;
    model_run runs[RUNS];
    int run_count;
    write writes[WRITES];
    int write_count;
    bool trims; /* some rule has been there that does not keep all */
} life;

static uint64_t below(life *l, uint64_t limit) {
    return test_random_below(&l->chance, limit);
}

static const char *name_of(int run) {
    static char names[4][16];
    static unsigned next;
    char *name = names[next++ % 4];
    (void)snprintf(name, sizeof names[0], run == 0 ? "default" : "r%02d", run);
    return name;
}

/* ---- The model ------------------------------------------------------------------------------- */

/* *exact: nothing that was let go of had a say. */
static const write *find(const life *l, int run, int key, uint64_t version, int64_t time_us,
                         bool *exact) {
    *exact = true;
    bool past = false;
    while (run >= 0) {
        const model_run *of = &l->runs[run];
        for (int i = l->write_count - 1; i >= 0; i--) {
            const write *w = &l->writes[i];
            if (w->run == run && w->key == key && w->version <= version && w->time_us <= time_us) {
                *exact = !past;
                return w;
            }
        }
        past = past || version < of->at || (time_us < of->at_us && time_us < of->made_us);
        version = of->at < version ? of->at : version;
        time_us = of->at_us < time_us ? of->at_us : time_us;
        run = of->parent;
    }
    *exact = !past;
    return NULL;
}

/* Whether the past of the run at that version may be gone: a rule, or a parent that was deleted. */
static bool may_be_trimmed(const life *l, int run, uint64_t version, int64_t time_us) {
    bool gone = false;
    for (int at = run; l->runs[at].parent >= 0; at = l->runs[at].parent) {
        gone = gone || l->runs[l->runs[at].parent].gone;
    }
    (void)version;
    (void)time_us;
    return l->trims || gone;
}

static int random_run(life *l) {
    int run;
    do {
        run = (int)below(l, (uint64_t)l->run_count);
    } while (l->runs[run].gone);
    return run;
}

/* ---- Questions ------------------------------------------------------------------------------- */

static void bound_text(char *text, size_t size, uint64_t version, int64_t time_us) {
    text[0] = '\0';
    if (version != UINT64_MAX) {
        (void)snprintf(text, size, ",\"as_of\":%llu", (unsigned long long)version);
    } else if (time_us != INT64_MAX) {
        (void)snprintf(text, size, ",\"as_of_time\":%lld", (long long)time_us);
    }
}

static void check_get(life *l, int run, int key, uint64_t version, int64_t time_us) {
    char bound[64];
    bool exact;
    const write *w = find(l, run, key, version, time_us, &exact);
    bound_text(bound, sizeof bound, version, time_us);
    const bool past = bound[0] != '\0';
    const strata_status status =
        tell(l->db, "kv.get", "{\"run\":\"%s\",\"key\":\"k%d\"%s}", name_of(run), key, bound);
    if (status == STRATA_HISTORY_TRIMMED) {
        assert_true(past && may_be_trimmed(l, run, version, time_us));
        const char *why = ask(l->db, status, "kv.get", "{\"run\":\"%s\",\"key\":\"k%d\"%s}",
                              name_of(run), key, bound);
        assert_true(version == UINT64_MAX ||
                    (uint64_t)json_int(why, "earliest_retained") > version);
        return;
    }
    if (w == NULL || w->deleted) {
        assert_int_equal(status, STRATA_NOT_FOUND);
        return;
    }
    assert_int_equal(status, STRATA_OK);
    const char *got = ask(l->db, STRATA_OK, "kv.get", "{\"run\":\"%s\",\"key\":\"k%d\"%s}",
                          name_of(run), key, bound);
    assert_int_equal(json_int(got, "version"), w->version);
    assert_int_equal(json_int(got, "timestamp"), w->time_us);
    assert_int_equal(json_int(got, "value"), w->value);
}

static void check_list(life *l, int run, uint64_t version, int64_t time_us, bool reverse) {
    char bound[64];
    bound_text(bound, sizeof bound, version, time_us);
    const strata_status status = tell(l->db, "kv.list", "{\"run\":\"%s\",\"reverse\":%s%s}",
                                      name_of(run), reverse ? "true" : "false", bound);
    if (status == STRATA_HISTORY_TRIMMED) {
        assert_true(bound[0] != '\0' && may_be_trimmed(l, run, version, time_us));
        return;
    }
    assert_int_equal(status, STRATA_OK);
    const char *at = ask(l->db, STRATA_OK, "kv.list", "{\"run\":\"%s\",\"reverse\":%s%s}",
                         name_of(run), reverse ? "true" : "false", bound);
    for (int i = 0; i < KEYS; i++) {
        const int key = reverse ? KEYS - 1 - i : i;
        char wanted[64];
        bool exact;
        const write *w = find(l, run, key, version, time_us, &exact);
        if (w == NULL || w->deleted) {
            continue;
        }
        (void)snprintf(wanted, sizeof wanted, "{\"key\":\"k%d\",\"value\":%d,\"version\":%llu,",
                       key, w->value, (unsigned long long)w->version);
        const char *place = strstr(at, "{\"key\":");
        assert_non_null(place);
        assert_int_equal(strncmp(place, wanted, strlen(wanted)), 0);
        at = place + 1;
    }
    assert_null(strstr(at, "{\"key\":"));
}

/* Each version that is told is one of the model, in order; all are, while everything is kept. */
static void check_history(life *l, int run, int key) {
    const char *at =
        ask(l->db, STRATA_OK, "kv.history", "{\"run\":\"%s\",\"key\":\"k%d\"}", name_of(run), key);
    uint64_t version = UINT64_MAX;
    int64_t time_us = INT64_MAX;
    int here = run;
    while (here >= 0) {
        bool seen = false;
        for (int i = l->write_count - 1; i >= 0; i--) {
            const write *w = &l->writes[i];
            if (w->run != here || w->key != key || w->version > version || w->time_us > time_us ||
                (seen && l->runs[here].gone)) {
                continue;
            }
            seen = true;
            const char *place = strstr(at, "\"version\":");
            if (place == NULL || (uint64_t)json_int(place, "version") != w->version) {
                assert_true(l->trims);
                continue;
            }
            at = place + 1;
        }
        const model_run *of = &l->runs[here];
        version = of->at < version ? of->at : version;
        time_us = of->at_us < time_us ? of->at_us : time_us;
        here = of->parent;
    }
    assert_null(strstr(at, "\"version\":"));
}

static void check_some(life *l, unsigned questions) {
    const uint64_t last = db_version(l->db);
    for (unsigned i = 0; i < questions; i++) {
        const int run = random_run(l);
        const int key = (int)below(l, KEYS);
        uint64_t version = UINT64_MAX;
        int64_t time_us = INT64_MAX;
        if (below(l, 3) == 0) {
            version = below(l, last + 1);
        } else if (below(l, 3) == 0 && l->write_count > 0) {
            time_us = l->writes[below(l, (uint64_t)l->write_count)].time_us - (int64_t)below(l, 2);
        }
        check_get(l, run, key, version, time_us);
        if (i % 2 == 0) {
            check_list(l, run, version, time_us, below(l, 2) == 0);
            check_history(l, run, key);
        }
    }
}

static void check_all(life *l) {
    for (int run = 0; run < l->run_count; run++) {
        if (l->runs[run].gone) {
            assert_int_equal(tell(l->db, "kv.get", "{\"run\":\"%s\",\"key\":\"k0\"}", name_of(run)),
                             STRATA_NOT_FOUND);
            continue;
        }
        for (int key = 0; key < KEYS; key++) {
            check_get(l, run, key, UINT64_MAX, INT64_MAX);
            check_history(l, run, key);
        }
        check_list(l, run, UINT64_MAX, INT64_MAX, false);
        check_list(l, run, UINT64_MAX, INT64_MAX, true);
    }
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static void write_key(life *l) {
    if (l->write_count == WRITES) {
        return;
    }
    const int run = random_run(l);
    write *w = &l->writes[l->write_count];
    *w = (write){.run = run, .key = (int)below(l, KEYS), .value = (int)below(l, 1000000)};
    w->deleted = below(l, 4) == 0;
    const char *answer = w->deleted ? ask(l->db, STRATA_OK, "kv.delete",
                                          "{\"run\":\"%s\",\"key\":\"k%d\"}", name_of(run), w->key)
                                    : ask(l->db, STRATA_OK, "kv.put",
                                          "{\"run\":\"%s\",\"key\":\"k%d\",\"value\":%d}",
                                          name_of(run), w->key, w->value);
    if (w->deleted && json_has(answer, "\"existed\":false")) {
        return;
    }
    w->version = (uint64_t)json_int(answer, "version");
    const char *history = ask(l->db, STRATA_OK, "kv.history",
                              "{\"run\":\"%s\",\"key\":\"k%d\",\"limit\":1}", name_of(run), w->key);
    w->time_us = json_int(history, "timestamp");
    l->write_count++;
}

static void fork_run(life *l) {
    if (l->run_count == RUNS) {
        return;
    }
    const int parent = random_run(l);
    const uint64_t last = db_version(l->db);
    char bound[64];
    uint64_t version = UINT64_MAX;
    int64_t time_us = INT64_MAX;
    if (below(l, 3) == 0) {
        version = below(l, last + 1);
    } else if (below(l, 3) == 0 && l->write_count > 0) {
        time_us = l->writes[below(l, (uint64_t)l->write_count)].time_us - (int64_t)below(l, 2);
    }
    bound_text(bound, sizeof bound, version, time_us);
    const strata_status status = tell(l->db, "run.fork", "{\"run\":\"%s\",\"name\":\"%s\"%s}",
                                      name_of(parent), name_of(l->run_count), bound);
    if (status == STRATA_HISTORY_TRIMMED) {
        assert_true(bound[0] != '\0' && may_be_trimmed(l, parent, version, time_us));
        return;
    }
    assert_int_equal(status, STRATA_OK);
    const char *record =
        ask(l->db, STRATA_OK, "run.get", "{\"name\":\"%s\"}", name_of(l->run_count));
    assert_true(json_has(record, "\"parent\":"));
    model_run *run = &l->runs[l->run_count++];
    *run = (model_run){.parent = parent,
                       .at = version == UINT64_MAX ? last : version,
                       .at_us = time_us,
                       .made = (uint64_t)json_int(record, "version"),
                       .made_us = json_int(record, "created")};
}

static void delete_run(life *l) {
    const int run = random_run(l);
    if (run == 0) {
        assert_true(json_has(ask(l->db, STRATA_CONSTRAINT, "run.delete", "{\"name\":\"default\"}"),
                             "\"default_run\""));
        return;
    }
    (void)ask(l->db, STRATA_OK, "run.delete", "{\"name\":\"%s\"}", name_of(run));
    (void)ask(l->db, STRATA_NOT_FOUND, "run.delete", "{\"name\":\"%s\"}", name_of(run));
    l->runs[run].gone = true;
}

static void set_rule(life *l) {
    const uint64_t versions = below(l, 3);
    if (versions == 0) {
        (void)ask(l->db, STRATA_OK, "retention.set", "{\"run\":\"%s\",\"keep\":\"all\"}",
                  name_of(random_run(l)));
        return;
    }
    l->trims = true;
    (void)ask(l->db, STRATA_OK, "retention.set",
              "{\"run\":\"%s\",\"keep\":\"last\",\"versions\":%d}", name_of(random_run(l)),
              (int)versions);
}

static void reopen(life *l) {
    if (!l->in_memory) {
        db_close(l->db);
        l->db = db_open(l->machine, STRATA_BUFFERED);
    }
}

static void step(life *l, bool with_rules) {
    l->machine->wall_us += (int64_t)below(l, 4) - 1;
    const uint64_t choice = below(l, 100);
    if (choice < 62) {
        write_key(l);
    } else if (choice < 76) {
        fork_run(l);
    } else if (choice < 81) {
        delete_run(l);
    } else if (choice < 85) {
        if (with_rules) {
            set_rule(l);
        }
    } else if (choice < 90) {
        (void)ask(l->db, STRATA_OK, "db.checkpoint", "{}");
    } else if (choice < 95) {
        (void)ask(l->db, STRATA_OK, "db.compact", "{\"mode\":\"full\"}");
    } else {
        reopen(l);
    }
}

static void live(uint64_t seed) {
    life *l = calloc(1, sizeof *l);
    assert_non_null(l);
    replay_hint("FORK_SEED=%llu", (unsigned long long)seed);
    l->machine = sim_new(seed);
    l->machine->wall_us = 1000000;
    l->chance = seed;
    l->in_memory = seed % 3 == 2;
    l->db = l->in_memory ? db_in_memory(l->machine) : db_open(l->machine, STRATA_BUFFERED);
    l->run_count = 1;
    l->runs[0] = (model_run){.parent = -1, .at = 0, .at_us = INT64_MAX};
    const bool with_rules = seed % 2 == 0;
    for (unsigned i = 0; i < STEPS; i++) {
        step(l, with_rules);
        check_some(l, 4);
        if (i % 20 == 19) {
            check_all(l);
        }
    }
    db_verify(l->db);
    reopen(l);
    check_all(l);
    db_close(l->db);
    sim_free(l->machine);
    replay_hint(NULL);
    free(l);
}

static void lives(void **state) {
    (void)state;
    const uint64_t only = env_number("FORK_SEED", 0);
    for (uint64_t seed = only > 0 ? only : 1; seed <= (only > 0 ? only : LIVES); seed++) {
        live(seed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
