/* salvage.c - reading without trust in anything but checksums.
 *
 * A block of entries says all that is needed to read it: its checksum covers its place, and the
 * values kept apart lie right before it, so that their lengths say where they begin. So the file is
 * walked frame by frame; where a frame does not hold, the next block of entries that does is searched
 * byte by byte. Blocks stand in the order of their keys; one that does not (it cannot, unless bytes
 * were made to) is passed over.
 *
 * Bounded: the search checksums at most WORK_FACTOR bytes for each byte of the file, and no more than
 * a block takes at a time. Hostile bytes that look like blocks everywhere end the salvage early.
 * Rejected: going by the index where it is whole. It would be a second way to the same blocks.
 */
#include "store/copies/salvage.h"

#include "store/file_window.h"
#include "store/table/block_frame.h"

enum {
    HEADER_BYTES = 40, /* of a table; its footer is shorter than a frame search needs to know */
    WORK_FACTOR = 32,
    WORK_BYTES = 64 << 20,
};

/* ---- Reading --------------------------------------------------------------------------------- */

/* The bytes of the file, which has them; borrowed until the next call. */
static strata_status bytes_at(st_file_window *w, uint64_t offset, size_t len,
                              const uint8_t **bytes) {
    ST_TRY(st_file_window_at(w, offset, len, bytes));
    return *bytes != NULL ? STRATA_OK : STRATA_IO; /* it became shorter while it was read */
}

/* ---- Tables ---------------------------------------------------------------------------------- */

typedef struct salvage {
    const st_salvage_sink *sink;
    st_salvage *found;
    st_file_window window;
    uint32_t seed;
    st_codec *codec;
    uint64_t work_left;
    strata_buffer plain;  /* of a block */
    strata_buffer memory; /* the block, loaded */
    strata_buffer value;
    size_t last_len; /* of the last entry that was handed out */
    uint64_t last_number;
    uint64_t gap_from; /* UINT64_MAX: there is no gap open */
    uint8_t last_key[ST_TABLE_KEY_MAX];
    uint8_t key[ST_TABLE_KEY_MAX];
} salvage;

static strata_slice last_key(const salvage *s) {
    return st_slice(s->last_key, s->last_len);
}

static void close_gap(salvage *s, uint64_t to, strata_slice after) {
    if (s->gap_from != UINT64_MAX && to > s->gap_from) {
        s->found->gaps++;
        s->found->gap_bytes += to - s->gap_from;
        s->sink->gap(s->sink->ctx, s->gap_from, to, last_key(s), after);
    }
    s->gap_from = UINT64_MAX;
}

static void open_gap(salvage *s, uint64_t from) {
    s->gap_from = s->gap_from == UINT64_MAX ? from : s->gap_from;
}

/* Whether a frame of that kind, or any if 0, holds at the offset. *payload: borrowed. */
static strata_status try_frame(salvage *s, uint64_t offset, st_frame_kind kind, st_frame *frame,
                               const uint8_t **payload, bool *holds) {
    const uint8_t *bytes;
    *holds = false;
    if (s->window.size - offset < ST_FRAME_BYTES) {
        return STRATA_OK;
    }
    ST_TRY(bytes_at(&s->window, offset, ST_FRAME_BYTES, &bytes));
    *frame = st_frame_read(bytes);
    const bool searching = kind != 0;
    if (frame->payload_len == 0 || frame->kind < ST_FRAME_ENTRIES ||
        frame->kind > ST_FRAME_PROPERTIES || (searching && frame->kind != kind) ||
        (searching && frame->payload_len > ST_BLOCK_BYTES_MAX) ||
        frame->payload_len > s->window.size - offset - ST_FRAME_BYTES) {
        return STRATA_OK;
    }
    if (searching && frame->payload_len > s->work_left) {
        s->found->gave_up = true;
        return STRATA_OK;
    }
    s->work_left -= searching ? frame->payload_len : 0;
    ST_TRY(bytes_at(&s->window, offset, ST_FRAME_BYTES + (size_t)frame->payload_len, &bytes));
    *payload = bytes + ST_FRAME_BYTES;
    *holds = st_frame_holds(bytes, *payload, s->seed, offset);
    return STRATA_OK;
}

