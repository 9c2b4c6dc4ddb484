/* transaction.c - what the primitives do at the commit of a transaction.
 *
 * Most writes are what they are. Four are decided here, under the run's lock, where nobody else
 * writes: an increment adds to what the key holds now, an event gets the next number and its hash, and
 * a state cell that was set its counter, and changes of a document are made to it as it is now. So the first
 * three never conflict, unless the transaction has also read what it changed, and changes of a document
 * only by their paths (json/json_txn.c).
 * Memories enter the text index, and vectors that of their collection, after the commit has its place in the log,
 * one by one. If there is no memory for one of them the index is given up, and built again by the next search.
 */
#include "model/transaction.h"

#include "base/utf8.h"
#include "model/entity/entity.h"
#include "model/event.h"
#include "model/event_wait.h"
#include "model/json/json_txn.h"
#include "model/kv.h"
#include "model/memory.h"
#include "model/memory_index.h"
#include "model/provenance.h"
#include "model/state.h"
#include "model/vector/vector.h"
#include "model/vector/vector_index.h"
#include "model/write.h"

typedef struct pending_indexed {
    struct pending_indexed *next;
    st_write write;
} pending_indexed;

typedef struct pending_commit {
    st_request *rq;
    st_run *run;
    uint64_t sequence; /* of the last event, those of this transaction included */
    uint8_t hash[ST_SHA256_BYTES];
    bool appended;
    pending_indexed *indexed;
    pending_indexed **last;
    st_json_commit json;
} pending_commit;

