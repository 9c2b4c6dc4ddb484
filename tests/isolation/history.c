/* history.c - see history.h. The arrays grow by doubling, so their lengths say when they are full. */
#include "history.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` elements behind `count`; the capacity is the next power of two from 64 on. */
static void *make_room(void *array, size_t count, size_t more, size_t element) {
    size_t cap = 64;
    while (cap < count) {
        cap *= 2;
    }
    if (array != NULL && count + more <= cap) {
        return array;
    }
    while (cap < count + more) {
        cap *= 2;
    }
    void *grown = realloc(array, cap * element);
    if (grown == NULL) {
        (void)fprintf(stderr, "no memory for a history\n");
        abort();
    }
    return grown;
}

void iso_history_free(iso_history *history) {
    free(history->txns);
    free(history->ops);
    free(history->items);
    free(history->events);
    memset(history, 0, sizeof *history);
}

iso_txn *iso_add_txn(iso_history *history, const iso_txn *txn) {
    history->txns = make_room(history->txns, history->txn_count, 1, sizeof *txn);
    iso_txn *added = &history->txns[history->txn_count++];
    *added = *txn;
    added->first_op = history->op_count;
    added->op_count = 0;
    return added;
}

iso_op *iso_add_op(iso_history *history, const iso_op *op) {
    history->ops = make_room(history->ops, history->op_count, 1, sizeof *op);
    iso_op *added = &history->ops[history->op_count++];
    *added = *op;
    added->first_item = history->item_count;
    added->item_count = 0;
    history->txns[history->txn_count - 1].op_count++;
    return added;
}

void iso_add_item(iso_history *history, const iso_item *item) {
    history->items = make_room(history->items, history->item_count, 1, sizeof *item);
    history->items[history->item_count++] = *item;
    history->ops[history->op_count - 1].item_count++;
}

void iso_add_event(iso_history *history, const iso_event *event) {
    history->events = make_room(history->events, history->event_count, 1, sizeof *event);
    history->events[history->event_count++] = *event;
}

bool iso_is_undone(const iso_history *history, const iso_txn *txn, size_t place) {
    const iso_op *ops = &history->ops[txn->first_op];
    bool marked = false;
    for (size_t i = 0; i < place; i++) {
        marked = marked || ops[i].kind == ISO_SAVEPOINT;
    }
    for (size_t i = place + 1; marked && i < txn->op_count; i++) {
        if (ops[i].kind == ISO_ROLLBACK) {
            return true;
        }
    }
    return false;
}

static void *append(void *to, size_t to_count, const void *from, size_t from_count, size_t size) {
    if (from_count == 0) {
        return to;
    }
    to = make_room(to, to_count, from_count, size);
    memcpy((char *)to + to_count * size, from, from_count * size);
    return to;
}

void iso_append(iso_history *history, const iso_history *other) {
    const size_t txns = history->txn_count;
    const size_t ops = history->op_count;
    history->txns = append(history->txns, txns, other->txns, other->txn_count, sizeof *other->txns);
    history->ops = append(history->ops, ops, other->ops, other->op_count, sizeof *other->ops);
    history->items = append(history->items, history->item_count, other->items, other->item_count,
                            sizeof *other->items);
    for (size_t i = 0; i < other->txn_count; i++) {
        history->txns[txns + i].first_op += ops;
    }
    for (size_t i = 0; i < other->op_count; i++) {
        history->ops[ops + i].first_item += history->item_count;
    }
    history->txn_count += other->txn_count;
    history->op_count += other->op_count;
    history->item_count += other->item_count;
}

/* ---- In words -------------------------------------------------------------------------------- */

typedef struct writer {
    char *text;
    size_t size;
    size_t len;
} writer;

static void say(writer *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(writer *to, const char *format, ...) {
    va_list list;
    if (to->len >= to->size) {
        return;
    }
    va_start(list, format);
    const int len = vsnprintf(to->text + to->len, to->size - to->len, format, list);
    va_end(list);
    to->len += len > 0 ? (size_t)len : 0;
}

static void show_op(const iso_history *history, const iso_op *op, writer *to) {
    switch (op->kind) {
    case ISO_GET:
        if (op->found) {
            say(to, " get %u=%lld@%llu", op->key, (long long)op->value,
                (unsigned long long)op->version);
        } else {
            say(to, " get %u: none", op->key);
        }
        break;
    case ISO_SCAN:
        say(to, " scan%s [%u,%u):", op->reverse ? " back" : "", op->key, op->end);
        for (size_t i = 0; i < op->item_count; i++) {
            const iso_item *item = &history->items[op->first_item + i];
            say(to, " %u=%lld@%llu", item->key, (long long)item->value,
                (unsigned long long)item->version);
        }
        break;
    case ISO_PUT:
        say(to, " put %u=%lld", op->key, (long long)op->value);
        break;
    case ISO_DELETE:
        say(to, " delete %u (%s)", op->key, op->found ? "was there" : "was not there");
        break;
    case ISO_ADD:
        say(to, " add %lld to %u", (long long)op->value, op->key);
        break;
    case ISO_APPEND:
        say(to, " append %lld", (long long)op->value);
        break;
    case ISO_SAVEPOINT:
        say(to, " savepoint");
        break;
    case ISO_ROLLBACK:
        say(to, " back to the savepoint");
        break;
    }
    say(to, ";");
}

void iso_show_txn(const iso_history *history, size_t txn, char *text, size_t size) {
    const iso_txn *t = &history->txns[txn];
    writer to = {text, size, 0};
    say(&to, "%u.%u (%s%s, run %u, ticks %llu-%llu, ", t->thread, t->number,
        t->single ? "single, " : "", t->level == ISO_SNAPSHOT ? "snapshot" : "serializable", t->run,
        (unsigned long long)t->began, (unsigned long long)t->ended);
    if (t->snapshot != ISO_UNKNOWN) {
        say(&to, "reads at %llu, ", (unsigned long long)t->snapshot);
    }
    if (!t->committed) {
        say(&to, "aborted):");
    } else if (t->version == 0) {
        say(&to, "wrote nothing):");
    } else {
        say(&to, "commit %llu):", (unsigned long long)t->version);
    }
    for (size_t i = 0; i < t->op_count; i++) {
        show_op(history, &history->ops[t->first_op + i], &to);
    }
}
