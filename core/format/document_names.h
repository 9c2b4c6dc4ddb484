/* document_names.h - does an object of a document that is being written have a name twice? */
#ifndef ST_FORMAT_DOCUMENT_NAMES_H
#define ST_FORMAT_DOCUMENT_NAMES_H

#include "format/document.h"

/* A name that was written. */
typedef struct st_name_entry {
    size_t place;  /* in the document: where its length begins */
    size_t offset; /* where it came from, for whoever has to say so */
    uint32_t mark; /* of st_name_mark */
} st_name_entry;

/* Of the names of objects that are open, the last object's at the end. */
typedef struct st_name_stack {
    strata_buffer entries; /* st_name_entry */
    strata_buffer table;   /* scratch of large objects */
} st_name_stack;

/* The names of one object. */
typedef struct st_name_set {
    size_t first;  /* its first entry on the stack */
    uint64_t seen; /* a bit for the low bits of each mark */
} st_name_set;

/* A number that names nearly always differ in. At least 16 bytes can be read from `name` on. */
static inline uint32_t st_name_mark(const uint8_t *name, size_t len) {
    uint64_t head;
    uint64_t tail = 0;
    memcpy(&head, name, 8);
    if (len < 8) {
        head &= ((uint64_t)1 << (8 * len)) - 1;
    } else {
        memcpy(&tail, name + len - 8, 8);
    }
    const uint64_t h = (head ^ (tail << 5 | tail >> 59) ^ (uint64_t)len) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32);
}

static inline size_t st_name_stack_count(const st_name_stack *stack) {
    return stack->entries.len / sizeof(st_name_entry);
}

static inline st_name_set st_name_set_init(const st_name_stack *stack) {
    return (st_name_set){st_name_stack_count(stack), 0};
}

/* Above so many names of an object, they are compared when it closes. */
enum { ST_NAMES_AT_ONCE = 64 };

/* Whether the stack's last entry is a name that its object, with at most ST_NAMES_AT_ONCE names, had. */
bool st_name_is_repeated(const st_name_stack *stack, const st_name_set *set,
                         const uint8_t *document);

/* Adds a name. *repeated: its object has it already; of large objects only the closing tells. Errors:
 * no_memory. */
static inline strata_status st_name_add(st_name_stack *stack, st_name_set *set,
                                        const uint8_t *document, st_name_entry entry,
                                        bool *repeated) {
    const uint64_t bit = (uint64_t)1 << (entry.mark & 63);
    const bool maybe = (set->seen & bit) != 0;
    ST_TRY(st_buffer_reserve(&stack->entries, sizeof entry));
    memcpy(stack->entries.data + stack->entries.len, &entry, sizeof entry);
    stack->entries.len += sizeof entry;
    set->seen |= bit;
    *repeated = maybe && st_name_is_repeated(stack, set, document);
    return STRATA_OK;
}

/* At the end of an object: takes its names from the stack. Where there are many they are compared now;
 * *repeated is then the first that comes again, as it comes again. Errors: no_memory. */
strata_status st_name_set_close(st_name_stack *stack, const st_name_set *set,
                                const uint8_t *document, const st_name_entry **repeated);

void st_name_stack_free(st_name_stack *stack);

#endif
