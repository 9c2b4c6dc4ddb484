/* vector.c - the entries of collections: one key of the store each, under ST_TAG_VECTOR: collection, key.
 *
 * Stored value: 1 byte form (1), varint dimension, as many 32-bit floats, little-endian, then the other fields as
 * a canonical MessagePack map {metadata?, text?}, left out when there are none.
 *
 * Invariants:
 * 1. What is written fits the record of its collection at that commit; of a transaction that which it read, and a
 *    collection that was dropped since is a conflict.
 * 2. Every number is finite, and the square of the length is in [LENGTH_SQUARED_MIN, LENGTH_SQUARED_MAX], or 0 where
 *    the metric is not cosine: so codes and distances (index/vector/code.h) are finite, too.
 * 3. A run's index of a collection holds what the store holds: the hook of a commit changes it under the run's
 *    lock, with the commit's version.
 * Bytes of a file may break 1 and 2: an entry that does not fit its collection is not searched (vector_index.c).
 *
 * Rejected: embeddings in MessagePack. Nine bytes a number instead of four, and a search reads nothing else.
 */
#include "model/vector/vector.h"

#include "base/sort.h"
#include "base/utf8.h"
#include "format/document.h"
#include "model/field_index.h"
#include "model/vector/vector_index.h"

enum { FORM = 1 };

/* Four times the first is a float still (the square of a distance); a number of a vector that is as short as the
 * second can be divided by. */
#define LENGTH_SQUARED_MAX 1e37
#define LENGTH_SQUARED_MIN 1e-30

/* ---- Keys ------------------------------------------------------------------------------------ */

strata_status st_vector_key(const st_vector_ref *ref, strata_error *error, st_key *key) {
    const strata_slice texts[] = {ref->collection, ref->key};
    ST_TRY(st_collection_name_check(ref->collection, error));
    ST_TRY(st_key_check(ref->key, error));
    if (ref->collection.len + ref->key.len > ST_KEY_BYTES_MAX) {
        st_fail(error, STRATA_INVALID_KEY, "collection and key have %u bytes; the limit is %u",
                (uint64_t)(ref->collection.len + ref->key.len), (uint64_t)ST_KEY_BYTES_MAX);
        st_fail_text(error, "reason", strata_text("key_too_long"));
        return st_fail_number(error, "limit", ST_KEY_BYTES_MAX);
    }
    st_key_texts(key, ST_TAG_VECTOR, texts, 2);
    return STRATA_OK;
}

/* ---- Embeddings ------------------------------------------------------------------------------ */

static strata_status fail_embedding(strata_error *error) {
    return st_fail_text(error, "argument", strata_text("embedding"));
}

static strata_status fail_not_finite(const float *embedding, strata_error *error) {
    uint32_t i = 0;
    while (isfinite(embedding[i])) {
        i++;
    }
    st_fail(error, STRATA_INVALID_ARGUMENT,
            "number %u of the embedding is %s; all have to be finite 32-bit floats", (uint64_t)i,
            isnan(embedding[i]) ? "NaN" : "infinite");
    st_fail_number(error, "position", i);
    return fail_embedding(error);
}

/* The square of the length, in lanes that do not wait for each other. No sum of squares of floats is too much for a
 * double, so it is not finite only if a number is not. */
static double square_of(const float *embedding, uint32_t dimension) {
    enum { LANES = 8 };
    double lanes[LANES] = {0};
    uint32_t i = 0;
    for (; dimension - i >= LANES; i += LANES) {
        for (unsigned lane = 0; lane < LANES; lane++) {
            const double number = (double)embedding[i + lane];
            lanes[lane] += number * number;
        }
    }
    for (; i < dimension; i++) {
        lanes[i % LANES] += (double)embedding[i] * (double)embedding[i];
    }
    for (unsigned lane = 1; lane < LANES; lane++) {
        lanes[0] += lanes[lane];
    }
    return lanes[0];
}

