/* documents.c - the lives of documents, and how many there were at a version.
 *
 * BM25 at a snapshot needs the number and the total length of the documents alive in it, for any
 * snapshot, and the same to the last bit after a reopen. So:
 *
 * 1. Documents are numbered in the order in which they were added, so `added` never decreases, and
 *    those added at or before a version are the numbers below a bound: one binary search.
 * 2. `endings` lists documents in the order in which they ended, so those that had ended are a
 *    beginning of that list: another binary search. A document ends once, after it was added, so
 *    the list needs no more room than the documents: removing cannot fail.
 * 3. Lengths are summed exactly, in integers: a running sum at every 64th entry of either order,
 *    and at most 63 additions. Living = added - ended, in number and in length.
 * 4. At most one document is alive under a key; `slots` maps its key to it, and nothing else.
 * 5. All arrays are of one capacity. They grow by copying into new ones of twice the size, which
 *    are published before the first count that needs them; the old ones stay readable until the
 *    head dies. So a document takes 64 to 128 bytes, half of them in older copies.
 * 6. Readers load `count` and `endings` before `table`: the table is then at least as new as both,
 *    and has every entry that they admit. An end stored in a newer table than a reader's is later
 *    than the reader's counts, and so than its version.
 *
 * Rejected: a log of (version, living, length) for each change, which must keep room for a removal
 * of each living document at 24 bytes; bits of the living for each version.
 *
 * Atomics are used here, outside of base/sync and store/, because readers run beside the writer
 * without a lock; every publication is one release store of a count or of a table.
 */
#include "index/text/documents.h"

#include "base/hash.h"

enum { CAPACITY_MIN = 32, SUM_EVERY = 64, SLOTS_MIN = 64 };

/* ---- Table ----------------------------------------------------------------------------------- */

static void *array_of(st_arena *arena, size_t count, size_t size, bool *ok) {
    void *array = count > SIZE_MAX / size ? NULL : st_arena_alloc(arena, count * size, size);
    *ok = *ok && array != NULL;
    return array;
}

static st_document_table *table_new(st_arena *arena, uint32_t capacity) {
    st_document_table *table = st_arena_alloc(arena, sizeof *table, _Alignof(st_document_table));
    if (table == NULL) {
        return NULL;
    }
    const size_t sums = capacity / SUM_EVERY + 1;
    bool ok = true;
    table->capacity = capacity;
    table->added = array_of(arena, capacity, sizeof *table->added, &ok);
    table->ended = array_of(arena, capacity, sizeof *table->ended, &ok);
    table->length = array_of(arena, capacity, sizeof *table->length, &ok);
    table->key = array_of(arena, capacity, sizeof *table->key, &ok);
    table->endings = array_of(arena, capacity, sizeof *table->endings, &ok);
    table->added_length = array_of(arena, sums, sizeof *table->added_length, &ok);
    table->ended_length = array_of(arena, sums, sizeof *table->ended_length, &ok);
    return ok ? table : NULL;
}

static void table_copy(st_document_table *to, const st_document_table *from, uint32_t count,
                       uint32_t endings) {
    memcpy(to->added, from->added, count * sizeof *to->added);
    memcpy(to->length, from->length, count * sizeof *to->length);
    memcpy(to->key, from->key, count * sizeof *to->key);
    memcpy(to->endings, from->endings, endings * sizeof *to->endings);
    memcpy(to->added_length, from->added_length,
           (count / SUM_EVERY + 1) * sizeof *to->added_length);
    memcpy(to->ended_length, from->ended_length,
           (endings / SUM_EVERY + 1) * sizeof *to->ended_length);
    for (uint32_t i = 0; i < count; i++) {
        atomic_init(&to->ended[i], atomic_load_explicit(&from->ended[i], memory_order_relaxed));
    }
}

static strata_status reserve_table(st_documents *documents) {
    st_document_table *old = atomic_load_explicit(&documents->table, memory_order_relaxed);
    const uint32_t count = st_documents_next_number(documents);
    if (old != NULL && count < old->capacity) {
        return STRATA_OK;
    }
    if (old != NULL && old->capacity > UINT32_MAX / 4) {
        return STRATA_NO_MEMORY;
    }
    st_document_table *table =
        table_new(documents->arena, old == NULL ? CAPACITY_MIN : old->capacity * 2);
    if (table == NULL) {
        return STRATA_NO_MEMORY;
    }
    if (old == NULL) {
        table->added_length[0] = 0;
        table->ended_length[0] = 0;
    } else {
        table_copy(table, old, count,
                   atomic_load_explicit(&documents->endings, memory_order_relaxed));
    }
    atomic_store_explicit(&documents->table, table, memory_order_release);
    return STRATA_OK;
}

/* ---- Keys of the living ---------------------------------------------------------------------- */

static uint32_t hash_of(const st_documents *documents, strata_slice key) {
    return (uint32_t)st_hash_bytes(key, documents->seed);
}

