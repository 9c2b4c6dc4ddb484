"""Figures of vectors, from the samples that bench/vector/run.py keeps.

A rate at a recall is read off the curve of a sweep: between the two efforts on its sides, the logarithm of the rate
goes with the recall. If the smallest effort already has that recall, its rate counts.
"""
import math
import statistics
from collections import defaultdict

RECALLS = (0.90, 0.95, 0.99)
PEERS = ("hnswlib", "usearch", "faiss-hnsw", "faiss-ivf")
FILTERED = (1, 5, 10, 20, 50)
# What is asked of a ratio with hnswlib.
ASKED = {"qps95": 2, "qps99": 2, "build.2t": 1.5, "churn": 1.5, "filter": 3, "bytes": 1 / 0.6}
ASKED_FILTERS = (1, 5, 20)
MAIN = "clustered"  # the set whose builds and bytes have no suffix


def rounded(number):
    return None if number is None else float(f"{number:.5g}")


def median(numbers):
    numbers = [number for number in numbers if number is not None]
    return statistics.median(numbers) if numbers else None


def rate_at(points, recall):
    """points: (recall, rate) in order of effort. None: the sweep never had that recall."""
    before = None
    for here, rate in points:
        if here >= recall:
            if before is None or here == before[0]:
                return rate
            share = (recall - before[0]) / (here - before[0])
            return math.exp(math.log(before[1]) * (1 - share) + math.log(rate) * share)
        before = (here, rate)
    return None


class Table:
    def __init__(self, samples, by_cpu):
        self.by_cpu = by_cpu
        self.found = defaultdict(list)  # (set, engine, what) -> samples
        for sample in samples:
            self.found[sample["set"], sample["engine"], sample["what"]].append(sample)
        self.sets = list(dict.fromkeys(sample["set"] for sample in samples if sample["what"] == "search"))
        self.engines = list(dict.fromkeys(sample["engine"] for sample in samples))

    def samples(self, set, engine, what):
        return self.found.get((set, engine, what), [])

    def rate(self, sample, threads=1):
        if self.by_cpu and sample.get("cpu_us"):
            return threads * 1e6 / sample["cpu_us"]
        return sample["rate"]

    def seconds(self, sample, threads):
        return sample["cpu_s"] / threads if self.by_cpu and sample.get("cpu_s") else sample["seconds"]

    def rounds(self, set, engine, what):
        return sorted({sample["round"] for sample in self.samples(set, engine, what)})

    def curve(self, set, engine, what, turn=None, threads=1):
        """(recall, rate) by effort; of one round, or the medians."""
        by_effort = defaultdict(list)
        for sample in self.samples(set, engine, what):
            if turn is None or sample["round"] == turn:
                by_effort[sample["effort"]].append(sample)
        return [(median(s["recall"] for s in by_effort[effort]),
                 median(self.rate(s, threads) for s in by_effort[effort]))
                for effort in sorted(by_effort)]

    def rate_at(self, set, engine, what, recall, threads=1):
        return median(rate_at(self.curve(set, engine, what, turn, threads), recall)
                      for turn in self.rounds(set, engine, what))

    def ratio_at(self, set, ours, theirs, what, recall, threads=1):
        ratios = []
        for turn in self.rounds(set, ours, what):
            mine = rate_at(self.curve(set, ours, what, turn, threads), recall)
            other = rate_at(self.curve(set, theirs, what, turn, threads), recall)
            ratios.append(mine / other if mine and other else None)
        return median(ratios)

    def at_recall(self, set, engine, what, recall):
        """The samples of the smallest effort that has the recall."""
        enough = [s for s in self.samples(set, engine, what) if s["recall"] >= recall]
        least = min((s["effort"] for s in enough), default=None)
        return [s for s in enough if s["effort"] == least]


# ---- Lines ---------------------------------------------------------------------------------------


