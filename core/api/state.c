/* state.c - the C functions for state cells.
 *
 * A transition is one call: the value that its function is shown stays in the call's memory until the
 * new one is encoded, so the one may borrow from the other. It writes by version and not by counter:
 * cells that were deleted and made again count anew, versions never repeat.
 */
#include "model/state.h"

#include "api/handle.h"

static strata_status show(st_request *rq, const st_cell *cell, strata_cell *out) {
    *out = (strata_cell){strata_null(), cell->counter, cell->version, cell->timestamp_us};
    if (cell->counter > 0 && !st_value_decode(cell->value, &out->value)) {
        st_fail(rq->error, STRATA_CORRUPT, "the value of a state cell is malformed");
        return st_fail_text(rq->error, "file", strata_text("state"));
    }
    return STRATA_OK;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static strata_status write_cell(st_request *rq, strata_run id, strata_slice name,
                                const strata_value *value, const st_cell_expected *expected,
                                uint64_t *counter, st_stamp *stamp) {
    uint64_t counted;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_state_write(rq, run, name, value, expected, &counted, stamp));
    if (counter != NULL) {
        *counter = counted;
    }
    return STRATA_OK;
}

strata_status strata_state_init(strata_db *db, strata_run run, strata_slice name,
                                strata_value value, uint64_t *version) {
    const st_cell_expected absent = {.absent = true};
    st_stamp stamp;
    const strata_status status =
        write_cell(st_handle_begin(db), run, name, &value, &absent, NULL, &stamp);
    if (status == STRATA_OK && version != NULL) {
        *version = stamp.version;
    }
    return st_handle_end(db, status);
}

strata_status strata_state_set(strata_db *db, strata_run run, strata_slice name, strata_value value,
                               uint64_t *counter) {
    st_stamp stamp;
    return st_handle_end(db,
                         write_cell(st_handle_begin(db), run, name, &value, NULL, counter, &stamp));
}

strata_status strata_state_cas(strata_db *db, strata_run run, strata_slice name, strata_value value,
                               uint64_t expected_counter, uint64_t *counter) {
    const st_cell_expected expected = {.by_counter = true, .counter = expected_counter};
    st_stamp stamp;
    return st_handle_end(
        db, write_cell(st_handle_begin(db), run, name, &value, &expected, counter, &stamp));
}

static strata_status delete_cell(st_request *rq, strata_run id, strata_slice name, bool *existed) {
    st_run *run;
    st_stamp stamp;
    bool found = false;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_state_delete(rq, run, name, &found, &stamp));
    if (existed != NULL) {
        *existed = found;
    }
    return STRATA_OK;
}

strata_status strata_state_delete(strata_db *db, strata_run run, strata_slice name, bool *existed) {
    return st_handle_end(db, delete_cell(st_handle_begin(db), run, name, existed));
}

typedef struct step {
    strata_slice name;
    strata_transition next;
    void *arg;
    uint64_t *counter;
} step;

static strata_status take_step(st_request *rq, strata_run id, const step *spec) {
    const st_when now = st_now();
    strata_value value = strata_null();
    strata_cell shown;
    st_run *run;
    st_cell cell;
    st_stamp stamp;
    bool found;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_state_find(rq, run, spec->name, &now, &cell, &found));
    ST_TRY(show(rq, &cell, &shown));
    const strata_status status = spec->next(spec->arg, &shown, &value);
    if (status != STRATA_OK) {
        return st_fail(rq->error, status, "the transition of \"%S\" refused", &spec->name);
    }
    /* What the transaction wrote itself has no version; nobody else changes it either. */
    const st_cell_expected expected = {.by_counter = true,
                                       .counter = cell.counter,
                                       .by_version = rq->txn == NULL,
                                       .version = cell.version};
    return write_cell(rq, id, spec->name, &value, &expected, spec->counter, &stamp);
}

strata_status strata_state_transition(strata_db *db, strata_run run, strata_slice name,
                                      strata_transition next, void *arg, uint64_t *counter) {
    const step spec = {name, next, arg, counter};
    for (unsigned tries = 1;; tries++) {
        const strata_status status = st_handle_end(db, take_step(st_handle_begin(db), run, &spec));
        if (status != STRATA_CONFLICT || !st_handle_back_off(db, tries)) {
            return status;
        }
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

static strata_status read_cell(st_request *rq, strata_run id, strata_slice name, strata_when at,
                               strata_cell *out) {
    const st_when when = st_handle_when(at);
    strata_cell shown;
    st_run *run;
    st_cell cell;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_state_read(rq, run, name, &when, &cell));
    ST_TRY(show(rq, &cell, &shown));
    ST_TRY(st_handle_keep_value(rq, &shown.value));
    *out = shown;
    return STRATA_OK;
}

strata_status strata_state_read(strata_db *db, strata_run run, strata_slice name,
                                strata_cell *cell) {
    const strata_when now = STRATA_NOW_INIT;
    return st_handle_end(db, read_cell(st_handle_begin(db), run, name, now, cell));
}

strata_status strata_state_read_at(strata_db *db, strata_run run, strata_slice name,
                                   strata_when when, strata_cell *cell) {
    return st_handle_end(db, read_cell(st_handle_begin(db), run, name, when, cell));
}

static strata_status scan_cells(st_request *rq, strata_run id, const strata_range *range,
                                strata_visit_cell visit, void *arg) {
    st_run *run;
    st_scan *scan;
    st_page page;
    ST_TRY(st_handle_page(rq, range, &page));
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_page_scan(rq, run, ST_TAG_STATE, &page, &scan));
    while (scan->here) {
        st_cell cell;
        strata_cell shown;
        ST_TRY(st_state_at(rq, scan, &cell));
        ST_TRY(show(rq, &cell, &shown));
        if (!visit(arg, st_key_text_of(scan->key), &shown)) {
            return STRATA_OK;
        }
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

strata_status strata_state_scan(strata_db *db, strata_run run, const strata_range *range,
                                strata_visit_cell visit, void *arg) {
    return st_handle_end(db, scan_cells(st_handle_begin(db), run, range, visit, arg));
}
