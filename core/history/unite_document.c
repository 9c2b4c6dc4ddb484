/* unite_document.c - which paths two sides have changed, and taking those of one into the other.
 *
 * What a side has changed is what a comparison with the base finds (format/document_compare.h), as JSON
 * Pointers. In objects members meet by name, so a pointer means the same in all three documents. In an
 * array that has as many elements as before, in the same order, a pointer does too; but once elements
 * were added or taken away, places mean something else. So such a change counts as one of the whole
 * array, and what was changed inside of it is part of that.
 *
 * Invariants:
 * 1. The changes of a side are in the order of their pointers, and none is above another: those below
 *    one that counts are dropped.
 * 2. A pointer that is left leads through no array that its side has reshaped. If the other side has,
 *    then that change is above it, and the two are in conflict.
 * 3. Two changes are in conflict if one pointer is above the other, or both are the same and the values
 *    are not.
 * Rejected: the identities of elements, which would tell which one was moved where. Both sides give the
 * same ids to what they add, so an id that is new in both says nothing.
 */
#include "history/unite_document.h"

#include "base/sort.h"
#include "format/change.h"
#include "format/document_compare.h"

/* About a second. */
#define MOVED_BYTES_MAX (UINT64_C(1) << 32)

typedef struct side_change {
    strata_slice pointer;
    strata_slice after; /* node of the side; no bytes: it was removed */
} side_change;

typedef struct side {
    st_arena *arena;
    const strata_host *host;
    strata_slice base;
    strata_slice document;
    strata_buffer changes; /* side_change */
} side;

static side_change *changes_of(const side *s) {
    return (side_change *)(void *)s->changes.data;
}

static size_t count_of(const side *s) {
    return s->changes.len / sizeof(side_change);
}

/* The node at a pointer; no bytes: there is none. */
static strata_status node_at(st_arena *arena, strata_slice document, strata_slice pointer,
                             strata_slice *raw, strata_type *type) {
    st_path path;
    st_node node;
    bool found;
    ST_TRY(st_path_parse(pointer, arena, &path, NULL));
    ST_TRY(st_path_find(document, &path, &node, &found));
    *raw = found ? node.raw : st_slice("", 0);
    *type = found ? node.type : STRATA_NULL;
    return STRATA_OK;
}

static strata_slice parent_of(strata_slice pointer) {
    const char *text = pointer.data;
    size_t len = pointer.len;
    while (len > 0 && text[len - 1] != '/') {
        len--;
    }
    return st_slice(text, len == 0 ? 0 : len - 1);
}

/* ---- What a side has changed ----------------------------------------------------------------- */

static strata_status note_change(void *arg, const st_difference *difference) {
    side *s = arg;
    side_change change = {difference->pointer, difference->after};
    if (difference->kind != ST_DIFFERENCE_CHANGED && difference->pointer.len > 0) {
        const strata_slice above = parent_of(difference->pointer);
        strata_slice raw;
        strata_type type;
        ST_TRY(node_at(s->arena, s->document, above, &raw, &type));
        if (type == STRATA_ARRAY) {
            change = (side_change){above, raw};
        }
    }
    change.pointer = st_arena_copy(s->arena, change.pointer);
    return change.pointer.data == NULL ? STRATA_NO_MEMORY
                                       : st_buffer_append(&s->changes, &change, sizeof change);
}

static bool is_above(strata_slice above, strata_slice below) {
    return above.len <= below.len &&
           (above.len == 0 || memcmp(above.data, below.data, above.len) == 0) &&
           (above.len == below.len || ((const char *)below.data)[above.len] == '/');
}

/* '/' before all else, so that what is below a pointer follows it at once. */
static int by_pointer(const void *a, const void *b) {
    const strata_slice left = ((const side_change *)a)->pointer;
    const strata_slice right = ((const side_change *)b)->pointer;
    const uint8_t *l = left.data;
    const uint8_t *r = right.data;
    for (size_t i = 0; i < left.len && i < right.len; i++) {
        if (l[i] != r[i]) {
            const int x = l[i] == '/' ? -1 : l[i];
            const int y = r[i] == '/' ? -1 : r[i];
            return x < y ? -1 : 1;
        }
    }
    return (left.len > right.len) - (left.len < right.len);
}

/* An array that was put in the place of its equal has other elements, by their ids, and is none. */
static strata_status drop_unchanged(side *s) {
    side_change *changes = changes_of(s);
    size_t kept = 0;
    for (size_t i = 0; i < count_of(s); i++) {
        strata_slice before;
        strata_type type;
        bool same = false;
        ST_TRY(node_at(s->arena, s->base, changes[i].pointer, &before, &type));
        if (type == STRATA_ARRAY && changes[i].after.len > 0) {
            ST_TRY(st_document_equal(before, changes[i].after, s->arena, &same));
        }
        if (!same) {
            changes[kept++] = changes[i];
        }
    }
    s->changes.len = kept * sizeof *changes;
    return STRATA_OK;
}

static strata_status find_changes(side *s) {
    ST_TRY(st_document_diff(s->base, s->document, s->arena, note_change, s));
    side_change *changes = changes_of(s);
    size_t kept = 0;
    st_sort(changes, count_of(s), sizeof *changes, by_pointer);
    for (size_t i = 0; i < count_of(s); i++) {
        if (kept == 0 || !is_above(changes[kept - 1].pointer, changes[i].pointer)) {
            changes[kept++] = changes[i];
        }
    }
    s->changes.len = kept * sizeof *changes;
    return drop_unchanged(s);
}

/* ---- Taking ---------------------------------------------------------------------------------- */

