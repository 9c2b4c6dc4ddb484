/* abi.c - what the WebAssembly modules export: the operations of Strata, for any language.
 *
 * docs/wasm.md is the reference. Requests and responses are MessagePack in the linear memory of
 * the module; sizes are 32 bits; statuses are those of errors.def, 0 for success.
 *
 * 1. A handle is a place in a table that never moves down: a closed handle is refused for as long
 *    as nobody opened another database, and never reaches freed memory.
 * 2. After open, exec and close there is a response, whatever happened. It stays where it is until
 *    the next of these calls, so the caller may read it in place, or copy it and forget it.
 * 3. A request is read during the call only; the caller may reuse its memory at once.
 * 4. Errors that the core could not tell (no such handle, no memory for the response) are written
 *    into a frame that is always there.
 *
 * Rejected: handing the caller a buffer per response to free. Every host then needs one more call
 * for every operation, and a crash of the host between the two leaks. One module is one thread, so
 * one response is enough.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "strata/host.h"
#include "strata/strata.h"

#define EXPORT(name) __attribute__((export_name(#name)))

enum {
    ABI_VERSION = 1,
    /* Databases open at once: more than a page or an agent needs; catches one that never closes. */
    HANDLES_MAX = 64,
    /* The longest path of a database. */
    PATH_BYTES_MAX = 4096,
    NAME_BYTES_MAX = 255,
    /* Of tables and what is not yet in one: a page shares the memory of a phone. */
    MEMORY_BYTES_DEFAULT = 64 << 20,
    /* A response larger than this gives its memory back at the next call. */
    RESPONSE_KEPT_BYTES = 1 << 20,
};

static strata_db *handles[HANDLES_MAX];

/* The response of the last open, exec or close. */
static strata_buffer exec_response;
static uint8_t error_response[FRAME_ERROR_MAX];
static strata_slice response = {frame_ok, sizeof(frame_ok)};

/* ---- Responses ------------------------------------------------------------------------------- */

static void respond_ok(void) {
    response.data = frame_ok;
    response.len = sizeof(frame_ok);
}

static strata_status respond_error(const strata_error *error) {
    response.data = error_response;
    response.len = frame_write_error(error, error_response);
    return error->code;
}

/* An error without fields whose message is the parts one after the other, cut to fit. */
static strata_error make_error(strata_status code, strata_slice first, const char *rest) {
    strata_error error = {.code = code};
    const strata_slice parts[] = {first, strata_text(rest)};
    size_t used = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const size_t room = sizeof(error.message) - 1 - used;
        const size_t len = parts[i].len < room ? parts[i].len : room;
        memcpy(error.message + used, parts[i].data, len);
        used += len;
    }
    return error;
}

static strata_status respond_message(strata_status code, const char *message) {
    const strata_error error = make_error(code, strata_text(message), "");
    return respond_error(&error);
}

/* ---- Memory of the caller -------------------------------------------------------------------- */

EXPORT(strata_abi_version) int32_t strata_abi_version(void) {
    return ABI_VERSION;
}

EXPORT(strata_alloc) void *strata_alloc(uint32_t size) {
    const strata_allocator *memory = &strata_host_default()->memory;
    return memory->resize(memory->ctx, NULL, 0, size == 0 ? 1 : size);
}

EXPORT(strata_free) void strata_free(void *ptr, uint32_t size) {
    const strata_allocator *memory = &strata_host_default()->memory;
    if (ptr != NULL) {
        memory->resize(memory->ctx, ptr, size == 0 ? 1 : size, 0);
    }
}

/* ---- Open ------------------------------------------------------------------------------------ */

typedef struct open_request {
    strata_options options;
    char path[PATH_BYTES_MAX];
    char snapshot[NAME_BYTES_MAX + 1];
    char import[PATH_BYTES_MAX]; /* an export to make the database of; empty: none */
    uint32_t names_seen;         /* one bit for each name below */
} open_request;

/* Every name of the request, in the order of the bits of names_seen. */
enum {
    NAME_PATH,
    NAME_DURABILITY,
    NAME_CODEC,
    NAME_READ_ONLY,
    NAME_MUST_EXIST,
    NAME_LAZY_INDEX,
    NAME_SYNC_INTERVAL_MS,
    NAME_WAL_SEGMENT_BYTES,
    NAME_VALUE_BYTES_MAX,
    NAME_SNAPSHOT,
    NAME_MEMORY_BYTES,
    NAME_IMPORT,
    NAME_COUNT
};
static const char *const names[NAME_COUNT] = {
    "path",
    "durability",
    "codec",
    "read_only",
    "must_exist",
    "lazy_index",
    "sync_interval_ms",
    "wal_segment_bytes",
    "value_bytes_max",
    "snapshot",
    "memory_bytes",
    "import",
};

