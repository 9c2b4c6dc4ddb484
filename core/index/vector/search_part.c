/* search_part.c - what a part has near a query.
 *
 * 1. A walk keeps what it finds, and a scan what it looks at, as long as it may be among the k nearest: as its
 *    distance is at best not above the k-th lowest of what distances are at worst.
 * 2. Whether an entry passes a filter is a question to the store, which costs as much as thirty distances. A walk
 *    under a filter of which little is known goes on as if there were none, and then asks from the nearest on, until
 *    enough pass: as few are asked for as can be. Where more nodes have to be looked at than the walk has gone by, it is
 *    repeated, as far as the share that passed says.
 * 3. Where fewer pass than a walk would have to look at, and a secondary index knows their keys, the rows of these are
 *    scanned and asked for.
 * 4. Where too few pass for all that, all rows are asked for; and whenever a filter comes again, some more of them are
 *    (filter_sets.c). Once all answers are known, rows that pass are scanned, if they are few; or walked through, from
 *    one to the next; or, from one in twelve on, kept of all that a walk meets, which ends by their distances.
 * Measured, 100 000 x 128, processor time of a search with a filter that was not asked before, of which 50, 20, 5, 1 %
 * pass: 47, 104, 410 and 1850 us. Asking for all rows first, as we did, took 43 000.
 * Measured, 100 000 x 384 in clusters, filters that are known of which 20 % pass: 0.956 of recall in 22 us, 0.99 in 38;
 * going only from one that passes to the next took 40 and 50.
 * Rejected: to ask for what a walk meets, and go only from one that passes to the next. It meets, and would ask for,
 * ten times as many as are near enough to matter.
 */
#include "index/vector/filter_sets.h"
#include "index/vector/search_private.h"

enum {
    SAMPLES = 64,            /* entries that are looked at, to know about how many live */
    SCAN_MIN = 1024,         /* entries that are sooner looked at than walked to; */
    SCAN_BYTES_MAX = 860000, /* of codes, where they are sparse; */
    SCAN_ONE_IN = 80,        /* and those that are so few of all */
    DEVIATIONS = 4,
    ROUGH_DEVIATIONS = 2, /* of bits, by which more are kept than matter, anyway: */
    ROUGH_BY_EFFORT = 4,  /* so many for each of the effort */
    LINE = 64,            /* bytes that come from memory at once */
    NEAREST_MIN = 10,     /* the distance of which a walk measures others by, at least */
    MOST_BY_EFFORT = 16,  /* candidates of a walk that finds no end */
    ASKING_MAX = 4096,    /* nodes that a walk asks for at most: more cost more than all rows do, */
    ASKING_ONE_IN = 4,    /* and at most one in so many of the part */
    KEYS_MAX = 2048,      /* entries of a secondary index that are read, */
    KEYS_ONE_IN = 32,     /* or one in so many of the part, if that is more */
    FILL_MIN = 512,       /* rows that are asked for when a filter comes again, */
    FILL_ONE_IN = 128,    /* or one in so many of the part, if that is more */
};

/* Where rows that are asked for are fewer than one in so many, a walk goes only from one to the next: of what all links
 * lead to, too much would not pass. Links from one to the next lead to less of what is near, and it goes further by
 * the root of how many fewer there are. Measured: both are as fast at 10 and 5 %. */
#define SPARSE_ONE_IN 12.0f

/* More than are expected to be looked at, as they are not spread evenly. */
#define MARGIN 1.25f

/* A walk that goes by all rows meets those that pass before it goes by them: with little effort it need not go by all
 * k, but a part as large as the root of their share, and at least this. */
#define LEAST 0.5f

/* Where fewer of the rows that pass live, a walk is told which. */
#define LIVE_MIN 0.25f

/* Of one part. */
typedef struct look {
    st_search *s;
    st_part *part;
    const uint64_t *bits; /* of the rows that are asked for; NULL: not known */
    bool all_live;        /* at the snapshot: all of these, or all there are */
    st_filter_set *set;   /* knows what passes, or asks; NULL: all do, or those of `bits` */
    float wider; /* by how much a walk goes further than expected, as one before found too little */
    bool rough;  /* candidates are the nearest by code, however much those are off */
    float *
        lowest; /* of the distances at worst (if rough, as they are), in order: up to lowest_most */
    uint32_t lowest_count;
    uint32_t lowest_most;
} look;

