/* table_file.h - the file of a table: what is at its ends, and reading frames of it.
 *
 * Header (40 bytes):
 *   0   8  magic "STRATAT1"
 *   8   8  number of the file
 *  16  16  uuid of the database
 *  32   4  codec
 *  36   4  crc32c of bytes 0..35
 * then frames without gaps (block_frame.h): entries, each after the values of it that are kept
 * apart; the index; the filter; the properties; and the footer (48 bytes):
 *   0   8  magic "STRATATF"
 *   8   8  offset of the frame of the index
 *  16   8  offset of the frame of the filter
 *  24   8  offset of the frame of the properties
 *  32   8  bytes of the file
 *  40   4  zero
 *  44   4  crc32c of: uuid, number of the file, bytes 0..43
 * Payload of the properties:
 *   0   8  entries
 *   8   8  distinct keys
 *  16   8  lowest version
 *  24   8  highest version
 *  32   8  lowest time
 *  40   8  highest time
 *  48   8  earliest end of an entry; 2^63 - 1: none ends
 *  56   8  blocks of entries
 *  64   8  values kept apart
 *  72      varint length, first key; varint length, last key; then until the end: varint type,
 *          varint length, bytes; unknown types are skipped (none are written yet)
 */
#ifndef ST_STORE_TABLE_TABLE_FILE_H
#define ST_STORE_TABLE_TABLE_FILE_H

#include "store/table/block.h"
#include "store/table/block_decoder.h"
#include "store/table/block_frame.h"
#include "store/table/table.h"

enum {
    ST_TABLE_HEADER_BYTES = 40,
    ST_TABLE_FOOTER_BYTES = 48,
    ST_TABLE_PROPERTIES_BYTES = 72, /* of fixed length, at their beginning */
};

/* Where the frames after the blocks are. */
typedef struct st_table_footer {
    uint64_t index;
    uint64_t filter;
    uint64_t properties;
    uint64_t bytes; /* of the file */
} st_table_footer;

typedef struct st_table_properties {
    st_spans spans;
    uint64_t blocks;
    uint64_t values; /* kept apart */
    strata_slice first_key;
    strata_slice last_key;
} st_table_properties;

void st_table_header_encode(const st_table_spec *spec, uint8_t bytes[ST_TABLE_HEADER_BYTES]);
void st_table_footer_encode(const st_table_footer *footer, uint32_t seed,
                            uint8_t bytes[ST_TABLE_FOOTER_BYTES]);
/* Errors: no_memory. */
strata_status st_table_properties_encode(const st_table_properties *properties, strata_buffer *out);
/* The keys are borrowed from the payload. False: malformed. */
bool st_table_properties_decode(strata_slice payload, st_table_properties *properties);

/* An open file of a table. */
typedef struct st_table_file {
    const strata_host *host;
    strata_file *file;
    const char *path; /* of the database; borrowed */
    uint64_t number;
    uint8_t uuid[ST_UUID_BYTES];
    uint32_t seed; /* of the checksums */
    strata_codec codec;
    st_decoder_pool *decoders;
    st_table_footer footer;
} st_table_file;

/* Opens it and checks header and footer. Closed with st_table_file_close, whatever is returned. */
strata_status st_table_file_open(st_table_file *file, const st_table_spec *spec,
                                 st_decoder_pool *decoders, strata_error *error) STRATA_MUST_USE;
void st_table_file_close(st_table_file *file);
/* Reads header and footer once more. */
strata_status st_table_file_check_ends(const st_table_file *file,
                                       strata_error *error) STRATA_MUST_USE;

/* corrupt {file, offset}. */
strata_status st_table_corrupt(const st_table_file *file, uint64_t offset, const char *what,
                               strata_error *error);
/* Any other failure. */
strata_status st_table_failed(const st_table_file *file, strata_status status, strata_error *error);

/* A frame that somebody else described. */
typedef struct st_table_frame {
    uint64_t offset;
    uint32_t stored_len; /* of the payload */
    uint32_t plain_len;
    bool encoded;
    st_frame_kind kind;
} st_table_frame;

/* Reads the frame and checks it; the plain payload is then at into + ST_FRAME_BYTES. into: room for
 * ST_FRAME_BYTES + plain_len. Errors: corrupt, io, no_memory. */
strata_status st_table_read_frame(const st_table_file *file, const st_table_frame *frame,
                                  uint8_t *into, strata_error *error) STRATA_MUST_USE;
/* As st_table_read_frame, through the window. from: what is to be read next begins there, at or before
 * the frame. The window goes on to it, if it does not hold the frame and that helps. */
strata_status st_table_read_through(const st_table_file *file, st_table_window *window,
                                    uint64_t from, const st_table_frame *frame, uint8_t *into,
                                    strata_error *error) STRATA_MUST_USE;
/* The same for a frame from offset to end whose plain length, at most plain_max, nobody knows:
 * appends the plain payload to out. */
strata_status st_table_read_section(const st_table_file *file, st_frame_kind kind, uint64_t offset,
                                    uint64_t end, size_t plain_max, strata_buffer *out,
                                    strata_error *error) STRATA_MUST_USE;

#endif
