/* op.c - the table of operations: finding, encoding, running and comparing.
 *
 * Answers are compared as bytes. The model says what a success begins with and, where something in
 * between is nobody's business (how long a recall took), what it ends with. Of an error the code, the
 * reason of a constraint and the version of a conflict count; the sentence is for people.
 */
#include "history.h"
#include "model_txn.h"

/* ---- The table ------------------------------------------------------------------------------- */

typedef struct rows {
    const op_kind *kinds;
    const size_t *count;
} rows;

static const rows table[] = {
    {ops_run, &ops_run_count},
    {ops_kv, &ops_kv_count},
    {ops_many, &ops_many_count},
    {ops_event, &ops_event_count},
    {ops_json, &ops_json_count},
    {ops_fork, &ops_fork_count},
    {ops_memory, &ops_memory_count},
    {ops_retention, &ops_retention_count},
    {ops_snapshot, &ops_snapshot_count},
    {ops_db, &ops_db_count},
    {ops_txn, &ops_txn_count},
    {ops_state, &ops_state_count},
    {ops_trace, &ops_trace_count},
    {ops_edge, &ops_edge_count},
    {ops_schema, &ops_schema_count},
    {ops_entity, &ops_entity_count},
    {ops_history, &ops_history_count},
    {ops_merge, &ops_merge_count},
    {ops_find, &ops_find_count},
    {ops_points, &ops_points_count},
    {ops_collection, &ops_collection_count},
    {ops_vector, &ops_vector_count},
    {ops_vector_search, &ops_vector_search_count},
};

enum {
    TABLES = sizeof table / sizeof table[0],
    TABLE_VECTORS = TABLES - 3, /* and the two behind it */
    COMPACTS_IN = 10,
};

const op_kind *op_find(const char *name) {
    for (size_t t = 0; t < TABLES; t++) {
        for (size_t i = 0; i < *table[t].count; i++) {
            if (strcmp(table[t].kinds[i].name, name) == 0) {
                return &table[t].kinds[i];
            }
        }
    }
    fail_msg("the table of the simulator has no %s", name);
    return NULL;
}

const op_kind *op_at(size_t place) {
    for (size_t t = 0; t < TABLES; t++) {
        if (place < *table[t].count) {
            return &table[t].kinds[place];
        }
        place -= *table[t].count;
    }
    return NULL;
}

size_t op_place(const op_kind *kind) {
    size_t place = 0;
    while (op_at(place) != kind) {
        assert_non_null(op_at(place));
        place++;
    }
    assert_true(place < OP_KINDS_MAX);
    return place;
}

/* Of the tables from that one on. */
static const op_kind *by_weight(maker *mk, size_t first) {
    uint64_t sum = 0;
    for (size_t t = first; t < TABLES; t++) {
        for (size_t i = 0; i < *table[t].count; i++) {
            sum += table[t].kinds[i].weight;
        }
    }
    uint64_t die = pick(mk, sum);
    for (size_t t = first; t < TABLES; t++) {
        for (size_t i = 0; i < *table[t].count; i++) {
            const op_kind *kind = &table[t].kinds[i];
            if (die < kind->weight) {
                return kind;
            }
            die -= kind->weight;
        }
    }
    return NULL;
}