/* ---- Candidates ------------------------------------------------------------------------------ */

static strata_status grow(st_search *s) {
    const size_t cap = s->cap == 0 ? 256 : s->cap * 2;
    st_found_row *grown = st_arena_alloc(s->arena, cap * sizeof *grown, 8);
    if (grown == NULL) {
        return STRATA_NO_MEMORY;
    }
    if (s->count > 0) {
        memcpy(grown, s->candidates, s->count * sizeof *grown);
    }
    s->candidates = grown;
    s->cap = cap;
    return STRATA_OK;
}

/* By how much a distance by code may be off. */
static float off_of(const look *l, uint32_t row, float distance) {
    const st_search *s = l->s;
    const uint8_t *code = st_graph_code(&l->part->graph, row);
    const float rounding = 1e-6f * (1 + fabsf(distance)); /* of the formula, in 32 bits */
    const float deviations = l->rough ? ROUGH_DEVIATIONS : DEVIATIONS;
    return rounding + (s->exact ? st_code_error_max(&s->code, code)
                                : deviations * st_code_error_usual(&s->code, code));
}

static strata_status add_candidate(const look *l, uint32_t row, float distance, float off) {
    st_search *s = l->s;
    if (s->count == s->cap) {
        ST_TRY(grow(s));
    }
    s->candidates[s->count++] = (st_found_row){distance, off, row, l->part};
    return STRATA_OK;
}

static bool lives(const look *l, uint32_t row) {
    return l->all_live || st_entry_lives(st_part_entry(l->part, row), l->s->query->snapshot);
}

static strata_status passes(const look *l, uint32_t row, bool *yes) {
    *yes = l->bits == NULL || (l->bits[row / 64] >> (row % 64) & 1) != 0;
    if (l->bits != NULL || l->set == NULL) {
        return STRATA_OK;
    }
    ST_TRY(st_filter_set_ask(l->set, l->part, l->s->query, &row, 1));
    *yes = st_filter_set_has(l->set, row);
    return STRATA_OK;
}

/* ---- The nearest ones ------------------------------------------------------------------------ */

static strata_status begin(look *l) {
    const st_vector_query *query = l->s->query;
    l->lowest_count = 0;
    l->lowest_most = (uint32_t)st_max(query->k, l->rough ? ROUGH_BY_EFFORT * query->effort : 0);
    l->lowest = st_arena_alloc(l->s->arena, l->lowest_most * sizeof *l->lowest, 4);
    return l->lowest == NULL ? STRATA_NO_MEMORY : STRATA_OK;
}

static bool is_full(const look *l) {
    return l->lowest_count == l->lowest_most;
}

static float bound_of(const look *l) {
    return is_full(l) ? l->lowest[l->lowest_count - 1] : INFINITY;
}

static void add_worst(look *l, float worst) {
    uint32_t at = is_full(l) ? l->lowest_count - 1 : l->lowest_count++;
    for (; at > 0 && l->lowest[at - 1] > worst; at--) {
        l->lowest[at] = l->lowest[at - 1];
    }
    l->lowest[at] = worst;
}

/* A row, if it lives. */
static strata_status consider(look *l, uint32_t row, float distance) {
    const float bound = bound_of(l);
    bool yes;
    if (distance > bound && distance - off_of(l, row, distance) > bound) {
        return STRATA_OK;
    }
    if (!lives(l, row)) {
        return STRATA_OK;
    }
    ST_TRY(passes(l, row, &yes));
    if (yes) {
        const float off = off_of(l, row, distance);
        ST_TRY(add_candidate(l, row, distance, off));
        const float worst = l->rough ? distance : distance + off;
        if (worst < bound) {
            add_worst(l, worst);
        }
    }
    return STRATA_OK;
}

