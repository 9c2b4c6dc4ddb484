/* Proves that a walk finds what an exhaustive search finds, nearly always; among the nodes of a set too,
 * from one in twenty to all; that one thread makes the same graph every time and several a sound one; that
 * a graph which grew out of another without some of its nodes is as good; and that a failed allocation at any
 * point leaves a sound graph. */
#include <inttypes.h>
#include <pthread.h>

#include "index/vector/graph.h"
#include "vectors.h"

enum { K = 10, EFFORT = 100, NODES = 4000, DIMENSION = 48, QUERIES = 60 };

typedef struct fixture {
    st_codec codec;
    st_graph graph;
    float *base;
    float *queries;
    uint32_t count;
} fixture;

static void write_codes(fixture *f, uint32_t count) {
    assert_int_equal(st_graph_reach(&f->graph, count), STRATA_OK);
    for (uint32_t i = 0; i < count; i++) {
        st_code_write(&f->codec, f->base + (size_t)i * f->codec.dimension,
                      st_graph_code(&f->graph, i));
        assert_int_equal(st_graph_place(&f->graph, i, i), STRATA_OK);
    }
}

static void make(fixture *f, st_vector_metric metric, uint32_t count, const strata_host *host) {
    f->codec = st_codec_of(metric, ST_CODE_I8, DIMENSION, vectors_kernels());
    f->count = count;
    f->base = vectors_make(1, count + QUERIES, DIMENSION, 40);
    f->queries = f->base + (size_t)count * DIMENSION;
    assert_int_equal(st_graph_init(&f->graph, &f->codec, host, count, 42, ST_ROWS_CHUNK_LARGE),
                     STRATA_OK);
    write_codes(f, count);
}

static void add_all(fixture *f) {
    st_walk walk;
    st_walk_init(&walk, f->graph.memory);
    for (uint32_t i = 0; i < f->count; i++) {
        assert_int_equal(st_graph_add(&f->graph, i, EFFORT, &walk), STRATA_OK);
    }
    assert_int_equal(st_graph_mend(&f->graph, f->count, EFFORT, &walk), STRATA_OK);
    st_walk_free(&walk);
}

static void drop(fixture *f) {
    st_graph_free(&f->graph);
    free(f->base);
}

static void assert_sound(const st_graph *graph, uint32_t count) {
    strata_error error;
    error.message[0] = '\0';
    if (st_graph_check(graph, count, NULL, &error) != STRATA_OK) {
        fail_msg("%s", error.message);
    }
}

/* The K nearest of the nodes that are in the set, by looking at all of them. */
static uint32_t find_nearest(const st_graph *graph, uint32_t count, const st_code_query *query,
                             const st_node_set *set, st_candidate best[K]) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (set == NULL || (set->bits[i / 64] >> (i % 64) & 1) != 0) {
            const float distance = st_code_distance(query, st_graph_code(graph, i));
            uint32_t at = found < K ? found++ : K;
            for (; at > 0 && st_candidate_distance(best[at - 1]) > distance; at--) {
                if (at < K) {
                    best[at] = best[at - 1];
                }
            }
            if (at < K) {
                best[at] = st_candidate_of(distance, i);
            }
        }
    }
    return found;
}

/* So many candidates, whatever their distances. */
static st_reach reach_of(uint32_t most) {
    return (st_reach){.nearest = 1, .most = most, .far = INFINITY};
}

static uint64_t distances_last; /* that `recall` has seen computed */

