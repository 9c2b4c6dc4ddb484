/* test_table_values.c - values that are kept apart, in the cache: what was read is found there while the file is
 * cut off under the table, goes with the budget and with the table, is never what was damaged, and is none of those
 * that are too long, that a long walk passes, or that stay in a block because a codec would pack them.
 */
#include "table_support.h"

#include "store/table/table_file.h"

enum { COUNT = 200, SHORT = 1500, LONG = ST_VALUE_CACHED_BYTES + 1, BUDGET = 8 << 20 };

static const char file_name[] = "db/DATA/tab-7.tab";

typedef struct fixture {
    sim *s;
    st_block_cache *cache;
    st_table *table;
    st_arena arena;
    bool text;
    size_t len;
} fixture;

/* A key of run 1 and a text of five digits. */
static strata_slice key_of(unsigned place, uint8_t bytes[ST_TABLE_KEY_MAX]) {
    char text[8];
    st_key key;
    (void)snprintf(text, sizeof text, "%05u", place);
    st_key_text(&key, ST_TAG_KV, strata_text(text));
    store64_be(bytes, 1);
    memcpy(bytes + 8, key.bytes, key.len);
    return st_slice(bytes, 8 + key.len);
}

/* Of that place: noise, or letters. */
static strata_slice value_of(const fixture *f, unsigned place, uint8_t *bytes) {
    uint64_t chance = place + 1;
    for (size_t i = 0; i < f->len; i++) {
        const uint64_t random = test_random(&chance);
        bytes[i] = f->text ? (uint8_t)('a' + random % 16) : (uint8_t)(random >> 8);
    }
    return st_slice(bytes, f->len);
}

static void build(const fixture *f, const st_table_spec *spec, unsigned count) {
    st_table_builder *builder;
    st_table_info info;
    strata_error error;
    uint8_t key[ST_TABLE_KEY_MAX];
    uint8_t *value = malloc(f->len);
    assert_non_null(value);
    assert_int_equal(st_table_builder_create(spec, &builder, &error), STRATA_OK);
    for (unsigned i = 0; i < count; i++) {
        const st_revision revision = {.number = 1 + i,
                                      .timestamp_us = 1,
                                      .expires_us = ST_NEVER,
                                      .value = value_of(f, i, value)};
        assert_int_equal(st_table_builder_add(builder, key_of(i, key), &revision, &error),
                         STRATA_OK);
    }
    assert_int_equal(st_table_builder_finish(builder, &info, &error), STRATA_OK);
    st_table_builder_destroy(builder);
    free(value);
}

static void begin(fixture *f, size_t len, bool text, unsigned count) {
    strata_error error;
    f->s = sim_new(1);
    f->text = text;
    f->len = len;
    const st_table_spec spec = tab_spec(f->s, STRATA_CODEC_ZSTD);
    build(f, &spec, count);
    st_arena_init(&f->arena, test_allocator(), 0);
    assert_int_equal(st_block_cache_create(&f->s->host, BUDGET, &f->cache), STRATA_OK);
    assert_int_equal(st_table_open(&spec, f->cache, &f->table, &error), STRATA_OK);
}

static void end(fixture *f) {
    st_table_close(f->table);
    st_block_cache_destroy(f->cache);
    st_arena_free(&f->arena);
    sim_free(f->s);
}

static strata_status get(fixture *f, unsigned place, strata_error *error) {
    uint8_t bytes[ST_TABLE_KEY_MAX];
    const st_bound all = st_bound_version(UINT64_MAX);
    const strata_slice key = key_of(place, bytes);
    st_revision revision;
    bool found = false;
    ST_TRY(
        st_table_get(f->table, key, st_table_hash(key), &all, &f->arena, &revision, &found, error));
    uint8_t *expected = malloc(f->len);
    assert_non_null(expected);
    assert_true(found && st_slice_equal(revision.value, value_of(f, place, expected)));
    free(expected);
    return STRATA_OK;
}

static void expect(fixture *f, unsigned place, strata_status expected) {
    strata_error error;
    assert_int_equal(get(f, place, &error), expected);
}

static st_block_cache_stats stats_of(const fixture *f) {
    st_block_cache_stats stats;
    st_block_cache_read_stats(f->cache, &stats);
    return stats;
}

