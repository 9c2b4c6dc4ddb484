#!/usr/bin/env python3
"""The figures of vectors: `make bench-vector`, or with QUICK=1 a tenth of the data in some minutes.

    run.py FOLDER [quick | render] [clock=cpu] [only=SET]

Makes the data in FOLDER/vector (once), builds every engine in a process of its own, lets them take turns in every
round of searches, and keeps what they say in FOLDER/vector.samples.jsonl. Writes FOLDER/vector.jsonl (a line a
figure), and unless it was quick bench/results/vector.md and vector.svg; `render` makes these of the samples that
are there. ratio > 1 always means that we are better; it is the median of the ratios of the rounds. clock=cpu: by
processor time, for a machine that others use; of latencies there is only what the clock says. A figure that misses
its aim is printed like the others.
"""
import json
import os
import subprocess
import sys

import chart
import figures

# What a set is made of: kind, rows, queries, dimension; and the same for a quick run.
SETS = {
    "stanzas384": (("stanzas", 64000, 1000, 384), ("stanzas", 10000, 200, 384)),
    "stanzas100": (("stanzas", 64000, 1000, 100), ("stanzas", 10000, 200, 100)),
    "clustered": (("clustered", 100000, 1000, 384), ("clustered", 10000, 200, 384)),
}
# What is only opened: by the database, as of the others none lives in a file by itself.
OPENED = {"million": (("clustered", 1000000, 10, 100), ("clustered", 20000, 10, 100))}
FULL = "clustered"  # the set of filters, churn and inserts
EFFORTS = (10, 14, 20, 28, 40, 64, 100, 160, 320, 640)
FILTER_EFFORTS = (10, 28, 80, 240, 640)
PERCENTS = (1, 5, 10, 20, 50)
ENOUGH = 0.996  # recall at which a sweep ends
CHURNED = 20

# Which engine can do what else than build and search.
OURS = ("ours-index", "ours-db")
CHANGES = OURS + ("hnswlib",)
FILTERS = OURS + ("hnswlib", "faiss-hnsw")
PEERS = ("hnswlib", "usearch", "faiss-hnsw", "faiss-ivf")
PYTHON = ("usearch", "faiss-hnsw", "faiss-ivf", "faiss-flat")


