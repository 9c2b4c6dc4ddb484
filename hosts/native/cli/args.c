/* args.c - the words of the command line.
 *
 * Options may stand anywhere: those of the program (--db, --run, --format, ...) before or behind
 * the command, those of the command behind it. `--name value` and `--name=value` are the same; `--`
 * ends the options, so that a value may begin with a dash. A single dash and a negative number are
 * words.
 *
 * Invariants
 * 1. Nothing is guessed: an option that nobody knows, a word too many and a number that is none are
 *    refused before the database is touched, with the nearest known name if there is one.
 * 2. Texts are borrowed from argv; what was given is kept in the order in which it was given.
 *
 * Rejected: getopt_long. It takes abbreviations, so that a new option breaks old scripts; it prints
 * on its own; and it keeps its state in globals.
 */
#include "cli.h"
#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 128 };

typedef struct reader {
    cli_app *app;
    cli_args *args;
    int argc;
    char *const *argv;
    int at;
    bool only_words; /* behind "--" */
    size_t words;    /* of the verb, seen so far */
} reader;

const char *cli_arg_text(const cli_args *args, const char *name) {
    for (size_t i = args->count; i > 0; i--) {
        if (strcmp(args->given[i - 1].param->name, name) == 0) {
            return args->given[i - 1].text;
        }
    }
    return NULL;
}

uint64_t cli_arg_uint(const cli_args *args, const char *name, uint64_t left_out) {
    const char *const text = cli_arg_text(args, name);
    return text == NULL ? left_out : strtoull(text, NULL, 10);
}

/* ---- Options of the program ------------------------------------------------------------------ */

static bool choose(const reader *r, const char *name, const char *text, const char *const *words,
                   size_t count, int *chosen) {
    cli_buffer all = {0};
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            *chosen = (int)i;
            cli_buffer_free(&all);
            return true;
        }
        cli_put_format(&all, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", words[i]);
    }
    (void)cli_misuse(r->app, "%s takes %s, not \"%s\"", name, all.data, text);
    cli_buffer_free(&all);
    return false;
}

static bool set_global(const reader *r, const char *name, const char *text) {
    cli_app *const app = r->app;
    int chosen = 0;
    if (strcmp(name, "--db") == 0) {
        app->db_path = text;
        return text[0] != 0 || (cli_misuse(app, "--db takes a path"), false);
    }
    if (strcmp(name, "--run") == 0) {
        app->run_name = text;
    } else if (strcmp(name, "--format") == 0) {
        static const char *const words[] = {"box", "table", "json", "jsonl", "csv", "line"};
        if (!choose(r, name, text, words, CLI_COUNT(words), &chosen)) {
            return false;
        }
        app->format = (cli_format)(CLI_BOX + chosen);
        app->has_format = true;
    } else if (strcmp(name, "--durability") == 0) {
        static const char *const words[] = {"buffered", "strict"};
        if (!choose(r, name, text, words, CLI_COUNT(words), &chosen)) {
            return false;
        }
        app->durability = chosen == 0 ? STRATA_BUFFERED : STRATA_STRICT;
    } else if (strcmp(name, "--snapshot") == 0) {
        app->snapshot = text;
        return text[0] != 0 || (cli_misuse(app, "--snapshot takes a name"), false);
    } else if (strcmp(name, "--memory-bytes") == 0) {
        if (!text_parse_size(text, &app->memory_bytes) || app->memory_bytes == 0) {
            (void)cli_misuse(app, "--memory-bytes takes a size such as 64M, not \"%s\"", text);
            return false;
        }
    } else if (strcmp(name, "--read-only") == 0) {
        app->read_only = true;
    } else if (strcmp(name, "--help") == 0) {
        r->args->wants_help = true;
    } else {
        r->args->wants_version = true;
    }
    return true;
}

static const cli_param *find_global(const char *name) {
    const cli_param *param = NULL;
    for (size_t i = 0; (param = cli_global_at(i)) != NULL; i++) {
        if (strcmp(param->name, name) == 0) {
            return param;
        }
    }
    return NULL;
}

/* ---- Options and words of a verb ------------------------------------------------------------- */

