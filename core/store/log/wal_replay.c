/* wal_replay.c - walking the segments of the log.
 *
 * The walk stops at the first frame that does not hold. Whether that is the torn tail of a crash or
 * damage is decided by evidence that the bytes had once been synced (wal_frame.h):
 *   1. a later segment exists: this one was whole before that began;
 *   2. the manifest of the last clean close or open says the log was whole further than here;
 *   3. a good frame further on was appended when the durable end was already beyond here.
 * With evidence: corrupt, with file and offset. Without: the tail, cut by the caller.
 *
 * Invariants: versions in the log have no gaps; nothing is handed to the sink before its checksum,
 * length and version were checked; memory is bounded by the largest frame.
 * Faults assumed: unsynced writes kept, dropped, reordered, torn; synced bytes flipped or zeroed.
 */
#include "store/log/wal_replay.h"

#include "format/codec.h"
#include "store/file_name.h"
#include "store/file_window.h"

enum {
    /* What the search for a proof may checksum, besides as many bytes for each it searches: bytes
     * made to look like records everywhere could keep it busy for hours. */
    PROOF_WORK_BYTES = 64 << 20,
    PROOF_WORK_FACTOR = 16,
};

/* ---- One segment ----------------------------------------------------------------------------- */

typedef struct walk {
    const strata_host *host;
    const char *path;
    const st_manifest *manifest;
    const st_replay_sink *sink;
    st_replay *replay;
    strata_error *error;
    st_codec *codec;
    strata_buffer plain; /* a decoded payload */
    st_file_window window;
    st_wal_header header;
    uint64_t segment;
    bool last;
    uint64_t reread;      /* the last place that was read again; UINT64_MAX: none in the segment */
    uint64_t bytes_total; /* of all segments, for progress */
} walk;

static strata_status corrupt(walk *w, uint64_t offset, const char *what) {
    char file[ST_FILE_NAME_MAX];
    st_format(file, sizeof file, "WAL/wal-%u.seg", w->segment);
    st_fail(w->error, STRATA_CORRUPT,
            "%s/%s is damaged at offset %u: %s. Nothing was changed; restore a backup, or see what "
            "verify says",
            w->path, file, offset, what);
    st_fail_text(w->error, "file", strata_text(file));
    st_fail_number(w->error, "offset", (int64_t)offset);
    return STRATA_CORRUPT;
}

static strata_status failed(walk *w, strata_status status) {
    return st_fail(w->error, status, "%s/WAL/wal-%u.seg could not be read (%s)", w->path,
                   w->segment, strata_status_name(status));
}

/* Bytes from offset to the last one that is not zero. */
static strata_status count_garbage(walk *w, uint64_t offset, uint64_t *garbage) {
    *garbage = 0;
    for (uint64_t at = offset; at < w->window.size;) {
        const size_t len =
            (size_t)(w->window.size - at < ST_FILE_WINDOW_BYTES ? w->window.size - at
                                                                : ST_FILE_WINDOW_BYTES);
        const uint8_t *bytes;
        ST_TRY(st_file_window_at(&w->window, at, len, &bytes));
        if (bytes == NULL) {
            continue;
        }
        size_t last = len;
        while (last >= 8 && load64_le(bytes + last - 8) == 0) {
            last -= 8;
        }
        while (last > 0 && bytes[last - 1] == 0) {
            last--;
        }
        *garbage = last > 0 ? at + last - offset : *garbage;
        at += len;
    }
    return STRATA_OK;
}

typedef enum proof { PROOF_NONE, PROOF_FOUND, PROOF_GIVEN_UP } proof;

/* Whether a frame in the `garbage` bytes after `offset` proves that those at `offset` were synced.
 */
