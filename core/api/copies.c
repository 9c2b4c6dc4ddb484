/* copies.c - the C functions of strata.h that keep, shrink or make a whole database:
 * checkpoint, compaction, backup, export, import, repair.
 */
#include "api/handle.h"

#include "api/ops.h"
#include "model/open.h"
#include "store/copies/backup.h"
#include "store/copies/repair.h"
#include "store/copies/transfer.h"
#include "store/maintain/maintain.h"

static strata_status tell(uint64_t made, uint64_t *version) {
    if (version != NULL) {
        *version = made;
    }
    return STRATA_OK;
}

static strata_status checkpoint(strata_db *db, st_request *rq, uint64_t *version) {
    st_checkpoint made;
    ST_TRY(st_store_check_open(&rq->model->store, rq->error));
    st_handle_let_go(db);
    ST_TRY(st_store_checkpoint(&rq->model->store, &made, rq->error));
    return tell(made.version, version);
}

strata_status strata_checkpoint(strata_db *db, uint64_t *version) {
    return st_handle_end(db, checkpoint(db, st_handle_begin(db), version));
}

static strata_status compact(strata_db *db, st_request *rq, strata_compact_mode mode,
                             strata_compact_result *result) {
    st_compact_result made;
    if (mode != STRATA_COMPACT_WAL && mode != STRATA_COMPACT_FULL) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "there is no such mode; it is STRATA_COMPACT_WAL or STRATA_COMPACT_FULL");
    }
    ST_TRY(st_store_check_open(&rq->model->store, rq->error));
    st_handle_let_go(db);
    ST_TRY(st_model_compact(rq->model, mode == STRATA_COMPACT_FULL, &made, rq->error));
    if (result != NULL) {
        result->reclaimed_bytes =
            made.bytes_after < made.bytes_before ? made.bytes_before - made.bytes_after : 0;
        result->wal_segments_removed = made.segments_removed;
        result->versions_removed = made.versions_removed;
    }
    return STRATA_OK;
}

strata_status strata_compact(strata_db *db, strata_compact_mode mode,
                             strata_compact_result *result) {
    return st_handle_end(db, compact(db, st_handle_begin(db), mode, result));
}

static strata_status backup(strata_db *db, st_request *rq, const char *folder, uint64_t *version) {
    st_backup_result made;
    ST_TRY(st_store_check_open(&rq->model->store, rq->error));
    st_handle_let_go(db);
    ST_TRY(st_backup(&rq->model->store, folder, &made, rq->error));
    return tell(made.version, version);
}

strata_status strata_backup(strata_db *db, const char *folder, uint64_t *version) {
    return st_handle_end(db, backup(db, st_handle_begin(db), folder, version));
}

static strata_status export(strata_db *db, st_request *rq, const char *file, uint64_t *version) {
    st_export_result made;
    ST_TRY(st_store_check_open(&rq->model->store, rq->error));
    if (!rq->model->store.in_memory) {
        st_handle_let_go(db); /* in memory it reads what others may trim meanwhile */
    }
    ST_TRY(st_export(&rq->model->store, file, &made, rq->error));
    return tell(made.version, version);
}

strata_status strata_export(strata_db *db, const char *file, uint64_t *version) {
    return st_handle_end(db, export(db, st_handle_begin(db), file, version));
}

strata_status strata_import(const char *file, const char *path, const strata_options *options,
                            uint32_t flags) {
    const strata_options defaults = STRATA_OPTIONS_INIT;
    const strata_options *chosen = options == NULL ? &defaults : options;
    const strata_host *host = chosen->host == NULL ? strata_host_default() : chosen->host;
    st_import_result made;
    strata_error unasked = {.code = STRATA_OK};
    strata_error *error = chosen->error == NULL ? &unasked : chosen->error;
    error->code = STRATA_OK;
    error->field_count = 0;
    ST_TRY(st_check_options(path, chosen, error));
    if (strcmp(path, ":memory:") == 0 || (flags & ~(uint32_t)STRATA_IMPORT_KEEP_UUID) != 0) {
        return st_fail(error, STRATA_INVALID_ARGUMENT,
                       "an export is imported into a folder, with the flags that are known");
    }
    const st_import_spec spec = {host, file, path, chosen->codec,
                                 (flags & STRATA_IMPORT_KEEP_UUID) != 0};
    return st_import(&spec, &made, error);
}

/* ---- Repair ---------------------------------------------------------------------------------- */

static strata_status put_item(strata_buffer *out, const st_repair_item *item) {
    const bool moved = item->moved[0] != '\0';
    ST_TRY(st_msgpack_put_object(out, moved ? 4 : 3));
    ST_TRY(st_put_quoting(out, "file", item->file));
    if (moved) {
        ST_TRY(st_put_quoting(out, "moved", item->moved));
    }
    ST_TRY(st_put_uint(out, "kept", item->kept));
    return st_put_quoting(out, "what", item->what);
}

