/* test_manifest.c - that a good manifest exists at every moment, whatever is torn.
 *
 * A new manifest goes into the older slot. It is cut off after every byte, and each byte of either
 * slot is changed: the other slot must then be found, unless the damage is where no content is.
 */
#include "support.h"

#include "base/crc32c.h"
#include "sim.h"
#include "store/manifest.h"

enum { CONTENT_BYTES = 136 + 2 * 24 }; /* of a slot with two files, its head included */

static sim *machine;
static st_manifest manifest;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    manifest = (st_manifest){.read_format = 1,
                             .write_format = 1,
                             .codec = STRATA_CODEC_ZSTD,
                             .created_us = 1700000000000001,
                             .watermark = 5,
                             .wal_first = 3,
                             .next_file = 7,
                             .whole_segment = 4,
                             .whole_end = 1234,
                             .whole_version = 99,
                             .floor_version = 17,
                             .floor_us = -5,
                             .file_count = 2};
    memcpy(manifest.uuid, "0123456789abcdef", ST_UUID_BYTES);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sim_free(machine);
    return 0;
}

static const st_live_file files[] = {{ST_FILE_TABLE, 0, 6, 4711}, {ST_FILE_TABLE, 3, 2, 99}};

static void write_next(void) {
    strata_error error;
    manifest.whole_version++;
    assert_int_equal(st_manifest_write(&machine->host, "db", &manifest, files, &error), STRATA_OK);
}

static strata_status read_back(st_manifest *found, strata_error *error) {
    memset(found, 0, sizeof *found);
    strata_buffer read = {NULL, 0, 0, &machine->host};
    const strata_status status = st_manifest_read(&machine->host, "db", found, &read, error);
    if (status == STRATA_OK) {
        assert_int_equal(read.len, found->file_count * sizeof files[0]);
        assert_true(read.len == 0 || memcmp(read.data, files, read.len) == 0);
    }
    strata_buffer_free(&read);
    return status;
}

