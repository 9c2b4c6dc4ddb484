/* op.h - operations: how one is made by chance, what the model says it must answer, how it is run.
 *
 * An operation is a row of a table (op.c). A row makes a request, tells what it would do and answer
 * on the model as it was at some version, and may bring a C function that does the same without
 * encoding. Each primitive has a file of rows. To add an operation, write make and predict and add
 * the row.
 */
#ifndef STRATA_SIM_OP_H
#define STRATA_SIM_OP_H

#include "change.h"
#include "model.h"

#include "format/msgpack.h"

struct op_kind;
struct model_read;
struct model_txn;
struct txn_plan;

/* A request: its kind and the arguments that kind has. Empty and 0 mean left out, where the flag
 * beside them does not say otherwise. Everything lies in the round's arena. */
typedef struct op {
    const struct op_kind *kind;
    bool by_function; /* the C function rather than strata_exec */
    strata_slice run;
    strata_slice key;
    strata_slice value;    /* one MessagePack value */
    strata_slice expected; /* the same */
    strata_slice text;
    strata_slice type;
    strata_slice tags; /* a MessagePack array */
    strata_slice tag;
    strata_slice prefix;
    strata_slice start;
    strata_slice end;
    strata_slice cursor;
    strata_slice parent;
    strata_slice direction;
    strata_slice path;
    uint64_t as_of;   /* UINT64_MAX: now */
    int64_t as_of_us; /* 0: not by time */
    int64_t ttl_ms;   /* -1: 0 is given, which is refused */
    uint64_t number;  /* sequence, expected version, before, k */
    uint64_t until;
    uint64_t limit;
    int64_t by;
    bool reverse;
    bool by_version;
    bool whole;           /* documents, too */
    bool idle;            /* it changes nothing even when it succeeds */
    strata_slice request; /* encoded */

    /* Transactions (model_txn.h). */
    uint64_t txn; /* its number; 0: none */
    uint64_t savepoint;
    uint64_t timeout_ms;
    strata_slice isolation;
    bool read_only;
    const struct model_txn *seen; /* its state when the operation came; NULL: there was none */
    size_t txns_open;             /* of the handle, then */
    uint64_t txns_last;
    uint64_t from_ns; /* the clock when it was called, and when it answered */
    uint64_t to_ns;
} op;

/* The moment at which an operation takes place. */
typedef struct moment {
    const model *model;
    uint64_t snapshot; /* the last commit it sees */
    int64_t wall_us;   /* of the clock */
    int64_t now_us;    /* of the clock of times to live, which does not go back */
    size_t value_bytes_max;
    bool in_memory;
    bool alone;       /* nothing else happens meanwhile: what depends on timing is exact, too */
    bool damaged;     /* the database is a copy that was */
    bool torn;        /* a slot of the manifest may be */
    int64_t ended_us; /* for reads by version: what had ended by then may be gone; 0: nothing */
    const struct answer *shown; /* history shows what is in it; NULL: all */
    bool broken; /* the writer has failed: what tells of commits that were refused is not exact */
    const struct model_txn *txn; /* that it is part of, and whose snapshot it has; NULL: none */
    uint64_t now;                /* then: the last commit there is */
    bool writable;               /* then: whatever the status of the run */
} moment;

/* A part of a document that a transaction has read, or also changed. */
typedef struct model_note {
    const struct model_note *next;
    strata_slice key;
    doc_region region;
    bool wrote;
} model_note;

enum { OP_ENDS_MAX = 2 };

