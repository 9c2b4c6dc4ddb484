#!/usr/bin/env python3
"""The key-value figures: `make bench-kv`, or with QUICK=1 a fifth of it in two minutes.

    kv.py FOLDER [quick | render]

Runs FOLDER/kv group by group and keeps its samples in FOLDER/kv.samples.jsonl; writes
FOLDER/kv.jsonl (a line a figure), and unless it was quick bench/results/kv.md and kv.svg. `render`
makes these of the samples that are there. ratio > 1 always means that we are better; it is the
median of the ratios of the rounds, not the ratio of the medians. A figure that misses its aim is
printed like the others.
"""
import datetime
import json
import math
import os
import platform
import statistics
import subprocess
import sys
from collections import defaultdict

# group: settings of the driver, and those that a quick run changes.
GROUPS = {
    "memory": ("seconds=0.7 rounds=3", "keys=200000 seconds=0.2 rounds=2"),
    "buffered": ("seconds=0.7 rounds=3", "keys=200000 seconds=0.15 rounds=2"),
    "runs": ("seconds=0.7 rounds=5", "keys=200000 seconds=0.2 rounds=2"),
    "strict": ("keys=20000 seconds=0.7 rounds=5", "keys=5000 seconds=0.2 rounds=2"),
    "latency": ("keys=3000000 memory=64 seconds=0 rounds=3",
                "memory=64 keys=200000 seconds=0 rounds=1"),
    "reopen": ("rounds=3", "keys=200000 rounds=1"),
    "snapshot": ("keys=100000 rounds=3", "keys=50000 rounds=1"),
}
# Each engine in a process of its own, so that the resident size is its own.
LARGER = ("keys=2000000 value=1000 memory=64 seconds=5 rounds=1",
          "keys=200000 value=1000 memory=16 seconds=1 rounds=1")
LARGER_ENGINES = ("strata", "rocksdb")

OURS, LITE, ROCKS, LMDB, MAP, LIMIT = (
    ("strata", "buffered"), ("sqlite", "normal"), ("rocksdb", "nosync"), ("lmdb", "nosync"),
    ("lmdb", "writemap-nosync"), ("hash", "log"))
MEMORY, STRICT = ("strata", "memory"), ("strata", "strict")

