/* nearest.c - one search of a collection: record, snapshot, index, filter, originals, own writes.
 *
 * The snapshot is held while the search lasts, so a search is a function of (snapshot, request). The index knows
 * keys, versions and codes; the embeddings that decide, and what the filter asks, come from the store, at the version
 * of the entry. What an entry says never changes, so the index may keep which of its rows pass a filter.
 *
 * Invariants:
 * 1. The index answers for a version at which it has everything (st_collection_index.kept), and nothing of the
 *    run has gone from the store; otherwise all that a reader sees then is read and compared. Whether that was
 *    so is asked again after the search, as merges and compactions go on meanwhile.
 * 2. A transaction's own writes hide what is stored under their keys, and are compared one by one. So that k are
 *    left, so many more are asked for; where they are many, everything is read.
 * 3. A transaction has read the whole range of the collection's keys: what others put there is a conflict.
 *
 * Rejected: a filter that leaves out a transaction's keys. What passes would no longer be the same for everybody.
 */
#include "recall/nearest.h"

#include "index/field/filter.h"
#include "model/vector/vector_index.h"
#include "recall/nearest_keys.h"

enum { OWN_MAX = 1000 };

typedef struct finder {
    st_request *rq;
    st_run *run;
    const st_nearest_request *request;
    st_nearest_result *result;
    st_filter filter;
    st_collection collection;
    st_codec codec;
    float length;        /* of the query, as in code.h */
    st_scan_range range; /* of the collection's keys */
    st_bound bound;
    st_key key;        /* of the collection, and of the entry that is read */
    size_t prefix_len; /* of it, without the entry */
    st_reader point;   /* one entry at a time, of which no transaction is told */
    st_arena value;
    strata_buffer document; /* for the filter */
    float *numbers;         /* an embedding */
    bool missed;            /* something that was looked for has gone */
    bool gave_up;           /* the index, part of which could not be read */
    st_nearest_hit *hits;   /* nearest first, at most k */
    size_t count;
} finder;

/* ---- Hits ------------------------------------------------------------------------------------ */

static double score_of(const finder *f, float distance) {
    switch (f->codec.metric) {
    case ST_METRIC_COSINE:
        return 1 - (double)distance;
    case ST_METRIC_EUCLIDEAN:
        return 1 / (1 + sqrt((double)distance));
    case ST_METRIC_DOT:
        break;
    }
    return distance == 0 ? 0 : -(double)distance; /* not -0 */
}

static bool is_before(const st_nearest_hit *a, const st_nearest_hit *b) {
    if (a->distance != b->distance) {
        return a->distance < b->distance;
    }
    return st_slice_compare(a->key, b->key) < 0;
}

/* Puts it in its place, if it has one; its key is copied then. */
static strata_status insert(finder *f, st_nearest_hit one) {
    const size_t most = (size_t)f->request->k;
    if (f->count == most && !is_before(&one, &f->hits[most - 1])) {
        return STRATA_OK;
    }
    one.key = st_arena_copy(f->rq->arena, one.key);
    if (one.key.data == NULL) {
        return st_fail_memory(f->rq->error);
    }
    size_t at = f->count < most ? f->count++ : most - 1;
    for (; at > 0 && is_before(&one, &f->hits[at - 1]); at--) {
        f->hits[at] = f->hits[at - 1];
    }
    f->hits[at] = one;
    return STRATA_OK;
}

/* ---- Entries --------------------------------------------------------------------------------- */

static strata_status passes_filter(finder *f, const st_vector *vector, bool *passes) {
    *passes = true;
    if (f->filter.count == 0) {
        return STRATA_OK;
    }
    f->document.len = 0;
    strata_status status = st_vector_document(vector, &f->document);
    if (status == STRATA_OK) {
        status = st_filter_holds(&f->filter, st_buffer_slice(&f->document), &f->value, passes);
    }
    return status == STRATA_NO_MEMORY ? st_fail_memory(f->rq->error)
           : status == STRATA_CORRUPT ? st_vector_fail_malformed(f->rq, &vector->ref)
                                      : status;
}

