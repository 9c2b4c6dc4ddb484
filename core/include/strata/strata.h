/* strata.h - Strata, the SQLite of agent memory: remember, recall, rewind, explain.
 *
 * This is the C interface. The same operations, encoded, are strata_exec (docs/operations.md).
 *
 * Threads. A strata_db is a handle that one thread uses at a time. strata_attach makes another
 * handle to the same open database for another thread; handles share everything but their last
 * error and their scratch memory.
 * Memory. Slices given to a call are read during the call only. What a call returns through a
 * slice or a value is *borrowed until the next call on the same handle*, unless it is in a result
 * that has a free function.
 * Errors. Every function that can fail returns a status; results come through the last
 * parameters and are untouched on error. A failed operation changes nothing.
 */
#ifndef STRATA_H
#define STRATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STRATA_VERSION "0.1.0"

#if defined(__GNUC__) || defined(__clang__)
#define STRATA_MUST_USE __attribute__((warn_unused_result))
#else
#define STRATA_MUST_USE
#endif

/* ---- Status and errors ----------------------------------------------------------------------- */

typedef enum strata_status {
    STRATA_OK = 0,
#define STRATA_ERROR(NAME, name, code, exit, retryable, meaning) STRATA_##NAME = (code),
#include "strata/errors.def"
#undef STRATA_ERROR
} strata_status;

/* "ok", "not_found", ...; never NULL. */
const char *strata_status_name(strata_status status);
/* Whether the same call may succeed later without a change. */
bool strata_status_retryable(strata_status status);

enum { STRATA_ERROR_FIELDS_MAX = 4, STRATA_ERROR_TEXT_MAX = 160, STRATA_ERROR_MESSAGE_MAX = 400 };

typedef struct strata_error_field {
    const char *name; /* static */
    bool is_text;
    int64_t number;                   /* when !is_text */
    char text[STRATA_ERROR_TEXT_MAX]; /* when is_text; cut to fit, ends with NUL */
} strata_error_field;

/* What went wrong: a code, a sentence that names the thing and what to do next, and details. */
typedef struct strata_error {
    strata_status code;
    char message[STRATA_ERROR_MESSAGE_MAX];
    size_t field_count;
    strata_error_field fields[STRATA_ERROR_FIELDS_MAX];
} strata_error;

/* ---- Slices and values ----------------------------------------------------------------------- */

typedef struct strata_slice {
    const void *data;
    size_t len; /* bytes */
} strata_slice;

static inline strata_slice strata_text(const char *text) {
    const strata_slice slice = {text, strlen(text)};
    return slice;
}

typedef enum strata_type {
    STRATA_NULL,
    STRATA_BOOL,
    STRATA_INT,
    STRATA_FLOAT,
    STRATA_STRING,
    STRATA_BYTES,
    STRATA_ARRAY,
    STRATA_OBJECT
} strata_type;

/* Int 1 is not float 1.0, bytes are not a string, missing is not null. */
typedef struct strata_value {
    strata_type type;
    union {
        bool boolean;
        int64_t integer;
        double real;
        /* String: UTF-8; bytes; array and object: one MessagePack value. What is read is not checked
         * for that again: a forged file may hold another string. (strata_exec checks.) */
        strata_slice bytes;
    } as;
} strata_value;

