/* change_apply.c - applies changes to a document where it lies.
 *
 * A change is applied by going down its route, then opening or closing a gap in the bytes, and correcting
 * the sizes of the containers above: they have a fixed width, so nothing else moves.
 *
 * Invariants:
 * 1. Everything that can be wrong with a change is found before a byte is moved, so that the document is
 *    sound after a change that fails. Only names that come twice inside a forged value are not looked
 *    for (st_changes_check does that); who reads takes the first.
 * 2. A change makes the document longer by at most its own bytes and ST_CHANGE_ROOM: the header of a
 *    member, eight bytes and two runs for an array that gets ids of its own, one run more for an
 *    insertion or a deletion in the middle of one.
 * 3. Nothing is allocated.
 * Ids of an array (document.c, invariant 3): what is inserted has an id at or above the next one, which
 * no element of the array ever had. The runs are edited by looking at the one that holds the place, with
 * its two neighbours: splitting or shortening it, adding the new one, joining what follows on.
 */
#include "base/utf8.h"
#include "format/change.h"
#include "format/document_bytes.h"

/* The containers on the way to where a change happens, the outermost first, and that place. */
typedef struct site {
    strata_buffer *document;
    size_t depth;
    size_t headers[ST_DOCUMENT_DEPTH_MAX];
    st_node parent;  /* the last of them */
    st_segment last; /* the way from there */
    bool there;      /* there is something, namely: */
    st_node node;
    uint32_t index; /* in an array */
} site;

static size_t place_of(const site *at, const void *data) {
    return (size_t)((const uint8_t *)data - at->document->data);
}

static bool enter(site *at, const st_node *container) {
    if (at->depth == ST_DOCUMENT_DEPTH_MAX) {
        return false;
    }
    at->headers[at->depth++] = place_of(at, container->raw.data);
    at->parent = *container;
    return true;
}

/* Follows the route. False: malformed, or something on the way is missing. */
static bool find_site(site *at, strata_slice route) {
    st_cursor cursor = st_cursor_over(route);
    at->depth = 0;
    at->there = st_node_read(st_buffer_slice(at->document), &at->node);
    while (cursor.at < cursor.end) {
        const st_node from = at->node;
        if (!at->there || !st_segment_next(&cursor, &at->last) ||
            from.type != (at->last.named ? STRATA_OBJECT : STRATA_ARRAY) || !enter(at, &from)) {
            return false;
        }
        at->there = at->last.named
                        ? st_node_member(&from, at->last.name, &at->node)
                        : st_node_element_of_id(&from, at->last.id, &at->node, &at->index);
    }
    return true;
}

/* ---- Gaps ------------------------------------------------------------------------------------ */

/* Replaces `remove` bytes at `place` by a gap of `add`, and says so to the containers on the way. */
static uint8_t *make_gap(const site *at, size_t place, size_t remove, size_t add) {
    strata_buffer *document = at->document;
    uint8_t *gap = document->data + place;
    ST_ASSERT(add <= document->cap - document->len + remove);
    memmove(gap + add, gap + remove, document->len - place - remove);
    document->len = document->len - remove + add;
    for (size_t i = 0; i < at->depth; i++) {
        uint8_t *size = document->data + at->headers[i] + ST_HEADER_SIZE;
        store32_le(size, (uint32_t)(load32_le(size) - remove + add));
    }
    return gap;
}

static uint8_t *parent_of(const site *at) {
    return at->document->data + at->headers[at->depth - 1];
}

static void set_count(const site *at, uint32_t count) {
    store32_le(parent_of(at) + ST_HEADER_COUNT, count);
}

static void copy_to(uint8_t *to, strata_slice bytes) {
    if (bytes.len != 0) {
        memcpy(to, bytes.data, bytes.len);
    }
}

/* ---- Ids ------------------------------------------------------------------------------------- */

enum { WINDOW_MAX = 5 };

/* Some runs that follow one another in an array. */
typedef struct window {
    const uint8_t *from;
    const uint8_t *to;
    size_t count;
    st_id_run runs[WINDOW_MAX];
    size_t at;       /* of the run that holds the index; count when it is behind all */
    uint32_t offset; /* of the index in that run */
} window;

