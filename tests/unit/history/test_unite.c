/* test_unite.c - three-way merges against a naive model, and the C functions of history.
 *
 * A run with a few keys is forked; both go on at random; what a merge should take, and what it should
 * call a conflict, is made from three arrays. Every strategy, both directions, merges that are repeated,
 * and one of two forks into each other. UNITE_SEED=n is another beginning.
 */
#include "store_support.h"

enum { KEYS = 16, ROUNDS = 60 };

static sim *machine;
static strata_db *db;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    db = db_open(machine, STRATA_BUFFERED);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    db_close(db);
    sim_free(machine);
    return 0;
}

/* ---- Against a model ------------------------------------------------------------------------- */

/* What a run holds: 0 nothing, else a value. */
typedef struct world {
    char name[16];
    unsigned keys[KEYS];
} world;

static uint64_t chance;

static void write_key(world *w, unsigned key, unsigned value) {
    if (value == 0) {
        (void)ask(db, STRATA_OK, "kv.delete", "{\"run\":\"%s\",\"key\":\"k%02u\"}", w->name, key);
    } else {
        (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"%s\",\"key\":\"k%02u\",\"value\":%u}",
                  w->name, key, value);
    }
    w->keys[key] = value;
}

static void go_on(world *w, unsigned writes) {
    for (unsigned i = 0; i < writes; i++) {
        write_key(w, (unsigned)test_random_below(&chance, KEYS),
                  (unsigned)test_random_below(&chance, 4));
    }
}

static void check_world(const world *w) {
    for (unsigned key = 0; key < KEYS; key++) {
        const char *answer = ask(db, w->keys[key] == 0 ? STRATA_NOT_FOUND : STRATA_OK, "kv.get",
                                 "{\"run\":\"%s\",\"key\":\"k%02u\"}", w->name, key);
        if (w->keys[key] > 0) {
            assert_int_equal(json_int(answer, "value"), w->keys[key]);
        }
    }
}

typedef struct expectation {
    unsigned taken;
    unsigned conflicts;
} expectation;

/* What a merge does; strategy: 's', 't', 'o'. */
static expectation unite(const world *base, const world *source, world *target, char strategy) {
    expectation e = {0, 0};
    world after = *target;
    for (unsigned key = 0; key < KEYS; key++) {
        const unsigned b = base->keys[key];
        const unsigned s = source->keys[key];
        const unsigned t = target->keys[key];
        if (s == b || s == t) {
            continue;
        }
        e.conflicts += t != b;
        if (t == b || strategy == 't') {
            after.keys[key] = s;
            e.taken++;
        }
    }
    if (strategy != 's' || e.conflicts == 0) {
        *target = after;
    }
    return e;
}

static void merge_and_check(const world *base, const world *source, world *target) {
    static const char *const names[] = {"strict", "theirs", "ours"};
    const char *strategy = names[test_random_below(&chance, 3)];
    world dry = *target;
    const expectation would = unite(base, source, &dry, 'o');
    const char *answer =
        ask(db, STRATA_OK, "history.merge",
            "{\"source\":\"%s\",\"target\":\"%s\",\"dry_run\":true}", source->name, target->name);
    assert_int_equal(json_int(answer, "taken"), would.taken);
    assert_int_equal(json_int(answer, "conflict_count"), would.conflicts);
    check_world(target);
    const expectation e = unite(base, source, target, strategy[0]);
    const bool fails = strategy[0] == 's' && e.conflicts > 0;
    answer = ask(db, fails ? STRATA_CONFLICT : STRATA_OK, "history.merge",
                 "{\"source\":\"%s\",\"target\":\"%s\",\"strategy\":\"%s\"}", source->name,
                 target->name, strategy);
    if (fails) {
        assert_int_equal(json_int(answer, "conflicts"), e.conflicts);
    } else {
        assert_int_equal(json_int(answer, "taken"), e.taken);
        assert_int_equal(json_int(answer, "conflict_count"), e.conflicts);
        assert_int_equal(json_has(answer, "\"version\""), e.taken > 0);
    }
    check_world(target);
    check_world(source);
}

