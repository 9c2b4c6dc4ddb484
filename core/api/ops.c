/* ops.c - the table of operations and strata_exec, which every carrier goes through.
 *
 * ops.def becomes: a table of argument descriptions for each operation, and a table of operations.
 * A request is decoded against the first before a handler sees it: arguments that are unknown,
 * given twice, of another type or missing are refused here, so handlers deal with meaning only.
 *
 * A response is [true, {result}] or [false, {code, message, retryable, details}]. A handler appends
 * to the response as it goes; when it fails, what it wrote is dropped and the error takes its
 * place.
 */
#include "api/ops.h"

#include "api/handle.h"
#include "base/utf8.h"
#include "model/kv.h"

/* ---- The tables ------------------------------------------------------------------------------ */

typedef struct arg_info {
    const char *name;
    st_arg_type type;
    bool required;
} arg_info;

enum { REQUIRED = 1, OPTIONAL = 0 };

#define OP(id, name, access, doc)      static const arg_info args_of_##id[] = {
#define ARG(id, name, type, need, doc) {#name, ST_ARG_##type, need},
#define END(id)                                                                                    \
    {                                                                                              \
        NULL, ST_ARG_VALUE, false                                                                  \
    }                                                                                              \
    }                                                                                              \
    ;
#include "api/ops_each.h"

typedef struct op_info {
    const char *name;
    const arg_info *args;
    strata_status (*run)(st_call *call);
} op_info;

static const op_info ops[] = {
#define OP(id, name, access, doc) {name, args_of_##id, st_op_##id},
#include "api/ops_each.h"
};

enum { OP_COUNT = sizeof ops / sizeof ops[0] };

#define OP(id, name, access, doc)                                                                  \
    _Static_assert(ARG_COUNT_##id <= (int)ST_ARGS_MAX, "ST_ARGS_MAX is too small");
#include "api/ops_each.h"

static const op_info *find_op(strata_slice name) {
    for (size_t i = 0; i < OP_COUNT; i++) {
        if (st_slice_equal(name, strata_text(ops[i].name))) {
            return &ops[i];
        }
    }
    return NULL;
}

/* ---- Decoding arguments ---------------------------------------------------------------------- */

static const char *type_words(st_arg_type type) {
    switch (type) {
    case ST_ARG_KEY:
    case ST_ARG_STRING:
        return "a string";
    case ST_ARG_STRINGS:
        return "an array of strings";
    case ST_ARG_BOOL:
        return "true or false";
    case ST_ARG_INT:
    case ST_ARG_TIME:
        return "an int";
    case ST_ARG_UINT:
    case ST_ARG_VERSION:
        return "an int of 0 or more";
    case ST_ARG_FLOAT:
        return "a number";
    case ST_ARG_OBJECT:
        return "an object";
    case ST_ARG_ARRAY:
        return "an array";
    case ST_ARG_VALUE:
        return "a value";
    }
    return "a value";
}

static bool fits(st_arg_type type, const strata_value *value) {
    switch (type) {
    case ST_ARG_KEY:
    case ST_ARG_STRING:
        return value->type == STRATA_STRING;
    case ST_ARG_STRINGS:
    case ST_ARG_ARRAY:
        return value->type == STRATA_ARRAY;
    case ST_ARG_BOOL:
        return value->type == STRATA_BOOL;
    case ST_ARG_INT:
    case ST_ARG_TIME:
        return value->type == STRATA_INT;
    case ST_ARG_UINT:
    case ST_ARG_VERSION:
        return value->type == STRATA_INT && value->as.integer >= 0;
    case ST_ARG_FLOAT:
        return value->type == STRATA_FLOAT || value->type == STRATA_INT;
    case ST_ARG_OBJECT:
        return value->type == STRATA_OBJECT;
    case ST_ARG_VALUE:
        return true;
    }
    return false;
}

static strata_status fail_argument(st_call *call, const char *op, strata_slice name,
                                   const char *what) {
    st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "%s: the argument \"%S\" %s", op, &name,
            what);
    return st_fail_text(call->rq->error, "argument", name);
}