static bool check(const reader *r, const cli_param *param, const char *text) {
    char *end = NULL;
    int64_t time_us = 0;
    uint64_t span_ms = 0;
    switch (param->kind) {
    case CLI_SPAN:
        if (!text_parse_span(text, &span_ms)) {
            (void)cli_misuse(r->app,
                             "%s takes a length of time (500ms, 10s, 30m, 2h, 7d), not \"%s\"",
                             param->name, text);
            return false;
        }
        return true;
    case CLI_SWITCH:
        if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0) {
            (void)cli_misuse(r->app, "%s takes on or off, not \"%s\"", param->name, text);
            return false;
        }
        return true;
    case CLI_INT:
        (void)strtoll(text, &end, 10);
        break;
    case CLI_UINT:
        (void)strtoull(text, &end, 10);
        end = isdigit((unsigned char)text[0]) ? end : NULL;
        break;
    case CLI_TIME:
    case CLI_AS_OF:
        if (!text_parse_time(text, 0, &time_us)) {
            (void)cli_misuse(
                r->app,
                "%s takes a date (2024-05-01, 2024-05-01T12:00Z), an age (30m, 2h, 7d) "
                "or %s, not \"%s\"",
                param->name, param->kind == CLI_AS_OF ? "a version" : "microseconds", text);
            return false;
        }
        return true;
    default:
        return true;
    }
    if (end == NULL || end == text || *end != 0) {
        (void)cli_misuse(r->app, "%s takes a number%s, not \"%s\"", param->name,
                         param->kind == CLI_UINT ? " of 0 or more" : "", text);
        return false;
    }
    return true;
}

static bool give(reader *r, const cli_param *param, const char *text) {
    if (!check(r, param, text)) {
        return false;
    }
    cli_args *const args = r->args;
    args->given = cli_resize(args->given, (args->count + 1) * sizeof(cli_arg));
    args->given[args->count++] = (cli_arg){param, text};
    return true;
}

static const cli_param *find_option(const cli_verb *verb, const char *name) {
    for (size_t i = 0; verb != NULL && i < verb->param_count; i++) {
        if (strcmp(verb->params[i].name, name) == 0) {
            return &verb->params[i];
        }
    }
    return NULL;
}

static bool refuse_option(const reader *r, const char *name) {
    const char *names[NAMES_MAX];
    size_t count = 0;
    const cli_param *param = NULL;
    for (size_t i = 0; (param = cli_global_at(i)) != NULL; i++) {
        names[count++] = param->name;
    }
    const cli_verb *const verb = r->args->verb;
    for (size_t i = 0; verb != NULL && i < verb->param_count && count < NAMES_MAX; i++) {
        if (verb->params[i].name[0] == '-') {
            names[count++] = verb->params[i].name;
        }
    }
    const char *const nearest = text_nearest(name, names, count);
    if (nearest != NULL) {
        (void)cli_misuse(r->app, "there is no option %s; did you mean %s?", name, nearest);
    } else {
        (void)cli_misuse(r->app, "there is no option %s (put -- before a value that begins so)",
                         name);
    }
    return false;
}

static bool read_option(reader *r) {
    const char *const word = r->argv[r->at];
    const char *const equals = strchr(word, '=');
    char name[64];
    const size_t len = equals == NULL ? strlen(word) : (size_t)(equals - word);
    if (len >= sizeof(name)) {
        return refuse_option(r, word);
    }
    memcpy(name, word, len);
    name[len] = 0;
    if (strcmp(name, "-h") == 0) {
        memcpy(name, "--help", 7);
    }

    const cli_param *const own = find_option(r->args->verb, name);
    const cli_param *const param = own != NULL ? own : find_global(name);
    if (param == NULL) {
        return refuse_option(r, name);
    }
    if (own == NULL && strcmp(name, "--run") == 0 && r->args->verb != NULL &&
        !r->args->verb->in_run) {
        return (cli_misuse(r->app, "%s does not take --run", r->args->verb->name), false);
    }
    const char *text = "";
    if (param->kind == CLI_FLAG) {
        if (equals != NULL) {
            return (cli_misuse(r->app, "%s takes no value", name), false);
        }
    } else if (equals != NULL) {
        text = equals + 1;
    } else if (r->at + 1 < r->argc) {
        text = r->argv[++r->at];
    } else {
        return (cli_misuse(r->app, "%s needs a value: %s %s", name, name, param->metavar), false);
    }
    return own != NULL ? give(r, own, text) : set_global(r, name, text);
}

static bool is_option(const reader *r, const char *word) {
    return !r->only_words && word[0] == '-' && word[1] != 0 && !isdigit((unsigned char)word[1]) &&
           word[1] != '.';
}

/* ---- Verbs ----------------------------------------------------------------------------------- */