static void merges(void **state) {
    (void)state;
    chance = env_number("UNITE_SEED", 1);
    replay_hint("UNITE_SEED=%llu", (unsigned long long)chance);
    for (unsigned round = 0; round < ROUNDS; round++) {
        world base = {.name = ""};
        world left;
        world right;
        (void)snprintf(base.name, sizeof base.name, "base%u", round);
        (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"%s\"}", base.name);
        go_on(&base, 20);
        left = base;
        right = base;
        (void)snprintf(left.name, sizeof left.name, "left%u", round);
        (void)ask(db, STRATA_OK, "run.fork", "{\"run\":\"%s\",\"name\":\"%s\"}", base.name,
                  left.name);
        if (round % 2 == 1) { /* two forks; else the fork and its parent */
            (void)snprintf(right.name, sizeof right.name, "right%u", round);
            (void)ask(db, STRATA_OK, "run.fork", "{\"run\":\"%s\",\"name\":\"%s\"}", base.name,
                      right.name);
        }
        go_on(&left, 6);
        go_on(&right, 6);
        if (round % 5 == 0) {
            (void)ask(db, STRATA_OK, "db.compact", "{}");
        }
        merge_and_check(&base, &left, &right);
        merge_and_check(&base, &right, &left);
        go_on(&left, 3);
        merge_and_check(&base, &left, &right);
    }
    replay_hint(NULL);
}

/* ---- Events ---------------------------------------------------------------------------------- */

static void append(const char *run, unsigned n) {
    machine->wall_us += 1000;
    (void)ask(db, STRATA_OK, "event.append",
              "{\"run\":\"%s\",\"type\":\"t\",\"payload\":{\"n\":%u}}", run, n);
}

static void events_come_once(void **state) {
    (void)state;
    append("default", 1);
    (void)ask(db, STRATA_OK, "run.fork", "{\"name\":\"f\"}");
    (void)ask(db, STRATA_OK, "run.fork", "{\"run\":\"f\",\"name\":\"g\"}");
    append("f", 2);
    append("f", 3);
    append("default", 4);
    append("g", 5);
    static const char merge[] = "{\"source\":\"%s\",\"target\":\"%s\"}";
    assert_int_equal(json_int(ask(db, STRATA_OK, "history.merge", merge, "g", "f"), "events"), 1);
    const char *answer = ask(db, STRATA_OK, "history.merge", merge, "f", "default");
    assert_int_equal(json_int(answer, "events"), 3);
    append("f", 6);
    assert_int_equal(json_int(ask(db, STRATA_OK, "history.merge", merge, "f", "default"), "events"),
                     1);
    answer = ask(db, STRATA_OK, "history.merge", merge, "f", "default");
    assert_int_equal(json_int(answer, "events"), 0);
    assert_false(json_has(answer, "version"));
    static const unsigned order[] = {1, 4, 2, 3, 5, 6};
    for (unsigned i = 0; i < 6; i++) {
        answer = ask(db, STRATA_OK, "event.read", "{\"sequence\":%u}", i + 1);
        assert_int_equal(json_int(answer, "n"), order[i]);
        assert_int_equal(json_has(answer, "merged_from"), i >= 2);
    }
    /* What came to f from g says so, inside of what came to default from f. */
    answer = ask(db, STRATA_OK, "event.read", "{\"sequence\":5}");
    assert_true(json_has(answer, "\"merged_from\":{\"run\":\"f\",\"sequence\":4"));
    assert_true(json_has(answer, "\"merged_from\":{\"run\":\"g\",\"sequence\":2"));
    assert_true(json_has(ask(db, STRATA_OK, "event.verify", "{}"), "\"valid\":true"));
    db_verify(db);
}

/* A run that has the name of one that was deleted has other events. */
static void events_of_another_run(void **state) {
    (void)state;
    static const char merge[] = "{\"source\":\"f\"}";
    append("default", 1);
    const long long before =
        json_int(ask(db, STRATA_OK, "kv.put", "{\"key\":\"k\",\"value\":1}"), "version");
    for (unsigned i = 0; i < 2; i++) {
        (void)ask(db, STRATA_OK, "run.fork", "{\"name\":\"f\",\"as_of\":%lld}", before);
        append("f", 2 + i);
        assert_int_equal(json_int(ask(db, STRATA_OK, "history.merge", merge), "events"), 1);
        assert_int_equal(json_int(ask(db, STRATA_OK, "history.merge", merge), "events"), 0);
        (void)ask(db, STRATA_OK, "run.delete", "{\"name\":\"f\"}");
    }
    assert_int_equal(json_int(ask(db, STRATA_OK, "event.read", "{\"sequence\":3}"), "n"), 3);
    db_verify(db);
}

