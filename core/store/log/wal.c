/* wal.c - appending to the log, group commit, segments.
 *
 * A commit takes its version and puts its frame into `pending` in one step under `lock`, so the log
 * is in version order. Whoever needs it on disk while nobody syncs leads: takes flush_lock, carries
 * everything pending to the file in one write, and syncs. The others sleep until it has done so;
 * those whose version is durable then return, and one of the rest leads next. They will be back with
 * their next commit in a microsecond or two, while the sync takes a hundred: so the next leader gives
 * as many as waited before that moment to join it. Without it threads take turns, a commit a sync.
 *
 * Invariants:
 * 1. version order = order of frames; a segment's header names the version before its first frame.
 * 2. end <= reserved: a frame enters `pending` only when the file has room for it, so that a full
 *    disk refuses a commit before it happened and never in the middle (host.h: growing reserves).
 *    In buffered mode with threads there are held_max before the next segment's file is there:
 *    to make it takes several syncs, for which commits do not wait. If the disk is full just then,
 *    they are held in memory, a sync says no_space, and the next one tries again.
 * 3. durable_end only covers synced bytes; it is stamped into frames (wal_frame.h) to tell a torn
 *    tail from corruption.
 * 4. A segment is synced, cut to its end and synced again before the next one exists, so only the
 *    last segment can be torn. In between `file` is NULL, `written` is where the old one ended, and
 *    end, durable_end, base_us and begin_version are of the next one; a disk too full for it
 *    refuses commits until it has room.
 * 5. After a write or sync has failed nothing more is written: what the file holds is unknown, and
 *    trying again could report bytes as durable that the kernel has dropped.
 * Rejected: sleeping on flush_lock itself. Each sleeper then takes the lock only to find that it
 * need not, behind the sync of whoever was faster: a convoy that carries one commit a sync.
 * Rejected: a thread of its own for the log. The waiting writer does the work; without threads (a
 * browser worker) it is the only one there.
 */
#include "store/log/wal.h"

enum {
    RESERVE_BYTES = 1 << 20,     /* grown at a time: one file-system transaction a megabyte */
    HELD_BYTES_MAX = 16 << 20,   /* of what comes while somebody does */
    PENDING_BYTES_MAX = 1 << 20, /* buffered mode writes early beyond this, if nobody syncs */
    KEPT_BYTES = 64 << 10,       /* of each buffer, at rest */
    COMPANY_LOOKS = 800,         /* for those who join a sync: 10-20 us */
    TURNS_ALONE = 4,             /* after nobody came */
};

/* ---- Failure --------------------------------------------------------------------------------- */

static strata_status poison(st_wal *wal, strata_status status, const char *what,
                            strata_error *error) {
    atomic_store_explicit(&wal->failed, (int)status, memory_order_release);
    if (wal->host->log.write != NULL) {
        wal->host->log.write(wal->host->log.ctx, STRATA_LOG_ERROR,
                             "the log can no longer be written", strata_status_name(status));
    }
    return st_fail(error, status,
                   "%s the log failed (%s); nothing more is accepted. Reads still work; close and "
                   "reopen the database when the cause is gone",
                   what, strata_status_name(status));
}

strata_status st_wal_check(st_wal *wal, strata_error *error) {
    const int failed = atomic_load_explicit(&wal->failed, memory_order_acquire);
    if (ST_LIKELY(failed == STRATA_OK)) {
        return STRATA_OK;
    }
    return st_fail(error, (strata_status)failed,
                   "the log failed earlier (%s); close and reopen the database",
                   strata_status_name((strata_status)failed));
}

/* ---- Segments (under both locks, or before anybody else knows the wal) ----------------------- */

static strata_status open_segment(st_wal *wal, uint64_t segment, uint32_t flags,
                                  strata_file **file) {
    char name[ST_FILE_NAME_MAX + 1024];
    st_wal_name(name, sizeof name, wal->path, segment);
    const strata_storage *storage = &wal->host->storage;
    return storage->open(storage->ctx, name, STRATA_FILE_WRITE | flags, file);
}

/* Writes the header of a new segment. On an error the file stays, and is written again the next time:
 * a removal is not durable, and would let a segment come back behind one that had gone on (invariant
 * 4). A sync that fails is io, whatever the host calls it: it is never tried again. */