static void expect_generation(uint64_t generation) {
    st_manifest found;
    strata_error error;
    if (read_back(&found, &error) != STRATA_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(found.generation, generation);
    assert_int_equal(found.whole_version, 99 + generation);
    assert_int_equal(found.codec, manifest.codec);
    assert_int_equal(found.created_us, manifest.created_us);
    assert_int_equal(found.watermark, manifest.watermark);
    assert_int_equal(found.wal_first, manifest.wal_first);
    assert_int_equal(found.next_file, manifest.next_file);
    assert_int_equal(found.whole_segment, manifest.whole_segment);
    assert_int_equal(found.whole_end, manifest.whole_end);
    assert_memory_equal(found.uuid, manifest.uuid, ST_UUID_BYTES);
}

static void expect_slots(unsigned valid, unsigned empty) {
    unsigned got_valid = 9;
    unsigned got_empty = 9;
    assert_int_equal(st_manifest_slots(&machine->host, "db", &got_valid, &got_empty), STRATA_OK);
    assert_int_equal(got_valid, valid);
    assert_int_equal(got_empty, empty);
}

static void generations(void **state) {
    (void)state;
    st_manifest found;
    strata_error error;
    assert_int_equal(read_back(&found, &error), STRATA_NOT_FOUND);
    for (uint64_t generation = 1; generation < 9; generation++) {
        write_next();
        assert_int_equal(manifest.generation, generation);
        expect_generation(generation);
        expect_slots(generation == 1 ? 1 : 2, generation == 1 ? 1 : 0);
    }
}

/* The k-th write stops after every byte of it, what follows being old bytes or zeros. */
static void torn_at_every_byte(void **state) {
    (void)state;
    for (uint64_t generation = 1; generation <= 5; generation++) {
        const strata_slice before = sim_copy(machine, "db/MANIFEST", false);
        write_next();
        const strata_slice after = sim_copy(machine, "db/MANIFEST", false);
        const size_t slot = generation % 2 == 1 ? 0 : ST_MANIFEST_SLOT_BYTES;
        const size_t size = after.len;
        uint8_t *torn = calloc(1, size);
        assert_non_null(torn);
        for (size_t cut = 0; cut <= CONTENT_BYTES; cut++) {
            memset(torn, 0, size);
            memcpy(torn, before.data == NULL ? "" : before.data, before.len);
            memcpy(torn + slot, (const uint8_t *)after.data + slot, cut);
            sim_put(machine, "db/MANIFEST", st_slice(torn, size));
            /* The last bytes of a slot are zero: with them missing it is whole already. */
            const bool whole =
                memcmp(torn + slot, (const uint8_t *)after.data + slot, CONTENT_BYTES) == 0;
            if (whole || generation > 1) {
                expect_generation(whole ? generation : generation - 1);
                continue;
            }
            st_manifest found;
            strata_error error;
            assert_int_equal(read_back(&found, &error),
                             cut == 0 ? STRATA_NOT_FOUND : STRATA_CORRUPT);
        }
        free(torn);
        sim_put(machine, "db/MANIFEST", after);
        sim_release(before);
        sim_release(after);
    }
}

static void every_byte_changed(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        write_next();
    }
    const strata_slice bytes = sim_copy(machine, "db/MANIFEST", false);
    uint8_t *mine = (uint8_t *)bytes.data;
    assert_int_equal(bytes.len, ST_MANIFEST_SLOT_BYTES + CONTENT_BYTES);
    uint64_t chance = 2;
    for (size_t at = 0; at < bytes.len; at += at == CONTENT_BYTES + 10 ? 65000 - at : 1) {
        const uint8_t change = (uint8_t)(1 + test_random_below(&chance, 255));
        const bool older = at < ST_MANIFEST_SLOT_BYTES; /* generation 3 is in slot 0 */
        const bool content = at % ST_MANIFEST_SLOT_BYTES < CONTENT_BYTES;
        mine[at] ^= change;
        sim_put(machine, "db/MANIFEST", bytes);
        expect_generation(content && !older ? 3 : 4);
        expect_slots(content ? 1 : 2, 0);
        mine[at] ^= change;
    }
    sim_release(bytes);
}

static void both_slots_damaged(void **state) {
    (void)state;
    st_manifest found;
    strata_error error;
    write_next();
    write_next();
    const strata_slice bytes = sim_copy(machine, "db/MANIFEST", false);
    uint8_t *mine = (uint8_t *)bytes.data;
    mine[40] ^= 1;
    mine[ST_MANIFEST_SLOT_BYTES + 40] ^= 1;
    sim_put(machine, "db/MANIFEST", bytes);
    assert_int_equal(read_back(&found, &error), STRATA_CORRUPT);
    assert_string_equal(error.fields[0].text, "MANIFEST");
    expect_slots(0, 0);
    memset(mine, 0, bytes.len);
    sim_put(machine, "db/MANIFEST", bytes);
    assert_int_equal(read_back(&found, &error), STRATA_NOT_FOUND); /* as never written */
    expect_slots(0, 2);
    sim_put(machine, "db/MANIFEST", st_slice("", 0));
    assert_int_equal(read_back(&found, &error), STRATA_NOT_FOUND);
    sim_release(bytes);
}

/* A field of the one valid slot becomes `value`, with a checksum that fits. */
static strata_status read_with(size_t at, uint64_t value, size_t len) {
    st_manifest found;
    strata_error error;
    manifest.generation = 0;
    sim_drop(machine, "db/MANIFEST");
    write_next();
    const strata_slice bytes = sim_copy(machine, "db/MANIFEST", false);
    uint8_t *mine = (uint8_t *)bytes.data;
    for (size_t i = 0; i < len; i++) {
        mine[at + i] = (uint8_t)(value >> (8 * i));
    }
    store32_le(mine + 8, st_crc32c(0, st_slice(mine + 12, CONTENT_BYTES - 12)));
    sim_put(machine, "db/MANIFEST", bytes);
    sim_release(bytes);
    return read_back(&found, &error);
}

