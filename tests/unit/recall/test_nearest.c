/* test_nearest.c - searches through the operations: what is found is what comparing with every entry finds that a
 * reader sees then, at random versions, with filters, after deletes, inside transactions and after them, in forks,
 * after merges, flushes and reopening; and that many entries are searched by an index. */
#include "store_support.h"

#include <math.h>

#include "api/handle.h"
#include "index/vector/vectors.h"

enum { DIMENSION = 20, KEYS = 120, ROWS_MAX = 8000, K_MAX = 40, ANSWER_KEYS_MAX = 1000 };

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
    replay_hint(NULL);
    return 0;
}

/* ---- What the test knows --------------------------------------------------------------------- */

typedef struct row {
    unsigned key;
    unsigned group;
    uint64_t from;
    uint64_t to;
    const float *embedding;
} row;

typedef struct world {
    const char *name; /* of the collection */
    st_codec codec;
    uint64_t chance;
    float *embeddings;
    size_t embeddings_used;
    row rows[ROWS_MAX];
    size_t count;
    size_t live[KEYS]; /* row + 1; 0: none */
    uint64_t version;  /* of the last commit */
} world;

static const char *const metrics[] = {"cosine", "euclidean", "dot"};

static void make_world(world *w, const char *name, st_vector_metric metric, uint64_t seed) {
    memset(w, 0, sizeof *w);
    w->name = name;
    w->chance = seed;
    w->codec = st_codec_of(metric, ST_CODE_I8, DIMENSION, st_vector_kernels_best());
    w->embeddings = vectors_make(seed, ROWS_MAX, DIMENSION, 12);
    replay_hint("seed %llu", (unsigned long long)seed);
    (void)ask(db, STRATA_OK, "vector.create",
              "{\"name\":\"%s\",\"dimension\":%d,\"metric\":\"%s\",\"seed\":7}", name, DIMENSION,
              metrics[metric]);
}

static unsigned below(world *w, unsigned limit) {
    return (unsigned)test_random_below(&w->chance, limit);
}

static const float *next_embedding(world *w) {
    assert_true(w->embeddings_used < ROWS_MAX);
    /* Now and then one that was there before, so that some are equally near. */
    const size_t at = w->embeddings_used > 0 && below(w, 6) == 0
                          ? below(w, (unsigned)w->embeddings_used)
                          : w->embeddings_used++;
    return w->embeddings + at * DIMENSION;
}

static void print_embedding(const float *embedding, char *out, size_t size) {
    size_t at = 0;
    for (int i = 0; i < DIMENSION; i++) {
        at += (size_t)snprintf(out + at, size - at, "%c%.9g", i == 0 ? '[' : ',',
                               (double)embedding[i]);
    }
    (void)snprintf(out + at, size - at, "]");
}

static void end_row(world *w, unsigned key, uint64_t version) {
    if (w->live[key] != 0) {
        w->rows[w->live[key] - 1].to = version;
        w->live[key] = 0;
    }
}

static void begin_row(world *w, row one) {
    assert_true(w->count < ROWS_MAX);
    end_row(w, one.key, one.from);
    one.to = UINT64_MAX;
    w->rows[w->count++] = one;
    w->live[one.key] = w->count;
}

/* ---- What is expected ------------------------------------------------------------------------ */

typedef struct expected {
    float distance;
    char key[16];
} expected;

static int compare_expected(const void *a, const void *b) {
    const expected *x = a;
    const expected *y = b;
    if (x->distance != y->distance) {
        return x->distance < y->distance ? -1 : 1;
    }
    return strcmp(x->key, y->key);
}

/* Of what a reader at the version sees, and what the transaction has changed of that, those of the group (or all),
 * nearest first. own: of each key 1 if the transaction has written it. */
static size_t expect(const world *w, uint64_t version, const row *own, size_t own_count, int group,
                     const float *query, expected *out) {
    const float length = st_vector_length(&w->codec, query);
    size_t count = 0;
    bool written[KEYS] = {false};
    for (size_t i = own_count; i > 0; i--) {
        const row *one = &own[i - 1];
        if (!written[one->key] && one->embedding != NULL &&
            (group < 0 || (unsigned)group == one->group)) {
            out[count].distance = st_vector_distance(&w->codec, query, length, one->embedding);
            (void)snprintf(out[count++].key, sizeof out[0].key, "k%u", one->key);
        }
        written[one->key] = true;
    }
    for (size_t i = 0; i < w->count; i++) {
        const row *one = &w->rows[i];
        if (one->from <= version && version < one->to && !written[one->key] &&
            (group < 0 || (unsigned)group == one->group)) {
            out[count].distance = st_vector_distance(&w->codec, query, length, one->embedding);
            (void)snprintf(out[count++].key, sizeof out[0].key, "k%u", one->key);
        }
    }
    qsort(out, count, sizeof *out, compare_expected);
    return count;
}