static strata_status make_segment(st_wal *wal, const st_wal_header *header, strata_file **file) {
    const strata_storage *storage = &wal->host->storage;
    const uint32_t flags = STRATA_FILE_CREATE | (wal->half_made ? 0u : STRATA_FILE_EXCLUSIVE);
    const bool again = wal->half_made;
    uint8_t bytes[ST_WAL_HEADER_BYTES];
    st_wal_header_encode(header, bytes);
    wal->half_made = true;
    ST_TRY(open_segment(wal, header->segment, flags, file));
    strata_status status = again ? storage->truncate(storage->ctx, *file, 0) : STRATA_OK;
    if (status == STRATA_OK) {
        status = storage->write_at(storage->ctx, *file, 0, bytes, sizeof bytes);
    }
    if (status == STRATA_OK && storage->sync(storage->ctx, *file) != STRATA_OK) {
        status = STRATA_IO;
    }
    if (status != STRATA_OK) {
        (void)storage->close(storage->ctx, *file);
        return status;
    }
    wal->half_made = false;
    return STRATA_OK;
}

/* Whether commits go on while somebody syncs or makes a segment. */
static bool goes_on(const st_wal *wal) {
    return wal->durability == STRATA_BUFFERED && wal->host->executor.wait != NULL;
}

/* What is appended from now on belongs to the next segment. Under both locks, with nothing pending. */
static void cut(st_wal *wal) {
    const uint64_t reserved = goes_on(wal) ? ST_WAL_HEADER_BYTES + wal->held_max : 0;
    wal->begin_version = wal->version;
    wal->base_us = wal->host->clock.wall_us(wal->host->clock.ctx);
    wal->end = ST_WAL_HEADER_BYTES;
    wal->durable_end = ST_WAL_HEADER_BYTES;
    atomic_store_explicit(&wal->reserved, reserved, memory_order_relaxed);
}

/* Makes the file of the segment that was cut off, with room for what it is promised. */
static strata_status start_segment(st_wal *wal) {
    const strata_storage *storage = &wal->host->storage;
    strata_file *file = NULL;
    st_mutex_lock(&wal->lock, &wal->host->executor);
    const uint64_t promised = atomic_load_explicit(&wal->reserved, memory_order_relaxed);
    const uint64_t size = promised > wal->end ? promised : wal->end;
    st_mutex_unlock(&wal->lock, &wal->host->executor);
    st_wal_header header = {wal->segment + 1, wal->begin_version, wal->base_us, {0}};
    memcpy(header.uuid, wal->uuid, ST_UUID_BYTES);
    ST_TRY(make_segment(wal, &header, &file));
    if (size > ST_WAL_HEADER_BYTES) {
        const strata_status status = storage->truncate(storage->ctx, file, size);
        if (status != STRATA_OK) {
            (void)storage->close(storage->ctx, file);
            wal->half_made = true;
            return status;
        }
    }
    st_mutex_lock(&wal->lock, &wal->host->executor);
    wal->file = file;
    wal->segment++;
    wal->written = ST_WAL_HEADER_BYTES;
    atomic_store_explicit(&wal->reserved, size, memory_order_relaxed);
    st_mutex_unlock(&wal->lock, &wal->host->executor);
    atomic_fetch_add_explicit(&wal->segments, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&wal->total_bytes, ST_WAL_HEADER_BYTES, memory_order_relaxed);
    return STRATA_OK;
}

/* Gives reserved space back and syncs; everything of it is written already. */
static strata_status finish_segment(st_wal *wal, uint64_t reserved) {
    const strata_storage *storage = &wal->host->storage;
    if (reserved != wal->written) {
        ST_TRY(storage->truncate(storage->ctx, wal->file, wal->written));
    }
    ST_TRY(storage->sync(storage->ctx, wal->file));
    strata_file *file = wal->file;
    wal->file = NULL;
    return storage->close(storage->ctx, file);
}

/* ---- Flushing (under flush_lock) ------------------------------------------------------------- */

/* Lets the file grow to `size`. */
static strata_status grow(st_wal *wal, uint64_t size) {
    const strata_storage *storage = &wal->host->storage;
    const strata_executor *executor = &wal->host->executor;
    ST_TRY(storage->truncate(storage->ctx, wal->file, size));
    st_mutex_lock(&wal->lock, executor);
    atomic_store_explicit(&wal->reserved, size, memory_order_relaxed);
    st_mutex_unlock(&wal->lock, executor);
    return STRATA_OK;
}

