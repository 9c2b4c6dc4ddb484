/* explain.c - walking provenance backwards, level by level.
 *
 * The roots are versions of the thing that was asked about. Of each node's commit the record of
 * provenance is looked up (model/provenance.h): what it had read, key by key and, of the ranges, the
 * keys that were there, are the nodes of the next level. Of a commit without a record only is known
 * what it wrote: those of one level are collected in one pass (commits.h).
 *
 * Invariants:
 * 1. A (key, version) is expanded once; where it comes again the node says so, and nothing is below
 *    it. What a commit has read is older than the commit, so there are no cycles: this bounds the work,
 *    not the depth.
 * 2. Nodes are in the order of their levels. A node is expanded when its level is, so the list is its
 *    own queue, and nothing recurses.
 * 3. There are never more than `limit` nodes, nor levels than `depth`; what is cut is said to be.
 * Rejected: going down first. The limit would then be spent on the oldest ancestors of the first read.
 */
#include "history/explain.h"

#include "base/sort.h"
#include "history/trail.h"
#include "model/json/json.h"
#include "model/provenance.h"
#include "model/ref.h"
#include "model/show.h"

typedef struct explainer {
    st_request *rq;
    const st_explain_spec *spec;
    st_explanation *to;
    st_trail trail;
    uint32_t *seen; /* places of nodes + 1, by hash of (key, version) */
    size_t seen_mask;
} explainer;

/* ---- Nodes ----------------------------------------------------------------------------------- */

static uint64_t hash_of(strata_slice key, uint64_t version) {
    const uint8_t *bytes = key.data;
    uint64_t hash = version * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash ^ hash >> 29;
}

/* The node that it is already; NULL: it is none, and the place of the next one is remembered. There are
 * twice as many places as nodes can be. */
static const st_explained *find_node(explainer *self, strata_slice key, uint64_t version) {
    size_t at = (size_t)hash_of(key, version) & self->seen_mask;
    while (self->seen[at] != 0) {
        const st_explained *node = &self->to->nodes[self->seen[at] - 1];
        if (node->version == version && st_slice_equal(node->key, key)) {
            return node;
        }
        at = (at + 1) & self->seen_mask;
    }
    self->seen[at] = (uint32_t)self->to->count + 1;
    return NULL;
}

/* Whether a node more was refused, or would be and the answer says so already. */
static bool is_full(const explainer *self) {
    return self->to->truncated && self->to->count == self->spec->limit;
}

/* Adds a node below another, or a root. */
static strata_status add_node(explainer *self, uint32_t parent, strata_slice key,
                              uint64_t version) {
    st_explanation *to = self->to;
    if (to->count == self->spec->limit) {
        to->truncated = true;
        return STRATA_OK;
    }
    const bool is_root = parent == UINT32_MAX;
    const st_explained *known = version > 0 ? find_node(self, key, version) : NULL;
    if (known != NULL && known->parent == parent) {
        return STRATA_OK; /* read by itself and in a range */
    }
    st_explained *node = &to->nodes[to->count];
    *node = (st_explained){.parent = is_root ? (uint32_t)to->count : parent,
                           .depth = is_root ? 0 : to->nodes[parent].depth + 1,
                           .key = st_arena_copy(self->rq->arena, key),
                           .version = version,
                           .again = known != NULL,
                           .value = st_slice("", 0),
                           .label = st_slice("", 0),
                           .trace = st_slice("", 0)};
    if (node->key.data == NULL) {
        return st_fail_memory(self->rq->error);
    }
    to->count++;
    return STRATA_OK;
}

/* ---- One node -------------------------------------------------------------------------------- */