def line_of(id, unit, ours, peer=None, theirs=None, ratio=None, asked=None):
    line = {"id": id, "ours": rounded(ours), "unit": unit}
    if peer is not None:
        line |= {"peer": peer, "theirs": rounded(theirs), "ratio": None if ratio is None else round(ratio, 3)}
    if asked is not None:  # a peer that never gets there is passed by who does
        met = ours is not None and (theirs is None or (ratio is not None and ratio >= asked))
        line |= {"asked": f"≥ {asked:.2g} ×", "met": met}
    return line


def bound(id, unit, ours, asked, met):
    return line_of(id, unit, ours) | {"asked": asked, "met": met}


def searches(t, ours, set, id):
    for recall in RECALLS:
        what = f"qps{round(recall * 100)}"
        for peer in PEERS:
            asked = ASKED.get(what) if peer == "hnswlib" else None
            yield line_of(f"{id}.{what}.{set}", "query/s", t.rate_at(set, ours, "search", recall), peer,
                          t.rate_at(set, peer, "search", recall),
                          t.ratio_at(set, ours, peer, "search", recall), asked)
    yield line_of(f"{id}.qps95.2t.{set}", "query/s", t.rate_at(set, ours, "search.2t", 0.95, 2), "hnswlib",
                  t.rate_at(set, "hnswlib", "search.2t", 0.95, 2),
                  t.ratio_at(set, ours, "hnswlib", "search.2t", 0.95, 2))
    for which in ("p50", "p99"):
        mine, other = (median(s.get(f"{which}_us") for s in t.at_recall(set, engine, "search", 0.95))
                       for engine in (ours, "hnswlib"))
        yield line_of(f"{id}.{which}.{set}", "us", mine, "hnswlib", other,
                      other / mine if mine and other else None)


def resident(t, set, engine):
    """Bytes after every query was asked: what searches cached counts, too."""
    searched = t.at_recall(set, engine, "search", 0.95) or t.samples(set, engine, "search")
    return max(s["resident"] for s in searched)


def builds(t, ours, set, id):
    suffix = "" if set == MAIN else f".{set}"
    for threads in (1, 2):
        mine = t.samples(set, ours, f"build.{threads}t")
        for peer in PEERS if mine else ():
            theirs = t.samples(set, peer, f"build.{threads}t")
            if theirs:
                a, b = t.seconds(mine[0], threads), t.seconds(theirs[0], threads)
                asked = ASKED.get(f"build.{threads}t") if peer == "hnswlib" else None
                yield line_of(f"{id}.build.{threads}t{suffix}", "s", a, peer, b, b / a, asked)
    built = t.samples(set, ours, "build.2t")[0]
    for peer in PEERS:
        theirs = t.samples(set, peer, "build.2t")
        if theirs:
            a, b = (resident(t, set, engine) / built["count"] for engine in (ours, peer))
            asked = ASKED["bytes"] if peer == "hnswlib" else None
            yield line_of(f"{id}.bytes{suffix}", "bytes", a, peer, b, b / a, asked)
    yield line_of(f"{id}.bytes.own{suffix}", "bytes", built["bytes"] / built["count"])


def filters(t, ours, set, id):
    for percent in FILTERED:
        for suffix in ("", ".new"):
            what = f"filter.{percent}{suffix}"
            if not t.samples(set, ours, what):
                continue
            mine = t.rate_at(set, ours, what, 0.95)
            for peer in ("hnswlib", "faiss-hnsw"):
                theirs = t.rate_at(set, peer, f"filter.{percent}", 0.95)
                asked = ASKED["filter"] if peer == "hnswlib" and percent in ASKED_FILTERS else None
                yield line_of(f"{id}.filter.{percent}pct{suffix}", "query/s", mine, peer, theirs,
                              mine / theirs if mine and theirs else None, asked)
            best = max(s["recall"] for s in t.samples(set, ours, what))
            yield bound(f"{id}.filter.{percent}pct{suffix}.recall", "", best, "≥ 0.95", best >= 0.95)


