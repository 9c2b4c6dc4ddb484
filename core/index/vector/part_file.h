/* part_file.h - a part in an index segment (store/segment/segment_file.h), of kind ST_SEGMENT_VECTORS.
 *
 * Sections: rows as they are in memory, little-endian.
 *   1 codes    rows of the stride: f32 scale, f32 bias, i32 sum, f32 error, the code, zeros up to a multiple of 16
 *   2 entries  24 bytes: u64 from, u64 to (2^64 - 1: it lives on), u32 key, u32 hash
 *   3 keys     4 bytes: u16 length, the key, zeros up to a multiple of 4; 257 rows of zeros behind the last
 *   4 table    4 bytes: entry + 1 by hash modulo the length, or the next free place; 0: free
 *   5 links    128 bytes: 32 u32, a node each; 2^32 - 1 from the first unused one on
 *   6 places   4 bytes: first row in section 7 times 8, plus the highest level
 *   7 upper    64 bytes: 16 u32 as in 5, a row for each level of a node from 1 on; 8 rows that are unused
 * 5 to 7 only if the part is linked. What the segment says of it, varints unless said otherwise:
 *   1 byte form (1); metric; kind of codes; dimension; u64 seed; entries; 1 byte flags: 1 linked, 2 past; from_max;
 *   to_max; rows of keys; rows of upper; level and node where searches begin; length and bytes that are the
 *   index's.
 */
#ifndef ST_INDEX_VECTOR_PART_FILE_H
#define ST_INDEX_VECTOR_PART_FILE_H

#include "index/vector/part.h"
#include "store/segment/segment_file.h"

typedef struct st_part_file st_part_file;

/* Writes the part, which takes no more entries, into a new file, and syncs it. note: at most 512 KiB, given back by
 * st_part_load. *bytes: of the file. Errors: io, no_space, no_memory, forbidden; there is no file then. */
strata_status st_part_save(const st_part *part, const st_segment_spec *spec, strata_slice note,
                           uint64_t *bytes, strata_error *error);
/* The part is stored there from now on, with all that had ended at version `known`. Errors: no_memory. */
strata_status st_part_saved(st_part *part, const st_segment_spec *spec, uint64_t bytes,
                            uint64_t known);
/* That version. */
uint64_t st_part_file_known(const st_part *part);
void st_part_file_set_known(st_part *part, uint64_t known);
/* What st_part_save was given, of any open segment of vectors; false: it is malformed. */
bool st_part_note_of(const st_segment_file *file, strata_slice *note);

/* What the part is to be of. */
typedef struct st_part_kind {
    const st_codec *codec;
    uint64_t seed;
    st_row_pool *pool; /* NULL: memory has no bound */
} st_part_kind;

/* The part in the file: entries are read, the rest when it is needed; it is paged if the pool does not grant it its
 * memory. *note is borrowed until the part is destroyed. Errors: corrupt {file, offset} (also when it is of another
 * codec or seed), io, no_memory. */
strata_status st_part_load(const st_part_kind *kind, const st_segment_spec *spec, st_part **part,
                           strata_slice *note, strata_error *error);

/* The number of its file; 0: it has none. bytes: of the file; may be NULL. */
uint64_t st_part_file_number(const st_part *part, uint64_t *bytes);
/* Where it is; it is stored. */
const st_segment_spec *st_part_file_spec(const st_part *part);
/* Why rows of it may be nonsense; STRATA_OK: they are not. */
strata_status st_part_failure(const st_part *part);
/* Tells it, with the file. */
strata_status st_part_tell_failure(const st_part *part, strata_error *error);
/* The file goes with the part. */
void st_part_file_abandon(st_part *part);

/* Loads the part of a file, whatever its codec, and checks all of it. pool: NULL: memory has no bound. Errors: corrupt
 * {file, offset}, io, no_memory. */
strata_status st_part_file_check(const st_segment_spec *spec, st_row_pool *pool,
                                 strata_error *error);

/* Of st_part_destroy. */
void st_part_file_close(st_part *part);

#endif
