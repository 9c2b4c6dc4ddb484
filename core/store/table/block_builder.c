/* block_builder.c - building a block of entries; the layout is in block.h and docs/FORMAT.md.
 *
 * Entries are encoded as they come, all but their versions and times: how many bytes those take is
 * known when the block is full. Finishing puts them in.
 *
 * A key shares its beginning with the head of its group, not with the key before it. So an entry is
 * compared by looking at two places, whatever comes before it; and as keys are sorted, what a key
 * shares with its head is the least of what neighbours since then share, which costs no comparison.
 * On random keys of 16 bytes it takes 0.9 bytes more an entry than sharing with the key before, and
 * less than that with restarts every four keys, which would be as fast to search.
 *
 * Invariants
 * 1. group_shared never grows within a group; it is exactly what the key shares with the head.
 * 2. st_block_builder_bytes is exact, and a block that is_full let grow is as long as it said or a
 *    little shorter; so blocks of short values fit a cell of the cache, whatever is in them.
 */
#include "store/table/block.h"

/* GROUP_KEYS: a head costs its key's shared bytes, a member what the group shares less; measured
 * best between 8 and 32. A key that shares less with its head than those before did starts a new
 * group when that pays within WORTH_KEYS further keys: a new cluster of keys has begun. */
enum { GROUP_KEYS = 16, WORTH_KEYS = 4, METAS_MIN = 64 };

/* Of an entry, besides its key, its value, its version and its time. */
enum { HEADER_BYTES_MAX = 1 + 6 * ST_VARINT_BYTES_MAX };

typedef struct st_block_meta {
    uint64_t number;
    int64_t timestamp_us;
    size_t end; /* in the bytes */
} st_block_meta;

void st_spans_init(st_spans *spans) {
    *spans = (st_spans){.version_min = UINT64_MAX,
                        .time_min_us = INT64_MAX,
                        .time_max_us = INT64_MIN,
                        .expires_min_us = ST_NEVER};
}

void st_spans_add(st_spans *spans, const st_revision *revision, bool new_key) {
    spans->entries++;
    spans->keys += new_key;
    if (revision->number < spans->version_min) {
        spans->version_min = revision->number;
    }
    if (revision->number > spans->version_max) {
        spans->version_max = revision->number;
    }
    if (revision->timestamp_us < spans->time_min_us) {
        spans->time_min_us = revision->timestamp_us;
    }
    if (revision->timestamp_us > spans->time_max_us) {
        spans->time_max_us = revision->timestamp_us;
    }
    if (revision->expires_us < spans->expires_min_us) {
        spans->expires_min_us = revision->expires_us;
    }
}

void st_block_builder_init(st_block_builder *builder, const strata_host *host) {
    memset(builder, 0, sizeof *builder);
    builder->bytes.host = host;
    st_spans_init(&builder->spans);
}

void st_block_builder_free(st_block_builder *builder) {
    st_free(&builder->bytes.host->memory, builder->metas,
            builder->meta_cap * sizeof *builder->metas);
    strata_buffer_free(&builder->bytes);
    builder->metas = NULL;
    builder->meta_cap = 0;
}

static strata_status reserve_meta(st_block_builder *b) {
    if (b->spans.entries < b->meta_cap) {
        return STRATA_OK;
    }
    const size_t cap = b->meta_cap == 0 ? METAS_MIN : b->meta_cap * 2;
    st_block_meta *metas = st_resize(&b->bytes.host->memory, b->metas, b->meta_cap * sizeof *metas,
                                     cap * sizeof *metas);
    if (metas == NULL) {
        return STRATA_NO_MEMORY;
    }
    b->metas = metas;
    b->meta_cap = cap;
    return STRATA_OK;
}

/* Whether the key begins a group; if not, group_shared becomes what it shares with the head. */
static bool begins_group(st_block_builder *b, size_t shared) {
    if (b->group_keys == 0 || b->group_keys == GROUP_KEYS) {
        return true;
    }
    const size_t least = b->group_keys == 1 ? shared : st_min(b->group_shared, shared);
    const size_t loses = b->group_keys == 1 ? 0 : b->group_shared - least;
    b->group_shared = least;
    return loses > 0 && loses * WORTH_KEYS >= least;
}

/* Flags and lengths of the key; *shared: how much of it is not written. */
static uint8_t *put_key_lengths(st_block_builder *b, const st_block_add *add, bool same, uint8_t *p,
                                size_t *shared) {
    if (same) {
        *p++ = ST_ENTRY_SAME;
        *shared = add->key.len;
        return p;
    }
    if (begins_group(b, add->shared)) {
        *p++ = ST_ENTRY_HEAD;
        *shared = 0;
        b->heads++;
        b->group_keys = 1;
        return st_varint_put(p, add->key.len);
    }
    *p++ = 0;
    *shared = b->group_shared;
    b->group_keys++;
    p = st_varint_put(p, add->key.len - *shared);
    return st_varint_put(p, *shared);
}

static uint8_t *put_value_lengths(const st_block_add *add, uint8_t *flags, uint8_t *p) {
    const st_revision *revision = add->revision;
    *flags |= (uint8_t)((revision->trimmed ? ST_ENTRY_TRIMMED : 0) |
                        (revision->hole ? ST_ENTRY_HOLE : 0));
    if (revision->expires_us != ST_NEVER) {
        *flags |= ST_ENTRY_EXPIRES;
        p = st_varint_put(p, st_zigzag((int64_t)((uint64_t)revision->expires_us -
                                                 (uint64_t)revision->timestamp_us)));
    }
    if (revision->deleted) {
        *flags |= ST_ENTRY_DELETED;
        return p;
    }
    if (add->apart.stored_len == 0) {
        return st_varint_put(p, revision->value.len);
    }
    *flags |= ST_ENTRY_APART;
    p = st_varint_put(p, add->apart.plain_len);
    p = st_varint_put(p, add->apart.at);
    return st_varint_put(p, (uint64_t)add->apart.stored_len << 1 | add->apart.encoded);
}

