/* json_write.c - a change of a document on its way into the store, or into a transaction.
 *
 * A change becomes one more part. When the parts have become half as long as their base, or
 * ST_JSON_PARTS_MAX of them, the document as it was becomes the base, and the change its first part, in
 * one commit: so what a commit has changed can always be told from its parts, and only a base without a
 * part of its own version has replaced the document. That is at most three times the bytes of the changes
 * for documents up to some hundred changes' length, and a 256th of the document more for longer ones.
 * A part is not deleted when a new base comes: it is below the base's version then, and overwritten by
 * the next part of its number.
 *
 * Invariants:
 * 1. Between st_json_begin and the commit the run is locked, so the document is the newest there is.
 * 2. The entry of the cache changes inside the hook of the commit, under the same lock, or not at all.
 */
#include "model/field_index.h"
#include "model/json/json_private.h"

static strata_slice root_route(void) {
    return st_slice("", 0);
}

/* ---- Beginning ------------------------------------------------------------------------------- */

static strata_status find_newest(st_request *rq, st_json_edit *edit) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    st_json_entry *entry =
        st_json_cache_take(&rq->model->documents, edit->run->shard->run, edit->key);
    if (entry == NULL) {
        return st_json_load(rq, edit->run, edit->key, &newest, &edit->found);
    }
    edit->entry = entry;
    edit->found = (st_json_found){true,
                                  st_buffer_slice(&entry->document),
                                  {entry->version, entry->timestamp_us},
                                  entry->base_bytes,
                                  entry->parts,
                                  entry->parts_bytes};
    return STRATA_OK;
}

strata_status st_json_begin(st_request *rq, st_run *run, strata_slice key, st_json_edit *edit) {
    edit->run = run;
    edit->key = key;
    edit->entry = NULL;
    edit->lost = NULL;
    ST_TRY(st_run_begin(rq, run, &edit->commit));
    const strata_status status =
        rq->txn != NULL ? st_json_load_own(rq, run, key, &edit->found) : find_newest(rq, edit);
    if (status != STRATA_OK) {
        st_run_abort(rq, &edit->commit);
    }
    return status;
}

void st_json_abort(st_request *rq, st_json_edit *edit) {
    st_json_cache_put(&rq->model->documents, edit->entry);
    st_run_abort(rq, &edit->commit);
}

static strata_status abort_with(st_request *rq, st_json_edit *edit, strata_status status) {
    st_json_abort(rq, edit);
    return status;
}

/* ---- Transactions ---------------------------------------------------------------------------- */

strata_status st_json_note(st_request *rq, strata_slice key, st_region region, bool wrote) {
    const size_t room = ST_VARINT_BYTES_MAX + key.len + 1 + region.route.len;
    uint8_t *note = st_arena_alloc(rq->arena, room, 1);
    if (note == NULL) {
        return st_fail_memory(rq->error);
    }
    uint8_t *p = st_varint_put(note, key.len);
    memcpy(p, key.data, key.len);
    p += key.len;
    *p++ = (uint8_t)region.kind;
    if (region.route.len > 0) {
        memcpy(p, region.route.data, region.route.len);
        p += region.route.len;
    }
    return st_txn_note(rq->txn, st_slice(note, (size_t)(p - note)), wrote, rq->error);
}

strata_status st_json_read(st_request *rq, strata_slice key, st_region region) {
    return rq->txn == NULL ? STRATA_OK : st_json_note(rq, key, region, false);
}

strata_status st_json_refused(st_request *rq, strata_slice key, strata_status status) {
    if (status != STRATA_NO_MEMORY) {
        ST_TRY(st_json_read(rq, key, (st_region){ST_REGION_TREE, root_route()}));
    }
    return status;
}

strata_slice st_json_note_document(strata_slice note) {
    st_cursor cursor = st_cursor_over(note);
    strata_slice key;
    const bool good = st_cursor_sized(&cursor, &key);
    ST_ASSERT(good);
    return key;
}

static strata_status note_changes(st_request *rq, strata_slice key, strata_slice changes) {
    st_cursor cursor = st_cursor_over(changes);
    strata_buffer scratch = {NULL, 0, 0, rq->model->host};
    strata_status status = STRATA_OK;
    while (status == STRATA_OK && st_cursor_left(&cursor) > 0) {
        st_region regions[ST_CHANGE_REGIONS_MAX];
        st_change change;
        size_t count = 0;
        ST_ASSERT(st_change_next(&cursor, &change)); /* made a moment ago */
        status = st_change_regions(&change, &scratch, regions, &count);
        for (size_t i = 0; status == STRATA_OK && i < count; i++) {
            status = st_json_note(rq, key, regions[i], true);
        }
    }
    strata_buffer_free(&scratch);
    return status == STRATA_NO_MEMORY ? st_fail_memory(rq->error) : status;
}

