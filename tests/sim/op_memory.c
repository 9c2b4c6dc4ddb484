/* op_memory.c - memories, and their recall by a BM25 that looks at every one.
 *
 * Texts are made of the words t0 to t15, which are their own terms as words with digits are not
 * stemmed, so the model counts them as they are made. It shares the arithmetic of one part of a
 * score with the core (bm25.h, which test_bm25 checks by itself), so scores agree to the last bit.
 */
#include "history.h"

#include "base/limits.h"
#include "index/text/bm25.h"

/* ---- Texts ----------------------------------------------------------------------------------- */

static strata_slice pick_words(maker *mk, uint64_t most) {
    char text[1024];
    size_t len = 0;
    const uint64_t count = 1 + pick(mk, most);
    for (uint64_t i = 0; i < count && len + 8 < sizeof text; i++) {
        /* Low numbers are the common words. */
        const unsigned word = (unsigned)(pick(mk, WORDS) * pick(mk, WORDS) / WORDS);
        len += (size_t)snprintf(text + len, sizeof text - len, "%st%u", i == 0 ? "" : " ", word);
    }
    return arena_bytes(mk->arena, st_slice(text, len));
}

/* The words of a text, one after the other: numbers; -1 at the end. */
static int next_word(strata_slice text, size_t *at) {
    const char *bytes = text.data;
    if (*at >= text.len) {
        return -1;
    }
    int word = 0;
    for (*at += 1; *at < text.len && bytes[*at] != ' '; *at += 1) {
        word = word * 10 + (bytes[*at] - '0');
    }
    *at += 1;
    return word;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void make_remember(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->key = !mk->named && one_in(mk, 6) ? st_slice("", 0) : pick_key(mk, 'm');
    if (mk->named && o->key.len == 0) {
        o->key = strata_text("m0");
    }
    o->text = pick_words(mk, one_in(mk, 10) ? 200 : 12);
    o->tags = pick_tags(mk);
    o->value = one_in(mk, 3) ? pick_object(mk) : st_slice("", 0);
}

static size_t stored_bytes(const op *o) {
    size_t bytes = 1 + o->text.len + (o->text.len < 128 ? 1 : 2);
    if (o->tags.len > 0 || o->value.len > 0) {
        bytes +=
            1 + (o->tags.len > 0 ? 5 + o->tags.len : 0) + (o->value.len > 0 ? 9 + o->value.len : 0);
    }
    return bytes;
}

static void predict_remember(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run)) {
        return;
    }
    if (o->by_function && o->key.len > 0 && o->value.len > at->value_bytes_max) {
        expect_error(e, STRATA_CONSTRAINT, "value_too_large"); /* the function encodes it first */
        return;
    }
    if (o->key.len > 0 && !expect_key(o->key, e)) {
        return;
    }
    if (o->value.len > at->value_bytes_max || stored_bytes(o) > at->value_bytes_max) {
        expect_error(e, STRATA_CONSTRAINT, "value_too_large");
        return;
    }
    if (!expect_writable(at, run, e)) {
        return;
    }
    model_memory memory = {.text = o->text, .tags = o->tags, .metadata = o->value};
    size_t place = 0;
    for (int word = next_word(o->text, &place); word >= 0; word = next_word(o->text, &place)) {
        memory.counts[word]++;
        memory.length++;
    }
    const model_write write = {run,    MODEL_MEMORY,
                               o->key, arena_bytes(&e->arena, st_slice(&memory, sizeof memory)),
                               false,  0};
    (void)expect_write(e, at, &write);
    strata_buffer *out = expect_ok(e, 2);
    put_text(out, "key", o->key);
    put_uint(out, "version", expect_version(at));
}

static void make_forget(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->key = pick_key(mk, 'm');
}

