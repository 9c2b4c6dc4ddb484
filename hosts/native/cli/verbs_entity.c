/* verbs_entity.c - schemas and entities: schema put, get, list, check, ... entity put, get, find, del, ... Each
 * row carries the operation of the same name; see docs/operations.md for what they mean. */
#include "cli.h"

#define NAME   {"NAME", "name", CLI_TEXT, true, NULL, "the schema"}
#define SCHEMA {"SCHEMA", "schema", CLI_TEXT, true, NULL, "the schema"}
#define ID     {"ID", "id", CLI_TEXT, true, NULL, "the entity"}
#define LIMIT  {"--limit", "limit", CLI_UINT, false, "N", "at most N of them (1-1000)"}
#define CURSOR {"--cursor", "cursor", CLI_TEXT, false, "CURSOR", "where the previous page ended"}
#define ALL    {"--all", NULL, CLI_FLAG, false, NULL, "page after page to the end"}
#define PREFIX {"--prefix", "prefix", CLI_TEXT, false, "ID", "only ids that begin so"}
#define BEFORE {"--before", "before", CLI_UINT, false, "VERSION", "only versions below this one"}
#define DELETED(help) {"--deleted", "deleted", CLI_FLAG, false, NULL, help}

static const cli_param put_schema_params[] = {
    NAME,
    {"JSONSCHEMA", "schema", CLI_OBJECT, true, NULL, "a JSON Schema; - reads standard input"},
    {"--key", "key_field", CLI_TEXT, false, "PATH", "what identifies an entity (/email)"},
    {"--index", "indexed", CLI_STRINGS, false, "PATH", "make an index on this path; repeatable"},
    {"--embed", "embedding", CLI_STRINGS, false, "PATH", "its text is to have an embedding; kept"},
    {"--encrypt", "encrypted", CLI_STRINGS, false, "PATH", "it is to be encrypted; kept"}};
static const cli_param get_schema_params[] = {NAME, CLI_AS_OF_PARAM};
static const cli_param list_schema_params[] = {
    {"PREFIX", "prefix", CLI_TEXT, false, NULL, "only names that begin so"},
    LIMIT,
    ALL,
    CURSOR,
    CLI_AS_OF_PARAM};
static const cli_param name_params[] = {NAME};
static const cli_param schema_history_params[] = {NAME, BEFORE, LIMIT};
static const cli_param check_params[] = {NAME, LIMIT, ALL, CURSOR};

static const cli_param put_params[] = {
    SCHEMA,
    {"DOCUMENT", "document", CLI_OBJECT, true, NULL, "a JSON object; - reads standard input"},
    {"--uri", "uri", CLI_TEXT, false, "URI", "a URI that identifies it"},
    {"--id", "id", CLI_TEXT, false, "ID", "its id, whatever would be made"}};
static const cli_param id_params[] = {
    SCHEMA,
    {"DOCUMENT", "document", CLI_OBJECT, true, NULL, "a JSON object; - reads standard input"},
    {"--uri", "uri", CLI_TEXT, false, "URI", "a URI that identifies it"}};
static const cli_param get_params[] = {SCHEMA, ID, DELETED("one that was deleted, too"),
                                       CLI_AS_OF_PARAM};
static const cli_param exists_params[] = {SCHEMA, ID, CLI_AS_OF_PARAM};
static const cli_param ref_params[] = {SCHEMA, ID};
static const cli_param merge_params[] = {
    SCHEMA,
    ID,
    {"PATCH", "patch", CLI_OBJECT, true, NULL,
     "a JSON object (RFC 7396), null removes; - reads standard input"}};
static const cli_param purge_params[] = {
    SCHEMA, ID, {"--force", "force", CLI_FLAG, false, NULL, "one that was not deleted, too"}};
static const cli_param vacuum_params[] = {
    {"SCHEMA", "schema", CLI_TEXT, false, NULL, "only of this schema"},
    {"--older-than", "older_than_ms", CLI_SPAN, false, "SPAN", "deleted so long ago (30d)"},
    {"--dry-run", "dry_run", CLI_FLAG, false, NULL, "count only"}};
static const cli_param list_params[] = {
    SCHEMA,
    PREFIX,
    DELETED("those that were deleted, and no others"),
    {"--reverse", "reverse", CLI_FLAG, false, NULL, "from the last to the first"},
    LIMIT,
    ALL,
    CURSOR,
    CLI_AS_OF_PARAM};
