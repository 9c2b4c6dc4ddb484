# Benchmarks: peers measured in the same run. Never part of a test.
BENCH_CC := $(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -Icore/include -Ibench
# Needed by nothing but the benchmarks.
BENCH_PACKAGES := libsqlite3-dev liblmdb-dev librocksdb-dev libhiredis-dev redis-server
# Pinned; used for its size only.
SQLITE_WASM := @sqlite.org/sqlite-wasm@3.53.4-build2

KV_SHARED := bench/kv/main.c bench/kv/phase.c bench/kv/engine_strata.c bench/kv/engine_sqlite.c bench/bench.c
KV_ALL    := $(KV_SHARED) bench/kv/engines.c bench/kv/engine_lmdb.c bench/kv/engine_rocksdb.c \
  bench/kv/engine_redis.c bench/kv/engine_hash.c bench/kv/engine_raw.c
KV_HEADERS := bench/bench.h bench/kv/engine.h bench/kv/phase.h

.PHONY: bench-setup
bench-setup: ## install the peers that are measured
	@tools/setup.sh $(BUILD) $(NODE_MAJOR) $(NODE_VERSION) $(BENCH_PACKAGES)

.PHONY: bench-kv
bench-kv: bench-setup native $(BUILD)/bench/kv ## the key-value figures (QUICK=1: two minutes)
	python3 bench/kv.py $(BUILD)/bench $(if $(QUICK),quick)

.PHONY: bench-main
bench-main: native wasm js $(BUILD)/bench/main_kv $(BUILD)/bench/main_text $(BUILD)/bench/sqlite3.wasm ## the figures of the main job
	python3 bench/main.py $(BUILD)/bench/sqlite3.wasm

$(BUILD)/bench/main_text: bench/main_text.c bench/bench.c bench/bench.h $(BUILD)/libstrata.a
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(BENCH_CC) -o $@ $< bench/bench.c $(BUILD)/libstrata.a -lsqlite3 $(LIBS)

$(BUILD)/bench/kv: $(KV_ALL) $(KV_HEADERS) $(BUILD)/libstrata.a
	@mkdir -p $(@D)
	@echo "CC bench/kv"
	@$(BENCH_CC) -o $@ $(KV_ALL) $(BUILD)/libstrata.a -lsqlite3 -llmdb -lrocksdb -lhiredis $(LIBS)

# The same driver with ours and SQLite only.
$(BUILD)/bench/main_kv: bench/main_kv.c $(KV_SHARED) $(KV_HEADERS) $(BUILD)/libstrata.a
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(BENCH_CC) -o $@ $< $(KV_SHARED) $(BUILD)/libstrata.a -lsqlite3 $(LIBS)

$(BUILD)/bench/sqlite3.wasm:
	@mkdir -p $(@D)
	npm install --no-save --no-audit --no-fund --loglevel=error --prefix $(BUILD)/bench/peer $(SQLITE_WASM)
	cp "$$(find $(BUILD)/bench/peer -name sqlite3.wasm | head -1)" $@

# ---- The primitives: a program a group, build/bench/primitives_GROUP ------------------------------
PRIMITIVES_GROUPS := json json_set events fork history index
PRIMITIVES_PACKAGES := libsqlite3-dev libsimdjson-dev g++

.PHONY: bench-primitives
bench-primitives: $(GROUP:%=$(BUILD)/bench/primitives_%) $(if $(GROUP),,$(PRIMITIVES_GROUPS:%=$(BUILD)/bench/primitives_%)) ## the figures of the primitives (GROUP=json: only those)
	python3 bench/primitives.py $(BUILD)/bench $(GROUP)

.PHONY: bench-primitives-setup
bench-primitives-setup:
	@tools/setup.sh $(BUILD) $(NODE_MAJOR) $(NODE_VERSION) $(PRIMITIVES_PACKAGES)

JSON_BENCH := $(addprefix bench/primitives/,json.c json_texts.c) bench/bench.c
# It calls the parser itself, which is none of the public functions.
$(BUILD)/bench/primitives_json: $(JSON_BENCH) $(wildcard bench/primitives/json_*) bench/bench.h $(BUILD)/libstrata.a | bench-primitives-setup
	@mkdir -p $(@D)
	@echo "CC bench/primitives/json"
	@g++ -O2 -Wall -Wextra -Werror -Ibench -c -o $(BUILD)/bench/json_peers.o bench/primitives/json_peers.cpp
	@$(BENCH_CC) -Icore -Ibench/primitives -o $@ $(JSON_BENCH) $(BUILD)/bench/json_peers.o $(BUILD)/libstrata.a \
	  -lsqlite3 -lsimdjson $(LIBS) -lstdc++
# History: diff, replay, provenance.
$(BUILD)/bench/primitives_history: bench/primitives/history.c bench/bench.c bench/bench.h $(BUILD)/libstrata.a | bench-primitives-setup
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(BENCH_CC) -o $@ $< bench/bench.c $(BUILD)/libstrata.a $(LIBS)

# One path of a document, beside SQLite.
$(BUILD)/bench/primitives_json_set: bench/primitives/json_set.c bench/bench.c bench/bench.h $(BUILD)/libstrata.a | bench-primitives-setup
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(BENCH_CC) -o $@ $< bench/bench.c $(BUILD)/libstrata.a -lsqlite3 $(LIBS)

# Events, beside SQLite and the bare hash and write.
$(BUILD)/bench/primitives_events: bench/primitives/events.c bench/bench.c bench/bench.h $(BUILD)/libstrata.a | bench-primitives-setup
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(BENCH_CC) -Icore -o $@ $< bench/bench.c $(BUILD)/libstrata.a -lsqlite3 $(LIBS)
# Forks of a gigabyte.
$(BUILD)/bench/primitives_fork: bench/primitives/fork.c bench/bench.c bench/bench.h $(BUILD)/libstrata.a | bench-primitives-setup
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(BENCH_CC) -o $@ $< bench/bench.c $(BUILD)/libstrata.a $(LIBS)

# One path of a million documents, beside SQLite.
$(BUILD)/bench/primitives_index: bench/primitives/index.c bench/bench.c bench/bench.h $(BUILD)/libstrata.a | bench-primitives-setup
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(BENCH_CC) -o $@ $< bench/bench.c $(BUILD)/libstrata.a -lsqlite3 $(LIBS)
# ---- Vectors --------------------------------------------------------------------------------------
# The distance kernels, natively and in WASM: build/bench/vector_kernels and vector_kernels.wasm.
KERNELS_BENCH := bench/vector/kernel.c $(sort $(wildcard core/index/vector/kernel*.c)) core/base/crc32c.c
KERNELS_DEPS  := $(KERNELS_BENCH) $(wildcard core/index/vector/kernel*.h) tests/unit/index/vector/kernel_order.h
KERNELS_FLAGS := -O2 -D_GNU_SOURCE -Itests/unit $(filter-out -MMD -MP,$(COMMON))

.PHONY: bench-vector-kernels
bench-vector-kernels: $(BUILD)/bench/vector_kernels $(BUILD)/bench/vector_kernels.wasm ## distances a second, by kernel
	@echo "native" && $<
	@echo "WASM" && node --disable-warning=ExperimentalWarning --no-turbo-fast-api-calls bench/vector/kernel.mjs $(BUILD)/bench/vector_kernels.wasm

$(BUILD)/bench/vector_kernels: $(KERNELS_DEPS)
	@mkdir -p $(@D)
	@echo "CC bench/vector/kernel"
	@$(CC) $(KERNELS_FLAGS) -o $@ $(KERNELS_BENCH) -lm

$(BUILD)/bench/vector_kernels.wasm: $(KERNELS_DEPS) | $(WASM_DEPS_READY)
	@mkdir -p $(@D)
	@echo "CLANG bench/vector/kernel"
	@$(WASI_CC) $(KERNELS_FLAGS) $(WASM_FEATURES) $(WASM_INCLUDE) -Wl,--max-memory=$(WASM_MEMORY) -o $@ $(KERNELS_BENCH)
