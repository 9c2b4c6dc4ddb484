/* block.c - loading a block of entries and reading in it; the layout is in block.h.
 *
 * A block is read many times for each time it is loaded. So loading walks it once, checks all that
 * reading relies on, and makes two things that are not stored: the offsets of the heads, to search
 * for a key in order, and a hash table of all keys, to find one without searching. From then on
 * nothing is checked again.
 *
 * The hash table has lines of sixteen words; the hash of a key chooses a line, and a word is the
 * upper 16 bits of the hash and the offset of the newest entry of the key. A full line overflows
 * into the next. At eleven keys a line that happens to one line in fifteen.
 *
 * Invariants of a loaded block
 * 1. Every entry ends within the block; the last one at its end. Decoding may look at up to
 *    HEADER_BYTES_MAX bytes after the beginning of an entry, which the padding has room for.
 * 2. Keys are well-formed (format/key.h), in order, at most ST_TABLE_KEY_MAX long; versions of one
 *    key go down. What a key shares with its head is exactly what is left out, and never grows.
 * 3. Keys lie between the bounds that the index gives, versions and times within those of the table.
 *
 * Rejected: binary search for single keys; in a block that the processor's cache does not hold,
 * each of its seven steps is a miss of 130 ns. Storing the hash table: 5 % of the file for what
 * takes 1 us to make.
 */
#include "store/table/block.h"

#include "store/table/block_frame.h"
#include "store/table/filter.h"

enum {
    LINE_BYTES = 64,
    LINE_SLOTS = LINE_BYTES / 4,
    LINE_KEYS = 11, /* on average */
    HEADER_BYTES_MAX = 8 + 8 + 1 + 3 + 3 + ST_VARINT_BYTES_MAX + 5 + ST_VARINT_BYTES_MAX + 5,
    PADDING_BYTES = 64,
    ENTRY_BYTES_MIN = 4, /* of one with a key of its own */
    LINES_MAX = ST_BLOCK_BYTES_MAX / ENTRY_BYTES_MIN / LINE_KEYS + 1,
};

_Static_assert(HEADER_BYTES_MAX <= PADDING_BYTES, "decoding stays within the padding");

/* ---- Memory ---------------------------------------------------------------------------------- */

static size_t round_up(size_t size) {
    return (size + (LINE_BYTES - 1)) & ~(size_t)(LINE_BYTES - 1);
}

static size_t lines_for(size_t keys) {
    return keys / LINE_KEYS + 1;
}

static size_t slots_at(size_t heads) {
    return round_up(offsetof(st_block, heads) + heads * sizeof(uint16_t));
}

static size_t frame_at(const st_block_expected *expected) {
    return slots_at(expected->heads) + lines_for(expected->keys) * LINE_BYTES;
}

size_t st_block_room_for(size_t plain_len, size_t keys, size_t heads) {
    return LINE_BYTES - 1 + slots_at(heads) + lines_for(keys) * LINE_BYTES + ST_FRAME_BYTES +
           plain_len + PADDING_BYTES;
}

size_t st_block_room(const st_block_expected *expected) {
    return st_block_room_for(expected->plain_len, expected->keys, expected->heads);
}

static st_block *block_in(uint8_t *memory) {
    return (st_block *)(void *)(memory + (-(uintptr_t)memory & (LINE_BYTES - 1)));
}

uint8_t *st_block_frame_in(uint8_t *memory, const st_block_expected *expected) {
    return (uint8_t *)block_in(memory) + frame_at(expected);
}

/* ---- Decoding -------------------------------------------------------------------------------- */

/* A number of at most bytes_max bytes; what does not fit 64 bits is lost. */
static inline const uint8_t *take_varint(const uint8_t *p, unsigned bytes_max, uint64_t *out) {
    uint64_t value = *p++;
    if (ST_LIKELY(value < 0x80)) {
        *out = value;
        return p;
    }
    value &= 0x7f;
    for (unsigned i = 1; i < bytes_max; i++) {
        const uint64_t byte = *p++;
        value |= (byte & 0x7f) << 7 * i;
        if (byte < 0x80) {
            break;
        }
    }
    *out = value;
    return p;
}