static strata_status copy_out(st_request *rq, strata_slice bytes, strata_slice *out) {
    *out = st_arena_copy(rq->arena, bytes);
    return out->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

static strata_status append(pending_commit *pending, strata_buffer *writes, const st_write *write) {
    return st_buffer_append(writes, write, sizeof *write) == STRATA_OK
               ? STRATA_OK
               : st_fail_memory(pending->rq->error);
}

static st_key key_of(const st_txn_write *write) {
    st_key key;
    memcpy(key.bytes, write->write.key.data, write->write.key.len);
    key.len = write->write.key.len;
    return key;
}

static strata_status apply_add(pending_commit *pending, const st_txn_write *write, st_write *out) {
    const st_key key = key_of(write);
    int64_t sum;
    ST_TRY(st_kv_add(pending->rq, pending->run, &key, (int64_t)load64_le(write->operand.data), &sum,
                     &out->expires_us));
    return copy_out(pending->rq, st_buffer_slice(&pending->rq->value), &out->value);
}

static strata_status apply_event(pending_commit *pending, const st_commit *commit,
                                 const st_txn_write *write, st_write *out) {
    st_request *rq = pending->rq;
    st_key key;
    if (!pending->appended) {
        ST_TRY(st_event_tail(rq, pending->run, &pending->sequence, pending->hash));
        pending->appended = true;
    }
    ST_TRY(
        st_event_link(rq, write->operand, commit->timestamp_us, &pending->sequence, pending->hash));
    st_key_number(&key, ST_TAG_EVENT, pending->sequence);
    rq->value.len = 0;
    if (st_buffer_append(&rq->value, write->operand.data, write->operand.len) != STRATA_OK ||
        st_buffer_append(&rq->value, pending->hash, sizeof pending->hash) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(copy_out(rq, st_key_slice(&key), &out->key));
    return copy_out(rq, st_buffer_slice(&rq->value), &out->value);
}

static strata_status apply_cell(pending_commit *pending, const st_txn_write *write, st_write *out) {
    const st_key key = key_of(write);
    st_request *rq = pending->rq;
    ST_TRY(st_state_settle(rq, pending->run, &key, write->write.value, write->operand));
    return copy_out(rq, st_buffer_slice(&rq->value), &out->value);
}

/* Memories have to be told to the text index once there is a version, and to secondary ones now; vectors to
 * the index of their collection, and to secondary ones now. */
static strata_status note_indexed(pending_commit *pending, const st_write *write,
                                  strata_buffer *writes) {
    const uint8_t tag = st_key_tag(write->key);
    if (tag != ST_TAG_MEMORY && tag != ST_TAG_COLLECTION && tag != ST_TAG_VECTOR) {
        return STRATA_OK;
    }
    if (tag == ST_TAG_MEMORY) {
        ST_TRY(st_memory_index_fields(pending->rq, pending->run, write, writes));
    }
    if (tag == ST_TAG_VECTOR) {
        ST_TRY(st_vector_index_fields(pending->rq, pending->run, write, writes));
    }
    pending_indexed *indexed = st_arena_alloc(pending->rq->arena, sizeof *indexed, 8);
    if (indexed == NULL) {
        return st_fail_memory(pending->rq->error);
    }
    *indexed = (pending_indexed){NULL, *write};
    *pending->last = indexed;
    pending->last = &indexed->next;
    return STRATA_OK;
}

static strata_status apply(void *ctx, const st_commit *commit, const st_txn_write *write,
                           strata_buffer *writes) {
    pending_commit *pending = ctx;
    st_write out = write->write;
    switch (write->rule) {
    case ST_WRITE_ADD:
        ST_TRY(apply_add(pending, write, &out));
        break;
    case ST_WRITE_EVENT:
        ST_TRY(apply_event(pending, commit, write, &out));
        break;
    case ST_WRITE_JSON:
        return st_json_commit_add(&pending->json, &out);
    case ST_WRITE_CELL:
        ST_TRY(apply_cell(pending, write, &out));
        break;
    default:
        ST_TRY(note_indexed(pending, &out, writes));
        ST_TRY(st_entity_follow(pending->rq, pending->run, &out, writes));
        ST_TRY(st_vector_follow(pending->rq, pending->run, &out));
        break;
    }
    return append(pending, writes, &out);
}

/* What follows from the writes, when all are there. */
static strata_status finish(void *ctx, const st_commit *commit, strata_buffer *writes) {
    pending_commit *pending = ctx;
    st_write record;
    bool recorded;
    (void)commit;
    ST_TRY(st_json_commit_finish(&pending->json, writes));
    ST_TRY(st_provenance_make(pending->rq, pending->run, (const st_write *)(void *)writes->data,
                              writes->len / sizeof(st_write), &record, &recorded));
    return recorded ? append(pending, writes, &record) : STRATA_OK;
}

static strata_status check(void *ctx, strata_slice note) {
    pending_commit *pending = ctx;
    return st_json_commit_check(&pending->json, note);
}

static void committed(void *ctx, const st_commit *commit, uint64_t version) {
    pending_commit *pending = ctx;
    if (pending->appended) {
        st_event_set_tail(pending->run, pending->sequence, pending->hash);
    }
    for (const pending_indexed *one = pending->indexed; one != NULL; one = one->next) {
        if (st_key_tag(one->write.key) == ST_TAG_MEMORY) {
            st_memory_index_write(pending->rq, pending->run, &one->write, version);
        } else {
            st_vector_index_write(pending->rq, pending->run, &one->write, version);
        }
    }
    st_json_commit_done(&pending->json, version, commit->timestamp_us);
}

strata_status st_transaction_commit(st_request *rq, st_run *run, uint64_t *version) {
    pending_commit pending = {.rq = rq, .run = run, .json = {.rq = rq, .run = run}};
    pending.last = &pending.indexed;
    const st_txn_rules rules = {&pending, apply, finish, check};
    const st_commit_hook hook = {&pending, committed};
    st_commit commit;
    ST_TRY(st_txn_check(rq->txn, rq->error));
    if (!st_txn_writes(rq->txn)) {
        *version = st_txn_snapshot(rq->txn);
        return STRATA_OK;
    }
    ST_TRY(st_run_lock(rq, run, &commit));
    const strata_status status = st_txn_commit(rq->txn, &commit, &rules, &hook, version, rq->error);
    st_json_commit_abort(&pending.json);
    if (status == STRATA_OK && pending.appended) {
        st_event_wake(rq, run);
    }
    return status;
}

strata_status st_transaction_check_words(st_request *rq, const st_txn_spec *spec) {
    if (spec->label.len > ST_KEY_BYTES_MAX || !st_utf8_valid(spec->label, NULL)) {
        st_fail(rq->error, STRATA_INVALID_ARGUMENT, "a label has at most %u bytes of UTF-8",
                (uint64_t)ST_KEY_BYTES_MAX);
        return st_fail_text(rq->error, "argument", strata_text("label"));
    }
    return spec->trace.len == 0 ? STRATA_OK : st_key_check(spec->trace, rq->error);
}
