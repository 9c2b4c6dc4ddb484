/* scheduler.c - see scheduler.h.
 *
 * Invariants:
 * 1. Exactly one thread runs; `current` is it. A switch goes straight from one to the next, there
 *    is no loop in between.
 * 2. A thread that waits on a word is woken by sched_wake on that word, or, rarely, for no reason, as
 *    the futex allows.
 * 3. When nobody can run but a job sleeps, the clock goes on to the moment the job is due. When
 *    nobody can run and no job sleeps, the core has locked itself out: that fails the seed.
 * 4. Time goes on by a little at each look at the clock, so whoever polls it gets there.
 *
 * The stacks are the C library's ucontext; under the address sanitizer each switch is announced.
 * Rejected: real threads that pass a baton. They would need no annotations, but a switch costs five
 * microseconds instead of a half, and a seed makes some thousands of them.
 */
#include "scheduler.h"

#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
enum { STACK_BYTES = 1 << 20 };
#else
enum { STACK_BYTES = 256 << 10 };
#endif

enum {
    THREADS_MAX = 12,
    TICK_NS = 2000,          /* a look at the clock */
    SPURIOUS = 64,           /* one switch in so many wakes somebody for no reason */
    SWITCHES_MAX = 50000000, /* in the life of a seed; more is a loop without end */
};

typedef enum thread_state {
    NONE,
    READY,
    WAITING,  /* for a wake on `word` */
    SLEEPING, /* a job between two steps */
    JOINING,  /* for all clients, or for `awaited` */
    ENDED,
} thread_state;

typedef struct thread {
    ucontext_t context;
    thread_state state;
    const uint32_t *word;
    void (*run)(void *arg);
    void *arg;
    strata_job *job; /* NULL: a client, or the life itself */
    struct thread *awaited;
    void *stack;
    const void *stack_bottom; /* as the sanitizer knows it */
    size_t stack_size;
    void *fake_stack;
} thread;

struct strata_job {
    thread *worker;
    void (*step)(void *arg);
    void *arg;
    uint64_t every_ns; /* 0: only when kicked */
    uint64_t due_ns;
    bool kicked;
    bool stopping;
};

struct sched {
    sim *machine;
    uint64_t chance;
    uint64_t every;
    uint64_t switches;
    thread threads[THREADS_MAX]; /* the first is the life */
    thread *current;
    thread *before; /* whom the running one took over from */
};

static sched *the_sched; /* makecontext passes ints only */

/* ---- Switching ------------------------------------------------------------------------------- */

static void announce_leave(thread *from, const thread *to) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(from->state == ENDED ? NULL : &from->fake_stack,
                                   to->stack_bottom, to->stack_size);
#else
    (void)from;
    (void)to;
#endif
}

static void announce_arrival(sched *sc) {
#if defined(__SANITIZE_ADDRESS__)
    thread *before = sc->before;
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(sc->current->fake_stack, &bottom, &size);
    before->stack_bottom = bottom;
    before->stack_size = size;
#else
    (void)sc;
#endif
}

static void switch_to(sched *sc, thread *to) {
    thread *from = sc->current;
    if (from == to) {
        return;
    }
    if (++sc->switches > SWITCHES_MAX) {
        fail_msg("the threads take turns without end");
    }
    sc->before = from;
    sc->current = to;
    announce_leave(from, to);
    (void)swapcontext(&from->context, &to->context);
    announce_arrival(sc);
}

static bool is_due(const sched *sc, const thread *t) {
    const strata_job *job = t->job;
    return job->kicked || job->stopping ||
           (job->every_ns > 0 && sc->machine->monotonic_ns >= job->due_ns);
}

static bool has_clients(const sched *sc) {
    for (size_t i = 1; i < THREADS_MAX; i++) {
        const thread *t = &sc->threads[i];
        if (t->state != NONE && t->state != ENDED && t->job == NULL) {
            return true;
        }
    }
    return false;
}

static bool can_run(const sched *sc, const thread *t) {
    switch (t->state) {
    case READY:
        return true;
    case SLEEPING:
        return is_due(sc, t);
    case JOINING:
        return t->awaited == NULL ? !has_clients(sc) : t->awaited->state == ENDED;
    default:
        return false;
    }
}

/* Lets time pass until the first job is due; false when none sleeps. */
static bool pass_time(sched *sc) {
    uint64_t first = UINT64_MAX;
    for (size_t i = 1; i < THREADS_MAX; i++) {
        const thread *t = &sc->threads[i];
        if (t->state == SLEEPING && t->job->every_ns > 0 && t->job->due_ns < first) {
            first = t->job->due_ns;
        }
    }
    if (first != UINT64_MAX && first > sc->machine->monotonic_ns) {
        sc->machine->monotonic_ns = first;
    }
    return first != UINT64_MAX;
}

static thread *choose(sched *sc) {
    thread *ready[THREADS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < THREADS_MAX; i++) {
        thread *t = &sc->threads[i];
        const bool spurious = t->state == WAITING && test_random_below(&sc->chance, SPURIOUS) == 0;
        if (spurious) {
            t->state = READY;
        }
        if (can_run(sc, t)) {
            ready[count++] = t;
        }
    }
    return count == 0 ? NULL : ready[test_random_below(&sc->chance, count)];
}

/* The running thread cannot go on, or need not: somebody else does. */
static void give_way(sched *sc) {
    thread *next = choose(sc);
    while (next == NULL) {
        if (!pass_time(sc)) {
            fail_msg("deadlock: every thread waits");
        }
        next = choose(sc);
    }
    if (next->state == JOINING || next->state == SLEEPING) {
        next->state = READY;
    }
    switch_to(sc, next);
}