static inline const uint8_t *take_u32(const uint8_t *p, unsigned bytes_max, uint32_t *out) {
    uint64_t value;
    p = take_varint(p, bytes_max, &value);
    *out = (uint32_t)value;
    return p;
}

static const uint8_t *take_apart(const uint8_t *p, st_block_entry *entry) {
    uint64_t stored;
    p = take_varint(p, ST_VARINT_BYTES_MAX, &entry->apart.at);
    p = take_varint(p, 5, &stored);
    entry->apart.stored_len = (uint32_t)(stored >> 1);
    entry->apart.encoded = (stored & 1) != 0;
    entry->apart.plain_len = entry->value_len;
    return p;
}

static inline void decode(const st_block *block, size_t at, st_block_entry *entry) {
    const uint8_t *const bytes = st_block_bytes(block);
    const uint8_t *p = bytes + at;
    entry->number = block->version_base + (load64_le(p) & block->version_mask);
    p += block->version_width;
    entry->timestamp_us = (int64_t)((uint64_t)block->time_base + (load64_le(p) & block->time_mask));
    p += block->time_width;
    const uint8_t flags = *p++;
    entry->flags = flags;
    entry->suffix_len = 0;
    entry->shared = 0;
    entry->value_len = 0;
    entry->expires_us = ST_NEVER;
    if ((flags & ST_ENTRY_SAME) == 0) {
        p = take_u32(p, 3, &entry->suffix_len);
        if ((flags & ST_ENTRY_HEAD) == 0) {
            p = take_u32(p, 3, &entry->shared);
        }
    }
    if ((flags & ST_ENTRY_EXPIRES) != 0) {
        uint64_t after;
        p = take_varint(p, ST_VARINT_BYTES_MAX, &after);
        entry->expires_us = (int64_t)((uint64_t)entry->timestamp_us + (uint64_t)st_unzigzag(after));
    }
    if ((flags & ST_ENTRY_DELETED) == 0) {
        p = take_u32(p, 5, &entry->value_len);
        if ((flags & ST_ENTRY_APART) != 0) {
            p = take_apart(p, entry);
        }
    }
    entry->suffix_at = (uint32_t)(p - bytes);
    entry->value_at = entry->suffix_at + entry->suffix_len;
    entry->next =
        (uint64_t)entry->value_at + ((flags & ST_ENTRY_APART) != 0 ? 0 : entry->value_len);
}

void st_block_decode(const st_block *block, size_t at, st_block_entry *entry) {
    decode(block, at, entry);
}

/* ---- Loading --------------------------------------------------------------------------------- */

static uint64_t mask_of(unsigned width) {
    return width == 8 ? UINT64_MAX : ((uint64_t)1 << 8 * width) - 1;
}

static const char *load_head(st_block *block, const st_block_expected *expected) {
    const uint8_t *p = (const uint8_t *)block + frame_at(expected) + ST_FRAME_BYTES;
    const uint32_t counts = load32_le(p + 16);
    const uint32_t rest = load32_le(p + 20);
    const unsigned version_width = rest >> 16 & 0xff;
    const unsigned time_width = rest >> 24;
    if (counts >> 16 != expected->keys || (rest & 0xffff) != expected->heads) {
        return "a block has other entries than the index says";
    }
    if (expected->keys > expected->plain_len / ENTRY_BYTES_MIN || version_width > 8 ||
        time_width > 8) {
        return "a block begins with a wrong number";
    }
    block->entries = (uint16_t)counts;
    block->version_base = load64_le(p);
    block->time_base = (int64_t)load64_le(p + 8);
    block->version_mask = mask_of(version_width);
    block->time_mask = mask_of(time_width);
    block->version_width = (uint8_t)version_width;
    block->time_width = (uint8_t)time_width;
    block->bytes_at = (uint32_t)(frame_at(expected) + ST_FRAME_BYTES);
    block->end = expected->plain_len;
    block->slots_at = (uint32_t)slots_at(expected->heads);
    block->lines = (uint16_t)lines_for(expected->keys);
    block->head_count = 0;
    return NULL;
}

