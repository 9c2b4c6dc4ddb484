"""What users get wrong and disks do: each a clear error with its exit code, and nothing harmed."""

import os
import shutil
import signal
import subprocess
import sys

from harness import Failure, as_nobody, contains, equal, kill, true

HERE = os.path.dirname(os.path.abspath(__file__))


def snapshot(folder):
    """The files of a folder with their bytes."""
    found = {}
    for root, _, files in os.walk(folder):
        for name in files:
            with open(os.path.join(root, name), "rb") as file:
                found[os.path.relpath(os.path.join(root, name), folder)] = file.read()
    return found


def log_file(t):
    logs = sorted(os.listdir(os.path.join(t.db, "WAL")))
    return os.path.join(t.db, "WAL", logs[-1])


def test_no_database(t):
    for command in (["get", "a"], ["list"], ["recall", "tea"], ["stats"], ["verify"],
                    ["exec", "kv.get", '{"key": "a"}'], ["--read-only", "list"]):
        t.fails(1, *command, says="not_found")
        true(not os.path.exists(t.db), f"{command} makes no database")
    t.fails(1, "get", "a", says="next:")


def test_not_a_database(t):
    file = t.write("file", "hello")
    folder = t.path("folder")
    t.write("folder/notes.txt", "mine")
    for path, code, word in ((file, 2, "invalid_argument"), (folder, 1, "not_found")):
        before = snapshot(t.folder)
        t.fails(2, "put", "a", "1", db=path, says="invalid_argument")
        t.fails(code, "verify", db=path, says=word)
        after = snapshot(t.folder)
        after.pop("folder/LOCK", None)
        equal(after, before, f"nothing in {path} is touched")


def test_flipped_byte(t):
    t.batch([["kv.put", {"key": f"k{i}", "value": "v" * 50}] for i in range(200)])
    path = log_file(t)
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 0x10]))
    before = snapshot(t.db)
    for command in (["put", "a", "1"], ["get", "k1"], ["list"]):
        t.fails(4, *command, says=["corrupt", os.path.basename(path), "offset", "strata verify"])
    report = t.run("verify")
    equal(report.code, 4)
    problem = report.json["problems"][0]
    contains(problem["file"], os.path.basename(path))
    true(problem["offset"] > 0, "the offset is told")
    people = t.run("--format", "box", "verify")
    equal(people.code, 4)
    contains(people.out, "problem", os.path.basename(path), "next:")
    after = snapshot(t.db)
    after["LOCK"] = before["LOCK"]
    equal(after, before, "nothing is changed")


def test_shortened_log_is_damage(t):
    """After a clean close the manifest knows how long the log was: what lacks was not torn, it is gone."""
    t.batch([["kv.put", {"key": f"k{i}", "value": i}] for i in range(50)])
    path = log_file(t)
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) - 3)
    t.fails(4, "get", "k48", says=["corrupt", os.path.basename(path)])


def test_torn_tail_is_cut_and_told(t):
    seen = acknowledged(t, "strict", 50)
    path = log_file(t)
    with open(path, "r+b") as file:
        used = len(file.read().rstrip(b"\0"))  # the rest is reserved space
        file.truncate(used - 3)
    rows = t.ok("list", "--all").rows
    true(len(rows) in (seen - 1, seen, seen + 1, seen + 2), f"{len(rows)} of {seen}: one is torn")
    equal([r["value"] for r in rows], list(range(len(rows))))
    t.ok("put", "zz", "1")
    true(t.ok("list", "--all").rows[:-1] == rows, "a writer keeps what was whole")
    equal(t.ok("verify").json["valid"], True)


def test_second_writer(t):
    first = t.start("exec", "-")
    first.stdin.write(b'["kv.put",{"key":"a","value":1}]\n')
    first.stdin.flush()
    contains(first.stdout.readline().decode(), "true")
    t.fails(5, "put", "b", "2", says=["busy", f"process {first.pid}", "next:"])
    contains(t.fails(5, "--format", "json", "put", "b", "2").err, '"retryable":true')
    # Reading needs no lock: it sees what has been written so far.
    t.ok("stats")
    out, _ = first.communicate(b'["kv.get",{"key":"a"}]\n')
    contains(out.decode(), '"value":1')
    equal(first.returncode, 0)
    t.ok("put", "b", "2")


def test_read_only_folder(t):
    t.ok("put", "a", "1")
    os.chmod(t.db, 0o555)
    for name in os.listdir(t.db):
        path = os.path.join(t.db, name)
        os.chmod(path, 0o555 if os.path.isdir(path) else 0o444)
    before = snapshot(t.db)
    t.fails(6, "put", "a", "2", says=["forbidden", "next:"], preexec_fn=as_nobody)
    equal(t.ok("get", "a", preexec_fn=as_nobody).json["value"], 1)
    equal(t.ok("verify", preexec_fn=as_nobody).json["valid"], True)
    equal(snapshot(t.db), before)
    os.chmod(t.folder, 0o555)
    t.fails(6, "put", "a", "2", db=t.path("new"), says="forbidden", preexec_fn=as_nobody)
    os.chmod(t.folder, 0o755)


