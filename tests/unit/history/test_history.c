/* test_history.c - log, replay, state and diff against a naive model that keeps every commit.
 *
 * Random histories of kv, documents, events and memories, single writes and transactions, in two runs, a
 * fork of the one and a fork of that, in memory and in tables. The model is a list of commits with the text of each change; what the
 * operations should answer is made from it by going through all of it. Pages of every size must give
 * the same sequence. HISTORY_SEED=n runs another history.
 */
#include "store_support.h"

enum { RUNS = 4, KEYS = 12, COMMITS = 160, CHANGES = 6, THINGS = 200, TEXT = 96 };

typedef struct change {
    char ref[24];
    bool deleted;
    char value[TEXT];
} change;

typedef struct commit {
    uint64_t version;
    int64_t time_us;
    unsigned run;
    change changes[CHANGES];
    unsigned count;
} commit;

static const char *const run_names[RUNS] = {"default", "other", "fork", "twig"};

/* Of what and at which commit a run is a fork; of itself: it is none. */
static unsigned bases[RUNS];
static uint64_t base_versions[RUNS];
static unsigned made; /* of the runs */

static sim *machine;
static strata_db *db;
static commit commits[COMMITS];
static unsigned commit_count;
static unsigned events[RUNS];
static uint64_t chance;

/* The order of things: that of their primitives, then of their keys. */
static int order_of(const char *ref) {
    return ref[0] == 'k' ? 0 : ref[0] == 'e' ? 1 : ref[0] == 'j' ? 2 : 3;
}

static int compare_refs(const char *a, const char *b) {
    if (order_of(a) != order_of(b)) {
        return order_of(a) - order_of(b);
    }
    return order_of(a) == 1 ? atoi(a + 6) - atoi(b + 6) : strcmp(a, b);
}

static void add_change(commit *c, const char *ref, bool deleted, const char *value) {
    unsigned at = 0;
    while (at < c->count && compare_refs(c->changes[at].ref, ref) < 0) {
        at++;
    }
    if (at == c->count || strcmp(c->changes[at].ref, ref) != 0) {
        memmove(&c->changes[at + 1], &c->changes[at], (c->count - at) * sizeof(change));
        c->count++;
    }
    (void)snprintf(c->changes[at].ref, sizeof c->changes[at].ref, "%s", ref);
    (void)snprintf(c->changes[at].value, sizeof c->changes[at].value, "%s", value);
    c->changes[at].deleted = deleted;
}

/* Whether the run, at commit `upto`, shows this one. */
static bool shows(unsigned run, const commit *c, uint64_t upto) {
    for (;;) {
        if (c->run == run) {
            return c->version <= upto;
        }
        if (bases[run] == run) {
            return false;
        }
        upto = base_versions[run] < upto ? base_versions[run] : upto;
        run = bases[run];
    }
}

/* The change of a thing that the run has at commit `upto` (all commits: UINT64_MAX); NULL: none. */
static const change *find_thing(unsigned run, const char *ref, uint64_t upto,
                                const commit **where) {
    const change *found = NULL;
    for (unsigned i = 0; i < commit_count; i++) {
        for (unsigned j = 0; shows(run, &commits[i], upto) && j < commits[i].count; j++) {
            if (strcmp(commits[i].changes[j].ref, ref) == 0) {
                found = &commits[i].changes[j];
                *where = &commits[i];
            }
        }
    }
    return found != NULL && found->deleted ? NULL : found;
}

/* ---- Making a history ------------------------------------------------------------------------ */

