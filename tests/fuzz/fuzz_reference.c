/* fuzz_reference.c - any bytes as a reference, as a key that is to have one, and as a record of
 * provenance.
 *
 * The first byte says which. Holds for all bytes:
 * 1. A text is refused with invalid_key and the position of what is wrong, at most its length; or its key
 *    is well-formed, and printing it gives the same text, up to the path.
 * 2. A well-formed key of the store has a subject that is well-formed and its own subject, or none; the
 *    text of that is a reference to it, unless there is a name in it that no user can give.
 * 3. A record is refused as corrupt, with its file; or every item of it has a well-formed key (of a
 *    range any bounds) that the store can hold and a version that is not above the snapshot, and there
 *    are not more of them than bytes.
 */
#include "model/provenance.h"
#include "model/ref.h"

#include "fuzz.h"

enum { MEMORY_MAX = 1 << 20 };

/* ---- References ------------------------------------------------------------------------------ */

static void check_printed(const st_ref *ref, strata_slice text) {
    strata_buffer out = fuzz_buffer();
    const strata_slice key = st_key_slice(&ref->key);
    CHECK(st_key_well_formed(key), "the key is not well-formed");
    CHECK(st_ref_print(key, &out) == STRATA_OK, "print");
    if (ref->path.len > 0) {
        CHECK(st_buffer_append(&out, "#", 1) == STRATA_OK &&
                  st_buffer_append(&out, ref->path.data, ref->path.len) == STRATA_OK,
              "append");
    }
    CHECK(st_slice_equal(st_buffer_slice(&out), text), "printed as %.*s", (int)out.len,
          (const char *)out.data);
    strata_buffer_free(&out);
}

static void check_text(strata_slice text) {
    static st_ref ref;
    strata_error error = {.code = STRATA_OK};
    int64_t position = -1;
    const strata_status status = st_ref_parse(text, &ref, &error);
    if (status == STRATA_OK) {
        if (ref.key.len > 0) {
            check_printed(&ref, text);
        } else {
            CHECK(ref.of_run && st_slice_equal(text, strata_text("run")), "a key of nothing");
        }
    } else {
        CHECK(status == STRATA_INVALID_KEY && error.code == status, "%s", error.message);
        CHECK(fuzz_error_number(&error, "position", &position) && position >= 0 &&
                  (uint64_t)position <= text.len,
              "position %lld: %s", (long long)position, error.message);
    }
}

/* Whether all names in the key are names of users. */
static bool is_of_user(strata_slice key) {
    strata_slice texts[3];
    const st_key_form form = st_key_form_of(st_key_tag(key));
    const size_t count = form == ST_KEY_TRIPLE ? 3 : form == ST_KEY_PAIR ? 2 : 1;
    if (form == ST_KEY_NUMBER) {
        return true;
    }
    texts[0] = count == 1 ? st_key_text_of(key) : st_slice("", 0);
    if (count > 1) {
        st_key_texts_of(key, texts);
    }
    for (size_t i = 0; i < count; i++) {
        if (st_key_check(texts[i], NULL) != STRATA_OK) {
            return false;
        }
    }
    return true;
}

static void check_key(strata_slice key) {
    static st_key subject;
    static st_key again;
    static st_ref ref;
    strata_buffer text = fuzz_buffer();
    if (st_key_well_formed(key) && st_ref_subject(key, &subject)) {
        const strata_slice of = st_key_slice(&subject);
        CHECK(st_key_well_formed(of), "the subject is not well-formed");
        CHECK(st_ref_subject(of, &again) && st_slice_equal(st_key_slice(&again), of),
              "the subject has another one");
        CHECK(st_ref_print(of, &text) == STRATA_OK, "print");
        const strata_status status = st_ref_parse(st_buffer_slice(&text), &ref, NULL);
        CHECK(status == STRATA_OK || !is_of_user(of), "%.*s is refused", (int)text.len,
              (const char *)text.data);
        CHECK(status != STRATA_OK ||
                  (st_slice_equal(st_key_slice(&ref.key), of) && ref.path.len == 0),
              "%.*s is something else", (int)text.len, (const char *)text.data);
    }
    strata_buffer_free(&text);
}

/* ---- Provenance ------------------------------------------------------------------------------ */

static void check_items(const st_provenance *provenance, size_t bytes) {
    static st_provenance_walk walk;
    st_provenance_item item;
    size_t count = 0;
    st_provenance_start(&walk, provenance);
    while (st_provenance_next(&walk, &item)) {
        count++;
        CHECK(item.kind == ST_PROVENANCE_RANGE || st_key_well_formed(item.key), "a key");
        CHECK(item.key.len <= ST_STORE_KEY_MAX + 1, "%zu bytes", item.key.len);
        CHECK(item.kind != ST_PROVENANCE_RANGE || item.high.len <= ST_STORE_KEY_MAX + 1,
              "%zu bytes", item.high.len);
        CHECK(item.kind != ST_PROVENANCE_READ || item.version <= provenance->snapshot,
              "a version above the snapshot");
    }
    CHECK(count <= bytes, "%zu items", count);
}

static void check_record(strata_slice stored) {
    strata_error error = {.code = STRATA_OK};
    st_arena arena;
    st_key key;
    st_provenance provenance;
    st_arena_init(&arena, &fuzz_host()->memory, 0);
    st_request rq = {.error = &error, .arena = &arena};
    st_key_number(&key, ST_TAG_PROVENANCE, 1);
    const strata_status status = st_provenance_read(&rq, st_key_slice(&key), stored, &provenance);
    if (status == STRATA_OK) {
        CHECK(provenance.snapshot <= INT64_MAX, "a snapshot that cannot be");
        check_items(&provenance, stored.len);
    } else {
        const char *file = fuzz_error_text(&error, "file");
        CHECK(status == STRATA_CORRUPT && error.code == status, "%s", error.message);
        CHECK(file != NULL && strcmp(file, "provenance") == 0, "%s", error.message);
    }
    st_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const checks[])(strata_slice bytes) = {check_text, check_key, check_record};
    fuzz_input input = {data, size};
    fuzz_begin(MEMORY_MAX);
    const uint8_t kind = fuzz_u8(&input) % (sizeof checks / sizeof checks[0]);
    checks[kind](fuzz_rest(&input));
    fuzz_end();
    return 0;
}
