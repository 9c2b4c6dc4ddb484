"""JSON documents from the command line: each short form, its output for programs and for people, its exit
codes, input from a pipe, the past, and documents in `strata txn`."""

import json

from harness import contains, equal, true

TRIP = {"city": "Oslo", "days": [{"plan": "museum"}, {"plan": "ferry"}], "budget": {"total": 900}}


def test_a_document(t):
    created = t.ok("json", "create", "trip", json.dumps(TRIP)).json["version"]
    equal(t.ok("json", "get", "trip").json["value"], TRIP)
    equal(t.ok("json", "get", "trip").json["version"], created)
    for path in ("/days/1/plan", "$.days[1].plan"):
        equal(t.ok("json", "get", "trip", path).json["value"], "ferry")
    true(t.ok("json", "set", "trip", "/hotel/name", "Sentrum").json["version"] > created, "a newer version")
    t.ok("json", "set", "trip", "/days/-", '{"plan": "home"}')
    t.ok("json", "set", "trip", "/budget/total", "1e3")
    equal(t.ok("json", "exists", "trip", "/days/2").json, {"exists": True})
    equal(t.ok("json", "exists", "trip", "/days/3").json, {"exists": False})
    equal(t.ok("json", "exists", "none").json, {"exists": False})
    equal(t.ok("json", "del", "trip", "/days/0").json["existed"], True)
    equal(t.ok("json", "del", "trip", "/nothing").json, {"existed": False})
    equal(t.ok("json", "get", "trip").json["value"],
          {"city": "Oslo", "days": [{"plan": "ferry"}, {"plan": "home"}], "budget": {"total": 1000.0},
           "hotel": {"name": "Sentrum"}})
    equal(t.ok("json", "destroy", "trip").json["existed"], True)
    equal(t.ok("json", "destroy", "trip").json, {"existed": False})
    t.fails(1, "json", "get", "trip", says=["not_found", "trip"])


def test_patch_merge_cas(t):
    t.ok("json", "create", "trip", "-", stdin=json.dumps(TRIP))
    t.ok("json", "patch", "trip", json.dumps([
        {"op": "test", "path": "/city", "value": "Oslo"},
        {"op": "move", "from": "/days/0", "path": "/days/1"}]))
    equal(t.ok("json", "get", "trip", "/days/0/plan").json["value"], "ferry")
    t.ok("json", "patch", "trip", "-", stdin='[{"op": "remove", "path": "/budget"}]')
    t.ok("json", "merge", "trip", '{"city": null, "hotel": {"name": "Grand", "stars": null}}')
    version = t.ok("json", "merge", "trip", "-", stdin='{"n": 1}').json["version"]
    equal(t.ok("json", "get", "trip").json["value"],
          {"days": [{"plan": "ferry"}, {"plan": "museum"}], "hotel": {"name": "Grand"}, "n": 1})
    t.ok("json", "cas", "trip", "/n", "2", "--version", str(version))
    t.fails(3, "json", "cas", "trip", "/n", "3", "--version", str(version), says=["conflict"])
    t.fails(3, "json", "patch", "trip", '[{"op": "test", "path": "/n", "value": 1}]', says=["test fails"])
    t.fails(2, "json", "patch", "trip", '{"op": "test"}')
    equal(t.ok("json", "get", "trip", "/n").json["value"], 2)


