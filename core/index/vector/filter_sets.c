/* filter_sets.c - which entries of a part pass a filter, as far as it was asked.
 *
 * An entry is what one commit stored under a key, and never changes: nor does the answer of a filter for it. So what
 * was found out once holds as long as the part does. A question reads the store, which costs as much as thirty
 * distances; so none is asked twice where that can be known.
 *
 * 1. A bit of `passing` counts only where that of `asked` is set, and is written before it.
 * 2. `whole` is written once, under the part's lock, when all rows were asked for; from then on nothing changes.
 * 3. A filter that comes for the first time leaves its hash only, for as long as SEEN others do not: programs that
 *    put a name into each filter would drive out those that come again. When it comes again its answers are kept.
 *    Of a part the SETS_MAX sets that were asked for last are: three bits a row, and the filter, if that has at most
 *    FILTER_BYTES_MAX. So memory is bounded by the entries, whatever is asked.
 * Rejected: to ask for every row as soon as a filter comes. It takes 43 ms for 100 000 rows, in which walks that ask
 * for what they find answer a hundred times where 5 % pass (search_part.c).
 */
#include "index/vector/filter_sets.h"

#include "base/hash.h"
#include "index/vector/part_file.h"

enum { SETS_MAX = 8, FILTER_BYTES_MAX = 64 << 10 };

static size_t words_of(const st_part *part) {
    return ((size_t)part->capacity + 63) / 64;
}

static size_t size_of(const st_part *part, size_t filter_len) {
    return sizeof(st_filter_set) + 3 * words_of(part) * sizeof(uint64_t) + filter_len;
}

/* In memory that is all zeros. */
static st_filter_set *init(void *room, const st_part *part, strata_slice filter) {
    const size_t words = words_of(part);
    st_filter_set *set = room;
    set->asked = (_Atomic uint64_t *)(void *)(set + 1);
    set->passing = set->asked + words;
    set->whole = (uint64_t *)(void *)(set->passing + words);
    set->rows = st_part_count(part);
    if (filter.len > 0) {
        memcpy(set->whole + words, filter.data, filter.len);
    }
    set->filter = st_slice(set->whole + words, filter.len);
    return set;
}

static void reclaim_set(st_retired *retired) {
    st_filter_set *set = (st_filter_set *)(void *)retired;
    st_free(set->memory, set, set->size);
}

void st_filter_sets_free(st_part *part) {
    while (part->filters != NULL) {
        st_filter_set *next = part->filters->next;
        reclaim_set(&part->filters->retired);
        part->filters = next;
    }
}

size_t st_filter_sets_bytes(const st_part *part) {
    st_mutex *lock = (st_mutex *)&part->filters_lock;
    size_t bytes = 0;
    st_mutex_lock(lock, part->graph.executor);
    for (const st_filter_set *set = part->filters; set != NULL; set = set->next) {
        bytes += set->size;
    }
    st_mutex_unlock(lock, part->graph.executor);
    return bytes;
}

/* ---- What is kept ---------------------------------------------------------------------------- */

/* Under the lock. It is the first from now on: it was asked for last. */
static st_filter_set *find(st_part *part, strata_slice filter) {
    for (st_filter_set **at = &part->filters; *at != NULL; at = &(*at)->next) {
        st_filter_set *found = *at;
        if (st_slice_equal(found->filter, filter)) {
            *at = found->next;
            found->next = part->filters;
            part->filters = found;
            return found;
        }
    }
    return NULL;
}

/* Under the lock: whether the filter came before; from now on it did. */
static bool was_seen(st_part *part, strata_slice filter) {
    const uint64_t hash = st_hash_bytes(filter, part->graph.seed) | 1; /* 0: none */
    for (unsigned i = 0; i < ST_PART_FILTERS_SEEN; i++) {
        if (part->filters_seen[i] == hash) {
            return true;
        }
    }
    part->filters_seen[part->filters_next++ % ST_PART_FILTERS_SEEN] = hash;
    return false;
}

