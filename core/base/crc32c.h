/* crc32c.h - the checksum of every stored frame (Castagnoli polynomial, RFC 3720 appendix B.4). */
#ifndef ST_BASE_CRC32C_H
#define ST_BASE_CRC32C_H

#include "base/std.h"

/* crc of `bytes` continued from `crc` (0 to begin). Cost: about 1 byte a cycle portably, 8 with the
 * processor's instruction. */
uint32_t st_crc32c(uint32_t crc, strata_slice bytes);

/* The same without the processor's instruction, whatever the processor has. */
uint32_t st_crc32c_portable(uint32_t crc, strata_slice bytes);

#endif
