/* model.h - what the primitives share: the open database, a run, a request. */
#ifndef ST_MODEL_MODEL_H
#define ST_MODEL_MODEL_H

#include "format/key.h"
#include "format/msgpack.h"
#include "format/sha256.h"
#include "index/text/head.h"
#include "txn/txn.h"

typedef enum st_run_status {
    ST_RUN_ACTIVE,
    ST_RUN_PAUSED,
    ST_RUN_COMPLETED,
    ST_RUN_FAILED,
    ST_RUN_CANCELLED,
    ST_RUN_ARCHIVED
} st_run_status;

/* The text index of a run. */
typedef struct st_run_index {
    st_retired retired; /* first: what the epoch knows it by */
    const strata_allocator *memory;
    st_text_head *head;
    uint64_t base; /* it can be searched at this version and above */
} st_run_index;

/* A run as the primitives see it; the owner of its shard, made when it is first needed. */
typedef struct st_run {
    st_shard *shard;
    _Atomic int status; /* st_run_status; changes under the run's lock */

    /* The event log's end, under the run's lock. */
    bool tail_known;
    uint64_t tail_sequence;
    uint8_t tail_hash[ST_SHA256_BYTES];

    /* NULL until it is built (memory.c). Changes under the run's lock. */
    st_run_index *_Atomic index;
} st_run;

void st_run_index_destroy(st_run_index *index);

/* A flag of open for repair: runs without a record get one. */
enum { ST_OPEN_ADOPT = 1 << 30 };

typedef struct st_model {
    st_store store;
    const strata_host *host;
    uint32_t value_bytes_max;
    uint64_t adopted;          /* runs that were given a record at open */
    _Atomic uint64_t runs_end; /* above the highest run that has a record: the next one's id */

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
void st_request_init(st_request *rq, st_model *model, st_arena *arena, strata_error *error);

/* When and as what something was committed. */
typedef struct st_stamp {
    uint64_t version;
    int64_t timestamp_us;
} st_stamp;

/* Opens the store and loads the runs. Errors: as strata_open. */
strata_status st_model_open(st_model *model, const char *path, const strata_options *options,
                            strata_error *error);
strata_status st_model_close(st_model *model, strata_error *error);

/* Begins a commit to a run that must be active, and locks it, transaction or not. Errors:
 * constraint {run_closed}. */
strata_status st_run_lock(st_request *rq, st_run *run, st_commit *commit);
/* The same, or inside a transaction the begin of one of its writes. */
strata_status st_run_begin(st_request *rq, st_run *run, st_commit *commit);
void st_run_abort(st_request *rq, st_commit *commit);
/* Inside a commit: the newest version of a key that has a value, those that wait for their sync
 * included. Errors: as st_read. */
strata_status st_run_newest(st_request *rq, const st_run *run, const st_key *key,
                            st_revision *revision, bool *found);
/* Commits one put of rq->value, or a delete. Errors: as st_commit_finish. */
strata_status st_run_put(st_request *rq, st_commit *commit, const st_key *key,
                         const st_commit_hook *hook, st_stamp *stamp);
/* The same of several writes, no key twice. Inside a transaction: all of them, or none. */
strata_status st_run_write(st_request *rq, st_commit *commit, const st_write *writes, size_t count,
                           const st_commit_hook *hook, st_stamp *stamp);
strata_status st_run_delete(st_request *rq, st_commit *commit, const st_key *key,
                            const st_commit_hook *hook, st_stamp *stamp);

/* A new time-ordered identifier of ST_ID_CHARS characters (ULID). Errors: io. */
enum { ST_ID_CHARS = 26 };
strata_status st_id_make(st_request *rq, char id[ST_ID_CHARS]);

#endif
