/* id.c - identifiers that sort by time: ULIDs (https://github.com/ulid/spec).
 *
 * 48 bits of milliseconds, 80 bits of chance, in Crockford's base 32. Within one millisecond, or
 * when the clock goes back, the chance of the last one is counted up instead, so that identifiers
 * made by one open database always go up.
 */
#include "model/model.h"

static bool count_up(uint8_t chance[10]) {
    for (size_t i = 10; i > 0; i--) {
        if (++chance[i - 1] != 0) {
            return true;
        }
    }
    return false;
}

static strata_status next_id(st_model *model, uint64_t now_ms) {
    if (now_ms <= model->id_ms && count_up(model->id_chance)) {
        return STRATA_OK;
    }
    model->id_ms = now_ms > model->id_ms ? now_ms : model->id_ms + 1;
    return model->host->entropy.fill(model->host->entropy.ctx, model->id_chance,
                                     sizeof model->id_chance);
}

strata_status st_id_make(st_request *rq, char id[ST_ID_CHARS]) {
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    st_model *model = rq->model;
    const int64_t now_us = model->host->clock.wall_us(model->host->clock.ctx);
    uint8_t bytes[16];
    st_mutex_lock(&model->id_lock, &model->host->executor);
    const strata_status status = next_id(model, now_us > 0 ? (uint64_t)now_us / 1000 : 0);
    store64_be(bytes, model->id_ms << 16);
    memcpy(bytes + 6, model->id_chance, sizeof model->id_chance);
    st_mutex_unlock(&model->id_lock, &model->host->executor);
    if (status != STRATA_OK) {
        return st_fail(rq->error, STRATA_IO, "the host has no entropy");
    }
    /* 130 bits: two zeros, then the 128; five at a time from the end. */
    uint64_t high = load64_be(bytes);
    uint64_t low = load64_be(bytes + 8);
    for (size_t i = ST_ID_CHARS; i > 0; i--) {
        id[i - 1] = digits[low & 31];
        low = low >> 5 | high << 59;
        high >>= 5;
    }
    return STRATA_OK;
}
