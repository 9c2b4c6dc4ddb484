/* edge.c - edges: each is two keys of the store, written in one commit: under ST_TAG_EDGE source, type
 * and target with the value, under ST_TAG_EDGE_IN target, type and source without one.
 *
 * Stored value: form 1 and a map {weight?, properties?} (fields.h); the weight is a float.
 *
 * Invariants:
 * 1. Both keys of an edge are there or neither is: every commit writes both, and what retention lets go
 *    of one it lets go of the other (primitive.c).
 * 2. The edges of a name in one direction, and of those the edges of one type, are next to each other:
 *    listing them costs what is listed.
 * A put does not look at what is there, so it is blind, and puts never conflict.
 * Rejected: a list of edges in the value of a name. A name with a million edges would be written anew
 * with each.
 */
#include "model/edge.h"

#include "model/fields.h"
#include "model/write.h"

enum { FORM = 1, WEIGHT = 0, PROPERTIES, FIELDS };

static const st_field fields[FIELDS] = {{"weight", false, false}, {"properties", false, false}};

/* ---- Keys ------------------------------------------------------------------------------------ */

static strata_status check_names(const strata_slice *names, size_t count, strata_error *error) {
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        ST_TRY(st_key_check(names[i], error));
        len += names[i].len;
    }
    if (len > ST_KEY_BYTES_MAX) {
        st_fail(error, STRATA_INVALID_KEY, "the names and the type have %u bytes; the limit is %u",
                (uint64_t)len, (uint64_t)ST_KEY_BYTES_MAX);
        st_fail_text(error, "reason", strata_text("key_too_long"));
        return st_fail_number(error, "limit", ST_KEY_BYTES_MAX);
    }
    return STRATA_OK;
}

static void out_key(const st_edge *edge, st_key *key) {
    const strata_slice names[] = {edge->source, edge->type, edge->target};
    st_key_texts(key, ST_TAG_EDGE, names, 3);
}

static strata_status make_keys(const st_edge *edge, strata_error *error, st_key keys[2]) {
    const strata_slice in[] = {edge->target, edge->type, edge->source};
    ST_TRY(check_names(in, 3, error));
    out_key(edge, &keys[0]);
    st_key_texts(&keys[1], ST_TAG_EDGE_IN, in, 3);
    return STRATA_OK;
}

/* ---- The stored form ------------------------------------------------------------------------- */

static strata_status encode(st_request *rq, const st_edge *edge) {
    uint8_t weight[9] = {0xcb}; /* of MessagePack: a 64-bit float */
    uint64_t bits;
    strata_slice values[FIELDS] = {{NULL, 0}, edge->properties};
    if (edge->weighs) {
        if (!isfinite(edge->weight)) {
            st_fail(rq->error, STRATA_INVALID_ARGUMENT, "the weight of an edge is finite");
            return st_fail_text(rq->error, "argument", strata_text("weight"));
        }
        memcpy(&bits, &edge->weight, sizeof bits);
        store64_be(weight + 1, bits);
        values[WEIGHT] = st_slice(weight, sizeof weight);
    }
    rq->value.len = 0;
    return st_fields_put(&rq->value, FORM, fields, FIELDS, values) == STRATA_OK
               ? STRATA_OK
               : st_fail_memory(rq->error);
}

strata_status st_edge_of(strata_slice stored, st_edge *edge, strata_error *error) {
    strata_slice values[FIELDS];
    strata_value weight = strata_float(0);
    bool good = st_fields_read(stored, FORM, fields, FIELDS, values);
    edge->weighs = good && values[WEIGHT].len > 0;
    if (edge->weighs) {
        good = st_value_decode(values[WEIGHT], &weight) && weight.type == STRATA_FLOAT &&
               isfinite(weight.as.real);
    }
    if (!good) {
        st_fail(error, STRATA_CORRUPT, "the edge of \"%S\" and \"%S\" is malformed", &edge->source,
                &edge->target);
        return st_fail_text(error, "file", strata_text("edge"));
    }
    edge->weight = weight.as.real;
    edge->properties = values[PROPERTIES];
    return STRATA_OK;
}

/* ---- One edge -------------------------------------------------------------------------------- */

