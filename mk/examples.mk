# The programs in examples/, built and run as their heads say.
TEST_SUITES += test-examples

.PHONY: test-examples
test-examples: $(addprefix $(BUILD)/examples/,remember transfer agent semantic) $(JS_DIST) ## run the example programs
	@tests/examples.sh $(BUILD)/examples

define link-example
@mkdir -p $(@D)
@echo "CC $<"
@$(CC) -std=c11 $(WARNINGS) -Icore/include -o $@ $< $(BUILD)/libstrata.a $(LIBS)
endef

$(BUILD)/examples/%: examples/c/%.c $(BUILD)/libstrata.a
	$(link-example)

$(BUILD)/examples/agent: examples/agent/agent.c $(BUILD)/libstrata.a
	$(link-example)

$(BUILD)/examples/semantic: examples/semantic/semantic.c $(BUILD)/libstrata.a
	$(link-example)
