/* transfer.c - a transaction: move an amount from one key to another and append an event, all of it
 * in one commit or nothing. Run it until anna has nothing left.
 *
 *     cc -Icore/include examples/c/transfer.c build/libstrata.a \
 *         -lzstd -lutf8proc -lstemmer -lsodium -lm -lpthread -o transfer
 */
#include <stdio.h>

#include "strata/strata.h"

typedef struct transfer {
    const char *from;
    const char *to;
    int64_t amount;
    int64_t left; /* out: what `from` has afterwards */
} transfer;

/* An account that is not there is empty. */
static strata_status balance(strata_db *db, const char *account, int64_t *amount) {
    strata_entry entry;
    const strata_status status =
        strata_kv_get(db, STRATA_RUN_DEFAULT, strata_text(account), &entry);
    if (status == STRATA_OK && entry.value.type != STRATA_INT) {
        return STRATA_WRONG_TYPE;
    }
    *amount = status == STRATA_OK ? entry.value.as.integer : 0;
    return status == STRATA_NOT_FOUND ? STRATA_OK : status;
}

static strata_status note(strata_db *db, const transfer *t) {
    char json[200];
    strata_buffer payload = {0};
    const int len =
        snprintf(json, sizeof(json), "{\"from\": \"%s\", \"to\": \"%s\", \"amount\": %lld}",
                 t->from, t->to, (long long)t->amount);
    const strata_slice text = {json, (size_t)len};
    strata_status status = strata_json_to_msgpack(text, &payload, NULL);
    if (status == STRATA_OK) {
        const strata_slice object = {payload.data, payload.len};
        status = strata_event_append(db, STRATA_RUN_DEFAULT, strata_text("transfer"),
                                     strata_object(object), NULL);
    }
    strata_buffer_free(&payload);
    return status;
}

/* What happens in the transaction. It may be called again after a conflict, so it reads anew and
 * does nothing that cannot be done twice. Whatever it returns but STRATA_OK rolls back. */
static strata_status move(strata_db *db, void *arg) {
    transfer *const t = arg;
    const strata_run run = STRATA_RUN_DEFAULT;
    int64_t from = 0;
    int64_t to = 0;
    strata_status status = balance(db, t->from, &from);
    if (status == STRATA_OK) {
        status = balance(db, t->to, &to);
    }
    if (status == STRATA_OK && from < t->amount) {
        t->left = from;
        return STRATA_CONSTRAINT;
    }
    t->left = from - t->amount;
    if (status == STRATA_OK) {
        status = strata_kv_put(db, run, strata_text(t->from), strata_int(t->left), NULL);
    }
    if (status == STRATA_OK) {
        status = strata_kv_put(db, run, strata_text(t->to), strata_int(to + t->amount), NULL);
    }
    return status == STRATA_OK ? note(db, t) : status;
}

static int fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    return 1;
}

/* Gives anna something to begin with, the first time. */
static strata_status prepare(strata_db *db) {
    strata_entry entry;
    const strata_slice anna = strata_text("anna");
    const strata_status status = strata_kv_get(db, STRATA_RUN_DEFAULT, anna, &entry);
    return status == STRATA_NOT_FOUND
               ? strata_kv_put(db, STRATA_RUN_DEFAULT, anna, strata_int(100), NULL)
               : status;
}

int main(int argc, char **argv) {
    transfer t = {.from = "anna", .to = "jonas", .amount = 60};
    strata_options options = STRATA_OPTIONS_INIT;
    strata_error error;
    strata_db *db;
    uint64_t version = 0;

    options.error = &error;
    if (strata_open(argc > 1 ? argv[1] : "bank.strata", &options, &db) != STRATA_OK) {
        return fail("open", error.message);
    }
    strata_status status = prepare(db);
    if (status == STRATA_OK) {
        status = strata_transact(db, STRATA_RUN_DEFAULT, NULL, move, &t, &version);
    }
    int code = 0;
    if (status == STRATA_OK) {
        printf("moved %lld in commit %llu; %s has %lld left\n", (long long)t.amount,
               (unsigned long long)version, t.from, (long long)t.left);
    } else if (status == STRATA_CONSTRAINT) {
        printf("nothing moved: %s has only %lld\n", t.from, (long long)t.left);
    } else {
        code = fail("transfer", strata_errmsg(db));
    }
    return strata_close(db) == STRATA_OK ? code
                                         : fail("close", "the last writes may not be on disk");
}
