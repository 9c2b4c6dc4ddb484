/* store_model.h - a store below the API with a model beside it that keeps every version.
 *
 * Commit v is a function of the seed and of v alone: keys of all kinds, values of all lengths,
 * deletes, times to live. So after a crash that took some commits the same ones can be made again,
 * and what a store shows at commit v is known for every v. The comparison asks for points, scans in
 * both directions and histories, inside bounds of all kinds, and takes only the exact answer, or
 * history_trimmed where the retention allows it.
 */
#ifndef STRATA_TEST_STORE_MODEL_H
#define STRATA_TEST_STORE_MODEL_H

#include "format/key.h"
#include "store_log.h"

enum { SM_RUNS = 3, SM_KEYS = 24, SM_WRITES_MAX = 5 };

typedef struct sm_version {
    uint64_t number;
    int64_t timestamp_us;
    int64_t expires_us; /* ST_NEVER: it has no end */
    bool deleted;
    size_t len;    /* of its value, */
    uint64_t seed; /* which is made of this */
} sm_version;

typedef struct sm_list {
    sm_version *versions; /* from the oldest to the newest */
    size_t count;
    size_t cap;
} sm_list;

typedef struct store_model {
    uint64_t seed;
    size_t value_bytes;   /* the usual most */
    st_key keys[SM_KEYS]; /* in order */
    sm_list lists[SM_RUNS][SM_KEYS];
    uint64_t last;    /* commits in the model */
    int64_t now_us;   /* the latest time that the store was shown */
    st_policy policy; /* that its store drops by */
} store_model;

void sm_init(store_model *model, uint64_t seed, size_t value_bytes);
void sm_free(store_model *model);
/* As after commit `version`. */
void sm_truncate(store_model *model, uint64_t version);

/* Opens the store in "db", with room for very little in memory, and gives it the model's policy. */
strata_status sm_open(sim *s, store_model *model, st_store *store, strata_durability durability,
                      strata_error *error);
/* Makes commit last + 1 in the store and, when that succeeds, in the model. */
strata_status sm_commit(sim *s, store_model *model, st_store *store);
/* The same, to the model alone. */
void sm_assume(store_model *model);

/* Sets the clock of the machine back to the last commit of the model; right after opening. */
void sm_set_clock(sim *s, store_model *model);

/* What is there at the bound; NULL: nothing that was ever written. */
const sm_version *sm_find(const store_model *model, size_t run, size_t key, const st_bound *bound);
bool sm_is_live(const store_model *model, const sm_version *version, const st_bound *bound);
/* The value, in memory that lasts until the fourth call after this one. */
strata_slice sm_value(const sm_version *version);

/* Fails the test unless the store answers as the model does. Some questions by chance: */
void sm_probe(const store_model *model, st_store *store, uint64_t *chance, unsigned questions);
/* All there is at every bound that makes a difference; in proportion to commits times keys. */
void sm_check(const store_model *model, st_store *store);

/* One scan, kept open while other things happen. */
typedef struct sm_scan {
    const store_model *model;
    st_store *store;
    store_reading reading;
    st_scan *scan;
    st_key low;
    st_key high;
    st_bound bound;
    size_t run;
    bool reverse;
    size_t at; /* keys of the model that it is past; from the end in reverse */
} sm_scan;

/* A scan of a run inside the bound, between two keys drawn by chance. */
void sm_scan_begin(sm_scan *scan, const store_model *model, st_store *store, size_t run,
                   const st_bound *bound, uint64_t *chance);
/* Compares where it stands and moves on; false: it has ended. */
bool sm_scan_step(sm_scan *scan);
void sm_scan_end(sm_scan *scan);

/* Every file that is in the folder "db" is one that the store knows of. */
void sm_check_files(sim *s, const st_store *store);
/* Fails the test unless verification finds nothing. */
void sm_verify(sim *s);

#endif
