/* index.c - the vectors of one collection: the parts, and what comes into them.
 *
 * 1. Every entry is in one part, and of one key at most one lives on; what replaces an entry ends it at its own
 *    version, so at any version there is at most one.
 * 2. Only the head, the last part of the view, takes entries. It is full when its rows are; then a new one follows.
 * 3. Readers have the view of the moment at which they looked; views, and parts that are in none any more, are
 *    retired to the epoch.
 * Rejected: a graph that takes entries at once. An entry would cost the writer two hundred microseconds, under the
 * lock, instead of two; looking at four thousand codes costs a reader fifty.
 */
#include "index/vector/index_private.h"
#include "index/vector/part_file.h"

/* ---- Views ----------------------------------------------------------------------------------- */

static size_t view_bytes(uint32_t count) {
    return sizeof(st_vector_view) + count * sizeof(st_part *);
}

strata_status st_vector_view_create(const strata_allocator *memory, uint32_t count,
                                    st_vector_view **view) {
    st_vector_view *made = st_alloc_zeroed(memory, view_bytes(count));
    if (made == NULL) {
        return STRATA_NO_MEMORY;
    }
    made->memory = memory;
    made->room = count;
    made->count = count;
    *view = made;
    return STRATA_OK;
}

static void reclaim_view(st_retired *retired) {
    st_vector_view *view = (st_vector_view *)(void *)retired;
    st_free(view->memory, view, view_bytes(view->room));
}

void st_vector_view_show(st_vector_index *index, st_vector_view *view) {
    st_vector_view *old = st_vector_view_of(index);
    atomic_store_explicit(&index->view, view, memory_order_seq_cst);
    if (old != NULL) {
        st_epoch_retire(index->epoch, &old->retired, reclaim_view);
    }
}

strata_status st_vector_part_create(st_vector_index *index, uint32_t capacity, st_part **part) {
    /* The same seed for all: nodes take their levels along from graph to graph. */
    return st_part_create(index->host, &index->codec, capacity, index->seed, part);
}

/* ---- Life ------------------------------------------------------------------------------------ */

strata_status st_vector_index_create(const strata_host *host, st_epoch *epoch,
                                     const st_vector_options *options, st_vector_index **index) {
    st_vector_index *made = st_alloc_zeroed(&host->memory, sizeof *made);
    st_vector_view *view;
    if (made == NULL) {
        return STRATA_NO_MEMORY;
    }
    made->host = host;
    made->epoch = epoch;
    made->codec =
        st_codec_of(options->metric, options->codes, options->dimension, st_vector_kernels_best());
    made->seed = options->seed;
    made->pool = options->pool;
    made->head_rows = options->head_rows > 0 ? options->head_rows : ST_VECTOR_HEAD_ROWS;
    st_mutex_init(&made->scratch_lock);
    const strata_status status = st_vector_view_create(&host->memory, 0, &view);
    if (status != STRATA_OK) {
        st_free(&host->memory, made, sizeof *made);
        return status;
    }
    st_row_reader_open(&made->writer, made->pool);
    atomic_init(&made->view, view);
    *index = made;
    return STRATA_OK;
}

void st_vector_index_destroy(st_vector_index *index) {
    if (index == NULL) {
        return;
    }
    const strata_allocator *memory = &index->host->memory;
    st_vector_view *view = st_vector_view_of(index);
    for (uint32_t i = 0; i < view->count; i++) {
        st_part_destroy(view->parts[i]);
    }
    reclaim_view(&view->retired);
    st_row_reader_close(&index->writer);
    while (index->scratch != NULL) {
        st_vector_scratch *next = index->scratch->next;
        st_walk_free(&index->scratch->walk);
        st_row_reader_close(&index->scratch->reader);
        st_free(memory, index->scratch, sizeof *index->scratch);
        index->scratch = next;
    }
    st_free(memory, index, sizeof *index);
}

const st_codec *st_vector_index_codec(const st_vector_index *index) {
    return &index->codec;
}

/* ---- Scratch --------------------------------------------------------------------------------- */

strata_status st_vector_scratch_take(const st_vector_index *index, st_vector_scratch **scratch) {
    st_vector_index *owner = (st_vector_index *)index;
    st_mutex_lock(&owner->scratch_lock, &index->host->executor);
    st_vector_scratch *taken = owner->scratch;
    if (taken != NULL) {
        owner->scratch = taken->next;
    }
    st_mutex_unlock(&owner->scratch_lock, &index->host->executor);
    if (taken == NULL) {
        taken = st_alloc_zeroed(&index->host->memory, sizeof *taken);
        if (taken == NULL) {
            return STRATA_NO_MEMORY;
        }
        st_walk_init(&taken->walk, &index->host->memory);
        st_row_reader_open(&taken->reader, index->pool);
        taken->walk.reader = &taken->reader;
    }
    *scratch = taken;
    return STRATA_OK;
}

