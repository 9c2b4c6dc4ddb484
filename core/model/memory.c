/* memory.c - memories: one key of the store each, under ST_TAG_MEMORY, and their text index.
 *
 * Stored value: 1 byte form (1), varint length of the text, the text, then the other fields as a
 * canonical MessagePack map {metadata?, tags?}, left out when there are none. The form number lets
 * memories move onto JSON documents later while old ones stay readable.
 *
 * Invariants:
 * 1. A run's text index (st_run.text) is NULL or holds exactly what the memtable holds: a write
 *    stages its document before the log has the commit and publishes it with the commit, both under
 *    the run's lock, and with the commit's version. A search at a snapshot therefore sees what a
 *    get at that snapshot sees.
 * 2. The index is derived. It is built here from the versions in the memtable, in version order;
 *    those that still wait for their sync are built in too, above the snapshots that readers have.
 */
#include "model/memory.h"

#include "base/sort.h"
#include "base/utf8.h"
#include "model/page.h"

enum { FORM = 1, PROGRESS_EVERY = 1024 };

/* ---- The stored form ------------------------------------------------------------------------- */

static strata_status encode_fields(const st_memory *memory, strata_buffer *out) {
    const uint32_t count = (memory->metadata.len > 0 ? 1u : 0u) + (memory->tags.len > 0 ? 1u : 0u);
    if (count == 0) {
        return STRATA_OK;
    }
    ST_TRY(st_msgpack_put_object(out, count));
    if (memory->metadata.len > 0) {
        ST_TRY(st_msgpack_put_string(out, strata_text("metadata")));
        ST_TRY(st_buffer_append(out, memory->metadata.data, memory->metadata.len));
    }
    if (memory->tags.len > 0) {
        ST_TRY(st_msgpack_put_string(out, strata_text("tags")));
        ST_TRY(st_buffer_append(out, memory->tags.data, memory->tags.len));
    }
    return STRATA_OK;
}