/* Before a sync: what is held meanwhile is to find room without it, in a log that is not a small one.
 * A disk too full for that says so when the room is needed. */
static void grow_ahead(st_wal *wal) {
    if (!goes_on(wal)) {
        return;
    }
    st_mutex_lock(&wal->lock, &wal->host->executor);
    const uint64_t ahead = wal->end < wal->held_max ? wal->end : wal->held_max;
    const uint64_t wanted = wal->end + ahead;
    const uint64_t reserved = atomic_load_explicit(&wal->reserved, memory_order_relaxed);
    st_mutex_unlock(&wal->lock, &wal->host->executor);
    if (ahead >= RESERVE_BYTES && reserved < wanted) {
        (void)grow(wal, wanted);
    }
}

/* Takes what is pending to be written; with `cuts`, what comes after it belongs to the next segment.
 * Returns the version that it ends with. */
static uint64_t take_pending(st_wal *wal, bool cuts) {
    st_mutex_lock(&wal->lock, &wal->host->executor);
    const strata_buffer frames = wal->pending;
    wal->pending = wal->flushing;
    wal->pending.len = 0;
    wal->flushing = frames;
    atomic_store_explicit(&wal->held, 0, memory_order_relaxed);
    const uint64_t version = wal->version;
    if (cuts) {
        cut(wal);
    }
    st_mutex_unlock(&wal->lock, &wal->host->executor);
    return version;
}

static strata_status write_taken(st_wal *wal, strata_error *error) {
    const strata_storage *storage = &wal->host->storage;
    if (wal->flushing.len > 0) {
        const strata_status status = storage->write_at(storage->ctx, wal->file, wal->written,
                                                       wal->flushing.data, wal->flushing.len);
        if (status != STRATA_OK) {
            return poison(wal, status, "writing", error);
        }
        wal->written += wal->flushing.len;
        wal->flushing.len = 0;
    }
    return STRATA_OK;
}

static void tell_durable(st_wal *wal, uint64_t version) {
    atomic_store_explicit(&wal->durable_version, version, memory_order_release);
    atomic_store_explicit(&wal->flushed_ns, wal->host->clock.monotonic_ns(wal->host->clock.ctx),
                          memory_order_relaxed);
}

static strata_status begin_segment(st_wal *wal, strata_error *error) {
    const strata_status status = start_segment(wal);
    if (status != STRATA_OK) { /* nothing more is taken until it is there */
        st_mutex_lock(&wal->lock, &wal->host->executor);
        atomic_store_explicit(&wal->reserved, 0, memory_order_relaxed);
        st_mutex_unlock(&wal->lock, &wal->host->executor);
    }
    if (status == STRATA_NO_SPACE || status == STRATA_NO_MEMORY) {
        return st_fail(error, status,
                       "the next segment of the log could not be made (%s); nothing was written. "
                       "Free some space and try again",
                       strata_status_name(status));
    }
    return status == STRATA_OK ? STRATA_OK : poison(wal, status, "starting a segment of", error);
}

/* Carries what is pending to the file; with sync, makes it durable. */
static strata_status flush(st_wal *wal, bool sync, strata_error *error) {
    const strata_storage *storage = &wal->host->storage;
    const strata_executor *executor = &wal->host->executor;
    ST_TRY(st_wal_check(wal, error));
    if (wal->file == NULL) {
        st_mutex_lock(&wal->lock, executor);
        const bool held = wal->pending.len > 0;
        st_mutex_unlock(&wal->lock, executor);
        if (!held) {
            return STRATA_OK;
        }
        ST_TRY(begin_segment(wal, error));
    }
    const uint64_t version = take_pending(wal, false);
    ST_TRY(write_taken(wal, error));
    if (!sync) {
        return STRATA_OK;
    }
    grow_ahead(wal);
    const strata_status status = storage->sync(storage->ctx, wal->file);
    if (status != STRATA_OK) {
        return poison(wal, status, "syncing", error);
    }
    st_mutex_lock(&wal->lock, executor);
    wal->durable_end = wal->written;
    st_mutex_unlock(&wal->lock, executor);
    tell_durable(wal, version);
    return STRATA_OK;
}

static bool is_durable(st_wal *wal, uint64_t version) {
    return atomic_load_explicit(&wal->durable_version, memory_order_acquire) >= version;
}

