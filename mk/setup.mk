# What the build and the tests need beside a POSIX system with make: installed when it is missing,
# at once when it is not. Packages of the distribution come from apt (as root, or by sudo), the rest
# goes into build/ and js/node_modules at the versions named here and in the lock files.
APT_PACKAGES := gcc libc6-dev pkg-config dpkg-dev xz-utils ca-certificates \
  libzstd-dev libsodium-dev libutf8proc-dev libstemmer-dev libsimde-dev libmsgpack-dev \
  libcmocka-dev libsqlite3-dev unicode-data python3 python3-venv \
  clang-22 lld-22 clang-format-22 clang-tidy-22 cppcheck \
  libclang-rt-22-dev wasi-libc libclang-rt-22-dev-wasm32 binaryen emscripten chromium
NODE_MAJOR   := 20
NODE_VERSION := 20.20.2

# Where the distribution's Node is older than NODE_MAJOR, the npm registry's build of it is used.
NODE_DIR := $(CURDIR)/$(BUILD)/node/node_modules/node-bin/bin
export PATH := $(NODE_DIR):$(PATH)
PYTHON   := $(BUILD)/venv/bin/python

.PHONY: setup
setup: ## install what the build and the tests need and is missing
	@tools/setup.sh $(BUILD) $(NODE_MAJOR) $(NODE_VERSION) $(APT_PACKAGES)
	@test ! -f js/package-lock.json || $(MAKE) --no-print-directory js/node_modules/.package-lock.json