/* What follows of the file is gone, but what is in memory. */
static void cut(const fixture *f) {
    const strata_storage *storage = &f->s->host.storage;
    strata_file *file = NULL;
    assert_int_equal(storage->open(storage->ctx, file_name, STRATA_FILE_WRITE, &file), STRATA_OK);
    assert_int_equal(storage->truncate(storage->ctx, file, ST_TABLE_HEADER_BYTES), STRATA_OK);
    assert_int_equal(storage->close(storage->ctx, file), STRATA_OK);
}

static void flip(const fixture *f, uint64_t offset) {
    const strata_storage *storage = &f->s->host.storage;
    strata_file *file = NULL;
    uint8_t byte;
    size_t got;
    assert_int_equal(storage->open(storage->ctx, file_name, STRATA_FILE_WRITE, &file), STRATA_OK);
    assert_int_equal(storage->read_at(storage->ctx, file, offset, &byte, 1, &got), STRATA_OK);
    byte ^= 0x10;
    assert_int_equal(storage->write_at(storage->ctx, file, offset, &byte, 1), STRATA_OK);
    assert_int_equal(storage->close(storage->ctx, file), STRATA_OK);
}

/* ---- Single keys ----------------------------------------------------------------------------- */

static void found_again(void **state) {
    (void)state;
    fixture f;
    begin(&f, SHORT, false, COUNT);
    expect(&f, 3, STRATA_OK);
    expect(&f, 3, STRATA_OK);
    assert_int_equal(stats_of(&f).misses, 2); /* its block, itself */
    assert_int_equal(stats_of(&f).hits, 2);
    cut(&f);
    expect(&f, 3, STRATA_OK);
    expect(&f, 4, STRATA_CORRUPT); /* in the same block: its neighbours were not brought in */
    end(&f);
}

static void evicted(void **state) {
    (void)state;
    fixture f;
    begin(&f, SHORT, false, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        expect(&f, i, STRATA_OK);
    }
    assert_true(stats_of(&f).used_bytes > (uint64_t)COUNT * SHORT);
    st_block_cache_resize(f.cache, (uint64_t)COUNT / 2 * SHORT);
    assert_true(stats_of(&f).used_bytes <= (uint64_t)COUNT / 2 * SHORT);
    for (unsigned i = 0; i < COUNT; i++) {
        expect(&f, i, STRATA_OK);
    }
    end(&f);
}

static void dropped_with_the_table(void **state) {
    (void)state;
    fixture f;
    begin(&f, SHORT, false, COUNT);
    expect(&f, 7, STRATA_OK);
    st_table_close(f.table);
    f.table = NULL;
    assert_int_equal(stats_of(&f).used_bytes, 0);
    end(&f);
}

static void too_long_to_keep(void **state) {
    (void)state;
    fixture f;
    begin(&f, LONG, false, 2);
    expect(&f, 1, STRATA_OK);
    expect(&f, 1, STRATA_OK);
    assert_true(stats_of(&f).used_bytes < LONG);
    cut(&f);
    expect(&f, 1, STRATA_CORRUPT);
    end(&f);
}

/* The longest one that is kept. */
static void just_short_enough(void **state) {
    (void)state;
    fixture f;
    begin(&f, LONG - 1, false, 2);
    expect(&f, 1, STRATA_OK);
    cut(&f);
    expect(&f, 1, STRATA_OK);
    end(&f);
}

static void damaged(void **state) {
    (void)state;
    fixture f;
    begin(&f, SHORT, false, COUNT);
    strata_error error;
    const uint64_t first = ST_TABLE_HEADER_BYTES; /* the first value is the first frame */
    expect(&f, 1, STRATA_OK);
    const uint64_t used = stats_of(&f).used_bytes;
    flip(&f, first + ST_FRAME_BYTES + SHORT / 2);
    assert_int_equal(get(&f, 0, &error), STRATA_CORRUPT);
    assert_int_equal(error.fields[1].number, first);
    assert_int_equal(stats_of(&f).used_bytes, used);
    expect(&f, 0, STRATA_CORRUPT);
    flip(&f, first + ST_FRAME_BYTES + SHORT / 2);
    expect(&f, 0, STRATA_OK);
    end(&f);
}

