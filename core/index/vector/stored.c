/* stored.c - an index keeps its parts between openings of the database.
 *
 * A merge writes what it has made into segments (part_file.h), and the manifest names these in place of those it was
 * made of. What is in no segment (the head, and what ended since) is read from the tables at the next opening: that
 * is what was committed after `covered`.
 *
 * The note of a segment, varints unless said otherwise: length and bytes of the owner; known; covered; count of the
 * segments that are kept beside it, then of each: its number, count of entries of it that ended after it was
 * written, then of each of these: row - that before (the first as it is), the version at which it ended.
 *
 * 1. Of the segments of an owner the one with the highest `known` was written last; all that it names, and no others,
 *    are there. Where that is not so, something was lost: nothing is used, and the index is made from the tables.
 * 2. Every entry whose version is at most `covered` is in a segment, and has its end in one if that is at most
 *    `known`. So repeating, for each key, the commits after `covered` makes the index whole: what is there already is
 *    found by its key and version.
 * 3. A segment is written once, and goes when what it was merged into is named.
 * 4. What a merge has made stays in memory if the pool grants it that, and is read from its segment otherwise.
 * Rejected: writing the ends of entries into their segments. Nothing that is on the disk is ever changed in place.
 */
#include "index/vector/merge_private.h"
#include "index/vector/part_file.h"
#include "store/segments.h"

enum { NOTE_BYTES_MAX = 500 << 10 };

/* ---- Notes ----------------------------------------------------------------------------------- */

static strata_status put_varint(strata_buffer *out, uint64_t value) {
    uint8_t bytes[ST_VARINT_BYTES_MAX];
    const uint8_t *end = st_varint_put(bytes, value);
    return st_buffer_append(out, bytes, (size_t)(end - bytes));
}

static bool ended_since(const st_entry *entry, uint64_t known) {
    const uint64_t to = st_entry_to(entry);
    return to != ST_VECTOR_FOREVER && to > known;
}

/* Those that ended after the part was written. */
static strata_status put_ends(strata_buffer *out, const st_part *part) {
    const uint32_t count = st_part_count(part);
    const uint64_t known = st_part_file_known(part);
    uint64_t ends = 0;
    uint32_t last = 0;
    for (uint32_t row = 0; row < count; row++) {
        ends += ended_since(st_part_entry(part, row), known);
    }
    ST_TRY(put_varint(out, st_part_file_number(part, NULL)));
    ST_TRY(put_varint(out, ends));
    for (uint32_t row = 0; row < count && ends > 0; row++) {
        const st_entry *entry = st_part_entry(part, row);
        if (ended_since(entry, known)) {
            ST_TRY(put_varint(out, row - last));
            ST_TRY(put_varint(out, st_entry_to(entry)));
            last = row;
            ends--; /* one that ends now is for the next time */
        }
    }
    return STRATA_OK;
}

static bool is_merged(const st_vector_merge *merge, const st_part *part) {
    bool found = false;
    for (uint32_t i = 0; i < merge->source_count && !found; i++) {
        found = merge->sources[i].part == part;
    }
    return found;
}

static bool stays_stored(const st_vector_merge *merge, const st_part *part) {
    return part->file != NULL && !is_merged(merge, part);
}

static strata_status put_others(const st_vector_merge *merge, uint64_t sibling,
                                strata_buffer *out) {
    const st_vector_view *view = st_vector_view_of(merge->index);
    uint64_t count = sibling > 0 ? 1 : 0;
    for (uint32_t i = 0; i < view->count; i++) {
        count += stays_stored(merge, view->parts[i]);
    }
    ST_TRY(put_varint(out, count));
    if (sibling > 0) {
        ST_TRY(put_varint(out, sibling));
        ST_TRY(put_varint(out, 0));
    }
    for (uint32_t i = 0; i < view->count; i++) {
        if (stays_stored(merge, view->parts[i])) {
            ST_TRY(put_ends(out, view->parts[i]));
        }
    }
    return STRATA_OK;
}

