# The rules of the house: layers, system calls, length and format (tools/lint.py), clang-tidy and
# cppcheck. clang-tidy sees a file again when it, a header of it or .clang-tidy has changed.
LINT_SRC   := $(CORE_SRC) $(NATIVE_SRC) $(CLI_SRC) $(sort $(wildcard hosts/wasm/*.c))
TIDY       := $(LINT_SRC:%.c=$(BUILD)/lint/%.tidy)
TIDY_FLAGS  = $(filter-out $(WARNINGS) -MMD -MP,$(COMMON)) $(HOST_FLAGS)
CPPCHECK   := cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
  --error-exitcode=1 --suppressions-list=tools/cppcheck.txt -Icore/include -Icore -I$(BUILD)/gen

.PHONY: lint
lint: $(TIDY) $(BUILD)/lint/cppcheck $(filter $(BUILD)/native/core/%,$(LIB_OBJ)) ## check layers, calls, format; clang-tidy, cppcheck
	@echo "clang-tidy: $(words $(TIDY)) files"
	@tools/lint.py --format --objects $(filter $(BUILD)/native/core/%,$(LIB_OBJ))

$(BUILD)/lint/%.tidy: %.c .clang-tidy | $(GENERATED)
	@mkdir -p $(@D) && echo "clang-tidy $<"
	@clang-tidy-22 --quiet $< -- $(TIDY_FLAGS) 2>$@.log || { cat $@.log; exit 1; }
	@$(CC) $(TIDY_FLAGS) -MM -MP -MT $@ -MF $(@:.tidy=.d) $<
	@touch $@

$(BUILD)/lint/cppcheck: $(LINT_SRC) $(shell find core hosts -name '*.h') tools/cppcheck.txt
	@mkdir -p $@.d && echo "cppcheck, $(words $(LINT_SRC)) files"
	@$(CPPCHECK) -j2 --cppcheck-build-dir=$@.d $(LINT_SRC)
	@touch $@

-include $(TIDY:.tidy=.d)
