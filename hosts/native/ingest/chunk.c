/* chunk.c - text and Markdown, cut into pieces that are worth recalling on their own.
 *
 * Lines are gathered until there are more than CHUNK_BYTES_MAX bytes; then the gathered text is cut
 * at the best place that is not too early: behind the last blank line, else behind the last line,
 * else behind the last sentence, else at the last space, else between two characters. In Markdown a
 * heading (ATX, outside fenced code) begins a new piece unless the piece so far is still a mere
 * beginning of a section; setext headings (underlined) are cut like any other paragraph.
 *
 * A piece is remembered under PATH#N with {path, chunk, offset, title}: offset is the byte in the
 * file at which the piece begins; title the heading above it, or the first line of a plain text.
 * The same file gives the same pieces and keys on every host, so that a second run finds them
 * unchanged.
 *
 * Invariants
 * 1. A piece is at most CHUNK_BYTES_MAX bytes, valid UTF-8, and never blank.
 * 2. Every character of the file but white space round the cuts is in exactly one piece.
 *
 * Rejected: pieces that overlap. They help embeddings, which see nothing outside their piece; BM25
 * would only count the same words twice.
 */
#include "ingest.h"

#include <stdio.h>
#include <string.h>

enum {
    CHUNK_BYTES_MAX = 2000,
    CHUNK_BYTES_MIN = 400, /* no cut before this, if there is another place */
    TITLE_BYTES_MAX = 120,
    LINE_BYTES_MAX = 64 << 10,
};

typedef struct chunker {
    ingest *in;
    const char *name;
    const char *where;
    bool markdown;
    bool in_fence;
    uint64_t count;  /* pieces so far */
    uint64_t offset; /* of text.data[0] in the file */
    cli_buffer text;
    cli_buffer title; /* in force at the end of text */
    cli_buffer title_of_piece;
} chunker;

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool is_blank(strata_slice text) {
    const char *const data = text.data;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_space(data[i])) {
            return false;
        }
    }
    return true;
}

/* The best cut in the first CHUNK_BYTES_MAX bytes of a longer text. */
static size_t find_cut(strata_slice text) {
    const char *const data = text.data;
    size_t paragraph = 0;
    size_t line = 0;
    size_t sentence = 0;
    size_t space = 0;
    for (size_t i = CHUNK_BYTES_MIN; i < CHUNK_BYTES_MAX; i++) {
        if (data[i] == '\n') {
            const bool blank = data[i - 1] == '\n' || (data[i - 1] == '\r' && data[i - 2] == '\n');
            paragraph = blank ? i + 1 : paragraph;
            line = i + 1;
        } else if (data[i] == ' ') {
            sentence = strchr(".!?", data[i - 1]) != NULL && data[i - 1] != 0 ? i + 1 : sentence;
            space = i + 1;
        }
    }
    return paragraph > 0  ? paragraph
           : line > 0     ? line
           : sentence > 0 ? sentence
           : space > 0    ? space
                          : utf8_cut(text, CHUNK_BYTES_MAX);
}

static void pack_metadata(const chunker *c, uint64_t offset, cli_buffer *out) {
    const bool has_title = c->title_of_piece.len > 0;
    pack_put_object(out, has_title ? 4 : 3);
    pack_put_text(out, "path");
    pack_put_text(out, c->name);
    pack_put_text(out, "chunk");
    pack_put_uint(out, c->count);
    pack_put_text(out, "offset");
    pack_put_uint(out, offset);
    if (has_title) {
        pack_put_text(out, "title");
        pack_put_string(out, cli_slice(&c->title_of_piece));
    }
}

static void remember(chunker *c, strata_slice piece, uint64_t offset) {
    const char *data = piece.data;
    size_t len = piece.len;
    while (len > 0 && is_space(data[len - 1])) {
        len--;
    }
    /* Blank lines at the beginning go; the indentation of the first line stays. */
    size_t first = 0;
    for (size_t i = 0; i < len && is_space(data[i]); i++) {
        first = data[i] == '\n' ? i + 1 : first;
    }
    if (len <= first) {
        return;
    }
    c->count++;
    cli_buffer key = {0};
    cli_buffer metadata = {0};
    cli_put_format(&key, "%s#%llu", c->name, (unsigned long long)c->count);
    pack_metadata(c, offset + first, &metadata);
    ingest_item(c->in, cli_slice(&key), (strata_slice){data + first, len - first},
                cli_slice(&metadata), c->where, 0);
    cli_buffer_free(&key);
    cli_buffer_free(&metadata);
}

