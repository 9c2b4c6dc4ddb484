"""Numbers, checksums, compression and MessagePack, as docs/FORMAT.md has them; for read_format.py."""

import ctypes
import ctypes.util
import functools
import struct


class Damaged(Exception):
    """What does not hold."""


def must(condition, what):
    if not condition:
        raise Damaged(what)


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


@functools.lru_cache(maxsize=4096)
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


# ---- Compression ---------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def load_zstd():
    zstd = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    for name in ("ZSTD_findFrameCompressedSize", "ZSTD_decompress"):
        getattr(zstd, name).restype = ctypes.c_size_t
    zstd.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
    zstd.ZSTD_findFrameCompressedSize.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    zstd.ZSTD_getFrameContentSize.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    zstd.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    return zstd


def unzstd(data):
    """One frame of zstd that states its size and ends where the data ends; by the system's libzstd."""
    zstd = load_zstd()
    data = bytes(data)
    must(zstd.ZSTD_findFrameCompressedSize(data, len(data)) == len(data), "not one whole frame of zstd")
    size = zstd.ZSTD_getFrameContentSize(data, len(data))
    must(size < 1 << 28, "a zstd frame that does not state its size")
    plain = ctypes.create_string_buffer(max(size, 1))
    must(zstd.ZSTD_decompress(plain, size, data, len(data)) == size, "a zstd frame does not unpack")
    return plain.raw[:size]
