/* copies.c - the C functions of strata.h that keep or make a whole database: checkpoint, backup,
 * export, import.
 */
#include "api/handle.h"
#include "store/backup.h"
#include "store/maintain.h"
#include "store/transfer.h"

static strata_status tell(uint64_t made, uint64_t *version) {
    if (version != NULL) {
        *version = made;
    }
    return STRATA_OK;
}

static strata_status checkpoint(st_request *rq, uint64_t *version) {
    st_checkpoint made;
    st_handle_let_go(rq);
    ST_TRY(st_store_checkpoint(&rq->model->store, &made, rq->error));
    return tell(made.version, version);
}

strata_status strata_checkpoint(strata_db *db, uint64_t *version) {
    return st_handle_end(db, checkpoint(st_handle_begin(db), version));
}

static strata_status backup(st_request *rq, const char *folder, uint64_t *version) {
    st_backup_result made;
    st_handle_let_go(rq);
    ST_TRY(st_backup(&rq->model->store, folder, &made, rq->error));
    return tell(made.version, version);
}

strata_status strata_backup(strata_db *db, const char *folder, uint64_t *version) {
    return st_handle_end(db, backup(st_handle_begin(db), folder, version));
}

static strata_status export(st_request *rq, const char *file, uint64_t *version) {
    st_export_result made;
    if (!rq->model->store.in_memory) {
        st_handle_let_go(rq); /* in memory it reads what others may trim meanwhile */
    }
    ST_TRY(st_export(&rq->model->store, file, &made, rq->error));
    return tell(made.version, version);
}

strata_status strata_export(strata_db *db, const char *file, uint64_t *version) {
    return st_handle_end(db, export(st_handle_begin(db), file, version));
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
