"""History as git users expect it: logs, differences, merges and explanations, for people and programs."""

import json
import re

from harness import contains, equal, true


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r", "")


def test_log_replay_and_show(t):
    first = t.ok("put", "a", "1").json["version"]
    second = t.ok("put", "b", "2").json["version"]
    third = t.ok("del", "a").json["version"]
    equal([row["version"] for row in t.ok("log").rows], [third, second, first])
    equal([row["version"] for row in t.ok("log", "kv:a").rows], [third, first])
    equal([row["version"] for row in t.ok("log", "--reverse", "--limit", "1").rows], [first])
    equal([row["version"] for row in t.ok("log", "--since", str(second), "--as-of", str(second)).rows], [second])
    equal([row["version"] for row in t.ok("log", "--limit", "1", "--all").rows], [third, second, first])
    equal(len(t.ok("log", "--since", "1h", "--all").rows), 3)
    equal([row["changes"][0].get("value") for row in t.ok("replay").rows], [1, 2, None])
    equal([(row["ref"], row["value"]) for row in t.ok("show", "--as-of", str(second)).rows], [("kv:a", 1), ("kv:b", 2)])
    equal(t.ok("show", "--primitive", "event").rows, [])
    contains(t.ok("--format", "csv", "log").out, "version,timestamp,label,count,changes")
    contains(t.fails(2, "log", "b").err, "kv:city")
    t.fails(2, "log", "--since", "yesterday")


def test_a_log_on_a_terminal(t):
    t.ok("put", "city", "Lisbon")
    t.ok("del", "city")
    out = plain(t.on_terminal("log")[1])
    lines = [line for line in out.splitlines() if line]
    true(re.fullmatch(r"commit 3  [-0-9: .]+Z", lines[0]), lines[0])
    equal([lines[1], lines[3]], ["    - kv:city", "    + kv:city"])
    contains(plain(t.on_terminal("replay")[1]), "    + kv:city  Lisbon")
    contains(plain(t.on_terminal("--format", "box", "log")[1]), "\u2502 version")


def test_diff_and_merge(t):
    point = t.ok("put", "both", "1").json["version"]
    t.ok("exec", "run.fork", '{"name": "f"}')
    t.ok("put", "both", "2", "--run", "f")
    t.ok("put", "new", "3", "--run", "f")
    t.ok("put", "both", "4")
    equal([(r["ref"], r["kind"]) for r in t.ok("diff", "f").rows], [("kv:both", "changed"), ("kv:new", "added")])
    equal([(r["ref"], r["kind"]) for r in t.ok("diff", "--run", "f", "--as-of", str(point)).rows],
          [("kv:both", "changed"), ("kv:new", "added")])
    equal(t.ok("diff", "--as-of", str(point), "--to", str(point)).rows, [])
    equal(plain(t.on_terminal("diff", "f")[1]).split("\n")[:3], ["- kv:both  4", "+ kv:both  2", "+ kv:new  3"])
    contains(plain(t.on_terminal("diff", "f", "--stat")[1]), "kv         added 1, removed 0, changed 1")
    contains(t.fails(3, "merge", "f").err, "1 things were changed on both sides")
    dry = plain(t.on_terminal("merge", "f", "--dry-run")[1])
    equal(dry.split("\n")[:2], ["! kv:both  base 1  source 2  target 4", "taken 1  events 0  conflicts 1"])
    merged = t.ok("merge", "f", "--strategy", "ours").json
    equal((merged["taken"], merged["conflict_count"]), (1, 1))
    equal(t.ok("get", "both").json["value"], 4)
    equal(t.ok("get", "new").json["value"], 3)
    t.fails(2, "merge", "f", "--strategy", "mine")
    t.fails(2, "merge", "f", "--into", "f")
    t.fails(1, "merge", "nowhere")


def test_diff_of_a_document(t):
    point = t.ok("json", "set", "plan", "$", '{"a": 1, "b": 2}').json["version"]
    t.ok("json", "set", "plan", "/a", "3")
    t.ok("json", "set", "plan", "/c", '"x"')
    shown = plain(t.on_terminal("diff", "--as-of", str(point))[1])
    equal(shown.split("\n")[:3], ["- json:plan#/a  1", "+ json:plan#/a  3", "+ json:plan#/c  x"])


def test_explain(t):
    t.ok("run", "create", "r", "--provenance")
    t.ok("put", "price", "5", "--run", "r")
    script = [{"op": "kv.get", "args": {"key": "price"}}, {"op": "kv.put", "args": {"key": "sum", "value": 10}}]
    t.ok("txn", "-", "--run", "r", stdin="".join(json.dumps(line) + "\n" for line in script))
    nodes = t.ok("explain", "kv:sum", "--run", "r").rows
    equal([(n["ref"], n["depth"], n.get("parent")) for n in nodes], [("kv:sum", 0, None), ("kv:price", 1, 0)])
    tree = plain(t.on_terminal("explain", "kv:sum", "--run", "r")[1]).splitlines()
    true(re.fullmatch(r"kv:sum  @4  [-0-9: .]+Z  10", tree[0]), tree[0])
    true(re.fullmatch("\u2514 kv:price  @3  [-0-9: .]+Z  5", tree[1]), tree[1])
    equal(len(t.ok("explain", "kv:sum", "--run", "r", "--depth", "0").rows), 1)
    t.fails(1, "explain", "kv:none", "--run", "r")
