/* test_entity.c - entities: their ids, their life, what schemas make of them; that indexes agree with a search
 * through everything, and that db.verify finds those that do not.
 *
 * Agreement is a property: two runs are given the same random writes, in transactions and outside, with
 * flushes, merges and reopening between; the schema of one has indexes. Whatever is asked of one is asked of
 * the other, now and in the past.
 */
#include "store_support.h"

#include "api/handle.h"
#include "format/sha256.h"
#include "index/field/value.h"
#include "model/entity/entity.h"
#include "model/field_index.h"
#include "model/run/run.h"
#include "model/write.h"

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

/* ---- Ids ------------------------------------------------------------------------------------- */

static void hex_of(strata_slice bytes, char hex[33]) {
    uint8_t hash[ST_SHA256_BYTES];
    st_sha256(&bytes, 1, hash);
    for (size_t i = 0; i < 16; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    }
}

/* What docs/FORMAT.md says an id is. */
static void ids(void **state) {
    (void)state;
    static const struct {
        const char *schema;
        const char *given;
        const char *hashed; /* NULL: a ULID */
        size_t len;
    } cases[] = {
        {"plain", "\"document\":{},\"uri\":\"http://a\"", "plain\0uhttp://a", 15},
        {"plain", "\"document\":{\"key\":\"k\"},\"uri\":\"u\"", "plain\0uu", 8},
        {"plain", "\"document\":{\"key\":\"k\",\"name\":\"n\"}", "plain\0ksk", 9},
        {"plain", "\"document\":{\"key\":7}", "plain\0ki7", 9},
        {"plain", "\"document\":{\"key\":7.0}", "plain\0ki7", 9},
        {"plain", "\"document\":{\"key\":\"7\"}", "plain\0ks7", 9},
        {"plain", "\"document\":{\"key\":-7}", "plain\0ki-7", 10},
        {"plain", "\"document\":{\"key\":\"\",\"name\":\"n\"}", "plain\0nsn", 9},
        {"plain", "\"document\":{\"key\":null,\"name\":5}", "plain\0ni5", 9},
        {"plain", "\"document\":{\"key\":1.5}", NULL, 0},
        {"plain", "\"document\":{\"name\":[]}", NULL, 0},
        {"plain", "\"document\":{}", NULL, 0},
        {"keyed", "\"document\":{\"a\":{\"b\":\"x\"},\"key\":\"k\"}", "keyed\0ksx", 9},
        {"keyed", "\"document\":{\"a\":{\"b\":3}},\"uri\":\"\"", "keyed\0ki3", 9},
        {"keyed", "\"document\":{},\"uri\":\"u\"", "keyed\0uu", 8},
    };
    (void)ask(db, STRATA_OK, "schema.put", "{\"name\":\"plain\",\"schema\":{}}");
    (void)ask(db, STRATA_OK, "schema.put",
              "{\"name\":\"keyed\",\"schema\":{},\"key_field\":\"$.a.b\"}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[64];
        const char *told = ask(db, STRATA_OK, "entity.id", "{\"schema\":\"%s\",%s}",
                               cases[i].schema, cases[i].given);
        const char *made = ask(db, STRATA_OK, "entity.upsert", "{\"schema\":\"%s\",%s}",
                               cases[i].schema, cases[i].given);
        if (cases[i].hashed == NULL) {
            assert_json(told, "{}");
            assert_int_equal(
                strspn(strstr(made, "\"id\":\"") + 6, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"),
                ST_ID_CHARS);
            continue;
        }
        char hex[33];
        hex_of(st_slice(cases[i].hashed, cases[i].len), hex);
        (void)snprintf(expected, sizeof expected, "{\"id\":\"%s\"}", hex);
        assert_json(told, expected);
        (void)snprintf(expected, sizeof expected, "\"id\":\"%s\"", hex);
        assert_true(json_has(made, expected));
    }
    const char *const refused[] = {"{}", "{\"a\":{\"b\":\"\"}}", "{\"a\":{\"b\":1.5}}",
                                   "{\"a\":{\"b\":true}}", "{\"a\":1,\"key\":\"k\"}"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_true(json_has(ask(db, STRATA_CONSTRAINT, "entity.upsert",
                                 "{\"schema\":\"keyed\",\"document\":%s}", refused[i]),
                             "\"reason\":\"key_missing\",\"path\":\"$.a.b\""));
    }
    /* An id that is given is what counts, whatever else there is. */
    assert_true(json_has(ask(db, STRATA_OK, "entity.upsert",
                             "{\"schema\":\"keyed\",\"id\":\"mine\",\"document\":{}}"),
                         "\"id\":\"mine\",\"created\":true"));
}

static void lengths(void **state) {
    (void)state;
    char name[300];
    char id[1100];
    memset(name, 'n', sizeof name);
    memset(id, 'i', sizeof id);
    name[255] = '\0';
    (void)ask(db, STRATA_OK, "schema.put", "{\"name\":\"%s\",\"schema\":{},\"indexed\":[\"/a\"]}",
              name);
    id[1024 - 255] = '\0';
    (void)ask(db, STRATA_OK, "entity.upsert",
              "{\"schema\":\"%s\",\"id\":\"%s\",\"document\":{\"a\":\"%s\"}}", name, id, name);
    (void)ask(db, STRATA_OK, "entity.get", "{\"schema\":\"%s\",\"id\":\"%s\"}", name, id);
    assert_true(
        json_has(ask(db, STRATA_OK, "entity.find",
                     "{\"schema\":\"%s\",\"where\":{\"path\":\"/a\",\"eq\":\"%s\"}}", name, name),
                 "\"entities\":[{"));
    assert_true(json_has(
        ask(db, STRATA_OK, "entity.list", "{\"schema\":\"%s\",\"prefix\":\"%s\"}", name, id),
        "\"entities\":[{"));
    id[1024 - 255] = 'i';
    id[1025 - 255] = '\0';
    (void)ask(db, STRATA_INVALID_KEY, "entity.upsert",
              "{\"schema\":\"%s\",\"id\":\"%s\",\"document\":{}}", name, id);
    (void)ask(db, STRATA_INVALID_KEY, "entity.list", "{\"schema\":\"%s\",\"prefix\":\"%s\"}", name,
              id);
    (void)ask(db, STRATA_INVALID_KEY, "entity.find", "{\"schema\":\"%s\",\"prefix\":\"%s\"}", name,
              id);
    name[255] = 'n';
    name[256] = '\0';
    (void)ask(db, STRATA_INVALID_KEY, "schema.put", "{\"name\":\"%s\",\"schema\":{}}", name);
    (void)ask(db, STRATA_INVALID_KEY, "schema.get", "{\"name\":\"%s\"}", name);
    (void)ask(db, STRATA_INVALID_KEY, "entity.upsert", "{\"schema\":\"%s\",\"document\":{}}", name);
    memset(id, 'p', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    (void)ask(db, STRATA_INVALID_ARGUMENT, "entity.upsert",
              "{\"schema\":\"s\",\"document\":{},\"uri\":\"%s\"}", id);
    (void)ask(db, STRATA_INVALID_PATH, "schema.put",
              "{\"name\":\"s\",\"schema\":{},\"indexed\":[\"/%s\"]}", id);
    db_verify(db);
}

/* ---- Schemas --------------------------------------------------------------------------------- */

static void schemas(void **state) {
    (void)state;
    const int64_t first = json_int(ask(db, STRATA_OK, "schema.put",
                                       "{\"name\":\"s\",\"schema\":{\"type\":\"object\"},"
                                       "\"indexed\":[\"/a\",\"$.a\",\"/b\"]}"),
                                   "version");
    const uint64_t settled = db_version(db);
    /* The same again writes nothing; two notations of a path are one index. */
    assert_int_equal(json_int(ask(db, STRATA_OK, "schema.put",
                                  "{\"name\":\"s\",\"schema\":{\"type\":\"object\"},"
                                  "\"indexed\":[\"/a\",\"$.a\",\"/b\"]}"),
                              "version"),
                     first);
    assert_int_equal(db_version(db), settled);
    const char *indexes = ask(db, STRATA_OK, "index.list", "{}");
    assert_true(json_has(indexes, "\"name\":\"_strata/schema/s:/a\""));
    assert_true(json_has(indexes, "\"name\":\"_strata/schema/s:/b\""));
    assert_false(json_has(indexes, "$.a"));
    assert_false(json_has(indexes, "\"ready\":false"));
    (void)ask(db, STRATA_INVALID_KEY, "index.drop", "{\"name\":\"_strata/schema/s:/a\"}");
    (void)ask(db, STRATA_OK, "entity.upsert",
              "{\"schema\":\"s\",\"id\":\"e\",\"document\":{\"a\":1,\"c\":2}}");
    /* Another list: what is new is filled, what is gone is gone; in another schema nothing changes. */
    (void)ask(db, STRATA_OK, "schema.put", "{\"name\":\"t\",\"schema\":{},\"indexed\":[\"/b\"]}");
    (void)ask(db, STRATA_OK, "schema.put",
              "{\"name\":\"s\",\"schema\":{},\"indexed\":[\"/c\",\"/a\"]}");
    indexes = ask(db, STRATA_OK, "index.list", "{}");
    assert_false(json_has(indexes, "schema/s:/b"));
    assert_true(json_has(indexes, "schema/t:/b"));
    assert_true(json_has(ask(db, STRATA_OK, "entity.find",
                             "{\"schema\":\"s\",\"where\":{\"path\":\"/c\",\"eq\":2},\"explain\":"
                             "true}"),
                         "\"index\":\"_strata/schema/s:/c\",\"examined\":1"));
    /* In use, as long as anything of it is stored. */
    for (int step = 0; step < 2; step++) {
        assert_true(json_has(ask(db, STRATA_CONSTRAINT, "schema.delete", "{\"name\":\"s\"}"),
                             "\"reason\":\"schema_in_use\""));
        (void)ask(db, STRATA_OK, step == 0 ? "entity.delete" : "entity.purge",
                  "{\"schema\":\"s\",\"id\":\"e\"}");
    }
    assert_true(
        json_has(ask(db, STRATA_OK, "schema.delete", "{\"name\":\"s\"}"), "\"existed\":true"));
    assert_false(json_has(ask(db, STRATA_OK, "index.list", "{}"), "schema/s"));
    (void)ask(db, STRATA_NOT_FOUND, "entity.upsert", "{\"schema\":\"s\",\"document\":{}}");
    (void)ask(db, STRATA_NOT_FOUND, "entity.list", "{\"schema\":\"s\"}");
    (void)ask(db, STRATA_OK, "entity.get", "{\"schema\":\"s\",\"id\":\"e\",\"as_of\":%lld}",
              (long long)db_version(db) - 8);
    db_verify(db);
}

static void too_many_indexes(void **state) {
    (void)state;
    char list[1024] = "";
    for (unsigned i = 0; i < 64; i++) {
        (void)snprintf(list + strlen(list), sizeof list - strlen(list), "%s\"/p%u\"",
                       i == 0 ? "" : ",", i);
    }
    (void)ask(db, STRATA_OK, "index.create", "{\"name\":\"own\",\"path\":\"/x\"}");
    const uint64_t before = db_version(db);
    assert_true(json_has(ask(db, STRATA_CONSTRAINT, "schema.put",
                             "{\"name\":\"s\",\"schema\":{},\"indexed\":[%s]}", list),
                         "\"reason\":\"too_many_indexes\""));
    assert_int_equal(db_version(db), before); /* all or nothing */
    (void)ask(db, STRATA_OK, "index.drop", "{\"name\":\"own\"}");
    (void)ask(db, STRATA_OK, "schema.put", "{\"name\":\"s\",\"schema\":{},\"indexed\":[%s]}", list);
    (void)ask(db, STRATA_CONSTRAINT, "index.create", "{\"name\":\"own\",\"path\":\"/x\"}");
    (void)ask(db, STRATA_OK, "schema.put", "{\"name\":\"s\",\"schema\":{},\"indexed\":[\"/q\"]}");
    (void)ask(db, STRATA_OK, "index.create", "{\"name\":\"own\",\"path\":\"/x\"}");
}

/* A change of a schema leaves what is there; schema.check tells. */
static void mismatches(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "schema.put", "{\"name\":\"s\",\"schema\":{}}");
    for (unsigned i = 0; i < 10; i++) {
        (void)ask(db, STRATA_OK, "entity.upsert",
                  "{\"schema\":\"s\",\"id\":\"e%u\",\"document\":{\"n\":%u}}", i, i);
    }
    (void)ask(db, STRATA_OK, "entity.delete", "{\"schema\":\"s\",\"id\":\"e9\"}");
    (void)ask(db, STRATA_OK, "schema.put",
              "{\"name\":\"s\",\"schema\":{\"properties\":{\"n\":{\"multipleOf\":3}}}}");
    assert_json(ask(db, STRATA_OK, "schema.check", "{\"name\":\"s\",\"limit\":2}"),
                "{\"mismatches\":[{\"id\":\"e1\",\"path\":\"/n\",\"keyword\":\"multipleOf\"},{"
                "\"id\":\"e2\",\"path\":\"/n\",\"keyword\":\"multipleOf\"}],\"cursor\":\"e2\","
                "\"checked\":3}");
    assert_true(json_has(ask(db, STRATA_OK, "schema.check", "{\"name\":\"s\",\"cursor\":\"e4\"}"),
                         "\"checked\":4"));
    (void)ask(db, STRATA_OK, "entity.get", "{\"schema\":\"s\",\"id\":\"e1\"}");
    assert_true(json_has(ask(db, STRATA_CONSTRAINT, "entity.merge",
                             "{\"schema\":\"s\",\"id\":\"e1\",\"patch\":{\"m\":1}}"),
                         "\"reason\":\"schema_mismatch\",\"path\":\"/n\",\"keyword\":"
                         "\"multipleOf\""));
    /* What it has already changes nothing, so nothing is asked. */
    (void)ask(db, STRATA_OK, "entity.merge",
              "{\"schema\":\"s\",\"id\":\"e1\",\"patch\":{\"n\":1}}");
    (void)ask(db, STRATA_OK, "entity.merge",
              "{\"schema\":\"s\",\"id\":\"e1\",\"patch\":{\"n\":3}}");
    (void)ask(db, STRATA_OK, "entity.restore", "{\"schema\":\"s\",\"id\":\"e9\"}");
}

/* ---- Transactions ---------------------------------------------------------------------------- */

static long long begin(const char *isolation) {
    return json_int(ask(db, STRATA_OK, "txn.begin", "{\"isolation\":\"%s\"}", isolation), "txn");
}

static void transactions(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "schema.put",
              "{\"name\":\"s\",\"schema\":{\"required\":[\"n\"]},\"indexed\":[\"/n\"]}");
    (void)ask(db, STRATA_OK, "entity.upsert",
              "{\"schema\":\"s\",\"id\":\"a\",\"document\":{\"n\":1}}");
    long long txn = begin("serializable");
    assert_json(ask(db, STRATA_OK, "entity.upsert",
                    "{\"txn\":%lld,\"schema\":\"s\",\"id\":\"b\",\"document\":{\"n\":2}}", txn),
                "{\"id\":\"b\",\"created\":true,\"version\":0}");
    (void)ask(db, STRATA_CONSTRAINT, "entity.upsert",
              "{\"txn\":%lld,\"schema\":\"s\",\"id\":\"b\",\"document\":{}}", txn);
    (void)ask(db, STRATA_OK, "entity.merge",
              "{\"txn\":%lld,\"schema\":\"s\",\"id\":\"b\",\"patch\":{\"n\":3}}", txn);
    (void)ask(db, STRATA_OK, "entity.delete", "{\"txn\":%lld,\"schema\":\"s\",\"id\":\"a\"}", txn);
    /* It sees what it wrote; nobody else does. */
    assert_true(
        json_has(ask(db, STRATA_OK, "entity.find",
                     "{\"txn\":%lld,\"schema\":\"s\",\"where\":{\"path\":\"/n\",\"gte\":1}}", txn),
                 "\"entities\":[{\"schema\":\"s\",\"id\":\"b\",\"document\":{\"n\":3},"
                 "\"deleted\":false,\"version\":0"));
    (void)ask(db, STRATA_NOT_FOUND, "entity.get", "{\"txn\":%lld,\"schema\":\"s\",\"id\":\"a\"}",
              txn);
    (void)ask(db, STRATA_OK, "entity.get", "{\"schema\":\"s\",\"id\":\"a\"}");
    (void)ask(db, STRATA_NOT_FOUND, "entity.get", "{\"schema\":\"s\",\"id\":\"b\"}");
    (void)ask(db, STRATA_OK, "txn.commit", "{\"txn\":%lld}", txn);
    assert_true(json_has(ask(db, STRATA_OK, "entity.find",
                             "{\"schema\":\"s\",\"where\":{\"path\":\"/n\",\"gte\":1},\"explain\":"
                             "true}"),
                         "\"examined\":1"));
    db_verify(db);
    /* Two writes of one entity, and a write and a change of its schema. */
    for (int schema = 0; schema < 2; schema++) {
        txn = begin("serializable");
        (void)ask(db, STRATA_OK, "entity.upsert",
                  "{\"txn\":%lld,\"schema\":\"s\",\"id\":\"b\",\"document\":{\"n\":7}}", txn);
        if (schema == 0) {
            (void)ask(db, STRATA_OK, "entity.merge",
                      "{\"schema\":\"s\",\"id\":\"b\",\"patch\":{\"n\":8}}");
        } else {
            (void)ask(db, STRATA_OK, "schema.put", "{\"name\":\"s\",\"schema\":{}}");
        }
        (void)ask(db, STRATA_CONFLICT, "txn.commit", "{\"txn\":%lld}", txn);
    }
    /* Another entity is no conflict. */
    txn = begin("serializable");
    (void)ask(db, STRATA_OK, "entity.upsert",
              "{\"txn\":%lld,\"schema\":\"s\",\"id\":\"c\",\"document\":{}}", txn);
    (void)ask(db, STRATA_OK, "entity.upsert", "{\"schema\":\"s\",\"id\":\"d\",\"document\":{}}");
    (void)ask(db, STRATA_OK, "txn.commit", "{\"txn\":%lld}", txn);
    /* However it is isolated, no entity is left without a schema. */
    (void)ask(db, STRATA_OK, "schema.put", "{\"name\":\"t\",\"schema\":{}}");
    txn = begin("snapshot");
    (void)ask(db, STRATA_OK, "entity.upsert",
              "{\"txn\":%lld,\"schema\":\"t\",\"id\":\"e\",\"document\":{}}", txn);
    (void)ask(db, STRATA_OK, "schema.delete", "{\"name\":\"t\"}");
    assert_true(
        json_has(ask(db, STRATA_CONFLICT, "txn.commit", "{\"txn\":%lld}", txn), "\"key\":\"t\""));
    db_verify(db);
}

