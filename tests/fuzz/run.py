#!/usr/bin/env python3
"""run.py test | fuzz | corpus [--seconds N] [--build DIR] NAME... - runs fuzzers, two at a time.

    test      each starts from the seeds, the corpus and the regressions, whose inputs must hold, and
              goes on with seed 1 for N seconds; what it finds on the way is forgotten
    fuzz      the same from what the last `fuzz` had found, too; what it finds is kept in the build
    corpus    puts the smallest set of inputs that reaches what all of these reach into corpus/

An input that breaks something is kept in DIR/crashes, with the one command that replays it; once the
defect is mended, it belongs into regressions/NAME. Closes with "N passed, N failed", in fuzzers.
"""

import argparse
import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
LANES = 2
# Longest inputs; 4096 where nothing is said.
BYTES_MAX = {"wal": 8192, "database": 8192, "atoms": 1200, "table": 16384}
# An input that takes longer hangs; the machine may be busy with other things.
INPUT_SECONDS_MAX = 60
MEMORY_MB_MAX = 1024
CORPUS_BYTES_MAX = 15000  # of a fuzzer, compressed, without the directory of the archive


class Fuzzer:
    def __init__(self, name, build):
        self.name = name
        self.build = build
        self.program = build / f"fuzz_{name}"
        self.seeds = [build / "seeds" / name, build / "corpus" / name, HERE / "regressions" / name]

    def unpack(self):
        """The committed corpus, into the build."""
        folder = self.build / "corpus" / self.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        packed = HERE / "corpus" / f"{self.name}.zip"
        if packed.is_file():
            with zipfile.ZipFile(packed) as archive:
                archive.extractall(folder)

    def options(self):
        crashes = self.build / "crashes"
        crashes.mkdir(exist_ok=True)
        words = self.build / "seeds" / f"{self.name}.dict"
        return ["-seed=1", f"-max_len={BYTES_MAX.get(self.name, 4096)}",
                f"-timeout={INPUT_SECONDS_MAX}", f"-rss_limit_mb={MEMORY_MB_MAX}",
                f"-artifact_prefix={crashes}/{self.name}-", "-print_final_stats=1",
                *([f"-dict={words}"] if words.is_file() else [])]

    def folders(self):
        return [folder for folder in self.seeds if folder.is_dir()]

    def run(self, seconds, found):
        """(good, text for the log)."""
        found.mkdir(parents=True, exist_ok=True)
        command = [self.program, *self.options(), f"-max_total_time={seconds}", found, *self.folders()]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        return self.report(done, seconds)

    def report(self, done, seconds):
        inputs = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
        covered = re.findall(r" cov: (\d+)", done.stderr)
        count = int(inputs.group(1)) if inputs else 0
        if done.returncode == 0 and count > 0:
            return True, (f"fuzz: {self.name}: {seconds} s, {count} inputs, "
                          f"{covered[-1] if covered else '?'} edges")
        kept = re.search(r"Test unit written to (\S+)", done.stderr)
        # What is said about inputs that were fine is of no interest.
        said = [line for line in done.stderr.splitlines() if not line.startswith(("#", "INFO:"))]
        text = "\n".join(said[:60])
        if kept:
            again = f"make {self.program} && {self.program} {kept.group(1)}"
            text += f"\nfuzz: {self.name}: broken by {kept.group(1)}; to repeat it: {again}"
        else:
            text += f"\nfuzz: {self.name}: exit status {done.returncode} after {count} inputs"
        return False, text

    def merge(self):
        """Packs what covers all that is known, smallest inputs first."""
        with tempfile.TemporaryDirectory() as folder:
            grown = [self.build / "found" / self.name]
            command = [self.program, "-set_cover_merge=1", *self.options()[1:], folder,
                       *self.folders(), *(path for path in grown if path.is_dir())]
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
            if done.returncode != 0:
                return False, done.stderr[-4000:]
            made = {path.name for path in (self.build / "seeds" / self.name).glob("*")}
            inputs = sorted(pathlib.Path(folder).iterdir(), key=lambda path: (path.stat().st_size, path.name))
            inputs = [path for path in inputs if path.name[:16] not in made]
            return True, self.pack([path.read_bytes() for path in inputs])

    def pack(self, inputs):
        target = HERE / "corpus" / f"{self.name}.zip"
        target.parent.mkdir(exist_ok=True)
        packed = 0
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for number, data in enumerate(inputs):
                # Without a date, so that the same inputs make the same file.
                archive.writestr(zipfile.ZipInfo(f"{number:04}"), data, zipfile.ZIP_DEFLATED, 9)
                packed += 1
                if archive.fp.tell() > CORPUS_BYTES_MAX:
                    break
        return f"fuzz: {self.name}: {packed} of {len(inputs)} inputs, {target.stat().st_size} bytes"


def run_one(fuzzer, mode, seconds):
    fuzzer.unpack()
    if mode == "corpus":
        return fuzzer.merge()
    if mode == "fuzz":
        return fuzzer.run(seconds, fuzzer.build / "found" / fuzzer.name)
    with tempfile.TemporaryDirectory() as found:
        return fuzzer.run(seconds, pathlib.Path(found))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["test", "fuzz", "corpus"])
    parser.add_argument("--seconds", type=int, default=45)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/fuzz"))
    parser.add_argument("names", nargs="+")
    args = parser.parse_args()
    passed = 0
    with concurrent.futures.ThreadPoolExecutor(LANES) as lanes:
        running = [lanes.submit(run_one, Fuzzer(name, args.build), args.mode, args.seconds)
                   for name in args.names]
        for done in concurrent.futures.as_completed(running):
            good, text = done.result()
            print(text, flush=True)
            passed += good
    print(f"{passed} passed, {len(args.names) - passed} failed")
    return 0 if passed == len(args.names) else 1


if __name__ == "__main__":
    sys.exit(main())
