/* snippet.c - finding the best excerpt of a text, and writing it with its marks.
 *
 * 1. The words of the text go by once. Those that are terms of the query enter a queue, and leave
 *    it when they lie more than EXCERPT_BYTES before the newest. The first queue with the most
 *    distinct terms is the heart of the excerpt; no later one can have more than all of them, so
 *    there the walk ends.
 * 2. An ASCII word need not be folded or stemmed when no term begins with its first letter, which
 *    neither changes. That spares most of them.
 * 3. What room is left goes around the heart: a third before it, the rest after, less where the
 *    text begins or ends. Both ends move inwards to the border of a word.
 * 4. The excerpt is then walked as a text of its own and written with marks, so that a word cut by
 *    its border cannot put a mark outside of it. Marks that touch are one (pairs of a run).
 *
 * Rejected: offsets in the index (memory for every word of every text, for ten excerpts a recall);
 * weights by idf, which would choose "zstd" over "the", but the most distinct terms does so mostly.
 */
#include "recall/snippet.h"

#include "base/hash.h"

enum {
    EXCERPT_BYTES = 160,
    SCAN_BYTES_MAX = 1 << 20, /* 10 ms for a text that never has all terms */
    QUEUE = 256,              /* > EXCERPT_BYTES: every match begins at another byte */
    BUCKETS = 1024,
    NO_TERM = ST_QUERY_TERMS_MAX,
};

/* ---- The query's terms ----------------------------------------------------------------------- */

typedef struct matcher {
    st_analyzer *analyzer;
    const st_text_query *query;
    uint64_t first_bytes[4];           /* bit n: a term begins with byte n */
    uint16_t buckets[BUCKETS];         /* a term of that hash, or NO_TERM */
    uint16_t next[ST_QUERY_TERMS_MAX]; /* another term of the same hash */
} matcher;

static size_t bucket_of(strata_slice term) {
    return (size_t)st_hash_bytes(term, 0) & (BUCKETS - 1);
}

static void matcher_init(matcher *m, st_analyzer *analyzer, const st_text_query *query) {
    ST_ASSERT(query->count <= ST_QUERY_TERMS_MAX);
    m->analyzer = analyzer;
    m->query = query;
    memset(m->first_bytes, 0, sizeof m->first_bytes);
    for (size_t i = 0; i < BUCKETS; i++) {
        m->buckets[i] = NO_TERM;
    }
    for (size_t i = 0; i < query->count; i++) {
        const uint8_t first = *(const uint8_t *)query->terms[i].data;
        const size_t bucket = bucket_of(query->terms[i]);
        m->first_bytes[first / 64] |= (uint64_t)1 << (first % 64);
        m->next[i] = m->buckets[bucket];
        m->buckets[bucket] = (uint16_t)i;
    }
}

static bool may_match(const matcher *m, const st_surface *surface) {
    const uint8_t *at = surface->start;
    while (*at == '_' && at + 1 < surface->end) {
        at++;
    }
    const uint8_t lower = *at >= 'A' && *at <= 'Z' ? (uint8_t)(*at + ('a' - 'A')) : *at;
    return !surface->ascii || (m->first_bytes[lower / 64] >> (lower % 64) & 1) != 0;
}

/* *index: of the term that the surface is, or NO_TERM. */
static strata_status match(const matcher *m, const st_surface *surface, uint16_t *index) {
    *index = NO_TERM;
    if (!may_match(m, surface)) {
        return STRATA_OK;
    }
    st_term term;
    ST_TRY(st_analyzer_term(m->analyzer, surface, &term));
    const strata_slice bytes = st_term_slice(&term);
    if (bytes.len != 0) {
        uint16_t at = m->buckets[bucket_of(bytes)];
        while (at != NO_TERM && !st_slice_equal(m->query->terms[at], bytes)) {
            at = m->next[at];
        }
        *index = at;
    }
    return STRATA_OK;
}

/* ---- The heart of the excerpt ---------------------------------------------------------------- */

typedef struct range {
    const uint8_t *start;
    const uint8_t *end;
} range;

