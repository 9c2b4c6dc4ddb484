/* fuzz_table.c - the reader of tables, over tables that were built, built and then changed, or
 * crafted (table_maker.h).
 *
 * An input: 1 byte flags; with CRAFTED a craft, with RAW the bytes of a file (SEAL: sealed), otherwise
 * entries, then changes.
 * Holds for every table:
 * 1. Opening, walking, seeking and getting end with OK or with `corrupt` that names the file and an
 *    offset in it.
 * 2. Verification agrees with reading: where it finds nothing, the walk meets exactly the entries
 *    that the table says it has, in order, with well-formed keys, inside the spans it says; every
 *    one of them is found by get and by both seeks; where the walk or a get fails, so does it.
 * 3. What was built and not changed verifies, and is what was put in.
 * 4. Opening takes no more memory than a multiple of the file.
 * A craft is read twice: the second time with the index, the filter and the properties that the
 * entries met on the first walk ask for, so that crafted blocks get past verification, too.
 */
#include "format/key.h"
#include "store/table/filter.h"
#include "table_maker.h"

enum { CRAFTED = 1, ZSTD = 2, SEAL = 4, RAW = 8 };
enum { MEMORY_MAX = 64 << 20, CACHE_BYTES = 100 << 10, MET_MAX = 4096, SAMPLES = 64 };
enum { OPEN_FACTOR = 256, OPEN_BYTES = 1 << 20 };

/* An entry that the walk met. */
typedef struct met {
    uint8_t key[ST_TABLE_KEY_MAX];
    size_t key_len;
    uint64_t number;
    int64_t timestamp_us;
    int64_t expires_us;
    size_t block;
} met;

static met *entries;
static size_t entry_count;

/* Whether a call ended as it may; true: OK. */
static bool is_good(strata_status status, const strata_error *error) {
    if (status == STRATA_CORRUPT) {
        fuzz_check_corrupt(error, "db");
        return false;
    }
    CHECK(status == STRATA_OK || (status == STRATA_NO_MEMORY && fuzz_memory_refused()), "%s: %s",
          strata_status_name(status), error->message);
    return status == STRATA_OK;
}

static strata_slice key_of(const met *entry) {
    return st_slice(entry->key, entry->key_len);
}

/* Order of a table. */
static int compare(const met *a, const met *b) {
    const int order = st_slice_compare(key_of(a), key_of(b));
    return order != 0 ? order : (a->number < b->number) - (a->number > b->number);
}

/* ---- Walking --------------------------------------------------------------------------------- */

static void meet(const st_table_iter *iter) {
    met *entry = &entries[entry_count++];
    CHECK(iter->key.len >= 8 && iter->key.len <= ST_TABLE_KEY_MAX, "%zu bytes", iter->key.len);
    memcpy(entry->key, iter->key.data, iter->key.len);
    entry->key_len = iter->key.len;
    entry->number = iter->revision.number;
    entry->timestamp_us = iter->revision.timestamp_us;
    entry->expires_us = iter->revision.expires_us;
    entry->block = iter->block;
    CHECK(st_key_well_formed(st_slice(entry->key + 8, entry->key_len - 8)), "a malformed key");
    CHECK(entry_count < 2 || compare(entry - 1, entry) < 0, "entries are out of order");
}

/* The whole table into `entries`; whether all of it could be read, values included. */
static bool walk(const st_table *table, bool past_cache) {
    st_table_iter iter;
    strata_error error = {.code = STRATA_OK};
    bool values_good = true;
    entry_count = 0;
    st_table_iter_init(&iter, table, &error);
    iter.past_cache = past_cache;
    strata_status status = st_table_iter_seek(&iter, st_slice("", 0), UINT64_MAX);
    while (status == STRATA_OK && iter.here && entry_count < MET_MAX) {
        strata_slice value;
        meet(&iter);
        values_good = is_good(st_table_iter_value(&iter, &value), &error) && values_good;
        status = st_table_iter_next(&iter);
    }
    const bool good = is_good(status, &error);
    st_table_iter_release(&iter);
    return good && values_good && entry_count < MET_MAX;
}

