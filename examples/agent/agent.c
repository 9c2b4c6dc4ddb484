/* agent.c - a small agent, and what its memory is for. It plans a trip, asks its tools, decides, books;
 * later it goes back to the moment before the decision, tries the other plan, and keeps the better one.
 *
 *     cc -Icore/include examples/agent/agent.c build/libstrata.a \
 *         -lzstd -lutf8proc -lstemmer -lsodium -lm -lpthread -o agent
 *
 * What to look at
 *   - Everything that belongs to a step (a plan, its phase, what a tool said, why) is one transaction with
 *     a label: it is there as a whole or not at all, and the log of the run calls it by its name.
 *   - The run keeps provenance: each commit remembers what it had read. So at the end the question "why is
 *     the price what it is?" has an answer, made of what happened and not of what somebody says.
 *   - A fork costs a small commit, whatever the run holds. The second plan is tried on real memory, not on
 *     a copy, and the first one never sees it.
 *
 * The tools are plain functions, so that it prints the same each time; agent.mjs is the same story in
 * JavaScript. What fails ends the program: strata_errmsg says why.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "strata/strata.h"

#define TRY(call)                                                                                  \
    do {                                                                                           \
        const strata_status status_ = (call);                                                      \
        if (status_ != STRATA_OK) {                                                                \
            return status_;                                                                        \
        }                                                                                          \
    } while (0)

/* ---- The world: the tools of the agent ------------------------------------------------------- */

typedef struct ferry {
    const char *day;
    int fare; /* for one, in kroner */
    int wind; /* m/s */
} ferry;

static const ferry ferries[] = {{"friday", 890, 15}, {"saturday", 1240, 6}};
enum { CABIN = 900 };

/* ---- The agent ------------------------------------------------------------------------------- */

typedef struct agent {
    strata_db *db;
    strata_run run;
    const char *tool;   /* of this step: what it asks, or decides by */
    const ferry *ferry; /* that it asks about */
    strata_buffer object;
} agent;

/* JSON as a value, until the next one is made. What is no JSON is null, which no call below takes. */
static strata_value object(agent *a, const char *format, ...) {
    char json[300];
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(json, sizeof json, format, args);
    va_end(args);
    const strata_slice text = {json, (size_t)len};
    if (len < 0 || (size_t)len >= sizeof json ||
        strata_json_to_msgpack(text, &a->object, NULL) != STRATA_OK) {
        return strata_null();
    }
    return strata_object((strata_slice){a->object.data, a->object.len});
}

static strata_status trace(agent *a, const char *type, const char *id, strata_value content) {
    strata_trace record = STRATA_TRACE_INIT;
    record.type = strata_text(type);
    record.id = strata_text(id);
    record.parent = strata_text(strcmp(id, "think") == 0 ? "" : "think");
    record.content = content;
    return strata_trace_record(a->db, a->run, &record, NULL, NULL);
}

static strata_status event(agent *a, const char *type, strata_value payload) {
    return strata_event_append(a->db, a->run, strata_text(type), payload, NULL);
}

static strata_status phase(agent *a, const char *name) {
    const strata_value value = strata_string(strata_text(name));
    return strata_state_set(a->db, a->run, strata_text("phase"), value, NULL);
}

static strata_status remember(agent *a, const char *key, const char *text) {
    strata_memory memory = STRATA_MEMORY_INIT;
    memory.key = strata_text(key);
    memory.text = strata_text(text);
    return strata_memory_remember(a->db, a->run, &memory, NULL, NULL);
}

static strata_status number(agent *a, const char *what, const char *day, int64_t *value) {
    char key[40];
    strata_entry entry;
    (void)snprintf(key, sizeof key, "%s%s%s", what, *day == '\0' ? "" : "/", day);
    TRY(strata_kv_get(a->db, a->run, strata_text(key), &entry));
    *value = entry.value.as.integer;
    return STRATA_OK;
}

/* ---- Its steps: each is the body of one transaction ------------------------------------------ */

