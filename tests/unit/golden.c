/* golden.c - see golden.h. */
#include "golden.h"

enum { LINE = 32, FILES_MAX = 64 };

FILE *golden_file(const char *name, const char *mode) {
    char path[128];
    (void)snprintf(path, sizeof path, "tests/golden/%s", name);
    FILE *file = fopen(path, mode);
    if (file == NULL) {
        fail_msg("%s is missing; run this from the top of the tree", path);
    }
    return file;
}

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct reading {
    char name[SIM_NAME_MAX];
    uint8_t *bytes;
    size_t size;
    size_t end; /* of what is known */
} reading;

/* The last line is repeated. */
static void fill(reading *file, size_t end) {
    assert_true(end <= file->size && (end == file->end || file->end >= LINE));
    for (; file->end < end; file->end++) {
        file->bytes[file->end] = file->bytes[file->end - LINE];
    }
}

static void end_file(sim *s, reading *file) {
    if (file->bytes != NULL) {
        fill(file, file->size);
        sim_put(s, file->name, st_slice(file->bytes, file->size));
        free(file->bytes);
    }
    *file = (reading){.bytes = NULL};
}

static void begin_file(reading *file, const char *line) {
    char name[SIM_NAME_MAX - 3];
    assert_int_equal(sscanf(line, "file %92s %zu", name, &file->size), 2);
    (void)snprintf(file->name, sizeof file->name, "db/%s", name);
    file->bytes = malloc(file->size + 1);
    assert_non_null(file->bytes);
}

static void add_line(reading *file, const char *line) {
    fill(file, strtoul(line, NULL, 16));
    for (const char *p = line + 9; p[0] != '\n' && p[0] != '\0'; p += 2) {
        unsigned byte = 0;
        assert_int_equal(sscanf(p, "%2x", &byte), 1);
        assert_true(file->end < file->size);
        file->bytes[file->end++] = (uint8_t)byte;
    }
}

void golden_read(sim *s, const char *name) {
    char line[256];
    reading file = {.bytes = NULL};
    FILE *in = golden_file(name, "r");
    while (fgets(line, sizeof line, in) != NULL) {
        if (strncmp(line, "file ", 5) == 0) {
            end_file(s, &file);
            begin_file(&file, line);
        } else if (line[0] != '*') {
            add_line(&file, line);
        }
    }
    end_file(s, &file);
    (void)fclose(in);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void write_file(const char *name, strata_slice bytes, FILE *out) {
    const uint8_t *data = bytes.data;
    bool repeats = false;
    (void)fprintf(out, "file %s %zu\n", name, bytes.len);
    for (size_t at = 0; at < bytes.len; at += LINE) {
        const size_t len = st_min(LINE, bytes.len - at);
        const bool same = at > 0 && len == LINE && memcmp(data + at, data + at - LINE, LINE) == 0;
        if (same) {
            (void)fputs(repeats ? "" : "*\n", out);
        } else {
            (void)fprintf(out, "%08zx ", at);
            for (size_t i = 0; i < len; i++) {
                (void)fprintf(out, "%02x", data[at + i]);
            }
            (void)fputc('\n', out);
        }
        repeats = same;
    }
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void golden_write(sim *s, FILE *out) {
    const char *names[FILES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < s->entry_count; i++) {
        const char *name = s->entries[i]->name;
        if (strncmp(name, "db/", 3) == 0 && strcmp(name, "db/LOCK") != 0 && sim_exists(s, name)) {
            assert_true(count < FILES_MAX);
            names[count++] = name;
        }
    }
    qsort(names, count, sizeof names[0], compare_names);
    for (size_t i = 0; i < count; i++) {
        const strata_slice bytes = sim_copy(s, names[i], false);
        write_file(names[i] + 3, bytes, out);
        sim_release(bytes);
    }
}

/* ---- Comparing ------------------------------------------------------------------------------- */

char *golden_text(FILE *file) {
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const long size = ftell(file);
    assert_true(size >= 0);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    rewind(file);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    text[size] = '\0';
    return text;
}

void golden_expect(const char *text, const char *name) {
    FILE *in = golden_file(name, "r");
    char *expected = golden_text(in);
    size_t line = 1;
    (void)fclose(in);
    for (const char *a = text, *b = expected; *a != '\0' || *b != '\0'; line++) {
        const size_t len_a = strcspn(a, "\n");
        const size_t len_b = strcspn(b, "\n");
        if (len_a != len_b || memcmp(a, b, len_a) != 0) {
            fail_msg("tests/golden/%s, line %zu:\ngot      %.*s\nexpected %.*s", name, line,
                     (int)len_a, a, (int)len_b, b);
        }
        a += len_a + (a[len_a] == '\n');
        b += len_b + (b[len_b] == '\n');
    }
    free(expected);
}
