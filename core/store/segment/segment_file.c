/* segment_file.c - the file of an index segment: sections, each of pages of one size.
 *
 * 1. Every byte is under a checksum, and nothing is used before its checksum was compared.
 * 2. No length of the file is believed before it is compared with what is left of the file.
 * 3. A segment is derived from what is in the tables. One that is damaged can be made again; so nothing of it is
 *    mended, and nobody guesses.
 * Rejected: pages through the codec. Codes are noise to a compressor, and a page would have to be found by a table.
 */
#include "store/segment/segment_file.h"

#include "base/crc32c.h"
#include "store/table/block_frame.h"

enum {
    HEADER_BYTES = 48,
    FOOTER_BYTES = 48,
    CRC_AT = 44,
    SECTION_BYTES = 24, /* in the directory, without the checksums of its pages */
    PENDING_BYTES = 256 << 10,
    NAME_MAX = 1024 + 64,
};

static const char header_magic[8] = {'S', 'T', 'R', 'A', 'T', 'A', 'G', '1'};
static const char footer_magic[8] = {'S', 'T', 'R', 'A', 'T', 'A', 'G', 'F'};

void st_segment_name(char *name, size_t size, const char *path, uint64_t number) {
    st_format(name, size, "%s/DATA/seg-%u.seg", path, number);
}

static uint32_t page_seed(uint32_t seed, uint64_t offset) {
    uint8_t bytes[8];
    store64_le(bytes, offset);
    return st_crc32c(seed, st_slice(bytes, sizeof bytes));
}

static void encode_header(const st_segment_spec *spec, uint8_t bytes[HEADER_BYTES]) {
    memset(bytes, 0, HEADER_BYTES);
    memcpy(bytes, header_magic, sizeof header_magic);
    store64_le(bytes + 8, spec->number);
    memcpy(bytes + 16, spec->uuid, ST_UUID_BYTES);
    store32_le(bytes + 32, spec->kind);
    store32_le(bytes + CRC_AT, st_crc32c(0, st_slice(bytes, CRC_AT)));
}

/* ---- Writing --------------------------------------------------------------------------------- */

static strata_status fail_write(const st_segment_writer *writer, strata_status status) {
    if (status == STRATA_NO_MEMORY) {
        return st_fail_memory(writer->error);
    }
    return st_fail(writer->error, status, "%s/DATA/seg-%u.seg could not be written (%s)",
                   writer->spec.path, writer->spec.number, strata_status_name(status));
}

static strata_status flush(st_segment_writer *writer) {
    const strata_storage *storage = &writer->spec.host->storage;
    const strata_status status =
        storage->append(storage->ctx, writer->file, writer->pending.data, writer->pending.len);
    writer->pending.len = 0;
    return status == STRATA_OK ? STRATA_OK : fail_write(writer, status);
}

static strata_status append(st_segment_writer *writer, const void *data, size_t len) {
    const uint8_t *from = data;
    while (len > 0) {
        const size_t piece = st_min(len, PENDING_BYTES - writer->pending.len);
        if (st_buffer_append(&writer->pending, from, piece) != STRATA_OK) {
            return fail_write(writer, STRATA_NO_MEMORY);
        }
        from += piece;
        len -= piece;
        writer->at += piece;
        if (writer->pending.len == PENDING_BYTES) {
            ST_TRY(flush(writer));
        }
    }
    return STRATA_OK;
}

strata_status st_segment_writer_begin(st_segment_writer *writer, const st_segment_spec *spec,
                                      strata_error *error) {
    const strata_storage *storage = &spec->host->storage;
    uint8_t header[HEADER_BYTES];
    char name[NAME_MAX];
    *writer = (st_segment_writer){.spec = *spec,
                                  .error = error,
                                  .seed = st_frame_seed(spec->uuid, spec->number),
                                  .pending = {NULL, 0, 0, spec->host},
                                  .crcs = {NULL, 0, 0, spec->host}};
    st_segment_name(name, sizeof name, spec->path, spec->number);
    const strata_status status = storage->open(
        storage->ctx, name, STRATA_FILE_WRITE | STRATA_FILE_CREATE | STRATA_FILE_EXCLUSIVE,
        &writer->file);
    if (status != STRATA_OK) {
        writer->file = NULL;
        return fail_write(writer, status);
    }
    encode_header(spec, header);
    return append(writer, header, sizeof header);
}

static strata_status end_page(st_segment_writer *writer) {
    uint8_t crc[4];
    store32_le(crc, writer->crc);
    return st_buffer_append(&writer->crcs, crc, sizeof crc) == STRATA_OK
               ? STRATA_OK
               : fail_write(writer, STRATA_NO_MEMORY);
}

