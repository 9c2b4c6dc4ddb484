/* fuzz_atoms.c - the small decoders, each against a second opinion: keys, numbers, base64, UTF-8,
 * varints, names.
 *
 * The first byte of an input chooses one. Holds for all bytes:
 *   keys      a well-formed key is what its own text or number makes again, and what the format
 *             says; a text that is a valid key makes well-formed keys, whose order is that of texts
 *   numbers   a JSON number reads as strtod reads it; a double is written with as few digits as
 *             any text that strtod reads back as it, and reads back bit by bit
 *   base64    decoding and encoding are inverses, both ways, and agree on what is refused
 *   UTF-8     utf8proc agrees, on where it ends, too
 *   varints   what was written is read; what is read has not more than ten bytes
 *   names     a name is there twice exactly when comparing all of them finds it
 */
#include <errno.h>
#include <utf8proc.h>

#include "base/utf8.h"
#include "format/base64.h"
#include "format/key.h"
#include "format/names.h"
#include "format/number.h"
#include "fuzz.h"

enum { MEMORY_MAX = 1 << 20 };

/* ---- Keys ------------------------------------------------------------------------------------ */

/* The tags of docs/FORMAT.md, «Keys», by what follows them. */
static const uint8_t text_tags[] = {0x01, 0x02, 0x10, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0};
static const uint8_t pair_tags[] = {0x41, 0x61, 0x91};
static const uint8_t triple_tags[] = {0x80, 0x81};
static const uint8_t number_tags[] = {0x03, 0x20, 0xb0};

#define IS_OF(tags, tag) (memchr(tags, tag, sizeof(tags)) != NULL)

/* How many texts, each with its zero byte, the bytes are; 0: they are something else. */
static size_t texts_in(const uint8_t *at, size_t len) {
    size_t count = 0;
    size_t from = 0;
    for (size_t i = 0; i < len; i++) {
        if (at[i] == 0) {
            if (i == from || !st_utf8_valid(st_slice(at + from, i - from), NULL)) {
                return 0;
            }
            count++;
            from = i + 1;
        }
    }
    return from == len && len <= ST_KEY_BYTES_MAX + count ? count : 0;
}

static bool key_by_format(strata_slice key) {
    const uint8_t *bytes = key.data;
    const size_t rest = key.len - 1;
    if (IS_OF(number_tags, bytes[0])) {
        return key.len == 9 && load64_be(bytes + 1) >= 1 && load64_be(bytes + 1) <= INT64_MAX;
    }
    if (bytes[0] == 0xfe) {
        return key.len == 10;
    }
    if (bytes[0] == 0xa1) { /* an entry */
        return key.len >= 6 && key.len <= 1288 && load32_be(bytes + 1) > 0;
    }
    if (bytes[0] == 0x51) { /* a part */
        return rest > 4 && texts_in(bytes + 1, rest - 4) == 1 && load32_be(bytes + key.len - 4) > 0;
    }
    const size_t texts = texts_in(bytes + 1, rest);
    return (texts == 1 && IS_OF(text_tags, bytes[0])) ||
           (texts == 2 && IS_OF(pair_tags, bytes[0])) ||
           (texts == 3 && IS_OF(triple_tags, bytes[0]));
}

/* A key that is taken apart and made again is the same. */
static void check_made_again(strata_slice bytes) {
    const uint8_t tag = *(const uint8_t *)bytes.data;
    strata_slice texts[3];
    uint32_t part;
    st_key key;
    switch (st_key_form_of(tag)) {
    case ST_KEY_NUMBER:
        st_key_number(&key, tag, st_key_number_of(bytes));
        break;
    case ST_KEY_TEXT:
        st_key_text(&key, tag, st_key_text_of(bytes));
        break;
    case ST_KEY_PART:
        texts[0] = st_key_part_of(bytes, &part);
        st_key_part(&key, tag, texts[0], part);
        break;
    case ST_KEY_PAIR:
        st_key_texts_of(bytes, texts);
        st_key_texts(&key, tag, texts, 2);
        break;
    case ST_KEY_TRIPLE:
        st_key_texts_of(bytes, texts);
        st_key_texts(&key, tag, texts, 3);
        break;
    default:
        return;
    }
    CHECK(st_slice_equal(st_key_slice(&key), bytes), "a key made again differs");
}

static void check_stored_key(strata_slice bytes) {
    const bool good = st_key_well_formed(bytes);
    CHECK(good == (bytes.len > 0 && key_by_format(bytes)), "a key of %zu bytes is %s", bytes.len,
          good ? "taken" : "refused");
    if (good) {
        check_made_again(bytes);
    }
}

