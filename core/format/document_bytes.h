/* document_bytes.h - the bytes of document nodes, for those who write or change them.
 *
 * docs/FORMAT.md, "JSON documents". Everybody else reads nodes through document.h.
 */
#ifndef ST_FORMAT_DOCUMENT_BYTES_H
#define ST_FORMAT_DOCUMENT_BYTES_H

#include "format/document.h"

/* The first byte of a node. */
enum {
    ST_TAG_NULL = 0,
    ST_TAG_FALSE = 1,
    ST_TAG_TRUE = 2,
    ST_TAG_INT = 3,
    ST_TAG_FLOAT = 4,
    ST_TAG_STRING = 5,
    ST_TAG_BYTES = 6,
    ST_TAG_ARRAY = 7, /* its elements have the ids 0, 1, ...; the next new one that of its count */
    ST_TAG_RESHAPED = 8, /* an array with ids of its own */
    ST_TAG_OBJECT = 9,
    ST_TAGS
};

/* The header of a container: where its fields are, and where what they count begins. */
enum {
    ST_HEADER_SIZE = 1, /* u32, of what follows the header */
    ST_HEADER_COUNT = 5,
    ST_HEADER_BYTES = 9,
    /* Of a reshaped array, the first of what follows: next id, bytes of runs, the runs. */
    ST_HEADER_NEXT_ID = 9,
    ST_HEADER_RUNS = 13,
    ST_HEADER_RESHAPED_BYTES = 17
};

/* A scalar's tag, and at most this much before its bytes. */
enum { ST_SCALAR_HEAD_MAX = 1 + ST_VARINT_BYTES_MAX };

/* A varint of at most 32 bits in its shortest form. False: it is not. */
bool st_document_varint(st_cursor *cursor, uint32_t *out);

/* The bytes of the node at `at`; 0 when it is malformed or goes beyond `end`. Looks at nothing inside. */
size_t st_document_skip(const uint8_t *at, const uint8_t *end);

/* A row of consecutive ids: those of `count` elements that follow one another. */
typedef struct st_id_run {
    uint32_t first;
    uint32_t count; /* not 0 */
} st_id_run;

/* The next run of an array whose next new id is next_id. False: malformed. */
bool st_id_run_next(st_cursor *runs, uint32_t next_id, st_id_run *run);

#endif