/* All in one block: a get finds what its neighbour brought in. */
/* Every second of some places, and one that is not there. */
static strata_status get_many(const fixture *f, st_arena *arena, strata_error *error) {
    enum { MANY = 8 };
    st_table_lookup lookups[MANY];
    uint8_t keys[MANY][ST_TABLE_KEY_MAX];
    uint8_t *expected = malloc(f->len);
    assert_non_null(expected);
    for (unsigned i = 0; i < MANY; i++) {
        const strata_slice key = key_of(i + 1 < MANY ? 2 * i : 99999, keys[i]);
        lookups[i] = (st_table_lookup){.table = f->table,
                                       .key = key,
                                       .hash = st_table_hash(key),
                                       .bound = st_bound_version(UINT64_MAX)};
    }
    const strata_status status = st_table_get_many(lookups, MANY, arena, error);
    for (unsigned i = 0; i < MANY && status == STRATA_OK; i++) {
        assert_int_equal(lookups[i].found, i + 1 < MANY);
        assert_true(!lookups[i].found ||
                    st_slice_equal(lookups[i].revision.value, value_of(f, 2 * i, expected)));
    }
    st_table_release_many(lookups, MANY);
    free(expected);
    return status;
}

/* In blocks, apart, and too long for the cache; read, and found again; then the file is gone. */
static void many_at_once(void **state) {
    static const size_t lens[] = {300, 1500, ST_VALUE_CACHED_BYTES + 1};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        fixture f;
        strata_error error;
        begin(&f, lens[i], false, 20);
        assert_int_equal(get_many(&f, &f.arena, &error), STRATA_OK);
        assert_int_equal(get_many(&f, &f.arena, &error), STRATA_OK);
        cut(&f);
        assert_int_equal(get_many(&f, &f.arena, &error) == STRATA_OK,
                         lens[i] <= ST_VALUE_CACHED_BYTES);
        end(&f);
    }
}

static void text_stays_inside(void **state) {
    (void)state;
    fixture f;
    begin(&f, SHORT, true, 4);
    expect(&f, 0, STRATA_OK);
    cut(&f);
    for (unsigned i = 0; i < 4; i++) {
        expect(&f, i, STRATA_OK);
    }
    end(&f);
}

/* ---- Walks ----------------------------------------------------------------------------------- */

/* Walks over so many from a key on. */
static void walk(fixture *f, unsigned from, unsigned count) {
    uint8_t key[ST_TABLE_KEY_MAX];
    uint8_t expected[SHORT];
    strata_error error;
    strata_slice value;
    st_table_iter *iter = malloc(sizeof *iter);
    assert_non_null(iter);
    st_table_iter_init(iter, f->table, &error);
    assert_int_equal(st_table_iter_seek(iter, key_of(from, key), UINT64_MAX), STRATA_OK);
    for (unsigned i = 0; i < count; i++) {
        assert_true(iter->here);
        assert_int_equal(st_table_iter_value(iter, &value), STRATA_OK);
        assert_true(st_slice_equal(value, value_of(f, from + i, expected)));
        assert_int_equal(st_table_iter_next(iter), STRATA_OK);
    }
    st_table_iter_release(iter);
    free(iter);
}

static void a_page_is_kept(void **state) {
    (void)state;
    fixture f;
    begin(&f, SHORT, false, COUNT);
    walk(&f, 50, 10);
    cut(&f);
    walk(&f, 50, 10);
    expect(&f, 55, STRATA_OK);
    end(&f);
}

static void a_long_walk_keeps_little(void **state) {
    (void)state;
    fixture f;
    begin(&f, SHORT, false, COUNT);
    walk(&f, 0, COUNT);
    assert_true(stats_of(&f).used_bytes < (uint64_t)COUNT / 4 * SHORT);
    walk(&f, 0, COUNT); /* some of them from the cache, in between */
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_again),       cmocka_unit_test(evicted),
        cmocka_unit_test(too_long_to_keep),  cmocka_unit_test(dropped_with_the_table),
        cmocka_unit_test(just_short_enough), cmocka_unit_test(damaged),
        cmocka_unit_test(many_at_once),      cmocka_unit_test(text_stays_inside),
        cmocka_unit_test(a_page_is_kept),    cmocka_unit_test(a_long_walk_keeps_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
