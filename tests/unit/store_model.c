/* store_model.c - see store_model.h.
 *
 * The model answers by walking the list of a key's versions; it knows nothing of memtables, tables
 * or merges. What a retention may have dropped is not modelled but allowed for: an answer that the
 * policy guarantees must be given, any other one is right or history_trimmed.
 */
#include "store_model.h"

#include "store/copies/verify.h"

enum { STEP_US = 1000, MEMORY_BYTES = 1 << 18, LARGE_BYTES = 20000 };

static const int64_t start_us = 1700000000000000;

/* ---- Commits --------------------------------------------------------------------------------- */

static uint64_t chance_of(const store_model *model, uint64_t version) {
    uint64_t chance = model->seed * 0x9e3779b97f4a7c15u + version;
    return test_random(&chance);
}

/* Of commit `version`: the clock goes on by a step, and stands still for every fourth. */
static int64_t time_of(uint64_t version) {
    return start_us + (int64_t)(version - version / 4) * STEP_US;
}

void sm_init(store_model *model, uint64_t seed, size_t value_bytes) {
    char text[400];
    memset(model, 0, sizeof *model);
    model->seed = seed;
    model->value_bytes = value_bytes;
    model->now_us = start_us;
    for (size_t i = 0; i < SM_KEYS; i++) {
        if (i < SM_KEYS / 2) {
            (void)snprintf(text, sizeof text, "k%zu", i + 10);
        } else {
            (void)snprintf(text, sizeof text, "long%0300zu", i);
        }
        if (i < SM_KEYS - 6) {
            st_key_text(&model->keys[i], ST_TAG_KV, strata_text(text));
        } else {
            st_key_number(&model->keys[i], ST_TAG_EVENT, i * 100);
        }
        assert_true(i == 0 || st_slice_compare(st_key_slice(&model->keys[i - 1]),
                                               st_key_slice(&model->keys[i])) < 0);
    }
}

static sm_list *list_of(store_model *model, size_t run, size_t key) {
    return &model->lists[run - 1][key];
}

void sm_free(store_model *model) {
    for (size_t run = 1; run <= SM_RUNS; run++) {
        for (size_t key = 0; key < SM_KEYS; key++) {
            free(list_of(model, run, key)->versions);
        }
    }
}

void sm_truncate(store_model *model, uint64_t version) {
    for (size_t run = 1; run <= SM_RUNS; run++) {
        for (size_t key = 0; key < SM_KEYS; key++) {
            sm_list *list = list_of(model, run, key);
            while (list->count > 0 && list->versions[list->count - 1].number > version) {
                list->count--;
            }
        }
    }
    assert_true(version <= model->last);
    model->last = version;
}

strata_slice sm_value(const sm_version *version) {
    enum { RING = 4 };
    static uint8_t ring[RING][1 << 15];
    static size_t next;
    uint8_t *bytes = ring[next++ % RING];
    uint64_t chance = version->seed;
    /* Half of the values are such that compression pays. */
    const uint64_t mask = (version->seed & 1) != 0 ? UINT64_MAX : 0x0101010101010101u;
    assert_true(version->len <= sizeof ring[0] - 8);
    for (size_t at = 0; at < version->len; at += 8) {
        store64_le(bytes + at, test_random(&chance) & mask);
    }
    return st_slice(bytes, version->len);
}

void sm_set_clock(sim *s, store_model *model) {
    model->now_us = time_of(model->last);
    s->wall_us = model->now_us;
}

typedef struct drawn_commit {
    size_t run;
    size_t count;
    size_t keys[SM_WRITES_MAX];
    sm_version versions[SM_WRITES_MAX];
} drawn_commit;

static void draw_commit(const store_model *model, uint64_t number, drawn_commit *commit) {
    uint64_t chance = chance_of(model, number);
    const int64_t now_us = time_of(number);
    const size_t first = (size_t)test_random_below(&chance, SM_KEYS);
    commit->run = 1 + (size_t)test_random_below(&chance, SM_RUNS);
    commit->count = 1 + (size_t)test_random_below(&chance, SM_WRITES_MAX);
    for (size_t i = 0; i < commit->count; i++) {
        const uint64_t die = test_random_below(&chance, 100);
        sm_version *version = &commit->versions[i];
        commit->keys[i] = (first + i * 7) % SM_KEYS;
        *version = (sm_version){number, now_us, ST_NEVER, die < 20, 0, test_random(&chance)};
        if (die >= 20) {
            const size_t most = die == 99 ? LARGE_BYTES : model->value_bytes;
            version->len = (size_t)test_random_below(&chance, most);
        }
        if (die >= 20 && die < 35) {
            version->expires_us = now_us + (int64_t)test_random_below(&chance, 40) * STEP_US;
        }
    }
}

