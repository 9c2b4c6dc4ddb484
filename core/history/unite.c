/* unite.c - three-way merge, key by key.
 *
 * Base is what both runs show of the run where their trails meet (trail.h), at the lower of the two
 * numbers. Of each key that was touched since (touched.h) three values are read:
 *   source as base                 nothing: what the target has stays
 *   target as base, or as source   the source's is taken, or there already
 *   all three different            a conflict; of documents, of those paths that are (unite_document.h)
 * Values are the same if they have the same bytes and end at the same time. Things that are written
 * once and never changed (traces) come over like any others, and cannot be in conflict.
 *
 * Events are a log and not keys: those that the source has appended since are appended to the target,
 * in their order, which is that of their times, with the target's next numbers and hashes. Where an
 * event came from is said in its payload: merged_from {run, sequence, timestamp, hash}, and inside it
 * the merged_from that it had before. The highest sequence that the target has from the source is where
 * an earlier merge ended.
 *
 * It all happens in a transaction on the target, so what was read of it is validated at the commit.
 * What follows from a key (the other direction of an edge, a place among a parent's traces) is in keys
 * of its own, which are made anew and never compared.
 *
 * Rejected: replaying the source's commits one by one. It would keep their times, but each would have
 * to be validated by itself, and a conflict in the last would come after the first was written.
 */
#include "history/unite.h"

#include "history/touched.h"
#include "history/unite_document.h"
#include "model/event.h"
#include "model/json/json_private.h"
#include "model/primitive.h"
#include "model/show.h"
#include "model/trace.h"
#include "model/transaction.h"
#include "model/write.h"

typedef struct merger {
    st_request *rq;
    const st_unite_spec *spec;
    st_united *united;
    st_trail trails[2]; /* source, target */
    st_meeting meeting;
    st_point source;
    st_bound target; /* inside the transaction */
    st_bound base;
    st_run base_run; /* of the shard where the trails meet; only to read */
    st_txn *txn;
    st_arena arena;
    st_request scratch;          /* in that arena: the three values of a thing */
    strata_slice first_conflict; /* a key, of the arena */
} merger;

/* ---- Keys ------------------------------------------------------------------------------------ */

static strata_status put(merger *self, const st_write *write) {
    const st_txn_write pending = {.write = *write, .operand = {"", 0}};
    return st_txn_put(self->txn, &pending, self->rq->error);
}

/* The key that follows from another: the same edge from its other end, a trace below its parent. */
static strata_status derive(merger *self, strata_slice key, const st_revision *source, st_key *out,
                            bool *derived) {
    strata_slice texts[3];
    st_trace trace;
    *derived = st_key_tag(key) == ST_TAG_EDGE;
    if (*derived) {
        st_key_texts_of(key, texts);
        const strata_slice turned[] = {texts[2], texts[1], texts[0]};
        st_key_texts(out, ST_TAG_EDGE_IN, turned, 3);
    }
    if (st_key_tag(key) == ST_TAG_TRACE && source != NULL) {
        ST_TRY(st_trace_of(self->rq, st_key_text_of(key), source->value, &trace));
        const strata_slice pair[] = {trace.parent, trace.id};
        *derived = trace.parent.len > 0;
        if (*derived) {
            st_key_texts(out, ST_TAG_TRACE_CHILD, pair, 2);
        }
    }
    return STRATA_OK;
}

/* The place that a trace of the target had among the children of another parent. */
static strata_status drop_place(merger *self, strata_slice key, const st_revision *target) {
    st_key other;
    bool derived;
    ST_TRY(derive(self, key, target, &other, &derived));
    if (!derived) {
        return STRATA_OK;
    }
    const st_write write = {.key = st_key_slice(&other), .value = st_slice("", 0), .deletes = true};
    return put(self, &write);
}

static strata_status put_derived(merger *self, strata_slice key, const st_revision *source) {
    st_key other;
    bool derived;
    ST_TRY(derive(self, key, source, &other, &derived));
    if (!derived) {
        return STRATA_OK;
    }
    const st_write write = {
        .key = st_key_slice(&other), .value = st_slice("", 0), .deletes = source == NULL};
    return put(self, &write);
}

/* The request is the transaction's while something is written through a primitive. */
static void join(merger *self, bool joins) {
    self->rq->txn = joins ? self->txn : NULL;
    self->rq->reader.overlay = joins ? st_txn_overlay(self->txn) : NULL;
}

