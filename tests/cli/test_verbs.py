"""Every command does what its help says, in a database of its own, with the exit code of errors.def."""

import os
import re

from harness import contains, equal, true

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def verbs(t):
    text = t.ok("help", db=None).out
    return re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +[A-Z]", text, re.M)


def test_values_on_the_command_line(t):
    cases = [
        (["5"], 5), (["-5"], -5), (["5.0"], 5.0), (["true"], True), (["null"], None),
        (["[1, \"a\"]"], [1, "a"]), (["{\"a\": {\"b\": 1.5}}"], {"a": {"b": 1.5}}),
        (["Lisbon"], "Lisbon"), (["two words"], "two words"), (["\"5\""], "5"),
        (["--string", "5"], "5"), (["{not json"], "{not json"), ([""], ""),
        (["--", "--dashed"], "--dashed"), (["1e400"], "1e400"),
        (["12345678901234567890123"], "12345678901234567890123"),
    ]
    for args, value in cases:
        t.ok("put", "k", *args)
        got = t.ok("get", "k").json["value"]
        equal((got, type(got)), (value, type(value)), f"put k {args}")
    t.ok("put", "piped", "-", stdin="line one\nline two\n")
    equal(t.ok("get", "piped").json["value"], "line one\nline two\n")
    t.ok("put", "piped", "-", stdin="[1, 2]\n")
    equal(t.ok("get", "piped").json["value"], [1, 2])


def test_nesting_up_to_the_limit_is_shown_in_every_format(t):
    deep = "[" * 120 + "1.5" + "]" * 120
    t.ok("put", "deep", deep)
    for form in ("box", "table", "json", "jsonl", "csv", "line"):
        contains(t.ok("--format", form, "list").out, "1.5")
        contains(t.ok("--format", form, "get", "deep").out, "1.5")
    equal(t.ok("get", "--raw", "deep").out, deep + "\n")


def test_bytes_come_back_to_the_byte(t):
    data = bytes(range(256)) * 5000
    t.ok("put", "--bytes", "blob", "-", stdin=data)
    equal(t.ok("get", "--raw", "blob", text=False).out, data)
    contains(t.ok("get", "blob").out[:40], '{"value":{"$bytes":"AAEC')
    t.ok("put", "s", "text")
    equal(t.ok("get", "--raw", "s").out, "text")
    t.ok("put", "o", '{"a": 1}')
    equal(t.ok("get", "--raw", "o").out, '{"a":1}\n')


def test_kv(t):
    first = t.ok("put", "user/ann", "1").json["version"]
    t.ok("put", "user/bob", "2")
    t.ok("put", "zoe", "3")
    second = t.ok("put", "user/ann", "10").json["version"]
    true(second > first, "versions grow")
    equal(t.ok("get", "user/ann", "--as-of", str(first)).json["value"], 1)
    equal([r["key"] for r in t.ok("list").rows], ["user/ann", "user/bob", "zoe"])
    equal([r["key"] for r in t.ok("list", "user/").rows], ["user/ann", "user/bob"])
    equal([r["key"] for r in t.ok("list", "--reverse").rows], ["zoe", "user/bob", "user/ann"])
    equal([r["key"] for r in t.ok("list", "--start", "user/b", "--end", "z").rows], ["user/bob"])
    equal(t.ok("count").json, {"count": 3})
    equal(t.ok("count", "user/").json, {"count": 2})
    equal([r["value"] for r in t.ok("history", "user/ann").rows], [10, 1])
    equal(t.ok("exists", "zoe").json, {"exists": True})
    equal(t.ok("del", "zoe").json["existed"], True)
    equal(t.ok("del", "zoe").json, {"existed": False})
    equal(t.ok("exists", "zoe").json, {"exists": False})
    t.fails(1, "get", "zoe", says="not_found")
    equal(t.ok("history", "zoe").rows[0]["deleted"], True)
    equal(t.ok("incr", "n").json["value"], 1)
    equal(t.ok("incr", "n", "41").json["value"], 42)
    equal(t.ok("incr", "n", "-2").json["value"], 40)
    t.ok("put", "word", "five")
    t.fails(2, "incr", "word", says=["wrong_type", "next:"])
    t.fails(2, "incr", "n", str(2**63 - 1), says="overflow")
    equal(t.ok("get", "n").json["value"], 40)


