/* entity.c - entities: one key of the store each, under ST_TAG_ENTITY: schema, id.
 *
 * Stored value: 1 byte form (1), 1 byte flags (1 deleted, 2 it has a uri), varint length and the uri if it has
 * one, then the document (format/document.h). An id that is made is the first half of
 *   SHA-256(schema, 00, 'u', uri)             if there is a uri
 *   SHA-256(schema, 00, 'k', kind, text)      of the schema's key field, else of the member "key"
 *   SHA-256(schema, 00, 'n', kind, text)      of the member "name"
 * in 32 hex digits; kind: 's' and a string, 'i' and an int in decimal (2.0 is 2). Otherwise it is a ULID.
 *
 * Invariants:
 * 1. What is written fits the schema of that commit; of a transaction the one that it read, and a schema that
 *    has changed since is a conflict, unless its isolation is that of a snapshot.
 * 2. There is a schema as long as an entity of it is stored, deleted ones included (schema.c).
 * 3. Indexes have entries of entities that are there, none of deleted ones; both change in one commit.
 * A deleted entity was deleted by its newest version, so when that was is told by its commit.
 * Rejected: a key of its own for what is deleted. Every read of an entity would look twice, and its history
 * would be in two places.
 */
#include "model/entity/entity.h"

#include "format/change.h"
#include "format/document_canonical.h"
#include "format/sha256.h"
#include "model/field_index.h"
#include "model/write.h"

enum { FORM = 1, FLAG_DELETED = 1, FLAG_URI = 2, ID_BYTES = 16, ID_DIGITS = 2 * ID_BYTES };

/* ---- Keys ------------------------------------------------------------------------------------ */

static strata_status make_key(const st_entity_ref *ref, strata_error *error, st_key *key) {
    const strata_slice texts[] = {ref->schema, ref->id};
    ST_TRY(st_schema_name_check(ref->schema, error));
    ST_TRY(st_key_check(ref->id, error));
    if (ref->schema.len + ref->id.len > ST_KEY_BYTES_MAX) {
        st_fail(error, STRATA_INVALID_KEY, "schema and id have %u bytes; the limit is %u",
                (uint64_t)(ref->schema.len + ref->id.len), (uint64_t)ST_KEY_BYTES_MAX);
        st_fail_text(error, "reason", strata_text("key_too_long"));
        return st_fail_number(error, "limit", ST_KEY_BYTES_MAX);
    }
    st_key_texts(key, ST_TAG_ENTITY, texts, 2);
    return STRATA_OK;
}

static strata_status fail_missing(st_request *rq, const st_entity_ref *ref) {
    return st_fail(rq->error, STRATA_NOT_FOUND, "there is no entity \"%S\" of \"%S\"", &ref->id,
                   &ref->schema);
}

/* ---- The stored form ------------------------------------------------------------------------- */

strata_status st_entity_read(st_request *rq, strata_slice store_key, strata_slice stored,
                             st_entity *entity) {
    st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;
    st_cursor cursor = st_cursor_over(stored);
    strata_slice texts[3];
    uint8_t form = 0;
    uint8_t flags = 0;
    limits.bytes_max = UINT32_MAX / 2;
    st_key_texts_of(store_key, texts);
    entity->ref = (st_entity_ref){texts[0], texts[1]};
    entity->uri = st_slice("", 0);
    bool good = st_cursor_u8(&cursor, &form) && form == FORM && st_cursor_u8(&cursor, &flags) &&
                flags <= (FLAG_DELETED | FLAG_URI) &&
                ((flags & FLAG_URI) == 0 || st_cursor_sized(&cursor, &entity->uri));
    entity->deleted = (flags & FLAG_DELETED) != 0;
    entity->document = good ? st_slice(cursor.at, st_cursor_left(&cursor)) : st_slice("", 0);
    st_node root;
    good = good && st_document_check_shape(entity->document, &limits, NULL) &&
           st_node_read(entity->document, &root) && root.type == STRATA_OBJECT;
    if (!good) {
        st_fail(rq->error, STRATA_CORRUPT, "the entity \"%S\" of \"%S\" is malformed",
                &entity->ref.id, &entity->ref.schema);
        return st_fail_text(rq->error, "file", strata_text("entity"));
    }
    return STRATA_OK;
}

