/* document_names.c - finds names that come twice in an object, while a document is written.
 *
 * Three ways, by the number of names. Up to ST_NAMES_AT_ONCE, each new one is compared with those before
 * it, if the bit of its mark was seen: mostly it was not, and nothing is compared. Larger objects are
 * checked when they close, with a hash table of all their names. Who makes names that the hash sends to
 * one place gets, once that has cost more steps than a few for each name, the third: sorting (names.c).
 *
 * Invariants:
 * 1. Entries of an object that closes are the last of the stack.
 * 2. What is told is the first entry, in the order of the text, that equals one before it.
 * 3. Time is n log n in the names of an object, whatever they are.
 * Rejected: sorting all of them. It reads each name some twenty times, and was half of the time of
 * parsing large objects.
 */
#include "format/document_names.h"

#include "base/hash.h"
#include "format/names.h"

static const st_name_entry *entries_of(const st_name_stack *stack) {
    return (const st_name_entry *)(const void *)stack->entries.data;
}

/* A name where it lies; it was written there and is well-formed. */
static strata_slice name_at(const uint8_t *document, const st_name_entry *entry) {
    st_cursor cursor = {document + entry->place, document + entry->place + ST_VARINT_BYTES_MAX};
    uint64_t len = 0;
    (void)st_cursor_varint(&cursor, &len);
    return st_slice(cursor.at, (size_t)len);
}

bool st_name_is_repeated(const st_name_stack *stack, const st_name_set *set,
                         const uint8_t *document) {
    const st_name_entry *entries = entries_of(stack);
    const size_t last = st_name_stack_count(stack) - 1;
    if (last - set->first >= ST_NAMES_AT_ONCE) {
        return false;
    }
    for (size_t i = set->first; i < last; i++) {
        if (entries[i].mark == entries[last].mark &&
            st_slice_equal(name_at(document, &entries[i]), name_at(document, &entries[last]))) {
            return true;
        }
    }
    return false;
}

/* A hash table of places in entries, plus 1. *steps: how many more may be taken. */
static const st_name_entry *find_by_hash(const st_name_entry *entries, size_t count,
                                         const uint8_t *document, uint32_t *table, size_t mask,
                                         size_t *steps) {
    for (size_t i = 0; i < count && *steps > 0; i++) {
        const strata_slice name = name_at(document, &entries[i]);
        size_t slot = (size_t)st_hash_bytes(name, 0) & mask;
        for (; table[slot] != 0 && *steps > 0; slot = (slot + 1) & mask, --*steps) {
            const st_name_entry *other = &entries[table[slot] - 1];
            if (other->mark == entries[i].mark && st_slice_equal(name_at(document, other), name)) {
                return &entries[i];
            }
        }
        table[slot] = (uint32_t)(i + 1);
    }
    return NULL;
}

/* The worst case. names: room for count slices. */
static const st_name_entry *find_by_order(const st_name_entry *entries, size_t count,
                                          const uint8_t *document, strata_slice *names) {
    size_t second;
    for (size_t i = 0; i < count; i++) {
        names[i] = name_at(document, &entries[i]);
    }
    if (!st_names_repeat(names, count, &second)) {
        return NULL;
    }
    /* Equal names are in any order now: of them, the second in the text is meant. */
    bool met = false;
    for (size_t i = 0; i < count; i++) {
        if (st_slice_equal(name_at(document, &entries[i]), names[second])) {
            if (met) {
                return &entries[i];
            }
            met = true;
        }
    }
    return NULL;
}

static strata_status find_repeated(st_name_stack *stack, const st_name_entry *entries, size_t count,
                                   const uint8_t *document, const st_name_entry **repeated) {
    enum { STEPS_EACH = 16 };
    size_t slots = 256;
    while (slots < 2 * count) {
        slots *= 2;
    }
    size_t steps = STEPS_EACH * count;
    stack->table.len = 0;
    ST_TRY(st_buffer_reserve(&stack->table, slots * sizeof(uint32_t)));
    memset(stack->table.data, 0, slots * sizeof(uint32_t));
    *repeated = find_by_hash(entries, count, document, (uint32_t *)(void *)stack->table.data,
                             slots - 1, &steps);
    if (steps > 0) {
        return STRATA_OK;
    }
    ST_TRY(st_buffer_reserve(&stack->table, count * sizeof(strata_slice)));
    *repeated = find_by_order(entries, count, document, (strata_slice *)(void *)stack->table.data);
    return STRATA_OK;
}

strata_status st_name_set_close(st_name_stack *stack, const st_name_set *set,
                                const uint8_t *document, const st_name_entry **repeated) {
    const size_t count = st_name_stack_count(stack) - set->first;
    *repeated = NULL;
    if (count > ST_NAMES_AT_ONCE) {
        ST_TRY(find_repeated(stack, entries_of(stack) + set->first, count, document, repeated));
    }
    stack->entries.len = set->first * sizeof(st_name_entry);
    return STRATA_OK;
}

void st_name_stack_free(st_name_stack *stack) {
    strata_buffer_free(&stack->entries);
    strata_buffer_free(&stack->table);
}
