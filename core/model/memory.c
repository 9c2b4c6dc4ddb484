/* memory.c - memories: one key of the store each, under ST_TAG_MEMORY.
 *
 * Stored value: 1 byte form (1), varint length of the text, the text, then the other fields as a
 * canonical MessagePack map {metadata?, tags?}, left out when there are none. The form number lets
 * memories move onto JSON documents later while old ones stay readable.
 *
 * Invariant: a run's text index (memory_index.c) is NULL or holds exactly what the store holds: a
 * write stages its document before the log has the commit and publishes it with the commit, both under
 * the run's lock, and with the commit's version. A search at a snapshot therefore sees what a get at
 * that snapshot sees.
 */
#include "model/memory.h"

#include "base/utf8.h"
#include "format/document.h"
#include "model/field_index.h"
#include "model/write.h"

enum { FORM = 1 };

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

bool st_memory_text(strata_slice stored, st_cursor *cursor, strata_slice *text) {
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
    if (!st_memory_text(stored, &cursor, &memory->text) || !decode_fields(&cursor, memory)) {
        st_fail(rq->error, STRATA_CORRUPT, "the memory \"%S\" is malformed", &memory->key);
        return st_fail_text(rq->error, "file", strata_text("memory"));
    }
    return STRATA_OK;
}

/* A field that is MessagePack, as a member. */
static strata_status put_field(strata_buffer *out, const char *name, strata_slice msgpack) {
    const st_document_limits limits = {UINT32_MAX / 2, ST_DOCUMENT_FRAMES_MAX - 1, UINT32_MAX};
    ST_TRY(st_document_put_name(out, strata_text(name)));
    return st_document_from_msgpack(msgpack, &limits, out, NULL);
}

strata_status st_memory_document(st_request *rq, strata_slice store_key, strata_slice stored,
                                 strata_slice *document) {
    strata_buffer made = {NULL, 0, 0, rq->model->host};
    st_memory memory;
    size_t place = 0;
    ST_TRY(st_memory_read(rq, store_key, stored, &memory));
    strata_status status = st_document_open(&made, STRATA_OBJECT, &place);
    if (status == STRATA_OK) {
        status = st_document_put_name(&made, strata_text("text"));
    }
    if (status == STRATA_OK) {
        status = st_document_put_string(&made, memory.text);
    }
    if (status == STRATA_OK && memory.metadata.len > 0) {
        status = put_field(&made, "metadata", memory.metadata);
    }
    if (status == STRATA_OK && memory.tags.len > 0) {
        status = put_field(&made, "tags", memory.tags);
    }
    if (status == STRATA_OK) {
        st_document_close(&made, place,
                          1u + (memory.metadata.len > 0 ? 1u : 0u) +
                              (memory.tags.len > 0 ? 1u : 0u));
        *document = st_arena_copy(rq->arena, st_buffer_slice(&made));
        status = document->data == NULL ? STRATA_NO_MEMORY : STRATA_OK;
    }
    strata_buffer_free(&made);
    if (status == STRATA_OK || status == STRATA_NO_MEMORY) {
        return status == STRATA_OK ? STRATA_OK : st_fail_memory(rq->error);
    }
    st_fail(rq->error, STRATA_CORRUPT, "the memory \"%S\" is malformed", &memory.key);
    return st_fail_text(rq->error, "file", strata_text("memory"));
}

/* ---- Writing --------------------------------------------------------------------------------- */

st_text_head *st_memory_head(const st_run *run) {
    const st_run_index *index =
        atomic_load_explicit((st_run_index * _Atomic *)&run->index, memory_order_seq_cst);
    return index == NULL ? NULL : index->head;
}

static void publish_text(void *ctx, const st_commit *commit, uint64_t version) {
    (void)commit;
    st_text_head_publish(ctx, version);
}

strata_status st_memory_index_fields(st_request *rq, st_run *run, const st_write *write,
                                     strata_buffer *writes) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    strata_slice before = {"", 0};
    strata_slice after = {"", 0};
    st_revision revision;
    bool found = false;
    bool any;
    ST_TRY(st_indexes_any(rq, run, ST_PRIMITIVE_MEMORY, &any));
    if (!any) {
        return STRATA_OK;
    }
    ST_TRY(st_read_live(&rq->reader, run->shard, write->key, &newest, &revision, &found));
    if (found) {
        ST_TRY(st_memory_document(rq, write->key, revision.value, &before));
    }
    if (!write->deletes) {
        ST_TRY(st_memory_document(rq, write->key, write->value, &after));
    }
    return st_indexes_change(rq, run, write->key, before, after, writes);
}

/* Commits one write and what follows from it, or puts it into the transaction. */
static strata_status write_memory(st_request *rq, st_run *run, st_commit *commit,
                                  const st_write *write, const st_commit_hook *hook,
                                  st_stamp *stamp) {
    strata_buffer writes = {NULL, 0, 0, rq->model->host};
    if (rq->txn != NULL) {
        return st_run_write(rq, commit, write, 1, hook, stamp);
    }
    strata_status status = st_memory_index_fields(rq, run, write, &writes);
    if (status == STRATA_OK && writes.len > 0 &&
        st_buffer_append(&writes, write, sizeof *write) != STRATA_OK) {
        status = st_fail_memory(rq->error);
    }
    if (status != STRATA_OK) {
        st_run_abort(rq, commit);
    } else if (writes.len == 0) {
        status = st_run_write(rq, commit, write, 1, hook, stamp);
    } else {
        status = st_run_write(rq, commit, (const st_write *)(void *)writes.data,
                              writes.len / sizeof *write, hook, stamp);
    }
    strata_buffer_free(&writes);
    return status;
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
    st_text_head *head = rq->txn == NULL ? st_memory_head(run) : NULL;
    if (head != NULL && st_text_head_stage(head, text_key, memory->text) != STRATA_OK) {
        st_run_abort(rq, &commit);
        return st_fail_memory(rq->error);
    }
    const st_commit_hook hook = {head, publish_text};
    const st_write write = {.key = st_key_slice(&key), .value = st_buffer_slice(&rq->value)};
    ST_TRY(write_memory(rq, run, &commit, &write, head == NULL ? NULL : &hook, stamp));
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
    forget_hook forget = {st_memory_head(run), text_key};
    const st_commit_hook hook = {&forget, remove_text};
    const st_write write = {.key = st_key_slice(&key), .value = st_slice("", 0), .deletes = true};
    ST_TRY(write_memory(rq, run, &commit, &write, forget.head == NULL ? NULL : &hook, stamp));
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
        memory->key = text_key; /* `key` ends here */
        *stamp = (st_stamp){revision.number, revision.timestamp_us};
    }
    return STRATA_OK;
}