/* What is stored of it, in the arena. */
static strata_status encode(st_request *rq, const st_entity *entity, strata_slice *stored) {
    const uint8_t flags =
        (uint8_t)((entity->deleted ? FLAG_DELETED : 0) | (entity->uri.len > 0 ? FLAG_URI : 0));
    const size_t most = 2 + ST_VARINT_BYTES_MAX + entity->uri.len + entity->document.len;
    uint8_t *bytes = st_arena_alloc(rq->arena, most, 1);
    uint8_t *at = bytes;
    if (bytes == NULL) {
        return st_fail_memory(rq->error);
    }
    *at++ = FORM;
    *at++ = flags;
    if (entity->uri.len > 0) {
        at = st_varint_put(at, entity->uri.len);
        memcpy(at, entity->uri.data, entity->uri.len);
        at += entity->uri.len;
    }
    memcpy(at, entity->document.data, entity->document.len);
    *stored = st_slice(bytes, (size_t)(at - bytes) + entity->document.len);
    if (stored->len > rq->model->value_bytes_max) {
        st_fail_constraint(rq->error, "value_too_large", "the entity has %u bytes; the limit is %u",
                           (uint64_t)stored->len, (uint64_t)rq->model->value_bytes_max);
        return st_fail_number(rq->error, "limit", rq->model->value_bytes_max);
    }
    return STRATA_OK;
}

/* ---- Changing one ---------------------------------------------------------------------------- */

/* Inside a commit, or a transaction. */
typedef struct edit {
    st_request *rq;
    st_run *run;
    st_commit commit;
    st_key key;
    bool stored; /* there is one, */
    st_entity before;
} edit;

static void give_up(edit *e) {
    st_run_abort(e->rq, &e->commit);
}

/* Reads what is there. The run is locked. */
static strata_status look(edit *e, const st_entity_ref *ref) {
    st_revision revision;
    ST_TRY(make_key(ref, e->rq->error, &e->key));
    ST_TRY(st_run_newest(e->rq, e->run, &e->key, &revision, &e->stored));
    if (!e->stored) {
        return STRATA_OK;
    }
    e->before.stamp = (st_stamp){revision.number, revision.timestamp_us};
    return st_entity_read(e->rq, st_key_slice(&e->key), revision.value, &e->before);
}

static strata_status begin(st_request *rq, st_run *run, const st_entity_ref *ref, edit *e) {
    st_schema schema;
    *e = (edit){.rq = rq, .run = run};
    ST_TRY(make_key(ref, rq->error, &e->key));
    ST_TRY(st_run_begin(rq, run, &e->commit));
    strata_status status = st_schema_newest(rq, run, ref->schema, &schema);
    if (status == STRATA_OK) {
        status = look(e, ref);
    }
    if (status != STRATA_OK) {
        give_up(e);
    }
    return status;
}

static bool is_live(const edit *e) {
    return e->stored && !e->before.deleted;
}

/* Commits the write and what it changes in indexes; a transaction's are changed at its commit. */
static strata_status commit_write(edit *e, const st_write *write, strata_slice after,
                                  st_stamp *stamp) {
    const strata_slice before = is_live(e) ? e->before.document : st_slice("", 0);
    strata_buffer writes = {NULL, 0, 0, e->rq->model->host};
    strata_status status = STRATA_OK;
    if (e->rq->txn == NULL) {
        status = st_indexes_change(e->rq, e->run, write->key, before, after, &writes);
    }
    if (status == STRATA_OK && st_buffer_append(&writes, write, sizeof *write) != STRATA_OK) {
        status = st_fail_memory(e->rq->error);
    }
    if (status == STRATA_OK) {
        status = st_run_write(e->rq, &e->commit, (const st_write *)(void *)writes.data,
                              writes.len / sizeof *write, NULL, stamp);
    } else {
        give_up(e);
    }
    strata_buffer_free(&writes);
    return status;
}

