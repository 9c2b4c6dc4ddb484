/* table_maker.h - tables made of the bytes of an input, whose checksums fit.
 *
 * Built tables: entries go through the builder, then changes are made to the file, and its frames
 * sealed again. Crafted ones: the input is the payload of blocks, and the maker derives the index,
 * the properties and the filter from what the reader finds in them.
 */
#ifndef STRATA_FUZZ_TABLE_MAKER_H
#define STRATA_FUZZ_TABLE_MAKER_H

#include "fuzz.h"
#include "store/table/table_index.h"

enum { FUZZ_TABLE_NUMBER = 7, FUZZ_BLOCKS_MAX = 8, FUZZ_ENTRIES_MAX = 512 };

/* Of DB/DATA/tab-7.tab. */
st_table_spec fuzz_table_spec(strata_codec codec);
void fuzz_table_put(strata_slice bytes);
strata_slice fuzz_table_bytes(void);

/* ---- Built ----------------------------------------------------------------------------------- */

typedef struct fuzz_entry {
    uint8_t key[ST_TABLE_KEY_MAX];
    size_t key_len;
    st_revision revision;
} fuzz_entry;

/* Up to `most` entries in the order of a table, from 1 byte count, then for each of them 5 bytes
 * and its key's. Their values lie in memory of fuzz_take. */
size_t fuzz_entries(fuzz_input *input, fuzz_entry *entries, size_t most);
/* Changes of the file: 2 bytes place, 1 byte what, its bytes; until the input ends. */
void fuzz_table_change(fuzz_input *input, uint8_t *bytes, size_t *len, size_t cap);
/* Gives header, frames, footer checksums that fit, and the footer the places of the last three
 * frames. */
void fuzz_table_seal(uint8_t *bytes, size_t len);
/* The same for any bytes, which become the table of that spec as far as the header goes. */
void fuzz_table_adopt(const st_table_spec *spec, uint8_t *bytes, size_t len);

/* ---- Crafted --------------------------------------------------------------------------------- */

typedef struct fuzz_block {
    strata_slice payload;
    strata_slice separator;
    uint64_t separator_version;
    bool continues;
    bool encode;
    strata_slice value; /* a frame of a value in front of it; empty: none */
    st_spans spans;     /* as the index says */
    size_t heads;
} fuzz_block;

typedef struct fuzz_craft {
    fuzz_block blocks[FUZZ_BLOCKS_MAX];
    size_t count;
    uint64_t values;
    strata_slice first_key;
    strata_slice last_key;
    int64_t expires_min_us;
    const uint8_t *filter; /* NULL: one that lets everything pass */
} fuzz_craft;

/* 1 + n bytes first key, 1 + n bytes last key, then for each block 1 byte control, 2 bytes
 * length, payload, and by control a separator and the payload of a value. */
void fuzz_craft_read(fuzz_input *input, fuzz_craft *craft);
/* What the index would say if the head of each block was right. */
void fuzz_craft_guess(fuzz_craft *craft);
/* Writes the file. */
void fuzz_craft_write(const fuzz_craft *craft, strata_codec codec);

#endif
