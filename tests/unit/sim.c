/* sim.c - see sim.h.
 *
 * A node keeps what was written as an image, and the operations since the last sync as a list. A
 * sync replays the list on the durable image; a crash replays a part of it: every sector, the size
 * and the name are taken as they were after a number of operations of their own, which is what a
 * page cache does that writes pages back when it likes.
 */
#include "sim.h"

struct strata_file {
    sim *machine;
    sim_entry *entry;
    sim_node *node;
    uint64_t epoch;
    bool writable;
};

/* ---- Images ---------------------------------------------------------------------------------- */

static void image_reserve(sim_image *image, size_t len) {
    if (len > image->cap) {
        const size_t cap = len + len / 2 + 256;
        image->data = realloc(image->data, cap);
        assert_non_null(image->data);
        image->cap = cap;
    }
    if (len > image->len) {
        memset(image->data + image->len, 0, len - image->len);
        image->len = len;
    }
}

static void image_write(sim_image *image, uint64_t offset, const uint8_t *data, size_t len) {
    if (len == 0) {
        return;
    }
    image_reserve(image, (size_t)offset + len);
    memcpy(image->data + offset, data, len);
    image->size = offset + len > image->size ? offset + len : image->size;
}

static void image_resize(sim_image *image, uint64_t size) {
    image->len = st_min(image->len, (size_t)size);
    image->size = size;
}

static void image_copy(sim_image *to, const sim_image *from) {
    to->len = 0;
    image_reserve(to, from->len);
    if (from->len > 0) {
        memcpy(to->data, from->data, from->len);
    }
    to->size = from->size;
}

