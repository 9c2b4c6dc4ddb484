/* trim.h - retention, applied to entries on their way from old places to new ones.
 *
 * One thread at a time, under the maintenance lock.
 */
#ifndef ST_STORE_MAINTAIN_TRIM_H
#define ST_STORE_MAINTAIN_TRIM_H

#include "store/floor.h"
#include "store/forks.h"
#include "store/maintain/retain.h"
#include "store/store.h"

typedef struct st_trim_sink {
    void *ctx;
    /* An entry that is kept; key: of a table. Errors: ends the work. */
    strata_status (*write)(void *ctx, strata_slice key, const st_revision *revision,
                           strata_error *error);
    /* Whether there may be older versions of the key where nobody looks now. */
    bool (*is_deeper)(void *ctx, strata_slice key);
} st_trim_sink;

typedef struct st_trim_floor {
    st_floor floor;
    uint64_t number; /* of the newest version that has gone; 0: none has */
    int64_t timestamp_us;
    bool ends; /* one that ended by itself has gone now */
} st_trim_floor;

typedef struct st_trim {
    st_store *store;
    st_trim_sink sink;
    st_retention retention;
    int64_t now_us;
    uint64_t in_tables; /* the commits up to there are */

    uint64_t versions_removed;
    st_floor floor;     /* the highest that it made */
    uint64_t captures;  /* of the store's clock (store.h), at the last snapshot */
    bool ends;          /* some floor has `ends` */
    uint64_t floor_id;  /* 0: not taken yet */
    strata_buffer made; /* floors of the runs that are done */

    /* The run. */
    uint64_t run;
    uint64_t snapshot; /* what readers of it may look at is newer, or seen at it; once captured */
    st_policy policy;  /* of `tag` in it */
    st_trim_floor floors[256]; /* by tag; once has_floors */

    /* The key. */
    st_retain retain;
    uint64_t kept;
    st_fork_point newer; /* the version before */
    st_fork_point lost;  /* the oldest version that was dropped since one was kept; once has_lost */
    st_revision waiting; /* the last that was kept: what comes after it decides of its mark */
    strata_buffer value; /* of it */
    size_t key_len;
    uint8_t key[ST_TABLE_KEY_MAX];

    uint8_t tag;
    bool begun; /* there was a key */
    bool captured;
    bool has_floors;
    bool plain; /* all versions of the key are kept */
    bool folds; /* it is a floor */
    bool waits;
    bool has_lost;
    bool is_fork; /* the run is */
    st_fork_state state;
} st_trim;

void st_trim_init(st_trim *trim, st_store *store, const st_trim_sink *sink);
void st_trim_free(st_trim *trim);

/* Another key, above the one before, comes now. */
strata_status st_trim_key(st_trim *trim, strata_slice key, strata_error *error);
static inline strata_slice st_trim_key_now(const st_trim *trim) {
    return st_slice(trim->key, trim->begun ? trim->key_len : 0);
}
/* Whether the whole run of the key goes: nothing of it need be looked at. */
static inline bool st_trim_run_goes(const st_trim *trim) {
    return trim->begun && trim->state == ST_RUN_DEAD;
}
/* The next older version of the key: whether it is to be taken. */
bool st_trim_wants(st_trim *trim, const st_revision *revision);
/* Takes it, now with its value. Errors: corrupt (a floor), no_memory, and those of the sink. */
strata_status st_trim_take(st_trim *trim, const st_revision *revision, strata_error *error);
/* There are no more keys. */
strata_status st_trim_finish(st_trim *trim, strata_error *error);

#endif