/* What follows from a thing comes over with it, and goes with it. */
static void edges_have_both_ends(void **state) {
    (void)state;
    static const char edge[] = "{\"run\":\"%s\",\"src\":\"a\",\"type\":\"t\",\"dst\":\"b\"}";
    (void)ask(db, STRATA_OK, "edge.put", edge, "default");
    (void)ask(db, STRATA_OK, "run.fork", "{\"name\":\"f\"}");
    (void)ask(db, STRATA_OK, "edge.delete", edge, "f");
    (void)ask(db, STRATA_OK, "edge.put",
              "{\"run\":\"default\",\"src\":\"a\",\"type\":\"t\",\"dst\":\"b\",\"weight\":2.0}");
    const char *answer =
        ask(db, STRATA_OK, "history.merge", "{\"source\":\"f\",\"strategy\":\"ours\"}");
    assert_int_equal(json_int(answer, "conflict_count"), 1);
    assert_true(json_has(ask(db, STRATA_OK, "edge.in", "{\"dst\":\"b\"}"), "\"weight\":2.0"));
    (void)ask(db, STRATA_OK, "history.merge", "{\"source\":\"f\",\"strategy\":\"theirs\"}");
    assert_json(ask(db, STRATA_OK, "edge.in", "{\"dst\":\"b\"}"), "{\"edges\":[]}");
    assert_json(ask(db, STRATA_OK, "edge.out", "{\"src\":\"a\"}"), "{\"edges\":[]}");
}

/* What is merged is found by the indexes of the target: also one that the source does not have, and one
 * that was made while the fork went on. */
static void indexes_follow(void **state) {
    (void)state;
    static const char where[] = "{\"run\":\"%s\",\"where\":{\"path\":\"/city\",\"eq\":\"%s\"},"
                                "\"explain\":true}";
    static const char set[] = "{\"run\":\"%s\",\"key\":\"%s\",\"path\":\"/city\",\"value\":\"%s\"}";
    static const char create[] =
        "{\"run\":\"%s\",\"key\":\"%s\",\"document\":{\"city\":\"%s\",\"n\":1}}";
    (void)ask(db, STRATA_OK, "json.create", create, "default", "moved", "Oslo");
    (void)ask(db, STRATA_OK, "json.create", create, "default", "gone", "Oslo");
    (void)ask(db, STRATA_OK, "json.create", create, "default", "both", "Oslo");
    (void)ask(db, STRATA_OK, "schema.put", "{\"name\":\"p\",\"schema\":{},\"indexed\":[\"/n\"]}");
    (void)ask(db, STRATA_OK, "run.fork", "{\"name\":\"f\"}");
    (void)ask(db, STRATA_OK, "index.create", "{\"name\":\"city\",\"path\":\"/city\"}");
    (void)ask(db, STRATA_OK, "index.create",
              "{\"name\":\"text\",\"primitive\":\"memory\",\"path\":\"/text\"}");
    (void)ask(db, STRATA_OK, "json.set", set, "f", "moved", "Rome");
    (void)ask(db, STRATA_OK, "json.set", set, "f", "both", "Rome");
    (void)ask(db, STRATA_OK, "json.set",
              "{\"key\":\"both\",\"path\":\"/n\",\"value\":2}"); /* by path */
    (void)ask(db, STRATA_OK, "json.destroy", "{\"run\":\"f\",\"key\":\"gone\"}");
    (void)ask(db, STRATA_OK, "json.create", create, "f", "new", "Rome");
    (void)ask(db, STRATA_OK, "memory.remember",
              "{\"run\":\"f\",\"key\":\"m\",\"text\":\"green tea\"}");
    (void)ask(db, STRATA_OK, "entity.upsert",
              "{\"run\":\"f\",\"schema\":\"p\",\"id\":\"e\",\"document\":{\"n\":7}}");
    const char *answer = ask(db, STRATA_OK, "history.merge", "{\"source\":\"f\"}");
    assert_int_equal(json_int(answer, "taken"), 6);
    answer = ask(db, STRATA_OK, "json.find", where, "default", "Rome");
    assert_true(json_has(answer, "\"key\":\"both\""));
    assert_true(json_has(answer, "\"key\":\"moved\""));
    assert_true(json_has(answer, "\"key\":\"new\""));
    assert_true(json_has(answer, "\"index\":\"city\""));
    assert_int_equal(json_int(answer, "examined"), 3);
    answer = ask(db, STRATA_OK, "json.find", where, "default", "Oslo");
    assert_true(json_has(answer, "\"documents\":[]"));
    assert_int_equal(json_int(answer, "examined"), 0);
    answer = ask(db, STRATA_OK, "memory.find",
                 "{\"where\":{\"path\":\"/text\",\"eq\":\"green tea\"},\"explain\":true}");
    assert_true(json_has(answer, "\"key\":\"m\"") && json_has(answer, "\"index\":\"text\""));
    assert_true(json_has(ask(db, STRATA_OK, "memory.recall", "{\"query\":\"tea\"}"), "memory:m"));
    answer = ask(db, STRATA_OK, "entity.find",
                 "{\"schema\":\"p\",\"where\":{\"path\":\"/n\",\"eq\":7},\"explain\":true}");
    assert_true(json_has(answer, "\"id\":\"e\"") && json_has(answer, "\"kind\":\"equal\""));
    db_verify(db); /* compares the indexes with what they are on */
}