static uint8_t *put_bytes(uint8_t *p, const void *data, size_t len) {
    if (len > 0) {
        memcpy(p, data, len);
    }
    return p + len;
}

/* Forgets the block before. */
static void begin_block(st_block_builder *b) {
    st_spans_init(&b->spans);
    b->heads = 0;
    b->group_keys = 0;
    b->group_shared = 0;
}

strata_status st_block_builder_add(st_block_builder *b, const st_block_add *add) {
    const st_revision *revision = add->revision;
    const bool apart = add->apart.stored_len > 0;
    const size_t value_len = apart ? 0 : revision->value.len;
    ST_ASSERT(!revision->deleted || revision->value.len == 0);
    if (b->bytes.len == 0) {
        begin_block(b);
    }
    ST_TRY(reserve_meta(b));
    ST_TRY(st_buffer_reserve(&b->bytes, HEADER_BYTES_MAX + add->key.len + value_len));
    const bool same = add->same_key && b->spans.entries > 0;
    uint8_t *const flags = b->bytes.data + b->bytes.len;
    size_t shared;
    uint8_t *p = put_key_lengths(b, add, same, flags, &shared);
    p = put_value_lengths(add, flags, p);
    p = put_bytes(p, (const uint8_t *)add->key.data + shared, add->key.len - shared);
    p = put_bytes(p, revision->value.data, value_len);
    b->bytes.len = (size_t)(p - b->bytes.data);
    b->metas[b->spans.entries] =
        (st_block_meta){revision->number, revision->timestamp_us, b->bytes.len};
    st_spans_add(&b->spans, revision, !same);
    return STRATA_OK;
}

/* ---- Finishing ------------------------------------------------------------------------------- */

/* Bytes that hold numbers up to `most`. */
static unsigned width_of(uint64_t most) {
    unsigned width = 0;
    while (most > 0) {
        width++;
        most >>= 8;
    }
    return width;
}

static unsigned version_width(const st_spans *spans) {
    return width_of(spans->version_max - spans->version_min);
}

static unsigned time_width(const st_spans *spans) {
    return width_of((uint64_t)spans->time_max_us - (uint64_t)spans->time_min_us);
}

size_t st_block_builder_bytes(const st_block_builder *b) {
    if (b->bytes.len == 0) {
        return 0;
    }
    return ST_BLOCK_HEAD_BYTES + b->bytes.len +
           (size_t)b->spans.entries * (version_width(&b->spans) + time_width(&b->spans));
}

bool st_block_builder_is_full(const st_block_builder *b, size_t key_len,
                              const st_revision *revision, bool apart) {
    if (b->bytes.len == 0) {
        return false;
    }
    /* Flags, two lengths of the key, one of the value, and the key as a head has it. */
    size_t more = 1 + 2 + 2 + 3 + key_len;
    more += apart ? (size_t)2 * ST_VARINT_BYTES_MAX : revision->value.len;
    more += revision->expires_us != ST_NEVER ? ST_VARINT_BYTES_MAX : 0;
    st_spans spans = b->spans;
    st_spans_add(&spans, revision, true);
    const size_t plain_len = ST_BLOCK_HEAD_BYTES + b->bytes.len + more +
                             (size_t)spans.entries * (version_width(&spans) + time_width(&spans));
    return st_block_room_for(plain_len, (size_t)spans.keys, b->heads + 1) > ST_BLOCK_ROOM_MAX &&
           st_block_room_for(st_block_builder_bytes(b), (size_t)b->spans.keys, b->heads) >=
               ST_BLOCK_ROOM_MIN;
}

static uint8_t *put_head(const st_block_builder *b, uint8_t *p) {
    store64_le(p, b->spans.version_min);
    store64_le(p + 8, (uint64_t)b->spans.time_min_us);
    store32_le(p + 16, (uint32_t)b->spans.entries | (uint32_t)b->spans.keys << 16);
    store32_le(p + 20, (uint32_t)b->heads);
    p[22] = (uint8_t)version_width(&b->spans);
    p[23] = (uint8_t)time_width(&b->spans);
    return p + ST_BLOCK_HEAD_BYTES;
}

static uint8_t *put_number(uint8_t *p, uint64_t number, unsigned width) {
    for (unsigned i = 0; i < width; i++) {
        *p++ = (uint8_t)(number >> 8 * i);
    }
    return p;
}

strata_status st_block_builder_finish(st_block_builder *b, strata_buffer *out) {
    const size_t bytes = st_block_builder_bytes(b);
    const unsigned version_bytes = version_width(&b->spans);
    const unsigned time_bytes = time_width(&b->spans);
    ST_ASSERT(bytes > 0 && bytes <= ST_BLOCK_BYTES_MAX);
    ST_TRY(st_buffer_reserve(out, bytes));
    uint8_t *p = put_head(b, out->data + out->len);
    size_t from = 0;
    for (size_t i = 0; i < b->spans.entries; i++) {
        const st_block_meta *meta = &b->metas[i];
        p = put_number(p, meta->number - b->spans.version_min, version_bytes);
        p = put_number(p, (uint64_t)meta->timestamp_us - (uint64_t)b->spans.time_min_us,
                       time_bytes);
        p = put_bytes(p, b->bytes.data + from, meta->end - from);
        from = meta->end;
    }
    ST_ASSERT((size_t)(p - out->data) - out->len == bytes);
    out->len += bytes;
    b->bytes.len = 0;
    return STRATA_OK;
}
