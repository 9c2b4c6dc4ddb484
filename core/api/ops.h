/* ops.h - one call of an operation: its arguments, decoded, and its response, being written. */
#ifndef ST_API_OPS_H
#define ST_API_OPS_H

#include "api/handle.h"
#include "model/entity/entity.h"
#include "model/json/json.h"
#include "model/memory.h"
#include "model/run/run.h"
#include "store/copies/verify.h"

typedef enum st_arg_type {
    ST_ARG_KEY,
    ST_ARG_STRING,
    ST_ARG_STRINGS,
    ST_ARG_BOOL,
    ST_ARG_INT,
    ST_ARG_UINT,
    ST_ARG_FLOAT,
    ST_ARG_VALUE,
    ST_ARG_OBJECT,
    ST_ARG_ARRAY,
    ST_ARG_VERSION,
    ST_ARG_TIME
} st_arg_type;

/* LIST(Shape) in ops.def. */
#define ST_ARG_LIST(shape) ST_ARG_ARRAY

enum { ST_ARGS_MAX = 16 };

typedef struct st_call {
    strata_db *db;
    st_request *rq;
    strata_buffer *out;             /* the response; handlers append the result object */
    strata_value args[ST_ARGS_MAX]; /* by place in ops.def */
    bool given[ST_ARGS_MAX];
    struct st_open_txn *txn; /* that it has joined; NULL: none */
} st_call;

/* The place of an argument, from ops.def: ARG_kv_put_key and so on, from 0. */
#define OP(id, name, access, doc)      enum st_args_of_##id {
#define ARG(id, name, type, need, doc) ARG_##id##_##name,
#define END(id)                                                                                    \
    ARG_COUNT_##id                                                                                 \
    }                                                                                              \
    ;
#include "api/ops_each.h"

/* The handlers, one for each operation. */
#define OP(id, name, access, doc) strata_status st_op_##id(st_call *call);
#include "api/ops_each.h"

/* ---- Arguments ------------------------------------------------------------------------------- */

static inline strata_slice st_call_text(const st_call *call, int arg) {
    return call->given[arg] ? call->args[arg].as.bytes : st_slice("", 0);
}
static inline uint64_t st_call_uint(const st_call *call, int arg, uint64_t otherwise) {
    return call->given[arg] ? (uint64_t)call->args[arg].as.integer : otherwise;
}
static inline int64_t st_call_int(const st_call *call, int arg, int64_t otherwise) {
    return call->given[arg] ? call->args[arg].as.integer : otherwise;
}
static inline bool st_call_bool(const st_call *call, int arg, bool otherwise) {
    return call->given[arg] ? call->args[arg].as.boolean : otherwise;
}

/* The moment that two arguments name, a version and a time; now when both are left out. */
st_when st_call_when(const st_call *call, int version_arg, int time_arg);
/* A time to live, in milliseconds; 0 when it was left out. Errors: invalid_argument. */
strata_status st_call_ttl(st_call *call, int arg, uint64_t *ttl_ms);
/* The run that the argument names, default when it was left out. */
strata_status st_call_run(st_call *call, int arg, st_run **run);
/* The limit of a page: 1 to ST_PAGE_MAX, ST_PAGE_DEFAULT when left out. */
strata_status st_call_limit(st_call *call, int arg, uint64_t *limit);
/* A canonical copy, in the arena, of an array of strings or an object; empty when left out. */
strata_status st_call_strings(st_call *call, int arg, strata_slice *out);
/* Copies a key to where it stays until the call ends; kept->data NULL: the first time. */
strata_status st_call_keep(st_call *call, strata_slice text, strata_slice *kept);
strata_status st_call_object(st_call *call, int arg, strata_slice *out);

/* Room for what a write says once it is committed; for one that has said more before. Errors:
 * no_memory. */
strata_status st_call_reserve(st_call *call);
/* A filter, as a document in the arena; empty when left out. */
strata_status st_call_where(st_call *call, int arg, strata_slice *where);

/* Whether a canonical array of strings (empty: none) holds `text`. */
bool st_strings_hold(strata_slice strings, strata_slice text);

/* ---- The response ---------------------------------------------------------------------------- */

/* Each appends a name and a value. Errors: no_memory; corrupt, for a text that is not UTF-8: it came
 * from a file that somebody forged. */
strata_status st_put_text(strata_buffer *out, const char *name, strata_slice text);
/* A text that may quote what somebody sent: what is not UTF-8 in it becomes '?'. */
strata_status st_put_quoting(strata_buffer *out, const char *name, const char *text);
/* The same without a name. */
strata_status st_put_quoted(strata_buffer *out, const char *text);
strata_status st_put_uint(strata_buffer *out, const char *name, uint64_t number);
strata_status st_put_int(strata_buffer *out, const char *name, int64_t number);
strata_status st_put_bool(strata_buffer *out, const char *name, bool boolean);
strata_status st_put_float(strata_buffer *out, const char *name, double real);
strata_status st_put_bytes(strata_buffer *out, const char *name, strata_slice bytes);
/* One MessagePack value as it is. Errors: corrupt, when a file held something else, or strings that
 * are not UTF-8. */
strata_status st_put_value(strata_buffer *out, const char *name, strata_slice msgpack);
strata_status st_put_name(strata_buffer *out, const char *name);

/* The names every stamped thing has: version and timestamp. */
strata_status st_put_stamp(strata_buffer *out, uint64_t version, int64_t timestamp_us);
/* The same, and when the revision ends, if it does: the number of names, and they. */
uint32_t st_ending_fields(const st_revision *revision);
strata_status st_put_ending(strata_buffer *out, const st_revision *revision);
/* An Entry. */
strata_status st_put_entry(strata_buffer *out, strata_slice key, const st_revision *revision,
                           strata_slice value);
/* A Memory. */
strata_status st_put_memory(strata_buffer *out, const st_memory *memory, const st_stamp *stamp);
/* A Document; whole: with the document itself. */
strata_status st_put_document(st_call *call, strata_slice key, const st_json *json, bool whole);
/* An Entity. */
strata_status st_put_entity(st_call *call, const st_entity *entity);
/* The whole result {version}. */
strata_status st_put_version(st_call *call, const st_stamp *stamp);
/* The whole result of a delete: {existed, version?}. */
strata_status st_put_existed(st_call *call, bool existed, const st_stamp *stamp);

/* A result {NAME: [items], cursor?} whose length is known only at the end. */
typedef struct st_list {
    size_t object;
    size_t array;
} st_list;

strata_status st_list_open(st_call *call, const char *name, st_list *list);
/* cursor: the last key, when there may be more; empty: no more. */
strata_status st_list_close(st_call *call, const st_list *list, uint32_t count,
                            strata_slice cursor);

/* The same when a number says where the next page begins; 0: no more. */
strata_status st_list_close_at(st_call *call, const st_list *list, uint32_t count, const char *name,
                               uint64_t next);

/* {valid, files, bytes, commits, problems}. */
strata_status st_put_report(strata_buffer *out, const st_report *report);

#endif
