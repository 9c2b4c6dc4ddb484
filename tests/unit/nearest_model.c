/* nearest_model.c - see nearest_model.h.
 *
 * 1. Of one key at most one entry lives at any version: what is put ends what lived, at its own version.
 * 2. Writes of a transaction are entries that live at no version (`from` is `to`) until it commits; `own` says which
 *    of them its own reads see.
 * 3. Hits of a right answer are met one after the other on one way through the ranking. What is dead, does not pass,
 *    is out of order or at another distance is not met; of an exact answer nothing is passed over either.
 */
#include "nearest_model.h"

#include <math.h>

/* ---- Facts and filters ----------------------------------------------------------------------- */

nm_facts nm_make_facts(uint64_t *chance) {
    return (nm_facts){
        .group = (unsigned)test_random_below(chance, NM_GROUPS),
        .tags = (unsigned)test_random_below(chance, 1 << NM_TAGS),
        .weight =
            test_random_below(chance, 4) == 0 ? -1 : (int)test_random_below(chance, NM_WEIGHTS),
        .text = test_random_below(chance, 3) == 0,
    };
}

static void to_object(const char *json, strata_buffer *out) {
    strata_error error;
    out->len = 0;
    if (strata_json_to_msgpack(strata_text(json), out, &error) != STRATA_OK) {
        fail_msg("%s: %s", json, error.message);
    }
}

strata_value nm_metadata(const nm_facts *facts) {
    static uint8_t bytes[128];
    strata_buffer object = {NULL, 0, 0, NULL};
    char json[128];
    int at = snprintf(json, sizeof json, "{\"group\":%u,\"tags\":[", facts->group);
    for (unsigned tag = 0; tag < NM_TAGS; tag++) {
        if (facts->tags >> tag & 1) {
            at += snprintf(json + at, sizeof json - (size_t)at, "%s\"t%u\"",
                           json[at - 1] == '[' ? "" : ",", tag);
        }
    }
    at += snprintf(json + at, sizeof json - (size_t)at, "]");
    if (facts->weight >= 0) {
        at += snprintf(json + at, sizeof json - (size_t)at, ",\"weight\":%d", facts->weight);
    }
    (void)snprintf(json + at, sizeof json - (size_t)at, "}");
    to_object(json, &object);
    assert_true(object.len <= sizeof bytes);
    memcpy(bytes, object.data, object.len);
    const size_t len = object.len;
    strata_buffer_free(&object);
    return strata_object(st_slice(bytes, len));
}

static unsigned operand_of(nm_test test, unsigned keys, uint64_t *chance) {
    const unsigned limits[NM_TESTS] = {
        [NM_GROUP_IS] = NM_GROUPS,      [NM_GROUP_IS_NOT] = NM_GROUPS, [NM_GROUP_IN] = NM_GROUPS,
        [NM_WEIGHT_BELOW] = NM_WEIGHTS, [NM_WEIGHT_FROM] = NM_WEIGHTS, [NM_WEIGHT_THERE] = 2,
        [NM_TAGGED] = NM_TAGS,          [NM_TEXT_THERE] = 2,           [NM_KEY_FROM] = keys,
    };
    return (unsigned)test_random_below(chance, limits[test]);
}

static int print_leaf(const nm_leaf *leaf, char *out, size_t size) {
    const unsigned n = leaf->operand;
    const char *const truth = n == 0 ? "false" : "true";
    switch (leaf->test) {
    case NM_GROUP_IS:
        return snprintf(out, size, "{\"path\":\"/metadata/group\",\"eq\":%u}", n);
    case NM_GROUP_IS_NOT:
        return snprintf(out, size, "{\"path\":\"/metadata/group\",\"ne\":%u}", n);
    case NM_GROUP_IN:
        return snprintf(out, size, "{\"path\":\"/metadata/group\",\"in\":[%u,%u,%u]}", n, n + 1,
                        n + 2);
    case NM_WEIGHT_BELOW:
        return snprintf(out, size, "{\"path\":\"/metadata/weight\",\"lt\":%u}", n);
    case NM_WEIGHT_FROM:
        return snprintf(out, size, "{\"path\":\"/metadata/weight\",\"gte\":%u,\"lte\":%u.5}", n,
                        n + 300);
    case NM_WEIGHT_THERE:
        return snprintf(out, size, "{\"path\":\"/metadata/weight\",\"exists\":%s}", truth);
    case NM_TAGGED:
        return snprintf(out, size, "{\"path\":\"/metadata/tags\",\"contains\":\"t%u\"}", n);
    case NM_TEXT_THERE:
        return snprintf(out, size, "{\"path\":\"/text\",\"exists\":%s}", truth);
    case NM_KEY_FROM:
        return snprintf(out, size, "{\"path\":\"/key\",\"gte\":\"k%u\"}", n);
    case NM_TESTS:
        break;
    }
    return 0;
}

