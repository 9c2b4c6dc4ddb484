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
#include "index/vector/filter_sets.h"
#include "index/vector/index_private.h"
#include "index/vector/part_file.h"

enum {
    SMALL_MAX = 2048, /* entries of an index that is looked at as a whole */
    SAMPLES = 64,     /* entries that are asked for, to know about how many pass */
    SCAN_MAX = 3000,  /* entries that are sooner looked at than walked to, */
    SCAN_ONE_IN = 80, /* and those that are so few of all */
    DEVIATIONS = 4,
    REST_EVERY = 64,     /* rows of a scan */
    NEAREST_MIN = 10,    /* the distance of which a walk measures others by, at least */
    MOST_BY_EFFORT = 16, /* candidates of a walk that finds no end */
};

/* How much further than the k-th nearest a walk goes, by how much the root of its effort is above that of 9. Measured:
 * with this an effort gives about the recall of as many candidates, or more, on embeddings of words and in clusters. */
#define FAR_BY_EFFORT 0.02f

typedef struct candidate {
    float distance; /* by code */
    float off;      /* it may be off by this */
    uint32_t row;   /* of the part */
    const st_part *part;
} candidate;

typedef struct search {
    const st_vector_index *index;
    const st_vector_query *query;
    st_code_query code;
    st_arena *arena;
    st_walk *walk;
    st_vector_found *found;
    bool exact;
    candidate *candidates;
    size_t count;
    size_t cap;
} search;

/* ---- Candidates ------------------------------------------------------------------------------ */

static strata_status add_candidate(search *s, const st_part *part, uint32_t row, float distance) {
    const uint8_t *code = st_graph_code(&part->graph, row);
    if (s->count == s->cap) {
        const size_t cap = s->cap == 0 ? 256 : s->cap * 2;
        candidate *grown = st_arena_alloc(s->arena, cap * sizeof *grown, 8);
        if (grown == NULL) {
            return STRATA_NO_MEMORY;
        }
        if (s->count > 0) {
            memcpy(grown, s->candidates, s->count * sizeof *grown);
        }
        s->candidates = grown;
        s->cap = cap;
    }
    const float rounding = 1e-6f * (1 + fabsf(distance)); /* of the formula, in 32 bits */
    const float off = s->exact ? st_code_error_max(&s->code, code)
                               : (float)DEVIATIONS * st_code_error_usual(&s->code, code);
    s->candidates[s->count++] = (candidate){distance, off + rounding, row, part};
    return STRATA_OK;
}

static strata_status ask(const search *s, const st_part *part, const st_entry *entry,
                         bool *passes) {
    *passes = st_entry_lives(entry, s->query->snapshot);
    if (!*passes || s->query->passes == NULL) {
        return STRATA_OK;
    }
    const strata_slice key = st_part_key(part, entry);
    ST_TRY(st_part_failure(part));
    return s->query->passes(s->query->ctx, key, entry->from, passes);
}

/* ---- Looking at all of a part ---------------------------------------------------------------- */

/* The `most` lowest bounds so far, in order. */
typedef struct bounds {
    float *items;
    uint32_t count;
    uint32_t most;
} bounds;

static float bound_of(const bounds *b) {
    return b->count < b->most ? INFINITY : b->items[b->count - 1];
}

static void add_bound(bounds *b, float bound) {
    uint32_t at = b->count < b->most ? b->count++ : b->count - 1;
    for (; at > 0 && b->items[at - 1] > bound; at--) {
        b->items[at] = b->items[at - 1];
    }
    b->items[at] = bound;
}

/* Candidates are the rows that may be among the k nearest of the part: those whose distance is, at best, not above
 * the k-th lowest of what distances are at worst. */
