/* test_storage.c - that the storage table of the native host keeps the promises of host.h.
 *
 * Each promise has a case: what is read is what was written, short writes are finished, errors are
 * the words host.h names, a full disk costs the operation and nothing else, reserved space can be
 * written on a full disk. The full disk is a real one (a tmpfs of one MiB) where this process may
 * mount; otherwise a limit on file size, and the output says which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "scratch.h"
#include "strata/host.h"

static const strata_storage *storage;
static bool has_small_disk;

static strata_file *must_open(const char *path, uint32_t flags) {
    strata_file *file = NULL;
    assert_int_equal(storage->open(storage->ctx, path, flags, &file), STRATA_OK);
    assert_non_null(file);
    return file;
}

static void must_close(strata_file *file) {
    assert_int_equal(storage->close(storage->ctx, file), STRATA_OK);
}

static uint64_t size_of(strata_file *file) {
    uint64_t size = 0;
    assert_int_equal(storage->size(storage->ctx, file, &size), STRATA_OK);
    return size;
}

static void expect_bytes(strata_file *file, uint64_t offset, const char *text) {
    char data[64] = {0};
    size_t got = 0;
    const size_t len = strlen(text);
    assert_int_equal(storage->read_at(storage->ctx, file, offset, data, len, &got), STRATA_OK);
    assert_int_equal(got, len);
    assert_memory_equal(data, text, len);
}

static void test_reads_what_was_written(void **state) {
    (void)state;
    strata_file *const file = must_open(scratch_path("plain"), STRATA_FILE_CREATE);
    assert_int_equal(storage->append(storage->ctx, file, "hello ", 6), STRATA_OK);
    assert_int_equal(storage->append(storage->ctx, file, "world", 5), STRATA_OK);
    assert_int_equal(storage->write_at(storage->ctx, file, 0, "J", 1), STRATA_OK);
    assert_int_equal(storage->write_at(storage->ctx, file, 20, "end", 3), STRATA_OK);
    assert_int_equal(storage->append(storage->ctx, file, "!", 1), STRATA_OK);
    expect_bytes(file, 0, "Jello world");
    expect_bytes(file, 20, "end!");
    assert_int_equal(size_of(file), 24);
    assert_int_equal(storage->sync(storage->ctx, file), STRATA_OK);

    char data[64];
    size_t got = 99;
    assert_int_equal(storage->read_at(storage->ctx, file, 22, data, 10, &got), STRATA_OK);
    assert_int_equal(got, 2);
    assert_int_equal(storage->read_at(storage->ctx, file, 1000, data, 10, &got), STRATA_OK);
    assert_int_equal(got, 0);
    must_close(file);

    strata_file *const again = must_open(scratch_path("plain"), STRATA_FILE_WRITE);
    assert_int_equal(storage->append(storage->ctx, again, "?", 1), STRATA_OK);
    expect_bytes(again, 20, "end!?");
    must_close(again);
}

static void test_truncate_cuts_and_grows_with_zeros(void **state) {
    (void)state;
    strata_file *const file = must_open(scratch_path("sized"), STRATA_FILE_CREATE);
    assert_int_equal(storage->append(storage->ctx, file, "abcdef", 6), STRATA_OK);
    assert_int_equal(storage->truncate(storage->ctx, file, 3), STRATA_OK);
    assert_int_equal(storage->truncate(storage->ctx, file, 100000), STRATA_OK);
    assert_int_equal(size_of(file), 100000);
    char data[8];
    size_t got = 0;
    assert_int_equal(storage->read_at(storage->ctx, file, 0, data, 8, &got), STRATA_OK);
    assert_memory_equal(data, "abc\0\0\0\0\0", 8);
    assert_int_equal(storage->append(storage->ctx, file, "tail", 4), STRATA_OK);
    expect_bytes(file, 100000, "tail");
    must_close(file);
}

static void test_open_says_what_is_wrong(void **state) {
    (void)state;
    assert_true(mkdir(scratch_path("folder"), 0777) == 0);
    assert_true(scratch_write_text(scratch_path("there"), "x"));
    assert_true(mkfifo(scratch_path("pipe"), 0666) == 0);
    const struct {
        const char *name;
        uint32_t flags;
        strata_status status;
    } cases[] = {
        {"missing", STRATA_FILE_READ, STRATA_NOT_FOUND},
        {"missing", STRATA_FILE_WRITE, STRATA_NOT_FOUND},
        {"missing/deep", STRATA_FILE_READ, STRATA_NOT_FOUND},
        {"there", STRATA_FILE_CREATE | STRATA_FILE_EXCLUSIVE, STRATA_ALREADY_EXISTS},
        {"there/below", STRATA_FILE_CREATE, STRATA_INVALID_ARGUMENT},
        {"there/below/it", STRATA_FILE_CREATE, STRATA_INVALID_ARGUMENT},
        {"folder", STRATA_FILE_READ, STRATA_INVALID_ARGUMENT},
        {"folder", STRATA_FILE_WRITE, STRATA_INVALID_ARGUMENT},
        {"pipe", STRATA_FILE_READ, STRATA_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        strata_file *file = NULL;
        const strata_status status =
            storage->open(storage->ctx, scratch_path(cases[i].name), cases[i].flags, &file);
        if (status != cases[i].status || file != NULL) {
            fail_msg("%s with flags %u: status %d, not %d", cases[i].name, cases[i].flags, status,
                     cases[i].status);
        }
    }
    char name[6000];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    strata_file *file = NULL;
    assert_int_equal(storage->open(storage->ctx, name, STRATA_FILE_CREATE, &file),
                     STRATA_INVALID_ARGUMENT);
}

static void test_create_makes_folders(void **state) {
    (void)state;
    const char *const names[] = {"a/b/c/file", "a/b/c/other", "d//e/file", "f/file"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        strata_file *const file =
            must_open(scratch_path(names[i]), STRATA_FILE_CREATE | STRATA_FILE_EXCLUSIVE);
        assert_int_equal(storage->sync(storage->ctx, file), STRATA_OK);
        must_close(file);
    }
    /* The same with a path that begins nowhere. */
    assert_true(chdir(scratch_folder) == 0);
    strata_file *const file = must_open("g/h/file", STRATA_FILE_CREATE);
    assert_int_equal(storage->sync(storage->ctx, file), STRATA_OK);
    must_close(file);
    strata_file *const bare = must_open("bare", STRATA_FILE_CREATE);
    assert_int_equal(storage->sync(storage->ctx, bare), STRATA_OK);
    must_close(bare);
    assert_true(access(scratch_path("g/h/file"), F_OK) == 0);
    assert_true(chdir("/") == 0);
}