/* The operands, and the filter as it is then. */
static void complete_filter(uint64_t *chance, unsigned keys, nm_filter *filter) {
    char json[600];
    int at = snprintf(json, sizeof json, "{\"%s\":[", filter->any ? "or" : "and");
    for (unsigned i = 0; i < filter->count; i++) {
        nm_leaf *leaf = &filter->leaves[i];
        leaf->operand = operand_of(leaf->test, keys, chance);
        at += snprintf(json + at, sizeof json - (size_t)at, "%s%s", i == 0 ? "" : ",",
                       leaf->negated ? "{\"not\":" : "");
        at += print_leaf(leaf, json + at, sizeof json - (size_t)at);
        at += snprintf(json + at, sizeof json - (size_t)at, "%s", leaf->negated ? "}" : "");
    }
    (void)snprintf(json + at, sizeof json - (size_t)at, "]}");
    to_object(json, &filter->object);
}

void nm_make_filter(uint64_t *chance, unsigned keys, nm_filter *filter) {
    filter->count = 1 + (unsigned)test_random_below(chance, NM_LEAVES);
    filter->any = test_random_below(chance, 2) == 0;
    for (unsigned i = 0; i < filter->count; i++) {
        filter->leaves[i].test = (nm_test)test_random_below(chance, NM_TESTS);
        filter->leaves[i].negated = test_random_below(chance, 4) == 0;
    }
    complete_filter(chance, keys, filter);
}

void nm_vary_filter(uint64_t *chance, unsigned keys, const nm_filter *of, nm_filter *filter) {
    filter->count = of->count;
    filter->any = of->any;
    memcpy(filter->leaves, of->leaves, sizeof filter->leaves);
    complete_filter(chance, keys, filter);
}

static bool leaf_holds(const nm_leaf *leaf, const nm_entry *entry) {
    const nm_facts *facts = &entry->facts;
    const unsigned n = leaf->operand;
    char key[16];
    char low[16];
    switch (leaf->test) {
    case NM_GROUP_IS:
        return facts->group == n;
    case NM_GROUP_IS_NOT:
        return facts->group != n;
    case NM_GROUP_IN:
        return facts->group >= n && facts->group <= n + 2;
    case NM_WEIGHT_BELOW:
        return facts->weight >= 0 && (unsigned)facts->weight < n;
    case NM_WEIGHT_FROM:
        return facts->weight >= 0 && (unsigned)facts->weight >= n &&
               (unsigned)facts->weight <= n + 300;
    case NM_WEIGHT_THERE:
        return (facts->weight >= 0) == (n == 1);
    case NM_TAGGED:
        return (facts->tags >> n & 1) == 1;
    case NM_TEXT_THERE:
        return facts->text == (n == 1);
    case NM_KEY_FROM:
        return st_slice_compare(nm_key(entry->key, key), nm_key(n, low)) >= 0;
    case NM_TESTS:
        break;
    }
    return false;
}

static bool filter_holds(const nm_filter *filter, const nm_entry *entry) {
    bool all = true;
    bool any = false;
    for (unsigned i = 0; i < filter->count; i++) {
        const bool holds = leaf_holds(&filter->leaves[i], entry) != filter->leaves[i].negated;
        all = all && holds;
        any = any || holds;
    }
    return filter->any ? any : all;
}

/* ---- Places ---------------------------------------------------------------------------------- */

strata_slice nm_key(unsigned key, char text[16]) {
    return st_slice(text, (size_t)snprintf(text, 16, "k%u", key));
}

