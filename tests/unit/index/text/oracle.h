/* oracle.h - the head's twin for tests: keeps every document as an array of counts and scores all
 * of them for every question. It shares bm25.h with the head (which test_bm25 checks by itself) and
 * nothing else, so that scores can be compared to the last bit. */
#ifndef TEST_ORACLE_H
#define TEST_ORACLE_H

#include "index/text/bm25.h"
#include "index/text/head.h"
#include "support.h"

/* ---- Changes --------------------------------------------------------------------------------- */

enum { ORACLE_WORDS = 40, ORACLE_KEYS = 97, ORACLE_TEXT_MAX = 4096 };

/* A document of words t0..t39, which are their own terms as words with digits are not stemmed, and
 * one word of its own, so that the dictionary grows. */
typedef struct oracle_document {
    char key[16];
    uint64_t added;
    uint64_t ended; /* UINT64_MAX: alive */
    uint32_t length;
    uint32_t counts[ORACLE_WORDS];
} oracle_document;

/* One change: adds a document (text not empty or `adds`), or removes the key. */
typedef struct oracle_change {
    uint64_t version;
    bool adds;
    char key[16];
    uint32_t document;
} oracle_change;

typedef struct oracle {
    oracle_document *documents;
    size_t document_count;
    oracle_change *changes;
    size_t change_count;
} oracle;

static inline void oracle_free(oracle *o) {
    free(o->documents);
    free(o->changes);
}

static inline strata_slice oracle_key(const char *key) {
    return strata_text(key);
}

static inline void oracle_end(oracle *o, const char *key, uint64_t version) {
    for (size_t i = 0; i < o->document_count; i++) {
        oracle_document *document = &o->documents[i];
        if (document->ended == UINT64_MAX && strcmp(document->key, key) == 0) {
            document->ended = version;
        }
    }
}

/* `count` random changes over `keys` keys: three in four add or replace. Word n is about twice as
 * frequent as word 2n, one document in sixteen is long, and versions now and then stand still or
 * jump. */
static inline oracle oracle_random(uint64_t seed, size_t count, uint32_t keys) {
    oracle o = {calloc(count, sizeof(oracle_document)), 0, calloc(count, sizeof(oracle_change)),
                count};
    uint64_t state = seed * 2 + 1;
    uint64_t version = 1;
    for (size_t i = 0; i < count; i++) {
        oracle_change *change = &o.changes[i];
        version += (uint64_t)((uint32_t)test_random_below(&state, 8) != 0) +
                   (uint32_t)test_random_below(&state, 50) / 49 * 10;
        change->version = version;
        snprintf(change->key, sizeof change->key, "key-%u",
                 (uint32_t)test_random_below(&state, keys));
        change->adds = (uint32_t)test_random_below(&state, 4) != 0;
        oracle_end(&o, change->key, version);
        if (!change->adds) {
            continue;
        }
        change->document = (uint32_t)o.document_count;
        oracle_document *document = &o.documents[o.document_count++];
        memcpy(document->key, change->key, sizeof document->key);
        document->added = version;
        document->ended = UINT64_MAX;
        document->length = (uint32_t)test_random_below(&state, 16) == 0
                               ? (uint32_t)test_random_below(&state, 600)
                               : (uint32_t)test_random_below(&state, 24);
        for (uint32_t word = 0; word < document->length; word++) {
            const uint32_t spread = (uint32_t)test_random_below(&state, ORACLE_WORDS) + 1;
            document->counts[(uint32_t)test_random_below(&state, spread)]++;
        }
        document->length++; /* its unique word */
    }
    return o;
}

/* The text of a document: its words, one kind after the other. */
static inline size_t oracle_text(const oracle_document *document, char *text) {
    size_t len = 0;
    for (int word = 0; word < ORACLE_WORDS; word++) {
        for (uint32_t n = 0; n < document->counts[word]; n++) {
            len += (size_t)snprintf(text + len, ORACLE_TEXT_MAX - len, "t%d ", word);
        }
    }
    len += (size_t)snprintf(text + len, ORACLE_TEXT_MAX - len, "u%llux%s",
                            (unsigned long long)document->added, document->key + 4);
    return len;
}

