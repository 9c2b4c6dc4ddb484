# The programs in examples/, built and run as their heads say.
TEST_SUITES += test-examples

.PHONY: test-examples
test-examples: $(addprefix $(BUILD)/examples/,remember transfer) $(JS_DIST) ## run the example programs
	@tests/examples.sh $(BUILD)/examples

$(BUILD)/examples/%: examples/c/%.c $(BUILD)/libstrata.a
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) -std=c11 $(WARNINGS) -Icore/include -o $@ $< $(BUILD)/libstrata.a $(LIBS)
