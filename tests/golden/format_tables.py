"""A table, read by docs/FORMAT.md alone: every checksum, length, count and order that it promises is
checked, and that the filter knows every key. For read_format.py."""

import collections
import random
import struct

from format_bytes import Cursor, Damaged, crc32c, must, u32, u64, unzstd

HEADER_BYTES, FRAME_BYTES, FOOTER_BYTES = 40, 8, 48
ENTRIES, VALUE, INDEX, FILTER, PROPERTIES = 1, 2, 3, 4, 5
SAME, HEAD, DELETED, TRIMMED, EXPIRES, APART, HOLE = 1, 2, 4, 8, 16, 32, 64
APART_ABOVE = 16384
MASK = (1 << 64) - 1

# value None: a delete, or a hole; expires None: never.
Version = collections.namedtuple("Version", "version time value expires trimmed hole", defaults=(False,))
Frame = collections.namedtuple("Frame", "at end kind encoded payload")
Block = collections.namedtuple("Block", "frame plain entries keys heads")
Table = collections.namedtuple("Table", "number first last entries frames")


def signed(number):
    number &= MASK
    return number - (1 << 64) if number >> 63 else number


# ---- Frames -----------------------------------------------------------------------------------------


def read_frames(data, number, uuid):
    """All frames of the file; with them, header and footer, every byte is under a checksum."""
    seal = uuid + struct.pack("<Q", number)
    must(len(data) >= HEADER_BYTES + FOOTER_BYTES, "shorter than header and footer")
    must(crc32c(data[:36]) == u32(data, 36), "checksum of the header")
    foot = data[-FOOTER_BYTES:]
    must(crc32c(seal + foot[:44]) == u32(foot, 44), "checksum of the footer")
    frames, at = [], HEADER_BYTES
    while at < len(data) - FOOTER_BYTES:
        must(at + FRAME_BYTES <= len(data) - FOOTER_BYTES, "bytes before the footer")
        word = u32(data, at + 4)
        end = at + FRAME_BYTES + (word & 0x0FFFFFFF)
        must(end <= len(data) - FOOTER_BYTES, "a frame goes into the footer")
        sealed = seal + struct.pack("<Q", at) + data[at + 4 : end]
        must(crc32c(sealed) == u32(data, at), "checksum of the frame at %d" % at)
        frames.append(Frame(at, end, word >> 29, bool(word >> 28 & 1), data[at + FRAME_BYTES : end]))
        at = end
    return frames


def plain_of(frame, codec):
    must(not frame.encoded or codec == 1, "something is encoded, and there is no codec")
    return unzstd(frame.payload) if frame.encoded else bytes(frame.payload)


def check_ends(data, number, uuid, codec, frames):
    must(data[:8] == b"STRATAT1" and u64(data, 8) == number, "header: not of this place")
    must(data[16:32] == uuid and u32(data, 32) == codec, "header: of another database")
    foot = data[-FOOTER_BYTES:]
    must(foot[:8] == b"STRATATF" and u64(foot, 32) == len(data), "footer")
    must(u32(foot, 40) == 0, "the footer's zero")
    kinds = [frame.kind for frame in frames]
    must(kinds[-3:] == [INDEX, FILTER, PROPERTIES], "index, filter, properties")
    must(kinds[-4:-3] == [ENTRIES] and set(kinds[:-3]) <= {ENTRIES, VALUE}, "frames out of order")
    places = tuple(frame.at for frame in frames[-3:])
    must(struct.unpack_from("<QQQ", foot, 8) == places, "the footer's offsets")


# ---- Blocks -----------------------------------------------------------------------------------------


def bytes_for(number):
    return (number.bit_length() + 7) // 8


def shared_bytes(one, other):
    count = 0
    while count < min(len(one), len(other)) and one[count] == other[count]:
        count += 1
    return count