/* The run that holds the index, and its neighbours; for the index behind the last one, the last run. */
static bool find_window(const st_node *array, uint32_t index, window *out) {
    st_cursor runs = st_cursor_over(array->runs);
    *out = (window){.from = runs.at, .offset = index};
    for (;;) {
        const uint8_t *start = runs.at;
        st_id_run run;
        if (start == runs.end) {
            out->to = start;
            out->at = out->count;
            return out->offset == 0;
        }
        if (!st_id_run_next(&runs, array->next_id, &run)) {
            return false;
        }
        out->runs[out->count++] = run;
        if (out->offset < run.count) {
            break;
        }
        out->offset -= run.count;
        out->from = start;
        out->runs[0] = run;
        out->count = 1;
    }
    out->at = out->count - 1;
    if (runs.at < runs.end && !st_id_run_next(&runs, array->next_id, &out->runs[out->count++])) {
        return false;
    }
    out->to = runs.at;
    return true;
}

/* Appends a run to `to`, joined with the last one if it follows on. */
static void add_run(window *to, uint32_t first, uint32_t count) {
    st_id_run *last = to->count == 0 ? NULL : &to->runs[to->count - 1];
    if (count == 0) {
        return;
    }
    if (last != NULL && last->first + last->count == first) {
        last->count += count;
    } else {
        to->runs[to->count++] = (st_id_run){first, count};
    }
}

/* The window after its element was removed, or a new one of that id was inserted before it. */
static void edit_window(const window *from, bool insert, uint32_t id, window *to) {
    to->count = 0;
    for (size_t i = 0; i < from->count; i++) {
        const st_id_run run = from->runs[i];
        if (i != from->at) {
            add_run(to, run.first, run.count);
            continue;
        }
        const uint32_t rest = from->offset + !insert;
        add_run(to, run.first, from->offset);
        add_run(to, id, insert ? 1 : 0);
        add_run(to, run.first + rest, run.count - rest);
    }
    if (from->at == from->count) {
        add_run(to, id, insert ? 1 : 0);
    }
}

/* The parent, an array of the first kind, becomes one that has ids. */
static void give_ids(site *at) {
    uint8_t runs[2 * ST_VARINT_BYTES_MAX];
    const uint32_t count = at->parent.as.count;
    uint8_t *end = runs;
    if (count > 0) {
        end = st_varint_put(st_varint_put(runs, 0), count);
    }
    const size_t len = (size_t)(end - runs);
    uint8_t *gap = make_gap(at, at->headers[at->depth - 1] + ST_HEADER_BYTES, 0,
                            ST_HEADER_RESHAPED_BYTES - ST_HEADER_BYTES + len);
    uint8_t *header = parent_of(at);
    *header = ST_TAG_RESHAPED;
    store32_le(header + ST_HEADER_NEXT_ID, count);
    store32_le(header + ST_HEADER_RUNS, (uint32_t)len);
    copy_to(gap + ST_HEADER_RESHAPED_BYTES - ST_HEADER_BYTES, st_slice(runs, len));
}

static void put_window(const site *at, const window *old, const window *changed) {
    uint8_t bytes[2 * ST_VARINT_BYTES_MAX * WINDOW_MAX];
    uint8_t *end = bytes;
    for (size_t i = 0; i < changed->count; i++) {
        end = st_varint_put(end, changed->runs[i].first);
        end = st_varint_put(end, changed->runs[i].count);
    }
    const size_t removed = (size_t)(old->to - old->from);
    const size_t added = (size_t)(end - bytes);
    copy_to(make_gap(at, place_of(at, old->from), removed, added), st_slice(bytes, added));
    uint8_t *runs = parent_of(at) + ST_HEADER_RUNS;
    store32_le(runs, (uint32_t)(load32_le(runs) - removed + added));
}

/* Of the parent, an array: an element goes from the index, or one of the id comes before it. The elements
 * themselves are done already. */
static void edit_ids(site *at, uint32_t index, bool insert, uint32_t id) {
    window old;
    window changed;
    const size_t place = at->headers[at->depth - 1];
    const uint32_t count = at->parent.as.count;
    const bool plain = *parent_of(at) != ST_TAG_RESHAPED;
    if (!plain || !insert || index != count || id != count) {
        /* The node still says what was before; the bytes of its runs have not moved. */
        if (plain) {
            give_ids(at);
        }
        st_node array = at->parent;
        const uint8_t *header = at->document->data + place;
        array.next_id = load32_le(header + ST_HEADER_NEXT_ID);
        array.runs =
            st_slice(header + ST_HEADER_RESHAPED_BYTES, load32_le(header + ST_HEADER_RUNS));
        const bool found = find_window(&array, index, &old);
        ST_ASSERT(found);
        edit_window(&old, insert, id, &changed);
        put_window(at, &old, &changed);
        if (insert) {
            store32_le(parent_of(at) + ST_HEADER_NEXT_ID, id + 1);
        }
    }
    set_count(at, insert ? count + 1 : count - 1);
}

