/* snapshots.h - what the model knows of snapshots. */
#ifndef STRATA_SIM_SNAPSHOTS_H
#define STRATA_SIM_SNAPSHOTS_H

#include "op.h"

/* NULL: there never was one, or it was long ago. */
model_snapshot *snapshot_find(const model *m, strata_slice name);
/* After each operation. */
void snapshot_note(model *m, const op *o, const answer *got, bool excused);
/* Syncs lied: what is there is only known after a listing. */
void snapshot_doubt(model *m);
/* After an opening: the listing, which holds, says what there is. */
void snapshot_settle(model *m, const answer *list);

#endif
