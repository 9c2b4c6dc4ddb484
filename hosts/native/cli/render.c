/* render.c - results, shown.
 *
 * Six formats. box, table and line are for people: times are dates, bytes are hex, text is made
 * safe for a terminal. json, jsonl and csv are for programs: json is the result object of the
 * operation, whole; jsonl is one line per row; csv is RFC 4180 with a header. For programs nothing
 * is cut, rounded or reformatted: the JSON is that of strata_msgpack_to_json.
 *
 * Invariants
 * 1. What a program reads is the same whether or not a terminal is there; only the choice of format
 *    when none is asked for depends on it (box there, jsonl in a pipe).
 * 2. Rows of a table are kept until the last page, since a column is as wide as its widest cell;
 *    line, csv and jsonl print as they go and keep nothing.
 */
#include "cli.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cli_for_people(const cli_app *app) {
    return app->format == CLI_BOX || app->format == CLI_TABLE || app->format == CLI_LINE;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void put_json(cli_buffer *out, strata_slice msgpack, bool pretty) {
    strata_buffer json = {0};
    if (strata_msgpack_to_json(msgpack, pretty, &json, NULL) == STRATA_OK) {
        cli_put(out, json.data, json.len);
    }
    strata_buffer_free(&json);
}

void cli_show_json(const cli_app *app, strata_slice msgpack, bool pretty, FILE *to) {
    (void)app;
    cli_buffer text = {0};
    put_json(&text, msgpack, pretty);
    cli_put_text(&text, "\n");
    (void)fwrite(text.data, 1, text.len, to);
    cli_buffer_free(&text);
}

static bool is_time(const char *name) {
    return strcmp(name, "timestamp") == 0 || strcmp(name, "time") == 0 ||
           strcmp(name, "expires") == 0 || strcmp(name, "created") == 0 ||
           strcmp(name, "updated") == 0 || strcmp(name, "first_time") == 0 ||
           strcmp(name, "last_time") == 0;
}

static void put_bytes(cli_buffer *out, strata_slice bytes) {
    enum { SHOWN_MAX = 64 };
    const uint8_t *const data = bytes.data;
    for (size_t i = 0; i < bytes.len && i < SHOWN_MAX; i++) {
        cli_put_format(out, "%02x", data[i]);
    }
    if (bytes.len > SHOWN_MAX) {
        cli_put_format(out, "\xe2\x80\xa6 (%zu bytes)", bytes.len);
    }
}

static void put_people(cli_buffer *out, const char *name, const pack_item *value,
                       text_lines lines) {
    char time[40];
    cli_buffer json = {0};
    switch (value->type) {
    case STRATA_STRING:
        text_put_safe(out, value->as.bytes, lines);
        break;
    case STRATA_BYTES:
        put_bytes(out, value->as.bytes);
        break;
    case STRATA_INT:
        if (is_time(name)) {
            cli_put_text(out, text_time(value->as.integer, time));
        } else {
            cli_put_format(out, "%lld", (long long)value->as.integer);
        }
        break;
    case STRATA_FLOAT:
        if (strcmp(name, "score") == 0) {
            cli_put_format(out, "%.4f", value->as.real);
            break;
        }
        put_json(out, value->raw, false);
        break;
    default:
        put_json(&json, value->raw, lines == TEXT_AS_IS);
        text_put_safe(out, cli_slice(&json), TEXT_AS_IS);
        break;
    }
    cli_buffer_free(&json);
}

void cli_put_value(cli_buffer *out, const char *name, const pack_item *value) {
    put_people(out, name, value, strcmp(name, "snippet") == 0 ? TEXT_FLOWING : TEXT_ONE_LINE);
}

static bool is_number(const pack_item *value) {
    return value->type == STRATA_INT || value->type == STRATA_FLOAT;
}

/* ---- csv and line ---------------------------------------------------------------------------- */

