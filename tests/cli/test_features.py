"""What Strata can do of primitives and of history, as a user types it: a story for each, as in
tests/conformance/scripts/features.json, but by the commands made for it. Two rows are elsewhere too:
runs in test_runs.py, merges in test_history.py."""

import json

from harness import contains, equal, true


def script(*requests):
    return "".join(json.dumps(r) + "\n" for r in requests)


def test_c1_kv(t):
    first = t.ok("put", "city", "Oslo").json["version"]
    second = t.ok("put", "city", "Rome", "--ttl", "2h").json["version"]
    t.fails(3, "cas", "city", "late", "--version", str(first), says=["conflict", f"version: {second}"])
    t.ok("cas", "city", "Bergen", "--version", str(second))
    equal(t.ok("incr", "visits", "41").json["value"], 41)
    equal([(r["key"], r["value"]) for r in t.ok("list").rows], [("city", "Bergen"), ("visits", 41)])
    equal([r["value"] for r in t.ok("history", "city").rows], ["Bergen", "Rome", "Oslo"])
    equal(t.ok("del", "city").json["existed"], True)
    t.fails(1, "get", "city")
    rows = t.ok("txn", "-", stdin=script(["kv.put_many", {"entries": [{"key": "a", "value": 1}, {"key": "b", "value": 2}]}],
                                         ["kv.get_many", {"keys": ["b", "a", "c"]}])).rows
    equal(([e["value"] for e in rows[1]["entries"]], rows[1]["missing"]), ([2, 1], ["c"]))


def test_c2_events(t):
    for i in range(3):
        t.ok("event", "append", "call" if i % 2 == 0 else "result", json.dumps({"i": i}))
    equal([e["payload"]["i"] for e in t.ok("events", "--last", "2").rows], [1, 2])
    equal([e["sequence"] for e in t.ok("event", "range", "--type", "call", "--reverse").rows], [3, 1])
    equal([(r["type"], r["count"]) for r in t.ok("event", "types").rows], [("call", 2), ("result", 1)])
    equal(t.ok("event", "head").json["hash"], t.ok("event", "read", "3").json["hash"])
    equal(t.ok("event", "verify").json, {"valid": True, "length": 3})


def test_c3_state(t):
    equal(t.ok("state", "init", "phase", "plan").json["counter"], 1)
    t.fails(3, "state", "init", "phase", "plan", says="already_exists")
    equal(t.ok("state", "set", "phase", "search").json["counter"], 2)
    t.fails(3, "state", "cas", "phase", "book", "--counter", "1", says="conflict")
    version = t.ok("state", "cas", "phase", "book", "--was", '"search"').json["version"]
    equal(t.ok("state", "read", "phase").json["value"], "book")
    equal(t.ok("state", "read", "phase", "--as-of", str(version - 1)).json["value"], "search")
    equal([(r["value"], r["counter"]) for r in t.ok("state", "history", "phase").rows],
          [("book", 3), ("search", 2), ("plan", 1)])
    equal([r["name"] for r in t.ok("state", "list", "ph").rows], ["phase"])
    equal(t.ok("state", "del", "phase").json["existed"], True)
    t.fails(1, "state", "read", "phase")


def test_c4_traces(t):
    t.ok("trace", "record", "thought", '{"content": "A ferry is cheaper."}', "--id", "t1")
    t.ok("trace", "record", "tool_call", '{"tool": "timetable", "arguments": {}}', "--id", "t2", "--parent", "t1",
         "--tag", "ferry")
    t.fails(1, "trace", "record", "note", "{}", "--parent", "unknown", says="not_found")
    equal(t.ok("trace", "get", "t2").json["parent"], "t1")
    equal([(r["id"], r["depth"]) for r in t.ok("trace", "tree", "t1").rows], [("t1", 0), ("t2", 1)])
    equal([r["id"] for r in t.ok("trace", "children", "t1").rows], ["t2"])
    equal([r["id"] for r in t.ok("trace", "query", "--type", "tool_call", "--tag", "ferry").rows], ["t2"])
    equal([r["id"] for r in t.ok("trace", "list", "--reverse").rows], ["t2", "t1"])
    equal(t.ok("trace", "count").json, {"count": 2})


