/* ingest.h - what the readers of the different kinds of input share. */
#ifndef STRATA_INGEST_H
#define STRATA_INGEST_H

#include "../cli/cli.h"
#include "../cli/reader.h"

typedef enum ingest_kind {
    INGEST_AUTO,
    INGEST_TEXT,
    INGEST_MARKDOWN,
    INGEST_JSONL,
    INGEST_DEB822
} ingest_kind;

/* Something that was left out, and why. */
typedef struct ingest_problem {
    char *where;
    char *why;
} ingest_problem;

/* One run of `strata ingest`. */
typedef struct ingest {
    cli_app *app;
    strata_run run;
    ingest_kind kind;
    const char *text_field;
    const char *stdin_name;
    uint64_t limit; /* items; 0: none */
    bool verbose;

    uint64_t remembered;
    uint64_t unchanged;
    uint64_t skipped;        /* files, stanzas or lines that could not be read as what they are */
    uint64_t compressed;     /* files left out for their ending */
    uint64_t bytes;          /* read */
    uint64_t bytes_left_out; /* of files that were not read */
    uint64_t bytes_total;    /* both together; 0: unknown */
    ingest_problem *problems;
    size_t problem_count;

    int code;     /* of the first path of the command line that could not be read */
    bool stopped; /* by an error that concerns everything that would follow */
} ingest;

/* Whether to stop: interrupted, at the limit, or broken. */
bool ingest_is_over(const ingest *in);
/* Remembers one item unless it is there with the same text. metadata: an encoded map, or empty.
 * where, line: for what the user is told if it is refused; line 0: none. */
void ingest_item(ingest *in, strata_slice key, strata_slice text, strata_slice metadata,
                 const char *where, uint64_t line);
__attribute__((format(printf, 4, 5))) void ingest_skip(ingest *in, const char *where, uint64_t line,
                                                       const char *why, ...);

/* ---- utf8.c */

/* State of a check over several pieces; zeros at the beginning. */
typedef struct utf8_check {
    uint32_t more; /* bytes of the character that are still to come */
    uint8_t low;   /* the range of the next one */
    uint8_t high;
} utf8_check;

/* False at the first byte that cannot follow. At the end, more must be 0 as well. */
bool utf8_feed(utf8_check *check, strata_slice piece);
bool utf8_is_valid(strata_slice text);
/* Length of the longest beginning, at most max, that does not cut a character. */
size_t utf8_cut(strata_slice text, size_t max);

/* ---- chunk.c, jsonl.c, deb822.c: one kind of input each. name: in keys; where: for the user. */

void ingest_text(ingest *in, reader *r, const char *name, const char *where, bool markdown);
void ingest_jsonl(ingest *in, reader *r, const char *name, const char *where);
void ingest_deb822(ingest *in, reader *r, const char *where);

/* ---- walk.c */

typedef struct walk_visitor {
    void *arg;
    /* name: the path from the argument on. Returns false to end the walk. */
    bool (*file)(void *arg, const char *path, const char *name, uint64_t bytes);
    void (*failed)(void *arg, const char *path, int error);
} walk_visitor;

/* Visits the files below a folder in order of name, or the one file that path is. Returns an errno
 * if the path itself cannot be read; failures below it go to visitor->failed. The folder that is
 * `leave_out` (may be NULL) is left out wherever it lies. */
int walk(const char *path, const char *leave_out, const walk_visitor *visitor);

#endif
