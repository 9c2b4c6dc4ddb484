# The npm package in js/, the files that are made from the table of operations, the example page.
#
# tsc writes js/dist/esm (modules and types), esbuild bundles them into js/dist/{node,browser,worker}.js;
# the engine, strata.wasm, lies beside them.
JS_MODULES := js/node_modules/.package-lock.json
JS_SRC     := $(shell find js/src -name '*.ts')
JS_DIST    := js/dist/node.js js/dist/strata.wasm
GEN_INPUTS := tools/gen_ops.py tools/ops_def.py tools/op_examples.json $(wildcard core/api/ops.def core/api/ops/*.def) core/include/strata/errors.def

TEST_SUITES += test-gen test-js test-browser

.PHONY: js gen example test-gen test-js test-browser
js: $(JS_DIST) ## the npm package, in js/dist

$(JS_MODULES): js/package.json js/package-lock.json
	cd js && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

js/dist/node.js: $(JS_MODULES) $(JS_SRC) js/tsconfig.json js/build.mjs
	rm -rf js/dist/esm
	cd js && node_modules/.bin/tsc -p . && node build.mjs

js/dist/strata.wasm: $(BUILD)/wasm/strata.wasm
	@mkdir -p $(@D)
	cp $< $@

gen: ## make the types and the reference of the operations again
	python3 tools/gen_ops.py

test-gen: ## check that the types and the reference of the operations are not stale
	@python3 tools/gen_ops.py --check

test-js: $(JS_DIST) ## run the tests of the npm package
	@node js/test/run.mjs

test-browser: $(JS_DIST) $(BUILD)/tests/browser/answers ## run the tests of the example page and the package, in Chromium
	@node tests/browser/run.mjs

# What the browser's answers are compared with.
$(BUILD)/tests/browser/answers: tests/browser/answers.c $(BUILD)/libstrata.a
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) -std=c11 -D_GNU_SOURCE $(RELEASE) $(WARNINGS) -Icore/include -o $@ $< $(BUILD)/libstrata.a $(LIBS)

example: $(JS_DIST) ## serve the example page
	@node examples/browser/serve.mjs
