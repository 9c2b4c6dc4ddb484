/* op_event.c - the log of events: the model computes the chain of hashes as SEMANTICS has it. */
#include "op.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "format/sha256.h"

strata_slice event_key(uint8_t bytes[8], uint64_t sequence) {
    store64_be(bytes, sequence);
    return st_slice(bytes, 8);
}

/* Cells without a version are commits that a crash took. */
const model_event *event_tail(const moment *at, unsigned run, uint64_t *sequence) {
    const model_table *table = model_table_of(at->model, run, MODEL_EVENT);
    for (size_t i = table->count; i > 0; i--) {
        const model_version *version = model_seen(table->cells[i - 1], at->snapshot);
        if (version != NULL) {
            *sequence = load64_be(table->cells[i - 1]->key.data);
            return version->value.data;
        }
    }
    *sequence = 0;
    return NULL;
}

void event_chain(uint64_t sequence, int64_t timestamp_us, const uint8_t previous[32],
                 model_event *event) {
    uint8_t head[20];
    uint8_t len[4];
    store64_le(head, sequence);
    store64_le(head + 8, (uint64_t)timestamp_us);
    store32_le(head + 16, (uint32_t)event->type.len);
    store32_le(len, (uint32_t)event->payload.len);
    const strata_slice parts[] = {st_slice(head, sizeof head), event->type, st_slice(len, 4),
                                  event->payload, st_slice(previous, 32)};
    st_sha256(parts, sizeof parts / sizeof parts[0], event->hash);
}

static void make_append(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->type = pick_text(mk, "type%u", (unsigned)pick(mk, 4));
    o->value = pick_object(mk);
}

static void predict_append(const op *o, const moment *at, expected *e) {
    static const uint8_t zeros[32];
    uint64_t sequence;
    uint8_t key[8];
    unsigned run;
    if (!expect_run(o, at, e, &run)) {
        return;
    }
    if (o->value.len > at->value_bytes_max) {
        expect_error(e, STRATA_CONSTRAINT, "value_too_large");
        return;
    }
    if (!expect_writable(at, run, e)) {
        return;
    }
    const model_event *tail = event_tail(at, run, &sequence);
    model_event event = {.type = arena_bytes(&e->arena, o->type),
                         .payload = arena_bytes(&e->arena, o->value)};
    const int64_t timestamp_us = model_time(at->model, run, at->wall_us);
    event_chain(sequence + 1, timestamp_us, tail == NULL ? zeros : tail->hash, &event);
    const model_write write = {run,
                               MODEL_EVENT,
                               arena_bytes(&e->arena, event_key(key, sequence + 1)),
                               arena_bytes(&e->arena, st_slice(&event, sizeof event)),
                               false,
                               0};
    (void)expect_write(e, at, &write);
    strata_buffer *out = expect_ok(e, 2);
    put_uint(out, "sequence", sequence + 1);
    put_uint(out, "version", expect_version(at));
}

static void put_event(strata_buffer *out, const model_cell *cell, const model_version *version) {
    const model_event *event = version->value.data;
    put(st_msgpack_put_object(out, 6));
    put_uint(out, "sequence", load64_be(cell->key.data));
    put_text(out, "type", event->type);
    put_raw(out, "payload", event->payload);
    put_stamp(out, version);
    put_name(out, "hash");
    put(st_msgpack_put_bytes(out, st_slice(event->hash, 32)));
}

static void make_read(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->number = pick(mk, 12);
}

