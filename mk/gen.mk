# Files made by scripts from other files; GENERATED is what the core includes.
UNICODE   ?= /usr/share/unicode
GENERATED := $(addprefix $(BUILD)/gen/index/text/,word_break.h fold_table.h)

$(BUILD)/gen/index/text/word_break.h: tools/gen_word_break.py $(wildcard $(UNICODE)/auxiliary/WordBreakProperty.txt)
	python3 $< $(UNICODE) $@

$(BUILD)/gen/index/text/fold_table.h: $(BUILD)/gen/gen_fold
	$< $@

$(BUILD)/gen/gen_fold: tools/gen_fold.c
	@mkdir -p $(@D) $(BUILD)/gen/index/text
	$(CC) -std=c11 -O2 $(WARNINGS) -o $@ $< -lutf8proc
