/* table_index.c - building, loading and searching the index of a table; the payload is in
 * table_index.h and docs/FORMAT.md.
 *
 * Blocks are found by the sixteen bytes that follow what all keys of the table share, kept as numbers
 * in an array of their own: for 10^6 entries 112 KB, which the second level of the processor's cache
 * holds, and the search has no branch that could be guessed wrong. Only where these are equal are
 * whole separators compared; with eight bytes they were in every collection, behind its tag and its name, and that
 * took half of the time. What is needed once the block is known lies in a pool, as varints and
 * without the prefix; all in all a block takes about 43 bytes of memory, 0.5 % of what it holds.
 * Spans, exact in the file, are kept in a byte each: they serve to pass over blocks.
 *
 * Invariants of a loaded index
 * 1. Blocks and the values between them cover the file from its header to the index, in order.
 * 2. Separators, with their versions, ascend; all but the first begin with the prefix. So heads
 *    ascend too.
 * 3. Counts add up to those of the properties, and spans lie in theirs.
 *
 * Rejected: an index of two levels, read block by block; it saves memory for tables that nobody
 * reads, and costs every read a second search in a block.
 */
#include "store/table/table_index.h"

enum { PAYLOAD_NUMBERS = 12, ENTRIES_MAX = (1 << 16) - 1 };
enum { HEAD_BYTES = 16, POOL_NUMBERS = 8 };

/* ---- Building -------------------------------------------------------------------------------- */

void st_index_builder_init(st_index_builder *builder, const strata_host *host) {
    memset(builder, 0, sizeof *builder);
    builder->bytes.host = host;
}

void st_index_builder_free(st_index_builder *builder) {
    strata_buffer_free(&builder->bytes);
}

static size_t shared_of(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
    const size_t most = st_min(a_len, b_len);
    size_t shared = 0;
    while (shared < most && a[shared] == b[shared]) {
        shared++;
    }
    return shared;
}

static uint8_t *put_frame(uint8_t *p, const st_table_frame *frame, bool continues) {
    p = st_varint_put(p, (uint64_t)frame->stored_len << 2 | (frame->encoded ? 2u : 0u) |
                             (continues ? 1u : 0u));
    return frame->encoded ? st_varint_put(p, frame->plain_len) : p;
}

strata_status st_index_builder_add(st_index_builder *b, const st_index_add *add) {
    const st_spans *spans = add->spans;
    const uint8_t *const separator = add->separator.data;
    ST_TRY(st_buffer_reserve(&b->bytes, (size_t)(PAYLOAD_NUMBERS + 2) * ST_VARINT_BYTES_MAX +
                                            add->separator.len));
    uint8_t *p = b->bytes.data + b->bytes.len;
    p = st_varint_put(p, add->apart_bytes);
    p = put_frame(p, &add->frame, add->continues);
    p = st_varint_put(p, spans->entries);
    p = st_varint_put(p, spans->keys);
    p = st_varint_put(p, add->heads);
    p = st_varint_put(p, st_zigzag((int64_t)(spans->version_min - b->version_min)));
    p = st_varint_put(p, spans->version_max - spans->version_min);
    p = st_varint_put(
        p, st_zigzag((int64_t)((uint64_t)spans->time_min_us - (uint64_t)b->time_min_us)));
    p = st_varint_put(p, (uint64_t)spans->time_max_us - (uint64_t)spans->time_min_us);
    if (add->continues) {
        p = st_varint_put(p, add->separator_version);
    }
    const size_t shared = shared_of(b->separator, b->separator_len, separator, add->separator.len);
    p = st_varint_put(p, shared);
    p = st_varint_put(p, add->separator.len - shared);
    if (add->separator.len > shared) {
        memcpy(p, separator + shared, add->separator.len - shared);
        memcpy(b->separator + shared, separator + shared, add->separator.len - shared);
    }
    b->separator_len = add->separator.len;
    b->version_min = spans->version_min;
    b->time_min_us = spans->time_min_us;
    b->blocks++;
    b->bytes.len = (size_t)(p - b->bytes.data) + add->separator.len - shared;
    return STRATA_OK;
}

