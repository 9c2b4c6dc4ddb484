/* event_wait.c - sleeping on a futex of the run until somebody has appended.
 *
 * A run has a word that goes up, and a number of those who wait. Nothing is told to the word while
 * nobody waits, so an append costs one atomic instruction more, and no system call.
 *
 * Invariants:
 * 1. Nothing is overlooked. Who waits counts himself in, then reads the word, then looks for events, then
 *    sleeps while the word is the same. Who appends shows his events to readers, then reads the number.
 *    Both do that by a read-modify-write of the number: if the appender's comes first, the other one
 *    sees his events; if not, he sees that one waits, and raises the word.
 * 2. A wake for no reason is harmless: who is woken looks again.
 *
 * A host offers no wait with an end (host.h), so a job of its executor raises the word when the time is
 * over; it is started only when there is nothing to be had at once.
 */
#include "model/event_wait.h"

static void raise_word(st_run *run, const strata_executor *executor) {
    atomic_fetch_add_explicit(&run->event_word, 1, memory_order_seq_cst);
    executor->wake(executor->ctx, (uint32_t *)(void *)&run->event_word, true);
}

static void time_over(void *arg) {
    const st_event_waiting *waiting = arg;
    raise_word(waiting->run, &waiting->host->executor);
}

void st_event_wait_begin(st_request *rq, st_run *run, uint64_t wait_ms, st_event_waiting *waiting) {
    const strata_host *host = rq->model->host;
    *waiting = (st_event_waiting){.host = host};
    if (wait_ms > 0 && host->executor.start != NULL) {
        waiting->run = run;
        waiting->until_ns = host->clock.monotonic_ns(host->clock.ctx) + wait_ms * 1000000;
        atomic_fetch_add_explicit(&run->event_waiters, 1, memory_order_seq_cst);
    }
}

void st_event_wait_end(st_event_waiting *waiting) {
    if (waiting->run == NULL) {
        return;
    }
    if (waiting->timer != NULL) {
        waiting->host->executor.stop(waiting->host->executor.ctx, waiting->timer);
    }
    atomic_fetch_sub_explicit(&waiting->run->event_waiters, 1, memory_order_seq_cst);
}

void st_event_wait_look(st_event_waiting *waiting) {
    if (waiting->run != NULL) {
        waiting->seen = atomic_load_explicit(&waiting->run->event_word, memory_order_seq_cst);
    }
}

bool st_event_wait_sleep(st_event_waiting *waiting) {
    const strata_executor *executor = &waiting->host->executor;
    const strata_clock *clock = &waiting->host->clock;
    if (waiting->run == NULL) {
        return false;
    }
    const uint64_t now_ns = clock->monotonic_ns(clock->ctx);
    if (now_ns >= waiting->until_ns) {
        return false;
    }
    if (waiting->timer == NULL) {
        const uint32_t left_ms = (uint32_t)((waiting->until_ns - now_ns) / 1000000 + 1);
        if (executor->start(executor->ctx, time_over, waiting, left_ms, &waiting->timer) !=
            STRATA_OK) {
            waiting->timer = NULL;
            return false;
        }
    }
    executor->wait(executor->ctx, (uint32_t *)(void *)&waiting->run->event_word, waiting->seen);
    return true;
}

void st_event_wake(st_request *rq, st_run *run) {
    if (atomic_fetch_add_explicit(&run->event_waiters, 0, memory_order_seq_cst) != 0) {
        raise_word(run, &rq->model->host->executor);
    }
}

void st_event_wake_all(st_model *model) {
    const uint64_t end = st_shards_end(&model->store.shards);
    for (uint64_t id = 0; id < end && model->host->executor.wake != NULL; id++) {
        const st_shard *shard = st_shards_find(&model->store.shards, id);
        if (shard != NULL && shard->owner != NULL) {
            raise_word(shard->owner, &model->host->executor);
        }
    }
}
