/* main_kv.c - the engines of `make bench-main`: the driver of bench/kv with ours and SQLite. */
#include "kv/engine.h"

const kv_engine *const kv_engines[] = {&kv_strata, &kv_sqlite, NULL};