static strata_status end_section(st_segment_writer *writer) {
    if (writer->section_count == 0) {
        return STRATA_OK;
    }
    st_segment_section *last = &writer->sections[writer->section_count - 1];
    last->bytes = writer->at - last->offset;
    return last->bytes % last->page_bytes == 0 ? STRATA_OK : end_page(writer);
}

strata_status st_segment_writer_section(st_segment_writer *writer, uint32_t id,
                                        uint32_t page_bytes) {
    ST_ASSERT(writer->section_count < ST_SEGMENT_SECTIONS_MAX && page_bytes > 0 &&
              page_bytes <= ST_SEGMENT_PAGE_MAX);
    ST_TRY(end_section(writer));
    writer->sections[writer->section_count++] =
        (st_segment_section){.id = id, .page_bytes = page_bytes, .offset = writer->at};
    writer->page_left = 0;
    return STRATA_OK;
}

strata_status st_segment_writer_put(st_segment_writer *writer, const void *data, size_t len) {
    const st_segment_section *section = &writer->sections[writer->section_count - 1];
    const uint8_t *from = data;
    while (len > 0) {
        if (writer->page_left == 0) {
            writer->page_left = section->page_bytes;
            writer->crc = page_seed(writer->seed, writer->at);
        }
        const size_t piece = st_min(len, writer->page_left);
        writer->crc = st_crc32c(writer->crc, st_slice(from, piece));
        ST_TRY(append(writer, from, piece));
        from += piece;
        len -= piece;
        writer->page_left -= (uint32_t)piece;
        if (writer->page_left == 0) {
            ST_TRY(end_page(writer));
        }
    }
    return STRATA_OK;
}

static strata_status encode_directory(const st_segment_writer *writer, strata_slice about,
                                      strata_buffer *out) {
    uint8_t bytes[SECTION_BYTES];
    size_t crcs_at = 0;
    store32_le(bytes, writer->section_count);
    store32_le(bytes + 4, (uint32_t)about.len);
    ST_TRY(st_buffer_append(out, bytes, 8));
    ST_TRY(st_buffer_append(out, about.data, about.len));
    for (uint32_t i = 0; i < writer->section_count; i++) {
        const st_segment_section *section = &writer->sections[i];
        const size_t crcs = (size_t)st_segment_pages(section) * 4;
        store32_le(bytes, section->id);
        store32_le(bytes + 4, section->page_bytes);
        store64_le(bytes + 8, section->offset);
        store64_le(bytes + 16, section->bytes);
        ST_TRY(st_buffer_append(out, bytes, SECTION_BYTES));
        ST_TRY(st_buffer_append(out, writer->crcs.data + crcs_at, crcs));
        crcs_at += crcs;
    }
    return STRATA_OK;
}

static strata_status write_ends(st_segment_writer *writer, strata_slice about) {
    uint8_t footer[FOOTER_BYTES] = {0};
    strata_buffer directory = {NULL, 0, 0, writer->spec.host};
    ST_TRY(end_section(writer));
    strata_status status = encode_directory(writer, about, &directory);
    if (status != STRATA_OK) {
        strata_buffer_free(&directory);
        return fail_write(writer, status);
    }
    memcpy(footer, footer_magic, sizeof footer_magic);
    store64_le(footer + 8, writer->at);
    store64_le(footer + 16, directory.len);
    store64_le(footer + 24, writer->at + directory.len + FOOTER_BYTES);
    store32_le(footer + 40, st_crc32c(writer->seed, st_buffer_slice(&directory)));
    store32_le(footer + CRC_AT, st_crc32c(writer->seed, st_slice(footer, CRC_AT)));
    status = append(writer, directory.data, directory.len);
    strata_buffer_free(&directory);
    ST_TRY(status);
    ST_TRY(append(writer, footer, sizeof footer));
    return flush(writer);
}

static strata_status sync_and_close(st_segment_writer *writer) {
    const strata_storage *storage = &writer->spec.host->storage;
    const strata_status synced = storage->sync(storage->ctx, writer->file);
    const strata_status closed = storage->close(storage->ctx, writer->file);
    writer->file = NULL;
    return synced != STRATA_OK ? synced : closed;
}

static void free_buffers(st_segment_writer *writer) {
    strata_buffer_free(&writer->pending);
    strata_buffer_free(&writer->crcs);
}

strata_status st_segment_writer_finish(st_segment_writer *writer, strata_slice about,
                                       uint64_t *bytes) {
    ST_ASSERT(about.len <= ST_SEGMENT_ABOUT_MAX);
    strata_status status = write_ends(writer, about);
    if (status == STRATA_OK) {
        status = sync_and_close(writer);
        status = status == STRATA_OK ? STRATA_OK : fail_write(writer, status);
    }
    if (status != STRATA_OK) {
        st_segment_writer_abort(writer);
        return status;
    }
    *bytes = writer->at;
    free_buffers(writer);
    return STRATA_OK;
}

