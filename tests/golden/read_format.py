#!/usr/bin/env python3
"""Reads a Strata database by docs/FORMAT.md alone, and prints what is in it.

    read_format.py PATH           PATH: a database folder, or a .hex file of this folder
    read_format.py --check        reads the golden databases, compares with plain.txt

It shares nothing with the library: a second reading of the document. Every checksum, length and order
that the document promises is checked; what does not hold ends it with a message. Only the standard
library is needed; for the codec zstd, the system's libzstd.
"""

import base64
import ctypes
import ctypes.util
import hashlib
import json
import math
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Damaged(Exception):
    pass


def must(condition, what):
    if not condition:
        raise Damaged(what)


# ---- Files ------------------------------------------------------------------------------------


def files_of_hex(path):
    """{name: bytes} of a .hex file: offsets and bytes, "*" repeats the line before."""
    files, name, size, data = {}, None, 0, bytearray()

    def fill(end):
        while len(data) < end:
            data.append(data[-32])

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
    for name in os.listdir(os.path.join(path, "WAL")):
        files["WAL/" + name] = open(os.path.join(path, "WAL", name), "rb").read()
    return files


# ---- Numbers and checksums ----------------------------------------------------------------------


def make_crc_table():
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


CRC_TABLE = make_crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def u32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def u64(data, at):
    return struct.unpack_from("<Q", data, at)[0]


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, count):
        must(count <= self.left(), "bytes end early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def varint(self):
        value = 0
        for place in range(10):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                must(value < 1 << 64, "a varint beyond 64 bits")
                return value
        raise Damaged("a varint of more than ten bytes")

    def zigzag(self):
        value = self.varint()
        return value >> 1 if value & 1 == 0 else -(value >> 1) - 1

    def sized(self):
        return self.take(self.varint())


# ---- MessagePack -----------------------------------------------------------------------------------


class Float(float):
    """A float that keeps its bits."""

    bits = 0


def unpack(cursor):
    """One value: None, bool, int, Float, str, bytes, list, or a list of pairs in a tuple."""
    lead = cursor.take(1)[0]
    if lead < 0x80:
        return lead
    if lead >= 0xE0:
        return lead - 256
    if lead < 0x90:
        return unpack_map(cursor, lead & 15)
    if lead < 0xA0:
        return [unpack(cursor) for _ in range(lead & 15)]
    if lead < 0xC0:
        return cursor.take(lead & 31).decode("utf-8")
    if lead in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[lead]
    if lead in (0xC4, 0xC5, 0xC6):
        return bytes(cursor.take(cursor.number({0xC4: ">B", 0xC5: ">H", 0xC6: ">I"}[lead])))
    if lead == 0xCB:
        bits = cursor.number(">Q")
        value = Float(struct.unpack(">d", struct.pack(">Q", bits))[0])
        value.bits = bits
        return value
    ints = {0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
    if lead in ints:
        return cursor.number(ints[lead])
    if lead in (0xD9, 0xDA, 0xDB):
        return cursor.take(cursor.number({0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}[lead])).decode("utf-8")
    if lead in (0xDC, 0xDD):
        return [unpack(cursor) for _ in range(cursor.number(">H" if lead == 0xDC else ">I"))]
    if lead in (0xDE, 0xDF):
        return unpack_map(cursor, cursor.number(">H" if lead == 0xDE else ">I"))
    raise Damaged("MessagePack of the kind %02x is not canonical" % lead)


def unpack_map(cursor, count):
    pairs = []
    for _ in range(count):
        name = unpack(cursor)
        must(isinstance(name, str), "a map's name is not a string")
        pairs.append((name, unpack(cursor)))
    must(len(dict(pairs)) == count, "a map has a name twice")
    return tuple(pairs)


def value_of(data):
    cursor = Cursor(data)
    value = unpack(cursor)
    must(cursor.left() == 0, "bytes after a value")
    return value


# ---- The manifest ------------------------------------------------------------------------------------


def read_manifest(data):
    newest = None
    for slot in (0, 1):
        at = slot * 65536
        head = data[at : at + 65536]
        if len(head) < 120 or head[:8] != b"STRATAM1":
            continue
        content = u32(head, 12)
        if 16 + content > len(head) or crc32c(head[12 : 16 + content]) != u32(head, 8):
            continue
        m = {
            "generation": u64(head, 16),
            "read_format": u32(head, 24),
            "uuid": head[32:48],
            "codec": u32(head, 48),
            "watermark": u64(head, 64),
            "first": u64(head, 72),
            "whole": (u64(head, 88), u64(head, 96), u64(head, 104)),
        }
        must((m["generation"] + 1) % 2 == slot, "a generation in the other slot")
        must(u32(head, 52) == 0, "what this reader does not know")
        m["files"] = []
        if u32(head, 28) >= 2:
            m["files"] = [struct.unpack_from("<IIQQ", head, 136 + 24 * i) for i in range(u64(head, 128))]
            must(content == 120 + 24 * len(m["files"]), "the files of the manifest and its length")
        else:
            must(u64(head, 112) == 0 and content == 104, "files in format 1")
        if newest is None or m["generation"] > newest["generation"]:
            newest = m
    must(newest is not None, "neither slot of the MANIFEST is valid")
    must(newest["read_format"] <= 2, "a newer format")
    must(newest["codec"] in (0, 1), "an unknown codec")
    return newest


# ---- The log --------------------------------------------------------------------------------------------


def unzstd(data):
    name = ctypes.util.find_library("zstd") or "libzstd.so.1"
    zstd = ctypes.CDLL(name)
    zstd.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
    zstd.ZSTD_decompress.restype = ctypes.c_size_t
    zstd.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    size = zstd.ZSTD_getFrameContentSize(ctypes.c_char_p(data), ctypes.c_size_t(len(data)))
    must(size < 1 << 28, "a zstd frame that does not state its size")
    plain = ctypes.create_string_buffer(size)
    must(zstd.ZSTD_decompress(plain, size, data, len(data)) == size, "a zstd frame does not unpack")
    return plain.raw


def read_segment(data, number, manifest, version, last):
    """Yields (version, time, run, writes) and returns the version after the last of them."""
    name = "WAL/wal-%d.seg" % number
    if last and (len(data) < 64 or crc32c(data[:60]) != u32(data, 60)) and manifest["whole"][0] < number:
        return version  # never begun
    must(data[:8] == b"STRAWAL1" and crc32c(data[:60]) == u32(data, 60), name + ": header")
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
        writes.append((key, cursor.sized() if kind != 1 else None))
    while cursor.left() > 0:  # blocks
        cursor.varint()
        cursor.sized()
    return time, run, writes


def read_database(files):
    """{(run, key): [(version, time, value or None), ...]}, the oldest version first."""
    manifest = read_manifest(files["MANIFEST"])
    numbers = sorted(
        int(name[8:-4]) for name in files if name.startswith("WAL/wal-") and name.endswith(".seg")
    )
    must(numbers == list(range(manifest["first"], manifest["first"] + len(numbers))), "a segment is missing")
    must(not numbers or numbers[-1] >= manifest["whole"][0], "the last segment is missing")
    version, times, table = manifest["watermark"], {}, {}
    for number in numbers:
        segment = read_segment(
            files["WAL/wal-%d.seg" % number], number, manifest, version, number == numbers[-1]
        )
        for version, time, run, writes in segment:
            must(time >= times.get(run, time), "times of a run go down")
            times[run] = time
            for key, value in writes:
                table.setdefault((run, bytes(key)), []).append((version, time, value))
    return table


# ---- What is in it ------------------------------------------------------------------------------------


def texts_of(table, run, tag):
    """{text: versions} of the text keys of a tag, in order of their bytes."""
    found = {}
    for (of, key), versions in sorted(table.items()):
        if of == run and key[0] == tag:
            must(key[-1] == 0 and 0 not in key[1:-1], "a text key without its end")
            found[key[1:-1].decode("utf-8")] = versions
    return found


def live_of(table, run, tag):
    live = {text: versions[-1] for text, versions in texts_of(table, run, tag).items()}
    return {text: newest for text, newest in live.items() if newest[2] is not None}


STATUSES = ["active", "paused", "completed", "failed", "cancelled", "archived"]


def runs_of(table):
    runs = []
    for name, (version, _, value) in live_of(table, 0, 0x01).items():
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
        for key, (version, time, value) in live_of(table, run, 0x10).items()
    ]


def revisions_of(table, run, key):
    revisions = []
    for version, time, value in reversed(texts_of(table, run, 0x10).get(key, [])):
        shown = (("version", version), ("timestamp", time), ("deleted", value is None))
        revisions.append(shown if value is None else shown + (("value", value_of(value)),))
    return revisions


def events_of(table, run):
    events, previous = [], bytes(32)
    keys = sorted(key for of, key in table if of == run and key[0] == 0x20)
    for expected, key in enumerate(keys, 1):
        must(len(key) == 9, "a number key of another length")
        sequence = struct.unpack(">Q", key[1:])[0]
        version, time, value = table[run, key][-1]
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
    for key, (version, time, value) in live_of(table, run, 0x70).items():
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


def check():
    expected = open(os.path.join(HERE, "plain.txt"), encoding="utf-8").read().splitlines()
    failed = 0
    names = ("plain.hex", "packed.hex", "format-1-plain.hex", "format-1-packed.hex")
    for name in names:
        try:
            table = read_database(files_of_hex(os.path.join(HERE, name)))
            got = answers(table)
            must(dict(entries_of(table, 1)[5])["value"] == "a" * 66000, "the long value")
            must(len(got) == len(expected), "%d answers, not %d" % (len(got), len(expected)))
            for mine, theirs in zip(got, expected):
                must(mine == theirs, "\n  by the document %s\n  by the library  %s" % (mine, theirs))
        except Damaged as problem:
            failed += 1
            print("%s: %s" % (name, problem))
    print("%d passed, %d failed" % (len(names) - failed, failed))
    return failed


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--check":
        sys.exit(1 if check() else 0)
    path = sys.argv[1]
    try:
        files = files_of_hex(path) if path.endswith(".hex") else files_of_folder(path)
        print("\n".join(answers(read_database(files))))
    except Damaged as problem:
        sys.exit("%s: %s" % (path, problem))


if __name__ == "__main__":
    main()