/* Of a document its own way, which knows of its parts. */
static strata_status put_json(merger *self, strata_slice text, const st_revision *source) {
    st_request *rq = self->rq;
    strata_buffer msgpack = {.host = rq->model->host};
    st_stamp stamp;
    bool existed;
    strata_status status =
        source == NULL ? STRATA_OK : st_document_to_msgpack(source->value, &msgpack);
    if (status != STRATA_OK) {
        strata_buffer_free(&msgpack);
        return status == STRATA_NO_MEMORY ? st_fail_memory(rq->error) : st_json_fail(rq, text);
    }
    const strata_value value = strata_object(st_buffer_slice(&msgpack));
    const st_json_input input = {.value = &value};
    join(self, true);
    status = source == NULL
                 ? st_json_destroy(rq, self->spec->target, text, &existed, &stamp)
                 : st_json_set(rq, self->spec->target, text, st_slice("", 0), &input, &stamp);
    join(self, false);
    strata_buffer_free(&msgpack);
    return status;
}

static strata_status take(merger *self, strata_slice key, const st_revision *source) {
    const st_write write = {
        .key = key,
        .value = source == NULL ? st_slice("", 0) : source->value,
        .deletes = source == NULL,
        .expires_us = source == NULL || source->expires_us == ST_NEVER ? 0 : source->expires_us};
    self->united->taken++;
    if (self->spec->dry_run) {
        return STRATA_OK;
    }
    if (st_key_tag(key) == ST_TAG_JSON) {
        return put_json(self, st_key_text_of(key), source);
    }
    ST_TRY(put(self, &write));
    return put_derived(self, key, source);
}

static strata_status note_conflict(merger *self, const st_merge_conflict *conflict) {
    self->united->conflicts++;
    if (self->first_conflict.len == 0) {
        self->first_conflict = st_arena_copy(self->rq->arena, conflict->key);
        if (self->first_conflict.data == NULL) {
            return st_fail_memory(self->rq->error);
        }
    }
    return self->spec->conflict(self->spec->ctx, conflict);
}

static strata_status same(merger *self, strata_slice key, const st_revision *a,
                          const st_revision *b, bool *are_same) {
    *are_same = a == b;
    return a == NULL || b == NULL ? STRATA_OK : st_show_same(&self->scratch, key, a, b, are_same);
}

/* Reads the value of the target so that the transaction knows of it. */
static strata_status read_target(merger *self, strata_slice key, st_revision *revision,
                                 bool *found) {
    self->scratch.reader.overlay = st_txn_overlay(self->txn);
    const strata_status status =
        st_show_read(&self->scratch, self->spec->target, key, &self->target, revision, found);
    self->scratch.reader.overlay = NULL;
    return status;
}

/* ---- Documents ------------------------------------------------------------------------------- */

typedef struct document_merge {
    merger *self;
    strata_slice key;
} document_merge;

static strata_status note_path(void *ctx, const st_path_conflict *path) {
    const document_merge *of = ctx;
    const st_revision base = {.value = path->base};
    const st_revision source = {.value = path->source};
    const st_revision target = {.value = path->target};
    const st_merge_conflict conflict = {of->key, path->pointer, path->base.len > 0 ? &base : NULL,
                                        path->source.len > 0 ? &source : NULL,
                                        path->target.len > 0 ? &target : NULL};
    return note_conflict(of->self, &conflict);
}

/* Both have changed a document: path by path. revisions: base, source, target. */
static strata_status merge_document(merger *self, strata_slice key, const st_revision *revisions) {
    document_merge of = {self, key};
    const st_document_merge merge = {.base = revisions[0].value,
                                     .source = revisions[1].value,
                                     .target = revisions[2].value,
                                     .theirs = self->spec->strategy == ST_MERGE_THEIRS,
                                     .conflict = note_path,
                                     .ctx = &of};
    st_revision merged = revisions[1];
    const strata_status status =
        st_document_unite(&self->arena, self->rq->model->host, &merge, &merged.value);
    if (status == STRATA_CORRUPT && self->rq->error->code == STRATA_OK) {
        return st_json_fail(self->rq, st_key_text_of(key));
    }
    if (status == STRATA_NO_MEMORY) {
        return st_fail_memory(self->rq->error);
    }
    ST_TRY(status);
    return merged.value.data == merge.target.data ? STRATA_OK : take(self, key, &merged);
}

