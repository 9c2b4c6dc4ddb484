/* verify.c - verification of the files, by the walk that recovery uses.
 *
 * Nothing is written and nothing is kept in memory but the report, a page for the runs of the log and
 * a record's keys, so a database of any size can be checked, also one that recovery refuses to open.
 *
 * Of an open store it is the files of one moment that are checked, while others go on: under the lock
 * of the manifest it is found out which they are, and from then on they stay: the tables by pins, the
 * segments of the log by a hold on all of them, until the log is read. No other lock is held, so
 * writers, flushes and merges never wait.
 */
#include "store/copies/verify.h"

#include "format/names.h"
#include "store/file_name.h"
#include "store/log/wal_replay.h"
#include "store/maintain/flush.h"
#include "store/maintain/maintain.h"
#include "store/segment/segment_file.h"
#include "store/snapshot.h"
#include "store/tables.h"

void st_report_problem(st_report *report, const char *file, uint64_t offset, const char *what) {
    if (report->problem_count < ST_PROBLEMS_MAX) {
        st_problem *problem = &report->problems[report->problem_count];
        st_format(problem->file, sizeof problem->file, "%s", file);
        st_format(problem->what, sizeof problem->what, "%s", what);
        problem->offset = offset;
    }
    report->problem_count++;
}

/* Times are kept for so many runs at once: a log that names a few runs, of any numbers, costs a few
 * pages. */
enum { PAGE_RUNS = 256 };

/* What recovery refuses, verification finds. */
typedef struct seen {
    strata_buffer
        pages;          /* int64_t *: times of the newest commits of PAGE_RUNS runs each; or NULL */
    strata_buffer keys; /* strata_slice of every write of the record */
} seen;

/* The place of the time of the run's newest commit, 0 at first; NULL: no memory. */
static int64_t *find_time(seen *known, uint64_t run) {
    const size_t place = (size_t)run / PAGE_RUNS;
    strata_buffer *pages = &known->pages;
    const size_t count = pages->len / sizeof(int64_t *);
    if (place >= count) {
        const size_t more = (place + 1 - count) * sizeof(int64_t *);
        if (st_buffer_reserve(pages, more) != STRATA_OK) {
            return NULL;
        }
        memset(pages->data + pages->len, 0, more);
        pages->len += more;
    }
    int64_t **page = (int64_t **)(void *)pages->data + place;
    if (*page == NULL) {
        *page = st_alloc_zeroed(&pages->host->memory, PAGE_RUNS * sizeof **page);
    }
    return *page == NULL ? NULL : *page + run % PAGE_RUNS;
}

static void free_seen(seen *known) {
    int64_t **pages = (int64_t **)(void *)known->pages.data;
    for (size_t i = 0; i < known->pages.len / sizeof *pages; i++) {
        st_free(&known->pages.host->memory, pages[i], PAGE_RUNS * sizeof **pages);
    }
    strata_buffer_free(&known->pages);
    strata_buffer_free(&known->keys);
}

static strata_status check_time(seen *known, uint64_t run, int64_t timestamp_us) {
    int64_t *last_us = find_time(known, run);
    if (last_us == NULL) {
        return STRATA_NO_MEMORY;
    }
    const bool good = timestamp_us >= *last_us;
    *last_us = timestamp_us;
    return good ? STRATA_OK : STRATA_CORRUPT;
}

static strata_status check_commit(void *ctx, uint64_t version, int64_t timestamp_us,
                                  st_wal_record *record) {
    strata_buffer *keys = &((seen *)ctx)->keys;
    size_t second;
    (void)version;
    if (record->run >= ST_RUNS_MAX) {
        return STRATA_CORRUPT;
    }
    ST_TRY(check_time(ctx, record->run, timestamp_us));
    keys->len = 0;
    while (record->writes_left > 0) {
        st_write write;
        if (!st_wal_record_next(record, &write)) {
            return STRATA_CORRUPT;
        }
        ST_TRY(st_buffer_append(keys, &write.key, sizeof write.key));
    }
    strata_slice *slices = (strata_slice *)(void *)keys->data;
    const bool good = st_wal_record_close(record) &&
                      !st_names_repeat(slices, keys->len / sizeof *slices, &second);
    return good ? STRATA_OK : STRATA_CORRUPT;
}

/* The file and offset of a corrupt error, as st_fail_text and _number put them there. */
static void report_error(st_report *report, const strata_error *error) {
    const char *file = "";
    uint64_t offset = 0;
    for (size_t i = 0; i < error->field_count; i++) {
        const strata_error_field *field = &error->fields[i];
        if (strcmp(field->name, "file") == 0) {
            file = field->text;
        } else if (strcmp(field->name, "offset") == 0) {
            offset = (uint64_t)field->number;
        }
    }
    st_report_problem(report, file, offset, error->message);
}

