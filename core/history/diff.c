/* diff.c - comparing two points, and going through one.
 *
 * Both go primitive by primitive, through the keys that begin with its tags. Of two points with history
 * in common only the keys that were touched are looked at (touched.h): each is read at both, and is no
 * difference if it has the same version, or the same bytes and the same end. Two points that share
 * nothing are walked through side by side.
 *
 * A key that was touched often comes once. What a scan keeps in memory does not grow with what it
 * passes: values are read into an arena of their own, which is forgotten for each key.
 */
#include "history/diff.h"

#include "history/touched.h"
#include "model/show.h"

st_primitives st_primitives_all(void) {
    st_primitives all = 0;
    for (unsigned id = ST_PRIMITIVE_NONE + 1; id < ST_PRIMITIVE_COUNT; id++) {
        all |= id == ST_PRIMITIVE_PROVENANCE ? 0 : 1u << id;
    }
    return all;
}

/* ---- One tag after the other ----------------------------------------------------------------- */

/* The keys of one tag, beginning after `past`. */
typedef struct tag_range {
    uint8_t low[ST_STORE_KEY_MAX + 1];
    uint8_t high[1];
    st_scan_range range;
} tag_range;

/* False: all of the tag comes before. */
static bool range_of(uint8_t tag, strata_slice past, tag_range *out) {
    if (past.len > 0 && st_key_tag(past) > tag) {
        return false;
    }
    out->low[0] = tag;
    out->high[0] = (uint8_t)(tag + 1);
    size_t len = 1;
    if (past.len > 0 && st_key_tag(past) == tag) {
        memcpy(out->low, past.data, past.len);
        out->low[past.len] = 0;
        len = past.len + 1;
    }
    out->range = (st_scan_range){st_slice(out->low, len), st_slice(out->high, 1), false};
    return true;
}

static st_scan *new_scan(st_request *rq) {
    return st_arena_alloc(rq->arena, sizeof(st_scan), 16);
}

/* ---- Comparing ------------------------------------------------------------------------------- */

typedef struct comparison {
    st_request *rq;
    const st_diff_spec *spec;
    st_arena arena;
    st_request scratch; /* in that arena: values of the thing that is looked at */
    bool more;
} comparison;

static strata_status show(comparison *self, strata_slice key, const st_revision *before,
                          const st_revision *after) {
    if (before == NULL && after == NULL) {
        return STRATA_OK;
    }
    if (before != NULL && after != NULL) {
        bool same;
        ST_TRY(st_show_same(&self->scratch, key, before, after, &same));
        if (same) {
            return STRATA_OK;
        }
    }
    const st_diff_change difference = {.kind = before == NULL  ? ST_DIFF_ADDED
                                               : after == NULL ? ST_DIFF_REMOVED
                                                               : ST_DIFF_CHANGED,
                                       .key = key,
                                       .before = before,
                                       .after = after};
    return self->spec->visit(self->spec->ctx, &difference, &self->more);
}

static strata_status compare_key(comparison *self, strata_slice key) {
    st_revision before;
    st_revision after;
    bool had;
    bool has;
    st_scratch_forget(&self->scratch);
    ST_TRY(st_point_read(&self->scratch, self->spec->before, key, &before, &had));
    ST_TRY(st_point_read(&self->scratch, self->spec->after, key, &after, &has));
    return show(self, key, had ? &before : NULL, has ? &after : NULL);
}

static strata_status compare_touched(comparison *self, const st_touched_spec *where) {
    st_touched touched;
    strata_status status = st_touched_start(&touched, self->rq, where);
    while (status == STRATA_OK && touched.here && self->more) {
        status = compare_key(self, st_key_slice(&touched.key));
        if (status == STRATA_OK && self->more) {
            status = st_touched_next(&touched);
        }
    }
    st_touched_end(&touched);
    return status;
}

/* ---- Side by side ---------------------------------------------------------------------------- */

/* What a scan over a point stands at. */
static strata_status load(st_request *rq, const st_point *point, st_scan *scan,
                          st_revision *revision) {
    bool found;
    if (st_key_tag(scan->key) == ST_TAG_JSON) {
        return st_point_read(rq, point, scan->key, revision, &found);
    }
    *revision = scan->revision;
    return st_scan_value(scan, &revision->value);
}

