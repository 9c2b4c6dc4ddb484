/* dictionary.c - a hash table of terms that grows while it is read.
 *
 * 1. Entries lie in the arena and never move; a slot holds an entry's address, stored with release
 *    when the entry is whole, and never changes again.
 * 2. The table is at most three quarters full, so that a look-up ends at an empty slot. A larger
 *    one is filled before it is published, and the writer adds to the newest only. A reader with an
 *    older table misses terms that were added since, which no document of his snapshot has.
 * 3. Terms are kept for ever, also those of which no document was published (count 0).
 *
 * Cost: 48 bytes and the term, and 11 to 43 bytes of slots with those of older tables. Rejected:
 * chains, whose links the growing writer would have to change under the readers; a trie of hash
 * bits, which never has to grow but takes ten cache misses for a look-up in 400 000 terms.
 */
#include "index/text/dictionary.h"

#include "base/hash.h"

enum {
    SLOTS_MIN = 64,
    SLOTS_MAX = 1 << 28, /* 200 million terms; their size in bytes fits 32 bits in WASM */
};

void st_dictionary_init(st_dictionary *dictionary, st_arena *arena, uint64_t seed) {
    dictionary->arena = arena;
    dictionary->seed = seed;
    dictionary->count = 0;
    atomic_init(&dictionary->table, NULL);
}

static uint32_t hash_of(const st_dictionary *dictionary, strata_slice term) {
    return (uint32_t)st_hash_bytes(term, dictionary->seed);
}

/* The entry of the term, or NULL; *slot: where it is or would go. */
static st_lexeme *probe(const st_lexeme_table *table, strata_slice term, uint32_t hash,
                        uint32_t *slot) {
    const uint32_t mask = table->slot_count - 1;
    for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
        st_lexeme *lexeme = atomic_load_explicit(&table->slots[at], memory_order_acquire);
        if (lexeme == NULL ||
            (lexeme->hash == hash && st_slice_equal(st_lexeme_slice(lexeme), term))) {
            *slot = at;
            return lexeme;
        }
    }
}

st_lexeme *st_dictionary_find(const st_dictionary *dictionary, strata_slice term) {
    const st_lexeme_table *table = atomic_load_explicit(&dictionary->table, memory_order_acquire);
    uint32_t slot;
    return table == NULL ? NULL : probe(table, term, hash_of(dictionary, term), &slot);
}

static st_lexeme_table *grow(st_dictionary *dictionary, const st_lexeme_table *old) {
    if (old != NULL && old->slot_count >= SLOTS_MAX) {
        return NULL;
    }
    const uint32_t slot_count = old == NULL ? SLOTS_MIN : old->slot_count * 2;
    st_lexeme_table *table =
        st_arena_alloc(dictionary->arena, sizeof *table + slot_count * sizeof table->slots[0],
                       _Alignof(st_lexeme_table));
    if (table == NULL) {
        return NULL;
    }
    table->slot_count = slot_count;
    for (uint32_t i = 0; i < slot_count; i++) {
        atomic_init(&table->slots[i], NULL);
    }
    for (uint32_t i = 0; old != NULL && i < old->slot_count; i++) {
        st_lexeme *lexeme = atomic_load_explicit(&old->slots[i], memory_order_relaxed);
        if (lexeme != NULL) {
            uint32_t at = lexeme->hash & (slot_count - 1);
            while (atomic_load_explicit(&table->slots[at], memory_order_relaxed) != NULL) {
                at = (at + 1) & (slot_count - 1);
            }
            atomic_init(&table->slots[at], lexeme);
        }
    }
    atomic_store_explicit(&dictionary->table, table, memory_order_release);
    return table;
}

st_lexeme *st_dictionary_add(st_dictionary *dictionary, strata_slice term) {
    ST_ASSERT(term.len <= ST_TERM_BYTES_MAX);
    const uint32_t hash = hash_of(dictionary, term);
    st_lexeme_table *table = atomic_load_explicit(&dictionary->table, memory_order_relaxed);
    uint32_t slot;
    if (table != NULL) {
        st_lexeme *found = probe(table, term, hash, &slot);
        if (found != NULL) {
            return found;
        }
    }
    if (table == NULL || dictionary->count >= table->slot_count / 4 * 3) {
        table = grow(dictionary, table);
        if (table == NULL) {
            return NULL;
        }
        (void)probe(table, term, hash, &slot);
    }
    st_lexeme *lexeme =
        st_arena_alloc(dictionary->arena, sizeof *lexeme + term.len, _Alignof(st_lexeme));
    if (lexeme == NULL) {
        return NULL;
    }
    lexeme->hash = hash;
    lexeme->staged = 0;
    st_postings_init(&lexeme->postings);
    lexeme->len = (uint8_t)term.len;
    memcpy(lexeme->bytes, term.data, term.len);
    dictionary->count++;
    atomic_store_explicit(&table->slots[slot], lexeme, memory_order_release);
    return lexeme;
}

strata_status st_dictionary_check(const st_dictionary *dictionary, strata_error *error) {
    const st_lexeme_table *table = atomic_load_explicit(&dictionary->table, memory_order_acquire);
    uint32_t count = 0;
    for (uint32_t i = 0; table != NULL && i < table->slot_count; i++) {
        st_lexeme *lexeme = atomic_load_explicit(&table->slots[i], memory_order_acquire);
        if (lexeme == NULL) {
            continue;
        }
        const strata_slice term = st_lexeme_slice(lexeme);
        count++;
        if (lexeme->hash != hash_of(dictionary, term) ||
            st_dictionary_find(dictionary, term) != lexeme) {
            return st_fail(error, STRATA_INTERNAL, "text index: the term %S cannot be found",
                           &term);
        }
    }
    if (count != dictionary->count || (table != NULL && count > table->slot_count / 4 * 3)) {
        return st_fail(error, STRATA_INTERNAL, "text index: the table of terms is too full");
    }
    return STRATA_OK;
}
