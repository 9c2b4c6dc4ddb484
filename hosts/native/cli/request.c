/* request.c - from arguments to an operation, and back.
 *
 * The command line adds no meaning: what was given becomes the arguments of one operation of
 * docs/operations.md, encoded as strata_exec wants them, and the operation itself judges them. Only
 * what has no meaning at all (a number that is none) is refused before.
 *
 * Invariants
 * 1. A verb that only reads opens the database read-only: it needs no lock and works while another
 *    process writes. Only a verb that writes makes a database.
 * 2. The index is built at open only for verbs that recall; the others would wait for nothing.
 * 3. A failing close (the last sync) is told, even if everything before went well.
 *
 * A value on the command line is JSON if it parses as JSON, otherwise a string: `put n 5` stores an
 * int, `put name Ann` a string, `put name '"5"'` or `put --string name 5` the string "5".
 */
#include "cli.h"
#include "platform.h"
#include "progress.h"
#include "reader.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STDIN_BYTES_MAX = 1 << 30, /* far above what a value may have; the library says how much */
};

/* ---- Opening and closing --------------------------------------------------------------------- */

static void show_progress(void *ctx, const char *stage, uint64_t done, uint64_t total) {
    cli_app *const app = ctx;
    static const char *const stages[][2] = {{"recover", "reading the log"},
                                            {"backup", "copying"},
                                            {"export", "exporting"},
                                            {"import", "importing"},
                                            {"repair", "repairing"}};
    const char *words = NULL;
    for (size_t i = 0; i < CLI_COUNT(stages) && words == NULL; i++) {
        words = strcmp(stage, stages[i][0]) == 0 ? stages[i][1] : NULL;
    }
    progress_show(app->progress, words == NULL ? "indexing" : words, done, total,
                  words == NULL ? PROGRESS_ITEMS : PROGRESS_BYTES);
    if (total > 0 && done >= total) {
        progress_hide(app->progress);
    }
}

/* What the library has to say while it works: told to people when it matters to them. */
static void show_log(void *ctx, strata_log_level level, const char *message, const char *fields) {
    cli_app *const app = ctx;
    if (level >= STRATA_LOG_WARN) {
        cli_buffer text = {0};
        text_put_safe(&text, strata_text(message), TEXT_ONE_LINE);
        cli_put_text(&text, " ");
        text_put_safe(&text, strata_text(fields == NULL ? "" : fields), TEXT_ONE_LINE);
        progress_hide(app->progress);
        (void)fprintf(stderr, "%s: %s\n", level == STRATA_LOG_WARN ? "note" : "error", text.data);
        cli_buffer_free(&text);
    }
}

strata_options cli_options(cli_app *app, strata_error *error) {
    strata_options options = STRATA_OPTIONS_INIT;
    app->host = *strata_host_default();
    app->host.log = (strata_log){app, show_log, show_progress};
    options.host = &app->host;
    options.durability = app->durability;
    options.error = error;
    options.snapshot = app->snapshot;
    if (app->memory_bytes > 0) {
        options.memory_bytes = app->memory_bytes;
    }
    return options;
}

int cli_open(cli_app *app, const cli_verb *verb) {
    strata_error error = {.code = STRATA_OK};
    strata_options options = cli_options(app, &error);
    if (!verb->needs_index) {
        options.flags |= STRATA_OPEN_LAZY_INDEX;
    }
    const bool in_memory = strcmp(app->db_path, ":memory:") == 0;
    if (in_memory) {
        options.durability = STRATA_MEMORY;
    } else if (app->read_only || !verb->writes) {
        options.flags |= STRATA_OPEN_READ_ONLY | STRATA_OPEN_MUST_EXIST;
    }
    const strata_status status = strata_open(app->db_path, &options, &app->db);
    progress_hide(app->progress);
    if (status != STRATA_OK) {
        app->db = NULL;
        error.code = status;
        return cli_fail(app, &error);
    }
    return CLI_OK;
}

int cli_close(cli_app *app, int code) {
    if (app->db == NULL) {
        return code;
    }
    const strata_status status = strata_close(app->db);
    app->db = NULL;
    if (status != STRATA_OK) {
        const int failed = cli_fail_status(app, status,
                                           "the database could not be closed: the last writes may "
                                           "not have reached the disk");
        return code == CLI_OK ? failed : code;
    }
    return code;
}

/* ---- Requests -------------------------------------------------------------------------------- */

int cli_read_stdin(const cli_app *app, cli_buffer *out) {
    reader input;
    strata_slice piece;
    (void)reader_open(&input, NULL);
    while (out->len <= STDIN_BYTES_MAX && reader_line(&input, READER_LINE_BYTES_MAX, &piece)) {
        cli_put_slice(out, piece);
    }
    const int error = input.error;
    reader_close(&input);
    if (platform_interrupted()) {
        return CLI_INTERRUPTED;
    }
    if (error != 0) {
        return cli_fail_status(app, STRATA_IO, "standard input cannot be read");
    }
    return out->len <= STDIN_BYTES_MAX
               ? CLI_OK
               : cli_fail_status(app, STRATA_CONSTRAINT, "standard input is longer than 1 GiB");
}

