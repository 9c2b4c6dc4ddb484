/* verbs_event.c - the event log of a run: append, read, range, head, verify. */
#include "cli.h"

static const cli_param append_params[] = {
    {"TYPE", "type", CLI_TEXT, true, NULL, "a short word: what kind of event it is"},
    {"PAYLOAD", "payload", CLI_OBJECT, true, NULL, "a JSON object; - reads standard input"}};
static const cli_param read_params[] = {
    {"SEQUENCE", "sequence", CLI_UINT, true, NULL, "the number of the event"}, CLI_AS_OF_PARAM};
static const cli_param head_params[] = {CLI_AS_OF_PARAM};
static const cli_param range_params[] = {
    {"START", "start", CLI_UINT, false, NULL, "the first event; 1 when left out"},
    {"END", "end", CLI_UINT, false, NULL, "the event to stop before"},
    {"--type", "type", CLI_TEXT, false, "TYPE", "only events of this type"},
    {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"},
    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"},
    CLI_AS_OF_PARAM};

/* A broken chain is damage, not an answer: the exit code says so. */
static int run_verify(cli_app *app, const cli_args *args) {
    cli_buffer request = {0};
    strata_buffer response = {0};
    cli_rows rows = {0};
    pack_item result;
    pack_item valid;
    int code = cli_request(app, args, NULL, (strata_slice){NULL, 0}, &request);
    code = code == CLI_OK ? cli_open(app, args->verb) : code;
    code = code == CLI_OK ? cli_call(app, &request, &response, &result) : code;
    if (code == CLI_OK) {
        cli_show(app, &args->verb->view, &result, &rows);
        cli_show_end(app, &rows);
        const bool holds =
            pack_field(&result, "valid", &valid) && valid.type == STRATA_BOOL && valid.as.boolean;
        code = holds ? CLI_OK : CLI_DAMAGED;
    }
    cli_buffer_free(&request);
    strata_buffer_free(&response);
    return cli_close(app, code);
}

const cli_verb cli_verbs_event[] = {
    {.name = "event append",
     .op = "event.append",
     .writes = true,
     .in_run = true,
     .summary = "Appends an event to the run's log.",
     .examples = "strata event append tool_call '{\"tool\": \"search\", \"ms\": 12}'",
     .params = append_params,
     .param_count = CLI_COUNT(append_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "event read",
     .op = "event.read",
     .in_run = true,
     .summary = "Prints one event.",
     .examples = "strata event read 3",
     .params = read_params,
     .param_count = CLI_COUNT(read_params),
     .view = {.shape = CLI_RECORD, .field = "event"}},
    {.name = "event range",
     .op = "event.range",
     .in_run = true,
     .summary = "Lists events in order.",
     .examples = "strata event range\nstrata event range 100 200 --type tool_call",
     .params = range_params,
     .param_count = CLI_COUNT(range_params),
     .view = {.shape = CLI_ROWS,
              .field = "events",
              .columns = {"sequence", "type", "payload", "timestamp"},
              .next = "next",
              .next_param = "START"}},
    {.name = "event head",
     .op = "event.head",
     .in_run = true,
     .summary = "Prints the last sequence of the log and its hash.",
     .examples = "strata event head",
     .params = head_params,
     .param_count = CLI_COUNT(head_params),
     .view = {.shape = CLI_RECORD}},
    {.name = "event verify",
     .op = "event.verify",
     .in_run = true,
     .summary = "Recomputes the hash chain of the log; exit code 4 if it is broken.",
     .examples = "strata event verify --run nightly",
     .view = {.shape = CLI_RECORD},
     .run = run_verify},
};
const size_t cli_verbs_event_count = CLI_COUNT(cli_verbs_event);