static strata_status take(st_arena *arena, strata_buffer *document, const side_change *change) {
    strata_buffer changes = {.host = document->host};
    st_path path;
    bool existed;
    strata_status status = st_path_parse(change->pointer, arena, &path, NULL);
    if (status == STRATA_OK) {
        const strata_slice now = st_buffer_slice(document);
        status = change->after.len > 0 ? st_change_set(now, &path, change->after, &changes, NULL)
                                       : st_change_delete(now, &path, &changes, &existed, NULL);
    }
    if (status == STRATA_OK) {
        status = st_changes_reserve(document, st_buffer_slice(&changes));
    }
    if (status == STRATA_OK) {
        status = st_changes_apply(document, st_buffer_slice(&changes));
    }
    strata_buffer_free(&changes);
    return status;
}

typedef struct taking {
    st_arena *arena;
    const st_document_merge *merge;
    strata_buffer document; /* the target, as it becomes */
    bool taken;
    const side_change *told; /* of the target: the last one that was in conflict */
} taking;

static strata_status tell(taking *t, const side_change *change, const side_change *other) {
    const st_document_merge *merge = t->merge;
    st_path_conflict conflict = {
        .pointer = is_above(other->pointer, change->pointer) ? other->pointer : change->pointer};
    strata_type type;
    ST_TRY(node_at(t->arena, merge->base, conflict.pointer, &conflict.base, &type));
    ST_TRY(node_at(t->arena, merge->source, conflict.pointer, &conflict.source, &type));
    ST_TRY(node_at(t->arena, merge->target, conflict.pointer, &conflict.target, &type));
    return merge->conflict(merge->ctx, &conflict);
}

static strata_status same_value(taking *t, const side_change *a, const side_change *b, bool *same) {
    *same = a->pointer.len == b->pointer.len && a->after.len == 0 && b->after.len == 0;
    return a->pointer.len != b->pointer.len || a->after.len == 0 || b->after.len == 0
               ? STRATA_OK
               : st_document_equal(a->after, b->after, t->arena, same);
}

/* Changes of the target that are above one of the source, the same, or below it: from *first to *end.
 * At most one is above, and then it comes right before. */
static void find_others(const side *target, const side_change *change, size_t *first, size_t *end) {
    const side_change *others = changes_of(target);
    size_t low = 0;
    size_t high = count_of(target);
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (by_pointer(&others[middle], change) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *end = low;
    *first = low > 0 && is_above(others[low - 1].pointer, change->pointer) ? low - 1 : low;
    while (*end < count_of(target) && is_above(change->pointer, others[*end].pointer)) {
        (*end)++;
    }
}

/* Takes a change of the source, or tells what it is in conflict with: of several below it, the first. */
static strata_status settle(taking *t, const side_change *change, const side *target) {
    side_change taken = *change;
    size_t first;
    size_t end;
    find_others(target, change, &first, &end);
    if (first < end) {
        const side_change *other = &changes_of(target)[first];
        bool same;
        ST_TRY(same_value(t, change, other, &same));
        if (same || other == t->told) {
            return STRATA_OK; /* one above several changes of the source is told, and taken, once */
        }
        t->told = other;
        ST_TRY(tell(t, change, other));
        if (!t->merge->theirs) {
            return STRATA_OK;
        }
        if (is_above(other->pointer, change->pointer)) {
            strata_type type;
            taken.pointer = other->pointer;
            ST_TRY(node_at(t->arena, t->merge->source, taken.pointer, &taken.after, &type));
        }
    }
    t->taken = true;
    const strata_status status = take(t->arena, &t->document, &taken);
    if (status != STRATA_INVALID_PATH) {
        return status;
    }
    /* What the path goes through is something else in the target: the source's whole document it is. */
    t->document.len = 0;
    return st_buffer_append(&t->document, t->merge->source.data, t->merge->source.len);
}

/* So many changes that taking one after the other would move too many bytes count as one. */
static strata_status bound_cost(side *s, size_t document_bytes) {
    const side_change whole = {st_slice("", 0), s->document};
    if ((uint64_t)count_of(s) * document_bytes <= MOVED_BYTES_MAX) {
        return STRATA_OK;
    }
    s->changes.len = 0;
    return st_buffer_append(&s->changes, &whole, sizeof whole);
}

static strata_status unite(taking *t, side *source, side *target, strata_slice *merged) {
    ST_TRY(find_changes(source));
    ST_TRY(find_changes(target));
    ST_TRY(bound_cost(source, t->merge->target.len));
    ST_TRY(st_buffer_append(&t->document, t->merge->target.data, t->merge->target.len));
    for (size_t i = 0; i < count_of(source); i++) {
        ST_TRY(settle(t, &changes_of(source)[i], target));
    }
    if (!t->taken) {
        *merged = t->merge->target;
        return STRATA_OK;
    }
    *merged = st_arena_copy(t->arena, st_buffer_slice(&t->document));
    return merged->data == NULL ? STRATA_NO_MEMORY : STRATA_OK;
}

strata_status st_document_unite(st_arena *arena, const strata_host *host,
                                const st_document_merge *merge, strata_slice *merged) {
    side source = {arena, host, merge->base, merge->source, {.host = host}};
    side target = {arena, host, merge->base, merge->target, {.host = host}};
    taking t = {arena, merge, {.host = host}, false, NULL};
    const strata_status status = unite(&t, &source, &target, merged);
    strata_buffer_free(&source.changes);
    strata_buffer_free(&target.changes);
    strata_buffer_free(&t.document);
    return status;
}
