/* segment_file.h - the file of an index segment: sections, each of pages of one size.
 *
 * What the sections hold is the index's; here they are bytes. Pages are read one by one, in any order.
 *
 * Header (48 bytes):
 *   0   8  magic "STRATAG1"
 *   8   8  number of the file
 *  16  16  uuid of the database
 *  32   4  kind: 1 vectors
 *  36   8  zero
 *  44   4  crc32c of bytes 0..43
 * then the sections, one after the other, then the directory:
 *   0   4  count of sections
 *   4   4  bytes of what the index says about the segment
 *   8      that
 *          for each section: u32 id, u32 bytes of a page, u64 offset, u64 bytes; then u32 crc32c of each page
 * and the footer (48 bytes):
 *   0   8  magic "STRATAGF"
 *   8   8  offset of the directory
 *  16   8  bytes of the directory
 *  24   8  bytes of the file
 *  32   8  zero
 *  40   4  crc32c of the directory
 *  44   4  crc32c of bytes 0..43
 * The last page of a section may be shorter. All checksums but that of the header begin with the one of uuid and
 * number, and that of a page goes on with its offset: a page that belongs elsewhere does not hold.
 *
 * Threads: a writer belongs to one; pages of an open file may be read by any.
 */
#ifndef ST_STORE_SEGMENT_SEGMENT_FILE_H
#define ST_STORE_SEGMENT_SEGMENT_FILE_H

#include "base/memory.h"
#include "store/log/wal_frame.h"

enum {
    ST_SEGMENT_SECTIONS_MAX = 16,
    ST_SEGMENT_ABOUT_MAX = 1 << 20,
    ST_SEGMENT_PAGE_MAX = 1 << 20,
};

enum { ST_SEGMENT_VECTORS = 1 };

/* Which file, of which database. path: borrowed. */
typedef struct st_segment_spec {
    const strata_host *host;
    const char *path;
    const uint8_t *uuid;
    uint64_t number;
    uint32_t kind;
} st_segment_spec;

/* PATH/DATA/seg-N.seg */
void st_segment_name(char *name, size_t size, const char *path, uint64_t number);

typedef struct st_segment_section {
    uint32_t id;
    uint32_t page_bytes;
    uint64_t offset;
    uint64_t bytes;
    const uint8_t *crcs; /* of the pages, u32 little-endian each */
} st_segment_section;

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct st_segment_writer {
    st_segment_spec spec;
    strata_file *file;
    strata_error *error;
    uint32_t seed;
    uint64_t at; /* bytes that are written or buffered */
    strata_buffer pending;
    strata_buffer crcs;
    uint32_t crc;       /* of the page so far */
    uint32_t page_left; /* bytes until it is full */
    uint32_t section_count;
    st_segment_section sections[ST_SEGMENT_SECTIONS_MAX]; /* without crcs */
} st_segment_writer;

/* Makes the file. Whatever this and the following return, the writer ends with finish or abort. error: borrowed until
 * then. Errors: io, no_space, no_memory, forbidden. */
strata_status st_segment_writer_begin(st_segment_writer *writer, const st_segment_spec *spec,
                                      strata_error *error);
/* What is put from here on is in this section. */
strata_status st_segment_writer_section(st_segment_writer *writer, uint32_t id,
                                        uint32_t page_bytes);
strata_status st_segment_writer_put(st_segment_writer *writer, const void *data, size_t len);
/* Writes the rest and syncs. On an error the file is removed. */
strata_status st_segment_writer_finish(st_segment_writer *writer, strata_slice about,
                                       uint64_t *bytes);
/* Removes the file. */
void st_segment_writer_abort(st_segment_writer *writer);

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct st_segment_file {
    st_segment_spec spec;
    strata_file *file; /* NULL: not open */
    uint32_t seed;
    uint64_t bytes;
    strata_buffer directory;
    strata_slice about;
    uint32_t section_count;
    st_segment_section sections[ST_SEGMENT_SECTIONS_MAX];
} st_segment_file;

/* Opens it and checks everything but the pages. Closed with st_segment_close, whatever is returned. Errors: corrupt
 * {file, offset}, io, no_memory. */
strata_status st_segment_open(st_segment_file *file, const st_segment_spec *spec,
                              strata_error *error);
/* removes: the file too. */
void st_segment_close(st_segment_file *file, bool removes);

/* NULL: there is none. */
const st_segment_section *st_segment_find(const st_segment_file *file, uint32_t id);
static inline uint64_t st_segment_pages(const st_segment_section *section) {
    return (section->bytes + section->page_bytes - 1) / section->page_bytes;
}
static inline size_t st_segment_page_len(const st_segment_section *section, uint64_t page) {
    const uint64_t left = section->bytes - page * section->page_bytes;
    return left < section->page_bytes ? (size_t)left : section->page_bytes;
}
/* Reads a page that the section has, and checks it. Errors: corrupt {file, offset}, io. */
strata_status st_segment_read(const st_segment_file *file, const st_segment_section *section,
                              uint64_t page, void *into, strata_error *error);

/* Opens it, reads all of it and closes it. Errors: the same. *bytes: of the file. */
strata_status st_segment_check(const st_segment_spec *spec, uint64_t *bytes, strata_error *error);

/* corrupt {file, offset}, for what the index finds wrong. */
strata_status st_segment_corrupt(const st_segment_file *file, uint64_t offset, const char *what,
                                 strata_error *error);

#endif