static void predict_forget(const op *o, const moment *at, expected *e) {
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_key(o->key, e) || !expect_writable(at, run, e)) {
        return;
    }
    const bool existed = model_live(at->model, run, MODEL_MEMORY, o->key, at->snapshot) != NULL;
    strata_buffer *out = expect_ok(e, existed ? 2 : 1);
    put_bool(out, "existed", existed);
    if (existed) {
        const model_write write = {run, MODEL_MEMORY, o->key, st_slice("", 0), true, 0};
        (void)expect_write(e, at, &write);
        put_uint(out, "version", expect_version(at));
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool reads_past(const op *o) {
    return o->as_of != UINT64_MAX;
}

void memory_put(strata_buffer *out, strata_slice key, const model_version *version) {
    static const uint8_t no_map = 0x80;
    static const uint8_t no_array = 0x90;
    const model_memory *memory = version->value.data;
    put(st_msgpack_put_object(out, 6));
    put_text(out, "key", key);
    put_text(out, "text", memory->text);
    put_raw(out, "metadata", memory->metadata.len > 0 ? memory->metadata : st_slice(&no_map, 1));
    put_raw(out, "tags", memory->tags.len > 0 ? memory->tags : st_slice(&no_array, 1));
    put_stamp(out, version);
}

static void make_get(maker *mk, op *o) {
    make_forget(mk, o);
    pick_when(mk, o);
}

static void predict_get(const op *o, const moment *at, expected *e) {
    unsigned run;
    uint64_t snapshot;
    if (!expect_run(o, at, e, &run) || !expect_key(o->key, e) ||
        !expect_as_of(o, at, e, run, &snapshot)) {
        return;
    }
    const model_version *version = model_live(at->model, run, MODEL_MEMORY, o->key, snapshot);
    if (version == NULL) {
        expect_error(e, STRATA_NOT_FOUND, NULL);
        return;
    }
    strata_buffer *out = expect_ok(e, 1);
    put_name(out, "memory");
    memory_put(out, o->key, version);
}

static void make_list(maker *mk, op *o) {
    o->run = pick_run(mk);
    pick_page(mk, o, 'm');
    o->tag = one_in(mk, 3) ? pick_text(mk, "tag%u", (unsigned)pick(mk, 4)) : st_slice("", 0);
    const int64_t newest_us = mk->model->newest_us[MODEL_DEFAULT];
    if (newest_us > 0 && one_in(mk, 4)) {
        o->by = newest_us - (int64_t)pick(mk, 100000);
    }
    if (newest_us > 0 && one_in(mk, 4)) {
        o->until = (uint64_t)newest_us - pick(mk, 50000);
    }
}

static bool wanted(const op *o, const model_version *version) {
    const model_memory *memory = version->value.data;
    return (o->by == 0 || version->timestamp_us >= o->by) &&
           (o->until == 0 || version->timestamp_us < (int64_t)o->until) &&
           (o->tag.len == 0 || tags_hold(memory->tags, o->tag));
}

static void predict_list(const op *o, const moment *at, expected *e) {
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    strata_slice last = {NULL, 0};
    open_list list;
    unsigned run;
    if (!expect_run(o, at, e, &run) || !expect_bounds(o, e)) {
        return;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_MEMORY);
    strata_buffer *out = expect_list(e, "memories", &list);
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[o->reverse ? table->count - 1 - i : i];
        const model_version *version = model_seen(cell, at->snapshot);
        if (version == NULL || version->deleted || !in_page(o, cell->key)) {
            continue;
        }
        if (list.count == limit) {
            e->stood = cell->key;
            expect_list_end(e, &list, last);
            return;
        }
        last = cell->key;
        if (wanted(o, version)) {
            memory_put(out, cell->key, version);
            list.count++;
        }
    }
    expect_list_end(e, &list, st_slice(NULL, 0));
}

/* ---- Recall ---------------------------------------------------------------------------------- */

typedef struct hit {
    const model_cell *cell;
    const model_version *version;
    uint64_t score;
} hit;

static int compare_hits(const void *a, const void *b) {
    const hit *left = a;
    const hit *right = b;
    if (left->score != right->score) {
        return left->score > right->score ? -1 : 1;
    }
    return st_slice_compare(left->cell->key, right->cell->key);
}

typedef struct corpus {
    uint64_t documents;
    uint64_t length;
    uint64_t df[WORDS];
} corpus;

static corpus survey(const model_table *table, uint64_t snapshot) {
    corpus seen = {0, 0, {0}};
    for (size_t i = 0; i < table->count; i++) {
        const model_version *version = model_seen(table->cells[i], snapshot);
        if (version == NULL || version->deleted) {
            continue;
        }
        const model_memory *memory = version->value.data;
        seen.documents++;
        seen.length += memory->length;
        for (size_t word = 0; word < WORDS; word++) {
            seen.df[word] += memory->counts[word] > 0;
        }
    }
    return seen;
}

static uint64_t score_of(const model_memory *memory, const corpus *seen, const bool asked[WORDS]) {
    uint64_t score = 0;
    for (size_t word = 0; word < WORDS; word++) {
        if (asked[word] && memory->counts[word] > 0) {
            const st_bm25 bm25 = st_bm25_of(seen->documents, seen->length, seen->df[word]);
            score += st_bm25_part(&bm25, memory->counts[word], memory->length);
        }
    }
    return score;
}

static bool has_any(const model_memory *memory, const bool asked[WORDS]) {
    for (size_t word = 0; word < WORDS; word++) {
        if (asked[word] && memory->counts[word] > 0) {
            return true;
        }
    }
    return false;
}

