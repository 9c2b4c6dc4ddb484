/* document.c - the nodes of JSON documents: reading them where they lie, and writing them.
 *
 *   null 00   false 01   true 02
 *   int       03, zigzag varint
 *   float     04, 8 bytes
 *   string    05, varint length, UTF-8        bytes  06, varint length, bytes
 *   array     07, u32 bytes that follow the header, u32 count, elements
 *   array     08, u32 size, u32 count, u32 next id, u32 bytes of runs, runs, elements
 *   object    09, u32 size, u32 count, members: varint length, name, node
 *
 * Invariants:
 * 1. A node says its size in its first bytes: stepping over one looks at nothing inside.
 * 2. Each value has one form: varints are the shortest, and an array of the second kind is one that
 *    the first could not tell.
 * 3. Ids of elements are below the array's next id, and none comes twice. Runs {first, count} say which
 *    id each element has, in order; two neighbours never could be one.
 * 4. Nothing that is read is trusted: a length or count that its bytes cannot hold ends the reading.
 *
 * Why not MessagePack: it has no sizes, so that every path would be a walk through all that comes before
 * it; its headers change their width with the count, so that a change would move its ancestors; and it
 * has no place for identities. Rejected for ids: one before each element. An insertion in the middle of
 * a million elements would then write a million of them.
 */
#include "format/document.h"

#include "format/document_bytes.h"

/* ---- Limits ---------------------------------------------------------------------------------- */

static strata_status fail_limit(strata_error *error, size_t limit) {
    st_fail_number(error, "limit", (int64_t)limit);
    return STRATA_CONSTRAINT;
}

strata_status st_document_fail_size(strata_error *error, size_t bytes_max) {
    st_fail_constraint(error, "value_too_large", "the document is larger than %u bytes",
                       (uint64_t)bytes_max);
    return fail_limit(error, bytes_max);
}

strata_status st_document_fail_depth(strata_error *error, size_t depth_max) {
    st_fail_constraint(error, "nesting_too_deep", "the JSON is nested deeper than %u levels",
                       (uint64_t)depth_max);
    return fail_limit(error, depth_max);
}