static size_t image_read(const sim_image *image, uint64_t offset, uint8_t *data, size_t len) {
    if (offset >= image->size) {
        return 0;
    }
    const size_t got = (size_t)(image->size - offset < len ? image->size - offset : len);
    const size_t stored = offset < image->len ? st_min(got, image->len - (size_t)offset) : 0;
    if (stored > 0) {
        memcpy(data, image->data + offset, stored);
    }
    memset(data + stored, 0, got - stored);
    return got;
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

static sim_node *add_node(sim *s) {
    sim_node *node = calloc(1, sizeof *node);
    s->nodes = realloc(s->nodes, (s->node_count + 1) * sizeof(sim_node *));
    assert_true(node != NULL && s->nodes != NULL);
    s->nodes[s->node_count++] = node;
    return node;
}

static void forget_ops(sim_node *node) {
    for (size_t i = 0; i < node->op_count; i++) {
        free(node->ops[i].data);
    }
    node->op_count = 0;
}

static void node_sync(sim_node *node) {
    for (size_t i = 0; i < node->op_count; i++) {
        const sim_op *op = &node->ops[i];
        if (op->data == NULL) {
            image_resize(&node->durable, op->size_after);
        } else {
            image_write(&node->durable, op->offset, op->data, op->len);
        }
    }
    forget_ops(node);
}

static void add_op(sim_node *node, uint64_t offset, const void *data, size_t len,
                   uint64_t size_after) {
    if (node->op_count == node->op_cap) {
        node->op_cap = node->op_cap * 2 + 8;
        node->ops = realloc(node->ops, node->op_cap * sizeof *node->ops);
        assert_non_null(node->ops);
    }
    sim_op *op = &node->ops[node->op_count++];
    *op = (sim_op){offset, NULL, len, size_after};
    if (data != NULL) {
        op->data = malloc(len + 1);
        assert_non_null(op->data);
        memcpy(op->data, data, len);
    }
}

/* One sector of the durable image as it was after the first `count` operations. */
static void replay_sector(sim_node *node, uint64_t sector, size_t count) {
    const uint64_t low = sector * SIM_SECTOR;
    const uint64_t high = low + SIM_SECTOR;
    image_reserve(&node->durable, (size_t)high);
    for (size_t i = 0; i < count; i++) {
        const sim_op *op = &node->ops[i];
        if (op->data == NULL) {
            if (op->size_after < high) {
                const uint64_t from = op->size_after > low ? op->size_after : low;
                memset(node->durable.data + from, 0, (size_t)(high - from));
            }
            continue;
        }
        const uint64_t from = op->offset > low ? op->offset : low;
        const uint64_t to = op->offset + op->len < high ? op->offset + op->len : high;
        if (from < to) {
            memcpy(node->durable.data + from, op->data + (from - op->offset), (size_t)(to - from));
        }
    }
}

static void node_tear(sim_node *node, uint64_t *chance) {
    uint64_t end = node->durable.size;
    for (size_t i = 0; i < node->op_count; i++) {
        const sim_op *op = &node->ops[i];
        const uint64_t op_end = op->data == NULL ? 0 : op->offset + op->len;
        end = op_end > end ? op_end : end;
    }
    end = end < node->durable.len ? node->durable.len : end;
    const size_t size_at = (size_t)test_random_below(chance, node->op_count + 1);
    const uint64_t size = size_at == 0 ? node->durable.size : node->ops[size_at - 1].size_after;
    for (uint64_t sector = 0; sector * SIM_SECTOR < end; sector++) {
        replay_sector(node, sector, (size_t)test_random_below(chance, node->op_count + 1));
    }
    image_resize(&node->durable, size);
}

static void node_crash(sim_node *node, sim_policy policy, uint64_t *chance) {
    if (node->op_count == 0) {
        return; /* both images are the same */
    }
    if (policy == SIM_RANDOM) {
        const uint64_t die = test_random_below(chance, 4);
        policy = die == 0 ? SIM_NONE : die == 1 ? SIM_ALL : SIM_RANDOM;
        if (policy == SIM_RANDOM) {
            node_tear(node, chance);
        }
    }
    if (policy == SIM_ALL) {
        node_sync(node);
    }
    forget_ops(node);
    image_copy(&node->written, &node->durable);
}

static void free_node(sim_node *node) {
    forget_ops(node);
    free(node->ops);
    free(node->written.data);
    free(node->durable.data);
    free(node);
}

/* ---- Names ----------------------------------------------------------------------------------- */

static sim_entry *find_entry(sim *s, const char *name, bool make) {
    for (size_t i = 0; i < s->entry_count; i++) {
        if (strcmp(s->entries[i]->name, name) == 0) {
            return s->entries[i];
        }
    }
    if (!make) {
        return NULL;
    }
    assert_true(strlen(name) < SIM_NAME_MAX);
    sim_entry *entry = calloc(1, sizeof *entry);
    s->entries = realloc(s->entries, (s->entry_count + 1) * sizeof(sim_entry *));
    assert_true(entry != NULL && s->entries != NULL);
    s->entries[s->entry_count++] = entry;
    strcpy(entry->name, name);
    return entry;
}

static const sim_entry *look_up(const sim *s, const char *name) {
    return find_entry((sim *)s, name, false);
}

static uint64_t used(const sim *s) {
    uint64_t sum = 0;
    for (size_t i = 0; i < s->entry_count; i++) {
        sum += s->entries[i]->now == NULL ? 0 : s->entries[i]->now->written.size;
    }
    return sum;
}

/* ---- Faults ---------------------------------------------------------------------------------- */

enum verdict { GO, FAIL, FAIL_HALFWAY, POWER_GONE };

static unsigned place_of(uint32_t kind) {
    return (unsigned)__builtin_ctz(kind);
}

/* What is to happen to this call. Under the mutex; *status is set when it is to fail. */
static enum verdict judge(sim *s, uint32_t kind, strata_status *status) {
    *status = STRATA_IO;
    if (s->dead) {
        return FAIL;
    }
    s->calls[place_of(kind)]++;
    if ((kind & SIM_CHANGING) != 0 && s->power_left > 0 && --s->power_left == 0) {
        s->dead = true;
        return POWER_GONE;
    }
    if ((kind & s->fail_kinds) == 0 || s->fail_left == 0) {
        return GO;
    }
    if (s->fail_left > 1) {
        s->fail_left--;
        return GO;
    }
    if (s->fail_once) {
        s->fail_left = 0;
    }
    s->failed++;
    s->failed_kinds |= kind;
    *status = s->fail_status;
    return s->fail_short ? FAIL_HALFWAY : FAIL;
}

static void begin(sim *s, uint32_t kind, const char *name) {
    if (s->hook != NULL) {
        s->hook(s->hook_arg, kind, name);
    }
    (void)pthread_mutex_lock(&s->mutex);
}

static strata_status end(sim *s, strata_status status) {
    (void)pthread_mutex_unlock(&s->mutex);
    return status;
}

/* ---- Storage --------------------------------------------------------------------------------- */

static strata_status open_entry(sim *s, const char *name, uint32_t flags, strata_file **file) {
    sim_entry *entry = find_entry(s, name, false);
    const bool there = entry != NULL && entry->now != NULL;
    strata_status status;
    if (!there && (flags & STRATA_FILE_CREATE) == 0) {
        const enum verdict verdict = judge(s, SIM_OPEN, &status);
        return verdict == GO ? STRATA_NOT_FOUND : status;
    }
    if (there && (flags & STRATA_FILE_EXCLUSIVE) != 0) {
        const enum verdict verdict = judge(s, SIM_OPEN, &status);
        return verdict == GO ? STRATA_ALREADY_EXISTS : status;
    }
    const enum verdict verdict = judge(s, there ? SIM_OPEN : SIM_CREATE, &status);
    if (verdict == FAIL || verdict == FAIL_HALFWAY) {
        return status;
    }
    if (!there) {
        entry = find_entry(s, name, true);
        entry->now = add_node(s);
    }
    if (verdict == POWER_GONE) {
        return STRATA_IO;
    }
    strata_file *made = malloc(sizeof *made);
    assert_non_null(made);
    *made = (strata_file){s, entry, entry->now, s->epoch, (flags & STRATA_FILE_WRITE) != 0};
    s->open_files++;
    *file = made;
    return STRATA_OK;
}

static strata_status sim_open(void *ctx, const char *name, uint32_t flags, strata_file **file) {
    begin(ctx, SIM_OPEN, name);
    return end(ctx, open_entry(ctx, name, flags, file));
}

static bool is_stale(const sim *s, const strata_file *file) {
    return file->epoch != s->epoch;
}

static strata_status sim_read_at(void *ctx, strata_file *file, uint64_t offset, void *data,
                                 size_t len, size_t *got) {
    sim *s = ctx;
    strata_status status;
    begin(s, SIM_READ, file->entry->name);
    const enum verdict verdict = is_stale(s, file) ? FAIL : judge(s, SIM_READ, &status);
    if (verdict == FAIL) {
        return end(s, is_stale(s, file) ? STRATA_IO : status);
    }
    *got = image_read(&file->node->written, offset, data, verdict == FAIL_HALFWAY ? len / 2 : len);
    return end(s, STRATA_OK);
}

static bool no_space_for(const sim *s, const sim_node *node, uint64_t size) {
    const uint64_t now = node->written.size;
    return size > now && (used(s) >= s->capacity || size - now > s->capacity - used(s));
}

static strata_status write_node(sim *s, const strata_file *file, uint64_t offset, const void *data,
                                size_t len) {
    strata_status status = STRATA_IO;
    assert_true(file->writable);
    const enum verdict verdict = is_stale(s, file) ? FAIL : judge(s, SIM_WRITE, &status);
    if (verdict == FAIL) {
        return status;
    }
    sim_node *node = file->node;
    if (verdict == GO && no_space_for(s, node, offset + len)) {
        return STRATA_NO_SPACE;
    }
    len = verdict == FAIL_HALFWAY ? len / 2 : len;
    image_write(&node->written, offset, data, len);
    add_op(node, offset, data, len, node->written.size);
    return verdict == GO ? STRATA_OK : status;
}

static strata_status sim_write_at(void *ctx, strata_file *file, uint64_t offset, const void *data,
                                  size_t len) {
    begin(ctx, SIM_WRITE, file->entry->name);
    return end(ctx, write_node(ctx, file, offset, data, len));
}

static strata_status sim_append(void *ctx, strata_file *file, const void *data, size_t len) {
    begin(ctx, SIM_WRITE, file->entry->name);
    return end(ctx, write_node(ctx, file, file->node->written.size, data, len));
}

static strata_status truncate_node(sim *s, const strata_file *file, uint64_t size) {
    strata_status status = STRATA_IO;
    assert_true(file->writable);
    const uint64_t failed = s->failed;
    const enum verdict verdict = is_stale(s, file) ? FAIL : judge(s, SIM_TRUNCATE, &status);
    if (s->failed > failed) {
        s->failed_growth = size > file->node->written.size;
    }
    if (verdict == FAIL || verdict == FAIL_HALFWAY) {
        return status;
    }
    if (verdict == GO && no_space_for(s, file->node, size)) {
        return STRATA_NO_SPACE;
    }
    image_resize(&file->node->written, size);
    add_op(file->node, 0, NULL, 0, size);
    return verdict == GO ? STRATA_OK : status;
}

static strata_status sim_truncate(void *ctx, strata_file *file, uint64_t size) {
    begin(ctx, SIM_TRUNCATE, file->entry->name);
    return end(ctx, truncate_node(ctx, file, size));
}

static strata_status sim_sync(void *ctx, strata_file *file) {
    sim *s = ctx;
    strata_status status = STRATA_IO;
    begin(s, SIM_SYNC, file->entry->name);
    const enum verdict verdict = is_stale(s, file) ? FAIL : judge(s, SIM_SYNC, &status);
    if (verdict != GO) {
        return end(s, status);
    }
    if (!s->lying) {
        node_sync(file->node);
        if (file->entry->now == file->node) {
            file->entry->durable = file->node;
        }
    }
    (void)end(s, STRATA_OK);
    if (s->hook != NULL) {
        s->hook(s->hook_arg, SIM_SYNCED, file->entry->name);
    }
    return STRATA_OK;
}

static strata_status sim_size(void *ctx, strata_file *file, uint64_t *size) {
    sim *s = ctx;
    strata_status status = STRATA_IO;
    begin(s, SIM_SIZE, file->entry->name);
    const enum verdict verdict = is_stale(s, file) ? FAIL : judge(s, SIM_SIZE, &status);
    if (verdict != GO) {
        return end(s, status);
    }
    *size = file->node->written.size;
    return end(s, STRATA_OK);
}

static strata_status sim_close(void *ctx, strata_file *file) {
    sim *s = ctx;
    strata_status status = STRATA_IO;
    begin(s, SIM_CLOSE, file->entry->name);
    const enum verdict verdict = is_stale(s, file) ? FAIL : judge(s, SIM_CLOSE, &status);
    s->open_files--;
    free(file);
    return end(s, verdict == GO ? STRATA_OK : status);
}

static strata_status sim_remove(void *ctx, const char *name) {
    sim *s = ctx;
    strata_status status;
    begin(s, SIM_REMOVE, name);
    const enum verdict verdict = judge(s, SIM_REMOVE, &status);
    sim_entry *entry = find_entry(s, name, false);
    if (verdict == FAIL || verdict == FAIL_HALFWAY) {
        return end(s, status);
    }
    if (entry == NULL || entry->now == NULL) {
        return end(s, verdict == GO ? STRATA_NOT_FOUND : STRATA_IO);
    }
    entry->now = NULL;
    return end(s, verdict == GO ? STRATA_OK : STRATA_IO);
}

/* The names inside a folder, copied, since a visit may use the storage. */
static size_t names_in(sim *s, const char *folder, char (*names)[SIM_NAME_MAX], bool *found) {
    const size_t len = strlen(folder);
    size_t count = 0;
    *found = false;
    for (size_t i = 0; i < s->entry_count; i++) {
        const sim_entry *entry = s->entries[i];
        if (entry->now == NULL || strncmp(entry->name, folder, len) != 0 ||
            entry->name[len] != '/') {
            continue;
        }
        *found = true;
        if (strchr(entry->name + len + 1, '/') == NULL) {
            strcpy(names[count++], entry->name + len + 1);
        }
    }
    return count;
}

static strata_status sim_list(void *ctx, const char *folder,
                              strata_status (*visit)(void *arg, const char *name), void *arg) {
    sim *s = ctx;
    strata_status status;
    bool found = false;
    begin(s, SIM_LIST, folder);
    const enum verdict verdict = judge(s, SIM_LIST, &status);
    if (verdict != GO) {
        return end(s, status);
    }
    char (*names)[SIM_NAME_MAX] = malloc((s->entry_count + 1) * sizeof *names);
    assert_non_null(names);
    const size_t count = names_in(s, folder, names, &found);
    status = end(s, STRATA_OK);
    /* From the last to the first: no order is promised. */
    for (size_t i = count; status == STRATA_OK && i > 0; i--) {
        status = visit(arg, names[i - 1]);
    }
    free(names);
    return status != STRATA_OK ? status : found ? STRATA_OK : STRATA_NOT_FOUND;
}

static strata_status lock_folder(sim *s, const char *folder, char *holder, size_t holder_size,
                                 strata_file **lock) {
    char name[SIM_NAME_MAX];
    strata_status status;
    (void)snprintf(name, sizeof name, "%s/LOCK", folder);
    if (judge(s, SIM_LOCK, &status) != GO) {
        return status;
    }
    sim_entry *entry = find_entry(s, name, true);
    if (entry->now == NULL) {
        entry->now = add_node(s);
        entry->durable = entry->now;
    }
    if (entry->locked) {
        (void)snprintf(holder, holder_size, "process 1");
        return STRATA_BUSY;
    }
    strata_file *made = malloc(sizeof *made);
    assert_non_null(made);
    *made = (strata_file){s, entry, entry->now, s->epoch, false};
    s->open_files++;
    entry->locked = true;
    *lock = made;
    return STRATA_OK;
}

static strata_status sim_lock(void *ctx, const char *folder, char *holder, size_t holder_size,
                              strata_file **lock) {
    begin(ctx, SIM_LOCK, folder);
    return end(ctx, lock_folder(ctx, folder, holder, holder_size, lock));
}

static strata_status sim_unlock(void *ctx, strata_file *lock) {
    sim *s = ctx;
    strata_status status;
    begin(s, SIM_UNLOCK, lock->entry->name);
    (void)judge(s, SIM_UNLOCK, &status);
    if (!is_stale(s, lock)) {
        lock->entry->locked = false;
    }
    s->open_files--;
    free(lock);
    return end(s, STRATA_OK);
}

/* ---- The rest of the host -------------------------------------------------------------------- */

static void *sim_resize(void *ctx, void *old, size_t old_size, size_t new_size) {
    sim *s = ctx;
    (void)pthread_mutex_lock(&s->mutex);
    void *got = NULL;
    if (new_size > 0 && s->memory_left > 0 && --s->memory_left == 0) {
        s->memory_failed = true;
    } else {
        got = test_allocator()->resize(test_allocator()->ctx, old, old_size, new_size);
    }
    (void)pthread_mutex_unlock(&s->mutex);
    return got;
}

static int64_t sim_wall_us(void *ctx) {
    return ((sim *)ctx)->wall_us;
}

static uint64_t sim_monotonic_ns(void *ctx) {
    return ((sim *)ctx)->monotonic_ns;
}

static strata_status sim_fill(void *ctx, void *data, size_t len) {
    sim *s = ctx;
    uint8_t *bytes = data;
    (void)pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)test_random(&s->chance);
    }
    return end(s, s->entropy_fails ? STRATA_IO : STRATA_OK);
}

