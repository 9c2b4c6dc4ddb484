#!/usr/bin/env python3
"""test_driver.py - that the conformance driver sees what is wrong: a matcher that lets everything
pass would make every carrier look right."""

import math
import sys
import unittest

from carriers import CARRIERS, Answer
from contract import read_errors, read_operations, reasons_of
from run import Seen, can_run, check_error, check_fields, expanded, scripts
from values import (Matcher, Mismatch, arguments, bits_of, from_json, from_tagged, parse_float_word, to_json,
                    to_tagged)

ROUND = [None, True, False, 0, -1, 2**63 - 1, 1.0, -0.0, 0.1, 1e300, "", "\u20ac\x00", b"\x00\xff", [], {},
         [1, [2.0, {"a": None}]], {"$bytes": 1}, {"$$float": {"x": b""}}, math.inf, parse_float_word("nan"),
         parse_float_word("nan:fff8000000000123")]


class Rows(unittest.TestCase):
    def test_a_case_for_each_row(self):
        row = {"put": {"op": "x.put", "args": {"key": "k", "run": "r"}}, "got": {"value": 1}}
        script = {"rows": {"x": row, "y": {**row, "got": 2}, "z": row}, "cases": [
            {"name": "plain", "steps": [{"op": "db.sync"}]},
            {"name": "all", "each": True, "but": ["z"], "needs": ["session"], "steps": [
                {"use": "put", "gives": "got"},
                {"use": "put", "with": {"run": None, "txn": "$t"}, "error": {"code": "conflict"}},
                {"op": "db.sync"}]}]}
        cases = dict(expanded(script))
        self.assertEqual(list(cases), ["plain", "all: x", "all: y"])
        self.assertEqual(cases["all: y"]["needs"], ["session"])
        self.assertEqual(cases["all: y"]["steps"], [
            {"op": "x.put", "args": {"key": "k", "run": "r"}, "result": 2},
            {"op": "x.put", "args": {"key": "k", "txn": "$t"}, "error": {"code": "conflict"}},
            {"op": "db.sync"}])
        self.assertEqual(row["put"]["args"], {"key": "k", "run": "r"})  # rows are not changed

    def test_a_row_must_have_what_is_used(self):
        script = {"rows": {"x": {}}, "cases": [{"name": "c", "each": True, "steps": [{"use": "put"}]}]}
        with self.assertRaises(KeyError):
            list(expanded(script))


class Features(unittest.TestCase):
    # C8 is of vectors, D8 and D9 are of later parts.
    ROWS = [f"C{n}" for n in range(1, 14) if n != 8] + [f"D{n}" for n in range(1, 8)]

    def test_a_story_for_each_that_every_carrier_tells(self):
        stories = [(title.removeprefix("features/"), case) for title, case in scripts()
                   if title.startswith("features/")]
        self.assertEqual(sorted(name.split()[0] for name, _ in stories), sorted(self.ROWS))
        for name, case in stories:
            for carrier in CARRIERS.values():
                with self.subTest(story=name, carrier=carrier.name):
                    self.assertTrue(can_run(carrier, case))

    def test_what_a_carrier_cannot_do_is_seen(self):
        self.assertFalse(can_run(CARRIERS["cli"], {"needs": ["session", "raw"]}))
        self.assertFalse(can_run(CARRIERS["node"], {"needs": ["ints"]}))
        self.assertTrue(can_run(CARRIERS["cli"], {"needs": ["session", "ints"]}))


