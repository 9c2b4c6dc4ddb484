#!/usr/bin/env python3
"""run.py - runs the conformance scripts on every carrier.

    run.py [--only PART] [CARRIER...]     all carriers when none is named; PART of a case's title

A script (scripts/*.json) is {"about", "cases": [{"name", "options"?, "needs"?, "steps"}]}. Each case
has a database of its own; each step is one of
    {"op", "args", "result": pattern}             succeeds so
    {"op", "args", "error": {"code", "details"?, "message"?}}   fails so
    {"reopen": {options}, "path"?, "import"?, "error"?}  closes and opens again, or opens what {"$path"}
        names, which is made of that export first
    {"raw": "hex" | ["hex", count, "hex"], "error"}   a request as bytes
    {"raw_json": "text", "op", "error"}           arguments as text
    {"tick": {}}                                  waits for the next millisecond, the least that every
        carrier's clock tells: what follows has a time of its own
values.py says what patterns are. "needs" is a list of what a carrier must have: raw, json, memory,
options, ints; or "session": one handle that lasts from step to step, as transactions want, which every
carrier can give. A step may have "times": it is then repeated.

A script may have "rows": {"kv": {"put": step, "got": pattern, ...}, ...}, and cases "each": true, which
are then run once for every row (but those in "but": [names]), with these steps replaced by the row's:
    {"use": "put"}                 the row's step of that name
    {..., "with": {args}}          with more arguments, or others; null: without
    {..., "gives": "got"}          succeeds with the row's pattern of that name
    {..., "result" | "error": ...} succeeds or fails so
    {"prepare": {args}}            the row's steps of that name, with these arguments, if it has any
    {..., "bare": true}            only for rows without such steps

An error must be {code, message, retryable, details} with the code's retryable of errors.def. Beside
the scripts every operation is called with what ops.def says it refuses. At the end, whatever ops.def
promises (operations, arguments, results, errors, reasons) and no case met is a failure.
"""

import argparse
import json
import pathlib
import shutil
import sys
import tempfile
import time
import traceback

from carriers import CARRIERS, CommandLine
from contract import ELSEWHERE, ROOT, generated_steps, read_errors, read_operations
from values import Matcher, Mismatch, arguments, show

HERE = pathlib.Path(__file__).resolve().parent
OPERATIONS = read_operations()
ERRORS = read_errors()


class Seen:
    """What the cases met of the contract."""

    def __init__(self):
        self.results = {name: set() for name in OPERATIONS}
        self.succeeded = set()
        self.args = set()
        self.errors = set()
        self.reasons = set()

    def note(self, op, args, answer):
        if answer.ok:
            self.succeeded.add(op)
            self.args.update((op, name) for name in args)
            self.results.setdefault(op, set()).update(answer.content)
        else:
            self.errors.add((op, answer.content["code"]))
            self.reasons.add((op, answer.content["details"].get("reason")))

    def missing(self):
        for op in OPERATIONS.values():
            if op.name not in self.succeeded:
                yield f"{op.name} never succeeds"
            for name in op.args:
                if (op.name, name) not in self.args:
                    yield f"{op.name}: no call with the argument {name} succeeds"
            for name in op.results:
                proof = ELSEWHERE.get((op.name, name))
                if name not in self.results[op.name] and not (proof and (ROOT / proof).is_file()):
                    yield f"{op.name}: no result has {name}"
            for code, reasons in op.errors.items():
                proof = ELSEWHERE.get((op.name, code))
                if (op.name, code) not in self.errors and not (proof and (ROOT / proof).is_file()):
                    yield f"{op.name} never fails with {code}"
                for reason in reasons:
                    if (op.name, reason) not in self.reasons:
                        yield f"{op.name} never fails with the reason {reason}"


