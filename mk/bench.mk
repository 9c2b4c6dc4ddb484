# Benchmarks: peers measured in the same run. Never part of a test.
BENCH_CC := $(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -Icore/include -Ibench
# Pinned; used for its size only.
SQLITE_WASM := @sqlite.org/sqlite-wasm@3.53.4-build2

.PHONY: bench-main
bench-main: native wasm js $(BUILD)/bench/main_kv $(BUILD)/bench/main_text $(BUILD)/bench/sqlite3.wasm ## the figures of the main job
	python3 bench/main.py $(BUILD)/bench/sqlite3.wasm

$(BUILD)/bench/%: bench/%.c bench/bench.c bench/bench.h $(BUILD)/libstrata.a
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(BENCH_CC) -o $@ $< bench/bench.c $(BUILD)/libstrata.a -lsqlite3 $(LIBS)

$(BUILD)/bench/sqlite3.wasm:
	@mkdir -p $(@D)
	npm install --no-save --no-audit --no-fund --loglevel=error --prefix $(BUILD)/bench/peer $(SQLITE_WASM)
	cp "$$(find $(BUILD)/bench/peer -name sqlite3.wasm | head -1)" $@
