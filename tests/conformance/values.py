"""values.py - the values of scripts: JSON with a convention, MessagePack, and patterns over them.

A script is JSON. Where JSON has no word for a value, or a script means more than one value, it is
an object with one name that begins with "$":

  in arguments and in patterns
    {"$bytes": "base64"}, {"$float": "nan" | "inf" | "-inf" | "nan:<16 hex digits>"}
    {"$repeat": ["ab", 3]}        the string "ababab"
    {"$nest": [3, "array", 0]}    [[[0]]]; with "object": {"n": {"n": {"n": 0}}}, with "a": {"a": ...}
    {"$words": [3, "w"]}          the string "w0 w1 w2"
    {"$copies": [3, 0]}           [0, 0, 0]
    {"$raw": {...}}               the object as it is, whatever its names
  in arguments
    {"$count": "x"}               the strings "x1", "x2", ... in turn
    {"$path": "x"}                a path of the case's own, where the carrier keeps its databases
    "$name"                       what a pattern bound to that name; "$$name" is the string "$name"
  in patterns
    "$name"                       binds the value to the name; later, the value must be equal
    {"$gt": "$v"}, {"$ge": "$v"}  greater than (or equal to) what was bound
    {"$as": ["v", pattern]}       matches the pattern, then binds
    {"$has": {...}}               an object with at least these names
    {"$type": "int"}              null, bool, int, float, string, bytes, array, object
    {"$size": 32}                 a string, bytes or array of that length
    {"$match": "regex"}           a string that the whole expression matches
    {"$near": 1.5}                a float within one part in 10^12
    {"$same": "name"}             equal to what the first carrier answered here
    {"$any": true}

Ints and floats, bytes and strings are different; floats are compared by their bits.
"""

import base64
import json
import math
import re
import struct


class Mismatch(Exception):
    """A value is not what the pattern wants; the message says where and how."""



def float_of_bits(bits):
    return struct.unpack(">d", struct.pack(">Q", bits))[0]


def bits_of(real):
    return struct.unpack(">Q", struct.pack(">d", real))[0]


def parse_float_word(word):
    words = {"nan": 0x7FF8000000000000, "inf": 0x7FF0000000000000, "-inf": 0xFFF0000000000000}
    if word in words:
        return float_of_bits(words[word])
    if re.fullmatch("nan:[0-9a-f]{16}", word):
        return float_of_bits(int(word[4:], 16))
    raise ValueError(f"no float is written {word}")


def float_word(real):
    if math.isnan(real):
        bits = bits_of(real)
        return "nan" if bits == 0x7FF8000000000000 else f"nan:{bits:016x}"
    return "inf" if real > 0 else "-inf"


def tag_of(value):
    """The name of an object with one name that begins with "$"; None otherwise."""
    if isinstance(value, dict) and len(value) == 1:
        name = next(iter(value))
        if name.startswith("$"):
            return name
    return None


def nest(depth, kind, inner):
    value = inner
    for _ in range(depth):
        value = [value] if kind == "array" else {"n" if kind == "object" else kind: value}
    return value


def literal(value):
    """The value that a tagged object stands for, in arguments and patterns alike; or None."""
    tag = tag_of(value)
    inside = value[tag] if tag else None
    if tag == "$bytes":
        return (base64.b64decode(inside, validate=True),)
    if tag == "$float":
        return (parse_float_word(inside),)
    if tag == "$repeat":
        return (inside[0] * inside[1],)
    if tag == "$nest":
        return (nest(*inside),)
    if tag == "$copies":
        return ([inside[1]] * inside[0],)
    if tag == "$words":
        return (" ".join(f"{inside[1]}{i}" for i in range(inside[0])),)
    if tag == "$raw":
        return (inside,)
    return None


def arguments(value, bound):
    """A script's arguments with everything put in that its "$" stand for."""
    made = literal(value)
    if made is not None:
        return made[0]
    if isinstance(value, str) and value.startswith("$"):
        return value[1:] if value.startswith("$$") else bound[value[1:]]
    if isinstance(value, dict):
        if tag_of(value) == "$path":
            return bound["$path"](value["$path"])
        if tag_of(value) == "$count":
            bound["$count"] = bound.get("$count", 0) + 1
            return f"{value['$count']}{bound['$count']}"
        if tag_of(value):
            raise ValueError(f"no argument is written {value}")
        return {name: arguments(inner, bound) for name, inner in value.items()}
    if isinstance(value, list):
        return [arguments(inner, bound) for inner in value]
    return value


def type_of(value):
    if value is None:
        return "null"
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "string"),
                       (bytes, "bytes"), (list, "array"), (dict, "object")):
        if isinstance(value, kind):
            return name
    raise TypeError(type(value))


def show(value):
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "..."