static void sim_log(void *ctx, strata_log_level level, const char *message, const char *fields) {
    sim *s = ctx;
    (void)pthread_mutex_lock(&s->mutex);
    if (level >= STRATA_LOG_WARN) {
        s->warnings++;
        (void)snprintf(s->warning, sizeof s->warning, "%s %s", message, fields);
    }
    (void)end(s, STRATA_OK);
}

sim *sim_new(uint64_t seed) {
    sim *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->blocks_before = test_memory_blocks();
    (void)pthread_mutex_init(&s->mutex, NULL);
    s->chance = seed;
    s->wall_us = 1700000000000000;
    s->monotonic_ns = 1000000000;
    s->capacity = UINT64_MAX;
    s->epoch = 1;
    s->host = (strata_host){
        .size = sizeof s->host,
        .memory = {s, sim_resize},
        .storage = {s, sim_open, sim_read_at, sim_append, sim_write_at, sim_truncate, sim_sync,
                    sim_size, sim_close, sim_remove, sim_list, sim_lock, sim_unlock},
        .clock = {s, sim_wall_us, sim_monotonic_ns, NULL},
        .entropy = {s, sim_fill},
        .log = {s, sim_log, NULL},
    };
    return s;
}

void sim_use_threads(sim *s) {
    s->host.executor.wait = strata_host_default()->executor.wait;
    s->host.executor.wake = strata_host_default()->executor.wake;
}

