/* verbs_run.c - runs: begin and end, create, fork, list, query, get, delete, their tags, metadata, states
 * and history. */
#include "cli.h"
#include "platform.h"

#include <string.h>

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
static const cli_param fork_params[] = {
    {"NAME", "name", CLI_TEXT, false, NULL, "of the fork; made from time and chance when left out"},
    {"--as-of", "as_of", CLI_AS_OF, false, "WHEN",
     "from what it was: a version, a date (2024-05-01T12:00Z) or an age (2h)"},
    {"--tag", "tags", CLI_STRINGS, false, "TAG",
     "a word to find it by; may be given several times"},
    {"--metadata", "metadata", CLI_OBJECT, false, "JSON", "an object to keep with it"}};
static const cli_param delete_params[] = {
    {"NAME", "name", CLI_TEXT, true, NULL, "the run"},
    {"--yes", NULL, CLI_FLAG, false, NULL, "do not ask, on a terminal"}};
static const cli_param begin_params[] = {
    {"NAME", "name", CLI_TEXT, true, NULL, "the run"},
    {"--parent", "parent", CLI_TEXT, false, "RUN", "the run it belongs under, when it is created"},
    {"--tag", "tags", CLI_STRINGS, false, "TAG",
     "a word to find it by, when it is created; may be given several times"},
    {"--metadata", "metadata", CLI_OBJECT, false, "JSON",
     "an object to keep with it, when it is created"},
    {"--provenance", "provenance", CLI_FLAG, false, NULL,
     "keep what its transactions had read, for strata explain, when it is created"}};
static const cli_param end_params[] = {
    {"NAME", "name", CLI_TEXT, true, NULL, "the run"},
    {"--status", "status", CLI_TEXT, false, "STATUS",
     "completed (when left out), failed or cancelled"},
    {"--error", "error", CLI_TEXT, false, "TEXT", "why it failed or was cancelled"}};
static const cli_param tag_params[] = {
    {"NAME", "name", CLI_TEXT, true, NULL, "the run"},
    {"--add", "add", CLI_STRINGS, false, "TAG", "a tag to add; may be given several times"},
    {"--remove", "remove", CLI_STRINGS, false, "TAG",
     "a tag to remove; may be given several times"}};
static const cli_param update_params[] = {
    {"NAME", "name", CLI_TEXT, true, NULL, "the run"},
    {"METADATA", "metadata", CLI_OBJECT, false, NULL,
     "a JSON object of what is different; null removes; - reads standard input"},
    {"--provenance", "provenance", CLI_SWITCH, false, "on|off",
     "whether to keep, from now on, what its transactions had read"}};