static strata_status put_repair(strata_buffer *out, const st_repair_report *report) {
    const uint64_t count =
        report->item_count < ST_PROBLEMS_MAX ? report->item_count : ST_PROBLEMS_MAX;
    ST_TRY(st_msgpack_put_object(out, 7));
    ST_TRY(st_put_bool(out, "changed", report->changed));
    ST_TRY(st_put_bool(out, "prefix", report->is_prefix));
    ST_TRY(st_put_uint(out, "version", report->version));
    ST_TRY(st_put_uint(out, "commits_lost", report->commits_lost));
    ST_TRY(st_put_uint(out, "lost_from", report->lost_from));
    ST_TRY(st_put_uint(out, "lost_to", report->lost_to));
    ST_TRY(st_put_name(out, "files"));
    ST_TRY(st_msgpack_put_array(out, (uint32_t)count));
    for (uint64_t i = 0; i < count; i++) {
        ST_TRY(put_item(out, &report->items[i]));
    }
    return STRATA_OK;
}

/* What the primitives need beyond files that hold: runs that have lost their record get one, so that
 * what is left of them has a name. */
static strata_status adopt_runs(const char *path, const strata_options *options,
                                const strata_host *host, st_repair_report *report,
                                strata_error *error) {
    strata_options effective = *options;
    st_model *model = st_alloc(&host->memory, sizeof *model);
    if (model == NULL) {
        return st_fail_memory(error);
    }
    effective.host = host;
    effective.flags = STRATA_OPEN_MUST_EXIST | (uint32_t)ST_OPEN_ADOPT;
    effective.durability = STRATA_STRICT;
    effective.snapshot = NULL;
    strata_status status = st_model_open(model, path, &effective, error);
    if (status == STRATA_OK) {
        const uint64_t adopted = model->adopted;
        report->version = model->store.wal.version;
        status = st_model_close(model, error);
        if (adopted > 0 && report->item_count < ST_PROBLEMS_MAX) {
            st_repair_item *item = &report->items[report->item_count++];
            *item = (st_repair_item){.file = "runs", .kept = adopted};
            st_format(item->what, sizeof item->what,
                      "%u runs had lost their records; they are called recovered-N now", adopted);
        }
    }
    st_free(&host->memory, model, sizeof *model);
    return status;
}

/* Whether the database opens as it is. */
static strata_status try_open(const char *path, const strata_options *options,
                              const strata_host *host, strata_error *error) {
    strata_options effective = *options;
    st_model *model = st_alloc(&host->memory, sizeof *model);
    if (model == NULL) {
        return st_fail_memory(error);
    }
    effective.host = host;
    effective.flags = STRATA_OPEN_READ_ONLY | STRATA_OPEN_MUST_EXIST;
    effective.snapshot = NULL;
    strata_status status = st_model_open(model, path, &effective, error);
    if (status == STRATA_OK) {
        status = st_model_close(model, error);
    }
    st_free(&host->memory, model, sizeof *model);
    return status;
}

static strata_status repair(const char *path, const strata_options *options,
                            const strata_host *host, st_repair_report *report,
                            strata_error *error) {
    ST_TRY(st_repair(host, path, report, error));
    if (!report->changed) {
        const strata_status opened = try_open(path, options, host, error);
        if (opened != STRATA_CORRUPT) {
            return opened;
        }
        report->changed = true; /* its files hold, and the primitives in them do not */
    }
    return adopt_runs(path, options, host, report, error);
}

strata_status strata_repair(const char *path, const strata_options *options, strata_buffer *out) {
    const strata_options defaults = STRATA_OPTIONS_INIT;
    const strata_options *chosen = options == NULL ? &defaults : options;
    const strata_host *host = chosen->host == NULL ? strata_host_default() : chosen->host;
    strata_error unasked = {.code = STRATA_OK};
    strata_error *error = chosen->error == NULL ? &unasked : chosen->error;
    error->code = STRATA_OK;
    error->field_count = 0;
    out->len = 0;
    ST_TRY(st_check_options(path, chosen, error));
    if (strcmp(path, ":memory:") == 0) {
        return st_fail(error, STRATA_INVALID_ARGUMENT, "a database in memory has no files");
    }
    st_repair_report *report = st_alloc(&host->memory, sizeof *report);
    if (report == NULL) {
        return st_fail_memory(error);
    }
    strata_status status = repair(path, chosen, host, report, error);
    if (status == STRATA_OK && put_repair(out, report) != STRATA_OK) {
        status = st_fail_memory(error);
    }
    st_free(&host->memory, report, sizeof *report);
    if (status == STRATA_OK) {
        error->code = STRATA_OK; /* what was found on the way */
        error->field_count = 0;
        error->message[0] = '\0';
    }
    return status;
}