static void check_info(const st_table *table) {
    const st_table_info *info = st_table_about(table);
    size_t keys = 0;
    CHECK(entry_count == info->entries, "%zu entries of %llu", entry_count,
          (unsigned long long)info->entries);
    for (size_t i = 0; i < entry_count; i++) {
        const met *entry = &entries[i];
        keys += i == 0 || !st_slice_equal(key_of(entry), key_of(entry - 1));
        CHECK(entry->number >= info->version_min && entry->number <= info->version_max, "version");
        CHECK(entry->timestamp_us >= info->time_min_us && entry->timestamp_us <= info->time_max_us,
              "time");
        CHECK(entry->expires_us >= info->expires_min_us, "end");
    }
    CHECK(keys == info->keys, "%zu keys of %llu", keys, (unsigned long long)info->keys);
    CHECK(st_slice_equal(key_of(&entries[0]), info->first_key), "first key");
    CHECK(st_slice_equal(key_of(&entries[entry_count - 1]), info->last_key), "last key");
}

/* ---- Single entries -------------------------------------------------------------------------- */

static bool stands_at(const st_table_iter *iter, const met *entry) {
    return iter->here && st_slice_equal(iter->key, key_of(entry)) &&
           iter->revision.number == entry->number;
}

/* must: everything has to be found. Returns whether nothing failed. */
static bool find(const st_table *table, size_t place, bool must) {
    const met *entry = &entries[place];
    const st_bound by_version = st_bound_version(entry->number);
    const st_bound by_time = {.version = UINT64_MAX, .time_us = entry->timestamp_us};
    strata_error error = {.code = STRATA_OK};
    st_revision revision;
    st_table_iter iter;
    st_arena arena;
    bool found = false;
    st_arena_init(&arena, &fuzz_host()->memory, 0);
    const uint64_t hash = st_table_hash(key_of(entry));
    bool good = is_good(
        st_table_get(table, key_of(entry), hash, &by_version, &arena, &revision, &found, &error),
        &error);
    CHECK(!must || (good && found && revision.number == entry->number), "get by version");
    found = false;
    good = is_good(st_table_get(table, key_of(entry), hash, &by_time, &arena, &revision, &found,
                                &error),
                   &error) &&
           good;
    CHECK(!must || (good && found && revision.timestamp_us <= entry->timestamp_us), "get by time");
    st_arena_free(&arena);

    st_table_iter_init(&iter, table, &error);
    const strata_status status = st_table_iter_seek(&iter, key_of(entry), entry->number);
    good = is_good(status, &error) && good;
    CHECK(!must || stands_at(&iter, entry), "seek");
    size_t before = place;
    while (before > 0 && st_slice_equal(key_of(&entries[before]), key_of(entry))) {
        before--;
    }
    const bool none = st_slice_equal(key_of(&entries[before]), key_of(entry));
    good = is_good(st_table_iter_seek_before(&iter, key_of(entry)), &error) && good;
    CHECK(!must || (none ? !iter.here : stands_at(&iter, &entries[before])), "seek before");
    st_table_iter_release(&iter);
    return good;
}

/* Also of keys that are not there. */
static bool find_some(const st_table *table, bool must) {
    const size_t step = entry_count / SAMPLES + 1;
    bool good = true;
    for (size_t i = 0; i < entry_count; i += step) {
        good = find(table, i, must) && good;
    }
    return good;
}

static void miss(const st_table *table, strata_slice key, bool must) {
    const st_bound all = st_bound_version(UINT64_MAX);
    strata_error error = {.code = STRATA_OK};
    st_revision revision;
    st_arena arena;
    bool found = false;
    bool there = false;
    for (size_t i = 0; i < entry_count; i++) {
        there = there || st_slice_equal(key_of(&entries[i]), key);
    }
    st_arena_init(&arena, &fuzz_host()->memory, 0);
    (void)is_good(
        st_table_get(table, key, st_table_hash(key), &all, &arena, &revision, &found, &error),
        &error);
    CHECK(!must || found == there, "a key that is %s", there ? "there" : "not there");
    st_arena_free(&arena);
}

/* ---- One table ------------------------------------------------------------------------------- */

