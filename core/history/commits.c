/* commits.c - finding the commits of a page, and reading what they changed.
 *
 * Nothing lists commits: a commit is what its keys say. So a first pass over the trail chooses the
 * page's commits, and a second one collects their changes. Neither needs memory for the others:
 *
 * 1. The first pass keeps the best numbers seen so far in a list with room for CHOICE times the page.
 *    When that is full it is sorted, and all but the page goes; what is not better than the worst that
 *    stayed is then not even put in. So a number costs a comparison, or its share of a sort.
 * 2. It looks at an end of the range first, the newest (or oldest) WINDOW commits, and at the next
 *    longer one only if the page is not full. Tables and blocks outside are not opened.
 * 3. The second pass keeps the changes of the chosen commits. Should they become more than
 *    ST_HISTORY_BYTES_MAX the later half of the commits goes to another page, until one is left.
 *
 * Invariants: the commits of a page are distinct and in its order; the changes of a commit are in the
 * order of their keys. Labels are found on the way, since the provenance of a commit is a key
 * of that commit.
 * Rejected: a list of commits beside the keys. It would cost each commit a write, and retention would
 * have to keep it in step.
 */
#include "history/commits.h"

#include "base/sort.h"
#include "model/provenance.h"
#include "model/ref.h"
#include "model/show.h"
#include "store/past.h"

enum { CHOICE = 4, WINDOW = 1024, GROWTH = 64 };

/* ---- Choosing -------------------------------------------------------------------------------- */

typedef struct choice {
    uint64_t version;
    int64_t timestamp_us;
} choice;

typedef struct chooser {
    const st_commits_spec *spec;
    choice *choices;
    size_t count;
    size_t cap;
    size_t wanted;  /* the page and one more */
    uint64_t worst; /* once the page is full, this one and what is not better are of no interest */
    bool full;
} chooser;

static int by_version(const void *a, const void *b) {
    const uint64_t left = ((const choice *)a)->version;
    const uint64_t right = ((const choice *)b)->version;
    return (left > right) - (left < right);
}

/* Sorts, takes each version once, and keeps those of the page. */
static void settle(chooser *self) {
    size_t kept = 0;
    st_sort(self->choices, self->count, sizeof *self->choices, by_version);
    for (size_t i = 0; i < self->count; i++) {
        if (kept == 0 || self->choices[kept - 1].version != self->choices[i].version) {
            self->choices[kept++] = self->choices[i];
        }
    }
    self->count = kept;
    self->full = kept >= self->wanted;
    if (!self->full) {
        return;
    }
    if (!self->spec->oldest_first) {
        memmove(self->choices, self->choices + (kept - self->wanted),
                self->wanted * sizeof *self->choices);
    }
    self->count = self->wanted;
    self->worst = self->spec->oldest_first ? self->choices[self->count - 1].version
                                           : self->choices[0].version;
}

static strata_status choose(void *ctx, st_scan *scan) {
    chooser *self = ctx;
    const st_revision *revision = &scan->revision;
    const uint64_t version = revision->number;
    if (self->full &&
        (self->spec->oldest_first ? version >= self->worst : version <= self->worst)) {
        return STRATA_OK;
    }
    if (self->count > 0 && self->choices[self->count - 1].version == version) {
        return STRATA_OK;
    }
    self->choices[self->count++] = (choice){version, revision->timestamp_us};
    if (self->count == self->cap) {
        settle(self);
    }
    return STRATA_OK;
}

/* The next end of the range: [after, until] grows until it is all of it. */
static bool widen(const st_commits_spec *spec, uint64_t *window, uint64_t *after, uint64_t *until) {
    if (*after == spec->after && *until == spec->until) {
        return false;
    }
    const uint64_t whole = spec->until - spec->after;
    const uint64_t width = *window < whole ? *window : whole;
    *after = spec->oldest_first ? spec->after : spec->until - width;
    *until = spec->oldest_first ? spec->after + width : spec->until;
    *window = *window > UINT64_MAX / GROWTH ? UINT64_MAX : *window * GROWTH;
    return true;
}

