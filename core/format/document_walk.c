/* document_walk.c - all nodes of a document, in the order of its bytes, without recursion.
 *
 * The bytes are read one after the other, with a stack of the containers that are open. Sizes are
 * believed only when what is inside fills them exactly.
 */
#include "format/document_walk.h"

#include "format/document_bytes.h"

void st_walk_start(st_walk *walk, strata_slice document) {
    walk->at = st_cursor_over(document);
    walk->malformed = document.len == 0;
    walk->started = false;
    walk->depth = 0;
    walk->open = 0;
}

/* Closes what ends here. False: nothing is left, or a container has another size than it says. */
static bool close_ended(st_walk *walk) {
    while (walk->open > 0 && walk->frames[walk->open - 1].left == 0) {
        if (walk->frames[walk->open - 1].end != walk->at.at) {
            walk->malformed = true;
            return false;
        }
        walk->open--;
    }
    if (walk->open == 0) {
        walk->malformed = walk->at.at != walk->at.end;
        return false;
    }
    return true;
}

static bool open_container(st_walk *walk) {
    const st_node *node = &walk->node;
    if (walk->open == ST_DOCUMENT_FRAMES_MAX) {
        return false;
    }
    const uint8_t *entries = node->entries.data;
    walk->frames[walk->open++] =
        (st_walk_frame){entries + node->entries.len, node->as.count, node->type == STRATA_OBJECT};
    walk->at.at = entries;
    return true;
}

/* Reads the node at the cursor, with its name. */
static bool take_node(st_walk *walk) {
    uint32_t len;
    walk->name = st_slice(NULL, 0);
    if (walk->open > 0) {
        st_walk_frame *top = &walk->frames[walk->open - 1];
        top->left--;
        if (top->object && (!st_document_varint(&walk->at, &len) ||
                            !st_cursor_take(&walk->at, len, &walk->name))) {
            return false;
        }
    }
    if (!st_node_read(st_slice(walk->at.at, st_cursor_left(&walk->at)), &walk->node)) {
        return false;
    }
    walk->depth = walk->open;
    if (walk->node.type == STRATA_ARRAY || walk->node.type == STRATA_OBJECT) {
        return open_container(walk);
    }
    walk->at.at += walk->node.raw.len;
    return true;
}

bool st_walk_next(st_walk *walk) {
    if (walk->malformed || (walk->started && !close_ended(walk))) {
        return false;
    }
    walk->started = true;
    if (!take_node(walk)) {
        walk->malformed = true;
        return false;
    }
    return true;
}
