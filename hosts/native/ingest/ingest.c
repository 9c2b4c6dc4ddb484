/* ingest.c - `strata ingest`: files, folders and streams become memories.
 *
 * A run can be stopped at any moment, by Ctrl-C or by the power cord, and is simply run again:
 * every item has a key that follows from where it comes from, and an item whose key is there with
 * the same text is left alone. So there is no file that says how far a run came, and none that
 * could be wrong.
 *
 * Invariants
 * 1. The input is streamed: one line, stanza or piece is in memory at a time.
 * 2. One bad item never stops the rest: it is counted, told at the end, and the exit code stays 0.
 *    What does stop everything is an error that the next item would meet too (a full disk, a closed
 *    run).
 * 3. The index is not built while ingesting: this process recalls nothing, and the next one builds
 *    it from the store in any case.
 *
 * A file is looked at before it is read: what ends like an archive, has a NUL in it or is not UTF-8
 * is skipped whole, never cut in the middle. (A stream cannot be looked at; there the rest is
 * skipped.)
 */
#include "ingest.h"
#include "../cli/platform.h"
#include "../cli/progress.h"
#include "../cli/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PROBLEMS_KEPT_MAX = 10000,
    PROBLEMS_SHOWN = 10,
    LOOK_BYTES = 64 << 10,
};

bool ingest_is_over(const ingest *in) {
    return in->stopped || platform_interrupted() ||
           (in->limit > 0 && in->remembered + in->unchanged >= in->limit);
}

/* ---- What is left out ------------------------------------------------------------------------ */

static char *take_text(cli_buffer *buffer) {
    cli_put_text(buffer, "");
    return buffer->data;
}

void ingest_skip(ingest *in, const char *where, uint64_t line, const char *why, ...) {
    in->skipped++;
    if (in->problem_count == PROBLEMS_KEPT_MAX) {
        return;
    }
    cli_buffer place = {0};
    cli_buffer reason = {0};
    char text[600];
    va_list args;
    va_start(args, why);
    (void)vsnprintf(text, sizeof(text), why, args);
    va_end(args);
    text_put_safe(&place, strata_text(where), TEXT_ONE_LINE);
    if (line > 0) {
        cli_put_format(&place, ":%llu", (unsigned long long)line);
    }
    text_put_safe(&reason, strata_text(text), TEXT_ONE_LINE);
    const size_t n = in->problem_count;
    if ((n & (n - 1)) == 0) {
        in->problems = cli_resize(in->problems, (n == 0 ? 1 : 2 * n) * sizeof(ingest_problem));
    }
    in->problems[in->problem_count++] = (ingest_problem){take_text(&place), take_text(&reason)};
}

/* ---- One item -------------------------------------------------------------------------------- */

static bool is_there(ingest *in, strata_slice key, strata_slice text) {
    strata_memory_entry entry;
    return strata_memory_get(in->app->db, in->run, key, &entry) == STRATA_OK &&
           entry.text.len == text.len &&
           (text.len == 0 || memcmp(entry.text.data, text.data, text.len) == 0);
}

/* Whether only this item is at fault. */
static bool concerns_item(const strata_error *error) {
    if (error->code == STRATA_INVALID_KEY || error->code == STRATA_INVALID_ARGUMENT) {
        return true;
    }
    for (size_t i = 0; i < error->field_count; i++) {
        if (error->fields[i].is_text && strcmp(error->fields[i].text, "run_closed") == 0) {
            return false;
        }
    }
    return error->code == STRATA_CONSTRAINT;
}

static void show_progress(const ingest *in) {
    progress_show_items(in->app->progress, "ingest", in->remembered + in->unchanged,
                        in->bytes + in->bytes_left_out, in->bytes_total);
}

void ingest_item(ingest *in, strata_slice key, strata_slice text, strata_slice metadata,
                 const char *where, uint64_t line) {
    strata_memory memory = STRATA_MEMORY_INIT;
    if (((in->remembered + in->unchanged) & 63) == 0) {
        show_progress(in);
    }
    if (is_there(in, key, text)) {
        in->unchanged++;
        return;
    }
    memory.key = key;
    memory.text = text;
    memory.metadata = metadata.len > 0 ? strata_object(metadata) : strata_null();
    if (strata_memory_remember(in->app->db, in->run, &memory, NULL, NULL) == STRATA_OK) {
        in->remembered++;
        return;
    }
    const strata_error *const error = strata_last_error(in->app->db);
    if (concerns_item(error)) {
        ingest_skip(in, where, line, "%s", error->message);
        return;
    }
    progress_hide(in->app->progress);
    in->stopped = true;
    in->code = cli_fail(in->app, error);
}

