/* vector_index.c - the indexes of a run's collections: made from the store, changed by commits, given up.
 *
 * Invariants:
 * 1. An index is of the newest record of its collection; a commit that changes the record takes the index away.
 * 2. It has every version of every entry that fits the record (dimension; not all zero under cosine), and at the
 *    version of one that does not, or of a delete, the one before has ended: from `kept` on it holds what readers
 *    see. Of entries that were never to be there nothing else is promised.
 * 3. Versions that wait for their sync are in it, above the snapshots that readers have.
 * 4. What a fork sees of its base is in it as far as it is kept for the fork: from the fork's own beginning on.
 * What merges have kept (vector_home.h) is taken as it is; what was committed since is read from the store. Those
 * versions come in the order of keys, and go into the index in the order of commits: numbers and keys are collected
 * and sorted, then each embedding is read, so that memory is taken for keys only.
 *
 * Rejected: a record that is dropped and made again keeping its index. The old entries are deleted one by one, which
 * the index would follow; but the new record may be of another dimension.
 */
#include "model/vector/vector_index.h"

#include "base/sort.h"
#include "model/vector/vector.h"
#include "model/vector/vector_home.h"
#include "model/vector/vector_merge.h"

enum { PROGRESS_EVERY = 1024 };

/* ---- The list -------------------------------------------------------------------------------- */

static st_collection_index *first_of(const st_run *run) {
    return atomic_load_explicit((st_collection_index * _Atomic *)&run->vectors,
                                memory_order_seq_cst);
}

static st_collection_index *next_of(const st_collection_index *index) {
    return atomic_load_explicit((st_collection_index * _Atomic *)&index->next,
                                memory_order_seq_cst);
}

static st_collection_index *find(const st_run *run, strata_slice name) {
    st_collection_index *index = first_of(run);
    while (index != NULL && !st_slice_equal(index->of.name, name)) {
        index = next_of(index);
    }
    return index;
}

const st_collection_index *st_vector_index_there(const st_run *run, strata_slice name) {
    return find(run, name);
}

void st_collection_index_free(st_collection_index *index) {
    st_vector_index_destroy(index->index);
    st_free(index->memory, index->numbers, index->of.dimension * sizeof *index->numbers);
    st_free(index->memory, index, sizeof *index);
}

static void reclaim(st_retired *retired) {
    st_collection_index_free((st_collection_index *)(void *)retired);
}

void st_collection_index_retire(st_model *model, st_collection_index *index) {
    st_epoch_retire(&model->store.epoch, &index->retired, reclaim);
}

/* Takes it out of the list. Under the run's lock. */
static void give_up(st_model *model, st_run *run, st_collection_index *index) {
    st_collection_index *_Atomic *at = &run->vectors;
    while (atomic_load_explicit(at, memory_order_relaxed) != index) {
        at = &atomic_load_explicit(at, memory_order_relaxed)->next;
    }
    atomic_store_explicit(at, next_of(index), memory_order_seq_cst);
    if (index->merging) {
        index->gone = true;
    } else {
        st_collection_index_retire(model, index);
    }
}

void st_vector_index_forget_at(void *ctx, const st_commit *commit, uint64_t version) {
    const st_index_forget *forget = ctx;
    st_collection_index *index = find(forget->run, forget->name);
    (void)commit;
    (void)version;
    if (index != NULL) {
        give_up(forget->rq->model, forget->run, index);
    }
}

void st_vector_index_give_up(st_request *rq, st_run *run, const st_collection_index *index) {
    const strata_executor *executor = &rq->model->host->executor;
    st_mutex_lock(&run->shard->lock, executor);
    st_collection_index *there = first_of(run);
    while (there != NULL && there != index) {
        there = next_of(there);
    }
    if (there != NULL) {
        give_up(rq->model, run, there);
    }
    st_mutex_unlock(&run->shard->lock, executor);
}

void st_vector_indexes_forget(st_model *model, st_run *run) {
    while (first_of(run) != NULL) {
        give_up(model, run, first_of(run));
    }
}

void st_vector_indexes_free(st_run *run) {
    st_collection_index *index = first_of(run);
    while (index != NULL) {
        st_collection_index *next = next_of(index);
        st_collection_index_free(index);
        index = next;
    }
    atomic_store_explicit(&run->vectors, NULL, memory_order_relaxed);
}

/* ---- Changing -------------------------------------------------------------------------------- */

/* Into the index's room; false: it is none that can be searched. */
static bool load_embedding(st_collection_index *index, strata_slice stored) {
    st_vector vector;
    bool zero = false;
    const bool fits = stored.len > 0 && st_vector_decode(stored, &vector) &&
                      vector.dimension == index->of.dimension;
    if (!fits) {
        return false;
    }
    st_embedding_load(&vector, index->numbers);
    return st_embedding_check(index->numbers, vector.dimension, &zero, NULL) == STRATA_OK &&
           !(zero && index->of.metric == ST_METRIC_COSINE);
}