static bool is_of(const st_revision *revision, uint64_t version) {
    return revision->number == version && !revision->deleted;
}

static strata_status decode_entry(const finder *f, strata_slice key, const st_revision *revision,
                                  st_vector *vector) {
    vector->ref = (st_vector_ref){f->collection.name, key};
    vector->stamp = (st_stamp){revision->number, revision->timestamp_us};
    return st_vector_decode(revision->value, vector) && vector->dimension == f->collection.dimension
               ? STRATA_OK
               : st_vector_fail_malformed(f->rq, &vector->ref);
}

/* The entry that a commit has stored; borrowed until the next one. Errors: history_trimmed, untold: it has gone. */
static strata_status read_entry(finder *f, strata_slice key, uint64_t version, st_vector *vector) {
    const st_bound bound = st_bound_version(version);
    st_revision revision;
    bool found = false;
    memcpy(f->key.bytes + f->prefix_len, key.data, key.len);
    f->key.bytes[f->prefix_len + key.len] = 0;
    f->key.len = f->prefix_len + key.len + 1;
    st_arena_reset(&f->value);
    ST_TRY(st_read(&f->point, f->run->shard, st_key_slice(&f->key), &bound, &revision, &found));
    if (!found || !is_of(&revision, version)) {
        f->missed = true;
        return STRATA_HISTORY_TRIMMED;
    }
    return decode_entry(f, key, &revision, vector);
}

static strata_status keys_of(void *ctx, uint32_t most, const strata_slice **keys, uint32_t *count,
                             bool *known) {
    finder *f = ctx;
    st_nearest_keys found;
    ST_TRY(st_nearest_keys_find(f->rq, f->run, &f->bound, f->collection.name, &f->filter, most,
                                &found));
    *keys = found.keys;
    *count = found.count;
    *known = found.known;
    return STRATA_OK;
}

/* ---- Entries at once ------------------------------------------------------------------------- */

/* Entries that the index knows, on their way to an answer about each. */
typedef struct batch {
    finder *f;
    const st_vector_hit *entries;
    uint32_t count;
    uint32_t seen; /* of them; the others have gone */
    strata_status (*look)(struct batch *b, uint32_t i, const st_vector *vector);
    /* What is looked for, and the answers. */
    const float *embedding;
    float distances[ST_VECTOR_TOGETHER_MAX];
    bool *passes;
} batch;

static strata_status look_at(void *ctx, size_t i, const st_revision *revision) {
    batch *b = ctx;
    const st_vector_hit *entry = &b->entries[i];
    st_vector vector;
    if (!is_of(revision, entry->version)) {
        return STRATA_OK;
    }
    ST_TRY(decode_entry(b->f, entry->key, revision, &vector));
    b->seen++;
    return b->look(b, (uint32_t)i, &vector);
}

static strata_status look_at_all(batch *b) {
    finder *f = b->f;
    st_read_key keys[ST_VECTOR_TOGETHER_MAX];
    st_arena_reset(&f->value);
    for (uint32_t i = 0; i < b->count; i++) {
        const strata_slice key = b->entries[i].key;
        const size_t len = f->prefix_len + key.len + 1;
        uint8_t *bytes = st_arena_alloc(&f->value, len, 1);
        if (bytes == NULL) {
            return st_fail_memory(f->rq->error);
        }
        memcpy(bytes, f->key.bytes, f->prefix_len);
        memcpy(bytes + f->prefix_len, key.data, key.len);
        bytes[len - 1] = 0;
        keys[i] = (st_read_key){st_slice(bytes, len), b->entries[i].version};
    }
    const st_read_keys all = {keys, b->count, look_at, b};
    ST_TRY(st_read_many(&f->point, f->run->shard, &all));
    f->missed = f->missed || b->seen < b->count;
    return STRATA_OK;
}

