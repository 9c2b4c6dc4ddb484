/* ops_vector_entries.c - the operations of ops.def on the entries of collections. */
#include "api/ops_vector.h"

#define FLOAT_MAX 0x1.fffffep127

/* ---- Arguments ------------------------------------------------------------------------------- */

static strata_status fail_embedding(st_call *call, const char *what) {
    st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "the embedding %s", what);
    return st_fail_text(call->rq->error, "argument", strata_text("embedding"));
}

static strata_status fail_dimension(st_call *call, uint64_t dimension) {
    st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
            "the embedding has %u numbers; it must have 1 to %u", dimension,
            (uint64_t)ST_DIMENSION_MAX);
    return st_fail_text(call->rq->error, "argument", strata_text("embedding"));
}

static strata_status read_numbers(st_call *call, strata_slice array, uint32_t count,
                                  float *numbers) {
    st_cursor cursor = st_cursor_over(array);
    st_token token;
    (void)st_msgpack_next(&cursor, &token);
    for (uint32_t i = 0; i < count; i++) {
        if (!st_msgpack_next(&cursor, &token) ||
            (token.type != STRATA_FLOAT && token.type != STRATA_INT)) {
            return fail_embedding(call, "has something that is no number");
        }
        const double number = token.type == STRATA_FLOAT ? token.as.real : (double)token.as.integer;
        /* A number that no float can hold becomes infinite here, and is refused where all are looked at. */
        numbers[i] = fabs(number) > FLOAT_MAX ? (float)copysign(INFINITY, number) : (float)number;
        numbers[i] = isnan(number) ? NAN : numbers[i];
    }
    return STRATA_OK;
}

strata_status st_call_embedding(st_call *call, const strata_value *value, const float **embedding,
                                uint32_t *dimension) {
    const strata_slice bytes = value->as.bytes;
    const bool packed = value->type == STRATA_BYTES;
    uint64_t count = 0;
    if (!packed && value->type != STRATA_ARRAY) {
        return fail_embedding(call, "is an array of numbers, or bytes: f32, little-endian");
    }
    if (packed && bytes.len % 4 != 0) {
        return fail_embedding(call, "has bytes that are not four for each number");
    }
    if (packed) {
        count = bytes.len / 4;
    } else {
        st_cursor cursor = st_cursor_over(bytes);
        st_token token;
        count = st_msgpack_next(&cursor, &token) ? token.as.count : 0;
    }
    if (count == 0 || count > ST_DIMENSION_MAX) {
        return fail_dimension(call, count);
    }
    float *numbers = st_arena_alloc(call->rq->arena, (size_t)count * sizeof *numbers, 16);
    if (numbers == NULL) {
        return st_fail_memory(call->rq->error);
    }
    *embedding = numbers;
    *dimension = (uint32_t)count;
    if (packed) {
        const st_vector stored = {.dimension = (uint32_t)count, .embedding = bytes.data};
        st_embedding_load(&stored, numbers);
        return STRATA_OK;
    }
    return read_numbers(call, bytes, (uint32_t)count, numbers);
}

static strata_status fail_entry(st_call *call, size_t i) {
    st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
            "entry %u is not {key, embedding, metadata?, text?}", (uint64_t)i);
    st_fail_text(call->rq->error, "argument", strata_text("entries"));
    return st_fail_number(call->rq->error, "entry", (int64_t)i);
}

