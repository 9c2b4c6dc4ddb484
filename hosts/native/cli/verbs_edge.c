/* verbs_edge.c - edges: put, get, del, out, in, neighbours, traverse, path. Each row carries an operation
 * of the same name; see docs/operations.md for what they mean. */
#include "cli.h"

#define SRC   {"SRC", "src", CLI_TEXT, true, NULL, "where it begins: any name"}
#define TYPE  {"TYPE", "type", CLI_TEXT, true, NULL, "its type"}
#define DST   {"DST", "dst", CLI_TEXT, true, NULL, "where it ends"}
#define LIMIT {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"}
#define TYPES                                                                                      \
    {"--type", "types", CLI_STRINGS, false, "TYPE", "only along such edges; several if given again"}
#define DIRECTION                                                                                  \
    {"--direction", "direction", CLI_TEXT, false, "WAY", "out, in or both; out when left out"}
#define EDGES_MAX                                                                                  \
    {"--edges-max", "edges_max", CLI_UINT, false, "N", "look at so many edges at most"}
#define LIST_PARAMS                                                                                \
    {"--type", "type", CLI_TEXT, false, "TYPE", "only edges of this type"}, LIMIT,                 \
        {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"},                      \
        {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"},        \
        CLI_AS_OF_PARAM
#define EDGES                                                                                      \
    .view = {.shape = CLI_ROWS,                                                                    \
             .field = "edges",                                                                     \
             .columns = {"src", "type", "dst", "weight", "properties", "version"},                 \
             .next = "cursor",                                                                     \
             .next_param = "--cursor"}

static const cli_param put_params[] = {
    SRC,
    TYPE,
    DST,
    {"--weight", "weight", CLI_OBJECT, false, "NUMBER", "a number"},
    {"--properties", "properties", CLI_OBJECT, false, "JSON", "an object to keep with it"}};
static const cli_param get_params[] = {SRC, TYPE, DST, CLI_AS_OF_PARAM};
static const cli_param del_params[] = {SRC, TYPE, DST};
static const cli_param out_params[] = {SRC, LIST_PARAMS};
static const cli_param in_params[] = {DST, LIST_PARAMS};
static const cli_param neighbours_params[] = {
    {"NAME", "of", CLI_TEXT, true, NULL, "whose neighbours"},
    DIRECTION,
    TYPES,
    LIMIT,
    EDGES_MAX,
    CLI_AS_OF_PARAM};
static const cli_param traverse_params[] = {
    {"FROM", "from", CLI_TEXT, true, NULL, "where to begin"},
    {"--depth", "depth", CLI_UINT, false, "N", "by so many edges (1-10); 1 when left out"},
    DIRECTION,
    TYPES,
    {"--order", "order", CLI_TEXT, false, "ORDER", "breadth (default) or depth"},
    LIMIT,
    EDGES_MAX,
    CLI_AS_OF_PARAM};
static const cli_param path_params[] = {
    {"FROM", "from", CLI_TEXT, true, NULL, "where it begins"},
    {"TO", "to", CLI_TEXT, true, NULL, "where it ends"},
    DIRECTION,
    TYPES,
    {"--depth", "depth", CLI_UINT, false, "N", "by so many edges at most"},
    {"--weighted", "weighted", CLI_FLAG, false, NULL,
     "the least sum of weights, not the fewest edges"},
    EDGES_MAX,
    CLI_AS_OF_PARAM};

const cli_verb cli_verbs_edge[] = {
    {.name = "edge put",
     .op = "edge.put",
     .writes = true,
     .in_run = true,
     .summary = "Links two names; an edge that is there is replaced.",
     .examples = "strata edge put anna knows jonas\n"
                 "strata edge put oslo ferry_to nesodden --weight 0.5 "
                 "--properties '{\"line\": \"B10\"}'",
     .params = put_params,
     .param_count = CLI_COUNT(put_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "edge get",
     .op = "edge.get",
     .in_run = true,
     .summary = "Prints one edge.",
     .examples = "strata edge get anna knows jonas",
     .params = get_params,
     .param_count = CLI_COUNT(get_params),
     .view = {.shape = CLI_RECORD, .field = "edge"}},
    {.name = "edge del",
     .op = "edge.delete",
     .writes = true,
     .in_run = true,
     .summary = "Deletes an edge; its history stays.",
     .examples = "strata edge del anna knows jonas",
     .params = del_params,
     .param_count = CLI_COUNT(del_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "edge out",
     .op = "edge.out",
     .in_run = true,
     .summary = "Lists the edges that begin at a name.",
     .examples = "strata edge out anna --type knows",
     .params = out_params,
     .param_count = CLI_COUNT(out_params),
     EDGES},
    {.name = "edge in",
     .op = "edge.in",
     .in_run = true,
     .summary = "Lists the edges that end at a name.",
     .examples = "strata edge in oslo --all",
     .params = in_params,
     .param_count = CLI_COUNT(in_params),
     EDGES},
    {.name = "edge neighbours",
     .op = "edge.neighbours",
     .in_run = true,
     .summary = "Prints the names that one edge leads to.",
     .examples = "strata edge neighbours anna --direction both",
     .params = neighbours_params,
     .param_count = CLI_COUNT(neighbours_params),
     .view = {.shape = CLI_PLAIN, .field = "names"}},
    {.name = "edge traverse",
     .op = "edge.traverse",
     .in_run = true,
     .summary = "Lists the names that can be reached by a few edges.",
     .examples = "strata edge traverse anna --depth 3 --type knows\n"
                 "strata edge traverse anna --depth 2 --order depth --as-of 2h",
     .params = traverse_params,
     .param_count = CLI_COUNT(traverse_params),
     .view = {.shape = CLI_ROWS,
              .field = "reached",
              .columns = {"name", "depth", "src", "type", "dst"}}},
    {.name = "edge path",
     .op = "edge.path",
     .in_run = true,
     .summary = "Lists the edges of the shortest path from one name to another.",
     .examples = "strata edge path anna oslo\nstrata edge path oslo bergen --weighted",
     .params = path_params,
     .param_count = CLI_COUNT(path_params),
     .view = {.shape = CLI_ROWS,
              .field = "edges",
              .columns = {"src", "type", "dst", "weight", "properties"}}},
};
const size_t cli_verbs_edge_count = CLI_COUNT(cli_verbs_edge);
