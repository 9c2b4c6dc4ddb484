/* txn.c - the transactions of a handle, and the C functions for them.
 *
 * A handle keeps a few open transactions by number. An operation that names one joins it for the
 * length of the call: st_request.txn and the reader's overlay point to it, and all else follows from
 * there. The C functions have one that is bound to the handle, so that every call on its run joins.
 */
#include "api/handle.h"
#include "model/run/run.h"
#include "model/transaction.h"

enum {
    TRIES = 3,
    BACKOFF_US = 10 * 1000,
    BACKOFF_US_MAX = 1000 * 1000,
};

/* ---- By number ------------------------------------------------------------------------------- */

strata_status st_handle_txn_begin(strata_db *db, st_run *run, const st_txn_spec *spec,
                                  st_open_txn **out) {
    st_open_txn *free_place = NULL;
    for (size_t i = 0; i < ST_TXNS_MAX && free_place == NULL; i++) {
        free_place = db->txns[i].number == 0 ? &db->txns[i] : NULL;
    }
    if (free_place == NULL) {
        return st_fail_constraint(&db->error, "too_many_txns",
                                  "the handle has %u open transactions; end one first",
                                  (uint64_t)ST_TXNS_MAX);
    }
    if (db->ended_txn != NULL) {
        if (st_txn_begin_again(db->ended_txn, run->shard, spec) != STRATA_OK) {
            return st_fail_memory(&db->error);
        }
        free_place->txn = db->ended_txn;
        db->ended_txn = NULL;
    } else {
        ST_TRY(
            st_txn_begin(&db->engine->model.store, run->shard, spec, &free_place->txn, &db->error));
    }
    free_place->run = run;
    free_place->number = ++db->last_txn;
    *out = free_place;
    return STRATA_OK;
}

void st_handle_txn_end(strata_db *db, st_open_txn *open) {
    if (db->request.txn == open->txn) {
        db->request.txn = NULL;
        db->request.reader.overlay = NULL;
    }
    if (db->bound_txn == open->number) {
        db->bound_txn = 0;
    }
    st_txn_end(open->txn);
    if (db->ended_txn == NULL) {
        db->ended_txn = open->txn;
    } else {
        st_txn_destroy(open->txn);
    }
    *open = (st_open_txn){0, NULL, NULL};
}

strata_status st_handle_txn_find(strata_db *db, uint64_t number, st_open_txn **out) {
    for (size_t i = 0; i < ST_TXNS_MAX && number != 0; i++) {
        if (db->txns[i].number != number) {
            continue;
        }
        const strata_status status = st_txn_check(db->txns[i].txn, &db->error);
        if (status != STRATA_OK) {
            st_handle_txn_end(db, &db->txns[i]);
            return status;
        }
        *out = &db->txns[i];
        return STRATA_OK;
    }
    return st_fail(&db->error, STRATA_NOT_FOUND,
                   "there is no transaction %u on this handle; it may be over", number);
}

void st_handle_txn_join(strata_db *db, const st_open_txn *open) {
    db->request.txn = open->txn;
    db->request.reader.overlay = st_txn_overlay(open->txn);
}

/* ---- Bound to the handle --------------------------------------------------------------------- */

static strata_status check_options(st_request *rq, const strata_txn_options *options) {
    if (options->size != sizeof *options || options->isolation > STRATA_SNAPSHOT) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "strata_txn_options is not what this library knows: start from "
                       "STRATA_TXN_OPTIONS_INIT");
    }
    return STRATA_OK;
}

static strata_status begin(strata_db *db, strata_run id, const strata_txn_options *given) {
    const strata_txn_options defaults = STRATA_TXN_OPTIONS_INIT;
    const strata_txn_options *options = given == NULL ? &defaults : given;
    st_request *rq = &db->request;
    st_open_txn *open;
    st_run *run;
    ST_TRY(check_options(rq, options));
    if (db->bound_txn != 0) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "the handle is in a transaction already; commit or roll it back first");
    }
    ST_TRY(st_run_of(rq, id, &run));
    const st_txn_spec spec = {.read_only = options->read_only,
                              .isolation = options->isolation == STRATA_SNAPSHOT ? ST_SNAPSHOT
                                                                                 : ST_SERIALIZABLE,
                              .timeout_ns = (uint64_t)options->timeout_ms * 1000000,
                              .label = options->label,
                              .trace = options->trace};
    ST_TRY(st_transaction_check_words(rq, &spec));
    ST_TRY(st_handle_txn_begin(db, run, &spec, &open));
    db->bound_txn = open->number;
    return STRATA_OK;
}

