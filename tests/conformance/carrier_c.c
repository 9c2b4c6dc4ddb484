/* carrier_c.c - strata_exec for the conformance scripts, in this process: a line of JSON in, a line
 * of JSON out, the MessagePack inside as {"$bytes": ...} (carriers.py).
 *
 *   {"do": "open", "request": bytes of {path, durability?, codec?, ...}}
 *   {"do": "exec", "request": bytes}      {"do": "close", "request": any}
 *   -> {"response": bytes of [true, {...}] or [false, {code, message, retryable, details}]}
 *
 * Written with the public header only, so that it also shows what that is enough for. A line that
 * is not of this form is a defect of the driver and ends the program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack.h>

#include "strata/strata.h"

static strata_db *db;

static void die(const char *what) {
    (void)fprintf(stderr, "carrier_c: %s\n", what);
    exit(2);
}

static bool is(const msgpack_object_str *text, const char *word) {
    return text->size == strlen(word) && memcmp(text->ptr, word, text->size) == 0;
}

/* ---- Responses that the library does not make ------------------------------------------------ */

static void pack_word(msgpack_packer *to, const char *word) {
    (void)msgpack_pack_str_with_body(to, word, strlen(word));
}

static void respond(msgpack_sbuffer *out, const strata_error *error) {
    msgpack_packer to;
    msgpack_packer_init(&to, out, msgpack_sbuffer_write);
    (void)msgpack_pack_array(&to, 2);
    if (error == NULL) {
        (void)msgpack_pack_true(&to);
        (void)msgpack_pack_map(&to, 0);
        return;
    }
    (void)msgpack_pack_false(&to);
    (void)msgpack_pack_map(&to, 4);
    pack_word(&to, "code");
    pack_word(&to, strata_status_name(error->code));
    pack_word(&to, "message");
    pack_word(&to, error->message);
    pack_word(&to, "retryable");
    (void)(strata_status_retryable(error->code) ? msgpack_pack_true(&to) : msgpack_pack_false(&to));
    pack_word(&to, "details");
    (void)msgpack_pack_map(&to, error->field_count);
    for (size_t i = 0; i < error->field_count; i++) {
        pack_word(&to, error->fields[i].name);
        if (error->fields[i].is_text) {
            pack_word(&to, error->fields[i].text);
        } else {
            (void)msgpack_pack_int64(&to, error->fields[i].number);
        }
    }
}

/* ---- Requests -------------------------------------------------------------------------------- */

static void set_option(const msgpack_object_kv *pair, strata_options *options, char *path,
                       char *import) {
    const msgpack_object_str *name = &pair->key.via.str;
    const msgpack_object_str *word = &pair->val.via.str;
    if (is(name, "path")) {
        (void)snprintf(path, FILENAME_MAX, "%.*s", (int)word->size, word->ptr);
    } else if (is(name, "import")) {
        (void)snprintf(import, FILENAME_MAX, "%.*s", (int)word->size, word->ptr);
    } else if (is(name, "durability")) {
        options->durability = is(word, "strict")   ? STRATA_STRICT
                              : is(word, "memory") ? STRATA_MEMORY
                                                   : STRATA_BUFFERED;
    } else if (is(name, "codec")) {
        options->codec = is(word, "zstd") ? STRATA_CODEC_ZSTD : STRATA_CODEC_NONE;
    } else if (is(name, "snapshot")) {
        static char snapshot[256];
        (void)snprintf(snapshot, sizeof snapshot, "%.*s", (int)word->size, word->ptr);
        options->snapshot = snapshot;
    } else if (is(name, "value_bytes_max")) {
        options->value_bytes_max = (uint32_t)pair->val.via.u64;
    } else if (is(name, "wal_segment_bytes")) {
        options->wal_segment_bytes = pair->val.via.u64;
    } else {
        const uint32_t flag = is(name, "read_only")    ? STRATA_OPEN_READ_ONLY
                              : is(name, "must_exist") ? STRATA_OPEN_MUST_EXIST
                              : is(name, "lazy_index") ? STRATA_OPEN_LAZY_INDEX
                                                       : 0;
        if (flag == 0) {
            die("an option that it does not know");
        }
        options->flags |= pair->val.via.boolean ? flag : 0;
    }
}

