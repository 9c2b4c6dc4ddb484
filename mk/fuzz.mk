# Fuzzers: clang's libFuzzer with the address and undefined-behaviour sanitizers; tests/fuzz says of
# each what it checks. All of it is built apart, into build/fuzz, with a compiler of its own.
FUZZ       := $(BUILD)/fuzz
FUZZ_CC    := clang-22
FUZZ_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_BIN   := $(FUZZ_NAMES:%=$(FUZZ)/fuzz_%)
FUZZ_CORE  := $(CORE_SRC:%.c=$(FUZZ)/%.o)
FUZZ_OBJ   := $(patsubst %.c,$(FUZZ)/%.o,$(filter-out tests/fuzz/fuzz_%,$(wildcard tests/fuzz/*.c)))
FUZZ_RUN    = $(PYTHON) tests/fuzz/run.py --build $(FUZZ)

# Of each fuzzer; two run at a time.
FUZZ_SECONDS ?= 45
SECONDS      ?= 3600
TARGET       ?= $(FUZZ_NAMES)

TEST_SUITES += test-fuzz

.PHONY: fuzz test-fuzz fuzz-corpus
test-fuzz: $(FUZZ_BIN) $(FUZZ)/seeds.made ## run every fuzzer for FUZZ_SECONDS
	@$(FUZZ_RUN) --seconds $(FUZZ_SECONDS) test $(FUZZ_NAMES)

fuzz: $(FUZZ_BIN) $(FUZZ)/seeds.made ## run the fuzzers for SECONDS (TARGET=name: only that one)
	@$(FUZZ_RUN) --seconds $(SECONDS) fuzz $(TARGET)

fuzz-corpus: $(FUZZ_BIN) $(FUZZ)/seeds.made ## put what `make fuzz` found into tests/fuzz/corpus
	@$(FUZZ_RUN) corpus $(TARGET)

$(FUZZ)/seeds.made: tests/fuzz/seeds.py $(wildcard tests/golden/* tests/conformance/scripts/*) $(wildcard core/api/ops.def core/api/ops/*.def)
	@rm -rf $(FUZZ)/seeds && mkdir -p $(FUZZ)
	@$(PYTHON) $< $(FUZZ)/seeds
	@touch $@

$(FUZZ_BIN): $(FUZZ)/fuzz_%: $(FUZZ)/tests/fuzz/fuzz_%.o $(FUZZ_OBJ) $(FUZZ)/libstrata.a
	@$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

$(FUZZ)/libstrata.a: $(FUZZ_CORE)
	@rm -f $@ && ar rcs $@ $^

$(FUZZ)/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "CC $< (fuzzed)"
	@$(FUZZ_CC) $(COMMON) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(FUZZ_DEFS) -c -o $@ $<

$(FUZZ)/tests/%.o: FUZZ_DEFS := -D_GNU_SOURCE -Itests/fuzz

.PRECIOUS: $(FUZZ)/%.o
-include $(FUZZ_CORE:.o=.d) $(FUZZ_OBJ:.o=.d) $(FUZZ_NAMES:%=$(FUZZ)/tests/fuzz/fuzz_%.d)
