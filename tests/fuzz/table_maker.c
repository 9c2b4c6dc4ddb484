/* table_maker.c - making tables; the inputs are in table_maker.h. */
#include "table_maker.h"

#include "base/crc32c.h"
#include "format/key.h"
#include "store/table/filter.h"

enum { FILE_MAX = 1 << 18 };

st_table_spec fuzz_table_spec(strata_codec codec) {
    const st_table_spec spec = {.host = fuzz_host(),
                                .path = "db",
                                .number = FUZZ_TABLE_NUMBER,
                                .uuid = "fifteen letters",
                                .codec = codec};
    return spec;
}

static void name_of(char *name) {
    st_table_name(name, FUZZ_NAME_MAX, "db", FUZZ_TABLE_NUMBER);
}

void fuzz_table_put(strata_slice bytes) {
    char name[FUZZ_NAME_MAX];
    name_of(name);
    fuzz_put(name, bytes);
}

strata_slice fuzz_table_bytes(void) {
    char name[FUZZ_NAME_MAX];
    name_of(name);
    return fuzz_file(name);
}

/* ---- Built ----------------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b) {
    const fuzz_entry *left = a;
    const fuzz_entry *right = b;
    const int order =
        st_slice_compare(st_slice(left->key, left->key_len), st_slice(right->key, right->key_len));
    return order != 0 ? order
                      : (left->revision.number < right->revision.number) -
                            (left->revision.number > right->revision.number);
}

/* Bits of the first byte of an entry; the rest choose the run and the tag. */
enum { SAME_KEY = 1, DELETED = 2, TRIMMED = 4, EXPIRES = 8 };

static void take_key(fuzz_input *input, unsigned flags, unsigned len, fuzz_entry *entry) {
    static const uint64_t runs[] = {1, 0, 2, UINT64_MAX};
    static const uint8_t tags[] = {ST_TAG_KV, ST_TAG_EVENT, ST_TAG_MEMORY, ST_TAG_RUN};
    const uint8_t tag = tags[flags >> 6 & 3];
    char text[256];
    st_key key;
    if (tag == ST_TAG_EVENT) {
        st_key_number(&key, tag, 1 + fuzz_u64(input) % INT64_MAX);
    } else {
        const size_t bytes = 1 + len % 200;
        for (size_t i = 0; i < bytes; i++) {
            const uint8_t byte = fuzz_u8(input) & 0x7f;
            text[i] = (char)(byte == 0 ? 'k' : byte);
        }
        st_key_text(&key, tag, st_slice(text, bytes));
    }
    store64_be(entry->key, runs[flags >> 4 & 3]);
    memcpy(entry->key + 8, key.bytes, key.len);
    entry->key_len = 8 + key.len;
}

static strata_slice value_of(unsigned kind, unsigned seed) {
    static uint8_t pattern[70000];
    const size_t len = kind < 200 ? kind : kind < 250 ? (kind - 190) * 97 : (kind - 249) * 11000;
    if (pattern[1] == 0) {
        uint32_t chance = 1;
        for (size_t i = 0; i < sizeof pattern; i++) {
            chance = chance * 1103515245 + 12345;
            pattern[i] = i / 4096 % 2 == 0 ? (uint8_t)(chance >> 24 | 1) : 'a';
        }
    }
    return st_slice(pattern + seed, len < sizeof pattern - seed ? len : sizeof pattern - seed);
}