strata_status st_embedding_check(const float *embedding, uint32_t dimension, bool *zero,
                                 strata_error *error) {
    const double squared = square_of(embedding, dimension);
    if (!isfinite(squared)) {
        return fail_not_finite(embedding, error);
    }
    *zero = squared == 0;
    if (*zero || (squared >= LENGTH_SQUARED_MIN && squared <= LENGTH_SQUARED_MAX)) {
        return STRATA_OK;
    }
    st_fail(error, STRATA_INVALID_ARGUMENT,
            "the embedding is too %s to be compared in 32-bit floats; scale all of the collection",
            squared > 1 ? "long" : "short");
    return fail_embedding(error);
}

strata_status st_embedding_fits(const st_collection *collection, uint32_t dimension, bool zero,
                                strata_error *error) {
    if (dimension != collection->dimension) {
        st_fail_constraint(error, "dimension_mismatch",
                           "the embedding has %u numbers; those of the collection \"%S\" have %u",
                           (uint64_t)dimension, &collection->name, (uint64_t)collection->dimension);
        st_fail_number(error, "dimension", collection->dimension);
        return st_fail_number(error, "given", dimension);
    }
    if (zero && collection->metric == ST_METRIC_COSINE) {
        st_fail(
            error, STRATA_INVALID_ARGUMENT,
            "all numbers of the embedding are 0; it has no direction that cosine could compare");
        return fail_embedding(error);
    }
    return STRATA_OK;
}

void st_embedding_load(const st_vector *vector, float *embedding) {
    load32s_le(embedding, vector->embedding, vector->dimension);
}

strata_status st_embedding_put(const st_vector *vector, strata_buffer *out) {
    ST_TRY(st_msgpack_put_array(out, vector->dimension));
    for (uint32_t i = 0; i < vector->dimension; i++) {
        const uint32_t bits = load32_le(vector->embedding + (size_t)4 * i);
        float number;
        memcpy(&number, &bits, sizeof number);
        ST_TRY(st_msgpack_put_float(out, (double)number));
    }
    return STRATA_OK;
}

/* ---- The stored form ------------------------------------------------------------------------- */

static strata_status encode_fields(const st_vector_input *input, strata_buffer *out) {
    const uint32_t count = (input->metadata.len > 0 ? 1u : 0u) + (input->text.len > 0 ? 1u : 0u);
    if (count == 0) {
        return STRATA_OK;
    }
    ST_TRY(st_msgpack_put_object(out, count));
    if (input->metadata.len > 0) {
        ST_TRY(st_msgpack_put_string(out, strata_text("metadata")));
        ST_TRY(st_buffer_append(out, input->metadata.data, input->metadata.len));
    }
    if (input->text.len > 0) {
        ST_TRY(st_msgpack_put_string(out, strata_text("text")));
        ST_TRY(st_msgpack_put_string(out, input->text));
    }
    return STRATA_OK;
}

static strata_status append(const st_vector_input *input, strata_buffer *out) {
    ST_TRY(st_buffer_reserve(out, 1 + ST_VARINT_BYTES_MAX + (size_t)4 * input->dimension));
    uint8_t *p = (uint8_t *)out->data + out->len;
    *p++ = FORM;
    p = st_varint_put(p, input->dimension);
    for (uint32_t i = 0; i < input->dimension; i++, p += 4) {
        uint32_t bits;
        memcpy(&bits, input->embedding + i, sizeof bits);
        store32_le(p, bits);
    }
    out->len = (size_t)(p - (uint8_t *)out->data);
    return encode_fields(input, out);
}