/* Until as many wait as did the last time, or for a moment. Under the turn. */
static void await_company(st_wal *wal) {
    if (wal->alone > 0) {
        wal->alone--;
        return;
    }
    for (unsigned i = 0; i < COMPANY_LOOKS; i++) {
        if (atomic_load_explicit(&wal->waiting, memory_order_relaxed) >= wal->company) {
            return;
        }
        st_pause();
    }
    wal->alone = TURNS_ALONE;
}

/* One sync for everybody. */
static strata_status lead(st_wal *wal, uint64_t version, strata_error *error) {
    const strata_executor *executor = &wal->host->executor;
    st_mutex_lock(&wal->flush_lock, executor);
    const strata_status status = is_durable(wal, version) ? STRATA_OK : flush(wal, true, error);
    st_mutex_unlock(&wal->flush_lock, executor);
    return status;
}

/* The total order (seq_cst) of turn and waiting: either the leader sees that somebody waits, or the
 * one about to sleep sees that the turn is over. */
strata_status st_wal_sync(st_wal *wal, uint64_t version, strata_error *error) {
    if (wal->durability == STRATA_MEMORY || is_durable(wal, version)) {
        return STRATA_OK;
    }
    const strata_executor *executor = &wal->host->executor;
    for (;;) {
        uint32_t turn = atomic_load(&wal->turn);
        if (is_durable(wal, version)) {
            return STRATA_OK;
        }
        if ((turn & 1) != 0) {
            atomic_fetch_add(&wal->waiting, 1);
            executor->wait(executor->ctx, (uint32_t *)&wal->turn, turn);
            atomic_fetch_sub(&wal->waiting, 1);
        } else if (atomic_compare_exchange_strong(&wal->turn, &turn, turn + 1)) {
            await_company(wal);
            const strata_status status = lead(wal, version, error);
            wal->company = atomic_load_explicit(&wal->waiting, memory_order_relaxed);
            atomic_fetch_add(&wal->turn, 1);
            if (atomic_load(&wal->waiting) > 0) {
                executor->wake(executor->ctx, (uint32_t *)&wal->turn, true);
            }
            return status;
        }
    }
}

strata_status st_wal_tick(st_wal *wal, uint32_t interval_ms, strata_error *error) {
    const uint64_t now_ns = wal->host->clock.monotonic_ns(wal->host->clock.ctx);
    const uint64_t then_ns = atomic_load_explicit(&wal->flushed_ns, memory_order_relaxed);
    if (now_ns - then_ns < (uint64_t)interval_ms * 1000000) {
        return STRATA_OK;
    }
    const strata_executor *executor = &wal->host->executor;
    st_mutex_lock(&wal->lock, executor);
    const uint64_t version = wal->version;
    st_mutex_unlock(&wal->lock, executor);
    return st_wal_sync(wal, version, error);
}

static void give_back(strata_buffer *buffer) {
    if (buffer->len == 0 && buffer->cap > KEPT_BYTES) {
        strata_buffer_free(buffer);
    }
}

void st_wal_rest(st_wal *wal) {
    const strata_executor *executor = &wal->host->executor;
    st_mutex_lock(&wal->flush_lock, executor);
    st_mutex_lock(&wal->lock, executor);
    if (wal->pending.len == 0) {
        wal->payload.len = 0; /* its frame is written */
        give_back(&wal->payload);
        give_back(&wal->pending);
        give_back(&wal->flushing);
    }
    st_mutex_unlock(&wal->lock, executor);
    st_mutex_unlock(&wal->flush_lock, executor);
}

/* ---- Appending ------------------------------------------------------------------------------- */

static bool is_full(st_wal *wal) {
    st_mutex_lock(&wal->lock, &wal->host->executor);
    const bool full = wal->file != NULL && wal->end >= wal->segment_bytes;
    st_mutex_unlock(&wal->lock, &wal->host->executor);
    return full;
}

/* Where the segment begins that was cut off last, and is the one that is there. Under flush_lock. */
static st_wal_position beginning(st_wal *wal) {
    const st_wal_position at = {wal->segment,
                                ST_WAL_HEADER_BYTES,
                                wal->base_us,
                                wal->begin_version,
                                atomic_load_explicit(&wal->total_bytes, memory_order_relaxed),
                                atomic_load_explicit(&wal->segments, memory_order_relaxed),
                                wal->first,
                                false};
    return at;
}