/* Damage goes into the report; what is no damage to the caller. */
static strata_status settle_status(st_report *report, strata_status status,
                                   const strata_error *detail, strata_error *error) {
    if (status == STRATA_CORRUPT) {
        report_error(report, detail);
        return STRATA_OK;
    }
    if (status != STRATA_OK && error != NULL) {
        *error = *detail;
    }
    return status;
}

static strata_status check_log_of(const strata_host *host, const char *path,
                                  const st_manifest *manifest, st_report *report,
                                  strata_error *error) {
    seen known = {{NULL, 0, 0, host}, {NULL, 0, 0, host}};
    const st_replay_sink sink = {.ctx = &known, .commit = check_commit};
    strata_error detail = {.code = STRATA_OK};
    st_replay replay;
    const strata_status status = st_wal_replay(host, path, manifest, &sink, &replay, &detail);
    free_seen(&known);
    report->files += replay.at.segments;
    report->bytes += replay.bytes;
    report->commits += replay.commits;
    return settle_status(report, status, &detail, error);
}

/* ---- What there is to check ------------------------------------------------------------------ */

/* Of one moment. */
typedef struct plan {
    const strata_host *host;
    const char *path;
    st_report *report;
    strata_error *error;
    st_manifest manifest;
    strata_buffer files;  /* st_live_file: of the manifest */
    strata_buffer tables; /* st_live_file: those of the manifest and of all snapshots, once each */
    bool in_use;          /* segments come and go meanwhile: indexes look at their own */
} plan;

static bool has_table(const plan *p, uint64_t number) {
    const st_live_file *tables = (const st_live_file *)(const void *)p->tables.data;
    for (size_t i = 0; i < p->tables.len / sizeof *tables; i++) {
        if (tables[i].number == number) {
            return true;
        }
    }
    return false;
}

/* Adds the tables among the files that file `name` lists. */
static strata_status add_tables(plan *p, const char *name, const strata_buffer *files,
                                bool snapshots_too) {
    const st_live_file *live = (const st_live_file *)(const void *)files->data;
    for (size_t i = 0; i < files->len / sizeof *live; i++) {
        if (snapshots_too &&
            (live[i].kind == ST_FILE_SNAPSHOT || live[i].kind == ST_FILE_SEGMENT)) {
            continue;
        }
        if (live[i].kind != ST_FILE_TABLE || live[i].level >= ST_LEVELS) {
            st_report_problem(p->report, name, 0, "it names a file of an unknown kind");
        } else if (!has_table(p, live[i].number) &&
                   st_buffer_append(&p->tables, &live[i], sizeof live[i]) != STRATA_OK) {
            return st_fail_memory(p->error);
        }
    }
    return STRATA_OK;
}

static strata_status check_segment(plan *p, const st_live_file *file) {
    const st_segment_spec spec = {.host = p->host,
                                  .path = p->path,
                                  .uuid = p->manifest.uuid,
                                  .number = file->number,
                                  .kind = ST_SEGMENT_VECTORS};
    strata_error detail = {.code = STRATA_OK};
    uint64_t bytes;
    const strata_status status = st_segment_check(&spec, &bytes, &detail);
    p->report->files++;
    p->report->bytes += file->bytes;
    if (status == STRATA_OK && bytes != file->bytes) {
        st_report_problem(p->report, "MANIFEST", 0,
                          "it names an index segment with another length");
    }
    return status == STRATA_OK ? STRATA_OK : settle_status(p->report, status, &detail, p->error);
}

static strata_status plan_snapshot(plan *p, const st_live_file *file) {
    char name[ST_FILE_NAME_MAX];
    strata_error detail = {.code = STRATA_OK};
    st_snapshot_content content;
    p->report->files++;
    p->report->bytes += file->bytes;
    strata_status status =
        st_snapshot_read(p->host, p->path, p->manifest.uuid, file->number, &content, &detail);
    if (status != STRATA_OK) {
        return settle_status(p->report, status, &detail, p->error);
    }
    st_format(name, sizeof name, "SNAPSHOTS/snap-%u", file->number);
    status = add_tables(p, name, &content.files, false);
    strata_buffer_free(&content.files);
    return status;
}

