/* repair_rebuild.c - a manifest for files that have none.
 *
 * Tables and segments say which database they are of, but not which of them were live, nor in what
 * order: a table that compaction has replaced, and that a crash or a snapshot has kept, looks like any
 * other. So all of them, and the log, are merged into new tables of one level, in which only (key,
 * version) counts. What retention had trimmed may be back, deletes that it had forgotten with it, and
 * since nobody knows how much history had gone, the floor is set to where the tables end.
 * Tables that were whole are removed when the new ones are live, unless a snapshot has them: every
 * entry of theirs is in a new one.
 */
#include "store/copies/repair_private.h"

#include "base/crc32c.h"
#include "store/merge.h"

enum { TABLE_HEAD_BYTES = 40, TABLE_BYTES = 64 << 20, TABLES_OF_A_SIZE = 512 };

/* ---- Whose files? ---------------------------------------------------------------------------- */

static strata_status read_start(const st_repair_state *r, const char *name, uint8_t *bytes,
                                size_t len, bool *whole) {
    const strata_storage *storage = &r->store.host->storage;
    strata_file *file = NULL;
    size_t got = 0;
    strata_status status = storage->open(storage->ctx, name, STRATA_FILE_READ, &file);
    if (status == STRATA_OK) {
        status = storage->read_at(storage->ctx, file, 0, bytes, len, &got);
        (void)storage->close(storage->ctx, file);
    }
    *whole = got == len;
    return status == STRATA_OK ? STRATA_OK
                               : st_fail(r->error, status, "%s could not be read (%s)", name,
                                         strata_status_name(status));
}

/* Goes by the first table that has a whole header. */
static strata_status ask_tables(st_repair_state *r, bool *known) {
    const uint64_t *numbers = (const uint64_t *)(const void *)r->data.data;
    st_manifest *m = &r->store.manifest;
    for (size_t i = 0; i < r->data.len / sizeof *numbers && !*known; i++) {
        char name[ST_FILE_NAME_MAX + 1024];
        uint8_t head[TABLE_HEAD_BYTES];
        bool whole;
        st_table_name(name, sizeof name, r->store.path, numbers[i]);
        ST_TRY(read_start(r, name, head, sizeof head, &whole));
        if (whole && memcmp(head, "STRATAT1", 8) == 0 &&
            load32_le(head + 36) == st_crc32c(0, st_slice(head, 36)) &&
            load64_le(head + 8) == numbers[i] && st_codec_name(load32_le(head + 32)) != NULL) {
            memcpy(m->uuid, head + 16, ST_UUID_BYTES);
            m->codec = (strata_codec)load32_le(head + 32);
            *known = true;
        }
    }
    return STRATA_OK;
}

/* The first segment that has a whole header, of this database if that is known: the log begins
 * there. *found false: there is none. */
static strata_status ask_log(st_repair_state *r, bool known, bool *found) {
    const uint64_t *numbers = (const uint64_t *)(const void *)r->log.data;
    st_manifest *m = &r->store.manifest;
    *found = false;
    for (size_t i = 0; i < r->log.len / sizeof *numbers && !*found; i++) {
        char name[ST_FILE_NAME_MAX + 1024];
        uint8_t head[ST_WAL_HEADER_BYTES];
        st_wal_header header;
        bool whole;
        st_wal_name(name, sizeof name, r->store.path, numbers[i]);
        ST_TRY(read_start(r, name, head, sizeof head, &whole));
        *found = whole && st_wal_header_decode(head, &header) && header.segment == numbers[i] &&
                 header.version_before < INT64_MAX &&
                 (!known || memcmp(header.uuid, m->uuid, ST_UUID_BYTES) == 0);
        if (*found) {
            memcpy(m->uuid, header.uuid, ST_UUID_BYTES);
            m->wal_first = numbers[i];
            m->watermark = header.version_before;
            /* A log of plain records reads the same with it. */
            m->codec = known ? m->codec : STRATA_CODEC_ZSTD;
        }
    }
    return STRATA_OK;
}

/* ---- Sources --------------------------------------------------------------------------------- */

typedef struct rebuild {
    st_repair_state *state;
    strata_buffer tables; /* st_table *: open */
    uint64_t version;     /* the newest in them */
    int64_t time_us;
    st_table_builder *builder;
    uint64_t outputs;
} rebuild;

static strata_status add_source(rebuild *b, st_table *table) {
    const st_table_info *about = st_table_about(table);
    if (st_buffer_append(&b->tables, &table, sizeof(st_table *)) != STRATA_OK) {
        st_table_close(table);
        return st_fail_memory(b->state->error);
    }
    b->version = about->version_max > b->version ? about->version_max : b->version;
    b->time_us = about->time_max_us > b->time_us ? about->time_max_us : b->time_us;
    return STRATA_OK;
}

/* Opens a table that was just written. */
static strata_status add_made(rebuild *b, const st_live_file *made) {
    strata_error detail = {.code = STRATA_OK};
    st_table *table;
    if (made->number == 0) {
        return STRATA_OK;
    }
    ST_TRY(st_repair_check(b->state, made->number, &table, &detail));
    return table == NULL ? st_fail(b->state->error, STRATA_IO,
                                   "what was written could not be read again: %s", detail.message)
                         : add_source(b, table);
}

