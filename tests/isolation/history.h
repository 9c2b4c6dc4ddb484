/* history.h - what transactions did, as they saw it: the recorded history that is checked afterwards.
 *
 * Keys are numbered in their order; a key belongs to one run. Every put writes a value that nothing
 * else writes. Ticks come from one counter for all threads.
 */
#ifndef STRATA_TEST_ISOLATION_HISTORY_H
#define STRATA_TEST_ISOLATION_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum iso_level { ISO_SERIALIZABLE, ISO_SNAPSHOT } iso_level;

typedef enum iso_kind {
    ISO_GET,
    ISO_SCAN,
    ISO_PUT,
    ISO_DELETE,    /* reads whether there is a value, too */
    ISO_ADD,       /* to what is there at the commit; nothing counts as 0 */
    ISO_APPEND,    /* an event */
    ISO_SAVEPOINT, /* at most one in a transaction */
    ISO_ROLLBACK   /* to it */
} iso_kind;

typedef struct iso_item {
    uint32_t key;
    uint64_t version; /* 0: of the transaction's own */
    int64_t value;
} iso_item;

typedef struct iso_op {
    iso_kind kind;
    uint32_t key;     /* of a scan: the first of the range */
    uint32_t end;     /* of a scan: beyond the last; as far as it went */
    bool found;       /* get: there was a value; delete: there had been one */
    bool reverse;     /* of a scan */
    uint64_t version; /* get: of the value; 0: the transaction's own */
    int64_t value;    /* got, put, added, or the event's */
    uint64_t at;      /* the tick when it had returned */
    size_t first_item;
    size_t item_count; /* of a scan: what it found, in the order in which it came */
} iso_op;

#define ISO_UNKNOWN UINT64_MAX

typedef struct iso_txn {
    uint32_t thread;
    uint32_t number; /* in its thread */
    uint32_t run;
    iso_level level;
    bool single; /* one operation without a transaction */
    bool committed;
    uint64_t began; /* ticks: before it began, before it was to be committed, after that */
    uint64_t commits_at;
    uint64_t ended;
    uint64_t snapshot; /* ISO_UNKNOWN: of a single operation */
    uint64_t version;  /* of its commit; 0: it wrote nothing, or was not committed */
    size_t first_op;
    size_t op_count;
} iso_txn;

typedef struct iso_event {
    uint32_t run;
    uint64_t sequence;
    uint64_t version;
    int64_t value;
} iso_event;

typedef struct iso_history {
    uint32_t keys;
    iso_txn *txns;
    size_t txn_count;
    iso_op *ops;
    size_t op_count;
    iso_item *items;
    size_t item_count;
    iso_event *events; /* the logs of all runs as they are in the end, one run after the other */
    size_t event_count;
} iso_history;

void iso_history_free(iso_history *history);
/* Adds a transaction, its operations, the items of the last scan. The returned one is borrowed until
 * the next is added. */
iso_txn *iso_add_txn(iso_history *history, const iso_txn *txn);
iso_op *iso_add_op(iso_history *history, const iso_op *op);
void iso_add_item(iso_history *history, const iso_item *item);
void iso_add_event(iso_history *history, const iso_event *event);
/* Whether an operation of the transaction was rolled back by a later one. */
bool iso_is_undone(const iso_history *history, const iso_txn *txn, size_t place);
/* Appends what another thread has recorded. */
void iso_append(iso_history *history, const iso_history *other);

/* One transaction in words, for a person who has to judge a finding. */
void iso_show_txn(const iso_history *history, size_t txn, char *text, size_t size);

#endif
