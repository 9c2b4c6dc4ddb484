/* cli.h - the command line: what a verb is, and what the parts of the program share.
 *
 * A verb is a row of a table: the operation that it carries, its parameters and how its result is
 * shown. Few verbs need code of their own.
 */
#ifndef STRATA_CLI_H
#define STRATA_CLI_H

#include "buffer.h"
#include "pack.h"
#include "strata/host.h"

#include <stdio.h>

#define CLI_COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    CLI_OK = 0,
    CLI_NOT_FOUND = 1,
    CLI_USAGE = 2,
    CLI_DAMAGED = 4,
    CLI_INTERRUPTED = 130,
};

/* ---- Verbs ----------------------------------------------------------------------------------- */

typedef enum cli_kind {
    CLI_TEXT,    /* a string */
    CLI_WORDS,   /* all words that are left, joined by spaces: a string; "-" reads standard input */
    CLI_PATHS,   /* all words that are left, each for itself */
    CLI_VALUE,   /* JSON if it is JSON, else a string; "-" reads standard input */
    CLI_OBJECT,  /* JSON and nothing else; "-" reads standard input */
    CLI_INT,     /* a signed number */
    CLI_UINT,    /* an unsigned number */
    CLI_TIME,    /* see text_parse_time */
    CLI_AS_OF,   /* a version, or a time that is not a number: goes to `field` or `field`_time */
    CLI_SPAN,    /* see text_parse_span: milliseconds */
    CLI_STRINGS, /* may be given several times: an array of strings */
    CLI_FLAG,    /* true when given */
    CLI_SWITCH,  /* on or off */
} cli_kind;

/* A parameter. A name that begins with "--" is an option, any other a word in its place. */
typedef struct cli_param {
    const char *name;
    const char *field; /* argument of the operation; NULL: the verb looks at it itself */
    cli_kind kind;
    bool required;       /* words only */
    const char *metavar; /* options with a value */
    const char *help;
} cli_param;

typedef enum cli_shape {
    CLI_BRIEF,  /* a write: one line for people */
    CLI_RECORD, /* one object, field by field; `field` names it, NULL is the whole result */
    CLI_ROWS,   /* the objects of the array `field` as a table of `columns` */
    CLI_PLAIN,  /* the value of `field` itself */
} cli_shape;

enum { CLI_COLUMNS_MAX = 10 };

struct cli_app;
struct cli_args;

typedef struct cli_view {
    cli_shape shape;
    const char *field;
    const char *columns[CLI_COLUMNS_MAX]; /* NULL ends them */
    const char *next;         /* the result's field that says where the next page begins */
    const char *next_param;   /* the option that takes it */
    const char *next_reverse; /* the one that does with --reverse; NULL: the same */
    /* How people see it who ask for no format; NULL: as the others. */
    void (*show)(const struct cli_app *app, const pack_item *result);
} cli_view;

typedef struct cli_verb {
    const char *name; /* one word or two */
    const char *op;   /* operation carried, or NULL */
    bool writes;      /* opens the database for writing, and makes it */
    bool in_run;      /* takes --run */
    bool needs_index; /* recalls: the index is built at open */
    const char *summary;
    const char *details; /* NULL or sentences for the help */
    const char *examples;
    const cli_param *params;
    size_t param_count;
    cli_view view;
    int (*run)(struct cli_app *app, const struct cli_args *args); /* NULL: cli_run_op */
} cli_verb;

/* `strata ... --as-of`, the same for every verb that has it. */
#define CLI_AS_OF_PARAM                                                                            \
    {"--as-of", "as_of", CLI_AS_OF,                                                                \
     false,     "WHEN",  "as it was: a version, a date (2024-05-01T12:00Z) or an age (2h)"}

