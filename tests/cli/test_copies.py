"""States that are kept, and copies: checkpoint, snapshots, backup, export and import, repair."""

import os
import pathlib
import shutil
import subprocess

from harness import contains, equal, true


def fill(t, count=30):
    t.batch([["kv.put", {"key": f"k{i:03}", "value": {"n": i, "text": "tea " * 50}}] for i in range(count)])
    t.ok("remember", "--key", "m", "tea with milk")
    t.ok("event", "append", "call", '{"tool": "search"}')


def tables(folder):
    return sorted((pathlib.Path(folder) / "DATA").glob("tab-*.tab"))


def test_checkpoint(t):
    fill(t)
    made = t.ok("checkpoint").json
    true(made["bytes"] > 0 and made["version"] > 30, f"{made}")
    equal(len(tables(t.db)), 1)
    contains(t.ok("--format", "box", "checkpoint").out, "version", "bytes")
    # With nobody writing, a copy of the folder is the same database.
    shutil.copytree(t.db, t.db + ".copy", ignore=shutil.ignore_patterns("LOCK*"))
    equal(t.ok("get", "k007", db=t.db + ".copy").json["value"]["n"], 7)
    equal(t.ok("verify", db=t.db + ".copy").json["valid"], True)


def test_snapshots(t):
    t.ok("put", "a", "1")
    first = t.ok("snapshot", "create", "before the trip").json
    equal((first["name"], first["files"]), ("before the trip", 1))
    t.ok("put", "a", "2")
    t.ok("put", "b", "2")
    second = t.ok("snapshot", "create").json
    true(second["name"].startswith("snap-"), f"{second}")
    equal([s["name"] for s in t.ok("snapshot", "list").rows], ["before the trip", second["name"]])
    contains(t.ok("--format", "box", "snapshot", "list").out, "before the trip", "version", "time")
    equal(t.ok("--snapshot", "before the trip", "get", "a").json["value"], 1)
    equal(t.ok("--snapshot", "before the trip", "list").rows[0]["value"], 1)
    equal(len(t.ok("--snapshot", "before the trip", "list").rows), 1)
    equal(t.ok("--snapshot", second["name"], "get", "b").json["value"], 2)
    equal(t.ok("get", "a").json["value"], 2)
    t.fails(6, "--snapshot", second["name"], "put", "a", "3", says="forbidden")
    t.fails(6, "--snapshot", second["name"], "snapshot", "create", says="forbidden")
    t.fails(1, "--snapshot", "never", "get", "a", says="no snapshot")
    t.fails(2, "--snapshot", "", "get", "a", says="--snapshot takes a name")
    t.fails(3, "snapshot", "create", "before the trip", says="already_exists")
    t.ok("snapshot", "delete", "before the trip")
    t.fails(1, "snapshot", "delete", "before the trip", says="not_found")
    t.fails(1, "--snapshot", "before the trip", "get", "a", says="no snapshot")
    equal(t.ok("verify").json["valid"], True)


def test_backup(t):
    fill(t)
    copy = t.db + ".backup"
    first = t.ok("backup", copy).json
    equal((first["files"], first["files_copied"]), (1, 1))
    t.ok("put", "k007", "changed")
    second = t.ok("backup", copy).json
    equal((second["files"], second["files_copied"]), (2, 1))
    equal(t.ok("backup", copy).json["files_copied"], 0)
    contains(t.ok("--format", "box", "backup", copy).out, "files_copied")
    # A backup is a database.
    equal(t.ok("verify", db=copy).json["valid"], True)
    equal(t.ok("get", "k007", "--read-only", db=copy).json["value"], "changed")
    equal(t.ok("recall", "milk", "--read-only", db=copy).rows[0]["key"], "m")
    # Once written to, it takes no more.
    t.ok("put", "own", "1", db=copy)
    t.fails(2, "backup", copy, says=["is no backup any more", "new or empty folder"])
    equal(t.ok("get", "own", db=copy).json["value"], 1)
    t.fails(2, "backup", t.db, says="the database itself")
    os.makedirs(t.db + ".mine")
    letter = pathlib.Path(t.db + ".mine/letter.txt")
    letter.write_text("Dear Ann")
    t.fails(2, "backup", t.db + ".mine", says="other files")
    equal(letter.read_text(), "Dear Ann")
    t.fails(2, "backup", says="needs FOLDER")