static strata_slice key_of(const st_documents *documents, uint32_t number) {
    const st_document_table *table = atomic_load_explicit(&documents->table, memory_order_relaxed);
    return st_document_key_slice(table->key[number]);
}

/* The slot of the key, or the empty one where it would go. There is an empty one. */
static uint32_t slot_of(const st_documents *documents, strata_slice key, uint32_t hash) {
    const uint32_t mask = documents->slot_count - 1;
    uint32_t at = hash & mask;
    for (;; at = (at + 1) & mask) {
        const st_document_slot *slot = &documents->slots[at];
        if (slot->number_plus_1 == 0 ||
            (slot->hash == hash &&
             st_slice_equal(key_of(documents, slot->number_plus_1 - 1), key))) {
            return at;
        }
    }
}

static strata_status reserve_slot(st_documents *documents) {
    if (documents->living < documents->slot_count / 4 * 3) {
        return STRATA_OK;
    }
    const uint32_t count = documents->slot_count == 0 ? SLOTS_MIN : documents->slot_count * 2;
    st_document_slot *slots = st_alloc_zeroed(documents->allocator, count * sizeof *slots);
    if (slots == NULL) {
        return STRATA_NO_MEMORY;
    }
    for (uint32_t i = 0; i < documents->slot_count; i++) {
        if (documents->slots[i].number_plus_1 != 0) {
            uint32_t at = documents->slots[i].hash & (count - 1);
            while (slots[at].number_plus_1 != 0) {
                at = (at + 1) & (count - 1);
            }
            slots[at] = documents->slots[i];
        }
    }
    st_free(documents->allocator, documents->slots, documents->slot_count * sizeof *slots);
    documents->slots = slots;
    documents->slot_count = count;
    return STRATA_OK;
}

/* Empties a slot and closes the gap, so that look-ups need no tombstones. */
static void clear_slot(st_documents *documents, uint32_t gap) {
    const uint32_t mask = documents->slot_count - 1;
    for (uint32_t at = (gap + 1) & mask; documents->slots[at].number_plus_1 != 0;
         at = (at + 1) & mask) {
        const uint32_t home = documents->slots[at].hash & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            documents->slots[gap] = documents->slots[at];
            gap = at;
        }
    }
    documents->slots[gap].number_plus_1 = 0;
}

/* ---- Writer ---------------------------------------------------------------------------------- */

void st_documents_init(st_documents *documents, const strata_allocator *allocator, st_arena *arena,
                       uint64_t seed) {
    memset(documents, 0, sizeof *documents);
    documents->allocator = allocator;
    documents->arena = arena;
    documents->seed = seed;
    atomic_init(&documents->table, NULL);
    atomic_init(&documents->count, 0);
    atomic_init(&documents->endings, 0);
}

void st_documents_free(st_documents *documents) {
    st_free(documents->allocator, documents->slots,
            documents->slot_count * sizeof *documents->slots);
    documents->slots = NULL;
    documents->slot_count = 0;
}

strata_status st_documents_reserve(st_documents *documents) {
    ST_TRY(reserve_table(documents));
    return reserve_slot(documents);
}

bool st_documents_find(const st_documents *documents, strata_slice key, uint32_t *number) {
    if (documents->slot_count == 0) {
        return false;
    }
    const st_document_slot *slot =
        &documents->slots[slot_of(documents, key, hash_of(documents, key))];
    if (slot->number_plus_1 == 0) {
        return false;
    }
    *number = slot->number_plus_1 - 1;
    return true;
}

static void end_document(st_documents *documents, uint32_t number, uint64_t version) {
    st_document_table *table = atomic_load_explicit(&documents->table, memory_order_relaxed);
    const uint32_t order = atomic_load_explicit(&documents->endings, memory_order_relaxed);
    ST_ASSERT(order < table->capacity);
    atomic_store_explicit(&table->ended[number], version, memory_order_relaxed);
    table->endings[order] = number;
    documents->ended_length += table->length[number];
    if ((order + 1) % SUM_EVERY == 0) {
        table->ended_length[(order + 1) / SUM_EVERY] = documents->ended_length;
    }
    atomic_store_explicit(&documents->endings, order + 1, memory_order_release);
}

void st_documents_add(st_documents *documents, const st_document_key *key, uint32_t length,
                      uint64_t version) {
    ST_ASSERT(version >= documents->version && version != ST_ALIVE);
    st_document_table *table = atomic_load_explicit(&documents->table, memory_order_relaxed);
    const uint32_t number = st_documents_next_number(documents);
    const strata_slice slice = st_document_key_slice(key);
    const uint32_t hash = hash_of(documents, slice);
    st_document_slot *slot = &documents->slots[slot_of(documents, slice, hash)];
    ST_ASSERT(number < table->capacity);
    documents->version = version;
    if (slot->number_plus_1 != 0) {
        end_document(documents, slot->number_plus_1 - 1, version);
    } else {
        documents->living++;
    }
    slot->hash = hash;
    slot->number_plus_1 = number + 1;
    table->added[number] = version;
    atomic_init(&table->ended[number], ST_ALIVE);
    table->length[number] = length;
    table->key[number] = key;
    documents->added_length += length;
    if ((number + 1) % SUM_EVERY == 0) {
        table->added_length[(number + 1) / SUM_EVERY] = documents->added_length;
    }
    atomic_store_explicit(&documents->count, number + 1, memory_order_release);
}

