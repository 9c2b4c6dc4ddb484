/* test_table_hostile.c - damaged tables: every byte of a file is changed, every length of it is cut,
 * parts of it are exchanged, and contents are forged with checksums that hold.
 *
 *   fault                                    promise
 *   a byte changed, a file cut or longer     verify says corrupt, with file and offset; whatever a
 *                                            reader gets before that is right
 *   a block in another place, a file of      the same
 *     another number or database
 *   contents made by an enemy                an error or an answer, in bounded time and memory; if
 *                                            verify finds nothing, keys are in order, and index,
 *                                            filter, properties and footer are as they were
 *
 * Replay one forgery: FORGE_AT=n. FORGE_N=n makes more than the usual number.
 */
#include "table_support.h"

#include "base/crc32c.h"
#include "store/floor.h"
#include "store/table/table_file.h"
#include "store_support.h"

enum { ENTRIES_MAX = 2000, FORGERIES = 4000, MEMORY_MAX = 1 << 20 };

static const char file_name[] = "db/DATA/tab-7.tab";

typedef struct fixture {
    sim *s;
    st_block_cache *cache;
    tab_model model;
    strata_codec codec;
    strata_slice good; /* bytes of the file */
    uint8_t *bytes;    /* a copy to damage, with room for some more */
} fixture;

enum { MORE = 100 };

static void begin(fixture *f, strata_codec codec, tab_shape shape, size_t count) {
    f->s = sim_new(1);
    f->codec = codec;
    tab_fill(&f->model, shape, count, 12);
    f->model.count = st_min(f->model.count, ENTRIES_MAX);
    tab_build(f->s, &f->model, codec);
    f->good = sim_copy(f->s, file_name, false);
    f->bytes = malloc(f->good.len + MORE);
    assert_non_null(f->bytes);
    memcpy(f->bytes, f->good.data, f->good.len);
    assert_int_equal(st_block_cache_create(&f->s->host, 1 << 20, &f->cache), STRATA_OK);
}

static void end(fixture *f) {
    st_block_cache_destroy(f->cache);
    sim_release(f->good);
    free(f->bytes);
    tab_free(&f->model);
    sim_free(f->s);
}

/* Puts the damaged copy where the file was. */
static void put(fixture *f, size_t len) {
    sim_put(f->s, file_name, st_slice(f->bytes, len));
    sim_restart(f->s, SIM_ALL, 0); /* sets the lists of operations back */
}

static void expect_corrupt(const strata_error *error, strata_status status) {
    if (status != STRATA_CORRUPT) {
        fail_msg("%s instead of corrupt", strata_status_name(status));
    }
    assert_int_equal(error->code, STRATA_CORRUPT);
    assert_int_equal(error->field_count, 2);
    assert_string_equal(error->fields[0].name, "file");
    assert_string_equal(error->fields[0].text, "DATA/tab-7.tab");
    assert_string_equal(error->fields[1].name, "offset");
    assert_true(error->fields[1].number >= 0);
}

static void expect_no_opening(const fixture *f, const st_table_spec *spec) {
    st_table *table = NULL;
    strata_error error;
    const strata_status status = st_table_open(spec, f->cache, &table, &error);
    expect_corrupt(&error, status);
    assert_null(table);
}

/* Reads all that can be read of a table that was opened; what comes before an error is right. */
static void read_what_is_right(const fixture *f, const st_table *table) {
    static st_table_iter iter;
    strata_error error;
    st_arena arena;
    const st_bound all = st_bound_version(UINT64_MAX);
    st_arena_init(&arena, test_allocator(), 0);
    st_table_iter_init(&iter, table, &error);
    strata_status status = st_table_iter_seek(&iter, st_slice("", 0), UINT64_MAX);
    for (size_t i = 0; status == STRATA_OK && iter.here; i++) {
        const tab_entry *entry = &f->model.entries[i];
        strata_slice value;
        assert_true(i < f->model.count);
        assert_true(st_slice_equal(iter.key, entry->key));
        assert_int_equal(iter.revision.number, entry->revision.number);
        if (st_table_iter_value(&iter, &value) == STRATA_OK) {
            assert_true(st_slice_equal(value, entry->revision.value));
        }
        status = st_table_iter_next(&iter);
    }
    if (status != STRATA_OK) {
        expect_corrupt(&error, status);
        assert_false(iter.here);
    }
    st_table_iter_release(&iter);
    for (size_t i = 0; i < f->model.count; i++) {
        const tab_entry *entry = &f->model.entries[i];
        st_revision revision;
        bool found;
        const strata_slice key = entry->key;
        status =
            st_table_get(table, key, st_table_hash(key), &all, &arena, &revision, &found, &error);
        if (status != STRATA_OK) {
            expect_corrupt(&error, status);
        } else {
            const size_t newest = tab_lower_bound(&f->model, key, UINT64_MAX);
            assert_true(found);
            assert_int_equal(revision.number, f->model.entries[newest].revision.number);
            assert_true(st_slice_equal(revision.value, f->model.entries[newest].revision.value));
        }
    }
    st_arena_free(&arena);
}

