/* unite.h - the merge of one run into another: three ways, against what they have in common. */
#ifndef ST_HISTORY_UNITE_H
#define ST_HISTORY_UNITE_H

#include "history/point.h"

typedef enum st_strategy {
    ST_MERGE_STRICT, /* a conflict is an error */
    ST_MERGE_THEIRS, /* the source's value counts */
    ST_MERGE_OURS,   /* the target's */
} st_strategy;

/* Both have changed a thing since the runs parted, and not to the same; NULL: it is not there. */
typedef struct st_merge_conflict {
    strata_slice key;
    strata_slice pointer; /* of a document: what of it; empty: all */
    const st_revision *base;
    const st_revision *source;
    const st_revision *target;
} st_merge_conflict;

typedef struct st_unite_spec {
    st_run *source;
    strata_slice source_name;
    st_run *target;
    st_strategy strategy;
    bool dry_run;
    /* Is shown each conflict, all of it borrowed until it returns. */
    strata_status (*conflict)(void *ctx, const st_merge_conflict *conflict);
    void *ctx;
} st_unite_spec;

typedef struct st_united {
    uint64_t taken; /* things that are as in the source now */
    uint64_t events;
    uint64_t conflicts;
    uint64_t version; /* the commit; 0: there was nothing to write */
} st_united;

/* Takes what the source has changed since the runs parted over into the target, in one commit, or in
 * none. Events of the source are appended to the target's, those that an earlier merge has brought
 * left out. Errors: invalid_argument (the same run; runs that share nothing), conflict {conflicts, key}
 * (strict), conflict (the target was changed meanwhile), constraint {run_closed, txn_too_large,
 * commit_too_large}, history_trimmed, and those of reading and writing. */
strata_status st_unite(st_request *rq, const st_unite_spec *spec, st_united *united);

#endif