static strata_status count_name(void *arg, const char *name) {
    unsigned *const seen = arg;
    *seen |= strcmp(name, "one") == 0 ? 1 : strcmp(name, "two") == 0 ? 2 : 4;
    return STRATA_OK;
}

static strata_status refuse_name(void *arg, const char *name) {
    (void)name;
    *(unsigned *)arg += 1;
    return STRATA_CONFLICT;
}

static void test_list_and_remove(void **state) {
    (void)state;
    assert_true(mkdir(scratch_path("listed"), 0777) == 0);
    assert_true(mkdir(scratch_path("listed/inner"), 0777) == 0);
    assert_true(scratch_write_text(scratch_path("listed/one"), "1"));
    assert_true(symlink("one", scratch_path("listed/two")) == 0);
    unsigned seen = 0;
    assert_int_equal(storage->list(storage->ctx, scratch_path("listed"), count_name, &seen),
                     STRATA_OK);
    assert_int_equal(seen, 3);
    unsigned calls = 0;
    assert_int_equal(storage->list(storage->ctx, scratch_path("listed"), refuse_name, &calls),
                     STRATA_CONFLICT);
    assert_int_equal(calls, 1);
    assert_int_equal(storage->list(storage->ctx, scratch_path("nowhere"), count_name, &seen),
                     STRATA_NOT_FOUND);

    assert_int_equal(storage->remove(storage->ctx, scratch_path("listed/one")), STRATA_OK);
    assert_int_equal(storage->remove(storage->ctx, scratch_path("listed/one")), STRATA_NOT_FOUND);
}

static bool nobody_is_refused(void) {
    const strata_storage *const mine = &strata_host_default()->storage;
    strata_file *file = NULL;
    if (mine->open(mine->ctx, scratch_path("fixed/file"), STRATA_FILE_WRITE, &file) !=
            STRATA_FORBIDDEN ||
        mine->open(mine->ctx, scratch_path("fixed/new"), STRATA_FILE_CREATE, &file) !=
            STRATA_FORBIDDEN ||
        mine->open(mine->ctx, scratch_path("fixed/new/er"), STRATA_FILE_CREATE, &file) !=
            STRATA_FORBIDDEN ||
        mine->remove(mine->ctx, scratch_path("fixed/file")) != STRATA_FORBIDDEN) {
        return false;
    }
    return mine->open(mine->ctx, scratch_path("fixed/file"), STRATA_FILE_READ, &file) ==
               STRATA_OK &&
           mine->close(mine->ctx, file) == STRATA_OK;
}

static void test_read_only_folder_is_forbidden(void **state) {
    (void)state;
    assert_true(mkdir(scratch_path("fixed"), 0777) == 0);
    assert_true(scratch_write_text(scratch_path("fixed/file"), "x"));
    assert_true(chmod(scratch_path("fixed/file"), 0444) == 0);
    assert_true(chmod(scratch_path("fixed"), 0555) == 0);
    assert_true(scratch_as_nobody(nobody_is_refused));
    assert_true(chmod(scratch_path("fixed"), 0777) == 0);
}

static void test_no_descriptors_left_is_unavailable(void **state) {
    (void)state;
    assert_true(scratch_write_text(scratch_path("wanted"), "x"));
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    strata_file *file = NULL;
    const strata_status status =
        storage->open(storage->ctx, scratch_path("wanted"), STRATA_FILE_READ, &file);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(status, STRATA_UNAVAILABLE);
}

