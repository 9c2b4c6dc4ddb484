/* past.h - what can still be said of the past where nothing is found. */
#ifndef ST_STORE_PAST_H
#define ST_STORE_PAST_H

#include "store/floor.h"
#include "store/read_private.h"

/* history_trimmed {requested or requested_time, earliest_retained, policy}. key: of the store; its
 * tag counts. */
strata_status st_past_fail(st_reader *reader, uint64_t run, strata_slice key, const st_bound *bound,
                           uint64_t earliest);

/* The same of a part of what was asked for. Of a base it cannot be earlier than the fork, for which it
 * is kept: what the base itself still has from `earliest` on says nothing of what the fork sees. */
strata_status st_past_fail_part(st_reader *reader, const st_run_part *part, strata_slice key,
                                uint64_t earliest);

/* The same of a key of which nothing that is left is inside the bound. */
strata_status st_past_fail_key(st_reader *reader, const st_run_part *part, strata_slice key);

/* Whether anything at all can be said of that part: of a base that was deleted there is nothing but
 * what its forks see. Errors: history_trimmed. */
static inline strata_status st_past_check_gone(st_reader *reader, const st_run_part *part,
                                               strata_slice key) {
    return ST_LIKELY(!part->bound.past || !part->is_base ||
                     !st_store_shows_gone(reader->store, part->shard))
               ? STRATA_OK
               : st_past_fail_part(reader, part, key, part->whole_from);
}

/* The highest floor of the tags that keys from low (inclusive) to high (exclusive; empty: no bound)
 * can have. Errors: corrupt, io, no_memory. Cost: nothing while nothing has ever gone. */
strata_status st_past_floor(st_reader *reader, const st_shard *shard, strata_slice low,
                            strata_slice high, st_floor *floor) STRATA_MUST_USE;

/* Below which points versions of the run may have gone, with a trace or without, in what was merged:
 * none of them can be forked from. Errors: the same. */
strata_status st_past_trimmed(st_reader *reader, const st_shard *shard,
                              st_floor *floor) STRATA_MUST_USE;

/* Whether a reader at that bound in the past can be sure that what is not there was not there. After
 * its sources are opened. Errors: history_trimmed, and as above. */
strata_status st_past_check(st_reader *reader, const st_run_part *part, strata_slice low,
                            strata_slice high) STRATA_MUST_USE;
/* The same of one key, of which nothing was found. */
strata_status st_past_check_key(st_reader *reader, const st_run_part *part,
                                strata_slice key) STRATA_MUST_USE;

/* Whether a value that ends by itself was there for a reader of a commit in the past. There is no
 * telling what time it was then, so it was, unless all such values that had ended before that commit
 * may have gone. Errors: history_trimmed, and as above. */
strata_status st_past_check_ended(st_reader *reader, const st_run_part *part, strata_slice key,
                                  const st_revision *revision, bool *live) STRATA_MUST_USE;

#endif