def changes(t, ours, set, id):
    if t.samples(set, ours, "churned"):
        mine, theirs = (t.rate_at(set, engine, "churned", 0.95) for engine in (ours, "hnswlib"))
        yield line_of(f"{id}.churn", "query/s", mine, "hnswlib", theirs,
                      t.ratio_at(set, ours, "hnswlib", "churned", 0.95), ASKED["churn"])
        for engine, what in ((ours, "loss"), ("hnswlib", "loss.hnswlib")):
            loss = recall_loss(t, set, engine)
            if loss is not None:
                line = bound(f"{id}.churn.{what}", "", loss, "≤ 0.01", loss <= 0.01)
                yield line if engine == ours else line_of(f"{id}.churn.{what}", "", loss)
        mine, theirs = (t.seconds(t.samples(set, engine, "churn")[0], 1) for engine in (ours, "hnswlib"))
        yield line_of(f"{id}.churn.time", "s", mine, "hnswlib", theirs, theirs / mine)
    inserted = t.samples(set, ours, "insert")
    if inserted:
        mine, theirs = (median(s["rate"] for s in t.samples(set, engine, "insert"))
                        for engine in (ours, "hnswlib"))
        yield line_of(f"{id}.insert", "each/s", mine, "hnswlib", theirs, mine / theirs) | {
            "asked": "≥ 10 000/s", "met": mine >= 10000}
        mine, theirs = (median(s["count"] / s["all_s"] for s in t.samples(set, engine, "insert"))
                        for engine in (ours, "hnswlib"))
        yield line_of(f"{id}.insert.settled", "each/s", mine, "hnswlib", theirs, mine / theirs)
        for what in ("p50", "p99", "worst"):
            mine, theirs = (median(s[f"{what}_us"] for s in t.samples(set, engine, "insert"))
                            for engine in (ours, "hnswlib"))
            yield line_of(f"{id}.insert.{what}", "us", mine, "hnswlib", theirs, theirs / mine)
        visible = min(s["visible"] for s in inserted)
        yield bound(f"{id}.insert.visible", "", visible, "= 1", visible == 1)


def recall_loss(t, set, engine):
    """At the smallest effort that had 0.95 before."""
    before = t.at_recall(set, engine, "search", 0.95)
    if not before:
        return None
    after = [s["recall"] for s in t.samples(set, engine, "churned") if s["effort"] == before[0]["effort"]]
    return before[0]["recall"] - after[0] if after else None


def others(t, ours, set, id):
    if t.samples(set, "ours-b1", "scan") and id == "vec":
        mine = t.rate_at(set, "ours-b1", "scan", 0.99)
        theirs = median(t.rate(s) for s in t.samples(set, "faiss-flat", "scan"))
        yield line_of(f"{id}.scan", "query/s", mine, "faiss-flat", theirs, mine / theirs if mine else None) | {
            "asked": "≥ 2000/s at 0.99", "met": mine is not None and mine >= 2000}
    wasm = t.rate_at(set, "wasm", "search", 0.95) if t.samples(set, "wasm", "search") else None
    if wasm:
        for peer, asked in ((ours, 0.6), ("hnswlib", 1)):
            yield line_of(f"{id}.wasm", "query/s", wasm, peer, t.rate_at(set, peer, "search", 0.95),
                          t.ratio_at(set, "wasm", peer, "search", 0.95), asked)


def openings(t):
    opened = [(key[0], samples) for key, samples in t.found.items() if key[2] == "open"]
    for set, samples in opened:
        seconds = median(s["seconds"] for s in samples)
        yield bound(f"vec.open.{set}", "s", seconds, "≤ 0.2 s", seconds <= 0.2)


def lines_of(table):
    """The lines of vector.jsonl. vec.* are of the database, if it was measured, and vec.index.* of the index alone."""
    engines = [engine for engine in ("ours-db", "ours-index") if engine in table.engines]
    for place, ours in enumerate(engines):
        id = "vec" if place == 0 else "vec.index"
        for set in table.sets:
            for part in (builds, searches, filters, changes, others):
                yield from part(table, ours, set, id)
    yield from openings(table)
