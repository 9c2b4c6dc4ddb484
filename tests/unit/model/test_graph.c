/* test_graph.c - walks on random graphs with circles, against definitions that try everything: what a
 * traversal reaches in which order, under every limit; what the shortest path costs. A name with a
 * million edges under a limit costs what the limit says, counted in edges and in memory.
 */
#include "store_support.h"

#include "api/handle.h"
#include "model/graph.h"
#include "model/run/run.h"

enum { NAMES = 24, TYPES = 3, GRAPHS = 12, WALKS = 60 };

static sim *machine;
static strata_db *db;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    db = db_in_memory(machine);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    db_close(db);
    sim_free(machine);
    return 0;
}

/* ---- Random graphs --------------------------------------------------------------------------- */

/* weights[s][t][d]: of an edge; below 0: there is none. */
static double weights[NAMES][TYPES][NAMES];

static void make_graph(uint64_t *chance) {
    const uint64_t density = 1 + test_random_below(chance, 4);
    for (unsigned s = 0; s < NAMES; s++) {
        for (unsigned t = 0; t < TYPES; t++) {
            for (unsigned d = 0; d < NAMES; d++) {
                const bool there = test_random_below(chance, NAMES * 2) < density;
                weights[s][t][d] = there ? (double)test_random_below(chance, 8) / 4 : -1;
                if (there) {
                    (void)ask(db, STRATA_OK, "edge.put",
                              "{\"src\":\"n%02u\",\"type\":\"t%u\",\"dst\":\"n%02u\","
                              "\"weight\":%g}",
                              s, t, d, weights[s][t][d]);
                }
            }
        }
    }
}

typedef struct wanted {
    unsigned from;
    st_direction direction;
    bool types[TYPES];
    unsigned depth;
    unsigned limit;
    bool depth_first;
} wanted;

/* The n-th edge of a name in the order of edges; false: there is none. */
static bool edge_of(const wanted *w, unsigned name, unsigned n, unsigned *other, double *weight) {
    unsigned seen = 0;
    for (unsigned phase = 0; phase < 2; phase++) {
        if ((phase == 0 && w->direction == ST_IN) || (phase == 1 && w->direction == ST_OUT)) {
            continue;
        }
        for (unsigned t = 0; t < TYPES; t++) {
            for (unsigned o = 0; o < NAMES && w->types[t]; o++) {
                const double there = phase == 0 ? weights[name][t][o] : weights[o][t][name];
                if (there >= 0 && seen++ == n) {
                    *other = o;
                    *weight = there;
                    return true;
                }
            }
        }
    }
    return false;
}

typedef struct visits {
    unsigned names[NAMES];
    uint64_t depths[NAMES];
    unsigned count;
    bool truncated;
} visits;

static void visit(const wanted *w, visits *v, unsigned name, uint64_t depth) {
    if (v->count == w->limit) {
        v->truncated = true;
        return;
    }
    v->names[v->count] = name;
    v->depths[v->count++] = depth;
}

static void expect_breadth(const wanted *w, visits *v) {
    bool met[NAMES] = {false};
    met[w->from] = true;
    for (unsigned i = 0; i <= v->count && !v->truncated; i++) {
        const unsigned at = i == 0 ? w->from : v->names[i - 1];
        const uint64_t depth = i == 0 ? 0 : v->depths[i - 1];
        unsigned other;
        double weight;
        for (unsigned n = 0; depth < w->depth && edge_of(w, at, n, &other, &weight); n++) {
            if (!met[other]) {
                met[other] = true;
                visit(w, v, other, depth + 1);
            }
        }
    }
}

/* By its definition: recursive. nearest: by how many edges each name was reached so far. */
static void expect_depth(const wanted *w, visits *v, unsigned at, unsigned depth,
                         unsigned nearest[NAMES]) {
    unsigned other;
    double weight;
    for (unsigned n = 0; edge_of(w, at, n, &other, &weight) && !v->truncated; n++) {
        if (nearest[other] <= depth + 1) {
            continue;
        }
        if (nearest[other] == UINT32_MAX) {
            visit(w, v, other, depth + 1);
        }
        nearest[other] = depth + 1;
        if (depth + 1 < w->depth && !v->truncated) {
            expect_depth(w, v, other, depth + 1, nearest);
        }
    }
}

static void put_graph(char *out, size_t size, const wanted *w) {
    static const char *const directions[] = {"out", "in", "both"};
    size_t len =
        (size_t)snprintf(out, size, "\"direction\":\"%s\",\"types\":[", directions[w->direction]);
    for (unsigned t = TYPES; t > 0; t--) { /* in any order */
        if (w->types[t - 1]) {
            len += (size_t)snprintf(out + len, size - len, "%s\"t%u\"",
                                    out[len - 1] == '[' ? "" : ",", t - 1);
        }
    }
    (void)snprintf(out + len, size - len, "]");
}