def test_cas(t):
    t.fails(3, "cas", "k", "1", "--version", "7", says="conflict")
    version = t.ok("cas", "k", "1", "--version", "0").json["version"]
    t.fails(3, "cas", "k", "2", "--version", "0", says=["conflict", f"version: {version}"])
    t.ok("cas", "k", "2", "--version", str(version))
    t.fails(3, "cas", "k", "3", "--was", "1", says="conflict")
    t.ok("cas", "k", "3", "--was", "2")
    equal(t.ok("get", "k").json["value"], 3)
    t.fails(2, "cas", "k", "4", "--was", "{broken", says="--was is no JSON")


def test_times_to_live(t):
    t.ok("put", "brief", "1", "--ttl", "1ms")
    t.ok("put", "token", "1", "--ttl", "2h")
    t.ok("incr", "token")
    got = t.ok("get", "token").json
    equal((got["value"], 7_100_000_000 < got["expires"] - got["timestamp"] <= 7_200_000_000), (2, True))
    t.fails(1, "get", "brief", says="not_found")
    t.ok("cas", "token", "3", "--was", "2", "--ttl", "500")
    for span in ("0", "1x", "-1s", "", "h"):
        t.fails(2, "put", "k", "1", "--ttl=" + span, says="ttl")


def test_as_of(t):
    first = t.ok("put", "k", "1").json["version"]
    t.ok("remember", "--key", "m", "green tea")
    t.ok("event", "append", "a", "{}")
    t.ok("put", "k", "2")
    t.ok("remember", "--key", "m", "black tea")
    t.ok("run", "create", "late")
    was = str(first)
    equal(t.ok("exists", "k", "--as-of", was).json, {"exists": True})
    equal(t.ok("count", "--as-of", was).json, {"count": 1})
    equal(t.ok("list", "--as-of", was).rows[0]["value"], 1)
    equal(t.ok("event", "head", "--as-of", was).json["sequence"], 0)
    equal(t.ok("event", "range", "--as-of", was).rows, [])
    t.fails(1, "event", "read", "1", "--as-of", was)
    t.fails(1, "memory", "get", "m", "--as-of", was)
    equal(t.ok("memory", "get", "m", "--as-of", str(first + 1)).json["text"], "green tea")
    equal(t.ok("recall", "tea", "--as-of", str(first + 1)).rows[0]["snippet"], "green [tea]")
    equal(t.ok("memory", "list", "--as-of", was).rows, [])
    equal([r["name"] for r in t.ok("run", "list", "--as-of", was).rows], ["default"])
    t.fails(1, "run", "get", "late", "--as-of", was)
    equal(t.ok("get", "k", "--as-of", "0s").json["value"], 2)
    t.fails(1, "get", "k", "--as-of", "1h", says="not_found")
    t.fails(1, "get", "k", "--as-of", "2024-05-01", says="not_found")
    t.fails(2, "get", "k", "--as-of", "9999-01-01", says="has not come yet")
    t.fails(2, "get", "k", "--as-of", "yesterday", says=["--as-of takes", "a version"])


