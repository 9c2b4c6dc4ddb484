/* main.c - the command line of Strata: `strata [OPTION...] COMMAND [ARGUMENT...]`.
 *
 * Every command carries an operation of docs/operations.md to the library and shows what comes
 * back; see cli.h for what a command is, and help.c for what a user is told.
 *
 * Output meant for programs goes to standard output and nothing else does: errors, notes and
 * progress go to standard error. A standard output that cannot be written is an error like any
 * other, unless the reader has gone away, as `head` does.
 */
#include "cli.h"
#include "platform.h"
#include "progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const cli_verb *cli_verb_at(size_t index) {
    const struct {
        const cli_verb *verbs;
        size_t count;
    } families[] = {
        {cli_verbs_memory, cli_verbs_memory_count},   {cli_verbs_kv, cli_verbs_kv_count},
        {cli_verbs_json, cli_verbs_json_count},       {cli_verbs_entity, cli_verbs_entity_count},
        {cli_verbs_index, cli_verbs_index_count},     {cli_verbs_state, cli_verbs_state_count},
        {cli_verbs_event, cli_verbs_event_count},     {cli_verbs_run, cli_verbs_run_count},
        {cli_verbs_history, cli_verbs_history_count}, {cli_verbs_copy, cli_verbs_copy_count},
        {cli_verbs_db, cli_verbs_db_count},           {cli_verbs_trace, cli_verbs_trace_count},
        {cli_verbs_edge, cli_verbs_edge_count},       {cli_verbs_vector, cli_verbs_vector_count},
    };
    for (size_t i = 0; i < CLI_COUNT(families); i++) {
        if (index < families[i].count) {
            return &families[i].verbs[index];
        }
        index -= families[i].count;
    }
    return NULL;
}

/* What is not said on the command line. */
static void set_defaults(cli_app *app) {
    const char *const from_environment = getenv("STRATA_DB");
    app->db_path =
        from_environment != NULL && from_environment[0] != 0 ? from_environment : "./agent.strata";
    app->durability = STRATA_BUFFERED;
}

static void settle_output(cli_app *app) {
    const bool terminal = platform_is_terminal(stdout);
    const char *const no_colour = getenv("NO_COLOR");
    const char *const kind = getenv("TERM");
    if (app->format == CLI_AUTO) {
        app->format = terminal ? CLI_BOX : CLI_JSONL;
    }
    app->colour = terminal && (no_colour == NULL || no_colour[0] == 0) &&
                  (kind == NULL || strcmp(kind, "dumb") != 0);
    app->columns = platform_columns(stdout);
}

static int run(cli_app *app, const cli_args *args) {
    if (args->wants_version) {
        return cli_run_version(app, args);
    }
    if (args->verb == NULL) {
        /* Asked for, help is the answer; otherwise it is what was missing. */
        FILE *const to = args->wants_help ? stdout : stderr;
        if (args->group != NULL) {
            cli_help_group(app, args->group, to);
        } else {
            cli_help(app, to);
        }
        return args->wants_help ? CLI_OK : CLI_USAGE;
    }
    if (args->wants_help) {
        cli_help_verb(app, args->verb, stdout);
        return CLI_OK;
    }
    if (app->snapshot != NULL && args->verb->writes && args->verb->op != NULL) {
        return cli_fail_status(app, STRATA_FORBIDDEN,
                               "the command writes, and a snapshot can only be read");
    }
    if (app->read_only && args->verb->writes && args->verb->op != NULL) {
        return cli_fail_status(app, STRATA_FORBIDDEN,
                               "the command writes, and --read-only forbids it");
    }
    return args->verb->run != NULL ? args->verb->run(app, args) : cli_run_op(app, args);
}

/* Why standard output fails: 0 when it does not, an errno if it can be had. A write that failed in
 * the middle has left its errno behind long ago, so one more is tried: the output is cut anyhow. */
static int output_error(void) {
    errno = 0;
    if (fflush(stdout) != 0) {
        return errno;
    }
    if (ferror(stdout) == 0) {
        return 0;
    }
    clearerr(stdout);
    const bool ok = fputc('\n', stdout) != EOF && fflush(stdout) == 0;
    return ok || errno == 0 ? EIO : errno;
}

static int end_output(const cli_app *app, int code) {
    const int error = output_error();
    if (error != 0 && error != EPIPE) {
        const int told = cli_fail_status(app, error == ENOSPC ? STRATA_NO_SPACE : STRATA_IO,
                                         "standard output cannot be written");
        return code == CLI_OK ? told : code;
    }
    return code;
}

int main(int argc, char **argv) {
    platform_begin();
    cli_progress progress;
    cli_app app = {.program = argc > 0 ? argv[0] : "strata", .progress = &progress};
    cli_args args = {0};
    progress_begin(&progress, &strata_host_default()->clock);
    set_defaults(&app);
    const bool read = cli_args_read(&app, argc, argv, &args);
    settle_output(&app);
    const int code = read ? run(&app, &args) : CLI_USAGE;
    free(args.given);
    return end_output(&app, code);
}
