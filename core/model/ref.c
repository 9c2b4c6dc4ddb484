/* ref.c - references: between a text and a key of the store.
 *
 * The texts of a key are joined by the separator of its primitive. A separator inside a text, and the
 * percent sign, are escaped there as in a URL (RFC 3986, section 2.1), and nothing else is.
 *
 * Invariants:
 * 1. Printing what was parsed gives the same text, and parsing what was printed the same key: an
 *    escape that was not needed, or in small letters, is refused.
 * 2. A key that was parsed is well-formed (st_key_well_formed).
 * Rejected: escaping in every form. Most keys are of forms that have no separator, and a percent sign
 * in them would have to be written twice for nothing.
 */
#include "model/ref.h"

#include "model/primitive.h"

static const char digits[] = "0123456789ABCDEF";

/* What stands between the texts of a primitive; of JSON, before a path. 0: nothing can. */
static char separator_of(uint8_t tag) {
    switch (tag) {
    case ST_TAG_JSON:
        return '#';
    case ST_TAG_EDGE:
        return '>';
    case ST_TAG_ENTITY:
    case ST_TAG_VECTOR:
        return '/';
    default:
        return 0;
    }
}

static size_t texts_of(uint8_t tag) {
    return tag == ST_TAG_EDGE ? 3 : tag == ST_TAG_ENTITY || tag == ST_TAG_VECTOR ? 2 : 1;
}

/* ---- Parsing --------------------------------------------------------------------------------- */

static strata_status fail_at(strata_slice text, size_t position, const char *what,
                             strata_error *error) {
    st_fail(error, STRATA_INVALID_KEY, "the reference \"%S\" %s (at byte %u)", &text, what,
            (uint64_t)position);
    return st_fail_number(error, "position", (int64_t)position);
}

typedef struct ref_reader {
    strata_slice text; /* whole */
    size_t at;
    char separator;
    strata_error *error;
} ref_reader;

static bool is_escaped(const ref_reader *reader, char c) {
    return reader->separator != 0 && (c == '%' || c == reader->separator);
}

/* The character that an escape stands for; 0: none. */
static char unescape(const ref_reader *reader, const char *at) {
    if (reader->text.len - reader->at < 3) {
        return 0;
    }
    const char candidates[] = {'%', reader->separator};
    for (size_t i = 0; i < sizeof candidates; i++) {
        const unsigned char c = (unsigned char)candidates[i];
        if (at[1] == digits[c >> 4] && at[2] == digits[c & 15]) {
            return candidates[i];
        }
    }
    return 0;
}

/* Reads a name up to the next separator, or to the end, into at most ST_KEY_BYTES_MAX bytes. */
static strata_status read_name(ref_reader *reader, uint8_t name[ST_KEY_BYTES_MAX], size_t *len) {
    const char *bytes = reader->text.data;
    const size_t start = reader->at;
    *len = 0;
    for (; reader->at < reader->text.len; reader->at++) {
        char c = bytes[reader->at];
        if (reader->separator != 0 && c == reader->separator) {
            break;
        }
        if (is_escaped(reader, c)) {
            c = unescape(reader, bytes + reader->at);
            if (c == 0) {
                return fail_at(reader->text, reader->at,
                               "has a percent sign that begins no escape it needs; write %25",
                               reader->error);
            }
            reader->at += 2;
        }
        if (*len == ST_KEY_BYTES_MAX) {
            return fail_at(reader->text, reader->at, "is longer than a key may be", reader->error);
        }
        name[(*len)++] = (uint8_t)c;
    }
    const strata_status status = st_key_check(st_slice(name, *len), reader->error);
    return status == STRATA_OK ? status : st_fail_number(reader->error, "position", (int64_t)start);
}

static strata_status read_texts(ref_reader *reader, uint8_t tag, st_ref *ref) {
    const size_t count = texts_of(tag);
    uint8_t name[ST_KEY_BYTES_MAX];
    size_t total = 0;
    ref->key.bytes[0] = tag;
    ref->key.len = 1;
    for (size_t i = 0; i < count; i++) {
        size_t len;
        if (i > 0 && reader->at == reader->text.len) {
            return fail_at(reader->text, reader->at, "has too few parts", reader->error);
        }
        reader->at += i > 0;
        ST_TRY(read_name(reader, name, &len));
        total += len;
        if (total > ST_KEY_BYTES_MAX) {
            return fail_at(reader->text, reader->at, "is longer than a key may be", reader->error);
        }
        memcpy(ref->key.bytes + ref->key.len, name, len);
        ref->key.len += len;
        ref->key.bytes[ref->key.len++] = 0;
    }
    return STRATA_OK;
}

