/* retain.h - which versions of a key are kept when tables are merged. */
#ifndef ST_STORE_MAINTAIN_RETAIN_H
#define ST_STORE_MAINTAIN_RETAIN_H

#include "store/revision.h"

typedef enum st_keep { ST_KEEP_ALL, ST_KEEP_LAST, ST_KEEP_FOR } st_keep;

/* What is kept of a key besides its newest version. */
typedef struct st_policy {
    st_keep keep;
    uint64_t versions;   /* ST_KEEP_LAST: the newest so many, from 1 */
    int64_t duration_us; /* ST_KEEP_FOR: what a reader could see at any time since */
} st_policy;

/* Where policies come from: an upper room. */
typedef struct st_retention {
    void *ctx;
    st_policy (*policy)(void *ctx, uint64_t run, uint8_t tag);
} st_retention;

/* The versions of one key, fed from the newest to the oldest. Once one is dropped, so are all older
 * ones. */
typedef struct st_retain {
    st_policy policy;
    uint64_t snapshot; /* the oldest that somebody reads at; UINT64_MAX: nobody does */
    int64_t now_us;
    uint64_t fed;
    bool covered_snapshot; /* what that snapshot sees was fed */
    bool covered_time;     /* and what was seen when the duration began */
    bool dropping;
} st_retain;

enum { ST_POLICY_TEXT_MAX = 40 };
/* "all", "last 3", "for 86400000 ms". */
void st_policy_text(const st_policy *policy, char text[ST_POLICY_TEXT_MAX]);

void st_retain_begin(st_retain *retain, const st_policy *policy, uint64_t snapshot, int64_t now_us);
/* Whether the next version is kept. */
bool st_retain_keeps(st_retain *retain, const st_revision *revision);
/* Whether a key whose only version that is kept is this one can go altogether: it reads as not
 * there at every bound that is still kept. */
bool st_retain_may_vanish(const st_retain *retain, const st_revision *revision);

#endif
