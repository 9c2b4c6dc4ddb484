/* host_memory.c - memory for the module that has the host table: emmalloc over memory.grow.
 *
 * 1. The core is promised an alignment of 16; malloc of this libc gives 8, so every block is asked
 *    for with its alignment. aligned_realloc still grows in place where it can.
 * 2. The linear memory grows by an eighth of itself at a time, at least by 1 MiB: each growth
 *    detaches the views that JavaScript holds, and costs a system call. Pages that nobody touches
 *    cost address space only. When that much is not to be had, exactly what is needed is asked for.
 * 3. The three functions at the end take the place of the C library's standalone.c, which would
 *    import proc_exit and a notice of growth from the host. Here abort traps, and a host sees
 *    growth by a changed buffer. As they exclude that file, whatever brings stdio or clocks into
 *    the module fails to link, instead of adding imports.
 *
 * Rejected: dlmalloc; docs/wasm.md has the figures of both.
 */
#include "host_memory.h"

#include <emscripten/emmalloc.h>
#include <emscripten/heap.h>
#include <stdint.h>
#include <stdlib.h>

enum {
    ALIGNMENT = 16,
    PAGE_BYTES = 65536,
    GROWTH_PAGES_MIN = 16,
};

void *host_memory_resize(void *ctx, void *old, size_t old_size, size_t new_size) {
    (void)ctx;
    (void)old_size;
    if (new_size == 0) {
        emmalloc_free(old);
        return NULL;
    }
    return old == NULL ? emmalloc_memalign(ALIGNMENT, new_size)
                       : emmalloc_aligned_realloc(old, ALIGNMENT, new_size);
}

/* What is there now; more may be had, but only trying tells. */
size_t emscripten_get_heap_max(void) {
    return emscripten_get_heap_size();
}

/* Called by sbrk with the size that the whole memory must have. */
int emscripten_resize_heap(size_t size) {
    const size_t pages = __builtin_wasm_memory_size(0);
    const size_t needed = (size + PAGE_BYTES - 1) / PAGE_BYTES - pages;
    const size_t eighth = pages / 8 > GROWTH_PAGES_MIN ? pages / 8 : GROWTH_PAGES_MIN;
    const size_t failed = (size_t)-1;
    return (needed < eighth && __builtin_wasm_memory_grow(0, eighth) != failed) ||
           __builtin_wasm_memory_grow(0, needed) != failed;
}

_Noreturn void abort(void) {
    __builtin_trap();
}
