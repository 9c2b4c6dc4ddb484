/* path.h - paths into JSON documents, as users write them: JSON Pointer and the dotted form.
 *
 *   ""  "/a/b/0"  "/list/-"  "/a~1b~0c"      RFC 6901
 *   "$"  "$.a.b[0]"  "$.a[-]"  "$[\"any name\"]"  "$['any name']"
 *
 * A name in quotes has the escapes of JSON. "-" is the place behind the last element.
 */
#ifndef ST_FORMAT_PATH_H
#define ST_FORMAT_PATH_H

#include "format/document.h"

typedef enum st_step_kind {
    ST_STEP_NAME,   /* a member */
    ST_STEP_INDEX,  /* an element */
    ST_STEP_EITHER, /* digits of a pointer: an element of an array, a member of an object */
    ST_STEP_END     /* behind the last element; in a pointer also the member "-" */
} st_step_kind;

typedef struct st_step {
    st_step_kind kind;
    bool named;        /* it can be a member: name is valid */
    uint32_t index;    /* INDEX, EITHER */
    strata_slice name; /* in the arena */
    size_t end;        /* where it ends in the text of the path */
} st_step;

typedef struct st_path {
    strata_slice text; /* in the arena */
    const st_step *steps;
    size_t count;
} st_path;

/* Errors: invalid_path {position}, which says what is wrong; no_memory. */
strata_status st_path_parse(strata_slice text, st_arena *arena, st_path *path, strata_error *error);

/* The text of the path up to and with its step `index`. */
static inline strata_slice st_path_until(const st_path *path, size_t index) {
    return st_slice(path->text.data, path->steps[index].end);
}

/* One step down from a node. False: there is nothing. id: of the element, when the node is an array. */
bool st_path_step(const st_node *from, const st_step *step, st_node *to, uint32_t *id);

/* The node at a path. A step that does not fit what it meets (a name in an array, anything in a
 * scalar) finds nothing. Errors: corrupt. */
strata_status st_path_find(strata_slice document, const st_path *path, st_node *node, bool *found);

/* Appends "/" and the name, escaped; "/" and the index. Errors: no_memory. */
strata_status st_pointer_put_name(strata_buffer *pointer, strata_slice name);
strata_status st_pointer_put_index(strata_buffer *pointer, uint32_t index);

#endif
