/* manifest.c - reading and writing the two slots; the layout is in manifest.h.
 *
 * Invariants:
 * 1. The slot written is never the newest valid one, and it is synced before anything relies on it.
 * 2. A slot is believed only with magic, length and checksum in order. If the newer slot is torn
 *    the older one still describes a whole database, as what it names is removed only later.
 * 3. The generation goes up by one with each write, and says which slot it is in; a misdirected
 *    write, which would break 1, is not believed.
 * Faults assumed: a write may be torn or lost in any part before sync returns; the other slot, 64
 * KiB away, is not touched by it. Rejected: write a new file and rename it; not every host can
 * rename.
 */
#include "store/manifest.h"

#include "base/crc32c.h"

enum {
    HEAD_BYTES = 16,
    FIXED_BYTES_1 = 104, /* of the content, after the head, the count of files included: format 1 */
    FIXED_BYTES = 120,   /* and 2 */
    FILE_BYTES = 24,
    CONTENT_MAX = ST_MANIFEST_SLOT_BYTES - HEAD_BYTES,
};

_Static_assert(FIXED_BYTES + ST_LIVE_FILES_MAX * FILE_BYTES <= CONTENT_MAX, "a slot has room");

static const char magic[8] = {'S', 'T', 'R', 'A', 'T', 'A', 'M', '1'};

static void manifest_name(char *name, size_t size, const char *path) {
    st_format(name, size, "%s/MANIFEST", path);
}

/* The floor and the files, which format 1 did not have. */
static bool decode_tail(const uint8_t *slot, uint32_t content, st_manifest *m) {
    if (m->read_format > ST_FORMAT_VERSION) {
        return true; /* it says what nobody here can read */
    }
    if (m->write_format < 2) {
        m->floor_version = 0;
        m->floor_us = INT64_MIN;
        m->file_count = 0;
        return load64_le(slot + 112) == 0;
    }
    if (content < FIXED_BYTES) {
        return false;
    }
    m->floor_version = load64_le(slot + 112);
    m->floor_us = (int64_t)load64_le(slot + 120);
    m->file_count = load64_le(slot + 128);
    return m->floor_version < INT64_MAX && m->file_count <= ST_LIVE_FILES_MAX &&
           m->file_count <= (content - FIXED_BYTES) / FILE_BYTES;
}

/* Which of the two slots a generation is written into. */
static unsigned slot_of(uint64_t generation) {
    return generation % 2 == 1 ? 0 : 1;
}

static bool slot_decode(unsigned index, const uint8_t *slot, size_t len, st_manifest *m) {
    if (len < HEAD_BYTES + FIXED_BYTES_1 || memcmp(slot, magic, sizeof magic) != 0) {
        return false;
    }
    const uint32_t content = load32_le(slot + 12);
    if (content < FIXED_BYTES_1 || content > CONTENT_MAX || HEAD_BYTES + (size_t)content > len ||
        load32_le(slot + 8) != st_crc32c(0, st_slice(slot + 12, 4 + (size_t)content))) {
        return false;
    }
    m->generation = load64_le(slot + 16);
    m->read_format = load32_le(slot + 24);
    m->write_format = load32_le(slot + 28);
    memcpy(m->uuid, slot + 32, ST_UUID_BYTES);
    m->codec = (strata_codec)load32_le(slot + 48);
    m->created_us = (int64_t)load64_le(slot + 56);
    m->watermark = load64_le(slot + 64);
    m->wal_first = load64_le(slot + 72);
    m->next_file = load64_le(slot + 80);
    m->whole_segment = load64_le(slot + 88);
    m->whole_end = load64_le(slot + 96);
    m->whole_version = load64_le(slot + 104);
    /* Versions and numbers of files go on from these; they must have somewhere to go. */
    return m->generation > 0 && m->generation < INT64_MAX && slot_of(m->generation) == index &&
           m->watermark < INT64_MAX && m->wal_first > 0 && m->wal_first < INT64_MAX &&
           m->whole_segment < INT64_MAX &&
           (m->whole_segment == 0 || m->whole_end >= ST_WAL_HEADER_BYTES) && m->next_file > 0 &&
           m->next_file < INT64_MAX && decode_tail(slot, content, m);
}

static size_t slot_encode(const st_manifest *m, const st_live_file *files, uint8_t *slot) {
    const size_t content = FIXED_BYTES + (size_t)m->file_count * FILE_BYTES;
    memset(slot, 0, HEAD_BYTES + content);
    memcpy(slot, magic, sizeof magic);
    store32_le(slot + 12, (uint32_t)content);
    store64_le(slot + 16, m->generation);
    store32_le(slot + 24, m->read_format);
    store32_le(slot + 28, m->write_format);
    memcpy(slot + 32, m->uuid, ST_UUID_BYTES);
    store32_le(slot + 48, (uint32_t)m->codec);
    store64_le(slot + 56, (uint64_t)m->created_us);
    store64_le(slot + 64, m->watermark);
    store64_le(slot + 72, m->wal_first);
    store64_le(slot + 80, m->next_file);
    store64_le(slot + 88, m->whole_segment);
    store64_le(slot + 96, m->whole_end);
    store64_le(slot + 104, m->whole_version);
    store64_le(slot + 112, m->floor_version);
    store64_le(slot + 120, (uint64_t)m->floor_us);
    store64_le(slot + 128, m->file_count);
    for (size_t i = 0; i < m->file_count; i++) {
        uint8_t *at = slot + HEAD_BYTES + FIXED_BYTES + i * FILE_BYTES;
        store32_le(at, files[i].kind);
        store32_le(at + 4, files[i].level);
        store64_le(at + 8, files[i].number);
        store64_le(at + 16, files[i].bytes);
    }
    store32_le(slot + 8, st_crc32c(0, st_slice(slot + 12, 4 + content)));
    return HEAD_BYTES + content;
}