void op_random(maker *mk, op *o) {
    const bool searches = mk->searches && one_in(mk, 2);
    const bool compacts = searches && one_in(mk, COMPACTS_IN);
    const op_kind *kind =
        compacts ? op_find("db.compact") : by_weight(mk, searches ? TABLE_VECTORS : 0);
    *o = (op){.kind = kind, .as_of = UINT64_MAX};
    kind->make(mk, o);
    o->type = compacts ? strata_text("full") : o->type; /* which merges and saves indexes */
    txn_join(mk, o);
    o->by_function = kind->function_only || (kind->call != NULL && o->txn == 0 &&
                                             (mk->alone || !kind->silent) && one_in(mk, 3));
    op_encode(mk, o);
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* When an argument is left out, and how it is put. */
typedef enum manner_of_putting {
    TEXT,        /* left out when empty, like RAW */
    NEEDED_TEXT, /* never, like NEEDED_RAW */
    RAW,         /* one MessagePack value */
    NEEDED_RAW,
    NUMBER, /* unless 0 */
    NEEDED_NUMBER,
    VERSION, /* unless UINT64_MAX */
    STEP,    /* unless 1 */
    TTL,     /* unless 0; -1 is put as 0 */
    EXPECTED_VERSION,
    FLAG, /* if true */
    FALSE,
    DENIAL, /* false if true */
} manner_of_putting;

/* A word of op_kind.args. '?' after a name: it may be left out; '!': it may not; '#': a number; '@': a
 * time. */
typedef struct argument {
    strata_slice word;
    const char *name;
    size_t offset; /* in op */
    manner_of_putting how;
} argument;

#define ARGUMENT(word, name, member, how) {{word, sizeof word - 1}, name, offsetof(op, member), how}

static const argument arguments[] = {
    ARGUMENT("run", "run", run, TEXT),
    ARGUMENT("name", "name", key, TEXT),
    ARGUMENT("key", "key", key, NEEDED_TEXT),
    ARGUMENT("key!", "name", key, NEEDED_TEXT),
    ARGUMENT("key?", "key", key, TEXT),
    ARGUMENT("value", "value", value, NEEDED_RAW),
    ARGUMENT("metadata", "metadata", value, RAW),
    ARGUMENT("payload", "payload", value, NEEDED_RAW),
    ARGUMENT("expected_value", "expected_value", expected, RAW),
    ARGUMENT("keys", "keys", value, NEEDED_RAW),
    ARGUMENT("entries", "entries", value, NEEDED_RAW),
    ARGUMENT("tags", "tags", tags, RAW),
    ARGUMENT("tag", "tag", tag, TEXT),
    ARGUMENT("text", "text", text, NEEDED_TEXT),
    ARGUMENT("query", "query", text, NEEDED_TEXT),
    ARGUMENT("error", "error", text, NEEDED_TEXT),
    ARGUMENT("error?", "error", text, TEXT),
    ARGUMENT("metadata!", "metadata", value, NEEDED_RAW),
    ARGUMENT("add", "add", tags, RAW),
    ARGUMENT("remove", "remove", expected, RAW),
    ARGUMENT("after#", "after", number, NEEDED_NUMBER),
    ARGUMENT("type", "type", type, NEEDED_TEXT),
    ARGUMENT("type?", "type", type, TEXT),
    ARGUMENT("mode", "mode", type, TEXT),
    ARGUMENT("scope", "run", run, TEXT),
    ARGUMENT("primitive", "primitive", type, TEXT),
    ARGUMENT("keep", "keep", text, NEEDED_TEXT),
    ARGUMENT("status", "status", type, TEXT),
    ARGUMENT("parent", "parent", parent, TEXT),
    ARGUMENT("prefix", "prefix", prefix, TEXT),
    ARGUMENT("start", "start", start, TEXT),
    ARGUMENT("end", "end", end, TEXT),
    ARGUMENT("cursor", "cursor", cursor, TEXT),
    ARGUMENT("as_of", "as_of", as_of, VERSION),
    ARGUMENT("as_of_time", "as_of_time", as_of_us, NUMBER),
    ARGUMENT("ttl_ms", "ttl_ms", ttl_ms, TTL),
    ARGUMENT("expected_version", "expected_version", number, EXPECTED_VERSION),
    ARGUMENT("by", "by", by, STEP),
    ARGUMENT("sequence", "sequence", number, NEEDED_NUMBER),
    ARGUMENT("start#", "start", number, NUMBER),
    ARGUMENT("end#", "end", until, NUMBER),
    ARGUMENT("before#", "before", until, NUMBER),
    ARGUMENT("after@", "after", by, NUMBER),
    ARGUMENT("before@", "before", until, NUMBER),
    ARGUMENT("k", "k", number, NUMBER),
    ARGUMENT("versions", "versions", number, NUMBER),
    ARGUMENT("duration_ms", "duration_ms", until, NUMBER),
    ARGUMENT("limit", "limit", limit, NUMBER),
    ARGUMENT("reverse", "reverse", reverse, FLAG),
    ARGUMENT("snippets", "snippets", reverse, FALSE),
    ARGUMENT("txn", "txn", txn, NEEDED_NUMBER),
    ARGUMENT("savepoint", "savepoint", savepoint, NEEDED_NUMBER),
    ARGUMENT("timeout_ms", "timeout_ms", timeout_ms, NUMBER),
    ARGUMENT("read_only", "read_only", read_only, FLAG),
    ARGUMENT("isolation", "isolation", isolation, TEXT),
    ARGUMENT("expected_counter", "expected_counter", number, EXPECTED_VERSION),
    ARGUMENT("id", "id", key, NEEDED_TEXT),
    ARGUMENT("content", "content", value, NEEDED_RAW),
    ARGUMENT("depth", "depth", number, NUMBER),
    ARGUMENT("src", "src", key, NEEDED_TEXT),
    ARGUMENT("dst", "dst", text, NEEDED_TEXT),
    ARGUMENT("dst!", "dst", key, NEEDED_TEXT),
    ARGUMENT("from", "from", key, NEEDED_TEXT),
    ARGUMENT("direction", "direction", direction, TEXT),
    ARGUMENT("weight", "weight", by, NUMBER),
    ARGUMENT("properties", "properties", value, RAW),
    ARGUMENT("path", "path", path, TEXT),
    ARGUMENT("path!", "path", path, NEEDED_TEXT),
    ARGUMENT("document", "document", value, RAW),
    ARGUMENT("value?", "value", value, RAW),
    ARGUMENT("text?", "text", text, TEXT),
    ARGUMENT("operations", "operations", value, NEEDED_RAW),
    ARGUMENT("patch", "patch", value, NEEDED_RAW),
    ARGUMENT("documents", "documents", whole, FLAG),
    ARGUMENT("schema", "schema", type, NEEDED_TEXT),
    ARGUMENT("schema!", "schema", value, NEEDED_RAW),
    ARGUMENT("deleted", "deleted", whole, FLAG),
    ARGUMENT("force", "force", whole, FLAG),
    ARGUMENT("source", "source", key, NEEDED_TEXT),
    ARGUMENT("run_target", "target", run, TEXT),
    ARGUMENT("strategy", "strategy", type, TEXT),
    ARGUMENT("dry_run", "dry_run", whole, FLAG),
    ARGUMENT("where", "where", value, RAW),
    ARGUMENT("order_by", "order_by", path, TEXT),
    ARGUMENT("primitive_on", "primitive", text, TEXT),
    ARGUMENT("schema?", "schema", parent, TEXT),
    ARGUMENT("ref?", "ref", text, TEXT),
    ARGUMENT("from#", "from", number, NUMBER),
    ARGUMENT("until#", "until", as_of, VERSION),
    ARGUMENT("from_time", "from_time", by, NUMBER),
    ARGUMENT("until_time", "until_time", as_of_us, NUMBER),
    ARGUMENT("primitives", "primitives", expected, RAW),
    ARGUMENT("other_run", "other_run", type, TEXT),
    ARGUMENT("other_as_of", "other_as_of", until, VERSION),
    ARGUMENT("other_as_of_time", "other_as_of_time", by, NUMBER),
    ARGUMENT("values", "values", reverse, DENIAL),
    ARGUMENT("summary", "summary", whole, FLAG),
    ARGUMENT("parent!", "id", parent, NEEDED_TEXT),
    ARGUMENT("of", "of", key, NEEDED_TEXT),
    ARGUMENT("ref", "ref", text, NEEDED_TEXT),
    ARGUMENT("levels", "depth", until, NUMBER),
    ARGUMENT("of_schema", "schema", type, TEXT),
    ARGUMENT("older_than_ms", "older_than_ms", until, NUMBER),
    ARGUMENT("to", "to", text, NEEDED_TEXT),
    ARGUMENT("types", "types", value, RAW),
    ARGUMENT("edges_max", "edges_max", until, NUMBER),
    ARGUMENT("weighted", "weighted", whole, FLAG),
    ARGUMENT("collection", "collection", type, NEEDED_TEXT),
    ARGUMENT("dimension", "dimension", number, NEEDED_NUMBER),
    ARGUMENT("metric", "metric", direction, TEXT),
    ARGUMENT("codes", "codes", path, TEXT),
    ARGUMENT("seed", "seed", until, NUMBER),
    ARGUMENT("embedding", "embedding", expected, NEEDED_RAW),
    ARGUMENT("no_embedding", "embedding", whole, DENIAL),
    ARGUMENT("embeddings", "embeddings", whole, FLAG),
    ARGUMENT("filter", "filter", value, RAW),
    ARGUMENT("exact", "exact", reverse, FLAG),
    ARGUMENT("explain", "explain", by_version, FLAG),
};

static const argument *find_argument(strata_slice word) {
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++) {
        if (st_slice_equal(word, arguments[i].word)) {
            return &arguments[i];
        }
    }
    fail_msg("there is no argument %.*s", (int)word.len, (const char *)word.data);
    return NULL;
}

