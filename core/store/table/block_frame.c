/* block_frame.c - sealing and checking frames; the layout is in block_frame.h and docs/FORMAT.md.
 *
 * The kind and the length are in the frame, though the index of a table knows them too, so that a
 * table whose index is lost can still be read from its beginning.
 * Rejected: the offset as a field; four bytes more a block, for what the checksum does alone.
 */
#include "store/table/block_frame.h"

#include "base/crc32c.h"

enum { LEN_MASK = (1 << 28) - 1, ENCODED_BIT = 1 << 28, KIND_SHIFT = 29, UUID_BYTES = 16 };

uint32_t st_frame_seed(const uint8_t *uuid, uint64_t number) {
    uint8_t bytes[UUID_BYTES + 8];
    memcpy(bytes, uuid, UUID_BYTES);
    store64_le(bytes + UUID_BYTES, number);
    return st_crc32c(0, st_slice(bytes, sizeof bytes));
}

static uint32_t frame_crc(const uint8_t *frame, const void *payload, uint32_t seed,
                          uint64_t offset) {
    uint8_t head[8 + 4];
    store64_le(head, offset);
    memcpy(head + 8, frame + 4, 4);
    return st_crc32c(st_crc32c(seed, st_slice(head, sizeof head)),
                     st_slice(payload, load32_le(frame + 4) & LEN_MASK));
}

void st_frame_seal(uint8_t *frame, const st_frame *fields, const void *payload, uint32_t seed,
                   uint64_t offset) {
    ST_ASSERT(fields->payload_len <= ST_FRAME_PAYLOAD_MAX);
    store32_le(frame + 4, fields->payload_len | (fields->encoded ? ENCODED_BIT : 0u) |
                              (uint32_t)fields->kind << KIND_SHIFT);
    store32_le(frame, frame_crc(frame, payload, seed, offset));
}

st_frame st_frame_read(const uint8_t *frame) {
    const uint32_t word = load32_le(frame + 4);
    const st_frame fields = {word & LEN_MASK, (word & ENCODED_BIT) != 0,
                             (st_frame_kind)(word >> KIND_SHIFT)};
    return fields;
}

bool st_frame_holds(const uint8_t *frame, const void *payload, uint32_t seed, uint64_t offset) {
    return load32_le(frame) == frame_crc(frame, payload, seed, offset);
}