/* A damaged file: it is said, at the latest by verify. */
static void expect_found_out(const fixture *f) {
    const st_table_spec spec = tab_spec(f->s, f->codec);
    strata_error error;
    st_table *table = NULL;
    strata_status status = st_table_open(&spec, f->cache, &table, &error);
    if (status == STRATA_OK) {
        read_what_is_right(f, table);
        status = st_table_verify(table, &error);
    }
    expect_corrupt(&error, status);
    st_table_close(table);
}

/* ---- Damage ---------------------------------------------------------------------------------- */

static void every_byte(void **state) {
    (void)state;
    for (unsigned codec = 0; codec < 2; codec++) {
        fixture f;
        begin(&f, (strata_codec)codec, TAB_MIXED, 60);
        print_message("%u bytes\n", (unsigned)f.good.len);
        for (size_t at = 0; at < f.good.len; at++) {
            f.bytes[at] ^= (uint8_t)(1u << at % 8);
            replay_hint("byte %u of build/tests/unit/store/table/test_table_hostile", (unsigned)at);
            put(&f, f.good.len);
            expect_found_out(&f);
            replay_hint(NULL);
            f.bytes[at] ^= (uint8_t)(1u << at % 8);
        }
        end(&f);
    }
}

/* Some bytes of a file with values that are kept apart. */
static void bytes_of_values_apart(void **state) {
    (void)state;
    for (unsigned codec = 0; codec < 2; codec++) {
        fixture f;
        uint64_t chance = 5;
        begin(&f, (strata_codec)codec, TAB_APART, 12);
        for (int i = 0; i < 150; i++) {
            const size_t at = test_random_below(&chance, f.good.len);
            f.bytes[at] ^= 0x40;
            put(&f, f.good.len);
            expect_found_out(&f);
            f.bytes[at] ^= 0x40;
        }
        end(&f);
    }
}

static void every_length(void **state) {
    (void)state;
    fixture f;
    begin(&f, STRATA_CODEC_NONE, TAB_MIXED, 60);
    const st_table_spec spec = tab_spec(f.s, f.codec);
    for (size_t len = 0; len < f.good.len; len++) {
        put(&f, len);
        expect_no_opening(&f, &spec);
    }
    memset(f.bytes + f.good.len, 0, MORE);
    put(&f, f.good.len + 1);
    expect_no_opening(&f, &spec);
    memcpy(f.bytes + f.good.len, f.bytes + f.good.len - ST_TABLE_FOOTER_BYTES,
           ST_TABLE_FOOTER_BYTES);
    put(&f, f.good.len + ST_TABLE_FOOTER_BYTES);
    expect_no_opening(&f, &spec);
    sim_drop(f.s, file_name);
    expect_no_opening(&f, &spec);
    end(&f);
}

