/* merge.c - parts become one.
 *
 * Full heads, and a part with a graph that is not much larger than they are together, become a part with a graph: the
 * largest of them keeps its links (graph_merge.c), the entries of the others are added. So an entry is linked anew
 * about as often as the logarithm of how many there are, and nothing is ever built again from the beginning.
 *
 * 1. Entries that lived when the merge began go into one part, those that had ended into another, and those that
 *    no reader can see go. So a search of today does not meet the past, and one of the past finds it.
 * 2. What ends while the merge goes on is ended in the new part at the finish, before readers see it.
 * 3. The parts that are merged stay as they are, and are searched, until the new ones are shown in their place.
 * 4. With one thread that links, the same parts give the same part.
 * Rejected: merging into the existing graph in place. Readers would walk through nodes that are not linked yet, and
 * dead ones could never be taken out.
 */
#include "base/hash.h"
#include "index/vector/merge_private.h"
#include "index/vector/part_file.h"

enum {
    LINKED_MIN = 1024, /* entries of a part below which a graph is not worth it */
    GROWTH = 3, /* a part up to so many times as large as the newer ones is merged with them */
    ENDED_ONE_IN = 8,    /* of a part, until it is merged to be rid of them */
    OUTSIDE_MIN = 256,   /* entries outside of the largest part for which idle hands merge all, */
    OUTSIDE_ONE_IN = 16, /* and what share of it they are at least */
};

/* ---- Choosing -------------------------------------------------------------------------------- */

/* Whether part i of the view is merged; parts that are newer were asked before. */
typedef struct chooser {
    const st_vector_view *view;
    bool all;
    uint64_t entries[2]; /* of the parts chosen so far: live ones, past ones */
    uint32_t chosen[2];
} chooser;

static bool has_many_ended(const st_part *part) {
    return !part->past && (uint64_t)part->ended * ENDED_ONE_IN >= st_part_count(part) &&
           part->ended > 0;
}

static bool choose(chooser *c, uint32_t i) {
    const st_part *part = c->view->parts[i];
    const uint32_t count = st_part_count(part);
    const bool full = st_part_settled(part) || part->past || count == part->capacity;
    const bool chosen = c->all ? count > 0
                               : full && (!st_part_settled(part) || has_many_ended(part) ||
                                          count <= GROWTH * c->entries[part->past]);
    if (chosen) {
        c->entries[part->past] += count;
        c->chosen[part->past]++;
    }
    return chosen;
}

/* A part by itself is merged to be linked, or to be rid of what has ended. */
static bool is_worth_alone(const chooser *c, const st_part *part) {
    const uint32_t count = st_part_count(part);
    if (part->past || count == 0 || (part->ended == 0 && count < LINKED_MIN)) {
        return false;
    }
    return has_many_ended(part) || (c->all && part->ended > 0) ||
           (!st_part_settled(part) && count >= LINKED_MIN && (c->all || count == part->capacity));
}

/* The past and what lives do not become one: there are two of something, or one is worth it alone. */
static bool is_worth_it(const chooser *c, const bool *marks) {
    bool worth = c->chosen[0] > 1 || c->chosen[1] > 1;
    for (uint32_t i = 0; i < c->view->count && !worth; i++) {
        worth = marks[i] && is_worth_alone(c, c->view->parts[i]);
    }
    return worth;
}

/* Whether searches would gain by fewer parts more than the copying costs: each entry is copied as often as a
 * sixteenth of all comes and is followed by a pause. */
static bool is_scattered(const st_vector_view *view) {
    uint64_t all = 0;
    uint64_t largest = 0;
    for (uint32_t i = 0; i < view->count; i++) {
        const st_part *part = view->parts[i];
        const uint32_t count = part->past ? 0 : st_part_count(part);
        all += count;
        largest = st_part_settled(part) && count > largest ? count : largest;
    }
    return all >= LINKED_MIN && all - largest >= OUTSIDE_MIN &&
           (all - largest) * OUTSIDE_ONE_IN >= largest;
}

/* Newest first; marks[i]: part i is merged. */
static bool choose_parts(const st_vector_view *view, bool all, bool *marks) {
    chooser c = {.view = view, .all = all};
    for (uint32_t i = view->count; i > 0; i--) {
        marks[i - 1] = choose(&c, i - 1);
    }
    return is_worth_it(&c, marks);
}

