/* engine_index.c - ours, the index alone: core/index/vector without a store around it.
 *
 * Keys are the four bytes of a label, a version is a write; originals are the embeddings in memory that the
 * driver has. So this is what the index costs, without commits, logs and blocks.
 */
#include "vector/engine.h"

#include <stdlib.h>
#include <string.h>

#include "index/vector/index.h"
#include "vector/machine.h"

enum {
    SLICE = 256,      /* entries of a piece of a merge */
    LINE_FLOATS = 16, /* that come from memory at once */
};

typedef struct reader {
    st_epoch_slot slot;
    st_arena arena;
} reader;

typedef struct ours {
    const vector_rows *base;
    const float **embeddings; /* by label */
    const strata_host *host;
    st_epoch epoch;
    st_vector_index *index;
    st_mutex lock; /* the writer's */
    _Atomic uint64_t version;
    st_vector_merge *merge;
    _Atomic bool merged; /* no helper is needed any more */
    reader readers[VECTOR_THREADS_MAX];
} ours;

static void must(strata_status status) {
    if (status != STRATA_OK) {
        fprintf(stderr, "engine_index: status %d\n", (int)status);
        exit(1);
    }
}

static strata_slice key_of(uint32_t label, uint8_t key[4]) {
    memcpy(key, &label, 4);
    return st_slice(key, 4);
}