static bool is_pending(st_request *rq, strata_slice key, uint32_t part, strata_status *status) {
    strata_slice store_key;
    st_txn_write own;
    if (*status != STRATA_OK) {
        return false;
    }
    *status = st_json_key(rq, ST_TAG_JSON_PATCH, key, part, &store_key);
    return *status == STRATA_OK && st_txn_find(rq->txn, store_key, &own);
}

/* The first number that the transaction has no part of: parts have no gaps. */
static strata_status next_pending(st_request *rq, strata_slice key, uint32_t *part) {
    strata_status status = STRATA_OK;
    uint32_t step = 1;
    uint32_t low = ST_JSON_PENDING; /* all below are there */
    while (is_pending(rq, key, low + step - 1, &status)) {
        low += step;
        step *= 2;
    }
    while (step > 1) {
        step /= 2;
        low += is_pending(rq, key, low + step - 1, &status) ? step : 0;
    }
    *part = low;
    return status;
}

static strata_status put_pending(st_request *rq, uint8_t tag, strata_slice key, uint32_t part,
                                 const strata_slice *value) {
    strata_slice store_key;
    strata_slice stored = st_slice("", 0);
    ST_TRY(st_json_key(rq, tag, key, part, &store_key));
    if (value != NULL) {
        ST_TRY(st_json_stored(rq, *value, &stored));
    }
    const st_txn_write write = {
        .write = {.key = store_key, .value = stored, .deletes = value == NULL},
        .rule = ST_WRITE_JSON,
        .operand = {"", 0}};
    return st_txn_put(rq->txn, &write, rq->error);
}

static strata_status change_pending(st_request *rq, const st_json_edit *edit,
                                    strata_slice changes) {
    uint32_t part;
    ST_TRY(note_changes(rq, edit->key, changes));
    ST_TRY(next_pending(rq, edit->key, &part));
    return put_pending(rq, ST_TAG_JSON_PATCH, edit->key, part, &changes);
}

static strata_status note_all(st_request *rq, strata_slice key) {
    return st_json_note(rq, key, (st_region){ST_REGION_TREE, root_route()}, true);
}

/* ---- Secondary indexes ----------------------------------------------------------------------- */

/* Commits writes that make of the document what `after` is (empty: none), and what the run's indexes need
 * for it. NULL: it is not known yet, and only of interest if there are indexes. */
typedef struct json_after {
    const strata_slice *document;
    strata_slice changes; /* makes it, when document is NULL */
} json_after;

static strata_status add_index_writes(st_request *rq, const st_json_edit *edit,
                                      const json_after *to, strata_buffer *writes) {
    const strata_slice before = edit->found.exists ? edit->found.document : st_slice("", 0);
    strata_slice owner;
    strata_slice after;
    ST_TRY(st_json_key(rq, ST_TAG_JSON, edit->key, 0, &owner));
    if (to->document != NULL) {
        after = *to->document;
    } else {
        ST_TRY(st_json_apply(rq, before, &to->changes, 1, &after));
    }
    return st_indexes_change(rq, edit->run, owner, before, after, writes);
}

static strata_status commit_writes(st_request *rq, st_json_edit *edit, const st_write *given,
                                   size_t count, const json_after *to, const st_commit_hook *hook,
                                   st_stamp *stamp) {
    strata_buffer writes = {NULL, 0, 0, rq->model->host};
    bool any = false;
    strata_status status = st_indexes_any(rq, edit->run, ST_PRIMITIVE_JSON, &any);
    if (status == STRATA_OK && !any) {
        return st_run_write(rq, &edit->commit, given, count, hook, stamp);
    }
    if (status == STRATA_OK) {
        status = st_buffer_append(&writes, given, count * sizeof *given) == STRATA_OK
                     ? add_index_writes(rq, edit, to, &writes)
                     : st_fail_memory(rq->error);
    }
    if (status == STRATA_OK) {
        status = st_run_write(rq, &edit->commit, (const st_write *)(void *)writes.data,
                              writes.len / sizeof(st_write), hook, stamp);
    } else {
        st_run_abort(rq, &edit->commit);
    }
    strata_buffer_free(&writes);
    return status;
}

