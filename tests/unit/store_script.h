/* store_script.h - a short life of a store, lived again and again with something else failing.
 *
 * A script is a text of steps: `c` commits, `f` flushes, `m` does a piece of what maintenance is due,
 * `M` merges everything, `r` closes and opens; a number before a letter repeats it. Each run of it
 * lets one call of the storage fail, or cuts the power there, or refuses one allocation:
 *
 *   fault                                    promise, checked against the model
 *   a call fails, once or from then on       every answer is as before; when it is healed the step
 *                                            succeeds, or the log is poisoned and a new opening has
 *                                            all that was acknowledged
 *   the power goes at a changing call        the store opens with a prefix of the commits: all that
 *                                            was acknowledged (strict) or flushed, nothing that was
 *                                            not made
 *   an allocation fails                      no_memory, and the step succeeds the next time
 *   any of them                              no memory and no open file is left behind; after the
 *                                            next opening no file that the manifest does not name
 */
#ifndef STRATA_TEST_STORE_SCRIPT_H
#define STRATA_TEST_STORE_SCRIPT_H

#include "store_model.h"

typedef struct store_script {
    const char *program; /* for the hint how to repeat a case */
    const char *name;
    const char *steps;
    uint64_t seed;
    size_t value_bytes;
    strata_durability durability;
    st_policy policy; /* zeros: everything is kept */
} store_script;

/* One call of the storage fails; all calls, for each kind of fault. */
void script_fail_storage(const store_script *script);
/* The power goes; at all changing calls, with each policy of what is kept. */
void script_cut_power(const store_script *script);
/* An allocation fails; `samples` of them. */
void script_fail_memory(const store_script *script, uint64_t samples);
/* Two machines that live the same life have the same files. */
void script_compare_files(const store_script *script);

#endif