size_t st_table_index_payload_max(uint64_t blocks) {
    enum { BLOCK_MAX = (PAYLOAD_NUMBERS + 2) * ST_VARINT_BYTES_MAX + ST_TABLE_KEY_MAX };
    return blocks < ST_FRAME_PAYLOAD_MAX / BLOCK_MAX ? (size_t)blocks * BLOCK_MAX
                                                     : ST_FRAME_PAYLOAD_MAX;
}

/* ---- The pool -------------------------------------------------------------------------------- */

/* Of a block: varint length of the separator times 2, + 1 if it continues; the separator; varint
 * bytes of values; varint length of the payload times 2, + 1 if encoded; varint plain length if
 * encoded; varint keys; varint heads; a byte for versions, a byte for times; varint version of the
 * separator if it continues. */

/* Places by which to shift a span so that it fits a byte. */
static unsigned shift_for(uint64_t span) {
    unsigned shift = 0;
    while (span >> shift > UINT8_MAX) {
        shift++;
    }
    return shift;
}

static strata_status pool_add(st_table_index *index, const st_index_block *block, size_t place,
                              uint64_t version_max) {
    strata_buffer *pool = &index->pool;
    const st_spans *spans = index->spans;
    const strata_slice separator = block->separator;
    ST_TRY(st_buffer_reserve(pool, (size_t)POOL_NUMBERS * ST_VARINT_BYTES_MAX + separator.len));
    uint8_t *p = pool->data + pool->len;
    index->offsets[place] = block->frame.offset;
    index->places[place] = (uint32_t)pool->len;
    p = st_varint_put(p, (uint64_t)separator.len << 1 | block->continues);
    if (separator.len > 0) {
        memcpy(p, separator.data, separator.len);
    }
    p = st_varint_put(p + separator.len, block->frame.offset - block->apart_from);
    p = st_varint_put(p, (uint64_t)block->frame.stored_len << 1 | block->frame.encoded);
    if (block->frame.encoded) {
        p = st_varint_put(p, block->frame.plain_len);
    }
    p = st_varint_put(p, block->keys);
    p = st_varint_put(p, block->heads);
    *p++ = (uint8_t)((version_max - spans->version_min) >> index->version_shift);
    *p++ = (uint8_t)(((uint64_t)block->time_low_us - (uint64_t)spans->time_min_us) >>
                     index->time_shift);
    if (block->continues) {
        p = st_varint_put(p, block->separator_version);
    }
    pool->len = (size_t)(p - pool->data);
    return STRATA_OK;
}

/* Numbers that this file has put there itself. */
static uint64_t pool_number(const uint8_t **p) {
    uint64_t number = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = *(*p)++;
        number |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte >= 0x80);
    return number;
}

/* The last version of the 256th that the byte names. */
static uint64_t version_high(const st_table_index *index, uint8_t byte) {
    const uint64_t after =
        (uint64_t)byte << index->version_shift | (((uint64_t)1 << index->version_shift) - 1);
    return after > UINT64_MAX - index->spans->version_min ? UINT64_MAX
                                                          : index->spans->version_min + after;
}

void st_table_index_block(const st_table_index *index, size_t block, st_index_block *out) {
    const uint8_t *p = index->pool.data + index->places[block];
    const uint64_t separator = pool_number(&p);
    out->continues = (separator & 1) != 0;
    out->separator = st_slice(p, (size_t)(separator >> 1));
    p += separator >> 1;
    out->apart_from = index->offsets[block] - pool_number(&p);
    const uint64_t stored = pool_number(&p);
    out->frame = (st_table_frame){.offset = index->offsets[block],
                                  .stored_len = (uint32_t)(stored >> 1),
                                  .encoded = (stored & 1) != 0,
                                  .kind = ST_FRAME_ENTRIES};
    out->frame.plain_len = out->frame.encoded ? (uint32_t)pool_number(&p) : out->frame.stored_len;
    out->keys = (uint32_t)pool_number(&p);
    out->heads = (uint32_t)pool_number(&p);
    out->version_high = version_high(index, *p++);
    out->time_low_us =
        (int64_t)((uint64_t)index->spans->time_min_us + ((uint64_t)*p++ << index->time_shift));
    out->separator_version = out->continues ? pool_number(&p) : UINT64_MAX;
}

