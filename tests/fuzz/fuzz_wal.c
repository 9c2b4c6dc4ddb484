/* fuzz_wal.c - the reader of the log, over logs of one or two segments (log.h).
 *
 * Holds for every log:
 * 1. The walk ends with OK, or with `corrupt` that names a file and an offset in it; with no_memory
 *    only when the host refused memory.
 * 2. Versions are handed out from the watermark on, without gaps; their records are those that the
 *    same walk hands out once more.
 * 3. What a record says is what its re-encoding says.
 * 4. Recovery is idempotent: after the tail was cut as the walk says, it finds the same commits and
 *    nothing to cut.
 * 5. A log that was cut anywhere gives a prefix of the commits.
 * 6. It reads a multiple of the files at most.
 */
#include "base/crc32c.h"
#include "log.h"
#include "store/log/wal_replay.h"

enum { COMMITS_MAX = 4096, WRITES_MAX = 256, MEMORY_MAX = 64 << 20, READ_FACTOR = 4 };

/* What a walk handed out: a digest of each commit. */
typedef struct seen {
    uint64_t first; /* the version before the first */
    size_t count;
    uint32_t digests[COMMITS_MAX];
} seen;

static uint32_t add_number(uint32_t digest, uint64_t number) {
    uint8_t text[8];
    store64_le(text, number);
    return st_crc32c(digest, st_slice(text, sizeof text));
}

static uint32_t add_write(uint32_t digest, const st_write *write) {
    digest = add_number(digest, write->key.len * 2 + write->deletes);
    digest = add_number(digest, (uint64_t)write->expires_us);
    digest = st_crc32c(digest, write->key);
    digest = add_number(digest, write->value.len);
    return st_crc32c(digest, write->value);
}

/* The record, walked to its end; false when it is malformed. */
static bool digest_record(st_wal_record *record, st_write *writes, size_t *count,
                          uint32_t *digest) {
    *count = 0;
    *digest = add_number(0, record->run);
    *digest = add_number(*digest, (uint64_t)record->since_base_us);
    while (record->writes_left > 0) {
        st_write write;
        if (!st_wal_record_next(record, &write)) {
            return false;
        }
        *digest = add_write(*digest, &write);
        if (*count < WRITES_MAX) {
            writes[*count] = write;
        }
        ++*count;
    }
    return st_wal_record_close(record);
}

static void check_again(uint64_t run, int64_t since_base_us, const st_write *writes, size_t count,
                        uint32_t digest) {
    static st_write copies[WRITES_MAX];
    strata_buffer payload = fuzz_buffer();
    st_wal_record record;
    size_t again = 0;
    uint32_t digest_again = 0;
    if (st_wal_payload_encode(run, since_base_us, writes, count, &payload) != STRATA_OK) {
        CHECK(fuzz_memory_refused(), "a record is not encoded");
        return;
    }
    CHECK(st_wal_record_open(st_buffer_slice(&payload), &record), "what was encoded");
    CHECK(record.writes_left == count, "count");
    CHECK(digest_record(&record, copies, &again, &digest_again), "what was encoded");
    CHECK(digest == digest_again, "re-encoding changes a record");
    strata_buffer_free(&payload);
}

static strata_status take_commit(void *ctx, uint64_t version, int64_t timestamp_us,
                                 st_wal_record *record) {
    static st_write writes[WRITES_MAX];
    seen *to = ctx;
    const uint64_t run = record->run;
    const int64_t since_base_us = record->since_base_us;
    size_t count = 0;
    uint32_t digest = 0;
    CHECK(version == to->first + to->count + 1, "version %llu", (unsigned long long)version);
    if (!digest_record(record, writes, &count, &digest)) {
        return STRATA_CORRUPT;
    }
    if (count <= WRITES_MAX) {
        check_again(run, since_base_us, writes, count, digest);
    }
    CHECK(to->count < COMMITS_MAX, "more commits than fit the input");
    to->digests[to->count++] = add_number(digest, (uint64_t)timestamp_us);
    return STRATA_OK;
}

