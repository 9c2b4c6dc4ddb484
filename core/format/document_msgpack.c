/* document_msgpack.c - documents to MessagePack and back.
 *
 * Neither way recurses. To MessagePack it is one walk, as both have the count of a container before its
 * entries. From it, containers that are open are a stack of frames, and names that come twice are found
 * as the parser of text finds them (document_names.c).
 */
#include "base/utf8.h"
#include "format/document_bytes.h"
#include "format/document_names.h"
#include "format/document_walk.h"
#include "format/msgpack.h"

/* ---- To MessagePack -------------------------------------------------------------------------- */

static strata_status put_node(const st_node *node, strata_buffer *out) {
    switch (node->type) {
    case STRATA_NULL:
        return st_msgpack_put_null(out);
    case STRATA_BOOL:
        return st_msgpack_put_bool(out, node->as.boolean);
    case STRATA_INT:
        return st_msgpack_put_int(out, node->as.integer);
    case STRATA_FLOAT:
        return st_msgpack_put_float(out, node->as.real);
    case STRATA_STRING:
        return st_msgpack_put_string(out, node->as.bytes);
    case STRATA_BYTES:
        return st_msgpack_put_bytes(out, node->as.bytes);
    case STRATA_ARRAY:
        return st_msgpack_put_array(out, node->as.count);
    case STRATA_OBJECT:
        return st_msgpack_put_object(out, node->as.count);
    }
    return STRATA_CORRUPT;
}

static strata_status put_all(strata_slice document, strata_buffer *out) {
    st_walk walk;
    st_walk_start(&walk, document);
    while (st_walk_next(&walk)) {
        if (walk.name.data != NULL) {
            ST_TRY(st_msgpack_put_string(out, walk.name));
        }
        ST_TRY(put_node(&walk.node, out));
    }
    return walk.malformed ? STRATA_CORRUPT : STRATA_OK;
}

strata_status st_document_to_msgpack(strata_slice document, strata_buffer *out) {
    const size_t start = out->len;
    ST_TRY(st_buffer_reserve(out, document.len)); /* it is hardly ever longer */
    const strata_status status = put_all(document, out);
    if (status != STRATA_OK) {
        out->len = start;
    }
    return status;
}

/* ---- From MessagePack ------------------------------------------------------------------------ */

typedef struct frame {
    size_t header; /* in the document */
    st_name_set names;
    uint32_t count;
    uint32_t left;
    bool object;
} frame;

typedef struct reader {
    st_cursor in;
    strata_buffer *out;
    size_t start;
    const st_document_limits *limits;
    strata_error *error;
    st_name_stack names;
    size_t depth;
    frame frames[ST_DOCUMENT_FRAMES_MAX];
} reader;

static strata_status fail_malformed(strata_error *error) {
    return st_fail(error, STRATA_INVALID_ARGUMENT,
                   "the value is not well-formed MessagePack (ends early, an extension type, or an "
                   "integer beyond 64 signed bits)");
}

static strata_status check_text(const reader *from, strata_slice text) {
    return st_utf8_valid(text, NULL) ? STRATA_OK
                                     : st_fail(from->error, STRATA_INVALID_ARGUMENT,
                                               "a string is not UTF-8; store such bytes as bytes");
}

static strata_status read_name(reader *from, frame *top) {
    enum { MARKED = 16 }; /* what st_name_mark may look at */
    st_token token;
    if (!st_msgpack_next(&from->in, &token)) {
        return fail_malformed(from->error);
    }
    if (token.type != STRATA_STRING) {
        return st_fail(from->error, STRATA_INVALID_ARGUMENT,
                       "an object has a name that is not a string");
    }
    const strata_slice name = token.as.bytes;
    st_name_entry entry = {from->out->len - from->start, 0, 0};
    bool repeated;
    ST_TRY(check_text(from, name));
    ST_TRY(st_document_put_name(from->out, name));
    ST_TRY(st_buffer_reserve(from->out, MARKED));
    entry.mark = st_name_mark(from->out->data + from->out->len - name.len, name.len);
    ST_TRY(st_name_add(&from->names, &top->names, from->out->data + from->start, entry, &repeated));
    return repeated ? st_fail(from->error, STRATA_INVALID_ARGUMENT,
                              "an object has the name \"%S\" twice", &name)
                    : STRATA_OK;
}