/* One write, inside the transaction `txn` or by itself (0). */
static void write_one(commit *c, unsigned txn) {
    char ref[24];
    char value[TEXT];
    char in[48] = "";
    const unsigned key = (unsigned)test_random_below(&chance, KEYS);
    const unsigned kind = (unsigned)test_random_below(&chance, 12);
    const unsigned number = (unsigned)test_random_below(&chance, 3);
    const char *name = run_names[c->run];
    if (txn > 0) {
        (void)snprintf(in, sizeof in, ",\"txn\":%u", txn);
    }
    if (kind < 5) {
        (void)snprintf(ref, sizeof ref, "kv:k%02u", key);
        (void)snprintf(value, sizeof value, "%u", number);
        (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"%s\",\"key\":\"k%02u\",\"value\":%u%s}",
                  name, key, number, in);
        add_change(c, ref, false, value);
    } else if (kind < 7) {
        (void)snprintf(ref, sizeof ref, "kv:k%02u", key);
        const char *answer =
            ask(db, STRATA_OK, "kv.delete", "{\"run\":\"%s\",\"key\":\"k%02u\"%s}", name, key, in);
        if (json_has(answer, "\"existed\":true")) {
            add_change(c, ref, true, "");
        }
    } else if (kind < 9) {
        (void)snprintf(ref, sizeof ref, "event:%u", ++events[c->run]);
        (void)snprintf(value, sizeof value, "{\"type\":\"t\",\"payload\":{\"n\":%u}}", number);
        (void)ask(db, STRATA_OK, "event.append",
                  "{\"run\":\"%s\",\"type\":\"t\",\"payload\":{\"n\":%u}%s}", name, number, in);
        add_change(c, ref, false, value);
    } else if (kind < 11) {
        const commit *where;
        const change *had = NULL;
        const unsigned member = number < 2 ? 0 : 1;
        (void)snprintf(ref, sizeof ref, "json:d%u", key % 3);
        for (unsigned i = 0; i < c->count; i++) {
            had = strcmp(c->changes[i].ref, ref) == 0 ? &c->changes[i] : had;
        }
        had = had == NULL ? find_thing(c->run, ref, UINT64_MAX, &where) : had;
        unsigned members[2] = {0, 0};
        if (had != NULL) {
            (void)sscanf(had->value, "{\"a\":%u,\"b\":%u}", &members[0], &members[1]);
        } else {
            (void)ask(db, STRATA_OK, "json.set",
                      "{\"run\":\"%s\",\"key\":\"d%u\",\"path\":\"\","
                      "\"value\":{\"a\":0,\"b\":0}%s}",
                      name, key % 3, in);
        }
        if (had != NULL) {
            members[member] = 10 + (unsigned)test_random_below(&chance, 90);
            (void)ask(db, STRATA_OK, "json.set",
                      "{\"run\":\"%s\",\"key\":\"d%u\",\"path\":\"/%c\",\"value\":%u%s}", name,
                      key % 3, member == 0 ? 'a' : 'b', members[member], in);
        }
        (void)snprintf(value, sizeof value, "{\"a\":%u,\"b\":%u}", members[0], members[1]);
        add_change(c, ref, false, value);
    } else {
        (void)snprintf(ref, sizeof ref, "memory:m%02u", key);
        (void)snprintf(value, sizeof value, "{\"text\":\"word%u\"}", number);
        (void)ask(db, STRATA_OK, "memory.remember",
                  "{\"run\":\"%s\",\"key\":\"m%02u\",\"text\":\"word%u\"%s}", name, key, number,
                  in);
        add_change(c, ref, false, value);
    }
}

static void make_commit(void) {
    commit *c = &commits[commit_count];
    *c = (commit){.run = (unsigned)test_random_below(&chance, made)};
    machine->wall_us += (int64_t)test_random_below(&chance, 3) * 1000;
    const uint64_t before = db_version(db);
    if (test_random_below(&chance, 3) == 0) {
        const unsigned txn = (unsigned)json_int(
            ask(db, STRATA_OK, "txn.begin", "{\"run\":\"%s\"}", run_names[c->run]), "txn");
        const unsigned writes = 1 + (unsigned)test_random_below(&chance, CHANGES - 1);
        for (unsigned i = 0; i < writes; i++) {
            write_one(c, txn);
        }
        (void)ask(db, STRATA_OK, "txn.commit", "{\"txn\":%u}", txn);
    } else {
        write_one(c, 0);
    }
    c->version = db_version(db);
    c->time_us = machine->wall_us;
    commit_count += c->version > before;
}

