"""carriers.py - the ways a request can reach the core, each with the same face.

    open(name, options, session) -> Answer   the database of that name in the carrier's folder; session:
                                      one handle is to last from request to request
    exec(op, args) -> Answer          one operation
    raw(bytes) -> Answer              a request as bytes (where has_raw)
    raw_json(op, text) -> Answer      arguments as text (where has_json)
    close() -> Answer

Most carriers are a process that reads a line of JSON and answers a line of JSON:
    {"do": "open", "path": ..., "options": {...}} | {"do": "exec", ...} | {"do": "close"}
    -> {"ok": true, "result": ...} | {"ok": false, "error": {code, message, retryable, details}}
Those that can, take and give MessagePack: {"request": {"$bytes": ...}} -> {"response": {"$bytes": ...}}.
"""

import base64
import json
import pathlib
import subprocess

import msgpack

from values import from_json, from_tagged, to_json, to_tagged

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Answer:
    """What came back: a result, or an error {code, message, retryable, details}."""

    def __init__(self, ok, content):
        self.ok = ok
        self.content = content

    def __repr__(self):
        return f"{'result' if self.ok else 'error'} {self.content!r}"


def pack(value):
    return msgpack.packb(value)


def unpack(data):
    return msgpack.unpackb(data, strict_map_key=True, max_map_len=10**6, max_array_len=10**6)


def unpack_answer(data):
    ok, content = unpack(data)
    return Answer(ok, content)


class Carrier:
    has_raw = False
    has_json = False
    has_memory = True  # a database in memory lives as long as it is open
    has_options = True  # open takes all of its options
    one_number = False

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return name if name == ":memory:" else str(self.folder / name)

    def end(self):
        """After the last close."""


