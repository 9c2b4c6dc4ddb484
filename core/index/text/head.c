/* head.c - the index of one run while it grows: staging and publishing documents.
 *
 * A head is a dictionary (dictionary.h), whose entries hold posting lists (postings.h), and a table
 * of documents (documents.h). All that readers touch is in one arena, published with release stores
 * and never freed or changed before the head is destroyed. DESIGN.md section 5: each entry knows
 * the versions between which it lives, so a search at any snapshot is exact.
 *
 * 1. Staging does all that can fail: it finds the words, makes entries for new terms, counts each
 *    term in its entry's `staged`, and makes room for one posting in each of their lists, for the
 *    document, and for its key. What is left when it fails is invisible: terms without documents
 *    and empty chunks.
 * 2. Publishing appends the postings, then adds the document, which is what makes them count: a
 *    reader's view bounds the numbers of documents that he looks at.
 * 3. An entry's `staged` is not 0 only while it is in `lexemes`.
 * 4. The length of a document is the number of its terms, repetitions counted.
 *
 * Where the rest will go. Positions (for phrases): a second stream beside the counts in
 * st_posting_chunk, which a search without phrases never opens. Segments: when a head is large it
 * is sealed; a successor takes the writes, and the sealed one is written out as an immutable
 * segment (sorted terms, blocks of 128 postings with their own maxima, the table of documents with
 * added and ended), after which the run searches segments and head alike, over sums of their views.
 *
 * Atomics outside of base/sync and store/: see documents.c.
 *
 * Rejected: postings first, documents rolled back on failure (a burnt number for each failure, and
 * readers would have to know); a copy of the text in the head (the store has it).
 */
#include "index/text/head_private.h"

enum { ARENA_CHUNK = 4096, LEXEMES_MIN = 64, LEXEMES_KEPT_MAX = 16384 };

/* ---- Life ------------------------------------------------------------------------------------ */

/* Hashes are seeded, so that no text can be written to make its words collide. Hosts without
 * entropy have nobody else's texts. */
static strata_status make_seed(const strata_host *host, uint64_t *seed) {
    *seed = 0;
    return host->entropy.fill == NULL ? STRATA_OK
                                      : host->entropy.fill(host->entropy.ctx, seed, sizeof *seed);
}

strata_status st_text_head_create(const strata_host *host, st_text_head **head) {
    uint64_t seed;
    ST_TRY(make_seed(host, &seed));
    st_text_head *made = st_alloc_zeroed(&host->memory, sizeof *made);
    if (made == NULL) {
        return STRATA_NO_MEMORY;
    }
    if (st_analyzer_init(&made->analyzer, ST_LANGUAGE_ENGLISH) != STRATA_OK) {
        st_free(&host->memory, made, sizeof *made);
        return STRATA_NO_MEMORY;
    }
    made->host = host;
    st_arena_init(&made->arena, &host->memory, ARENA_CHUNK);
    st_documents_init(&made->documents, &host->memory, &made->arena, seed);
    st_dictionary_init(&made->dictionary, &made->arena, seed);
    st_surface_cache_init(&made->cache, &host->memory);
    atomic_init(&made->writer_bytes, sizeof *made);
    *head = made;
    return STRATA_OK;
}

void st_text_head_destroy(st_text_head *head) {
    if (head == NULL) {
        return;
    }
    const strata_allocator *allocator = &head->host->memory;
    st_free(allocator, head->staging.lexemes,
            head->staging.capacity * sizeof *head->staging.lexemes);
    st_surface_cache_free(&head->cache);
    st_analyzer_free(&head->analyzer);
    st_documents_free(&head->documents);
    st_arena_free(&head->arena);
    st_free(allocator, head, sizeof *head);
}

static void count_writer_bytes(st_text_head *head) {
    const size_t bytes = sizeof *head + head->cache.count * sizeof *head->cache.entries +
                         head->staging.capacity * sizeof *head->staging.lexemes +
                         head->documents.slot_count * sizeof *head->documents.slots;
    atomic_store_explicit(&head->writer_bytes, bytes, memory_order_relaxed);
}

/* ---- Staging --------------------------------------------------------------------------------- */

static void unstage(st_text_head *head) {
    st_staging *staging = &head->staging;
    for (size_t i = 0; i < staging->count; i++) {
        staging->lexemes[i]->staged = 0;
    }
    staging->count = 0;
    staging->length = 0;
    staging->key = NULL;
    if (staging->capacity > LEXEMES_KEPT_MAX) { /* one huge text must not cost for ever */
        st_free(&head->host->memory, staging->lexemes,
                staging->capacity * sizeof *staging->lexemes);
        staging->lexemes = NULL;
        staging->capacity = 0;
    }
}