/* How many of the nearest the walk found, of all that there are, in thousandths. */
static unsigned recall(const fixture *f, const st_graph *graph, uint32_t count,
                       const st_node_set *set, st_reach reach) {
    uint8_t *room = aligned_alloc(16, f->codec.stride);
    st_walk walk;
    unsigned hits = 0;
    unsigned all = 0;
    st_walk_init(&walk, graph->memory);
    for (uint32_t q = 0; q < QUERIES; q++) {
        st_candidate best[K];
        const st_code_query query =
            st_code_query_of(&f->codec, f->queries + (size_t)q * DIMENSION, room);
        const uint32_t found = find_nearest(graph, count, &query, set, best);
        assert_int_equal(set == NULL ? st_graph_search(graph, &query, reach, &walk)
                         : reach.hits_most > 0
                             ? st_graph_search_for(graph, &query, reach, set, &walk)
                             : st_graph_search_in(graph, &query, reach, set, &walk),
                         STRATA_OK);
        const st_candidate *got = reach.hits_most > 0 ? walk.hits : walk.pool;
        const uint32_t got_len = reach.hits_most > 0 ? walk.hits_len : walk.pool_len;
        assert_true(got_len <= (reach.hits_most > 0 ? reach.hits_most : reach.most));
        for (uint32_t i = 0; i < got_len; i++) {
            const uint32_t node = st_candidate_node(got[i]);
            assert_true(node < count);
            assert_true(set == NULL || (set->bits[node / 64] >> (node % 64) & 1) != 0);
            assert_true(i == 0 || got[i - 1] < got[i]);
            for (uint32_t b = 0; b < found; b++) {
                hits += st_candidate_node(best[b]) == node;
            }
        }
        all += found;
    }
    distances_last = walk.distances;
    st_walk_free(&walk);
    free(room);
    return hits * 1000 / all;
}

/* ---- Searching ------------------------------------------------------------------------------- */

