/* verbs_state.c - state cells: init, read, set, cas, del, list, history. Each row carries an operation
 * of the same name; see docs/operations.md for what they mean. */
#include "cli.h"

#define NAME       {"NAME", "name", CLI_TEXT, true, NULL, "the cell: 1-1024 bytes of UTF-8"}
#define LIMIT      {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"}
#define VALUE_HELP "JSON if it parses as JSON, else a string; - reads standard input"
#define VALUE      {"VALUE", "value", CLI_VALUE, true, NULL, VALUE_HELP}
#define STRING                                                                                     \
    {"--string", NULL, CLI_FLAG, false, NULL, "store the text as a string, even if it is JSON"}

static const cli_param write_params[] = {NAME, VALUE, STRING};
static const cli_param read_params[] = {NAME, CLI_AS_OF_PARAM};
static const cli_param cas_params[] = {
    NAME,
    VALUE,
    {"--counter", "expected_counter", CLI_UINT, false, "N",
     "the counter it must have; 0: there must be no cell"},
    {"--version", "expected_version", CLI_UINT, false, "VERSION",
     "the version it must have; 0: there must be no cell"},
    {"--was", "expected_value", CLI_OBJECT, false, "JSON", "the value it must have"},
    STRING};
static const cli_param name_params[] = {NAME};
static const cli_param list_params[] = {
    {"PREFIX", "prefix", CLI_TEXT, false, NULL, "only names that begin so"},
    {"--reverse", "reverse", CLI_FLAG, false, NULL, "from the last to the first"},
    LIMIT,
    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"},
    {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"},
    CLI_AS_OF_PARAM};
static const cli_param history_params[] = {
    NAME,
    {"--before", "before", CLI_UINT, false, "VERSION", "only versions below this one"},
    LIMIT};

const cli_verb cli_verbs_state[] = {
    {.name = "state init",
     .op = "state.init",
     .writes = true,
     .in_run = true,
     .summary = "Makes a state cell, if there is none of that name.",
     .examples = "strata state init phase plan",
     .params = write_params,
     .param_count = CLI_COUNT(write_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "state read",
     .op = "state.read",
     .in_run = true,
     .summary = "Prints a state cell: value, counter, version.",
     .examples = "strata state read phase\nstrata state read phase --as-of 2h",
     .params = read_params,
     .param_count = CLI_COUNT(read_params),
     .view = {.shape = CLI_RECORD}},
    {.name = "state set",
     .op = "state.set",
     .writes = true,
     .in_run = true,
     .summary = "Writes a state cell; its counter goes up by one.",
     .examples = "strata state set phase search\nstrata state set plan '{\"step\": 2}'",
     .params = write_params,
     .param_count = CLI_COUNT(write_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "state cas",
     .op = "state.cas",
     .writes = true,
     .in_run = true,
     .summary = "Writes a state cell if it still is what is expected.",
     .details =
         "Counters begin at 1 again when a cell was deleted and is made again; versions never\n"
         "repeat.",
     .examples = "strata state cas phase book --counter 2\n"
                 "strata state cas phase book --was '\"search\"'",
     .params = cas_params,
     .param_count = CLI_COUNT(cas_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "state del",
     .op = "state.delete",
     .writes = true,
     .in_run = true,
     .summary = "Deletes a state cell; its history stays.",
     .examples = "strata state del phase",
     .params = name_params,
     .param_count = CLI_COUNT(name_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "state list",
     .op = "state.list",
     .in_run = true,
     .summary = "Lists state cells in order of name.",
     .examples = "strata state list\nstrata state list job/ --limit 20",
     .params = list_params,
     .param_count = CLI_COUNT(list_params),
     .view = {.shape = CLI_ROWS,
              .field = "cells",
              .columns = {"name", "value", "counter", "version", "timestamp"},
              .next = "cursor",
              .next_param = "--cursor"}},
    {.name = "state history",
     .op = "state.history",
     .in_run = true,
     .summary = "Lists the versions of a state cell, newest first.",
     .examples = "strata state history phase",
     .params = history_params,
     .param_count = CLI_COUNT(history_params),
     .view = {.shape = CLI_ROWS,
              .field = "revisions",
              .columns = {"version", "timestamp", "deleted", "counter", "value"},
              .next = "next",
              .next_param = "--before"}},
};
const size_t cli_verbs_state_count = CLI_COUNT(cli_verbs_state);