static size_t line_of(size_t lines, uint64_t hash) {
    return (size_t)((uint64_t)(uint32_t)hash * lines >> 32);
}

static uint32_t slot_of(uint64_t hash, size_t at) {
    return (uint32_t)(hash >> 48) << 16 | (uint32_t)at;
}

/* A block being walked for the first time. */
typedef struct loader {
    st_block *block;
    const st_block_expected *expected;
    st_block_entry entry;
    uint32_t entries;
    uint32_t keys;
    uint32_t group_shared; /* what the last key shares with its head */
    strata_slice head;     /* its key */
    size_t key_len;
    uint64_t number;
    uint8_t key[ST_TABLE_KEY_MAX];
    uint8_t used[LINES_MAX]; /* slots of each line; those of no line are not set */
} loader;

static void add_slot(loader *l, uint64_t hash, size_t at) {
    uint32_t *slots = (uint32_t *)(void *)((uint8_t *)l->block + l->block->slots_at);
    size_t line = line_of(l->block->lines, hash);
    while (l->used[line] == LINE_SLOTS) {
        line = line + 1 == l->block->lines ? 0 : line + 1;
    }
    slots[line * LINE_SLOTS + l->used[line]++] = slot_of(hash, at);
}

static bool is_value_in_place(const loader *l) {
    const st_block_entry *entry = &l->entry;
    if ((entry->flags & ST_ENTRY_APART) == 0) {
        return true;
    }
    const uint64_t room = l->expected->offset - l->expected->apart_from;
    return (entry->flags & ST_ENTRY_DELETED) == 0 && entry->apart.stored_len > 0 &&
           entry->apart.at < room &&
           room - entry->apart.at >= (uint64_t)ST_FRAME_BYTES + entry->apart.stored_len &&
           (entry->apart.encoded || entry->apart.stored_len == entry->value_len) &&
           entry->value_len <= ST_FRAME_PAYLOAD_MAX;
}

/* Takes the key of the entry, which is not that of the one before, into l->key. */
static const char *load_key(loader *l, size_t at) {
    st_block *block = l->block;
    const st_block_entry *entry = &l->entry;
    const uint8_t *suffix = st_block_bytes(block) + entry->suffix_at;
    const size_t len = (size_t)entry->shared + entry->suffix_len;
    if (len > ST_TABLE_KEY_MAX || entry->suffix_len == 0) {
        return "a key has a wrong length";
    }
    const bool is_head = (entry->flags & ST_ENTRY_HEAD) != 0;
    if (is_head) {
        if (block->head_count == l->expected->heads) {
            return "a block has more heads than it says";
        }
        block->heads[block->head_count++] = (uint16_t)at;
    } else if (l->entries == 0 || entry->shared > l->group_shared) {
        return "a key shares more than there is";
    }
    const strata_slice before = st_slice(l->key + entry->shared, l->key_len - entry->shared);
    if (l->entries > 0 && st_slice_compare(before, st_slice(suffix, entry->suffix_len)) >= 0) {
        return "keys are out of order";
    }
    memcpy(l->key + entry->shared, suffix, entry->suffix_len);
    l->key_len = len;
    l->group_shared = is_head ? (uint32_t)len : entry->shared;
    if (is_head) {
        l->head = st_slice(suffix, len);
    }
    return NULL;
}