/* Where the log ends. Nothing is pending. */
static st_wal_position position(st_wal *wal) {
    st_wal_position at = beginning(wal);
    at.end = wal->written;
    at.version = wal->version;
    return at;
}

/* Ends the segment and begins the next. Under flush_lock. */
static strata_status next_segment(st_wal *wal, strata_error *error) {
    ST_TRY(flush(wal, true, error));
    const uint64_t reserved = atomic_load_explicit(&wal->reserved, memory_order_relaxed);
    const uint64_t version = take_pending(wal, true);
    ST_TRY(write_taken(wal, error));
    const strata_status status = finish_segment(wal, reserved);
    if (status != STRATA_OK) {
        return poison(wal, status, "ending a segment of", error);
    }
    tell_durable(wal, version);
    return begin_segment(wal, error);
}

/* When the segment is full, or its file is still to be made. Under flush_lock. */
static strata_status need_segment(st_wal *wal, strata_error *error) {
    if (wal->file != NULL && !is_full(wal)) {
        return STRATA_OK;
    }
    ST_TRY(wal->file == NULL ? begin_segment(wal, error) : next_segment(wal, error));
    if (wal->rolled != NULL) {
        const st_wal_position at = beginning(wal);
        wal->rolled(wal->rolled_ctx, &at);
    }
    return STRATA_OK;
}

/* Lets the segment's file grow so that `need` more bytes fit. Under flush_lock. */
static strata_status reserve(st_wal *wal, size_t need, strata_error *error) {
    const strata_executor *executor = &wal->host->executor;
    st_mutex_lock(&wal->lock, executor);
    const uint64_t end = wal->end;
    st_mutex_unlock(&wal->lock, executor);
    if (end + need <= atomic_load_explicit(&wal->reserved, memory_order_relaxed)) {
        return STRATA_OK;
    }
    const uint64_t size = end + st_max(need, RESERVE_BYTES);
    const strata_status status = grow(wal, size);
    return status == STRATA_OK
               ? STRATA_OK
               : st_fail(error, status,
                         "the log could not grow to %u bytes (%s); nothing was written. Free some "
                         "space and try again",
                         size, strata_status_name(status));
}

/* Makes room for a frame of at most `need` bytes: the next segment, or more of this one. */
static strata_status make_room(st_wal *wal, size_t need, strata_error *error) {
    const strata_executor *executor = &wal->host->executor;
    st_mutex_lock(&wal->flush_lock, executor);
    strata_status status = st_wal_check(wal, error);
    if (status == STRATA_OK) {
        status = need_segment(wal, error);
    }
    if (status == STRATA_OK) {
        status = reserve(wal, need, error);
    }
    st_mutex_unlock(&wal->flush_lock, executor);
    return status;
}

/* Appends the frame of wal->payload to pending. Under lock, with room. */
static strata_status append_frame(st_wal *wal, uint64_t version) {
    const size_t start = wal->pending.len;
    ST_TRY(st_buffer_reserve(&wal->pending, ST_WAL_FRAME_BYTES + wal->payload.len));
    wal->pending.len += ST_WAL_FRAME_BYTES;
    bool encoded = false;
    const strata_status status =
        st_codec_encode(wal->codec, st_buffer_slice(&wal->payload), &wal->pending, &encoded);
    if (status != STRATA_OK) {
        wal->pending.len = start;
        return status;
    }
    const size_t frame_len = wal->pending.len - start;
    const st_wal_frame fields = {0, (uint32_t)(frame_len - ST_WAL_FRAME_BYTES), encoded,
                                 (uint32_t)version, (uint32_t)(wal->end - wal->durable_end)};
    st_wal_frame_seal(wal->pending.data + start, &fields);
    wal->end += frame_len;
    atomic_fetch_add_explicit(&wal->total_bytes, frame_len, memory_order_relaxed);
    return STRATA_OK;
}

static strata_status append_locked(st_wal *wal, uint64_t run, int64_t timestamp_us,
                                   const st_write *writes, size_t count, bool *no_room,
                                   size_t *need) {
    wal->payload.len = 0;
    /* Wraps round if the clock is far off, and back again when it is read. */
    const int64_t since_us = (int64_t)((uint64_t)timestamp_us - (uint64_t)wal->base_us);
    ST_TRY(st_wal_payload_encode(run, since_us, writes, count, &wal->payload));
    if (wal->payload.len > ST_WAL_PAYLOAD_MAX) {
        return STRATA_CONSTRAINT;
    }
    /* The codec never makes it larger. */
    *need = ST_WAL_FRAME_BYTES + wal->payload.len;
    *no_room = wal->end >= wal->segment_bytes ||
               wal->end + *need > atomic_load_explicit(&wal->reserved, memory_order_relaxed);
    if (*no_room) {
        return STRATA_OK;
    }
    ST_TRY(append_frame(wal, wal->version + 1));
    wal->version++;
    return STRATA_OK;
}