def test_retention(t):
    t.ok("retention", "set", "--last", "3")
    t.ok("retention", "set", "--primitive", "kv", "--for", "2h")
    t.ok("retention", "set", "--run", "default", "--everything")
    equal(t.ok("retention", "get", "--primitive", "kv").json,
          {"keep": "for", "duration_ms": 7_200_000, "source": "primitive"})
    equal(t.ok("retention", "get", "--run", "default", "--primitive", "kv").json,
          {"keep": "all", "source": "run"})
    equal([(r.get("run"), r.get("primitive"), r["keep"]) for r in t.ok("retention", "list").rows],
          [(None, None, "last"), ("default", None, "all"), (None, "kv", "for")])
    contains(t.ok("--format", "box", "retention", "list").out, "7200000")
    t.ok("retention", "set", "--run", "default", "--last", "1")
    for value in "123":
        t.ok("put", "k", value)
    equal(t.ok("compact").json["versions_removed"], 0)
    equal(t.ok("compact", "--full").json["versions_removed"], 2)
    equal(len(t.ok("history", "k").rows), 1)
    t.fails(1, "get", "k", "--as-of", "1", says=["history_trimmed", "last 1"])
    equal(t.ok("retention", "remove", "--run", "default").json["existed"], True)
    equal(t.ok("retention", "remove", "--run", "default").json, {"existed": False})
    t.fails(2, "retention", "set", says="--last N")
    t.fails(2, "retention", "set", "--last", "1", "--everything", says="one of")
    t.fails(2, "retention", "set", "--primitive", "event", "--last", "1", says="never_trimmed")
    t.fails(2, "retention", "get", "--primitive", "nothing", says="no primitive")


def test_pages(t):
    t.batch([["kv.put", {"key": f"k{i:05}", "value": i}] for i in range(2500)])
    first = t.run("list")
    equal(len(first.rows), 100)
    contains(first.err, "--all", "--cursor")
    cursor = first.err.split("--cursor ")[1].split()[0]
    equal(t.ok("list", "--cursor", cursor, "--limit", "2").rows[0]["key"], "k00100")
    every = t.ok("list", "--all")
    equal([r["value"] for r in every.rows], list(range(2500)))
    equal(every.err, "")
    csv = t.ok("--format", "csv", "list", "--all").out.split("\r\n")
    equal((csv[0], csv[1].split(",")[:2], len(csv)),
          ("key,value,version,timestamp", ["k00000", "0"], 2502))
    t.batch([["event.append", {"type": "tick", "payload": {"i": i}}] for i in range(1200)])
    equal([r["payload"]["i"] for r in t.ok("event", "range", "--all").rows], list(range(1200)))


def test_events(t):
    equal(t.ok("event", "append", "call", '{"tool": "search"}').json["sequence"], 1)
    equal(t.ok("event", "append", "result", "-", stdin='{"hits": 3}').json["sequence"], 2)
    t.ok("event", "append", "call", '{"tool": "open"}')
    equal([e["sequence"] for e in t.ok("event", "range").rows], [1, 2, 3])
    equal([e["sequence"] for e in t.ok("event", "range", "2", "3").rows], [2])
    equal([e["sequence"] for e in t.ok("event", "range", "--type", "call").rows], [1, 3])
    equal(t.ok("event", "read", "2").json["payload"], {"hits": 3})
    t.fails(1, "event", "read", "9", says="not_found")
    head = t.ok("event", "head").json
    equal(head["sequence"], 3)
    equal(head["hash"], t.ok("event", "read", "3").json["hash"])
    equal(t.ok("event", "verify").json, {"valid": True, "length": 3})
    t.fails(2, "event", "append", "call", "no json", says="PAYLOAD is no JSON")
    t.fails(2, "event", "append", "call", "[1]")


