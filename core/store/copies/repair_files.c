/* repair_files.c - the files of a repair: what there is, what is set aside, what a table still holds.
 *
 * What is set aside is copied and synced first; the original goes at the very end, when a MANIFEST
 * without it is durable. A copy never takes the place of another file in LOST.
 */
#include "store/copies/repair_private.h"

#include "base/sort.h"
#include "store/copies/salvage.h"
#include "store/file_name.h"
#include "store/folder.h"

enum { COPY_BYTES = 256 << 10, ASIDE_TRIES = 1000 };

/* ---- Telling --------------------------------------------------------------------------------- */

st_repair_item *st_repair_tell(st_repair_state *r, const char *file, const char *what) {
    st_repair_report *report = r->report;
    st_repair_item *item = NULL;
    report->changed = true;
    if (report->item_count < ST_PROBLEMS_MAX) {
        item = &report->items[report->item_count];
        st_format(item->file, sizeof item->file, "%s", file);
        st_format(item->what, sizeof item->what, "%s", what);
        item->moved[0] = '\0';
        item->kept = 0;
    }
    report->item_count++;
    return item;
}

/* ---- Setting aside --------------------------------------------------------------------------- */

static strata_status copy_bytes(const strata_host *host, strata_file *from, strata_file *to,
                                uint8_t *buffer) {
    const strata_storage *storage = &host->storage;
    uint64_t offset = 0;
    size_t got = COPY_BYTES;
    while (got == COPY_BYTES) {
        ST_TRY(storage->read_at(storage->ctx, from, offset, buffer, COPY_BYTES, &got));
        if (got > 0) {
            ST_TRY(storage->append(storage->ctx, to, buffer, got));
        }
        offset += got;
    }
    return storage->sync(storage->ctx, to);
}

/* Makes a new file in LOST. moved: its name inside the database. */
static strata_status make_aside(const st_repair_state *r, const char *name, strata_file **file,
                                char moved[ST_FILE_NAME_MAX]) {
    const strata_storage *storage = &r->store.host->storage;
    const char *base = name;
    char whole[ST_FILE_NAME_MAX + ST_FOLDER_BYTES_MAX];
    strata_status status = STRATA_ALREADY_EXISTS;
    for (const char *at = name; *at != '\0'; at++) {
        base = *at == '/' ? at + 1 : base;
    }
    for (uint64_t i = 1; status == STRATA_ALREADY_EXISTS && i < ASIDE_TRIES; i++) {
        if (i == 1) {
            st_format(moved, ST_FILE_NAME_MAX, "LOST/%s", base);
        } else {
            st_format(moved, ST_FILE_NAME_MAX, "LOST/%s.%u", base, i);
        }
        st_format(whole, sizeof whole, "%s/%s", r->store.path, moved);
        status =
            storage->open(storage->ctx, whole,
                          STRATA_FILE_WRITE | STRATA_FILE_CREATE | STRATA_FILE_EXCLUSIVE, file);
    }
    return status;
}

static strata_status copy_file(const st_repair_state *r, const char *name,
                               char moved[ST_FILE_NAME_MAX]) {
    const strata_host *host = r->store.host;
    const strata_storage *storage = &host->storage;
    char whole[ST_FILE_NAME_MAX + ST_FOLDER_BYTES_MAX];
    strata_file *from = NULL;
    strata_file *to = NULL;
    st_format(whole, sizeof whole, "%s/%s", r->store.path, name);
    uint8_t *buffer = st_alloc(&host->memory, COPY_BYTES);
    if (buffer == NULL) {
        return STRATA_NO_MEMORY;
    }
    strata_status status = storage->open(storage->ctx, whole, STRATA_FILE_READ, &from);
    if (status == STRATA_OK) {
        status = make_aside(r, name, &to, moved);
        if (status == STRATA_OK) {
            status = copy_bytes(host, from, to, buffer);
            const strata_status closed = storage->close(storage->ctx, to);
            status = status == STRATA_OK ? closed : status;
        }
        (void)storage->close(storage->ctx, from);
    }
    st_free(&host->memory, buffer, COPY_BYTES);
    return status;
}

strata_status st_repair_remove_later(st_repair_state *r, const char *name) {
    return st_buffer_append(&r->removals, name, strlen(name) + 1) == STRATA_OK
               ? STRATA_OK
               : st_fail_memory(r->error);
}

