/* follow.c - the transactions of a life's clients, followed through the records of a round.
 *
 * What an operation does to its transaction is told by its answer and the transaction's snapshot, and
 * does not depend on what other clients do at the same time. So the records of one client are followed
 * in their order, each as soon as the commits are on the model that came before it.
 */
#include "life.h"

static size_t place_of(const txn_table *table, uint64_t number) {
    size_t i = 0;
    while (i < ST_TXNS_MAX && (table->open[i] == NULL || table->open[i]->number != number)) {
        i++;
    }
    return i;
}

static size_t count_open(const txn_table *table) {
    size_t count = 0;
    for (size_t i = 0; i < ST_TXNS_MAX; i++) {
        count += table->open[i] != NULL;
    }
    return count;
}

static void follow_begin(life *l, record *r, txn_table *table) {
    moment now = {.model = &l->model, .snapshot = l->model.last};
    unsigned run;
    if (r->answer.status != STRATA_OK) {
        return;
    }
    while (!op_has_run(&r->op, &now, &run)) { /* it was deleted since */
        if (now.snapshot == 0) {
            return;
        }
        now.snapshot--;
    }
    for (size_t i = 0; i < ST_TXNS_MAX; i++) {
        if (table->open[i] == NULL) {
            table->open[i] = model_txn_begin(&l->model, &r->op, &r->answer, run);
            table->doubtful[i] = false;
            table->last = table->open[i]->number;
            return;
        }
    }
}

static bool ends(const op *o) {
    return strcmp(o->kind->name, "txn.commit") == 0 || strcmp(o->kind->name, "txn.rollback") == 0;
}

static void follow(life *l, record *r) {
    txn_table *table = &l->txns.tables[r->client];
    const size_t place = place_of(table, r->op.txn);
    const moment now = {.model = &l->model,
                        .snapshot = l->model.last,
                        .now_us = r->now_us,
                        .value_bytes_max = l->options.value_bytes_max};
    r->op.txns_open = count_open(table);
    r->op.txns_last = table->last;
    r->op.seen = place < ST_TXNS_MAX ? table->open[place] : NULL;
    if (strcmp(r->op.kind->name, "txn.begin") == 0) {
        follow_begin(l, r, table);
    } else if (r->op.seen == NULL) {
        return;
    } else if (r->excused && (ends(&r->op) || r->op.seen->timeout_ms > 0)) {
        table->doubtful[place] = true;
    } else if (ends(&r->op) || r->answer.status == STRATA_TIMEOUT) {
        table->open[place] = NULL;
    } else {
        table->open[place] =
            model_txn_after(&l->model, &r->op, &now, &r->answer, r->excused, &l->expected);
    }
}

/* Follows the records of that client up to that one, it included. */
void txn_follow(life *l, const record *last) {
    for (size_t i = 0; i < l->record_count; i++) {
        record *r = &l->records[i];
        const uint32_t bit = (uint32_t)1 << i;
        if (r->client == last->client && (l->txns.followed & bit) == 0 && r <= last) {
            l->txns.followed |= bit;
            follow(l, r);
        }
    }
}

/* Before anything of a round is explained: a commit of nothing answers with its snapshot, which is no
 * new version; and what a transaction sees is there. Returns the newest version that was seen. */
uint64_t txn_begin_round(life *l) {
    uint64_t newest = 0;
    l->txns.followed = 0;
    for (size_t i = 0; i < l->record_count; i++) {
        record *r = &l->records[i];
        const strata_slice object = object_of(r->answer.response);
        if (strcmp(r->op.kind->name, "txn.begin") == 0 && r->answer.status == STRATA_OK) {
            const uint64_t version = (uint64_t)int_of(field_of(object, "version"));
            newest = version > newest ? version : newest;
        }
        if (strcmp(r->op.kind->name, "txn.commit") != 0 || r->version == 0) {
            continue;
        }
        const txn_table *table = &l->txns.tables[r->client];
        const size_t place = place_of(table, r->op.txn);
        uint64_t snapshot = place < ST_TXNS_MAX ? table->open[place]->snapshot : UINT64_MAX;
        for (size_t j = 0; j < i; j++) {
            const record *begin = &l->records[j];
            const strata_slice begun = object_of(begin->answer.response);
            if (begin->client == r->client && begin->answer.status == STRATA_OK &&
                strcmp(begin->op.kind->name, "txn.begin") == 0 &&
                (uint64_t)int_of(field_of(begun, "txn")) == r->op.txn) {
                snapshot = (uint64_t)int_of(field_of(begun, "version"));
            }
        }
        r->version = r->version == snapshot ? 0 : r->version;
    }
    return newest;
}

/* Whether nothing that the client saw before that record is newer than what is on the model. */
bool txn_may_follow(const life *l, const record *last) {
    for (size_t i = 0; i < l->record_count && &l->records[i] < last; i++) {
        const record *r = &l->records[i];
        if (r->client == last->client && r->answer.status == STRATA_OK &&
            strcmp(r->op.kind->name, "txn.begin") == 0 &&
            (uint64_t)int_of(field_of(object_of(r->answer.response), "version")) > l->model.last) {
            return false;
        }
    }
    return true;
}

/* Ends the transactions of which it is not known whether they are over. */
void txn_settle(life *l) {
    for (unsigned c = 0; c < l->clients; c++) {
        txn_table *table = &l->txns.tables[c];
        for (size_t i = 0; i < ST_TXNS_MAX; i++) {
            if (table->open[i] == NULL || !table->doubtful[i]) {
                continue;
            }
            op o = {.kind = op_find("txn.rollback"), .txn = table->open[i]->number};
            maker mk = round_maker(l);
            strata_buffer out = {NULL, 0, 0, NULL};
            op_encode(&mk, &o);
            const strata_status status = op_run(&o, l->handles[c], &out);
            strata_buffer_free(&out);
            if (status == STRATA_OK || status == STRATA_NOT_FOUND || status == STRATA_TIMEOUT) {
                table->open[i] = NULL;
                table->doubtful[i] = false;
            } else if (!is_excused(l, status)) {
                life_fail(l, "a transaction does not end: %s", strata_status_name(status));
            }
        }
    }
}
