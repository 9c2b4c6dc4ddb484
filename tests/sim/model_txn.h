/* model_txn.h - a transaction on the model: its snapshot, its writes, what it has read.
 *
 * Its state is never changed: each operation in it makes the next state, which shares what has not
 * changed. So every record of a round keeps the state that it met, in whatever order the records are
 * explained.
 */
#ifndef STRATA_SIM_MODEL_TXN_H
#define STRATA_SIM_MODEL_TXN_H

#include "op.h"

#include "base/limits.h"

/* What becomes of a write at the commit. */
typedef enum model_fate {
    AS_IT_IS,
    ADDS,    /* `delta` to what is there then */
    APPENDS, /* under the next sequence */
    COUNTS,  /* a cell: so many sets (`delta`) more than there are then */
    EDITS,   /* the document that is there then */
} model_fate;

typedef struct model_own {
    const struct model_own *older;
    uint64_t place; /* in the order of writes, from 0 */
    bool follows;   /* of the same operation as the one before it */
    model_write write;
    model_fate rule;
    int64_t delta;
} model_own;

typedef struct model_read {
    const struct model_read *older;
    model_kind kind;
    bool range;
    bool certain;      /* else an operation failed that may have read it */
    strata_slice key;  /* of a point */
    op page;           /* of a range: its bounds */
    strata_slice stop; /* the last key of it that was looked at; empty: all of it was */
    bool part;         /* only this region of a document, */
    bool wrote;        /* which was changed, too */
    doc_region region;
} model_read;

typedef struct model_txn {
    uint64_t number;
    unsigned run;
    uint64_t snapshot;
    bool read_only;
    bool first_wins; /* snapshot isolation */
    uint64_t timeout_ms;
    uint64_t begun_from_ns; /* the clock when it was called for, */
    uint64_t begun_to_ns;   /* and when that was answered */
    const model_own *own;   /* newest first */
    const model_read *reads;
} model_txn;

/* Of one handle: the transactions that it has open. */
typedef struct txn_table {
    const model_txn *open[ST_TXNS_MAX];
    bool doubtful[ST_TXNS_MAX]; /* a call that would have ended it failed */
    uint64_t last;              /* number */
} txn_table;

/* Whether an operation outside or inside a transaction commits when it succeeds. */
bool op_commits(const op *o);
uint64_t model_txn_writes(const model_txn *txn);
/* Whether it can go back to so many writes: not between those of one operation. */
bool model_txn_has_savepoint(const model_txn *txn, uint64_t savepoint);
/* The newest commit to the run up to a version; 0: none. */
uint64_t model_last_of(const model *m, unsigned run, uint64_t version);

/* What an operation of a run says inside its transaction (o->seen). In e the writes are put aside as
 * pending, as they are no commit. */
void model_txn_predict(const op *o, const moment *at, expected *e);
/* The same for a commit. */
void model_txn_predict_commit(const op *o, const moment *at, expected *e);
/* Whether such an operation can be part of one. */
bool model_txn_knows(const op *o);

/* The state after an operation that answered so. */
const model_txn *model_txn_begin(model *m, const op *o, const answer *got, unsigned run);
const model_txn *model_txn_after(model *m, const op *o, const moment *at, const answer *got,
                                 bool excused, expected *e);

/* ---- For the generator (op_txn.c) ------------------------------------------------------------ */

/* What one client will have open when the operation that is being made is run. */
typedef struct txn_plan {
    uint64_t numbers[ST_TXNS_MAX + 8];
    uint64_t writes[ST_TXNS_MAX + 8]; /* at most */
    size_t count;
    size_t most;
    uint64_t last;
    bool doubtful;
} txn_plan;

void txn_plan_make(txn_plan *plan, const txn_table *table, size_t most);
/* Now and then makes an operation part of a transaction, and keeps the plan. */
void txn_join(maker *mk, op *o);

#endif
