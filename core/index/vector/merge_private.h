/* merge_private.h - a merge that goes on. */
#ifndef ST_INDEX_VECTOR_MERGE_PRIVATE_H
#define ST_INDEX_VECTOR_MERGE_PRIVATE_H

#include "index/vector/index_private.h"

typedef enum st_merge_phase {
    ST_MERGE_NUMBER,
    ST_MERGE_COPY,
    ST_MERGE_TAKE,
    ST_MERGE_LINK,
    ST_MERGE_MEND,
    ST_MERGE_DONE
} st_merge_phase;

/* One of the parts that are merged. */
typedef struct st_merge_source {
    st_part *part;
    uint32_t count; /* rows when the merge began */
    uint32_t *
        rows; /* where each went: its row in the output, times 2, plus 1 in that of the past; ST_NO_NODE */
} st_merge_source;

/* One of the parts that are made. */
typedef struct st_merge_output {
    st_part *part; /* NULL: it would be empty */
    uint32_t count;
    uint32_t base;         /* the source whose links it takes over; ST_NO_NODE: none */
    uint32_t taken;        /* rows that came with their links */
    _Atomic uint32_t next; /* row to link */
    _Atomic uint32_t linked;
} st_merge_output;

struct st_vector_merge {
    st_vector_index *index;
    uint64_t keep;
    uint64_t known;       /* as in st_vector_merge_spec */
    uint64_t covered;     /* up to this version all is in what is made, or in files */
    st_row_reader reader; /* of whoever makes steps */
    bool saved;           /* what is made is kept, and its sources no longer */
    _Atomic int phase;
    uint32_t source_count;
    uint32_t at;                /* where copying is: the source, */
    uint32_t row;               /* and its row */
    st_merge_output outputs[2]; /* what lives, what has ended */
    st_merge_source sources[];
};

#endif
