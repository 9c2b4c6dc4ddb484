/* wal_frame.h - the bytes of the write-ahead log: segment headers, frames, commit records.
 *
 * Segment header (64 bytes, little-endian):
 *   0   8  magic "STRAWAL1"
 *   8   8  number of the segment
 *  16   8  version before its first record
 *  24   8  base time, microseconds since the epoch: records store the difference
 *  32  16  uuid of the database
 *  48  12  zero
 *  60   4  crc32c of bytes 0..59
 * Frame (16 bytes, then the payload):
 *   0   4  crc32c of everything after it
 *   4   4  bits 0-27: bytes of payload; bit 28: passed through the codec; 29-31: zero
 *   8   4  low half of the version
 *  12   4  bytes between the durable end of the segment, when this was appended, and this frame
 * Payload, once decoded:
 *   varint run, zigzag varint time - base, varint count, then for each write
 *     1 byte kind (0 put, 1 delete, 2 put with a time to live), varint length, key; for 2 zigzag
 *     varint of the microsecond since the epoch at which it ends; for 0 and 2 varint length, value;
 *   then blocks until the end: varint type, varint length, bytes. Readers skip unknown types
 *   (provenance and valid time will be such blocks).
 * Sixteen zero bytes where a frame should be are the end of the log: space reserved ahead.
 *
 * The last field of a frame decides what a bad frame means. If a good frame after it says that the
 * bad one lay inside the durable part, stored bytes have changed: corrupt. If none does, the bad
 * frame was never promised to anyone: a torn tail, and it is cut.
 */
#ifndef ST_STORE_LOG_WAL_FRAME_H
#define ST_STORE_LOG_WAL_FRAME_H

#include "base/bytes.h"
#include "format/codec.h"
#include "store/memtable/memtable.h"

enum {
    ST_WAL_HEADER_BYTES = 64,
    ST_WAL_FRAME_BYTES = 16,
    ST_WAL_PAYLOAD_MAX = (1 << 28) - 1,
    ST_UUID_BYTES = 16,
    ST_FILE_NAME_MAX = 64, /* of a file inside the database, its folder included */
};

typedef struct st_wal_header {
    uint64_t segment;
    uint64_t version_before;
    int64_t base_us;
    uint8_t uuid[ST_UUID_BYTES];
} st_wal_header;

void st_wal_header_encode(const st_wal_header *header, uint8_t bytes[ST_WAL_HEADER_BYTES]);
/* False when the magic or the checksum is wrong. */
bool st_wal_header_decode(const uint8_t bytes[ST_WAL_HEADER_BYTES], st_wal_header *header);

typedef struct st_wal_frame {
    uint32_t crc;
    uint32_t payload_len;
    bool encoded;
    uint32_t version_low;
    uint32_t unsynced;
} st_wal_frame;

/* Fills in the frame at `frame`, whose payload follows it; the crc last. */
void st_wal_frame_seal(uint8_t *frame, const st_wal_frame *fields);
st_wal_frame st_wal_frame_read(const uint8_t frame[ST_WAL_FRAME_BYTES]);
/* Whether crc and payload fit; the payload follows the frame. */
bool st_wal_frame_holds(const uint8_t *frame, const st_wal_frame *fields);
bool st_wal_frame_is_end(const uint8_t frame[ST_WAL_FRAME_BYTES]);

/* Appends the plain payload of a commit. Errors: no_memory. */
strata_status st_wal_payload_encode(uint64_t run, int64_t since_base_us, const st_write *writes,
                                    size_t count, strata_buffer *out);

/* A commit record being read; writes come one by one. */
typedef struct st_wal_record {
    uint64_t run;
    int64_t since_base_us;
    uint64_t writes_left;
    st_cursor cursor;
} st_wal_record;

bool st_wal_record_open(strata_slice payload, st_wal_record *record);
/* The next write, borrowed from the payload; false when malformed. Call while writes_left > 0. */
bool st_wal_record_next(st_wal_record *record, st_write *write);
/* Whether what follows the writes is well-formed blocks. */
bool st_wal_record_close(st_wal_record *record);

/* "WAL/wal-N.seg" inside the database in `path`; name has room for path and ST_FILE_NAME_MAX. */
void st_wal_name(char *name, size_t size, const char *path, uint64_t segment);

#endif