/* ---- The C functions ------------------------------------------------------------------------- */

typedef struct heard {
    char text[4096];
    size_t len;
    unsigned left; /* calls until it has heard enough */
} heard;

static void say(heard *h, strata_slice text, const char *after) {
    h->len += (size_t)snprintf(h->text + h->len, sizeof h->text - h->len, "%.*s%s", (int)text.len,
                               (const char *)text.data, after);
}

static bool hear_commit(void *arg, const strata_commit *commit) {
    heard *h = arg;
    for (size_t i = 0; i < commit->shown; i++) {
        say(h, commit->changes[i].ref, commit->changes[i].deleted ? "-" : "");
        if (commit->changes[i].value.type == STRATA_INT) {
            char number[24];
            (void)snprintf(number, sizeof number, "=%lld",
                           (long long)commit->changes[i].value.as.integer);
            say(h, strata_text(number), "");
        }
        say(h, strata_text(" "), "");
    }
    say(h, commit->label, "; ");
    return --h->left > 0;
}

static bool hear_difference(void *arg, const strata_difference *difference) {
    heard *h = arg;
    say(h, difference->ref, difference->before == NULL ? "+" : "");
    say(h, strata_text(difference->after == NULL ? "-" : ""), " ");
    return --h->left > 0;
}

static bool hear_node(void *arg, const strata_explained *node) {
    heard *h = arg;
    assert_true(node->parent <= node->node);
    char depth[16];
    (void)snprintf(depth, sizeof depth, "%u:", node->depth);
    say(h, strata_text(depth), "");
    say(h, node->ref, " ");
    return --h->left > 0;
}

