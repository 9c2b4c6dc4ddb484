/* compact.c - levelled compaction (O'Neil et al., "The log-structured merge-tree", 1996; the levels
 * as in LevelDB).
 *
 * Level 0 holds flushed tables, whose keys overlap; when there are four, the oldest of them, twelve
 * at most, are merged with what they overlap in level 1. Each level from 1 on is one ordered list of
 * tables and may have LEVEL_FACTOR times the bytes of the level above; when it has more, its oldest
 * table is merged with what it overlaps in the next. A table that overlaps nothing there is only
 * renamed to it. The level that is furthest over goes first: if it were always level 0, level 1 would
 * grow as long as writers do not rest, and each merge into it would rewrite all of it.
 *
 * 1. The tables merged are a contiguous piece of history: for the keys of the result, no table in
 *    between stays out. So "each level holds only older versions" (view.h) goes on to hold.
 * 2. Versions are dropped (trim.h) only where no deeper level has the key: what is below could
 *    otherwise be taken for what was dropped. A run that was deleted is dropped wherever it is, unread.
 * 3. Nothing changes for readers before st_tables_install, and everything at once.
 * Floors (floor.h) are behind all keys of their run, and so perhaps among keys of tables that stay
 * out. So they go into a small table of level 0, where ranges may overlap.
 * A function of the tables, the retention and one time: the same input gives the same bytes.
 */
#include "store/maintain/compact.h"

#include "store/maintain/trim.h"
#include "store/merge.h"
#include "store/tables.h"

enum {
    LEVEL_0_TABLES = 4,
    LEVEL_0_TABLES_MAX = 12, /* merged at once: each has a window of its file in memory */
    LEVEL_FACTOR = 10,
    LEVEL_1_MEMTABLES = 4, /* bytes of level 1, in memtables */
    TABLE_BYTES_MIN = 1 << 16,
    SCORE_FULL = 64, /* of a level that has what it may have */
};

typedef struct st_output {
    st_table_builder *builder; /* NULL: there is none */
    uint64_t number;
} st_output;

struct st_compaction {
    st_store *store;
    unsigned level; /* of the result */
    bool moves;     /* one table is only renamed to the next level */
    bool begun;
    uint64_t table_bytes; /* a table of the result ends at about so many */

    st_table **inputs;
    size_t input_count;
    st_source *sources; /* as many */
    st_source **source_list;
    st_merge merge;
    strata_error read_error; /* why a source could not be read, and in which file */

    st_output output;      /* the table that is being written */
    strata_buffer outputs; /* st_table *: those that are done */
    st_output floor_output;
    st_table *floors;  /* NULL: none */
    bool may_be_named; /* a manifest that names them may be on the disk */
    bool skipped;      /* whole runs */

    st_trim trim;
};

/* ---- Choosing -------------------------------------------------------------------------------- */

static uint64_t level_bytes(const st_level *level) {
    uint64_t sum = 0;
    for (size_t i = 0; i < level->count; i++) {
        sum += st_table_about(level->tables[i])->bytes;
    }
    return sum;
}

static uint64_t level_limit(const st_store *store, unsigned level) {
    uint64_t limit = st_memtable_limit(store) * LEVEL_1_MEMTABLES;
    for (unsigned i = 1; i < level; i++) {
        limit *= LEVEL_FACTOR;
    }
    return limit;
}

/* Deeper tables are larger, so that their number stays small. */
static uint64_t table_limit(const st_store *store, unsigned level) {
    return st_max(TABLE_BYTES_MIN, (size_t)(st_memtable_limit(store) / 2)) << (level - 1);
}

static st_trim_sink sink_of(st_compaction *compaction);

static st_compaction *make(st_store *store, unsigned level, size_t input_max) {
    const strata_allocator *memory = &store->host->memory;
    st_compaction *compaction = st_alloc_zeroed(memory, sizeof *compaction);
    if (compaction == NULL) {
        return NULL;
    }
    compaction->store = store;
    compaction->level = level;
    compaction->table_bytes = table_limit(store, level);
    compaction->outputs.host = store->host;
    const st_trim_sink sink = sink_of(compaction);
    st_trim_init(&compaction->trim, store, &sink);
    compaction->input_count = input_max; /* what there is room for, for now */
    compaction->inputs = st_alloc(memory, input_max * sizeof *compaction->inputs);
    compaction->sources = st_alloc(memory, input_max * sizeof *compaction->sources);
    compaction->source_list = st_alloc(memory, input_max * sizeof *compaction->source_list);
    if (compaction->inputs == NULL || compaction->sources == NULL ||
        compaction->source_list == NULL) {
        st_compaction_destroy(compaction);
        return NULL;
    }
    return compaction;
}

