/* segments.h - the index segments of a store: which files the manifest names.
 *
 * What is in them, and when they are replaced, is for the indexes to know. They are derived: a store whose segments
 * are all gone has lost nothing but time.
 * Threads: any.
 */
#ifndef ST_STORE_SEGMENTS_H
#define ST_STORE_SEGMENTS_H

#include "store/segment/segment_file.h"
#include "store/store.h"

typedef struct st_live_segment {
    struct st_live_segment *next;
    uint64_t number;
    uint64_t bytes;
} st_live_segment;

/* At open: those that the manifest names; they are not read. Errors: no_memory. */
strata_status st_segments_load(st_store *store, const st_live_file *files, size_t count,
                               strata_error *error);
/* At close. */
void st_segments_free(st_store *store);

/* The following under manifest_lock. */
size_t st_segments_count(const st_store *store);
void st_segments_list_files(const st_store *store, st_live_file *files);
bool st_segments_have(const st_store *store, uint64_t number);

/* Whether segments can be written: there is a folder, and what was committed can be made durable before them. */
static inline bool st_segments_possible(const st_store *store) {
    return store->lock != NULL && store->wal.durability != STRATA_MEMORY;
}

/* The numbers of now (uint64_t), appended to out. Errors: no_memory. */
strata_status st_segments_numbers(st_store *store, strata_buffer *out);

/* A file for a new one. path and uuid are borrowed from the store. */
st_segment_spec st_segments_spec(st_store *store, uint64_t number);
uint64_t st_segments_next_number(st_store *store);

typedef struct st_segments_change {
    const st_live_segment *added; /* written and synced; next is not used */
    size_t added_count;
    const uint64_t *removed;
    size_t removed_count;
} st_segments_change;

/* Writes the manifest with some more and some less. Files of those removed stay: whoever still reads one removes it,
 * or the next opening does. Errors: as st_manifest_write; nothing has changed then, but a manifest that names the new
 * ones may be on the disk: their files must stay. */
strata_status st_segments_replace(st_store *store, const st_segments_change *change,
                                  strata_error *error);

void st_segments_remove_file(const st_store *store, uint64_t number);

#endif
