/* transcode.c - JSON to MessagePack and back by the library, for compare.py: frames in, frames out.
 *
 * A frame in: 1 byte 'j' (JSON to MessagePack), 'm' (back) or 'p' (back, pretty), the length as u32
 * little-endian, the bytes. A frame out: 1 byte status, the length as before, the bytes of the
 * result (none when it was refused).
 */
#include <stdio.h>
#include <stdlib.h>

#include "strata/strata.h"

static bool read_exact(void *data, size_t len) {
    return fread(data, 1, len, stdin) == len;
}

static bool run_one(strata_buffer *out) {
    unsigned char head[5];
    if (!read_exact(head, sizeof head)) {
        return false;
    }
    const size_t len = (size_t)head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16;
    char *bytes = malloc(len == 0 ? 1 : len);
    if (!read_exact(bytes, len)) {
        exit(2);
    }
    const strata_slice in = {bytes, len};
    const strata_status status = head[0] == 'j'
                                     ? strata_json_to_msgpack(in, out, NULL)
                                     : strata_msgpack_to_json(in, head[0] == 'p', out, NULL);
    free(bytes);
    const unsigned char answer[5] = {(unsigned char)status, (unsigned char)out->len,
                                     (unsigned char)(out->len >> 8),
                                     (unsigned char)(out->len >> 16), 0};
    (void)fwrite(answer, 1, sizeof answer, stdout);
    (void)fwrite(out->data, 1, out->len, stdout);
    (void)fflush(stdout);
    return true;
}

int main(void) {
    strata_buffer out = {0};
    while (run_one(&out)) {
        if (out.len >= 1u << 24) {
            return 2;
        }
    }
    strata_buffer_free(&out);
    return 0;
}