static wanted random_walk(uint64_t *chance) {
    wanted w = {.from = (unsigned)test_random_below(chance, NAMES),
                .direction = (st_direction)test_random_below(chance, 3),
                .depth = 1 + (unsigned)test_random_below(chance, ST_GRAPH_DEPTH_MAX),
                .limit = 1 + (unsigned)test_random_below(chance, NAMES),
                .depth_first = test_random_below(chance, 2) == 0};
    w.types[test_random_below(chance, TYPES)] = true; /* none would be any */
    for (unsigned t = 0; t < TYPES; t++) {
        w.types[t] = w.types[t] || test_random_below(chance, 2) == 0;
    }
    return w;
}

static void check_traversal(const wanted *w) {
    char graph[128];
    visits v = {.count = 0};
    unsigned nearest[NAMES];
    memset(nearest, 0xff, sizeof nearest);
    nearest[w->from] = 0;
    if (w->depth_first) {
        expect_depth(w, &v, w->from, 0, nearest);
    } else {
        expect_breadth(w, &v);
    }
    put_graph(graph, sizeof graph, w);
    const char *answer =
        ask(db, STRATA_OK, "edge.traverse",
            "{\"from\":\"n%02u\",\"depth\":%u,\"limit\":%u,\"order\":\"%s\",%s}", w->from, w->depth,
            w->limit, w->depth_first ? "depth" : "breadth", graph);
    const char *at = answer;
    for (unsigned i = 0; i < v.count; i++) {
        char part[64];
        (void)snprintf(part, sizeof part, "{\"name\":\"n%02u\",\"depth\":%llu,", v.names[i],
                       (unsigned long long)v.depths[i]);
        at = strstr(at, "{\"name\":");
        assert_non_null(at);
        assert_memory_equal(at, part, strlen(part));
        at++;
    }
    assert_null(strstr(at + (v.count == 0 ? 1 : 0), "{\"name\":"));
    assert_true(json_has(answer, v.truncated ? "\"truncated\":true" : "\"truncated\":false"));
}

/* Bellman-Ford by the number of edges: lightest[k][n] with at most k of them. */
static double lightest[NAMES + 1][NAMES];

static void relax(const wanted *w, bool weighted) {
    for (unsigned n = 0; n < NAMES; n++) {
        lightest[0][n] = n == w->from ? 0 : HUGE_VAL;
    }
    for (unsigned k = 1; k <= NAMES; k++) {
        memcpy(lightest[k], lightest[k - 1], sizeof lightest[k]);
        for (unsigned at = 0; at < NAMES; at++) {
            unsigned other;
            double weight;
            for (unsigned n = 0; edge_of(w, at, n, &other, &weight); n++) {
                const double sum = lightest[k - 1][at] + (weighted ? weight : 1);
                lightest[k][other] = sum < lightest[k][other] ? sum : lightest[k][other];
            }
        }
    }
}

/* Goes along the path that was found; returns its edges, *sum their weights. */
static unsigned follow(const wanted *w, const char *answer, unsigned to, double *sum) {
    unsigned at = w->from;
    unsigned edges = 0;
    *sum = 0;
    for (const char *edge = strstr(answer, "{\"src\":"); edge != NULL;
         edge = strstr(edge + 1, "{\"src\":")) {
        unsigned s;
        unsigned t;
        unsigned d;
        assert_int_equal(
            sscanf(edge, "{\"src\":\"n%u\",\"type\":\"t%u\",\"dst\":\"n%u\"", &s, &t, &d), 3);
        assert_true(weights[s][t][d] >= 0 && w->types[t]);
        assert_true((at == s && w->direction != ST_IN) || (at == d && w->direction != ST_OUT));
        at = at == s && w->direction != ST_IN ? d : s;
        *sum += weights[s][t][d];
        edges++;
    }
    assert_int_equal(at, to);
    return edges;
}

