/* block_decoder.h - decoders of blocks, lent to one reader at a time.
 *
 * A codec is for one thread; readers are many. They borrow one for the length of a decode.
 * Threads: any, at any time; init and free belong to one.
 */
#ifndef ST_STORE_TABLE_BLOCK_DECODER_H
#define ST_STORE_TABLE_BLOCK_DECODER_H

#include "base/sync.h"
#include "format/codec.h"

typedef struct st_decoder {
    struct st_decoder *next;
    strata_codec id;
    st_codec *codec;
    strata_buffer stored; /* room for the encoded bytes; empty when borrowed */
} st_decoder;

typedef struct st_decoder_pool {
    const strata_host *host;
    st_mutex lock;
    st_decoder *idle;
    size_t idle_count;
} st_decoder_pool;

void st_decoder_pool_init(st_decoder_pool *pool, const strata_host *host);
/* All were given back. */
void st_decoder_pool_free(st_decoder_pool *pool);

/* Errors: no_memory, invalid_argument (an unknown codec). */
strata_status st_decoder_borrow(st_decoder_pool *pool, strata_codec id,
                                st_decoder **decoder) STRATA_MUST_USE;
void st_decoder_return(st_decoder_pool *pool, st_decoder *decoder);

#endif
