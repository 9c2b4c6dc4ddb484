/* sha256.h - SHA-256 (FIPS 180-4): by the processor where it can, else by libsodium. */
#ifndef ST_FORMAT_SHA256_H
#define ST_FORMAT_SHA256_H

#include "base/std.h"

enum { ST_SHA256_BYTES = 32 };

/* The hash of the parts, one after the other. */
void st_sha256(const strata_slice *parts, size_t count, uint8_t hash[ST_SHA256_BYTES]);
/* The same, by libsodium whatever the processor. */
void st_sha256_portable(const strata_slice *parts, size_t count, uint8_t hash[ST_SHA256_BYTES]);

#endif
