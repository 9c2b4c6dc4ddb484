/* status.c - errors and the small formatter behind their messages.
 *
 * The core has no stdio; messages need only strings, slices and integers. Invariants:
 * 1. A message always ends with NUL and is valid UTF-8 if its parts are (a cut steps back to the
 *    start of a character).
 * 2. Bytes of users never bring control characters into a message.
 * Rejected: passing snprintf in through the host; it drags locale and floats into every WASM build.
 */
#include "base/status.h"

#ifdef __clang_analyzer__
#undef st_fail
#undef st_fail_constraint
#undef st_fail_memory
#undef st_fail_number
#undef st_fail_text
#endif

typedef struct writer {
    char *data;
    size_t size;
    size_t len;
} writer;

static void put_char(writer *out, char c) {
    if (out->len + 1 < out->size) {
        out->data[out->len] = c;
    }
    out->len++;
}

static void put_text(writer *out, const char *text) {
    while (*text != '\0') {
        put_char(out, *text++);
    }
}

static void put_slice(writer *out, const strata_slice *slice) {
    enum { SHOWN_MAX = 64 };
    const unsigned char *bytes = slice->data;
    size_t shown = st_min(slice->len, SHOWN_MAX);
    while (shown > 0 && shown < slice->len && (bytes[shown] & 0xc0) == 0x80) {
        shown--;
    }
    for (size_t i = 0; i < shown; i++) {
        put_char(out, bytes[i] < 0x20 || bytes[i] == 0x7f ? '?' : (char)bytes[i]);
    }
    if (shown < slice->len) {
        put_text(out, "...");
    }
}

static void put_unsigned(writer *out, uint64_t number) {
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (count > 0) {
        put_char(out, digits[--count]);
    }
}

static void put_signed(writer *out, int64_t number) {
    if (number < 0) {
        put_char(out, '-');
        put_unsigned(out, (uint64_t)0 - (uint64_t)number);
    } else {
        put_unsigned(out, (uint64_t)number);
    }
}

static size_t finish(writer *out) {
    if (out->len + 1 <= out->size) {
        out->data[out->len] = '\0';
        return out->len;
    }
    size_t end = out->size - 1;
    while (end > 0 && ((unsigned char)out->data[end - 1] & 0xc0) == 0x80) {
        end--;
    }
    if (end > 0 && ((unsigned char)out->data[end - 1] & 0xc0) == 0xc0) {
        end--;
    }
    out->data[end] = '\0';
    return end;
}

static size_t format_list(char *data, size_t size, const char *format, va_list list) {
    writer out = {data, size, 0};
    for (const char *at = format; *at != '\0'; at++) {
        if (*at != '%') {
            put_char(&out, *at);
            continue;
        }
        at++;
        switch (*at) {
        case 's':
            put_text(&out, va_arg(list, const char *));
            break;
        case 'S':
            put_slice(&out, va_arg(list, const strata_slice *));
            break;
        case 'u':
            put_unsigned(&out, va_arg(list, uint64_t));
            break;
        case 'd':
            put_signed(&out, va_arg(list, int64_t));
            break;
        case '%':
            put_char(&out, '%');
            break;
        default:
            ST_ASSERT(false);
        }
    }
    return finish(&out);
}

size_t st_format(char *data, size_t size, const char *format, ...) {
    va_list list;
    va_start(list, format);
    const size_t len = format_list(data, size, format, list);
    va_end(list);
    return len;
}

static void fail_list(strata_error *error, strata_status code, const char *format, va_list list) {
    if (error != NULL) {
        error->code = code;
        error->field_count = 0;
        format_list(error->message, sizeof error->message, format, list);
    }
}

strata_status st_fail(strata_error *error, strata_status code, const char *format, ...) {
    va_list list;
    va_start(list, format);
    fail_list(error, code, format, list);
    va_end(list);
    return code;
}

strata_status st_fail_constraint(strata_error *error, const char *reason, const char *format, ...) {
    va_list list;
    va_start(list, format);
    fail_list(error, STRATA_CONSTRAINT, format, list);
    va_end(list);
    st_fail_text(error, "reason", strata_text(reason));
    return STRATA_CONSTRAINT;
}

strata_status st_fail_memory(strata_error *error) {
    return st_fail(error, STRATA_NO_MEMORY, "out of memory");
}

strata_status st_fail_number(strata_error *error, const char *name, int64_t number) {
    if (error == NULL) {
        return STRATA_INTERNAL;
    }
    if (error->field_count < STRATA_ERROR_FIELDS_MAX) {
        strata_error_field *field = &error->fields[error->field_count++];
        field->name = name;
        field->is_text = false;
        field->number = number;
        field->text[0] = '\0';
    }
    return error->code;
}

strata_status st_fail_text(strata_error *error, const char *name, strata_slice text) {
    if (error == NULL) {
        return STRATA_INTERNAL;
    }
    if (error->field_count < STRATA_ERROR_FIELDS_MAX) {
        strata_error_field *field = &error->fields[error->field_count++];
        field->name = name;
        field->is_text = true;
        field->number = 0;
        writer out = {field->text, sizeof field->text, 0};
        put_slice(&out, &text);
        finish(&out);
    }
    return error->code;
}

const char *strata_status_name(strata_status status) {
    switch (status) {
    case STRATA_OK:
        return "ok";
#define STRATA_ERROR(NAME, name, code, exit, retryable, meaning)                                   \
    case STRATA_##NAME:                                                                            \
        return #name;
#include "strata/errors.def"
#undef STRATA_ERROR
    }
    return "unknown";
}

bool strata_status_retryable(strata_status status) {
    switch (status) {
    case STRATA_OK:
        return false;
#define STRATA_ERROR(NAME, name, code, exit, retryable, meaning)                                   \
    case STRATA_##NAME:                                                                            \
        return retryable;
#include "strata/errors.def"
#undef STRATA_ERROR
    }
    return false;
}
