/* test_shard.c - that every run has one shard, found by its number wherever its chunk lies, and that
 * what is published only goes up. Threads that ask for the same new runs at once get the same shards.
 */
#include "support.h"

#include <pthread.h>

#include "store/memtable/shard.h"

/* Around the ends of chunks: of 64, 64, 128, 256, ... shards. */
static const uint64_t numbers[] = {0,   1,   62,  63,   64,   65,   127,   128,   129,
                                   255, 256, 511, 4095, 4096, 4097, 65535, 65536, 1000000};

enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

static void found_by_number(void **state) {
    (void)state;
    st_shards shards;
    st_shard *made[NUMBERS];
    strata_error error;
    st_shards_init(&shards, test_host());
    for (size_t i = 0; i < NUMBERS; i++) {
        const size_t at = i * 7 % NUMBERS; /* in no order */
        assert_null(st_shards_find(&shards, numbers[at]));
        assert_int_equal(st_shards_add(&shards, numbers[at], &made[at], &error), STRATA_OK);
    }
    for (size_t i = 0; i < NUMBERS; i++) {
        st_shard *again = NULL;
        assert_ptr_equal(st_shards_find(&shards, numbers[i]), made[i]);
        assert_int_equal(st_shards_add(&shards, numbers[i], &again, &error), STRATA_OK);
        assert_ptr_equal(again, made[i]);
        assert_int_equal(made[i]->run, numbers[i]);
        for (size_t j = 0; j < i; j++) {
            assert_ptr_not_equal(made[i], made[j]);
        }
    }
    assert_int_equal(st_shards_end(&shards), numbers[NUMBERS - 1] + 1);
    assert_null(st_shards_find(&shards, 2));
    assert_null(st_shards_find(&shards, UINT64_MAX));
    st_shards_free(&shards);
}

static void too_many(void **state) {
    (void)state;
    st_shards shards;
    st_shard *shard = NULL;
    strata_error error;
    st_shards_init(&shards, test_host());
    assert_int_equal(st_shards_add(&shards, ST_RUNS_MAX, &shard, &error), STRATA_CONSTRAINT);
    assert_int_equal(st_shards_add(&shards, UINT64_MAX, &shard, &error), STRATA_CONSTRAINT);
    assert_int_equal(st_shards_end(&shards), 0);
    st_shards_free(&shards);
}

static void published_goes_up(void **state) {
    (void)state;
    st_shards shards;
    st_shard *shard = NULL;
    strata_error error;
    st_shards_init(&shards, test_host());
    assert_int_equal(st_shards_add(&shards, 1, &shard, &error), STRATA_OK);
    assert_int_equal(st_shard_snapshot(shard), 0);
    st_shard_publish(shard, 5);
    st_shard_publish(shard, 3);
    assert_int_equal(st_shard_snapshot(shard), 5);
    /* What was known before, and what comes later, begins with what is in tables. */
    st_shards_begin_at(&shards, 4, 100);
    assert_int_equal(st_shard_snapshot(shard), 5);
    assert_int_equal(shard->last, 5);
    st_shards_begin_at(&shards, 9, 200);
    assert_int_equal(st_shard_snapshot(shard), 9);
    assert_int_equal(shard->newest_us, 200);
    assert_int_equal(st_shards_add(&shards, 2, &shard, &error), STRATA_OK);
    assert_int_equal(st_shard_snapshot(shard), 9);
    assert_int_equal(shard->last, 9);
    assert_int_equal(shard->newest_us, 200);
    st_shards_free(&shards);
}

/* Each allocation fails once; nothing is left half made. */
static void no_memory(void **state) {
    (void)state;
    const size_t before = test_memory_blocks();
    bool failed = true;
    for (size_t nth = 1; failed; nth++) {
        st_shards shards;
        st_shard *shard = NULL;
        strata_error error;
        st_shards_init(&shards, test_host());
        test_memory_fail_at(nth);
        const strata_status status = st_shards_add(&shards, 200, &shard, &error);
        failed = test_memory_failed();
        test_memory_fail_at(0);
        assert_int_equal(status, failed ? STRATA_NO_MEMORY : STRATA_OK);
        if (failed) {
            assert_null(st_shards_find(&shards, 200));
            assert_int_equal(st_shards_add(&shards, 200, &shard, &error), STRATA_OK);
        }
        assert_ptr_equal(st_shards_find(&shards, 200), shard);
        st_shards_free(&shards);
        assert_int_equal(test_memory_blocks(), before);
    }
}

/* ---- Threads --------------------------------------------------------------------------------- */

enum { THREADS = 4, RUNS = 600 };

static struct {
    st_shards shards;
    st_shard *got[THREADS][RUNS];
    pthread_barrier_t barrier;
    pthread_mutex_t memory; /* the host's counts are for one thread */
} shared;

static void *resize_locked(void *ctx, void *old, size_t old_size, size_t new_size) {
    (void)ctx;
    (void)pthread_mutex_lock(&shared.memory);
    void *got = test_allocator()->resize(test_allocator()->ctx, old, old_size, new_size);
    (void)pthread_mutex_unlock(&shared.memory);
    return got;
}

static void *add_all(void *arg) {
    const size_t thread = (size_t)(uintptr_t)arg;
    (void)pthread_barrier_wait(&shared.barrier);
    for (uint64_t run = 0; run < RUNS; run++) {
        strata_error error;
        st_shard *shard = NULL;
        if (st_shards_add(&shared.shards, run, &shard, &error) != STRATA_OK ||
            st_shards_find(&shared.shards, run) != shard) {
            shard = NULL;
        }
        shared.got[thread][run] = shard;
    }
    return NULL;
}

static void added_by_many(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    strata_host host = *test_host();
    host.memory.resize = resize_locked;
    host.executor.wait = strata_host_default()->executor.wait;
    host.executor.wake = strata_host_default()->executor.wake;
    (void)pthread_mutex_init(&shared.memory, NULL);
    assert_int_equal(pthread_barrier_init(&shared.barrier, NULL, THREADS), 0);
    st_shards_init(&shared.shards, &host);
    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_all, (void *)i), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (size_t run = 0; run < RUNS; run++) {
        assert_non_null(shared.got[0][run]);
        for (size_t i = 1; i < THREADS; i++) {
            assert_ptr_equal(shared.got[i][run], shared.got[0][run]);
        }
    }
    assert_int_equal(st_shards_end(&shared.shards), RUNS);
    st_shards_free(&shared.shards);
    (void)pthread_barrier_destroy(&shared.barrier);
    (void)pthread_mutex_destroy(&shared.memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_number),   cmocka_unit_test(too_many),
        cmocka_unit_test(published_goes_up), cmocka_unit_test(no_memory),
        cmocka_unit_test(added_by_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
