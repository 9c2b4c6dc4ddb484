/* graph.c - the direct serialization graph, and its cycles.
 *
 * Adya's graph (his thesis, section 3.2) with the moments of transactions as nodes: of a
 * serializable one its commit, where it has to have happened as a whole; of a snapshot one its
 * beginning, where it reads, and its commit, where it writes, with an edge from the one to the
 * other. Edges, by the order of the versions of each key:
 *   ww  the commit of a version            -> the commit of the next
 *   wr  the commit of a version            -> the moment at which its reader reads
 *   rw  the moment at which its reader reads -> the commit of the next version
 * What a scan did not find counts as read, as the version that says that it is not there; an edge
 * that comes of that, or that makes a key appear or go, is one of a predicate. A cycle is something
 * that could not have happened in any order that the levels promise.
 * Strongly connected components are found by Tarjan's algorithm (1972), without recursion; of each a
 * shortest cycle through one of its nodes is told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_private.h"

typedef enum edge_kind { WW, WR, RW, INSIDE } edge_kind;

typedef struct edge {
    uint32_t from;
    uint32_t to;
    uint32_t key;
    uint8_t kind;
    bool predicate;
} edge;

typedef struct graph {
    iso_index *index;
    bool split; /* snapshot transactions have two moments */
    edge *edges;
    size_t edge_count;
    size_t edge_cap;
    uint32_t node_count;
    uint32_t *first; /* of each node, its edges, once they are sorted */
} graph;

/* ---- Building -------------------------------------------------------------------------------- */

static bool has_two(const graph *g, uint32_t txn) {
    const iso_txn *t = &g->index->history->txns[txn];
    return g->split && t->level == ISO_SNAPSHOT && !t->single;
}

static uint32_t begin_of(uint32_t txn) {
    return txn * 2;
}

static uint32_t commit_of(const graph *g, uint32_t txn) {
    return txn * 2 + has_two(g, txn);
}

static void add_edge(graph *g, uint32_t from, uint32_t to, edge_kind kind, uint32_t key,
                     bool predicate) {
    if (g->edge_count == g->edge_cap) {
        g->edge_cap = g->edge_cap * 2 + 1024;
        g->edges = realloc(g->edges, g->edge_cap * sizeof *g->edges);
        if (g->edges == NULL) {
            abort();
        }
    }
    g->edges[g->edge_count++] = (edge){from, to, key, (uint8_t)kind, predicate};
}

static void add_write_edges(graph *g) {
    for (uint32_t key = 0; key < g->index->history->keys; key++) {
        const iso_list *list = &g->index->lists[key];
        for (size_t i = 2; i < list->count; i++) {
            add_edge(g, commit_of(g, list->entries[i - 1].txn), commit_of(g, list->entries[i].txn),
                     WW, key, false);
        }
    }
}

static void add_read_edges(graph *g) {
    for (size_t i = 0; i < g->index->seen_count; i++) {
        const iso_seen *seen = &g->index->seen[i];
        const iso_list *list = &g->index->lists[seen->key];
        const iso_entry *read = &list->entries[seen->entry];
        const bool predicate = seen->in_scan && !read->present;
        if (read->txn != ISO_NOBODY && read->txn != seen->txn) {
            add_edge(g, commit_of(g, read->txn), begin_of(seen->txn), WR, seen->key, predicate);
        }
        if (seen->entry + 1 < list->count && read[1].txn != seen->txn) {
            add_edge(g, begin_of(seen->txn), commit_of(g, read[1].txn), RW, seen->key,
                     seen->in_scan && read->present != read[1].present);
        }
    }
}

static int compare_edges(const void *a, const void *b) {
    const edge *left = a;
    const edge *right = b;
    return left->from != right->from ? (left->from > right->from) - (left->from < right->from)
                                     : (left->to > right->to) - (left->to < right->to);
}