static void predict_read(const op *o, const moment *at, expected *e) {
    uint8_t bytes[8];
    unsigned run;
    if (!expect_run(o, at, e, &run)) {
        return;
    }
    const strata_slice key = event_key(bytes, o->number);
    const model_version *version = model_live(at->model, run, MODEL_EVENT, key, at->snapshot);
    if (version == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    const model_cell cell = {.key = key};
    strata_buffer *out = expect_ok(e, 1);
    put_name(out, "event");
    put_event(out, &cell, version);
}

static void make_range(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->number = one_in(mk, 2) ? pick(mk, 20) : 0;
    o->until = one_in(mk, 2) ? 1 + pick(mk, 30) : 0;
    o->type = one_in(mk, 3) ? pick_text(mk, "type%u", (unsigned)pick(mk, 4)) : st_slice("", 0);
    o->reverse = one_in(mk, 3);
    o->limit = pick_limit(mk);
}

static void predict_range(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    const uint64_t start = o->number == 0 ? 1 : o->number;
    const uint64_t end = o->until == 0 ? UINT64_MAX : o->until;
    uint64_t next = 0;
    open_list list;
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_EVENT);
    strata_buffer *out = expect_list(e, "events", &list);
    for (size_t i = 0; i < table->count && next == 0; i++) {
        const model_cell *cell = table->cells[o->reverse ? table->count - 1 - i : i];
        const uint64_t sequence = load64_be(cell->key.data);
        const model_version *version = model_seen(cell, at->snapshot);
        if (version == NULL || sequence < start || sequence >= end) {
            continue;
        }
        if (list.count == limit) {
            e->stood = cell->key;
            next = sequence + (o->reverse ? 1 : 0);
            break;
        }
        const model_event *event = version->value.data;
        if (o->type.len == 0 || st_slice_equal(event->type, o->type)) {
            put_event(out, cell, version);
            list.count++;
        }
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
    if (next > 0) {
        st_msgpack_patch(out, list.object, 2);
        put_uint(out, "next", next);
    }
}

/* ---- Counting -------------------------------------------------------------------------------- */

enum { TYPES_MAX = 8 };

typedef struct type_count {
    strata_slice type;
    uint64_t count;
    uint64_t first;
    uint64_t last;
    int64_t first_us;
    int64_t last_us;
} type_count;

/* In order of type; returns how many. */
static size_t count_types(const moment *at, unsigned run, type_count types[TYPES_MAX]) {
    const model_table *table = model_table_of(at->model, run, MODEL_EVENT);
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const model_version *version = model_seen(table->cells[i], at->snapshot);
        if (version == NULL) {
            continue;
        }
        const model_event *event = version->value.data;
        size_t place = 0;
        while (place < count && st_slice_compare(types[place].type, event->type) < 0) {
            place++;
        }
        if (place == count || !st_slice_equal(types[place].type, event->type)) {
            assert_true(count < TYPES_MAX);
            memmove(types + place + 1, types + place, (count - place) * sizeof *types);
            types[place] = (type_count){.type = event->type,
                                        .first = load64_be(table->cells[i]->key.data),
                                        .first_us = version->timestamp_us};
            count++;
        }
        types[place].count++;
        types[place].last = load64_be(table->cells[i]->key.data);
        types[place].last_us = version->timestamp_us;
    }
    return count;
}

static void make_count(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->type = one_in(mk, 2) ? pick_text(mk, "type%u", (unsigned)pick(mk, 5)) : st_slice("", 0);
}

static void predict_count(const op *o, const moment *at, expected *e) {
    type_count types[TYPES_MAX];
    uint8_t bytes[8];
    uint64_t count = 0;
    unsigned run;
    if (!expect_run(o, at, e, &run)) {
        return;
    }
    if (o->type.len == 0) {
        const model_event *tail = event_tail(at, run, &count);
        e->stood = tail == NULL ? st_slice("", 0) : arena_bytes(&e->arena, event_key(bytes, count));
    } else {
        for (size_t i = count_types(at, run, types); i > 0; i--) {
            count = st_slice_equal(types[i - 1].type, o->type) ? types[i - 1].count : count;
        }
    }
    put_uint(expect_ok(e, 1), "count", count);
}

static void make_types(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->cursor = one_in(mk, 4) ? pick_text(mk, "type%u", (unsigned)pick(mk, 4)) : st_slice("", 0);
    o->limit = pick_limit(mk);
}