static strata_status find_proof(walk *w, uint64_t offset, uint64_t garbage, proof *found) {
    const uint32_t expected = (uint32_t)(w->replay->at.version + 1);
    uint64_t work_left = PROOF_WORK_BYTES + garbage * PROOF_WORK_FACTOR;
    *found = PROOF_NONE;
    for (uint64_t at = offset + 1; at < offset + garbage; at++) {
        const uint8_t *bytes;
        if (at + ST_WAL_FRAME_BYTES > w->window.size) {
            return STRATA_OK;
        }
        ST_TRY(st_file_window_at(&w->window, at, ST_WAL_FRAME_BYTES, &bytes));
        if (bytes == NULL) {
            return STRATA_OK;
        }
        const st_wal_frame frame = st_wal_frame_read(bytes);
        /* Each frame in between took a version and at least its head. */
        if (frame.version_low - expected > (at - offset) / ST_WAL_FRAME_BYTES ||
            frame.unsynced >= at - offset ||
            frame.payload_len > w->window.size - at - ST_WAL_FRAME_BYTES) {
            continue;
        }
        const size_t len = ST_WAL_FRAME_BYTES + (size_t)frame.payload_len;
        if (len > work_left) {
            *found = PROOF_GIVEN_UP;
            return STRATA_OK;
        }
        work_left -= len;
        ST_TRY(st_file_window_at(&w->window, at, len, &bytes));
        if (bytes != NULL && st_wal_frame_holds(bytes, &frame)) {
            *found = PROOF_FOUND;
            return STRATA_OK;
        }
    }
    return STRATA_OK;
}

/* Whether the manifest knows of records at or after offset. */
static bool is_promised(const walk *w, uint64_t offset) {
    return w->segment < w->manifest->whole_segment
               ? w->last
               : w->segment == w->manifest->whole_segment && offset < w->manifest->whole_end;
}

/* The walk cannot go on at offset: decide between the end, a torn tail and damage. *again: a writer
 * beside this reader may just have finished what was read half; read the place once more. */
static strata_status end_at(walk *w, uint64_t offset, const char *what, bool *again) {
    *again = false;
    if (!w->last || is_promised(w, offset)) {
        return corrupt(w, offset, what);
    }
    proof found = PROOF_NONE;
    strata_status status = count_garbage(w, offset, &w->replay->torn_bytes);
    if (status == STRATA_OK) {
        status = find_proof(w, offset, w->replay->torn_bytes, &found);
    }
    if (status != STRATA_OK) {
        return failed(w, status);
    }
    if (found == PROOF_NONE) {
        return STRATA_OK;
    }
    if (w->reread != offset) {
        w->reread = offset;
        w->window.buffer.len = 0;
        *again = true;
        return STRATA_OK;
    }
    return corrupt(w, offset,
                   found == PROOF_FOUND ? what : "what follows looks like records everywhere");
}

static strata_status deliver(walk *w, const uint8_t *frame_bytes, const st_wal_frame *frame,
                             uint64_t offset) {
    strata_slice payload = st_slice(frame_bytes + ST_WAL_FRAME_BYTES, frame->payload_len);
    if (frame->encoded) {
        w->plain.len = 0;
        const strata_status status =
            st_codec_decode(w->codec, payload, ST_WAL_PAYLOAD_MAX, &w->plain);
        if (status == STRATA_CORRUPT) {
            return corrupt(w, offset, "a compressed record does not unpack");
        }
        if (status != STRATA_OK) {
            return failed(w, status);
        }
        payload = st_buffer_slice(&w->plain);
    }
    st_wal_record record;
    if (!st_wal_record_open(payload, &record)) {
        return corrupt(w, offset, "a record has a malformed beginning");
    }
    const int64_t timestamp_us =
        (int64_t)((uint64_t)w->header.base_us + (uint64_t)record.since_base_us);
    const strata_status status =
        w->sink->commit(w->sink->ctx, w->replay->at.version + 1, timestamp_us, &record);
    if (status == STRATA_CORRUPT) {
        return corrupt(w, offset, "a record is malformed");
    }
    return status == STRATA_OK ? STRATA_OK : failed(w, status);
}

/* Whether the header is there and whole. */
static strata_status try_header(walk *w, bool *whole) {
    const uint8_t *bytes = NULL;
    if (w->window.size >= ST_WAL_HEADER_BYTES) {
        const strata_status status = st_file_window_at(&w->window, 0, ST_WAL_HEADER_BYTES, &bytes);
        if (status != STRATA_OK) {
            return failed(w, status);
        }
    }
    *whole = bytes != NULL && st_wal_header_decode(bytes, &w->header);
    return STRATA_OK;
}

