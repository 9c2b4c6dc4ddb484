/* txn.h - a transaction on one run: what it has read, what it has written, and whether that may
 * become a commit.
 *
 * A transaction belongs to one thread at a time. Reads come from its own writes, then from the
 * snapshot of its beginning; both the reader's work (store/read.h, through st_txn_overlay), which
 * tells it what was read. Nothing is locked between its beginning and its commit.
 */
#ifndef ST_TXN_TXN_H
#define ST_TXN_TXN_H

#include "store/maintain/maintain.h"
#include "store/read.h"

typedef enum st_isolation {
    ST_SERIALIZABLE, /* everything that was read is unchanged at the commit */
    ST_SNAPSHOT      /* of that only what was also written */
} st_isolation;

typedef struct st_txn_spec {
    bool read_only;
    st_isolation isolation;
    uint64_t timeout_ns; /* 0: none */
    strata_slice label;  /* what its commit is called, empty: nothing; copied */
    strata_slice trace;  /* the trace record that it belongs to; the same */
} st_txn_spec;

typedef struct st_txn st_txn;

/* Errors: no_memory. */
strata_status st_txn_begin(st_store *store, st_shard *shard, const st_txn_spec *spec, st_txn **txn,
                           strata_error *error);
/* Ends it; nothing was committed unless st_txn_commit said so. It keeps some of its memory, and can
 * be begun again or destroyed. */
void st_txn_end(st_txn *txn);
/* Begins one that has ended, on the same store. Errors: no_memory. Cost: no allocation, unless it has
 * a label or a trace. */
strata_status st_txn_begin_again(st_txn *txn, st_shard *shard, const st_txn_spec *spec);
/* Ends it if it has not ended. NULL is fine. */
void st_txn_destroy(st_txn *txn);

const st_overlay *st_txn_overlay(const st_txn *txn);
const st_shard *st_txn_shard(const st_txn *txn);
uint64_t st_txn_snapshot(const st_txn *txn);
/* Of its spec; borrowed until it ends. */
strata_slice st_txn_label(const st_txn *txn);
strata_slice st_txn_trace(const st_txn *txn);

typedef struct st_txn_info {
    bool read_only;
    st_isolation isolation;
    uint64_t snapshot;
    uint64_t keys_read;
    uint64_t ranges_read;
    uint64_t writes; /* not rolled back */
    uint64_t age_ns;
    uint64_t timeout_ns; /* 0: none */
} st_txn_info;

void st_txn_read_info(const st_txn *txn, st_txn_info *info);

/* What it has read, for whoever keeps a record of that. A visitor that returns false ends it. */
typedef struct st_txn_reads {
    void *ctx;
    /* number: of the version found; 0: there was none. */
    bool (*point)(void *ctx, strata_slice key, uint64_t number);
    bool (*range)(void *ctx, strata_slice low, strata_slice high); /* high empty: no bound */
    bool (*note)(void *ctx, strata_slice note);
} st_txn_reads;

bool st_txn_has_read(const st_txn *txn);
/* The latest first. */
void st_txn_each_point(const st_txn *txn, const st_txn_reads *reads);
void st_txn_each_range(const st_txn *txn, const st_txn_reads *reads);
void st_txn_each_note(const st_txn *txn, const st_txn_reads *reads);

/* Whether it may go on. Errors: timeout; it can only be destroyed then. */
strata_status st_txn_check(const st_txn *txn, strata_error *error);

/* ---- Writing --------------------------------------------------------------------------------- */

/* What a write puts under its key: itself, or what a rule makes of it at the commit, when nobody
 * else can write any more. Rules are the upper room's; 0 is no rule. */
typedef struct st_txn_write {
    st_write write;       /* what the transaction itself reads back */
    uint8_t rule;         /* 0: this is what is committed */
    strata_slice operand; /* of the rule */
    uint64_t place;       /* where st_txn_find found it: higher, the later it was written */
    bool follows;         /* it belongs to the write before it: both are rolled back, or neither */
} st_txn_write;

/* Errors: forbidden (read-only), constraint {txn_too_large}, no_memory. */
strata_status st_txn_put(st_txn *txn, const st_txn_write *write, strata_error *error);
/* The own write that a read of the key would find. *write: borrowed until the next put. */
bool st_txn_find(const st_txn *txn, strata_slice key, st_txn_write *write);

/* Remembers that something was read of which the store knows nothing: a part of a value. wrote: and
 * written, so that it counts under snapshot isolation too. The note is the upper room's; of two that
 * are the same one after the other, one is kept. Errors: no_memory. */
strata_status st_txn_note(st_txn *txn, strata_slice note, bool wrote, strata_error *error);

/* Two numbers that the upper room may keep with the transaction; zeros at its beginning. Going back to a
 * mark leaves them. */
uint64_t *st_txn_memo(st_txn *txn);

/* A mark to go back to. */
uint64_t st_txn_savepoint(const st_txn *txn);
/* Forgets the writes since; what was read since stays read. Errors: invalid_argument (there is no
 * such savepoint, or it is between writes that belong together). */
strata_status st_txn_rollback_to(st_txn *txn, uint64_t savepoint, strata_error *error);

/* ---- Committing ------------------------------------------------------------------------------ */

/* What an upper room makes of the writes inside the commit. Everything it puts out is borrowed from its
 * own memory until the commit ends; no key may come twice. */
typedef struct st_txn_rules {
    void *ctx;
    /* Is shown each write, in the order in which they were made, each key once, as it was written
     * last, and appends the st_writes that are to be committed for it. */
    strata_status (*apply)(void *ctx, const st_commit *commit, const st_txn_write *write,
                           strata_buffer *writes);
    /* All were shown: may append what follows from them. NULL: nothing does. */
    strata_status (*finish)(void *ctx, const st_commit *commit, strata_buffer *writes);
    /* Whether what a note (st_txn_note) says was read has not changed since the transaction's
     * snapshot. Errors: conflict. NULL: there are no notes. */
    strata_status (*check)(void *ctx, strata_slice note);
} st_txn_rules;

/* Whether it has written anything. */
bool st_txn_writes(const st_txn *txn);

/* Inside a commit to its run (st_commit_begin), which it finishes or aborts: validates, applies
 * rules, commits. Errors: conflict {key}, those of the rules, and as st_commit_finish. The
 * transaction stays as it was when it fails. */
strata_status st_txn_commit(st_txn *txn, st_commit *commit, const st_txn_rules *rules,
                            const st_commit_hook *hook, uint64_t *version, strata_error *error);

/* Whether what it has read may count as unchanged. Under the run's lock. Errors: conflict {key},
 * and those of reading. */
strata_status st_txn_validate(const st_txn *txn, const st_txn_rules *rules, strata_error *error);

#endif
