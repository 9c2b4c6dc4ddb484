/* dictionary.h - the terms of a head, each with its postings. One writer, any readers. */
#ifndef ST_INDEX_TEXT_DICTIONARY_H
#define ST_INDEX_TEXT_DICTIONARY_H

#include "index/text/analyze.h"
#include "index/text/postings.h"

typedef struct st_lexeme {
    uint32_t hash;
    uint32_t staged; /* the writer's: times in the document being staged */
    st_postings postings;
    uint8_t len;
    uint8_t bytes[];
} st_lexeme;

static inline strata_slice st_lexeme_slice(const st_lexeme *lexeme) {
    return st_slice(lexeme->bytes, lexeme->len);
}

/* Open addressing; replaced by a larger copy, never changed in size. */
typedef struct st_lexeme_table {
    uint32_t slot_count; /* a power of two */
    _Atomic(st_lexeme *) slots[];
} st_lexeme_table;

typedef struct st_dictionary {
    st_arena *arena;
    _Atomic(st_lexeme_table *) table; /* NULL while there are no terms */
    uint64_t seed;
    uint32_t count; /* the writer's */
} st_dictionary;

/* seed: of the hash; unpredictable where texts are not to be trusted. */
void st_dictionary_init(st_dictionary *dictionary, st_arena *arena, uint64_t seed);

/* Any thread: the term's entry, NULL when there is none. */
st_lexeme *st_dictionary_find(const st_dictionary *dictionary, strata_slice term);
/* Writer: the term's entry, made if missing. NULL when there is no memory. */
st_lexeme *st_dictionary_add(st_dictionary *dictionary, strata_slice term);

/* Errors: internal with what does not hold. */
strata_status st_dictionary_check(const st_dictionary *dictionary,
                                  strata_error *error) STRATA_MUST_USE;

#endif
