/* block_decoder.c - a short list of idle decoders under a mutex.
 *
 * zstd's context takes about 100 KB, so a decoder per table would cost more than its index; a
 * decoder per thread is not known to a library that makes no threads. As decoding happens on a
 * cache miss only, as many decoders are in use at once as threads miss at once: few. The mutex is
 * held for a few loads, never while something is decoded or allocated.
 *
 * Invariants: a decoder is in the list or with one borrower; the list has at most IDLE_MAX, and
 * none of them keeps more than STORED_KEPT_BYTES for encoded bytes, whatever value passed through.
 */
#include "store/table/block_decoder.h"

enum { IDLE_MAX = 4, STORED_KEPT_BYTES = 256 << 10 };

void st_decoder_pool_init(st_decoder_pool *pool, const strata_host *host) {
    pool->host = host;
    st_mutex_init(&pool->lock);
    pool->idle = NULL;
    pool->idle_count = 0;
}

static void decoder_free(const strata_host *host, st_decoder *decoder) {
    st_codec_destroy(decoder->codec);
    strata_buffer_free(&decoder->stored);
    st_free(&host->memory, decoder, sizeof *decoder);
}

void st_decoder_pool_free(st_decoder_pool *pool) {
    while (pool->idle != NULL) {
        st_decoder *decoder = pool->idle;
        pool->idle = decoder->next;
        decoder_free(pool->host, decoder);
    }
    pool->idle_count = 0;
}

static st_decoder *take_idle(st_decoder_pool *pool, strata_codec id) {
    st_mutex_lock(&pool->lock, &pool->host->executor);
    st_decoder **link = &pool->idle;
    while (*link != NULL && (*link)->id != id) {
        link = &(*link)->next;
    }
    st_decoder *decoder = *link;
    if (decoder != NULL) {
        *link = decoder->next;
        pool->idle_count--;
    }
    st_mutex_unlock(&pool->lock, &pool->host->executor);
    return decoder;
}

strata_status st_decoder_borrow(st_decoder_pool *pool, strata_codec id, st_decoder **decoder) {
    st_decoder *made = take_idle(pool, id);
    if (made == NULL) {
        made = st_alloc_zeroed(&pool->host->memory, sizeof *made);
        if (made == NULL) {
            return STRATA_NO_MEMORY;
        }
        made->id = id;
        made->stored.host = pool->host;
        const strata_status status = st_codec_create(id, pool->host, &made->codec);
        if (status != STRATA_OK) {
            st_free(&pool->host->memory, made, sizeof *made);
            return status;
        }
    }
    *decoder = made;
    return STRATA_OK;
}

void st_decoder_return(st_decoder_pool *pool, st_decoder *decoder) {
    decoder->stored.len = 0;
    if (decoder->stored.cap > STORED_KEPT_BYTES) {
        strata_buffer_free(&decoder->stored);
    }
    st_mutex_lock(&pool->lock, &pool->host->executor);
    const bool keep = pool->idle_count < IDLE_MAX;
    if (keep) {
        decoder->next = pool->idle;
        pool->idle = decoder;
        pool->idle_count++;
    }
    st_mutex_unlock(&pool->lock, &pool->host->executor);
    if (!keep) {
        decoder_free(pool->host, decoder);
    }
}
