/* verbs_event.c - the event log of a run: append, read, range, count, types, head, verify; and following it.
 *
 * `events --follow` shows what another process appends. A database has one writer, and who opens it
 * read-only sees what was there then; so it opens it again and again, less often the longer that
 * takes. Where both are one process, event.tail waits without that.
 */
#include "cli.h"
#include "platform.h"
#include "text.h"

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
    {"--since", "start_time", CLI_TIME, false, "TIME", "only events since"},
    {"--until", "end_time", CLI_TIME, false, "TIME", "only events before"},
    {"--reverse", "reverse", CLI_FLAG, false, NULL, "from the last to the first"},
    {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"},
    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"},
    CLI_AS_OF_PARAM};

static const cli_param count_params[] = {
    {"--type", "type", CLI_TEXT, false, "TYPE", "only events of this type"}, CLI_AS_OF_PARAM};
static const cli_param types_params[] = {
    {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"},
    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"},
    {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"},
    CLI_AS_OF_PARAM};
static const cli_param events_params[] = {
    {"--after", NULL, CLI_UINT, false, "SEQUENCE", "begin after this event; 0: with the first"},
    {"--last", NULL, CLI_UINT, false, "N", "begin with the last N; 10 when both are left out"},
    {"--type", NULL, CLI_TEXT, false, "TYPE", "only events of this type"},
    {"--follow", NULL, CLI_FLAG, false, NULL, "go on until Ctrl-C, or the end of the run"}};

/* ---- Following ------------------------------------------------------------------------------- */

enum { LAST_EVENTS = 10, PAGE_EVENTS = 1000, LOOK_EVERY_US = 200000, NAP_US = 20000, PATIENCE = 4 };

typedef struct following {
    uint64_t after;
    bool known; /* `after` is */
    bool ended;
    bool follows;
    cli_rows rows;
    strata_buffer response;
} following;

static void put_head(const cli_app *app, cli_buffer *request, const char *op, uint32_t more) {
    cli_buffer_clear(request);
    pack_put_array(request, 2);
    pack_put_text(request, op);
    pack_put_object(request, more + (app->run_name == NULL ? 0 : 1));
    if (app->run_name != NULL) {
        pack_put_text(request, "run");
        pack_put_text(request, app->run_name);
    }
}

static uint64_t number_of(const pack_item *object, const char *name) {
    pack_item value;
    return pack_field(object, name, &value) && value.type == STRATA_INT ? (uint64_t)value.as.integer
                                                                        : 0;
}

/* Where the last N events begin. */
static int find_start(cli_app *app, const cli_args *args, cli_buffer *request, following *f) {
    const uint64_t last = cli_arg_uint(args, "--last", LAST_EVENTS);
    pack_item result;
    f->known = true;
    if (cli_arg_text(args, "--after") != NULL) {
        f->after = cli_arg_uint(args, "--after", 0);
        return CLI_OK;
    }
    put_head(app, request, "event.head", 0);
    const int code = cli_call(app, request, &f->response, &result);
    if (code == CLI_OK) {
        const uint64_t head = number_of(&result, "sequence");
        f->after = head > last ? head - last : 0;
    }
    return code;
}

/* A table is as wide as its widest cell, which is not known yet: a line for each event. */
static void show_line(const cli_app *app, const pack_item *event) {
    static const char *const names[] = {"sequence", "timestamp", "type", "payload"};
    cli_buffer line = {0};
    for (size_t i = 0; i < CLI_COUNT(names); i++) {
        pack_item value;
        if (pack_field(event, names[i], &value)) {
            cli_put_text(&line, i == 0 ? "" : "  ");
            cli_put_value(&line, names[i], &value);
        }
    }
    (void)app;
    (void)fprintf(stdout, "%.*s\n", (int)line.len, (const char *)line.data);
    cli_buffer_free(&line);
}

static void show_events(cli_app *app, const cli_args *args, const pack_item *result, following *f) {
    pack_item events;
    if (!f->follows || (app->format != CLI_BOX && app->format != CLI_TABLE)) {
        cli_show(app, &args->verb->view, result, &f->rows);
    } else if (pack_field(result, "events", &events)) {
        strata_slice rest = events.inside;
        pack_item event;
        while (pack_next(&rest, &event)) {
            show_line(app, &event);
        }
    }
    (void)fflush(stdout);
}

/* Everything that is there now. */
static int show_all(cli_app *app, const cli_args *args, cli_buffer *request, following *f) {
    const char *const type = cli_arg_text(args, "--type");
    int code = f->known ? CLI_OK : find_start(app, args, request, f);
    for (bool more = true; more && code == CLI_OK && !platform_interrupted();) {
        pack_item result;
        pack_item ended;
        put_head(app, request, args->verb->op, type == NULL ? 2 : 3);
        pack_put_text(request, "after");
        pack_put_uint(request, f->after);
        pack_put_text(request, "limit");
        pack_put_uint(request, PAGE_EVENTS);
        if (type != NULL) {
            pack_put_text(request, "type");
            pack_put_text(request, type);
        }
        code = cli_call(app, request, &f->response, &result);
        if (code != CLI_OK) {
            break;
        }
        const uint64_t before = f->after;
        f->after = number_of(&result, "after");
        f->ended = pack_field(&result, "ended", &ended) && ended.as.boolean;
        more = f->after != before && ferror(stdout) == 0;
        if (more || !f->follows) {
            show_events(app, args, &result, f);
        }
    }
    return code;
}

/* False: interrupted. */
static bool wait_a_while(uint64_t until_ns) {
    const strata_clock *const clock = &strata_host_default()->clock;
    while (!platform_interrupted() && clock->monotonic_ns(clock->ctx) < until_ns) {
        clock->sleep_us(clock->ctx, NAP_US);
    }
    return !platform_interrupted();
}

static int run_events(cli_app *app, const cli_args *args) {
    const strata_clock *const clock = &strata_host_default()->clock;
    following f = {.follows = cli_arg_text(args, "--follow") != NULL};
    cli_buffer request = {0};
    int code = CLI_OK;
    if (cli_arg_text(args, "--after") != NULL && cli_arg_text(args, "--last") != NULL) {
        return cli_misuse(app, "events takes --after or --last");
    }
    app->host = *strata_host_default();
    for (bool again = true; again;) {
        const uint64_t begun_ns = clock->monotonic_ns(clock->ctx);
        code = cli_open(app, args->verb);
        code = code == CLI_OK ? show_all(app, args, &request, &f) : code;
        code = cli_close(app, code);
        const uint64_t now_ns = clock->monotonic_ns(clock->ctx);
        const uint64_t pause_ns = (now_ns - begun_ns) * PATIENCE + (uint64_t)LOOK_EVERY_US * 1000;
        again = f.follows && code == CLI_OK && !f.ended && ferror(stdout) == 0 &&
                wait_a_while(now_ns + pause_ns);
    }
    cli_show_end(app, &f.rows);
    cli_buffer_free(&request);
    strata_buffer_free(&f.response);
    return code == CLI_OK && platform_interrupted() ? CLI_INTERRUPTED : code;
}

/* ---- The chain ------------------------------------------------------------------------------- */

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
    {.name = "events",
     .op = "event.tail",
     .in_run = true,
     .summary = "Prints the last events of the log; with --follow goes on with what comes.",
     .examples = "strata events --run nightly --follow\nstrata events --after 0 --type tool_call",
     .params = events_params,
     .param_count = CLI_COUNT(events_params),
     .view = {.shape = CLI_ROWS,
              .field = "events",
              .columns = {"sequence", "type", "payload", "timestamp"}},
     .run = run_events},
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
     .examples = "strata event range\nstrata event range 100 200 --type tool_call\n"
                 "strata event range --since 2h --reverse",
     .params = range_params,
     .param_count = CLI_COUNT(range_params),
     .view = {.shape = CLI_ROWS,
              .field = "events",
              .columns = {"sequence", "type", "payload", "timestamp"},
              .next = "next",
              .next_param = "START",
              .next_reverse = "END"}},
    {.name = "event count",
     .op = "event.count",
     .in_run = true,
     .summary = "Counts the events of the log.",
     .examples = "strata event count --type tool_call",
     .params = count_params,
     .param_count = CLI_COUNT(count_params),
     .view = {.shape = CLI_PLAIN, .field = "count"}},
    {.name = "event types",
     .op = "event.types",
     .in_run = true,
     .summary = "Lists the types of events, with how many and when.",
     .examples = "strata event types --run nightly",
     .params = types_params,
     .param_count = CLI_COUNT(types_params),
     .view = {.shape = CLI_ROWS,
              .field = "types",
              .columns = {"type", "count", "first", "last", "first_time", "last_time"},
              .next = "cursor",
              .next_param = "--cursor"}},
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