strata_status st_repair_copy_aside(st_repair_state *r, const char *name, char *moved, bool *there) {
    char scratch[ST_FILE_NAME_MAX];
    char *place = moved == NULL ? scratch : moved;
    place[0] = '\0';
    const strata_status status = copy_file(r, name, place);
    *there = status == STRATA_OK;
    if (status == STRATA_NOT_FOUND) {
        place[0] = '\0';
        return STRATA_OK;
    }
    return status == STRATA_OK ? STRATA_OK
                               : st_fail(r->error, status, "%s/%s could not be set aside (%s)",
                                         r->store.path, name, strata_status_name(status));
}

strata_status st_repair_set_aside(st_repair_state *r, const char *name, char *moved) {
    bool there;
    ST_TRY(st_repair_copy_aside(r, name, moved, &there));
    return there ? st_repair_remove_later(r, name) : STRATA_OK;
}

void st_repair_remove_now(const st_repair_state *r) {
    const strata_storage *storage = &r->store.host->storage;
    char whole[ST_FILE_NAME_MAX + ST_FOLDER_BYTES_MAX];
    for (size_t at = 0; at < r->removals.len;) {
        const char *name = (const char *)r->removals.data + at;
        st_format(whole, sizeof whole, "%s/%s", r->store.path, name);
        (void)storage->remove(storage->ctx, whole); /* else it is an orphan */
        at += strlen(name) + 1;
    }
}

/* ---- What there is --------------------------------------------------------------------------- */

typedef struct numbering {
    const char *head;
    const char *tail;
    strata_buffer *numbers;
} numbering;

static strata_status visit_number(void *arg, const char *name) {
    const numbering *n = arg;
    uint64_t number;
    return st_file_number(name, n->head, n->tail, &number) && number > 0
               ? st_buffer_append(n->numbers, &number, sizeof number)
               : STRATA_OK;
}

