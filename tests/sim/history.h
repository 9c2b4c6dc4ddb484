/* history.h - what retention may have let go, and which answers that explains. */
#ifndef STRATA_SIM_HISTORY_H
#define STRATA_SIM_HISTORY_H

#include "op.h"

enum { KEEP_ALL, KEEP_LAST, KEEP_FOR };

/* What the model keeps of a rule. */
typedef struct model_rule {
    unsigned run;    /* MODEL_SYSTEM: every one */
    model_kind kind; /* MODEL_KINDS: every one */
    int keep;
    uint64_t versions;
    int64_t duration_us;
} model_rule;

/* The rule that counts, and what it is a rule of. run, kind: as in model_rule. */
model_rule history_rule(const model *m, unsigned run, model_kind kind, uint64_t snapshot,
                        const char **source);

/* Marks what may be gone by now. Before and after rules change, and before answers are compared. */
void history_mark(model *m);

/* Whether an answer that is not what the whole history says is right all the same; e is what that
 * says. */
bool history_explains(const op *o, const moment *at, const answer *got, expected *e);

/* Whether a list of revisions has one of that version. */
bool history_shows(const answer *got, uint64_t number);
/* The newest version up to that one that a history shows; not what is gone, and of what a fork has seen of a
 * run that was deleted only the newest. */
const model_version *history_next(const moment *at, unsigned run, model_kind kind, strata_slice key,
                                  uint64_t newest);

/* For op_kind.trims. */
/* The same of a key, and of a list, of any kind. */
bool history_trims(const op *o, const moment *at, model_kind kind, strata_slice key);
bool history_trims_list(const op *o, const moment *at, model_kind kind);
bool history_trims_kv(const op *o, const moment *at);
bool history_trims_memory(const op *o, const moment *at);
bool history_trims_json(const op *o, const moment *at);
bool history_trims_keys(const op *o, const moment *at);
bool history_trims_page(const op *o, const moment *at);
bool history_trims_documents(const op *o, const moment *at);
/* Of what is never trimmed: only what a fork saw of another run may be gone. */
bool history_trims_whole(const op *o, const moment *at);
bool history_trims_fork(const op *o, const moment *at);

#endif
