/* unite_document.h - the three-way merge of one JSON document, path by path. */
#ifndef ST_HISTORY_UNITE_DOCUMENT_H
#define ST_HISTORY_UNITE_DOCUMENT_H

#include "base/memory.h"
#include "history/unite.h"

/* Both sides have changed what is at the path, or one has above it and the other below; nodes of the
 * three documents, with no bytes where there is nothing. */
typedef struct st_path_conflict {
    strata_slice pointer;
    strata_slice base;
    strata_slice source;
    strata_slice target;
} st_path_conflict;

typedef struct st_document_merge {
    strata_slice base;
    strata_slice source;
    strata_slice target;
    bool theirs; /* of what is in conflict the source's counts; else the target's */
    strata_status (*conflict)(void *ctx, const st_path_conflict *conflict);
    void *ctx;
} st_document_merge;

/* Makes the target with what the source has changed: in *merged, in the arena, borrowed from merge->target
 * when there is nothing to take. Errors: corrupt, no_memory, and those of the visitor. Cost: that of
 * comparing, and for each path taken the bytes of the document. */
strata_status st_document_unite(st_arena *arena, const strata_host *host,
                                const st_document_merge *merge, strata_slice *merged);

#endif