typedef struct queue {
    struct {
        range at;
        uint16_t term;
    } items[QUEUE];
    size_t first;
    size_t count;
    uint16_t times[ST_QUERY_TERMS_MAX]; /* of each term in the queue */
    size_t distinct;
} queue;

static void queue_push(queue *q, const st_surface *surface, uint16_t term) {
    const size_t last = (q->first + q->count++) % QUEUE;
    q->items[last].at.start = surface->start;
    q->items[last].at.end = surface->end;
    q->items[last].term = term;
    q->distinct += q->times[term]++ == 0;
    while (q->count > 1 && surface->end - q->items[q->first].at.start > EXCERPT_BYTES) {
        q->distinct -= --q->times[q->items[q->first].term] == 0;
        q->first = (q->first + 1) % QUEUE;
        q->count--;
    }
}

static bool is_continuation(const uint8_t *at) {
    return (*at & 0xc0) == 0x80;
}

/* The first place with the most distinct terms; empty and at the text's start if there is none. */
static strata_status find_heart(const matcher *m, strata_slice text, range *heart) {
    const uint8_t *data = text.data;
    size_t scanned = st_min(text.len, SCAN_BYTES_MAX);
    while (scanned > 0 && scanned < text.len && is_continuation(data + scanned)) {
        scanned--;
    }
    queue q;
    q.first = 0;
    q.count = 0;
    q.distinct = 0;
    memset(q.times, 0, sizeof q.times);
    size_t best = 0;
    heart->start = data;
    heart->end = data;
    st_surfaces surfaces = st_surfaces_over(st_slice(data, scanned));
    st_surface surface;
    while (best < m->query->count && st_surfaces_next(&surfaces, &surface)) {
        uint16_t term;
        ST_TRY(match(m, &surface, &term));
        if (term == NO_TERM) {
            continue;
        }
        queue_push(&q, &surface, term);
        if (q.distinct > best) {
            best = q.distinct;
            heart->start = q.items[q.first].at.start;
            heart->end = surface.end;
        }
    }
    return STRATA_OK;
}

/* ---- Its surroundings ------------------------------------------------------------------------ */

static bool is_space(uint32_t code) {
    return code <= 0x20 || (code >= 0x7f && code <= 0xa0) || code == 0x2028 || code == 0x2029;
}

/* The first border of a word at or after `from`, which may be inside of one; at most `to`. */
static const uint8_t *border_after(const uint8_t *from, const uint8_t *to, const uint8_t *start) {
    while (from < to && is_continuation(from)) {
        from++;
    }
    st_words words = st_words_over(st_slice(from, (size_t)(to - from)));
    st_word word;
    bool whole = from == start || is_space(from[-1]);
    while (st_words_segment(&words, &word)) {
        if (whole && !is_space(st_rune_at(word.start, word.end).code)) {
            return word.start;
        }
        whole = true;
    }
    return to;
}

/* The last border of a word at or before `to`, from the border `from` on. */
static const uint8_t *border_before(const uint8_t *from, const uint8_t *to, const uint8_t *end) {
    const uint8_t *found = from;
    /* A character more than may be taken, so that a word that goes on there is seen to be too long.
     */
    const uint8_t *seen = to < end ? to + 1 : end;
    while (seen < end && is_continuation(seen)) {
        seen++;
    }
    st_words words = st_words_over(st_slice(from, (size_t)(seen - from)));
    st_word word;
    while (st_words_segment(&words, &word) && word.end <= to) {
        found = word.end;
    }
    return found;
}

