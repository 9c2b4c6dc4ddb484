/* stanzas.c - embeddings of the packages that apt knows on this machine: real texts, without a model.
 *
 * The text of a package is its name, description, section and tags. Words become vectors by random indexing
 * (Sahlgren, "An Introduction to Random Indexing", 2005): each has an index vector, eight random places with 1 or
 * -1, and a context vector, the sum of the index vectors of the words up to four before and behind it, everywhere.
 * The vector of a word is the sum of both, each of length 1; that of a package the sum of those of its words, each
 * as often as it is there and weighted by the logarithm of how rare it is.
 * So packages of one source, or about one thing, lie close together, as texts do; many share a description, and
 * with it their neighbours.
 * Queries are packages that a hash of the name chooses; they are not in the base.
 */
#include "vector/make.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 40, PLACES = 8, WINDOW = 4, TABLE_LEN = 1 << 20 };

typedef struct word {
    uint64_t hash; /* of its letters; also the seed of its index vector */
    uint32_t texts;
    uint32_t last; /* text that had it, plus 1 */
} word;

typedef struct text {
    uint64_t hash; /* of the package's name */
    size_t first;  /* of its words, in `words` of the library */
    uint32_t count;
} text;

/* All texts. */
typedef struct library {
    word *table; /* by hash; 0: free */
    uint32_t *words;
    size_t word_count;
    size_t word_cap;
    text *texts;
    uint32_t text_count;
    uint32_t text_cap;
    uint32_t distinct;
    uint8_t *names; /* of packages that were met, by hash */
} library;

/* ---- Reading --------------------------------------------------------------------------------- */

static uint64_t hash_of(const char *letters, size_t len) {
    uint64_t state = len;
    for (size_t i = 0; i < len; i++) {
        state ^= (uint64_t)(unsigned char)letters[i];
        state = vector_random(&state);
    }
    return state | 1; /* 0: none */
}

static void *grown(void *memory, size_t count, size_t size) {
    void *more = realloc(memory, count * size);
    if (more == NULL) {
        perror("vector_make");
        exit(1);
    }
    return more;
}

static uint32_t place_of(library *l, uint64_t hash) {
    uint32_t at = (uint32_t)hash % TABLE_LEN;
    while (l->table[at].hash != 0 && l->table[at].hash != hash) {
        at = (at + 1) % TABLE_LEN;
    }
    if (l->table[at].hash == 0) {
        if (++l->distinct > TABLE_LEN / 2) {
            fprintf(stderr, "vector_make: too many words\n");
            exit(1);
        }
        l->table[at].hash = hash;
    }
    return at;
}

static void add_word(library *l, const char *letters, size_t len) {
    text *of = &l->texts[l->text_count - 1];
    const uint32_t at = place_of(l, hash_of(letters, len));
    if (l->word_count == l->word_cap) {
        l->word_cap = l->word_cap * 2 + 4096;
        l->words = grown(l->words, l->word_cap, sizeof *l->words);
    }
    l->words[l->word_count++] = at;
    of->count++;
    if (l->table[at].last != l->text_count) {
        l->table[at].last = l->text_count;
        l->table[at].texts++;
    }
}

/* Runs of letters and digits. */
static void add_line(library *l, const char *line) {
    char letters[WORD_MAX];
    size_t len = 0;
    for (;; line++) {
        if (isalnum((unsigned char)*line)) {
            if (len < WORD_MAX) {
                letters[len++] = (char)tolower((unsigned char)*line);
            }
            continue;
        }
        if (len > 1) {
            add_word(l, letters, len);
        }
        len = 0;
        if (*line == '\0') {
            return;
        }
    }
}

/* False: there was one of that name, another version of it. */
static bool begin_text(library *l, const char *name) {
    const uint64_t hash = hash_of(name, strcspn(name, "\n"));
    const bool maybe = l->names[hash % TABLE_LEN] != 0;
    for (uint32_t i = 0; maybe && i < l->text_count; i++) {
        if (l->texts[i].hash == hash) {
            return false;
        }
    }
    l->names[hash % TABLE_LEN] = 1;
    if (l->text_count == l->text_cap) {
        l->text_cap = l->text_cap * 2 + 1024;
        l->texts = grown(l->texts, l->text_cap, sizeof *l->texts);
    }
    l->texts[l->text_count++] = (text){hash, l->word_count, 0};
    return true;
}

static const char *after(const char *line, const char *field) {
    const size_t len = strlen(field);
    return strncmp(line, field, len) == 0 ? line + len : NULL;
}

