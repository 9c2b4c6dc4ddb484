/* text_index.c - the life of a run's text index; memory_index.c fills it. */
#include "model/text_index.h"

void st_run_index_reclaim(st_retired *retired) {
    st_run_index *index = (st_run_index *)retired;
    st_text_head_destroy(index->head);
    st_free(index->memory, index, sizeof *index);
}

void st_run_index_destroy(st_run_index *index) {
    if (index != NULL) {
        st_run_index_reclaim(&index->retired);
    }
}
