"""The pages of the figures of vectors: bench/results/vector.md and vector.svg."""
import datetime
import math
import os
import platform
import subprocess

COLOURS = {"ours-db": "#14532d", "ours-index": "#16a34a", "wasm": "#65a30d", "hnswlib": "#b45309",
           "usearch": "#7c3aed", "faiss-hnsw": "#1d4ed8", "faiss-ivf": "#0891b2"}
METHOD = """\
`clustered` is a mixture of 1 000 Gaussians with the spectrum of text embeddings, 100 000 × 384; `stanzas` are the
packages that apt knows, by random indexing, at most 64 000 × 100 and × 384 (bench/vector says how). 1 000 queries
that are not in the base, k = 10, cosine; exact answers by comparing with everything. An equally near label is as good
as the one of the exact answer. M 16 and ef_construction 200 for all graphs but ours, which has its own settings.

Each engine is a process of its own. Engines take turns at every effort (ef) of every round; a ratio is the median
over the rounds, above 1 we are better, and a rate at a recall is read off the curve of a round. hnswlib is
compiled as its package is, -O3 -march=native; it and ours are asked one query at a time, usearch and Faiss for all in
one call, so that Python costs them nothing. `ours-db` is a collection of a database in a folder, asked through
strata.h: a search takes the originals of what it finds from the store. bytes: what the process has grown by since
before the build, once all queries were asked at a recall of 0.95, so with what they cached. `ours-b1` is the same with codes of one bit. `ours-index` is the index without a
store: originals are compared in the driver's memory, which is not counted as the index's, as they are the database's; the peers keep their own copies,
which is counted. Filters have nothing to do with where a vector lies: in the second case (`new`) ours never saw the
filter before, and asks for each entry whether it passes. churn: 20 % are erased, all of them, and come back under
other labels (hnswlib: markDelete, then replaced), ours with its merges, until nothing is left to merge. insert: one
by one, each looked for by the next search; merges go on beside it. open: a database of 1 000 000 × 100 that was
closed, with its first search.
Redis vector sets are not measured: they came with Redis 8; Debian has 7, and no package of PyPI that we know of a
newer one for this Python.
"""


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores of {model}, Linux {platform.release()}"


def versions():
    with open("bench/vector/peers.txt", encoding="utf-8") as file:
        pinned = [line.strip().replace("==", " ") for line in file if "==" in line]
    compiler = subprocess.run(["g++", "-dumpfullversion"], stdout=subprocess.PIPE, check=True).stdout.decode()
    return ", ".join(["hnswlib 0.8.0", *pinned[:2], f"g++ {compiler.strip()}"])


def plain(number):
    if number is None:
        return "–"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def write_markdown(table, lines, path):
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"# Vectors\n\n`make bench-vector`, {datetime.date.today()}, {machine()}; {versions()}; "
                   f"{'processor time' if table.by_cpu else 'the clock'}.\n\n{METHOD}\n"
                   "![recall against queries a second](vector.svg)\n\n"
                   "| id | ours | unit | peer | theirs | ratio | asked | |\n|---|---:|---|---|---:|---:|---:|---|\n")
        for line in lines:
            met = {True: "yes", False: "**no**", None: ""}[line.get("met")]
            with_peer = "peer" in line
            file.write(f"| {line['id']} | {plain(line['ours'])} | {line['unit']} | {line.get('peer', '')} | "
                       f"{plain(line['theirs']) if with_peer else ''} | {plain(line['ratio']) if with_peer else ''} | "
                       f"{line.get('asked', '')} | {met} |\n")
        file.write("\n## Curves\n\nRecall and queries a second with one thread, by effort.\n")
        for set in table.sets:
            file.write(f"\n**{set}**\n\n")
            for engine in table.engines:
                curve = table.curve(set, engine, "search")
                if curve:
                    file.write(f"- {engine}: " + " · ".join(f"{r:.3f} {plain(q)}" for r, q in curve) + "\n")


# ---- Chart ---------------------------------------------------------------------------------------

WIDTH, PANEL, LEFT, TOP = 1020, 330, 60, 60
HEIGHT = 420
LOWEST_MISS, HIGHEST_MISS = 0.002, 0.3  # of recall, on a logarithmic scale
LOWEST, HIGHEST = 2.5, 5.1              # powers of ten of queries a second


def x_of(panel, recall):
    miss = min(max(1 - recall, LOWEST_MISS), HIGHEST_MISS)
    share = math.log(HIGHEST_MISS / miss) / math.log(HIGHEST_MISS / LOWEST_MISS)
    return LEFT + PANEL * panel + share * (PANEL - 50)


def y_of(rate):
    share = (math.log10(max(rate, 10 ** LOWEST)) - LOWEST) / (HIGHEST - LOWEST)
    return HEIGHT - 40 - share * (HEIGHT - 40 - TOP)


def axes(panel, set):
    yield f'<text x="{LEFT + PANEL * panel}" y="{TOP - 12}" font-weight="bold">{set}</text>'
    for recall in (0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995):
        x = x_of(panel, recall)
        yield (f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - 40}" stroke="#e5e5e5"/>'
               f'<text x="{x:.1f}" y="{HEIGHT - 22}" text-anchor="middle" font-size="11">{recall}</text>')
    for power in range(math.ceil(LOWEST), math.ceil(HIGHEST)):
        y = y_of(10 ** power)
        yield (f'<line x1="{x_of(panel, 0.7):.1f}" x2="{x_of(panel, 0.998):.1f}" y1="{y:.1f}" y2="{y:.1f}" '
               f'stroke="#e5e5e5"/>')
        if panel == 0:
            yield (f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" font-size="11">'
                   f'{ {3: "1 k", 4: "10 k", 5: "100 k"}[power]}</text>')


def line_of(panel, engine, curve):
    points = [(x_of(panel, recall), y_of(rate)) for recall, rate in curve if recall >= 1 - HIGHEST_MISS]
    width = 3 if engine.startswith("ours") else 1.5
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{path}" fill="none" stroke="{COLOURS[engine]}" stroke-width="{width}"/>'
    for x, y in points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{width}" fill="{COLOURS[engine]}"/>'


def write_svg(table, path):
    """A panel a set: recall, by how much is missed, against queries a second."""
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
             f'font-size="13"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
             '<text x="16" y="20">queries a second against recall of the 10 nearest, one thread; up and to the right '
             'is better</text>']
    engines = [engine for engine in COLOURS if engine in table.engines]
    for at, engine in enumerate(engines):
        x = LEFT + 130 * at
        parts.append(f'<circle cx="{x}" cy="{HEIGHT - 8}" r="5" fill="{COLOURS[engine]}"/>'
                     f'<text x="{x + 9}" y="{HEIGHT - 3.5}">{engine}</text>')
    for panel, set in enumerate(table.sets):
        parts += axes(panel, set)
        for engine in reversed(engines):
            parts += line_of(panel, engine, table.curve(set, engine, "search"))
    parts.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts) + "\n")