static strata_status look_whether_passes(batch *b, uint32_t i, const st_vector *vector) {
    return passes_filter(b->f, vector, &b->passes[i]);
}

static strata_status passes(void *ctx, const st_vector_hit *entries, uint32_t count, bool *out) {
    batch b = {
        .f = ctx, .entries = entries, .count = count, .look = look_whether_passes, .passes = out};
    memset(out, 0, count * sizeof *out);
    return look_at_all(&b);
}

static strata_status look_how_far(batch *b, uint32_t i, const st_vector *vector) {
    const finder *f = b->f;
    st_embedding_load(vector, f->numbers);
    b->distances[i] = st_vector_distance(&f->codec, b->embedding, f->length, f->numbers);
    return STRATA_OK;
}

/* Errors: history_trimmed, untold: one of them has gone. */
static strata_status compare_stored(void *ctx, const float *embedding, st_vector_hit *entries,
                                    uint32_t count) {
    batch b = {
        .f = ctx, .entries = entries, .count = count, .look = look_how_far, .embedding = embedding};
    ST_TRY(look_at_all(&b));
    for (uint32_t i = 0; i < count; i++) {
        entries[i].distance = b.distances[i];
    }
    return b.seen < count ? STRATA_HISTORY_TRIMMED : STRATA_OK;
}

/* Compares one that the index does not know. */
static strata_status compare(finder *f, const st_vector *vector) {
    bool zero = false;
    bool holds;
    if (vector->dimension != f->collection.dimension) {
        return STRATA_OK; /* it was put while the record was another one */
    }
    ST_TRY(passes_filter(f, vector, &holds));
    if (!holds) {
        return STRATA_OK;
    }
    st_embedding_load(vector, f->numbers);
    if (st_embedding_check(f->numbers, vector->dimension, &zero, NULL) != STRATA_OK ||
        (zero && f->collection.metric == ST_METRIC_COSINE)) {
        return STRATA_OK;
    }
    f->result->compared++;
    f->result->fetched++;
    return insert(f,
                  (st_nearest_hit){.key = vector->ref.key,
                                   .version = vector->stamp.version,
                                   .distance = st_vector_distance(&f->codec, f->request->embedding,
                                                                  f->length, f->numbers)});
}

/* ---- Everything is read ---------------------------------------------------------------------- */

static strata_status scan_all(finder *f) {
    st_reader reader = f->rq->reader;
    st_arena arena;
    st_arena_init(&arena, &f->rq->model->host->memory, 0);
    reader.arena = &arena;
    reader.scans = NULL;
    f->count = 0;
    *f->result = (st_nearest_result){.scanned = 1};
    st_scan *scan = st_arena_alloc(&arena, sizeof *scan, 16);
    strata_status status = scan == NULL
                               ? st_fail_memory(f->rq->error)
                               : st_scan_start(scan, &reader, f->run->shard, &f->range, &f->bound);
    while (status == STRATA_OK && scan->here) {
        st_vector vector;
        st_arena_reset(&f->value);
        status = st_vector_at(f->rq, scan, &vector);
        if (status == STRATA_OK) {
            status = compare(f, &vector);
        }
        if (status == STRATA_OK) {
            status = st_scan_next(scan);
        }
    }
    st_reader_finish(&reader);
    st_arena_free(&arena);
    return status;
}

/* ---- A transaction's own writes -------------------------------------------------------------- */

typedef strata_status (*visit_own)(finder *f, strata_slice store_key, const st_txn_write *write);

