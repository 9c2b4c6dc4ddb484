/* entity_vacuum.c - purging entities that were deleted softly.
 *
 * In batches, each under the run's lock, so that what it sees is the newest, and nobody waits for long. They
 * have no entries in indexes, so purging one is one write.
 */
#include "model/entity/entity.h"
#include "model/write.h"

enum { BATCH_LOOKED_AT = 512 };

typedef struct vacuum {
    st_request *rq;
    st_run *run;
    const st_vacuum *spec;
    int64_t until_us; /* deleted by then */
    uint64_t found;
    strata_buffer after; /* the key where the batch before ended; empty: nowhere */
    strata_buffer writes;
} vacuum;

static int64_t cutoff(st_request *rq, uint64_t older_than_ms) {
    const int64_t now_us = st_store_now(&rq->model->store);
    const int64_t age_us =
        older_than_ms > (uint64_t)INT64_MAX / 1000 ? INT64_MAX : (int64_t)older_than_ms * 1000;
    return older_than_ms == 0 ? INT64_MAX : now_us - age_us;
}

static strata_status purge(vacuum *v, strata_slice key) {
    const st_write write = {
        .key = st_arena_copy(v->rq->arena, key), .value = st_slice("", 0), .deletes = true};
    v->found++;
    return write.key.data == NULL || (!v->spec->dry && st_buffer_append(&v->writes, &write,
                                                                        sizeof write) != STRATA_OK)
               ? st_fail_memory(v->rq->error)
               : STRATA_OK;
}

/* Looks at the next few. */
static strata_status look(vacuum *v) {
    const st_bound newest = st_bound_version(UINT64_MAX);
    const st_texts_page owners = {
        .tag = ST_TAG_ENTITY, .texts = {v->spec->schema}, .count = v->spec->schema.len > 0 ? 1 : 0};
    st_scan *scan = st_arena_alloc(v->rq->arena, sizeof *scan, 16);
    st_scan_range range;
    if (scan == NULL || st_texts_range(v->rq->arena, &owners, &range) != STRATA_OK) {
        return st_fail_memory(v->rq->error);
    }
    range.low = v->after.len == 0 ? range.low : st_buffer_slice(&v->after);
    ST_TRY(st_scan_start(scan, &v->rq->reader, v->run->shard, &range, &newest));
    for (size_t i = 0; scan->here && i < BATCH_LOOKED_AT; i++) {
        st_entity entity;
        ST_TRY(st_entity_at(v->rq, scan, &entity));
        if (entity.deleted && entity.stamp.timestamp_us <= v->until_us) {
            ST_TRY(purge(v, scan->key));
        }
        ST_TRY(st_scan_next(scan));
    }
    v->after.len = 0;
    return scan->here && st_buffer_append(&v->after, scan->key.data, scan->key.len) != STRATA_OK
               ? st_fail_memory(v->rq->error)
               : STRATA_OK;
}

static strata_status one_batch(vacuum *v) {
    st_commit commit;
    st_stamp stamp;
    ST_TRY(st_run_lock(v->rq, v->run, &commit));
    const strata_status status = look(v);
    st_reader_finish(&v->rq->reader);
    if (status != STRATA_OK || v->writes.len == 0) {
        st_commit_abort(&commit);
        return status;
    }
    return st_run_write(v->rq, &commit, (const st_write *)(void *)v->writes.data,
                        v->writes.len / sizeof(st_write), NULL, &stamp);
}

/* Memory of each batch goes with it. */
static strata_status in_batches(vacuum *v) {
    st_request *rq = v->rq;
    st_arena *arena = rq->arena;
    st_arena scratch;
    strata_status status = STRATA_OK;
    st_arena_init(&scratch, &rq->model->host->memory, 0);
    rq->arena = &scratch;
    rq->reader.arena = &scratch;
    do {
        st_arena_reset(&scratch);
        v->writes.len = 0;
        status = one_batch(v);
    } while (status == STRATA_OK && v->after.len > 0);
    rq->arena = arena;
    rq->reader.arena = arena;
    st_arena_free(&scratch);
    return status;
}

strata_status st_entity_vacuum(st_request *rq, st_run *run, const st_vacuum *spec,
                               uint64_t *candidates, uint64_t *purged) {
    const st_when now = st_now();
    st_schema schema;
    vacuum v = {.rq = rq,
                .run = run,
                .spec = spec,
                .until_us = cutoff(rq, spec->older_than_ms),
                .after = {NULL, 0, 0, rq->model->host},
                .writes = {NULL, 0, 0, rq->model->host}};
    if (rq->txn != NULL) {
        return st_fail(rq->error, STRATA_INVALID_ARGUMENT,
                       "vacuum goes outside of transactions only");
    }
    if (spec->schema.len > 0) {
        ST_TRY(st_schema_get(rq, run, spec->schema, &now, &schema));
    }
    const strata_status status = in_batches(&v);
    strata_buffer_free(&v.after);
    strata_buffer_free(&v.writes);
    *candidates = v.found;
    *purged = spec->dry ? 0 : v.found;
    return status;
}
