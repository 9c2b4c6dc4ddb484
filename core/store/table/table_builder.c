/* table_builder.c - writing a table; the layout is in table_file.h, block.h and table_index.h.
 *
 * Entries go into a block; a full block becomes a frame in a buffer, and a full buffer is appended
 * to the file. What grows with the table is the index, about 25 bytes a block, and the hashes of
 * the keys, 8 bytes each, from which the filter is made when their number is known.
 *
 * Invariants
 * 1. The file is appended to, in pieces of at least WRITE_BYTES, and synced once, at the end. Until
 *    then nothing names it, so a crash leaves an orphan, which opening removes.
 * 2. The bytes are a function of the entries, the number, the uuid and the codec alone.
 * 3. After a failure nothing is written any more, and destroy removes the file; if the file was
 *    there before, it is not ours and stays.
 * Rejected: a filter that grows with the keys; it is either twice too large or built twice.
 */
#include "store/table/table_file.h"
#include "store/table/table_index.h"

#include "store/table/filter.h"

enum {
    WRITE_BYTES = 256 << 10,
    /* Of encoded values; longer ones are rare and give their memory back. */
    KEPT_BYTES = 1 << 20,
    HASHES_IN_CHUNK = 4096,
    /* Of a value, looked at before it is packed. */
    SAMPLE_PIECES = 16,
    PIECE_BYTES = 64,
    SAMPLE_BYTES = SAMPLE_PIECES * PIECE_BYTES,
};

typedef struct hash_chunk {
    struct hash_chunk *older;
    size_t count;
    uint64_t hashes[HASHES_IN_CHUNK];
} hash_chunk;

struct st_table_builder {
    st_table_spec spec;
    uint32_t seed;
    strata_file *file; /* NULL: closed */
    bool exists;       /* and is ours to remove */
    strata_status failed;
    st_codec *codec;
    uint64_t written;   /* bytes of the file */
    strata_buffer out;  /* that follow */
    strata_buffer work; /* a plain block, or an encoded value */
    st_block_builder block;
    uint64_t block_from; /* the end of the last block of entries */
    st_index_builder index;
    hash_chunk *hashes;
    st_spans spans;
    uint64_t values;
    uint64_t last_number;
    size_t first_len;
    size_t last_len;
    size_t separator_len;
    uint64_t separator_version;
    bool continues; /* the block begins with the key that the one before ended with */
    uint8_t first_key[ST_TABLE_KEY_MAX];
    uint8_t last_key[ST_TABLE_KEY_MAX];
    uint8_t separator[ST_TABLE_KEY_MAX]; /* before the block */
};

static strata_status fail(st_table_builder *b, strata_status status, strata_error *error) {
    b->failed = status;
    return st_fail(error, status, "%s/DATA/tab-%u.tab could not be written (%s)", b->spec.path,
                   b->spec.number, strata_status_name(status));
}

/* ---- Beginning and end ----------------------------------------------------------------------- */

strata_status st_table_builder_create(const st_table_spec *spec, st_table_builder **builder,
                                      strata_error *error) {
    const strata_storage *storage = &spec->host->storage;
    uint8_t header[ST_TABLE_HEADER_BYTES];
    char name[ST_FILE_NAME_MAX + 1024];
    st_table_builder *b = st_alloc_zeroed(&spec->host->memory, sizeof *b);
    if (b == NULL) {
        return st_fail_memory(error);
    }
    b->spec = *spec;
    b->seed = st_frame_seed(spec->uuid, spec->number);
    b->out.host = spec->host;
    b->work.host = spec->host;
    b->block_from = ST_TABLE_HEADER_BYTES;
    st_block_builder_init(&b->block, spec->host);
    st_index_builder_init(&b->index, spec->host);
    st_spans_init(&b->spans);
    st_table_header_encode(spec, header);
    st_table_name(name, sizeof name, spec->path, spec->number);
    strata_status status = st_codec_create(spec->codec, spec->host, &b->codec);
    if (status == STRATA_OK) {
        status = st_buffer_append(&b->out, header, sizeof header);
    }
    if (status == STRATA_OK) {
        status =
            storage->open(storage->ctx, name,
                          STRATA_FILE_WRITE | STRATA_FILE_CREATE | STRATA_FILE_EXCLUSIVE, &b->file);
        b->exists = status == STRATA_OK;
    }
    if (status != STRATA_OK) {
        status = fail(b, status, error);
        st_table_builder_destroy(b);
        return status;
    }
    *builder = b;
    return STRATA_OK;
}

