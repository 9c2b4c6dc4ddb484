/* test_nearest_property.c - a hundred thousand searches of databases that go on changing: each finds what comparing
 * with everything finds.
 *
 * A life is made of one seed: collections of random metric, dimension and codes, in the default run and in forks of
 * it; entries that are put, replaced and deleted, alone, many at a time and in transactions; collections that are
 * dropped and made anew; flushes, compactions, ticks that merge the index piece by piece, reopening. In between
 * questions are asked: of now, of any version, from inside a transaction and beside it, with filters, exact and not.
 * The model (nearest_model.h) says what is right. Exact answers are compared to the last bit. Of all others the hits
 * must be right, in order, and as many as are asked for; how many of the nearest are among them is counted, and must
 * be RECALL_MIN of each life.
 *
 *     SEED=n SHAPE=name   one life only; what a failure prints
 */
#include "nearest_model.h"
#include "store_support.h"

#include "index/vector/vectors.h"

enum {
    PLACES_MAX = 4,
    FILTERS = 6,
    COMMIT_MAX = 200, /* entries of one commit */
    EMBEDDINGS = 8,   /* asked about between two changes, */
    QUESTIONS = 12,   /* so many questions each */
    CENTRES = 20,
};

static const double RECALL_MIN = 0.95;

/* What lives are like. */
typedef struct shape {
    const char *name;
    unsigned lives;
    unsigned questions; /* of each */
    unsigned keys;      /* of each collection: at most; at least half of that */
    unsigned dimension; /* the same */
    unsigned changes;   /* in a row */
    unsigned commit;    /* entries of a commit, at most */
    unsigned begin;     /* entries that are there before the first question */
    unsigned exact_one_in;
    bool walked; /* the index is so large that it is walked through */
} shape;

static const shape shapes[] = {
    {"small", 90, 1000, 160, 48, 10, 8, 0, 3, false},
    {"large", 4, 2000, 4000, 32, 6, 40, 4200, 12, true},
    /* So large that filters lead walks through those that pass only. */
    {"crowd", 1, 2000, 13000, 8, 6, 60, 13000, 40, true},
};

typedef struct life {
    const shape *like;
    sim *machine;
    strata_db *db;
    strata_db *beside; /* another handle, which is never in a transaction */
    uint64_t chance;
    bool trims; /* what ended may be forgotten */
    float *embeddings;
    unsigned embedding_count;
    unsigned dimension_max;
    nm_place places[PLACES_MAX];
    unsigned place_count;
    unsigned forks;
    nm_filter filters[FILTERS];
    nm_ranking ranking;
    uint64_t version; /* of the last commit */
    nm_place *inside; /* where a transaction goes on; NULL: none */
    uint64_t snapshot;
    bool serializable;
    bool strict;    /* what others do to the collection is a conflict */
    bool disturbed; /* somebody else has changed what it sees */
    unsigned asked;
    unsigned trimmed; /* questions of what is no longer kept */
    nm_recall recall;
} life;

static unsigned long long asked_in_all;

static unsigned below(life *l, unsigned limit) {
    return (unsigned)test_random_below(&l->chance, limit);
}

static bool one_in(life *l, unsigned many) {
    return below(l, many) == 0;
}

static void must(const life *l, strata_status status) {
    if (status != STRATA_OK) {
        fail_msg("%s: %s %s", strata_status_name(status), strata_errmsg(l->db),
                 strata_errmsg(l->beside));
    }
}

/* ---- Places ---------------------------------------------------------------------------------- */

static void make_collection(life *l, nm_place *place) {
    static const st_code_kind kinds[] = {ST_CODE_I8, ST_CODE_F32, ST_CODE_I8};
    strata_collection collection = STRATA_COLLECTION_INIT;
    const st_vector_metric metric = (st_vector_metric)below(l, 3);
    const unsigned dimension = 4 + below(l, l->dimension_max - 3);
    place->codes = (strata_codes)below(l, 3);
    place->codec =
        st_codec_of(metric, kinds[place->codes], dimension, st_vector_kernels_named("scalar"));
    collection.name = strata_text(place->name);
    collection.dimension = dimension;
    collection.metric = (strata_metric)metric;
    collection.codes = place->codes;
    collection.seed = below(l, 100);
    must(l, strata_vector_create(l->db, place->run, &collection, &place->since));
    l->version = place->since;
}

static void add_place(life *l) {
    nm_place *place = &l->places[l->place_count];
    memset(place, 0, sizeof *place);
    place->run = STRATA_RUN_DEFAULT;
    nm_place_init(place, l->like->keys / 2 + below(l, l->like->keys / 2));
    (void)snprintf(place->name, sizeof place->name, "c%u", l->place_count++);
    make_collection(l, place);
}