static void remove_file(const st_segment_spec *spec) {
    const strata_storage *storage = &spec->host->storage;
    char name[NAME_MAX];
    st_segment_name(name, sizeof name, spec->path, spec->number);
    /* What cannot be removed now is an orphan at the next opening. */
    (void)storage->remove(storage->ctx, name);
}

void st_segment_writer_abort(st_segment_writer *writer) {
    const strata_storage *storage = &writer->spec.host->storage;
    if (writer->file != NULL) {
        (void)storage->close(storage->ctx, writer->file);
        writer->file = NULL;
    }
    remove_file(&writer->spec);
    free_buffers(writer);
}

/* ---- Reading --------------------------------------------------------------------------------- */

strata_status st_segment_corrupt(const st_segment_file *file, uint64_t offset, const char *what,
                                 strata_error *error) {
    char name[64];
    st_format(name, sizeof name, "DATA/seg-%u.seg", file->spec.number);
    st_fail(
        error, STRATA_CORRUPT,
        "%s/%s is damaged at offset %u: %s. It is made of what the tables hold: repair makes it "
        "anew",
        file->spec.path, name, offset, what);
    st_fail_text(error, "file", strata_text(name));
    st_fail_number(error, "offset", (int64_t)offset);
    return STRATA_CORRUPT;
}

static strata_status fail_read(const st_segment_file *file, strata_status status,
                               strata_error *error) {
    return st_fail(error, status, "%s/DATA/seg-%u.seg could not be read (%s)", file->spec.path,
                   file->spec.number, strata_status_name(status));
}

static strata_status read_at(const st_segment_file *file, uint64_t offset, void *into, size_t len,
                             strata_error *error) {
    const strata_storage *storage = &file->spec.host->storage;
    size_t got = 0;
    const strata_status status =
        storage->read_at(storage->ctx, file->file, offset, into, len, &got);
    if (status != STRATA_OK) {
        return fail_read(file, status, error);
    }
    return got == len ? STRATA_OK
                      : st_segment_corrupt(file, offset + got, "the file ends there", error);
}

static strata_status check_header(const st_segment_file *file, strata_error *error) {
    uint8_t expected[HEADER_BYTES];
    uint8_t header[HEADER_BYTES];
    encode_header(&file->spec, expected);
    ST_TRY(read_at(file, 0, header, sizeof header, error));
    return memcmp(header, expected, sizeof header) == 0
               ? STRATA_OK
               : st_segment_corrupt(file, 0, "its header is not that of this file", error);
}

static strata_status read_directory(st_segment_file *file, strata_error *error) {
    uint8_t footer[FOOTER_BYTES];
    const uint64_t footer_at = file->bytes - FOOTER_BYTES;
    ST_TRY(read_at(file, footer_at, footer, sizeof footer, error));
    const uint64_t offset = load64_le(footer + 8);
    const uint64_t bytes = load64_le(footer + 16);
    if (memcmp(footer, footer_magic, sizeof footer_magic) != 0 ||
        load32_le(footer + CRC_AT) != st_crc32c(file->seed, st_slice(footer, CRC_AT)) ||
        load64_le(footer + 24) != file->bytes || load64_le(footer + 32) != 0 ||
        offset < HEADER_BYTES || offset > footer_at || bytes != footer_at - offset) {
        return st_segment_corrupt(file, footer_at, "its footer does not hold", error);
    }
    if (bytes > SIZE_MAX / 2 || st_buffer_reserve(&file->directory, (size_t)bytes) != STRATA_OK) {
        return st_fail_memory(error);
    }
    ST_TRY(read_at(file, offset, file->directory.data, (size_t)bytes, error));
    file->directory.len = (size_t)bytes;
    return load32_le(footer + 40) == st_crc32c(file->seed, st_buffer_slice(&file->directory))
               ? STRATA_OK
               : st_segment_corrupt(file, offset, "its directory does not hold", error);
}

