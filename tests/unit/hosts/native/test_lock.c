/* test_lock.c - that one process at a time has the right to write, whoever died before.
 *
 * Real processes: forked ones that contend, one that is killed while it holds the lock, one that
 * lives and is named in the text without a flock, as a Node process would be. Texts left behind by
 * a crash come in a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "scratch.h"
#include "strata/host.h"

static const strata_storage *storage;
static char holder[128];

static strata_status try_lock(const char *folder, strata_file **lock) {
    memset(holder, 0, sizeof(holder));
    return storage->lock(storage->ctx, folder, holder, sizeof(holder), lock);
}

static void must_lock(const char *folder, strata_file **lock) {
    const strata_status status = try_lock(folder, lock);
    if (status != STRATA_OK) {
        fail_msg("not locked: %s, holder \"%s\"", strata_status_name(status), holder);
    }
}

static void must_unlock(strata_file *lock) {
    assert_int_equal(storage->unlock(storage->ctx, lock), STRATA_OK);
}

/* The text of LOCK in a folder, as this process or another left it. */
static const char *lock_text(const char *name) {
    static char text[256];
    memset(text, 0, sizeof(text));
    const int fd = open(scratch_path(name), O_RDONLY);
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof(text) - 1) >= 0);
    (void)close(fd);
    return text;
}

static void test_second_handle_is_busy(void **state) {
    (void)state;
    char expected[64];
    (void)snprintf(expected, sizeof(expected), "process %d", (int)getpid());
    strata_file *lock = NULL;
    strata_file *other = NULL;
    must_lock(scratch_path("new/database"), &lock);
    assert_int_equal(try_lock(scratch_path("new/database"), &other), STRATA_BUSY);
    assert_null(other);
    assert_string_equal(holder, expected);
    assert_int_equal(strtol(lock_text("new/database/LOCK"), NULL, 10), getpid());

    must_unlock(lock);
    assert_string_equal(lock_text("new/database/LOCK"), "");
    assert_true(access(scratch_path("new/database/LOCK.new"), F_OK) != 0);
    must_lock(scratch_path("new/database"), &lock);
    must_unlock(lock);
}

enum { CONTENDERS = 4, TURNS = 50 };

/* A turn: get the lock, be alone, give it back. */
static bool take_turns(const char *folder, _Atomic int *inside) {
    for (int turn = 0; turn < TURNS;) {
        strata_file *lock = NULL;
        const strata_status status = try_lock(folder, &lock);
        if (status == STRATA_BUSY) {
            (void)sched_yield();
            continue;
        }
        if (status != STRATA_OK || atomic_fetch_add(inside, 1) != 0) {
            return false;
        }
        (void)sched_yield();
        if (atomic_fetch_sub(inside, 1) != 1 || storage->unlock(storage->ctx, lock) != STRATA_OK) {
            return false;
        }
        turn++;
    }
    return true;
}

static void test_processes_take_turns(void **state) {
    (void)state;
    _Atomic int *const inside =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(inside != MAP_FAILED);
    pid_t children[CONTENDERS];
    for (int i = 0; i < CONTENDERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            _exit(take_turns(scratch_path("contended"), inside) ? 0 : 1);
        }
        assert_true(children[i] > 0);
    }
    for (int i = 0; i < CONTENDERS; i++) {
        int result = -1;
        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        assert_true(WIFEXITED(result));
        assert_int_equal(WEXITSTATUS(result), 0);
    }
    assert_int_equal(munmap((void *)inside, 4096), 0);
}