static void test_recall(void **state) {
    (void)state;
    static const st_vector_metric metrics[] = {ST_METRIC_COSINE, ST_METRIC_EUCLIDEAN};
    for (size_t m = 0; m < 2; m++) {
        fixture f;
        make(&f, metrics[m], NODES, test_host());
        add_all(&f);
        assert_sound(&f.graph, NODES);
        assert_true(recall(&f, &f.graph, NODES, NULL, reach_of(64)) >= 980);
        assert_true(recall(&f, &f.graph, NODES, NULL, reach_of(400)) >= 998);
        drop(&f);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

static void test_few(void **state) {
    (void)state;
    for (uint32_t count = 1; count < 40; count += 6) {
        fixture f;
        make(&f, ST_METRIC_DOT, count, test_host());
        add_all(&f);
        assert_sound(&f.graph, count);
        assert_int_equal(recall(&f, &f.graph, count, NULL, reach_of(64)), 1000);
        drop(&f);
    }
}

/* As far as distances say: about as good, by fewer of them. */
static void test_reach(void **state) {
    (void)state;
    static const st_vector_metric metrics[] = {ST_METRIC_COSINE, ST_METRIC_EUCLIDEAN,
                                               ST_METRIC_DOT};
    const st_reach near = {.nearest = K, .most = NODES, .far = 1.02f};
    const st_reach far = {.nearest = K, .most = NODES, .far = 1.5f};
    for (size_t m = 0; m < 3; m++) {
        fixture f;
        make(&f, metrics[m], NODES, test_host());
        add_all(&f);
        const unsigned little = recall(&f, &f.graph, NODES, NULL, near);
        const unsigned much = recall(&f, &f.graph, NODES, NULL, far);
        assert_true(much >= 950 && much >= little);
        uint8_t *room = aligned_alloc(16, f.codec.stride);
        const st_code_query query = st_code_query_of(&f.codec, f.queries, room);
        st_walk walk;
        uint64_t distances[3];
        st_walk_init(&walk, f.graph.memory);
        const st_reach reaches[] = {near, far, reach_of(NODES)};
        for (size_t i = 0; i < 3; i++) {
            const uint64_t before = walk.distances;
            assert_int_equal(st_graph_search(&f.graph, &query, reaches[i], &walk), STRATA_OK);
            distances[i] = walk.distances - before;
        }
        assert_true(distances[0] < distances[1] && distances[1] < distances[2]);
        st_walk_free(&walk);
        free(room);
        drop(&f);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

static void test_empty(void **state) {
    (void)state;
    const st_codec codec = st_codec_of(ST_METRIC_DOT, ST_CODE_F32, 1, vectors_kernels());
    const float one = 1;
    uint8_t room[32] __attribute__((aligned(16)));
    st_graph graph;
    st_walk walk;
    assert_int_equal(st_graph_init(&graph, &codec, test_host(), 10, 1, ST_ROWS_CHUNK_SMALL),
                     STRATA_OK);
    st_walk_init(&walk, graph.memory);
    const st_code_query query = st_code_query_of(&codec, &one, room);
    assert_int_equal(st_graph_search(&graph, &query, reach_of(5), &walk), STRATA_OK);
    assert_int_equal(walk.pool_len, 0);
    assert_int_equal(st_graph_mend(&graph, 0, 5, &walk), STRATA_OK);
    assert_sound(&graph, 0);
    st_walk_free(&walk);
    st_graph_free(&graph);
    assert_int_equal(test_memory_blocks(), 0);
}

/* About one in so many. */
static st_node_set make_set(uint64_t bits[(NODES + 63) / 64], uint32_t one_in) {
    uint64_t seed = 5;
    st_node_set set = {bits, 0};
    memset(bits, 0, (NODES + 63) / 64 * sizeof *bits);
    for (uint32_t i = 0; i < NODES; i++) {
        if (test_random_below(&seed, one_in) == 0) {
            bits[i / 64] |= (uint64_t)1 << (i % 64);
            set.count++;
        }
    }
    return set;
}

static void test_sets(void **state) {
    (void)state;
    static const struct {
        uint32_t one_in;
        unsigned recall;
    } cases[] = {{1, 990}, {2, 980}, {5, 970}, {20, 950}};
    uint64_t bits[(NODES + 63) / 64];
    fixture f;
    make(&f, ST_METRIC_COSINE, NODES, test_host());
    add_all(&f);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const st_node_set set = make_set(bits, cases[c].one_in);
        const unsigned got = recall(&f, &f.graph, NODES, &set, reach_of(100));
        if (got < cases[c].recall) {
            fail_msg("one in %u: recall 0.%03u", cases[c].one_in, got);
        }
    }
    drop(&f);
}

/* What is met on the way counts: a walk need not go by all that it is to find. */
static void test_hits(void **state) {
    (void)state;
    static const struct {
        uint32_t one_in;
        uint32_t nearest; /* of the set, that the walk goes by */
        unsigned percent; /* of the distances of a walk that goes by all, at most */
    } cases[] = {{1, K, 100}, {2, 7, 85}, {5, 5, 75}, {5, K, 105}};
    uint64_t bits[(NODES + 63) / 64];
    fixture f;
    make(&f, ST_METRIC_COSINE, NODES, test_host());
    add_all(&f);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const st_reach all = {.nearest = K * cases[c].one_in, .most = NODES, .far = 1};
        const st_reach some = {
            .nearest = cases[c].nearest, .most = NODES, .hits_most = 2 * K, .far = 1};
        const st_node_set set = make_set(bits, cases[c].one_in);
        (void)recall(&f, &f.graph, NODES, NULL, all);
        const uint64_t most = distances_last * cases[c].percent / 100;
        const unsigned got = recall(&f, &f.graph, NODES, &set, some);
        if (got < 980 || distances_last > most) {
            fail_msg("one in %u: recall 0.%03u with %" PRIu64 " distances, which may be %" PRIu64,
                     cases[c].one_in, got, distances_last, most);
        }
    }
    drop(&f);
    assert_int_equal(test_memory_blocks(), 0);
}

/* ---- Building -------------------------------------------------------------------------------- */

static void assert_same(const st_graph *a, const st_graph *b, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        assert_memory_equal(st_graph_links(a, i), st_graph_links(b, i),
                            ST_GRAPH_LINKS_0 * sizeof(st_link));
    }
}

static void test_same_again(void **state) {
    (void)state;
    fixture a;
    fixture b;
    make(&a, ST_METRIC_COSINE, 1500, test_host());
    make(&b, ST_METRIC_COSINE, 1500, test_host());
    add_all(&a);
    add_all(&b);
    assert_same(&a.graph, &b.graph, 1500);
    drop(&a);
    drop(&b);
}

typedef struct crew {
    fixture f;
    _Atomic uint32_t next;
} crew;

static void *add_some(void *arg) {
    crew *with = arg;
    st_walk walk;
    uint32_t node;
    st_walk_init(&walk, with->f.graph.memory);
    while ((node = atomic_fetch_add(&with->next, 1)) < with->f.count) {
        if (st_graph_add(&with->f.graph, node, EFFORT, &walk) != STRATA_OK) {
            abort();
        }
    }
    st_walk_free(&walk);
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    enum { THREADS = 3 };
    crew with = {.next = 0};
    pthread_t threads[THREADS];
    st_walk walk;
    make(&with.f, ST_METRIC_COSINE, NODES, strata_host_default());
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_some, &with), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    st_walk_init(&walk, with.f.graph.memory);
    assert_int_equal(st_graph_mend(&with.f.graph, NODES, EFFORT, &walk), STRATA_OK);
    st_walk_free(&walk);
    assert_sound(&with.f.graph, NODES);
    assert_true(recall(&with.f, &with.f.graph, NODES, NULL, reach_of(64)) >= 970);
    drop(&with.f);
}

