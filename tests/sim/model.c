/* model.c - see model.h. */
#include "model.h"

void model_init(model *m) {
    memset(m, 0, sizeof *m);
    st_arena_init(&m->arena, &strata_host_default()->memory, 1 << 16);
    for (unsigned run = 0; run < MODEL_RUNS_MAX; run++) {
        m->newest_us[run] = INT64_MIN;
    }
}

void model_free(model *m) {
    for (unsigned run = 0; run < MODEL_RUNS_MAX; run++) {
        for (unsigned kind = 0; kind < MODEL_KINDS; kind++) {
            model_table *table = &m->tables[run][kind];
            for (size_t i = 0; i < table->count; i++) {
                free(table->cells[i]->versions);
            }
            free(table->cells);
        }
    }
    free(m->log);
    st_arena_free(&m->arena);
}

void *model_alloc(model *m, size_t size) {
    void *memory = st_arena_alloc(&m->arena, size, 16);
    assert_non_null(memory);
    memset(memory, 0, size);
    return memory;
}

strata_slice model_copy(model *m, strata_slice bytes) {
    uint8_t *copy = st_arena_alloc(&m->arena, bytes.len + 1, 16);
    assert_non_null(copy);
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    return st_slice(copy, bytes.len);
}

/* The place of the first cell whose key is not below `key`. */
static size_t place_of(const model_table *table, strata_slice key) {
    size_t low = 0;
    size_t high = table->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (st_slice_compare(table->cells[middle]->key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static model_cell *cell_of(model *m, unsigned run, model_kind kind, strata_slice key) {
    model_table *table = &m->tables[run][kind];
    const size_t place = place_of(table, key);
    if (place < table->count && st_slice_equal(table->cells[place]->key, key)) {
        return table->cells[place];
    }
    if (table->count == table->cap) {
        table->cap = table->cap * 2 + 16;
        table->cells = realloc(table->cells, table->cap * sizeof(model_cell *));
        assert_non_null(table->cells);
    }
    model_cell *cell = model_alloc(m, sizeof *cell);
    cell->key = model_copy(m, key);
    memmove(table->cells + place + 1, table->cells + place,
            (table->count - place) * sizeof(model_cell *));
    table->cells[place] = cell;
    table->count++;
    return cell;
}

int64_t model_time(const model *m, unsigned run, int64_t wall_us) {
    const int64_t least_us = m->newest_us[run] > m->floor_us ? m->newest_us[run] : m->floor_us;
    return wall_us > least_us ? wall_us : least_us;
}

static void add_version(model_cell *cell, model_version version) {
    if (cell->count == cell->cap) {
        cell->cap = cell->cap * 2 + 4;
        cell->versions = realloc(cell->versions, cell->cap * sizeof *cell->versions);
        assert_non_null(cell->versions);
    }
    cell->versions[cell->count++] = version;
}

void model_commit(model *m, int64_t timestamp_us, const model_write *writes, size_t count) {
    assert_true(count > 0);
    m->marked = false;
    m->last++;
    for (size_t i = 0; i < count; i++) {
        const model_write *write = &writes[i];
        model_cell *cell = cell_of(m, write->run, write->kind, write->key);
        const strata_slice value = write->deletes ? st_slice("", 0) : model_copy(m, write->value);
        add_version(
            cell,
            (model_version){.number = m->last,
                            .timestamp_us = timestamp_us,
                            .deleted = write->deletes,
                            .value = value,
                            .expires_us = write->expires_us == 0 ? INT64_MAX : write->expires_us});
        if (m->log_count == m->log_cap) {
            m->log_cap = m->log_cap * 2 + 64;
            m->log = realloc(m->log, m->log_cap * sizeof *m->log);
            assert_non_null(m->log);
        }
        m->log[m->log_count++] = (model_entry){cell, m->last, timestamp_us, write->run};
        m->newest_us[write->run] = timestamp_us;
    }
}

/* ---- Forks and deleted runs ------------------------------------------------------------------ */

static void copy_cell(model *m, const model_cell *from, unsigned run, model_kind kind) {
    const model_origin *origin = &m->origins[run];
    model_cell *to = NULL;
    for (size_t i = 0; i < from->count; i++) {
        model_version version = from->versions[i];
        if (version.number > origin->at) {
            break;
        }
        to = to == NULL ? cell_of(m, run, kind, from->key) : to;
        version.from = version.from > 0 ? version.from : origin->base;
        add_version(to, version);
    }
    if (to != NULL) {
        to->versions[to->count - 1].may_go = false; /* or there would be no fork */
    }
}

void model_find_base(const model *m, model_origin *origin) {
    for (const model_origin *of = &m->origins[origin->base];
         of->base > 0 && (origin->bound < of->made || origin->bound_us < of->made_us);
         of = &m->origins[origin->base]) {
        origin->base = of->base;
        origin->at = of->at < origin->at ? of->at : origin->at;
        origin->bound = of->bound < origin->bound ? of->bound : origin->bound;
        origin->bound_us = of->bound_us < origin->bound_us ? of->bound_us : origin->bound_us;
    }
}

void model_fork(model *m, unsigned run, const model_origin *origin) {
    const model_entry *made = &m->log[m->log_count - 1];
    const unsigned base = origin->base;
    m->origins[run] = *origin;
    m->origins[run].made = made->number;
    m->origins[run].made_us = made->timestamp_us;
    m->newest_us[run] = made->timestamp_us;
    for (unsigned kind = MODEL_KV; kind < MODEL_KINDS; kind++) {
        const model_table *table = &m->tables[base][kind];
        for (size_t i = 0; i < table->count; i++) {
            copy_cell(m, table->cells[i], run, (model_kind)kind);
        }
    }
}

/* Of what forks have of the run each sees the newest, and no history. */
static void hide_history(model_cell *cell, unsigned run, uint64_t from) {
    bool newest = true;
    for (size_t i = cell->count; i > 0; i--) {
        model_version *version = &cell->versions[i - 1];
        if (version->from == run) {
            version->hidden_from =
                !newest && version->hidden_from == 0 ? from : version->hidden_from;
            newest = false;
        }
    }
}

void model_bury(model *m, unsigned run) {
    m->gone[run] = m->last;
    for (unsigned fork = MODEL_DEFAULT; fork < MODEL_RUNS_MAX; fork++) {
        for (unsigned kind = MODEL_KV; m->origins[fork].base > 0 && kind < MODEL_KINDS; kind++) {
            for (size_t i = 0; i < m->tables[fork][kind].count; i++) {
                hide_history(m->tables[fork][kind].cells[i], run, m->last);
            }
        }
    }
}

bool model_past_is_loose(const model *m, unsigned run, uint64_t as_of) {
    bool gone = false;
    const bool rules = m->tables[MODEL_SYSTEM][MODEL_RULE].count > 0;
    const bool past = m->origins[run].base > 0 && as_of < m->origins[run].made;
    for (unsigned at = m->origins[run].base; at > 0; at = m->origins[at].base) {
        gone = gone || m->gone[at] > 0;
    }
    return past && (gone || rules);
}

/* The run was not made, or not deleted. */
static void cut_run(model *m, unsigned run, uint64_t version) {
    const bool unmade = m->origins[run].base > 0 && m->origins[run].made > version;
    m->gone[run] = m->gone[run] > version ? 0 : m->gone[run];
    for (unsigned kind = MODEL_KV; m->origins[run].base > 0 && kind < MODEL_KINDS; kind++) {
        for (size_t i = 0; i < m->tables[run][kind].count; i++) {
            model_cell *cell = m->tables[run][kind].cells[i];
            cell->count = unmade ? 0 : cell->count;
            for (size_t j = 0; j < cell->count; j++) {
                model_version *of = &cell->versions[j];
                of->hidden_from = of->hidden_from > version ? 0 : of->hidden_from;
            }
        }
    }
    if (unmade) {
        m->origins[run] = (model_origin){.base = 0};
    }
}

void model_lay(model *m, const model_write *write) {
    add_version(
        cell_of(m, write->run, write->kind, write->key),
        (model_version){.deleted = write->deletes,
                        .value = write->value,
                        .expires_us = write->expires_us == 0 ? INT64_MAX : write->expires_us});
}

void model_lift(model *m, const model_write *write) {
    cell_of(m, write->run, write->kind, write->key)->count--;
}

void model_cut(model *m, uint64_t version) {
    while (m->log_count > 0 && m->log[m->log_count - 1].number > version) {
        m->log[--m->log_count].cell->count--;
    }
    m->marked = false;
    m->last = version < m->last ? version : m->last;
    for (unsigned run = 0; run < MODEL_RUNS_MAX; run++) {
        cut_run(m, run, version);
        m->newest_us[run] = m->origins[run].base > 0 ? m->origins[run].made_us : INT64_MIN;
    }
    for (size_t i = 0; i < m->log_count; i++) {
        m->newest_us[m->log[i].run] = m->log[i].timestamp_us;
    }
}

uint64_t model_at_time(const model *m, unsigned run, uint64_t snapshot, int64_t time_us) {
    for (size_t i = m->log_count; i > 0; i--) {
        const model_entry *entry = &m->log[i - 1];
        if (entry->run == run && entry->number <= snapshot && entry->timestamp_us <= time_us) {
            return entry->number;
        }
    }
    const model_origin *origin = &m->origins[run];
    return origin->base == 0
               ? 0
               : model_at_time(m, origin->base, snapshot < origin->at ? snapshot : origin->at,
                               time_us);
}

/* The last one is looked at first: mostly it is the one, and what is laid has the number 0. */
const model_version *model_seen(const model_cell *cell, uint64_t snapshot) {
    size_t low = 0;
    size_t high = cell->count;
    if (high > 0 && cell->versions[high - 1].number <= snapshot) {
        return &cell->versions[high - 1];
    }
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (cell->versions[middle].number <= snapshot) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? NULL : &cell->versions[low - 1];
}

const model_version *model_find(const model *m, unsigned run, model_kind kind, strata_slice key,
                                uint64_t snapshot) {
    const model_table *table = &m->tables[run][kind];
    const size_t place = place_of(table, key);
    if (place == table->count || !st_slice_equal(table->cells[place]->key, key)) {
        return NULL;
    }
    return model_seen(table->cells[place], snapshot);
}

const model_version *model_live(const model *m, unsigned run, model_kind kind, strata_slice key,
                                uint64_t snapshot) {
    const model_version *version = model_find(m, run, kind, key, snapshot);
    return version == NULL || version->deleted ? NULL : version;
}