/* The header. *usable false: the segment was never begun (a crash in its creation). */
static strata_status read_header(walk *w, bool *usable) {
    bool again = false;
    do {
        ST_TRY(try_header(w, usable));
        if (!*usable) {
            ST_TRY(end_at(w, 0, "its header is damaged", &again));
        }
    } while (!*usable && again);
    if (!*usable) {
        w->replay->header_torn = true;
        w->replay->torn_segment = w->segment;
        return STRATA_OK;
    }
    if (w->header.segment != w->segment ||
        memcmp(w->header.uuid, w->manifest->uuid, ST_UUID_BYTES) != 0) {
        return corrupt(w, 0, "it belongs to another database or place in the log");
    }
    if (w->header.version_before != w->replay->at.version) {
        return corrupt(w, 16, "versions are missing before it");
    }
    return STRATA_OK;
}

static void tell_progress(const walk *w, uint64_t offset) {
    if (w->host->log.progress != NULL) {
        w->host->log.progress(w->host->log.ctx, "recover", w->replay->at.total_bytes + offset,
                              w->bytes_total);
    }
}

/* The frame at offset, with its payload. *what: NULL, or why the walk cannot go on there; the end
 * of the file is no reason. *bytes NULL: the file ends. */
static strata_status read_frame(walk *w, uint64_t offset, st_wal_frame *frame,
                                const uint8_t **bytes, const char **what) {
    const uint64_t left = w->window.size - offset;
    *bytes = NULL;
    *what = left > 0 && left < ST_WAL_FRAME_BYTES ? "a few bytes where a record should be" : NULL;
    if (left < ST_WAL_FRAME_BYTES) {
        return STRATA_OK;
    }
    ST_TRY(st_file_window_at(&w->window, offset, ST_WAL_FRAME_BYTES, bytes));
    if (*bytes == NULL) {
        return STRATA_OK;
    }
    if (st_wal_frame_is_end(*bytes)) {
        *what = "zeros where a record should be";
        return STRATA_OK;
    }
    *frame = st_wal_frame_read(*bytes);
    if (frame->payload_len > left - ST_WAL_FRAME_BYTES) {
        *what = "a record ends beyond the file";
        return STRATA_OK;
    }
    ST_TRY(st_file_window_at(&w->window, offset, ST_WAL_FRAME_BYTES + (size_t)frame->payload_len,
                             bytes));
    if (*bytes == NULL || !st_wal_frame_holds(*bytes, frame)) {
        *what = "a record's checksum does not fit";
    }
    return STRATA_OK;
}

static strata_status walk_frames(walk *w) {
    st_replay *replay = w->replay;
    uint64_t offset = ST_WAL_HEADER_BYTES;
    for (;;) {
        const uint8_t *bytes;
        const char *what;
        st_wal_frame frame;
        replay->at.end = offset;
        const strata_status status = read_frame(w, offset, &frame, &bytes, &what);
        if (status != STRATA_OK) {
            return failed(w, status);
        }
        if (what != NULL) {
            bool again;
            ST_TRY(end_at(w, offset, what, &again));
            if (!again) {
                return STRATA_OK;
            }
            continue;
        }
        if (bytes == NULL) {
            return is_promised(w, offset) ? corrupt(w, offset, "the file ends early") : STRATA_OK;
        }
        if (frame.version_low != (uint32_t)(replay->at.version + 1)) {
            return corrupt(w, offset, "a record is out of order");
        }
        ST_TRY(deliver(w, bytes, &frame, offset));
        replay->at.version++;
        replay->commits++;
        const uint64_t before = offset;
        offset += ST_WAL_FRAME_BYTES + (uint64_t)frame.payload_len;
        if (before / ST_FILE_WINDOW_BYTES != offset / ST_FILE_WINDOW_BYTES) {
            tell_progress(w, offset);
        }
    }
}

