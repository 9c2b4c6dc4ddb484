/* txn_support.c - see txn_support.h. */
#include "txn_support.h"

#include "format/key.h"

void bench_begin(txn_bench *b) {
    memset(b, 0, sizeof *b);
    b->machine = sim_new(1);
    assert_int_equal(store_open(b->machine, &b->store, STRATA_STRICT, 1 << 16, 0, &b->error),
                     STRATA_OK);
    assert_int_equal(st_shards_add(&b->store.shards, 1, &b->shard, &b->error), STRATA_OK);
}

void bench_end(txn_bench *b) {
    assert_int_equal(st_store_close(&b->store, &b->error), STRATA_OK);
    sim_free(b->machine);
}

st_txn *txn_begin(txn_bench *b, st_isolation isolation) {
    const st_txn_spec spec = {.isolation = isolation};
    st_txn *txn = NULL;
    assert_int_equal(st_txn_begin(&b->store, b->shard, &spec, &txn, &b->error), STRATA_OK);
    return txn;
}

strata_status txn_put(txn_bench *b, st_txn *txn, const char *key, const char *value) {
    st_key stored;
    st_key_text(&stored, ST_TAG_KV, strata_text(key));
    const st_txn_write write = {.write = {.key = st_key_slice(&stored),
                                          .value = strata_text(value == NULL ? "" : value),
                                          .deletes = value == NULL}};
    return st_txn_put(txn, &write, &b->error);
}

static st_bound bound_of(const st_txn *txn) {
    st_bound bound = st_bound_version(st_txn_snapshot(txn));
    bound.own = true;
    return bound;
}

const char *txn_get(txn_bench *b, st_txn *txn, const char *key) {
    static char text[256];
    store_reading reading;
    st_revision revision;
    st_key stored;
    bool found = false;
    const st_bound bound = bound_of(txn);
    st_key_text(&stored, ST_TAG_KV, strata_text(key));
    store_reading_begin(&reading, &b->store);
    reading.reader.overlay = st_txn_overlay(txn);
    assert_int_equal(
        st_read_live(&reading.reader, b->shard, st_key_slice(&stored), &bound, &revision, &found),
        STRATA_OK);
    if (found) {
        (void)snprintf(text, sizeof text, "%.*s", (int)revision.value.len,
                       (const char *)revision.value.data);
    }
    store_reading_end(&reading);
    return found ? text : NULL;
}

const char *txn_scan(txn_bench *b, st_txn *txn, const char *low, const char *high, bool reverse,
                     size_t most) {
    static char text[4096];
    size_t len = 0;
    store_reading reading;
    st_key ends[2];
    const st_bound bound = bound_of(txn);
    st_key_prefix(&ends[0], ST_TAG_KV, strata_text(low));
    st_key_prefix(&ends[1], ST_TAG_KV, strata_text(high));
    const st_scan_range range = {st_key_slice(&ends[0]), st_key_slice(&ends[1]), reverse};
    store_reading_begin(&reading, &b->store);
    reading.reader.overlay = st_txn_overlay(txn);
    st_scan *scan = st_arena_alloc(&reading.arena, sizeof *scan, 16);
    assert_non_null(scan);
    assert_int_equal(st_scan_start(scan, &reading.reader, b->shard, &range, &bound), STRATA_OK);
    text[0] = '\0';
    while (scan->here && most > 0) {
        strata_slice value;
        assert_int_equal(st_scan_value(scan, &value), STRATA_OK);
        const strata_slice key = st_key_text_of(scan->key);
        len += (size_t)snprintf(text + len, sizeof text - len, "%.*s=%.*s ", (int)key.len,
                                (const char *)key.data, (int)value.len, (const char *)value.data);
        if (--most > 0) {
            assert_int_equal(st_scan_next(scan), STRATA_OK);
        }
    }
    store_reading_end(&reading);
    return text;
}

static strata_status as_it_is(void *ctx, const st_commit *commit, const st_txn_write *write,
                              strata_buffer *writes) {
    (void)ctx;
    (void)commit;
    return st_buffer_append(writes, &write->write, sizeof write->write);
}

/* The note is a key's name: it counts as changed when the bench says so. */
static strata_status check_note(void *ctx, strata_slice note) {
    const txn_bench *b = ctx;
    return b->changed != NULL && st_slice_equal(note, strata_text(b->changed)) ? STRATA_CONFLICT
                                                                               : STRATA_OK;
}

/* Writes one more key than the transaction has written. */
static strata_status one_more(void *ctx, const st_commit *commit, strata_buffer *writes) {
    const txn_bench *b = ctx;
    static st_key key;
    (void)commit;
    if (b->adds == NULL) {
        return STRATA_OK;
    }
    st_key_text(&key, ST_TAG_KV, strata_text(b->adds));
    const st_write write = {.key = st_key_slice(&key), .value = strata_text("added")};
    return st_buffer_append(writes, &write, sizeof write);
}

strata_status txn_commit(txn_bench *b, st_txn *txn) {
    const st_txn_rules rules = {b, as_it_is, one_more, check_note};
    st_epoch_slot slot;
    st_commit commit;
    uint64_t version = 0;
    st_epoch_register(&b->store.epoch, &slot);
    st_epoch_enter(&b->store.epoch, &slot);
    strata_status status = st_commit_begin(&commit, &b->store, b->shard, &b->error);
    if (status == STRATA_OK) {
        status = st_txn_commit(txn, &commit, &rules, NULL, &version, &b->error);
    }
    st_epoch_leave(&slot);
    st_epoch_unregister(&b->store.epoch, &slot);
    st_txn_destroy(txn);
    return status;
}