static strata_status compare_scans(comparison *self, st_scan *before, st_scan *after) {
    while (self->more && (before->here || after->here)) {
        const int order = !after->here    ? -1
                          : !before->here ? 1
                                          : st_slice_compare(before->key, after->key);
        st_revision left;
        st_revision right;
        st_scratch_forget(&self->scratch);
        if (order <= 0) {
            ST_TRY(load(&self->scratch, self->spec->before, before, &left));
        }
        if (order >= 0) {
            ST_TRY(load(&self->scratch, self->spec->after, after, &right));
        }
        ST_TRY(show(self, order <= 0 ? before->key : after->key, order <= 0 ? &left : NULL,
                    order >= 0 ? &right : NULL));
        if (order <= 0) {
            ST_TRY(st_scan_next(before));
        }
        if (order >= 0) {
            ST_TRY(st_scan_next(after));
        }
    }
    st_scan_end(before);
    st_scan_end(after);
    return STRATA_OK;
}

static strata_status compare_all(comparison *self, const st_scan_range *range) {
    const st_point *points[] = {self->spec->before, self->spec->after};
    st_scan *scans[2];
    for (size_t i = 0; i < 2; i++) {
        scans[i] = new_scan(self->rq);
        if (scans[i] == NULL) {
            return st_fail_memory(self->rq->error);
        }
        ST_TRY(st_scan_start(scans[i], &self->rq->reader, points[i]->run->shard, range,
                             &points[i]->bound));
    }
    return compare_scans(self, scans[0], scans[1]);
}

static strata_status compare(comparison *self, const st_trail *trails) {
    const st_meeting meeting = st_trails_meet(&trails[0], &trails[1]);
    tag_range *tags = st_arena_alloc(self->rq->arena, sizeof *tags, 8);
    if (tags == NULL) {
        return st_fail_memory(self->rq->error);
    }
    for (unsigned id = ST_PRIMITIVE_NONE + 1; id < ST_PRIMITIVE_COUNT && self->more; id++) {
        const uint8_t tag = st_primitive_of((st_primitive_id)id)->tags[0];
        if ((self->spec->primitives >> id & 1) == 0 || !range_of(tag, self->spec->past, tags)) {
            continue;
        }
        if (meeting.shard == NULL) {
            ST_TRY(compare_all(self, &tags->range));
            continue;
        }
        const strata_slice past = self->spec->past;
        const bool inside = past.len > 0 && st_key_tag(past) == tag;
        const st_touched_spec where = {
            {&trails[0], &trails[1]}, meeting, tag, inside ? past : st_slice("", 0)};
        ST_TRY(compare_touched(self, &where));
    }
    return STRATA_OK;
}

strata_status st_diff(st_request *rq, const st_diff_spec *spec) {
    comparison self = {.rq = rq, .spec = spec, .more = true};
    st_trail trails[2];
    ST_TRY(st_trail_make(rq, spec->before->run, spec->before->version, &trails[0]));
    ST_TRY(st_trail_make(rq, spec->after->run, spec->after->version, &trails[1]));
    st_scratch_begin(&self.scratch, &self.arena, rq);
    const strata_status status = compare(&self, trails);
    st_scratch_end(&self.scratch);
    return status;
}

/* ---- Things ---------------------------------------------------------------------------------- */

static strata_status show_tag(st_request *rq, st_request *scratch, const st_things_spec *spec,
                              const st_scan_range *range, bool *more) {
    const st_point *point = spec->point;
    st_scan *scan = new_scan(rq);
    if (scan == NULL) {
        return st_fail_memory(rq->error);
    }
    ST_TRY(st_scan_start(scan, &rq->reader, point->run->shard, range, &point->bound));
    while (scan->here && *more) {
        st_revision revision;
        st_scratch_forget(scratch);
        ST_TRY(load(scratch, point, scan, &revision));
        const st_thing thing = {scan->key, &revision};
        ST_TRY(spec->visit(spec->ctx, &thing, more));
        if (*more) {
            ST_TRY(st_scan_next(scan));
        }
    }
    st_scan_end(scan);
    return STRATA_OK;
}

static strata_status show_all(st_request *rq, st_request *scratch, const st_things_spec *spec) {
    bool more = true;
    tag_range *tags = st_arena_alloc(rq->arena, sizeof *tags, 8);
    if (tags == NULL) {
        return st_fail_memory(rq->error);
    }
    for (unsigned id = ST_PRIMITIVE_NONE + 1; id < ST_PRIMITIVE_COUNT && more; id++) {
        const uint8_t tag = st_primitive_of((st_primitive_id)id)->tags[0];
        if ((spec->primitives >> id & 1) != 0 && range_of(tag, spec->past, tags)) {
            ST_TRY(show_tag(rq, scratch, spec, &tags->range, &more));
        }
    }
    return STRATA_OK;
}

strata_status st_things(st_request *rq, const st_things_spec *spec) {
    st_request scratch;
    st_arena arena;
    st_scratch_begin(&scratch, &arena, rq);
    const strata_status status = show_all(rq, &scratch, spec);
    st_scratch_end(&scratch);
    return status;
}
