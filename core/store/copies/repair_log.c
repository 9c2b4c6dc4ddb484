/* repair_log.c - the part of a damaged log that can be had: the commits before the damage, as a table.
 */
#include "store/copies/repair_private.h"

#include "store/copies/salvage.h"
#include "store/log/wal_replay.h"
#include "store/maintain/flush.h"
#include "store/recover.h"

static bool has_number(const strata_buffer *numbers, uint64_t number) {
    const uint64_t *all = (const uint64_t *)(const void *)numbers->data;
    size_t i = 0;
    while (i < numbers->len / sizeof *all && all[i] != number) {
        i++;
    }
    return i < numbers->len / sizeof *all;
}

/* Counts what is behind the place where reading ended. */
static strata_status count_lost(st_repair_state *r, const st_replay *replay, st_salvage_log *lost) {
    const uint64_t *segments = (const uint64_t *)(const void *)r->log.data;
    const st_manifest *m = &r->store.manifest;
    const uint64_t version = replay->at.version;
    for (size_t i = 0; i < r->log.len / sizeof *segments; i++) {
        if (segments[i] < m->wal_first || segments[i] < replay->at.segment) {
            continue;
        }
        const uint64_t from =
            segments[i] == replay->at.segment ? replay->at.end : ST_WAL_HEADER_BYTES;
        const strata_status status =
            st_salvage_count(r->store.host, r->store.path, segments[i], from, version, lost);
        if (status != STRATA_OK) {
            return st_fail(r->error, status, "%s/WAL/wal-%u.seg could not be read (%s)",
                           r->store.path, segments[i], strata_status_name(status));
        }
    }
    const uint64_t promised = m->whole_version > version ? m->whole_version : 0;
    lost->version = promised > lost->version ? promised : lost->version;
    return STRATA_OK;
}

static void tell_lost(st_repair_state *r, const char *what, uint64_t kept, uint64_t version,
                      const st_salvage_log *lost) {
    char text[ST_REPAIR_TEXT_MAX];
    st_repair_report *report = r->report;
    st_repair_item *item = st_repair_tell(r, "WAL", what);
    if (item != NULL) {
        item->kept = kept;
    }
    report->commits_lost += lost->commits;
    if (lost->version > version) {
        report->lost_from = version + 1;
        report->lost_to = lost->version;
        st_format(
            text, sizeof text,
            "lost: the commits after %u, up to %u at least; %u of them are still whole in LOST",
            version, lost->version, lost->commits);
        (void)st_repair_tell(r, "WAL", text);
    }
}

static strata_status set_log_aside(st_repair_state *r) {
    const uint64_t *segments = (const uint64_t *)(const void *)r->log.data;
    for (size_t i = 0; i < r->log.len / sizeof *segments; i++) {
        char name[ST_FILE_NAME_MAX];
        st_format(name, sizeof name, "WAL/wal-%u.seg", segments[i]);
        ST_TRY(st_repair_set_aside(r, name, NULL));
    }
    return STRATA_OK;
}

/* The commits as far as they can be read, in the memtables of the state. */
static strata_status replay_prefix(st_repair_state *r, st_replay *replay) {
    strata_error detail = {.code = STRATA_OK};
    st_manifest m = r->store.manifest;
    uint64_t until = m.wal_first;
    while (has_number(&r->log, until + 1)) {
        until++;
    }
    const st_replay_sink sink = {
        .ctx = &r->store, .commit = st_recover_commit, .until_segment = until};
    m.whole_segment = 0; /* what it promised is known to be broken */
    const strata_status status =
        st_wal_replay(r->store.host, r->store.path, &m, &sink, replay, &detail);
    if (status != STRATA_OK && status != STRATA_CORRUPT && r->error != NULL) {
        *r->error = detail;
    }
    return status == STRATA_CORRUPT ? STRATA_OK : status;
}

strata_status st_repair_log(st_repair_state *r, const strata_error *detail, st_live_file *made) {
    st_manifest *m = &r->store.manifest;
    st_salvage_log lost = {0, 0, 0};
    st_replay replay;
    st_table *table = NULL;
    *made = (st_live_file){.number = 0};
    ST_TRY(replay_prefix(r, &replay));
    const uint64_t version = replay.at.version > m->watermark ? replay.at.version : m->watermark;
    ST_TRY(count_lost(r, &replay, &lost));
    ST_TRY(st_flush_write(&r->store, m->watermark, version, &made->number, r->error));
    if (made->number > 0) {
        strata_error problem = {.code = STRATA_OK};
        ST_TRY(st_repair_check(r, made->number, &table, &problem));
        if (table == NULL) {
            return st_fail(r->error, STRATA_IO, "what was written could not be read again: %s",
                           problem.message);
        }
        *made = (st_live_file){ST_FILE_TABLE, 0, made->number, st_table_about(table)->bytes};
        st_table_close(table);
    }
    tell_lost(r, detail->message, replay.commits, version, &lost);
    ST_TRY(set_log_aside(r));
    m->watermark = version;
    m->wal_first =
        st_repair_highest(&r->log) >= m->wal_first ? st_repair_highest(&r->log) + 1 : m->wal_first;
    m->whole_segment = 0;
    m->whole_end = 0;
    m->whole_version = 0;
    return STRATA_OK;
}
