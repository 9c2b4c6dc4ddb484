/* vector_merge.c - merging the parts of vector indexes, in the background.
 *
 * One merge goes on at a time in a database, of one index of one run; its steps are small, and nothing is locked
 * between its beginning and its end but `lock`, which only those who merge take. With an executor a job does the
 * steps, and another one helps to link; both begin with the first index, as most databases have none. On hosts
 * without threads strata_tick does.
 *
 * Invariants:
 * 1. An index that is given up while it is merged (`merging`) stays until the merge ends it: whoever gives it up
 *    says so (`gone`), under the run's lock.
 * 2. Helpers have returned before a merge is finished or destroyed: `helped` is taken away, then `helpers` waited for.
 * 3. Entries that ended at or below the index's `kept` are dropped, as nobody asks the index for them: it goes up to
 *    where something of the run may have gone from the store, before the merge is shown.
 * 4. When nothing was written for a while (QUIET_LOOKS), what came since the last such pause is merged, too, if it is
 *    much: so searches of a collection at rest look at one part.
 * 5. A merge that finds no memory, or cannot read what it merges, is given up, and begun again when something
 *    changes.
 * A request of its own reads the store, with a place in the epoch only while a merge begins or ends: what others let
 * go of is not kept for as long as it takes.
 *
 * Rejected: a job for each index. They would share the same two processors, and need as much memory as there are of
 * them.
 */
#include "model/vector/vector_merge.h"

#include "model/vector/vector_home.h"
#include "model/vector/vector_index.h"

enum {
    STEP_ENTRIES = 128, /* milliseconds of linking */
    WORK_EVERY_MS = 20,
    QUIET_LOOKS = 50, /* after which a database is at rest: a second, where there are jobs */
};

typedef struct st_vector_worker {
    st_model *model;
    _Atomic bool changed; /* since all was looked at */

    st_mutex lock; /* whoever merges; what follows */
    uint32_t
        quiet; /* looks since something had changed; from QUIET_LOOKS on nothing is looked for */
    st_epoch_slot slot;
    st_arena arena;
    strata_error error;
    st_request request;
    uint64_t next; /* run at which to look */
    st_run *run;   /* the merge that goes on; NULL: none */
    st_collection_index *index;
    st_vector_merge *merge;

    st_vector_merge *_Atomic helped;
    _Atomic uint32_t helpers;

    st_mutex jobs_lock; /* what follows */
    strata_job *job;    /* NULL: not begun, or there are no threads */
    strata_job *help_job;
} st_vector_worker;

/* ---- One merge ------------------------------------------------------------------------------- */

static void enter(st_vector_worker *w) {
    st_arena_reset(&w->arena);
    st_epoch_enter(&w->model->store.epoch, &w->slot);
}

static void leave(st_vector_worker *w) {
    st_reader_finish(&w->request.reader);
    st_epoch_leave(&w->slot);
}

/* What to merge of a run: the first index for which it is worth it, or all of one. */
typedef struct wanted {
    bool all;
    bool idle;
    uint32_t place; /* all: in the list of the run */
} wanted;

static strata_status begin_index(st_vector_worker *w, st_run *run, st_collection_index *index,
                                 const wanted *what, uint64_t floor) {
    const uint64_t kept = atomic_load_explicit(&index->kept, memory_order_relaxed);
    const uint64_t keep = floor > kept ? floor : kept;
    const st_vector_merge_spec spec = {what->all, what->idle, keep, run->shard->last};
    ST_TRY(st_vector_merge_begin(index->index, &spec, &w->merge));
    if (w->merge != NULL) {
        atomic_store_explicit(&index->kept, keep, memory_order_seq_cst);
        index->merging = true;
        w->index = index;
        w->run = run;
    }
    return STRATA_OK;
}

