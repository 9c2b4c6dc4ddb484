/* verbs_copy.c - states of the database that are kept, and copies of it: checkpoint, snapshots, backup,
 * export, import.
 *
 * import makes a database instead of opening one, so it has no operation: it goes through
 * strata_import, and then says what it has made by opening it.
 */
#include "cli.h"
#include "progress.h"

#include <stdio.h>
#include <string.h>

static const cli_param create_params[] = {
    {"NAME", "name", CLI_TEXT, false, NULL, "its name; snap-N when left out"}};
static const cli_param name_params[] = {{"NAME", "name", CLI_TEXT, true, NULL, "the snapshot"}};
static const cli_param backup_params[] = {
    {"FOLDER", "path", CLI_TEXT, true, NULL,
     "a new or empty folder, or one with earlier backups of this database"}};
static const cli_param export_params[] = {
    {"FILE", "path", CLI_TEXT, true, NULL, "a file that is not there yet; NAME.strata.zst"}};
static const cli_param import_params[] = {
    {"FILE", NULL, CLI_TEXT, true, NULL, "what export has made"},
    {"--keep-uuid", NULL, CLI_FLAG, false, NULL, "keep the identity of the original, too"},
    {"--compress", NULL, CLI_FLAG, false, NULL, "make a database that is compressed with zstd"}};

static int show_imported(cli_app *app, const cli_args *args) {
    static const char request[] = "\x92\xa8"
                                  "db.stats\x80";
    static const cli_view view = {.shape = CLI_RECORD};
    cli_buffer bytes = {0};
    cli_rows rows = {0};
    strata_buffer response = {0};
    pack_item result;
    int code = cli_open(app, args->verb);
    if (code == CLI_OK) {
        cli_put(&bytes, request, sizeof request - 1);
        code = cli_call(app, &bytes, &response, &result);
    }
    if (code == CLI_OK) {
        cli_show(app, &view, &result, &rows);
        cli_show_end(app, &rows);
    }
    cli_buffer_free(&bytes);
    strata_buffer_free(&response);
    return cli_close(app, code);
}

static int run_import(cli_app *app, const cli_args *args) {
    strata_error error = {.code = STRATA_OK};
    strata_options options = cli_options(app, &error);
    const uint32_t flags =
        cli_arg_text(args, "--keep-uuid") != NULL ? (uint32_t)STRATA_IMPORT_KEEP_UUID : 0;
    if (app->read_only || app->snapshot != NULL) {
        return cli_fail_status(app, STRATA_FORBIDDEN,
                               "the command writes, and --read-only or --snapshot forbids it");
    }
    if (cli_arg_text(args, "--compress") != NULL) {
        options.codec = STRATA_CODEC_ZSTD;
    }
    const strata_status status =
        strata_import(cli_arg_text(args, "FILE"), app->db_path, &options, flags);
    progress_hide(app->progress);
    if (status != STRATA_OK) {
        error.code = status;
        return cli_fail(app, &error);
    }
    return show_imported(app, args);
}

const cli_verb cli_verbs_copy[] = {
    {.name = "checkpoint",
     .op = "db.checkpoint",
     .writes = true,
     .summary = "Brings everything into tables; the next opening reads no log.",
     .details = "Copying the folder while nobody writes to it gives the same database; while\n"
                "somebody does, use backup.",
     .examples = "strata checkpoint",
     .view = {.shape = CLI_RECORD}},
    {.name = "snapshot create",
     .op = "snapshot.create",
     .writes = true,
     .summary = "Keeps the state of now under a name.",
     .details = "It shares its files with the database, so it costs what changes afterwards. Read\n"
                "it with --snapshot NAME and any command that reads, export included.",
     .examples = "strata snapshot create \"before the trip\"\n"
                 "strata --snapshot \"before the trip\" get plan",
     .params = create_params,
     .param_count = CLI_COUNT(create_params),
     .view = {.shape = CLI_RECORD}},
    {.name = "snapshot list",
     .op = "snapshot.list",
     .summary = "Lists the snapshots, oldest first.",
     .examples = "strata snapshot list",
     .view = {.shape = CLI_ROWS,
              .field = "snapshots",
              .columns = {"name", "version", "time", "files", "bytes"}}},
    {.name = "snapshot delete",
     .op = "snapshot.delete",
     .writes = true,
     .summary = "Deletes a snapshot, and the files that nothing else needs.",
     .examples = "strata snapshot delete \"before the trip\"",
     .params = name_params,
     .param_count = CLI_COUNT(name_params),
     .view = {.shape = CLI_BRIEF}},
    {.name = "backup",
     .op = "db.backup",
     .writes = true,
     .summary = "Brings a copy of the database in another folder up to now.",
     .details =
         "Only what the folder does not have yet is copied, and verified. At every moment the\n"
         "folder holds a whole backup: a database like any other. To restore, open it with\n"
         "--db FOLDER, or copy it back. Once written to, it takes no more backups.",
     .examples = "strata backup /mnt/disk/agent.strata\n"
                 "strata --db /mnt/disk/agent.strata --read-only stats",
     .params = backup_params,
     .param_count = CLI_COUNT(backup_params),
     .view = {.shape = CLI_RECORD}},
    {.name = "export",
     .op = "db.export",
     .summary = "Writes all versions of all keys into one compressed file.",
     .details = "The bytes are the same on every platform, and from the same state always. With\n"
                "--snapshot it is the state of the snapshot.",
     .examples = "strata export agent.strata.zst",
     .params = export_params,
     .param_count = CLI_COUNT(export_params),
     .view = {.shape = CLI_RECORD}},
    {.name = "import",
     .writes = true,
     .summary = "Makes a new database of an exported file.",
     .details =
         "The database of --db must not exist, or be empty. Versions and times are those of\n"
         "the original; the identity is a new one unless asked otherwise.",
     .examples = "strata --db restored.strata import agent.strata.zst",
     .params = import_params,
     .param_count = CLI_COUNT(import_params),
     .run = run_import},
};
const size_t cli_verbs_copy_count = CLI_COUNT(cli_verbs_copy);
