/* test_table_threads.c - threads that read one table, and open and close others, through one small
 * cache: everything they are told is what the sorted array says. Under the thread sanitizer, too.
 */
#include "table_support.h"

#include <pthread.h>

enum { THREADS = 4, STEPS = 1500, ENTRIES = 3000 };

typedef struct worker {
    pthread_t thread;
    sim *s;
    const tab_model *model;
    st_block_cache *cache;
    const st_table *table;
    st_table_spec other; /* the same entries in a file of this thread's */
    uint64_t chance;
    unsigned wrong; /* answers; said by the main thread, as asserts are its */
} worker;

static bool get_is_right(worker *w, const st_table *table) {
    const size_t any = test_random_below(&w->chance, w->model->count);
    const strata_slice key = w->model->entries[any].key;
    const size_t place = tab_lower_bound(w->model, key, w->model->entries[any].revision.number);
    const tab_entry *entry = &w->model->entries[place];
    const st_bound bound = st_bound_version(entry->revision.number);
    st_revision revision;
    st_arena arena;
    bool found = false;
    st_arena_init(&arena, &w->s->host.memory, 0);
    const strata_status status =
        st_table_get(table, key, st_table_hash(key), &bound, &arena, &revision, &found, NULL);
    const bool right = status == STRATA_OK && found && revision.number == entry->revision.number &&
                       st_slice_equal(revision.value, entry->revision.value);
    st_arena_free(&arena);
    return right;
}

static bool walk_is_right(worker *w, const st_table *table, bool past_cache) {
    size_t place = test_random_below(&w->chance, w->model->count);
    const tab_entry *entries = w->model->entries;
    st_table_iter *iter = malloc(sizeof *iter);
    st_table_iter_init(iter, table, NULL);
    iter->past_cache = past_cache;
    bool right =
        st_table_iter_seek(iter, entries[place].key, entries[place].revision.number) == STRATA_OK;
    for (int steps = 0; right && steps < 200 && place < w->model->count; steps++, place++) {
        strata_slice value;
        right = iter->here && st_slice_equal(iter->key, entries[place].key) &&
                st_table_iter_value(iter, &value) == STRATA_OK &&
                st_slice_equal(value, entries[place].revision.value) &&
                st_table_iter_next(iter) == STRATA_OK;
    }
    st_table_iter_release(iter);
    free(iter);
    return right;
}

static void *work(void *arg) {
    worker *w = arg;
    st_table *other = NULL;
    for (int step = 0; step < STEPS; step++) {
        const uint64_t choice = test_random_below(&w->chance, 40);
        if (choice == 0) {
            st_table_close(other);
            other = NULL;
            w->wrong += st_table_open(&w->other, w->cache, &other, NULL) != STRATA_OK;
        }
        const st_table *table = other != NULL && choice % 2 == 0 ? other : w->table;
        w->wrong += choice < 4 ? !walk_is_right(w, table, choice == 1) : !get_is_right(w, table);
        if (choice == 1) {
            st_block_cache_resize(w->cache, test_random_below(&w->chance, 200000));
        }
    }
    w->wrong += other != NULL && st_table_verify(other, NULL) != STRATA_OK;
    st_table_close(other);
    return NULL;
}

static void readers(void **state) {
    (void)state;
    for (unsigned codec = 0; codec < 2; codec++) {
        worker workers[THREADS];
        tab_model model;
        st_block_cache *cache = NULL;
        st_table *table = NULL;
        sim *s = sim_new(1);
        sim_use_threads(s);
        tab_fill(&model, TAB_CLUSTERS, ENTRIES, 3);
        tab_build(s, &model, (strata_codec)codec);
        const st_table_spec spec = tab_spec(s, (strata_codec)codec);
        assert_int_equal(st_block_cache_create(&s->host, 100000, &cache), STRATA_OK);
        assert_int_equal(st_table_open(&spec, cache, &table, NULL), STRATA_OK);
        for (unsigned i = 0; i < THREADS; i++) {
            workers[i] = (worker){.s = s,
                                  .model = &model,
                                  .cache = cache,
                                  .table = table,
                                  .other = spec,
                                  .chance = i + 1};
            workers[i].other.number = 100 + i;
            tab_build_as(&workers[i].other, &model);
        }
        for (unsigned i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
        }
        for (unsigned i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
            assert_int_equal(workers[i].wrong, 0);
        }
        st_table_close(table);
        st_block_cache_destroy(cache);
        tab_free(&model);
        sim_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