void nm_place_init(nm_place *place, unsigned keys) {
    place->keys = keys;
    place->live = calloc(keys, sizeof *place->live);
    place->own = calloc(keys, sizeof *place->own);
    assert_true(place->live != NULL && place->own != NULL);
}

void nm_place_free(nm_place *place) {
    free(place->entries);
    free(place->live);
    free(place->own);
    memset(place, 0, sizeof *place);
}

static size_t add_entry(nm_place *place, const nm_entry *entry) {
    if (place->count == place->cap) {
        place->cap = place->cap == 0 ? 256 : place->cap * 2;
        place->entries = realloc(place->entries, place->cap * sizeof *place->entries);
        assert_non_null(place->entries);
    }
    place->entries[place->count] = *entry;
    return place->count++;
}

static void end_live(nm_place *place, unsigned key, uint64_t version) {
    if (place->live[key] != 0) {
        place->entries[place->live[key] - 1].to = version;
        place->live[key] = 0;
    }
}

void nm_place_fork(const nm_place *base, uint64_t at, nm_place *fork) {
    *fork = *base;
    fork->entries = NULL;
    fork->count = fork->cap = 0;
    nm_place_init(fork, base->keys);
    for (size_t i = 0; i < base->count; i++) {
        nm_entry entry = base->entries[i];
        if (entry.from <= at && entry.from < entry.to) {
            entry.to = entry.to > at ? UINT64_MAX : entry.to;
            const size_t number = add_entry(fork, &entry);
            if (entry.to == UINT64_MAX) {
                fork->live[entry.key] = number + 1;
            }
        }
    }
}

void nm_put(nm_place *place, unsigned key, uint64_t version, const float *embedding,
            const nm_facts *facts) {
    end_live(place, key, version);
    if (embedding != NULL) {
        const nm_entry entry = {key, version, UINT64_MAX, embedding, *facts};
        place->live[key] = add_entry(place, &entry) + 1;
    }
}

void nm_put_own(nm_place *place, unsigned key, const float *embedding, const nm_facts *facts) {
    place->own[key] = NM_OWN_DELETED;
    if (embedding != NULL) {
        const nm_entry entry = {key, UINT64_MAX, UINT64_MAX, embedding, *facts};
        place->own[key] = add_entry(place, &entry) + 2;
    }
}

void nm_end_own(nm_place *place, uint64_t version) {
    for (unsigned key = 0; key < place->keys; key++) {
        const size_t own = place->own[key];
        place->own[key] = NM_OWN_NONE;
        if (own == NM_OWN_NONE || version == 0) {
            continue;
        }
        end_live(place, key, version);
        if (own != NM_OWN_DELETED) {
            place->entries[own - 2].from = version;
            place->live[key] = own - 1;
        }
    }
}

/* ---- Ranking --------------------------------------------------------------------------------- */

static const nm_ranking *sorted; /* what qsort cannot tell its function */