def test_memories(t):
    key = t.ok("remember", "Ann", "prefers", "the", "window", "seat", "--tag", "travel",
               "--tag", "ann").json["key"]
    t.ok("remember", "--key", "tea", "--metadata", '{"by": "Bob"}', "Bob drinks green tea")
    t.ok("remember", "--key", "long", "-", stdin="From standard input,\nover two lines: coffee.\n")
    memory = t.ok("memory", "get", key).json
    equal((memory["text"], memory["tags"]), ("Ann prefers the window seat", ["travel", "ann"]))
    equal(t.ok("memory", "get", "tea").json["metadata"], {"by": "Bob"})
    equal(t.ok("memory", "get", "long").json["text"],
          "From standard input,\nover two lines: coffee.\n")
    equal([h["key"] for h in t.ok("recall", "window", "seat").rows], [key])
    equal([h["key"] for h in t.ok("recall", "green coffee").rows][:2].sort(), ["tea", "long"].sort())
    hit = t.ok("recall", "tea", "--text").rows[0]
    equal((hit["text"], hit["metadata"]), ("Bob drinks green tea", {"by": "Bob"}))
    whole = t.ok("--format", "json", "recall", "tea", "--k", "1").json
    equal((len(whole["hits"]), whole["stats"]["memories"], whole["truncated"]), (1, 3, False))
    equal([m["key"] for m in t.ok("memory", "list", "t").rows], ["tea"])
    equal([m["key"] for m in t.ok("memory", "list", "--tag", "travel").rows], [key])
    equal(len(t.ok("memory", "list", "--after", "1h").rows), 3)
    equal(len(t.ok("memory", "list", "--before", "2020-01-01T12:30Z").rows), 0)
    equal(t.ok("forget", "tea").json["existed"], True)
    equal(t.ok("forget", "tea").json["existed"], False)
    t.fails(1, "memory", "get", "tea", says="not_found")
    equal(t.ok("recall", "green tea").rows, [])
    t.fails(2, "recall", "!!!", says="invalid_argument")
    t.fails(2, "recall", "tea", "--k", "100000")
    t.fails(2, "recall", " ".join(f"w{i}" for i in range(10000)), says="query_too_long")
    for stop_words in ("the", "and or of"):
        t.ok("recall", stop_words)


def test_forks(t):
    first = t.ok("put", "--run", "default", "k", "1").json["version"]
    t.ok("put", "k", "2")
    made = t.ok("fork", "before", "--as-of", str(first), "--tag", "what-if", "--metadata", '{"n": 1}').json
    equal((made["name"], made["forked_from"], made["at"]), ("before", "default", first))
    equal(t.ok("get", "k", "--run", "before").json["value"], 1)
    t.ok("put", "--run", "before", "k", "3")
    equal(t.ok("get", "k").json["value"], 2)
    equal([r["value"] for r in t.ok("history", "k", "--run", "before").rows], [3, 1])
    record = t.ok("run", "get", "before").json
    equal((record["parent"], record["forked_at"], record["tags"]), ("default", first, ["what-if"]))
    again = t.ok("fork", "--run", "before").json
    equal(t.ok("get", "k", "--run", again["name"]).json["value"], 3)
    t.fails(3, "fork", "before", says="already_exists")
    t.fails(1, "fork", "x", "--run", "nobody")
    t.fails(2, "fork", "x", "--as-of", "99999")
    t.ok("run", "delete", "before")
    t.fails(1, "get", "k", "--run", "before")
    t.fails(1, "run", "delete", "before", "--yes")
    t.fails(2, "run", "delete", "default", "--yes", says="default_run")
    equal(t.ok("get", "k", "--run", again["name"]).json["value"], 3)


def test_runs(t):
    t.ok("run", "create", "nightly", "--tag", "batch", "--metadata", '{"n": 1}')
    t.ok("run", "create", "child", "--parent", "nightly")
    t.fails(3, "run", "create", "nightly", says=["already_exists", "next:"])
    t.fails(1, "run", "create", "orphan", "--parent", "nobody")
    made = t.ok("run", "create").json["name"]
    true(made, "a run without a name gets one")
    equal({r["name"] for r in t.ok("run", "list").rows}, {"default", "nightly", "child", made})
    equal([r["name"] for r in t.ok("run", "list", "--tag", "batch").rows], ["nightly"])
    record = t.ok("run", "get", "nightly").json
    equal((record["status"], record["tags"], record["metadata"]), ("active", ["batch"], {"n": 1}))
    t.ok("put", "--run", "nightly", "k", "1")
    t.fails(1, "get", "k")
    equal(t.ok("get", "k", "--run", "nightly").json["value"], 1)
    t.fails(1, "get", "k", "--run", "nowhere", says="nowhere")
    t.ok("run", "pause", "nightly")
    t.fails(2, "put", "--run", "nightly", "k", "2", says=["run_closed", "run resume"])
    t.ok("run", "resume", "nightly")
    t.ok("put", "--run", "nightly", "k", "2")
    t.ok("run", "complete", "nightly")
    t.fails(2, "run", "resume", "nightly", says="transition")
    t.ok("run", "archive", "nightly")
    equal(t.ok("run", "get", "nightly").json["status"], "archived")
    t.ok("run", "fail", "child", "the", "disk", "was", "full")
    equal(t.ok("run", "get", "child").json["error"], "the disk was full")
    t.ok("run", "cancel", made)
    equal([r["name"] for r in t.ok("run", "list", "--status", "failed").rows], ["child"])
    t.fails(2, "run", "complete", "default", says="default_run")
    t.fails(1, "run", "get", "nowhere")