static strata_status add_table(rebuild *b, uint64_t number) {
    st_repair_state *r = b->state;
    strata_error detail = {.code = STRATA_OK};
    st_replaced replaced = {.number = number};
    st_table *table;
    ST_TRY(st_repair_check(r, number, &table, &detail));
    if (table != NULL) {
        replaced.by = (st_live_file){ST_FILE_TABLE, 0, number, st_table_about(table)->bytes};
        ST_TRY(add_source(b, table));
    } else {
        ST_TRY(st_repair_salvage(r, number, 0, &detail, &replaced.by));
        ST_TRY(add_made(b, &replaced.by));
    }
    return st_buffer_append(&r->replaced, &replaced, sizeof replaced) == STRATA_OK
               ? STRATA_OK
               : st_fail_memory(r->error);
}

static strata_status add_log(rebuild *b, bool found) {
    st_repair_state *r = b->state;
    const st_manifest *m = &r->store.manifest;
    strata_error detail = {.code = STRATA_OK};
    st_live_file made;
    char what[ST_REPAIR_TEXT_MAX];
    if (r->log.len == 0) {
        return STRATA_OK;
    }
    if (found && m->watermark > b->version) {
        st_format(what, sizeof what,
                  "lost: the commits from %u to %u are neither in a table nor in the log",
                  b->version + 1, m->watermark);
        (void)st_repair_tell(r, "DATA", what);
        r->report->lost_from = b->version + 1;
        r->report->lost_to = m->watermark;
    }
    st_format(detail.message, sizeof detail.message, "%s",
              found ? "without a MANIFEST it cannot go on; its commits are in a table now"
                    : "no segment of it has a whole header");
    ST_TRY(st_repair_log(r, &detail, &made));
    b->version = m->watermark > b->version ? m->watermark : b->version;
    ST_TRY(add_made(b, &made));
    if (made.number == 0) {
        return STRATA_OK;
    }
    char name[ST_FILE_NAME_MAX];
    st_format(name, sizeof name, "DATA/tab-%u.tab", made.number);
    return st_repair_remove_later(r, name);
}

/* ---- Merging --------------------------------------------------------------------------------- */

static strata_status finish_table(rebuild *b) {
    st_repair_state *r = b->state;
    st_table_info info;
    if (b->builder == NULL) {
        return STRATA_OK;
    }
    ST_TRY(st_table_builder_finish(b->builder, &info, r->error));
    const st_live_file file = {ST_FILE_TABLE, ST_LEVELS - 1, info.number, info.bytes};
    b->outputs++;
    st_table_builder_destroy(b->builder);
    b->builder = NULL;
    return st_buffer_append(&r->files, &file, sizeof file) == STRATA_OK ? STRATA_OK
                                                                        : st_fail_memory(r->error);
}

static strata_status write_entry(rebuild *b, st_merge *merge, bool new_key) {
    st_repair_state *r = b->state;
    const uint64_t limit = (uint64_t)TABLE_BYTES << b->outputs / TABLES_OF_A_SIZE;
    st_revision revision = merge->top->revision;
    if (new_key && b->builder != NULL && st_table_builder_bytes(b->builder) >= limit) {
        ST_TRY(finish_table(b));
    }
    if (b->builder == NULL) {
        st_table_spec spec;
        st_tables_spec(&r->store, st_tables_next_number(&r->store), &spec);
        ST_TRY(st_table_builder_create(&spec, &b->builder, r->error));
    }
    ST_TRY(st_merge_value(merge, &revision.value));
    return st_table_builder_add(b->builder, merge->top->key, &revision, r->error);
}

static strata_status write_all(rebuild *b, st_merge *merge) {
    uint8_t key[ST_TABLE_KEY_MAX];
    size_t key_len = 0;
    ST_TRY(st_merge_seek(merge, st_slice("", 0), UINT64_MAX));
    while (st_merge_here(merge)) {
        const bool new_key = !st_slice_equal(merge->top->key, st_slice(key, key_len));
        key_len = merge->top->key.len;
        memcpy(key, merge->top->key.data, key_len);
        ST_TRY(write_entry(b, merge, new_key));
        ST_TRY(st_merge_next(merge));
    }
    return finish_table(b);
}

static strata_status merge_all(rebuild *b) {
    const strata_allocator *memory = &b->state->store.host->memory;
    st_table **tables = (st_table **)(void *)b->tables.data;
    const size_t count = b->tables.len / sizeof *tables;
    st_source *sources = st_alloc(memory, (count + 1) * sizeof *sources);
    st_source **list = st_alloc(memory, (count + 1) * sizeof *list);
    strata_status status = STRATA_NO_MEMORY;
    if (sources != NULL && list != NULL) {
        st_merge merge;
        for (size_t i = 0; i < count; i++) {
            st_source_tables(&sources[i], tables + i, 1, UINT64_MAX, b->state->error);
            list[i] = &sources[i];
        }
        st_merge_init(&merge, list, count);
        status = write_all(b, &merge);
        st_merge_release(&merge);
    } else {
        status = st_fail_memory(b->state->error);
    }
    st_free(memory, sources, (count + 1) * sizeof *sources);
    st_free(memory, list, (count + 1) * sizeof *list);
    return status;
}

