/* op.c - the table of operations, and what rows share: chance, encoding, expectations.
 *
 * Answers are compared as bytes. The model says what a success begins with and, where something in
 * between is nobody's business (how long a recall took), what it ends with. Of an error the code, the
 * reason of a constraint and the version of a conflict count; the sentence is for people.
 */
#include "op.h"

#include "base/limits.h"

/* ---- Small things ---------------------------------------------------------------------------- */

void put(strata_status status) {
    assert_int_equal(status, STRATA_OK);
}

void put_name(strata_buffer *out, const char *name) {
    put(st_msgpack_put_string(out, strata_text(name)));
}

void put_text(strata_buffer *out, const char *name, strata_slice text) {
    put_name(out, name);
    put(st_msgpack_put_string(out, text));
}

void put_uint(strata_buffer *out, const char *name, uint64_t number) {
    put_name(out, name);
    put(st_msgpack_put_uint(out, number));
}

void put_int(strata_buffer *out, const char *name, int64_t number) {
    put_name(out, name);
    put(st_msgpack_put_int(out, number));
}

void put_bool(strata_buffer *out, const char *name, bool boolean) {
    put_name(out, name);
    put(st_msgpack_put_bool(out, boolean));
}

void put_raw(strata_buffer *out, const char *name, strata_slice msgpack) {
    put_name(out, name);
    put(st_buffer_append(out, msgpack.data, msgpack.len));
}

void put_stamp(strata_buffer *out, const model_version *version) {
    put_uint(out, "version", version->number);
    put_int(out, "timestamp", version->timestamp_us);
}

strata_slice arena_bytes(st_arena *arena, strata_slice bytes) {
    uint8_t *copy = st_arena_alloc(arena, bytes.len + 1, 16);
    assert_non_null(copy);
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    return st_slice(copy, bytes.len);
}

strata_slice field_of(strata_slice object, const char *name) {
    st_cursor cursor = st_cursor_over(object);
    st_token token;
    if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_OBJECT) {
        return st_slice(NULL, 0);
    }
    for (uint32_t left = token.as.count; left > 0; left--) {
        st_token key;
        strata_slice value;
        assert_true(st_msgpack_next(&cursor, &key) && st_msgpack_skip(&cursor, &value));
        if (st_slice_equal(key.as.bytes, strata_text(name))) {
            return value;
        }
    }
    return st_slice(NULL, 0);
}

static st_token token_of(strata_slice msgpack) {
    st_cursor cursor = st_cursor_over(msgpack);
    st_token token = {STRATA_NULL, {.integer = 0}};
    (void)st_msgpack_next(&cursor, &token);
    return token;
}

int64_t int_of(strata_slice msgpack) {
    const st_token token = token_of(msgpack);
    return token.type == STRATA_INT ? token.as.integer : 0;
}

strata_slice text_of(strata_slice msgpack) {
    const st_token token = token_of(msgpack);
    return token.type == STRATA_STRING ? token.as.bytes : st_slice("", 0);
}

bool bool_of(strata_slice msgpack) {
    const st_token token = token_of(msgpack);
    return token.type == STRATA_BOOL && token.as.boolean;
}

strata_slice object_of(strata_slice response) {
    st_cursor cursor = st_cursor_over(response);
    st_token token;
    strata_slice object = {NULL, 0};
    if (!st_msgpack_next(&cursor, &token) || !st_msgpack_next(&cursor, &token) ||
        !st_msgpack_skip(&cursor, &object)) {
        return st_slice(NULL, 0);
    }
    return object;
}

/* ---- Chance ---------------------------------------------------------------------------------- */

uint64_t pick(maker *mk, uint64_t below) {
    return test_random_below(mk->chance, below);
}

bool one_in(maker *mk, uint64_t n) {
    return pick(mk, n) == 0;
}

strata_slice pick_text(maker *mk, const char *format, ...) {
    char text[256];
    va_list list;
    va_start(list, format);
    const int len = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    assert_true(len >= 0 && (size_t)len < sizeof text);
    return arena_bytes(mk->arena, st_slice(text, (size_t)len));
}

strata_slice pick_run(maker *mk) {
    const model_table *runs = model_table_of(mk->model, MODEL_SYSTEM, MODEL_RUN);
    const uint64_t die = pick(mk, 16);
    if (die < 6 || runs->count == 0) {
        return st_slice("", 0);
    }
    if (die == 6) {
        return strata_text("default");
    }
    return one_in(mk, 60) ? strata_text("nowhere") : runs->cells[pick(mk, runs->count)]->key;
}

