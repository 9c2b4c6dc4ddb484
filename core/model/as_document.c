/* as_document.c - things of a run as documents. */
#include "model/as_document.h"

#include "model/entity/entity.h"
#include "model/json/json.h"
#include "model/memory.h"
#include "model/vector/vector.h"

strata_status st_as_document(st_request *rq, const st_run *run, strata_slice owner,
                             const st_bound *bound, strata_slice *document, st_stamp *stamp,
                             bool *found) {
    if (st_key_tag(owner) == ST_TAG_JSON) {
        st_json json;
        ST_TRY(st_json_find(rq, run, st_key_text_of(owner), bound, &json, found));
        *document = json.document;
        *stamp = json.stamp;
        return STRATA_OK;
    }
    if (st_key_tag(owner) == ST_TAG_ENTITY) {
        st_entity entity;
        ST_TRY(st_entity_find(rq, run, owner, bound, &entity, found));
        if (*found) {
            *found = !entity.deleted;
            *document = entity.document;
            *stamp = entity.stamp;
        }
        return STRATA_OK;
    }
    st_revision revision;
    ST_TRY(st_read_live(&rq->reader, run->shard, owner, bound, &revision, found));
    if (!*found) {
        return STRATA_OK;
    }
    *stamp = (st_stamp){revision.number, revision.timestamp_us};
    if (st_key_tag(owner) == ST_TAG_VECTOR) {
        return st_vector_document_of(rq, owner, revision.value, document);
    }
    return st_memory_document(rq, owner, revision.value, document);
}
