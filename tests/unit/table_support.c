/* table_support.c - see table_support.h. */
#include "table_support.h"

#include "format/key.h"

const char *const tab_shape_names[TAB_SHAPES] = {"mixed",     "plain", "histories",
                                                 "long keys", "apart", "clusters"};

/* ---- Entries --------------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b) {
    const tab_entry *left = a;
    const tab_entry *right = b;
    const int order = st_slice_compare(left->key, right->key);
    return order != 0 ? order
                      : (left->revision.number < right->revision.number) -
                            (left->revision.number > right->revision.number);
}

static strata_slice random_value(tab_model *model, size_t len) {
    uint8_t *bytes = st_arena_alloc(&model->arena, len, 1);
    assert_non_null(bytes);
    /* Half of it can be compressed. */
    for (size_t i = 0; i < len; i++) {
        bytes[i] = i % 16 < 8 ? (uint8_t)test_random(&model->chance) : (uint8_t)('a' + i % 5);
    }
    return len == 0 ? st_slice("", 0) : st_slice(bytes, len);
}

/* What no codec makes shorter. */
static strata_slice noise_value(tab_model *model, size_t len) {
    uint8_t *bytes = st_arena_alloc(&model->arena, len, 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)test_random(&model->chance);
    }
    return st_slice(bytes, len);
}

static void add_version(tab_model *model, strata_slice key, strata_slice value, unsigned flags) {
    if (model->count == model->cap) {
        model->cap = model->cap * 2 + 64;
        model->entries = realloc(model->entries, model->cap * sizeof *model->entries);
        assert_non_null(model->entries);
    }
    const uint64_t number = model->next_version;
    model->next_version += 1 + test_random_below(&model->chance, 3);
    const int64_t time = 1700000000000000 + (int64_t)(number / 2) * 1000;
    const bool deleted = (flags & 1) != 0;
    model->entries[model->count++] = (tab_entry){
        key,
        {.number = number,
         .timestamp_us = time,
         .expires_us = (flags & 2) != 0
                           ? time + (int64_t)test_random_below(&model->chance, 1u << 30) - 5000
                           : ST_NEVER,
         .deleted = deleted,
         .trimmed = (flags & 4) != 0,
         .value = deleted ? st_slice("", 0) : value}};
}

static strata_slice make_key(tab_model *model, uint64_t run, uint8_t tag, strata_slice text) {
    uint8_t bytes[ST_TABLE_KEY_MAX];
    st_key key;
    if (tag == ST_TAG_EVENT) {
        st_key_number(&key, tag, load64_be(text.data));
    } else {
        st_key_text(&key, tag, text);
    }
    store64_be(bytes, run);
    memcpy(bytes + 8, key.bytes, key.len);
    return st_arena_copy(&model->arena, st_slice(bytes, 8 + key.len));
}

static strata_slice random_text(tab_model *model, char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)('a' + test_random_below(&model->chance, i < 2 ? 3 : 26));
    }
    return st_slice(text, len);
}

static void add_mixed(tab_model *model) {
    static const uint8_t tags[] = {ST_TAG_KV, ST_TAG_EVENT, ST_TAG_MEMORY, ST_TAG_RUN};
    char text[ST_KEY_BYTES_MAX];
    uint64_t *chance = &model->chance;
    const uint8_t tag = tags[test_random_below(chance, 4)];
    const size_t len = tag == ST_TAG_EVENT ? 8
                       : test_random_below(chance, 20) == 0
                           ? 1 + test_random_below(chance, ST_KEY_BYTES_MAX)
                           : 1 + test_random_below(chance, 24);
    const uint64_t runs[] = {0, 1, 2, 255, 256, UINT64_MAX};
    const strata_slice key =
        make_key(model, runs[test_random_below(chance, 6)], tag, random_text(model, text, len));
    for (uint64_t left = 1 + test_random_below(chance, 4); left > 0; left--) {
        const size_t value_len =
            test_random_below(chance, 4) == 0 ? 0 : test_random_below(chance, 200);
        add_version(model, key, random_value(model, value_len),
                    (unsigned)test_random_below(chance, 8));
    }
}

static void add_plain(tab_model *model) {
    char text[16];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)(1 + test_random_below(&model->chance, 127)); /* any UTF-8 of one byte */
    }
    add_version(model, make_key(model, 1, ST_TAG_KV, st_slice(text, sizeof text)),
                random_value(model, 100), 0);
}