/* Takes the tables of `upper` (newest first), and then those of the list `lower`, as input. */
static void take_inputs(st_compaction *compaction, st_table *const *upper, size_t upper_count,
                        st_table *const *lower, size_t lower_count, bool upper_is_list) {
    size_t sources = 0;
    memcpy(compaction->inputs, upper, upper_count * sizeof *upper);
    if (lower_count > 0) {
        memcpy(compaction->inputs + upper_count, lower, lower_count * sizeof *lower);
    }
    for (size_t i = 0; i < upper_count; i += upper_is_list ? upper_count : 1) {
        st_source_tables(&compaction->sources[sources], compaction->inputs + i,
                         upper_is_list ? upper_count : 1, UINT64_MAX, &compaction->read_error);
        sources++;
    }
    if (lower_count > 0) {
        st_source_tables(&compaction->sources[sources], compaction->inputs + upper_count,
                         lower_count, UINT64_MAX, &compaction->read_error);
        sources++;
    }
    for (size_t i = 0; i < sources; i++) {
        compaction->source_list[i] = &compaction->sources[i];
    }
    st_merge_init(&compaction->merge, compaction->source_list, sources);
}

/* The tables of a level that overlap the keys of others: [*first, *end). */
static void find_overlap(const st_level *level, st_table *const *tables, size_t count,
                         size_t *first, size_t *end) {
    strata_slice low = st_table_about(tables[0])->first_key;
    strata_slice high = st_table_about(tables[0])->last_key;
    for (size_t i = 1; i < count; i++) {
        const st_table_info *info = st_table_about(tables[i]);
        low = st_slice_compare(info->first_key, low) < 0 ? info->first_key : low;
        high = st_slice_compare(info->last_key, high) > 0 ? info->last_key : high;
    }
    *first = st_level_seek(level, low);
    *end = *first;
    while (*end < level->count &&
           st_slice_compare(st_table_about(level->tables[*end])->first_key, high) <= 0) {
        (*end)++;
    }
}

/* The level whose turn it is, the one that has most for what it may have; ST_LEVELS: none. */
static unsigned due_level(const st_store *store, const st_view *view) {
    unsigned due = ST_LEVELS;
    uint64_t most = SCORE_FULL - 1;
    for (unsigned i = 0; view != NULL && i + 1 < ST_LEVELS; i++) {
        const st_level *level = &view->levels[i];
        const uint64_t score =
            i == 0 ? level->count * SCORE_FULL / LEVEL_0_TABLES
                   : level_bytes(level) / ((level_limit(store, i) + SCORE_FULL) / SCORE_FULL);
        if (score > most) {
            most = score;
            due = i;
        }
    }
    return due;
}

/* The table that has been in its level for longest. */
static size_t oldest_table(const st_level *level) {
    size_t oldest = 0;
    for (size_t i = 1; i < level->count; i++) {
        if (st_table_about(level->tables[i])->number <
            st_table_about(level->tables[oldest])->number) {
            oldest = i;
        }
    }
    return oldest;
}

strata_status st_compaction_pick(st_store *store, st_compaction **out, strata_error *error) {
    const st_view *view = st_tables_view(store);
    const unsigned from = due_level(store, view);
    *out = NULL;
    if (from == ST_LEVELS) {
        return STRATA_OK;
    }
    const st_level *upper = &view->levels[from];
    const st_level *lower = &view->levels[from + 1];
    const size_t count = from == 0 ? st_min(upper->count, LEVEL_0_TABLES_MAX) : 1;
    const size_t at = from == 0 ? upper->count - count : oldest_table(upper);
    size_t first;
    size_t end;
    find_overlap(lower, upper->tables + at, count, &first, &end);
    st_compaction *compaction = make(store, from + 1, count + (end - first));
    if (compaction == NULL) {
        return st_fail_memory(error);
    }
    take_inputs(compaction, upper->tables + at, count, lower->tables + first, end - first, false);
    compaction->moves = from > 0 && first == end;
    *out = compaction;
    return STRATA_OK;
}

/* The first level that everything fits in, and below which there is nothing. */
static unsigned level_for_all(const st_store *store, const st_view *view) {
    const uint64_t bytes = st_tables_bytes(view);
    unsigned level = 1;
    while (level + 1 < ST_LEVELS && bytes > level_limit(store, level)) {
        level++;
    }
    for (unsigned i = level + 1; i < ST_LEVELS; i++) {
        level = view->levels[i].count > 0 ? i : level;
    }
    return level;
}

