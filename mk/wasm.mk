# The WebAssembly builds; docs/wasm.md says what they are.
#
#   build/wasm/strata.wasm        Emscripten; imports only the host table ("strata_host")
#   build/wasm/strata-wasi.wasm   clang + wasi-libc, a reactor; imports only wasi_snapshot_preview1
#   build/wasm/strata-cli.wasm    clang + wasi-libc, the command line as a WASI command
#
# The C libraries come from the distribution's source packages, fetched once into build/deps; the
# variables *_SRC name another copy instead.
EMCC      := NODE_PATH=/usr/share/nodejs emcc
# Only wasi-libc's own headers: the folder above them has those of the system's libc.
WASI_CC   := clang-22 --target=wasm32-wasi -Wno-deprecated --sysroot=/usr -nostdlibinc \
  -isystem /usr/include/wasm32-wasi
WASM_OPT  := wasm-opt
METADCE   := wasm-metadce

ZSTD_SRC     ?= $(BUILD)/deps/libzstd
UTF8PROC_SRC ?= $(BUILD)/deps/libutf8proc
STEMMER_SRC  ?= $(BUILD)/deps/libstemmer
SODIUM_SRC   ?= $(BUILD)/deps/libsodium
SIMDE_DIR    ?= /usr/include/simde

DEPS_GEN := $(BUILD)/deps/gen
EM       := $(BUILD)/wasm/em
WASI     := $(BUILD)/wasm/wasi

.PHONY: wasm
wasm: $(BUILD)/wasm/strata.wasm $(BUILD)/wasm/strata-wasi.wasm $(BUILD)/wasm/strata-cli.wasm ## the WebAssembly modules

# ---- What is compiled ------------------------------------------------------------------------

ZSTD_C := $(addprefix lib/common/,entropy_common error_private fse_decompress xxhash zstd_common) \
  $(addprefix lib/compress/,fse_compress hist huf_compress zstd_compress zstd_compress_literals \
    zstd_compress_sequences zstd_compress_superblock zstd_fast zstd_ldm) \
  $(addprefix lib/decompress/,huf_decompress zstd_ddict zstd_decompress zstd_decompress_block)
UTF8PROC_C := utf8proc
STEMMER_C  := runtime/api runtime/utilities
STEMMER_GEN_C := libstemmer/libstemmer src_c/stem_UTF_8_english
SODIUM_C   := $(addprefix src/libsodium/,crypto_hash/sha256/hash_sha256 \
  crypto_hash/sha256/cp/hash_sha256_cp sodium/utils)

# The objects of all libraries for the toolchain whose folder is $(1).
wasm_deps = $(patsubst %,$(1)/deps/zstd/%.o,$(ZSTD_C)) \
  $(patsubst %,$(1)/deps/utf8proc/%.o,$(UTF8PROC_C)) \
  $(patsubst %,$(1)/deps/stemmer/%.o,$(STEMMER_C)) \
  $(patsubst %,$(1)/deps/stemmer-gen/%.o,$(STEMMER_GEN_C)) \
  $(patsubst %,$(1)/deps/sodium/%.o,$(SODIUM_C)) $(1)/deps/own/zstd_level1.o

HOST_TABLE_SRC := $(addprefix hosts/wasm/,abi.c frame.c host_table.c host_memory.c)
WASI_HOST_SRC  := $(addprefix hosts/wasm/,wasi_host.c wasi_lock.c) \
  $(addprefix hosts/native/,storage.c clock.c)

EM_OBJ       := $(patsubst %.c,$(EM)/%.o,$(CORE_SRC) $(HOST_TABLE_SRC)) $(call wasm_deps,$(EM))
WASI_LIB_OBJ := $(patsubst %.c,$(WASI)/%.o,$(CORE_SRC) $(WASI_HOST_SRC)) $(call wasm_deps,$(WASI))
WASI_ABI_OBJ := $(patsubst %.c,$(WASI)/%.o,hosts/wasm/abi.c hosts/wasm/frame.c)
WASI_CLI_OBJ := $(patsubst %.c,$(WASI)/%.o,hosts/wasm/wasi_platform.c \
  $(filter-out %/platform.c,$(CLI_SRC)))

# ---- Flags -------------------------------------------------------------------------------------