/* Under the lock; the last of too many goes. */
static void add_first(st_part *part, st_epoch *epoch, st_filter_set *made) {
    unsigned count = 1;
    made->next = part->filters;
    part->filters = made;
    for (st_filter_set *set = made; set->next != NULL; set = set->next) {
        if (++count > SETS_MAX) {
            st_filter_set *last = set->next; /* there is one more at a time */
            set->next = NULL;
            st_epoch_retire(epoch, &last->retired, reclaim_set);
            break;
        }
    }
}

/* A set that is kept from now on; or that which somebody else has made meanwhile. */
static strata_status keep_new(st_part *part, st_epoch *epoch, const st_vector_query *query,
                              st_filter_set **set) {
    const strata_executor *executor = part->graph.executor;
    const size_t size = size_of(part, query->filter.len);
    void *room = st_alloc_zeroed(part->memory, size);
    if (room == NULL) {
        return STRATA_NO_MEMORY;
    }
    st_filter_set *made = init(room, part, query->filter);
    made->memory = part->memory;
    made->size = size;
    st_mutex_lock(&part->filters_lock, executor);
    st_filter_set *other = find(part, query->filter);
    if (other == NULL) {
        add_first(part, epoch, made);
    }
    st_mutex_unlock(&part->filters_lock, executor);
    if (other != NULL) {
        reclaim_set(&made->retired);
    }
    *set = other != NULL ? other : made;
    return STRATA_OK;
}

static bool can_be_kept(const st_vector_query *query) {
    return query->filter.len > 0 && query->filter.len <= FILTER_BYTES_MAX;
}

strata_status st_filter_set_of(st_part *part, st_epoch *epoch, const st_vector_query *query,
                               st_arena *arena, st_filter_set **set) {
    const strata_executor *executor = part->graph.executor;
    const size_t size = size_of(part, 0);
    bool again = false;
    if (can_be_kept(query)) {
        st_mutex_lock(&part->filters_lock, executor);
        *set = find(part, query->filter);
        again = *set == NULL && was_seen(part, query->filter);
        st_mutex_unlock(&part->filters_lock, executor);
        if (*set != NULL || again) {
            return *set != NULL ? STRATA_OK : keep_new(part, epoch, query, set);
        }
    }
    void *room = st_arena_alloc(arena, size, 8);
    if (room == NULL) {
        return STRATA_NO_MEMORY;
    }
    memset(room, 0, size);
    *set = init(room, part, st_slice(NULL, 0));
    return STRATA_OK;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static uint64_t load(const _Atomic uint64_t *word, memory_order order) {
    return atomic_load_explicit((_Atomic uint64_t *)word, order);
}

static bool is_known(const st_filter_set *set, uint32_t row) {
    return (load(&set->asked[row / 64], memory_order_acquire) >> (row % 64) & 1) != 0;
}

static void note(st_filter_set *set, uint32_t row, bool passes) {
    const uint64_t bit = UINT64_C(1) << (row % 64);
    if (passes) {
        atomic_fetch_or_explicit(&set->passing[row / 64], bit, memory_order_relaxed);
    }
    if ((atomic_fetch_or_explicit(&set->asked[row / 64], bit, memory_order_acq_rel) & bit) == 0) {
        atomic_fetch_add_explicit(&set->asked_count, 1, memory_order_acq_rel);
    }
}

strata_status st_filter_set_ask(st_filter_set *set, const st_part *part,
                                const st_vector_query *query, const uint32_t *rows,
                                uint32_t count) {
    uint32_t asked[ST_VECTOR_TOGETHER_MAX];
    st_vector_hit entries[ST_VECTOR_TOGETHER_MAX];
    bool passes[ST_VECTOR_TOGETHER_MAX];
    uint32_t unknown = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_known(set, rows[i])) {
            asked[unknown++] = rows[i];
            __builtin_prefetch(st_part_entry(part, rows[i]));
        }
    }
    for (uint32_t i = 0; unknown > 1 && i < unknown; i++) {
        __builtin_prefetch(st_part_key_row(part, st_part_entry(part, asked[i])));
    }
    for (uint32_t i = 0; i < unknown; i++) {
        const st_entry *entry = st_part_entry(part, asked[i]);
        entries[i] = (st_vector_hit){st_part_key(part, entry), entry->from, 0};
    }
    if (unknown > 0) {
        ST_TRY(st_part_failure(part)); /* keys may be nonsense */
        ST_TRY(query->passes(query->ctx, entries, unknown, passes));
    }
    for (uint32_t i = 0; i < unknown; i++) {
        note(set, asked[i], passes[i]);
    }
    return STRATA_OK;
}