/* The verbs, in the order of the help; each family is an array in a file of its own. */
extern const cli_verb cli_verbs_kv[];
extern const size_t cli_verbs_kv_count;
extern const cli_verb cli_verbs_json[];
extern const size_t cli_verbs_json_count;
extern const cli_verb cli_verbs_entity[];
extern const size_t cli_verbs_entity_count;
extern const cli_verb cli_verbs_state[], cli_verbs_trace[], cli_verbs_edge[];
extern const size_t cli_verbs_state_count, cli_verbs_trace_count, cli_verbs_edge_count;
extern const cli_verb cli_verbs_vector[];
extern const size_t cli_verbs_vector_count;
extern const cli_verb cli_verbs_index[];
extern const size_t cli_verbs_index_count;
extern const cli_verb cli_verbs_event[];
extern const size_t cli_verbs_event_count;
extern const cli_verb cli_verbs_memory[];
extern const size_t cli_verbs_memory_count;
extern const cli_verb cli_verbs_run[];
extern const size_t cli_verbs_run_count;
extern const cli_verb cli_verbs_history[];
extern const size_t cli_verbs_history_count;
extern const cli_verb cli_verbs_copy[];
extern const size_t cli_verbs_copy_count;
extern const cli_verb cli_verbs_db[];
extern const size_t cli_verbs_db_count;

/* The i-th verb of all; NULL behind the last. */
const cli_verb *cli_verb_at(size_t index);

/* ---- The program ----------------------------------------------------------------------------- */

typedef enum cli_format {
    CLI_AUTO,
    CLI_BOX,
    CLI_TABLE,
    CLI_JSON,
    CLI_JSONL,
    CLI_CSV,
    CLI_LINE
} cli_format;

typedef struct cli_app {
    const char *program;
    const char *db_path;
    const char *run_name; /* NULL: the default run */
    const char *snapshot; /* NULL: the database as it is now */
    cli_format format;    /* never CLI_AUTO once arguments are read */
    bool has_format;      /* asked for by name */
    strata_durability durability;
    uint64_t memory_bytes; /* 0: as the library has it */
    bool read_only;
    bool colour;      /* on standard output */
    size_t columns;   /* of the terminal on standard output; 0: no limit */
    strata_db *db;    /* NULL until cli_open */
    strata_host host; /* the default host, with a log that shows progress */
    struct cli_progress *progress;
} cli_app;

/* ---- args.c */

typedef struct cli_arg {
    const cli_param *param;
    const char *text;
} cli_arg;

typedef struct cli_args {
    const cli_verb *verb; /* NULL: none was given */
    bool wants_help;
    bool wants_version;
    const char *group; /* the first word, when it begins two-word verbs and no second one fits */
    cli_arg *given;
    size_t count;
} cli_args;

/* Reads the arguments of the program into cli and args; on a mistake tells the user and returns
 * false. args->given is the caller's to free. */
bool cli_args_read(cli_app *app, int argc, char *const *argv, cli_args *args);
/* The text given for a parameter; NULL when it was not. */
const char *cli_arg_text(const cli_args *args, const char *name);
/* A number given for a parameter; what it is when left out. The text was checked when read. */
uint64_t cli_arg_uint(const cli_args *args, const char *name, uint64_t left_out);

/* ---- request.c */

/* The options of the command line, and a host that shows progress. error: of the caller. */
strata_options cli_options(cli_app *app, strata_error *error);
/* Opens the database as the verb needs it. On failure tells the user; an exit code or CLI_OK. */
int cli_open(cli_app *app, const cli_verb *verb);
/* Closes it; reports a failure of the last sync. Returns `code`, or another if that one was OK. */
int cli_close(cli_app *app, int code);
/* Runs an encoded request and parses the response into *result, borrowed from the buffer. On an
 * error of the operation tells the user and returns its exit code. */
int cli_call(cli_app *app, const cli_buffer *request, strata_buffer *response, pack_item *result);
/* Appends [op, {arguments}] made of what was given. `override` (may be NULL) is a parameter whose
 * value is replaced by an encoded one: the next page. */