static strata_status scan_row(search *s, const st_part *part, uint32_t row, bounds *b) {
    const uint8_t *code = st_graph_code(&part->graph, row);
    const st_entry *entry = st_part_entry(part, row);
    bool passes;
    if (!st_entry_lives(entry, s->query->snapshot)) {
        return STRATA_OK;
    }
    const float distance = st_code_distance(&s->code, code);
    s->found->compared++;
    if (distance > bound_of(b)) { /* its best is looked at below, where it can matter */
        const float off = s->exact ? st_code_error_max(&s->code, code)
                                   : (float)DEVIATIONS * st_code_error_usual(&s->code, code);
        if (distance - off > bound_of(b)) {
            return STRATA_OK;
        }
    }
    ST_TRY(ask(s, part, entry, &passes));
    if (passes) {
        ST_TRY(add_candidate(s, part, row, distance));
        const float worst = distance + s->candidates[s->count - 1].off;
        if (worst < bound_of(b)) {
            add_bound(b, worst);
        }
    }
    return STRATA_OK;
}

static strata_status begin_bounds(const search *s, bounds *b) {
    *b = (bounds){st_arena_alloc(s->arena, s->query->k * sizeof *b->items, 4), 0, s->query->k};
    return b->items == NULL ? STRATA_NO_MEMORY : STRATA_OK;
}

/* Those that were candidates before better ones were met are none now. */
static void drop_far(search *s, size_t first, float bound) {
    size_t kept = first;
    for (size_t i = first; i < s->count; i++) {
        if (s->candidates[i].distance - s->candidates[i].off <= bound) {
            s->candidates[kept++] = s->candidates[i];
        }
    }
    s->count = kept;
}

static strata_status scan_part(search *s, const st_part *part) {
    const size_t first = s->count;
    const uint32_t count = st_part_count(part);
    bounds b;
    ST_TRY(begin_bounds(s, &b));
    for (uint32_t row = 0; row < count; row++) {
        if (row % REST_EVERY == 0) {
            st_row_reader_rest(s->query->reader);
        }
        ST_TRY(scan_row(s, part, row, &b));
    }
    drop_far(s, first, bound_of(&b));
    s->found->scanned++;
    return STRATA_OK;
}

static strata_status scan_set(search *s, const st_part *part, const st_node_set *set) {
    const size_t first = s->count;
    const uint32_t words = (part->capacity + 63) / 64;
    bounds b;
    ST_TRY(begin_bounds(s, &b));
    for (uint32_t word = 0; word < words; word++) {
        st_row_reader_rest(s->query->reader);
        for (uint64_t left = set->bits[word]; left != 0; left &= left - 1) {
            const uint32_t row = word * 64 + (uint32_t)__builtin_ctzll(left);
            ST_TRY(scan_row(s, part, row, &b));
        }
    }
    drop_far(s, first, bound_of(&b));
    s->found->scanned++;
    return STRATA_OK;
}

/* ---- Walking through a part ------------------------------------------------------------------ */

/* What the walk has found becomes candidates, as far as it is asked for: not more than the effort. passing: those
 * that pass; NULL: not known. */
static strata_status take_pool(search *s, const st_part *part, const st_node_set *passing) {
    for (uint32_t i = 0; i < s->walk->pool_len; i++) {
        const uint32_t row = st_candidate_node(s->walk->pool[i]);
        st_row_reader_rest(s->query->reader);
        const st_entry *entry = st_part_entry(part, row);
        bool passes = st_entry_lives(entry, s->query->snapshot);
        if (passes && passing != NULL) {
            passes = (passing->bits[row / 64] >> (row % 64) & 1) != 0;
        } else if (passes) {
            ST_TRY(ask(s, part, entry, &passes));
        }
        if (passes) {
            ST_TRY(add_candidate(s, part, row, st_candidate_distance(s->walk->pool[i])));
        }
    }
    s->found->walked++;
    return STRATA_OK;
}

/* How many of SAMPLES rows from all over the part are asked for. */
static strata_status sample(const search *s, const st_part *part, uint32_t *asked_for) {
    const uint32_t count = st_part_count(part);
    const uint32_t stride = count / SAMPLES + 1;
    uint32_t asked = 0;
    uint32_t hits = 0;
    for (uint32_t row = 0; row < count; row += stride, asked++) {
        bool passes;
        st_row_reader_rest(s->query->reader);
        ST_TRY(ask(s, part, st_part_entry(part, row), &passes));
        hits += passes;
    }
    *asked_for = asked == 0 ? 0 : hits * SAMPLES / asked;
    return STRATA_OK;
}

