/* main.c - the isolation checker: histories of real threads, checked (check.c).
 *
 * In phases, each with a database of its own: in memory and on disk, in buffered and strict mode,
 * with so little memory that tables are written and merged all the while, all transactions
 * serializable, all snapshot, or both.
 *
 *   isolation [--txns n] [--seed n] [--threads n]   checks about n transactions
 *   isolation --broken ...       of a core whose validation is off: ends well as soon as lost updates
 *                                and write skew have been found
 *
 * The seed gives the plan. The interleaving is the scheduler's, so a finding need not come again; what
 * is printed must do to judge it: the transactions that take part, all that they did and saw, and the
 * edges of the cycle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "work.h"

typedef struct settings {
    uint64_t txns;
    uint64_t seed;
    uint32_t threads;
    bool broken;
} settings;

enum { PHASE_TXNS = 25000 };

static const struct {
    const char *name;
    bool on_disk;
    strata_durability durability;
    uint64_t memory_bytes;
    work_levels levels;
} phases[] = {
    {"in memory, serializable", false, STRATA_MEMORY, 1 << 20, WORK_SERIALIZABLE},
    {"1 MiB, serializable", true, STRATA_BUFFERED, 1 << 20, WORK_SERIALIZABLE},
    {"in memory, snapshot", false, STRATA_MEMORY, 1 << 20, WORK_SNAPSHOT},
    {"strict, mixed levels", true, STRATA_STRICT, 4 << 20, WORK_MIXED},
    {"1 MiB, mixed levels", true, STRATA_BUFFERED, 1 << 20, WORK_MIXED},
    {"strict, serializable", true, STRATA_STRICT, 1 << 20, WORK_SERIALIZABLE},
    {"1 MiB, snapshot", true, STRATA_BUFFERED, 1 << 20, WORK_SNAPSHOT},
};

enum { PHASES = sizeof phases / sizeof phases[0] };

static void usage(void) {
    (void)fprintf(stderr, "isolation [--txns n] [--seed n] [--threads n] [--broken]\n");
    exit(2);
}

static settings read_settings(int argc, char **argv) {
    settings s = {100000, (uint64_t)time(NULL), 6, false};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--broken") == 0) {
            s.broken = true;
            continue;
        }
        if (i + 1 == argc) {
            usage();
        }
        const uint64_t number = strtoull(argv[i + 1], NULL, 0);
        if (strcmp(argv[i], "--txns") == 0) {
            s.txns = number;
        } else if (strcmp(argv[i], "--seed") == 0) {
            s.seed = number;
        } else if (strcmp(argv[i], "--threads") == 0) {
            s.threads = (uint32_t)number;
        } else {
            usage();
        }
        i++;
    }
    return s;
}

static void remove_folder(const char *path) {
    char command[600];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0) {
        (void)fprintf(stderr, "%s could not be removed\n", path);
    }
}

static void tell_findings(const iso_report *report) {
    for (unsigned i = 0; i < ISO_ANOMALIES; i++) {
        if (report->findings[i] > 0) {
            printf("  %s: %llu\n", iso_anomaly_names[i], (unsigned long long)report->findings[i]);
        }
    }
    fputs(report->text, stdout);
}

/* Runs one phase; false: something was found. */
static bool run_phase(const settings *s, uint64_t nth, uint64_t txns, iso_report *report) {
    const size_t place = (size_t)(nth % PHASES);
    char folder[512];
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder, sizeof folder, "%s/strata-isolation-XXXXXX",
                   base == NULL ? "/tmp" : base);
    if (phases[place].on_disk && mkdtemp(folder) == NULL) {
        perror(folder);
        exit(2);
    }
    const work_plan plan = {.seed = s->seed + nth,
                            .path = phases[place].on_disk ? folder : ":memory:",
                            .durability = phases[place].durability,
                            .memory_bytes = phases[place].memory_bytes,
                            .levels = phases[place].levels,
                            .threads = s->threads,
                            .txns = txns};
    work_result result;
    work(&plan, &result);
    iso_check(&result.history, report);
    printf("%-24s %7llu committed %6llu conflicts %4llu flushes %4llu merges %5llu skews allowed: "
           "%s\n",
           phases[place].name, (unsigned long long)result.committed,
           (unsigned long long)result.conflicts, (unsigned long long)result.flushes,
           (unsigned long long)result.compactions, (unsigned long long)report->skews_allowed,
           report->total == 0 ? "clean" : "NOT CLEAN");
    if (report->total > 0) {
        tell_findings(report);
    }
    (void)fflush(stdout);
    iso_history_free(&result.history);
    if (phases[place].on_disk) {
        remove_folder(folder);
    }
    return report->total == 0;
}

static int check(const settings *s, iso_report *report) {
    uint64_t failed = 0;
    uint64_t passed = 0;
    uint64_t nth = 0;
    /* No phase is so short that it has no flush. */
    const uint64_t phase_txns = s->txns < (uint64_t)PHASE_TXNS * PHASES
                                    ? (s->txns + PHASES - 1) / PHASES
                                    : (uint64_t)PHASE_TXNS;
    for (uint64_t done = 0; done < s->txns; done += phase_txns) {
        const bool clean = run_phase(s, nth++, phase_txns, report);
        passed += clean;
        failed += !clean;
    }
    if (failed > 0) {
        printf("the plan again, under another interleaving: make isolation TXNS=%llu SEED=%llu\n",
               (unsigned long long)s->txns, (unsigned long long)s->seed);
    }
    printf("%llu passed, %llu failed\n", (unsigned long long)passed, (unsigned long long)failed);
    return failed > 0;
}

static int catch_broken(const settings *s, iso_report *report) {
    const clock_t start = clock();
    bool skew = false;
    bool lost = false;
    for (uint64_t nth = 0; nth < s->txns / 1000; nth++) {
        (void)run_phase(s, nth, 1000, report);
        lost = lost || report->findings[ISO_LOST_UPDATE] > 0;
        skew = skew || report->findings[ISO_WRITE_SKEW] > 0;
        if (lost && skew) {
            printf("caught after %llu transactions, %.1f s of processor time\n1 passed, 0 failed\n",
                   (unsigned long long)(nth + 1) * 1000,
                   (double)(clock() - start) / CLOCKS_PER_SEC);
            return 0;
        }
    }
    printf("a core without validation was not caught\n0 passed, 1 failed\n");
    return 1;
}

int main(int argc, char **argv) {
    const settings s = read_settings(argc, argv);
    iso_report *report = malloc(sizeof *report);
    if (report == NULL) {
        return 2;
    }
    printf("seed %llu, %u threads, %llu transactions\n", (unsigned long long)s.seed, s.threads,
           (unsigned long long)s.txns);
    const int status = s.broken ? catch_broken(&s, report) : check(&s, report);
    free(report);
    return status;
}