static const cli_param find_params[] = {
    SCHEMA,
    {"WHERE", "where", CLI_OBJECT, false, NULL,
     "a filter: '{\"path\": \"/age\", \"gte\": 18}', and, or, not; all when left out"},
    {"--order", "order_by", CLI_TEXT, false, "PATH", "in the order of this field"},
    {"--reverse", "reverse", CLI_FLAG, false, NULL, "from the last to the first"},
    PREFIX,
    LIMIT,
    ALL,
    CURSOR,
    {"--explain", "explain", CLI_FLAG, false, NULL, "how it was answered (see --format json)"},
    CLI_AS_OF_PARAM};
static const cli_param count_params[] = {
    SCHEMA, PREFIX, DELETED("those that were deleted, and no others"), CLI_AS_OF_PARAM};
static const cli_param history_params[] = {
    SCHEMA,
    ID,
    BEFORE,
    {"--documents", "documents", CLI_FLAG, false, NULL, "the documents themselves, too"},
    LIMIT};

const cli_verb cli_verbs_entity[] = {
    {.name = "schema put",
     .op = "schema.put",
     .writes = true,
     .in_run = true,
     .summary = "Stores a schema: what entities of its name look like.",
     .details = "Entities that are there are not looked at; `schema check` lists those that do not "
                "fit.\nA keyword that is not enforced is refused, and so is never ignored.",
     .examples = "strata schema put person '{\"type\": \"object\", \"required\": [\"email\"]}' "
                 "--key /email --index /age\n"
                 "strata schema put person - < person.schema.json",
     .params = put_schema_params,
     .param_count = CLI_COUNT(put_schema_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "schema get",
     .op = "schema.get",
     .in_run = true,
     .summary = "Prints a schema.",
     .examples = "strata schema get person\nstrata schema get person --as-of 12",
     .params = get_schema_params,
     .param_count = CLI_COUNT(get_schema_params),
     .view = {.shape = CLI_RECORD, .field = "schema"}},
    {.name = "schema list",
     .op = "schema.list",
     .in_run = true,
     .summary = "Lists schemas in order of name.",
     .examples = "strata schema list",
     .params = list_schema_params,
     .param_count = CLI_COUNT(list_schema_params),
     .view = {.shape = CLI_ROWS,
              .field = "schemas",
              .columns = {"name", "key_field", "indexed", "version", "timestamp"},
              .next = "cursor",
              .next_param = "--cursor"}},
    {.name = "schema check",
     .op = "schema.check",
     .in_run = true,
     .summary = "Lists the entities that do not fit their schema as it is now.",
     .examples = "strata schema check person --all",
     .params = check_params,
     .param_count = CLI_COUNT(check_params),
     .view = {.shape = CLI_ROWS,
              .field = "mismatches",
              .columns = {"id", "path", "keyword"},
              .next = "cursor",
              .next_param = "--cursor"}},
    {.name = "schema del",
     .op = "schema.delete",
     .writes = true,
     .in_run = true,
     .summary = "Deletes a schema without entities, and its indexes.",
     .examples = "strata schema del person",
     .params = name_params,
     .param_count = CLI_COUNT(name_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "schema history",
     .op = "schema.history",
     .in_run = true,
     .summary = "Lists the versions of a schema, newest first.",
     .examples = "strata schema history person --limit 3",
     .params = schema_history_params,
     .param_count = CLI_COUNT(schema_history_params),
     .view = {.shape = CLI_ROWS,
              .field = "revisions",
              .columns = {"version", "timestamp", "deleted", "schema"}}},
    {.name = "entity put",
     .op = "entity.upsert",
     .writes = true,
     .in_run = true,
     .summary = "Stores an entity, or replaces it.",
     .details = "The id is made from the URI, else the schema's key field, else the members key or "
                "name:\nthe same entity has the same id, everywhere.",
     .examples = "strata entity put person '{\"email\": \"anna@example.org\", \"age\": 31}'\n"
                 "strata entity put page - --uri https://example.org/ < page.json",
     .params = put_params,
     .param_count = CLI_COUNT(put_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "entity id",
     .op = "entity.id",
     .in_run = true,
     .summary = "Prints the id that putting an entity would give.",
     .examples = "strata entity id person '{\"email\": \"anna@example.org\"}'",
     .params = id_params,
     .param_count = CLI_COUNT(id_params),
     .view = {.shape = CLI_PLAIN, .field = "id"}},
    {.name = "entity get",
     .op = "entity.get",
     .in_run = true,
     .summary = "Prints an entity.",
     .examples = "strata entity get person cd1856e918b49179813cddb4cf24bf3c --as-of 2h",
     .params = get_params,
     .param_count = CLI_COUNT(get_params),
     .view = {.shape = CLI_RECORD, .field = "entity"}},
    {.name = "entity exists",
     .op = "entity.exists",
     .in_run = true,
     .summary = "Says whether there is such an entity.",
     .examples = "strata entity exists person cd1856e918b49179813cddb4cf24bf3c",
     .params = exists_params,
     .param_count = CLI_COUNT(exists_params),
     .view = {.shape = CLI_PLAIN, .field = "exists"}},
    {.name = "entity find",
     .op = "entity.find",
     .in_run = true,
     .summary = "Lists the entities that a filter holds of; indexes are used by themselves.",
     .examples = "strata entity find person '{\"path\": \"/age\", \"gte\": 18}' --order /age\n"
                 "strata entity find person '{\"path\": \"/tags\", \"contains\": \"vip\"}' "
                 "--explain --format json",
     .params = find_params,
     .param_count = CLI_COUNT(find_params),
     .view = {.shape = CLI_ROWS,
              .field = "entities",
              .columns = {"id", "uri", "document", "version", "timestamp"},
              .next = "cursor",
              .next_param = "--cursor"}},
    {.name = "entity list",
     .op = "entity.list",
     .in_run = true,
     .summary = "Lists the entities of a schema in order of id.",
     .examples = "strata entity list person\nstrata entity list person --deleted",
     .params = list_params,
     .param_count = CLI_COUNT(list_params),
     .view = {.shape = CLI_ROWS,
              .field = "entities",
              .columns = {"id", "uri", "document", "version", "timestamp"},
              .next = "cursor",
              .next_param = "--cursor"}},
    {.name = "entity count",
     .op = "entity.count",
     .in_run = true,
     .summary = "Counts the entities of a schema.",
     .examples = "strata entity count person",
     .params = count_params,
     .param_count = CLI_COUNT(count_params),
     .view = {.shape = CLI_PLAIN, .field = "count"}},
    {.name = "entity merge",
     .op = "entity.merge",
     .writes = true,
     .in_run = true,
     .summary = "Merges a patch into an entity; null removes (RFC 7396).",
     .examples = "strata entity merge person cd1856e918b49179813cddb4cf24bf3c '{\"age\": 32}'",
     .params = merge_params,
     .param_count = CLI_COUNT(merge_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "entity del",
     .op = "entity.delete",
     .writes = true,
     .in_run = true,
     .summary = "Deletes an entity so that it can be restored.",
     .examples = "strata entity del person cd1856e918b49179813cddb4cf24bf3c",
     .params = ref_params,
     .param_count = CLI_COUNT(ref_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "entity restore",
     .op = "entity.restore",
     .writes = true,
     .in_run = true,
     .summary = "Brings a deleted entity back as it was.",
     .examples = "strata entity restore person cd1856e918b49179813cddb4cf24bf3c",
     .params = ref_params,
     .param_count = CLI_COUNT(ref_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "entity purge",
     .op = "entity.purge",
     .writes = true,
     .in_run = true,
     .summary = "Takes a deleted entity away for good; its history stays.",
     .examples = "strata entity purge person cd1856e918b49179813cddb4cf24bf3c --force",
     .params = purge_params,
     .param_count = CLI_COUNT(purge_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "entity vacuum",
     .op = "entity.vacuum",
     .writes = true,
     .in_run = true,
     .summary = "Purges entities that were deleted.",
     .examples = "strata entity vacuum person --older-than 30d\nstrata entity vacuum --dry-run",
     .params = vacuum_params,
     .param_count = CLI_COUNT(vacuum_params),
     .view = {.shape = CLI_RECORD}},
    {.name = "entity history",
     .op = "entity.history",
     .in_run = true,
     .summary = "Lists the versions of an entity, newest first.",
     .examples = "strata entity history person cd1856e918b49179813cddb4cf24bf3c --documents",
     .params = history_params,
     .param_count = CLI_COUNT(history_params),
     .view = {.shape = CLI_ROWS,
              .field = "revisions",
              .columns = {"version", "timestamp", "deleted", "purged", "document"}}},
};
const size_t cli_verbs_entity_count = CLI_COUNT(cli_verbs_entity);