/* The version itself: when it was written, and what. */
static strata_status fill(explainer *self, st_explained *node) {
    st_request *rq = self->rq;
    const st_run *run = self->spec->point->run;
    const st_bound bound = st_bound_version(node->version);
    st_revision revision;
    bool found = false;
    if (st_key_tag(node->key) == ST_TAG_JSON) {
        ST_TRY(st_show_read(rq, run, node->key, &bound, &revision, &found));
        revision.deleted = false;
    }
    if (!found) { /* of a document, the end of it may be */
        ST_TRY(st_read(&rq->reader, run->shard, node->key, &bound, &revision, &found));
    }
    if (!found || revision.number != node->version) {
        self->to->truncated = true; /* retention has let it go */
        return STRATA_OK;
    }
    node->timestamp_us = revision.timestamp_us;
    node->deleted = revision.deleted;
    if (revision.deleted) {
        return STRATA_OK;
    }
    strata_buffer value = {.host = rq->model->host};
    strata_status status = st_show(rq, node->key, revision.value, &value);
    if (status == STRATA_OK) {
        node->value = st_arena_copy(rq->arena, st_buffer_slice(&value));
        status = node->value.data == NULL ? st_fail_memory(rq->error) : STRATA_OK;
    }
    strata_buffer_free(&value);
    return status;
}

/* Adds what was read of a key. Which version a document had is not recorded: it is that of then. */
static strata_status add_read(explainer *self, uint32_t place, strata_slice key, uint64_t version,
                              uint64_t snapshot) {
    st_key subject;
    if (!st_ref_subject(key, &subject)) {
        return STRATA_OK;
    }
    if (subject.bytes[0] == ST_TAG_JSON) {
        const st_bound bound = st_bound_version(snapshot);
        st_revision revision;
        bool found;
        ST_TRY(st_show_read(self->rq, self->spec->point->run, st_key_slice(&subject), &bound,
                            &revision, &found));
        version = found ? revision.number : 0;
    }
    return add_node(self, place, st_key_slice(&subject), version);
}

/* What was there of a range when it was read. */
static strata_status add_range(explainer *self, uint32_t place, const st_provenance_item *item,
                               uint64_t snapshot) {
    st_request *rq = self->rq;
    static const uint8_t end[] = {ST_TAG_FLOOR};
    const st_run *run = self->spec->point->run;
    const st_scan_range range = {
        st_arena_copy(rq->arena, item->key),
        item->high.len > 0 ? st_arena_copy(rq->arena, item->high) : st_slice(end, 1), false};
    st_bound bound = st_bound_version(snapshot);
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    if (scan == NULL || range.low.data == NULL || range.high.data == NULL) {
        return st_fail_memory(rq->error);
    }
    bound.past = true;
    strata_status status = st_scan_start(scan, &rq->reader, run->shard, &range, &bound);
    while (status == STRATA_OK && scan->here && !is_full(self)) {
        ST_TRY(add_read(self, place, scan->key, scan->revision.number, snapshot));
        status = st_scan_next(scan);
    }
    st_scan_end(scan);
    if (status == STRATA_HISTORY_TRIMMED) {
        self->to->truncated = true;
        rq->error->code = STRATA_OK;
        rq->error->message[0] = '\0';
        rq->error->field_count = 0;
        return STRATA_OK;
    }
    return status;
}

static strata_status add_wrote(explainer *self, st_explained *node, strata_slice key) {
    st_key subject;
    bool told = !st_ref_subject(key, &subject) || st_slice_equal(st_key_slice(&subject), node->key);
    for (size_t i = 0; !told && i < node->wrote_count; i++) {
        told = st_slice_equal(st_key_slice(&subject), node->wrote[i].key); /* a document's part */
    }
    if (told) {
        return STRATA_OK;
    }
    st_commit_change *wrote = (st_commit_change *)node->wrote;
    node->wrote_total++;
    if (node->wrote_count == ST_CHANGES_SHOWN) {
        return STRATA_OK;
    }
    if (wrote == NULL) {
        wrote = st_arena_alloc(self->rq->arena, ST_CHANGES_SHOWN * sizeof *wrote, 8);
        node->wrote = wrote;
    }
    const strata_slice copy = st_arena_copy(self->rq->arena, st_key_slice(&subject));
    if (wrote == NULL || copy.data == NULL) {
        return st_fail_memory(self->rq->error);
    }
    wrote[node->wrote_count++] = (st_commit_change){.key = copy, .value = st_slice("", 0)};
    return STRATA_OK;
}