/* Entries of a collection that was dropped are seen by none who asks of the new one, which may be quite another. */
static void make_anew(life *l, nm_place *place) {
    bool existed = false;
    must(l, strata_vector_drop(l->db, place->run, strata_text(place->name), &existed));
    assert_true(existed);
    place->count = 0;
    memset(place->live, 0, place->keys * sizeof *place->live);
    make_collection(l, place);
}

static void fork_run(life *l, const nm_place *base) {
    nm_place *fork = &l->places[l->place_count];
    const uint64_t at =
        l->trims || one_in(l, 2)
            ? l->version
            : base->since + test_random_below(&l->chance, l->version - base->since + 1);
    nm_place_fork(base, at, fork);
    (void)snprintf(fork->run_name, sizeof fork->run_name, "fork%u", l->forks++);
    must(l, strata_run_fork(l->db, strata_text(base->run_name), strata_as_of(at),
                            strata_text(fork->run_name), &fork->run));
    l->version = db_version(l->beside);
    l->place_count++;
}

static nm_place *some_place(life *l) {
    return &l->places[below(l, l->place_count)];
}

/* ---- Changes --------------------------------------------------------------------------------- */

/* Few embeddings, so that some are equally near. */
static const float *some_embedding(life *l, const nm_place *place) {
    const size_t at = (size_t)below(l, l->embedding_count) * l->dimension_max;
    return l->embeddings + at + below(l, l->dimension_max - place->codec.dimension + 1);
}

static void note(life *l, nm_place *place, bool own, unsigned key, const float *embedding,
                 const nm_facts *facts) {
    if (own) {
        nm_put_own(place, key, embedding, facts);
    } else {
        nm_put(place, key, l->version, embedding, facts);
        l->disturbed = l->disturbed || place == l->inside;
    }
}

/* own: as part of the transaction that goes on. */
static void put_some(life *l, nm_place *place, unsigned first, unsigned count, bool own) {
    static strata_vector vectors[COMMIT_MAX];
    static nm_facts facts[COMMIT_MAX];
    static char texts[COMMIT_MAX][16];
    static uint8_t metadata[COMMIT_MAX][64];
    const strata_vector empty = STRATA_VECTOR_INIT;
    strata_db *db = own ? l->db : l->beside;
    for (unsigned i = 0; i < count; i++) {
        strata_vector *vector = &vectors[i];
        facts[i] = nm_make_facts(&l->chance);
        const strata_slice object = nm_metadata(&facts[i]).as.bytes;
        assert_true(object.len <= sizeof metadata[i]);
        memcpy(metadata[i], object.data, object.len);
        *vector = empty;
        vector->key = nm_key((first + i) % place->keys, texts[i]);
        vector->embedding = some_embedding(l, place);
        vector->dimension = place->codec.dimension;
        vector->metadata = strata_object(st_slice(metadata[i], object.len));
        vector->text = facts[i].text ? vector->key : st_slice("", 0);
    }
    must(l, strata_vector_upsert(db, place->run, strata_text(place->name), vectors, count,
                                 own ? NULL : &l->version));
    for (unsigned i = 0; i < count; i++) {
        note(l, place, own, (first + i) % place->keys, vectors[i].embedding, &facts[i]);
    }
}

static void delete_one(life *l, nm_place *place, bool own) {
    const unsigned key = below(l, place->keys);
    char text[16];
    bool existed = false;
    must(l, strata_vector_delete(own ? l->db : l->beside, place->run, strata_text(place->name),
                                 nm_key(key, text), &existed));
    assert_int_equal(existed, nm_has(place, key, own ? l->snapshot : l->version, own));
    if (existed) {
        l->version = own ? l->version : db_version(l->beside);
        note(l, place, own, key, NULL, NULL);
    }
}

static void change_entries(life *l, nm_place *place, bool own) {
    const unsigned most = l->like->commit < place->keys ? l->like->commit : place->keys;
    if (one_in(l, 4)) {
        for (unsigned i = 1 + below(l, most / 2); i > 0; i--) {
            delete_one(l, place, own);
        }
    } else {
        put_some(l, place, below(l, place->keys), one_in(l, 2) ? 1 : 1 + below(l, most), own);
    }
}

static void begin_transaction(life *l) {
    strata_txn_options options = STRATA_TXN_OPTIONS_INIT;
    l->serializable = one_in(l, 2);
    options.isolation = l->serializable ? STRATA_SERIALIZABLE : STRATA_SNAPSHOT;
    l->inside = some_place(l);
    l->snapshot = l->version;
    l->strict = l->disturbed = false;
    must(l, strata_txn_begin(l->db, l->inside->run, &options));
    put_some(l, l->inside, below(l, l->inside->keys), 1, true);
}