/* The rows that live at the snapshot, of those in the set. */
static strata_status live_set(const search *s, const st_part *part, const st_node_set *of,
                              st_node_set *set) {
    const uint32_t count = st_part_count(part);
    const size_t words = ((size_t)part->capacity + 63) / 64;
    uint64_t *bits = st_arena_alloc(s->arena, words * sizeof *bits, 8);
    if (bits == NULL) {
        return STRATA_NO_MEMORY;
    }
    memset(bits, 0, words * sizeof *bits);
    *set = (st_node_set){bits, 0};
    for (uint32_t row = 0; row < count; row++) {
        const uint64_t bit = UINT64_C(1) << (row % 64);
        if ((of == NULL || (of->bits[row / 64] & bit) != 0) &&
            st_entry_lives(st_part_entry(part, row), s->query->snapshot)) {
            bits[row / 64] |= bit;
            set->count++;
        }
    }
    return STRATA_OK;
}

/* How far a walk goes for so much effort, if one in `share` of the nodes that it finds is asked for. */
static st_reach reach_of(const st_vector_query *query, float share) {
    const float effort = (float)query->effort;
    const float nearest = (float)st_max(query->k, NEAREST_MIN) * share;
    return (st_reach){
        .nearest = (uint32_t)nearest,
        .most = (uint32_t)(nearest + effort * share * (float)MOST_BY_EFFORT),
        .far = 1 + FAR_BY_EFFORT * fmaxf(sqrtf(effort) - 3, 0),
    };
}

/* Few are asked for. */
static strata_status search_few(search *s, st_part *part, bool all_live) {
    st_node_set passing = {NULL, 0};
    const bool filtered = s->query->passes != NULL;
    if (filtered) {
        ST_TRY(st_filter_set_of(part, s->index->epoch, s->query, s->arena, &passing));
    }
    st_node_set set = passing;
    if (!all_live) {
        ST_TRY(live_set(s, part, filtered ? &passing : NULL, &set));
    }
    if (set.count <= SCAN_MAX || set.count < st_part_count(part) / SCAN_ONE_IN) {
        return scan_set(s, part, &set);
    }
    ST_TRY(st_graph_search_in(&part->graph, &s->code, reach_of(s->query, 1), &set, s->walk));
    return take_pool(s, part, &set);
}

static strata_status walk_part(search *s, st_part *part) {
    const uint32_t ended = atomic_load_explicit(&part->ended, memory_order_acquire);
    const bool all_live = ended == 0 && part->from_max <= s->query->snapshot;
    const uint32_t count = st_part_count(part);
    uint32_t asked_for = SAMPLES;
    st_node_set set = {NULL, 0};
    if (s->query->passes != NULL || !all_live) {
        ST_TRY(sample(s, part, &asked_for));
    }
    const bool known = s->query->passes != NULL && st_filter_set_known(part, s->query, &set);
    if (asked_for < SAMPLES / 4 || (known && set.count < count / 4)) {
        return search_few(s, part, all_live);
    }
    const st_reach reach = reach_of(s->query, (float)SAMPLES / (float)asked_for);
    ST_TRY(st_graph_search(&part->graph, &s->code, reach, s->walk));
    return take_pool(s, part, known ? &set : NULL);
}

static strata_status search_part(search *s, st_part *part) {
    const uint32_t count = st_part_count(part);
    const uint64_t to_max = atomic_load_explicit(&part->to_max, memory_order_acquire);
    const uint32_t ended = atomic_load_explicit(&part->ended, memory_order_acquire);
    if (count == 0 || (ended == count && to_max <= s->query->snapshot)) {
        return STRATA_OK;
    }
    return part->linked && !s->exact ? walk_part(s, part) : scan_part(s, part);
}

/* ---- The answer ------------------------------------------------------------------------------ */

static strata_slice key_of(const candidate *c) {
    return st_part_key(c->part, st_part_entry(c->part, c->row));
}

