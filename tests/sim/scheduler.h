/* scheduler.h - threads that take turns when chance says so.
 *
 * A thread here is a fiber with a stack of its own. Only one runs; it hands on at the calls that the
 * core makes to its host (storage, clock, futex), at which real threads would be as likely to be
 * overtaken as anywhere. Who comes next is drawn from the seed, so a run can be repeated exactly.
 * The caller of sched_new is a thread too, and runs the life.
 */
#ifndef STRATA_SIM_SCHED_H
#define STRATA_SIM_SCHED_H

#include "sim.h"

typedef struct sched sched;

/* Time passes on the machine's clock; its storage calls become moments to switch at. every: on
 * average one such moment in so many is taken; 0: nobody is ever overtaken. */
sched *sched_new(sim *machine, uint64_t seed, uint64_t every);
void sched_free(sched *sc);

/* Sets the machine's executor and clock: jobs are threads, the futex is a list of sleepers. */
void sched_take_over(sched *sc);

void sched_start(sched *sc, void (*run)(void *arg), void *arg);
/* Returns when every thread made by sched_start has ended. Fails when all of them wait. */
void sched_join(sched *sc);

#endif