/* A string as it is, anything else as JSON, quoted where RFC 4180 asks for it. */
static void put_csv(cli_buffer *line, const pack_item *value) {
    cli_buffer text = {0};
    if (value->type == STRATA_STRING) {
        cli_put_slice(&text, value->as.bytes);
    } else if (value->type != STRATA_NULL) {
        put_json(&text, value->raw, false);
    }
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        quoted = quoted || strchr("\",\r\n", text.data[i]) != NULL;
    }
    cli_put_text(line, quoted ? "\"" : "");
    for (size_t i = 0; i < text.len; i++) {
        cli_put(line, text.data + i, 1);
        if (text.data[i] == '"') {
            cli_put_text(line, "\"");
        }
    }
    cli_put_text(line, quoted ? "\"" : "");
    cli_buffer_free(&text);
}

static void print_line(cli_buffer *line) {
    cli_put_text(line, "\n");
    (void)fwrite(line->data, 1, line->len, stdout);
    cli_buffer_free(line);
}

static void csv_row(const cli_view *view, const pack_item *row, cli_rows *rows) {
    cli_buffer line = {0};
    for (size_t i = 0; !rows->headed && view->columns[i] != NULL; i++) {
        cli_put_format(&line, "%s%s", i == 0 ? "" : ",", view->columns[i]);
    }
    if (!rows->headed) {
        cli_put_text(&line, "\r");
        print_line(&line);
        rows->headed = true;
    }
    if (row == NULL) {
        return;
    }
    for (size_t i = 0; view->columns[i] != NULL; i++) {
        pack_item value;
        cli_put_text(&line, i == 0 ? "" : ",");
        if (pack_field(row, view->columns[i], &value)) {
            put_csv(&line, &value);
        }
    }
    cli_put_text(&line, "\r");
    print_line(&line);
}

/* Field by field, the names in a column of their own. */
static void print_fields(const cli_app *app, const pack_item *object) {
    strata_slice rest = object->inside;
    size_t widest = 0;
    for (uint32_t i = 0; i < object->as.count; i++) {
        pack_item name;
        pack_item value;
        if (!pack_next(&rest, &name) || !pack_next(&rest, &value)) {
            return;
        }
        const size_t width = text_width(name.as.bytes);
        widest = width > widest ? width : widest;
    }
    rest = object->inside;
    for (uint32_t i = 0; i < object->as.count; i++) {
        pack_item name;
        pack_item value;
        (void)pack_next(&rest, &name);
        (void)pack_next(&rest, &value);
        cli_buffer line = {0};
        cli_buffer field = {0};
        cli_put_slice(&field, name.as.bytes);
        cli_put_text(&line, app->colour ? "\033[1m" : "");
        text_put_fitted(&line, name.as.bytes, widest, false);
        cli_put_text(&line, app->colour ? "\033[0m  " : "  ");
        put_people(&line, field.data == NULL ? "" : field.data, &value, TEXT_AS_IS);
        print_line(&line);
        cli_buffer_free(&field);
    }
}

/* ---- One result ------------------------------------------------------------------------------ */

void cli_rows_put(cli_rows *rows, strata_slice text, bool to_the_right) {
    if (rows->count == rows->cap) {
        rows->cap = rows->cap == 0 ? 64 : rows->cap * 2;
        rows->ends = cli_resize(rows->ends, rows->cap * sizeof(*rows->ends));
        rows->to_the_right = cli_resize(rows->to_the_right, rows->cap * sizeof(bool));
    }
    cli_put_slice(&rows->cells, text);
    rows->ends[rows->count] = rows->cells.len;
    rows->to_the_right[rows->count] = to_the_right;
    rows->count++;
}

