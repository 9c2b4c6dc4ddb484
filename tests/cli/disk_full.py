#!/usr/bin/env python3
"""disk_full.py BINARY FOLDER [--by-limit] - a disk that fills up under the command line.

Run by test_bad_input.py with a small tmpfs mounted at FOLDER. Fills the disk through the program,
then checks that the error is a clean no_space, that what was acknowledged can be read while the disk
is full, and that writing goes on when there is space. With --by-limit there is no small disk: a limit
on the size of files stands in for it.
"""

import json
import os
import resource
import signal
import subprocess
import sys

BINARY, FOLDER = sys.argv[1], sys.argv[2]
BY_LIMIT = "--by-limit" in sys.argv
DB = os.path.join(FOLDER, "db")


def limit():
    if BY_LIMIT:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, resource.RLIM_INFINITY))


def strata(*args, stdin=b"", limited=True):
    done = subprocess.run([BINARY, "--db", DB, *args], input=stdin, capture_output=True,
                          preexec_fn=limit if limited else None, check=False)
    if done.returncode < 0 or b"Sanitizer" in done.stderr:
        sys.exit(f"strata {args} ended by {done.returncode}: {done.stderr.decode()[-3000:]}")
    return done


def must(holds, what, done):
    if not holds:
        sys.exit(f"{what}: exit code {done.returncode}, out {done.stdout[-500:]!r}, "
                 f"err {done.stderr[-1500:]!r}")


def main():
    ballast = os.path.join(FOLDER, "ballast")
    if not BY_LIMIT:
        with open(ballast, "wb") as file:
            file.write(b"b" * (1 << 20))
    requests = b"".join(
        json.dumps(["kv.put", {"key": f"k{i:04}", "value": "v" * 50000}]).encode() + b"\n"
        for i in range(200))
    full = strata("exec", "-", stdin=requests)
    answers = [json.loads(line) for line in full.stdout.splitlines()]
    stored = sum(1 for ok, _ in answers if ok)
    must(full.returncode == 4, "the full disk is told", full)
    must(0 < stored < 200, "some fit, not all", full)
    must(all(a[1]["code"] in ("no_space", "io", "closed") for a in answers[stored:]),
         "what does not fit is an error", full)
    must(answers[stored][1]["code"] == "no_space", "the first error is no_space", full)

    listed = strata("list", "--all")
    keys = [json.loads(line)["key"] for line in listed.stdout.splitlines()]
    must(listed.returncode == 0 and keys == [f"k{i:04}" for i in range(stored)],
         "what was acknowledged, and nothing else, can be read on the full disk", listed)

    if not BY_LIMIT:
        with open(os.path.join(FOLDER, "rest"), "wb", buffering=0) as rest:
            try:
                while rest.write(b"r" * 4096) == 4096:
                    pass
            except OSError:
                pass
        refused = strata("put", "k", "v" * 50000)
        must(refused.returncode == 4 and b"no_space" in refused.stderr and b"next:" in refused.stderr,
             "a new writer on the full disk gets no_space", refused)
        text = strata("ingest", "-", stdin=b"text " * 20000)
        must(text.returncode == 4 and b"no_space" in text.stderr, "ingest gets no_space", text)
        os.remove(os.path.join(FOLDER, "rest"))
        os.remove(ballast)

    again = strata("put", "again", "v" * 50000, limited=False)
    must(again.returncode == 0, "it goes on when there is space", again)
    check = strata("verify", limited=False)
    must(check.returncode == 0, "nothing is damaged", check)
    count = strata("count", limited=False)
    must(json.loads(count.stdout)["count"] == stored + 1, "everything is there", count)


main()
