/* memory.c - the allocator: malloc for what is small, huge pages for what is not.
 *
 * A first touch of a page costs 3-10 us on virtual machines, more than writing the page; a memtable
 * of 64 MiB would take 16 384 of them. So blocks of BIG_BYTES and more are mapped on their own,
 * aligned to the size of a huge page, with MADV_HUGEPAGE (the usual setting of
 * /sys/kernel/mm/transparent_hugepage/enabled is `madvise`): one fault per 2 MiB.
 *
 * Invariants
 * 1. The size alone says where a block came from: size < BIG_BYTES is malloc's, the rest is mapped.
 *    Every call brings the old size, so nothing is stored beside the block.
 * 2. A mapping covers the size rounded up to whole pages, and begins at a multiple of BIG_BYTES.
 *    Its tail is not rounded up to a huge page: 2.1 MiB must not cost 4.
 * 3. On failure the old block is untouched.
 *
 * malloc keeps what is freed, and rightly so: most of it is wanted again at once. But an index that was
 * merged leaves tens of megabytes in pieces of 50 KB behind, between pieces that live, which nobody
 * wants again. So frees of PIECE_BYTES and more are counted, and when TRIM_BYTES of them came together
 * and then none for QUIET_NS, a thread that rests has malloc_trim give back the pages in between.
 * Rejected: to map what is above 32 KB; then each of them is touched afresh, which is what the
 * foreground pays for.
 *
 * Rejected: aligned_alloc + madvise. glibc keeps its own header in front of each block, so that the
 * first and last huge page of every block stay small ones, and free does not always give them back.
 */
#include "native.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BIG_BYTES ((size_t)2 << 20)

enum { PIECE_BYTES = 32 << 10, TRIM_BYTES = 8 << 20 };
#define QUIET_NS UINT64_C(1000000000)

/* Of pieces, by all databases of the process, as malloc is one; and until the last trim. Relaxed: they
 * order nothing. */
static _Atomic uint64_t freed_bytes;
static _Atomic uint64_t trimmed_bytes;

static size_t whole_pages(size_t size) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) & ~(page - 1);
}

/* Address space of `bytes` (whole pages) beginning at a multiple of BIG_BYTES; NULL without it. */
static void *map_aligned(size_t bytes, int protection) {
    if (bytes > SIZE_MAX - BIG_BYTES) {
        return NULL;
    }
    char *const base =
        mmap(NULL, bytes + BIG_BYTES, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return NULL;
    }
    const size_t before = (BIG_BYTES - (uintptr_t)base % BIG_BYTES) % BIG_BYTES;
    if (before > 0) {
        (void)munmap(base, before);
    }
    if (before < BIG_BYTES) {
        (void)munmap(base + before + bytes, BIG_BYTES - before);
    }
    return base + before;
}

static void *map_big(size_t size) {
    const size_t bytes = whole_pages(size);
    void *const block = map_aligned(bytes, PROT_READ | PROT_WRITE);
    if (block != NULL) {
        /* Refused by a kernel without huge pages: the block is as good, only slower. */
        (void)madvise(block, bytes, MADV_HUGEPAGE);
    }
    return block;
}

/* Grows by moving page tables, not bytes, and keeps the alignment. */
static void *remap_big(void *old, size_t old_size, size_t new_size) {
    const size_t old_bytes = whole_pages(old_size);
    const size_t new_bytes = whole_pages(new_size);
    if (new_bytes == old_bytes) {
        return old;
    }
    if (new_bytes < old_bytes) {
        (void)munmap((char *)old + new_bytes, old_bytes - new_bytes);
        return old;
    }
    if (mremap(old, old_bytes, new_bytes, 0) != MAP_FAILED) {
        return old;
    }
    void *const place = map_aligned(new_bytes, PROT_NONE);
    if (place == NULL) {
        return NULL;
    }
    void *const block = mremap(old, old_bytes, new_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    if (block == MAP_FAILED) {
        (void)munmap(place, new_bytes);
        return NULL;
    }
    return block;
}

static void release(void *old, size_t old_size) {
    if (old != NULL && old_size >= BIG_BYTES) {
        (void)munmap(old, whole_pages(old_size));
        return;
    }
    free(old);
    if (old_size >= PIECE_BYTES) {
        atomic_fetch_add_explicit(&freed_bytes, old_size, memory_order_relaxed);
    }
}

bool st_native_settle(st_native_settling *settling, uint64_t now_ns) {
    const uint64_t freed = atomic_load_explicit(&freed_bytes, memory_order_relaxed);
    uint64_t trimmed = atomic_load_explicit(&trimmed_bytes, memory_order_relaxed);
    if (freed != settling->seen_bytes) {
        settling->seen_bytes = freed;
        settling->seen_ns = now_ns;
        return false;
    }
    /* By one thread only. */
    if (freed < trimmed + TRIM_BYTES || now_ns - settling->seen_ns < QUIET_NS ||
        !atomic_compare_exchange_strong_explicit(&trimmed_bytes, &trimmed, freed,
                                                 memory_order_relaxed, memory_order_relaxed)) {
        return false;
    }
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
    return true;
}

void *st_native_resize(void *ctx, void *old, size_t old_size, size_t new_size) {
    (void)ctx;
    if (new_size == 0) {
        release(old, old_size);
        return NULL;
    }
    if (new_size > PTRDIFF_MAX) {
        return NULL;
    }
    const bool new_is_big = new_size >= BIG_BYTES;
    if (old == NULL) {
        return new_is_big ? map_big(new_size) : malloc(new_size);
    }
    const bool old_is_big = old_size >= BIG_BYTES;
    if (!old_is_big && !new_is_big) {
        return realloc(old, new_size);
    }
    if (old_is_big && new_is_big) {
        return remap_big(old, old_size, new_size);
    }
    void *const block = new_is_big ? map_big(new_size) : malloc(new_size);
    if (block != NULL) {
        memcpy(block, old, old_size < new_size ? old_size : new_size);
        release(old, old_size);
    }
    return block;
}
