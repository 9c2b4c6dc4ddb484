/* sha256.c - SHA-256 of several parts, by libsodium's incremental interface.
 *
 * The parts are hashed where they lie: the event log hashes its header, payload and previous hash
 * without copying them together. libsodium's hashing needs no sodium_init and keeps no state of its
 * own. Rejected: an own implementation; cryptography is not this project's field.
 */
#include "format/sha256.h"

#include <sodium.h>

_Static_assert((int)ST_SHA256_BYTES == (int)crypto_hash_sha256_BYTES, "the size of the hash");

void st_sha256(const strata_slice *parts, size_t count, uint8_t hash[ST_SHA256_BYTES]) {
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len != 0) {
            crypto_hash_sha256_update(&state, parts[i].data, parts[i].len);
        }
    }
    crypto_hash_sha256_final(&state, hash);
}
