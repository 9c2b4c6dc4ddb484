/* broken_sync.c - a build whose commits are acknowledged without a sync. */
#include "store/log/wal.h"

strata_status __wrap_st_wal_sync(st_wal *wal, uint64_t version, strata_error *error);

strata_status __wrap_st_wal_sync(st_wal *wal, uint64_t version, strata_error *error) {
    (void)wal;
    (void)version;
    (void)error;
    return STRATA_OK;
}
