/* test_primitive.c - every tag is of one primitive or of none, every primitive is found by its name
 * and by each of its tags, and a rule of retention for one counts for all of its tags: by asking the
 * table for every byte there is.
 */
#include "store_support.h"

#include "api/handle.h"
#include "model/primitive.h"
#include "model/retention.h"

/* How many primitives say that the tag is theirs. */
static unsigned owners(uint8_t tag) {
    unsigned count = 0;
    for (size_t id = ST_PRIMITIVE_NONE + 1; id < ST_PRIMITIVE_COUNT; id++) {
        const st_primitive *primitive = st_primitive_of((st_primitive_id)id);
        for (size_t i = 0; i < ST_PRIMITIVE_TAGS_MAX; i++) {
            count += primitive->tags[i] == tag ? 1 : 0;
        }
    }
    return count;
}

static void every_tag(void **state) {
    (void)state;
    for (unsigned tag = 1; tag < 256; tag++) {
        const st_primitive *primitive = st_primitive_of_tag((uint8_t)tag);
        assert_int_equal(owners((uint8_t)tag), primitive == NULL ? 0 : 1);
        if (primitive != NULL) {
            assert_int_not_equal(st_key_form_of((uint8_t)tag), ST_KEY_NONE);
            assert_true(primitive->tags[0] == tag || primitive->tags[1] == tag);
        }
    }
    assert_null(st_primitive_of_tag(0)); /* the places of the table that are not used */
    assert_null(st_primitive_of_tag(ST_TAG_RUN));
    assert_null(st_primitive_of_tag(ST_TAG_INDEX_ENTRY));
    assert_null(st_primitive_of_tag(ST_TAG_FLOOR));
}

static void every_name(void **state) {
    (void)state;
    uint8_t last = 0;
    for (size_t id = ST_PRIMITIVE_NONE + 1; id < ST_PRIMITIVE_COUNT; id++) {
        const st_primitive *primitive = st_primitive_of((st_primitive_id)id);
        assert_int_equal(primitive->id, id);
        assert_ptr_equal(st_primitive_named(strata_text(primitive->name)), primitive);
        assert_true(primitive->tags[0] > last); /* the order of the keys in a run */
        last = primitive->tags[0];
    }
    assert_null(st_primitive_named(strata_text("")));
    assert_null(st_primitive_named(strata_text("kvs")));
    assert_null(st_primitive_named(strata_text("run")));
}

static void rules_of_every_tag(void **state) {
    (void)state;
    sim *machine = sim_new(1);
    strata_db *db = db_open(machine, STRATA_BUFFERED);
    for (size_t id = ST_PRIMITIVE_NONE + 1; id < ST_PRIMITIVE_COUNT; id++) {
        const st_primitive *primitive = st_primitive_of((st_primitive_id)id);
        (void)ask(db, primitive->whole ? STRATA_CONSTRAINT : STRATA_OK, "retention.set",
                  "{\"primitive\":\"%s\",\"keep\":\"last\",\"versions\":%u}", primitive->name,
                  (unsigned)id);
    }
    for (unsigned again = 0; again < 2; again++) {
        const st_retention retention = st_store_retention(&db->engine->model.store);
        for (unsigned tag = 1; tag < 256; tag++) {
            const st_primitive *primitive = st_primitive_of_tag((uint8_t)tag);
            const st_policy policy = retention.policy(retention.ctx, ST_RUN_DEFAULT, (uint8_t)tag);
            const bool trims = primitive != NULL && !primitive->whole;
            assert_int_equal(policy.keep, trims ? ST_KEEP_LAST : ST_KEEP_ALL);
            assert_int_equal(policy.versions, trims ? primitive->id : 0);
        }
        db_close(db);
        db = db_open(machine, STRATA_BUFFERED); /* now the rules come from their records */
    }
    db_close(db);
    sim_free(machine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tag),
        cmocka_unit_test(every_name),
        cmocka_unit_test(rules_of_every_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
