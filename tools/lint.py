#!/usr/bin/env python3
"""lint.py - the rules of the house that no compiler knows.

1. An include points down the list of layers of core/ only; core/ includes the C headers of
   base/std.h there and nowhere else, and of libraries only those that the project chose.
2. A host includes the public headers, its own folder's, and the system's; the WASI host, which is
   made of the native one's files, that one's too. Tests may include anything.
3. No file of source is longer than 800 lines, but one that a script makes in a folder "generated".
4. The objects of core/ call nothing but each other, the chosen libraries, and what the compiler
   and <string.h>, <math.h> offer without an operating system (--objects).
5. C is formatted as .clang-format says (--format).

Run from the root of the tree. Prints one line a finding, "file:line: what", and closes with
"N passed, N failed", counted in checks: a file under a rule.
"""

import argparse
import pathlib
import re
import subprocess
import sys

LAYERS = ["base", "format", "store", "txn", "index", "model", "recall", "history", "stream", "api"]
# Those in the second line are parts of the first.
PUBLIC = {"strata/strata.h", "strata/host.h", "strata/errors.def",
          "strata/edge.h", "strata/entity.h", "strata/history.h", "strata/state.h", "strata/trace.h",
          "strata/vector.h"}
STD_HEADER = "core/base/std.h"
STD_INCLUDES = {
    "math.h", "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "string.h",
}
LIBRARY_INCLUDES = {"zstd.h", "sodium.h", "libstemmer.h"}
LIBRARY_FOLDERS = ("simde/",)
# Instructions of the processor, in the files that run only where they are there.
ONLY_IN = {
    "nmmintrin.h": ["core/base/crc32c.c"],
    "immintrin.h": ["core/format/sha256.c", "core/index/vector/kernel_avx2.c",
                    "core/index/vector/kernel_avx512.c"],
}
# Headers that are made from data; they belong to the file that includes them.
GENERATED = "build/gen"

# A host that is made of another's files.
HOST_SHARES = {"hosts/wasm": "hosts/native"}

LINES_MAX = 800
SOURCE = {".c", ".h", ".def", ".py", ".sh", ".mk", ".ts", ".mjs", ".js", ".css", ".html"}

# What an object of core/ may leave to the linker besides other objects of core/.
ALLOWED_SYMBOLS = re.compile(
    r"""^(
        mem(cpy|move|set|cmp|chr) | str(len|chr|cmp|ncmp)      # <string.h>, no state, no locale
      | (log|log1p|log2|exp|exp2|sqrt|pow|floor|ceil|fabs|fmin|fmax|fmod|ldexp|frexp|round)f?  # <math.h>
      | ZSTD_\w+ | sb_stemmer_\w+ | crypto_\w+  # the libraries
      | strata_host_default                                    # the host library's
      | __cpu_model | __cpu_features2 | __cpu_indicator_init | _GLOBAL_OFFSET_TABLE_
    )$""",
    re.VERBOSE,
)

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')


def layer_of(path):
    """The layer of a path inside core/, or None."""
    first = path.split("/")[0]
    return LAYERS.index(first) if first in LAYERS else None


def check_core_include(root, path, quoted, name):
    """What is wrong with this include in this file of core/; None if nothing is."""
    inside = path.removeprefix("core/")
    if not quoted:
        if name in STD_INCLUDES:
            public = inside.startswith("include/")
            return None if public or path == STD_HEADER else f"<{name}> comes from base/std.h"
        if name in LIBRARY_INCLUDES or name.startswith(LIBRARY_FOLDERS):
            return None
        if name in ONLY_IN:
            return None if path in ONLY_IN[name] else f"<{name}> is for {', '.join(ONLY_IN[name])} only"
        return f"core/ may not include <{name}>"
    if inside.startswith("include/strata/"):
        return None if name in PUBLIC else f'a public header includes "{name}"'
    if name in PUBLIC:
        return None
    if name == "api/ops.def" or "/" in name:
        mine, other = layer_of(inside), layer_of(name)
        if other is None:
            return f'"{name}" is in no layer of core/'
        if mine is None:
            return f"{path} is in no layer of core/"
        if other > mine:
            return f'"{name}" is above {LAYERS[mine]}: includes point down (' + " > ".join(
                reversed(LAYERS)) + ")"
        return None
    if (root / GENERATED / name).is_file():
        return None
    return f'"{name}": write the path from core/, such as "base/{name}"'