/* Those that were candidates before nearer ones were met are none now. */
static void drop_far(const look *l, size_t first) {
    st_search *s = l->s;
    const float bound = bound_of(l);
    size_t kept = first;
    for (size_t i = first; i < s->count; i++) {
        const float off = l->rough ? 0 : s->candidates[i].off;
        if (s->candidates[i].distance - off <= bound) {
            s->candidates[kept++] = s->candidates[i];
        }
    }
    s->count = kept;
}

/* ---- Scanning -------------------------------------------------------------------------------- */

/* Rows on their way to being looked at, all at once. */
typedef struct batch {
    uint32_t rows[ST_CODES_MAX];
    const uint8_t *codes[ST_CODES_MAX];
    unsigned count;
} batch;

enum {
    SCANNED = 16, /* rows in order: the processor begins with the next before these are compared */
    SKIPPED = 8,
};

/* As most of them are: without a branch for each. */
static bool all_above(const float distances[SKIPPED], float bound) {
    int below = 0;
    for (unsigned i = 0; i < SKIPPED; i++) {
        below += distances[i] < bound;
    }
    return below == 0;
}

static strata_status scan_batch(look *l, batch *b) {
    st_search *s = l->s;
    float distances[ST_CODES_MAX];
    st_code_distances(&s->code, b->codes, b->count, distances);
    s->found->compared += b->count;
    for (unsigned i = 0; i < b->count;) {
        if (l->rough && b->count - i >= SKIPPED && all_above(distances + i, bound_of(l))) {
            i += SKIPPED;
            continue;
        }
        if (!l->rough || distances[i] < bound_of(l)) {
            ST_TRY(consider(l, b->rows[i], distances[i]));
        }
        i++;
    }
    b->count = 0;
    st_row_reader_rest(s->query->reader);
    return STRATA_OK;
}

static inline void add_row(const look *l, uint32_t row, batch *b) {
    b->rows[b->count] = row;
    b->codes[b->count++] = st_graph_code(&l->part->graph, row);
}

/* Of the rows from this one on those that lie one after the other, at most so many; how many they are. */
static uint32_t add_run(const look *l, uint32_t row, uint32_t most, batch *b) {
    const st_rows *codes = &l->part->graph.codes;
    const uint8_t *first = st_rows_at(codes, row);
    const uint32_t count = (uint32_t)st_min(st_rows_run(codes, row, first), most);
    for (uint32_t i = 0; i < count; i++) {
        b->rows[b->count + i] = row + i;
        b->codes[b->count + i] = first + (size_t)i * codes->stride;
    }
    b->count += count;
    return count;
}

static strata_status scan_rows(look *l, batch *b) {
    const uint32_t count = st_part_count(l->part);
    for (uint32_t row = 0; row < count;) {
        const uint32_t end = (uint32_t)st_min(row + SCANNED, count);
        while (row < end) {
            row += add_run(l, row, end - row, b);
        }
        ST_TRY(scan_batch(l, b));
    }
    return STRATA_OK;
}

static void prefetch(const look *l, const uint8_t *code) {
    for (uint32_t at = 0; at < l->s->code.codec->stride; at += LINE) {
        __builtin_prefetch(code + at);
    }
}

/* One that is not beside the one before. */
static strata_status scan_row(look *l, uint32_t row, batch *b) {
    add_row(l, row, b);
    prefetch(l, b->codes[b->count - 1]);
    return b->count < ST_CODES_MAX ? STRATA_OK : scan_batch(l, b);
}

static strata_status scan_bits(look *l, batch *b) {
    const uint32_t words = (l->part->capacity + 63) / 64;
    for (uint32_t word = 0; word < words; word++) {
        for (uint64_t left = l->bits[word]; left != 0; left &= left - 1) {
            ST_TRY(scan_row(l, word * 64 + (uint32_t)__builtin_ctzll(left), b));
        }
    }
    return scan_batch(l, b);
}

/* All rows, or those that are asked for. */
static strata_status scan(look *l) {
    const size_t first = l->s->count;
    batch b;
    b.count = 0;
    ST_TRY(begin(l));
    ST_TRY(l->bits == NULL ? scan_rows(l, &b) : scan_bits(l, &b));
    drop_far(l, first);
    l->s->found->scanned++;
    return STRATA_OK;
}

