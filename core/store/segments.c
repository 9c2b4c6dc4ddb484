/* segments.c - the index segments of a store: which files the manifest names.
 *
 * A list in memory is what the next manifest names, as that of snapshots is.
 *
 * 1. The list changes only when a manifest that says so is on the disk.
 * 2. A number is never used again, so removing a file that no manifest names is right whenever it happens.
 * Rejected: finding the files by their names at open. A segment that was replaced a moment before a crash would be
 * there beside the one that replaced it.
 */
#include "store/segments.h"

#include "store/tables.h"

/* ---- At open and close ----------------------------------------------------------------------- */

static strata_status add(st_store *store, uint64_t number, uint64_t bytes) {
    st_live_segment *segment = st_alloc(&store->host->memory, sizeof *segment);
    st_live_segment **link = &store->segments;
    if (segment == NULL) {
        return STRATA_NO_MEMORY;
    }
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *segment = (st_live_segment){NULL, number, bytes};
    *link = segment;
    return STRATA_OK;
}

static void drop(st_store *store, uint64_t number) {
    st_live_segment **link = &store->segments;
    while (*link != NULL && (*link)->number != number) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        st_live_segment *segment = *link;
        *link = segment->next;
        st_free(&store->host->memory, segment, sizeof *segment);
    }
}

strata_status st_segments_load(st_store *store, const st_live_file *files, size_t count,
                               strata_error *error) {
    for (size_t i = 0; i < count; i++) {
        if (files[i].kind == ST_FILE_SEGMENT &&
            add(store, files[i].number, files[i].bytes) != STRATA_OK) {
            return st_fail_memory(error);
        }
    }
    return STRATA_OK;
}

void st_segments_free(st_store *store) {
    while (store->segments != NULL) {
        drop(store, store->segments->number);
    }
}

/* ---- Which there are ------------------------------------------------------------------------- */

size_t st_segments_count(const st_store *store) {
    size_t count = 0;
    for (const st_live_segment *at = store->segments; at != NULL; at = at->next) {
        count++;
    }
    return count;
}

void st_segments_list_files(const st_store *store, st_live_file *files) {
    for (const st_live_segment *at = store->segments; at != NULL; at = at->next) {
        *files++ = (st_live_file){ST_FILE_SEGMENT, 0, at->number, at->bytes};
    }
}

bool st_segments_have(const st_store *store, uint64_t number) {
    const st_live_segment *at = store->segments;
    while (at != NULL && at->number != number) {
        at = at->next;
    }
    return at != NULL;
}

strata_status st_segments_numbers(st_store *store, strata_buffer *out) {
    strata_status status = STRATA_OK;
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    for (const st_live_segment *at = store->segments; at != NULL && status == STRATA_OK;
         at = at->next) {
        status = st_buffer_append(out, &at->number, sizeof at->number);
    }
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    return status;
}

/* ---- Changing -------------------------------------------------------------------------------- */

st_segment_spec st_segments_spec(st_store *store, uint64_t number) {
    return (st_segment_spec){.host = store->host,
                             .path = store->path,
                             .uuid = store->manifest.uuid,
                             .number = number,
                             .kind = ST_SEGMENT_VECTORS};
}

uint64_t st_segments_next_number(st_store *store) {
    return st_tables_next_number(store);
}

static bool is_removed(const st_segments_change *change, uint64_t number) {
    bool found = false;
    for (size_t i = 0; i < change->removed_count && !found; i++) {
        found = change->removed[i] == number;
    }
    return found;
}

/* Those that the change removes, in a list of their own. */
static st_live_segment *set_aside(st_store *store, const st_segments_change *change) {
    st_live_segment **link = &store->segments;
    st_live_segment *aside = NULL;
    while (*link != NULL) {
        st_live_segment *at = *link;
        if (is_removed(change, at->number)) {
            *link = at->next;
            at->next = aside;
            aside = at;
        } else {
            link = &at->next;
        }
    }
    return aside;
}

/* They come back, or go for good. */
static void settle_aside(st_store *store, st_live_segment *aside, bool good) {
    while (aside != NULL) {
        st_live_segment *at = aside;
        aside = at->next;
        if (good) {
            st_free(&store->host->memory, at, sizeof *at);
        } else {
            at->next = store->segments;
            store->segments = at;
        }
    }
}

static strata_status replace_locked(st_store *store, const st_segments_change *change,
                                    strata_error *error) {
    size_t added = 0;
    while (added < change->added_count &&
           add(store, change->added[added].number, change->added[added].bytes) == STRATA_OK) {
        added++;
    }
    strata_status status = STRATA_OK;
    if (added < change->added_count) {
        status = st_fail_memory(error);
    } else {
        st_live_segment *aside = set_aside(store, change);
        status = st_tables_write_manifest(store, error);
        settle_aside(store, aside, status == STRATA_OK);
    }
    for (size_t i = 0; i < added && status != STRATA_OK; i++) {
        drop(store, change->added[i].number);
    }
    return status;
}

strata_status st_segments_replace(st_store *store, const st_segments_change *change,
                                  strata_error *error) {
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    const strata_status status = replace_locked(store, change, error);
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    return status;
}

void st_segments_remove_file(const st_store *store, uint64_t number) {
    char name[ST_FILE_NAME_MAX + 1024];
    st_segment_name(name, sizeof name, store->path, number);
    /* What cannot be removed now is an orphan at the next opening. */
    (void)store->host->storage.remove(store->host->storage.ctx, name);
}
