/* verbs_db.c - the database as a whole: stats, verify, repair, sync, exec, txn, ops, help, version.
 *
 * verify reads the files without opening the database (strata_verify), so that it works where
 * opening would be refused, and changes nothing. Damage is told on standard output like any other
 * answer; the exit code is what a script goes by.
 */
#include "cli.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static const cli_param exec_params[] = {
    {"OP", NULL, CLI_TEXT, true, NULL,
     "an operation, such as kv.put; - reads requests, one a line"},
    {"JSON", NULL, CLI_TEXT, false, NULL, "its arguments: an object; - reads standard input"}};
static const cli_param txn_params[] = {
    {"FILE", NULL, CLI_TEXT, true, NULL, "a script, one operation a line; - is standard input"},
    {"--isolation", "isolation", CLI_TEXT, false, "LEVEL",
     "serializable (when left out) or snapshot"},
    {"--label", "label", CLI_TEXT, false, "TEXT", "what strata log and explain call its commit"},
    {"--trace", "trace", CLI_TEXT, false, "ID", "the trace record that its commit belongs to"}};
static const cli_param ops_params[] = {
    {"OP", NULL, CLI_TEXT, false, NULL, "only operations that begin so, with their arguments"}};
static const cli_param help_params[] = {
    {"COMMAND", NULL, CLI_WORDS, false, NULL, "a command; all of them when left out"}};

static void print_report(const cli_app *app, const pack_item *report) {
    static const cli_view problems = {
        .shape = CLI_ROWS, .field = "problems", .columns = {"file", "offset", "what"}};
    pack_item list = {0};
    cli_rows rows = {0};
    if (!cli_for_people(app)) {
        const cli_view whole = {.shape = CLI_RECORD};
        cli_show(app, app->format == CLI_CSV ? &problems : &whole, report, &rows);
        cli_show_end(app, &rows);
        return;
    }
    const char *const names[] = {"files", "commits", "bytes"};
    char grouped[28];
    for (size_t i = 0; i < CLI_COUNT(names); i++) {
        pack_item value;
        const bool there = pack_field(report, names[i], &value) && value.type == STRATA_INT;
        (void)printf("%s%s %s", i == 0 ? "" : ", ",
                     text_grouped(there ? (uint64_t)value.as.integer : 0, grouped), names[i]);
    }
    if (pack_field(report, "problems", &list) && list.as.count > 0) {
        (void)printf(": %u problem%s\n", list.as.count, list.as.count == 1 ? "" : "s");
        cli_show(app, &problems, report, &rows);
        cli_show_end(app, &rows);
        (void)printf("next: copy the folder, then strata repair; reading may still work with "
                     "--read-only\n");
    } else {
        (void)printf(": no problem found\n");
    }
    if (pack_field(report, "unnamed", &list) && list.as.count > 0) {
        (void)printf("note: nothing names %u file%s, left by a crash or being written; the next "
                     "command that writes removes what a crash has left\n",
                     list.as.count, list.as.count == 1 ? "" : "s");
    }
}

int cli_run_verify(cli_app *app, const cli_args *args) {
    (void)args;
    strata_error error = {.code = STRATA_OK};
    strata_options options = STRATA_OPTIONS_INIT;
    strata_buffer report = {0};
    options.error = &error;
    const strata_status status = strata_verify(app->db_path, &options, &report);
    int code = CLI_OK;
    if (status != STRATA_OK) {
        error.code = status;
        code = cli_fail(app, &error);
    } else {
        strata_slice rest = {report.data, report.len};
        pack_item item;
        pack_item valid;
        if (!pack_next(&rest, &item) || !pack_field(&item, "valid", &valid)) {
            code = cli_fail_status(app, STRATA_INTERNAL, "the report is none");
        } else {
            print_report(app, &item);
            code = valid.type == STRATA_BOOL && valid.as.boolean ? CLI_OK : CLI_DAMAGED;
        }
    }
    strata_buffer_free(&report);
    return code;
}

/* ---- repair ---------------------------------------------------------------------------------- */

static uint64_t number_of(const pack_item *object, const char *name) {
    pack_item value;
    return pack_field(object, name, &value) && value.type == STRATA_INT ? (uint64_t)value.as.integer
                                                                        : 0;
}

static bool flag_of(const pack_item *object, const char *name) {
    pack_item value;
    return pack_field(object, name, &value) && value.type == STRATA_BOOL && value.as.boolean;
}

static void print_repair(const cli_app *app, const pack_item *report) {
    static const cli_view files = {
        .shape = CLI_ROWS, .field = "files", .columns = {"file", "moved", "kept", "what"}};
    cli_rows rows = {0};
    char grouped[2][28];
    if (!cli_for_people(app)) {
        const cli_view whole = {.shape = CLI_RECORD};
        cli_show(app, app->format == CLI_CSV ? &files : &whole, report, &rows);
        cli_show_end(app, &rows);
        return;
    }
    if (!flag_of(report, "changed")) {
        (void)printf("nothing to repair\n");
        return;
    }
    cli_show(app, &files, report, &rows);
    cli_show_end(app, &rows);
    (void)printf("repaired: the database opens at version %s\n",
                 text_grouped(number_of(report, "version"), grouped[0]));
    if (number_of(report, "lost_to") > 0) {
        (void)printf("lost: commits %s to %s at least\n",
                     text_grouped(number_of(report, "lost_from"), grouped[0]),
                     text_grouped(number_of(report, "lost_to"), grouped[1]));
    }
    if (!flag_of(report, "prefix")) {
        (void)printf("note: this is what could be found, not the state after some commit; older "
                     "values may show where newer ones are gone\n");
    }
    (void)printf("next: look at the folder LOST; delete it when nothing in it is needed\n");
}