/* What it is to do, and how far it is. */
static strata_status plan(strata_db *db, void *arg) {
    agent *a = arg;
    const strata_slice document =
        strata_text("{\"to\": \"Copenhagen\", \"people\": 2, \"day\": null}");
    TRY(strata_json_create_text(db, a->run, strata_text("plan"), document, NULL));
    TRY(phase(a, "looking"));
    TRY(trace(a, "thought", "think",
              object(a, "{\"content\": \"There are two ferries; look at both.\"}")));
    return event(a, "planned", object(a, "{\"to\": \"Copenhagen\"}"));
}

/* Asks a tool: the answer, the call and the event of it are one commit. */
static strata_status ask(strata_db *db, void *arg) {
    agent *a = arg;
    const char *day = a->ferry->day;
    const int result = strcmp(a->tool, "fare") == 0 ? a->ferry->fare : a->ferry->wind;
    char name[40];
    (void)snprintf(name, sizeof name, "%s-%s", a->tool, day);
    TRY(trace(a, "tool_call", name,
              object(a, "{\"tool\": \"%s\", \"arguments\": {\"day\": \"%s\"}, \"result\": %d}",
                     a->tool, day, result)));
    TRY(event(a, "asked", object(a, "{\"tool\": \"%s\", \"day\": \"%s\"}", a->tool, day)));
    name[strlen(a->tool)] = '/';
    return strata_kv_put(db, a->run, strata_text(name), strata_int(result), NULL);
}

/* Takes the day with the lowest fare, or the least wind. */
static strata_status decide(strata_db *db, void *arg) {
    agent *a = arg;
    int64_t friday;
    int64_t saturday;
    TRY(number(a, a->tool, "friday", &friday));
    TRY(number(a, a->tool, "saturday", &saturday));
    const char *chosen = friday < saturday ? "friday" : "saturday";
    TRY(trace(a, "decision", "decide",
              object(a,
                     "{\"chosen\": \"%s\", \"reasoning\": \"%s %d on friday, %d on saturday\", "
                     "\"question\": \"Which ferry?\", \"options\": [\"friday\", \"saturday\"]}",
                     chosen, a->tool, (int)friday, (int)saturday)));
    TRY(strata_json_set(db, a->run, strata_text("plan"), strata_text("/day"),
                        strata_string(strata_text(chosen)), NULL));
    return phase(a, "decided");
}

/* How much wind is too much, by what it has once been told: it recalls that, and reads it. An agent with a
 * model would ask that what it means; this one takes the number. */
static strata_status most_wind(agent *a, int *limit) {
    strata_recall recall = STRATA_RECALL_INIT;
    strata_memory_entry memory;
    strata_hits *hits;
    char text[100] = "";
    recall.query = strata_text("who gets seasick in the wind?");
    TRY(strata_memory_recall(a->db, a->run, &recall, &hits));
    *limit = INT_MAX;
    if (hits->count > 0 &&
        strata_memory_get(a->db, a->run, hits->hits[0].key, &memory) == STRATA_OK) {
        (void)snprintf(text, sizeof text, "%.*s", (int)memory.text.len,
                       (const char *)memory.text.data);
        (void)sscanf(text, "%*[^0-9]%d", limit);
    }
    strata_hits_free(hits);
    return STRATA_OK;
}

/* Adds up what it costs, with a cabin if there is too much wind. */
static strata_status book(strata_db *db, void *arg) {
    agent *a = arg;
    strata_entry entry;
    char day[16];
    char lesson[100];
    int limit;
    int64_t fare;
    int64_t wind;
    TRY(strata_json_get(db, a->run, strata_text("plan"), strata_text("/day"), &entry));
    (void)snprintf(day, sizeof day, "%.*s", (int)entry.value.as.bytes.len,
                   (const char *)entry.value.as.bytes.data);
    TRY(strata_json_get(db, a->run, strata_text("plan"), strata_text("/people"), &entry));
    const int64_t people = entry.value.as.integer;
    TRY(number(a, "fare", day, &fare));
    TRY(number(a, "wind", day, &wind));
    TRY(most_wind(a, &limit));
    const int price = (int)(people * fare) + (wind > limit ? CABIN : 0);
    (void)snprintf(lesson, sizeof lesson, "The ferry on %s cost %d, %s a cabin.", day, price,
                   wind > limit ? "with" : "without");
    TRY(strata_kv_put(db, a->run, strata_text("price"), strata_int(price), NULL));
    TRY(phase(a, "booked"));
    TRY(event(a, "booked", object(a, "{\"day\": \"%s\", \"price\": %d}", day, price)));
    return remember(a, "lesson", lesson);
}

