/* search.c - the nearest entries at a version.
 *
 * Each part gives candidates, by code; what may belong to the answer is then compared as it was stored.
 *
 * 1. A part is walked through if it has a graph, or looked at as a whole: if it has none, if few of its entries are
 *    asked for, or if the answer is to be exact. An index as small as SMALL_MAX is always looked at as a whole.
 * 2. What a reader at the snapshot does not see, and what does not pass, is left out where it is found: among many
 *    that are asked for a walk goes on for longer; among few it goes only from one of them to the next.
 * 3. Originals are fetched in the order of the codes' distances, until what is left is further away than the k-th
 *    by more than codes are off: as a rule (four standard deviations), or at most, if the answer is to be exact.
 * 4. The answer is in order of distance, then key: it does not depend on parts, nor on threads.
 */
#include "index/vector/part_file.h"
#include "index/vector/search_private.h"

enum { SMALL_MAX = 2048 }; /* entries of an index that is looked at as a whole */

/* ---- The answer ------------------------------------------------------------------------------ */

static strata_slice key_of(const st_found_row *c) {
    return st_part_key(c->part, st_part_entry(c->part, c->row));
}

static bool is_candidate_before(const st_found_row *a, const st_found_row *b) {
    if (a->distance != b->distance) {
        return a->distance < b->distance;
    }
    return st_slice_compare(key_of(a), key_of(b)) < 0;
}

/* A heap, the nearest first: most candidates are never looked at. */
static void sink(st_found_row *heap, size_t count, size_t at) {
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_candidate_before(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!is_candidate_before(&heap[child], &heap[at])) {
            return;
        }
        const st_found_row moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
    }
}

static bool is_hit_before(const st_vector_hit *a, const st_vector_hit *b) {
    if (a->distance != b->distance) {
        return a->distance < b->distance;
    }
    return st_slice_compare(a->key, b->key) < 0;
}

static void insert_hit(st_vector_hit *hits, size_t *count, size_t most, st_vector_hit one) {
    if (*count == most && !is_hit_before(&one, &hits[most - 1])) {
        return;
    }
    size_t at = *count < most ? (*count)++ : most - 1;
    for (; at > 0 && is_hit_before(&one, &hits[at - 1]); at--) {
        hits[at] = hits[at - 1];
    }
    hits[at] = one;
}

/* The most that a candidate still in the heap can be off by. */
static float most_off(const st_search *s) {
    float most = 0;
    for (size_t i = 0; i < s->count; i++) {
        most = s->candidates[i].off > most ? s->candidates[i].off : most;
    }
    return most;
}

/* Candidates, nearest first, on their way to being compared. */
typedef struct batch {
    st_found_row rows[ST_VECTOR_TOGETHER_MAX];
    uint32_t count;
} batch;

/* The next ones that may belong to the answer, of which `count` hits are known; none: it is complete. Until there are k
 * hits, the k-th distance by code says which those are, as most of them are needed then. */
static void take_next(st_search *s, const st_vector_hit *hits, size_t count, size_t most, float off,
                      batch *b) {
    const bool is_known = count == most;
    b->count = 0;
    while (s->count > 0 && b->count < ST_VECTOR_TOGETHER_MAX) {
        const st_found_row next = s->candidates[0];
        const float last = is_known                   ? hits[most - 1].distance
                           : b->count >= most - count ? b->rows[most - count - 1].distance
                                                      : INFINITY;
        if (next.distance - (is_known ? off : next.off) > last) {
            return;
        }
        s->candidates[0] = s->candidates[--s->count];
        sink(s->candidates, s->count, 0);
        if (next.distance - next.off <= last) {
            __builtin_prefetch(st_part_entry(next.part, next.row));
            b->rows[b->count++] = next;
        }
    }
}

