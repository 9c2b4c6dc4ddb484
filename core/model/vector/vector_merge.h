/* vector_merge.h - merging the parts of vector indexes, in the background.
 *
 * Threads. Any may call any of these; one at a time merges, others wait for it or pass by.
 */
#ifndef ST_MODEL_VECTOR_VECTOR_MERGE_H
#define ST_MODEL_VECTOR_VECTOR_MERGE_H

#include "model/model.h"

/* At open. Errors: no_memory. */
strata_status st_vectors_open(st_model *model, strata_error *error);
/* Before the runs and the store are freed: nobody calls any more. */
void st_vectors_close(st_model *model);

/* An index has changed, or is new: there may be something to merge. */
void st_vectors_changed(st_model *model);
/* Indexes have come or gone, so that they may take more memory, or less. The caller has no lock. */
void st_vectors_fit(st_model *model);
/* On hosts without threads: copies or links about so many entries. *more: there is more to do. */
void st_vectors_work(st_model *model, uint32_t entries, bool *more);
/* Merges all parts of every index into one. The caller is in no epoch. Errors: no_memory, closed; corrupt,
 * io: what an index, or the run, has in files could not be read. */
strata_status st_vectors_compact(st_model *model, strata_error *error);

#endif
