/* engines.c - all that `make bench-kv` measures. */
#include "kv/engine.h"

const kv_engine *const kv_engines[] = {&kv_strata, &kv_sqlite, &kv_lmdb, &kv_rocksdb,
                                       &kv_redis,  &kv_hash,   &kv_raw,  NULL};
