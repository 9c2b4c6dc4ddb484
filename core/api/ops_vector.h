/* ops_vector.h - what the operations on vectors share. */
#ifndef ST_API_OPS_VECTOR_H
#define ST_API_OPS_VECTOR_H

#include "api/ops.h"
#include "model/vector/vector.h"

/* The numbers of an argument, in the arena: bytes, or an array of numbers. Errors: invalid_argument
 * {argument: embedding}. */
strata_status st_call_embedding(st_call *call, const strata_value *value, const float **embedding,
                                uint32_t *dimension);
/* How many entries a scan goes over. Errors: as st_vector_scan. */
strata_status st_vector_count(st_call *call, const st_run *run, const st_vector_page *page,
                              uint64_t *count);

#endif
