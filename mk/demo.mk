# The main job on this machine's own text, and the tests of the command line.
DEMO ?= /usr/share/doc

.PHONY: demo test-cli
demo: setup native wasm js ## remember this machine's packages and docs, recall natively and in Node
	@tools/demo.sh $(BUILD) $(DEMO)

# As a user runs it, but built with the sanitizers: a leak or an overflow is a failure too.
CLI_ASAN_OBJ := $(patsubst %.c,$(BUILD)/asan/%.o,$(CLI_SRC))

$(BUILD)/asan/strata: $(CLI_ASAN_OBJ) $(BUILD)/libstrata-asan.a
	@echo "LD $@"
	@$(CC) $(SANITIZE) -o $@ $^ $(LIBS)

# The command line is no library: its unit tests link the parts that they are about.
CLI_TEST_OBJ := $(addprefix $(BUILD)/asan/hosts/native/,cli/buffer.o cli/pack.o cli/platform.o \
  cli/progress.o cli/text.o ingest/utf8.o)
$(filter $(BUILD)/tests/unit/hosts/native/cli/% $(BUILD)/tests/unit/hosts/native/ingest/%,$(UNIT_BIN)): \
  $(CLI_TEST_OBJ)

TEST_SUITES += test-cli
test-cli: $(BUILD)/asan/strata ## run the tests of the command line (T=part of a name: only those)
	@python3 tests/cli/run.py $< $(T)

-include $(CLI_ASAN_OBJ:.o=.d)
