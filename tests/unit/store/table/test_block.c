/* test_block.c - one block: what was built is loaded, found and walked again; the bytes are those of
 * docs/FORMAT.md; and no bytes whatever, checksums left aside, make loading or reading go astray.
 */
#include "table_support.h"

#include "store/table/block_frame.h"
#include "store/table/filter.h"

/* A built block and what an index would say of it. */
typedef struct fixture {
    tab_model model;
    size_t count; /* entries of the model that are in the block */
    strata_buffer plain;
    st_block_expected expected;
    uint8_t *memory;
    size_t room;
    const st_block *block;
} fixture;

static size_t shared_with(strata_slice a, strata_slice b) {
    size_t shared = 0;
    while (shared < a.len && shared < b.len &&
           ((const uint8_t *)a.data)[shared] == ((const uint8_t *)b.data)[shared]) {
        shared++;
    }
    return shared;
}

static void build(fixture *f) {
    st_block_builder builder;
    st_block_builder_init(&builder, test_host());
    f->plain = test_buffer();
    f->count = 0;
    while (f->count < f->model.count) {
        const tab_entry *entry = &f->model.entries[f->count];
        if (st_block_builder_is_full(&builder, entry->key.len, &entry->revision, false)) {
            break;
        }
        const strata_slice before = f->count == 0 ? st_slice("", 0) : entry[-1].key;
        const st_block_add add = {.key = entry->key,
                                  .shared = shared_with(before, entry->key),
                                  .same_key = f->count > 0 && st_slice_equal(before, entry->key),
                                  .revision = &entry->revision};
        assert_int_equal(st_block_builder_add(&builder, &add), STRATA_OK);
        f->count++;
    }
    const size_t bytes = st_block_builder_bytes(&builder);
    assert_int_equal(st_block_builder_finish(&builder, &f->plain), STRATA_OK);
    assert_int_equal(f->plain.len, bytes);
    assert_int_equal(st_block_builder_bytes(&builder), 0);
    const st_spans *spans = &builder.spans;
    assert_int_equal(spans->entries, f->count);
    assert_true(st_block_room_for(bytes, (size_t)spans->keys, builder.heads) <= ST_BLOCK_ROOM_MAX);
    f->expected = (st_block_expected){.offset = 100,
                                      .apart_from = 100,
                                      .plain_len = (uint32_t)bytes,
                                      .keys = (uint32_t)spans->keys,
                                      .heads = (uint32_t)builder.heads,
                                      .version_min = spans->version_min,
                                      .version_max = spans->version_max,
                                      .time_min_us = spans->time_min_us,
                                      .time_max_us = spans->time_max_us,
                                      .low = f->model.entries[0].key,
                                      .low_version = UINT64_MAX,
                                      .high = f->model.entries[f->count - 1].key};
    st_block_builder_free(&builder);
}

static const char *load(fixture *f) {
    f->room = st_block_room(&f->expected);
    f->memory = st_alloc(test_allocator(), f->room);
    assert_non_null(f->memory);
    memcpy(st_block_frame_in(f->memory, &f->expected) + ST_FRAME_BYTES, f->plain.data,
           st_min(f->plain.len, f->expected.plain_len));
    f->block = st_block_in(f->memory);
    return st_block_load(f->memory, &f->expected);
}

static void unload(fixture *f) {
    st_free(test_allocator(), f->memory, f->room);
}

static void begin(fixture *f, tab_shape shape, size_t count, uint64_t seed) {
    tab_fill(&f->model, shape, count, seed);
    build(f);
    const char *what = load(f);
    if (what != NULL) {
        fail_msg("%s", what);
    }
}

static void end(fixture *f) {
    unload(f);
    strata_buffer_free(&f->plain);
    tab_free(&f->model);
}