static strata_status close_file(st_table_builder *b) {
    const strata_storage *storage = &b->spec.host->storage;
    strata_file *file = b->file;
    b->file = NULL;
    return file == NULL ? STRATA_OK : storage->close(storage->ctx, file);
}

void st_table_builder_destroy(st_table_builder *b) {
    if (b == NULL) {
        return;
    }
    const strata_host *host = b->spec.host;
    (void)close_file(b);
    if (b->exists) {
        char name[ST_FILE_NAME_MAX + 1024];
        st_table_name(name, sizeof name, b->spec.path, b->spec.number);
        (void)host->storage.remove(host->storage.ctx, name);
    }
    while (b->hashes != NULL) {
        hash_chunk *older = b->hashes->older;
        st_free(&host->memory, b->hashes, sizeof *b->hashes);
        b->hashes = older;
    }
    st_codec_destroy(b->codec);
    st_block_builder_free(&b->block);
    st_index_builder_free(&b->index);
    strata_buffer_free(&b->out);
    strata_buffer_free(&b->work);
    st_free(&host->memory, b, sizeof *b);
}

/* ---- Frames ---------------------------------------------------------------------------------- */

/* Offset in the file of what is written next. */
static uint64_t offset_of(const st_table_builder *b) {
    return b->written + b->out.len;
}

static strata_status append(st_table_builder *b, const void *data, size_t len) {
    const strata_storage *storage = &b->spec.host->storage;
    ST_TRY(storage->append(storage->ctx, b->file, data, len));
    b->written += len;
    return STRATA_OK;
}

static strata_status flush(st_table_builder *b) {
    if (b->out.len > 0) {
        ST_TRY(append(b, b->out.data, b->out.len));
        b->out.len = 0;
    }
    return STRATA_OK;
}

/* Writes a frame around the bytes, which pass through the codec, unless they are short values: of
 * those only noise comes here. *frame: where and what it is. */
static strata_status put_frame(st_table_builder *b, st_frame_kind kind, strata_slice plain,
                               st_table_frame *frame) {
    const uint64_t offset = offset_of(b);
    const size_t at = b->out.len;
    const bool packed = kind != ST_FRAME_VALUE || plain.len > ST_VALUE_PACKED_BYTES;
    bool encoded = false;
    ST_ASSERT(plain.len > 0 && plain.len <= ST_FRAME_PAYLOAD_MAX);
    ST_TRY(st_buffer_reserve(&b->out, ST_FRAME_BYTES + plain.len));
    b->out.len += ST_FRAME_BYTES;
    strata_status status = packed ? st_codec_encode(b->codec, plain, &b->out, &encoded)
                                  : st_buffer_append(&b->out, plain.data, plain.len);
    if (status != STRATA_OK) {
        b->out.len = at;
        return status;
    }
    uint8_t *const head = b->out.data + at;
    const uint32_t stored_len = (uint32_t)(b->out.len - at - ST_FRAME_BYTES);
    const st_frame fields = {stored_len, encoded, kind};
    st_frame_seal(head, &fields, head + ST_FRAME_BYTES, b->seed, offset);
    *frame = (st_table_frame){offset, stored_len, (uint32_t)plain.len, encoded, kind};
    return b->out.len < WRITE_BYTES ? STRATA_OK : flush(b);
}

/* The same for a value, which may be long: it is not copied to be written, and what it took to
 * encode it is given back. */
static strata_status put_value(st_table_builder *b, strata_slice value, st_table_frame *frame) {
    uint8_t head[ST_FRAME_BYTES];
    if (value.len < WRITE_BYTES) {
        return put_frame(b, ST_FRAME_VALUE, value, frame);
    }
    ST_ASSERT(value.len <= ST_FRAME_PAYLOAD_MAX);
    const uint64_t offset = offset_of(b);
    strata_slice stored = value;
    bool encoded = false;
    if (b->spec.codec != STRATA_CODEC_NONE) {
        b->work.len = 0;
        ST_TRY(st_codec_encode(b->codec, value, &b->work, &encoded));
        stored = st_buffer_slice(&b->work);
    }
    const st_frame fields = {(uint32_t)stored.len, encoded, ST_FRAME_VALUE};
    st_frame_seal(head, &fields, stored.data, b->seed, offset);
    *frame = (st_table_frame){offset, (uint32_t)stored.len, (uint32_t)value.len, encoded,
                              ST_FRAME_VALUE};
    ST_TRY(st_buffer_append(&b->out, head, sizeof head));
    ST_TRY(flush(b));
    ST_TRY(append(b, stored.data, stored.len));
    if (b->work.cap > KEPT_BYTES) {
        strata_buffer_free(&b->work);
    }
    return STRATA_OK;
}