static strata_status step(agent *a, strata_txn_body body, const char *format, ...) {
    strata_txn_options options = STRATA_TXN_OPTIONS_INIT;
    char label[60];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(label, sizeof label, format, args);
    va_end(args);
    options.label = strata_text(label);
    return strata_transact(a->db, a->run, &options, body, a, NULL);
}

static strata_status decide_and_book(agent *a, const char *by) {
    a->tool = by;
    TRY(step(a, decide, "decide by %s", by));
    return step(a, book, "book");
}

/* ---- For people ------------------------------------------------------------------------------ */

enum { SHORT = 88 };

static const char *shorten(const strata_value *value, char text[SHORT + 1]) {
    strata_buffer json = {0};
    if (value->type == STRATA_INT) {
        (void)snprintf(text, SHORT + 1, "%lld", (long long)value->as.integer);
    } else if (value->type == STRATA_OBJECT &&
               strata_msgpack_to_json(value->as.bytes, false, &json, NULL) == STRATA_OK) {
        const bool cut = json.len > SHORT;
        (void)snprintf(text, SHORT + 1, "%.*s%s", (int)(cut ? SHORT - 3 : json.len),
                       (const char *)json.data, cut ? "..." : "");
    } else {
        (void)snprintf(text, SHORT + 1, "\"%.*s\"", (int)value->as.bytes.len,
                       (const char *)value->as.bytes.data);
    }
    strata_buffer_free(&json);
    return text;
}

/* The commit before the decision is the point to go back to. */
static bool print_commit(void *arg, const strata_commit *commit) {
    uint64_t *before = arg;
    char label[60];
    (void)snprintf(label, sizeof label, "%.*s", (int)commit->label.len,
                   (const char *)commit->label.data);
    printf("  %-28s", label);
    for (size_t i = 0; i < commit->shown; i++) {
        const strata_slice ref = commit->changes[i].ref;
        printf(" %.*s", (int)ref.len, (const char *)ref.data);
    }
    printf("\n");
    *before = strcmp(label, "decide by fare") == 0 ? commit->version - 1 : *before;
    return true;
}

static bool print_difference(void *arg, const strata_difference *d) {
    char text[SHORT + 1];
    (void)arg;
    printf("  %.*s\n", (int)d->ref.len, (const char *)d->ref.data);
    if (d->before != NULL) {
        printf("    - %s\n", shorten(&d->before->value, text));
    }
    if (d->after != NULL) {
        printf("    + %s\n", shorten(&d->after->value, text));
    }
    return true;
}

/* Nodes come level by level; to be printed as a tree they are kept. */
typedef struct tree {
    uint32_t count;
    struct {
        uint32_t parent;
        char text[200]; /* empty: it was looked for, and not there */
    } nodes[100];
} tree;

static bool keep_node(void *arg, const strata_explained *node) {
    tree *t = arg;
    char ref[40];
    char value[SHORT + 1];
    (void)snprintf(ref, sizeof ref, "%*s%.*s", 2 * (int)node->depth, "", (int)node->ref.len,
                   (const char *)node->ref.data);
    t->nodes[t->count].parent = node->parent;
    if (node->has_value) {
        (void)snprintf(t->nodes[t->count].text, sizeof t->nodes->text, "  %-22s %-28.*s %s", ref,
                       (int)node->label.len, (const char *)node->label.data,
                       node->again ? "(above)" : shorten(&node->value, value));
    }
    return ++t->count < sizeof t->nodes / sizeof t->nodes[0];
}

static void print_tree(const tree *t, uint32_t node) {
    if (*t->nodes[node].text != '\0') {
        puts(t->nodes[node].text);
    }
    for (uint32_t i = node + 1; i < t->count; i++) {
        if (t->nodes[i].parent == node) {
            print_tree(t, i);
        }
    }
}