static void test_no_memory(void **state) {
    (void)state;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        fixture f = {.count = 60};
        st_walk walk;
        uint32_t added = 0;
        f.codec = st_codec_of(ST_METRIC_COSINE, ST_CODE_I8, DIMENSION, vectors_kernels());
        f.base = vectors_make(1, f.count, DIMENSION, 4);
        test_memory_fail_at(n);
        if (st_graph_init(&f.graph, &f.codec, test_host(), f.count, 42, ST_ROWS_CHUNK_LARGE) ==
            STRATA_OK) {
            st_walk_init(&walk, f.graph.memory);
            bool good = st_graph_reach(&f.graph, f.count) == STRATA_OK;
            for (uint32_t i = 0; good && i < f.count; i++) {
                st_code_write(&f.codec, f.base + (size_t)i * DIMENSION, st_graph_code(&f.graph, i));
                good = st_graph_place(&f.graph, i, i) == STRATA_OK &&
                       st_graph_add(&f.graph, i, EFFORT, &walk) == STRATA_OK;
                added += good;
            }
            failed = test_memory_failed();
            test_memory_fail_at(0);
            assert_true(failed || good);
            assert_sound(&f.graph, added);
            st_walk_free(&walk);
            st_graph_free(&f.graph);
        }
        test_memory_fail_at(0);
        free(f.base);
        assert_int_equal(test_memory_blocks(), 0);
    }
}

/* ---- Growing out of another ------------------------------------------------------------------ */

static void test_take_all(void **state) {
    (void)state;
    fixture f;
    st_graph grown;
    uint32_t *kept = malloc(NODES * sizeof *kept);
    make(&f, ST_METRIC_COSINE, NODES, test_host());
    add_all(&f);
    for (uint32_t i = 0; i < NODES; i++) {
        kept[i] = i;
    }
    assert_int_equal(st_graph_init(&grown, &f.codec, test_host(), NODES, 42, ST_ROWS_CHUNK_LARGE),
                     STRATA_OK);
    assert_int_equal(st_graph_reach(&grown, NODES), STRATA_OK);
    assert_int_equal(st_graph_take(&grown, &f.graph, NODES, kept, NULL), STRATA_OK);
    assert_same(&grown, &f.graph, NODES);
    st_graph_free(&grown);
    free(kept);
    drop(&f);
}

/* One in five goes: a link to who stays does too, in its place among those; others come behind them, nobody twice. */
static void test_take_some(void **state) {
    (void)state;
    uint32_t *kept = malloc(NODES * sizeof *kept);
    uint32_t live = 0;
    uint32_t more = 0;
    st_graph grown;
    fixture f;
    make(&f, ST_METRIC_COSINE, NODES, test_host());
    add_all(&f);
    for (uint32_t i = 0; i < NODES; i++) {
        kept[i] = i % 5 == 3 ? ST_NO_NODE : live++;
    }
    assert_int_equal(st_graph_init(&grown, &f.codec, test_host(), NODES, 42, ST_ROWS_CHUNK_LARGE),
                     STRATA_OK);
    assert_int_equal(st_graph_reach(&grown, NODES), STRATA_OK);
    assert_int_equal(st_graph_take(&grown, &f.graph, NODES, kept, NULL), STRATA_OK);
    for (uint32_t node = 0; node < NODES; node++) {
        const st_link *before = st_graph_links(&f.graph, node);
        const st_link *after = kept[node] == ST_NO_NODE ? NULL : st_graph_links(&grown, kept[node]);
        unsigned at = 0;
        for (unsigned i = 0; i < ST_GRAPH_LINKS_0 && after != NULL; i++) {
            const uint32_t link = st_link_get(&before[i]);
            if (link != ST_NO_NODE && kept[link] != ST_NO_NODE) {
                assert_int_equal(st_link_get(&after[at++]), kept[link]);
            }
        }
        for (; after != NULL && at < ST_GRAPH_LINKS_0 && st_link_get(&after[at]) != ST_NO_NODE;
             at++, more++) {
            for (unsigned i = 0; i < at; i++) {
                assert_int_not_equal(st_link_get(&after[i]), st_link_get(&after[at]));
            }
        }
    }
    assert_true(more > NODES); /* links that came for those that went */
    st_graph_free(&grown);
    free(kept);
    drop(&f);
}

