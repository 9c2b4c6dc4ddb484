#!/usr/bin/env python3
"""test_lint.py - that lint.py refuses what it should and nothing else, on trees made for it."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import lint

HERE = pathlib.Path(__file__).resolve().parent


class Tree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name).resolve()

    def tearDown(self):
        self.folder.cleanup()

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def findings(self, path, *includes):
        self.write(path, "/* prose */\n" + "".join(f"#include {name}\n" for name in includes))
        return lint.check_includes(self.root, path)


class Core(Tree):
    def test_down_is_fine(self):
        self.assertEqual(self.findings("core/api/a.c", '"model/kv.h"', '"base/std.h"', '"api/b.h"'), [])
        self.assertEqual(self.findings("core/index/text/a.c", '"index/text/b.h"', '"store/wal.h"'), [])

    def test_up_is_refused_for_every_pair(self):
        for low, lower in enumerate(lint.LAYERS):
            for upper in lint.LAYERS[low + 1:]:
                with self.subTest(lower=lower, upper=upper):
                    found = self.findings(f"core/{lower}/a.c", f'"{upper}/b.h"')
                    self.assertEqual([line for line, _ in found], [2])
                    self.assertEqual(self.findings(f"core/{upper}/a.c", f'"{lower}/b.h"'), [])

    def test_a_header_is_checked_too(self):
        self.assertEqual(len(self.findings("core/store/a.h", '"model/run.h"')), 1)

    def test_public_headers_are_for_all(self):
        self.assertEqual(self.findings("core/base/a.h", '"strata/host.h"', '"strata/strata.h"'), [])
        self.assertEqual(self.findings("core/include/strata/host.h", '"strata/strata.h"'), [])
        self.assertEqual(self.findings("core/include/strata/host.h", "<stdint.h>"), [])
        self.assertEqual(len(self.findings("core/include/strata/strata.h", "<stdio.h>")), 1)
        self.assertEqual(len(self.findings("core/include/strata/strata.h", '"base/std.h"')), 1)

    def test_hosts_are_not_for_core(self):
        self.assertEqual(len(self.findings("core/api/a.c", '"hosts/native/native.h"')), 1)

    def test_the_c_library_only_through_std(self):
        for name in ("stdio.h", "stdlib.h", "unistd.h", "time.h", "pthread.h", "errno.h", "fcntl.h"):
            self.assertEqual(len(self.findings("core/base/std.h", f"<{name}>")), 1, name)
            self.assertEqual(len(self.findings("core/model/a.c", f"<{name}>")), 1, name)
        self.assertEqual(self.findings("core/base/std.h", "<string.h>"), [])
        self.assertEqual(len(self.findings("core/base/memory.c", "<string.h>")), 1)

    def test_chosen_libraries(self):
        self.assertEqual(self.findings("core/format/a.c", "<zstd.h>", "<simde/x86/avx2.h>"), [])
        self.assertEqual(len(self.findings("core/format/a.c", "<msgpack.h>")), 1)
        self.assertEqual(self.findings("core/base/crc32c.c", "<nmmintrin.h>"), [])
        self.assertEqual(len(self.findings("core/base/utf8.c", "<nmmintrin.h>")), 1)

    def test_paths_are_from_core(self):
        self.assertEqual(len(self.findings("core/base/a.c", '"memory.h"')), 1)
        self.assertEqual(len(self.findings("core/base/a.c", '"../store/wal.h"')), 1)

    def test_generated_headers(self):
        self.assertEqual(len(self.findings("core/index/a.c", '"table.h"')), 1)
        self.write("build/gen/table.h", "")
        self.assertEqual(self.findings("core/index/a.c", '"table.h"'), [])

    def test_spaces_do_not_hide_an_include(self):
        self.write("core/base/a.c", "  #  include   <stdio.h>\n")
        self.assertEqual(len(lint.check_includes(self.root, "core/base/a.c")), 1)


class Hosts(Tree):
    def test_own_folder_and_public(self):
        self.write("hosts/native/native.h", "")
        self.write("hosts/native/cli/table.h", "")
        self.assertEqual(self.findings("hosts/native/a.c", '"native.h"', '"strata/host.h"', "<stdio.h>"), [])
        self.assertEqual(self.findings("hosts/native/cli/b.c", '"table.h"', '"../native.h"', '"cli/table.h"'), [])

    def test_no_core_and_no_other_host(self):
        self.write("hosts/wasm/frame.h", "")
        self.write("core/base/std.h", "")
        for name in ("base/std.h", "../../core/base/std.h", "../wasm/frame.h", "api/ops.def"):
            self.assertEqual(len(self.findings("hosts/native/a.c", f'"{name}"')), 1, name)

    def test_tests_may(self):
        self.assertEqual(self.findings("tests/unit/a.c", '"store/wal.h"', "<stdio.h>"), [])


class Symbols(Tree):
    def object(self, name, text):
        self.write(f"{name}.c", text)
        subprocess.run(["gcc", "-c", "-O1", "-fno-builtin", "-o", self.root / f"{name}.o",
                        self.root / f"{name}.c"], check=True)
        return str(self.root / f"{name}.o")

    def test_the_system_is_refused(self):
        for name in ("malloc", "free", "printf", "open", "time", "abort", "getenv", "__assert_fail"):
            made = self.object("a", f"void {name}(void); void f(void) {{ {name}(); }}")
            self.assertEqual([n for _, n in lint.check_symbols("nm", [made])], [name])

    def test_own_and_chosen_are_fine(self):
        one = self.object("a", "void g(void); void *memcpy(void *, const void *, unsigned long);"
                               "double log(double); unsigned ZSTD_isError(unsigned long);"
                               "void f(char *p) { g(); memcpy(p, p + 9, log(3) > 1); ZSTD_isError(1); }")
        two = self.object("b", "void g(void) {}")
        self.assertEqual(lint.check_symbols("nm", [one, two]), [])
        self.assertEqual([n for _, n in lint.check_symbols("nm", [one])], ["g"])

    def test_a_name_that_only_begins_alike(self):
        made = self.object("a", "void memcpy_file(void); void f(void) { memcpy_file(); }")
        self.assertEqual(len(lint.check_symbols("nm", [made])), 1)


class Whole(Tree):
    def run_lint(self, *args):
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True)
        return subprocess.run([sys.executable, HERE / "lint.py", "--root", self.root, *args],
                              capture_output=True, text=True, check=False)

    def test_length(self):
        self.write("core/base/a.c", "\n" * 800)
        self.assertEqual(self.run_lint().returncode, 0)
        self.write("core/base/a.c", "\n" * 801)
        done = self.run_lint()
        self.assertEqual(done.returncode, 1)
        self.assertIn("core/base/a.c:801: 801 lines", done.stdout)
        self.assertIn("1 failed", done.stdout)
        self.write("core/base/a.c", "")
        self.write("js/src/generated/a.ts", "\n" * 801)
        self.assertEqual(self.run_lint().returncode, 0)

    def test_a_bad_include_fails_the_run(self):
        self.write("core/store/a.c", '#include "api/ops.h"\n')
        done = self.run_lint()
        self.assertEqual(done.returncode, 1)
        self.assertIn('core/store/a.c:1: "api/ops.h" is above store', done.stdout)
        self.assertRegex(done.stdout, r"(?m)^1 passed, 1 failed$")

    def test_format(self):
        style = (HERE.parent / ".clang-format").read_text(encoding="utf-8")
        self.write(".clang-format", style)
        self.write("core/base/a.c", "int f(int a) {\n    return a;\n}\n")
        self.assertEqual(self.run_lint("--format").returncode, 0)
        self.write("core/base/a.c", "int f(int a)\n{ return a; }\n")
        done = self.run_lint("--format")
        self.assertEqual(done.returncode, 1)
        self.assertIn("not formatted", done.stdout)


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    bad = len(result.failures) + len(result.errors)
    print(f"tools: {result.testsRun} tests of lint.py")
    print(f"{result.testsRun - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