/* ---- A change by itself ---------------------------------------------------------------------- */

/* What the hook of a commit needs. */
typedef struct json_hook {
    st_json_cache *cache;
    st_json_entry *entry;
    strata_slice changes;
    bool new_base;
} json_hook;

static void change_entry(void *ctx, const st_commit *commit, uint64_t version) {
    json_hook *hook = ctx;
    st_json_entry *entry = hook->entry;
    const size_t base_bytes = entry->document.len;
    hook->entry = NULL;
    if (st_changes_apply(&entry->document, hook->changes) != STRATA_OK) {
        st_json_cache_drop(hook->cache, entry);
        return;
    }
    entry->version = version;
    entry->timestamp_us = commit->timestamp_us;
    if (hook->new_base) {
        entry->base_bytes = base_bytes;
        entry->parts = 0;
        entry->parts_bytes = 0;
    }
    entry->parts++;
    entry->parts_bytes += hook->changes.len;
    st_json_cache_put(hook->cache, entry);
}

bool st_json_base_due(const st_json_found *found, strata_slice changes) {
    return found->parts >= ST_JSON_PARTS_MAX ||
           (found->parts >= ST_JSON_PARTS_MIN &&
            found->parts_bytes + changes.len > found->base_bytes / 2);
}

/* An entry for the cache, with room for the changes; without one all goes on, too. */
static void need_entry(st_request *rq, st_json_edit *edit, strata_slice changes) {
    st_json_cache *cache = &rq->model->documents;
    st_json_entry *entry = edit->entry;
    if (entry == NULL && edit->found.document.len <= cache->bytes_max / 8) {
        entry = st_json_cache_make(cache, edit->run->shard->run, edit->key);
        if (entry != NULL && st_buffer_append(&entry->document, edit->found.document.data,
                                              edit->found.document.len) != STRATA_OK) {
            st_json_cache_drop(cache, entry);
            entry = NULL;
        }
        if (entry != NULL) {
            entry->base_bytes = edit->found.base_bytes;
            entry->parts = edit->found.parts;
            entry->parts_bytes = edit->found.parts_bytes;
        }
    }
    if (entry != NULL && st_changes_reserve(&entry->document, changes) != STRATA_OK) {
        /* Its bytes are what the document is read from: they go at the end. */
        edit->lost = entry;
        entry = NULL;
    }
    edit->entry = entry;
    if (entry != NULL) {
        edit->found.document = st_buffer_slice(&entry->document);
    }
}

/* Only near the limit it is worth while to look exactly. */
static strata_status check_size(st_request *rq, const st_json_edit *edit, strata_slice changes) {
    const size_t bytes_max = rq->model->document_bytes_max;
    strata_slice after;
    if (edit->found.document.len + changes.len + ST_CHANGE_ROOM <= bytes_max) {
        return STRATA_OK;
    }
    ST_TRY(st_json_apply(rq, edit->found.document, &changes, 1, &after));
    return after.len <= bytes_max ? STRATA_OK : st_document_fail_size(rq->error, bytes_max);
}

static strata_status make_writes(st_request *rq, const st_json_edit *edit, strata_slice changes,
                                 st_write writes[2], size_t *count) {
    const bool new_base = st_json_base_due(&edit->found, changes);
    st_write *part = &writes[0];
    *count = 1;
    memset(writes, 0, 2 * sizeof *writes);
    if (new_base) {
        ST_TRY(st_json_key(rq, ST_TAG_JSON, edit->key, 0, &writes[0].key));
        ST_TRY(st_json_stored(rq, edit->found.document, &writes[0].value));
        part = &writes[1];
        *count = 2;
    }
    ST_TRY(st_json_key(rq, ST_TAG_JSON_PATCH, edit->key, new_base ? 1 : edit->found.parts + 1,
                       &part->key));
    return st_json_stored(rq, changes, &part->value);
}

