/* part_file.c - a part in an index segment.
 *
 * 1. What is read is what was written, or an error: pages have checksums. What a page says is checked all the same
 *    before anything follows it: links name nodes that there are, levels lie within `upper`, keys begin within
 *    theirs. So a file that an enemy made leads a search astray, but nowhere else.
 * 2. Entries are read at once, as they change (`to`); other sections chunk by chunk, when a row of them is needed.
 * 3. A chunk is a whole number of pages, and a page a whole number of rows. Of a part that is paged (row_pool.h) it is
 *    one page.
 * Rejected: mapping the file. No host but the native one can, and a page that is damaged would be a signal.
 */
#include "index/vector/part_file.h"

#include "base/limits.h"

enum {
    CODES = 1,
    ENTRIES,
    KEYS,
    TABLE,
    LINKS,
    PLACES,
    UPPER,
    FORM = 1,
    LINKED = 1,
    PAST = 2,
    FLAT = 4,
    KEYS_BEHIND = 257, /* rows of zeros */
    UPPER_BEHIND = ST_GRAPH_LEVELS_MAX,
    NOTE_MAX = 512 << 10,
};

struct st_part_file {
    st_row_source source; /* first */
    const strata_host *host;
    st_segment_file file;
    st_part *part;
    bool abandoned;
    uint64_t known;
    char path[];
};

static uint32_t page_bytes_of(uint32_t stride, uint32_t rows, uint32_t most) {
    return stride << st_rows_shift(stride, rows, most);
}

/* Entries are read all at once. */
static uint32_t page_bytes(uint32_t section, uint32_t stride, uint32_t rows) {
    return page_bytes_of(stride, rows,
                         section == ENTRIES ? ST_ROWS_CHUNK_SMALL : ST_ROWS_CHUNK_PAGED);
}

/* ---- Saving ---------------------------------------------------------------------------------- */

static strata_status put_rows(st_segment_writer *writer, uint32_t section, const st_rows *rows,
                              uint32_t count, uint32_t behind) {
    static const uint8_t zeros[ST_GRAPH_LINKS * sizeof(st_link)];
    const uint32_t all = count + behind;
    ST_TRY(st_segment_writer_section(writer, section, page_bytes(section, rows->stride, all)));
    for (uint32_t row = 0; row < count;) {
        const uint32_t chunk = UINT32_C(1) << rows->shift;
        const uint32_t run = (uint32_t)st_min(count - row, chunk - row % chunk);
        ST_TRY(st_segment_writer_put(writer, st_rows_at(rows, row), (size_t)run * rows->stride));
        row += run;
    }
    for (uint32_t i = 0; i < behind; i++) {
        ST_TRY(st_segment_writer_put(writer, zeros, rows->stride));
    }
    return STRATA_OK;
}

/* One by one: entries may end meanwhile. */
static strata_status put_entries(st_segment_writer *writer, const st_part *part, uint32_t count) {
    ST_TRY(
        st_segment_writer_section(writer, ENTRIES, page_bytes(ENTRIES, sizeof(st_entry), count)));
    for (uint32_t row = 0; row < count; row++) {
        const st_entry *entry = st_part_entry(part, row);
        uint8_t bytes[sizeof(st_entry)];
        store64_le(bytes, entry->from);
        store64_le(bytes + 8, st_entry_to(entry));
        store32_le(bytes + 16, entry->key);
        store32_le(bytes + 20, entry->hash);
        ST_TRY(st_segment_writer_put(writer, bytes, sizeof bytes));
    }
    return STRATA_OK;
}

static strata_status put_sections(st_segment_writer *writer, const st_part *part) {
    const st_graph *graph = &part->graph;
    const uint32_t count = st_part_count(part);
    ST_TRY(put_rows(writer, CODES, &graph->codes, count, 0));
    ST_TRY(put_entries(writer, part, count));
    ST_TRY(put_rows(writer, KEYS, &part->keys, part->keys_used, KEYS_BEHIND));
    ST_TRY(put_rows(writer, TABLE, &part->table, part->table.capacity, 0));
    if (part->linked) {
        ST_TRY(put_rows(writer, LINKS, &graph->links, count, 0));
        ST_TRY(put_rows(writer, PLACES, &graph->places, count, 0));
        ST_TRY(put_rows(writer, UPPER, &graph->upper, graph->upper_count, UPPER_BEHIND));
    }
    return STRATA_OK;
}