static void expect_entry(const fixture *f, const st_block_cursor *cursor, size_t place) {
    const tab_entry *entry = &f->model.entries[place];
    const st_block_entry *got = &cursor->entry;
    test_bytes_equal(st_slice(cursor->key, cursor->key_len), entry->key, "key");
    assert_int_equal(got->number, entry->revision.number);
    assert_int_equal(got->timestamp_us, entry->revision.timestamp_us);
    assert_int_equal(got->expires_us, entry->revision.expires_us);
    test_bytes_equal(st_slice(st_block_bytes(f->block) + got->value_at, got->value_len),
                     entry->revision.value, "value");
}

static const tab_shape shapes[] = {TAB_MIXED, TAB_PLAIN, TAB_HISTORIES, TAB_LONG_KEYS,
                                   TAB_CLUSTERS};

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* ---- Sound blocks ---------------------------------------------------------------------------- */

static void walks_in_order(void **state) {
    (void)state;
    uint8_t key[ST_TABLE_KEY_MAX];
    for (uint64_t seed = 1; seed <= 40; seed++) {
        fixture f;
        st_block_cursor cursor = {.key = key};
        begin(&f, shapes[seed % SHAPES], seed < 10 ? (size_t)seed : 500, seed);
        assert_true(st_block_first(&cursor, f.block));
        for (size_t i = 0; i < f.count; i++) {
            expect_entry(&f, &cursor, i);
            assert_int_equal(st_block_next(&cursor), i + 1 < f.count);
        }
        end(&f);
    }
}

static void finds_every_key(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        fixture f;
        begin(&f, shapes[seed % SHAPES], 500, seed);
        const uint32_t *slots = st_block_slots(f.block);
        for (size_t i = 0; i < f.model.count; i++) {
            const strata_slice wanted = f.model.entries[i].key;
            const size_t at =
                st_block_find(f.block, slots, f.block->lines, wanted, st_filter_hash(wanted));
            const size_t place = tab_lower_bound(&f.model, wanted, UINT64_MAX);
            if (place >= f.count) {
                assert_int_equal(at, 0);
            } else {
                st_block_entry entry;
                assert_int_not_equal(at, 0);
                st_block_decode(f.block, at, &entry);
                assert_int_equal(entry.number, f.model.entries[place].revision.number);
            }
        }
        end(&f);
    }
}

static void seeks_to_every_place(void **state) {
    (void)state;
    uint8_t key[ST_TABLE_KEY_MAX];
    uint8_t near_it[ST_TABLE_KEY_MAX + 1];
    for (uint64_t seed = 1; seed <= 20; seed++) {
        fixture f;
        st_block_cursor cursor = {.key = key};
        begin(&f, shapes[seed % SHAPES], 500, seed);
        for (size_t i = 0; i < f.count; i++) {
            const tab_entry *entry = &f.model.entries[i];
            assert_true(st_block_seek(&cursor, f.block, entry->key, entry->revision.number));
            expect_entry(&f, &cursor, i);
            const size_t after = tab_lower_bound(&f.model, entry->key, entry->revision.number - 1);
            const bool there = after < f.count;
            assert_int_equal(
                st_block_seek(&cursor, f.block, entry->key, entry->revision.number - 1), there);
            if (there) {
                expect_entry(&f, &cursor, after);
            }
            memcpy(near_it, entry->key.data, entry->key.len);
            near_it[entry->key.len - 1 - i % entry->key.len] ^= (uint8_t)(1u << i % 8);
            const strata_slice wanted = st_slice(near_it, entry->key.len - i % 2);
            const size_t place = tab_lower_bound(&f.model, wanted, UINT64_MAX);
            assert_int_equal(st_block_seek(&cursor, f.block, wanted, UINT64_MAX), place < f.count);
            if (place < f.count) {
                expect_entry(&f, &cursor, place);
            }
            assert_int_equal(st_block_seek_before(&cursor, f.block, wanted), place > 0);
            if (place > 0) {
                expect_entry(&f, &cursor, st_min(place, f.count) - 1);
            }
        }
        end(&f);
    }
}