static void not_in_transactions(void **state) {
    (void)state;
    strata_value schema = strata_object(test_hex("80"));
    const st_schema_spec spec = {.name = strata_text("s"), .schema = schema};
    assert_int_equal(strata_txn_begin(db, STRATA_RUN_DEFAULT, NULL), STRATA_OK);
    st_request *rq = st_handle_begin(db);
    const st_vacuum vacuum = {.dry = true};
    uint64_t count;
    st_stamp stamp;
    bool flag;
    st_run *run;
    assert_int_equal(st_handle_run(rq, ST_RUN_DEFAULT, &run), STRATA_OK);
    assert_non_null(rq->txn);
    assert_int_equal(st_schema_put(rq, run, &spec, &flag, &stamp), STRATA_INVALID_ARGUMENT);
    assert_int_equal(st_schema_delete(rq, run, spec.name, &flag, &stamp), STRATA_INVALID_ARGUMENT);
    assert_int_equal(st_entity_vacuum(rq, run, &vacuum, &count, &count), STRATA_INVALID_ARGUMENT);
    (void)st_handle_end(db, STRATA_OK);
    strata_txn_rollback(db);
}

/* ---- Merges of histories --------------------------------------------------------------------- */

static void merges(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "schema.put", "{\"name\":\"s\",\"schema\":{},\"indexed\":[\"/n\"]}");
    (void)ask(db, STRATA_OK, "entity.upsert",
              "{\"schema\":\"s\",\"id\":\"a\",\"document\":{\"n\":1}}");
    (void)ask(db, STRATA_OK, "run.fork", "{\"name\":\"f\"}");
    assert_true(json_has(ask(db, STRATA_OK, "entity.find",
                             "{\"run\":\"f\",\"schema\":\"s\",\"where\":{\"path\":\"/n\",\"eq\":1},"
                             "\"explain\":true}"),
                         "\"kind\":\"equal\""));
    (void)ask(db, STRATA_OK, "entity.merge",
              "{\"run\":\"f\",\"schema\":\"s\",\"id\":\"a\",\"patch\":{\"n\":2}}");
    (void)ask(db, STRATA_OK, "schema.put",
              "{\"run\":\"f\",\"name\":\"t\",\"schema\":{},\"indexed\":[\"/m\"]}");
    (void)ask(db, STRATA_OK, "entity.upsert",
              "{\"run\":\"f\",\"schema\":\"t\",\"id\":\"b\",\"document\":{\"m\":5}}");
    db_verify(db);
    const char *diff = ask(db, STRATA_OK, "history.diff", "{\"other_run\":\"f\"}");
    assert_true(json_has(diff, "{\"document\":{\"m\":5}}"));
    /* A schema and its entities come in one commit; indexes follow what the target has. */
    (void)ask(db, STRATA_OK, "history.merge", "{\"source\":\"f\",\"target\":\"default\"}");
    assert_true(json_has(ask(db, STRATA_OK, "entity.find",
                             "{\"schema\":\"s\",\"where\":{\"path\":\"/n\",\"eq\":2},\"explain\":"
                             "true}"),
                         "\"examined\":1"));
    assert_true(
        json_has(ask(db, STRATA_OK, "entity.get", "{\"schema\":\"t\",\"id\":\"b\"}"), "{\"m\":5}"));
    db_verify(db);
    (void)ask(db, STRATA_OK, "schema.put", "{\"name\":\"t\",\"schema\":{},\"indexed\":[\"/m\"]}");
    assert_true(json_has(ask(db, STRATA_OK, "entity.find",
                             "{\"schema\":\"t\",\"where\":{\"path\":\"/m\",\"eq\":5},\"explain\":"
                             "true}"),
                         "\"kind\":\"equal\""));
    db_verify(db);
    /* One side deletes a schema, the other has a new entity of it. */
    (void)ask(db, STRATA_OK, "run.fork", "{\"name\":\"g\"}");
    (void)ask(db, STRATA_OK, "entity.purge",
              "{\"run\":\"g\",\"schema\":\"t\",\"id\":\"b\",\"force\":true}");
    (void)ask(db, STRATA_OK, "schema.delete", "{\"run\":\"g\",\"name\":\"t\"}");
    (void)ask(db, STRATA_OK, "run.fork", "{\"name\":\"h\"}");
    (void)ask(db, STRATA_OK, "entity.upsert",
              "{\"schema\":\"t\",\"id\":\"c\",\"document\":{\"m\":6}}");
    assert_true(json_has(
        ask(db, STRATA_CONFLICT, "history.merge", "{\"source\":\"g\",\"target\":\"default\"}"),
        "\"key\":\"t\""));
    (void)ask(db, STRATA_OK, "entity.purge", "{\"schema\":\"t\",\"id\":\"c\",\"force\":true}");
    (void)ask(db, STRATA_OK, "history.merge", "{\"source\":\"g\",\"target\":\"default\"}");
    (void)ask(db, STRATA_NOT_FOUND, "schema.get", "{\"name\":\"t\"}");
    (void)ask(db, STRATA_OK, "entity.upsert",
              "{\"run\":\"h\",\"schema\":\"t\",\"id\":\"d\",\"document\":{}}");
    assert_true(json_has(
        ask(db, STRATA_CONFLICT, "history.merge", "{\"source\":\"h\",\"target\":\"default\"}"),
        "\"key\":\"t\""));
    db_verify(db);
}