bool st_table_index_continues(const st_table_index *index, size_t block) {
    return (index->pool.data[index->places[block]] & 1) != 0;
}

/* ---- Loading --------------------------------------------------------------------------------- */

/* The payload being read, and what the blocks so far add up to. */
typedef struct loader {
    st_table_index *index;
    st_cursor cursor;
    uint64_t end;  /* of the frame before */
    uint64_t last; /* end of the last frame there can be */
    uint64_t entries;
    uint64_t keys;
    uint64_t version_min;
    int64_t time_min_us;
    uint64_t separator_version;
    size_t separator_len;
    uint8_t separator[ST_TABLE_KEY_MAX];
} loader;

static bool load_frame(loader *l, st_index_block *block) {
    uint64_t apart;
    uint64_t word;
    if (!st_cursor_varint(&l->cursor, &apart) || !st_cursor_varint(&l->cursor, &word)) {
        return false;
    }
    const uint64_t stored = word >> 2;
    uint64_t plain = stored;
    block->frame.encoded = (word & 2) != 0;
    block->frame.kind = ST_FRAME_ENTRIES;
    block->continues = (word & 1) != 0;
    if (block->frame.encoded && !st_cursor_varint(&l->cursor, &plain)) {
        return false;
    }
    const uint64_t room = l->last - l->end;
    if (plain <= ST_BLOCK_HEAD_BYTES || plain > ST_BLOCK_BYTES_MAX || stored > plain ||
        apart > room || room - apart < ST_FRAME_BYTES + stored) {
        return false;
    }
    block->apart_from = l->end;
    block->frame.offset = l->end + apart;
    block->frame.stored_len = (uint32_t)stored;
    block->frame.plain_len = (uint32_t)plain;
    l->end = block->frame.offset + ST_FRAME_BYTES + stored;
    return true;
}

static bool load_counts(loader *l, st_index_block *block) {
    uint64_t entries;
    uint64_t keys;
    uint64_t heads;
    if (!st_cursor_varint(&l->cursor, &entries) || !st_cursor_varint(&l->cursor, &keys) ||
        !st_cursor_varint(&l->cursor, &heads) || heads == 0 || heads > keys || keys > entries ||
        entries > ENTRIES_MAX) {
        return false;
    }
    block->keys = (uint32_t)keys;
    block->heads = (uint32_t)heads;
    l->entries += entries;
    l->keys += keys - (block->continues ? 1 : 0);
    return true;
}

static bool load_spans(loader *l, st_index_block *block, uint64_t *version_max) {
    const st_spans *spans = l->index->spans;
    uint64_t version;
    uint64_t version_span;
    uint64_t time;
    uint64_t time_span;
    if (!st_cursor_varint(&l->cursor, &version) || !st_cursor_varint(&l->cursor, &version_span) ||
        !st_cursor_varint(&l->cursor, &time) || !st_cursor_varint(&l->cursor, &time_span)) {
        return false;
    }
    l->version_min += (uint64_t)st_unzigzag(version);
    l->time_min_us = (int64_t)((uint64_t)l->time_min_us + (uint64_t)st_unzigzag(time));
    const int64_t time_max_us = (int64_t)((uint64_t)l->time_min_us + time_span);
    *version_max = l->version_min + version_span;
    block->time_low_us = l->time_min_us;
    return l->version_min >= spans->version_min && l->version_min <= *version_max &&
           *version_max <= spans->version_max && l->time_min_us >= spans->time_min_us &&
           l->time_min_us <= time_max_us && time_max_us <= spans->time_max_us;
}

