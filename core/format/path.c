/* path.c - paths into JSON documents: JSON Pointer (RFC 6901) and the dotted form.
 *
 *   pointer  *( "/" *( any byte but "/" and "~" | "~0" | "~1" ) )
 *   dotted   "$" *( "." name | "[" digits | "-" | quoted "]" )
 *            name: any bytes but . [ ] and quotes; quoted: a string of JSON, in " or '
 *
 * Invariants:
 * 1. A path is UTF-8 and has at most ST_PATH_SEGMENTS_MAX steps; names are unescaped into the arena, and
 *    everything else a step has comes from the text.
 * 2. Only "0" and digits that begin with another are an index, as RFC 6901 says. One beyond 32 bits is
 *    no element of any array; it is a name.
 * 3. Each error says where: position, in bytes.
 * Rejected: wildcards, slices, filters. A path names one place; asking for many is for `find`.
 */
#include "format/path.h"

#include "base/utf8.h"
#include "format/document_bytes.h"
#include "format/json_string.h"

typedef struct reader {
    strata_slice text;
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    uint8_t *names; /* where the next name is written; never more than the text in all */
    st_step *steps;
    size_t count;
    strata_error *error;
} reader;

static strata_status fail_at(const reader *in, const uint8_t *at, const char *what) {
    const uint64_t position = (uint64_t)(at - in->start);
    st_fail(in->error, STRATA_INVALID_PATH, "not a path: %s at byte %u of \"%S\"", what, position,
            &in->text);
    st_fail_number(in->error, "position", (int64_t)position);
    return STRATA_INVALID_PATH;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static strata_status add_step(reader *in, st_step step, const uint8_t *start) {
    if (in->count == ST_PATH_SEGMENTS_MAX) {
        return fail_at(in, start, "more than 256 segments");
    }
    step.end = (size_t)(in->at - in->start);
    in->steps[in->count++] = step;
    return STRATA_OK;
}

/* Whether it is "0" or digits that begin with another, of at most 32 bits. */
static bool parse_index(strata_slice text, uint32_t *index) {
    const uint8_t *at = text.data;
    uint64_t v = 0;
    if (text.len == 0 || text.len > 10 || (text.len > 1 && at[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
        v = v * 10 + (uint64_t)(at[i] - '0');
    }
    *index = (uint32_t)v;
    return v < UINT32_MAX;
}

/* ---- JSON Pointer ---------------------------------------------------------------------------- */

static strata_status parse_pointer(reader *in) {
    while (in->at < in->end) {
        const uint8_t *start = in->at++;
        uint8_t *name = in->names;
        for (; in->at < in->end && *in->at != '/'; in->at++) {
            if (*in->at != '~') {
                *in->names++ = *in->at;
                continue;
            }
            in->at++;
            if (in->at == in->end || (*in->at != '0' && *in->at != '1')) {
                return fail_at(in, in->at - 1, "a ~ that neither 0 nor 1 follows");
            }
            *in->names++ = *in->at == '0' ? '~' : '/';
        }
        st_step step = {.kind = ST_STEP_NAME,
                        .named = true,
                        .name = st_slice(name, (size_t)(in->names - name))};
        if (parse_index(step.name, &step.index)) {
            step.kind = ST_STEP_EITHER;
        } else if (st_slice_equal(step.name, strata_text("-"))) {
            step.kind = ST_STEP_END;
        }
        ST_TRY(add_step(in, step, start));
    }
    return STRATA_OK;
}

/* ---- The dotted form ------------------------------------------------------------------------- */

static bool ends_name(uint8_t c) {
    return c == '.' || c == '[' || c == ']' || c == '"' || c == '\'';
}

static strata_status parse_dotted_name(reader *in) {
    const uint8_t *start = in->at++;
    uint8_t *name = in->names;
    while (in->at < in->end && !ends_name(*in->at)) {
        *in->names++ = *in->at++;
    }
    if (in->names == name) {
        return fail_at(in, in->at, "no name after a dot (write [\"...\"] for any other)");
    }
    const st_step step = {
        .kind = ST_STEP_NAME, .named = true, .name = st_slice(name, (size_t)(in->names - name))};
    return add_step(in, step, start);
}

/* Behind the bracket, at a quote. */
static strata_status parse_quoted(reader *in, st_step *step) {
    const uint8_t quote = *in->at++;
    uint8_t *name = in->names;
    while (in->at < in->end && *in->at != quote) {
        if (*in->at != '\\') {
            *in->names++ = *in->at++;
        } else if (in->end - in->at >= 2 && in->at[1] == '\'') {
            *in->names++ = '\'';
            in->at += 2;
        } else {
            const char *wrong = st_json_escape(&in->at, in->end, &in->names);
            if (wrong != NULL) {
                return fail_at(in, in->at, wrong);
            }
        }
    }
    if (in->at == in->end) {
        return fail_at(in, in->at, "a quote that does not end");
    }
    in->at++;
    *step = (st_step){
        .kind = ST_STEP_NAME, .named = true, .name = st_slice(name, (size_t)(in->names - name))};
    return STRATA_OK;
}

static strata_status parse_bracket(reader *in) {
    const uint8_t *start = in->at++;
    st_step step = {.kind = ST_STEP_END};
    if (in->at < in->end && (*in->at == '"' || *in->at == '\'')) {
        ST_TRY(parse_quoted(in, &step));
    } else {
        const uint8_t *inside = in->at;
        while (in->at < in->end && *in->at != ']') {
            in->at++;
        }
        const strata_slice text = st_slice(inside, (size_t)(in->at - inside));
        if (parse_index(text, &step.index)) {
            step.kind = ST_STEP_INDEX;
        } else if (!st_slice_equal(text, strata_text("-"))) {
            return fail_at(in, inside, "neither an index, nor -, nor a name in quotes");
        }
    }
    if (in->at == in->end || *in->at != ']') {
        return fail_at(in, in->at, "no closing bracket");
    }
    in->at++;
    return add_step(in, step, start);
}

static strata_status parse_dotted(reader *in) {
    in->at++;
    while (in->at < in->end) {
        if (*in->at == '.') {
            ST_TRY(parse_dotted_name(in));
        } else if (*in->at == '[') {
            ST_TRY(parse_bracket(in));
        } else {
            return fail_at(in, in->at, "neither a dot nor a bracket");
        }
    }
    return STRATA_OK;
}

/* ---- Parsing --------------------------------------------------------------------------------- */

/* At most so many steps does a text have: each begins with one of these. */
static size_t count_steps(strata_slice text) {
    const uint8_t *at = text.data;
    size_t count = 0;
    for (size_t i = 0; i < text.len && count < ST_PATH_SEGMENTS_MAX; i++) {
        count += at[i] == '/' || at[i] == '.' || at[i] == '[';
    }
    return count;
}

strata_status st_path_parse(strata_slice text, st_arena *arena, st_path *path,
                            strata_error *error) {
    size_t valid_len;
    reader in = {.error = error};
    in.text = st_arena_copy(arena, text);
    in.names = st_arena_alloc(arena, text.len + 1, 1);
    in.steps = st_arena_alloc(arena, (count_steps(text) + 1) * sizeof *in.steps, sizeof(void *));
    if (in.text.data == NULL || in.names == NULL || in.steps == NULL) {
        return st_fail_memory(error);
    }
    in.start = in.text.data;
    in.at = in.start;
    in.end = in.start + text.len;
    if (!st_utf8_valid(in.text, &valid_len)) {
        return fail_at(&in, in.start + valid_len, "bytes that are not UTF-8");
    }
    if (text.len > 0 && *in.at != '/' && *in.at != '$') {
        return fail_at(&in, in.at, "neither / nor $ (as in /a/b/0 or $.a.b[0])");
    }
    ST_TRY(text.len > 0 && *in.at == '$' ? parse_dotted(&in) : parse_pointer(&in));
    *path = (st_path){in.text, in.steps, in.count};
    return STRATA_OK;
}

/* ---- Finding --------------------------------------------------------------------------------- */

bool st_path_step(const st_node *from, const st_step *step, st_node *to, uint32_t *id) {
    if (from->type == STRATA_OBJECT) {
        return step->named && st_node_member(from, step->name, to);
    }
    return (step->kind == ST_STEP_INDEX || step->kind == ST_STEP_EITHER) &&
           st_node_element(from, step->index, to, id);
}

strata_status st_path_find(strata_slice document, const st_path *path, st_node *node, bool *found) {
    st_node at;
    if (!st_node_read(document, &at)) {
        return STRATA_CORRUPT;
    }
    *found = false;
    for (size_t i = 0; i < path->count; i++) {
        st_node below;
        uint32_t id;
        if (!st_path_step(&at, &path->steps[i], &below, &id)) {
            return STRATA_OK;
        }
        at = below;
    }
    *found = true;
    *node = at;
    return STRATA_OK;
}

/* ---- Writing pointers ------------------------------------------------------------------------ */

strata_status st_pointer_put_name(strata_buffer *pointer, strata_slice name) {
    const uint8_t *from = name.data;
    ST_TRY(st_buffer_reserve(pointer, 1 + 2 * name.len));
    uint8_t *to = pointer->data + pointer->len;
    *to++ = '/';
    for (size_t i = 0; i < name.len; i++) {
        if (from[i] == '~' || from[i] == '/') {
            *to++ = '~';
            *to++ = from[i] == '~' ? '0' : '1';
        } else {
            *to++ = from[i];
        }
    }
    pointer->len = (size_t)(to - pointer->data);
    return STRATA_OK;
}

strata_status st_pointer_put_index(strata_buffer *pointer, uint32_t index) {
    char text[16];
    return st_buffer_append(pointer, text, st_format(text, sizeof text, "/%u", (uint64_t)index));
}