/* ---- One input ------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *const *endings, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const size_t len = strlen(endings[i]);
        const size_t name_len = strlen(name);
        if (name_len > len && strcmp(name + name_len - len, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

static ingest_kind kind_of(const ingest *in, const char *name, strata_slice first) {
    static const char *const markdown[] = {".md", ".markdown"};
    static const char *const jsonl[] = {".jsonl", ".ndjson"};
    static const char package[] = "Package:";
    if (in->kind != INGEST_AUTO) {
        return in->kind;
    }
    if (ends_with(name, markdown, CLI_COUNT(markdown))) {
        return INGEST_MARKDOWN;
    }
    if (ends_with(name, jsonl, CLI_COUNT(jsonl))) {
        return INGEST_JSONL;
    }
    if (first.len >= sizeof(package) && memcmp(first.data, package, sizeof(package) - 1) == 0) {
        return INGEST_DEB822;
    }
    return INGEST_TEXT;
}

static void take_input(ingest *in, reader *r, const char *name, const char *where) {
    switch (kind_of(in, name, reader_peek(r))) {
    case INGEST_JSONL:
        ingest_jsonl(in, r, name, where);
        break;
    case INGEST_DEB822:
        ingest_deb822(in, r, where);
        break;
    case INGEST_MARKDOWN:
        ingest_text(in, r, name, where, true);
        break;
    default:
        ingest_text(in, r, name, where, false);
        break;
    }
    if (r->error != 0) {
        ingest_skip(in, where, 0, "%s after %llu bytes", strerror(r->error),
                    (unsigned long long)r->offset);
    }
}

/* Why a file is no text, or NULL. */
static const char *look(const char *path) {
    static const char binary[] = "binary";
    const int fd = open(path, O_RDONLY | O_NONBLOCK);
    if (fd < 0) {
        return strerror(errno);
    }
    cli_buffer data = {0};
    char *const place = cli_buffer_reserve(&data, LOOK_BYTES);
    utf8_check check = {0};
    const char *wrong = NULL;
    ssize_t n = 0;
    while (wrong == NULL && (n = read(fd, place, LOOK_BYTES)) > 0) {
        if (memchr(place, 0, (size_t)n) != NULL) {
            wrong = binary;
        } else if (!utf8_feed(&check, (strata_slice){place, (size_t)n})) {
            wrong = "not UTF-8";
        }
    }
    if (wrong == NULL && n < 0) {
        wrong = strerror(errno);
    }
    if (wrong == NULL && check.more != 0) {
        wrong = "not UTF-8";
    }
    (void)close(fd);
    cli_buffer_free(&data);
    return wrong;
}

static bool take_file(void *arg, const char *path, const char *name, uint64_t bytes) {
    static const char *const archives[] = {".gz",  ".xz", ".bz2", ".zst", ".lz4",
                                           ".zip", ".7z", ".tgz", ".Z"};
    ingest *const in = arg;
    show_progress(in);
    if (ends_with(path, archives, CLI_COUNT(archives))) {
        in->compressed++;
        in->bytes_left_out += bytes;
        return true;
    }
    if (!utf8_is_valid(strata_text(name))) {
        ingest_skip(in, path, 0, "its name is not UTF-8");
        in->bytes_left_out += bytes;
        return true;
    }
    const bool by_item = in->kind == INGEST_JSONL || in->kind == INGEST_DEB822;
    const char *wrong = by_item ? NULL : look(path);
    reader r;
    if (wrong == NULL) {
        const int error = reader_open(&r, path);
        wrong = error == 0 ? NULL : strerror(error);
    }
    if (wrong != NULL) {
        ingest_skip(in, path, 0, "%s", wrong);
        in->bytes_left_out += bytes;
        return true;
    }
    take_input(in, &r, name, path);
    reader_close(&r);
    return !ingest_is_over(in);
}

