/* change_merge.c - RFC 7396: a merge patch to the changes it makes.
 *
 * Patch and document are walked together as far as both have objects. What the patch has besides becomes
 * a PUT, unless it is there already; its nulls become DELETEs, where there is something, and are left out
 * of what is put.
 *
 * Invariants:
 * 1. Changes are to different members, none inside another: their order does not matter.
 * 2. Names are found in time that does not depend on their order (document_members.c).
 * 3. Applying moves the bytes behind each change. Where many changes of a large document would move more
 *    than MOVED_MAX in all, the whole is put instead, as it is afterwards: linear, whatever the patch.
 */
#include "format/change.h"
#include "format/change_make.h"
#include "format/document_compare.h"
#include "format/document_members.h"

/* About half a second, with what it costs to find the places. */
static const uint64_t MOVED_MAX = (uint64_t)2 << 30;

typedef struct frame {
    st_node_iter patch;
    st_members target;
    size_t route_len;
    size_t members; /* the target has, with the changes so far */
} frame;

typedef struct strip {
    st_node_iter in;
    size_t header;
    uint32_t kept;
} strip;

typedef struct merge {
    const st_document_limits *limits;
    st_arena *scratch;
    strata_buffer *changes;
    strata_buffer route;
    strata_buffer stripped;
    strata_error *error;
    uint64_t count; /* of changes */
    size_t depth;
    frame *frames; /* both: ST_DOCUMENT_DEPTH_MAX, made when first needed */
    strip *strips;
} merge;

/* ---- Values without nulls -------------------------------------------------------------------- */

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

/* Appends a value of a patch as it is stored: members that are null, in objects in objects, are none. */
static strata_status strip_nulls(merge *m, const st_node *value, strata_buffer *out) {
    size_t depth = 0;
    if (value->type != STRATA_OBJECT) {
        return st_buffer_append(out, value->raw.data, value->raw.len);
    }
    if (m->strips == NULL) {
        m->strips =
            st_arena_alloc(m->scratch, ST_DOCUMENT_DEPTH_MAX * sizeof *m->strips, sizeof(void *));
    }
    strip *frames = m->strips;
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
    m->count++;
    return st_change_put(&change, m->changes);
}

/* The patch has `value` where the document has `old` (NULL: nothing); the route leads there. */
static strata_status put_value(merge *m, const st_node *value, const st_node *old) {
    bool equal = false;
    m->stripped.len = 0;
    ST_TRY(strip_nulls(m, value, &m->stripped));
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

/* ---- The whole ------------------------------------------------------------------------------- */

/* An object of the document and one of the patch, while the result of both is written. */
typedef struct both {
    st_node_iter target;
    st_node_iter patch;
    st_members in_target;
    st_members in_patch;
    size_t header;
    uint32_t kept;
    bool rest; /* the target was gone through; what only the patch has comes now */
} both;

static strata_status open_both(const merge *m, both *top, const st_node *patch,
                               const st_node *target, strata_buffer *out) {
    st_node_iter_start(&top->target, target);
    st_node_iter_start(&top->patch, patch);
    st_members_start(&top->in_target, target, m->scratch);
    st_members_start(&top->in_patch, patch, m->scratch);
    top->kept = 0;
    top->rest = false;
    return st_document_open(out, STRATA_OBJECT, &top->header);
}

/* The target's current member; *inner: both have an object there, which is gone into. */
static strata_status write_member(merge *m, both *top, st_node *inner, bool *enter,
                                  strata_buffer *out) {
    const st_node *old = &top->target.node;
    bool found;
    *enter = false;
    ST_TRY(st_members_find(&top->in_patch, top->target.name, inner, &found));
    if (found && inner->type == STRATA_NULL) {
        return STRATA_OK;
    }
    top->kept++;
    ST_TRY(st_document_put_name(out, top->target.name));
    if (!found) {
        return st_buffer_append(out, old->raw.data, old->raw.len);
    }
    *enter = inner->type == STRATA_OBJECT && old->type == STRATA_OBJECT;
    return *enter ? STRATA_OK : strip_nulls(m, inner, out);
}

static strata_status write_rest(merge *m, both *top, strata_buffer *out) {
    st_node old;
    bool found;
    if (top->patch.node.type == STRATA_NULL) {
        return STRATA_OK;
    }
    ST_TRY(st_members_find(&top->in_target, top->patch.name, &old, &found));
    if (found) {
        return STRATA_OK;
    }
    top->kept++;
    ST_TRY(st_document_put_name(out, top->patch.name));
    return strip_nulls(m, &top->patch.node, out);
}

/* Both are objects. Depth was checked when the changes were made. */
static strata_status write_whole(merge *m, const st_node *patch, const st_node *document,
                                 strata_buffer *out) {
    both *frames =
        st_arena_alloc(m->scratch, ST_DOCUMENT_DEPTH_MAX * sizeof *frames, sizeof(void *));
    size_t depth = 0;
    if (frames == NULL) {
        return STRATA_NO_MEMORY;
    }
    ST_TRY(open_both(m, &frames[depth++], patch, document, out));
    while (depth > 0) {
        both *top = &frames[depth - 1];
        if (!top->rest && st_node_iter_next(&top->target)) {
            st_node inner;
            bool enter;
            ST_TRY(write_member(m, top, &inner, &enter, out));
            if (enter) {
                ST_ASSERT(depth < ST_DOCUMENT_DEPTH_MAX);
                ST_TRY(open_both(m, &frames[depth++], &inner, &top->target.node, out));
            }
            continue;
        }
        top->rest = true;
        if (st_node_iter_next(&top->patch)) {
            ST_TRY(write_rest(m, top, out));
            continue;
        }
        st_document_close(out, top->header, top->kept);
        depth--;
    }
    return STRATA_OK;
}

static strata_status put_whole(merge *m, const st_node *patch, const st_node *document) {
    strata_buffer whole = {.host = m->changes->host};
    strata_status status = write_whole(m, patch, document, &whole);
    m->route.len = 0;
    if (status == STRATA_OK) {
        status = put(m, ST_CHANGE_PUT, st_buffer_slice(&whole));
    }
    strata_buffer_free(&whole);
    return status;
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
    if (status == STRATA_OK && m.count > 1 && m.count * to.raw.len > MOVED_MAX) {
        changes->len = start;
        status = put_whole(&m, &from, &to);
    }
    strata_buffer_free(&m.route);
    strata_buffer_free(&m.stripped);
    if (status != STRATA_OK) {
        changes->len = start;
    }
    return status == STRATA_NO_MEMORY ? st_fail_memory(error) : status;
}
