/* deb822.c - Debian control stanzas (deb-822(5)): as apt-cache dumpavail and dpkg's status print
 * them.
 *
 * A stanza is a run of fields up to a blank line; a line that begins with a space or tab goes on
 * with the field above it; a line that begins with # is a comment. One stanza is one memory:
 *
 *   key       NAME_VERSION_ARCH, as in the name of the package's file
 *   text      NAME: first line of Description
 *             the rest of Description, unwrapped by nothing
 *             Tags: role program, interface x11, ...   (debtags with spaces for "::")
 *             Section: games
 *             Homepage: https://...
 *   metadata  all fields, as strings
 *
 * The text holds what a person would ask by; Depends, Filename and the sums would only make words
 * such as "amd64" or "libc6" frequent, so they are in the metadata alone. Descriptions in other
 * languages (Description-de) stand in for a missing Description.
 *
 * Rejected: the whole stanza as text. The index is then five times as large and "editor" finds what
 * depends on an editor before the editors.
 */
#include "ingest.h"

#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 256, STANZA_BYTES_MAX = 8 << 20, VALUE_NAME_BYTES_MAX = 100 };

/* A field of the stanza in hand; offsets into the buffer of values. */
typedef struct field {
    strata_slice name;
    size_t begin;
    size_t end;
} field;

typedef struct stanza {
    cli_buffer raw;    /* the lines */
    cli_buffer values; /* of the fields, unfolded */
    field fields[FIELDS_MAX];
    size_t count;
    uint64_t line; /* its first */
} stanza;

static bool same_name(strata_slice a, strata_slice b) {
    const char *const left = a.data;
    const char *const right = b.data;
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        const char l = left[i] >= 'A' && left[i] <= 'Z' ? (char)(left[i] + 32) : left[i];
        const char r = right[i] >= 'A' && right[i] <= 'Z' ? (char)(right[i] + 32) : right[i];
        if (l != r) {
            return false;
        }
    }
    return a.len == b.len;
}

static strata_slice value_at(const stanza *s, size_t index) {
    const field *const f = &s->fields[index];
    return (strata_slice){s->values.data + f->begin, f->end - f->begin};
}

static strata_slice value_of(const stanza *s, const char *name) {
    for (size_t i = 0; i < s->count; i++) {
        if (same_name(s->fields[i].name, strata_text(name))) {
            return value_at(s, i);
        }
    }
    return (strata_slice){"", 0};
}

/* ---- Parsing --------------------------------------------------------------------------------- */

static strata_slice trimmed(strata_slice text) {
    const char *data = text.data;
    while (text.len > 0 && (data[0] == ' ' || data[0] == '\t')) {
        data++;
        text.len--;
    }
    while (text.len > 0 && strchr(" \t\r", data[text.len - 1]) != NULL) {
        text.len--;
    }
    return (strata_slice){data, text.len};
}

/* A line that goes on: without its first space; a dot alone stands for a blank line. */
static void add_continuation(stanza *s, strata_slice line) {
    strata_slice rest = {(const char *)line.data + 1, line.len - 1};
    cli_put_text(&s->values, "\n");
    if (!cli_slice_is(trimmed(rest), ".")) {
        const char *const data = rest.data;
        while (rest.len > 0 && strchr(" \t\r", data[rest.len - 1]) != NULL) {
            rest.len--;
        }
        cli_put_slice(&s->values, rest);
    }
    s->fields[s->count - 1].end = s->values.len;
}

static const char *add_field(stanza *s, strata_slice line) {
    const char *const data = line.data;
    const char *const colon = memchr(data, ':', line.len);
    if (colon == NULL || colon == data) {
        return "a line is neither a field nor a continuation";
    }
    const size_t name_len = (size_t)(colon - data);
    if (s->count == FIELDS_MAX) {
        return "too many fields";
    }
    field *const f = &s->fields[s->count];
    f->name = trimmed((strata_slice){data, name_len});
    for (size_t i = 0; i < s->count; i++) {
        if (same_name(s->fields[i].name, f->name)) {
            return "a field comes twice";
        }
    }
    f->begin = s->values.len;
    cli_put_slice(&s->values,
                  trimmed((strata_slice){data + name_len + 1, line.len - name_len - 1}));
    f->end = s->values.len;
    s->count++;
    return NULL;
}

/* What is wrong with the stanza, or NULL. */
static const char *parse(stanza *s) {
    const char *at = s->raw.data;
    const char *const end = at + s->raw.len;
    s->count = 0;
    cli_buffer_clear(&s->values);
    while (at < end) {
        const char *const newline = memchr(at, '\n', (size_t)(end - at));
        const char *const stop = newline == NULL ? end : newline;
        const strata_slice line = {at, (size_t)(stop - at)};
        const char *wrong = NULL;
        if (line.len > 0 && at[0] == '#') {
            wrong = NULL;
        } else if (line.len > 0 && (at[0] == ' ' || at[0] == '\t')) {
            if (s->count == 0) {
                return "it begins with a continuation";
            }
            add_continuation(s, line);
        } else if (line.len > 0) {
            wrong = add_field(s, line);
        }
        if (wrong != NULL) {
            return wrong;
        }
        at = newline == NULL ? end : newline + 1;
    }
    return NULL;
}