# id, unit, what of ours, then (peer, its phase or None for the same, the ratio asked for or None).
FIGURES = [
    ("kv.get.1t", "op/s", OURS, "get.1t", [(LMDB, None, 1.5), (ROCKS, None, None),
                                           (LITE, None, None), (LIMIT, None, None)]),
    ("kv.get.2t", "op/s", OURS, "get.2t", [(OURS, "get.1t", 1.9), (LMDB, None, None)]),
    ("kv.get.overwritten.1t", "op/s", OURS, "get.overwritten.1t",
     [(LMDB, None, None), (ROCKS, None, None)]),
    ("kv.get.tables.1t", "op/s", OURS, "get.tables.1t",
     [(LMDB, "get.1t", None), (ROCKS, None, None)]),
    ("kv.get.tables.2t", "op/s", OURS, "get.tables.2t", [(OURS, "get.tables.1t", None)]),
    ("kv.put.memory.1t", "op/s", MEMORY, "put.1t",
     [(("sqlite", "memory"), None, 5), (("hash", "table"), None, None)]),
    ("kv.insert.memory.1t", "op/s", MEMORY, "insert.1t",
     [(("sqlite", "memory"), None, None), (("hash", "table"), None, None)]),
    ("kv.get.memory.1t", "op/s", MEMORY, "get.1t",
     [(("sqlite", "memory"), None, None), (("hash", "table"), None, None)]),
    ("kv.put.memory.2t", "op/s", MEMORY, "put.2t", [(MEMORY, "put.1t", None)]),
    ("kv.put.memory.runs.2t", "op/s", ("strata", "memory-runs"), "put.2t",
     [(("strata", "memory-runs"), "put.1t", None)]),
    ("kv.put.buffered.1t", "op/s", OURS, "put.1t",
     [(ROCKS, None, 2), (LITE, None, 10), (MAP, None, None), (LIMIT, None, None)]),
    ("kv.put.buffered.2t", "op/s", OURS, "put.2t", [(OURS, "put.1t", 1.3), (ROCKS, None, None)]),
    ("kv.put.buffered.runs.2t", "op/s", ("strata", "buffered-runs"), "put.2t",
     [(("strata", "buffered-runs"), "put.1t", None)]),
    ("kv.put.strict.1t", "op/s", STRICT, "put.1t",
     [(("sqlite", "full"), None, 1.2), (("raw", "written"), None, 0.95),
      (("raw", "append"), None, None), (("rocksdb", "sync"), None, None),
      (("lmdb", "sync"), None, None)]),
    ("kv.put.strict.2t", "op/s", STRICT, "put.2t",
     [(STRICT, "put.1t", 1.7), (("rocksdb", "sync"), None, None)]),
    ("kv.put.strict.8t", "op/s", STRICT, "put.8t",
     [(STRICT, "put.1t", None), (("rocksdb", "sync"), None, None)]),
    ("kv.put.strict.runs.2t", "op/s", ("strata", "strict-runs"), "put.2t",
     [(("strata", "strict-runs"), "put.1t", None)]),
    ("kv.batch100.buffered", "records/s", OURS, "batch100.1t",
     [(MAP, None, 1), (ROCKS, None, 2.5), (LITE, None, None), (LIMIT, None, None)]),
    ("kv.mixed.1t", "op/s", OURS, "mixed.1t",
     [(MAP, None, 1.8), (ROCKS, None, None), (LITE, None, None)]),
    ("kv.mixed.2t", "op/s", OURS, "mixed.2t", [(MAP, None, None), (ROCKS, None, None)]),
    ("kv.scan", "records/s", OURS, "scan",
     [(LMDB, None, 0.5), (LITE, None, 1.8), (ROCKS, None, None)]),
    ("kv.scan.overwritten", "records/s", OURS, "scan.overwritten",
     [(LMDB, None, None), (LITE, None, None), (ROCKS, None, None)]),
    ("kv.scan.tables", "records/s", OURS, "scan.tables",
     [(LMDB, "scan", None), (LITE, None, None), (ROCKS, None, None)]),
    ("kv.scan100", "records/s", OURS, "scan100",
     [(LMDB, None, None), (LITE, None, None), (ROCKS, None, None)]),
    ("kv.reopen.log", "s", OURS, "reopen.log", [(LIMIT, None, 1), (ROCKS, None, None),
                                                (LITE, None, None), (LMDB, None, None)]),
    ("kv.reopen.checkpoint", "s", OURS, "reopen.checkpoint",
     [(ROCKS, None, None), (LITE, None, None)]),
    ("kv.size", "bytes", OURS, "size", [(ROCKS, None, None), (LITE, None, None),
                                        (MAP, None, None)]),
    ("kv.snapshot.begin", "ns", ("strata", "buffered-counted"), "snapshot.begin",
     [(LMDB, None, None), (ROCKS, None, None), (LITE, None, None)]),
    ("kv.snapshot.allocations", "each", ("strata", "buffered-counted"), "snapshot.allocations", []),
    ("kv.put.p50", "us", OURS, "insert.p50", [(ROCKS, None, None)]),
    ("kv.put.p99", "us", OURS, "insert.p99", [(ROCKS, None, None)]),
    ("kv.put.p999", "us", OURS, "insert.p999", [(ROCKS, None, None)]),
    ("kv.put.stall", "us", OURS, "insert.max", [(ROCKS, None, None)]),
    ("kv.larger.insert", "op/s", OURS, "larger.insert", [(ROCKS, None, None)]),
    ("kv.larger.get", "op/s", OURS, "larger.get", [(ROCKS, None, None)]),
    ("kv.larger.scan", "records/s", OURS, "larger.scan", [(ROCKS, None, None)]),
    ("kv.larger.size", "bytes", OURS, "larger.size", [(ROCKS, None, None)]),
    ("kv.larger.rss", "MB", OURS, "larger.peak.scan", [(ROCKS, None, None)]),
]
LOWER_IS_BETTER = {"s", "ns", "us", "bytes", "MB", "each"}
# Absolute bounds, all of them upper ones: id -> (bound, how it is said).
BOUNDS = {
    "kv.reopen.log": (0.4, "≤ 0.4 s"),
    "kv.reopen.checkpoint": (0.1, "≤ 0.1 s"),
    "kv.size": (1.15 * 116e6, "≤ 1.15 × payload"),
    "kv.snapshot.begin": (100, "≤ 100 ns"),
    "kv.snapshot.allocations": (0, "none"),
    "kv.put.p99": (8, "≤ 8 us"),
    "kv.put.stall": (20000, "≤ 20 ms"),
    "kv.larger.rss": (1.3 * 64 * 1.048576, "64 MB + 30 %"),
}