static void failed_below(void *arg, const char *path, int error) {
    ingest_skip(arg, path, 0, "%s", strerror(error));
}

static bool add_bytes(void *arg, const char *path, const char *name, uint64_t bytes) {
    (void)path;
    (void)name;
    ((ingest *)arg)->bytes_total += bytes;
    return !platform_interrupted();
}

static void ignore_failure(void *arg, const char *path, int error) {
    (void)arg;
    (void)path;
    (void)error;
}

/* What there is to read, for the time left; only where somebody looks. */
static void measure(ingest *in, const cli_args *args) {
    const walk_visitor visitor = {in, add_bytes, ignore_failure};
    for (size_t i = 0; i < args->count && in->app->progress->enabled; i++) {
        const char *const path = args->given[i].text;
        struct stat info;
        if (args->given[i].param->kind != CLI_PATHS) {
            continue;
        }
        if (strcmp(path, "-") != 0) {
            (void)walk(path, in->app->db_path, &visitor);
        } else if (fstat(STDIN_FILENO, &info) == 0 && S_ISREG(info.st_mode)) {
            in->bytes_total += (uint64_t)info.st_size;
        } else {
            in->bytes_total = 0; /* a pipe does not say how long it is */
            return;
        }
    }
}

static strata_status status_of(int error) {
    return error == ENOENT                     ? STRATA_NOT_FOUND
           : error == EACCES || error == EPERM ? STRATA_FORBIDDEN
                                               : STRATA_IO;
}

static void take_path(ingest *in, const char *path) {
    if (strcmp(path, "-") == 0) {
        reader r;
        (void)reader_open(&r, NULL);
        take_input(in, &r, in->stdin_name, "standard input");
        reader_close(&r);
        return;
    }
    const walk_visitor visitor = {in, take_file, failed_below};
    const int error = walk(path, in->app->db_path, &visitor);
    if (error != 0) {
        cli_buffer message = {0};
        cli_put_format(&message, "%s: %s", path, strerror(error));
        progress_hide(in->app->progress);
        const int code = cli_fail_status(in->app, status_of(error), message.data);
        in->code = in->code == CLI_OK ? code : in->code;
        cli_buffer_free(&message);
    }
}

/* ---- The summary ----------------------------------------------------------------------------- */

static void tell_problems(const ingest *in) {
    const size_t shown =
        in->verbose || in->problem_count <= PROBLEMS_SHOWN ? in->problem_count : PROBLEMS_SHOWN;
    (void)fflush(stdout);
    for (size_t i = 0; i < shown; i++) {
        (void)fprintf(stderr, "skipped: %s: %s\n", in->problems[i].where, in->problems[i].why);
    }
    if (in->skipped > shown) {
        (void)fprintf(stderr, "skipped: %llu more (--verbose lists them)\n",
                      (unsigned long long)(in->skipped - shown));
    }
    if (platform_interrupted()) {
        (void)fprintf(stderr, "interrupted: run the same command again to go on\n");
    }
}

static void tell_people(const ingest *in, double seconds, uint64_t per_second) {
    char remembered[28];
    char unchanged[28];
    char skipped[28];
    char compressed[28];
    char rate[28];
    (void)printf("%s remembered, %s unchanged, %s skipped, ",
                 text_grouped(in->remembered, remembered), text_grouped(in->unchanged, unchanged),
                 text_grouped(in->skipped, skipped));
    if (in->compressed > 0) {
        (void)printf("%s compressed files left out, ", text_grouped(in->compressed, compressed));
    }
    (void)printf("%.1f MB in %.2f s (%s/s)\n", (double)in->bytes / 1e6, seconds,
                 text_grouped(per_second, rate));
}

