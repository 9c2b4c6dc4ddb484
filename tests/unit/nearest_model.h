/* nearest_model.h - collections as plain lists of all that was ever stored in them, and what a search must find.
 *
 * A question is asked of an embedding: all entries, of all times, are put in the order of their distance to it once;
 * what any reader must find, whatever the moment and the filter, is then the first of them that it sees and that pass.
 * Distances are made by the plain loops of the scalar kernels, conditions are asked of facts in a struct: nothing here
 * knows of parts, codes, graphs, MessagePack or the store.
 */
#ifndef STRATA_TEST_NEAREST_MODEL_H
#define STRATA_TEST_NEAREST_MODEL_H

#include "support.h"

#include "index/vector/code.h"
#include "strata/vector.h"

enum { NM_GROUPS = 16, NM_WEIGHTS = 1000, NM_TAGS = 4, NM_LEAVES = 3 };

/* ---- Entries and filters --------------------------------------------------------------------- */

/* What is stored beside an embedding: metadata {group, tags, weight?}, and maybe a text. */
typedef struct nm_facts {
    unsigned group;
    unsigned tags; /* a bit each */
    int weight;    /* below 0: none */
    bool text;
} nm_facts;

nm_facts nm_make_facts(uint64_t *chance);
/* As JSON, and as what is stored; borrowed until the next call. */
strata_value nm_metadata(const nm_facts *facts);

typedef enum nm_test {
    NM_GROUP_IS,
    NM_GROUP_IS_NOT,
    NM_GROUP_IN, /* operand, + 1, + 2 */
    NM_WEIGHT_BELOW,
    NM_WEIGHT_FROM, /* to operand + 300 */
    NM_WEIGHT_THERE,
    NM_TAGGED,
    NM_TEXT_THERE,
    NM_KEY_FROM,
    NM_TESTS
} nm_test;

typedef struct nm_leaf {
    nm_test test;
    bool negated;
    unsigned operand;
} nm_leaf;

/* All of its leaves hold, or any. */
typedef struct nm_filter {
    nm_leaf leaves[NM_LEAVES];
    unsigned count;
    bool any;
    strata_buffer object; /* as a search takes it */
} nm_filter;

void nm_make_filter(uint64_t *chance, unsigned keys, nm_filter *filter);
/* The same conditions with other operands. */
void nm_vary_filter(uint64_t *chance, unsigned keys, const nm_filter *of, nm_filter *filter);

/* ---- Places ---------------------------------------------------------------------------------- */

/* It lives for who reads at a version from `from` on, below `to`. */
typedef struct nm_entry {
    unsigned key;
    uint64_t from;
    uint64_t to;
    const float *embedding;
    nm_facts facts;
} nm_entry;

/* A collection of a run. */
typedef struct nm_place {
    char run_name[16]; /* empty: the default run */
    strata_run run;
    char name[16];
    st_codec codec; /* of scalar kernels */
    strata_codes codes;
    unsigned keys;
    uint64_t since; /* the commit that made it */
    nm_entry *entries;
    size_t count;
    size_t cap;
    size_t *live; /* of each key: entry + 1; 0: none */
    size_t *own;  /* of the transaction that goes on: NM_OWN_..., or entry + 2 */
} nm_place;

enum { NM_OWN_NONE = 0, NM_OWN_DELETED = 1 };

void nm_place_init(nm_place *place, unsigned keys);
void nm_place_free(nm_place *place);
/* The place as a fork of its run at that version sees it. */
void nm_place_fork(const nm_place *base, uint64_t at, nm_place *fork);
/* Stored in the commit `version`, or deleted (embedding NULL). */
void nm_put(nm_place *place, unsigned key, uint64_t version, const float *embedding,
            const nm_facts *facts);
/* The same in a transaction that goes on, and what becomes of it; version 0: it was rolled back. */
void nm_put_own(nm_place *place, unsigned key, const float *embedding, const nm_facts *facts);
void nm_end_own(nm_place *place, uint64_t version);

/* Whether there is an entry under the key for who reads at the version, and in the transaction. */
bool nm_has(const nm_place *place, unsigned key, uint64_t version, bool inside);
strata_slice nm_key(unsigned key, char text[16]);

/* ---- Questions ------------------------------------------------------------------------------- */

typedef struct nm_ranked {
    float distance;
    uint32_t entry;
} nm_ranked;

/* The entries of a place by their distance to an embedding, equally near ones by key. */
typedef struct nm_ranking {
    const nm_place *place;
    nm_ranked *items;
    size_t count;
    size_t cap;
} nm_ranking;

void nm_rank(nm_ranking *ranking, const nm_place *place, const float *embedding);

typedef struct nm_question {
    uint64_t version;        /* that is read */
    bool inside;             /* with the writes of the transaction that goes on */
    const nm_filter *filter; /* NULL: all pass */
    unsigned k;
    bool exact;  /* nothing may be missed */
    bool values; /* what is stored is told, too */
} nm_question;

/* Of the approximate answers so far: how many hits there could have been, and how many were as near as those. */
typedef struct nm_recall {
    uint64_t wanted;
    uint64_t found;
} nm_recall;

/* Fails the test unless the answer may be given: all of it seen and passing, by distance and key, with the scores to
 * the last bit, k hits if so many there are; if it is to be exact, the nearest. */
void nm_assert_answer(const nm_ranking *ranking, const nm_question *question,
                      const strata_vector_entry *hits, size_t count, nm_recall *recall);

#endif