/* ---- The C functions ------------------------------------------------------------------------- */

static bool count_visits(void *arg, const strata_entity_entry *entry) {
    unsigned *left = arg;
    assert_true(entry->document.type == STRATA_OBJECT && entry->version > 0);
    return --*left > 0;
}

static void c_functions(void **state) {
    (void)state;
    const strata_run run = STRATA_RUN_DEFAULT;
    const strata_when now = STRATA_NOW_INIT;
    const strata_slice paths[] = {strata_text("/n")};
    strata_schema schema = STRATA_SCHEMA_INIT;
    strata_entity entity = STRATA_ENTITY_INIT;
    strata_entity_range range = STRATA_ENTITY_RANGE_INIT;
    strata_entity_entry entry;
    strata_entry record;
    strata_slice id;
    uint64_t version = 0;
    uint64_t purged = 9;
    unsigned left = 1;
    bool did = false;
    schema.name = strata_text("s");
    schema.schema = strata_object(test_hex("81 a8 72 65 71 75 69 72 65 64 91 a1 6e"));
    schema.indexed = paths;
    schema.indexed_count = 1;
    assert_int_equal(strata_schema_put(db, run, &schema, &version), STRATA_OK);
    assert_int_equal(strata_schema_get(db, run, schema.name, strata_as_of(version), &record),
                     STRATA_OK);
    assert_int_equal(record.version, version);
    test_bytes_equal(record.value.as.bytes,
                     test_hex("82 a6 73 63 68 65 6d 61 81 a8 72 65 71 75 69 72 65 64 91 a1 6e a7 "
                              "69 6e 64 65 78 65 64 91 a2 2f 6e"),
                     "the record");
    entity.schema = schema.name;
    entity.document = strata_object(test_hex("81 a1 6e 01"));
    entity.uri = strata_text("http://n");
    assert_int_equal(strata_entity_upsert(db, run, &entity, &id, &did, &version), STRATA_OK);
    assert_true(did);
    char name[33] = "";
    assert_int_equal(id.len, 32);
    memcpy(name, id.data, 32);
    id = strata_text(name);
    assert_int_equal(
        strata_entity_merge(db, run, schema.name, id, strata_object(test_hex("81 a1 6e 02")), NULL),
        STRATA_OK);
    assert_int_equal(strata_entity_get(db, run, schema.name, id, now, &entry), STRATA_OK);
    test_bytes_equal(entry.document.as.bytes, test_hex("81 a1 6e 02"), "the document");
    assert_true(st_slice_equal(entry.uri, entity.uri) && st_slice_equal(entry.id, id));
    assert_int_equal(strata_entity_get(db, run, schema.name, id, strata_as_of(version), &entry),
                     STRATA_OK);
    test_bytes_equal(entry.document.as.bytes, test_hex("81 a1 6e 01"), "the document then");
    entity.document = strata_object(test_hex("80"));
    assert_int_equal(strata_entity_upsert(db, run, &entity, NULL, NULL, NULL), STRATA_CONSTRAINT);
    entity.document = strata_int(1);
    assert_int_equal(strata_entity_upsert(db, run, &entity, NULL, NULL, NULL), STRATA_CONSTRAINT);
    assert_int_equal(strata_entity_purge(db, run, schema.name, id, false, NULL), STRATA_CONSTRAINT);
    range.schema = schema.name;
    assert_int_equal(strata_entity_scan(db, run, &range, count_visits, &left), STRATA_OK);
    assert_int_equal(left, 0);
    assert_int_equal(strata_entity_delete(db, run, schema.name, id, &did), STRATA_OK);
    assert_int_equal(strata_entity_get(db, run, schema.name, id, now, &entry), STRATA_NOT_FOUND);
    assert_int_equal(strata_entity_restore(db, run, schema.name, id, &did), STRATA_OK);
    assert_true(did);
    assert_int_equal(strata_entity_delete(db, run, schema.name, id, &did), STRATA_OK);
    range.deleted = true;
    left = 2;
    assert_int_equal(strata_entity_scan(db, run, &range, count_visits, &left), STRATA_OK);
    assert_int_equal(left, 1);
    assert_int_equal(strata_schema_delete(db, run, schema.name, NULL), STRATA_CONSTRAINT);
    assert_int_equal(strata_entity_vacuum(db, run, schema.name, 0, &purged), STRATA_OK);
    assert_int_equal(purged, 1);
    assert_int_equal(strata_entity_purge(db, run, schema.name, id, true, &did), STRATA_OK);
    assert_false(did);
    assert_int_equal(strata_schema_delete(db, run, schema.name, &did), STRATA_OK);
    assert_true(did);
    schema.size = 1;
    entity.size = 1;
    range.size = 1;
    assert_int_equal(strata_schema_put(db, run, &schema, NULL), STRATA_INVALID_ARGUMENT);
    assert_int_equal(strata_entity_upsert(db, run, &entity, NULL, NULL, NULL),
                     STRATA_INVALID_ARGUMENT);
    assert_int_equal(strata_entity_scan(db, run, &range, count_visits, &left),
                     STRATA_INVALID_ARGUMENT);
}