/* Under the run's lock. *there: the list goes so far. */
static strata_status begin_in(st_vector_worker *w, st_run *run, const wanted *what, uint64_t floor,
                              bool *there) {
    uint32_t place = 0;
    st_collection_index *index = atomic_load_explicit(&run->vectors, memory_order_seq_cst);
    *there = false;
    for (; index != NULL && w->merge == NULL; place++) {
        if (!what->all || place == what->place) {
            *there = true;
            ST_TRY(begin_index(w, run, index, what, floor));
        }
        index = atomic_load_explicit(&index->next, memory_order_seq_cst);
    }
    return STRATA_OK;
}

/* The run of that id, or NULL: there is none with an index. */
static st_run *run_with_vectors(const st_model *model, uint64_t id) {
    const st_shard *shard = st_shards_find(&model->store.shards, id);
    st_run *run = shard == NULL ? NULL : shard->owner;
    return run == NULL || st_shard_gone(shard) > 0 ||
                   atomic_load_explicit(&run->vectors, memory_order_seq_cst) == NULL
               ? NULL
               : run;
}

static strata_status begin_at(st_vector_worker *w, uint64_t id, const wanted *what, bool *there) {
    const strata_executor *executor = &w->model->host->executor;
    uint64_t floor = 0;
    *there = false;
    st_run *run = run_with_vectors(w->model, id);
    if (run == NULL) {
        return STRATA_OK;
    }
    ST_TRY(st_run_kept_from(&w->request, run, &floor));
    st_mutex_lock(&run->shard->lock, executor);
    const strata_status status = begin_in(w, run, what, floor, there);
    st_mutex_unlock(&run->shard->lock, executor);
    return status;
}

/* Looks at all runs, from the one where it stopped. */
static void begin_some(st_vector_worker *w, bool idle) {
    const uint64_t end = atomic_load_explicit(&w->model->runs_end, memory_order_acquire);
    const wanted some = {.idle = idle};
    bool there;
    st_error_clear(&w->error);
    enter(w);
    for (uint64_t i = 0; i < end && w->merge == NULL; i++) {
        w->next = w->next + 1 < end ? w->next + 1 : 0;
        (void)begin_at(w, w->next, &some,
                       &there); /* what fails is tried again after the next change */
    }
    leave(w);
    if (w->merge != NULL) {
        atomic_store_explicit(&w->changed, true, memory_order_relaxed);
    }
}

/* Under `lock`, once in a while; what is worth merging, if something has changed, or nothing has for long enough. */
static void look(st_vector_worker *w) {
    st_vectors_fit(w->model); /* what was merged goes when its last reader has left */
    if (atomic_exchange_explicit(&w->changed, false, memory_order_seq_cst)) {
        w->quiet = 0;
        begin_some(w, false);
    } else if (w->quiet < QUIET_LOOKS) {
        w->quiet++;
        if (w->quiet == QUIET_LOOKS) {
            begin_some(w, true);
        }
    }
}

static void call_helpers(st_vector_worker *w) {
    const strata_executor *executor = &w->model->host->executor;
    atomic_store_explicit(&w->helped, w->merge, memory_order_seq_cst);
    st_mutex_lock(&w->jobs_lock, executor);
    if (w->help_job != NULL) {
        executor->kick(executor->ctx, w->help_job);
    }
    st_mutex_unlock(&w->jobs_lock, executor);
}

static void send_helpers_away(st_vector_worker *w) {
    const strata_executor *executor = &w->model->host->executor;
    atomic_store_explicit(&w->helped, NULL, memory_order_seq_cst);
    for (;;) {
        const uint32_t left = atomic_load_explicit(&w->helpers, memory_order_seq_cst);
        if (left == 0) {
            return;
        }
        executor->wait(executor->ctx, (uint32_t *)(void *)&w->helpers, left);
    }
}

void st_vectors_fit(st_model *model) {
    st_cache_lend(&model->store, st_row_pool_claim(&model->row_pool));
}

/* The merge ends: shown, if it is done, and the index is still there. */
static void end_merge(st_vector_worker *w, bool done) {
    const strata_executor *executor = &w->model->host->executor;
    send_helpers_away(w);
    enter(w);
    st_mutex_lock(&w->run->shard->lock, executor);
    if (done && !w->index->gone) {
        (void)st_vector_merge_finish(w->merge); /* else all stays as it was */
    }
    st_vector_merge_destroy(w->merge);
    w->index->merging = false;
    if (w->index->gone) {
        st_collection_index_retire(w->model, w->index);
    }
    st_mutex_unlock(&w->run->shard->lock, executor);
    leave(w);
    st_epoch_reclaim(&w->model->store.epoch);
    w->merge = NULL;
    w->index = NULL;
    w->run = NULL;
}

