/* file_name.c - taking the number out of a name such as wal-17.seg. */
#include "store/file_name.h"

bool st_file_number(const char *name, const char *head, const char *tail, uint64_t *number) {
    const size_t head_len = strlen(head);
    if (strncmp(name, head, head_len) != 0) {
        return false;
    }
    uint64_t value = 0;
    const char *at = name + head_len;
    for (; *at >= '0' && *at <= '9' && value < UINT64_MAX / 16; at++) {
        value = value * 10 + (uint64_t)(*at - '0');
    }
    *number = value;
    return at != name + head_len && strcmp(at, tail) == 0;
}