static range surround(strata_slice text, range heart) {
    const uint8_t *start = text.data;
    const uint8_t *end = start + text.len;
    range excerpt = {start, end};
    if (text.len <= EXCERPT_BYTES) {
        return excerpt;
    }
    const size_t length = (size_t)(heart.end - heart.start);
    const size_t room = EXCERPT_BYTES - st_min(length, EXCERPT_BYTES);
    const size_t before = (size_t)(heart.start - start);
    if (before + length > EXCERPT_BYTES) {
        const size_t from = st_min(before - room / 3, text.len - EXCERPT_BYTES);
        excerpt.start = border_after(start + st_min(from, before), heart.start, start);
    }
    const uint8_t *limit =
        (size_t)(end - excerpt.start) > EXCERPT_BYTES ? excerpt.start + EXCERPT_BYTES : end;
    if (heart.end > limit || heart.end == start) {
        /* One word longer than the excerpt is cut between characters. */
        excerpt.end = border_before(excerpt.start, limit, end);
        if (heart.end > limit || excerpt.end == excerpt.start) {
            for (excerpt.end = limit; excerpt.end > excerpt.start && is_continuation(excerpt.end);
                 excerpt.end--) {
            }
        }
    } else {
        excerpt.end = border_before(heart.end, limit, end);
    }
    return excerpt;
}

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct writer {
    strata_buffer *out;
    bool any;   /* something was written */
    bool space; /* white space was seen since */
} writer;

static strata_status put_space(writer *w) {
    if (w->space && w->any) {
        ST_TRY(st_buffer_append(w->out, " ", 1));
    }
    w->space = false;
    w->any = true;
    return STRATA_OK;
}

static strata_status put_mark(writer *w, const char *mark) {
    ST_TRY(put_space(w));
    return st_buffer_append(w->out, mark, 1);
}

static strata_status put_text(writer *w, range text) {
    for (const uint8_t *at = text.start; at < text.end;) {
        const st_rune rune = st_rune_at(at, text.end);
        if (is_space(rune.code)) {
            w->space = true;
        } else {
            ST_TRY(put_space(w));
            const bool bad = rune.len == 1 && *at >= 0x80;
            ST_TRY(bad ? st_buffer_append(w->out, "\xef\xbf\xbd", 3)
                       : st_buffer_append(w->out, at, rune.len));
        }
        at += rune.len;
    }
    return STRATA_OK;
}

/* Whether there is anything but white space within the next few characters. */
static bool goes_on(const uint8_t *at, const uint8_t *end) {
    for (int i = 0; i < 64; i++) {
        if (at == end) {
            return false;
        }
        const st_rune rune = st_rune_at(at, end);
        if (!is_space(rune.code)) {
            return true;
        }
        at += rune.len;
    }
    return true;
}

static strata_status put_excerpt(const matcher *m, range excerpt, strata_buffer *out) {
    writer w = {out, false, false};
    st_surfaces surfaces =
        st_surfaces_over(st_slice(excerpt.start, (size_t)(excerpt.end - excerpt.start)));
    st_surface surface;
    const uint8_t *written = excerpt.start;
    range mark = {NULL, NULL}; /* waits for the words that touch it */
    bool more;
    do {
        uint16_t term = NO_TERM;
        more = st_surfaces_next(&surfaces, &surface);
        if (more) {
            ST_TRY(match(m, &surface, &term));
            if (term == NO_TERM) {
                continue;
            }
            if (mark.start != NULL && surface.start <= mark.end) {
                mark.end = surface.end;
                continue;
            }
        }
        if (mark.start != NULL) {
            const range gap = {written, mark.start};
            ST_TRY(put_text(&w, gap));
            ST_TRY(put_mark(&w, "["));
            ST_TRY(put_text(&w, mark));
            ST_TRY(st_buffer_append(out, "]", 1));
            written = mark.end;
        }
        mark.start = surface.start;
        mark.end = surface.end;
    } while (more);
    const range rest = {written, excerpt.end};
    return put_text(&w, rest);
}

strata_status st_snippet_append(st_analyzer *analyzer, const st_text_query *query,
                                strata_slice text, strata_buffer *out) {
    if (text.len == 0) {
        return STRATA_OK;
    }
    const uint8_t *end = (const uint8_t *)text.data + text.len;
    matcher m;
    range heart;
    matcher_init(&m, analyzer, query);
    ST_TRY(find_heart(&m, text, &heart));
    const range excerpt = surround(text, heart);
    if (excerpt.start > (const uint8_t *)text.data) {
        ST_TRY(st_buffer_append(out, "...", 3));
    }
    ST_TRY(put_excerpt(&m, excerpt, out));
    return goes_on(excerpt.end, end) ? st_buffer_append(out, "...", 3) : STRATA_OK;
}
