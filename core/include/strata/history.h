/* history.h - the part of strata.h about history: log, replay, diff, merge, explain. Include strata.h.
 *
 * Things are named by references: "kv:city", "event:7", "json:plan", "edge:a>knows>b"; all of them, and how
 * a name with a separator in it is written, are in docs/operations.md under history.log. What visitors are
 * given is borrowed until they return; they must not call anything with this handle, and false ends the
 * walk. None of these can be part of a transaction: forbidden.
 */
#ifndef STRATA_HISTORY_H
#define STRATA_HISTORY_H

#include "strata/strata.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct strata_change {
    strata_slice ref;
    bool deleted;
    strata_value value; /* in a replay, unless it is deleted */
} strata_change;

typedef struct strata_commit {
    uint64_t version;
    int64_t timestamp_us;
    strata_slice label;           /* of its transaction; empty: none */
    strata_slice trace;           /* the id of a trace record; empty: none */
    const strata_change *changes; /* in a log at most 100 */
    size_t shown;
    size_t total;
} strata_commit;

typedef bool (*strata_commit_visit)(void *arg, const strata_commit *commit);

typedef struct strata_history_range {
    size_t size;       /* sizeof(strata_history_range) */
    uint64_t from;     /* from this commit on; 0: from the first that is kept */
    strata_when until; /* up to this commit or time */
    strata_slice ref;  /* only commits that changed this thing; empty: all */
    bool oldest_first; /* else the newest */
    bool with_values;  /* all that each commit wrote: a replay */
} strata_history_range;

#define STRATA_HISTORY_RANGE_INIT                                                                  \
    {sizeof(strata_history_range), 0, STRATA_NOW_INIT, {NULL, 0}, false, false}

/* Visits the commits of a run; of a fork also those of what it was forked from. range NULL: all, newest
 * first. Errors: invalid_key (the reference), history_trimmed (from, and some of it may be gone),
 * invalid_argument, forbidden. */
strata_status strata_history_log(strata_db *db, strata_run run, const strata_history_range *range,
                                 strata_commit_visit visit, void *arg) STRATA_MUST_USE;

typedef struct strata_difference {
    strata_slice ref;
    const strata_entry *before; /* NULL: it was not there */
    const strata_entry *after;  /* NULL: it is not there */
} strata_difference;

typedef bool (*strata_difference_visit)(void *arg, const strata_difference *difference);

/* Visits what differs between two points, primitive by primitive, in order of key. Cost: of a run and
 * its fork, or two forks, or two points of one run, what was written since they parted. Errors:
 * history_trimmed, invalid_argument, forbidden. */
strata_status strata_history_diff(strata_db *db, strata_run run, strata_when when, strata_run other,
                                  strata_when other_when, strata_difference_visit visit,
                                  void *arg) STRATA_MUST_USE;

typedef enum strata_merge_strategy {
    STRATA_MERGE_STRICT = 0, /* what both have changed is an error */
    STRATA_MERGE_THEIRS,     /* the source's value counts */
    STRATA_MERGE_OURS        /* the target's */
} strata_merge_strategy;

typedef struct strata_merged {
    uint64_t taken;     /* things that are as in the source now */
    uint64_t events;    /* that were appended */
    uint64_t conflicts; /* things that both had changed */
    uint64_t version;   /* the commit; 0: there was nothing to write */
} strata_merged;

/* Takes over into the target what its fork, or another fork of the same run, has changed since they
 * parted, in one commit or not at all. merged may be NULL. Errors: invalid_argument (they share nothing),
 * conflict {conflicts, key} (strict), conflict {key} (the target was changed meanwhile: merge again),
 * constraint {run_closed, txn_too_large, commit_too_large}, forbidden. */
strata_status strata_history_merge(strata_db *db, strata_run source, strata_run target,
                                   strata_merge_strategy strategy,
                                   strata_merged *merged) STRATA_MUST_USE;

/* A version of a thing, and the commit that wrote it. */
typedef struct strata_explained {
    uint32_t node; /* its number, from 0 */
    uint32_t
        parent; /* that of what had read it; its own: a version of the thing that was asked about */
    uint32_t depth;
    strata_slice ref;
    uint64_t version; /* 0: it was not there */
    int64_t timestamp_us;
    bool deleted;
    bool again; /* it came before, and is explained there */
    bool has_value;
    strata_value value;
    strata_slice label; /* of the commit */
    strata_slice trace;
} strata_explained;

typedef bool (*strata_explained_visit)(void *arg, const strata_explained *node);

typedef struct strata_explain {
    size_t size;       /* sizeof(strata_explain) */
    strata_when when;  /* as a reader then saw it */
    uint32_t versions; /* of the thing itself, 1-1000 */
    uint32_t depth;    /* levels below them, at most 100 */
} strata_explain;

#define STRATA_EXPLAIN_INIT {sizeof(strata_explain), STRATA_NOW_INIT, 10, 3}

/* Visits the versions of a thing, newest first, then what the commits that wrote them had read, and so
 * on, level by level: at most 1000 nodes. options NULL: those of STRATA_EXPLAIN_INIT. What was read is
 * known where the run keeps provenance. Errors: invalid_key (the reference), not_found (then),
 * invalid_argument (options), forbidden. */
strata_status strata_history_explain(strata_db *db, strata_run run, strata_slice ref,
                                     const strata_explain *options, strata_explained_visit visit,
                                     void *arg) STRATA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