static double score_of(const world *w, float distance) {
    return w->codec.metric == ST_METRIC_COSINE      ? 1 - (double)distance
           : w->codec.metric == ST_METRIC_EUCLIDEAN ? 1 / (1 + sqrt((double)distance))
                                                    : -(double)distance;
}

static void assert_answer(const world *w, const char *answer, const expected *best, size_t count) {
    const char *at = answer;
    size_t i = 0;
    for (; (at = strstr(at, "\"key\":\"")) != NULL; i++) {
        at += 7;
        const size_t len = strcspn(at, "\"");
        if (i >= count || strlen(best[i].key) != len || memcmp(best[i].key, at, len) != 0) {
            fail_msg("hit %zu is %.*s, not %s", i, (int)len, at, i < count ? best[i].key : "one");
        }
        const char *score = strstr(at, "\"score\":");
        assert_non_null(score);
        const double given = strtod(score + 8, NULL);
        if (fabs(given - score_of(w, best[i].distance)) > 1e-12) {
            fail_msg("the score of %s is %.17g", best[i].key, given);
        }
    }
    assert_int_equal(i, count);
}

/* Searches and compares. where: goes into the request: as_of, txn, run. */
static void search(world *w, const char *where, uint64_t version, const row *own,
                   size_t own_count) {
    static expected best[ROWS_MAX];
    char query[1024];
    char filter[128] = "";
    const float *embedding = next_embedding(w);
    const unsigned k = 1 + below(w, K_MAX);
    const int group = below(w, 2) == 0 ? -1 : (int)below(w, 5);
    if (group >= 0) {
        (void)snprintf(filter, sizeof filter,
                       ",\"filter\":{\"path\":\"/metadata/group\",\"eq\":%d}", group);
    }
    print_embedding(embedding, query, sizeof query);
    const char *answer =
        ask(db, STRATA_OK, "vector.search",
            "{\"collection\":\"%s\",\"embedding\":%s,\"k\":%u,\"metadata\":%s%s%s}", w->name, query,
            k, below(w, 2) ? "true" : "false", filter, where);
    const size_t count = expect(w, version, own, own_count, group, embedding, best);
    assert_answer(w, answer, best, count < k ? count : k);
}

static void search_now(world *w) {
    search(w, "", w->version, NULL, 0);
}

static void search_then(world *w, uint64_t from) {
    char where[64];
    const uint64_t version = from + test_random_below(&w->chance, w->version - from + 1);
    (void)snprintf(where, sizeof where, ",\"as_of\":%llu", (unsigned long long)version);
    search(w, where, version, NULL, 0);
}

/* ---- Changing -------------------------------------------------------------------------------- */

static void print_entry(const row *one, char *out, size_t size) {
    char numbers[1024];
    print_embedding(one->embedding, numbers, sizeof numbers);
    (void)snprintf(out, size, "\"key\":\"k%u\",\"embedding\":%s,\"metadata\":{\"group\":%u}",
                   one->key, numbers, one->group);
}

static row make_row(world *w) {
    const row one = {.key = below(w, KEYS), .group = below(w, 5), .embedding = next_embedding(w)};
    return one;
}

static void upsert(world *w) {
    char entry[2048];
    row one = make_row(w);
    print_entry(&one, entry, sizeof entry);
    one.from = w->version = (uint64_t)json_int(
        ask(db, STRATA_OK, "vector.upsert", "{\"collection\":\"%s\",%s}", w->name, entry),
        "version");
    begin_row(w, one);
}