def test_c5_runs_keep_provenance_when_told_to(t):
    t.ok("run", "begin", "kept", "--provenance")
    t.ok("run", "begin", "plain")
    equal(t.ok("run", "get", "kept").json["provenance"], True)
    true("provenance" not in t.ok("run", "get", "plain").json, "a run without keeps none")
    equal(t.ok("run", "update", "plain", "--provenance", "on").json["changed"], True)
    equal(t.ok("run", "update", "plain", "--provenance", "on").json, {"changed": False})
    equal(t.ok("run", "get", "plain").json["provenance"], True)
    t.ok("run", "update", "plain", '{"n": 1}', "--provenance=off")
    record = t.ok("run", "get", "plain").json
    equal((record["metadata"], record.get("provenance")), ({"n": 1}, None))
    t.fails(2, "run", "update", "plain", "--provenance", "yes", says="on or off")
    t.fails(2, "run", "update", "plain", "--provenance", says="--provenance on|off")


def test_c6_json(t):
    t.ok("json", "create", "plan", '{"city": "Oslo", "stops": ["fjord"]}')
    t.ok("json", "set", "plan", "/hotel/name", "Bristol")
    t.ok("json", "set", "plan", "$.stops[-]", "museum")
    t.ok("json", "patch", "plan", '[{"op": "test", "path": "/city", "value": "Oslo"}, {"op": "add", "path": "/stops/0", "value": "opera"}]')
    version = t.ok("json", "merge", "plan", '{"hotel": {"name": null, "stars": 4}}').json["version"]
    equal(t.ok("json", "get", "plan").json["value"],
          {"city": "Oslo", "stops": ["opera", "fjord", "museum"], "hotel": {"stars": 4}})
    t.ok("json", "cas", "plan", "/city", "Rome", "--version", str(version))
    t.fails(3, "json", "cas", "plan", "/city", "Bergen", "--version", str(version), says="conflict")
    t.fails(3, "json", "patch", "plan", '[{"op": "test", "path": "/city", "value": "Oslo"}]', says="conflict")
    equal(t.ok("json", "get", "plan", "/city", "--as-of", str(version)).json["value"], "Oslo")
    equal(len(t.ok("json", "history", "plan").rows), 6)


def test_c7_conflicts_by_path(t):
    """Two transactions at once need one process: exec - is one."""
    t.ok("json", "create", "plan", '{"city": "Oslo", "days": 2}')
    for path, fails in (("/city", False), ("/days", True)):
        answers = t.batch([["txn.begin", {}], ["json.get", {"txn": 1, "key": "plan", "path": "/days"}],
                           ["kv.put", {"txn": 1, "key": "seen", "value": path}],
                           ["json.set", {"key": "plan", "path": path, "value": 9}],
                           ["txn.commit", {"txn": 1}]], code=3 if fails else 0)
        equal([ok for ok, _ in answers], [True] * 4 + [not fails])
    equal((answers[4][1]["code"], answers[4][1]["details"]["key"]), ("conflict", "plan"))
    equal(t.ok("get", "seen").json["value"], "/city")