/* Puts the block of entries, if it has any, into the file and the index. */
static strata_status end_block(st_table_builder *b) {
    if (st_block_builder_bytes(&b->block) == 0) {
        return STRATA_OK;
    }
    st_index_add add = {.spans = &b->block.spans,
                        .heads = b->block.heads,
                        .separator = st_slice(b->separator, b->separator_len),
                        .continues = b->continues,
                        .separator_version = b->separator_version};
    b->work.len = 0;
    ST_TRY(st_block_builder_finish(&b->block, &b->work));
    ST_TRY(put_frame(b, ST_FRAME_ENTRIES, st_buffer_slice(&b->work), &add.frame));
    add.apart_bytes = add.frame.offset - b->block_from;
    b->block_from = add.frame.offset + ST_FRAME_BYTES + add.frame.stored_len;
    return st_index_builder_add(&b->index, &add);
}

/* ---- Adding ---------------------------------------------------------------------------------- */

static strata_status add_hash(st_table_builder *b, uint64_t hash) {
    if (b->hashes == NULL || b->hashes->count == HASHES_IN_CHUNK) {
        hash_chunk *chunk = st_alloc(&b->spec.host->memory, sizeof *chunk);
        if (chunk == NULL) {
            return STRATA_NO_MEMORY;
        }
        chunk->older = b->hashes;
        chunk->count = 0;
        b->hashes = chunk;
    }
    b->hashes->hashes[b->hashes->count++] = hash;
    return STRATA_OK;
}

static size_t shared_with_last(const st_table_builder *b, strata_slice key) {
    const uint8_t *const bytes = key.data;
    const size_t most = st_min(key.len, b->last_len);
    size_t shared = 0;
    while (shared < most && bytes[shared] == b->last_key[shared]) {
        shared++;
    }
    return shared;
}

/* What stands between the last entry and this one, which begins a block. */
static void begin_block(st_table_builder *b, strata_slice key, size_t shared, bool same_key) {
    b->continues = same_key;
    b->separator_len = b->spans.entries == 0 ? 0 : same_key ? key.len : shared + 1;
    b->separator_version = same_key ? b->last_number - 1 : UINT64_MAX;
    memcpy(b->separator, key.data, b->separator_len);
}

/* Whether a codec finds little in a value: in a sample of n bytes fewer than n * n / 90 pairs are equal,
 * and some are not ASCII. Of text n * n / 63 pairs are (of a hundredth n * n / 71), of embeddings in
 * float n * n / 111 to 189, of noise n * n / 512; base64, at 110, is packed by a quarter. */
static bool is_noise(strata_slice value) {
    uint16_t counts[256] = {0};
    uint32_t pairs = 0;
    unsigned high = 0;
    for (size_t i = 0; i < SAMPLE_PIECES; i++) {
        const uint8_t *const piece =
            (const uint8_t *)value.data + (value.len - PIECE_BYTES) / (SAMPLE_PIECES - 1) * i;
        for (size_t j = 0; j < PIECE_BYTES; j++) {
            pairs += counts[piece[j]]++;
            high += piece[j] >> 7;
        }
    }
    return pairs < SAMPLE_BYTES * SAMPLE_BYTES / 90 && high > SAMPLE_BYTES / 8;
}

static bool is_kept_apart(strata_slice value) {
    return value.len > ST_VALUE_APART_BYTES &&
           (value.len > ST_VALUE_PACKED_BYTES || is_noise(value));
}

static strata_status add_entry(st_table_builder *b, st_block_add *add) {
    const st_revision *revision = add->revision;
    const bool apart = is_kept_apart(revision->value);
    if (st_block_builder_is_full(&b->block, add->key.len, revision, apart)) {
        ST_TRY(end_block(b));
    }
    if (apart) {
        st_table_frame frame;
        ST_TRY(put_value(b, revision->value, &frame));
        add->apart = (st_apart){frame.offset - b->block_from, frame.stored_len, frame.plain_len,
                                frame.encoded};
        b->values++;
    }
    if (st_block_builder_bytes(&b->block) == 0) {
        begin_block(b, add->key, add->shared, add->same_key);
    }
    if (!add->same_key) {
        ST_TRY(add_hash(b, st_table_hash(add->key)));
    }
    return st_block_builder_add(&b->block, add);
}