# ---- Measuring -----------------------------------------------------------------------------------


def measure(folder, quick):
    """Runs every group; returns the samples, each with its group."""
    jobs = [(group, [group], settings[quick].split()) for group, settings in GROUPS.items()]
    jobs += [("larger", ["larger"], LARGER[quick].split() + [f"engine={engine}"])
             for engine in LARGER_ENGINES]
    samples = []
    with open(f"{folder}/kv.samples.jsonl", "w") as file:
        for group, arguments, settings in jobs:
            command = [f"{folder}/kv", *arguments, f"{folder}/kv.d", *settings]
            print("#", *command, flush=True)
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                for line in process.stdout:
                    sample = json.loads(line) | {"group": group}
                    samples.append(sample)
                    file.write(json.dumps(sample) + "\n")
            if process.returncode != 0:
                sys.exit(f"bench: {' '.join(command)} failed")
    return samples


def table_of(samples):
    """(engine, mode, phase) -> {(group, round): sample}."""
    table = defaultdict(dict)
    for sample in samples:
        key = (sample["engine"], sample["mode"], sample["phase"])
        table[key][sample["group"], sample["round"]] = sample
    return table


def median_of(rounds, what="value"):
    found = [sample[what] for sample in rounds.values() if what in sample]
    return float(f"{statistics.median(found):.5g}") if found else None


# ---- Figures -------------------------------------------------------------------------------------


def label(peer, phase, ours, our_phase):
    if peer[0] == "strata":
        return "own " + (phase or our_phase) if peer == ours else f"own {peer[1]}"
    return {"hash": "hash table"}.get(peer[0], peer[0]) + " " + peer[1]


def ratio_of(ours, theirs, lower):
    shared = [key for key in ours if key in theirs and theirs[key]["value"] and ours[key]["value"]]
    ratios = [theirs[key]["value"] / ours[key]["value"] if lower
              else ours[key]["value"] / theirs[key]["value"] for key in shared]
    return statistics.median(ratios) if ratios else None


def figures_of(table):
    """The lines of kv.jsonl. What could not be measured yet is left out."""
    for id, unit, engine, phase, peers in FIGURES:
        ours = table.get((*engine, phase))
        if not ours:
            continue
        line = {"id": id, "ours": median_of(ours), "unit": unit}
        if median_of(ours, "cpu_us") is not None:
            line["cpu_us"] = median_of(ours, "cpu_us")
        if id in BOUNDS:
            yield line | {"asked": BOUNDS[id][1], "met": line["ours"] <= BOUNDS[id][0]}
        elif not peers:
            yield line
        for peer, peer_phase, aim in peers:
            theirs = table.get((*peer, peer_phase or phase))
            ratio = ratio_of(ours, theirs, unit in LOWER_IS_BETTER) if theirs else None
            if ratio is None:
                continue
            with_peer = line | {"peer": label(peer, peer_phase, engine, phase),
                                "theirs": median_of(theirs), "ratio": round(ratio, 3)}
            if median_of(theirs, "cpu_us") is not None:
                with_peer["their_cpu_us"] = median_of(theirs, "cpu_us")
            if aim is not None:
                with_peer |= {"asked": f"≥ {aim} ×", "met": ratio >= aim}
            yield with_peer