static strata_status encode(st_request *rq, const st_memory *memory) {
    strata_buffer *out = &rq->value;
    out->len = 0;
    if (st_buffer_reserve(out, 1 + ST_VARINT_BYTES_MAX + memory->text.len) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    uint8_t *p = out->data;
    *p++ = FORM;
    p = st_varint_put(p, memory->text.len);
    if (memory->text.len > 0) {
        memcpy(p, memory->text.data, memory->text.len);
    }
    out->len = (size_t)(p - out->data) + memory->text.len;
    if (encode_fields(memory, out) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    if (out->len > rq->model->value_bytes_max) {
        st_fail_constraint(rq->error, "value_too_large", "the memory has %u bytes; the limit is %u",
                           (uint64_t)out->len, (uint64_t)rq->model->value_bytes_max);
        return st_fail_number(rq->error, "limit", rq->model->value_bytes_max);
    }
    return STRATA_OK;
}

static bool decode_text(strata_slice stored, st_cursor *cursor, strata_slice *text) {
    uint8_t form;
    *cursor = st_cursor_over(stored);
    return st_cursor_u8(cursor, &form) && form == FORM && st_cursor_sized(cursor, text);
}

static bool decode_fields(st_cursor *cursor, st_memory *memory) {
    st_token map;
    if (st_cursor_left(cursor) == 0) {
        return true;
    }
    bool good = st_msgpack_next(cursor, &map) && map.type == STRATA_OBJECT;
    for (uint32_t i = 0; good && i < map.as.count; i++) {
        st_token name;
        strata_slice field;
        good = st_msgpack_next(cursor, &name) && name.type == STRATA_STRING &&
               st_msgpack_skip(cursor, &field);
        if (good && st_slice_equal(name.as.bytes, strata_text("metadata"))) {
            memory->metadata = field;
        } else if (good && st_slice_equal(name.as.bytes, strata_text("tags"))) {
            memory->tags = field;
        }
    }
    return good;
}

strata_status st_memory_read(st_request *rq, strata_slice store_key, strata_slice stored,
                             st_memory *memory) {
    st_cursor cursor;
    memset(memory, 0, sizeof *memory);
    memory->key = st_key_text_of(store_key);
    if (!decode_text(stored, &cursor, &memory->text) || !decode_fields(&cursor, memory)) {
        st_fail(rq->error, STRATA_CORRUPT, "the memory \"%S\" is malformed", &memory->key);
        return st_fail_text(rq->error, "file", strata_text("memory"));
    }
    return STRATA_OK;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static st_text_head *index_of(const st_run *run) {
    const st_run_index *index =
        atomic_load_explicit((st_run_index * _Atomic *)&run->index, memory_order_seq_cst);
    return index == NULL ? NULL : index->head;
}

static void publish_text(void *ctx, const st_commit *commit, uint64_t version) {
    (void)commit;
    st_text_head_publish(ctx, version);
}

static strata_status check_memory(st_request *rq, const st_memory *memory) {
    if (memory->text.len > ST_STRING_BYTES_MAX) {
        st_fail_constraint(rq->error, "value_too_large", "the text has %u bytes; the limit is %u",
                           (uint64_t)memory->text.len, (uint64_t)ST_STRING_BYTES_MAX);
        return st_fail_number(rq->error, "limit", ST_STRING_BYTES_MAX);
    }
    if (!st_utf8_valid(memory->text, NULL)) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT, "the text is not UTF-8");
    }
    return memory->key.len == 0 ? STRATA_OK : st_key_check(memory->key, rq->error);
}

strata_status st_memory_remember(st_request *rq, st_run *run, const st_memory *memory,
                                 strata_slice *key_out, st_stamp *stamp) {
    st_commit commit;
    st_key key;
    strata_slice text_key = memory->key;
    ST_TRY(check_memory(rq, memory));
    if (text_key.len == 0) {
        char *id = st_arena_alloc(rq->arena, ST_ID_CHARS, 1);
        if (id == NULL) {
            return st_fail_memory(rq->error);
        }
        ST_TRY(st_id_make(rq, id));
        text_key = st_slice(id, ST_ID_CHARS);
    }
    ST_TRY(encode(rq, memory));
    st_key_text(&key, ST_TAG_MEMORY, text_key);
    ST_TRY(st_run_begin(rq, run, &commit));
    /* Inside a transaction nothing is locked; what it writes is indexed at its commit. */
    st_text_head *head = rq->txn == NULL ? index_of(run) : NULL;
    if (head != NULL && st_text_head_stage(head, text_key, memory->text) != STRATA_OK) {
        st_run_abort(rq, &commit);
        return st_fail_memory(rq->error);
    }
    const st_commit_hook hook = {head, publish_text};
    ST_TRY(st_run_put(rq, &commit, &key, head == NULL ? NULL : &hook, stamp));
    *key_out = text_key;
    return STRATA_OK;
}

typedef struct forget_hook {
    st_text_head *head;
    strata_slice key;
} forget_hook;

static void remove_text(void *ctx, const st_commit *commit, uint64_t version) {
    (void)commit;
    const forget_hook *forget = ctx;
    (void)st_text_head_remove(forget->head, forget->key, version);
}

strata_status st_memory_forget(st_request *rq, st_run *run, strata_slice text_key, bool *existed,
                               st_stamp *stamp) {
    st_commit commit;
    st_key key;
    st_revision revision;
    bool found = false;
    ST_TRY(st_key_check(text_key, rq->error));
    st_key_text(&key, ST_TAG_MEMORY, text_key);
    ST_TRY(st_run_begin(rq, run, &commit));
    const strata_status status = st_run_newest(rq, run, &key, &revision, &found);
    if (status != STRATA_OK || !found) {
        st_run_abort(rq, &commit);
        *existed = false;
        return status;
    }
    forget_hook forget = {index_of(run), text_key};
    const st_commit_hook hook = {&forget, remove_text};
    ST_TRY(st_run_delete(rq, &commit, &key, forget.head == NULL ? NULL : &hook, stamp));
    *existed = true;
    return STRATA_OK;
}

strata_status st_memory_get(st_request *rq, const st_run *run, strata_slice text_key,
                            const st_when *when, st_memory *memory, st_stamp *stamp) {
    st_key key;
    st_revision revision;
    bool found;
    ST_TRY(st_key_check(text_key, rq->error));
    st_key_text(&key, ST_TAG_MEMORY, text_key);
    ST_TRY(st_read_at(rq, run, st_key_slice(&key), when, &revision, &found));
    if (!found) {
        return st_fail(rq->error, STRATA_NOT_FOUND, "there is no memory \"%S\"", &text_key);
    }
    ST_TRY(st_memory_read(rq, st_key_slice(&key), revision.value, memory));
    memory->key = text_key;
    *stamp = (st_stamp){revision.number, revision.timestamp_us};
    return STRATA_OK;
}

strata_status st_memory_find(st_request *rq, const st_run *run, strata_slice text_key,
                             const st_bound *bound, st_memory *memory, st_stamp *stamp,
                             bool *found) {
    st_key key;
    st_revision revision;
    st_key_text(&key, ST_TAG_MEMORY, text_key);
    ST_TRY(st_read_live(&rq->reader, run->shard, st_key_slice(&key), bound, &revision, found));
    if (*found) {
        ST_TRY(st_memory_read(rq, st_key_slice(&key), revision.value, memory));
        *stamp = (st_stamp){revision.number, revision.timestamp_us};
    }
    return STRATA_OK;
}

/* ---- Building the index ---------------------------------------------------------------------- */

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
        } else if (!decode_text(one->stored, &cursor, &text)) {
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

/* ---- Transactions ---------------------------------------------------------------------------- */

static void reclaim_index(st_retired *retired) {
    st_run_index *index = (st_run_index *)retired;
    st_text_head_destroy(index->head);
    st_free(index->memory, index, sizeof *index);
}

/* There is no memory to go on with it: the next recall builds it anew. Under the run's lock. */
static void give_up_index(st_request *rq, st_run *run) {
    st_run_index *index = atomic_load_explicit(&run->index, memory_order_relaxed);
    atomic_store_explicit(&run->index, NULL, memory_order_seq_cst);
    st_epoch_retire(&rq->model->store.epoch, &index->retired, reclaim_index);
}

void st_memory_index_write(st_request *rq, st_run *run, const st_write *write, uint64_t version) {
    const strata_slice key = st_key_text_of(write->key);
    st_text_head *head = index_of(run);
    st_cursor cursor;
    strata_slice text;
    if (head == NULL) {
        return;
    }
    if (write->deletes) {
        (void)st_text_head_remove(head, key, version);
    } else if (!decode_text(write->value, &cursor, &text) ||
               st_text_head_add(head, key, version, text) != STRATA_OK) {
        give_up_index(rq, run);
    }
}

void st_run_index_destroy(st_run_index *index) {
    if (index != NULL) {
        reclaim_index(&index->retired);
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
        if (!decode_text(stored, &cursor, &text)) {
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
        if (shard != NULL && shard->owner != NULL) {
            ST_TRY(st_memory_index(rq, shard->owner, &head, &base));
        }
    }
    return STRATA_OK;
}
