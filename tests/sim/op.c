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
    {ops_run, &ops_run_count},           {ops_kv, &ops_kv_count},
    {ops_many, &ops_many_count},         {ops_event, &ops_event_count},
    {ops_memory, &ops_memory_count},     {ops_retention, &ops_retention_count},
    {ops_snapshot, &ops_snapshot_count}, {ops_db, &ops_db_count},
    {ops_txn, &ops_txn_count},
};

enum { TABLES = sizeof table / sizeof table[0] };

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

static const op_kind *by_weight(maker *mk) {
    uint64_t sum = 0;
    for (size_t t = 0; t < TABLES; t++) {
        for (size_t i = 0; i < *table[t].count; i++) {
            sum += table[t].kinds[i].weight;
        }
    }
    uint64_t die = pick(mk, sum);
    for (size_t t = 0; t < TABLES; t++) {
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
    const op_kind *kind = by_weight(mk);
    *o = (op){.kind = kind, .as_of = UINT64_MAX};
    kind->make(mk, o);
    txn_join(mk, o);
    o->by_function = kind->function_only || (kind->call != NULL && o->txn == 0 &&
                                             (mk->alone || !kind->silent) && one_in(mk, 3));
    op_encode(mk, o);
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* One argument of the list in op_kind.args; whether it was put. A '?' after a name: left out when
 * empty. '#': a number, '@': a time. */
static bool put_argument(strata_buffer *out, const op *o, strata_slice word) {
    bool given;
    if (op_put_txn_argument(out, o, word, &given)) {
        return given;
    }
    const struct {
        const char *word;
        const char *name;
        const strata_slice *text; /* or */
        const strata_slice *raw;
        bool needed;
    } slices[] = {
        {"run", "run", &o->run, NULL, false},
        {"name", "name", &o->key, NULL, false},
        {"key", "key", &o->key, NULL, true},
        {"key!", "name", &o->key, NULL, true},
        {"key?", "key", &o->key, NULL, false},
        {"value", "value", NULL, &o->value, true},
        {"metadata", "metadata", NULL, &o->value, false},
        {"payload", "payload", NULL, &o->value, true},
        {"expected_value", "expected_value", NULL, &o->expected, false},
        {"keys", "keys", NULL, &o->value, true},
        {"entries", "entries", NULL, &o->value, true},
        {"tags", "tags", NULL, &o->tags, false},
        {"tag", "tag", &o->tag, NULL, false},
        {"text", "text", &o->text, NULL, true},
        {"query", "query", &o->text, NULL, true},
        {"error", "error", &o->text, NULL, true},
        {"type", "type", &o->type, NULL, true},
        {"type?", "type", &o->type, NULL, false},
        {"mode", "mode", &o->type, NULL, false},
        {"scope", "run", &o->run, NULL, false},
        {"primitive", "primitive", &o->type, NULL, false},
        {"keep", "keep", &o->text, NULL, true},
        {"status", "status", &o->type, NULL, false},
        {"parent", "parent", &o->parent, NULL, false},
        {"prefix", "prefix", &o->prefix, NULL, false},
        {"start", "start", &o->start, NULL, false},
        {"end", "end", &o->end, NULL, false},
        {"cursor", "cursor", &o->cursor, NULL, false},
    };
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++) {
        if (st_slice_equal(word, strata_text(slices[i].word))) {
            const strata_slice bytes = slices[i].text != NULL ? *slices[i].text : *slices[i].raw;
            if (bytes.len == 0 && !slices[i].needed) {
                return false;
            }
            if (slices[i].text != NULL) {
                put_text(out, slices[i].name, bytes);
            } else {
                put_raw(out, slices[i].name, bytes);
            }
            return true;
        }
    }
    const struct {
        const char *word;
        const char *name;
        bool given;
        int64_t number;
    } numbers[] = {
        {"as_of", "as_of", o->as_of != UINT64_MAX, (int64_t)o->as_of},
        {"as_of_time", "as_of_time", o->as_of_us != 0, o->as_of_us},
        {"ttl_ms", "ttl_ms", o->ttl_ms != 0, o->ttl_ms < 0 ? 0 : o->ttl_ms},
        {"expected_version", "expected_version", o->by_version, (int64_t)o->number},
        {"by", "by", o->by != 1, o->by},
        {"sequence", "sequence", true, (int64_t)o->number},
        {"start#", "start", o->number > 0, (int64_t)o->number},
        {"end#", "end", o->until > 0, (int64_t)o->until},
        {"before#", "before", o->until > 0, (int64_t)o->until},
        {"after@", "after", o->by != 0, o->by},
        {"before@", "before", o->until != 0, (int64_t)o->until},
        {"k", "k", o->number > 0, (int64_t)o->number},
        {"versions", "versions", o->number > 0, (int64_t)o->number},
        {"duration_ms", "duration_ms", o->until > 0, (int64_t)o->until},
        {"limit", "limit", o->limit > 0, (int64_t)o->limit},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (st_slice_equal(word, strata_text(numbers[i].word))) {
            if (numbers[i].given) {
                put_int(out, numbers[i].name, numbers[i].number);
            }
            return numbers[i].given;
        }
    }
    if (st_slice_equal(word, strata_text("reverse"))) {
        if (o->reverse) {
            put_bool(out, "reverse", true);
        }
        return o->reverse;
    }
    assert_true(st_slice_equal(word, strata_text("snippets")));
    put_bool(out, "snippets", false);
    return true;
}

void op_encode(maker *mk, op *o) {
    strata_buffer out = {NULL, 0, 0, NULL};
    size_t place;
    uint32_t count = 0;
    put(st_msgpack_put_array(&out, 2));
    put_name(&out, o->kind->name);
    put(st_msgpack_open_object(&out, &place));
    for (const char *at = o->kind->args; *at != '\0';) {
        const size_t len = strcspn(at, " ");
        count += put_argument(&out, o, st_slice(at, len));
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

/* What a version holds points to bytes of the expectation; the model's own copy points to its own. */
static strata_slice own_value(model *m, const model_write *write) {
    if (write->deletes || write->kind == MODEL_KV) {
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
    own.value = write->kind == MODEL_KV ? model_copy(m, write->value) : own_value(m, write);
    return own;
}

void op_commit(model *m, const expected *e) {
    model_write writes[MODEL_WRITES_MAX] = {{.run = 0}};
    const bool changes_rules = e->write_count > 0 && e->writes[0].kind == MODEL_RULE;
    if (changes_rules) {
        history_mark(m);
    }
    for (size_t i = 0; i < e->write_count; i++) {
        writes[i] = e->writes[i];
        writes[i].value = own_value(m, &e->writes[i]);
    }
    model_commit(m, e->timestamp_us, writes, e->write_count);
    if (changes_rules) {
        history_mark(m);
    }
}

uint64_t op_version(const op *o, const answer *got) {
    if (got->status != STRATA_OK || !o->kind->writes || got->response.len == 0) {
        return 0;
    }
    return (uint64_t)int_of(field_of(object_of(got->response), "version"));
}

unsigned op_run_of(const op *o, const moment *at) {
    expected unused = {.status = STRATA_OK};
    unsigned run;
    if (o->seen != NULL) {
        return o->seen->run;
    }
    if (strstr(o->kind->args, "run") == NULL || !expect_run(o, at, &unused, &run)) {
        return MODEL_SYSTEM;
    }
    return run;
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