static void check_path(const wanted *w, unsigned to, bool weighted) {
    char graph[128];
    double sum;
    relax(w, weighted);
    put_graph(graph, sizeof graph, w);
    const double best = lightest[w->depth][to];
    const char *answer =
        ask(db, STRATA_OK, "edge.path",
            "{\"from\":\"n%02u\",\"to\":\"n%02u\",\"depth\":%u,\"weighted\":%s,%s}", w->from, to,
            w->depth, weighted ? "true" : "false", graph);
    assert_true(json_has(answer, best < HUGE_VAL ? "\"found\":true" : "\"found\":false"));
    assert_true(json_has(answer, "\"truncated\":false"));
    if (best == HUGE_VAL) {
        return;
    }
    const unsigned edges = follow(w, answer, to, &sum);
    assert_true(edges <= w->depth);
    /* Quarters add up exactly. */
    assert_true(weighted ? sum == best : (double)edges == best);
    if (weighted) { /* and with the fewest edges that make it so light */
        assert_true(edges == 0 || lightest[edges - 1][to] > best);
    }
}

static void random_graphs(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        uint64_t chance = seed;
        replay_hint("seed %llu of random_graphs", (unsigned long long)seed);
        db_close(db);
        db = db_in_memory(machine);
        make_graph(&chance);
        for (unsigned i = 0; i < WALKS; i++) {
            const wanted w = random_walk(&chance);
            const unsigned to = (unsigned)test_random_below(&chance, NAMES);
            check_traversal(&w);
            check_path(&w, to, false);
            check_path(&w, to, true);
        }
    }
}

/* ---- A million edges ------------------------------------------------------------------------- */

enum { STAR = 1000000, BATCH = 20000 };

static strata_status count_reached(void *arg, const st_reached *reached) {
    (void)reached;
    ++*(unsigned *)arg;
    return STRATA_OK;
}

/* In big commits, as the model writes them. */
static void make_star(void) {
    for (unsigned first = 0; first < STAR; first += BATCH) {
        st_commit commit;
        st_run *run;
        uint64_t version;
        st_request *rq = st_handle_begin(db);
        st_write *writes = st_arena_alloc(rq->arena, (size_t)2 * BATCH * sizeof *writes, 8);
        static const uint8_t value[] = {1};
        assert_non_null(writes);
        assert_int_equal(st_run_of(rq, STRATA_RUN_DEFAULT, &run), STRATA_OK);
        for (unsigned i = 0; i < BATCH; i++) {
            char leaf[16];
            (void)snprintf(leaf, sizeof leaf, "leaf%07u", first + i);
            const strata_slice out[] = {strata_text("hub"), strata_text("to"), strata_text(leaf)};
            const strata_slice in[] = {strata_text(leaf), strata_text("to"), strata_text("hub")};
            st_key key;
            st_key_texts(&key, ST_TAG_EDGE, out, 3);
            writes[(size_t)i * 2] = (st_write){.key = st_arena_copy(rq->arena, st_key_slice(&key)),
                                               .value = st_slice(value, sizeof value)};
            st_key_texts(&key, ST_TAG_EDGE_IN, in, 3);
            writes[(size_t)i * 2 + 1] = (st_write){
                .key = st_arena_copy(rq->arena, st_key_slice(&key)), .value = st_slice("", 0)};
        }
        assert_int_equal(st_run_lock(rq, run, &commit), STRATA_OK);
        assert_int_equal(
            st_commit_finish(&commit, writes, (size_t)2 * BATCH, NULL, &version, rq->error),
            STRATA_OK);
        assert_int_equal(st_handle_end(db, STRATA_OK), STRATA_OK);
    }
}

static void a_million_edges(void **state) {
    (void)state;
    make_star();
    const char *answer = ask(db, STRATA_OK, "edge.neighbours", "{\"of\":\"hub\",\"limit\":50}");
    assert_int_equal(json_int(answer, "edges_seen"), 51);
    assert_true(json_has(answer, "\"truncated\":true"));
    answer = ask(db, STRATA_OK, "edge.traverse",
                 "{\"from\":\"leaf0500000\",\"depth\":2,\"direction\":\"both\",\"limit\":100,"
                 "\"order\":\"depth\"}");
    assert_int_equal(json_int(answer, "edges_seen"), 101);
    assert_true(json_has(answer, "\"truncated\":true"));
    answer = ask(db, STRATA_OK, "edge.out", "{\"src\":\"hub\",\"limit\":3}");
    assert_true(json_has(answer, "\"cursor\":\"2:toleaf0000002\""));
    answer = ask(db, STRATA_OK, "edge.path",
                 "{\"from\":\"hub\",\"to\":\"leaf0999999\",\"edges_max\":1000}");
    assert_int_equal(json_int(answer, "edges_seen"), 1000);
    assert_true(json_has(answer, "\"truncated\":true,") || json_has(answer, "\"truncated\":true}"));
    /* Memory: what a walk takes goes by what it meets, too. */
    unsigned visited = 0;
    st_graph_cost cost;
    st_run *run;
    st_request *rq = st_handle_begin(db);
    const st_graph graph = {.direction = ST_OUT, .edges_max = STAR, .when = st_now()};
    const st_traversal traversal = {.from = strata_text("hub"),
                                    .depth = 2,
                                    .limit = 1000,
                                    .arg = &visited,
                                    .visit = count_reached};
    assert_int_equal(st_run_of(rq, STRATA_RUN_DEFAULT, &run), STRATA_OK);
    const size_t before = atomic_load(&rq->arena->reserved);
    assert_int_equal(st_graph_traverse(rq, run, &graph, &traversal, &cost), STRATA_OK);
    assert_int_equal(visited, 1000);
    assert_int_equal(cost.edges, 1001);
    assert_true(atomic_load(&rq->arena->reserved) - before < (1 << 20));
    assert_int_equal(st_handle_end(db, STRATA_OK), STRATA_OK);
}

