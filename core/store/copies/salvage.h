/* salvage.h - what can still be read of a damaged table, and of a damaged log. */
#ifndef ST_STORE_COPIES_SALVAGE_H
#define ST_STORE_COPIES_SALVAGE_H

#include "store/store.h"

/* What was found and what was not. */
typedef struct st_salvage {
    uint64_t entries;  /* read */
    uint64_t expected; /* how many the table says it has; 0: that could not be read */
    uint64_t values;   /* entries whose value, kept apart, is gone: they are not among those read */
    uint64_t gaps;     /* stretches of the file that hold nothing that is whole */
    uint64_t gap_bytes;
    bool gave_up;        /* what was left looked like blocks everywhere */
    uint64_t number_max; /* the newest version */
} st_salvage;

typedef struct st_salvage_sink {
    void *ctx;
    /* An entry as in a table, in order. Not OK ends the salvage with that status. */
    strata_status (*entry)(void *ctx, strata_slice key, const st_revision *revision);
    /* A stretch that holds nothing: between what keys it lies. Empty: there is none on that side. */
    void (*gap)(void *ctx, uint64_t from, uint64_t to, strata_slice before, strata_slice after);
} st_salvage_sink;

/* Reads DATA/tab-N.tab of the database from one end to the other, going by nothing but the blocks
 * themselves: header, index and footer may be damaged as well. Bounded time and memory. Errors:
 * not_found, io, no_memory, and those of the sink; damage is none. */
strata_status st_salvage_table(const st_table_spec *spec, const st_salvage_sink *sink,
                               st_salvage *found, strata_error *error);

/* What is after the place where a log cannot be read on. */
typedef struct st_salvage_log {
    uint64_t commits; /* that are whole, and lost all the same */
    uint64_t version; /* of the newest of them; 0: there is none */
    uint64_t bytes;
} st_salvage_log;

/* Counts the records in segment N from that offset on, whose versions are above `version`. Adds to
 * *found. Errors: io, no_memory. */
strata_status st_salvage_count(const strata_host *host, const char *path, uint64_t segment,
                               uint64_t offset, uint64_t version, st_salvage_log *found);

#endif
