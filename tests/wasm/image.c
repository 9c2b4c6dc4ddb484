/* image.c - runs requests natively with a clock and random bytes that are counters, and leaves the
 * files in a folder; modules.mjs does the same in strata.wasm and compares the files byte for byte.
 *
 * Usage: image FOLDER CODEC <REQUESTS
 * REQUESTS: JSON, one [name, {arguments}] in a line. Prints each response as JSON, one in a line.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/host.h"
#include "strata/strata.h"

static int64_t ticks;
static uint64_t seed = 1;

static int64_t wall_us(void *ctx) {
    (void)ctx;
    return 1700000000000000 + 1000 * ticks++;
}

static uint64_t monotonic_ns(void *ctx) {
    (void)ctx;
    return 1000 * (uint64_t)ticks++;
}

/* splitmix64, a byte of each number: the same as in harness.mjs. */
static strata_status fill(void *ctx, void *data, size_t len) {
    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        ((uint8_t *)data)[i] = (uint8_t)(z ^ z >> 31);
    }
    return STRATA_OK;
}

static void check(strata_status status, const char *what, const strata_error *error) {
    if (status != STRATA_OK) {
        fprintf(stderr, "image: %s: %s: %s\n", what, strata_status_name(status), error->message);
        exit(1);
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: image FOLDER none|zstd <REQUESTS\n");
        return 2;
    }
    strata_host host = *strata_host_default();
    const strata_executor no_threads = {0};
    host.clock = (strata_clock){NULL, wall_us, monotonic_ns, NULL};
    host.entropy = (strata_entropy){NULL, fill};
    host.executor = no_threads;

    strata_error error = {.code = STRATA_OK};
    strata_options options = STRATA_OPTIONS_INIT;
    options.codec = strcmp(argv[2], "zstd") == 0 ? STRATA_CODEC_ZSTD : STRATA_CODEC_NONE;
    options.wal_segment_bytes = 1 << 20; /* small, so that there are several */
    options.host = &host;
    options.error = &error;
    strata_db *db = NULL;
    check(strata_open(argv[1], &options, &db), argv[1], &error);

    strata_buffer request = {.host = &host};
    strata_buffer response = {.host = &host};
    strata_buffer text = {.host = &host};
    char *line = NULL;
    size_t line_size = 0;
    while (getline(&line, &line_size, stdin) > 0) {
        request.len = response.len = text.len = 0;
        check(strata_json_to_msgpack(strata_text(line), &request, &error), line, &error);
        const strata_slice bytes = {request.data, request.len};
        (void)strata_exec(db, bytes, &response); /* its error is in the response */
        const strata_slice answer = {response.data, response.len};
        check(strata_msgpack_to_json(answer, false, &text, &error), "response", &error);
        printf("%.*s\n", (int)text.len, (const char *)text.data);
    }
    free(line);
    strata_buffer_free(&request);
    strata_buffer_free(&response);
    strata_buffer_free(&text);
    check(strata_close(db), "close", &error);
    return 0;
}