static void read_texts(library *l) {
    char *line = NULL;
    size_t cap = 0;
    bool counts = false; /* the stanza is one to take */
    bool taken = false;  /* the field, which may go on in the next line */
    while (getline(&line, &cap, stdin) > 0) {
        const char *rest = after(line, "Package: ");
        if (rest != NULL) {
            counts = begin_text(l, rest);
        }
        if (line[0] == ' ') {
            rest = taken ? line : NULL;
        } else if (rest == NULL) {
            rest = after(line, "Description: ");
            rest = rest != NULL ? rest : after(line, "Tag: ");
            rest = rest != NULL ? rest : after(line, "Section: ");
        }
        taken = rest != NULL;
        if (taken && counts) {
            add_line(l, rest);
        }
    }
    free(line);
}

/* ---- Vectors --------------------------------------------------------------------------------- */

static double rarity(const library *l, uint32_t at) {
    return log((double)l->text_count / l->table[at].texts);
}

static void add_index(const word *w, uint32_t dimension, double weight, float *sum) {
    uint64_t state = w->hash;
    for (int i = 0; i < PLACES; i++) {
        const uint64_t chance = vector_random(&state);
        sum[(chance >> 1) % dimension] += (float)((chance & 1) != 0 ? weight : -weight);
    }
}

static void add_contexts(const library *l, const text *of, uint32_t dimension, float *contexts) {
    for (uint32_t i = 0; i < of->count; i++) {
        float *context = contexts + (size_t)l->words[of->first + i] * dimension;
        for (uint32_t j = i < WINDOW ? 0 : i - WINDOW; j < of->count && j <= i + WINDOW; j++) {
            const uint32_t other = l->words[of->first + j];
            if (j != i) {
                add_index(&l->table[other], dimension, rarity(l, other), context);
            }
        }
    }
}

static bool is_zero(const float *row, uint32_t dimension) {
    uint32_t at = 0;
    while (at < dimension && row[at] == 0) {
        at++;
    }
    return at == dimension;
}

/* The vectors of all words, where the table has the word. */
static float *make_words(const library *l, uint32_t dimension) {
    float *made = vector_memory((size_t)TABLE_LEN * dimension, sizeof *made);
    float *index = vector_memory(dimension, sizeof *index);
    for (uint32_t i = 0; i < l->text_count; i++) {
        add_contexts(l, &l->texts[i], dimension, made);
    }
    for (uint32_t at = 0; at < TABLE_LEN; at++) {
        float *row = made + (size_t)at * dimension;
        if (l->table[at].hash == 0) {
            continue;
        }
        if (!is_zero(row, dimension)) {
            vector_normalise(row, dimension);
        }
        memset(index, 0, dimension * sizeof *index);
        add_index(&l->table[at], dimension, 1, index);
        if (!is_zero(index, dimension)) { /* all places may have met their opposites */
            vector_normalise(index, dimension);
        }
        for (uint32_t i = 0; i < dimension; i++) {
            row[i] += index[i];
        }
    }
    free(index);
    return made;
}

static bool write_text(const library *l, const text *of, const float *words, uint32_t dimension,
                       FILE *file) {
    float row[8192] = {0};
    for (uint32_t i = 0; i < of->count; i++) {
        const uint32_t at = l->words[of->first + i];
        const float weight = (float)rarity(l, at);
        for (uint32_t j = 0; j < dimension; j++) {
            row[j] += weight * words[(size_t)at * dimension + j];
        }
    }
    if (is_zero(row, dimension)) {
        return false;
    }
    vector_normalise(row, dimension);
    vector_write_row(file, row, dimension);
    return true;
}

static int compare_hashes(const void *a, const void *b) {
    const text *x = a;
    const text *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

void vector_make_stanzas(const vector_wanted *wanted) {
    library l = {.text_count = 0};
    l.table = vector_memory(TABLE_LEN, sizeof *l.table);
    l.names = vector_memory(TABLE_LEN, 1);
    read_texts(&l);
    if (l.text_count <= wanted->queries || wanted->dimension > 8192) {
        fprintf(stderr, "vector_make: apt knows %u packages only\n", l.text_count);
        exit(1);
    }
    const float *words = make_words(&l, wanted->dimension);
    qsort(l.texts, l.text_count, sizeof *l.texts, compare_hashes);
    FILE *queries = vector_create(wanted, "query.f32");
    FILE *base = vector_create(wanted, "base.f32");
    uint32_t written = 0;
    for (uint32_t i = 0; i < l.text_count && written < wanted->queries + wanted->count; i++) {
        written += write_text(&l, &l.texts[i], words, wanted->dimension,
                              written < wanted->queries ? queries : base);
    }
    vector_finish(queries);
    vector_finish(base);
}
