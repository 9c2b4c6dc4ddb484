/* json_texts.c - JSON texts of several kinds, made from a fixed seed.
 *
 * What is common in practice, each kind with another loop of a parser in the middle: objects with names
 * that recur, short strings and ids (what an HTTP API answers); whole numbers; floats of all their
 * digits (embeddings, coordinates); prose in ASCII, prose with escapes and in other scripts; the objects
 * again, indented.
 */
#include "json_texts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

const json_kind json_kinds[JSON_KINDS] = {
    {"objects", "records of an HTTP API, compact"},
    {"pretty", "the same, indented"},
    {"ints", "whole numbers of 1 to 9 digits"},
    {"floats", "floats of 15 to 17 digits"},
    {"prose", "paragraphs of ASCII"},
    {"scripts", "paragraphs with escapes, accents and CJK"},
};

typedef struct text {
    char *data;
    size_t len;
    size_t cap;
    uint64_t chance;
    int pretty;
    int depth;
} text;

static uint64_t next(text *t) {
    t->chance += 0x9e3779b97f4a7c15u;
    return bench_mix(t->chance);
}

static void put(text *t, const char *format, ...) {
    va_list list;
    va_start(list, format);
    t->len += (size_t)vsnprintf(t->data + t->len, t->cap - t->len, format, list);
    va_end(list);
}

static void line(text *t) {
    if (t->pretty) {
        put(t, "\n%*s", 2 * t->depth, "");
    }
}

static void open(text *t, char bracket) {
    put(t, "%c", bracket);
    t->depth++;
    line(t);
}

static void close(text *t, char bracket) {
    t->depth--;
    line(t);
    put(t, "%c", bracket);
}

static void comma(text *t) {
    put(t, ",");
    line(t);
}

static void name(text *t, const char *of) {
    put(t, t->pretty ? "\"%s\": " : "\"%s\":", of);
}

static void words(text *t, size_t count, int scripts) {
    static const char *const ascii[] = {"the",   "of",    "agent", "memory", "remembers", "a",
                                        "which", "after", "query", "not",    "kept",      "value"};
    static const char *const wide[] = {"caf\xc3\xa9",
                                       "\xe8\xa8\x98\xe6\x86\xb6\xe3\x81\xae",
                                       "\\n",
                                       "\\\"word\\\"",
                                       "\xd0\xbf\xd0\xb0\xd0\xbc\xd1\x8f\xd1\x82\xd1\x8c",
                                       "stra\xc3\x9f"
                                       "e",
                                       "\\u00e9t\\u00e9",
                                       "\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < count; i++) {
        const uint64_t n = next(t);
        put(t, "%s%s", i > 0 ? " " : "",
            scripts && n % 2 == 0 ? wide[n / 2 % 8] : ascii[n / 2 % 12]);
    }
}

static void string(text *t, const char *of, size_t count) {
    name(t, of);
    put(t, "\"");
    words(t, count, 0);
    put(t, "\"");
}

static void record(text *t) {
    open(t, '{');
    name(t, "created_at");
    put(t, "\"2026-11-%02d\"", (int)(1 + next(t) % 30));
    comma(t);
    name(t, "id");
    put(t, "%llu", (unsigned long long)(next(t) % 1000000000000000000u));
    comma(t);
    string(t, "text", 8 + next(t) % 12);
    comma(t);
    name(t, "user");
    open(t, '{');
    name(t, "id");
    put(t, "%u", (unsigned)(next(t) % 100000000));
    comma(t);
    string(t, "name", 2);
    comma(t);
    string(t, "screen_name", 1);
    comma(t);
    name(t, "followers_count");
    put(t, "%u", (unsigned)(next(t) % 10000));
    comma(t);
    name(t, "verified");
    put(t, next(t) % 4 == 0 ? "true" : "false");
    comma(t);
    name(t, "profile_image_url");
    put(t, "\"https://example.com/images/%08x/normal.png\"", (unsigned)next(t));
    close(t, '}');
    comma(t);
    name(t, "tags");
    open(t, '[');
    put(t, "\"a\"");
    comma(t);
    put(t, "\"tag%u\"", (unsigned)(next(t) % 100));
    close(t, ']');
    comma(t);
    name(t, "retweet_count");
    put(t, "%u", (unsigned)(next(t) % 300));
    comma(t);
    name(t, "score");
    put(t, "0.%u", (unsigned)(next(t) % 10000));
    comma(t);
    name(t, "in_reply_to");
    put(t, "null");
    close(t, '}');
}

static void element(text *t, size_t kind) {
    static const uint32_t tens[] = {10, 1000, 100000, 1000000000};
    switch (kind) {
    case 2:
        put(t, "%u", (unsigned)(next(t) % tens[next(t) % 4]));
        break;
    case 3:
        put(t, "%.17g", ((double)(next(t) >> 11) / 9007199254740992.0 - 0.5) * 2);
        break;
    case 4:
    case 5:
        put(t, "\"");
        words(t, 40 + next(t) % 60, kind == 5);
        put(t, "\"");
        break;
    default:
        record(t);
    }
}

char *json_text(size_t kind, size_t bytes, size_t *len) {
    enum { ELEMENT_MAX = 4096 };
    text t = {.cap = bytes + ELEMENT_MAX, .chance = 7, .pretty = kind == 1};
    t.data = malloc(t.cap);
    if (t.data == NULL) {
        bench_fail("text", "no memory");
    }
    open(&t, '[');
    for (size_t i = 0; t.len < bytes; i++) {
        if (i > 0) {
            comma(&t);
        }
        element(&t, kind);
    }
    close(&t, ']');
    *len = t.len;
    return t.data;
}
