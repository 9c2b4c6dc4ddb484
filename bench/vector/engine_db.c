/* engine_db.c - ours as programs use it: a collection of a database in a folder, through strata.h.
 *
 * Keys are labels, as four bytes of hexadecimal digits; `pass` in the metadata says which filters a row passes. The
 * host's threads merge in the background. With VECTOR_INDEXED in the environment there is an index on `pass`.
 */
#include "vector/engine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <strata/strata.h>

#include "vector/machine.h"

enum { BATCH = 1000, KEY_LEN = 8, TEXT_LEN = 160, RESTS = 100 };

#ifndef CODES
#define CODES STRATA_CODES_AUTO
#endif

/* Processor time of RESTS rests, in seconds, from which on somebody works. */
#define WORKING 0.002

typedef struct ours {
    const vector_rows *base;
    char folder[TEXT_LEN];
    strata_db *handles[VECTOR_THREADS_MAX]; /* the first one writes, too */
} ours;

static void must(strata_db *db, strata_status status) {
    if (status != STRATA_OK) {
        fprintf(stderr, "engine_db: %s\n", db != NULL ? strata_errmsg(db) : "no database");
        exit(1);
    }
}

static strata_slice key_of(uint32_t label, char key[KEY_LEN + 1]) {
    (void)snprintf(key, KEY_LEN + 1, "%08x", label);
    return strata_text(key);
}

