/* memory_index.c - the text index of a run's memories.
 *
 * It is derived: built from the versions in the store, in version order; those that still wait for their
 * sync are built in too, above the snapshots that readers have. From then on every commit that writes
 * memories changes it (memory.c, transaction.c).
 */
#include "model/memory_index.h"

#include "base/sort.h"
#include "model/memory.h"

enum { PROGRESS_EVERY = 1024 };

/* One change of one memory, to be repeated in version order. */
typedef struct change {
    uint64_t number;
    strata_slice key;    /* of the user */
    strata_slice stored; /* empty: it was forgotten */
} change;

static int compare_changes(const void *a, const void *b) {
    const uint64_t left = ((const change *)a)->number;
    const uint64_t right = ((const change *)b)->number;
    return (left > right) - (left < right);
}

static strata_status collect_one(st_scan *scan, st_arena *arena, strata_buffer *changes) {
    change one = {scan->revision.number, st_arena_copy(arena, st_key_text_of(scan->key)),
                  st_slice("", 0)};
    if (!scan->revision.deleted) {
        strata_slice stored;
        ST_TRY(st_scan_value(scan, &stored));
        one.stored = st_arena_copy(arena, stored);
    }
    if (one.key.data == NULL || one.stored.data == NULL) {
        return STRATA_NO_MEMORY;
    }
    return st_buffer_append(changes, &one, sizeof one);
}

/* Of every memory the version that readers see at `seen`, and those above it. Under the run's lock. */
static strata_status collect(st_request *rq, const st_run *run, uint64_t seen, st_arena *arena,
                             strata_buffer *changes) {
    static const uint8_t low[] = {ST_TAG_MEMORY};
    static const uint8_t high[] = {ST_TAG_MEMORY + 1};
    const st_scan_range range = {st_slice(low, 1), st_slice(high, 1), false};
    st_scan *scan = st_arena_alloc(arena, sizeof *scan, 16);
    if (scan == NULL) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_versions_start(scan, &rq->reader, run->shard, &range, UINT64_MAX));
    while (scan->here) {
        const bool base = scan->revision.number <= seen;
        if (!(base && scan->revision.deleted)) {
            ST_TRY(collect_one(scan, arena, changes));
        }
        ST_TRY(base ? st_versions_next_key(scan) : st_versions_next(scan));
    }
    return STRATA_OK;
}

static strata_status replay(st_request *rq, const change *changes, size_t count,
                            st_text_head *head) {
    const strata_log *log = &rq->model->host->log;
    for (size_t i = 0; i < count; i++) {
        const change *one = &changes[i];
        st_cursor cursor;
        strata_slice text;
        if (one->stored.len == 0) {
            (void)st_text_head_remove(head, one->key, one->number);
        } else if (!st_memory_text(one->stored, &cursor, &text)) {
            st_fail(rq->error, STRATA_CORRUPT, "the memory \"%S\" is malformed", &one->key);
            return st_fail_text(rq->error, "file", strata_text("memory"));
        } else if (st_text_head_add(head, one->key, one->number, text) != STRATA_OK) {
            return st_fail_memory(rq->error);
        }
        if (log->progress != NULL && (i % PROGRESS_EVERY == 0 || i + 1 == count)) {
            log->progress(log->ctx, "index", i + 1, count);
        }
    }
    return STRATA_OK;
}

static strata_status fill_head(st_request *rq, const st_run *run, uint64_t seen,
                               st_text_head *head) {
    strata_buffer changes = {NULL, 0, 0, rq->model->host};
    st_arena arena;
    st_arena_init(&arena, &rq->model->host->memory, 0);
    strata_status status = collect(rq, run, seen, &arena, &changes);
    if (status == STRATA_OK) {
        change *items = (change *)(void *)changes.data;
        const size_t count = changes.len / sizeof *items;
        st_sort(items, count, sizeof *items, compare_changes);
        status = replay(rq, items, count, head);
    } else if (status == STRATA_NO_MEMORY) {
        st_fail_memory(rq->error);
    }
    st_reader_finish(&rq->reader); /* its scan lies in the arena */
    strata_buffer_free(&changes);
    st_arena_free(&arena);
    return status;
}