/* Writes what is pending, unless somebody is at it; then what comes meanwhile is held, up to a limit.
 * The commit stands whatever happens here; a failure shows at the next one. */
static void write_early(st_wal *wal, size_t pending_len) {
    const strata_executor *executor = &wal->host->executor;
    if (pending_len > wal->held_max) {
        st_mutex_lock(&wal->flush_lock, executor);
    } else if (!st_mutex_try(&wal->flush_lock)) {
        return;
    }
    (void)flush(wal, false, NULL);
    st_mutex_unlock(&wal->flush_lock, executor);
}

strata_status st_wal_append(st_wal *wal, uint64_t run, int64_t timestamp_us, const st_write *writes,
                            size_t count, uint64_t *version, strata_error *error) {
    const strata_executor *executor = &wal->host->executor;
    if (wal->durability == STRATA_MEMORY) {
        st_mutex_lock(&wal->lock, executor);
        *version = ++wal->version;
        st_mutex_unlock(&wal->lock, executor);
        return STRATA_OK;
    }
    ST_TRY(st_wal_check(wal, error));
    for (;;) {
        bool no_room = false;
        size_t need = 0;
        st_mutex_lock(&wal->lock, executor);
        const strata_status status =
            append_locked(wal, run, timestamp_us, writes, count, &no_room, &need);
        *version = wal->version;
        const size_t pending_len = wal->pending.len;
        atomic_store_explicit(&wal->held, pending_len, memory_order_relaxed);
        st_mutex_unlock(&wal->lock, executor);
        if (status == STRATA_CONSTRAINT) {
            return st_fail_constraint(error, "commit_too_large",
                                      "one commit may not exceed %u bytes",
                                      (uint64_t)ST_WAL_PAYLOAD_MAX);
        }
        if (status != STRATA_OK) {
            return st_fail_memory(error);
        }
        if (no_room) {
            ST_TRY(make_room(wal, need, error));
            continue;
        }
        if (pending_len > PENDING_BYTES_MAX && wal->durability == STRATA_BUFFERED) {
            write_early(wal, pending_len);
        }
        return STRATA_OK;
    }
}

/* ---- Rolling --------------------------------------------------------------------------------- */

/* Under flush_lock. */
static strata_status roll_locked(st_wal *wal, st_wal_position *at, strata_error *error) {
    ST_TRY(st_wal_check(wal, error));
    if (wal->file == NULL) {
        ST_TRY(begin_segment(wal, error));
    }
    st_mutex_lock(&wal->lock, &wal->host->executor);
    const bool needed = wal->end > ST_WAL_HEADER_BYTES;
    st_mutex_unlock(&wal->lock, &wal->host->executor);
    if (needed) {
        ST_TRY(next_segment(wal, error));
    }
    *at = beginning(wal);
    return STRATA_OK;
}

strata_status st_wal_roll(st_wal *wal, st_wal_position *at, strata_error *error) {
    const strata_executor *executor = &wal->host->executor;
    st_mutex_lock(&wal->flush_lock, executor);
    const strata_status status = roll_locked(wal, at, error);
    st_mutex_unlock(&wal->flush_lock, executor);
    return status;
}

/* Acquire and release: who removes has seen the manifest without those segments, under the lock that the
 * holder had. */
void st_wal_hold(st_wal *wal) {
    atomic_fetch_add_explicit(&wal->kept, 1, memory_order_acq_rel);
}

void st_wal_let_go(st_wal *wal) {
    atomic_fetch_sub_explicit(&wal->kept, 1, memory_order_acq_rel);
}