static strata_status put(edit *e, const st_entity *after, st_stamp *stamp) {
    st_write write = {.key = st_key_slice(&e->key)};
    const strata_status status = encode(e->rq, after, &write.value);
    if (status != STRATA_OK) {
        give_up(e);
        return status;
    }
    return commit_write(e, &write, after->deleted ? st_slice("", 0) : after->document, stamp);
}

/* ---- Documents ------------------------------------------------------------------------------- */

static strata_status keep(st_request *rq, strata_status status, strata_buffer *from,
                          strata_slice *out) {
    if (status == STRATA_OK) {
        *out = st_arena_copy(rq->arena, st_buffer_slice(from));
        status = out->data == NULL ? STRATA_NO_MEMORY : STRATA_OK;
    }
    strata_buffer_free(from);
    return status == STRATA_NO_MEMORY ? st_fail_memory(rq->error) : status;
}

static st_document_limits limits_of(const st_request *rq) {
    st_document_limits limits = ST_DOCUMENT_LIMITS_INIT;
    limits.bytes_max = rq->model->document_bytes_max;
    return limits;
}

/* What the caller has given, as a document in the arena. */
static strata_status read_value(st_request *rq, const strata_value *value, strata_slice *out) {
    const st_document_limits limits = limits_of(rq);
    strata_buffer made = {NULL, 0, 0, rq->model->host};
    if (value->type != STRATA_OBJECT) {
        return st_fail_constraint(rq->error, "root_not_object", "an entity is an object");
    }
    rq->value.len = 0;
    ST_TRY(st_value_encode(value, SIZE_MAX, &rq->value, rq->error));
    const strata_status status =
        st_document_from_msgpack(st_buffer_slice(&rq->value), &limits, &made, rq->error);
    return keep(rq, status, &made, out);
}

static strata_status check_fits(st_request *rq, const st_schema *schema, strata_slice document) {
    const st_schema_context context = {rq->model->host, rq->arena, rq->error};
    st_schema_rules rules;
    st_violation violation;
    ST_TRY(st_schema_rules_of(rq, schema, &rules));
    ST_TRY(st_schema_check(&context, &rules, document, &violation));
    if (violation.keyword == NULL) {
        return STRATA_OK;
    }
    st_fail_constraint(rq->error, "schema_mismatch",
                       "the entity does not fit the schema \"%S\": %s at \"%S\"", &schema->name,
                       violation.keyword, &violation.path);
    st_fail_text(rq->error, "path", violation.path);
    return st_fail_text(rq->error, "keyword", strata_text(violation.keyword));
}

/* ---- Ids ------------------------------------------------------------------------------------- */

/* The hash of the schema and three parts more, of which the last is the text. */
static strata_status hash_id(st_request *rq, strata_slice schema, const char *kind,
                             strata_slice text, strata_slice *id) {
    static const char digits[] = "0123456789abcdef";
    const strata_slice parts[] = {schema, st_slice("", 1), strata_text(kind), text};
    uint8_t hash[ST_SHA256_BYTES];
    char *made = st_arena_alloc(rq->arena, ID_DIGITS, 1);
    if (made == NULL) {
        return st_fail_memory(rq->error);
    }
    st_sha256(parts, sizeof parts / sizeof parts[0], hash);
    for (size_t i = 0; i < ID_BYTES; i++) {
        made[2 * i] = digits[hash[i] >> 4];
        made[2 * i + 1] = digits[hash[i] & 15];
    }
    *id = st_slice(made, ID_DIGITS);
    return STRATA_OK;
}

