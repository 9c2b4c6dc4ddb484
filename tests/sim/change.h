/* change.h - what the operations on documents do to one of the model, and the regions of it that matter.
 *
 * SEMANTICS.md section 3 and RFCs 6901, 6902 and 7396, done naively: each makes a row of edits and
 * applies them to a tree as it goes.
 */
#ifndef STRATA_SIM_CHANGE_H
#define STRATA_SIM_CHANGE_H

#include "tree.h"

/* ---- Paths ----------------------------------------------------------------------------------- */

typedef struct doc_step {
    bool named;   /* it can be a member */
    bool indexed; /* it can be an element */
    bool end;     /* it is the place behind the last one */
    strata_slice name;
    uint32_t index;
} doc_step;

enum { PATH_STEPS_MAX = 256 };

typedef struct doc_path {
    size_t count;
    doc_step steps[PATH_STEPS_MAX];
} doc_path;

/* False: it is none. */
bool path_read(st_arena *arena, strata_slice text, doc_path *out);

/* ---- Regions --------------------------------------------------------------------------------- */

/* The node at the route with all that is in it, or the shape of the array there. */
typedef struct doc_region {
    bool shape;
    tree_route route;
} doc_region;

bool regions_meet(const doc_region *a, const doc_region *b);
/* Those that an edit touches; returns how many. */
enum { EDIT_REGIONS_MAX = 2 };
size_t edit_regions(const tree_edit *edit, doc_region regions[EDIT_REGIONS_MAX]);

/* ---- Operations ------------------------------------------------------------------------------ */

/* A document on its way through an operation. */
typedef struct doc_change {
    st_arena *arena;
    const tree *root; /* as it is so far */
    size_t bytes_max;
    tree_edit *edits;
    size_t count;
    const char *reason; /* of constraint */
} doc_change;

void change_begin(doc_change *c, st_arena *arena, const tree *root, size_t bytes_max);

/* What a path leads to, and the region that a reader of it depends on; NULL: nothing. */
const tree *path_resolve(const tree *root, const doc_path *at, doc_region *out);

strata_status change_set(doc_change *c, const doc_path *at, const tree *value);
strata_status change_delete(doc_change *c, const doc_path *at, bool *existed);
strata_status change_patch(doc_change *c, const tree *operations);
strata_status change_merge(doc_change *c, const tree *patch);
/* Edits that were made before, of another version. False: they do not fit. */
bool change_apply(doc_change *c, const tree_edit *edits, size_t count);

/* Whether a patch has operations whose finding is not told by their paths. */
bool patch_looks(const tree *operations);
/* Calls visit with the way to each leaf of a merge patch. */
void merge_leaves(const tree *patch, void (*visit)(void *arg, const tree_route *route), void *arg);

#endif