/* Sections lie one after the other, from the header to the directory. */
static bool decode_directory(st_segment_file *file, uint64_t end) {
    st_cursor cursor = st_cursor_over(st_buffer_slice(&file->directory));
    strata_slice head;
    uint64_t at = HEADER_BYTES;
    if (!st_cursor_take(&cursor, 8, &head)) {
        return false;
    }
    file->section_count = load32_le(head.data);
    const uint32_t about = load32_le((const uint8_t *)head.data + 4);
    if (file->section_count > ST_SEGMENT_SECTIONS_MAX || about > ST_SEGMENT_ABOUT_MAX ||
        !st_cursor_take(&cursor, about, &file->about)) {
        return false;
    }
    for (uint32_t i = 0; i < file->section_count; i++) {
        st_segment_section *section = &file->sections[i];
        strata_slice crcs;
        if (!st_cursor_take(&cursor, SECTION_BYTES, &head)) {
            return false;
        }
        const uint8_t *bytes = head.data;
        *section = (st_segment_section){load32_le(bytes), load32_le(bytes + 4),
                                        load64_le(bytes + 8), load64_le(bytes + 16), NULL};
        if (section->offset != at || section->bytes > end - at || section->page_bytes == 0 ||
            section->page_bytes > ST_SEGMENT_PAGE_MAX || st_segment_pages(section) > SIZE_MAX / 4 ||
            !st_cursor_take(&cursor, (size_t)st_segment_pages(section) * 4, &crcs)) {
            return false;
        }
        section->crcs = crcs.data;
        at += section->bytes;
    }
    return at == end && st_cursor_left(&cursor) == 0;
}

strata_status st_segment_open(st_segment_file *file, const st_segment_spec *spec,
                              strata_error *error) {
    const strata_storage *storage = &spec->host->storage;
    char name[NAME_MAX];
    *file = (st_segment_file){.spec = *spec,
                              .seed = st_frame_seed(spec->uuid, spec->number),
                              .directory = {NULL, 0, 0, spec->host}};
    st_segment_name(name, sizeof name, spec->path, spec->number);
    strata_status status = storage->open(storage->ctx, name, STRATA_FILE_READ, &file->file);
    if (status == STRATA_OK) {
        status = storage->size(storage->ctx, file->file, &file->bytes);
    } else {
        file->file = NULL;
    }
    if (status == STRATA_NOT_FOUND) {
        return st_segment_corrupt(file, 0, "it is missing", error);
    }
    if (status != STRATA_OK) {
        return fail_read(file, status, error);
    }
    if (file->bytes < HEADER_BYTES + FOOTER_BYTES) {
        return st_segment_corrupt(file, file->bytes, "it is too short", error);
    }
    ST_TRY(check_header(file, error));
    ST_TRY(read_directory(file, error));
    const uint64_t end = file->bytes - FOOTER_BYTES - file->directory.len;
    return decode_directory(file, end)
               ? STRATA_OK
               : st_segment_corrupt(file, end, "its directory is malformed", error);
}

void st_segment_close(st_segment_file *file, bool removes) {
    const strata_storage *storage = &file->spec.host->storage;
    if (file->file != NULL) {
        (void)storage->close(storage->ctx, file->file);
        file->file = NULL;
    }
    if (removes) {
        remove_file(&file->spec);
    }
    strata_buffer_free(&file->directory);
}

const st_segment_section *st_segment_find(const st_segment_file *file, uint32_t id) {
    for (uint32_t i = 0; i < file->section_count; i++) {
        if (file->sections[i].id == id) {
            return &file->sections[i];
        }
    }
    return NULL;
}

strata_status st_segment_read(const st_segment_file *file, const st_segment_section *section,
                              uint64_t page, void *into, strata_error *error) {
    const uint64_t offset = section->offset + page * section->page_bytes;
    const size_t len = st_segment_page_len(section, page);
    ST_ASSERT(page < st_segment_pages(section));
    ST_TRY(read_at(file, offset, into, len, error));
    const uint32_t crc = st_crc32c(page_seed(file->seed, offset), st_slice(into, len));
    return crc == load32_le(section->crcs + page * 4)
               ? STRATA_OK
               : st_segment_corrupt(file, offset, "a page does not hold", error);
}

static strata_status read_all(const st_segment_file *file, strata_error *error) {
    const strata_allocator *memory = &file->spec.host->memory;
    uint8_t *page = st_alloc(memory, ST_SEGMENT_PAGE_MAX);
    strata_status status = page == NULL ? st_fail_memory(error) : STRATA_OK;
    for (uint32_t i = 0; i < file->section_count; i++) {
        const st_segment_section *section = &file->sections[i];
        for (uint64_t at = 0; at < st_segment_pages(section) && status == STRATA_OK; at++) {
            status = st_segment_read(file, section, at, page, error);
        }
    }
    st_free(memory, page, ST_SEGMENT_PAGE_MAX);
    return status;
}

strata_status st_segment_check(const st_segment_spec *spec, uint64_t *bytes, strata_error *error) {
    st_segment_file file;
    strata_status status = st_segment_open(&file, spec, error);
    if (status == STRATA_OK) {
        status = read_all(&file, error);
    }
    *bytes = file.bytes;
    st_segment_close(&file, false);
    return status;
}