/* The kernel writes up to the limit and refuses the rest: a short write, then an error. */
static void test_failed_append_leaves_the_file_as_it_was(void **state) {
    (void)state;
    strata_file *const file = must_open(scratch_path("limited"), STRATA_FILE_CREATE);
    assert_int_equal(storage->append(storage->ctx, file, "0123456789", 10), STRATA_OK);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {15, before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const strata_status refused = storage->append(storage->ctx, file, "abcdefghij", 10);
    const strata_status grown = storage->truncate(storage->ctx, file, 4096);
    const uint64_t size = size_of(file);
    const strata_status fits = storage->append(storage->ctx, file, "abcde", 5);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(refused, STRATA_NO_SPACE);
    assert_int_equal(grown, STRATA_NO_SPACE);
    assert_int_equal(size, 10);
    assert_int_equal(fits, STRATA_OK);
    expect_bytes(file, 5, "56789abcde");
    must_close(file);
}

static void test_full_disk(void **state) {
    (void)state;
    has_small_disk = scratch_small_disk();
    if (!has_small_disk) {
        skip();
    }
    strata_file *const ballast = must_open(scratch_path("small/ballast"), STRATA_FILE_CREATE);
    assert_int_equal(storage->truncate(storage->ctx, ballast, 500 << 10), STRATA_OK);
    strata_file *const reserved = must_open(scratch_path("small/reserved"), STRATA_FILE_CREATE);
    assert_int_equal(storage->truncate(storage->ctx, reserved, 64 << 10), STRATA_OK);
    strata_file *const file = must_open(scratch_path("small/file"), STRATA_FILE_CREATE);
    assert_int_equal(storage->append(storage->ctx, file, "before", 6), STRATA_OK);

    static const char block[64 << 10];
    strata_status status = STRATA_OK;
    uint64_t appended = 6;
    for (int i = 0; status == STRATA_OK; i++) {
        assert_true(i < 32);
        status = storage->append(storage->ctx, file, block, sizeof(block));
        appended += status == STRATA_OK ? sizeof(block) : 0;
    }
    assert_int_equal(status, STRATA_NO_SPACE);
    assert_int_equal(size_of(file), appended);
    assert_int_equal(storage->truncate(storage->ctx, file, 1 << 20), STRATA_NO_SPACE);
    assert_int_equal(size_of(file), appended);
    expect_bytes(file, 0, "before");

    /* Fill what the failed append gave back, then: what was reserved can still be written. */
    while (storage->append(storage->ctx, file, block, 4096) == STRATA_OK) {
        assert_true(size_of(file) < 2 << 20);
    }
    assert_int_equal(storage->write_at(storage->ctx, reserved, 0, block, sizeof(block)), STRATA_OK);
    assert_int_equal(storage->sync(storage->ctx, reserved), STRATA_OK);

    /* And it goes on when there is space. */
    must_close(ballast);
    assert_int_equal(storage->remove(storage->ctx, scratch_path("small/ballast")), STRATA_OK);
    assert_int_equal(storage->append(storage->ctx, file, "after", 5), STRATA_OK);
    expect_bytes(file, size_of(file) - 5, "after");
    must_close(reserved);
    must_close(file);
}

static void test_read_only_medium_is_forbidden(void **state) {
    (void)state;
    if (!has_small_disk) {
        skip();
    }
    assert_true(scratch_write_text(scratch_path("small/kept"), "kept"));
    assert_true(scratch_small_disk_read_only(true));
    strata_file *file = NULL;
    assert_int_equal(
        storage->open(storage->ctx, scratch_path("small/kept"), STRATA_FILE_WRITE, &file),
        STRATA_FORBIDDEN);
    assert_int_equal(
        storage->open(storage->ctx, scratch_path("small/x/y"), STRATA_FILE_CREATE, &file),
        STRATA_FORBIDDEN);
    file = must_open(scratch_path("small/kept"), STRATA_FILE_READ);
    expect_bytes(file, 0, "kept");
    must_close(file);
    assert_true(scratch_small_disk_read_only(false));
}

static int set_up(void **state) {
    (void)state;
    storage = &strata_host_default()->storage;
    return scratch_make() ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_was_written),
        cmocka_unit_test(test_truncate_cuts_and_grows_with_zeros),
        cmocka_unit_test(test_open_says_what_is_wrong),
        cmocka_unit_test(test_create_makes_folders),
        cmocka_unit_test(test_list_and_remove),
        cmocka_unit_test(test_read_only_folder_is_forbidden),
        cmocka_unit_test(test_no_descriptors_left_is_unavailable),
        cmocka_unit_test(test_failed_append_leaves_the_file_as_it_was),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_read_only_medium_is_forbidden),
    };
    return cmocka_run_group_tests_name("hosts/native/storage", tests, set_up, tear_down);
}