/* The file is whole, but it is cut after it was opened. */
static void cut_while_open(void **state) {
    (void)state;
    fixture f;
    begin(&f, STRATA_CODEC_NONE, TAB_MIXED, 400);
    const st_table_spec spec = tab_spec(f.s, f.codec);
    strata_error error;
    st_table *table = NULL;
    strata_file *file = NULL;
    assert_int_equal(st_table_open(&spec, f.cache, &table, &error), STRATA_OK);
    const strata_storage *storage = &f.s->host.storage;
    assert_int_equal(storage->open(storage->ctx, file_name, STRATA_FILE_WRITE, &file), STRATA_OK);
    assert_int_equal(storage->truncate(storage->ctx, file, 200), STRATA_OK);
    assert_int_equal(storage->close(storage->ctx, file), STRATA_OK);
    read_what_is_right(&f, table);
    const strata_status status = st_table_verify(table, &error);
    expect_corrupt(&error, status);
    st_table_close(table);
    end(&f);
}

/* ---- Sound frames in wrong places ------------------------------------------------------------ */

typedef struct found_frame {
    size_t at;
    st_frame fields;
} found_frame;

static size_t frames_in(const uint8_t *bytes, size_t len, found_frame *frames, size_t max) {
    size_t count = 0;
    size_t at = ST_TABLE_HEADER_BYTES;
    while (count < max && at < len - ST_TABLE_FOOTER_BYTES) {
        frames[count] = (found_frame){at, st_frame_read(bytes + at)};
        at += ST_FRAME_BYTES + frames[count++].fields.payload_len;
    }
    assert_int_equal(at, len - ST_TABLE_FOOTER_BYTES);
    return count;
}

enum { FRAMES_MAX = 600 };

static uint32_t seed_of(const fixture *f) {
    const st_table_spec spec = tab_spec(f->s, f->codec);
    return st_frame_seed(spec.uuid, spec.number);
}

/* A block stands where another one belongs; both are whole, and as long as each other. */
static void misplaced_blocks(void **state) {
    (void)state;
    static found_frame frames[FRAMES_MAX];
    fixture f;
    unsigned exchanged = 0;
    begin(&f, STRATA_CODEC_NONE, TAB_PLAIN, 2000);
    const size_t count = frames_in(f.bytes, f.good.len, frames, FRAMES_MAX);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count && exchanged < 50; j++) {
            const size_t len = frames[i].fields.payload_len + (size_t)ST_FRAME_BYTES;
            if (i == j || frames[j].fields.payload_len != frames[i].fields.payload_len) {
                continue;
            }
            const uint8_t *good = f.good.data;
            memcpy(f.bytes + frames[i].at, good + frames[j].at, len);
            put(&f, f.good.len);
            expect_found_out(&f);
            /* With a checksum that holds: the index knows what belongs there. */
            st_frame_seal(f.bytes + frames[i].at, &frames[i].fields,
                          f.bytes + frames[i].at + ST_FRAME_BYTES, seed_of(&f), frames[i].at);
            put(&f, f.good.len);
            expect_found_out(&f);
            memcpy(f.bytes + frames[i].at, good + frames[i].at, len);
            exchanged++;
        }
    }
    assert_true(exchanged >= 10);
    end(&f);
}

static void another_file(void **state) {
    (void)state;
    fixture f;
    begin(&f, STRATA_CODEC_NONE, TAB_MIXED, 60);
    st_table_spec spec = tab_spec(f.s, f.codec);
    strata_error error;
    st_table *table = NULL;
    spec.uuid[3] ^= 1;
    expect_no_opening(&f, &spec);
    spec = tab_spec(f.s, f.codec);
    spec.number = 8;
    sim_put(f.s, "db/DATA/tab-8.tab", f.good);
    assert_int_equal(st_table_open(&spec, f.cache, &table, &error), STRATA_CORRUPT);
    assert_string_equal(error.fields[0].text, "DATA/tab-8.tab");
    end(&f);
}

/* ---- Forgeries ------------------------------------------------------------------------------- */