# What every engine that has SIMD128 has had for longer.
WASM_FEATURES := -msimd128 -mbulk-memory -msign-ext -mnontrapping-fptoint
WASM_SPEED    := -O2
WASM_INCLUDE  := -isystem $(ZSTD_SRC)/lib -isystem $(UTF8PROC_SRC) -isystem $(STEMMER_SRC)/include \
  -isystem $(SODIUM_SRC)/src/libsodium/include -isystem $(DEPS_GEN)/include
WASM_CORE     := $(COMMON) $(WASM_FEATURES) $(WASM_SPEED) $(WASM_INCLUDE)
# What every request, commit and recall goes through; docs/wasm.md has what it costs and brings. All
# else is made small: it runs once for an opening or a copy, reads arguments, or is about bytes whose moving
# costs more.
WASM_HOT      := $(wildcard core/base/*.c core/txn/*.c core/index/text/*.c core/recall/*.c \
    core/model/json/*.c core/store/memtable/*.c core/store/log/*.c) \
  $(addprefix core/format/,change.c change_apply.c codec.c document.c document_members.c \
    document_names.c key.c msgpack.c path.c route.c sha256.c) \
  $(addprefix core/store/,store.c read.c read_many.c scan.c merge.c) \
  $(addprefix core/store/table/,block.c block_builder.c block_cache.c filter.c table_index.c table_iter.c) \
  $(addprefix core/model/,kv.c event.c memory.c memory_index.c page.c id.c) \
  $(addprefix core/index/vector/,code.c graph_walk.c kernel_128.c rows.c search.c)
WASM_COLD     := $(filter-out $(WASM_HOT),$(CORE_SRC)) hosts/wasm/abi.c hosts/wasm/frame.c
WASM_DEP      := -std=c11 -D_GNU_SOURCE -DNDEBUG $(WASM_FEATURES) -MMD -MP -w

# -Oz is 16 kB less on every load of a page, for 40 us more per compressed 32 kB. One decoder for
# literals and sequences instead of two each, no error texts, no tracing: the bytes are the same.
ZSTD_FLAGS := -DZSTD_STRIP_ERROR_STRINGS=1 -DHUF_FORCE_DECOMPRESS_X1 \
  -DZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT -DZSTD_LEGACY_SUPPORT=0 -DZSTD_NO_TRACE -DDEBUGLEVEL=0 \
  -DXXH_NAMESPACE=ZSTD_
STEMMER_FLAGS := -isystem $(STEMMER_SRC)/libstemmer -isystem $(STEMMER_SRC)/runtime -isystem $(DEPS_GEN)/stemmer/libstemmer
# explicit_bzero instead of a loop over volatile bytes after each block.
SODIUM_FLAGS := -I$(SODIUM_SRC)/src/libsodium/include/sodium -I$(DEPS_GEN)/include/sodium \
  -DHAVE_EXPLICIT_BZERO=1 -DSODIUM_STATIC=1 -D_WASI_EMULATED_SIGNAL

# Objects of folder $(1) from sources of folder $(2) by the command $(3), once $(4) is there. They are
# made again when this file changes, as it holds their flags.
define wasm_compile
$(1)/%.o: $(2)/%.c mk/wasm.mk | $(4)
	@mkdir -p $$(@D) && echo "$(if $(filter emcc,$(3)),EMCC,CLANG) $$<"
	@$(3) $$(if $$(filter $$(WASM_COLD),$$<),-Oz) -c -o $$@ $$<
endef
define wasm_toolchain
$(eval $(call wasm_compile,$(1)/deps/zstd,$(ZSTD_SRC),$(2) $(WASM_DEP) -Oz $(ZSTD_FLAGS)))
$(eval $(call wasm_compile,$(1)/deps/own,hosts/wasm/deps,$(2) $(WASM_DEP) -Oz $(ZSTD_FLAGS) -I$(ZSTD_SRC)/lib,$(patsubst %,$(ZSTD_SRC)/%.c,$(ZSTD_C))))
$(eval $(call wasm_compile,$(1)/deps/utf8proc,$(UTF8PROC_SRC),$(2) $(WASM_DEP) -O2))
$(eval $(call wasm_compile,$(1)/deps/stemmer,$(STEMMER_SRC),$(2) $(WASM_DEP) -O2 $(STEMMER_FLAGS)))
$(eval $(call wasm_compile,$(1)/deps/stemmer-gen,$(DEPS_GEN)/stemmer,$(2) $(WASM_DEP) -O2 $(STEMMER_FLAGS)))
$(eval $(call wasm_compile,$(1)/deps/sodium,$(SODIUM_SRC),$(2) $(WASM_DEP) -O3 $(SODIUM_FLAGS),$(DEPS_GEN)/include/sodium/version.h))
$(eval $(call wasm_compile,$(1)/core,core,$(2) $(WASM_CORE),$(GENERATED) $(WASM_DEPS_READY)))
endef
WASM_DEPS_READY := $(DEPS_GEN)/ready

$(call wasm_toolchain,$(EM),$(EMCC))
$(call wasm_toolchain,$(WASI),$(WASI_CC))
$(eval $(call wasm_compile,$(EM)/hosts,hosts,$(EMCC) $(WASM_CORE)))
$(eval $(call wasm_compile,$(WASI)/hosts,hosts,$(WASI_CC) $(WASM_CORE) -D_GNU_SOURCE))

-include $(EM_OBJ:.o=.d) $(WASI_LIB_OBJ:.o=.d) $(WASI_ABI_OBJ:.o=.d) $(WASI_CLI_OBJ:.o=.d)

# ---- The modules ---------------------------------------------------------------------------------

# The stack grows down towards address 0, below all data: running over it traps, and touches nothing.
# 256 KiB: the core does not recurse, and zstd's deepest frame takes some 20 KiB.
WASM_STACK  := 262144
WASM_MEMORY := 2147483648

# Emscripten links, but runs none of its steps that make JavaScript ("bare"). wasm-metadce then keeps
# what exports.json names, and what that needs. Modules ending in .named.wasm keep their names.
EM_LINK := $(WASM_FEATURES) $(WASM_SPEED) --oformat=bare -Wno-experimental --profiling-funcs --no-entry \
  -sSTANDALONE_WASM -sFILESYSTEM=0 -sMALLOC=emmalloc -sALLOW_MEMORY_GROWTH -sMAXIMUM_MEMORY=$(WASM_MEMORY) \
  -sINITIAL_MEMORY=2097152 -sTOTAL_STACK=$(WASM_STACK) -sGLOBAL_BASE=$(WASM_STACK) -Wl,--stack-first
WASI_LINK := $(WASM_SPEED) -Wl,--gc-sections -Wl,--stack-first -Wl,-z,stack-size=$(WASM_STACK) \
  -Wl,--max-memory=$(WASM_MEMORY)
BINARYEN_FEATURES := --enable-simd --enable-bulk-memory --enable-sign-ext \
  --enable-nontrapping-float-to-int --enable-mutable-globals
WASM_OPT_FLAGS := -Oz --converge --strip-debug --strip-producers --strip-target-features

$(EM)/strata.linked.wasm: $(EM_OBJ)
	@echo "EMCC $@"
	@$(EMCC) $(EM_LINK) -o $@ $(EM_OBJ)

$(EM)/strata.named.wasm: $(EM)/strata.linked.wasm hosts/wasm/exports.json
	@echo "METADCE $@"
	@$(METADCE) $(BINARYEN_FEATURES) -g -f hosts/wasm/exports.json -o $@ $< >/dev/null

$(WASI)/strata-wasi.named.wasm: $(WASI_ABI_OBJ) $(WASI_LIB_OBJ)
	@echo "CLANG $@"
	@$(WASI_CC) $(WASI_LINK) -mexec-model=reactor -o $@ $^

$(WASI)/strata-cli.named.wasm: $(WASI_CLI_OBJ) $(WASI_LIB_OBJ)
	@echo "CLANG $@"
	@$(WASI_CC) $(WASI_LINK) -o $@ $^

define wasm_finish
$(BUILD)/wasm/$(2).wasm: $(1)/$(2).named.wasm
	@echo "WASM-OPT $$@"
	@$(WASM_OPT) $(BINARYEN_FEATURES) $(WASM_OPT_FLAGS) -o $$@ $$<
endef
$(eval $(call wasm_finish,$(EM),strata))
$(eval $(call wasm_finish,$(WASI),strata-wasi))
$(eval $(call wasm_finish,$(WASI),strata-cli))

# ---- The sources of the libraries ---------------------------------------------------------------

# A source package is fetched when its folder is not there; sources are never made again after.
$(BUILD)/deps/%/.strata-source:
	@echo "FETCH $*"
	@mk/fetch-source.sh $*-dev $(BUILD)/deps/$*

# The sources that come out of the package fetched into $(1).
define wasm_fetched
$(patsubst %,$(1)/%.c,$(2)): | $(filter $(BUILD)/deps/%,$(1)/.strata-source)
endef
$(eval $(call wasm_fetched,$(ZSTD_SRC),$(ZSTD_C)))
$(eval $(call wasm_fetched,$(UTF8PROC_SRC),$(UTF8PROC_C)))
$(eval $(call wasm_fetched,$(STEMMER_SRC),$(STEMMER_C)))
$(eval $(call wasm_fetched,$(SODIUM_SRC),$(SODIUM_C)))

# Headers that are not where an include looks for them.
$(DEPS_GEN)/include/sodium/version.h: | $(patsubst %,$(SODIUM_SRC)/%.c,$(SODIUM_C))
	@mkdir -p $(@D)
	@sed 's/"export.h"/"sodium\/export.h"/' $(SODIUM_SRC)/builds/msvc/version.h >$@

$(WASM_DEPS_READY): $(DEPS_GEN)/include/sodium/version.h | \
    $(patsubst %,$(ZSTD_SRC)/%.c,$(ZSTD_C)) $(UTF8PROC_SRC)/utf8proc.c $(DEPS_GEN)/stemmer/libstemmer/libstemmer.c
	@ln -sfn $(SIMDE_DIR) $(DEPS_GEN)/include/simde
	@touch $@

# Snowball: its compiler, by the system's C compiler; then English, and a list of that one language.
SNOWBALL := $(DEPS_GEN)/stemmer/snowball
$(SNOWBALL): | $(patsubst %,$(STEMMER_SRC)/%.c,$(STEMMER_C))
	@mkdir -p $(@D)
	@echo "CC $@"
	@$(CC) -O1 -w -o $@ $(STEMMER_SRC)/compiler/*.c

$(DEPS_GEN)/stemmer/src_c/stem_UTF_8_english.c: $(SNOWBALL)
	@mkdir -p $(@D)
	@echo "SNOWBALL $@"
	@$(SNOWBALL) $(STEMMER_SRC)/algorithms/english.sbl -o $(basename $@) -eprefix english_UTF_8_ -r ../runtime -u

$(DEPS_GEN)/stemmer/libstemmer/libstemmer.c: $(DEPS_GEN)/stemmer/src_c/stem_UTF_8_english.c
	@mkdir -p $(@D)
	@echo "english UTF_8 english,en,eng" >$(@D)/modules.txt
	@perl $(STEMMER_SRC)/libstemmer/mkmodules.pl $(@D)/modules.h src_c $(@D)/modules.txt $(@D)/sources.mk
	@sed 's/@MODULES_H@/modules.h/' $(STEMMER_SRC)/libstemmer/libstemmer_c.in >$@

# ---- Tests and measures ---------------------------------------------------------------------------

TEST_SUITES += test-wasm test-wasmtime

.PHONY: test-wasm test-wasmtime
test-wasm: wasm js $(BUILD)/strata $(BUILD)/tests/wasm/image ## run the tests of the modules in Node
	@node --disable-warning=ExperimentalWarning --no-turbo-fast-api-calls tests/wasm/modules.mjs

test-wasmtime: wasm $(BUILD)/strata ## run the tests of the WASI modules in wasmtime
	@$(PYTHON) tests/wasm/test_wasmtime.py

# clang-tidy sees these files as their own compiler does.
WASM_TIDY  := -std=c11 -ffp-contract=off $(WASM_FEATURES) -Icore/include -D_GNU_SOURCE
EM_SYSROOT := /usr/share/emscripten/cache/sysroot
$(BUILD)/lint/hosts/wasm/%.tidy: CC := clang-22
$(BUILD)/lint/hosts/wasm/%.tidy: TIDY_FLAGS := $(wordlist 2,99,$(WASI_CC)) $(WASM_TIDY)
$(BUILD)/lint/hosts/wasm/host_memory.tidy: TIDY_FLAGS := --target=wasm32-unknown-emscripten \
  --sysroot=$(EM_SYSROOT) $(WASM_TIDY)