/* ---- Agreement ------------------------------------------------------------------------------- */

enum { IDS = 40, ROUNDS = 400, TEXT_MAX = 1 << 16 };

static const char *const runs[] = {"plain", "indexed"};

static void random_write(uint64_t *chance, const char *where) {
    static const char *const values[] = {"1",           "2",    "2.0",  "\"x\"",     "null",
                                         "[1,2,\"x\"]", "true", "-3.5", "{\"o\":1}", "\"\""};
    const unsigned id = (unsigned)test_random_below(chance, IDS);
    const char *value = values[test_random_below(chance, sizeof values / sizeof values[0])];
    const unsigned n = (unsigned)test_random_below(chance, 12);
    switch (test_random_below(chance, 8)) {
    case 0:
        (void)tell(db, "entity.delete", "{%s,\"schema\":\"s\",\"id\":\"e%u\"}", where, id);
        break;
    case 1:
        (void)tell(db, "entity.purge", "{%s,\"schema\":\"s\",\"id\":\"e%u\",\"force\":%s}", where,
                   id, n % 2 == 0 ? "true" : "false");
        break;
    case 2:
        (void)tell(db, "entity.restore", "{%s,\"schema\":\"s\",\"id\":\"e%u\"}", where, id);
        break;
    case 3:
        (void)tell(db, "entity.merge",
                   "{%s,\"schema\":\"s\",\"id\":\"e%u\",\"patch\":{\"n\":%s,\"t\":null}}", where,
                   id, value);
        break;
    case 4: /* refused: it does not fit */
        (void)tell(db, "entity.upsert",
                   "{%s,\"schema\":\"s\",\"id\":\"e%u\",\"document\":{\"bad\":1}}", where, id);
        break;
    default:
        (void)tell(db, "entity.upsert",
                   "{%s,\"schema\":\"s\",\"id\":\"e%u\",\"document\":{\"n\":%u,\"t\":{\"v\":%s}}}",
                   where, id, n, value);
        break;
    }
}