int cli_request(const cli_app *app, const cli_args *args, const char *override, strata_slice value,
                cli_buffer *out);
/* Opens, runs the verb's operation (page after page with --all), shows the result, closes. */
int cli_run_op(cli_app *app, const cli_args *args);
/* Reads standard input to its end. */
int cli_read_stdin(const cli_app *app, cli_buffer *out);

/* ---- report.c */

/* Tells a usage error, ends with where to look next; returns CLI_USAGE. */
__attribute__((format(printf, 2, 3))) int cli_misuse(const cli_app *app, const char *format, ...);
/* Tells an error of the library; returns its exit code. */
int cli_fail(const cli_app *app, const strata_error *error);
int cli_fail_status(const cli_app *app, strata_status status, const char *message);
/* The same from the error object of a response. */
int cli_fail_item(const cli_app *app, const pack_item *error);
int cli_exit_code(strata_status status);
/* Whether errors are for a program: one line of JSON and nothing else. */
bool cli_wants_json(const cli_app *app);
/* Appends {code, message, retryable, details} as MessagePack. */
void cli_pack_error(cli_buffer *out, const strata_error *error);

/* ---- show_history.c */

/* Results of history operations, for people. */
void cli_show_commits(const cli_app *app, const pack_item *result);
void cli_show_diff(const cli_app *app, const pack_item *result);
void cli_show_merge(const cli_app *app, const pack_item *result);
void cli_show_explanation(const cli_app *app, const pack_item *result);

/* ---- render.c */

/* Rows seen so far, for the formats that need them all before the first can be shown. */
typedef struct cli_rows {
    const cli_view *view;
    cli_buffer cells; /* the texts of the cells, one after the other */
    size_t *ends;     /* of each cell in cells */
    bool *to_the_right;
    size_t count; /* cells */
    size_t cap;
    bool headed; /* csv: the header was printed */
} cli_rows;

/* Shows one result; rows (zeros before the first page) collects the pages of a table. */
void cli_show(const cli_app *app, const cli_view *view, const pack_item *result, cli_rows *rows);
/* Shows what was collected and frees it. */
void cli_show_end(const cli_app *app, cli_rows *rows);
/* Adds a cell by its text; a row is complete after as many cells as the view has columns. */
void cli_rows_put(cli_rows *rows, strata_slice text, bool to_the_right);
/* Prints one JSON document and a line end. */
void cli_show_json(const cli_app *app, strata_slice msgpack, bool pretty, FILE *to);
/* Appends a value as people read it. name: of the field it comes from. */
void cli_put_value(cli_buffer *out, const char *name, const pack_item *value);
bool cli_for_people(const cli_app *app);

/* ---- table.c */
void cli_table_print(const cli_app *app, const cli_rows *rows);

/* ---- help.c */
void cli_help(const cli_app *app, FILE *to);
void cli_help_group(const cli_app *app, const char *group, FILE *to);
void cli_help_verb(const cli_app *app, const cli_verb *verb, FILE *to);
const cli_param *cli_global_at(size_t index);

/* ---- ops.c */
/* Whether there is an operation of that name; *joins: it can be part of a transaction. */
bool cli_op_find(strata_slice name, bool *joins);
/* Tells that there is none, and which was meant; returns CLI_USAGE. */
int cli_op_refuse(const cli_app *app, const char *name);
int cli_run_ops(cli_app *app, const cli_args *args);
int cli_run_exec(cli_app *app, const cli_args *args);

/* ---- txn.c */
int cli_run_txn(cli_app *app, const cli_args *args);

/* ---- ingest/ingest.c */
int cli_run_ingest(cli_app *app, const cli_args *args);

/* ---- verbs with code of their own */
int cli_run_recall(cli_app *app, const cli_args *args);
int cli_run_verify(cli_app *app, const cli_args *args);
int cli_run_help(cli_app *app, const cli_args *args);
int cli_run_version(cli_app *app, const cli_args *args);

#endif