/* ---- Forged bytes ---------------------------------------------------------------------------- */

static void forge(uint8_t tag, const char *const names[3], const char *hex) {
    const strata_slice texts[] = {strata_text(names[0]), strata_text(names[1]),
                                  strata_text(names[2])};
    const strata_slice value = test_hex(hex);
    st_commit commit;
    st_stamp stamp;
    st_run *run;
    st_key key;
    st_request *rq = st_handle_begin(db);
    assert_int_equal(st_run_of(rq, STRATA_RUN_DEFAULT, &run), STRATA_OK);
    st_key_texts(&key, tag, texts, 3);
    assert_int_equal(st_run_begin(rq, run, &commit), STRATA_OK);
    rq->value.len = 0;
    assert_int_equal(st_buffer_append(&rq->value, value.data, value.len), STRATA_OK);
    assert_int_equal(st_run_put(rq, &commit, &key, NULL, &stamp), STRATA_OK);
    (void)st_handle_end(db, STRATA_OK);
}

static void forged(void **state) {
    (void)state;
    static const char *const edge[] = {"a", "x", "b"};
    static const char *const values[] = {
        "",
        "02",                                                    /* another form */
        "01 80 00",                                              /* bytes after it */
        "01 81 a6 77 65 69 67 68 74 01",                         /* a weight that is an int, */
        "01 81 a6 77 65 69 67 68 74 cb 7f f0 00 00 00 00 00 00", /* infinite, */
        "01 81 a6 77 65 69 67 68 74 cb 7f f8 00 00 00 00 00 00", /* or no number */
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        forge(ST_TAG_EDGE, edge, values[i]);
        (void)ask(db, STRATA_CORRUPT, "edge.get", "{\"src\":\"a\",\"type\":\"x\",\"dst\":\"b\"}");
        (void)ask(db, STRATA_CORRUPT, "edge.out", "{\"src\":\"a\"}");
        (void)ask(db, STRATA_CORRUPT, "edge.path",
                  "{\"from\":\"a\",\"to\":\"b\",\"weighted\":true}");
        (void)ask(db, STRATA_CORRUPT, "edge.path", "{\"from\":\"a\",\"to\":\"b\"}");
        (void)ask(db, STRATA_OK, "edge.traverse", "{\"from\":\"a\"}");
    }
    /* One direction without the other. */
    static const char *const alone[] = {"q", "x", "p"};
    forge(ST_TAG_EDGE_IN, alone, "");
    (void)ask(db, STRATA_CORRUPT, "edge.in", "{\"dst\":\"q\"}");
    (void)ask(db, STRATA_OK, "edge.neighbours", "{\"of\":\"q\",\"direction\":\"in\"}");
}

/* ---- The C functions ------------------------------------------------------------------------- */

typedef struct told {
    char text[256];
    size_t len;
    unsigned most;
} told;

static bool tell_edge(void *arg, strata_slice name, uint64_t depth, const strata_edge *edge) {
    told *to = arg;
    to->len += (size_t)snprintf(to->text + to->len, sizeof to->text - to->len, "%.*s@%llu:%.*s ",
                                (int)name.len, (const char *)name.data, (unsigned long long)depth,
                                (int)edge->type.len, (const char *)edge->type.data);
    return --to->most > 0;
}

static void tie(const char *src, const char *type, const char *dst, double weight) {
    strata_edge edge = STRATA_EDGE_INIT;
    edge.src = strata_text(src);
    edge.type = strata_text(type);
    edge.dst = strata_text(dst);
    edge.weighs = true;
    edge.weight = weight;
    assert_int_equal(strata_edge_put(db, STRATA_RUN_DEFAULT, &edge, NULL), STRATA_OK);
}