/* An object, canonical, in the arena. */
static strata_status take_metadata(st_call *call, const strata_value *value, strata_slice *out) {
    st_request *rq = call->rq;
    rq->value.len = 0;
    ST_TRY(st_value_encode(value, rq->model->value_bytes_max, &rq->value, rq->error));
    *out = st_arena_copy(rq->arena, st_buffer_slice(&rq->value));
    return out->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

/* What is wrong with a field says with which entry. */
static strata_status told_of(st_call *call, size_t i, strata_status status) {
    if (status != STRATA_OK) {
        st_fail_number(call->rq->error, "entry", (int64_t)i);
    }
    return status;
}

static strata_status take_field(st_call *call, strata_slice name, const strata_value *field,
                                st_vector_input *input, size_t i) {
    if (st_slice_equal(name, strata_text("key")) && field->type == STRATA_STRING) {
        input->key = field->as.bytes;
        return STRATA_OK;
    }
    if (st_slice_equal(name, strata_text("text")) && field->type == STRATA_STRING) {
        input->text = field->as.bytes;
        return STRATA_OK;
    }
    if (st_slice_equal(name, strata_text("metadata")) && field->type == STRATA_OBJECT) {
        return told_of(call, i, take_metadata(call, field, &input->metadata));
    }
    if (st_slice_equal(name, strata_text("embedding"))) {
        return told_of(call, i,
                       st_call_embedding(call, field, &input->embedding, &input->dimension));
    }
    return fail_entry(call, i);
}

static strata_status take_entry(st_call *call, st_cursor *cursor, st_vector_input *input,
                                size_t i) {
    st_token map;
    *input = (st_vector_input){.key = {NULL, 0}};
    if (!st_msgpack_next(cursor, &map) || map.type != STRATA_OBJECT) {
        return fail_entry(call, i);
    }
    for (uint32_t left = map.as.count; left > 0; left--) {
        st_token name;
        strata_slice encoded;
        strata_value field;
        if (!st_msgpack_next(cursor, &name) || name.type != STRATA_STRING ||
            !st_msgpack_skip(cursor, &encoded) || !st_value_decode(encoded, &field)) {
            return fail_entry(call, i);
        }
        ST_TRY(take_field(call, name.as.bytes, &field, input, i));
    }
    return input->key.data == NULL || input->embedding == NULL ? fail_entry(call, i) : STRATA_OK;
}

static strata_status take_entries(st_call *call, int arg, st_vector_input **inputs, size_t *count) {
    st_cursor cursor = st_cursor_over(call->args[arg].as.bytes);
    st_token token;
    *count = st_msgpack_next(&cursor, &token) ? token.as.count : 0;
    if (*count > ST_UPSERT_MAX) {
        return STRATA_OK; /* which is refused with their number */
    }
    *inputs = st_arena_alloc(call->rq->arena, (*count + 1) * sizeof **inputs, 8);
    if (*inputs == NULL) {
        return st_fail_memory(call->rq->error);
    }
    for (size_t i = 0; i < *count; i++) {
        ST_TRY(take_entry(call, &cursor, &(*inputs)[i], i));
    }
    return STRATA_OK;
}

/* Collection and key follow each other in all operations on one entry. */
static st_vector_ref take_ref(const st_call *call, int collection_arg) {
    const st_vector_ref ref = {st_call_text(call, collection_arg),
                               st_call_text(call, collection_arg + 1)};
    return ref;
}

/* ---- Writing --------------------------------------------------------------------------------- */

strata_status st_op_vector_upsert(st_call *call) {
    st_vector_input input = {.key = st_call_text(call, ARG_vector_upsert_key),
                             .text = st_call_text(call, ARG_vector_upsert_text)};
    const st_vector_ref ref = take_ref(call, ARG_vector_upsert_collection);
    st_key key;
    st_run *run;
    st_stamp stamp;
    ST_TRY(st_call_run(call, ARG_vector_upsert_run, &run));
    ST_TRY(st_vector_key(&ref, call->rq->error, &key));
    ST_TRY(st_call_embedding(call, &call->args[ARG_vector_upsert_embedding], &input.embedding,
                             &input.dimension));
    ST_TRY(st_call_object(call, ARG_vector_upsert_metadata, &input.metadata));
    ST_TRY(st_vector_upsert(call->rq, run, ref.collection, &input, 1, &stamp));
    return st_put_version(call, &stamp);
}

strata_status st_op_vector_upsert_many(st_call *call) {
    st_vector_input *inputs = NULL;
    size_t count;
    st_run *run;
    st_stamp stamp;
    ST_TRY(st_call_run(call, ARG_vector_upsert_many_run, &run));
    ST_TRY(take_entries(call, ARG_vector_upsert_many_entries, &inputs, &count));
    ST_TRY(st_vector_upsert(call->rq, run, st_call_text(call, ARG_vector_upsert_many_collection),
                            inputs, count, &stamp));
    return st_put_version(call, &stamp);
}

strata_status st_op_vector_delete(st_call *call) {
    const st_vector_ref ref = take_ref(call, ARG_vector_delete_collection);
    st_run *run;
    st_stamp stamp;
    bool existed;
    ST_TRY(st_call_run(call, ARG_vector_delete_run, &run));
    ST_TRY(st_vector_delete(call->rq, run, &ref, &existed, &stamp));
    return st_put_existed(call, existed, &stamp);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static uint32_t field_count(const st_vector *vector, bool embedding) {
    return (embedding ? 1u : 0u) + (vector->metadata.len > 0) + (vector->text.len > 0);
}

static strata_status put_fields(strata_buffer *out, const st_vector *vector, bool embedding) {
    if (embedding) {
        ST_TRY(st_put_name(out, "embedding"));
        ST_TRY(st_embedding_put(vector, out));
    }
    if (vector->metadata.len > 0) {
        ST_TRY(st_put_value(out, "metadata", vector->metadata));
    }
    return vector->text.len > 0 ? st_put_text(out, "text", vector->text) : STRATA_OK;
}

static strata_status put_vector(strata_buffer *out, const st_vector *vector, bool embedding) {
    ST_TRY(st_msgpack_put_object(out, 3 + field_count(vector, embedding)));
    ST_TRY(st_put_text(out, "key", vector->ref.key));
    ST_TRY(put_fields(out, vector, embedding));
    return st_put_stamp(out, vector->stamp.version, vector->stamp.timestamp_us);
}

strata_status st_op_vector_get(st_call *call) {
    const st_when when = st_call_when(call, ARG_vector_get_as_of, ARG_vector_get_as_of_time);
    const st_vector_ref ref = take_ref(call, ARG_vector_get_collection);
    st_run *run;
    st_vector vector;
    ST_TRY(st_call_run(call, ARG_vector_get_run, &run));
    ST_TRY(st_vector_get(call->rq, run, &ref, &when, &vector));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    ST_TRY(st_put_name(call->out, "vector"));
    return put_vector(call->out, &vector, st_call_bool(call, ARG_vector_get_embedding, true));
}

strata_status st_op_vector_exists(st_call *call) {
    const st_when when = st_call_when(call, ARG_vector_exists_as_of, ARG_vector_exists_as_of_time);
    const st_vector_ref ref = take_ref(call, ARG_vector_exists_collection);
    st_run *run;
    st_vector vector;
    ST_TRY(st_call_run(call, ARG_vector_exists_run, &run));
    const strata_status status = st_vector_get(call->rq, run, &ref, &when, &vector);
    if (status != STRATA_OK && status != STRATA_NOT_FOUND) {
        return status;
    }
    st_error_clear(call->rq->error);
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_bool(call->out, "exists", status == STRATA_OK);
}

strata_status st_op_vector_list(st_call *call) {
    const st_vector_page page = {
        .collection = st_call_text(call, ARG_vector_list_collection),
        .prefix = st_call_text(call, ARG_vector_list_prefix),
        .after = st_call_text(call, ARG_vector_list_cursor),
        .reverse = st_call_bool(call, ARG_vector_list_reverse, false),
        .when = st_call_when(call, ARG_vector_list_as_of, ARG_vector_list_as_of_time)};
    const bool embeddings = st_call_bool(call, ARG_vector_list_embeddings, false);
    st_run *run;
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint32_t count = 0;
    strata_slice last = {NULL, 0};
    ST_TRY(st_call_run(call, ARG_vector_list_run, &run));
    ST_TRY(st_call_limit(call, ARG_vector_list_limit, &limit));
    ST_TRY(st_vector_scan(call->rq, run, &page, &scan));
    ST_TRY(st_list_open(call, "vectors", &list));
    while (scan->here && count < limit) {
        st_vector vector;
        ST_TRY(st_vector_at(call->rq, scan, &vector));
        ST_TRY(put_vector(call->out, &vector, embeddings));
        count++;
        if (count == limit) {
            ST_TRY(st_call_keep(call, vector.ref.key, &last));
        }
        ST_TRY(st_scan_next(scan));
    }
    return st_list_close(call, &list, count, scan->here ? last : st_slice(NULL, 0));
}

strata_status st_op_vector_count(st_call *call) {
    const st_vector_page page = {
        .collection = st_call_text(call, ARG_vector_count_collection),
        .prefix = st_call_text(call, ARG_vector_count_prefix),
        .when = st_call_when(call, ARG_vector_count_as_of, ARG_vector_count_as_of_time)};
    uint64_t count;
    st_run *run;
    ST_TRY(st_call_run(call, ARG_vector_count_run, &run));
    ST_TRY(st_vector_count(call, run, &page, &count));
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_uint(call->out, "count", count);
}

static strata_status put_revision(st_call *call, st_scan *scan, bool embeddings) {
    const st_revision *revision = &scan->revision;
    st_vector vector = {.dimension = 0};
    if (!revision->deleted) {
        ST_TRY(st_vector_at(call->rq, scan, &vector));
    }
    ST_TRY(st_msgpack_put_object(call->out,
                                 3 + (revision->deleted ? 0 : field_count(&vector, embeddings))));
    ST_TRY(st_put_stamp(call->out, revision->number, revision->timestamp_us));
    ST_TRY(st_put_bool(call->out, "deleted", revision->deleted));
    return revision->deleted ? STRATA_OK : put_fields(call->out, &vector, embeddings);
}

strata_status st_op_vector_history(st_call *call) {
    const bool embeddings = st_call_bool(call, ARG_vector_history_embeddings, false);
    const st_vector_ref ref = take_ref(call, ARG_vector_history_collection);
    st_run *run;
    st_scan *scan;
    st_list list;
    uint64_t limit;
    uint32_t count = 0;
    ST_TRY(st_call_run(call, ARG_vector_history_run, &run));
    ST_TRY(st_call_limit(call, ARG_vector_history_limit, &limit));
    ST_TRY(st_vector_history(call->rq, run, &ref,
                             st_call_uint(call, ARG_vector_history_before, UINT64_MAX), &scan));
    ST_TRY(st_list_open(call, "revisions", &list));
    while (scan->here && count < limit) {
        ST_TRY(put_revision(call, scan, embeddings));
        count++;
        ST_TRY(st_versions_next(scan));
    }
    return st_list_close(call, &list, count, st_slice(NULL, 0));
}