strata_status strata_txn_begin(strata_db *db, strata_run run, const strata_txn_options *options) {
    (void)st_handle_begin(db);
    return st_handle_end(db, begin(db, run, options));
}

static strata_status find_bound(strata_db *db, st_open_txn **open) {
    if (db->bound_txn == 0) {
        return st_fail(&db->error, STRATA_NOT_FOUND, "the handle is in no transaction");
    }
    return st_handle_txn_find(db, db->bound_txn, open);
}

static strata_status commit(strata_db *db, uint64_t *version) {
    st_open_txn *open;
    uint64_t taken = 0;
    ST_TRY(find_bound(db, &open));
    st_handle_txn_join(db, open);
    const strata_status status = st_transaction_commit(&db->request, open->run, &taken);
    st_handle_txn_end(db, open);
    if (status == STRATA_OK && version != NULL) {
        *version = taken;
    }
    return status;
}

strata_status strata_txn_commit(strata_db *db, uint64_t *version) {
    (void)st_handle_begin(db);
    return st_handle_end(db, commit(db, version));
}

void strata_txn_rollback(strata_db *db) {
    st_open_txn *open = NULL;
    (void)st_handle_begin(db);
    if (find_bound(db, &open) == STRATA_OK) {
        st_handle_txn_end(db, open);
    }
    db->error.code = STRATA_OK;
    (void)st_handle_end(db, STRATA_OK);
}

strata_status strata_txn_savepoint(strata_db *db, uint64_t *savepoint) {
    st_open_txn *open;
    (void)st_handle_begin(db);
    const strata_status status = find_bound(db, &open);
    if (status == STRATA_OK) {
        *savepoint = st_txn_savepoint(open->txn);
    }
    return st_handle_end(db, status);
}

static strata_status rollback_to(strata_db *db, uint64_t savepoint) {
    st_open_txn *open;
    ST_TRY(find_bound(db, &open));
    return st_txn_rollback_to(open->txn, savepoint, &db->error);
}

strata_status strata_txn_rollback_to(strata_db *db, uint64_t savepoint) {
    (void)st_handle_begin(db);
    return st_handle_end(db, rollback_to(db, savepoint));
}

/* ---- Again ----------------------------------------------------------------------------------- */

/* Exponential, and half of it by chance, so that two that met do not meet again. */
bool st_handle_back_off(const strata_db *db, unsigned tries) {
    const strata_host *host = &db->engine->host;
    uint64_t wait_us = (uint64_t)BACKOFF_US << (tries - 1);
    uint32_t chance = 0;
    if (tries >= TRIES || host->clock.sleep_us == NULL) {
        return tries < TRIES;
    }
    wait_us = wait_us < BACKOFF_US_MAX ? wait_us : BACKOFF_US_MAX;
    if (host->entropy.fill == NULL ||
        host->entropy.fill(host->entropy.ctx, &chance, sizeof chance) != STRATA_OK) {
        chance = 0;
    }
    host->clock.sleep_us(host->clock.ctx, wait_us / 2 + chance % (wait_us / 2));
    return true;
}

static strata_status try_once(strata_db *db, strata_run run, const strata_txn_options *options,
                              strata_txn_body body, void *arg, uint64_t *version) {
    ST_TRY(strata_txn_begin(db, run, options));
    const strata_status status = body(db, arg);
    if (status != STRATA_OK) {
        const strata_error error = db->error;
        strata_txn_rollback(db);
        db->error = error;
        return status;
    }
    return strata_txn_commit(db, version);
}

strata_status strata_transact(strata_db *db, strata_run run, const strata_txn_options *options,
                              strata_txn_body body, void *arg, uint64_t *version) {
    for (unsigned tries = 1;; tries++) {
        const strata_status status = try_once(db, run, options, body, arg, version);
        if (status != STRATA_CONFLICT || !st_handle_back_off(db, tries)) {
            return status;
        }
    }
}