static strata_status grow_lexemes(st_text_head *head) {
    st_staging *staging = &head->staging;
    const size_t capacity = st_max(staging->capacity * 2, LEXEMES_MIN);
    st_lexeme **lexemes =
        st_resize(&head->host->memory, staging->lexemes, staging->capacity * sizeof *lexemes,
                  capacity * sizeof *lexemes);
    if (lexemes == NULL) {
        return STRATA_NO_MEMORY;
    }
    staging->lexemes = lexemes;
    staging->capacity = capacity;
    return STRATA_OK;
}

/* Counts the term once more in the staged document. */
static inline strata_status stage_lexeme(st_text_head *head, st_lexeme *lexeme) {
    st_staging *staging = &head->staging;
    if (lexeme->staged == 0) {
        if (ST_UNLIKELY(staging->count == staging->capacity)) {
            ST_TRY(grow_lexemes(head));
        }
        staging->lexemes[staging->count++] = lexeme;
    }
    lexeme->staged++;
    staging->length++;
    return STRATA_OK;
}

/* *lexeme: NULL when the surface has no term. */
static strata_status analyze(st_text_head *head, const st_surface *surface, st_lexeme **lexeme) {
    st_term term;
    ST_TRY(st_analyzer_term(&head->analyzer, surface, &term));
    *lexeme = NULL;
    if (term.len != 0) {
        *lexeme = st_dictionary_add(&head->dictionary, st_term_slice(&term));
        if (*lexeme == NULL) {
            return STRATA_NO_MEMORY;
        }
    }
    return STRATA_OK;
}

static strata_status stage_words(st_text_head *head, strata_slice text) {
    const st_surface_cache *cache = &head->cache;
    st_surfaces surfaces = st_surfaces_over(text);
    const uint8_t *end = surfaces.words.end;
    st_surface surface;
    while (st_surfaces_next(&surfaces, &surface)) {
        st_surface_key key;
        st_surface_entry *entry = NULL;
        if (cache->count != 0 && st_surface_key_of(&surface, end, &key)) {
            entry = st_surface_cache_entry(cache, &key);
            if (entry->lexeme != NULL && st_surface_key_equal(&entry->key, &key)) {
                ST_TRY(stage_lexeme(head, entry->lexeme));
                continue;
            }
        }
        st_lexeme *lexeme;
        ST_TRY(analyze(head, &surface, &lexeme));
        if (lexeme == NULL) {
            continue;
        }
        if (entry != NULL) {
            entry->key = key;
            entry->lexeme = lexeme;
        }
        ST_TRY(stage_lexeme(head, lexeme));
    }
    return STRATA_OK;
}

static strata_status stage_key(st_text_head *head, strata_slice key) {
    uint32_t number;
    if (st_documents_find(&head->documents, key, &number)) {
        const st_document_table *table =
            atomic_load_explicit(&head->documents.table, memory_order_relaxed);
        head->staging.key = table->key[number];
        return STRATA_OK;
    }
    st_document_key *copy =
        key.len > UINT32_MAX - sizeof *copy
            ? NULL
            : st_arena_alloc(&head->arena, sizeof *copy + key.len, _Alignof(st_document_key));
    if (copy == NULL) {
        return STRATA_NO_MEMORY;
    }
    copy->len = (uint32_t)key.len;
    if (key.len != 0) {
        memcpy(copy->bytes, key.data, key.len);
    }
    head->staging.key = copy;
    return STRATA_OK;
}

static strata_status stage(st_text_head *head, strata_slice key, strata_slice text) {
    ST_TRY(stage_words(head, text));
    for (size_t i = 0; i < head->staging.count; i++) {
        ST_TRY(st_postings_reserve(&head->staging.lexemes[i]->postings, &head->arena));
    }
    ST_TRY(st_documents_reserve(&head->documents));
    return stage_key(head, key);
}

strata_status st_text_head_stage(st_text_head *head, strata_slice key, strata_slice text) {
    unstage(head);
    st_surface_cache_fit(&head->cache, head->dictionary.count);
    const strata_status status = stage(head, key, text);
    if (status != STRATA_OK) {
        unstage(head);
    }
    count_writer_bytes(head);
    return status;
}

/* ---- Publishing ------------------------------------------------------------------------------ */

void st_text_head_publish(st_text_head *head, uint64_t version) {
    st_staging *staging = &head->staging;
    ST_ASSERT(staging->key != NULL);
    const uint32_t number = st_documents_next_number(&head->documents);
    for (size_t i = 0; i < staging->count; i++) {
        st_lexeme *lexeme = staging->lexemes[i];
        st_postings_append(&lexeme->postings, number, lexeme->staged, staging->length);
    }
    st_documents_add(&head->documents, staging->key, staging->length, version);
    unstage(head);
}