/* What a key shares with its head must be exact: searching relies on it. */
static bool is_shared_exactly(const loader *l) {
    const size_t shared = l->entry.shared;
    return shared == l->head.len || ((const uint8_t *)l->head.data)[shared] < l->key[shared];
}

static const char *load_new_key(loader *l, size_t at) {
    const char *what = load_key(l, at);
    if (what != NULL) {
        return what;
    }
    if ((l->entry.flags & ST_ENTRY_HEAD) == 0 && !is_shared_exactly(l)) {
        return "a key shares more with its head than it says";
    }
    const strata_slice key = st_slice(l->key, l->key_len);
    if (l->key_len < 8 || !st_key_well_formed(st_slice(l->key + 8, l->key_len - 8))) {
        return "a key is malformed";
    }
    if (l->keys == l->expected->keys) {
        return "a block has more keys than it says";
    }
    l->keys++;
    add_slot(l, st_filter_hash(key), at);
    return NULL;
}

/* Whether (key, number) stands before that bound in the order of the table. */
static bool is_before(const loader *l, strata_slice key, uint64_t number) {
    const int order = st_slice_compare(st_slice(l->key, l->key_len), key);
    return order < 0 || (order == 0 && l->number > number);
}

static const char *load_entry(loader *l, size_t at) {
    const st_block_expected *expected = l->expected;
    const st_block_entry *entry = &l->entry;
    decode(l->block, at, &l->entry);
    if (entry->next > l->block->end || (entry->flags & ~ST_ENTRY_FLAGS) != 0 ||
        (entry->flags & (ST_ENTRY_HOLE | ST_ENTRY_DELETED)) == ST_ENTRY_HOLE ||
        !is_value_in_place(l)) {
        return "an entry does not fit its block";
    }
    if (entry->number < expected->version_min || entry->number > expected->version_max ||
        entry->timestamp_us < expected->time_min_us ||
        entry->timestamp_us > expected->time_max_us) {
        return "a version or time is not of this table";
    }
    if ((entry->flags & ST_ENTRY_SAME) != 0) {
        if (l->entries == 0 || (entry->flags & ST_ENTRY_HEAD) != 0 || entry->number >= l->number) {
            return "versions are out of order";
        }
    } else {
        const char *what = load_new_key(l, at);
        if (what != NULL) {
            return what;
        }
    }
    l->number = entry->number;
    if (l->entries++ == 0 && is_before(l, expected->low, expected->low_version)) {
        return "a block begins before its place";
    }
    return NULL;
}

static void begin(loader *l, st_block *block, const st_block_expected *expected) {
    l->block = block;
    l->expected = expected;
    l->entries = 0;
    l->keys = 0;
    l->group_shared = 0;
    l->head = st_slice(l->key, 0);
    l->key_len = 0;
    l->number = 0;
    memset(l->used, 0, block->lines);
}

const char *st_block_load(uint8_t *memory, const st_block_expected *expected) {
    st_block *block = block_in(memory);
    loader l;
    const char *what = load_head(block, expected);
    if (what != NULL) {
        return what;
    }
    begin(&l, block, expected);
    memset((uint8_t *)block + block->slots_at, 0, (size_t)block->lines * LINE_BYTES);
    memset((uint8_t *)block + block->bytes_at + block->end, 0, PADDING_BYTES);
    for (size_t at = ST_BLOCK_HEAD_BYTES; at < block->end; at = (size_t)l.entry.next) {
        what = load_entry(&l, at);
        if (what != NULL) {
            return what;
        }
    }
    if (l.entries != block->entries || l.keys != expected->keys ||
        block->head_count != expected->heads) {
        return "a block has other entries than it says";
    }
    return is_before(&l, expected->high, expected->high_version) ? NULL
                                                                 : "a block ends after its place";
}

/* ---- Finding one key ------------------------------------------------------------------------- */

