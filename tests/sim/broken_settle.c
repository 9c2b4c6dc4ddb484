/* broken_settle.c - a build that goes on from a manifest that the dead process had not synced. */
#include "store/manifest.h"

strata_status __wrap_st_manifest_settle(const strata_host *host, const char *path,
                                        strata_error *error);

strata_status __wrap_st_manifest_settle(const strata_host *host, const char *path,
                                        strata_error *error) {
    (void)host;
    (void)path;
    (void)error;
    return STRATA_OK;
}