/* A pointer, once the document is read. */
static strata_status read_path(ref_reader *reader, st_ref *ref) {
    const char *bytes = reader->text.data;
    const size_t start = reader->at + 1;
    if (start == reader->text.len || bytes[start] != '/') {
        return fail_at(reader->text, start, "has a path that does not begin with /", reader->error);
    }
    ref->path = st_slice(bytes + start, reader->text.len - start);
    reader->at = reader->text.len;
    return STRATA_OK;
}

static strata_status read_number(const ref_reader *reader, uint8_t tag, st_ref *ref) {
    const char *bytes = reader->text.data;
    uint64_t number = 0;
    for (size_t i = reader->at; i < reader->text.len; i++) {
        const unsigned digit = (unsigned)(unsigned char)bytes[i] - '0';
        if (digit > 9 || (digit == 0 && number == 0) ||
            number > ((uint64_t)INT64_MAX - digit) / 10) {
            return fail_at(reader->text, i, "has no number from 1 to 2^63 - 1", reader->error);
        }
        number = number * 10 + digit;
    }
    if (number == 0) {
        return fail_at(reader->text, reader->at, "has no number", reader->error);
    }
    st_key_number(&ref->key, tag, number);
    return STRATA_OK;
}

strata_status st_ref_parse(strata_slice text, st_ref *ref, strata_error *error) {
    const char *bytes = text.data;
    const char *colon = text.len == 0 ? NULL : memchr(bytes, ':', text.len);
    const size_t len = colon == NULL ? text.len : (size_t)(colon - bytes);
    const strata_slice name = st_slice(bytes, len);
    ref->key.len = 0;
    ref->path = st_slice("", 0);
    ref->of_run = st_slice_equal(name, strata_text("run"));
    if (ref->of_run && colon == NULL) {
        return STRATA_OK;
    }
    const st_primitive *primitive = st_primitive_named(name);
    const uint8_t tag = ref->of_run ? ST_TAG_RUN : primitive == NULL ? 0 : primitive->tags[0];
    if (colon == NULL || tag == 0 || tag == ST_TAG_PROVENANCE) {
        return fail_at(text, 0, "does not begin with a primitive and a colon, as in kv:city",
                       error);
    }
    ref_reader reader = {text, len + 1, separator_of(tag), error};
    if (st_key_form_of(tag) == ST_KEY_NUMBER) {
        return read_number(&reader, tag, ref);
    }
    ST_TRY(read_texts(&reader, tag, ref));
    if (reader.at < text.len && tag == ST_TAG_JSON) {
        ST_TRY(read_path(&reader, ref));
    }
    return reader.at == text.len ? STRATA_OK
                                 : fail_at(text, reader.at, "has too many parts", error);
}

/* ---- Printing -------------------------------------------------------------------------------- */

static strata_status put_escaped(strata_buffer *out, strata_slice text, char separator) {
    const char *bytes = text.data;
    ST_TRY(st_buffer_reserve(out, 3 * text.len));
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)bytes[i];
        if (separator != 0 && (bytes[i] == '%' || bytes[i] == separator)) {
            out->data[out->len++] = '%';
            out->data[out->len++] = (uint8_t)digits[c >> 4];
            out->data[out->len++] = (uint8_t)digits[c & 15];
        } else {
            out->data[out->len++] = c;
        }
    }
    return STRATA_OK;
}

strata_status st_ref_print(strata_slice key, strata_buffer *out) {
    const uint8_t tag = st_key_tag(key);
    const st_primitive *primitive = st_primitive_of_tag(tag);
    const strata_slice name = strata_text(primitive == NULL ? "run" : primitive->name);
    const char separator = separator_of(tag);
    char number[ST_KEY_BYTES_MAX];
    strata_slice texts[3];
    ST_TRY(st_buffer_append(out, name.data, name.len));
    ST_TRY(st_buffer_append(out, ":", 1));
    if (st_key_form_of(tag) == ST_KEY_NUMBER) {
        return st_buffer_append(out, number, st_key_show(key, number));
    }
    st_key_texts_of(key, texts);
    for (size_t i = 0; i < texts_of(tag); i++) {
        if (i > 0) {
            ST_TRY(st_buffer_append(out, &separator, 1));
        }
        ST_TRY(put_escaped(out, texts[i], separator));
    }
    return STRATA_OK;
}

bool st_ref_subject(strata_slice key, st_key *subject) {
    const uint8_t tag = st_key_tag(key);
    const st_primitive *primitive = st_primitive_of_tag(tag);
    uint32_t part;
    if (tag == ST_TAG_JSON_PATCH) {
        st_key_text(subject, ST_TAG_JSON, st_key_part_of(key, &part));
        return true;
    }
    if (tag != ST_TAG_RUN &&
        (primitive == NULL || primitive->tags[0] != tag || tag == ST_TAG_PROVENANCE)) {
        return false;
    }
    memcpy(subject->bytes, key.data, key.len);
    subject->len = key.len;
    return true;
}
