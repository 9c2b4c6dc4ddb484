/* merge_patch.c - RFC 7396 over MessagePack, with a stack of frames instead of recursion.
 *
 * A frame is an object of the patch beside what it is merged into. The patch's names are sorted once,
 * so that each name of the target is looked up by halving: both sides come from strangers, and a
 * million names against a million must not be a product.
 * An object's header says how many names follow, in its shortest form, so a frame counts them before it
 * writes the first.
 *
 * Invariants:
 * 1. A name of the patch that the target has is `met`; those that are not follow at the end.
 * 2. Frames are never deeper than the patch, which st_msgpack_skip holds below ST_NESTING_MAX.
 *
 * Rejected: decoding into a tree. The metadata of a run is a few hundred bytes of which a few change;
 * what does not change is copied as bytes here.
 */
#include "format/merge_patch.h"

#include "base/limits.h"
#include "base/sort.h"
#include "format/msgpack.h"

typedef struct patch_entry {
    strata_slice name;
    strata_slice value;
    bool removes;
    bool met;
} patch_entry;

typedef struct frame {
    st_cursor target; /* what is left of it */
    uint32_t target_left;
    patch_entry *entries; /* of the patch, in its order */
    patch_entry **sorted; /* by name */
    uint32_t count;
    uint32_t next; /* entry that may have to be added */
} frame;

typedef struct merging {
    st_arena *scratch;
    strata_buffer *out;
    frame *frames; /* ST_NESTING_MAX of them */
    size_t depth;
} merging;

static int by_name(const void *a, const void *b) {
    return st_slice_compare((*(patch_entry *const *)a)->name, (*(patch_entry *const *)b)->name);
}

static bool take_name(st_cursor *cursor, strata_slice *name) {
    st_token token;
    if (!st_msgpack_next(cursor, &token) || token.type != STRATA_STRING) {
        return false;
    }
    *name = token.as.bytes;
    return true;
}

/* *object false: it is something else, or nothing. */
static strata_status look(strata_slice value, bool *object, st_cursor *cursor, uint32_t *count) {
    st_token token;
    *cursor = st_cursor_over(value);
    *count = 0;
    *object = false;
    if (value.len == 0) {
        return STRATA_OK;
    }
    if (!st_msgpack_next(cursor, &token)) {
        return STRATA_CORRUPT;
    }
    if (token.type == STRATA_OBJECT) {
        *object = true;
        *count = token.as.count;
    }
    return STRATA_OK;
}

static patch_entry *find(const frame *f, strata_slice name) {
    size_t low = 0;
    size_t high = f->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = st_slice_compare(f->sorted[middle]->name, name);
        if (order == 0) {
            return f->sorted[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

static strata_status read_entries(merging *m, frame *f, st_cursor patch) {
    f->entries = st_arena_alloc(m->scratch, f->count * sizeof *f->entries + 1, 8);
    f->sorted = st_arena_alloc(m->scratch, f->count * sizeof(patch_entry *) + 1, 8);
    if (f->entries == NULL || f->sorted == NULL) {
        return STRATA_NO_MEMORY;
    }
    for (uint32_t i = 0; i < f->count; i++) {
        patch_entry *entry = &f->entries[i];
        *entry = (patch_entry){.met = false};
        if (!take_name(&patch, &entry->name) || !st_msgpack_skip(&patch, &entry->value)) {
            return STRATA_CORRUPT;
        }
        st_cursor value = st_cursor_over(entry->value);
        st_token token;
        entry->removes = st_msgpack_next(&value, &token) && token.type == STRATA_NULL;
        f->sorted[i] = entry;
    }
    st_sort(f->sorted, f->count, sizeof f->sorted[0], by_name);
    return STRATA_OK;
}

/* How many names the object will have. */
static strata_status count_names(const frame *f, uint32_t *names) {
    st_cursor target = f->target;
    *names = 0;
    for (uint32_t left = f->target_left; left > 0; left--) {
        strata_slice name;
        strata_slice value;
        if (!take_name(&target, &name) || !st_msgpack_skip(&target, &value)) {
            return STRATA_CORRUPT;
        }
        patch_entry *entry = find(f, name);
        if (entry != NULL) {
            entry->met = true;
        }
        *names += entry == NULL || !entry->removes ? 1 : 0;
    }
    for (uint32_t i = 0; i < f->count; i++) {
        *names += !f->entries[i].met && !f->entries[i].removes ? 1 : 0;
    }
    return STRATA_OK;
}

/* Writes what the patch makes of the target; an object is only begun. */
static strata_status begin(merging *m, strata_slice target, strata_slice patch) {
    frame f = {.next = 0};
    st_cursor entries;
    uint32_t names;
    bool object;
    ST_TRY(look(patch, &object, &entries, &f.count));
    if (!object) {
        return st_buffer_append(m->out, patch.data, patch.len);
    }
    if (m->depth == ST_NESTING_MAX) {
        return STRATA_CORRUPT;
    }
    ST_TRY(look(target, &object, &f.target, &f.target_left));
    ST_TRY(read_entries(m, &f, entries));
    ST_TRY(count_names(&f, &names));
    m->frames[m->depth++] = f;
    return st_msgpack_put_object(m->out, names);
}

/* One name more of the innermost object. */
static strata_status step(merging *m, frame *f) {
    const strata_slice nothing = {NULL, 0};
    strata_slice value;
    if (f->target_left > 0) {
        strata_slice name;
        f->target_left--;
        if (!take_name(&f->target, &name) || !st_msgpack_skip(&f->target, &value)) {
            return STRATA_CORRUPT;
        }
        const patch_entry *entry = find(f, name);
        if (entry != NULL && entry->removes) {
            return STRATA_OK;
        }
        ST_TRY(st_msgpack_put_string(m->out, name));
        return entry == NULL ? st_buffer_append(m->out, value.data, value.len)
                             : begin(m, value, entry->value);
    }
    const patch_entry *entry = &f->entries[f->next++];
    if (entry->met || entry->removes) {
        return STRATA_OK;
    }
    ST_TRY(st_msgpack_put_string(m->out, entry->name));
    return begin(m, nothing, entry->value);
}

strata_status st_merge_patch(strata_slice target, strata_slice patch, st_arena *scratch,
                             strata_buffer *out) {
    merging m = {.scratch = scratch, .out = out, .depth = 0};
    m.frames = st_arena_alloc(scratch, ST_NESTING_MAX * sizeof *m.frames, 8);
    if (m.frames == NULL) {
        return STRATA_NO_MEMORY;
    }
    ST_TRY(begin(&m, target, patch));
    while (m.depth > 0) {
        frame *f = &m.frames[m.depth - 1];
        if (f->target_left == 0 && f->next == f->count) {
            m.depth--;
        } else {
            ST_TRY(step(&m, f));
        }
    }
    return STRATA_OK;
}
