/* codec.h - the seam that every block, log record and segment page passes on its way to a file. */
#ifndef ST_FORMAT_CODEC_H
#define ST_FORMAT_CODEC_H

#include "base/memory.h"

/* A codec and the working memory it reuses; one thread at a time. */
typedef struct st_codec st_codec;

/* Errors: no_memory, invalid_argument (an unknown codec). */
strata_status st_codec_create(strata_codec id, const strata_host *host, st_codec **out);
void st_codec_destroy(st_codec *codec);

/* Appends the encoded form of `plain` to out and says whether it was worth it: *encoded false means
 * that the plain bytes were appended (small, or incompressible). Errors: no_memory. */
strata_status st_codec_encode(st_codec *codec, strata_slice plain, strata_buffer *out,
                              bool *encoded);
/* Appends the plain form of what st_codec_encode marked as encoded. plain_max bounds what hostile
 * bytes can ask for. Errors: corrupt, no_memory. */
strata_status st_codec_decode(st_codec *codec, strata_slice bytes, size_t plain_max,
                              strata_buffer *out);

/* Appends `plain`, not empty, as one zstd frame, worth it or not, for files that any zstd tool reads;
 * st_codec_decode takes it apart. codec: zstd. Errors: no_memory. */
strata_status st_codec_frame(st_codec *codec, strata_slice plain, strata_buffer *out);

/* "none", "zstd"; NULL when there is no such codec. */
const char *st_codec_name(uint32_t id);

#endif