static void put_hit(strata_buffer *out, const hit *found, uint64_t rank) {
    char ref[7 + ST_KEY_BYTES_MAX];
    memcpy(ref, "memory:", 7);
    memcpy(ref + 7, found->cell->key.data, found->cell->key.len);
    put(st_msgpack_put_object(out, 6));
    put_text(out, "ref", st_slice(ref, 7 + found->cell->key.len));
    put_text(out, "key", found->cell->key);
    put_name(out, "score");
    put(st_msgpack_put_float(out, st_bm25_score(found->score)));
    put_uint(out, "rank", rank);
    put_stamp(out, found->version);
}

static void make_recall(maker *mk, op *o) {
    o->run = pick_run(mk);
    o->text = pick_words(mk, 4);
    o->number = one_in(mk, 2) ? 1 + pick(mk, 8) : 0;
}

static void predict_recall(const op *o, const moment *at, expected *e) {
    const uint64_t k = o->number == 0 ? 10 : o->number;
    bool asked[WORDS] = {false};
    uint64_t terms = 0;
    size_t place = 0;
    size_t count = 0;
    unsigned run;
    if (!expect_run(o, at, e, &run)) {
        return;
    }
    for (int word = next_word(o->text, &place); word >= 0; word = next_word(o->text, &place)) {
        terms += !asked[word];
        asked[word] = true;
    }
    const model_table *table = model_table_of(at->model, run, MODEL_MEMORY);
    const corpus seen = survey(table, at->snapshot);
    hit *hits = malloc((table->count + 1) * sizeof *hits);
    assert_non_null(hits);
    for (size_t i = 0; i < table->count; i++) {
        const model_version *version = model_seen(table->cells[i], at->snapshot);
        if (version != NULL && !version->deleted && has_any(version->value.data, asked)) {
            hits[count++] =
                (hit){table->cells[i], version, score_of(version->value.data, &seen, asked)};
        }
    }
    qsort(hits, count, sizeof *hits, compare_hits);
    count = count < k ? count : (size_t)k;
    strata_buffer *out = expect_ok(e, 3);
    put_name(out, "hits");
    put(st_msgpack_put_array(out, (uint32_t)count));
    for (size_t i = 0; i < count; i++) {
        put_hit(out, &hits[i], i + 1);
    }
    free(hits);
    put_bool(out, "truncated", false);
    put_name(out, "stats");
    put_uint(&e->suffix, "memories", seen.documents);
    put_uint(&e->suffix, "terms", terms);
}

/* ---- The C functions ------------------------------------------------------------------------- */

static strata_status call_remember(const op *o, strata_db *db, strata_buffer *out) {
    strata_memory memory = STRATA_MEMORY_INIT;
    strata_slice tags[8];
    strata_run run = STRATA_RUN_DEFAULT;
    strata_slice key;
    uint64_t version;
    st_cursor cursor = st_cursor_over(o->tags);
    st_token token;
    if (o->key.len == 0) {
        return strata_exec(db, o->request, out); /* to the function, an empty key is none */
    }
    if (o->tags.len > 0) {
        assert_true(st_msgpack_next(&cursor, &token) && token.as.count <= 8);
        for (uint32_t left = token.as.count; left > 0; left--) {
            st_token word;
            assert_true(st_msgpack_next(&cursor, &word));
            tags[memory.tag_count++] = word.as.bytes;
        }
    }
    memory.key = o->key;
    memory.text = o->text;
    memory.tags = tags;
    memory.metadata = o->value.len == 0 ? strata_null() : strata_object(o->value);
    if (o->run.len > 0) {
        ST_TRY(strata_run_find(db, o->run, &run));
    }
    ST_TRY(strata_memory_remember(db, run, &memory, &key, &version));
    put(st_msgpack_put_array(out, 2));
    put(st_msgpack_put_bool(out, true));
    put(st_msgpack_put_object(out, 2));
    put_text(out, "key", key);
    put_uint(out, "version", version);
    return STRATA_OK;
}

const op_kind ops_memory[] = {
    {.name = "memory.remember",
     .args = "run text key? metadata tags",
     .weight = 40,
     .make = make_remember,
     .predict = predict_remember,
     .call = call_remember,
     .writes = true},
    {.name = "memory.forget",
     .args = "run key",
     .weight = 12,
     .make = make_forget,
     .predict = predict_forget,
     .writes = true},
    {.name = "memory.get",
     .args = "run key as_of as_of_time",
     .weight = 14,
     .make = make_get,
     .predict = predict_get,
     .trims = history_trims_memory,
     .reads_past = reads_past},
    {.name = "memory.list",
     .args = "run prefix tag after@ before@ reverse limit cursor",
     .weight = 6,
     .make = make_list,
     .predict = predict_list},
    {.name = "memory.recall",
     .args = "run query k snippets",
     .weight = 8,
     .make = make_recall,
     .predict = predict_recall},
};
const size_t ops_memory_count = sizeof ops_memory / sizeof ops_memory[0];
