/* transfer.c - the frames of an exported database, and the entries in them; the bytes are in
 * transfer.h.
 *
 * Invariants
 * 1. The file is a function of the entries and the header alone: frames end where their entries do,
 *    compression is fixed (format/codec.h), and no time or chance comes in.
 * 2. The checksums are a chain: a frame that is missing, twice there or out of its place breaks it.
 * 3. A reader believes no length before it has compared it with what is left of the file, takes
 *    memory for one frame at a time, and hands out no entry that is not in order.
 * Faults assumed: any bytes at all; files that end anywhere.
 * Rejected: one zstd stream over everything. Its window would have to be decoded before anything
 * could be checked, and the memory for it is whatever the file asks for.
 */
#include "store/copies/transfer.h"

#include "base/crc32c.h"
#include "format/key.h"

enum {
    SKIPPABLE = 0x184d2a5a,
    HEAD_BYTES = 32,
    HEAD_REST = HEAD_BYTES - 8,
    HEADER_BYTES = 64,
    END_BYTES = 32,
    FORMAT = 1,
    FRAME_BYTES = 256 << 10, /* of entries; the one that passes it is the last */
    PLAIN_BYTES_MAX = 1 << 28,
};

enum { KIND_HEADER = 1, KIND_ENTRIES = 2, KIND_END = 3 };

enum {
    SAME_RUN = 1,
    SAME_KEY = 2,
    DELETED = 4,
    EXPIRES = 8,
    TRIMMED = 16,
    HOLE = 32, /* with DELETED */
    ALL_FLAGS = 63
};

static const char magic[8] = {'S', 'T', 'R', 'A', 'T', 'A', 'X', '1'};

