/* verbs_memory.c - memories: remember, ingest, recall, forget, memory get, memory list.
 *
 * A recall is shown as a table of rank, score, key and excerpt, and says what it cost in a line of
 * its own: for people below the table, in json as the field `stats` (the operation's own),
 * otherwise not at all, since a program that wants it asks for json.
 */
#include "cli.h"
#include "text.h"

#include <string.h>

#define KEY {"KEY", "key", CLI_TEXT, true, NULL, "the key of the memory"}

static const cli_param remember_params[] = {
    {"TEXT", "text", CLI_WORDS, true, NULL,
     "the text, in one or more words; - reads standard input"},
    {"--key", "key", CLI_TEXT, false, "KEY", "replace what is there; a new key when left out"},
    {"--metadata", "metadata", CLI_OBJECT, false, "JSON", "an object to keep with it"},
    {"--tag", "tags", CLI_STRINGS, false, "TAG",
     "a word to list it by; may be given several times"}};
static const cli_param ingest_params[] = {
    {"PATH", NULL, CLI_PATHS, true, NULL, "files and folders; - reads standard input"},
    {"--as", NULL, CLI_TEXT, false, "KIND", "auto, text, markdown, jsonl or deb822"},
    {"--text-field", NULL, CLI_TEXT, false, "NAME", "jsonl: the field with the text (text)"},
    {"--name", NULL, CLI_TEXT, false, "NAME", "what standard input is called in keys (stdin)"},
    {"--limit", NULL, CLI_UINT, false, "N", "stop after N items"},
    {"--verbose", NULL, CLI_FLAG, false, NULL, "list everything that was skipped"}};
static const cli_param recall_params[] = {
    {"QUESTION", "query", CLI_WORDS, true, NULL, "words; any of them matches, the best come first"},
    {"--k", "k", CLI_UINT, false, "N", "hits wanted, 1-1000 (10)"},
    {"--text", "with_text", CLI_FLAG, false, NULL, "whole texts and metadata (json, jsonl, line)"},
    CLI_AS_OF_PARAM};
