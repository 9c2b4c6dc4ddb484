"""Runs from begin to end, and events as they come."""

import json
import signal
import threading

from harness import LIMIT_S, Failure, contains, equal, true


def test_begin_to_history(t):
    made = t.ok("run", "begin", "nightly", "--tag", "batch", "--metadata", '{"n": 1, "m": 2}').json
    equal(made["created"], True)
    equal(t.ok("run", "begin", "nightly").json, {"created": False})
    t.ok("run", "create", "nightly/1", "--parent", "nightly", "--tag", "part")
    t.ok("run", "create", "nightly/2", "--parent", "nightly")
    equal(t.ok("run", "tag", "nightly", "--add", "urgent", "--add", "batch", "--remove", "none").json["changed"], True)
    t.ok("run", "update", "nightly", '{"n": null, "k": {"deep": true}}')
    record = t.ok("run", "get", "nightly").json
    equal((record["tags"], record["metadata"]), (["batch", "urgent"], {"m": 2, "k": {"deep": True}}))
    names = [r["name"] for r in t.ok("run", "query", "night", "--tag", "urgent", "--tag", "part").rows]
    equal(names, ["nightly", "nightly/1"])
    equal([r["name"] for r in t.ok("run", "query", "--parent", "nightly", "--since", "1h").rows],
          ["nightly/1", "nightly/2"])
    equal(t.ok("run", "query", "--until", "1h").rows, [])
    equal([r["name"] for r in t.ok("run", "children", "nightly", "--limit", "1", "--all").rows],
          ["nightly/1", "nightly/2"])
    t.fails(1, "run", "children", "nowhere")
    t.ok("run", "pause", "nightly")
    t.fails(2, "run", "end", "nightly", says=["transition", "paused"])
    equal(t.ok("run", "begin", "nightly").json["created"], False)
    t.ok("put", "--run", "nightly", "a", "1")
    t.ok("put", "--run", "nightly", "a", "2")
    stats = t.ok("run", "stats", "nightly").json
    equal([(p["primitive"], p["keys"], p["versions"]) for p in stats["primitives"]], [("kv", 1, 2)])
    t.ok("run", "end", "nightly", "--status", "failed", "--error", "the disk was full")
    record = t.ok("run", "get", "nightly").json
    equal((record["status"], record["error"]), ("failed", "the disk was full"))
    t.fails(2, "run", "begin", "nightly", says="transition")
    t.fails(2, "run", "end", "nightly/1", "--error", "none", says="completed")
    history = t.ok("run", "history", "nightly", "--limit", "2", "--all").rows
    equal([h["run"]["status"] for h in history],
          ["failed", "active", "paused", "active", "active", "active"])
    equal(history[-1]["version"], made["version"])


def test_counts_and_backwards(t):
    for i in range(5):
        t.ok("event", "append", f"t{i % 2}", json.dumps({"i": i}))
    equal(t.ok("event", "count").json["count"], 5)
    equal(t.ok("event", "count", "--type", "t1").json["count"], 2)
    equal([(r["type"], r["count"], r["first"], r["last"]) for r in t.ok("event", "types").rows],
          [("t0", 3, 1, 5), ("t1", 2, 2, 4)])
    equal([r["type"] for r in t.ok("event", "types", "--limit", "1", "--all").rows], ["t0", "t1"])
    backwards = t.ok("event", "range", "--reverse", "--limit", "2", "--all").rows
    equal([e["sequence"] for e in backwards], [5, 4, 3, 2, 1])
    contains(t.ok("event", "range", "--reverse", "--limit", "2").err, "END 4")
    equal(len(t.ok("event", "range", "--since", "1h").rows), 5)
    equal(t.ok("event", "range", "--until", "1h").rows, [])
    contains(t.ok("--format", "box", "event", "types").out, "20", "Z")
    for i in range(3):
        t.ok("put", "k", str(i))
    equal([r["value"] for r in t.ok("history", "k", "--limit", "1", "--all").rows], [2, 1, 0])


def test_the_last_events(t):
    t.fails(1, "events", says="not_found")
    for i in range(12):
        t.ok("event", "append", f"t{i % 2}", "{}")
    equal([e["sequence"] for e in t.ok("events").rows], list(range(3, 13)))
    equal([e["sequence"] for e in t.ok("events", "--last", "2").rows], [11, 12])
    equal([e["sequence"] for e in t.ok("events", "--after", "9", "--type", "t1").rows], [10, 12])
    equal(t.ok("events", "--after", "12").rows, [])
    t.fails(2, "events", "--after", "1", "--last", "1")
    contains(t.ok("--format", "box", "events", "--last", "1").out, "sequence", "12")


def read_lines(t, process, count):
    """Waits for that many lines, without a clock but for a limit that only a failure reaches."""
    guard = threading.Timer(LIMIT_S, process.kill)
    guard.start()
    lines = [process.stdout.readline() for _ in range(count)]
    guard.cancel()
    if not all(lines):
        raise Failure(f"it ended after {lines}: {process.stderr.read()}")
    return lines


def test_following_until_the_run_ends(t):
    t.ok("run", "begin", "r")
    t.ok("event", "append", "--run", "r", "before", '{"i": 0}')
    process = t.start("events", "--run", "r", "--follow")
    equal(json.loads(read_lines(t, process, 1)[0])["type"], "before")
    for i in range(1, 4):
        t.ok("event", "append", "--run", "r", "after", json.dumps({"i": i}))
    equal([json.loads(line)["payload"]["i"] for line in read_lines(t, process, 3)], [1, 2, 3])
    t.ok("event", "append", "--run", "r", "last", "{}")
    t.ok("run", "end", "r")
    out, err = process.communicate(timeout=LIMIT_S)
    equal((process.returncode, err), (0, b""))
    equal([json.loads(line)["type"] for line in out.splitlines()], ["last"])
    equal(len(t.ok("events", "--run", "r", "--follow", "--after", "0").rows), 5)


def test_following_until_interrupted(t):
    t.ok("event", "append", "one", '{"a": 1}')
    process = t.start("--format", "box", "events", "--follow")
    line = read_lines(t, process, 1)[0].decode()
    contains(line, "1  ", "Z  one  {\"a\":1}")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT_S)
    equal(process.returncode, 130)
    true(t.ok("event", "verify").json["valid"], "the database is as it was")