def test_read_only_option(t):
    t.ok("put", "a", "1")
    before = snapshot(t.db)
    t.fails(6, "--read-only", "put", "a", "2", says=["forbidden", "leave out --read-only"])
    t.fails(6, "--read-only", "exec", "kv.put", '{"key": "a", "value": 2}', says="forbidden")
    t.fails(6, "--read-only", "ingest", "-", stdin="text", says="forbidden")
    equal(t.ok("--read-only", "get", "a").json["value"], 1)
    equal(snapshot(t.db), before)


def test_full_disk(t):
    """disk_full.py does the work on a tmpfs of a few MiB, in a mount namespace of its own."""
    script = [sys.executable, os.path.join(HERE, "disk_full.py"), t.binary, t.path("small")]
    os.mkdir(t.path("small"))
    mount = 'mount -t tmpfs -o size=4m,mode=0777 strata-test "$4" && exec "$@"'
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    inside = ["unshare", "--mount", *user, "sh", "-c", mount, "sh", *script]
    may = subprocess.run(["unshare", "--mount", *user, "mount", "-t", "tmpfs", "strata-test",
                          t.path("small")], capture_output=True, check=False).returncode == 0
    if may:
        t.covered.append("on a tmpfs of 4 MiB")
    else:
        t.covered.append("no tmpfs may be mounted here: imitated by a limit on file size")
        inside = script + ["--by-limit"]
    done = subprocess.run(inside, capture_output=True, text=True, env=t.environment(), check=False)
    if done.returncode != 0:
        raise Failure(done.stdout + done.stderr)


def test_keys_and_values_that_are_refused(t):
    t.ok("put", "a", "1")
    t.fails(2, "put", "", "1", says=["invalid_key", "next:"])
    t.fails(2, "put", "k" * 1025, "1", says="invalid_key")
    t.fails(2, "put", "_strata/x", "1", says="invalid_key")
    t.ok("put", "k" * 1024, "1")
    t.fails(2, "put", b"\xff\xfe", "1", says="invalid_key")
    t.fails(2, "get", b"caf\xe9", says="invalid_key")
    t.fails(2, "put", "latin", b"caf\xe9", says="invalid_argument")
    t.fails(2, "remember", b"caf\xe9", says="invalid_argument")
    t.fails(2, "put", "nested", "[" * 200 + "]" * 200, says="nesting_too_deep")
    t.fails(2, b"comm\xe9nd", says="there is no command")
    error = t.fails(2, "--format", "json", "get", b"caf\xe9").err
    contains(error, '"code":"invalid_key"')
    equal(t.ok("list").rows[0]["value"], 1)


def test_value_of_17_mib(t):
    big = b"x" * (17 << 20)
    t.fails(2, "put", "big", "-", stdin=big, says=["constraint", "value_too_large", "next:"])
    t.fails(2, "put", "--bytes", "big", "-", stdin=big, says="value_too_large")
    t.fails(2, "remember", "-", stdin=big, says="value_too_large")
    t.fails(1, "get", "big")
    fits = b"y" * (15 << 20)
    t.ok("put", "big", "-", stdin=fits)
    equal(t.ok("get", "--raw", "big", text=False).out, fits)


def acknowledged(t, mode, count):
    """Writes one by one, kills the writer without warning, and returns what was acknowledged."""
    writer = t.start("--durability", mode, "exec", "-")
    seen = 0
    for i in range(count):
        writer.stdin.write(b'["kv.put",{"key":"k%06d","value":%d}]\n' % (i, i))
        writer.stdin.flush()
        if i < count - 3:
            contains(writer.stdout.readline().decode(), "[true,")
            seen += 1
    kill(writer)
    return seen


def test_killed_writer_loses_nothing_acknowledged(t):
    for mode in ("strict", "buffered"):
        shutil.rmtree(t.db, ignore_errors=True)
        seen = acknowledged(t, mode, 300)
        rows = t.ok("list", "--all").rows
        # Buffered may lose the last 100 ms, and only the last.
        true(mode == "buffered" or len(rows) >= seen, f"{mode}: {len(rows)} of {seen} are there")
        equal([r["value"] for r in rows], list(range(len(rows))), f"{mode}: a prefix")
        t.ok("put", "after", "1")
        equal(t.ok("verify").json["valid"], True)


def test_interrupted_command_closes(t):
    process = t.start("exec", "-")
    process.stdin.write(b'["kv.put",{"key":"a","value":1}]\n')
    process.stdin.flush()
    contains(process.stdout.readline().decode(), "true")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    equal(process.returncode, 130, err)
    with open(os.path.join(t.db, "LOCK"), "rb") as lock:
        equal(lock.read(), b"", "the lock was given back")
    equal(t.ok("get", "a").json["value"], 1)