/* One in `one_in` goes and comes again, the next ones in each round. */
static void churn(fixture *f, uint32_t one_in, uint32_t rounds) {
    const uint32_t live_all = NODES - NODES / one_in;
    uint32_t *kept = malloc(NODES * sizeof *kept);
    st_walk walk;
    st_walk_init(&walk, f->graph.memory);
    for (uint32_t round = 0; round < rounds; round++) {
        st_graph grown;
        uint32_t live = 0;
        for (uint32_t i = 0; i < NODES; i++) {
            kept[i] = i % one_in == round ? ST_NO_NODE : live++;
        }
        assert_int_equal(live, live_all);
        assert_int_equal(
            st_graph_init(&grown, &f->codec, test_host(), NODES, 42, ST_ROWS_CHUNK_LARGE),
            STRATA_OK);
        assert_int_equal(st_graph_reach(&grown, NODES), STRATA_OK);
        assert_int_equal(st_graph_take(&grown, &f->graph, NODES, kept, NULL), STRATA_OK);
        for (uint32_t i = live; i < NODES; i++) { /* they come again */
            const uint32_t source = (i - live) * one_in + round;
            memcpy(st_graph_code(&grown, i), st_graph_code(&f->graph, source), f->codec.stride);
            assert_int_equal(st_graph_place(&grown, i, i + (uint64_t)round * NODES), STRATA_OK);
            assert_int_equal(st_graph_add(&grown, i, EFFORT, &walk), STRATA_OK);
        }
        assert_int_equal(st_graph_mend(&grown, NODES, EFFORT, &walk), STRATA_OK);
        assert_sound(&grown, NODES);
        st_graph_free(&f->graph);
        f->graph = grown;
    }
    st_walk_free(&walk);
    free(kept);
}

/* All is found as well as before, with little effort and with more, by not many more distances. */
static void test_churn(void **state) {
    (void)state;
    static const struct {
        uint32_t one_in, rounds;
    } cases[] = {{20, 10}, {5, 2}, {2, 1}};
    const st_reach little = {.nearest = K, .most = NODES, .far = 1};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        fixture f;
        make(&f, ST_METRIC_COSINE, NODES, test_host());
        add_all(&f);
        const unsigned before = recall(&f, &f.graph, NODES, NULL, reach_of(64));
        const unsigned before_little = recall(&f, &f.graph, NODES, NULL, little);
        const uint64_t distances = distances_last;
        churn(&f, cases[c].one_in, cases[c].rounds);
        const unsigned after = recall(&f, &f.graph, NODES, NULL, reach_of(64));
        const unsigned after_little = recall(&f, &f.graph, NODES, NULL, little);
        if (after + 10 < before || after_little + 15 < before_little ||
            distances_last * 4 > distances * 5) {
            fail_msg("one in %u: recall went from 0.%03u to 0.%03u, from 0.%03u to 0.%03u",
                     cases[c].one_in, before, after, before_little, after_little);
        }
        drop(&f);
    }
    assert_int_equal(test_memory_blocks(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recall),     cmocka_unit_test(test_few),
        cmocka_unit_test(test_reach),      cmocka_unit_test(test_empty),
        cmocka_unit_test(test_sets),       cmocka_unit_test(test_hits),
        cmocka_unit_test(test_same_again), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_no_memory),  cmocka_unit_test(test_take_all),
        cmocka_unit_test(test_take_some),  cmocka_unit_test(test_churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