static void c_functions(void **state) {
    (void)state;
    static const strata_when now = STRATA_NOW_INIT;
    static const uint8_t map[] = {0x81, 0xa1, 'a', 0x01};
    const strata_run run = STRATA_RUN_DEFAULT;
    const strata_slice types[] = {strata_text("y"), strata_text("x")};
    strata_edge edge = STRATA_EDGE_INIT;
    strata_walk walk = STRATA_WALK_INIT;
    uint64_t version = 0;
    bool flag = false;
    tie("a", "x", "b", 4);
    tie("b", "x", "c", 4);
    tie("a", "y", "d", 1);
    tie("d", "y", "c", 1);
    edge.src = strata_text("c");
    edge.type = strata_text("z");
    edge.dst = strata_text("a");
    edge.properties = strata_object(st_slice(map, sizeof map));
    assert_int_equal(strata_edge_put(db, run, &edge, &version), STRATA_OK);
    edge.properties = strata_null();
    assert_int_equal(strata_edge_get(db, run, now, &edge), STRATA_OK);
    assert_int_equal(edge.version, version);
    assert_false(edge.weighs);
    test_bytes_equal(edge.properties.as.bytes, st_slice(map, sizeof map), "the properties");
    assert_int_equal(strata_edge_get(db, run, strata_as_of(version - 1), &edge), STRATA_NOT_FOUND);
    edge.properties = strata_int(1);
    assert_int_equal(strata_edge_put(db, run, &edge, NULL), STRATA_WRONG_TYPE);

    told to = {.most = 99};
    walk.from = strata_text("a");
    assert_int_equal(strata_edge_scan(db, run, &walk, tell_edge, &to), STRATA_OK);
    assert_string_equal(to.text, "b@1:x d@1:y ");
    to = (told){.most = 1};
    assert_int_equal(strata_edge_scan(db, run, &walk, tell_edge, &to), STRATA_OK);
    assert_string_equal(to.text, "b@1:x ");
    walk.direction = STRATA_IN;
    walk.from = strata_text("c");
    walk.types = types;
    walk.type_count = 1;
    to = (told){.most = 99};
    assert_int_equal(strata_edge_scan(db, run, &walk, tell_edge, &to), STRATA_OK);
    assert_string_equal(to.text, "d@1:y ");
    walk.type_count = 2;
    assert_int_equal(strata_edge_scan(db, run, &walk, tell_edge, &to), STRATA_INVALID_ARGUMENT);

    to = (told){.most = 99};
    walk.depth = 3;
    walk.depth_first = true;
    assert_int_equal(strata_edge_traverse(db, run, &walk, tell_edge, &to, &flag), STRATA_OK);
    assert_string_equal(to.text, "b@1:x a@2:x d@1:y ");
    assert_false(flag);
    test_bytes_equal(types[0], strata_text("y"), "types are left in their order");
    to = (told){.most = 2};
    assert_int_equal(strata_edge_traverse(db, run, &walk, tell_edge, &to, NULL), STRATA_OK);
    assert_string_equal(to.text, "b@1:x a@2:x ");
    walk.type_count = 99;
    assert_int_equal(strata_edge_traverse(db, run, &walk, tell_edge, &to, NULL),
                     STRATA_INVALID_ARGUMENT);

    walk = (strata_walk)STRATA_WALK_INIT;
    walk.from = strata_text("a");
    walk.to = strata_text("c");
    walk.depth = 9;
    to = (told){.most = 99};
    assert_int_equal(strata_edge_path(db, run, &walk, tell_edge, &to, &flag), STRATA_OK);
    assert_true(flag);
    assert_string_equal(to.text, "b@1:x c@2:x ");
    walk.weighted = true;
    to = (told){.most = 99};
    assert_int_equal(strata_edge_path(db, run, &walk, tell_edge, &to, &flag), STRATA_OK);
    assert_string_equal(to.text, "d@1:y c@2:y ");
    walk.depth = 1;
    assert_int_equal(strata_edge_path(db, run, &walk, tell_edge, &to, &flag), STRATA_OK);
    assert_false(flag);
    assert_int_equal(strata_edge_delete(db, run, &edge, &flag), STRATA_OK);
    assert_true(flag);
    edge.size--;
    walk.size--;
    assert_int_equal(strata_edge_get(db, run, now, &edge), STRATA_INVALID_ARGUMENT);
    assert_int_equal(strata_edge_path(db, run, &walk, tell_edge, &to, &flag),
                     STRATA_INVALID_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_graphs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_million_edges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(c_functions, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