static inline strata_value strata_null(void) {
    const strata_value value = {STRATA_NULL, {.integer = 0}};
    return value;
}
static inline strata_value strata_bool(bool boolean) {
    const strata_value value = {STRATA_BOOL, {.boolean = boolean}};
    return value;
}
static inline strata_value strata_int(int64_t integer) {
    const strata_value value = {STRATA_INT, {.integer = integer}};
    return value;
}
static inline strata_value strata_float(double real) {
    const strata_value value = {STRATA_FLOAT, {.real = real}};
    return value;
}
static inline strata_value strata_string(strata_slice text) {
    const strata_value value = {STRATA_STRING, {.bytes = text}};
    return value;
}
static inline strata_value strata_bytes(strata_slice bytes) {
    const strata_value value = {STRATA_BYTES, {.bytes = bytes}};
    return value;
}
/* An object encoded as one MessagePack map with string keys. */
static inline strata_value strata_object(strata_slice msgpack) {
    const strata_value value = {STRATA_OBJECT, {.bytes = msgpack}};
    return value;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

typedef struct strata_db strata_db;
struct strata_host; /* host.h */

typedef enum strata_durability {
    STRATA_BUFFERED = 0, /* the default: written and synced every sync_interval_ms */
    STRATA_STRICT,       /* synced before a write returns; writers share a sync */
    STRATA_MEMORY        /* nothing is kept; the only mode of ":memory:" */
} strata_durability;

typedef enum strata_codec { STRATA_CODEC_NONE = 0, STRATA_CODEC_ZSTD = 1 } strata_codec;

enum {
    STRATA_OPEN_READ_ONLY = 1,  /* take no lock, write nothing; sees what is there at open */
    STRATA_OPEN_MUST_EXIST = 2, /* not_found instead of making a new database */
    STRATA_OPEN_LAZY_INDEX = 4, /* build the text index at the first recall, not at open */
};

typedef struct strata_options {
    size_t size; /* sizeof(strata_options) */
    uint32_t flags;
    strata_durability durability;
    strata_codec codec; /* of a new database; an existing one keeps its own */
    uint32_t sync_interval_ms;
    uint64_t wal_segment_bytes;
    uint32_t value_bytes_max; /* largest encoded value */
    uint64_t memory_bytes; /* of memtables, tables, blocks and vectors; ":memory:" has no bound */
    const struct strata_host *host; /* NULL: strata_host_default() */
    strata_error *error;            /* where a failed open says why; may be NULL */
    uint32_t close_deadline_ms;     /* how long strata_shutdown waits for calls that run */
    const char *snapshot; /* NULL, or the name of one: open it read-only; borrowed during open */
} strata_options;

#define STRATA_OPTIONS_INIT                                                                        \
    {sizeof(strata_options),                                                                       \
     0,                                                                                            \
     STRATA_BUFFERED,                                                                              \
     STRATA_CODEC_NONE,                                                                            \
     100,                                                                                          \
     64u << 20,                                                                                    \
     32u << 20,                                                                                    \
     256u << 20,                                                                                   \
     NULL,                                                                                         \
     NULL,                                                                                         \
     10000,                                                                                        \
     NULL}

/* Opens the database in the folder `path`, made if missing, or a new one in memory for ":memory:".
 * options NULL: the defaults. Recovers what the last process left: cost in proportion to the log.
 * Errors: busy (another process has it), corrupt {file, offset}, not_found, forbidden, io,
 * no_space, no_memory, invalid_argument (not a database; a newer format; options). */
strata_status strata_open(const char *path, const strata_options *options,
                          strata_db **db) STRATA_MUST_USE;

/* Another handle to the same database, for another thread. Close both. */
strata_status strata_attach(strata_db *db, strata_db **other) STRATA_MUST_USE;

/* Closes the handle. The last one flushes and syncs; its status is that of the last sync. The
 * handle is gone in any case. NULL is fine. */
strata_status strata_close(strata_db *db);

/* Ends the work of all handles of the database: from now on their calls fail with closed, but for
 * strata_close, which each of them still needs. Waits for the calls that run, at most
 * close_deadline_ms, then makes everything committed durable. Errors: timeout (calls are running
 * still; the log says how many; what they go on to commit is refused), io, no_space. */
strata_status strata_shutdown(strata_db *db);

/* The last error of this handle; code STRATA_OK if the last call succeeded. Borrowed until the
 * next call. */
const strata_error *strata_last_error(const strata_db *db);
const char *strata_errmsg(const strata_db *db);

/* Makes everything committed so far durable, whatever the mode. Errors: io, no_space. */
strata_status strata_sync(strata_db *db) STRATA_MUST_USE;

/* Background work for hosts without threads: syncs what is due. About budget_us microseconds. */
strata_status strata_tick(strata_db *db, uint32_t budget_us) STRATA_MUST_USE;

/* ---- Runs ------------------------------------------------------------------------------------ */

typedef uint64_t strata_run; /* a run of this database, as found by strata_run_find */
#define STRATA_RUN_DEFAULT ((strata_run)1)

/* The run of that name. Errors: not_found. Cost: one hash look-up. */
strata_status strata_run_find(strata_db *db, strata_slice name, strata_run *run) STRATA_MUST_USE;
/* A new active run; an empty name has one made. Errors: already_exists, invalid_argument (the name
 * is not 1-255 bytes of UTF-8), and those of any write. */
strata_status strata_run_create(strata_db *db, strata_slice name, strata_run *run) STRATA_MUST_USE;

/* The run of that name, active: created if there is none, resumed if it is paused. Errors: constraint
 * {transition} (it is closed), invalid_argument (the name), and those of any write. */
strata_status strata_run_begin(strata_db *db, strata_slice name, strata_run *run) STRATA_MUST_USE;

typedef struct strata_run_options {
    size_t size;           /* sizeof(strata_run_options) */
    strata_slice parent;   /* a run that must exist; empty: none */
    strata_value metadata; /* an object, or null */
    const strata_slice *tags;
    size_t tag_count;
    bool provenance; /* keeps what each commit had read, for strata_history_explain */
} strata_run_options;

#define STRATA_RUN_OPTIONS_INIT                                                                    \
    {sizeof(strata_run_options), {NULL, 0}, {STRATA_NULL, {.integer = 0}}, NULL, 0, false}

/* The same; if it is created, then as the options say. NULL: the defaults. Errors: not_found (the parent),
 * wrong_type (the metadata), constraint {too_many_tags, value_too_large, nesting_too_deep},
 * invalid_argument (options) besides. */
strata_status strata_run_begin_with(strata_db *db, strata_slice name,
                                    const strata_run_options *options,
                                    strata_run *run) STRATA_MUST_USE;

typedef enum strata_outcome { STRATA_COMPLETED, STRATA_FAILED, STRATA_CANCELLED } strata_outcome;

/* Closes the run to writes. why: of what did not complete; empty: nothing is said. Errors: not_found,
 * constraint {transition, default_run, value_too_large}, invalid_argument (a completed run has no
 * reason), and those of any write. */
strata_status strata_run_end(strata_db *db, strata_slice name, strata_outcome outcome,
                             strata_slice why) STRATA_MUST_USE;

/* ---- Reading the past ------------------------------------------------------------------------ */

/* Where in history a read looks: it sees exactly what a reader saw then, or fails with history_trimmed
 * {requested or requested_time, earliest_retained, policy}. */
typedef struct strata_when {
    uint64_t version; /* after this commit; UINT64_MAX: not by version */
    int64_t time_us;  /* at this time since the epoch; INT64_MAX: not by time */
} strata_when;

#define STRATA_NOW_INIT {UINT64_MAX, INT64_MAX}

static inline strata_when strata_as_of(uint64_t version) {
    const strata_when when = {version, INT64_MAX};
    return when;
}
static inline strata_when strata_as_of_time(int64_t time_us) {
    const strata_when when = {UINT64_MAX, time_us};
    return when;
}

/* ---- Forks and the end of runs --------------------------------------------------------------- */

/* A new active run, *run, that sees what the run `parent` (empty: default) held then, and goes on by
 * itself; an empty name has one made. Errors: not_found, already_exists, invalid_argument (the name; a
 * moment that has not come), history_trimmed, and those of any write. Cost: that of a small commit,
 * whatever the parent holds; reading a key in a fork that has no version of it costs a look-up in
 * each run that it was forked from. */
strata_status strata_run_fork(strata_db *db, strata_slice parent, strata_when when,
                              strata_slice name, strata_run *run) STRATA_MUST_USE;
/* Deletes a run with all its keys and their history; forks of it go on to see what they saw. From then on
 * its number is not_found, in open transactions too. Errors: not_found, constraint {default_run}, and
 * those of any write. Cost: that of a small commit; the space is free once tables are merged. */
strata_status strata_run_delete(strata_db *db, strata_slice name) STRATA_MUST_USE;

/* ---- KV -------------------------------------------------------------------------------------- */

typedef struct strata_entry {
    strata_value value;
    uint64_t version;     /* commit number; 0: never existed */
    int64_t timestamp_us; /* of the commit, since the epoch */
} strata_entry;

/* Key: UTF-8, 1-1024 bytes, no NUL, not beginning with "_strata/". version may be NULL.
 * Errors: invalid_key, constraint {reason}, no_space, io, no_memory. Cost: O(key length). */
strata_status strata_kv_put(strata_db *db, strata_run run, strata_slice key, strata_value value,
                            uint64_t *version) STRATA_MUST_USE;

typedef struct strata_put_options {
    size_t size;     /* sizeof(strata_put_options) */
    uint64_t ttl_ms; /* the key ends by itself after so long, at most a hundred years; 0: never */
} strata_put_options;

#define STRATA_PUT_OPTIONS_INIT {sizeof(strata_put_options), 0}

/* The same with options; NULL: the defaults. Errors: invalid_argument (options) besides. */
strata_status strata_kv_put_with(strata_db *db, strata_run run, strata_slice key,
                                 strata_value value, const strata_put_options *options,
                                 uint64_t *version) STRATA_MUST_USE;
/* Errors: not_found, invalid_key. Cost: O(key length); no lock is taken. */
strata_status strata_kv_get(strata_db *db, strata_run run, strata_slice key,
                            strata_entry *entry) STRATA_MUST_USE;
/* The same in the past. Errors: history_trimmed, invalid_argument (it has not come yet) besides. */
strata_status strata_kv_get_at(strata_db *db, strata_run run, strata_slice key, strata_when when,
                               strata_entry *entry) STRATA_MUST_USE;
/* existed may be NULL. Deleting what is not there succeeds and writes nothing. */
strata_status strata_kv_delete(strata_db *db, strata_run run, strata_slice key,
                               bool *existed) STRATA_MUST_USE;

typedef struct strata_range {
    size_t size; /* sizeof(strata_range) */
    strata_slice prefix;
    strata_slice start; /* inclusive; empty: none */
    strata_slice end;   /* exclusive; empty: none */
    bool reverse;
    strata_when when;
} strata_range;

#define STRATA_RANGE_INIT                                                                          \
    {sizeof(strata_range), {NULL, 0}, {NULL, 0}, {NULL, 0}, false, STRATA_NOW_INIT}

/* Is given each key with its value, both borrowed until it returns; false ends the scan. It must not
 * call anything with this handle. */
typedef bool (*strata_visit)(void *arg, strata_slice key, const strata_entry *entry);

/* Visits the keys that have a value, in order of their bytes, on one snapshot. range NULL: all.
 * Errors: invalid_argument, invalid_key (a bound), history_trimmed. Cost: in proportion to what is
 * visited. */
strata_status strata_kv_scan(strata_db *db, strata_run run, const strata_range *range,
                             strata_visit visit, void *arg) STRATA_MUST_USE;

/* ---- Events ---------------------------------------------------------------------------------- */

/* Appends an event. type: 1-255 bytes; payload: an object. The sequence starts at 1 in each run
 * and has no gaps. sequence may be NULL. */
strata_status strata_event_append(strata_db *db, strata_run run, strata_slice type,
                                  strata_value payload, uint64_t *sequence) STRATA_MUST_USE;

typedef struct strata_event {
    uint64_t sequence;
    strata_slice type;
    strata_value payload; /* an object */
    uint64_t version;
    int64_t timestamp_us;
    const uint8_t *hash; /* 32 bytes; docs/FORMAT.md says of what */
} strata_event;

/* Is given an event, borrowed until it returns; false: no more. It must not call anything with this
 * handle. */
typedef bool (*strata_event_visit)(void *arg, const strata_event *event);

typedef struct strata_tail {
    size_t size;       /* sizeof(strata_tail) */
    uint64_t after;    /* the last sequence that is known, 0: from the beginning; goes up */
    strata_slice type; /* only events of this type; empty: all */
    uint32_t wait_ms;  /* how long to wait when there are none, at most a minute */
    bool ended;        /* comes back: the run is closed, and there will be no more */
} strata_tail;

#define STRATA_TAIL_INIT {sizeof(strata_tail), 0, {NULL, 0}, 0, false}

/* Visits the events after tail->after, in order, and leaves there the sequence to go on after. When there
 * are none it waits for the first ones, in which case no memory and no snapshot is held; a host
 * without threads never waits. Others go on meanwhile; strata_shutdown wakes it. Errors:
 * invalid_argument, closed, corrupt, io, no_memory. */
strata_status strata_event_tail(strata_db *db, strata_run run, strata_tail *tail,
                                strata_event_visit visit, void *arg) STRATA_MUST_USE;

/* ---- Memory ---------------------------------------------------------------------------------- */

typedef struct strata_memory {
    size_t size;           /* sizeof(strata_memory) */
    strata_slice text;     /* UTF-8 */
    strata_slice key;      /* empty: a new time-ordered unique one */
    strata_value metadata; /* an object, or null */
    const strata_slice *tags;
    size_t tag_count;
} strata_memory;

#define STRATA_MEMORY_INIT                                                                         \
    {sizeof(strata_memory), {NULL, 0}, {NULL, 0}, {STRATA_NULL, {.integer = 0}}, NULL, 0}

/* Remembers a text; an existing key is replaced, as a new version. The key comes back through
 * `key` if that is not NULL (borrowed until the next call). */
strata_status strata_memory_remember(strata_db *db, strata_run run, const strata_memory *memory,
                                     strata_slice *key, uint64_t *version) STRATA_MUST_USE;
typedef struct strata_memory_entry {
    strata_slice text;
    strata_value metadata; /* an object, or null when there is none */
    uint64_t version;
    int64_t timestamp_us;
} strata_memory_entry;

/* Errors: not_found, invalid_key. Cost: O(key length); no lock is taken. */
strata_status strata_memory_get(strata_db *db, strata_run run, strata_slice key,
                                strata_memory_entry *entry) STRATA_MUST_USE;
/* The same in the past. Errors: history_trimmed, invalid_argument (it has not come yet) besides. */
strata_status strata_memory_get_at(strata_db *db, strata_run run, strata_slice key,
                                   strata_when when, strata_memory_entry *entry) STRATA_MUST_USE;
strata_status strata_memory_forget(strata_db *db, strata_run run, strata_slice key,
                                   bool *existed) STRATA_MUST_USE;

typedef struct strata_recall {
    size_t size;        /* sizeof(strata_recall) */
    strata_slice query; /* words; any of them matches, BM25 decides */
    uint32_t k;         /* hits wanted, 1-1000 */
    bool snippets;      /* fill hit.snippet */
    strata_when when;   /* in the past it reads all memories of then */
} strata_recall;

#define STRATA_RECALL_INIT {sizeof(strata_recall), {NULL, 0}, 10, true, STRATA_NOW_INIT}

/* key and snippet are followed by a NUL that their length does not count. */
typedef struct strata_hit {
    strata_slice key;
    double score;
    strata_slice
        snippet; /* an excerpt with [marks] round the words found; empty if not asked for */
    uint64_t version;
    int64_t timestamp_us;
} strata_hit;

typedef struct strata_hits {
    const strata_hit *hits; /* best first; equal scores by key */
    size_t count;
    uint64_t candidates; /* memories scored */
    uint64_t elapsed_ns;
} strata_hits;

/* The k best memories for a query. *hits belongs to the caller until strata_hits_free.
 * Errors: invalid_argument (no words, k), constraint {query_too_long}, history_trimmed. */
strata_status strata_memory_recall(strata_db *db, strata_run run, const strata_recall *recall,
                                   strata_hits **hits) STRATA_MUST_USE;
void strata_hits_free(strata_hits *hits);

/* ---- JSON documents -------------------------------------------------------------------------- */

/* A document is an object; parts of it are read and changed by path: a JSON Pointer (RFC 6901,
 * "/days/0/plan", "/days/-" to append) or the dotted form ("$.days[0].plan", "$.days[-]"); empty is the
 * whole. Two transactions conflict over a document only if the path of one is above that of the other, or
 * the same. A change writes O(change) bytes. version may be NULL.
 * Errors of all: invalid_key, invalid_path {position, at}; of those that write, what strata_kv_put
 * returns, and constraint {root_not_object, value_too_large, nesting_too_deep, too_many_entries}. */

/* Errors: already_exists. The text: RFC 8259; invalid_argument {offset}. */
strata_status strata_json_create(strata_db *db, strata_run run, strata_slice key,
                                 strata_value document, uint64_t *version) STRATA_MUST_USE;
strata_status strata_json_create_text(strata_db *db, strata_run run, strata_slice key,
                                      strata_slice json, uint64_t *version) STRATA_MUST_USE;

/* What is at the path; entry->version is the newest commit that has touched the document. Errors:
 * not_found (the document, or the path in it), history_trimmed. No lock is taken. */
strata_status strata_json_get(strata_db *db, strata_run run, strata_slice key, strata_slice path,
                              strata_entry *entry) STRATA_MUST_USE;
strata_status strata_json_get_at(strata_db *db, strata_run run, strata_slice key, strata_slice path,
                                 strata_when when, strata_entry *entry) STRATA_MUST_USE;

/* Sets what is at the path; objects that are missing on the way are made, and at the root the document.
 * Errors: not_found (the document). */
strata_status strata_json_set(strata_db *db, strata_run run, strata_slice key, strata_slice path,
                              strata_value value, uint64_t *version) STRATA_MUST_USE;
strata_status strata_json_set_text(strata_db *db, strata_run run, strata_slice key,
                                   strata_slice path, strata_slice json,
                                   uint64_t *version) STRATA_MUST_USE;
/* The same if the document still has that version (0: there is none, and the path is empty). Errors:
 * conflict {version}. */
strata_status strata_json_cas(strata_db *db, strata_run run, strata_slice key, strata_slice path,
                              strata_value value, uint64_t expected,
                              uint64_t *version) STRATA_MUST_USE;

/* Takes away what is at the path, or the whole document. existed may be NULL; of what is not there
 * nothing is written. Errors: not_found (the document, of the first). */
strata_status strata_json_delete(strata_db *db, strata_run run, strata_slice key, strata_slice path,
                                 bool *existed) STRATA_MUST_USE;
strata_status strata_json_destroy(strata_db *db, strata_run run, strata_slice key,
                                  bool *existed) STRATA_MUST_USE;

/* RFC 6902: an array of operations, all or none. Errors: not_found, conflict (a test fails),
 * invalid_argument, all with {operation}. */
strata_status strata_json_patch(strata_db *db, strata_run run, strata_slice key,
                                strata_value operations, uint64_t *version) STRATA_MUST_USE;
/* RFC 7396: an object; null removes. Errors: not_found. */
strata_status strata_json_merge(strata_db *db, strata_run run, strata_slice key, strata_value patch,
                                uint64_t *version) STRATA_MUST_USE;

/* ---- Filters and secondary indexes ----------------------------------------------------------- */

typedef struct strata_find {
    size_t size; /* sizeof(strata_find) */
    strata_visit visit;
    void *arg;             /* of visit */
    strata_value where;    /* an object: docs/operations.md, json.find; null: everything */
    strata_slice order_by; /* a path; empty: by key */
    bool reverse;
    uint64_t limit;      /* 0: none */
    strata_slice prefix; /* only keys that begin so */
    strata_when when;
} strata_find;

#define STRATA_FIND_INIT                                                                           \
    {                                                                                              \
        sizeof(strata_find), NULL,  NULL, {STRATA_NULL, {.integer = 0}},                           \
        {NULL, 0},           false, 0,    {NULL, 0},                                               \
        STRATA_NOW_INIT}

/* Visits the documents that a filter holds of, in order of key or of what is at a path. An index on a path
 * of the filter is used by itself. They are read a thousand at a time: give `when` if more than that are to
 * be of one moment. Errors: invalid_argument, invalid_path, constraint, history_trimmed. Cost: with an index
 * in proportion to what it finds, else to all documents. */
strata_status strata_json_find(strata_db *db, strata_run run,
                               const strata_find *options) STRATA_MUST_USE;

/* Makes an index on a path of JSON documents ("json"), of memories ("memory") or of the entries of all collections
 * ("vector": {key, text?, metadata?}) and fills it; the run can be written to meanwhile. Errors: already_exists, invalid_key (the name), invalid_path, invalid_argument,
 * constraint {too_many_indexes, run_closed}. Cost: in proportion to what is indexed. */
strata_status strata_index_create(strata_db *db, strata_run run, strata_slice name,
                                  strata_slice primitive, strata_slice path) STRATA_MUST_USE;
/* existed may be NULL. */
strata_status strata_index_drop(strata_db *db, strata_run run, strata_slice name,
                                bool *existed) STRATA_MUST_USE;

/* ---- Transactions ---------------------------------------------------------------------------- */

typedef enum strata_isolation {
    STRATA_SERIALIZABLE = 0, /* commits only if everything it has read is unchanged */
    STRATA_SNAPSHOT          /* only if what it has read and written is */
} strata_isolation;

typedef struct strata_txn_options {
    size_t size; /* sizeof(strata_txn_options) */
    bool read_only;
    strata_isolation isolation;
    uint32_t timeout_ms; /* it is over after so long; 0: never */
    strata_slice label;  /* what its commit is called in strata_history_log; empty: nothing */
    strata_slice trace;  /* the id of the trace record that it belongs to; empty: none */
} strata_txn_options;

#define STRATA_TXN_OPTIONS_INIT                                                                    \
    {sizeof(strata_txn_options), false, STRATA_SERIALIZABLE, 0, {NULL, 0}, {NULL, 0}}

/* Begins a transaction on a run, and binds it to the handle: until its end every call on this run
 * goes through it. Reads see the run as it was at the beginning, and the transaction's own writes,
 * whose version is 0 until the commit. Nothing is locked meanwhile. Increments and appended events
 * get their values and numbers at the commit and never conflict; what they return before it is what
 * it would be now. Options NULL: the defaults. Errors: invalid_argument (the handle is in one
 * already; options), not_found. */
strata_status strata_txn_begin(strata_db *db, strata_run run,
                               const strata_txn_options *options) STRATA_MUST_USE;
/* Commits everything that it has written as one commit, or nothing; it is over in either case.
 * version may be NULL. Errors: conflict {key} (begin again and read anew), timeout, not_found (the
 * handle is in no transaction), and those of any write. Cost: in proportion to what it has read and
 * written. */
strata_status strata_txn_commit(strata_db *db, uint64_t *version) STRATA_MUST_USE;
/* Ends it without a trace. Harmless when the handle is in none. */
void strata_txn_rollback(strata_db *db);
/* A mark, and going back to it: the writes since are forgotten. Errors: not_found; invalid_argument
 * (no such mark, or one that was gone back behind). */
strata_status strata_txn_savepoint(strata_db *db, uint64_t *savepoint) STRATA_MUST_USE;
strata_status strata_txn_rollback_to(strata_db *db, uint64_t savepoint) STRATA_MUST_USE;

/* What a transaction does; called again after a conflict. Not OK rolls it back. */
typedef strata_status (*strata_txn_body)(strata_db *db, void *arg);
/* Begins, calls body, commits; after a conflict tries again, three times in all, with a pause of 10
 * ms that doubles, and chance in it. version may be NULL. */
strata_status strata_transact(strata_db *db, strata_run run, const strata_txn_options *options,
                              strata_txn_body body, void *arg, uint64_t *version) STRATA_MUST_USE;

/* ---- Every operation, encoded ---------------------------------------------------------------- */

/* A growable buffer of the caller's. Set to zeros before first use; reused by later calls. */
typedef struct strata_buffer {
    uint8_t *data;
    size_t len;
    size_t cap;
    const struct strata_host *host; /* whose allocator it uses; NULL: strata_host_default() */
} strata_buffer;

void strata_buffer_free(strata_buffer *buffer);

/* Runs one operation of docs/operations.md. request: MessagePack [name, {arguments}].
 * response: MessagePack [true, {result}] or [false, {code, message, retryable, details}].
 * Returns the operation's own status; response is filled in either case, except for no_memory. */
strata_status strata_exec(strata_db *db, strata_slice request, strata_buffer *response);

/* JSON text <-> MessagePack, with the one convention every carrier has: bytes are
 * {"$bytes": base64}, floats that JSON lacks are {"$float": "nan" | "inf" | "-inf"} ("nan:" and 16
 * hex digits for a NaN of other bits), a number with a point or exponent is a float, any other an
 * int; a name that is itself $bytes or $float gets one more $. Duplicate names, invalid UTF-8 and
 * numbers beyond 64 bits are refused. *out is replaced. error may be NULL; details {offset}. */
strata_status strata_json_to_msgpack(strata_slice json, strata_buffer *out,
                                     strata_error *error) STRATA_MUST_USE;
strata_status strata_msgpack_to_json(strata_slice msgpack, bool pretty, strata_buffer *out,
                                     strata_error *error) STRATA_MUST_USE;

/* ---- Copies ---------------------------------------------------------------------------------- */

/* Brings everything committed so far into tables: the next opening reads no log. Copying the folder
 * while nobody writes gives the same database; while somebody does, use strata_backup. version, which
 * may be NULL: the last commit that is in tables. Errors: io, no_space, no_memory, forbidden. */
strata_status strata_checkpoint(strata_db *db, uint64_t *version) STRATA_MUST_USE;

typedef enum strata_compact_mode {
    STRATA_COMPACT_WAL, /* only the log becomes tables */
    STRATA_COMPACT_FULL /* and all tables are merged, as retention wants it */
} strata_compact_mode;

typedef struct strata_compact_result {
    uint64_t reclaimed_bytes;
    uint64_t wal_segments_removed;
    uint64_t versions_removed; /* that retention let go; no number of a version changes */
} strata_compact_result;

/* Gives space back. Others go on meanwhile. result may be NULL. Errors: invalid_argument (mode), io,
 * no_space, no_memory, forbidden. Cost: full reads and writes the whole database. */
strata_status strata_compact(strata_db *db, strata_compact_mode mode,
                             strata_compact_result *result) STRATA_MUST_USE;

/* Copies what is new since the last time into the folder, which is new, empty, or holds earlier
 * backups of this database; verifies it. At every moment the folder holds a whole backup, which is
 * opened like any database. Others go on writing. version: as above. Errors: invalid_argument (the
 * folder; a database in memory), busy, corrupt {file, offset}, io, no_space, no_memory, forbidden. */
strata_status strata_backup(strata_db *db, const char *folder, uint64_t *version) STRATA_MUST_USE;

/* Writes all versions of all keys of all runs into a file (NAME.strata.zst), which must not exist: the
 * same bytes on every platform. Works on databases in memory, read-only ones and snapshots, too.
 * Others go on writing. version: as above. Errors: already_exists, corrupt {file, offset}, io,
 * no_space, no_memory. */
strata_status strata_export(strata_db *db, const char *file, uint64_t *version) STRATA_MUST_USE;

enum { STRATA_IMPORT_KEEP_UUID = 1 }; /* the identity too; else the new database has its own */

/* Makes the database in `path`, a new or empty folder, of an export. Versions and times are those of
 * the original; the codec is that of the options. Memory: that of the largest value. Errors: not_found
 * (the file), already_exists (the folder is not empty), corrupt {file, offset}, busy, io, no_space,
 * no_memory, invalid_argument (not an export; of a newer format). */
strata_status strata_import(const char *file, const char *path, const strata_options *options,
                            uint32_t flags) STRATA_MUST_USE;

/* ---- Checking files -------------------------------------------------------------------------- */

/* Reads every byte of the closed (or read-only) database in `path` and checks it without changing
 * anything. report: MessagePack {valid, files, bytes, commits, problems: [{file, offset, what}],
 * unnamed: [file]}.
 * Errors: not_found, io, invalid_argument (not a database). A damaged file is no error here. */
strata_status strata_verify(const char *path, const strata_options *options,
                            strata_buffer *report) STRATA_MUST_USE;

/* Makes a database that opens and verifies of the closed one in `path`; one that is sound is left
 * alone. What was damaged is kept in the folder LOST; nothing is deleted that is not whole elsewhere.
 * report: MessagePack {changed, prefix, version, commits_lost, lost_from, lost_to, files: [{file,
 * moved?, kept, what}]}. prefix: the state is that after commit `version`; else it is what could be
 * found. files: at most 100 entries of what was damaged, what was kept of it and what is lost.
 * Errors: not_found, busy, corrupt (there is nothing to begin with), io, no_space, no_memory,
 * invalid_argument. */
strata_status strata_repair(const char *path, const strata_options *options,
                            strata_buffer *report) STRATA_MUST_USE;

#ifdef __cplusplus
}
#endif

/* The parts of it that have a header of their own. */
#include "strata/edge.h"
#include "strata/entity.h"
#include "strata/history.h"
#include "strata/state.h"
#include "strata/trace.h"
#include "strata/vector.h"
#endif