strata_slice pick_key(maker *mk, char initial) {
    if (one_in(mk, 150)) {
        static const char *const refused[] = {"", "_strata/x", "\xff\xfe"};
        return strata_text(refused[pick(mk, 3)]);
    }
    /* Some are prefixes of others, one is as long as keys go. */
    const unsigned number = (unsigned)pick(mk, mk->keys);
    if (number == 3) {
        uint8_t longest[ST_KEY_BYTES_MAX];
        memset(longest, initial, sizeof longest);
        return arena_bytes(mk->arena, st_slice(longest, sizeof longest));
    }
    return number % 5 == 4 ? pick_text(mk, "%c%u/%u", initial, number / 5, number)
                           : pick_text(mk, "%c%u", initial, number);
}

uint64_t pick_as_of(maker *mk) {
    const uint64_t die = pick(mk, 8);
    if (die < 4) {
        return UINT64_MAX;
    }
    if (die == 4) {
        return one_in(mk, 4) ? mk->model->last + 1 + pick(mk, 4) : mk->model->last;
    }
    return pick(mk, mk->model->last + 1);
}

uint64_t pick_limit(maker *mk) {
    return one_in(mk, 3) ? 1 + pick(mk, 5) : one_in(mk, 40) ? 1001 : 0;
}

static void put_chars(maker *mk, strata_buffer *out, size_t len, bool as_bytes) {
    char *text = malloc(len + 1);
    assert_non_null(text);
    const uint64_t spread = one_in(mk, 2) ? 64 : 2; /* some compress well */
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)('0' + pick(mk, spread));
    }
    put(as_bytes ? st_msgpack_put_bytes(out, st_slice(text, len))
                 : st_msgpack_put_string(out, st_slice(text, len)));
    free(text);
}

static size_t pick_size(maker *mk) {
    if (one_in(mk, 40)) {
        return (size_t)pick(mk, (uint64_t)mk->bytes_max * 12);
    }
    return (size_t)pick(mk, one_in(mk, 8) ? mk->bytes_max : 40);
}

static void put_any(maker *mk, strata_buffer *out, unsigned depth) {
    switch (pick(mk, depth == 0 ? 12 : 9)) {
    case 0:
        put(st_msgpack_put_null(out));
        break;
    case 1:
        put(st_msgpack_put_bool(out, one_in(mk, 2)));
        break;
    case 2:
    case 3:
    case 4:
        put(st_msgpack_put_int(out, one_in(mk, 12) ? INT64_MAX - (int64_t)pick(mk, 3)
                                                   : (int64_t)pick(mk, 1000) - 500));
        break;
    case 5:
        put(st_msgpack_put_float(out, (double)pick(mk, 1000) / 8));
        break;
    case 6:
        put_chars(mk, out, pick_size(mk), true);
        break;
    case 7:
    case 8:
        put_chars(mk, out, pick_size(mk), false);
        break;
    case 9:
        put(st_msgpack_put_array(out, 2));
        put_any(mk, out, depth + 1);
        put_any(mk, out, depth + 1);
        break;
    default:
        put(st_msgpack_put_object(out, 2));
        put_name(out, "a");
        put_any(mk, out, depth + 1);
        put_name(out, "b");
        put_any(mk, out, depth + 1);
    }
}