/* Reads it in every way; whether it opened. *valid: verification found nothing. */
static bool check_table(strata_codec codec, bool *valid) {
    const st_table_spec spec = fuzz_table_spec(codec);
    const strata_slice bytes = fuzz_table_bytes();
    strata_error error = {.code = STRATA_OK};
    st_block_cache *cache;
    st_table *table;
    CHECK(st_block_cache_create(fuzz_host(), CACHE_BYTES, &cache) == STRATA_OK, "cache");
    fuzz_peak_again();
    const size_t before = fuzz_memory_peak();
    const bool opened = is_good(st_table_open(&spec, cache, &table, &error), &error);
    CHECK(fuzz_memory_peak() - before <= OPEN_BYTES + OPEN_FACTOR * bytes.len,
          "opening %zu bytes took %zu", bytes.len, fuzz_memory_peak() - before);
    *valid = false;
    entry_count = 0;
    if (opened) {
        *valid = is_good(st_table_verify(table, &error), &error);
        bool good = walk(table, true);
        good = walk(table, false) && good;
        if (*valid && !fuzz_memory_refused()) {
            CHECK(good, "verification finds nothing, reading does");
            check_info(table);
        }
        good = find_some(table, *valid && !fuzz_memory_refused()) && good;
        miss(table, st_slice("\0\0\0\0\0\0\0\1\x10nobody", 16), *valid && !fuzz_memory_refused());
        CHECK(good || !*valid || fuzz_memory_refused(), "verification finds nothing, a get does");
        st_table_close(table);
    }
    st_block_cache_destroy(cache);
    return opened;
}

static void check_built(const fuzz_entry *built, size_t count, strata_codec codec) {
    bool valid;
    CHECK(check_table(codec, &valid) && valid, "a table that was built");
    CHECK(entry_count == count, "%zu entries of %zu", entry_count, count);
    for (size_t i = 0; i < count; i++) {
        const st_revision *revision = &built[i].revision;
        CHECK(st_slice_equal(key_of(&entries[i]), st_slice(built[i].key, built[i].key_len)) &&
                  entries[i].number == revision->number &&
                  entries[i].timestamp_us == revision->timestamp_us &&
                  entries[i].expires_us == revision->expires_us,
              "entry %zu", i);
    }
}

static void check_values(const fuzz_entry *built, size_t count, strata_codec codec) {
    const st_table_spec spec = fuzz_table_spec(codec);
    strata_error error = {.code = STRATA_OK};
    st_block_cache *cache;
    st_table *table;
    st_table_iter iter;
    CHECK(st_block_cache_create(fuzz_host(), CACHE_BYTES, &cache) == STRATA_OK, "cache");
    CHECK(st_table_open(&spec, cache, &table, &error) == STRATA_OK, "%s", error.message);
    st_table_iter_init(&iter, table, &error);
    CHECK(st_table_iter_seek(&iter, st_slice("", 0), UINT64_MAX) == STRATA_OK, "%s", error.message);
    for (size_t i = 0; i < count; i++) {
        strata_slice value;
        CHECK(st_table_iter_value(&iter, &value) == STRATA_OK, "%s", error.message);
        CHECK(st_slice_equal(value, built[i].revision.value) &&
                  iter.revision.deleted == built[i].revision.deleted &&
                  iter.revision.trimmed == built[i].revision.trimmed,
              "entry %zu", i);
        CHECK(st_table_iter_next(&iter) == STRATA_OK, "%s", error.message);
    }
    st_table_iter_release(&iter);
    st_table_close(table);
    st_block_cache_destroy(cache);
}

static void run_built(fuzz_input *input, unsigned flags, strata_codec codec) {
    static fuzz_entry built[FUZZ_ENTRIES_MAX];
    static uint8_t copy[1 << 20];
    const st_table_spec spec = fuzz_table_spec(codec);
    strata_error error = {.code = STRATA_OK};
    st_table_builder *builder;
    st_table_info info;
    const size_t count = fuzz_entries(input, built, FUZZ_ENTRIES_MAX);
    CHECK(st_table_builder_create(&spec, &builder, &error) == STRATA_OK, "%s", error.message);
    for (size_t i = 0; i < count; i++) {
        CHECK(st_table_builder_add(builder, st_slice(built[i].key, built[i].key_len),
                                   &built[i].revision, &error) == STRATA_OK,
              "%s", error.message);
    }
    CHECK(st_table_builder_finish(builder, &info, &error) == STRATA_OK, "%s", error.message);
    st_table_builder_destroy(builder);
    if (input->left == 0) {
        check_built(built, count, codec);
        check_values(built, count, codec);
        return;
    }
    const strata_slice bytes = fuzz_table_bytes();
    size_t len = bytes.len;
    bool valid;
    if (len > sizeof copy - 4096) {
        return;
    }
    memcpy(copy, bytes.data, len);
    fuzz_table_change(input, copy, &len, sizeof copy);
    if ((flags & SEAL) != 0) {
        fuzz_table_seal(copy, len);
    }
    fuzz_table_put(st_slice(copy, len));
    (void)check_table(codec, &valid);
}