bool st_documents_remove(st_documents *documents, strata_slice key, uint64_t version) {
    ST_ASSERT(version >= documents->version && version != ST_ALIVE);
    if (documents->slot_count == 0) {
        return false;
    }
    const uint32_t at = slot_of(documents, key, hash_of(documents, key));
    if (documents->slots[at].number_plus_1 == 0) {
        return false;
    }
    documents->version = version;
    end_document(documents, documents->slots[at].number_plus_1 - 1, version);
    clear_slot(documents, at);
    documents->living--;
    return true;
}

/* ---- Reader ---------------------------------------------------------------------------------- */

/* How many of the first `count` documents were added at or before the version. */
static uint32_t added_at(const st_document_table *table, uint32_t count, uint64_t version) {
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (table->added[middle] <= version) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint64_t ended_version(const st_document_table *table, uint32_t order) {
    return atomic_load_explicit(&table->ended[table->endings[order]], memory_order_relaxed);
}

static uint32_t ended_at(const st_document_table *table, uint32_t endings, uint64_t version) {
    uint32_t low = 0;
    uint32_t high = endings;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (ended_version(table, middle) <= version) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

st_documents_view st_documents_at(const st_documents *documents, uint64_t version) {
    version = version < ST_ALIVE ? version : ST_ALIVE - 1;
    st_documents_view view = {NULL, version, 0, 0, 0, 0};
    const uint32_t count = atomic_load_explicit(&documents->count, memory_order_acquire);
    const uint32_t endings = atomic_load_explicit(&documents->endings, memory_order_acquire);
    view.table = atomic_load_explicit(&documents->table, memory_order_acquire);
    if (count == 0) {
        return view;
    }
    const st_document_table *table = view.table;
    view.count = added_at(table, count, version);
    view.endings = ended_at(table, endings, version);
    view.living = view.count - view.endings;
    view.length = table->added_length[view.count / SUM_EVERY];
    for (uint32_t i = view.count / SUM_EVERY * SUM_EVERY; i < view.count; i++) {
        view.length += table->length[i];
    }
    view.length -= table->ended_length[view.endings / SUM_EVERY];
    for (uint32_t i = view.endings / SUM_EVERY * SUM_EVERY; i < view.endings; i++) {
        view.length -= table->length[table->endings[i]];
    }
    return view;
}

/* ---- Check ----------------------------------------------------------------------------------- */

static strata_status broken(strata_error *error, const char *what, uint32_t number) {
    return st_fail(error, STRATA_INTERNAL, "text index: %s (document %u)", what, (uint64_t)number);
}

static strata_status check_endings(const st_documents *documents, const st_document_table *table,
                                   uint32_t count, uint32_t endings, strata_error *error) {
    uint64_t length = 0;
    uint64_t version = 0;
    for (uint32_t i = 0; i < endings; i++) {
        const uint32_t number = table->endings[i];
        if (i % SUM_EVERY == 0 && table->ended_length[i / SUM_EVERY] != length) {
            return broken(error, "a sum of ended lengths is wrong", number);
        }
        if (number >= count || ended_version(table, i) < version ||
            ended_version(table, i) == ST_ALIVE) {
            return broken(error, "the endings are out of order", number);
        }
        version = ended_version(table, i);
        length += table->length[number];
    }
    return length == documents->ended_length ? STRATA_OK
                                             : broken(error, "ended lengths do not add up", count);
}

strata_status st_documents_check(const st_documents *documents, strata_error *error) {
    const st_document_table *table = atomic_load_explicit(&documents->table, memory_order_acquire);
    const uint32_t count = atomic_load_explicit(&documents->count, memory_order_acquire);
    const uint32_t endings = atomic_load_explicit(&documents->endings, memory_order_acquire);
    uint64_t length = 0;
    uint32_t living = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t ended = atomic_load_explicit(&table->ended[i], memory_order_relaxed);
        if (i % SUM_EVERY == 0 && table->added_length[i / SUM_EVERY] != length) {
            return broken(error, "a sum of lengths is wrong", i);
        }
        if ((i > 0 && table->added[i] < table->added[i - 1]) || ended < table->added[i]) {
            return broken(error, "versions are out of order", i);
        }
        uint32_t found;
        if (ended == ST_ALIVE) {
            living++;
            if (!st_documents_find(documents, st_document_key_slice(table->key[i]), &found) ||
                found != i) {
                return broken(error, "the key of a living document leads elsewhere", i);
            }
        }
        length += table->length[i];
    }
    if (length != documents->added_length || living != documents->living ||
        living != count - endings) {
        return broken(error, "the documents do not add up", count);
    }
    return check_endings(documents, table, count, endings, error);
}