static void add_versions(store_model *model, const drawn_commit *commit) {
    for (size_t i = 0; i < commit->count; i++) {
        sm_list *list = list_of(model, commit->run, commit->keys[i]);
        if (list->count == list->cap) {
            list->cap = list->cap * 2 + 8;
            list->versions = realloc(list->versions, list->cap * sizeof *list->versions);
            assert_non_null(list->versions);
        }
        list->versions[list->count++] = commit->versions[i];
    }
    model->last++;
    model->now_us = model->now_us > time_of(model->last) ? model->now_us : time_of(model->last);
}

void sm_assume(store_model *model) {
    drawn_commit commit;
    draw_commit(model, model->last + 1, &commit);
    add_versions(model, &commit);
}

static strata_status put_commit(st_store *store, const store_model *model,
                                const drawn_commit *drawn, uint64_t *version) {
    uint8_t *values[SM_WRITES_MAX] = {NULL};
    st_write writes[SM_WRITES_MAX];
    st_commit commit;
    st_shard *shard;
    strata_error error;
    for (size_t i = 0; i < drawn->count; i++) {
        const sm_version *one = &drawn->versions[i];
        values[i] = malloc(one->len + 1);
        assert_non_null(values[i]);
        memcpy(values[i], sm_value(one).data, one->len);
        writes[i] = (st_write){.key = st_key_slice(&model->keys[drawn->keys[i]]),
                               .value = st_slice(values[i], one->len),
                               .deletes = one->deleted,
                               .expires_us = one->expires_us == ST_NEVER ? 0 : one->expires_us};
    }
    strata_status status = st_shards_add(&store->shards, drawn->run, &shard, &error);
    if (status == STRATA_OK) {
        status = st_commit_begin(&commit, store, shard, &error);
    }
    if (status == STRATA_OK) {
        status = st_commit_finish(&commit, writes, drawn->count, NULL, version, &error);
    }
    for (size_t i = 0; i < drawn->count; i++) {
        free(values[i]);
    }
    return status;
}

strata_status sm_commit(sim *s, store_model *model, st_store *store) {
    drawn_commit commit;
    uint64_t version = 0;
    draw_commit(model, model->last + 1, &commit);
    s->wall_us = commit.versions[0].timestamp_us;
    model->now_us = s->wall_us > model->now_us ? s->wall_us : model->now_us;
    s->monotonic_ns += (uint64_t)STEP_US * 1000;
    const strata_status status = put_commit(store, model, &commit, &version);
    if (status == STRATA_OK) {
        assert_int_equal(version, model->last + 1);
        add_versions(model, &commit);
    }
    return status;
}

static st_policy policy_of(void *ctx, uint64_t run, uint8_t tag) {
    (void)run;
    (void)tag;
    return ((const store_model *)ctx)->policy;
}

strata_status sm_open(sim *s, store_model *model, st_store *store, strata_durability durability,
                      strata_error *error) {
    strata_options options = db_options(s, durability);
    options.memory_bytes = MEMORY_BYTES;
    options.codec = model->seed % 2 == 0 ? STRATA_CODEC_NONE : STRATA_CODEC_ZSTD;
    const strata_status status = st_store_open(store, "db", &options, error);
    if (status == STRATA_OK) {
        const st_retention retention = {model, policy_of};
        st_store_set_retention(store, &retention);
    }
    return status;
}

/* ---- What the model says --------------------------------------------------------------------- */

static const sm_list *find_list(const store_model *model, size_t run, size_t key) {
    return &model->lists[run - 1][key];
}

const sm_version *sm_find(const store_model *model, size_t run, size_t key, const st_bound *bound) {
    const sm_list *list = find_list(model, run, key);
    for (size_t i = list->count; i > 0; i--) {
        const sm_version *version = &list->versions[i - 1];
        if (st_bound_holds(bound, version->number, version->timestamp_us)) {
            return version;
        }
    }
    return NULL;
}

bool sm_is_live(const store_model *model, const sm_version *version, const st_bound *bound) {
    if (version == NULL || version->deleted) {
        return false;
    }
    const int64_t at_us = bound->time_us == INT64_MAX ? model->now_us : bound->time_us;
    /* As of a commit there is no telling what time it was. */
    return (bound->past && bound->time_us == INT64_MAX) || version->expires_us > at_us;
}

