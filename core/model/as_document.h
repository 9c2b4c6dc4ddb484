/* as_document.h - what filters and secondary indexes see of the things of a run. */
#ifndef ST_MODEL_AS_DOCUMENT_H
#define ST_MODEL_AS_DOCUMENT_H

#include "model/page.h"

/* What indexes and filters see of a thing that is stored: a document. owner: its key of the store. *found
 * false: there is nothing. */
strata_status st_as_document(st_request *rq, const st_run *run, strata_slice owner,
                             const st_bound *bound, strata_slice *document, st_stamp *stamp,
                             bool *found);

#endif
