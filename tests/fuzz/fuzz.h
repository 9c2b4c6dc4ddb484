/* fuzz.h - what the fuzzers share: a host in memory that counts and bounds, and checks.
 *
 * Each fuzzer is one file fuzz_NAME.c whose head says what it holds true of every input, besides
 * what the sanitizers and the time and memory limits of libFuzzer do. Nothing in an input decides
 * about time or chance outside of it: the same bytes do the same thing again.
 */
#ifndef STRATA_FUZZ_H
#define STRATA_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/std.h"

/* ---- What a fuzzer defines ------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
/* libFuzzer's own mutations, for custom mutators. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* ---- Checks ---------------------------------------------------------------------------------- */

/* Says what did not hold and ends the process, which libFuzzer turns into a saved input. */
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: does not hold: %s: ", __FILE__, __LINE__, #condition);   \
            (void)fprintf(stderr, __VA_ARGS__);                                                    \
            (void)fprintf(stderr, "\n");                                                           \
            __builtin_trap();                                                                      \
        }                                                                                          \
    } while (0)

/* ---- Input ----------------------------------------------------------------------------------- */

/* The first bytes of an input steer the fuzzer, the rest are what is tested. */
typedef struct fuzz_input {
    const uint8_t *at;
    size_t left;
} fuzz_input;

/* 0 when there is nothing left. */
uint8_t fuzz_u8(fuzz_input *input);
uint16_t fuzz_u16(fuzz_input *input);
uint64_t fuzz_u64(fuzz_input *input);
/* Up to len bytes, in memory of exactly their size, so that the address sanitizer sees what reads
 * past them. Freed by fuzz_begin. */
strata_slice fuzz_take(fuzz_input *input, size_t len);
strata_slice fuzz_rest(fuzz_input *input);

/* ---- The host -------------------------------------------------------------------------------- */

enum { FUZZ_NAME_MAX = 96 };

/* Memory, storage in memory, a clock that ticks when it is read, and chance from a fixed seed; no
 * threads. It is the default host, too. */
const strata_host *fuzz_host(void);

/* Empties the host, forgets the counters. memory_max: what may be allocated at once; beyond it
 * allocations fail. */
void fuzz_begin(size_t memory_max);
/* Checks that memory and files were given back. */
void fuzz_end(void);

/* Bytes allocated at once, at most, since fuzz_begin or fuzz_peak_again. */
size_t fuzz_memory_peak(void);
void fuzz_peak_again(void);
/* Whether an allocation was refused since fuzz_begin: only then may something fail so. */
bool fuzz_memory_refused(void);
/* Bytes asked of read_at since fuzz_begin. */
uint64_t fuzz_bytes_read(void);

/* Replaces a file, or makes it. */
void fuzz_put(const char *name, strata_slice bytes);
void fuzz_drop(const char *name);
/* The bytes of a file; data NULL when there is none. Borrowed until the file changes. */
strata_slice fuzz_file(const char *name);

/* An empty buffer of the host. */
strata_buffer fuzz_buffer(void);

/* ---- Errors ---------------------------------------------------------------------------------- */

/* The text of a field; NULL when there is none. */
const char *fuzz_error_text(const strata_error *error, const char *name);
/* Whether there is a number of that name, and which. */
bool fuzz_error_number(const strata_error *error, const char *name, int64_t *number);
/* Of an error `corrupt`: that it names a file of the database in `path`, and an offset in it (a
 * file that is not there has offset 0). */
void fuzz_check_corrupt(const strata_error *error, const char *path);

#endif
