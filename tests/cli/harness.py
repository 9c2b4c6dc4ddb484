"""harness.py - what the tests of the command line share: a folder and a database for each test, the
program run as a user would run it, and expectations that say what came instead.

A test is a function test_*(t) of a module test_*.py in this folder; t is a Case. Nothing here waits
by the clock: where a test has to wait it waits for bytes, with a limit that only a failure reaches.
"""

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import tempfile

LIMIT_S = 120


class Failure(Exception):
    """An expectation that did not hold."""


class Result:
    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    @property
    def json(self):
        try:
            return json.loads(self.out)
        except ValueError:
            raise Failure(f"{self} printed no JSON") from None

    @property
    def rows(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def __str__(self):
        shown = " ".join(repr(a)[:200] for a in self.args)
        return f"strata {shown}: exit code {self.code}, out {self.out[:600]!r}, err {self.err[:600]!r}"


class Case:
    def __init__(self, binary):
        self.binary = binary
        self.folder = tempfile.mkdtemp(prefix="strata-cli-")
        os.chmod(self.folder, 0o755)
        self.db = self.path("test.strata")
        self.covered = []

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, data):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return path

    def environment(self):
        env = {k: v for k, v in os.environ.items()
               if k not in ("STRATA_DB", "NO_COLOR", "COLUMNS", "TERM")}
        env["TERM"] = "xterm"
        # A leak is a defect too, when the binary was built to find them.
        env.setdefault("ASAN_OPTIONS", "abort_on_error=0:exitcode=99")
        return env

    def command(self, args, db):
        return [self.binary, *(["--db", db] if db else []), *args]

    def start(self, *args, db=True, **options):
        """Starts the program; the caller waits for it."""
        options.setdefault("stdin", subprocess.PIPE)
        options.setdefault("env", self.environment())
        return subprocess.Popen(self.command(args, self.db if db is True else db),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                cwd=self.folder, **options)

    def run(self, *args, stdin=b"", db=True, text=True, **options):
        """Runs the program to its end, without judging it."""
        process = self.start(*args, db=db, **options)
        try:
            out, err = process.communicate(stdin if isinstance(stdin, bytes) else stdin.encode(),
                                           timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Failure(f"strata {args}: not done after {LIMIT_S} s") from None
        if process.returncode < 0 or process.returncode == 99 or b"Sanitizer" in err:
            raise Failure(f"strata {args}: ended by {process.returncode}: {err.decode()[-4000:]}")
        return Result(args, process.returncode, out.decode() if text else out,
                      err.decode(errors="backslashreplace"))

    def ok(self, *args, **options):
        result = self.run(*args, **options)
        if result.code != 0:
            raise Failure(f"{result}: should succeed")
        return result

    def fails(self, code, *args, says=(), **options):
        """Runs the program, which must fail with that exit code, say why, and print nothing."""
        result = self.run(*args, **options)
        if result.code != code:
            raise Failure(f"{result}: exit code should be {code}")
        for part in [says] if isinstance(says, str) else says:
            if part not in result.err:
                raise Failure(f"{result}: standard error should say {part!r}")
        if not result.err:
            raise Failure(f"{result}: nothing on standard error")
        return result

    def batch(self, requests, *options, code=0):
        """Requests through `exec -`; the answers."""
        lines = "".join(json.dumps(r) + "\n" for r in requests)
        result = self.run(*options, "exec", "-", stdin=lines)
        if result.code != code:
            raise Failure(f"{result}: exit code should be {code}")
        answers = result.rows
        equal(len(answers), len(requests), "answers")
        return answers

    def on_terminal(self, *args, columns=80, stdin=None, feed=None, until=None, then=None, env=()):
        """Runs the program with a terminal as output and error (and input, unless stdin is a
        file). feed(process) is called again and again until the screen shows `until`; then `then`
        (a signal) is sent. Returns exit code and everything that was shown."""
        master, slave = pty.openpty()
        import fcntl
        import struct
        import termios
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = dict(self.environment(), **dict(env))
        process = subprocess.Popen(self.command(args, self.db), stdout=slave, stderr=slave,
                                   stdin=stdin if stdin is not None else subprocess.DEVNULL,
                                   cwd=self.folder, env=environment)
        os.close(slave)
        shown = b""
        try:
            while True:
                ready, _, _ = select.select([master], [], [], 0.02 if feed else LIMIT_S)
                if ready:
                    try:
                        piece = os.read(master, 65536)
                    except OSError:  # the other side has gone: that is the end of a terminal
                        piece = b""
                    if not piece:
                        break
                    shown += piece
                elif not feed:
                    raise Failure(f"strata {args}: silent for {LIMIT_S} s, showed {shown[-500:]!r}")
                if feed and until not in shown:
                    feed(process)
                elif feed:
                    feed = None
                    if then is not None:
                        process.send_signal(then)
                    elif process.stdin is not None:
                        process.stdin.close()
            code = process.wait(timeout=LIMIT_S)
        finally:
            os.close(master)
            if process.poll() is None:
                process.kill()
                process.wait()
        return code, shown.decode(errors="backslashreplace")

    def end(self):
        for root, folders, _ in os.walk(self.folder):
            for name in folders:
                path = os.path.join(root, name)
                if not os.path.islink(path):
                    os.chmod(path, 0o755)
        shutil.rmtree(self.folder)


def equal(got, wanted, what=""):
    if got != wanted:
        raise Failure(f"{what}: {got!r} should be {wanted!r}")


def true(holds, what):
    if not holds:
        raise Failure(f"{what} does not hold")


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise Failure(f"{part!r} should be in {text[:3000]!r}")


def as_nobody():
    """For preexec_fn: a user whom permissions bind."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate()