/* Appends JSON text as MessagePack. */
static strata_status pack_json(strata_slice json, strata_error *error, cli_buffer *out) {
    strata_buffer packed = {0};
    const strata_status status = strata_json_to_msgpack(json, &packed, error);
    if (status == STRATA_OK) {
        cli_put(out, packed.data, packed.len);
    }
    strata_buffer_free(&packed);
    error->code = status;
    return status;
}

static int pack_value(const cli_app *app, const cli_args *args, strata_slice text,
                      cli_buffer *out) {
    strata_error error = {.code = STRATA_OK};
    if (cli_arg_text(args, "--bytes") != NULL) {
        pack_put_bytes(out, text);
    } else if (cli_arg_text(args, "--string") != NULL) {
        pack_put_string(out, text);
    } else if (pack_json(text, &error, out) != STRATA_OK) {
        /* JSON that breaks a limit is meant as JSON all the same. */
        if (error.code != STRATA_INVALID_ARGUMENT) {
            return cli_fail(app, &error);
        }
        pack_put_string(out, text);
    }
    return CLI_OK;
}

/* The text of a parameter that may be "-". */
static int pack_input(const cli_app *app, const cli_args *args, const cli_param *param,
                      const char *text, cli_buffer *out) {
    cli_buffer input = {0};
    strata_error error = {.code = STRATA_OK};
    int code = CLI_OK;
    if (strcmp(text, "-") == 0) {
        code = cli_read_stdin(app, &input);
    } else {
        cli_put_text(&input, text);
    }
    if (code != CLI_OK) {
        /* Told already. */
    } else if (param->kind == CLI_VALUE) {
        code = pack_value(app, args, cli_slice(&input), out);
    } else if (param->kind != CLI_OBJECT) {
        pack_put_string(out, cli_slice(&input));
    } else if (pack_json(cli_slice(&input), &error, out) != STRATA_OK) {
        code = cli_misuse(app, "%s is no JSON: %s", param->name, error.message);
    }
    cli_buffer_free(&input);
    return code;
}

/* A parameter that was given more than once, or words that belong together. */
static int pack_several(const cli_app *app, const cli_args *args, const cli_param *param,
                        cli_buffer *out) {
    cli_buffer joined = {0};
    uint32_t count = 0;
    const char *last = "";
    cli_put_text(&joined, "");
    for (size_t i = 0; i < args->count; i++) {
        count += args->given[i].param == param ? 1 : 0;
    }
    if (param->kind == CLI_STRINGS) {
        pack_put_array(out, count);
    }
    for (size_t i = 0; i < args->count; i++) {
        if (args->given[i].param != param) {
            continue;
        }
        last = args->given[i].text;
        if (param->kind == CLI_STRINGS) {
            pack_put_text(out, last);
        } else {
            cli_put_format(&joined, "%s%s", joined.len == 0 ? "" : " ", last);
        }
    }
    int code = CLI_OK;
    if (param->kind == CLI_WORDS) {
        code = pack_input(app, args, param, count == 1 ? last : joined.data, out);
    }
    cli_buffer_free(&joined);
    return code;
}

/* Whether --as-of names a version: any other number of people's is a date or an age. */
static bool is_version(const char *text) {
    return text[strspn(text, "0123456789")] == 0;
}

static int pack_one(const cli_app *app, const cli_args *args, const cli_param *param,
                    const char *text, cli_buffer *out) {
    int64_t time_us = 0;
    uint64_t span_ms = 0;
    switch (param->kind) {
    case CLI_VALUE:
    case CLI_OBJECT:
        return pack_input(app, args, param, text, out);
    case CLI_WORDS:
    case CLI_STRINGS:
        return pack_several(app, args, param, out);
    case CLI_INT:
        errno = 0;
        pack_put_int(out, strtoll(text, NULL, 10));
        return errno == 0 ? CLI_OK : cli_misuse(app, "%s is out of range", param->name);
    case CLI_UINT:
        errno = 0;
        pack_put_uint(out, strtoull(text, NULL, 10));
        return errno == 0 ? CLI_OK : cli_misuse(app, "%s is out of range", param->name);
    case CLI_AS_OF:
        if (is_version(text)) {
            errno = 0;
            pack_put_uint(out, strtoull(text, NULL, 10));
            return errno == 0 ? CLI_OK : cli_misuse(app, "%s is out of range", param->name);
        }
        (void)text_parse_time(text, app->host.clock.wall_us(app->host.clock.ctx), &time_us);
        pack_put_int(out, time_us);
        return CLI_OK;
    case CLI_SPAN:
        (void)text_parse_span(text, &span_ms);
        pack_put_uint(out, span_ms);
        return CLI_OK;
    case CLI_TIME:
        (void)text_parse_time(text, app->host.clock.wall_us(app->host.clock.ctx), &time_us);
        pack_put_int(out, time_us);
        return CLI_OK;
    case CLI_FLAG:
        pack_put_bool(out, true);
        return CLI_OK;
    case CLI_SWITCH:
        pack_put_bool(out, strcmp(text, "on") == 0);
        return CLI_OK;
    default:
        pack_put_text(out, text);
        return CLI_OK;
    }
}

