/* document_canonical.h - one form for all nodes that are equal as JSON Schema has it. */
#ifndef ST_FORMAT_DOCUMENT_CANONICAL_H
#define ST_FORMAT_DOCUMENT_CANONICAL_H

#include "format/document.h"

/* Whether a node is a number without a fraction that fits 64 signed bits: 2, 2.0, -0.0. */
bool st_node_is_whole(const st_node *node, int64_t *whole);

/* Appends the form of a node: two nodes are equal (numbers by what they are, names in any order, whatever
 * the ids of elements) exactly when their forms are the same bytes. It is a document. scratch: for the
 * names of objects. Errors: corrupt, no_memory. Cost: linear, but n log n in the names of an object. */
strata_status st_document_canonical(strata_slice node, st_arena *scratch, strata_buffer *out);

#endif
