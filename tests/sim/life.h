/* life.h - one life of a database: what it is made of, and its parts.
 *
 * life.c has the course of it, round.c what clients do and whether the answers hold, follow.c their
 * transactions, check.c the comparison of everything readable, crash.c opening, closing and what the
 * power cord does, damage.c what becomes of changed bytes.
 */
#ifndef STRATA_SIM_LIFE_H
#define STRATA_SIM_LIFE_H

#include "model_txn.h"
#include "scheduler.h"

enum {
    CLIENTS_MAX = 3,
    RECORDS_MAX = 24, /* of one round */
    UNKNOWN_MAX = 24,
};

/* One operation, as it happened. */
typedef struct record {
    op op;
    unsigned client;
    uint64_t invoked; /* moments of the round, counted */
    uint64_t responded;
    answer answer;
    uint64_t version; /* of its commit; 0: none */
    int64_t wall_us;  /* of the clock when it was called */
    int64_t now_us;   /* of the clock of times to live */
    bool excused;     /* it failed by a fault: whether it happened is not known */
} record;

typedef struct ack {
    uint64_t version;
    uint64_t at_ns;
} ack;

/* The transactions of all clients, as far as the round at hand was followed. */
typedef struct txn_state {
    txn_table tables[CLIENTS_MAX];
    uint32_t followed; /* records, as bits */
} txn_state;

typedef struct life {
    uint64_t seed;
    uint64_t chance;
    sim *machine;
    sched *sc; /* NULL: one thread and no executor */

    /* What the seed decided. */
    strata_options options;
    unsigned clients;
    unsigned keys;
    unsigned value_bytes; /* most values have at most that many */
    unsigned faults_in;   /* one round in so many begins with a fault; 0: none ever */
    unsigned reopens_in;
    size_t txns_max; /* of a client */
    bool retains;    /* rules of retention may let something go */
    bool searches;   /* half of what is done is about vectors, with compactions in between */
    bool in_memory;

    model model;
    expected expected;
    strata_error error;
    strata_db *handles[CLIENTS_MAX];
    uint64_t durable; /* the last commit that was promised to survive */
    ack *acks;        /* buffered commits, to be durable after the interval */
    size_t ack_count;
    size_t ack_cap;

    /* The round at hand. */
    st_arena arena;
    record records[RECORDS_MAX];
    size_t record_count;
    uint64_t ticks;

    /* Faults. */
    uint32_t excuses;     /* statuses that a fault may cause, as bits */
    uint32_t may_break;   /* those of them that may stop the writer for good */
    unsigned rounds_left; /* of the fault at hand */
    bool crash_armed;
    bool lying;
    bool killed; /* the process died, the system did not: what nobody synced is there for now */
    bool broken; /* the writer has failed */
    txn_state txns;
    record unknown[UNKNOWN_MAX];
    size_t unknown_count;

    bool
        slot_torn; /* a failed write may have left half a slot of the manifest, till it is opened */
    bool damaged;  /* the database is a copy that was: what says so is right */
    uint64_t present;    /* what is compared is the model at this version; UINT64_MAX: the last */
    uint64_t operations; /* of clients, so far */
    uint64_t budget;     /* of them */
    uint32_t digest;     /* of all answers */
} life;

/* What happened in all lives of this process; nothing but counts. */
typedef struct life_totals {
    uint64_t lives;
    uint64_t operations;
    uint64_t compared; /* answers, those of comparisons of everything included */
    uint64_t commits;
    uint64_t openings; /* to go on, not those that only looked */
    uint64_t crashes;
    uint64_t faults;
    uint64_t broken; /* writers that stopped */
    uint64_t placed; /* commits that were there although the call had failed */
    uint64_t flushes;
    uint64_t merges;
    uint64_t trimmed;   /* versions that retention let go */
    uint64_t snapshots; /* that were opened */
    uint64_t damages;
    uint64_t refusals;            /* of damaged databases */
    uint64_t asked[OP_KINDS_MAX]; /* of clients' operations, by op_place */
    uint64_t done[OP_KINDS_MAX];  /* those that succeeded */
} life_totals;

extern life_totals *life_counts;

/* Lives the life of that seed. Fails by cmocka's fail, which ends the process. Returns the digest:
 * of all answers and the files at the end. */
uint32_t life_run(uint64_t seed);

uint64_t chance_below(life *l, uint64_t limit);
bool chance_in(life *l, uint64_t n);

/* Ends the seed: says what is wrong and what was done last. */
void life_fail(life *l, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
/* Whether the operations are told as they come. */
extern bool life_traces;

/* ---- round.c --------------------------------------------------------------------------------- */

/* Some operations by the clients, at the same time where there are several, and checks them. */
void round_run(life *l);
/* Forgets the last round, and what lies in its arena. */
void round_begin(life *l);
/* After round_begin: one operation by the life itself, when nothing else happens; checked, too. */
void round_single(life *l, op *o);
/* Runs an operation of the table at the present and compares; quiet: says instead of failing. */
bool round_holds(life *l, op *o, bool quiet);
maker round_maker(life *l);

/* ---- follow.c -------------------------------------------------------------------------------- */

/* Before anything of a round is explained: tells commits from those that wrote nothing. Returns the
 * newest version that a transaction has seen. */
uint64_t txn_begin_round(life *l);
/* Follows the transactions of a client up to that record, which then has what it saw. */
void txn_follow(life *l, const record *last);
/* Whether the model is far enough for that. */
bool txn_may_follow(const life *l, const record *last);
/* Ends the transactions of which it is not known whether they are over. */
void txn_settle(life *l);

/* ---- check.c --------------------------------------------------------------------------------- */

/* Compares everything that can be read with the model; at `versions` of its versions, or at all. */
bool check_everything(life *l, uint64_t versions, bool quiet);

/* ---- crash.c --------------------------------------------------------------------------------- */

void life_open(life *l);
void life_close(life *l);
/* Takes the power away, when it has not gone yet, and brings it back. Nobody has anything open. */
void life_restart(life *l);
/* The same, opens, and finds out where the database stands. */
void life_crash(life *l);
/* Opens at a snapshot, if there is one, and compares. Nobody has anything open. */
void life_look_back(life *l);
/* Whether the power is gone. */
static inline bool life_is_dead(const life *l) {
    return l->machine->dead;
}

/* ---- faults.c -------------------------------------------------------------------------------- */

void fault_arm(life *l);
/* After a round: is the fault over? Then heals, and sees what is left. */
void fault_settle(life *l);
void fault_heal(life *l);
bool is_excused(const life *l, strata_status status);

/* ---- damage.c -------------------------------------------------------------------------------- */

/* Changes bytes of a copy of the disk, of which nobody has the database open. whole: it was closed in
 * order. */
void damage_try(life *l, bool whole);

#endif
