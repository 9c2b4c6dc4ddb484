/* show_history.c - logs, differences and explanations for people, in the manner of git.
 *
 * A log is a paragraph for each commit, a difference lines that begin with + and -, an explanation a tree.
 * Formats that were asked for by name, and programs, get the rows of render.c.
 */
#include "cli.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 128 };

static const char yellow[] = "\033[33m";
static const char green[] = "\033[32m";
static const char red[] = "\033[31m";
static const char plain[] = "\033[0m";

/* Prints the line, in a colour if there are any, and empties it. */
static void print_line(const cli_app *app, const char *colour, cli_buffer *line) {
    (void)fputs(app->colour ? colour : "", stdout);
    (void)fwrite(line->data, 1, line->len, stdout);
    (void)fputs(app->colour && colour[0] != 0 ? plain : "", stdout);
    (void)fputs("\n", stdout);
    cli_buffer_free(line);
}

static void put_field(cli_buffer *line, const pack_item *object, const char *name,
                      const char *before) {
    pack_item value;
    if (pack_field(object, name, &value)) {
        cli_put_text(line, before);
        cli_put_value(line, name, &value);
    }
}

static bool is_named(const pack_item *object, const char *name, const char *wanted) {
    pack_item value;
    return pack_field(object, name, &value) && value.type == STRATA_STRING &&
           cli_slice_is(value.as.bytes, wanted);
}

/* Gives every element of the list in turn; false at the end. */
static bool next_of(const pack_item *result, const char *name, strata_slice *rest,
                    pack_item *item) {
    pack_item list;
    if (rest->data == NULL) {
        if (!pack_field(result, name, &list) || list.type != STRATA_ARRAY) {
            return false;
        }
        *rest = list.inside;
    }
    return pack_next(rest, item);
}

/* ---- Log and replay -------------------------------------------------------------------------- */

static void show_changes(const cli_app *app, const pack_item *commit) {
    strata_slice rest = {NULL, 0};
    pack_item change;
    pack_item count;
    int64_t shown = 0;
    while (next_of(commit, "changes", &rest, &change)) {
        const bool deletes = is_named(&change, "kind", "delete");
        cli_buffer line = {0};
        cli_put_text(&line, deletes ? "    - " : "    + ");
        put_field(&line, &change, "ref", "");
        put_field(&line, &change, "value", "  ");
        print_line(app, deletes ? red : green, &line);
        shown++;
    }
    if (pack_field(commit, "count", &count) && count.as.integer > shown) {
        (void)printf("    and %lld more\n", (long long)(count.as.integer - shown));
    }
}

void cli_show_commits(const cli_app *app, const pack_item *result) {
    strata_slice rest = {NULL, 0};
    pack_item commit;
    while (next_of(result, "commits", &rest, &commit)) {
        cli_buffer line = {0};
        cli_put_text(&line, "commit ");
        put_field(&line, &commit, "version", "");
        put_field(&line, &commit, "timestamp", "  ");
        put_field(&line, &commit, "label", "  ");
        put_field(&line, &commit, "trace", "  trace:");
        print_line(app, yellow, &line);
        show_changes(app, &commit);
    }
    pack_item earliest;
    if (pack_field(result, "earliest", &earliest)) {
        (void)fprintf(stderr, "note: below commit %lld some of it is no longer kept\n",
                      (long long)earliest.as.integer);
    }
}

/* ---- Diff ------------------------------------------------------------------------------------ */

static void show_side(const cli_app *app, const pack_item *change, const char *value,
                      const char *version) {
    pack_item there;
    if (!pack_field(change, version, &there)) {
        return;
    }
    const bool removed = strcmp(value, "before") == 0;
    cli_buffer line = {0};
    cli_put_text(&line, removed ? "- " : "+ ");
    put_field(&line, change, "ref", "");
    put_field(&line, change, value, "  ");
    print_line(app, removed ? red : green, &line);
}

static void show_summary(const pack_item *summary) {
    strata_slice rest = summary->inside;
    for (uint32_t i = 0; i < summary->as.count; i++) {
        pack_item name;
        pack_item counts;
        if (!pack_next(&rest, &name) || !pack_next(&rest, &counts)) {
            return;
        }
        cli_buffer line = {0};
        text_put_fitted(&line, name.as.bytes, 10, false);
        put_field(&line, &counts, "added", " added ");
        put_field(&line, &counts, "removed", ", removed ");
        put_field(&line, &counts, "changed", ", changed ");
        (void)printf("%s\n", line.data);
        cli_buffer_free(&line);
    }
}

