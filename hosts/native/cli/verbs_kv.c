/* verbs_kv.c - keys and values: put, get, del, exists, list, count, history, incr, cas. Each row
 * carries the operation of the same name; see docs/operations.md for what they mean. */
#include "cli.h"

#define KEY    {"KEY", "key", CLI_TEXT, true, NULL, "the key: 1-1024 bytes of UTF-8"}
#define PREFIX {"PREFIX", "prefix", CLI_TEXT, false, NULL, "only keys that begin so"}
#define LIMIT  {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"}
#define STRING                                                                                     \
    {"--string", NULL, CLI_FLAG, false, NULL, "store the text as a string, even if it is JSON"}
#define TTL                                                                                        \
    {"--ttl", "ttl_ms", CLI_SPAN, false, "SPAN", "it ends after so long (500ms, 10s, 30m, 2h, 7d)"}
#define BYTES      {"--bytes", NULL, CLI_FLAG, false, NULL, "store it as bytes"}
#define VALUE_HELP "JSON if it parses as JSON, else a string; - reads standard input"

static const cli_param put_params[] = {
    KEY, {"VALUE", "value", CLI_VALUE, true, NULL, VALUE_HELP}, TTL, STRING, BYTES};
static const cli_param get_params[] = {
    KEY,
    CLI_AS_OF_PARAM,
    {"--raw", NULL, CLI_FLAG, false, NULL, "only the value; strings and bytes as they are"}};
static const cli_param key_params[] = {KEY};
static const cli_param exists_params[] = {KEY, CLI_AS_OF_PARAM};
static const cli_param list_params[] = {
    PREFIX,
    {"--start", "start", CLI_TEXT, false, "KEY", "from this key on"},
    {"--end", "end", CLI_TEXT, false, "KEY", "before this key"},
    {"--reverse", "reverse", CLI_FLAG, false, NULL, "from the last to the first"},
    LIMIT,
    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"},
    {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"},
    CLI_AS_OF_PARAM};
static const cli_param count_params[] = {PREFIX, CLI_AS_OF_PARAM};
static const cli_param history_params[] = {
    KEY,
    {"--before", "before", CLI_UINT, false, "VERSION", "only versions below this one"},
    LIMIT,
    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"}};
static const cli_param incr_params[] = {
    KEY, {"BY", "by", CLI_INT, false, NULL, "how much to add; 1 when left out"}};
static const cli_param cas_params[] = {
    KEY,
    {"VALUE", "value", CLI_VALUE, true, NULL, VALUE_HELP},
    {"--version", "expected_version", CLI_UINT, false, "VERSION",
     "the version it must have; 0: it must not exist"},
    {"--was", "expected_value", CLI_OBJECT, false, "JSON", "the value it must have"},
    TTL,
    STRING,
    BYTES};

/* The bytes of the value and nothing else, so that `get --raw` can feed another program. */
static int run_get(cli_app *app, const cli_args *args) {
    if (cli_arg_text(args, "--raw") == NULL) {
        return cli_run_op(app, args);
    }
    cli_buffer request = {0};
    strata_buffer response = {0};
    pack_item result;
    pack_item value;
    int code = cli_request(app, args, NULL, (strata_slice){NULL, 0}, &request);
    code = code == CLI_OK ? cli_open(app, args->verb) : code;
    code = code == CLI_OK ? cli_call(app, &request, &response, &result) : code;
    if (code == CLI_OK && pack_field(&result, "value", &value)) {
        if (value.type == STRATA_STRING || value.type == STRATA_BYTES) {
            (void)fwrite(value.as.bytes.data, 1, value.as.bytes.len, stdout);
        } else {
            cli_show_json(app, value.raw, false, stdout);
        }
    }
    cli_buffer_free(&request);
    strata_buffer_free(&response);
    return cli_close(app, code);
}

const cli_verb cli_verbs_kv[] = {
    {.name = "put",
     .op = "kv.put",
     .writes = true,
     .in_run = true,
     .summary = "Stores a value under a key.",
     .details =
         "VALUE is stored as JSON if it parses as JSON, otherwise as a string: 5 is an int, "
         "5.0 a float,\n'\"5\"' and --string 5 are strings. What comes through standard input "
         "is kept to the byte.",
     .examples = "strata put city Lisbon\nstrata put config '{\"depth\": 3}'\n"
                 "strata put --bytes logo - < logo.png\nstrata put token k7 --ttl 10m",
     .params = put_params,
     .param_count = CLI_COUNT(put_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "get",
     .op = "kv.get",
     .in_run = true,
     .summary = "Prints the value of a key.",
     .examples = "strata get city\nstrata get config --as-of 12\nstrata get config --as-of "
                 "2h\nstrata get --raw logo > logo.png",
     .params = get_params,
     .param_count = CLI_COUNT(get_params),
     .view = {.shape = CLI_PLAIN, .field = "value"},
     .run = run_get},
    {.name = "del",
     .op = "kv.delete",
     .writes = true,
     .in_run = true,
     .summary = "Deletes a key; its history stays.",
     .examples = "strata del city",
     .params = key_params,
     .param_count = CLI_COUNT(key_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "list",
     .op = "kv.list",
     .in_run = true,
     .summary = "Lists keys and values in order of key.",
     .examples = "strata list\nstrata list user/ --limit 20\n"
                 "strata list --all --format csv > keys.csv",
     .params = list_params,
     .param_count = CLI_COUNT(list_params),
     .view = {.shape = CLI_ROWS,
              .field = "entries",
              .columns = {"key", "value", "version", "timestamp"},
              .next = "cursor",
              .next_param = "--cursor"}},
    {.name = "exists",
     .op = "kv.exists",
     .in_run = true,
     .summary = "Says whether a key has a value.",
     .examples = "strata exists city",
     .params = exists_params,
     .param_count = CLI_COUNT(exists_params),
     .view = {.shape = CLI_PLAIN, .field = "exists"}},
    {.name = "count",
     .op = "kv.count",
     .in_run = true,
     .summary = "Counts the keys that have a value.",
     .examples = "strata count user/",
     .params = count_params,
     .param_count = CLI_COUNT(count_params),
     .view = {.shape = CLI_PLAIN, .field = "count"}},
    {.name = "history",
     .op = "kv.history",
     .in_run = true,
     .summary = "Lists the versions of a key, newest first.",
     .examples = "strata history city",
     .params = history_params,
     .param_count = CLI_COUNT(history_params),
     .view = {.shape = CLI_ROWS,
              .field = "revisions",
              .columns = {"version", "timestamp", "deleted", "value"},
              .next = "next",
              .next_param = "--before"}},
    {.name = "incr",
     .op = "kv.incr",
     .writes = true,
     .in_run = true,
     .summary = "Adds to a number; a missing key counts as 0.",
     .examples = "strata incr visits\nstrata incr balance -5",
     .params = incr_params,
     .param_count = CLI_COUNT(incr_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "cas",
     .op = "kv.cas",
     .writes = true,
     .in_run = true,
     .summary = "Stores a value if the key still has the expected version or value.",
     .examples = "strata cas city Porto --version 12\nstrata cas city Porto --was '\"Lisbon\"'",
     .params = cas_params,
     .param_count = CLI_COUNT(cas_params),
     .view = {.shape = CLI_BRIEF}},
};
const size_t cli_verbs_kv_count = CLI_COUNT(cli_verbs_kv);