/* The separator into l->separator; before it there the one before. */
static bool load_separator(loader *l, st_index_block *block, size_t place) {
    const st_table_index *index = l->index;
    uint64_t shared;
    strata_slice rest;
    block->separator_version = UINT64_MAX;
    if ((block->continues && !st_cursor_varint(&l->cursor, &block->separator_version)) ||
        !st_cursor_varint(&l->cursor, &shared) || !st_cursor_sized(&l->cursor, &rest) ||
        shared > l->separator_len || rest.len > ST_TABLE_KEY_MAX - (size_t)shared) {
        return false;
    }
    const strata_slice tail =
        st_slice(l->separator + (size_t)shared, l->separator_len - (size_t)shared);
    const int order = st_slice_compare(tail, rest);
    const bool ascends =
        order < 0 || (order == 0 && block->separator_version < l->separator_version);
    if (rest.len > 0) {
        memcpy(l->separator + (size_t)shared, rest.data, rest.len);
    }
    l->separator_len = (size_t)shared + rest.len;
    l->separator_version = block->separator_version;
    block->separator = st_slice(l->separator, 0);
    if (place == 0) {
        return l->separator_len == 0 && !block->continues;
    }
    if (!ascends || l->separator_len < index->prefix_len ||
        memcmp(l->separator, index->first.data, index->prefix_len) != 0) {
        return false;
    }
    block->separator =
        st_slice(l->separator + index->prefix_len, l->separator_len - index->prefix_len);
    return true;
}

/* The bytes of a key after the prefix; what is missing is zero. */
static st_index_head head_of(const uint8_t *bytes, size_t len) {
    uint8_t filled[HEAD_BYTES] = {0};
    if (ST_UNLIKELY(len < HEAD_BYTES)) {
        if (len > 0) {
            memcpy(filled, bytes, len);
        }
        bytes = filled;
    }
    return (st_index_head){load64_be(bytes), load64_be(bytes + 8)};
}

/* Without a branch. */
static inline bool is_head_before(st_index_head a, st_index_head b) {
    return (a.first < b.first) | ((a.first == b.first) & (a.second < b.second));
}

static strata_status load_block(loader *l, size_t place, const char **what) {
    st_table_index *index = l->index;
    st_index_block block;
    uint64_t version_max;
    if (!load_frame(l, &block) || !load_counts(l, &block) || !load_spans(l, &block, &version_max)) {
        *what = "a block in its index has wrong numbers";
        return STRATA_CORRUPT;
    }
    if (!load_separator(l, &block, place)) {
        *what = "its index is out of order";
        return STRATA_CORRUPT;
    }
    if (index->pool.len > UINT32_MAX / 2) {
        *what = "its index is too long";
        return STRATA_CORRUPT;
    }
    index->heads[place] = head_of(block.separator.data, block.separator.len);
    return pool_add(index, &block, place, version_max);
}

static strata_status load_blocks(loader *l, const char **what) {
    const st_table_index *index = l->index;
    for (size_t place = 0; place < index->count; place++) {
        ST_TRY(load_block(l, place, what));
    }
    if (st_cursor_left(&l->cursor) > 0 || l->end != l->last ||
        l->entries != index->spans->entries || l->keys != index->spans->keys) {
        *what = "its index and its properties contradict each other";
        return STRATA_CORRUPT;
    }
    return STRATA_OK;
}

/* Gives back what growing took too much. */
static void trim_pool(strata_buffer *pool) {
    uint8_t *data = st_resize(&pool->host->memory, pool->data, pool->cap, pool->len);
    if (data != NULL) {
        pool->data = data;
        pool->cap = pool->len;
    }
}