static void count_entry(st_transfer_totals *totals, const st_transfer_place *before, uint64_t run,
                        size_t key_len, bool new_key, size_t value_len) {
    totals->entries++;
    totals->runs += !before->any || before->run != run;
    totals->keys += new_key;
    totals->bytes += (new_key ? key_len : 0) + value_len;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static strata_status fail_writing(const st_transfer_writer *w, strata_status status) {
    return st_fail(w->error, status, "%s could not be written (%s)", w->name,
                   strata_status_name(status));
}

/* What is in w->plain becomes a frame. */
static strata_status write_frame(st_transfer_writer *w, uint32_t kind) {
    const strata_storage *storage = &w->host->storage;
    w->out.len = 0;
    if (st_buffer_reserve(&w->out, HEAD_BYTES) != STRATA_OK) {
        return st_fail_memory(w->error);
    }
    w->out.len = HEAD_BYTES;
    if (st_codec_frame(w->codec, st_buffer_slice(&w->plain), &w->out) != STRATA_OK) {
        return st_fail_memory(w->error);
    }
    uint8_t *head = w->out.data;
    store32_le(head, SKIPPABLE);
    store32_le(head + 4, HEAD_REST);
    store32_le(head + 12, kind);
    store32_le(head + 16, (uint32_t)(w->out.len - HEAD_BYTES));
    store32_le(head + 20, (uint32_t)w->plain.len);
    store64_le(head + 24, w->frames);
    w->crc = st_crc32c(w->crc, st_slice(head + 12, w->out.len - 12));
    store32_le(head + 8, w->crc);
    const strata_status status = storage->append(storage->ctx, w->file, w->out.data, w->out.len);
    if (status != STRATA_OK) {
        return fail_writing(w, status);
    }
    w->written += w->out.len;
    w->frames++;
    w->plain.len = 0;
    w->before.in_frame = false;
    return STRATA_OK;
}

static strata_status write_header(st_transfer_writer *w, const st_transfer_header *header) {
    if (st_buffer_reserve(&w->plain, HEADER_BYTES) != STRATA_OK) {
        return st_fail_memory(w->error);
    }
    uint8_t *p = w->plain.data;
    memset(p, 0, HEADER_BYTES);
    memcpy(p, magic, sizeof magic);
    store32_le(p + 8, FORMAT);
    memcpy(p + 16, header->uuid, ST_UUID_BYTES);
    store64_le(p + 32, header->version);
    store64_le(p + 40, (uint64_t)header->created_us);
    store64_le(p + 48, header->floor_version);
    store64_le(p + 56, (uint64_t)header->floor_us);
    w->plain.len = HEADER_BYTES;
    return write_frame(w, KIND_HEADER);
}

strata_status st_transfer_begin(st_transfer_writer *w, const strata_host *host, const char *name,
                                const st_transfer_header *header, strata_error *error) {
    const strata_storage *storage = &host->storage;
    *w = (st_transfer_writer){.host = host,
                              .name = name,
                              .error = error,
                              .plain = {NULL, 0, 0, host},
                              .out = {NULL, 0, 0, host}};
    strata_status status =
        storage->open(storage->ctx, name,
                      STRATA_FILE_WRITE | STRATA_FILE_CREATE | STRATA_FILE_EXCLUSIVE, &w->file);
    if (status == STRATA_ALREADY_EXISTS) {
        return st_fail(error, status, "%s is there already; name a new file", name);
    }
    if (status != STRATA_OK) {
        return fail_writing(w, status);
    }
    status = st_codec_create(STRATA_CODEC_ZSTD, host, &w->codec);
    status = status == STRATA_OK ? write_header(w, header) : st_fail_memory(error);
    if (status != STRATA_OK) {
        st_transfer_end(w, false);
    }
    return status;
}

void st_transfer_end(st_transfer_writer *w, bool keeps) {
    const strata_storage *storage = &w->host->storage;
    if (w->file != NULL) {
        (void)storage->close(storage->ctx, w->file);
    }
    if (!keeps) {
        (void)storage->remove(storage->ctx, w->name);
    }
    st_codec_destroy(w->codec);
    strata_buffer_free(&w->plain);
    strata_buffer_free(&w->out);
}

static size_t shared_bytes(const st_transfer_place *before, strata_slice key) {
    const uint8_t *bytes = key.data;
    const size_t most = st_min(before->key_len, key.len);
    size_t shared = 0;
    while (shared < most && before->key[shared] == bytes[shared]) {
        shared++;
    }
    return shared;
}

/* Appends what comes before the value. */
static uint8_t *put_head(uint8_t *p, const st_transfer_place *before, uint64_t run,
                         strata_slice key, const st_revision *revision) {
    const bool same_run = before->in_frame && before->run == run;
    const bool same_key = same_run && st_slice_equal(st_slice(before->key, before->key_len), key);
    const uint64_t number = before->in_frame ? before->number : 0;
    const int64_t time_us = before->in_frame ? before->timestamp_us : 0;
    *p++ = (uint8_t)((same_run ? SAME_RUN : 0) | (same_key ? SAME_KEY : 0) |
                     (revision->deleted ? DELETED : 0) |
                     (revision->expires_us != ST_NEVER ? EXPIRES : 0) |
                     (revision->trimmed ? TRIMMED : 0) | (revision->hole ? HOLE : 0));
    if (!same_run) {
        p = st_varint_put(p, run);
    }
    if (!same_key) {
        const size_t shared = before->in_frame ? shared_bytes(before, key) : 0;
        p = st_varint_put(p, shared);
        p = st_varint_put(p, key.len - shared);
        memcpy(p, (const uint8_t *)key.data + shared, key.len - shared);
        p += key.len - shared;
    }
    p = st_varint_put(p, st_zigzag((int64_t)(revision->number - number)));
    p = st_varint_put(p,
                      st_zigzag((int64_t)((uint64_t)revision->timestamp_us - (uint64_t)time_us)));
    if (revision->expires_us != ST_NEVER) {
        p = st_varint_put(p, st_zigzag((int64_t)((uint64_t)revision->expires_us -
                                                 (uint64_t)revision->timestamp_us)));
    }
    return revision->deleted ? p : st_varint_put(p, revision->value.len);
}

strata_status st_transfer_add(st_transfer_writer *w, uint64_t run, strata_slice key,
                              const st_revision *revision) {
    st_transfer_place *before = &w->before;
    const strata_slice value = revision->deleted ? st_slice("", 0) : revision->value;
    const bool new_key = !before->any || before->run != run ||
                         !st_slice_equal(st_slice(before->key, before->key_len), key);
    if (w->plain.len >= FRAME_BYTES) {
        ST_TRY(write_frame(w, KIND_ENTRIES));
    }
    if (st_buffer_reserve(&w->plain, 1 + (size_t)7 * ST_VARINT_BYTES_MAX + key.len + value.len) !=
        STRATA_OK) {
        return st_fail_memory(w->error);
    }
    uint8_t *p = put_head(w->plain.data + w->plain.len, before, run, key, revision);
    memcpy(p, value.data, value.len);
    w->plain.len = (size_t)(p + value.len - w->plain.data);
    count_entry(&w->totals, before, run, key.len, new_key, value.len);
    before->any = true;
    before->in_frame = true;
    before->run = run;
    before->number = revision->number;
    before->timestamp_us = revision->timestamp_us;
    before->key_len = key.len;
    memcpy(before->key, key.data, key.len);
    return STRATA_OK;
}

strata_status st_transfer_finish(st_transfer_writer *w) {
    const strata_storage *storage = &w->host->storage;
    const uint64_t numbers[] = {w->totals.entries, w->totals.keys, w->totals.runs, w->totals.bytes};
    if (w->plain.len > 0) {
        ST_TRY(write_frame(w, KIND_ENTRIES));
    }
    if (st_buffer_reserve(&w->plain, END_BYTES) != STRATA_OK) {
        return st_fail_memory(w->error);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        store64_le(w->plain.data + i * 8, numbers[i]);
    }
    w->plain.len = END_BYTES;
    ST_TRY(write_frame(w, KIND_END));
    strata_status status = storage->sync(storage->ctx, w->file);
    const strata_status closed = storage->close(storage->ctx, w->file);
    w->file = NULL;
    status = status == STRATA_OK ? closed : status;
    return status == STRATA_OK ? STRATA_OK : fail_writing(w, status);
}

/* ---- Reading --------------------------------------------------------------------------------- */

strata_status st_transfer_refuse(const st_transfer_reader *r, const char *what) {
    st_fail(r->error, STRATA_CORRUPT, "%s is damaged at offset %u: %s", r->name, r->frame_at, what);
    st_fail_text(r->error, "file", strata_text(r->name));
    return st_fail_number(r->error, "offset", (int64_t)r->frame_at);
}

static strata_status fail_reading(const st_transfer_reader *r, strata_status status) {
    return st_fail(r->error, status, "%s could not be read (%s)", r->name,
                   strata_status_name(status));
}

/* Replaces r->stored by so many bytes of the file, which has them. */
static strata_status read_bytes(st_transfer_reader *r, uint64_t offset, size_t len) {
    const strata_storage *storage = &r->host->storage;
    size_t got = 0;
    r->stored.len = 0;
    strata_status status = st_buffer_reserve(&r->stored, len);
    if (status == STRATA_OK) {
        status = storage->read_at(storage->ctx, r->file, offset, r->stored.data, len, &got);
    }
    if (status != STRATA_OK) {
        return fail_reading(r, status);
    }
    r->stored.len = got;
    return got == len ? STRATA_OK : st_transfer_refuse(r, "the file ends early");
}

static strata_status unpack(st_transfer_reader *r, size_t plain_len) {
    const strata_slice packed = st_slice(r->stored.data + HEAD_BYTES, r->stored.len - HEAD_BYTES);
    r->plain.len = 0;
    const strata_status status = st_codec_decode(r->codec, packed, plain_len, &r->plain);
    if (status == STRATA_CORRUPT || (status == STRATA_OK && r->plain.len != plain_len)) {
        return st_transfer_refuse(r, "a frame does not unpack");
    }
    return status == STRATA_OK ? STRATA_OK : fail_reading(r, status);
}

/* The next frame, unpacked into r->plain. */
static strata_status read_frame(st_transfer_reader *r, uint32_t *kind) {
    r->frame_at = r->at;
    if (r->size - r->at < HEAD_BYTES) {
        return st_transfer_refuse(r, "the file ends early");
    }
    ST_TRY(read_bytes(r, r->at, HEAD_BYTES));
    const uint8_t *head = r->stored.data;
    const uint32_t stored_len = load32_le(head + 16);
    const uint32_t plain_len = load32_le(head + 20);
    if (load32_le(head) != SKIPPABLE || load32_le(head + 4) != HEAD_REST ||
        load64_le(head + 24) != r->frames || plain_len > PLAIN_BYTES_MAX) {
        return st_transfer_refuse(r, "this is not the frame that comes next");
    }
    if (stored_len > r->size - r->at - HEAD_BYTES || stored_len > PLAIN_BYTES_MAX * 2u) {
        return st_transfer_refuse(r, "the file ends early");
    }
    ST_TRY(read_bytes(r, r->at, HEAD_BYTES + (size_t)stored_len));
    head = r->stored.data;
    r->crc = st_crc32c(r->crc, st_slice(head + 12, r->stored.len - 12));
    if (load32_le(head + 8) != r->crc || load32_le(head + 20) != plain_len) {
        return st_transfer_refuse(r, "a checksum does not fit");
    }
    *kind = load32_le(head + 12);
    ST_TRY(unpack(r, plain_len));
    r->at += r->stored.len;
    r->frames++;
    r->before.in_frame = false;
    return STRATA_OK;
}

static strata_status read_header(st_transfer_reader *r) {
    uint32_t kind;
    ST_TRY(read_frame(r, &kind));
    const uint8_t *p = r->plain.data;
    if (kind != KIND_HEADER || r->plain.len < 12 || memcmp(p, magic, sizeof magic) != 0) {
        return st_transfer_refuse(r, "it does not begin with a header");
    }
    if (load32_le(p + 8) != FORMAT) {
        st_fail(r->error, STRATA_INVALID_ARGUMENT,
                "%s is an export of format %u; this library reads %u. Import it with a newer "
                "Strata",
                r->name, (uint64_t)load32_le(p + 8), (uint64_t)FORMAT);
        return st_fail_number(r->error, "format", load32_le(p + 8));
    }
    if (r->plain.len != HEADER_BYTES) {
        return st_transfer_refuse(r, "its header has another length");
    }
    memcpy(r->header.uuid, p + 16, ST_UUID_BYTES);
    r->header.version = load64_le(p + 32);
    r->header.created_us = (int64_t)load64_le(p + 40);
    r->header.floor_version = load64_le(p + 48);
    r->header.floor_us = (int64_t)load64_le(p + 56);
    return load32_le(p + 12) == 0 && r->header.version < INT64_MAX &&
                   r->header.floor_version <= r->header.version
               ? STRATA_OK
               : st_transfer_refuse(r, "its header contradicts itself");
}

strata_status st_transfer_open(st_transfer_reader *r, const strata_host *host, const char *name,
                               strata_error *error) {
    const strata_storage *storage = &host->storage;
    uint8_t start[4];
    size_t got = 0;
    *r = (st_transfer_reader){.host = host,
                              .name = name,
                              .error = error,
                              .stored = {NULL, 0, 0, host},
                              .plain = {NULL, 0, 0, host}};
    strata_status status = storage->open(storage->ctx, name, STRATA_FILE_READ, &r->file);
    if (status == STRATA_OK) {
        status = storage->size(storage->ctx, r->file, &r->size);
    }
    if (status == STRATA_OK) {
        status = storage->read_at(storage->ctx, r->file, 0, start, sizeof start, &got);
    }
    if (status != STRATA_OK) {
        return fail_reading(r, status);
    }
    if (got != sizeof start || load32_le(start) != SKIPPABLE) {
        return st_fail(error, STRATA_INVALID_ARGUMENT, "%s is not an export of Strata", name);
    }
    if (st_codec_create(STRATA_CODEC_ZSTD, host, &r->codec) != STRATA_OK) {
        return st_fail_memory(error);
    }
    return read_header(r);
}

void st_transfer_close(st_transfer_reader *r) {
    if (r->file != NULL) {
        (void)r->host->storage.close(r->host->storage.ctx, r->file);
    }
    st_codec_destroy(r->codec);
    strata_buffer_free(&r->stored);
    strata_buffer_free(&r->plain);
}

/* ---- Entries --------------------------------------------------------------------------------- */

/* Run and key of the entry: into `next`, which is a copy of the place before. */
static bool take_key(st_cursor *cursor, uint8_t flags, const st_transfer_place *before,
                     st_transfer_place *next) {
    uint64_t shared;
    strata_slice rest;
    if ((flags & (SAME_RUN | SAME_KEY)) != 0 && !before->in_frame) {
        return false;
    }
    if ((flags & SAME_RUN) == 0 && (!st_cursor_varint(cursor, &next->run) ||
                                    next->run >= ST_RUNS_MAX || (flags & SAME_KEY) != 0)) {
        return false;
    }
    if ((flags & SAME_KEY) != 0) {
        return true;
    }
    if (!st_cursor_varint(cursor, &shared) || !st_cursor_sized(cursor, &rest) ||
        shared > (before->in_frame ? before->key_len : 0) ||
        rest.len > sizeof next->key - (size_t)shared) {
        return false;
    }
    if (rest.len > 0) {
        memcpy(next->key + shared, rest.data, rest.len);
    }
    next->key_len = (size_t)shared + rest.len;
    return st_key_well_formed(st_slice(next->key, next->key_len));
}

static bool take_rest(st_cursor *cursor, uint8_t flags, const st_transfer_place *before,
                      st_transfer_place *next, st_revision *revision) {
    uint64_t number;
    uint64_t time;
    uint64_t end = 0;
    if ((flags & (HOLE | DELETED)) == HOLE || !st_cursor_varint(cursor, &number) ||
        !st_cursor_varint(cursor, &time) ||
        ((flags & EXPIRES) != 0 && !st_cursor_varint(cursor, &end))) {
        return false;
    }
    next->number = (before->in_frame ? before->number : 0) + (uint64_t)st_unzigzag(number);
    next->timestamp_us = (int64_t)((before->in_frame ? (uint64_t)before->timestamp_us : 0) +
                                   (uint64_t)st_unzigzag(time));
    *revision = (st_revision){.number = next->number,
                              .timestamp_us = next->timestamp_us,
                              .expires_us = ST_NEVER,
                              .deleted = (flags & DELETED) != 0,
                              .trimmed = (flags & TRIMMED) != 0,
                              .hole = (flags & HOLE) != 0,
                              .value = st_slice("", 0)};
    if ((flags & EXPIRES) != 0) {
        revision->expires_us = (int64_t)((uint64_t)next->timestamp_us + (uint64_t)st_unzigzag(end));
    }
    return revision->deleted || st_cursor_sized(cursor, &revision->value);
}

static int compare_keys(const st_transfer_place *a, const st_transfer_place *b) {
    if (a->run != b->run) {
        return a->run < b->run ? -1 : 1;
    }
    return st_slice_compare(st_slice(a->key, a->key_len), st_slice(b->key, b->key_len));
}

/* Whether `next` may come after `before`; *new_key: with another key. */
static bool is_in_order(const st_transfer_reader *r, const st_transfer_place *next, bool *new_key) {
    const st_transfer_place *before = &r->before;
    const int order = before->any ? compare_keys(before, next) : -1;
    *new_key = order < 0;
    return next->number > 0 && next->number <= r->header.version &&
           (order < 0 || (order == 0 && next->number < before->number &&
                          next->timestamp_us <= before->timestamp_us));
}

static strata_status take_entry(st_transfer_reader *r, st_transfer_entry *entry) {
    st_transfer_place next = r->before;
    uint8_t flags;
    if (!st_cursor_u8(&r->cursor, &flags) || (flags & ~(uint32_t)ALL_FLAGS) != 0 ||
        !take_key(&r->cursor, flags, &r->before, &next) ||
        !take_rest(&r->cursor, flags, &r->before, &next, &entry->revision)) {
        return st_transfer_refuse(r, "an entry is malformed");
    }
    if (!is_in_order(r, &next, &entry->new_key)) {
        return st_transfer_refuse(r, "an entry is out of order");
    }
    count_entry(&r->totals, &r->before, next.run, next.key_len, entry->new_key,
                entry->revision.value.len);
    next.any = true;
    next.in_frame = true;
    r->before = next;
    entry->run = next.run;
    entry->key = st_slice(r->before.key, r->before.key_len);
    return STRATA_OK;
}

static strata_status check_end(st_transfer_reader *r) {
    const uint8_t *p = r->plain.data;
    const st_transfer_totals *totals = &r->totals;
    if (r->plain.len != END_BYTES || load64_le(p) != totals->entries ||
        load64_le(p + 8) != totals->keys || load64_le(p + 16) != totals->runs ||
        load64_le(p + 24) != totals->bytes) {
        return st_transfer_refuse(r, "its end says that there is more or less of it");
    }
    r->frame_at = r->at;
    r->ended = true;
    return r->at == r->size ? STRATA_OK : st_transfer_refuse(r, "there is something after its end");
}

strata_status st_transfer_next(st_transfer_reader *r, st_transfer_entry *entry, bool *found) {
    *found = false;
    while (!r->ended && st_cursor_left(&r->cursor) == 0) {
        uint32_t kind;
        ST_TRY(read_frame(r, &kind));
        if (kind == KIND_END) {
            return check_end(r);
        }
        if (kind != KIND_ENTRIES) {
            return st_transfer_refuse(r, "a frame has an unknown kind");
        }
        r->cursor = st_cursor_over(st_buffer_slice(&r->plain));
    }
    *found = !r->ended;
    return r->ended ? STRATA_OK : take_entry(r, entry);
}
