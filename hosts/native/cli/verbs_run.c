/* verbs_run.c - runs: create, list, get, and their states. */
#include "cli.h"

static const cli_param name_params[] = {{"NAME", "name", CLI_TEXT, true, NULL, "the run"}};
static const cli_param get_params[] = {{"NAME", "name", CLI_TEXT, true, NULL, "the run"},
                                       CLI_AS_OF_PARAM};
static const cli_param create_params[] = {
    {"NAME", "name", CLI_TEXT, false, NULL, "its name; made from time and chance when left out"},
    {"--parent", "parent", CLI_TEXT, false, "RUN", "the run it belongs under"},
    {"--tag", "tags", CLI_STRINGS, false, "TAG",
     "a word to find it by; may be given several times"},
    {"--metadata", "metadata", CLI_OBJECT, false, "JSON", "an object to keep with it"},
    {"--provenance", "provenance", CLI_FLAG, false, NULL,
     "keep what its transactions had read, for strata explain"}};
static const cli_param list_params[] = {
    {"--status", "status", CLI_TEXT, false, "STATUS", "only those in this state"},
    {"--tag", "tag", CLI_TEXT, false, "TAG", "only those with this tag"},
    {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"},
    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"},
    {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"},
    CLI_AS_OF_PARAM};
static const cli_param fail_params[] = {
    {"NAME", "name", CLI_TEXT, true, NULL, "the run"},
    {"REASON", "error", CLI_WORDS, true, NULL, "why, in one or more words"}};

#define STATE(verb, operation, what)                                                               \
    {                                                                                              \
        .name = "run " verb, .op = (operation), .writes = true, .summary = (what),                 \
        .examples = "strata run " verb " nightly", .params = name_params,                          \
        .param_count = CLI_COUNT(name_params), .view = {                                           \
            .shape = CLI_BRIEF                                                                     \
        }                                                                                          \
    }

const cli_verb cli_verbs_run[] = {
    {.name = "run create",
     .op = "run.create",
     .writes = true,
     .summary = "Creates an active run.",
     .examples = "strata run create nightly --tag batch",
     .params = create_params,
     .param_count = CLI_COUNT(create_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "run list",
     .op = "run.list",
     .summary = "Lists the runs in order of name.",
     .examples = "strata run list --status active",
     .params = list_params,
     .param_count = CLI_COUNT(list_params),
     .view = {.shape = CLI_ROWS,
              .field = "runs",
              .columns = {"name", "status", "tags", "created", "updated"},
              .next = "cursor",
              .next_param = "--cursor"}},
    {.name = "run get",
     .op = "run.get",
     .summary = "Prints the record of a run.",
     .examples = "strata run get nightly",
     .params = get_params,
     .param_count = CLI_COUNT(get_params),
     .view = {.shape = CLI_RECORD, .field = "run"}},
    STATE("pause", "run.pause", "Pauses an active run: it refuses writes until resumed."),
    STATE("resume", "run.resume", "Makes a paused run active again."),
    STATE("complete", "run.complete", "Closes an active run that has done its work."),
    {.name = "run fail",
     .op = "run.fail",
     .writes = true,
     .summary = "Closes an active or paused run that has failed.",
     .examples = "strata run fail nightly the disk was full",
     .params = fail_params,
     .param_count = CLI_COUNT(fail_params),
     .view = {.shape = CLI_BRIEF}},
    STATE("cancel", "run.cancel", "Closes an active or paused run that is not wanted any more."),
    STATE("archive", "run.archive", "Archives a run, in whatever state, for good."),
};
const size_t cli_verbs_run_count = CLI_COUNT(cli_verbs_run);
