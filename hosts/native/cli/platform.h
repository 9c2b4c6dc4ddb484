/* platform.h - what the command line asks of the system beyond standard C. A WASI build has its own
 * platform.c. */
#ifndef STRATA_CLI_PLATFORM_H
#define STRATA_CLI_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* To be called once, first: from then on Ctrl-C and a polite kill only set platform_interrupted,
 * the second one ends the program; a reader that goes away is an error of writing. */
void platform_begin(void);
bool platform_interrupted(void);
/* Waits until there is something to read, or the end of the input; false when interrupted. */
bool platform_wait_input(int fd);

bool platform_is_terminal(FILE *stream);
/* What COLUMNS says, or the columns of the terminal behind a stream; 0 when there is neither. */
size_t platform_columns(FILE *stream);

#endif
