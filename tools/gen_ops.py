#!/usr/bin/env python3
"""Makes the TypeScript types and the reference of the operations from the core's tables.

In:   core/api/ops.def                every operation, its arguments, result and errors
      core/include/strata/errors.def  every error
      tools/op_examples.json          a script of requests with their results, one or more each
Out:  js/src/generated/{operations,tables,errors}.ts, docs/operations.md,
      hosts/native/cli/generated/ops_table.def (a host includes nothing from inside core/)

    gen_ops.py           writes what is stale
    gen_ops.py --check   writes nothing; exit code 1 when something is stale

The outputs are committed, so that the package and the reference can be read without running
anything; `make test` runs the check. The .def files are C that the core includes: calls of macros
with words and string literals. A tokenizer for just that is forty lines; asking the C preprocessor
for the same was tried on paper and dropped, as it loses the order of SHAPE and OP and makes a
compiler a need of whoever only works on js/.
"""

import json
import re
import sys
from pathlib import Path

import ops_def

ROOT = Path(__file__).resolve().parent.parent
OPS = ROOT / "core/api/ops.def"
ERRORS = ROOT / "core/include/strata/errors.def"
EXAMPLES = ROOT / "tools/op_examples.json"

TOKEN = re.compile(
    r'\s+|/\*.*?\*/|//[^\n]*|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z0-9_]+)|(?P<mark>[(),|])',
    re.DOTALL,
)


class Malformed(Exception):
    pass


def tokens(path):
    source = ops_def.text() if path == OPS else path.read_text(encoding="utf-8")
    at = 0
    while at < len(source):
        match = TOKEN.match(source, at)
        if not match:
            line = source.count("\n", 0, at) + 1
            raise Malformed(f"{path}:{line}: cannot read {source[at:at + 20]!r}")
        if match.lastgroup:
            yield match.lastgroup, match.group(), source.count("\n", 0, at) + 1
        at = match.end()


def calls(path):
    """Yields (macro, [argument], line). A nested call such as LIST(Run) is one argument."""
    stream = list(tokens(path))
    at = 0
    while at < len(stream):
        kind, macro, line = stream[at]
        if kind != "word" or stream[at + 1][1] != "(":
            raise Malformed(f"{path}:{line}: expected MACRO(")
        at += 2
        arguments, parts, depth = [], [], 1
        while depth:
            kind, text, _ = stream[at]
            at += 1
            if kind == "text":
                parts.append(json.loads(text))
                continue
            if text == "(":
                depth += 1
            elif text == ")":
                depth -= 1
                if depth == 0:
                    break
            elif text == "," and depth == 1:
                arguments.append("".join(parts))
                parts = []
                continue
            parts.append(text)
        arguments.append("".join(parts))
        yield macro, arguments, line


def read_operations():
    shapes, operations, by_id = {}, [], {}
    for macro, args, line in calls(OPS):
        where = f"{OPS}:{line}"
        if macro == "SHAPE":
            shapes[args[0]] = {"name": args[0], "what": args[1], "fields": []}
        elif macro == "FIELD":
            shapes[args[0]]["fields"].append(
                {"name": args[1], "type": args[2], "required": args[3] == "REQUIRED", "what": args[4]}
            )
        elif macro == "OP":
            if args[0] != args[1].replace(".", "_"):
                raise Malformed(f"{where}: id {args[0]} is not the name {args[1]} with '_' for '.'")
            op = {
                "name": args[1],
                "write": args[2] == "WRITE",
                "what": args[3],
                "args": [],
                "result": [],
                "errors": [],
            }
            operations.append(op)
            by_id[args[0]] = op
        elif macro == "ARG":
            by_id[args[0]]["args"].append(
                {"name": args[1], "type": args[2], "required": args[3] == "REQUIRED", "what": args[4]}
            )
        elif macro in ("RET", "OPT"):
            by_id[args[0]]["result"].append(
                {"name": args[1], "type": args[2], "required": macro == "RET", "what": args[3]}
            )
        elif macro == "ERR":
            by_id[args[0]]["errors"].append({"code": args[1], "when": args[2]})
        elif macro not in ("END", "SHAPE_END"):
            raise Malformed(f"{where}: unknown macro {macro}")
    for owner in [*shapes.values(), *operations]:
        for field in [*owner.get("fields", ()), *owner.get("args", ()), *owner.get("result", ())]:
            shape = shape_of(field["type"])
            if shape and shape not in shapes:
                raise Malformed(f"{owner['name']}.{field['name']}: no shape {shape}")
            if not shape and field["type"] not in TYPES:
                raise Malformed(f"{owner['name']}.{field['name']}: unknown type {field['type']}")
    return shapes, operations