def test_c9_edges(t):
    t.ok("edge", "put", "oslo", "train", "hamar", "--weight", "1.25", "--properties", '{"line": "RE10"}')
    t.ok("edge", "put", "hamar", "train", "bergen", "--weight", "6.5")
    t.ok("edge", "put", "oslo", "road", "bergen", "--weight", "8.5")
    t.ok("edge", "put", "bergen", "train", "oslo", "--weight", "7.5")
    equal(t.ok("edge", "get", "oslo", "train", "hamar").json["properties"], {"line": "RE10"})
    equal([r["dst"] for r in t.ok("edge", "out", "oslo").rows], ["bergen", "hamar"])
    equal([r["src"] for r in t.ok("edge", "in", "bergen", "--type", "train").rows], ["hamar"])
    equal(t.ok("edge", "neighbours", "hamar", "--direction", "both").json["names"], ["bergen", "oslo"])
    equal([(r["name"], r["depth"]) for r in t.ok("edge", "traverse", "oslo", "--depth", "10", "--type", "train").rows],
          [("hamar", 1), ("bergen", 2)])
    equal([r["type"] for r in t.ok("edge", "path", "oslo", "bergen").rows], ["road"])
    equal([r["dst"] for r in t.ok("edge", "path", "oslo", "bergen", "--weighted").rows], ["hamar", "bergen"])
    version = t.ok("edge", "del", "oslo", "road", "bergen").json["version"]
    equal(len(t.ok("edge", "out", "oslo", "--as-of", str(version - 1)).rows), 2)


def test_c10_entities(t):
    t.ok("schema", "put", "person", '{"properties": {"age": {"type": "integer", "minimum": 0}}}', "--key", "/name",
         "--index", "/age")
    ann = t.ok("entity", "id", "person", '{"name": "Ann"}').json["id"]
    equal(t.ok("entity", "put", "person", '{"name": "Ann", "age": 30}').json["id"], ann)
    t.fails(2, "entity", "put", "person", '{"name": "Bob", "age": -1}', says=["schema_mismatch", "/age"])
    t.ok("entity", "merge", "person", ann, '{"city": "Oslo"}')
    equal([r["id"] for r in t.ok("entity", "find", "person", '{"path": "/age", "gte": 30}').rows], [ann])
    t.ok("entity", "del", "person", ann)
    t.fails(1, "entity", "get", "person", ann)
    t.ok("entity", "restore", "person", ann)
    equal(t.ok("entity", "get", "person", ann).json["document"], {"name": "Ann", "age": 30, "city": "Oslo"})
    t.ok("entity", "del", "person", ann)
    equal(t.ok("entity", "vacuum", "person").json["purged"], 1)


def test_c11_indexes(t):
    t.ok("json", "create", "a", '{"city": "Oslo"}')
    t.ok("json", "create", "b", '{"city": "Rome"}')
    where = '{"path": "/city", "eq": "Rome"}'
    plan = t.ok("--format", "json", "json", "find", where, "--explain").json["plan"]
    equal(plan, {"kind": "scan", "examined": 2})
    equal(t.ok("index", "create", "city", "/city").json["entries"], 2)
    plan = t.ok("--format", "json", "json", "find", where, "--explain").json["plan"]
    equal(plan, {"kind": "equal", "index": "city", "examined": 1})
    t.ok("remember", "--key", "m", "tea", "--metadata", '{"room": "kitchen"}')
    t.ok("index", "create", "room", "/metadata/room", "--on", "memory")
    equal([r["key"] for r in t.ok("memory", "find", '{"path": "/metadata/room", "eq": "kitchen"}').rows], ["m"])
    equal([(r["name"], r["primitive"]) for r in t.ok("index", "list").rows], [("city", "json"), ("room", "memory")])
    t.ok("index", "drop", "city")
    equal([r["key"] for r in t.ok("json", "find", where, "--documents").rows], ["b"])


def test_c12_the_seven_invariants(t):
    """Addressable, versioned, transactional, life cycle, run-scoped, introspectable, consistent."""
    before = t.ok("run", "create", "r").json["version"]
    rows = t.ok("--run", "r", "txn", "-", stdin=script(
        ["kv.put", {"key": "k", "value": 1}], ["event.append", {"type": "e", "payload": {}}],
        ["state.set", {"name": "s", "value": 1}], ["trace.record", {"id": "t", "type": "note", "content": {}}],
        ["json.create", {"key": "d", "document": {}}], ["edge.put", {"src": "a", "type": "x", "dst": "b"}],
        ["memory.remember", {"key": "m", "text": "tea"}])).rows
    version = rows[-1]["version"]
    held = t.ok("show", "--run", "r").rows
    equal([r["ref"] for r in held], ["kv:k", "event:1", "state:s", "trace:t", "json:d", "memory:m", "edge:a>x>b"])
    equal({r["version"] for r in held}, {version})
    equal(t.ok("show", "--run", "r", "--as-of", str(before)).rows, [])
    equal(t.ok("show").rows, [])
    equal(len(t.ok("run", "stats", "r").json["primitives"]), 7)
    t.ok("run", "complete", "r")
    t.fails(2, "put", "--run", "r", "k", "2", says="run_closed")
    equal(t.ok("log", "--run", "r").rows[0]["count"], 7)


