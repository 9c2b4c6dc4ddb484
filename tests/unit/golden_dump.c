/* golden_dump.c - see golden_dump.h. */
#include "golden_dump.h"

#include "api/handle.h"
#include "format/msgpack.h"
#include "format/sha256.h"
#include "store/floor.h"

enum { KEYS_MAX = 256, TIMES_MAX = 512, SHOWN_BYTES_MAX = 200 };

#define ANSWER_NONE    UINT64_C(0)
#define ANSWER_TRIMMED UINT64_MAX

typedef struct dumped_key {
    uint64_t run;
    st_key key;
    uint64_t *answers; /* by bound: versions 1 to N, then the times, then now */
} dumped_key;

typedef struct dump {
    st_store *store;
    FILE *out;
    uint64_t version;
    dumped_key keys[KEYS_MAX];
    size_t key_count;
    int64_t times[TIMES_MAX];
    size_t time_count;
    st_floor floors[KEYS_MAX]; /* by place of (run, tag) */
    size_t bound_count;
} dump;

/* ---- Collecting ------------------------------------------------------------------------------ */

static int compare_times(const void *a, const void *b) {
    const int64_t left = *(const int64_t *)a;
    const int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void add_time(dump *d, int64_t time_us) {
    assert_true(d->time_count < TIMES_MAX);
    d->times[d->time_count++] = time_us;
}

static void sort_times(dump *d) {
    size_t kept = 0;
    qsort(d->times, d->time_count, sizeof d->times[0], compare_times);
    for (size_t i = 0; i < d->time_count; i++) {
        if (kept == 0 || d->times[kept - 1] != d->times[i]) {
            d->times[kept++] = d->times[i];
        }
    }
    d->time_count = kept;
}

static void add_key(dump *d, uint64_t run, strata_slice key) {
    dumped_key *last = d->key_count == 0 ? NULL : &d->keys[d->key_count - 1];
    if (last == NULL || last->run != run || !st_slice_equal(st_key_slice(&last->key), key)) {
        assert_true(d->key_count < KEYS_MAX);
        last = &d->keys[d->key_count++];
        *last = (dumped_key){.run = run, .answers = NULL};
        memcpy(last->key.bytes, key.data, key.len);
        last->key.len = key.len;
    }
}

static void collect_run(dump *d, uint64_t run) {
    const st_shard *shard = st_shards_find(&d->store->shards, run);
    const st_scan_range all = {st_slice("", 0), st_slice("", 0), false};
    store_reading reading;
    st_scan scan;
    if (shard == NULL) {
        return;
    }
    store_reading_begin(&reading, d->store);
    assert_int_equal(st_versions_start(&scan, &reading.reader, shard, &all, UINT64_MAX), STRATA_OK);
    while (scan.here) {
        add_key(d, run, scan.key);
        if (*(const uint8_t *)scan.key.data != ST_TAG_FLOOR) {
            add_time(d, scan.revision.timestamp_us);
            if (scan.revision.expires_us != ST_NEVER) {
                add_time(d, scan.revision.expires_us - 1);
                add_time(d, scan.revision.expires_us);
            }
        }
        assert_int_equal(st_versions_next(&scan), STRATA_OK);
    }
    store_reading_end(&reading);
}

static st_bound bound_of(const dump *d, size_t place) {
    if (place < d->version) {
        return (st_bound){place + 1, INT64_MAX, true, false};
    }
    if (place < d->version + d->time_count) {
        return (st_bound){UINT64_MAX, d->times[place - d->version], true, false};
    }
    return st_bound_version(UINT64_MAX);
}

static void ask_point(const dump *d, dumped_key *key) {
    const st_shard *shard = st_shards_find(&d->store->shards, key->run);
    key->answers = calloc(d->bound_count, sizeof key->answers[0]);
    assert_non_null(key->answers);
    for (size_t i = 0; i < d->bound_count; i++) {
        const st_bound bound = bound_of(d, i);
        store_reading reading;
        st_revision revision;
        bool found = false;
        store_reading_begin(&reading, d->store);
        const strata_status status = st_read_live(&reading.reader, shard, st_key_slice(&key->key),
                                                  &bound, &revision, &found);
        assert_true(status == STRATA_OK || status == STRATA_HISTORY_TRIMMED);
        key->answers[i] = status != STRATA_OK ? ANSWER_TRIMMED
                          : found             ? revision.number
                                              : ANSWER_NONE;
        store_reading_end(&reading);
    }
}

/* ---- Scans ----------------------------------------------------------------------------------- */

static bool is_of(const dumped_key *key, uint64_t run, uint8_t tag) {
    return key->run == run && key->key.bytes[0] == tag;
}

static st_floor floor_of(const dump *d, uint64_t run, uint8_t tag) {
    st_floor floor = st_floor_none();
    for (size_t i = 0; i < d->key_count; i++) {
        const dumped_key *key = &d->keys[i];
        if (is_of(key, run, ST_TAG_FLOOR) && st_floor_tag_of(st_key_slice(&key->key)) == tag) {
            st_floor_raise(&floor, &d->floors[i]);
        }
    }
    return floor;
}

/* Whether a scan of the run and tag must say history_trimmed. */
static bool is_trimmed(const dump *d, uint64_t run, uint8_t tag, size_t place) {
    const st_bound bound = bound_of(d, place);
    const st_floor floor = floor_of(d, run, tag);
    bool trimmed = bound.past && (bound.time_us == INT64_MAX ? bound.version < floor.version
                                                             : bound.time_us < floor.time_us);
    for (size_t i = 0; i < d->key_count; i++) {
        trimmed = trimmed ||
                  (is_of(&d->keys[i], run, tag) && d->keys[i].answers[place] == ANSWER_TRIMMED);
    }
    return trimmed;
}

/* The scan against the points, key by key. */
static strata_status walk(const dump *d, st_scan *scan, uint64_t run, uint8_t tag, size_t place) {
    for (size_t i = 0; i < d->key_count; i++) {
        const dumped_key *key = &d->keys[scan->reverse ? d->key_count - 1 - i : i];
        if (!is_of(key, run, tag) || key->answers[place] == ANSWER_NONE) {
            continue;
        }
        assert_true(scan->here);
        test_bytes_equal(scan->key, st_key_slice(&key->key), "a scan at another key");
        assert_int_equal(scan->revision.number, key->answers[place]);
        ST_TRY(st_scan_next(scan));
    }
    assert_false(scan->here);
    return STRATA_OK;
}

static void check_scan(const dump *d, uint64_t run, uint8_t tag, size_t place, bool reverse) {
    const st_bound bound = bound_of(d, place);
    const uint8_t after = (uint8_t)(tag + 1);
    const st_scan_range range = {st_slice(&tag, 1), st_slice(&after, 1), reverse};
    const bool trimmed = is_trimmed(d, run, tag, place);
    store_reading reading;
    st_scan scan;
    store_reading_begin(&reading, d->store);
    strata_status status = st_scan_start(&scan, &reading.reader,
                                         st_shards_find(&d->store->shards, run), &range, &bound);
    while (status == STRATA_OK && trimmed && scan.here) {
        status = st_scan_next(&scan);
    }
    if (status == STRATA_OK && !trimmed) {
        status = walk(d, &scan, run, tag, place);
    }
    assert_int_equal(status, trimmed ? STRATA_HISTORY_TRIMMED : STRATA_OK);
    store_reading_end(&reading);
}

static void check_scans(const dump *d) {
    static const uint8_t tags[] = {ST_TAG_RUN, ST_TAG_RETENTION, ST_TAG_KV, ST_TAG_EVENT,
                                   ST_TAG_MEMORY};
    for (uint64_t run = 0; run < st_shards_end(&d->store->shards); run++) {
        for (size_t i = 0; i < sizeof tags; i++) {
            for (size_t place = 0; place < d->bound_count; place++) {
                check_scan(d, run, tags[i], place, false);
                check_scan(d, run, tags[i], place, true);
            }
        }
    }
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void put_json(const dump *d, const strata_buffer *msgpack) {
    strata_buffer json = {NULL, 0, 0, NULL};
    strata_error error;
    assert_int_equal(strata_msgpack_to_json(st_buffer_slice(msgpack), false, &json, &error),
                     STRATA_OK);
    (void)fwrite(json.data, 1, json.len, d->out);
    strata_buffer_free(&json);
}

static const char *tag_name(uint8_t tag) {
    switch (tag) {
    case ST_TAG_RUN:
        return "run";
    case ST_TAG_RETENTION:
        return "rule";
    case ST_TAG_KV:
        return "kv";
    case ST_TAG_EVENT:
        return "event";
    default:
        assert_int_equal(tag, ST_TAG_MEMORY);
        return "memory";
    }
}

static void put_key(const dump *d, const st_key *key) {
    char text[ST_KEY_BYTES_MAX];
    char shown[ST_KEY_BYTES_MAX + 16];
    strata_buffer msgpack = {NULL, 0, 0, strata_host_default()};
    const size_t len = st_key_show(st_key_slice(key), text);
    const int shown_len =
        snprintf(shown, sizeof shown, "%s:%.*s", tag_name(key->bytes[0]), (int)len, text);
    assert_int_equal(st_msgpack_put_string(&msgpack, st_slice(shown, (size_t)shown_len)),
                     STRATA_OK);
    put_json(d, &msgpack);
    strata_buffer_free(&msgpack);
}

static void put_named(strata_buffer *msgpack, const char *name, strata_slice raw) {
    assert_int_equal(st_msgpack_put_string(msgpack, strata_text(name)), STRATA_OK);
    assert_int_equal(st_buffer_append(msgpack, raw.data, raw.len), STRATA_OK);
}

static void put_event(strata_buffer *msgpack, strata_slice value) {
    st_cursor cursor = st_cursor_over(value);
    strata_slice type;
    strata_slice payload;
    strata_slice hash;
    uint8_t form = 0;
    uint8_t type_len = 0;
    assert_true(st_cursor_u8(&cursor, &form) && form == 1 && st_cursor_u8(&cursor, &type_len) &&
                st_cursor_take(&cursor, type_len, &type) &&
                st_cursor_take(&cursor, st_cursor_left(&cursor) - ST_SHA256_BYTES, &payload) &&
                st_cursor_take(&cursor, ST_SHA256_BYTES, &hash));
    assert_int_equal(st_msgpack_put_object(msgpack, 3), STRATA_OK);
    assert_int_equal(st_msgpack_put_string(msgpack, strata_text("type")), STRATA_OK);
    assert_int_equal(st_msgpack_put_string(msgpack, type), STRATA_OK);
    put_named(msgpack, "payload", payload);
    assert_int_equal(st_msgpack_put_string(msgpack, strata_text("hash")), STRATA_OK);
    assert_int_equal(st_msgpack_put_bytes(msgpack, hash), STRATA_OK);
}

static void put_memory(strata_buffer *msgpack, strata_slice value) {
    st_cursor cursor = st_cursor_over(value);
    strata_slice text;
    strata_slice fields;
    uint8_t form = 0;
    assert_true(st_cursor_u8(&cursor, &form) && form == 1 && st_cursor_sized(&cursor, &text) &&
                st_cursor_take(&cursor, st_cursor_left(&cursor), &fields));
    assert_int_equal(st_msgpack_put_object(msgpack, 2), STRATA_OK);
    assert_int_equal(st_msgpack_put_string(msgpack, strata_text("text")), STRATA_OK);
    assert_int_equal(st_msgpack_put_string(msgpack, text), STRATA_OK);
    put_named(msgpack, "fields", fields.len == 0 ? st_slice("\x80", 1) : fields);
}

static void put_value(const dump *d, uint8_t tag, strata_slice value) {
    strata_buffer msgpack = {NULL, 0, 0, strata_host_default()};
    if (value.len > SHOWN_BYTES_MAX) {
        uint8_t hash[ST_SHA256_BYTES];
        st_sha256(&value, 1, hash);
        (void)fprintf(d->out, "{\"length\":%zu,\"sha256\":\"", value.len);
        for (size_t i = 0; i < sizeof hash; i++) {
            (void)fprintf(d->out, "%02x", hash[i]);
        }
        (void)fputs("\"}", d->out);
        return;
    }
    if (tag == ST_TAG_EVENT) {
        put_event(&msgpack, value);
    } else if (tag == ST_TAG_MEMORY) {
        put_memory(&msgpack, value);
    } else {
        assert_int_equal(st_buffer_append(&msgpack, value.data, value.len), STRATA_OK);
    }
    put_json(d, &msgpack);
    strata_buffer_free(&msgpack);
}

static void put_versions(const dump *d, const dumped_key *key) {
    const st_shard *shard = st_shards_find(&d->store->shards, key->run);
    const st_scan_range range = {st_key_slice(&key->key), st_slice("", 0), false};
    const char *comma = "";
    store_reading reading;
    st_scan scan;
    store_reading_begin(&reading, d->store);
    assert_int_equal(st_versions_start(&scan, &reading.reader, shard, &range, UINT64_MAX),
                     STRATA_OK);
    while (scan.here && st_slice_equal(scan.key, range.low)) {
        const st_revision *revision = &scan.revision;
        strata_slice value;
        assert_int_equal(st_scan_value(&scan, &value), STRATA_OK);
        (void)fprintf(d->out, "%s{\"version\":%llu,\"time\":%lld", comma,
                      (unsigned long long)revision->number, (long long)revision->timestamp_us);
        (void)fputs(revision->deleted ? ",\"deleted\":true" : "", d->out);
        (void)fputs(revision->trimmed ? ",\"trimmed\":true" : "", d->out);
        if (revision->expires_us != ST_NEVER) {
            (void)fprintf(d->out, ",\"expires\":%lld", (long long)revision->expires_us);
        }
        if (!revision->deleted) {
            (void)fputs(",\"value\":", d->out);
            put_value(d, key->key.bytes[0], value);
        }
        (void)fputc('}', d->out);
        comma = ",";
        assert_int_equal(st_versions_next(&scan), STRATA_OK);
    }
    store_reading_end(&reading);
}

static void put_answer(const dump *d, uint64_t answer) {
    if (answer == ANSWER_NONE || answer == ANSWER_TRIMMED) {
        (void)fputs(answer == ANSWER_NONE ? "null" : "\"trimmed\"", d->out);
    } else {
        (void)fprintf(d->out, "%llu", (unsigned long long)answer);
    }
}

static void put_answers(const dump *d, const uint64_t *answers, size_t first, size_t end) {
    for (size_t i = first; i < end; i++) {
        const st_bound bound = bound_of(d, i);
        if (i > first && answers[i] == answers[i - 1]) {
            continue;
        }
        (void)fprintf(d->out, "%s[%lld,", i == first ? "" : ",",
                      bound.time_us == INT64_MAX ? (long long)bound.version
                                                 : (long long)bound.time_us);
        put_answer(d, answers[i]);
        (void)fputc(']', d->out);
    }
}

static void put_floors(const dump *d) {
    const char *comma = "";
    for (uint64_t run = 0; run < st_shards_end(&d->store->shards); run++) {
        for (unsigned tag = 0; tag < ST_TAG_FLOOR; tag++) {
            const st_floor floor = floor_of(d, run, (uint8_t)tag);
            if (floor.version > 0) {
                (void)fprintf(d->out,
                              "%s\n{\"run\":%llu,\"primitive\":\"%s\",\"version\":%llu,"
                              "\"time\":%lld,\"ended\":%lld}",
                              comma, (unsigned long long)run, tag_name((uint8_t)tag),
                              (unsigned long long)floor.version, (long long)floor.time_us,
                              (long long)floor.ended_us);
                comma = ",";
            }
        }
    }
}

static void put_keys(const dump *d) {
    const char *comma = "";
    for (size_t i = 0; i < d->key_count; i++) {
        const dumped_key *key = &d->keys[i];
        if (key->key.bytes[0] == ST_TAG_FLOOR) {
            continue;
        }
        (void)fprintf(d->out, "%s\n{\"run\":%llu,\"key\":", comma, (unsigned long long)key->run);
        put_key(d, &key->key);
        (void)fputs(",\"versions\":[", d->out);
        put_versions(d, key);
        (void)fputs("],\"at_version\":[", d->out);
        put_answers(d, key->answers, 0, (size_t)d->version);
        (void)fputs("],\"at_time\":[", d->out);
        put_answers(d, key->answers, (size_t)d->version, d->bound_count - 1);
        (void)fputs("],\"now\":", d->out);
        put_answer(d, key->answers[d->bound_count - 1]);
        (void)fputc('}', d->out);
        comma = ",";
    }
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* The newest entry under a floor key; there is one. */
static void read_floor(dump *d, size_t place) {
    const dumped_key *key = &d->keys[place];
    const st_bound bound = st_bound_version(UINT64_MAX);
    store_reading reading;
    st_revision revision;
    bool found = false;
    store_reading_begin(&reading, d->store);
    assert_int_equal(st_read(&reading.reader, st_shards_find(&d->store->shards, key->run),
                             st_key_slice(&key->key), &bound, &revision, &found),
                     STRATA_OK);
    assert_true(found && st_floor_decode(revision.value, &d->floors[place]));
    store_reading_end(&reading);
}

void golden_dump(strata_db *db, int64_t now_us, FILE *out) {
    dump *d = calloc(1, sizeof *d);
    assert_non_null(d);
    d->store = &db->engine->model.store;
    d->out = out;
    d->version = db_version(db);
    for (uint64_t run = 0; run < st_shards_end(&d->store->shards); run++) {
        collect_run(d, run);
    }
    sort_times(d);
    d->bound_count = (size_t)d->version + d->time_count + 1;
    for (size_t i = 0; i < d->key_count; i++) {
        if (d->keys[i].key.bytes[0] == ST_TAG_FLOOR) {
            read_floor(d, i);
        }
    }
    for (size_t i = 0; i < d->key_count; i++) {
        ask_point(d, &d->keys[i]);
    }
    check_scans(d);
    (void)fprintf(out, "{\"version\":%llu,\"now\":%lld,\n\"floors\":[",
                  (unsigned long long)d->version, (long long)now_us);
    put_floors(d);
    (void)fputs("],\n\"keys\":[", out);
    put_keys(d);
    (void)fputs("]}", out);
    for (size_t i = 0; i < d->key_count; i++) {
        free(d->keys[i].answers);
    }
    free(d);
}