/* Makes the change in the head. */
static inline strata_status oracle_apply(const oracle *o, size_t index, st_text_head *head) {
    const oracle_change *change = &o->changes[index];
    if (!change->adds) {
        st_text_head_remove(head, oracle_key(change->key), change->version);
        return STRATA_OK;
    }
    char text[ORACLE_TEXT_MAX];
    const size_t len = oracle_text(&o->documents[change->document], text);
    return st_text_head_add(head, oracle_key(change->key), change->version, st_slice(text, len));
}

/* ---- Searching ------------------------------------------------------------------------------- */

typedef struct oracle_hit {
    const oracle_document *document;
    uint64_t sum;
} oracle_hit;

static inline int oracle_compare(const void *a, const void *b) {
    const oracle_hit *left = a;
    const oracle_hit *right = b;
    if (left->sum != right->sum) {
        return left->sum > right->sum ? -1 : 1;
    }
    return strcmp(left->document->key, right->document->key);
}

static inline bool oracle_alive(const oracle_document *document, uint64_t snapshot) {
    return document->added <= snapshot && document->ended > snapshot;
}

/* All hits, best first; the caller frees them. words: one bit each. */
static inline oracle_hit *oracle_search(const oracle *o, uint64_t words, uint64_t snapshot,
                                        size_t *hit_count, uint64_t *living) {
    uint64_t length = 0;
    uint64_t df[ORACLE_WORDS] = {0};
    *living = 0;
    for (size_t i = 0; i < o->document_count; i++) {
        const oracle_document *document = &o->documents[i];
        if (oracle_alive(document, snapshot)) {
            ++*living;
            length += document->length;
            for (int word = 0; word < ORACLE_WORDS; word++) {
                df[word] += document->counts[word] != 0;
            }
        }
    }
    oracle_hit *hits = malloc((o->document_count + 1) * sizeof *hits);
    *hit_count = 0;
    for (size_t i = 0; i < o->document_count; i++) {
        const oracle_document *document = &o->documents[i];
        oracle_hit hit = {document, 0};
        bool matches = false;
        for (int word = ORACLE_WORDS - 1; word >= 0; word--) { /* another order than the head's */
            if ((words >> word & 1) != 0 && document->counts[word] != 0 &&
                oracle_alive(document, snapshot)) {
                const st_bm25 term = st_bm25_of(*living, length, df[word]);
                hit.sum += st_bm25_part(&term, document->counts[word], document->length);
                matches = true;
            }
        }
        if (matches) {
            hits[(*hit_count)++] = hit;
        }
    }
    qsort(hits, *hit_count, sizeof *hits, oracle_compare);
    return hits;
}

/* Searches both and says what differs, NULL if nothing does. Safe in any thread. */
static inline const char *oracle_differs(const oracle *o, const st_text_head *head, uint64_t words,
                                         uint64_t snapshot, size_t k, st_arena *arena) {
    char texts[ORACLE_WORDS][8];
    strata_slice terms[ORACLE_WORDS];
    st_text_query query = {terms, 0};
    for (int word = 0; word < ORACLE_WORDS; word++) {
        if ((words >> word & 1) != 0) {
            snprintf(texts[word], sizeof texts[word], "t%d", word);
            terms[query.count++] = strata_text(texts[word]);
        }
    }
    st_text_result result;
    st_arena_reset(arena);
    if (st_text_head_search(head, &query, snapshot, k, arena, &result) != STRATA_OK) {
        return "the search failed";
    }
    size_t count;
    uint64_t living;
    oracle_hit *hits = oracle_search(o, words, snapshot, &count, &living);
    const char *what = NULL;
    if (result.documents != living || st_text_head_documents(head, snapshot) != living) {
        what = "the number of documents differs";
    } else if (result.count != st_min(count, k)) {
        what = "the number of hits differs";
    } else if (result.candidates > count || result.candidates < result.count) {
        what = "the number of candidates is impossible";
    }
    for (size_t i = 0; what == NULL && i < result.count; i++) {
        if (result.hits[i].score != st_bm25_score(hits[i].sum)) {
            what = "a score differs";
        } else if (!st_slice_equal(result.hits[i].key, oracle_key(hits[i].document->key))) {
            what = "a key differs";
        } else if (result.hits[i].version != hits[i].document->added) {
            what = "a version differs";
        }
    }
    free(hits);
    return what;
}

#endif
