/* golden_dump.h - all that a database holds, as JSON, one key a line.
 *
 *   {"version":N,"now":T,
 *   "floors":[{"run","primitive","version","time","ended"}, ...],
 *   "keys":[
 *   {"run","key","versions":[{"version","time","deleted"?,"trimmed"?,"expires"?,"value"?}, ...],
 *    "at_version":[[from, answer], ...],"at_time":[[from, answer], ...],"now":answer}, ...]}
 *
 * Versions are listed from the newest to the oldest. An answer is the version that a reader gets,
 * null for nothing, or "trimmed" for history_trimmed; at_version has what a reader as of versions 1,
 * 2, ... N gets, at_time what one gets as of each time at which something was committed or ended, and
 * the microsecond before an end; both where it changes. A value of more than 200 bytes is
 * {"length","sha256"} of its stored bytes.
 */
#ifndef STRATA_TEST_GOLDEN_DUMP_H
#define STRATA_TEST_GOLDEN_DUMP_H

#include "store_log.h"

/* Fails the test unless scans of each run and primitive, in both directions, show at each version and
 * time what points do. now_us: what the database shows as the time. */
void golden_dump(strata_db *db, int64_t now_us, FILE *out);

#endif