def read_errors():
    errors = []
    for macro, args, line in calls(ERRORS):
        if macro != "STRATA_ERROR" or len(args) != 6:
            raise Malformed(f"{ERRORS}:{line}: expected STRATA_ERROR with six arguments")
        _, name, code, exit_code, retryable, meaning = args
        errors.append(
            {
                "name": name,
                "class": "".join(word.capitalize() for word in name.split("_")),
                "code": int(code),
                "exit": int(exit_code),
                "retryable": retryable == "true",
                "meaning": meaning,
            }
        )
    return errors


# ---- Types ---------------------------------------------------------------------------------------

# type -> (TypeScript of an argument, TypeScript of a result, words for the reference)
TYPES = {
    "KEY": ("string", "string", "key"),
    "STRING": ("string", "string", "string"),
    "STRINGS": ("readonly string[]", "string[]", "array of strings"),
    "BOOL": ("boolean", "boolean", "bool"),
    "INT": ("number | bigint", "number | bigint", "int"),
    "UINT": ("number | bigint", "number", "uint"),
    "FLOAT": ("number", "number", "float"),
    "VALUE": ("Value", "StoredValue", "value"),
    "OBJECT": ("ObjectValue", "StoredObject", "object"),
    "VERSION": ("number | bigint", "bigint", "version"),
    "TIME": ("number | bigint", "number", "time"),
    "HASH": ("Uint8Array", "Uint8Array", "32 bytes"),
    "BOOLS": ("readonly boolean[]", "boolean[]", "array of bool"),
}


def shape_of(kind):
    match = re.fullmatch(r"(?:LIST|IS)\((\w+)\)", kind)
    return match.group(1) if match else None


def is_list(kind):
    return kind.startswith("LIST(")


def ts_type(kind, result):
    shape = shape_of(kind)
    if shape:
        return ("" if result else "readonly ") * is_list(kind) + ts_shape(shape) + "[]" * is_list(kind)
    return TYPES[kind][1 if result else 0]


def ts_shape(shape):
    # `Event` and `Run` alone would hide the DOM's Event and say too little at the user's end.
    return {"Run": "RunRecord", "Event": "EventRecord"}.get(shape, shape)


def md_type(kind):
    shape = shape_of(kind)
    if shape:
        link = f"[{shape}](#{shape.lower()})"
        return f"array of {link}" if is_list(kind) else link
    return TYPES[kind][2]


def pascal(op):
    return "".join(part.capitalize() for part in op.replace(".", "_").split("_"))


# ---- TypeScript ----------------------------------------------------------------------------------

HEAD = "// Made by tools/gen_ops.py from {source}; `make gen` makes it again.\n"


def ts_fields(fields, result):
    lines = []
    for field in fields:
        mark = "" if field["required"] else "?"
        undefined = "" if field["required"] else " | undefined"
        lines.append(f"    /** {field['what']} */\n")
        lines.append(f"    {field['name']}{mark}: {ts_type(field['type'], result)}{undefined};\n")
    return "".join(lines)


def special_fields(fields):
    """What decoding has to treat: versions become bigint, shapes are entered."""
    pairs = []
    for field in fields:
        if field["type"] == "VERSION":
            pairs.append(f"{field['name']}: 'version'")
        elif shape_of(field["type"]):
            pairs.append(f"{field['name']}: '{shape_of(field['type'])}'")
    return "{ " + ", ".join(pairs) + " }" if pairs else "{}"


