/* json_texts.h - JSON texts of several kinds, made from a fixed seed. */
#ifndef JSON_TEXTS_H
#define JSON_TEXTS_H

#include <stddef.h>

typedef struct json_kind {
    const char *name;
    const char *what;
} json_kind;

enum { JSON_KINDS = 6 };
extern const json_kind json_kinds[JSON_KINDS];

/* A text of about so many bytes, allocated, ended with NUL; *len: without it. */
char *json_text(size_t kind, size_t bytes, size_t *len);

#endif
