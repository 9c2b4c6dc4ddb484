/* touched.h - the keys that may differ between two points, found by what was written since the runs
 * parted, and not by what is there.
 */
#ifndef ST_HISTORY_TOUCHED_H
#define ST_HISTORY_TOUCHED_H

#include "history/point.h"
#include "history/trail.h"

/* The first run that is in both of two trails: the place of its level in each. All levels below are of
 * the same runs in both. */
typedef struct st_meeting {
    const st_shard *shard; /* NULL: they share nothing */
    size_t levels[2];
    uint64_t version; /* both show its commits up to this one */
} st_meeting;

st_meeting st_trails_meet(const st_trail *a, const st_trail *b);

/* Things of one primitive in order of their keys, each once: those written to one trail and not
 * to the other. */
typedef struct st_touched {
    bool here;
    st_key key; /* of the thing (st_ref_subject) where it stands */

    /* Its own. */
    struct touched_lane *lanes;
    size_t count;
} st_touched;

typedef struct st_touched_spec {
    const st_trail *trails[2];
    st_meeting meeting;
    uint8_t tag;       /* of the primitive's things */
    strata_slice past; /* a key: only what comes after it; empty: everything */
} st_touched_spec;

/* Errors: history_trimmed where that may have gone which would tell, and those of reading. Cost: what
 * was written, and what shares blocks with it. */
strata_status st_touched_start(st_touched *touched, st_request *rq, const st_touched_spec *spec);
strata_status st_touched_next(st_touched *touched);
void st_touched_end(st_touched *touched);

#endif
