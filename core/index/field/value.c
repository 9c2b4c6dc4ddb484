/* value.c - the order-preserving encoding of scalars; value.h has the bytes.
 *
 * Invariant: no encoding is the beginning of another, so what follows in a key (the key of the owner)
 * never changes the order of values.
 */
#include "index/field/value.h"

enum {
    KIND_NULL = 0x10,
    KIND_FALSE = 0x20,
    KIND_TRUE = 0x21,
    KIND_NUMBER = 0x30,
    KIND_STRING = 0x40,
    KIND_BYTES = 0x50,
    NUMBER_BYTES = 11,
    END = 0x01,
    CUT = 0x02,
};

/* ---- Numbers --------------------------------------------------------------------------------- */

static uint64_t turned(double real) {
    uint64_t bits;
    real = real == 0 ? 0 : real; /* -0 is 0 */
    memcpy(&bits, &real, sizeof bits);
    return bits >> 63 != 0 ? ~bits : bits | (uint64_t)1 << 63;
}

/* The largest float that is not above the int, and how much the int is above it. */
static double floor_of(int64_t integer, uint16_t *above) {
    double real = (double)integer; /* to the nearest */
    if (real >= 0x1p63 || (int64_t)real > integer) {
        uint64_t bits;
        memcpy(&bits, &real, sizeof bits);
        bits += real > 0 ? (uint64_t)-1 : 1; /* the next one down */
        memcpy(&real, &bits, sizeof real);
    }
    *above = (uint16_t)((uint64_t)integer - (uint64_t)(int64_t)real);
    return real;
}

static bool number_of(const st_node *node, double *real, uint16_t *above) {
    *above = 0;
    if (node->type == STRATA_INT) {
        *real = floor_of(node->as.integer, above);
        return true;
    }
    *real = node->type == STRATA_FLOAT ? node->as.real : 0;
    return node->type == STRATA_FLOAT && *real == *real; /* not NaN */
}

/* ---- Encoding -------------------------------------------------------------------------------- */

static size_t encode_bytes(uint8_t kind, strata_slice bytes, uint8_t *out, bool *cut) {
    const uint8_t *from = bytes.data;
    size_t len = 0;
    size_t i = 0;
    out[len++] = kind;
    for (; i < bytes.len && len + 2 + 2 <= ST_INDEX_VALUE_BYTES_MAX; i++) {
        out[len++] = from[i];
        if (from[i] == 0) {
            out[len++] = 0xff;
        }
    }
    *cut = i < bytes.len;
    out[len++] = 0;
    out[len++] = *cut ? CUT : END;
    return len;
}

size_t st_field_encode(const st_node *scalar, uint8_t out[ST_INDEX_VALUE_BYTES_MAX], bool *cut) {
    bool was_cut = false;
    size_t len = 1;
    double real;
    uint16_t above;
    switch (scalar->type) {
    case STRATA_NULL:
        out[0] = KIND_NULL;
        break;
    case STRATA_BOOL:
        out[0] = scalar->as.boolean ? KIND_TRUE : KIND_FALSE;
        break;
    case STRATA_INT:
    case STRATA_FLOAT:
        if (!number_of(scalar, &real, &above)) {
            return 0;
        }
        out[0] = KIND_NUMBER;
        store64_be(out + 1, turned(real));
        out[9] = (uint8_t)(above >> 8);
        out[10] = (uint8_t)above;
        len = NUMBER_BYTES;
        break;
    case STRATA_STRING:
        len = encode_bytes(KIND_STRING, scalar->as.bytes, out, &was_cut);
        break;
    case STRATA_BYTES:
        len = encode_bytes(KIND_BYTES, scalar->as.bytes, out, &was_cut);
        break;
    default:
        return 0;
    }
    if (cut != NULL) {
        *cut = was_cut;
    }
    return len;
}

size_t st_field_length(strata_slice bytes) {
    const uint8_t *at = bytes.data;
    size_t most = bytes.len < ST_INDEX_VALUE_BYTES_MAX ? bytes.len : ST_INDEX_VALUE_BYTES_MAX;
    if (most == 0) {
        return 0;
    }
    switch (at[0]) {
    case KIND_NULL:
    case KIND_FALSE:
    case KIND_TRUE:
        return 1;
    case KIND_NUMBER:
        return most >= NUMBER_BYTES ? NUMBER_BYTES : 0;
    case KIND_STRING:
    case KIND_BYTES:
        for (size_t i = 1; i + 1 < most; i++) {
            if (at[i] == 0 && at[i + 1] != 0xff) {
                return at[i + 1] == END || at[i + 1] == CUT ? i + 2 : 0;
            }
            i += at[i] == 0 ? 1 : 0;
        }
        return 0;
    default:
        return 0;
    }
}

/* ---- Comparing ------------------------------------------------------------------------------- */

bool st_field_compare(const st_node *a, const st_node *b, int *order) {
    double left;
    double right;
    uint16_t left_above;
    uint16_t right_above;
    if (number_of(a, &left, &left_above) && number_of(b, &right, &right_above)) {
        *order = left != right ? (left > right) - (left < right) : left_above - right_above;
        return true;
    }
    if (a->type != b->type) {
        return false;
    }
    switch (a->type) {
    case STRATA_NULL:
        *order = 0;
        return true;
    case STRATA_BOOL:
        *order = (int)a->as.boolean - (int)b->as.boolean;
        return true;
    case STRATA_STRING:
    case STRATA_BYTES:
        *order = st_slice_compare(a->as.bytes, b->as.bytes);
        return true;
    default:
        return false;
    }
}