size_t fuzz_entries(fuzz_input *input, fuzz_entry *entries, size_t most) {
    const size_t wanted = (size_t)fuzz_u8(input) * 2 + 1;
    size_t count = 0;
    while (count < wanted && count < most && (input->left > 0 || count == 0)) {
        fuzz_entry *entry = &entries[count];
        const unsigned flags = fuzz_u8(input);
        const unsigned key_len = fuzz_u8(input);
        const unsigned kind = fuzz_u8(input);
        const unsigned seed = fuzz_u8(input);
        const unsigned time = fuzz_u8(input);
        if ((flags & SAME_KEY) != 0 && count > 0) {
            memcpy(entry->key, entries[count - 1].key, entries[count - 1].key_len);
            entry->key_len = entries[count - 1].key_len;
        } else {
            take_key(input, flags, key_len, entry);
        }
        const bool deleted = (flags & DELETED) != 0;
        const int64_t timestamp_us = 1700000000000000 + (int64_t)(count * 1000 + time);
        entry->revision = (st_revision){
            .number = 1 + count * (1 + time % 3),
            .timestamp_us = timestamp_us,
            .expires_us =
                (flags & EXPIRES) != 0 ? timestamp_us + (int64_t)seed * 1000 - 500 : ST_NEVER,
            .deleted = deleted,
            .trimmed = (flags & TRIMMED) != 0,
            .value = deleted ? st_slice("", 0) : value_of(kind, seed)};
        count++;
    }
    qsort(entries, count, sizeof *entries, compare_entries);
    size_t kept = 0; /* (key, number) is unique */
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare_entries(&entries[kept - 1], &entries[i]) != 0) {
            if (kept != i) {
                memcpy(&entries[kept], &entries[i], sizeof *entries);
            }
            kept++;
        }
    }
    return kept;
}

void fuzz_table_change(fuzz_input *input, uint8_t *bytes, size_t *len, size_t cap) {
    enum { SET, ADD, INSERT, REMOVE, SET_NUMBER, CUT, KINDS };
    while (input->left > 0 && *len > 0) {
        const size_t word = fuzz_u16(input);
        const uint8_t what = fuzz_u8(input);
        /* Counted from the end, where the small parts are, as well as from the beginning. */
        const size_t at = (what & 0x80) != 0 ? *len - 1 - word % *len : word % *len;
        const size_t room = *len - at;
        switch ((what & 0x7f) % KINDS) {
        case SET:
            bytes[at] = fuzz_u8(input);
            break;
        case ADD:
            bytes[at] = (uint8_t)(bytes[at] + (int8_t)fuzz_u8(input));
            break;
        case INSERT:
            if (*len < cap) {
                memmove(bytes + at + 1, bytes + at, room);
                bytes[at] = fuzz_u8(input);
                ++*len;
            }
            break;
        case REMOVE: {
            const size_t gone = 1 + fuzz_u8(input) % room;
            memmove(bytes + at, bytes + at + gone, room - gone);
            *len -= gone;
            break;
        }
        case SET_NUMBER: {
            uint8_t number[8];
            store64_le(number, fuzz_u64(input));
            memcpy(bytes + at, number, room < sizeof number ? room : sizeof number);
            break;
        }
        default:
            *len = at;
        }
    }
}

static void seal_header(uint8_t *bytes) {
    store32_le(bytes + 36, st_crc32c(0, st_slice(bytes, 36)));
}

static void seal_footer(uint8_t *bytes, size_t len, uint32_t seed) {
    uint8_t *footer = bytes + len - ST_TABLE_FOOTER_BYTES;
    store64_le(footer + 32, len);
    store32_le(footer + 44, st_crc32c(seed, st_slice(footer, 44)));
}

static void seal(const st_table_spec *spec, uint8_t *bytes, size_t len) {
    const uint32_t seed = st_frame_seed(spec->uuid, spec->number);
    if (len < ST_TABLE_HEADER_BYTES + ST_TABLE_FOOTER_BYTES) {
        return;
    }
    const size_t end = len - ST_TABLE_FOOTER_BYTES;
    size_t last[3] = {0, 0, 0};
    for (size_t at = ST_TABLE_HEADER_BYTES; end - at >= ST_FRAME_BYTES;) {
        st_frame frame = st_frame_read(bytes + at);
        const size_t room = end - at - ST_FRAME_BYTES;
        frame.payload_len = frame.payload_len < room ? frame.payload_len : (uint32_t)room;
        st_frame_seal(bytes + at, &frame, bytes + at + ST_FRAME_BYTES, seed, at);
        last[0] = last[1];
        last[1] = last[2];
        last[2] = at;
        at += ST_FRAME_BYTES + frame.payload_len;
    }
    uint8_t *footer = bytes + end;
    for (size_t i = 0; i < 3; i++) {
        store64_le(footer + 8 + 8 * i, last[i]);
    }
    seal_header(bytes);
    seal_footer(bytes, len, seed);
}

