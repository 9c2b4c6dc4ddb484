/* test_progress.c - when the progress line shows and what it says, with a clock of our own and
 * standard error in a file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../../../../hosts/native/cli/progress.h"

static uint64_t now_ns;
static char path[] = "/tmp/strata-progress-XXXXXX";
static char shown[4096];

static uint64_t our_time(void *ctx) {
    (void)ctx;
    return now_ns;
}

static const strata_clock our_clock = {NULL, NULL, our_time, NULL};

static void at(double seconds) {
    now_ns = 5000000000u + (uint64_t)(seconds * 1e9);
}

/* What came to standard error since the last call. */
static const char *new_text(void) {
    static long read_to;
    (void)fflush(stderr);
    FILE *const file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fseek(file, read_to, SEEK_SET), 0);
    const size_t len = fread(shown, 1, sizeof(shown) - 1, file);
    shown[len] = 0;
    read_to += (long)len;
    (void)fclose(file);
    return shown;
}

static cli_progress begin(bool enabled) {
    cli_progress bar;
    progress_begin(&bar, &our_clock);
    assert_false(bar.enabled); /* a file is no terminal */
    bar.enabled = enabled;
    (void)new_text();
    return bar;
}

static void test_the_first_second_is_silent(void **state) {
    (void)state;
    cli_progress bar = begin(true);
    for (int i = 0; i < 100; i++) {
        at(i / 100.0);
        progress_show_items(&bar, "ingest", (uint64_t)i, 10, 100);
    }
    assert_string_equal(new_text(), "");
    progress_hide(&bar);
    assert_string_equal(new_text(), ""); /* nothing to take away */
}

static void test_share_rate_and_time_left(void **state) {
    (void)state;
    cli_progress bar = begin(true);
    at(0);
    progress_show_items(&bar, "ingest", 0, 0, 80000000);
    at(2);
    progress_show_items(&bar, "ingest", 5000, 20000000, 80000000);
    const char *const line = new_text();
    assert_non_null(strstr(line, "\ringest   25% "));
    assert_non_null(strstr(line, " 5 000  20.0/80.0 MB  2 500/s  ETA 0:06"));
    size_t full = 0;
    for (const char *cell = line; (cell = strstr(cell, "\xe2\x96\x88")) != NULL; cell++) {
        full++;
    }
    assert_int_equal(full, 5); /* a quarter of twenty */
    progress_hide(&bar);
    assert_string_equal(new_text(), "\r\033[K");
}

static void test_at_most_ten_lines_a_second(void **state) {
    (void)state;
    cli_progress bar = begin(true);
    size_t lines = 0;
    for (int i = 0; i <= 2000; i++) {
        at(i / 1000.0);
        progress_show(&bar, "indexing", (uint64_t)i, 100000, PROGRESS_ITEMS);
        lines += strchr(new_text(), '\r') != NULL ? 1 : 0;
    }
    assert_in_range(lines, 9, 11);
}

static void test_unknown_total(void **state) {
    (void)state;
    cli_progress bar = begin(true);
    at(0);
    progress_show_items(&bar, "ingest", 0, 0, 0);
    at(4);
    progress_show_items(&bar, "ingest", 100, 3000000, 0);
    const char *const line = new_text();
    assert_non_null(strstr(line, "\ringest  100  3.0 MB  25/s"));
    assert_null(strstr(line, "ETA"));
    assert_null(strstr(line, "%"));
}

static void test_every_stage_has_its_own_second(void **state) {
    (void)state;
    cli_progress bar = begin(true);
    at(0);
    progress_show(&bar, "reading the log", 1, 10, PROGRESS_BYTES);
    at(0.9);
    progress_show(&bar, "indexing", 1, 10, PROGRESS_ITEMS);
    at(1.5);
    progress_show(&bar, "indexing", 2, 10, PROGRESS_ITEMS);
    assert_string_equal(new_text(), "");
    at(2.0);
    progress_show(&bar, "indexing", 10, 10, PROGRESS_ITEMS);
    assert_non_null(strstr(new_text(), "indexing  100% "));
}

static void test_nobody_watches(void **state) {
    (void)state;
    cli_progress bar = begin(false);
    at(0);
    progress_show_items(&bar, "ingest", 0, 0, 100);
    at(9);
    progress_show_items(&bar, "ingest", 50, 50, 100);
    progress_hide(&bar);
    progress_hide(NULL);
    assert_string_equal(new_text(), "");
}

static int real_stderr = -1;

static int set_up(void **state) {
    (void)state;
    const int fd = mkstemp(path);
    real_stderr = dup(STDERR_FILENO);
    const bool ok = fd >= 0 && real_stderr >= 0 && setenv("COLUMNS", "100", 1) == 0 &&
                    dup2(fd, STDERR_FILENO) == STDERR_FILENO;
    (void)close(fd);
    return ok ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    (void)fflush(stderr);
    return dup2(real_stderr, STDERR_FILENO) == STDERR_FILENO && unlink(path) == 0 ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_second_is_silent),
        cmocka_unit_test(test_share_rate_and_time_left),
        cmocka_unit_test(test_at_most_ten_lines_a_second),
        cmocka_unit_test(test_unknown_total),
        cmocka_unit_test(test_every_stage_has_its_own_second),
        cmocka_unit_test(test_nobody_watches),
    };
    return cmocka_run_group_tests_name("hosts/native/cli/progress", tests, set_up, tear_down);
}