/* What is stored from that version on; empty: nothing. Errors: no_memory. */
static strata_status put(st_collection_index *index, strata_slice key, strata_slice stored,
                         uint64_t version) {
    if (!load_embedding(index, stored)) {
        (void)st_vector_index_remove(index->index, key, version);
        return STRATA_OK;
    }
    return st_vector_index_add(index->index, key, version, index->numbers);
}

void st_vector_index_write(st_request *rq, st_run *run, const st_write *write, uint64_t version) {
    strata_slice texts[3];
    if (first_of(run) == NULL) {
        return;
    }
    if (st_key_tag(write->key) == ST_TAG_COLLECTION) {
        const st_index_forget forget = {rq, run, st_key_text_of(write->key)};
        st_vector_index_forget_at((void *)&forget, NULL, version);
        return;
    }
    if (st_key_tag(write->key) != ST_TAG_VECTOR) {
        return;
    }
    st_key_texts_of(write->key, texts);
    st_collection_index *index = find(run, texts[0]);
    if (index == NULL) {
        return;
    }
    if (put(index, texts[1], write->deletes ? st_slice("", 0) : write->value, version) !=
        STRATA_OK) {
        give_up(rq->model, run, index);
    } else {
        st_vectors_changed(rq->model);
    }
}

/* ---- Making one ------------------------------------------------------------------------------ */

/* One version of one entry, to be repeated in the order of commits. */
typedef struct change {
    uint64_t number;
    strata_slice key; /* of the store */
    bool deleted;
} change;

static int compare_changes(const void *a, const void *b) {
    const uint64_t left = ((const change *)a)->number;
    const uint64_t right = ((const change *)b)->number;
    return (left > right) - (left < right);
}

/* Memory of its own, and reads that no transaction is told of. */
typedef struct builder {
    st_request *rq;
    const st_run *run;
    st_reader reader;
    st_arena arena;
    st_reader point; /* one value at a time */
    st_arena value;
    strata_buffer changes;
    uint64_t covered; /* up to this version all is in segments */
} builder;

/* What is to be repeated: of a fork also what it sees of its base, if that is not in segments. */
static strata_status start_versions(builder *b, const st_scan_range *range, st_scan *scan) {
    const st_shard *shard = b->run->shard;
    const st_version_span span = {b->covered, UINT64_MAX};
    return b->covered > 0 && b->covered >= shard->since
               ? st_versions_own(scan, &b->reader, shard, range, &span)
               : st_versions_start(scan, &b->reader, shard, range, UINT64_MAX);
}

static strata_status collect(builder *b, strata_slice name) {
    st_scan *scan = st_arena_alloc(&b->arena, sizeof *scan, 16);
    strata_slice key = {NULL, 0};
    st_scan_range range;
    if (scan == NULL) {
        return st_fail_memory(b->rq->error);
    }
    ST_TRY(st_collection_range(b->rq, name, &range));
    ST_TRY(start_versions(b, &range, scan));
    while (scan->here) {
        if (scan->revision.number <= b->covered) {
            ST_TRY(st_versions_next(scan));
            continue;
        }
        if (key.data == NULL || !st_slice_equal(key, scan->key)) {
            key = st_arena_copy(&b->arena, scan->key);
        }
        const change one = {scan->revision.number, key, scan->revision.deleted};
        if (key.data == NULL || st_buffer_append(&b->changes, &one, sizeof one) != STRATA_OK) {
            return st_fail_memory(b->rq->error);
        }
        ST_TRY(st_versions_next(scan));
    }
    return STRATA_OK;
}

static strata_status replay_one(builder *b, const change *one, st_collection_index *index) {
    const st_bound bound = st_bound_version(one->number);
    strata_slice texts[3];
    strata_slice stored = {"", 0};
    st_revision revision;
    bool found = false;
    st_key_texts_of(one->key, texts);
    if (!one->deleted) {
        st_arena_reset(&b->value);
        ST_TRY(st_read(&b->point, b->run->shard, one->key, &bound, &revision, &found));
        stored = found && revision.number == one->number ? revision.value : stored;
    }
    const float *embedding = load_embedding(index, stored) ? index->numbers : NULL;
    return st_vector_index_restore(index->index, texts[1], one->number, embedding) == STRATA_OK
               ? STRATA_OK
               : st_fail_memory(b->rq->error);
}

static strata_status replay(builder *b, st_collection_index *index) {
    const strata_log *log = &b->rq->model->host->log;
    change *changes = (change *)(void *)b->changes.data;
    const size_t count = b->changes.len / sizeof *changes;
    st_sort(changes, count, sizeof *changes, compare_changes);
    for (size_t i = 0; i < count; i++) {
        ST_TRY(replay_one(b, &changes[i], index));
        if (log->progress != NULL && (i % PROGRESS_EVERY == 0 || i + 1 == count)) {
            log->progress(log->ctx, "index", i + 1, count);
        }
    }
    return STRATA_OK;
}

