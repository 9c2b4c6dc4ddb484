/* vector.c - the C functions for collections of vectors. */
#include "format/document.h"
#include "recall/nearest.h"

#include "api/handle.h"

static strata_status fail_size(st_request *rq, const char *what) {
    return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                   "%s.size is not its size: start from its _INIT", what);
}

/* ---- Collections ----------------------------------------------------------------------------- */

static strata_status create(st_request *rq, strata_run id, const strata_collection *given,
                            uint64_t *version) {
    const st_collection collection = {.name = given->name,
                                      .dimension = given->dimension,
                                      .metric = (st_vector_metric)given->metric,
                                      .codes = (st_codes_asked)given->codes,
                                      .seed = given->seed};
    st_stamp stamp;
    st_run *run;
    if (given->size != sizeof *given) {
        return fail_size(rq, "strata_collection");
    }
    if ((unsigned)given->metric > STRATA_METRIC_DOT || (unsigned)given->codes > STRATA_CODES_B1 ||
        given->seed > INT64_MAX) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "there is no such metric, or codes, or the seed is not below 2^63");
    }
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_collection_create(rq, run, &collection, &stamp));
    if (version != NULL) {
        *version = stamp.version;
    }
    return STRATA_OK;
}

strata_status strata_vector_create(strata_db *db, strata_run run,
                                   const strata_collection *collection, uint64_t *version) {
    return st_handle_end(db, create(st_handle_begin(db), run, collection, version));
}

static strata_status drop(st_request *rq, strata_run id, strata_slice name, bool *existed) {
    st_stamp stamp;
    st_run *run;
    bool found = false;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_collection_drop(rq, run, name, &found, &stamp));
    if (existed != NULL) {
        *existed = found;
    }
    return STRATA_OK;
}

strata_status strata_vector_drop(strata_db *db, strata_run run, strata_slice name, bool *existed) {
    return st_handle_end(db, drop(st_handle_begin(db), run, name, existed));
}

/* ---- Entries --------------------------------------------------------------------------------- */

static strata_status take(st_request *rq, const strata_vector *given, st_vector_input *input) {
    if (given->size != sizeof *given) {
        return fail_size(rq, "strata_vector");
    }
    if (given->embedding == NULL || given->dimension == 0 || given->dimension > ST_DIMENSION_MAX) {
        st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                "the embedding has %u numbers; it must have 1 to %u", (uint64_t)given->dimension,
                (uint64_t)ST_DIMENSION_MAX);
        return st_fail_text(rq->error, "argument", strata_text("embedding"));
    }
    *input = (st_vector_input){.key = given->key,
                               .embedding = given->embedding,
                               .dimension = given->dimension,
                               .text = given->text};
    return st_handle_object(rq, &given->metadata, &input->metadata);
}

static strata_status upsert(st_request *rq, strata_run id, strata_slice collection,
                            const strata_vector *vectors, size_t count, uint64_t *version) {
    st_vector_input *inputs = NULL;
    st_stamp stamp;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    if (count <= ST_UPSERT_MAX) {
        inputs = st_arena_alloc(rq->arena, (count + 1) * sizeof *inputs, 8);
        if (inputs == NULL) {
            return st_fail_memory(rq->error);
        }
        for (size_t i = 0; i < count; i++) {
            ST_TRY(take(rq, &vectors[i], &inputs[i]));
        }
    }
    ST_TRY(st_vector_upsert(rq, run, collection, inputs, count, &stamp));
    if (version != NULL) {
        *version = stamp.version;
    }
    return STRATA_OK;
}

strata_status strata_vector_upsert(strata_db *db, strata_run run, strata_slice collection,
                                   const strata_vector *vectors, size_t count, uint64_t *version) {
    return st_handle_end(db, upsert(st_handle_begin(db), run, collection, vectors, count, version));
}

static strata_status delete_vector(st_request *rq, strata_run id, const st_vector_ref *ref,
                                   bool *existed) {
    st_stamp stamp;
    st_run *run;
    bool found = false;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_vector_delete(rq, run, ref, &found, &stamp));
    if (existed != NULL) {
        *existed = found;
    }
    return STRATA_OK;
}