static strata_status make_note(const st_vector_merge *merge, const st_vector_home *home,
                               uint64_t sibling, strata_buffer *out) {
    out->len = 0;
    ST_TRY(put_varint(out, home->owner.len));
    ST_TRY(st_buffer_append(out, home->owner.data, home->owner.len));
    ST_TRY(put_varint(out, merge->known));
    ST_TRY(put_varint(out, merge->covered));
    return put_others(merge, sibling, out);
}

typedef struct note {
    strata_slice owner;
    uint64_t known;
    uint64_t covered;
    uint64_t others;
    st_cursor ends; /* of the others */
} note;

static bool read_note(strata_slice bytes, note *n) {
    n->ends = st_cursor_over(bytes);
    return st_cursor_sized(&n->ends, &n->owner) && st_cursor_varint(&n->ends, &n->known) &&
           st_cursor_varint(&n->ends, &n->covered) && st_cursor_varint(&n->ends, &n->others) &&
           n->covered <= n->known;
}

/* ---- Saving ---------------------------------------------------------------------------------- */

static strata_status save_output(st_vector_merge *merge, unsigned which, uint64_t number,
                                 uint64_t sibling, const st_vector_home *home,
                                 st_live_segment *saved, strata_error *error) {
    strata_buffer bytes = {NULL, 0, 0, merge->index->host};
    const st_segment_spec spec = st_segments_spec(home->store, number);
    st_part *part = merge->outputs[which].part;
    strata_status status = make_note(merge, home, sibling, &bytes);
    if (status != STRATA_OK) {
        status = st_fail_memory(error);
    } else if (bytes.len > NOTE_BYTES_MAX) {
        status = st_fail(error, STRATA_NO_SPACE, "too many entries have ended to be told");
    } else {
        *saved = (st_live_segment){.number = number};
        status = st_part_save(part, &spec, st_buffer_slice(&bytes), &saved->bytes, error);
    }
    strata_buffer_free(&bytes);
    if (status == STRATA_OK &&
        st_part_saved(part, &spec, saved->bytes, merge->known) != STRATA_OK) {
        st_segments_remove_file(home->store, number);
        status = st_fail_memory(error);
    }
    return status;
}

/* What was written is of no use: the parts are in memory alone. */
static void unsave(const st_vector_merge *merge) {
    for (unsigned which = 0; which < 2; which++) {
        st_part *part = merge->outputs[which].part;
        if (part != NULL && part->file != NULL) {
            st_part_file_abandon(part);
            st_part_file_close(part);
        }
    }
}

static strata_status name_saved(st_vector_merge *merge, const st_vector_home *home,
                                const st_live_segment *saved, size_t count, strata_error *error) {
    const strata_allocator *memory = &merge->index->host->memory;
    const size_t size = merge->source_count * sizeof(uint64_t);
    uint64_t *removed = st_alloc(memory, size);
    st_segments_change change = {saved, count, removed, 0};
    if (removed == NULL) {
        return st_fail_memory(error);
    }
    for (uint32_t i = 0; i < merge->source_count; i++) {
        const uint64_t number = st_part_file_number(merge->sources[i].part, NULL);
        if (number > 0) {
            removed[change.removed_count++] = number;
        }
    }
    const strata_status status = st_segments_replace(home->store, &change, error);
    st_free(memory, removed, size);
    return status;
}

static strata_status save_outputs(st_vector_merge *merge, const st_vector_home *home,
                                  strata_error *error) {
    st_live_segment saved[2];
    uint64_t numbers[2] = {0, 0};
    size_t count = 0;
    strata_status status = STRATA_OK;
    ST_ASSERT(home->owner.len <= ST_VECTOR_OWNER_MAX);
    for (unsigned which = 0; which < 2; which++) {
        numbers[which] =
            merge->outputs[which].part == NULL ? 0 : st_segments_next_number(home->store);
    }
    for (unsigned which = 0; which < 2 && status == STRATA_OK; which++) {
        if (numbers[which] > 0) {
            status = save_output(merge, which, numbers[which], numbers[1 - which], home,
                                 &saved[count], error);
            count += status == STRATA_OK;
        }
    }
    if (status == STRATA_OK) { /* a segment never knows of a commit that a crash takes back */
        uint64_t version;
        status = st_store_sync(home->store, &version, error);
    }
    if (status == STRATA_OK) {
        status = name_saved(merge, home, saved, count, error);
    }
    merge->saved = status == STRATA_OK;
    if (status != STRATA_OK) {
        unsave(merge);
    }
    return status;
}

