#!/usr/bin/env python3
"""The figures of the main job: `make bench-main`.

Measures us and the peers in one run, writes build/bench/main.jsonl (a line a figure) and
bench/results/main.md and main.svg. ratio > 1 always means that we are better.
"""
import datetime
import glob
import gzip
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys

OUT = "build/bench"
STANZAS = f"{OUT}/stanzas.txt"
FILLED = f"{OUT}/main.strata"
ROUNDS = 3
# What was asked for: id -> (bound, is it an upper bound).
AIMS = {
    "main.ingest.native": (20_000, False),
    "main.ingest.node": (8_000, False),
    "main.recall.native": (1, True),
    "main.recall.wasm": (3, True),
    "main.wasm.size": (250, True),
    "main.put.memory": (1_000_000, False),
    "main.get": (2_000_000, False),
}


def run(*command, stdin=None):
    result = subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, check=True)
    return result.stdout.decode()


def figure(id, ours, unit, peer=None, theirs=None, lower_is_better=False):
    line = {"id": id, "ours": round(ours, 4), "unit": unit}
    if theirs:
        ratio = theirs / ours if lower_is_better else ours / theirs
        line |= {"peer": peer, "theirs": round(theirs, 4), "ratio": round(ratio, 2)}
    return line


def ingest_cli():
    """The command line, from the stanzas to the log; it leaves the index to whoever recalls."""
    rates = []
    for _ in range(ROUNDS):
        shutil.rmtree(FILLED, ignore_errors=True)
        with open(STANZAS, "rb") as stanzas:
            out = run("build/strata", "--db", FILLED, "--format", "json", "ingest", "--as",
                      "deb822", "-", stdin=stanzas)
        summary = json.loads(out)
        rates.append(summary["remembered"] / (summary["elapsed_us"] / 1e6))
    return statistics.median(rates)


def node():
    samples = []
    for _ in range(ROUNDS):
        shutil.rmtree(f"{OUT}/node.strata", ignore_errors=True)
        samples.append(json.loads(run("node", "bench/main_node.mjs", STANZAS,
                                      "bench/questions.txt", f"{OUT}/node.strata", FILLED)))
    return [statistics.median(s[key] for s in samples) for key in ("ingest", "recall")]


def rates_of(phase, *settings):
    """Of both engines: every key once, in memory, on one thread; the median over the rounds."""
    rates = {"strata": [], "sqlite": []}
    for text in run(f"{OUT}/main_kv", "memory", f"{OUT}/main_kv.d", "seconds=0", f"phase={phase}",
                    *settings).splitlines():
        sample = json.loads(text)
        rates[sample["engine"]].append(sample["value"])
    return [statistics.median(rates[engine]) for engine in ("strata", "sqlite")]


def key_values():
    """.cold: a virtual machine gives a process memory it has not used for a while at half a gigabyte
    a second, which is then most of a put."""
    for id, phase, settings in (("main.put.memory", "insert.1t", [f"rounds={ROUNDS}"]),
                                ("main.put.memory.cold", "insert.1t", ["rounds=1", "cold=1"]),
                                ("main.get", "get.1t", [f"rounds={ROUNDS}"])):
        ours, theirs = rates_of(phase, *settings)
        yield figure(id, ours, "op/s", "SQLite :memory:", theirs)


def gzipped(path):
    with open(path, "rb") as file:
        return len(gzip.compress(file.read(), 9)) / 1000


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores of {model}, Linux {platform.release()}"


def write_svg(lines, path):
    """One bar a figure with a peer, on a logarithmic scale round the ratio 1."""
    import math
    bars = [line for line in lines if "ratio" in line]
    height = 40 + 34 * len(bars)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{height}" '
             'font-family="sans-serif" font-size="13">',
             f'<rect width="760" height="{height}" fill="#fff"/>',
             '<text x="16" y="22">times better than the peer (1 = the same, logarithmic)</text>']
    for i, line in enumerate(bars):
        y = 36 + 34 * i
        length = 110 * math.log10(max(line["ratio"], 0.01))
        x = 330 + min(length, 0)
        colour = "#2b7a4b" if length >= 0 else "#b4472e"
        parts.append(f'<text x="16" y="{y + 17}">{line["id"]}</text>'
                     f'<rect x="{x:.0f}" y="{y + 4}" width="{max(abs(length), 2):.0f}" height="18" fill="{colour}"/>'
                     f'<text x="{max(x + abs(length), 330) + 8:.0f}" y="{y + 17}">'
                     f'{line["ratio"]} x {line["peer"]}</text>')
    parts.append(f'<line x1="330" x2="330" y1="32" y2="{height - 6}" stroke="#888"/></svg>')
    with open(path, "w") as file:
        file.write("\n".join(parts) + "\n")


def plain(number):
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def write_markdown(lines, path):
    with open(path, "w") as file:
        file.write(f"# The main job\n\n`make bench-main`, {datetime.date.today()}, {machine()}. "
                   "Medians; a noisy machine, so ratios count more than absolutes.\n\n"
                   "| id | ours | unit | asked | peer | theirs | ratio |\n"
                   "|---|---:|---|---:|---|---:|---:|\n")
        for line in lines:
            bound, upper = AIMS.get(line["id"], (None, False))
            asked = "" if bound is None else f"{'≤' if upper else '≥'} {bound:,}"
            theirs = plain(line["theirs"]) if "theirs" in line else ""
            file.write(f"| {line['id']} | {plain(line['ours'])} | {line['unit']} | {asked} | "
                       f"{line.get('peer', '')} | {theirs} | {line.get('ratio', '')} |\n")
        file.write("\n![ratios](main.svg)\n")


def main():
    os.makedirs(OUT, exist_ok=True)
    with open(STANZAS, "wb") as stanzas:
        subprocess.run(["apt-cache", "dumpavail"], stdout=stanzas, check=True)
    lines = []
    cli = ingest_cli()
    for path in glob.glob(f"{OUT}/ingest-*.strata"):
        shutil.rmtree(path)
    native = {}
    for text in run(f"{OUT}/main_text", FILLED, "bench/questions.txt").splitlines():
        line = json.loads(text)
        native[line["id"]] = line
    fts5_ingest = native["main.ingest.native"]["theirs"]
    fts5_recall = native["main.recall.native"]["theirs"]
    node_ingest, node_recall = node()
    peer_wasm = sys.argv[1] if len(sys.argv) > 1 else None
    lines.append(native["main.ingest.native"])
    lines.append(figure("main.ingest.cli", cli, "memories/s", "SQLite FTS5", fts5_ingest))
    lines.append(figure("main.ingest.node", node_ingest, "memories/s", "SQLite FTS5 native",
                        fts5_ingest))
    lines.append(native["main.recall.native"])
    lines.append(figure("main.recall.wasm", node_recall, "ms P50", "SQLite FTS5 native",
                        fts5_recall, lower_is_better=True))
    lines.append(figure("main.wasm.size", gzipped("build/wasm/strata.wasm"), "kB gzipped",
                        "sqlite-wasm", gzipped(peer_wasm) if peer_wasm else None,
                        lower_is_better=True))
    lines += key_values()
    with open(f"{OUT}/main.jsonl", "w") as file:
        for line in lines:
            text = json.dumps(line)
            print(text)
            file.write(text + "\n")
    write_markdown(lines, "bench/results/main.md")
    write_svg(lines, "bench/results/main.svg")


if __name__ == "__main__":
    main()