/* A fork of an earlier run at some commit. */
static void make_fork(unsigned base, uint64_t version) {
    (void)ask(db, STRATA_OK, "run.fork", "{\"run\":\"%s\",\"name\":\"%s\",\"as_of\":%llu}",
              run_names[base], run_names[made], (unsigned long long)version);
    bases[made] = base;
    base_versions[made] = version;
    for (unsigned i = 0; i < commit_count; i++) {
        for (unsigned j = 0; shows(made, &commits[i], UINT64_MAX) && j < commits[i].count; j++) {
            events[made] += commits[i].changes[j].ref[0] == 'e';
        }
    }
    made++;
}

static int set_up(void **state) {
    (void)state;
    chance = env_number("HISTORY_SEED", 1);
    replay_hint("HISTORY_SEED=%llu", (unsigned long long)chance);
    machine = sim_new(1);
    db = db_open(machine, STRATA_BUFFERED);
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"other\"}");
    commit_count = 0;
    memset(events, 0, sizeof events);
    made = 2;
    bases[0] = 0;
    bases[1] = 1;
    while (commit_count < COMMITS) {
        make_commit();
        if (commit_count == 40 && made == 2) {
            make_fork(0, commits[10 + test_random_below(&chance, 30)].version);
        }
        if (commit_count == 90 && made == 3) {
            make_fork(2, commits[5 + test_random_below(&chance, 85)].version);
        }
        if (commit_count % 40 == 0) {
            (void)ask(db, STRATA_OK, "db.compact", "{\"mode\":\"wal\"}");
        }
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    db_close(db);
    sim_free(machine);
    replay_hint(NULL);
    return 0;
}

/* ---- Pages ----------------------------------------------------------------------------------- */

/* All pages of an operation, one after the other, as the text of one array. Caller frees. */
static char *all_pages(const char *op, const char *args, const char *list, unsigned limit) {
    char *all = calloc(1, 1 << 20);
    char cursor[2048] = "";
    size_t len = 0;
    for (;;) {
        char open[32];
        const char *answer = ask(db, STRATA_OK, op, "{%s,\"limit\":%u%s}", args, limit, cursor);
        (void)snprintf(open, sizeof open, "\"%s\":[", list);
        const char *from = strstr(answer, open);
        assert_non_null(from);
        from += strlen(open);
        const char *next = strstr(answer, ",\"cursor\":\"");
        const char *to = strrchr(from, ']');
        assert_non_null(to);
        len += (size_t)sprintf(all + len, "%s%.*s", len > 0 && to > from ? "," : "",
                               (int)(to - from), from);
        if (next == NULL) {
            return all;
        }
        const size_t shown = strcspn(next + 11, "\"");
        (void)snprintf(cursor, sizeof cursor, ",\"cursor\":\"%.*s\"", (int)shown, next + 11);
    }
}

static void expect_pages(const char *op, const char *args, const char *list, const char *expected) {
    static const unsigned limits[] = {1, 2, 3, 7, 50, 1000};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        char *got = all_pages(op, args, list, limits[i]);
        if (strcmp(got, expected) != 0) {
            size_t at = 0;
            while (got[at] == expected[at]) {
                at++;
            }
            at = at < 60 ? 0 : at - 60;
            fail_msg("%s {%s} by %u:\n...%.200s\nnot\n...%.200s", op, args, limits[i], got + at,
                     expected + at);
        }
        free(got);
    }
}

/* ---- Log and replay -------------------------------------------------------------------------- */

static size_t put_commit(char *out, const commit *c, bool values) {
    size_t len = (size_t)sprintf(out, "{\"version\":%llu,\"timestamp\":%lld,\"changes\":[",
                                 (unsigned long long)c->version, (long long)c->time_us);
    for (unsigned i = 0; i < c->count; i++) {
        const change *one = &c->changes[i];
        len += (size_t)sprintf(out + len, "%s{\"ref\":\"%s\",\"kind\":\"%s\"", i > 0 ? "," : "",
                               one->ref, one->deleted ? "delete" : "put");
        if (values && !one->deleted) {
            len += (size_t)sprintf(out + len, ",\"value\":%s", one->value);
        }
        len += (size_t)sprintf(out + len, "}");
    }
    return len + (size_t)sprintf(out + len, "],\"count\":%u}", c->count);
}