def take_value(cursor, flags, length, apart):
    """apart: (end of the block before, {offset: frame}, codec); a value that is found is taken out."""
    if not flags & APART:
        return None
    from_here, values, codec = apart
    offset, size = cursor.varint(), cursor.varint()
    must(values and min(values) == from_here + offset, "values apart are not in the order of entries")
    frame = values.pop(from_here + offset)
    must(size == len(frame.payload) * 2 + frame.encoded, "what an entry says of its value's frame")
    value = plain_of(frame, codec)
    must(len(value) == length > APART_ABOVE, "a value apart of another length")
    return value


def read_entries(plain, apart):
    """([(key, Version)], keys, heads, [key of a head])."""
    must(len(plain) <= 65535, "a block that is too long")
    low, low_time, count, keys, heads, wide, time_wide = struct.unpack_from("<QqHHHBB", plain)
    must(wide <= 8 and time_wide <= 8 and count > 0, "the head of a block")
    cursor, entries, head, key, before = Cursor(plain[24:]), [], None, None, None
    seen_keys = seen_heads = 0
    for _ in range(count):
        version = low + int.from_bytes(cursor.take(wide), "little")
        time = low_time + int.from_bytes(cursor.take(time_wide), "little")
        flags = cursor.take(1)[0]
        must(flags < 128 and (flags & (SAME | HEAD)) != (SAME | HEAD), "flags")
        must(not flags & DELETED or not flags & APART, "a delete with a value")
        must(not flags & HOLE or flags & DELETED, "a hole with a value")
        here = 0 if flags & SAME else cursor.varint()
        share = 0 if flags & (SAME | HEAD) else cursor.varint()
        expires = signed(time + cursor.zigzag()) if flags & EXPIRES else None
        length = 0 if flags & DELETED else cursor.varint()
        value = take_value(cursor, flags, length, apart)
        if flags & SAME:
            must(key is not None, "the first entry has no key")
        else:
            must(here > 0, "an entry with a key that adds nothing")
            if flags & HEAD:
                head = None
            must(head is not None or flags & HEAD, "the first entry is no head")
            must(not share or share <= len(head), "more shared than there is")
            key = (head[:share] if share else b"") + bytes(cursor.take(here))
            must(head is None or share == shared_bytes(key, head), "not all that is shared")
            seen_keys, seen_heads = seen_keys + 1, seen_heads + bool(flags & HEAD)
            head = key if flags & HEAD else head
        if value is None and not flags & DELETED:
            must(length <= APART_ABOVE, "a long value that is not apart")
            value = bytes(cursor.take(length))
        must(before is None or (before[0], -before[1]) < (key, -version), "entries out of order")
        before = (key, version)
        entries.append((key, Version(version, time, value, expires, bool(flags & TRIMMED),
                                     bool(flags & HOLE))))
    must(cursor.left() == 0, "bytes after the last entry")
    must((keys, heads) == (seen_keys, seen_heads), "counts in the head of a block")
    versions, times = [e.version for _, e in entries], [e.time for _, e in entries]
    must((low, low_time) == (min(versions), min(times)), "lowest version or time of a block")
    must(wide == bytes_for(max(versions) - low), "V is not the fewest bytes")
    must(time_wide == bytes_for(max(times) - low_time), "T is not the fewest bytes")
    return entries, keys, heads


def read_blocks(frames, codec):
    blocks, values, before = [], {}, HEADER_BYTES
    for frame in frames:
        if frame.kind == VALUE:
            values[frame.at] = frame
            continue
        plain = plain_of(frame, codec)
        blocks.append(Block(frame, plain, *read_entries(plain, (before, values, codec))))
        must(not values, "a value of no entry")
        before = frame.end
    return blocks


# ---- Index, filter, properties ----------------------------------------------------------------------


def shortest_above(key, before):
    """The shortest beginning of `key` that is above `before`."""
    return key[: shared_bytes(key, before) + 1]


