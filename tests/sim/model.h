/* model.h - the reference: every version of everything, in arrays that one looks through.
 *
 * It knows runs, keys and versions, as SEMANTICS has them, and nothing of how they are stored. What
 * a version holds is up to the file of its primitive (op_kv.c and so on).
 */
#ifndef STRATA_SIM_MODEL_H
#define STRATA_SIM_MODEL_H

#include "support.h"

enum {
    MODEL_RUNS_MAX = 48,
    MODEL_SYSTEM = 0, /* the run that holds the records of runs */
    MODEL_DEFAULT = 1,
    MODEL_WRITES_MAX = 256,
    MODEL_SNAPSHOTS_MAX = 128,
};

typedef enum model_kind {
    /* In the order of their tags. */
    MODEL_RUN,         /* struct model_run, in MODEL_SYSTEM */
    MODEL_KV,          /* one MessagePack value */
    MODEL_EVENT,       /* struct model_event, by its sequence as 8 bytes, big-endian */
    MODEL_STATE,       /* the counter, 8 bytes little-endian, and one MessagePack value */
    MODEL_TRACE,       /* a MessagePack map {type, content, parent?, tags?} */
    MODEL_TRACE_CHILD, /* nothing; by parent, 00, id */
    MODEL_JSON,        /* struct model_document */
    MODEL_COLLECTION,  /* a MessagePack map {dimension, metric, codes, seed, dropping?} */
    MODEL_VECTOR,      /* a MessagePack map {embedding, metadata?, text?}; by collection, 00, key */
    MODEL_MEMORY,      /* struct model_memory */
    MODEL_EDGE,    /* the weight, 8 bytes, and the properties; by source, 00, type, 00, target */
    MODEL_EDGE_IN, /* nothing; by target, 00, type, 00, source */
    MODEL_SCHEMA,  /* its number, 1 byte, and the MessagePack of the JSON Schema */
    MODEL_ENTITY,  /* 1 byte: deleted; the document's MessagePack; by schema, 00, id */
    MODEL_LABEL,   /* what the commit is called; by its number as 8 bytes, big-endian */
    MODEL_INDEX,   /* what index.list has of it, a MessagePack map; by name */
    MODEL_RULE,    /* struct model_rule, in MODEL_SYSTEM */
    MODEL_KINDS
} model_kind;

typedef struct model_version {
    uint64_t number;
    int64_t timestamp_us;
    bool deleted;
    strata_slice value;
    int64_t expires_us;   /* INT64_MAX: it has no end */
    bool may_go;          /* retention may have let it go (history.h), */
    bool may_vanish;      /* or the key as a whole, of which it is the last version, */
    uint64_t vanish_from; /* not before that commit */
    unsigned from;        /* of a fork's copy: the run that wrote it; else 0 */
    uint64_t hidden_from; /* that run was deleted then, and this is its history; 0: it is there */
} model_version;

/* A key with its versions, oldest first. */
typedef struct model_cell {
    strata_slice key;
    model_version *versions;
    size_t count;
    size_t cap;
} model_cell;

typedef struct model_write {
    unsigned run;
    model_kind kind;
    strata_slice key;
    strata_slice value;
    bool deletes;
    int64_t expires_us; /* 0: it has no end */
} model_write;

typedef struct model_table {
    model_cell **cells; /* in order of key; those without a version count for nothing */
    size_t count;
    size_t cap;
} model_table;

typedef struct model_entry {
    model_cell *cell;
    uint64_t number;
    int64_t timestamp_us;
    unsigned run;
} model_entry;

typedef enum snapshot_state { SNAPSHOT_GONE, SNAPSHOT_THERE, SNAPSHOT_UNKNOWN } snapshot_state;

typedef struct model_snapshot {
    strata_slice name;
    snapshot_state state;
    uint64_t version;
    strata_slice told; /* all that is told of it */
} model_snapshot;

/* Where a fork began: what it saw of another run was copied then. */
typedef struct model_origin {
    unsigned base;    /* 0: it is no fork */
    uint64_t at;      /* the last commit that it sees */
    uint64_t bound;   /* up to which it sees: by version, UINT64_MAX: not, */
    int64_t bound_us; /* and by time, INT64_MAX: not */
    uint64_t made;    /* the commit that made it, and its time */
    int64_t made_us;
} model_origin;

/* Up to where keys of a run and kind may have vanished. */
typedef struct model_floor {
    uint64_t version;
    int64_t time_us;
} model_floor;

typedef struct model {
    st_arena arena;
    model_table tables[MODEL_RUNS_MAX][MODEL_KINDS];
    int64_t newest_us[MODEL_RUNS_MAX];
    int64_t floor_us; /* no commit since the last opening is older: what was in tables then */
    model_entry *log; /* every write, in order of version */
    size_t log_count;
    size_t log_cap;
    model_floor floors[MODEL_RUNS_MAX][MODEL_KINDS];
    model_origin origins[MODEL_RUNS_MAX];
    uint64_t gone[MODEL_RUNS_MAX]; /* the commit that deleted the run; 0: none */
    bool marked;                   /* what may be gone; since then nothing was committed or cut */
    int64_t marked_us;
    uint64_t marked_settled;
    model_snapshot snapshots[MODEL_SNAPSHOTS_MAX];
    size_t snapshot_count;
    bool doubts;      /* any of them may be there or not */
    int64_t now_us;   /* of the round at hand */
    uint64_t settled; /* the last version before it */
    uint64_t last;    /* version; the commits of a life have no gaps */
} model;

void model_init(model *m);
void model_free(model *m);

/* Memory that lasts as long as the model; fails the seed when there is none. */
void *model_alloc(model *m, size_t size);
strata_slice model_copy(model *m, strata_slice bytes);

/* The time a commit to the run carries at that time of the clock. */
int64_t model_time(const model *m, unsigned run, int64_t wall_us);
/* The next version; keys and values are copied, values by their bytes. */
void model_commit(model *m, int64_t timestamp_us, const model_write *writes, size_t count);
/* Finds the run that a fork of origin->base inside origin->bound and bound_us sees: where that is before
 * the first commit of a fork, it is what that one sees. */
void model_find_base(const model *m, model_origin *origin);
/* Right after the commit that made it: the run becomes that fork. */
void model_fork(model *m, unsigned run, const model_origin *origin);
/* Right after the commit that deleted it. */
void model_bury(model *m, unsigned run);
/* Whether a reader of the run at that commit may meet what its forks no longer see of a run that was
 * deleted, or what a rule let go of. */
bool model_past_is_loose(const model *m, unsigned run, uint64_t as_of);
/* A version of a key that is not committed, and its removal; in between nothing else changes. */
void model_lay(model *m, const model_write *write);
void model_lift(model *m, const model_write *write);
/* Forgets everything after that version. */
void model_cut(model *m, uint64_t version);

/* The last commit to the run at that time, among those up to `snapshot`; 0: none. */
uint64_t model_at_time(const model *m, unsigned run, uint64_t snapshot, int64_t time_us);

/* What a reader at `snapshot` sees, deletes included; NULL: nothing. */
const model_version *model_find(const model *m, unsigned run, model_kind kind, strata_slice key,
                                uint64_t snapshot);
/* The same, but NULL for a delete. */
const model_version *model_live(const model *m, unsigned run, model_kind kind, strata_slice key,
                                uint64_t snapshot);
const model_version *model_seen(const model_cell *cell, uint64_t snapshot);

static inline const model_table *model_table_of(const model *m, unsigned run, model_kind kind) {
    return &m->tables[run][kind];
}

#endif