/* Whether the policy promises that the version is still there. */
static bool is_kept(const store_model *model, const sm_list *list, size_t at) {
    switch (model->policy.keep) {
    case ST_KEEP_LAST:
        return at + model->policy.versions >= list->count;
    case ST_KEEP_FOR:
        return at + 1 == list->count ||
               list->versions[at + 1].timestamp_us > model->now_us - model->policy.duration_us;
    default:
        return true;
    }
}

static bool below_floor(const st_store *store, const st_bound *bound) {
    return bound->time_us == INT64_MAX ? bound->version < st_store_floor(store)
                                       : bound->time_us < st_store_floor_us(store);
}

/* Whether a key may go without a trace. */
static bool keys_vanish(const store_model *model) {
    const st_policy *policy = &model->policy;
    return policy->keep == ST_KEEP_FOR || (policy->keep == ST_KEEP_LAST && policy->versions == 1);
}

/* Whether history_trimmed is a right answer. */
static bool may_be_trimmed(const store_model *model, const st_store *store, size_t run, size_t key,
                           const st_bound *bound) {
    const sm_list *list = find_list(model, run, key);
    const sm_version *version = sm_find(model, run, key, bound);
    if (model->policy.keep == ST_KEEP_ALL) {
        return false;
    }
    if (keys_vanish(model) && below_floor(store, bound)) {
        return true;
    }
    if (version == NULL) {
        return list->count > 0 && !is_kept(model, list, 0);
    }
    return !is_kept(model, list, (size_t)(version - list->versions));
}

/* The run's shard, made as the room above would. */
static const st_shard *shard_of(st_store *store, size_t run) {
    strata_error error;
    st_shard *shard = NULL;
    assert_int_equal(st_shards_add(&store->shards, run, &shard, &error), STRATA_OK);
    return shard;
}

/* Whether a value of the past that has ended since may be gone with all of its kind: where keys may
 * vanish, one cannot know for how long it was there. */
static bool may_have_ended(const store_model *model, const sm_version *version,
                           const st_bound *bound) {
    return keys_vanish(model) && bound->past && version->expires_us <= model->now_us;
}

/* ---- Points ---------------------------------------------------------------------------------- */

static const char *show_bound(const st_bound *bound) {
    static char text[128];
    (void)snprintf(text, sizeof text, "version %lld, time %lld%s", (long long)bound->version,
                   (long long)(bound->time_us == INT64_MAX ? -1 : bound->time_us - start_us),
                   bound->past ? ", in the past" : "");
    return text;
}

static void expect_revision(const sm_version *expected, const st_revision *got, size_t key,
                            const st_bound *bound) {
    if (got->number != expected->number || got->timestamp_us != expected->timestamp_us ||
        got->expires_us != expected->expires_us || got->deleted != expected->deleted) {
        fail_msg("key %zu at %s: version %llu, expected %llu", key, show_bound(bound),
                 (unsigned long long)got->number, (unsigned long long)expected->number);
    }
}

static void check_point(const store_model *model, st_store *store, size_t run, size_t key,
                        const st_bound *bound) {
    const st_shard *shard = shard_of(store, run);
    const sm_version *expected = sm_find(model, run, key, bound);
    const strata_slice bytes = st_key_slice(&model->keys[key]);
    store_reading reading;
    st_revision revision;
    bool found = false;
    store_reading_begin(&reading, store);
    const strata_status status =
        st_read_live(&reading.reader, shard, bytes, bound, &revision, &found);
    const bool live = sm_is_live(model, expected, bound);
    if (status == STRATA_HISTORY_TRIMMED && may_be_trimmed(model, store, run, key, bound)) {
        store_reading_end(&reading);
        return;
    }
    if (status == STRATA_OK && live && !found && may_have_ended(model, expected, bound)) {
        store_reading_end(&reading);
        return;
    }
    if (status != STRATA_OK || found != live) {
        fail_msg("run %zu, key %zu at %s: %s %s, %s; expected %s (version %llu)", run, key,
                 show_bound(bound), strata_status_name(status),
                 status == STRATA_OK ? "" : reading.error.message, found ? "found" : "not found",
                 live ? "one" : "none",
                 expected == NULL ? 0 : (unsigned long long)expected->number);
    }
    if (found) {
        expect_revision(expected, &revision, key, bound);
        test_bytes_equal(revision.value, sm_value(expected), "another value");
    }
    if (model->policy.keep == ST_KEEP_ALL) {
        assert_int_equal(st_read(&reading.reader, shard, bytes, bound, &revision, &found),
                         STRATA_OK);
        assert_int_equal(found, expected != NULL);
        if (found) {
            expect_revision(expected, &revision, key, bound);
        }
    }
    store_reading_end(&reading);
}