static bool is_closing(const st_vector_worker *w) {
    return atomic_load_explicit((_Atomic bool *)&w->model->store.closing, memory_order_relaxed);
}

/* For the next opening; what cannot be kept is made again then. */
static void save(st_vector_worker *w) {
    const strata_log *log = &w->model->host->log;
    st_home_room room;
    const st_vector_home home = st_vector_home_of(w->model, w->run, w->index->of.name, &room);
    send_helpers_away(w);
    enter(w);
    if (st_vector_merge_save(w->merge, &home, &w->error) != STRATA_OK && log->write != NULL) {
        log->write(log->ctx, STRATA_LOG_WARN, w->error.message, "");
    }
    leave(w);
}

/* Nothing is made of a part that could not be read, nor saved beside one: an end that was not found in it would be
 * missing for good. */
static strata_status check(st_vector_worker *w, strata_status status) {
    enter(w);
    const strata_status told = st_vector_index_tell(w->index->index, &w->error);
    leave(w);
    return told == STRATA_OK ? status : told;
}

/* Under `lock`: one step of the merge that goes on. What cannot be read is told in w->error. */
static strata_status step(st_vector_worker *w) {
    bool done = false;
    st_error_clear(&w->error);
    strata_status status = st_vector_merge_step(w->merge, STEP_ENTRIES, &done);
    if (done || status != STRATA_OK) {
        status = check(w, status);
    }
    if (done && status == STRATA_OK && !w->index->gone) {
        save(w);
    }
    if (done || status != STRATA_OK) {
        end_merge(w, done && status == STRATA_OK);
    }
    return status;
}

