/* executor.c - one thread per job, and a futex.
 *
 * A job calls its step every `every_ms` milliseconds, counted from the beginning of the last step,
 * and at once when kicked; with every_ms 0 only when kicked. A kick during a step is not lost: it
 * makes one more step. Steps of a job never overlap.
 *
 * Invariants
 * 1. kicked and stopping change under the mutex only, and each change signals the condition.
 * 2. After stop returns no step of the job runs or will run, and its memory is gone.
 * 3. The thread blocks all signals: a program's Ctrl-C goes to a thread of the program.
 *
 * A wait looks at its word for a while before it sleeps: what it waits for is another thread's turn
 * with a lock (half a microsecond) or with the disk (about a hundred), and to be woken costs up to
 * fifty, in which the disk would be idle. It gives the processor away between looks, and a single
 * processor at once.
 *
 * The condition waits on CLOCK_MONOTONIC, so that setting the wall clock neither starves nor floods
 * the job. wait and wake are the Linux futex, private to the process; a host for another system
 * would bring its own file.
 *
 * Rejected: a pool of threads. A database has one background job; it sleeps nearly all the time.
 */
#include "native.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    AWAKE_NS = 200 * 1000, /* a sync of a good disk and a half */
    LOOKS = 40,            /* between two offers of the processor: about a microsecond */
};

struct strata_job {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool kicked;
    bool stopping;
    uint32_t every_ms;
    st_native_settling settling;
    void (*step)(void *arg);
    void *arg;
};

static uint64_t now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct timespec after_ms(struct timespec time, uint32_t ms) {
    time.tv_sec += (time_t)(ms / 1000);
    time.tv_nsec += (long)(ms % 1000) * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec += 1;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

/* Sleeps until the next step is due or somebody calls; with the mutex held. */
static void sleep_until_due(strata_job *job, const struct timespec *due) {
    int result = 0;
    while (!job->kicked && !job->stopping && result != ETIMEDOUT) {
        result = job->every_ms == 0 ? pthread_cond_wait(&job->changed, &job->mutex)
                                    : pthread_cond_timedwait(&job->changed, &job->mutex, due);
    }
}

static void *run(void *arg) {
    strata_job *const job = arg;
    struct timespec begun;
    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    (void)pthread_mutex_lock(&job->mutex);
    for (;;) {
        const struct timespec due = after_ms(begun, job->every_ms);
        sleep_until_due(job, &due);
        if (job->stopping) {
            break;
        }
        job->kicked = false;
        (void)pthread_mutex_unlock(&job->mutex);
        (void)clock_gettime(CLOCK_MONOTONIC, &begun);
        job->step(job->arg);
        (void)st_native_settle(&job->settling, now_ns());
        (void)pthread_mutex_lock(&job->mutex);
    }
    (void)pthread_mutex_unlock(&job->mutex);
    return NULL;
}

static void free_job(strata_job *job) {
    (void)pthread_cond_destroy(&job->changed);
    (void)pthread_mutex_destroy(&job->mutex);
    free(job);
}

static bool make_condition(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    const bool ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                    pthread_cond_init(condition, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    return ok;
}

strata_status st_native_start(void *ctx, void (*step)(void *arg), void *arg, uint32_t every_ms,
                              strata_job **job) {
    (void)ctx;
    strata_job *const made = malloc(sizeof(strata_job));
    if (made == NULL) {
        return STRATA_NO_MEMORY;
    }
    *made = (strata_job){.every_ms = every_ms, .step = step, .arg = arg};
    if (pthread_mutex_init(&made->mutex, NULL) != 0) {
        free(made);
        return STRATA_NO_MEMORY;
    }
    if (!make_condition(&made->changed)) {
        (void)pthread_mutex_destroy(&made->mutex);
        free(made);
        return STRATA_NO_MEMORY;
    }
    /* The thread inherits the mask, so there is no moment in which it could take a signal. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&made->thread, NULL, run, made);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        free_job(made);
        return error == ENOMEM ? STRATA_NO_MEMORY : STRATA_UNAVAILABLE;
    }
    *job = made;
    return STRATA_OK;
}

void st_native_kick(void *ctx, strata_job *job) {
    (void)ctx;
    (void)pthread_mutex_lock(&job->mutex);
    job->kicked = true;
    (void)pthread_cond_signal(&job->changed);
    (void)pthread_mutex_unlock(&job->mutex);
}

void st_native_stop(void *ctx, strata_job *job) {
    (void)ctx;
    (void)pthread_mutex_lock(&job->mutex);
    job->stopping = true;
    (void)pthread_cond_signal(&job->changed);
    (void)pthread_mutex_unlock(&job->mutex);
    (void)pthread_join(job->thread, NULL);
    free_job(job);
}

static void pause_thread(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Asked once: the answer opens files. */
static bool has_two_processors(void) {
    static _Atomic long known;
    long count = atomic_load_explicit(&known, memory_order_relaxed);
    if (count == 0) {
        count = sysconf(_SC_NPROCESSORS_ONLN);
        atomic_store_explicit(&known, count, memory_order_relaxed);
    }
    return count > 1;
}

/* Whether the word changes within AWAKE_NS. Others that want the processor get it meanwhile. */
static bool changes_soon(const uint32_t *word, uint32_t expected) {
    const uint64_t begun_ns = now_ns();
    do {
        for (int i = 0; i < LOOKS; i++) {
            if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != expected) {
                return true;
            }
            pause_thread();
        }
        (void)sched_yield();
    } while (now_ns() - begun_ns < AWAKE_NS);
    return false;
}

void st_native_wait(void *ctx, uint32_t *word, uint32_t expected) {
    (void)ctx;
    if (has_two_processors() && changes_soon(word, expected)) {
        return;
    }
    /* EAGAIN (the word has changed) and EINTR are two of the reasons to wake for no reason. */
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

void st_native_wake(void *ctx, uint32_t *word, bool all) {
    (void)ctx;
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, all ? INT_MAX : 1, NULL, NULL, 0);
}