def test_export_and_import(t):
    fill(t)
    t.ok("put", "k007", "changed")
    t.ok("del", "k008")
    file = t.db + ".strata.zst"
    made = t.ok("export", file).json
    equal(os.path.getsize(file), made["bytes"])
    t.fails(3, "export", file, says="already_exists")
    # The bytes do not depend on the form of the database, nor on that of a copy.
    t.ok("checkpoint")
    t.ok("export", file + ".2")
    new = t.db + ".new"
    stats = t.ok("import", file, "--compress", db=new).json
    equal((stats["version"], stats["codec"]), (made["version"], "zstd"))
    true(stats["uuid"] != t.ok("stats").json["uuid"], "an identity of its own")
    equal([r["value"] for r in t.ok("history", "k007", db=new).rows][0], "changed")
    equal(len(t.ok("history", "k007", db=new).rows), 2)
    t.fails(1, "get", "k008", db=new, says="not_found")
    equal(t.ok("event", "verify", db=new).json, {"valid": True, "length": 1})
    equal(t.ok("recall", "milk", db=new).rows[0]["key"], "m")
    kept = t.db + ".kept"
    t.ok("import", file, "--keep-uuid", db=kept)
    t.ok("export", file + ".3", db=kept)
    first = pathlib.Path(file).read_bytes()
    equal(pathlib.Path(file + ".2").read_bytes() == first, True, "exported from tables")
    equal(pathlib.Path(file + ".3").read_bytes() == first, True, "exported from the import")
    t.fails(3, "import", file, db=new, says=["already_exists", "new or empty folder"])
    t.fails(1, "import", file + ".none", db=t.db + ".x", says="not_found")
    t.fails(6, "--read-only", "import", file, db=t.db + ".x", says="forbidden")
    damaged = bytearray(first)
    damaged[len(damaged) // 2] ^= 1
    pathlib.Path(file + ".bad").write_bytes(damaged)
    t.fails(4, "import", file + ".bad", db=t.db + ".x", says=["corrupt", "offset"])
    if shutil.which("zstd"):
        plain = subprocess.run(["zstd", "-dc", file], capture_output=True, check=True).stdout
        true(b"STRATAX1" in plain[:8] and b"tea tea" in plain, "zstd unpacks it")


def test_export_of_a_snapshot(t):
    t.ok("put", "a", "1")
    t.ok("snapshot", "create", "then")
    t.ok("put", "a", "2")
    file = t.db + ".strata.zst"
    t.ok("--snapshot", "then", "export", file)
    t.ok("import", file, db=t.db + ".then")
    equal(t.ok("get", "a", db=t.db + ".then").json["value"], 1)


def damage(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x20
    path.write_bytes(data)
    return bytes(data)


def test_repair(t):
    fill(t, 200)
    equal(t.ok("repair").json["changed"], False)
    equal(t.ok("--format", "box", "repair").out, "nothing to repair\n")
    t.ok("checkpoint")
    t.ok("put", "later", "1")
    path = tables(t.db)[0]
    bad = damage(path, path.stat().st_size // 3)
    t.fails(4, "list", "--all", says=["corrupt", path.name])
    equal(t.run("verify").json["valid"], False)
    told = t.ok("--format", "box", "repair").out
    contains(told, path.name, "LOST/", "repaired", "note:", "LOST")
    equal((pathlib.Path(t.db) / "LOST" / path.name).read_bytes() == bad, True, "kept to the byte")
    equal(t.ok("verify").json["valid"], True)
    left = [r["key"] for r in t.ok("list", "--all").rows]
    true(0 < len(left) <= 201 and "later" in left, f"{len(left)} keys are left")
    equal(t.ok("repair").json["changed"], False)
    t.ok("put", "after", "1")
    t.fails(1, "repair", db=t.db + ".none", says="not_found")
    t.fails(6, "--read-only", "repair", says="forbidden")


def test_repair_without_a_manifest(t):
    fill(t)
    t.ok("checkpoint")
    t.ok("put", "later", "1")
    before = t.ok("list", "--all").out
    (pathlib.Path(t.db) / "MANIFEST").unlink()
    t.fails(4, "list", says=["corrupt", "MANIFEST", "repair"])
    report = t.ok("repair").json
    equal((report["changed"], report["prefix"]), (True, False))
    equal(t.ok("list", "--all").out, before)
    equal(t.ok("verify").json["valid"], True)
