/* Proves that a segment gives back what was put into it, page by page; that a byte that is another, a file that is
 * shorter or longer, or one of another number or database is told before anything of it is used; and that a storage or
 * memory that fails leaves no file behind.
 */
#include "sim.h"
#include "store/segment/segment_file.h"

static const uint8_t uuid[ST_UUID_BYTES] = "0123456789abcde";
static const char about[] = "what the index says";

static const struct {
    uint32_t id;
    uint32_t page_bytes;
    size_t len;
} sections[] = {{7, 100, 1000}, {1, 64, 1}, {2, 16, 0}, {9, 4096, 9001}};

enum { SECTIONS = sizeof sections / sizeof sections[0] };

static uint8_t byte_of(uint32_t id, size_t at) {
    return (uint8_t)(id * 31 + at * 7 + at / 251);
}

static st_segment_spec spec_of(sim *s, uint64_t number) {
    return (st_segment_spec){&s->host, "db", uuid, number, ST_SEGMENT_VECTORS};
}

static strata_status put(st_segment_writer *writer) {
    uint8_t bytes[97];
    for (size_t i = 0; i < SECTIONS; i++) {
        ST_TRY(st_segment_writer_section(writer, sections[i].id, sections[i].page_bytes));
        for (size_t at = 0; at < sections[i].len;) {
            const size_t piece = st_min(sizeof bytes, sections[i].len - at);
            for (size_t j = 0; j < piece; j++) {
                bytes[j] = byte_of(sections[i].id, at + j);
            }
            ST_TRY(st_segment_writer_put(writer, bytes, piece));
            at += piece;
        }
    }
    return STRATA_OK;
}

static strata_status write_file(sim *s, uint64_t *bytes) {
    const st_segment_spec spec = spec_of(s, 5);
    strata_error error = {.code = STRATA_OK};
    st_segment_writer writer;
    strata_status status = st_segment_writer_begin(&writer, &spec, &error);
    if (status == STRATA_OK) {
        status = put(&writer);
    }
    if (status != STRATA_OK) {
        st_segment_writer_abort(&writer);
        return status;
    }
    return st_segment_writer_finish(&writer, strata_text(about), bytes);
}

/* Reads all of it; every byte that comes back is the one that was written. */
static strata_status read_file(const st_segment_spec *spec, strata_error *error) {
    uint8_t page[4096];
    st_segment_file file;
    strata_status status = st_segment_open(&file, spec, error);
    if (status == STRATA_OK) {
        assert_true(st_slice_equal(file.about, strata_text(about)));
        assert_int_equal(file.section_count, SECTIONS);
    }
    for (size_t i = 0; i < SECTIONS && status == STRATA_OK; i++) {
        const st_segment_section *section = st_segment_find(&file, sections[i].id);
        assert_non_null(section);
        assert_int_equal(section->bytes, sections[i].len);
        for (uint64_t at = st_segment_pages(section); at > 0 && status == STRATA_OK; at--) {
            status = st_segment_read(&file, section, at - 1, page, error);
            for (size_t j = 0; status == STRATA_OK && j < st_segment_page_len(section, at - 1);
                 j++) {
                assert_int_equal(page[j], byte_of(section->id, (at - 1) * section->page_bytes + j));
            }
        }
    }
    assert_true(status != STRATA_OK || st_segment_find(&file, 3) == NULL);
    st_segment_close(&file, false);
    return status;
}

static strata_status read_again(sim *s) {
    const st_segment_spec spec = spec_of(s, 5);
    strata_error error = {.code = STRATA_OK};
    return read_file(&spec, &error);
}

static void test_as_written(void **state) {
    (void)state;
    sim *s = sim_new(1);
    uint64_t bytes;
    uint64_t checked;
    strata_error error = {.code = STRATA_OK};
    assert_int_equal(write_file(s, &bytes), STRATA_OK);
    assert_int_equal(read_again(s), STRATA_OK);
    const st_segment_spec spec = spec_of(s, 5);
    assert_int_equal(st_segment_check(&spec, &checked, &error), STRATA_OK);
    assert_true(checked == bytes);
    sim_restart(s, SIM_NONE, 1); /* it was synced */
    assert_int_equal(read_again(s), STRATA_OK);
    sim_free(s);
    assert_int_equal(test_memory_blocks(), 0);
}

static void test_other_files(void **state) {
    (void)state;
    static const uint8_t other[ST_UUID_BYTES] = "another database";
    sim *s = sim_new(2);
    uint64_t bytes;
    strata_error error = {.code = STRATA_OK};
    assert_int_equal(write_file(s, &bytes), STRATA_OK);
    const strata_slice copy = sim_copy(s, "db/DATA/seg-5.seg", false);
    sim_put(s, "db/DATA/seg-6.seg", copy);
    sim_release(copy);
    st_segment_spec spec = spec_of(s, 6);
    assert_int_equal(read_file(&spec, &error), STRATA_CORRUPT);
    assert_true(strstr(error.message, "DATA/seg-6.seg") != NULL);
    spec = spec_of(s, 5);
    spec.uuid = other;
    assert_int_equal(read_file(&spec, &error), STRATA_CORRUPT);
    spec = spec_of(s, 5);
    spec.kind = 2;
    assert_int_equal(read_file(&spec, &error), STRATA_CORRUPT);
    spec = spec_of(s, 7);
    assert_int_equal(read_file(&spec, &error), STRATA_CORRUPT); /* it is missing */
    sim_free(s);
}

static void test_damage(void **state) {
    (void)state;
    sim *s = sim_new(3);
    uint64_t bytes;
    assert_int_equal(write_file(s, &bytes), STRATA_OK);
    for (uint64_t at = 0; at < bytes; at++) {
        sim_flip(s, "db/DATA/seg-5.seg", at, (unsigned)(at % 8));
        assert_int_equal(read_again(s), STRATA_CORRUPT);
        sim_flip(s, "db/DATA/seg-5.seg", at, (unsigned)(at % 8));
    }
    assert_int_equal(read_again(s), STRATA_OK);
    const strata_slice whole = sim_copy(s, "db/DATA/seg-5.seg", false);
    for (size_t len = 0; len < whole.len; len += 13) {
        sim_put(s, "db/DATA/seg-5.seg", st_slice(whole.data, len));
        assert_int_equal(read_again(s), STRATA_CORRUPT);
    }
    sim_release(whole);
    sim_free(s);
}

static void test_failures(void **state) {
    (void)state;
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        sim *s = sim_new(4);
        uint64_t bytes;
        sim_fail(s, SIM_ANY, n, STRATA_NO_SPACE, true);
        failed = write_file(s, &bytes) != STRATA_OK;
        sim_heal(s);
        assert_true(sim_exists(s, "db/DATA/seg-5.seg") == !failed);
        sim_free(s);
        assert_int_equal(test_memory_blocks(), 0);
    }
    failed = true;
    for (size_t n = 1; failed; n++) {
        sim *s = sim_new(5);
        uint64_t bytes;
        sim_fail_memory(s, n);
        failed = write_file(s, &bytes) != STRATA_OK || read_again(s) != STRATA_OK;
        sim_fail_memory(s, 0);
        sim_free(s);
        assert_int_equal(test_memory_blocks(), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_written),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