static void build(graph *g, iso_index *index, bool split) {
    memset(g, 0, sizeof *g);
    g->index = index;
    g->split = split;
    g->node_count = (uint32_t)index->history->txn_count * 2;
    add_write_edges(g);
    add_read_edges(g);
    for (uint32_t i = 0; i < index->history->txn_count; i++) {
        if (has_two(g, i) && index->history->txns[i].committed) {
            add_edge(g, begin_of(i), commit_of(g, i), INSIDE, 0, false);
        }
    }
    if (g->edge_count > 0) {
        qsort(g->edges, g->edge_count, sizeof *g->edges, compare_edges);
    }
    g->first = iso_alloc((size_t)g->node_count + 1, sizeof *g->first);
    size_t at = 0;
    for (uint32_t node = 0; node <= g->node_count; node++) {
        while (at < g->edge_count && g->edges[at].from < node) {
            at++;
        }
        g->first[node] = (uint32_t)at;
    }
}

static void release(graph *g) {
    free(g->edges);
    free(g->first);
}

/* ---- Components ------------------------------------------------------------------------------ */

typedef struct tarjan {
    uint32_t *order; /* in which nodes were met, from 1; 0: not yet */
    uint32_t *low;
    uint32_t *component; /* from 1; 0: none yet */
    uint32_t *stack;
    size_t stack_len;
    uint32_t *path; /* nodes that are being walked */
    uint32_t *next; /* of each of them, the next edge */
    size_t path_len;
    uint32_t met;
    uint32_t components;
} tarjan;

static void enter(const graph *g, tarjan *t, uint32_t node) {
    t->order[node] = t->low[node] = ++t->met;
    t->stack[t->stack_len++] = node;
    t->path[t->path_len] = node;
    t->next[t->path_len] = g->first[node];
    t->path_len++;
}

static void leave(tarjan *t) {
    const uint32_t node = t->path[--t->path_len];
    if (t->path_len > 0) {
        const uint32_t above = t->path[t->path_len - 1];
        t->low[above] = t->low[node] < t->low[above] ? t->low[node] : t->low[above];
    }
    if (t->low[node] != t->order[node]) {
        return;
    }
    t->components++;
    uint32_t popped;
    do {
        popped = t->stack[--t->stack_len];
        t->component[popped] = t->components;
    } while (popped != node);
}

static void walk(const graph *g, tarjan *t, uint32_t root) {
    enter(g, t, root);
    while (t->path_len > 0) {
        const uint32_t node = t->path[t->path_len - 1];
        uint32_t *next = &t->next[t->path_len - 1];
        if (*next == g->first[node + 1]) {
            leave(t);
            continue;
        }
        const uint32_t to = g->edges[(*next)++].to;
        if (t->order[to] == 0) {
            enter(g, t, to);
        } else if (t->component[to] == 0 && t->order[to] < t->low[node]) {
            t->low[node] = t->order[to];
        }
    }
}

static void find_components(const graph *g, tarjan *t) {
    memset(t, 0, sizeof *t);
    t->order = iso_alloc(g->node_count, sizeof *t->order);
    t->low = iso_alloc(g->node_count, sizeof *t->low);
    t->component = iso_alloc(g->node_count, sizeof *t->component);
    t->stack = iso_alloc(g->node_count, sizeof *t->stack);
    t->path = iso_alloc(g->node_count, sizeof *t->path);
    t->next = iso_alloc(g->node_count, sizeof *t->next);
    for (uint32_t node = 0; node < g->node_count; node++) {
        if (t->order[node] == 0) {
            walk(g, t, node);
        }
    }
}

static void release_components(tarjan *t) {
    free(t->order);
    free(t->low);
    free(t->component);
    free(t->stack);
    free(t->path);
    free(t->next);
}

/* ---- One cycle ------------------------------------------------------------------------------- */

enum { CYCLE_MAX = 64 };

/* The shortest cycle through the node, inside its component: its edges. Returns how many; 0: it is
 * too long to be told. */
static size_t find_cycle(const graph *g, const tarjan *t, uint32_t node, const edge **cycle) {
    uint32_t *queue = iso_alloc(g->node_count, sizeof *queue);
    const edge **came = iso_alloc(g->node_count, sizeof *came);
    size_t head = 0;
    size_t tail = 0;
    queue[tail++] = node;
    while (head < tail && came[node] == NULL) {
        const uint32_t at = queue[head++];
        for (uint32_t i = g->first[at]; i < g->first[at + 1]; i++) {
            const edge *e = &g->edges[i];
            if (t->component[e->to] == t->component[node] && came[e->to] == NULL) {
                came[e->to] = e;
                if (e->to != node) {
                    queue[tail++] = e->to;
                }
            }
        }
    }
    size_t length = 0;
    const edge *e = came[node];
    while (e != NULL && length < CYCLE_MAX) {
        length++;
        e = e->from == node ? NULL : came[e->from];
    }
    if (e != NULL) {
        length = 0;
    }
    e = came[node];
    for (size_t i = length; i > 0; i--) { /* it was found from its end */
        cycle[i - 1] = e;
        e = e->from == node ? NULL : came[e->from];
    }
    free(queue);
    free(came);
    return length;
}

