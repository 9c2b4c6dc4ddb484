/* repair_private.h - what the files of repair share. */
#ifndef ST_STORE_COPIES_REPAIR_PRIVATE_H
#define ST_STORE_COPIES_REPAIR_PRIVATE_H

#include "store/copies/repair.h"
#include "store/snapshot.h"
#include "store/table/table.h"
#include "store/tables.h"

typedef struct st_repair_state {
    /* Nobody opened it: path, host, manifest and shards, for the parts of the store that want one. */
    st_store store;
    st_repair_report *report;
    strata_error *error;
    st_block_cache *cache;
    strata_buffer files;     /* st_live_file: of the manifest to be written */
    strata_buffer replaced;  /* st_replaced: tables that are no longer what they were */
    strata_buffer removals;  /* names inside the database, each ended with NUL: to go at the end */
    strata_buffer data;      /* uint64_t: numbers of the files in DATA, */
    strata_buffer log;       /* of the segments in WAL, */
    strata_buffer snapshots; /* and of those in SNAPSHOTS; each in order */
} st_repair_state;

typedef struct st_replaced {
    uint64_t number;
    st_live_file by; /* number 0: by nothing */
} st_replaced;

/* Adds an item to the report; NULL when it is full. what: its text. */
st_repair_item *st_repair_tell(st_repair_state *r, const char *file, const char *what);

/* Fills the three lists of numbers. Errors: io, no_memory. */
strata_status st_repair_list(st_repair_state *r);
/* The last of a list; 0 when it is empty. */
uint64_t st_repair_highest(const strata_buffer *numbers);
/* The manifest gives out no number that a file has. */
void st_repair_pass_numbers(st_repair_state *r);

/* Copies a file (its name inside the database) into LOST. moved: the name of the copy, of an item; may
 * be NULL. *there: there was one. */
strata_status st_repair_copy_aside(st_repair_state *r, const char *name, char *moved, bool *there);
/* Copies a file (its name inside the database) into LOST, and has the original removed at the end. One
 * that is not there is no error. moved: of its item; may be NULL. */
strata_status st_repair_set_aside(st_repair_state *r, const char *name, char *moved);
/* Has the file removed at the end. Errors: no_memory. */
strata_status st_repair_remove_later(st_repair_state *r, const char *name);

/* Removes what was to be removed. */
void st_repair_remove_now(const st_repair_state *r);

/* What was found out of the table of that number; NULL: nothing yet. */
const st_replaced *st_repair_replaced(const st_repair_state *r, uint64_t number);
/* Adds the snapshot to the files, with what is left of its tables. *lost: it cannot be read, and what
 * it needed is not known. */
strata_status st_repair_snapshot(st_repair_state *r, const st_live_file *file, bool *lost);

/* Opens and verifies a table; *table NULL: it is damaged, and detail says how. */
strata_status st_repair_check(st_repair_state *r, uint64_t number, st_table **table,
                              strata_error *detail);
/* Writes what can be read of a damaged table into a new one. *made: its entry in a manifest, of that
 * level; number 0: there was nothing. Told, and set aside. detail: what is wrong with it. */
strata_status st_repair_salvage(st_repair_state *r, uint64_t number, unsigned level,
                                const strata_error *detail, st_live_file *made);
/* Makes a table of the commits of the log above the watermark, as far as it can be read; the rest is
 * counted as lost, all segments are set aside. The watermark and the beginning of the log go up.
 * *made: number 0: there was none. */
strata_status st_repair_log(st_repair_state *r, const strata_error *detail, st_live_file *made);

/* There is no manifest: fills that of the state, and files, from what the files say of themselves. */
strata_status st_repair_rebuild(st_repair_state *r);

#endif
