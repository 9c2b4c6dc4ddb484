/* test_run_begin.c - strata_run_begin_with: what the options say is what run.get finds, only when the run is
 * made; options that it does not know, or that are wrong, make nothing.
 */
#include "store_support.h"

static sim *machine;
static strata_db *db;

static int set_up(void **state) {
    (void)state;
    machine = sim_new(1);
    db = db_open(machine, STRATA_BUFFERED);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    db_close(db);
    sim_free(machine);
    return 0;
}

static void with_all_options(void **state) {
    (void)state;
    static const uint8_t metadata[] = {0x81, 0xa1, 'm', 0x01};
    const strata_slice tags[] = {strata_text("b"), strata_text("a")};
    const strata_slice name = strata_text("r");
    strata_run_options options = STRATA_RUN_OPTIONS_INIT;
    strata_run run = 0;
    strata_run again = 0;
    options.parent = strata_text("default");
    options.metadata = strata_object((strata_slice){metadata, sizeof metadata});
    options.tags = tags;
    options.tag_count = 2;
    options.provenance = true;
    assert_int_equal(strata_run_begin_with(db, name, &options, &run), STRATA_OK);
    const char *record = ask(db, STRATA_OK, "run.get", "{\"name\":\"r\"}");
    assert_non_null(strstr(record, "\"tags\":[\"b\",\"a\"]"));
    assert_non_null(strstr(record, "\"metadata\":{\"m\":1}"));
    assert_non_null(strstr(record, "\"parent\":\"default\""));
    assert_non_null(strstr(record, "\"provenance\":true"));
    /* It is there: it is resumed, and stays as it was made. */
    (void)ask(db, STRATA_OK, "run.pause", "{\"name\":\"r\"}");
    assert_int_equal(strata_run_begin_with(db, name, NULL, &again), STRATA_OK);
    assert_int_equal(run, again);
    record = ask(db, STRATA_OK, "run.get", "{\"name\":\"r\"}");
    assert_non_null(strstr(record, "\"provenance\":true"));
    assert_non_null(strstr(record, "\"status\":\"active\""));
}

static void without_options(void **state) {
    (void)state;
    strata_run run = 0;
    strata_run found = 0;
    assert_int_equal(strata_run_begin_with(db, strata_text("r"), NULL, &run), STRATA_OK);
    assert_int_equal(strata_run_find(db, strata_text("r"), &found), STRATA_OK);
    assert_int_equal(run, found);
    assert_null(strstr(ask(db, STRATA_OK, "run.get", "{\"name\":\"r\"}"), "provenance"));
}

static void refused(void **state) {
    (void)state;
    const strata_slice name = strata_text("r");
    const strata_run_options defaults = STRATA_RUN_OPTIONS_INIT;
    strata_run_options options = defaults;
    strata_run run = 77;
    options.size--;
    assert_int_equal(strata_run_begin_with(db, name, &options, &run), STRATA_INVALID_ARGUMENT);
    options = defaults;
    assert_int_equal(strata_run_begin_with(db, strata_text(""), &options, &run),
                     STRATA_INVALID_ARGUMENT);
    options.parent = strata_text("nobody");
    assert_int_equal(strata_run_begin_with(db, name, &options, &run), STRATA_NOT_FOUND);
    options = defaults;
    options.metadata = strata_int(1);
    assert_int_equal(strata_run_begin_with(db, name, &options, &run), STRATA_WRONG_TYPE);
    assert_int_equal(run, 77);
    assert_int_equal(strata_run_find(db, name, &run), STRATA_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(with_all_options, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_options, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