static strata_status merge_key(merger *self, strata_slice key) {
    st_revision revisions[3];
    bool found[3];
    bool equal;
    st_scratch_forget(&self->scratch);
    ST_TRY(
        st_show_read(&self->scratch, &self->base_run, key, &self->base, &revisions[0], &found[0]));
    ST_TRY(st_point_read(&self->scratch, &self->source, key, &revisions[1], &found[1]));
    const st_revision *base = found[0] ? &revisions[0] : NULL;
    const st_revision *source = found[1] ? &revisions[1] : NULL;
    ST_TRY(same(self, key, source, base, &equal));
    if (equal) {
        return STRATA_OK;
    }
    ST_TRY(read_target(self, key, &revisions[2], &found[2]));
    const st_revision *target = found[2] ? &revisions[2] : NULL;
    ST_TRY(same(self, key, source, target, &equal));
    if (equal) {
        return STRATA_OK;
    }
    ST_TRY(same(self, key, target, base, &equal));
    if (equal) {
        return take(self, key, source);
    }
    if (st_key_tag(key) == ST_TAG_JSON && base != NULL && source != NULL && target != NULL) {
        return merge_document(self, key, revisions);
    }
    const st_merge_conflict conflict = {key, st_slice("", 0), base, source, target};
    ST_TRY(note_conflict(self, &conflict));
    if (self->spec->strategy != ST_MERGE_THEIRS) {
        return STRATA_OK;
    }
    if (st_key_tag(key) == ST_TAG_TRACE && target != NULL && !self->spec->dry_run) {
        ST_TRY(drop_place(self, key, target));
    }
    return take(self, key, source);
}

static strata_status merge_tag(merger *self, uint8_t tag) {
    const st_touched_spec where = {
        {&self->trails[0], &self->trails[1]}, self->meeting, tag, st_slice("", 0)};
    st_touched touched;
    strata_status status = st_touched_start(&touched, self->rq, &where);
    while (status == STRATA_OK && touched.here) {
        status = merge_key(self, st_key_slice(&touched.key));
        if (status == STRATA_OK) {
            status = st_touched_next(&touched);
        }
    }
    st_touched_end(&touched);
    return status;
}

/* ---- Events ---------------------------------------------------------------------------------- */

static bool take_named(st_cursor *map, const char *name, strata_slice *value) {
    st_cursor at = *map;
    st_token token;
    bool good = st_msgpack_next(&at, &token) && token.type == STRATA_OBJECT;
    for (uint32_t left = good ? token.as.count : 0; good && left > 0; left--) {
        good = st_msgpack_next(&at, &token) && token.type == STRATA_STRING &&
               st_msgpack_skip(&at, value);
        if (good && st_slice_equal(token.as.bytes, strata_text(name))) {
            return true;
        }
    }
    return false;
}

static bool take_token(strata_slice map, const char *name, strata_type type, st_token *token) {
    st_cursor at = st_cursor_over(map);
    strata_slice field;
    if (!take_named(&at, name, &field)) {
        return false;
    }
    at = st_cursor_over(field);
    return st_msgpack_next(&at, token) && token->type == type;
}

/* What an event says of where it was before; false: it does not come from the source. */
static bool origin_of(const merger *self, strata_slice payload, uint64_t *sequence,
                      strata_slice *hash) {
    st_cursor map = st_cursor_over(payload);
    strata_slice from;
    st_token token;
    if (!take_named(&map, "merged_from", &from) ||
        !take_token(from, "run", STRATA_STRING, &token) ||
        !st_slice_equal(token.as.bytes, self->spec->source_name) ||
        !take_token(from, "sequence", STRATA_INT, &token) || token.as.integer <= 0) {
        return false;
    }
    *sequence = (uint64_t)token.as.integer;
    if (!take_token(from, "hash", STRATA_BYTES, &token)) {
        return false;
    }
    *hash = token.as.bytes;
    return true;
}

/* Whether that event is in the source: another run may have had its name. */
static strata_status is_in_source(merger *self, uint64_t sequence, strata_slice hash, bool *is) {
    st_key key;
    st_revision revision;
    st_event event;
    *is = false;
    st_key_number(&key, ST_TAG_EVENT, sequence);
    ST_TRY(st_point_read(&self->scratch, &self->source, st_key_slice(&key), &revision, is));
    if (*is) {
        ST_TRY(st_event_of(self->rq, st_key_slice(&key), &revision, revision.value, &event));
        *is = st_slice_equal(st_slice(event.hash, ST_SHA256_BYTES), hash);
    }
    return STRATA_OK;
}

static strata_status scan_events(merger *self, st_reader *reader, const st_shard *shard,
                                 const st_bound *bound, uint64_t above, st_scan **scan) {
    static const uint8_t high[] = {ST_TAG_EVENT + 1};
    st_key *low = st_arena_alloc(self->rq->arena, sizeof *low, 8);
    *scan = st_arena_alloc(self->rq->arena, sizeof **scan, 16);
    if (low == NULL || *scan == NULL) {
        return st_fail_memory(self->rq->error);
    }
    st_key_number(low, ST_TAG_EVENT, above + 1);
    const st_scan_range range = {st_key_slice(low), st_slice(high, 1), false};
    return st_scan_start(*scan, reader, shard, &range, bound);
}