static bool text_is(strata_slice text, const char *expected) {
    return text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}

static unsigned find_name(strata_slice text) {
    unsigned name = 0;
    while (name < NAME_COUNT && !text_is(text, names[name])) {
        name++;
    }
    return name;
}

/* Each of these returns what the value should have been, or NULL if it is. */

/* A text that goes to the core as a C string. */
static const char *take_text(char *into, size_t size, const char *wrong,
                             const strata_value *value) {
    if (value->type != STRATA_STRING || value->as.bytes.len == 0 || value->as.bytes.len >= size ||
        memchr(value->as.bytes.data, 0, value->as.bytes.len) != NULL) {
        return wrong;
    }
    memcpy(into, value->as.bytes.data, value->as.bytes.len);
    return NULL;
}

static const char *take_path(char path[PATH_BYTES_MAX], const strata_value *value) {
    return take_text(path, PATH_BYTES_MAX, " must be a string of 1-4095 bytes without NUL", value);
}

static const char *take_snapshot(open_request *request, const strata_value *value) {
    request->options.snapshot = request->snapshot;
    return take_text(request->snapshot, sizeof(request->snapshot),
                     " must be a string of 1-255 bytes without NUL", value);
}

static const char *take_durability(strata_options *options, const strata_value *value) {
    const strata_slice word = value->type == STRATA_STRING ? value->as.bytes : strata_text("");
    if (text_is(word, "buffered")) {
        options->durability = STRATA_BUFFERED;
    } else if (text_is(word, "strict")) {
        options->durability = STRATA_STRICT;
    } else if (text_is(word, "memory")) {
        options->durability = STRATA_MEMORY;
    } else {
        return " must be \"buffered\", \"strict\" or \"memory\"";
    }
    return NULL;
}

static const char *take_codec(strata_options *options, const strata_value *value) {
    const strata_slice word = value->type == STRATA_STRING ? value->as.bytes : strata_text("");
    if (text_is(word, "none")) {
        options->codec = STRATA_CODEC_NONE;
    } else if (text_is(word, "zstd")) {
        options->codec = STRATA_CODEC_ZSTD;
    } else {
        return " must be \"none\" or \"zstd\"";
    }
    return NULL;
}

static const char *take_flag(strata_options *options, const strata_value *value, uint32_t flag) {
    if (value->type != STRATA_BOOL) {
        return " must be true or false";
    }
    options->flags |= value->as.boolean ? flag : 0;
    return NULL;
}

static const char *take_uint32(uint32_t *number, const strata_value *value) {
    if (value->type != STRATA_INT || value->as.integer < 0 || value->as.integer > UINT32_MAX) {
        return " must be an int of 0-4294967295";
    }
    *number = (uint32_t)value->as.integer;
    return NULL;
}

static const char *take_uint64(uint64_t *number, const strata_value *value) {
    if (value->type != STRATA_INT || value->as.integer < 0) {
        return " must be an int, not negative";
    }
    *number = (uint64_t)value->as.integer;
    return NULL;
}

static const char *take_option(open_request *request, unsigned name, const strata_value *value) {
    strata_options *options = &request->options;
    switch (name) {
    case NAME_PATH:
        return take_path(request->path, value);
    case NAME_DURABILITY:
        return take_durability(options, value);
    case NAME_CODEC:
        return take_codec(options, value);
    case NAME_READ_ONLY:
        return take_flag(options, value, STRATA_OPEN_READ_ONLY);
    case NAME_MUST_EXIST:
        return take_flag(options, value, STRATA_OPEN_MUST_EXIST);
    case NAME_LAZY_INDEX:
        return take_flag(options, value, STRATA_OPEN_LAZY_INDEX);
    case NAME_SYNC_INTERVAL_MS:
        return take_uint32(&options->sync_interval_ms, value);
    case NAME_WAL_SEGMENT_BYTES:
        return take_uint64(&options->wal_segment_bytes, value);
    case NAME_VALUE_BYTES_MAX:
        return take_uint32(&options->value_bytes_max, value);
    case NAME_SNAPSHOT:
        return take_snapshot(request, value);
    case NAME_MEMORY_BYTES:
        return take_uint64(&options->memory_bytes, value);
    case NAME_IMPORT:
        return take_path(request->import, value);
    default:
        return ": open has no such option";
    }
}