static strata_status each_own(finder *f, visit_own visit, size_t *count) {
    *count = 0;
    if (!f->bound.own || f->rq->reader.overlay->own == NULL) {
        return STRATA_OK;
    }
    st_memtable_iter *iter = st_arena_alloc(f->rq->arena, sizeof *iter, 16);
    if (iter == NULL) {
        return st_fail_memory(f->rq->error);
    }
    st_memtable_iter_init(iter, f->rq->reader.overlay->own);
    st_memtable_iter_seek(iter, f->range.low, UINT64_MAX);
    for (; iter->version != NULL; st_memtable_iter_next_key(iter)) {
        const strata_slice key = st_leaf_key(iter->walk.leaf);
        st_txn_write write;
        if (st_slice_compare(key, f->range.high) >= 0) {
            break;
        }
        if (st_txn_find(f->rq->txn, key, &write)) {
            ++*count;
            ST_TRY(visit == NULL ? STRATA_OK : visit(f, key, &write));
        }
    }
    return STRATA_OK;
}

static strata_status compare_own(finder *f, strata_slice store_key, const st_txn_write *write) {
    st_vector vector = {.stamp = {0, 0}};
    if (write->write.deletes) {
        return STRATA_OK;
    }
    st_arena_reset(&f->value);
    ST_TRY(st_vector_read(f->rq, store_key, write->write.value, &vector));
    return compare(f, &vector);
}

/* That the keys of the collection were read. */
static strata_status note_range(finder *f) {
    const st_overlay *overlay = f->rq->reader.overlay;
    void *range;
    if (!f->bound.own) {
        return STRATA_OK;
    }
    if (overlay->range_begin(overlay->ctx, f->range.low, f->range.high, &range) != STRATA_OK) {
        return st_fail_memory(f->rq->error);
    }
    if (range != NULL) {
        overlay->range_end(overlay->ctx, range, f->range.low, f->range.high);
    }
    return STRATA_OK;
}

static bool is_hidden(finder *f, strata_slice key) {
    const strata_slice texts[] = {f->collection.name, key};
    st_txn_write write;
    st_key store_key;
    if (!f->bound.own) {
        return false;
    }
    st_key_texts(&store_key, ST_TAG_VECTOR, texts, 2);
    return st_txn_find(f->rq->txn, st_key_slice(&store_key), &write);
}

/* ---- The index is asked ---------------------------------------------------------------------- */

static strata_status take_hits(finder *f, const st_vector_found *found) {
    f->count = 0;
    for (size_t i = 0; i < found->count; i++) {
        const st_vector_hit *hit = &found->hits[i];
        if (!is_hidden(f, hit->key)) {
            ST_TRY(insert(f, (st_nearest_hit){.key = hit->key,
                                              .version = hit->version,
                                              .distance = hit->distance}));
        }
    }
    *f->result = (st_nearest_result){.compared = found->compared,
                                     .fetched = found->fetched,
                                     .walked = found->walked,
                                     .scanned = found->scanned,
                                     .indexed = true};
    return STRATA_OK;
}

/* Invariant 1. Nothing that a snapshot of now sees goes, as it is held. */
static strata_status check_answers(finder *f, const st_collection_index *index, bool *answers) {
    const uint64_t kept =
        atomic_load_explicit((_Atomic uint64_t *)&index->kept, memory_order_seq_cst);
    uint64_t from = 0;
    if (f->bound.past) {
        ST_TRY(st_run_kept_from(f->rq, f->run, &from));
    }
    *answers = f->bound.version >= kept && f->bound.version >= from;
    return STRATA_OK;
}

/* Why the index could not be read; whoever searches next makes it anew, with what can be read then. */
static strata_status tell_failure(finder *f, const st_collection_index *index) {
    const strata_status told = st_vector_index_tell(index->index, f->rq->error);
    if (told != STRATA_OK) {
        st_vector_index_give_up(f->rq, f->run, index);
        f->gave_up = true;
    }
    return told;
}