static bool touches(const commit *c, const char *ref) {
    for (unsigned i = 0; i < c->count; i++) {
        if (strcmp(c->changes[i].ref, ref) == 0) {
            return true;
        }
    }
    return ref == NULL;
}

typedef struct commit_range {
    uint64_t from;
    uint64_t until;
    const char *ref; /* NULL: any */
} commit_range;

static char *expected_commits(unsigned run, const commit_range *range, bool oldest_first,
                              bool values) {
    char *out = calloc(1, 1 << 20);
    size_t len = 0;
    for (unsigned i = 0; i < commit_count; i++) {
        const commit *c = &commits[oldest_first ? i : commit_count - 1 - i];
        if (shows(run, c, range->until) && c->version >= range->from &&
            (range->ref == NULL || touches(c, range->ref))) {
            len += (size_t)sprintf(out + len, "%s", len > 0 ? "," : "");
            len += put_commit(out + len, c, values);
        }
    }
    return out;
}

static void expect_commits(const char *op, const char *args, unsigned run,
                           const commit_range *range, bool oldest_first) {
    char *expected = expected_commits(run, range, oldest_first, strcmp(op, "history.replay") == 0);
    expect_pages(op, args, "commits", expected);
    free(expected);
}

static void check_log(void) {
    char args[160];
    for (unsigned run = 0; run < RUNS; run++) {
        const commit_range all = {0, UINT64_MAX, NULL};
        (void)snprintf(args, sizeof args, "\"run\":\"%s\"", run_names[run]);
        expect_commits("history.log", args, run, &all, false);
        expect_commits("history.replay", args, run, &all, true);
        (void)snprintf(args, sizeof args, "\"run\":\"%s\",\"reverse\":true", run_names[run]);
        expect_commits("history.log", args, run, &all, true);
        for (unsigned i = 0; i < 6; i++) {
            const uint64_t from = 1 + test_random_below(&chance, commits[commit_count - 1].version);
            const uint64_t until =
                1 + test_random_below(&chance, commits[commit_count - 1].version);
            const commit_range part = {from, until, NULL};
            (void)snprintf(args, sizeof args, "\"run\":\"%s\",\"from\":%llu,\"until\":%llu",
                           run_names[run], (unsigned long long)from, (unsigned long long)until);
            expect_commits("history.log", args, run, &part, false);
            expect_commits("history.replay", args, run, &part, true);
        }
    }
}

static void log_and_replay(void **state) {
    (void)state;
    check_log();
    (void)ask(db, STRATA_OK, "db.compact", "{}");
    check_log();
}

static void log_of_one_thing(void **state) {
    (void)state;
    static const char *const refs[] = {"kv:k00", "kv:k07", "event:3", "memory:m05", "kv:none"};
    for (unsigned run = 0; run < RUNS; run++) {
        for (size_t i = 0; i < sizeof refs / sizeof refs[0]; i++) {
            char args[96];
            const commit_range range = {0, UINT64_MAX, refs[i]};
            (void)snprintf(args, sizeof args, "\"run\":\"%s\",\"ref\":\"%s\"", run_names[run],
                           refs[i]);
            expect_commits("history.log", args, run, &range, false);
        }
    }
}

static void log_between_times(void **state) {
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        char args[128];
        const commit *a = &commits[test_random_below(&chance, commit_count)];
        const commit *b = &commits[test_random_below(&chance, commit_count)];
        commit_range range = {1, 0, NULL};
        for (unsigned j = 0; j < commit_count; j++) {
            range.from = commits[j].time_us < a->time_us ? commits[j].version + 1 : range.from;
            range.until = commits[j].time_us <= b->time_us ? commits[j].version : range.until;
        }
        (void)snprintf(args, sizeof args, "\"from_time\":%lld,\"until_time\":%lld",
                       (long long)a->time_us, (long long)b->time_us);
        expect_commits("history.log", args, 0, &range, false);
        expect_commits("history.replay", args, 0, &range, true);
    }
}

/* ---- State and diff -------------------------------------------------------------------------- */

