/* table.c - rows in a box, or in a table of plain ASCII.
 *
 * A column is as wide as its widest cell. When the table is wider than the terminal, the widest
 * column gives way, one column of text at a time, until it fits; what is cut ends with an ellipsis.
 * A column never gets narrower than NARROWEST: a terminal too small for that wraps the lines, which
 * is ugly but loses nothing. Without a terminal nothing is cut.
 */
#include "cli.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum { NARROWEST = 6 };

/* The lines of a table: left end, crossing, right end of the three rules, the rule itself, the bar.
 */
typedef struct frame {
    const char *top[3], *middle[3], *bottom[3];
    const char *rule, *bar;
} frame;

static const frame box = {
    {"\xe2\x94\x8c", "\xe2\x94\xac", "\xe2\x94\x90"},
    {"\xe2\x94\x9c", "\xe2\x94\xbc", "\xe2\x94\xa4"},
    {"\xe2\x94\x94", "\xe2\x94\xb4", "\xe2\x94\x98"},
    "\xe2\x94\x80",
    "\xe2\x94\x82",
};
static const frame plain = {{"+", "+", "+"}, {"+", "+", "+"}, {"+", "+", "+"}, "-", "|"};

static strata_slice cell(const cli_rows *rows, size_t index) {
    const size_t begin = index == 0 ? 0 : rows->ends[index - 1];
    return (strata_slice){rows->cells.data + begin, rows->ends[index] - begin};
}

static void fit(size_t *widths, size_t count, size_t columns) {
    size_t total = 1;
    for (size_t i = 0; i < count; i++) {
        total += widths[i] + 3;
    }
    while (columns > 0 && total > columns) {
        size_t widest = 0;
        for (size_t i = 1; i < count; i++) {
            widest = widths[i] > widths[widest] ? i : widest;
        }
        if (widths[widest] <= NARROWEST) {
            return;
        }
        widths[widest]--;
        total--;
    }
}

static void put_rule(cli_buffer *out, const frame *f, const char *const ends[3],
                     const size_t *widths, size_t count) {
    for (size_t i = 0; i < count; i++) {
        cli_put_text(out, ends[i == 0 ? 0 : 1]);
        for (size_t j = 0; j < widths[i] + 2; j++) {
            cli_put_text(out, f->rule);
        }
    }
    cli_put_format(out, "%s\n", ends[2]);
}

static void put_heads(cli_buffer *out, const cli_app *app, const cli_rows *rows, const frame *f,
                      const size_t *widths, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const bool right = rows->count > i && rows->to_the_right[i];
        cli_put_format(out, "%s %s", f->bar, app->colour ? "\033[1m" : "");
        text_put_fitted(out, strata_text(rows->view->columns[i]), widths[i], right);
        cli_put_text(out, app->colour ? "\033[0m " : " ");
    }
    cli_put_format(out, "%s\n", f->bar);
}

void cli_table_print(const cli_app *app, const cli_rows *rows) {
    const frame *const f = app->format == CLI_TABLE ? &plain : &box;
    size_t widths[CLI_COLUMNS_MAX];
    size_t count = 0;
    for (; rows->view->columns[count] != NULL; count++) {
        widths[count] = strlen(rows->view->columns[count]);
    }
    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < rows->count; i++) {
        const size_t width = text_width(cell(rows, i));
        widths[i % count] = width > widths[i % count] ? width : widths[i % count];
    }
    fit(widths, count, app->columns);

    cli_buffer out = {0};
    put_rule(&out, f, f->top, widths, count);
    put_heads(&out, app, rows, f, widths, count);
    put_rule(&out, f, f->middle, widths, count);
    for (size_t i = 0; i < rows->count; i++) {
        cli_put_format(&out, "%s ", f->bar);
        text_put_fitted(&out, cell(rows, i), widths[i % count], rows->to_the_right[i]);
        cli_put_text(&out, " ");
        if (i % count + 1 == count) {
            cli_put_format(&out, "%s\n", f->bar);
        }
    }
    put_rule(&out, f, f->bottom, widths, count);
    (void)fwrite(out.data, 1, out.len, stdout);
    cli_buffer_free(&out);
}
