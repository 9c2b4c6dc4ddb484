/* entity.h - schemas, and the entities that fit them: a part of strata.h, which includes it.
 *
 * What strata.h says of threads, memory and errors holds here.
 */
#ifndef STRATA_ENTITY_H
#define STRATA_ENTITY_H

#include "strata/strata.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A schema says what the entities of its name look like; an entity is a JSON document that fits it, has an id,
 * and is deleted in two steps. docs/operations.md (schema.put) has the keywords of JSON Schema that are
 * enforced. Finding entities by their fields is entity.find, through strata_exec. */
typedef struct strata_schema {
    size_t size; /* sizeof(strata_schema) */
    strata_slice name;
    strata_value schema;         /* a JSON Schema: an object */
    strata_slice key_field;      /* the path of what identifies an entity; empty: none */
    const strata_slice *indexed; /* paths that are to have an index; at most 64 */
    size_t indexed_count;
    const strata_slice *embedding; /* this and the next: kept, and told back */
    size_t embedding_count;
    const strata_slice *encrypted;
    size_t encrypted_count;
} strata_schema;

#define STRATA_SCHEMA_INIT                                                                         \
    {sizeof(strata_schema),                                                                        \
     {NULL, 0},                                                                                    \
     {STRATA_NULL, {.integer = 0}},                                                                \
     {NULL, 0},                                                                                    \
     NULL,                                                                                         \
     0,                                                                                            \
     NULL,                                                                                         \
     0,                                                                                            \
     NULL,                                                                                         \
     0}

/* Stores a schema, or a new version of it; entities that are there are not looked at. Fills its indexes
 * before it returns. Not inside a transaction. version may be NULL. Errors: invalid_argument {keyword, path}
 * (what is not enforced is refused), invalid_key, invalid_path, constraint {schema_too_large,
 * nesting_too_deep, too_many_indexes, run_closed}. */
strata_status strata_schema_put(strata_db *db, strata_run run, const strata_schema *schema,
                                uint64_t *version) STRATA_MUST_USE;
/* entry->value: {schema, key_field?, indexed?, embedding?, encrypted?}. Errors: not_found, invalid_key,
 * history_trimmed, invalid_argument (it has not come yet). */
strata_status strata_schema_get(strata_db *db, strata_run run, strata_slice name, strata_when when,
                                strata_entry *entry) STRATA_MUST_USE;
/* Not inside a transaction. existed may be NULL. Errors: constraint {schema_in_use, run_closed}. */
strata_status strata_schema_delete(strata_db *db, strata_run run, strata_slice name,
                                   bool *existed) STRATA_MUST_USE;

typedef struct strata_entity {
    size_t size; /* sizeof(strata_entity) */
    strata_slice schema;
    strata_value document; /* an object */
    strata_slice uri;      /* that identifies it; empty: none */
    /* Empty: made of the uri, the schema's key field, the members key or name; without any of these of
     * time and chance. */
    strata_slice id;
} strata_entity;

#define STRATA_ENTITY_INIT                                                                         \
    {sizeof(strata_entity), {NULL, 0}, {STRATA_NULL, {.integer = 0}}, {NULL, 0}, {NULL, 0}}

/* Stores an entity, or replaces it. id, created and version may be NULL; the id is borrowed until the next
 * call. Errors: not_found (the schema), invalid_key, constraint {schema_mismatch {path, keyword},
 * key_missing {path}, root_not_object, value_too_large, nesting_too_deep, run_closed}. */
strata_status strata_entity_upsert(strata_db *db, strata_run run, const strata_entity *entity,
                                   strata_slice *id, bool *created,
                                   uint64_t *version) STRATA_MUST_USE;

typedef struct strata_entity_entry {
    strata_slice schema;
    strata_slice id;
    strata_slice uri;      /* empty: it has none */
    strata_value document; /* an object */
    bool deleted;
    uint64_t version;
    int64_t timestamp_us;
} strata_entity_entry;

/* Errors: not_found (also of one that was deleted), invalid_key, history_trimmed, invalid_argument. */
strata_status strata_entity_get(strata_db *db, strata_run run, strata_slice schema, strata_slice id,
                                strata_when when, strata_entity_entry *entry) STRATA_MUST_USE;
/* RFC 7396: an object; null removes. version may be NULL. Errors: as of an upsert. */
strata_status strata_entity_merge(strata_db *db, strata_run run, strata_slice schema,
                                  strata_slice id, strata_value patch,
                                  uint64_t *version) STRATA_MUST_USE;

/* Each of these tells whether it did anything through its last parameter, which may be NULL. Deleting is so
 * that it can be restored; purging is for good, and of what was not deleted only by force. Errors:
 * not_found (the schema; restore: the entity), constraint {not_deleted, run_closed}. */
strata_status strata_entity_delete(strata_db *db, strata_run run, strata_slice schema,
                                   strata_slice id, bool *existed) STRATA_MUST_USE;
strata_status strata_entity_restore(strata_db *db, strata_run run, strata_slice schema,
                                    strata_slice id, bool *restored) STRATA_MUST_USE;
strata_status strata_entity_purge(strata_db *db, strata_run run, strata_slice schema,
                                  strata_slice id, bool force, bool *existed) STRATA_MUST_USE;
/* Purges what was deleted so long ago, of one schema, or all (empty). Not inside a transaction. purged may
 * be NULL. */
strata_status strata_entity_vacuum(strata_db *db, strata_run run, strata_slice schema,
                                   uint64_t older_than_ms, uint64_t *purged) STRATA_MUST_USE;

typedef struct strata_entity_range {
    size_t size; /* sizeof(strata_entity_range) */
    strata_slice schema;
    strata_slice prefix; /* of ids */
    strata_slice after;  /* an id; empty: from the beginning */
    bool reverse;
    bool deleted; /* those that were deleted, and no others */
    strata_when when;
} strata_entity_range;

#define STRATA_ENTITY_RANGE_INIT                                                                   \
    {sizeof(strata_entity_range), {NULL, 0}, {NULL, 0}, {NULL, 0}, false, false, STRATA_NOW_INIT}

/* Is given each entity, borrowed until it returns; false ends it. It must not call anything with this
 * handle. */
typedef bool (*strata_visit_entity)(void *arg, const strata_entity_entry *entry);
/* Visits the entities of a schema in order of id, on one snapshot. Errors: as strata_entity_get. */
strata_status strata_entity_scan(strata_db *db, strata_run run, const strata_entity_range *range,
                                 strata_visit_entity visit, void *arg) STRATA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