static size_t merge_bytes(uint32_t sources) {
    return sizeof(st_vector_merge) + sources * sizeof(st_merge_source);
}

/* The head takes no more: it is a source, and what comes goes into a new one. */
static void close_head(const st_vector_view *view) {
    st_part *head = view->count == 0 ? NULL : view->parts[view->count - 1];
    if (head != NULL && !st_part_settled(head) && !head->past && st_part_count(head) > 0) {
        head->capacity = st_part_count(head);
    }
}

/* The version up to which nothing is in a part that is neither merged nor kept in a file. */
static uint64_t covered_by_others(const st_vector_view *view, const bool *marks, uint64_t known) {
    uint64_t covered = known;
    for (uint32_t i = 0; i < view->count; i++) {
        const st_part *part = view->parts[i];
        const uint32_t count = marks[i] || part->file != NULL ? 0 : st_part_count(part);
        for (uint32_t row = 0; row < count; row++) {
            const uint64_t from = st_part_entry(part, row)->from;
            covered = from <= covered ? from - 1 : covered;
        }
    }
    return covered;
}

strata_status st_vector_merge_begin(st_vector_index *index, const st_vector_merge_spec *spec,
                                    st_vector_merge **merge) {
    const st_vector_view *view = st_vector_view_of(index);
    bool marks[ST_VECTOR_PARTS_MAX] = {false};
    uint32_t count = 0;
    *merge = NULL;
    const bool all = spec->all || (spec->idle && is_scattered(view));
    if (index->merging || !choose_parts(view, all, marks)) {
        return STRATA_OK;
    }
    for (uint32_t i = 0; i < view->count; i++) {
        count += marks[i];
    }
    st_vector_merge *made = st_alloc_zeroed(&index->host->memory, merge_bytes(count));
    if (made == NULL) {
        return STRATA_NO_MEMORY;
    }
    if (all) {
        close_head(view);
    }
    made->index = index;
    st_row_reader_open(&made->reader, index->pool);
    made->keep = spec->keep;
    made->known = spec->known;
    made->covered = covered_by_others(view, marks, spec->known);
    for (uint32_t i = 0; i < view->count; i++) {
        if (marks[i]) {
            made->sources[made->source_count++] =
                (st_merge_source){.part = view->parts[i], .count = st_part_count(view->parts[i])};
        }
    }
    index->merging = true;
    *merge = made;
    return STRATA_OK;
}

/* ---- Copying --------------------------------------------------------------------------------- */

/* Where each row goes, in the order in which outputs take them over. Nobody ends a row meanwhile that counts here:
 * what ends later is carried over at the finish. */
static void number_rows(st_vector_merge *merge, uint32_t from) {
    st_merge_source *of = &merge->sources[from];
    for (uint32_t row = 0; row < of->count; row++) {
        const uint64_t to = st_entry_to(st_part_entry(of->part, row));
        const unsigned which = to == ST_VECTOR_FOREVER ? 0 : 1;
        of->rows[row] = which == 1 && to <= merge->keep ? ST_NO_NODE
                                                        : merge->outputs[which].count++ * 2 + which;
    }
}

/* The largest source with a graph whose rows go into that output becomes source `place`; whether there is one. */
static bool put_base_at(st_vector_merge *merge, unsigned which, uint32_t place) {
    uint32_t base = ST_NO_NODE;
    for (uint32_t i = place; i < merge->source_count; i++) {
        const st_merge_source *of = &merge->sources[i];
        if (of->part->linked && of->part->past == (which == 1) &&
            (base == ST_NO_NODE || of->count > merge->sources[base].count)) {
            base = i;
        }
    }
    if (base != ST_NO_NODE) {
        const st_merge_source moved = merge->sources[place];
        merge->sources[place] = merge->sources[base];
        merge->sources[base] = moved;
    }
    merge->outputs[which].base = base == ST_NO_NODE ? ST_NO_NODE : place;
    return base != ST_NO_NODE;
}

/* Bases come first, that of the past before the other, as its rows all go into one output: so the nodes of a base
 * keep their order, and lie where they lay. */