static iso_anomaly classify(const graph *g, const edge *const *cycle, size_t length) {
    size_t counts[4] = {0, 0, 0, 0};
    bool predicate = false;
    bool by_readers = true; /* whoever was overtaken had written nothing */
    for (size_t i = 0; i < length; i++) {
        counts[cycle[i]->kind]++;
        predicate = predicate || cycle[i]->predicate;
        if (cycle[i]->kind == RW && g->index->history->txns[cycle[i]->from / 2].version != 0) {
            by_readers = false;
        }
    }
    if (counts[RW] == 0) {
        return ISO_G1C;
    }
    if (counts[RW] == 1) {
        return ISO_G_SINGLE;
    }
    if (by_readers) {
        return ISO_LONG_FORK;
    }
    if (predicate) {
        return ISO_G2;
    }
    return length - counts[INSIDE] == 2 ? ISO_WRITE_SKEW : ISO_G2_ITEM;
}

static void tell_cycle(const graph *g, const edge *const *cycle, size_t length) {
    static const char *const names[] = {"ww", "wr", "rw", ""};
    uint32_t txns[CYCLE_MAX];
    size_t count = 0;
    char text[1024];
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < length; i++) {
        const edge *e = cycle[i];
        if (e->kind == INSIDE) {
            continue;
        }
        txns[count++] = e->from / 2;
        const iso_txn *to = &g->index->history->txns[e->to / 2];
        const int more = snprintf(text + len, sizeof text - len, " -%s%s %u-> %u.%u",
                                  names[e->kind], e->predicate ? " of a predicate, key" : " key",
                                  e->key, to->thread, to->number);
        len = more > 0 && len + (size_t)more < sizeof text ? len + (size_t)more : len;
    }
    const iso_txn *start = &g->index->history->txns[cycle[0]->from / 2];
    iso_find(g->index, classify(g, cycle, length), txns, count, "a cycle: %u.%u%s", start->thread,
             start->number, text);
}

/* ---- All ------------------------------------------------------------------------------------- */

typedef struct component_nodes {
    uint32_t *size;
    uint32_t *node; /* one of it */
} component_nodes;

static uint64_t count_cycles(const graph *g, const tarjan *t, bool tells) {
    enum { TOLD = 1000 };
    uint64_t cycles = 0;
    component_nodes of = {iso_alloc((size_t)t->components + 1, sizeof *of.size),
                          iso_alloc((size_t)t->components + 1, sizeof *of.node)};
    for (uint32_t node = 0; node < g->node_count; node++) {
        of.size[t->component[node]]++;
        of.node[t->component[node]] = node;
    }
    for (uint32_t i = 1; i <= t->components; i++) {
        const edge *cycle[CYCLE_MAX];
        if (of.size[i] < 2) {
            continue;
        }
        cycles++;
        if (!tells || cycles > TOLD) {
            continue;
        }
        const size_t length = find_cycle(g, t, of.node[i], cycle);
        if (length > 0) {
            tell_cycle(g, cycle, length);
        } else {
            iso_find(g->index, ISO_G2, NULL, 0, "a cycle of more than %d transactions", CYCLE_MAX);
        }
    }
    free(of.size);
    free(of.node);
    return cycles;
}

void iso_check_cycles(iso_index *index) {
    graph g;
    tarjan t;
    build(&g, index, true);
    find_components(&g, &t);
    const uint64_t forbidden = count_cycles(&g, &t, true);
    release_components(&t);
    release(&g);
    /* As if all had been promised to be serializable. */
    build(&g, index, false);
    find_components(&g, &t);
    const uint64_t all = count_cycles(&g, &t, false);
    index->report->skews_allowed = all > forbidden ? all - forbidden : 0;
    release_components(&t);
    release(&g);
}
