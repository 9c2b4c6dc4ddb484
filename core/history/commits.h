/* commits.h - the commits of a run: which there were, and what each of them changed. */
#ifndef ST_HISTORY_COMMITS_H
#define ST_HISTORY_COMMITS_H

#include "history/point.h"
#include "history/trail.h"

enum {
    ST_CHANGES_SHOWN = 100, /* of one commit, where they are only named */
    /* Of one page; one that comes so far ends, but for a commit that is larger by itself. */
    ST_HISTORY_BYTES_MAX = 4 << 20,
};

typedef struct st_commits_spec {
    uint64_t after;      /* commits above this one */
    uint64_t until;      /* up to this one */
    const st_key *thing; /* that changed this one; NULL: any */
    bool oldest_first;
    bool with_values; /* and then all changes of a commit, else the first ST_CHANGES_SHOWN */
    bool exact;       /* history_trimmed if some of it may be gone */
    size_t limit;
} st_commits_spec;

typedef struct st_commit_change {
    strata_slice key; /* of the thing (st_ref_subject) */
    bool deleted;
    strata_slice value; /* canonical MessagePack; with_values: empty if deleted, or gone */
} st_commit_change;

typedef struct st_commit_entry {
    uint64_t version;
    int64_t timestamp_us;
    strata_slice label; /* empty: none */
    strata_slice trace; /* the id of a trace record; empty: none */
    const st_commit_change *changes;
    size_t shown; /* of the changes, */
    size_t total; /* and how many there are */
} st_commit_entry;

typedef struct st_commit_list {
    st_commit_entry *commits; /* of the arena, as all that is in them */
    size_t count;
    bool more;         /* there are others behind */
    uint64_t earliest; /* below this commit some, or their values, may be gone; 0: none is */
} st_commit_list;

/* A page of the commits of a trail. Errors: history_trimmed, corrupt, no_memory, and those of
 * reading. Cost: two passes over what the commits of the page, or newer ones, share blocks with; memory
 * in proportion to the page. */
strata_status st_commits_read(st_request *rq, const st_point *point, const st_trail *trail,
                              const st_commits_spec *spec, st_commit_list *list);

/* Fills in what some commits of the trail changed. list: with the versions, ascending. */
strata_status st_commits_of(st_request *rq, const st_point *point, const st_trail *trail,
                            st_commit_list *list);

#endif