static strata_status begin_copy(st_vector_merge *merge) {
    const uint32_t place = put_base_at(merge, 1, 0) ? 1 : 0;
    (void)put_base_at(merge, 0, place);
    for (uint32_t i = 0; i < merge->source_count; i++) {
        st_merge_source *of = &merge->sources[i];
        of->rows = st_alloc(&merge->index->host->memory, of->count * sizeof *of->rows);
        if (of->rows == NULL) {
            return STRATA_NO_MEMORY;
        }
        number_rows(merge, i);
        for (unsigned which = 0; which < 2; which++) {
            if (merge->outputs[which].base == i) {
                merge->outputs[which].taken = merge->outputs[which].count;
            }
        }
    }
    for (unsigned which = 0; which < 2; which++) {
        st_merge_output *out = &merge->outputs[which];
        if (out->count > 0) {
            ST_TRY(st_vector_part_create(merge->index, out->count, &out->part));
            out->part->past = which == 1;
        }
    }
    return STRATA_OK;
}

static strata_status copy_row(st_vector_merge *merge, const st_merge_source *of, uint32_t row) {
    const st_entry *entry = st_part_entry(of->part, row);
    st_part *part = merge->outputs[of->rows[row] % 2].part;
    uint8_t *code;
    ST_ASSERT(st_part_count(part) == of->rows[row] / 2);
    ST_TRY(st_part_stage(part, st_part_key(of->part, entry), &code));
    memcpy(code, st_graph_code(&of->part->graph, row), merge->index->codec.stride);
    st_part_publish(part, entry->from);
    if (part->past) {
        st_part_end(part, of->rows[row] / 2, st_entry_to(entry));
    }
    return STRATA_OK;
}

/* Whether all that was copied so far was there: what cannot be read is a row of zeros (rows.h). */
static strata_status check_sources(const st_vector_merge *merge) {
    for (uint32_t i = 0; i < merge->source_count; i++) {
        ST_TRY(st_part_failure(merge->sources[i].part));
    }
    return STRATA_OK;
}

/* Up to `entries` more; whether all are there. */
static strata_status copy_some(st_vector_merge *merge, uint32_t entries, bool *all) {
    for (; merge->at < merge->source_count; merge->at++, merge->row = 0) {
        const st_merge_source *of = &merge->sources[merge->at];
        for (; merge->row < of->count; merge->row++) {
            if (of->rows[merge->row] != ST_NO_NODE) {
                if (entries-- == 0) {
                    return STRATA_OK;
                }
                ST_TRY(copy_row(merge, of, merge->row));
                st_row_reader_rest(&merge->reader);
            }
        }
    }
    *all = true;
    return STRATA_OK;
}

/* ---- Linking --------------------------------------------------------------------------------- */

static bool is_flat(const st_merge_output *out) {
    return out->part != NULL && out->part->graph.codec->kind == ST_CODE_B1;
}

static bool is_linked(const st_merge_output *out) {
    return out->count >= LINKED_MIN && !is_flat(out);
}

static strata_status take_base(st_vector_merge *merge, unsigned which) {
    const strata_allocator *memory = &merge->index->host->memory;
    st_merge_output *out = &merge->outputs[which];
    const st_merge_source *base = &merge->sources[out->base];
    const size_t size = base->count * sizeof(uint32_t);
    uint32_t *kept = st_alloc(memory, size);
    if (kept == NULL) {
        return STRATA_NO_MEMORY;
    }
    for (uint32_t row = 0; row < base->count; row++) {
        const bool goes = base->rows[row] != ST_NO_NODE && base->rows[row] % 2 == which;
        kept[row] = goes ? base->rows[row] / 2 : ST_NO_NODE;
    }
    const strata_status status =
        st_graph_take(&out->part->graph, &base->part->graph, base->count, kept, &merge->reader);
    st_free(memory, kept, size);
    return status == STRATA_OK ? st_part_failure(base->part) : status;
}

