/* main.c - measures the engine that it was linked with.
 *
 *     vector_ENGINE NAME DIMENSION SECONDS
 *
 * Reads commands from standard input and answers each with a line of JSON; so bench/vector/run.py lets several
 * engines take turns, and noise meets them alike. NAME: the data, as in data.h. SECONDS: for how long a search is
 * repeated, in whole passes over the queries.
 *
 *     build THREADS                    a new index
 *     search EFFORT THREADS            recall, queries a second, latencies; memory by then, over that before the build
 *     filter EFFORT PERCENT known|new  the same under a filter that was asked for before, or was not
 *     exact                            comparing with everything
 *     insert COUNT                     into the index as it is, each looked for afterwards
 *     churn PERCENT                    so many are erased, and come back under other labels
 *     open                             what was stored, once more, and the first search of it
 *
 * A label counts for recall if it lives, was not counted before, and is at least as near as the truth's last: equally
 * near ones are as good. Recall is found out after the clock has stopped.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vector/engine.h"
#include "vector/machine.h"

enum { LINE_LEN = 256, PATH_LEN = 1024, SAMPLES_MAX = 1 << 18, INSERTS_MAX = 1 << 17, WARM = 200 };

/* Of two dot products of one pair, added in different orders. */
#define ROUNDING 1e-5f

typedef struct run run;

typedef struct bench {
    const vector_engine *engine;
    const char *name;
    vector_rows base;
    vector_rows queries;
    vector_rows inserted;
    int32_t *truth;
    int32_t *truth_passing[VECTOR_PERCENTS];
    double seconds;
    void *index;
    double resident; /* before the index was built */
    bool *moved;     /* of each base row: whether it lives under a label of the second turn */
    uint32_t inserted_count;
    uint64_t fresh;
} bench;

/* One measurement of searches; each thread has its own samples and answers. */
struct run {
    bench *b;
    vector_question question;
    bool fresh; /* each query has a filter of its own */
    uint32_t counts[VECTOR_THREADS_MAX];
    uint32_t *samples[VECTOR_THREADS_MAX]; /* nanoseconds */
    uint32_t *answers;                     /* of thread 0: VECTOR_K and how many, of each query */
    uint64_t end;
};

/* ---- Data ------------------------------------------------------------------------------------ */

static const char *path_of(char path[PATH_LEN], const bench *b, const char *what) {
    snprintf(path, PATH_LEN, "%s.%s", b->name, what);
    return path;
}

static void load(bench *b, uint32_t dimension) {
    char path[PATH_LEN];
    char what[32];
    size_t count;
    b->base = vector_rows_read(path_of(path, b, "base.f32"), dimension);
    b->queries = vector_rows_read(path_of(path, b, "query.f32"), dimension);
    b->truth = vector_read(path_of(path, b, "truth.i32"), &count);
    for (unsigned i = 0; i < VECTOR_PERCENTS; i++) {
        snprintf(what, sizeof what, "truth.%u.i32", vector_percents[i]);
        b->truth_passing[i] = vector_read(path_of(path, b, what), &count);
    }
    b->moved = vector_memory(b->base.count, sizeof *b->moved);
}

/* ---- Searching ------------------------------------------------------------------------------- */

static void search_one(run *r, unsigned thread, uint32_t query, uint64_t fresh) {
    uint32_t labels[VECTOR_K];
    vector_question question = r->question;
    question.embedding = vector_row(&r->b->queries, query);
    question.fresh = fresh;
    const uint64_t start = machine_now_ns();
    const uint32_t count = r->b->engine->search(r->b->index, thread, &question, labels);
    const uint64_t took = machine_now_ns() - start;
    if (r->counts[thread] < SAMPLES_MAX) {
        r->samples[thread][r->counts[thread]] = (uint32_t)(took < UINT32_MAX ? took : UINT32_MAX);
    }
    r->counts[thread]++;
    if (thread == 0) {
        uint32_t *answer = r->answers + (size_t)query * (VECTOR_K + 1);
        memcpy(answer, labels, sizeof labels);
        answer[VECTOR_K] = count;
    }
}