/* A child that runs begin, tells us, and lives until it is killed. */
static pid_t living_child(bool (*begin)(void)) {
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        const char told = begin() ? 'y' : 'n';
        if (write(ready[1], &told, 1) != 1) {
            _exit(1);
        }
        for (;;) {
            (void)pause();
        }
    }
    assert_true(child > 0);
    char told = 0;
    assert_int_equal(read(ready[0], &told, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    assert_int_equal(told, 'y');
    return child;
}

static void end_child(pid_t child) {
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static bool hold(void) {
    strata_file *lock = NULL;
    return try_lock(scratch_path("killed"), &lock) == STRATA_OK;
}

static void test_killed_holder_loses_the_lock(void **state) {
    (void)state;
    const pid_t child = living_child(hold);
    char expected[64];
    (void)snprintf(expected, sizeof(expected), "process %d", (int)child);
    strata_file *lock = NULL;
    assert_int_equal(try_lock(scratch_path("killed"), &lock), STRATA_BUSY);
    assert_string_equal(holder, expected);
    end_child(child);
    assert_int_equal(strtol(lock_text("killed/LOCK"), NULL, 10), child);
    must_lock(scratch_path("killed"), &lock);
    must_unlock(lock);
}

static bool nothing(void) {
    return true;
}

/* The text that a process would write of itself: taken from a real lock, with another pid. */
static void test_texts_without_flock(void **state) {
    (void)state;
    const pid_t child = living_child(nothing);
    char path[64];
    char line[1024] = {0};
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
    FILE *const file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    (void)fclose(file);
    unsigned long long started = 0;
    const char *field = strrchr(line, ')');
    for (int i = 3; i <= 22; i++) {
        field = strchr(field + 1, ' ');
        assert_non_null(field);
    }
    assert_int_equal(sscanf(field, "%llu", &started), 1);
    char boot[64] = {0};
    FILE *const boot_file = fopen("/proc/sys/kernel/random/boot_id", "r");
    assert_non_null(boot_file);
    assert_int_equal(fscanf(boot_file, "%63s", boot), 1);
    (void)fclose(boot_file);

    char alive[256];
    char other_start[256];
    char other_boot[256];
    char ourselves[256];
    (void)snprintf(alive, sizeof(alive), "%d %llu %s\n", (int)child, started, boot);
    (void)snprintf(other_start, sizeof(other_start), "%d %llu %s\n", (int)child, started + 1, boot);
    (void)snprintf(other_boot, sizeof(other_boot), "%d %llu 00000000-0000-4000-8000-000000000000\n",
                   (int)child, started);
    (void)snprintf(ourselves, sizeof(ourselves), "%d 1 %s\n", (int)getpid(), boot);
    char named[64];
    (void)snprintf(named, sizeof(named), "process %d", (int)child);
    const struct {
        const char *text;
        const char *busy; /* holder, or NULL when the lock is to be had */
    } cases[] = {
        {alive, named},
        {other_start, NULL},
        {other_boot, NULL},
        {ourselves, NULL},
        {"wasi\n", "a WASI process (remove LOCK if none runs)"},
        {"", NULL},
        {"12", NULL},
        {"-5 3 x\n", NULL},
        {"garbage of some length that no host of ours has ever written, and then some more of it, "
         "until it is longer than any text could be\n",
         NULL},
    };
    assert_true(mkdir(scratch_path("texts"), 0777) == 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(scratch_write_text(scratch_path("texts/LOCK"), cases[i].text));
        strata_file *lock = NULL;
        if (cases[i].busy != NULL) {
            assert_int_equal(try_lock(scratch_path("texts"), &lock), STRATA_BUSY);
            assert_string_equal(holder, cases[i].busy);
            assert_string_equal(lock_text("texts/LOCK"), cases[i].text);
        } else {
            must_lock(scratch_path("texts"), &lock);
            assert_int_equal(strtol(lock_text("texts/LOCK"), NULL, 10), getpid());
            assert_non_null(strstr(lock_text("texts/LOCK"), boot));
            must_unlock(lock);
        }
        assert_true(access(scratch_path("texts/LOCK.new"), F_OK) != 0);
    }
    end_child(child);
}

static void test_step_left_behind(void **state) {
    (void)state;
    assert_true(mkdir(scratch_path("step"), 0777) == 0);
    assert_true(scratch_write_text(scratch_path("step/LOCK.new"), ""));
    strata_file *lock = NULL;
    assert_int_equal(try_lock(scratch_path("step"), &lock), STRATA_BUSY);
    assert_string_equal(holder, "a process that is opening it");

    const struct timespec old[2] = {{1000000000, 0}, {1000000000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, scratch_path("step/LOCK.new"), old, 0), 0);
    must_lock(scratch_path("step"), &lock);
    must_unlock(lock);
    assert_true(access(scratch_path("step/LOCK.new"), F_OK) != 0);
}

static bool nobody_is_refused(void) {
    const strata_storage *const mine = &strata_host_default()->storage;
    strata_file *lock = NULL;
    return mine->lock(mine->ctx, scratch_path("fixed"), holder, sizeof(holder), &lock) ==
           STRATA_FORBIDDEN;
}

static void test_folder_that_refuses(void **state) {
    (void)state;
    assert_true(mkdir(scratch_path("fixed"), 0755) == 0);
    assert_true(chmod(scratch_path("fixed"), 0555) == 0);
    assert_true(scratch_as_nobody(nobody_is_refused));
    assert_true(scratch_write_text(scratch_path("file"), "not a folder"));
    strata_file *lock = NULL;
    assert_int_equal(try_lock(scratch_path("file"), &lock), STRATA_INVALID_ARGUMENT);
}

static void test_full_disk(void **state) {
    (void)state;
    if (!scratch_small_disk()) {
        skip();
    }
    strata_file *file = NULL;
    assert_int_equal(
        storage->open(storage->ctx, scratch_path("small/ballast"), STRATA_FILE_CREATE, &file),
        STRATA_OK);
    static const char page[4096];
    while (storage->append(storage->ctx, file, page, sizeof(page)) == STRATA_OK) {
    }
    strata_file *lock = NULL;
    assert_int_equal(try_lock(scratch_path("small"), &lock), STRATA_NO_SPACE);
    assert_int_equal(storage->truncate(storage->ctx, file, 0), STRATA_OK);
    assert_int_equal(storage->close(storage->ctx, file), STRATA_OK);
    must_lock(scratch_path("small"), &lock);
    must_unlock(lock);
}

static int set_up(void **state) {
    (void)state;
    storage = &strata_host_default()->storage;
    return scratch_make() ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    scratch_remove();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_handle_is_busy),
        cmocka_unit_test(test_processes_take_turns),
        cmocka_unit_test(test_killed_holder_loses_the_lock),
        cmocka_unit_test(test_texts_without_flock),
        cmocka_unit_test(test_step_left_behind),
        cmocka_unit_test(test_folder_that_refuses),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests_name("hosts/native/lock", tests, set_up, tear_down);
}