/* Fills the request (zeros before) or the error. */
static strata_status read_open_request(strata_slice bytes, open_request *request,
                                       strata_error *error) {
    frame_reader reader = {bytes.data, (const uint8_t *)bytes.data + bytes.len};
    uint32_t pairs = 0;
    bool whole = frame_read_map(&reader, &pairs);
    for (uint32_t i = 0; whole && i < pairs; i++) {
        strata_value key = strata_null();
        strata_value value = strata_null();
        whole = frame_read_scalar(&reader, &key) && key.type == STRATA_STRING &&
                frame_read_scalar(&reader, &value);
        if (!whole) {
            break;
        }
        const unsigned name = find_name(key.as.bytes);
        const char *wrong = take_option(request, name, &value);
        if (wrong == NULL && (request->names_seen & 1u << name) != 0) {
            wrong = " is given twice";
        }
        if (wrong != NULL) {
            *error = make_error(STRATA_INVALID_ARGUMENT, key.as.bytes, wrong);
            return error->code;
        }
        request->names_seen |= 1u << name;
    }
    if (!whole || reader.next != reader.end) {
        *error = make_error(STRATA_INVALID_ARGUMENT, strata_text("open"),
                            " needs one MessagePack map of names to strings, ints and bools");
        return error->code;
    }
    if ((request->names_seen & 1u << NAME_PATH) == 0) {
        *error = make_error(STRATA_INVALID_ARGUMENT, strata_text("open"), " needs a path");
        return error->code;
    }
    return STRATA_OK;
}

EXPORT(strata_abi_open) int32_t strata_abi_open(const void *bytes, uint32_t len) {
    open_request request = {.names_seen = 0};
    strata_error error = {.code = STRATA_OK};
    const strata_slice slice = {bytes, len};
    size_t place = 0;
    while (place < HANDLES_MAX && handles[place] != NULL) {
        place++;
    }
    if (place == HANDLES_MAX) {
        (void)respond_message(STRATA_BUSY, "64 databases are open here already; close one first");
        return 0;
    }
    const strata_options defaults = STRATA_OPTIONS_INIT;
    request.options = defaults;
    request.options.memory_bytes = MEMORY_BYTES_DEFAULT;
    request.options.error = &error;
    strata_status status = read_open_request(slice, &request, &error);
    if (status == STRATA_OK && request.import[0] != '\0') {
        status = strata_import(request.import, request.path, &request.options, 0);
    }
    if (status == STRATA_OK) {
        status = strata_open(request.path, &request.options, &handles[place]);
    }
    if (status != STRATA_OK) {
        handles[place] = NULL;
        if (error.code != status) {
            error = make_error(status, strata_text("opening the database failed"), "");
        }
        (void)respond_error(&error);
        return 0;
    }
    respond_ok();
    return (int32_t)place + 1;
}

/* ---- Exec, tick, close ----------------------------------------------------------------------- */

static strata_db *find_handle(int32_t handle) {
    return handle >= 1 && handle <= HANDLES_MAX ? handles[handle - 1] : NULL;
}

static strata_status respond_no_handle(void) {
    return respond_message(STRATA_CLOSED, "no database is open under this handle");
}

EXPORT(strata_abi_exec)
int32_t strata_abi_exec(int32_t handle, const void *bytes, uint32_t len) {
    strata_db *db = find_handle(handle);
    const strata_slice request = {bytes, len};
    if (db == NULL) {
        return (int32_t)respond_no_handle();
    }
    if (exec_response.cap > RESPONSE_KEPT_BYTES) {
        strata_buffer_free(&exec_response);
    }
    exec_response.len = 0;
    const strata_status status = strata_exec(db, request, &exec_response);
    if (exec_response.len == 0) {
        return (int32_t)respond_message(STRATA_NO_MEMORY, "no memory for the response");
    }
    response.data = exec_response.data;
    response.len = exec_response.len;
    return (int32_t)status;
}

EXPORT(strata_response_ptr) const void *strata_response_ptr(void) {
    return response.data;
}

EXPORT(strata_response_len) uint32_t strata_response_len(void) {
    return (uint32_t)response.len;
}

EXPORT(strata_abi_tick) int32_t strata_abi_tick(int32_t handle, uint32_t budget_us) {
    strata_db *db = find_handle(handle);
    return (int32_t)(db == NULL ? STRATA_CLOSED : strata_tick(db, budget_us));
}

EXPORT(strata_abi_close) int32_t strata_abi_close(int32_t handle) {
    strata_db *db = find_handle(handle);
    if (db == NULL) {
        return (int32_t)respond_no_handle();
    }
    handles[handle - 1] = NULL;
    const strata_status status = strata_close(db);
    if (status != STRATA_OK) {
        return (int32_t)respond_message(
            status, "closing: the last sync failed; what was not synced before it may be lost");
    }
    respond_ok();
    return STRATA_OK;
}