static bool is_candidate_before(const candidate *a, const candidate *b) {
    if (a->distance != b->distance) {
        return a->distance < b->distance;
    }
    return st_slice_compare(key_of(a), key_of(b)) < 0;
}

/* A heap, the nearest first: most candidates are never looked at. */
static void sink(candidate *heap, size_t count, size_t at) {
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_candidate_before(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!is_candidate_before(&heap[child], &heap[at])) {
            return;
        }
        const candidate moved = heap[at];
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
static float most_off(const search *s) {
    float most = 0;
    for (size_t i = 0; i < s->count; i++) {
        most = s->candidates[i].off > most ? s->candidates[i].off : most;
    }
    return most;
}

static strata_status compare_originals(search *s) {
    const st_vector_query *query = s->query;
    const size_t most = st_min(query->k, s->count);
    const float off = most_off(s);
    const float length = st_vector_length(&s->index->codec, query->embedding);
    st_vector_hit *hits = st_arena_alloc(s->arena, most * sizeof *hits, 8);
    size_t count = 0;
    if (hits == NULL) {
        return STRATA_NO_MEMORY;
    }
    for (size_t i = s->count / 2; i > 0; i--) {
        st_row_reader_rest(query->reader);
        sink(s->candidates, s->count, i - 1);
    }
    while (s->count > 0) {
        const candidate next = s->candidates[0];
        const float *original;
        st_row_reader_rest(query->reader);
        if (count == most && next.distance - off > hits[most - 1].distance) {
            break;
        }
        s->candidates[0] = s->candidates[--s->count];
        sink(s->candidates, s->count, 0);
        if (count == most && next.distance - next.off > hits[most - 1].distance) {
            continue;
        }
        st_vector_hit hit = {key_of(&next), st_part_entry(next.part, next.row)->from, 0};
        ST_TRY(st_part_failure(next.part)); /* the key may be nonsense */
        if (next.part->paged) {
            hit.key = st_arena_copy(s->arena, hit.key);
            if (hit.key.data == NULL) {
                return STRATA_NO_MEMORY;
            }
        }
        ST_TRY(query->original(query->ctx, hit.key, hit.version, &original));
        s->found->fetched++;
        hit.distance = st_vector_distance(&s->index->codec, query->embedding, length, original);
        insert_hit(hits, &count, most, hit);
    }
    s->found->hits = hits;
    s->found->count = count;
    return STRATA_OK;
}

static strata_status search_all(search *s) {
    const st_vector_view *view = st_vector_view_of(s->index);
    uint64_t entries = 0;
    uint8_t *room = st_arena_alloc(s->arena, s->index->codec.stride, 64);
    if (room == NULL) {
        return STRATA_NO_MEMORY;
    }
    s->code = st_code_query_of(&s->index->codec, s->query->embedding, room);
    for (uint32_t i = 0; i < view->count; i++) {
        entries += st_part_count(view->parts[i]);
    }
    s->exact = s->query->exact || entries <= SMALL_MAX;
    const uint64_t before = s->walk->distances;
    for (uint32_t i = 0; i < view->count; i++) {
        ST_TRY(search_part(s, view->parts[i]));
    }
    s->found->compared += s->walk->distances - before;
    for (uint32_t i = 0; i < view->count; i++) {
        ST_TRY(st_part_failure(view->parts[i]));
    }
    return s->count == 0 ? STRATA_OK : compare_originals(s);
}

strata_status st_vector_index_search(const st_vector_index *index, const st_vector_query *query,
                                     st_arena *arena, st_vector_found *found) {
    st_vector_scratch *scratch;
    ST_ASSERT(query->k > 0);
    *found = (st_vector_found){.hits = NULL};
    ST_TRY(st_vector_scratch_take(index, &scratch));
    st_vector_query own = *query;
    own.reader = &scratch->reader;
    search s = {
        .index = index, .query = &own, .arena = arena, .walk = &scratch->walk, .found = found};
    st_row_reader_enter(&scratch->reader);
    const strata_status status = search_all(&s);
    st_row_reader_leave(&scratch->reader);
    st_vector_scratch_give(index, scratch);
    return status;
}