/* Versions and times take the bytes that their range needs, from none to eight. */
static void numbers_of_all_widths(void **state) {
    (void)state;
    static const struct {
        uint64_t version_span;
        uint64_t time_span;
        size_t width; /* of both */
    } cases[] = {
        {1, 0, 1},
        {255, 0, 1},
        {256, 1, 3},
        {UINT32_MAX, 1u << 24, 8},
        {(uint64_t)1 << 56, UINT64_MAX, 16},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        uint8_t key[ST_TABLE_KEY_MAX];
        st_block_cursor cursor = {.key = key};
        tab_fill(&f.model, TAB_HISTORIES, 2, 4);
        f.model.count = 2;
        st_revision *newer = &f.model.entries[0].revision;
        st_revision *older = &f.model.entries[1].revision;
        f.model.entries[1].key = f.model.entries[0].key;
        older->number = 5;
        newer->number = 5 + cases[i].version_span;
        older->timestamp_us = INT64_MIN;
        newer->timestamp_us = (int64_t)((uint64_t)INT64_MIN + cases[i].time_span);
        older->expires_us = INT64_MIN;
        newer->expires_us = INT64_MAX - 1;
        build(&f);
        assert_null(load(&f));
        assert_int_equal(f.block->version_width + f.block->time_width, cases[i].width);
        assert_true(st_block_first(&cursor, f.block));
        expect_entry(&f, &cursor, 0);
        assert_true(st_block_next(&cursor));
        expect_entry(&f, &cursor, 1);
        end(&f);
    }
}

/* The example of three entries, byte by byte. */
static void bytes_of_the_format(void **state) {
    (void)state;
    st_block_builder builder;
    strata_buffer out = test_buffer();
    uint8_t first[] = {0, 0, 0, 0, 0, 0, 0, 1, 0x10, 'a', 'b', 0};
    uint8_t second[] = {0, 0, 0, 0, 0, 0, 0, 1, 0x10, 'a', 'c', 0};
    const st_revision revisions[] = {
        {.number = 9, .timestamp_us = 1300, .expires_us = ST_NEVER, .value = {"AB", 2}},
        {.number = 7, .timestamp_us = 1000, .expires_us = 1001, .trimmed = true, .value = {"", 0}},
        {.number = 8,
         .timestamp_us = 1256,
         .expires_us = ST_NEVER,
         .deleted = true,
         .value = {"", 0}},
    };
    const st_block_add adds[] = {
        {st_slice(first, sizeof first), 0, false, &revisions[0], {0}},
        {st_slice(first, sizeof first), sizeof first, true, &revisions[1], {0}},
        {st_slice(second, sizeof second), 10, false, &revisions[2], {0}},
    };
    st_block_builder_init(&builder, test_host());
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(st_block_builder_add(&builder, &adds[i]), STRATA_OK);
    }
    assert_int_equal(st_block_builder_finish(&builder, &out), STRATA_OK);
    test_bytes_equal(st_buffer_slice(&out),
                     test_hex("0700000000000000 e803000000000000 0300 0200 0100 01 02 "
                              "02 2c01 02 0c 02 000000000000000110616200 4142 "
                              "00 0000 19 02 00 "
                              "01 0001 04 02 0a 6300"),
                     "block");
    st_block_builder_free(&builder);
    strata_buffer_free(&out);
}

/* ---- Hostile blocks -------------------------------------------------------------------------- */

/* Everything that can be asked of a block that loading let pass: keys in order, nothing outside. */
static void use(const fixture *f) {
    uint8_t key[ST_TABLE_KEY_MAX];
    uint8_t last[ST_TABLE_KEY_MAX];
    size_t last_len = 0;
    uint64_t last_number = 0;
    st_block_cursor cursor = {.key = key};
    unsigned entries = 0;
    for (bool there = st_block_first(&cursor, f->block); there; there = st_block_next(&cursor)) {
        const strata_slice here = st_slice(key, cursor.key_len);
        const int order = st_slice_compare(st_slice(last, last_len), here);
        assert_true(order < 0 || (order == 0 && cursor.entry.number < last_number));
        memcpy(last, key, cursor.key_len);
        last_len = cursor.key_len;
        last_number = cursor.entry.number;
        entries++;
        if (order < 0) {
            const size_t at = st_block_find(f->block, st_block_slots(f->block), f->block->lines,
                                            here, st_filter_hash(here));
            assert_int_equal(at, cursor.at);
        }
        if ((cursor.entry.flags & ST_ENTRY_APART) == 0) {
            assert_true(cursor.entry.value_at + cursor.entry.value_len <= f->block->end);
        }
    }
    assert_int_equal(entries, f->block->entries);
    for (size_t i = 0; i < f->count; i += 7) {
        const tab_entry *entry = &f->model.entries[i];
        (void)st_block_seek(&cursor, f->block, entry->key, entry->revision.number);
        (void)st_block_seek_before(&cursor, f->block, entry->key);
    }
}