static void write_both(uint64_t *chance) {
    const bool in_txn = test_random_below(chance, 5) == 0;
    uint64_t same = *chance;
    for (unsigned r = 0; r < 2; r++) {
        char where[64];
        long long txn = 0;
        same = *chance;
        (void)snprintf(where, sizeof where, "\"run\":\"%s\"", runs[r]);
        if (in_txn) {
            txn = json_int(ask(db, STRATA_OK, "txn.begin", "{\"run\":\"%s\"}", runs[r]), "txn");
            (void)snprintf(where, sizeof where, "\"txn\":%lld", txn);
        }
        for (unsigned i = 0; i < 5; i++) {
            random_write(&same, where);
        }
        if (in_txn) {
            (void)ask(db, STRATA_OK, "txn.commit", "{\"txn\":%lld}", txn);
        }
    }
    *chance = same;
}

static void question(uint64_t *chance, char *out, size_t size) {
    static const char *const paths[] = {"/n", "$.t.v", "/t"};
    static const char *const conditions[] = {"\"eq\":2",         "\"eq\":\"x\"",   "\"gte\":1",
                                             "\"lt\":2.5",       "\"contains\":1", "\"in\":[1,2]",
                                             "\"exists\":false", "\"ne\":2",       "\"eq\":null"};
    static const char *const orders[] = {"", ",\"order_by\":\"/n\"", ",\"order_by\":\"/t/v\""};
    (void)snprintf(out, size, "\"schema\":\"s\",\"where\":{\"path\":\"%s\",%s}%s%s%s",
                   paths[test_random_below(chance, 3)], conditions[test_random_below(chance, 9)],
                   orders[test_random_below(chance, 3)],
                   test_random_below(chance, 3) == 0 ? ",\"reverse\":true" : "",
                   test_random_below(chance, 4) == 0 ? ",\"prefix\":\"e1\"" : "");
}