/* What is stored of it, in the arena. */
static strata_status encode(st_request *rq, const st_vector_input *input, strata_slice *stored) {
    rq->value.len = 0;
    if (append(input, &rq->value) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    if (rq->value.len > rq->model->value_bytes_max) {
        st_fail_constraint(rq->error, "value_too_large", "the vector has %u bytes; the limit is %u",
                           (uint64_t)rq->value.len, (uint64_t)rq->model->value_bytes_max);
        return st_fail_number(rq->error, "limit", rq->model->value_bytes_max);
    }
    *stored = st_arena_copy(rq->arena, st_buffer_slice(&rq->value));
    return stored->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

static bool decode_fields(st_cursor *cursor, st_vector *vector) {
    st_token map;
    bool good = st_msgpack_next(cursor, &map) && map.type == STRATA_OBJECT && map.as.count <= 2;
    for (uint32_t i = 0; good && i < map.as.count; i++) {
        st_token name;
        st_token text;
        good = st_msgpack_next(cursor, &name) && name.type == STRATA_STRING;
        if (good && st_slice_equal(name.as.bytes, strata_text("metadata"))) {
            good = st_msgpack_skip(cursor, &vector->metadata);
        } else {
            good = good && st_slice_equal(name.as.bytes, strata_text("text")) &&
                   st_msgpack_next(cursor, &text) && text.type == STRATA_STRING;
            vector->text = good ? text.as.bytes : vector->text;
        }
    }
    return good;
}

bool st_vector_decode(strata_slice stored, st_vector *vector) {
    st_cursor cursor = st_cursor_over(stored);
    strata_slice numbers;
    uint64_t dimension;
    uint8_t form;
    vector->metadata = st_slice("", 0);
    vector->text = st_slice("", 0);
    if (!st_cursor_u8(&cursor, &form) || form != FORM || !st_cursor_varint(&cursor, &dimension) ||
        dimension == 0 || dimension > ST_DIMENSION_MAX ||
        !st_cursor_take(&cursor, (size_t)dimension * 4, &numbers)) {
        return false;
    }
    vector->dimension = (uint32_t)dimension;
    vector->embedding = numbers.data;
    return st_cursor_left(&cursor) == 0 ||
           (decode_fields(&cursor, vector) && st_cursor_left(&cursor) == 0);
}

strata_status st_vector_fail_malformed(st_request *rq, const st_vector_ref *ref) {
    st_fail(rq->error, STRATA_CORRUPT, "the vector \"%S\" of \"%S\" is malformed", &ref->key,
            &ref->collection);
    return st_fail_text(rq->error, "file", strata_text("vector"));
}

strata_status st_vector_read(st_request *rq, strata_slice store_key, strata_slice stored,
                             st_vector *vector) {
    strata_slice texts[3];
    st_key_texts_of(store_key, texts);
    vector->ref = (st_vector_ref){texts[0], texts[1]};
    return st_vector_decode(stored, vector) ? STRATA_OK
                                            : st_vector_fail_malformed(rq, &vector->ref);
}

strata_status st_vector_document(const st_vector *vector, strata_buffer *out) {
    const st_document_limits limits = {UINT32_MAX / 2, ST_DOCUMENT_FRAMES_MAX - 1, UINT32_MAX};
    uint32_t count = 1;
    size_t place;
    ST_TRY(st_document_open(out, STRATA_OBJECT, &place));
    ST_TRY(st_document_put_name(out, strata_text("key")));
    ST_TRY(st_document_put_string(out, vector->ref.key));
    if (vector->text.len > 0) {
        ST_TRY(st_document_put_name(out, strata_text("text")));
        ST_TRY(st_document_put_string(out, vector->text));
        count++;
    }
    if (vector->metadata.len > 0) {
        ST_TRY(st_document_put_name(out, strata_text("metadata")));
        ST_TRY(st_document_from_msgpack(vector->metadata, &limits, out, NULL));
        count++;
    }
    st_document_close(out, place, count);
    return STRATA_OK;
}

strata_status st_vector_document_of(st_request *rq, strata_slice store_key, strata_slice stored,
                                    strata_slice *document) {
    strata_buffer made = {NULL, 0, 0, rq->model->host};
    st_vector vector;
    ST_TRY(st_vector_read(rq, store_key, stored, &vector));
    strata_status status = st_vector_document(&vector, &made);
    if (status == STRATA_OK) {
        *document = st_arena_copy(rq->arena, st_buffer_slice(&made));
        status = document->data == NULL ? STRATA_NO_MEMORY : STRATA_OK;
    }
    strata_buffer_free(&made);
    return status == STRATA_OK          ? STRATA_OK
           : status == STRATA_NO_MEMORY ? st_fail_memory(rq->error)
                                        : st_vector_fail_malformed(rq, &vector.ref);
}

/* ---- Writing --------------------------------------------------------------------------------- */

strata_status st_vector_index_fields(st_request *rq, st_run *run, const st_write *write,
                                     strata_buffer *writes) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    strata_slice before = {"", 0};
    strata_slice after = {"", 0};
    st_revision revision;
    bool found = false;
    bool any;
    ST_TRY(st_indexes_any(rq, run, ST_PRIMITIVE_VECTOR, &any));
    if (!any) {
        return STRATA_OK;
    }
    ST_TRY(st_read_live(&rq->reader, run->shard, write->key, &newest, &revision, &found));
    if (found) {
        ST_TRY(st_vector_document_of(rq, write->key, revision.value, &before));
    }
    if (!write->deletes) {
        ST_TRY(st_vector_document_of(rq, write->key, write->value, &after));
    }
    return st_indexes_change(rq, run, write->key, before, after, writes);
}

/* Entries on their way. */
typedef struct batch {
    st_request *rq;
    st_run *run;
    const st_vector_input *inputs;
    st_write *writes;
    bool *zeros;
    size_t count;
} batch;

static void index_batch(void *ctx, const st_commit *commit, uint64_t version) {
    const batch *b = ctx;
    (void)commit;
    for (size_t i = 0; i < b->count; i++) {
        st_vector_index_write(b->rq, b->run, &b->writes[i], version);
    }
}

static strata_status check_text(st_request *rq, strata_slice text) {
    if (text.len > ST_STRING_BYTES_MAX) {
        st_fail_constraint(rq->error, "value_too_large", "the text has %u bytes; the limit is %u",
                           (uint64_t)text.len, (uint64_t)ST_STRING_BYTES_MAX);
        return st_fail_number(rq->error, "limit", ST_STRING_BYTES_MAX);
    }
    if (!st_utf8_valid(text, NULL)) {
        st_fail(rq->error, STRATA_INVALID_ARGUMENT, "the text is not UTF-8");
        return st_fail_text(rq->error, "argument", strata_text("text"));
    }
    return STRATA_OK;
}

/* Of a batch, which of the entries is at fault. */
static strata_status at_entry(const batch *b, size_t i, strata_status status) {
    if (status != STRATA_OK && b->count > 1) {
        st_fail_number(b->rq->error, "entry", (int64_t)i);
    }
    return status;
}

static strata_status prepare_one(batch *b, strata_slice collection, size_t i) {
    const st_vector_input *input = &b->inputs[i];
    const st_vector_ref ref = {collection, input->key};
    st_request *rq = b->rq;
    st_key key;
    ST_TRY(st_vector_key(&ref, rq->error, &key));
    ST_TRY(st_embedding_check(input->embedding, input->dimension, &b->zeros[i], rq->error));
    ST_TRY(check_text(rq, input->text));
    b->writes[i] = (st_write){.key = st_arena_copy(rq->arena, st_key_slice(&key))};
    return b->writes[i].key.data == NULL ? st_fail_memory(rq->error)
                                         : encode(rq, input, &b->writes[i].value);
}

static int compare_keys(const void *a, const void *b) {
    return st_slice_compare(*(const strata_slice *)a, *(const strata_slice *)b);
}

static strata_status check_different(batch *b) {
    strata_slice *keys = st_arena_alloc(b->rq->arena, b->count * sizeof *keys, 8);
    if (keys == NULL) {
        return st_fail_memory(b->rq->error);
    }
    for (size_t i = 0; i < b->count; i++) {
        keys[i] = b->inputs[i].key;
    }
    st_sort(keys, b->count, sizeof *keys, compare_keys);
    for (size_t i = 1; i < b->count; i++) {
        if (st_slice_equal(keys[i - 1], keys[i])) {
            st_fail(b->rq->error, STRATA_INVALID_ARGUMENT, "the key \"%S\" is there twice",
                    &keys[i]);
            return st_fail_text(b->rq->error, "key", keys[i]);
        }
    }
    return STRATA_OK;
}

static strata_status prepare(batch *b, strata_slice collection) {
    b->writes = st_arena_alloc(b->rq->arena, b->count * sizeof *b->writes, 8);
    b->zeros = st_arena_alloc(b->rq->arena, b->count, 1);
    if (b->writes == NULL || b->zeros == NULL) {
        return st_fail_memory(b->rq->error);
    }
    for (size_t i = 0; i < b->count; i++) {
        ST_TRY(at_entry(b, i, prepare_one(b, collection, i)));
    }
    return check_different(b);
}

static strata_status check_fits(const batch *b, strata_slice name) {
    st_collection collection;
    ST_TRY(st_collection_newest(b->rq, b->run, name, &collection));
    for (size_t i = 0; i < b->count; i++) {
        ST_TRY(at_entry(
            b, i,
            st_embedding_fits(&collection, b->inputs[i].dimension, b->zeros[i], b->rq->error)));
    }
    return STRATA_OK;
}

/* Commits the batch and what it changes in secondary indexes; a transaction's are changed at its commit. */
static strata_status commit_batch(batch *b, st_commit *commit, st_stamp *stamp) {
    const st_commit_hook hook = {b, index_batch};
    strata_buffer writes = {NULL, 0, 0, b->rq->model->host};
    strata_status status = STRATA_OK;
    for (size_t i = 0; i < b->count && status == STRATA_OK && b->rq->txn == NULL; i++) {
        status = st_vector_index_fields(b->rq, b->run, &b->writes[i], &writes);
    }
    if (status == STRATA_OK && writes.len > 0 &&
        st_buffer_append(&writes, b->writes, b->count * sizeof *b->writes) != STRATA_OK) {
        status = st_fail_memory(b->rq->error);
    }
    if (status != STRATA_OK) {
        st_run_abort(b->rq, commit);
    } else if (writes.len == 0) {
        status = st_run_write(b->rq, commit, b->writes, b->count, &hook, stamp);
    } else {
        status = st_run_write(b->rq, commit, (const st_write *)(void *)writes.data,
                              writes.len / sizeof(st_write), &hook, stamp);
    }
    strata_buffer_free(&writes);
    return status;
}

strata_status st_vector_upsert(st_request *rq, st_run *run, strata_slice collection,
                               const st_vector_input *inputs, size_t count, st_stamp *stamp) {
    batch b = {.rq = rq, .run = run, .inputs = inputs, .count = count};
    st_commit commit;
    ST_TRY(st_collection_name_check(collection, rq->error));
    if (count == 0 || count > ST_UPSERT_MAX) {
        st_fail(rq->error, STRATA_INVALID_ARGUMENT, "there are %u entries; there must be 1 to %u",
                (uint64_t)count, (uint64_t)ST_UPSERT_MAX);
        return st_fail_text(rq->error, "argument", strata_text("entries"));
    }
    ST_TRY(prepare(&b, collection));
    ST_TRY(st_run_begin(rq, run, &commit));
    const strata_status status = check_fits(&b, collection);
    if (status != STRATA_OK) {
        st_run_abort(rq, &commit);
        return status;
    }
    return commit_batch(&b, &commit, stamp);
}

static strata_status delete_locked(st_request *rq, const st_run *run, const st_vector_ref *ref,
                                   const st_key *key, bool *existed) {
    st_collection collection;
    st_revision revision;
    ST_TRY(st_collection_newest(rq, run, ref->collection, &collection));
    return st_run_newest(rq, run, key, &revision, existed);
}

strata_status st_vector_delete(st_request *rq, st_run *run, const st_vector_ref *ref, bool *existed,
                               st_stamp *stamp) {
    st_commit commit;
    st_key key;
    *existed = false;
    ST_TRY(st_vector_key(ref, rq->error, &key));
    ST_TRY(st_run_begin(rq, run, &commit));
    const strata_status status = delete_locked(rq, run, ref, &key, existed);
    if (status != STRATA_OK || !*existed) {
        st_run_abort(rq, &commit);
        return status;
    }
    st_write write = {.key = st_key_slice(&key), .value = st_slice("", 0), .deletes = true};
    batch b = {.rq = rq, .run = run, .writes = &write, .count = 1};
    return commit_batch(&b, &commit, stamp);
}

/* ---- Reading --------------------------------------------------------------------------------- */

strata_status st_vector_get(st_request *rq, const st_run *run, const st_vector_ref *ref,
                            const st_when *when, st_vector *vector) {
    st_collection collection;
    st_key key;
    st_revision revision;
    bool found;
    ST_TRY(st_vector_key(ref, rq->error, &key));
    ST_TRY(st_collection_get(rq, run, ref->collection, when, &collection));
    ST_TRY(st_read_at(rq, run, st_key_slice(&key), when, &revision, &found));
    if (!found) {
        return st_fail(rq->error, STRATA_NOT_FOUND, "there is no vector \"%S\" in \"%S\"",
                       &ref->key, &ref->collection);
    }
    ST_TRY(st_vector_read(rq, st_key_slice(&key), revision.value, vector));
    vector->ref = *ref;
    vector->stamp = (st_stamp){revision.number, revision.timestamp_us};
    return STRATA_OK;
}

strata_status st_vector_history(st_request *rq, const st_run *run, const st_vector_ref *ref,
                                uint64_t before, st_scan **scan) {
    st_key key;
    ST_TRY(st_vector_key(ref, rq->error, &key));
    return st_history_scan(rq, run, &key, before, scan);
}

strata_status st_vector_scan(st_request *rq, const st_run *run, const st_vector_page *page,
                             st_scan **out) {
    const st_texts_page texts = {.tag = ST_TAG_VECTOR,
                                 .reverse = page->reverse,
                                 .texts = {page->collection, page->after},
                                 .count = 1,
                                 .continues = page->after.len > 0,
                                 .prefix = page->prefix};
    const st_vector_ref longest[] = {{page->collection, page->prefix},
                                     {page->collection, page->after}};
    st_collection collection;
    st_scan_range range;
    st_key key;
    for (size_t i = 0; i < 2; i++) {
        if (longest[i].key.len > 0) {
            ST_TRY(st_vector_key(&longest[i], rq->error, &key));
        }
    }
    ST_TRY(st_collection_get(rq, run, page->collection, &page->when, &collection));
    *out = st_arena_alloc(rq->arena, sizeof **out, 16);
    if (*out == NULL || st_texts_range(rq->arena, &texts, &range) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    return st_scan_at(rq, run, &range, &page->when, *out);
}

strata_status st_vector_at(st_request *rq, st_scan *scan, st_vector *vector) {
    strata_slice stored;
    ST_TRY(st_scan_value(scan, &stored));
    ST_TRY(st_vector_read(rq, scan->key, stored, vector));
    vector->stamp = (st_stamp){scan->revision.number, scan->revision.timestamp_us};
    return STRATA_OK;
}

/* ---- For the commit of a transaction --------------------------------------------------------- */

static strata_status fail_collection(st_request *rq, strata_slice name, const char *what) {
    st_fail(rq->error, STRATA_CONFLICT, "the collection \"%S\" %s", &name, what);
    return st_fail_text(rq->error, "key", name);
}

/* The record as it will be after the commit: a merge of histories may bring it with its entries. */
static strata_status record_after(st_request *rq, const st_run *run, strata_slice name,
                                  st_collection *collection, bool *there) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    st_revision revision;
    st_txn_write own;
    st_key key;
    st_key_text(&key, ST_TAG_COLLECTION, name);
    if (rq->txn != NULL && st_txn_find(rq->txn, st_key_slice(&key), &own)) {
        *there = !own.write.deletes;
        revision.value = own.write.value;
    } else {
        ST_TRY(
            st_read_live(&rq->reader, run->shard, st_key_slice(&key), &newest, &revision, there));
    }
    if (*there) {
        ST_TRY(st_collection_read(rq, st_key_slice(&key), revision.value, collection));
        *there = !collection->dropping;
    }
    return STRATA_OK;
}

strata_status st_vector_follow(st_request *rq, const st_run *run, const st_write *write) {
    st_collection collection;
    st_vector vector;
    bool there = false;
    if (st_key_tag(write->key) != ST_TAG_VECTOR || write->deletes) {
        return STRATA_OK;
    }
    ST_TRY(st_vector_read(rq, write->key, write->value, &vector));
    ST_TRY(record_after(rq, run, vector.ref.collection, &collection, &there));
    if (!there) {
        return fail_collection(rq, vector.ref.collection, "was dropped meanwhile");
    }
    return collection.dimension == vector.dimension
               ? STRATA_OK
               : fail_collection(rq, vector.ref.collection, "has another dimension now");
}
