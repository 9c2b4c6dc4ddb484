/* change_make.h - what setting, and the operations of a patch, have in common. */
#ifndef ST_FORMAT_CHANGE_MAKE_H
#define ST_FORMAT_CHANGE_MAKE_H

#include "format/change.h"

typedef struct st_make {
    strata_slice document;
    const st_path *path;
    strata_slice value;
    bool parents; /* make objects that are missing on the way; else not_found */
    bool insert;  /* an index of an array is a place to insert before, not an element to replace */
    strata_error *error;
} st_make;

/* Appends the change that puts the value at the path. Errors: as st_change_set; not_found. */
strata_status st_change_make(const st_make *make, strata_buffer *changes);

/* Whether the value fits below `above` containers. Errors: constraint/nesting_too_deep, corrupt. */
strata_status st_change_check_depth(size_t above, strata_slice value, strata_error *error);

/* Adds where to an error that was just made with this status, which it returns. */
static inline strata_status st_change_fail_at(strata_error *error, strata_status status,
                                              strata_slice at) {
    st_fail_text(error, "at", at);
    return status;
}

#endif