/* All that readers see. A commit whose sync has failed is there, but not for them. */
static st_bound newest_bound(st_store *store, size_t run) {
    return st_bound_version(st_shard_snapshot(shard_of(store, run)));
}

/* ---- Many points ----------------------------------------------------------------------------- */

typedef struct many_points {
    const store_model *model;
    size_t run;
    size_t keys[ST_READ_MANY_MAX];
    st_read_key asked[ST_READ_MANY_MAX];
    bool told[ST_READ_MANY_MAX];
} many_points;

static strata_status take_point(void *ctx, size_t i, const st_revision *revision) {
    many_points *m = ctx;
    const st_bound bound = st_bound_version(m->asked[i].version);
    const sm_version *expected = sm_find(m->model, m->run, m->keys[i], &bound);
    if (expected == NULL || m->told[i]) {
        fail_msg("run %zu, key %zu at %s: one too many", m->run, m->keys[i], show_bound(&bound));
    }
    expect_revision(expected, revision, m->keys[i], &bound);
    test_bytes_equal(revision->value, sm_value(expected), "another value");
    m->told[i] = true;
    return STRATA_OK;
}

/* Any keys, some of them twice: of now, or where everything is kept at any versions. */
static void check_many(const store_model *model, st_store *store, size_t run, uint64_t *chance) {
    many_points m = {.model = model, .run = run};
    const st_bound newest = newest_bound(store, run);
    const st_read_keys keys = {m.asked, 1 + (size_t)test_random_below(chance, ST_READ_MANY_MAX),
                               take_point, &m};
    store_reading reading;
    for (size_t i = 0; i < keys.count; i++) {
        m.keys[i] = (size_t)test_random_below(chance, SM_KEYS);
        m.asked[i] = (st_read_key){st_key_slice(&model->keys[m.keys[i]]), newest.version};
        if (model->policy.keep == ST_KEEP_ALL) {
            m.asked[i].version = test_random_below(chance, newest.version + 1);
        }
    }
    store_reading_begin(&reading, store);
    assert_int_equal(st_read_many(&reading.reader, shard_of(store, run), &keys), STRATA_OK);
    store_reading_end(&reading);
    for (size_t i = 0; i < keys.count; i++) {
        const st_bound bound = st_bound_version(m.asked[i].version);
        const sm_version *expected = sm_find(model, run, m.keys[i], &bound);
        if (!m.told[i] && sm_is_live(model, expected, &bound)) {
            fail_msg("run %zu, key %zu at %s: not found", run, m.keys[i], show_bound(&bound));
        }
    }
}

/* ---- Scans ----------------------------------------------------------------------------------- */

static void draw_end(const store_model *model, st_key *key, bool high, uint64_t *chance) {
    const uint64_t die = test_random_below(chance, 4);
    *key = model->keys[test_random_below(chance, SM_KEYS)];
    if (die == 0) { /* everything of a tag */
        key->bytes[0] = high ? ST_TAG_EVENT + 1 : ST_TAG_KV;
        key->len = 1;
    } else if (die == 1) { /* between two keys */
        key->len -= key->len > 3 ? 1 : 0;
    }
}

static bool in_range(const sm_scan *scan, size_t key) {
    const strata_slice bytes = st_key_slice(&scan->model->keys[key]);
    return st_slice_compare(bytes, st_key_slice(&scan->low)) >= 0 &&
           st_slice_compare(bytes, st_key_slice(&scan->high)) < 0;
}

static bool scan_may_be_trimmed(const sm_scan *scan) {
    for (size_t key = 0; key < SM_KEYS; key++) {
        if (in_range(scan, key) &&
            may_be_trimmed(scan->model, scan->store, scan->run, key, &scan->bound)) {
            return true;
        }
    }
    return scan->model->policy.keep != ST_KEEP_ALL && below_floor(scan->store, &scan->bound);
}

/* Whether there is nothing more to compare, for a reason that is right or wrong. */
static bool scan_failed(const sm_scan *scan, strata_status status) {
    if (status == STRATA_HISTORY_TRIMMED && scan_may_be_trimmed(scan)) {
        return true;
    }
    if (status != STRATA_OK) {
        fail_msg("scan of run %zu at %s: %s %s", scan->run, show_bound(&scan->bound),
                 strata_status_name(status), scan->reading.error.message);
    }
    return false;
}

