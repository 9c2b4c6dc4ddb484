"""What is printed: the formats to the letter, tables on a terminal, colour, and output that fails."""

import subprocess

from harness import LIMIT_S, Failure, contains, equal, true


def fill(t):
    t.ok("put", "city", "Lisbon")
    t.ok("put", "quote", 'say "hi", twice\nand more')
    t.ok("put", "\u6f22\u5b57", "\u5bbd wide")


def test_formats(t):
    fill(t)
    box = t.ok("--format", "box", "history", "city").out.splitlines()
    equal((box[0][0], box[0][-1], box[-1][0], box[-1][-1]), ("\u250c", "\u2510", "\u2514", "\u2518"))
    contains(box[1], "version", "timestamp", "deleted", "value")
    contains(box[3], "Lisbon", "false", "Z \u2502")
    table = t.ok("--format", "table", "list").out.splitlines()
    true(all(set(table[i]) <= set("+-") for i in (0, 2, -1)), "rules of plain ASCII")
    # A wide character takes two columns, so the bars are in line on a terminal, not in the string.
    equal(len(table[3]), len(table[0]))
    equal(len(table[5]), len(table[0]) - 3)
    contains(table[4], 'say "hi", twice\\nand more')
    csv = t.ok("--format", "csv", "list").out.split("\r\n")
    equal(csv[0], "key,value,version,timestamp")
    true(csv[2].startswith('quote,"say ""hi"", twice\nand more",'), f"csv quotes: {csv[2]!r}")
    line = t.ok("--format", "line", "list").out
    contains(line, "key        city\nvalue      Lisbon\n", "\n\nkey        quote\n")
    rows = t.ok("--format", "jsonl", "list").rows
    equal(rows, t.ok("--format", "json", "list").json["entries"])
    equal(t.ok("list").rows, rows)
    equal(t.ok("--format", "box", "get", "quote").out, 'say "hi", twice\nand more\n')
    equal(t.ok("--format", "csv", "list", "none").out, "key,value,version,timestamp\r\n")


def test_nothing_stored_drives_the_terminal(t):
    evil = "\u001b[31mred\u0007 \u202egnp.exe"
    t.ok("put", "evil", evil)
    t.ok("remember", "--key", "evil", evil)
    for command in (["list"], ["get", "evil"], ["recall", "red"], ["memory", "get", "evil"]):
        for form in ("box", "table", "line"):
            out = t.ok("--format", form, *command).out
            true("\u001b" not in out and "\u0007" not in out and "\u202e" not in out,
                 f"{command} in {form} is safe: {out!r}")
    equal(t.ok("get", "evil").json["value"], evil)


def test_terminal(t):
    fill(t)
    t.ok("put", "long", "word " * 100)
    code, shown = t.on_terminal("list", columns=72)
    equal(code, 0)
    contains(shown, "\u250c", "\u001b[1mkey", "\u2026")
    plain = shown.replace("\u001b[1m", "").replace("\u001b[0m", "")
    for line in plain.splitlines():
        width = sum(2 if ord(c) > 0x2fff else 1 for c in line)
        equal(width, 72, f"width of {line!r}")
    code, shown = t.on_terminal("list", columns=72, env={"NO_COLOR": "1"})
    true("\u001b" not in shown and "\u250c" in shown, "NO_COLOR takes colour away, not the table")
    narrow = t.ok("--format", "table", "list", env=dict(t.environment(), COLUMNS="60")).out
    equal({len(line) for line in narrow.splitlines() if line.isascii()}, {60}, "COLUMNS is heeded")
    true(max(len(row) for row in t.ok("--format", "table", "list").out.splitlines()) > 500,
         "without a terminal nothing is cut")
    code, shown = t.on_terminal("get", "nothing")
    equal(code, 1)
    contains(shown, "error: ")


def test_recall_for_people(t):
    for i in range(5):
        t.ok("remember", "--key", f"note{i}", f"tea number {i} is hot")
    out = t.ok("--format", "box", "recall", "hot tea", "--k", "3").out
    contains(out, "rank", "score", "key", "snippet", "note", "3 hits of 5 memories, 5 scored, ", " ms\n")
    contains(out, "[tea]", "[hot]")


def test_output_that_cannot_be_written(t):
    t.ok("put", "a", "1")
    with open("/dev/full", "wb") as full:
        process = subprocess.run(t.command(["list"], t.db), stdout=full, stderr=subprocess.PIPE,
                                 timeout=LIMIT_S, check=False)
    equal(process.returncode, 4)
    contains(process.stderr.decode(), "standard output cannot be written", "no_space")
    # Much more than a pipe holds: most writes fail long before the end.
    t.batch([["kv.put", {"key": f"k{i:05}", "value": "x" * 1000}] for i in range(3000)])
    with open("/dev/full", "wb") as full:
        process = subprocess.run(t.command(["list", "--all"], t.db), stdout=full,
                                 stderr=subprocess.PIPE, timeout=LIMIT_S, check=False)
    equal(process.returncode, 4)
    contains(process.stderr.decode(), "no_space")
    reader = t.start("list", "--all")
    reader.stdout.read(10)
    reader.stdout.close()
    code = reader.wait(timeout=LIMIT_S)
    if code != 0 or reader.stderr.read():
        raise Failure(f"a reader that goes away is no error: {code}")
    reader.stderr.close()
    reader.stdin.close()
