/* forks.h - runs that begin as another run was at some point, and what they keep of it.
 *
 * A fork's shard names a base and a point (memtable/shard.h): what the fork has nothing of is read
 * there. Threads: any.
 */
#ifndef ST_STORE_FORKS_H
#define ST_STORE_FORKS_H

#include "store/read.h"
#include "store/store.h"

/* A point that somebody asks for, and the run that has what is seen then. */
typedef struct st_fork_target {
    st_fork_point asked;
    bool now; /* it is the present of the run that is forked, of which nothing is missing */
    st_shard *base;
    st_fork_point point; /* in it */
    uint64_t kept_from;  /* if the base has nothing left of then; in the run that is forked */
} st_fork_target;

/* Finds where a fork of `shard` at target->asked reads on: the run of its chain whose own commits can be
 * seen then, or the last one. */
void st_fork_find_base(st_shard *shard, st_fork_target *target);

/* What is seen at that point stays, from here on. Errors: history_trimmed {requested or requested_time,
 * earliest_retained, policy}, corrupt, io, no_memory. */
strata_status st_fork_pin(st_reader *reader, const st_fork_target *target) STRATA_MUST_USE;
/* The same at open, of a fork that was made then. Errors: no_memory. */
strata_status st_fork_pin_again(st_store *store, st_shard *base, const st_fork_point *point,
                                strata_error *error) STRATA_MUST_USE;
/* It was pinned, and the fork did not come to be. */
void st_fork_unpin(st_store *store, st_shard *base, const st_fork_point *point);

typedef struct st_fork_link {
    st_shard *base;
    st_fork_point point;
    uint64_t since; /* no commit of the fork is older, in number and in time */
    int64_t since_us;
} st_fork_link;

/* The shard, which no reader knows yet, becomes the fork. */
void st_fork_begin(st_store *store, st_shard *shard, const st_fork_link *link);

/* The run was deleted by that commit, under its lock. Its versions go when tables are merged, but for
 * those that forks see; and what it sees of its own base, once it is not needed itself. */
void st_fork_bury(st_store *store, st_shard *shard, uint64_t version);

/* ---- For maintenance ------------------------------------------------------------------------- */

/* Deleted forks that nobody sees anything of let go of what they see, if their end is in tables up to
 * that version: it cannot be lost any more. */
void st_forks_settle(st_store *store, uint64_t version);

/* What of a run may be dropped. */
typedef enum st_fork_state {
    ST_RUN_LIVES, /* what retention says, */
    ST_RUN_GOES,  /* all but what forks see, */
    ST_RUN_DEAD   /* all. */
} st_fork_state;

/* version: what is in tables, or will be when something goes. Before the model has told of the runs,
 * each lives. */
st_fork_state st_fork_state_of(st_store *store, uint64_t run, uint64_t version);

/* A version that a merge would drop. */
typedef struct st_fork_drop {
    uint64_t run;
    st_fork_span span; /* where it can be seen */
    bool trims;        /* points from there on up to the next that is kept cannot be forked from */
    st_fork_point kept;
} st_fork_drop;

/* Whether it may be: no fork sees it. From then on none will. */
bool st_fork_may_drop(st_store *store, const st_fork_drop *drop);

#endif