class Engine:
    """A process that answers commands."""

    def __init__(self, folder, name, data, dimension, seconds):
        arguments = [f"{folder}/vector/{data}", str(dimension), str(seconds)]
        if name in PYTHON:
            command = [sys.executable, "bench/vector/peers.py", name, *arguments]
        elif name == "wasm":
            command = ["node", "--disable-warning=ExperimentalWarning", "--no-turbo-fast-api-calls",
                       "bench/vector/wasi.mjs", f"{folder}/vector.wasm", f"{folder}/vector",
                       f"/data/{data}", *arguments[1:]]
        else:
            command = [f"{folder}/vector_{name}", *arguments]
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def cpu_seconds(self):
        """Of the process, by what the system says: a WASI command does not know."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, command):
        if self.name != "wasm":
            return self.answer_to(command)
        before = self.cpu_seconds()
        answer = self.answer_to(command)
        took = self.cpu_seconds() - before
        known = {"cpu_us": took * 1e6 / answer["count"]} if "recall" in answer else {"cpu_s": took}
        return answer | known

    def answer_to(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"bench: {self.name} failed at '{command}'")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Run:
    """All that is measured of one set."""

    def __init__(self, folder, name, quick, file):
        self.folder, self.name, self.quick, self.file = folder, name, quick, file
        self.kind, self.count, self.queries, self.dimension = (SETS | OPENED)[name][quick]
        self.data = f"quick-{name}" if quick else name
        self.rounds = 2 if quick else 3
        self.engines = {}
        self.samples = []

    def make_data(self):
        path = f"{self.folder}/vector/{self.data}"
        if os.path.exists(path + ".truth.i32"):
            return
        print(f"# making {self.data}", flush=True)
        text = None
        if self.kind == "stanzas":
            text = subprocess.run(["apt-cache", "dumpavail"], stdout=subprocess.PIPE, check=True).stdout
        command = [f"{self.folder}/vector_make", self.kind, path, self.count, self.queries, self.dimension]
        subprocess.run([str(word) for word in command], input=text, check=True)
        subprocess.run([f"{self.folder}/vector_make", "truth", path, str(self.dimension)], check=True)

    def start(self, name):
        self.engines[name] = Engine(self.folder, name, self.data, self.dimension, 0.1 if self.quick else 0.2)

    def ask(self, engine, command, what, **more):
        answer = self.engines[engine].ask(command)
        sample = {"set": self.name, "engine": engine, "what": what, "round": 0} | more | answer
        self.samples.append(sample)
        self.file.write(json.dumps(sample) + "\n")
        self.file.flush()
        return sample

    def sweep(self, engines, what, command, efforts=EFFORTS, rounds=None):
        """Every engine at every effort in turns, until its recall is enough. command has the effort's place."""
        done = set()
        for effort in efforts:
            for turn in range(rounds or self.rounds):
                for engine in engines:
                    if engine not in done:
                        sample = self.ask(engine, command.format(effort), what, effort=effort, round=turn)
                        if turn == (rounds or self.rounds) - 1 and sample["recall"] >= ENOUGH:
                            done.add(engine)

    def measure(self):
        self.make_data()
        ours = [name for name in OURS if os.path.exists(f"{self.folder}/vector_{name}")]
        engines = [*ours, *PEERS, *(["wasm"] if self.name == FULL else [])]
        for engine in engines:
            self.start(engine)
            self.ask(engine, f"build {1 if engine == 'wasm' else 2}", "build.2t" if engine != "wasm" else "build.1t")
            print(f"# {self.name}: {engine} built", flush=True)
        self.sweep(engines, "search", "search {} 1")
        self.sweep([e for e in engines if e != "wasm"], "search.2t", "search {} 2", rounds=1)
        if self.name == FULL:
            self.measure_more(ours, engines)
        for engine in self.engines.values():
            engine.close()

    def measure_more(self, ours, engines):
        changing = [engine for engine in engines if engine in CHANGES]
        self.measure_scans()
        for percent in PERCENTS:
            print(f"# {self.name}: filter {percent} %", flush=True)
            known = [engine for engine in engines if engine in FILTERS]
            self.sweep(known, f"filter.{percent}", f"filter {{}} {percent} known", FILTER_EFFORTS)
            self.sweep(ours, f"filter.{percent}.new", f"filter {{}} {percent} new", FILTER_EFFORTS, 1)
        print(f"# {self.name}: churn", flush=True)
        for engine in changing:
            self.ask(engine, f"churn {CHURNED}", "churn")
        self.sweep(changing, "churned", "search {} 1")
        for turn in range(self.rounds):
            for engine in changing:
                self.ask(engine, f"insert {200 if self.quick else 5000}", "insert", round=turn)
        for engine in changing:
            self.ask(engine, "build 1", "build.1t")

    def measure_opening(self):
        self.make_data()
        self.start("ours-db")
        self.ask("ours-db", "build 2", "build.2t")
        for turn in range(self.rounds):
            self.ask("ours-db", "open", "open", round=turn)
        self.engines["ours-db"].close()

    def measure_scans(self):
        """Codes of one bit, all of which are looked at, and comparing with everything as it is."""
        for engine in ("ours-b1", "faiss-flat"):
            self.start(engine)
            self.ask(engine, "build 1", "build.1t")
        self.sweep(["ours-b1"], "scan", "search {} 1")
        for turn in range(self.rounds):
            self.ask("faiss-flat", "exact", "scan", round=turn)


def measure(folder, quick, only):
    samples = []
    with open(f"{folder}/vector.samples.jsonl", "w", encoding="utf-8") as file:
        for name in [only] if only else [*SETS, *OPENED]:
            run = Run(folder, name, quick, file)
            if name in OPENED:
                run.measure_opening()
            else:
                run.measure()
            samples += run.samples
    return samples


def main():
    folder, options = sys.argv[1], sys.argv[2:]
    only = next((o.split("=")[1] for o in options if o.startswith("only=")), None)
    if "render" in options:
        with open(f"{folder}/vector.samples.jsonl", encoding="utf-8") as file:
            samples = [json.loads(line) for line in file]
    else:
        samples = measure(folder, "quick" in options, only)
    table = figures.Table(samples, by_cpu="clock=cpu" in options)
    lines = list(figures.lines_of(table))
    with open(f"{folder}/vector.jsonl", "w", encoding="utf-8") as file:
        for line in lines:
            text = json.dumps(line, ensure_ascii=False)
            print(text)
            file.write(text + "\n")
    if "quick" not in options:
        chart.write_markdown(table, lines, "bench/results/vector.md")
        chart.write_svg(table, "bench/results/vector.svg")


if __name__ == "__main__":
    main()
