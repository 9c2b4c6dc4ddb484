/* retain.c - the rules of retention, version by version.
 *
 * Each rule keeps a number of the newest versions and nothing older, so their union does too: the
 * first version that no rule wants ends the key. What is kept under each:
 *   the newest one, always (or it would read as an older one);
 *   keep last n: n versions;
 *   keep for a duration: all since the beginning of the duration, and the one that was seen then;
 *   whoever reads at a snapshot: all above the snapshot, and the one that it sees.
 * It is a function of the versions, the policy, the snapshot and a time given once for the whole
 * merge, so the same input gives the same tables.
 *
 * A key of which one version is left, a delete or a value that has ended, goes altogether when nothing
 * that is kept can see it:
 *   keep last 1 keeps the present, in which there is no such key, so it goes at once;
 *   keep for a duration: once the delete or the end lies before the duration;
 *   keep last n, n > 1, keeps versions: the history of a key lists its delete, and a reader at a commit
 *   sees the value that has ended since. So it stays, as it does under keep all. Whoever wants keys to
 *   go when they end keeps one version, or a duration.
 * A merge may see less of a key than there is, but never less of its past: older versions elsewhere
 * keep a key whole (trim.c), and newer ones count for themselves in a later merge. So n versions are
 * kept at least, and exactly n once a merge sees them all.
 */
#include "store/maintain/retain.h"

#include "base/status.h"

void st_policy_text(const st_policy *policy, char text[ST_POLICY_TEXT_MAX]) {
    switch (policy->keep) {
    case ST_KEEP_ALL:
        st_format(text, ST_POLICY_TEXT_MAX, "all");
        break;
    case ST_KEEP_LAST:
        st_format(text, ST_POLICY_TEXT_MAX, "last %u", policy->versions);
        break;
    case ST_KEEP_FOR:
        st_format(text, ST_POLICY_TEXT_MAX, "for %d ms", policy->duration_us / 1000);
        break;
    }
}

void st_retain_begin(st_retain *retain, const st_policy *policy, uint64_t snapshot,
                     int64_t now_us) {
    *retain = (st_retain){.policy = *policy, .snapshot = snapshot, .now_us = now_us};
}

static int64_t begin_of_duration(const st_retain *retain) {
    const st_policy *policy = &retain->policy;
    return policy->duration_us > retain->now_us ? 0 : retain->now_us - policy->duration_us;
}

static bool policy_keeps(st_retain *retain, const st_revision *revision) {
    switch (retain->policy.keep) {
    case ST_KEEP_ALL:
        return true;
    case ST_KEEP_LAST:
        return retain->fed < retain->policy.versions;
    case ST_KEEP_FOR: {
        const bool keeps = !retain->covered_time;
        retain->covered_time =
            retain->covered_time || revision->timestamp_us <= begin_of_duration(retain);
        return keeps;
    }
    }
    return true;
}

bool st_retain_keeps(st_retain *retain, const st_revision *revision) {
    const bool wanted = policy_keeps(retain, revision);
    const bool seen = !retain->covered_snapshot && retain->snapshot != UINT64_MAX;
    retain->covered_snapshot = retain->covered_snapshot || revision->number <= retain->snapshot;
    retain->dropping = retain->dropping || !(wanted || seen || retain->fed == 0);
    retain->fed++;
    return !retain->dropping;
}

bool st_retain_may_vanish(const st_retain *retain, const st_revision *revision) {
    const bool gone = revision->deleted || revision->expires_us <= retain->now_us;
    if (!gone || retain->policy.keep == ST_KEEP_ALL || revision->number > retain->snapshot) {
        return false;
    }
    if (retain->policy.keep == ST_KEEP_LAST) {
        return retain->policy.versions == 1;
    }
    const int64_t since_us = begin_of_duration(retain);
    return revision->deleted ? revision->timestamp_us <= since_us
                             : revision->expires_us <= since_us;
}
