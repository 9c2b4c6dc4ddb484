#!/usr/bin/env python3
"""Reads a Strata database by docs/FORMAT.md alone, and prints what is in it.

    read_format.py PATH           PATH: a database folder, or a .hex file of this folder; all of it as JSON
    read_format.py --check        reads the golden databases, compares with plain.txt and tables*.json, and
                                  sees to it that no byte changes unnoticed

It shares nothing with the library: a second reading of the document. Every checksum, length and order
that the document promises is checked; what does not hold ends it with a message. Only the standard
library is needed; for the codec zstd, the system's libzstd.
"""

import base64
import hashlib
import json
import math
import os
import struct
import sys
import time

from format_bytes import Cursor, Damaged, Float, crc32c, must, u32, u64, unzstd, value_of
from format_tables import FOOTER_BYTES, HEADER_BYTES, Version, read_table

HERE = os.path.dirname(os.path.abspath(__file__))


# ---- Files ------------------------------------------------------------------------------------


def files_of_hex(path):
    """{name: bytes} of a .hex file: offsets and bytes, "*" repeats the line before."""
    files, name, size, data = {}, None, 0, bytearray()

    def fill(end):
        data.extend(data[-32:] * ((end - len(data) + 31) // 32))
        del data[end:]

    for line in open(path, encoding="ascii"):
        words = line.split()
        if words[0] == "file":
            if name is not None:
                fill(size)
                files[name] = bytes(data)
            name, size, data = words[1], int(words[2]), bytearray()
        elif words[0] != "*":
            fill(int(words[0], 16))
            data += bytes.fromhex(words[1])
    fill(size)
    files[name] = bytes(data)
    return files


def files_of_folder(path):
    files = {"MANIFEST": open(os.path.join(path, "MANIFEST"), "rb").read()}
    for folder in ("WAL", "DATA", "SNAPSHOTS"):
        inside = os.path.join(path, folder)
        for name in os.listdir(inside) if os.path.isdir(inside) else ():
            files[folder + "/" + name] = open(os.path.join(inside, name), "rb").read()
    return files


# ---- The manifest ------------------------------------------------------------------------------------


KIND_TABLE, KIND_SNAPSHOT = 1, 2


def read_slot(head):
    """The manifest of a slot; None: it is not valid."""
    if len(head) < 120 or head[:8] != b"STRATAM1":
        return None
    content = u32(head, 12)
    if 16 + content > len(head) or crc32c(head[12 : 16 + content]) != u32(head, 8):
        return None
    m = {
        "generation": u64(head, 16),
        "read_format": u32(head, 24),
        "uuid": head[32:48],
        "codec": u32(head, 48),
        "watermark": u64(head, 64),
        "first": u64(head, 72),
        "next_file": u64(head, 80),
        "whole": (u64(head, 88), u64(head, 96), u64(head, 104)),
        "files": [],
        "end": 16 + content,
    }
    must(u32(head, 52) == 0, "the manifest's zero")
    must(m["read_format"] <= 4, "a newer format")
    must(m["codec"] in (0, 1), "an unknown codec")
    if u32(head, 28) < 2:
        must(u64(head, 112) == 0 and content == 104, "files in format 1")
        return m
    m["floor"] = (u64(head, 112), struct.unpack_from("<q", head, 120)[0])
    m["files"] = [struct.unpack_from("<IIQQ", head, 136 + 24 * i) for i in range(u64(head, 128))]
    must(content == 120 + 24 * len(m["files"]), "the files of the manifest and its length")
    for kind, level, number, _ in m["files"]:
        must(kind in (KIND_TABLE, KIND_SNAPSHOT) and level <= 6, "a file of an unknown kind")
        must(kind == KIND_TABLE or level == 0, "a snapshot in a level")
        must(0 < number < m["next_file"], "the number of a file")
    return m


def read_manifest(data):
    newest = None
    for slot in (0, 1):
        m = read_slot(data[slot * 65536 :][:65536])
        if m is not None:
            must((m["generation"] + 1) % 2 == slot, "a generation in the other slot")
            newest = m if newest is None or m["generation"] > newest["generation"] else newest
    must(newest is not None, "neither slot of the MANIFEST is valid")
    return newest


# ---- The log --------------------------------------------------------------------------------------------


def read_segment(data, number, manifest, version, last):
    """Yields (version, time, run, writes) and returns the version after the last of them."""
    name = "WAL/wal-%d.seg" % number
    if last and (len(data) < 64 or crc32c(data[:60]) != u32(data, 60)) and manifest["whole"][0] < number:
        return version  # never begun
    must(len(data) >= 64 and crc32c(data[:60]) == u32(data, 60), name + ": checksum of the header")
    must(data[:8] == b"STRAWAL1", name + ": header")
    must(u64(data, 8) == number and data[32:48] == manifest["uuid"], name + ": not of this place")
    must(u64(data, 16) == version and data[48:60] == bytes(12), name + ": versions are missing")
    base = struct.unpack_from("<q", data, 24)[0]
    whole_segment, whole_end, whole_version = manifest["whole"]
    at = 64
    while at + 16 <= len(data) and data[at : at + 16] != bytes(16):
        length = u32(data, at + 4)
        end = at + 16 + (length & 0x0FFFFFFF)
        holds = length >> 29 == 0 and end <= len(data) and crc32c(data[at + 4 : end]) == u32(data, at)
        if not holds:
            break
        must(u32(data, at + 8) == (version + 1) & 0xFFFFFFFF, name + ": out of order at %d" % at)
        must(u32(data, at + 12) <= at - 64, name + ": a durable end before the segment")
        payload = data[at + 16 : end]
        version += 1
        yield (version,) + read_commit(unzstd(payload) if length >> 28 & 1 else payload, base)
        at = end
        if (number, at) == (whole_segment, whole_end):
            must(version == whole_version, "the manifest knows another version there")
    must(last or at == len(data), name + ": damaged at %d" % at)
    must(number != whole_segment or at >= whole_end, name + ": damaged at %d" % at)
    return version


def read_commit(payload, base):
    cursor = Cursor(payload)
    run, time = cursor.varint(), base + cursor.zigzag()
    writes = []
    for _ in range(cursor.varint()):
        kind = cursor.take(1)[0]
        must(kind in (0, 1, 2), "a write of an unknown kind")
        key = cursor.sized()
        expires = cursor.zigzag() if kind == 2 else None
        must(expires is None or expires > 0, "a time to live that ends before 1970")
        writes.append((key, cursor.sized() if kind != 1 else None, expires))
    while cursor.left() > 0:  # blocks
        cursor.varint()
        cursor.sized()
    return time, run, writes


def read_log(files, manifest):
    """Yields (version, time, run, writes) of all that is above the watermark; returns the last version."""
    numbers = sorted(
        int(name[8:-4]) for name in files if name.startswith("WAL/wal-") and name.endswith(".seg")
    )
    must(numbers == list(range(manifest["first"], manifest["first"] + len(numbers))), "a segment is missing")
    must(not numbers or numbers[-1] >= manifest["whole"][0], "the last segment is missing")
    version, times = manifest["watermark"], {}
    for number in numbers:
        data = files["WAL/wal-%d.seg" % number]
        segment = read_segment(data, number, manifest, version, number == numbers[-1])
        while True:
            try:
                commit = next(segment)
            except StopIteration as end:
                version = end.value
                break
            must(commit[1] >= times.get(commit[2], commit[1]), "times of a run go down")
            times[commit[2]] = commit[1]
            yield commit
    return version


# ---- The whole ------------------------------------------------------------------------------------------


class Database:
    """keys: {(run, key): [Version, ...]}, the oldest first, without floors; floors: {(run, tag):
    (version, time, ended)}; trimmed: those under 0xff, {run: floor}; version: the last commit; tables: as format_tables has them."""

    def __init__(self, manifest):
        self.manifest, self.version = manifest, manifest["watermark"]
        self.keys, self.floors, self.tables, self.snapshots = {}, {}, [], {}

    def add(self, run, key, version):
        check_key(key)
        versions = self.keys.setdefault((run, bytes(key)), {})
        known = versions.setdefault(version.version, version)
        same = known._replace(trimmed=False) == version._replace(trimmed=False)
        must(same, "table and log differ about a version")
        if version.trimmed:
            versions[version.version] = version

    def finish(self):
        self.keys = {key: [v[n] for n in sorted(v)] for key, v in sorted(self.keys.items())}
        for (run, key), versions in list(self.keys.items()):
            if key[0] == 0xFE:
                must(len(versions) == 1, "a floor key is used twice")
                cursor = Cursor(versions[0].value)
                floor = (cursor.varint(), cursor.zigzag(), cursor.zigzag())
                must(cursor.left() == 0, "bytes after a floor")
                known = self.floors.get((run, key[1]), floor)
                self.floors[run, key[1]] = tuple(max(pair) for pair in zip(known, floor))
                del self.keys[run, key]
        version, time = self.manifest.get("floor", (0, -(1 << 63)))
        self.trimmed = {run: floor for (run, tag), floor in self.floors.items() if tag == 0xFF}
        self.floors = {place: floor for place, floor in self.floors.items() if place[1] != 0xFF}
        for floor in self.floors.values():
            must(floor[0] <= version and floor[1] <= time, "a floor above that of the manifest")


TEXT_TAGS = (0x01, 0x02, 0x10, 0x60, 0x70)


def check_key(key):
    if key[0] in TEXT_TAGS:
        must(3 <= len(key) <= 1026 and key[-1] == 0 and 0 not in key[1:-1], "a malformed text key")
        bytes(key[1:-1]).decode("utf-8")
    elif key[0] == 0x20:
        must(len(key) == 9 and 0 < struct.unpack(">q", key[1:])[0], "a malformed number key")
    else:
        must(key[0] == 0xFE and len(key) == 10, "a key of an unknown kind")


def check_levels(tables):
    """tables: (level, Table), in the order of the manifest."""
    seen = {}
    for (level, table), (below, other) in zip(tables, tables[1:]):
        must(level <= below, "levels out of order")
        must(level != below or level == 0 or table.last < other.first, "tables of a level overlap")
    for level, table in tables:
        oldest = {}
        for key, version in table.entries:
            must(version.version <= seen.get(key, version.version), "a newer version further down")
            oldest[key] = version.version
        seen.update(oldest)


def read_tables(database, files):
    manifest, tables = database.manifest, []
    for kind, level, number, size in manifest["files"]:
        if kind == KIND_TABLE:
            data = files.get("DATA/tab-%d.tab" % number)
            must(data is not None and len(data) == size, "DATA/tab-%d.tab is not there" % number)
            table = read_table(data, number, manifest["uuid"], manifest["codec"])
            tables.append((level, table))
    check_levels(tables)
    for _, table in tables:
        for key, version in table.entries:
            database.add(struct.unpack(">Q", key[:8])[0], key[8:], version)
    database.tables = tables


def read_snapshot(data, number, uuid):
    """(name, time, the manifest in it)."""
    must(len(data) > 32 and crc32c(data[12:]) == u32(data, 8), "checksum of a snapshot")
    length = u32(data, 12)
    must(data[:8] == b"STRATAS1" and u64(data, 16) == number, "a snapshot that is not of this place")
    must(1 <= length <= 255, "the name of a snapshot")
    manifest = read_slot(data[32 + length :])
    must(manifest is not None and 32 + length + manifest["end"] == len(data), "the manifest of a snapshot")
    must(manifest["uuid"] == uuid, "a snapshot of another database")
    return data[32 : 32 + length].decode("utf-8"), struct.unpack_from("<q", data, 24)[0], manifest


def read_database(files):
    manifest = read_manifest(files["MANIFEST"])
    database = Database(manifest)
    read_tables(database, files)
    for version, time, run, writes in read_log(files, manifest):
        for key, value, expires in writes:
            database.add(run, key, Version(version, time, value, expires, False))
        database.version = max(database.version, version)
    database.finish()
    for kind, _, number, size in manifest["files"]:
        if kind == KIND_SNAPSHOT:
            data = files.get("SNAPSHOTS/snap-%d" % number)
            must(data is not None and len(data) == size, "SNAPSHOTS/snap-%d is not there" % number)
            name, _, inner = read_snapshot(data, number, manifest["uuid"])
            snapshot = Database(inner)
            read_tables(snapshot, files)
            snapshot.finish()
            must(name not in database.snapshots, "two snapshots of a name")
            database.snapshots[name] = snapshot
    return database


# ---- What a reader gets ---------------------------------------------------------------------------------

NO_FLOOR = (0, -(1 << 63), -(1 << 63))
TRIMMED = "trimmed"


def not_found(versions, is_below):
    return TRIMMED if is_below or any(version.trimmed for version in versions) else None


def read_at_version(versions, floor, number):
    """The version that a reader as of commit `number` gets; None; or TRIMMED."""
    for version in reversed(versions):
        if version.version <= number:
            if version.hole:
                return TRIMMED
            if version.value is None:
                return None
            if version.expires is None or version.expires > floor[2]:
                return version.version
            return TRIMMED if number < floor[0] else None
    return not_found(versions, number < floor[0])


def read_at_time(versions, floor, time):
    for version in reversed(versions):
        if version.time <= time:
            if version.hole:
                return TRIMMED
            ended = version.expires is not None and version.expires <= time
            return None if version.value is None or ended else version.version
    return not_found(versions, time < floor[1])


def read_now(versions, now):
    newest = versions[-1]
    ended = newest.expires is not None and newest.expires <= now
    return None if newest.value is None or ended else newest.version


# ---- What is in it ------------------------------------------------------------------------------------


def texts_of(table, run, tag):
    """{text: versions} of the text keys of a tag, in order of their bytes. table: Database.keys."""
    found = {}
    for (of, key), versions in sorted(table.items()):
        if of == run and key[0] == tag:
            must(key[-1] == 0 and 0 not in key[1:-1], "a text key without its end")
            found[key[1:-1].decode("utf-8")] = versions
    return found


def live_of(table, run, tag):
    live = {text: versions[-1] for text, versions in texts_of(table, run, tag).items()}
    return {text: newest for text, newest in live.items() if newest.value is not None}


STATUSES = ["active", "paused", "completed", "failed", "cancelled", "archived"]


def runs_of(table):
    runs = []
    for name, (version, _, value, *_) in live_of(table, 0, 0x01).items():
        record = dict(value_of(value))
        shown = [("name", name), ("status", STATUSES[record["status"]])]
        shown += [(field, record[field]) for field in ("tags", "metadata")]
        shown += [(field, record[field]) for field in ("parent", "error") if field in record]
        shown += [(field, record[field]) for field in ("created", "updated")]
        runs.append((record["id"], tuple(shown + [("version", version)])))
    return runs


def entries_of(table, run):
    return [
        (("key", key), ("value", value_of(value)), ("version", version), ("timestamp", time))
        for key, (version, time, value, *_) in live_of(table, run, 0x10).items()
    ]


def revisions_of(table, run, key):
    revisions = []
    for version, time, value, *_ in reversed(texts_of(table, run, 0x10).get(key, [])):
        shown = (("version", version), ("timestamp", time), ("deleted", value is None))
        revisions.append(shown if value is None else shown + (("value", value_of(value)),))
    return revisions


def events_of(table, run):
    events, previous = [], bytes(32)
    keys = sorted(key for of, key in table if of == run and key[0] == 0x20)
    for expected, key in enumerate(keys, 1):
        must(len(key) == 9, "a number key of another length")
        sequence = struct.unpack(">Q", key[1:])[0]
        version, time, value, *_ = table[run, key][-1]
        must(sequence == expected and len(table[run, key]) == 1, "events are missing or changed")
        cursor = Cursor(value)
        must(cursor.take(1) == b"\x01", "an event of another form")
        kind = cursor.take(cursor.take(1)[0])
        payload = cursor.take(cursor.left() - 32)
        stored = bytes(cursor.take(32))
        head = struct.pack("<QqI", sequence, time, len(kind)) + kind
        hashed = hashlib.sha256(head + struct.pack("<I", len(payload)) + payload + previous).digest()
        must(hashed == stored, "the hash of event %d" % sequence)
        previous = hashed
        events.append(
            (
                ("sequence", sequence),
                ("type", kind.decode("utf-8")),
                ("payload", value_of(payload)),
                ("version", version),
                ("timestamp", time),
                ("hash", hashed),
            )
        )
    return events, previous


def memories_of(table, run):
    memories = []
    for key, (version, time, value, *_) in live_of(table, run, 0x70).items():
        cursor = Cursor(value)
        must(cursor.take(1) == b"\x01", "a memory of another form")
        text = cursor.sized().decode("utf-8")
        fields = dict(value_of(cursor.take(cursor.left()))) if cursor.left() > 0 else {}
        memories.append(
            (
                ("key", key),
                ("text", text),
                ("metadata", fields.get("metadata", ())),
                ("tags", fields.get("tags", [])),
                ("version", version),
                ("timestamp", time),
            )
        )
    return memories


# ---- As JSON --------------------------------------------------------------------------------------------


def json_of(value):
    """The text that the library gives: bytes as {"$bytes"}, floats that JSON lacks as {"$float"}."""
    if isinstance(value, tuple):
        return "{%s}" % ",".join(json_of(name) + ":" + json_of(item) for name, item in value)
    if isinstance(value, list):
        return "[%s]" % ",".join(json_of(item) for item in value)
    if isinstance(value, bytes):
        return json_of((("$bytes", base64.b64encode(value).decode("ascii")),))
    if isinstance(value, Float) and math.isnan(value):
        return json_of((("$float", "nan" if value.bits == 0x7FF8 << 48 else "nan:%016x" % value.bits),))
    if isinstance(value, Float) and math.isinf(value):
        return json_of((("$float", "inf" if value > 0 else "-inf"),))
    return json.dumps(float(value) if isinstance(value, Float) else value, ensure_ascii=False)


def answers(table):
    """The lines of plain.txt: an operation, its arguments, its answer."""
    runs = runs_of(table)
    lines = ["run.list {} " + json_of((("runs", [shown for _, shown in runs]),))]
    for run, shown in sorted(runs, key=lambda each: dict(each[1])["name"]):
        name = dict(shown)["name"]
        entries = entries_of(table, run)
        events, head = events_of(table, run)
        before = [entry for entry in entries if dict(entry)["key"].encode() < b"long"]
        after = [entry for entry in entries if dict(entry)["key"].encode() >= b"m"]
        lines += [
            'kv.list {"run":"%s","end":"long"} %s' % (name, json_of((("entries", before),))),
            'kv.list {"run":"%s","start":"m"} %s' % (name, json_of((("entries", after),))),
            'event.range {"run":"%s"} %s' % (name, json_of((("events", events),))),
            'event.head {"run":"%s"} %s'
            % (name, json_of((("sequence", len(events)), ("hash", head)))),
            'memory.list {"run":"%s"} %s' % (name, json_of((("memories", memories_of(table, run)),))),
        ]
    for key in texts_of(table, 1, 0x10):
        if key != "long":
            revisions = json_of((("revisions", revisions_of(table, 1, key)),))
            lines.append("kv.history %s %s" % (json_of((("key", key),)), revisions))
    return lines


KIND_NAMES = {0x01: "run", 0x02: "rule", 0x10: "kv", 0x20: "event", 0x70: "memory"}
SHOWN_BYTES_MAX = 200


def shown_key(key):
    text = str(u64(key[:0:-1], 0)) if key[0] == 0x20 else key[1:-1].decode("utf-8")
    return KIND_NAMES[key[0]] + ":" + text


def shown_value(tag, value):
    if len(value) > SHOWN_BYTES_MAX:
        return (("length", len(value)), ("sha256", hashlib.sha256(value).hexdigest()))
    cursor = Cursor(value)
    if tag == 0x20:
        must(cursor.take(1) == b"\x01", "an event of another form")
        kind = cursor.take(cursor.take(1)[0]).decode("utf-8")
        payload = value_of(cursor.take(cursor.left() - 32))
        return (("type", kind), ("payload", payload), ("hash", cursor.take(32)))
    if tag == 0x70:
        must(cursor.take(1) == b"\x01", "a memory of another form")
        text = cursor.sized().decode("utf-8")
        fields = value_of(cursor.take(cursor.left())) if cursor.left() > 0 else ()
        return (("text", text), ("fields", fields))
    return value_of(value)


def shown_version(tag, version):
    shown = [("version", version.version), ("time", version.time)]
    shown += [("deleted", True)] if version.value is None else []
    shown += [("trimmed", True)] if version.trimmed else []
    shown += [("expires", version.expires)] if version.expires is not None else []
    shown += [("value", shown_value(tag, version.value))] if version.value is not None else []
    return tuple(shown)


def changes(bounds, answer):
    """[[from, answer], ...] where the answer changes."""
    found = []
    for bound in bounds:
        got = answer(bound)
        if not found or found[-1][1] != got:
            found.append([bound, got])
    return found


def content_lines(database, now):
    """The lines of one database of tables.json (tests/unit/golden_dump.h says what they are)."""
    versions = [version for each in database.keys.values() for version in each]
    times = {version.time for version in versions}
    times |= {version.expires - early for version in versions if version.expires for early in (0, 1)}
    floors, keys = [], []
    for (run, tag), (version, time, ended) in sorted(database.floors.items()):
        shown = (("run", run), ("primitive", KIND_NAMES[tag]), ("version", version), ("time", time))
        floors.append(json_of(shown + (("ended", ended),)))
    for (run, key), each in database.keys.items():
        floor = database.floors.get((run, key[0]), NO_FLOOR)
        at_version = changes(range(1, database.version + 1), lambda n: read_at_version(each, floor, n))
        at_time = changes(sorted(times), lambda t: read_at_time(each, floor, t))
        shown = (("run", run), ("key", shown_key(key)))
        shown += (("versions", [shown_version(key[0], version) for version in reversed(each)]),)
        shown += (("at_version", at_version), ("at_time", at_time), ("now", read_now(each, now)))
        keys.append(json_of(shown))
    head = '{"version":%d,"now":%d,' % (database.version, now)
    parts = ['"floors":[' + "".join("\n" + line for line in joined(floors)) + "],"]
    parts += ['"keys":[' + "".join("\n" + line for line in joined(keys)) + "]}"]
    return "\n".join([head] + parts)


def joined(lines):
    return [line + "," for line in lines[:-1]] + lines[-1:]


def content(database, now):
    """The text of tables.json."""
    all_of_them = [("", database)] + list(database.snapshots.items())
    return "{%s}\n" % ",\n".join(json_of(name) + ":" + content_lines(of, now) for name, of in all_of_them)


# ---- The checks -------------------------------------------------------------------------------------------


def compare(got, expected):
    got, expected = got.splitlines(), expected.splitlines()
    must(len(got) == len(expected), "%d lines, not %d" % (len(got), len(expected)))
    for mine, theirs in zip(got, expected):
        must(mine == theirs, "\n  by the document %s\n  by the library  %s" % (mine, theirs))


def golden_text(name):
    return open(os.path.join(HERE, name), encoding="utf-8").read()


def check_plain(files, name):
    table = read_database(files).keys
    must(dict(entries_of(table, 1)[5])["value"] == "a" * 66000, "the long value")
    compare("\n".join(answers(table)), golden_text("plain.txt"))


def check_tables(files, name):
    expected = golden_text("tables-early.json" if name == "tables-early.hex" else "tables.json")
    compare(content(read_database(files), json.loads(expected)[""]["now"]), expected)


def spans_of(files):
    """(name, from, to) of all bytes that are under a checksum, that included."""
    manifest = read_manifest(files["MANIFEST"])
    for slot in (0, 65536):
        yield "MANIFEST", slot + 8, slot + read_slot(files["MANIFEST"][slot : slot + 65536])["end"]
    for name, data in files.items():
        if name.startswith("WAL/"):
            yield name, 0, 64
            at = 64
            while at + 16 <= len(data) and data[at : at + 16] != bytes(16):
                yield name, at, at + 16 + (u32(data, at + 4) & 0x0FFFFFFF)
                at += 16 + (u32(data, at + 4) & 0x0FFFFFFF)
        elif name.startswith("SNAPSHOTS/"):
            yield name, 8, len(data)
        elif name.startswith("DATA/"):
            table = read_table(data, int(name[9:-4]), manifest["uuid"], manifest["codec"])
            ends = [HEADER_BYTES] + [frame.end for frame in table.frames] + [len(data)]
            must(ends[-2] == len(data) - FOOTER_BYTES, "bytes of a table under no checksum")
            yield from ((name, start, end) for start, end in zip([0] + ends, ends))


def told(files, name):
    """What the reader makes of the file, as far as it notices: another byte must tell another story."""
    manifest = read_manifest(files["MANIFEST"])
    if name == "MANIFEST":
        return [read_slot(files[name][slot : slot + 65536]) for slot in (0, 65536)]
    if name.startswith("WAL/"):
        return list(read_log(files, manifest))
    if name.startswith("SNAPSHOTS/"):
        return read_snapshot(files[name], int(name[15:]), manifest["uuid"])
    return read_table(files[name], int(name[9:-4]), manifest["uuid"], manifest["codec"])


def check_flips(files, _):
    """Flips a bit in many bytes under each checksum: none may go unnoticed."""
    for name, start, end in spans_of(files):
        before = told(files, name)
        few = end - start > 4096
        near = {start, start + 4, end - 1} if few else {*range(start, min(start + 24, end)), *range(end - 4, end)}
        for at in sorted(near | {start + (end - start) * i // 7 for i in ((3,) if few else range(1, 7))}):
            data = bytearray(files[name])
            data[at] ^= 1 << at % 8
            try:
                unnoticed = told({**files, name: bytes(data)}, name) == before
            except Damaged:
                continue
            must(not unnoticed, "a flipped bit at %d of %s goes unnoticed" % (at, name))


PLAIN = ("plain.hex", "packed.hex", "format-3-plain.hex", "format-3-packed.hex",
         "format-2-plain.hex", "format-2-packed.hex", "format-1-plain.hex",
         "format-1-packed.hex")
TABLES = ("tables.hex", "tables-packed.hex", "format-3-tables.hex", "format-3-tables-packed.hex",
          "format-2-tables.hex", "format-2-tables-packed.hex",
          "tables-early.hex")


def check():
    failed = count = 0
    for name in PLAIN + TABLES:
        files = files_of_hex(os.path.join(HERE, name))
        for test in (check_plain if name in PLAIN else check_tables, check_flips):
            count += 1
            try:
                test(files, name)
            except Damaged as problem:
                failed += 1
                print("%s: %s: %s" % (name, test.__name__, problem))
    print("%d passed, %d failed" % (count - failed, failed))
    return failed


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--check":
        sys.exit(1 if check() else 0)
    path = sys.argv[1]
    try:
        files = files_of_hex(path) if path.endswith(".hex") else files_of_folder(path)
        print(content(read_database(files), time.time_ns() // 1000), end="")
    except Damaged as problem:
        sys.exit("%s: %s" % (path, problem))


if __name__ == "__main__":
    main()
