/* draw_json.h - documents, paths and patches, drawn by chance. */
#ifndef STRATA_SIM_DRAW_JSON_H
#define STRATA_SIM_DRAW_JSON_H

#include "op.h"

strata_slice pick_document_key(maker *mk);
/* An object; and any value. As MessagePack. */
strata_slice pick_document(maker *mk);
strata_slice pick_part(maker *mk);
/* Into the document of the operation; now and then none at all. */
strata_slice pick_path(maker *mk, const op *o);
/* RFC 6902 and RFC 7396. Where something else may happen before it is run, what they change is sure to be
 * a change, or to be none (o->idle). */
strata_slice pick_patch(maker *mk, op *o);
strata_slice pick_merge(maker *mk, op *o);

#endif