static strata_status walk_segment(walk *w) {
    st_replay *replay = w->replay;
    char name[ST_FILE_NAME_MAX + 1024];
    bool usable = false;
    st_wal_name(name, sizeof name, w->path, w->segment);
    strata_status status = st_file_window_open(&w->window, name);
    if (status != STRATA_OK) {
        return failed(w, status);
    }
    w->reread = UINT64_MAX;
    status = read_header(w, &usable);
    if (status == STRATA_OK && usable) {
        replay->at.segment = w->segment;
        replay->at.base_us = w->header.base_us;
        status = walk_frames(w);
        replay->size_of_last = w->window.size;
        replay->at.total_bytes += replay->at.end;
        replay->at.segments++;
        replay->bytes += replay->at.end;
        tell_progress(w, 0);
    }
    st_file_window_close(&w->window);
    return status;
}

/* ---- The segments ---------------------------------------------------------------------------- */

typedef struct listing {
    uint64_t lowest_wanted;
    uint64_t lowest;
    uint64_t highest;
    uint64_t count;
} listing;

static strata_status visit_segment(void *arg, const char *name) {
    listing *list = arg;
    uint64_t number;
    if (!st_file_number(name, "wal-", ".seg", &number) || number < list->lowest_wanted) {
        return STRATA_OK;
    }
    list->lowest = list->count == 0 || number < list->lowest ? number : list->lowest;
    list->highest = number > list->highest ? number : list->highest;
    list->count++;
    return STRATA_OK;
}

static strata_status sum_sizes(walk *w, const listing *list) {
    const strata_storage *storage = &w->host->storage;
    for (uint64_t segment = list->lowest; list->count > 0 && segment <= list->highest; segment++) {
        char name[ST_FILE_NAME_MAX + 1024];
        strata_file *file;
        uint64_t size = 0;
        w->segment = segment;
        st_wal_name(name, sizeof name, w->path, segment);
        strata_status status = storage->open(storage->ctx, name, STRATA_FILE_READ, &file);
        if (status == STRATA_NOT_FOUND) {
            return corrupt(w, 0, "the segment is missing");
        }
        if (status == STRATA_OK) {
            status = storage->size(storage->ctx, file, &size);
            (void)storage->close(storage->ctx, file);
        }
        if (status != STRATA_OK) {
            return failed(w, status);
        }
        w->bytes_total += size;
    }
    return STRATA_OK;
}

strata_status st_wal_replay(const strata_host *host, const char *path, const st_manifest *manifest,
                            const st_replay_sink *sink, st_replay *replay, strata_error *error) {
    const strata_storage *storage = &host->storage;
    char folder[ST_FILE_NAME_MAX + 1024];
    listing list = {manifest->wal_first, 0, 0, 0};
    memset(replay, 0, sizeof *replay);
    replay->at.version = manifest->watermark;
    st_format(folder, sizeof folder, "%s/WAL", path);
    strata_status status = storage->list(storage->ctx, folder, visit_segment, &list);
    if (status != STRATA_OK && status != STRATA_NOT_FOUND) {
        return st_fail(error, status, "%s could not be listed (%s)", folder,
                       strata_status_name(status));
    }
    if (sink->until_segment > 0 && list.highest > sink->until_segment) {
        list.highest = sink->until_segment;
    }
    walk w = {.host = host,
              .path = path,
              .manifest = manifest,
              .sink = sink,
              .replay = replay,
              .error = error,
              .plain = {NULL, 0, 0, host},
              .window = st_file_window_over(host),
              .segment = manifest->wal_first};
    if (manifest->whole_segment > 0 && (list.count == 0 || list.lowest != manifest->wal_first ||
                                        list.highest < manifest->whole_segment)) {
        w.segment =
            list.lowest != manifest->wal_first ? manifest->wal_first : manifest->whole_segment;
        return corrupt(&w, 0, "the segment is missing");
    }
    replay->at.first = list.count > 0 ? list.lowest : manifest->wal_first;
    ST_TRY(sum_sizes(&w, &list));
    status = st_codec_create(manifest->codec, host, &w.codec);
    if (status != STRATA_OK) {
        return st_fail_memory(error);
    }
    for (w.segment = list.lowest;
         status == STRATA_OK && list.count > 0 && w.segment <= list.highest; w.segment++) {
        w.last = w.segment == list.highest;
        status = walk_segment(&w);
    }
    st_codec_destroy(w.codec);
    strata_buffer_free(&w.plain);
    st_file_window_free(&w.window);
    return status;
}
