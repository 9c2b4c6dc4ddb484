/* document.h - a JSON document in bytes: its nodes, and reading them where they lie.
 *
 * docs/FORMAT.md, "JSON documents", has the bytes. A document is one node; a node knows its size, so
 * that stepping over it costs the same whatever is in it, and the sizes and counts of containers have
 * a fixed width, so that a change below patches them in place. Elements of arrays have ids that stay
 * theirs: places move when something is inserted, ids do not, and none is used twice in its array.
 */
#ifndef ST_FORMAT_DOCUMENT_H
#define ST_FORMAT_DOCUMENT_H

#include "base/bytes.h"
#include "base/limits.h"
#include "base/memory.h"

/* ---- Limits ---------------------------------------------------------------------------------- */

/* What a new document may be. Deeper than depth_max: constraint/nesting_too_deep; an array or object
 * of more entries: too_many_entries; more bytes: value_too_large. */
typedef struct st_document_limits {
    size_t bytes_max; /* at most UINT32_MAX / 2 */
    size_t depth_max; /* containers inside each other; at most ST_DOCUMENT_FRAMES_MAX */
    size_t entries_max;
} st_document_limits;

#define ST_DOCUMENT_LIMITS_INIT {ST_DOCUMENT_BYTES_MAX, ST_DOCUMENT_DEPTH_MAX, ST_ENTRIES_MAX}

/* The deepest that a stack of frames has room for: what JSON text of a request may have. */
enum { ST_DOCUMENT_FRAMES_MAX = ST_NESTING_MAX + 8 };

/* The errors of the limits; each returns STRATA_CONSTRAINT. */
strata_status st_document_fail_size(strata_error *error, size_t bytes_max);
strata_status st_document_fail_depth(strata_error *error, size_t depth_max);
strata_status st_document_fail_entries(strata_error *error, size_t entries_max);

/* ---- Nodes ----------------------------------------------------------------------------------- */

/* A node as it lies in its document; slices are borrowed from there. */
typedef struct st_node {
    strata_type type;
    union {
        bool boolean;
        int64_t integer;
        double real;
        strata_slice bytes; /* string, bytes */
        uint32_t count;     /* array: elements; object: members */
    } as;
    strata_slice raw;     /* all its bytes: a document of its own */
    strata_slice entries; /* container: its entries, one after the other */
    strata_slice runs;    /* array that was reshaped: the ids of its elements */
    uint32_t next_id;     /* array: the id of the next new element */
} st_node;

/* Reads the node at the beginning of `raw`, which may go on after it; of a container the header only.
 * False: malformed. */
bool st_node_read(strata_slice raw, st_node *node);

/* Goes through the entries of an array or object. */
typedef struct st_node_iter {
    strata_slice name; /* of the current entry, in an object */
    uint32_t id;       /* in an array */
    uint32_t index;
    st_node node;
    bool malformed; /* why next said false */
    /* What follows is its own. */
    st_cursor entries;
    st_cursor runs;
    uint32_t left;
    uint32_t run_left;
    uint32_t next_id;
    bool object;
} st_node_iter;

/* node: any; a scalar has no entries. */
void st_node_iter_start(st_node_iter *it, const st_node *node);
/* False at the end, and when an entry is malformed. */
bool st_node_iter_next(st_node_iter *it);

/* The member of that name; the element at that index; the element of that id, and where it is (index
 * may be NULL). False: there is none, it is malformed, or the node is of another type. Cost: linear in
 * the entries before it, whatever is in them. */
bool st_node_member(const st_node *object, strata_slice name, st_node *member);
bool st_node_element(const st_node *array, uint32_t index, st_node *element, uint32_t *id);
bool st_node_element_of_id(const st_node *array, uint32_t id, st_node *element, uint32_t *index);

/* ---- Writing --------------------------------------------------------------------------------- */

/* Each appends a node. Errors: no_memory. */
strata_status st_document_put_null(strata_buffer *out);
strata_status st_document_put_bool(strata_buffer *out, bool boolean);
strata_status st_document_put_int(strata_buffer *out, int64_t integer);
strata_status st_document_put_float(strata_buffer *out, double real);
strata_status st_document_put_string(strata_buffer *out, strata_slice text);
strata_status st_document_put_bytes(strata_buffer *out, strata_slice bytes);
/* A container whose entries are appended next, each member with its name before it; then it is
 * closed, at the place that opening returned. */
strata_status st_document_open(strata_buffer *out, strata_type type, size_t *place);
strata_status st_document_put_name(strata_buffer *out, strata_slice name);
void st_document_close(strata_buffer *out, size_t place, uint32_t count);

/* ---- Whole documents ------------------------------------------------------------------------- */

/* Checks everything about bytes that somebody else may have written: sizes, UTF-8, names and ids that
 * come once, depth, entries, that each thing is written in its one form, and that nothing follows.
 * Errors: corrupt, no_memory (scratch is for objects of many names). Cost: linear; n log n in the
 * names of an object that is made to be slow. */
strata_status st_document_check(strata_slice document, const st_document_limits *limits,
                                st_arena *scratch);
/* The same without memory: all but names and ids that come twice, which no reader here falls over (it
 * takes the first). *depth (may be NULL): the containers inside each other. */
bool st_document_check_shape(strata_slice document, const st_document_limits *limits,
                             size_t *depth);

/* JSON text (RFC 8259, strictly) to a document, appended, in one pass. The convention for what JSON
 * lacks is that of strata_json_to_msgpack: {"$bytes": ...}, {"$float": ...}, one more "$" for such
 * names themselves. Errors: invalid_argument, constraint (limits), both with {offset}; no_memory. On
 * failure nothing is appended. Cost: some 1 GB/s. */
strata_status st_document_parse(strata_slice json, const st_document_limits *limits,
                                strata_buffer *out, strata_error *error);

/* MessagePack (any that can be read) to a document, appended. Errors: invalid_argument (malformed, not
 * UTF-8, a name that is no string or comes twice), constraint (limits), no_memory. */
strata_status st_document_from_msgpack(strata_slice msgpack, const st_document_limits *limits,
                                       strata_buffer *out, strata_error *error);
/* The canonical MessagePack of a document (or a node), appended. Errors: corrupt, no_memory. */
strata_status st_document_to_msgpack(strata_slice document, strata_buffer *out);

#endif