static int run_repair(cli_app *app, const cli_args *args) {
    (void)args;
    strata_error error = {.code = STRATA_OK};
    const strata_options options = cli_options(app, &error);
    strata_buffer report = {0};
    if (app->read_only || app->snapshot != NULL) {
        return cli_fail_status(app, STRATA_FORBIDDEN,
                               "the command writes, and --read-only or --snapshot forbids it");
    }
    const strata_status status = strata_repair(app->db_path, &options, &report);
    int code = CLI_OK;
    strata_slice rest = {report.data, report.len};
    pack_item item;
    if (status != STRATA_OK) {
        error.code = status;
        code = cli_fail(app, &error);
    } else if (!pack_next(&rest, &item)) {
        code = cli_fail_status(app, STRATA_INTERNAL, "the report is none");
    } else {
        print_repair(app, &item);
    }
    strata_buffer_free(&report);
    return code;
}

int cli_run_version(cli_app *app, const cli_args *args) {
    (void)args;
    if (cli_for_people(app)) {
        (void)printf("strata %s\n", STRATA_VERSION);
    } else {
        (void)printf("{\"version\":\"%s\"}\n", STRATA_VERSION);
    }
    return CLI_OK;
}

const cli_verb cli_verbs_db[] = {
    {.name = "stats",
     .op = "db.stats",
     .needs_index = true,
     .summary = "Says what the database holds and costs.",
     .examples = "strata stats",
     .view = {.shape = CLI_RECORD}},
    {.name = "verify",
     .summary = "Reads every byte of the database and checks it; exit code 4 if damaged.",
     .details = "The database is not opened and nothing is changed. No other process should be "
                "writing.",
     .examples = "strata --db notes.strata verify",
     .run = cli_run_verify},
    {.name = "repair",
     .writes = true,
     .summary = "Makes a database that opens of a damaged one, and says what is lost.",
     .details =
         "Nothing is deleted: what was damaged is kept in the folder LOST. A copy made before\n"
         "is still a good idea. One that is sound is left alone.",
     .examples = "strata --db notes.strata repair",
     .run = run_repair},
    {.name = "sync",
     .op = "db.sync",
     .writes = true,
     .summary = "Makes everything committed so far durable.",
     .examples = "strata sync",
     .view = {.shape = CLI_BRIEF}},
    {.name = "exec",
     .writes = true,
     .summary = "Runs any operation: arguments and result are JSON.",
     .details =
         "With OP - every line of standard input is a request [\"OP\", {arguments}], answered by "
         "a\n"
         "line [true, {result}] or [false, {code, message, retryable, details}]; the exit code is\n"
         "that of the first error. An answer is written before the next request is read.",
     .examples = "strata exec kv.put '{\"key\": \"a\", \"value\": [1, 2.5, null]}'\n"
                 "strata exec memory.recall '{\"query\": \"tea\", \"k\": 3}'\n"
                 "strata --durability strict exec - < requests.jsonl",
     .params = exec_params,
     .param_count = CLI_COUNT(exec_params),
     .run = cli_run_exec},
    {.name = "txn",
     .writes = true,
     .in_run = true,
     .summary = "Runs a script of operations as one transaction.",
     .details =
         "A line is {\"op\": \"NAME\", \"args\": {...}} or [\"NAME\", {...}]; all operations work "
         "in the "
         "run of\n"
         "--run. When all went well the results are printed, one a line, and then the version of "
         "the\n"
         "commit. The first error ends it, and nothing is written; a conflict (exit code 3) is "
         "tried\n"
         "again twice before.",
     .examples = "strata txn move.jsonl\n"
                 "strata --run trip txn - --label 'book the ferry' < requests.jsonl",
     .params = txn_params,
     .param_count = CLI_COUNT(txn_params),
     .run = cli_run_txn},
    {.name = "ops",
     .summary = "Lists the operations that exec can run.",
     .examples = "strata ops\nstrata ops kv.put",
     .params = ops_params,
     .param_count = CLI_COUNT(ops_params),
     .run = cli_run_ops},
    {.name = "help",
     .summary = "Explains the commands.",
     .examples = "strata help\nstrata help ingest\nstrata help event append",
     .params = help_params,
     .param_count = CLI_COUNT(help_params),
     .run = cli_run_help},
    {.name = "version",
     .summary = "Prints the version.",
     .examples = "strata version",
     .run = cli_run_version},
};
const size_t cli_verbs_db_count = CLI_COUNT(cli_verbs_db);