int cli_request(const cli_app *app, const cli_args *args, const char *override, strata_slice value,
                cli_buffer *out) {
    const cli_verb *const verb = args->verb;
    uint32_t count = 0;
    pack_put_array(out, 2);
    pack_put_text(out, verb->op);
    const size_t place = pack_open_object(out);
    if (verb->in_run && app->run_name != NULL) {
        pack_put_text(out, "run");
        pack_put_text(out, app->run_name);
        count++;
    }
    for (size_t i = 0; i < verb->param_count; i++) {
        const cli_param *const param = &verb->params[i];
        const char *const text = cli_arg_text(args, param->name);
        const bool replaced = override != NULL && strcmp(override, param->name) == 0;
        if (param->field == NULL || (text == NULL && !replaced)) {
            continue;
        }
        const bool by_time = text != NULL && param->kind == CLI_AS_OF && !is_version(text);
        cli_buffer field = {0};
        cli_put_format(&field, "%s%s", param->field, by_time ? "_time" : "");
        pack_put_text(out, field.data);
        cli_buffer_free(&field);
        count++;
        if (replaced) {
            cli_put_slice(out, value);
            continue;
        }
        const int code = pack_one(app, args, param, text, out);
        if (code != CLI_OK) {
            return code;
        }
    }
    pack_close_object(out, place, count);
    return CLI_OK;
}

int cli_call(cli_app *app, const cli_buffer *request, strata_buffer *response, pack_item *result) {
    response->len = 0;
    const strata_status status = strata_exec(app->db, cli_slice(request), response);
    strata_slice rest = {response->data, response->len};
    pack_item frame;
    pack_item ok;
    if (status == STRATA_NO_MEMORY || !pack_next(&rest, &frame)) {
        return cli_fail_status(app, status == STRATA_OK ? STRATA_INTERNAL : status,
                               strata_errmsg(app->db));
    }
    rest = frame.inside;
    if (!pack_next(&rest, &ok) || !pack_next(&rest, result)) {
        return cli_fail_status(app, STRATA_INTERNAL, "the library gave an answer that is none");
    }
    return ok.type == STRATA_BOOL && ok.as.boolean ? CLI_OK : cli_fail_item(app, result);
}

/* ---- The usual verb -------------------------------------------------------------------------- */

/* One page after the other, each beginning where the last one says. */
static int run_pages(cli_app *app, const cli_args *args, cli_buffer *request,
                     strata_buffer *response) {
    const cli_view *const view = &args->verb->view;
    const bool all = cli_arg_text(args, "--all") != NULL;
    const bool reverse = view->next_reverse != NULL && cli_arg_text(args, "--reverse") != NULL;
    const char *const next_param = reverse ? view->next_reverse : view->next_param;
    cli_rows rows = {0};
    pack_item result;
    int code = cli_call(app, request, response, &result);
    while (code == CLI_OK) {
        cli_show(app, view, &result, &rows);
        pack_item next;
        if (view->next == NULL || !pack_field(&result, view->next, &next)) {
            break;
        }
        if (!all) {
            cli_buffer more = {0};
            cli_put_value(&more, "", &next);
            if (cli_for_people(app)) {
                cli_show_end(app, &rows);
            }
            (void)fprintf(stderr, "note: there may be more: --all, or %s %s\n", next_param,
                          more.data);
            cli_buffer_free(&more);
            break;
        }
        if (platform_interrupted() || ferror(stdout) != 0) {
            code = platform_interrupted() ? CLI_INTERRUPTED : CLI_OK;
            break;
        }
        cli_buffer_clear(request);
        code = cli_request(app, args, next_param, next.raw, request);
        code = code == CLI_OK ? cli_call(app, request, response, &result) : code;
    }
    cli_show_end(app, &rows);
    return code;
}

int cli_run_op(cli_app *app, const cli_args *args) {
    cli_buffer request = {0};
    strata_buffer response = {0};
    app->host = *strata_host_default();
    int code = cli_request(app, args, NULL, (strata_slice){NULL, 0}, &request);
    if (code == CLI_OK) {
        code = cli_open(app, args->verb);
    }
    if (code == CLI_OK) {
        code = run_pages(app, args, &request, &response);
    }
    cli_buffer_free(&request);
    strata_buffer_free(&response);
    return cli_close(app, code);
}