static void find_all(const char *run, const char *asked, unsigned limit, char *out) {
    char cursor[1024] = "";
    size_t len = 0;
    out[0] = '\0';
    for (unsigned page = 0;; page++) {
        assert_true(page < 2 * IDS);
        const char *answer = ask(db, STRATA_OK, "entity.find", "{\"run\":\"%s\",%s,\"limit\":%u%s}",
                                 run, asked, limit, cursor);
        assert_false(json_has(answer, "\"deleted\":true"));
        for (const char *at = answer; (at = strstr(at, "\"id\":\"")) != NULL; at += 6) {
            const char *end = strchr(at + 6, '"');
            len +=
                (size_t)snprintf(out + len, TEXT_MAX - len, "%.*s ", (int)(end - at - 6), at + 6);
        }
        const char *next = strstr(answer, "\"cursor\":\"");
        if (next == NULL) {
            return;
        }
        (void)snprintf(cursor, sizeof cursor, ",\"cursor\":\"%.*s\"",
                       (int)(strchr(next + 10, '"') - next - 10), next + 10);
    }
}

static void compare(uint64_t *chance, uint64_t as_of) {
    static char plain[TEXT_MAX];
    static char indexed[TEXT_MAX];
    char asked[512];
    question(chance, asked, sizeof asked);
    if (as_of != 0) {
        (void)snprintf(asked + strlen(asked), sizeof asked - strlen(asked), ",\"as_of\":%llu",
                       (unsigned long long)as_of);
    }
    find_all("plain", asked, 1000, plain);
    find_all("indexed", asked, 1 + (unsigned)test_random_below(chance, 7), indexed);
    if (strcmp(plain, indexed) != 0) {
        fail_msg("%s:\n%s\nwith indexes: %s", asked, plain, indexed);
    }
}