void fuzz_table_seal(uint8_t *bytes, size_t len) {
    const st_table_spec spec = fuzz_table_spec(STRATA_CODEC_NONE);
    seal(&spec, bytes, len);
}

void fuzz_table_adopt(const st_table_spec *spec, uint8_t *bytes, size_t len) {
    if (len >= ST_TABLE_HEADER_BYTES) {
        store64_le(bytes + 8, spec->number);
        memcpy(bytes + 16, spec->uuid, ST_UUID_BYTES);
        store32_le(bytes + 32, (uint32_t)spec->codec);
    }
    seal(spec, bytes, len);
}

/* ---- Crafted --------------------------------------------------------------------------------- */

enum { CONTINUES = 1, ENCODE = 2, SEPARATOR = 4, VALUE = 8 };

static strata_slice take_key_bytes(fuzz_input *input) {
    return fuzz_take(input, fuzz_u8(input));
}

void fuzz_craft_read(fuzz_input *input, fuzz_craft *craft) {
    memset(craft, 0, sizeof *craft);
    craft->expires_min_us = ST_NEVER;
    craft->first_key = take_key_bytes(input);
    craft->last_key = take_key_bytes(input);
    while (input->left > 0 && craft->count < FUZZ_BLOCKS_MAX) {
        fuzz_block *block = &craft->blocks[craft->count++];
        const uint8_t control = fuzz_u8(input);
        block->payload = fuzz_take(input, fuzz_u16(input));
        block->continues = (control & CONTINUES) != 0 && craft->count > 1;
        block->encode = (control & ENCODE) != 0;
        if ((control & SEPARATOR) != 0 && craft->count > 1) {
            block->separator = take_key_bytes(input);
            block->separator_version = fuzz_u16(input);
        }
        if ((control & VALUE) != 0) {
            block->value = fuzz_take(input, fuzz_u8(input));
            craft->values++;
        }
    }
}

void fuzz_craft_guess(fuzz_craft *craft) {
    for (size_t i = 0; i < craft->count; i++) {
        fuzz_block *block = &craft->blocks[i];
        const uint8_t *p = block->payload.data;
        if (block->payload.len < ST_BLOCK_HEAD_BYTES) {
            block->spans = (st_spans){.entries = 1, .keys = 1};
            block->heads = 1;
            continue;
        }
        const uint64_t version = load64_le(p);
        const int64_t time = (int64_t)load64_le(p + 8);
        block->spans = (st_spans){.entries = load32_le(p + 16) & 0xffff,
                                  .keys = load32_le(p + 16) >> 16,
                                  .version_min = version,
                                  .version_max = UINT64_MAX,
                                  .time_min_us = time,
                                  .time_max_us = INT64_MAX};
        block->heads = load32_le(p + 20) & 0xffff;
    }
}

typedef struct writer {
    uint8_t bytes[FILE_MAX];
    size_t len;
    uint32_t seed;
    st_codec *codec;
    st_index_builder index;
} writer;

/* Appends a frame; false when there is no room. */
static bool put_frame(writer *to, st_frame_kind kind, strata_slice payload, bool encode,
                      st_table_frame *frame) {
    strata_buffer encoded = fuzz_buffer();
    bool is_encoded = false;
    strata_slice stored = payload;
    if (encode) {
        CHECK(st_codec_encode(to->codec, payload, &encoded, &is_encoded) == STRATA_OK, "encode");
        stored = is_encoded ? st_buffer_slice(&encoded) : payload;
    }
    const bool fits = FILE_MAX - to->len >= ST_FRAME_BYTES + stored.len + ST_TABLE_FOOTER_BYTES;
    if (fits) {
        const st_frame fields = {(uint32_t)stored.len, is_encoded, kind};
        *frame = (st_table_frame){to->len, (uint32_t)stored.len, (uint32_t)payload.len, is_encoded,
                                  kind};
        st_frame_seal(to->bytes + to->len, &fields, stored.data, to->seed, to->len);
        if (stored.len > 0) {
            memcpy(to->bytes + to->len + ST_FRAME_BYTES, stored.data, stored.len);
        }
        to->len += ST_FRAME_BYTES + stored.len;
    }
    strata_buffer_free(&encoded);
    return fits;
}

