/* key.c - building and taking apart the keys of the store; the layout is in tags.def.
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

void st_key_texts(st_key *key, uint8_t tag, const strata_slice *texts, size_t count) {
    key->bytes[0] = tag;
    key->len = 1;
    for (size_t i = 0; i < count; i++) {
        ST_ASSERT(key->len + texts[i].len + 1 <= sizeof key->bytes);
        memcpy(key->bytes + key->len, texts[i].data, texts[i].len);
        key->len += texts[i].len;
        key->bytes[key->len++] = 0;
    }
}

void st_key_part(st_key *key, uint8_t tag, strata_slice text, uint32_t part) {
    st_key_text(key, tag, text);
    store32_be(key->bytes + key->len, part);
    key->len += 4;
}

/* ---- Keys from files ------------------------------------------------------------------------- */

st_key_form st_key_form_of(uint8_t tag) {
    switch (tag) {
#define TAG(id, number, form, name)                                                                \
    case number:                                                                                   \
        return ST_KEY_##form;
#include "format/tags.def"
    default:
        return ST_KEY_NONE;
    }
}

/* So many texts, each with an end mark, and nothing else. */
static bool are_texts(strata_slice bytes, size_t count) {
    const uint8_t *at = bytes.data;
    const uint8_t *end = at + bytes.len;
    if (bytes.len > ST_KEY_BYTES_MAX + count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *mark = at == end ? NULL : memchr(at, 0, (size_t)(end - at));
        if (mark == NULL || mark == at || !st_utf8_valid(st_slice(at, (size_t)(mark - at)), NULL)) {
            return false;
        }
        at = mark + 1;
    }
    return at == end;
}

bool st_key_well_formed(strata_slice key) {
    const uint8_t *bytes = key.data;
    if (key.len < 3 || key.len > ST_STORE_KEY_MAX) {
        return false;
    }
    const strata_slice rest = st_slice(bytes + 1, key.len - 1);
    switch (st_key_form_of(bytes[0])) {
    case ST_KEY_TEXT:
        return are_texts(rest, 1);
    case ST_KEY_PAIR:
        return are_texts(rest, 2);
    case ST_KEY_TRIPLE:
        return are_texts(rest, 3);
    case ST_KEY_PART:
        return rest.len > 4 && are_texts(st_slice(bytes + 1, rest.len - 4), 1) &&
               load32_be(bytes + key.len - 4) > 0;
    case ST_KEY_NUMBER:
        return key.len == 9 && st_key_number_of(key) - 1 < INT64_MAX;
    case ST_KEY_ENTRY:
        return key.len > 5 && load32_be(bytes + 1) > 0;
    case ST_KEY_FLOOR:
        return key.len == 10;
    case ST_KEY_NONE:
        return false;
    }
    return false;
}

/* ---- Taking apart ---------------------------------------------------------------------------- */

strata_slice st_key_text_of(strata_slice key) {
    ST_ASSERT(key.len >= 2);
    return st_slice((const uint8_t *)key.data + 1, key.len - 2);
}

uint64_t st_key_number_of(strata_slice key) {
    ST_ASSERT(key.len == 9);
    return load64_be((const uint8_t *)key.data + 1);
}

strata_slice st_key_part_of(strata_slice key, uint32_t *part) {
    ST_ASSERT(key.len >= 6);
    *part = load32_be((const uint8_t *)key.data + key.len - 4);
    return st_slice((const uint8_t *)key.data + 1, key.len - 6);
}

void st_key_texts_of(strata_slice key, strata_slice *texts) {
    const uint8_t *at = (const uint8_t *)key.data + 1;
    const uint8_t *end = (const uint8_t *)key.data + key.len;
    for (size_t i = 0; at < end; i++) {
        const uint8_t *mark = memchr(at, 0, (size_t)(end - at));
        ST_ASSERT(mark != NULL);
        texts[i] = st_slice(at, (size_t)(mark - at));
        at = mark + 1;
    }
}

size_t st_key_show(strata_slice key, char text[ST_KEY_BYTES_MAX]) {
    strata_slice texts[3];
    uint32_t part;
    switch (st_key_form_of(st_key_tag(key))) {
    case ST_KEY_NUMBER:
        return st_format(text, ST_KEY_BYTES_MAX, "%u", st_key_number_of(key));
    case ST_KEY_PAIR:
        st_key_texts_of(key, texts);
        return st_format(text, ST_KEY_BYTES_MAX, "%S>%S", &texts[0], &texts[1]);
    case ST_KEY_TRIPLE:
        st_key_texts_of(key, texts);
        return st_format(text, ST_KEY_BYTES_MAX, "%S>%S>%S", &texts[0], &texts[1], &texts[2]);
    case ST_KEY_TEXT:
        texts[0] = st_key_text_of(key);
        memcpy(text, texts[0].data, texts[0].len);
        return texts[0].len;
    case ST_KEY_PART:
        texts[0] = st_key_part_of(key, &part);
        memcpy(text, texts[0].data, texts[0].len);
        return texts[0].len;
    case ST_KEY_ENTRY:
        return st_format(text, ST_KEY_BYTES_MAX, "an entry of an index");
    case ST_KEY_FLOOR:
    case ST_KEY_NONE:
        break;
    }
    return 0;
}
