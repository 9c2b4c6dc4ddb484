/* filter_sets.h - which entries of a linked part pass a filter, kept for the next search with it. */
#ifndef ST_INDEX_VECTOR_FILTER_SETS_H
#define ST_INDEX_VECTOR_FILTER_SETS_H

#include "index/vector/index.h"

/* The entries of the part (all of its rows, whether they live or not) that pass the query's filter: from what is
 * kept, or by asking for each. The set lasts while the reader's epoch does, or in the arena. Errors: those of
 * passes, no_memory. Cost: the first time a question for every row. */
strata_status st_filter_set_of(st_part *part, st_epoch *epoch, const st_vector_query *query,
                               st_arena *arena, st_node_set *set);
/* The same, if it is kept. */
bool st_filter_set_known(st_part *part, const st_vector_query *query, st_node_set *set);
/* When nobody looks at the part any more. */
void st_filter_sets_free(st_part *part);

#endif
