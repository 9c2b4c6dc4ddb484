/* fuzz_manifest.c - the MANIFEST, over files of two slots whose checksums fit.
 *
 * An input: 1 byte flags, 2 bytes length of the first slot's bytes, these, then the second slot's.
 * Flags: bits 0 and 1 leave the checksum of a slot as it is; bits 2 and 3 leave its magic and
 * length as they are; bit 4 ends the file after the first slot's bytes.
 *
 * Holds for every file:
 * 1. Reading ends with OK, not_found (nothing was ever written), `corrupt` that names MANIFEST, or
 *    invalid_argument (a newer format, an unknown codec), and agrees with st_manifest_slots.
 * 2. What is read keeps the promises of manifest.h, and is the valid slot of the higher generation.
 * 3. What is written then is what is read next; the slot that was read stays as it was until then,
 *    so that tearing the new one off gives back the old manifest.
 */
#include "base/crc32c.h"
#include "fuzz.h"
#include "store/manifest.h"

enum { HEAD_BYTES = 16, SLOT = ST_MANIFEST_SLOT_BYTES, MEMORY_MAX = 1 << 20 };
enum { CRC_RAW = 1, HEAD_RAW = 4, SHORT = 16 };

static uint8_t file[2 * SLOT];

/* Puts an input's bytes into a slot; returns where they end. */
static size_t put_slot(unsigned slot, strata_slice from, unsigned flags) {
    uint8_t *at = file + (size_t)slot * SLOT;
    const size_t len = from.len < SLOT ? from.len : SLOT;
    memset(at, 0, SLOT);
    if (len > 0) {
        memcpy(at, from.data, len);
    }
    if (len < HEAD_BYTES) {
        return (size_t)slot * SLOT + len;
    }
    if ((flags & (unsigned)HEAD_RAW << slot) == 0) {
        memcpy(at, "STRATAM1", 8);
        store32_le(at + 12, (uint32_t)(len - HEAD_BYTES));
    }
    const size_t content = load32_le(at + 12);
    if ((flags & (unsigned)CRC_RAW << slot) == 0 && content <= SLOT - HEAD_BYTES) {
        store32_le(at + 8, st_crc32c(0, st_slice(at + 12, 4 + content)));
    }
    return (size_t)slot * SLOT + len;
}

/* *files: of the manifest; replaced. */
static strata_status read_manifest(st_manifest *manifest, strata_buffer *files) {
    strata_error error = {.code = STRATA_OK};
    unsigned valid = 0;
    unsigned empty = 0;
    bool begun = false;
    const strata_status status = st_manifest_read(fuzz_host(), "db", manifest, files, &error);
    CHECK(st_manifest_slots(fuzz_host(), "db", &valid, &empty) == STRATA_OK, "slots");
    CHECK(st_manifest_is_begun(fuzz_host(), "db", &begun) == STRATA_OK, "begun");
    CHECK(valid + empty <= 2, "%u valid and %u empty slots", valid, empty);
    switch (status) {
    case STRATA_OK:
        CHECK(valid > 0, "read, but no slot is valid");
        CHECK(manifest->generation > 0 && manifest->generation < INT64_MAX, "generation");
        CHECK(manifest->wal_first > 0 && manifest->wal_first < INT64_MAX, "first segment");
        CHECK(manifest->watermark < INT64_MAX && manifest->whole_segment < INT64_MAX, "watermark");
        CHECK(manifest->whole_segment == 0 || manifest->whole_end >= ST_WAL_HEADER_BYTES, "W");
        CHECK(manifest->next_file > 0 && manifest->next_file < INT64_MAX, "next file");
        CHECK(manifest->floor_version < INT64_MAX, "floor");
        CHECK(manifest->file_count <= ST_LIVE_FILES_MAX &&
                  files->len == manifest->file_count * sizeof(st_live_file),
              "%llu files in %zu bytes", (unsigned long long)manifest->file_count, files->len);
        CHECK(manifest->codec <= STRATA_CODEC_ZSTD, "codec %u", manifest->codec);
        CHECK(manifest->read_format <= ST_FORMAT_VERSION, "format %u", manifest->read_format);
        break;
    case STRATA_NOT_FOUND:
        CHECK(valid == 0 && empty == 2, "not found, but there is something");
        break;
    case STRATA_CORRUPT:
        CHECK(valid == 0 && empty < 2, "corrupt, but there is a valid slot");
        CHECK(strcmp(fuzz_error_text(&error, "file"), "MANIFEST") == 0, "file");
        fuzz_check_corrupt(&error, "db");
        break;
    default:
        CHECK(status == STRATA_INVALID_ARGUMENT && valid > 0, "%s: %s", strata_status_name(status),
              error.message);
    }
    return status;
}

