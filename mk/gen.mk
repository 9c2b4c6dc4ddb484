# Files made by scripts from other files; GENERATED is what the core includes.
UNICODE   ?= /usr/share/unicode
GENERATED := $(BUILD)/gen/index/text/word_break.h

$(BUILD)/gen/index/text/word_break.h: tools/gen_word_break.py $(wildcard $(UNICODE)/auxiliary/WordBreakProperty.txt)
	python3 $< $(UNICODE) $@
