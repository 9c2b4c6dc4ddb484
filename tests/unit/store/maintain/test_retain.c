/* test_retain.c - the rules of retention, version by version, against their definition: a version is
 * kept if it is the newest, or the policy wants it, or somebody who reads at the snapshot may; and a
 * key goes only when nothing that anybody may still ask for can see it.
 */
#include "support.h"

#include "store/maintain/retain.h"

enum { VERSIONS_MAX = 12, ROUNDS = 20000 };

typedef struct history {
    st_revision versions[VERSIONS_MAX]; /* newest first */
    size_t count;
    st_policy policy;
    uint64_t snapshot;
    int64_t now_us;
} history;

static void make_history(history *h, uint64_t *chance) {
    uint64_t number = 100;
    int64_t time_us = 1000;
    h->count = 1 + test_random_below(chance, VERSIONS_MAX);
    for (size_t i = 0; i < h->count; i++) {
        h->versions[i] = (st_revision){.number = number,
                                       .timestamp_us = time_us,
                                       .expires_us = ST_NEVER,
                                       .deleted = test_random_below(chance, 4) == 0};
        if (test_random_below(chance, 4) == 0) {
            h->versions[i].expires_us = time_us + (int64_t)test_random_below(chance, 300);
        }
        number -= 1 + test_random_below(chance, 7);
        time_us -= (int64_t)test_random_below(chance, 80); /* some at the same time */
    }
    const bool one = test_random_below(chance, 2) == 0;
    h->policy = (st_policy){(st_keep)test_random_below(chance, 3),
                            one ? 1 : 2 + test_random_below(chance, 5),
                            1 + (int64_t)test_random_below(chance, 600)};
    h->snapshot = test_random_below(chance, 3) == 0 ? UINT64_MAX : test_random_below(chance, 110);
    h->now_us = 1000 + (int64_t)test_random_below(chance, 400);
}

/* The place of the version that is seen at a commit, or at a time; count: none. */
static size_t seen_at(const history *h, uint64_t version, int64_t time_us) {
    size_t i = 0;
    while (i < h->count &&
           (h->versions[i].number > version || h->versions[i].timestamp_us > time_us)) {
        i++;
    }
    return i;
}

static bool is_kept(const history *h, size_t place) {
    const st_policy *policy = &h->policy;
    if (place == 0 || policy->keep == ST_KEEP_ALL) {
        return true;
    }
    if (h->snapshot != UINT64_MAX && place <= seen_at(h, h->snapshot, INT64_MAX)) {
        return true;
    }
    return policy->keep == ST_KEEP_LAST
               ? place < policy->versions
               : place <= seen_at(h, UINT64_MAX, h->now_us - policy->duration_us);
}

static void every_version(void **state) {
    (void)state;
    uint64_t chance = 5;
    uint64_t dropped = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        history h;
        st_retain retain;
        make_history(&h, &chance);
        st_retain_begin(&retain, &h.policy, h.snapshot, h.now_us);
        for (size_t i = 0; i < h.count; i++) {
            const bool kept = st_retain_keeps(&retain, &h.versions[i]);
            dropped += kept ? 0 : 1;
            if (kept != is_kept(&h, i)) {
                fail_msg("round %u: version %zu of %zu, policy %d", round, i, h.count,
                         (int)h.policy.keep);
            }
        }
    }
    assert_true(dropped > ROUNDS);
}

/* Whether anybody who asks for what the rules keep could see the only version left: a value in it, or
 * itself among the last so many. */
static bool may_be_seen(const history *h, const st_revision *only) {
    const bool held = h->snapshot != UINT64_MAX;
    const int64_t since_us =
        h->policy.keep == ST_KEEP_FOR ? h->now_us - h->policy.duration_us : h->now_us;
    if (h->policy.keep == ST_KEEP_ALL || (held && only->number > h->snapshot)) {
        return true; /* what is below it may be asked for, and looks for it */
    }
    if (h->policy.keep == ST_KEEP_LAST && h->policy.versions > 1) {
        return true;
    }
    if (only->deleted) {
        return h->policy.keep == ST_KEEP_FOR && only->timestamp_us > since_us;
    }
    return only->expires_us > since_us;
}

static void vanishing(void **state) {
    (void)state;
    uint64_t chance = 6;
    uint64_t vanished = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        history h;
        st_retain retain;
        make_history(&h, &chance);
        st_retain_begin(&retain, &h.policy, h.snapshot, h.now_us);
        const bool goes = st_retain_may_vanish(&retain, &h.versions[0]);
        vanished += goes ? 1 : 0;
        assert_int_equal(goes, !may_be_seen(&h, &h.versions[0]));
    }
    assert_true(vanished > ROUNDS / 40);
}

static void texts(void **state) {
    (void)state;
    static const struct {
        st_policy policy;
        const char *text;
    } cases[] = {{{ST_KEEP_ALL, 0, 0}, "all"},
                 {{ST_KEEP_LAST, 3, 0}, "last 3"},
                 {{ST_KEEP_LAST, UINT64_MAX, 0}, "last 18446744073709551615"},
                 {{ST_KEEP_FOR, 0, 86400000000}, "for 86400000 ms"},
                 {{ST_KEEP_FOR, 0, INT64_MAX}, "for 9223372036854775 ms"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[ST_POLICY_TEXT_MAX];
        st_policy_text(&cases[i].policy, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version),
        cmocka_unit_test(vanishing),
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