void sm_scan_begin(sm_scan *scan, const store_model *model, st_store *store, size_t run,
                   const st_bound *bound, uint64_t *chance) {
    const st_shard *shard = shard_of(store, run);
    *scan = (sm_scan){.model = model, .store = store, .run = run, .bound = *bound};
    draw_end(model, &scan->low, false, chance);
    draw_end(model, &scan->high, true, chance);
    scan->reverse = test_random_below(chance, 2) == 0;
    store_reading_begin(&scan->reading, store);
    const st_scan_range range = {st_key_slice(&scan->low), st_key_slice(&scan->high),
                                 scan->reverse};
    scan->scan = st_arena_alloc(&scan->reading.arena, sizeof *scan->scan, 16);
    assert_non_null(scan->scan);
    const strata_status status =
        st_scan_start(scan->scan, &scan->reading.reader, shard, &range, bound);
    if (scan_failed(scan, status)) {
        scan->scan = NULL;
    }
}

/* The next key that the model has in the scan; NULL: none. */
static const sm_version *next_in_model(sm_scan *scan, size_t *key) {
    while (scan->at < SM_KEYS) {
        *key = scan->reverse ? SM_KEYS - 1 - scan->at : scan->at;
        scan->at++;
        const sm_version *version = sm_find(scan->model, scan->run, *key, &scan->bound);
        if (in_range(scan, *key) && sm_is_live(scan->model, version, &scan->bound)) {
            return version;
        }
    }
    return NULL;
}

static bool stands_at(const sm_scan *scan, size_t key) {
    return scan->scan->here &&
           st_slice_equal(scan->scan->key, st_key_slice(&scan->model->keys[key]));
}

bool sm_scan_step(sm_scan *scan) {
    size_t key = 0;
    st_scan *at = scan->scan;
    if (at == NULL) {
        return false;
    }
    const sm_version *expected = next_in_model(scan, &key);
    while (expected != NULL && !stands_at(scan, key) &&
           may_have_ended(scan->model, expected, &scan->bound)) {
        expected = next_in_model(scan, &key);
    }
    if (at->here != (expected != NULL)) {
        fail_msg("scan of run %zu at %s, %s: %s; expected key %zu", scan->run,
                 show_bound(&scan->bound), scan->reverse ? "in reverse" : "forward",
                 at->here ? "has one key more" : "has ended", key);
    }
    if (expected == NULL) {
        return false;
    }
    strata_slice value;
    test_bytes_equal(at->key, st_key_slice(&scan->model->keys[key]), "a scan at another key");
    expect_revision(expected, &at->revision, key, &scan->bound);
    if (scan_failed(scan, st_scan_value(at, &value))) {
        return false;
    }
    test_bytes_equal(value, sm_value(expected), "a scan with another value");
    return !scan_failed(scan, st_scan_next(at));
}

void sm_scan_end(sm_scan *scan) {
    store_reading_end(&scan->reading);
}

static void check_scan(const store_model *model, st_store *store, size_t run, const st_bound *bound,
                       uint64_t *chance) {
    sm_scan scan;
    sm_scan_begin(&scan, model, store, run, bound, chance);
    while (sm_scan_step(&scan)) {
    }
    sm_scan_end(&scan);
}

/* ---- Histories ------------------------------------------------------------------------------- */

/* The versions of one key as they come, from `version` down. */
static void check_history(const store_model *model, st_scan *scan, size_t run, size_t key,
                          uint64_t version) {
    const sm_list *list = find_list(model, run, key);
    size_t at = list->count;
    const st_bound bound = st_bound_version(version);
    while (at > 0 && list->versions[at - 1].number > version) {
        at--;
    }
    while (scan->here && st_slice_equal(scan->key, st_key_slice(&model->keys[key]))) {
        strata_slice value;
        if (at == 0) {
            fail_msg("key %zu has a version %llu that was never made", key,
                     (unsigned long long)scan->revision.number);
        }
        at--;
        expect_revision(&list->versions[at], &scan->revision, key, &bound);
        assert_int_equal(st_scan_value(scan, &value), STRATA_OK);
        test_bytes_equal(value, sm_value(&list->versions[at]), "a history with another value");
        assert_int_equal(st_versions_next(scan), STRATA_OK);
    }
    if (at > 0 && is_kept(model, list, at - 1)) {
        /* A key that has vanished, and may have come back since. */
        const sm_version *missing = &list->versions[at - 1];
        const bool gone = missing->deleted || missing->expires_us <= model->now_us;
        if (model->policy.keep == ST_KEEP_ALL || !gone) {
            fail_msg("run %zu, key %zu up to %llu: version %llu is missing", run, key,
                     (unsigned long long)version, (unsigned long long)missing->number);
        }
    }
}

