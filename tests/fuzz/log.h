/* log.h - a log made of the bytes of an input, whose checksums fit where the input does not say
 * otherwise: what the checksums guard gets tested, and not only the checksums.
 *
 * An input: 1 byte flags, 2 bytes W's offset behind its header, 2 bytes where the second segment begins, then
 *   flag RAW      the bytes of the segments, headers included; with SEAL the headers are put in
 *                 order and every frame gets a checksum and a version that fit
 *   otherwise     records: 1 byte control, 2 bytes length, payload
 */
#ifndef STRATA_FUZZ_LOG_H
#define STRATA_FUZZ_LOG_H

#include "fuzz.h"
#include "store/manifest.h"

enum {
    FUZZ_LOG_RAW = 1,
    FUZZ_LOG_SEAL = 2,
    FUZZ_LOG_ZSTD = 4,    /* the manifest names the codec zstd */
    FUZZ_LOG_TWO = 8,     /* two segments */
    FUZZ_LOG_WHOLE = 16,  /* the manifest says that the log was whole up to W's offset */
    FUZZ_LOG_SPARSE = 32, /* space is reserved behind the last segment */
};

/* Control of a record, besides bits 4 and 5: how many frames back the durable end is said to be. */
enum {
    FUZZ_RECORD_ENCODED = 1, /* said to be encoded */
    FUZZ_RECORD_ENCODE = 2,  /* encoded, and said to be */
    FUZZ_RECORD_BROKEN = 4,  /* with a checksum that does not fit */
    FUZZ_RECORD_SKIP = 8,    /* with a version that does not come next */
};

/* Makes DB/WAL/wal-1.seg, and perhaps -2, on the host, that begin after that version; *manifest is
 * one that fits. */
void fuzz_log_make(fuzz_input *input, uint64_t watermark, st_manifest *manifest);

#endif