def test_database(t):
    t.ok("put", "a", "1")
    stats = t.ok("stats").json
    equal((stats["runs"], stats["keys"], stats["durability"]), (1, 1, "buffered"))
    equal(t.ok("--durability", "strict", "sync").json["version"], stats["version"])
    report = t.ok("verify").json
    equal((report["valid"], report["problems"]), (True, []))
    contains(t.ok("--format", "box", "verify").out, "no problem found")
    contains(t.ok("version", db=None).out, "version")
    equal(t.ok("--version", db=None).out, t.ok("version", db=None).out)
    equal(t.ok("put", "a", "1", db=":memory:").json["version"] > 0, True)


def test_exec_runs_every_operation_of_the_table(t):
    with open(os.path.join(ROOT, "core/api/ops.def"), encoding="utf-8") as file:
        table = re.findall(r'^OP\(\w+, "([^"]+)", (READ|WRITE)', file.read(), re.M)
    listed = [(r["operation"], "WRITE" if r["writes"] else "READ") for r in t.ok("ops").rows]
    equal(listed, table)
    answers = t.batch([[name, {}] for name, _ in table], code=2)
    for (name, _), (ok, answer) in zip(table, answers):
        # Without arguments each either works or says which one it lacks; none is unknown.
        true(ok or answer["code"] == "invalid_argument", f"{name} {{}} gave {answer}")
        true(ok or "unknown operation" not in answer["message"], f"{name} is known")
    contains(t.ok("--format", "box", "ops", "kv.put").out, "kv.put", "key", "value", "version")
    t.fails(2, "ops", "nothing.like", says="no operation begins")


def test_exec(t):
    equal(set(t.ok("exec", "kv.put", '{"key": "a", "value": [1, 2.5, null]}').json), {"version"})
    equal(t.ok("exec", "kv.get", "-", stdin='{"key": "a"}').json["value"], [1, 2.5, None])
    equal(t.ok("exec", "db.stats").json["keys"], 1)
    t.fails(1, "exec", "kv.get", '{"key": "b"}', says="not_found")
    error = t.fails(1, "--format", "json", "exec", "kv.get", '{"key": "b"}').err
    contains(error, '"code":"not_found"', '"retryable":false', '"details":{}')
    t.fails(2, "exec", "kv.gett", "{}", says="did you mean kv.get?")
    t.fails(2, "exec", "kv.put", '{"key": "a", "value": 1, "colour": 2}', says="colour")
    t.fails(2, "exec", "kv.put", '{"key": "a"}', says="value")
    t.fails(2, "exec", "kv.put", "{", says="byte")
    t.fails(2, "exec", "kv.put", '{"key": "a", "key": "b", "value": 1}')
    t.fails(2, "exec", "kv.put", "[" * 100000)
    t.fails(2, "exec", "kv.put", '{"key": "a", "value": ' + "[" * 1000 + "]" * 1000 + "}")
    t.fails(2, "exec", "-", "{}")
    answers = t.run("exec", "-", stdin='["kv.put",{"key":"x","value":1}]\n\nnonsense\n'
                                       '["kv.get",{"key":"x"}]\n["kv.nope",{}]\n{"a":1}\n7')
    equal(answers.code, 2)
    equal([row[0] for row in answers.rows], [True, False, True, False, False, False])
    equal(answers.rows[2][1]["value"], 1)


