/* document_members.c - finding many members of one object, or elements by their ids.
 *
 * Two documents that are compared mostly have their names in the same order: the member behind the last
 * one found is looked at first. Where that is another, small objects are searched, and large ones a few
 * times, as one version of an object mostly has few names that the other lacks; then the names of a large
 * one are sorted by a hash, once. Sorting, not a hash table: names that were made to have the same hash
 * cost n log n comparisons then, not n squared.
 */
#include "format/document_members.h"

#include "base/hash.h"
#include "base/sort.h"
#include "format/document_bytes.h"

enum { SEARCHED_MAX = 12, SEARCHES_MAX = 8 };

typedef struct st_member_entry {
    uint64_t hash;
    strata_slice name;
} st_member_entry;

/* ---- Members --------------------------------------------------------------------------------- */

void st_members_start(st_members *members, const st_node *node, st_arena *arena) {
    members->object = *node;
    members->next = st_cursor_over(node->entries);
    members->sorted = NULL;
    members->searches = 0;
    members->arena = arena;
}

static bool take_name(st_cursor *at, strata_slice *name) {
    uint32_t len;
    return st_document_varint(at, &len) && st_cursor_take(at, len, name);
}

/* The node behind a name; what is looked at first is what comes after it. */
static bool read_member(st_members *members, strata_slice name, st_node *member) {
    const uint8_t *end = members->next.end;
    const uint8_t *at = (const uint8_t *)name.data + name.len;
    if (!st_node_read(st_slice(at, (size_t)(end - at)), member)) {
        return false;
    }
    members->next.at = at + member->raw.len;
    return true;
}

static int compare(const void *a, const void *b) {
    const st_member_entry *x = a;
    const st_member_entry *y = b;
    return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash)
                              : st_slice_compare(x->name, y->name);
}

static strata_status sort_names(st_members *members) {
    const uint32_t count = members->object.as.count;
    st_cursor at = st_cursor_over(members->object.entries);
    st_member_entry *entries =
        st_arena_alloc(members->arena, count * sizeof *entries, sizeof(uint64_t));
    if (entries == NULL) {
        return STRATA_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!take_name(&at, &entries[i].name)) {
            return STRATA_CORRUPT;
        }
        entries[i].hash = st_hash_bytes(entries[i].name, 0);
        const size_t size = st_document_skip(at.at, at.end);
        if (size == 0) {
            return STRATA_CORRUPT;
        }
        at.at += size;
    }
    st_sort(entries, count, sizeof *entries, compare);
    members->sorted = entries;
    return STRATA_OK;
}

static const st_member_entry *search(const st_members *members, strata_slice name) {
    const st_member_entry wanted = {st_hash_bytes(name, 0), name};
    size_t low = 0;
    size_t high = members->object.as.count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare(&members->sorted[middle], &wanted);
        if (order == 0) {
            return &members->sorted[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

strata_status st_members_find(st_members *members, strata_slice name, st_node *member,
                              bool *found) {
    st_cursor at = members->next;
    strata_slice next;
    *found = false;
    if (members->object.type != STRATA_OBJECT) {
        return STRATA_OK;
    }
    if (at.at < at.end && take_name(&at, &next) && st_slice_equal(next, name)) {
        *found = read_member(members, next, member);
        return *found ? STRATA_OK : STRATA_CORRUPT;
    }
    if (members->object.as.count <= SEARCHED_MAX || members->searches++ < SEARCHES_MAX) {
        *found = st_node_member(&members->object, name, member);
        if (*found) {
            members->next.at = (const uint8_t *)member->raw.data + member->raw.len;
        }
        return STRATA_OK;
    }
    if (members->sorted == NULL) {
        ST_TRY(sort_names(members));
    }
    const st_member_entry *entry = search(members, name);
    if (entry != NULL) {
        *found = read_member(members, entry->name, member);
        return *found ? STRATA_OK : STRATA_CORRUPT;
    }
    return STRATA_OK;
}

/* ---- Ids ------------------------------------------------------------------------------------- */

typedef struct st_id_place {
    st_id_run run;
    uint32_t index; /* of its first element */
} st_id_place;

static int compare_places(const void *a, const void *b) {
    const st_id_place *x = a;
    const st_id_place *y = b;
    return (x->run.first > y->run.first) - (x->run.first < y->run.first);
}

strata_status st_id_places_make(st_id_places *places, const st_node *array, st_arena *arena) {
    *places = (st_id_places){NULL, 0, array->as.count};
    if (array->runs.len == 0) {
        return STRATA_OK;
    }
    const size_t most = array->runs.len / 2;
    st_cursor runs = st_cursor_over(array->runs);
    uint32_t index = 0;
    st_id_place *sorted = st_arena_alloc(arena, (most + 1) * sizeof *sorted, sizeof(uint32_t));
    if (sorted == NULL) {
        return STRATA_NO_MEMORY;
    }
    while (runs.at < runs.end) {
        st_id_place *place = &sorted[places->runs++];
        if (!st_id_run_next(&runs, array->next_id, &place->run) ||
            place->run.count > array->as.count - index) {
            return STRATA_CORRUPT;
        }
        place->index = index;
        index += place->run.count;
    }
    st_sort(sorted, places->runs, sizeof *sorted, compare_places);
    places->sorted = sorted;
    return STRATA_OK;
}

bool st_id_places_find(const st_id_places *places, uint32_t id, uint32_t *index) {
    if (places->sorted == NULL) {
        *index = id;
        return id < places->count;
    }
    size_t low = 0;
    size_t high = places->runs;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const st_id_place *place = &places->sorted[middle];
        if (id < place->run.first) {
            high = middle;
        } else if (id - place->run.first >= place->run.count) {
            low = middle + 1;
        } else {
            *index = place->index + (id - place->run.first);
            return true;
        }
    }
    return false;
}
