/* store_support.h - what the tests of store, model and api share: databases on a simulated machine,
 * operations asked in JSON, and a dump of all that a reader can see.
 */
#ifndef STRATA_TEST_STORE_SUPPORT_H
#define STRATA_TEST_STORE_SUPPORT_H

#include "sim.h"

/* ---- Opening and asking ---------------------------------------------------------------------- */

strata_options db_options(sim *s, strata_durability durability);
/* Opens "db" on the machine and fails the test if that fails. */
strata_db *db_open(sim *s, strata_durability durability);
/* The same for ":memory:". */
strata_db *db_in_memory(sim *s);
void db_close(strata_db *db);

/* Runs one operation; arguments (a format) and answer are JSON. Fails the test unless the status is
 * the expected one. The answer is the result object, or the error object; borrowed until the eighth
 * call after this one. */
const char *ask(strata_db *db, strata_status expected, const char *op, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same without an answer and without an opinion on the status. */
strata_status tell(strata_db *db, const char *op, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The number after "name": in a JSON text; fails the test when there is none. */
int64_t json_int(const char *json, const char *name);
bool json_has(const char *json, const char *part);
void assert_json(const char *json, const char *expected);

/* The last version given out, by db.stats. */
uint64_t db_version(strata_db *db);
/* Fails the test unless db.verify finds no problem. */
void db_verify(strata_db *db);

/* ---- Dumps ----------------------------------------------------------------------------------- */

/* All that readers see: runs, keys, histories, events with hashes, memories, recalls. Fails the
 * test unless recall agrees with memory.list and every event chain holds. Caller frees. */
strata_buffer db_dump(strata_db *db);
/* Prints where two dumps part, as JSON. */
void dump_explain(strata_slice got, strata_slice expected);

/* ---- Replaying a failure --------------------------------------------------------------------- */

/* Says, when a test fails from now on, how to repeat just this case; NULL: nothing to say. */
void replay_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The number in that environment variable, or otherwise. */
uint64_t env_number(const char *name, uint64_t otherwise);

#endif