/* What was read is what stands in the slot that the generation names. */
static void check_choice(const st_manifest *manifest) {
    unsigned valid = 0;
    unsigned empty = 0;
    CHECK(st_manifest_slots(fuzz_host(), "db", &valid, &empty) == STRATA_OK, "slots");
    const uint8_t *mine = file + (manifest->generation % 2 == 1 ? 0 : SLOT);
    const uint8_t *other = file + (manifest->generation % 2 == 1 ? SLOT : 0);
    CHECK(memcmp(mine, "STRATAM1", 8) == 0, "the slot that was read has no magic");
    CHECK(load64_le(mine + 16) == manifest->generation, "generation");
    CHECK(valid < 2 || load64_le(other + 16) < manifest->generation, "the older slot was read");
    CHECK(memcmp(mine + 32, manifest->uuid, ST_UUID_BYTES) == 0, "uuid");
    CHECK(load64_le(mine + 64) == manifest->watermark, "watermark");
    CHECK(load64_le(mine + 72) == manifest->wal_first, "first segment");
    CHECK(load64_le(mine + 80) == manifest->next_file, "next file");
    CHECK(load64_le(mine + 88) == manifest->whole_segment, "whole segment");
}

static bool same_files(const strata_buffer *a, const strata_buffer *b) {
    return st_slice_equal(st_buffer_slice(a), st_buffer_slice(b));
}

static void check_write(const st_manifest *read, const strata_buffer *files, strata_buffer *found) {
    st_manifest next = *read;
    st_manifest again;
    const st_live_file *live = (const st_live_file *)(const void *)files->data;
    next.watermark++;
    CHECK(st_manifest_write(fuzz_host(), "db", &next, live, NULL) == STRATA_OK, "write");
    CHECK(next.generation == read->generation + 1, "generation");
    if (next.generation == INT64_MAX) {
        return; /* the last one there is; opening refuses it */
    }
    if (next.watermark == INT64_MAX) {
        return;
    }
    CHECK(read_manifest(&again, found) == STRATA_OK, "what was written");
    CHECK(again.generation == next.generation && again.watermark == next.watermark, "written");
    CHECK(memcmp(again.uuid, read->uuid, ST_UUID_BYTES) == 0 && again.codec == read->codec &&
              again.wal_first == read->wal_first && again.next_file == read->next_file &&
              again.whole_segment == read->whole_segment && again.whole_end == read->whole_end &&
              again.whole_version == read->whole_version && again.created_us == read->created_us &&
              again.floor_version == read->floor_version && again.floor_us == read->floor_us &&
              again.file_count == read->file_count && same_files(found, files),
          "written and read differ");

    /* A crash tears the new slot. */
    const size_t place = next.generation % 2 == 1 ? 0 : SLOT;
    const strata_slice written = fuzz_file("db/MANIFEST");
    memcpy(file, written.data, written.len < sizeof file ? written.len : sizeof file);
    file[place + 20] ^= 1;
    fuzz_put("db/MANIFEST", st_slice(file, written.len < sizeof file ? written.len : sizeof file));
    CHECK(read_manifest(&again, found) == STRATA_OK, "after the new slot was torn");
    CHECK(again.generation == read->generation && again.watermark == read->watermark &&
              same_files(found, files),
          "the older slot is not what it was");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input = {data, size};
    st_manifest manifest;
    fuzz_begin(MEMORY_MAX);
    const unsigned flags = fuzz_u8(&input);
    const size_t first = put_slot(0, fuzz_take(&input, fuzz_u16(&input)), flags);
    const size_t second = put_slot(1, fuzz_rest(&input), flags);
    fuzz_put("db/MANIFEST", st_slice(file, (flags & SHORT) != 0 ? first : second));
    strata_buffer files = fuzz_buffer();
    strata_buffer found = fuzz_buffer();
    if (read_manifest(&manifest, &files) == STRATA_OK) {
        check_choice(&manifest);
        check_write(&manifest, &files, &found);
    }
    strata_buffer_free(&files);
    strata_buffer_free(&found);
    fuzz_end();
    return 0;
}
