/* json_read.c - JSON text to MessagePack, by way of a document.
 *
 * There is one parser (document_parse.c), and it makes documents, whose headers have a fixed width. The
 * shortest headers of MessagePack depend on counts that are known at the end only, so that a second step
 * was always there; as one over a document it costs less than moving everything together did.
 */
#include "base/memory.h"
#include "format/document.h"
#include "format/json.h"

_Static_assert((int)ST_JSON_NESTING_MAX <= (int)ST_DOCUMENT_FRAMES_MAX,
               "a request's JSON fits the parser");

strata_status strata_json_to_msgpack(strata_slice json, strata_buffer *out, strata_error *error) {
    static const st_document_limits limits = {UINT32_MAX / 2, ST_JSON_NESTING_MAX, ST_ENTRIES_MAX};
    strata_buffer document = {.host = out->host};
    out->len = 0;
    strata_status status = st_document_parse(json, &limits, &document, error);
    if (status == STRATA_OK) {
        status = st_document_to_msgpack(st_buffer_slice(&document), out);
    }
    strata_buffer_free(&document);
    return status == STRATA_NO_MEMORY ? st_fail_memory(error) : status;
}