/* Of a document what is different in it, by reference and path. */
static bool show_paths(const cli_app *app, const pack_item *change) {
    strata_slice rest = {NULL, 0};
    pack_item path;
    bool any = false;
    while (next_of(change, "paths", &rest, &path)) {
        for (int after = 0; after < 2; after++) {
            pack_item value;
            cli_buffer line = {0};
            if (!pack_field(&path, after == 1 ? "after" : "before", &value)) {
                continue;
            }
            put_field(&line, change, "ref", after == 1 ? "+ " : "- ");
            put_field(&line, &path, "path", "#");
            cli_put_text(&line, "  ");
            cli_put_value(&line, "", &value);
            print_line(app, after == 1 ? green : red, &line);
        }
        any = true;
    }
    return any;
}

void cli_show_diff(const cli_app *app, const pack_item *result) {
    strata_slice rest = {NULL, 0};
    pack_item change;
    pack_item summary;
    if (pack_field(result, "summary", &summary)) {
        show_summary(&summary);
    }
    while (next_of(result, "changes", &rest, &change)) {
        if (!show_paths(app, &change)) {
            show_side(app, &change, "before", "before_version");
            show_side(app, &change, "after", "after_version");
        }
    }
}

/* ---- Merge ----------------------------------------------------------------------------------- */

void cli_show_merge(const cli_app *app, const pack_item *result) {
    strata_slice rest = {NULL, 0};
    pack_item conflict;
    while (next_of(result, "conflicts", &rest, &conflict)) {
        cli_buffer line = {0};
        cli_put_text(&line, "! ");
        put_field(&line, &conflict, "ref", "");
        put_field(&line, &conflict, "base", "  base ");
        put_field(&line, &conflict, "source", "  source ");
        put_field(&line, &conflict, "target", "  target ");
        print_line(app, red, &line);
    }
    cli_buffer line = {0};
    put_field(&line, result, "taken", "taken ");
    put_field(&line, result, "events", "  events ");
    put_field(&line, result, "conflict_count", "  conflicts ");
    put_field(&line, result, "version", "  version ");
    print_line(app, "", &line);
}

/* ---- Explain --------------------------------------------------------------------------------- */

static uint32_t parent_of(const pack_item *node, uint32_t itself) {
    pack_item parent;
    return pack_field(node, "parent", &parent) ? (uint32_t)parent.as.integer : itself;
}

static void show_node(const cli_app *app, const pack_item *node, size_t depth) {
    cli_buffer line = {0};
    pack_item value;
    for (size_t i = 0; i < depth; i++) {
        cli_put_text(&line, i + 1 == depth ? "\xe2\x94\x94 " : "  ");
    }
    put_field(&line, node, "ref", "");
    if (pack_field(node, "version", &value) && value.as.integer == 0) {
        cli_put_text(&line, "  was not there");
    } else {
        put_field(&line, node, "version", "  @");
    }
    put_field(&line, node, "timestamp", "  ");
    put_field(&line, node, "label", "  ");
    put_field(&line, node, "trace", "  trace:");
    if (pack_field(node, "deleted", &value)) {
        cli_put_text(&line, "  deleted");
    }
    if (pack_field(node, "again", &value)) {
        cli_put_text(&line, "  (above)");
    } else {
        put_field(&line, node, "value", "  ");
        put_field(&line, node, "wrote", "  with ");
    }
    print_line(app, depth == 0 ? yellow : "", &line);
}

/* The list is level by level; a tree is shown branch by branch. */
void cli_show_explanation(const cli_app *app, const pack_item *result) {
    strata_slice rest = {NULL, 0};
    pack_item list;
    pack_item truncated;
    if (!pack_field(result, "nodes", &list) || list.type != STRATA_ARRAY || list.as.count == 0) {
        return;
    }
    const uint32_t count = list.as.count;
    pack_item *nodes = cli_resize(NULL, count * sizeof *nodes);
    bool *shown = cli_resize(NULL, count * sizeof *shown);
    for (uint32_t i = 0; i < count; i++) {
        (void)next_of(result, "nodes", &rest, &nodes[i]);
        shown[i] = false;
    }
    uint32_t path[DEPTH_MAX];
    for (size_t depth = 0;;) {
        uint32_t next = 0;
        while (next < count &&
               (shown[next] || (depth == 0 ? parent_of(&nodes[next], next) != next
                                           : parent_of(&nodes[next], next) != path[depth - 1]))) {
            next++;
        }
        if (next < count && depth < DEPTH_MAX) {
            show_node(app, &nodes[next], depth);
            shown[next] = true;
            path[depth++] = next;
        } else if (depth == 0) {
            break;
        } else {
            depth--;
        }
    }
    if (pack_field(result, "truncated", &truncated) && truncated.as.boolean) {
        (void)fprintf(stderr, "note: there is more: --depth, --versions, --limit\n");
    }
    free(nodes);
    free(shown);
}