static strata_status last_event(merger *self, const st_shard *shard, const st_bound *bound,
                                uint64_t *sequence) {
    static const uint8_t low[] = {ST_TAG_EVENT};
    static const uint8_t high[] = {ST_TAG_EVENT + 1};
    const st_scan_range range = {st_slice(low, 1), st_slice(high, 1), true};
    st_scan *scan = st_arena_alloc(self->rq->arena, sizeof *scan, 16);
    if (scan == NULL) {
        return st_fail_memory(self->rq->error);
    }
    ST_TRY(st_scan_start(scan, &self->rq->reader, shard, &range, bound));
    *sequence = scan->here ? st_key_number_of(scan->key) : 0;
    st_scan_end(scan);
    return STRATA_OK;
}

/* Where an earlier merge ended: the highest sequence of the source among the target's own events. */
static strata_status last_merged(merger *self, uint64_t common, uint64_t *sequence) {
    st_scan *scan;
    *sequence = common;
    ST_TRY(scan_events(self, &self->rq->reader, self->spec->target->shard, &self->target, common,
                       &scan));
    while (scan->here) {
        st_event event;
        ST_TRY(st_event_at(self->rq, scan, &event));
        uint64_t origin;
        strata_slice hash;
        bool merged = origin_of(self, event.payload, &origin, &hash) && origin > *sequence;
        if (merged) {
            ST_TRY(is_in_source(self, origin, hash, &merged));
        }
        *sequence = merged ? origin : *sequence;
        ST_TRY(st_scan_next(scan));
    }
    st_scan_end(scan);
    return STRATA_OK;
}

/* The payload with merged_from last; of one that it had, it becomes the inner one. */
static strata_status put_payload(merger *self, const st_event *event, strata_buffer *out) {
    st_cursor at = st_cursor_over(event->payload);
    st_cursor map = at;
    strata_slice inner;
    st_token token;
    const bool nested = take_named(&map, "merged_from", &inner);
    if (!st_msgpack_next(&at, &token) || token.type != STRATA_OBJECT) {
        return st_fail(self->rq->error, STRATA_CORRUPT, "event %u is malformed", event->sequence);
    }
    ST_TRY(st_msgpack_put_object(out, token.as.count + (nested ? 0 : 1)));
    for (uint32_t left = token.as.count; left > 0; left--) {
        const uint8_t *start = at.at;
        strata_slice value;
        st_token name;
        if (!st_msgpack_next(&at, &name) || !st_msgpack_skip(&at, &value)) {
            return st_fail(self->rq->error, STRATA_CORRUPT, "event %u is malformed",
                           event->sequence);
        }
        if (!nested || value.data != inner.data) {
            ST_TRY(st_buffer_append(out, start, (size_t)(at.at - start)));
        }
    }
    ST_TRY(st_msgpack_put_string(out, strata_text("merged_from")));
    ST_TRY(st_msgpack_put_object(out, nested ? 5 : 4));
    ST_TRY(st_msgpack_put_string(out, strata_text("run")));
    ST_TRY(st_msgpack_put_string(out, self->spec->source_name));
    ST_TRY(st_msgpack_put_string(out, strata_text("sequence")));
    ST_TRY(st_msgpack_put_uint(out, event->sequence));
    ST_TRY(st_msgpack_put_string(out, strata_text("timestamp")));
    ST_TRY(st_msgpack_put_int(out, event->timestamp_us));
    ST_TRY(st_msgpack_put_string(out, strata_text("hash")));
    ST_TRY(st_msgpack_put_bytes(out, st_slice(event->hash, ST_SHA256_BYTES)));
    if (nested) {
        ST_TRY(st_msgpack_put_string(out, strata_text("merged_from")));
        ST_TRY(st_buffer_append(out, inner.data, inner.len));
    }
    return STRATA_OK;
}

static strata_status append_event(merger *self, const st_event *event) {
    strata_buffer payload = {.host = self->rq->model->host};
    self->united->events++;
    if (self->spec->dry_run) {
        return STRATA_OK;
    }
    strata_status status = put_payload(self, event, &payload);
    if (status == STRATA_OK) {
        const strata_value value = strata_object(st_buffer_slice(&payload));
        uint64_t sequence;
        st_stamp stamp;
        join(self, true);
        status =
            st_event_append(self->rq, self->spec->target, event->type, &value, &sequence, &stamp);
        join(self, false);
    } else if (status == STRATA_NO_MEMORY) {
        status = st_fail_memory(self->rq->error);
    }
    strata_buffer_free(&payload);
    return status;
}