def check_index(plain, blocks):
    cursor, at, low, low_time, separator, last = Cursor(plain), HEADER_BYTES, 0, 0, b"", None
    for block in blocks:
        frame, versions = block.frame, [e.version for _, e in block.entries]
        times, first = [e.time for _, e in block.entries], block.entries[0]
        must(at + cursor.varint() == frame.at, "index: bytes of values")
        at = frame.end
        word = cursor.varint()
        must(word >> 1 == len(frame.payload) * 2 + frame.encoded, "index: the frame of a block")
        must(not frame.encoded or cursor.varint() == len(block.plain), "index: length of a block")
        counts = (cursor.varint(), cursor.varint(), cursor.varint())
        must(counts == (len(block.entries), block.keys, block.heads), "index: counts")
        low = (low + cursor.zigzag()) & MASK
        must(low == min(versions) and low + cursor.varint() == max(versions), "index: versions")
        low_time = signed(low_time + cursor.zigzag())
        must(low_time == min(times) and low_time + cursor.varint() == max(times), "index: times")
        continues = bool(word & 1)
        must(continues == (last is not None and last[0] == first[0]), "index: CONTINUES")
        if continues:
            bound = cursor.varint()
            must(first[1].version <= bound == last[1].version - 1, "index: where a key goes on")
        share = cursor.varint()
        must(share <= len(separator), "index: more shared than there is")
        separator = separator[:share] + bytes(cursor.sized())
        if last is None:
            expected = b""
        else:
            must(last[0] <= first[0], "blocks out of order")
            expected = first[0] if continues else shortest_above(first[0], last[0])
        must(separator == expected, "index: separator")
        last = block.entries[-1]
    must(cursor.left() == 0, "bytes after the index")


def hash_of(key):
    h = len(key) * 0x9E3779B97F4A7C15 & MASK
    for at in range(0, len(key), 8):
        h = (h ^ int.from_bytes(key[at : at + 8], "little")) * 0xA0761D6478BD642F & MASK
        h ^= h >> 32
    h = (h ^ h >> 29) * 0xE7037ED1A0B428DB & MASK
    return h ^ h >> 32


def may_have(lines, key):
    h = hash_of(key)
    line = (h >> 32) * (len(lines) // 64) >> 32
    s = h * 0x9E3779B97F4A7C15 & MASK
    bits = [s >> 55 - 9 * i & 511 for i in range(6)]
    return all(lines[64 * line + bit // 8] >> bit % 8 & 1 for bit in bits)


def check_filter(lines, keys):
    must(len(lines) % 64 == 0 and 64 <= len(lines), "the filter's length")
    must(len(lines) // 64 <= 1 + len(keys) * 10 // 512, "a filter with more lines than keys need")
    for key in keys:
        must(may_have(lines, key), "the filter does not know the key %r" % key)
    chance = random.Random(1)
    others = [chance.randbytes(20) for _ in range(500)]
    must(sum(may_have(lines, key) for key in others) < 50, "a filter that lets everything pass")


def check_properties(plain, blocks, keys, values):
    entries = [entry for block in blocks for _, entry in block.entries]
    versions, times = [e.version for e in entries], [e.time for e in entries]
    ends = [e.expires for e in entries if e.expires is not None]
    facts = (len(entries), len(keys), min(versions), max(versions), min(times), max(times))
    facts += (min(ends, default=(1 << 63) - 1), len(blocks), values)
    must(struct.unpack_from("<QQQQqqqQQ", plain) == facts, "properties")
    cursor = Cursor(plain[72:])
    must(cursor.sized() == keys[0] and cursor.sized() == keys[-1], "first and last key")
    while cursor.left() > 0:
        cursor.varint()
        cursor.sized()


def read_table(data, number, uuid, codec):
    frames = read_frames(data, number, uuid)
    check_ends(data, number, uuid, codec, frames)
    blocks = read_blocks(frames[:-3], codec)
    entries = [entry for block in blocks for entry in block.entries]
    for (key, one), (other, two) in zip(entries, entries[1:]):
        must((key, -one.version) < (other, -two.version), "blocks out of order")
    keys = sorted({key for key, _ in entries})
    check_index(plain_of(frames[-3], codec), blocks)
    check_filter(plain_of(frames[-2], codec), keys)
    values = sum(frame.kind == VALUE for frame in frames)
    check_properties(plain_of(frames[-1], codec), blocks, keys, values)
    return Table(number, keys[0], keys[-1], entries, frames)
