/* make.c - makes the data of the benchmarks of vectors.
 *
 *     vector_make clustered NAME COUNT QUERIES DIMENSION
 *     vector_make stanzas NAME COUNT QUERIES DIMENSION < text
 *     vector_make truth NAME DIMENSION
 *
 * `truth` compares every query with every row, by two threads if there are two processors.
 */
#include "vector/make.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_LEN = 1024, THREADS = 2, LISTS = 1 + VECTOR_PERCENTS };

/* ---- Files ----------------------------------------------------------------------------------- */

static void path_of(char path[PATH_LEN], const char *name, const char *what) {
    snprintf(path, PATH_LEN, "%s.%s", name, what);
}

static FILE *create(const char *name, const char *what) {
    char path[PATH_LEN];
    path_of(path, name, what);
    return vector_open(path, "wb");
}

FILE *vector_create(const vector_wanted *wanted, const char *what) {
    return create(wanted->name, what);
}

void vector_write_row(FILE *file, const float *row, uint32_t dimension) {
    (void)fwrite(row, sizeof *row, dimension, file); /* seen in vector_finish */
}

void vector_finish(FILE *file) {
    if (ferror(file) || fclose(file) != 0) {
        perror("vector_make");
        exit(1);
    }
}

/* ---- Exact answers --------------------------------------------------------------------------- */

/* The nearest so far, in order; equally near ones by number. */
typedef struct nearest {
    uint32_t most;
    uint32_t count;
    float dots[VECTOR_TRUTH];
    int32_t rows[VECTOR_TRUTH];
} nearest;

typedef struct truth {
    vector_rows base;
    vector_rows queries;
    int32_t *answers[LISTS];
    uint8_t *lists; /* of each base row the lists that it may be in, a bit each */
    _Atomic uint32_t next;
} truth;

static uint32_t most_of(unsigned list) {
    return list == 0 ? VECTOR_TRUTH : VECTOR_K;
}

static void offer(nearest *n, float dot, int32_t row) {
    if (n->count == n->most && dot <= n->dots[n->most - 1]) {
        return;
    }
    uint32_t at = n->count < n->most ? n->count++ : n->most - 1;
    for (; at > 0 && n->dots[at - 1] < dot; at--) {
        n->dots[at] = n->dots[at - 1];
        n->rows[at] = n->rows[at - 1];
    }
    n->dots[at] = dot;
    n->rows[at] = row;
}

static void answer(truth *t, uint32_t query) {
    nearest lists[LISTS];
    for (unsigned list = 0; list < LISTS; list++) {
        lists[list].most = most_of(list);
        lists[list].count = 0;
    }
    for (uint32_t row = 0; row < t->base.count; row++) {
        const float dot = vector_dot(vector_row(&t->base, row), vector_row(&t->queries, query),
                                     t->base.dimension);
        for (unsigned list = 0; list < LISTS; list++) {
            if ((t->lists[row] >> list & 1) != 0) {
                offer(&lists[list], dot, (int32_t)row);
            }
        }
    }
    for (unsigned list = 0; list < LISTS; list++) {
        memcpy(t->answers[list] + (size_t)query * most_of(list), lists[list].rows,
               most_of(list) * sizeof(int32_t));
    }
}

static void *answer_some(void *ctx) {
    truth *t = ctx;
    for (uint32_t query = t->next++; query < t->queries.count; query = t->next++) {
        answer(t, query);
    }
    return NULL;
}

static void write_answers(const truth *t, const char *name) {
    for (unsigned list = 0; list < LISTS; list++) {
        char what[32] = "truth.i32";
        if (list > 0) {
            snprintf(what, sizeof what, "truth.%u.i32", vector_percents[list - 1]);
        }
        FILE *file = create(name, what);
        (void)fwrite(t->answers[list], sizeof(int32_t), (size_t)t->queries.count * most_of(list),
                     file);
        vector_finish(file);
    }
}

static void make_truth(const char *name, uint32_t dimension) {
    char path[PATH_LEN];
    truth t = {.next = 0};
    pthread_t threads[THREADS];
    path_of(path, name, "base.f32");
    t.base = vector_rows_read(path, dimension);
    path_of(path, name, "query.f32");
    t.queries = vector_rows_read(path, dimension);
    t.lists = vector_memory(t.base.count, 1);
    for (uint32_t row = 0; row < t.base.count; row++) {
        t.lists[row] = 1;
        for (unsigned i = 0; i < VECTOR_PERCENTS; i++) {
            t.lists[row] |= (uint8_t)(vector_passes(row, vector_percents[i]) << (i + 1));
        }
    }
    for (unsigned list = 0; list < LISTS; list++) {
        t.answers[list] = vector_memory((size_t)t.queries.count * most_of(list), sizeof(int32_t));
    }
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, answer_some, &t) != 0) {
            perror("vector_make");
            exit(1);
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    write_answers(&t, name);
}

/* ---- Commands -------------------------------------------------------------------------------- */

static uint32_t number(const char *text) {
    return (uint32_t)strtoul(text, NULL, 10);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "truth") == 0) {
        make_truth(argv[2], number(argv[3]));
        return 0;
    }
    if (argc == 6) {
        const vector_wanted wanted = {argv[2], number(argv[3]), number(argv[4]), number(argv[5])};
        if (strcmp(argv[1], "clustered") == 0) {
            vector_make_clustered(&wanted);
            return 0;
        }
        if (strcmp(argv[1], "stanzas") == 0) {
            vector_make_stanzas(&wanted);
            return 0;
        }
    }
    fprintf(stderr, "usage: vector_make clustered|stanzas NAME COUNT QUERIES DIMENSION\n"
                    "       vector_make truth NAME DIMENSION\n");
    return 2;
}
