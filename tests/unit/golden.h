/* golden.h - the golden databases of tests/golden: from and to files of hexadecimal, and comparing
 * text with a golden file.
 *
 * A .hex file is, for each file of the database, a line "file NAME SIZE", then lines "OFFSET BYTES";
 * a line "*" repeats the one before it up to the next offset or the end of the file.
 */
#ifndef STRATA_TEST_GOLDEN_H
#define STRATA_TEST_GOLDEN_H

#include "store_support.h"

/* tests/golden/NAME; fails the test when it cannot be opened. */
FILE *golden_file(const char *name, const char *mode);
/* Makes the files of tests/golden/NAME in "db" on the machine. */
void golden_read(sim *s, const char *name);
/* Writes all files in "db", but LOCK, in order of their names. */
void golden_write(sim *s, FILE *out);

/* What was written to the file so far; ends with NUL. Caller frees. */
char *golden_text(FILE *file);
/* Fails the test unless the text is that of tests/golden/NAME; says which line differs. */
void golden_expect(const char *text, const char *name);

#endif
