/* point.c - opening a run at a moment.
 *
 * Rejected: a snapshot alone for now. What ends by itself would be there for one read and gone for
 * the next; so the bound has a time too, which every commit of the snapshot is below.
 */
#include "history/point.h"

#include "history/trail.h"
#include "model/show.h"

static strata_status open_past(st_request *rq, const st_when *when, st_point *point) {
    st_trail trail;
    point->version = point->bound.version;
    if (when->time_us == INT64_MAX) {
        return STRATA_OK;
    }
    ST_TRY(st_trail_make(rq, point->run, point->bound.version, &trail));
    return st_trail_at_time(rq, &trail, when->time_us, &point->version);
}

strata_status st_point_open(st_request *rq, st_run *run, const st_when *when, st_point *point) {
    ST_ASSERT(rq->txn == NULL);
    *point = (st_point){.run = run};
    if (when->version != UINT64_MAX || when->time_us != INT64_MAX) {
        ST_TRY(st_bound_at(rq, run, when, &point->bound));
        return open_past(rq, when, point);
    }
    st_snapshot_hold(&rq->model->store, run->shard, &point->held);
    point->holds = true;
    point->version = point->held.version;
    point->bound = st_bound_version(point->version);
    point->bound.time_us = st_store_now(&rq->model->store);
    return STRATA_OK;
}

void st_point_close(st_request *rq, st_point *point) {
    if (point->holds) {
        st_snapshot_release(&rq->model->store, &point->held);
        point->holds = false;
    }
}

strata_status st_point_read(st_request *rq, const st_point *point, strata_slice key,
                            st_revision *revision, bool *found) {
    return st_show_read(rq, point->run, key, &point->bound, revision, found);
}

void st_scratch_begin(st_request *scratch, st_arena *arena, const st_request *rq) {
    st_arena_init(arena, &rq->model->host->memory, 0);
    st_request_init(scratch, rq->model, arena, rq->error);
}

void st_scratch_forget(st_request *scratch) {
    st_reader_finish(&scratch->reader);
    st_arena_reset(scratch->arena);
}

void st_scratch_end(st_request *scratch) {
    st_reader_finish(&scratch->reader);
    strata_buffer_free(&scratch->value);
    st_arena_free(scratch->arena);
}
