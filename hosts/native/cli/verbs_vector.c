/* verbs_vector.c - collections of vectors: vector create, drop, put, get, search, ... Each row carries the operation
 * of the same name; see docs/operations.md for what they mean. */
#include "cli.h"

#define NAME       {"NAME", "name", CLI_TEXT, true, NULL, "the collection"}
#define COLLECTION {"COLLECTION", "collection", CLI_TEXT, true, NULL, "the collection"}
#define KEY        {"KEY", "key", CLI_TEXT, true, NULL, "the key"}
#define EMBEDDING                                                                                  \
    {"EMBEDDING", "embedding", CLI_OBJECT,                                                         \
     true,        NULL,        "a JSON array of numbers; - reads standard input"}
#define LIMIT   {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"}
#define CURSOR  {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"}
#define ALL     {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"}
#define NUMBERS {"--embeddings", "embeddings", CLI_FLAG, false, NULL, "the numbers, too"}

static const cli_param create_params[] = {
    NAME,
    {"DIMENSION", "dimension", CLI_UINT, true, NULL, "numbers of an embedding (1-8192)"},
    {"--metric", "metric", CLI_TEXT, false, "METRIC", "cosine (the default), euclidean or dot"},
    {"--codes", "codes", CLI_TEXT, false, "CODES",
     "of the index: auto (the default), f32, i8 or b1"},
    {"--seed", "seed", CLI_UINT, false, "N", "the seed of the index"}};
static const cli_param drop_params[] = {NAME};
static const cli_param collections_params[] = {
    {"PREFIX", "prefix", CLI_TEXT, false, NULL, "only names that begin so"},
    {"--reverse", "reverse", CLI_FLAG, false, NULL, "from the last to the first"},
    LIMIT,
    ALL,
    CURSOR,
    CLI_AS_OF_PARAM};
static const cli_param info_params[] = {NAME, CLI_AS_OF_PARAM};
static const cli_param put_params[] = {
    COLLECTION,
    KEY,
    EMBEDDING,
    {"--metadata", "metadata", CLI_OBJECT, false, "JSON", "an object that filters ask"},
    {"--text", "text", CLI_TEXT, false, "TEXT", "what it is the embedding of"}};
static const cli_param get_params[] = {COLLECTION, KEY, CLI_AS_OF_PARAM};
static const cli_param rm_params[] = {COLLECTION, KEY};
static const cli_param list_params[] = {
    COLLECTION, {"--prefix", "prefix", CLI_TEXT, false, "KEY", "only keys that begin so"},
    NUMBERS,    {"--reverse", "reverse", CLI_FLAG, false, NULL, "from the last to the first"},
    LIMIT,      ALL,
    CURSOR,     CLI_AS_OF_PARAM};
static const cli_param count_params[] = {
    COLLECTION,
    {"--prefix", "prefix", CLI_TEXT, false, "KEY", "only keys that begin so"},
    CLI_AS_OF_PARAM};
static const cli_param search_params[] = {
    COLLECTION,
    EMBEDDING,
    {"-k", "k", CLI_UINT, false, "N", "so many hits (1-1000)"},
    {"--filter", "filter", CLI_OBJECT, false, "JSON",
     "only what this holds of: '{\"path\": \"/metadata/kind\", \"eq\": \"note\"}'"},
    {"--exact", "exact", CLI_FLAG, false, NULL, "compare with all"},
    {"--effort", "effort", CLI_UINT, false, "N", "candidates of a walk (10-10000)"},
    NUMBERS,
    {"--explain", "explain", CLI_FLAG, false, NULL, "where scores come from"},
    CLI_AS_OF_PARAM};
static const cli_param history_params[] = {
    COLLECTION,
    KEY,
    {"--before", "before", CLI_UINT, false, "VERSION", "only versions below this one"},
    NUMBERS,
    LIMIT};

