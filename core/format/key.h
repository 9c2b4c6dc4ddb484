/* key.h - keys of the store: a primitive's tag, then its own key, so that memcmp order is the
 * logical order.
 *
 *   text key    tag | bytes | 00        bytes hold no 00, so no key is the beginning of another
 *   number key  tag | u64 big-endian    all keys of such a tag have nine bytes
 *   floor key   tag | u8 tag | u64 big-endian
 * The run is not part of the key: every run has its own memtable, and tables prefix it.
 */
#ifndef ST_FORMAT_KEY_H
#define ST_FORMAT_KEY_H

#include "base/bytes.h"
#include "base/limits.h"
#include "base/status.h"

/* Tags are stored; they never change their meaning. */
enum {
    ST_TAG_RUN = 0x01,       /* in the system run: name -> record */
    ST_TAG_RETENTION = 0x02, /* in the system run: scope -> rule (model/retention.h) */
    ST_TAG_KV = 0x10,
    ST_TAG_EVENT = 0x20,
    ST_TAG_MEMORY = 0x70,
    ST_TAG_FLOOR = 0xfe, /* of the store itself (store/floor.h); in tables only */
};

/* Run 0 holds the index of runs; run 1 is `default`. */
enum { ST_RUN_SYSTEM = 0, ST_RUN_DEFAULT = 1 };

enum { ST_STORE_KEY_MAX = 1 + ST_KEY_BYTES_MAX + 1 };

typedef struct st_key {
    uint8_t bytes[ST_STORE_KEY_MAX];
    size_t len;
} st_key;

static inline strata_slice st_key_slice(const st_key *key) {
    return st_slice(key->bytes, key->len);
}

/* The checks that SEMANTICS.md section 1 asks of a user's key. what: "key", for the message.
 * Errors: invalid_key. */
strata_status st_key_check(strata_slice text, strata_error *error);

/* text: checked, or a prefix of a checked one; at most ST_KEY_BYTES_MAX bytes. */
void st_key_text(st_key *key, uint8_t tag, strata_slice text);
/* The beginning of all text keys that begin with `text`: no end mark. */
void st_key_prefix(st_key *key, uint8_t tag, strata_slice text);
void st_key_number(st_key *key, uint8_t tag, uint64_t number);

/* Whether bytes from a file are a key that the functions above can make. */
bool st_key_well_formed(strata_slice key);

/* The user's part of a key, for messages: the text, or the number in decimal. Returns its length. */
size_t st_key_show(strata_slice key, char text[ST_KEY_BYTES_MAX]);

/* What st_key_text and st_key_number put in; borrowed from the key. */
strata_slice st_key_text_of(strata_slice key);
uint64_t st_key_number_of(strata_slice key);

#endif