static strata_status encode_about(const st_part *part, strata_slice note, strata_buffer *out) {
    const st_codec *codec = part->graph.codec;
    unsigned level;
    const uint32_t entry = st_graph_entry(&part->graph, &level);
    ST_TRY(st_buffer_reserve(out, 160 + note.len));
    uint8_t *p = out->data;
    *p++ = FORM;
    p = st_varint_put(p, (uint64_t)codec->metric);
    p = st_varint_put(p, (uint64_t)codec->kind);
    p = st_varint_put(p, codec->dimension);
    store64_le(p, part->graph.seed);
    p = st_varint_put(p + 8, st_part_count(part));
    *p++ =
        (uint8_t)((part->linked ? LINKED : 0) | (part->past ? PAST : 0) | (part->flat ? FLAT : 0));
    p = st_varint_put(p, part->from_max);
    p = st_varint_put(p, part->to_max);
    p = st_varint_put(p, part->keys_used);
    p = st_varint_put(p, part->graph.upper_count);
    p = st_varint_put(p, level);
    p = st_varint_put(p, entry);
    p = st_varint_put(p, note.len);
    if (note.len > 0) {
        memcpy(p, note.data, note.len);
    }
    out->len = (size_t)(p - out->data) + note.len;
    return STRATA_OK;
}

strata_status st_part_save(const st_part *part, const st_segment_spec *spec, strata_slice note,
                           uint64_t *bytes, strata_error *error) {
    st_segment_writer writer;
    strata_buffer about = {NULL, 0, 0, spec->host};
    ST_ASSERT(note.len <= NOTE_MAX && st_part_count(part) > 0);
    if (encode_about(part, note, &about) != STRATA_OK) {
        strata_buffer_free(&about);
        return st_fail_memory(error);
    }
    strata_status status = st_segment_writer_begin(&writer, spec, error);
    if (status == STRATA_OK) {
        status = put_sections(&writer, part);
    }
    if (status != STRATA_OK) {
        st_segment_writer_abort(&writer);
    } else {
        status = st_segment_writer_finish(&writer, st_buffer_slice(&about), bytes);
    }
    strata_buffer_free(&about);
    return status;
}

/* ---- Loading --------------------------------------------------------------------------------- */

static bool links_hold(const uint8_t *bytes, size_t len, uint32_t count) {
    bool hold = true;
    for (size_t at = 0; at < len; at += 4) {
        const uint32_t link = load32_le(bytes + at);
        hold &= (link < count) | (link == ST_NO_NODE);
    }
    return hold;
}

static bool places_hold(const uint8_t *bytes, size_t len, uint32_t upper_count) {
    bool hold = true;
    for (size_t at = 0; at < len; at += 4) {
        hold &= load32_le(bytes + at) / ST_GRAPH_LEVELS_MAX <= upper_count;
    }
    return hold;
}

static bool chunk_holds(const st_part_file *self, uint32_t section, const uint8_t *bytes,
                        size_t len) {
    const st_part *part = self->part;
    return section == LINKS || section == UPPER ? links_hold(bytes, len, part->capacity)
           : section == PLACES                  ? places_hold(bytes, len, part->graph.upper_count)
                                                : true;
}

