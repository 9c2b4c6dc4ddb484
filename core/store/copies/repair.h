/* repair.h - making a database that opens of one that does not. */
#ifndef ST_STORE_COPIES_REPAIR_H
#define ST_STORE_COPIES_REPAIR_H

#include "store/store.h"

enum { ST_REPAIR_TEXT_MAX = 320 };

/* What became of one file. */
typedef struct st_repair_item {
    char file[ST_FILE_NAME_MAX];
    char moved[ST_FILE_NAME_MAX]; /* where it is now; empty: where it was, or nowhere */
    uint64_t kept;                /* entries or commits of it that were saved */
    char what[ST_REPAIR_TEXT_MAX];
} st_repair_item;

typedef struct st_repair_report {
    bool changed;          /* there was something to do */
    bool is_prefix;        /* the state is that after some commit; else it is what could be found */
    uint64_t version;      /* the last commit of the state */
    uint64_t commits_lost; /* that are known: at least so many */
    uint64_t
        lost_from; /* the first and the last version of those, or of what was promised; 0: none */
    uint64_t lost_to;
    uint64_t item_count; /* may be more than were kept */
    st_repair_item items[ST_PROBLEMS_MAX];
} st_repair_report;

/* Repairs the closed database in `path`; one that is sound is left alone. Nothing is deleted that is
 * not whole in another file: what was damaged goes into the folder LOST. Afterwards the database
 * opens and verifies. A crash in the middle leaves what can be repaired again. Errors: not_found (there
 * is none), busy, corrupt (there is nothing to begin with), invalid_argument (a newer format), io,
 * no_space, no_memory. */
strata_status st_repair(const strata_host *host, const char *path, st_repair_report *report,
                        strata_error *error);

#endif