static strata_status take_argument(st_call *call, const op_info *op, strata_slice name,
                                   strata_slice encoded) {
    size_t place = 0;
    while (op->args[place].name != NULL &&
           !st_slice_equal(name, strata_text(op->args[place].name))) {
        place++;
    }
    const arg_info *info = &op->args[place];
    if (info->name == NULL) {
        return fail_argument(call, op->name, name, "is not one it knows");
    }
    if (call->given[place]) {
        return fail_argument(call, op->name, name, "is given twice");
    }
    if (!st_value_decode(encoded, &call->args[place]) || !fits(info->type, &call->args[place])) {
        st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "%s: the argument \"%S\" must be %s",
                op->name, &name, type_words(info->type));
        return st_fail_text(call->rq->error, "argument", name);
    }
    if (info->type == ST_ARG_STRING && !st_utf8_valid(call->args[place].as.bytes, NULL)) {
        return fail_argument(call, op->name, name, "is not UTF-8");
    }
    call->given[place] = true;
    return STRATA_OK;
}

static strata_status fail_request(st_call *call, const char *what) {
    return st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                   "the request %s; it is MessagePack [name, {arguments}]", what);
}

/* Whether a value is well-formed but for its depth. Only the number of values still to come is
 * kept, which the bytes that are left bound. */
static bool is_whole(st_cursor cursor) {
    st_token token;
    for (uint64_t left = 1; left > 0; left--) {
        if (!st_msgpack_next(&cursor, &token)) {
            return false;
        }
        left += token.type == STRATA_ARRAY ? token.as.count : 0;
        left += token.type == STRATA_OBJECT ? (uint64_t)token.as.count * 2 : 0;
    }
    return true;
}

/* Steps over one value; tells malformed bytes from nesting beyond the limit. */
static strata_status skip_value(st_call *call, st_cursor *cursor, strata_slice *value) {
    const st_cursor start = *cursor;
    if (st_msgpack_skip(cursor, value)) {
        return STRATA_OK;
    }
    if (is_whole(start)) {
        return st_fail_constraint(call->rq->error, "nesting_too_deep",
                                  "an argument is nested deeper than %u levels",
                                  (uint64_t)ST_NESTING_MAX);
    }
    return fail_request(call, "is malformed or ends early");
}

static strata_status decode_request(st_call *call, strata_slice request, const op_info **op) {
    st_cursor cursor = st_cursor_over(request);
    st_token token;
    if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_ARRAY || token.as.count < 1 ||
        token.as.count > 2) {
        return fail_request(call, "is not an array of one or two");
    }
    const bool with_arguments = token.as.count == 2;
    if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_STRING) {
        return fail_request(call, "does not begin with the name of an operation");
    }
    *op = find_op(token.as.bytes);
    if (*op == NULL) {
        st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                "there is no operation \"%S\"; docs/operations.md lists them", &token.as.bytes);
        return st_fail_text(call->rq->error, "operation", token.as.bytes);
    }
    uint32_t pairs = 0;
    if (with_arguments) {
        if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_OBJECT) {
            return fail_request(call, "has arguments that are not an object");
        }
        pairs = token.as.count;
    }
    for (uint32_t i = 0; i < pairs; i++) {
        strata_slice encoded;
        if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_STRING) {
            return fail_request(call, "has an argument without a name");
        }
        ST_TRY(skip_value(call, &cursor, &encoded));
        ST_TRY(take_argument(call, *op, token.as.bytes, encoded));
    }
    if (cursor.at != cursor.end) {
        return fail_request(call, "has bytes after its end");
    }
    for (size_t place = 0; (*op)->args[place].name != NULL; place++) {
        if ((*op)->args[place].required && !call->given[place]) {
            return fail_argument(call, (*op)->name, strata_text((*op)->args[place].name),
                                 "is missing");
        }
    }
    return STRATA_OK;
}

/* An operation that names a transaction joins it. Those on the transaction itself have its number,
 * too, and no run. */
