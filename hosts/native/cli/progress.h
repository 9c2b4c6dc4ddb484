/* progress.h - a line on standard error that says how far a long command is. */
#ifndef STRATA_CLI_PROGRESS_H
#define STRATA_CLI_PROGRESS_H

#include "strata/host.h"

typedef enum progress_unit { PROGRESS_ITEMS, PROGRESS_BYTES } progress_unit;

typedef struct cli_progress {
    const strata_clock *clock;
    bool enabled; /* standard error is a terminal */
    bool visible;
    uint64_t begun_ns; /* of the stage; 0: none has begun */
    uint64_t drawn_ns;
    const char *stage;
} cli_progress;

void progress_begin(cli_progress *bar, const strata_clock *clock);
/* Draws the line, but not in the first second of a stage and not more than ten times a second.
 * total 0: unknown; then there is a rate, but no share and no time left. */
void progress_show(cli_progress *bar, const char *stage, uint64_t done, uint64_t total,
                   progress_unit unit);
/* The same with a count of items beside the share of bytes. */
void progress_show_items(cli_progress *bar, const char *stage, uint64_t items, uint64_t done_bytes,
                         uint64_t total_bytes);
/* Takes the line away and ends the stage. */
void progress_hide(cli_progress *bar);

#endif