static void upsert_many(world *w) {
    char entries[20000];
    row some[8];
    size_t at = 0;
    const unsigned first = below(w, KEYS - 8);
    const unsigned count = 1 + below(w, 8);
    for (unsigned i = 0; i < count; i++) {
        char entry[2048];
        some[i] = make_row(w);
        some[i].key = first + i;
        print_entry(&some[i], entry, sizeof entry);
        at +=
            (size_t)snprintf(entries + at, sizeof entries - at, "%s{%s}", i == 0 ? "" : ",", entry);
    }
    w->version =
        (uint64_t)json_int(ask(db, STRATA_OK, "vector.upsert_many",
                               "{\"collection\":\"%s\",\"entries\":[%s]}", w->name, entries),
                           "version");
    for (unsigned i = 0; i < count; i++) {
        some[i].from = w->version;
        begin_row(w, some[i]);
    }
}

static void delete_one(world *w) {
    const unsigned key = below(w, KEYS);
    const char *answer = ask(db, STRATA_OK, "vector.delete",
                             "{\"collection\":\"%s\",\"key\":\"k%u\"}", w->name, key);
    assert_int_equal(json_has(answer, "\"existed\":true"), w->live[key] != 0);
    if (w->live[key] != 0) {
        w->version = (uint64_t)json_int(answer, "version");
        end_row(w, key, w->version);
    }
}

/* Writes and searches inside, while the run goes on outside, then commits or not. */
static void in_transaction(world *w) {
    row own[12];
    size_t count = 0;
    char where[64];
    const uint64_t snapshot = w->version;
    const long long txn =
        json_int(ask(db, STRATA_OK, "txn.begin", "{\"isolation\":\"snapshot\"}"), "txn");
    (void)snprintf(where, sizeof where, ",\"txn\":%lld", txn);
    for (unsigned i = 0; i < 12; i++) {
        char entry[2048];
        own[count] = make_row(w);
        if (below(w, 3) == 0) {
            own[count].embedding = NULL;
            (void)ask(db, STRATA_OK, "vector.delete",
                      "{\"collection\":\"%s\",\"key\":\"k%u\",\"txn\":%lld}", w->name,
                      own[count].key, txn);
        } else {
            print_entry(&own[count], entry, sizeof entry);
            (void)ask(db, STRATA_OK, "vector.upsert", "{\"collection\":\"%s\",%s,\"txn\":%lld}",
                      w->name, entry, txn);
        }
        count++;
        if (i % 4 == 3) {
            search(w, where, snapshot, own, count);
        }
    }
    if (below(w, 2) == 0) {
        (void)ask(db, STRATA_OK, "txn.rollback", "{\"txn\":%lld}", txn);
        return;
    }
    w->version =
        (uint64_t)json_int(ask(db, STRATA_OK, "txn.commit", "{\"txn\":%lld}", txn), "version");
    for (size_t i = 0; i < count; i++) {
        own[i].from = w->version;
        if (own[i].embedding == NULL) {
            end_row(w, own[i].key, w->version);
        } else if (w->live[own[i].key] != 0 &&
                   w->rows[w->live[own[i].key] - 1].from == w->version) {
            w->rows[w->live[own[i].key] - 1] = own[i]; /* twice in one commit: the last counts */
            w->rows[w->live[own[i].key] - 1].to = UINT64_MAX;
        } else {
            begin_row(w, own[i]);
        }
    }
}

