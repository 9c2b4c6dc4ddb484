/* key.c - building and taking apart the keys of the store; the layout is in key.h.
 *
 * Rejected: escaping 00 inside text keys. SEMANTICS.md forbids NUL in keys, so a plain end mark is
 * enough and keeps the key readable in a dump.
 */
#include "format/key.h"

#include "base/utf8.h"

strata_status st_key_check(strata_slice text, strata_error *error) {
    static const char reserved[] = "_strata/";
    if (text.len == 0) {
        return st_fail(error, STRATA_INVALID_KEY, "the key is empty; a key has 1 to %u bytes",
                       (uint64_t)ST_KEY_BYTES_MAX);
    }
    if (text.len > ST_KEY_BYTES_MAX) {
        st_fail(error, STRATA_INVALID_KEY, "the key has %u bytes; the limit is %u",
                (uint64_t)text.len, (uint64_t)ST_KEY_BYTES_MAX);
        st_fail_text(error, "reason", strata_text("key_too_long"));
        st_fail_number(error, "limit", ST_KEY_BYTES_MAX);
        return STRATA_INVALID_KEY;
    }
    if (memchr(text.data, 0, text.len) != NULL) {
        return st_fail(error, STRATA_INVALID_KEY, "the key \"%S\" holds a NUL byte", &text);
    }
    if (!st_utf8_valid(text, NULL)) {
        return st_fail(error, STRATA_INVALID_KEY, "the key is not UTF-8");
    }
    if (text.len >= sizeof reserved - 1 && memcmp(text.data, reserved, sizeof reserved - 1) == 0) {
        st_fail(error, STRATA_INVALID_KEY,
                "the key \"%S\" begins with _strata/, which is kept for Strata itself", &text);
        st_fail_text(error, "reason", strata_text("reserved_prefix"));
        return STRATA_INVALID_KEY;
    }
    return STRATA_OK;
}

void st_key_prefix(st_key *key, uint8_t tag, strata_slice text) {
    ST_ASSERT(text.len <= ST_KEY_BYTES_MAX);
    key->bytes[0] = tag;
    if (text.len > 0) {
        memcpy(key->bytes + 1, text.data, text.len);
    }
    key->len = 1 + text.len;
}

void st_key_text(st_key *key, uint8_t tag, strata_slice text) {
    st_key_prefix(key, tag, text);
    key->bytes[key->len++] = 0;
}

void st_key_number(st_key *key, uint8_t tag, uint64_t number) {
    key->bytes[0] = tag;
    store64_be(key->bytes + 1, number);
    key->len = 9;
}

bool st_key_well_formed(strata_slice key) {
    const uint8_t *bytes = key.data;
    if (key.len < 3 || key.len > ST_STORE_KEY_MAX) {
        return false;
    }
    switch (bytes[0]) {
    case ST_TAG_RUN:
    case ST_TAG_RETENTION:
    case ST_TAG_KV:
    case ST_TAG_MEMORY:
        return memchr(bytes + 1, 0, key.len - 1) == bytes + key.len - 1 &&
               st_utf8_valid(st_key_text_of(key), NULL);
    case ST_TAG_EVENT:
        return key.len == 9 && st_key_number_of(key) - 1 < INT64_MAX;
    case ST_TAG_FLOOR:
        return key.len == 10;
    default:
        return false;
    }
}

strata_slice st_key_text_of(strata_slice key) {
    ST_ASSERT(key.len >= 2);
    return st_slice((const uint8_t *)key.data + 1, key.len - 2);
}

uint64_t st_key_number_of(strata_slice key) {
    ST_ASSERT(key.len == 9);
    return load64_be((const uint8_t *)key.data + 1);
}

size_t st_key_show(strata_slice key, char text[ST_KEY_BYTES_MAX]) {
    const uint8_t *bytes = key.data;
    if (bytes[0] == ST_TAG_EVENT && key.len == 9) {
        return st_format(text, ST_KEY_BYTES_MAX, "%u", st_key_number_of(key));
    }
    const strata_slice shown = st_key_text_of(key);
    memcpy(text, shown.data, shown.len);
    return shown.len;
}
