/* verbs_history.c - how much history is kept: retention set, get, list, remove; compact. */
#include "cli.h"
#include "text.h"

#include <stdlib.h>

#define PRIMITIVE                                                                                  \
    {"--primitive", "primitive", CLI_TEXT,                                                         \
     false,         "NAME",      "kv, json, memory, ...; all when left out"}

static const cli_param scope_params[] = {PRIMITIVE};
static const cli_param set_params[] = {
    PRIMITIVE,
    {"--last", "versions", CLI_UINT, false, "N", "keep the newest N versions of each key"},
    {"--for", "duration_ms", CLI_SPAN, false, "SPAN",
     "keep what could be seen since (30m, 2h, 7d)"},
    {"--everything", NULL, CLI_FLAG, false, NULL, "keep all"}};
static const cli_param list_params[] = {
    {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"},
    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"},
    {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"}};
static const cli_param compact_params[] = {
    {"--full", NULL, CLI_FLAG, false, NULL,
     "merge all tables too, and let go of what is not kept"}};

/* Runs a request that is made already, as cli_run_op does. */
static int run_request(cli_app *app, const cli_args *args, const cli_buffer *request) {
    strata_buffer response = {0};
    cli_rows rows = {0};
    pack_item result;
    int code = cli_open(app, args->verb);
    code = code == CLI_OK ? cli_call(app, request, &response, &result) : code;
    if (code == CLI_OK) {
        cli_show(app, &args->verb->view, &result, &rows);
        cli_show_end(app, &rows);
    }
    strata_buffer_free(&response);
    return cli_close(app, code);
}

static int run_set(cli_app *app, const cli_args *args) {
    static const char *const ways[] = {"--last", "--for", "--everything"};
    static const char *const keeps[] = {"last", "for", "all"};
    const char *keep = NULL;
    for (size_t i = 0; i < CLI_COUNT(ways); i++) {
        if (cli_arg_text(args, ways[i]) == NULL) {
            continue;
        }
        if (keep != NULL) {
            return cli_misuse(app, "retention set takes one of --last, --for and --everything");
        }
        keep = keeps[i];
    }
    if (keep == NULL) {
        return cli_misuse(app, "retention set needs --last N, --for SPAN or --everything");
    }
    cli_buffer request = {0};
    const char *const primitive = cli_arg_text(args, "--primitive");
    const char *const last = cli_arg_text(args, "--last");
    const char *const span = cli_arg_text(args, "--for");
    uint64_t span_ms = 0;
    pack_put_array(&request, 2);
    pack_put_text(&request, args->verb->op);
    pack_put_object(&request, 1u + (app->run_name != NULL) + (primitive != NULL) + (last != NULL) +
                                  (span != NULL));
    pack_put_text(&request, "keep");
    pack_put_text(&request, keep);
    if (app->run_name != NULL) {
        pack_put_text(&request, "run");
        pack_put_text(&request, app->run_name);
    }
    if (primitive != NULL) {
        pack_put_text(&request, "primitive");
        pack_put_text(&request, primitive);
    }
    if (last != NULL) {
        pack_put_text(&request, "versions");
        pack_put_uint(&request, strtoull(last, NULL, 10));
    }
    if (span != NULL) {
        (void)text_parse_span(span, &span_ms);
        pack_put_text(&request, "duration_ms");
        pack_put_uint(&request, span_ms);
    }
    const int code = run_request(app, args, &request);
    cli_buffer_free(&request);
    return code;
}

static int run_compact(cli_app *app, const cli_args *args) {
    cli_buffer request = {0};
    pack_put_array(&request, 2);
    pack_put_text(&request, args->verb->op);
    pack_put_object(&request, 1);
    pack_put_text(&request, "mode");
    pack_put_text(&request, cli_arg_text(args, "--full") == NULL ? "wal" : "full");
    const int code = run_request(app, args, &request);
    cli_buffer_free(&request);
    return code;
}

const cli_verb cli_verbs_history[] = {
    {.name = "retention set",
     .op = "retention.set",
     .writes = true,
     .in_run = true,
     .summary = "Sets how much history is kept.",
     .details = "The narrowest rule counts: of a primitive in a run, of a run (--run), of a "
                "primitive, of the\n"
                "database. Without a rule everything is kept. What a rule does not keep goes when "
                "tables are\n"
                "merged; strata compact --full does that at once.",
     .examples = "strata retention set --last 10\n"
                 "strata retention set --run scratch --primitive kv --for 7d",
     .params = set_params,
     .param_count = CLI_COUNT(set_params),
     .view = {.shape = CLI_BRIEF},
     .run = run_set},
    {.name = "retention get",
     .op = "retention.get",
     .in_run = true,
     .summary = "Prints the rule that counts, and what it is a rule of.",
     .examples = "strata retention get --run scratch --primitive kv",
     .params = scope_params,
     .param_count = CLI_COUNT(scope_params),
     .view = {.shape = CLI_RECORD}},
    {.name = "retention list",
     .op = "retention.list",
     .summary = "Lists the rules.",
     .examples = "strata retention list",
     .params = list_params,
     .param_count = CLI_COUNT(list_params),
     .view = {.shape = CLI_ROWS,
              .field = "rules",
              .columns = {"run", "primitive", "keep", "versions", "duration_ms", "version"},
              .next = "cursor",
              .next_param = "--cursor"}},
    {.name = "retention remove",
     .op = "retention.remove",
     .writes = true,
     .in_run = true,
     .summary = "Removes a rule: a wider one counts again.",
     .examples = "strata retention remove --run scratch",
     .params = scope_params,
     .param_count = CLI_COUNT(scope_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "compact",
     .op = "db.compact",
     .writes = true,
     .summary = "Makes tables of the log; with --full merges all tables.",
     .examples = "strata compact\nstrata compact --full",
     .params = compact_params,
     .param_count = CLI_COUNT(compact_params),
     .view = {.shape = CLI_BRIEF},
     .run = run_compact},
};
const size_t cli_verbs_history_count = CLI_COUNT(cli_verbs_history);