/* ---- The memory ------------------------------------------------------------------------------ */

static strata_slice description_of(const stanza *s) {
    const strata_slice own = value_of(s, "Description");
    if (own.len > 0) {
        return own;
    }
    const strata_slice english = value_of(s, "Description-en");
    if (english.len > 0) {
        return english;
    }
    for (size_t i = 0; i < s->count; i++) {
        const strata_slice name = s->fields[i].name;
        static const char prefix[] = "Description-";
        const size_t len = sizeof(prefix) - 1;
        if (name.len > len && same_name((strata_slice){name.data, len}, strata_text(prefix)) &&
            !same_name(name, strata_text("Description-md5"))) {
            return value_at(s, i);
        }
    }
    return own;
}

static void put_line(cli_buffer *out, const char *label, strata_slice value) {
    if (value.len > 0) {
        cli_put_format(out, "\n%s: ", label);
        cli_put_slice(out, value);
    }
}

/* Debtags on one line, their parts as words: "role::program" -> "role program". */
static void put_tags(cli_buffer *out, strata_slice tags) {
    const char *const data = tags.data;
    if (tags.len > 0) {
        cli_put_text(out, "\nTags: ");
    }
    for (size_t i = 0; i < tags.len; i++) {
        if (data[i] == ':' && i + 1 < tags.len && data[i + 1] == ':') {
            cli_put_text(out, " ");
            i++;
        } else {
            cli_put(out, data[i] == '\n' ? " " : &data[i], 1);
        }
    }
}

static void build(const stanza *s, cli_buffer *key, cli_buffer *text, cli_buffer *metadata) {
    cli_buffer_clear(key);
    cli_buffer_clear(text);
    cli_buffer_clear(metadata);
    const char *const parts[] = {"Package", "Version", "Architecture"};
    for (size_t i = 0; i < CLI_COUNT(parts); i++) {
        const strata_slice part = value_of(s, parts[i]);
        cli_put_text(key, i > 0 && part.len > 0 ? "_" : "");
        cli_put_slice(key, part);
    }
    cli_put_slice(text, value_of(s, "Package"));
    cli_put_text(text, ": ");
    cli_put_slice(text, description_of(s));
    put_tags(text, value_of(s, "Tag"));
    put_line(text, "Section", value_of(s, "Section"));
    put_line(text, "Homepage", value_of(s, "Homepage"));

    pack_put_object(metadata, (uint32_t)s->count);
    for (size_t i = 0; i < s->count; i++) {
        pack_put_string(metadata, s->fields[i].name);
        pack_put_string(metadata, value_at(s, i));
    }
}

/* The stanza as it is told to a user: by its name if it has one. */
static void skip(ingest *in, const stanza *s, const char *where, const char *why) {
    const strata_slice name = value_of(s, "Package");
    if (name.len > 0 && name.len < VALUE_NAME_BYTES_MAX) {
        ingest_skip(in, where, s->line, "%.*s: %s", (int)name.len, (const char *)name.data, why);
    } else {
        ingest_skip(in, where, s->line, "%s", why);
    }
}

static void end_stanza(ingest *in, stanza *s, const char *where, cli_buffer out[3]) {
    if (s->raw.len == 0) {
        return;
    }
    const char *wrong = NULL;
    if (s->raw.len > STANZA_BYTES_MAX) {
        s->count = 0;
        wrong = "the stanza is longer than 8 MiB";
    } else {
        wrong = parse(s);
    }
    if (wrong == NULL && s->count > 0 && value_of(s, "Package").len == 0) {
        wrong = "the stanza has no Package field";
    }
    if (wrong == NULL && !utf8_is_valid(cli_slice(&s->raw))) {
        wrong = "the stanza is not UTF-8";
    }
    if (wrong != NULL) {
        skip(in, s, where, wrong);
    } else if (s->count > 0) {
        build(s, &out[0], &out[1], &out[2]);
        ingest_item(in, cli_slice(&out[0]), cli_slice(&out[1]), cli_slice(&out[2]), where, s->line);
    }
    cli_buffer_clear(&s->raw);
}

void ingest_deb822(ingest *in, reader *r, const char *where) {
    stanza *const s = cli_resize(NULL, sizeof(stanza));
    memset(s, 0, sizeof(*s));
    cli_buffer out[3] = {{0}, {0}, {0}};
    strata_slice line;
    while (!ingest_is_over(in) && reader_line(r, STANZA_BYTES_MAX, &line)) {
        in->bytes += line.len;
        if (trimmed((strata_slice){line.data, line.len - 1}).len == 0 &&
            ((const char *)line.data)[line.len - 1] == '\n') {
            end_stanza(in, s, where, out);
            continue;
        }
        if (s->raw.len == 0) {
            s->line = r->line;
        }
        if (s->raw.len <= STANZA_BYTES_MAX) {
            cli_put_slice(&s->raw, line);
        }
    }
    if (!ingest_is_over(in)) {
        end_stanza(in, s, where, out);
    }
    for (size_t i = 0; i < CLI_COUNT(out); i++) {
        cli_buffer_free(&out[i]);
    }
    cli_buffer_free(&s->raw);
    cli_buffer_free(&s->values);
    free(s);
}