/* Remembers the first `len` bytes of what was gathered and keeps the rest. */
static void cut(chunker *c, size_t len) {
    remember(c, (strata_slice){c->text.data, len}, c->offset);
    const size_t left = c->text.len - len;
    memmove(c->text.data, c->text.data + len, left);
    c->text.len = left;
    c->text.data[left] = 0;
    c->offset += len;
    cli_buffer_clear(&c->title_of_piece);
    cli_put_slice(&c->title_of_piece, cli_slice(&c->title));
}

static void set_title(chunker *c, strata_slice title) {
    const bool piece_has_begun = !is_blank(cli_slice(&c->text));
    cli_buffer_clear(&c->title);
    cli_put(&c->title, title.data, utf8_cut(title, TITLE_BYTES_MAX));
    if (!piece_has_begun) {
        cli_buffer_clear(&c->title_of_piece);
        cli_put_slice(&c->title_of_piece, cli_slice(&c->title));
    }
}

/* The text of a heading: one to six #, a space, and not only #. */
static bool is_heading(strata_slice line, strata_slice *title) {
    const char *const data = line.data;
    size_t marks = 0;
    while (marks < line.len && data[marks] == '#') {
        marks++;
    }
    if (marks == 0 || marks > 6 || marks == line.len || data[marks] != ' ') {
        return false;
    }
    size_t begin = marks;
    size_t end = line.len;
    while (begin < end && is_space(data[begin])) {
        begin++;
    }
    while (end > begin && (is_space(data[end - 1]) || data[end - 1] == '#')) {
        end--;
    }
    *title = (strata_slice){data + begin, end - begin};
    return end > begin;
}

static bool is_fence(strata_slice line) {
    const char *const data = line.data;
    size_t at = 0;
    while (at < line.len && at < 3 && data[at] == ' ') {
        at++;
    }
    return line.len >= at + 3 &&
           (memcmp(data + at, "```", 3) == 0 || memcmp(data + at, "~~~", 3) == 0);
}

static void look_for_title(chunker *c, strata_slice line) {
    strata_slice title;
    if (c->markdown) {
        c->in_fence = is_fence(line) ? !c->in_fence : c->in_fence;
        if (!c->in_fence && is_heading(line, &title)) {
            if (c->text.len >= CHUNK_BYTES_MIN) {
                cut(c, c->text.len);
            }
            set_title(c, title);
        }
    } else if (c->title.len == 0 && !is_blank(line)) {
        const char *const data = line.data;
        size_t begin = 0;
        size_t end = line.len;
        while (is_space(data[begin])) {
            begin++;
        }
        while (is_space(data[end - 1])) {
            end--;
        }
        set_title(c, (strata_slice){data + begin, end - begin});
    }
}

void ingest_text(ingest *in, reader *r, const char *name, const char *where, bool markdown) {
    chunker c = {.in = in, .name = name, .where = where, .markdown = markdown};
    utf8_check check = {0};
    strata_slice line;
    bool first = true;
    while (!ingest_is_over(in) && reader_line(r, LINE_BYTES_MAX, &line)) {
        in->bytes += line.len;
        if (!utf8_feed(&check, line) || memchr(line.data, 0, line.len) != NULL) {
            ingest_skip(in, where, 0, "not text from byte %llu on",
                        (unsigned long long)(r->offset - line.len));
            break;
        }
        if (first && line.len >= 3 && memcmp(line.data, "\xef\xbb\xbf", 3) == 0) {
            line = (strata_slice){(const char *)line.data + 3, line.len - 3};
            c.offset = 3;
        }
        first = false;
        look_for_title(&c, line);
        cli_put_slice(&c.text, line);
        while (c.text.len > CHUNK_BYTES_MAX) {
            cut(&c, find_cut(cli_slice(&c.text)));
        }
    }
    if (!ingest_is_over(in) && c.text.len > 0) {
        cut(&c, c.text.len);
    }
    cli_buffer_free(&c.text);
    cli_buffer_free(&c.title);
    cli_buffer_free(&c.title_of_piece);
}
