/* main.c - runs seeds: sim [options]
 *
 *   --seeds N [--first K]   seeds K to K+N-1 (from 1)
 *   --seed N                one seed; with --trace every operation is told
 *   --regressions FILE      first the seeds in FILE: one at the beginning of each line
 *   --jobs N                by so many processes
 *   --must-fail             of a build that is broken on purpose: ends well at the first failure
 *   --twice                 each seed twice, which must come to the same bytes
 *   --counts                tells of each operation how often it was asked for; and at every
 *                           thousandth life of a job, how far it is
 *
 * Seeds run in a process of their own, many one after the other, so that an assertion, a sanitizer or
 * a hang ends that process and not the run. Which seed it was is known by memory shared with it.
 */
#include "life.h"

#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    JOBS_MAX = 16,
    REGRESSIONS_MAX = 1000,
    FAILURES_MAX = 5,  /* more say nothing new */
    SECONDS_MAX = 100, /* for one seed; the slowest takes a hundredth, sanitized */
};

typedef struct job {
    pid_t pid;
    uint64_t next; /* place in the order of seeds */
} job;

typedef struct plan {
    uint64_t seeds;
    uint64_t first;
    unsigned jobs;
    bool must_fail;
    bool twice;
    bool counts;
    uint64_t regressions[REGRESSIONS_MAX];
    uint64_t regression_count;
} plan;

/* Of each job: the place it is at, and what it has seen. */
typedef struct shared {
    uint64_t at[JOBS_MAX];
    life_totals totals[JOBS_MAX];
} shared;

static uint64_t seed_at(const plan *p, uint64_t place) {
    return place < p->regression_count ? p->regressions[place]
                                       : p->first + (place - p->regression_count);
}

static uint64_t places(const plan *p) {
    return p->regression_count + p->seeds;
}

static void read_regressions(plan *p, const char *name) {
    char line[512];
    FILE *file = fopen(name, "r");
    if (file == NULL) {
        (void)fprintf(stderr, "%s cannot be read\n", name);
        exit(2);
    }
    while (fgets(line, sizeof line, file) != NULL) {
        char *end = line;
        const unsigned long long seed = strtoull(line, &end, 10);
        if (end != line && p->regression_count < REGRESSIONS_MAX) {
            p->regressions[p->regression_count++] = seed;
        }
    }
    (void)fclose(file);
}

static void run_seed(const plan *p, uint64_t seed) {
    (void)alarm(SECONDS_MAX);
    const uint32_t digest = life_run(seed);
    if (p->twice && life_run(seed) != digest) {
        (void)fprintf(stderr, "seed %llu comes to other bytes the second time\n",
                      (unsigned long long)seed);
        exit(1);
    }
}

static pid_t start(const plan *p, shared *common, unsigned number, uint64_t from) {
    (void)fflush(stdout);
    const pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    if (p->must_fail && freopen("/dev/null", "w", stderr) == NULL) {
        exit(1);
    }
    uint64_t lived = 0;
    life_counts = &common->totals[number];
    for (uint64_t place = from; place < places(p); place += p->jobs) {
        common->at[number] = place;
        run_seed(p, seed_at(p, place));
        if (p->counts && ++lived % 1000 == 0) {
            (void)printf("job %u: %llu of %llu\n", number, (unsigned long long)(place + 1),
                         (unsigned long long)places(p));
            (void)fflush(stdout);
        }
    }
    exit(0);
}

static void tell_failure(uint64_t seed, int status) {
    const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    (void)printf("seed %llu failed%s%s; to replay it: make sim SEED=%llu\n",
                 (unsigned long long)seed, number == 0 ? "" : ": ",
                 number == 0         ? ""
                 : number == SIGALRM ? "it does not end"
                                     : strsignal(number),
                 (unsigned long long)seed);
}

/* Runs everything; returns how many seeds failed. *first_failed: one of them. */
static uint64_t run_all(const plan *p, shared *common, uint64_t *first_failed) {
    job jobs[JOBS_MAX];
    uint64_t failures = 0;
    unsigned alive = 0;
    for (unsigned i = 0; i < p->jobs; i++) {
        jobs[i].pid = start(p, common, i, i);
        alive++;
    }
    while (alive > 0) {
        int status;
        const pid_t pid = wait(&status);
        unsigned number = 0;
        while (number < p->jobs && jobs[number].pid != pid) {
            number++;
        }
        if (number == p->jobs) {
            continue;
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
            alive--;
            continue;
        }
        const uint64_t place = common->at[number];
        const uint64_t seed = seed_at(p, place);
        *first_failed = failures == 0 || seed < *first_failed ? seed : *first_failed;
        failures++;
        if (!p->must_fail) {
            tell_failure(seed, status);
        }
        if (p->must_fail || failures >= FAILURES_MAX || place + p->jobs >= places(p)) {
            alive--;
        } else {
            jobs[number].pid = start(p, common, number, place + p->jobs);
        }
    }
    return failures;
}