/* One that is serialisable and has searched the collection has read all of it. */
static void end_transaction(life *l) {
    nm_place *place = l->inside;
    uint64_t version = 0;
    if (one_in(l, 3)) {
        strata_txn_rollback(l->db);
    } else {
        const strata_status status = strata_txn_commit(l->db, &version);
        assert_true(status == STRATA_OK || (status == STRATA_CONFLICT && l->disturbed));
        assert_true(status == STRATA_CONFLICT || !l->disturbed || !l->strict);
        l->version = status == STRATA_OK ? version : l->version;
        version = status == STRATA_OK ? version : 0;
    }
    l->inside = NULL;
    nm_end_own(place, version);
}

/* ---- Questions ------------------------------------------------------------------------------- */

/* Inside a transaction half of them are asked there. */
static void make_question(life *l, const nm_place *place, nm_question *question, bool *past) {
    *question = (nm_question){.version = l->version};
    *past = one_in(l, 3);
    question->inside = place == l->inside && one_in(l, 2);
    if (question->inside) {
        question->version = l->snapshot;
    }
    if (*past) { /* a transaction's own writes are not of the past */
        question->version =
            place->since + test_random_below(&l->chance, question->version - place->since + 1);
    }
    question->filter = one_in(l, 2) ? NULL : &l->filters[below(l, FILTERS)];
    question->k = one_in(l, 8) ? 1 + below(l, 60) : 1 + below(l, 10);
    question->exact = one_in(l, l->like->exact_one_in);
    question->values = one_in(l, 6);
}

static void ask_one(life *l, const nm_place *place, const float *embedding) {
    strata_vector_query query = STRATA_VECTOR_QUERY_INIT;
    const strata_vector_entry *hits = NULL;
    nm_question question;
    size_t count = 0;
    bool past;
    make_question(l, place, &question, &past);
    strata_db *db = question.inside ? l->db : l->beside;
    question.inside = question.inside && !past;
    l->strict = l->strict || (question.inside && l->serializable);
    query.collection = strata_text(place->name);
    query.embedding = embedding;
    query.dimension = place->codec.dimension;
    query.k = question.k;
    query.effort = 64 + below(l, 64);
    query.exact = question.exact;
    query.values = question.values;
    if (question.filter != NULL) {
        query.filter = strata_object(st_buffer_slice(&question.filter->object));
    }
    if (past) {
        query.when = strata_as_of(question.version);
    }
    const strata_status status = strata_vector_search(db, place->run, &query, &hits, &count);
    l->asked++;
    if (status == STRATA_HISTORY_TRIMMED && past && l->trims) {
        l->trimmed++;
        return;
    }
    must(l, status);
    nm_assert_answer(&l->ranking, &question, hits, count, &l->recall);
}

static void ask_some(life *l) {
    for (unsigned i = 0; i < EMBEDDINGS && l->asked < l->like->questions; i++) {
        const nm_place *place = l->inside != NULL && one_in(l, 2) ? l->inside : some_place(l);
        const float *embedding = some_embedding(l, place);
        nm_rank(&l->ranking, place, embedding);
        for (unsigned j = 0; j < QUESTIONS && l->asked < l->like->questions; j++) {
            ask_one(l, place, embedding);
        }
    }
}

/* ---- Lives ----------------------------------------------------------------------------------- */

static void open_life(life *l) {
    strata_options options = db_options(l->machine, STRATA_BUFFERED);
    options.memory_bytes = 1 << 20; /* tables after some hundred entries */
    must(l, strata_open("db", &options, &l->db));
    must(l, strata_attach(l->db, &l->beside));
}

static void close_life(life *l) {
    db_close(l->beside);
    db_close(l->db);
}

static void reopen(life *l) {
    close_life(l);
    open_life(l);
    for (unsigned i = 0; i < l->place_count; i++) {
        nm_place *place = &l->places[i];
        if (place->run_name[0] != '\0') {
            must(l, strata_run_find(l->db, strata_text(place->run_name), &place->run));
        }
    }
}

/* What changes no answer. */
static void keep_house(life *l) {
    switch (below(l, 8)) {
    case 0:
        (void)ask(l->beside, STRATA_OK, "db.compact", "{}");
        break;
    case 1:
        (void)ask(l->beside, STRATA_OK, "db.checkpoint", "{}");
        break;
    case 2:
        if (l->inside == NULL) {
            reopen(l);
        }
        break;
    default:
        for (unsigned i = below(l, 20); i > 0; i--) {
            must(l, strata_tick(l->beside, 20000));
        }
        break;
    }
}

/* Two that are told apart by an operand only. */
static void make_filters(life *l, unsigned pair) {
    nm_filter *one = &l->filters[2 * (size_t)pair];
    nm_make_filter(&l->chance, l->places[0].keys, one);
    nm_vary_filter(&l->chance, l->places[0].keys, one, one + 1);
}

