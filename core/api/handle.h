/* handle.h - the open database behind the handles, and one handle. */
#ifndef ST_API_HANDLE_H
#define ST_API_HANDLE_H

#include "model/page.h"

/* What all handles of an open database share; the last one closes it. */
typedef struct st_engine {
    st_model model;
    strata_host host; /* a copy: the tables stay the caller's */
    _Atomic uint32_t handles;
    _Atomic uint32_t long_calls; /* that run, and are in no epoch */
    uint32_t close_deadline_ms;
} st_engine;

/* An open transaction of a handle. */
typedef struct st_open_txn {
    uint64_t number; /* 0: the place is free */
    st_txn *txn;
    st_run *run;
} st_open_txn;

struct strata_db {
    st_engine *engine;
    strata_error error;
    st_arena arena; /* of the current call; results are borrowed from it */
    st_request request;
    st_epoch_slot slot;
    st_open_txn txns[ST_TXNS_MAX];
    st_txn *ended_txn; /* for the next one; NULL: there is none */
    bool in_long_call;
    uint64_t last_txn;
    uint64_t bound_txn; /* that the C functions go through; 0: none */
};

/* The handle that a request is of. By way of a number: an analyser takes the step back from a field for
 * one out of bounds. */
static inline strata_db *st_handle_of(st_request *rq) {
    return (strata_db *)((uintptr_t)rq - offsetof(strata_db, request));
}

/* Begins a call on the handle: forgets the last error and what was borrowed from the last call.
 * Until st_handle_end whatever it finds in the store stays there. */
static inline st_request *st_handle_begin(strata_db *db) {
    db->error.code = STRATA_OK;
    db->error.message[0] = '\0';
    db->error.field_count = 0;
    st_arena_reset(&db->arena);
    st_epoch_enter(&db->engine->model.store.epoch, &db->slot);
    return &db->request;
}

/* Ends it; what it returns must lie in the arena or in memory of the caller by now. */
static inline strata_status st_handle_end(strata_db *db, strata_status status) {
    if (ST_UNLIKELY(db->request.reader.scans != NULL)) {
        st_reader_finish(&db->request.reader);
    }
    if (ST_UNLIKELY(db->request.txn != NULL)) {
        db->request.txn = NULL;
        db->request.reader.overlay = NULL;
    }
    if (ST_UNLIKELY(db->in_long_call)) {
        db->in_long_call = false;
        atomic_fetch_sub_explicit(&db->engine->long_calls, 1, memory_order_seq_cst);
    }
    st_epoch_leave(&db->slot);
    return status;
}

/* ---- For the C functions ----------------------------------------------------------------------- */

static inline st_when st_handle_when(strata_when when) {
    const st_when made = {when.version, when.time_us};
    return made;
}

/* The run; a call on the run of the transaction that is bound to the handle joins it. Errors:
 * not_found, invalid_argument (the transaction is on another run), timeout. */
strata_status st_handle_run(st_request *rq, uint64_t id, st_run **run);
/* range NULL: all. Errors: invalid_argument (its size). */
strata_status st_handle_page(st_request *rq, const strata_range *range, st_page *page);
/* Copies what was found in the store to where it stays until the next call. Errors: no_memory. */
strata_status st_handle_keep(st_request *rq, strata_slice *bytes);
strata_status st_handle_keep_value(st_request *rq, strata_value *value);
/* Canonical copies in the arena, empty when there is none: of an object or null, and of tags. Errors:
 * wrong_type, constraint {too_many_tags, ...}, invalid_argument, no_memory. */
strata_status st_handle_object(st_request *rq, const strata_value *value, strata_slice *out);
strata_status st_handle_tags(st_request *rq, const strata_slice *tags, size_t count,
                             strata_slice *out);
/* A pause before trying again what met a conflict; tries: so far, from 1. False: it was the last. */
bool st_handle_back_off(const strata_db *db, unsigned tries);

/* ---- Transactions of a handle ------------------------------------------------------------------ */

/* Errors: constraint {too_many_txns}, no_memory. */
strata_status st_handle_txn_begin(strata_db *db, st_run *run, const st_txn_spec *spec,
                                  st_open_txn **open);
/* The open transaction of that number. Errors: not_found, timeout (and it is over). */
strata_status st_handle_txn_find(strata_db *db, uint64_t number, st_open_txn **open);
/* The current call becomes part of it. */
void st_handle_txn_join(strata_db *db, const st_open_txn *open);
void st_handle_txn_end(strata_db *db, st_open_txn *open);

/* For a call that takes long and finds nothing in the store by itself: what others let go of
 * meanwhile is not kept for it. */
static inline void st_handle_let_go(strata_db *db) {
    db->in_long_call = true;
    atomic_fetch_add_explicit(&db->engine->long_calls, 1, memory_order_seq_cst);
    st_epoch_leave(&db->slot);
}

/* Comes back after that, to look into the store again: what was borrowed before is gone. Errors:
 * closed. */
static inline strata_status st_handle_come_back(strata_db *db) {
    st_reader_finish(&db->request.reader);
    st_arena_reset(&db->arena);
    st_epoch_enter(&db->engine->model.store.epoch, &db->slot);
    db->in_long_call = false;
    atomic_fetch_sub_explicit(&db->engine->long_calls, 1, memory_order_seq_cst);
    return st_store_check_open(&db->engine->model.store, &db->error);
}

/* The checks of every function that takes a path and options. Errors: invalid_argument. */
strata_status st_check_options(const char *path, const strata_options *options,
                               strata_error *error);

#endif