static const cli_param key_params[] = {KEY};
static const cli_param get_params[] = {KEY, CLI_AS_OF_PARAM};
static const cli_param list_params[] = {
    {"PREFIX", "prefix", CLI_TEXT, false, NULL, "only keys that begin so"},
    {"--tag", "tag", CLI_TEXT, false, "TAG", "only those with this tag"},
    {"--after", "after", CLI_TIME, false, "TIME", "only those of this time or later"},
    {"--before", "before", CLI_TIME, false, "TIME", "only those before this time"},
    {"--reverse", "reverse", CLI_FLAG, false, NULL, "from the last to the first"},
    {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"},
    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"},
    {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"},
    CLI_AS_OF_PARAM};

static uint64_t number(const pack_item *object, const char *name) {
    pack_item value;
    return pack_field(object, name, &value) && value.type == STRATA_INT && value.as.integer > 0
               ? (uint64_t)value.as.integer
               : 0;
}

/* "10 hits of 64 012 memories, 812 scored, 0.61 ms" */
static void print_cost(const cli_app *app, const pack_item *result) {
    pack_item hits = {0};
    pack_item stats = {0};
    pack_item truncated = {0};
    if (!pack_field(result, "hits", &hits) || !pack_field(result, "stats", &stats)) {
        return;
    }
    char memories[28];
    char candidates[28];
    (void)printf("%s%u hit%s of %s memories, %s scored, %.2f ms%s\n", app->colour ? "\033[2m" : "",
                 hits.as.count, hits.as.count == 1 ? "" : "s",
                 text_grouped(number(&stats, "memories"), memories),
                 text_grouped(number(&stats, "candidates"), candidates),
                 (double)number(&stats, "elapsed_us") / 1000, app->colour ? "\033[0m" : "");
    if (pack_field(result, "truncated", &truncated) && truncated.type == STRATA_BOOL &&
        truncated.as.boolean) {
        (void)printf("the search was cut short by its budget\n");
    }
}

int cli_run_recall(cli_app *app, const cli_args *args) {
    cli_buffer request = {0};
    strata_buffer response = {0};
    cli_rows rows = {0};
    pack_item result;
    int code = cli_request(app, args, NULL, (strata_slice){NULL, 0}, &request);
    code = code == CLI_OK ? cli_open(app, args->verb) : code;
    code = code == CLI_OK ? cli_call(app, &request, &response, &result) : code;
    if (code == CLI_OK) {
        cli_show(app, &args->verb->view, &result, &rows);
        cli_show_end(app, &rows);
        if (cli_for_people(app)) {
            print_cost(app, &result);
        }
    }
    cli_buffer_free(&request);
    strata_buffer_free(&response);
    return cli_close(app, code);
}

const cli_verb cli_verbs_memory[] = {
    {.name = "remember",
     .op = "memory.remember",
     .writes = true,
     .in_run = true,
     .summary = "Remembers a text, to be recalled at once.",
     .examples = "strata remember Ann prefers the window seat --tag travel\n"
                 "strata remember --key notes/monday - < monday.txt",
     .params = remember_params,
     .param_count = CLI_COUNT(remember_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "ingest",
     .writes = true,
     .in_run = true,
     .summary = "Remembers files, folders and streams.",
     .details =
         "Folders are read to the bottom, in order of name; links in them are not followed. "
         "Kinds:\n"
         "  text, markdown  cut at paragraphs and headings into pieces of at most 2000 bytes; the\n"
         "                  key is PATH#N, the path from the folder given on; metadata: path, "
         "chunk,\n"
         "                  offset, title\n"
         "  jsonl           one object a line: `text` (or --text-field), `key` if there is one "
         "(else\n"
         "                  PATH#LINE), all other fields are metadata\n"
         "  deb822          Debian control stanzas: one is one memory, key NAME_VERSION_ARCH; its\n"
         "                  text is name, description, tags, section and homepage, its metadata "
         "all\n"
         "                  fields\n"
         "auto goes by the name (.md, .markdown, .jsonl, .ndjson) and then by the first bytes.\n"
         "What is there already with the same text is left alone, so that a run that was\n"
         "interrupted is simply run again. Compressed, binary and unreadable files are skipped "
         "and\n"
         "listed at the end; the exit code is then still 0, unless a PATH itself cannot be read.",
     .examples = "strata ingest notes/ README.md\n"
                 "apt-cache dumpavail | strata ingest --as deb822 -\n"
                 "strata ingest --text-field body posts.jsonl",
     .params = ingest_params,
     .param_count = CLI_COUNT(ingest_params),
     .run = cli_run_ingest},
    {.name = "recall",
     .op = "memory.recall",
     .in_run = true,
     .needs_index = true,
     .summary = "Finds the memories that fit a question best.",
     .examples =
         "strata recall window seat\nstrata recall --k 3 --text --format json 'tea or coffee'",
     .params = recall_params,
     .param_count = CLI_COUNT(recall_params),
     .view = {.shape = CLI_ROWS, .field = "hits", .columns = {"rank", "score", "key", "snippet"}},
     .run = cli_run_recall},
    {.name = "forget",
     .op = "memory.forget",
     .writes = true,
     .in_run = true,
     .summary = "Forgets a memory: it is no longer recalled or listed.",
     .examples = "strata forget notes/monday",
     .params = key_params,
     .param_count = CLI_COUNT(key_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "memory get",
     .op = "memory.get",
     .in_run = true,
     .summary = "Prints one memory.",
     .examples = "strata memory get notes/monday",
     .params = get_params,
     .param_count = CLI_COUNT(get_params),
     .view = {.shape = CLI_RECORD, .field = "memory"}},
    {.name = "memory list",
     .op = "memory.list",
     .in_run = true,
     .summary = "Lists memories in order of key.",
     .examples = "strata memory list notes/\nstrata memory list --tag travel --after 7d",
     .params = list_params,
     .param_count = CLI_COUNT(list_params),
     .view = {.shape = CLI_ROWS,
              .field = "memories",
              .columns = {"key", "text", "tags", "version", "timestamp"},
              .next = "cursor",
              .next_param = "--cursor"}},
};
const size_t cli_verbs_memory_count = CLI_COUNT(cli_verbs_memory);
