/* store_log.c - see store_log.h. */
#include "store_log.h"

#include "format/key.h"
#include "store/log/wal_frame.h"

strata_status store_open(sim *s, st_store *store, strata_durability durability,
                         uint64_t segment_bytes, uint32_t flags, strata_error *error) {
    strata_options options = db_options(s, durability);
    options.wal_segment_bytes = segment_bytes;
    options.flags = flags;
    return st_store_open(store, "db", &options, error);
}

strata_status store_try_put(st_store *store, uint64_t run, const char *key, const char *value) {
    strata_error error;
    st_shard *shard = NULL;
    st_commit commit;
    st_key stored;
    uint64_t version = 0;
    assert_int_equal(st_shards_add(&store->shards, run, &shard, &error), STRATA_OK);
    st_key_text(&stored, ST_TAG_KV, strata_text(key));
    const st_write write = {.key = st_key_slice(&stored),
                            .value = strata_text(value == NULL ? "" : value),
                            .deletes = value == NULL};
    ST_TRY(st_commit_begin(&commit, store, shard, &error));
    return st_commit_finish(&commit, &write, 1, NULL, &version, &error);
}

uint64_t store_put(st_store *store, uint64_t run, const char *key, const char *value) {
    const strata_status status = store_try_put(store, run, key, value);
    if (status != STRATA_OK) {
        fail_msg("put of %s: %s", key, strata_status_name(status));
    }
    return store->wal.version;
}

void store_reading_begin(store_reading *reading, st_store *store) {
    memset(reading, 0, sizeof *reading);
    st_arena_init(&reading->arena, &store->host->memory, 0);
    reading->reader = (st_reader){store, &reading->arena, &reading->error, NULL, NULL};
    st_epoch_register(&store->epoch, &reading->slot);
    st_epoch_enter(&store->epoch, &reading->slot);
}

void store_reading_end(store_reading *reading) {
    st_epoch *epoch = (st_epoch *)&reading->reader.store->epoch;
    st_reader_finish(&reading->reader);
    st_epoch_leave(&reading->slot);
    st_epoch_unregister(epoch, &reading->slot);
    st_arena_free(&reading->arena);
}

const char *store_get(st_store *store, uint64_t run, const char *key) {
    static char text[4096];
    const st_shard *shard = st_shards_find(&store->shards, run);
    store_reading reading;
    st_revision revision;
    st_key stored;
    bool found = false;
    if (shard == NULL) {
        return NULL;
    }
    st_key_text(&stored, ST_TAG_KV, strata_text(key));
    const st_bound bound = st_bound_version(st_shard_snapshot(shard));
    store_reading_begin(&reading, store);
    assert_int_equal(
        st_read_live(&reading.reader, shard, st_key_slice(&stored), &bound, &revision, &found),
        STRATA_OK);
    if (found) {
        assert_true(revision.value.len < sizeof text);
        memcpy(text, revision.value.data, revision.value.len);
        text[revision.value.len] = '\0';
    }
    store_reading_end(&reading);
    return found ? text : NULL;
}

void store_fill(st_store *store, size_t first, size_t count) {
    for (size_t i = first; i < first + count; i++) {
        char key[32];
        char value[128];
        uint64_t chance = i;
        const size_t len = (size_t)test_random_below(&chance, 100);
        (void)snprintf(key, sizeof key, "k%zu", i);
        memset(value, 'a' + (int)(i % 26), len);
        value[len] = '\0';
        (void)store_put(store, 1 + i % 3, key, value);
    }
}

static const strata_error_field *find_field(const strata_error *error, const char *name) {
    for (size_t i = 0; i < error->field_count; i++) {
        if (strcmp(error->fields[i].name, name) == 0) {
            return &error->fields[i];
        }
    }
    fail_msg("no field %s in: %s", name, error->message);
    return NULL;
}

const char *error_text(const strata_error *error, const char *name) {
    return find_field(error, name)->text;
}

uint64_t error_number(const strata_error *error, const char *name) {
    return (uint64_t)find_field(error, name)->number;
}

size_t frames_of(strata_slice segment, uint64_t *starts, size_t max) {
    const uint8_t *bytes = segment.data;
    uint64_t at = ST_WAL_HEADER_BYTES;
    size_t count = 0;
    while (at + ST_WAL_FRAME_BYTES <= segment.len && !st_wal_frame_is_end(bytes + at)) {
        assert_true(count + 1 < max);
        const st_wal_frame frame = st_wal_frame_read(bytes + at);
        starts[count++] = at;
        at += ST_WAL_FRAME_BYTES + frame.payload_len;
        if (at > segment.len) {
            at = segment.len;
        }
    }
    starts[count] = at;
    return count;
}