static bool put_slice(strata_buffer *out, const argument *arg, const uint8_t *member) {
    strata_slice bytes;
    memcpy(&bytes, member, sizeof bytes);
    if (bytes.len == 0 && (arg->how == TEXT || arg->how == RAW)) {
        return false;
    }
    if (arg->how == TEXT || arg->how == NEEDED_TEXT) {
        put_text(out, arg->name, bytes);
    } else {
        put_raw(out, arg->name, bytes);
    }
    return true;
}

static bool put_number(strata_buffer *out, const op *o, const argument *arg,
                       const uint8_t *member) {
    int64_t number;
    memcpy(&number, member, sizeof number); /* -1: UINT64_MAX */
    if ((arg->how == VERSION && number == -1) || (arg->how == STEP && number == 1) ||
        ((arg->how == NUMBER || arg->how == TTL) && number == 0) ||
        (arg->how == EXPECTED_VERSION && !o->by_version)) {
        return false;
    }
    put_int(out, arg->name, arg->how == TTL && number < 0 ? 0 : number);
    return true;
}

/* Whether it was put. */
static bool put_argument(strata_buffer *out, const op *o, const argument *arg) {
    const uint8_t *member = (const uint8_t *)o + arg->offset;
    switch (arg->how) {
    case TEXT:
    case NEEDED_TEXT:
    case RAW:
    case NEEDED_RAW:
        return put_slice(out, arg, member);
    case FALSE:
        put_bool(out, arg->name, false);
        return true;
    case DENIAL:
        if (*(const bool *)member) {
            put_bool(out, arg->name, false);
        }
        return *(const bool *)member;
    case FLAG:
        if (*(const bool *)member) {
            put_bool(out, arg->name, true);
        }
        return *(const bool *)member;
    default:
        return put_number(out, o, arg, member);
    }
}

