# Strata: `make help` lists what can be made. The parts are in mk/.
.DEFAULT_GOAL := all
SHELL := /bin/bash
BUILD := build

include mk/setup.mk
include mk/gen.mk
include mk/native.mk
include mk/wasm.mk
include mk/js.mk
include mk/examples.mk
include mk/sim.mk
include mk/isolation.mk
include mk/lint.mk
include mk/fuzz.mk
include mk/test.mk
include mk/bench.mk
include mk/demo.mk

.PHONY: all help clean
all: setup native wasm js ## build everything

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

clean: ## remove what was built
	rm -rf $(BUILD) js/dist