static void add_long(tab_model *model) {
    char text[ST_KEY_BYTES_MAX];
    memset(text, 'x', sizeof text);
    const size_t len = sizeof text - test_random_below(&model->chance, 40);
    for (int i = 0; i < 3; i++) {
        text[test_random_below(&model->chance, len)] =
            (char)('f' + test_random_below(&model->chance, 20));
    }
    add_version(model, make_key(model, 1, ST_TAG_KV, st_slice(text, len)), random_value(model, 20),
                0);
}

static void add_apart(tab_model *model) {
    char text[12];
    uint64_t *chance = &model->chance;
    const strata_slice key =
        make_key(model, 3, ST_TAG_KV, random_text(model, text, 1 + test_random_below(chance, 12)));
    for (int i = 0; i < 3; i++) {
        const bool noise = test_random_below(chance, 3) == 0;
        const size_t len = noise ? ST_VALUE_APART_BYTES - 3 + test_random_below(chance, 2000)
                           : test_random_below(chance, 3) != 0 ? test_random_below(chance, 300)
                           : test_random_below(chance, 50) == 0
                               ? 300000 + test_random_below(chance, 300000)
                               : ST_VALUE_APART_BYTES - 3 + test_random_below(chance, 40000);
        add_version(model, key, noise ? noise_value(model, len) : random_value(model, len),
                    test_random_below(chance, 9) == 0 ? 4 : 0);
    }
}

static void add_cluster(tab_model *model) {
    char text[ST_KEY_BYTES_MAX];
    uint64_t *chance = &model->chance;
    const int user = (int)test_random_below(chance, 1000000);
    const int depth = (int)test_random_below(chance, 60);
    for (uint64_t i = 1 + test_random_below(chance, 40); i > 0; i--) {
        const int len =
            snprintf(text, sizeof text, "user:%07d/%.*s/turn:%05u", user, depth,
                     "a-long-folder/with-another-one/and-yet-another/until-the-end/of-it",
                     (unsigned)test_random_below(chance, 100000));
        add_version(model, make_key(model, 1, ST_TAG_MEMORY, st_slice(text, (size_t)len)),
                    random_value(model, test_random_below(chance, 60)), 0);
    }
}

static void add_history(tab_model *model) {
    char text[12];
    uint64_t *chance = &model->chance;
    const strata_slice key =
        make_key(model, 2, ST_TAG_KV, random_text(model, text, 1 + test_random_below(chance, 12)));
    const uint64_t most = test_random_below(chance, 3) == 0 ? 6000 : 30;
    for (uint64_t left = 1 + test_random_below(chance, most); left > 0; left--) {
        add_version(model, key, random_value(model, test_random_below(chance, 24)),
                    test_random_below(chance, 10) == 0 ? (unsigned)test_random_below(chance, 8)
                                                       : 0);
    }
}

void tab_fill(tab_model *model, tab_shape shape, size_t count, uint64_t seed) {
    static void (*const add[TAB_SHAPES])(tab_model *) = {add_mixed, add_plain, add_history,
                                                         add_long,  add_apart, add_cluster};
    memset(model, 0, sizeof *model);
    model->chance = seed;
    model->next_version = 1 + seed * 1000;
    st_arena_init(&model->arena, test_allocator(), 0);
    while (model->count < count) {
        add[shape](model);
    }
    qsort(model->entries, model->count, sizeof *model->entries, compare_entries);
}