/* ---- The story ------------------------------------------------------------------------------- */

static strata_status first_plan(agent *a) {
    strata_run_options options = STRATA_RUN_OPTIONS_INIT;
    options.provenance = true;
    TRY(strata_run_begin_with(a->db, strata_text("trip"), &options, &a->run));
    TRY(remember(a, "marit", "Marit gets seasick when the wind is above 12 m/s."));
    TRY(step(a, plan, "plan"));
    for (size_t i = 0; i < sizeof ferries / sizeof ferries[0]; i++) {
        a->ferry = &ferries[i];
        a->tool = "fare";
        TRY(step(a, ask, "ask for the fare of %s", a->ferry->day));
        a->tool = "wind";
        TRY(step(a, ask, "ask for the wind of %s", a->ferry->day));
    }
    return decide_and_book(a, "fare");
}

static strata_status other_plan(agent *calm, const agent *trip) {
    strata_history_range log = STRATA_HISTORY_RANGE_INIT;
    uint64_t before = 0;
    log.oldest_first = true;
    printf("trip, step by step\n");
    TRY(strata_history_log(trip->db, trip->run, &log, print_commit, &before));
    TRY(strata_run_fork(trip->db, strata_text("trip"), strata_as_of(before), strata_text("calm"),
                        &calm->run));
    TRY(decide_and_book(calm, "wind"));
    printf("\nwhat differs: trip, calm\n");
    const strata_when now = STRATA_NOW_INIT;
    return strata_history_diff(trip->db, trip->run, now, calm->run, now, print_difference, NULL);
}

static strata_status print_lesson(const agent *a) {
    strata_recall recall = STRATA_RECALL_INIT;
    strata_hits *hits;
    recall.query = strata_text("what did the ferry cost?");
    TRY(strata_memory_recall(a->db, a->run, &recall, &hits));
    printf("\nand what it has learned\n");
    for (size_t i = 0; i < hits->count; i++) {
        printf("  %s\n", (const char *)hits->hits[i].snippet.data);
    }
    strata_hits_free(hits);
    return STRATA_OK;
}

/* The better plan is kept; the other one stays to be read, but nobody writes to it any more. */
static strata_status keep_better(agent *trip, agent *calm) {
    tree why = {.count = 0};
    int64_t first;
    int64_t second;
    TRY(number(trip, "price", "", &first));
    TRY(number(calm, "price", "", &second));
    const bool cheaper = second < first;
    const agent *better = cheaper ? calm : trip;
    const char *name = cheaper ? "calm" : "trip";
    const char *other = cheaper ? "trip" : "calm";
    TRY(strata_run_end(trip->db, strata_text(name), STRATA_COMPLETED, strata_text("")));
    TRY(strata_run_end(trip->db, strata_text(other), STRATA_CANCELLED,
                       strata_text("the other plan is cheaper")));
    printf("\n%s is completed, %s is cancelled\n", name, other);
    printf("\nwhy the price is %d\n", (int)(cheaper ? second : first));
    TRY(strata_history_explain(better->db, better->run, strata_text("kv:price"), NULL, keep_node,
                               &why));
    print_tree(&why, 0);
    return print_lesson(better);
}

int main(void) {
    strata_db *db;
    if (strata_open(":memory:", NULL, &db) != STRATA_OK) {
        fprintf(stderr, "open failed\n");
        return 1;
    }
    agent trip = {.db = db};
    agent calm = {.db = db};
    strata_status status = first_plan(&trip);
    status = status == STRATA_OK ? other_plan(&calm, &trip) : status;
    status = status == STRATA_OK ? keep_better(&trip, &calm) : status;
    if (status != STRATA_OK) {
        fprintf(stderr, "%s: %s\n", strata_status_name(status), strata_errmsg(db));
    }
    strata_buffer_free(&trip.object);
    strata_buffer_free(&calm.object);
    return strata_close(db) == STRATA_OK && status == STRATA_OK ? 0 : 1;
}