static void agreement(void **state) {
    (void)state;
    uint64_t chance = env_number("SEED", 5);
    uint64_t versions[4] = {0};
    replay_hint("SEED=%llu", (unsigned long long)chance);
    for (unsigned r = 0; r < 2; r++) {
        (void)ask(db, STRATA_OK, "run.create", "{\"name\":\"%s\"}", runs[r]);
        (void)ask(db, STRATA_OK, "schema.put",
                  "{\"run\":\"%s\",\"name\":\"s\",\"schema\":{\"required\":[\"n\"]}%s}", runs[r],
                  r == 1 ? ",\"indexed\":[\"/n\"]" : "");
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        write_both(&chance);
        compare(&chance, 0);
        compare(&chance, versions[round % 4]);
        if (round == ROUNDS / 2) { /* an index on what is there already */
            (void)ask(db, STRATA_OK, "schema.put",
                      "{\"run\":\"indexed\",\"name\":\"s\",\"schema\":{\"required\":[\"n\"]},"
                      "\"indexed\":[\"/n\",\"/t/v\"]}");
        }
        if (round % 50 == 49) {
            versions[round / 50 % 4] = db_version(db);
            db_verify(db);
            (void)ask(db, STRATA_OK, round % 100 == 49 ? "db.checkpoint" : "db.compact", "{}");
        }
    }
    (void)ask(db, STRATA_OK, "entity.vacuum", "{\"run\":\"indexed\"}");
    (void)ask(db, STRATA_OK, "entity.vacuum", "{\"run\":\"plain\",\"schema\":\"s\"}");
    db_close(db);
    db = db_open(machine, STRATA_BUFFERED);
    for (unsigned round = 0; round < 60; round++) {
        compare(&chance, versions[round % 4]);
    }
    db_verify(db);
    replay_hint(NULL);
}

/* ---- What somebody forged -------------------------------------------------------------------- */

static void forge(const st_key *key, strata_slice value, bool deletes) {
    st_request *rq = st_handle_begin(db);
    st_commit commit;
    st_run *run;
    uint64_t version;
    assert_int_equal(st_run_of(rq, ST_RUN_DEFAULT, &run), STRATA_OK);
    assert_int_equal(st_run_lock(rq, run, &commit), STRATA_OK);
    const st_write write = {.key = st_key_slice(key), .value = value, .deletes = deletes};
    assert_int_equal(st_commit_finish(&commit, &write, 1, NULL, &version, rq->error), STRATA_OK);
    (void)st_handle_end(db, STRATA_OK);
}

/* The entry of an index of id `index`: an int, and an owner of two texts. */
static st_key entry(uint32_t index, int64_t value, const char *schema, const char *id) {
    const st_node node = {.type = STRATA_INT, .as.integer = value};
    uint8_t encoded[ST_INDEX_VALUE_BYTES_MAX];
    st_key key;
    st_index_key(&key, index, st_slice(encoded, st_field_encode(&node, encoded, NULL)));
    for (int i = 0; i < 2; i++) {
        const char *text = i == 0 ? schema : id;
        memcpy(key.bytes + key.len, text, strlen(text) + 1);
        key.len += strlen(text) + 1;
    }
    return key;
}

static void finds(const char *problem) {
    const char *answer = ask(db, STRATA_OK, "db.verify", "{}");
    assert_true(json_has(answer, "\"valid\":false"));
    if (!json_has(answer, problem)) {
        fail_msg("no \"%s\" in %s", problem, answer);
    }
}

