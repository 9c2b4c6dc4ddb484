/* row_pool.h - how much memory the vector indexes of a database take together, for what they also have in files.
 *
 * A part that fits is granted its memory, and keeps it. Rows of one that does not are paged: their chunks share what is
 * left, go when others are needed more, and are read again. Who reads paged rows does so as a reader of the pool; what
 * it has found stays until it rests or leaves.
 *
 * Threads: a reader belongs to one; everything else but init and free to any.
 */
#ifndef ST_INDEX_VECTOR_ROW_POOL_H
#define ST_INDEX_VECTOR_ROW_POOL_H

#include "base/epoch.h"
#include "base/memory.h"

struct st_rows;

/* A chunk of paged rows; its bytes lie behind it. */
typedef struct st_paged_chunk {
    st_retired retired; /* first: what is retired is the chunk */
    struct st_row_pool *pool;
    struct st_paged_chunk *older; /* in its queue; NULL: it is the first to go */
    struct st_paged_chunk *newer;
    const struct st_rows *rows;
    uint32_t chunk;
    uint32_t size; /* with this header */
    bool cooling;
} st_paged_chunk;

typedef struct st_chunk_queue {
    st_paged_chunk *oldest;
    st_paged_chunk *newest;
    uint64_t bytes;
} st_chunk_queue;

typedef struct st_row_pool {
    const strata_host *host;
    uint64_t budget;
    st_epoch epoch; /* of readers of paged rows */
    st_mutex lock;  /* the queues, and which chunks of paged rows there are */
    st_chunk_queue hot;
    st_chunk_queue cooling;
    _Atomic uint64_t granted; /* to parts that are not paged */
    _Atomic uint64_t refused; /* to parts that are */
    _Atomic uint64_t waiting; /* of chunks that have gone, and that a reader may still look at */
    _Atomic uint64_t loads;   /* of chunks, since init */
} st_row_pool;

void st_row_pool_init(st_row_pool *pool, const strata_host *host, uint64_t budget);
/* Nobody reads, and no rows are of it any more. */
void st_row_pool_free(st_row_pool *pool);

/* Whether there is memory for a part of so many bytes, if others, of `instead_of`, go soon. */
bool st_row_pool_grant(st_row_pool *pool, uint64_t bytes, uint64_t instead_of);
/* The same, whether there is or not. */
void st_row_pool_take(st_row_pool *pool, uint64_t bytes);
void st_row_pool_give_back(st_row_pool *pool, uint64_t bytes);
/* There is a part of so many bytes that is paged; it is there no more. */
void st_row_pool_refuse(st_row_pool *pool, uint64_t bytes);
void st_row_pool_forget(st_row_pool *pool, uint64_t bytes);
/* What parts have, or will have when all was read that there is room for. */
uint64_t st_row_pool_claim(const st_row_pool *pool);

typedef struct st_row_pool_stats {
    uint64_t granted;
    uint64_t paged;   /* bytes of chunks that are there */
    uint64_t waiting; /* of chunks that are still to be freed */
    uint64_t loads;
} st_row_pool_stats;

void st_row_pool_read_stats(st_row_pool *pool, st_row_pool_stats *stats);

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct st_row_reader {
    st_row_pool *pool; /* NULL: nothing that it reads is paged */
    bool inside;       /* between enter and leave */
    st_epoch_slot slot;
} st_row_reader;

/* pool: borrowed until close; may be NULL. The reader does not move meanwhile. */
void st_row_reader_open(st_row_reader *reader, st_row_pool *pool);
void st_row_reader_close(st_row_reader *reader);

/* Rows are read between enter and leave; neither is nested. */
static inline void st_row_reader_enter(st_row_reader *reader) {
    if (reader->pool != NULL) {
        reader->inside = true;
        st_epoch_enter(&reader->pool->epoch, &reader->slot);
    }
}
static inline void st_row_reader_leave(st_row_reader *reader) {
    if (reader->pool != NULL) {
        st_epoch_leave(&reader->slot);
        reader->inside = false;
    }
}
/* Here the reader looks at no row that it found before: those may go now. NULL is fine, and one that is not inside, as
 * where links are made in a part that is not paged. Cost: two loads, as long as no chunk waits for readers. */
static inline void st_row_reader_rest(st_row_reader *reader) {
    if (reader != NULL && reader->inside &&
        atomic_load_explicit(&reader->pool->waiting, memory_order_relaxed) > 0) {
        st_epoch_enter(&reader->pool->epoch, &reader->slot);
    }
}

/* ---- Of rows.c ------------------------------------------------------------------------------- */

/* Memory for a chunk of so many bytes, not cleared; if there is none, others go for it. NULL: that did not help. */
st_paged_chunk *st_paged_chunk_create(st_row_pool *pool, size_t bytes);
/* One that was never shown. */
void st_paged_chunk_free(st_paged_chunk *chunk);
/* Aligned to 64 bytes. */
uint8_t *st_paged_chunk_bytes(st_paged_chunk *chunk);

/* The bytes of a chunk that is there, also if it is about to go; NULL: it is not. */
uint8_t *st_row_pool_find(st_row_pool *pool, const struct st_rows *rows, uint32_t chunk);
/* Readers see what was made, unless it is there by now: then that is freed. Others go, as the budget wants it. Returns
 * the bytes of the one that is there. */
uint8_t *st_row_pool_show(const struct st_rows *rows, uint32_t chunk, st_paged_chunk *made);
/* All chunks of rows that nobody reads any more are freed. */
void st_row_pool_drop(st_row_pool *pool, const struct st_rows *rows);

#endif