/* Asks for everything; what is answered must be in order. Returns whether verify found nothing. */
static bool use(const fixture *f, st_table *table) {
    static st_table_iter iter;
    static uint8_t last[ST_TABLE_KEY_MAX];
    strata_error error;
    st_arena arena;
    size_t last_len = 0;
    uint64_t last_number = 0;
    size_t entries = 0;
    const bool sound = st_table_verify(table, &error) == STRATA_OK;
    st_table_iter_init(&iter, table, &error);
    strata_status status = st_table_iter_seek(&iter, st_slice("", 0), UINT64_MAX);
    for (; status == STRATA_OK && iter.here; entries++) {
        strata_slice value;
        const int order = st_slice_compare(st_slice(last, last_len), iter.key);
        assert_true(order < 0 || (order == 0 && iter.revision.number < last_number));
        memcpy(last, iter.key.data, iter.key.len);
        last_len = iter.key.len;
        last_number = iter.revision.number;
        status = st_table_iter_value(&iter, &value);
        if (status == STRATA_OK) {
            status = st_table_iter_next(&iter);
        }
    }
    assert_true(status == STRATA_OK || status == STRATA_CORRUPT);
    if (sound) {
        assert_int_equal(status, STRATA_OK);
        assert_int_equal(entries, st_table_about(table)->entries);
    }
    st_arena_init(&arena, test_allocator(), 0);
    for (size_t i = 0; i < f->model.count; i += 5) {
        const tab_entry *entry = &f->model.entries[i];
        const st_bound bound = {entry->revision.number, entry->revision.timestamp_us, false, false};
        st_revision revision;
        bool found;
        (void)!st_table_get(table, entry->key, st_table_hash(entry->key), &bound, &arena, &revision,
                            &found, &error);
        (void)!st_table_iter_seek(&iter, entry->key, entry->revision.number);
        (void)!st_table_iter_seek_before(&iter, entry->key);
    }
    st_arena_free(&arena);
    st_table_iter_release(&iter);
    return sound;
}

/* A part of the file: the payload of a frame, or one of its ends. */
typedef struct part {
    size_t at;
    size_t len;
    const found_frame *frame; /* NULL: an end */
} part;

/* The index and the properties more often than blocks. */
static part choose(const fixture *f, const found_frame *frames, size_t count, uint64_t *chance) {
    const uint64_t which = test_random_below(chance, 8);
    const size_t place = which < 4   ? test_random_below(chance, count)
                         : which < 6 ? count - 3
                                     : count - 1;
    const found_frame *frame = &frames[place];
    const part payload = {frame->at + ST_FRAME_BYTES, frame->fields.payload_len, frame};
    const part codec = {32, 4, NULL}; /* number and uuid have a test of their own */
    const part footer = {f->good.len - ST_TABLE_FOOTER_BYTES + 8, 36, NULL};
    return which < 7 || place % 2 == 0         ? payload
           : test_random_below(chance, 4) == 0 ? codec
                                               : footer;
}

/* Changes a part, and makes the checksums hold. */
static void forge(fixture *f, const found_frame *frames, size_t count, uint64_t *chance) {
    const part chosen = choose(f, frames, count, chance);
    const uint32_t seed = seed_of(f);
    uint8_t *const footer = f->bytes + f->good.len - ST_TABLE_FOOTER_BYTES;
    for (uint64_t left = 1 + test_random_below(chance, 3); left > 0; left--) {
        const size_t most = test_random_below(chance, 2) == 0 ? chosen.len : st_min(chosen.len, 80);
        uint8_t *const byte = f->bytes + chosen.at + test_random_below(chance, most);
        const uint8_t choices[] = {(uint8_t)test_random(chance), (uint8_t)(*byte + 1), 0, 0xff,
                                   (uint8_t)(*byte ^ 1u << test_random_below(chance, 8))};
        *byte = choices[test_random_below(chance, sizeof choices)];
    }
    if (chosen.frame != NULL) {
        st_frame fields = chosen.frame->fields;
        fields.encoded = test_random_below(chance, 50) == 0;
        st_frame_seal(f->bytes + chosen.frame->at, &fields, f->bytes + chosen.at, seed,
                      chosen.frame->at);
    }
    store32_le(f->bytes + 36, st_crc32c(0, st_slice(f->bytes, 36)));
    store32_le(footer + 44, st_crc32c(seed, st_slice(footer, 44)));
}

