/* ops.c - exec, and the list of what it can run.
 *
 * exec carries a request to strata_exec and its response back, as JSON, adding nothing. The table
 * of operations (generated/ops_table.def, made from the core's ops.def by tools/gen_ops.py) serves only to
 * know whether an operation writes (a database is not made, nor locked, for reading), to list the
 * operations, and to suggest the one that was meant; an operation that the table lacks is refused
 * before the database is touched.
 */
#include "cli.h"
#include "platform.h"
#include "reader.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a row of the table is. */
typedef enum op_row_kind { ROW_OP, ROW_ARG, ROW_RET } op_row_kind;

typedef struct op_row {
    const char *name; /* of the operation, argument or result field */
    const char *type;
    const char *text;
    op_row_kind kind;
    bool flag; /* operation: writes; argument: required; field: always there */
} op_row;

static const op_row rows[] = {
#define CLI_OP(name, writes, what)         {name, "", what, ROW_OP, writes},
#define CLI_IN(name, type, required, what) {name, type, what, ROW_ARG, required},
#define CLI_OUT(name, type, always, what)  {name, type, what, ROW_RET, always},
#include "generated/ops_table.def"
#undef CLI_OP
#undef CLI_IN
#undef CLI_OUT
};

static const op_row *find_op(strata_slice name) {
    for (size_t i = 0; i < CLI_COUNT(rows); i++) {
        if (rows[i].kind == ROW_OP && cli_slice_is(name, rows[i].name)) {
            return &rows[i];
        }
    }
    return NULL;
}

static const char *nearest_op(const char *name) {
    const char *names[CLI_COUNT(rows)];
    size_t count = 0;
    for (size_t i = 0; i < CLI_COUNT(rows); i++) {
        if (rows[i].kind == ROW_OP) {
            names[count++] = rows[i].name;
        }
    }
    return text_nearest(name, names, count);
}

bool cli_op_find(strata_slice name, bool *joins) {
    const op_row *const op = find_op(name);
    *joins = false;
    if (op == NULL) {
        return false;
    }
    for (const op_row *row = op + 1; row < rows + CLI_COUNT(rows) && row->kind == ROW_ARG; row++) {
        *joins = *joins || strcmp(row->name, "txn") == 0;
    }
    return true;
}

/* ---- ops ------------------------------------------------------------------------------------- */

static void put_row(cli_buffer *out, const op_row *row) {
    pack_put_object(out, 3);
    pack_put_text(out, "operation");
    pack_put_text(out, row->name);
    pack_put_text(out, "writes");
    pack_put_bool(out, row->flag);
    pack_put_text(out, "what");
    pack_put_text(out, row->text);
}

static void print_details(const op_row *op) {
    (void)printf("%s - %s\n", op->name, op->text);
    for (const op_row *row = op + 1; row < rows + CLI_COUNT(rows) && row->kind != ROW_OP; row++) {
        (void)printf("  %s %-18s %-14s %s%s\n", row->kind == ROW_ARG ? "in " : "out", row->name,
                     row->type, row->text,
                     row->kind == ROW_ARG ? row->flag ? "" : " (optional)"
                     : row->flag          ? ""
                                          : " (when it applies)");
    }
}

int cli_run_ops(cli_app *app, const cli_args *args) {
    static const cli_view view = {
        .shape = CLI_ROWS, .field = "operations", .columns = {"operation", "writes", "what"}};
    const char *const prefix = cli_arg_text(args, "OP");
    cli_buffer list = {0};
    uint32_t count = 0;
    for (size_t i = 0; i < CLI_COUNT(rows); i++) {
        if (rows[i].kind != ROW_OP ||
            (prefix != NULL && strncmp(rows[i].name, prefix, strlen(prefix)) != 0)) {
            continue;
        }
        count++;
        if (prefix != NULL && cli_for_people(app)) {
            print_details(&rows[i]);
        } else {
            put_row(&list, &rows[i]);
        }
    }
    int code = CLI_OK;
    if (count == 0) {
        code = cli_misuse(app, "no operation begins with \"%s\"", prefix);
    } else if (list.len > 0) {
        cli_buffer result = {0};
        pack_put_object(&result, 1);
        pack_put_text(&result, "operations");
        pack_put_array(&result, count);
        cli_put_slice(&result, cli_slice(&list));
        strata_slice rest = cli_slice(&result);
        pack_item item = {0};
        cli_rows shown = {0};
        (void)pack_next(&rest, &item);
        cli_show(app, &view, &item, &shown);
        cli_show_end(app, &shown);
        cli_buffer_free(&result);
    }
    cli_buffer_free(&list);
    return code;
}

/* ---- exec ------------------------------------------------------------------------------------ */

