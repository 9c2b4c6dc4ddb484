/* frame.c - the little MessagePack that the ABI itself speaks.
 *
 * Operations are encoded by the core. Two things happen outside any database: a request to open
 * one, which is a flat map of scalars, and a failure to reach one, which is a fixed frame. Those
 * are read and written here, in the same encoding, so that whoever calls the ABI needs one codec.
 *
 * 1. Nothing here allocates: a frame that says no_memory can be made when there is none.
 * 2. Lengths are checked before bytes are touched; a request comes from another program.
 * 3. Names come out as they came in: the caller compares, UTF-8 or not.
 *
 * Rejected: msgpack-c, whose unpacker builds a tree in zones of malloc, for a map of nine scalars;
 * and the core's reader, as a host includes strata.h and host.h only.
 * https://github.com/msgpack/msgpack/blob/master/spec.md
 */
#include "frame.h"

const uint8_t frame_ok[3] = {0x92, 0xc3, 0x80};

/* ---- Reading --------------------------------------------------------------------------------- */

static size_t bytes_left(const frame_reader *reader) {
    return (size_t)(reader->end - reader->next);
}

/* A big-endian number of 1, 2, 4 or 8 bytes. */
static bool read_number(frame_reader *reader, size_t size, uint64_t *number) {
    if (bytes_left(reader) < size) {
        return false;
    }
    *number = 0;
    for (size_t i = 0; i < size; i++) {
        *number = *number << 8 | *reader->next++;
    }
    return true;
}

bool frame_read_map(frame_reader *reader, uint32_t *pairs) {
    uint64_t tag = 0;
    uint64_t count = 0;
    if (!read_number(reader, 1, &tag)) {
        return false;
    }
    if ((tag & 0xf0) == 0x80) {
        count = tag & 0x0f;
    } else if (tag != 0xde && tag != 0xdf) {
        return false;
    } else if (!read_number(reader, tag == 0xde ? 2 : 4, &count)) {
        return false;
    }
    *pairs = (uint32_t)count;
    return true;
}

static bool read_string(frame_reader *reader, uint64_t len, strata_value *value) {
    if (bytes_left(reader) < len) {
        return false;
    }
    const strata_slice text = {reader->next, (size_t)len};
    reader->next += len;
    *value = strata_string(text);
    return true;
}

bool frame_read_scalar(frame_reader *reader, strata_value *value) {
    uint64_t tag = 0;
    uint64_t number = 0;
    if (!read_number(reader, 1, &tag)) {
        return false;
    }
    if (tag <= 0x7f) {
        *value = strata_int((int64_t)tag);
        return true;
    }
    if (tag >= 0xe0) {
        *value = strata_int((int64_t)tag - 0x100);
        return true;
    }
    if ((tag & 0xe0) == 0xa0) {
        return read_string(reader, tag & 0x1f, value);
    }
    switch (tag) {
    case 0xc0:
        *value = strata_null();
        return true;
    case 0xc2:
    case 0xc3:
        *value = strata_bool(tag == 0xc3);
        return true;
    case 0xcc: /* unsigned ints of 8 to 64 bits */
    case 0xcd:
    case 0xce:
    case 0xcf:
        if (!read_number(reader, (size_t)1 << (tag - 0xcc), &number) || number > INT64_MAX) {
            return false;
        }
        *value = strata_int((int64_t)number);
        return true;
    case 0xd0: /* signed ints of 8 to 64 bits */
    case 0xd1:
    case 0xd2:
    case 0xd3: {
        const unsigned unused_bits = 64 - (8u << (tag - 0xd0));
        if (!read_number(reader, (size_t)1 << (tag - 0xd0), &number)) {
            return false;
        }
        *value = strata_int((int64_t)(number << unused_bits) >> unused_bits);
        return true;
    }
    case 0xd9: /* strings with a length of 8 to 32 bits */
    case 0xda:
    case 0xdb:
        return read_number(reader, (size_t)1 << (tag - 0xd9), &number) &&
               read_string(reader, number, value);
    default:
        return false;
    }
}

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct frame_writer {
    uint8_t *next;
} frame_writer;

static void put_byte(frame_writer *writer, uint8_t byte) {
    *writer->next++ = byte;
}

static void put_big_endian(frame_writer *writer, uint64_t number, unsigned size) {
    for (unsigned i = size; i > 0; i--) {
        put_byte(writer, (uint8_t)(number >> (8 * (i - 1))));
    }
}

static void put_text(frame_writer *writer, const char *text) {
    const size_t len = strlen(text);
    if (len < 32) {
        put_byte(writer, (uint8_t)(0xa0 | len));
    } else if (len < 256) {
        put_byte(writer, 0xd9);
        put_big_endian(writer, len, 1);
    } else {
        put_byte(writer, 0xda);
        put_big_endian(writer, len, 2);
    }
    memcpy(writer->next, text, len);
    writer->next += len;
}

static void put_int(frame_writer *writer, int64_t number) {
    if (number >= -32 && number <= 127) {
        put_byte(writer, (uint8_t)number);
    } else {
        put_byte(writer, 0xd3);
        put_big_endian(writer, (uint64_t)number, 8);
    }
}

size_t frame_write_error(const strata_error *error, uint8_t frame[FRAME_ERROR_MAX]) {
    frame_writer writer = {frame};
    put_byte(&writer, 0x92); /* [ */
    put_byte(&writer, 0xc2); /* false, */
    put_byte(&writer, 0x84); /* { of four */
    put_text(&writer, "code");
    put_text(&writer, strata_status_name(error->code));
    put_text(&writer, "message");
    put_text(&writer, error->message);
    put_text(&writer, "retryable");
    put_byte(&writer, strata_status_retryable(error->code) ? 0xc3 : 0xc2);
    put_text(&writer, "details");
    put_byte(&writer, (uint8_t)(0x80 | error->field_count));
    for (size_t i = 0; i < error->field_count; i++) {
        const strata_error_field *field = &error->fields[i];
        put_text(&writer, field->name);
        if (field->is_text) {
            put_text(&writer, field->text);
        } else {
            put_int(&writer, field->number);
        }
    }
    return (size_t)(writer.next - frame);
}