static uint32_t label_of(strata_slice key) {
    uint32_t label = 0;
    for (size_t i = 0; i < KEY_LEN; i++) {
        const unsigned digit = ((const uint8_t *)key.data)[i];
        label = label << 4 | (digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    return label;
}

static strata_value object_of(strata_db *db, const char *json, strata_buffer *room) {
    must(db, strata_json_to_msgpack(strata_text(json), room, NULL));
    return strata_object((strata_slice){room->data, room->len});
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void remove_folder(const char *folder) {
    char command[TEXT_LEN + 16];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0) {
        exit(1);
    }
}

static void open_all(ours *o) {
    must(NULL, strata_open(o->folder, NULL, &o->handles[0]));
    for (unsigned i = 1; i < VECTOR_THREADS_MAX; i++) {
        must(o->handles[0], strata_attach(o->handles[0], &o->handles[i]));
    }
}

static void *create(const vector_rows *base, uint32_t labels) {
    ours *o = vector_memory(1, sizeof *o);
    strata_collection collection = STRATA_COLLECTION_INIT;
    const char *temporary = getenv("TMPDIR");
    (void)labels;
    o->base = base;
    (void)snprintf(o->folder, sizeof o->folder, "%s/vector-%d.strata",
                   temporary != NULL ? temporary : "/tmp", (int)getpid());
    remove_folder(o->folder);
    open_all(o);
    collection.name = strata_text("base");
    collection.dimension = base->dimension;
    collection.codes = CODES;
    must(o->handles[0], strata_vector_create(o->handles[0], STRATA_RUN_DEFAULT, &collection, NULL));
    if (getenv("VECTOR_INDEXED") != NULL) {
        must(o->handles[0],
             strata_index_create(o->handles[0], STRATA_RUN_DEFAULT, strata_text("pass"),
                                 strata_text("vector"), strata_text("/metadata/pass")));
    }
    return o;
}

static void close_all(ours *o) {
    for (unsigned i = VECTOR_THREADS_MAX; i-- > 0;) {
        must(NULL, strata_close(o->handles[i]));
    }
}

static void destroy(void *index) {
    ours *o = index;
    close_all(o);
    remove_folder(o->folder);
    free(o);
}

static double reopen(void *index) {
    ours *o = index;
    close_all(o);
    const uint64_t start = machine_now_ns();
    open_all(o);
    return (double)(machine_now_ns() - start) * 1e-9;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static strata_vector vector_of(const ours *o, uint32_t label, const float *embedding,
                               char key[KEY_LEN + 1], strata_buffer *room) {
    strata_vector vector = STRATA_VECTOR_INIT;
    char metadata[TEXT_LEN];
    (void)snprintf(metadata, sizeof metadata, "{\"pass\":%u}",
                   vector_share(label % o->base->count));
    vector.key = key_of(label, key);
    vector.embedding = embedding;
    vector.dimension = o->base->dimension;
    vector.metadata = object_of(o->handles[0], metadata, room);
    return vector;
}

static void insert(void *index, uint32_t label, const float *embedding) {
    ours *o = index;
    char key[KEY_LEN + 1];
    strata_buffer room = {NULL, 0, 0, NULL};
    const strata_vector vector = vector_of(o, label, embedding, key, &room);
    must(o->handles[0], strata_vector_upsert(o->handles[0], STRATA_RUN_DEFAULT, strata_text("base"),
                                             &vector, 1, NULL));
    strata_buffer_free(&room);
}

static void erase(void *index, uint32_t label) {
    ours *o = index;
    char key[KEY_LEN + 1];
    must(o->handles[0], strata_vector_delete(o->handles[0], STRATA_RUN_DEFAULT, strata_text("base"),
                                             key_of(label, key), NULL));
}

static void insert_some(ours *o, uint32_t first, uint32_t count) {
    static strata_vector vectors[BATCH];
    static char keys[BATCH][KEY_LEN + 1];
    static strata_buffer rooms[BATCH];
    for (uint32_t i = 0; i < count; i++) {
        vectors[i] = vector_of(o, first + i, vector_row(o->base, first + i), keys[i], &rooms[i]);
    }
    must(o->handles[0], strata_vector_upsert(o->handles[0], STRATA_RUN_DEFAULT, strata_text("base"),
                                             vectors, count, NULL));
    for (uint32_t i = 0; i < count; i++) {
        strata_buffer_free(&rooms[i]);
        rooms[i] = (strata_buffer){NULL, 0, 0, NULL};
    }
}

/* The number of threads is the host's. The first search makes the index, and compaction makes one part of it. */
static void build(void *index, unsigned threads) {
    ours *o = index;
    uint32_t labels[VECTOR_K];
    const vector_question question = {.embedding = vector_row(o->base, 0), .effort = VECTOR_K};
    (void)threads;
    for (uint32_t first = 0; first < o->base->count; first += BATCH) {
        const uint32_t left = o->base->count - first;
        insert_some(o, first, left < BATCH ? left : BATCH);
        if (first == 0) {
            (void)vector_engine_here.search(o, 0, &question, labels);
        }
    }
    must(o->handles[0], strata_compact(o->handles[0], STRATA_COMPACT_FULL, NULL));
}

/* Waits a little; whether threads of the host did something. */
static bool work(void *index) {
    const double before = machine_cpu();
    (void)index;
    for (unsigned i = 0; i < RESTS; i++) {
        machine_rest();
    }
    return machine_cpu() - before > WORKING;
}

/* ---- Searching ------------------------------------------------------------------------------- */

static strata_value filter_of(strata_db *db, const vector_question *question, strata_buffer *room) {
    char json[TEXT_LEN];
    if (question->percent == 0) {
        return strata_null();
    }
    (void)snprintf(json, sizeof json,
                   "{\"and\":[{\"path\":\"/metadata/pass\",\"lt\":%u},"
                   "{\"path\":\"/metadata/pass\",\"ne\":%llu}]}",
                   question->percent, 1000 + (unsigned long long)question->fresh);
    return object_of(db, json, room);
}

static uint32_t search(void *index, unsigned thread, const vector_question *question,
                       uint32_t labels[VECTOR_K]) {
    ours *o = index;
    strata_db *db = o->handles[thread];
    strata_vector_query query = STRATA_VECTOR_QUERY_INIT;
    strata_buffer room = {NULL, 0, 0, NULL};
    const strata_vector_entry *hits;
    size_t count;
    query.collection = strata_text("base");
    query.embedding = question->embedding;
    query.dimension = o->base->dimension;
    query.k = VECTOR_K;
    query.effort = question->effort;
    query.exact = question->exact;
    query.filter = filter_of(db, question, &room);
    must(db, strata_vector_search(db, STRATA_RUN_DEFAULT, &query, &hits, &count));
    for (size_t i = 0; i < count; i++) {
        labels[i] = label_of(hits[i].key);
    }
    strata_buffer_free(&room);
    return (uint32_t)count;
}

const vector_engine vector_engine_here = {
    .name = "ours-db",
    .create = create,
    .destroy = destroy,
    .build = build,
    .search = search,
    .insert = insert,
    .erase = erase,
    .work = work,
    .reopen = reopen,
};