/* The files of a slot that was decoded as *m. Errors: no_memory. */
static strata_status decode_files(const uint8_t *slot, const st_manifest *m, strata_buffer *files) {
    files->len = 0;
    for (size_t i = 0; i < m->file_count; i++) {
        const uint8_t *at = slot + HEAD_BYTES + FIXED_BYTES + i * FILE_BYTES;
        const st_live_file file = {load32_le(at), load32_le(at + 4), load64_le(at + 8),
                                   load64_le(at + 16)};
        ST_TRY(st_buffer_append(files, &file, sizeof file));
    }
    return STRATA_OK;
}

strata_status st_manifest_encode(const st_manifest *manifest, const st_live_file *files,
                                 strata_buffer *out) {
    if (manifest->file_count > ST_LIVE_FILES_MAX) {
        return STRATA_CONSTRAINT;
    }
    ST_TRY(st_buffer_reserve(out, ST_MANIFEST_SLOT_BYTES));
    out->len += slot_encode(manifest, files, out->data + out->len);
    return STRATA_OK;
}

strata_status st_manifest_decode(strata_slice bytes, st_manifest *manifest, strata_buffer *files) {
    const uint8_t *slot = bytes.data;
    if (bytes.len < HEAD_BYTES + FIXED_BYTES ||
        !slot_decode(slot_of(load64_le(slot + 16)), slot, bytes.len, manifest) ||
        HEAD_BYTES + (size_t)load32_le(slot + 12) != bytes.len ||
        manifest->read_format > ST_FORMAT_VERSION || manifest->codec > STRATA_CODEC_ZSTD) {
        return STRATA_CORRUPT;
    }
    return decode_files(slot, manifest, files);
}

/* What both slots hold: slots[i].generation is 0 where slot i is not valid. files: of the newest;
 * may be NULL. */
static strata_status read_slots(const strata_host *host, const char *path, st_manifest slots[2],
                                bool written[2], strata_buffer *files) {
    const strata_storage *storage = &host->storage;
    char name[ST_FILE_NAME_MAX + 1024];
    strata_file *file = NULL;
    manifest_name(name, sizeof name, path);
    ST_TRY(storage->open(storage->ctx, name, STRATA_FILE_READ, &file));
    uint8_t *bytes = st_alloc(&host->memory, ST_MANIFEST_SLOT_BYTES);
    strata_status status = bytes == NULL ? STRATA_NO_MEMORY : STRATA_OK;
    for (unsigned i = 0; i < 2 && status == STRATA_OK; i++) {
        size_t got = 0;
        status = storage->read_at(storage->ctx, file, (uint64_t)i * ST_MANIFEST_SLOT_BYTES, bytes,
                                  ST_MANIFEST_SLOT_BYTES, &got);
        if (status != STRATA_OK) {
            break;
        }
        memset(&slots[i], 0, sizeof slots[i]);
        written[i] = false;
        for (size_t at = 0; at < got && !written[i]; at++) {
            written[i] = bytes[at] != 0;
        }
        if (!slot_decode(i, bytes, got, &slots[i])) {
            slots[i].generation = 0;
        } else if (files != NULL && (i == 0 || slots[1].generation > slots[0].generation)) {
            status = decode_files(bytes, &slots[i], files);
        }
    }
    st_free(&host->memory, bytes, ST_MANIFEST_SLOT_BYTES);
    (void)storage->close(storage->ctx, file);
    return status;
}