static strata_status ask_index(finder *f, const st_collection_index *index, size_t own,
                               bool *answered) {
    const st_nearest_request *request = f->request;
    const uint64_t k = request->k + own;
    const st_vector_query query = {.embedding = request->embedding,
                                   .k = (uint32_t)k,
                                   .effort = (uint32_t)(request->effort > k ? request->effort : k),
                                   .snapshot = f->bound.version,
                                   .exact = request->exact,
                                   .passes = f->filter.count == 0 ? NULL : passes,
                                   .keys = keys_of,
                                   .filter = request->where,
                                   .compare = compare_stored,
                                   .ctx = f};
    st_vector_found found;
    ST_TRY(check_answers(f, index, answered));
    if (!*answered) {
        return STRATA_OK;
    }
    const strata_status status = st_vector_index_search(index->index, &query, f->rq->arena, &found);
    if (status == STRATA_HISTORY_TRIMMED && f->missed) {
        st_error_clear(f->rq->error);
        *answered = false;
        return STRATA_OK;
    }
    if (status == STRATA_NO_MEMORY || status == STRATA_CORRUPT || status == STRATA_IO) {
        ST_TRY(tell_failure(f, index));
    }
    if (status == STRATA_NO_MEMORY) {
        return st_fail_memory(f->rq->error);
    }
    ST_TRY(status);
    ST_TRY(check_answers(f, index, answered));
    *answered = *answered && !(f->missed && f->bound.past);
    return *answered ? take_hits(f, &found) : STRATA_OK;
}

static strata_status find_and_ask(finder *f, size_t own, bool *answered) {
    const st_collection_index *index = NULL;
    *answered = false;
    ST_TRY(st_vector_index_of(f->rq, f->run, &f->collection, &index));
    return index == NULL ? STRATA_OK : ask_index(f, index, own, answered);
}

/* What could not be read may have been so at any time since the index was made: once it is made anew. */
static strata_status ask(finder *f, size_t own, bool *answered) {
    const strata_status status = find_and_ask(f, own, answered);
    if (!f->gave_up || status == STRATA_CORRUPT) {
        return status;
    }
    st_error_clear(f->rq->error);
    return find_and_ask(f, own, answered);
}

static strata_status search(finder *f) {
    bool answered = false;
    size_t own = 0;
    ST_TRY(each_own(f, NULL, &own));
    if (f->bound.time_us == INT64_MAX && own <= OWN_MAX) {
        ST_TRY(ask(f, own, &answered));
    }
    if (!answered) {
        return scan_all(f);
    }
    ST_TRY(note_range(f));
    return each_own(f, compare_own, &own);
}

/* ---- The request ----------------------------------------------------------------------------- */

static strata_status fail_range(st_request *rq, const char *argument, uint64_t given,
                                uint64_t least, uint64_t most) {
    st_fail(rq->error, STRATA_INVALID_ARGUMENT, "%s is %u; it must be %u to %u", argument, given,
            least, most);
    return st_fail_text(rq->error, "argument", strata_text(argument));
}

static strata_status check(finder *f, bool *zero) {
    const st_nearest_request *request = f->request;
    if (request->k == 0 || request->k > ST_PAGE_MAX) {
        return fail_range(f->rq, "k", request->k, 1, ST_PAGE_MAX);
    }
    if (request->effort < ST_EFFORT_MIN || request->effort > ST_EFFORT_MAX) {
        return fail_range(f->rq, "effort", request->effort, ST_EFFORT_MIN, ST_EFFORT_MAX);
    }
    ST_TRY(st_collection_name_check(request->collection, f->rq->error));
    ST_TRY(st_embedding_check(request->embedding, request->dimension, zero, f->rq->error));
    return st_filter_compile(request->where, f->rq->arena, &f->filter, f->rq->error);
}

