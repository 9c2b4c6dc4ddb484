/* verbs_index.c - filters and secondary indexes: json find, memory find, index create, index list, index
 * drop. Each row carries the operation of the same name; see docs/operations.md for what they mean. */
#include "cli.h"

#define WHERE                                                                                      \
    {"WHERE", "where", CLI_OBJECT,                                                                 \
     false,   NULL,    "a filter: {\"path\": ..., \"eq\": ...}; everything when left out"}
#define ORDER_BY                                                                                   \
    {"--order-by", "order_by", CLI_TEXT, false, "PATH", "in order of what is at this path"}
#define REVERSE {"--reverse", "reverse", CLI_FLAG, false, NULL, "from the last to the first"}
#define PREFIX  {"--prefix", "prefix", CLI_TEXT, false, "TEXT", "only keys that begin so"}
#define PLAN    {"--explain", "explain", CLI_FLAG, false, NULL, "how it is answered (json)"}
#define LIMIT   {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"}
#define ALL     {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"}
#define CURSOR  {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"}

static const cli_param json_params[] = {
    WHERE,
    ORDER_BY,
    REVERSE,
    PREFIX,
    {"--documents", "documents", CLI_FLAG, false, NULL, "the documents themselves, too"},
    PLAN,
    LIMIT,
    ALL,
    CURSOR,
    CLI_AS_OF_PARAM};
static const cli_param memory_params[] = {WHERE, ORDER_BY, REVERSE, PREFIX,         PLAN,
                                          LIMIT, ALL,      CURSOR,  CLI_AS_OF_PARAM};
static const cli_param create_params[] = {
    {"NAME", "name", CLI_TEXT, true, NULL, "its name"},
    {"PATH", "path", CLI_TEXT, true, NULL,
     "the path whose values go in (/city, $.tags); of an array each element"},
    {"--on", "primitive", CLI_TEXT, false, "PRIMITIVE", "json (when left out), memory or entity"},
    {"--schema", "schema", CLI_TEXT, false, "NAME", "of entities: their schema"}};
static const cli_param drop_params[] = {{"NAME", "name", CLI_TEXT, true, NULL, "its name"}};
static const cli_param list_params[] = {CLI_AS_OF_PARAM};

const cli_verb cli_verbs_index[] = {
    {.name = "json find",
     .op = "json.find",
     .in_run = true,
     .summary = "Lists documents that a filter holds of.",
     .details =
         "A condition is {\"path\": P, \"eq\": V}, with eq, ne, lt, lte, gt, gte, in, contains or "
         "exists;\nconditions are joined by {\"and\": [...]}, {\"or\": [...]} and {\"not\": ...}. "
         "An index on a path\nof the filter is used by itself.",
     .examples = "strata json find '{\"path\": \"/city\", \"eq\": \"Oslo\"}'\n"
                 "strata json find '{\"path\": \"/age\", \"gte\": 18, \"lt\": 65}' --order-by /age",
     .params = json_params,
     .param_count = CLI_COUNT(json_params),
     .view = {.shape = CLI_ROWS,
              .field = "documents",
              .columns = {"key", "version", "timestamp", "document"},
              .next = "cursor",
              .next_param = "--cursor"}},
    {.name = "memory find",
     .op = "memory.find",
     .in_run = true,
     .summary = "Lists memories that a filter holds of.",
     .details = "Their paths are /text, /metadata/... and /tags; `strata help json find` explains "
                "filters.",
     .examples = "strata memory find '{\"path\": \"/tags\", \"contains\": \"travel\"}'",
     .params = memory_params,
     .param_count = CLI_COUNT(memory_params),
     .view = {.shape = CLI_ROWS,
              .field = "memories",
              .columns = {"key", "timestamp", "tags", "text"},
              .next = "cursor",
              .next_param = "--cursor"}},
    {.name = "index create",
     .op = "index.create",
     .writes = true,
     .in_run = true,
     .summary = "Makes a secondary index on a path and fills it.",
     .examples = "strata index create city /city\nstrata index create tags /tags --on memory",
     .params = create_params,
     .param_count = CLI_COUNT(create_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "index list",
     .op = "index.list",
     .in_run = true,
     .summary = "Lists the secondary indexes.",
     .examples = "strata index list",
     .params = list_params,
     .param_count = CLI_COUNT(list_params),
     .view = {.shape = CLI_ROWS,
              .field = "indexes",
              .columns = {"name", "primitive", "schema", "path", "ready", "version"}}},
    {.name = "index drop",
     .op = "index.drop",
     .writes = true,
     .in_run = true,
     .summary = "Drops a secondary index.",
     .examples = "strata index drop city",
     .params = drop_params,
     .param_count = CLI_COUNT(drop_params),
     .view = {.shape = CLI_BRIEF}},
};
const size_t cli_verbs_index_count = CLI_COUNT(cli_verbs_index);
