/* host_memory.h - the allocator of the module that has the host table. */
#ifndef STRATA_WASM_HOST_MEMORY_H
#define STRATA_WASM_HOST_MEMORY_H

#include <stddef.h>

/* strata_allocator.resize; alignment 16. */
void *host_memory_resize(void *ctx, void *old, size_t old_size, size_t new_size);

#endif