# ---- Pages ---------------------------------------------------------------------------------------


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores of {model}, Linux {platform.release()}"


def versions():
    names = ["libsqlite3-0", "liblmdb0", "librocksdb-dev", "redis-server"]
    out = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}, ", *names],
                         stdout=subprocess.PIPE, check=False).stdout.decode()
    return out.rstrip(", ")


def plain(number):
    if number is None:
        return ""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


METHOD = """\
Keys of 16 bytes, values of 100 that do not compress, 10⁶ of them unless said; put overwrites keys
that are there, insert and batch100 add them, in scattered order. Engines take turns in every round of one
run; a ratio is the median over the rounds, and above 1 we are better. get and scan are measured after the
keys were added, when ours has them in the memtable; again (overwritten) after all engines have put for the
same time, when ours holds every version of each key, most of them in several tables, and is still merging
them; and (tables) after a full compaction, all versions still kept. CPU is processor time per operation, all
threads of an engine and its other processes included.

Every engine may use 2 GiB (64 MB in the latency and larger-than-memory runs): ours as `memory_bytes`,
SQLite as page cache, RocksDB as two write buffers of a sixteenth each and block cache; LMDB's map and
Redis are not limited. SQLite has a WITHOUT ROWID table, prepared statements and mmap; RocksDB a filter of 10 bits
and no compression; Redis is asked over its Unix socket, one round trip an operation. Our buffered mode
syncs every 100 ms; SQLite normal, LMDB nosync and RocksDB nosync do not sync while they are measured.
`hash table` is a bare table in memory, with a log or without: the limit, no engine. `raw` is one write and
one fdatasync a put: over a region written before, over a reserved one, or growing.
"""


def write_markdown(lines, table, path):
    with open(path, "w") as file:
        file.write(f"# Keys and values\n\n`make bench-kv`, {datetime.date.today()}, {machine()}; "
                   f"{versions()}.\n\n{METHOD}\n"
                   "| id | ours | unit | CPU µs | peer | theirs | CPU µs | ratio | asked | |\n"
                   "|---|---:|---|---:|---|---:|---:|---:|---:|---|\n")
        for line in lines:
            met = {True: "yes", False: "**no**", None: ""}[line.get("met")]
            file.write(f"| {line['id']} | {plain(line['ours'])} | {line['unit']} | "
                       f"{plain(line.get('cpu_us'))} | {line.get('peer', '')} | "
                       f"{plain(line.get('theirs'))} | {plain(line.get('their_cpu_us'))} | "
                       f"{plain(line.get('ratio'))} | {line.get('asked', '')} | {met} |\n")
        file.write("\n![operations a second](kv.svg)\n\n## All that was measured\n\n"
                   "Medians over the rounds.\n")
        phases = defaultdict(list)
        for engine, mode, phase in table:
            phases[phase].append((engine, mode))
        for phase, engines in phases.items():
            file.write(f"\n**{phase}**: " + " · ".join(
                f"{engine} {mode} {plain(median_of(table[engine, mode, phase]))}"
                for engine, mode in engines) + "\n")


COLOURS = {"strata": "#14532d", "lmdb": "#b45309", "rocksdb": "#1d4ed8", "sqlite": "#7c3aed",
           "redis": "#dc2626", "hash": "#6b7280", "raw": "#6b7280"}
