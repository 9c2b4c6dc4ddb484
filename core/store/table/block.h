/* block.h - one block of entries: building it, loading it, finding and walking in it.
 *
 * Bytes, little-endian:
 *   0   8  lowest version in the block
 *   8   8  lowest time in the block
 *  16   2  entries
 *  18   2  distinct keys
 *  20   2  heads
 *  22   1  V: bytes that hold the version of an entry
 *  23   1  T: bytes that hold its time
 *  24      entries, in order of key and, under one key, from the newest version to the oldest
 * An entry:
 *   V bytes   version - lowest version
 *   T bytes   time - lowest time
 *   1 byte    flags
 *   varint    bytes of key that are here       not with SAME
 *   varint    bytes shared with the head's key not with SAME or HEAD
 *   varint    zigzag(expires - time)           with EXPIRES
 *   varint    bytes of value                   not with DELETED
 *   varint    where the value's frame begins,  with APART
 *             after the end of the block before
 *   varint    bytes of payload of the value's  with APART
 *             frame, times 2; + 1: encoded
 *   bytes of the key, bytes of the value (not with APART)
 * A head has its key whole; the entries up to the next head share with it. They share as much as
 * they can, so the bytes shared never grow from a head to the next one. SAME: the key of the entry
 * before. The first entry is a head.
 */
#ifndef ST_STORE_TABLE_BLOCK_H
#define ST_STORE_TABLE_BLOCK_H

#include "base/memory.h"
#include "format/key.h"
#include "store/revision.h"

enum { ST_TABLE_KEY_MAX = 8 + ST_STORE_KEY_MAX };

enum {
    ST_BLOCK_HEAD_BYTES = 24,
    /* Offsets in a block take two bytes. */
    ST_BLOCK_BYTES_MAX = (1 << 16) - 1,
    /* A block that would take more memory than this once it is loaded ends, ... */
    ST_BLOCK_ROOM_MAX = 8 << 10,
    /* ... if it takes at least this much; else it is long, for the sake of long values. */
    ST_BLOCK_ROOM_MIN = 6 << 10,
};

enum {
    ST_ENTRY_SAME = 1, /* the same key as the entry before */
    ST_ENTRY_HEAD = 2, /* the key is whole */
    ST_ENTRY_DELETED = 4,
    ST_ENTRY_TRIMMED = 8,
    ST_ENTRY_EXPIRES = 16,
    ST_ENTRY_APART = 32, /* the value is in a frame of its own */
    ST_ENTRY_HOLE = 64,  /* with DELETED: a version that was not kept, though an older one was */
    ST_ENTRY_FLAGS = 127,
};

/* ---- Building -------------------------------------------------------------------------------- */

/* Where the value of an entry is, if not in the block. */
typedef struct st_apart {
    uint64_t at;         /* of its frame, after the end of the block of entries before */
    uint32_t stored_len; /* 0: the value is in the block */
    uint32_t plain_len;
    bool encoded;
} st_apart;

/* What is counted about entries; of a block, and of a table. */
typedef struct st_spans {
    uint64_t entries;
    uint64_t keys;
    uint64_t version_min;
    uint64_t version_max;
    int64_t time_min_us;
    int64_t time_max_us;
    int64_t expires_min_us;
} st_spans;

void st_spans_init(st_spans *spans);
/* new_key: the entry before has another key, or there is none. */
void st_spans_add(st_spans *spans, const st_revision *revision, bool new_key);

typedef struct st_block_builder {
    strata_buffer bytes; /* the entries without their versions and times */
    struct st_block_meta *metas;
    size_t meta_cap;
    st_spans spans;
    size_t heads;
    size_t group_keys;   /* since the last head, that one included */
    size_t group_shared; /* what the last key shares with the head */
} st_block_builder;

void st_block_builder_init(st_block_builder *builder, const strata_host *host);
void st_block_builder_free(st_block_builder *builder);

typedef struct st_block_add {
    strata_slice key;
    size_t shared; /* with the key of the entry before; the whole of both: the same key */
    bool same_key;
    const st_revision *revision;
    st_apart apart;
} st_block_add;

/* Errors: no_memory. */
strata_status st_block_builder_add(st_block_builder *builder, const st_block_add *add);
/* Whether the block should end before an entry with a key so long. apart: its value is to be kept
 * apart. */
bool st_block_builder_is_full(const st_block_builder *builder, size_t key_len,
                              const st_revision *revision, bool apart);
/* What the block would take, were it finished now. */
size_t st_block_builder_bytes(const st_block_builder *builder);
/* Appends the block and empties the builder; what was counted stays until the next entry. Errors:
 * no_memory. */
strata_status st_block_builder_finish(st_block_builder *builder, strata_buffer *out);