static void reopen(void) {
    db_close(db);
    db = db_open(machine, STRATA_BUFFERED);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void live(world *w, unsigned steps) {
    const uint64_t from = db_version(db);
    w->version = from;
    for (unsigned i = 0; i < steps; i++) {
        switch (below(w, 16)) {
        case 0:
            delete_one(w);
            break;
        case 1:
            in_transaction(w);
            break;
        case 2:
            upsert_many(w);
            break;
        case 3:
        case 4:
        case 5:
            upsert(w);
            break;
        case 6:
            delete_one(w);
            break;
        case 7:
            assert_int_equal(strata_tick(db, 100000), STRATA_OK);
            break;
        case 8:
            if (below(w, 8) == 0) {
                (void)ask(db, STRATA_OK, "db.compact", "{}");
            }
            break;
        case 9:
            if (below(w, 8) == 0) {
                reopen();
            }
            break;
        case 10:
        case 11:
        case 12:
            search_then(w, from);
            break;
        default:
            search_now(w);
            break;
        }
    }
    db_verify(db);
}

static void like_brute_force(void **state) {
    (void)state;
    static world w;
    for (int metric = ST_METRIC_COSINE; metric <= ST_METRIC_DOT; metric++) {
        make_world(&w, metrics[metric], (st_vector_metric)metric,
                   env_number("SEED", 1) + (uint64_t)metric);
        live(&w, (unsigned)env_number("STEPS", 1200));
        free(w.embeddings);
    }
}

/* A fork sees what was there, and goes its own way. */
static void forks(void **state) {
    (void)state;
    static world w;
    make_world(&w, "c", ST_METRIC_COSINE, 11);
    w.version = db_version(db);
    for (unsigned i = 0; i < 60; i++) {
        upsert(&w);
    }
    search_now(&w);
    (void)ask(db, STRATA_OK, "run.fork", "{\"name\":\"f\"}");
    const uint64_t at = w.version;
    for (unsigned i = 0; i < 20; i++) {
        search(&w, ",\"run\":\"f\"", at, NULL, 0);
        upsert(&w);
        delete_one(&w);
    }
    (void)ask(db, STRATA_OK, "vector.delete", "{\"run\":\"f\",\"collection\":\"c\",\"key\":\"%s\"}",
              "nobody");
    for (unsigned key = 0; key < KEYS; key++) {
        (void)ask(db, STRATA_OK, "vector.delete",
                  "{\"run\":\"f\",\"collection\":\"c\",\"key\":\"k%u\"}", key);
    }
    search(&w, ",\"run\":\"f\"", 0, NULL, 0);
    search_now(&w);
    reopen();
    search(&w, ",\"run\":\"f\"", 0, NULL, 0);
    free(w.embeddings);
}

/* As of times and where rules have taken history away everything is read; what has gone is told. */
static void trimmed(void **state) {
    (void)state;
    static world w;
    char where[64];
    make_world(&w, "c", ST_METRIC_EUCLIDEAN, 12);
    const uint64_t from = w.version = db_version(db);
    for (unsigned i = 0; i < 80; i++) {
        upsert(&w);
    }
    search_then(&w, from);
    const long long now = json_int(ask(db, STRATA_OK, "vector.upsert",
                                       "{\"collection\":\"c\",\"key\":\"k0\",\"embedding\":["
                                       "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}"),
                                   "version");
    static const float ones[DIMENSION] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                          1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    w.version = (uint64_t)now;
    begin_row(&w, (row){.key = 0, .group = 99, .from = w.version, .embedding = ones});
    const char *answer = ask(db, STRATA_OK, "vector.get", "{\"collection\":\"c\",\"key\":\"k0\"}");
    (void)snprintf(where, sizeof where, ",\"as_of_time\":%lld",
                   (long long)json_int(answer, "timestamp"));
    search(&w, where, w.version, NULL, 0);

    (void)ask(db, STRATA_OK, "retention.set",
              "{\"primitive\":\"vector\",\"keep\":\"last\",\"versions\":1}");
    for (unsigned i = 0; i < 500; i++) {
        upsert_many(&w);
    }
    (void)ask(db, STRATA_OK, "db.compact", "{}");
    search_now(&w);
    (void)ask(db, STRATA_HISTORY_TRIMMED, "vector.search",
              "{\"collection\":\"c\",\"embedding\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"
              "\"as_of\":%llu}",
              (unsigned long long)(from + 40));
    const char *info = ask(db, STRATA_OK, "vector.info", "{\"name\":\"c\"}");
    assert_true(json_int(info, "entries") <= json_int(info, "count") + 1);
    search_now(&w);
    reopen();
    search_now(&w);
    free(w.embeddings);
}

/* A search in a transaction has read the collection. */
static void conflicts(void **state) {
    (void)state;
    static world w;
    make_world(&w, "c", ST_METRIC_DOT, 13);
    w.version = db_version(db);
    for (unsigned i = 0; i < 10; i++) {
        upsert(&w);
    }
    for (unsigned same = 0; same < 2; same++) {
        const long long txn = json_int(ask(db, STRATA_OK, "txn.begin", "{}"), "txn");
        char where[64];
        (void)snprintf(where, sizeof where, ",\"txn\":%lld", txn);
        search(&w, where, w.version, NULL, 0);
        (void)ask(db, STRATA_OK, "kv.put", "{\"key\":\"a\",\"value\":1,\"txn\":%lld}", txn);
        if (same == 1) {
            upsert(&w);
        } else {
            w.version = (uint64_t)json_int(
                ask(db, STRATA_OK, "kv.put", "{\"key\":\"b\",\"value\":1}"), "version");
        }
        (void)ask(db, same == 1 ? STRATA_CONFLICT : STRATA_OK, "txn.commit", "{\"txn\":%lld}", txn);
    }
    /* A collection that is dropped meanwhile. */
    const long long txn = json_int(ask(db, STRATA_OK, "txn.begin", "{}"), "txn");
    (void)ask(db, STRATA_OK, "vector.upsert",
              "{\"collection\":\"c\",\"key\":\"x\",\"txn\":%lld,\"embedding\":[1,1,1,1,1,1,1,1,1,1,"
              "1,1,1,1,1,1,1,1,1,1]}",
              txn);
    (void)ask(db, STRATA_OK, "vector.drop", "{\"name\":\"c\"}");
    (void)ask(db, STRATA_CONFLICT, "txn.commit", "{\"txn\":%lld}", txn);
    free(w.embeddings);
}

/* ---- Many ------------------------------------------------------------------------------------ */

enum { MANY = 6000, BATCH = 200 };

static void put_many(const float *embeddings) {
    static char entries[BATCH * 512];
    for (unsigned first = 0; first < MANY; first += BATCH) {
        size_t at = 0;
        for (unsigned i = first; i < first + BATCH; i++) {
            char numbers[1024];
            print_embedding(embeddings + (size_t)i * DIMENSION, numbers, sizeof numbers);
            at += (size_t)snprintf(entries + at, sizeof entries - at,
                                   "%s{\"key\":\"k%u\",\"embedding\":%s}", i == first ? "" : ",", i,
                                   numbers);
        }
        (void)ask(db, STRATA_OK, "vector.upsert_many", "{\"collection\":\"c\",\"entries\":[%s]}",
                  entries);
    }
}

static size_t keys_of(const char *answer, unsigned *keys) {
    size_t count = 0;
    for (const char *at = answer; (at = strstr(at, "\"key\":\"k")) != NULL; count++) {
        at += 8;
        keys[count] = (unsigned)strtoul(at, NULL, 10);
    }
    return count;
}

/* Of ten searches with k = 10, how many of the exact answers are found. */
static unsigned found_of_100(const float *embeddings) {
    unsigned found = 0;
    for (unsigned q = 0; q < 10; q++) {
        char query[1024];
        unsigned exact[ANSWER_KEYS_MAX];
        unsigned fast[ANSWER_KEYS_MAX];
        print_embedding(embeddings + (size_t)(q * 577) * DIMENSION, query, sizeof query);
        assert_int_equal(
            keys_of(ask(db, STRATA_OK, "vector.search",
                        "{\"collection\":\"c\",\"embedding\":%s,\"exact\":true}", query),
                    exact),
            10);
        assert_int_equal(keys_of(ask(db, STRATA_OK, "vector.search",
                                     "{\"collection\":\"c\",\"embedding\":%s}", query),
                                 fast),
                         10);
        for (unsigned i = 0; i < 100; i++) {
            found += exact[i / 10] == fast[i % 10];
        }
    }
    return found;
}

static void tick(void) {
    for (unsigned i = 0; i < 400; i++) {
        assert_int_equal(strata_tick(db, 1000000), STRATA_OK);
    }
}

static void walks(void **state) {
    (void)state;
    float *embeddings = vectors_make(3, MANY, DIMENSION, 40);
    (void)ask(db, STRATA_OK, "vector.create", "{\"name\":\"c\",\"dimension\":%d}", DIMENSION);
    put_many(embeddings);
    assert_true(found_of_100(embeddings) >= 95);
    tick(); /* a host without threads: that merges */
    const char *info = ask(db, STRATA_OK, "vector.info", "{\"name\":\"c\"}");
    assert_int_equal(json_int(info, "linked"), MANY); /* and as nothing is written, all of it */
    assert_true(found_of_100(embeddings) >= 95);
    (void)ask(db, STRATA_OK, "db.compact", "{}");
    info = ask(db, STRATA_OK, "vector.info", "{\"name\":\"c\"}");
    assert_int_equal(json_int(info, "linked"), MANY);
    assert_int_equal(json_int(info, "lag"), 0);
    assert_true(found_of_100(embeddings) >= 95);
    char query[1024];
    print_embedding(embeddings, query, sizeof query);
    const char *answer =
        ask(db, STRATA_OK, "vector.search", "{\"collection\":\"c\",\"embedding\":%s}", query);
    assert_int_equal(json_int(answer, "walked"), 1);
    assert_true(json_has(answer, "\"indexed\":true"));
    db_verify(db);
    free(embeddings);
}

/* The cache of blocks lends memory to an index, and has it back when what was merged has lost its last reader. */
static void lends(void **state) {
    (void)state;
    st_model *model = &db->engine->model;
    float *embeddings = vectors_make(3, MANY, DIMENSION, 40);
    st_epoch_slot reader;
    (void)ask(db, STRATA_OK, "vector.create", "{\"name\":\"c\",\"dimension\":%d}", DIMENSION);
    put_many(embeddings);
    (void)found_of_100(embeddings);
    st_epoch_register(&model->store.epoch, &reader);
    st_epoch_enter(&model->store.epoch, &reader);
    tick();
    const uint64_t held = model->store.lent_bytes;
    st_epoch_leave(&reader);
    st_epoch_unregister(&model->store.epoch, &reader);
    tick();
    const uint64_t lent = model->store.lent_bytes;
    assert_int_equal(lent, st_row_pool_claim(&model->row_pool));
    assert_true(lent > 0 && lent < held);
    free(embeddings);
}

/* A snapshot keeps what retention has let go of since, and the segments of now have not. */
static void in_a_snapshot(void **state) {
    (void)state;
    strata_options options = db_options(machine, STRATA_BUFFERED);
    static const char find[] = "{\"collection\":\"c\",\"embedding\":[1,0]}";
    (void)ask(db, STRATA_OK, "vector.create", "{\"name\":\"c\",\"dimension\":2}");
    (void)ask(db, STRATA_OK, "vector.upsert",
              "{\"collection\":\"c\",\"key\":\"old\",\"embedding\":[1,0]}");
    (void)ask(db, STRATA_OK, "vector.upsert",
              "{\"collection\":\"c\",\"key\":\"stays\",\"embedding\":[1,1]}");
    (void)ask(db, STRATA_OK, "snapshot.create", "{\"name\":\"then\"}");
    (void)ask(db, STRATA_OK, "retention.set", "{\"keep\":\"last\",\"versions\":1}");
    (void)ask(db, STRATA_OK, "vector.delete", "{\"collection\":\"c\",\"key\":\"old\"}");
    (void)ask(db, STRATA_OK, "vector.search", "%s", find);
    (void)ask(db, STRATA_OK, "db.compact", "{}"); /* what is trimmed goes from the store, */
    (void)ask(db, STRATA_OK, "vector.upsert",
              "{\"collection\":\"c\",\"key\":\"new\",\"embedding\":[0,1]}");
    (void)ask(db, STRATA_OK, "db.compact", "{}"); /* and from the index, which is saved */
    db_close(db);
    options.snapshot = "then";
    assert_int_equal(strata_open("db", &options, &db), STRATA_OK);
    const char *answer = ask(db, STRATA_OK, "vector.search", "%s", find);
    assert_true(json_has(answer, "\"key\":\"old\""));
    assert_true(json_has(answer, "\"key\":\"stays\""));
    assert_false(json_has(answer, "\"key\":\"new\""));
}

/* Memory that fails anywhere leaves searches right. */
static void no_memory(void **state) {
    (void)state;
    static world w;
    make_world(&w, "c", ST_METRIC_COSINE, 14);
    w.version = db_version(db);
    for (unsigned i = 0; i < 30; i++) {
        upsert(&w);
    }
    for (unsigned n = 1; n < 60; n++) {
        char entry[2048];
        row one = make_row(&w);
        print_entry(&one, entry, sizeof entry);
        const uint64_t before = db_version(db);
        sim_fail_memory(machine, n);
        const strata_status status = tell(db, "vector.upsert", "{\"collection\":\"c\",%s}", entry);
        sim_fail_memory(machine, 0);
        const uint64_t after = db_version(db);
        assert_true(status == STRATA_OK || status == STRATA_NO_MEMORY);
        assert_int_equal(after > before, status == STRATA_OK);
        if (status == STRATA_OK) {
            w.version = one.from = after;
            begin_row(&w, one);
        }
        char query[1024];
        print_embedding(one.embedding, query, sizeof query);
        sim_fail_memory(machine, n);
        (void)tell(db, "vector.search", "{\"collection\":\"c\",\"embedding\":%s}", query);
        sim_fail_memory(machine, 0);
        search_now(&w);
    }
    db_verify(db);
    free(w.embeddings);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(like_brute_force), case_of(forks), case_of(trimmed),
        case_of(conflicts),        case_of(walks), case_of(no_memory),
        case_of(in_a_snapshot),    case_of(lends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
