/* Notes that are found by what they are like, as they are now and as they were.
 *
 *     make build/examples/semantic && build/examples/semantic
 *
 * What to look at
 *   - A collection takes embeddings of one dimension, with metadata beside them; a search sees what was stored a moment
 *     ago, and a filter is asked while it looks, so k hits come back whenever k notes pass.
 *   - A note that is stored again, or deleted, is still found by a search as of the commit before.
 *
 * A model would make better embeddings. This one counts the letters that stand side by side, so that it needs nothing
 * and prints the same each time; semantic.mjs is the same in JavaScript.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/strata.h"

enum { DIMENSION = 96 };

static const struct {
    const char *key;
    const char *kind;
    const char *text;
} notes[] = {
    {"kettle", "drink", "Boil the kettle and warm the teapot."},
    {"green", "drink", "Green tea wants water below eighty degrees."},
    {"coffee", "drink", "Grind the coffee just before brewing."},
    {"ferry", "travel", "The ferry to Hven leaves at nine."},
    {"train", "travel", "The night train leaves from platform nine."},
    {"rye", "food", "Rye bread keeps for a week in a cloth."},
};

static void must(strata_db *db, strata_status status) {
    if (status != STRATA_OK) {
        fprintf(stderr, "%s\n", strata_errmsg(db));
        exit(1);
    }
}

/* How often each pair of letters stands side by side, in as many buckets as there are dimensions. */
static void embed(const char *text, float counts[DIMENSION]) {
    memset(counts, 0, DIMENSION * sizeof *counts);
    for (size_t i = 0; i + 1 < strlen(text); i++) {
        const int first = tolower((unsigned char)text[i]);
        const int second = tolower((unsigned char)text[i + 1]);
        counts[(first * 31 + second * 7) % DIMENSION] += 1;
    }
}

/* An object of JSON; it lives until the buffer is freed. */
static strata_value object_of(strata_db *db, const char *json, strata_buffer *room) {
    must(db, strata_json_to_msgpack(strata_text(json), room, NULL));
    return strata_object((strata_slice){room->data, room->len});
}

static uint64_t put(strata_db *db, const char *key, const char *kind, const char *text) {
    strata_vector vector = STRATA_VECTOR_INIT;
    strata_buffer room = {NULL, 0, 0, NULL};
    float counts[DIMENSION];
    char metadata[64];
    uint64_t version = 0;
    embed(text, counts);
    (void)snprintf(metadata, sizeof metadata, "{\"kind\":\"%s\"}", kind);
    vector.key = strata_text(key);
    vector.embedding = counts;
    vector.dimension = DIMENSION;
    vector.metadata = object_of(db, metadata, &room);
    vector.text = strata_text(text);
    must(db,
         strata_vector_upsert(db, STRATA_RUN_DEFAULT, strata_text("notes"), &vector, 1, &version));
    strata_buffer_free(&room);
    return version;
}

/* version: as of which; 0: now. filter: NULL for none. */
static void show(strata_db *db, const char *question, const char *filter, uint32_t k,
                 uint64_t version) {
    strata_vector_query query = STRATA_VECTOR_QUERY_INIT;
    strata_buffer room = {NULL, 0, 0, NULL};
    const strata_vector_entry *hits;
    float counts[DIMENSION];
    size_t count;
    embed(question, counts);
    query.collection = strata_text("notes");
    query.embedding = counts;
    query.dimension = DIMENSION;
    query.k = k;
    query.values = true;
    if (filter != NULL) {
        query.filter = object_of(db, filter, &room);
    }
    if (version > 0) {
        query.when = strata_as_of(version);
    }
    must(db, strata_vector_search(db, STRATA_RUN_DEFAULT, &query, &hits, &count));
    for (size_t i = 0; i < count; i++) {
        printf("  %.3f  %.*s: %.*s\n", hits[i].score, (int)hits[i].key.len,
               (const char *)hits[i].key.data, (int)hits[i].text.len,
               (const char *)hits[i].text.data);
    }
    strata_buffer_free(&room);
}

int main(void) {
    strata_options options = STRATA_OPTIONS_INIT;
    strata_collection collection = STRATA_COLLECTION_INIT;
    uint64_t before = 0;
    strata_db *db;
    if (strata_open(":memory:", &options, &db) != STRATA_OK) {
        return 1;
    }
    collection.name = strata_text("notes");
    collection.dimension = DIMENSION;
    must(db, strata_vector_create(db, STRATA_RUN_DEFAULT, &collection, NULL));
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        before = put(db, notes[i].key, notes[i].kind, notes[i].text);
    }
    printf("How warm is the water for tea?\n");
    show(db, "how warm is the water for tea?", NULL, 2, 0);
    printf("When does it leave? (travel)\n");
    show(db, "when does it leave?", "{\"path\":\"/metadata/kind\",\"eq\":\"travel\"}", 2, 0);

    (void)put(db, "ferry", "travel", "The ferry to Hven leaves at ten, from today.");
    must(db, strata_vector_delete(db, STRATA_RUN_DEFAULT, strata_text("notes"),
                                  strata_text("train"), NULL));
    printf("When does the ferry leave?\n");
    show(db, "when does the ferry leave?", NULL, 1, 0);
    printf("And yesterday?\n");
    show(db, "when does the ferry leave?", NULL, 1, before);
    return strata_close(db) == STRATA_OK ? 0 : 1;
}