strata_status st_table_index_load(st_table_index *index, const st_table_file *file,
                                  const st_table_properties *properties, strata_slice payload,
                                  const char **what) {
    const strata_allocator *memory = &file->host->memory;
    const strata_slice first = properties->first_key;
    const strata_slice last = properties->last_key;
    *what = NULL;
    *index = (st_table_index){.host = file->host,
                              .first = first,
                              .last = last,
                              .spans = &properties->spans,
                              .pool = {NULL, 0, 0, file->host}};
    /* Nine bytes of file and eleven of payload are the least that a block takes. */
    if (properties->blocks == 0 || properties->blocks > payload.len / 11 ||
        properties->blocks > SIZE_MAX / sizeof *index->heads) {
        *what = "its index has another number of blocks";
        return STRATA_CORRUPT;
    }
    index->count = (size_t)properties->blocks;
    index->prefix_len = shared_of(first.data, first.len, last.data, last.len);
    index->version_shift = shift_for(index->spans->version_max - index->spans->version_min);
    index->time_shift =
        shift_for((uint64_t)index->spans->time_max_us - (uint64_t)index->spans->time_min_us);
    index->heads = st_alloc(memory, index->count * sizeof *index->heads);
    index->offsets = st_alloc(memory, index->count * sizeof *index->offsets);
    index->places = st_alloc(memory, index->count * sizeof *index->places);
    if (index->heads == NULL || index->offsets == NULL || index->places == NULL) {
        return STRATA_NO_MEMORY;
    }
    loader l = {.index = index,
                .cursor = st_cursor_over(payload),
                .end = ST_TABLE_HEADER_BYTES,
                .last = file->footer.index};
    const strata_status status = load_blocks(&l, what);
    if (status == STRATA_OK) {
        trim_pool(&index->pool);
    }
    return status;
}

void st_table_index_free(st_table_index *index) {
    if (index->host == NULL) {
        return;
    }
    const strata_allocator *memory = &index->host->memory;
    st_free(memory, index->heads, index->count * sizeof *index->heads);
    st_free(memory, index->offsets, index->count * sizeof *index->offsets);
    st_free(memory, index->places, index->count * sizeof *index->places);
    strata_buffer_free(&index->pool);
    index->heads = NULL;
    index->offsets = NULL;
    index->places = NULL;
}

size_t st_table_index_resident_bytes(const st_table_index *index) {
    return index->count * (sizeof *index->heads + sizeof *index->offsets + sizeof *index->places) +
           index->pool.cap;
}

/* ---- Searching ------------------------------------------------------------------------------- */

/* Whether the block begins not after (key, number) in the order of the table. key: without the
 * prefix. */
static bool begins_by(const st_table_index *index, size_t block, strata_slice key,
                      uint64_t number) {
    const uint8_t *p = index->pool.data + index->places[block];
    const size_t len = (size_t)(pool_number(&p) >> 1);
    const int order = st_slice_compare(st_slice(p, len), key);
    if (order != 0) {
        return order < 0;
    }
    st_index_block about;
    st_table_index_block(index, block, &about);
    return about.separator_version >= number;
}

/* Among the blocks of one head, `last` being the last of them. */
static size_t find_among_equals(const st_table_index *index, size_t last, strata_slice key,
                                uint64_t number) {
    const st_index_head head = index->heads[last];
    size_t low = 0; /* the first block of that head */
    for (size_t high = last; low < high;) {
        const size_t middle = low + (high - low) / 2;
        if (is_head_before(index->heads[middle], head)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (size_t high = last + 1; low < high;) {
        const size_t middle = low + (high - low) / 2;
        if (begins_by(index, middle, key, number)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - 1; /* the first block of all begins with everything */
}

bool st_table_index_find(const st_table_index *index, strata_slice key, uint64_t number,
                         size_t *block) {
    const size_t prefix = index->prefix_len;
    const size_t common = st_min(prefix, key.len);
    const int order = common == 0 ? 0 : memcmp(key.data, index->first.data, common);
    if (order < 0 || (order == 0 && key.len < prefix)) {
        return false;
    }
    if (order > 0) {
        *block = index->count - 1;
        return true;
    }
    const strata_slice rest = st_slice((const uint8_t *)key.data + prefix, key.len - prefix);
    const st_index_head head = head_of(rest.data, rest.len);
    size_t low = 0;
    for (size_t count = index->count; count > 1;) {
        const size_t half = count / 2;
        low += is_head_before(head, index->heads[low + half]) ? 0 : half;
        count -= half;
    }
    *block =
        is_head_before(index->heads[low], head) ? low : find_among_equals(index, low, rest, number);
    return true;
}
