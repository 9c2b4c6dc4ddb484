"""Ingest: every kind of input, what is left out, resuming after an interruption, progress."""

import json
import os
import signal
import subprocess

from harness import as_nobody, contains, equal, kill, true

STANZAS = """Package: ed
Version: 1.19-1
Architecture: amd64
Depends: libc6 (>= 2.34)
Description: classic UNIX line editor
 ed is a line-oriented text editor.
 .
 It is used to create, display and modify text files.
Homepage: https://www.gnu.org/software/ed/
Tag: implemented-in::c, role::program,
 use::editing
Section: editors

# a comment between stanzas
Package: sed
Version: 4.9-1
Architecture: amd64
Description: GNU stream editor

Version: 1
Description: has no name

Package: twice
Version: 1
version: 2

Package: german
Version: 2:1.0~rc1
Architecture: all
Description-md5: 0123
Description-de: ein Fenster

just a line

Package: last
Version: 3
Description: ends without a blank line"""


def summary(result):
    return result.json


def test_deb822(t):
    result = t.run("ingest", "--as", "deb822", "-", stdin=STANZAS)
    equal(result.code, 0)
    told = summary(result)
    equal((told["remembered"], told["unchanged"], told["skipped"]), (4, 0, 3))
    contains(result.err, "standard input:20: the stanza has no Package", "a field comes twice",
             "neither a field nor a continuation")
    ed = t.ok("memory", "get", "ed_1.19-1_amd64").json
    equal(ed["text"], "ed: classic UNIX line editor\n"
                      "ed is a line-oriented text editor.\n\n"
                      "It is used to create, display and modify text files.\n"
                      "Tags: implemented-in c, role program, use editing\n"
                      "Section: editors\n"
                      "Homepage: https://www.gnu.org/software/ed/")
    equal(ed["metadata"]["Depends"], "libc6 (>= 2.34)")
    equal(ed["metadata"]["Tag"], "implemented-in::c, role::program,\nuse::editing")
    equal(len(ed["metadata"]), 8)
    equal(t.ok("memory", "get", "german_2:1.0~rc1_all").json["text"], "german: ein Fenster")
    equal(t.ok("memory", "get", "last_3").json["text"], "last: ends without a blank line")
    equal([h["key"] for h in t.ok("recall", "line editor").rows][0], "ed_1.19-1_amd64")
    again = summary(t.run("ingest", "-", stdin=STANZAS))  # found out from the first bytes
    equal((again["remembered"], again["unchanged"]), (0, 4))
    changed = STANZAS.replace("GNU stream editor", "GNU stream editor, new")
    equal(summary(t.run("ingest", "-", stdin=changed))["remembered"], 1)


def test_jsonl(t):
    lines = ['{"text": "green tea", "key": "tea", "cups": 2, "deep": {"a": [1]}}',
             '{"text": "black coffee"}', "", "not json", "[1]", '{"cups": 1}',
             '{"text": 5}', '{"key": "", "text": "empty key"}',
             '{"text": "the last line has no end"}']
    path = t.write("drinks.jsonl", "\n".join(lines))
    result = t.run("ingest", path)
    told = summary(result)
    equal((result.code, told["remembered"], told["skipped"]), (0, 3, 5))
    contains(result.err, "drinks.jsonl:4: ", "drinks.jsonl:5: not an object",
             'drinks.jsonl:6: no string in the field "text"', "drinks.jsonl:8: ")
    equal([p["where"] for p in told["problems"]], [f"{path}:{n}" for n in (4, 5, 6, 7, 8)])
    tea = t.ok("memory", "get", "tea").json
    equal((tea["text"], tea["metadata"]), ("green tea", {"cups": 2, "deep": {"a": [1]}}))
    equal(t.ok("memory", "get", "drinks.jsonl#2").json["text"], "black coffee")
    equal(t.ok("memory", "get", "drinks.jsonl#9").json["text"], "the last line has no end")
    told = summary(t.ok("ingest", "--as", "jsonl", "--text-field", "body", "--name", "posts", "-",
                        stdin='{"body": "one", "text": "kept"}\n'))
    equal(told["remembered"], 1)
    equal(t.ok("memory", "get", "posts#1").json["metadata"], {"text": "kept"})