static void run_raw(fuzz_input *input, unsigned flags, strata_codec codec) {
    static uint8_t copy[1 << 16];
    const st_table_spec spec = fuzz_table_spec(codec);
    const strata_slice rest = fuzz_rest(input);
    const size_t len = rest.len < sizeof copy ? rest.len : sizeof copy;
    bool valid;
    if (len > 0) {
        memcpy(copy, rest.data, len);
    }
    if ((flags & SEAL) != 0) {
        fuzz_table_adopt(&spec, copy, len);
    }
    fuzz_table_put(st_slice(copy, len));
    (void)check_table(codec, &valid);
}

/* What the walk has met, said where the craft says it. */
static void take_over(fuzz_craft *craft, uint8_t *filter, size_t filter_len) {
    size_t keys = 0;
    for (size_t i = 0; i < craft->count; i++) {
        st_spans_init(&craft->blocks[i].spans);
    }
    craft->expires_min_us = ST_NEVER;
    for (size_t i = 0; i < entry_count; i++) {
        const met *entry = &entries[i];
        const st_revision revision = {.number = entry->number,
                                      .timestamp_us = entry->timestamp_us,
                                      .expires_us = entry->expires_us};
        const bool new_key = i == 0 || entry->block != entry[-1].block ||
                             !st_slice_equal(key_of(entry), key_of(entry - 1));
        st_spans_add(&craft->blocks[entry->block].spans, &revision, new_key);
        keys += i == 0 || !st_slice_equal(key_of(entry), key_of(entry - 1));
        craft->expires_min_us =
            entry->expires_us < craft->expires_min_us ? entry->expires_us : craft->expires_min_us;
    }
    const size_t len = st_filter_bytes(keys, filter_len);
    memset(filter, 0, filter_len);
    for (size_t i = 0; i < entry_count; i++) {
        st_filter_add(filter, len, st_table_hash(key_of(&entries[i])));
    }
    craft->filter = filter;
    craft->first_key = key_of(&entries[0]);
    craft->last_key = key_of(&entries[entry_count - 1]);
}

static void run_crafted(fuzz_input *input, strata_codec codec) {
    static fuzz_craft craft;
    static uint8_t filter[1 << 16];
    static met first;
    static met last;
    bool valid;
    fuzz_craft_read(input, &craft);
    if (craft.count == 0) {
        return;
    }
    fuzz_craft_guess(&craft);
    fuzz_craft_write(&craft, codec);
    if (!check_table(codec, &valid) || entry_count == 0 ||
        entries[entry_count - 1].block + 1 != craft.count) {
        return;
    }
    take_over(&craft, filter, sizeof filter);
    first = entries[0];
    last = entries[entry_count - 1];
    craft.first_key = key_of(&first);
    craft.last_key = key_of(&last);
    fuzz_craft_write(&craft, codec);
    (void)check_table(codec, &valid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static met met_entries[MET_MAX];
    fuzz_input input = {data, size};
    fuzz_begin(MEMORY_MAX);
    entries = met_entries;
    const unsigned flags = fuzz_u8(&input);
    const strata_codec codec = (flags & ZSTD) != 0 ? STRATA_CODEC_ZSTD : STRATA_CODEC_NONE;
    if ((flags & CRAFTED) != 0) {
        run_crafted(&input, codec);
    } else if ((flags & RAW) != 0) {
        run_raw(&input, flags, codec);
    } else {
        run_built(&input, flags, codec);
    }
    fuzz_end();
    return 0;
}
