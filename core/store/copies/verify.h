/* verify.h - reads every byte of a database and reports what does not hold. */
#ifndef ST_STORE_COPIES_VERIFY_H
#define ST_STORE_COPIES_VERIFY_H

#include "store/store.h"

typedef struct st_problem {
    char file[ST_FILE_NAME_MAX];
    uint64_t offset;
    char what[STRATA_ERROR_TEXT_MAX];
} st_problem;

typedef struct st_report {
    uint64_t files;
    uint64_t bytes;
    uint64_t commits;
    uint64_t problem_count; /* may be more than were kept */
    st_problem problems[ST_PROBLEMS_MAX];
    uint64_t unnamed_count; /* files that nothing names; may be more than were kept */
    char unnamed[ST_PROBLEMS_MAX][ST_FILE_NAME_MAX];
} st_report;

void st_report_problem(st_report *report, const char *file, uint64_t offset, const char *what);

/* Checks the files in `path` and adds to the report; damage is no error. A torn end of the log is
 * no damage: it was promised to nobody, and opening cuts it. Errors: not_found, io, no_memory,
 * invalid_argument (a newer format). */
strata_status st_verify_files(const strata_host *host, const char *path, st_report *report,
                              strata_error *error);
/* The same for an open store that others go on using: what it reads stays meanwhile. */
strata_status st_verify_store(st_store *store, st_report *report, strata_error *error);

#endif