static strata_status walk(const st_manifest *manifest, seen *to, st_replay *replay) {
    const st_replay_sink sink = {.ctx = to, .commit = take_commit};
    strata_error error = {.code = STRATA_OK};
    const uint64_t before = fuzz_bytes_read();
    to->first = manifest->watermark;
    to->count = 0;
    const strata_status status = st_wal_replay(fuzz_host(), "db", manifest, &sink, replay, &error);
    const uint64_t size =
        fuzz_file("db/WAL/wal-1.seg").len + fuzz_file("db/WAL/wal-2.seg").len + 8192;
    CHECK(fuzz_bytes_read() - before <= READ_FACTOR * size, "%llu bytes were read of %llu",
          (unsigned long long)(fuzz_bytes_read() - before), (unsigned long long)size);
    if (status == STRATA_CORRUPT) {
        fuzz_check_corrupt(&error, "db");
    } else if (status == STRATA_OK) {
        CHECK(replay->commits == to->count, "%llu commits", (unsigned long long)replay->commits);
        CHECK(replay->at.version == to->first + to->count, "the last version");
    } else {
        CHECK(status == STRATA_NO_MEMORY && fuzz_memory_refused(), "%s: %s",
              strata_status_name(status), error.message);
    }
    return status;
}

static void check_prefix(const seen *whole, const seen *part) {
    CHECK(part->count <= whole->count, "%zu commits of %zu", part->count, whole->count);
    CHECK(memcmp(whole->digests, part->digests, part->count * sizeof part->digests[0]) == 0,
          "other commits than in the whole log");
}

static void cut_file(uint64_t segment, uint64_t size) {
    const strata_storage *storage = &fuzz_host()->storage;
    char name[FUZZ_NAME_MAX];
    strata_file *file;
    st_wal_name(name, sizeof name, "db", segment);
    CHECK(storage->open(storage->ctx, name, STRATA_FILE_WRITE, &file) == STRATA_OK, "%s", name);
    CHECK(storage->truncate(storage->ctx, file, size) == STRATA_OK, "%s", name);
    CHECK(storage->close(storage->ctx, file) == STRATA_OK, "%s", name);
}

/* As core/store/recover.c cuts it. */
static void cut_tail(const st_replay *replay) {
    char name[FUZZ_NAME_MAX];
    if (replay->header_torn) {
        st_wal_name(name, sizeof name, "db", replay->torn_segment);
        fuzz_drop(name);
    } else if (replay->at.segment > 0) {
        cut_file(replay->at.segment, replay->at.end);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static seen first;
    static seen second;
    fuzz_input input = {data, size};
    st_manifest manifest;
    st_replay replay;
    st_replay again;
    fuzz_begin(MEMORY_MAX);
    const uint16_t cut = fuzz_u16(&input);
    fuzz_log_make(&input, 0, &manifest);

    const strata_status status = walk(&manifest, &first, &replay);
    if (status != STRATA_NO_MEMORY) {
        CHECK(walk(&manifest, &second, &again) == status, "the same log, walked twice");
        CHECK(second.count == first.count, "the same log, walked twice");
        check_prefix(&first, &second);
    }
    if (status == STRATA_OK) {
        cut_tail(&replay);
        CHECK(walk(&manifest, &second, &again) == STRATA_OK, "after the tail was cut");
        CHECK(second.count == first.count && again.torn_bytes == 0 && !again.header_torn,
              "recovered twice: %zu commits, then %zu; %llu torn bytes", first.count, second.count,
              (unsigned long long)again.torn_bytes);
        check_prefix(&first, &second);

        const char *last =
            fuzz_file("db/WAL/wal-2.seg").data != NULL ? "db/WAL/wal-2.seg" : "db/WAL/wal-1.seg";
        if (cut < fuzz_file(last).len) {
            cut_file(last[strlen(last) - 5] == '2' ? 2 : 1, cut);
            manifest.whole_segment = 0;
            const strata_status shorter = walk(&manifest, &second, &again);
            CHECK(shorter == STRATA_OK || shorter == STRATA_CORRUPT, "after a cut");
            check_prefix(&first, &second);
        }
    }
    fuzz_end();
    return 0;
}
