# Tests. Each suite is a target test-NAME that ends with a line "N passed, N failed"; parts of the
# tree add theirs to TEST_SUITES. `make test` runs them all, whatever fails, and adds up the lines.
TEST_SUITES := test-unit test-threads test-format test-oracle test-tools test-driver test-conformance $(TEST_SUITES) lint

UNIT_SRC  := $(sort $(shell find tests/unit -name 'test_*.c'))
UNIT_BIN  := $(UNIT_SRC:%.c=$(BUILD)/%)
TEST_OBJ  := $(patsubst %.c,$(BUILD)/asan/%.o,$(wildcard tests/unit/*.c))
TEST_CC    = $(CC) $(COMMON) $(SANITIZE) -D_GNU_SOURCE -Itests/unit
TEST_LIBS := -lcmocka -lmsgpackc $(LIBS)

.PHONY: test test-unit test-threads test-format test-oracle test-tools test-driver test-conformance
test: setup ## build everything and run every test, under the sanitizers
	@tests/run_suites "$(MAKE)" $(TEST_SUITES)

test-unit: $(UNIT_BIN) ## run the unit tests (T=part of a name: only those)
	@tests/run_unit $(if $(T),$(foreach bin,$(UNIT_BIN),$(if $(findstring $(T),$(bin)),$(bin))),$(UNIT_BIN))

test-format: ## read the golden databases by docs/FORMAT.md alone
	@python3 tests/golden/read_format.py --check

test-oracle: $(BUILD)/tests/oracle/transcode ## compare JSON and MessagePack with Python's
	@$(PYTHON) tests/oracle/compare.py $<

# Every carrier that scripts reach: CARRIER=NAME runs one, CASE=PART the cases with that in their title.
test-conformance: $(BUILD)/tests/conformance/carrier_c native wasm js ## run the conformance scripts on every carrier
	@$(PYTHON) tests/conformance/run.py --only "$(CASE)" $(CARRIER)

test-tools: ## run the tests of the scripts that check the tree
	@python3 tools/test_lint.py

test-driver: ## run the tests of the conformance driver
	@$(PYTHON) tests/conformance/test_driver.py

$(UNIT_BIN): $(BUILD)/tests/unit/%: $(BUILD)/asan/tests/unit/%.o $(TEST_OBJ) $(BUILD)/libstrata-asan.a
	@mkdir -p $(@D)
	@$(CC) $(SANITIZE) -o $@ $^ $(TEST_LIBS)

$(BUILD)/tests/%: $(BUILD)/asan/tests/%.o $(BUILD)/libstrata-asan.a
	@mkdir -p $(@D)
	@$(CC) $(SANITIZE) -o $@ $^ $(TEST_LIBS)

# What makes threads runs once more under the thread sanitizer, which cannot be in one program with the
# others.
TSAN_FLAGS := -O1 -g -fsanitize=thread
TSAN_SRC   := $(shell grep -l pthread_create $(UNIT_SRC))
TSAN_BIN   := $(TSAN_SRC:tests/%.c=$(BUILD)/tsan/%)
TSAN_LIB   := $(patsubst %.c,$(BUILD)/tsan/%.o,$(CORE_SRC) $(NATIVE_SRC) $(wildcard tests/unit/*.c))

# Address-space layouts that are too random are more than the sanitizer of gcc 12 copes with.
test-threads: $(TSAN_BIN) ## run the tests that make threads, under the thread sanitizer
	@$$(setarch -R true 2>/dev/null && echo setarch -R) tests/run_unit $(TSAN_BIN)

$(TSAN_BIN): $(BUILD)/tsan/%: $(BUILD)/tsan/tests/%.o $(TSAN_LIB)
	@mkdir -p $(@D)
	@$(CC) $(TSAN_FLAGS) -o $@ $^ $(TEST_LIBS)

$(BUILD)/tsan/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "CC $< (threads)"
	@$(CC) $(COMMON) $(TSAN_FLAGS) -D_GNU_SOURCE -Itests/unit -c -o $@ $<

.PRECIOUS: $(BUILD)/tsan/%.o
-include $(TSAN_LIB:.o=.d) $(TSAN_SRC:%.c=$(BUILD)/tsan/%.d)

$(BUILD)/asan/tests/%.o: tests/%.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(TEST_CC) -c -o $@ $<

.PRECIOUS: $(BUILD)/asan/tests/%.o
-include $(UNIT_SRC:%.c=$(BUILD)/asan/%.d) $(TEST_OBJ:.o=.d) $(wildcard $(BUILD)/asan/tests/*/*.d)
