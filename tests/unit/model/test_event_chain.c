/* test_event_chain.c - that the hash chain of the event log finds what was changed behind its back.
 *
 * A forger who can write to the store, and makes valid log records, is played through the store's own
 * commits: every event of a log is changed, dropped or exchanged in turn. What the chain is made of
 * is tested in test_event.c.
 */
#include "support.h"

#include "api/handle.h"
#include "model/event.h"
#include "model/run/run.h"

enum { EVENTS = 5 };

static strata_db *open_log(void) {
    strata_db *db = NULL;
    assert_int_equal(strata_open(":memory:", NULL, &db), STRATA_OK);
    for (int i = 0; i < EVENTS; i++) {
        const uint8_t payload[] = {0x81, 0xa1, 'n', (uint8_t)i};
        const strata_value value = strata_object(st_slice(payload, sizeof payload));
        uint64_t sequence = 0;
        assert_int_equal(
            strata_event_append(db, STRATA_RUN_DEFAULT, strata_text("step"), value, &sequence),
            STRATA_OK);
        assert_int_equal(sequence, i + 1);
    }
    return db;
}

static st_run *run_of(strata_db *db) {
    st_run *run = NULL;
    assert_int_equal(st_handle_end(db, st_run_of(st_handle_begin(db), ST_RUN_DEFAULT, &run)),
                     STRATA_OK);
    return run;
}

/* What event.verify says: 0 when the chain holds, else the first sequence that does not. */
static uint64_t first_invalid(strata_db *db, uint64_t *length) {
    uint64_t first = 99;
    const st_run *run = run_of(db);
    assert_int_equal(st_handle_end(db, st_event_verify(st_handle_begin(db), run, length, &first)),
                     STRATA_OK);
    return first;
}

static strata_slice stored(const st_run *run, uint64_t sequence) {
    const st_bound bound = st_bound_version(UINT64_MAX);
    st_key key;
    st_revision revision;
    st_key_number(&key, ST_TAG_EVENT, sequence);
    assert_true(
        st_memtable_find(st_shard_newest(run->shard), st_key_slice(&key), &bound, &revision));
    return revision.value;
}

/* Writes these bytes, or a deletion (NULL), as the stored form of an event. */
static void forge(strata_db *db, uint64_t sequence, const strata_slice *bytes) {
    st_run *run = run_of(db);
    st_request *rq = st_handle_begin(db);
    st_commit commit;
    st_key key;
    uint64_t version;
    st_key_number(&key, ST_TAG_EVENT, sequence);
    assert_int_equal(st_run_begin(rq, run, &commit), STRATA_OK);
    const st_write write = {.key = st_key_slice(&key),
                            .value = bytes == NULL ? st_slice("", 0) : *bytes,
                            .deletes = bytes == NULL};
    assert_int_equal(st_commit_finish(&commit, &write, 1, NULL, &version, rq->error), STRATA_OK);
    (void)st_handle_end(db, STRATA_OK);
}

/* One byte changed: of the type, of the payload, or of the hash itself. */
static void a_changed_event_is_found(void **state) {
    (void)state;
    for (uint64_t sequence = 1; sequence <= EVENTS; sequence++) {
        for (int where = 0; where < 3; where++) {
            strata_db *db = open_log();
            uint8_t bytes[64];
            const strata_slice was = stored(run_of(db), sequence);
            memcpy(bytes, was.data, was.len);
            const size_t hash = was.len - ST_SHA256_BYTES;
            bytes[where == 0 ? 2 : where == 1 ? hash - 1 : hash] ^= 1;
            const strata_slice forged = st_slice(bytes, was.len);
            forge(db, sequence, &forged);
            uint64_t length;
            assert_int_equal(first_invalid(db, &length), sequence);
            assert_int_equal(strata_close(db), STRATA_OK);
        }
    }
}

static void a_dropped_event_is_found(void **state) {
    (void)state;
    for (uint64_t sequence = 1; sequence < EVENTS; sequence++) {
        strata_db *db = open_log();
        uint64_t length;
        forge(db, sequence, NULL);
        assert_int_equal(first_invalid(db, &length), sequence);
        assert_int_equal(strata_close(db), STRATA_OK);
    }
}

static void exchanged_events_are_found(void **state) {
    (void)state;
    strata_db *db = open_log();
    uint8_t second[64];
    uint8_t third[64];
    const strata_slice b = stored(run_of(db), 2);
    const strata_slice c = stored(run_of(db), 3);
    memcpy(second, b.data, b.len);
    memcpy(third, c.data, c.len);
    const strata_slice as_third = st_slice(second, b.len);
    const strata_slice as_second = st_slice(third, c.len);
    forge(db, 2, &as_second);
    forge(db, 3, &as_third);
    uint64_t length;
    assert_int_equal(first_invalid(db, &length), 2);
    assert_int_equal(strata_close(db), STRATA_OK);
}

/* The operations say it too: event.verify by its fields, db.verify as a problem. */
static void operations_tell(void **state) {
    (void)state;
    strata_db *db = open_log();
    uint8_t bytes[64];
    const strata_slice was = stored(run_of(db), 4);
    memcpy(bytes, was.data, was.len);
    bytes[2] ^= 1;
    const strata_slice forged = st_slice(bytes, was.len);
    forge(db, 4, &forged);
    strata_buffer request = {0};
    strata_buffer response = {0};
    strata_buffer text = {0};
    assert_int_equal(strata_json_to_msgpack(strata_text("[\"event.verify\"]"), &request, NULL),
                     STRATA_OK);
    assert_int_equal(strata_exec(db, st_buffer_slice(&request), &response), STRATA_OK);
    assert_int_equal(strata_msgpack_to_json(st_buffer_slice(&response), false, &text, NULL),
                     STRATA_OK);
    assert_int_equal(st_buffer_append(&text, "", 1), STRATA_OK);
    assert_non_null(strstr((char *)text.data, "\"valid\":false"));
    assert_non_null(strstr((char *)text.data, "\"first_invalid\":4"));
    assert_int_equal(strata_json_to_msgpack(strata_text("[\"db.verify\"]"), &request, NULL),
                     STRATA_OK);
    assert_int_equal(strata_exec(db, st_buffer_slice(&request), &response), STRATA_OK);
    assert_int_equal(strata_msgpack_to_json(st_buffer_slice(&response), false, &text, NULL),
                     STRATA_OK);
    assert_int_equal(st_buffer_append(&text, "", 1), STRATA_OK);
    assert_non_null(strstr((char *)text.data, "\"valid\":false"));
    assert_non_null(strstr((char *)text.data, "\"offset\":4"));
    strata_buffer_free(&request);
    strata_buffer_free(&response);
    strata_buffer_free(&text);
    assert_int_equal(strata_close(db), STRATA_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_event_is_found),
        cmocka_unit_test(a_dropped_event_is_found),
        cmocka_unit_test(exchanged_events_are_found),
        cmocka_unit_test(operations_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