static strata_status take_bases(st_vector_merge *merge) {
    for (unsigned which = 0; which < 2; which++) {
        st_merge_output *out = &merge->outputs[which];
        if (!is_linked(out)) {
            atomic_store_explicit(&out->next, out->count, memory_order_relaxed);
            atomic_store_explicit(&out->linked, out->count, memory_order_relaxed);
            continue;
        }
        st_graph *graph = &out->part->graph;
        ST_TRY(st_graph_reach(graph, out->count));
        if (out->base == ST_NO_NODE) {
            out->taken = 0;
        } else {
            ST_TRY(take_base(merge, which));
        }
        for (uint32_t row = out->taken; row < out->count; row++) {
            const st_entry *entry = st_part_entry(out->part, row);
            ST_TRY(st_graph_place(graph, row, st_hash_u64(entry->from) ^ entry->hash));
        }
        atomic_store_explicit(&out->next, out->taken, memory_order_relaxed);
        atomic_store_explicit(&out->linked, out->taken, memory_order_relaxed);
    }
    return STRATA_OK;
}

/* Up to `entries` more of an output. Who could not link one gives it back: nobody links it then, and the merge
 * fails. */
static strata_status link_some(st_merge_output *out, uint32_t entries, st_walk *walk,
                               uint32_t *done) {
    for (; *done < entries; (*done)++) {
        const uint32_t row = atomic_fetch_add_explicit(&out->next, 1, memory_order_relaxed);
        if (row >= out->count) {
            atomic_fetch_sub_explicit(&out->next, 1, memory_order_relaxed);
            return STRATA_OK;
        }
        ST_TRY(st_graph_add(&out->part->graph, row, ST_VECTOR_EFFORT_BUILD, walk));
        atomic_fetch_add_explicit(&out->linked, 1, memory_order_release);
    }
    return STRATA_OK;
}

static strata_status link_both(st_vector_merge *merge, uint32_t entries, uint32_t *done) {
    st_vector_scratch *scratch;
    ST_TRY(st_vector_scratch_take(merge->index, &scratch));
    strata_status status = STRATA_OK;
    for (unsigned which = 0; which < 2 && status == STRATA_OK; which++) {
        if (merge->outputs[which].part != NULL) {
            status = link_some(&merge->outputs[which], entries, &scratch->walk, done);
        }
    }
    st_vector_scratch_give(merge->index, scratch);
    return status;
}

static bool all_linked(const st_vector_merge *merge) {
    bool all = true;
    for (unsigned which = 0; which < 2; which++) {
        const st_merge_output *out = &merge->outputs[which];
        all = all && atomic_load_explicit((_Atomic uint32_t *)&out->linked, memory_order_acquire) ==
                         out->count;
    }
    return all;
}

static strata_status mend(st_vector_merge *merge) {
    st_vector_scratch *scratch;
    ST_TRY(st_vector_scratch_take(merge->index, &scratch));
    strata_status status = STRATA_OK;
    for (unsigned which = 0; which < 2 && status == STRATA_OK; which++) {
        st_merge_output *out = &merge->outputs[which];
        if (is_linked(out)) {
            status = st_graph_mend(&out->part->graph, out->count, ST_VECTOR_EFFORT_BUILD,
                                   &scratch->walk);
            out->part->linked = status == STRATA_OK;
        } else if (is_flat(out)) {
            out->part->flat = out->count >= LINKED_MIN;
        }
    }
    st_vector_scratch_give(merge->index, scratch);
    return status;
}

strata_status st_vector_merge_help(st_vector_merge *merge, uint32_t entries, bool *idle) {
    uint32_t done = 0;
    if (atomic_load_explicit(&merge->phase, memory_order_acquire) == ST_MERGE_LINK) {
        ST_TRY(link_both(merge, entries, &done));
    }
    *idle = done == 0;
    return STRATA_OK;
}

static void enter(st_vector_merge *merge, st_merge_phase next) {
    atomic_store_explicit(&merge->phase, next, memory_order_release);
}

static strata_status make_step(st_vector_merge *merge, uint32_t entries) {
    uint32_t linked = 0;
    bool all = false;
    switch ((st_merge_phase)atomic_load_explicit(&merge->phase, memory_order_relaxed)) {
    case ST_MERGE_NUMBER:
        ST_TRY(begin_copy(merge));
        enter(merge, ST_MERGE_COPY);
        break;
    case ST_MERGE_COPY:
        ST_TRY(copy_some(merge, entries, &all));
        ST_TRY(check_sources(merge));
        if (all) {
            enter(merge, ST_MERGE_TAKE);
        }
        break;
    case ST_MERGE_TAKE:
        ST_TRY(take_bases(merge));
        enter(merge, ST_MERGE_LINK);
        break;
    case ST_MERGE_LINK:
        ST_TRY(link_both(merge, entries, &linked));
        if (all_linked(merge)) {
            enter(merge, ST_MERGE_MEND);
        }
        break;
    case ST_MERGE_MEND:
        ST_TRY(mend(merge));
        enter(merge, ST_MERGE_DONE);
        break;
    case ST_MERGE_DONE:
        break;
    }
    return STRATA_OK;
}