/* Every bit is flipped once, and bytes are replaced by the hundred. */
static void hostile_bytes(void **state) {
    (void)state;
    unsigned loaded = 0;
    unsigned refused = 0;
    uint64_t chance = 8;
    for (uint64_t seed = 1; seed <= SHAPES; seed++) {
        fixture f;
        begin(&f, shapes[seed % SHAPES], seed % 2 == 0 ? 30 : 500, seed);
        unload(&f);
        const size_t bits = f.plain.len * 8;
        for (size_t i = 0; i < 12000; i++) {
            uint8_t before[4];
            size_t at[4];
            const size_t changes = 1 + i % 4;
            for (size_t c = 0; c < changes; c++) {
                const uint64_t bit = test_random_below(&chance, bits);
                /* The bytes before the keys matter most. */
                at[c] = (size_t)(i % 2 == 0 ? bit / 8 : bit / 8 % 64);
                before[c] = f.plain.data[at[c]];
                f.plain.data[at[c]] =
                    (uint8_t)(i % 3 == 0 ? test_random(&chance) : before[c] ^ 1u << bit % 8);
            }
            if (load(&f) == NULL) {
                use(&f);
                loaded++;
            } else {
                refused++;
            }
            unload(&f);
            for (size_t c = changes; c > 0; c--) {
                f.plain.data[at[c - 1]] = before[c - 1];
            }
        }
        strata_buffer_free(&f.plain);
        tab_free(&f.model);
    }
    print_message("%u loaded, %u refused\n", loaded, refused);
    assert_true(loaded > 1000 && refused > 1000);
}

/* What the index says is wrong, in each of its numbers. */
static void wrong_expectations(void **state) {
    (void)state;
    fixture f;
    begin(&f, TAB_MIXED, 500, 3);
    unload(&f);
    const st_block_expected sound = f.expected;
    const strata_slice second = f.model.entries[1].key;
    for (unsigned i = 0; i < 14; i++) {
        f.expected = sound;
        switch (i) {
        case 0:
            f.expected.keys += 100;
            break;
        case 1:
            f.expected.keys++;
            break;
        case 2:
            f.expected.keys--;
            break;
        case 3:
            f.expected.heads++;
            break;
        case 4:
            f.expected.heads--;
            break;
        case 5:
            f.expected.version_min++;
            break;
        case 6:
            f.expected.version_max--;
            break;
        case 7:
            f.expected.time_min_us++;
            break;
        case 8:
            f.expected.time_max_us--;
            break;
        case 9:
            f.expected.low = st_slice("\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9);
            break;
        case 10:
            f.expected.high = second;
            break;
        case 11:
            f.expected.plain_len--;
            break;
        case 12:
            f.expected.plain_len = ST_BLOCK_HEAD_BYTES;
            break;
        default:
            f.expected.high_version = UINT64_MAX;
            break;
        }
        if (load(&f) == NULL) {
            fail_msg("number %u is wrong, and the block was loaded", i);
        }
        unload(&f);
    }
    strata_buffer_free(&f.plain);
    tab_free(&f.model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_in_order),       cmocka_unit_test(finds_every_key),
        cmocka_unit_test(seeks_to_every_place), cmocka_unit_test(numbers_of_all_widths),
        cmocka_unit_test(bytes_of_the_format),  cmocka_unit_test(hostile_bytes),
        cmocka_unit_test(wrong_expectations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