def test_lists_and_history(t):
    for i in range(5):
        t.ok("json", "create", f"d/{i}", json.dumps({"i": i}))
    t.ok("json", "create", "other", "{}")
    equal(t.ok("json", "count").json, {"count": 6})
    equal(t.ok("json", "count", "d/").json, {"count": 5})
    equal([r["key"] for r in t.ok("json", "list", "d/").rows], [f"d/{i}" for i in range(5)])
    rows = t.ok("json", "list", "d/", "--documents", "--reverse", "--limit", "2").rows
    equal([r["document"]["i"] for r in rows[:2]], [4, 3])
    equal([r["key"] for r in t.ok("json", "list", "--start", "d/3", "--end", "o").rows], ["d/3", "d/4"])
    equal(len(t.ok("json", "list", "--all", "--limit", "2").rows), 6)
    versions = [t.ok("json", "set", "other", "/n", str(i)).json["version"] for i in range(3)]
    rows = t.ok("json", "history", "other", "--documents").rows
    equal([r["version"] for r in rows[:3]], versions[::-1])
    equal([r["document"] for r in rows], [{"n": 2}, {"n": 1}, {"n": 0}, {}])
    equal([r["whole"] for r in rows], [False, False, False, True])
    equal(len(t.ok("json", "history", "other", "--limit", "1", "--before", str(versions[2])).rows), 1)
    then = ("--as-of", str(versions[0]))
    equal(t.ok("json", "get", "other", "/n", *then).json["value"], 0)
    equal(t.ok("json", "exists", "other", "/n", *then).json, {"exists": True})
    equal([r["document"] for r in t.ok("json", "list", "other", "--documents", *then).rows], [{"n": 0}])
    equal(t.ok("json", "count", *then).json, {"count": 6})
    t.fails(2, "json", "get", "other", "--as-of", "1000000", says=["has not come yet"])


def test_for_people(t):
    t.ok("json", "create", "trip", json.dumps(TRIP))
    table = t.ok("--format", "box", "json", "list", "--documents").out
    for word in ("key", "document", "trip", "museum"):
        contains(table, word)
    contains(t.ok("--format", "box", "json", "history", "trip").out, "whole")
    contains(t.ok("--format", "line", "json", "get", "trip", "/city").out, "Oslo")


def test_errors_say_what_to_do(t):
    t.ok("json", "create", "trip", json.dumps(TRIP))
    for args, code, says in [
            (("create", "trip", "{}"), 3, "already"),
            (("create", "x", "[]"), 2, "object"),
            (("create", "x", "{"), 2, "JSON"),
            (("get", "trip", "days"), 2, "neither / nor $"),
            (("get", "trip", "/none"), 1, "nothing at /none"),
            (("set", "trip", "/city/a", "1"), 2, "/city"),
            (("set", "none", "/a", "1"), 1, "create it first"),
            (("del", "trip", "/"), None, None),
            (("del", "trip", ""), 2, "root"),
            (("patch", "trip", '[{"op": "shout", "path": "/a"}]'), 2, "none of add"),
            (("merge", "trip", "[]"), 2, None)]:
        if code is None:
            equal(t.ok("json", *args).json, {"existed": False})
        else:
            t.fails(code, "json", *args, says=[says] if says else [])
    equal(t.ok("json", "get", "trip").json["value"], TRIP)


def test_in_a_run_and_in_a_transaction(t):
    t.ok("run", "create", "r")
    t.ok("--run", "r", "json", "create", "d", '{"in": "r"}')
    t.fails(1, "json", "get", "d")
    equal(t.ok("--run", "r", "json", "get", "d", "/in").json["value"], "r")
    lines = [["json.create", {"key": "a", "document": {"l": []}}],
             ["json.set", {"key": "a", "path": "/l/-", "value": 1}],
             ["json.patch", {"key": "a", "operations": [{"op": "copy", "from": "/l", "path": "/m"}]}],
             ["json.get", {"key": "a"}]]
    rows = t.ok("txn", "-", stdin="".join(json.dumps(line) + "\n" for line in lines)).rows
    equal(rows[3]["value"], {"l": [1], "m": [1]})
    equal(t.ok("json", "get", "a").json["version"], rows[4]["version"])
    t.fails(2, "txn", "-", stdin="".join(json.dumps(line) + "\n" for line in [
        ["json.set", {"key": "a", "path": "/x", "value": 1}],
        ["json.set", {"key": "a", "path": "/x/y", "value": 1}]]), says=["line 2"])
    equal(t.ok("json", "exists", "a", "/x").json, {"exists": False})


def test_help(t):
    for verb in ("create", "get", "set", "cas", "del", "destroy", "patch", "merge", "list", "count",
                 "exists", "history"):
        text = t.ok("json", verb, "--help", db=None).out
        contains(text, f"strata json {verb}")
        contains(text, "KEY" if verb not in ("list", "count") else "PREFIX")