strata_status st_document_fail_entries(strata_error *error, size_t entries_max) {
    st_fail_constraint(error, "too_many_entries", "an array or object has more than %u entries",
                       (uint64_t)entries_max);
    return fail_limit(error, entries_max);
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

/* Whether a varint that ends at `end` is in its shortest form: no last byte that adds nothing. */
static bool is_shortest(const uint8_t *start, const uint8_t *end) {
    return end - start == 1 || end[-1] != 0;
}

bool st_document_varint(st_cursor *cursor, uint32_t *out) {
    const uint8_t *start = cursor->at;
    uint64_t v;
    if (ST_LIKELY(start < cursor->end && *start < 0x80)) {
        *out = *start;
        cursor->at++;
        return true;
    }
    if (!st_cursor_varint(cursor, &v) || v > UINT32_MAX || !is_shortest(start, cursor->at)) {
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

size_t st_document_skip(const uint8_t *at, const uint8_t *end) {
    const uint8_t *start = at;
    size_t left = (size_t)(end - at);
    uint64_t size = 0;
    if (left == 0 || *at >= ST_TAGS) {
        return 0;
    }
    const uint8_t tag = *at++;
    if (tag >= ST_TAG_ARRAY) {
        size = left < ST_HEADER_BYTES ? UINT64_MAX : ST_HEADER_BYTES + (uint64_t)load32_le(at);
    } else if (tag == ST_TAG_FLOAT) {
        size = 9;
    } else if (tag < ST_TAG_INT) {
        return 1;
    } else {
        st_cursor cursor = {at, end};
        uint64_t v;
        if (!st_cursor_varint(&cursor, &v) || !is_shortest(at, cursor.at)) {
            return 0;
        }
        size = (uint64_t)(cursor.at - start);
        if (tag != ST_TAG_INT) {
            size = v > left ? (uint64_t)left + 1 : size + v;
        }
    }
    return size > left ? 0 : (size_t)size;
}

bool st_id_run_next(st_cursor *runs, uint32_t next_id, st_id_run *run) {
    return st_document_varint(runs, &run->first) && st_document_varint(runs, &run->count) &&
           run->count != 0 && run->first < next_id && run->count <= next_id - run->first;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* size: of the node; at least a header. */
static bool read_container(const uint8_t *at, size_t size, st_node *node) {
    const uint8_t tag = *at;
    node->as.count = load32_le(at + ST_HEADER_COUNT);
    node->next_id = node->as.count;
    node->runs = st_slice(at + ST_HEADER_BYTES, 0);
    size_t head = ST_HEADER_BYTES;
    if (tag == ST_TAG_RESHAPED) {
        if (size < ST_HEADER_RESHAPED_BYTES) {
            return false;
        }
        const uint32_t runs = load32_le(at + ST_HEADER_RUNS);
        if (runs > size - ST_HEADER_RESHAPED_BYTES) {
            return false;
        }
        node->next_id = load32_le(at + ST_HEADER_NEXT_ID);
        node->runs = st_slice(at + ST_HEADER_RESHAPED_BYTES, runs);
        head = ST_HEADER_RESHAPED_BYTES + (size_t)runs;
    }
    node->type = tag == ST_TAG_OBJECT ? STRATA_OBJECT : STRATA_ARRAY;
    node->entries = st_slice(at + head, size - head);
    const uint64_t least = (uint64_t)node->as.count * (tag == ST_TAG_OBJECT ? 2 : 1);
    return least <= node->entries.len && node->as.count <= node->next_id;
}

/* A varint in its shortest form; mostly it is one byte. */
static bool take_varint(st_cursor *cursor, uint64_t *out) {
    const uint8_t *start = cursor->at;
    if (ST_LIKELY(start < cursor->end && *start < 0x80)) {
        *out = *start;
        cursor->at++;
        return true;
    }
    return st_cursor_varint(cursor, out) && is_shortest(start, cursor->at);
}

/* What follows the tag of a scalar. */
static bool read_scalar(uint8_t tag, st_cursor *cursor, st_node *node) {
    static const uint8_t types[] = {STRATA_NULL,  STRATA_BOOL,   STRATA_BOOL, STRATA_INT,
                                    STRATA_FLOAT, STRATA_STRING, STRATA_BYTES};
    strata_slice bytes;
    uint64_t v = 0;
    node->type = (strata_type)types[tag];
    node->entries = st_slice(NULL, 0);
    node->runs = node->entries;
    node->next_id = 0;
    switch (tag) {
    case ST_TAG_INT:
        if (!take_varint(cursor, &v)) {
            return false;
        }
        node->as.integer = st_unzigzag(v);
        return true;
    case ST_TAG_STRING:
    case ST_TAG_BYTES:
        return take_varint(cursor, &v) && v <= st_cursor_left(cursor) &&
               st_cursor_take(cursor, (size_t)v, &node->as.bytes);
    case ST_TAG_FLOAT:
        if (!st_cursor_take(cursor, sizeof v, &bytes)) {
            return false;
        }
        v = load64_le(bytes.data);
        memcpy(&node->as.real, &v, sizeof v);
        return true;
    case ST_TAG_NULL:
        node->as.integer = 0;
        return true;
    default:
        node->as.boolean = tag == ST_TAG_TRUE;
        return true;
    }
}

bool st_node_read(strata_slice raw, st_node *node) {
    const uint8_t *at = raw.data;
    if (raw.len == 0 || *at >= ST_TAGS) {
        return false;
    }
    if (*at < ST_TAG_ARRAY) {
        st_cursor cursor = {at + 1, at + raw.len};
        const bool read = read_scalar(*at, &cursor, node);
        node->raw = st_slice(at, (size_t)(cursor.at - at));
        return read;
    }
    const size_t size = st_document_skip(at, at + raw.len);
    node->raw = st_slice(at, size);
    return size != 0 && read_container(at, size, node);
}

/* ---- Entries --------------------------------------------------------------------------------- */

void st_node_iter_start(st_node_iter *it, const st_node *node) {
    const bool container = node->type == STRATA_ARRAY || node->type == STRATA_OBJECT;
    memset(it, 0, sizeof *it);
    it->entries = st_cursor_over(node->entries);
    it->left = container ? node->as.count : 0;
    it->object = node->type == STRATA_OBJECT;
    it->next_id = node->next_id;
    it->runs = st_cursor_over(node->runs);
    it->index = UINT32_MAX;
    it->id = UINT32_MAX;
    if (node->type == STRATA_ARRAY && node->runs.len == 0) {
        it->run_left = it->left;
    }
}

/* The id of the next element. */
static bool iter_id(st_node_iter *it) {
    st_id_run run;
    it->id++;
    if (it->run_left == 0) {
        if (!st_id_run_next(&it->runs, it->next_id, &run)) {
            return false;
        }
        it->id = run.first;
        it->run_left = run.count;
    }
    it->run_left--;
    return true;
}

bool st_node_iter_next(st_node_iter *it) {
    if (it->left == 0) {
        it->malformed = it->malformed || it->entries.at != it->entries.end ||
                        it->runs.at != it->runs.end || it->run_left != 0;
        return false;
    }
    it->left--;
    it->index++;
    uint32_t len = 0;
    const bool named = !it->object || (st_document_varint(&it->entries, &len) &&
                                       st_cursor_take(&it->entries, len, &it->name));
    if (!named || (!it->object && !iter_id(it)) ||
        !st_node_read(st_slice(it->entries.at, st_cursor_left(&it->entries)), &it->node)) {
        it->left = 0;
        it->malformed = true;
        return false;
    }
    it->entries.at += it->node.raw.len;
    return true;
}

bool st_node_member(const st_node *object, strata_slice name, st_node *member) {
    if (object->type != STRATA_OBJECT) {
        return false;
    }
    st_cursor at = st_cursor_over(object->entries);
    for (uint32_t left = object->as.count; left > 0; left--) {
        uint32_t len;
        strata_slice found;
        if (!st_document_varint(&at, &len) || !st_cursor_take(&at, len, &found)) {
            return false;
        }
        if (st_slice_equal(found, name)) {
            return st_node_read(st_slice(at.at, st_cursor_left(&at)), member);
        }
        const size_t size = st_document_skip(at.at, at.end);
        if (size == 0) {
            return false;
        }
        at.at += size;
    }
    return false;
}

/* The element at an index; its id is known. */
static bool element_at(const st_node *array, uint32_t index, st_node *element) {
    st_cursor at = st_cursor_over(array->entries);
    for (; index > 0; index--) {
        const size_t size = st_document_skip(at.at, at.end);
        if (size == 0) {
            return false;
        }
        at.at += size;
    }
    return st_node_read(st_slice(at.at, st_cursor_left(&at)), element);
}

bool st_node_element(const st_node *array, uint32_t index, st_node *element, uint32_t *id) {
    if (array->type != STRATA_ARRAY || index >= array->as.count) {
        return false;
    }
    *id = index;
    if (array->runs.len != 0) {
        st_cursor runs = st_cursor_over(array->runs);
        st_id_run run = {0, 0};
        uint32_t before = index;
        do {
            before -= run.count;
            if (!st_id_run_next(&runs, array->next_id, &run)) {
                return false;
            }
        } while (before >= run.count);
        *id = run.first + before;
    }
    return element_at(array, index, element);
}

bool st_node_element_of_id(const st_node *array, uint32_t id, st_node *element, uint32_t *index) {
    if (array->type != STRATA_ARRAY) {
        return false;
    }
    uint32_t place = id;
    if (array->runs.len != 0) {
        st_cursor runs = st_cursor_over(array->runs);
        st_id_run run = {0, 0};
        place = 0;
        do {
            place += run.count;
            if (place > array->as.count || !st_id_run_next(&runs, array->next_id, &run)) {
                return false;
            }
        } while (id - run.first >= run.count);
        place += id - run.first;
    }
    if (place >= array->as.count) {
        return false;
    }
    if (index != NULL) {
        *index = place;
    }
    return element_at(array, place, element);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static strata_status put_tag(strata_buffer *out, uint8_t tag) {
    return st_buffer_append(out, &tag, 1);
}

static strata_status put_sized(strata_buffer *out, uint8_t tag, strata_slice bytes) {
    if (bytes.len > UINT32_MAX) {
        return STRATA_NO_MEMORY;
    }
    ST_TRY(st_buffer_reserve(out, ST_SCALAR_HEAD_MAX + bytes.len));
    uint8_t *at = out->data + out->len;
    *at = tag;
    out->len = (size_t)(st_varint_put(at + 1, bytes.len) - out->data);
    return st_buffer_append(out, bytes.data, bytes.len);
}

strata_status st_document_put_null(strata_buffer *out) {
    return put_tag(out, ST_TAG_NULL);
}

strata_status st_document_put_bool(strata_buffer *out, bool boolean) {
    return put_tag(out, boolean ? ST_TAG_TRUE : ST_TAG_FALSE);
}

strata_status st_document_put_int(strata_buffer *out, int64_t integer) {
    uint8_t bytes[ST_SCALAR_HEAD_MAX] = {ST_TAG_INT};
    const uint8_t *end = st_varint_put(bytes + 1, st_zigzag(integer));
    return st_buffer_append(out, bytes, (size_t)(end - bytes));
}

strata_status st_document_put_float(strata_buffer *out, double real) {
    uint8_t bytes[9] = {ST_TAG_FLOAT};
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    store64_le(bytes + 1, bits);
    return st_buffer_append(out, bytes, sizeof bytes);
}

strata_status st_document_put_string(strata_buffer *out, strata_slice text) {
    return put_sized(out, ST_TAG_STRING, text);
}

strata_status st_document_put_bytes(strata_buffer *out, strata_slice bytes) {
    return put_sized(out, ST_TAG_BYTES, bytes);
}

strata_status st_document_open(strata_buffer *out, strata_type type, size_t *place) {
    uint8_t header[ST_HEADER_BYTES] = {type == STRATA_OBJECT ? ST_TAG_OBJECT : ST_TAG_ARRAY};
    const size_t start = out->len;
    ST_TRY(st_buffer_append(out, header, sizeof header));
    *place = start;
    return STRATA_OK;
}

strata_status st_document_put_name(strata_buffer *out, strata_slice name) {
    uint8_t bytes[ST_VARINT_BYTES_MAX];
    const uint8_t *end = st_varint_put(bytes, name.len);
    ST_TRY(st_buffer_append(out, bytes, (size_t)(end - bytes)));
    return st_buffer_append(out, name.data, name.len);
}

void st_document_close(strata_buffer *out, size_t place, uint32_t count) {
    uint8_t *header = out->data + place;
    const size_t size = out->len - place - ST_HEADER_BYTES;
    ST_ASSERT(size <= UINT32_MAX);
    store32_le(header + ST_HEADER_SIZE, (uint32_t)size);
    store32_le(header + ST_HEADER_COUNT, count);
}