static uint32_t label_of(strata_slice key) {
    uint32_t label;
    memcpy(&label, key.data, 4);
    return label;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void *create(const vector_rows *base, uint32_t labels) {
    ours *o = vector_memory(1, sizeof *o);
    const st_vector_options options = {
        .metric = ST_METRIC_COSINE, .codes = ST_CODE_I8, .dimension = base->dimension, .seed = 7};
    o->base = base;
    o->embeddings = vector_memory(labels, sizeof *o->embeddings);
    o->host = strata_host_default();
    st_mutex_init(&o->lock);
    st_epoch_init(&o->epoch, &o->host->executor);
    for (unsigned i = 0; i < VECTOR_THREADS_MAX; i++) {
        st_epoch_register(&o->epoch, &o->readers[i].slot);
        st_arena_init(&o->readers[i].arena, &o->host->memory, 0);
    }
    must(st_vector_index_create(o->host, &o->epoch, &options, &o->index));
    return o;
}

static void destroy(void *index) {
    ours *o = index;
    st_vector_merge_destroy(o->merge);
    st_vector_index_destroy(o->index);
    for (unsigned i = 0; i < VECTOR_THREADS_MAX; i++) {
        st_epoch_unregister(&o->epoch, &o->readers[i].slot);
        st_arena_free(&o->readers[i].arena);
    }
    st_epoch_reclaim_all(&o->epoch);
    free(o->embeddings);
    free(o);
}

static double bytes(void *index) {
    const ours *o = index;
    st_vector_stats stats;
    st_vector_index_stats(o->index, &stats);
    return (double)stats.bytes;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void insert(void *index, uint32_t label, const float *embedding) {
    ours *o = index;
    uint8_t key[4];
    o->embeddings[label] = embedding;
    st_mutex_lock(&o->lock, &o->host->executor);
    must(st_vector_index_add(o->index, key_of(label, key), ++o->version, embedding));
    st_mutex_unlock(&o->lock, &o->host->executor);
}

static void erase(void *index, uint32_t label) {
    ours *o = index;
    uint8_t key[4];
    st_mutex_lock(&o->lock, &o->host->executor);
    (void)st_vector_index_remove(o->index, key_of(label, key), ++o->version);
    st_mutex_unlock(&o->lock, &o->host->executor);
}

/* ---- Merging --------------------------------------------------------------------------------- */

/* Nobody reads what ended: nothing of it is kept. */
static void begin_merge(ours *o, bool all) {
    st_mutex_lock(&o->lock, &o->host->executor);
    const st_vector_merge_spec spec = {.all = all, .keep = o->version, .known = o->version};
    must(st_vector_merge_begin(o->index, &spec, &o->merge));
    st_mutex_unlock(&o->lock, &o->host->executor);
}

static void finish_merge(ours *o) {
    st_mutex_lock(&o->lock, &o->host->executor);
    must(st_vector_merge_finish(o->merge));
    st_vector_merge_destroy(o->merge);
    o->merge = NULL;
    st_mutex_unlock(&o->lock, &o->host->executor);
    st_epoch_reclaim(&o->epoch);
}

static bool work(void *index) {
    ours *o = index;
    bool done = false;
    if (o->merge == NULL) {
        begin_merge(o, false);
    }
    if (o->merge == NULL) {
        return false;
    }
    must(st_vector_merge_step(o->merge, SLICE, &done));
    if (done) {
        finish_merge(o);
    }
    return true;
}

/* Thread 0 takes the steps, the others help. */
static void merge_some(void *ctx, unsigned thread) {
    ours *o = ctx;
    bool done = false;
    while (thread == 0 && !done) {
        must(st_vector_merge_step(o->merge, SLICE, &done));
        atomic_store(&o->merged, done);
    }
    while (!atomic_load(&o->merged)) {
        bool idle;
        must(st_vector_merge_help(o->merge, SLICE, &idle));
        if (idle) {
            machine_rest();
        }
    }
}

static void build(void *index, unsigned threads) {
    ours *o = index;
    for (uint32_t label = 0; label < o->base->count; label++) {
        insert(o, label, vector_row(o->base, label));
    }
    begin_merge(o, true);
    atomic_store(&o->merged, false);
    machine_run(threads, merge_some, o);
    finish_merge(o);
}

/* ---- Searching ------------------------------------------------------------------------------- */

typedef struct asked {
    const ours *index;
    unsigned percent;
} asked;

static strata_status passes(void *ctx, const st_vector_hit *entries, uint32_t count, bool *yes) {
    const asked *a = ctx;
    for (uint32_t i = 0; i < count; i++) {
        yes[i] = vector_passes(label_of(entries[i].key) % a->index->base->count, a->percent);
    }
    return STRATA_OK;
}

/* Rows come from memory while others are compared, as those of a database do. */
static strata_status compare(void *ctx, const float *embedding, st_vector_hit *entries,
                             uint32_t count) {
    const ours *o = ((const asked *)ctx)->index;
    const st_codec *codec = st_vector_index_codec(o->index);
    const float length = st_vector_length(codec, embedding);
    const float *rows[ST_VECTOR_TOGETHER_MAX];
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = o->embeddings[label_of(entries[i].key)];
        for (uint32_t at = 0; at < o->base->dimension; at += LINE_FLOATS) {
            __builtin_prefetch(rows[i] + at);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        entries[i].distance = st_vector_distance(codec, embedding, length, rows[i]);
    }
    return STRATA_OK;
}

static uint32_t search(void *index, unsigned thread, const vector_question *question,
                       uint32_t labels[VECTOR_K]) {
    ours *o = index;
    reader *r = &o->readers[thread];
    uint64_t filter[2] = {question->percent, question->fresh};
    asked a = {o, question->percent};
    st_vector_found found;
    const st_vector_query query = {
        .embedding = question->embedding,
        .k = VECTOR_K,
        .effort = question->effort,
        .snapshot = o->version,
        .exact = question->exact,
        .passes = question->percent > 0 ? passes : NULL,
        .filter = st_slice(filter, question->percent > 0 ? sizeof filter : 0),
        .compare = compare,
        .ctx = &a,
    };
    st_epoch_enter(&o->epoch, &r->slot);
    must(st_vector_index_search(o->index, &query, &r->arena, &found));
    for (size_t i = 0; i < found.count; i++) {
        labels[i] = label_of(found.hits[i].key);
    }
    st_epoch_leave(&r->slot);
    st_arena_reset(&r->arena);
    return (uint32_t)found.count;
}

const vector_engine vector_engine_here = {
    .name = "ours-index",
    .create = create,
    .destroy = destroy,
    .build = build,
    .bytes = bytes,
    .search = search,
    .insert = insert,
    .erase = erase,
    .work = work,
};
