/* runs.c - the C functions on the life of a run. */
#include "api/handle.h"
#include "base/utf8.h"
#include "model/run/run_delete.h"
#include "model/run/run_fork.h"

static strata_status run_begin(st_request *rq, strata_slice name, const strata_run_options *options,
                               strata_run *run) {
    st_run_record spec = {
        .name = name, .parent = options->parent, .provenance = options->provenance};
    st_stamp stamp;
    st_run *found;
    bool created;
    if (name.len == 0) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT, "the name of a run has 1 to %u bytes",
                       (uint64_t)ST_NAME_BYTES_MAX);
    }
    if (options->size != sizeof *options) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "strata_run_options.size is not its size: start from "
                       "STRATA_RUN_OPTIONS_INIT");
    }
    ST_TRY(st_handle_object(rq, &options->metadata, &spec.metadata));
    ST_TRY(st_handle_tags(rq, options->tags, options->tag_count, &spec.tags));
    ST_TRY(st_run_start(rq, &spec, &created, &stamp));
    ST_TRY(st_run_find(rq, name, &found));
    *run = found->shard->run;
    return STRATA_OK;
}

strata_status strata_run_begin(strata_db *db, strata_slice name, strata_run *run) {
    return strata_run_begin_with(db, name, NULL, run);
}

strata_status strata_run_begin_with(strata_db *db, strata_slice name,
                                    const strata_run_options *options, strata_run *run) {
    static const strata_run_options defaults = STRATA_RUN_OPTIONS_INIT;
    return st_handle_end(
        db, run_begin(st_handle_begin(db), name, options == NULL ? &defaults : options, run));
}

static strata_status run_end(st_request *rq, strata_slice name, strata_outcome outcome,
                             strata_slice why) {
    static const st_run_status statuses[] = {ST_RUN_COMPLETED, ST_RUN_FAILED, ST_RUN_CANCELLED};
    st_stamp stamp;
    if ((size_t)outcome >= sizeof statuses / sizeof statuses[0] ||
        (outcome == STRATA_COMPLETED && why.len > 0) || !st_utf8_valid(why, NULL)) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "a run ends completed, or failed or cancelled with a reason in UTF-8");
    }
    return st_run_move(rq, name, statuses[outcome], why, &stamp);
}

strata_status strata_run_end(strata_db *db, strata_slice name, strata_outcome outcome,
                             strata_slice why) {
    return st_handle_end(db, run_end(st_handle_begin(db), name, outcome, why));
}

static strata_status run_fork(st_request *rq, strata_slice parent, strata_when at,
                              strata_slice name, strata_run *run) {
    const st_run_record spec = {.name = name};
    const st_when when = st_handle_when(at);
    st_run_record made;
    st_stamp stamp;
    ST_TRY(st_run_fork(rq, parent, &when, &spec, &made, &stamp));
    *run = made.id;
    return STRATA_OK;
}

strata_status strata_run_fork(strata_db *db, strata_slice parent, strata_when when,
                              strata_slice name, strata_run *run) {
    return st_handle_end(db, run_fork(st_handle_begin(db), parent, when, name, run));
}

strata_status strata_run_delete(strata_db *db, strata_slice name) {
    st_stamp stamp;
    return st_handle_end(db, st_run_remove(st_handle_begin(db), name, &stamp));
}
