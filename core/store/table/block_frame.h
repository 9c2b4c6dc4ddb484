/* block_frame.h - the frame around every block of a table.
 *
 *   0   4  crc32c, see below
 *   4   4  bits 0-27: bytes of payload; bit 28: it went through the codec; bits 29-31: kind
 *   8      payload
 * The checksum is that of: uuid of the database (16 bytes), number of the file (8), offset of the
 * frame in the file (8), then the frame from byte 4 on. So a block that is whole, but is not the
 * one that belongs there, does not hold.
 */
#ifndef ST_STORE_TABLE_BLOCK_FRAME_H
#define ST_STORE_TABLE_BLOCK_FRAME_H

#include "base/bytes.h"

enum { ST_FRAME_BYTES = 8, ST_FRAME_PAYLOAD_MAX = (1 << 28) - 1 };

typedef enum st_frame_kind {
    ST_FRAME_ENTRIES = 1,
    ST_FRAME_VALUE = 2,
    ST_FRAME_INDEX = 3,
    ST_FRAME_FILTER = 4,
    ST_FRAME_PROPERTIES = 5,
} st_frame_kind;

typedef struct st_frame {
    uint32_t payload_len;
    bool encoded;
    st_frame_kind kind;
} st_frame;

/* The beginning of the checksums of a file. */
uint32_t st_frame_seed(const uint8_t *uuid, uint64_t number);
/* Writes the ST_FRAME_BYTES before the payload, which may lie anywhere. */
void st_frame_seal(uint8_t *frame, const st_frame *fields, const void *payload, uint32_t seed,
                   uint64_t offset);
/* What the frame says of itself; the payload need not be there. */
st_frame st_frame_read(const uint8_t *frame);
/* Whether it is the frame that was written at that offset. */
bool st_frame_holds(const uint8_t *frame, const void *payload, uint32_t seed, uint64_t offset);

#endif
