/* index_private.h - what the files of the vector index share. */
#ifndef ST_INDEX_VECTOR_INDEX_PRIVATE_H
#define ST_INDEX_VECTOR_INDEX_PRIVATE_H

#include "index/vector/index.h"

enum {
    ST_VECTOR_HEAD_ROWS =
        4096, /* a scan of so many codes costs less than a walk through a large graph */
    ST_VECTOR_PARTS_MAX = 512,    /* of one index; merging keeps them far below */
    ST_VECTOR_EFFORT_BUILD = 200, /* candidates for the links of a new node */
};

/* The parts at a moment: oldest first, the head last. Immutable. */
typedef struct st_vector_view {
    st_retired retired; /* first: what is retired is the view */
    const strata_allocator *memory;
    uint32_t room;
    uint32_t count;
    st_part *parts[];
} st_vector_view;

/* Scratch of searches that go on; taken by a reader and given back. */
typedef struct st_vector_scratch {
    struct st_vector_scratch *next;
    st_row_reader reader;
    st_walk walk;
} st_vector_scratch;

struct st_vector_index {
    const strata_host *host;
    st_epoch *epoch;
    st_codec codec;
    uint64_t seed;
    uint32_t head_rows;
    st_row_pool *pool;    /* NULL: none */
    st_row_reader writer; /* whoever has the run's lock */
    st_vector_view *_Atomic view;
    bool merging;
    st_mutex scratch_lock;
    st_vector_scratch *scratch;
};

static inline st_vector_view *st_vector_view_of(const st_vector_index *index) {
    return atomic_load_explicit((st_vector_view * _Atomic *)&index->view, memory_order_seq_cst);
}

/* A view without parts but with room for them. Errors: no_memory. */
strata_status st_vector_view_create(const strata_allocator *memory, uint32_t count,
                                    st_vector_view **view);
/* It has only the first `count` parts of its room. */
static inline void st_vector_view_cut(st_vector_view *view, uint32_t count) {
    view->count = count;
}
/* Readers see it from now on; the old one goes when nobody looks at it. */
void st_vector_view_show(st_vector_index *index, st_vector_view *view);

strata_status st_vector_part_create(st_vector_index *index, uint32_t capacity, st_part **part);

/* Errors: no_memory. */
strata_status st_vector_scratch_take(const st_vector_index *index, st_vector_scratch **scratch);
void st_vector_scratch_give(const st_vector_index *index, st_vector_scratch *scratch);

#endif