/* ---- Walking --------------------------------------------------------------------------------- */

/* Between a power of two and the next, a straight line. */
static float log2_roughly(float x) {
    unsigned whole = 0;
    while (x >= 2) {
        x /= 2;
        whole++;
    }
    return (float)whole + x - 1;
}

/* How much further than the `nearest`-th nearest about `effort` candidates are met, as a share of its distance. The first
 * is measured: it gives about the recall of as many candidates, or more, on embeddings of words and in clusters. The
 * second is for few dimensions, where such a share holds fewer: at most as many as the volume grows,
 * (1 + share) ^ (dimension / 2) times. Only operations that are the same on every host. */
static float beyond(float effort, uint32_t dimension) {
    const float measured = 0.02f * (sqrtf(effort) - 3);
    const float by_volume = 1.4f * log2_roughly(effort / (float)NEAREST_MIN) / (float)dimension;
    return fmaxf(fmaxf(measured, by_volume), 0);
}

/* How far a walk goes, if those that are asked for are among `nearest` nodes. */
static st_reach reach_of(const st_search *s, float nearest) {
    const float effort = (float)s->query->effort;
    const float share = nearest / (float)st_max(s->query->k, NEAREST_MIN);
    return (st_reach){
        .nearest = (uint32_t)nearest,
        .most = (uint32_t)(nearest + effort * share * (float)MOST_BY_EFFORT),
        .far = 1 + beyond(effort, s->index->codec.dimension) / sqrtf(share),
    };
}

/* What the walk has found, in its pool or among its hits, becomes candidates. */
static strata_status take(const look *l, const st_candidate *found, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = st_candidate_node(found[i]);
        const float distance = st_candidate_distance(found[i]);
        bool yes = lives(l, row);
        st_row_reader_rest(l->s->query->reader);
        if (yes) {
            ST_TRY(passes(l, row, &yes));
        }
        if (yes) {
            ST_TRY(add_candidate(l, row, distance, off_of(l, row, distance)));
        }
    }
    l->s->found->walked++;
    return STRATA_OK;
}

/* Those of the pool from `first` on that live, some of them at once: most are needed. */
static strata_status ask_ahead(const look *l, uint32_t first) {
    const st_walk *walk = l->s->walk;
    const uint32_t end = (uint32_t)st_min(first + ST_VECTOR_TOGETHER_MAX, walk->pool_len);
    uint32_t rows[ST_VECTOR_TOGETHER_MAX];
    uint32_t count = 0;
    for (uint32_t i = first; i < end; i++) {
        rows[count] = st_candidate_node(walk->pool[i]);
        count += lives(l, rows[count]) ? 1 : 0;
    }
    return st_filter_set_ask(l->set, l->part, l->s->query, rows, count);
}

/* The pool, from the nearest on, until enough pass; *needed: how many were looked at by then, or 0. */
static strata_status ask_pool(look *l, uint32_t *needed) {
    const st_walk *walk = l->s->walk;
    *needed = 0;
    l->lowest_count = 0;
    for (uint32_t i = 0; i < walk->pool_len; i++) {
        const uint32_t row = st_candidate_node(walk->pool[i]);
        st_row_reader_rest(l->s->query->reader);
        if (i % ST_VECTOR_TOGETHER_MAX == 0 && !is_full(l)) {
            ST_TRY(ask_ahead(l, i));
        }
        if (lives(l, row)) {
            ST_TRY(consider(l, row, st_candidate_distance(walk->pool[i])));
        }
        if (*needed == 0 && is_full(l)) {
            *needed = i + 1;
        }
    }
    return STRATA_OK;
}

/* About how many nodes a walk comes by until k pass. */
static uint32_t guess(const look *l) {
    const uint32_t nearest = (uint32_t)st_max(l->s->query->k, NEAREST_MIN);
    const uint64_t sparse = atomic_load_explicit(&l->set->sparse, memory_order_relaxed);
    const uint64_t expected = nearest * sparse / 16 + 1;
    return sparse == 0 ? 3 * nearest : expected < ASKING_MAX ? (uint32_t)expected : ASKING_MAX;
}