static int compare_ranked(const void *a, const void *b) {
    const nm_ranked *x = a;
    const nm_ranked *y = b;
    char left[16];
    char right[16];
    if (x->distance != y->distance) {
        return x->distance < y->distance ? -1 : 1;
    }
    const nm_entry *entries = sorted->place->entries;
    const int order =
        st_slice_compare(nm_key(entries[x->entry].key, left), nm_key(entries[y->entry].key, right));
    return order != 0 ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

void nm_rank(nm_ranking *ranking, const nm_place *place, const float *embedding) {
    const float length = st_vector_length(&place->codec, embedding);
    if (ranking->cap < place->count) {
        ranking->cap = place->cap;
        ranking->items = realloc(ranking->items, ranking->cap * sizeof *ranking->items);
        assert_non_null(ranking->items);
    }
    ranking->place = place;
    ranking->count = place->count;
    for (size_t i = 0; i < place->count; i++) {
        ranking->items[i] = (nm_ranked){
            st_vector_distance(&place->codec, embedding, length, place->entries[i].embedding),
            (uint32_t)i};
    }
    sorted = ranking;
    if (ranking->count > 1) {
        qsort(ranking->items, ranking->count, sizeof *ranking->items, compare_ranked);
    }
}

/* ---- Answers --------------------------------------------------------------------------------- */

static bool is_seen(const nm_place *place, size_t number, uint64_t version, bool inside) {
    const nm_entry *entry = &place->entries[number];
    const size_t own = inside ? place->own[entry->key] : NM_OWN_NONE;
    return own == NM_OWN_NONE ? entry->from <= version && version < entry->to : own == number + 2;
}

bool nm_has(const nm_place *place, unsigned key, uint64_t version, bool inside) {
    bool has = false;
    for (size_t i = 0; i < place->count && !has; i++) {
        has = place->entries[i].key == key && is_seen(place, i, version, inside);
    }
    return has;
}

static bool is_asked_for(const nm_place *place, const nm_question *question, size_t number) {
    return is_seen(place, number, question->version, question->inside) &&
           (question->filter == NULL || filter_holds(question->filter, &place->entries[number]));
}

static double score_of(const nm_place *place, float distance) {
    switch (place->codec.metric) {
    case ST_METRIC_COSINE:
        return 1 - (double)distance;
    case ST_METRIC_EUCLIDEAN:
        return 1 / (1 + sqrt((double)distance));
    case ST_METRIC_DOT:
        break;
    }
    return distance == 0 ? 0 : -(double)distance;
}

static bool is_hit(const nm_place *place, const nm_ranked *ranked, const strata_vector_entry *hit) {
    char text[16];
    const double score = score_of(place, ranked->distance);
    return st_slice_equal(nm_key(place->entries[ranked->entry].key, text), hit->key) &&
           memcmp(&score, &hit->score, sizeof score) == 0;
}

static void assert_stored(const nm_place *place, const nm_entry *entry, bool own,
                          const nm_question *question, const strata_vector_entry *hit) {
    char text[16];
    const uint64_t version = own ? 0 : entry->from;
    if (hit->version != version) {
        fail_msg("k%u is of version %llu, not %llu", entry->key, (unsigned long long)hit->version,
                 (unsigned long long)version);
    }
    if (!question->values) {
        assert_null(hit->embedding);
        return;
    }
    const strata_value metadata = nm_metadata(&entry->facts);
    assert_int_equal(hit->dimension, place->codec.dimension);
    assert_memory_equal(hit->embedding, entry->embedding,
                        place->codec.dimension * sizeof *hit->embedding);
    assert_int_equal(hit->metadata.type, STRATA_OBJECT);
    test_bytes_equal(hit->metadata.as.bytes, metadata.as.bytes, "metadata");
    test_bytes_equal(hit->text, entry->facts.text ? nm_key(entry->key, text) : st_slice("", 0),
                     "text");
}

void nm_assert_answer(const nm_ranking *ranking, const nm_question *question,
                      const strata_vector_entry *hits, size_t count, nm_recall *recall) {
    const nm_place *place = ranking->place;
    size_t matching = 0; /* at most k */
    size_t met = 0;
    float far = 0;   /* distance of the last of those */
    size_t near = 0; /* hits that are not beyond it */
    for (size_t i = 0; i < ranking->count && (matching < question->k || met < count); i++) {
        const nm_ranked *ranked = &ranking->items[i];
        if (!is_asked_for(place, question, ranked->entry)) {
            continue;
        }
        const bool hit = met < count && is_hit(place, ranked, &hits[met]);
        if (matching < question->k) {
            matching++;
            far = ranked->distance;
            if (question->exact && !hit) {
                fail_msg("hit %zu is not k%u", met, place->entries[ranked->entry].key);
            }
        }
        if (hit) {
            const bool own = question->inside && place->own[place->entries[ranked->entry].key] != 0;
            assert_stored(place, &place->entries[ranked->entry], own, question, &hits[met]);
            near += ranked->distance <= far;
            met++;
        }
    }
    if (met < count) {
        fail_msg("hit %zu, %.*s with the score %.17g, is none, or not there", met,
                 (int)hits[met].key.len, (const char *)hits[met].key.data, hits[met].score);
    }
    if (count != matching) {
        fail_msg("%zu hits, and not %zu", count, matching);
    }
    recall->wanted += question->exact ? 0 : matching;
    recall->found += question->exact ? 0 : near;
}