static strata_status check_slots(const plan *p) {
    unsigned valid = 0;
    unsigned empty = 0;
    const strata_status status = st_manifest_slots(p->host, p->path, &valid, &empty);
    if (status != STRATA_OK) {
        return st_fail(p->error, status, "%s/MANIFEST could not be read (%s)", p->path,
                       strata_status_name(status));
    }
    p->report->files++;
    p->report->bytes += (uint64_t)valid * ST_MANIFEST_SLOT_BYTES;
    if (valid + empty < 2) {
        st_report_problem(p->report, "MANIFEST", 0,
                          "one of its two slots is damaged; the other holds");
    }
    return STRATA_OK;
}

/* Reads the small files and finds out which tables there are. *readable: the manifest
 * could be read. */
static strata_status make_plan(plan *p, bool *readable) {
    strata_error detail = {.code = STRATA_OK};
    const strata_status status =
        st_manifest_read(p->host, p->path, &p->manifest, &p->files, &detail);
    *readable = status == STRATA_OK;
    if (status == STRATA_CORRUPT) {
        p->report->files++;
    }
    if (status != STRATA_OK) {
        return settle_status(p->report, status, &detail, p->error);
    }
    ST_TRY(check_slots(p));
    ST_TRY(add_tables(p, "MANIFEST", &p->files, true));
    const st_live_file *live = (const st_live_file *)(const void *)p->files.data;
    for (size_t i = 0; i < p->files.len / sizeof *live; i++) {
        if (live[i].kind == ST_FILE_SNAPSHOT) {
            ST_TRY(plan_snapshot(p, &live[i]));
        } else if (live[i].kind == ST_FILE_SEGMENT && !p->in_use) {
            ST_TRY(check_segment(p, &live[i]));
        }
    }
    return STRATA_OK;
}