static strata_status load_chunk(st_row_source *source, uint32_t id, uint32_t chunk, uint8_t *into,
                                size_t len) {
    const st_part_file *self = (const st_part_file *)(void *)source;
    const st_segment_section *section = st_segment_find(&self->file, id);
    strata_error unused = {.code = STRATA_OK};
    const st_rows *rows = id == CODES    ? &self->part->graph.codes
                          : id == KEYS   ? &self->part->keys
                          : id == TABLE  ? &self->part->table
                          : id == LINKS  ? &self->part->graph.links
                          : id == PLACES ? &self->part->graph.places
                                         : &self->part->graph.upper;
    const uint64_t first = (uint64_t)rows->stride * ((uint64_t)chunk << rows->shift);
    for (size_t at = 0; at < len; at += section->page_bytes) {
        ST_TRY(st_segment_read(&self->file, section, (first + at) / section->page_bytes, into + at,
                               &unused));
    }
    return chunk_holds(self, id, into, len) ? STRATA_OK : STRATA_CORRUPT;
}

typedef struct about {
    uint64_t metric;
    uint64_t kind;
    uint64_t dimension;
    uint64_t seed;
    uint64_t count;
    uint8_t flags;
    uint64_t from_max;
    uint64_t to_max;
    uint64_t keys_used;
    uint64_t upper_count;
    uint64_t level;
    uint64_t entry;
    strata_slice note;
} about;

static bool decode_about(strata_slice bytes, about *a) {
    *a = (about){.seed = 0};
    st_cursor cursor = st_cursor_over(bytes);
    strata_slice seed;
    uint8_t form;
    const bool good =
        st_cursor_u8(&cursor, &form) && form == FORM && st_cursor_varint(&cursor, &a->metric) &&
        st_cursor_varint(&cursor, &a->kind) && st_cursor_varint(&cursor, &a->dimension) &&
        st_cursor_take(&cursor, 8, &seed) && st_cursor_varint(&cursor, &a->count) &&
        st_cursor_u8(&cursor, &a->flags) && st_cursor_varint(&cursor, &a->from_max) &&
        st_cursor_varint(&cursor, &a->to_max) && st_cursor_varint(&cursor, &a->keys_used) &&
        st_cursor_varint(&cursor, &a->upper_count) && st_cursor_varint(&cursor, &a->level) &&
        st_cursor_varint(&cursor, &a->entry) && st_cursor_sized(&cursor, &a->note);
    a->seed = good ? load64_le(seed.data) : 0;
    return good && a->count > 0 && a->count <= ST_GRAPH_NODES_MAX && a->keys_used < INT32_MAX &&
           a->upper_count < INT32_MAX && a->level < ST_GRAPH_LEVELS_MAX &&
           (a->entry < a->count || (a->flags & LINKED) == 0);
}

/* The section has exactly so many rows, in pages as we make them, or as we made them at first. */
static bool has_rows(const st_segment_file *file, uint32_t id, uint32_t stride, uint64_t rows) {
    const st_segment_section *section = st_segment_find(file, id);
    return section != NULL && section->bytes == rows * stride &&
           (section->page_bytes == page_bytes(id, stride, (uint32_t)rows) ||
            section->page_bytes == page_bytes_of(stride, (uint32_t)rows, ST_ROWS_CHUNK_SMALL));
}

static bool sections_hold(const st_segment_file *file, const st_codec *codec, const about *a) {
    const st_segment_section *table = st_segment_find(file, TABLE);
    const uint64_t slots = table == NULL ? 0 : table->bytes / 4;
    const bool linked = (a->flags & LINKED) != 0;
    return has_rows(file, CODES, codec->stride, a->count) &&
           has_rows(file, ENTRIES, sizeof(st_entry), a->count) &&
           has_rows(file, KEYS, 4, a->keys_used + KEYS_BEHIND) && slots > a->count &&
           slots <= UINT32_MAX / 2 + 1 && (slots & (slots - 1)) == 0 &&
           has_rows(file, TABLE, 4, slots) &&
           (!linked || (has_rows(file, LINKS, ST_GRAPH_LINKS_0 * sizeof(st_link), a->count) &&
                        has_rows(file, PLACES, 4, a->count) &&
                        has_rows(file, UPPER, ST_GRAPH_LINKS * sizeof(st_link),
                                 a->upper_count + UPPER_BEHIND)));
}