strata_status st_manifest_read(const strata_host *host, const char *path, st_manifest *manifest,
                               strata_buffer *files, strata_error *error) {
    st_manifest slots[2];
    bool written[2] = {false, false};
    const strata_status status = read_slots(host, path, slots, written, files);
    if (status == STRATA_NOT_FOUND) {
        return st_fail(error, status, "%s has no MANIFEST", path);
    }
    if (status != STRATA_OK) {
        return st_fail(error, status, "%s/MANIFEST could not be read (%s)", path,
                       strata_status_name(status));
    }
    const st_manifest *newest = slots[1].generation > slots[0].generation ? &slots[1] : &slots[0];
    if (newest->generation == 0) {
        if (!written[0] && !written[1]) {
            return st_fail(error, STRATA_NOT_FOUND, "%s/MANIFEST is empty", path);
        }
        st_fail(error, STRATA_CORRUPT, "%s/MANIFEST: neither slot holds a valid manifest", path);
        st_fail_text(error, "file", strata_text("MANIFEST"));
        return st_fail_number(error, "offset", 0);
    }
    if (newest->codec > STRATA_CODEC_ZSTD) {
        st_fail(error, STRATA_INVALID_ARGUMENT,
                "%s uses the codec %u, which this library does not know. Open it with a newer "
                "Strata",
                path, (uint64_t)newest->codec);
        return st_fail_number(error, "codec", (int64_t)newest->codec);
    }
    if (newest->read_format > ST_FORMAT_VERSION) {
        st_fail(error, STRATA_INVALID_ARGUMENT,
                "%s was written in format %u; this library reads up to %u. Open it with a newer "
                "Strata",
                path, (uint64_t)newest->read_format, (uint64_t)ST_FORMAT_VERSION);
        return st_fail_number(error, "format", newest->read_format);
    }
    *manifest = *newest;
    return STRATA_OK;
}

strata_status st_manifest_settle(const strata_host *host, const char *path, strata_error *error) {
    const strata_storage *storage = &host->storage;
    char name[ST_FILE_NAME_MAX + 1024];
    strata_file *file = NULL;
    manifest_name(name, sizeof name, path);
    strata_status status = storage->open(storage->ctx, name, STRATA_FILE_WRITE, &file);
    if (status == STRATA_OK) {
        status = storage->sync(storage->ctx, file);
        (void)storage->close(storage->ctx, file);
    }
    if (status != STRATA_OK) {
        return st_fail(error, status, "%s could not be synced (%s)", name,
                       strata_status_name(status));
    }
    return STRATA_OK;
}

static strata_status write_slot(const strata_host *host, const char *name, uint64_t offset,
                                const uint8_t *slot, size_t len) {
    const strata_storage *storage = &host->storage;
    strata_file *file = NULL;
    ST_TRY(storage->open(storage->ctx, name, STRATA_FILE_WRITE | STRATA_FILE_CREATE, &file));
    strata_status status = storage->write_at(storage->ctx, file, offset, slot, len);
    status = status == STRATA_OK ? storage->sync(storage->ctx, file) : status;
    const strata_status closed = storage->close(storage->ctx, file);
    return status == STRATA_OK ? closed : status;
}

strata_status st_manifest_write(const strata_host *host, const char *path, st_manifest *manifest,
                                const st_live_file *files, strata_error *error) {
    char name[ST_FILE_NAME_MAX + 1024];
    st_manifest next = *manifest;
    if (next.file_count > ST_LIVE_FILES_MAX) {
        return st_fail_constraint(error, "too_many_files", "a database has at most %u tables",
                                  (uint64_t)ST_LIVE_FILES_MAX);
    }
    uint8_t *slot = st_alloc(&host->memory, ST_MANIFEST_SLOT_BYTES);
    if (slot == NULL) {
        return st_fail_memory(error);
    }
    next.generation++;
    next.read_format = ST_FORMAT_VERSION;
    next.write_format = ST_FORMAT_VERSION;
    const size_t len = slot_encode(&next, files, slot);
    manifest_name(name, sizeof name, path);
    const uint64_t offset = (uint64_t)slot_of(next.generation) * ST_MANIFEST_SLOT_BYTES;
    const strata_status status = write_slot(host, name, offset, slot, len);
    st_free(&host->memory, slot, ST_MANIFEST_SLOT_BYTES);
    if (status != STRATA_OK) {
        return st_fail(error, status, "%s could not be written (%s)", name,
                       strata_status_name(status));
    }
    *manifest = next;
    return STRATA_OK;
}

strata_status st_manifest_is_begun(const strata_host *host, const char *path, bool *begun) {
    const strata_storage *storage = &host->storage;
    char name[ST_FILE_NAME_MAX + 1024];
    uint8_t head[sizeof magic];
    strata_file *file = NULL;
    uint64_t size = 0;
    size_t got = 0;
    manifest_name(name, sizeof name, path);
    ST_TRY(storage->open(storage->ctx, name, STRATA_FILE_READ, &file));
    strata_status status = storage->size(storage->ctx, file, &size);
    if (status == STRATA_OK) {
        status = storage->read_at(storage->ctx, file, 0, head, sizeof head, &got);
    }
    (void)storage->close(storage->ctx, file);
    /* Each byte came through, or is still zero. */
    bool ours = size <= HEAD_BYTES + FIXED_BYTES;
    for (size_t i = 0; i < got; i++) {
        ours = ours && (head[i] == 0 || head[i] == (uint8_t)magic[i]);
    }
    *begun = ours;
    return status;
}

strata_status st_manifest_slots(const strata_host *host, const char *path, unsigned *valid,
                                unsigned *empty) {
    st_manifest slots[2];
    bool written[2] = {false, false};
    ST_TRY(read_slots(host, path, slots, written, NULL));
    *valid = 0;
    *empty = 0;
    for (unsigned i = 0; i < 2; i++) {
        *valid += slots[i].generation > 0;
        *empty += !written[i];
    }
    return STRATA_OK;
}
