// engine_hnswlib.cpp - hnswlib, 32-bit floats. Embeddings have length 1, so that the inner product is all that a
// distance under cosine costs it.
#include "vector/engine.h"

#include <atomic>

#include "hnswlib/hnswlib.h"
#include "vector/machine.h"

namespace {

struct peer {
    explicit peer(const vector_rows *rows)
        : base(rows), space(rows->dimension),
          graph(&space, rows->count, VECTOR_LINKS, VECTOR_EFFORT_BUILD, 100, true) {}

    const vector_rows *base;
    hnswlib::InnerProductSpace space;
    hnswlib::HierarchicalNSW<float> graph;
    std::atomic<uint32_t> next{0};
};

struct filter : hnswlib::BaseFilterFunctor {
    filter(uint32_t labels, unsigned share) : count(labels), percent(share) {}
    bool operator()(hnswlib::labeltype label) override {
        return vector_passes(static_cast<uint32_t>(label) % count, percent);
    }

    uint32_t count;
    unsigned percent;
};

void *create(const vector_rows *base, uint32_t) {
    return new peer(base);
}

void destroy(void *index) {
    delete static_cast<peer *>(index);
}

void insert(void *index, uint32_t label, const float *embedding) {
    peer *p = static_cast<peer *>(index);
    const bool replaces = p->graph.getDeletedCount() > 0;
    if (!replaces && p->graph.getCurrentElementCount() == p->graph.getMaxElements()) {
        p->graph.resizeIndex(p->graph.getMaxElements() * 5 / 4);
    }
    p->graph.addPoint(embedding, label, replaces);
}

void add_some(void *ctx, unsigned) {
    peer *p = static_cast<peer *>(ctx);
    for (uint32_t label = p->next++; label < p->base->count; label = p->next++) {
        p->graph.addPoint(vector_row(p->base, label), label);
    }
}

// The first point by one thread: the graph begins from it.
void build(void *index, unsigned threads) {
    peer *p = static_cast<peer *>(index);
    p->graph.addPoint(vector_row(p->base, 0), p->next++);
    machine_run(threads, add_some, p);
}

void erase(void *index, uint32_t label) {
    static_cast<peer *>(index)->graph.markDelete(label);
}

uint32_t search(void *index, unsigned, const vector_question *question, uint32_t *labels) {
    peer *p = static_cast<peer *>(index);
    filter passes(p->base->count, question->percent);
    uint32_t count = 0;
    if (p->graph.ef_ != question->effort) { // by the first query of a pass
        p->graph.setEf(question->effort);
    }
    auto found = p->graph.searchKnn(question->embedding, VECTOR_K,
                                    question->percent > 0 ? &passes : nullptr);
    for (; !found.empty(); found.pop()) {
        labels[count++] = static_cast<uint32_t>(found.top().second);
    }
    return count;
}

} // namespace

const vector_engine vector_engine_here = {
    "hnswlib", create, destroy, build, nullptr, search, insert, erase, nullptr, nullptr,
};