static void search_some(void *ctx, unsigned thread) {
    run *r = ctx;
    const uint32_t count = r->b->queries.count;
    do {
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t query = (i + thread * count / 2) % count;
            const uint64_t serial = r->fresh ? r->b->fresh + i + 1 : 0;
            search_one(r, thread, query, serial);
        }
        if (r->fresh) {
            r->b->fresh += count; /* by one thread only */
        }
    } while (machine_now_ns() < r->end);
}

static int32_t truth_of(const run *r, uint32_t query) {
    const unsigned percent = r->question.percent;
    for (unsigned i = 0; i < VECTOR_PERCENTS; i++) {
        if (percent == vector_percents[i]) {
            return r->b->truth_passing[i][(size_t)query * VECTOR_K + VECTOR_K - 1];
        }
    }
    return r->b->truth[(size_t)query * VECTOR_TRUTH + VECTOR_K - 1];
}

/* The base row of a label that lives and passes, or -1. */
static int64_t row_of(const run *r, uint32_t label) {
    const uint32_t count = r->b->base.count;
    const uint32_t row = label % count;
    const bool lives = label < 2 * count && r->b->moved[row] == (label >= count);
    const bool passes = r->question.percent == 0 || vector_passes(row, r->question.percent);
    return lives && passes ? (int64_t)row : -1;
}

static uint32_t count_hits(const run *r, uint32_t query) {
    const vector_rows *base = &r->b->base;
    const uint32_t *answer = r->answers + (size_t)query * (VECTOR_K + 1);
    const float *embedding = vector_row(&r->b->queries, query);
    const float least =
        vector_dot(vector_row(base, (uint32_t)truth_of(r, query)), embedding, base->dimension);
    uint32_t hits = 0;
    for (uint32_t i = 0; i < answer[VECTOR_K]; i++) {
        const int64_t row = row_of(r, answer[i]);
        bool again = false;
        for (uint32_t j = 0; j < i; j++) {
            again = again || answer[j] == answer[i];
        }
        if (row >= 0 && !again) {
            const float dot =
                vector_dot(vector_row(base, (uint32_t)row), embedding, base->dimension);
            hits += dot >= least - ROUNDING;
        }
    }
    return hits;
}