static int sign(int order) {
    return (order > 0) - (order < 0);
}

static void check_keys(fuzz_input *input) {
    static st_key first;
    static st_key second;
    const uint64_t a_number = fuzz_u64(input);
    const uint64_t b_number = fuzz_u64(input);
    const strata_slice a = fuzz_take(input, fuzz_u16(input) % 1100);
    const strata_slice b = fuzz_rest(input);
    strata_error error = {.code = STRATA_OK};
    check_stored_key(a);
    check_stored_key(b);
    if (st_key_check(a, NULL) == STRATA_OK && st_key_check(b, NULL) == STRATA_OK) {
        st_key_text(&first, ST_TAG_KV, a);
        st_key_text(&second, ST_TAG_KV, b);
        check_stored_key(st_key_slice(&first));
        CHECK(st_key_well_formed(st_key_slice(&first)), "a valid key is not well-formed");
        CHECK(sign(st_slice_compare(st_key_slice(&first), st_key_slice(&second))) ==
                  sign(st_slice_compare(a, b)),
              "keys are in another order than their texts");
    } else {
        const strata_slice bad = st_key_check(a, NULL) == STRATA_OK ? b : a;
        CHECK(st_key_check(bad, &error) == STRATA_INVALID_KEY && error.message[0] != '\0', "%s",
              error.message);
    }
    st_key_number(&first, ST_TAG_EVENT, a_number);
    st_key_number(&second, ST_TAG_EVENT, b_number);
    CHECK(st_key_number_of(st_key_slice(&first)) == a_number, "number");
    CHECK(sign(st_slice_compare(st_key_slice(&first), st_key_slice(&second))) ==
              (a_number > b_number) - (a_number < b_number),
          "keys are in another order than their numbers");
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static size_t skip_digits(const char *text, size_t at) {
    while (text[at] >= '0' && text[at] <= '9') {
        at++;
    }
    return at;
}

/* RFC 8259: -?int frac? exp? */
static bool is_json_number(const char *text, size_t len) {
    size_t at = text[0] == '-';
    size_t end = skip_digits(text, at);
    if (end == at || (text[at] == '0' && end > at + 1)) {
        return false;
    }
    if (text[end] == '.') {
        at = end + 1;
        end = skip_digits(text, at);
        if (end == at) {
            return false;
        }
    }
    if (text[end] == 'e' || text[end] == 'E') {
        at = end + 1;
        at += text[at] == '-' || text[at] == '+';
        end = skip_digits(text, at);
        if (end == at) {
            return false;
        }
    }
    return end == len;
}

static void check_number_text(strata_slice text) {
    char copy[2048];
    double real = 0;
    const size_t len = text.len < sizeof copy - 1 ? text.len : sizeof copy - 1;
    memcpy(copy, text.data, len);
    copy[len] = '\0';
    if (!is_json_number(copy, len)) {
        return;
    }
    const double expected = strtod(copy, NULL);
    const bool good = st_number_parse(st_slice(text.data, len), &real);
    CHECK(good == (expected <= 1.7976931348623157e308 && expected >= -1.7976931348623157e308),
          "%s is %s", copy, good ? "taken" : "refused");
    CHECK(!good || st_double_bits(real) == st_double_bits(expected), "%s is %.17g, not %.17g", copy,
          real, expected);
}

static size_t digits_of(const char *text, size_t len) {
    size_t count = 0;
    size_t zeros = 0;
    for (size_t i = 0; i < len && text[i] != 'e' && text[i] != 'E'; i++) {
        if (text[i] >= '0' && text[i] <= '9' && (count > 0 || text[i] != '0')) {
            count++;
            zeros = text[i] == '0' ? zeros + 1 : 0;
        }
    }
    return count - zeros;
}

static void check_double(double real) {
    char text[ST_NUMBER_TEXT_MAX + 1];
    char other[64];
    double back = 0;
    if (!isfinite(real)) {
        return;
    }
    const size_t len = st_number_print(real, text);
    CHECK(len > 0 && len < ST_NUMBER_TEXT_MAX, "%zu bytes", len);
    text[len] = '\0';
    CHECK(is_json_number(text, len), "%s is no JSON number", text);
    CHECK(strpbrk(text, ".e") != NULL, "%s reads as an int", text);
    CHECK(st_number_parse(st_slice(text, len), &back), "%s", text);
    CHECK(st_double_bits(back) == st_double_bits(real), "%s for %.17g", text, real);
    CHECK(st_double_bits(strtod(text, NULL)) == st_double_bits(real), "%s for %.17g", text, real);
    int precision = 0;
    do {
        (void)snprintf(other, sizeof other, "%.*e", precision, real);
    } while (strtod(other, NULL) != real && precision++ < 17);
    CHECK(digits_of(text, len) <= digits_of(other, strlen(other)), "%s, where %s would do", text,
          other);
}

static void check_numbers(fuzz_input *input) {
    check_double(st_double_of_bits(fuzz_u64(input)));
    check_number_text(fuzz_rest(input));
}

/* ---- Base64 ---------------------------------------------------------------------------------- */

static void check_base64(fuzz_input *input) {
    const strata_slice bytes = fuzz_rest(input);
    strata_buffer text = fuzz_buffer();
    strata_buffer back = fuzz_buffer();
    CHECK(st_base64_encode(bytes, &text) == STRATA_OK, "encode");
    CHECK(text.len == (bytes.len + 2) / 3 * 4, "%zu bytes of text for %zu", text.len, bytes.len);
    CHECK(st_base64_decode(st_buffer_slice(&text), &back) == STRATA_OK, "decode");
    CHECK(st_slice_equal(st_buffer_slice(&back), bytes), "bytes, text, other bytes");
    text.len = 0;
    back.len = 0;
    const strata_status status = st_base64_decode(bytes, &back);
    if (status == STRATA_OK) {
        CHECK(st_base64_encode(st_buffer_slice(&back), &text) == STRATA_OK, "encode");
        CHECK(st_slice_equal(st_buffer_slice(&text), bytes), "two texts of the same bytes");
    } else {
        CHECK(status == STRATA_INVALID_ARGUMENT, "%s", strata_status_name(status));
    }
    strata_buffer_free(&text);
    strata_buffer_free(&back);
}

/* ---- UTF-8, varints, names ------------------------------------------------------------------- */

static void check_utf8(fuzz_input *input) {
    const strata_slice bytes = fuzz_rest(input);
    size_t valid_len = SIZE_MAX;
    size_t at = 0;
    while (at < bytes.len) {
        utf8proc_int32_t point;
        const utf8proc_ssize_t len = utf8proc_iterate((const uint8_t *)bytes.data + at,
                                                      (utf8proc_ssize_t)(bytes.len - at), &point);
        if (len <= 0) {
            break;
        }
        at += (size_t)len;
    }
    CHECK(st_utf8_valid(bytes, &valid_len) == (at == bytes.len), "utf8proc says %zu", at);
    CHECK(valid_len == at, "%zu, utf8proc says %zu", valid_len, at);
}

static void check_varints(fuzz_input *input) {
    uint8_t bytes[ST_VARINT_BYTES_MAX];
    const uint64_t number = fuzz_u64(input);
    uint64_t back = 0;
    const size_t len = (size_t)(st_varint_put(bytes, number) - bytes);
    st_cursor cursor = st_cursor_over(st_slice(bytes, len));
    CHECK(st_cursor_varint(&cursor, &back) && back == number && cursor.at == cursor.end, "varint");
    CHECK(st_unzigzag(st_zigzag((int64_t)number)) == (int64_t)number, "zigzag");
    cursor = st_cursor_over(fuzz_rest(input));
    while (st_cursor_left(&cursor) > 0) {
        const st_cursor start = cursor;
        strata_slice sized;
        if (!st_cursor_varint(&cursor, &back)) {
            break;
        }
        CHECK(cursor.at - start.at <= ST_VARINT_BYTES_MAX, "a varint of %td bytes",
              cursor.at - start.at);
        cursor = start;
        if (!st_cursor_sized(&cursor, &sized)) {
            break;
        }
        CHECK(sized.len == back, "%zu", sized.len);
    }
}

static void check_names(fuzz_input *input) {
    enum { NAMES_MAX = 60 };
    strata_slice names[NAMES_MAX];
    size_t count = 0;
    size_t second = 0;
    bool repeats = false;
    while (input->left > 0 && count < NAMES_MAX) {
        names[count] = fuzz_take(input, fuzz_u8(input) % 16);
        for (size_t i = 0; i < count; i++) {
            repeats = repeats || st_slice_equal(names[i], names[count]);
        }
        count++;
    }
    CHECK(st_names_repeat(names, count, &second) == repeats, "%zu names", count);
    CHECK(!repeats ||
              (second > 0 && second < count && st_slice_equal(names[second - 1], names[second])),
          "other names are said to be equal");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const checks[])(fuzz_input *) = {check_keys, check_numbers, check_base64,
                                                   check_utf8, check_varints, check_names};
    fuzz_input input = {data, size};
    fuzz_begin(MEMORY_MAX);
    checks[fuzz_u8(&input) % (sizeof checks / sizeof checks[0])](&input);
    fuzz_end();
    return 0;
}