static void fields_with_a_good_checksum(void **state) {
    (void)state;
    static const struct {
        size_t at;
        size_t len;
        uint64_t value;
        strata_status status;
    } cases[] = {
        {24, 4, 1, STRATA_OK},
        {24, 4, 5, STRATA_INVALID_ARGUMENT}, /* a format that only a newer library reads */
        {24, 4, UINT32_MAX, STRATA_INVALID_ARGUMENT},
        {28, 4, 5, STRATA_OK},               /* only a newer one writes: reading is fine */
        {28, 4, 1, STRATA_CORRUPT},          /* format 1 had no files */
        {48, 4, 2, STRATA_INVALID_ARGUMENT}, /* a codec that is not known */
        {16, 8, 0, STRATA_CORRUPT},          /* generation 0 is none */
        {64, 8, UINT64_MAX, STRATA_CORRUPT}, /* versions end at 2^63 */
        {72, 8, 0, STRATA_CORRUPT},          /* segments begin at 1 */
        {80, 8, 0, STRATA_CORRUPT},          /* and files */
        {96, 8, 63, STRATA_CORRUPT},         /* the whole log ends inside a header */
        {96, 8, 64, STRATA_OK},
        {112, 8, UINT64_MAX, STRATA_CORRUPT},
        {128, 8, 3, STRATA_CORRUPT}, /* a file that is not listed */
        {128, 8, UINT64_MAX, STRATA_CORRUPT},
        {12, 4, 0, STRATA_CORRUPT}, /* lengths */
        {12, 4, 65536, STRATA_CORRUPT},
        {12, 4, UINT32_MAX, STRATA_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const strata_status status = read_with(cases[i].at, cases[i].value, cases[i].len);
        if (status != cases[i].status) {
            fail_msg("case %zu: %s", i, strata_status_name(status));
        }
    }
}

/* The bytes of one slot end up in the other, checksum and all: the database goes on from the one that
 * is in its place, and the next write does not destroy the only good manifest there is. */
static void written_into_the_other_slot(void **state) {
    (void)state;
    write_next();
    write_next();
    const strata_slice bytes = sim_copy(machine, "db/MANIFEST", false);
    uint8_t *mine = (uint8_t *)bytes.data;
    memcpy(mine, mine + ST_MANIFEST_SLOT_BYTES, CONTENT_BYTES); /* generation 2, where 1 was */
    sim_put(machine, "db/MANIFEST", bytes);
    expect_generation(2);
    expect_slots(1, 0);
    memset(mine + ST_MANIFEST_SLOT_BYTES, 0, CONTENT_BYTES);
    sim_put(machine, "db/MANIFEST", bytes);
    st_manifest found;
    strata_error error;
    assert_int_equal(read_back(&found, &error), STRATA_CORRUPT);
    sim_release(bytes);
}

/* Every call of a write fails: the manifest given stays as it was, and the old one is found. */
static void writing_fails(void **state) {
    (void)state;
    strata_error error;
    write_next();
    write_next();
    const uint64_t calls = sim_calls(machine, SIM_ANY);
    write_next();
    const uint64_t per_write = sim_calls(machine, SIM_ANY) - calls;
    for (uint64_t nth = 1; nth <= per_write; nth++) {
        const st_manifest before = manifest;
        sim_fail(machine, SIM_ANY, nth, STRATA_NO_SPACE, true);
        manifest.whole_version++;
        const strata_status status =
            st_manifest_write(&machine->host, "db", &manifest, files, &error);
        assert_int_equal(status, STRATA_NO_SPACE);
        assert_int_equal(manifest.generation, before.generation);
        manifest = before;
        sim_heal(machine);
        st_manifest found;
        assert_int_equal(read_back(&found, &error), STRATA_OK);
        assert_in_range(found.generation, before.generation, before.generation + 1);
    }
    write_next();
    expect_generation(manifest.generation);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(generations),
        case_of(torn_at_every_byte),
        case_of(every_byte_changed),
        case_of(both_slots_damaged),
        case_of(writing_fails),
        case_of(fields_with_a_good_checksum),
        case_of(written_into_the_other_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