/* Takes the record of its commit apart; below the last level nothing is added. */
static strata_status expand(explainer *self, uint32_t place) {
    st_request *rq = self->rq;
    st_explained *node = &self->to->nodes[place];
    st_provenance provenance;
    st_provenance_item item;
    ST_TRY(st_provenance_find(rq, self->spec->point->run, node->version, &provenance,
                              &node->recorded));
    if (!node->recorded) {
        return STRATA_OK;
    }
    st_provenance_walk *walk = st_arena_alloc(rq->arena, sizeof *walk, 8);
    node->label = st_arena_copy(rq->arena, provenance.label);
    node->trace = st_arena_copy(rq->arena, provenance.trace);
    if (walk == NULL || node->label.data == NULL || node->trace.data == NULL) {
        return st_fail_memory(rq->error);
    }
    self->to->truncated = self->to->truncated || provenance.truncated;
    const bool deeper = node->depth < self->spec->depth;
    bool has_items = false;
    st_provenance_start(walk, &provenance);
    while (st_provenance_next(walk, &item)) {
        has_items = true;
        if (item.kind == ST_PROVENANCE_WROTE) {
            ST_TRY(add_wrote(self, node, item.key));
        } else if (!deeper) {
            self->to->truncated = true;
        } else if (item.kind == ST_PROVENANCE_RANGE) {
            ST_TRY(add_range(self, place, &item, provenance.snapshot));
        } else {
            ST_TRY(add_read(self, place, item.key, item.version, provenance.snapshot));
        }
    }
    node->recorded = has_items; /* else it is one of a label only */
    return STRATA_OK;
}

/* ---- Levels ---------------------------------------------------------------------------------- */

static int by_version(const void *a, const void *b) {
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static bool lacks_record(const st_explained *node) {
    return !node->again && node->version > 0 && !node->recorded;
}

/* The commits of a level that have no record, each once, ascending. */
static strata_status list_commits(explainer *self, size_t from, size_t end, st_commit_list *list) {
    st_arena *arena = self->rq->arena;
    uint64_t *versions = st_arena_alloc(arena, (end - from) * sizeof *versions, 8);
    size_t count = 0;
    list->count = 0;
    list->commits = st_arena_alloc(arena, (end - from) * sizeof *list->commits, 8);
    if (versions == NULL || list->commits == NULL) {
        return st_fail_memory(self->rq->error);
    }
    for (size_t i = from; i < end; i++) {
        if (lacks_record(&self->to->nodes[i])) {
            versions[count++] = self->to->nodes[i].version;
        }
    }
    st_sort(versions, count, sizeof *versions, by_version);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || versions[i - 1] != versions[i]) {
            list->commits[list->count++] = (st_commit_entry){
                .version = versions[i], .label = st_slice("", 0), .trace = st_slice("", 0)};
        }
    }
    return STRATA_OK;
}

static strata_status add_changes(explainer *self, st_explained *node,
                                 const st_commit_entry *commit) {
    for (size_t i = 0; i < commit->shown; i++) {
        ST_TRY(add_wrote(self, node, commit->changes[i].key));
    }
    node->wrote_total += commit->total - commit->shown;
    return STRATA_OK;
}

