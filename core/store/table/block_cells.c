/* block_cells.c - extents of cells, each with its free ones.
 *
 * Loaded blocks are nearly all of one size, so memory for them needs no general allocator: in cells
 * it does not fragment, and what the cache says that it uses is what it uses. Extents of 2 MiB come
 * from huge pages where the host has them. That matters more than it seems: on a virtual machine a
 * miss of the translation buffer walks two page tables, and a get in blocks that are spread over
 * small pages has two; single keys are found a fifth to a quarter faster in huge ones.
 *
 * Invariants
 * 1. used is the sum of the extents' used, room that of their count; at most one extent is empty.
 * 2. Cells are taken from the first extent that has one, so that the last ones run dry.
 * The allocator is called under the lock, once for some 255 cells.
 *
 * Rejected: giving pages inside of an extent back to the system; no host function says so.
 */
#include "store/table/block_cells.h"

enum { LARGE_BYTES = 2 << 20, SMALL_BYTES = 64 << 10, ALIGN = 64, EXTENTS_MIN = 8 };

typedef struct st_free_cell {
    struct st_free_cell *next;
} st_free_cell;

void st_cells_init(st_cells *cells, const strata_host *host) {
    memset(cells, 0, sizeof *cells);
    cells->host = host;
    st_mutex_init(&cells->lock);
}

void st_cells_free(st_cells *cells) {
    const strata_allocator *memory = &cells->host->memory;
    ST_ASSERT(cells->used == 0);
    for (size_t i = 0; i < cells->count; i++) {
        st_free(memory, cells->extents[i].memory, cells->extents[i].size);
    }
    st_free(memory, cells->extents, cells->cap * sizeof *cells->extents);
    st_cells_init(cells, cells->host);
}

/* ---- Extents, under the lock ----------------------------------------------------------------- */

static bool reserve_extent(st_cells *cells) {
    if (cells->count < cells->cap) {
        return true;
    }
    const size_t cap = cells->cap == 0 ? EXTENTS_MIN : cells->cap * 2;
    st_cell_extent *extents = st_resize(&cells->host->memory, cells->extents,
                                        cells->cap * sizeof *extents, cap * sizeof *extents);
    if (extents == NULL) {
        return false;
    }
    cells->extents = extents;
    cells->cap = cap;
    return true;
}

/* The first extent whose memory begins after that address. */
static size_t place_of(const st_cells *cells, const uint8_t *address) {
    size_t low = 0;
    for (size_t high = cells->count; low < high;) {
        const size_t middle = low + (high - low) / 2;
        if ((uintptr_t)cells->extents[middle].memory <= (uintptr_t)address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static st_cell_extent *add_extent(st_cells *cells, bool large) {
    const uint32_t size = large ? LARGE_BYTES : SMALL_BYTES;
    if (!reserve_extent(cells)) {
        return NULL;
    }
    uint8_t *memory = st_alloc(&cells->host->memory, size);
    if (memory == NULL) {
        return NULL;
    }
    const size_t place = place_of(cells, memory);
    st_cell_extent *extent = &cells->extents[place];
    memmove(extent + 1, extent, (cells->count - place) * sizeof *extent);
    const uint32_t before = (uint32_t)(-(uintptr_t)memory & (ALIGN - 1));
    *extent = (st_cell_extent){.memory = memory,
                               .cells = memory + before,
                               .size = size,
                               .count = (size - before) / ST_CELL_BYTES};
    cells->count++;
    cells->room += extent->count;
    return extent;
}

static void remove_extent(st_cells *cells, size_t place) {
    st_cell_extent *extent = &cells->extents[place];
    st_free(&cells->host->memory, extent->memory, extent->size);
    cells->room -= extent->count;
    cells->count--;
    memmove(extent, extent + 1, (cells->count - place) * sizeof *extent);
}

/* ---- Cells ----------------------------------------------------------------------------------- */

static st_cell_extent *extent_with_room(st_cells *cells) {
    for (size_t i = 0; i < cells->count; i++) {
        if (cells->extents[i].used < cells->extents[i].count) {
            return &cells->extents[i];
        }
    }
    return NULL;
}

uint8_t *st_cells_take(st_cells *cells, bool large) {
    uint8_t *cell = NULL;
    st_mutex_lock(&cells->lock, &cells->host->executor);
    st_cell_extent *extent =
        cells->used < cells->room ? extent_with_room(cells) : add_extent(cells, large);
    if (extent != NULL) {
        if (extent->free != NULL) {
            cell = (uint8_t *)extent->free;
            extent->free = extent->free->next;
        } else {
            cell = extent->cells + (size_t)extent->made++ * ST_CELL_BYTES;
        }
        extent->used++;
        cells->used++;
    }
    st_mutex_unlock(&cells->lock, &cells->host->executor);
    return cell;
}

void st_cells_give(st_cells *cells, uint8_t *cell) {
    st_free_cell *freed = (st_free_cell *)(void *)cell;
    st_mutex_lock(&cells->lock, &cells->host->executor);
    const size_t place = place_of(cells, cell);
    ST_ASSERT(place > 0);
    st_cell_extent *extent = &cells->extents[place - 1];
    freed->next = extent->free;
    extent->free = freed;
    extent->used--;
    cells->used--;
    /* An empty one is kept for the next to come, but not two. */
    if (extent->used == 0 && cells->room - cells->used >= 2 * (size_t)extent->count) {
        remove_extent(cells, place - 1);
    }
    st_mutex_unlock(&cells->lock, &cells->host->executor);
}

bool st_cells_sparse(st_cells *cells, const uint8_t **begin, const uint8_t **end) {
    const st_cell_extent *sparsest = NULL;
    st_mutex_lock(&cells->lock, &cells->host->executor);
    for (size_t i = 0; i < cells->count; i++) {
        const st_cell_extent *extent = &cells->extents[i];
        if (sparsest == NULL || extent->used < sparsest->used) {
            sparsest = extent;
        }
    }
    const bool found = sparsest != NULL && sparsest->used > 0 &&
                       cells->room - cells->used >= 2 * (size_t)sparsest->count;
    if (found) {
        *begin = sparsest->cells;
        *end = sparsest->cells + (size_t)sparsest->count * ST_CELL_BYTES;
    }
    st_mutex_unlock(&cells->lock, &cells->host->executor);
    return found;
}