def host_folder(path):
    return "/".join(path.split("/")[:2])


def check_host_include(root, path, quoted, name):
    """What is wrong with this include in this file of a host; None if nothing is."""
    if not quoted:
        if name.startswith(("strata/",)):
            return f'write "{name}"'
        return None
    if name in PUBLIC:
        return None
    own = root / pathlib.Path(path).parent / name
    folder = root / host_folder(path)
    if own.is_file():
        shared = root / HOST_SHARES.get(host_folder(path), host_folder(path))
        if {folder, shared}.isdisjoint(own.resolve().parents):
            return f'"{name}" is outside of {host_folder(path)}'
        return None
    if (folder / name).is_file():
        return None
    # Written from the root of the tree, or made into build/gen.
    if name.startswith(host_folder(path) + "/") and (root / name).is_file():
        return None
    return f'a host includes strata.h, host.h and its own headers, not "{name}"'


def check_includes(root, path):
    """(line, what) for every include of the file that points where it may not."""
    findings = []
    for number, line in enumerate((root / path).read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        quoted = found.group(1) is not None
        name = found.group(1) or found.group(2)
        what = None
        if path.startswith("core/"):
            what = check_core_include(root, path, quoted, name)
        elif path.startswith("hosts/"):
            what = check_host_include(root, path, quoted, name)
        if what:
            findings.append((number, what))
    return findings


def check_length(root, path):
    if "generated" in pathlib.PurePath(path).parts:
        return []
    lines = (root / path).read_bytes().count(b"\n")
    if lines > LINES_MAX:
        return [(lines, f"{lines} lines; more than {LINES_MAX} are two concepts")]
    return []


def symbols(nm, objects):
    """The names that the objects define, and {name: object} of those that they do not."""
    text = subprocess.run([nm, "-A", *objects], check=True, capture_output=True, text=True).stdout
    defined, wanted = set(), {}
    for line in text.splitlines():
        where, rest = line.split(":", 1)
        parts = rest.split()
        kind, name = parts[-2], parts[-1]
        if kind in "UwWv" and len(parts) == 2:
            wanted.setdefault(name, where)
        else:
            defined.add(name)
    return defined, wanted


def check_symbols(nm, objects):
    """(object, name) for every call out of core/ that is not on the list."""
    defined, wanted = symbols(nm, objects)
    return [(where, name) for name, where in sorted(wanted.items())
            if name not in defined and not ALLOWED_SYMBOLS.match(name)]


def tracked(root):
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True,
                           capture_output=True, text=True).stdout.splitlines()
    return [name for name in sorted(names) if (root / name).is_file()]


class Report:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def add(self, path, findings):
        for line, what in findings:
            print(f"{path}:{line}: {what}")
        if findings:
            self.failed += 1
        else:
            self.passed += 1


def check_format(root, paths, report):
    for path in paths:
        done = subprocess.run(["clang-format-22", "--dry-run", "-Werror", path], cwd=root,
                              capture_output=True, text=True, check=False)
        found = re.search(r":(\d+):\d+: error", done.stderr)
        line = int(found.group(1)) if found else 0
        report.add(path, [(line, f"not formatted; clang-format-22 -i {path}")]
                   if done.returncode != 0 else [])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--objects", nargs="*", default=[], help="objects of core/")
    parser.add_argument("--nm", default="nm")
    parser.add_argument("--format", action="store_true", help="run clang-format-22 over all C")
    args = parser.parse_args()
    root = args.root.resolve()
    report = Report()
    paths = tracked(root)
    in_c = [path for path in paths if path.endswith((".c", ".h"))]
    for path in in_c:
        if path.startswith(("core/", "hosts/")):
            report.add(path, check_includes(root, path))
    for path in paths:
        if pathlib.PurePath(path).suffix in SOURCE:
            report.add(path, check_length(root, path))
    for where, name in check_symbols(args.nm, args.objects) if args.objects else []:
        report.add(where, [(0, f"core/ calls {name}: memory, files and clocks come from the host")])
    report.passed += len(args.objects)
    if args.format:
        check_format(root, in_c, report)
    print(f"lint: {len(paths)} files, {len(args.objects)} objects")
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