def test_help_explains_every_command(t):
    names = verbs(t)
    true(len(names) > 35, f"help lists the commands: {names}")
    for name in names:
        text = t.ok("help", *name.split(), db=None).out
        contains(text, f"usage: strata {name}", "examples:\n  ")
        equal(t.ok(*name.split(), "--help", db=None).out, text)
    contains(t.ok("help", "event", db=None).out, "event append", "event verify")
    contains(t.run("event", db=None).err, "event append")
    equal(t.run("event", db=None).code, 2)
    equal(t.run(db=None).code, 2)
    contains(t.run(db=None).err, "usage:")
    contains(t.ok("--help", db=None).out, "usage:", "Exit codes")
    t.fails(2, "help", "recal", says='did you mean "recall"', db=None)


def test_misspelt(t):
    cases = [
        (["gett", "a"], 'did you mean "get"'),
        (["event", "apend", "x", "{}"], 'did you mean "event append"'),
        (["rnu", "list"], "there is no command"),
        (["list", "--limt", "3"], "did you mean --limit"),
        (["--fromat", "json", "list"], "did you mean --format"),
        (["list", "--limit", "many"], "takes a number"),
        (["list", "--limit", "-1"], "takes a number"),
        (["list", "--limit"], "needs a value"),
        (["list", "--reverse=yes"], "takes no value"),
        (["get"], "needs KEY"),
        (["get", "a", "b"], "one word too many"),
        (["--format", "xml", "list"], "box, table, json, jsonl, csv or line"),
        (["--durability", "none", "list"], "buffered or strict"),
        (["memory", "list", "--after", "yesterday"], "takes a date"),
        (["run", "list", "--run", "x"], "does not take --run"),
        (["ingest", "--as", "markdwn", "x"], "did you mean markdown"),
        (["--db", "", "list"], "takes a path"),
    ]
    for args, says in cases:
        t.fails(2, *args, says=[says, "next:"])
    true(not os.path.exists(t.db), "no database was made")
    contains(t.fails(2, "--format", "json", "list", "--limt", "3").err, '"code":"invalid_argument"')


def test_database_by_environment_and_default(t):
    env = dict(t.environment(), STRATA_DB=t.path("from-env"))
    t.ok("put", "a", "1", db=None, env=env)
    true(os.path.isdir(t.path("from-env")), "STRATA_DB is used")
    t.ok("put", "a", "1", db=None)
    true(os.path.isdir(t.path("agent.strata")), "the default is ./agent.strata")
    t.ok("put", "a", "1", db=t.path("deep/er/db"))
    equal(t.ok("get", "a", db=t.path("deep/er/db")).json["value"], 1)


def test_state_cells(t):
    t.fails(1, "state", "read", "phase", says="not_found")
    first = t.ok("state", "init", "phase", "plan").json
    equal(first["counter"], 1)
    t.fails(3, "state", "init", "phase", "plan", says="already_exists")
    equal(t.ok("state", "set", "phase", '{"step": 2}').json["counter"], 2)
    got = t.ok("state", "read", "phase").json
    equal((got["value"], got["counter"]), ({"step": 2}, 2))
    equal(t.ok("state", "read", "phase", "--as-of", str(first["version"])).json["value"], "plan")
    t.fails(3, "state", "cas", "phase", "x", "--counter", "1", says=["conflict", "counter: 2"])
    equal(t.ok("state", "cas", "phase", "x", "--counter", "2").json["counter"], 3)
    t.ok("state", "cas", "phase", "--string", "5", "--was", '"x"')
    t.ok("state", "cas", "other", "1", "--version", "0")
    equal([r["name"] for r in t.ok("state", "list").rows], ["other", "phase"])
    equal([r["value"] for r in t.ok("state", "list", "ph").rows], ["5"])
    equal([r["name"] for r in t.ok("state", "list", "--limit", "1", "--reverse", "--all").rows], ["phase", "other"])
    equal([r["counter"] for r in t.ok("state", "history", "phase", "--limit", "2").rows], [4, 3])
    equal(t.ok("state", "del", "phase").json["existed"], True)
    equal(t.ok("state", "del", "phase").json, {"existed": False})


