/* help.c - what the commands do, from the same tables that run them. */
#include "cli.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static const cli_param globals[] = {
    {"--db", NULL, CLI_TEXT, false, "PATH", "the database folder, or :memory:"},
    {"--run", NULL, CLI_TEXT, false, "NAME", "the run to work in (default)"},
    {"--format", NULL, CLI_TEXT, false, "FORMAT", "box, table, json, jsonl, csv or line"},
    {"--durability", NULL, CLI_TEXT, false, "MODE", "buffered (synced every 100 ms) or strict"},
    {"--memory-bytes", NULL, CLI_TEXT, false, "SIZE",
     "memory for data (256M); K, M or G behind it"},
    {"--read-only", NULL, CLI_FLAG, false, NULL, "never write, whatever the command"},
    {"--snapshot", NULL, CLI_TEXT, false, "NAME", "read the database as that snapshot has it"},
    {"--help", NULL, CLI_FLAG, false, NULL, "explain the command"},
    {"--version", NULL, CLI_FLAG, false, NULL, "print the version"},
};

const cli_param *cli_global_at(size_t index) {
    return index < CLI_COUNT(globals) ? &globals[index] : NULL;
}

static void print_param(const cli_param *param, FILE *to) {
    cli_buffer name = {0};
    cli_put_text(&name, param->name);
    if (param->metavar != NULL) {
        cli_put_format(&name, " %s", param->metavar);
    }
    (void)fprintf(to, "  %-20s %s\n", name.data, param->help);
    cli_buffer_free(&name);
}

static void print_summaries(const cli_verb *verbs, size_t count, FILE *to) {
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(to, "  %-16s %s\n", verbs[i].name, verbs[i].summary);
    }
}

void cli_help(const cli_app *app, FILE *to) {
    (void)app;
    (void)fprintf(to,
                  "strata %s - remember, recall, rewind, explain\n\n"
                  "usage: strata [OPTION...] COMMAND [ARGUMENT...]\n",
                  STRATA_VERSION);
    const struct {
        const char *title;
        const cli_verb *verbs;
        size_t count;
    } groups[] = {
        {"Memories", cli_verbs_memory, cli_verbs_memory_count},
        {"Keys and values", cli_verbs_kv, cli_verbs_kv_count},
        {"Events", cli_verbs_event, cli_verbs_event_count},
        {"JSON documents", cli_verbs_json, cli_verbs_json_count},
        {"Schemas and entities", cli_verbs_entity, cli_verbs_entity_count},
        {"Vectors", cli_verbs_vector, cli_verbs_vector_count},
        {"Filters and indexes", cli_verbs_index, cli_verbs_index_count},
        {"Runs", cli_verbs_run, cli_verbs_run_count},
        {"State cells", cli_verbs_state, cli_verbs_state_count},
        {"Traces", cli_verbs_trace, cli_verbs_trace_count},
        {"Edges", cli_verbs_edge, cli_verbs_edge_count},
        {"History", cli_verbs_history, cli_verbs_history_count},
        {"Copies", cli_verbs_copy, cli_verbs_copy_count},
        {"Database", cli_verbs_db, cli_verbs_db_count},
    };
    for (size_t i = 0; i < CLI_COUNT(groups); i++) {
        (void)fprintf(to, "\n%s\n", groups[i].title);
        print_summaries(groups[i].verbs, groups[i].count, to);
    }
    (void)fprintf(to, "\nOptions, before or behind the command\n");
    for (size_t i = 0; i < CLI_COUNT(globals); i++) {
        print_param(&globals[i], to);
    }
    (void)fprintf(
        to,
        "\nWithout --db the database is $STRATA_DB, or ./agent.strata; the first command that "
        "writes\n"
        "makes it. Without --format it is box on a terminal and jsonl in a pipe. NO_COLOR=1 turns\n"
        "colour off.\n"
        "\nExit codes: 0 done, 1 not found, 2 wrong use or value, 3 conflict or exists already,\n"
        "4 storage failed or damaged, 5 busy, 6 forbidden, 130 interrupted.\n");
}

void cli_help_group(const cli_app *app, const char *group, FILE *to) {
    (void)app;
    const cli_verb *verb = NULL;
    (void)fprintf(to, "usage: strata %s COMMAND [ARGUMENT...]\n\n", group);
    for (size_t i = 0; (verb = cli_verb_at(i)) != NULL; i++) {
        const size_t len = strlen(group);
        if (strncmp(verb->name, group, len) == 0 && verb->name[len] == ' ') {
            print_summaries(verb, 1, to);
        }
    }
}

static void print_usage(const cli_verb *verb, FILE *to) {
    bool has_options = false;
    for (size_t i = 0; i < verb->param_count; i++) {
        has_options = has_options || verb->params[i].name[0] == '-';
    }
    (void)fprintf(to, "usage: strata %s%s", verb->name, has_options ? " [OPTION...]" : "");
    for (size_t i = 0; i < verb->param_count; i++) {
        const cli_param *const param = &verb->params[i];
        const bool several = param->kind == CLI_WORDS || param->kind == CLI_PATHS;
        if (param->name[0] != '-') {
            (void)fprintf(to, param->required ? " %s%s" : " [%s%s]", param->name,
                          several ? "..." : "");
        }
    }
    (void)fputs("\n", to);
}

void cli_help_verb(const cli_app *app, const cli_verb *verb, FILE *to) {
    (void)app;
    (void)fprintf(to, "%s\n\n", verb->summary);
    print_usage(verb, to);
    for (size_t i = 0; i < verb->param_count; i++) {
        print_param(&verb->params[i], to);
    }
    if (verb->in_run) {
        print_param(&globals[1], to);
    }
    if (verb->details != NULL) {
        (void)fprintf(to, "\n%s\n", verb->details);
    }
    (void)fputs("\nexamples:\n  ", to);
    for (const char *at = verb->examples; *at != 0; at++) {
        (void)fputc(*at, to);
        (void)fputs(*at == '\n' ? "  " : "", to);
    }
    (void)fputs("\n", to);
    if (verb->op != NULL) {
        (void)fprintf(to, "\noperation: %s\n", verb->op);
    }
}

int cli_run_help(cli_app *app, const cli_args *args) {
    if (args->count == 0) {
        cli_help(app, stdout);
        return CLI_OK;
    }
    /* The words are read as if they were the command line: so misspelt ones get a suggestion. */
    enum { WORDS_MAX = 3 };
    char *argv[WORDS_MAX + 1];
    char asked[] = "--help";
    int argc = 0;
    argv[argc++] = asked;
    cli_buffer words[2] = {{0}, {0}};
    for (size_t i = 0; i < args->count && i < 2; i++) {
        cli_put_text(&words[i], args->given[i].text);
        argv[argc++] = words[i].data;
    }
    argv[argc++] = asked;
    cli_args asked_for = {0};
    cli_app scratch = *app;
    int code = CLI_USAGE;
    if (cli_args_read(&scratch, argc, argv, &asked_for)) {
        code = CLI_OK;
        if (asked_for.verb != NULL) {
            cli_help_verb(app, asked_for.verb, stdout);
        } else {
            cli_help_group(app, asked_for.group, stdout);
        }
    }
    free(asked_for.given);
    cli_buffer_free(&words[0]);
    cli_buffer_free(&words[1]);
    return code;
}
