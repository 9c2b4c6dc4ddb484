"""`strata txn` runs a script as one transaction: whole or not at all, with the line that is to blame."""

import json
import os

from harness import contains, equal, kill, true


def script(*requests):
    return "".join(json.dumps(r) + "\n" for r in requests)


PUT = {"op": "kv.put", "args": {"key": "a", "value": 1}}


def test_whole(t):
    t.ok("put", "anna", "100")
    result = t.ok("txn", "-", stdin=script(
        ["kv.get", {"key": "anna"}],
        {"op": "kv.incr", "args": {"key": "anna", "by": -30}},
        {"op": "kv.incr", "args": {"key": "jonas", "by": 30}},
        {"op": "event.append", "args": {"type": "moved", "payload": {"amount": 30}}},
        {"op": "memory.remember", "args": {"text": "Anna paid Jonas.", "key": "note"}},
        ["kv.count"]) + "\n  \n")
    rows = result.rows
    equal(len(rows), 7, "results, and that of the commit")
    equal(rows[0]["value"], 100)
    equal(rows[2], {"value": 30, "version": 0})
    equal(rows[5], {"count": 2})
    version = rows[6]["version"]
    for got in (t.ok("get", "anna").json, t.ok("get", "jonas").json,
                t.ok("event", "read", "1").json, t.ok("memory", "get", "note").json):
        equal(got["version"], version, "one commit")
    equal(t.ok("get", "anna").json["value"], 70)
    equal([r["key"] for r in t.ok("recall", "jonas").rows], ["note"])


def test_from_a_file_and_in_a_run(t):
    t.ok("run", "create", "trip")
    path = t.write("move.jsonl", script(PUT, ["kv.list"]))
    rows = t.ok("--run", "trip", "txn", path).rows
    equal([(e["key"], e["value"]) for e in rows[1]["entries"]], [("a", 1)])
    equal(t.ok("--run", "trip", "get", "a").json["value"], 1)
    t.fails(1, "get", "a")
    rows = t.ok("txn", path, "--isolation", "snapshot").rows
    equal(len(rows), 3)
    rows = t.ok("txn", t.write("empty.jsonl", "\n")).rows
    equal(list(rows[0]), ["version"])
    rows = t.ok("txn", "-", stdin=script(["txn.info"])).rows
    equal((rows[0]["run"], rows[0]["isolation"]), ("default", "serializable"))


def test_savepoints(t):
    rows = t.ok("txn", "-", stdin=script(PUT, ["txn.savepoint"])).rows
    mark = rows[1]["savepoint"]
    t.ok("txn", "-", stdin=script(PUT, ["txn.savepoint"],
                                  ["kv.put", {"key": "b", "value": 2}],
                                  ["txn.rollback_to", {"savepoint": mark}]))
    equal([r["key"] for r in t.ok("list").rows], ["a"])


def test_an_error_ends_it_and_nothing_is_written(t):
    t.ok("put", "word", "five")
    before = t.ok("stats").json["version"]
    for request, code, says in [
            (["kv.get", {"key": "missing"}], 1, "not_found"),
            (["kv.incr", {"key": "word"}], 2, "wrong_type"),
            (["kv.put", {"key": "a", "valeu": 1}], 2, "valeu"),
            (["kv.put", {"key": "a", "value": 1, "run": "trip"}], 1, "trip"),
            (["kv.cas", {"key": "word", "value": 1, "expected_version": 0}], 3, "conflict")]:
        result = t.fails(code, "txn", "-", stdin=script(PUT, request, PUT),
                         says=[says, "standard input, line 2; nothing was written"])
        equal(result.out, "", "no results")
        t.fails(1, "get", "a")
    equal(t.ok("stats").json["version"], before)
    result = t.fails(3, "--format", "json", "txn", "-", stdin=script(
        PUT, ["kv.cas", {"key": "word", "value": 1, "expected_version": 0}]))
    equal(json.loads(result.err)["code"], "conflict", "one line of JSON, and nothing else")


def test_a_script_is_judged_before_the_database_is_touched(t):
    for line, says in [
            ('{"op": "kv.put"', "not JSON"),
            ('{"op": "kv.putt"}', "did you mean kv.put?"),
            ('{"op": 1}', "a line is"),
            ('{"op": "kv.put", "args": []}', "a line is"),
            ('{"op": "kv.count", "arg": {}}', "a line is"),
            ('{"args": {}}', "a line is"),
            ('["kv.count", {}, {}]', "a line is"),
            ("[]", "a line is"), ("{}", "a line is"), ("7", "a line is"),
            ('["run.create", {"name": "r"}]', "run.create cannot be part of a transaction"),
            ('["db.sync"]', "db.sync cannot be part"),
            ('["txn.begin"]', "txn.begin cannot be part"),
            ('["txn.commit"]', "txn.commit cannot be part"),
            ('["txn.rollback"]', "txn.rollback cannot be part"),
            ('["kv.get", {"key": "a", "txn": 1}]', "leave txn out")]:
        t.fails(2, "txn", "-", stdin=script(PUT) + "\n" + line + "\n", says=[says, "line 3"])
    true(not os.path.exists(t.db), "no database was made")
    t.fails(2, "txn", "missing.jsonl", says=["missing.jsonl", "No such file"])
    t.fails(2, "txn", t.folder, says="it is no file")
    t.fails(2, "txn", says="txn needs FILE")
    t.fails(2, "txn", "-", "--isolation", "none", stdin="", says="isolation")


def test_read_only(t):
    t.ok("put", "a", "5")
    rows = t.ok("--read-only", "txn", "-", stdin=script(["kv.get", {"key": "a"}], ["txn.info"])).rows
    equal((rows[0]["value"], rows[1]["read_only"]), (5, True))
    t.fails(6, "--read-only", "txn", "-", stdin=script(PUT), says="read-only")
    equal(t.ok("get", "a").json["value"], 5)


def test_killed_while_the_script_is_read(t):
    t.ok("put", "b", "1")
    process = t.start("txn", "-")
    process.stdin.write(script(*[PUT] * 1000).encode())
    process.stdin.flush()
    kill(process)
    t.fails(1, "get", "a")
    t.ok("verify")


def test_memory_bytes(t):
    lines = "".join(json.dumps(["kv.put", {"key": f"k{i * 7919 % 4000}", "value": f"{i} " * 200}]) + "\n"
                    for i in range(4000))
    t.ok("--memory-bytes", "1M", "exec", "-", stdin=lines)
    tables = os.listdir(os.path.join(t.db, "DATA"))
    true(len(tables) > 2, f"{tables}: what does not fit in memory is in tables")
    equal(t.ok("--memory-bytes=1024K", "count").json, {"count": 4000})
    equal(t.ok("--memory-bytes", "1g", "get", "--raw", "k3919").out, "1 " * 200)
    contains(t.ok("verify").out, '"valid":true')
    for size in ("64X", "", "-1", "0", "M", "64MB", "1.5G", "99999999999999999999", "99999999999G"):
        t.fails(2, f"--memory-bytes={size}", "get", "k1", says="such as 64M")
    t.fails(2, "--memory-bytes", "64K", "get", "k1", says="memory_bytes from 1048576")