/* Of one thing all its keys: a document's parts too. */
static strata_status walk_thing(st_request *rq, const st_trail *trail, chooser *self,
                                st_trail_range *range, uint64_t *earliest) {
    const st_key *thing = self->spec->thing;
    st_key low;
    st_key high;
    if (thing == NULL) {
        return st_trail_walk(rq, trail, range, choose, self, earliest);
    }
    high = *thing;
    high.bytes[high.len++] = 0;
    range->low = st_key_slice(thing);
    range->high = st_key_slice(&high);
    ST_TRY(st_trail_walk(rq, trail, range, choose, self, earliest));
    if (st_key_tag(range->low) != ST_TAG_JSON) {
        return STRATA_OK;
    }
    low = *thing;
    high = *thing;
    low.bytes[0] = ST_TAG_JSON_PATCH;
    high.bytes[0] = ST_TAG_JSON_PATCH;
    high.bytes[high.len - 1] = 1; /* above the mark at the end of its text */
    range->low = st_key_slice(&low);
    range->high = st_key_slice(&high);
    return st_trail_walk(rq, trail, range, choose, self, earliest);
}

static strata_status choose_page(st_request *rq, const st_trail *trail, chooser *self,
                                 uint64_t *earliest) {
    const st_commits_spec *spec = self->spec;
    uint64_t window = WINDOW;
    uint64_t after = UINT64_MAX;
    uint64_t until = UINT64_MAX;
    self->wanted = spec->limit + 1;
    self->cap = self->wanted * CHOICE;
    self->choices = st_arena_alloc(rq->arena, self->cap * sizeof *self->choices, 8);
    if (self->choices == NULL) {
        return st_fail_memory(rq->error);
    }
    *earliest = 0;
    while (spec->after < spec->until && !self->full && widen(spec, &window, &after, &until)) {
        st_trail_range range = {st_slice("", 0), st_slice("", 0), after, until};
        self->count = 0;
        ST_TRY(walk_thing(rq, trail, self, &range, earliest));
        settle(self);
    }
    return STRATA_OK;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* A change whose key, and behind it value, are in `bytes`. */
typedef struct collected {
    uint32_t commit;
    bool deleted;
    size_t at;
    size_t key_len;
    size_t value_len;
} collected;

typedef struct collector {
    st_request *rq;
    const st_point *point;
    st_commit_entry *commits; /* in the order of the page */
    size_t count;
    bool oldest_first;
    size_t shown_max;
    bool with_values;
    bool exact;
    uint64_t gone; /* the last commit of which a value may be gone; 0: none */
    st_arena arena;
    st_request scratch;    /* in that arena: documents that are read whole */
    strata_buffer changes; /* collected */
    strata_buffer bytes;
} collector;

static st_commit_entry *find_commit(collector *self, uint64_t version) {
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const uint64_t here = self->commits[middle].version;
        if (self->oldest_first ? here < version : here > version) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < self->count && self->commits[low].version == version ? &self->commits[low] : NULL;
}

static collected *changes_of(const collector *self) {
    return (collected *)(void *)self->changes.data;
}

/* Leaves the later half of the commits to the next page. */
static void shed(collector *self) {
    const size_t count = self->changes.len / sizeof(collected);
    collected *changes = changes_of(self);
    size_t kept = 0;
    size_t at = 0;
    self->count = (self->count + 1) / 2;
    for (size_t i = 0; i < count; i++) {
        if (changes[i].commit >= self->count) {
            continue;
        }
        const size_t len = changes[i].key_len + changes[i].value_len;
        memmove(self->bytes.data + at, self->bytes.data + changes[i].at, len);
        changes[kept] = changes[i];
        changes[kept++].at = at;
        at += len;
    }
    self->changes.len = kept * sizeof(collected);
    self->bytes.len = at;
}

static strata_status note_about(collector *self, st_commit_entry *commit, st_scan *scan) {
    st_provenance provenance;
    strata_slice stored;
    ST_TRY(st_scan_value(scan, &stored));
    ST_TRY(st_provenance_read(self->rq, scan->key, stored, &provenance));
    commit->label = st_arena_copy(self->rq->arena, provenance.label);
    commit->trace = st_arena_copy(self->rq->arena, provenance.trace);
    return commit->label.data == NULL || commit->trace.data == NULL
               ? st_fail_memory(self->rq->error)
               : STRATA_OK;
}

/* Of a document there may be a part that is kept, and not what it was a change of: then there is no value,
 * as if the version had gone. */
static strata_status append_value(collector *self, st_scan *scan, strata_slice key,
                                  size_t *value_len) {
    const size_t start = self->bytes.len;
    strata_slice stored;
    if (st_key_tag(key) == ST_TAG_JSON) {
        st_bound bound = st_bound_version(scan->revision.number);
        st_revision revision;
        bool found;
        bound.past = true;
        st_scratch_forget(&self->scratch);
        const strata_status status =
            st_show_read(&self->scratch, self->point->run, key, &bound, &revision, &found);
        if (status == STRATA_HISTORY_TRIMMED && !self->exact) {
            st_error_clear(self->rq->error);
            self->gone = bound.version > self->gone ? bound.version : self->gone;
            *value_len = 0;
            return STRATA_OK;
        }
        ST_TRY(status);
        stored = found ? revision.value : st_slice("", 0);
    } else {
        ST_TRY(st_scan_value(scan, &stored));
    }
    ST_TRY(st_show(self->rq, key, stored, &self->bytes));
    *value_len = self->bytes.len - start;
    return STRATA_OK;
}

/* Whether the commit has written the whole document too, which is told by its own key. */
static strata_status is_told(collector *self, const st_scan *scan, strata_slice key, bool *told) {
    const st_bound bound = st_bound_version(scan->revision.number);
    st_revision revision;
    st_scratch_forget(&self->scratch);
    const strata_status status =
        st_read(&self->scratch.reader, self->point->run->shard, key, &bound, &revision, told);
    if (status == STRATA_HISTORY_TRIMMED) { /* nothing of that commit is left there */
        st_error_clear(self->rq->error);
        *told = false;
        return STRATA_OK;
    }
    ST_TRY(status);
    *told = *told && revision.number == scan->revision.number;
    return STRATA_OK;
}

static strata_status add_change(collector *self, st_commit_entry *commit, st_scan *scan,
                                const st_key *subject) {
    const strata_slice key = st_key_slice(subject);
    const bool part = st_key_tag(scan->key) != st_key_tag(key);
    collected change = {.commit = (uint32_t)(commit - self->commits),
                        .deleted = scan->revision.deleted,
                        .at = self->bytes.len,
                        .key_len = key.len};
    bool told = part && change.deleted; /* parts go when their document does */
    if (part && !told) {
        ST_TRY(is_told(self, scan, key, &told));
    }
    if (told) {
        return STRATA_OK;
    }
    commit->total++;
    if (commit->shown == self->shown_max) {
        return STRATA_OK;
    }
    commit->shown++;
    if (st_buffer_append(&self->bytes, key.data, key.len) != STRATA_OK) {
        return st_fail_memory(self->rq->error);
    }
    if (self->with_values && !change.deleted) {
        ST_TRY(append_value(self, scan, key, &change.value_len));
    }
    return st_buffer_append(&self->changes, &change, sizeof change) == STRATA_OK
               ? STRATA_OK
               : st_fail_memory(self->rq->error);
}

static strata_status collect(void *ctx, st_scan *scan) {
    collector *self = ctx;
    st_key subject;
    st_commit_entry *commit = find_commit(self, scan->revision.number);
    if (commit == NULL) {
        return STRATA_OK;
    }
    if (st_key_tag(scan->key) == ST_TAG_PROVENANCE) {
        return note_about(self, commit, scan);
    }
    if (!st_ref_subject(scan->key, &subject)) {
        return STRATA_OK;
    }
    ST_TRY(add_change(self, commit, scan, &subject));
    while (self->bytes.len + self->changes.len > ST_HISTORY_BYTES_MAX && self->count > 1) {
        shed(self);
    }
    return STRATA_OK;
}

/* Most come in the order of their keys; a document of which a part was changed comes late. */
static void put_in_order(st_commit_entry *commit, const st_commit_change *change) {
    st_commit_change *changes = (st_commit_change *)commit->changes;
    size_t at = commit->shown++;
    for (; at > 0 && st_slice_compare(change->key, changes[at - 1].key) < 0; at--) {
        changes[at] = changes[at - 1];
    }
    changes[at] = *change;
}

/* Gives each commit its changes, in memory that lasts as long as the arena. */
static strata_status hand_out(collector *self) {
    const size_t count = self->changes.len / sizeof(collected);
    const collected *changes = changes_of(self);
    st_commit_change *all = st_arena_alloc(self->rq->arena, count * sizeof *all, 8);
    const strata_slice bytes = st_arena_copy(self->rq->arena, st_buffer_slice(&self->bytes));
    if (all == NULL || bytes.data == NULL) {
        return st_fail_memory(self->rq->error);
    }
    size_t at = 0;
    for (size_t i = 0; i < self->count; i++) {
        self->commits[i].changes = all + at;
        at += self->commits[i].shown;
        self->commits[i].shown = 0;
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *key = (const uint8_t *)bytes.data + changes[i].at;
        const st_commit_change change = {
            .key = st_slice(key, changes[i].key_len),
            .deleted = changes[i].deleted,
            .value = st_slice(key + changes[i].key_len, changes[i].value_len)};
        put_in_order(&self->commits[changes[i].commit], &change);
    }
    return STRATA_OK;
}

/* Fills in what the commits of the list changed; there may be fewer of them afterwards. */
static strata_status read_changes(st_request *rq, const st_point *point, const st_trail *trail,
                                  const st_commits_spec *spec, st_commit_list *list) {
    collector self = {.rq = rq,
                      .point = point,
                      .commits = list->commits,
                      .count = list->count,
                      .oldest_first = spec->oldest_first,
                      .shown_max = spec->with_values ? SIZE_MAX : ST_CHANGES_SHOWN,
                      .with_values = spec->with_values,
                      .exact = spec->exact,
                      .changes = {.host = rq->model->host},
                      .bytes = {.host = rq->model->host}};
    const uint64_t first = list->commits[0].version;
    const uint64_t last = list->commits[list->count - 1].version;
    const st_trail_range range = {st_slice("", 0), st_slice("", 0),
                                  (spec->oldest_first ? first : last) - 1,
                                  spec->oldest_first ? last : first};
    uint64_t earliest = 0;
    st_scratch_begin(&self.scratch, &self.arena, rq);
    strata_status status = st_trail_walk(rq, trail, &range, collect, &self, &earliest);
    if (status == STRATA_OK) {
        status = hand_out(&self);
    }
    st_scratch_end(&self.scratch);
    strata_buffer_free(&self.changes);
    strata_buffer_free(&self.bytes);
    list->more = list->more || self.count < list->count;
    list->count = self.count;
    list->earliest = self.gone >= list->earliest && self.gone > 0 ? self.gone + 1 : list->earliest;
    return status;
}

/* ---- Pages ----------------------------------------------------------------------------------- */

static strata_status list_commits(st_request *rq, const chooser *self, st_commit_list *list) {
    const st_commits_spec *spec = self->spec;
    list->more = self->count > spec->limit;
    list->count = list->more ? spec->limit : self->count;
    list->commits = st_arena_alloc(rq->arena, list->count * sizeof *list->commits, 8);
    if (list->commits == NULL) {
        return st_fail_memory(rq->error);
    }
    for (size_t i = 0; i < list->count; i++) {
        const choice *chosen = &self->choices[spec->oldest_first ? i : self->count - 1 - i];
        list->commits[i] = (st_commit_entry){.version = chosen->version,
                                             .timestamp_us = chosen->timestamp_us,
                                             .label = st_slice("", 0),
                                             .trace = st_slice("", 0)};
    }
    return STRATA_OK;
}

strata_status st_commits_read(st_request *rq, const st_point *point, const st_trail *trail,
                              const st_commits_spec *spec, st_commit_list *list) {
    chooser self = {.spec = spec};
    *list = (st_commit_list){.count = 0};
    ST_TRY(choose_page(rq, trail, &self, &list->earliest));
    if (spec->exact && list->earliest > 0) {
        st_bound bound = st_bound_version(spec->after + 1);
        return st_past_fail(&rq->reader, point->run->shard->run,
                            spec->thing == NULL ? st_slice("", 0) : st_key_slice(spec->thing),
                            &bound, list->earliest);
    }
    ST_TRY(list_commits(rq, &self, list));
    return list->count == 0 ? STRATA_OK : read_changes(rq, point, trail, spec, list);
}

strata_status st_commits_of(st_request *rq, const st_point *point, const st_trail *trail,
                            st_commit_list *list) {
    static const st_commits_spec spec = {.oldest_first = true};
    return list->count == 0 ? STRATA_OK : read_changes(rq, point, trail, &spec, list);
}