static strata_status join_txn(st_call *call, const op_info *op) {
    bool has_run = false;
    for (size_t place = 0; op->args[place].name != NULL; place++) {
        has_run = has_run || strcmp(op->args[place].name, "run") == 0;
        if (has_run && call->given[place] && strcmp(op->args[place].name, "txn") == 0) {
            ST_TRY(
                st_handle_txn_find(call->db, (uint64_t)call->args[place].as.integer, &call->txn));
            st_handle_txn_join(call->db, call->txn);
        }
    }
    return STRATA_OK;
}

strata_status st_call_run(st_call *call, int arg, st_run **run) {
    if (call->txn != NULL && !call->given[arg]) {
        *run = call->txn->run;
        return st_run_check_there(call->rq, *run);
    }
    ST_TRY(st_run_find(call->rq, st_call_text(call, arg), run));
    return call->txn == NULL || call->txn->run == *run
               ? STRATA_OK
               : st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                         "transaction %u is on another run; leave the run out", call->txn->number);
}

st_when st_call_when(const st_call *call, int version_arg, int time_arg) {
    st_when when = {st_call_uint(call, version_arg, UINT64_MAX),
                    st_call_int(call, time_arg, INT64_MAX)};
    if (call->given[time_arg] && when.time_us == INT64_MAX) {
        when.time_us--; /* it has not come either */
    }
    return when;
}

strata_status st_call_ttl(st_call *call, int arg, uint64_t *ttl_ms) {
    *ttl_ms = st_call_uint(call, arg, 0);
    return call->given[arg] ? st_ttl_check(call->rq, *ttl_ms) : STRATA_OK;
}

strata_status st_call_limit(st_call *call, int arg, uint64_t *limit) {
    *limit = st_call_uint(call, arg, ST_PAGE_DEFAULT);
    if (*limit == 0 || *limit > ST_PAGE_MAX) {
        st_fail(call->rq->error, STRATA_INVALID_ARGUMENT, "limit is %u; it must be 1 to %u", *limit,
                (uint64_t)ST_PAGE_MAX);
        return st_fail_text(call->rq->error, "argument", strata_text("limit"));
    }
    return STRATA_OK;
}

strata_status st_call_keep(st_call *call, strata_slice text, strata_slice *kept) {
    if (kept->data == NULL) {
        kept->data = st_arena_alloc(call->rq->arena, ST_KEY_BYTES_MAX, 1);
        if (kept->data == NULL) {
            return st_fail_memory(call->rq->error);
        }
    }
    memcpy((void *)kept->data, text.data, text.len);
    kept->len = text.len;
    return STRATA_OK;
}

strata_status st_call_object(st_call *call, int arg, strata_slice *out) {
    st_request *rq = call->rq;
    *out = st_slice(NULL, 0);
    if (!call->given[arg]) {
        return STRATA_OK;
    }
    rq->value.len = 0;
    ST_TRY(st_value_encode(&call->args[arg], rq->model->value_bytes_max, &rq->value, rq->error));
    *out = st_arena_copy(rq->arena, st_buffer_slice(&rq->value));
    return out->data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
}

strata_status st_call_strings(st_call *call, int arg, strata_slice *out) {
    st_token token;
    ST_TRY(st_call_object(call, arg, out));
    if (out->len == 0) {
        return STRATA_OK;
    }
    st_cursor cursor = st_cursor_over(*out);
    bool good = st_msgpack_next(&cursor, &token) && token.as.count <= ST_TAGS_MAX;
    for (uint32_t left = good ? token.as.count : 0; good && left > 0; left--) {
        good = st_msgpack_next(&cursor, &token) && token.type == STRATA_STRING;
    }
    return good ? STRATA_OK
                : st_fail(call->rq->error, STRATA_INVALID_ARGUMENT,
                          "tags are an array of at most %u strings", (uint64_t)ST_TAGS_MAX);
}

bool st_strings_hold(strata_slice strings, strata_slice text) {
    st_cursor cursor = st_cursor_over(strings);
    st_token token;
    bool good = st_msgpack_next(&cursor, &token) && token.type == STRATA_ARRAY;
    for (uint32_t left = good ? token.as.count : 0; good && left > 0; left--) {
        good = st_msgpack_next(&cursor, &token) && token.type == STRATA_STRING;
        if (good && st_slice_equal(token.as.bytes, text)) {
            return true;
        }
    }
    return false;
}