int cli_op_refuse(const cli_app *app, const char *name) {
    const char *const nearest = nearest_op(name);
    return nearest == NULL
               ? cli_misuse(app, "there is no operation %s; `strata ops` lists them", name)
               : cli_misuse(app, "there is no operation %s; did you mean %s?", name, nearest);
}

/* One operation from the command line. */
static int exec_one(cli_app *app, const cli_args *args, const op_row *op, const char *json) {
    cli_buffer input = {0};
    cli_buffer request = {0};
    strata_buffer packed = {0};
    strata_buffer response = {0};
    strata_error error = {.code = STRATA_OK};
    pack_item result;
    int code = CLI_OK;
    if (strcmp(json, "-") == 0) {
        code = cli_read_stdin(app, &input);
    } else {
        cli_put_text(&input, json);
    }
    if (code == CLI_OK && strata_json_to_msgpack(cli_slice(&input), &packed, &error) != STRATA_OK) {
        code = cli_fail(app, &error);
    }
    if (code == CLI_OK) {
        cli_verb verb = *args->verb;
        verb.writes = op->flag;
        verb.needs_index =
            strcmp(op->name, "memory.recall") == 0 || strcmp(op->name, "db.stats") == 0;
        code = cli_open(app, &verb);
    }
    if (code == CLI_OK) {
        pack_put_array(&request, 2);
        pack_put_text(&request, op->name);
        cli_put(&request, packed.data, packed.len);
        code = cli_call(app, &request, &response, &result);
    }
    if (code == CLI_OK) {
        cli_show_json(app, result.raw, app->format == CLI_JSON || cli_for_people(app), stdout);
    }
    cli_buffer_free(&input);
    cli_buffer_free(&request);
    strata_buffer_free(&packed);
    strata_buffer_free(&response);
    return cli_close(app, code);
}

/* Prints an error frame for a line that never reached the library. */
static int answer_error(const cli_app *app, const strata_error *error) {
    cli_buffer frame = {0};
    pack_put_array(&frame, 2);
    pack_put_bool(&frame, false);
    cli_pack_error(&frame, error);
    cli_show_json(app, cli_slice(&frame), false, stdout);
    cli_buffer_free(&frame);
    return cli_exit_code(error->code);
}

static int answer(const cli_app *app, strata_slice line, strata_buffer *packed,
                  strata_buffer *response) {
    strata_error error = {.code = STRATA_OK};
    packed->len = 0;
    response->len = 0;
    const strata_status parsed = strata_json_to_msgpack(line, packed, &error);
    if (parsed != STRATA_OK) {
        error.code = parsed;
        return answer_error(app, &error);
    }
    const strata_slice request = {packed->data, packed->len};
    const strata_status status = strata_exec(app->db, request, response);
    if (response->len == 0) {
        return answer_error(app, strata_last_error(app->db));
    }
    cli_show_json(app, (strata_slice){response->data, response->len}, false, stdout);
    return cli_exit_code(status);
}

static bool is_blank(strata_slice line) {
    const char *const data = line.data;
    size_t at = 0;
    while (at < line.len && strchr(" \t\r\n", data[at]) != NULL && data[at] != 0) {
        at++;
    }
    return at == line.len;
}

/* Requests from standard input, one a line. */
static int exec_lines(cli_app *app, const cli_args *args) {
    cli_verb verb = *args->verb;
    verb.writes = !app->read_only;
    int code = cli_open(app, &verb);
    if (code != CLI_OK) {
        return code;
    }
    reader lines;
    strata_slice line;
    strata_buffer packed = {0};
    strata_buffer response = {0};
    (void)reader_open(&lines, NULL);
    while (!platform_interrupted() && reader_line(&lines, READER_LINE_BYTES_MAX, &line)) {
        if (is_blank(line)) {
            continue;
        }
        const int one = answer(app, line, &packed, &response);
        code = code == CLI_OK ? one : code;
        if (fflush(stdout) != 0) {
            break;
        }
    }
    reader_close(&lines);
    strata_buffer_free(&packed);
    strata_buffer_free(&response);
    return cli_close(app, platform_interrupted() ? CLI_INTERRUPTED : code);
}

int cli_run_exec(cli_app *app, const cli_args *args) {
    const char *const name = cli_arg_text(args, "OP");
    const char *const json = cli_arg_text(args, "JSON");
    if (strcmp(name, "-") == 0) {
        return json == NULL ? exec_lines(app, args)
                            : cli_misuse(app, "exec - takes its arguments from standard input");
    }
    const op_row *const op = find_op(strata_text(name));
    return op == NULL ? cli_op_refuse(app, name)
                      : exec_one(app, args, op, json == NULL ? "{}" : json);
}
