#!/usr/bin/env python3
"""run.py BINARY [PART...] - the tests of the command line; only those whose name has one of the parts.

Ends with the line `N passed, N failed`; exit code 1 if any failed. A failure prints the command that
runs that test alone.
"""

import importlib
import os
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import harness  # noqa: E402


def main():
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    binary, parts = os.path.abspath(sys.argv[1]), sys.argv[2:]
    passed, failed = 0, 0
    names = sorted(n[:-3] for n in os.listdir(HERE) if n.startswith("test_") and n.endswith(".py"))
    for module_name in names:
        module = importlib.import_module(module_name)
        for name, test in list(vars(module).items()):
            full = f"{module_name}.{name}"
            if not name.startswith("test_") or (parts and not any(p in full for p in parts)):
                continue
            case = harness.Case(binary)
            try:
                test(case)
                passed += 1
                for covered in case.covered:
                    print(f"  {full}: {covered}")
            except Exception as error:  # noqa: BLE001 - whatever it is, the other tests still run
                failed += 1
                print(f"FAILED {full}: {error}")
                if not isinstance(error, harness.Failure):
                    traceback.print_exc()
                print(f"  alone: python3 tests/cli/run.py {sys.argv[1]} {full}")
            finally:
                case.end()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
