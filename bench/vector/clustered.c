/* clustered.c - a mixture of a thousand Gaussians whose spectrum is that of text embeddings.
 *
 *     x = R * (s .* (centre + 0.8 * n)), of length 1
 *
 * centre and n are standard normal; s[j] = (1 + j)^-1/2, so that few directions carry most of the variance (of 384
 * dimensions 26 count); R is a full random matrix, so that no axis is special and codes a dimension gain nothing
 * from the order of the axes. Queries come from the same mixture.
 */
#include "vector/make.h"

#include <math.h>

enum { CENTRES = 1000 };

static const uint64_t seed = 42;

typedef struct mixture {
    uint32_t dimension;
    float *turn;    /* dimension x dimension */
    float *centres; /* CENTRES x dimension */
    float *point;   /* before it is turned */
    uint64_t state;
} mixture;

static float *normals(uint64_t *state, size_t count) {
    float *made = vector_memory(count, sizeof *made);
    for (size_t i = 0; i < count; i++) {
        made[i] = (float)vector_normal(state);
    }
    return made;
}

static void draw(mixture *m, float *row) {
    const size_t centre = vector_random(&m->state) % CENTRES;
    for (uint32_t j = 0; j < m->dimension; j++) {
        const double at = m->centres[centre * m->dimension + j] + 0.8 * vector_normal(&m->state);
        m->point[j] = (float)(at / sqrt(1.0 + j));
    }
    for (uint32_t i = 0; i < m->dimension; i++) {
        row[i] = vector_dot(m->turn + (size_t)i * m->dimension, m->point, m->dimension);
    }
    vector_normalise(row, m->dimension);
}

static void write_rows(mixture *m, FILE *file, uint32_t count) {
    float *row = vector_memory(m->dimension, sizeof *row);
    for (uint32_t i = 0; i < count; i++) {
        draw(m, row);
        vector_write_row(file, row, m->dimension);
    }
    vector_finish(file);
}

void vector_make_clustered(const vector_wanted *wanted) {
    const uint32_t dimension = wanted->dimension;
    mixture m = {.dimension = dimension, .state = seed};
    m.turn = normals(&m.state, (size_t)dimension * dimension);
    m.centres = normals(&m.state, (size_t)CENTRES * dimension);
    m.point = vector_memory(dimension, sizeof *m.point);
    write_rows(&m, vector_create(wanted, "base.f32"), wanted->count);
    write_rows(&m, vector_create(wanted, "query.f32"), wanted->queries);
}