static strata_status name_hit(const st_search *s, const st_found_row *row, st_vector_hit *hit) {
    *hit = (st_vector_hit){key_of(row), st_part_entry(row->part, row->row)->from, 0};
    ST_TRY(st_part_failure(row->part)); /* of reading the key, too */
    if (row->part->paged) {
        hit->key = st_arena_copy(s->arena, hit->key);
    }
    return hit->key.data == NULL ? STRATA_NO_MEMORY : STRATA_OK;
}

static strata_status compare_batch(st_search *s, const batch *b, st_vector_hit *hits) {
    const st_vector_query *query = s->query;
    for (uint32_t i = 0; i < b->count; i++) {
        const st_part *part = b->rows[i].part;
        __builtin_prefetch(st_part_key_row(part, st_part_entry(part, b->rows[i].row)));
    }
    for (uint32_t i = 0; i < b->count; i++) {
        ST_TRY(name_hit(s, &b->rows[i], &hits[i]));
    }
    s->found->fetched += b->count;
    return query->compare(query->ctx, query->embedding, hits, b->count);
}

static strata_status compare_originals(st_search *s) {
    const st_vector_query *query = s->query;
    const size_t most = st_min(query->k, s->count);
    const float off = most_off(s);
    st_vector_hit *hits = st_arena_alloc(s->arena, most * sizeof *hits, 8);
    size_t count = 0;
    batch b;
    if (hits == NULL) {
        return STRATA_NO_MEMORY;
    }
    for (size_t i = s->count / 2; i > 0; i--) {
        st_row_reader_rest(query->reader);
        sink(s->candidates, s->count, i - 1);
    }
    for (take_next(s, hits, count, most, off, &b); b.count > 0;
         take_next(s, hits, count, most, off, &b)) {
        st_vector_hit compared[ST_VECTOR_TOGETHER_MAX];
        ST_TRY(compare_batch(s, &b, compared));
        for (uint32_t i = 0; i < b.count; i++) {
            insert_hit(hits, &count, most, compared[i]);
        }
        st_row_reader_rest(query->reader);
    }
    s->found->hits = hits;
    s->found->count = count;
    return STRATA_OK;
}

/* Why a part could not be read: what was found may not be so. */
static strata_status failure_of(const st_vector_view *view) {
    for (uint32_t i = 0; i < view->count; i++) {
        ST_TRY(st_part_failure(view->parts[i]));
    }
    return STRATA_OK;
}

static strata_status search_all(st_search *s) {
    const st_vector_view *view = st_vector_view_of(s->index);
    uint64_t entries = 0;
    uint8_t *room = st_arena_alloc(s->arena, s->index->codec.room, 64);
    if (room == NULL) {
        return STRATA_NO_MEMORY;
    }
    s->code = st_code_query_of(&s->index->codec, s->query->embedding, room);
    for (uint32_t i = 0; i < view->count; i++) {
        entries += st_part_count(view->parts[i]);
    }
    s->exact = s->query->exact || (entries <= SMALL_MAX && s->index->codec.kind != ST_CODE_B1);
    const uint64_t before = s->walk->distances;
    for (uint32_t i = 0; i < view->count; i++) {
        ST_TRY(st_search_part(s, view->parts[i]));
    }
    s->found->compared += s->walk->distances - before;
    ST_TRY(failure_of(view));
    if (s->count > 0) {
        ST_TRY(compare_originals(s));
    }
    return failure_of(view);
}

strata_status st_vector_index_search(const st_vector_index *index, const st_vector_query *query,
                                     st_arena *arena, st_vector_found *found) {
    st_vector_scratch *scratch;
    ST_ASSERT(query->k > 0);
    *found = (st_vector_found){.hits = NULL};
    ST_TRY(st_vector_scratch_take(index, &scratch));
    st_vector_query own = *query;
    own.reader = &scratch->reader;
    st_search s = {
        .index = index, .query = &own, .arena = arena, .walk = &scratch->walk, .found = found};
    st_row_reader_enter(&scratch->reader);
    const strata_status status = search_all(&s);
    st_row_reader_leave(&scratch->reader);
    st_vector_scratch_give(index, scratch);
    return status;
}
