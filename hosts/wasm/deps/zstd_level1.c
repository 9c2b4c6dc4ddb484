/* zstd_level1.c - zstd without the match finders that level 1 never uses.
 *
 * Strata compresses at level 1 (core/format/codec.c), which is the strategy ZSTD_fast for every
 * size of input. zstd chooses the strategy by a table of functions, so the linker keeps all nine,
 * until 1.5.6, which has macros to leave them out. Here the other eight are traps, and
 * zstd_double_fast.c, zstd_lazy.c and zstd_opt.c are not compiled. Decompression is whole: it knows
 * no strategies.
 *
 * Measured (gzip -9; blocks of 1 and 32 kB of package stanzas, Node):
 *   all strategies, -Oz    68.2 kB    compress  77 and 175 MB/s    decompress 200 and 515 MB/s
 *   all strategies, -O2   106.3 kB              98     225                    280     749
 *   ZSTD_fast only, -Oz    38.4 kB              78     175                    194     509
 *   ZSTD_fast only, -O2    54.6 kB              98     226                    271     761
 *
 * 1. A trap is reached only by another level, by a dictionary or by parameters that codec.c would
 *    have to set; then it must go from here. tests/wasm compares the bytes with the native
 *    library's.
 * 2. Names and types are zstd's own, of 1.5.4: another version that has other ones does not
 *    compile.
 *
 * Rejected: a patch of zstd's sources, which every new version of the distribution may break.
 */
#include <compress/zstd_compress_internal.h>

#include <compress/zstd_double_fast.h>
#include <compress/zstd_lazy.h>
#include <compress/zstd_opt.h>

#define ABSENT_BLOCK(name)                                                                         \
    size_t ZSTD_compressBlock_##name(ZSTD_matchState_t *ms, seqStore_t *sequences,                 \
                                     U32 rep[ZSTD_REP_NUM], const void *src, size_t size) {        \
        (void)ms, (void)sequences, (void)rep, (void)src, (void)size;                               \
        __builtin_trap();                                                                          \
    }

ABSENT_BLOCK(doubleFast)
ABSENT_BLOCK(doubleFast_dictMatchState)
ABSENT_BLOCK(doubleFast_extDict)
ABSENT_BLOCK(greedy)
ABSENT_BLOCK(greedy_dedicatedDictSearch)
ABSENT_BLOCK(greedy_dedicatedDictSearch_row)
ABSENT_BLOCK(greedy_dictMatchState)
ABSENT_BLOCK(greedy_dictMatchState_row)
ABSENT_BLOCK(greedy_extDict)
ABSENT_BLOCK(greedy_extDict_row)
ABSENT_BLOCK(greedy_row)
ABSENT_BLOCK(lazy)
ABSENT_BLOCK(lazy_dedicatedDictSearch)
ABSENT_BLOCK(lazy_dedicatedDictSearch_row)
ABSENT_BLOCK(lazy_dictMatchState)
ABSENT_BLOCK(lazy_dictMatchState_row)
ABSENT_BLOCK(lazy_extDict)
ABSENT_BLOCK(lazy_extDict_row)
ABSENT_BLOCK(lazy_row)
ABSENT_BLOCK(lazy2)
ABSENT_BLOCK(lazy2_dedicatedDictSearch)
ABSENT_BLOCK(lazy2_dedicatedDictSearch_row)
ABSENT_BLOCK(lazy2_dictMatchState)
ABSENT_BLOCK(lazy2_dictMatchState_row)
ABSENT_BLOCK(lazy2_extDict)
ABSENT_BLOCK(lazy2_extDict_row)
ABSENT_BLOCK(lazy2_row)
ABSENT_BLOCK(btlazy2)
ABSENT_BLOCK(btlazy2_dictMatchState)
ABSENT_BLOCK(btlazy2_extDict)
ABSENT_BLOCK(btopt)
ABSENT_BLOCK(btopt_dictMatchState)
ABSENT_BLOCK(btopt_extDict)
ABSENT_BLOCK(btultra)
ABSENT_BLOCK(btultra_dictMatchState)
ABSENT_BLOCK(btultra_extDict)
ABSENT_BLOCK(btultra2)

/* What loads a dictionary for them. */

void ZSTD_fillDoubleHashTable(ZSTD_matchState_t *ms, const void *end,
                              ZSTD_dictTableLoadMethod_e how, ZSTD_tableFillPurpose_e purpose) {
    (void)ms, (void)end, (void)how, (void)purpose;
    __builtin_trap();
}

U32 ZSTD_insertAndFindFirstIndex(ZSTD_matchState_t *ms, const BYTE *at) {
    (void)ms, (void)at;
    __builtin_trap();
}

void ZSTD_dedicatedDictSearch_lazy_loadDictionary(ZSTD_matchState_t *ms, const BYTE *at) {
    (void)ms, (void)at;
    __builtin_trap();
}

void ZSTD_row_update(ZSTD_matchState_t *ms, const BYTE *at) {
    (void)ms, (void)at;
    __builtin_trap();
}

void ZSTD_updateTree(ZSTD_matchState_t *ms, const BYTE *at, const BYTE *end) {
    (void)ms, (void)at, (void)end;
    __builtin_trap();
}