strata_status st_text_head_add(st_text_head *head, strata_slice key, uint64_t version,
                               strata_slice text) {
    ST_TRY(st_text_head_stage(head, key, text));
    st_text_head_publish(head, version);
    return STRATA_OK;
}

bool st_text_head_remove(st_text_head *head, strata_slice key, uint64_t version) {
    return st_documents_remove(&head->documents, key, version);
}

/* ---- Reading --------------------------------------------------------------------------------- */

uint64_t st_text_head_documents(const st_text_head *head, uint64_t snapshot) {
    return st_documents_at(&head->documents, snapshot).living;
}

size_t st_text_head_bytes(const st_text_head *head) {
    return atomic_load_explicit(&head->arena.reserved, memory_order_relaxed) +
           atomic_load_explicit(&head->writer_bytes, memory_order_relaxed);
}

/* ---- Checking -------------------------------------------------------------------------------- */

/* Walks one list and takes its counts off what is missing of each document's length. */
static strata_status check_postings(const st_lexeme *lexeme, const st_documents_view *view,
                                    uint32_t *missing, strata_error *error) {
    const strata_slice term = st_lexeme_slice(lexeme);
    st_posting_cursor cursor;
    uint32_t seen = 0;
    st_posting_cursor_init(&cursor, &lexeme->postings, view->count);
    while (cursor.document < view->count) {
        const uint32_t document = cursor.document;
        if (missing[document] < cursor.count) {
            return st_fail(error, STRATA_INTERNAL, "text index: %S is too often in document %u",
                           &term, (uint64_t)document);
        }
        if (cursor.chunk != NULL &&
            (atomic_load_explicit(&cursor.chunk->count_max, memory_order_relaxed) < cursor.count ||
             atomic_load_explicit(&cursor.chunk->length_min, memory_order_relaxed) >
                 view->table->length[document])) {
            return st_fail(error, STRATA_INTERNAL, "text index: a bound of %S is wrong", &term);
        }
        missing[document] -= cursor.count;
        seen++;
        st_posting_cursor_next(&cursor);
        if (cursor.document <= document) {
            return st_fail(error, STRATA_INTERNAL, "text index: the list of %S is out of order",
                           &term);
        }
    }
    if (seen != atomic_load_explicit(&lexeme->postings.count, memory_order_relaxed) ||
        seen != st_postings_count_below(&lexeme->postings, view->count)) {
        return st_fail(error, STRATA_INTERNAL, "text index: the list of %S has another length",
                       &term);
    }
    return STRATA_OK;
}

static strata_status check_staging(const st_text_head *head, strata_error *error) {
    const st_staging *staging = &head->staging;
    uint64_t length = 0;
    for (size_t i = 0; i < staging->count; i++) {
        length += staging->lexemes[i]->staged;
    }
    if (length != staging->length || (staging->key == NULL && staging->count != 0)) {
        return st_fail(error, STRATA_INTERNAL, "text index: the staged counts do not add up");
    }
    return STRATA_OK;
}

static strata_status check_lists(const st_text_head *head, const st_documents_view *view,
                                 uint32_t *missing, strata_error *error) {
    const st_lexeme_table *table =
        atomic_load_explicit(&head->dictionary.table, memory_order_acquire);
    memcpy(missing, view->table->length, view->count * sizeof *missing);
    for (uint32_t i = 0; table != NULL && i < table->slot_count; i++) {
        const st_lexeme *lexeme = atomic_load_explicit(&table->slots[i], memory_order_acquire);
        if (lexeme != NULL) {
            ST_TRY(check_postings(lexeme, view, missing, error));
        }
    }
    for (uint32_t i = 0; i < view->count; i++) {
        if (missing[i] != 0) {
            return st_fail(error, STRATA_INTERNAL, "text index: document %u lacks postings",
                           (uint64_t)i);
        }
    }
    return STRATA_OK;
}

strata_status st_text_head_check(const st_text_head *head, strata_error *error) {
    ST_TRY(st_dictionary_check(&head->dictionary, error));
    ST_TRY(st_documents_check(&head->documents, error));
    ST_TRY(check_staging(head, error));
    const st_documents_view view = st_documents_at(&head->documents, ST_ALIVE - 1);
    if (view.count == 0) {
        return STRATA_OK;
    }
    const size_t size = view.count * sizeof(uint32_t);
    uint32_t *missing = st_alloc(&head->host->memory, size);
    if (missing == NULL) {
        return st_fail_memory(error);
    }
    const strata_status status = check_lists(head, &view, missing, error);
    st_free(&head->host->memory, missing, size);
    return status;
}