static const cli_param query_params[] = {
    {"PREFIX", "prefix", CLI_TEXT, false, NULL, "only names that begin so"},
    {"--status", "status", CLI_TEXT, false, "STATUS", "only those in this state"},
    {"--tag", "tags", CLI_STRINGS, false, "TAG",
     "only those with this tag; of several, with any of them"},
    {"--parent", "parent", CLI_TEXT, false, "RUN", "only those under this run"},
    {"--since", "created_after", CLI_TIME, false, "TIME", "only those created since"},
    {"--until", "created_before", CLI_TIME, false, "TIME", "only those created before"},
    {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"},
    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"},
    {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"},
    CLI_AS_OF_PARAM};
static const cli_param children_params[] = {
    {"NAME", "name", CLI_TEXT, true, NULL, "the run"},
    {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"},
    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"},
    {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"},
    CLI_AS_OF_PARAM};
static const cli_param history_params[] = {
    {"NAME", "name", CLI_TEXT, true, NULL, "the run"},
    {"--before", "before", CLI_UINT, false, "VERSION", "only versions below this one"},
    {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"},
    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"}};
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

/* Whether a person who watches wants it; nobody is asked where nobody could answer. */
static bool is_wanted(const char *name) {
    char answer[8] = "";
    if (!platform_is_terminal(stdin) || !platform_is_terminal(stderr)) {
        return true;
    }
    (void)fprintf(stderr, "Delete the run \"%s\" and everything in it? [y/N] ", name);
    (void)fflush(stderr);
    return fgets(answer, sizeof answer, stdin) != NULL &&
           (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0);
}

static int run_delete(cli_app *app, const cli_args *args) {
    if (cli_arg_text(args, "--yes") == NULL && !is_wanted(cli_arg_text(args, "NAME"))) {
        (void)fputs("Nothing was deleted.\n", stderr);
        return CLI_OK;
    }
    return cli_run_op(app, args);
}

#define RUN_ROWS                                                                                   \
    {.shape = CLI_ROWS,                                                                            \
     .field = "runs",                                                                              \
     .columns = {"name", "status", "tags", "parent", "created", "updated"},                        \
     .next = "cursor",                                                                             \
     .next_param = "--cursor"}

#define STATE(verb, operation, what)                                                               \
    {                                                                                              \
        .name = "run " verb, .op = (operation), .writes = true, .summary = (what),                 \
        .examples = "strata run " verb " nightly", .params = name_params,                          \
        .param_count = CLI_COUNT(name_params), .view = {                                           \
            .shape = CLI_BRIEF                                                                     \
        }                                                                                          \
    }

const cli_verb cli_verbs_run[] = {
    {.name = "run begin",
     .op = "run.begin",
     .writes = true,
     .summary = "Makes a run active: creates it, or resumes it if it is paused.",
     .examples = "strata run begin nightly --tag batch",
     .params = begin_params,
     .param_count = CLI_COUNT(begin_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "run end",
     .op = "run.end",
     .writes = true,
     .summary = "Closes a run to writes.",
     .examples = "strata run end nightly\n"
                 "strata run end nightly --status failed --error 'the disk was full'",
     .params = end_params,
     .param_count = CLI_COUNT(end_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "run create",
     .op = "run.create",
     .writes = true,
     .summary = "Creates an active run.",
     .examples = "strata run create nightly --tag batch",
     .params = create_params,
     .param_count = CLI_COUNT(create_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "fork",
     .op = "run.fork",
     .writes = true,
     .in_run = true,
     .summary = "Creates a run that sees another one as it was, and goes on by itself.",
     .details = "It costs the same whatever that run holds: nothing is copied.",
     .examples = "strata --run trip fork plan-b\nstrata --run trip fork before --as-of 2h",
     .params = fork_params,
     .param_count = CLI_COUNT(fork_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "run delete",
     .op = "run.delete",
     .writes = true,
     .summary = "Deletes a run with all its keys; forks of it stay.",
     .details = "On a terminal it asks first. The space is free after `strata compact --full`.",
     .examples = "strata run delete plan-b --yes",
     .params = delete_params,
     .param_count = CLI_COUNT(delete_params),
     .view = {.shape = CLI_BRIEF},
     .run = run_delete},
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
    {.name = "run query",
     .op = "run.query",
     .summary = "Lists the runs that fit all that is asked, in order of name.",
     .examples = "strata run query nightly/ --tag batch --status failed --since 7d",
     .params = query_params,
     .param_count = CLI_COUNT(query_params),
     .view = RUN_ROWS},
    {.name = "run children",
     .op = "run.children",
     .summary = "Lists the runs under a run.",
     .examples = "strata run children nightly",
     .params = children_params,
     .param_count = CLI_COUNT(children_params),
     .view = RUN_ROWS},
    {.name = "run stats",
     .op = "run.stats",
     .summary = "Prints what a run holds; reads all of it.",
     .examples = "strata run stats nightly",
     .params = name_params,
     .param_count = CLI_COUNT(name_params),
     .view = {.shape = CLI_RECORD}},
    {.name = "run history",
     .op = "run.history",
     .summary = "Lists the changes of a run's status, tags and metadata, newest first.",
     .examples = "strata run history nightly",
     .params = history_params,
     .param_count = CLI_COUNT(history_params),
     .view = {.shape = CLI_ROWS,
              .field = "revisions",
              .columns = {"version", "timestamp", "deleted", "run"},
              .next = "next",
              .next_param = "--before"}},
    {.name = "run tag",
     .op = "run.tag",
     .writes = true,
     .summary = "Adds and removes tags of a run.",
     .examples = "strata run tag nightly --add urgent --remove batch",
     .params = tag_params,
     .param_count = CLI_COUNT(tag_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "run update",
     .op = "run.update",
     .writes = true,
     .summary = "Merges an object into the metadata of a run, or changes what it keeps.",
     .examples = "strata run update nightly '{\"host\": \"oslo\", \"draft\": null}'\n"
                 "strata run update nightly --provenance on",
     .params = update_params,
     .param_count = CLI_COUNT(update_params),
     .view = {.shape = CLI_BRIEF}},
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