static strata_status attach(st_part *part, st_rows *rows, uint32_t stride, uint32_t section) {
    st_row_source *source = &part->file->source;
    const st_segment_section *of = st_segment_find(&part->file->file, section);
    const uint32_t chunk = source->pool != NULL ? of->page_bytes
                           : section == KEYS    ? ST_ROWS_CHUNK_SMALL
                                                : ST_ROWS_CHUNK_LARGE;
    return st_rows_attach(rows, part->memory, stride, (uint32_t)(of->bytes / stride), chunk, source,
                          section);
}

static strata_status attach_all(st_part *part, uint32_t count) {
    st_graph *graph = &part->graph;
    ST_TRY(attach(part, &graph->codes, graph->codec->stride, CODES));
    ST_TRY(attach(part, &part->keys, 4, KEYS));
    ST_TRY(attach(part, &part->table, 4, TABLE));
    if (part->linked) {
        ST_TRY(attach(part, &graph->links, ST_GRAPH_LINKS_0 * sizeof(st_link), LINKS));
        ST_TRY(attach(part, &graph->places, 4, PLACES));
        ST_TRY(attach(part, &graph->upper, ST_GRAPH_LINKS * sizeof(st_link), UPPER));
    }
    return st_rows_init(&part->entries, part->memory, sizeof(st_entry), count, ST_ROWS_CHUNK_LARGE);
}

/* Entries come from little-endian bytes; to is in place when readers come. */
static bool decode_entries(st_part *part, uint32_t first, uint32_t count, const uint8_t *bytes) {
    bool good = true;
    for (uint32_t i = 0; i < count; i++, bytes += sizeof(st_entry)) {
        st_entry *entry = st_part_entry(part, first + i);
        const uint64_t to = load64_le(bytes + 8);
        entry->from = load64_le(bytes);
        entry->key = load32_le(bytes + 16);
        entry->hash = load32_le(bytes + 20);
        atomic_init(&entry->to, to);
        part->ended += to != ST_VECTOR_FOREVER;
        good = good && entry->from <= to && entry->from <= part->from_max &&
               entry->key < part->keys_used &&
               (to == ST_VECTOR_FOREVER ? !part->past : to <= part->to_max);
    }
    return good;
}

static strata_status load_entries(st_part *part, strata_error *error) {
    const st_segment_file *file = &part->file->file;
    const st_segment_section *section = st_segment_find(file, ENTRIES);
    const uint32_t rows = section->page_bytes / (uint32_t)sizeof(st_entry);
    uint8_t *page = st_alloc(part->memory, section->page_bytes);
    strata_status status = page == NULL ? st_fail_memory(error) : STRATA_OK;
    if (status == STRATA_OK && st_rows_reach(&part->entries, part->capacity) != STRATA_OK) {
        status = st_fail_memory(error);
    }
    for (uint64_t i = 0; i < st_segment_pages(section) && status == STRATA_OK; i++) {
        const uint32_t first = (uint32_t)i * rows;
        const uint32_t count = (uint32_t)st_min(rows, part->capacity - first);
        status = st_segment_read(file, section, i, page, error);
        if (status == STRATA_OK && !decode_entries(part, first, count, page)) {
            status = st_segment_corrupt(file, section->offset + i * section->page_bytes,
                                        "an entry is malformed", error);
        }
    }
    st_free(part->memory, page, section->page_bytes);
    return status;
}

/* All of the part in memory, if it may be, or pages of it. */
static void ask_for_memory(st_part *part, st_row_pool *pool) {
    const uint64_t bytes = part->file->file.bytes;
    if (pool == NULL) {
        return;
    }
    part->pool = pool;
    part->asked = bytes;
    part->paged = !st_row_pool_grant(pool, bytes, 0);
    if (part->paged) {
        part->file->source.pool = pool;
        st_row_pool_refuse(pool, bytes);
    }
}