void st_vector_scratch_give(const st_vector_index *index, st_vector_scratch *scratch) {
    st_vector_index *owner = (st_vector_index *)index;
    st_mutex_lock(&owner->scratch_lock, &index->host->executor);
    scratch->next = owner->scratch;
    owner->scratch = scratch;
    st_mutex_unlock(&owner->scratch_lock, &index->host->executor);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Behind the last part, which is full, or the first one. */
static strata_status add_head(st_vector_index *index) {
    const st_vector_view *old = st_vector_view_of(index);
    st_vector_view *view;
    st_part *head;
    if (old->count == ST_VECTOR_PARTS_MAX) {
        return STRATA_NO_MEMORY;
    }
    ST_TRY(st_vector_view_create(&index->host->memory, old->count + 1, &view));
    const strata_status status = st_vector_part_create(index, index->head_rows, &head);
    if (status != STRATA_OK) {
        reclaim_view(&view->retired);
        return status;
    }
    memcpy(view->parts, old->parts, old->count * sizeof *view->parts);
    view->parts[old->count] = head;
    st_vector_view_show(index, view);
    return STRATA_OK;
}

static st_part *head_of(const st_vector_index *index) {
    const st_vector_view *view = st_vector_view_of(index);
    st_part *last = view->count == 0 ? NULL : view->parts[view->count - 1];
    return last == NULL || st_part_settled(last) || st_part_count(last) == last->capacity ? NULL
                                                                                          : last;
}

static bool end_key(const st_vector_view *view, strata_slice key, uint64_t version) {
    bool ended = false;
    for (uint32_t i = view->count; i > 0 && !ended; i--) {
        const uint32_t row = st_part_find(view->parts[i - 1], key);
        ended = row != ST_NO_NODE;
        if (ended) {
            st_part_end(view->parts[i - 1], row, version);
        }
    }
    return ended;
}

strata_status st_vector_index_add(st_vector_index *index, strata_slice key, uint64_t version,
                                  const float *embedding) {
    uint8_t *code;
    st_part *head = head_of(index);
    if (head == NULL) {
        ST_TRY(add_head(index));
        head = head_of(index);
    }
    ST_TRY(st_part_stage(head, key, &code));
    st_code_write(&index->codec, embedding, code);
    (void)st_vector_index_remove(index, key, version);
    st_part_publish(head, version);
    return STRATA_OK;
}

bool st_vector_index_remove(st_vector_index *index, strata_slice key, uint64_t version) {
    st_row_reader_enter(&index->writer);
    const bool ended = end_key(st_vector_view_of(index), key, version);
    st_row_reader_leave(&index->writer);
    return ended;
}

strata_status st_vector_index_tell(const st_vector_index *index, strata_error *error) {
    const st_vector_view *view = st_vector_view_of(index);
    for (uint32_t i = 0; i < view->count; i++) {
        ST_TRY(st_part_tell_failure(view->parts[i], error));
    }
    return STRATA_OK;
}

/* ---- Statistics and checking ----------------------------------------------------------------- */

void st_vector_index_stats(const st_vector_index *index, st_vector_stats *stats) {
    const st_vector_view *view = st_vector_view_of(index);
    *stats = (st_vector_stats){.parts = view->count};
    for (uint32_t i = 0; i < view->count; i++) {
        const st_part *part = view->parts[i];
        const uint32_t ended =
            atomic_load_explicit((_Atomic uint32_t *)&part->ended, memory_order_acquire);
        const uint32_t count = st_part_count(part);
        stats->entries += count;
        stats->live += count - ended;
        stats->linked += part->linked ? count : 0;
        stats->bytes += st_part_bytes(part);
    }
}

static strata_status check_parts(const st_vector_index *index, st_row_reader *reader,
                                 strata_error *error) {
    const st_vector_view *view = st_vector_view_of(index);
    for (uint32_t i = 0; i < view->count; i++) {
        const st_part *part = view->parts[i];
        ST_TRY(st_part_check(part, reader, error));
        for (uint32_t row = 0; row < st_part_count(part); row++) {
            const st_entry *entry = st_part_entry(part, row);
            st_row_reader_rest(reader);
            for (uint32_t j = 0; j < i && st_entry_to(entry) == ST_VECTOR_FOREVER; j++) {
                if (st_part_find(view->parts[j], st_part_key(part, entry)) != ST_NO_NODE) {
                    return st_fail(error, STRATA_INTERNAL, "two entries live under one key");
                }
            }
        }
    }
    return STRATA_OK;
}

strata_status st_vector_index_check(const st_vector_index *index, strata_error *error) {
    st_row_reader *reader = &((st_vector_index *)index)->writer;
    st_row_reader_enter(reader);
    const strata_status status = check_parts(index, reader, error);
    st_row_reader_leave(reader);
    return status;
}
