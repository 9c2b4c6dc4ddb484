/* test_table.c - tables against a sorted array of the same entries: whole walks, gets inside bounds
 * of version and time, seeks in both directions at keys that are there, near there and not there,
 * for generated entries of all shapes and both codecs.
 */
#include "table_support.h"

enum { ENTRIES = 6000, PROBES = 3000 };

typedef struct fixture {
    sim *s;
    st_block_cache *cache;
    st_table *table;
    tab_model model;
} fixture;

static void begin(fixture *f, tab_shape shape, strata_codec codec, size_t count, uint64_t seed) {
    strata_error error;
    f->s = sim_new(seed);
    tab_fill(&f->model, shape, count, seed);
    tab_build(f->s, &f->model, codec);
    const st_table_spec spec = tab_spec(f->s, codec);
    assert_int_equal(st_block_cache_create(&f->s->host, 1 << 20, &f->cache), STRATA_OK);
    assert_int_equal(st_table_open(&spec, f->cache, &f->table, &error), STRATA_OK);
}

static void end(fixture *f) {
    st_table_close(f->table);
    st_block_cache_destroy(f->cache);
    tab_free(&f->model);
    sim_free(f->s);
}

/* Each shape and codec, as a table of cases. */
static void each(void (*check)(fixture *f)) {
    for (unsigned shape = 0; shape < TAB_SHAPES; shape++) {
        for (unsigned codec = 0; codec < 2; codec++) {
            fixture f;
            print_message("%s, %s\n", tab_shape_names[shape], codec == 0 ? "none" : "zstd");
            begin(&f, shape, (strata_codec)codec, shape == TAB_APART ? 600 : ENTRIES, 3 + shape);
            check(&f);
            end(&f);
        }
    }
}

static void check_round_trip(fixture *f) {
    strata_error error;
    const st_table_info *info = st_table_about(f->table);
    assert_int_equal(info->entries, f->model.count);
    assert_int_equal(info->number, 7);
    tab_compare(&f->model, f->table);
    const strata_status status = st_table_verify(f->table, &error);
    if (status != STRATA_OK) {
        fail_msg("verify: %s", error.message);
    }
}

static void round_trips(void **state) {
    (void)state;
    each(check_round_trip);
}

/* A key of the model, or one near it. */
static strata_slice probe(const tab_model *model, uint64_t *chance, uint8_t *bytes) {
    const strata_slice key = model->entries[test_random_below(chance, model->count)].key;
    size_t len = key.len;
    memcpy(bytes, key.data, len);
    switch (test_random_below(chance, 8)) {
    case 0:
        len = test_random_below(chance, len + 1);
        break;
    case 1:
        bytes[test_random_below(chance, len)] = (uint8_t)test_random(chance);
        break;
    case 2:
        if (len < ST_TABLE_KEY_MAX) {
            bytes[len++] = (uint8_t)test_random_below(chance, 2);
        }
        break;
    case 3:
        bytes[len - 1]++;
        break;
    case 4:
        len = 0;
        break;
    default:
        break;
    }
    return st_slice(bytes, len);
}

/* Nothing but versions of one key is passed over, and, in the end, all of them. */
static void check_next_key(fixture *f, st_table_iter *iter, size_t place) {
    const strata_slice key = f->model.entries[place].key;
    size_t at = place;
    while (at == place || (at < f->model.count && st_slice_equal(f->model.entries[at].key, key))) {
        const size_t before = at;
        assert_int_equal(st_table_iter_next_key(iter), STRATA_OK);
        do {
            at++;
        } while (at < f->model.count && st_slice_equal(f->model.entries[at].key, key) &&
                 !(iter->here && f->model.entries[at].revision.number == iter->revision.number &&
                   st_slice_equal(iter->key, key)));
        tab_expect_at(&f->model, iter, at);
        assert_true(at > before);
    }
}

static void check_seeks(fixture *f) {
    uint8_t bytes[ST_TABLE_KEY_MAX + 1];
    st_table_iter *iter = malloc(sizeof *iter);
    strata_error error;
    uint64_t chance = 77;
    assert_non_null(iter);
    st_table_iter_init(iter, f->table, &error);
    for (int i = 0; i < PROBES; i++) {
        const strata_slice key = probe(&f->model, &chance, bytes);
        const uint64_t any =
            f->model.entries[test_random_below(&chance, f->model.count)].revision.number;
        const uint64_t number = i % 3 == 0 ? UINT64_MAX : any - test_random_below(&chance, 2);
        size_t place = tab_lower_bound(&f->model, key, number);
        assert_int_equal(st_table_iter_seek(iter, key, number), STRATA_OK);
        tab_expect_at(&f->model, iter, place);
        for (uint64_t steps = test_random_below(&chance, 3); steps > 0 && iter->here; steps--) {
            assert_int_equal(st_table_iter_next(iter), STRATA_OK);
            tab_expect_at(&f->model, iter, ++place);
        }
        if (iter->here) {
            check_next_key(f, iter, place);
        }
        assert_int_equal(st_table_iter_seek_before(iter, key), STRATA_OK);
        place = tab_lower_bound(&f->model, key, UINT64_MAX);
        tab_expect_at(&f->model, iter, place == 0 ? f->model.count : place - 1);
        if (iter->here) {
            assert_int_equal(st_table_iter_next(iter), STRATA_OK);
            tab_expect_at(&f->model, iter, place);
        }
    }
    st_table_iter_release(iter);
    free(iter);
}

