/* check.h - finds what must not be in a history.
 *
 * It knows nothing of the store: neither what it remembers nor how it decides. It takes the order of
 * versions from the commit numbers (the claim that is to be tested), what was read from the reads,
 * and the promises from the levels.
 */
#ifndef STRATA_TEST_ISOLATION_CHECK_H
#define STRATA_TEST_ISOLATION_CHECK_H

#include "history.h"

/* check.c says how each is found. */
typedef enum iso_anomaly {
    ISO_BAD_COMMIT,
    ISO_BAD_EVENTS,
    ISO_DIRTY_READ,
    ISO_ABORTED_READ,
    ISO_INTERMEDIATE_READ,
    ISO_INVENTED_READ,
    ISO_OWN_WRITES,
    ISO_NON_REPEATABLE_READ,
    ISO_FRACTURED_READ,
    ISO_PHANTOM,
    ISO_WRONG_SNAPSHOT,
    ISO_REAL_TIME,
    ISO_LOST_UPDATE,
    ISO_G1C,
    ISO_G_SINGLE,
    ISO_WRITE_SKEW,
    ISO_LONG_FORK,
    ISO_G2_ITEM,
    ISO_G2,
    ISO_ANOMALIES
} iso_anomaly;

extern const char *const iso_anomaly_names[ISO_ANOMALIES];

enum { ISO_TEXT_BYTES = 1 << 16 };

typedef struct iso_report {
    uint64_t findings[ISO_ANOMALIES];
    uint64_t total;
    uint64_t skews_allowed;    /* cycles that snapshot isolation does not promise to prevent */
    char text[ISO_TEXT_BYTES]; /* the first few, in words */
    size_t text_len;
} iso_report;

/* Fills in the report. */
void iso_check(const iso_history *history, iso_report *report);

#endif