/* What the commits of a level that have no record wrote. */
static strata_status find_writes(explainer *self, size_t from, size_t end) {
    st_request *rq = self->rq;
    st_commit_list list = {.count = 0};
    ST_TRY(list_commits(self, from, end, &list));
    ST_TRY(st_commits_of(rq, self->spec->point, &self->trail, &list));
    for (size_t i = from; i < end; i++) {
        st_explained *node = &self->to->nodes[i];
        for (size_t j = 0; lacks_record(node) && j < list.count; j++) {
            if (list.commits[j].version == node->version) {
                node->label = list.commits[j].label;
                node->trace = list.commits[j].trace;
                ST_TRY(add_changes(self, node, &list.commits[j]));
            }
        }
    }
    return STRATA_OK;
}

static strata_status explain_level(explainer *self, size_t from, size_t end) {
    for (size_t i = from; i < end; i++) {
        st_explained *node = &self->to->nodes[i];
        if (node->version == 0) {
            continue;
        }
        ST_TRY(fill(self, node));
        if (!node->again) {
            ST_TRY(expand(self, (uint32_t)i));
        }
    }
    return find_writes(self, from, end);
}

static strata_status add_document_roots(explainer *self) {
    const st_point *point = self->spec->point;
    const strata_slice key = st_key_slice(self->spec->key);
    st_json_revision *revisions;
    size_t count;
    ST_TRY(st_json_history(self->rq, point->run, st_key_text_of(key), point->version + 1,
                           (uint64_t)self->spec->versions + 1, &revisions, &count));
    for (size_t i = 0; i < count && i < self->spec->versions; i++) {
        ST_TRY(add_node(self, UINT32_MAX, key, revisions[i].stamp.version));
    }
    self->to->truncated = self->to->truncated || count > self->spec->versions;
    return STRATA_OK;
}

/* The versions of the thing itself, newest first. */
static strata_status add_roots(explainer *self) {
    st_request *rq = self->rq;
    const st_point *point = self->spec->point;
    const strata_slice key = st_key_slice(self->spec->key);
    uint8_t above[ST_STORE_KEY_MAX + 1];
    st_scan *scan = st_arena_alloc(rq->arena, sizeof *scan, 16);
    uint32_t count = 0;
    if (st_key_tag(key) == ST_TAG_JSON) {
        return add_document_roots(self);
    }
    if (scan == NULL) {
        return st_fail_memory(rq->error);
    }
    memcpy(above, key.data, key.len);
    above[key.len] = 0;
    const st_scan_range range = {key, st_slice(above, key.len + 1), false};
    ST_TRY(st_versions_start(scan, &rq->reader, point->run->shard, &range, point->version));
    while (scan->here && count < self->spec->versions && !is_full(self)) {
        ST_TRY(add_node(self, UINT32_MAX, key, scan->revision.number));
        self->to->truncated = self->to->truncated || scan->revision.trimmed;
        count++;
        ST_TRY(st_versions_next(scan));
    }
    self->to->truncated = self->to->truncated || scan->here;
    st_scan_end(scan);
    return STRATA_OK;
}

strata_status st_explain(st_request *rq, const st_explain_spec *spec, st_explanation *explanation) {
    explainer self = {.rq = rq, .spec = spec, .to = explanation};
    size_t places = 2;
    while (places < (size_t)spec->limit * 2) {
        places *= 2;
    }
    self.seen_mask = places - 1;
    self.seen = st_arena_alloc(rq->arena, places * sizeof *self.seen, 8);
    *explanation = (st_explanation){
        .nodes = st_arena_alloc(rq->arena, spec->limit * sizeof *explanation->nodes, 8)};
    if (self.seen == NULL || explanation->nodes == NULL) {
        return st_fail_memory(rq->error);
    }
    memset(self.seen, 0, places * sizeof *self.seen);
    ST_TRY(st_trail_make(rq, spec->point->run, spec->point->version, &self.trail));
    ST_TRY(add_roots(&self));
    for (size_t from = 0; from < explanation->count;) {
        const size_t end = explanation->count;
        ST_TRY(explain_level(&self, from, end));
        from = end;
    }
    return STRATA_OK;
}