static strata_status make_part(st_part *part, const about *a, strata_error *error) {
    part->capacity = (uint32_t)a->count;
    part->linked = (a->flags & LINKED) != 0;
    part->past = (a->flags & PAST) != 0;
    part->flat = (a->flags & FLAT) != 0;
    part->from_max = a->from_max;
    part->keys_used = (uint32_t)a->keys_used;
    part->graph.capacity = part->capacity;
    part->graph.upper_count = (uint32_t)a->upper_count;
    atomic_init(&part->to_max, a->to_max);
    atomic_init(&part->graph.top, a->level << 32 | (uint32_t)a->entry);
    if (attach_all(part, part->capacity) != STRATA_OK) {
        return st_fail_memory(error);
    }
    ST_TRY(load_entries(part, error));
    atomic_init(&part->count, part->capacity);
    return STRATA_OK;
}

/* The file as a part has it; spec->path is copied. */
static st_part_file *make_file(const st_segment_spec *spec, st_part *part) {
    const size_t len = strlen(spec->path) + 1;
    st_part_file *self = st_alloc_zeroed(&spec->host->memory, sizeof *self + len);
    if (self != NULL) {
        memcpy(self->path, spec->path, len);
        self->host = spec->host;
        self->part = part;
        self->file.spec = *spec;
        self->file.spec.path = self->path;
        self->source.load = load_chunk;
        self->source.executor = &spec->host->executor;
        st_mutex_init(&self->source.lock);
        part->file = self;
    }
    return self;
}

strata_status st_part_saved(st_part *part, const st_segment_spec *spec, uint64_t bytes,
                            uint64_t known) {
    st_part_file *self = make_file(spec, part);
    if (self == NULL) {
        return STRATA_NO_MEMORY;
    }
    self->file.bytes = bytes;
    self->known = known;
    return STRATA_OK;
}

uint64_t st_part_file_known(const st_part *part) {
    return part->file->known;
}

void st_part_file_set_known(st_part *part, uint64_t known) {
    part->file->known = known;
}

bool st_part_note_of(const st_segment_file *file, strata_slice *note) {
    about a;
    const bool good = decode_about(file->about, &a);
    *note = a.note;
    return good;
}

static strata_status load_part(st_part *part, const st_part_kind *kind, const st_segment_spec *spec,
                               strata_slice *note, strata_error *error) {
    const st_codec *codec = kind->codec;
    about a;
    st_part_file *self = make_file(spec, part);
    if (self == NULL) {
        return st_fail_memory(error);
    }
    const st_segment_spec own = self->file.spec;
    ST_TRY(st_segment_open(&self->file, &own, error));
    if (!decode_about(self->file.about, &a) || a.metric != (uint64_t)codec->metric ||
        a.kind != (uint64_t)codec->kind || a.dimension != codec->dimension ||
        a.seed != kind->seed || !sections_hold(&self->file, codec, &a)) {
        return st_segment_corrupt(&self->file, 0, "it is not of this collection", error);
    }
    *note = a.note;
    ask_for_memory(part, kind->pool);
    return make_part(part, &a, error);
}

strata_status st_part_load(const st_part_kind *kind, const st_segment_spec *spec, st_part **part,
                           strata_slice *note, strata_error *error) {
    const strata_host *host = spec->host;
    st_part *made = st_alloc_zeroed(&host->memory, sizeof *made);
    if (made == NULL) {
        return st_fail_memory(error);
    }
    made->memory = &host->memory;
    made->graph.codec = kind->codec;
    made->graph.memory = &host->memory;
    made->graph.executor = &host->executor;
    made->graph.seed = kind->seed;
    st_mutex_init(&made->filters_lock);
    const strata_status status = load_part(made, kind, spec, note, error);
    if (status != STRATA_OK) {
        st_part_destroy(made);
        return status;
    }
    *part = made;
    return STRATA_OK;
}

/* ---- The file of a part ---------------------------------------------------------------------- */

uint64_t st_part_file_number(const st_part *part, uint64_t *bytes) {
    if (bytes != NULL) {
        *bytes = part->file == NULL ? 0 : part->file->file.bytes;
    }
    return part->file == NULL ? 0 : part->file->file.spec.number;
}

const st_segment_spec *st_part_file_spec(const st_part *part) {
    return &part->file->file.spec;
}