/* Memory that goes with what was merged. */
static uint64_t granted_to_sources(const st_vector_merge *merge) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < merge->source_count; i++) {
        const st_part *part = merge->sources[i].part;
        bytes += part->paged ? 0 : part->asked;
    }
    return bytes;
}

static st_part *load_made(const st_vector_merge *merge, const st_part *made) {
    const st_vector_index *index = merge->index;
    const st_part_kind kind = {&index->codec, index->seed, index->pool};
    strata_error unused = {.code = STRATA_OK};
    strata_slice unread;
    st_part *part;
    if (made->file == NULL ||
        st_part_load(&kind, st_part_file_spec(made), &part, &unread, &unused) != STRATA_OK) {
        return NULL;
    }
    st_part_file_set_known(part, merge->known);
    return part;
}

/* In memory where it is, if there is room for it, or if it cannot be read from the file: else that is where it is. */
static void settle(st_vector_merge *merge, st_merge_output *out) {
    st_row_pool *pool = merge->index->pool;
    const uint64_t bytes = st_part_bytes(out->part);
    if (!st_row_pool_grant(pool, bytes, granted_to_sources(merge))) {
        st_part *paged = load_made(merge, out->part);
        if (paged != NULL) {
            st_part_destroy(out->part);
            out->part = paged;
            return;
        }
        st_row_pool_take(pool, bytes);
    }
    out->part->pool = pool;
    out->part->asked = bytes;
}

strata_status st_vector_merge_save(st_vector_merge *merge, const st_vector_home *home,
                                   strata_error *error) {
    const strata_status status =
        st_segments_possible(home->store) ? save_outputs(merge, home, error) : STRATA_OK;
    for (unsigned which = 0; which < 2 && merge->index->pool != NULL; which++) {
        if (merge->outputs[which].part != NULL) {
            settle(merge, &merge->outputs[which]);
        }
    }
    return status;
}

/* ---- Loading --------------------------------------------------------------------------------- */

typedef struct stored {
    st_part *part;
    note note;
} stored;

typedef struct loading {
    st_vector_index *index;
    const st_vector_home *home;
    strata_error *error;
    strata_buffer parts;   /* stored */
    strata_buffer numbers; /* of all segments of the database, uint64_t */
} loading;

static stored *part_at(const loading *l, size_t i) {
    return (stored *)(void *)l->parts.data + i;
}
static size_t part_count(const loading *l) {
    return l->parts.len / sizeof(stored);
}

static void tell(const strata_host *host, const char *message) {
    if (host->log.write != NULL) {
        host->log.write(host->log.ctx, STRATA_LOG_WARN, message, "");
    }
}

/* Whether a segment is of this owner; what does not hold is of nobody. */
static strata_status is_ours(const st_vector_home *home, const st_segment_spec *spec, bool begins,
                             bool *ours, strata_error *error) {
    st_segment_file file;
    strata_error detail = {.code = STRATA_OK};
    strata_slice bytes;
    note n;
    strata_status status = st_segment_open(&file, spec, &detail);
    *ours = status == STRATA_OK && st_part_note_of(&file, &bytes) && read_note(bytes, &n);
    if (*ours && begins) {
        n.owner.len = st_min(n.owner.len, home->owner.len);
    }
    *ours = *ours && st_slice_equal(n.owner, home->owner);
    st_segment_close(&file, false);
    if (status == STRATA_CORRUPT) {
        tell(spec->host, detail.message);
        return STRATA_OK;
    }
    return status == STRATA_OK ? STRATA_OK
                               : st_fail(error, status, "an index segment could not be read (%s)",
                                         strata_status_name(status));
}