def test_c13_memory(t):
    t.ok("remember", "--key", "seat", "Ann", "prefers", "the", "window", "seat.")
    t.ok("remember", "Bob drinks green tea.")
    hit = t.ok("recall", "which seats does Ann prefer?").rows[0]
    equal((hit["key"], hit["snippet"]), ("seat", "[Ann] [prefers] the window [seat]."))
    t.ok("forget", "seat")
    equal(t.ok("recall", "window").rows, [])


def test_d1_as_of_everything(t):
    t.ok("schema", "put", "p", "{}")
    for n in ("1", "2"):
        t.ok("put", "k", n)
        t.ok("state", "set", "s", n)
        t.ok("json", "set", "d", "$", json.dumps({"n": n}))
        t.ok("edge", "put", "a", "x", n)
        t.ok("entity", "put", "p", json.dumps({"n": n}), "--id", "e")
        t.ok("event", "append", "e", "{}")
        t.ok("trace", "record", "note", "{}", "--id", n)
        then = t.ok("remember", "--key", "m", f"cup number {n}").json["version"] if n == "1" else then
    was = ["--as-of", str(then)]
    equal(t.ok("get", "k", *was).json["value"], 1)
    equal(t.ok("state", "read", "s", *was).json["value"], 1)
    equal(t.ok("json", "get", "d", "/n", *was).json["value"], "1")
    equal(t.ok("edge", "neighbours", "a", *was).json["names"], ["1"])
    equal(t.ok("entity", "get", "p", "e", *was).json["document"], {"n": "1"})
    equal(len(t.ok("event", "range", *was).rows), 1)
    equal(t.ok("trace", "count", *was).json, {"count": 1})
    equal(t.ok("memory", "get", "m", *was).json["text"], "cup number 1")
    equal(t.ok("get", "k", "--as-of", "0s").json["value"], 2)
    true(len(t.ok("show", *was).rows) == 9, "everything that was there then, the schema and the log too")


def test_d2_replay(t):
    versions = [t.ok("put", "k", str(i)).json["version"] for i in range(4)]
    equal([r["changes"][0]["value"] for r in t.ok("replay").rows], [0, 1, 2, 3])
    equal([r["version"] for r in t.ok("replay", "--as-of", str(versions[1])).rows], versions[:2])
    equal([r["version"] for r in t.ok("replay", "--since", str(versions[1]), "--as-of", str(versions[2])).rows], versions[1:3])
    equal([r["version"] for r in t.ok("log", "kv:k", "--limit", "1").rows], versions[3:])


def test_d3_diff(t):
    t.ok("put", "gone", "1")
    then = t.ok("json", "create", "plan", '{"city": "Oslo", "stops": ["fjord"]}').json["version"]
    t.ok("del", "gone")
    t.ok("json", "patch", "plan", '[{"op": "add", "path": "/stops/0", "value": "opera"}]')
    rows = t.ok("diff", "--as-of", str(then)).rows
    equal([(r["ref"], r["kind"]) for r in rows], [("kv:gone", "removed"), ("json:plan", "changed")])
    equal(rows[1]["paths"], [{"path": "/stops/0", "kind": "added", "after": "opera"}])
    t.ok("run", "create", "strange")
    t.ok("put", "--run", "strange", "own", "1")
    equal([(r["ref"], r["kind"]) for r in t.ok("diff", "strange").rows], [("kv:own", "added"), ("json:plan", "removed")])
    contains(t.ok("--format", "json", "diff", "strange", "--stat").out, '"summary"', '"removed": 1')


