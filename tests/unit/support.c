/* support.c - see support.h. */
#include "support.h"

/* What comes before the bytes of a block. Blocks begin at multiples of LINE, their bytes 16 further:
 * the alignment that host.h promises and no more, and the same wherever the block lies, so that what
 * a test does is the same each time. */
typedef struct block {
    size_t size;
    uint64_t magic;
} block;

enum { LINE = 64 };
_Static_assert(sizeof(block) == 16, "the bytes of a block are aligned to 16");

static const uint64_t LIVE = 0x5354524154412121u;

static struct {
    size_t blocks;
    size_t bytes;
    size_t fail_in; /* 0: never */
    bool failed;
} memory;

static void release(block *of) {
    memory.blocks--;
    memory.bytes -= of->size;
    memset(of, 0xdd, sizeof *of + of->size);
    free(of);
}

static block *take(size_t size) {
    if (memory.fail_in > 0 && (memory.failed || --memory.fail_in == 0)) {
        memory.fail_in = 1;
        memory.failed = true;
        return NULL;
    }
    void *whole = NULL;
    assert_int_equal(posix_memalign(&whole, LINE, sizeof(block) + size), 0);
    block *made = whole;
    made->size = size;
    made->magic = LIVE;
    memset(made + 1, 0xcd, size);
    memory.blocks++;
    memory.bytes += size;
    return made;
}

static void *resize(void *ctx, void *old, size_t old_size, size_t new_size) {
    (void)ctx;
    block *was = old == NULL ? NULL : (block *)old - 1;
    if (was != NULL) {
        assert_true(was->magic == LIVE);
        assert_int_equal(was->size, old_size);
    } else {
        assert_int_equal(old_size, 0);
    }
    if (new_size == 0) {
        if (was != NULL) {
            release(was);
        }
        return NULL;
    }
    block *now = take(new_size);
    if (now == NULL) {
        return NULL;
    }
    if (was != NULL) {
        memcpy(now + 1, was + 1, old_size < new_size ? old_size : new_size);
        release(was);
    }
    return now + 1;
}

const strata_host *test_host(void) {
    static const strata_host host = {.size = sizeof host, .memory = {NULL, resize}};
    return &host;
}

const strata_allocator *test_allocator(void) {
    return &test_host()->memory;
}

size_t test_memory_blocks(void) {
    return memory.blocks;
}

size_t test_memory_bytes(void) {
    return memory.bytes;
}

void test_memory_fail_at(size_t n) {
    memory.fail_in = n;
    memory.failed = false;
}

bool test_memory_failed(void) {
    return memory.failed;
}

strata_buffer test_buffer(void) {
    const strata_buffer buffer = {NULL, 0, 0, test_host()};
    return buffer;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t test_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t test_random_below(uint64_t *state, uint64_t limit) {
    return test_random(state) % limit;
}

static unsigned hex_digit(char c) {
    const char *digits = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    assert_non_null(found);
    return (unsigned)(found - digits);
}

strata_slice test_hex(const char *hex) {
    enum { RING = 8, BYTES_MAX = 256 };
    static uint8_t ring[RING][BYTES_MAX];
    static size_t next;
    uint8_t *bytes = ring[next++ % RING];
    size_t len = 0;
    while (*hex != '\0') {
        if (*hex == ' ') {
            hex++;
            continue;
        }
        assert_true(len < BYTES_MAX);
        bytes[len++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
        hex += 2;
    }
    return st_slice(bytes, len);
}

static void print_bytes(const char *label, strata_slice bytes) {
    const uint8_t *at = bytes.data;
    print_error("%s (%zu):", label, bytes.len);
    for (size_t i = 0; i < bytes.len && i < 64; i++) {
        print_error(" %02x", at[i]);
    }
    print_error("\n");
}

void test_bytes_equal(strata_slice got, strata_slice expected, const char *what) {
    if (!st_slice_equal(got, expected)) {
        print_bytes("got", got);
        print_bytes("expected", expected);
        fail_msg("%s", what);
    }
}