static strata_status load_one(loading *l, uint64_t number, bool *damaged) {
    const st_segment_spec spec = st_segments_spec(l->home->store, number);
    strata_error detail = {.code = STRATA_OK};
    stored one = {.part = NULL};
    strata_slice bytes;
    bool ours;
    ST_TRY(is_ours(l->home, &spec, false, &ours, l->error));
    if (!ours) {
        return STRATA_OK;
    }
    const st_part_kind kind = {&l->index->codec, l->index->seed, l->index->pool};
    const strata_status status = st_part_load(&kind, &spec, &one.part, &bytes, &detail);
    if (status == STRATA_CORRUPT) {
        tell(l->index->host, detail.message);
        *damaged = true;
        return STRATA_OK;
    }
    if (status != STRATA_OK) {
        return st_fail(l->error, status, "an index segment could not be read (%s)",
                       strata_status_name(status));
    }
    const bool good = read_note(bytes, &one.note);
    ST_ASSERT(good); /* it was, a moment ago */
    st_part_file_set_known(one.part, one.note.known);
    if (st_buffer_append(&l->parts, &one, sizeof one) != STRATA_OK) {
        st_part_destroy(one.part);
        return st_fail_memory(l->error);
    }
    return STRATA_OK;
}

static st_part *part_numbered(const loading *l, uint64_t number) {
    for (size_t i = 0; i < part_count(l); i++) {
        if (st_part_file_number(part_at(l, i)->part, NULL) == number) {
            return part_at(l, i)->part;
        }
    }
    return NULL;
}

/* The ends that the note tells of one other segment. */
static bool apply_ends(const loading *l, st_cursor *ends) {
    uint64_t number;
    uint64_t count;
    uint64_t row = 0;
    bool good = st_cursor_varint(ends, &number) && st_cursor_varint(ends, &count);
    st_part *part = good ? part_numbered(l, number) : NULL;
    for (uint64_t i = 0; good && part != NULL && i < count; i++) {
        uint64_t step;
        uint64_t to;
        good = st_cursor_varint(ends, &step) && st_cursor_varint(ends, &to) &&
               step < st_part_count(part) && (row += step) < st_part_count(part) &&
               st_entry_to(st_part_entry(part, (uint32_t)row)) == ST_VECTOR_FOREVER &&
               st_part_entry(part, (uint32_t)row)->from <= to && to != ST_VECTOR_FOREVER;
        if (good) {
            st_part_end(part, (uint32_t)row, to);
        }
    }
    return good && part != NULL;
}

/* The parts are those that the newest of them names; their entries end as it says. */
static bool settle_ends(const loading *l, uint64_t *covered) {
    const stored *newest = part_at(l, 0);
    for (size_t i = 1; i < part_count(l); i++) {
        newest = part_at(l, i)->note.known > newest->note.known ? part_at(l, i) : newest;
    }
    note n = newest->note;
    bool good = n.others + 1 == part_count(l);
    for (uint64_t i = 0; i < n.others && good; i++) {
        good = apply_ends(l, &n.ends);
    }
    *covered = n.covered;
    return good;
}

static void give_up(loading *l) {
    for (size_t i = 0; i < part_count(l); i++) {
        st_part_destroy(part_at(l, i)->part);
    }
    l->parts.len = 0;
}

/* Past ones first, as merging has them. */
static strata_status show_parts(loading *l) {
    st_vector_view *view;
    uint32_t at = 0;
    if (part_count(l) > ST_VECTOR_PARTS_MAX) {
        return st_fail_memory(l->error);
    }
    if (st_vector_view_create(&l->index->host->memory, (uint32_t)part_count(l), &view) !=
        STRATA_OK) {
        return st_fail_memory(l->error);
    }
    for (unsigned past = 2; past > 0; past--) {
        for (size_t i = 0; i < part_count(l); i++) {
            if (part_at(l, i)->part->past == (past == 2)) {
                view->parts[at++] = part_at(l, i)->part;
            }
        }
    }
    st_vector_view_show(l->index, view);
    l->parts.len = 0;
    return STRATA_OK;
}

