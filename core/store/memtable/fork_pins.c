/* fork_pins.c - two lists of numbers in order, one of versions and one of times, a number once for
 * each fork that is there.
 *
 * Forks are most often made of the present, so that a new number is the highest of all and the list
 * stays in order; when it is not, the list is sorted before it is next looked at. So opening a database
 * of n forks costs n appends and one sort.
 *
 * Invariant: a time is kept as an unsigned number of the same order.
 * Rejected: points (version, time) in one list. Two of them may be in one order by version and in the
 * other by time, and which of them is the earlier point of the run only its commits can tell.
 */
#include "store/memtable/fork_pins.h"

#include "base/sort.h"

typedef struct pin_list {
    strata_buffer numbers; /* uint64_t */
    bool unsorted;
} pin_list;

struct st_fork_pins {
    pin_list versions;
    pin_list times;
};

st_fork_pins *st_fork_pins_create(const strata_host *host) {
    st_fork_pins *pins = st_alloc_zeroed(&host->memory, sizeof *pins);
    if (pins != NULL) {
        pins->versions.numbers.host = host;
        pins->times.numbers.host = host;
    }
    return pins;
}

void st_fork_pins_destroy(const strata_allocator *allocator, st_fork_pins *pins) {
    if (pins != NULL) {
        strata_buffer_free(&pins->versions.numbers);
        strata_buffer_free(&pins->times.numbers);
        st_free(allocator, pins, sizeof *pins);
    }
}

/* ---- One list -------------------------------------------------------------------------------- */

static uint64_t *numbers_of(const pin_list *list) {
    return (uint64_t *)(void *)list->numbers.data;
}

static size_t count_of(const pin_list *list) {
    return list->numbers.len / sizeof(uint64_t);
}

static uint64_t of_time(int64_t time_us) {
    return (uint64_t)time_us ^ (UINT64_C(1) << 63);
}

static strata_status add(pin_list *list, uint64_t number) {
    const size_t count = count_of(list);
    ST_TRY(st_buffer_append(&list->numbers, &number, sizeof number));
    list->unsorted = list->unsorted || (count > 0 && numbers_of(list)[count - 1] > number);
    return STRATA_OK;
}

static int compare_numbers(const void *a, const void *b) {
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* The first number that is not below; count: none. */
static size_t seek(pin_list *list, uint64_t number) {
    if (list->unsorted) {
        st_sort(list->numbers.data, count_of(list), sizeof number, compare_numbers);
        list->unsorted = false;
    }
    size_t low = 0;
    size_t high = count_of(list);
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const bool below = numbers_of(list)[middle] < number;
        low = below ? middle + 1 : low;
        high = below ? high : middle;
    }
    return low;
}

static bool has_between(pin_list *list, uint64_t from, uint64_t below) {
    const size_t at = seek(list, from);
    return at < count_of(list) && numbers_of(list)[at] < below;
}

static bool has(pin_list *list, uint64_t number) {
    const size_t at = seek(list, number);
    return at < count_of(list) && numbers_of(list)[at] == number;
}

static void drop(pin_list *list, uint64_t number) {
    const size_t at = seek(list, number);
    uint64_t *numbers = numbers_of(list);
    ST_ASSERT(at < count_of(list) && numbers[at] == number);
    memmove(numbers + at, numbers + at + 1, (count_of(list) - at - 1) * sizeof *numbers);
    list->numbers.len -= sizeof *numbers;
}

/* ---- Both ------------------------------------------------------------------------------------ */

strata_status st_fork_pins_add(st_fork_pins *pins, const st_fork_point *point) {
    if (point->version != UINT64_MAX) {
        ST_TRY(add(&pins->versions, point->version));
    }
    if (point->time_us == INT64_MAX) {
        return STRATA_OK;
    }
    const strata_status status = add(&pins->times, of_time(point->time_us));
    if (status != STRATA_OK && point->version != UINT64_MAX) {
        drop(&pins->versions, point->version);
    }
    return status;
}

void st_fork_pins_remove(st_fork_pins *pins, const st_fork_point *point) {
    if (point->version != UINT64_MAX) {
        drop(&pins->versions, point->version);
    }
    if (point->time_us != INT64_MAX) {
        drop(&pins->times, of_time(point->time_us));
    }
}

bool st_fork_pins_none(const st_fork_pins *pins) {
    return pins->versions.numbers.len == 0 && pins->times.numbers.len == 0;
}

bool st_fork_pins_have(st_fork_pins *pins, const st_fork_point *point) {
    return (point->version == UINT64_MAX || has(&pins->versions, point->version)) &&
           (point->time_us == INT64_MAX || has(&pins->times, of_time(point->time_us)));
}

bool st_fork_pins_see(st_fork_pins *pins, const st_fork_span *span) {
    return has_between(&pins->versions, span->from.version, span->below.version) ||
           has_between(&pins->times, of_time(span->from.time_us), of_time(span->below.time_us));
}