ROWS = [
    ("get, 1 thread", "get.1t", "buffered"), ("get, 2 threads", "get.2t", "buffered"),
    ("put, in memory", "put.1t", "memory"), ("put, buffered", "put.1t", "buffered"),
    ("put, buffered, 2 threads", "put.2t", "buffered"),
    ("100 in a transaction", "batch100.1t", "buffered"),
    ("half put, half get", "mixed.1t", "buffered"),
    ("put, synced", "put.1t", "strict"), ("put, synced, 2 threads", "put.2t", "strict"),
    ("put, synced, 8 threads", "put.8t", "strict"), ("ordered scan", "scan", "buffered"),
]


def dots_of(table, phase, group):
    """Each engine's best mode in the group: a list of (rate, engine)."""
    best = {}
    for (engine, mode, name), rounds in table.items():
        mine = {key: sample for key, sample in rounds.items() if key[0] == group}
        if name == phase and mine and not mode.endswith("-runs"):
            best[engine] = max(best.get(engine, 0), median_of(mine))
    return [(rate, engine) for engine, rate in best.items()]


def write_svg(table, path):
    """A row a workload, a dot an engine, on a logarithmic scale."""
    left, right, top, step = 200, 780, 64, 34
    low, high = 3, 8  # powers of ten
    height = top + step * len(ROWS) + 34

    def x_of(rate):
        return left + (right - left) * (math.log10(max(rate, 10 ** low)) - low) / (high - low)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="820" height="{height}" '
             'font-family="sans-serif" font-size="13">',
             f'<rect width="820" height="{height}" fill="#fff"/>',
             '<text x="16" y="22">operations (records) a second, logarithmic; each engine in its '
             'fastest mode of that durability</text>']
    for at, (engine, colour) in enumerate(COLOURS.items()):
        if engine != "raw":
            x = 200 + 95 * at
            parts.append(f'<circle cx="{x}" cy="40" r="5" fill="{colour}"/><text x="{x + 9}" '
                         f'y="44.5">{"limit" if engine == "hash" else engine}</text>')
    bottom = top + step * len(ROWS)
    for power in range(low, high + 1):
        x = x_of(10 ** power)
        name = {3: "1 k", 4: "10 k", 5: "100 k", 6: "1 M", 7: "10 M", 8: "100 M"}[power]
        parts.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{top - 6}" y2="{bottom}" stroke="#ddd"/>'
                     f'<text x="{x:.0f}" y="{bottom + 18}" text-anchor="middle">{name}</text>')
    for at, (name, phase, group) in enumerate(ROWS):
        y = top + step * at + step / 2
        parts.append(f'<text x="16" y="{y + 4.5}">{name}</text>'
                     f'<line x1="{left}" x2="{right}" y1="{y}" y2="{y}" stroke="#eee"/>')
        # Ours last, on top of the others.
        for rate, engine in sorted(dots_of(table, phase, group), key=lambda d: d[1] == "strata"):
            ours = engine == "strata"
            style = (f'fill="{COLOURS[engine]}"' if engine not in ("hash", "raw")
                     else f'fill="#fff" stroke="{COLOURS[engine]}" stroke-width="2"')
            parts.append(f'<circle cx="{x_of(rate):.1f}" cy="{y}" r="{7 if ours else 5}" {style}>'
                         f'<title>{engine} {plain(rate)}/s</title></circle>')
    parts.append("</svg>")
    with open(path, "w") as file:
        file.write("\n".join(parts) + "\n")


def main():
    folder = sys.argv[1]
    how = sys.argv[2] if len(sys.argv) > 2 else ""
    if how == "render":
        with open(f"{folder}/kv.samples.jsonl") as file:
            samples = [json.loads(line) for line in file]
    else:
        samples = measure(folder, how == "quick")
    table = table_of(samples)
    lines = list(figures_of(table))
    with open(f"{folder}/kv.jsonl", "w") as file:
        for line in lines:
            text = json.dumps(line, ensure_ascii=False)
            print(text)
            file.write(text + "\n")
    if how != "quick":
        write_markdown(lines, table, "bench/results/kv.md")
        write_svg(table, "bench/results/kv.svg")


if __name__ == "__main__":
    main()