static void predict_types(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    type_count types[TYPES_MAX];
    open_list list;
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e)) {
        return;
    }
    const size_t count = count_types(at, run, types);
    strata_buffer *out = expect_list(e, "types", &list);
    strata_slice last = {NULL, 0};
    for (size_t i = 0; i < count; i++) {
        if (st_slice_compare(types[i].type, o->cursor) <= 0) {
            continue;
        }
        if (list.count == limit) {
            expect_list_end(e, &list, last);
            return;
        }
        put(st_msgpack_put_object(out, 6));
        put_text(out, "type", types[i].type);
        put_uint(out, "count", types[i].count);
        put_uint(out, "first", types[i].first);
        put_uint(out, "last", types[i].last);
        put_int(out, "first_time", types[i].first_us);
        put_int(out, "last_time", types[i].last_us);
        last = types[i].type;
        list.count++;
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

/* ---- Following ------------------------------------------------------------------------------- */

static void make_tail(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->number = pick(mk, 30);
    o->type = one_in(mk, 3) ? pick_text(mk, "type%u", (unsigned)pick(mk, 4)) : st_slice("", 0);
    o->limit = pick_limit(mk);
}

static bool has_ended(const op *o, const moment *at) {
    const strata_slice name = o->run.len == 0 ? strata_text("default") : o->run;
    const model_version *version =
        model_live(at->model, MODEL_SYSTEM, MODEL_RUN, name, at->snapshot);
    return version != NULL && ((const model_run *)version->value.data)->status > 1;
}

static void predict_tail(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    uint64_t after = o->number;
    bool more = false;
    open_list list;
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_EVENT);
    strata_buffer *out = expect_list(e, "events", &list);
    for (size_t i = 0; i < table->count && !more; i++) {
        const uint64_t sequence = load64_be(table->cells[i]->key.data);
        const model_version *version = model_seen(table->cells[i], at->snapshot);
        if (version == NULL || sequence <= after) {
            continue;
        }
        more = list.count == limit;
        if (more) {
            break;
        }
        const model_event *event = version->value.data;
        after = sequence;
        if (o->type.len == 0 || st_slice_equal(event->type, o->type)) {
            put_event(out, table->cells[i], version);
            list.count++;
        }
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
    st_msgpack_patch(out, list.object, 3);
    put_uint(out, "after", after);
    put_bool(out, "ended", has_ended(o, at) && !more);
}

/* The status is read before the events: a run that is closed in between has not ended yet. */
static bool tail_matches(const op *o, const moment *at, const expected *e, strata_slice response) {
    const strata_slice wanted = st_buffer_slice(&e->answer);
    (void)o;
    if (at->alone || wanted.len != response.len) {
        return st_slice_equal(wanted, response);
    }
    const uint8_t *told = response.data;
    return memcmp(wanted.data, told, wanted.len - 1) == 0 &&
           (told[wanted.len - 1] == 0xc2 ||
            told[wanted.len - 1] == ((const uint8_t *)wanted.data)[wanted.len - 1]);
}

/* ---- The end of the log ---------------------------------------------------------------------- */

static void make_run_only(maker *mk, op *o) {
    o->run = pick_run(mk);
}

static void predict_head(const op *o, const moment *at, expected *e) {
    static const uint8_t zeros[32];
    uint64_t sequence;
    unsigned run;
    if (!expect_run(o, at, e, &run)) {
        return;
    }
    const model_event *tail = event_tail(at, run, &sequence);
    uint8_t bytes[8];
    e->stood = tail == NULL ? st_slice("", 0) : arena_bytes(&e->arena, event_key(bytes, sequence));
    strata_buffer *out = expect_ok(e, 2);
    put_uint(out, "sequence", sequence);
    put_name(out, "hash");
    put(st_msgpack_put_bytes(out, st_slice(tail == NULL ? zeros : tail->hash, 32)));
}

static void predict_verify(const op *o, const moment *at, expected *e) {
    uint64_t sequence;
    unsigned run;
    if (!expect_run(o, at, e, &run)) {
        return;
    }
    (void)event_tail(at, run, &sequence);
    strata_buffer *out = expect_ok(e, 2);
    put_bool(out, "valid", true);
    put_uint(out, "length", sequence);
}

static strata_status call_append(const op *o, strata_db *db, strata_buffer *out) {
    strata_run run = STRATA_RUN_DEFAULT;
    uint64_t sequence;
    if (o->run.len > 0) {
        ST_TRY(strata_run_find(db, o->run, &run));
    }
    ST_TRY(strata_event_append(db, run, o->type, strata_object(o->value), &sequence));
    put(st_msgpack_put_array(out, 2));
    put(st_msgpack_put_bool(out, true));
    put(st_msgpack_put_object(out, 1));
    put_uint(out, "sequence", sequence);
    return STRATA_OK;
}

/* The function tells the sequence and not the version. */
static bool append_matches(const op *o, const moment *at, const expected *e,
                           strata_slice response) {
    const strata_slice wanted = st_buffer_slice(&e->answer);
    (void)at;
    return o->by_function ? int_of(field_of(object_of(wanted), "sequence")) ==
                                int_of(field_of(object_of(response), "sequence"))
                          : st_slice_equal(wanted, response);
}

const op_kind ops_event[] = {
    {.name = "event.append",
     .args = "run type payload",
     .weight = 50,
     .make = make_append,
     .predict = predict_append,
     .call = call_append,
     .matches = append_matches,
     .writes = true,
     .silent = true},
    {.name = "event.read",
     .args = "run sequence",
     .weight = 6,
     .make = make_read,
     .predict = predict_read},
    {.name = "event.range",
     .args = "run start# end# type? reverse limit",
     .weight = 6,
     .make = make_range,
     .predict = predict_range},
    {.name = "event.count",
     .args = "run type?",
     .weight = 3,
     .make = make_count,
     .predict = predict_count},
    {.name = "event.types",
     .args = "run limit cursor",
     .weight = 3,
     .make = make_types,
     .predict = predict_types},
    {.name = "event.tail",
     .args = "run after# type? limit",
     .weight = 4,
     .make = make_tail,
     .predict = predict_tail,
     .matches = tail_matches},
    {.name = "event.head",
     .args = "run",
     .weight = 4,
     .make = make_run_only,
     .predict = predict_head},
    {.name = "event.verify",
     .args = "run",
     .weight = 2,
     .make = make_run_only,
     .predict = predict_verify},
};
const size_t ops_event_count = sizeof ops_event / sizeof ops_event[0];