def test_traces(t):
    first = t.ok("trace", "record", "thought", '{"content": "Hm."}', "--tag", "a", "--tag", "b").json["id"]
    t.ok("trace", "record", "note", '{"x": 1}', "--parent", first, "--id", "n1", "--metadata", '{"m": 1}')
    t.ok("trace", "record", "note", "-", "--parent", "n1", "--id", "n2", stdin='{"x": 2}')
    t.fails(3, "trace", "record", "note", "{}", "--id", "n2", says="already_exists")
    t.fails(1, "trace", "record", "note", "{}", "--parent", "none", says="not_found")
    t.fails(2, "trace", "record", "thought", "{}", says=["invalid_argument", "field: content"])
    got = t.ok("trace", "get", "n1").json
    got = got.get("trace", got)
    equal((got["parent"], got["content"], got["metadata"]), (first, {"x": 1}, {"m": 1}))
    equal([r["id"] for r in t.ok("trace", "children", first).rows], ["n1"])
    equal([(r["id"], r["depth"]) for r in t.ok("trace", "tree", first).rows], [(first, 0), ("n1", 1), ("n2", 2)])
    equal([r["id"] for r in t.ok("trace", "query", "--type", "note", "--reverse").rows], ["n2", "n1"])
    equal([r["id"] for r in t.ok("trace", "query", "--tag", "b", "--after", "1h").rows], [first])
    equal(len(t.ok("trace", "list", "--limit", "1", "--all").rows), 3)
    equal(t.ok("trace", "count", "--type", "note").json, {"count": 2})


def test_edges(t):
    t.ok("edge", "put", "anna", "knows", "jonas", "--weight", "0.5", "--properties", '{"since": 2019}')
    version = t.ok("edge", "put", "jonas", "knows", "mia").json["version"]
    t.ok("edge", "put", "anna", "likes", "mia", "--weight", "-2")
    got = t.ok("edge", "get", "anna", "knows", "jonas").json
    got = got.get("edge", got)
    equal((got["weight"], got["properties"]), (0.5, {"since": 2019}))
    t.fails(1, "edge", "get", "jonas", "knows", "anna", says="not_found")
    t.fails(2, "edge", "put", "a", "b", "c", "--weight", '"x"', says="weight")
    equal([r["dst"] for r in t.ok("edge", "out", "anna", "--limit", "1", "--all").rows], ["jonas", "mia"])
    equal([r["src"] for r in t.ok("edge", "in", "mia", "--type", "knows").rows], ["jonas"])
    equal(t.ok("edge", "neighbours", "mia", "--direction", "in").json["names"], ["jonas", "anna"])
    reached = t.ok("edge", "traverse", "anna", "--depth", "2", "--type", "knows").rows
    equal([(r["name"], r["depth"]) for r in reached], [("jonas", 1), ("mia", 2)])
    equal(len(t.ok("edge", "traverse", "anna", "--depth", "2", "--as-of", str(version)).rows), 2)
    equal([r["type"] for r in t.ok("edge", "path", "anna", "mia").rows], ["likes"])
    t.fails(2, "edge", "path", "anna", "mia", "--weighted", says="negative_weight")
    equal(len(t.ok("edge", "path", "anna", "mia", "--weighted", "--type", "knows").rows), 2)
    equal(t.ok("edge", "del", "anna", "likes", "mia").json["existed"], True)
    equal(t.ok("edge", "del", "anna", "likes", "mia").json, {"existed": False})