strata_status st_edge_put(st_request *rq, st_run *run, const st_edge *edge, st_stamp *stamp) {
    st_commit commit;
    st_key keys[2];
    ST_TRY(make_keys(edge, rq->error, keys));
    ST_TRY(encode(rq, edge));
    ST_TRY(st_run_begin(rq, run, &commit));
    const st_write writes[] = {
        {.key = st_key_slice(&keys[0]), .value = st_buffer_slice(&rq->value)},
        {.key = st_key_slice(&keys[1]), .value = st_slice("", 0)}};
    return st_run_write(rq, &commit, writes, 2, NULL, stamp);
}

strata_status st_edge_get(st_request *rq, const st_run *run, st_edge *edge, const st_when *when,
                          st_stamp *stamp) {
    st_key keys[2];
    st_revision revision;
    bool found;
    ST_TRY(make_keys(edge, rq->error, keys));
    ST_TRY(st_read_at(rq, run, st_key_slice(&keys[0]), when, &revision, &found));
    if (!found) {
        return st_fail(rq->error, STRATA_NOT_FOUND, "there is no edge \"%S\" from \"%S\" to \"%S\"",
                       &edge->type, &edge->source, &edge->target);
    }
    *stamp = (st_stamp){revision.number, revision.timestamp_us};
    return st_edge_of(revision.value, edge, rq->error);
}

strata_status st_edge_delete(st_request *rq, st_run *run, const st_edge *edge, bool *existed,
                             st_stamp *stamp) {
    st_commit commit;
    st_key keys[2];
    st_revision revision;
    bool found = false;
    ST_TRY(make_keys(edge, rq->error, keys));
    ST_TRY(st_run_begin(rq, run, &commit));
    const strata_status status = st_run_newest(rq, run, &keys[0], &revision, &found);
    if (status != STRATA_OK || !found) {
        st_run_abort(rq, &commit);
        *existed = false;
        return status;
    }
    const st_write writes[] = {
        {.key = st_key_slice(&keys[0]), .value = st_slice("", 0), .deletes = true},
        {.key = st_key_slice(&keys[1]), .value = st_slice("", 0), .deletes = true}};
    ST_TRY(st_run_write(rq, &commit, writes, 2, NULL, stamp));
    *existed = true;
    return STRATA_OK;
}

/* ---- The edges of a name --------------------------------------------------------------------- */

strata_status st_edge_page_check(const st_edge_page *page, strata_error *error) {
    const strata_slice names[] = {page->of, page->type};
    const strata_slice after[] = {page->of, page->after_type, page->after};
    ST_TRY(check_names(names, page->type.len > 0 ? 2 : 1, error));
    return page->after.len > 0 ? check_names(after, 3, error) : STRATA_OK;
}

strata_status st_edge_scan(st_moment *moment, const st_edge_page *page, st_scan **scan) {
    const bool continues = page->after.len > 0;
    const st_texts_page texts = {
        .tag = page->in ? ST_TAG_EDGE_IN : ST_TAG_EDGE,
        .texts = {page->of, continues ? page->after_type : page->type, page->after},
        .count = page->type.len > 0 ? 2 : 1,
        .continues = continues};
    return st_moment_scan(moment, &texts, scan);
}

void st_edge_names(const st_scan *scan, bool in, st_edge *edge) {
    strata_slice texts[3];
    st_key_texts_of(scan->key, texts);
    edge->source = texts[in ? 2 : 0];
    edge->type = texts[1];
    edge->target = texts[in ? 0 : 2];
}

strata_status st_edge_read(st_moment *moment, st_edge *edge, st_stamp *stamp) {
    st_key key;
    st_revision revision = {.number = 0};
    bool found;
    out_key(edge, &key);
    ST_TRY(st_moment_read(moment, &key, &revision, &found));
    *stamp = (st_stamp){revision.number, revision.timestamp_us};
    return st_edge_of(found ? revision.value : st_slice("", 0), edge, moment->reader.error);
}

strata_status st_edge_at(st_moment *moment, st_scan *scan, bool in, st_edge *edge,
                         st_stamp *stamp) {
    strata_slice stored;
    st_edge_names(scan, in, edge);
    if (in) {
        return st_edge_read(moment, edge, stamp);
    }
    ST_TRY(st_scan_value(scan, &stored));
    *stamp = (st_stamp){scan->revision.number, scan->revision.timestamp_us};
    return st_edge_of(stored, edge, moment->reader.error);
}
