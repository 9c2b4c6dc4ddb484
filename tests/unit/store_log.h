/* store_log.h - small logs for the tests of the store: databases opened below the API, so that a
 * segment may be a few hundred bytes long.
 */
#ifndef STRATA_TEST_STORE_LOG_H
#define STRATA_TEST_STORE_LOG_H

#include "store/maintain/maintain.h"
#include "store/read.h"
#include "store/tables.h"
#include "store_support.h"

/* Opens the store in "db". segment_bytes: any. *error is filled when that fails. */
strata_status store_open(sim *s, st_store *store, strata_durability durability,
                         uint64_t segment_bytes, uint32_t flags, strata_error *error);
/* Commits one put (value NULL: a delete) under the kv tag to a run; fails the test unless OK. */
uint64_t store_put(st_store *store, uint64_t run, const char *key, const char *value);
strata_status store_try_put(st_store *store, uint64_t run, const char *key, const char *value);
/* The value of the key that readers see; NULL when there is none. Borrowed until the next call. */
const char *store_get(st_store *store, uint64_t run, const char *key);
/* A reader of the store with an epoch and memory of its own. */
typedef struct store_reading {
    st_reader reader;
    st_arena arena;
    st_epoch_slot slot;
    strata_error error;
} store_reading;

void store_reading_begin(store_reading *reading, st_store *store);
void store_reading_end(store_reading *reading);

/* `count` commits "k0", "k1", ... to runs 1 to 3, with values of seeded lengths. */
void store_fill(st_store *store, size_t first, size_t count);

/* The text or number of a field of an error; fails the test when it is missing. */
const char *error_text(const strata_error *error, const char *name);
uint64_t error_number(const strata_error *error, const char *name);

/* Where the frames of a segment begin and end; returns how many there are. */
size_t frames_of(strata_slice segment, uint64_t *starts, size_t max);

#endif
