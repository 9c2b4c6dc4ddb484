/* check.c - which anomaly is found how.
 *
 * Sources: A. Adya, "Weak Consistency: A Generalized Theory and Optimistic Implementations for
 * Distributed Transactions", MIT 1999 (G0 to G2, the graph); H. Berenson et al., "A Critique of ANSI
 * SQL Isolation Levels", SIGMOD 1995 (P1 to P4, A5); P. Bailis et al., "Scalable Atomic Visibility
 * with RAMP Transactions", 2014 (fractured reads); A. Cerone, A. Gotsman, "Analysing Snapshot
 * Isolation", 2018 (long fork).
 *
 *   anomaly                            found by
 *   bad commit                         a number given twice, or before the snapshot (index.c)
 *   bad events                         the log of events in the end: a gap, an event of nobody's or
 *                                      of an aborted transaction, one twice, out of order (here)
 *   dirty read (P1)                    a value was read before its writer began to commit (reads.c)
 *   aborted read (G1a)                 a value of a transaction that was not committed
 *   intermediate read (G1b)            a value that its commit had overwritten itself
 *   invented read                      a value that nobody wrote, or under another commit's number
 *   own writes                         a read after an own write does not give that write
 *   non-repeatable read (P2, A5A)      two reads of a key, two versions
 *   fractured read (A5A)               half of a commit
 *   phantom (P3)                       two reads, or a scan and its snapshot, differ in which keys
 *                                      there are
 *   wrong snapshot                     any other difference from the state at the snapshot
 *   real time                          does not see what had been acknowledged before it began
 *   lost update (P4)                   a key was read and written, with another's version between
 *                                      (here)
 *   G1c, G-single, write skew (A5B),   cycles of the graph: of ww and wr edges; with one rw; two
 *   long fork, G2-item, G2             transactions with two rw; all rw from readers; with more; with
 *                                      predicates (graph.c)
 *   write cycle (G0)                   cannot be a cycle here, as all keys share one order of
 *                                      versions: it shows as a bad commit or a wrong snapshot
 *
 * Promised to serializable transactions, and to single operations: none of them. To snapshot ones:
 * none but cycles that need two moments of one of them, which is what write skew is; two blind writes
 * may follow each other, as the last committer wins. All of that is one graph (graph.c), so that
 * histories may mix the levels.
 */
#include "check_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const iso_anomaly_names[ISO_ANOMALIES] = {
    "bad commit",
    "bad events",
    "dirty read (P1)",
    "aborted read (G1a)",
    "intermediate read (G1b)",
    "invented read",
    "own writes",
    "non-repeatable read (P2)",
    "fractured read (A5A)",
    "phantom (P3)",
    "wrong snapshot",
    "real time",
    "lost update (P4)",
    "circular information flow (G1c)",
    "single anti-dependency cycle (G-single)",
    "write skew (A5B)",
    "long fork",
    "anti-dependency cycle (G2-item)",
    "predicate anti-dependency cycle (G2)",
};

void *iso_alloc(size_t count, size_t size) {
    void *memory = calloc(count + 1, size);
    if (memory == NULL) {
        (void)fprintf(stderr, "no memory for the checker\n");
        abort();
    }
    return memory;
}

static void say(iso_report *report, const char *format, va_list list) {
    const size_t left = sizeof report->text - report->text_len;
    const int len = vsnprintf(report->text + report->text_len, left, format, list);
    if (len > 0) {
        report->text_len += (size_t)len < left ? (size_t)len : left - 1;
    }
}

static void tell(iso_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(iso_report *report, const char *format, ...) {
    va_list list;
    va_start(list, format);
    say(report, format, list);
    va_end(list);
}

void iso_find(iso_index *index, iso_anomaly anomaly, const uint32_t *txns, size_t txn_count,
              const char *format, ...) {
    enum { TOLD = 3, TXN_TEXT = 4096 };
    iso_report *report = index->report;
    report->total++;
    if (++report->findings[anomaly] > TOLD) {
        return;
    }
    va_list list;
    tell(report, "%s: ", iso_anomaly_names[anomaly]);
    va_start(list, format);
    say(report, format, list);
    va_end(list);
    tell(report, "\n");
    for (size_t i = 0; i < txn_count; i++) {
        char text[TXN_TEXT];
        iso_show_txn(index->history, txns[i], text, sizeof text);
        tell(report, "    %s\n", text);
    }
}

/* ---- Lost updates ---------------------------------------------------------------------------- */

/* Whether the commit replaced the key by a value of its own: an addition loses nothing. */
static bool replaces(const iso_history *history, const iso_txn *txn, uint32_t key) {
    iso_owns owns;
    iso_own_begin(&owns);
    for (size_t i = 0; i < txn->op_count; i++) {
        iso_own_apply(&owns, &history->ops[txn->first_op + i]);
    }
    const iso_own *own = iso_own_find(&owns, key);
    return own != NULL && own->absolute;
}

static void check_lost_updates(iso_index *index) {
    const iso_history *history = index->history;
    for (size_t i = 0; i < index->seen_count; i++) {
        const iso_seen *seen = &index->seen[i];
        const iso_list *list = &index->lists[seen->key];
        const iso_txn *txn = &history->txns[seen->txn];
        const size_t written = txn->version == 0 ? SIZE_MAX : iso_entry_of(list, txn->version);
        if (written == SIZE_MAX || written <= seen->entry + 1 ||
            !replaces(history, txn, seen->key)) {
            continue;
        }
        const uint32_t both[] = {seen->txn, list->entries[seen->entry + 1].txn};
        iso_find(index, ISO_LOST_UPDATE, both, 2,
                 "the first read key %u and wrote it; the second had written it in between",
                 seen->key);
    }
}

/* ---- Events ---------------------------------------------------------------------------------- */

/* The events that committed transactions have appended to a run must be its log: in the order of
 * commits, and of one commit in the order in which they were appended. */
static void check_events(iso_index *index, uint32_t run) {
    const iso_history *history = index->history;
    size_t at = 0;
    uint64_t sequence = 0;
    while (at < history->event_count && history->events[at].run != run) {
        at++;
    }
    for (size_t i = 0; i < index->commit_count; i++) {
        const iso_txn *txn = &history->txns[index->commits[i]];
        for (size_t j = 0; txn->run == run && j < txn->op_count; j++) {
            const iso_op *op = &history->ops[txn->first_op + j];
            if (op->kind != ISO_APPEND || iso_is_undone(history, txn, j)) {
                continue;
            }
            const iso_event *event = &history->events[at];
            if (at == history->event_count || event->run != run ||
                event->sequence != sequence + 1 || event->value != op->value ||
                event->version != txn->version) {
                iso_find(index, ISO_BAD_EVENTS, &index->commits[i], 1,
                         "event %llu of run %u is not what it appended",
                         (unsigned long long)sequence + 1, run);
                return;
            }
            at++;
            sequence++;
        }
    }
    if (at < history->event_count && history->events[at].run == run) {
        iso_find(index, ISO_BAD_EVENTS, NULL, 0, "event %llu of run %u was appended by no commit",
                 (unsigned long long)history->events[at].sequence, run);
    }
}

void iso_check(const iso_history *history, iso_report *report) {
    iso_index index;
    memset(report, 0, sizeof *report);
    iso_index_make(&index, history, report);
    iso_check_reads(&index);
    check_lost_updates(&index);
    iso_check_cycles(&index);
    for (uint32_t run = 0; run < ISO_RUNS_MAX; run++) {
        check_events(&index, run);
    }
    iso_index_free(&index);
}