/* What the payload holds, into out; false: it does not unpack. */
static strata_status unpack(salvage *s, const st_frame *frame, const uint8_t *payload,
                            size_t plain_max, strata_buffer *out, bool *good) {
    const strata_slice stored = st_slice(payload, frame->payload_len);
    strata_status status;
    out->len = 0;
    if (frame->encoded) {
        status = st_codec_decode(s->codec, stored, plain_max, out);
    } else {
        status = stored.len <= plain_max ? st_buffer_append(out, stored.data, stored.len)
                                         : STRATA_CORRUPT;
    }
    *good = status == STRATA_OK;
    return status == STRATA_CORRUPT ? STRATA_OK : status;
}

/* Loads s->plain, the block at that offset, into s->memory; *block NULL: it is none. */
static strata_status load_block(salvage *s, uint64_t offset, const st_block **block) {
    uint8_t high[ST_TABLE_KEY_MAX + 1];
    const uint8_t *p = s->plain.data;
    *block = NULL;
    if (s->plain.len < ST_BLOCK_HEAD_BYTES) {
        return STRATA_OK;
    }
    memset(high, 0xff, sizeof high);
    const uint32_t counts = load32_le(p + 16);
    const st_block_expected expected = {.offset = offset,
                                        .apart_from = 0,
                                        .plain_len = (uint32_t)s->plain.len,
                                        .keys = counts >> 16,
                                        .heads = load32_le(p + 20) & 0xffff,
                                        .version_min = 0,
                                        .version_max = UINT64_MAX,
                                        .time_min_us = INT64_MIN,
                                        .time_max_us = INT64_MAX,
                                        .low = st_slice("", 0),
                                        .low_version = UINT64_MAX,
                                        .high = st_slice(high, sizeof high)};
    s->memory.len = 0;
    ST_TRY(st_buffer_reserve(&s->memory, st_block_room(&expected)));
    memcpy(st_block_frame_in(s->memory.data, &expected) + ST_FRAME_BYTES, p, s->plain.len);
    if ((counts & 0xffff) > 0 && st_block_load(s->memory.data, &expected) == NULL) {
        *block = st_block_in(s->memory.data);
    }
    return STRATA_OK;
}

/* Bytes of the values kept apart before the block. */
static uint64_t apart_bytes(const st_block *block, uint8_t *key) {
    st_block_cursor cursor = {.key = key};
    uint64_t sum = 0;
    for (bool there = st_block_first(&cursor, block); there; there = st_block_next(&cursor)) {
        if ((cursor.entry.flags & ST_ENTRY_APART) != 0) {
            sum += ST_FRAME_BYTES + (uint64_t)cursor.entry.apart.stored_len;
        }
    }
    return sum;
}

/* The value of the entry; *good false: it is gone. apart_from: where the values of its block are. */
static strata_status read_value(salvage *s, const st_block_cursor *cursor, uint64_t apart_from,
                                strata_slice *value, bool *good) {
    const st_block_entry *entry = &cursor->entry;
    *good = true;
    if ((entry->flags & ST_ENTRY_APART) == 0) {
        *value = st_slice(st_block_bytes(cursor->block) + entry->value_at, entry->value_len);
        return STRATA_OK;
    }
    st_frame frame;
    const uint8_t *payload;
    *good = false;
    if (apart_from == UINT64_MAX || entry->apart.at >= s->window.size - apart_from) {
        return STRATA_OK;
    }
    ST_TRY(try_frame(s, apart_from + entry->apart.at, 0, &frame, &payload, good));
    *good = *good && frame.kind == ST_FRAME_VALUE;
    if (*good) {
        ST_TRY(unpack(s, &frame, payload, entry->value_len, &s->value, good));
        *good = *good && s->value.len == entry->value_len;
        *value = st_buffer_slice(&s->value);
    }
    return STRATA_OK;
}

static bool is_after_last(const salvage *s, const st_block_cursor *cursor) {
    const int order = st_slice_compare(st_slice(cursor->key, cursor->key_len), last_key(s));
    return order > 0 || (order == 0 && cursor->entry.number < s->last_number);
}