static void learn(const look *l, uint32_t needed) {
    const uint64_t before = atomic_load_explicit(&l->set->sparse, memory_order_relaxed);
    const uint64_t sparse = (uint64_t)needed * 20 / l->s->query->k + 1; /* a quarter more */
    atomic_store_explicit(&l->set->sparse,
                          (uint32_t)(before == 0 ? sparse : (3 * before + sparse) / 4),
                          memory_order_relaxed);
}

/* Invariant 2: in walks that look at *nearest nodes or more, up to `most`. *enough false: too few pass for that, and
 * *nearest are to be looked at; there are no candidates of the part then. */
static strata_status walk_asking(look *l, uint32_t *nearest, uint32_t most, bool *enough) {
    st_search *s = l->s;
    const size_t first = s->count;
    *enough = false;
    while (*nearest <= most) {
        uint32_t needed;
        ST_TRY(st_graph_search(&l->part->graph, &s->code, reach_of(s, (float)*nearest), s->walk));
        ST_TRY(ask_pool(l, &needed));
        if (needed > 0 && needed <= *nearest) {
            learn(l, needed);
            drop_far(l, first);
            s->found->walked++;
            *enough = true;
            return STRATA_OK;
        }
        s->count = first;
        if (s->walk->pool_len < *nearest) { /* there are no more */
            *nearest = UINT32_MAX;
            break;
        }
        const uint64_t looked = needed > 0 ? needed : s->walk->pool_len + UINT64_C(1);
        const uint64_t hits = needed > 0 ? s->query->k : l->lowest_count + UINT64_C(1);
        const uint64_t expected = looked * s->query->k / hits * 5 / 4;
        if (expected > most || *nearest == most) {
            *nearest = (uint32_t)(expected > most && expected < UINT32_MAX ? expected
                                                                           : most + UINT64_C(1));
            break;
        }
        const size_t now = *nearest;
        *nearest = (uint32_t)st_max(st_min((size_t)expected, now * 8), now * 3 / 2);
        *nearest = (uint32_t)st_min(*nearest, most);
    }
    l->lowest_count = 0;
    return STRATA_OK;
}

/* ---- By keys --------------------------------------------------------------------------------- */

/* Whether the keys of all that passes are known, once for all parts. */
static strata_status find_keys(look *l, bool *known) {
    st_search *s = l->s;
    if (!s->keys_asked) {
        const uint32_t most = (uint32_t)st_max(KEYS_MAX, st_part_count(l->part) / KEYS_ONE_IN);
        s->keys_asked = true;
        ST_TRY(s->query->keys(s->query->ctx, most, &s->keys, &s->keys_count, &s->keys_known));
        if (!s->keys_known) {
            atomic_store_explicit(&l->set->no_keys, true, memory_order_relaxed);
        }
    }
    *known = s->keys_known;
    return STRATA_OK;
}

/* From from_max on there is one entry of the part under a key (st_part_find_any). */
static bool may_have_keys(const look *l) {
    const st_search *s = l->s;
    return s->query->keys != NULL && (!s->keys_asked || s->keys_known) &&
           !atomic_load_explicit(&l->set->no_keys, memory_order_relaxed) && !l->part->past &&
           l->part->from_max <= s->query->snapshot;
}

static strata_status scan_keys(look *l) {
    const st_search *s = l->s;
    const size_t first = s->count;
    const size_t words = ((size_t)l->part->capacity + 63) / 64;
    uint64_t *looked = st_arena_alloc(s->arena, words * sizeof *looked, 8);
    batch b;
    if (looked == NULL) {
        return STRATA_NO_MEMORY;
    }
    memset(looked, 0, words * sizeof *looked);
    b.count = 0;
    for (uint32_t i = 0; i < s->keys_count; i++) {
        const uint32_t row = st_part_find_any(l->part, s->keys[i]);
        if (row != ST_NO_NODE && (looked[row / 64] >> (row % 64) & 1) == 0) {
            looked[row / 64] |= UINT64_C(1) << (row % 64);
            ST_TRY(scan_row(l, row, &b));
        }
    }
    ST_TRY(scan_batch(l, &b));
    drop_far(l, first);
    s->found->scanned++;
    return STRATA_OK;
}