static void put_block(writer *to, const fuzz_block *block, st_table_properties *properties) {
    st_spans *sum = &properties->spans;
    st_table_frame frame;
    const size_t before = to->len;
    if (block->value.len > 0) {
        (void)put_frame(to, ST_FRAME_VALUE, block->value, false, &frame);
    }
    const size_t apart = to->len - before;
    if (!put_frame(to, ST_FRAME_ENTRIES, block->payload, block->encode, &frame)) {
        return;
    }
    const st_index_add add = {frame,
                              apart,
                              &block->spans,
                              block->heads,
                              block->separator,
                              block->continues,
                              block->separator_version};
    CHECK(st_index_builder_add(&to->index, &add) == STRATA_OK, "index");
    const st_spans *spans = &block->spans;
    sum->entries += spans->entries;
    sum->keys += spans->keys - (block->continues ? 1 : 0);
    sum->version_min =
        spans->version_min < sum->version_min ? spans->version_min : sum->version_min;
    sum->version_max =
        spans->version_max > sum->version_max ? spans->version_max : sum->version_max;
    sum->time_min_us =
        spans->time_min_us < sum->time_min_us ? spans->time_min_us : sum->time_min_us;
    sum->time_max_us =
        spans->time_max_us > sum->time_max_us ? spans->time_max_us : sum->time_max_us;
    properties->blocks++;
}

static void put_ends(writer *to, const fuzz_craft *craft, st_table_properties *properties) {
    st_table_footer footer;
    st_table_frame frame = {0};
    strata_buffer encoded = fuzz_buffer();
    strata_buffer filter = fuzz_buffer();
    const size_t filter_len = st_filter_bytes(properties->spans.keys, FILE_MAX / 4);
    properties->spans.expires_min_us = craft->expires_min_us;
    properties->values = craft->values;
    properties->first_key = craft->first_key;
    properties->last_key = craft->last_key;
    CHECK(st_table_properties_encode(properties, &encoded) == STRATA_OK, "properties");
    CHECK(st_buffer_reserve(&filter, filter_len) == STRATA_OK, "filter");
    memset(filter.data, 0xff, filter_len);
    const strata_slice filter_bytes =
        st_slice(craft->filter != NULL ? craft->filter : filter.data, filter_len);
    bool fits = put_frame(to, ST_FRAME_INDEX, st_buffer_slice(&to->index.bytes), true, &frame);
    footer.index = frame.offset;
    fits = fits && put_frame(to, ST_FRAME_FILTER, filter_bytes, false, &frame);
    footer.filter = frame.offset;
    fits = fits && put_frame(to, ST_FRAME_PROPERTIES, st_buffer_slice(&encoded), false, &frame);
    footer.properties = frame.offset;
    if (fits) {
        footer.bytes = to->len + ST_TABLE_FOOTER_BYTES;
        st_table_footer_encode(&footer, to->seed, to->bytes + to->len);
        to->len += ST_TABLE_FOOTER_BYTES;
    }
    strata_buffer_free(&encoded);
    strata_buffer_free(&filter);
}

void fuzz_craft_write(const fuzz_craft *craft, strata_codec codec) {
    static writer to;
    const st_table_spec spec = fuzz_table_spec(codec);
    st_table_properties properties = {
        .spans = {.version_min = UINT64_MAX, .time_min_us = INT64_MAX, .time_max_us = INT64_MIN}};
    to.len = ST_TABLE_HEADER_BYTES;
    to.seed = st_frame_seed(spec.uuid, spec.number);
    st_index_builder_init(&to.index, fuzz_host());
    CHECK(st_codec_create(codec, fuzz_host(), &to.codec) == STRATA_OK, "codec");
    st_table_header_encode(&spec, to.bytes);
    for (size_t i = 0; i < craft->count; i++) {
        put_block(&to, &craft->blocks[i], &properties);
    }
    put_ends(&to, craft, &properties);
    st_codec_destroy(to.codec);
    st_index_builder_free(&to.index);
    fuzz_table_put(st_slice(to.bytes, to.len));
}