/* The record at the bound, and what follows from it. */
static strata_status prepare(finder *f, bool zero) {
    st_request *rq = f->rq;
    const strata_slice name = f->request->collection;
    ST_TRY(st_collection_find(rq, f->run, name, &f->bound, &f->collection));
    ST_TRY(st_embedding_fits(&f->collection, f->request->dimension, zero, rq->error));
    ST_TRY(st_collection_range(rq, name, &f->range));
    f->codec = st_codec_of(f->collection.metric, st_collection_codes(&f->collection),
                           f->collection.dimension, st_vector_kernels_best());
    f->length = st_vector_length(&f->codec, f->request->embedding);
    st_key_texts(&f->key, ST_TAG_VECTOR, &name, 1);
    f->prefix_len = f->key.len;
    f->numbers = st_arena_alloc(rq->arena, f->collection.dimension * sizeof *f->numbers, 64);
    f->hits = st_arena_alloc(rq->arena, (size_t)f->request->k * sizeof *f->hits, 8);
    return f->numbers == NULL || f->hits == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

static strata_status keep(st_arena *arena, strata_slice *bytes) {
    *bytes = st_arena_copy(arena, *bytes);
    return bytes->data == NULL ? STRATA_NO_MEMORY : STRATA_OK;
}

/* What is stored under the hit's key, copied. */
static strata_status fetch(finder *f, st_nearest_hit *hit) {
    st_vector *vector = &hit->vector;
    st_arena *arena = f->rq->arena;
    if (hit->version > 0) {
        ST_TRY(read_entry(f, hit->key, hit->version, vector));
    } else {
        const strata_slice texts[] = {f->collection.name, hit->key};
        st_txn_write write;
        st_key key;
        st_key_texts(&key, ST_TAG_VECTOR, texts, 2);
        const bool found = st_txn_find(f->rq->txn, st_key_slice(&key), &write);
        ST_ASSERT(found);
        ST_TRY(st_vector_read(f->rq, st_key_slice(&key), write.write.value, vector));
    }
    strata_slice embedding = st_slice(vector->embedding, (size_t)4 * vector->dimension);
    if (keep(arena, &embedding) != STRATA_OK || keep(arena, &vector->metadata) != STRATA_OK ||
        keep(arena, &vector->text) != STRATA_OK) {
        return st_fail_memory(f->rq->error);
    }
    vector->embedding = embedding.data;
    vector->ref = (st_vector_ref){f->collection.name, hit->key};
    return STRATA_OK;
}

static strata_status tell(finder *f) {
    for (size_t i = 0; i < f->count; i++) {
        st_nearest_hit *hit = &f->hits[i];
        hit->score = score_of(f, hit->distance);
        if (f->request->values) {
            ST_TRY(fetch(f, hit));
        }
    }
    f->result->hits = f->hits;
    f->result->count = f->count;
    f->result->metric = f->collection.metric;
    return STRATA_OK;
}

static strata_status search_held(finder *f, bool zero) {
    ST_TRY(prepare(f, zero));
    ST_TRY(search(f));
    const strata_status status = tell(f);
    if (status != STRATA_HISTORY_TRIMMED || f->rq->error->code != STRATA_OK) {
        return status;
    }
    ST_TRY(scan_all(f)); /* it has gone since: that is told there */
    return tell(f);
}

static strata_status search_at(finder *f, bool zero) {
    st_store *store = &f->rq->model->store;
    st_held_snapshot held;
    ST_TRY(st_bound_at(f->rq, f->run, &f->request->when, &f->bound));
    if (f->bound.past || f->bound.own) {
        return search_held(f, zero);
    }
    st_snapshot_hold(store, f->run->shard, &held);
    f->bound.version = held.version;
    const strata_status status = search_held(f, zero);
    st_snapshot_release(store, &held);
    return status;
}

strata_status st_nearest(st_request *rq, st_run *run, const st_nearest_request *request,
                         st_nearest_result *result) {
    finder f = {.rq = rq,
                .run = run,
                .request = request,
                .result = result,
                .point = rq->reader,
                .document = {NULL, 0, 0, rq->model->host}};
    bool zero = false;
    ST_TRY(check(&f, &zero));
    st_arena_init(&f.value, &rq->model->host->memory, 0);
    f.point.arena = &f.value;
    f.point.overlay = NULL;
    f.point.scans = NULL;
    const strata_status status = search_at(&f, zero);
    st_reader_finish(&f.point);
    strata_buffer_free(&f.document);
    st_arena_free(&f.value);
    return status;
}