/* The offset of the head whose group the entry is in. */
static size_t head_of(const st_block *block, size_t at) {
    size_t low = 0;
    size_t count = block->head_count;
    while (count > 1) {
        const size_t half = count / 2;
        low += block->heads[low + half] <= at ? half : 0;
        count -= half;
    }
    return block->heads[low];
}

static bool is_key(const st_block *block, size_t at, strata_slice key) {
    const uint8_t *const bytes = st_block_bytes(block);
    const uint8_t *const wanted = key.data;
    const size_t head_at = head_of(block, at);
    st_block_entry entry;
    st_block_entry head;
    __builtin_prefetch(bytes + head_at);
    decode(block, at, &entry);
    if ((size_t)entry.shared + entry.suffix_len != key.len ||
        memcmp(bytes + entry.suffix_at, wanted + entry.shared, entry.suffix_len) != 0) {
        return false;
    }
    if (entry.shared == 0) {
        return true;
    }
    decode(block, head_at, &head);
    return memcmp(bytes + head.suffix_at, wanted, entry.shared) == 0;
}

const uint32_t *st_block_line(const uint32_t *slots, size_t lines, uint64_t hash) {
    return slots + line_of(lines, hash) * LINE_SLOTS;
}

void st_block_prefetch(const st_block *block, const uint32_t *slots, size_t lines, uint64_t hash) {
    const uint32_t wanted = (uint32_t)(hash >> 48);
    const uint32_t *const slot = st_block_line(slots, lines, hash);
    for (size_t i = 0; i < LINE_SLOTS && slot[i] != 0; i++) {
        if (slot[i] >> 16 == wanted) {
            __builtin_prefetch(st_block_bytes(block) + (slot[i] & 0xffff));
            __builtin_prefetch(st_block_bytes(block) + head_of(block, slot[i] & 0xffff));
        }
    }
}

size_t st_block_find(const st_block *block, const uint32_t *slots, size_t lines, strata_slice key,
                     uint64_t hash) {
    const uint32_t wanted = (uint32_t)(hash >> 48);
    __builtin_prefetch(block);
    size_t line = line_of(lines, hash);
    for (size_t tried = 0; tried < lines; tried++) {
        const uint32_t *const slot = slots + line * LINE_SLOTS;
        for (size_t i = 0; i < LINE_SLOTS; i++) {
            if (slot[i] == 0) {
                return 0;
            }
            if (slot[i] >> 16 == wanted && is_key(block, slot[i] & 0xffff, key)) {
                return slot[i] & 0xffff;
            }
        }
        line = line + 1 == lines ? 0 : line + 1;
    }
    return 0;
}

/* ---- Walking --------------------------------------------------------------------------------- */

/* Goes to the entry at that offset; the key of the one before it, in the same group, is there. */
static inline void go_to(st_block_cursor *cursor, size_t at) {
    const st_block *block = cursor->block;
    st_block_entry *entry = &cursor->entry;
    cursor->at = at;
    decode(block, at, entry);
    if ((entry->flags & ST_ENTRY_SAME) == 0) {
        memcpy(cursor->key + entry->shared, st_block_bytes(block) + entry->suffix_at,
               entry->suffix_len);
        cursor->key_len = (size_t)entry->shared + entry->suffix_len;
    }
}

bool st_block_first(st_block_cursor *cursor, const st_block *block) {
    cursor->block = block;
    go_to(cursor, ST_BLOCK_HEAD_BYTES);
    return true;
}

bool st_block_next(st_block_cursor *cursor) {
    if (cursor->entry.next >= cursor->block->end) {
        return false;
    }
    go_to(cursor, (size_t)cursor->entry.next);
    return true;
}

bool st_block_next_key(st_block_cursor *cursor) {
    st_block_entry older = cursor->entry;
    size_t at;
    do {
        at = (size_t)older.next;
        if (at >= cursor->block->end) {
            return false;
        }
        decode(cursor->block, at, &older);
    } while ((older.flags & ST_ENTRY_SAME) != 0);
    go_to(cursor, at);
    return true;
}

