/* fuzz.c - the host of the fuzzers.
 *
 * Invariants:
 * 1. A block is freed and resized with the size it was asked with, and growing always moves it.
 * 2. Files are sparse: growing one costs nothing, so that space reserved ahead does not count.
 * 3. No state lives from one input to the next but empty memory.
 * The simulated machine of the unit tests keeps what a crash could leave, which costs more than
 * what is tested here; this host only stores.
 */
#include "fuzz.h"

enum { FILES_MAX = 64, TAKEN_MAX = 64, HEADER_BYTES = 16 };

static void no_more(const char *what) {
    (void)fprintf(stderr, "the host of the fuzzers has no more %s\n", what);
    abort();
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static struct {
    size_t max;
    size_t used;
    size_t peak;
    size_t blocks;
    bool refused;
} memory;

static void *block_new(size_t size) {
    if (size > memory.max - memory.used) {
        memory.refused = true;
        return NULL;
    }
    uint8_t *block = malloc(HEADER_BYTES + size);
    if (block == NULL) {
        no_more("memory");
    }
    store64_le(block, size);
    memory.used += size;
    memory.blocks++;
    memory.peak = memory.used > memory.peak ? memory.used : memory.peak;
    return block + HEADER_BYTES;
}

static void block_free(uint8_t *block, size_t size) {
    CHECK(load64_le(block - HEADER_BYTES) == size, "a block of %llu bytes is given back as %zu",
          (unsigned long long)load64_le(block - HEADER_BYTES), size);
    memory.used -= size;
    memory.blocks--;
    free(block - HEADER_BYTES);
}

static void *resize(void *ctx, void *old, size_t old_size, size_t new_size) {
    (void)ctx;
    uint8_t *block = NULL;
    if (new_size > 0) {
        block = block_new(new_size);
        if (block == NULL) {
            return NULL;
        }
    }
    if (old != NULL) {
        if (block != NULL) {
            memcpy(block, old, old_size < new_size ? old_size : new_size);
        }
        block_free(old, old_size);
    }
    return block;
}

/* ---- Storage --------------------------------------------------------------------------------- */

typedef struct file {
    char name[FUZZ_NAME_MAX];
    uint8_t *data;
    size_t len; /* bytes beyond it, and below size, are zero */
    uint64_t size;
    bool there;
    bool locked;
    unsigned open;
} file;

static struct {
    file files[FILES_MAX];
    size_t count;
    uint64_t bytes_read;
} disk;

static file *find_file(const char *name) {
    for (size_t i = 0; i < disk.count; i++) {
        if (strcmp(disk.files[i].name, name) == 0) {
            return &disk.files[i];
        }
    }
    return NULL;
}

static file *make_file(const char *name) {
    file *f = find_file(name);
    if (f == NULL) {
        if (disk.count == FILES_MAX || strlen(name) >= FUZZ_NAME_MAX) {
            no_more("files");
        }
        f = &disk.files[disk.count++];
        (void)snprintf(f->name, sizeof f->name, "%s", name);
    }
    return f;
}

static void empty_file(file *f) {
    free(f->data);
    f->data = NULL;
    f->len = 0;
    f->size = 0;
}

static void write_file(file *f, uint64_t offset, const void *data, size_t len) {
    if (len == 0) {
        return;
    }
    if (offset + len > f->len) {
        f->data = realloc(f->data, (size_t)offset + len);
        if (f->data == NULL) {
            no_more("memory");
        }
        memset(f->data + f->len, 0, (size_t)offset + len - f->len);
        f->len = (size_t)offset + len;
    }
    memcpy(f->data + offset, data, len);
    f->size = f->len > f->size ? f->len : f->size;
}

static strata_status host_open(void *ctx, const char *name, uint32_t flags, strata_file **out) {
    (void)ctx;
    file *f = find_file(name);
    const bool there = f != NULL && f->there;
    if (!there && (flags & STRATA_FILE_CREATE) == 0) {
        return STRATA_NOT_FOUND;
    }
    if (there && (flags & STRATA_FILE_EXCLUSIVE) != 0) {
        return STRATA_ALREADY_EXISTS;
    }
    f = make_file(name);
    f->there = true;
    f->open++;
    *out = (strata_file *)(void *)f;
    return STRATA_OK;
}

static file *opened(strata_file *handle) {
    file *f = (file *)(void *)handle;
    CHECK(f->open > 0, "%s is used after it was closed", f->name);
    return f;
}

static strata_status host_read_at(void *ctx, strata_file *handle, uint64_t offset, void *data,
                                  size_t len, size_t *got) {
    (void)ctx;
    const file *f = opened(handle);
    const size_t most = offset >= f->size ? 0 : (size_t)(f->size - offset);
    const size_t count = len < most ? len : most;
    const size_t stored = offset >= f->len ? 0 : f->len - (size_t)offset;
    const size_t copied = count < stored ? count : stored;
    disk.bytes_read += len;
    if (copied > 0) {
        memcpy(data, f->data + offset, copied);
    }
    if (count > copied) {
        memset((uint8_t *)data + copied, 0, count - copied);
    }
    *got = count;
    return STRATA_OK;
}

static strata_status host_append(void *ctx, strata_file *handle, const void *data, size_t len) {
    (void)ctx;
    file *f = opened(handle);
    write_file(f, f->size, data, len);
    return STRATA_OK;
}

static strata_status host_write_at(void *ctx, strata_file *handle, uint64_t offset,
                                   const void *data, size_t len) {
    (void)ctx;
    write_file(opened(handle), offset, data, len);
    return STRATA_OK;
}

static strata_status host_truncate(void *ctx, strata_file *handle, uint64_t size) {
    (void)ctx;
    file *f = opened(handle);
    f->len = f->len < size ? f->len : (size_t)size;
    f->size = size;
    return STRATA_OK;
}

static strata_status host_sync(void *ctx, strata_file *handle) {
    (void)ctx;
    (void)opened(handle);
    return STRATA_OK;
}

static strata_status host_size(void *ctx, strata_file *handle, uint64_t *size) {
    (void)ctx;
    *size = opened(handle)->size;
    return STRATA_OK;
}

static strata_status host_close(void *ctx, strata_file *handle) {
    (void)ctx;
    opened(handle)->open--;
    return STRATA_OK;
}

static strata_status host_remove(void *ctx, const char *name) {
    (void)ctx;
    file *f = find_file(name);
    if (f == NULL || !f->there) {
        return STRATA_NOT_FOUND;
    }
    f->there = false;
    empty_file(f);
    return STRATA_OK;
}

static strata_status host_list(void *ctx, const char *folder,
                               strata_status (*visit)(void *arg, const char *name), void *arg) {
    (void)ctx;
    const size_t len = strlen(folder);
    bool any = false;
    for (size_t i = 0; i < disk.count; i++) {
        const file *f = &disk.files[i];
        if (!f->there || strncmp(f->name, folder, len) != 0 || f->name[len] != '/') {
            continue;
        }
        any = true;
        if (strchr(f->name + len + 1, '/') == NULL) {
            const strata_status status = visit(arg, f->name + len + 1);
            if (status != STRATA_OK) {
                return status;
            }
        }
    }
    return any ? STRATA_OK : STRATA_NOT_FOUND;
}

static strata_status host_lock(void *ctx, const char *folder, char *holder, size_t holder_size,
                               strata_file **lock) {
    (void)ctx;
    char name[FUZZ_NAME_MAX];
    (void)snprintf(name, sizeof name, "%s/LOCK", folder);
    file *f = make_file(name);
    if (f->locked) {
        (void)snprintf(holder, holder_size, "this process");
        return STRATA_BUSY;
    }
    f->there = true;
    f->locked = true;
    f->open++;
    *lock = (strata_file *)(void *)f;
    return STRATA_OK;
}

static strata_status host_unlock(void *ctx, strata_file *lock) {
    (void)ctx;
    file *f = opened(lock);
    f->locked = false;
    f->open--;
    return STRATA_OK;
}

/* ---- Clock and chance ------------------------------------------------------------------------ */

static int64_t now_us;
static uint64_t chance;

static int64_t host_wall_us(void *ctx) {
    (void)ctx;
    return now_us += 1000;
}

static uint64_t host_monotonic_ns(void *ctx) {
    (void)ctx;
    return (uint64_t)(now_us += 1000) * 1000;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static strata_status host_fill(void *ctx, void *data, size_t len) {
    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        uint64_t z = chance += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        ((uint8_t *)data)[i] = (uint8_t)(z ^ z >> 31);
    }
    return STRATA_OK;
}

/* ---- The host -------------------------------------------------------------------------------- */

static const strata_host host = {
    .size = sizeof host,
    .memory = {NULL, resize},
    .storage = {NULL, host_open, host_read_at, host_append, host_write_at, host_truncate, host_sync,
                host_size, host_close, host_remove, host_list, host_lock, host_unlock},
    .clock = {.wall_us = host_wall_us, .monotonic_ns = host_monotonic_ns},
    .entropy = {NULL, host_fill},
};

const strata_host *fuzz_host(void) {
    return &host;
}

const strata_host *strata_host_default(void) {
    return &host;
}

static void *taken[TAKEN_MAX];
static size_t taken_count;

void fuzz_begin(size_t memory_max) {
    for (size_t i = 0; i < disk.count; i++) {
        empty_file(&disk.files[i]);
    }
    memset(&disk, 0, sizeof disk);
    while (taken_count > 0) {
        free(taken[--taken_count]);
    }
    memset(&memory, 0, sizeof memory);
    memory.max = memory_max;
    now_us = 1700000000000000;
    chance = 1;
}

void fuzz_end(void) {
    CHECK(memory.blocks == 0 && memory.used == 0, "%zu blocks of %zu bytes were not given back",
          memory.blocks, memory.used);
    for (size_t i = 0; i < disk.count; i++) {
        CHECK(disk.files[i].open == 0, "%s was not closed", disk.files[i].name);
    }
}

size_t fuzz_memory_peak(void) {
    return memory.peak;
}

void fuzz_peak_again(void) {
    memory.peak = memory.used;
}

bool fuzz_memory_refused(void) {
    return memory.refused;
}

uint64_t fuzz_bytes_read(void) {
    return disk.bytes_read;
}

void fuzz_put(const char *name, strata_slice bytes) {
    file *f = make_file(name);
    empty_file(f);
    f->there = true;
    write_file(f, 0, bytes.data, bytes.len);
}

void fuzz_drop(const char *name) {
    (void)host_remove(NULL, name);
}

strata_slice fuzz_file(const char *name) {
    const file *f = find_file(name);
    if (f == NULL || !f->there) {
        return st_slice(NULL, 0);
    }
    return st_slice(f->len == 0 ? (const void *)"" : f->data, f->len);
}

strata_buffer fuzz_buffer(void) {
    const strata_buffer buffer = {NULL, 0, 0, &host};
    return buffer;
}

/* ---- Input ----------------------------------------------------------------------------------- */

uint8_t fuzz_u8(fuzz_input *input) {
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->at++;
}

uint16_t fuzz_u16(fuzz_input *input) {
    const uint16_t low = fuzz_u8(input);
    return (uint16_t)(low | (uint16_t)(fuzz_u8(input) << 8));
}

uint64_t fuzz_u64(fuzz_input *input) {
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        number |= (uint64_t)fuzz_u8(input) << shift;
    }
    return number;
}

