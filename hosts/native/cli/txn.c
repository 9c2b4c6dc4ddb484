/* txn.c - `strata txn FILE`: a script of operations as one transaction.
 *
 * The script is read and judged whole before the database is touched, since after a conflict it is
 * run again from its beginning. A line is {"op": ..., "args": {...}}, or ["OP", {...}] as `exec -`
 * takes it, so that a file of requests serves both.
 *
 * Invariants
 * 1. Results are held back until the commit: what a try that failed has seen is never shown.
 * 2. The first operation that fails ends the transaction, whatever its error; nothing is written.
 * 3. Tries and pauses are those of strata_transact, which cannot be used itself: operations join a
 *    transaction by number, and it binds one to the handle.
 */
#include "cli.h"
#include "platform.h"
#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRIES = 3,
    BACKOFF_US = 10 * 1000, /* doubles */
    SCRIPT_BYTES_MAX = 1 << 30,
};

typedef struct script {
    const char *path;  /* as errors name it */
    cli_buffer packed; /* the requests as MessagePack, one after the other */
    uint64_t *line_of; /* of each request */
    size_t count;
} script;

typedef struct request {
    pack_item op;   /* a string */
    pack_item args; /* an object; no entries when left out */
} request;

/* ---- Reading --------------------------------------------------------------------------------- */

/* Takes a line apart; returns what is wrong with it, or NULL. */
static const char *take_apart(const pack_item *line, request *out) {
    static const char *const shape = "a line is {\"op\": \"NAME\", \"args\": {...}}";
    pack_item op = {0};
    pack_item args = {0};
    strata_slice rest = line->inside;
    bool has_op = false;
    bool has_args = false;
    if (line->type == STRATA_OBJECT) {
        has_op = pack_field(line, "op", &op);
        has_args = pack_field(line, "args", &args);
    } else if (line->type == STRATA_ARRAY) {
        has_op = pack_next(&rest, &op);
        has_args = has_op && pack_next(&rest, &args);
    }
    if (!has_op || op.type != STRATA_STRING || (has_args && args.type != STRATA_OBJECT) ||
        line->as.count != (has_args ? 2 : 1)) {
        return shape;
    }
    *out = (request){op, has_args ? args : (pack_item){.type = STRATA_OBJECT}};
    return NULL;
}

static int check(const cli_app *app, const pack_item *line) {
    request found;
    pack_item txn;
    bool joins = false;
    const char *const wrong = take_apart(line, &found);
    if (wrong != NULL) {
        return cli_misuse(app, "%s", wrong);
    }
    const strata_slice name = found.op.as.bytes;
    if (!cli_op_find(name, &joins)) {
        cli_buffer text = {0};
        cli_put_slice(&text, name);
        cli_put_text(&text, "");
        const int code = cli_op_refuse(app, text.data);
        cli_buffer_free(&text);
        return code;
    }
    if (!joins || cli_slice_is(name, "txn.commit") || cli_slice_is(name, "txn.rollback")) {
        return cli_misuse(app, "%.*s cannot be part of a transaction", (int)name.len,
                          (const char *)name.data);
    }
    return pack_field(&found.args, "txn", &txn)
               ? cli_misuse(app, "the operations join the transaction by themselves: leave txn out")
               : CLI_OK;
}

static bool is_blank(strata_slice line) {
    const char *const data = line.data;
    size_t at = 0;
    while (at < line.len && data[at] != 0 && strchr(" \t\r\n", data[at]) != NULL) {
        at++;
    }
    return at == line.len;
}

static int say_line(const cli_app *app, const script *from, uint64_t line, int code) {
    if (code != CLI_OK && !cli_wants_json(app)) {
        (void)fprintf(stderr, "  at: %s, line %llu; nothing was written\n", from->path,
                      (unsigned long long)line);
    }
    return code;
}