strata_status strata_vector_delete(strata_db *db, strata_run run, strata_slice collection,
                                   strata_slice key, bool *existed) {
    const st_vector_ref ref = {collection, key};
    return st_handle_end(db, delete_vector(st_handle_begin(db), run, &ref, existed));
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* What was found, in the arena. */
static strata_status show(st_request *rq, const st_vector *vector, strata_vector_entry *entry) {
    float *numbers = st_arena_alloc(rq->arena, vector->dimension * sizeof *numbers, 16);
    if (numbers == NULL) {
        return st_fail_memory(rq->error);
    }
    st_embedding_load(vector, numbers);
    entry->embedding = numbers;
    entry->dimension = vector->dimension;
    entry->text = vector->text;
    entry->metadata = vector->metadata.len == 0 ? strata_null() : strata_object(vector->metadata);
    ST_TRY(st_handle_keep(rq, &entry->text));
    return st_handle_keep_value(rq, &entry->metadata);
}

static strata_status get(st_request *rq, strata_run id, const st_vector_ref *ref, strata_when at,
                         strata_vector_entry *entry) {
    const st_when when = st_handle_when(at);
    strata_vector_entry found = {.key = ref->key};
    st_vector vector;
    st_run *run;
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(st_vector_get(rq, run, ref, &when, &vector));
    ST_TRY(show(rq, &vector, &found));
    ST_TRY(st_handle_keep(rq, &found.key));
    found.version = vector.stamp.version;
    *entry = found;
    return STRATA_OK;
}

strata_status strata_vector_get(strata_db *db, strata_run run, strata_slice collection,
                                strata_slice key, strata_when when, strata_vector_entry *entry) {
    const st_vector_ref ref = {collection, key};
    return st_handle_end(db, get(st_handle_begin(db), run, &ref, when, entry));
}

/* A filter, as a document in the arena. */
static strata_status take_filter(st_request *rq, const strata_value *filter, strata_slice *where) {
    const st_document_limits limits = {ST_DOCUMENT_BYTES_MAX, ST_DOCUMENT_FRAMES_MAX,
                                       ST_ENTRIES_MAX};
    strata_buffer made = {NULL, 0, 0, rq->model->host};
    strata_slice encoded;
    *where = st_slice("", 0);
    ST_TRY(st_handle_object(rq, filter, &encoded));
    if (encoded.len == 0) {
        return STRATA_OK;
    }
    strata_status status = st_document_from_msgpack(encoded, &limits, &made, rq->error);
    if (status == STRATA_OK) {
        *where = st_arena_copy(rq->arena, st_buffer_slice(&made));
        status = where->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
    }
    strata_buffer_free(&made);
    return status;
}

static strata_status search(st_request *rq, strata_run id, const strata_vector_query *query,
                            const strata_vector_entry **out, size_t *count) {
    st_nearest_request request = {.collection = query->collection,
                                  .embedding = query->embedding,
                                  .dimension = query->dimension,
                                  .k = query->k,
                                  .effort = query->effort,
                                  .exact = query->exact,
                                  .values = query->values,
                                  .when = st_handle_when(query->when)};
    st_nearest_result found;
    st_run *run;
    if (query->size != sizeof *query) {
        return fail_size(rq, "strata_vector_query");
    }
    if (query->embedding == NULL) {
        request.dimension = 0;
    }
    ST_TRY(st_handle_run(rq, id, &run));
    ST_TRY(take_filter(rq, &query->filter, &request.where));
    ST_TRY(st_nearest(rq, run, &request, &found));
    strata_vector_entry *hits = st_arena_alloc(rq->arena, (found.count + 1) * sizeof *hits, 8);
    if (hits == NULL) {
        return st_fail_memory(rq->error);
    }
    for (size_t i = 0; i < found.count; i++) {
        const st_nearest_hit *hit = &found.hits[i];
        hits[i] = (strata_vector_entry){.key = hit->key,
                                        .metadata = strata_null(),
                                        .text = {"", 0},
                                        .version = hit->version,
                                        .score = hit->score};
        if (query->values) {
            ST_TRY(show(rq, &hit->vector, &hits[i]));
        }
    }
    *out = hits;
    *count = found.count;
    return STRATA_OK;
}

strata_status strata_vector_search(strata_db *db, strata_run run, const strata_vector_query *query,
                                   const strata_vector_entry **hits, size_t *count) {
    return st_handle_end(db, search(st_handle_begin(db), run, query, hits, count));
}