void sim_free(sim *s) {
    assert_int_equal(s->open_files, 0);
    assert_int_equal(test_memory_blocks(), s->blocks_before);
    for (size_t i = 0; i < s->node_count; i++) {
        free_node(s->nodes[i]);
    }
    for (size_t i = 0; i < s->entry_count; i++) {
        free(s->entries[i]);
    }
    free(s->nodes);
    free(s->entries);
    (void)pthread_mutex_destroy(&s->mutex);
    free(s);
}

/* ---- What tests do to it --------------------------------------------------------------------- */

void sim_cut_power(sim *s, uint64_t nth) {
    s->power_left = nth;
}

static bool is_named(const sim *s, const sim_node *node) {
    for (size_t i = 0; i < s->entry_count; i++) {
        if (s->entries[i]->now == node || s->entries[i]->durable == node) {
            return true;
        }
    }
    return false;
}

/* Lets go of names without a file and of nodes without a name. */
static void sweep(sim *s) {
    size_t kept = 0;
    for (size_t i = 0; i < s->entry_count; i++) {
        sim_entry *entry = s->entries[i];
        if (entry->now == NULL && entry->durable == NULL) {
            free(entry);
        } else {
            s->entries[kept++] = entry;
        }
    }
    s->entry_count = kept;
    kept = 0;
    for (size_t i = 0; i < s->node_count; i++) {
        if (is_named(s, s->nodes[i])) {
            s->nodes[kept++] = s->nodes[i];
        } else {
            free_node(s->nodes[i]);
        }
    }
    s->node_count = kept;
}