/* What the model says. Reused: expected_reset. */
typedef struct expected {
    strata_status status;
    const char *reason;       /* of constraint; else NULL */
    const struct answer *got; /* decides what the clock and faults leave open */
    uint64_t detail;          /* version, of conflict */
    strata_slice key;         /* the key, of conflict; empty: any */
    strata_buffer answer;     /* [true, {result}]; what it ends with need not be known */
    strata_buffer suffix;     /* what it ends with, when that is known again */
    model_write writes[MODEL_WRITES_MAX];
    size_t write_count;
    size_t steps; /* commits of that write come before that of the others */
    model_write step;
    size_t
        ends[OP_ENDS_MAX]; /* of commits before the last one: how many writes were made till then */
    size_t end_count;
    size_t pending_count;          /* instead, in a transaction */
    const struct model_read *read; /* by it, as a list; NULL: nothing */
    const model_note *notes;       /* of documents, in order */
    model_note *last_note;
    strata_slice stood; /* where a listing stopped; empty: at the end */
    unsigned clock_run; /* whose clock the commit has */
    unsigned fork;      /* the run that the commit makes of another one; 0: none */
    model_origin origin;
    unsigned buried; /* the run that it deletes; 0: none */
    int64_t timestamp_us;
    st_arena arena; /* of the writes */
} expected;

typedef struct answer {
    strata_status status;
    strata_slice response;
} answer;

/* What makes requests. */
typedef struct maker {
    const model *model;
    uint64_t *chance;
    st_arena *arena;
    unsigned keys;      /* size of the key space */
    unsigned bytes_max; /* of most values */
    int64_t now_us;     /* as of a moment */
    bool retains;       /* rules of retention may let something go */
    bool named;         /* names must be given, as an answer that is lost would keep one secret */
    bool alone;         /* nothing else happens before it is run */
    bool searches;      /* vectors are what it is about */
    struct txn_plan *txns; /* of the client; NULL: none are made */
} maker;

typedef struct op_kind {
    const char *name;
    const char *args; /* what it takes, in the words of op_encode */
    unsigned weight;
    void (*make)(maker *mk, op *o);
    void (*predict)(const op *o, const moment *at, expected *e);
    /* NULL, or the C function; response as strata_exec would give it. */
    strata_status (*call)(const op *o, strata_db *db, strata_buffer *response);
    /* NULL, or what decides about an answer of status ok instead of its bytes. */
    bool (*matches)(const op *o, const moment *at, const expected *e, strata_slice response);
    /* NULL, or whether an answer that is not expected is right all the same. */
    bool (*may_differ)(const op *o, const moment *at, const answer *got);
    /* Whether the answer is what was there at as_of, whatever happens meanwhile. */
    bool (*reads_past)(const op *o);
    /* NULL, or whether what it reads of the past may be gone. */
    bool (*trims)(const op *o, const moment *at);
    bool shortens; /* it lists what is still there */
    bool writes;   /* may commit; an answer with a version in it did */
    bool function_only;
    bool silent; /* the C function does not tell the version */
    bool syncs;  /* what was committed before it is durable after it */
} op_kind;

/* The operation with that name in the table. */
const op_kind *op_find(const char *name);
enum { OP_KINDS_MAX = 160 };

/* Its place in the table, and the kind at a place; NULL: behind the last one. */
size_t op_place(const op_kind *kind);
const op_kind *op_at(size_t place);
/* Any operation, by weight. */
void op_random(maker *mk, op *o);
/* One of that kind with arguments of the caller's; encodes the request. */
void op_encode(maker *mk, op *o);

/* Runs it. The response is appended to out. */
strata_status op_run(const op *o, strata_db *db, strata_buffer *out);
/* Whether the answer is what the model expects at that moment; e is filled. */
bool op_holds(const op *o, const moment *at, const answer *got, expected *e);
/* The same, without asking what retention may have let go. */
bool op_holds_then(const op *o, const moment *at, const answer *got, expected *e);
/* Makes the commit that e expects. */
void op_commit(model *m, const expected *e);
/* The version in an answer; 0: none. */
uint64_t op_version(const op *o, const answer *got);
/* The run an operation reads and writes. */
unsigned op_run_of(const op *o, const moment *at);

void expected_init(expected *e);
void expected_free(expected *e);
void expected_reset(expected *e);

