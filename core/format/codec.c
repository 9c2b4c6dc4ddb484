/* codec.c - the identity and zstd codecs.
 *
 * Invariants:
 * 1. Encoded bytes are one zstd frame that states its content size and ends where the bytes end.
 *    The checksum is left to the frame around it (crc32c), so zstd's own is off.
 * 2. Encoded is always shorter than plain; what would not be is stored plain.
 * 3. The same plain bytes give the same encoded bytes on every host with the same zstd: the level
 *    is fixed and nothing depends on what was encoded before.
 * 4. Hostile bytes make it allocate no more than plain_max and zstd's fixed working memory; a size
 *    that so few bytes cannot unpack to is not believed.
 *
 * Level 1: on records of 0.5 to 2 KiB (Debian's package stanzas) it leaves 62.9 % at 106 MB/s on a
 * shared core of a small server, level 3 leaves 62.6 % at 84 MB/s. Below PLAIN_BYTES_MIN the header
 * of the frame and the first literals eat what is won.
 * zstd takes its working memory from the host through ZSTD_customMem, which only its static
 * interface offers; the contexts are made at the first use and kept, because a context costs more
 * than the compression of a small record.
 * Rejected: dictionaries; they pay for small records, but tie every block to a file of its own.
 */
#define ZSTD_STATIC_LINKING_ONLY
#include "format/codec.h"

#include <zstd.h>

enum { LEVEL = 1, PLAIN_BYTES_MIN = 512 };

/* A block of a frame takes four bytes at least, and holds this much at most (RFC 8878, 3.1.1.2). */
enum { BLOCK_ENCODED_MIN = 4, BLOCK_PLAIN_MAX = 128 << 10 };

/* The allocator of the host wants the size back; zstd does not keep it. */
typedef union block_header {
    size_t size;
    uint8_t align[16];
} block_header;

struct st_codec {
    const strata_allocator *allocator;
    strata_codec id;
    bool starved; /* an allocation failed since it was last cleared */
    ZSTD_CCtx *compressor;
    ZSTD_DCtx *decompressor;
};

static void *zstd_alloc(void *opaque, size_t size) {
    st_codec *codec = opaque;
    block_header *block = NULL;
    if (size <= SIZE_MAX - sizeof *block) {
        block = st_alloc(codec->allocator, sizeof *block + size);
    }
    if (block == NULL) {
        codec->starved = true;
        return NULL;
    }
    block->size = size;
    return block + 1;
}

static void zstd_free(void *opaque, void *address) {
    const st_codec *codec = opaque;
    if (address != NULL) {
        block_header *block = (block_header *)address - 1;
        st_free(codec->allocator, block, sizeof *block + block->size);
    }
}

strata_status st_codec_create(strata_codec id, const strata_host *host, st_codec **out) {
    if (st_codec_name(id) == NULL) {
        return STRATA_INVALID_ARGUMENT;
    }
    st_codec *codec = st_alloc_zeroed(&host->memory, sizeof *codec);
    if (codec == NULL) {
        return STRATA_NO_MEMORY;
    }
    codec->allocator = &host->memory;
    codec->id = id;
    *out = codec;
    return STRATA_OK;
}

void st_codec_destroy(st_codec *codec) {
    if (codec != NULL) {
        ZSTD_freeCCtx(codec->compressor);
        ZSTD_freeDCtx(codec->decompressor);
        st_free(codec->allocator, codec, sizeof *codec);
    }
}

static strata_status prepare_compressor(st_codec *codec) {
    if (codec->compressor != NULL) {
        return STRATA_OK;
    }
    codec->compressor = ZSTD_createCCtx_advanced((ZSTD_customMem){zstd_alloc, zstd_free, codec});
    if (codec->compressor == NULL) {
        return STRATA_NO_MEMORY;
    }
    const size_t set = ZSTD_CCtx_setParameter(codec->compressor, ZSTD_c_compressionLevel, LEVEL);
    ST_ASSERT(!ZSTD_isError(set));
    return STRATA_OK;
}

strata_status st_codec_encode(st_codec *codec, strata_slice plain, strata_buffer *out,
                              bool *encoded) {
    *encoded = false;
    if (codec->id == STRATA_CODEC_NONE || plain.len < PLAIN_BYTES_MIN) {
        return st_buffer_append(out, plain.data, plain.len);
    }
    ST_TRY(prepare_compressor(codec));
    ST_TRY(st_buffer_reserve(out, plain.len));
    codec->starved = false;
    /* One byte less than plain: what does not fit is not worth it. */
    const size_t size = ZSTD_compress2(codec->compressor, out->data + out->len, plain.len - 1,
                                       plain.data, plain.len);
    if (!ZSTD_isError(size)) {
        out->len += size;
        *encoded = true;
        return STRATA_OK;
    }
    return codec->starved ? STRATA_NO_MEMORY : st_buffer_append(out, plain.data, plain.len);
}

strata_status st_codec_frame(st_codec *codec, strata_slice plain, strata_buffer *out) {
    const size_t most = ZSTD_COMPRESSBOUND(plain.len);
    ST_ASSERT(codec->id == STRATA_CODEC_ZSTD && plain.len > 0 && most > 0);
    ST_TRY(prepare_compressor(codec));
    ST_TRY(st_buffer_reserve(out, most));
    const size_t size =
        ZSTD_compress2(codec->compressor, out->data + out->len, most, plain.data, plain.len);
    if (ZSTD_isError(size)) {
        return STRATA_NO_MEMORY; /* with room enough, nothing else can fail */
    }
    out->len += size;
    return STRATA_OK;
}

strata_status st_codec_decode(st_codec *codec, strata_slice bytes, size_t plain_max,
                              strata_buffer *out) {
    if (codec->id != STRATA_CODEC_ZSTD || bytes.len == 0) {
        return STRATA_CORRUPT;
    }
    const unsigned long long size = ZSTD_getFrameContentSize(bytes.data, bytes.len);
    if (size == 0 || size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ||
        size > plain_max ||
        size > ((uint64_t)bytes.len / BLOCK_ENCODED_MIN + 1) * BLOCK_PLAIN_MAX ||
        ZSTD_findFrameCompressedSize(bytes.data, bytes.len) != bytes.len) {
        return STRATA_CORRUPT;
    }
    if (codec->decompressor == NULL) {
        codec->decompressor =
            ZSTD_createDCtx_advanced((ZSTD_customMem){zstd_alloc, zstd_free, codec});
        if (codec->decompressor == NULL) {
            return STRATA_NO_MEMORY;
        }
    }
    ST_TRY(st_buffer_reserve(out, (size_t)size));
    codec->starved = false;
    const size_t got = ZSTD_decompressDCtx(codec->decompressor, out->data + out->len, (size_t)size,
                                           bytes.data, bytes.len);
    if (ZSTD_isError(got) || got != size) {
        return codec->starved ? STRATA_NO_MEMORY : STRATA_CORRUPT;
    }
    out->len += got;
    return STRATA_OK;
}

const char *st_codec_name(uint32_t id) {
    switch (id) {
    case STRATA_CODEC_NONE:
        return "none";
    case STRATA_CODEC_ZSTD:
        return "zstd";
    default:
        return NULL;
    }
}
