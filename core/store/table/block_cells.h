/* block_cells.h - memory for loaded blocks: cells of one size, in extents.
 *
 * Threads: any, at any time; init and free belong to one.
 */
#ifndef ST_STORE_TABLE_BLOCK_CELLS_H
#define ST_STORE_TABLE_BLOCK_CELLS_H

#include "base/memory.h"
#include "base/sync.h"

/* What a block that a table's builder ends where it wants to takes at most, once loaded. */
enum { ST_CELL_BYTES = 8 << 10 };

typedef struct st_cell_extent {
    uint8_t *memory;
    uint8_t *cells; /* the first one; a multiple of 64 */
    uint32_t size;  /* of the memory */
    uint32_t count;
    uint32_t used;
    uint32_t made;             /* cells from here on were never used */
    struct st_free_cell *free; /* of those before */
} st_cell_extent;

typedef struct st_cells {
    const strata_host *host;
    st_mutex lock;
    st_cell_extent *extents; /* in the order of their addresses */
    size_t count;
    size_t cap;
    size_t used; /* cells */
    size_t room; /* cells of all extents */
} st_cells;

void st_cells_init(st_cells *cells, const strata_host *host);
/* Every cell was given back. */
void st_cells_free(st_cells *cells);

/* A cell, not cleared, at a multiple of 64; NULL when there is no memory. large: a new extent may be
 * large, as much memory will be used. */
uint8_t *st_cells_take(st_cells *cells, bool large);
void st_cells_give(st_cells *cells, uint8_t *cell);

/* Where the cells are of an extent whose end would give memory back, as the others have room for all
 * that is in it; false: there is none. */
bool st_cells_sparse(st_cells *cells, const uint8_t **begin, const uint8_t **end);

#endif