static int add_line(const cli_app *app, script *into, uint64_t number, strata_slice text) {
    strata_error error = {.code = STRATA_OK};
    strata_buffer packed = {0};
    pack_item line = {0};
    int code = CLI_OK;
    const strata_status parsed = strata_json_to_msgpack(text, &packed, &error);
    strata_slice rest = {packed.data, packed.len};
    if (parsed != STRATA_OK) {
        error.code = parsed;
        code = cli_fail(app, &error);
    } else {
        code = pack_next(&rest, &line) ? check(app, &line) : CLI_USAGE;
    }
    if (code == CLI_OK) {
        cli_put(&into->packed, packed.data, packed.len);
        into->line_of = cli_resize(into->line_of, (into->count + 1) * sizeof *into->line_of);
        into->line_of[into->count++] = number;
    }
    strata_buffer_free(&packed);
    return say_line(app, into, number, code);
}

static int fail_to_read(const cli_app *app, const char *path, int error) {
    char message[STRATA_ERROR_MESSAGE_MAX];
    (void)snprintf(message, sizeof message, "%s cannot be read: %s", path,
                   error == EINVAL ? "it is no file" : strerror(error));
    return cli_fail_status(app, error == EIO ? STRATA_IO : STRATA_INVALID_ARGUMENT, message);
}

static int read_script(const cli_app *app, script *into) {
    const bool from_stdin = strcmp(into->path, "-") == 0;
    reader lines;
    strata_slice line;
    const int error = reader_open(&lines, from_stdin ? NULL : into->path);
    if (error != 0) {
        return fail_to_read(app, into->path, error);
    }
    into->path = from_stdin ? "standard input" : into->path;
    int code = CLI_OK;
    while (code == CLI_OK && reader_line(&lines, READER_LINE_BYTES_MAX, &line)) {
        if (into->packed.len > SCRIPT_BYTES_MAX) {
            code = cli_fail_status(app, STRATA_CONSTRAINT, "the script is longer than 1 GiB");
        } else if (!is_blank(line)) {
            code = add_line(app, into, lines.line, line);
        }
    }
    const int failed = lines.error;
    reader_close(&lines);
    if (code == CLI_OK && failed != 0) {
        code = fail_to_read(app, into->path, failed);
    }
    return platform_interrupted() ? CLI_INTERRUPTED : code;
}

/* ---- Running --------------------------------------------------------------------------------- */

/* What a try works with. */
typedef struct attempt {
    cli_app *app;
    const cli_args *args;
    const script *lines;
    uint64_t txn;
    size_t done;          /* requests that went well */
    cli_buffer request;   /* scratch */
    cli_buffer results;   /* of the requests, and of the commit */
    strata_buffer answer; /* of the last request */
    pack_item result;     /* in it: the result, or the error */
    strata_status status; /* of the last request */
} attempt;

/* Runs what is in `request`; false: it failed. */
static bool call(attempt *a) {
    pack_item frame;
    pack_item ok;
    a->answer.len = 0;
    a->status = strata_exec(a->app->db, cli_slice(&a->request), &a->answer);
    strata_slice rest = {a->answer.data, a->answer.len};
    a->result = (pack_item){0};
    if (pack_next(&rest, &frame)) {
        rest = frame.inside;
        (void)(pack_next(&rest, &ok) && pack_next(&rest, &a->result));
    }
    return a->status == STRATA_OK;
}

static void begin_request(attempt *a, strata_slice op) {
    cli_buffer_clear(&a->request);
    pack_put_array(&a->request, 2);
    pack_put_string(&a->request, op);
}

static bool begin(attempt *a) {
    pack_item txn;
    uint32_t count = 1;
    begin_request(a, strata_text("txn.begin"));
    const size_t place = pack_open_object(&a->request);
    pack_put_text(&a->request, "read_only");
    pack_put_bool(&a->request, a->app->read_only);
    if (a->app->run_name != NULL) {
        pack_put_text(&a->request, "run");
        pack_put_text(&a->request, a->app->run_name);
        count++;
    }
    for (size_t i = 0; i < a->args->verb->param_count; i++) {
        const cli_param *const param = &a->args->verb->params[i];
        const char *const text = cli_arg_text(a->args, param->name);
        if (param->field != NULL && text != NULL) {
            pack_put_text(&a->request, param->field);
            pack_put_text(&a->request, text);
            count++;
        }
    }
    pack_close_object(&a->request, place, count);
    if (!call(a)) {
        return false;
    }
    a->txn = pack_field(&a->result, "txn", &txn) ? (uint64_t)txn.as.integer : 0;
    return true;
}

