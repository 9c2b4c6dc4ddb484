/* field_index.c - secondary indexes: their records, and what a change of something changes in them.
 *
 * Under ST_TAG_INDEX and its name an index has a record: a MessagePack map {id, primitive, path, schema?,
 * ready}. Ids go up in a run, and one is never used again: they are the highest of all versions of all
 * records, plus one. Under ST_TAG_INDEX_ENTRY an entry is id, encoded value (index/field/value.h), and the key
 * of the store, without its tag, of what has the value; the entry's own value is empty. What is at the path is
 * one value, or an array, each of whose elements is one.
 *
 * Invariants:
 * 1. From the commit of its record on every commit keeps an index up to date; what was there before is put in
 *    in further commits, each under the run's lock, and then the record says `ready`. Only then is it used.
 * 2. An entry is there exactly when what it names has the value now: entries are versions like all others, so
 *    a reader of the past finds those of then.
 * 3. What a run knows of its indexes (st_run.indexes) is what its newest records say; it changes under the
 *    run's lock.
 * Rejected: entries that name the version they are of, checked by the reader. The old ones would stay.
 */
#include "model/field_index_private.h"

#include "base/sort.h"
#include "index/field/value.h"

/* ---- Records --------------------------------------------------------------------------------- */

static strata_status put_text(strata_buffer *out, const char *name, strata_slice text) {
    ST_TRY(st_msgpack_put_string(out, strata_text(name)));
    return st_msgpack_put_string(out, text);
}

strata_status st_index_encode(const st_index_def *def, strata_buffer *out) {
    out->len = 0;
    ST_TRY(st_msgpack_put_object(out, def->schema.len > 0 ? 5 : 4));
    ST_TRY(st_msgpack_put_string(out, strata_text("id")));
    ST_TRY(st_msgpack_put_uint(out, def->id));
    ST_TRY(put_text(out, "primitive", strata_text(def->primitive->name)));
    ST_TRY(put_text(out, "path", def->path_text));
    if (def->schema.len > 0) {
        ST_TRY(put_text(out, "schema", def->schema));
    }
    ST_TRY(st_msgpack_put_string(out, strata_text("ready")));
    return st_msgpack_put_bool(out, def->ready);
}

static bool take_field(strata_slice name, const st_token *value, st_index_def *def) {
    if (st_slice_equal(name, strata_text("id"))) {
        def->id = (uint32_t)value->as.integer;
        return value->type == STRATA_INT && value->as.integer > 0 &&
               value->as.integer <= UINT32_MAX;
    }
    if (st_slice_equal(name, strata_text("ready"))) {
        def->ready = value->type == STRATA_BOOL && value->as.boolean;
        return value->type == STRATA_BOOL;
    }
    if (value->type != STRATA_STRING) {
        return true; /* of a later version */
    }
    if (st_slice_equal(name, strata_text("primitive"))) {
        def->primitive = st_primitive_named(value->as.bytes);
    } else if (st_slice_equal(name, strata_text("path"))) {
        def->path_text = value->as.bytes;
    } else if (st_slice_equal(name, strata_text("schema"))) {
        def->schema = value->as.bytes;
    }
    return true;
}

/* corrupt, or no_memory for the path. */
static strata_status decode(strata_slice stored, st_arena *arena, st_index_def *def) {
    st_cursor cursor = st_cursor_over(stored);
    st_token map;
    bool good = st_msgpack_next(&cursor, &map) && map.type == STRATA_OBJECT;
    for (uint32_t i = 0; good && i < map.as.count; i++) {
        st_token name;
        st_token value;
        strata_slice raw;
        good = st_msgpack_next(&cursor, &name) && name.type == STRATA_STRING &&
               st_msgpack_skip(&cursor, &raw);
        if (good) {
            st_cursor field = st_cursor_over(raw);
            good = st_msgpack_next(&field, &value) && take_field(name.as.bytes, &value, def);
        }
    }
    if (!good || def->id == 0 || def->primitive == NULL || def->path_text.data == NULL) {
        return STRATA_CORRUPT;
    }
    const strata_status status = st_path_parse(def->path_text, arena, &def->path, NULL);
    return status == STRATA_OK || status == STRATA_NO_MEMORY ? status : STRATA_CORRUPT;
}

static strata_status fail_record(st_request *rq, strata_slice name) {
    st_fail(rq->error, STRATA_CORRUPT, "the record of the index \"%S\" is malformed", &name);
    return st_fail_text(rq->error, "file", strata_text("index"));
}