static strata_status build_locked(st_request *rq, st_run *run) {
    const strata_allocator *memory = &rq->model->host->memory;
    st_run_index *index = st_alloc_zeroed(memory, sizeof *index);
    if (index == NULL) {
        return st_fail_memory(rq->error);
    }
    index->memory = memory;
    strata_status status = st_text_head_create(rq->model->host, &index->head);
    if (status == STRATA_NO_MEMORY) {
        st_fail_memory(rq->error);
    } else if (status != STRATA_OK) {
        st_fail(rq->error, status, "the host has no entropy for the text index");
    } else {
        st_held_snapshot held; /* what was seen then is not trimmed meanwhile */
        st_snapshot_hold(&rq->model->store, run->shard, &held);
        index->base = held.version;
        status = fill_head(rq, run, index->base, index->head);
        st_snapshot_release(&rq->model->store, &held);
    }
    if (status != STRATA_OK) {
        st_run_index_destroy(index);
        return status;
    }
    atomic_store_explicit(&run->index, index, memory_order_release);
    return STRATA_OK;
}

/* There is no memory to go on with it: the next recall builds it anew. Under the run's lock. */
static void give_up_index(st_request *rq, st_run *run) {
    st_run_index *index = atomic_load_explicit(&run->index, memory_order_relaxed);
    atomic_store_explicit(&run->index, NULL, memory_order_seq_cst);
    st_epoch_retire(&rq->model->store.epoch, &index->retired, st_run_index_reclaim);
}

void st_memory_index_write(st_request *rq, st_run *run, const st_write *write, uint64_t version) {
    const strata_slice key = st_key_text_of(write->key);
    st_text_head *head = st_memory_head(run);
    st_cursor cursor;
    strata_slice text;
    if (head == NULL) {
        return;
    }
    if (write->deletes) {
        (void)st_text_head_remove(head, key, version);
    } else if (!st_memory_text(write->value, &cursor, &text) ||
               st_text_head_add(head, key, version, text) != STRATA_OK) {
        give_up_index(rq, run);
    }
}

strata_status st_memory_index(st_request *rq, st_run *run, const st_text_head **head,
                              uint64_t *base) {
    const strata_executor *executor = &rq->model->host->executor;
    const st_run_index *index = atomic_load_explicit(&run->index, memory_order_seq_cst);
    if (index == NULL) {
        st_mutex_lock(&run->shard->lock, executor);
        index = atomic_load_explicit(&run->index, memory_order_seq_cst);
        const strata_status status = index == NULL ? build_locked(rq, run) : STRATA_OK;
        index = atomic_load_explicit(&run->index, memory_order_seq_cst);
        st_mutex_unlock(&run->shard->lock, executor);
        ST_TRY(status);
    }
    *head = index->head;
    *base = index->base;
    return STRATA_OK;
}

static strata_status add_all(st_request *rq, st_scan *scan, uint64_t version, st_text_head *head) {
    while (scan->here) {
        st_cursor cursor;
        strata_slice stored;
        strata_slice text;
        const strata_slice key = st_key_text_of(scan->key);
        ST_TRY(st_scan_value(scan, &stored));
        if (!st_memory_text(stored, &cursor, &text)) {
            st_fail(rq->error, STRATA_CORRUPT, "the memory \"%S\" is malformed", &key);
            return st_fail_text(rq->error, "file", strata_text("memory"));
        }
        if (st_text_head_add(head, key, version, text) != STRATA_OK) {
            return st_fail_memory(rq->error);
        }
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

strata_status st_memory_index_at(st_request *rq, const st_run *run, const st_bound *bound,
                                 st_text_head **out, uint64_t *version) {
    static const uint8_t low[] = {ST_TAG_MEMORY};
    static const uint8_t high[] = {ST_TAG_MEMORY + 1};
    const st_scan_range range = {st_slice(low, 1), st_slice(high, 1), false};
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    st_text_head *head = NULL;
    if (scan == NULL) {
        return st_fail_memory(rq->error);
    }
    const strata_status made = st_text_head_create(rq->model->host, &head);
    if (made != STRATA_OK) {
        return made == STRATA_NO_MEMORY
                   ? st_fail_memory(rq->error)
                   : st_fail(rq->error, made, "the host has no entropy for the text index");
    }
    strata_status status = st_scan_start(scan, &rq->reader, run->shard, &range, bound);
    if (status == STRATA_OK) {
        status = add_all(rq, scan, 1, head);
    }
    if (status != STRATA_OK) {
        st_text_head_destroy(head);
        return status;
    }
    *out = head;
    *version = 1;
    return STRATA_OK;
}

strata_status st_memory_index_all(st_request *rq) {
    const uint64_t end = atomic_load_explicit(&rq->model->runs_end, memory_order_acquire);
    for (uint64_t id = ST_RUN_DEFAULT; id < end; id++) {
        const st_shard *shard = st_shards_find(&rq->model->store.shards, id);
        const st_text_head *head;
        uint64_t base;
        if (shard != NULL && shard->owner != NULL && st_shard_gone(shard) == 0) {
            ST_TRY(st_memory_index(rq, shard->owner, &head, &base));
        }
    }
    return STRATA_OK;
}
