/* history.c - what retention may have let go, by what it promises and not by how it is done.
 *
 * When tables are merged is up to the core, so the model only knows what may be gone: a version that
 * the rule in force did not promise to keep at some moment. Of a read of the past this follows:
 *   what is promised is answered exactly;
 *   what may be gone is answered exactly, or history_trimmed, and nothing else.
 * A delete, or a value that has ended, goes too when nothing older is left of its key and only the last
 * version is kept, or it had ended before the duration began; as one of the last n it stays. Where it
 * went it can no longer be told what was not there, so below that commit, or time, what is not found
 * may be history_trimmed for other keys of the run too. And of a value that ended by itself there is
 * no telling, by version, when it did: once others that ended no earlier may be gone, it may read as
 * ended for commits since then.
 */
#include "history.h"

#include "model_txn.h"

#include "base/limits.h"

/* ---- Rules ----------------------------------------------------------------------------------- */

static const model_rule *rule_of(const model *m, unsigned run, model_kind kind, uint64_t snapshot) {
    const model_table *rules = model_table_of(m, MODEL_SYSTEM, MODEL_RULE);
    for (size_t i = 0; i < rules->count; i++) {
        const model_version *version = model_seen(rules->cells[i], snapshot);
        if (version == NULL || version->deleted) {
            continue;
        }
        const model_rule *rule = version->value.data;
        if (rule->run == run && rule->kind == kind) {
            return rule;
        }
    }
    return NULL;
}

model_rule history_rule(const model *m, unsigned run, model_kind kind, uint64_t snapshot,
                        const char **source) {
    static const char *const sources[] = {"run_primitive", "run", "primitive", "database"};
    const bool in_run = run != MODEL_SYSTEM;
    const bool of_kind = kind != MODEL_KINDS;
    const model_rule *found[] = {
        in_run && of_kind ? rule_of(m, run, kind, snapshot) : NULL,
        in_run ? rule_of(m, run, MODEL_KINDS, snapshot) : NULL,
        of_kind ? rule_of(m, MODEL_SYSTEM, kind, snapshot) : NULL,
        rule_of(m, MODEL_SYSTEM, MODEL_KINDS, snapshot),
    };
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        if (found[i] != NULL) {
            *source = sources[i];
            return *found[i];
        }
    }
    *source = "none";
    return (model_rule){.keep = KEEP_ALL};
}

/* ---- What may be gone ------------------------------------------------------------------------ */

static int64_t since_us(const model_rule *rule, int64_t now_us) {
    return rule->duration_us > now_us ? 0 : now_us - rule->duration_us;
}

/* Whether the rule promises to keep the version at that place of the cell. */
static bool is_promised(const model_rule *rule, const model_cell *cell, size_t place,
                        int64_t now_us) {
    const size_t newer = cell->count - 1 - place;
    if (newer == 0 || rule->keep == KEEP_ALL) {
        return true;
    }
    return rule->keep == KEEP_LAST
               ? newer < rule->versions
               : cell->versions[place + 1].timestamp_us > since_us(rule, now_us);
}

/* Whether nobody who reads at a moment that is kept finds a value in the oldest version of a key. */
static bool may_vanish(const model_rule *rule, const model_version *oldest, int64_t now_us) {
    if (rule->keep == KEEP_LAST) {
        return rule->versions == 1 && (oldest->deleted || oldest->expires_us <= now_us);
    }
    return (oldest->deleted ? oldest->timestamp_us : oldest->expires_us) <= since_us(rule, now_us);
}

static void let_vanish(model *m, model_floor *floor, model_version *oldest) {
    const uint64_t version = oldest->deleted ? oldest->number : m->last + 1;
    const bool ends_later = !oldest->deleted && oldest->expires_us > oldest->timestamp_us;
    const int64_t time_us = ends_later ? oldest->expires_us : oldest->timestamp_us;
    floor->version = version > floor->version ? version : floor->version;
    floor->time_us = time_us > floor->time_us ? time_us : floor->time_us;
    if (!oldest->may_vanish || oldest->vanish_from > m->settled) {
        oldest->vanish_from = m->settled;
    }
    oldest->may_vanish = true;
}

static void mark_cell(model *m, const model_rule *rule, model_floor *floor, model_cell *cell) {
    for (size_t i = 0; i < cell->count; i++) {
        model_version *version = &cell->versions[i];
        version->may_go = version->may_go || !is_promised(rule, cell, i, m->now_us);
    }
    for (size_t i = 0; i < cell->count; i++) {
        model_version *version = &cell->versions[i];
        const bool vanishes = may_vanish(rule, version, m->now_us);
        if (vanishes) {
            let_vanish(m, floor, version);
        }
        if (!vanishes && !version->may_go && !version->may_vanish) {
            break;
        }
    }
}

