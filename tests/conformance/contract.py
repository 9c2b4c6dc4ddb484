"""contract.py - what ops.def and errors.def promise, read by the driver: every operation, argument,
result field, error and reason, to count what the scripts meet; and the cases that follow from the
table alone."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import ops_def  # noqa: E402

STRINGS = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'


def join(text):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)).replace('\\"', '"')


class Operation:
    def __init__(self, name):
        self.name = name
        self.args = {}  # name -> (type, required)
        self.results = {}  # name -> (type, always)
        self.errors = {}  # code -> set of reasons


def reasons_of(text):
    """The reasons that an ERR line of `constraint` names: after the word reason, up to a colon or
    semicolon, separated by commas."""
    found = set()
    for listed in re.findall(r"reason ([a-z_, ]+)", text):
        found.update(word.strip() for word in listed.split(",") if word.strip())
    return found


def read_operations():
    text = ops_def.text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    ids, operations = {}, {}
    for line in re.finditer(r"\b(OP|ARG|RET|OPT|ERR)\((\w+),\s*(?:\"([\w.]+)\",\s*)?([^\"]*?)" + STRINGS + r"\)",
                            text):
        kind, ident, quoted, plain, doc = line.groups()
        parts = [part.strip() for part in plain.split(",") if part.strip()]
        if kind == "OP":
            operations[quoted] = ids[ident] = Operation(quoted)
        elif kind == "ARG":
            ids[ident].args[parts[0]] = (parts[1], parts[2] == "REQUIRED")
        elif kind in ("RET", "OPT"):
            ids[ident].results[parts[0]] = (parts[1], kind == "RET")
        else:
            ids[ident].errors[parts[0]] = reasons_of(join(doc))
    if len(operations) < 20:
        raise RuntimeError("ops.def cannot be read")
    return operations


def read_errors():
    """code -> (exit code, retryable)."""
    text = (ROOT / "core/include/strata/errors.def").read_text(encoding="utf-8")
    found = re.findall(r"STRATA_ERROR\(\w+, (\w+), \d+, (\d+), (true|false),", text)
    return {code: (int(end), retry == "true") for code, end, retry in found}


# What no request can bring about: who proves it instead.
ELSEWHERE = {
    ("event.verify", "first_invalid"): "tests/unit/model/test_event.c",
    ("history.merge", "history_trimmed"): "tests/sim/op_merge.c",
}


# ---- Cases that follow from the table -----------------------------------------------------------

SAMPLES = {
    "KEY": "k", "STRING": "word", "STRINGS": ["a"], "BOOL": True, "INT": 1, "UINT": 1, "FLOAT": 1.5,
    "VALUE": 1, "OBJECT": {}, "VERSION": 1, "TIME": 1, "LIST(PutEntry)": [{"key": "k", "value": 1}],
    "LIST(VectorInput)": [{"key": "k", "embedding": [1]}],
    "LIST(PatchOperation)": [{"op": "test", "path": "", "value": 1}],
}
WRONG = {
    "KEY": [1, None, b"k", ["k"]], "STRING": [1, None, b"word"], "STRINGS": ["a", [1], {}, None],
    "BOOL": [1, "true", None], "INT": [1.0, "1", None], "UINT": [-1, 1.5, "1", None],
    "FLOAT": ["1.5", None], "VALUE": [], "OBJECT": [[], "x", 1, None], "VERSION": [-1, 1.5, "1", None],
    "TIME": [1.5, "1", None],
    "LIST(PutEntry)": ["x", {}, None, [1], [None], [{}], [{"key": "k"}], [{"value": 1}],
                       [{"key": 1, "value": 1}], [{"key": "k", "value": 1, "other": 1}],
                       [{"key": "k", "value": 1, "ttl_ms": "1"}], [["k", 1]]],
    "LIST(VectorInput)": ["x", {}, None, 1],
    "LIST(PatchOperation)": ["x", {}, None, 1],
}
BAD_KEYS = ["", "_strata/", "_strata/x", "a\x00b", "k" * 1025, "\u20ac" * 342]
# An optional argument that is null is an argument of the wrong type.
# Of these one is needed, whichever.
EITHER = {"json.create": {"document": {}}, "json.set": {"value": 1}, "json.cas": {"value": 1}}


def required(operation):
    always = {name: SAMPLES[kind] for name, (kind, need) in operation.args.items() if need}
    return {**always, **EITHER.get(operation.name, {})}


def generated_steps(operation, one_number):
    """(title, args, code) of what any operation must refuse."""
    base = required(operation)
    yield "an unknown argument", {**base, "no_such_argument": 1}, "invalid_argument"
    for name, (kind, need) in operation.args.items():
        if need:
            left = {other: value for other, value in base.items() if other != name}
            yield f"without {name}", left, "invalid_argument"
        for wrong in WRONG[kind]:
            if one_number and type(wrong) is float and wrong.is_integer():
                continue
            yield f"{name} = {wrong!r}", {**base, name: wrong}, "invalid_argument"
        if kind == "KEY":
            for key in BAD_KEYS:
                yield f"{name} = {key[:10]!r}...", {**base, name: key}, "invalid_key"
        if name == "limit":
            for limit in (0, 1001, 2**62):
                yield f"limit = {limit}", {**base, "limit": limit}, "invalid_argument"
        if name == "run":
            yield "in a run that is not there", {**base, "run": "no such run"}, "not_found"
