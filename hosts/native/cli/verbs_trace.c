/* verbs_trace.c - traces: record, get, children, tree, query, list, count. Each row carries the
 * operation of the same name; see docs/operations.md for what they mean. */
#include "cli.h"

#define ID      {"ID", "id", CLI_TEXT, true, NULL, "the record"}
#define LIMIT   {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"}
#define ALL     {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"}
#define CURSOR  {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"}
#define REVERSE {"--reverse", "reverse", CLI_FLAG, false, NULL, "from the last to the first"}
#define TYPE    {"--type", "type", CLI_TEXT, false, "TYPE", "only records of this type"}
#define TAG     {"--tag", "tag", CLI_TEXT, false, "TAG", "only those with this tag"}
#define PAGES                                                                                      \
    .view = {.shape = CLI_ROWS,                                                                    \
             .field = "traces",                                                                    \
             .columns = {"id", "type", "content", "parent", "timestamp"},                          \
             .next = "cursor",                                                                     \
             .next_param = "--cursor"}

static const cli_param record_params[] = {
    {"TYPE", "type", CLI_TEXT, true, NULL,
     "tool_call, decision, query, thought, error, or any other word"},
    {"CONTENT", "content", CLI_OBJECT, true, NULL,
     "a JSON object: the fields of the type; - reads standard input"},
    {"--parent", "parent", CLI_TEXT, false, "ID", "the record it came of"},
    {"--tag", "tags", CLI_STRINGS, false, "TAG", "a word to find it by; several if given again"},
    {"--metadata", "metadata", CLI_OBJECT, false, "JSON", "an object to keep with it"},
    {"--id", "id", CLI_TEXT, false, "ID", "an id of your own; a time-ordered one if left out"}};
static const cli_param get_params[] = {ID, CLI_AS_OF_PARAM};
static const cli_param children_params[] = {ID, REVERSE, LIMIT, ALL, CURSOR, CLI_AS_OF_PARAM};
static const cli_param tree_params[] = {
    ID,
    {"--depth", "depth", CLI_UINT, false, "N", "so many generations; all when left out"},
    LIMIT,
    CLI_AS_OF_PARAM};
static const cli_param query_params[] = {
    TYPE,
    TAG,
    {"--after", "after", CLI_TIME, false, "TIME", "only those of this time or later"},
    {"--before", "before", CLI_TIME, false, "TIME", "only those before this time"},
    {"--parent", "parent", CLI_TEXT, false, "ID", "only what came of this record"},
    REVERSE,
    LIMIT,
    ALL,
    CURSOR,
    CLI_AS_OF_PARAM};
static const cli_param list_params[] = {REVERSE, LIMIT, ALL, CURSOR, CLI_AS_OF_PARAM};
static const cli_param count_params[] = {TYPE, TAG, CLI_AS_OF_PARAM};

const cli_verb cli_verbs_trace[] = {
    {.name = "trace record",
     .op = "trace.record",
     .writes = true,
     .in_run = true,
     .summary = "Records a step of what an agent did, and why; it is never changed.",
     .details = "Fields: tool_call {tool, arguments, result?, duration_ms?}\n"
                "        decision {question, options, chosen, reasoning?}\n"
                "        query {query_type, query, results_count}\n"
                "        thought {content, confidence?}\n"
                "        error {error_type, message, recoverable}\n"
                "        any other type: anything",
     .examples = "strata trace record thought '{\"content\": \"A ferry is cheaper.\"}'\n"
                 "strata trace record tool_call '{\"tool\": \"timetable\", \"arguments\": {}}' "
                 "--parent 01H8XGJWBWBAQ4 --tag ferry",
     .params = record_params,
     .param_count = CLI_COUNT(record_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "trace get",
     .op = "trace.get",
     .in_run = true,
     .summary = "Prints one record.",
     .examples = "strata trace get 01H8XGJWBWBAQ4",
     .params = get_params,
     .param_count = CLI_COUNT(get_params),
     .view = {.shape = CLI_RECORD, .field = "trace"}},
    {.name = "trace children",
     .op = "trace.children",
     .in_run = true,
     .summary = "Lists the records that came of one.",
     .examples = "strata trace children 01H8XGJWBWBAQ4 --reverse",
     .params = children_params,
     .param_count = CLI_COUNT(children_params),
     PAGES},
    {.name = "trace tree",
     .op = "trace.tree",
     .in_run = true,
     .summary = "Lists a record and all that came of it, each before its children.",
     .examples = "strata trace tree 01H8XGJWBWBAQ4 --depth 2",
     .params = tree_params,
     .param_count = CLI_COUNT(tree_params),
     .view = {.shape = CLI_ROWS,
              .field = "traces",
              .columns = {"depth", "id", "type", "content", "timestamp"}}},
    {.name = "trace query",
     .op = "trace.query",
     .in_run = true,
     .summary = "Lists the records that fit.",
     .examples = "strata trace query --type tool_call --after 2h\n"
                 "strata trace query --tag ferry --all",
     .params = query_params,
     .param_count = CLI_COUNT(query_params),
     PAGES},
    {.name = "trace list",
     .op = "trace.list",
     .in_run = true,
     .summary = "Lists all records.",
     .examples = "strata trace list --reverse --limit 20",
     .params = list_params,
     .param_count = CLI_COUNT(list_params),
     PAGES},
    {.name = "trace count",
     .op = "trace.count",
     .in_run = true,
     .summary = "Counts records.",
     .examples = "strata trace count --type error",
     .params = count_params,
     .param_count = CLI_COUNT(count_params),
     .view = {.shape = CLI_PLAIN, .field = "count"}},
};
const size_t cli_verbs_trace_count = CLI_COUNT(cli_verbs_trace);
