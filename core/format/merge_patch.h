/* merge_patch.h - changing a value by another that says only what is different: RFC 7396. */
#ifndef ST_FORMAT_MERGE_PATCH_H
#define ST_FORMAT_MERGE_PATCH_H

#include "base/memory.h"

/* Appends what the patch makes of the target: of an object in it, null removes, an object is merged,
 * anything else replaces. The target's names keep their order, new ones follow in that of the patch.
 * Both are MessagePack in its canonical form, and what is appended is, too, but for its size. scratch:
 * for memory in proportion to the patch. Cost: O((n + m) log m) names, times the depth at most.
 * Errors: no_memory; corrupt (the target or the patch is malformed). */
strata_status st_merge_patch(strata_slice target, strata_slice patch, st_arena *scratch,
                             strata_buffer *out) STRATA_MUST_USE;

#endif
