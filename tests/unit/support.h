/* support.h - what the unit tests share: a host whose memory is watched and fails on demand, seeded
 * chance, bytes from hex.
 *
 * Every block knows its size: a test fails when the core gives back another one. Growing always
 * moves, so that the address sanitizer sees who kept the old pointer.
 */
#ifndef STRATA_TEST_SUPPORT_H
#define STRATA_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/std.h"

/* A host with memory and nothing else. Constant; its state is reset by test_memory_reset. */
const strata_host *test_host(void);
const strata_allocator *test_allocator(void);

/* Blocks and bytes that are allocated now. */
size_t test_memory_blocks(void);
size_t test_memory_bytes(void);
/* The n-th allocation from now on fails, and every later one; 0: none does. */
void test_memory_fail_at(size_t n);
/* Whether one has failed since then. */
bool test_memory_failed(void);

/* An empty buffer that uses test_host(). */
strata_buffer test_buffer(void);

/* The next number of a sequence; the same for the same first *state. */
uint64_t test_random(uint64_t *state);
/* 0 <= number < limit. */
uint64_t test_random_below(uint64_t *state, uint64_t limit);

/* The bytes of "a1 00 ff"; borrowed until the eighth call after this one. */
strata_slice test_hex(const char *hex);

/* Fails with both in hex unless they are equal. what: said in the message. */
void test_bytes_equal(strata_slice got, strata_slice expected, const char *what);

#endif