static life_totals sum_of(const shared *common) {
    life_totals sum = {0};
    for (unsigned i = 0; i < JOBS_MAX; i++) {
        const uint64_t *one = (const uint64_t *)&common->totals[i];
        for (size_t j = 0; j < sizeof sum / sizeof(uint64_t); j++) {
            ((uint64_t *)&sum)[j] += one[j];
        }
    }
    return sum;
}

static void tell_operations(const life_totals *sum) {
    for (size_t place = 0; op_at(place) != NULL; place++) {
        (void)printf("  %-18s %10llu, %10llu succeeded\n", op_at(place)->name,
                     (unsigned long long)sum->asked[place], (unsigned long long)sum->done[place]);
    }
}

static void tell_totals(const life_totals *sum) {
    const struct {
        uint64_t count;
        const char *what;
    } counts[] = {
        {sum->lives, " lives:"},
        {sum->operations, " operations,"},
        {sum->compared, " answers compared,"},
        {sum->commits, " commits left,"},
        {sum->done[op_place(op_find("txn.commit"))], " transactions committed;"},
        {sum->faults, " faults,"},
        {sum->crashes, " crashes,"},
        {sum->openings, " openings,"},
        {sum->broken, " writers stopped,"},
        {sum->placed, " commits of calls that failed;"},
        {sum->flushes, " flushes,"},
        {sum->merges, " merges,"},
        {sum->trimmed, " versions trimmed;"},
        {sum->snapshots, " snapshots opened;"},
        {sum->damages, " damages,"},
        {sum->refusals, " refused"},
    };
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        (void)printf("%s%llu%s", i == 0 ? "" : " ", (unsigned long long)counts[i].count,
                     counts[i].what);
    }
    (void)printf("\n");
}

/* What it took. */
static void tell_costs(uint64_t lives) {
    struct rusage used;
    if (lives > 0 && getrusage(RUSAGE_CHILDREN, &used) == 0) {
        const double cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                             (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
        (void)printf("%.1f ms of CPU a life, %.0f MB of memory at most\n",
                     cpu_s * 1e3 / (double)lives, (double)used.ru_maxrss / 1024);
    }
}

static uint64_t number_of(const char *text) {
    char *end;
    const unsigned long long number = strtoull(text, &end, 10);
    if (text[0] == '\0' || *end != '\0') {
        (void)fprintf(stderr, "%s is not a number\n", text);
        exit(2);
    }
    return number;
}

static void parse(plan *p, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(name, "--trace") == 0) {
            life_traces = true;
            continue;
        }
        if (strcmp(name, "--must-fail") == 0) {
            p->must_fail = true;
            continue;
        }
        if (strcmp(name, "--twice") == 0) {
            p->twice = true;
            continue;
        }
        if (strcmp(name, "--counts") == 0) {
            p->counts = true;
            continue;
        }
        i++;
        if (strcmp(name, "--seeds") == 0) {
            p->seeds = number_of(value);
        } else if (strcmp(name, "--first") == 0) {
            p->first = number_of(value);
        } else if (strcmp(name, "--seed") == 0) {
            p->first = number_of(value);
            p->seeds = 1;
        } else if (strcmp(name, "--jobs") == 0) {
            p->jobs = (unsigned)number_of(value);
        } else if (strcmp(name, "--regressions") == 0) {
            read_regressions(p, value);
        } else {
            (void)fprintf(stderr, "there is no option %s; the head of tests/sim/main.c has them\n",
                          name);
            exit(2);
        }
    }
    p->jobs = p->jobs < 1 ? 1 : p->jobs > JOBS_MAX ? JOBS_MAX : p->jobs;
}

int main(int argc, char **argv) {
    static plan p = {.seeds = 100, .first = 1, .jobs = 1};
    uint64_t first_failed = 0;
    parse(&p, argc, argv);
    /* The same large blocks come and go all the time; pages are kept. */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 28);
    (void)mallopt(M_MXFAST, 0); /* else each large block that is freed merges all small ones */
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 28);
    shared *common =
        mmap(NULL, sizeof *common, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (common == MAP_FAILED) {
        return 2;
    }
    const uint64_t failures = run_all(&p, common, &first_failed);
    if (p.must_fail) {
        (void)printf(failures > 0 ? "caught by seed %llu\n" : "not caught by %llu seeds\n",
                     (unsigned long long)(failures > 0 ? first_failed : places(&p)));
        return failures > 0 ? 0 : 1;
    }
    const life_totals sum = sum_of(common);
    if (p.counts) {
        tell_operations(&sum);
    }
    tell_totals(&sum);
    tell_costs(sum.lives);
    (void)printf("%llu passed, %llu failed\n", (unsigned long long)(places(&p) - failures),
                 (unsigned long long)failures);
    return failures > 0 ? 1 : 0;
}
