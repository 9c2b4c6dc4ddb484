/* table_file.c - the ends of a table's file, and its frames; the layout is in table_file.h and
 * docs/FORMAT.md.
 *
 * Invariants
 * 1. No length of a file is believed before it is compared with what is left of the file, and no
 *    memory is taken for more than that, or for more plain bytes than the caller said.
 * 2. A frame is used only when kind, length, codec and checksum are those expected.
 * 3. Every byte of a file is under a checksum: header, frames without gaps, footer.
 * Faults assumed: stored bytes flipped, zeroed or those of another place; files cut; files of
 * another database or another number; bytes made by an enemy, checksums and all.
 */
#include "store/table/table_file.h"

#include "base/crc32c.h"

static const char header_magic[8] = {'S', 'T', 'R', 'A', 'T', 'A', 'T', '1'};
static const char footer_magic[8] = {'S', 'T', 'R', 'A', 'T', 'A', 'T', 'F'};

enum { HEADER_CRC_AT = 36, FOOTER_CRC_AT = 44 };

/* A call of the storage costs as much as reading 10 KB; in a browser more. */
enum { WINDOW_BYTES = 256 << 10 };

void st_table_name(char *name, size_t size, const char *path, uint64_t number) {
    st_format(name, size, "%s/DATA/tab-%u.tab", path, number);
}

/* ---- Failures -------------------------------------------------------------------------------- */

strata_status st_table_corrupt(const st_table_file *file, uint64_t offset, const char *what,
                               strata_error *error) {
    char name[ST_FILE_NAME_MAX];
    st_format(name, sizeof name, "DATA/tab-%u.tab", file->number);
    st_fail(error, STRATA_CORRUPT,
            "%s/%s is damaged at offset %u: %s. Nothing was changed; restore a backup, or see what "
            "verify says",
            file->path, name, offset, what);
    st_fail_text(error, "file", strata_text(name));
    st_fail_number(error, "offset", (int64_t)offset);
    return STRATA_CORRUPT;
}

strata_status st_table_failed(const st_table_file *file, strata_status status,
                              strata_error *error) {
    return st_fail(error, status, "%s/DATA/tab-%u.tab could not be read (%s)", file->path,
                   file->number, strata_status_name(status));
}

/* ---- Header, footer, properties -------------------------------------------------------------- */

void st_table_header_encode(const st_table_spec *spec, uint8_t bytes[ST_TABLE_HEADER_BYTES]) {
    memcpy(bytes, header_magic, sizeof header_magic);
    store64_le(bytes + 8, spec->number);
    memcpy(bytes + 16, spec->uuid, ST_UUID_BYTES);
    store32_le(bytes + 32, (uint32_t)spec->codec);
    store32_le(bytes + HEADER_CRC_AT, st_crc32c(0, st_slice(bytes, HEADER_CRC_AT)));
}

void st_table_footer_encode(const st_table_footer *footer, uint32_t seed,
                            uint8_t bytes[ST_TABLE_FOOTER_BYTES]) {
    memcpy(bytes, footer_magic, sizeof footer_magic);
    store64_le(bytes + 8, footer->index);
    store64_le(bytes + 16, footer->filter);
    store64_le(bytes + 24, footer->properties);
    store64_le(bytes + 32, footer->bytes);
    store32_le(bytes + 40, 0);
    store32_le(bytes + FOOTER_CRC_AT, st_crc32c(seed, st_slice(bytes, FOOTER_CRC_AT)));
}

strata_status st_table_properties_encode(const st_table_properties *properties,
                                         strata_buffer *out) {
    const strata_slice first = properties->first_key;
    const strata_slice last = properties->last_key;
    ST_TRY(st_buffer_reserve(out, ST_TABLE_PROPERTIES_BYTES + (size_t)2 * ST_VARINT_BYTES_MAX +
                                      first.len + last.len));
    uint8_t *p = out->data + out->len;
    const st_spans *spans = &properties->spans;
    const uint64_t numbers[] = {spans->entries,
                                spans->keys,
                                spans->version_min,
                                spans->version_max,
                                (uint64_t)spans->time_min_us,
                                (uint64_t)spans->time_max_us,
                                (uint64_t)spans->expires_min_us,
                                properties->blocks,
                                properties->values};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++, p += 8) {
        store64_le(p, numbers[i]);
    }
    p = st_varint_put(p, first.len);
    memcpy(p, first.data, first.len);
    p = st_varint_put(p + first.len, last.len);
    memcpy(p, last.data, last.len);
    out->len = (size_t)(p + last.len - out->data);
    return STRATA_OK;
}