class Values(unittest.TestCase):
    def refuses(self, got, pattern, **how):
        with self.assertRaises(Mismatch):
            Matcher({}, **how).match(got, pattern)

    def test_kinds_are_different(self):
        for got, pattern in [(1, 1.0), (1.0, 1), (0, False), (1, True), (None, 0), ("a", {"$bytes": "YQ=="}),
                             (0.0, -0.0), ([], {}), ("1", 1), ([1], [1, 2]), ([1, 2], [1])]:
            self.refuses(got, pattern)

    def test_bits_of_nan(self):
        nan = parse_float_word("nan:fff8000000000123")
        Matcher({}).match(nan, {"$float": "nan:fff8000000000123"})
        self.refuses(nan, {"$float": "nan"})
        Matcher({}, one_number=True).match(nan, {"$float": "nan"})

    def test_names_must_be_exactly_those(self):
        self.refuses({"a": 1, "b": 2}, {"a": 1})
        self.refuses({"a": 1}, {"a": 1, "b": 2})
        Matcher({}).match({"a": 1, "b": 2}, {"$has": {"a": 1}})
        self.refuses({"b": 2}, {"$has": {"a": 1}})

    def test_binding(self):
        matcher = Matcher({})
        matcher.match([5, 5, 6], ["$v", "$v", {"$gt": "$v"}])
        self.assertEqual(matcher.bound, {"v": 5})
        for got, pattern in [(6, "$v"), (5, {"$gt": "$v"}), (4, {"$ge": "$v"}), (5.5, {"$gt": "$v"}),
                             (5, {"$as": ["v", {"$gt": "$v"}]})]:
            with self.assertRaises(Mismatch):
                matcher.match(got, pattern)

    def test_matchers(self):
        for got, pattern in [(1, {"$type": "float"}), ("ab", {"$size": 3}), ("xay", {"$match": "a"}),
                             (1.0, {"$near": 1.1}), (None, {"$type": "int"}), (3, {"$match": "3"})]:
            self.refuses(got, pattern)
        with self.assertRaises(ValueError):
            Matcher({}).match(1, {"$typo": 1})

    def test_same_is_kept_between_carriers(self):
        shared = {}
        Matcher(shared).match(0.25, {"$same": "s"})
        with self.assertRaises(Mismatch):
            Matcher(shared).match(0.5, {"$same": "s"})

    def test_arguments(self):
        made = arguments({"a": "$v", "b": "$$v", "c": {"$repeat": ["ab", 2]}, "d": {"$nest": [2, "array", 0]}},
                         {"v": 7})
        self.assertEqual(made, {"a": 7, "b": "$v", "c": "abab", "d": [[0]]})

    def test_json_and_tagged_json_keep_everything(self):
        for value in ROUND:
            for there, back in ((to_json, from_json), (to_tagged, from_tagged)):
                with self.subTest(value=value, by=there.__name__):
                    Matcher({}).equal(back(there(value)), value, "value")
        self.assertEqual(bits_of(from_json(to_json(-0.0))), 1 << 63)


class Contract(unittest.TestCase):
    def test_the_table_is_read(self):
        operations = read_operations()
        put = operations["kv.put"]
        self.assertEqual(put.args["key"], ("KEY", True))
        self.assertEqual(put.args["run"], ("STRING", False))
        self.assertEqual(put.results["version"], ("VERSION", True))
        self.assertEqual(operations["kv.delete"].results["version"], ("VERSION", False))
        self.assertEqual(put.errors["constraint"], {"value_too_large", "nesting_too_deep", "run_closed"})
        self.assertEqual(reasons_of("reason transition: not so; reason default_run"), {"transition", "default_run"})
        self.assertEqual(read_errors()["conflict"], (3, True))

    def test_what_was_not_met_is_missing(self):
        everything = Seen()
        for operation in read_operations().values():
            everything.note(operation.name, operation.args, Answer(True, operation.results))
            for code, reasons in operation.errors.items():
                for reason in reasons or {None}:
                    everything.note(operation.name, {}, Answer(False, {"code": code, "details": {"reason": reason}}))
        self.assertEqual(list(everything.missing()), [])
        everything.reasons.remove(("kv.put", "run_closed"))
        everything.errors.remove(("kv.incr", "overflow"))
        everything.args.remove(("kv.list", "reverse"))
        everything.results["kv.get"].remove("timestamp")
        everything.succeeded.remove("db.sync")
        self.assertEqual(len(list(everything.missing())), 5)


class Checks(unittest.TestCase):
    ERROR = {"code": "busy", "message": "m", "retryable": True, "details": {"a": 1}}

    def refuses(self, answer, wanted):
        with self.assertRaises(Mismatch):
            check_error(answer, wanted, Matcher({}))

    def test_errors(self):
        check_error(Answer(False, self.ERROR), {"code": "busy", "details": {"a": 1}}, Matcher({}))
        self.refuses(Answer(True, {}), {"code": "busy"})
        self.refuses(Answer(False, self.ERROR), {"code": "io"})
        self.refuses(Answer(False, self.ERROR), {"code": "busy", "details": {"a": 2}})
        self.refuses(Answer(False, self.ERROR), {"code": "busy", "details": {"b": 1}})
        self.refuses(Answer(False, {**self.ERROR, "retryable": False}), {"code": "busy"})
        self.refuses(Answer(False, {**self.ERROR, "message": ""}), {"code": "busy"})
        self.refuses(Answer(False, {**self.ERROR, "extra": 1}), {"code": "busy"})

    def test_results_have_the_fields_of_the_table(self):
        check_fields("kv.delete", {"existed": False})
        for result in ({}, {"existed": True, "other": 1}, {"version": 1}):
            with self.assertRaises(Mismatch):
                check_fields("kv.delete", result)


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