static strata_status hand_out(salvage *s, const st_block_cursor *cursor, uint64_t apart_from) {
    const st_block_entry *entry = &cursor->entry;
    const strata_slice key = st_slice(cursor->key, cursor->key_len);
    bool good;
    st_revision revision = {.number = entry->number,
                            .timestamp_us = entry->timestamp_us,
                            .expires_us = entry->expires_us,
                            .deleted = (entry->flags & ST_ENTRY_DELETED) != 0,
                            .trimmed = (entry->flags & ST_ENTRY_TRIMMED) != 0,
                            .hole = (entry->flags & ST_ENTRY_HOLE) != 0,
                            .value = st_slice("", 0)};
    if (!is_after_last(s, cursor)) {
        return STRATA_OK;
    }
    ST_TRY(read_value(s, cursor, apart_from, &revision.value, &good));
    if (!good) {
        s->found->values++;
        return STRATA_OK;
    }
    ST_TRY(s->sink->entry(s->sink->ctx, key, &revision));
    s->found->entries++;
    s->found->number_max =
        revision.number > s->found->number_max ? revision.number : s->found->number_max;
    s->last_number = revision.number;
    s->last_len = key.len;
    memcpy(s->last_key, key.data, key.len);
    return STRATA_OK;
}

/* The entries of the block at that offset, whose plain bytes are in s->plain. *good: it is one. */
static strata_status take_block(salvage *s, uint64_t offset, bool *good) {
    const st_block *block;
    ST_TRY(load_block(s, offset, &block));
    *good = block != NULL;
    if (block == NULL) {
        return STRATA_OK;
    }
    const uint64_t apart = apart_bytes(block, s->key);
    const uint64_t apart_from = apart <= offset ? offset - apart : UINT64_MAX;
    st_block_cursor cursor = {.key = s->key};
    bool there = st_block_first(&cursor, block);
    if (s->gap_from != UINT64_MAX && apart_from < offset && apart_from > s->gap_from) {
        close_gap(s, apart_from, st_slice(cursor.key, cursor.key_len));
    }
    close_gap(s, offset, st_slice(cursor.key, cursor.key_len));
    for (; there; there = st_block_next(&cursor)) {
        ST_TRY(hand_out(s, &cursor, apart_from));
    }
    return STRATA_OK;
}

/* The frame at *offset, if one holds there: its entries, and *offset goes behind it. */
static strata_status take_frame(salvage *s, uint64_t *offset, st_frame_kind kind, bool *taken) {
    st_frame frame;
    const uint8_t *payload;
    ST_TRY(try_frame(s, *offset, kind, &frame, &payload, taken));
    if (!*taken) {
        return STRATA_OK;
    }
    const uint64_t end = *offset + ST_FRAME_BYTES + frame.payload_len;
    if (frame.kind == ST_FRAME_ENTRIES) {
        bool good;
        ST_TRY(unpack(s, &frame, payload, ST_BLOCK_BYTES_MAX, &s->plain, &good));
        if (good) {
            ST_TRY(take_block(s, *offset, &good));
        }
        if (!good) {
            open_gap(s, *offset);
        }
    }
    if (frame.kind == ST_FRAME_PROPERTIES) {
        bool good;
        ST_TRY(unpack(s, &frame, payload, ST_BLOCK_BYTES_MAX, &s->plain, &good));
        s->found->expected = good && s->plain.len >= 8 ? load64_le(s->plain.data) : 0;
    }
    *offset = end;
    return STRATA_OK;
}

static strata_status walk(salvage *s) {
    uint64_t offset = HEADER_BYTES;
    while (offset < s->window.size && !s->found->gave_up) {
        bool taken;
        ST_TRY(take_frame(s, &offset, 0, &taken));
        if (taken) {
            continue;
        }
        open_gap(s, offset);
        while (!taken && ++offset < s->window.size && !s->found->gave_up) {
            ST_TRY(take_frame(s, &offset, ST_FRAME_ENTRIES, &taken));
        }
    }
    return STRATA_OK;
}

/* The footer, or what should be it, is no gap. */
static void close_last_gap(salvage *s) {
    enum { FOOTER_BYTES = 48 };
    const uint64_t size = s->window.size;
    if (s->gap_from != UINT64_MAX && size - s->gap_from <= FOOTER_BYTES) {
        s->gap_from = UINT64_MAX;
    }
    close_gap(s, size, st_slice("", 0));
}