void sim_restart(sim *s, sim_policy policy, uint64_t seed) {
    uint64_t chance = seed;
    s->dead = false;
    s->power_left = 0;
    s->epoch++;
    for (size_t i = 0; i < s->entry_count; i++) {
        sim_entry *entry = s->entries[i];
        entry->locked = false;
        if (policy == SIM_ALL || (policy == SIM_RANDOM && test_random_below(&chance, 2) == 0)) {
            entry->durable = entry->now;
        }
        if (policy != SIM_KILL) {
            entry->now = entry->durable;
        }
    }
    for (size_t i = 0; policy != SIM_KILL && i < s->node_count; i++) {
        node_crash(s->nodes[i], policy, &chance);
    }
    if (s->open_files == 0) {
        sweep(s);
    }
}

static void set_fault(sim *s, uint32_t kinds, uint64_t nth, strata_status status, bool once) {
    s->fail_kinds = kinds;
    s->fail_left = nth;
    s->fail_status = status;
    s->fail_once = once;
    s->failed = 0;
    s->failed_kinds = 0;
    s->failed_growth = false;
}

void sim_fail(sim *s, uint32_t kinds, uint64_t nth, strata_status status, bool once) {
    set_fault(s, kinds, nth, status, once);
    s->fail_short = false;
}