const cli_verb cli_verbs_vector[] = {
    {.name = "vector create",
     .op = "vector.create",
     .writes = true,
     .in_run = true,
     .summary = "Makes a collection of embeddings.",
     .examples =
         "strata vector create notes 384\nstrata vector create faces 512 --metric euclidean",
     .params = create_params,
     .param_count = CLI_COUNT(create_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "vector drop",
     .op = "vector.drop",
     .writes = true,
     .in_run = true,
     .summary = "Drops a collection with all of its entries; their history stays.",
     .examples = "strata vector drop notes",
     .params = drop_params,
     .param_count = CLI_COUNT(drop_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "vector collections",
     .op = "vector.collections",
     .in_run = true,
     .summary = "Lists collections in order of name.",
     .examples = "strata vector collections",
     .params = collections_params,
     .param_count = CLI_COUNT(collections_params),
     .view = {.shape = CLI_ROWS,
              .field = "collections",
              .columns = {"name", "dimension", "metric", "codes", "coded_as", "version",
                          "timestamp"},
              .next = "cursor",
              .next_param = "--cursor"}},
    {.name = "vector info",
     .op = "vector.info",
     .in_run = true,
     .summary = "Prints a collection, how many entries it has, and its index.",
     .examples = "strata vector info notes",
     .params = info_params,
     .param_count = CLI_COUNT(info_params),
     .view = {.shape = CLI_RECORD}},
    {.name = "vector put",
     .op = "vector.upsert",
     .writes = true,
     .in_run = true,
     .summary = "Stores an embedding under a key.",
     .examples = "strata vector put notes n1 '[0.1, 0.7, 0.2]' --text 'the ferry to Oslo'\n"
                 "embed note.txt | strata vector put notes n2 - --metadata '{\"kind\": \"note\"}'",
     .params = put_params,
     .param_count = CLI_COUNT(put_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "vector get",
     .op = "vector.get",
     .in_run = true,
     .summary = "Prints an entry.",
     .examples = "strata vector get notes n1 --as-of 2h",
     .params = get_params,
     .param_count = CLI_COUNT(get_params),
     .view = {.shape = CLI_RECORD, .field = "vector"}},
    {.name = "vector rm",
     .op = "vector.delete",
     .writes = true,
     .in_run = true,
     .summary = "Deletes an entry; its history stays.",
     .examples = "strata vector rm notes n1",
     .params = rm_params,
     .param_count = CLI_COUNT(rm_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "vector exists",
     .op = "vector.exists",
     .in_run = true,
     .summary = "Says whether there is such an entry.",
     .examples = "strata vector exists notes n1",
     .params = get_params,
     .param_count = CLI_COUNT(get_params),
     .view = {.shape = CLI_PLAIN, .field = "exists"}},
    {.name = "vector list",
     .op = "vector.list",
     .in_run = true,
     .summary = "Lists the entries of a collection in order of key.",
     .examples = "strata vector list notes --all",
     .params = list_params,
     .param_count = CLI_COUNT(list_params),
     .view = {.shape = CLI_ROWS,
              .field = "vectors",
              .columns = {"key", "text", "metadata", "embedding", "version", "timestamp"},
              .next = "cursor",
              .next_param = "--cursor"}},
    {.name = "vector count",
     .op = "vector.count",
     .in_run = true,
     .summary = "Counts the entries of a collection.",
     .examples = "strata vector count notes",
     .params = count_params,
     .param_count = CLI_COUNT(count_params),
     .view = {.shape = CLI_PLAIN, .field = "count"}},
    {.name = "vector search",
     .op = "vector.search",
     .in_run = true,
     .summary = "Finds the entries that are nearest to an embedding.",
     .examples = "strata vector search notes '[0.1, 0.7, 0.2]' -k 3\n"
                 "embed question.txt | strata vector search notes - --as-of 2h",
     .params = search_params,
     .param_count = CLI_COUNT(search_params),
     .view = {.shape = CLI_ROWS,
              .field = "hits",
              .columns = {"key", "score", "text", "metadata", "embedding", "explain", "version"}}},
    {.name = "vector history",
     .op = "vector.history",
     .in_run = true,
     .summary = "Lists the versions of an entry, newest first.",
     .examples = "strata vector history notes n1 --embeddings",
     .params = history_params,
     .param_count = CLI_COUNT(history_params),
     .view = {.shape = CLI_ROWS,
              .field = "revisions",
              .columns = {"version", "timestamp", "deleted", "text", "metadata", "embedding"}}},
};
const size_t cli_verbs_vector_count = CLI_COUNT(cli_verbs_vector);
