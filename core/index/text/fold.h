/* fold.h - code points as terms have them: NFKC with case folding, without accents. */
#ifndef ST_INDEX_TEXT_FOLD_H
#define ST_INDEX_TEXT_FOLD_H

#include "base/std.h"

/* Code points that one code point may become (U+FDFA has 18). */
enum { ST_FOLD_MAX = 32 };

/* Writes what a code point becomes, before it is composed, and returns how many. code <= 0x10FFFF;
 * out has room for ST_FOLD_MAX. */
size_t st_fold(uint32_t code, uint32_t *out);

/* Brings the marks among folded code points into canonical order and composes what can be, in place;
 * returns how many are left. Cost: linear, but for stretches of marks. */
size_t st_fold_compose(uint32_t *codes, size_t count);

#endif
