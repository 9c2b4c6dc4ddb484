/* verify.c - verification of the files, by the walk that recovery uses.
 *
 * Nothing is written and nothing is kept in memory but the report, eight bytes a run and a record's
 * keys, so a database of any size can be checked, also one that recovery refuses to open.
 */
#include "store/verify.h"

#include "format/names.h"
#include "store/wal_replay.h"

void st_report_problem(st_report *report, const char *file, uint64_t offset, const char *what) {
    if (report->problem_count < ST_PROBLEMS_MAX) {
        st_problem *problem = &report->problems[report->problem_count];
        st_format(problem->file, sizeof problem->file, "%s", file);
        st_format(problem->what, sizeof problem->what, "%s", what);
        problem->offset = offset;
    }
    report->problem_count++;
}

/* What recovery refuses, verification finds. */
typedef struct seen {
    strata_buffer times; /* of the newest commit of each run, by its number */
    strata_buffer keys;  /* strata_slice of every write of the record */
} seen;

static strata_status check_time(seen *known, uint64_t run, int64_t timestamp_us) {
    const size_t place = (size_t)run * sizeof timestamp_us;
    strata_buffer *times = &known->times;
    if (place >= times->len) {
        const size_t more = place + sizeof timestamp_us - times->len;
        ST_TRY(st_buffer_reserve(times, more));
        memset(times->data + times->len, 0, more);
        times->len += more;
    }
    int64_t last;
    memcpy(&last, times->data + place, sizeof last);
    memcpy(times->data + place, &timestamp_us, sizeof timestamp_us);
    return timestamp_us < last ? STRATA_CORRUPT : STRATA_OK;
}

static strata_status check_commit(void *ctx, uint64_t version, int64_t timestamp_us,
                                  st_wal_record *record) {
    strata_buffer *keys = &((seen *)ctx)->keys;
    size_t second;
    (void)version;
    if (record->run >= ST_RUNS_MAX) {
        return STRATA_CORRUPT;
    }
    ST_TRY(check_time(ctx, record->run, timestamp_us));
    keys->len = 0;
    while (record->writes_left > 0) {
        st_write write;
        if (!st_wal_record_next(record, &write)) {
            return STRATA_CORRUPT;
        }
        ST_TRY(st_buffer_append(keys, &write.key, sizeof write.key));
    }
    strata_slice *slices = (strata_slice *)(void *)keys->data;
    const bool good = st_wal_record_close(record) &&
                      !st_names_repeat(slices, keys->len / sizeof *slices, &second);
    return good ? STRATA_OK : STRATA_CORRUPT;
}

/* The file and offset of a corrupt error, as st_fail_text and _number put them there. */
static void report_error(st_report *report, const strata_error *error) {
    const char *file = "";
    uint64_t offset = 0;
    for (size_t i = 0; i < error->field_count; i++) {
        const strata_error_field *field = &error->fields[i];
        if (strcmp(field->name, "file") == 0) {
            file = field->text;
        } else if (strcmp(field->name, "offset") == 0) {
            offset = (uint64_t)field->number;
        }
    }
    st_report_problem(report, file, offset, error->message);
}

/* Damage goes into the report; what is no damage to the caller. */
static strata_status settle_status(st_report *report, strata_status status,
                                   const strata_error *detail, strata_error *error) {
    if (status == STRATA_CORRUPT) {
        report_error(report, detail);
        return STRATA_OK;
    }
    if (status != STRATA_OK && error != NULL) {
        *error = *detail;
    }
    return status;
}

static strata_status check_log(const strata_host *host, const char *path,
                               const st_manifest *manifest, st_report *report,
                               strata_error *error) {
    seen known = {{NULL, 0, 0, host}, {NULL, 0, 0, host}};
    const st_replay_sink sink = {&known, check_commit};
    strata_error detail = {.code = STRATA_OK};
    st_replay replay;
    const strata_status status = st_wal_replay(host, path, manifest, &sink, &replay, &detail);
    strata_buffer_free(&known.times);
    strata_buffer_free(&known.keys);
    report->files += replay.at.segments;
    report->bytes += replay.bytes;
    report->commits += replay.commits;
    return settle_status(report, status, &detail, error);
}

static strata_status check_table(const st_table_spec *spec, st_block_cache *cache,
                                 const st_live_file *file, st_report *report, strata_error *error) {
    strata_error detail = {.code = STRATA_OK};
    st_table *table = NULL;
    strata_status status = st_table_open(spec, cache, &table, &detail);
    if (status == STRATA_OK) {
        status = st_table_verify(table, &detail);
        if (st_table_about(table)->bytes != file->bytes) {
            st_report_problem(report, "MANIFEST", 0, "it names a table with another length");
        }
    }
    st_table_close(table);
    report->files++;
    report->bytes += file->bytes;
    return settle_status(report, status, &detail, error);
}

static strata_status check_tables(const strata_host *host, const char *path,
                                  const st_manifest *manifest, const strata_buffer *files,
                                  st_report *report, strata_error *error) {
    const st_live_file *live = (const st_live_file *)(const void *)files->data;
    st_block_cache *cache = NULL;
    if (st_block_cache_create(host, 0, &cache) != STRATA_OK) {
        return st_fail_memory(error);
    }
    strata_status status = STRATA_OK;
    for (size_t i = 0; i < files->len / sizeof *live && status == STRATA_OK; i++) {
        st_table_spec spec = {
            .host = host, .path = path, .number = live[i].number, .codec = manifest->codec};
        memcpy(spec.uuid, manifest->uuid, ST_UUID_BYTES);
        if (live[i].kind != ST_FILE_TABLE || live[i].level >= ST_LEVELS) {
            st_report_problem(report, "MANIFEST", 0, "it names a file of an unknown kind");
        } else {
            status = check_table(&spec, cache, &live[i], report, error);
        }
    }
    st_block_cache_destroy(cache);
    return status;
}

static strata_status check_manifest(const strata_host *host, const char *path, st_report *report,
                                    strata_error *error) {
    unsigned valid = 0;
    unsigned empty = 0;
    const strata_status status = st_manifest_slots(host, path, &valid, &empty);
    if (status != STRATA_OK) {
        return st_fail(error, status, "%s/MANIFEST could not be read (%s)", path,
                       strata_status_name(status));
    }
    report->files++;
    report->bytes += (uint64_t)valid * ST_MANIFEST_SLOT_BYTES;
    if (valid + empty < 2) {
        st_report_problem(report, "MANIFEST", 0,
                          "one of its two slots is damaged; the other holds");
    }
    return STRATA_OK;
}

strata_status st_verify_files(const strata_host *host, const char *path, st_report *report,
                              strata_error *error) {
    strata_buffer files = {NULL, 0, 0, host};
    strata_error detail = {.code = STRATA_OK};
    st_manifest manifest;
    strata_status status = st_manifest_read(host, path, &manifest, &files, &detail);
    if (status == STRATA_CORRUPT) {
        report->files++;
    }
    if (status != STRATA_OK) {
        strata_buffer_free(&files);
        return settle_status(report, status, &detail, error);
    }
    status = check_manifest(host, path, report, error);
    if (status == STRATA_OK) {
        status = check_tables(host, path, &manifest, &files, report, error);
    }
    if (status == STRATA_OK) {
        status = check_log(host, path, &manifest, report, error);
    }
    strata_buffer_free(&files);
    return status;
}