static void c_functions(void **state) {
    (void)state;
    const strata_when now = STRATA_NOW_INIT;
    strata_history_range range = STRATA_HISTORY_RANGE_INIT;
    strata_txn_options options = STRATA_TXN_OPTIONS_INIT;
    strata_run run;
    strata_run fork;
    strata_entry entry;
    strata_merged merged;
    uint64_t version;
    heard h = {.left = 100};
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"r\",\"provenance\":true}");
    assert_int_equal(strata_run_find(db, strata_text("r"), &run), STRATA_OK);
    assert_int_equal(strata_kv_put(db, run, strata_text("a"), strata_int(1), &version), STRATA_OK);
    (void)ask(db, STRATA_OK, "run.fork", "{\"run\":\"r\",\"name\":\"f\"}");
    assert_int_equal(strata_run_find(db, strata_text("f"), &fork), STRATA_OK);
    options.label = strata_text("twice");
    assert_int_equal(strata_txn_begin(db, fork, &options), STRATA_OK);
    assert_int_equal(strata_kv_get(db, fork, strata_text("a"), &entry), STRATA_OK);
    assert_int_equal(strata_history_log(db, fork, NULL, hear_commit, &h), STRATA_FORBIDDEN);
    assert_int_equal(strata_kv_put(db, fork, strata_text("b"), strata_int(2), NULL), STRATA_OK);
    assert_int_equal(strata_txn_commit(db, NULL), STRATA_OK);
    assert_int_equal(strata_history_log(db, fork, NULL, hear_commit, &h), STRATA_OK);
    assert_string_equal(h.text, "kv:b twice; kv:a ; ");
    h = (heard){.left = 1};
    range.oldest_first = true;
    range.with_values = true;
    assert_int_equal(strata_history_log(db, fork, &range, hear_commit, &h), STRATA_OK);
    assert_string_equal(h.text, "kv:a=1 ; ");
    h = (heard){.left = 100};
    range.ref = strata_text("kv:b");
    assert_int_equal(strata_history_log(db, fork, &range, hear_commit, &h), STRATA_OK);
    assert_string_equal(h.text, "kv:b=2 twice; ");
    range.ref = strata_text("b");
    assert_int_equal(strata_history_log(db, fork, &range, hear_commit, &h), STRATA_INVALID_KEY);
    range.size = 1;
    assert_int_equal(strata_history_log(db, fork, &range, hear_commit, &h),
                     STRATA_INVALID_ARGUMENT);
    h = (heard){.left = 100};
    assert_int_equal(strata_history_diff(db, run, now, fork, now, hear_difference, &h), STRATA_OK);
    assert_string_equal(h.text, "kv:b+ ");
    h = (heard){.left = 100};
    assert_int_equal(
        strata_history_diff(db, fork, now, fork, strata_as_of(version - 1), hear_difference, &h),
        STRATA_OK);
    assert_string_equal(h.text, "kv:a- kv:b- ");
    h = (heard){.left = 100};
    assert_int_equal(strata_history_explain(db, fork, strata_text("kv:b"), NULL, hear_node, &h),
                     STRATA_OK);
    assert_string_equal(h.text, "0:kv:b 1:kv:a ");
    assert_int_equal(strata_history_explain(db, fork, strata_text("kv:x"), NULL, hear_node, &h),
                     STRATA_NOT_FOUND);
    strata_explain how = STRATA_EXPLAIN_INIT;
    how.depth = 101;
    assert_int_equal(strata_history_explain(db, fork, strata_text("kv:b"), &how, hear_node, &h),
                     STRATA_INVALID_ARGUMENT);
    how = (strata_explain)STRATA_EXPLAIN_INIT;
    how.versions = 0;
    assert_int_equal(strata_history_explain(db, fork, strata_text("kv:b"), &how, hear_node, &h),
                     STRATA_INVALID_ARGUMENT);
    assert_int_equal(strata_kv_put(db, fork, strata_text("a"), strata_int(3), NULL), STRATA_OK);
    h = (heard){.left = 100};
    how.versions = 2;
    assert_int_equal(strata_history_explain(db, fork, strata_text("kv:a"), &how, hear_node, &h),
                     STRATA_OK);
    assert_string_equal(h.text, "0:kv:a 0:kv:a ");
    h = (heard){.left = 100};
    how.versions = 1;
    assert_int_equal(strata_history_explain(db, fork, strata_text("kv:a"), &how, hear_node, &h),
                     STRATA_OK);
    assert_string_equal(h.text, "0:kv:a ");
    how.when = strata_as_of(1);
    assert_int_equal(strata_history_explain(db, fork, strata_text("kv:a"), &how, hear_node, &h),
                     STRATA_NOT_FOUND);
    assert_int_equal(strata_kv_put(db, fork, strata_text("a"), strata_int(1), NULL), STRATA_OK);
    assert_int_equal(strata_history_merge(db, fork, run, (strata_merge_strategy)7, NULL),
                     STRATA_INVALID_ARGUMENT);
    assert_int_equal(strata_history_merge(db, fork, run, STRATA_MERGE_STRICT, &merged), STRATA_OK);
    assert_int_equal(merged.taken, 1);
    assert_int_equal(merged.conflicts, 0);
    assert_true(merged.version > version);
    assert_int_equal(strata_kv_get(db, run, strata_text("b"), &entry), STRATA_OK);
    assert_int_equal(entry.version, merged.version);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(merges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_come_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_of_another_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(edges_have_both_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(indexes_follow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(c_functions, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