static void seeks(void **state) {
    (void)state;
    each(check_seeks);
}

static void check_gets(fixture *f) {
    uint8_t bytes[ST_TABLE_KEY_MAX + 1];
    uint64_t chance = 78;
    for (int i = 0; i < PROBES; i++) {
        const strata_slice key = probe(&f->model, &chance, bytes);
        const st_revision *any =
            &f->model.entries[test_random_below(&chance, f->model.count)].revision;
        const st_bound bounds[] = {
            st_bound_version(UINT64_MAX),
            st_bound_version(any->number - test_random_below(&chance, 2)),
            {UINT64_MAX, any->timestamp_us - (int64_t)test_random_below(&chance, 2), false, false},
            {any->number, any->timestamp_us - (int64_t)test_random_below(&chance, 100000), false,
             false},
            st_bound_version(0),
        };
        for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
            tab_expect_get(&f->model, f->table, key, &bounds[b]);
        }
    }
}

static void gets(void **state) {
    (void)state;
    each(check_gets);
}

/* One entry; one key with so many versions that every block continues it; the same with keys around
 * it. */
static void few_keys(void **state) {
    (void)state;
    static const size_t versions[] = {1, 2, 700, 20000};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        for (size_t around = 0; around < 2; around++) {
            fixture f;
            strata_error error;
            f.s = sim_new(1);
            tab_fill(&f.model, TAB_PLAIN, versions[i] + 2 * around, 5 + i);
            for (size_t at = around; at + around < f.model.count; at++) {
                tab_entry *entry = &f.model.entries[at];
                entry->key = f.model.entries[around].key;
                entry->revision.number = 1000000 - 3 * at;
                entry->revision.timestamp_us = 1000 * (int64_t)(f.model.count - at / 5);
                entry->revision.value.len = at % 30;
            }
            tab_build(f.s, &f.model, STRATA_CODEC_NONE);
            const st_table_spec spec = tab_spec(f.s, STRATA_CODEC_NONE);
            assert_int_equal(st_block_cache_create(&f.s->host, 1 << 20, &f.cache), STRATA_OK);
            assert_int_equal(st_table_open(&spec, f.cache, &f.table, &error), STRATA_OK);
            assert_int_equal(st_table_about(f.table)->keys, 1 + 2 * around);
            check_round_trip(&f);
            check_seeks(&f);
            check_gets(&f);
            end(&f);
        }
    }
}

/* The filter left in the file: the same answers, and verify still reads it. */
static void without_its_filter(void **state) {
    (void)state;
    fixture f;
    strata_error error;
    begin(&f, TAB_MIXED, STRATA_CODEC_ZSTD, ENTRIES, 3);
    const size_t with = st_table_resident_bytes(f.table);
    st_table_close(f.table);
    st_table_spec spec = tab_spec(f.s, STRATA_CODEC_ZSTD);
    spec.without_filter = true;
    assert_int_equal(st_table_open(&spec, f.cache, &f.table, &error), STRATA_OK);
    assert_true(with - st_table_resident_bytes(f.table) > st_table_about(f.table)->keys);
    check_round_trip(&f);
    check_gets(&f);
    end(&f);
}

/* An iterator that asks for what is newer than a version: every such entry is shown, in order, and
 * blocks that have none are not read. */
static void passes_over_what_is_old(void **state) {
    (void)state;
    fixture f;
    strata_error error;
    static st_table_iter iter;
    const tab_shape shape_list[] = {TAB_PLAIN, TAB_HISTORIES};
    for (size_t shape = 0; shape < 2; shape++) {
        begin(&f, shape_list[shape], STRATA_CODEC_NONE, ENTRIES, 9);
        const uint64_t last = st_table_about(f.table)->version_max;
        for (uint64_t back = 1; back <= 4096; back *= 8) {
            st_block_cache_stats before;
            st_block_cache_stats after;
            st_block_cache_resize(f.cache, 0);
            st_block_cache_read_stats(f.cache, &before);
            size_t place = 0;
            size_t shown = 0;
            st_table_iter_init(&iter, f.table, &error);
            iter.version_after = last - back;
            assert_int_equal(st_table_iter_seek(&iter, st_slice("", 0), UINT64_MAX), STRATA_OK);
            for (; iter.here; shown++) {
                /* What was passed over is old. */
                while (!st_slice_equal(f.model.entries[place].key, iter.key) ||
                       f.model.entries[place].revision.number != iter.revision.number) {
                    assert_true(f.model.entries[place++].revision.number <= iter.version_after);
                }
                tab_expect_at(&f.model, &iter, place++);
                assert_int_equal(st_table_iter_next(&iter), STRATA_OK);
            }
            for (; place < f.model.count; place++) {
                assert_true(f.model.entries[place].revision.number <= iter.version_after);
            }
            st_table_iter_release(&iter);
            st_block_cache_read_stats(f.cache, &after);
            /* Spans are kept in 256ths; so many entries are in half as many blocks at most. */
            if (back == 1) {
                assert_in_range(after.misses - before.misses, 1, ENTRIES / 256 + 2);
                assert_true(shown < f.model.count / 2);
            }
        }
        end(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test(seeks),
        cmocka_unit_test(gets),
        cmocka_unit_test(few_keys),
        cmocka_unit_test(without_its_filter),
        cmocka_unit_test(passes_over_what_is_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
