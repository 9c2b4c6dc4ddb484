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

# The index among its peers, each engine a program (or a process of Python) that bench/vector/run.py asks:
# build/bench/vector_ENGINE. The machine's own instructions for hnswlib, as its package is built; ours chooses at
# run time.
VECTOR_CC      := $(BENCH_CC) -Wconversion -Wshadow
VECTOR_NATIVE  := $(BUILD)/bench/vector/native
VECTOR_DRIVER  := $(addprefix $(VECTOR_NATIVE)/,main.o data.o machine_native.o bench.o)
VECTOR_HEADERS := bench/bench.h $(wildcard bench/vector/*.h)
VECTOR_PEERS   := $(BUILD)/bench/vector/peers
HNSWLIB        := hnswlib==0.8.0
# What its setup.py imports before it says its name.
HNSWLIB_NEEDS  := setuptools==80.9.0 wheel==0.45.1 pybind11==3.0.1 numpy==2.4.6

.PHONY: bench-vector bench-vector-setup
bench-vector-setup:
	@tools/setup.sh $(BUILD) $(NODE_MAJOR) $(NODE_VERSION) g++

bench-vector: native $(addprefix $(BUILD)/bench/vector_,make ours-db ours-b1 ours-index hnswlib) $(BUILD)/bench/vector.wasm $(VECTOR_PEERS)/python ## the figures of vectors (QUICK=1: five minutes)
	$(VECTOR_PEERS)/venv/bin/python bench/vector/run.py $(BUILD)/bench $(if $(QUICK),quick) $(if $(CLOCK),clock=$(CLOCK))

$(VECTOR_NATIVE)/%.o: bench/vector/%.c $(VECTOR_HEADERS)
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(VECTOR_CC) -c -o $@ $<

$(VECTOR_NATIVE)/bench.o: bench/bench.c bench/bench.h
	@mkdir -p $(@D)
	@$(VECTOR_CC) -c -o $@ $<

# The same bits whether or not the processor can multiply and add at once.
$(BUILD)/bench/vector_make: $(addprefix bench/vector/,make.c clustered.c stanzas.c data.c) $(VECTOR_HEADERS)
	@mkdir -p $(@D)
	@echo "CC bench/vector/make"
	@$(VECTOR_CC) -O3 -march=native -ffp-contract=off -o $@ $(filter %.c,$^) -lm -lpthread

$(BUILD)/bench/vector_ours-index: bench/vector/engine_index.c $(VECTOR_DRIVER) $(VECTOR_HEADERS) $(BUILD)/libstrata.a
	@echo "CC $<"
	@$(VECTOR_CC) -Icore -o $@ $< $(VECTOR_DRIVER) $(BUILD)/libstrata.a $(LIBS)

# The database, with codes as it chooses them, and of one bit a number.
$(BUILD)/bench/vector_ours-b1: VECTOR_CODES := -DCODES=STRATA_CODES_B1
$(BUILD)/bench/vector_ours-db $(BUILD)/bench/vector_ours-b1: bench/vector/engine_db.c $(VECTOR_DRIVER) $(VECTOR_HEADERS) $(BUILD)/libstrata.a
	@echo "CC $<"
	@$(VECTOR_CC) $(VECTOR_CODES) -o $@ $< $(VECTOR_DRIVER) $(BUILD)/libstrata.a $(LIBS)

$(BUILD)/bench/vector_hnswlib: bench/vector/engine_hnswlib.cpp $(VECTOR_DRIVER) $(VECTOR_HEADERS) | $(VECTOR_PEERS)/hnswlib bench-vector-setup
	@echo "CXX $<"
	@g++ -std=c++14 -O3 -march=native -Wall -Wextra -Wno-uninitialized -Werror -Ibench -isystem $(VECTOR_PEERS)/hnswlib -o $@ $< $(VECTOR_DRIVER) -lm -lpthread

$(VECTOR_PEERS)/python: bench/vector/peers.txt
	@mkdir -p $(@D)
	@echo "PIP $<"
	@python3 -m venv $(VECTOR_PEERS)/venv
	@$(VECTOR_PEERS)/venv/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# The source package has the headers; none of it is built.
$(VECTOR_PEERS)/hnswlib: | $(VECTOR_PEERS)/python
	@echo "PIP $(HNSWLIB)"
	@$(VECTOR_PEERS)/venv/bin/python -m pip install --quiet --disable-pip-version-check $(HNSWLIB_NEEDS)
	@$(VECTOR_PEERS)/venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
	  --no-build-isolation -d $(VECTOR_PEERS) $(HNSWLIB)
	@tar -xzf $(VECTOR_PEERS)/$(subst ==,-,$(HNSWLIB)).tar.gz -C $(VECTOR_PEERS)
	@mv $(VECTOR_PEERS)/$(subst ==,-,$(HNSWLIB)) $@

# The driver and the core as a WASI command, all of it for speed: what is measured is the engine, not -Oz.
VECTOR_WASM_C := $(addprefix bench/vector/,main.c data.c machine_wasi.c engine_index.c) \
  $(sort $(wildcard core/base/*.c core/index/vector/*.c))
$(BUILD)/bench/vector.wasm: $(VECTOR_WASM_C) $(VECTOR_HEADERS) $(wildcard core/index/vector/*.h) $(WASI_LIB_OBJ)
	@mkdir -p $(@D)
	@echo "CLANG bench/vector"
	@$(WASI_CC) -D_GNU_SOURCE -Ibench $(filter-out -MMD -MP,$(WASM_CORE)) -Wl,--max-memory=$(WASM_MEMORY) -o $@ \
	  $(VECTOR_WASM_C) $(filter-out $(patsubst %.c,$(WASI)/%.o,$(VECTOR_WASM_C)),$(WASI_LIB_OBJ))