static void forged_entries(void **state) {
    (void)state;
    (void)ask(db, STRATA_OK, "schema.put", "{\"name\":\"s\",\"schema\":{},\"indexed\":[\"/n\"]}");
    (void)ask(db, STRATA_OK, "entity.upsert",
              "{\"schema\":\"s\",\"id\":\"a\",\"document\":{\"n\":1}}");
    (void)ask(db, STRATA_OK, "entity.upsert",
              "{\"schema\":\"s\",\"id\":\"b\",\"document\":{\"n\":1}}");
    (void)ask(db, STRATA_OK, "entity.delete", "{\"schema\":\"s\",\"id\":\"b\"}");
    db_verify(db);
    const struct {
        st_key key;
        bool deletes;
        const char *problem;
    } cases[] = {
        {entry(1, 1, "s", "a"), true, "an entry is missing of \\\"s>a"},
        {entry(1, 2, "s", "a"), false, "an entry says what is not so of \\\"s>a"},
        {entry(1, 1, "s", "b"), false, "an entry says what is not so of \\\"s>b"},
        {entry(1, 1, "s", "none"), false, "an entry says what is not so of \\\"s>none"},
        {entry(1, 1, "t", "a"), false, "there is a key of nothing that it is on"},
        {entry(1, 1, "", "a"), false, "there is a key of nothing that it is on"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        forge(&cases[i].key, st_slice("", 0), cases[i].deletes);
        finds(cases[i].problem);
        forge(&cases[i].key, st_slice("", 0), !cases[i].deletes);
        db_verify(db);
    }
    st_key malformed;
    st_index_key(&malformed, 1, test_hex("99 01"));
    forge(&malformed, st_slice("", 0), false);
    finds("there is a malformed key");
    forge(&malformed, st_slice("", 0), true);
    /* What a crash has left of an index that is gone is nobody's. */
    const st_key left = entry(77, 1, "s", "a");
    forge(&left, st_slice("", 0), false);
    db_verify(db);
    /* Documents and memories have indexes, too. */
    (void)ask(db, STRATA_OK, "index.create", "{\"name\":\"j\",\"path\":\"/n\"}");
    (void)ask(db, STRATA_OK, "json.create", "{\"key\":\"d\",\"document\":{\"n\":5}}");
    db_verify(db);
    st_key document = entry(2, 5, "d", "");
    document.len--; /* one text */
    forge(&document, st_slice("", 0), true);
    finds("of the index \\\"j\\\", an entry is missing of \\\"d");
}

static void forged_values(void **state) {
    (void)state;
    static const char *const entities[] = {
        "",                                   /* nothing */
        "02 00 09 00 00 00 00 00 00 00 00",   /* another form */
        "01",                                 /* no flags */
        "01 04 09 00 00 00 00 00 00 00 00",   /* unknown ones */
        "01 02",                              /* no uri */
        "01 02 05 61 62",                     /* a uri that ends early */
        "01 00",                              /* no document */
        "01 00 03 02",                        /* no object */
        "01 00 09 00 00 00 00 01 00 00 00",   /* a member that is missing */
        "01 00 09 00 00 00 00 00 00 00 00 00" /* a byte too many */
    };
    static const char *const schemas_forged[] = {
        "",
        "02 09 00 00 00 00 00 00 00 00",
        "01 09 00 00 00 00 00 00 00 00",                         /* no schema */
        "01 09 08 00 00 00 01 00 00 00 06 73 63 68 65 6d 61 01", /* false: see below */
    };
    const strata_slice texts[] = {strata_text("s"), strata_text("f")};
    st_key key;
    (void)ask(db, STRATA_OK, "schema.put", "{\"name\":\"s\",\"schema\":{},\"indexed\":[\"/n\"]}");
    st_key_texts(&key, ST_TAG_ENTITY, texts, 2);
    for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
        forge(&key, test_hex(entities[i]), false);
        (void)ask(db, STRATA_CORRUPT, "entity.get", "{\"schema\":\"s\",\"id\":\"f\"}");
        (void)ask(db, STRATA_CORRUPT, "entity.list", "{\"schema\":\"s\"}");
        (void)ask(db, STRATA_CORRUPT, "entity.count", "{\"schema\":\"s\"}");
        (void)ask(db, STRATA_CORRUPT, "entity.find", "{\"schema\":\"s\"}");
        (void)ask(db, STRATA_CORRUPT, "entity.history", "{\"schema\":\"s\",\"id\":\"f\"}");
        (void)ask(db, STRATA_CORRUPT, "entity.vacuum", "{}");
        (void)ask(db, STRATA_CORRUPT, "schema.check", "{\"name\":\"s\"}");
        finds("there is something unreadable: \\\"s>f");
    }
    forge(&key, st_slice("", 0), true);
    st_key_text(&key, ST_TAG_SCHEMA, strata_text("g"));
    for (size_t i = 0; i < 3; i++) {
        forge(&key, test_hex(schemas_forged[i]), false);
        (void)ask(db, STRATA_CORRUPT, "schema.get", "{\"name\":\"g\"}");
        (void)ask(db, STRATA_CORRUPT, "schema.list", "{}");
        (void)ask(db, STRATA_CORRUPT, "entity.upsert", "{\"schema\":\"g\",\"document\":{}}");
    }
    /* A schema that nobody could have put: it says no to everything, and nothing worse. */
    forge(&key, test_hex(schemas_forged[3]), false);
    (void)ask(db, STRATA_CONSTRAINT, "entity.upsert", "{\"schema\":\"g\",\"document\":{}}");
    (void)ask(db, STRATA_OK, "schema.get", "{\"name\":\"g\"}");
}

#define case_of(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        case_of(ids),
        case_of(lengths),
        case_of(schemas),
        case_of(too_many_indexes),
        case_of(mismatches),
        case_of(transactions),
        case_of(not_in_transactions),
        case_of(merges),
        case_of(c_functions),
        case_of(agreement),
        case_of(forged_entries),
        case_of(forged_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
