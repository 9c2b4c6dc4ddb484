#!/usr/bin/env python3
"""compare.py TRANSCODE - the library's JSON and MessagePack against Python's, value by value.

Values and texts are made from a seed. Python's json and msgpack are other programs by other people:
what they and the library agree on is not a defect that both sides of a round trip hide. Checked:
  1. JSON text -> MessagePack gives the bytes that msgpack.packb gives for json.loads of the text.
  2. MessagePack -> JSON, compact and pretty, gives the text that json.dumps gives, floats and all.
  3. Damaged texts are taken by both or by neither, but for what strata.h leaves out (below).
"""

import json
import math
import random
import struct
import subprocess
import sys

import msgpack

SEED = 20251120
VALUES = 4000
DAMAGED = 20000


class Transcoder:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, mode, data):
        """The result, or None when it was refused."""
        self.process.stdin.write(mode + struct.pack("<I", len(data)) + data)
        self.process.stdin.flush()
        status, size = struct.unpack("<BI", self.process.stdout.read(5))
        result = self.process.stdout.read(size)
        return result if status == 0 else None

    def end(self):
        self.process.stdin.close()
        return self.process.wait()


def seeded_string(chance):
    alphabet = 'abc \u00e9\u20ac\U0001f600"\\/\b\f\n\r\t\x00\x1f\x7f\u2028{}[]:,0'
    return "".join(chance.choice(alphabet) for _ in range(chance.choice([0, 1, 3, 8, 40, 300])))


def seeded_float(chance):
    kind = chance.randrange(4)
    if kind == 0:
        real = struct.unpack("<d", struct.pack("<Q", chance.getrandbits(64)))[0]
        return real if math.isfinite(real) else 0.5
    if kind == 1:
        return chance.randrange(-(10**6), 10**6) / 10 ** chance.randrange(7)
    if kind == 2:
        return float(chance.getrandbits(chance.randrange(1, 64)))
    return chance.choice([0.0, -0.0, 1e22, 1e23, 5e-324, 1.7976931348623157e308, 1e-5, 1e16])


def seeded_value(chance, depth):
    kind = chance.randrange(6 if depth == 0 else 8)
    if kind == 0:
        return chance.choice([None, True, False])
    if kind in (1, 2):
        return (chance.getrandbits(63) >> chance.randrange(63)) * chance.choice([1, -1])
    if kind == 3:
        return seeded_float(chance)
    if kind in (4, 5):
        return seeded_string(chance)
    count = chance.choice([0, 1, 2, 5, 15, 16, 17])
    if kind == 6:
        return [seeded_value(chance, depth - 1) for _ in range(count)]
    return {seeded_string(chance): seeded_value(chance, depth - 1) for _ in range(count)}


def pretty(value):
    """json.dumps(indent=2), but that nothing is split over two lines when it is empty."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def strict_pairs(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name comes twice")
    if len(pairs) == 1 and pairs[0][0].lstrip("$") in ("bytes", "float") and pairs[0][0][0] == "$":
        raise OverflowError("a tag")
    return dict(pairs)


def refuse(_):
    raise ValueError("NaN and infinities are not JSON")


def python_reads(text):
    """(taken, value) by Python, with what the library refuses besides refused here too."""
    value = json.loads(text, object_pairs_hook=strict_pairs, parse_constant=refuse)
    stack = [value]
    while stack:
        inner = stack.pop()
        if isinstance(inner, int) and not -(2**63) <= inner < 2**63:
            raise ValueError("an int beyond 64 bits")
        if isinstance(inner, float) and not math.isfinite(inner):
            raise ValueError("a float beyond its range")
        if isinstance(inner, str):
            inner.encode("utf-8")  # fails for half of a surrogate pair
        if isinstance(inner, list):
            stack.extend(inner)
        if isinstance(inner, dict):
            stack.extend(inner.values())
            stack.extend(inner.keys())
    return value


def damage(chance, text):
    text = list(text)
    for _ in range(chance.randrange(1, 3)):
        at = chance.randrange(len(text))
        what = chance.choice('{}[]",:\\u0123456789abcdefnrtl-+.eE \n')
        if chance.randrange(3) == 0:
            del text[at]
        else:
            text[at] = what
        if not text:
            return " "
    return "".join(text)


def main():
    chance = random.Random(SEED)
    transcoder = Transcoder(sys.argv[1])
    passed, failed = 0, 0

    def check(what, got, wanted):
        nonlocal passed, failed
        if got == wanted:
            passed += 1
            return
        failed += 1
        if failed <= 10:
            print(f"FAIL {what}\n  got      {got!r:.300}\n  expected {wanted!r:.300}")

    for _ in range(VALUES):
        value = seeded_value(chance, 4)
        packed = msgpack.packb(value)
        text = json.dumps(value, ensure_ascii=chance.random() < 0.5,
                          indent=chance.choice([None, 1, "\t"])).encode()
        check("to MessagePack", transcoder.run(b"j", text), packed)
        compact = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        check("to JSON", transcoder.run(b"m", packed), compact)
        check("to pretty JSON", transcoder.run(b"p", packed), pretty(value).encode())
    taken = 0
    for _ in range(DAMAGED):
        text = damage(chance, json.dumps(seeded_value(chance, 2)))
        try:
            wanted = msgpack.packb(python_reads(text))
            taken += 1
        except OverflowError:
            continue
        except (ValueError, RecursionError):
            wanted = None
        check(f"judged {text[:200]!r}", transcoder.run(b"j", text.encode("utf-8", "surrogatepass")),
              wanted)
    check("the program's end", transcoder.end(), 0)
    print(f"oracle: seed {SEED}, {VALUES} values, {DAMAGED} damaged texts of which {taken} were JSON still")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