uint64_t st_wal_remove_below(st_wal *wal, uint64_t segment) {
    const strata_storage *storage = &wal->host->storage;
    uint64_t removed = 0;
    while (wal->first < segment && atomic_load_explicit(&wal->kept, memory_order_acquire) == 0) {
        char name[ST_FILE_NAME_MAX + 1024];
        strata_file *file = NULL;
        uint64_t size = 0;
        strata_status status = open_segment(wal, wal->first, 0, &file);
        if (status == STRATA_OK) {
            status = storage->size(storage->ctx, file, &size);
            (void)storage->close(storage->ctx, file);
            st_wal_name(name, sizeof name, wal->path, wal->first);
            status = status == STRATA_OK ? storage->remove(storage->ctx, name) : status;
        }
        if (status != STRATA_OK && status != STRATA_NOT_FOUND) {
            break;
        }
        atomic_fetch_sub_explicit(&wal->total_bytes, size, memory_order_relaxed);
        atomic_fetch_sub_explicit(&wal->segments, 1, memory_order_relaxed);
        wal->first++;
        removed++;
    }
    return removed;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

static void release(st_wal *wal) {
    if (wal->file != NULL) {
        (void)wal->host->storage.close(wal->host->storage.ctx, wal->file);
        wal->file = NULL;
    }
    st_codec_destroy(wal->codec);
    wal->codec = NULL;
    strata_buffer_free(&wal->pending);
    strata_buffer_free(&wal->payload);
    strata_buffer_free(&wal->flushing);
}

strata_status st_wal_open(st_wal *wal, const strata_host *host, const char *path,
                          const uint8_t uuid[ST_UUID_BYTES], const strata_options *options,
                          strata_codec codec, const st_wal_position *at, strata_error *error) {
    memset(wal, 0, sizeof *wal);
    wal->host = host;
    wal->path = path;
    memcpy(wal->uuid, uuid, ST_UUID_BYTES);
    wal->durability = options->durability;
    wal->segment_bytes = options->wal_segment_bytes;
    const uint64_t held_max = options->memory_bytes / 16;
    wal->held_max = held_max < PENDING_BYTES_MAX ? PENDING_BYTES_MAX
                    : held_max > HELD_BYTES_MAX  ? HELD_BYTES_MAX
                                                 : (size_t)held_max;
    wal->pending.host = host;
    wal->payload.host = host;
    wal->flushing.host = host;
    st_mutex_init(&wal->flush_lock);
    st_mutex_init(&wal->lock);
    atomic_init(&wal->turn, 0);
    atomic_init(&wal->waiting, 0);
    wal->version = at->version;
    atomic_init(&wal->durable_version, at->version);
    atomic_init(&wal->total_bytes, at->total_bytes);
    atomic_init(&wal->segments, at->segments);
    atomic_init(&wal->failed, STRATA_OK);
    if (wal->durability == STRATA_MEMORY) {
        return STRATA_OK;
    }
    atomic_init(&wal->flushed_ns, host->clock.monotonic_ns(host->clock.ctx));
    strata_status status = st_codec_create(codec, host, &wal->codec);
    if (status != STRATA_OK) {
        return st_fail_memory(error);
    }
    wal->first = at->first;
    wal->segment = at->segment;
    wal->written = at->end;
    if (at->segment == 0 || at->next_begun) {
        wal->segment = at->segment == 0 ? at->first - 1 : at->segment;
        wal->half_made = at->next_begun;
        cut(wal);
        atomic_init(&wal->reserved, 0);
        status = at->next_begun ? STRATA_OK : start_segment(wal);
    } else {
        wal->end = at->end;
        wal->durable_end = at->end;
        wal->base_us = at->base_us;
        wal->begin_version = at->version;
        atomic_init(&wal->reserved, at->end);
        status = open_segment(wal, at->segment, 0, &wal->file);
    }
    if (status != STRATA_OK) {
        release(wal);
        return st_fail(error, status, "the log in %s could not be opened for writing (%s)", path,
                       strata_status_name(status));
    }
    return STRATA_OK;
}

strata_status st_wal_close(st_wal *wal, st_wal_position *at, strata_error *error) {
    strata_status status = STRATA_OK;
    if (wal->durability != STRATA_MEMORY) {
        status = st_wal_check(wal, error);
        if (status == STRATA_OK) {
            status = st_wal_sync(wal, wal->version, error);
        }
        if (status == STRATA_OK && wal->file != NULL) {
            status =
                finish_segment(wal, atomic_load_explicit(&wal->reserved, memory_order_relaxed));
            if (status != STRATA_OK) {
                st_fail(error, status, "the log could not be closed (%s)",
                        strata_status_name(status));
            }
        }
        *at = position(wal);
    }
    release(wal);
    return status;
}