static strata_status check_log(const plan *p) {
    return check_log_of(p->host, p->path, &p->manifest, p->report, p->error);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static strata_status check_table(const plan *p, const st_table_spec *spec, st_block_cache *cache,
                                 const st_live_file *file) {
    strata_error detail = {.code = STRATA_OK};
    st_table *table = NULL;
    strata_status status = st_table_open(spec, cache, &table, &detail);
    if (status == STRATA_OK) {
        status = st_table_verify(table, &detail);
        if (st_table_about(table)->bytes != file->bytes) {
            st_report_problem(p->report, "MANIFEST", 0, "it names a table with another length");
        }
    }
    st_table_close(table);
    p->report->files++;
    p->report->bytes += file->bytes;
    return settle_status(p->report, status, &detail, p->error);
}

static strata_status check_tables(const plan *p) {
    const st_live_file *tables = (const st_live_file *)(const void *)p->tables.data;
    st_block_cache *cache = NULL;
    if (st_block_cache_create(p->host, 0, &cache) != STRATA_OK) {
        return st_fail_memory(p->error);
    }
    strata_status status = STRATA_OK;
    for (size_t i = 0; i < p->tables.len / sizeof *tables && status == STRATA_OK; i++) {
        st_table_spec spec = {.host = p->host,
                              .path = p->path,
                              .number = tables[i].number,
                              .codec = p->manifest.codec};
        memcpy(spec.uuid, p->manifest.uuid, ST_UUID_BYTES);
        status = check_table(p, &spec, cache, &tables[i]);
    }
    st_block_cache_destroy(cache);
    return status;
}

/* ---- Files that nothing names ---------------------------------------------------------------- */

typedef struct search {
    const plan *plan;
    const char *folder;
    bool (*is_named)(const plan *p, const char *name);
} search;

static bool names_segment(const plan *p, uint64_t number) {
    const st_live_file *live = (const st_live_file *)(const void *)p->files.data;
    bool named = false;
    for (size_t i = 0; i < p->files.len / sizeof *live && !named; i++) {
        named = live[i].kind == ST_FILE_SEGMENT && live[i].number == number;
    }
    return named;
}

static bool is_named_data(const plan *p, const char *name) {
    uint64_t number;
    if (st_file_number(name, "seg-", ".seg", &number)) {
        return names_segment(p, number);
    }
    return st_file_number(name, "tab-", ".tab", &number) && has_table(p, number);
}

static bool is_named_snapshot(const plan *p, const char *name) {
    const st_live_file *live = (const st_live_file *)(const void *)p->files.data;
    uint64_t number;
    bool named = false;
    if (!st_file_number(name, "snap-", "", &number)) {
        return false;
    }
    for (size_t i = 0; i < p->files.len / sizeof *live && !named; i++) {
        named = live[i].kind == ST_FILE_SNAPSHOT && live[i].number == number;
    }
    return named;
}

static bool is_named_log(const plan *p, const char *name) {
    uint64_t number;
    return st_file_number(name, "wal-", ".seg", &number) && number >= p->manifest.wal_first;
}

static strata_status visit_file(void *arg, const char *name) {
    const search *s = arg;
    st_report *report = s->plan->report;
    if (!s->is_named(s->plan, name)) {
        if (report->unnamed_count < ST_PROBLEMS_MAX) {
            char *unnamed = report->unnamed[report->unnamed_count];
            st_format(unnamed, ST_FILE_NAME_MAX, "%s/%s", s->folder, name);
        }
        report->unnamed_count++;
    }
    return STRATA_OK;
}

static strata_status find_unnamed(const plan *p) {
    const strata_storage *storage = &p->host->storage;
    search searches[] = {
        {p, "DATA", is_named_data}, {p, "SNAPSHOTS", is_named_snapshot}, {p, "WAL", is_named_log}};
    char folder[ST_FILE_NAME_MAX + 1024];
    for (size_t i = 0; i < sizeof searches / sizeof searches[0]; i++) {
        st_format(folder, sizeof folder, "%s/%s", p->path, searches[i].folder);
        const strata_status status = storage->list(storage->ctx, folder, visit_file, &searches[i]);
        if (status != STRATA_OK && status != STRATA_NOT_FOUND) {
            return st_fail(p->error, status, "%s could not be listed (%s)", folder,
                           strata_status_name(status));
        }
    }
    return STRATA_OK;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static plan begin_plan(const strata_host *host, const char *path, st_report *report,
                       strata_error *error) {
    const plan p = {.host = host,
                    .path = path,
                    .report = report,
                    .error = error,
                    .files = {NULL, 0, 0, host},
                    .tables = {NULL, 0, 0, host}};
    return p;
}

static strata_status check_rest(const plan *p) {
    ST_TRY(check_tables(p));
    return find_unnamed(p);
}

static void end_plan(plan *p) {
    strata_buffer_free(&p->files);
    strata_buffer_free(&p->tables);
}

strata_status st_verify_files(const strata_host *host, const char *path, st_report *report,
                              strata_error *error) {
    plan p = begin_plan(host, path, report, error);
    bool readable = false;
    strata_status status = make_plan(&p, &readable);
    if (status == STRATA_OK && readable) {
        status = check_log(&p);
    }
    if (status == STRATA_OK && readable) {
        status = check_rest(&p);
    }
    end_plan(&p);
    return status;
}

static bool may_go(const st_store *store, uint64_t number) {
    return st_tables_has(store, number) || st_pins_have(store, number);
}

/* Holds on to those tables of the plan that may go. One that is not live was named by a manifest whose
 * sync failed, which a crash may bring back: it stays anyway, and letting go of it would remove it. */
static strata_status pin_plan(st_store *store, const plan *p, st_pin_set **pins) {
    const st_live_file *tables = (const st_live_file *)(const void *)p->tables.data;
    const size_t count = p->tables.len / sizeof *tables;
    size_t held = 0;
    for (size_t i = 0; i < count; i++) {
        held += may_go(store, tables[i].number);
    }
    *pins = st_pins_create(&store->host->memory, held);
    if (*pins == NULL) {
        return st_fail_memory(p->error);
    }
    for (size_t i = 0, place = 0; i < count; i++) {
        if (may_go(store, tables[i].number)) {
            (*pins)->numbers[place++] = tables[i].number;
        }
    }
    st_pins_hold(store, *pins);
    return STRATA_OK;
}

/* What there is to check, and it stays: tables until the pins are released, the log until
 * st_wal_let_go. On an error too. */
static strata_status plan_and_hold(st_store *store, plan *p, bool *readable, st_pin_set **pins) {
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    strata_status status = make_plan(p, readable);
    if (status == STRATA_OK && *readable) {
        status = pin_plan(store, p, pins);
    }
    st_wal_hold(&store->wal);
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    return status;
}

/* Flushes meanwhile have left the segments there. */
static void let_log_go(st_store *store) {
    st_wal_let_go(&store->wal);
    if ((store->options.flags & STRATA_OPEN_READ_ONLY) == 0) {
        st_maintenance_trim_log(store);
    }
}

strata_status st_verify_store(st_store *store, st_report *report, strata_error *error) {
    plan p = begin_plan(store->host, store->path, report, error);
    st_pin_set *pins = NULL;
    p.in_use = true;
    bool readable = false;
    strata_status status = plan_and_hold(store, &p, &readable, &pins);
    if (status == STRATA_OK && readable) {
        status = check_log(&p);
    }
    let_log_go(store);
    if (status == STRATA_OK && readable) {
        status = check_rest(&p);
    }
    st_pins_release(store, pins);
    end_plan(&p);
    return status;
}