static const cli_verb *find_verb(const char *first, const char *second) {
    const cli_verb *verb = NULL;
    for (size_t i = 0; (verb = cli_verb_at(i)) != NULL; i++) {
        const size_t len = strlen(first);
        if (strncmp(verb->name, first, len) != 0) {
            continue;
        }
        const char *const rest = verb->name + len;
        if (second == NULL ? rest[0] == 0 : rest[0] == ' ' && strcmp(rest + 1, second) == 0) {
            return verb;
        }
    }
    return NULL;
}

static bool begins_verbs(const char *word) {
    const cli_verb *verb = NULL;
    for (size_t i = 0; (verb = cli_verb_at(i)) != NULL; i++) {
        const size_t len = strlen(word);
        if (strncmp(verb->name, word, len) == 0 && verb->name[len] == ' ') {
            return true;
        }
    }
    return false;
}

static bool refuse_verb(const reader *r, const char *first, const char *second) {
    const char *names[NAMES_MAX];
    size_t count = 0;
    const cli_verb *verb = NULL;
    for (size_t i = 0; (verb = cli_verb_at(i)) != NULL && count < NAMES_MAX; i++) {
        names[count++] = verb->name;
    }
    cli_buffer given = {0};
    cli_put_format(&given, "%s%s%s", first, second == NULL ? "" : " ",
                   second == NULL ? "" : second);
    const char *const nearest = text_nearest(given.data, names, count);
    if (nearest != NULL) {
        (void)cli_misuse(r->app, "there is no command \"%s\"; did you mean \"%s\"?", given.data,
                         nearest);
    } else {
        (void)cli_misuse(r->app, "there is no command \"%s\"", given.data);
    }
    cli_buffer_free(&given);
    return false;
}

static bool read_verb(reader *r) {
    const char *const first = r->argv[r->at];
    const char *const second =
        r->at + 1 < r->argc && !is_option(r, r->argv[r->at + 1]) ? r->argv[r->at + 1] : NULL;
    const cli_verb *const long_one = second == NULL ? NULL : find_verb(first, second);
    if (long_one != NULL) {
        r->at++;
        r->args->verb = long_one;
        return true;
    }
    r->args->verb = find_verb(first, NULL);
    if (r->args->verb != NULL) {
        return true;
    }
    if (!begins_verbs(first)) {
        return refuse_verb(r, first, NULL);
    }
    if (second != NULL) {
        return refuse_verb(r, first, second);
    }
    r->args->group = first;
    return true;
}

static bool read_word(reader *r) {
    const cli_verb *const verb = r->args->verb;
    size_t place = 0;
    for (size_t i = 0; i < verb->param_count; i++) {
        const cli_param *const param = &verb->params[i];
        if (param->name[0] == '-') {
            continue;
        }
        if (place == r->words || param->kind == CLI_WORDS || param->kind == CLI_PATHS) {
            r->words++;
            return give(r, param, r->argv[r->at]);
        }
        place++;
    }
    (void)cli_misuse(r->app, "%s: \"%s\" is one word too many", verb->name, r->argv[r->at]);
    return false;
}

static bool all_there(const reader *r) {
    const cli_verb *const verb = r->args->verb;
    for (size_t i = 0; i < verb->param_count; i++) {
        const cli_param *const param = &verb->params[i];
        if (param->required && cli_arg_text(r->args, param->name) == NULL) {
            (void)cli_misuse(r->app, "%s needs %s: %s", verb->name, param->name, param->help);
            return false;
        }
    }
    return true;
}

bool cli_args_read(cli_app *app, int argc, char *const *argv, cli_args *args) {
    reader r = {.app = app, .args = args, .argc = argc, .argv = argv};
    for (r.at = 1; r.at < argc; r.at++) {
        const char *const word = argv[r.at];
        bool ok = true;
        if (!r.only_words && strcmp(word, "--") == 0) {
            r.only_words = true;
        } else if (is_option(&r, word)) {
            ok = read_option(&r);
        } else if (args->verb == NULL) {
            ok = read_verb(&r);
        } else {
            ok = read_word(&r);
        }
        if (!ok) {
            return false;
        }
    }
    if (app->run_name != NULL && args->verb != NULL && !args->verb->in_run) {
        (void)cli_misuse(app, "%s does not take --run", args->verb->name);
        return false;
    }
    return args->verb == NULL || args->wants_help || args->wants_version || all_there(&r);
}