/* A node that can identify: a string that is not empty, or a whole number. False: it is none. */
static bool identifies(const st_node *node, char text[32], strata_slice *out, bool *is_text) {
    int64_t whole;
    *is_text = node->type == STRATA_STRING;
    if (*is_text) {
        *out = node->as.bytes;
        return out->len > 0;
    }
    if (!st_node_is_whole(node, &whole)) {
        return false;
    }
    *out = st_slice(text, st_format(text, 32, "%d", whole));
    return true;
}

static strata_status id_of_key_field(st_request *rq, const st_schema *schema, strata_slice document,
                                     strata_slice *id) {
    char text[32];
    strata_slice value;
    st_path path;
    st_node node;
    bool found = false;
    bool is_text;
    ST_TRY(st_path_parse(schema->key_field, rq->arena, &path, rq->error));
    ST_TRY(st_path_find(document, &path, &node, &found));
    if (!found || !identifies(&node, text, &value, &is_text)) {
        st_fail_constraint(rq->error, "key_missing",
                           "the key field %S of \"%S\" has neither a string nor an int, and "
                           "there is no uri and no id",
                           &schema->key_field, &schema->name);
        return st_fail_text(rq->error, "path", schema->key_field);
    }
    return hash_id(rq, schema->name, is_text ? "ks" : "ki", value, id);
}

/* *id: empty when nothing identifies it. */
static strata_status derive_id(st_request *rq, const st_schema *schema, strata_slice uri,
                               strata_slice document, strata_slice *id) {
    static const struct {
        const char *member;
        const char *kinds[2];
    } members[] = {{"key", {"ki", "ks"}}, {"name", {"ni", "ns"}}};
    st_node root;
    *id = st_slice("", 0);
    if (uri.len > 0) {
        return hash_id(rq, schema->name, "u", uri, id);
    }
    if (schema->key_field.len > 0) {
        return id_of_key_field(rq, schema, document, id);
    }
    const bool read = st_node_read(document, &root);
    ST_ASSERT(read); /* it was made here */
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        char text[32];
        strata_slice value;
        st_node node;
        bool is_text;
        if (st_node_member(&root, strata_text(members[i].member), &node) &&
            identifies(&node, text, &value, &is_text)) {
            return hash_id(rq, schema->name, members[i].kinds[is_text], value, id);
        }
    }
    return STRATA_OK;
}

static strata_status random_id(st_request *rq, strata_slice *id) {
    char *text = st_arena_alloc(rq->arena, ST_ID_CHARS, 1);
    if (text == NULL) {
        return st_fail_memory(rq->error);
    }
    *id = st_slice(text, ST_ID_CHARS);
    return st_id_make(rq, text);
}

static strata_status check_uri(st_request *rq, strata_slice uri) {
    if (uri.len <= ST_KEY_BYTES_MAX) {
        return STRATA_OK;
    }
    st_fail(rq->error, STRATA_INVALID_ARGUMENT, "the uri has %u bytes; the limit is %u",
            (uint64_t)uri.len, (uint64_t)ST_KEY_BYTES_MAX);
    return st_fail_text(rq->error, "argument", strata_text("uri"));
}