def render_operations_ts(shapes, operations):
    out = [HEAD.format(source="core/api/ops.def")]
    out.append("import type { ObjectValue, StoredObject, StoredValue, Value } from '../values.js';\n")
    given = {shape_of(arg["type"]) for op in operations for arg in op["args"]}
    for shape in shapes.values():
        out.append(f"\n/** {shape['what']} */\nexport interface {ts_shape(shape['name'])} {{\n")
        out.append(ts_fields(shape["fields"], shape["name"] not in given) + "}\n")
    for op in operations:
        name = pascal(op["name"])
        if op["args"]:
            out.append(f"\n/** Arguments of {op['name']}: {op['what']} */\nexport interface {name}Args {{\n")
            out.append(ts_fields(op["args"], False) + "}\n")
        else:
            out.append(f"\n/** {op['name']} takes no arguments: {op['what']} */\n")
            out.append(f"export type {name}Args = Record<string, never>;\n")
        out.append(f"\n/** Result of {op['name']}. */\nexport interface {name}Result {{\n")
        out.append(ts_fields(op["result"], True) + "}\n")
    out.append("\n/** Every operation: its arguments and its result. */\nexport interface Operations {\n")
    for op in operations:
        name = pascal(op["name"])
        out.append(f"    /** {op['what']} */\n")
        out.append(f"    '{op['name']}': {{ args: {name}Args; result: {name}Result }};\n")
    out.append("}\n\nexport type OperationName = keyof Operations;\n")
    return "".join(out)


def render_tables_ts(shapes, operations):
    out = [HEAD.format(source="core/api/ops.def")]
    out.append("import type { OperationName } from './operations.js';\n")
    out.append("\n/** The operations that write. */\n")
    out.append("export const writes: ReadonlySet<OperationName> = new Set<OperationName>([\n")
    out += [f"    '{op['name']}',\n" for op in operations if op["write"]]
    out.append("]);\n")
    out.append(
        "\n/** Fields that decoding has to treat: a version becomes a bigint, a shape is entered. */\n"
        "export type SpecialFields = Readonly<Record<string, string>>;\n"
    )
    out.append("\nexport const shapeFields: Readonly<Record<string, SpecialFields>> = {\n")
    for shape in shapes.values():
        out.append(f"    {shape['name']}: {special_fields(shape['fields'])},\n")
    out.append("};\n\nexport const resultFields: Readonly<Record<OperationName, SpecialFields>> = {\n")
    for op in operations:
        out.append(f"    '{op['name']}': {special_fields(op['result'])},\n")
    out.append("};\n")
    return "".join(out)


def render_errors_ts(errors):
    out = [HEAD.format(source="core/include/strata/errors.def")]
    out.append("import { StrataError, type ErrorDetails } from '../errors.js';\n\n")
    out.append("/** The code of every error. */\nexport type ErrorCode =\n")
    out.append("\n".join(f"    | '{error['name']}'" for error in errors) + ";\n")
    for error in errors:
        retry = "; the same call may succeed later" if error["retryable"] else ""
        out.append(f"\n/** {error['meaning'][0].upper()}{error['meaning'][1:]}{retry}. */\n")
        out.append(f"export class {error['class']} extends StrataError {{\n")
        out.append("    constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {\n")
        out.append(
            f"        super('{error['name']}', {str(error['retryable']).lower()}, "
            f"'{error['class']}', message, details, options);\n"
        )
        out.append("    }\n}\n")
    out.append("\n/** The number of each code in the C ABI, and its class. */\nexport const errorTable = {\n")
    for error in errors:
        out.append(f"    {error['name']}: {{ status: {error['code']}, make: {error['class']} }},\n")
    out.append("} as const;\n")
    return "".join(out)


# ---- The command line ----------------------------------------------------------------------------


def c_text(text):
    return json.dumps(text, ensure_ascii=False)


def render_table_c(operations):
    out = [HEAD.format(source="core/api/ops.def")]
    for op in operations:
        out.append(f"CLI_OP({c_text(op['name'])}, {str(op['write']).lower()}, {c_text(op['what'])})\n")
        for macro, fields in (("CLI_IN", op["args"]), ("CLI_OUT", op["result"])):
            for field in fields:
                words = f"{c_text(field['name'])}, {c_text(field['type'])}"
                needed = str(field["required"]).lower()
                out.append(f"{macro}({words}, {needed}, {c_text(field['what'])})\n")
    return "".join(out)


