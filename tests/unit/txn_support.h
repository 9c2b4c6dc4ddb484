/* txn_support.h - transactions below the API, for the tests of txn/: on run 1 of a store, with short
 * texts as keys and values.
 */
#ifndef STRATA_TEST_TXN_SUPPORT_H
#define STRATA_TEST_TXN_SUPPORT_H

#include "store_log.h"
#include "txn/txn.h"

typedef struct txn_bench {
    sim *machine;
    st_store store;
    st_shard *shard;
    strata_error error;
    const char *changed; /* the note that does not hold any more; NULL: all hold */
    const char *adds;    /* a key that every commit writes besides; NULL: none */
} txn_bench;

void bench_begin(txn_bench *b);
void bench_end(txn_bench *b);

/* Begins one; fails the test if that fails. */
st_txn *txn_begin(txn_bench *b, st_isolation isolation);
/* value NULL: a delete. */
strata_status txn_put(txn_bench *b, st_txn *txn, const char *key, const char *value);
/* What the transaction reads, and notes as read; NULL: nothing. Borrowed until the next call. */
const char *txn_get(txn_bench *b, st_txn *txn, const char *key);
/* "a=1 b=2 ": the keys from low (inclusive) to high (exclusive) in order; at most `most`, and read no
 * further than that. Borrowed until the next call. */
const char *txn_scan(txn_bench *b, st_txn *txn, const char *low, const char *high, bool reverse,
                     size_t most);
/* Commits, and destroys the transaction whatever comes of it. */
strata_status txn_commit(txn_bench *b, st_txn *txn);

#endif