/* Every name that the history has, in order. */
static unsigned list_refs(char refs[THINGS][24]) {
    unsigned count = 0;
    for (unsigned i = 0; i < commit_count; i++) {
        for (unsigned j = 0; j < commits[i].count; j++) {
            const char *ref = commits[i].changes[j].ref;
            unsigned at = 0;
            while (at < count && compare_refs(refs[at], ref) < 0) {
                at++;
            }
            if (at < count && strcmp(refs[at], ref) == 0) {
                continue;
            }
            assert_true(count < THINGS);
            memmove(refs[at + 1], refs[at], (count - at) * sizeof refs[0]);
            (void)snprintf(refs[at], sizeof refs[at], "%s", ref);
            count++;
        }
    }
    return count;
}

static char names[THINGS + 1][24];

static void check_state(unsigned run, uint64_t version) {
    char args[96];
    char *expected = calloc(1, 1 << 20);
    const unsigned count = list_refs(names);
    size_t len = 0;
    for (unsigned i = 0; i < count; i++) {
        const commit *where = NULL;
        const change *found = find_thing(run, names[i], version, &where);
        if (found != NULL) {
            len += (size_t)sprintf(
                expected + len,
                "%s{\"ref\":\"%s\",\"value\":%s,\"version\":%llu,\"timestamp\":%lld}",
                len > 0 ? "," : "", found->ref, found->value, (unsigned long long)where->version,
                (long long)where->time_us);
        }
    }
    (void)snprintf(args, sizeof args, "\"run\":\"%s\",\"as_of\":%llu", run_names[run],
                   (unsigned long long)version);
    expect_pages("history.state", args, "items", expected);
    free(expected);
}

static void states(void **state) {
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        check_state(i % RUNS, commits[test_random_below(&chance, commit_count)].version);
    }
    check_state(0, commits[commit_count - 1].version);
}

typedef struct place {
    unsigned run;
    uint64_t version;
} place;

static size_t put_side(char *out, const char *name, const change *value) {
    return value == NULL ? 0 : (size_t)sprintf(out, ",\"%s\":%s", name, value->value);
}

/* Of a document that has changed. */
static size_t put_paths(char *out, const change *before, const change *after) {
    unsigned had[2];
    unsigned has[2];
    if (before == NULL || after == NULL ||
        sscanf(before->value, "{\"a\":%u,\"b\":%u}", &had[0], &had[1]) != 2 ||
        sscanf(after->value, "{\"a\":%u,\"b\":%u}", &has[0], &has[1]) != 2) {
        return 0;
    }
    size_t len = (size_t)sprintf(out, ",\"paths\":[");
    for (unsigned i = 0; i < 2; i++) {
        if (had[i] != has[i]) {
            len += (size_t)sprintf(
                out + len, "%s{\"path\":\"/%c\",\"kind\":\"changed\",\"before\":%u,\"after\":%u}",
                out[len - 1] == '[' ? "" : ",", i == 0 ? 'a' : 'b', had[i], has[i]);
        }
    }
    return len + (size_t)sprintf(out + len, "]");
}

static size_t put_version(char *out, const char *name, const change *value, const commit *where) {
    return value == NULL ? 0
                         : (size_t)sprintf(out, ",\"%s_version\":%llu", name,
                                           (unsigned long long)where->version);
}

static bool are_different(const change *before, const commit *had, const change *after,
                          const commit *has) {
    if (before == NULL || after == NULL) {
        return before != after;
    }
    /* Hashes of events are made of their times: those of two runs are never the same. */
    return strcmp(before->value, after->value) != 0 || (before->ref[0] == 'e' && had != has);
}