/* Of a merge that nobody waits for: when it fails all rests until something changes. */
static bool go_on(st_vector_worker *w) {
    const bool good = step(w) == STRATA_OK;
    if (!good) {
        atomic_store_explicit(&w->changed, false, memory_order_relaxed);
    }
    return good;
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

static void work_step(void *arg) {
    st_vector_worker *w = arg;
    if (!st_mutex_try(&w->lock)) {
        return;
    }
    for (bool more = true; more && !is_closing(w);) {
        if (w->merge == NULL) {
            look(w);
            more = w->merge != NULL;
            if (more) {
                call_helpers(w);
            }
        } else {
            more = go_on(w);
        }
    }
    st_mutex_unlock(&w->lock, &w->model->host->executor);
}

static void help_step(void *arg) {
    st_vector_worker *w = arg;
    const strata_executor *executor = &w->model->host->executor;
    for (bool idle = false; !idle && !is_closing(w);) {
        atomic_fetch_add_explicit(&w->helpers, 1, memory_order_seq_cst);
        st_vector_merge *merge = atomic_load_explicit(&w->helped, memory_order_seq_cst);
        idle =
            merge == NULL || st_vector_merge_help(merge, STEP_ENTRIES, &idle) != STRATA_OK || idle;
        atomic_fetch_sub_explicit(&w->helpers, 1, memory_order_seq_cst);
        executor->wake(executor->ctx, (uint32_t *)(void *)&w->helpers, true);
    }
}

/* With the first index. Without a thread for it the caller's tick does the work, or nobody: searches then look at
 * more. */
static void start_jobs(st_vector_worker *w) {
    const strata_executor *executor = &w->model->host->executor;
    if (executor->start == NULL) {
        return;
    }
    st_mutex_lock(&w->jobs_lock, executor);
    if (w->job == NULL && !is_closing(w)) {
        if (executor->start(executor->ctx, work_step, w, WORK_EVERY_MS, &w->job) != STRATA_OK) {
            w->job = NULL;
        } else if (executor->start(executor->ctx, help_step, w, WORK_EVERY_MS, &w->help_job) !=
                   STRATA_OK) {
            w->help_job = NULL;
        }
    }
    st_mutex_unlock(&w->jobs_lock, executor);
}

/* ---- For the model --------------------------------------------------------------------------- */

strata_status st_vectors_open(st_model *model, strata_error *error) {
    const strata_allocator *memory = &model->host->memory;
    st_vector_worker *w = st_alloc_zeroed(memory, sizeof *w);
    if (w == NULL) {
        return st_fail_memory(error);
    }
    w->model = model;
    st_mutex_init(&w->lock);
    st_mutex_init(&w->jobs_lock);
    st_arena_init(&w->arena, memory, 0);
    st_request_init(&w->request, model, &w->arena, &w->error);
    st_epoch_register(&model->store.epoch, &w->slot);
    model->vector_worker = w;
    return STRATA_OK;
}

void st_vectors_close(st_model *model) {
    st_vector_worker *w = model->vector_worker;
    const strata_executor *executor = &model->host->executor;
    if (w == NULL) {
        return;
    }
    atomic_store_explicit(&model->store.closing, true, memory_order_relaxed);
    if (w->job != NULL) {
        executor->stop(executor->ctx, w->job);
    }
    if (w->help_job != NULL) {
        executor->stop(executor->ctx, w->help_job);
    }
    if (w->merge != NULL) {
        end_merge(w, false);
    }
    st_epoch_unregister(&model->store.epoch, &w->slot);
    strata_buffer_free(&w->request.value);
    st_arena_free(&w->arena);
    st_free(&model->host->memory, w, sizeof *w);
    model->vector_worker = NULL;
}

void st_vectors_changed(st_model *model) {
    st_vector_worker *w = model->vector_worker;
    if (!atomic_exchange_explicit(&w->changed, true, memory_order_relaxed)) {
        start_jobs(w);
    }
}

void st_vectors_work(st_model *model, uint32_t entries, bool *more) {
    st_vector_worker *w = model->vector_worker;
    *more = model->host->executor.start == NULL && st_mutex_try(&w->lock);
    if (!*more) {
        return;
    }
    for (uint32_t done = 0; *more && done < entries; done += STEP_ENTRIES) {
        if (w->merge == NULL) {
            look(w);
            *more = w->merge != NULL;
        } else {
            *more = go_on(w);
        }
    }
    st_mutex_unlock(&w->lock, &model->host->executor);
}

/* Each index once: what others put meanwhile can wait. */
static strata_status compact_run(st_vector_worker *w, uint64_t id) {
    wanted what = {.all = true};
    for (bool there = true; there; what.place++) {
        st_error_clear(&w->error);
        enter(w);
        const strata_status begun = begin_at(w, id, &what, &there);
        leave(w);
        ST_TRY(begun);
        if (w->merge != NULL) {
            call_helpers(w);
        }
        while (w->merge != NULL) {
            if (is_closing(w)) {
                end_merge(w, false);
                return STRATA_CLOSED;
            }
            ST_TRY(step(w));
        }
    }
    return STRATA_OK;
}

static strata_status fail_merge(const st_vector_worker *w, strata_status status,
                                strata_error *error) {
    if (w->error.code != status) {
        return st_fail_memory(error);
    }
    *error = w->error;
    return status;
}

strata_status st_vectors_compact(st_model *model, strata_error *error) {
    st_vector_worker *w = model->vector_worker;
    const strata_executor *executor = &model->host->executor;
    const uint64_t end = atomic_load_explicit(&model->runs_end, memory_order_acquire);
    strata_status status = STRATA_OK;
    st_mutex_lock(&w->lock, executor);
    while (w->merge != NULL && status == STRATA_OK) {
        status = step(w);
    }
    for (uint64_t id = 0; id < end && status == STRATA_OK; id++) {
        status = compact_run(w, id);
    }
    st_mutex_unlock(&w->lock, executor);
    return status == STRATA_OK       ? STRATA_OK
           : status == STRATA_CLOSED ? st_fail(error, status, "the database is being closed")
                                     : fail_merge(w, status, error);
}
