/* jsonl.c - JSON Lines: one object a line, https://jsonlines.org.
 *
 * The text is in the field `text`, or the one that --text-field names; the key in `key`, otherwise
 * it is NAME#LINE, so that the same file gives the same keys when it is read again. All other
 * fields are the metadata, as they are. A line that is no such object is skipped with its number;
 * blank lines do not count.
 */
#include "ingest.h"

#include <string.h>

/* Takes text and key out of an object; everything else goes to metadata. */
static bool split(const pack_item *object, const char *text_field, pack_item *text, pack_item *key,
                  cli_buffer *metadata) {
    uint32_t count = 0;
    bool has_text = false;
    strata_slice rest = object->inside;
    cli_buffer_clear(metadata);
    const size_t place = pack_open_object(metadata);
    for (uint32_t i = 0; i < object->as.count; i++) {
        pack_item name;
        pack_item value;
        if (!pack_next(&rest, &name) || !pack_next(&rest, &value)) {
            return false;
        }
        if (cli_slice_is(name.as.bytes, text_field) && value.type == STRATA_STRING) {
            *text = value;
            has_text = true;
        } else if (cli_slice_is(name.as.bytes, "key") && value.type == STRATA_STRING) {
            *key = value;
        } else {
            cli_put_slice(metadata, name.raw);
            cli_put_slice(metadata, value.raw);
            count++;
        }
    }
    pack_close_object(metadata, place, count);
    return has_text;
}

static void take_line(ingest *in, strata_slice line, const char *name, const char *where,
                      uint64_t number, strata_buffer *packed, cli_buffer *metadata) {
    strata_error error = {.code = STRATA_OK};
    pack_item object;
    pack_item text = {0};
    pack_item key = {0};
    if (strata_json_to_msgpack(line, packed, &error) != STRATA_OK) {
        ingest_skip(in, where, number, "%s", error.message);
        return;
    }
    strata_slice rest = {packed->data, packed->len};
    if (!pack_next(&rest, &object) || object.type != STRATA_OBJECT) {
        ingest_skip(in, where, number, "not an object");
        return;
    }
    if (!split(&object, in->text_field, &text, &key, metadata)) {
        ingest_skip(in, where, number, "no string in the field \"%s\"", in->text_field);
        return;
    }
    if (key.type == STRATA_STRING && key.as.bytes.len == 0) {
        /* The library would make a new key, and the next run one more memory. */
        ingest_skip(in, where, number, "the key is empty");
        return;
    }
    cli_buffer made = {0};
    if (key.type != STRATA_STRING) {
        cli_put_format(&made, "%s#%llu", name, (unsigned long long)number);
    }
    ingest_item(in, key.type == STRATA_STRING ? key.as.bytes : cli_slice(&made), text.as.bytes,
                cli_slice(metadata), where, number);
    cli_buffer_free(&made);
}

void ingest_jsonl(ingest *in, reader *r, const char *name, const char *where) {
    strata_buffer packed = {0};
    cli_buffer metadata = {0};
    strata_slice line;
    while (!ingest_is_over(in) && reader_line(r, READER_LINE_BYTES_MAX, &line)) {
        const char *const data = line.data;
        in->bytes += line.len;
        while (line.len > 0 && strchr(" \t\r\n", data[line.len - 1]) != NULL) {
            line.len--;
        }
        if (line.len > 0) {
            take_line(in, line, name, where, r->line, &packed, &metadata);
        }
    }
    strata_buffer_free(&packed);
    cli_buffer_free(&metadata);
}
