/* kv.h - keys and values of a run. */
#ifndef ST_MODEL_KV_H
#define ST_MODEL_KV_H

#include "model/page.h"

/* Keys are checked by every function: invalid_key. Writes: constraint {run_closed}, and what
 * st_commit_finish returns. */

/* What is to be stored. */
typedef struct st_kv_item {
    strata_slice key;
    const strata_value *value;
    uint64_t ttl_ms; /* 0: it stays */
} st_kv_item;

/* Times to live: a hundred years are for ever, and none is a mistake. */
enum { ST_KV_MANY_MAX = 1000 };
#define ST_TTL_MS_MAX UINT64_C(3155760000000)
/* Errors: invalid_argument. */
strata_status st_ttl_check(st_request *rq, uint64_t ttl_ms);

/* When a write with it ends; of st_write. */
int64_t st_kv_expiry(st_request *rq, uint64_t ttl_ms);

strata_status st_kv_put(st_request *rq, st_run *run, const st_kv_item *item, st_stamp *stamp);

/* The version of the key that has a value then: canonical MessagePack, borrowed until the request
 * ends. Errors: not_found, history_trimmed, invalid_argument. */
strata_status st_kv_find(st_request *rq, const st_run *run, strata_slice key, const st_when *when,
                         st_revision *revision);
/* The same, decoded. */
strata_status st_kv_get(st_request *rq, const st_run *run, strata_slice key, const st_when *when,
                        strata_entry *entry);
strata_status st_kv_exists(st_request *rq, const st_run *run, strata_slice key, const st_when *when,
                           bool *exists);

/* Deleting what is not there writes nothing: *existed false, the stamp untouched. */
strata_status st_kv_delete(st_request *rq, st_run *run, strata_slice key, bool *existed,
                           st_stamp *stamp);

/* The value keeps its time to live. Errors: wrong_type, overflow. */
strata_status st_kv_incr(st_request *rq, st_run *run, strata_slice key, int64_t by, int64_t *sum,
                         st_stamp *stamp);

/* Under the run's lock: encodes what the newest value and `by` add up to into rq->value. *expires_us:
 * of a write. Errors: as st_kv_incr. */
strata_status st_kv_add(st_request *rq, const st_run *run, const st_key *key, int64_t by,
                        int64_t *sum, int64_t *expires_us);

/* What the key must have for a cas: a version (0: no value), a value, or both. */
typedef struct st_kv_expected {
    bool by_version;
    uint64_t version;
    const strata_value *value; /* NULL: any */
} st_kv_expected;

/* Errors: conflict {version}. */
strata_status st_kv_cas(st_request *rq, st_run *run, const st_kv_item *item,
                        const st_kv_expected *expected, st_stamp *stamp);

/* Keys that have a value, in the page's bounds. Cost: in proportion to them. */
strata_status st_kv_count(st_request *rq, const st_run *run, const st_page *page, uint64_t *count);

/* ---- Several keys at once: 1 to ST_KV_MANY_MAX ------------------------------------------------ */

/* All at one snapshot; arrays of `count`. */
strata_status st_kv_get_many(st_request *rq, const st_run *run, const strata_slice *keys,
                             size_t count, const st_when *when, st_revision *revisions,
                             bool *found);
/* In one commit, or none. Errors: invalid_argument (a key twice), constraint {commit_too_large}. */
strata_status st_kv_put_many(st_request *rq, st_run *run, const st_kv_item *items, size_t count,
                             st_stamp *stamp);
/* The same; existed: array of `count`. The stamp is untouched if none did. */
strata_status st_kv_delete_many(st_request *rq, st_run *run, const strata_slice *keys, size_t count,
                                bool *existed, st_stamp *stamp);

/* The versions of the key below `before`, newest first: to be read with st_versions_next. */
strata_status st_kv_history(st_request *rq, const st_run *run, strata_slice key, uint64_t before,
                            st_scan **scan);

#endif
