/* entity.h - entities: JSON documents that fit a schema, each with an id. */
#ifndef ST_MODEL_ENTITY_ENTITY_H
#define ST_MODEL_ENTITY_ENTITY_H

#include "model/entity/schema.h"

/* Schema and id are checked by every function: invalid_key; together they have at most ST_KEY_BYTES_MAX
 * bytes. Writes: not_found (there is no such schema), constraint {run_closed, value_too_large}, and what
 * a commit returns. */
typedef struct st_entity_ref {
    strata_slice schema;
    strata_slice id;
} st_entity_ref;

typedef struct st_entity {
    st_entity_ref ref;
    strata_slice uri;      /* empty: it has none */
    strata_slice document; /* an object; borrowed until the request ends */
    bool deleted;          /* softly, by the commit that the stamp is of */
    st_stamp stamp;
} st_entity;

typedef struct st_entity_input {
    st_entity_ref ref;     /* id empty: made from what follows */
    strata_slice uri;      /* empty: none, or that which it has */
    strata_value document; /* an object */
} st_entity_input;

typedef struct st_entity_made {
    strata_slice id; /* in the arena, or the caller's */
    bool created;    /* there was none, or it was deleted */
    st_stamp stamp;
} st_entity_made;

/* Stores an entity, or replaces it. Errors: constraint {schema_mismatch {path, keyword}, key_missing
 * {path}: neither id nor uri, and the schema's key field has no string and no int; schema_too_complex,
 * nesting_too_deep, root_not_object}, invalid_argument (the uri). */
strata_status st_entity_upsert(st_request *rq, st_run *run, const st_entity_input *input,
                               st_entity_made *made);
/* The id that an upsert of it has; *id is empty if that is left to chance. Errors: key_missing. */
strata_status st_entity_id(st_request *rq, const st_run *run, const st_entity_input *input,
                           strata_slice *id);
/* RFC 7396; null removes. The id stays. A patch that changes nothing: nothing is written. Errors: not_found,
 * and those of an upsert. */
strata_status st_entity_merge(st_request *rq, st_run *run, const st_entity_ref *ref,
                              const strata_value *patch, st_stamp *stamp);

/* Softly: it is stored, and not found. *existed false: there is none, or it was deleted before. */
strata_status st_entity_delete(st_request *rq, st_run *run, const st_entity_ref *ref, bool *existed,
                               st_stamp *stamp);
/* As it was; whether it fits the schema of now is not asked. *restored false: it was not deleted. Errors:
 * not_found. */
strata_status st_entity_restore(st_request *rq, st_run *run, const st_entity_ref *ref,
                                bool *restored, st_stamp *stamp);
/* Really; its history stays. Errors: constraint {not_deleted}: softly first, or `force`. */
strata_status st_entity_purge(st_request *rq, st_run *run, const st_entity_ref *ref, bool force,
                              bool *existed, st_stamp *stamp);

/* ---- Reading --------------------------------------------------------------------------------- */

/* Errors: not_found, also of one that was deleted, unless `deleted_too`. */
strata_status st_entity_get(st_request *rq, const st_run *run, const st_entity_ref *ref,
                            const st_when *when, bool deleted_too, st_entity *entity);
/* One by its key of the store, inside a bound; deleted ones too. */
strata_status st_entity_find(st_request *rq, const st_run *run, strata_slice owner,
                             const st_bound *bound, st_entity *entity, bool *found);
/* What is stored under a key of ST_TAG_ENTITY; borrowed from both. Errors: corrupt. */
strata_status st_entity_read(st_request *rq, strata_slice store_key, strata_slice stored,
                             st_entity *entity);
/* The versions, to be read with st_versions_next. */
strata_status st_entity_history(st_request *rq, const st_run *run, const st_entity_ref *ref,
                                uint64_t before, st_scan **scan);

typedef struct st_entity_page {
    strata_slice schema;
    strata_slice prefix; /* of ids */
    strata_slice after;  /* the last id of the page before; empty: none */
    bool reverse;
    st_when when;
} st_entity_page;

/* A scan over the entities of a schema, in order of id; deleted ones too. Errors: not_found (the schema). */
strata_status st_entity_scan(st_request *rq, const st_run *run, const st_entity_page *page,
                             st_scan **scan);
/* The one where the scan stands; borrowed until it moves. */
strata_status st_entity_at(st_request *rq, st_scan *scan, st_entity *entity);

/* ---- Vacuum (entity_vacuum.c) ---------------------------------------------------------------- */

typedef struct st_vacuum {
    strata_slice schema;    /* empty: all */
    uint64_t older_than_ms; /* deleted so long ago */
    bool dry;               /* only count */
} st_vacuum;

/* Purges what was deleted, in commits of some hundred. Not inside a transaction. Errors: not_found (the
 * schema), constraint {run_closed}. Cost: reads all entities. */
strata_status st_entity_vacuum(st_request *rq, st_run *run, const st_vacuum *spec,
                               uint64_t *candidates, uint64_t *purged);

/* ---- For the commit of a transaction --------------------------------------------------------- */

/* Appends (st_write) what a write of an entity changes in the run's secondary indexes; sees to it that every
 * entity has a schema afterwards. Other writes are left alone. Under the run's lock. Errors: conflict {key}. */
strata_status st_entity_follow(st_request *rq, st_run *run, const st_write *write,
                               strata_buffer *writes);

#endif