/* ---- Writing results ------------------------------------------------------------------------- */

strata_status st_put_name(strata_buffer *out, const char *name) {
    return st_msgpack_put_string(out, strata_text(name));
}

strata_status st_put_text(strata_buffer *out, const char *name, strata_slice text) {
    if (!st_utf8_valid(text, NULL)) {
        return STRATA_CORRUPT; /* nobody could have stored it; peers could not read the response */
    }
    ST_TRY(st_put_name(out, name));
    return st_msgpack_put_string(out, text);
}

strata_status st_put_uint(strata_buffer *out, const char *name, uint64_t number) {
    ST_TRY(st_put_name(out, name));
    return st_msgpack_put_uint(out, number);
}

strata_status st_put_int(strata_buffer *out, const char *name, int64_t number) {
    ST_TRY(st_put_name(out, name));
    return st_msgpack_put_int(out, number);
}

strata_status st_put_bool(strata_buffer *out, const char *name, bool boolean) {
    ST_TRY(st_put_name(out, name));
    return st_msgpack_put_bool(out, boolean);
}

strata_status st_put_float(strata_buffer *out, const char *name, double real) {
    ST_TRY(st_put_name(out, name));
    return st_msgpack_put_float(out, real);
}

strata_status st_put_bytes(strata_buffer *out, const char *name, strata_slice bytes) {
    ST_TRY(st_put_name(out, name));
    return st_msgpack_put_bytes(out, bytes);
}

strata_status st_put_value(strata_buffer *out, const char *name, strata_slice msgpack) {
    if (!st_msgpack_is_readable(msgpack)) {
        return STRATA_CORRUPT; /* it would take the rest of the response with it */
    }
    ST_TRY(st_put_name(out, name));
    return st_buffer_append(out, msgpack.data, msgpack.len);
}

strata_status st_put_stamp(strata_buffer *out, uint64_t version, int64_t timestamp_us) {
    ST_TRY(st_put_uint(out, "version", version));
    return st_put_int(out, "timestamp", timestamp_us);
}

uint32_t st_ending_fields(const st_revision *revision) {
    return revision->expires_us == ST_NEVER ? 2 : 3;
}

strata_status st_put_ending(strata_buffer *out, const st_revision *revision) {
    ST_TRY(st_put_stamp(out, revision->number, revision->timestamp_us));
    return revision->expires_us == ST_NEVER ? STRATA_OK
                                            : st_put_int(out, "expires", revision->expires_us);
}

strata_status st_put_entry(strata_buffer *out, strata_slice key, const st_revision *revision,
                           strata_slice value) {
    ST_TRY(st_msgpack_put_object(out, 2 + st_ending_fields(revision)));
    ST_TRY(st_put_text(out, "key", key));
    ST_TRY(st_put_value(out, "value", value));
    return st_put_ending(out, revision);
}

strata_status st_put_version(st_call *call, const st_stamp *stamp) {
    ST_TRY(st_msgpack_put_object(call->out, 1));
    return st_put_uint(call->out, "version", stamp->version);
}

strata_status st_put_existed(st_call *call, bool existed, const st_stamp *stamp) {
    ST_TRY(st_msgpack_put_object(call->out, existed ? 2 : 1));
    ST_TRY(st_put_bool(call->out, "existed", existed));
    return existed ? st_put_uint(call->out, "version", stamp->version) : STRATA_OK;
}

strata_status st_list_open(st_call *call, const char *name, st_list *list) {
    ST_TRY(st_msgpack_open_object(call->out, &list->object));
    ST_TRY(st_put_name(call->out, name));
    return st_msgpack_open_array(call->out, &list->array);
}

strata_status st_list_close(st_call *call, const st_list *list, uint32_t count,
                            strata_slice cursor) {
    st_msgpack_patch(call->out, list->array, count);
    st_msgpack_patch(call->out, list->object, cursor.len > 0 ? 2 : 1);
    return cursor.len > 0 ? st_put_text(call->out, "cursor", cursor) : STRATA_OK;
}