/* A moment at which another thread may overtake. */
static void moment(sched *sc) {
    if (sc->every > 0 && test_random_below(&sc->chance, sc->every) == 0) {
        give_way(sc);
    }
}

/* ---- Threads --------------------------------------------------------------------------------- */

static void thread_main(void) {
    sched *sc = the_sched;
    announce_arrival(sc);
    thread *self = sc->current;
    self->run(self->arg);
    self->state = ENDED;
    give_way(sc);
    abort(); /* nobody runs what has ended */
}

static thread *add_thread(sched *sc, void (*run)(void *arg), void *arg) {
    thread *t = NULL;
    for (size_t i = 1; i < THREADS_MAX && t == NULL; i++) {
        const thread_state state = sc->threads[i].state;
        t = state == NONE || state == ENDED ? &sc->threads[i] : NULL;
    }
    assert_non_null(t);
    void *stack = t->stack == NULL ? malloc(STACK_BYTES) : t->stack;
    assert_non_null(stack);
    *t = (thread){.state = READY, .run = run, .arg = arg, .stack = stack};
    t->stack_bottom = stack;
    t->stack_size = STACK_BYTES;
    (void)getcontext(&t->context);
    t->context.uc_stack.ss_sp = stack;
    t->context.uc_stack.ss_size = STACK_BYTES;
    t->context.uc_link = NULL;
    makecontext(&t->context, thread_main, 0);
    return t;
}

void sched_start(sched *sc, void (*run)(void *arg), void *arg) {
    (void)add_thread(sc, run, arg);
}

static void join(sched *sc, thread *awaited) {
    thread *self = sc->current;
    self->awaited = awaited;
    self->state = JOINING;
    give_way(sc);
}

void sched_join(sched *sc) {
    if (has_clients(sc)) {
        join(sc, NULL);
    }
}

/* ---- The executor ---------------------------------------------------------------------------- */

static void job_main(void *arg) {
    strata_job *job = arg;
    sched *sc = the_sched;
    while (!job->stopping) {
        if (is_due(sc, job->worker)) {
            job->kicked = false;
            job->due_ns = sc->machine->monotonic_ns + job->every_ns;
            job->step(job->arg);
        } else {
            job->worker->state = SLEEPING;
            give_way(sc);
        }
    }
}

static strata_status start_job(void *ctx, void (*step)(void *arg), void *arg, uint32_t every_ms,
                               strata_job **out) {
    sched *sc = ctx;
    strata_job *job = calloc(1, sizeof *job);
    assert_non_null(job);
    job->step = step;
    job->arg = arg;
    job->every_ns = (uint64_t)every_ms * 1000000;
    job->due_ns = sc->machine->monotonic_ns + job->every_ns;
    job->worker = add_thread(sc, job_main, job);
    job->worker->job = job;
    *out = job;
    return STRATA_OK;
}

static void kick_job(void *ctx, strata_job *job) {
    job->kicked = true;
    moment(ctx);
}

static void stop_job(void *ctx, strata_job *job) {
    job->stopping = true;
    if (job->worker->state != ENDED) {
        join(ctx, job->worker);
    }
    free(job);
}

static void wait_word(void *ctx, uint32_t *word, uint32_t expected) {
    sched *sc = ctx;
    moment(sc);
    if (*word == expected) {
        sc->current->word = word;
        sc->current->state = WAITING;
        give_way(sc);
    }
}

static void wake_word(void *ctx, uint32_t *word, bool all) {
    sched *sc = ctx;
    const size_t start = (size_t)test_random_below(&sc->chance, THREADS_MAX);
    bool woken = false;
    for (size_t i = 0; i < THREADS_MAX && (all || !woken); i++) {
        thread *t = &sc->threads[(start + i) % THREADS_MAX];
        if (t->state == WAITING && t->word == word) {
            t->state = READY;
            woken = true;
        }
    }
    moment(sc);
}

/* ---- The clock and the storage --------------------------------------------------------------- */

static int64_t wall_us(void *ctx) {
    sched *sc = ctx;
    moment(sc);
    return sc->machine->wall_us;
}

static uint64_t monotonic_ns(void *ctx) {
    sched *sc = ctx;
    moment(sc);
    return sc->machine->monotonic_ns += TICK_NS;
}

static void sleep_us(void *ctx, uint64_t duration_us) {
    sched *sc = ctx;
    sc->machine->monotonic_ns += duration_us * 1000;
    give_way(sc);
}

static void on_storage(void *ctx, uint32_t kind, const char *name) {
    (void)kind;
    (void)name;
    moment(ctx);
}

/* ---- Making ---------------------------------------------------------------------------------- */

sched *sched_new(sim *machine, uint64_t seed, uint64_t every) {
    sched *sc = calloc(1, sizeof *sc);
    assert_non_null(sc);
    sc->machine = machine;
    sc->chance = seed;
    sc->every = every;
    sc->threads[0].state = READY;
    sc->current = &sc->threads[0];
    the_sched = sc;
    return sc;
}

void sched_take_over(sched *sc) {
    sim *s = sc->machine;
    s->hook = on_storage;
    s->hook_arg = sc;
    s->host.clock = (strata_clock){sc, wall_us, monotonic_ns, sleep_us};
    s->host.executor = (strata_executor){sc, start_job, kick_job, stop_job, wait_word, wake_word};
}

void sched_free(sched *sc) {
    for (size_t i = 0; i < THREADS_MAX; i++) {
        free(sc->threads[i].stack);
    }
    free(sc);
}
