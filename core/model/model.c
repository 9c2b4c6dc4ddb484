/* model.c - opening the model over the store.
 *
 * Every primitive lives in its run's memtable under its own tag (format/key.h) and in no other
 * place; what is kept beside it (status, event tail, text index) is derived and can be rebuilt from
 * there.
 */
#include "model/model.h"

#include "model/retention.h"
#include "model/run.h"

void st_request_init(st_request *rq, st_model *model, st_arena *arena, strata_error *error) {
    *rq = (st_request){.model = model,
                       .error = error,
                       .arena = arena,
                       .value = {NULL, 0, 0, model->host},
                       .reader = {&model->store, arena, error, NULL, NULL},
                       .txn = NULL};
}

strata_status st_model_open(st_model *model, const char *path, const strata_options *options,
                            strata_error *error) {
    memset(model, 0, sizeof *model);
    model->host = options->host;
    model->value_bytes_max = options->value_bytes_max;
    st_mutex_init(&model->id_lock);
    ST_TRY(st_store_open(&model->store, path, options, error));
    strata_status status = st_runs_load(model, error);
    if (status == STRATA_OK) {
        status = st_retention_load(model, error);
    }
    if (status != STRATA_OK) {
        st_runs_free(model);
        (void)st_store_close(&model->store, NULL);
        st_retention_free(model);
    }
    return status;
}

strata_status st_model_close(st_model *model, strata_error *error) {
    st_runs_free(model);
    const strata_status status = st_store_close(&model->store, error);
    st_retention_free(model); /* compaction asked it until now */
    return status;
}