/* ---- Among what is known --------------------------------------------------------------------- */

/* The rows that live at the snapshot, of those that are asked for. */
static strata_status find_live(look *l, st_node_set *live) {
    const uint32_t count = st_part_count(l->part);
    const size_t words = ((size_t)l->part->capacity + 63) / 64;
    uint64_t *bits = st_arena_alloc(l->s->arena, words * sizeof *bits, 8);
    if (bits == NULL) {
        return STRATA_NO_MEMORY;
    }
    memset(bits, 0, words * sizeof *bits);
    *live = (st_node_set){bits, 0};
    for (uint32_t row = 0; row < count; row++) {
        const uint64_t bit = UINT64_C(1) << (row % 64);
        if ((l->bits == NULL || (l->bits[row / 64] & bit) != 0) && lives(l, row)) {
            bits[row / 64] |= bit;
            live->count++;
        }
    }
    l->bits = bits;
    l->all_live = true;
    return STRATA_OK;
}

/* The share of the rows that live. */
static float live_share(const look *l) {
    const uint32_t count = st_part_count(l->part);
    const uint32_t stride = count / SAMPLES + 1;
    uint32_t looked = 0;
    uint32_t hits = 0;
    ST_ASSERT(count > 0);
    if (l->all_live) {
        return 1;
    }
    for (uint32_t row = 0; row < count; row += stride, looked++) {
        hits += lives(l, row);
    }
    return (float)hits / (float)looked;
}

static bool is_scanned(const look *l, uint32_t rows, float one_in) {
    const uint64_t bytes = (uint64_t)rows * l->s->index->codec.stride;
    return rows <= SCAN_MIN || (one_in > SPARSE_ONE_IN && bytes <= SCAN_BYTES_MAX) ||
           one_in > (float)SCAN_ONE_IN;
}

/* share: of the rows of the set live. */
static strata_status search_dense(const look *l, st_node_set set, float share) {
    const st_search *s = l->s;
    const float passing = (float)set.count / (float)st_part_count(l->part);
    const float k = (float)st_max(s->query->k, NEAREST_MIN);
    const float less =
        fmaxf(sqrtf(passing), LEAST) * sqrtf((float)s->query->effort / (float)NEAREST_MIN);
    st_reach reach = reach_of(s, k / (passing * share) * MARGIN * l->wider);
    reach.nearest = (uint32_t)(k * fminf(less * l->wider, 1) / share);
    reach.hits_most = (uint32_t)(2 * k / share);
    ST_TRY(st_graph_search_for(&l->part->graph, &s->code, reach, &set, s->walk));
    return take(l, s->walk->hits, s->walk->hits_len);
}

/* one_in: so many rows of the part one is of the set. */
static strata_status search_sparse(const look *l, st_node_set set, float share, float one_in) {
    const st_search *s = l->s;
    const float k = (float)st_max(s->query->k, NEAREST_MIN);
    const float nearest = k * sqrtf(one_in / SPARSE_ONE_IN) / share * MARGIN * l->wider;
    ST_TRY(st_graph_search_in(&l->part->graph, &s->code, reach_of(s, nearest), &set, s->walk));
    return take(l, s->walk->pool, s->walk->pool_len);
}

/* share: of the rows of the set, or of all, live. */
static strata_status search_set(look *l, st_node_set set, float share) {
    const float rows = (float)st_part_count(l->part);
    if (l->bits == NULL || share < LIVE_MIN) {
        ST_TRY(find_live(l, &set));
        share = 1;
    }
    const float one_in = rows / (float)set.count;
    if (is_scanned(l, set.count, one_in)) {
        return scan(l);
    }
    return one_in > SPARSE_ONE_IN ? search_sparse(l, set, share, one_in)
                                  : search_dense(l, set, share);
}