static int compare_samples(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void report_search(run *r, unsigned threads, double took, double cpu) {
    uint64_t count = 0;
    uint64_t hits = 0;
    const uint32_t kept = r->counts[0] < SAMPLES_MAX ? r->counts[0] : SAMPLES_MAX;
    for (unsigned i = 0; i < threads; i++) {
        count += r->counts[i];
    }
    for (uint32_t query = 0; query < r->b->queries.count; query++) {
        hits += count_hits(r, query);
    }
    qsort(r->samples[0], kept, sizeof *r->samples[0], compare_samples);
    printf("{\"recall\":%.5f,\"rate\":%.6g,\"count\":%llu,\"cpu_us\":%.5g,\"p50_us\":%.5g,"
           "\"p99_us\":%.5g,\"resident\":%.8g}\n",
           (double)hits / (double)(r->b->queries.count * VECTOR_K), (double)count / took,
           (unsigned long long)count, cpu * 1e6 / (double)count, r->samples[0][kept / 2] / 1e3,
           r->samples[0][(size_t)kept * 99 / 100] / 1e3, machine_resident() - r->b->resident);
}

static void search(bench *b, const vector_question *question, bool fresh, unsigned threads) {
    run r = {.b = b, .question = *question, .fresh = fresh};
    r.answers = vector_memory((size_t)b->queries.count * (VECTOR_K + 1), sizeof *r.answers);
    for (unsigned i = 0; i < threads; i++) {
        r.samples[i] = vector_memory(SAMPLES_MAX, sizeof *r.samples[i]);
        for (uint32_t query = 0; query < WARM && query < b->queries.count; query++) {
            search_one(&r, i, query,
                       0); /* others had the caches, and what is done once is not measured */
        }
        r.counts[i] = 0;
    }
    const double cpu = machine_cpu();
    const uint64_t start = machine_now_ns();
    r.end = start + (uint64_t)(b->seconds * 1e9);
    machine_run(threads, search_some, &r);
    const uint64_t took = machine_now_ns() - start;
    report_search(&r, threads, (double)took * 1e-9, machine_cpu() - cpu);
    for (unsigned i = 0; i < threads; i++) {
        free(r.samples[i]);
    }
    free(r.answers);
}

/* ---- Building and changing ------------------------------------------------------------------- */

static void build(bench *b, unsigned threads) {
    if (b->index != NULL) {
        b->engine->destroy(b->index);
    }
    memset(b->moved, 0, b->base.count * sizeof *b->moved);
    b->inserted_count = 0;
    b->resident = machine_resident();
    b->index = b->engine->create(&b->base, 2 * b->base.count + INSERTS_MAX);
    const double cpu = machine_cpu();
    const uint64_t start = machine_now_ns();
    b->engine->build(b->index, threads);
    const double took = (double)(machine_now_ns() - start) * 1e-9;
    printf("{\"seconds\":%.5g,\"cpu_s\":%.5g,\"count\":%u,\"bytes\":%.8g}\n", took,
           machine_cpu() - cpu, b->base.count,
           b->engine->bytes != NULL ? b->engine->bytes(b->index) : 0);
}

typedef struct changing {
    bench *b;
    uint32_t count;
    _Atomic bool done;
    uint32_t found;
    double took;
    uint32_t *samples;
} changing;

/* All that is done in the background, while there are changes; and then the rest. */
static void work_beside(changing *c) {
    for (;;) {
        const bool last = c->done;
        const bool some = c->b->engine->work(c->b->index);
        if (!some && last) {
            return;
        }
        if (!some) {
            machine_rest();
        }
    }
}

/* Whether the label is what is found by its own embedding. */
static bool finds(bench *b, uint32_t label, const float *embedding) {
    uint32_t labels[VECTOR_K];
    const vector_question question = {.embedding = embedding, .effort = 64};
    const uint32_t count = b->engine->search(b->index, 0, &question, labels);
    bool found = false;
    for (uint32_t i = 0; i < count; i++) {
        found = found || labels[i] == label;
    }
    return found;
}

static void insert_all(changing *c) {
    bench *b = c->b;
    const uint32_t first = 2 * b->base.count + b->inserted_count;
    for (uint32_t i = 0; i < c->count; i++) {
        const float *embedding = vector_row(&b->inserted, b->inserted_count + i);
        const uint64_t start = machine_now_ns();
        b->engine->insert(b->index, first + i, embedding);
        const uint64_t took = machine_now_ns() - start;
        c->samples[i] = (uint32_t)(took < UINT32_MAX ? took : UINT32_MAX);
        c->took += (double)took * 1e-9;
        c->found += finds(b, first + i, embedding);
    }
    c->done = true;
}

static void insert_or_work(void *ctx, unsigned thread) {
    changing *c = ctx;
    if (thread == 1) {
        work_beside(c);
        return;
    }
    insert_all(c);
}

/* New points between two of the base. */
static void make_inserted(bench *b) {
    uint64_t state = 9;
    b->inserted = (vector_rows){INSERTS_MAX, b->base.dimension, NULL};
    b->inserted.at = vector_memory((size_t)INSERTS_MAX * b->base.dimension, sizeof(float));
    for (uint32_t i = 0; i < INSERTS_MAX; i++) {
        float *row = vector_row(&b->inserted, i);
        const float *near = vector_row(&b->base, (uint32_t)(vector_random(&state) % b->base.count));
        const float *far = vector_row(&b->base, (uint32_t)(vector_random(&state) % b->base.count));
        for (uint32_t j = 0; j < b->base.dimension; j++) {
            row[j] = 0.8f * near[j] + 0.2f * far[j];
        }
        vector_normalise(row, b->base.dimension);
    }
}

static void insert(bench *b, uint32_t count) {
    changing c = {.b = b, .count = count};
    if (b->inserted.at == NULL) {
        make_inserted(b);
    }
    if (b->inserted_count + count > INSERTS_MAX) {
        fprintf(stderr, "vector: too many inserts\n");
        exit(1);
    }
    c.samples = vector_memory(count, sizeof *c.samples);
    const uint64_t start = machine_now_ns();
    machine_run(b->engine->work != NULL && machine_threads() > 1 ? 2 : 1, insert_or_work, &c);
    const double all = (double)(machine_now_ns() - start) * 1e-9;
    qsort(c.samples, count, sizeof *c.samples, compare_samples);
    printf("{\"rate\":%.6g,\"p50_us\":%.5g,\"p99_us\":%.5g,\"worst_us\":%.5g,\"visible\":%.5g,"
           "\"count\":%u,\"all_s\":%.5g}\n",
           count / c.took, c.samples[count / 2] / 1e3, c.samples[(size_t)count * 99 / 100] / 1e3,
           c.samples[count - 1] / 1e3, (double)c.found / count, count, all);
    b->inserted_count += count;
    free(c.samples);
}

/* So many of a hundred are erased, all of them, before the first comes back. */
static void churn_all(changing *c) {
    bench *b = c->b;
    const uint32_t count = b->base.count;
    uint32_t *rows = vector_memory(count, sizeof *rows);
    uint64_t state = 5;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t other = (uint32_t)(vector_random(&state) % (i + 1));
        rows[i] = rows[other];
        rows[other] = i;
    }
    for (uint32_t i = 0; i < c->count; i++) {
        b->engine->erase(b->index, rows[i]);
        b->moved[rows[i]] = true;
    }
    for (uint32_t i = c->count; i > 0; i--) {
        b->engine->insert(b->index, count + rows[i - 1], vector_row(&b->base, rows[i - 1]));
    }
    c->done = true;
    free(rows);
}

