/* damage.c - bytes that are not what was written.
 *
 * A copy of the disk is changed in one place: bits flip, a sector becomes zeros, a sector gets the
 * bytes of another one. Then one of these must come of it:
 *   opening refuses with corrupt, and names the file and the offset;
 *   a read refuses with corrupt;
 *   every answer is what it was before. If the database had not been closed in order, it may end
 *   earlier: damage to the last records looks like the torn end of a crash (docs/FORMAT.md).
 * What is never allowed: an answer that was never true.
 */
#include "life.h"

typedef struct target {
    const char *name;
    uint64_t size;
} target;

static target choose(life *l, sim *copy) {
    target files[256];
    size_t count = 0;
    for (size_t i = 0; i < copy->entry_count && count < 256; i++) {
        const sim_entry *entry = copy->entries[i];
        if (entry->now != NULL && entry->now->written.len > 0) {
            files[count++] = (target){entry->name, entry->now->written.len};
        }
    }
    return count == 0 ? (target){NULL, 0} : files[chance_below(l, count)];
}

static void zero_sector(sim *copy, const target *file, uint64_t sector, strata_slice with) {
    const strata_slice was = sim_copy(copy, file->name, false);
    uint8_t *bytes = (uint8_t *)was.data;
    const size_t from = (size_t)sector * SIM_SECTOR;
    for (size_t i = from; i < from + SIM_SECTOR && i < was.len; i++) {
        bytes[i] = i - from < with.len ? ((const uint8_t *)with.data)[i - from] : 0;
    }
    sim_put(copy, file->name, was);
    sim_release(was);
}

/* False: nothing was changed; it is a copy like any other. */
static bool harm(life *l, sim *copy, const target *file) {
    const uint64_t die = chance_below(l, 5);
    const uint64_t sectors = (file->size + SIM_SECTOR - 1) / SIM_SECTOR;
    if (die < 2) {
        for (uint64_t flips = die == 0 ? 1 : 1 + chance_below(l, 5); flips > 0; flips--) {
            sim_flip(copy, file->name, chance_below(l, file->size), (unsigned)chance_below(l, 8));
        }
        return true;
    }
    if (die == 4) {
        return false;
    }
    uint8_t other[SIM_SECTOR] = {0};
    if (die == 3) {
        const target from = choose(l, copy);
        const strata_slice bytes = sim_copy(copy, from.name, false);
        const size_t at =
            (size_t)(chance_below(l, (from.size + SIM_SECTOR - 1) / SIM_SECTOR) * SIM_SECTOR);
        memcpy(other, (const uint8_t *)bytes.data + at, st_min(SIM_SECTOR, bytes.len - at));
        sim_release(bytes);
    }
    zero_sector(copy, file, chance_below(l, sectors), st_slice(other, sizeof other));
    return true;
}

static bool names_place(const strata_error *error) {
    bool file = false;
    bool offset = false;
    for (size_t i = 0; i < error->field_count; i++) {
        file = file || strcmp(error->fields[i].name, "file") == 0;
        offset = offset || strcmp(error->fields[i].name, "offset") == 0;
    }
    return file && offset;
}

static uint64_t version_of(strata_db *db) {
    static const uint8_t request[] = "\x91\xa8"
                                     "db.stats";
    strata_buffer out = {NULL, 0, 0, NULL};
    assert_int_equal(strata_exec(db, st_slice(request, sizeof request - 1), &out), STRATA_OK);
    const uint64_t version =
        (uint64_t)int_of(field_of(object_of(st_buffer_slice(&out)), "version"));
    strata_buffer_free(&out);
    return version;
}

/* What opened is what it was, at some version, as far as it does not refuse. */
static void compare(life *l, strata_db *db, bool whole, bool harmed) {
    const uint64_t version = version_of(db);
    strata_db *own = l->handles[0];
    if (whole && version != l->model.last) {
        life_fail(l, "damaged, it opens at commit %u of %u", (unsigned)version,
                  (unsigned)l->model.last);
    }
    if (version > l->model.last) {
        return; /* it has calls that failed; which, is found out when the life goes on */
    }
    l->handles[0] = db;
    l->present = version;
    l->damaged = harmed;
    l->excuses = harmed ? (uint32_t)1 << STRATA_CORRUPT : 0;
    if (!(version == 1 && !whole)) { /* it may have been made again */
        (void)check_everything(l, 2, false);
    }
    l->excuses = 0;
    l->damaged = false;
    l->present = UINT64_MAX;
    l->handles[0] = own;
}

void damage_try(life *l, bool whole) {
    sim *copy = sim_new(chance_below(l, UINT64_MAX));
    strata_buffer report = {NULL, 0, 0, NULL};
    strata_options options = l->options;
    strata_error error = {.code = STRATA_OK};
    strata_db *db = NULL;
    sim_clone(copy, l->machine);
    copy->wall_us = l->machine->wall_us;
    options.host = &copy->host;
    options.error = &error;
    const target file = choose(l, copy);
    if (file.name != NULL) {
        if (life_traces) {
            (void)fprintf(stderr, "-- damage to %s\n", file.name);
        }
        const bool harmed = harm(l, copy, &file);
        life_counts->damages += harmed;
        const strata_status verified = strata_verify("db", &options, &report);
        if (verified != STRATA_OK && verified != STRATA_NOT_FOUND) {
            life_fail(l, "verify of a damaged %s: %s", file.name, error.message);
        }
        const strata_status status = strata_open("db", &options, &db);
        if (status == STRATA_OK) {
            compare(l, db, whole, harmed);
            (void)strata_close(db);
        } else if (!harmed || status != STRATA_CORRUPT || !names_place(&error)) {
            life_fail(l, "opening a copy%s%s: %s", harmed ? " with damage to " : "",
                      harmed ? file.name : "", error.message);
        } else {
            life_counts->refusals++;
        }
        strata_buffer_free(&report);
    }
    sim_free(copy);
}