def check_error(answer, wanted, matcher):
    if answer.ok:
        raise Mismatch(f"it succeeded with {show(answer.content)}")
    error = answer.content
    if set(error) != {"code", "message", "retryable", "details"} or not error["message"]:
        raise Mismatch(f"the error is {show(error)}")
    if error["code"] != wanted["code"]:
        raise Mismatch(f"the code is {error['code']} ({error['message']}), not {wanted['code']}")
    if error["retryable"] is not ERRORS[error["code"]][1]:
        raise Mismatch(f"retryable is {error['retryable']} for {error['code']}")
    if "details" in wanted:
        matcher.match(error["details"], {"$has": wanted["details"]}, "details")
    if "message" in wanted:
        matcher.match(error["message"], wanted["message"], "message")


def check_fields(op, result):
    """That a result has the fields of ops.def and no others."""
    known = OPERATIONS[op].results
    always = {name for name, (_, needed) in known.items() if needed}
    if not always <= set(result) <= set(known):
        raise Mismatch(f"the result has {sorted(result)}; ops.def promises {sorted(known)}")


class Case:
    """One case on one carrier."""

    def __init__(self, carrier, name, case, shared, seen):
        self.carrier = carrier
        self.name = name
        self.case = case
        self.seen = seen
        self.matcher = Matcher(shared, carrier.one_number)
        self.is_open = False
        self.matcher.bound["$path"] = lambda inside: carrier.path(self.sibling(inside))

    def sibling(self, inside):
        return f"{self.name}-{inside}"

    def open(self, options, error=None, name=None):
        answer = self.carrier.open(name or self.name, options, "session" in self.case.get("needs", []))
        self.is_open = answer.ok
        if error is not None:
            check_error(answer, error, self.matcher)
        elif not answer.ok:
            raise Mismatch(f"open failed: {show(answer.content)}")

    def close(self):
        if not self.is_open:
            return
        self.is_open = False
        answer = self.carrier.close()
        if not answer.ok:
            raise Mismatch(f"close failed: {show(answer.content)}")

    def run_op(self, step):
        op = step["op"]
        args = arguments(step.get("args", {}), self.matcher.bound)
        answer = self.carrier.exec(op, args)
        if op in OPERATIONS:
            self.seen.note(op, args, answer)
        if "error" in step:
            check_error(answer, step["error"], self.matcher)
            return
        if not answer.ok:
            raise Mismatch(f"it failed with {show(answer.content)}")
        check_fields(op, answer.content)
        self.matcher.match(answer.content, step["result"])

    def run_step(self, step):
        if "tick" in step:
            began_ms = time.time_ns() // 1_000_000
            while time.time_ns() // 1_000_000 == began_ms:
                pass
        elif "reopen" in step:
            self.close()
            name = self.sibling(step["path"]) if "path" in step else None
            options = {**self.case.get("options", {}), **step["reopen"]}
            if "import" in step:
                options["import"] = self.carrier.path(self.sibling(step["import"]))
            self.open(options, step.get("error"), name)
        elif "raw_json" in step:
            check_error(self.carrier.raw_json(step["op"], step["raw_json"]), step["error"], self.matcher)
        elif "raw" in step:
            raw = step["raw"]
            data = (bytes.fromhex(raw) if isinstance(raw, str)
                    else bytes.fromhex(raw[0]) * raw[1] + bytes.fromhex(raw[2]))
            check_error(self.carrier.raw(data), step["error"], self.matcher)
        else:
            self.run_op(step)

    def run(self):
        self.open(self.case.get("options", {}))
        for number, step in enumerate(self.case["steps"], 1):
            try:
                for _ in range(step.get("times", 1)):
                    self.run_step(step)
            except Mismatch as problem:
                raise Mismatch(f"step {number}, {show(step)}: {problem}") from None
        self.close()


def generated(carrier):
    """The cases that follow from ops.def alone, in the form of scripts."""
    for operation in OPERATIONS.values():
        steps = [{"op": operation.name, "args": {"$raw": args}, "error": {"code": code}}
                 for _, args, code in generated_steps(operation, carrier.one_number)]
        yield f"table/{operation.name}", {"steps": steps}