static void tell_programs(const ingest *in, double seconds, uint64_t per_second) {
    const struct {
        const char *name;
        uint64_t number;
    } numbers[] = {{"remembered", in->remembered}, {"unchanged", in->unchanged},
                   {"skipped", in->skipped},       {"compressed", in->compressed},
                   {"bytes", in->bytes},           {"elapsed_us", (uint64_t)(seconds * 1e6)},
                   {"per_second", per_second}};
    cli_buffer out = {0};
    pack_put_object(&out, (uint32_t)CLI_COUNT(numbers) + 2);
    for (size_t i = 0; i < CLI_COUNT(numbers); i++) {
        pack_put_text(&out, numbers[i].name);
        pack_put_uint(&out, numbers[i].number);
    }
    pack_put_text(&out, "interrupted");
    pack_put_bool(&out, platform_interrupted());
    pack_put_text(&out, "problems");
    pack_put_array(&out, (uint32_t)in->problem_count);
    for (size_t i = 0; i < in->problem_count; i++) {
        pack_put_object(&out, 2);
        pack_put_text(&out, "where");
        pack_put_text(&out, in->problems[i].where);
        pack_put_text(&out, "why");
        pack_put_text(&out, in->problems[i].why);
    }
    cli_show_json(in->app, cli_slice(&out), in->app->format == CLI_JSON, stdout);
    cli_buffer_free(&out);
}

static void tell(const ingest *in, uint64_t elapsed_ns) {
    const double seconds = (double)elapsed_ns / 1e9;
    const uint64_t items = in->remembered + in->unchanged;
    const uint64_t per_second = seconds > 0 ? (uint64_t)((double)items / seconds) : 0;
    if (cli_for_people(in->app)) {
        tell_people(in, seconds, per_second);
    } else {
        tell_programs(in, seconds, per_second);
    }
    tell_problems(in);
}

/* ---- The command ----------------------------------------------------------------------------- */

static int settle(ingest *in, const cli_args *args) {
    static const char *const kinds[] = {"auto", "text", "markdown", "jsonl", "deb822"};
    const char *const kind = cli_arg_text(args, "--as");
    const char *const field = cli_arg_text(args, "--text-field");
    const char *const name = cli_arg_text(args, "--name");
    in->text_field = field == NULL ? "text" : field;
    in->stdin_name = name == NULL ? "stdin" : name;
    in->limit = cli_arg_uint(args, "--limit", 0);
    in->verbose = cli_arg_text(args, "--verbose") != NULL;
    if (kind == NULL) {
        return CLI_OK;
    }
    for (size_t i = 0; i < CLI_COUNT(kinds); i++) {
        if (strcmp(kind, kinds[i]) == 0) {
            in->kind = (ingest_kind)i;
            return CLI_OK;
        }
    }
    const char *const nearest = text_nearest(kind, kinds, CLI_COUNT(kinds));
    return cli_misuse(in->app, "--as takes auto, text, markdown, jsonl or deb822, not \"%s\"%s%s%s",
                      kind, nearest == NULL ? "" : "; did you mean ",
                      nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
}

static int find_run(ingest *in) {
    const char *const name = in->app->run_name;
    in->run = STRATA_RUN_DEFAULT;
    if (name != NULL && strata_run_find(in->app->db, strata_text(name), &in->run) != STRATA_OK) {
        return cli_fail(in->app, strata_last_error(in->app->db));
    }
    return CLI_OK;
}

static void take_all(ingest *in, const cli_args *args) {
    const strata_clock *const clock = &in->app->host.clock;
    const uint64_t begun_ns = clock->monotonic_ns(clock->ctx);
    measure(in, args);
    for (size_t i = 0; i < args->count && !ingest_is_over(in); i++) {
        if (args->given[i].param->kind == CLI_PATHS) {
            take_path(in, args->given[i].text);
        }
    }
    /* The time told includes reaching the disk. */
    if (!in->stopped && strata_sync(in->app->db) != STRATA_OK) {
        in->code = cli_fail(in->app, strata_last_error(in->app->db));
    }
    progress_hide(in->app->progress);
    tell(in, clock->monotonic_ns(clock->ctx) - begun_ns);
}

int cli_run_ingest(cli_app *app, const cli_args *args) {
    ingest in = {.app = app, .run = STRATA_RUN_DEFAULT};
    int code = settle(&in, args);
    code = code == CLI_OK ? cli_open(app, args->verb) : code;
    code = code == CLI_OK ? find_run(&in) : code;
    if (code == CLI_OK) {
        take_all(&in, args);
        code = in.code == CLI_OK && platform_interrupted() ? CLI_INTERRUPTED : in.code;
    }
    for (size_t i = 0; i < in.problem_count; i++) {
        free(in.problems[i].where);
        free(in.problems[i].why);
    }
    free(in.problems);
    return cli_close(app, code);
}