# ---- The reference -------------------------------------------------------------------------------

INTRO = """\
# Operations

<!-- Made by tools/gen_ops.py from core/api/ops.def, core/include/strata/errors.def and
     tools/op_examples.json; `make gen` makes it again. -->

Everything that Strata does is one of these operations. Every carrier shows them: `strata_exec` in C,
`strata exec OP JSON` on the command line, `db.exec(op, args)` in JavaScript, the WebAssembly ABI. The
request is MessagePack `[name, {arguments}]`, the response `[true, {result}]` or
`[false, {code, message, retryable, details}]`; the examples show both as JSON, with bytes written as
`{"$bytes": base64}`.

The examples are a script: run in the order of `tools/op_examples.json` on an empty database, they give
these results, but for times, identities, hashes and sizes. The tests do that.

**Types.** *int* is a signed and *uint* an unsigned 64-bit integer. A *version* is a commit number: one
counter for the database, 0 = never existed; a JavaScript `bigint`. A *time* is microseconds since the
epoch. A *key* is UTF-8 of 1 to 1024 bytes without NUL, not beginning with `_strata/`. A *value* is null,
bool, int, float, string, bytes, array or object; int 1 is not float 1.0, bytes are not a string, missing
is not null. An argument that an operation does not have is refused with `invalid_argument`.

"""


def cell(text):
    return text.replace("|", "\\|")


def code_block(name, request, response, ok):
    mark = "" if ok else "error "
    return f"```\n{name} {json.dumps(request, ensure_ascii=False)}\n=> {mark}{pretty(response)}\n```\n"


