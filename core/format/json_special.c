/* json_special.c - the floats that JSON has no number for, as the text of {"$float": ...}.
 *
 * Every NaN is kept bit for bit: one that is not the usual says its bits. Each has one text, so that what
 * is read is written again as it was.
 */
#include "format/json.h"
#include "format/number.h"

static bool parse_nan(strata_slice text, uint64_t *bits) {
    enum { PREFIX = 4, DIGITS = 16 };
    const char *at = text.data;
    if (text.len != PREFIX + DIGITS || memcmp(at, "nan:", PREFIX) != 0) {
        return false;
    }
    uint64_t v = 0;
    for (size_t i = PREFIX; i < text.len; i++) {
        const char c = at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        v = v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *bits = v;
    return isnan(st_double_of_bits(v));
}

bool st_json_special(strata_slice text, uint64_t *bits) {
    static const struct {
        const char *text;
        uint64_t bits;
    } specials[] = {
        {"nan", 0x7ff8000000000000u}, {"inf", 0x7ff0000000000000u}, {"-inf", 0xfff0000000000000u}};
    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++) {
        if (st_slice_equal(text, strata_text(specials[i].text))) {
            *bits = specials[i].bits;
            return true;
        }
    }
    return parse_nan(text, bits);
}