/* ---- The rest -------------------------------------------------------------------------------- */

static strata_status add_snapshots(rebuild *b) {
    st_repair_state *r = b->state;
    const uint64_t *numbers = (const uint64_t *)(const void *)r->snapshots.data;
    for (size_t i = 0; i < r->snapshots.len / sizeof *numbers; i++) {
        st_live_file file = {ST_FILE_SNAPSHOT, 0, numbers[i], 0};
        bool lost = false;
        ST_TRY(st_repair_snapshot(r, &file, &lost));
    }
    return STRATA_OK;
}

/* Whether a snapshot that stays has the table. */
static strata_status is_pinned(st_repair_state *r, uint64_t number, bool *pinned) {
    const st_live_file *files = (const st_live_file *)(const void *)r->files.data;
    *pinned = false;
    for (size_t i = 0; i < r->files.len / sizeof *files && !*pinned; i++) {
        st_snapshot_content content;
        if (files[i].kind != ST_FILE_SNAPSHOT) {
            continue;
        }
        ST_TRY(st_snapshot_read(r->store.host, r->store.path, r->store.manifest.uuid,
                                files[i].number, &content, r->error));
        const st_live_file *tables = (const st_live_file *)(const void *)content.files.data;
        for (size_t j = 0; j < content.files.len / sizeof *tables; j++) {
            *pinned = *pinned || tables[j].number == number;
        }
        strata_buffer_free(&content.files);
    }
    return STRATA_OK;
}

/* What was merged, and no snapshot has, is in the new tables whole. */
static strata_status let_go(rebuild *b) {
    st_repair_state *r = b->state;
    const st_replaced *all = (const st_replaced *)(const void *)r->replaced.data;
    for (size_t i = 0; i < r->replaced.len / sizeof *all; i++) {
        char name[ST_FILE_NAME_MAX];
        bool pinned;
        if (all[i].by.number == 0) {
            continue;
        }
        ST_TRY(is_pinned(r, all[i].by.number, &pinned));
        st_format(name, sizeof name, "DATA/tab-%u.tab", all[i].by.number);
        if (!pinned) {
            ST_TRY(st_repair_remove_later(r, name));
        }
    }
    return STRATA_OK;
}

static strata_status rebuild_from(rebuild *b, bool log) {
    st_repair_state *r = b->state;
    const uint64_t *numbers = (const uint64_t *)(const void *)r->data.data;
    st_manifest *m = &r->store.manifest;
    for (size_t i = 0; i < r->data.len / sizeof *numbers; i++) {
        ST_TRY(add_table(b, numbers[i]));
    }
    if (b->version > 0) {
        m->floor_version = b->version;
        m->floor_us = b->time_us;
    }
    ST_TRY(add_log(b, log));
    ST_TRY(merge_all(b));
    ST_TRY(add_snapshots(b));
    ST_TRY(let_go(b));
    m->watermark = b->version;
    r->report->version = b->version;
    r->report->is_prefix = false;
    return STRATA_OK;
}

static strata_status begin_manifest(st_repair_state *r, bool *log) {
    const strata_clock *clock = &r->store.host->clock;
    st_manifest *m = &r->store.manifest;
    bool known = false;
    bool there;
    m->created_us = clock->wall_us(clock->ctx);
    m->wal_first = st_repair_highest(&r->log) + 1;
    m->floor_us = INT64_MIN;
    ST_TRY(ask_tables(r, &known));
    ST_TRY(ask_log(r, known, log));
    if (!known && !*log) {
        st_fail(r->error, STRATA_CORRUPT,
                "%s has no MANIFEST, and no table or segment of the log says what it was of",
                r->store.path);
        st_fail_text(r->error, "file", strata_text("MANIFEST"));
        return st_fail_number(r->error, "offset", 0);
    }
    st_repair_item *item = st_repair_tell(
        r, "MANIFEST",
        "there was none that holds; what the tables and the log have was put together. What was "
        "trimmed or deleted long ago may be back, and of old history nothing is promised");
    return st_repair_copy_aside(r, "MANIFEST", item == NULL ? NULL : item->moved, &there);
}

strata_status st_repair_rebuild(st_repair_state *r) {
    rebuild b = {.state = r, .tables = {NULL, 0, 0, r->store.host}, .time_us = INT64_MIN};
    bool log = false;
    ST_TRY(begin_manifest(r, &log));
    const strata_status status = rebuild_from(&b, log);
    st_table **tables = (st_table **)(void *)b.tables.data;
    for (size_t i = 0; i < b.tables.len / sizeof *tables; i++) {
        st_table_close(tables[i]);
    }
    st_table_builder_destroy(b.builder);
    strata_buffer_free(&b.tables);
    return status;
}