class Process(Carrier):
    """A carrier program; its lines are JSON."""

    command = ()

    def __init__(self, folder):
        super().__init__(folder)
        self.process = subprocess.Popen([*self.command, str(folder)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.name} ended with {self.process.wait()}")
        return answer

    def end(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}")


class BytesProcess(Process):
    """A carrier program that passes MessagePack through."""

    has_raw = True

    def send(self, do, data):
        text = base64.b64encode(data).decode()
        answer = json.loads(self.ask(json.dumps({"do": do, "request": {"$bytes": text}})))
        return unpack_answer(base64.b64decode(answer["response"]["$bytes"]))

    def open(self, name, options, session=False):
        return self.send("open", pack({"path": self.path(name), **options}))

    def exec(self, op, args):
        return self.send("exec", pack([op, args]))

    def raw(self, data):
        return self.send("exec", data)

    def close(self):
        return self.send("close", b"")


class InProcess(BytesProcess):
    name = "c"
    about = "strata_exec in a C program, with the sanitizers"
    command = (ROOT / "build/tests/conformance/carrier_c",)


class NodeWasi(BytesProcess):
    name = "node-wasi"
    about = "strata-wasi.wasm under node:wasi"
    # Node's fast calls into WASI may collect garbage where V8 does not expect it, and then its heap is
    # damaged (nodejs/node#46777).
    command = ("node", "--no-warnings", "--no-turbo-fast-api-calls",
               ROOT / "tests/conformance/carrier_wasi.mjs")

    def path(self, name):
        return name if name == ":memory:" else f"/data/{name}"


class NodePackage(Process):
    name = "node"
    about = "strata.wasm in Node, by db.exec of the npm package"
    command = ("node", ROOT / "tests/conformance/carrier_node.mjs")
    one_number = True

    def send(self, message):
        answer = json.loads(self.ask(json.dumps(message)))
        return Answer(answer["ok"], from_tagged(answer["content"]))

    def open(self, name, options, session=False):
        return self.send({"do": "open", "path": self.path(name), "options": options})

    def exec(self, op, args):
        return self.send({"do": "exec", "op": op, "args": to_tagged(args)})

    def close(self):
        return self.send({"do": "close"})


class CommandLine(Carrier):
    """A process for each operation: what one wrote, the next must find on the disk. Only what one
    handle has to last for (transactions) goes line by line through `exec -`, one process."""

    name = "cli"
    about = "build/strata exec, a process a step; `exec -` where a handle has to last"
    has_json = True
    has_memory = False
    has_options = False
    exits = {}  # code -> exit code, from errors.def
    ARGUMENT_BYTES_MAX = 100_000

    def __init__(self, folder):
        super().__init__(folder)
        self.process = None  # the session, while there is one

    def open(self, name, options, session=False):
        self.database = self.path(name)
        options = dict(options)
        if "import" in options:
            answer = self.run(["import", options.pop("import")], b"")
            if not answer.ok:
                return answer
        self.options = [word for option, value in options.items() for word in (f"--{option}", value)]
        # Operations that read make no database there; this one writes, and nothing.
        answer = self.exec("db.sync", {})
        if answer.ok and session:
            self.failed = []  # codes of the session's errors
            self.process = subprocess.Popen(self.command([*self.options, "exec", "-"]), stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, text=True, encoding="utf-8")
        return Answer(True, {}) if answer.ok else answer

    def exec(self, op, args):
        if self.process is None:
            return self.raw_json(op, to_json(args))
        self.process.stdin.write(f"[{to_json(op)}, {to_json(args)}]\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"exec - ended with {self.process.wait()}")
        answer = Answer(*from_json(line))
        if not answer.ok:
            self.failed.append(answer.content["code"])
        return answer

    def raw_json(self, op, text):
        long = len(text.encode()) > self.ARGUMENT_BYTES_MAX
        return self.run([*self.options, "exec", op, "-" if long else text], text.encode() if long else b"")

    def command(self, words):
        return [ROOT / "build/strata", "--db", self.database, "--format", "json", *words]

    def run(self, words, data):
        done = subprocess.run(self.command(words), capture_output=True, check=False, input=data)
        if done.returncode == 0:
            return Answer(True, from_json(done.stdout.decode()))
        lines = done.stderr.decode().strip().splitlines()
        try:
            error = from_json(lines[-1])
        except (IndexError, ValueError) as problem:
            raise RuntimeError(f"exit {done.returncode}: {done.stderr.decode()[:500]}") from problem
        if done.stdout or self.exits[error["code"]] != done.returncode:
            raise RuntimeError(f"exit {done.returncode} for {error['code']}, printed {done.stdout[:200]}")
        return Answer(False, error)

    def close(self):
        if self.process is not None:
            session, self.process = self.process, None
            session.stdin.close()
            rest, code = session.stdout.read(), session.wait()
            session.stdout.close()
            wanted = self.exits[self.failed[0]] if self.failed else 0
            if rest or code != wanted:
                raise RuntimeError(f"exec - ended with {code}, not {wanted}, and printed {rest[:200]!r}")
        return Answer(True, {})


class Wasmtime(Carrier):
    """strata-wasi.wasm in this process; the ABI is that of docs/wasm.md."""

    name = "wasmtime"
    about = "strata-wasi.wasm in wasmtime"
    has_raw = True

    def __init__(self, folder):
        super().__init__(folder)
        import wasmtime

        engine = wasmtime.Engine()
        module = wasmtime.Module.from_file(engine, str(ROOT / "build/wasm/strata-wasi.wasm"))
        self.store = wasmtime.Store(engine)
        config = wasmtime.WasiConfig()
        config.preopen_dir(str(folder), "/data")
        self.store.set_wasi(config)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        self.exports = linker.instantiate(self.store, module).exports(self.store)
        self.call("_initialize")
        if self.call("strata_abi_version") != 1:
            raise RuntimeError("another ABI than version 1")
        self.handle = 0

    def path(self, name):
        return name if name == ":memory:" else f"/data/{name}"

    def call(self, name, *args):
        return self.exports[name](self.store, *args)

    def send(self, data, then):
        pointer = self.call("strata_alloc", len(data))
        self.exports["memory"].write(self.store, data, pointer)
        status = then(pointer, len(data))
        self.call("strata_free", pointer, len(data))
        return status

    def answer(self):
        start = self.call("strata_response_ptr")
        end = start + self.call("strata_response_len")
        return unpack_answer(bytes(self.exports["memory"].read(self.store, start, end)))

    def open(self, name, options, session=False):
        request = pack({"path": self.path(name), **options})
        self.handle = self.send(request, lambda at, size: self.call("strata_abi_open", at, size))
        answer = self.answer()
        if answer.ok != (self.handle != 0):
            raise RuntimeError(f"open gave the handle {self.handle} and {answer}")
        return answer

    def exec(self, op, args):
        return self.raw(pack([op, args]))

    def raw(self, data):
        status = self.send(data, lambda at, size: self.call("strata_abi_exec", self.handle, at, size))
        answer = self.answer()
        if answer.ok != (status == 0):
            raise RuntimeError(f"exec gave the status {status} and {answer}")
        return answer

    def close(self):
        self.call("strata_abi_close", self.handle)
        return self.answer()


CARRIERS = {carrier.name: carrier
            for carrier in (InProcess, CommandLine, NodePackage, NodeWasi, Wasmtime)}