/* All rows were asked for. */
static void make_whole(st_filter_set *set, st_part *part) {
    const size_t words = words_of(part);
    uint32_t count = 1;
    st_mutex_lock(&part->filters_lock, part->graph.executor);
    if (atomic_load_explicit(&set->whole_count, memory_order_relaxed) == 0) {
        for (size_t i = 0; i < words; i++) {
            set->whole[i] = load(&set->passing[i], memory_order_relaxed);
            count += st_count_bits(set->whole[i]);
        }
        atomic_store_explicit(&set->whole_count, count, memory_order_release);
    }
    st_mutex_unlock(&part->filters_lock, part->graph.executor);
}

strata_status st_filter_set_fill(st_filter_set *set, st_part *part, const st_vector_query *query,
                                 uint32_t rows) {
    uint32_t row = atomic_load_explicit(&set->at, memory_order_relaxed);
    uint32_t batch[ST_VECTOR_TOGETHER_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->rows && rows > 0; i++, row++) {
        row = row < set->rows ? row : 0;
        if (!is_known(set, row)) {
            batch[count++] = row;
            rows--;
        }
        if (count == ST_VECTOR_TOGETHER_MAX) {
            st_row_reader_rest(query->reader);
            ST_TRY(st_filter_set_ask(set, part, query, batch, count));
            count = 0;
        }
    }
    st_row_reader_rest(query->reader);
    ST_TRY(st_filter_set_ask(set, part, query, batch, count));
    atomic_store_explicit(&set->at, row, memory_order_relaxed);
    if (atomic_load_explicit(&set->asked_count, memory_order_acquire) == set->rows) {
        make_whole(set, part);
    }
    return STRATA_OK;
}

/* What the one knows the other does, too. */
static void tell(const st_filter_set *from, st_filter_set *to, size_t words) {
    for (size_t i = 0; i < words; i++) {
        const uint64_t asked = load(&from->asked[i], memory_order_relaxed);
        if (asked != 0) {
            const uint64_t passing = load(&from->passing[i], memory_order_relaxed);
            atomic_fetch_or_explicit(&to->passing[i], passing, memory_order_relaxed);
            const uint64_t before =
                atomic_fetch_or_explicit(&to->asked[i], asked, memory_order_acq_rel);
            atomic_fetch_add_explicit(&to->asked_count, st_count_bits(asked & ~before),
                                      memory_order_acq_rel);
        }
    }
}

strata_status st_filter_set_complete(st_filter_set **set, st_part *part, st_epoch *epoch,
                                     const st_vector_query *query) {
    const st_filter_set *own = *set;
    if (own->memory == NULL && can_be_kept(query)) {
        ST_TRY(keep_new(part, epoch, query, set));
        tell(own, *set, words_of(part));
    }
    ST_TRY(st_filter_set_fill(*set, part, query, UINT32_MAX));
    make_whole(*set, part);
    return STRATA_OK;
}

bool st_filter_set_whole(const st_filter_set *set, st_node_set *nodes) {
    const uint32_t count =
        atomic_load_explicit((_Atomic uint32_t *)&set->whole_count, memory_order_acquire);
    *nodes = (st_node_set){set->whole, count - 1};
    return count > 0;
}