static strata_status load_all(loading *l, uint64_t *covered) {
    bool damaged = false;
    if (st_segments_numbers(l->home->store, &l->numbers) != STRATA_OK) {
        return st_fail_memory(l->error);
    }
    for (size_t i = 0; i < l->numbers.len / sizeof(uint64_t); i++) {
        uint64_t number;
        memcpy(&number, l->numbers.data + i * sizeof number, sizeof number);
        ST_TRY(load_one(l, number, &damaged));
    }
    if (part_count(l) == 0) {
        return STRATA_OK;
    }
    if (damaged || !settle_ends(l, covered)) {
        tell(l->index->host, "a part of a vector index is missing; the index is made again");
        *covered = 0;
        give_up(l);
        return st_vector_home_forget(l->home, false, l->error);
    }
    return show_parts(l);
}

strata_status st_vector_index_load(st_vector_index *index, const st_vector_home *home,
                                   uint64_t *covered, strata_error *error) {
    loading l = {index, home, error, {NULL, 0, 0, index->host}, {NULL, 0, 0, index->host}};
    *covered = 0;
    const strata_status status = home->store->in_memory ? STRATA_OK : load_all(&l, covered);
    give_up(&l);
    strata_buffer_free(&l.parts);
    strata_buffer_free(&l.numbers);
    return status;
}

/* ---- Restoring ------------------------------------------------------------------------------- */

strata_status st_vector_index_restore(st_vector_index *index, strata_slice key, uint64_t version,
                                      const float *embedding) {
    const st_vector_view *view = st_vector_view_of(index);
    bool there = embedding == NULL;
    st_row_reader_enter(&index->writer);
    for (uint32_t i = 0; i < view->count; i++) {
        st_part *part = view->parts[i];
        const uint32_t row = st_part_find(part, key);
        there = there || (part->file != NULL && st_part_has(part, key, version));
        if (row != ST_NO_NODE && st_part_entry(part, row)->from < version) {
            st_part_end(part, row, version);
        }
    }
    st_row_reader_leave(&index->writer);
    return there ? STRATA_OK : st_vector_index_add(index, key, version, embedding);
}

/* ---- Forgetting ------------------------------------------------------------------------------ */

static strata_status collect_ours(const st_vector_home *home, bool begins, strata_buffer *ours,
                                  strata_error *error) {
    strata_buffer all = {NULL, 0, 0, ours->host};
    strata_status status = st_segments_numbers(home->store, &all);
    if (status != STRATA_OK) {
        status = st_fail_memory(error);
    }
    for (size_t i = 0; i < all.len / sizeof(uint64_t) && status == STRATA_OK; i++) {
        uint64_t number;
        bool is = false;
        memcpy(&number, all.data + i * sizeof number, sizeof number);
        const st_segment_spec spec = st_segments_spec(home->store, number);
        status = is_ours(home, &spec, begins, &is, error);
        if (is && st_buffer_append(ours, &number, sizeof number) != STRATA_OK) {
            status = st_fail_memory(error);
        }
    }
    strata_buffer_free(&all);
    return status;
}

strata_status st_vector_home_forget(const st_vector_home *home, bool begins, strata_error *error) {
    strata_buffer ours = {NULL, 0, 0, home->store->host};
    if (!st_segments_possible(home->store)) {
        return STRATA_OK;
    }
    strata_status status = collect_ours(home, begins, &ours, error);
    if (status == STRATA_OK && ours.len > 0) {
        const st_segments_change change = {NULL, 0, (const uint64_t *)(const void *)ours.data,
                                           ours.len / sizeof(uint64_t)};
        status = st_segments_replace(home->store, &change, error);
    }
    for (size_t i = 0; i < ours.len / sizeof(uint64_t) && status == STRATA_OK; i++) {
        uint64_t number;
        memcpy(&number, ours.data + i * sizeof number, sizeof number);
        st_segments_remove_file(home->store, number);
    }
    strata_buffer_free(&ours);
    return status;
}