/* The record where the scan stands, in the arena. */
strata_status st_index_record(st_request *rq, st_scan *scan, st_arena *arena, st_index_def *def) {
    strata_slice stored;
    ST_TRY(st_scan_value(scan, &stored));
    stored = st_arena_copy(arena, stored);
    *def = (st_index_def){.name = st_arena_copy(arena, st_key_text_of(scan->key)),
                          .stamp = {scan->revision.number, scan->revision.timestamp_us}};
    if (stored.data == NULL || def->name.data == NULL) {
        return st_fail_memory(rq->error);
    }
    const strata_status status = decode(stored, arena, def);
    return status == STRATA_OK          ? STRATA_OK
           : status == STRATA_NO_MEMORY ? st_fail_memory(rq->error)
                                        : fail_record(rq, def->name);
}

static const uint8_t records_low[] = {ST_TAG_INDEX};
static const uint8_t records_high[] = {ST_TAG_INDEX + 1};

static strata_status read_records(st_request *rq, const st_run *run, const st_bound *bound,
                                  st_arena *arena, st_index_def **defs, size_t *count) {
    const st_scan_range range = {st_slice(records_low, 1), st_slice(records_high, 1), false};
    st_reader untracked = rq->reader;
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    size_t read = 0;
    untracked.overlay = NULL;
    untracked.scans = NULL;
    *defs = st_arena_alloc(arena, ST_INDEXES_MAX * sizeof **defs, 8);
    if (scan == NULL || *defs == NULL) {
        return st_fail_memory(rq->error);
    }
    strata_status status = st_scan_start(scan, &untracked, run->shard, &range, bound);
    while (status == STRATA_OK && scan->here && read < ST_INDEXES_MAX) {
        status = st_index_record(rq, scan, arena, &(*defs)[read++]);
        if (status == STRATA_OK) {
            status = st_scan_next(scan);
        }
    }
    st_reader_finish(&untracked);
    *count = read;
    return status;
}

strata_status st_indexes_read(st_request *rq, const st_run *run, const st_bound *bound,
                              st_index_def **defs, size_t *count) {
    st_bound stored = *bound;
    stored.own = false; /* records are never part of a transaction */
    return read_records(rq, run, &stored, rq->arena, defs, count);
}

/* ---- What a run knows ------------------------------------------------------------------------ */

void st_indexes_forget(st_run *run, const strata_allocator *memory) {
    st_known_indexes *known = run->indexes;
    if (known != NULL) {
        run->indexes = NULL;
        st_arena_free(&known->arena);
        st_free(memory, known, sizeof *known);
    }
}

strata_status st_indexes_know(st_request *rq, st_run *run) {
    const strata_allocator *memory = &rq->model->host->memory;
    const st_bound newest = st_bound_version(UINT64_MAX);
    if (ST_LIKELY(run->indexes != NULL)) {
        return STRATA_OK;
    }
    st_known_indexes *known = st_alloc_zeroed(memory, sizeof *known);
    if (known == NULL) {
        return st_fail_memory(rq->error);
    }
    st_arena_init(&known->arena, memory, 256);
    run->indexes = known;
    const strata_status status =
        read_records(rq, run, &newest, &known->arena, &known->defs, &known->count);
    if (status == STRATA_OK && known->count == 0) {
        st_arena_free(&known->arena); /* most runs have none */
    }
    if (status != STRATA_OK) {
        st_indexes_forget(run, memory);
    }
    return status;
}

strata_status st_indexes_any(st_request *rq, st_run *run, st_primitive_id primitive, bool *any) {
    ST_TRY(st_indexes_know(rq, run));
    *any = false;
    for (size_t i = 0; i < run->indexes->count && !*any; i++) {
        *any = run->indexes->defs[i].primitive->id == primitive;
    }
    return STRATA_OK;
}

/* ---- Entries --------------------------------------------------------------------------------- */

void st_index_key(st_key *key, uint32_t id, strata_slice value) {
    key->bytes[0] = ST_TAG_INDEX_ENTRY;
    store32_be(key->bytes + 1, id);
    if (value.len > 0) {
        memcpy(key->bytes + 5, value.data, value.len);
    }
    key->len = 5 + value.len;
}

bool st_index_key_parts(strata_slice key, strata_slice *value, strata_slice *owner) {
    const uint8_t *bytes = key.data;
    if (key.len < 6) {
        return false;
    }
    const size_t len = st_field_length(st_slice(bytes + 5, key.len - 5));
    *value = st_slice(bytes + 5, len);
    *owner = st_slice(bytes + 5 + len, key.len - 5 - len);
    return len > 0 && owner->len >= 2;
}