static strata_status open_container(reader *from, const st_token *token) {
    if (token->as.count > from->limits->entries_max) {
        return st_document_fail_entries(from->error, from->limits->entries_max);
    }
    if (from->depth == from->limits->depth_max) {
        return st_document_fail_depth(from->error, from->limits->depth_max);
    }
    size_t place;
    ST_TRY(st_document_open(from->out, token->type, &place));
    from->frames[from->depth++] = (frame){.header = place,
                                          .names = st_name_set_init(&from->names),
                                          .count = token->as.count,
                                          .left = token->as.count,
                                          .object = token->type == STRATA_OBJECT};
    return STRATA_OK;
}

static strata_status close_container(reader *from) {
    const frame *top = &from->frames[--from->depth];
    const uint8_t *document = from->out->data + from->start;
    const st_name_entry *repeated;
    st_document_close(from->out, top->header, top->count);
    ST_TRY(st_name_set_close(&from->names, &top->names, document, &repeated));
    if (repeated != NULL) {
        st_cursor cursor = {document + repeated->place, from->out->data + from->out->len};
        strata_slice name = {NULL, 0};
        (void)st_cursor_sized(&cursor, &name);
        return st_fail(from->error, STRATA_INVALID_ARGUMENT, "an object has the name \"%S\" twice",
                       &name);
    }
    return STRATA_OK;
}

static strata_status read_value(reader *from) {
    st_token token;
    if (!st_msgpack_next(&from->in, &token)) {
        return fail_malformed(from->error);
    }
    switch (token.type) {
    case STRATA_NULL:
        return st_document_put_null(from->out);
    case STRATA_BOOL:
        return st_document_put_bool(from->out, token.as.boolean);
    case STRATA_INT:
        return st_document_put_int(from->out, token.as.integer);
    case STRATA_FLOAT:
        return st_document_put_float(from->out, token.as.real);
    case STRATA_STRING:
        ST_TRY(check_text(from, token.as.bytes));
        return st_document_put_string(from->out, token.as.bytes);
    case STRATA_BYTES:
        return st_document_put_bytes(from->out, token.as.bytes);
    default:
        return open_container(from, &token);
    }
}

static strata_status read_all(reader *from) {
    do {
        if (from->depth > 0) {
            frame *top = &from->frames[from->depth - 1];
            top->left--;
            if (top->object) {
                ST_TRY(read_name(from, top));
            }
        }
        ST_TRY(read_value(from));
        if (from->out->len - from->start > from->limits->bytes_max) {
            return st_document_fail_size(from->error, from->limits->bytes_max);
        }
        while (from->depth > 0 && from->frames[from->depth - 1].left == 0) {
            ST_TRY(close_container(from));
        }
    } while (from->depth > 0);
    return from->in.at == from->in.end
               ? STRATA_OK
               : st_fail(from->error, STRATA_INVALID_ARGUMENT, "bytes follow the end of the value");
}

strata_status st_document_from_msgpack(strata_slice msgpack, const st_document_limits *limits,
                                       strata_buffer *out, strata_error *error) {
    reader from;
    ST_ASSERT(limits->depth_max <= ST_DOCUMENT_FRAMES_MAX && limits->bytes_max <= UINT32_MAX / 2);
    from.in = st_cursor_over(msgpack);
    from.out = out;
    from.start = out->len;
    from.limits = limits;
    from.error = error;
    from.names = (st_name_stack){{.host = out->host}, {.host = out->host}};
    from.depth = 0;
    const strata_status status = read_all(&from);
    st_name_stack_free(&from.names);
    if (status != STRATA_OK) {
        out->len = from.start;
    }
    return status == STRATA_NO_MEMORY ? st_fail_memory(error) : status;
}
