/* show.h - what is stored under a key, as the Value that a user knows it by. */
#ifndef ST_MODEL_SHOW_H
#define ST_MODEL_SHOW_H

#include "model/page.h"

/* One version of a key that has a text form (model/ref.h). */
typedef struct st_shown {
    const st_run *run; /* that it was read of */
    strata_slice key;
    strata_slice stored;
    st_bound bound; /* at which it was read: for a thing that is more than one key */
} st_shown;

/* Appends it as canonical MessagePack: of kv the value; of an event {type, payload}; of a memory
 * {text, tags?, metadata?}; of a run its record. The reader's memory is used. Errors: corrupt {file},
 * no_memory, and those of reading. */
strata_status st_show(st_request *rq, const st_shown *shown, strata_buffer *out);

#endif
