/* vector_home.h - where the indexes of collections are kept: segments of the store, by run and name. */
#ifndef ST_MODEL_VECTOR_VECTOR_HOME_H
#define ST_MODEL_VECTOR_VECTOR_HOME_H

#include "index/vector/index.h"
#include "model/page.h"
#include "store/copies/verify.h"

/* Room for the owner's bytes of a home. */
typedef struct st_home_room {
    uint8_t bytes[8 + ST_NAME_BYTES_MAX];
} st_home_room;

/* The home of a collection; it lies in the room. The name empty: what all those of the run begin with. */
st_vector_home st_vector_home_of(st_model *model, const st_run *run, strata_slice name,
                                 st_home_room *room);

/* The segments of a collection that was dropped, or of a run that was deleted, are named no more. Not under the run's
 * lock. What fails is left for the next opening of that name, and only costs room. */
void st_vector_home_leave(st_request *rq, const st_run *run, strata_slice name);

/* Looks at all segments: are their graphs whole? Problems go into the report. Errors: no_memory, io. */
strata_status st_vector_homes_verify(st_request *rq, st_report *report);

#endif