strata_status st_vector_merge_step(st_vector_merge *merge, uint32_t entries, bool *done) {
    /* Linking takes long, and reads only what is made, which is not paged. */
    const bool reads = atomic_load_explicit(&merge->phase, memory_order_relaxed) < ST_MERGE_LINK;
    if (reads) {
        st_row_reader_enter(&merge->reader);
    }
    const strata_status status = make_step(merge, entries);
    if (reads) {
        st_row_reader_leave(&merge->reader);
    }
    *done = atomic_load_explicit(&merge->phase, memory_order_relaxed) == ST_MERGE_DONE;
    return status;
}

/* ---- Showing --------------------------------------------------------------------------------- */

static void reclaim_part(st_retired *retired) {
    st_part_destroy((st_part *)(void *)retired);
}

static bool is_source(const st_vector_merge *merge, const st_part *part) {
    bool found = false;
    for (uint32_t i = 0; i < merge->source_count && !found; i++) {
        found = merge->sources[i].part == part;
    }
    return found;
}

/* What ended since the rows were numbered. */
static void carry_ends(const st_merge_source *of, const st_vector_merge *merge) {
    st_part *part = merge->outputs[0].part;
    for (uint32_t row = 0; row < of->count; row++) {
        const uint64_t to = st_entry_to(st_part_entry(of->part, row));
        if (part != NULL && to != ST_VECTOR_FOREVER && of->rows[row] != ST_NO_NODE &&
            of->rows[row] % 2 == 0 &&
            st_entry_to(st_part_entry(part, of->rows[row] / 2)) == ST_VECTOR_FOREVER) {
            st_part_end(part, of->rows[row] / 2, to);
        }
    }
}

strata_status st_vector_merge_finish(st_vector_merge *merge) {
    st_vector_index *index = merge->index;
    const st_vector_view *old = st_vector_view_of(index);
    st_vector_view *view;
    uint32_t last = 0; /* the place behind the newest source */
    uint32_t count = 0;
    ST_ASSERT(merge->phase == ST_MERGE_DONE);
    for (uint32_t i = 0; i < old->count; i++) {
        last = is_source(merge, old->parts[i]) ? i + 1 : last;
    }
    ST_TRY(st_vector_view_create(&index->host->memory, old->count + 2, &view));
    for (uint32_t i = 0; i <= old->count; i++) {
        for (unsigned which = 2; which > 0 && i == last; which--) {
            if (merge->outputs[which - 1].part != NULL) {
                view->parts[count++] = merge->outputs[which - 1].part;
            }
        }
        if (i < old->count && !is_source(merge, old->parts[i])) {
            view->parts[count++] = old->parts[i];
        }
    }
    st_vector_view_cut(view, count);
    for (uint32_t i = 0; i < merge->source_count; i++) {
        carry_ends(&merge->sources[i], merge);
    }
    st_vector_view_show(index, view);
    for (uint32_t i = 0; i < merge->source_count; i++) {
        if (merge->saved) {
            st_part_file_abandon(merge->sources[i].part);
        }
        st_epoch_retire(index->epoch, &merge->sources[i].part->retired, reclaim_part);
    }
    merge->outputs[0].part = NULL;
    merge->outputs[1].part = NULL;
    return STRATA_OK;
}

void st_vector_merge_destroy(st_vector_merge *merge) {
    if (merge == NULL) {
        return;
    }
    const strata_allocator *memory = &merge->index->host->memory;
    for (uint32_t i = 0; i < merge->source_count; i++) {
        st_free(memory, merge->sources[i].rows,
                merge->sources[i].count * sizeof *merge->sources[i].rows);
    }
    st_part_destroy(merge->outputs[0].part);
    st_part_destroy(merge->outputs[1].part);
    st_row_reader_close(&merge->reader);
    merge->index->merging = false;
    st_free(memory, merge, merge_bytes(merge->source_count));
}