strata_status st_part_failure(const st_part *part) {
    return part->file == NULL ? STRATA_OK
                              : (strata_status)atomic_load_explicit(&part->file->source.failure,
                                                                    memory_order_acquire);
}

strata_status st_part_tell_failure(const st_part *part, strata_error *error) {
    const strata_status status = st_part_failure(part);
    return status == STRATA_OK ? STRATA_OK
           : status == STRATA_CORRUPT
               ? st_segment_corrupt(&part->file->file, 0, "a page does not hold", error)
           : status == STRATA_NO_MEMORY
               ? st_fail_memory(error)
               : st_fail(error, status, "an index segment could not be read (%s)",
                         strata_status_name(status));
}

void st_part_file_abandon(st_part *part) {
    if (part->file != NULL) {
        part->file->abandoned = true;
    }
}

/* Errors: as st_part_load. */
static strata_status read_all(st_part *part, st_row_reader *reader) {
    st_rows *const all[] = {&part->graph.codes,  &part->keys,        &part->table,
                            &part->graph.places, &part->graph.upper, &part->graph.links};
    for (size_t i = 0; i < (part->linked ? 6u : 3u); i++) {
        ST_TRY(st_rows_load(all[i], reader));
    }
    return STRATA_OK;
}

/* How the part in the file is coded. */
static strata_status read_codec(const st_segment_spec *spec, st_codec *codec, uint64_t *seed,
                                strata_error *error) {
    st_segment_file file;
    about a;
    strata_status status = st_segment_open(&file, spec, error);
    if (status == STRATA_OK &&
        (!decode_about(file.about, &a) || a.metric > ST_METRIC_DOT || a.kind > ST_CODE_B1 ||
         a.dimension == 0 || a.dimension > ST_DIMENSION_MAX)) {
        status = st_segment_corrupt(&file, 0, "what it says of itself is malformed", error);
    }
    if (status == STRATA_OK) {
        *codec = st_codec_of((st_vector_metric)a.metric, (st_code_kind)a.kind,
                             (uint32_t)a.dimension, st_vector_kernels_best());
        *seed = a.seed;
    }
    st_segment_close(&file, false);
    return status;
}

/* All pages are there, and what they say holds. Errors: internal, and those of reading. */
static strata_status check_part(st_part *part, st_row_pool *pool, strata_error *detail) {
    st_row_reader reader;
    st_row_reader_open(&reader, pool);
    st_row_reader_enter(&reader);
    strata_status status = read_all(part, &reader);
    if (status == STRATA_OK) {
        status = st_part_check(part, &reader, detail);
    }
    st_row_reader_leave(&reader);
    st_row_reader_close(&reader);
    /* A page may not have been read a second time. */
    const strata_status failure = st_part_failure(part);
    return failure == STRATA_OK ? status : failure;
}

strata_status st_part_file_check(const st_segment_spec *spec, st_row_pool *pool,
                                 strata_error *error) {
    st_codec codec;
    st_part_kind kind = {&codec, 0, pool};
    st_part *part;
    strata_slice unused;
    strata_error detail = {.code = STRATA_OK};
    ST_TRY(read_codec(spec, &codec, &kind.seed, error));
    ST_TRY(st_part_load(&kind, spec, &part, &unused, error));
    strata_status status = check_part(part, pool, &detail);
    if (status == STRATA_CORRUPT || status == STRATA_INTERNAL) {
        status = st_segment_corrupt(
            &part->file->file, 0,
            status == STRATA_INTERNAL ? detail.message : "a page does not hold", error);
    } else if (status != STRATA_OK) {
        status = st_fail(error, status, "an index segment could not be read (%s)",
                         strata_status_name(status));
    }
    st_part_destroy(part);
    return status;
}

void st_part_file_close(st_part *part) {
    st_part_file *self = part->file;
    if (self != NULL) {
        st_segment_close(&self->file, self->abandoned);
        st_free(&self->host->memory, self, sizeof *self + strlen(self->path) + 1);
        part->file = NULL;
    }
}