void tab_free(tab_model *model) {
    free(model->entries);
    st_arena_free(&model->arena);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

st_table_spec tab_spec(sim *s, strata_codec codec) {
    const st_table_spec spec = {
        .host = &s->host, .path = "db", .number = 7, .uuid = "fifteen letters", .codec = codec};
    return spec;
}

static strata_status try_build(const st_table_spec *spec, const tab_model *model,
                               st_table_info *info) {
    st_table_builder *builder = NULL;
    strata_error error;
    strata_status status = st_table_builder_create(spec, &builder, &error);
    if (status != STRATA_OK) {
        assert_int_equal(error.code, status);
        return status;
    }
    for (size_t i = 0; i < model->count && status == STRATA_OK; i++) {
        status = st_table_builder_add(builder, model->entries[i].key, &model->entries[i].revision,
                                      &error);
    }
    if (status == STRATA_OK) {
        status = st_table_builder_finish(builder, info, &error);
    }
    if (status == STRATA_OK) {
        assert_int_equal(info->bytes, st_table_builder_bytes(builder));
        assert_int_equal(info->entries, model->count);
        test_bytes_equal(info->first_key, model->entries[0].key, "first key");
        test_bytes_equal(info->last_key, model->entries[model->count - 1].key, "last key");
    } else {
        assert_int_equal(error.code, status);
    }
    st_table_builder_destroy(builder);
    return status;
}

strata_status tab_try_build(sim *s, const tab_model *model, strata_codec codec,
                            st_table_info *info) {
    const st_table_spec spec = tab_spec(s, codec);
    return try_build(&spec, model, info);
}

void tab_build_as(const st_table_spec *spec, const tab_model *model) {
    st_table_info info;
    assert_int_equal(try_build(spec, model, &info), STRATA_OK);
}

void tab_build(sim *s, const tab_model *model, strata_codec codec) {
    const st_table_spec spec = tab_spec(s, codec);
    tab_build_as(&spec, model);
}

/* ---- Comparing ------------------------------------------------------------------------------- */

size_t tab_lower_bound(const tab_model *model, strata_slice key, uint64_t number) {
    const tab_entry wanted = {key, {.number = number}};
    size_t low = 0;
    for (size_t high = model->count; low < high;) {
        const size_t middle = low + (high - low) / 2;
        if (compare_entries(&model->entries[middle], &wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void expect_revision(const st_revision *got, const st_revision *expected,
                            strata_slice value) {
    assert_int_equal(got->number, expected->number);
    assert_int_equal(got->timestamp_us, expected->timestamp_us);
    assert_int_equal(got->expires_us, expected->expires_us);
    assert_int_equal(got->deleted, expected->deleted);
    assert_int_equal(got->trimmed, expected->trimmed);
    assert_non_null(value.data);
    if (!st_slice_equal(value, expected->value)) {
        test_bytes_equal(value, expected->value, "value");
    }
}

void tab_expect_at(const tab_model *model, st_table_iter *iter, size_t place) {
    assert_int_equal(iter->here, place < model->count);
    if (iter->here) {
        const tab_entry *entry = &model->entries[place];
        strata_slice value;
        if (!st_slice_equal(iter->key, entry->key)) {
            test_bytes_equal(iter->key, entry->key, "key");
        }
        assert_int_equal(st_table_iter_value(iter, &value), STRATA_OK);
        expect_revision(&iter->revision, &entry->revision, value);
    }
}

void tab_expect_get(const tab_model *model, const st_table *table, strata_slice key,
                    const st_bound *bound) {
    st_arena arena;
    st_revision revision;
    strata_error error;
    bool found;
    size_t place = tab_lower_bound(model, key, UINT64_MAX);
    st_arena_init(&arena, test_allocator(), 0);
    while (place < model->count && st_slice_equal(model->entries[place].key, key) &&
           !st_bound_holds(bound, model->entries[place].revision.number,
                           model->entries[place].revision.timestamp_us)) {
        place++;
    }
    const bool there = place < model->count && st_slice_equal(model->entries[place].key, key);
    assert_int_equal(
        st_table_get(table, key, st_table_hash(key), bound, &arena, &revision, &found, &error),
        STRATA_OK);
    assert_int_equal(found, there);
    if (found) {
        expect_revision(&revision, &model->entries[place].revision, revision.value);
    }
    st_arena_free(&arena);
}

void tab_compare(const tab_model *model, const st_table *table) {
    st_table_iter *iter = malloc(sizeof *iter);
    strata_error error;
    const st_bound all = st_bound_version(UINT64_MAX);
    assert_non_null(iter);
    for (int past_cache = 0; past_cache < 2; past_cache++) {
        st_table_iter_init(iter, table, &error);
        iter->past_cache = past_cache != 0;
        assert_int_equal(st_table_iter_seek(iter, st_slice("", 0), UINT64_MAX), STRATA_OK);
        for (size_t i = 0; i < model->count; i++) {
            tab_expect_at(model, iter, i);
            assert_int_equal(st_table_iter_next(iter), STRATA_OK);
        }
        assert_false(iter->here);
        st_table_iter_release(iter);
    }
    free(iter);
    for (size_t i = 0; i < model->count; i++) {
        if (i == 0 || !st_slice_equal(model->entries[i].key, model->entries[i - 1].key)) {
            tab_expect_get(model, table, model->entries[i].key, &all);
        }
    }
}