static void churn_or_work(void *ctx, unsigned thread) {
    changing *c = ctx;
    if (thread == 1) {
        work_beside(c);
        return;
    }
    churn_all(c);
}

static void churn(bench *b, unsigned percent) {
    changing c = {.b = b, .count = (uint32_t)((uint64_t)b->base.count * percent / 100)};
    const double cpu = machine_cpu();
    const uint64_t start = machine_now_ns();
    machine_run(b->engine->work != NULL && machine_threads() > 1 ? 2 : 1, churn_or_work, &c);
    printf("{\"seconds\":%.5g,\"cpu_s\":%.5g,\"bytes\":%.8g}\n",
           (double)(machine_now_ns() - start) * 1e-9, machine_cpu() - cpu,
           b->engine->bytes != NULL ? b->engine->bytes(b->index) : 0);
}

static void open_again(bench *b) {
    uint32_t labels[VECTOR_K];
    const vector_question question = {.embedding = vector_row(&b->queries, 0), .effort = 64};
    const double opened = b->engine->reopen(b->index);
    const uint64_t start = machine_now_ns();
    (void)b->engine->search(b->index, 0, &question, labels);
    const double searched = (double)(machine_now_ns() - start) * 1e-9;
    printf("{\"seconds\":%.5g,\"first_s\":%.5g,\"count\":%u}\n", opened + searched, searched,
           b->base.count);
}

/* ---- Commands -------------------------------------------------------------------------------- */

static bool obey(bench *b, const char *line) {
    char how[16] = "";
    unsigned x = 0;
    unsigned y = 0;
    vector_question question = {.effort = VECTOR_K};
    if (sscanf(line, "build %u", &x) == 1) {
        build(b, x);
    } else if (sscanf(line, "search %u %u", &x, &y) == 2) {
        question.effort = x;
        search(b, &question, false, y);
    } else if (sscanf(line, "filter %u %u %15s", &x, &y, how) == 3) {
        question.effort = x;
        question.percent = y;
        search(b, &question, strcmp(how, "new") == 0, 1);
    } else if (strncmp(line, "exact", 5) == 0) {
        question.exact = true;
        search(b, &question, false, 1);
    } else if (sscanf(line, "insert %u", &x) == 1) {
        insert(b, x);
    } else if (sscanf(line, "churn %u", &x) == 1) {
        churn(b, x);
    } else if (strncmp(line, "open", 4) == 0 && b->engine->reopen != NULL) {
        open_again(b);
    } else {
        return false;
    }
    fflush(stdout);
    return true;
}

int main(int argc, char **argv) {
    char line[LINE_LEN];
    if (argc != 4) {
        fprintf(stderr, "usage: vector_ENGINE NAME DIMENSION SECONDS\n");
        return 2;
    }
    bench b = {.engine = &vector_engine_here, .name = argv[1], .seconds = strtod(argv[3], NULL)};
    load(&b, (uint32_t)strtoul(argv[2], NULL, 10));
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (!obey(&b, line)) {
            fprintf(stderr, "vector: what is this: %s\n", line);
            return 2;
        }
    }
    return 0;
}