strata_status st_list_close_at(st_call *call, const st_list *list, uint32_t count, const char *name,
                               uint64_t next) {
    st_msgpack_patch(call->out, list->array, count);
    st_msgpack_patch(call->out, list->object, next > 0 ? 2 : 1);
    return next > 0 ? st_put_uint(call->out, name, next) : STRATA_OK;
}

strata_status st_put_quoted(strata_buffer *out, const char *text) {
    char copy[STRATA_ERROR_MESSAGE_MAX];
    const strata_slice whole = strata_text(text);
    if (st_utf8_valid(whole, NULL)) {
        return st_msgpack_put_string(out, whole);
    }
    const size_t len = st_min(whole.len, sizeof copy);
    for (size_t i = 0; i < len; i++) {
        copy[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    }
    return st_msgpack_put_string(out, st_slice(copy, len));
}

strata_status st_put_quoting(strata_buffer *out, const char *name, const char *text) {
    ST_TRY(st_put_name(out, name));
    return st_put_quoted(out, text);
}

static strata_status put_error(strata_buffer *out, const strata_error *error) {
    ST_TRY(st_msgpack_put_array(out, 2));
    ST_TRY(st_msgpack_put_bool(out, false));
    ST_TRY(st_msgpack_put_object(out, 4));
    ST_TRY(st_put_text(out, "code", strata_text(strata_status_name(error->code))));
    ST_TRY(st_put_quoting(out, "message", error->message));
    ST_TRY(st_put_bool(out, "retryable", strata_status_retryable(error->code)));
    ST_TRY(st_put_name(out, "details"));
    ST_TRY(st_msgpack_put_object(out, (uint32_t)error->field_count));
    for (size_t i = 0; i < error->field_count; i++) {
        const strata_error_field *field = &error->fields[i];
        if (field->is_text) {
            ST_TRY(st_put_quoting(out, field->name, field->text));
        } else {
            ST_TRY(st_put_int(out, field->name, field->number));
        }
    }
    return STRATA_OK;
}

/* ---- Running --------------------------------------------------------------------------------- */

/* The longest response of a write: a key or a name, and a few numbers. It is reserved beforehand:
 * once something is committed, the memory to say so must be there. */
enum { WRITE_RESPONSE_BYTES_MAX = ST_KEY_BYTES_MAX + 128 };

strata_status st_call_reserve(st_call *call) {
    return st_buffer_reserve(call->out, WRITE_RESPONSE_BYTES_MAX);
}

static strata_status run_request(st_call *call, strata_slice request) {
    const op_info *op = NULL;
    ST_TRY(st_store_check_open(&call->rq->model->store, call->rq->error));
    ST_TRY(decode_request(call, request, &op));
    ST_TRY(join_txn(call, op));
    if (st_call_reserve(call) != STRATA_OK || st_msgpack_put_array(call->out, 2) != STRATA_OK ||
        st_msgpack_put_bool(call->out, true) != STRATA_OK) {
        return st_fail_memory(call->rq->error);
    }
    const strata_status status = op->run(call);
    if (status == STRATA_NO_MEMORY && call->rq->error->code == STRATA_OK) {
        return st_fail_memory(call->rq->error); /* while the response was written */
    }
    if (status == STRATA_CORRUPT && call->rq->error->code == STRATA_OK) {
        st_fail(call->rq->error, status, "%s met a stored value that is malformed", op->name);
        return st_fail_text(call->rq->error, "file", strata_text("value"));
    }
    return status;
}

strata_status strata_exec(strata_db *db, strata_slice request, strata_buffer *response) {
    st_call call = {.db = db, .rq = st_handle_begin(db), .out = response};
    response->len = 0;
    const strata_status status = st_handle_end(db, run_request(&call, request));
    if (status != STRATA_OK) {
        response->len = 0;
        if (put_error(response, &db->error) != STRATA_OK) {
            response->len = 0;
            return STRATA_NO_MEMORY;
        }
    }
    return status;
}
