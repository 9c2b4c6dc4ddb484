/* report.c - errors, told.
 *
 * A person gets a sentence, the details that the sentence lacks, and what to do next; a program
 * (--format json or jsonl) gets {code, message, retryable, details} as one line on standard error.
 * The exit code comes from errors.def in either case, so that a script need not read either.
 *
 * What to do next is chosen by the code, and where the code is wide (constraint) by its reason.
 */
#include "cli.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int cli_exit_code(strata_status status) {
    switch (status) {
    case STRATA_OK:
        return CLI_OK;
#define STRATA_ERROR(NAME, name, code, exit, retryable, meaning)                                   \
    case STRATA_##NAME:                                                                            \
        return (exit);
#include "strata/errors.def"
#undef STRATA_ERROR
    }
    return CLI_DAMAGED;
}

static strata_status status_of(strata_slice name) {
#define STRATA_ERROR(NAME, word, code, exit, retryable, meaning)                                   \
    if (cli_slice_is(name, #word)) {                                                               \
        return STRATA_##NAME;                                                                      \
    }
#include "strata/errors.def"
#undef STRATA_ERROR
    return STRATA_INTERNAL;
}

bool cli_wants_json(const cli_app *app) {
    return app->has_format && (app->format == CLI_JSON || app->format == CLI_JSONL);
}

/* ---- What to do next ------------------------------------------------------------------------- */

static const char *next_for_constraint(const pack_item *details) {
    pack_item reason;
    static const struct {
        const char *reason;
        const char *next;
    } steps[] = {
        {"run_closed",
         "`run get NAME` shows its state; a paused one goes on with `run resume NAME`"},
        {"value_too_large", "store a smaller value, or cut it into several keys"},
        {"nesting_too_deep", "store a flatter value"},
        {"query_too_long", "ask with fewer words"},
        {"transition", "`run get NAME` shows the state it is in"},
        {"default_run",
         "the run `default` is always active; use a run of your own: `run create NAME`"},
    };
    if (!pack_field(details, "reason", &reason) || reason.type != STRATA_STRING) {
        return NULL;
    }
    for (size_t i = 0; i < CLI_COUNT(steps); i++) {
        if (cli_slice_is(reason.as.bytes, steps[i].reason)) {
            return steps[i].next;
        }
    }
    return NULL;
}

static const char *next_step(const cli_app *app, strata_status status, const pack_item *details) {
    switch (status) {
    case STRATA_NOT_FOUND:
        return app->db == NULL ? "a command that writes makes a database (`strata put a 1`); "
                                 "--db PATH or STRATA_DB name another one"
                               : NULL;
    case STRATA_CONSTRAINT:
        return next_for_constraint(details);
    case STRATA_BUSY:
        return "wait for it to end; reading (get, list, recall, ...) works meanwhile";
    case STRATA_CORRUPT:
        return "`strata verify` lists the damage; copy the folder before anything else";
    case STRATA_IO:
        return "see the system's log for the disk; what was acknowledged before is safe";
    case STRATA_NO_SPACE:
        return "free some space and run it again; nothing is harmed";
    case STRATA_FORBIDDEN:
        return app->read_only ? "leave out --read-only"
                              : "check the permissions of the folder; reading may still work";
    case STRATA_INVALID_KEY:
        return "a key is 1-1024 bytes of UTF-8 without NUL, not beginning with _strata/";
    case STRATA_WRONG_TYPE:
        return "`strata get KEY` shows what is there";
    case STRATA_CONFLICT:
        return "read it again, then retry";
    case STRATA_ALREADY_EXISTS:
        return "choose another name";
    case STRATA_INTERNAL:
        return "please report it with the command that you ran";
    default:
        return NULL;
    }
}

/* ---- Telling --------------------------------------------------------------------------------- */

static void put_details(cli_buffer *out, const pack_item *details) {
    strata_slice rest = details->inside;
    for (uint32_t i = 0; details->type == STRATA_OBJECT && i < details->as.count; i++) {
        pack_item name;
        pack_item value;
        if (!pack_next(&rest, &name) || !pack_next(&rest, &value) || name.type != STRATA_STRING) {
            return;
        }
        cli_put_text(out, i == 0 ? "  " : ", ");
        text_put_safe(out, name.as.bytes, TEXT_ONE_LINE);
        cli_put_text(out, ": ");
        cli_put_value(out, "", &value);
    }
}

static void tell(const char *message, const char *details, const char *next) {
    (void)fflush(stdout);
    (void)fprintf(stderr, "error: %s\n", message);
    if (details != NULL && details[0] != 0) {
        (void)fprintf(stderr, "%s\n", details);
    }
    if (next != NULL) {
        (void)fprintf(stderr, "  next: %s\n", next);
    }
}

int cli_fail_item(const cli_app *app, const pack_item *error) {
    pack_item code = {0};
    pack_item message = {0};
    pack_item details = {0};
    const bool ok = pack_field(error, "code", &code) && code.type == STRATA_STRING &&
                    pack_field(error, "message", &message) && message.type == STRATA_STRING;
    const strata_status status = ok ? status_of(code.as.bytes) : STRATA_INTERNAL;
    (void)pack_field(error, "details", &details);
    if (cli_wants_json(app)) {
        (void)fflush(stdout);
        cli_show_json(app, error->raw, false, stderr);
        return cli_exit_code(status);
    }
    cli_buffer text = {0};
    cli_buffer more = {0};
    if (ok) {
        text_put_safe(&text, message.as.bytes, TEXT_ONE_LINE);
        cli_put_text(&text, " (");
        text_put_safe(&text, code.as.bytes, TEXT_ONE_LINE);
        cli_put_text(&text, ")");
    } else {
        cli_put_text(&text, "the library gave an answer that is none");
    }
    put_details(&more, &details);
    tell(text.data, more.data, next_step(app, status, &details));
    cli_buffer_free(&text);
    cli_buffer_free(&more);
    return cli_exit_code(status);
}

/* Text of which some bytes may be no UTF-8 (a path, an argument), as a string that is. */
static void pack_safe(cli_buffer *out, const char *text) {
    cli_buffer safe = {0};
    text_put_safe(&safe, strata_text(text), TEXT_ONE_LINE);
    pack_put_string(out, cli_slice(&safe));
    cli_buffer_free(&safe);
}

void cli_pack_error(cli_buffer *out, const strata_error *error) {
    pack_put_object(out, 4);
    pack_put_text(out, "code");
    pack_put_text(out, strata_status_name(error->code));
    pack_put_text(out, "message");
    pack_safe(out, error->message[0] != 0 ? error->message : strata_status_name(error->code));
    pack_put_text(out, "retryable");
    pack_put_bool(out, strata_status_retryable(error->code));
    pack_put_text(out, "details");
    pack_put_object(out, (uint32_t)error->field_count);
    for (size_t i = 0; i < error->field_count; i++) {
        pack_put_text(out, error->fields[i].name);
        if (error->fields[i].is_text) {
            pack_safe(out, error->fields[i].text);
        } else {
            pack_put_int(out, error->fields[i].number);
        }
    }
}

int cli_fail(const cli_app *app, const strata_error *error) {
    cli_buffer packed = {0};
    cli_pack_error(&packed, error);
    strata_slice rest = cli_slice(&packed);
    pack_item item = {0};
    (void)pack_next(&rest, &item);
    const int code = cli_fail_item(app, &item);
    cli_buffer_free(&packed);
    return code;
}

int cli_fail_status(const cli_app *app, strata_status status, const char *message) {
    strata_error error = {.code = status};
    (void)snprintf(error.message, sizeof(error.message), "%s", message);
    return cli_fail(app, &error);
}

int cli_misuse(const cli_app *app, const char *format, ...) {
    strata_error error = {.code = STRATA_INVALID_ARGUMENT};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(error.message, sizeof(error.message), format, args);
    va_end(args);
    if (cli_wants_json(app)) {
        (void)cli_fail(app, &error);
        return CLI_USAGE;
    }
    cli_buffer text = {0};
    text_put_safe(&text, strata_text(error.message), TEXT_ONE_LINE);
    tell(text.data, NULL, "`strata help` lists the commands, `strata help COMMAND` explains one");
    cli_buffer_free(&text);
    return CLI_USAGE;
}
