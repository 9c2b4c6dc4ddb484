/* query.c - a query's distinct terms, in the order in which they first come.
 *
 * The distinct terms are kept in an open-addressed table of twice the limit, so that a query of
 * 16 MiB costs no more than analysing it; the first term over the limit ends the work.
 */
#include "index/text/query.h"

#include "base/hash.h"

enum { SLOTS = 2 * ST_QUERY_TERMS_MAX };
_Static_assert((SLOTS & (SLOTS - 1)) == 0, "slots are masked");

typedef struct builder {
    strata_slice *terms;
    size_t count;
    uint16_t *slots; /* index of a term + 1, 0: empty */
} builder;

static strata_status add_term(builder *built, const st_term *term, st_arena *arena,
                              strata_error *error) {
    const strata_slice bytes = st_term_slice(term);
    size_t at = (size_t)st_hash_bytes(bytes, 0) & (SLOTS - 1);
    for (; built->slots[at] != 0; at = (at + 1) & (SLOTS - 1)) {
        if (st_slice_equal(built->terms[built->slots[at] - 1], bytes)) {
            return STRATA_OK;
        }
    }
    if (built->count == ST_QUERY_TERMS_MAX) {
        return st_fail_constraint(error, "query_too_long",
                                  "the query has more than %u distinct words; ask for fewer",
                                  (uint64_t)ST_QUERY_TERMS_MAX);
    }
    const strata_slice copy = st_arena_copy(arena, bytes);
    if (copy.data == NULL) {
        return st_fail_memory(error);
    }
    built->terms[built->count++] = copy;
    built->slots[at] = (uint16_t)built->count;
    return STRATA_OK;
}

strata_status st_text_query_parse(st_analyzer *analyzer, strata_slice text, st_arena *arena,
                                  st_text_query *query, strata_error *error) {
    builder built = {NULL, 0, NULL};
    /* No more terms than bytes: a short query takes little. */
    const size_t terms_max = st_min(text.len, ST_QUERY_TERMS_MAX);
    built.terms =
        st_arena_alloc(arena, terms_max * sizeof *built.terms + 1, _Alignof(strata_slice));
    built.slots = st_arena_alloc(arena, SLOTS * sizeof *built.slots, _Alignof(uint16_t));
    if (built.terms == NULL || built.slots == NULL) {
        return st_fail_memory(error);
    }
    memset(built.slots, 0, SLOTS * sizeof *built.slots);
    st_surfaces surfaces = st_surfaces_over(text);
    st_surface surface;
    while (st_surfaces_next(&surfaces, &surface)) {
        st_term term;
        if (st_analyzer_term(analyzer, &surface, &term) != STRATA_OK) {
            return st_fail_memory(error);
        }
        if (term.len != 0) {
            ST_TRY(add_term(&built, &term, arena, error));
        }
    }
    if (built.count == 0) {
        return st_fail(error, STRATA_INVALID_ARGUMENT,
                       "the query has no words; ask with at least one letter or digit");
    }
    query->terms = built.terms;
    query->count = built.count;
    return STRATA_OK;
}