strata_status st_entity_id(st_request *rq, const st_run *run, const st_entity_input *input,
                           strata_slice *id) {
    const st_when now = st_now();
    strata_slice document;
    st_schema schema;
    ST_TRY(check_uri(rq, input->uri));
    ST_TRY(read_value(rq, &input->document, &document));
    ST_TRY(st_schema_get(rq, run, input->ref.schema, &now, &schema));
    return derive_id(rq, &schema, input->uri, document, id);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static strata_status upsert_locked(edit *e, const st_entity_input *input, strata_slice document,
                                   st_entity *after) {
    st_schema schema;
    ST_TRY(st_schema_newest(e->rq, e->run, input->ref.schema, &schema));
    ST_TRY(check_fits(e->rq, &schema, document));
    after->ref = input->ref;
    if (after->ref.id.len == 0) {
        ST_TRY(derive_id(e->rq, &schema, input->uri, document, &after->ref.id));
    }
    if (after->ref.id.len == 0) {
        ST_TRY(random_id(e->rq, &after->ref.id));
    }
    ST_TRY(look(e, &after->ref));
    after->uri = input->uri.len == 0 && e->stored ? e->before.uri : input->uri;
    after->document = document;
    return STRATA_OK;
}

strata_status st_entity_upsert(st_request *rq, st_run *run, const st_entity_input *input,
                               st_entity_made *made) {
    edit e = {.rq = rq, .run = run};
    st_entity after = {.deleted = false};
    strata_slice document;
    ST_TRY(st_schema_name_check(input->ref.schema, rq->error));
    if (input->ref.id.len > 0) {
        ST_TRY(make_key(&input->ref, rq->error, &e.key));
    }
    ST_TRY(check_uri(rq, input->uri));
    ST_TRY(read_value(rq, &input->document, &document));
    ST_TRY(st_run_begin(rq, run, &e.commit));
    const strata_status status = upsert_locked(&e, input, document, &after);
    if (status != STRATA_OK) {
        give_up(&e);
        return status;
    }
    made->id = after.ref.id;
    made->created = !is_live(&e);
    return put(&e, &after, &made->stamp);
}

/* What a patch makes of a document, in the arena. *same: nothing else. */
static strata_status apply_patch(st_request *rq, strata_slice document, strata_slice patch,
                                 strata_slice *out, bool *same) {
    const st_document_limits limits = limits_of(rq);
    strata_buffer changes = {NULL, 0, 0, rq->model->host};
    strata_buffer made = {NULL, 0, 0, rq->model->host};
    strata_status status = st_document_check(document, &limits, rq->arena);
    if (status == STRATA_OK) {
        status = st_changes_merge(document, patch, &limits, rq->arena, &changes, rq->error);
    }
    *same = changes.len == 0;
    if (status == STRATA_OK) {
        status = st_buffer_append(&made, document.data, document.len);
    }
    if (status == STRATA_OK) {
        status = st_changes_reserve(&made, st_buffer_slice(&changes));
    }
    if (status == STRATA_OK) {
        status = st_changes_apply(&made, st_buffer_slice(&changes));
    }
    if (status == STRATA_OK && made.len > limits.bytes_max) {
        status = st_document_fail_size(rq->error, limits.bytes_max);
    }
    strata_buffer_free(&changes);
    return keep(rq, status, &made, out);
}

static strata_status fail_malformed(st_request *rq, const st_entity_ref *ref) {
    st_fail(rq->error, STRATA_CORRUPT, "the entity \"%S\" of \"%S\" is malformed", &ref->id,
            &ref->schema);
    return st_fail_text(rq->error, "file", strata_text("entity"));
}

static strata_status merge_locked(edit *e, strata_slice patch, st_entity *after, bool *same) {
    st_schema schema;
    const strata_status status =
        apply_patch(e->rq, e->before.document, patch, &after->document, same);
    if (status != STRATA_OK) {
        return status == STRATA_CORRUPT ? fail_malformed(e->rq, &e->before.ref) : status;
    }
    ST_TRY(st_schema_newest(e->rq, e->run, e->before.ref.schema, &schema));
    return *same ? STRATA_OK : check_fits(e->rq, &schema, after->document);
}

strata_status st_entity_merge(st_request *rq, st_run *run, const st_entity_ref *ref,
                              const strata_value *given, st_stamp *stamp) {
    strata_slice patch;
    edit e;
    bool same = false;
    ST_TRY(read_value(rq, given, &patch));
    ST_TRY(begin(rq, run, ref, &e));
    if (!is_live(&e)) {
        give_up(&e);
        return fail_missing(rq, ref);
    }
    st_entity after = e.before;
    const strata_status status = merge_locked(&e, patch, &after, &same);
    if (status != STRATA_OK || same) {
        give_up(&e);
        *stamp = e.before.stamp;
        return status;
    }
    return put(&e, &after, stamp);
}

strata_status st_entity_delete(st_request *rq, st_run *run, const st_entity_ref *ref, bool *existed,
                               st_stamp *stamp) {
    edit e;
    ST_TRY(begin(rq, run, ref, &e));
    *existed = is_live(&e);
    if (!*existed) {
        give_up(&e);
        return STRATA_OK;
    }
    st_entity after = e.before;
    after.deleted = true;
    return put(&e, &after, stamp);
}

strata_status st_entity_restore(st_request *rq, st_run *run, const st_entity_ref *ref,
                                bool *restored, st_stamp *stamp) {
    edit e;
    ST_TRY(begin(rq, run, ref, &e));
    *restored = e.stored && e.before.deleted;
    if (!*restored) {
        give_up(&e);
        return e.stored ? STRATA_OK : fail_missing(rq, ref);
    }
    st_entity after = e.before;
    after.deleted = false;
    return put(&e, &after, stamp);
}

strata_status st_entity_purge(st_request *rq, st_run *run, const st_entity_ref *ref, bool force,
                              bool *existed, st_stamp *stamp) {
    edit e;
    ST_TRY(begin(rq, run, ref, &e));
    *existed = e.stored;
    if (!e.stored || (is_live(&e) && !force)) {
        give_up(&e);
        return e.stored ? st_fail_constraint(rq->error, "not_deleted",
                                             "\"%S\" is not deleted; delete it first, or force",
                                             &ref->id)
                        : STRATA_OK;
    }
    const st_write write = {.key = st_key_slice(&e.key), .value = st_slice("", 0), .deletes = true};
    return commit_write(&e, &write, st_slice("", 0), stamp);
}

/* ---- Reading --------------------------------------------------------------------------------- */

strata_status st_entity_get(st_request *rq, const st_run *run, const st_entity_ref *ref,
                            const st_when *when, bool deleted_too, st_entity *entity) {
    st_key key;
    st_revision revision;
    bool found;
    ST_TRY(make_key(ref, rq->error, &key));
    ST_TRY(st_read_at(rq, run, st_key_slice(&key), when, &revision, &found));
    if (!found) {
        return fail_missing(rq, ref);
    }
    ST_TRY(st_entity_read(rq, st_key_slice(&key), revision.value, entity));
    if (entity->deleted && !deleted_too) {
        return fail_missing(rq, ref);
    }
    entity->ref = *ref;
    entity->stamp = (st_stamp){revision.number, revision.timestamp_us};
    return STRATA_OK;
}

strata_status st_entity_find(st_request *rq, const st_run *run, strata_slice owner,
                             const st_bound *bound, st_entity *entity, bool *found) {
    st_revision revision;
    ST_TRY(st_read_live(&rq->reader, run->shard, owner, bound, &revision, found));
    if (*found) {
        ST_TRY(st_entity_read(rq, owner, revision.value, entity));
        entity->stamp = (st_stamp){revision.number, revision.timestamp_us};
    }
    return STRATA_OK;
}

strata_status st_entity_history(st_request *rq, const st_run *run, const st_entity_ref *ref,
                                uint64_t before, st_scan **scan) {
    st_key key;
    ST_TRY(make_key(ref, rq->error, &key));
    return st_history_scan(rq, run, &key, before, scan);
}

strata_status st_entity_scan(st_request *rq, const st_run *run, const st_entity_page *page,
                             st_scan **out) {
    const st_texts_page texts = {.tag = ST_TAG_ENTITY,
                                 .reverse = page->reverse,
                                 .texts = {page->schema, page->after},
                                 .count = 1,
                                 .continues = page->after.len > 0,
                                 .prefix = page->prefix};
    const st_entity_ref longest[] = {{page->schema, page->prefix}, {page->schema, page->after}};
    st_scan_range range;
    st_schema schema;
    st_key key;
    for (size_t i = 0; i < 2; i++) {
        if (longest[i].id.len > 0) {
            ST_TRY(make_key(&longest[i], rq->error, &key));
        }
    }
    ST_TRY(st_schema_get(rq, run, page->schema, &page->when, &schema));
    *out = st_arena_alloc(rq->arena, sizeof **out, 16);
    if (*out == NULL || st_texts_range(rq->arena, &texts, &range) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    return st_scan_at(rq, run, &range, &page->when, *out);
}

strata_status st_entity_at(st_request *rq, st_scan *scan, st_entity *entity) {
    strata_slice stored;
    ST_TRY(st_scan_value(scan, &stored));
    ST_TRY(st_entity_read(rq, scan->key, stored, entity));
    entity->stamp = (st_stamp){scan->revision.number, scan->revision.timestamp_us};
    return STRATA_OK;
}

/* ---- For the commit of a transaction --------------------------------------------------------- */

/* What the transaction itself makes of a key. *deletes: nothing is left. False: it leaves it alone. */
static bool writes_key(const st_request *rq, const st_key *key, bool *deletes) {
    st_txn_write own;
    if (rq->txn == NULL || !st_txn_find(rq->txn, st_key_slice(key), &own)) {
        return false;
    }
    *deletes = own.write.deletes;
    return true;
}

static strata_status fail_schema(st_request *rq, strata_slice schema, const char *what) {
    st_fail(rq->error, STRATA_CONFLICT, "the schema \"%S\" %s", &schema, what);
    return st_fail_text(rq->error, "key", schema);
}

/* A merge of histories may bring a schema and its entities in one commit. */
static strata_status check_schema_stays(st_request *rq, const st_run *run, strata_slice schema) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    st_key key;
    st_revision revision;
    bool there = false;
    bool deletes = false;
    st_key_text(&key, ST_TAG_SCHEMA, schema);
    if (writes_key(rq, &key, &deletes)) {
        there = !deletes;
    } else {
        ST_TRY(
            st_read_live(&rq->reader, run->shard, st_key_slice(&key), &newest, &revision, &there));
    }
    return there ? STRATA_OK : fail_schema(rq, schema, "was deleted meanwhile");
}

/* One that goes takes no entity's schema away: those that stay are a conflict. */
static strata_status check_schema_goes(st_request *rq, const st_run *run, strata_slice schema) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    const st_texts_page entities = {.tag = ST_TAG_ENTITY, .texts = {schema}, .count = 1};
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    st_scan_range range;
    if (scan == NULL || st_texts_range(rq->arena, &entities, &range) != STRATA_OK) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_scan_start(scan, &rq->reader, run->shard, &range, &newest));
    while (scan->here) {
        bool deletes = false;
        st_key key;
        memcpy(key.bytes, scan->key.data, scan->key.len);
        key.len = scan->key.len;
        if (!writes_key(rq, &key, &deletes) || !deletes) {
            return fail_schema(rq, schema, "has entities, and would go");
        }
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

static strata_status follow_entity(st_request *rq, st_run *run, const st_write *write,
                                   strata_buffer *writes) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    strata_slice before = {"", 0};
    strata_slice after = {"", 0};
    strata_slice texts[3];
    st_entity entity;
    bool found;
    st_key_texts_of(write->key, texts);
    ST_TRY(write->deletes ? STRATA_OK : check_schema_stays(rq, run, texts[0]));
    ST_TRY(st_entity_find(rq, run, write->key, &newest, &entity, &found));
    if (found && !entity.deleted) {
        before = entity.document;
    }
    if (!write->deletes) {
        ST_TRY(st_entity_read(rq, write->key, write->value, &entity));
        after = entity.deleted ? after : entity.document;
    }
    return st_indexes_change(rq, run, write->key, before, after, writes);
}

strata_status st_entity_follow(st_request *rq, st_run *run, const st_write *write,
                               strata_buffer *writes) {
    switch (st_key_tag(write->key)) {
    case ST_TAG_ENTITY:
        return follow_entity(rq, run, write, writes);
    case ST_TAG_SCHEMA:
        return write->deletes ? check_schema_goes(rq, run, st_key_text_of(write->key)) : STRATA_OK;
    default:
        return STRATA_OK;
    }
}
