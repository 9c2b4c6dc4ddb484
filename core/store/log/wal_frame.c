/* wal_frame.c - encoding and decoding of the log; the layout is in wal_frame.h and docs/FORMAT.md.
 *
 * Everything that reads here treats its input as hostile: lengths are checked against what is left,
 * and a key that format/key.c could not have made is malformed (the tree asserts on such).
 */
#include "store/log/wal_frame.h"

#include "base/crc32c.h"
#include "format/key.h"

static const char magic[8] = {'S', 'T', 'R', 'A', 'W', 'A', 'L', '1'};

enum { LEN_MASK = (1 << 28) - 1, ENCODED_BIT = 1 << 28 };
enum { KIND_PUT = 0, KIND_DELETE = 1, KIND_PUT_EXPIRING = 2, KIND_MAX = KIND_PUT_EXPIRING };

void st_wal_header_encode(const st_wal_header *header, uint8_t bytes[ST_WAL_HEADER_BYTES]) {
    memset(bytes, 0, ST_WAL_HEADER_BYTES);
    memcpy(bytes, magic, sizeof magic);
    store64_le(bytes + 8, header->segment);
    store64_le(bytes + 16, header->version_before);
    store64_le(bytes + 24, (uint64_t)header->base_us);
    memcpy(bytes + 32, header->uuid, ST_UUID_BYTES);
    store32_le(bytes + 60, st_crc32c(0, st_slice(bytes, 60)));
}

bool st_wal_header_decode(const uint8_t bytes[ST_WAL_HEADER_BYTES], st_wal_header *header) {
    if (memcmp(bytes, magic, sizeof magic) != 0 ||
        load32_le(bytes + 60) != st_crc32c(0, st_slice(bytes, 60))) {
        return false;
    }
    header->segment = load64_le(bytes + 8);
    header->version_before = load64_le(bytes + 16);
    header->base_us = (int64_t)load64_le(bytes + 24);
    memcpy(header->uuid, bytes + 32, ST_UUID_BYTES);
    return true;
}

static uint32_t frame_crc(const uint8_t *frame, uint32_t payload_len) {
    return st_crc32c(0, st_slice(frame + 4, ST_WAL_FRAME_BYTES - 4 + (size_t)payload_len));
}

void st_wal_frame_seal(uint8_t *frame, const st_wal_frame *fields) {
    store32_le(frame + 4, fields->payload_len | (fields->encoded ? ENCODED_BIT : 0u));
    store32_le(frame + 8, fields->version_low);
    store32_le(frame + 12, fields->unsynced);
    store32_le(frame, frame_crc(frame, fields->payload_len));
}

st_wal_frame st_wal_frame_read(const uint8_t frame[ST_WAL_FRAME_BYTES]) {
    const uint32_t len = load32_le(frame + 4);
    const st_wal_frame fields = {load32_le(frame), len & LEN_MASK, (len & ENCODED_BIT) != 0,
                                 load32_le(frame + 8), load32_le(frame + 12)};
    return fields;
}

bool st_wal_frame_holds(const uint8_t *frame, const st_wal_frame *fields) {
    return (load32_le(frame + 4) & ~(uint32_t)(LEN_MASK | ENCODED_BIT)) == 0 &&
           fields->crc == frame_crc(frame, fields->payload_len);
}

bool st_wal_frame_is_end(const uint8_t frame[ST_WAL_FRAME_BYTES]) {
    static const uint8_t zeros[ST_WAL_FRAME_BYTES];
    return memcmp(frame, zeros, sizeof zeros) == 0;
}

static uint8_t *put_sized(uint8_t *p, strata_slice bytes) {
    p = st_varint_put(p, bytes.len);
    if (bytes.len > 0) {
        memcpy(p, bytes.data, bytes.len);
    }
    return p + bytes.len;
}

static uint8_t kind_of(const st_write *write) {
    return write->deletes ? KIND_DELETE : write->expires_us != 0 ? KIND_PUT_EXPIRING : KIND_PUT;
}

strata_status st_wal_payload_encode(uint64_t run, int64_t since_base_us, const st_write *writes,
                                    size_t count, strata_buffer *out) {
    size_t most = (size_t)3 * ST_VARINT_BYTES_MAX;
    for (size_t i = 0; i < count; i++) {
        most += 1 + (size_t)3 * ST_VARINT_BYTES_MAX + writes[i].key.len + writes[i].value.len;
    }
    ST_TRY(st_buffer_reserve(out, most));
    uint8_t *p = out->data + out->len;
    p = st_varint_put(p, run);
    p = st_varint_put(p, st_zigzag(since_base_us));
    p = st_varint_put(p, count);
    for (size_t i = 0; i < count; i++) {
        *p++ = kind_of(&writes[i]);
        p = put_sized(p, writes[i].key);
        if (writes[i].expires_us != 0) {
            p = st_varint_put(p, st_zigzag(writes[i].expires_us));
        }
        if (!writes[i].deletes) {
            p = put_sized(p, writes[i].value);
        }
    }
    out->len = (size_t)(p - out->data);
    return STRATA_OK;
}

bool st_wal_record_open(strata_slice payload, st_wal_record *record) {
    uint64_t time;
    record->cursor = st_cursor_over(payload);
    if (!st_cursor_varint(&record->cursor, &record->run) ||
        !st_cursor_varint(&record->cursor, &time) ||
        !st_cursor_varint(&record->cursor, &record->writes_left)) {
        return false;
    }
    record->since_base_us = st_unzigzag(time);
    return true;
}

static bool take_expiry(st_cursor *cursor, int64_t *expires_us) {
    uint64_t coded;
    if (!st_cursor_varint(cursor, &coded)) {
        return false;
    }
    *expires_us = st_unzigzag(coded);
    return *expires_us > 0 && *expires_us < ST_NEVER;
}

bool st_wal_record_next(st_wal_record *record, st_write *write) {
    uint8_t kind;
    ST_ASSERT(record->writes_left > 0);
    record->writes_left--;
    if (!st_cursor_u8(&record->cursor, &kind) || kind > KIND_MAX ||
        !st_cursor_sized(&record->cursor, &write->key) || !st_key_well_formed(write->key) ||
        *(const uint8_t *)write->key.data == ST_TAG_FLOOR) {
        return false;
    }
    write->deletes = kind == KIND_DELETE;
    write->expires_us = 0;
    if (kind == KIND_PUT_EXPIRING && !take_expiry(&record->cursor, &write->expires_us)) {
        return false;
    }
    write->value = st_slice("", 0);
    return write->deletes || st_cursor_sized(&record->cursor, &write->value);
}

bool st_wal_record_close(st_wal_record *record) {
    while (st_cursor_left(&record->cursor) > 0) {
        uint64_t type;
        strata_slice block;
        if (!st_cursor_varint(&record->cursor, &type) ||
            !st_cursor_sized(&record->cursor, &block)) {
            return false;
        }
    }
    return true;
}

void st_wal_name(char *name, size_t size, const char *path, uint64_t segment) {
    st_format(name, size, "%s/WAL/wal-%u.seg", path, segment);
}