def test_d4_fork(t):
    then = t.ok("put", "city", "Oslo").json["version"]
    t.ok("put", "city", "Rome")
    equal(t.ok("fork", "before", "--as-of", str(then)).json["at"], then)
    t.ok("fork", "now", "--as-of", "0s")
    t.ok("fork", "deeper", "--run", "before")
    equal([t.ok("get", "city", "--run", run).json["value"] for run in ("default", "before", "now", "deeper")],
          ["Rome", "Oslo", "Rome", "Oslo"])
    t.ok("put", "city", "Bergen", "--run", "deeper")
    equal([t.ok("get", "city", "--run", run).json["value"] for run in ("before", "deeper")], ["Oslo", "Bergen"])


def test_d5_explain(t):
    t.ok("run", "create", "r", "--provenance")
    t.ok("put", "price", "5", "--run", "r")
    t.ok("trace", "record", "thought", '{"content": "Add it up."}', "--id", "t1", "--run", "r")
    t.ok("txn", "-", "--run", "r", "--label", "sum up", "--trace", "t1",
         stdin=script(["kv.get", {"key": "price"}], ["kv.put", {"key": "sum", "value": 10}]))
    nodes = t.ok("explain", "kv:sum", "--run", "r").rows
    equal([(n["ref"], n.get("label"), n.get("trace")) for n in nodes], [("kv:sum", "sum up", "t1"), ("kv:price", None, None)])
    equal(t.ok("log", "--run", "r", "--limit", "1").rows[0]["label"], "sum up")
    screen = t.on_terminal("explain", "kv:sum", "--run", "r")[1]
    contains(screen, "sum up", "trace:t1", "\u2514 kv:price")
    t.fails(2, "txn", "-", "--label", "x" * 1025, stdin="", says="label")
    t.fails(2, "txn", "-", "--trace", "", stdin="", says="invalid_key")


def test_d6_search_over_history(t):
    t.ok("remember", "--key", "drink", "Bob drinks green tea.")
    t.ok("index", "create", "city", "/city")
    then = str(t.ok("json", "create", "bob", '{"city": "Oslo"}').json["version"])
    t.ok("remember", "--key", "drink", "Bob drinks black coffee.")
    t.ok("json", "set", "bob", "/city", "Rome")
    equal(t.ok("recall", "tea").rows, [])
    equal(t.ok("recall", "tea", "--as-of", then).rows[0]["snippet"], "Bob drinks green [tea].")
    where = '{"path": "/city", "eq": "Oslo"}'
    equal(t.ok("json", "find", where).rows, [])
    equal([r["document"] for r in t.ok("json", "find", where, "--documents", "--as-of", then).rows], [{"city": "Oslo"}])
    equal([r["key"] for r in t.ok("memory", "find", '{"path": "/text", "eq": "Bob drinks green tea."}', "--as-of", then).rows],
          ["drink"])


def test_d7_merge(t):
    t.ok("json", "create", "plan", '{"days": 2, "hotel": "Bristol"}')
    t.ok("fork", "plan-b")
    t.ok("json", "set", "plan", "/days", "3", "--run", "plan-b")
    t.ok("json", "set", "plan", "/hotel", "Grand")
    equal(t.ok("merge", "plan-b").json["conflict_count"], 0)
    equal(t.ok("json", "get", "plan").json["value"], {"days": 3, "hotel": "Grand"})
    t.ok("json", "set", "plan", "/days", "4", "--run", "plan-b")
    t.ok("json", "set", "plan", "/days", "5")
    t.fails(3, "merge", "plan-b", says="conflict")
    equal(t.ok("merge", "plan-b", "--dry-run").json["conflicts"],
          [{"ref": "json:plan#/days", "base": 2, "source": 4, "target": 5}])
    t.ok("merge", "plan-b", "--strategy", "theirs")
    equal(t.ok("json", "get", "plan", "/days").json["value"], 4)
