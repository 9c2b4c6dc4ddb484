/* vector_home.c - where the indexes of collections are kept.
 *
 * The owner of a segment is the run's number, 8 bytes big-endian, and the name of the collection: so those of a run
 * have a beginning in common. A collection that was dropped and made again has the same owner; as an index is of all
 * versions of the keys, whoever made them, that is right, and where the codes differ the segments are given up.
 */
#include "model/vector/vector_home.h"

#include "base/bytes.h"
#include "index/vector/part_file.h"
#include "store/segments.h"

st_vector_home st_vector_home_of(st_model *model, const st_run *run, strata_slice name,
                                 st_home_room *room) {
    store64_be(room->bytes, run->shard->run);
    if (name.len > 0) {
        memcpy(room->bytes + 8, name.data, name.len);
    }
    return (st_vector_home){&model->store, st_slice(room->bytes, 8 + name.len)};
}

void st_vector_home_leave(st_request *rq, const st_run *run, strata_slice name) {
    st_home_room room;
    const st_vector_home home = st_vector_home_of(rq->model, run, name, &room);
    strata_error unused = {.code = STRATA_OK};
    (void)st_vector_home_forget(&home, name.len == 0, &unused);
}

static bool is_named(st_store *store, uint64_t number) {
    st_mutex_lock(&store->manifest_lock, &store->host->executor);
    const bool named = st_segments_have(store, number);
    st_mutex_unlock(&store->manifest_lock, &store->host->executor);
    return named;
}

strata_status st_vector_homes_verify(st_request *rq, st_report *report) {
    st_store *store = &rq->model->store;
    strata_buffer numbers = {NULL, 0, 0, rq->model->host};
    strata_status status = st_segments_numbers(store, &numbers);
    if (status != STRATA_OK) {
        status = st_fail_memory(rq->error);
    }
    for (size_t i = 0; i < numbers.len / sizeof(uint64_t) && status == STRATA_OK; i++) {
        uint64_t number;
        strata_error detail = {.code = STRATA_OK};
        memcpy(&number, numbers.data + i * sizeof number, sizeof number);
        const st_segment_spec spec = st_segments_spec(store, number);
        status = st_part_file_check(&spec, &rq->model->row_pool, &detail);
        if (status == STRATA_CORRUPT && !is_named(store, number)) {
            status = STRATA_OK; /* a merge has replaced it meanwhile */
        } else if (status == STRATA_CORRUPT) {
            char name[ST_FILE_NAME_MAX];
            st_format(name, sizeof name, "DATA/seg-%u.seg", number);
            st_report_problem(report, name, 0, detail.message);
            status = STRATA_OK;
        } else if (status != STRATA_OK) {
            status = st_fail(rq->error, status, "an index segment could not be read (%s)",
                             strata_status_name(status));
        }
    }
    strata_buffer_free(&numbers);
    return status;
}
