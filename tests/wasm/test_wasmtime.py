#!/usr/bin/env python3
"""Proves that the WASI modules work in wasmtime, a runtime that is not JavaScript.

1. The modules import wasi_snapshot_preview1 and nothing else; wasmtime accepts them.
2. strata-wasi.wasm serves the ABI of docs/wasm.md.
3. strata-cli.wasm does what build/strata does, with the same exit codes; each reads what the other wrote.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import msgpack
import wasmtime

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGINE = wasmtime.Engine()
MODULES = {
    name: wasmtime.Module.from_file(ENGINE, str(ROOT / "build" / "wasm" / f"{name}.wasm"))
    for name in ("strata-wasi", "strata-cli")
}


class Abi:
    """A caller of the ABI: one instance of strata-wasi.wasm that sees one folder as /data."""

    def __init__(self, folder):
        self.store = wasmtime.Store(ENGINE)
        config = wasmtime.WasiConfig()
        config.preopen_dir(str(folder), "/data")
        self.store.set_wasi(config)
        linker = wasmtime.Linker(ENGINE)
        linker.define_wasi()
        self.exports = linker.instantiate(self.store, MODULES["strata-wasi"]).exports(self.store)
        self.call("_initialize")

    def call(self, name, *args):
        return self.exports[name](self.store, *args)

    def send(self, request, then):
        data = msgpack.packb(request)
        ptr = self.call("strata_alloc", len(data))
        self.exports["memory"].write(self.store, data, ptr)
        result = then(ptr, len(data))
        self.call("strata_free", ptr, len(data))
        return result

    def response(self):
        start = self.call("strata_response_ptr")
        end = start + self.call("strata_response_len")
        return msgpack.unpackb(bytes(self.exports["memory"].read(self.store, start, end)))

    def open(self, **request):
        handle = self.send(request, lambda ptr, size: self.call("strata_abi_open", ptr, size))
        assert handle >= 1, self.response()
        return handle

    def exec(self, handle, name, **args):
        self.send([name, args], lambda ptr, size: self.call("strata_abi_exec", handle, ptr, size))
        ok, result = self.response()
        assert ok, result
        return result


def run_cli(folder, *args, stdin=""):
    """Runs strata-cli.wasm in the folder; returns its exit code and what it printed."""
    with tempfile.TemporaryDirectory() as streams:
        streams = pathlib.Path(streams)
        (streams / "in").write_text(stdin)
        store = wasmtime.Store(ENGINE)
        config = wasmtime.WasiConfig()
        config.argv = ["strata", *args]
        config.preopen_dir(str(folder), ".")
        config.stdin_file = str(streams / "in")
        config.stdout_file = str(streams / "out")
        config.stderr_file = str(streams / "err")
        store.set_wasi(config)
        linker = wasmtime.Linker(ENGINE)
        linker.define_wasi()
        start = linker.instantiate(store, MODULES["strata-cli"]).exports(store)["_start"]
        code = 0
        try:
            start(store)
        except wasmtime.ExitTrap as end:
            code = end.code
        return code, (streams / "out").read_text(), (streams / "err").read_text()


def run_native(folder, *args, stdin=""):
    done = subprocess.run(
        [ROOT / "build" / "strata", *args], cwd=folder, input=stdin, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def test_imports(folder):
    for name, module in MODULES.items():
        assert {item.module for item in module.imports} == {"wasi_snapshot_preview1"}, name


def test_abi(folder):
    abi = Abi(folder)
    assert abi.call("strata_abi_version") == 1
    handle = abi.open(path="/data/abi.strata", durability="strict", codec="zstd")
    version = abi.exec(handle, "kv.put", key="k", value={"a": [1, 2.5, None, b"\x00"]})["version"]
    text = "A memory that wasmtime wrote. " * 50
    abi.exec(handle, "memory.remember", key="m", text=text)
    assert abi.exec(handle, "db.stats")["durable_version"] > version
    assert abi.exec(handle, "memory.recall", query="wasmtime memories")["hits"][0]["key"] == "m"
    assert abi.call("strata_abi_close", handle) == 0
    assert abi.response() == [True, {}]

    again = Abi(folder)
    handle = again.open(path="/data/abi.strata", must_exist=True)
    assert again.exec(handle, "kv.get", key="k")["value"] == {"a": [1, 2.5, None, b"\x00"]}
    assert again.exec(handle, "memory.get", key="m")["memory"]["text"] == text
    assert again.exec(handle, "db.verify")["valid"] is True
    assert again.call("strata_abi_close", handle) == 0


def test_cli_and_native_in_turn(folder):
    put = ("--db", "cli.strata", "exec", "kv.put")
    get = ("--db", "cli.strata", "exec", "kv.get", '{"key":"k"}')
    for writer, reader in ((run_cli, run_native), (run_native, run_cli)):
        value = f"by {writer.__name__}"
        code, _, err = writer(folder, *put, json.dumps({"key": "k", "value": value}))
        assert code == 0, err
        code, out, err = reader(folder, *get)
        assert code == 0, err
        assert json.loads(out)["value"] == value


def test_cli_exit_codes(folder):
    for args in (
        ("--db", "codes.strata", "exec", "kv.get", '{"key":"missing"}'),
        ("--db", "codes.strata", "exec", "kv.get", "{"),
        ("--db", "codes.strata", "exec", "no.such"),
        ("--db", "codes.strata", "exec", "kv.put", '{"key":"","value":1}'),
        ("--db", "codes.strata", "exec", "db.stats"),
    ):
        assert run_cli(folder, *args)[0] == run_native(folder, *args)[0], args


def test_cli_ingests(folder):
    stanza = "Package: hello\nVersion: 2.10\nDescription: greets the world\n a longer text\n\n"
    code, _, err = run_cli(folder, "--db", "in.strata", "ingest", "--as", "deb822", "-", stdin=stanza)
    assert code == 0, err
    args = ("--db", "in.strata", "exec", "memory.recall", '{"query":"greeting worlds"}')
    found = [json.loads(run(folder, *args)[1])["hits"] for run in (run_cli, run_native)]
    assert [[hit["key"] for hit in hits] for hits in found] == [[found[0][0]["key"]]] * 2
    assert found[0][0]["score"] == found[1][0]["score"]


def main():
    failed = 0
    tests = [(name, body) for name, body in sorted(globals().items()) if name.startswith("test_")]
    for name, body in tests:
        with tempfile.TemporaryDirectory() as folder:
            try:
                body(pathlib.Path(folder))
                print(f"ok    {name}")
            except Exception:  # a runner reports everything and goes on
                import traceback

                failed += 1
                print(f"FAIL  {name}\n{traceback.format_exc()}")
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