class Matcher:
    """Compares what a carrier answered with patterns; keeps what they bind.

    one_number: the carrier's language has one kind of number, so int 1 and float 1.0 are the same
    there, and it may change the bits of a NaN.
    """

    def __init__(self, shared, one_number=False):
        self.bound = {}
        self.shared = shared
        self.one_number = one_number

    def equal(self, got, wanted, where):
        kinds = {type_of(got), type_of(wanted)}
        if self.one_number and kinds <= {"int", "float"}:
            if float(got) == float(wanted) or (math.isnan(got) and math.isnan(wanted)):
                return
        elif len(kinds) == 1:
            kind = kinds.pop()
            if kind == "float" and bits_of(got) == bits_of(wanted):
                return
            if kind == "array" and len(got) == len(wanted):
                for i, (one, other) in enumerate(zip(got, wanted)):
                    self.equal(one, other, f"{where}[{i}]")
                return
            if kind == "object" and list(got) == list(wanted):
                for name in got:
                    self.equal(got[name], wanted[name], f"{where}.{name}")
                return
            if kind not in ("float", "array", "object") and got == wanted:
                return
        raise Mismatch(f"{where} is {show(got)}, not {show(wanted)}")

    def bind(self, name, got, where):
        if name in self.bound:
            self.equal(got, self.bound[name], where)
        self.bound[name] = got

    def match_tag(self, got, tag, inside, where):
        if tag in ("$gt", "$ge"):
            least = arguments(inside, self.bound)
            if type_of(got) != type_of(least) or got < least or (tag == "$gt" and got == least):
                raise Mismatch(f"{where} is {show(got)}, not {tag[1:]} {show(least)}")
        elif tag == "$as":
            self.match(got, inside[1], where)
            self.bind(inside[0], got, where)
        elif tag == "$has":
            if type_of(got) != "object":
                raise Mismatch(f"{where} is {show(got)}, not an object")
            for name, pattern in inside.items():
                if name not in got:
                    raise Mismatch(f"{where} has no {name}: {show(got)}")
                self.match(got[name], pattern, f"{where}.{name}")
        elif tag == "$type":
            kind = type_of(got)
            if kind != inside and not (self.one_number and {kind, inside} == {"int", "float"}):
                raise Mismatch(f"{where} is {show(got)}, not of type {inside}")
        elif tag == "$size":
            if len(got) != inside:
                raise Mismatch(f"{where} has {len(got)} elements or bytes, not {inside}")
        elif tag == "$match":
            if type_of(got) != "string" or not re.fullmatch(inside, got, re.DOTALL):
                raise Mismatch(f"{where} is {show(got)}, which {inside} does not match")
        elif tag == "$near":
            if type_of(got) not in ("float", "int") or abs(got - inside) > abs(inside) * 1e-12:
                raise Mismatch(f"{where} is {show(got)}, not near {inside}")
        elif tag == "$same":
            self.equal(got, self.shared.setdefault(inside, got), f"{where} (as the first carrier had it)")
        elif tag != "$any":
            raise ValueError(f"no pattern is written {tag}")

    def match(self, got, pattern, where="result"):
        """Raises Mismatch unless the value matches; binds names on the way."""
        made = literal(pattern)
        tag = tag_of(pattern)
        if made is not None:
            self.equal(got, made[0], where)
        elif tag is not None:
            self.match_tag(got, tag, pattern[tag], where)
        elif isinstance(pattern, str) and pattern.startswith("$"):
            if pattern.startswith("$$"):
                self.equal(got, pattern[1:], where)
            else:
                self.bind(pattern[1:], got, where)
        elif isinstance(pattern, dict):
            if type_of(got) != "object" or set(got) != set(pattern):
                raise Mismatch(f"{where} is {show(got)}; it should have the names {sorted(pattern)}")
            for name in pattern:
                self.match(got[name], pattern[name], f"{where}.{name}")
        elif isinstance(pattern, list):
            if type_of(got) != "array" or len(got) != len(pattern):
                raise Mismatch(f"{where} is {show(got)}; it should have {len(pattern)} elements")
            for i, inner in enumerate(pattern):
                self.match(got[i], inner, f"{where}[{i}]")
        else:
            self.equal(got, pattern, where)


# ---- JSON with the convention of strata.h -------------------------------------------------------

TAG = re.compile(r"\$+(bytes|float)")


def to_json(value):
    """JSON text as strata_msgpack_to_json would write the value."""
    def convert(inner):
        if isinstance(inner, bytes):
            return {"$bytes": base64.b64encode(inner).decode()}
        if isinstance(inner, float) and not math.isfinite(inner):
            return {"$float": float_word(inner)}
        if isinstance(inner, list):
            return [convert(element) for element in inner]
        if isinstance(inner, dict):
            return {("$" + name if TAG.fullmatch(name) else name): convert(element)
                    for name, element in inner.items()}
        return inner

    return json.dumps(convert(value), ensure_ascii=False, allow_nan=False)


def from_json(text):
    """The value of a JSON text with the convention."""
    def pairs(found):
        if len(found) == 1 and found[0][0] == "$bytes":
            return base64.b64decode(found[0][1], validate=True)
        if len(found) == 1 and found[0][0] == "$float":
            return parse_float_word(found[0][1])
        names = [name[1:] if re.fullmatch(r"\$\$+(bytes|float)", name) else name
                 for name, _ in found]
        if len(set(names)) != len(names):
            raise ValueError(f"a name comes twice: {names}")
        return dict(zip(names, (value for _, value in found)))

    return json.loads(text, object_pairs_hook=pairs)


# ---- JSON for carriers in JavaScript ------------------------------------------------------------


def to_tagged(value):
    """JSON in which ints are {"$int": "..."} and floats {"$float": "..."}, for a language whose
    numbers would lose the difference, and the digits."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return {"$int": str(value)}
    if isinstance(value, float):
        return {"$float": repr(value) if math.isfinite(value) else float_word(value)}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [to_tagged(inner) for inner in value]
    return {"$object": [[name, to_tagged(inner)] for name, inner in value.items()]}


def from_tagged(value):
    if isinstance(value, list):
        return [from_tagged(inner) for inner in value]
    tag = tag_of(value)
    if tag is None:
        return value
    inside = value[tag]
    if tag == "$int":
        return int(inside)
    if tag == "$float":
        return float(inside) if re.match(r"-?[0-9]", inside) else parse_float_word(inside)
    if tag == "$bytes":
        return base64.b64decode(inside, validate=True)
    return {name: from_tagged(inner) for name, inner in inside}
