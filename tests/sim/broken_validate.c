/* broken_validate.c - a build whose transactions commit whatever others have changed meanwhile. */
#include "txn/txn.h"

strata_status __wrap_st_txn_validate(const st_txn *txn, strata_error *error);

strata_status __wrap_st_txn_validate(const st_txn *txn, strata_error *error) {
    (void)txn;
    (void)error;
    return STRATA_OK;
}