static void change_places(life *l) {
    if (one_in(l, 3) && !l->like->walked) {
        make_anew(l, some_place(l));
    } else if (l->place_count < PLACES_MAX) {
        fork_run(l, some_place(l));
    }
    make_filters(l, below(l, FILTERS / 2));
}

static void change(life *l) {
    const unsigned what = below(l, 40);
    if (what == 0 && l->inside == NULL) {
        change_places(l);
    } else if (what < 4) {
        keep_house(l);
    } else if (what < 7 && l->inside == NULL) {
        begin_transaction(l);
    } else {
        const bool own = l->inside != NULL && below(l, 8) > 0;
        change_entries(l, own ? l->inside : some_place(l), own);
    }
}

static void begin_life(life *l, const shape *like, uint64_t seed) {
    replay_hint("SHAPE=%s SEED=%llu", like->name, (unsigned long long)seed);
    memset(l, 0, sizeof *l);
    l->like = like;
    l->machine = sim_new(seed);
    l->chance = seed;
    l->trims = seed % 4 == 3;
    l->dimension_max = like->dimension / 2 + below(l, like->dimension / 2 + 1);
    l->embedding_count = like->begin + 300;
    l->embeddings = vectors_make(seed, l->embedding_count, l->dimension_max, CENTRES);
    open_life(l);
    if (l->trims) {
        (void)ask(l->db, STRATA_OK, "retention.set", "{\"keep\":\"last\",\"versions\":%u}",
                  1 + below(l, 2));
    }
    add_place(l);
    if (!like->walked) {
        add_place(l);
    }
    for (unsigned i = 0; i < FILTERS / 2; i++) {
        make_filters(l, i);
    }
    for (unsigned i = 0; i < like->begin; i += COMMIT_MAX) {
        put_some(l, &l->places[0], i % l->places[0].keys, COMMIT_MAX, false);
    }
    if (like->walked) { /* the index begins with the first search */
        ask_some(l);
        (void)ask(l->beside, STRATA_OK, "db.compact", "{}");
        const char *info = ask(l->beside, STRATA_OK, "vector.info", "{\"name\":\"c0\"}");
        assert_true(json_int(info, "linked") >= l->places[0].keys / 2);
    }
}

static void end_life(life *l) {
    db_verify(l->beside);
    close_life(l);
    for (unsigned i = 0; i < l->place_count; i++) {
        nm_place_free(&l->places[i]);
    }
    for (unsigned i = 0; i < FILTERS; i++) {
        strata_buffer_free(&l->filters[i].object);
    }
    free(l->ranking.items);
    free(l->embeddings);
    sim_free(l->machine);
    asked_in_all += l->asked;
    replay_hint(NULL);
}

static void live(const shape *like, uint64_t seed) {
    static life l;
    begin_life(&l, like, seed);
    while (l.asked < like->questions) {
        for (unsigned i = 0; i < like->changes; i++) {
            change(&l);
        }
        if (like->walked) {
            must(&l, strata_tick(l.beside, 200000));
        }
        ask_some(&l);
        if (l.inside != NULL && one_in(&l, 2)) {
            end_transaction(&l);
        }
    }
    if (l.inside != NULL) {
        end_transaction(&l);
    }
    const double recall =
        l.recall.wanted == 0 ? 1 : (double)l.recall.found / (double)l.recall.wanted;
    print_message("%s, seed %llu: %u questions, %u of what was trimmed; recall %.4f\n", like->name,
                  (unsigned long long)seed, l.asked, l.trimmed, recall);
    assert_true(recall >= RECALL_MIN);
    assert_true(l.trimmed <= l.asked / 3);
    end_life(&l);
}

static void live_all(const shape *like) {
    const char *only = getenv("SHAPE");
    const uint64_t seed = env_number("SEED", 0);
    if (only != NULL && strcmp(only, like->name) != 0) {
        return;
    }
    for (uint64_t i = 1; seed == 0 && i <= like->lives; i++) {
        live(like, i);
    }
    if (seed != 0) {
        live(like, seed);
    }
}

static void small_collections(void **state) {
    (void)state;
    live_all(&shapes[0]);
}

static void large_collections(void **state) {
    (void)state;
    live_all(&shapes[1]);
}

static void crowded_collections(void **state) {
    (void)state;
    live_all(&shapes[2]);
}

static void a_hundred_thousand_in_all(void **state) {
    (void)state;
    print_message("%llu questions\n", asked_in_all);
    if (getenv("SHAPE") == NULL && env_number("SEED", 0) == 0) {
        assert_true(asked_in_all >= 100000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_collections),
        cmocka_unit_test(large_collections),
        cmocka_unit_test(crowded_collections),
        cmocka_unit_test(a_hundred_thousand_in_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
