/* key.h - keys of the store: a primitive's tag, then its own key, so that memcmp order is the
 * logical order. tags.def has the tags and the forms of what follows them.
 *
 * The run is not part of the key: every run has its own memtable, and tables prefix it.
 */
#ifndef ST_FORMAT_KEY_H
#define ST_FORMAT_KEY_H

#include "base/bytes.h"
#include "base/limits.h"
#include "base/status.h"

enum {
#define TAG(id, number, form, name) ST_TAG_##id = (number),
#include "format/tags.def"
};

typedef enum st_key_form {
    ST_KEY_NONE, /* there is no such tag */
    ST_KEY_TEXT,
    ST_KEY_PAIR,
    ST_KEY_TRIPLE,
    ST_KEY_PART,
    ST_KEY_NUMBER,
    ST_KEY_ENTRY,
    ST_KEY_FLOOR
} st_key_form;

/* Run 0 holds the index of runs; run 1 is `default`. */
enum { ST_RUN_SYSTEM = 0, ST_RUN_DEFAULT = 1 };

/* The longest is that of an entry of an index: tag, index, value, and a whole key. */
enum { ST_STORE_KEY_MAX = 1 + 4 + ST_INDEX_VALUE_BYTES_MAX + ST_KEY_BYTES_MAX + 3 };

typedef struct st_key {
    uint8_t bytes[ST_STORE_KEY_MAX];
    size_t len;
} st_key;

static inline strata_slice st_key_slice(const st_key *key) {
    return st_slice(key->bytes, key->len);
}
static inline uint8_t st_key_tag(strata_slice key) {
    return *(const uint8_t *)key.data;
}

/* The checks that SEMANTICS.md section 1 asks of a user's key. what: "key", for the message.
 * Errors: invalid_key. */
strata_status st_key_check(strata_slice text, strata_error *error);

/* text: checked, or a prefix of a checked one; at most ST_KEY_BYTES_MAX bytes. */
void st_key_text(st_key *key, uint8_t tag, strata_slice text);
/* The beginning of all text keys that begin with `text`: no end mark. */
void st_key_prefix(st_key *key, uint8_t tag, strata_slice text);
void st_key_number(st_key *key, uint8_t tag, uint64_t number);
/* Of PAIR and TRIPLE all texts, or the first ones: the beginning of all keys that have these. Together
 * at most ST_KEY_BYTES_MAX bytes. */
void st_key_texts(st_key *key, uint8_t tag, const strata_slice *texts, size_t count);
void st_key_part(st_key *key, uint8_t tag, strata_slice text, uint32_t part);

/* Whether bytes from a file are a key that the functions above can make. */
bool st_key_well_formed(strata_slice key);
st_key_form st_key_form_of(uint8_t tag);

/* The user's part of a key, for messages: texts with '>' between them, or the number in decimal.
 * Returns its length. */
size_t st_key_show(strata_slice key, char text[ST_KEY_BYTES_MAX]);

/* What st_key_text, _number and _part put in; borrowed from the key. */
strata_slice st_key_text_of(strata_slice key);
uint64_t st_key_number_of(strata_slice key);
strata_slice st_key_part_of(strata_slice key, uint32_t *part);
/* What st_key_texts put in, all of it: 2 of a pair, 3 of a triple. */
void st_key_texts_of(strata_slice key, strata_slice *texts);

#endif