void sim_fail_short(sim *s, uint32_t kinds, uint64_t nth, strata_status status, bool once) {
    set_fault(s, kinds, nth, status, once);
    s->fail_short = true;
}

void sim_heal(sim *s) {
    s->fail_kinds = 0;
    s->fail_left = 0;
    s->memory_left = 0;
    s->memory_failed = false;
    s->entropy_fails = false;
    s->lying = false;
    s->power_left = 0;
}

void sim_fail_memory(sim *s, uint64_t nth) {
    s->memory_left = nth;
    s->memory_failed = false;
}

void sim_set_capacity(sim *s, uint64_t bytes) {
    s->capacity = bytes;
}

void sim_set_lying(sim *s, bool lying) {
    s->lying = lying;
}

uint64_t sim_calls(const sim *s, uint32_t kinds) {
    uint64_t sum = 0;
    for (unsigned place = 0; place < 12; place++) {
        sum += (kinds >> place & 1) != 0 ? s->calls[place] : 0;
    }
    return sum;
}

uint64_t sim_used(const sim *s) {
    return used(s);
}

bool sim_exists(const sim *s, const char *name) {
    const sim_entry *entry = look_up(s, name);
    return entry != NULL && entry->now != NULL;
}

strata_slice sim_copy(sim *s, const char *name, bool durable) {
    (void)pthread_mutex_lock(&s->mutex);
    const sim_entry *entry = look_up(s, name);
    const sim_node *node = entry == NULL ? NULL : durable ? entry->durable : entry->now;
    strata_slice bytes = {NULL, 0};
    if (node != NULL) {
        const sim_image *image = durable ? &node->durable : &node->written;
        uint8_t *copy = malloc((size_t)image->size + 1);
        assert_non_null(copy);
        bytes = st_slice(copy, image_read(image, 0, copy, (size_t)image->size));
    }
    (void)end(s, STRATA_OK);
    return bytes;
}