static void show_row(const cli_app *app, const cli_view *view, const pack_item *row,
                     cli_rows *rows) {
    if (app->format == CLI_JSONL) {
        cli_show_json(app, row->raw, false, stdout);
        return;
    }
    if (app->format == CLI_CSV) {
        csv_row(view, row, rows);
        return;
    }
    if (app->format == CLI_LINE) {
        (void)fputs(rows->headed ? "\n" : "", stdout);
        rows->headed = true;
        print_fields(app, row);
        return;
    }
    for (size_t i = 0; view->columns[i] != NULL; i++) {
        pack_item value;
        cli_buffer cell = {0};
        const bool there = pack_field(row, view->columns[i], &value);
        if (there) {
            cli_put_value(&cell, view->columns[i], &value);
        }
        cli_rows_put(rows, cli_slice(&cell),
                     there && is_number(&value) && !is_time(view->columns[i]));
        cli_buffer_free(&cell);
    }
}

static void show_rows(const cli_app *app, const cli_view *view, const pack_item *result,
                      cli_rows *rows) {
    pack_item array;
    if (!pack_field(result, view->field, &array) || array.type != STRATA_ARRAY) {
        return;
    }
    rows->view = view;
    strata_slice rest = array.inside;
    for (uint32_t i = 0; i < array.as.count; i++) {
        pack_item row;
        if (!pack_next(&rest, &row)) {
            return;
        }
        show_row(app, view, &row, rows);
    }
    if (app->format == CLI_CSV && !rows->headed) {
        csv_row(view, NULL, rows);
    }
}

/* A write has little to say: one line of its fields. */
static void show_brief(const pack_item *result) {
    cli_buffer line = {0};
    strata_slice rest = result->inside;
    for (uint32_t i = 0; i < result->as.count; i++) {
        pack_item name;
        pack_item value;
        if (!pack_next(&rest, &name) || !pack_next(&rest, &value)) {
            break;
        }
        cli_put_text(&line, i == 0 ? "" : "  ");
        cli_put_slice(&line, name.as.bytes);
        cli_put_text(&line, " ");
        cli_put_value(&line, "", &value);
    }
    print_line(&line);
}

static void show_plain(const pack_item *value) {
    cli_buffer text = {0};
    put_people(&text, "", value, TEXT_AS_IS);
    print_line(&text);
}

static void csv_object(const pack_item *object) {
    cli_buffer names = {0};
    cli_buffer values = {0};
    strata_slice rest = object->inside;
    for (uint32_t i = 0; i < object->as.count; i++) {
        pack_item name;
        pack_item value;
        if (!pack_next(&rest, &name) || !pack_next(&rest, &value)) {
            break;
        }
        cli_put_text(&names, i == 0 ? "" : ",");
        cli_put_text(&values, i == 0 ? "" : ",");
        put_csv(&names, &name);
        put_csv(&values, &value);
    }
    cli_put_text(&names, "\r");
    cli_put_text(&values, "\r");
    print_line(&names);
    print_line(&values);
}

void cli_show(const cli_app *app, const cli_view *view, const pack_item *result, cli_rows *rows) {
    if (app->format == CLI_JSON) {
        cli_show_json(app, result->raw, true, stdout);
        return;
    }
    if (view->show != NULL && !app->has_format && cli_for_people(app)) {
        view->show(app, result);
        return;
    }
    if (view->shape == CLI_ROWS) {
        show_rows(app, view, result, rows);
        return;
    }
    pack_item value = *result;
    if (view->field != NULL && view->shape == CLI_RECORD) {
        (void)pack_field(result, view->field, &value);
    }
    if (app->format == CLI_JSONL) {
        cli_show_json(app, value.raw, false, stdout);
    } else if (app->format == CLI_CSV) {
        csv_object(&value);
    } else if (view->shape == CLI_BRIEF) {
        show_brief(&value);
    } else if (view->shape == CLI_PLAIN && app->format != CLI_LINE &&
               pack_field(result, view->field, &value)) {
        show_plain(&value);
    } else {
        print_fields(app, &value);
    }
}

void cli_show_end(const cli_app *app, cli_rows *rows) {
    if (rows->view != NULL && (app->format == CLI_BOX || app->format == CLI_TABLE)) {
        cli_table_print(app, rows);
    }
    cli_buffer_free(&rows->cells);
    free(rows->ends);
    free(rows->to_the_right);
    *rows = (cli_rows){0};
}
