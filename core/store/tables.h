/* tables.h - the tables of a store as a set: loading them, replacing some by others. */
#ifndef ST_STORE_TABLES_H
#define ST_STORE_TABLES_H

#include "store/store.h"

/* At open: opens the tables that the manifest names. files: its st_live_files. Errors: corrupt
 * {file, offset}, io, no_memory. */
strata_status st_tables_load(st_store *store, const st_live_file *files, size_t count,
                             strata_error *error);
/* At close: nobody reads any more. */
void st_tables_free(st_store *store);
/* At open for writing: removes files that no manifest and no snapshot names. */
strata_status st_tables_remove_orphans(st_store *store, strata_error *error);

static inline st_view *st_tables_view(const st_store *store) {
    return atomic_load_explicit((st_view * _Atomic *)&store->view, memory_order_acquire);
}

/* A number for a new file. */
uint64_t st_tables_next_number(st_store *store);
/* Opens a table that was just built. */
strata_status st_tables_open(st_store *store, uint64_t number, st_table **table,
                             strata_error *error);

/* The table is not, or no longer, in a view. removes: its file too, which nothing else names. */
void st_tables_close(st_store *store, st_table *table, bool removes);

/* Whether the newest view has the table. Under manifest_lock. */
bool st_tables_has(const st_store *store, uint64_t number);
void st_tables_remove_file(const st_store *store, uint64_t number);

/* What changes in the manifest together with the tables. */
typedef struct st_install {
    st_view_change change;
    uint64_t watermark; /* 0: as it was */
    uint64_t wal_first; /* 0: as it was */
    uint64_t floor_version;
    int64_t floor_us; /* both only ever go up */
    uint64_t trims;   /* of the store's clock, when versions were trimmed; 0: none were */
    bool moves;       /* those added are those removed, in another level */
} st_install;

/* Writes the manifest, then shows the tables to readers; those removed are closed, and their files
 * removed, once nobody reads them. Under the maintenance lock. On an error nothing has changed, but
 * a manifest that names the new tables may be on the disk: their files must stay. */
strata_status st_tables_install(st_store *store, const st_install *install, strata_error *error);

/* Writes the manifest anew with what is known of the log: it is whole up to there. Errors: as
 * st_manifest_write. */
strata_status st_tables_record_log(st_store *store, const st_wal_position *at, strata_error *error);

/* The first run from `run` on that tables have anything of; *found false: there is none. Errors: as
 * st_table_iter_seek. */
strata_status st_tables_next_run(const st_store *store, uint64_t run, uint64_t *next, bool *found,
                                 strata_error *error);

/* Writes the manifest anew, with the snapshots of now. Under manifest_lock. Errors: the same. */
strata_status st_tables_write_manifest(st_store *store, strata_error *error);

/* The tables of one moment, with the manifest that describes them and no snapshots; the files stay
 * until it is released. */
typedef struct st_capture {
    st_manifest manifest;
    st_live_file *files; /* manifest.file_count of them */
    uint64_t bytes;      /* of all of them */
    struct st_pin_set *pins;
} st_capture;

/* Errors: no_memory. */
strata_status st_tables_capture(st_store *store, st_capture *capture, strata_error *error);
/* pins may have been taken over by somebody: NULL then. */
void st_tables_release(st_store *store, st_capture *capture);

/* Bytes of all tables. */
uint64_t st_tables_bytes(const st_view *view);

/* The spec of a table of this store. */
void st_tables_spec(const st_store *store, uint64_t number, st_table_spec *spec);

#endif