static strata_status fill(st_request *rq, const st_run *run, st_collection_index *index) {
    const strata_host *host = rq->model->host;
    builder b = {.rq = rq,
                 .run = run,
                 .reader = rq->reader,
                 .point = rq->reader,
                 .changes = {NULL, 0, 0, host}};
    st_arena_init(&b.arena, &host->memory, 0);
    st_arena_init(&b.value, &host->memory, 0);
    b.reader.arena = &b.arena;
    b.reader.overlay = NULL;
    b.reader.scans = NULL;
    b.point = b.reader;
    b.point.arena = &b.value;
    st_home_room room;
    const st_vector_home home = st_vector_home_of(rq->model, run, index->of.name, &room);
    strata_status status = st_vector_index_load(index->index, &home, &b.covered, rq->error);
    if (status == STRATA_OK) {
        status = collect(&b, index->of.name);
    }
    st_reader_finish(&b.reader);
    if (status == STRATA_OK) {
        status = replay(&b, index);
    }
    st_reader_finish(&b.point);
    strata_buffer_free(&b.changes);
    st_arena_free(&b.arena);
    st_arena_free(&b.value);
    return status;
}

static strata_status create(st_request *rq, const st_collection *collection,
                            st_collection_index **out) {
    const strata_allocator *memory = &rq->model->host->memory;
    const st_vector_options options = {.metric = collection->metric,
                                       .codes = st_collection_codes(collection),
                                       .dimension = collection->dimension,
                                       .seed = collection->seed,
                                       .pool = rq->model->store.in_memory ? NULL
                                                                          : &rq->model->row_pool};
    st_collection_index *index = st_alloc_zeroed(memory, sizeof *index);
    if (index == NULL) {
        return st_fail_memory(rq->error);
    }
    index->memory = memory;
    index->of = *collection;
    memcpy(index->name, collection->name.data, collection->name.len);
    index->of.name = st_slice(index->name, collection->name.len);
    index->numbers = st_alloc(memory, collection->dimension * sizeof *index->numbers);
    if (index->numbers == NULL || st_vector_index_create(rq->model->host, &rq->model->store.epoch,
                                                         &options, &index->index) != STRATA_OK) {
        st_collection_index_free(index);
        return st_fail_memory(rq->error);
    }
    *out = index;
    return STRATA_OK;
}

static strata_status build(st_request *rq, st_run *run, const st_collection *collection,
                           st_collection_index **out) {
    st_collection_index *index = NULL;
    st_held_snapshot held; /* what was seen then is not trimmed meanwhile */
    uint64_t floor = 0;
    ST_TRY(create(rq, collection, &index));
    st_snapshot_hold(&rq->model->store, run->shard, &held);
    strata_status status = st_run_kept_from(rq, run, &floor);
    if (status == STRATA_OK) {
        status = fill(rq, run, index);
    }
    st_snapshot_release(&rq->model->store, &held);
    if (status != STRATA_OK) {
        st_collection_index_free(index);
        return status;
    }
    atomic_store_explicit(&index->kept, floor, memory_order_relaxed);
    atomic_store_explicit(&index->next, first_of(run), memory_order_relaxed);
    atomic_store_explicit(&run->vectors, index, memory_order_seq_cst);
    *out = index;
    return STRATA_OK;
}

/* Under the run's lock: the record may have changed since the caller read it. */
static strata_status build_if_newest(st_request *rq, st_run *run, const st_collection *collection,
                                     st_collection_index **out) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    const st_overlay *overlay = rq->reader.overlay;
    st_collection record;
    st_key key;
    st_revision revision;
    bool found = false;
    *out = find(run, collection->name);
    if (*out != NULL) {
        return STRATA_OK;
    }
    st_key_text(&key, ST_TAG_COLLECTION, collection->name);
    rq->reader.overlay = NULL;
    const strata_status status =
        st_read_live(&rq->reader, run->shard, st_key_slice(&key), &newest, &revision, &found);
    rq->reader.overlay = overlay;
    ST_TRY(status);
    if (!found) {
        return STRATA_OK;
    }
    ST_TRY(st_collection_read(rq, st_key_slice(&key), revision.value, &record));
    return record.dropping || !st_collection_same_index(&record, collection)
               ? STRATA_OK
               : build(rq, run, collection, out);
}

strata_status st_vector_index_of(st_request *rq, st_run *run, const st_collection *collection,
                                 const st_collection_index **out) {
    const strata_executor *executor = &rq->model->host->executor;
    st_collection_index *index = find(run, collection->name);
    *out = NULL;
    if (index == NULL) {
        st_mutex_lock(&run->shard->lock, executor);
        const strata_status status = build_if_newest(rq, run, collection, &index);
        st_mutex_unlock(&run->shard->lock, executor);
        ST_TRY(status);
        if (index != NULL) {
            st_vectors_fit(rq->model);
            st_vectors_changed(rq->model);
        }
    }
    if (index != NULL && st_collection_same_index(&index->of, collection)) {
        *out = index;
    }
    return STRATA_OK;
}
