/* sim.h - a simulated machine: disk, power, clock, chance and memory that fail on demand.
 *
 * The disk keeps of every file what was written and what is durable: a sync makes the first the
 * second. A crash keeps the durable bytes and, by policy, some of the rest. Same seed, same calls:
 * same bytes.
 *
 *   fault                              how
 *   crash at the n-th changing call    sim_cut_power, then sim_restart
 *   unsynced writes lost, kept, torn   policy of sim_restart; torn in sectors of 512 bytes, each at
 *     or reordered                     a moment of its own; size and name likewise
 *   the process dies, the system not   SIM_KILL: nothing is lost, and nothing becomes durable
 *   the n-th call fails                sim_fail, once or from then on; SIM_SHORT does half of it
 *   the disk is full                   sim_set_capacity
 *   a sync that says OK and is none    sim_set_lying
 *   a bit is not what was written      sim_flip
 *   the n-th allocation fails          sim_fail_memory, once
 *   the clock jumps                    sim.wall_us and .monotonic_ns are the test's to set
 *   somebody else acts in between      sim.hook, called before each call and after a sync
 *
 * Every function may be called by any thread once sim_use_threads was called.
 */
#ifndef STRATA_TEST_SIM_H
#define STRATA_TEST_SIM_H

#include <pthread.h>

#include "support.h"

enum {
    SIM_OPEN = 1,   /* of a file that is there */
    SIM_CREATE = 2, /* an open that makes the file */
    SIM_READ = 4,
    SIM_WRITE = 8, /* append, too */
    SIM_TRUNCATE = 16,
    SIM_SYNC = 32,
    SIM_SIZE = 64,
    SIM_CLOSE = 128,
    SIM_REMOVE = 256,
    SIM_LIST = 512,
    SIM_LOCK = 1024,
    SIM_UNLOCK = 2048,
    SIM_SYNCED = 4096, /* for the hook only: a sync has taken effect */
    SIM_CHANGING = SIM_CREATE | SIM_WRITE | SIM_TRUNCATE | SIM_SYNC | SIM_REMOVE,
    SIM_ANY = 4095,
};

typedef enum sim_policy {
    SIM_NONE,   /* what was not synced is lost */
    SIM_ALL,    /* all of it was written out in time */
    SIM_RANDOM, /* anything in between */
    SIM_KILL,   /* only the process died */
} sim_policy;

enum { SIM_SECTOR = 512, SIM_NAME_MAX = 96 };

typedef struct sim_op {
    uint64_t offset; /* of a write */
    uint8_t *data;   /* NULL: a truncate */
    size_t len;
    uint64_t size_after;
} sim_op;

typedef struct sim_image {
    uint8_t *data; /* bytes beyond `len` and below `size` are zero */
    size_t len;
    size_t cap;
    uint64_t size;
} sim_image;

typedef struct sim_node {
    sim_image written;
    sim_image durable;
    sim_op *ops; /* since the last sync */
    size_t op_count;
    size_t op_cap;
} sim_node;

/* A name and what is under it. Names and nodes that nothing leads to go at the next restart. */
typedef struct sim_entry {
    char name[SIM_NAME_MAX];
    sim_node *now;     /* NULL: not there */
    sim_node *durable; /* NULL: would not be there after a crash */
    bool locked;
} sim_entry;

typedef struct sim {
    strata_host host;
    pthread_mutex_t mutex;
    bool threads;
    uint64_t chance; /* of the entropy that the core gets */
    int64_t wall_us;
    uint64_t monotonic_ns;

    sim_entry **entries;
    size_t entry_count;
    sim_node **nodes;
    size_t node_count;
    uint64_t capacity; /* of the disk; UINT64_MAX: without end */
    uint64_t epoch;    /* handles of an older one are of a process that is dead */
    uint64_t open_files;
    bool dead; /* the power is off */
    uint64_t calls[12];

    uint64_t power_left; /* changing calls until it goes; 0: it stays */
    uint32_t fail_kinds;
    uint64_t fail_left;
    strata_status fail_status;
    bool fail_once;
    bool fail_short;
    uint64_t failed;       /* calls that a fault has hit */
    uint32_t failed_kinds; /* of all of them */
    bool failed_growth;    /* it was a truncate to a larger size */
    bool entropy_fails;
    bool lying;
    uint64_t memory_left;
    size_t blocks_before; /* allocated by others when the machine was made */
    bool memory_failed;

    void (*hook)(void *arg, uint32_t kind, const char *name);
    void *hook_arg;
    uint64_t warnings;
    char warning[256];
} sim;

sim *sim_new(uint64_t seed);
/* Fails the test if a file is still open or memory was not given back. */
void sim_free(sim *s);
/* Gives the host the futex of the native one; databases may then be used by several threads. */
void sim_use_threads(sim *s);

/* The power goes at the n-th changing call from now: it and all later calls fail, and whether this
 * one was carried out is for sim_restart to decide. 0: never. */
void sim_cut_power(sim *s, uint64_t nth);
/* Power back on; every handle is stale, every lock free. seed: of SIM_RANDOM. */
void sim_restart(sim *s, sim_policy policy, uint64_t seed);

/* The n-th call of these kinds from now fails (and, unless once, all later ones of these kinds). */
void sim_fail(sim *s, uint32_t kinds, uint64_t nth, strata_status status, bool once);
/* The same, but a write or read does half of its work first. */
void sim_fail_short(sim *s, uint32_t kinds, uint64_t nth, strata_status status, bool once);
void sim_heal(sim *s);
void sim_fail_memory(sim *s, uint64_t nth);
void sim_set_capacity(sim *s, uint64_t bytes);
/* While it is set, a sync returns OK and makes nothing durable. */
void sim_set_lying(sim *s, bool lying);
/* Calls of these kinds so far. */
uint64_t sim_calls(const sim *s, uint32_t kinds);
uint64_t sim_used(const sim *s);

/* Bytes of a file as written (or as durable); data NULL when there is none. Caller frees. */
strata_slice sim_copy(sim *s, const char *name, bool durable);
void sim_release(strata_slice bytes);
bool sim_exists(const sim *s, const char *name);
/* Replaces a file, or makes it, written and durable alike. */
void sim_put(sim *s, const char *name, strata_slice bytes);
void sim_drop(sim *s, const char *name);
/* Changes a bit of a file, written and durable alike; nothing if the file is not that long. */
void sim_flip(sim *s, const char *name, uint64_t offset, unsigned bit);
/* All files of `from` under the same names in `to`, durable; what else `to` has is dropped. */
void sim_clone(sim *to, sim *from);

#endif
