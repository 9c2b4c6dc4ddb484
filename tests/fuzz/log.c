/* log.c - making logs; the input is in log.h. */
#include "log.h"

#include "base/crc32c.h"

enum { LOG_MAX = 1 << 17, MARKS_MAX = 4, RESERVED_BYTES = 4096 };

static uint8_t bytes[LOG_MAX];

typedef struct maker {
    st_manifest *manifest;
    st_codec *codec;
    unsigned flags;
    size_t len;
    size_t marks[MARKS_MAX]; /* where the last frames begin, newest first */
    uint64_t version;        /* of the last record */
} maker;

static void put_header(const maker *to, uint8_t *at, uint64_t segment) {
    st_wal_header header = {segment, to->version, 1700000000000000, {0}};
    memcpy(header.uuid, to->manifest->uuid, ST_UUID_BYTES);
    st_wal_header_encode(&header, at);
}

static void put_file(const maker *to, uint64_t segment, const uint8_t *data, size_t len) {
    char name[FUZZ_NAME_MAX];
    st_wal_name(name, sizeof name, "db", segment);
    fuzz_put(name, st_slice(data, len));
    if ((to->flags & FUZZ_LOG_SPARSE) != 0 && segment == 1 + ((to->flags & FUZZ_LOG_TWO) != 0)) {
        const strata_storage *storage = &fuzz_host()->storage;
        strata_file *file;
        CHECK(storage->open(storage->ctx, name, STRATA_FILE_WRITE, &file) == STRATA_OK, "open");
        CHECK(storage->truncate(storage->ctx, file, len + RESERVED_BYTES) == STRATA_OK, "truncate");
        CHECK(storage->close(storage->ctx, file) == STRATA_OK, "close");
    }
}

/* ---- Raw segments ---------------------------------------------------------------------------- */

/* Headers and frames that hold, as far as the bytes go. */
static void seal(maker *to, uint64_t segment, uint8_t *data, size_t len) {
    if (len < ST_WAL_HEADER_BYTES) {
        return;
    }
    put_header(to, data, segment);
    for (size_t at = ST_WAL_HEADER_BYTES;
         at + ST_WAL_FRAME_BYTES <= len && !st_wal_frame_is_end(data + at);) {
        st_wal_frame frame = st_wal_frame_read(data + at);
        const size_t room = len - at - ST_WAL_FRAME_BYTES;
        frame.payload_len = frame.payload_len < room ? frame.payload_len : (uint32_t)room;
        frame.version_low = (uint32_t)++to->version;
        st_wal_frame_seal(data + at, &frame);
        at += ST_WAL_FRAME_BYTES + frame.payload_len;
    }
}

static void make_raw(maker *to, fuzz_input *input, size_t split) {
    const strata_slice rest = fuzz_rest(input);
    const size_t len = rest.len < LOG_MAX ? rest.len : LOG_MAX;
    const bool two = (to->flags & FUZZ_LOG_TWO) != 0;
    const size_t first = two && split < len ? split : len;
    if (len > 0) {
        memcpy(bytes, rest.data, len);
    }
    if ((to->flags & FUZZ_LOG_SEAL) != 0) {
        seal(to, 1, bytes, first);
    }
    put_file(to, 1, bytes, first);
    if (two) {
        if ((to->flags & FUZZ_LOG_SEAL) != 0) {
            seal(to, 2, bytes + first, len - first);
        }
        put_file(to, 2, bytes + first, len - first);
    }
}

/* ---- Records --------------------------------------------------------------------------------- */

static bool put_record(maker *to, fuzz_input *input) {
    const uint8_t control = fuzz_u8(input);
    strata_slice payload = fuzz_take(input, fuzz_u16(input));
    strata_buffer encoded = fuzz_buffer();
    bool is_encoded = (control & FUZZ_RECORD_ENCODED) != 0;
    if ((control & FUZZ_RECORD_ENCODE) != 0 &&
        st_codec_encode(to->codec, payload, &encoded, &is_encoded) == STRATA_OK) {
        payload = st_buffer_slice(&encoded);
    }
    const bool fits = LOG_MAX - to->len >= ST_WAL_FRAME_BYTES + payload.len;
    if (fits) {
        uint8_t *at = bytes + to->len;
        const size_t mark = to->marks[control >> 4 & 3];
        to->version += (control & FUZZ_RECORD_SKIP) != 0 ? 2 : 1;
        const st_wal_frame frame = {0, (uint32_t)payload.len, is_encoded, (uint32_t)to->version,
                                    mark == 0 ? 0 : (uint32_t)(to->len - mark)};
        if (payload.len > 0) {
            memcpy(at + ST_WAL_FRAME_BYTES, payload.data, payload.len);
        }
        st_wal_frame_seal(at, &frame);
        at[0] ^= (control & FUZZ_RECORD_BROKEN) != 0;
        memmove(to->marks + 1, to->marks, (MARKS_MAX - 1) * sizeof to->marks[0]);
        to->marks[0] = to->len;
        to->len += ST_WAL_FRAME_BYTES + payload.len;
    }
    strata_buffer_free(&encoded);
    return fits;
}

static void make_records(maker *to, fuzz_input *input, size_t split) {
    const bool two = (to->flags & FUZZ_LOG_TWO) != 0;
    uint64_t segment = 1;
    put_header(to, bytes, segment);
    to->len = ST_WAL_HEADER_BYTES;
    for (unsigned left = 32; left > 0 && input->left > 0; left--) {
        if (two && segment == 1 && to->len >= split) {
            put_file(to, segment++, bytes, to->len);
            put_header(to, bytes, segment);
            to->len = ST_WAL_HEADER_BYTES;
            memset(to->marks, 0, sizeof to->marks);
        }
        if (!put_record(to, input)) {
            break;
        }
    }
    put_file(to, segment, bytes, to->len);
}

void fuzz_log_make(fuzz_input *input, uint64_t watermark, st_manifest *manifest) {
    const unsigned flags = fuzz_u8(input);
    const uint16_t whole_end = fuzz_u16(input);
    const uint16_t split = fuzz_u16(input);
    maker to = {.manifest = manifest, .flags = flags, .version = watermark};
    memset(manifest, 0, sizeof *manifest);
    manifest->read_format = ST_FORMAT_VERSION;
    manifest->write_format = ST_FORMAT_VERSION;
    memset(manifest->uuid, 0x5a, ST_UUID_BYTES);
    manifest->codec = (flags & FUZZ_LOG_ZSTD) != 0 ? STRATA_CODEC_ZSTD : STRATA_CODEC_NONE;
    manifest->created_us = 1700000000000000;
    manifest->watermark = watermark;
    manifest->wal_first = 1;
    manifest->next_file = 1;
    manifest->floor_us = INT64_MIN;
    if ((flags & FUZZ_LOG_WHOLE) != 0) {
        manifest->whole_segment = (flags & FUZZ_LOG_TWO) != 0 ? 2 : 1;
        manifest->whole_end = ST_WAL_HEADER_BYTES + whole_end;
    }
    CHECK(st_codec_create(manifest->codec, fuzz_host(), &to.codec) == STRATA_OK, "codec");
    if ((flags & FUZZ_LOG_RAW) != 0) {
        make_raw(&to, input, split);
    } else {
        make_records(&to, input, split);
    }
    st_codec_destroy(to.codec);
}
