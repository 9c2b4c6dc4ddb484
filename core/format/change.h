/* change.h - what an operation does to a JSON document, in bytes that fit any later version of it
 * whose regions they share were not touched meanwhile: the log has these instead of documents.
 *
 * A change is
 *   1 byte   kind
 *   varint   length of the route, then the route (route.h)
 *   PUT      a node: adds or replaces a member, replaces an element; with the empty route everything
 *   DELETE   nothing: takes a member or an element away
 *   INSERT   varint 0 (at the end) or 1 + the id of the element it comes before, varint the id of the
 *            new element, a node; the route is that of the array
 * Changes follow one another without anything between; no bytes at all are no change.
 */
#ifndef ST_FORMAT_CHANGE_H
#define ST_FORMAT_CHANGE_H

#include "format/route.h"

typedef enum st_change_kind {
    ST_CHANGE_PUT = 1,
    ST_CHANGE_DELETE = 2,
    ST_CHANGE_INSERT = 3
} st_change_kind;

typedef struct st_change {
    st_change_kind kind;
    strata_slice route;
    strata_slice value; /* PUT, INSERT: a node */
    bool at_end;        /* INSERT */
    uint32_t before;    /* INSERT, not at_end: the id of the element it comes before */
    uint32_t id;        /* INSERT: of the new element */
    strata_slice raw;   /* all its bytes */
} st_change;

/* ---- Reading --------------------------------------------------------------------------------- */

/* The next of a row of changes. False: malformed. The value is taken whole, but not checked inside. */
bool st_change_next(st_cursor *changes, st_change *change);
/* Everything about changes that somebody else may have written, their values included; like
 * st_document_check. Errors: corrupt, no_memory. */
strata_status st_changes_check(strata_slice changes, const st_document_limits *limits,
                               st_arena *scratch);

enum { ST_CHANGE_REGIONS_MAX = 2 };

/* The regions a change touches; how many. Their routes are borrowed from the change, but that of an
 * INSERT's new element, which is made in `scratch` (emptied first). Errors: corrupt, no_memory. */
strata_status st_change_regions(const st_change *change, strata_buffer *scratch,
                                st_region regions[ST_CHANGE_REGIONS_MAX], size_t *count);

/* ---- Making ---------------------------------------------------------------------------------- */

/* All of these append to *changes what has to be done to `document`, which stays as it is; on failure
 * nothing is appended. Depth and entries are those of the default limits; whether the document fits
 * bytes_max afterwards, its caller sees after st_changes_apply. Paths that cannot be taken:
 * invalid_path {at}: the part of the path that is in the way. Besides: corrupt, no_memory. */

/* Sets what is at the path: replaces it, adds a member, or an element behind the last one ("-", or the
 * index that comes next). Objects that are missing on the way are made; arrays are not. */
strata_status st_change_set(strata_slice document, const st_path *path, strata_slice value,
                            strata_buffer *changes, strata_error *error);
/* Takes away what is at the path. Nothing there: *existed is false and there is no change. The root:
 * invalid_path. */
strata_status st_change_delete(strata_slice document, const st_path *path, strata_buffer *changes,
                               bool *existed, strata_error *error);

/* One PUT, DELETE or INSERT as it stands (merging of histories makes these itself). raw is not read.
 * Errors: no_memory. */
strata_status st_change_put(const st_change *change, strata_buffer *changes);

/* RFC 6902: operations is a document, an array of add, remove, replace, move, copy, test; in order, each
 * sees what those before it have done; all or nothing. Errors, all with {operation}, its index: conflict
 * (a test fails), not_found (what is to be removed, replaced, moved or copied, or the parent of what is
 * added), invalid_path, invalid_argument (not a patch), constraint (limits; too_many_entries above
 * ST_PATCH_OPERATIONS_MAX operations). Cost: operations times the bytes of the document. */
strata_status st_changes_patch(strata_slice document, strata_slice operations,
                               const st_document_limits *limits, st_arena *scratch,
                               strata_buffer *changes, strata_error *error);
/* RFC 7396: patch is a document. Only what differs becomes a change; but where so many would take long to
 * apply to so large a document, one PUT of the whole is. Cost: linear. */
strata_status st_changes_merge(strata_slice document, strata_slice patch,
                               const st_document_limits *limits, st_arena *scratch,
                               strata_buffer *changes, strata_error *error);

/* ---- Applying -------------------------------------------------------------------------------- */

/* Room that applying needs besides the bytes of the changes: for each of them. */
enum { ST_CHANGE_ROOM = 64 };

/* Makes room in *document for applying `changes`. Errors: no_memory. */
strata_status st_changes_reserve(strata_buffer *document, strata_slice changes);
/* Applies changes, one after the other, in place. The document was checked (or made here), and has room.
 * Errors: corrupt, for changes that are malformed or not for this document (a parent or an element is
 * missing, an id comes twice, too deep); those before it have been applied then, and the document is
 * still sound. Cost of each: its path, and the bytes behind it that move. */
strata_status st_changes_apply(strata_buffer *document, strata_slice changes);

#endif