strata_status st_json_change(st_request *rq, st_json_edit *edit, strata_slice changes,
                             st_stamp *stamp) {
    st_write writes[2];
    size_t count = 0;
    if (changes.len == 0) {
        *stamp = edit->found.stamp;
        return abort_with(rq, edit, STRATA_OK);
    }
    strata_status status = check_size(rq, edit, changes);
    if (rq->txn != NULL) {
        *stamp = (st_stamp){0, edit->commit.timestamp_us};
        return status == STRATA_OK ? change_pending(rq, edit, changes)
                                   : st_json_refused(rq, edit->key, status);
    }
    if (status == STRATA_OK) {
        status = make_writes(rq, edit, changes, writes, &count);
    }
    if (status != STRATA_OK) {
        return abort_with(rq, edit, status);
    }
    need_entry(rq, edit, changes);
    json_hook change = {&rq->model->documents, edit->entry, changes, count == 2};
    const st_commit_hook hook = {&change, change_entry};
    const json_after after = {NULL, changes};
    status =
        commit_writes(rq, edit, writes, count, &after, edit->entry == NULL ? NULL : &hook, stamp);
    st_json_cache_drop(change.cache, change.entry); /* there was no commit */
    st_json_cache_drop(change.cache, edit->lost);
    return status;
}

/* ---- Whole documents ------------------------------------------------------------------------- */

strata_status st_json_fail_root(st_request *rq) {
    return st_fail_constraint(rq->error, "root_not_object", "the root of a document is an object");
}

strata_status st_json_replace(st_request *rq, st_json_edit *edit, strata_slice document,
                              st_stamp *stamp) {
    st_write write = {.deletes = false};
    st_node root;
    strata_status status = STRATA_OK;
    if (!st_node_read(document, &root) || root.type != STRATA_OBJECT) {
        status = st_json_fail_root(rq);
    } else if (document.len > rq->model->document_bytes_max) {
        status = st_document_fail_size(rq->error, rq->model->document_bytes_max);
    }
    if (status == STRATA_OK && rq->txn != NULL) {
        *stamp = (st_stamp){0, edit->commit.timestamp_us};
        ST_TRY(note_all(rq, edit->key));
        return put_pending(rq, ST_TAG_JSON, edit->key, 0, &document);
    }
    if (status == STRATA_OK) {
        status = st_json_key(rq, ST_TAG_JSON, edit->key, 0, &write.key);
    }
    if (status == STRATA_OK) {
        status = st_json_stored(rq, document, &write.value);
    }
    if (status != STRATA_OK) {
        return abort_with(rq, edit, status);
    }
    const json_after after = {&document, {NULL, 0}};
    status = commit_writes(rq, edit, &write, 1, &after, NULL, stamp);
    st_json_cache_drop(&rq->model->documents, edit->entry);
    return status;
}

strata_status st_json_removal(st_request *rq, const st_run *run, strata_slice key,
                              strata_buffer *writes) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    st_write write = {.value = {"", 0}, .deletes = true};
    strata_slice low;
    strata_slice high;
    ST_TRY(st_json_key(rq, ST_TAG_JSON_PATCH, key, 1, &low));
    ST_TRY(st_json_key(rq, ST_TAG_JSON_PATCH, key, UINT32_MAX, &high));
    ST_TRY(st_json_key(rq, ST_TAG_JSON, key, 0, &write.key));
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    if (scan == NULL || st_buffer_append(writes, &write, sizeof write) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    st_reader untracked = rq->reader;
    untracked.overlay = NULL;
    untracked.scans = NULL;
    const st_scan_range range = {low, high, false};
    strata_status status = st_scan_start(scan, &untracked, run->shard, &range, &newest);
    while (status == STRATA_OK && scan->here) {
        write.key = st_arena_copy(rq->arena, scan->key);
        status =
            write.key.data == NULL || st_buffer_append(writes, &write, sizeof write) != STRATA_OK
                ? st_fail_memory(rq->error)
                : st_scan_next(scan);
    }
    st_reader_finish(&untracked);
    return status;
}

strata_status st_json_remove(st_request *rq, st_json_edit *edit, st_stamp *stamp) {
    if (rq->txn != NULL) {
        *stamp = (st_stamp){0, edit->commit.timestamp_us};
        ST_TRY(note_all(rq, edit->key));
        return put_pending(rq, ST_TAG_JSON, edit->key, 0, NULL);
    }
    strata_buffer writes = {NULL, 0, 0, rq->model->host};
    strata_status status = st_json_removal(rq, edit->run, edit->key, &writes);
    if (status != STRATA_OK) {
        st_json_abort(rq, edit);
    } else {
        const strata_slice none = st_slice("", 0);
        const json_after after = {&none, {NULL, 0}};
        status = commit_writes(rq, edit, (const st_write *)(void *)writes.data,
                               writes.len / sizeof(st_write), &after, NULL, stamp);
        st_json_cache_drop(&rq->model->documents, edit->entry);
    }
    strata_buffer_free(&writes);
    return status;
}