void history_mark(model *m) {
    static const model_kind kinds[] = {MODEL_KV,     MODEL_STATE,  MODEL_JSON, MODEL_COLLECTION,
                                       MODEL_VECTOR, MODEL_MEMORY, MODEL_EDGE, MODEL_EDGE_IN,
                                       MODEL_SCHEMA, MODEL_ENTITY};
    const char *source;
    const bool again = m->marked && m->marked_us == m->now_us && m->marked_settled == m->settled;
    if (again || model_table_of(m, MODEL_SYSTEM, MODEL_RULE)->count == 0) {
        return;
    }
    m->marked = true;
    m->marked_us = m->now_us;
    m->marked_settled = m->settled;
    for (unsigned run = MODEL_DEFAULT; run < MODEL_RUNS_MAX; run++) {
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            const model_table *table = model_table_of(m, run, kinds[k]);
            if (table->count == 0) {
                continue;
            }
            const model_rule rule = history_rule(m, run, kinds[k], m->last, &source);
            for (size_t i = 0; i < table->count && rule.keep != KEEP_ALL; i++) {
                mark_cell(m, &rule, &m->floors[run][kinds[k]], table->cells[i]);
            }
        }
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool is_below(const op *o, const model_floor *floor) {
    return o->as_of_us != 0 ? o->as_of_us < floor->time_us : o->as_of < floor->version;
}

static uint64_t snapshot_of(const op *o, const moment *at, unsigned run) {
    return o->as_of_us != 0 ? model_at_time(at->model, run, at->snapshot, o->as_of_us) : o->as_of;
}

static bool reads_then(const op *o, const moment *at, unsigned *run) {
    return (o->as_of != UINT64_MAX || o->as_of_us != 0) && op_has_run(o, at, run);
}

/* Whether some value of the run that ended no earlier may be gone as a whole. */
static bool may_be_ended(const model_table *table, int64_t expires_us) {
    for (size_t i = 0; i < table->count; i++) {
        const model_cell *cell = table->cells[i];
        for (size_t j = 0; j < cell->count; j++) {
            const model_version *version = &cell->versions[j];
            if (version->may_vanish && !version->deleted && version->expires_us >= expires_us) {
                return true;
            }
        }
    }
    return false;
}

static bool trims_cell(const op *o, const moment *at, unsigned run, model_kind kind,
                       const model_cell *cell) {
    const bool below = is_below(o, &at->model->floors[run][kind]);
    const model_version *seen = model_seen(cell, snapshot_of(o, at, run));
    if (seen == NULL) {
        return below ||
               (cell->count > 0 && (cell->versions[0].may_go || cell->versions[0].may_vanish));
    }
    if (seen->may_go || (seen->may_vanish && below)) {
        return true;
    }
    return below && o->as_of_us == 0 && seen->expires_us != INT64_MAX &&
           may_be_ended(model_table_of(at->model, run, kind), seen->expires_us);
}

/* What a fork saw of another run may be gone below the point where it began. */
static bool is_loose(const op *o, const moment *at, unsigned run) {
    const model_origin *origin = &at->model->origins[run];
    const uint64_t as_of = o->as_of_us == 0                ? o->as_of
                           : o->as_of_us < origin->made_us ? 0
                                                           : UINT64_MAX;
    return model_past_is_loose(at->model, run, as_of);
}

static bool trims_key(const op *o, const moment *at, unsigned run, model_kind kind,
                      strata_slice key) {
    if (is_loose(o, at, run)) {
        return true;
    }
    const model_table *table = model_table_of(at->model, run, kind);
    for (size_t i = 0; i < table->count; i++) {
        if (st_slice_equal(table->cells[i]->key, key)) {
            return trims_cell(o, at, run, kind, table->cells[i]);
        }
    }
    return is_below(o, &at->model->floors[run][kind]);
}

bool history_trims_kv(const op *o, const moment *at) {
    unsigned run;
    return reads_then(o, at, &run) && trims_key(o, at, run, MODEL_KV, o->key);
}

bool history_trims_memory(const op *o, const moment *at) {
    unsigned run;
    return reads_then(o, at, &run) && trims_key(o, at, run, MODEL_MEMORY, o->key);
}

bool history_trims(const op *o, const moment *at, model_kind kind, strata_slice key) {
    unsigned run;
    return reads_then(o, at, &run) && trims_key(o, at, run, kind, key);
}

bool history_trims_json(const op *o, const moment *at) {
    unsigned run;
    return reads_then(o, at, &run) && trims_key(o, at, run, MODEL_JSON, o->key);
}

bool history_trims_keys(const op *o, const moment *at) {
    st_cursor cursor = st_cursor_over(o->value);
    st_token token;
    unsigned run;
    if (!reads_then(o, at, &run)) {
        return false;
    }
    assert_true(st_msgpack_next(&cursor, &token));
    for (uint32_t left = token.as.count; left > 0; left--) {
        strata_slice key;
        assert_true(st_msgpack_skip(&cursor, &key));
        if (trims_key(o, at, run, MODEL_KV, text_of(key))) {
            return true;
        }
    }
    return false;
}

bool history_trims_list(const op *o, const moment *at, model_kind kind) {
    unsigned run;
    if (!reads_then(o, at, &run)) {
        return false;
    }
    if (is_loose(o, at, run)) {
        return true;
    }
    const model_table *table = model_table_of(at->model, run, kind);
    for (size_t i = 0; i < table->count; i++) {
        if (in_page(o, table->cells[i]->key) && trims_cell(o, at, run, kind, table->cells[i])) {
            return true;
        }
    }
    return is_below(o, &at->model->floors[run][kind]);
}

bool history_trims_page(const op *o, const moment *at) {
    return history_trims_list(o, at, MODEL_KV);
}

bool history_trims_documents(const op *o, const moment *at) {
    return history_trims_list(o, at, MODEL_JSON);
}

bool history_trims_whole(const op *o, const moment *at) {
    unsigned run;
    return reads_then(o, at, &run) && is_loose(o, at, run);
}

/* A point of the past cannot be forked when something of it may be gone, also of a run further down. */
bool history_trims_fork(const op *o, const moment *at) {
    const bool rules = model_table_of(at->model, MODEL_SYSTEM, MODEL_RULE)->count > 0;
    unsigned run;
    return reads_then(o, at, &run) && (rules || is_loose(o, at, run));
}

/* ---- Explaining ------------------------------------------------------------------------------ */

static bool says_trimmed(const op *o, const answer *got) {
    const strata_slice details = field_of(object_of(got->response), "details");
    if (field_of(details, "policy").len == 0) {
        return false;
    }
    if (o->as_of_us != 0) {
        return int_of(field_of(details, "requested_time")) == o->as_of_us;
    }
    return (uint64_t)int_of(field_of(details, "requested")) == o->as_of &&
           (uint64_t)int_of(field_of(details, "earliest_retained")) > o->as_of;
}

static bool explain_ended_in(const op *o, const moment *at, const model_table *table,
                             const answer *got, expected *e) {
    for (size_t i = 0; i < table->count; i++) {
        for (size_t j = 0; j < table->cells[i]->count; j++) {
            const model_version *version = &table->cells[i]->versions[j];
            if (version->may_vanish && !version->deleted && version->vanish_from <= o->as_of) {
                moment then = *at;
                then.ended_us = version->expires_us;
                if (op_holds_then(o, &then, got, e)) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* A read by version after which some values had ended: the last of them that may be gone decides. Of a fork
 * also those of the runs that it sees. */
static bool explain_ended(const op *o, const moment *at, const answer *got, expected *e) {
    unsigned run;
    if (o->as_of == UINT64_MAX || o->as_of_us != 0 || !op_has_run(o, at, &run)) {
        return false;
    }
    for (; run > 0; run = at->model->origins[run].base) {
        const model_origin *origin = &at->model->origins[run];
        moment then = *at;
        then.ended_us = origin->made_us; /* nobody knows what was committed while it was made */
        if ((origin->base > 0 && o->as_of < origin->made && op_holds_then(o, &then, got, e)) ||
            explain_ended_in(o, at, model_table_of(at->model, run, MODEL_KV), got, e)) {
            return true;
        }
    }
    return false;
}

/* Whether the list of revisions has one of that version. */
bool history_shows(const answer *got, uint64_t number) {
    const strata_slice revisions = field_of(object_of(got->response), "revisions");
    st_cursor cursor = st_cursor_over(revisions);
    st_token token;
    if (!st_msgpack_next(&cursor, &token) || token.type != STRATA_ARRAY) {
        return false;
    }
    for (uint32_t left = token.as.count; left > 0; left--) {
        strata_slice revision;
        assert_true(st_msgpack_skip(&cursor, &revision));
        if ((uint64_t)int_of(field_of(revision, "version")) == number) {
            return true;
        }
    }
    return false;
}

const model_version *history_next(const moment *at, unsigned run, model_kind kind, strata_slice key,
                                  uint64_t newest) {
    const uint64_t next =
        at->shown == NULL ? 0 : (uint64_t)int_of(field_of(object_of(at->shown->response), "next"));
    const model_version *version = model_find(at->model, run, kind, key, newest);
    while (version != NULL && ((version->hidden_from > 0 && version->hidden_from <= at->snapshot) ||
                               (at->shown != NULL && version->number > next &&
                                !history_shows(at->shown, version->number)))) {
        version = version->number == 0 ? NULL
                                       : model_find(at->model, run, kind, key, version->number - 1);
    }
    return version;
}

/* What a history is of. */
static model_kind history_of(const op *o, st_arena *arena, strata_slice *key) {
    static const struct {
        const char *name;
        model_kind kind;
    } histories[] = {{"kv.history", MODEL_KV},
                     {"state.history", MODEL_STATE},
                     {"json.history", MODEL_JSON},
                     {"schema.history", MODEL_SCHEMA},
                     {"entity.history", MODEL_ENTITY}};
    size_t i = 0;
    while (strcmp(histories[i].name, o->kind->name) != 0) {
        i++;
        assert_true(i < sizeof histories / sizeof histories[0]);
    }
    *key = histories[i].kind == MODEL_ENTITY ? entity_key(arena, o) : o->key;
    return histories[i].kind;
}

/* Where it stopped: at what it says, or at its last revision where it was limited; 0: at the end. */
static uint64_t shown_until(const op *o, const answer *got) {
    const strata_slice object = object_of(got->response);
    const uint64_t limit = o->limit == 0 ? ST_PAGE_DEFAULT : o->limit;
    strata_slice last = field_of(object, "next");
    st_cursor cursor;
    const uint32_t count = history_items(field_of(object, "revisions"), &cursor);
    if (last.len > 0 || count < limit) {
        return (uint64_t)int_of(last);
    }
    for (uint32_t left = count; left > 0; left--) {
        last = history_next_item(&cursor);
    }
    return (uint64_t)int_of(field_of(last, "version"));
}

/* The history of a key of which versions are gone: those that it does not show may be. Old ones of what a
 * fork has seen go with those of the other run. */
static bool explain_shorter(const op *o, const moment *at, const answer *got, expected *e) {
    const unsigned run = op_run_of(o, at);
    const uint64_t last = shown_until(o, got);
    strata_slice key;
    const model_kind kind = history_of(o, &e->arena, &key);
    const model_table *table = model_table_of(at->model, run, kind);
    const bool rules = model_table_of(at->model, MODEL_SYSTEM, MODEL_RULE)->count > 0;
    const model_cell *cell = NULL;
    for (size_t i = 0; i < table->count; i++) {
        cell = st_slice_equal(table->cells[i]->key, key) ? table->cells[i] : cell;
    }
    for (size_t i = 0; cell != NULL && i < cell->count; i++) {
        const model_version *version = &cell->versions[i];
        const bool newest_seen = i + 1 == cell->count || cell->versions[i + 1].from == 0;
        const bool may_lack = version->may_go || version->may_vanish || version->number < last ||
                              version->number > at->snapshot || version->hidden_from > 0 ||
                              (version->from > 0 && rules && (!newest_seen || version->deleted)) ||
                              (o->until > 0 && version->number >= o->until);
        if (!may_lack && !history_shows(got, version->number)) {
            return false;
        }
    }
    moment then = *at;
    then.shown = got;
    return cell != NULL && op_holds_then(o, &then, got, e);
}

bool history_explains(const op *o, const moment *at, const answer *got, expected *e) {
    const bool asked = e->status == STRATA_OK || e->status == STRATA_NOT_FOUND;
    if (got->status == STRATA_HISTORY_TRIMMED) {
        if (!asked || o->kind->trims == NULL || !o->kind->trims(o, at) || !says_trimmed(o, got)) {
            return false;
        }
        expect_error(e, STRATA_HISTORY_TRIMMED, NULL);
        e->write_count = 0; /* of a fork that is not made */
        e->fork = 0;
        return true;
    }
    if (o->kind->shortens) {
        return explain_shorter(o, at, got, e);
    }
    return asked && o->kind->trims != NULL && explain_ended(o, at, got, e);
}