/* ---- Loading --------------------------------------------------------------------------------- */

/* What is known of a block before it is read. */
typedef struct st_block_expected {
    uint64_t offset;     /* of its frame */
    uint64_t apart_from; /* values kept apart begin here and end before offset */
    uint32_t plain_len;
    uint32_t keys;
    uint32_t heads;
    uint64_t version_min; /* of the table, as the next three */
    uint64_t version_max;
    int64_t time_min_us;
    int64_t time_max_us;
    strata_slice low; /* the first entry is not before this key and version */
    uint64_t low_version;
    strata_slice high; /* the last entry is before this key and version */
    uint64_t high_version;
} st_block_expected;

/* A loaded block: checked once, then trusted. In memory, from a multiple of 64 on: this, the
 * offsets of the heads, a hash table of the keys in lines of 64 bytes, the frame, the bytes, a
 * padding of zeros. */
typedef struct st_block {
    uint64_t version_base;
    int64_t time_base;
    uint64_t version_mask; /* of the bytes that a version takes */
    uint64_t time_mask;
    uint32_t bytes_at; /* from the beginning of this */
    uint32_t end;      /* of the bytes */
    uint32_t slots_at;
    uint16_t lines;
    uint16_t entries;
    uint16_t head_count;
    uint8_t version_width;
    uint8_t time_width;
    uint16_t heads[]; /* offsets in the bytes */
} st_block;

/* Bytes of memory that a block takes; of any alignment. */
size_t st_block_room(const st_block_expected *expected);
size_t st_block_room_for(size_t plain_len, size_t keys, size_t heads);
/* Where in such memory the frame and, ST_FRAME_BYTES further, the plain bytes are to be put. */
uint8_t *st_block_frame_in(uint8_t *memory, const st_block_expected *expected);
/* Checks every byte that was put there and makes the rest. NULL: it can be used; otherwise what is
 * wrong with it. Cost: about 25 ns an entry. */
const char *st_block_load(uint8_t *memory, const st_block_expected *expected);

static inline const st_block *st_block_in(const void *memory) {
    return (const st_block *)(((uintptr_t)memory + 63) & ~(uintptr_t)63);
}
static inline const uint8_t *st_block_bytes(const st_block *block) {
    return (const uint8_t *)block + block->bytes_at;
}

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct st_block_entry {
    uint8_t flags;
    uint32_t shared;    /* bytes of the head's key */
    uint32_t suffix_at; /* the bytes of the key that are here */
    uint32_t suffix_len;
    uint64_t number;
    int64_t timestamp_us;
    int64_t expires_us;
    uint32_t value_len; /* also of a value kept apart */
    uint32_t value_at;
    st_apart apart; /* with ST_ENTRY_APART */
    uint64_t next;  /* where the entry after it begins */
} st_block_entry;

/* The entry at that offset, its value left out. at < block->end. */
void st_block_decode(const st_block *block, size_t at, st_block_entry *entry);

/* Offset of the newest entry of the key in the block; 0: it has none. slots: the hash table, in
 * `lines` lines. Cost: three misses of the cache, two of them at the same time. */
size_t st_block_find(const st_block *block, const uint32_t *slots, size_t lines, strata_slice key,
                     uint64_t hash);
/* What that will look at is on its way from memory, once the line of the hash table is here. */
void st_block_prefetch(const st_block *block, const uint32_t *slots, size_t lines, uint64_t hash);
/* The line of the hash table that comes first. */
const uint32_t *st_block_line(const uint32_t *slots, size_t lines, uint64_t hash);
/* The table of the block; what a reader keeps elsewhere to ask for its line at once. */
static inline const uint32_t *st_block_slots(const st_block *block) {
    return (const uint32_t *)(const void *)((const uint8_t *)block + block->slots_at);
}

/* A place in a block. */
typedef struct st_block_cursor {
    const st_block *block;
    uint8_t *key; /* of the entry; room for ST_TABLE_KEY_MAX, given by whoever uses the cursor */
    size_t key_len;
    size_t at; /* of the entry */
    st_block_entry entry;
} st_block_cursor;

/* Each says whether there is such an entry; the cursor is of no use when there is none. */
bool st_block_first(st_block_cursor *cursor, const st_block *block);
bool st_block_next(st_block_cursor *cursor);
bool st_block_next_key(st_block_cursor *cursor);
/* The first entry that is not before (key, number) in the order of the table. */
bool st_block_seek(st_block_cursor *cursor, const st_block *block, strata_slice key,
                   uint64_t number);
/* The last entry whose key is below `key`. */
bool st_block_seek_before(st_block_cursor *cursor, const st_block *block, strata_slice key);

#endif
