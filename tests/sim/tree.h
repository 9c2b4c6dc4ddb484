/* tree.h - a JSON document of the model: a tree whose nodes never change, and what is done to it.
 *
 * Nothing here is shared with the core: a change makes the nodes on its way anew, an array is an array of
 * pointers with the ids of its elements beside it. Everything lies in the arena that is given.
 */
#ifndef STRATA_SIM_TREE_H
#define STRATA_SIM_TREE_H

#include "support.h"

#include "format/msgpack.h"

typedef struct tree {
    strata_type type;
    strata_slice scalar; /* its MessagePack; of a container nothing */
    size_t count;
    const struct tree **items;
    strata_slice *names; /* object */
    uint32_t *ids;       /* array */
    uint32_t next_id;
} tree;

/* A way down: a member's name, or the id of an element. */
typedef struct tree_step {
    bool named;
    strata_slice name;
    uint32_t id;
} tree_step;

enum { TREE_DEPTH_MAX = 100 };

typedef struct tree_route {
    size_t count;
    tree_step steps[TREE_DEPTH_MAX];
} tree_route;

typedef enum tree_edit_kind { TREE_PUT, TREE_DELETE, TREE_INSERT } tree_edit_kind;

/* PUT, DELETE: the node at the route. INSERT: into the array at the route, before an element. */
typedef struct tree_edit {
    tree_edit_kind kind;
    tree_route route;
    const tree *value;
    bool at_end;
    uint32_t before;
    uint32_t id; /* of the new element */
} tree_edit;

const tree *tree_read(st_arena *arena, strata_slice msgpack);
void tree_write(const tree *node, strata_buffer *out);
const tree *tree_copy(st_arena *arena, const tree *node);
bool tree_equal(const tree *a, const tree *b);
/* The bytes it has as a document, by docs/FORMAT.md. */
size_t tree_bytes(const tree *node);
size_t tree_depth(const tree *node);

/* The place of a member, an element; count: there is none. */
size_t tree_find(const tree *object, strata_slice name);
size_t tree_find_id(const tree *array, uint32_t id);
/* An object of one member. */
const tree *tree_object(st_arena *arena, strata_slice name, const tree *value);

/* The tree after it; NULL: it does not fit. */
const tree *tree_apply(st_arena *arena, const tree *root, const tree_edit *edit);

#endif