static strata_status merge_events(merger *self) {
    uint64_t common = 0;
    uint64_t merged;
    st_scan *scan;
    ST_TRY(last_event(self, self->meeting.shard, &self->base, &common));
    ST_TRY(last_merged(self, common, &merged));
    ST_TRY(scan_events(self, &self->rq->reader, self->spec->source->shard, &self->source.bound,
                       merged, &scan));
    while (scan->here) {
        st_event event;
        ST_TRY(st_event_at(self->rq, scan, &event));
        ST_TRY(append_event(self, &event));
        ST_TRY(st_scan_next(scan));
    }
    st_scan_end(scan);
    return STRATA_OK;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static strata_status merge_all(merger *self) {
    for (unsigned id = ST_PRIMITIVE_NONE + 1; id < ST_PRIMITIVE_COUNT; id++) {
        if (id != ST_PRIMITIVE_PROVENANCE && id != ST_PRIMITIVE_EVENT) {
            ST_TRY(merge_tag(self, st_primitive_of((st_primitive_id)id)->tags[0]));
        }
    }
    return merge_events(self);
}

static strata_status fail_conflicts(const merger *self) {
    char text[ST_KEY_BYTES_MAX];
    const strata_slice key = st_slice(text, st_key_show(self->first_conflict, text));
    st_fail(self->rq->error, STRATA_CONFLICT,
            "%u things were changed on both sides, the first of them \"%S\"; nothing was merged. "
            "Choose theirs or ours, or settle them first",
            self->united->conflicts, &key);
    st_fail_number(self->rq->error, "conflicts", (int64_t)self->united->conflicts);
    return st_fail_text(self->rq->error, "key", key);
}

static strata_status commit(merger *self) {
    st_request *rq = self->rq;
    join(self, true);
    const strata_status status =
        st_txn_writes(self->txn)
            ? st_transaction_commit(rq, self->spec->target, &self->united->version)
            : STRATA_OK;
    join(self, false);
    return status;
}

static strata_status merge_runs(merger *self) {
    st_request *rq = self->rq;
    ST_TRY(st_trail_make(rq, self->spec->source, self->source.version, &self->trails[0]));
    ST_TRY(st_trail_make(rq, self->spec->target, self->target.version, &self->trails[1]));
    self->meeting = st_trails_meet(&self->trails[0], &self->trails[1]);
    if (self->meeting.shard == NULL) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "the runs have no history in common; only a run and its fork, or forks of "
                       "one run, can be merged");
    }
    self->base_run.shard = (st_shard *)self->meeting.shard;
    self->base = st_bound_version(self->meeting.version);
    /* A fork begins there, for which it is kept. Of what ends by itself all three have the same now. */
    self->base.time_us = self->source.bound.time_us;
    self->target.time_us = self->source.bound.time_us;
    ST_TRY(merge_all(self));
    if (self->spec->dry_run) {
        return STRATA_OK;
    }
    if (self->united->conflicts > 0 && self->spec->strategy == ST_MERGE_STRICT) {
        return fail_conflicts(self);
    }
    return commit(self);
}

static strata_status begin(merger *self) {
    st_request *rq = self->rq;
    char label[ST_NAME_BYTES_MAX + 16];
    const st_when now = st_now();
    const st_txn_spec spec = {.isolation = ST_SERIALIZABLE,
                              .label = st_slice(label, st_format(label, sizeof label, "merge %S",
                                                                 &self->spec->source_name))};
    ST_TRY(st_point_open(rq, self->spec->source, &now, &self->source));
    const strata_status status =
        st_txn_begin(&rq->model->store, self->spec->target->shard, &spec, &self->txn, rq->error);
    if (status != STRATA_OK) {
        st_point_close(rq, &self->source);
    }
    return status;
}

strata_status st_unite(st_request *rq, const st_unite_spec *spec, st_united *united) {
    merger self = {.rq = rq, .spec = spec, .united = united};
    *united = (st_united){0, 0, 0, 0};
    if (spec->source == spec->target) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT, "source and target are the same run");
    }
    ST_TRY(begin(&self));
    st_scratch_begin(&self.scratch, &self.arena, rq);
    self.target = st_bound_version(st_txn_snapshot(self.txn));
    self.target.own = true;
    const strata_status status = merge_runs(&self);
    st_scratch_end(&self.scratch);
    st_txn_destroy(self.txn);
    st_point_close(rq, &self.source);
    return status;
}