static int compare_numbers(const void *a, const void *b) {
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static strata_status list_numbers(st_repair_state *r, const char *folder, const char *head,
                                  const char *tail, strata_buffer *numbers) {
    const strata_storage *storage = &r->store.host->storage;
    char name[ST_FILE_NAME_MAX + ST_FOLDER_BYTES_MAX];
    numbering n = {head, tail, numbers};
    st_format(name, sizeof name, "%s/%s", r->store.path, folder);
    const strata_status status = storage->list(storage->ctx, name, visit_number, &n);
    if (status != STRATA_OK && status != STRATA_NOT_FOUND) {
        return st_fail(r->error, status, "%s could not be listed (%s)", name,
                       strata_status_name(status));
    }
    st_sort(numbers->data, numbers->len / sizeof(uint64_t), sizeof(uint64_t), compare_numbers);
    return STRATA_OK;
}

strata_status st_repair_list(st_repair_state *r) {
    ST_TRY(list_numbers(r, "DATA", "tab-", ".tab", &r->data));
    ST_TRY(list_numbers(r, "WAL", "wal-", ".seg", &r->log));
    return list_numbers(r, "SNAPSHOTS", "snap-", "", &r->snapshots);
}

uint64_t st_repair_highest(const strata_buffer *numbers) {
    const uint64_t *all = (const uint64_t *)(const void *)numbers->data;
    return numbers->len == 0 ? 0 : all[numbers->len / sizeof *all - 1];
}

void st_repair_pass_numbers(st_repair_state *r) {
    const uint64_t data = st_repair_highest(&r->data);
    const uint64_t snapshots = st_repair_highest(&r->snapshots);
    uint64_t *next = &r->store.manifest.next_file;
    *next = data >= *next ? data + 1 : *next;
    *next = snapshots >= *next ? snapshots + 1 : *next;
}

/* ---- Tables ---------------------------------------------------------------------------------- */

strata_status st_repair_check(st_repair_state *r, uint64_t number, st_table **table,
                              strata_error *detail) {
    st_table_spec spec;
    st_tables_spec(&r->store, number, &spec);
    *table = NULL;
    strata_status status = st_table_open(&spec, r->cache, table, detail);
    if (status == STRATA_OK) {
        status = st_table_verify(*table, detail);
    }
    if (status != STRATA_OK) {
        st_table_close(*table);
        *table = NULL;
    }
    if (status != STRATA_OK && status != STRATA_CORRUPT && r->error != NULL) {
        *r->error = *detail;
    }
    return status == STRATA_CORRUPT ? STRATA_OK : status;
}

/* A salvage on its way into a new table. */
typedef struct rescue {
    st_repair_state *state;
    const char *file;
    uint64_t number; /* of the new one */
    st_table_builder *builder;
} rescue;

static strata_status rescue_entry(void *ctx, strata_slice key, const st_revision *revision) {
    rescue *into = ctx;
    st_repair_state *r = into->state;
    if (into->builder == NULL) {
        st_table_spec spec;
        into->number = st_tables_next_number(&r->store);
        st_tables_spec(&r->store, into->number, &spec);
        ST_TRY(st_table_builder_create(&spec, &into->builder, r->error));
    }
    return st_table_builder_add(into->builder, key, revision, r->error);
}

static size_t describe_key(char *text, size_t size, strata_slice key) {
    if (key.len < 9) {
        return st_format(text, size, "the end");
    }
    const uint8_t *bytes = key.data;
    const size_t ended = bytes[key.len - 1] == 0; /* of a text */
    const strata_slice name = st_slice(bytes + 9, key.len > 9 + ended ? key.len - 9 - ended : 0);
    return st_format(text, size, "\"%S\" of run %u", &name, load64_be(bytes));
}

static void rescue_gap(void *ctx, uint64_t from, uint64_t to, strata_slice before,
                       strata_slice after) {
    const rescue *into = ctx;
    char low[96];
    char high[96];
    char what[ST_REPAIR_TEXT_MAX];
    (void)describe_key(low, sizeof low, before);
    (void)describe_key(high, sizeof high, after);
    st_format(
        what, sizeof what,
        "lost: the bytes from %u to %u could not be read; keys between %s and %s may be missing",
        from, to, before.len == 0 ? "the beginning" : low, high);
    (void)st_repair_tell(into->state, into->file, what);
}

static strata_status finish_rescue(rescue *into, unsigned level, st_live_file *made) {
    st_table_info info;
    if (into->builder == NULL) {
        return STRATA_OK;
    }
    ST_TRY(st_table_builder_finish(into->builder, &info, into->state->error));
    *made = (st_live_file){ST_FILE_TABLE, level, info.number, info.bytes};
    return STRATA_OK;
}

strata_status st_repair_salvage(st_repair_state *r, uint64_t number, unsigned level,
                                const strata_error *detail, st_live_file *made) {
    char file[ST_FILE_NAME_MAX];
    char what[ST_REPAIR_TEXT_MAX];
    st_table_spec spec;
    st_salvage found;
    rescue into = {.state = r, .file = file};
    const st_salvage_sink sink = {&into, rescue_entry, rescue_gap};
    *made = (st_live_file){.number = 0};
    st_format(file, sizeof file, "DATA/tab-%u.tab", number);
    st_repair_item *item = st_repair_tell(r, file, detail->message);
    st_tables_spec(&r->store, number, &spec);
    strata_status status = st_salvage_table(&spec, &sink, &found, r->error);
    if (status == STRATA_OK) {
        status = finish_rescue(&into, level, made);
    }
    st_table_builder_destroy(into.builder);
    r->report->is_prefix = false;
    if (status == STRATA_NOT_FOUND) {
        return STRATA_OK; /* the item says that it is missing */
    }
    ST_TRY(status);
    if (item != NULL) {
        item->kept = found.entries;
        ST_TRY(st_repair_set_aside(r, file, item->moved));
    } else {
        ST_TRY(st_repair_set_aside(r, file, NULL));
    }
    if (found.values > 0 || found.gave_up) {
        st_format(what, sizeof what, "lost: %u entries whose values could not be read%s",
                  found.values,
                  found.gave_up ? ", and all after a place full of false blocks" : "");
        (void)st_repair_tell(r, file, what);
    }
    if (found.expected == 0) {
        (void)st_repair_tell(r, file, "its end is damaged, so there may have been more in it");
    } else if (found.expected > found.entries) {
        st_format(what, sizeof what, "lost: %u of its %u entries", found.expected - found.entries,
                  found.expected);
        (void)st_repair_tell(r, file, what);
    }
    r->report->is_prefix = found.expected > 0 && found.entries == found.expected;
    return STRATA_OK;
}