def test_text_is_cut_into_pieces(t):
    paragraphs = [f"Paragraph {i}: " + "some words of text. " * 30 for i in range(12)]
    long = "x" * 5000 + "\n" + "\u6f22" * 3000
    text = "\ufeff\n\nA title line\n\n" + "\n\n".join(paragraphs) + "\n\n" + long + "\n"
    path = t.write("notes/a.txt", text)
    t.ok("ingest", t.path("notes"))
    pieces = t.ok("memory", "list", "--all").rows
    pieces.sort(key=lambda m: m["metadata"]["chunk"])
    true(len(pieces) > 8, "many pieces")
    data = text.encode()
    end = 3
    for i, piece in enumerate(pieces):
        body = piece["text"].encode()
        meta = piece["metadata"]
        equal(piece["key"], f"notes/a.txt#{i + 1}")
        equal((meta["path"], meta["chunk"], meta["title"]), ("notes/a.txt", i + 1, "A title line"))
        true(0 < len(body) <= 2000, f"piece {i} has {len(body)} bytes")
        equal(data[meta["offset"]:meta["offset"] + len(body)], body, f"offset of piece {i}")
        equal(data[end:meta["offset"]].strip(), b"", f"nothing is lost before piece {i}")
        end = meta["offset"] + len(body)
    equal(data[end:].strip(), b"", "nothing is lost at the end")
    true(pieces[1]["text"].startswith("Paragraph"), "pieces begin where paragraphs do")


def test_markdown(t):
    body = "Words of this section. " * 30
    text = (f"# The tool\n\n{body}\n\n## Install ##\n\n{body}\n\n```sh\n# not a heading\n{body}\n```\n"
            f"\n## Use\n\nshort\n\n### Deeper\n\n{body}\n")
    t.write("docs/README.md", text)
    t.ok("ingest", t.path("docs"))
    pieces = sorted(t.ok("memory", "list").rows, key=lambda m: m["metadata"]["chunk"])
    equal([(p["key"], p["metadata"]["title"]) for p in pieces],
          [("docs/README.md#1", "The tool"), ("docs/README.md#2", "Install"),
           ("docs/README.md#3", "Use")])
    contains(pieces[1]["text"], "# not a heading")
    contains(pieces[2]["text"], "### Deeper")


def test_what_is_left_out(t):
    t.write("in/a.txt", "one plain text")
    t.write("in/b.bin", b"zero\0byte")
    t.write("in/c.txt", b"latin caf\xe9")
    t.write("in/cut.txt", "a cut character \u20ac".encode()[:-1])
    t.write("in/d.gz", b"\x1f\x8b")
    t.write("in/sub/e.txt", "another text")
    t.write("in/.hidden/f.txt", "hidden")
    t.write("in/empty.txt", "")
    t.write("in/blank.txt", " \n\n\t\n")
    t.write("in/locked.txt", "unreadable")
    os.chmod(t.path("in/locked.txt"), 0)
    os.mkdir(t.path("in/shut"), 0)
    with open(os.path.join(os.fsencode(t.path("in")), b"n\xe9.txt"), "wb") as file:
        file.write(b"bad name")
    os.symlink("..", t.path("in/sub/loop"))
    os.symlink("a.txt", t.path("in/link.txt"))
    os.mkfifo(t.path("in/pipe"))
    os.chmod(t.folder, 0o777)
    result = t.run("ingest", t.path("in"), preexec_fn=as_nobody)
    told = summary(result)
    equal((result.code, told["remembered"], told["skipped"], told["compressed"]), (0, 2, 6, 1))
    why = {os.path.basename(p["where"]): p["why"] for p in told["problems"]}
    equal((why["b.bin"], why["c.txt"], why["cut.txt"]), ("binary", "not UTF-8", "not UTF-8"))
    contains(why["locked.txt"], "denied")
    contains(why["shut"], "denied")
    contains(why["n\\xe9.txt"], "not UTF-8")
    equal([m["key"] for m in t.ok("memory", "list", preexec_fn=as_nobody).rows],
          ["in/a.txt#1", "in/sub/e.txt#1"])
    people = t.ok("--format", "box", "ingest", t.path("in"), preexec_fn=as_nobody)
    contains(people.out, "0 remembered, 2 unchanged, 6 skipped, 1 compressed", "/s)")
    contains(people.err, "skipped: ")


