/* verbs_history.c - history: log, replay, show, diff, merge, explain; and how much of it is kept: retention
 * set, get, list, remove; compact. */
#include "cli.h"
#include "text.h"

#include <stdlib.h>

#define PRIMITIVE                                                                                  \
    {"--primitive", "primitive", CLI_TEXT,                                                         \
     false,         "NAME",      "kv, json, memory, ...; all when left out"}

#define REF    "kv:city, event:7, memory:KEY, json:DOCUMENT, edge:A>TYPE>B, run"
#define LIMIT  {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"}
#define ALL    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"}
#define CURSOR {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"}
#define ONLY                                                                                       \
    {"--primitive", "primitives", CLI_STRINGS, false, "NAME", "only kv, event, json, ...; several"}
#define SINCE {"--since", "from", CLI_AS_OF, false, "WHEN", "from this version, date or age on"}
#define UNTIL {"--as-of", "until", CLI_AS_OF, false, "WHEN", "up to this version, date or age"}

static const cli_param log_params[] = {
    {"REF", "ref", CLI_TEXT, false, NULL, "only commits that changed it: " REF},
    SINCE,
    UNTIL,
    {"--reverse", "reverse", CLI_FLAG, false, NULL, "from the oldest to the newest"},
    LIMIT,
    ALL,
    CURSOR};
static const cli_param replay_params[] = {SINCE, UNTIL, LIMIT, ALL, CURSOR};
static const cli_param show_params[] = {CLI_AS_OF_PARAM, ONLY, LIMIT, ALL, CURSOR};
static const cli_param diff_params[] = {
    {"OTHER", "other_run", CLI_TEXT, false, NULL, "the other run; the same one when left out"},
    CLI_AS_OF_PARAM,
    {"--to", "other_as_of", CLI_AS_OF, false, "WHEN", "the other point; now when left out"},
    {"--stat", "summary", CLI_FLAG, false, NULL, "only count the differences"},
    ONLY,
    LIMIT,
    ALL,
    CURSOR};
static const cli_param merge_params[] = {
    {"SOURCE", "source", CLI_TEXT, true, NULL, "the run to take from"},
    {"--into", "target", CLI_TEXT, false, "RUN", "the run to write to (default)"},
    {"--strategy", "strategy", CLI_TEXT, false, "NAME",
     "for what both have changed: strict, theirs or ours"},
    {"--dry-run", "dry_run", CLI_FLAG, false, NULL, "only say what would happen"}};
static const cli_param explain_params[] = {
    {"REF", "ref", CLI_TEXT, true, NULL, REF},
    CLI_AS_OF_PARAM,
    {"--versions", "versions", CLI_UINT, false, "N", "so many versions of it (10)"},
    {"--depth", "depth", CLI_UINT, false, "N", "so many levels below them (3)"},
    LIMIT};
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
    {.name = "log",
     .op = "history.log",
     .in_run = true,
     .summary = "Lists the commits of a run, newest first.",
     .details = "With REF only those that changed it.",
     .examples = "strata log\nstrata log kv:city --limit 5\nstrata log --since 2h --run trip",
     .params = log_params,
     .param_count = CLI_COUNT(log_params),
     .view = {.shape = CLI_ROWS,
              .field = "commits",
              .columns = {"version", "timestamp", "label", "count", "changes"},
              .next = "cursor",
              .next_param = "--cursor",
              .show = cli_show_commits}},
    {.name = "replay",
     .op = "history.replay",
     .in_run = true,
     .summary = "Lists the commits of a run in their order, with all they wrote.",
     .examples = "strata replay --all --format jsonl > run.jsonl\nstrata replay --since 12",
     .params = replay_params,
     .param_count = CLI_COUNT(replay_params),
     .view = {.shape = CLI_ROWS,
              .field = "commits",
              .columns = {"version", "timestamp", "label", "count", "changes"},
              .next = "cursor",
              .next_param = "--cursor",
              .show = cli_show_commits}},
    {.name = "show",
     .op = "history.state",
     .in_run = true,
     .summary = "Lists everything that a run holds, now or then.",
     .examples = "strata show --as-of 2h --run trip",
     .params = show_params,
     .param_count = CLI_COUNT(show_params),
     .view = {.shape = CLI_ROWS,
              .field = "items",
              .columns = {"ref", "value", "version", "timestamp"},
              .next = "cursor",
              .next_param = "--cursor"}},
    {.name = "diff",
     .op = "history.diff",
     .in_run = true,
     .summary = "Shows in what two points differ.",
     .details = "The first point is --run as of --as-of, the other one OTHER as of --to.",
     .examples = "strata diff --as-of 1h\nstrata diff --as-of 12 --to 20\n"
                 "strata diff attempt-2 --run attempt-1\nstrata diff attempt-2 --stat",
     .params = diff_params,
     .param_count = CLI_COUNT(diff_params),
     .view = {.shape = CLI_ROWS,
              .field = "changes",
              .columns = {"ref", "kind", "before", "after"},
              .next = "cursor",
              .next_param = "--cursor",
              .show = cli_show_diff}},
    {.name = "merge",
     .op = "history.merge",
     .writes = true,
     .summary = "Takes over what a fork has changed, in one commit or not at all.",
     .examples = "strata merge attempt-2 --dry-run\n"
                 "strata merge attempt-2 --into attempt-1 --strategy theirs",
     .params = merge_params,
     .param_count = CLI_COUNT(merge_params),
     .view = {.shape = CLI_RECORD, .show = cli_show_merge}},
    {.name = "explain",
     .op = "history.explain",
     .in_run = true,
     .summary = "Shows why a thing is as it is: what its commits had read, and so on down.",
     .details = "What a commit had read is known where the run keeps provenance: run create "
                "--provenance,\nrun update --provenance on. strata txn --label names a commit.",
     .examples = "strata explain kv:plan\nstrata explain json:report --depth 5",
     .params = explain_params,
     .param_count = CLI_COUNT(explain_params),
     .view = {.shape = CLI_ROWS,
              .field = "nodes",
              .columns = {"parent", "depth", "ref", "version", "timestamp", "value", "label"},
              .show = cli_show_explanation}},
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
