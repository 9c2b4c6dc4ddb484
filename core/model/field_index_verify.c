/* field_index_verify.c - do secondary indexes say what is there?
 *
 * Both ways, at one moment: every entry names a thing that has the value, and of an index that is ready every
 * value of every thing has an entry. What is indexed is loaded one by one, in memory that the next one takes.
 * A thing that cannot be read is reported, and the rest is looked at all the same.
 */
#include "model/as_document.h"
#include "model/field_index_private.h"

typedef struct verifier {
    st_request *rq;
    const st_run *run;
    st_report *report;
    st_bound bound;
    const st_index_def *def;
    st_arena scratch; /* of one thing at a time */
} verifier;

static void tell(const verifier *v, strata_slice owner, const char *what) {
    char shown[ST_KEY_BYTES_MAX];
    char text[STRATA_ERROR_TEXT_MAX];
    const strata_slice name = st_slice(shown, st_key_show(owner, shown));
    st_format(text, sizeof text, "of the index \"%S\", %s \"%S\"", &v->def->name, what, &name);
    st_report_problem(v->report, "index", v->run->shard->run, text);
}

/* A request of its own memory, inside that of the operation. */
static st_request begin_one(verifier *v) {
    st_request inner = *v->rq;
    st_arena_reset(&v->scratch);
    inner.arena = &v->scratch;
    inner.reader.arena = &v->scratch;
    inner.reader.scans = NULL;
    return inner;
}

static void end_one(verifier *v, st_request *inner) {
    st_reader_finish(&inner->reader);
    v->rq->value = inner->value;
}

/* What the thing has at the path of the index. *there false: it was told, or there is nothing. */
static strata_status load(verifier *v, st_request *inner, strata_slice owner,
                          st_index_values *values, bool *there) {
    strata_slice document = {"", 0};
    st_stamp stamp;
    *there = false;
    const strata_status status =
        st_as_document(inner, v->run, owner, &v->bound, &document, &stamp, there);
    if (status == STRATA_CORRUPT) {
        tell(v, owner, "there is something unreadable:");
        st_error_clear(v->rq->error);
        *there = false;
        values->count = 0;
        return STRATA_OK;
    }
    ST_TRY(status);
    return st_index_values_of(inner, *there ? document : st_slice("", 0), &v->def->path, values);
}

static bool has_value(const st_index_values *values, strata_slice value) {
    for (size_t i = 0; i < values->count; i++) {
        if (st_slice_equal(values->items[i], value)) {
            return true;
        }
    }
    return false;
}

/* ---- Entries --------------------------------------------------------------------------------- */

static strata_status check_entry(verifier *v, strata_slice key) {
    uint8_t bytes[ST_STORE_KEY_MAX] = {v->def->primitive->tags[0]};
    strata_slice value;
    strata_slice rest;
    st_index_values values = {NULL, 0};
    bool there;
    if (!st_index_key_parts(key, &value, &rest)) {
        tell(v, key, "there is a malformed key:");
        return STRATA_OK;
    }
    memcpy(bytes + 1, rest.data, rest.len);
    const strata_slice owner = st_slice(bytes, 1 + rest.len);
    if (!st_key_well_formed(owner) || !st_index_covers(v->def, owner)) {
        tell(v, key, "there is a key of nothing that it is on:");
        return STRATA_OK;
    }
    st_request inner = begin_one(v);
    const strata_status status = load(v, &inner, owner, &values, &there);
    if (status == STRATA_OK && !(there && has_value(&values, value))) {
        tell(v, owner, "an entry says what is not so of");
    }
    end_one(v, &inner);
    return status;
}

static strata_status check_entries(verifier *v) {
    st_key *low = st_arena_alloc(v->rq->arena, 2 * sizeof *low, 8);
    st_scan *scan = st_arena_alloc(v->rq->arena, sizeof *scan, 16);
    if (low == NULL || scan == NULL) {
        return st_fail_memory(v->rq->error);
    }
    st_index_key(low, v->def->id, st_slice("", 0));
    st_index_key(low + 1, v->def->id, strata_text("\xff"));
    const st_scan_range range = {st_key_slice(low), st_key_slice(low + 1), false};
    ST_TRY(st_scan_start(scan, &v->rq->reader, v->run->shard, &range, &v->bound));
    while (scan->here) {
        ST_TRY(check_entry(v, scan->key));
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

/* ---- What is indexed ------------------------------------------------------------------------- */

static strata_status check_owner(verifier *v, strata_slice owner) {
    st_index_values values = {NULL, 0};
    st_key key;
    bool there;
    st_request inner = begin_one(v);
    strata_status status = load(v, &inner, owner, &values, &there);
    for (size_t i = 0; i < values.count && status == STRATA_OK; i++) {
        st_revision revision;
        bool found = false;
        st_index_key(&key, v->def->id, values.items[i]);
        memcpy(key.bytes + key.len, (const uint8_t *)owner.data + 1, owner.len - 1);
        key.len += owner.len - 1;
        status = st_read_live(&inner.reader, v->run->shard, st_key_slice(&key), &v->bound,
                              &revision, &found);
        if (status == STRATA_OK && !found) {
            tell(v, owner, "an entry is missing of");
        }
    }
    end_one(v, &inner);
    return status;
}

static strata_status check_owners(verifier *v) {
    const st_texts_page owners = {.tag = v->def->primitive->tags[0],
                                  .texts = {v->def->schema},
                                  .count = v->def->schema.len > 0 ? 1 : 0};
    st_scan *scan = st_arena_alloc(v->rq->arena, sizeof *scan, 16);
    st_scan_range range;
    if (scan == NULL || st_texts_range(v->rq->arena, &owners, &range) != STRATA_OK) {
        return st_fail_memory(v->rq->error);
    }
    ST_TRY(st_scan_start(scan, &v->rq->reader, v->run->shard, &range, &v->bound));
    while (scan->here) {
        ST_TRY(check_owner(v, scan->key));
        ST_TRY(st_scan_next(scan));
    }
    return STRATA_OK;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static strata_status check_indexes(verifier *v) {
    st_index_def *defs;
    size_t count = 0;
    ST_TRY(st_indexes_read(v->rq, v->run, &v->bound, &defs, &count));
    for (size_t i = 0; i < count; i++) {
        v->def = &defs[i];
        ST_TRY(check_entries(v));
        if (v->def->ready) {
            ST_TRY(check_owners(v));
        }
    }
    return STRATA_OK;
}

strata_status st_indexes_verify(st_request *rq, const st_run *run, st_report *report) {
    const st_when now = st_now();
    verifier v = {.rq = rq, .run = run, .report = report};
    st_moment moment;
    ST_TRY(st_moment_begin(rq, run, &now, &moment));
    v.bound = moment.bound;
    st_arena_init(&v.scratch, &rq->model->host->memory, 0);
    strata_status status = check_indexes(&v);
    st_reader_finish(&rq->reader);
    st_arena_free(&v.scratch);
    st_moment_end(rq, &moment);
    if (status == STRATA_CORRUPT) { /* it is the answer, not a failure */
        st_report_problem(report, "index", run->shard->run, rq->error->message);
        st_error_clear(rq->error);
        status = STRATA_OK;
    }
    return status;
}