/* Whether the runs of an array can be edited at the index: asked before anything is moved. */
static bool ids_are_sound(const st_node *array, uint32_t index) {
    window found;
    return *(const uint8_t *)array->raw.data != ST_TAG_RESHAPED ||
           find_window(array, index, &found);
}

/* ---- Kinds ----------------------------------------------------------------------------------- */

/* Whether a value, inside `above` containers, is one that a document may have. */
static bool value_fits(strata_slice value, size_t above) {
    const st_document_limits limits = {UINT32_MAX / 2, ST_DOCUMENT_DEPTH_MAX - above,
                                       ST_ENTRIES_MAX};
    return st_document_check_shape(value, &limits, NULL);
}

static bool apply_put(site *at, const st_change *change) {
    const strata_slice value = change->value;
    if (!find_site(at, change->route) || !value_fits(value, at->depth)) {
        return false;
    }
    if (at->there) {
        copy_to(make_gap(at, place_of(at, at->node.raw.data), at->node.raw.len, value.len), value);
        return true;
    }
    if (!at->last.named || at->parent.as.count >= ST_ENTRIES_MAX ||
        !st_utf8_valid(at->last.name, NULL)) {
        return false;
    }
    uint8_t length[ST_VARINT_BYTES_MAX];
    const size_t width = (size_t)(st_varint_put(length, at->last.name.len) - length);
    const size_t end = place_of(at, at->parent.raw.data) + at->parent.raw.len;
    uint8_t *gap = make_gap(at, end, 0, width + at->last.name.len + value.len);
    copy_to(gap, st_slice(length, width));
    copy_to(gap + width, at->last.name);
    copy_to(gap + width + at->last.name.len, value);
    set_count(at, at->parent.as.count + 1);
    return true;
}

static bool apply_delete(site *at, const st_change *change) {
    if (!find_site(at, change->route) || at->depth == 0 || !at->there) {
        return false;
    }
    const size_t place = place_of(at, at->node.raw.data);
    if (at->last.named) {
        uint8_t length[ST_VARINT_BYTES_MAX];
        const size_t name =
            (size_t)(st_varint_put(length, at->last.name.len) - length) + at->last.name.len;
        (void)make_gap(at, place - name, name + at->node.raw.len, 0);
        set_count(at, at->parent.as.count - 1);
        return true;
    }
    if (!ids_are_sound(&at->parent, at->index)) {
        return false;
    }
    (void)make_gap(at, place, at->node.raw.len, 0);
    edit_ids(at, at->index, false, 0);
    return true;
}

static bool apply_insert(site *at, const st_change *change) {
    if (!find_site(at, change->route) || !at->there || at->node.type != STRATA_ARRAY) {
        return false;
    }
    const st_node array = at->node;
    if (!enter(at, &array) || !value_fits(change->value, at->depth) ||
        array.as.count >= ST_ENTRIES_MAX || change->id < array.next_id ||
        change->id == UINT32_MAX) {
        return false;
    }
    uint32_t index = array.as.count;
    size_t place = place_of(at, array.raw.data) + array.raw.len;
    if (!change->at_end) {
        st_node next;
        if (!st_node_element_of_id(&array, change->before, &next, &index)) {
            return false;
        }
        place = place_of(at, next.raw.data);
    }
    if (!ids_are_sound(&array, index)) {
        return false;
    }
    copy_to(make_gap(at, place, 0, change->value.len), change->value);
    edit_ids(at, index, true, change->id);
    return true;
}

/* ---- Applying -------------------------------------------------------------------------------- */

static bool apply(strata_buffer *document, const st_change *change) {
    site at = {.document = document};
    if (document->len + change->raw.len + ST_CHANGE_ROOM > UINT32_MAX / 2) {
        return false;
    }
    switch (change->kind) {
    case ST_CHANGE_PUT:
        return apply_put(&at, change);
    case ST_CHANGE_DELETE:
        return apply_delete(&at, change);
    case ST_CHANGE_INSERT:
        return apply_insert(&at, change);
    }
    return false;
}

strata_status st_changes_reserve(strata_buffer *document, strata_slice changes) {
    st_cursor cursor = st_cursor_over(changes);
    st_change change;
    size_t room = 0;
    while (cursor.at < cursor.end && st_change_next(&cursor, &change)) {
        room += change.raw.len + ST_CHANGE_ROOM;
    }
    return st_buffer_reserve(document, room);
}

strata_status st_changes_apply(strata_buffer *document, strata_slice changes) {
    st_cursor cursor = st_cursor_over(changes);
    while (cursor.at < cursor.end) {
        st_change change;
        if (!st_change_next(&cursor, &change) || !apply(document, &change)) {
            return STRATA_CORRUPT;
        }
    }
    return STRATA_OK;
}
