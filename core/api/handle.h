/* handle.h - the open database behind the handles, and one handle. */
#ifndef ST_API_HANDLE_H
#define ST_API_HANDLE_H

#include "model/model.h"

/* What all handles of an open database share; the last one closes it. */
typedef struct st_engine {
    st_model model;
    strata_host host; /* a copy: the tables stay the caller's */
    _Atomic uint32_t handles;
} st_engine;

struct strata_db {
    st_engine *engine;
    strata_error error;
    st_arena arena; /* of the current call; results are borrowed from it */
    st_request request;
    st_epoch_slot slot;
};

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
    st_epoch_leave(&db->slot);
    return status;
}

#endif
