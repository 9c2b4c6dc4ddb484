/* verbs_json.c - JSON documents: json create, get, set, del, patch, merge, list, history, ... Each row
 * carries the operation of the same name; see docs/operations.md for what they mean. */
#include "cli.h"

#define KEY    {"KEY", "key", CLI_TEXT, true, NULL, "the document"}
#define PREFIX {"PREFIX", "prefix", CLI_TEXT, false, NULL, "only keys that begin so"}
#define LIMIT  {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"}
#define PATH_HELP                                                                                  \
    "a JSON Pointer (/days/0/plan, /days/- appends) or the dotted form ($.days[0].plan)"
#define PATH       {"PATH", "path", CLI_TEXT, true, NULL, PATH_HELP}
#define MAYBE_PATH {"PATH", "path", CLI_TEXT, false, NULL, PATH_HELP "; all of it when left out"}
#define VALUE                                                                                      \
    {"VALUE", "value", CLI_VALUE,                                                                  \
     true,    NULL,    "JSON if it parses as JSON, else a string; - reads standard input"}
#define DOCUMENTS                                                                                  \
    {"--documents", "documents", CLI_FLAG, false, NULL, "the documents themselves, too"}

static const cli_param create_params[] = {
    KEY, {"DOCUMENT", "document", CLI_OBJECT, true, NULL, "a JSON object; - reads standard input"}};
static const cli_param get_params[] = {KEY, MAYBE_PATH, CLI_AS_OF_PARAM};
static const cli_param set_params[] = {KEY, PATH, VALUE};
static const cli_param cas_params[] = {
    KEY,
    PATH,
    VALUE,
    {"--version", "expected_version", CLI_UINT, false, "VERSION",
     "the version that the document must have; 0: there must be none"}};
static const cli_param delete_params[] = {KEY, PATH};
static const cli_param key_params[] = {KEY};
static const cli_param patch_params[] = {
    KEY,
    {"OPERATIONS", "operations", CLI_OBJECT, true, NULL,
     "a JSON array of operations (RFC 6902); - reads standard input"}};
static const cli_param merge_params[] = {
    KEY,
    {"PATCH", "patch", CLI_OBJECT, true, NULL,
     "a JSON object (RFC 7396), null removes; - reads standard input"}};
static const cli_param list_params[] = {
    PREFIX,
    {"--start", "start", CLI_TEXT, false, "KEY", "from this key on"},
    {"--end", "end", CLI_TEXT, false, "KEY", "before this key"},
    {"--reverse", "reverse", CLI_FLAG, false, NULL, "from the last to the first"},
    DOCUMENTS,
    LIMIT,
    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"},
    {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"},
    CLI_AS_OF_PARAM};
static const cli_param count_params[] = {PREFIX, CLI_AS_OF_PARAM};
static const cli_param history_params[] = {
    KEY,
    {"--before", "before", CLI_UINT, false, "VERSION", "only versions below this one"},
    DOCUMENTS,
    LIMIT};

const cli_verb cli_verbs_json[] = {
    {.name = "json create",
     .op = "json.create",
     .writes = true,
     .in_run = true,
     .summary = "Stores a new JSON document.",
     .examples = "strata json create trip '{\"city\": \"Oslo\", \"days\": []}'\n"
                 "strata json create config - < config.json",
     .params = create_params,
     .param_count = CLI_COUNT(create_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "json get",
     .op = "json.get",
     .in_run = true,
     .summary = "Prints a document, or what is at a path in it.",
     .examples = "strata json get trip\nstrata json get trip /days/0/plan\n"
                 "strata json get trip '$.days[0].plan' --as-of 12",
     .params = get_params,
     .param_count = CLI_COUNT(get_params),
     .view = {.shape = CLI_PLAIN, .field = "value"}},
    {.name = "json set",
     .op = "json.set",
     .writes = true,
     .in_run = true,
     .summary = "Sets what is at a path; missing objects on the way are made.",
     .examples = "strata json set trip /hotel/name Sentrum\n"
                 "strata json set trip /days/- '{\"plan\": \"ferry\"}'",
     .params = set_params,
     .param_count = CLI_COUNT(set_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "json cas",
     .op = "json.cas",
     .writes = true,
     .in_run = true,
     .summary = "Sets what is at a path if the document still has the expected version.",
     .examples = "strata json cas trip /city Bergen --version 12",
     .params = cas_params,
     .param_count = CLI_COUNT(cas_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "json del",
     .op = "json.delete",
     .writes = true,
     .in_run = true,
     .summary = "Takes away what is at a path.",
     .examples = "strata json del trip /days/0",
     .params = delete_params,
     .param_count = CLI_COUNT(delete_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "json destroy",
     .op = "json.destroy",
     .writes = true,
     .in_run = true,
     .summary = "Takes a whole document away; its history stays.",
     .examples = "strata json destroy trip",
     .params = key_params,
     .param_count = CLI_COUNT(key_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "json patch",
     .op = "json.patch",
     .writes = true,
     .in_run = true,
     .summary = "Changes a document by a row of operations, all or none (RFC 6902).",
     .examples = "strata json patch trip '[{\"op\": \"test\", \"path\": \"/city\", \"value\": "
                 "\"Oslo\"},\n  {\"op\": \"remove\", \"path\": \"/days/0\"}]'",
     .params = patch_params,
     .param_count = CLI_COUNT(patch_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "json merge",
     .op = "json.merge",
     .writes = true,
     .in_run = true,
     .summary = "Merges a patch into a document; null removes (RFC 7396).",
     .examples = "strata json merge trip '{\"city\": \"Bergen\", \"hotel\": null}'",
     .params = merge_params,
     .param_count = CLI_COUNT(merge_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "json list",
     .op = "json.list",
     .in_run = true,
     .summary = "Lists documents in order of key.",
     .examples = "strata json list\nstrata json list user/ --documents --format jsonl",
     .params = list_params,
     .param_count = CLI_COUNT(list_params),
     .view = {.shape = CLI_ROWS,
              .field = "documents",
              .columns = {"key", "version", "timestamp", "document"},
              .next = "cursor",
              .next_param = "--cursor"}},
    {.name = "json count",
     .op = "json.count",
     .in_run = true,
     .summary = "Counts the documents.",
     .examples = "strata json count user/",
     .params = count_params,
     .param_count = CLI_COUNT(count_params),
     .view = {.shape = CLI_PLAIN, .field = "count"}},
    {.name = "json exists",
     .op = "json.exists",
     .in_run = true,
     .summary = "Says whether there is a document, or something at a path in it.",
     .examples = "strata json exists trip /hotel",
     .params = get_params,
     .param_count = CLI_COUNT(get_params),
     .view = {.shape = CLI_PLAIN, .field = "exists"}},
    {.name = "json history",
     .op = "json.history",
     .in_run = true,
     .summary = "Lists the versions of a document, newest first.",
     .examples = "strata json history trip\nstrata json history trip --documents --limit 3",
     .params = history_params,
     .param_count = CLI_COUNT(history_params),
     .view = {.shape = CLI_ROWS,
              .field = "revisions",
              .columns = {"version", "timestamp", "deleted", "whole", "document"},
              .next = "next",
              .next_param = "--before"}},
};
const size_t cli_verbs_json_count = CLI_COUNT(cli_verbs_json);