strata_slice fuzz_take(fuzz_input *input, size_t len) {
    const size_t count = len < input->left ? len : input->left;
    uint8_t *copy = malloc(count == 0 ? 1 : count);
    if (copy == NULL || taken_count == TAKEN_MAX) {
        no_more("memory");
        return st_slice(NULL, 0);
    }
    taken[taken_count++] = copy;
    if (count > 0) {
        memcpy(copy, input->at, count);
    }
    input->at += count;
    input->left -= count;
    return st_slice(copy, count);
}

strata_slice fuzz_rest(fuzz_input *input) {
    return fuzz_take(input, input->left);
}

/* ---- Errors ---------------------------------------------------------------------------------- */

static const strata_error_field *find_field(const strata_error *error, const char *name) {
    for (size_t i = 0; i < error->field_count; i++) {
        if (strcmp(error->fields[i].name, name) == 0) {
            return &error->fields[i];
        }
    }
    return NULL;
}

const char *fuzz_error_text(const strata_error *error, const char *name) {
    const strata_error_field *field = find_field(error, name);
    return field != NULL && field->is_text ? field->text : NULL;
}

bool fuzz_error_number(const strata_error *error, const char *name, int64_t *number) {
    const strata_error_field *field = find_field(error, name);
    if (field == NULL || field->is_text) {
        return false;
    }
    *number = field->number;
    return true;
}

void fuzz_check_corrupt(const strata_error *error, const char *path) {
    char name[FUZZ_NAME_MAX];
    int64_t offset = -1;
    const char *named = fuzz_error_text(error, "file");
    CHECK(error->code == STRATA_CORRUPT, "%s", error->message);
    CHECK(named != NULL, "no file is named: %s", error->message);
    CHECK(fuzz_error_number(error, "offset", &offset), "no offset is named: %s", error->message);
    (void)snprintf(name, sizeof name, "%s/%s", path, named);
    const file *f = find_file(name);
    const uint64_t size = f != NULL && f->there ? f->size : 0;
    CHECK(offset >= 0 && (uint64_t)offset <= size, "offset %lld of %llu: %s", (long long)offset,
          (unsigned long long)size, error->message);
}
