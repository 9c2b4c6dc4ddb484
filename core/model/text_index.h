/* text_index.h - the text index that a run keeps in memory, as long as it does. */
#ifndef ST_MODEL_TEXT_INDEX_H
#define ST_MODEL_TEXT_INDEX_H

#include "base/epoch.h"
#include "index/text/head.h"

typedef struct st_run_index {
    st_retired retired; /* first: what the epoch knows it by */
    const strata_allocator *memory;
    st_text_head *head;
    uint64_t base; /* it can be searched at this version and above */
} st_run_index;

/* Nobody reads it any more, or ever has. NULL is fine. */
void st_run_index_destroy(st_run_index *index);
/* The same, for an epoch. */
void st_run_index_reclaim(st_retired *retired);

#endif
