#!/usr/bin/env python3
"""seeds.py OUT - makes the seeds of the fuzzers, and their dictionaries, from what the tree has:

    OUT/NAME/...      inputs of the fuzzer NAME, named by their content
    OUT/NAME.dict     words it may insert

Logs, manifests and tables come from the golden databases, requests and values from the conformance scripts,
words from the table of operations. What only fuzzing finds is in corpus/ (run.py).
"""

import hashlib
import json
import pathlib
import re
import struct
import sys

import msgpack

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
ROOT = TESTS.parent
sys.path[:0] = [str(TESTS / "golden"), str(TESTS / "conformance"), str(ROOT / "tools")]
import format_tables  # noqa: E402
import ops_def  # noqa: E402
import read_format  # noqa: E402
import values  # noqa: E402

# Longest inputs, as in run.py; 4096 where nothing is said.
BYTES_MAX = {"wal": 8192, "database": 8192, "table": 16384}
LOG_BYTES_MAX = 4096

# As in log.h.
RAW, SEAL, ZSTD, TWO, WHOLE, SPARSE = 1, 2, 4, 8, 16, 32
ENCODED, ENCODE, BROKEN, SKIP = 1, 2, 4, 8


class Seeds:
    def __init__(self, out):
        self.out = pathlib.Path(out)

    def add(self, name, data):
        folder = self.out / name
        folder.mkdir(parents=True, exist_ok=True)
        if len(data) <= BYTES_MAX.get(name, 4096):
            (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)

    def words(self, name, words):
        self.out.mkdir(parents=True, exist_ok=True)
        lines = ['"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in words]
        (self.out / f"{name}.dict").write_text("".join(sorted(set(lines))), encoding="ascii")


# ---- Logs and manifests ---------------------------------------------------------------------------


def frames(segment):
    """(encoded, payload) of every frame of a golden segment."""
    at = 64
    while at + 16 <= len(segment) and any(segment[at:at + 16]):
        length = struct.unpack_from("<I", segment, at + 4)[0]
        size = length & 0x0FFFFFFF
        yield bool(length >> 28 & 1), segment[at + 16:at + 16 + size]
        at += 16 + size


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def sized(data):
    return varint(len(data)) + data


def payload(run, writes, blocks=b""):
    """A commit record; writes: (key, value), value None for a delete; perhaps when it ends."""
    out = varint(run) + varint(2) + varint(len(writes))
    for key, value, *ends in writes:
        out += bytes([2 if ends else value is None]) + sized(key) + b"".join(varint(2 * end) for end in ends)
        out += b"" if value is None else sized(value)
    return out + blocks


def records(parts):
    """(control, payload) as the fuzzers of logs take them."""
    return b"".join(bytes([control]) + struct.pack("<H", len(part)) + part
                    for control, part in parts if len(part) < 65536)


def steering(flags, whole_end=0, split=0):
    return struct.pack("<BHH", flags, whole_end, split)


def run_record(number, status):
    return msgpack.packb({"id": number, "status": status, "tags": ["a"], "metadata": {"a": None},
                          "created": 1, "updated": 2, "parent": "default", "error": "e"})


def small_logs():
    """Logs of records: one of each kind, whole, torn, broken."""
    event = b"\x01\x01t\x80" + bytes(32)
    memory = b"\x01" + sized("Common words, the ferry.".encode()) + b"\x82\xa8metadata\x80\xa4tags\x91\xa1a"
    one = [
        (0, payload(0, [(b"\x01default\0", run_record(1, 0))])),
        (0, payload(0, [(b"\x01side\0", run_record(2, 1))])),
        (0, payload(1, [(b"\x10k0\0", b"\x01"), (b"\x10k1\0", b"\xc0")])),
        (0, payload(1, [(b"\x10k1\0", None)], b"\x07\x01x")),
        (0, payload(1, [(b"\x20" + struct.pack(">Q", 1), event)])),
        (0, payload(2, [(b"\x70m2\0", memory)])),
    ]
    yield steering(0) + records(one)
    yield steering(SPARSE | WHOLE, 100) + records(one)
    yield steering(TWO | WHOLE, 64, 200) + records(one)
    for at in range(len(one)):
        for control in (BROKEN, SKIP, 0x10, 0x20 | BROKEN):
            yield steering(SPARSE) + records(one[:at] + [(control, one[at][1])] + one[at + 1:])
    # What merging has to do with: rules, deletes, ends, floors where none should be.
    for rule in ({"keep": 1, "versions": 1}, {"keep": 2, "duration": 1}):
        rules = [(0, payload(0, [(b"\x02*\0", msgpack.packb(rule))]))]
        ends = [(0, payload(1, [(b"\x10k1\0", b"\x02", 5), (b"\x10k2\0", b"\x03", 1 << 60)]))]
        yield steering(0) + records(rules + one + one[2:4] + ends)
        yield steering(ZSTD) + records(one + rules + [(0, payload(1, [(b"\xfe\x10" + bytes(8), b"\1\2\3")]))])
    long = payload(1, [(b"\x10long\0", b"\xda\x07\xd0" + b"abcdefghij" * 200)])
    yield steering(ZSTD) + records(one + [(ENCODE, long)])
    yield steering(ZSTD | TWO, 0, 300) + records(one + [(ENCODE, long), (ENCODED, long)])


def add_logs(seeds):
    logs = list(small_logs())
    for name in ("plain", "packed", "format-3-plain", "format-3-packed", "format-2-plain", "format-2-packed",
                 "format-1-plain", "format-1-packed"):
        files = read_format.files_of_hex(str(TESTS / "golden" / f"{name}.hex"))
        segment = files["WAL/wal-1.seg"]
        codec = ZSTD if name == "packed" else 0
        parts = [(ENCODED if encoded else 0, data) for encoded, data in frames(segment)]
        length = 64
        for _, data in parts:
            if length + 16 + len(data) > LOG_BYTES_MAX - 8:
                break
            length += 16 + len(data)
        parts = [part for part in parts if len(part[1]) < LOG_BYTES_MAX // 4]
        logs.append(steering(RAW | SEAL | codec) + segment[:length])
        logs.append(steering(RAW | codec | WHOLE, length) + segment[:length])
        logs.append(steering(RAW | SEAL | TWO | codec, 0, length // 2) + segment[:length])
        logs.append(steering(codec) + records(parts))
        for at in range(0, len(parts), 4):
            logs.append(steering(codec) + records(parts[at:at + 4]))
        for encoded, data in parts:
            if encoded:
                seeds.add("codec", b"\0\xff\xff" + data)
            seeds.add("codec", b"\1\0\0" + data)
        add_manifests(seeds, files["MANIFEST"])
    for log in logs:
        seeds.add("database", log)
        seeds.add("wal", struct.pack("<H", len(log) // 2) + log)
    keys = [b"\x10", b"\x20\0\0\0\0\0\0\0\1", b"\x01default\0", b"\x70m\0", b"_strata/", b"\xff" * 8]
    numbers = [varint(number) for number in (127, 128, 2**31, 2**32, 2**63, 2**64 - 1)]
    for name in ("wal", "database"):
        seeds.words(name, keys + numbers)


def add_manifests(seeds, manifest):
    lengths = [16 + struct.unpack_from("<I", manifest, slot + 12)[0] for slot in (0, 65536)]
    first, second = manifest[:lengths[0]], manifest[65536:65536 + lengths[1]]
    for flags in (0, 1, 2, 3, 12, 16, 17):
        for one, other in ((first, second), (second, first), (b"", second), (first, b"")):
            seeds.add("manifest", struct.pack("<BH", flags, len(one)) + one + other)
    with_files = first[:128] + struct.pack("<Q", 2) + struct.pack("<IIQQIIQQ", 1, 0, 1, 4096, 1, 3, 9, 1 << 40)
    seeds.add("manifest", struct.pack("<BH", 0, len(with_files)) + with_files + second)
    seeds.words("manifest", [b"STRATAM1", b"\xff" * 8, b"\0" * 8, struct.pack("<Q", 2**63 - 1)])


# ---- Tables ---------------------------------------------------------------------------------------

GOLDEN_TABLES = ("tables", "tables-packed", "format-3-tables", "format-3-tables-packed", "format-2-tables",
                 "format-2-tables-packed", "tables-early")
# Of fuzz_table.c and of fuzz_database.c.
TABLE_ZSTD, TABLE_SEAL, TABLE_RAW, DATABASE_TABLES, DATABASE_FLOOR = 2, 4, 8, 64, 4


def add_golden_tables(seeds):
    """The files of tables as they are, their blocks as crafts, and databases of them."""
    for golden in GOLDEN_TABLES:
        files = read_format.files_of_hex(str(TESTS / "golden" / f"{golden}.hex"))
        database = read_format.read_database(files)
        manifest = database.manifest
        flag = TABLE_ZSTD if manifest["codec"] == 1 else 0
        live = []
        for level, table in database.tables:
            data = files[f"DATA/tab-{table.number}.tab"]
            seeds.add("table", bytes([TABLE_RAW | TABLE_SEAL | flag]) + data)
            seeds.add("table", bytes([TABLE_RAW | flag]) + data)
            if len(data) < 4096:
                live.append((level, data))
            add_craft(seeds, table, flag, manifest["codec"])
        for kept in (live[:1], live[-1:], live[:3]):
            tables = b"".join(struct.pack("<BH", level, len(data)) + data for level, data in kept)
            for floor in (0, DATABASE_FLOOR):
                head = struct.pack("<BH", DATABASE_TABLES | floor | len(kept), manifest["watermark"])
                segment = files[f"WAL/wal-{manifest['first']}.seg"]
                parts = [(ENCODED if encoded else 0, data) for encoded, data in frames(segment)]
                parts = [part for part in parts if len(part[1]) < 1024]
                codec = ZSTD if flag else 0
                seeds.add("database", head + tables + steering(codec) + records(parts))
        add_manifests(seeds, files["MANIFEST"])


def add_craft(seeds, table, flag, codec):
    """The first blocks of a table, as plain as fuzz_table.c takes them."""
    blocks = [frame for frame in table.frames if frame.kind == 1][:3]
    plain = [format_tables.plain_of(frame, codec) for frame in blocks]
    data = bytes([1 | flag, len(table.first)]) + table.first + bytes([len(table.last)]) + table.last
    for payload in plain:
        data += bytes([2 if flag else 0]) + struct.pack("<H", len(payload)) + payload
        seeds.add("table", data)


def table_entry(flags, kind, key=b"", time=0):
    """An entry as table_maker.h takes it; flags as there, bits 4 and 5 the run, 6 and 7 the tag."""
    return bytes([flags, max(len(key) - 1, 0), kind, 7, time]) + key


def add_built_tables(seeds):
    event = 0x40
    texts = [b"a", b"ab", b"ab/c", b"user:1", b"user:1/x", b"user:2", b"z" * 60]
    for flags in (0, 2):
        small = b"".join(table_entry(place % 4 << 1, 20 + place, text) for place, text in enumerate(texts))
        several = b"".join(table_entry(0, 40, text) + table_entry(1, 240, time=3) * 3 for text in texts)
        events = b"".join(table_entry(event, 240, struct.pack("<Q", number)) for number in range(40))
        # The key of a number is eight bytes, whatever the length says.
        apart = b"".join(table_entry(8, 251, text) for text in texts)
        runs = b"".join(table_entry(run << 4 | 0xC0, 5, b"side") for run in range(4))
        for entries in (small, several, events, apart, runs):
            seeds.add("table", bytes([flags, 255]) + entries)
            count = bytes([1]) + entries[:12 + 5]
            for change in ((10, 0, 1), (100, 0x81, 1), (20, 2, 0), (30, 0x83, 4), (60, 5, 0)):
                patch = struct.pack("<HBB", *change)
                seeds.add("table", bytes([flags]) + count + patch)
                seeds.add("table", bytes([flags | 4]) + count + patch)


def width_of(number):
    return (number.bit_length() + 7) // 8


def block(entries, heads_every=3):
    """The plain bytes of a block (core/store/table/block.h); entries: (key, version, time, expires, value)."""
    versions, times = [entry[1] for entry in entries], [entry[2] for entry in entries]
    version_bytes = width_of(max(versions) - min(versions))
    time_bytes = width_of(max(times) - min(times))
    out, keys, heads, before, head = b"", 0, 0, None, None
    for key, version, time, expires, value in entries:
        same = key == before
        is_head = not same and keys % heads_every == 0
        flags = same | is_head << 1 | (value is None) << 2 | (expires is not None) << 4
        out += (version - min(versions)).to_bytes(version_bytes, "little")
        out += (time - min(times)).to_bytes(time_bytes, "little") + bytes([flags])
        rest = b""
        if not same:
            shared = 0
            while not is_head and shared < min(len(key), len(head)) and key[shared] == head[shared]:
                shared += 1
            rest = key[shared:]
            out += varint(len(rest)) + (b"" if is_head else varint(shared))
            keys, heads, head = keys + 1, heads + is_head, key if is_head else head
        if expires is not None:
            span = expires - time
            out += varint(span * 2 if span >= 0 else -span * 2 - 1)
        out += (b"" if value is None else varint(len(value))) + rest + (value or b"")
        before = key
    return struct.pack("<QQHHHBB", min(versions), min(times), len(entries), keys, heads, version_bytes,
                       time_bytes) + out


def add_crafted_tables(seeds):
    def key(text, run=1, tag=0x10):
        return struct.pack(">QB", run, tag) + text + b"\0"

    first = [(key(b"a"), 9, 5, None, b"x"), (key(b"a"), 4, 5, 1, None), (key(b"ab"), 300, 70000, None, b"yy"),
             (key(b"abc"), 2, 5, None, b""), (key(b"abd"), 2, 5, 9, b"z" * 40), (key(b"c"), 1, 5, None, b"v")]
    second = [(key(b"d"), 8, 5, None, b"1"), (key(b"d"), 7, 5, None, b"2"),
              (key(b"m", 2, 0x70), 6, 4, None, b"3")]
    third = [(key(b"m", 2, 0x70), 5, 4, None, b"4"),
             (struct.pack(">QBQ", 3, 0x20, 17), 3, 3, None, b"5")]
    crafts = [[(0, first, b"")], [(0, first, b""), (4, second, key(b"d")[:10])],
              [(0, first, b""), (4, second, key(b"d")[:10]), (5, third, key(b"m", 2, 0x70))]]
    for craft in crafts:
        for flags in (1, 3):
            last = craft[-1][1][-1][0]
            data = bytes([flags, len(first[0][0])]) + first[0][0] + bytes([len(last)]) + last
            for control, entries, separator in craft:
                payload = block(entries)
                data += bytes([control | (2 if flags == 3 else 0)]) + struct.pack("<H", len(payload)) + payload
                if control & 4:
                    data += bytes([len(separator)]) + separator + struct.pack("<H", 5)
            seeds.add("table", data)


# ---- Requests, values, texts ----------------------------------------------------------------------


def requests():
    """The requests of each case of the conformance scripts; what earlier answers bind is 1."""
    class Bound(dict):
        def __missing__(self, name):
            return 1

    bound = Bound({"$path": lambda name: f"beside/{name}"})

    for script in sorted((TESTS / "conformance" / "scripts").glob("*.json")):
        for case in json.loads(script.read_text(encoding="utf-8"))["cases"]:
            row = []
            for step in case["steps"]:
                if "op" not in step:
                    continue
                try:
                    made = values.arguments(step.get("args", {}), bound)
                except (ValueError, KeyError):
                    continue
                row.append([step["op"], made])
            yield row


def add_requests(seeds):
    for row in requests():
        packed = [msgpack.packb(request, use_bin_type=True) for request in row]
        seeds.add("exec", b"".join(data for data in packed if len(data) < 400)[:2000])
        for request, data in zip(row, packed):
            if len(data) <= 1000:
                seeds.add("value", msgpack.packb(request[1], use_bin_type=True))
                seeds.add("json", values.to_json(request[1]).encode())
    table = ops_def.text()
    words = re.findall(r'^OP\(\w+, "([a-z_.]+)"', table, re.M)
    words += re.findall(r"^ARG\(\w+, (\w+),", table, re.M)
    words = [bytes([0xA0 | len(word)]) + word.encode() for word in set(words) if len(word) < 32]
    leads = [bytes([lead]) for lead in (0x80, 0x81, 0x90, 0x91, 0xC0, 0xC4, 0xCB, 0xD9, 0xDC, 0xDF)]
    seeds.words("exec", words + leads)
    seeds.words("value", leads + [b"\xcf" + b"\xff" * 8, b"\xd3\x80" + bytes(7), b"\xa2\xc3\xa9"])


def add_texts(seeds):
    texts = ['{"$bytes":"AAECAwT/"}', '{"$float":"nan"}', '{"$float":"nan:7ff8000000000001"}',
             '{"$float":"-inf"}', '{"$$bytes":1,"$$$float":2}', '"\\u00e9\\ud83d\\ude00\\n\\/"',
             "[0,-0,1.5e300,-2.5E-7,1e-320,9223372036854775807,-9223372036854775808,0.1]",
             " [ true , false , null ] ", '{"a":{"a":{"a":[[[]]]}}}', "[" * 60 + "]" * 60,
             "1.7976931348623157e308", "123456789012345678901234567890.0", '"\u65e5\u672c"']
    for text in texts:
        seeds.add("json", text.encode())
    words = ["{", "}", "[", "]", ",", ":", '"', "\\u", "\\ud83d\\ude00", "\\n", "true", "false", "null",
             '{"$bytes":"', '{"$float":"nan:', '{"$float":"inf"}', '"$$bytes":', "1e", "e-", "0.", "-0",
             "9223372036854775808", "=="]
    seeds.words("json", [word.encode() for word in words])


def add_atoms(seeds):
    def part(number, data):
        seeds.add("atoms", bytes([number]) + data)

    for key in (b"a", b"\x10a\0", b"\x20" + bytes(7) + b"\1", b"\x01default\0", "gr\u00fc\u00dfe".encode()):
        part(0, struct.pack("<QQH", 1, 2**63, len(key)) + key + b"ab")
    for text in ("0", "-1.5e-7", "1e308", "5e-324", "2.2250738585072011e-308", "9007199254740993",
                 "0.30000000000000004", "1" * 40 + "." + "3" * 40 + "e-20"):
        part(1, struct.pack("<d", float(text)) + text.encode())
    for text in ("", "AA==", "AAE=", "AAEC", "+/+/", "AB==", "A"):
        part(2, text.encode())
    for text in (b"a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"):
        part(3, text)
    part(4, struct.pack("<Q", 2**64 - 1) + varint(2**64 - 1) + sized(b"abc"))
    part(5, b"\1a\1b\2ab\1a\0\0")
    seeds.words("atoms", [b"e+", b"E-", b"0.", b"==", b"\xf4\x8f\xbf\xbf", b"\xff" * 9 + b"\1"])
    seeds.words("codec", [b"\x28\xb5\x2f\xfd"])
    for text in (b"abcdefghij" * 100, bytes(600), bytes(range(256)) * 4):
        seeds.add("codec", b"\1\0\0" + text)


# ---- JSON documents -------------------------------------------------------------------------------


def node(value):
    """The bytes of a value as a document (docs/FORMAT.md)."""
    if value is None or isinstance(value, bool):
        return bytes([{None: 0, False: 1, True: 2}[value]])
    if isinstance(value, int):
        return b"\3" + varint(value * 2 if value >= 0 else -value * 2 - 1)
    if isinstance(value, float):
        return b"\4" + struct.pack("<d", value)
    if isinstance(value, str):
        return b"\5" + sized(value.encode())
    if isinstance(value, bytes):
        return b"\6" + sized(value)
    if isinstance(value, list):
        inside = b"".join(node(element) for element in value)
        return b"\7" + struct.pack("<II", len(inside), len(value)) + inside
    inside = b"".join(sized(name.encode()) + node(member) for name, member in value.items())
    return b"\x09" + struct.pack("<II", len(inside), len(value)) + inside


def array_with_ids(next_id, runs, elements):
    runs = b"".join(varint(first) + varint(count) for first, count in runs)
    inside = b"".join(node(element) for element in elements)
    return b"\x08" + struct.pack("<IIII", 8 + len(runs) + len(inside), len(elements), next_id, len(runs)) + runs + inside


def route(*segments):
    return b"".join(varint(2 * segment + 1) if isinstance(segment, int)
                    else varint(2 * len(segment)) + segment.encode() for segment in segments)


def add_documents(seeds):
    documents = [node(value) for value in (
        None, -5, 1.5, "text", b"\0\xff", [], {}, [1, [2, {"a": None}]], {"a": {"b": [1, "x"]}, "c": True},
        {str(number): number for number in range(40)}, list(range(-20, 20)))]
    documents += [array_with_ids(9, [(4, 2), (2, 2)], ["a", "b", "c", "d"]), array_with_ids(3, [], [])]
    documents.append(b"\x09" + struct.pack("<II", len(documents[-2]) + 2, 1) + b"\1a" + documents[-2])
    changes = [b"\1" + sized(route("a", "d")) + node("longer than it was"), b"\1" + sized(b"") + node({"x": 1}),
               b"\1" + sized(route("a", "b", 1, "c")) + node([1]), b"\2" + sized(route("f")),
               b"\2" + sized(route("a", "b", 0)), b"\3" + sized(route("a", "b")) + b"\0\3" + node(7),
               b"\3" + sized(route("a", "b")) + b"\1\4" + node(8), b"\3" + sized(route("e")) + b"\0\0" + node(9)]
    for place, document in enumerate(documents):
        seeds.add("document", b"\0" + document)
        other = documents[(place + 1) % len(documents)]
        seeds.add("document", b"\3" + struct.pack("<H", len(document)) + document + other)
    for change in [*changes, b"".join(changes[:4]), b"".join(changes[3:])]:
        seeds.add("document", b"\1" + change)
    ids = documents[-1]
    for change in (b"\3" + sized(route("a")) + b"\0\x09" + node(1), b"\2" + sized(route("a", 4)),
                   b"\3" + sized(route("a")) + b"\3\x0a" + node([]), b"\1" + sized(route("a", 3)) + node("z")):
        seeds.add("document", b"\2" + struct.pack("<H", len(ids)) + ids + change)
    for way in (route("a", "b", 1, "c"), route("a", "b", 9), route("x"), b""):
        seeds.add("document", b"\4" + way)
    seeds.words("document", [bytes([tag]) for tag in range(10)] + [route("a"), route("b"), route(1)])


def add_paths(seeds):
    paths = ["", "/a/b/1/c", "/a/b/-", "/0", "/a~1b~0", "$", "$.a.b[0]", "$.a.b[-]", "$['a'][\"b\"][2][0]", "/e/0/x"]
    for path in paths:
        seeds.add("path", b"\0" + path.encode())
    operation = {"op": "add", "path": "/a/b/0", "from": "/a/d", "value": {"x": [1]}}
    patches = [[dict(operation, op=op)] for op in ("add", "remove", "replace", "move", "copy", "test")]
    patches += [[dict(operation, path=path)] for path in paths]
    patches.append([operation, dict(operation, op="copy", path="/a/b/-", **{"from": ""}), dict(operation, op="remove")])
    for patch in patches:
        seeds.add("path", b"\1" + json.dumps(patch).encode())
    for merge in ({"a": None}, {"a": {"b": None, "d": {"x": None}}}, {"f": 1.5, "g": [None]}, 5, []):
        seeds.add("path", b"\2" + json.dumps(merge).encode())
    seeds.words("path", [b"/a", b"/b", b".a", b"[0]", b"[-]", b"['", b'"op":"', b'"path":"', b'"from":"', b'"value":',
                         b"~1", b"~0", b"null", b"move", b"copy", b"remove", b"replace", b"test"])


def add_references(seeds):
    for text in ("kv:city", "event:7", "state:s", "trace:t", "memory:m", "schema:p", "json:plan", "json:a%23b#/x/0",
                 "edge:a>x>b", "edge:a%3Eb>%25>c", "entity:p%2Fq/e", "run", "run:r", "kv:", "event:0", "edge:a>b",
                 "json:a%23", "json:a%2", "entity:a/b/c"):
        seeds.add("reference", b"\0" + text.encode())
    texts = [bytes([tag]) + b"a\0" for tag in (0x01, 0x02, 0x10, 0x30, 0x40, 0x50, 0x70, 0x90, 0xA0)]
    pairs = [bytes([tag]) + b"a\0b#\0" for tag in (0x41, 0x91)]
    triples = [bytes([tag]) + b"a>\0x\0b%\0" for tag in (0x80, 0x81)]
    numbers = [bytes([tag]) + struct.pack(">Q", 7) for tag in (0x03, 0x20, 0xB0)]
    parts = [b"\x51d\0" + struct.pack(">I", 1)]
    for key in texts + pairs + triples + numbers + parts:
        seeds.add("reference", b"\1" + key)

    def key_of(shared, rest):
        return varint(1 + shared) + sized(rest)

    head = b"\1" + varint(0) + varint(9)
    points = key_of(0, b"\x10city\0") + varint(4) + key_of(3, b"x\0") + varint(10) + b"\0"
    ranges = key_of(0, b"\x10a") + key_of(1, b"b") + key_of(1, b"c") + key_of(0, b"") + b"\0"
    writes = key_of(0, b"\x10sum\0") + b"\0"
    blocks = b"\1" + sized(b"label") + b"\2" + sized(b"t1") + b"\x09" + sized(b"?")
    for record in (head + points + ranges + writes + blocks, head + b"\0\0\0", head + points + b"\0\0" + blocks,
                   b"\1\1" + varint(2**62) + b"\0" + ranges + b"\0", head + points[:-2]):
        seeds.add("reference", b"\2" + record)
    seeds.words("reference", [b"kv:", b"json:", b"edge:", b"entity:", b"run:", b"%23", b"%3E", b"%2F", b"%25",
                              points, ranges, writes, blocks])


def main():
    seeds = Seeds(sys.argv[1])
    add_logs(seeds)
    add_built_tables(seeds)
    add_crafted_tables(seeds)
    add_golden_tables(seeds)
    add_requests(seeds)
    add_texts(seeds)
    add_atoms(seeds)
    add_documents(seeds)
    add_paths(seeds)
    add_references(seeds)


if __name__ == "__main__":
    main()