static void forgeries(void **state) {
    (void)state;
    static found_frame frames[FRAMES_MAX];
    static const tab_shape shapes[] = {TAB_MIXED, TAB_HISTORIES, TAB_CLUSTERS, TAB_APART};
    const uint64_t only = env_number("FORGE_AT", UINT64_MAX);
    const uint64_t n = only == UINT64_MAX ? env_number("FORGE_N", FORGERIES) : only + 1;
    unsigned opened = 0;
    unsigned sound = 0;
    size_t most = 0;
    for (unsigned shape = 0; shape < sizeof shapes / sizeof shapes[0]; shape++) {
        fixture f;
        begin(&f, STRATA_CODEC_NONE, shapes[shape], shapes[shape] == TAB_APART ? 8 : 300);
        const size_t count = frames_in(f.bytes, f.good.len, frames, FRAMES_MAX);
        const size_t before = test_memory_bytes();
        for (uint64_t i = shape; i < n; i += sizeof shapes / sizeof shapes[0]) {
            if (only != UINT64_MAX && i != only) {
                continue;
            }
            uint64_t chance = i * 77 + shape;
            const st_table_spec spec = tab_spec(f.s, f.codec);
            st_table *table = NULL;
            strata_error error;
            replay_hint("FORGE_AT=%u build/tests/unit/store/table/test_table_hostile", (unsigned)i);
            forge(&f, frames, count, &chance);
            put(&f, f.good.len);
            const strata_status status = st_table_open(&spec, f.cache, &table, &error);
            if (status == STRATA_OK) {
                opened++;
                most = st_max(most, test_memory_bytes() - before);
                const bool found_nothing = use(&f, table);
                st_table_close(table);
                const size_t index = frames[count - 3].at;
                assert_false(found_nothing &&
                             memcmp(f.bytes + index, (const uint8_t *)f.good.data + index,
                                    f.good.len - index) != 0);
                sound += found_nothing;
            } else {
                expect_corrupt(&error, status);
            }
            memcpy(f.bytes, f.good.data, f.good.len);
            replay_hint(NULL);
        }
        end(&f);
    }
    print_message("%u opened, %u of them sound, at most %u kB\n", opened, sound,
                  (unsigned)(most >> 10));
    assert_true(most < MEMORY_MAX);
    if (only == UINT64_MAX) {
        assert_in_range(opened, n / 10, n - n / 10); /* else the forgeries are of no use */
        assert_true(sound > 0);
    }
}

/* ---- Floors ---------------------------------------------------------------------------------- */

/* A merge has to understand them, so verification says beforehand whether it can. */
static void malformed_floors(void **state) {
    (void)state;
    static const struct {
        strata_slice value;
        bool deleted;
        bool good;
    } cases[] = {
        {{"\x05\x04\x02", 3}, false, true},
        {{"\x05\x04", 2}, false, false},
        {{"\x05\x04\x02\x00", 4}, false, false},
        {{"", 0}, false, false},
        {{"", 0}, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sim *s = sim_new(1);
        uint8_t bytes[8 + 10];
        st_key key;
        st_block_cache *cache;
        st_table *table = NULL;
        strata_error error = {.code = STRATA_OK};
        st_floor_key(&key, ST_TAG_KV, 9);
        store64_be(bytes, 3);
        memcpy(bytes + 8, key.bytes, key.len);
        tab_entry entry = {st_slice(bytes, sizeof bytes),
                           {.number = 7,
                            .timestamp_us = 1,
                            .expires_us = ST_NEVER,
                            .deleted = cases[i].deleted,
                            .value = cases[i].value}};
        const tab_model model = {.entries = &entry, .count = 1};
        const st_table_spec spec = tab_spec(s, STRATA_CODEC_NONE);
        tab_build_as(&spec, &model);
        assert_int_equal(st_block_cache_create(&s->host, 1 << 20, &cache), STRATA_OK);
        assert_int_equal(st_table_open(&spec, cache, &table, &error), STRATA_OK);
        const strata_status status = st_table_verify(table, &error);
        if (cases[i].good) {
            assert_int_equal(status, STRATA_OK);
        } else {
            expect_corrupt(&error, status);
        }
        st_table_close(table);
        st_block_cache_destroy(cache);
        sim_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte),       cmocka_unit_test(bytes_of_values_apart),
        cmocka_unit_test(every_length),     cmocka_unit_test(cut_while_open),
        cmocka_unit_test(misplaced_blocks), cmocka_unit_test(another_file),
        cmocka_unit_test(malformed_floors), cmocka_unit_test(forgeries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