strata_slice pick_value(maker *mk) {
    strata_buffer out = {NULL, 0, 0, NULL};
    put_any(mk, &out, 0);
    const strata_slice value = arena_bytes(mk->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return value;
}

strata_slice pick_object(maker *mk) {
    strata_buffer out = {NULL, 0, 0, NULL};
    const uint32_t count = (uint32_t)pick(mk, 3);
    put(st_msgpack_put_object(&out, count));
    for (uint32_t i = 0; i < count; i++) {
        put_name(&out, i == 0 ? "x" : "y");
        put_any(mk, &out, 1);
    }
    const strata_slice value = arena_bytes(mk->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return value;
}

void pick_page(maker *mk, op *o, char initial) {
    o->prefix =
        one_in(mk, 4) ? pick_text(mk, "%c%u", initial, (unsigned)pick(mk, 3)) : st_slice("", 0);
    o->cursor = one_in(mk, 5) ? pick_text(mk, "%c%u", initial, (unsigned)pick(mk, mk->keys))
                              : st_slice("", 0);
    o->reverse = one_in(mk, 3);
    o->limit = pick_limit(mk);
}

strata_slice pick_tags(maker *mk) {
    strata_buffer out = {NULL, 0, 0, NULL};
    const uint32_t count = (uint32_t)pick(mk, 4);
    if (count == 0) {
        return st_slice("", 0);
    }
    put(st_msgpack_put_array(&out, count));
    for (uint32_t i = 0; i < count; i++) {
        put(st_msgpack_put_string(&out, pick_text(mk, "tag%u", (unsigned)pick(mk, 4))));
    }
    const strata_slice tags = arena_bytes(mk->arena, st_buffer_slice(&out));
    strata_buffer_free(&out);
    return tags;
}

bool tags_hold(strata_slice tags, strata_slice tag) {
    st_cursor cursor = st_cursor_over(tags);
    st_token token;
    if (tags.len == 0 || !st_msgpack_next(&cursor, &token)) {
        return false;
    }
    for (uint32_t left = token.as.count; left > 0; left--) {
        st_token word;
        assert_true(st_msgpack_next(&cursor, &word));
        if (st_slice_equal(word.as.bytes, tag)) {
            return true;
        }
    }
    return false;
}

/* ---- Expectations ---------------------------------------------------------------------------- */

void expected_init(expected *e) {
    memset(e, 0, sizeof *e);
    st_arena_init(&e->arena, &strata_host_default()->memory, 0);
}

void expected_free(expected *e) {
    strata_buffer_free(&e->answer);
    strata_buffer_free(&e->suffix);
    st_arena_free(&e->arena);
}

static void expected_reset(expected *e) {
    e->status = STRATA_OK;
    e->reason = NULL;
    e->detail = 0;
    e->answer.len = 0;
    e->suffix.len = 0;
    e->write_count = 0;
    st_arena_reset(&e->arena);
}

static void begin_answer(expected *e) {
    e->answer.len = 0;
    put(st_msgpack_put_array(&e->answer, 2));
    put(st_msgpack_put_bool(&e->answer, true));
}

strata_buffer *expect_ok(expected *e, uint32_t pairs) {
    begin_answer(e);
    put(st_msgpack_put_object(&e->answer, pairs));
    return &e->answer;
}

void expect_error(expected *e, strata_status status, const char *reason) {
    e->status = status;
    e->reason = reason;
}

strata_buffer *expect_list(expected *e, const char *name, open_list *list) {
    begin_answer(e);
    put(st_msgpack_open_object(&e->answer, &list->object));
    put_name(&e->answer, name);
    put(st_msgpack_open_array(&e->answer, &list->array));
    list->count = 0;
    return &e->answer;
}

void expect_list_end(expected *e, const open_list *list, strata_slice cursor) {
    st_msgpack_patch(&e->answer, list->array, list->count);
    st_msgpack_patch(&e->answer, list->object, cursor.len > 0 ? 2 : 1);
    if (cursor.len > 0) {
        put_text(&e->answer, "cursor", cursor);
    }
}

int64_t expect_write(expected *e, const moment *at, const model_write *write) {
    assert_true(e->write_count < MODEL_WRITES_MAX);
    e->writes[e->write_count++] = *write;
    e->timestamp_us = model_time(at->model, write->run, at->wall_us);
    return e->timestamp_us;
}

uint64_t expect_version(const moment *at) {
    return at->snapshot + 1;
}

bool expect_run(const op *o, const moment *at, expected *e, unsigned *run) {
    *run = MODEL_DEFAULT;
    if (o->run.len == 0 || st_slice_equal(o->run, strata_text("default"))) {
        return true;
    }
    const model_version *version =
        model_live(at->model, MODEL_SYSTEM, MODEL_RUN, o->run, at->snapshot);
    if (version == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return false;
    }
    *run = ((const model_run *)version->value.data)->place;
    return true;
}

bool expect_key(strata_slice key, expected *e) {
    const bool good = key.len > 0 && key.len <= ST_KEY_BYTES_MAX &&
                      ((const uint8_t *)key.data)[0] < 0x80 &&
                      (key.len < 8 || memcmp(key.data, "_strata/", 8) != 0);
    if (!good) {
        expect_error(e, STRATA_INVALID_KEY, NULL);
    }
    return good;
}

bool expect_writable(const moment *at, unsigned run, expected *e) {
    const model_table *runs = model_table_of(at->model, MODEL_SYSTEM, MODEL_RUN);
    for (size_t i = 0; i < runs->count; i++) {
        const model_version *version = model_seen(runs->cells[i], at->snapshot);
        const model_run *record = version == NULL ? NULL : version->value.data;
        if (record != NULL && record->place == run && record->status != 0) {
            expect_error(e, STRATA_CONSTRAINT, "run_closed");
            return false;
        }
    }
    return true;
}

bool expect_as_of(const op *o, const moment *at, expected *e, uint64_t *snapshot) {
    *snapshot = o->as_of == UINT64_MAX ? at->snapshot : o->as_of;
    if (*snapshot > at->snapshot) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return false;
    }
    return true;
}

bool expect_bounds(const op *o, expected *e) {
    if (o->limit > ST_PAGE_MAX) {
        expect_error(e, STRATA_INVALID_ARGUMENT, NULL);
        return false;
    }
    return true;
}

bool in_page(const op *o, strata_slice key) {
    if (key.len < o->prefix.len || !st_slice_equal(st_slice(key.data, o->prefix.len), o->prefix) ||
        (o->start.len > 0 && st_slice_compare(key, o->start) < 0) ||
        (o->end.len > 0 && st_slice_compare(key, o->end) >= 0)) {
        return false;
    }
    const int order = o->cursor.len == 0 ? 0 : st_slice_compare(key, o->cursor);
    return o->cursor.len == 0 || (o->reverse ? order < 0 : order > 0);
}

/* ---- The table ------------------------------------------------------------------------------- */

typedef struct rows {
    const op_kind *kinds;
    const size_t *count;
} rows;

static const rows table[] = {
    {ops_run, &ops_run_count},       {ops_kv, &ops_kv_count}, {ops_event, &ops_event_count},
    {ops_memory, &ops_memory_count}, {ops_db, &ops_db_count},
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
    o->by_function = kind->function_only ||
                     (kind->call != NULL && (mk->alone || !kind->silent) && one_in(mk, 3));
    op_encode(mk, o);
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* One argument of the list in op_kind.args; whether it was put. A '?' after a name: left out when
 * empty. '#': a number, '@': a time. */
static bool put_argument(strata_buffer *out, const op *o, strata_slice word) {
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
        {"key?", "key", &o->key, NULL, false},
        {"value", "value", NULL, &o->value, true},
        {"metadata", "metadata", NULL, &o->value, false},
        {"payload", "payload", NULL, &o->value, true},
        {"expected_value", "expected_value", NULL, &o->expected, false},
        {"tags", "tags", NULL, &o->tags, false},
        {"tag", "tag", &o->tag, NULL, false},
        {"text", "text", &o->text, NULL, true},
        {"query", "query", &o->text, NULL, true},
        {"error", "error", &o->text, NULL, true},
        {"type", "type", &o->type, NULL, true},
        {"type?", "type", &o->type, NULL, false},
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
        {"expected_version", "expected_version", o->by_version, (int64_t)o->number},
        {"by", "by", o->by != 1, o->by},
        {"sequence", "sequence", true, (int64_t)o->number},
        {"start#", "start", o->number > 0, (int64_t)o->number},
        {"end#", "end", o->until > 0, (int64_t)o->until},
        {"before#", "before", o->until > 0, (int64_t)o->until},
        {"after@", "after", o->by != 0, o->by},
        {"before@", "before", o->until != 0, (int64_t)o->until},
        {"k", "k", o->number > 0, (int64_t)o->number},
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
    return e->status != STRATA_CONFLICT ||
           int_of(field_of(details, "version")) == (int64_t)e->detail;
}

bool op_holds(const op *o, const moment *at, const answer *got, expected *e) {
    expected_reset(e);
    o->kind->predict(o, at, e);
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

/* What a version holds points to bytes of the expectation; the model's own copy points to its own. */
static strata_slice own_value(model *m, const model_write *write) {
    if (write->deletes || write->kind == MODEL_KV) {
        return write->value;
    }
    const strata_slice value = model_copy(m, write->value);
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

void op_commit(model *m, const expected *e) {
    model_write writes[MODEL_WRITES_MAX];
    for (size_t i = 0; i < e->write_count; i++) {
        writes[i] = e->writes[i];
        writes[i].value = own_value(m, &e->writes[i]);
    }
    model_commit(m, e->timestamp_us, writes, e->write_count);
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