static strata_status with_file(salvage *s, const strata_host *host) {
    strata_status status = st_codec_create(STRATA_CODEC_ZSTD, host, &s->codec);
    if (status == STRATA_OK) {
        s->work_left = WORK_BYTES + s->window.size * WORK_FACTOR;
        status = walk(s);
    }
    if (status == STRATA_OK) {
        close_last_gap(s);
    }
    st_codec_destroy(s->codec);
    strata_buffer_free(&s->plain);
    strata_buffer_free(&s->memory);
    strata_buffer_free(&s->value);
    return status;
}

strata_status st_salvage_table(const st_table_spec *spec, const st_salvage_sink *sink,
                               st_salvage *found, strata_error *error) {
    const strata_host *host = spec->host;
    char name[ST_FILE_NAME_MAX + 1024];
    *found = (st_salvage){.entries = 0};
    st_table_name(name, sizeof name, spec->path, spec->number);
    salvage *s = st_alloc_zeroed(&host->memory, sizeof *s);
    if (s == NULL) {
        return st_fail_memory(error);
    }
    s->sink = sink;
    s->found = found;
    s->seed = st_frame_seed(spec->uuid, spec->number);
    s->window = st_file_window_over(host);
    s->plain.host = host;
    s->memory.host = host;
    s->value.host = host;
    s->last_number = UINT64_MAX;
    s->gap_from = UINT64_MAX;
    strata_status status = st_file_window_open(&s->window, name);
    if (status == STRATA_OK) {
        status = with_file(s, host);
        st_file_window_close(&s->window);
    }
    st_file_window_free(&s->window);
    st_free(&host->memory, s, sizeof *s);
    return status == STRATA_OK ? STRATA_OK
                               : st_fail(error, status, "%s could not be read (%s)", name,
                                         strata_status_name(status));
}

/* ---- Logs ------------------------------------------------------------------------------------ */

/* A record at the offset, newer than `version`; *len 0: there is none. */
static strata_status try_record(st_file_window *w, uint64_t offset, uint64_t version,
                                uint64_t *work_left, uint64_t *number, size_t *len) {
    const uint8_t *bytes;
    *len = 0;
    ST_TRY(bytes_at(w, offset, ST_WAL_FRAME_BYTES, &bytes));
    const st_wal_frame frame = st_wal_frame_read(bytes);
    const size_t whole = ST_WAL_FRAME_BYTES + (size_t)frame.payload_len;
    if (frame.payload_len == 0 || frame.payload_len > w->size - offset - ST_WAL_FRAME_BYTES ||
        whole > *work_left || frame.version_low - (uint32_t)version - 1 > INT32_MAX) {
        return STRATA_OK;
    }
    *work_left -= whole;
    ST_TRY(bytes_at(w, offset, whole, &bytes));
    if (st_wal_frame_holds(bytes, &frame)) {
        *number = version + (uint32_t)(frame.version_low - (uint32_t)version);
        *len = whole;
    }
    return STRATA_OK;
}

strata_status st_salvage_count(const strata_host *host, const char *path, uint64_t segment,
                               uint64_t offset, uint64_t version, st_salvage_log *found) {
    char name[ST_FILE_NAME_MAX + 1024];
    st_file_window w = st_file_window_over(host);
    st_wal_name(name, sizeof name, path, segment);
    strata_status status = st_file_window_open(&w, name);
    if (status != STRATA_OK) {
        return status == STRATA_NOT_FOUND ? STRATA_OK : status;
    }
    uint64_t work_left = WORK_BYTES + w.size * WORK_FACTOR;
    found->bytes += w.size > offset ? w.size - offset : 0;
    while (status == STRATA_OK && offset + ST_WAL_FRAME_BYTES <= w.size) {
        uint64_t number = 0;
        size_t len = 0;
        status = try_record(&w, offset, version, &work_left, &number, &len);
        found->commits += len > 0;
        found->version = len > 0 && number > found->version ? number : found->version;
        offset += len > 0 ? len : 1;
    }
    st_file_window_close(&w);
    st_file_window_free(&w);
    return status;
}
