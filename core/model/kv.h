/* kv.h - keys and values of a run. */
#ifndef ST_MODEL_KV_H
#define ST_MODEL_KV_H

#include "model/model.h"

/* Keys are checked by every function: invalid_key. Writes: constraint {run_closed}, and what
 * st_commit_finish returns. */

strata_status st_kv_put(st_request *rq, st_run *run, strata_slice key, const strata_value *value,
                        st_stamp *stamp);

/* The version of the key at as_of, which has a value: canonical MessagePack. Errors: not_found. */
strata_status st_kv_find(st_request *rq, const st_run *run, strata_slice key, uint64_t as_of,
                         const st_version **version);
/* The same, decoded; entry->value is borrowed from the store. */
strata_status st_kv_get(st_request *rq, const st_run *run, strata_slice key, uint64_t as_of,
                        strata_entry *entry);
strata_status st_kv_exists(st_request *rq, const st_run *run, strata_slice key, bool *exists);

/* Deleting what is not there writes nothing: *existed false, the stamp untouched. */
strata_status st_kv_delete(st_request *rq, st_run *run, strata_slice key, bool *existed,
                           st_stamp *stamp);

/* Errors: wrong_type, overflow. */
strata_status st_kv_incr(st_request *rq, st_run *run, strata_slice key, int64_t by, int64_t *sum,
                         st_stamp *stamp);

/* What the key must have for a cas: a version (0: no value), a value, or both. */
typedef struct st_kv_expected {
    bool by_version;
    uint64_t version;
    const strata_value *value; /* NULL: any */
} st_kv_expected;

/* Errors: conflict {version}. */
strata_status st_kv_cas(st_request *rq, st_run *run, strata_slice key, const strata_value *value,
                        const st_kv_expected *expected, st_stamp *stamp);

strata_status st_kv_count(st_request *rq, const st_run *run, strata_slice prefix, uint64_t *count);

/* The newest version of the key below `before`, deletes included; NULL when there is none. Older
 * ones follow by ->older. */
strata_status st_kv_history(st_request *rq, const st_run *run, strata_slice key, uint64_t before,
                            const st_version **newest);

#endif
