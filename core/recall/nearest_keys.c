/* nearest_keys.c - what secondary indexes know of the entries of a collection that pass a filter.
 *
 * A plan (index/field/plan.h) says which index on entries finds all that can pass. Its entries are read at the bound, as
 * far as is worth it, and name keys; what lies under them then is what the vector index has to look at, and to ask the
 * filter of.
 *
 * 1. What is answered does not depend on an index, only how much is looked at does: an index is only asked where it knows
 *    everything, as it was ready at the bound.
 * 2. No transaction is told: it has read all keys of the collection (nearest.c), and its own writes are not in the index
 *    of vectors either.
 * An index is one of all collections of the run. Under one value the entries of a collection stand together, and only
 * those are read; in a range of values all collections' are.
 */
#include "recall/nearest_keys.h"

#include "model/field_index.h"

typedef struct finder {
    st_request *rq;
    const st_run *run;
    st_bound bound;
    strata_slice collection;
    uint32_t most;
    uint32_t read;
    st_plan plan;
    st_nearest_keys *out;
} finder;

/* The plan; its index NULL: there is none. */
static strata_status choose(finder *f, const st_filter *filter) {
    st_index_def *defs;
    size_t count = 0;
    size_t usable = 0;
    ST_TRY(st_indexes_read(f->rq, f->run, &f->bound, &defs, &count));
    st_plan_index *indexes = st_arena_alloc(f->rq->arena, (count + 1) * sizeof *indexes, 8);
    if (indexes == NULL) {
        return st_fail_memory(f->rq->error);
    }
    for (size_t i = 0; i < count; i++) {
        if (defs[i].ready && defs[i].primitive->id == ST_PRIMITIVE_VECTOR) {
            indexes[usable++] = (st_plan_index){defs[i].name, defs[i].id, defs[i].path};
        }
    }
    return st_plan_choose(filter, NULL, indexes, usable, f->rq->arena, &f->plan, f->rq->error);
}

static strata_status fail_entry(const finder *f) {
    st_fail(f->rq->error, STRATA_CORRUPT, "an entry of the index \"%S\" is malformed",
            &f->plan.index->name);
    return st_fail_text(f->rq->error, "file", strata_text("index"));
}

/* The key of an entry of the collection; of another one it is left alone. */
static strata_status take(finder *f, strata_slice entry) {
    const size_t before = f->collection.len + 1;
    strata_slice value;
    strata_slice owner; /* collection, 0, key, 0 */
    if (!st_index_key_parts(entry, &value, &owner)) {
        return fail_entry(f);
    }
    const uint8_t *bytes = owner.data;
    if (owner.len <= before || memcmp(bytes, f->collection.data, f->collection.len) != 0 ||
        bytes[f->collection.len] != 0) {
        return STRATA_OK;
    }
    const strata_slice key =
        st_arena_copy(f->rq->arena, st_slice(bytes + before, owner.len - before - 1));
    if (key.data == NULL) {
        return st_fail_memory(f->rq->error);
    }
    f->out->keys[f->out->count++] = key;
    return STRATA_OK;
}

/* The entries of one range; *more: there are more than may be read. */
static strata_status read_range(finder *f, st_reader *reader, const st_plan_range *range,
                                bool *more) {
    st_key *low = st_arena_alloc(f->rq->arena, 2 * sizeof *low, 8);
    st_scan *scan = st_arena_alloc(f->rq->arena, sizeof *scan, 16);
    if (low == NULL || scan == NULL) {
        return st_fail_memory(f->rq->error);
    }
    st_key *high = low + 1;
    st_index_key(low, f->plan.index->id, range->low);
    st_index_key(high, f->plan.index->id, range->high);
    if (f->plan.kind != ST_PLAN_RANGE) { /* one value: the owners follow it */
        memcpy(low->bytes + low->len, f->collection.data, f->collection.len);
        low->len += f->collection.len;
        *high = *low;
        low->bytes[low->len++] = 0;
        high->bytes[high->len++] = 1;
    }
    const st_scan_range keys = {st_key_slice(low), st_key_slice(high), false};
    ST_TRY(st_scan_start(scan, reader, f->run->shard, &keys, &f->bound));
    while (scan->here && f->read < f->most) {
        ST_TRY(take(f, scan->key));
        ST_TRY(st_scan_next(scan));
        f->read++;
    }
    *more = scan->here;
    return STRATA_OK;
}

static strata_status read_plan(finder *f) {
    st_reader reader = f->rq->reader;
    bool more = false;
    strata_status status = STRATA_OK;
    f->out->keys = st_arena_alloc(f->rq->arena, f->most * sizeof *f->out->keys, 8);
    if (f->out->keys == NULL) {
        return st_fail_memory(f->rq->error);
    }
    reader.overlay = NULL;
    reader.scans = NULL;
    for (size_t i = 0; i < f->plan.count && status == STRATA_OK && !more; i++) {
        status = read_range(f, &reader, &f->plan.ranges[i], &more);
    }
    st_reader_finish(&reader);
    f->out->known = status == STRATA_OK && !more;
    return status;
}

strata_status st_nearest_keys_find(st_request *rq, const st_run *run, const st_bound *bound,
                                   strata_slice collection, const st_filter *filter, uint32_t most,
                                   st_nearest_keys *out) {
    finder f = {
        .rq = rq, .run = run, .bound = *bound, .collection = collection, .most = most, .out = out};
    *out = (st_nearest_keys){NULL, 0, false};
    f.bound.own = false;
    strata_status status = choose(&f, filter);
    if (status == STRATA_OK && f.plan.index != NULL) {
        status = read_plan(&f);
    }
    if (status == STRATA_HISTORY_TRIMMED) { /* of the index, whatever is kept of the entries */
        st_error_clear(rq->error);
        out->known = false;
        return STRATA_OK;
    }
    return status;
}