def with_arguments(step, more):
    made = json.loads(json.dumps(step))
    args = {**made.get("args", {}), **more}
    made["args"] = {name: value for name, value in args.items() if value is not None}
    return made


def row_steps(step, row):
    """The step as it is for a row: mostly one."""
    if "prepare" in step:
        return [with_arguments(one, step["prepare"]) for one in row.get("prepare", [])]
    if step.get("bare"):
        return [] if "prepare" in row else [{key: value for key, value in step.items() if key != "bare"}]
    return [row_step(step, row)]


def row_step(step, row):
    if "use" not in step:
        return step
    made = with_arguments(row[step["use"]], step.get("with", {}))
    if "gives" in step:
        made["result"] = row[step["gives"]]
    for outcome in ("result", "error"):
        if outcome in step:
            made[outcome] = step[outcome]
    return made


def expanded(script):
    """(name, case) of every case, those of rows one by one."""
    for case in script["cases"]:
        if not case.get("each"):
            yield case["name"], case
            continue
        for name, row in script["rows"].items():
            if name not in case.get("but", []):
                yield f"{case['name']}: {name}", {
                    **case, "steps": [made for step in case["steps"] for made in row_steps(step, row)]}


def scripts():
    for path in sorted((HERE / "scripts").glob("*.json")):
        for name, case in expanded(json.loads(path.read_text(encoding="utf-8"))):
            yield f"{path.stem}/{name}", case


def can_run(carrier, case):
    have = {"raw": carrier.has_raw, "json": carrier.has_json, "memory": carrier.has_memory,
            "options": carrier.has_options, "session": True, "ints": not carrier.one_number}
    return all(have[need] for need in case.get("needs", []))


def run_carrier(kind, only, shared, seen):
    """(passed, failed, left out)"""
    passed, failed, left_out = 0, 0, 0
    folder = pathlib.Path(tempfile.mkdtemp(prefix="strata-conformance-"))
    carrier = kind(folder)
    steps = 0
    started = time.monotonic()
    for number, (title, case) in enumerate([*scripts(), *generated(carrier)]):
        if only and only not in title:
            continue
        if not can_run(carrier, case):
            left_out += 1
            continue
        name = ":memory:" if case.get("memory") else f"case-{number}"
        try:
            Case(carrier, name, case, shared, seen).run()
            passed += 1
            steps += len(case["steps"])
        except Exception as problem:  # a carrier that broke fails its case, and a new one goes on
            failed += 1
            told = str(problem) if isinstance(problem, Mismatch) else traceback.format_exc()
            print(f"FAIL {kind.name} {title}: {told}")
            print(f"     again: make test-conformance CARRIER={kind.name} CASE={title}")
            carrier = restart(carrier, kind, folder)
    carrier.end()
    shutil.rmtree(folder)
    print(f"conformance {kind.name} ({kind.about}): {passed} cases passed, {failed} failed, "
          f"{left_out} not for it; {steps} steps in {time.monotonic() - started:.1f} s", flush=True)
    return passed, failed


def restart(carrier, kind, folder):
    try:
        if getattr(carrier, "process", None) is not None:
            carrier.process.kill()
            carrier.process.wait()
    finally:
        fresh = pathlib.Path(tempfile.mkdtemp(dir=folder))
        made = kind(fresh)
    return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("carriers", nargs="*", help=", ".join(CARRIERS))
    args = parser.parse_args()
    CommandLine.exits = {code: end for code, (end, _) in ERRORS.items()}
    shared, seen = {}, Seen()
    passed = failed = 0
    for name in args.carriers or CARRIERS:
        good, bad = run_carrier(CARRIERS[name], args.only, shared, seen)
        passed, failed = passed + good, failed + bad
    if not args.only:
        missing = list(seen.missing())
        for what in missing:
            print(f"FAIL coverage: {what}")
        failed += len(missing)
        print(f"conformance: {len(OPERATIONS)} operations of ops.def, "
              f"{'all' if not missing else 'not all'} with every argument, result and error")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