/* All rows, most of which live. */
static strata_status search_all(const look *l, float share) {
    const st_search *s = l->s;
    const float k = (float)st_max(s->query->k, NEAREST_MIN);
    const float nearest = k / share * (share < 1 ? MARGIN : 1) * l->wider;
    ST_TRY(st_graph_search(&l->part->graph, &s->code, reach_of(s, nearest), s->walk));
    return take(l, s->walk->pool, s->walk->pool_len);
}

/* All that is asked for is known: the set, or all rows if it has no bits; and of these those that live. Where a walk
 * finds less than is there, all is looked at. */
static strata_status search_known(look *l, st_node_set set) {
    st_search *s = l->s;
    const size_t first = s->count;
    const uint32_t scanned = s->found->scanned;
    const float share = live_share(l);
    l->bits = set.bits;
    const size_t enough = st_min(s->query->k, set.count);
    for (l->wider = 1; l->wider < 8; l->wider *= 2) {
        s->count = first;
        ST_TRY(l->bits != NULL || share < LIVE_MIN ? search_set(l, set, share)
                                                   : search_all(l, share));
        if (s->found->scanned > scanned || s->count - first >= enough) {
            return STRATA_OK;
        }
    }
    s->count = first;
    return scan(l);
}

/* Little is known of what passes. *enough false: too few do, and nobody knows where they are. */
static strata_status search_asking(look *l, bool *enough) {
    const uint32_t k = l->s->query->k;
    const uint32_t count = st_part_count(l->part);
    const uint32_t most = (uint32_t)st_min(ASKING_MAX, count / ASKING_ONE_IN);
    uint32_t nearest = guess(l);
    bool known = false;
    ST_TRY(begin(l));
    if (may_have_keys(l)) {
        /* With n of the count passing a walk looks at k * count / n nodes: at more than n, from their root on. */
        const uint32_t equal = (uint32_t)(sqrtf((float)count * (float)k) / 2);
        ST_TRY(walk_asking(l, &nearest, (uint32_t)st_min(equal, most), enough));
        if (*enough) {
            return STRATA_OK;
        }
        ST_TRY(find_keys(l, &known));
        if (known) {
            *enough = true;
            return scan_keys(l);
        }
    }
    return walk_asking(l, &nearest, most, enough);
}

static strata_status search_filtered(look *l) {
    const st_vector_query *query = l->s->query;
    st_epoch *epoch = l->s->index->epoch;
    st_node_set set;
    bool enough;
    ST_TRY(st_filter_set_of(l->part, epoch, query, l->s->arena, &l->set));
    if (!st_filter_set_whole(l->set, &set)) {
        ST_TRY(search_asking(l, &enough));
        if (enough) {
            const size_t some = st_max(FILL_MIN, st_part_count(l->part) / FILL_ONE_IN);
            return l->set->memory == NULL
                       ? STRATA_OK
                       : st_filter_set_fill(l->set, l->part, query, (uint32_t)some);
        }
        ST_TRY(st_filter_set_complete(&l->set, l->part, epoch, query));
        const bool whole = st_filter_set_whole(l->set, &set);
        ST_ASSERT(whole);
    }
    return search_known(l, set);
}

strata_status st_search_part(st_search *s, st_part *part) {
    const uint32_t count = st_part_count(part);
    const uint64_t to_max = atomic_load_explicit(&part->to_max, memory_order_acquire);
    const uint32_t ended = atomic_load_explicit(&part->ended, memory_order_acquire);
    look l = {.s = s,
              .part = part,
              .rough = s->index->codec.kind == ST_CODE_B1 && !s->exact,
              .all_live =
                  st_part_settled(part) && ended == 0 && part->from_max <= s->query->snapshot};
    if (count == 0 || (ended == count && to_max <= s->query->snapshot)) {
        return STRATA_OK;
    }
    if (!part->linked || s->exact) {
        if (s->query->passes != NULL) {
            ST_TRY(st_filter_set_of(part, s->index->epoch, s->query, s->arena, &l.set));
        }
        return scan(&l);
    }
    return s->query->passes != NULL ? search_filtered(&l)
                                    : search_known(&l, (st_node_set){NULL, count});
}
