/* document_members.h - finding many members of one object, or many elements of one array by their ids,
 * in time that does not depend on their order.
 */
#ifndef ST_FORMAT_DOCUMENT_MEMBERS_H
#define ST_FORMAT_DOCUMENT_MEMBERS_H

#include "format/document.h"

/* ---- Members --------------------------------------------------------------------------------- */

typedef struct st_members {
    st_node object;
    st_cursor next;    /* behind the last one found: the next is mostly the one that is asked for */
    uint32_t searches; /* how often it was not */
    struct st_member_entry *sorted; /* made when that is too often */
    st_arena *arena;
} st_members;

/* node: an object, or anything else, which has no members. */
void st_members_start(st_members *members, const st_node *node, st_arena *arena);
/* Errors: corrupt, no_memory. */
strata_status st_members_find(st_members *members, strata_slice name, st_node *member, bool *found);

/* ---- Ids ------------------------------------------------------------------------------------- */

typedef struct st_id_places {
    struct st_id_place *sorted; /* NULL: an array without ids of its own */
    size_t runs;
    uint32_t count; /* of elements */
} st_id_places;

/* Errors: corrupt, no_memory. */
strata_status st_id_places_make(st_id_places *places, const st_node *array, st_arena *arena);
/* Whether the array has an element of that id; where. */
bool st_id_places_find(const st_id_places *places, uint32_t id, uint32_t *index);

#endif
