/* event.h - the event log of a run: append only, without gaps, chained by hashes. */
#ifndef ST_MODEL_EVENT_H
#define ST_MODEL_EVENT_H

#include "model/page.h"

typedef struct st_event {
    uint64_t sequence;
    strata_slice type;
    strata_slice payload; /* canonical MessagePack map */
    uint64_t version;
    int64_t timestamp_us;
    const uint8_t *hash; /* ST_SHA256_BYTES */
} st_event;

/* type: 1-255 bytes of UTF-8; payload: an object. Errors: invalid_argument, wrong_type, and those
 * of a commit. */
strata_status st_event_append(st_request *rq, st_run *run, strata_slice type,
                              const strata_value *payload, uint64_t *sequence, st_stamp *stamp);

/* Under the run's lock: the newest event, committed or waiting for its sync; and what it is now. */
strata_status st_event_tail(st_request *rq, st_run *run, uint64_t *sequence,
                            uint8_t hash[ST_SHA256_BYTES]);
void st_event_set_tail(st_run *run, uint64_t sequence, const uint8_t hash[ST_SHA256_BYTES]);
/* From the number and hash of the last event to those of the next one. unlinked: what is stored of
 * it, without the hash. Errors: overflow. */
strata_status st_event_link(st_request *rq, strata_slice unlinked, int64_t timestamp_us,
                            uint64_t *sequence, uint8_t hash[ST_SHA256_BYTES]);

/* Borrowed until the request ends. Errors: not_found. */
strata_status st_event_read(st_request *rq, const st_run *run, uint64_t sequence,
                            const st_when *when, st_event *event);

/* The last event's sequence and hash; 0 and zeros for an empty log. */
strata_status st_event_head(st_request *rq, const st_run *run, const st_when *when,
                            uint64_t *sequence, uint8_t hash[ST_SHA256_BYTES]);

/* Some events, in order or from the last to the first. */
typedef struct st_event_range {
    uint64_t start;   /* inclusive */
    uint64_t end;     /* exclusive; UINT64_MAX: none */
    int64_t from_us;  /* inclusive; INT64_MIN: none */
    int64_t until_us; /* exclusive; INT64_MAX: none */
    bool reverse;
    st_when when;
} st_event_range;

/* Starts a scan over them. Cost: of bounds by time, a few reads. */
strata_status st_event_range_scan(st_request *rq, const st_run *run, const st_event_range *range,
                                  st_scan **scan);
/* Starts a scan at `sequence`; st_event_at reads where it stands, borrowed until it moves. */
strata_status st_event_scan(st_request *rq, const st_run *run, uint64_t sequence,
                            const st_when *when, st_scan **scan);
strata_status st_event_at(st_request *rq, st_scan *scan, st_event *event);
/* What is stored under a key of ST_TAG_EVENT; borrowed from both. Errors: corrupt. */
strata_status st_event_of(st_request *rq, strata_slice key, const st_revision *revision,
                          strata_slice stored, st_event *event);

/* Recomputes the chain. *first_invalid: 0 when all links hold. */
strata_status st_event_verify(st_request *rq, const st_run *run, uint64_t *length,
                              uint64_t *first_invalid);

#endif