static void check_diff(place a, place b) {
    char args[160];
    char *expected = calloc(1, 1 << 20);
    const unsigned count = list_refs(names);
    size_t len = 0;
    for (unsigned i = 0; i < count; i++) {
        const commit *had = NULL;
        const commit *has = NULL;
        const change *before = find_thing(a.run, names[i], a.version, &had);
        const change *after = find_thing(b.run, names[i], b.version, &has);
        if (!are_different(before, had, after, has)) {
            continue;
        }
        len += (size_t)sprintf(expected + len, "%s{\"ref\":\"%s\",\"kind\":\"%s\"",
                               len > 0 ? "," : "", names[i],
                               before == NULL  ? "added"
                               : after == NULL ? "removed"
                                               : "changed");
        len += put_side(expected + len, "before", before);
        len += put_side(expected + len, "after", after);
        len += put_paths(expected + len, before, after);
        len += put_version(expected + len, "before", before, had);
        len += put_version(expected + len, "after", after, has);
        len += (size_t)sprintf(expected + len, "}");
    }
    (void)snprintf(args, sizeof args,
                   "\"run\":\"%s\",\"as_of\":%llu,\"other_run\":\"%s\",\"other_as_of\":%llu",
                   run_names[a.run], (unsigned long long)a.version, run_names[b.run],
                   (unsigned long long)b.version);
    expect_pages("history.diff", args, "changes", expected);
    free(expected);
}

static void differences(void **state) {
    (void)state;
    const uint64_t last = commits[commit_count - 1].version;
    for (unsigned i = 0; i < 24; i++) {
        const place a = {(unsigned)test_random_below(&chance, RUNS),
                         test_random_below(&chance, last + 1)};
        const place b = {i < 4 ? a.run : (unsigned)test_random_below(&chance, RUNS),
                         test_random_below(&chance, last + 1)};
        check_diff(a, b);
        check_diff(b, a);
        check_diff(a, a);
        if (i == 12) {
            (void)ask(db, STRATA_OK, "db.compact", "{}");
        }
    }
}

/* Without memory, whenever it ends, an operation fails cleanly and leaves nothing behind. */
static void without_memory(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "db.compact", "{}");
    (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"fork\",\"key\":\"new\",\"value\":1}");
    static const char *const calls[][2] = {
        {"history.log", "{\"run\":\"twig\"}"},
        {"history.replay", "{\"run\":\"fork\",\"limit\":1000}"},
        {"history.state", "{\"run\":\"fork\"}"},
        {"history.diff", "{\"run\":\"default\",\"other_run\":\"fork\"}"},
        {"history.diff", "{\"run\":\"other\",\"other_run\":\"twig\"}"},
        {"history.explain", "{\"run\":\"fork\",\"ref\":\"json:d0\"}"},
        {"history.merge", "{\"source\":\"fork\",\"strategy\":\"theirs\",\"dry_run\":true}"},
        {"history.merge", "{\"source\":\"fork\",\"strategy\":\"theirs\"}"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        strata_status status = STRATA_NO_MEMORY;
        for (uint64_t nth = 1; status == STRATA_NO_MEMORY; nth++) {
            const uint64_t version = db_version(db);
            machine->memory_failed = false;
            sim_fail_memory(machine, nth);
            status = tell(db, calls[i][0], "%s", calls[i][1]);
            sim_fail_memory(machine, 0);
            if (status != STRATA_OK && status != STRATA_NO_MEMORY) {
                fail_msg("%s: %s at allocation %llu", calls[i][0], strata_status_name(status),
                         (unsigned long long)nth);
            }
            if (status == STRATA_NO_MEMORY) {
                assert_int_equal(db_version(db), version);
            }
            assert_true(nth < 5000);
        }
    }
    db_verify(db);
}

/* What was deleted by the very next commit may have gone, as what a reader would say. */
static void gone_at_once(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"gone\"}");
    (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"gone\",\"key\":\"k\",\"value\":1}");
    const unsigned long long version = db_version(db);
    (void)ask(db, STRATA_OK, "kv.delete", "{\"run\":\"gone\",\"key\":\"k\"}");
    (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"gone\",\"key\":\"l\",\"value\":1}");
    (void)ask(db, STRATA_OK, "retention.set",
              "{\"run\":\"gone\",\"keep\":\"last\",\"versions\":1}");
    (void)ask(db, STRATA_OK, "db.compact", "{}");
    (void)ask(db, STRATA_HISTORY_TRIMMED, "kv.get",
              "{\"run\":\"gone\",\"key\":\"k\",\"as_of\":%llu}", version);
    (void)ask(db, STRATA_HISTORY_TRIMMED, "history.diff", "{\"run\":\"gone\",\"as_of\":%llu}",
              version);
    (void)ask(db, STRATA_OK, "history.diff", "{\"run\":\"gone\",\"as_of\":%llu}", version + 1);
}

