/* event_types.c - counting events by type, without a cost when they are appended.
 *
 * A run keeps a table of what it has counted, and up to which sequence. Asked for now, it counts on from
 * there; a log only grows, so what is counted stays true. Asked for the past, or inside a transaction,
 * it counts anew in a table that is thrown away.
 *
 * Invariants:
 * 1. The kept table is that of the events 1 to `known`, all of which readers have seen.
 * 2. types_lock is held while it is counted on; nothing that is locked besides waits for it.
 * 3. At most TYPES_KEPT types are kept: types are words of programs, and who makes millions of them
 *    pays with time, not with our memory.
 *
 * Rejected: counting at each append. It would cost every writer a look-up for what few ask.
 */
#include "model/event_types.h"

#include "base/hash.h"
#include "base/sort.h"
#include "model/event.h"

enum { TYPES_KEPT = 4096, SLOTS_FIRST = 64 };

struct st_event_counts {
    const strata_allocator *memory;
    st_arena names;
    st_event_type *types;
    size_t count;
    size_t slot_count; /* a power of two; three quarters of it is the room in types */
    uint32_t *slots;   /* place in types, and one; 0: free */
    uint64_t seed;
    uint64_t known;
};

static size_t room_of(size_t slot_count) {
    return slot_count / 4 * 3;
}

static st_event_counts *make_counts(const strata_host *host) {
    st_event_counts *counts = st_alloc_zeroed(&host->memory, sizeof *counts);
    if (counts == NULL) {
        return NULL;
    }
    counts->memory = &host->memory;
    st_arena_init(&counts->names, counts->memory, 0);
    if (host->entropy.fill == NULL ||
        host->entropy.fill(host->entropy.ctx, &counts->seed, sizeof counts->seed) != STRATA_OK) {
        counts->seed = 0;
    }
    return counts;
}

void st_event_counts_free(st_event_counts *counts) {
    if (counts == NULL) {
        return;
    }
    const strata_allocator *memory = counts->memory;
    st_free(memory, counts->types, room_of(counts->slot_count) * sizeof *counts->types);
    st_free(memory, counts->slots, counts->slot_count * sizeof *counts->slots);
    st_arena_free(&counts->names);
    st_free(memory, counts, sizeof *counts);
}

/* The slot of that type, or the free one where it belongs. */
static size_t seek(const st_event_counts *counts, strata_slice type) {
    const size_t mask = counts->slot_count - 1;
    size_t at = (size_t)st_hash_bytes(type, counts->seed) & mask;
    while (counts->slots[at] != 0 &&
           !st_slice_equal(counts->types[counts->slots[at] - 1].type, type)) {
        at = (at + 1) & mask;
    }
    return at;
}

static strata_status grow(st_event_counts *counts) {
    const size_t slot_count = counts->slot_count == 0 ? SLOTS_FIRST : counts->slot_count * 2;
    uint32_t *slots = st_alloc_zeroed(counts->memory, slot_count * sizeof *slots);
    if (slots == NULL) {
        return STRATA_NO_MEMORY;
    }
    st_event_type *types =
        st_resize(counts->memory, counts->types, room_of(counts->slot_count) * sizeof *types,
                  room_of(slot_count) * sizeof *types);
    if (types == NULL) {
        st_free(counts->memory, slots, slot_count * sizeof *slots);
        return STRATA_NO_MEMORY;
    }
    st_free(counts->memory, counts->slots, counts->slot_count * sizeof *slots);
    counts->types = types;
    counts->slots = slots;
    counts->slot_count = slot_count;
    for (size_t i = 0; i < counts->count; i++) {
        counts->slots[seek(counts, types[i].type)] = (uint32_t)i + 1;
    }
    return STRATA_OK;
}

static strata_status count_event(st_event_counts *counts, const st_event *event) {
    if (counts->count == room_of(counts->slot_count)) {
        ST_TRY(grow(counts));
    }
    const size_t slot = seek(counts, event->type);
    if (counts->slots[slot] == 0) {
        const strata_slice name = st_arena_copy(&counts->names, event->type);
        if (name.data == NULL) {
            return STRATA_NO_MEMORY;
        }
        counts->types[counts->count] = (st_event_type){
            .type = name, .first = event->sequence, .first_us = event->timestamp_us};
        counts->slots[slot] = (uint32_t)++counts->count;
    }
    st_event_type *type = &counts->types[counts->slots[slot] - 1];
    type->count++;
    type->last = event->sequence;
    type->last_us = event->timestamp_us;
    counts->known = event->sequence;
    return STRATA_OK;
}

static strata_status count_on(st_request *rq, const st_run *run, const st_when *when,
                              st_event_counts *counts) {
    st_scan *scan;
    ST_TRY(st_event_scan(rq, run, counts->known + 1, when, &scan));
    while (scan->here) {
        st_event event;
        ST_TRY(st_event_at(rq, scan, &event));
        if (count_event(counts, &event) != STRATA_OK) {
            return st_fail_memory(rq->error);
        }
        ST_TRY(st_scan_next(scan));
    }
    st_scan_end(scan);
    return STRATA_OK;
}

static int by_type(const void *a, const void *b) {
    return st_slice_compare(((const st_event_type *)a)->type, ((const st_event_type *)b)->type);
}

static strata_status copy_out(st_request *rq, const st_event_counts *counts, st_event_type **types,
                              size_t *count) {
    *count = counts->count;
    *types = st_arena_alloc(rq->arena, counts->count * sizeof **types + 1, 8);
    if (*types == NULL) {
        return st_fail_memory(rq->error);
    }
    for (size_t i = 0; i < counts->count; i++) {
        (*types)[i] = counts->types[i];
        (*types)[i].type = st_arena_copy(rq->arena, counts->types[i].type);
        if ((*types)[i].type.data == NULL) {
            return st_fail_memory(rq->error);
        }
    }
    st_sort(*types, *count, sizeof **types, by_type);
    return STRATA_OK;
}

static strata_status count_now(st_request *rq, st_run *run, const st_when *when,
                               st_event_type **types, size_t *count) {
    if (run->event_counts == NULL) {
        run->event_counts = make_counts(rq->model->host);
    }
    if (run->event_counts == NULL) {
        return st_fail_memory(rq->error);
    }
    strata_status status = count_on(rq, run, when, run->event_counts);
    if (status == STRATA_OK) {
        status = copy_out(rq, run->event_counts, types, count);
    }
    if (run->event_counts->count > TYPES_KEPT) {
        st_event_counts_free(run->event_counts);
        run->event_counts = NULL;
    }
    return status;
}

strata_status st_event_types(st_request *rq, st_run *run, const st_when *when,
                             st_event_type **types, size_t *count) {
    const st_when now = st_now();
    if (rq->txn == NULL && when->version == now.version && when->time_us == now.time_us) {
        st_mutex_lock(&run->types_lock, &rq->model->host->executor);
        const strata_status status = count_now(rq, run, when, types, count);
        st_mutex_unlock(&run->types_lock, &rq->model->host->executor);
        return status;
    }
    st_event_counts *counts = make_counts(rq->model->host);
    if (counts == NULL) {
        return st_fail_memory(rq->error);
    }
    strata_status status = count_on(rq, run, when, counts);
    if (status == STRATA_OK) {
        status = copy_out(rq, counts, types, count);
    }
    st_event_counts_free(counts);
    return status;
}
