/* document_walk.h - all nodes of a document, in the order of its bytes. */
#ifndef ST_FORMAT_DOCUMENT_WALK_H
#define ST_FORMAT_DOCUMENT_WALK_H

#include "format/document.h"

/* An open container. */
typedef struct st_walk_frame {
    const uint8_t *end;
    uint32_t left; /* entries still to come */
    bool object;
} st_walk_frame;

typedef struct st_walk {
    st_node node;      /* the current node; a container comes before its entries */
    strata_slice name; /* when it is a member; else data is NULL */
    bool malformed;    /* why next said false; too deep for the frames is malformed, too */
    size_t depth;      /* containers that the current node is in */
    /* What follows is its own. */
    st_cursor at;
    size_t open;
    bool started;
    st_walk_frame frames[ST_DOCUMENT_FRAMES_MAX];
} st_walk;

/* document: one node, with nothing behind it. */
void st_walk_start(st_walk *walk, strata_slice document);
/* False at the end, and where something is malformed: each container must end where it says. */
bool st_walk_next(st_walk *walk);

#endif