static bool run_line(attempt *a, const pack_item *line) {
    request found;
    if (take_apart(line, &found) != NULL) {
        a->status = STRATA_INTERNAL;
        return false;
    }
    begin_request(a, found.op.as.bytes);
    pack_put_object(&a->request, found.args.as.count + 1);
    cli_put_slice(&a->request, found.args.inside);
    pack_put_text(&a->request, "txn");
    pack_put_uint(&a->request, a->txn);
    if (!call(a)) {
        return false;
    }
    cli_put_slice(&a->results, a->result.raw);
    return true;
}

static bool end(attempt *a, const char *op) {
    begin_request(a, strata_text(op));
    pack_put_object(&a->request, 1);
    pack_put_text(&a->request, "txn");
    pack_put_uint(&a->request, a->txn);
    return call(a);
}

/* One try. On failure the answer is that of what failed, and the transaction is over. */
static bool try_once(attempt *a) {
    strata_slice rest = cli_slice(&a->lines->packed);
    pack_item line;
    a->done = 0;
    cli_buffer_clear(&a->results);
    if (!begin(a)) {
        return false;
    }
    while (pack_next(&rest, &line)) {
        if (platform_interrupted() || !run_line(a, &line)) {
            return false; /* closing the database rolls back */
        }
        a->done++;
    }
    if (!end(a, "txn.commit")) {
        return false;
    }
    cli_put_slice(&a->results, a->result.raw);
    return true;
}

/* Half of the pause is chance, so that two that met do not meet again. */
static void pause_before_next(const cli_app *app, unsigned tries) {
    const uint64_t most_us = (uint64_t)BACKOFF_US << (tries - 1);
    uint32_t chance = 0;
    if (app->host.clock.sleep_us != NULL && app->host.entropy.fill != NULL &&
        app->host.entropy.fill(app->host.entropy.ctx, &chance, sizeof chance) == STRATA_OK) {
        app->host.clock.sleep_us(app->host.clock.ctx, most_us / 2 + chance % (most_us / 2));
    }
}

static int tell_failure(const attempt *a) {
    if (platform_interrupted()) {
        return CLI_INTERRUPTED;
    }
    const bool told = a->result.type == STRATA_OBJECT;
    const int code = told ? cli_fail_item(a->app, &a->result)
                          : cli_fail_status(a->app, a->status, strata_errmsg(a->app->db));
    if (a->done < a->lines->count) {
        return say_line(a->app, a->lines, a->lines->line_of[a->done], code);
    }
    return code;
}

static int run_script(attempt *a) {
    unsigned tries = 1;
    bool ok = try_once(a);
    while (!ok && a->status == STRATA_CONFLICT && tries < TRIES && !platform_interrupted()) {
        (void)end(a, "txn.rollback"); /* when it was not the commit that failed */
        pause_before_next(a->app, tries++);
        ok = try_once(a);
    }
    if (!ok) {
        return tell_failure(a);
    }
    strata_slice rest = cli_slice(&a->results);
    pack_item result;
    while (pack_next(&rest, &result)) {
        cli_show_json(a->app, result.raw, false, stdout);
    }
    return CLI_OK;
}

int cli_run_txn(cli_app *app, const cli_args *args) {
    script lines = {.path = cli_arg_text(args, "FILE")};
    attempt a = {.app = app, .args = args, .lines = &lines};
    cli_verb verb = *args->verb;
    verb.writes = !app->read_only;
    int code = read_script(app, &lines);
    if (code == CLI_OK) {
        code = cli_open(app, &verb);
    }
    if (code == CLI_OK) {
        code = run_script(&a);
    }
    cli_buffer_free(&lines.packed);
    free(lines.line_of);
    cli_buffer_free(&a.request);
    cli_buffer_free(&a.results);
    strata_buffer_free(&a.answer);
    return cli_close(app, code);
}