strata_status st_table_builder_add(st_table_builder *b, strata_slice key,
                                   const st_revision *revision, strata_error *error) {
    if (b->failed != STRATA_OK) {
        return fail(b, b->failed, error);
    }
    ST_ASSERT(key.len > 8 && key.len <= ST_TABLE_KEY_MAX &&
              st_key_well_formed(st_slice((const uint8_t *)key.data + 8, key.len - 8)));
    ST_ASSERT(revision->number > 0);
    const bool first = b->spans.entries == 0;
    const size_t shared = shared_with_last(b, key);
    const bool same_key = !first && shared == key.len && shared == b->last_len;
    /* In order: the key is the same and older, or the first byte that differs is larger. */
    ST_ASSERT(first || (same_key ? revision->number < b->last_number
                                 : shared < key.len && (shared == b->last_len ||
                                                        ((const uint8_t *)key.data)[shared] >
                                                            b->last_key[shared])));
    st_block_add add = {.key = key, .shared = shared, .same_key = same_key, .revision = revision};
    const strata_status status = add_entry(b, &add);
    if (status != STRATA_OK) {
        return fail(b, status, error);
    }
    if (first) {
        memcpy(b->first_key, key.data, key.len);
        b->first_len = key.len;
    }
    memcpy(b->last_key + shared, (const uint8_t *)key.data + shared, key.len - shared);
    b->last_len = key.len;
    b->last_number = revision->number;
    st_spans_add(&b->spans, revision, !same_key);
    return STRATA_OK;
}

uint64_t st_table_builder_bytes(const st_table_builder *b) {
    return offset_of(b) + st_block_builder_bytes(&b->block);
}

/* ---- Finishing ------------------------------------------------------------------------------- */

static strata_status put_filter(st_table_builder *b, st_table_frame *frame) {
    const size_t bytes = st_filter_bytes(b->spans.keys, ST_FRAME_PAYLOAD_MAX);
    b->work.len = 0;
    ST_TRY(st_buffer_reserve(&b->work, bytes));
    memset(b->work.data, 0, bytes);
    for (const hash_chunk *chunk = b->hashes; chunk != NULL; chunk = chunk->older) {
        for (size_t i = 0; i < chunk->count; i++) {
            st_filter_add(b->work.data, bytes, chunk->hashes[i]);
        }
    }
    return put_frame(b, ST_FRAME_FILTER, st_slice(b->work.data, bytes), frame);
}

static strata_status put_properties(st_table_builder *b, st_table_frame *frame) {
    const st_table_properties properties = {.spans = b->spans,
                                            .blocks = b->index.blocks,
                                            .values = b->values,
                                            .first_key = st_slice(b->first_key, b->first_len),
                                            .last_key = st_slice(b->last_key, b->last_len)};
    b->work.len = 0;
    ST_TRY(st_table_properties_encode(&properties, &b->work));
    return put_frame(b, ST_FRAME_PROPERTIES, st_buffer_slice(&b->work), frame);
}

static strata_status put_rest(st_table_builder *b) {
    st_table_frame index;
    st_table_frame filter;
    st_table_frame properties;
    uint8_t bytes[ST_TABLE_FOOTER_BYTES];
    ST_TRY(end_block(b));
    ST_TRY(put_frame(b, ST_FRAME_INDEX, st_buffer_slice(&b->index.bytes), &index));
    ST_TRY(put_filter(b, &filter));
    ST_TRY(put_properties(b, &properties));
    const st_table_footer footer = {index.offset, filter.offset, properties.offset,
                                    offset_of(b) + sizeof bytes};
    st_table_footer_encode(&footer, b->seed, bytes);
    ST_TRY(st_buffer_append(&b->out, bytes, sizeof bytes));
    ST_TRY(flush(b));
    const strata_storage *storage = &b->spec.host->storage;
    ST_TRY(storage->sync(storage->ctx, b->file));
    return close_file(b);
}

strata_status st_table_builder_finish(st_table_builder *b, st_table_info *info,
                                      strata_error *error) {
    ST_ASSERT(b->spans.entries > 0 && b->file != NULL);
    const strata_status status = b->failed != STRATA_OK ? b->failed : put_rest(b);
    if (status != STRATA_OK) {
        return fail(b, status, error);
    }
    b->exists = false;
    *info = (st_table_info){.number = b->spec.number,
                            .bytes = b->written,
                            .entries = b->spans.entries,
                            .keys = b->spans.keys,
                            .version_min = b->spans.version_min,
                            .version_max = b->spans.version_max,
                            .time_min_us = b->spans.time_min_us,
                            .time_max_us = b->spans.time_max_us,
                            .expires_min_us = b->spans.expires_min_us,
                            .first_key = st_slice(b->first_key, b->first_len),
                            .last_key = st_slice(b->last_key, b->last_len)};
    return STRATA_OK;
}