/* As JSON, to stderr. */
void op_print(const op *o, const answer *got);

/* ---- For the files of rows ------------------------------------------------------------------- */

extern const op_kind ops_fork[], ops_run[], ops_kv[], ops_many[], ops_event[], ops_json[],
    ops_memory[], ops_retention[], ops_snapshot[], ops_db[], ops_txn[];
extern const size_t ops_fork_count, ops_run_count, ops_kv_count, ops_many_count, ops_event_count,
    ops_json_count, ops_memory_count, ops_retention_count, ops_snapshot_count, ops_db_count,
    ops_txn_count;
extern const op_kind ops_state[], ops_trace[], ops_edge[];
extern const size_t ops_state_count, ops_trace_count, ops_edge_count;
extern const op_kind ops_schema[], ops_entity[], ops_history[], ops_points[], ops_merge[],
    ops_find[];
extern const size_t ops_schema_count, ops_entity_count, ops_history_count, ops_points_count,
    ops_merge_count, ops_find_count;
extern const op_kind ops_collection[], ops_vector[], ops_vector_search[];
extern const size_t ops_collection_count, ops_vector_count, ops_vector_search_count;

uint64_t pick(maker *mk, uint64_t below);
bool one_in(maker *mk, uint64_t n);
/* Text in the arena. */
strata_slice pick_text(maker *mk, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An empty name for default, or that of a run, mostly one that exists. */
strata_slice pick_run(maker *mk);
/* A key of the key space; rarely one that is refused. */
strata_slice pick_key(maker *mk, char initial);
/* A key that something of that kind in the operation's run has, or has had; mostly, and else empty. */
strata_slice pick_known(maker *mk, const op *o, model_kind kind);
/* A version to read at: now, mostly one there was, rarely one to come. */
uint64_t pick_as_of(maker *mk);
/* Now, a version or a time. */
void pick_when(maker *mk, op *o);
uint64_t pick_limit(maker *mk);
/* Any MessagePack value; and any map. */
strata_slice pick_value(maker *mk);
strata_slice pick_object(maker *mk);
/* The bounds of a listing. */
void pick_page(maker *mk, op *o, char initial);
/* A pick_tags in four has none. */
strata_slice pick_tags(maker *mk);
bool tags_hold(strata_slice tags, strata_slice tag);

strata_slice arena_bytes(st_arena *arena, strata_slice bytes);

/* The copy of a write that lasts as long as the model. */
model_write op_own_write(model *m, const model_write *write);

/* Fails the seed when there is no memory. */
void put(strata_status status);
void put_name(strata_buffer *out, const char *name);
void put_text(strata_buffer *out, const char *name, strata_slice text);
void put_uint(strata_buffer *out, const char *name, uint64_t number);
void put_int(strata_buffer *out, const char *name, int64_t number);
void put_bool(strata_buffer *out, const char *name, bool boolean);
void put_raw(strata_buffer *out, const char *name, strata_slice msgpack);
void put_stamp(strata_buffer *out, const model_version *version);

/* The answer of a success; `pairs` names and values follow. */
strata_buffer *expect_ok(expected *e, uint32_t pairs);
void expect_error(expected *e, strata_status status, const char *reason);
/* A list whose length is not known yet; expect_list_end fills it in and adds the cursor. */
typedef struct open_list {
    size_t object;
    size_t array;
    uint32_t count;
} open_list;
strata_buffer *expect_list(expected *e, const char *name, open_list *list);
void expect_list_end(expected *e, const open_list *list, strata_slice cursor);
/* The commit it makes; returns the time it will carry. */
int64_t expect_write(expected *e, const moment *at, const model_write *write);
uint64_t expect_version(const moment *at);

/* The run of the operation, its transaction's if it is part of one; false: there is none. */
bool op_has_run(const op *o, const moment *at, unsigned *run);
/* The same; then it is expected to fail with not_found. */
bool expect_run(const op *o, const moment *at, expected *e, unsigned *run);
/* The same, for keys and bounds that are checked. */
bool expect_key(strata_slice key, expected *e);
bool expect_writable(const moment *at, unsigned run, expected *e);
/* Whether the answer is that the run takes no writes. */
bool says_run_closed(const answer *got);
/* The snapshot of a read as of a version or a time; false: refused. */
bool expect_as_of(const op *o, const moment *at, expected *e, unsigned run, uint64_t *snapshot);
bool expect_bounds(const op *o, expected *e);
/* The record of the run in that place at that commit; NULL: there is none, or no more. */
const struct model_run *run_in(const model *m, unsigned place, uint64_t snapshot);

/* The tags of a run, which are a set, after a change. */
strata_slice run_change_tags(expected *e, strata_slice old, strata_slice remove, strata_slice add);
/* The place that the next run gets. */
unsigned run_next_place(const model *m, uint64_t snapshot);

/* Whether a key is inside the page of the operation. */
bool in_page(const op *o, strata_slice key);

/* The value under that name in an object; data NULL when there is none. */
strata_slice field_of(strata_slice object, const char *name);
int64_t int_of(strata_slice msgpack);
strata_slice text_of(strata_slice msgpack);
bool bool_of(strata_slice msgpack);
/* The object in [bool, {object}]. */
strata_slice object_of(strata_slice response);

/* ---- op_kv.c --------------------------------------------------------------------------------- */

/* Whether a version of a key is a value for that operation; by version there is no telling the time. */
bool kv_is_live(const op *o, const moment *at, const model_version *version);
/* The version that is a value at the snapshot; NULL: none. */
const model_version *kv_find(const op *o, const moment *at, unsigned run, strata_slice key,
                             uint64_t snapshot);
/* An entry of a list. */
void kv_put_entry(strata_buffer *out, strata_slice key, const model_version *version);
bool expect_fitting(const moment *at, strata_slice value, expected *e);
/* The time to live, which is looked at before anything else. */
bool expect_ttl(const op *o, expected *e);
int64_t kv_expiry(const moment *at, int64_t ttl_ms);
/* When a write ends that keeps the time to live of that version; NULL: of none. */
int64_t kv_ending(const model_version *version);
bool kv_reads_past(const op *o);

/* ---- op_many.c ------------------------------------------------------------------------------- */

enum { OP_KEYS_MAX = 6 };

/* The keys in the argument of an operation on several; returns how many. */
uint32_t op_keys(const op *o, strata_slice keys[OP_KEYS_MAX]);

/* ---- op_state.c, op_trace.c, op_edge.c ------------------------------------------------------- */

/* The counter of what is kept of a cell, and the same with another one. */
uint64_t state_counter(strata_slice kept);
strata_slice state_with(st_arena *arena, uint64_t counter, strata_slice value);
/* Texts with 00 between them. */
strata_slice texts_key(st_arena *arena, const strata_slice *texts, size_t count);
/* The key of the edge that the operation names, and what the keys of those that it lists begin with. */
strata_slice edge_key(st_arena *arena, const op *o);
strata_slice edge_prefix(st_arena *arena, const op *o);

/* ---- op_json.c ------------------------------------------------------------------------------- */

/* What the model keeps of a document. */
typedef struct model_document {
    const tree *root;
    /* It was put in the place of what there was; else these edits were made to that. In a transaction:
     * since its beginning. */
    bool whole;
    tree_edit *edits;
    size_t count;
} model_document;

void json_own(model *m, model_document *document);
/* The reads and writes of an operation on a document, for its transaction. */
void expect_note(expected *e, strata_slice key, const doc_region *region, bool wrote);
/* Whether the version has changed anything that the region is of. */
bool json_meets(const model_version *version, const doc_region *region);
/* What a transaction that made that of a document commits; false: it is refused. */
bool expect_document(const moment *at, expected *e, const model_write *own);

/* ---- op_schema.c ----------------------------------------------------------------------------- */

/* The number of the schema; false: there is none. */
bool schema_find(const moment *at, unsigned run, strata_slice name, uint64_t snapshot,
                 uint8_t *number);
bool schema_fits(uint8_t schema, strata_slice document);
strata_slice schema_pick(maker *mk);
bool expect_schema_name(strata_slice name, expected *e);
/* A byte and a document, as the model keeps schemas and entities, and the document of them. */
strata_slice flagged(st_arena *arena, uint8_t flag, strata_slice document);
strata_slice flagless(const model_version *version);
strata_slice msgpack_of(st_arena *arena, const char *json);

/* ---- op_memory.c, op_entity.c ---------------------------------------------------------------- */

void memory_put(strata_buffer *out, strata_slice key, const model_version *version);
/* The key of the entity that the operation names, and what those that it lists begin with. */
strata_slice entity_key(st_arena *arena, const op *o);
strata_slice entity_prefix(st_arena *arena, const op *o);
/* Whether it is there and not deleted. */
bool entity_is_live(const model_version *version);
/* key: of the model, with the schema. */
void entity_put(strata_buffer *out, strata_slice key, const model_version *version);

/* ---- op_history.c ---------------------------------------------------------------------------- */

enum { HISTORY_THINGS = 11 };

typedef struct history_thing {
    model_kind kind;
    const char *name;
    size_t texts; /* in a reference; 0: a number */
    char separator;
} history_thing;

/* In their order. */
extern const history_thing history_things[HISTORY_THINGS];
/* Whether what is told of the run's past may be less than the model has. */
bool history_is_loose(const moment *at, unsigned run);
/* The length of an array, and its elements one after the other. */
uint32_t history_items(strata_slice array, st_cursor *cursor);
strata_slice history_next_item(st_cursor *array);
/* How history names a thing, and what it shows of a version of it. */
strata_slice history_ref(st_arena *arena, model_kind kind, strata_slice key);
void history_show(strata_buffer *out, model_kind kind, const model_version *version);
/* Whether two versions hold the same; NULL: nothing. */
bool history_same(model_kind kind, const model_version *a, const model_version *b);

/* ---- op_find.c ------------------------------------------------------------------------------- */

/* Empty: none. */
strata_slice find_pick_filter(maker *mk);
bool find_filter_holds(const tree *filter, const tree *document);

/* ---- op_collection.c, op_vector.c ------------------------------------------------------------ */

/* Whether the record of a collection is of one that readers find. */
bool vector_is_collection(const model_version *record);
uint32_t vector_dimension(const model_version *record);
/* How many an entry has, as it is kept. */
uint32_t vector_numbers(strata_slice kept);
strata_slice vector_prefix(st_arena *arena, strata_slice collection);

/* ---- What the model keeps -------------------------------------------------------------------- */

/* What the model keeps of a run, an event and a memory. */
typedef struct model_run {
    unsigned place; /* in model.tables */
    bool forked;
    uint64_t forked_at;
    int64_t forked_us; /* instead; 0: by version */
    int status;
    strata_slice tags;
    strata_slice metadata;
    strata_slice parent;
    strata_slice error;
    int64_t created_us;
    int64_t updated_us;
} model_run;

typedef struct model_event {
    strata_slice type;
    strata_slice payload;
    uint8_t hash[32];
} model_event;

/* The last event at the snapshot; NULL when there is none. */
const model_event *event_tail(const moment *at, unsigned run, uint64_t *sequence);
/* Its hash, made from the one before it. */
void event_chain(uint64_t sequence, int64_t timestamp_us, const uint8_t previous[32],
                 model_event *event);
strata_slice event_key(uint8_t bytes[8], uint64_t sequence);

enum { WORDS = 16 };

typedef struct model_memory {
    strata_slice text;
    strata_slice tags;
    strata_slice metadata;
    uint32_t length; /* words */
    uint32_t counts[WORDS];
} model_memory;

#endif
