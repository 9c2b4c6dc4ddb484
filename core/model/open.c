/* open.c - opening the model over the store: runs, then the rules of retention that name them. */
#include "model/open.h"

#include "model/retention.h"
#include "model/run/run.h"
#include "model/vector/vector_merge.h"

enum { DOCUMENTS_BYTES_MAX = 4 << 20 };

/* Of vectors' indexes, as far as there are any; blocks have so much less (st_cache_lend). Three quarters of them
 * are for what stays in memory. */
static uint64_t vectors_bytes(const strata_options *options) {
    return options->memory_bytes / 2;
}

/* Of documents that are being changed. */
static uint64_t documents_bytes(const strata_options *options) {
    const uint64_t share = options->memory_bytes / 16;
    return share < DOCUMENTS_BYTES_MAX ? share : DOCUMENTS_BYTES_MAX;
}

strata_status st_model_open(st_model *model, const char *path, const strata_options *options,
                            strata_error *error) {
    memset(model, 0, sizeof *model);
    model->host = options->host;
    model->value_bytes_max = options->value_bytes_max;
    model->document_bytes_max = options->value_bytes_max < ST_DOCUMENT_BYTES_MAX
                                    ? options->value_bytes_max
                                    : ST_DOCUMENT_BYTES_MAX;
    st_json_cache_init(&model->documents, options->host, (size_t)documents_bytes(options));
    st_row_pool_init(&model->row_pool, options->host, vectors_bytes(options));
    st_mutex_init(&model->id_lock);
    ST_TRY(st_store_open(&model->store, path, options, error));
    strata_status status = st_vectors_open(model, error);
    if (status == STRATA_OK) {
        status = st_runs_load(model, error);
    }
    if (status == STRATA_OK) {
        status = st_retention_load(model, error);
    }
    if (status != STRATA_OK) {
        st_vectors_close(model);
        st_runs_free(model);
        (void)st_store_close(&model->store, NULL);
        st_row_pool_free(&model->row_pool);
        st_retention_free(model);
    }
    return status;
}

strata_status st_model_close(st_model *model, strata_error *error) {
    st_vectors_close(model);
    st_runs_free(model);
    st_json_cache_free(&model->documents);
    const strata_status status = st_store_close(&model->store, error);
    st_row_pool_free(&model->row_pool); /* what the store's epoch kept of the indexes is gone now */
    st_retention_free(model);           /* compaction asked it until now */
    return status;
}

strata_status st_model_compact(st_model *model, bool full, st_compact_result *result,
                               strata_error *error) {
    ST_TRY(st_store_compact(&model->store, full, result, error));
    return full ? st_vectors_compact(model, error) : STRATA_OK;
}
