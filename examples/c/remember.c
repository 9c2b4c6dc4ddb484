/* remember.c - remember something, recall it. Run it twice: the second time it is there already.
 *
 *     cc -Icore/include examples/c/remember.c build/libstrata.a \
 *         -lzstd -lutf8proc -lstemmer -lsodium -lm -lpthread -o remember
 */
#include <stdio.h>

#include "strata/strata.h"

static int fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    return 1;
}

int main(int argc, char **argv) {
    strata_error error;
    strata_options options = STRATA_OPTIONS_INIT;
    strata_memory memory = STRATA_MEMORY_INIT;
    strata_recall recall = STRATA_RECALL_INIT;
    strata_hits *hits;
    strata_db *db;

    options.error = &error;
    if (strata_open(argc > 1 ? argv[1] : "agent.strata", &options, &db) != STRATA_OK) {
        return fail("open", error.message);
    }
    memory.key = strata_text("ferry");
    memory.text = strata_text("The ferry to Hven leaves at nine.");
    recall.query = strata_text("when do ferries leave?");
    if (strata_memory_remember(db, STRATA_RUN_DEFAULT, &memory, NULL, NULL) != STRATA_OK ||
        strata_memory_recall(db, STRATA_RUN_DEFAULT, &recall, &hits) != STRATA_OK) {
        const int status = fail("recall", strata_errmsg(db));
        (void)strata_close(db);
        return status;
    }
    for (size_t i = 0; i < hits->count; i++) {
        const strata_slice snippet = hits->hits[i].snippet;
        printf("%.3f  %.*s\n", hits->hits[i].score, (int)snippet.len, (const char *)snippet.data);
    }
    strata_hits_free(hits);
    return strata_close(db) == STRATA_OK ? 0 : fail("close", "the last writes may not be on disk");
}
