/* change_merge.c - RFC 7396: a merge patch to the changes it makes.
 *
 * Patch and document are walked together as far as both have objects. What the patch has besides becomes
 * a PUT, unless it is there already; its nulls become DELETEs, where there is something, and are left out
 * of what is put.
 *
 * Invariants:
 * 1. Changes are to different members, none inside another: their order does not matter.
 * 2. Names are found in time that does not depend on their order (document_members.c).
 */
#include "format/change.h"
#include "format/change_make.h"
#include "format/document_compare.h"
#include "format/document_members.h"

typedef struct frame {
    st_node_iter patch;
    st_members target;
    size_t route_len;
    size_t members; /* the target has, with the changes so far */
} frame;

typedef struct merge {
    const st_document_limits *limits;
    st_arena *scratch;
    strata_buffer *changes;
    strata_buffer route;
    strata_buffer stripped;
    strata_error *error;
    size_t depth;
    frame *frames; /* ST_DOCUMENT_DEPTH_MAX */
} merge;

/* ---- Values without nulls -------------------------------------------------------------------- */

typedef struct strip {
    st_node_iter in;
    size_t header;
    uint32_t kept;
} strip;

static strata_status open_strip(strip *frames, size_t *depth, const st_node *object,
                                strata_buffer *out) {
    if (*depth == ST_DOCUMENT_DEPTH_MAX) {
        return STRATA_CORRUPT;
    }
    strip *top = &frames[(*depth)++];
    st_node_iter_start(&top->in, object);
    top->kept = 0;
    return st_document_open(out, STRATA_OBJECT, &top->header);
}

/* A value of a patch as it is stored: members that are null, in objects in objects, are no members. */
static strata_status strip_nulls(const st_node *value, st_arena *scratch, strata_buffer *out) {
    size_t depth = 0;
    out->len = 0;
    if (value->type != STRATA_OBJECT) {
        return st_buffer_append(out, value->raw.data, value->raw.len);
    }
    strip *frames = st_arena_alloc(scratch, ST_DOCUMENT_DEPTH_MAX * sizeof *frames, sizeof(void *));
    if (frames == NULL) {
        return STRATA_NO_MEMORY;
    }
    ST_TRY(open_strip(frames, &depth, value, out));
    while (depth > 0) {
        strip *top = &frames[depth - 1];
        if (!st_node_iter_next(&top->in)) {
            if (top->in.malformed) {
                return STRATA_CORRUPT;
            }
            st_document_close(out, top->header, top->kept);
            depth--;
            continue;
        }
        const st_node *node = &top->in.node;
        if (node->type == STRATA_NULL) {
            continue;
        }
        top->kept++;
        ST_TRY(st_document_put_name(out, top->in.name));
        ST_TRY(node->type == STRATA_OBJECT ? open_strip(frames, &depth, node, out)
                                           : st_buffer_append(out, node->raw.data, node->raw.len));
    }
    return STRATA_OK;
}

/* ---- Changes --------------------------------------------------------------------------------- */

static strata_status put(merge *m, st_change_kind kind, strata_slice value) {
    const st_change change = {.kind = kind, .route = st_buffer_slice(&m->route), .value = value};
    return st_change_put(&change, m->changes);
}

/* The patch has `value` where the document has `old` (NULL: nothing); the route leads there. */
static strata_status put_value(merge *m, const st_node *value, const st_node *old) {
    bool equal = false;
    ST_TRY(strip_nulls(value, m->scratch, &m->stripped));
    const strata_slice stripped = st_buffer_slice(&m->stripped);
    if (old != NULL) {
        ST_TRY(st_document_equal(stripped, old->raw, m->scratch, &equal));
    }
    if (equal) {
        return STRATA_OK;
    }
    ST_TRY(st_change_check_depth(m->depth, stripped, m->error));
    return put(m, ST_CHANGE_PUT, stripped);
}

static strata_status enter(merge *m, const st_node *patch, const st_node *target) {
    if (m->depth == ST_DOCUMENT_DEPTH_MAX) {
        return st_document_fail_depth(m->error, ST_DOCUMENT_DEPTH_MAX);
    }
    frame *top = &m->frames[m->depth++];
    st_node_iter_start(&top->patch, patch);
    st_members_start(&top->target, target, m->scratch);
    top->route_len = m->route.len;
    top->members = target->as.count;
    return STRATA_OK;
}

static strata_status merge_member(merge *m, frame *top) {
    const st_node *value = &top->patch.node;
    st_node old;
    bool found;
    m->route.len = top->route_len;
    ST_TRY(st_members_find(&top->target, top->patch.name, &old, &found));
    ST_TRY(st_route_put_name(&m->route, top->patch.name));
    if (value->type == STRATA_NULL) {
        top->members -= found;
        return found ? put(m, ST_CHANGE_DELETE, st_slice(NULL, 0)) : STRATA_OK;
    }
    top->members += !found;
    if (top->members > m->limits->entries_max) {
        return st_document_fail_entries(m->error, m->limits->entries_max);
    }
    if (found && value->type == STRATA_OBJECT && old.type == STRATA_OBJECT) {
        return enter(m, value, &old);
    }
    return put_value(m, value, found ? &old : NULL);
}

static strata_status merge_all(merge *m, const st_node *patch, const st_node *document) {
    if (patch->type != STRATA_OBJECT || document->type != STRATA_OBJECT) {
        return put_value(m, patch, document);
    }
    m->frames =
        st_arena_alloc(m->scratch, ST_DOCUMENT_DEPTH_MAX * sizeof *m->frames, sizeof(void *));
    if (m->frames == NULL) {
        return STRATA_NO_MEMORY;
    }
    ST_TRY(enter(m, patch, document));
    while (m->depth > 0) {
        frame *top = &m->frames[m->depth - 1];
        if (st_node_iter_next(&top->patch)) {
            ST_TRY(merge_member(m, top));
        } else if (top->patch.malformed) {
            return STRATA_CORRUPT;
        } else {
            m->depth--;
        }
    }
    return STRATA_OK;
}

strata_status st_changes_merge(strata_slice document, strata_slice patch,
                               const st_document_limits *limits, st_arena *scratch,
                               strata_buffer *changes, strata_error *error) {
    const size_t start = changes->len;
    st_node from;
    st_node to;
    if (!st_node_read(patch, &from) || !st_node_read(document, &to)) {
        return STRATA_CORRUPT;
    }
    merge m = {.limits = limits,
               .scratch = scratch,
               .changes = changes,
               .route = {.host = changes->host},
               .stripped = {.host = changes->host},
               .error = error};
    strata_status status = merge_all(&m, &from, &to);
    strata_buffer_free(&m.route);
    strata_buffer_free(&m.stripped);
    if (status != STRATA_OK) {
        changes->len = start;
    }
    return status == STRATA_NO_MEMORY ? st_fail_memory(error) : status;
}