bool st_table_properties_decode(strata_slice payload, st_table_properties *properties) {
    st_cursor cursor = st_cursor_over(payload);
    strata_slice fixed;
    if (!st_cursor_take(&cursor, ST_TABLE_PROPERTIES_BYTES, &fixed) ||
        !st_cursor_sized(&cursor, &properties->first_key) ||
        !st_cursor_sized(&cursor, &properties->last_key)) {
        return false;
    }
    const uint8_t *p = fixed.data;
    properties->spans = (st_spans){.entries = load64_le(p),
                                   .keys = load64_le(p + 8),
                                   .version_min = load64_le(p + 16),
                                   .version_max = load64_le(p + 24),
                                   .time_min_us = (int64_t)load64_le(p + 32),
                                   .time_max_us = (int64_t)load64_le(p + 40),
                                   .expires_min_us = (int64_t)load64_le(p + 48)};
    properties->blocks = load64_le(p + 56);
    properties->values = load64_le(p + 64);
    while (st_cursor_left(&cursor) > 0) {
        uint64_t type;
        strata_slice bytes;
        if (!st_cursor_varint(&cursor, &type) || !st_cursor_sized(&cursor, &bytes)) {
            return false;
        }
    }
    const st_spans *spans = &properties->spans;
    return spans->keys > 0 && spans->keys <= spans->entries &&
           spans->version_min <= spans->version_max && spans->time_min_us <= spans->time_max_us &&
           properties->first_key.len >= 8 && properties->first_key.len <= ST_TABLE_KEY_MAX &&
           properties->last_key.len >= 8 && properties->last_key.len <= ST_TABLE_KEY_MAX &&
           st_slice_compare(properties->first_key, properties->last_key) <= 0;
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* Reads exactly those bytes, which the file had when it was opened. */
static strata_status read_bytes(const st_table_file *file, uint64_t offset, void *into, size_t len,
                                strata_error *error) {
    const strata_storage *storage = &file->host->storage;
    size_t got = 0;
    const strata_status status =
        storage->read_at(storage->ctx, file->file, offset, into, len, &got);
    if (status != STRATA_OK) {
        return st_table_failed(file, status, error);
    }
    return got == len ? STRATA_OK
                      : st_table_corrupt(file, offset + got, "the file ends early", error);
}

static strata_status read_header(const st_table_file *file, strata_codec *codec,
                                 strata_error *error) {
    uint8_t bytes[ST_TABLE_HEADER_BYTES];
    ST_TRY(read_bytes(file, 0, bytes, sizeof bytes, error));
    if (memcmp(bytes, header_magic, sizeof header_magic) != 0 ||
        load32_le(bytes + HEADER_CRC_AT) != st_crc32c(0, st_slice(bytes, HEADER_CRC_AT))) {
        return st_table_corrupt(file, 0, "its header is damaged", error);
    }
    if (load64_le(bytes + 8) != file->number ||
        memcmp(bytes + 16, file->uuid, ST_UUID_BYTES) != 0) {
        return st_table_corrupt(file, 0, "it belongs to another database or place", error);
    }
    *codec = (strata_codec)load32_le(bytes + 32);
    return st_codec_name(load32_le(bytes + 32)) != NULL
               ? STRATA_OK
               : st_table_corrupt(file, 32, "its codec is unknown", error);
}

static strata_status read_footer(const st_table_file *file, uint64_t size, st_table_footer *footer,
                                 strata_error *error) {
    uint8_t bytes[ST_TABLE_FOOTER_BYTES];
    const uint64_t offset = size - sizeof bytes;
    ST_TRY(read_bytes(file, offset, bytes, sizeof bytes, error));
    if (memcmp(bytes, footer_magic, sizeof footer_magic) != 0 ||
        load32_le(bytes + FOOTER_CRC_AT) != st_crc32c(file->seed, st_slice(bytes, FOOTER_CRC_AT))) {
        return st_table_corrupt(file, offset, "its footer is damaged", error);
    }
    *footer = (st_table_footer){load64_le(bytes + 8), load64_le(bytes + 16), load64_le(bytes + 24),
                                load64_le(bytes + 32)};
    if (footer->bytes != size || footer->index < ST_TABLE_HEADER_BYTES ||
        footer->filter < footer->index || footer->properties < footer->filter ||
        offset < footer->properties || load32_le(bytes + 40) != 0) {
        return st_table_corrupt(file, offset, "its footer contradicts itself", error);
    }
    return STRATA_OK;
}

strata_status st_table_file_open(st_table_file *file, const st_table_spec *spec,
                                 st_decoder_pool *decoders, strata_error *error) {
    const strata_storage *storage = &spec->host->storage;
    char name[ST_FILE_NAME_MAX + 1024];
    uint64_t size = 0;
    *file = (st_table_file){.host = spec->host,
                            .path = spec->path,
                            .number = spec->number,
                            .seed = st_frame_seed(spec->uuid, spec->number),
                            .decoders = decoders};
    memcpy(file->uuid, spec->uuid, ST_UUID_BYTES);
    st_table_name(name, sizeof name, spec->path, spec->number);
    strata_status status = storage->open(storage->ctx, name, STRATA_FILE_READ, &file->file);
    if (status == STRATA_NOT_FOUND) {
        return st_table_corrupt(file, 0, "the file is missing", error);
    }
    if (status == STRATA_OK) {
        status = storage->size(storage->ctx, file->file, &size);
    }
    if (status != STRATA_OK) {
        return st_table_failed(file, status, error);
    }
    if (size < ST_TABLE_HEADER_BYTES + ST_TABLE_FOOTER_BYTES) {
        return st_table_corrupt(file, size, "the file ends early", error);
    }
    ST_TRY(read_header(file, &file->codec, error));
    return read_footer(file, size, &file->footer, error);
}

strata_status st_table_file_check_ends(const st_table_file *file, strata_error *error) {
    strata_codec codec;
    st_table_footer footer;
    ST_TRY(read_header(file, &codec, error));
    return read_footer(file, file->footer.bytes, &footer, error);
}

void st_table_file_close(st_table_file *file) {
    if (file->file != NULL) {
        (void)file->host->storage.close(file->host->storage.ctx, file->file);
        file->file = NULL;
    }
}

/* ---- Frames ---------------------------------------------------------------------------------- */

/* Whether these are the bytes of that frame. */
static strata_status check_frame(const st_table_file *file, const st_table_frame *frame,
                                 const uint8_t *bytes, strata_error *error) {
    const st_frame fields = st_frame_read(bytes);
    if (fields.kind != frame->kind || fields.payload_len != frame->stored_len ||
        fields.encoded != frame->encoded ||
        !st_frame_holds(bytes, bytes + ST_FRAME_BYTES, file->seed, frame->offset)) {
        return st_table_corrupt(file, frame->offset, "a block's checksum does not fit", error);
    }
    return STRATA_OK;
}

/* Reads the frame, head and payload, as it is stored. */
static strata_status read_stored(const st_table_file *file, const st_table_frame *frame,
                                 uint8_t *into, strata_error *error) {
    ST_TRY(
        read_bytes(file, frame->offset, into, ST_FRAME_BYTES + (size_t)frame->stored_len, error));
    return check_frame(file, frame, into, error);
}

/* Appends the plain payload of an encoded frame to out, at most plain_max bytes. bytes: the frame;
 * NULL: it is to be read. */
static strata_status decode_with(const st_table_file *file, st_decoder *decoder,
                                 const st_table_frame *frame, const uint8_t *bytes,
                                 size_t plain_max, strata_buffer *out, strata_error *error) {
    if (bytes == NULL) {
        const size_t len = ST_FRAME_BYTES + (size_t)frame->stored_len;
        if (st_buffer_reserve(&decoder->stored, len) != STRATA_OK) {
            return st_table_failed(file, STRATA_NO_MEMORY, error);
        }
        bytes = decoder->stored.data;
        ST_TRY(read_stored(file, frame, decoder->stored.data, error));
    }
    const strata_slice stored = st_slice(bytes + ST_FRAME_BYTES, frame->stored_len);
    const strata_status status = st_codec_decode(decoder->codec, stored, plain_max, out);
    if (status == STRATA_CORRUPT) {
        return st_table_corrupt(file, frame->offset, "a block does not unpack", error);
    }
    return status == STRATA_OK ? STRATA_OK : st_table_failed(file, status, error);
}

static strata_status decode_frame(const st_table_file *file, const st_table_frame *frame,
                                  const uint8_t *bytes, size_t plain_max, strata_buffer *out,
                                  strata_error *error) {
    st_decoder *decoder;
    strata_status status = st_decoder_borrow(file->decoders, file->codec, &decoder);
    if (status != STRATA_OK) {
        return st_table_failed(file, status, error);
    }
    status = decode_with(file, decoder, frame, bytes, plain_max, out, error);
    st_decoder_return(file->decoders, decoder);
    return status;
}

/* Decodes into memory for exactly plain_len bytes. */
static strata_status decode_into(const st_table_file *file, const st_table_frame *frame,
                                 const uint8_t *bytes, uint8_t *into, strata_error *error) {
    /* Cannot grow: the codec asks for no more than plain_len. */
    strata_buffer plain = {into, 0, frame->plain_len, file->host};
    ST_TRY(decode_frame(file, frame, bytes, frame->plain_len, &plain, error));
    return plain.len == frame->plain_len
               ? STRATA_OK
               : st_table_corrupt(file, frame->offset, "a block has another length", error);
}

strata_status st_table_read_frame(const st_table_file *file, const st_table_frame *frame,
                                  uint8_t *into, strata_error *error) {
    return frame->encoded ? decode_into(file, frame, NULL, into + ST_FRAME_BYTES, error)
                          : read_stored(file, frame, into, error);
}

/* The bytes [offset, offset + len) in the window; NULL: it does not hold them. */
static const uint8_t *in_window(const st_table_window *window, uint64_t offset, size_t len) {
    const bool holds = window->bytes.data != NULL && offset >= window->start &&
                       offset - window->start <= window->bytes.len &&
                       len <= window->bytes.len - (size_t)(offset - window->start);
    return holds ? window->bytes.data + (size_t)(offset - window->start) : NULL;
}

static size_t piece_of(const st_table_window *window) {
    return window->piece == 0 ? WINDOW_BYTES : window->piece;
}

/* Reads a piece from there on, as far as there are blocks. */
static strata_status move_window(const st_table_file *file, st_table_window *window, uint64_t from,
                                 strata_error *error) {
    const uint64_t left = file->footer.index - from;
    const size_t len = left < piece_of(window) ? (size_t)left : piece_of(window);
    window->bytes.len = 0;
    window->start = from;
    if (st_buffer_reserve(&window->bytes, len) != STRATA_OK) {
        return st_table_failed(file, STRATA_NO_MEMORY, error);
    }
    ST_TRY(read_bytes(file, from, window->bytes.data, len, error));
    window->bytes.len = len;
    return STRATA_OK;
}

strata_status st_table_read_through(const st_table_file *file, st_table_window *window,
                                    uint64_t from, const st_table_frame *frame, uint8_t *into,
                                    strata_error *error) {
    const size_t len = ST_FRAME_BYTES + (size_t)frame->stored_len;
    if (len > piece_of(window)) {
        return st_table_read_frame(file, frame, into, error);
    }
    const uint8_t *bytes = in_window(window, frame->offset, len);
    if (bytes == NULL) {
        /* A block is read before the values that lie before it: alone, unless one window holds both,
         * so that the window never goes back. */
        const bool both = frame->offset - from <= piece_of(window) - len;
        if (from != frame->offset && (!both || in_window(window, from, 1) != NULL)) {
            return st_table_read_frame(file, frame, into, error);
        }
        ST_TRY(move_window(file, window, from, error));
        bytes = in_window(window, frame->offset, len);
    }
    ST_ASSERT(bytes != NULL);
    ST_TRY(check_frame(file, frame, bytes, error));
    if (frame->encoded) {
        return decode_into(file, frame, bytes, into + ST_FRAME_BYTES, error);
    }
    memcpy(into, bytes, len);
    return STRATA_OK;
}

strata_status st_table_read_section(const st_table_file *file, st_frame_kind kind, uint64_t offset,
                                    uint64_t end, size_t plain_max, strata_buffer *out,
                                    strata_error *error) {
    uint8_t head[ST_FRAME_BYTES];
    if (end - offset < ST_FRAME_BYTES || end - offset - ST_FRAME_BYTES > ST_FRAME_PAYLOAD_MAX) {
        return st_table_corrupt(file, offset, "a part has a wrong length", error);
    }
    ST_TRY(read_bytes(file, offset, head, sizeof head, error));
    const st_table_frame frame = {.offset = offset,
                                  .stored_len = (uint32_t)(end - offset - ST_FRAME_BYTES),
                                  .encoded = st_frame_read(head).encoded,
                                  .kind = kind};
    if (frame.encoded) {
        return decode_frame(file, &frame, NULL, plain_max, out, error);
    }
    if (frame.stored_len > plain_max) {
        return st_table_corrupt(file, offset, "a part is longer than it can be", error);
    }
    if (st_buffer_reserve(out, ST_FRAME_BYTES + (size_t)frame.stored_len) != STRATA_OK) {
        return st_table_failed(file, STRATA_NO_MEMORY, error);
    }
    uint8_t *const into = out->data + out->len;
    ST_TRY(read_stored(file, &frame, into, error));
    memmove(into, into + ST_FRAME_BYTES, frame.stored_len);
    out->len += frame.stored_len;
    return STRATA_OK;
}
