/* engine.h - what is measured: an index behind a table of functions.
 *
 * A program has one engine, `vector_engine_here`, and main.c; so an index has a process of its own, and with it its
 * resident size. An engine that cannot do something leaves its function out, and is not asked.
 * Labels are numbers: those below the base's count are its rows; of label l, row l % count says whether it passes a
 * filter. Functions end the process when they fail.
 */
#ifndef BENCH_VECTOR_ENGINE_H
#define BENCH_VECTOR_ENGINE_H

#include "vector/data.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VECTOR_THREADS_MAX = 8, VECTOR_LINKS = 16, VECTOR_EFFORT_BUILD = 200 };

typedef struct vector_question {
    const float *embedding;
    uint32_t effort;  /* candidates of a walk */
    unsigned percent; /* of the labels pass: those that vector_passes says; 0: all */
    uint64_t fresh;   /* not 0: the filter is one that was never asked for before */
    bool exact;       /* compare with everything */
} vector_question;

typedef struct vector_engine {
    const char *name;
    /* Labels are below `labels`; about as many as the base has rows live at once. base: lasts as long. */
    void *(*create)(const vector_rows *base, uint32_t labels);
    void (*destroy)(void *index);
    /* Adds the base rows, with so many threads, and leaves nothing to be done later. */
    void (*build)(void *index, unsigned threads);
    /* The index's own count of its memory. */
    double (*bytes)(void *index);
    /* The labels of the VECTOR_K nearest, or fewer. By up to VECTOR_THREADS_MAX threads at once, each with a number
     * of its own. */
    uint32_t (*search)(void *index, unsigned thread, const vector_question *question,
                       uint32_t labels[VECTOR_K]);
    /* One more, which the next search finds. The embedding lasts as long as the index. By one thread. */
    void (*insert)(void *index, uint32_t label, const float *embedding);
    void (*erase)(void *index, uint32_t label);
    /* A piece of what is done in the background, beside insert and search, by one thread; false: there was nothing
     * to do. */
    bool (*work)(void *index);
    /* Closes it and opens it again; the seconds of the latter. NULL: it lives in memory alone. */
    double (*reopen)(void *index);
} vector_engine;

extern const vector_engine vector_engine_here;

#ifdef __cplusplus
}
#endif

#endif
