/* revision.h - one version of one key, as the parts of the store hand it to each other. */
#ifndef ST_STORE_REVISION_H
#define ST_STORE_REVISION_H

#include "base/std.h"

/* A value without a time to live. */
#define ST_NEVER INT64_MAX

typedef struct st_revision {
    uint64_t number;      /* the commit */
    int64_t timestamp_us; /* of the commit; within a run it never goes down */
    int64_t expires_us;   /* from then on it reads as deleted; ST_NEVER: it has no end */
    bool deleted;         /* a delete is a version; its value is empty */
    bool trimmed;         /* older versions of the key were there and were not kept */
    bool hole;            /* nor was this one, though an older one was; it is `deleted` too */
    strata_slice value;   /* borrowed; whoever fills this in says until when */
} st_revision;

/* What a reader may see: the versions for which both hold. */
typedef struct st_bound {
    uint64_t version; /* number <= version; UINT64_MAX: all */
    int64_t time_us;  /* timestamp_us <= time_us, and the clock for times to live; INT64_MAX: now */
    /* It is not a snapshot of now, or one that is held: what it needs may be trimmed, and by version
     * there is no telling what time it was. */
    bool past;
    bool own; /* what the reader's own transaction has written comes first */
} st_bound;

/* Everything up to a commit that is the newest one, or a snapshot that is held; as of now. */
static inline st_bound st_bound_version(uint64_t version) {
    const st_bound bound = {version, INT64_MAX, false, false};
    return bound;
}

static inline bool st_bound_holds(const st_bound *bound, uint64_t number, int64_t timestamp_us) {
    return number <= bound->version && timestamp_us <= bound->time_us;
}

#endif
