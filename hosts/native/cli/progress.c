/* progress.c - a line on standard error.
 *
 * Shown only where a person watches (standard error is a terminal), only after a second, since what
 * is over by then needs no explanation, and drawn at most ten times a second, since a terminal over
 * a slow line would otherwise become the bottleneck. The line is drawn over itself with a carriage
 * return and is gone when the work is done: what stays is the summary.
 *
 * The time left is what is left by the average speed so far. Rejected: the speed of the last
 * seconds, which is nervous where it matters little (the first files are small, the last one big).
 */
#include "progress.h"
#include "platform.h"
#include "text.h"

#include <stdio.h>

#define SECOND_NS 1000000000ull

enum { BAR_CELLS = 20 };

void progress_begin(cli_progress *bar, const strata_clock *clock) {
    *bar = (cli_progress){.clock = clock, .enabled = platform_is_terminal(stderr)};
}

static void put_bar(cli_buffer *line, uint64_t done, uint64_t total) {
    const uint64_t share = done >= total ? 100 : (uint64_t)((double)done * 100 / (double)total);
    cli_put_format(line, "%3llu%% ", (unsigned long long)share);
    for (uint64_t i = 0; i < BAR_CELLS; i++) {
        cli_put_text(line, i * 100 < share * BAR_CELLS ? "\xe2\x96\x88" : "\xe2\x96\x91");
    }
    cli_put_text(line, " ");
}

static void put_megabytes(cli_buffer *line, uint64_t done, uint64_t total) {
    cli_put_format(line, "%.1f", (double)done / 1e6);
    if (total > 0) {
        cli_put_format(line, "/%.1f", (double)total / 1e6);
    }
    cli_put_text(line, " MB");
}

static void put_rate_and_rest(cli_buffer *line, double seconds, uint64_t items, uint64_t done,
                              uint64_t total) {
    char grouped[28];
    cli_put_format(line, "  %s/s", text_grouped((uint64_t)((double)items / seconds), grouped));
    if (total > done && done > 0) {
        const uint64_t left = (uint64_t)(seconds * (double)(total - done) / (double)done + 0.5);
        cli_put_format(line, "  ETA %llu:%02llu", (unsigned long long)(left / 60),
                       (unsigned long long)(left % 60));
    }
}

/* Whether it is time to draw; begins the stage if it is new. */
static bool is_due(cli_progress *bar, const char *stage, uint64_t *now_ns) {
    if (!bar->enabled) {
        return false;
    }
    *now_ns = bar->clock->monotonic_ns(bar->clock->ctx);
    if (bar->begun_ns == 0 || bar->stage != stage) {
        bar->begun_ns = *now_ns;
        bar->stage = stage;
    }
    if (*now_ns - bar->begun_ns < SECOND_NS || *now_ns - bar->drawn_ns < SECOND_NS / 10) {
        return false;
    }
    bar->drawn_ns = *now_ns;
    return true;
}

static void draw(cli_progress *bar, const cli_buffer *line) {
    const size_t columns = platform_columns(stderr);
    cli_buffer fitted = {0};
    text_put_fitted(&fitted, cli_slice(line), columns > 1 ? columns - 1 : 79, false);
    (void)fprintf(stderr, "\r%s", fitted.data);
    (void)fflush(stderr);
    bar->visible = true;
    cli_buffer_free(&fitted);
}

void progress_show(cli_progress *bar, const char *stage, uint64_t done, uint64_t total,
                   progress_unit unit) {
    uint64_t now_ns = 0;
    if (bar == NULL || !is_due(bar, stage, &now_ns)) {
        return;
    }
    char grouped[28];
    cli_buffer line = {0};
    cli_put_format(&line, "%s  ", stage);
    if (total > 0) {
        put_bar(&line, done, total);
    }
    if (unit == PROGRESS_BYTES) {
        put_megabytes(&line, done, total);
    } else {
        cli_put_text(&line, text_grouped(done, grouped));
    }
    const double seconds = (double)(now_ns - bar->begun_ns) / 1e9;
    put_rate_and_rest(&line, seconds, done, done, total);
    draw(bar, &line);
    cli_buffer_free(&line);
}

void progress_show_items(cli_progress *bar, const char *stage, uint64_t items, uint64_t done_bytes,
                         uint64_t total_bytes) {
    uint64_t now_ns = 0;
    if (bar == NULL || !is_due(bar, stage, &now_ns)) {
        return;
    }
    char grouped[28];
    cli_buffer line = {0};
    cli_put_format(&line, "%s  ", stage);
    if (total_bytes > 0) {
        put_bar(&line, done_bytes, total_bytes);
    }
    cli_put_format(&line, "%s  ", text_grouped(items, grouped));
    put_megabytes(&line, done_bytes, total_bytes);
    const double seconds = (double)(now_ns - bar->begun_ns) / 1e9;
    put_rate_and_rest(&line, seconds, items, done_bytes, total_bytes);
    draw(bar, &line);
    cli_buffer_free(&line);
}

void progress_hide(cli_progress *bar) {
    if (bar == NULL) {
        return;
    }
    if (bar->visible) {
        (void)fprintf(stderr, "\r\033[K");
        (void)fflush(stderr);
    }
    bar->visible = false;
    bar->begun_ns = 0;
    bar->stage = NULL;
}