static void run_open(const msgpack_object *request, msgpack_sbuffer *out) {
    static char path[FILENAME_MAX];
    char import[FILENAME_MAX] = "";
    static strata_error error;
    strata_options options = STRATA_OPTIONS_INIT;
    options.error = &error;
    error.code = STRATA_OK;
    for (uint32_t i = 0; i < request->via.map.size; i++) {
        set_option(&request->via.map.ptr[i], &options, path, import);
    }
    strata_status status = import[0] == '\0' ? STRATA_OK : strata_import(import, path, &options, 0);
    if (status == STRATA_OK) {
        status = strata_open(path, &options, &db);
    }
    if (status != error.code) {
        die("the error of a failed open has another code than its status");
    }
    respond(out, status == STRATA_OK ? NULL : &error);
}

static void run_close(msgpack_sbuffer *out) {
    strata_error error = {.code = strata_close(db)};
    db = NULL;
    (void)snprintf(error.message, sizeof error.message, "the last sync failed");
    respond(out, error.code == STRATA_OK ? NULL : &error);
}

static void run_exec(strata_slice request, msgpack_sbuffer *out) {
    static strata_buffer response;
    const strata_status status = strata_exec(db, request, &response);
    if ((status == STRATA_OK) != (response.len > 1 && response.data[1] == 0xc3)) {
        die("the status and the response disagree");
    }
    if (strata_last_error(db)->code != status) {
        die("the status and strata_last_error disagree");
    }
    (void)msgpack_sbuffer_write(out, (const char *)response.data, response.len);
}

static void run(const msgpack_object_str *what, const msgpack_object_bin *request,
                msgpack_sbuffer *out) {
    if (is(what, "exec")) {
        /* In memory of exactly its size, so that the sanitizer sees a read beyond it. */
        char *exact = malloc(request->size == 0 ? 1 : request->size);
        memcpy(exact, request->ptr, request->size);
        run_exec((strata_slice){exact, request->size}, out);
        free(exact);
    } else if (is(what, "open")) {
        msgpack_unpacked unpacked;
        msgpack_unpacked_init(&unpacked);
        if (msgpack_unpack_next(&unpacked, request->ptr, request->size, NULL) !=
            MSGPACK_UNPACK_SUCCESS) {
            die("an open request that is none");
        }
        run_open(&unpacked.data, out);
        msgpack_unpacked_destroy(&unpacked);
    } else {
        run_close(out);
    }
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static void print_response(const msgpack_sbuffer *response) {
    msgpack_sbuffer message;
    msgpack_packer to;
    strata_buffer text = {0};
    msgpack_sbuffer_init(&message);
    msgpack_packer_init(&to, &message, msgpack_sbuffer_write);
    (void)msgpack_pack_map(&to, 1);
    pack_word(&to, "response");
    (void)msgpack_pack_bin_with_body(&to, response->data, response->size);
    if (strata_msgpack_to_json((strata_slice){message.data, message.size}, false, &text, NULL) !=
        STRATA_OK) {
        die("a response that JSON cannot hold");
    }
    (void)fwrite(text.data, 1, text.len, stdout);
    (void)putchar('\n');
    (void)fflush(stdout);
    strata_buffer_free(&text);
    msgpack_sbuffer_destroy(&message);
}

static void run_line(strata_slice line) {
    strata_error error;
    strata_buffer message = {0};
    msgpack_unpacked unpacked;
    msgpack_sbuffer response;
    if (strata_json_to_msgpack(line, &message, &error) != STRATA_OK) {
        die(error.message);
    }
    msgpack_unpacked_init(&unpacked);
    msgpack_sbuffer_init(&response);
    if (msgpack_unpack_next(&unpacked, (const char *)message.data, message.len, NULL) !=
        MSGPACK_UNPACK_SUCCESS) {
        die("a line that is not a message");
    }
    const msgpack_object_map *map = &unpacked.data.via.map;
    if (map->size != 2 || !is(&map->ptr[0].key.via.str, "do") ||
        !is(&map->ptr[1].key.via.str, "request")) {
        die("a line of another form");
    }
    run(&map->ptr[0].val.via.str, &map->ptr[1].val.via.bin, &response);
    print_response(&response);
    msgpack_sbuffer_destroy(&response);
    msgpack_unpacked_destroy(&unpacked);
    strata_buffer_free(&message);
}

int main(void) {
    char *line = NULL;
    size_t size = 0;
    for (;;) {
        const ssize_t len = getline(&line, &size, stdin);
        if (len <= 0) {
            break;
        }
        run_line((strata_slice){line, (size_t)len});
    }
    free(line);
    return 0;
}
