/* open.h - opening the model over the store, and closing both. */
#ifndef ST_MODEL_OPEN_H
#define ST_MODEL_OPEN_H

#include "model/model.h"
#include "store/maintain/maintain.h"

/* Opens the store and loads the runs. Errors: as strata_open. */
strata_status st_model_open(st_model *model, const char *path, const strata_options *options,
                            strata_error *error);
strata_status st_model_close(st_model *model, strata_error *error);

/* st_store_compact; a full one merges the indexes in memory, too. Errors: as that. */
strata_status st_model_compact(st_model *model, bool full, st_compact_result *result,
                               strata_error *error);

#endif