void op_encode(maker *mk, op *o) {
    strata_buffer out = {NULL, 0, 0, NULL};
    size_t place;
    uint32_t count = 0;
    put(st_msgpack_put_array(&out, 2));
    put_name(&out, o->kind->name);
    put(st_msgpack_open_object(&out, &place));
    for (const char *at = o->kind->args; *at != '\0';) {
        size_t len = 1;
        while (at[len] != ' ' && at[len] != '\0') {
            len++;
        }
        count += put_argument(&out, o, find_argument(st_slice(at, len)));
        at += len + (at[len] == ' ' ? 1 : 0);
    }
    if (o->txn > 0 && strncmp(o->kind->args, "run", 3) == 0) {
        put_uint(&out, "txn", o->txn);
        count++;
    }
    st_msgpack_patch(&out, place, count);
    o->request = arena_bytes(mk->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
}

/* ---- Running --------------------------------------------------------------------------------- */

strata_status op_run(const op *o, strata_db *db, strata_buffer *out) {
    if (o->by_function) {
        out->len = 0;
        return o->kind->call(o, db, out);
    }
    return strata_exec(db, o->request, out);
}

/* Details have the beginning of a long text, and three dots. */
static bool is_shown(strata_slice shown, strata_slice text) {
    if (shown.len <= 3 || shown.len >= text.len) {
        return st_slice_equal(shown, text);
    }
    return memcmp(shown.data, text.data, shown.len - 3) == 0;
}

static bool error_holds(const op *o, const answer *got, const expected *e) {
    if (got->status != e->status) {
        return false;
    }
    if (o->by_function) {
        return true; /* details are the same code's */
    }
    const strata_slice error = object_of(got->response);
    const strata_slice details = field_of(error, "details");
    if (!st_slice_equal(text_of(field_of(error, "code")),
                        strata_text(strata_status_name(e->status)))) {
        return false;
    }
    if (e->reason != NULL &&
        !st_slice_equal(text_of(field_of(details, "reason")), strata_text(e->reason))) {
        return false;
    }
    if (e->key.len > 0 && !is_shown(text_of(field_of(details, "key")), e->key)) {
        return false;
    }
    return e->status != STRATA_CONFLICT ||
           int_of(field_of(details, "version")) == (int64_t)e->detail;
}

bool op_holds_then(const op *o, const moment *at, const answer *got, expected *e) {
    expected_reset(e);
    e->got = got;
    model_txn_predict(o, at, e);
    if (e->status != STRATA_OK || got->status != STRATA_OK) {
        return error_holds(o, got, e);
    }
    if (o->kind->matches != NULL) {
        return o->kind->matches(o, at, e, got->response);
    }
    const strata_slice begin = st_buffer_slice(&e->answer);
    const strata_slice end = st_buffer_slice(&e->suffix);
    if (end.len == 0) {
        return st_slice_equal(got->response, begin);
    }
    const uint8_t *bytes = got->response.data;
    return got->response.len >= begin.len + end.len && memcmp(bytes, begin.data, begin.len) == 0 &&
           memcmp(bytes + got->response.len - end.len, end.data, end.len) == 0;
}

bool op_holds(const op *o, const moment *at, const answer *got, expected *e) {
    if (op_holds_then(o, at, got, e) ||
        (o->kind->may_differ != NULL && o->kind->may_differ(o, at, got))) {
        return true;
    }
    if (!history_explains(o, at, got, e)) {
        (void)op_holds_then(o, at, got, e); /* to be told */
        return false;
    }
    return true;
}

/* Whether what is kept is bytes that point to nothing. */
static bool is_plain(model_kind kind) {
    return kind != MODEL_RUN && kind != MODEL_EVENT && kind != MODEL_JSON && kind != MODEL_MEMORY &&
           kind != MODEL_RULE;
}

/* What a version holds points to bytes of the expectation; the model's own copy points to its own. */
static strata_slice own_value(model *m, const model_write *write) {
    if (write->deletes || is_plain(write->kind)) {
        return write->value;
    }
    const strata_slice value = model_copy(m, write->value);
    if (write->kind == MODEL_RULE) {
        return value;
    }
    if (write->kind == MODEL_EVENT) {
        model_event *event = (model_event *)value.data;
        event->type = model_copy(m, event->type);
        event->payload = model_copy(m, event->payload);
    } else if (write->kind == MODEL_JSON) {
        json_own(m, (model_document *)value.data);
    } else if (write->kind == MODEL_MEMORY) {
        model_memory *memory = (model_memory *)value.data;
        memory->text = model_copy(m, memory->text);
        memory->tags = model_copy(m, memory->tags);
        memory->metadata = model_copy(m, memory->metadata);
    } else {
        model_run *run = (model_run *)value.data;
        run->tags = model_copy(m, run->tags);
        run->metadata = model_copy(m, run->metadata);
        run->parent = model_copy(m, run->parent);
        run->error = model_copy(m, run->error);
    }
    return value;
}

model_write op_own_write(model *m, const model_write *write) {
    model_write own = *write;
    own.key = model_copy(m, write->key);
    own.value = is_plain(write->kind) ? model_copy(m, write->value) : own_value(m, write);
    return own;
}

void op_commit(model *m, const expected *e) {
    model_write writes[MODEL_WRITES_MAX] = {{.run = 0}};
    const bool changes_rules =
        e->write_count > 0 && (e->writes[0].kind == MODEL_RULE || e->buried > 0);
    if (changes_rules || e->fork > 0) {
        history_mark(m);
    }
    for (size_t i = 0; i < e->write_count; i++) {
        writes[i] = e->writes[i];
        writes[i].value = own_value(m, &e->writes[i]);
    }
    for (size_t i = 0; i < e->steps; i++) {
        model_commit(m, e->timestamp_us, &e->step, 1);
    }
    size_t done = 0;
    for (size_t i = 0; i < e->end_count; i++) {
        model_commit(m, e->timestamp_us, writes + done, e->ends[i] - done);
        done = e->ends[i];
    }
    model_commit(m, e->timestamp_us, writes + done, e->write_count - done);
    if (e->fork > 0) {
        model_fork(m, e->fork, &e->origin);
    }
    if (e->buried > 0) {
        model_bury(m, e->buried);
    }
    if (changes_rules) {
        history_mark(m);
    }
}

uint64_t op_version(const op *o, const answer *got) {
    if (got->status != STRATA_OK || !op_commits(o) || o->idle || got->response.len == 0) {
        return 0;
    }
    return (uint64_t)int_of(field_of(object_of(got->response), "version"));
}

unsigned op_run_of(const op *o, const moment *at) {
    unsigned run;
    if (o->seen != NULL) {
        return o->seen->run;
    }
    return strstr(o->kind->args, "run") != NULL && op_has_run(o, at, &run) ? run : MODEL_SYSTEM;
}

static void print_json(const char *label, strata_slice msgpack) {
    enum { SHOWN = 700 };
    strata_buffer json = {NULL, 0, 0, NULL};
    strata_error error = {.message = "nothing"};
    if (msgpack.len == 0 || strata_msgpack_to_json(msgpack, false, &json, &error) != STRATA_OK) {
        (void)fprintf(stderr, "%s(%zu bytes, no MessagePack: %s)\n", label, msgpack.len,
                      error.message);
        return;
    }
    (void)fprintf(stderr, "%s%.*s%s\n", label, (int)st_min(json.len, SHOWN),
                  (const char *)json.data, json.len > SHOWN ? " ..." : "");
    strata_buffer_free(&json);
}

void op_print(const op *o, const answer *got) {
    print_json(o->by_function ? "    (C) " : "    ", o->request);
    if (got != NULL && got->response.len > 0) {
        print_json("     => ", got->response);
    } else if (got != NULL) {
        (void)fprintf(stderr, "     => %s\n", strata_status_name(got->status));
    }
}
