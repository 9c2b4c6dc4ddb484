/* model.h - what the primitives share: the open database, a run, a request.
 *
 * Every primitive lives in its run's memtable under its own tags (format/tags.def) and in no other
 * place; what is kept beside it (status, event tail, text index) is derived and can be rebuilt from
 * there.
 */
#ifndef ST_MODEL_MODEL_H
#define ST_MODEL_MODEL_H

#include "format/key.h"
#include "format/msgpack.h"
#include "format/sha256.h"
#include "index/vector/row_pool.h"
#include "model/json/json_cache.h"
#include "model/run_status.h"
#include "model/text_index.h"
#include "txn/txn.h"

typedef struct st_event_counts st_event_counts;

/* A run as the primitives see it; the owner of its shard, made when it is first needed. */
typedef struct st_run {
    st_shard *shard;
    _Atomic int status; /* st_run_status; changes under the run's lock */

    /* The event log's end, under the run's lock. */
    bool tail_known;
    uint64_t tail_sequence;
    uint8_t tail_hash[ST_SHA256_BYTES];

    _Atomic bool provenance; /* it keeps that of its commits */
    /* NULL until they are needed (field_index.c). Under the run's lock. */
    struct st_known_indexes *indexes;
    /* Who waits for more of it (event_wait.c); what was counted of it (event_types.c). */
    _Atomic uint32_t event_word;
    _Atomic uint32_t event_waiters;
    st_mutex types_lock;
    st_event_counts *event_counts; /* NULL until it is asked for */

    /* NULL until it is built (memory.c). Changes under the run's lock. */
    st_run_index *_Atomic index;

    /* The indexes of its collections (vector/vector_index.h); NULL: there is none. Changes under the run's
     * lock. */
    struct st_collection_index *_Atomic vectors;
} st_run;

typedef struct st_model {
    st_store store;
    const strata_host *host;
    uint32_t value_bytes_max;
    uint32_t document_bytes_max;
    uint64_t adopted;          /* runs that were given a record at open */
    _Atomic uint64_t runs_end; /* above the highest run that has a record: the next one's id */

    st_json_cache documents;
    struct st_vector_worker *vector_worker; /* vector/vector_merge.h */
    st_row_pool row_pool;                   /* of the indexes of all collections */

    st_mutex id_lock; /* the last identifier that was made (id.c) */
    uint64_t id_ms;
    uint8_t id_chance[10];

    st_mutex retention_lock; /* what follows; taken last */
    strata_buffer rules;     /* of retention (retention.c) */
} st_model;

/* One operation of one handle. Memory of the arena and the buffer lasts until the next one. */
typedef struct st_request {
    st_model *model;
    strata_error *error;
    st_arena *arena;
    strata_buffer value; /* an encoded value on its way to the store */
    st_reader reader;    /* over the same error and arena */
    st_txn *txn;         /* that it is part of; NULL: it stands by itself */
} st_request;

/* Memory of the request itself is the caller's; arena is borrowed. */
static inline void st_request_init(st_request *rq, st_model *over, st_arena *arena,
                                   strata_error *error) {
    *rq = (st_request){.model = over,
                       .error = error,
                       .arena = arena,
                       .value = {NULL, 0, 0, over->host},
                       .reader = {&over->store, arena, error, NULL, NULL},
                       .txn = NULL};
}

/* A run may be deleted while somebody has found it, or is in a transaction on it. Errors: not_found. */
static inline strata_status st_run_check_there(st_request *rq, const st_run *run) {
    return st_store_shows_gone(&rq->model->store, run->shard)
               ? st_fail(rq->error, STRATA_NOT_FOUND, "the run was deleted")
               : STRATA_OK;
}

/* When and as what something was committed. */
typedef struct st_stamp {
    uint64_t version;
    int64_t timestamp_us;
} st_stamp;

/* A new time-ordered identifier of ST_ID_CHARS characters (ULID). Errors: io. */
enum { ST_ID_CHARS = 26 };
strata_status st_id_make(st_request *rq, char id[ST_ID_CHARS]);

#endif
