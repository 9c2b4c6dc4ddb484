# The core and the native host, by the system's C compiler. Two profiles: release, and one with the
# address and undefined-behaviour sanitizers for the tests.
CC       := gcc
WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wvla -Werror
# Scores must be the same bits on every host: no fused multiply-add.
COMMON   := -std=c11 -ffp-contract=off $(WARNINGS) -Icore/include -Icore -I$(BUILD)/gen -MMD -MP
RELEASE  := -O2 -g
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LIBS     := -lzstd -lutf8proc -lstemmer -lsodium -lm -lpthread

CORE_SRC   := $(sort $(shell find core -name '*.c'))
NATIVE_SRC := $(sort $(wildcard hosts/native/*.c))
CLI_SRC    := $(sort $(wildcard hosts/native/cli/*.c hosts/native/ingest/*.c))

LIB_OBJ  := $(patsubst %.c,$(BUILD)/native/%.o,$(CORE_SRC) $(NATIVE_SRC))
CLI_OBJ  := $(patsubst %.c,$(BUILD)/native/%.o,$(CLI_SRC))
ASAN_OBJ := $(patsubst %.c,$(BUILD)/asan/%.o,$(CORE_SRC) $(NATIVE_SRC))

.PHONY: native
native: $(BUILD)/strata $(BUILD)/libstrata.a ## the static library and the command line

$(BUILD)/libstrata.a: $(LIB_OBJ)
	@rm -f $@ && ar rcs $@ $^

$(BUILD)/libstrata-asan.a: $(ASAN_OBJ)
	@rm -f $@ && ar rcs $@ $^

$(BUILD)/strata: $(CLI_OBJ) $(BUILD)/libstrata.a
	@echo "LD $@"
	@$(CC) $(RELEASE) -o $@ $^ $(LIBS)

# Only the hosts may see POSIX.
HOST_FLAGS = $(if $(filter hosts/%,$<),-D_GNU_SOURCE)

$(BUILD)/native/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(COMMON) $(RELEASE) $(HOST_FLAGS) -c -o $@ $<

$(BUILD)/asan/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "CC $< (sanitized)"
	@$(CC) $(COMMON) $(SANITIZE) $(HOST_FLAGS) -c -o $@ $<

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(ASAN_OBJ:.o=.d)