/* What a fork by time sees, of forks that see their own base up to a version. */
static void forks_of_times(void **state) {
    (void)state;
    int64_t times_us[3];
    for (int i = 0; i < 3; i++) {
        machine->wall_us += 1000000;
        (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"other\",\"key\":\"t\",\"value\":%d}", i);
        times_us[i] = machine->wall_us;
    }
    machine->wall_us += 1000000;
    (void)ask(db, STRATA_OK, "run.fork", "{\"run\":\"other\",\"name\":\"idle\"}");
    machine->wall_us += 1000000;
    const int64_t idle_us = machine->wall_us;
    machine->wall_us += 1000000;
    (void)ask(db, STRATA_OK, "kv.put", "{\"run\":\"idle\",\"key\":\"u\",\"value\":1}");
    /* Before the fork began: bounded by its version and by the time. */
    (void)ask(db, STRATA_OK, "run.fork",
              "{\"run\":\"idle\",\"name\":\"early\",\"as_of_time\":%lld}", (long long)times_us[0]);
    const char *got = ask(db, STRATA_OK, "history.log", "{\"run\":\"early\",\"limit\":1}");
    assert_int_equal(json_int(got, "timestamp"), times_us[0]);
    /* Where the fork has no commits of its own yet, and all of its base. */
    (void)ask(db, STRATA_OK, "run.fork", "{\"run\":\"idle\",\"name\":\"late\",\"as_of_time\":%lld}",
              (long long)idle_us);
    got = ask(db, STRATA_OK, "history.log", "{\"run\":\"late\",\"limit\":1}");
    assert_int_equal(json_int(got, "timestamp"), times_us[2]);
    assert_json(ask(db, STRATA_OK, "history.diff",
                    "{\"run\":\"late\",\"as_of_time\":%lld,\"primitives\":[\"kv\"],\"values\":"
                    "false,\"summary\":true}",
                    (long long)times_us[1]),
                "{\"changes\":[],\"summary\":{\"kv\":{\"added\":0,\"removed\":0,\"changed\":1}}}");
}

/* Of a document a change may be kept, and not what it was a change of: then the value of that commit has gone
 * like others have, and the replay goes on. */
static void holes(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"trimmed\"}");
    static const char *const sets[][2] = {
        {"", "{\"a\":0}"}, {"/a", "1"}, {"", "{\"a\":2}"}, {"", "{\"a\":3}"}};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        (void)ask(db, STRATA_OK, "json.set",
                  "{\"run\":\"trimmed\",\"key\":\"d\",\"path\":\"%s\",\"value\":%s}", sets[i][0],
                  sets[i][1]);
    }
    (void)ask(db, STRATA_OK, "retention.set",
              "{\"run\":\"trimmed\",\"keep\":\"last\",\"versions\":2}");
    (void)ask(db, STRATA_OK, "db.compact", "{}");
    const char *got = ask(db, STRATA_OK, "history.replay", "{\"run\":\"trimmed\"}");
    assert_null(strstr(got, "\"value\":{\"a\":0}"));
    assert_null(strstr(got, "\"value\":{\"a\":1}"));
    assert_non_null(strstr(got, "\"kind\":\"put\"}")); /* the change that is left of that */
    assert_non_null(strstr(got, "\"value\":{\"a\":2}"));
    assert_non_null(strstr(got, "\"value\":{\"a\":3}"));
    const uint64_t earliest = (uint64_t)json_int(got, "earliest");
    assert_true(earliest > 0);
    assert_int_equal(tell(db, "history.replay", "{\"run\":\"trimmed\",\"from\":%llu}",
                          (unsigned long long)earliest - 1),
                     STRATA_HISTORY_TRIMMED);
    (void)ask(db, STRATA_OK, "history.replay", "{\"run\":\"trimmed\",\"from\":%llu}",
              (unsigned long long)earliest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(log_and_replay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(log_of_one_thing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(log_between_times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(states, set_up, tear_down),
        cmocka_unit_test_setup_teardown(differences, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gone_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forks_of_times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