def test_many_skipped_are_counted(t):
    for i in range(50):
        t.write(f"in/{i}.bin", b"\0")
    few = t.ok("ingest", t.path("in")).err
    equal(few.count("skipped: "), 11)
    contains(few, "40 more (--verbose lists them)")
    equal(t.ok("ingest", "--verbose", t.path("in")).err.count("skipped: "), 50)


def test_paths(t):
    t.write("in/a.txt", "one")
    t.fails(1, "ingest", t.path("nowhere"), t.path("in"), says=["nowhere", "not_found"])
    equal([m["key"] for m in t.ok("memory", "list").rows], ["in/a.txt#1"])
    t.ok("ingest", t.path("in/a.txt"))
    t.ok("ingest", ".", db=t.path("in", "own.strata"), preexec_fn=lambda: os.chdir(t.path("in")))
    keys = t.ok("memory", "list", db=t.path("in", "own.strata")).rows
    equal([m["key"] for m in keys], ["a.txt#1"], "the database does not swallow itself")
    equal(len(t.ok("memory", "list").rows), 2)
    t.fails(1, "ingest", "--run", "nowhere", t.path("in"))
    t.ok("run", "create", "r")
    t.ok("ingest", "--run", "r", t.path("in"), "--limit", "1")
    equal(len(t.ok("memory", "list", "--run", "r").rows), 1)
    t.ok("run", "complete", "r")
    t.write("in/b.txt", "two")
    t.fails(2, "ingest", "--run", "r", t.path("in"), says=["run_closed", "next:"])


def stanzas(count):
    return "".join(f"Package: p{i:06}\nVersion: 1\nDescription: package number {i}\n\n"
                   for i in range(count)).encode()


def test_killed_and_run_again(t):
    data = stanzas(30000)
    killed = t.start("ingest", "-")
    killed.stdin.write(data[:len(data) * 2 // 3])
    killed.stdin.flush()
    kill(killed)
    t.write("all", data)
    with open(t.path("all"), "rb") as file:
        told = summary(t.ok("ingest", "-", stdin=file.read()))
    equal(told["remembered"] + told["unchanged"], 30000)
    equal(t.ok("stats").json["memories"], 30000)
    equal(t.ok("verify").json["valid"], True)


def test_interrupted_says_how_to_go_on(t):
    process = t.start("ingest", "-")
    process.stdin.write(stanzas(20000))
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    # The pipe stays open: only the signal can end it.
    out = process.stdout.read().decode()
    err = process.stderr.read().decode()
    process.stdin.close()
    process.stdout.close()
    process.stderr.close()
    equal(process.wait(), 130)
    told = json.loads(out)
    equal(told["interrupted"], True)
    contains(err, "interrupted: run the same command again to go on")
    equal(len(t.ok("memory", "list", "--all").rows), told["remembered"])
    with open(os.path.join(t.db, "LOCK"), "rb") as lock:
        equal(lock.read(), b"")


def test_progress_on_a_terminal(t):
    """Feeds stanzas through a pipe until the line shows; it has to come, however fast the machine."""
    count = 0

    def feed(process):
        nonlocal count
        process.stdin.write(b"".join(b"Package: p%d-%d\nVersion: 1\nDescription: x\n\n" % (count, i)
                                     for i in range(64)))
        process.stdin.flush()
        count += 1

    code, shown = t.on_terminal("ingest", "--as", "deb822", "-", stdin=subprocess.PIPE, feed=feed,
                                until=b"MB")
    equal(code, 0)
    contains(shown, "\ringest  ", " MB  ", "/s", "\r\u001b[K", "remembered, ")
    code, shown = t.on_terminal("stats")
    equal((code, "\r\u001b[K" in shown), (0, False), "what is quick shows no progress")