static int compare_values(const void *a, const void *b) {
    return st_slice_compare(*(const strata_slice *)a, *(const strata_slice *)b);
}

static strata_status add_value(st_request *rq, const st_node *node, st_index_values *all) {
    uint8_t bytes[ST_INDEX_VALUE_BYTES_MAX];
    const size_t len = st_field_encode(node, bytes, NULL);
    if (len == 0) {
        return STRATA_OK;
    }
    all->items[all->count] = st_arena_copy(rq->arena, st_slice(bytes, len));
    return all->items[all->count++].data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

strata_status st_index_values_of(st_request *rq, strata_slice document, const st_path *path,
                                 st_index_values *all) {
    st_node node;
    bool found = false;
    all->count = 0;
    all->items = NULL;
    if (document.len == 0 || st_path_find(document, path, &node, &found) != STRATA_OK || !found) {
        return STRATA_OK; /* what is malformed has no values; whoever reads it says so */
    }
    const size_t most = node.type == STRATA_ARRAY ? node.as.count : 1;
    all->items = st_arena_alloc(rq->arena, (most + 1) * sizeof *all->items, 8);
    if (all->items == NULL) {
        return st_fail_memory(rq->error);
    }
    if (node.type != STRATA_ARRAY) {
        return add_value(rq, &node, all);
    }
    st_node_iter it;
    st_node_iter_start(&it, &node);
    while (st_node_iter_next(&it)) {
        ST_TRY(add_value(rq, &it.node, all));
    }
    st_sort(all->items, all->count, sizeof *all->items, compare_values);
    size_t kept = 0;
    for (size_t i = 0; i < all->count; i++) {
        if (i == 0 || !st_slice_equal(all->items[i], all->items[kept - 1])) {
            all->items[kept++] = all->items[i];
        }
    }
    all->count = kept;
    return STRATA_OK;
}

static strata_status write_entry(st_request *rq, const st_index_def *def, strata_slice value,
                                 strata_slice owner, bool deletes, strata_buffer *writes) {
    st_key key;
    st_index_key(&key, def->id, value);
    ST_ASSERT(key.len + owner.len - 1 <= sizeof key.bytes);
    memcpy(key.bytes + key.len, (const uint8_t *)owner.data + 1, owner.len - 1);
    key.len += owner.len - 1;
    const st_write write = {.key = st_arena_copy(rq->arena, st_key_slice(&key)),
                            .value = st_slice("", 0),
                            .deletes = deletes};
    return write.key.data == NULL || st_buffer_append(writes, &write, sizeof write) != STRATA_OK
               ? st_fail_memory(rq->error)
               : STRATA_OK;
}

bool st_index_covers(const st_index_def *def, strata_slice owner) {
    const uint8_t tag = st_key_tag(owner);
    strata_slice texts[3];
    if (def->primitive->tags[0] != tag) {
        return false;
    }
    if (def->schema.len == 0 || st_key_form_of(tag) != ST_KEY_PAIR) {
        return true;
    }
    st_key_texts_of(owner, texts);
    return st_slice_equal(texts[0], def->schema);
}

/* Both are in order: what is only in the one goes, what is only in the other comes. */
strata_status st_index_change(st_request *rq, const st_index_def *def, strata_slice owner,
                              strata_slice before, strata_slice after, strata_buffer *writes) {
    st_index_values old;
    st_index_values now;
    ST_TRY(st_index_values_of(rq, before, &def->path, &old));
    ST_TRY(st_index_values_of(rq, after, &def->path, &now));
    for (size_t i = 0, j = 0; i < old.count || j < now.count;) {
        const int order = i == old.count   ? 1
                          : j == now.count ? -1
                                           : st_slice_compare(old.items[i], now.items[j]);
        if (order < 0) {
            ST_TRY(write_entry(rq, def, old.items[i++], owner, true, writes));
        } else if (order > 0) {
            ST_TRY(write_entry(rq, def, now.items[j++], owner, false, writes));
        } else {
            i++;
            j++;
        }
    }
    return STRATA_OK;
}

strata_status st_indexes_change(st_request *rq, st_run *run, strata_slice owner,
                                strata_slice before, strata_slice after, strata_buffer *writes) {
    ST_TRY(st_indexes_know(rq, run));
    for (size_t i = 0; i < run->indexes->count; i++) {
        const st_index_def *def = &run->indexes->defs[i];
        if (st_index_covers(def, owner)) {
            ST_TRY(st_index_change(rq, def, owner, before, after, writes));
        }
    }
    return STRATA_OK;
}