def pretty(value, indent=""):
    """JSON that breaks a line only where it would be too long."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(flat) <= 92 or not isinstance(value, (dict, list)):
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {pretty(item, inner)}" for key, item in value.items()]
    else:
        items = [pretty(item, inner) for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return opening + "\n" + ",\n".join(inner + item for item in items) + "\n" + indent + closing


def render_docs(shapes, operations, errors, examples):
    out = [INTRO]
    groups = {}
    for op in operations:
        groups.setdefault(op["name"].split(".")[0], []).append(op)
    out.append("| operation | | what it does |\n|---|---|---|\n")
    for op in operations:
        kind = "write" if op["write"] else "read"
        anchor = op["name"].replace(".", "")
        out.append(f"| [`{op['name']}`](#{anchor}) | {kind} | {cell(op['what'])} |\n")
    out.append("\nThen: [shapes](#shapes), [errors](#errors).\n")
    titles = {"run": "Runs", "kv": "Keys and values", "event": "Events", "memory": "Memories", "db": "Database",
              "txn": "Transactions", "retention": "Retention", "state": "State cells", "trace": "Traces", "edge": "Edges"}
    for group, ops in groups.items():
        out.append(f"\n## {titles.get(group, group)}\n")
        for op in ops:
            out.append(f"\n### {op['name']}\n\n")
            out.append(f"{op['what']} *{'Write' if op['write'] else 'Read'}.*\n\n")
            if op["args"]:
                out.append("| argument | type | | |\n|---|---|---|---|\n")
                for arg in op["args"]:
                    need = "required" if arg["required"] else "optional"
                    out.append(f"| `{arg['name']}` | {md_type(arg['type'])} | {need} | {cell(arg['what'])} |\n")
            else:
                out.append("No arguments.\n")
            out.append("\n| result | type | |\n|---|---|---|\n")
            for field in op["result"]:
                out.append(f"| `{field['name']}` | {md_type(field['type'])} | {cell(field['what'])} |\n")
            if op["errors"]:
                out.append("\nErrors: ")
                out.append("; ".join(f"`{error['code']}` ({error['when']})" for error in op["errors"]))
                out.append(".\n")
            out.append("\n")
            shown = [example for example in examples if example["op"] == op["name"] and example.get("show", True)]
            for example in shown:
                ok = "result" in example
                out.append(code_block(op["name"], example["args"], example["result" if ok else "error"], ok))
    out.append("\n## Shapes\n")
    for shape in shapes.values():
        out.append(f"\n### {shape['name']}\n\n{shape['what']}\n\n| field | type | |\n|---|---|---|\n")
        for field in shape["fields"]:
            note = "" if field["required"] else " *When it applies.*"
            out.append(f"| `{field['name']}` | {md_type(field['type'])} | {cell(field['what'])}{note} |\n")
    out.append("\n## Errors\n\n")
    out.append("Any operation may also return `invalid_argument`, `closed`, `io`, `no_space`, `no_memory`,\n")
    out.append("`corrupt` and `internal`, any operation inside a run `not_found` when there is no such run,\n")
    out.append("and any write `forbidden` when the database was opened read-only.\n")
    out.append("A failed operation changes nothing. *Retry*: the same call may succeed later without a change.\n\n")
    out.append("| code | number | exit code | retry | meaning | JavaScript |\n|---|---|---|---|---|---|\n")
    for error in errors:
        retry = "yes" if error["retryable"] else ""
        out.append(
            f"| `{error['name']}` | {error['code']} | {error['exit']} | {retry} | {error['meaning']} | "
            f"`{error['class']}` |\n"
        )
    return "".join(out)


# ---- Examples ------------------------------------------------------------------------------------


def check_examples(operations, errors, examples):
    """An example may only use what the table has, and every operation has to have one."""
    by_name = {op["name"]: op for op in operations}
    codes = {error["name"] for error in errors}
    for number, example in enumerate(examples, 1):
        where = f"{EXAMPLES}: example {number}"
        op = by_name.get(example["op"])
        if not op:
            raise Malformed(f"{where}: no operation {example['op']}")
        known = {arg["name"]: arg["required"] for arg in op["args"]}
        for name in example["args"]:
            if name not in known:
                raise Malformed(f"{where}: {op['name']} has no argument {name}")
        for name, required in known.items():
            if required and name not in example["args"]:
                raise Malformed(f"{where}: {op['name']} needs {name}")
        if "error" in example:
            if example["error"]["code"] not in codes:
                raise Malformed(f"{where}: no error {example['error']['code']}")
            continue
        fields = {field["name"]: field["required"] for field in op["result"]}
        for name in example["result"]:
            if name not in fields:
                raise Malformed(f"{where}: the result of {op['name']} has no {name}")
        for name, required in fields.items():
            if required and name not in example["result"]:
                raise Malformed(f"{where}: the result of {op['name']} lacks {name}")
    shown = {example["op"] for example in examples if example.get("show", True)}
    missing = sorted(set(by_name) - shown)
    if missing:
        raise Malformed(f"{EXAMPLES}: no example of {', '.join(missing)}")


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit("usage: gen_ops.py [--check]")
    try:
        shapes, operations = read_operations()
        errors = read_errors()
        examples = json.loads(EXAMPLES.read_text(encoding="utf-8"))
        check_examples(operations, errors, examples)
        outputs = {
            "js/src/generated/operations.ts": render_operations_ts(shapes, operations),
            "js/src/generated/tables.ts": render_tables_ts(shapes, operations),
            "js/src/generated/errors.ts": render_errors_ts(errors),
            "hosts/native/cli/generated/ops_table.def": render_table_c(operations),
            "docs/operations.md": render_docs(shapes, operations, errors, examples),
        }
    except Malformed as error:
        sys.exit(f"gen_ops: {error}")
    stale = [
        name
        for name, text in outputs.items()
        if not (ROOT / name).exists() or (ROOT / name).read_text(encoding="utf-8") != text
    ]
    if check:
        for name in stale:
            print(f"{name} is stale: run `make gen`")
        print(f"{len(outputs) - len(stale)} passed, {len(stale)} failed")
        sys.exit(1 if stale else 0)
    for name in stale:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(outputs[name], encoding="utf-8")
    print(f"gen_ops: {len(operations)} operations, {len(errors)} errors; wrote {', '.join(stale) or 'nothing'}")


if __name__ == "__main__":
    main()