void sim_release(strata_slice bytes) {
    free((void *)bytes.data);
}

void sim_put(sim *s, const char *name, strata_slice bytes) {
    sim_entry *entry = find_entry(s, name, true);
    if (entry->now == NULL) {
        entry->now = add_node(s);
    }
    sim_node *node = entry->now;
    forget_ops(node);
    image_resize(&node->written, 0);
    image_write(&node->written, 0, bytes.data, bytes.len);
    image_copy(&node->durable, &node->written);
    entry->durable = node;
}

void sim_drop(sim *s, const char *name) {
    sim_entry *entry = find_entry(s, name, true);
    entry->now = NULL;
    entry->durable = NULL;
}

void sim_flip(sim *s, const char *name, uint64_t offset, unsigned bit) {
    const sim_entry *entry = look_up(s, name);
    assert_true(entry != NULL && entry->now != NULL);
    sim_image *const images[] = {&entry->now->written, &entry->now->durable};
    for (size_t i = 0; i < 2; i++) {
        if (offset < images[i]->size) {
            image_reserve(images[i], (size_t)offset + 1);
            images[i]->data[offset] ^= (uint8_t)(1u << bit);
        }
    }
}

void sim_clone(sim *to, sim *from) {
    for (size_t i = 0; i < to->entry_count; i++) {
        sim_drop(to, to->entries[i]->name);
    }
    for (size_t i = 0; i < from->entry_count; i++) {
        const strata_slice bytes = sim_copy(from, from->entries[i]->name, false);
        if (bytes.data != NULL) {
            sim_put(to, from->entries[i]->name, bytes);
            sim_release(bytes);
        }
    }
}