static void check_histories(const store_model *model, st_store *store, size_t run,
                            uint64_t version) {
    static const uint8_t low[] = {ST_TAG_KV};
    static const uint8_t high[] = {ST_TAG_EVENT + 1};
    const st_scan_range range = {st_slice(low, 1), st_slice(high, 1), false};
    const st_shard *shard = shard_of(store, run);
    store_reading reading;
    store_reading_begin(&reading, store);
    st_scan *scan = st_arena_alloc(&reading.arena, sizeof *scan, 16);
    assert_non_null(scan);
    assert_int_equal(st_versions_start(scan, &reading.reader, shard, &range, version), STRATA_OK);
    for (size_t key = 0; key < SM_KEYS; key++) {
        check_history(model, scan, run, key, version);
    }
    assert_false(scan->here);
    store_reading_end(&reading);
}

/* ---- Everything ------------------------------------------------------------------------------ */

static st_bound draw_bound(const store_model *model, st_store *store, size_t run,
                           uint64_t *chance) {
    st_bound bound = newest_bound(store, run);
    switch (test_random_below(chance, 5)) {
    case 0:
        break;
    case 1: /* as at a commit */
        bound.version = st_wal_check(&store->wal, NULL) == STRATA_OK ? UINT64_MAX : bound.version;
        break;
    case 2:
        bound.time_us = time_of(test_random_below(chance, model->last + 2));
        bound.past = true;
        break;
    default:
        bound.version = test_random_below(chance, model->last + 1);
        bound.past = true;
        break;
    }
    return bound;
}

void sm_probe(const store_model *model, st_store *store, uint64_t *chance, unsigned questions) {
    for (unsigned i = 0; i < questions; i++) {
        const size_t run = 1 + (size_t)test_random_below(chance, SM_RUNS);
        const st_bound bound = draw_bound(model, store, run, chance);
        switch (test_random_below(chance, 5)) {
        case 0:
            check_scan(model, store, run, &bound, chance);
            break;
        case 4:
            check_many(model, store, run, chance);
            break;
        case 1:
            check_histories(model, store, run, bound.version);
            break;
        default:
            check_point(model, store, run, (size_t)test_random_below(chance, SM_KEYS), &bound);
            break;
        }
    }
}

void sm_check(const store_model *model, st_store *store) {
    uint64_t chance = model->last;
    for (size_t run = 1; run <= SM_RUNS; run++) {
        const st_bound newest = newest_bound(store, run);
        check_histories(model, store, run, newest.version);
        for (size_t key = 0; key < SM_KEYS; key++) {
            check_point(model, store, run, key, &newest);
        }
    }
    sm_probe(model, store, &chance, 40);
}

/* ---- Files ----------------------------------------------------------------------------------- */

void sm_check_files(sim *s, const st_store *store) {
    const st_view *view = st_tables_view(store);
    size_t named = 0;
    size_t there = 0;
    for (unsigned i = 0; view != NULL && i < ST_LEVELS; i++) {
        for (size_t j = 0; j < view->levels[i].count; j++) {
            char name[ST_FILE_NAME_MAX + 8];
            st_table_name(name, sizeof name, "db",
                          st_table_about(view->levels[i].tables[j])->number);
            assert_true(sim_exists(s, name));
            named++;
        }
    }
    for (size_t i = 0; i < s->entry_count; i++) {
        there += s->entries[i]->now != NULL && strstr(s->entries[i]->name, "/DATA/") != NULL;
    }
    if (there != named) {
        fail_msg("%zu tables, but %zu files", named, there);
    }
    assert_true(view == NULL || st_view_check(view));
}

void sm_verify(sim *s) {
    st_report report = {0};
    strata_error error;
    assert_int_equal(st_verify_files(&s->host, "db", &report, &error), STRATA_OK);
    if (report.problem_count > 0) {
        fail_msg("%s at %llu: %s", report.problems[0].file,
                 (unsigned long long)report.problems[0].offset, report.problems[0].what);
    }
}
