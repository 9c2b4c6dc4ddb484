/* answers.c - operations on a database of this machine, for tests that compare hosts: a line of JSON in, [name,
 * {arguments}], or the word "reopen"; a line of JSON out, [true, {result}] or [false, {error}].
 *
 *     answers FOLDER
 *
 * On a host without threads, as a browser tab is one: where two threads link the nodes of a graph, which of them comes
 * first is the scheduler's, and so are the links. With one thread the same commits and merges give the same graph.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/host.h"
#include "strata/strata.h"

static void must(strata_status status, const char *what, const char *message) {
    if (status != STRATA_OK) {
        (void)fprintf(stderr, "answers: %s: %s %s\n", what, strata_status_name(status), message);
        exit(2);
    }
}

static strata_db *open_database(const char *folder, const strata_host *host) {
    strata_options options = STRATA_OPTIONS_INIT;
    strata_error error;
    strata_db *db;
    options.host = host;
    options.error = &error;
    must(strata_open(folder, &options, &db), folder, error.message);
    return db;
}

static void answer(strata_db *db, strata_slice line) {
    static strata_buffer request;
    static strata_buffer response;
    static strata_buffer text;
    strata_error error = {.code = STRATA_OK};
    must(strata_json_to_msgpack(line, &request, &error), "a line", error.message);
    const strata_slice asked = {request.data, request.len};
    if (strata_exec(db, asked, &response) == STRATA_NO_MEMORY) {
        must(STRATA_NO_MEMORY, "a line", "");
    }
    const strata_slice answered = {response.data, response.len};
    must(strata_msgpack_to_json(answered, false, &text, &error), "an answer", error.message);
    (void)printf("%.*s\n", (int)text.len, (const char *)text.data);
}

int main(int argc, char **argv) {
    strata_host host = *strata_host_default();
    const strata_executor none = {NULL, NULL, NULL, NULL, NULL, NULL};
    char *line = NULL;
    size_t room = 0;
    host.executor = none;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: answers FOLDER\n");
        return 2;
    }
    strata_db *db = open_database(argv[1], &host);
    for (ssize_t len; (len = getline(&line, &room, stdin)) > 0;) {
        const strata_slice asked = {line, (size_t)(len - (line[len - 1] == '\n'))};
        if (asked.len == strlen("\"reopen\"") && memcmp(line, "\"reopen\"", asked.len) == 0) {
            must(strata_close(db), "close", "");
            db = open_database(argv[1], &host);
            (void)printf("[true, {}]\n");
        } else {
            answer(db, asked);
        }
    }
    free(line);
    must(strata_close(db), "close", "");
    return 0;
}