/* The last head whose key is below `key`, or, or_equal, not above; 0: there is none. */
static size_t find_head(const st_block *block, strata_slice key, bool or_equal) {
    size_t low = 0;
    size_t high = block->head_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        st_block_entry head;
        decode(block, block->heads[middle], &head);
        const int order = st_slice_compare(
            st_slice(st_block_bytes(block) + head.suffix_at, head.suffix_len), key);
        if (order < 0 || (order == 0 && or_equal)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? 0 : block->heads[low - 1];
}

static size_t shared_of(strata_slice a, strata_slice b) {
    const uint8_t *const left = a.data;
    const uint8_t *const right = b.data;
    const size_t most = st_min(a.len, b.len);
    size_t shared = 0;
    while (shared < most && left[shared] == right[shared]) {
        shared++;
    }
    return shared;
}

/* An entry, and the one that begins its key. */
typedef struct place {
    size_t at;
    size_t key_at;
} place;

/* Walks the group of a head whose key is not above `key`, to the first entry that is not before
 * (key, number); first.at 0: the block has none. last: the entry before that; at 0: none in the
 * group. No key is put together: a key that shares more with its head than `key` does is below
 * `key`, as the head is; one that shares less is above it. */
static void scan_group(const st_block *block, size_t head_at, strata_slice key, uint64_t number,
                       place *last, place *first) {
    const uint8_t *const bytes = st_block_bytes(block);
    st_block_entry entry;
    decode(block, head_at, &entry);
    const strata_slice head = st_slice(bytes + entry.suffix_at, entry.suffix_len);
    const size_t shared = shared_of(head, key);
    int order = shared == head.len && shared == key.len ? 0 : -1;
    place here = {head_at, head_at};
    *last = (place){0, 0};
    *first = (place){0, 0};
    while (order < 0 || (order == 0 && entry.number > number)) {
        *last = here;
        if (entry.next >= block->end) {
            return;
        }
        here.at = (size_t)entry.next;
        decode(block, here.at, &entry);
        if ((entry.flags & ST_ENTRY_SAME) != 0) {
            continue;
        }
        here.key_at = here.at;
        if ((entry.flags & ST_ENTRY_HEAD) != 0 || entry.shared < shared) {
            order = 1;
        } else if (entry.shared == shared) {
            order =
                st_slice_compare(st_slice(bytes + entry.suffix_at, entry.suffix_len),
                                 st_slice((const uint8_t *)key.data + shared, key.len - shared));
        }
    }
    *first = here;
}

/* Goes to any entry. */
static void jump_to(st_block_cursor *cursor, const st_block *block, place to) {
    st_block_entry head;
    cursor->block = block;
    const size_t head_at = head_of(block, to.key_at);
    decode(block, head_at, &head);
    memcpy(cursor->key, st_block_bytes(block) + head.suffix_at, head.suffix_len);
    go_to(cursor, to.key_at);
    go_to(cursor, to.at);
}

bool st_block_seek(st_block_cursor *cursor, const st_block *block, strata_slice key,
                   uint64_t number) {
    const size_t head_at = find_head(block, key, true);
    place last;
    place first = {ST_BLOCK_HEAD_BYTES, ST_BLOCK_HEAD_BYTES};
    if (head_at != 0) {
        scan_group(block, head_at, key, number, &last, &first);
        if (first.at == 0) {
            return false;
        }
    }
    jump_to(cursor, block, first);
    return true;
}

bool st_block_seek_before(st_block_cursor *cursor, const st_block *block, strata_slice key) {
    const size_t head_at = find_head(block, key, false);
    place last;
    place first;
    if (head_at == 0) {
        return false;
    }
    scan_group(block, head_at, key, UINT64_MAX, &last, &first);
    jump_to(cursor, block, last);
    return true;
}