strata_status st_compaction_full(st_store *store, st_compaction **out, strata_error *error) {
    const st_view *view = st_tables_view(store);
    *out = NULL;
    if (view == NULL) {
        return STRATA_OK;
    }
    size_t count = 0;
    for (unsigned i = 0; i < ST_LEVELS; i++) {
        count += view->levels[i].count;
    }
    if (count == 0) {
        return STRATA_OK;
    }
    st_compaction *compaction = make(store, level_for_all(store, view), count);
    if (compaction == NULL) {
        return st_fail_memory(error);
    }
    size_t taken = 0;
    size_t sources = 0;
    for (unsigned i = 0; i < ST_LEVELS; i++) {
        const st_level *level = &view->levels[i];
        for (size_t j = 0; j < level->count; j++) {
            compaction->inputs[taken++] = level->tables[j];
        }
    }
    taken = 0;
    for (unsigned i = 0; i < ST_LEVELS; i++) {
        const size_t in_list = view->levels[i].count;
        for (size_t j = 0; j < in_list; j += i == 0 ? 1 : in_list) {
            const size_t length = i == 0 ? 1 : in_list;
            compaction->source_list[sources] = &compaction->sources[sources];
            st_source_tables(&compaction->sources[sources], compaction->inputs + taken, length,
                             UINT64_MAX, &compaction->read_error);
            sources++;
            taken += length;
        }
    }
    st_merge_init(&compaction->merge, compaction->source_list, sources);
    *out = compaction;
    return STRATA_OK;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static strata_status finish_output(st_compaction *compaction, st_output *output, st_table **table,
                                   strata_error *error) {
    st_table_info info;
    ST_TRY(st_table_builder_finish(output->builder, &info, error));
    ST_TRY(st_tables_open(compaction->store, output->number, table, error));
    st_table_builder_destroy(output->builder);
    output->builder = NULL;
    return STRATA_OK;
}

static strata_status finish_table(st_compaction *compaction, strata_error *error) {
    st_table *table = NULL;
    if (compaction->output.builder == NULL) {
        return STRATA_OK;
    }
    if (st_buffer_reserve(&compaction->outputs, sizeof(st_table *)) != STRATA_OK) {
        return st_fail_memory(error);
    }
    ST_TRY(finish_output(compaction, &compaction->output, &table, error));
    return st_buffer_append(&compaction->outputs, (const void *)&table, sizeof(st_table *));
}

static strata_status write_entry(void *ctx, strata_slice key, const st_revision *revision,
                                 strata_error *error) {
    st_compaction *compaction = ctx;
    const bool is_floor = ((const uint8_t *)key.data)[8] == ST_TAG_FLOOR;
    st_output *output = is_floor ? &compaction->floor_output : &compaction->output;
    if (output->builder == NULL) {
        st_table_spec spec;
        output->number = st_tables_next_number(compaction->store);
        st_tables_spec(compaction->store, output->number, &spec);
        ST_TRY(st_table_builder_create(&spec, &output->builder, error));
    }
    return st_table_builder_add(output->builder, key, revision, error);
}

/* Whether a level below the result has the key. */
static bool is_deeper(void *ctx, strata_slice key) {
    const st_compaction *compaction = ctx;
    const st_view *view = st_tables_view(compaction->store);
    for (unsigned i = compaction->level + 1; i < ST_LEVELS; i++) {
        if (st_level_find(&view->levels[i], key) != NULL) {
            return true;
        }
    }
    return false;
}

static st_trim_sink sink_of(st_compaction *compaction) {
    const st_trim_sink sink = {compaction, write_entry, is_deeper};
    return sink;
}

/* What a source has told, passed on to whoever asked for this step. */
static strata_status read_input(const st_compaction *compaction, strata_status status,
                                strata_error *error) {
    if (status == STRATA_OK) {
        return STRATA_OK;
    }
    if (compaction->read_error.code != status) {
        return st_fail(error, status, "a table that is being merged could not be read (%s)",
                       strata_status_name(status));
    }
    if (error != NULL) {
        *error = compaction->read_error;
    }
    return status;
}

/* The entry that the merge stands at. */
static strata_status take_entry(st_compaction *compaction, size_t *bytes, strata_error *error) {
    st_revision revision = compaction->merge.top->revision;
    if (!st_trim_wants(&compaction->trim, &revision)) {
        return STRATA_OK;
    }
    ST_TRY(read_input(compaction, st_merge_value(&compaction->merge, &revision.value), error));
    *bytes += revision.value.len + compaction->trim.key_len;
    return st_trim_take(&compaction->trim, &revision, error);
}

/* A table ends between two keys. */
static strata_status begin_key(st_compaction *compaction, strata_slice key, strata_error *error) {
    ST_TRY(st_trim_key(&compaction->trim, key, error));
    const st_table_builder *builder = compaction->output.builder;
    return builder != NULL && st_table_builder_bytes(builder) >= compaction->table_bytes
               ? finish_table(compaction, error)
               : STRATA_OK;
}

/* ---- Stepping -------------------------------------------------------------------------------- */

static strata_status install(st_compaction *compaction, strata_error *error) {
    st_install change = {.change = {compaction->inputs, compaction->input_count,
                                    (st_table **)(void *)compaction->outputs.data,
                                    compaction->outputs.len / sizeof(st_table *), compaction->level,
                                    compaction->floors},
                         .floor_version = compaction->trim.floor.version,
                         .floor_us = compaction->trim.floor.time_us,
                         .trims = compaction->trim.versions_removed > 0 || compaction->skipped
                                      ? compaction->trim.captures
                                      : 0,
                         .moves = compaction->moves};
    if (compaction->moves) {
        change.change.added = compaction->inputs;
        change.change.added_count = compaction->input_count;
    }
    st_merge_release(&compaction->merge);
    compaction->may_be_named = true;
    ST_TRY(st_tables_install(compaction->store, &change, error));
    compaction->outputs.len = 0; /* they are the view's now */
    compaction->floors = NULL;
    atomic_fetch_add_explicit(&compaction->store->maintenance->compactions, 1,
                              memory_order_relaxed);
    return STRATA_OK;
}

/* Past the run that the merge stands in, unread. */
static strata_status skip_run(st_compaction *compaction, strata_error *error) {
    uint8_t next[8];
    store64_be(next, load64_be(compaction->merge.top->key.data) + 1);
    compaction->skipped = true;
    return read_input(compaction,
                      st_merge_seek(&compaction->merge, st_slice(next, sizeof next), UINT64_MAX),
                      error);
}

static strata_status merge_some(st_compaction *compaction, uint64_t bytes_max, uint64_t *merged,
                                strata_error *error) {
    st_merge *merge = &compaction->merge;
    const st_trim *trim = &compaction->trim;
    size_t bytes = 0;
    if (!compaction->begun) {
        ST_TRY(read_input(compaction, st_merge_seek(merge, st_slice("", 0), UINT64_MAX), error));
        compaction->begun = true;
    }
    while (st_merge_here(merge) && bytes < bytes_max) {
        if (!st_slice_equal(merge->top->key, st_trim_key_now(trim))) {
            ST_TRY(begin_key(compaction, merge->top->key, error));
        }
        if (st_trim_run_goes(trim)) {
            ST_TRY(skip_run(compaction, error));
            continue;
        }
        ST_TRY(take_entry(compaction, &bytes, error));
        ST_TRY(read_input(compaction, st_merge_next(merge), error));
        bytes += sizeof(st_revision);
    }
    *merged = bytes;
    return STRATA_OK;
}

strata_status st_compaction_step(st_compaction *compaction, uint64_t bytes_max, uint64_t *merged,
                                 bool *done, strata_error *error) {
    *done = false;
    *merged = 0;
    if (!compaction->moves) {
        ST_TRY(merge_some(compaction, bytes_max, merged, error));
        if (st_merge_here(&compaction->merge)) {
            return STRATA_OK;
        }
        ST_TRY(st_trim_finish(&compaction->trim, error));
        ST_TRY(finish_table(compaction, error));
        if (compaction->floor_output.builder != NULL) {
            ST_TRY(
                finish_output(compaction, &compaction->floor_output, &compaction->floors, error));
        }
    }
    ST_TRY(install(compaction, error));
    *done = true;
    return STRATA_OK;
}

void st_compaction_destroy(st_compaction *compaction) {
    if (compaction == NULL) {
        return;
    }
    st_store *store = compaction->store;
    const strata_allocator *memory = &store->host->memory;
    st_merge_release(&compaction->merge);
    st_table_builder_destroy(compaction->output.builder);
    st_table_builder_destroy(compaction->floor_output.builder);
    if (compaction->floors != NULL) {
        st_tables_close(store, compaction->floors, !compaction->may_be_named);
    }
    for (size_t i = 0; i < compaction->outputs.len / sizeof(st_table *); i++) {
        st_tables_close(store, ((st_table **)(void *)compaction->outputs.data)[i],
                        !compaction->may_be_named);
    }
    strata_buffer_free(&compaction->outputs);
    st_trim_free(&compaction->trim);
    st_free(memory, compaction->inputs, compaction->input_count * sizeof *compaction->inputs);
    st_free(memory, compaction->sources, compaction->input_count * sizeof *compaction->sources);
    st_free(memory, compaction->source_list,
            compaction->input_count * sizeof *compaction->source_list);
    st_free(memory, compaction, sizeof *compaction);
}

uint64_t st_compaction_versions_removed(const st_compaction *compaction) {
    return compaction->trim.versions_removed;
}
